//! Operator's commands: `DISPLAY THREAD TYPE(INDOUBT)`, `RESOLVE INDOUBT`, `DISPLAY QSTATUS`, `STOP QMGR`.
//!
//! With `QMNAME`, threads of another member are displayed and resolved, for the shared portion only, and only while that
//! member is not active (CSQV435I; reference A3.3). When it restarts, the operator has to decide the private part there,
//! and nothing checks that the two decisions agree with each other or with the coordinator.

use crate::coupling_facility::command::{CommandRejected, ConnectionState, ListAnswer, ListOperation};
use crate::event::Event;
use crate::machine::{ConnectionId, Effects};
use crate::mqi::{Command, IndoubtThread, MqiAnswer, QueueStatus, Reason};
use crate::name::{QueueManagerName, StructureName};
use crate::unit_of_work::{DescriptorState, Outcome, UnitOfWorkDescriptor, UnitOfWorkId};

use super::QueueManager;
use super::coordinator::SettledBy;
use super::sharing::Awaiting;
use super::unit::{Stage, Teller};

/// What an operator's command awaits.
#[derive(Clone, Debug)]
pub(super) enum OperatorAwaiting {
    /// Whether the member named is active.
    Member { connection: ConnectionId, member: QueueManagerName, what: OnMember },
    /// Its descriptors.
    Descriptors { connection: ConnectionId, what: OnMember },
    /// Depths of shared queues, structure by structure.
    Depths { connection: ConnectionId, queues: Vec<QueueStatus>, remaining: Vec<StructureName> },
}

/// What is to be done on a member that is not active.
#[derive(Clone, Debug)]
pub(super) enum OnMember {
    Display,
    Resolve(UnitOfWorkId, Outcome),
}

impl QueueManager {
    pub(super) fn command(&mut self, connection: ConnectionId, command: Command, effects: &mut Effects) {
        let me = &self.definition.name;
        match command {
            Command::DisplayIndoubt { queue_manager: Some(member) } if member != *me => {
                self.ask_for_member(connection, member, OnMember::Display, effects);
            }
            Command::DisplayIndoubt { .. } => {
                let threads = self
                    .units
                    .iter()
                    .filter(|(_, work)| work.stage == Stage::Prepared)
                    .map(|(unit, work)| IndoubtThread {
                        unit_of_work: unit.clone(),
                        xid: work.xid.clone(),
                        disposition: work.disposition,
                    })
                    .collect();
                self.answer(connection, Ok(MqiAnswer::Threads { threads }), effects);
            }
            Command::ResolveIndoubt { unit_of_work, outcome, queue_manager: Some(member) } if member != *me => {
                self.ask_for_member(connection, member, OnMember::Resolve(unit_of_work, outcome), effects);
            }
            Command::ResolveIndoubt { unit_of_work, outcome, .. } => {
                if self.units.get(&unit_of_work).is_some_and(|work| work.stage == Stage::Prepared) {
                    effects.report(Event::ResolvedByCommand { unit_of_work: unit_of_work.clone(), outcome });
                    let teller = Teller { connection, answer: Ok(MqiAnswer::Done), step: None };
                    self.end_in_doubt(&unit_of_work, outcome, Some(teller), effects);
                } else {
                    self.answer(connection, Err(Reason::UnitOfWorkNotAvailable), effects);
                }
            }
            Command::DisplayQueues => {
                let queues = self
                    .queues
                    .iter()
                    .map(|(name, queue)| QueueStatus {
                        queue: name.clone(),
                        current_depth: queue.depth(),
                        uncommitted: queue.uncommitted(),
                    })
                    .collect();
                let structures = self.definition.group.iter().flat_map(|group| group.structures.keys().cloned());
                self.next_depths(connection, queues, structures.collect(), effects);
            }
            Command::StopQueueManager(mode) => {
                self.answer(connection, Ok(MqiAnswer::Done), effects);
                self.stop(mode, effects);
            }
        }
    }

    fn ask_for_member(
        &mut self,
        connection: ConnectionId,
        member: QueueManagerName,
        what: OnMember,
        effects: &mut Effects,
    ) {
        let query = ListOperation::QueryConnection { name: member.clone() };
        let awaiting = Awaiting::Operator(OperatorAwaiting::Member { connection, member, what });
        self.admin_command_for(connection, query, awaiting, effects);
    }

    fn next_depths(
        &mut self,
        connection: ConnectionId,
        queues: Vec<QueueStatus>,
        mut remaining: Vec<StructureName>,
        effects: &mut Effects,
    ) {
        let Some(structure) = remaining.pop() else {
            self.answer(connection, Ok(MqiAnswer::Queues { queues }), effects);
            return;
        };
        let awaiting = Awaiting::Operator(OperatorAwaiting::Depths { connection, queues, remaining });
        self.structure_command_for(connection, &structure, ListOperation::QueryDepths, awaiting, effects);
    }

    pub(super) fn operator_answered(
        &mut self,
        awaiting: OperatorAwaiting,
        answer: Result<ListAnswer, CommandRejected>,
        effects: &mut Effects,
    ) {
        match (awaiting, answer) {
            (OperatorAwaiting::Member { connection, member, what }, Ok(ListAnswer::ConnectionState { state, .. })) => {
                if state == ConnectionState::Active {
                    effects.report(Event::ResolveRefused { queue_manager: member });
                    self.answer(connection, Err(Reason::QueueManagerActive), effects);
                    return;
                }
                let read = ListOperation::ReadDescriptors { queue_manager: Some(member) };
                let awaiting = Awaiting::Operator(OperatorAwaiting::Descriptors { connection, what });
                self.admin_command_for(connection, read, awaiting, effects);
            }
            (OperatorAwaiting::Descriptors { connection, what }, Ok(ListAnswer::Descriptors(descriptors))) => {
                let in_doubt = descriptors.into_iter().filter(|descriptor| {
                    descriptor.state == DescriptorState::InDoubt && !descriptor.operations.is_empty()
                });
                self.descriptors_for_operator(connection, what, in_doubt.collect(), effects);
            }
            (OperatorAwaiting::Depths { connection, mut queues, remaining }, Ok(ListAnswer::Depths(depths))) => {
                queues.extend(depths.into_iter().map(|depth| QueueStatus {
                    queue: depth.queue,
                    current_depth: depth.committed + depth.uncommitted_puts + depth.on_get_lists,
                    uncommitted: depth.uncommitted_puts + depth.on_get_lists,
                }));
                self.next_depths(connection, queues, remaining, effects);
            }
            (
                OperatorAwaiting::Member { connection, .. }
                | OperatorAwaiting::Descriptors { connection, .. }
                | OperatorAwaiting::Depths { connection, .. },
                _,
            ) => self.answer(connection, Err(Reason::CouplingFacilityNotAvailable), effects),
        }
    }

    fn descriptors_for_operator(
        &mut self,
        connection: ConnectionId,
        what: OnMember,
        in_doubt: Vec<UnitOfWorkDescriptor>,
        effects: &mut Effects,
    ) {
        match what {
            OnMember::Display => {
                let threads = in_doubt
                    .into_iter()
                    .map(|descriptor| IndoubtThread {
                        unit_of_work: descriptor.id,
                        xid: descriptor.xid,
                        disposition: descriptor.disposition,
                    })
                    .collect();
                self.answer(connection, Ok(MqiAnswer::Threads { threads }), effects);
            }
            OnMember::Resolve(unit, outcome) => match in_doubt.into_iter().find(|descriptor| descriptor.id == unit) {
                Some(descriptor) => {
                    self.settle_for_another(connection, descriptor, outcome, SettledBy::Command, effects);
                }
                None => self.answer(connection, Err(Reason::UnitOfWorkNotAvailable), effects),
            },
        }
    }
}
