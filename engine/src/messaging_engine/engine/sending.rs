//! Sends: what is checked, and how a message comes to its queue point.
//!
//! **In the product.** A message has the reliability that its producer asks for, or the destination's default, and never
//! more than the destination's maximum. A queue point that has reached its high message threshold refuses messages. What
//! is sent one way, express and below outside a transaction, is never answered: if it is refused, the server's log says so
//! (CWSICO2009) and nobody else learns of it. Documented: IBM WebSphere Application Server, "Message reliability levels",
//! "High message threshold", "Understanding why best effort nonpersistent messages are being discarded", "Controlling the
//! memory buffers used by a messaging engine" (best effort messages are evicted). That an express message that is refused
//! is lost is not documented: so does the source of Open Liberty's server (`StaticCATProducer`). The documented promise to
//! keep it when resources run short is about memory: it is spilled.
//!
//! Which message point takes a message is decided in `remote/routing.rs`.

use super::MessagingEngine;
use super::queue_point::ItemState;
use super::transaction::{Answer, Operation};
use crate::event::Event;
use crate::machine::{ConnectionId, Effects};
use crate::message::{MessageId, Priority};
use crate::messaging_engine::frame::{BusReason, BusReply, OutgoingMessage, Scope};
use crate::messaging_engine::message::BusMessage;
use crate::messaging_engine::reliability::Reliability;
use crate::messaging_engine::store::{Change, ItemId};
use crate::name::DestinationName;
use crate::step::Step;
use crate::time::Time;

/// `JMSPriority` of a message whose producer asks for none.
const DEFAULT_PRIORITY: Priority = Priority::new(4).expect("4 is a priority");

impl MessagingEngine {
    #[allow(clippy::too_many_arguments, reason = "the fields of the call")]
    pub(super) fn send(
        &mut self,
        now: Time,
        connection: ConnectionId,
        destination: &DestinationName,
        message: OutgoingMessage,
        scope: Scope,
        one_way: bool,
        effects: &mut Effects,
    ) {
        let (reliability, point) =
            match self.accept_send(now, connection, destination, &message, scope, one_way, effects) {
                Ok(accepted) => accepted,
                Err(reason) if one_way => {
                    effects.report(Event::OneWayDiscarded { destination: destination.clone(), reason });
                    return;
                }
                Err(reason) => return self.fail(connection, reason, effects),
            };
        let number = match scope {
            Scope::Transacted => self.current_transaction(connection),
            Scope::Automatic | Scope::Acknowledged => self.begin_transaction(None),
        };
        let id = self.next_message_id();
        let message = BusMessage {
            id,
            correlation_id: message.correlation_id,
            reliability,
            priority: message.priority.unwrap_or(DEFAULT_PRIORITY),
            expires: message.expiry.map(|expiry| now + expiry),
            reply_to: message.reply_to,
            failed_deliveries: 0,
            sent_at: now,
            payload: message.payload,
        };
        let item = self.next_item();
        self.work.discardable.insert(item, &point, &message);
        self.queue_point(&point).insert(item, message, ItemState::Committing(number));
        self.transaction(number).sends.push(Operation { destination: point, item });
        let reply = BusReply::Sent { id };
        if scope == Scope::Transacted {
            self.reply(connection, reply, effects);
        } else {
            let answer = (!one_way).then_some(Answer { connection, reply });
            self.commit(now, number, Step::EngineSendStored, answer, effects);
        }
    }

    /// The reliability that the message has and the message point that takes it, if it can be taken.
    #[allow(clippy::too_many_arguments, reason = "the fields of the call")]
    fn accept_send(
        &mut self,
        now: Time,
        connection: ConnectionId,
        destination: &DestinationName,
        message: &OutgoingMessage,
        scope: Scope,
        one_way: bool,
        effects: &mut Effects,
    ) -> Result<(Reliability, DestinationName), BusReason> {
        if let Some(reason) = self.new_work_refused(connection, scope) {
            return Err(reason);
        }
        let (default, maximum) = match self.destination(destination) {
            Some(it) if it.queue_points.is_empty() => return Err(BusReason::UnknownDestination),
            Some(it) => (it.default_reliability, it.maximum_reliability),
            None if !self.has_queue_point(destination) => return Err(BusReason::UnknownDestination),
            None => (Reliability::AssuredPersistent, Reliability::AssuredPersistent),
        };
        let reliability = message.reliability.unwrap_or(default.min(maximum));
        if reliability > maximum {
            return Err(BusReason::ReliabilityTooHigh);
        }
        // Nothing that promises more may go without an answer.
        let may_be_one_way = scope == Scope::Automatic && !reliability.is_acknowledged();
        if scope == Scope::Acknowledged || (one_way && !may_be_one_way) {
            return Err(BusReason::IncorrectCall);
        }
        Ok((reliability, self.bind(now, destination, effects)?))
    }

    /// Discards best effort messages, the oldest first, for which the buffer has no room.
    pub(super) fn discard_excess(&mut self, effects: &mut Effects) {
        let is_available = |destination: &DestinationName, item| {
            *self.work.queue_points[destination].state(item) == ItemState::Available
        };
        for (destination, item) in self.work.discardable.excess(is_available) {
            effects.report(Event::BestEffortDiscarded { destination: destination.clone() });
            // The store never has it.
            self.drop_item(&Operation { destination, item });
        }
    }

    /// Removes expired messages.
    pub(super) fn expire(
        &mut self,
        now: Time,
        destination: &DestinationName,
        expired: Vec<ItemId>,
        effects: &mut Effects,
    ) {
        let operations = expired.into_iter().map(|item| Operation { destination: destination.clone(), item });
        let operations: Vec<Operation> = operations.collect();
        let changes: Vec<Change> = operations.iter().map(|operation| self.removal(operation)).collect();
        self.write_aside(now, changes, effects);
        for operation in &operations {
            self.drop_item(operation);
            effects.report(Event::BusMessageExpired { destination: destination.clone() });
        }
    }

    pub(super) fn next_message_id(&mut self) -> MessageId {
        self.work.next_message += 1;
        MessageId(self.work.message_id_base | u128::from(self.work.next_message))
    }
}
