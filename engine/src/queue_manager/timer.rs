//! What a queue manager set its timers for.

use std::collections::BTreeMap;

use crate::machine::{ConnectionId, Effect, Effects, TimerId};
use crate::time::Time;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TimerFor {
    /// A get's wait interval is over.
    WaitInterval(ConnectionId),
    /// A get by message identifier looks again at a shared queue, which cannot be watched for one message.
    LookAgain(ConnectionId),
    /// Recoveries look after their helpers.
    Recovery,
    /// What could not be done (connecting to a structure, learning an outcome) is tried again.
    Retry,
    /// A member that resolves a unit of work of another active one looks whether that has done it.
    GroupResolution(ConnectionId),
}

#[derive(Debug, Default)]
pub(super) struct Timers {
    set: BTreeMap<TimerId, TimerFor>,
    last: u32,
}

impl Timers {
    pub(super) fn set(&mut self, at: Time, what: TimerFor, effects: &mut Effects) -> TimerId {
        self.last += 1;
        let timer = TimerId(self.last);
        self.set.insert(timer, what);
        effects.push(Effect::SetTimer { timer, at });
        timer
    }

    pub(super) fn cancel(&mut self, timer: TimerId, effects: &mut Effects) {
        if self.set.remove(&timer).is_some() {
            effects.push(Effect::CancelTimer { timer });
        }
    }

    pub(super) fn ran_out(&mut self, timer: TimerId) -> Option<TimerFor> {
        self.set.remove(&timer)
    }

    pub(super) fn is_set(&self, what: &TimerFor) -> bool {
        self.set.values().any(|other| other == what)
    }
}
