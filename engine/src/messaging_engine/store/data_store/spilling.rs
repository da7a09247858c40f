//! Spilled items: written to the temporary table in the background, and purged from there when the store is opened.
//!
//! They have transactions of their own, so that nobody waits for them. They need not be exact: whatever is left over,
//! also by an instance that was taken over and did not know yet, goes with the next start.

use super::{DataStore, Phase};
use crate::database::TransactionNumber;
use crate::database::frame::{Answer, Then};
use crate::event::Event;
use crate::machine::Effects;

/// The transaction that writes spilled items.
const SPILL: TransactionNumber = TransactionNumber(4);

impl DataStore {
    /// Writes spilled items, if there are enough, and none are on their way. A store that is being closed drops them.
    pub(super) fn pump_spills(&mut self, effects: &mut Effects) {
        if matches!(self.phase, Phase::Running)
            && self.spill_request.is_none()
            && let Some(batch) = self.spills.batch()
        {
            let statements = self.tables.spill(batch);
            self.spill_request = Some(self.execute(SPILL, statements, Then::Commit, effects));
        }
    }

    pub(super) fn spill_answered(&mut self, is_written: bool, effects: &mut Effects) {
        self.spill_request = None;
        if is_written {
            self.spills.written();
        } else {
            self.spills.refused();
        }
        self.pump_spills(effects);
    }

    /// What was spilled before this instance became the owner is gone.
    pub(super) fn tell_purged(&self, messages: u64, effects: &mut Effects) {
        if messages > 0 {
            self.report(|engine| Event::SpilledMessagesPurged { engine, messages }, effects);
        }
    }
}

/// How many spilled messages were purged, as the database says.
pub(super) fn purged(answer: Option<Answer>) -> u64 {
    match answer {
        Some(Answer::Deleted(messages)) => messages,
        _ => 0,
    }
}
