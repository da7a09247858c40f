//! Start and restart.
//!
//! The log is replayed; units of work that were in flight are backed out, those in commit or in backout are finished, and
//! those in doubt are kept until their coordinator returns (IBM MQ for z/OS, csq8287; counts as in `CSQR004I`). A member
//! of a group also reads the descriptors it left behind, because the commit point of a unit of work with a shared part
//! is its descriptor; and what its former life holds in the structures is recovered by whoever gets to it first, its
//! peers or itself. It does not wait for peers: recovery by them and restart are asynchronous (reference A3.1).

use std::collections::BTreeMap;

use crate::event::Event;
use crate::log::RecoveryLog;
use crate::machine::{Effect, Effects, File, Incarnation, Silence, StoredFile};
use crate::name::{Address, QueueName};
use crate::queue::PrivateQueue;
use crate::step::Step;
use crate::unit_of_work::{DescriptorState, Disposition, Outcome, UnitOfWorkDescriptor, UnitOfWorkId, UnitOfWorkState};

use super::definition::{QueueManagerDefinition, QueuePlace, local_group_address};
use super::ending::AfterForce;
use super::record::LogRecord;
use super::unit::{Stage, UnitOfWork};
use super::{LOG, QueueManager};

/// Where a queue manager stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    NotStarted,
    /// Restart is under way: nobody is let in.
    Starting,
    Running,
    /// Work in progress may end; nobody new is let in.
    Quiescing,
    /// No application is left: disconnecting from the structures.
    Disconnecting,
    Ended,
}

/// Why a queue manager reads the descriptors that it left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It has connected, in a new life: whatever its earlier ones left unfinished goes on.
    Connected,
    /// There may be news of units of work in doubt.
    Again,
}

pub(super) fn private_queues(definition: &QueueManagerDefinition) -> BTreeMap<QueueName, PrivateQueue> {
    let private = definition.queues.iter().filter(|(_, queue)| queue.place == QueuePlace::Private);
    private.map(|(name, queue)| (name.clone(), PrivateQueue::new(queue))).collect()
}

impl QueueManager {
    pub(super) fn start(&mut self, incarnation: Incarnation, files: Vec<(File, StoredFile)>, effects: &mut Effects) {
        assert_eq!(self.phase, Phase::NotStarted, "a queue manager starts once in its life");
        self.phase = Phase::Starting;
        effects.report(Event::QueueManagerStarting { incarnation });
        let stored = files.iter().find(|(file, _)| *file == LOG).map(|(_, stored)| stored);
        let replayed = RecoveryLog::replay(LOG, incarnation, stored, effects);
        let replay = match replayed {
            Ok((log, replay)) => {
                self.log = log;
                replay
            }
            Err(_) => {
                self.abend("the log cannot be read", effects);
                return;
            }
        };
        if replay.cut_off > 0 {
            effects.report(Event::TornTail { discarded: replay.cut_off });
        }
        for record in replay.records {
            self.redo(record);
        }
        if incarnation.0 > 1 {
            let count = |state| {
                let units = self.units.values().filter(|work| work.state == state).count();
                u32::try_from(units).unwrap_or(u32::MAX)
            };
            effects.report(Event::LogReplayed {
                records: replay.count,
                in_flight: count(UnitOfWorkState::InFlight),
                in_doubt: count(UnitOfWorkState::InDoubt),
                in_commit: count(UnitOfWorkState::InCommit),
                in_backout: count(UnitOfWorkState::InBackout),
            });
            effects.step(Step::RestartLogReplayed);
        }
        self.life = self.life.next().max(incarnation);
        let lsn = self.append(&LogRecord::Life(self.life), effects);
        self.force(lsn, AfterForce::Life, effects);
    }

    /// This life is on record: the queue manager may act.
    pub(super) fn life_on_record(&mut self, effects: &mut Effects) {
        if self.sharing.is_some() {
            self.join_sysplex(effects);
        } else {
            self.own_descriptors(Vec::new(), Look::Connected, effects);
        }
    }

    /// What earlier lives of this queue manager left in the admin structure, at restart and whenever there may be news.
    pub(super) fn own_descriptors(
        &mut self,
        descriptors: Vec<UnitOfWorkDescriptor>,
        look: Look,
        effects: &mut Effects,
    ) {
        let starting = self.phase == Phase::Starting;
        let life = self.life;
        if starting && life.0 > 1 {
            effects.step(Step::RestartDescriptorsRead);
        }
        let mut described = BTreeMap::new();
        for descriptor in descriptors {
            if descriptor.id.incarnation < life {
                described.insert(descriptor.id.clone(), descriptor);
            }
        }
        let known: Vec<UnitOfWorkId> = self.units.keys().filter(|unit| unit.incarnation < life).cloned().collect();
        for unit in known {
            let descriptor = described.remove(&unit);
            // While it is being ended here, what was read is older than what is being done.
            let waits = self.units.get(&unit).is_some_and(|work| work.stage == Stage::Prepared);
            if look == Look::Connected || waits {
                self.continue_earlier(&unit, descriptor, effects);
            }
        }
        for (unit, descriptor) in described {
            self.finish_described(unit, descriptor, effects);
        }
        if starting {
            self.ready(effects);
        }
        self.recover_found(effects);
        self.watch_for_group_resolution(effects);
    }

    /// A unit of work of an earlier life (or of the time before the coupling facility was lost) that is in memory.
    fn continue_earlier(
        &mut self,
        unit: &UnitOfWorkId,
        descriptor: Option<UnitOfWorkDescriptor>,
        effects: &mut Effects,
    ) {
        let work = self.units.get_mut(unit).expect("it was listed a moment ago");
        let described = descriptor.as_ref().map(|descriptor| descriptor.state);
        work.descriptor = descriptor.is_some();
        if let Some(descriptor) = descriptor {
            work.shared = descriptor.operations;
        } else if work.stage != Stage::Prepared {
            // What lies in the structures without a descriptor is in flight: recovered by entries.
            work.shared.clear();
        }
        let id = unit.clone();
        match (work.stage.clone(), work.state, described) {
            (Stage::Open, UnitOfWorkState::InCommit, _) => {
                effects.report(Event::RestartFinished { unit_of_work: id, state: UnitOfWorkState::InCommit });
                self.settle_shared(unit, Outcome::Commit, effects);
            }
            (Stage::Open, UnitOfWorkState::InBackout, _) => {
                effects.report(Event::RestartFinished { unit_of_work: id, state: UnitOfWorkState::InBackout });
                self.settle_shared(unit, Outcome::Backout, effects);
            }
            (Stage::Open, _, Some(DescriptorState::InCommit)) => {
                effects.report(Event::RestartFinished { unit_of_work: id, state: UnitOfWorkState::InCommit });
                self.record_commit(unit, effects);
            }
            // Its application lives, and nothing of it is shared: it goes on.
            (Stage::Open, UnitOfWorkState::InFlight, None) if self.phase != Phase::Starting => {}
            (Stage::Open, _, _) => {
                effects.report(Event::RestartBackedOut { unit_of_work: id });
                self.back_out_quietly(unit, effects);
            }
            (Stage::Prepared, _, Some(DescriptorState::InCommit)) => {
                effects.report(Event::GroupResolved { unit_of_work: id, outcome: Outcome::Commit });
                self.record_commit(unit, effects);
            }
            (Stage::Prepared, _, Some(DescriptorState::InBackout)) => {
                effects.report(Event::GroupResolved { unit_of_work: id, outcome: Outcome::Backout });
                self.back_out_quietly(unit, effects);
            }
            (Stage::Prepared, UnitOfWorkState::InDoubt, _) => {
                if self.phase == Phase::Starting {
                    effects.report(Event::RestartKeptInDoubt { unit_of_work: id });
                }
            }
            (stage, _, described) => self.resume(unit, &stage, described, effects),
        }
    }

    /// A unit of work whose end was interrupted by the loss of the coupling facility, which is back now.
    fn resume(
        &mut self,
        unit: &UnitOfWorkId,
        stage: &Stage,
        described: Option<DescriptorState>,
        effects: &mut Effects,
    ) {
        match (stage, described) {
            (Stage::WritingCommit, Some(DescriptorState::InCommit))
            | (Stage::WritingPrepare, Some(DescriptorState::InDoubt))
            | (Stage::WritingBackout, _) => self.continue_unit(unit, effects),
            // The decision did not reach the descriptor; peers have left it alone.
            (Stage::WritingCommit, Some(DescriptorState::InDoubt)) => {
                self.write_descriptor(unit, DescriptorState::InCommit, effects);
            }
            (Stage::WritingCommit | Stage::WritingPrepare, _) => {
                // It was never written, so peers have backed the shared part out.
                if let Some(work) = self.units.get_mut(unit)
                    && let Some(teller) = &mut work.teller
                {
                    teller.answer = Err(crate::mqi::Reason::BackedOut);
                }
                self.back_out_quietly(unit, effects);
            }
            (Stage::Settling { outcome, .. }, _) => self.settle_shared(unit, *outcome, effects),
            (Stage::DeletingDescriptor { outcome }, _) => self.settle_shared(unit, *outcome, effects),
            // The log will call.
            (Stage::ForcingWork | Stage::ForcingCommit | Stage::ForcingPrepare | Stage::ForcingBackout, _) => {}
            (Stage::Open | Stage::Prepared, _) => {}
        }
    }

    /// A descriptor whose unit of work is not in the log: it had nothing recoverable in its private part.
    fn finish_described(&mut self, unit: UnitOfWorkId, descriptor: UnitOfWorkDescriptor, effects: &mut Effects) {
        let mut work = UnitOfWork::new(descriptor.xid, descriptor.disposition, 0);
        work.shared = descriptor.operations;
        work.descriptor = true;
        self.units.insert(unit.clone(), work);
        let unit_of_work = unit.clone();
        match descriptor.state {
            DescriptorState::InCommit => {
                effects.report(Event::RestartFinished { unit_of_work, state: UnitOfWorkState::InCommit });
                if let Some(work) = self.units.get_mut(&unit) {
                    work.state = UnitOfWorkState::InCommit;
                }
                self.settle_shared(&unit, Outcome::Commit, effects);
            }
            DescriptorState::InBackout => {
                effects.report(Event::RestartFinished { unit_of_work, state: UnitOfWorkState::InBackout });
                self.back_out_quietly(&unit, effects);
            }
            DescriptorState::InDoubt => {
                // The prepare record was never forced: the coordinator got no vote.
                effects.report(Event::RestartBackedOut { unit_of_work });
                self.back_out_quietly(&unit, effects);
            }
        }
    }

    /// Backs out without writing a descriptor first: nobody else is going to finish it.
    fn back_out_quietly(&mut self, unit: &UnitOfWorkId, effects: &mut Effects) {
        let work = self.units.get_mut(unit).expect("a unit of work that ends is known");
        work.state = UnitOfWorkState::InBackout;
        self.record_backout(unit, effects);
    }

    /// The outcome of a unit of work in doubt may be found in its descriptor, if its group may resolve it.
    fn watch_for_group_resolution(&mut self, effects: &mut Effects) {
        let life = self.life;
        let waits = self.units.iter().any(|(unit, work)| {
            unit.incarnation < life && work.stage == Stage::Prepared && work.disposition == Disposition::Group
        });
        if waits && !self.timers.is_set(&super::timer::TimerFor::Retry) {
            let at = self.now + self.definition.retry_interval;
            self.timers.set(at, super::timer::TimerFor::Retry, effects);
        }
    }

    /// Where it takes connections: what is defined and, for a member of a group, the group's address on its image.
    pub(super) fn addresses(&self) -> impl Iterator<Item = Address> {
        let local = self.definition.group.as_ref().map(|group| local_group_address(&group.name, &self.placement.image));
        self.definition.listeners.iter().cloned().chain(local)
    }

    fn ready(&mut self, effects: &mut Effects) {
        self.phase = Phase::Running;
        let silence = Silence::Prompt { timeout: self.definition.client_silence };
        for address in self.addresses() {
            effects.push(Effect::Listen { address, silence });
        }
        if self.life.0 > 1 {
            effects.step(Step::RestartComplete);
        }
        effects.report(Event::QueueManagerReady { incarnation: self.life });
    }
}
