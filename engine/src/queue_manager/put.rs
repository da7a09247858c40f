//! `MQPUT` and `MQPUT1`.
//!
//! Under syncpoint, the message is stored uncommitted: on a shared queue as an entry in the uncommitted key range. Outside
//! syncpoint it is final before the application is told: a persistent message on a private queue is a unit of work of its
//! own, one on a shared queue is written into the committed range and its log record forced (reference A1.4).

use crate::coupling_facility::command::{CommandRejected, KeyRange, ListAnswer, ListOperation};
use crate::coupling_facility::definition::LARGEST_MESSAGE;
use crate::defect::Defect;
use crate::event::Event;
use crate::machine::{ConnectionId, Effects};
use crate::message::{Message, MessageDescriptor, MessageId, Payload, Persistence};
use crate::mqi::{MqiAnswer, ObjectHandle, OpenFor, PutDescriptor, Reason, Syncpoint};
use crate::name::{QueueManagerName, QueueName, StructureName};
use crate::step::Step;
use crate::unit_of_work::{SharedOperation, SharedOperationKind, UnitOfWorkId};

use super::QueueManager;
use super::application::OpenPlace;
use super::definition::{DeliverySequence, QueuePlace};
use super::ending::AfterForce;
use super::record::LogRecord;
use super::sharing::Awaiting;
use super::start::Phase;
use super::unit::{PrivateOperation, PrivateOperationKind, Teller};

/// A put to a shared queue whose entry is being written.
#[derive(Clone, Debug)]
pub(super) struct SharedPut {
    connection: ConnectionId,
    unit_of_work: Option<UnitOfWorkId>,
    structure: StructureName,
    queue: QueueName,
    message_id: MessageId,
    persistence: Persistence,
}

impl QueueManager {
    pub(super) fn put(
        &mut self,
        connection: ConnectionId,
        handle: ObjectHandle,
        syncpoint: Syncpoint,
        descriptor: PutDescriptor,
        payload: Payload,
        effects: &mut Effects,
    ) {
        match self.opened(connection, handle, &[OpenFor::Output], Reason::NotOpenForOutput) {
            Ok((queue, place)) => self.put_to(connection, queue, place, syncpoint, descriptor, payload, effects),
            Err(reason) => self.answer(connection, Err(reason), effects),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "they are the parameters of MQPUT1")]
    pub(super) fn put1(
        &mut self,
        connection: ConnectionId,
        queue: &QueueName,
        queue_manager: Option<&QueueManagerName>,
        syncpoint: Syncpoint,
        descriptor: PutDescriptor,
        payload: Payload,
        effects: &mut Effects,
    ) {
        match self.resolve(queue, queue_manager).map(|(_, place)| place) {
            Ok(place) => self.put_to(connection, queue.clone(), place, syncpoint, descriptor, payload, effects),
            Err(reason) => self.answer(connection, Err(reason), effects),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "they are the parameters of MQPUT")]
    fn put_to(
        &mut self,
        connection: ConnectionId,
        queue: QueueName,
        place: OpenPlace,
        syncpoint: Syncpoint,
        descriptor: PutDescriptor,
        payload: Payload,
        effects: &mut Effects,
    ) {
        let message = self.make_message(&queue, descriptor, payload);
        if let Err(reason) = self.may_put(connection, &queue, &place, syncpoint, &message, effects) {
            self.answer(connection, Err(reason), effects);
            return;
        }
        match place {
            OpenPlace::Private => self.put_private(connection, queue, syncpoint, message, effects),
            OpenPlace::Shared(structure) => {
                self.put_shared(connection, structure, queue, syncpoint, message, effects);
            }
        }
    }

    fn make_message(&mut self, queue: &QueueName, descriptor: PutDescriptor, payload: Payload) -> Message {
        let definition = &self.definition.queues[queue];
        let (persistence, priority) = (definition.default_persistence, definition.default_priority);
        // The keys of a list are made of the message's own priority.
        let in_one_sequence =
            definition.delivery_sequence == DeliverySequence::Fifo && matches!(definition.place, QueuePlace::Shared(_));
        let message_id = descriptor.message_id.unwrap_or_else(|| self.next_message_id());
        Message {
            descriptor: MessageDescriptor {
                message_id,
                correlation_id: descriptor.correlation_id,
                persistence: descriptor.persistence.unwrap_or(persistence),
                priority: descriptor.priority.filter(|_| !in_one_sequence).unwrap_or(priority),
                expires: descriptor.expiry.map(|expiry| self.now + expiry),
                reply_to_queue_manager: descriptor
                    .reply_to_queue
                    .is_some()
                    .then(|| descriptor.reply_to_queue_manager.unwrap_or_else(|| self.definition.name.clone())),
                reply_to_queue: descriptor.reply_to_queue,
                backout_count: 0,
                put_time: self.now,
            },
            payload,
        }
    }

    fn may_put(
        &self,
        connection: ConnectionId,
        queue: &QueueName,
        place: &OpenPlace,
        syncpoint: Syncpoint,
        message: &Message,
        effects: &mut Effects,
    ) -> Result<(), Reason> {
        let definition = &self.definition.queues[queue];
        self.may_work(connection, syncpoint)?;
        if message.payload.length > definition.maximum_message_length {
            return Err(Reason::MessageTooBigForQueue);
        }
        match place {
            OpenPlace::Private => {
                if self.queues[queue].is_full(definition) {
                    effects.report(Event::QueueFull { queue: queue.clone() });
                    return Err(Reason::QueueFull);
                }
            }
            OpenPlace::Shared(structure) => {
                if message.length() > LARGEST_MESSAGE {
                    return Err(Reason::MessageTooBigForQueue);
                }
                let persistent =
                    self.definition.group.as_ref().is_some_and(|group| {
                        group.structures.get(structure).is_some_and(|structure| structure.persistent)
                    });
                if message.descriptor.persistence == Persistence::Persistent && !persistent {
                    return Err(Reason::PersistentNotAllowed);
                }
            }
        }
        Ok(())
    }

    /// Whether a call that moves a message may be made now.
    pub(super) fn may_work(&self, connection: ConnectionId, syncpoint: Syncpoint) -> Result<(), Reason> {
        let Some(application) = self.applications.get(&connection) else { return Err(Reason::ConnectionBroken) };
        if self.phase == Phase::Quiescing && application.unit_of_work.is_none() {
            return Err(Reason::QueueManagerQuiescing);
        }
        if syncpoint == Syncpoint::Within {
            if application.backed_out {
                return Err(Reason::BackedOut);
            }
            let full = application
                .unit_of_work
                .as_ref()
                .and_then(|unit| self.units.get(unit))
                .is_some_and(|work| work.operations_left == 0);
            if full {
                return Err(Reason::SyncpointLimitReached);
            }
        }
        Ok(())
    }

    fn put_private(
        &mut self,
        connection: ConnectionId,
        queue: QueueName,
        syncpoint: Syncpoint,
        message: Message,
        effects: &mut Effects,
    ) {
        let number = self.next_number();
        let message_id = message.descriptor.message_id;
        let unit = match syncpoint {
            Syncpoint::Within => self.unit_of_work_of(connection),
            Syncpoint::Outside => self.implicit_unit_of_work(),
        };
        let logged = (message.descriptor.persistence == Persistence::Persistent).then(|| LogRecord::Put {
            unit_of_work: Some(unit.clone()),
            queue: queue.clone(),
            number,
            message: message.clone(),
        });
        let lsn = logged.map(|record| self.append(&record, effects));
        let store = self.queues.get_mut(&queue).expect("an open private queue exists");
        if Defect::UncommittedPutVisible.is_planted() && syncpoint == Syncpoint::Within {
            store.put_committed(number, message);
        } else {
            store.put_uncommitted(number, message, unit.clone());
            let work = self.units.get_mut(&unit).expect("the unit of work was just looked up");
            work.private.push(PrivateOperation { queue: queue.clone(), number, kind: PrivateOperationKind::Put });
            work.logged = lsn.or(work.logged);
            work.operations_left = work.operations_left.saturating_sub(1);
        }
        let answer = Ok(MqiAnswer::Put { message_id });
        match syncpoint {
            Syncpoint::Within => {
                effects.step(Step::PutWritten);
                self.answer(connection, answer, effects);
            }
            Syncpoint::Outside => {
                let teller = Teller { connection, answer, step: Some(Step::PutFinal) };
                self.begin_commit(&unit, Some(teller), effects);
            }
        }
        if Defect::UncommittedPutVisible.is_planted() {
            self.wake_private(&queue, effects);
        }
    }

    fn put_shared(
        &mut self,
        connection: ConnectionId,
        structure: StructureName,
        queue: QueueName,
        syncpoint: Syncpoint,
        message: Message,
        effects: &mut Effects,
    ) {
        let unit_of_work = match syncpoint {
            Syncpoint::Within => Some(self.unit_of_work_of(connection)),
            Syncpoint::Outside => None,
        };
        // What a unit of work of the life that lost the coupling facility holds there is backed out by peers.
        if unit_of_work.as_ref().is_some_and(|unit| unit.incarnation != self.life) {
            self.answer(connection, Err(Reason::CouplingFacilityNotAvailable), effects);
            return;
        }
        let range = match syncpoint {
            Syncpoint::Within if !Defect::UncommittedPutVisible.is_planted() => KeyRange::Uncommitted,
            Syncpoint::Within | Syncpoint::Outside => KeyRange::Committed,
        };
        let owner = unit_of_work.clone().filter(|_| range == KeyRange::Uncommitted);
        let put = SharedPut {
            connection,
            unit_of_work,
            structure: structure.clone(),
            queue: queue.clone(),
            message_id: message.descriptor.message_id,
            persistence: message.descriptor.persistence,
        };
        let maximum_depth = self.definition.queues[&queue].maximum_depth;
        let write = ListOperation::Write { queue, range, owner, message: Box::new(message), maximum_depth };
        self.structure_command_for(connection, &structure, write, Awaiting::Put(put), effects);
    }

    pub(super) fn shared_put_answered(
        &mut self,
        put: SharedPut,
        answer: Result<ListAnswer, CommandRejected>,
        effects: &mut Effects,
    ) {
        let SharedPut { connection, unit_of_work, structure, queue, message_id, persistence } = put;
        let entry = match answer {
            Ok(ListAnswer::Written { entry }) => entry,
            Ok(ListAnswer::Full) => {
                effects.report(Event::StructureFull { structure });
                self.answer(connection, Err(Reason::StorageMediumFull), effects);
                return;
            }
            Ok(ListAnswer::QueueFull) => {
                effects.report(Event::QueueFull { queue });
                self.answer(connection, Err(Reason::QueueFull), effects);
                return;
            }
            Ok(_) | Err(_) => {
                self.answer(connection, Err(Reason::CouplingFacilityNotAvailable), effects);
                return;
            }
        };
        let operation = SharedOperation { structure, queue, entry, kind: SharedOperationKind::Put };
        let lsn = (persistence == Persistence::Persistent).then(|| {
            let record = LogRecord::Shared { unit_of_work: unit_of_work.clone(), operation: operation.clone() };
            self.append(&record, effects)
        });
        let answer = Ok(MqiAnswer::Put { message_id });
        match unit_of_work {
            Some(unit) => {
                self.add_shared(&unit, operation, lsn);
                effects.step(Step::PutWritten);
                self.answer(connection, answer, effects);
            }
            None => {
                let teller = Teller { connection, answer, step: Some(Step::PutFinal) };
                match lsn {
                    Some(lsn) => self.force(lsn, AfterForce::Tell(teller), effects),
                    None => self.tell(teller, effects),
                }
            }
        }
    }

    /// Notes what a unit of work did on a shared queue.
    pub(super) fn add_shared(
        &mut self,
        unit: &UnitOfWorkId,
        operation: SharedOperation,
        logged: Option<crate::log::Lsn>,
    ) {
        let work = self.units.get_mut(unit).expect("a unit of work lives while one of its calls is in progress");
        work.shared.push(operation);
        work.logged = logged.or(work.logged);
        work.operations_left = work.operations_left.saturating_sub(1);
    }
}
