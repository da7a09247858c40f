//! What waits to be spilled into a store, and what waits to be removed from there again.
//!
//! **In the product.** The spill dispatcher of a message store writes in the background what its engine hands to it, in
//! batches: as soon as 64 changes or 2 MB are waiting, at most 64 changes or 4 MB at once; removals first, and on their
//! own. What is removed while it waits is never written. A batch that fails is tried again; nothing that is to be spilled
//! is ever refused, and what still waits when the store is closed is dropped. Known from the source of Liberty's message
//! store (`jdbcSpillMinBytesPerBatch`, `jdbcSpillMaxBytesPerBatch`, `jdbcSpillMaxTasksPerBatch`).
//!
//! **Modelled.** All of that, with one thread instead of eight. Where the source goes on trying, here a batch that was
//! refused waits until as much again has come.

#[cfg(test)]
pub(super) mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{ItemId, StoredMessage};

/// So many changes are worth a batch, and so many are in one at most.
const CHANGES: usize = 64;
/// So many bytes of messages are worth a batch.
const LEAST_BYTES: u64 = 2_000_000;
/// So many bytes are in one at most, unless it has one message only.
const MOST_BYTES: u64 = 4_000_000;

/// A change of what is spilled.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SpillChange {
    /// A message is to be written.
    Add(StoredMessage),
    /// A message that was handed over before is not wanted any more.
    Remove(ItemId),
}

/// How much must wait for a batch.
#[derive(Clone, Copy, Debug)]
struct Worth {
    changes: usize,
    bytes: u64,
}

const USUAL: Worth = Worth { changes: CHANGES, bytes: LEAST_BYTES };

/// Everything that waits, and the batch that is on its way.
#[derive(Debug)]
pub(super) struct SpillQueue {
    adds: BTreeMap<ItemId, StoredMessage>,
    /// Of what is written, or on its way.
    removes: BTreeSet<ItemId>,
    /// Of the adds.
    bytes: u64,
    on_the_way: Vec<SpillChange>,
    worth: Worth,
}

impl Default for SpillQueue {
    fn default() -> Self {
        SpillQueue { adds: BTreeMap::new(), removes: BTreeSet::new(), bytes: 0, on_the_way: Vec::new(), worth: USUAL }
    }
}

fn length(stored: &StoredMessage) -> u64 {
    u64::from(stored.message.length())
}

impl SpillQueue {
    /// Takes changes, to write them some time.
    pub(super) fn take(&mut self, changes: Vec<SpillChange>) {
        for change in changes {
            match change {
                SpillChange::Add(stored) => self.add(stored),
                SpillChange::Remove(item) => match self.adds.remove(&item) {
                    Some(stored) => self.bytes -= length(&stored),
                    None => {
                        self.removes.insert(item);
                    }
                },
            }
        }
    }

    fn add(&mut self, stored: StoredMessage) {
        self.bytes += length(&stored);
        let before = self.adds.insert(stored.item, stored);
        assert!(before.is_none(), "a message is spilled once");
    }

    /// The batch that is on its way, or else the next one; `None` if nothing is worth one.
    pub(super) fn batch(&mut self) -> Option<&[SpillChange]> {
        if self.on_the_way.is_empty() {
            self.fill();
        }
        (!self.on_the_way.is_empty()).then_some(&self.on_the_way)
    }

    fn fill(&mut self) {
        let waiting = self.adds.len() + self.removes.len();
        let is_worth_it = waiting >= self.worth.changes || self.bytes >= self.worth.bytes;
        // Removals make room: they need not wait for those who have found none.
        if !is_worth_it && self.removes.len() < CHANGES {
            return;
        }
        while self.on_the_way.len() < CHANGES
            && let Some(item) = self.removes.pop_first()
        {
            self.on_the_way.push(SpillChange::Remove(item));
        }
        if !self.on_the_way.is_empty() {
            return;
        }
        let mut bytes = 0;
        while self.on_the_way.len() < CHANGES
            && let Some(entry) = self.adds.first_entry()
            && (bytes == 0 || bytes + length(entry.get()) <= MOST_BYTES)
        {
            let stored = entry.remove();
            bytes += length(&stored);
            self.on_the_way.push(SpillChange::Add(stored));
        }
        self.bytes -= bytes;
    }

    /// The batch on its way is written. Returns it.
    pub(super) fn written(&mut self) -> Vec<SpillChange> {
        self.worth = USUAL;
        core::mem::take(&mut self.on_the_way)
    }

    /// There was no room for the batch on its way: it is as if it had never been begun.
    pub(super) fn refused(&mut self) {
        for change in core::mem::take(&mut self.on_the_way) {
            match change {
                SpillChange::Add(stored) if self.removes.remove(&stored.item) => {}
                SpillChange::Add(stored) => self.add(stored),
                SpillChange::Remove(item) => {
                    self.removes.insert(item);
                }
            }
        }
        self.worth = Worth { changes: self.adds.len() + self.removes.len() + CHANGES, bytes: self.bytes + LEAST_BYTES };
    }
}
