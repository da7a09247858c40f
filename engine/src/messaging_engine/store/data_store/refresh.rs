//! Keeping ownership: the owner row is touched at each refresh, and an owner that was taken over learns of it here.
//!
//! With the classic locks nobody takes over who is not let: the refresh keeps the session busy. With restricted ones it is
//! the fence, and the only one: no batch asks whose the store is.

use std::collections::VecDeque;

use super::ownership::OwnerRow;
use super::rows::{encode, row};
use super::{DataStore, OWNER};
use crate::database::frame::{Answer, DatabaseError, Then};
use crate::defect::Defect;
use crate::event::Event;
use crate::machine::{Effect, Effects};
use crate::messaging_engine::store::StoreFailure;
use crate::time::Time;

impl DataStore {
    pub(super) fn set_refresh(&mut self, now: Time, effects: &mut Effects) {
        self.next_refresh = now + self.definition.lock_refresh;
        effects.push(Effect::SetTimer { timer: self.refresh_timer(), at: self.next_refresh });
    }

    /// Touches the owner row.
    pub(super) fn refresh(&mut self, now: Time, effects: &mut Effects) {
        self.set_refresh(now, effects);
        if self.awaited.is_some() || Defect::StoreLockIgnored.is_planted() {
            return;
        }
        let read = self.tables.read_owner();
        let statements = if self.definition.restrict_long_running_locks {
            vec![self.lock(&self.tables.owner), read]
        } else {
            vec![read]
        };
        self.awaited = Some(self.execute(OWNER, statements, Then::Continue, effects));
    }

    pub(super) fn refresh_answered(
        &mut self,
        now: Time,
        result: Result<Vec<Answer>, DatabaseError>,
        effects: &mut Effects,
    ) {
        // A look that had to wait too long is repeated at the next refresh; a write has no answer of interest.
        let Ok(answers) = result else { return };
        let Some(found) = row(&mut VecDeque::from(answers)) else { return };
        let is_own = self.own_row.as_ref().is_some_and(|own| encode(own) == found)
            || postcard::from_bytes::<OwnerRow>(&found).is_ok_and(|found| found.incarnation == self.incarnation);
        if !is_own {
            if Defect::OldOwnerNotFenced.is_planted() {
                if self.definition.restrict_long_running_locks {
                    let _ = self.execute(OWNER, Vec::new(), Then::Rollback, effects);
                }
                return;
            }
            self.report(|engine| Event::StoreLockLost { engine }, effects);
            self.fail(StoreFailure::TakenOver, effects);
            return;
        }
        if self.definition.restrict_long_running_locks
            && let Some(own) = &mut self.own_row
        {
            own.last_update = now;
            let put = self.tables.put_owner(own);
            self.awaited = Some(self.execute(OWNER, vec![put], Then::Commit, effects));
        }
    }
}
