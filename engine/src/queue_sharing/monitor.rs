//! List monitoring by one member: which queues it watches for gets that wait, and who waits.
//!
//! The coupling facility signals that a list went from empty to not empty; it never delivers a message with the signal
//! (reference A1.2). Every waiter of every member is woken and tries a get; the losers wait again. The signal may be
//! spurious, and it may arrive between a get that found nothing and its decision to wait: [`Monitors::since`] tells.

use std::collections::{BTreeMap, BTreeSet};

use crate::machine::ConnectionId;
use crate::message::CorrelationId;
use crate::name::{QueueName, StructureName};

/// What is watched: a queue, or its messages with one correlation identifier (sublist monitoring).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonitorKey {
    /// Where the queue lies.
    pub structure: StructureName,
    /// Which queue.
    pub queue: QueueName,
    /// Which messages of it.
    pub correlation_id: Option<CorrelationId>,
}

#[derive(Debug, Default)]
struct Monitor {
    registered: bool,
    transitions: u64,
    waiters: BTreeSet<ConnectionId>,
}

/// What a waiter has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// The list is watched: the waiter will be woken.
    Watched,
    /// The list is not watched yet: ask the coupling facility.
    Register,
    /// A signal came since the get was tried: try again at once.
    TryAgain,
}

/// Everything one member watches.
#[derive(Debug, Default)]
pub struct Monitors {
    monitors: BTreeMap<MonitorKey, Monitor>,
}

impl Monitors {
    /// How many signals have come for a list: to be noted when a get is tried, and given to [`Monitors::wait`].
    pub fn since(&self, key: &MonitorKey) -> u64 {
        self.monitors.get(key).map_or(0, |monitor| monitor.transitions)
    }

    /// A get found nothing and wants to wait.
    pub fn wait(&mut self, key: &MonitorKey, waiter: ConnectionId, since: u64) -> Interest {
        let monitor = self.monitors.entry(key.clone()).or_default();
        if monitor.transitions != since {
            return Interest::TryAgain;
        }
        monitor.waiters.insert(waiter);
        if monitor.registered {
            return Interest::Watched;
        }
        monitor.registered = true;
        Interest::Register
    }

    /// A waiter gives up or is satisfied. Tells whether the list need not be watched any more, which is so for a sublist
    /// without waiters; whole queues stay watched, because their waiters come back.
    pub fn leave(&mut self, key: &MonitorKey, waiter: ConnectionId) -> bool {
        let Some(monitor) = self.monitors.get_mut(key) else { return false };
        monitor.waiters.remove(&waiter);
        if monitor.waiters.is_empty() && key.correlation_id.is_some() {
            let registered = monitor.registered;
            self.monitors.remove(key);
            return registered;
        }
        false
    }

    /// The list is not empty, or may not be: who is to try again? They wait no longer.
    pub fn signalled(&mut self, key: &MonitorKey) -> BTreeSet<ConnectionId> {
        let Some(monitor) = self.monitors.get_mut(key) else { return BTreeSet::new() };
        monitor.transitions += 1;
        std::mem::take(&mut monitor.waiters)
    }

    /// The connection to the coupling facility is gone: nothing is watched. Who was waiting?
    pub fn lose(&mut self) -> BTreeSet<ConnectionId> {
        std::mem::take(&mut self.monitors).into_values().flat_map(|monitor| monitor.waiters).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> MonitorKey {
        MonitorKey { structure: "APPLICATION1".into(), queue: "Q".into(), correlation_id: None }
    }

    #[test]
    fn a_signal_between_the_get_and_the_wait_is_not_lost() {
        let mut monitors = Monitors::default();
        let waiter = ConnectionId(1);
        let since = monitors.since(&key());
        assert_eq!(monitors.wait(&key(), waiter, since), Interest::Register);
        assert_eq!(monitors.signalled(&key()), BTreeSet::from([waiter]));
        let since = monitors.since(&key());
        assert!(monitors.signalled(&key()).is_empty());
        assert_eq!(monitors.wait(&key(), waiter, since), Interest::TryAgain);
    }

    #[test]
    fn a_sublist_without_waiters_is_no_longer_watched() {
        let mut monitors = Monitors::default();
        let key = MonitorKey { correlation_id: Some(CorrelationId(7)), ..key() };
        assert_eq!(monitors.wait(&key, ConnectionId(1), 0), Interest::Register);
        assert_eq!(monitors.wait(&key, ConnectionId(2), 0), Interest::Watched);
        assert!(!monitors.leave(&key, ConnectionId(1)));
        assert!(monitors.leave(&key, ConnectionId(2)));
    }
}
