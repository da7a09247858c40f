//! The private part of a unit of work: it gets its outcome after the shared part, and again when the log is replayed.

use crate::defect::Defect;
use crate::event::Event;
use crate::machine::Effects;
use crate::name::QueueName;
use crate::queue::MessageNumber;
use crate::step::Step;
use crate::unit_of_work::{Outcome, UnitOfWorkId};

use super::QueueManager;
use super::record::LogRecord;
use super::unit::{PrivateOperation, PrivateOperationKind};

/// A message of a private queue that a unit of work made visible by its end.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) queue: QueueName,
    pub(super) number: MessageNumber,
    /// Present if a get of it was backed out: how often by now.
    pub(super) backout_count: Option<u32>,
}

impl QueueManager {
    /// Gives the private part its outcome; the log has it.
    pub(super) fn apply_private(&mut self, unit: &UnitOfWorkId, outcome: Outcome, effects: &mut Effects) {
        let work = self.units.get(unit).expect("a unit of work that ends is known");
        let implicit = work.implicit;
        if work.private.is_empty() {
            return;
        }
        if outcome == Outcome::Commit && !work.shared.is_empty() {
            effects.report(Event::CommitSpanned { unit_of_work: unit.clone() });
        }
        let mut woken = Vec::new();
        for shown in self.settle_private(unit, outcome) {
            if let Some(backout_count) = shown.backout_count {
                effects.report(Event::GetBackedOut { queue: shown.queue.clone() });
                if self.hardens_backout(&shown.queue) {
                    let (queue, number) = (shown.queue.clone(), shown.number);
                    self.append(&LogRecord::BackoutCount { queue, number, backout_count }, effects);
                }
            }
            woken.push(shown.queue);
        }
        if !implicit {
            effects.step(match outcome {
                Outcome::Commit => Step::CommitPrivateApplied,
                Outcome::Backout => Step::BackoutPrivateApplied,
            });
        }
        woken.sort();
        woken.dedup();
        for queue in woken {
            self.wake_private(&queue, effects);
        }
    }

    pub(super) fn hardens_backout(&self, queue: &QueueName) -> bool {
        self.definition.queues.get(queue).is_some_and(|queue| queue.harden_backout)
    }

    /// Gives the private part its outcome in memory, without a word to the log or to anybody: what became visible by it.
    pub(super) fn settle_private(&mut self, unit: &UnitOfWorkId, outcome: Outcome) -> Vec<Shown> {
        let work = self.units.get_mut(unit).expect("a unit of work that ends is known");
        let mut shown = Vec::new();
        for PrivateOperation { queue, number, kind } in std::mem::take(&mut work.private) {
            let store = self.queues.get_mut(&queue).expect("a queue with messages exists");
            let backout_count = match (kind, outcome) {
                (PrivateOperationKind::Put, Outcome::Commit) => {
                    store.commit_put(number);
                    None
                }
                (PrivateOperationKind::Put, Outcome::Backout) => {
                    store.remove_put(number);
                    continue;
                }
                (PrivateOperationKind::Get, Outcome::Commit) if Defect::GetNotRemovedAtCommit.is_planted() => {
                    store.backout_get(number);
                    None
                }
                (PrivateOperationKind::Get, Outcome::Backout) if !Defect::BackoutLosesMessage.is_planted() => {
                    Some(store.backout_get(number))
                }
                (PrivateOperationKind::Get, _) => {
                    store.commit_get(number);
                    continue;
                }
            };
            shown.push(Shown { queue, number, backout_count });
        }
        shown
    }
}
