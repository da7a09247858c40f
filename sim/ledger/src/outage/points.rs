//! Queue points: a queue that is kept by several, each with messages of its own.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::Contract;
use crate::history::{Call, History, QueueIndex};

/// Which queues have several points, and of which of them a put or get was asked.
pub(super) struct Points<'c> {
    history: &'c History,
    of_queue: BTreeMap<QueueIndex, BTreeSet<&'c str>>,
}

impl<'c> Points<'c> {
    pub(super) fn new(history: &'c History, contract: &'c Contract) -> Self {
        let mut of_queue: BTreeMap<QueueIndex, BTreeSet<&str>> = BTreeMap::new();
        for (queue, keeper) in &contract.keepers {
            of_queue.entry(*queue).or_default().insert(keeper);
        }
        of_queue.retain(|_, keepers| keepers.len() > 1);
        Points { history, of_queue }
    }

    /// Who keeps the point of this queue with which whoever made the call works: the one it is connected to. `None`: the
    /// queue is kept in one place, or it is connected to none of them.
    pub(super) fn of(&self, queue: QueueIndex, call: &Call) -> Option<&'c str> {
        let keepers = self.of_queue.get(&queue)?;
        keepers.get(self.history.peer_of(call)?.resource.as_str()).copied()
    }
}
