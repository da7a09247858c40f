//! Records of the log into memory at restart, and memory into records at a checkpoint.
//!
//! What a checkpoint writes amounts to everything that the log has held so far, so that what lies before it is not needed.

use crate::machine::Effects;
use crate::message::Persistence;
use crate::queue::MessageState;
use crate::unit_of_work::{Disposition, Outcome, UnitOfWorkId, UnitOfWorkState};

use super::QueueManager;
use super::record::LogRecord;
use super::unit::{PrivateOperation, PrivateOperationKind, Stage, UnitOfWork};

impl QueueManager {
    /// Does again what a record says was done. Records that make no sense after others (which only a damaged log that is
    /// not checked can bring) are passed over.
    pub(super) fn redo(&mut self, record: LogRecord) {
        match record {
            LogRecord::Life(life) => self.life = self.life.max(life),
            LogRecord::Put { unit_of_work, queue, number, message } => {
                self.last_number = self.last_number.max(number);
                let Some(store) = self.queues.get_mut(&queue) else { return };
                if store.state(number).is_some() {
                    return;
                }
                match unit_of_work {
                    None => store.put_committed(number, message),
                    Some(unit) => {
                        store.put_uncommitted(number, message, unit.clone());
                        let operation = PrivateOperation { queue, number, kind: PrivateOperationKind::Put };
                        self.logged_unit(&unit).private.push(operation);
                    }
                }
            }
            LogRecord::Get { unit_of_work, queue, number } => {
                let Some(store) = self.queues.get_mut(&queue) else { return };
                if store.take(number, Some(unit_of_work.clone())).is_some() {
                    let operation = PrivateOperation { queue, number, kind: PrivateOperationKind::Get };
                    self.logged_unit(&unit_of_work).private.push(operation);
                }
            }
            LogRecord::Removed { queue, number } => {
                let Some(store) = self.queues.get_mut(&queue) else { return };
                store.take(number, None);
            }
            LogRecord::BackoutCount { queue, number, backout_count } => {
                let Some(store) = self.queues.get_mut(&queue) else { return };
                if store.state(number).is_some() {
                    store.set_backout_count(number, backout_count);
                }
            }
            LogRecord::Shared { unit_of_work, operation } => {
                if let Some(unit) = unit_of_work {
                    self.logged_unit(&unit).shared.push(operation);
                }
            }
            LogRecord::Prepared { unit_of_work, xid, disposition, operations } => {
                let work = self.logged_unit(&unit_of_work);
                work.state = UnitOfWorkState::InDoubt;
                work.stage = Stage::Prepared;
                work.xid = Some(xid);
                work.disposition = disposition;
                work.shared = operations;
            }
            LogRecord::Committed(unit) => self.redo_outcome(&unit, Outcome::Commit),
            LogRecord::BackedOut(unit) => self.redo_outcome(&unit, Outcome::Backout),
            LogRecord::Ended(unit) => {
                self.units.remove(&unit);
            }
        }
    }

    fn logged_unit(&mut self, unit: &UnitOfWorkId) -> &mut UnitOfWork {
        let limit = self.definition.maximum_uncommitted_messages;
        let end = self.log.end();
        let work =
            self.units.entry(unit.clone()).or_insert_with(|| UnitOfWork::new(None, Disposition::QueueManager, limit));
        work.logged = Some(end);
        work
    }

    fn redo_outcome(&mut self, unit: &UnitOfWorkId, outcome: Outcome) {
        let work = self.logged_unit(unit);
        // If it was in doubt, it is so no longer.
        work.stage = Stage::Open;
        work.state = match outcome {
            Outcome::Commit => UnitOfWorkState::InCommit,
            Outcome::Backout => UnitOfWorkState::InBackout,
        };
        for shown in self.settle_private(unit, outcome) {
            // The count of a queue that does not harden it was only in memory (reference D).
            let store = self.queues.get_mut(&shown.queue);
            if let (Some(backout_count), Some(store), false) =
                (shown.backout_count, store, self.definition.queues[&shown.queue].harden_backout)
            {
                store.set_backout_count(shown.number, backout_count - 1);
            }
        }
    }

    pub(super) fn checkpoint_if_due(&mut self, effects: &mut Effects) {
        if self.log.checkpoint_due() {
            let live = self.live_records();
            self.log.checkpoint(live, effects);
        }
    }

    /// The records to which everything so far amounts.
    fn live_records(&self) -> Vec<LogRecord> {
        let mut records = vec![LogRecord::Life(self.life)];
        let persistent = |persistence| persistence == Persistence::Persistent;
        for (name, queue) in &self.queues {
            for (number, message, state) in queue.messages() {
                if !persistent(message.descriptor.persistence) {
                    continue;
                }
                let put_by = match state {
                    MessageState::UncommittedPut(unit) => Some(unit.clone()),
                    _ => None,
                };
                let (queue, mut message) = (name.clone(), message.clone());
                if !self.hardens_backout(name) {
                    // It is only in memory, and a restart forgets it (reference D).
                    message.descriptor.backout_count = 0;
                }
                records.push(LogRecord::Put { unit_of_work: put_by, queue: queue.clone(), number, message });
                if let MessageState::UncommittedGet(unit) = state {
                    records.push(LogRecord::Get { unit_of_work: unit.clone(), queue, number });
                }
            }
        }
        for (unit, work) in self.units.iter().filter(|(_, work)| work.logged.is_some()) {
            // A vote that is being forced is among the records so far.
            let voted = work.state == UnitOfWorkState::InDoubt || work.stage == Stage::ForcingPrepare;
            match (voted, &work.xid) {
                (true, Some(xid)) => records.push(LogRecord::Prepared {
                    unit_of_work: unit.clone(),
                    xid: xid.clone(),
                    disposition: work.disposition,
                    operations: work.shared.clone(),
                }),
                _ => {
                    for operation in &work.shared {
                        let (unit_of_work, operation) = (Some(unit.clone()), operation.clone());
                        records.push(LogRecord::Shared { unit_of_work, operation });
                    }
                }
            }
            match (&work.state, &work.stage) {
                (UnitOfWorkState::InCommit, _) | (_, Stage::ForcingCommit) => {
                    records.push(LogRecord::Committed(unit.clone()));
                }
                (
                    UnitOfWorkState::InBackout,
                    Stage::ForcingBackout | Stage::Settling { .. } | Stage::DeletingDescriptor { .. },
                ) => {
                    records.push(LogRecord::BackedOut(unit.clone()));
                }
                _ => {}
            }
        }
        records
    }
}
