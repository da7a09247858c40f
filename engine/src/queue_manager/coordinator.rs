//! Units of work of an external coordinator: two phases, in doubt, resolution when the coordinator returns.
//!
//! With the queue manager's own name, a coordinator must come back to the same queue manager. With the group's name and
//! `GROUPUR(ENABLED)` units of work have group disposition, and the coordinator may come back to any member: that one
//! settles the shared part of an inactive owner, and passes the outcome on to an active one. The two dispositions do not
//! see each other's units of work (reference A3.4). In the product members pass this on through messages on a shared
//! queue; here through the admin structure and XCF signals.

use std::collections::VecDeque;

use crate::coupling_facility::command::{CommandRejected, ConnectionState, ListAnswer, ListOperation};
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{ConnectionId, Effects};
use crate::mqi::{MqiAnswer, Reason};
use crate::name::{QueueManagerName, StructureName};
use crate::queue_sharing::recovery::settle;
use crate::sysplex::frame::{GroupMessage, SysplexFrame};
use crate::time::Duration;
use crate::unit_of_work::{
    DescriptorState, Disposition, Outcome, UnitOfWorkDescriptor, UnitOfWorkId, UnitOfWorkState, Xid, structures_of,
};

use super::QueueManager;
use super::sharing::Awaiting;
use super::timer::TimerFor;
use super::unit::{Stage, Teller};

/// How often a member looks whether an active owner has resolved what it was told.
const GROUP_RESOLUTION_PATIENCE: Duration = Duration::from_millis(200);

/// The settlement of the shared part of another member's unit of work.
#[derive(Clone, Debug)]
pub(super) struct Settlement {
    pub(super) descriptor: UnitOfWorkDescriptor,
    pub(super) outcome: Outcome,
    /// Structures still to be settled, the current one first.
    pub(super) structures: VecDeque<StructureName>,
    pub(super) unanswered: u32,
}

/// On whose word a unit of work is settled from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SettledBy {
    /// The coordinator came back to this member.
    Group,
    /// An operator.
    Command,
}

/// What a resolution through the group awaits.
#[derive(Clone, Debug)]
pub(super) enum GroupAwaiting {
    /// All descriptors, to answer `Recover`.
    Recover { connection: ConnectionId, coordinator: String, local: Vec<Xid> },
    /// All descriptors, to find the unit of work that is to be resolved.
    /// `told`: its owner, which is active, has been told the outcome before.
    Find { connection: ConnectionId, xid: Xid, outcome: Outcome, told: bool },
    /// Whether its owner is active.
    Owner { connection: ConnectionId, xid: Xid, descriptor: Box<UnitOfWorkDescriptor>, outcome: Outcome },
    /// The descriptor says the outcome now, or an entry is settled, or a structure is struck off.
    Settling(ConnectionId),
}

/// Whether any member may resolve this unit of work: it is in doubt, or a member that resolved it has not got to the end.
fn is_for_the_group(descriptor: &UnitOfWorkDescriptor) -> bool {
    descriptor.disposition == Disposition::Group
        && (descriptor.state == DescriptorState::InDoubt || !descriptor.operations.is_empty())
}

impl QueueManager {
    pub(super) fn begin_transaction(&mut self, connection: ConnectionId, xid: Xid, effects: &mut Effects) {
        let Some(application) = self.applications.get_mut(&connection) else { return };
        let answer = if application.unit_of_work.is_some() {
            Err(Reason::UnitOfWorkInProgress)
        } else {
            application.xid = Some(xid);
            application.backed_out = false;
            Ok(MqiAnswer::Done)
        };
        self.answer(connection, answer, effects);
    }

    pub(super) fn prepare_call(&mut self, connection: ConnectionId, xid: &Xid, effects: &mut Effects) {
        let Some(application) = self.applications.get_mut(&connection) else { return };
        if application.backed_out {
            self.answer(connection, Err(Reason::BackedOut), effects);
            return;
        }
        if application.xid.as_ref() != Some(xid) {
            self.answer(connection, Err(Reason::UnitOfWorkNotAvailable), effects);
            return;
        }
        let unit = self.unit_of_work_of(connection);
        if let Some(application) = self.applications.get_mut(&connection) {
            application.unit_of_work = None;
            application.prepared = application.xid.take();
        }
        let teller = Teller { connection, answer: Ok(MqiAnswer::Done), step: None };
        self.begin_prepare(&unit, teller, effects);
    }

    pub(super) fn resolve_call(
        &mut self,
        connection: ConnectionId,
        xid: &Xid,
        outcome: Outcome,
        effects: &mut Effects,
    ) {
        let Some(application) = self.applications.get_mut(&connection) else { return };
        // A transaction that was not prepared is rolled back by its own connection.
        if application.xid.as_ref() == Some(xid) && outcome == Outcome::Backout {
            self.backout_call(connection, effects);
            return;
        }
        let disposition = application.disposition;
        let second_phase = application.prepared.take_if(|prepared| prepared == xid).is_some();
        let here = self
            .units
            .iter()
            .find(|(_, work)| work.xid.as_ref() == Some(xid) && work.disposition == disposition)
            .map(|(id, work)| (id.clone(), work.stage == Stage::Prepared));
        match here {
            Some((unit, true)) => {
                let teller = Teller { connection, answer: Ok(MqiAnswer::Done), step: None };
                if !second_phase {
                    effects.report(Event::InDoubtResolved { unit_of_work: unit.clone(), outcome });
                }
                self.end_in_doubt(&unit, outcome, Some(teller), effects);
            }
            // It is being resolved already: the coordinator asks again.
            Some((_, false)) => self.answer(connection, Err(Reason::UnitOfWorkInProgress), effects),
            None if disposition == Disposition::Group => {
                let find = GroupAwaiting::Find { connection, xid: xid.clone(), outcome, told: false };
                self.read_all_descriptors(connection, find, effects);
            }
            None => self.answer(connection, Err(Reason::UnitOfWorkNotAvailable), effects),
        }
    }

    pub(super) fn end_in_doubt(
        &mut self,
        unit: &UnitOfWorkId,
        outcome: Outcome,
        teller: Option<Teller>,
        effects: &mut Effects,
    ) {
        match outcome {
            Outcome::Commit => self.begin_commit(unit, teller, effects),
            Outcome::Backout => self.begin_backout(unit, teller, effects),
        }
    }

    pub(super) fn recover_call(&mut self, connection: ConnectionId, coordinator: String, effects: &mut Effects) {
        let Some(application) = self.applications.get(&connection) else { return };
        let disposition = application.disposition;
        let local: Vec<Xid> = self
            .units
            .values()
            .filter(|work| work.state == UnitOfWorkState::InDoubt && work.disposition == disposition)
            .filter_map(|work| work.xid.clone())
            .filter(|xid| xid.coordinator == coordinator)
            .collect();
        if disposition == Disposition::Group {
            let recover = GroupAwaiting::Recover { connection, coordinator, local };
            self.read_all_descriptors(connection, recover, effects);
        } else {
            self.answer(connection, Ok(MqiAnswer::Indoubt { xids: local }), effects);
        }
    }

    fn read_all_descriptors(&mut self, connection: ConnectionId, awaiting: GroupAwaiting, effects: &mut Effects) {
        let read = ListOperation::ReadDescriptors { queue_manager: None };
        self.admin_command_for(connection, read, Awaiting::Group(awaiting), effects);
    }

    pub(super) fn group_answered(
        &mut self,
        awaiting: GroupAwaiting,
        answer: Result<ListAnswer, CommandRejected>,
        effects: &mut Effects,
    ) {
        match (awaiting, answer) {
            (GroupAwaiting::Recover { connection, coordinator, local }, Ok(ListAnswer::Descriptors(descriptors))) => {
                let mut xids = local;
                xids.extend(
                    descriptors
                        .into_iter()
                        .filter(is_for_the_group)
                        .filter_map(|descriptor| descriptor.xid)
                        .filter(|xid| xid.coordinator == coordinator),
                );
                xids.sort();
                xids.dedup();
                self.answer(connection, Ok(MqiAnswer::Indoubt { xids }), effects);
            }
            (GroupAwaiting::Find { connection, xid, outcome, told }, Ok(ListAnswer::Descriptors(descriptors))) => {
                let found = descriptors
                    .into_iter()
                    .find(|descriptor| descriptor.xid.as_ref() == Some(&xid) && is_for_the_group(descriptor));
                let Some(descriptor) = found else {
                    let answer = if told { Ok(MqiAnswer::Done) } else { Err(Reason::UnitOfWorkNotAvailable) };
                    self.answer(connection, answer, effects);
                    return;
                };
                let query = ListOperation::QueryConnection { name: descriptor.id.queue_manager.clone() };
                let descriptor = Box::new(descriptor);
                let owner = GroupAwaiting::Owner { connection, xid, descriptor, outcome };
                self.admin_command(query, Awaiting::Group(owner), effects);
            }
            (
                GroupAwaiting::Owner { connection, xid, descriptor, outcome },
                Ok(ListAnswer::ConnectionState { state, .. }),
            ) => {
                if state == ConnectionState::Active {
                    self.tell_owner(connection, &descriptor.id.queue_manager, xid, outcome, effects);
                } else {
                    // A decision that reached the descriptor stands, whatever became of the member that wrote it.
                    let outcome = descriptor.state.outcome().unwrap_or(outcome);
                    self.settle_for_another(connection, *descriptor, outcome, SettledBy::Group, effects);
                }
            }
            (GroupAwaiting::Settling(connection), Ok(_)) => self.settlement_answered(connection, effects),
            (awaiting, _) => {
                let connection = match awaiting {
                    GroupAwaiting::Recover { connection, .. }
                    | GroupAwaiting::Find { connection, .. }
                    | GroupAwaiting::Owner { connection, .. } => connection,
                    GroupAwaiting::Settling(connection) => {
                        // Several commands of one settlement may fail; the coordinator is answered once.
                        let sharing = self.sharing.as_mut();
                        if sharing.and_then(|sharing| sharing.settlements.remove(&connection)).is_none() {
                            return;
                        }
                        connection
                    }
                };
                self.answer(connection, Err(Reason::CouplingFacilityNotAvailable), effects);
            }
        }
    }

    /// The owner is active: it is told the outcome, and looked after until the unit of work is no longer in doubt.
    fn tell_owner(
        &mut self,
        connection: ConnectionId,
        owner: &QueueManagerName,
        xid: Xid,
        outcome: Outcome,
        effects: &mut Effects,
    ) {
        let from = self.definition.name.clone();
        let Some(sharing) = &mut self.sharing else { return };
        if let Some(image) = sharing.image {
            let message = GroupMessage::GroupResolved { xid: xid.clone(), outcome };
            let frame = SysplexFrame::Group { from, to: owner.clone(), message };
            effects.send(image, Frame::Sysplex(Box::new(frame)));
        }
        sharing.told_owner.insert(connection, (xid, outcome));
        let at = self.now + GROUP_RESOLUTION_PATIENCE;
        self.timers.set(at, TimerFor::GroupResolution(connection), effects);
    }

    /// Time to look whether an active owner has done what it was told.
    pub(super) fn look_at_group_resolution(&mut self, connection: ConnectionId, effects: &mut Effects) {
        let told = self.sharing.as_mut().and_then(|sharing| sharing.told_owner.remove(&connection));
        let Some((xid, outcome)) = told else { return };
        // If it has, the descriptor is not found any more, or has nothing left to be settled.
        let find = GroupAwaiting::Find { connection, xid, outcome, told: true };
        self.read_all_descriptors(connection, find, effects);
    }

    /// Another member was told the outcome of a unit of work of this one.
    pub(super) fn group_resolved(&mut self, xid: &Xid, outcome: Outcome, effects: &mut Effects) {
        let unit = self
            .units
            .iter()
            .find(|(_, work)| {
                work.xid.as_ref() == Some(xid)
                    && work.disposition == Disposition::Group
                    && work.stage == Stage::Prepared
            })
            .map(|(id, _)| id.clone());
        if let Some(unit) = unit {
            effects.report(Event::GroupResolved { unit_of_work: unit.clone(), outcome });
            self.end_in_doubt(&unit, outcome, None, effects);
        }
    }

    /// Settles the shared part of a unit of work of a member that is not active.
    pub(super) fn settle_for_another(
        &mut self,
        connection: ConnectionId,
        mut descriptor: UnitOfWorkDescriptor,
        outcome: Outcome,
        by: SettledBy,
        effects: &mut Effects,
    ) {
        let unit_of_work = descriptor.id.clone();
        effects.report(match by {
            SettledBy::Group => Event::GroupResolved { unit_of_work, outcome },
            SettledBy::Command => Event::ResolvedByCommand { unit_of_work, outcome },
        });
        let structures = structures_of(&descriptor.operations);
        let is_decided = descriptor.state.outcome().is_some();
        if by == SettledBy::Group {
            // The owner learns the outcome from the descriptor when it restarts.
            descriptor.state = outcome.into();
            descriptor.has_private_part = true;
        }
        let write = ListOperation::WriteDescriptor { descriptor: Box::new(descriptor.clone()) };
        let settlement = Settlement { descriptor, outcome, structures, unanswered: 1 };
        let Some(sharing) = &mut self.sharing else { return };
        sharing.settlements.insert(connection, settlement);
        if is_decided {
            // To write it again could bring back what its owner, restarting, has settled and deleted meanwhile.
            self.settlement_answered(connection, effects);
            return;
        }
        self.admin_command(write, Awaiting::Group(GroupAwaiting::Settling(connection)), effects);
    }

    fn settlement_answered(&mut self, connection: ConnectionId, effects: &mut Effects) {
        let Some(sharing) = &mut self.sharing else { return };
        let Some(settlement) = sharing.settlements.get_mut(&connection) else { return };
        settlement.unanswered -= 1;
        if settlement.unanswered > 0 {
            return;
        }
        let Some(structure) = settlement.structures.pop_front() else {
            sharing.settlements.remove(&connection);
            self.answer(connection, Ok(MqiAnswer::Done), effects);
            return;
        };
        let (unit, outcome) = (settlement.descriptor.id.clone(), settlement.outcome);
        let commands: Vec<ListOperation> = settlement
            .descriptor
            .operations
            .iter()
            .filter(|operation| operation.structure == structure)
            .map(|operation| settle(operation, &unit, outcome))
            .collect();
        settlement.unanswered = u32::try_from(commands.len()).expect("MAXUMSGS limits a unit of work") + 1;
        for command in commands {
            let awaiting = Awaiting::Group(GroupAwaiting::Settling(connection));
            self.structure_command(&structure, command, awaiting, effects);
        }
        // Settling comes before striking off: both go over one connection, in order.
        let strike = ListOperation::StrikeOperations { unit_of_work: unit, structure };
        self.admin_command(strike, Awaiting::Group(GroupAwaiting::Settling(connection)), effects);
    }
}
