//! The sending end of streams: from a remote message point to the engine that has the queue point.
//!
//! **In the product.** Messages are sent in the order in which they were put; one whose transaction is not decided blocks
//! its stream. A message above best effort is kept until its receipt is acknowledged, although a client sends an express
//! message one way; best effort messages are sent once. Documented: IBM WebSphere Application Server, "Remote message
//! points"; the source of Open Liberty's messaging engine agrees: all streams but those of best effort are guaranteed ones.
//!
//! **Where the documentation is silent.** A nonpersistent message that was sent when its receiver failed is discarded, as
//! are those that the receiver had: nobody can tell whether it was one of them. A message that the receiver cannot take is
//! sent again after the repeat interval of negative acknowledgements.

use std::collections::{BTreeMap, BTreeSet};

use super::super::MessagingEngine;
use super::super::queue_point::ItemState;
use super::super::transaction::Operation;
use super::link::send;
use super::point::{Far, Point};
use crate::event::Event;
use crate::machine::Effects;
use crate::message::MessageId;
use crate::messaging_engine::engine_frame::EngineFrame;
use crate::messaging_engine::store::ItemId;
use crate::name::{DestinationName, MessagingEngineName};
use crate::step::Step;
use crate::time::{Duration, Time};

/// Messages of one remote message point that are sent and not acknowledged, at most.
const SEND_WINDOW: usize = 50;

/// Negative acknowledgement repeat interval.
const REFUSED_REPEAT: Duration = Duration::from_secs(6);

impl MessagingEngine {
    /// Sends what can be sent from a remote message point.
    pub(in super::super) fn transmit(&mut self, now: Time, far: &Far, effects: &mut Effects) {
        let Some(connection) = self.link_up(&far.engine) else { return };
        let point = far.remote_point();
        let mut on_the_way = 0;
        let mut last: BTreeMap<_, MessageId> = BTreeMap::new();
        let mut blocked = BTreeSet::new();
        let mut sent: Vec<ItemId> = Vec::new();
        let mut expired: Vec<ItemId> = Vec::new();
        for (item, message, state) in self.queue_point(&point).messages() {
            let stream = (message.reliability, message.priority);
            match state {
                ItemState::PendingAcknowledgement => {
                    on_the_way += 1;
                    last.insert(stream, message.id);
                }
                ItemState::Available if blocked.contains(&stream) => {}
                ItemState::Available if message.is_expired(now) => expired.push(item),
                ItemState::Available => {
                    if on_the_way + sent.len() >= SEND_WINDOW {
                        break;
                    }
                    let after = last.insert(stream, message.id).filter(|_| message.reliability.is_kept_for_receiver());
                    let destination = far.destination.clone();
                    let frame = EngineFrame::Message { destination, message: Box::new(message.clone()), after };
                    send(connection, frame, effects);
                    effects.step(Step::EngineRemoteSent);
                    sent.push(item);
                }
                // Undecided, or refused a moment ago: nothing of its stream may overtake it.
                _ => {
                    blocked.insert(stream);
                }
            }
        }
        self.expire(now, &point, expired, effects);
        for item in sent {
            if self.queue_point(&point).message(item).reliability.is_kept_for_receiver() {
                self.queue_point(&point).change(item, ItemState::PendingAcknowledgement);
            } else {
                self.drop_item(&Operation { destination: point.clone(), item });
                self.work.refreshed.insert(point.clone());
            }
        }
    }

    /// The receiving engine has stored these messages.
    pub(super) fn acknowledged(
        &mut self,
        now: Time,
        engine: &MessagingEngineName,
        destination: DestinationName,
        messages: &[MessageId],
        effects: &mut Effects,
    ) {
        effects.step(Step::EngineRemoteAcknowledged);
        let point = Far { destination, engine: engine.clone() }.remote_point();
        self.forget(now, &point, &self.pending(&point, messages), effects);
        self.work.refreshed.insert(point);
    }

    /// The receiving engine could not take these messages.
    pub(super) fn refused_there(
        &mut self,
        now: Time,
        engine: &MessagingEngineName,
        destination: DestinationName,
        messages: &[MessageId],
    ) {
        let point = Far { destination, engine: engine.clone() }.remote_point();
        for item in self.pending(&point, messages) {
            self.queue_point(&point).change(item, ItemState::Blocked { until: now + REFUSED_REPEAT });
        }
    }

    fn pending(&self, point: &DestinationName, messages: &[MessageId]) -> Vec<ItemId> {
        let wanted: BTreeSet<MessageId> = messages.iter().copied().collect();
        let Some(queue_point) = self.work.queue_points.get(point) else { return Vec::new() };
        let is_meant =
            |message, state: &ItemState| wanted.contains(message) && *state == ItemState::PendingAcknowledgement;
        let found = queue_point.messages().filter(|(_, message, state)| is_meant(&message.id, state));
        found.map(|(item, ..)| item).collect()
    }

    pub(super) fn forget(&mut self, now: Time, point: &DestinationName, items: &[ItemId], effects: &mut Effects) {
        let operations = items.iter().map(|&item| Operation { destination: point.clone(), item });
        let operations: Vec<Operation> = operations.collect();
        let changes = operations.iter().map(|operation| self.removal(operation)).collect();
        self.write_aside(now, changes, effects);
        operations.iter().for_each(|operation| self.drop_item(operation));
    }

    /// The connection to an engine stands again: whatever is not acknowledged is sent once more.
    pub(super) fn send_again(
        &mut self,
        now: Time,
        engine: &MessagingEngineName,
        is_same_start: bool,
        effects: &mut Effects,
    ) {
        let points = self.work.queue_points.keys().filter_map(|name| match Point::parse(name, &self.bus) {
            Point::Remote(far) if far.engine == *engine => Some((far.remote_point(), far)),
            Point::Accepting(far) if far.engine == *engine => Some((far.accepting(), far)),
            _ => None,
        });
        for (point, far) in points.collect::<Vec<(DestinationName, Far)>>() {
            let pending = self.queue_point(&point).messages();
            let pending = pending.filter(|(.., state)| **state == ItemState::PendingAcknowledgement);
            let (again, lost): (Vec<_>, Vec<_>) = pending
                .map(|(item, message, _)| (item, message.reliability.is_persistent() || is_same_start))
                .partition(|&(_, is_again)| is_again);
            for (item, _) in again {
                self.queue_point(&point).change(item, ItemState::Available);
            }
            if !lost.is_empty() {
                effects.report(Event::RemoteMessagesDiscarded {
                    destination: far.destination.clone(),
                    engine: engine.clone(),
                    messages: u32::try_from(lost.len()).unwrap_or(u32::MAX),
                });
            }
            let lost: Vec<ItemId> = lost.into_iter().map(|(item, _)| item).collect();
            self.forget(now, &point, &lost, effects);
            self.work.refreshed.insert(point);
        }
    }
}
