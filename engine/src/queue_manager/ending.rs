//! How a unit of work ends: commit, phase one of two, backout, each step in its order (see [`super`]).
//!
//! A unit of work is driven by [`QueueManager::continue_unit`] whenever what its [`Stage`] awaits has happened. The same
//! code finishes, after a restart, what an earlier life began.

use std::collections::VecDeque;

use crate::coupling_facility::command::{CommandRejected, ListAnswer, ListOperation};
use crate::defect::Defect;
use crate::event::Event;
use crate::log::Lsn;
use crate::machine::{ConnectionId, Effects};
use crate::mqi::{MqiAnswer, Reason};
use crate::name::StructureName;
use crate::queue_sharing::recovery::settle;
use crate::step::Step;
use crate::unit_of_work::{
    DescriptorState, Disposition, Outcome, SharedOperation, SharedOperationKind, UnitOfWorkDescriptor, UnitOfWorkId,
    UnitOfWorkState, structures_of,
};

use super::QueueManager;
use super::record::LogRecord;
use super::sharing::Awaiting;
use super::unit::{Stage, Teller, UnitOfWork};

/// What is to be done once the log is forced.
#[derive(Clone, Debug)]
pub(super) enum AfterForce {
    /// The unit of work goes on.
    Unit(UnitOfWorkId),
    /// An operation outside syncpoint is final.
    Tell(Teller),
    /// The start goes on: this life is on record.
    Life,
    /// The group learns of a new life after the coupling facility was lost and found.
    Reattach,
}

impl QueueManager {
    /// Continues with `after` once everything up to `lsn` is durable.
    pub(super) fn force(&mut self, lsn: Lsn, after: AfterForce, effects: &mut Effects) {
        if Defect::AcknowledgedBeforeForce.is_planted() && !matches!(after, AfterForce::Life | AfterForce::Reattach) {
            self.after_force(after, effects);
            return;
        }
        if let Some(after) = self.log.force(lsn, after, effects) {
            self.after_force(after, effects);
        }
    }

    pub(super) fn after_force(&mut self, after: AfterForce, effects: &mut Effects) {
        match after {
            AfterForce::Unit(unit) => self.continue_unit(&unit, effects),
            AfterForce::Tell(teller) => self.tell(teller, effects),
            AfterForce::Life => self.life_on_record(effects),
            AfterForce::Reattach => self.attach(effects),
        }
    }

    pub(super) fn tell(&mut self, teller: Teller, effects: &mut Effects) {
        if let Some(step) = teller.step {
            effects.step(step);
        }
        self.answer(teller.connection, teller.answer, effects);
    }

    /// The unit of work to which a call under syncpoint belongs; it begins with the first such call.
    pub(super) fn unit_of_work_of(&mut self, connection: ConnectionId) -> UnitOfWorkId {
        let id = self.next_unit_of_work();
        let limit = self.definition.maximum_uncommitted_messages;
        let application = self.applications.get_mut(&connection).expect("a call belongs to an application");
        if let Some(unit) = &application.unit_of_work {
            return unit.clone();
        }
        let work = UnitOfWork::new(application.xid.clone(), application.disposition, limit);
        application.unit_of_work = Some(id.clone());
        self.units.insert(id.clone(), work);
        id
    }

    /// A unit of work for one operation outside syncpoint.
    pub(super) fn implicit_unit_of_work(&mut self) -> UnitOfWorkId {
        let id = self.next_unit_of_work();
        let mut work = UnitOfWork::new(None, Disposition::QueueManager, 1);
        work.implicit = true;
        self.units.insert(id.clone(), work);
        id
    }

    /// `MQCMIT`. A global transaction is its coordinator's to commit.
    pub(super) fn commit_call(&mut self, connection: ConnectionId, effects: &mut Effects) {
        let Some(application) = self.applications.get_mut(&connection) else { return };
        if application.xid.is_some() {
            self.answer(connection, Err(Reason::EnvironmentError), effects);
            return;
        }
        if std::mem::take(&mut application.backed_out) {
            self.answer(connection, Err(Reason::BackedOut), effects);
            return;
        }
        match application.unit_of_work.take() {
            Some(unit) => {
                let teller = Teller { connection, answer: Ok(MqiAnswer::Done), step: None };
                self.begin_commit(&unit, Some(teller), effects);
            }
            None => self.answer(connection, Ok(MqiAnswer::Done), effects),
        }
    }

    /// `MQBACK`. A global transaction that is begun is ended by it: nobody has voted yet, so this takes no decision from
    /// its coordinator. (The product refuses it with 2012, as it does `MQCMIT`.)
    pub(super) fn backout_call(&mut self, connection: ConnectionId, effects: &mut Effects) {
        let Some(application) = self.applications.get_mut(&connection) else { return };
        application.xid = None;
        application.backed_out = false;
        match application.unit_of_work.take() {
            Some(unit) => {
                let teller = Teller { connection, answer: Ok(MqiAnswer::Done), step: None };
                self.begin_backout(&unit, Some(teller), effects);
            }
            None => self.answer(connection, Ok(MqiAnswer::Done), effects),
        }
    }

    /// Commits: a unit of work in flight in one phase, or one in doubt in phase two.
    pub(super) fn begin_commit(&mut self, unit: &UnitOfWorkId, teller: Option<Teller>, effects: &mut Effects) {
        let work = self.units.get_mut(unit).expect("a unit of work that ends is known");
        assert!(
            matches!(work.stage, Stage::Open | Stage::Prepared),
            "{unit} cannot begin to commit at stage {:?}",
            work.stage
        );
        work.teller = teller;
        if !work.implicit {
            effects.step(Step::CommitBegun);
        }
        work.stage = Stage::ForcingWork;
        match work.logged {
            // What was prepared is forced already; an operation without shared part is forced with its commit record.
            Some(lsn) if !work.shared.is_empty() => self.force(lsn, AfterForce::Unit(unit.clone()), effects),
            _ => self.continue_unit(unit, effects),
        }
    }

    /// Phase one of two.
    pub(super) fn begin_prepare(&mut self, unit: &UnitOfWorkId, teller: Teller, effects: &mut Effects) {
        let work = self.units.get_mut(unit).expect("a unit of work that is prepared is known");
        assert_eq!(work.stage, Stage::Open, "{unit} cannot be prepared");
        work.teller = Some(teller);
        work.state = UnitOfWorkState::InPrepare;
        work.stage = Stage::WritingPrepare;
        let needs_descriptor = !work.shared.is_empty() || work.disposition == Disposition::Group;
        effects.step(Step::PrepareBegun);
        if needs_descriptor {
            self.write_descriptor(unit, DescriptorState::InDoubt, effects);
        } else {
            self.continue_unit(unit, effects);
        }
    }

    /// Backs out a unit of work in flight, or one in doubt.
    pub(super) fn begin_backout(&mut self, unit: &UnitOfWorkId, teller: Option<Teller>, effects: &mut Effects) {
        let work = self.units.get_mut(unit).expect("a unit of work that ends is known");
        assert!(
            matches!(work.stage, Stage::Open | Stage::Prepared),
            "{unit} cannot begin to back out at stage {:?}",
            work.stage
        );
        work.teller = teller;
        work.state = UnitOfWorkState::InBackout;
        work.stage = Stage::WritingBackout;
        let shared = !work.shared.is_empty() || work.descriptor;
        effects.step(Step::BackoutBegun);
        if shared {
            self.write_descriptor(unit, DescriptorState::InBackout, effects);
        } else {
            self.continue_unit(unit, effects);
        }
    }

    pub(super) fn write_descriptor(&mut self, unit: &UnitOfWorkId, state: DescriptorState, effects: &mut Effects) {
        let kept = self.keeps_descriptors();
        let work = self.units.get_mut(unit).expect("a unit of work that ends is known");
        work.descriptor = true;
        let descriptor = UnitOfWorkDescriptor {
            id: unit.clone(),
            state,
            disposition: work.disposition,
            xid: work.xid.clone(),
            operations: work.shared.clone(),
            // What was voted for is in the log, and is learned from the descriptor too.
            has_private_part: kept || !work.private.is_empty() || work.shared.is_empty() || work.xid.is_some(),
        };
        let write = ListOperation::WriteDescriptor { descriptor: Box::new(descriptor) };
        // Without a connection it stays at this stage: the reconnection tells how it goes on.
        self.admin_command(write, Awaiting::Unit(unit.clone()), effects);
    }

    /// A command of a unit of work that ends was answered.
    pub(super) fn unit_answered(
        &mut self,
        unit: &UnitOfWorkId,
        answer: Result<ListAnswer, CommandRejected>,
        effects: &mut Effects,
    ) {
        let Some(work) = self.units.get_mut(unit) else { return };
        match answer {
            Ok(ListAnswer::Full) => {
                // The product's symptom of a full admin structure: failure during commit (reference A1.3, F8).
                self.abend("the admin structure is full", effects);
            }
            Err(_) => self.structure_rejected(effects),
            Ok(_) => {
                if let Stage::Settling { unanswered, .. } = &mut work.stage {
                    *unanswered -= 1;
                    if *unanswered > 0 {
                        return;
                    }
                    effects.step(match work.state {
                        UnitOfWorkState::InCommit => Step::CommitStructureApplied,
                        _ => Step::BackoutStructureApplied,
                    });
                }
                self.continue_unit(unit, effects);
            }
        }
    }

    /// What the stage of a unit of work awaited has happened: goes on to the next.
    pub(super) fn continue_unit(&mut self, unit: &UnitOfWorkId, effects: &mut Effects) {
        let Some(work) = self.units.get_mut(unit) else { return };
        match work.stage.clone() {
            Stage::ForcingWork => {
                if work.shared.is_empty() && !work.descriptor {
                    self.record_commit(unit, effects);
                } else if work.implicit {
                    // One get, outside syncpoint: its deletion is its commit.
                    work.state = UnitOfWorkState::InCommit;
                    self.settle_shared(unit, Outcome::Commit, effects);
                } else {
                    effects.step(Step::CommitLogForced);
                    work.stage = Stage::WritingCommit;
                    self.write_descriptor(unit, DescriptorState::InCommit, effects);
                }
            }
            Stage::WritingCommit => {
                effects.step(Step::CommitDescriptorWritten);
                self.record_commit(unit, effects);
            }
            Stage::ForcingCommit => {
                if !work.implicit {
                    effects.step(Step::CommitRecordForced);
                }
                work.state = UnitOfWorkState::InCommit;
                self.settle_shared(unit, Outcome::Commit, effects);
            }
            Stage::WritingPrepare => {
                if work.descriptor {
                    effects.step(Step::PrepareDescriptorWritten);
                }
                work.stage = Stage::ForcingPrepare;
                let record = LogRecord::Prepared {
                    unit_of_work: unit.clone(),
                    xid: work.xid.clone().expect("only a coordinated unit of work is prepared"),
                    disposition: work.disposition,
                    operations: work.shared.clone(),
                };
                let lsn = self.append(&record, effects);
                if let Some(work) = self.units.get_mut(unit) {
                    work.logged = Some(lsn);
                }
                self.force(lsn, AfterForce::Unit(unit.clone()), effects);
            }
            Stage::ForcingPrepare => {
                work.state = UnitOfWorkState::InDoubt;
                work.stage = Stage::Prepared;
                let teller = work.teller.take();
                effects.step(Step::PrepareForced);
                effects.report(Event::Prepared { unit_of_work: unit.clone() });
                if let Some(teller) = teller {
                    self.tell(teller, effects);
                }
            }
            Stage::WritingBackout => {
                if work.descriptor {
                    effects.step(Step::BackoutDescriptorWritten);
                }
                self.record_backout(unit, effects);
            }
            Stage::ForcingBackout => self.settle_shared(unit, Outcome::Backout, effects),
            Stage::Settling { outcome, mut structures, .. } => match structures.pop_front() {
                Some(structure) => self.settle_structure(unit, outcome, structure, structures, effects),
                None => self.shared_part_settled(unit, outcome, effects),
            },
            Stage::DeletingDescriptor { outcome } => {
                if outcome == Outcome::Commit {
                    effects.step(Step::CommitDescriptorDeleted);
                }
                self.end_unit(unit, outcome, effects);
            }
            Stage::Open | Stage::Prepared => {}
        }
    }

    pub(super) fn record_commit(&mut self, unit: &UnitOfWorkId, effects: &mut Effects) {
        let work = self.units.get_mut(unit).expect("a unit of work that ends is known");
        work.stage = Stage::ForcingCommit;
        if work.logged.is_some() {
            let lsn = self.append(&LogRecord::Committed(unit.clone()), effects);
            self.force(lsn, AfterForce::Unit(unit.clone()), effects);
        } else {
            self.continue_unit(unit, effects);
        }
    }

    pub(super) fn record_backout(&mut self, unit: &UnitOfWorkId, effects: &mut Effects) {
        let work = self.units.get_mut(unit).expect("a unit of work that ends is known");
        if work.logged.is_some() {
            let coordinated = work.xid.is_some();
            work.stage = Stage::ForcingBackout;
            let lsn = self.append(&LogRecord::BackedOut(unit.clone()), effects);
            if coordinated {
                self.force(lsn, AfterForce::Unit(unit.clone()), effects);
                return;
            }
        }
        self.settle_shared(unit, Outcome::Backout, effects);
    }

    /// Gives the shared part its outcome.
    pub(super) fn settle_shared(&mut self, unit: &UnitOfWorkId, outcome: Outcome, effects: &mut Effects) {
        let work = self.units.get_mut(unit).expect("a unit of work that ends is known");
        let mut structures = structures_of(&work.shared);
        if Defect::CommitForgetsSharedPart.is_planted() && outcome == Outcome::Commit {
            structures.clear();
        }
        work.stage = Stage::Settling { outcome, structures, unanswered: 0 };
        self.continue_unit(unit, effects);
    }

    fn settle_structure(
        &mut self,
        unit: &UnitOfWorkId,
        outcome: Outcome,
        structure: StructureName,
        structures: VecDeque<StructureName>,
        effects: &mut Effects,
    ) {
        let work = self.units.get_mut(unit).expect("a unit of work that ends is known");
        let operations: Vec<SharedOperation> =
            work.shared.iter().filter(|operation| operation.structure == structure).cloned().collect();
        let unanswered = u32::try_from(operations.len()).expect("MAXUMSGS limits a unit of work");
        work.stage = Stage::Settling { outcome, structures, unanswered };
        for operation in operations {
            let settle = match (outcome, operation.kind) {
                (Outcome::Commit, SharedOperationKind::Get) if Defect::GetNotRemovedAtCommit.is_planted() => {
                    let (entry, owner) = (operation.entry, unit.clone());
                    ListOperation::Return { entry, owner, count_backout: false }
                }
                (Outcome::Backout, SharedOperationKind::Get) if Defect::BackoutLosesMessage.is_planted() => {
                    ListOperation::Delete { entry: operation.entry, owner: unit.clone() }
                }
                _ => settle(&operation, unit, outcome),
            };
            self.structure_command(&structure, settle, Awaiting::Unit(unit.clone()), effects);
            if outcome == Outcome::Backout && operation.kind == SharedOperationKind::Get {
                effects.report(Event::GetBackedOut { queue: operation.queue });
            }
        }
    }

    /// The shared part has its outcome: now the private part.
    fn shared_part_settled(&mut self, unit: &UnitOfWorkId, outcome: Outcome, effects: &mut Effects) {
        self.apply_private(unit, outcome, effects);
        let work = self.units.get_mut(unit).expect("a unit of work that ends is known");
        if work.descriptor {
            work.stage = Stage::DeletingDescriptor { outcome };
            let delete = ListOperation::DeleteDescriptor { unit_of_work: unit.clone() };
            self.admin_command(delete, Awaiting::Unit(unit.clone()), effects);
        } else {
            self.end_unit(unit, outcome, effects);
        }
    }

    /// Nothing is left to be done for the unit of work.
    pub(super) fn end_unit(&mut self, unit: &UnitOfWorkId, outcome: Outcome, effects: &mut Effects) {
        let work = self.units.remove(unit).expect("a unit of work that ends is known");
        if work.logged.is_some() {
            self.append(&LogRecord::Ended(unit.clone()), effects);
        }
        if !work.implicit {
            effects.step(match outcome {
                Outcome::Commit => Step::CommitEnded,
                Outcome::Backout => Step::BackoutEnded,
            });
        }
        if let Some(tag) = &work.last_of_tag {
            self.unlock_tag(tag, effects);
        }
        if let Some(teller) = work.teller {
            self.tell(teller, effects);
        }
        self.checkpoint_if_due(effects);
        self.end_if_quiesced(effects);
    }
}
