//! Get lists, and the puts that are not committed: what a queue manager's units of work hold in a structure.
//!
//! A get under syncpoint moves an entry from the put list of its queue to the get list of the queue manager; a put
//! under syncpoint lies in the uncommitted key range of its put list. Recovery asks for both with one command, so both
//! are indexed together, by queue manager.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::QueueManagerName;
use crate::unit_of_work::EntryId;

/// Entries held by units of work, by queue manager.
#[derive(Debug, Default)]
pub(super) struct HeldEntries {
    by_queue_manager: BTreeMap<QueueManagerName, BTreeSet<EntryId>>,
}

impl HeldEntries {
    /// A unit of work of this queue manager holds the entry from now on.
    pub(super) fn hold(&mut self, queue_manager: &QueueManagerName, entry: EntryId) {
        let new = match self.by_queue_manager.get_mut(queue_manager) {
            Some(held) => held.insert(entry),
            None => self.by_queue_manager.entry(queue_manager.clone()).or_default().insert(entry),
        };
        assert!(new, "an entry is held only once");
    }

    /// It no longer does.
    pub(super) fn let_go(&mut self, queue_manager: &QueueManagerName, entry: EntryId) {
        let held = self.by_queue_manager.get_mut(queue_manager).is_some_and(|held| held.remove(&entry));
        assert!(held, "an entry that is let go was held");
    }

    /// In order of arrival.
    pub(super) fn of(&self, queue_manager: &QueueManagerName) -> impl Iterator<Item = EntryId> + '_ {
        self.by_queue_manager.get(queue_manager).into_iter().flatten().copied()
    }

    /// How many there are, of all queue managers.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_queue_manager.values().map(BTreeSet::len).sum()
    }
}
