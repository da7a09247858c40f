//! The receiving end of streams: messages that other engines send for queue points of this one.
//!
//! A message and the new end of its stream are written together. A message is acknowledged when both are stored; one that
//! came before is acknowledged and not taken again. One write at a time is under way for each sender: messages that come
//! meanwhile wait and are written together. A message for which the queue point has no room is refused, and sent again
//! later; a best effort message is discarded then.

use super::super::MessagingEngine;
use super::super::queue_point::ItemState;
use super::super::transaction::{Arrivals, IfRefused, Operation, TransactionNumber};
use super::link::send;
use super::point::{Far, Point};
use crate::event::Event;
use crate::machine::{ConnectionId, Effects};
use crate::message::{MessageId, Payload, Priority};
use crate::messaging_engine::engine_frame::EngineFrame;
use crate::messaging_engine::frame::BusReason;
use crate::messaging_engine::message::BusMessage;
use crate::messaging_engine::reliability::Reliability;
use crate::messaging_engine::store::ItemId;
use crate::name::{DestinationName, MessagingEngineName};
use crate::step::Step;
use crate::time::Time;

use std::collections::{BTreeMap, BTreeSet};

/// A stream: within it, message identifiers grow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StreamId {
    far: Far,
    reliability: Reliability,
    priority: Priority,
    /// The upper half of its messages' identifiers: one start of the sender.
    start: u64,
}

impl StreamId {
    fn of(far: &Far, reliability: Reliability, priority: Priority, message: MessageId) -> StreamId {
        let start = u64::try_from(message.0 >> 64).expect("the upper half of 128 bits has 64");
        StreamId { far: far.clone(), reliability, priority, start }
    }

    fn of_message(far: &Far, message: &BusMessage) -> StreamId {
        StreamId::of(far, message.reliability, message.priority, message.id)
    }
}

/// A message that has arrived and is not written yet.
#[derive(Clone, Debug)]
struct Arrived {
    destination: DestinationName,
    message: BusMessage,
    after: Option<MessageId>,
}

/// Another engine, as far as it sends to this one.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) connection: ConnectionId,
    arrived: Vec<Arrived>,
    is_writing: bool,
}

impl Peer {
    pub(super) const fn new(connection: ConnectionId) -> Peer {
        Peer { connection, arrived: Vec::new(), is_writing: false }
    }

    /// It has connected again: whatever it was not told of it sends again.
    pub(super) fn begin_again(&mut self, connection: ConnectionId) {
        self.connection = connection;
        self.arrived.clear();
    }
}

impl MessagingEngine {
    pub(super) fn arrived(
        &mut self,
        now: Time,
        from: &MessagingEngineName,
        destination: DestinationName,
        message: BusMessage,
        after: Option<MessageId>,
        effects: &mut Effects,
    ) {
        if let Some(peer) = self.work.remote.peers.get_mut(from) {
            peer.arrived.push(Arrived { destination, message, after });
            self.take_arrived(now, from, effects);
        }
    }

    /// Writes what has arrived, unless a write is under way.
    fn take_arrived(&mut self, now: Time, from: &MessagingEngineName, effects: &mut Effects) {
        let Some(peer) = self.work.remote.peers.get_mut(from).filter(|peer| !peer.is_writing) else { return };
        let arrived = core::mem::take(&mut peer.arrived);
        if arrived.is_empty() {
            return;
        }
        let number = self.begin_transaction(None);
        let mut ends: BTreeMap<StreamId, BusMessage> = BTreeMap::new();
        let mut known = BTreeMap::new();
        let mut refused = BTreeMap::new();
        let mut taken = BTreeMap::new();
        for Arrived { destination, message, after } in arrived {
            let far = Far { destination: destination.clone(), engine: from.clone() };
            let end = |stream: &StreamId| {
                let before = self.work.remote.received.get(stream).map(|&(_, id)| id);
                ends.get(stream).map(|message| message.id).or(before)
            };
            let stream = StreamId::of_message(&far, &message);
            let answer = |to: &mut BTreeMap<_, Vec<_>>| to.entry(destination.clone()).or_default().push(message.id);
            if end(&stream).is_some_and(|end| end >= message.id) {
                answer(&mut known);
                continue;
            }
            let is_in_order = after.is_none_or(|after| {
                let before = StreamId::of(&far, message.reliability, message.priority, after);
                end(&before).is_some_and(|end| end >= after)
            });
            let threshold = self.destination(&destination).map_or(u32::MAX, |it| it.high_message_threshold);
            let has_room = self.has_queue_point(&destination) && self.queue_point(&destination).depth() < threshold;
            if !is_in_order || !has_room {
                if message.reliability.is_kept_for_receiver() {
                    answer(&mut refused);
                } else {
                    let reason = BusReason::DestinationFull;
                    effects.report(Event::OneWayDiscarded { destination, reason });
                }
                continue;
            }
            answer(&mut taken);
            if message.reliability.is_kept_for_receiver() {
                ends.insert(stream, message.clone());
            }
            self.take_in(number, destination, message);
        }
        for (stream, message) in ends {
            self.move_end(number, stream, message);
        }
        self.tell(from, known, |destination, messages| EngineFrame::Acknowledgement { destination, messages }, effects);
        self.tell(from, refused, |destination, messages| EngineFrame::Refused { destination, messages }, effects);
        if let Some(peer) = self.work.remote.peers.get_mut(from) {
            peer.is_writing = true;
        }
        let transaction = self.transaction(number);
        transaction.if_refused = IfRefused::Kept;
        transaction.arrivals = Some(Box::new(Arrivals { from: from.clone(), messages: taken }));
        self.commit(now, number, Step::EngineRemoteStored, None, effects);
    }

    fn take_in(&mut self, number: TransactionNumber, destination: DestinationName, message: BusMessage) {
        let item = self.next_item();
        self.work.discardable.insert(item, &destination, &message);
        self.queue_point(&destination).insert(item, message, ItemState::Committing(number));
        self.transaction(number).sends.push(Operation { destination, item });
    }

    /// The header of the last message takes the place of the one before it.
    fn move_end(&mut self, number: TransactionNumber, stream: StreamId, message: BusMessage) {
        let point = stream.far.received();
        if let Some(&(before, _)) = self.work.remote.received.get(&stream) {
            self.queue_point(&point).change(before, ItemState::Removing(number));
            self.transaction(number).receives.push(Operation { destination: point.clone(), item: before });
        }
        let item = self.next_item();
        let header = header(&message);
        self.queue_point(&point).insert(item, header, ItemState::Committing(number));
        self.transaction(number).sends.push(Operation { destination: point, item });
    }

    /// What has arrived is stored: the sender is told.
    pub(in super::super) fn arrivals_stored(
        &mut self,
        now: Time,
        arrivals: Arrivals,
        sends: &[Operation],
        effects: &mut Effects,
    ) {
        for Operation { destination, item } in sends {
            if let Point::Received(far) = Point::parse(destination, &self.bus) {
                self.note_end(&far, *item);
            }
        }
        let Arrivals { from, messages } = arrivals;
        self.tell(
            &from,
            messages,
            |destination, messages| EngineFrame::Acknowledgement { destination, messages },
            effects,
        );
        self.next_arrivals(now, &from, effects);
    }

    /// There was no room for what has arrived.
    pub(in super::super) fn arrivals_refused(&mut self, now: Time, arrivals: Arrivals, effects: &mut Effects) {
        let Arrivals { from, messages } = arrivals;
        self.tell(&from, messages, |destination, messages| EngineFrame::Refused { destination, messages }, effects);
        self.next_arrivals(now, &from, effects);
    }

    fn next_arrivals(&mut self, now: Time, from: &MessagingEngineName, effects: &mut Effects) {
        if let Some(peer) = self.work.remote.peers.get_mut(from) {
            peer.is_writing = false;
            self.take_arrived(now, from, effects);
        }
    }

    fn tell(
        &self,
        engine: &MessagingEngineName,
        messages: BTreeMap<DestinationName, Vec<MessageId>>,
        frame: impl Fn(DestinationName, Vec<MessageId>) -> EngineFrame,
        effects: &mut Effects,
    ) {
        let Some(peer) = self.work.remote.peers.get(engine) else { return };
        for (destination, messages) in messages {
            send(peer.connection, frame(destination, messages), effects);
        }
    }

    /// Notes how far a stream has come, as an item says.
    fn note_end(&mut self, far: &Far, item: ItemId) {
        let header = self.work.queue_points[&far.received()].message(item);
        let (stream, id) = (StreamId::of_message(far, header), header.id);
        let end = self.work.remote.received.entry(stream).or_insert((item, id));
        if end.1 <= id {
            *end = (item, id);
        }
    }

    /// Finds out how far streams have come, when the store has been read.
    pub(in super::super) fn reconstitute_streams(&mut self) {
        let names: BTreeSet<DestinationName> = self.work.queue_points.keys().cloned().collect();
        for name in names {
            if let Point::Received(far) = Point::parse(&name, &self.bus) {
                let items: Vec<ItemId> = self.queue_point(&name).messages().map(|(item, ..)| item).collect();
                items.into_iter().for_each(|item| self.note_end(&far, item));
            }
        }
    }
}

/// A message without its content.
pub(super) fn header(message: &BusMessage) -> BusMessage {
    let payload = Payload { identity: 0, length: 0, digest: 0 };
    BusMessage { expires: None, reply_to: None, payload, ..message.clone() }
}
