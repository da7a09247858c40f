//! Deliveries that fail: counting them, and where a message goes that failed too often.
//!
//! **In the product.** A delivery fails when it is rolled back, recovered, or its connection ends before it is committed
//! or acknowledged. The message is offered again at its old place. After the maximum failed deliveries it goes to the
//! exception destination: none, the system's (`_SYSTEM.Exception.Destination.<engine>`), or a specific one, wherever on the
//! bus its queue points are, with the system's if that cannot be used. With none, it is offered again and again, after the
//! blocked retry interval. Documented: IBM WebSphere Application Server, "Exception destinations", "Maximum failed
//! deliveries".
//!
//! **Where the documentation is silent.** A specific exception destination cannot be used if it is full, or is the queue
//! itself. If its engine does not run it can: the message waits for it on a remote message point, as one that is sent there
//! does. The count begins anew on the exception destination; messages that fail on the system exception destination stay
//! there, without a limit. An orderly stop of the engine counts the deliveries that it interrupts, but moves nothing.

use super::MessagingEngine;
use super::queue_point::ItemState;
use super::remote::Point;
use super::transaction::{IfRefused, Operation, Phase};
use crate::event::Event;
use crate::machine::Effects;
use crate::messaging_engine::definition::ExceptionDestination;
use crate::messaging_engine::store::Change;
use crate::name::DestinationName;
use crate::step::Step;
use crate::time::Time;

/// Where a message goes whose delivery has failed.
enum Way {
    Back,
    Blocked,
    ToSystem,
    To(DestinationName),
}

impl MessagingEngine {
    /// Deliveries of these messages have failed: they are given back, or go where they go after too many.
    pub(super) fn fail_deliveries(&mut self, now: Time, operations: Vec<Operation>, effects: &mut Effects) {
        let (far, operations): (Vec<Operation>, Vec<Operation>) =
            operations.into_iter().partition(|operation| self.give_back(operation, effects));
        far.iter().for_each(|operation| self.drop_item(operation));
        self.count_failed_deliveries(now, &operations, effects);
        for operation in operations {
            match self.way(&operation) {
                Way::Back => {
                    self.queue_point(&operation.destination).change(operation.item, ItemState::Available);
                    self.work.refreshed.insert(operation.destination);
                }
                Way::Blocked => self.block(now, operation, effects),
                Way::ToSystem => {
                    let point = self.exception_destination.clone();
                    self.move_to(now, operation, point, effects);
                }
                Way::To(exception_destination) => {
                    let system = self.exception_destination.clone();
                    let point = self.bind(now, &exception_destination, effects).unwrap_or(system);
                    self.move_to(now, operation, point, effects);
                }
            }
        }
    }

    /// A message has nowhere to go: it is kept back for the blocked retry interval.
    pub(super) fn block(&mut self, now: Time, operation: Operation, effects: &mut Effects) {
        let Operation { destination, item } = operation;
        let pause = self.destination(&destination).map(|it| it.blocked_retry_interval).unwrap_or_default();
        self.queue_point(&destination).change(item, ItemState::Blocked { until: now + pause });
        effects.report(Event::MessageBlocked { destination });
    }

    fn count_failed_deliveries(&mut self, now: Time, operations: &[Operation], effects: &mut Effects) {
        let mut changes = Vec::new();
        for Operation { destination, item } in operations {
            let queue_point = self.queue_point(destination);
            let failed_deliveries = queue_point.count_failed_delivery(*item);
            let reliability = queue_point.message(*item).reliability;
            changes.push(Change::CountFailedDelivery { item: *item, reliability, failed_deliveries });
            effects.report(Event::DeliveryFailed { destination: destination.clone(), failed_deliveries });
        }
        self.write_aside(now, changes, effects);
    }

    fn way(&self, operation: &Operation) -> Way {
        let Operation { destination, item } = operation;
        let Some(definition) = self.destination(destination) else { return Way::Back };
        let failed = self.work.queue_points[destination].message(*item).failed_deliveries;
        if failed < definition.maximum_failed_deliveries {
            return Way::Back;
        }
        match &definition.exception_destination {
            ExceptionDestination::None => Way::Blocked,
            ExceptionDestination::Specific(other) if other != destination => Way::To(other.clone()),
            ExceptionDestination::System | ExceptionDestination::Specific(_) => Way::ToSystem,
        }
    }

    /// Moves a message to a message point of an exception destination, in a transaction of its own.
    fn move_to(&mut self, now: Time, operation: Operation, point: DestinationName, effects: &mut Effects) {
        let number = self.begin_transaction(None);
        let next_id = matches!(self.point(&point), Point::Remote(_)).then(|| self.next_message_id());
        let queue_point = self.queue_point(&operation.destination);
        let mut message = queue_point.message(operation.item).clone();
        message.failed_deliveries = 0;
        // On the stream to another engine identifiers grow: its own may be older than what was sent there last.
        message.id = next_id.unwrap_or(message.id);
        queue_point.change(operation.item, ItemState::Removing(number));
        let item = self.next_item();
        self.work.discardable.insert(item, &point, &message);
        self.queue_point(&point).insert(item, message, ItemState::Committing(number));
        let transaction = self.transaction(number);
        transaction.if_refused = IfRefused::Blocked;
        transaction.receives.push(operation);
        transaction.sends.push(Operation { destination: point, item });
        self.commit(now, number, Step::EngineExceptionStored, None, effects);
    }

    /// The engine stops in good order: deliveries that it interrupts have failed.
    pub(super) fn count_interrupted_deliveries(&mut self, now: Time, effects: &mut Effects) {
        let interrupted = self.interrupted();
        self.count_failed_deliveries(now, &interrupted, effects);
    }

    /// The planted defect: messages of deliveries that the stop interrupts are removed.
    pub(super) fn forget_in_flight(&mut self, now: Time, effects: &mut Effects) {
        let changes = self.interrupted().iter().map(|operation| self.removal(operation)).collect();
        self.write_aside(now, changes, effects);
    }

    /// What is received and neither committed, prepared nor acknowledged.
    fn interrupted(&self) -> Vec<Operation> {
        let active = self.work.transactions.values().filter(|it| it.phase == Phase::Active);
        let received = active.flat_map(|it| it.receives.iter());
        let unacknowledged = self.work.sessions.values().flat_map(|session| session.unacknowledged.iter());
        let is_here = |operation: &&Operation| self.point(&operation.destination) == Point::Queue;
        received.chain(unacknowledged).filter(is_here).cloned().collect()
    }
}
