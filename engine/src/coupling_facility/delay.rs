//! What happens a little later, with one timer for all of it.
//!
//! The coupling facility executes commands when they arrive; their time inside it passes before the answer leaves. Commands
//! overlap, so a queue of due times and one timer do. The system services of an image keep what they have to do later in
//! the same way.

use std::collections::BTreeMap;

use crate::machine::{Effect, Effects, TimerId};
use crate::time::Time;

/// The one timer of a process that delays things so.
pub(crate) const TIMER: TimerId = TimerId(1);

/// Things to be done at their time; those of the same time in the order in which they came in.
#[derive(Debug)]
pub(crate) struct Delayed<T> {
    queue: BTreeMap<(Time, u64), T>,
    next: u64,
    timer_at: Option<Time>,
}

impl<T> Delayed<T> {
    /// Nothing to be done.
    pub(crate) const fn new() -> Self {
        Delayed { queue: BTreeMap::new(), next: 0, timer_at: None }
    }

    /// To be done then.
    pub(crate) fn push(&mut self, due: Time, what: T) {
        self.queue.insert((due, self.next), what);
        self.next += 1;
    }

    /// What is due, first things first.
    pub(crate) fn pop(&mut self, now: Time) -> Option<T> {
        let first = self.queue.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// The timer has run out.
    pub(crate) const fn timer_ran_out(&mut self) {
        self.timer_at = None;
    }

    /// Sets the timer for what comes next, unless it runs out before that anyway.
    pub(crate) fn set_timer(&mut self, effects: &mut Effects) {
        let Some(((due, _), _)) = self.queue.first_key_value() else { return };
        if self.timer_at.is_none_or(|at| at > *due) {
            self.timer_at = Some(*due);
            effects.push(Effect::SetTimer { timer: TIMER, at: *due });
        }
    }
}
