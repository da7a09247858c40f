//! The temporary store: what is spilled from memory.
//!
//! **In the product.** An object store that is kept until it is next opened. What is written to it is not forced.
//!
//! **Modelled.** Batches of changes are appended to the file. When most of it is of no use any more, it is written anew
//! with what is left, and so it is when the file server has lost something of it in a restart: this instance has it all in
//! memory.

use std::collections::BTreeMap;

use super::record::{read_all, write};
use super::writing::failure;
use super::{Awaited, FileStore, StoreFailure, TEMPORARY};
use crate::file_server::frame::{Content, FileAnswer, FileError, FileOperation, FilePath, Stability};
use crate::machine::Effects;
use crate::messaging_engine::store::{ItemId, SpillChange, StoredMessage};
use crate::time::Time;

/// What this instance knows of the file.
#[derive(Debug, Default)]
pub(super) struct Temporary {
    /// What was written and not removed.
    spilled: BTreeMap<ItemId, StoredMessage>,
    size: Size,
    /// What the outstanding write will make of it.
    next_size: Size,
    /// How much room it took when it was last written anew.
    renewed_room: u64,
    /// Whether it is not what it should be.
    is_damaged: bool,
}

/// How large the file is.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    /// Where its end is.
    length: u64,
    /// With the payloads of messages.
    room: u64,
}

impl Size {
    fn and(self, content: &Content) -> Size {
        Size { length: self.length + content.bytes.len() as u64, room: self.room + content.length() }
    }
}

fn apply(changes: impl IntoIterator<Item = SpillChange>, spilled: &mut BTreeMap<ItemId, StoredMessage>) {
    for change in changes {
        match change {
            SpillChange::Add(stored) => {
                spilled.insert(stored.item, stored);
            }
            SpillChange::Remove(item) => {
                spilled.remove(&item);
            }
        }
    }
}

fn content(changes: &Vec<SpillChange>) -> Content {
    let mut bytes = Vec::new();
    write(changes, &mut bytes);
    let payload = |change: &SpillChange| match change {
        SpillChange::Add(stored) => u64::from(stored.message.payload.length),
        SpillChange::Remove(_) => 0,
    };
    Content { bytes, payload: changes.iter().map(payload).sum() }
}

impl Temporary {
    /// What an earlier instance has spilled. Nobody needs it: what cannot be read is not missed.
    pub(super) fn read(bytes: &[u8]) -> BTreeMap<ItemId, StoredMessage> {
        let mut spilled = BTreeMap::new();
        let records: Vec<Vec<SpillChange>> = read_all(bytes).unwrap_or_default();
        apply(records.into_iter().flatten(), &mut spilled);
        spilled
    }

    /// How a batch is written.
    fn operation(&mut self, path: FilePath, batch: &[SpillChange], slack: u64) -> FileOperation {
        if self.is_damaged || self.size.room > slack.max(2 * self.renewed_room) {
            let mut spilled = self.spilled.clone();
            apply(batch.iter().cloned(), &mut spilled);
            let content = content(&spilled.into_values().map(SpillChange::Add).collect());
            self.next_size = Size::default().and(&content);
            self.renewed_room = self.next_size.room;
            return FileOperation::Replace { path, content };
        }
        let content = content(&batch.to_vec());
        self.next_size = self.size.and(&content);
        FileOperation::Write { path, offset: self.size.length, content, stability: Stability::Unstable }
    }

    fn written(&mut self, batch: Vec<SpillChange>) {
        apply(batch, &mut self.spilled);
        self.size = self.next_size;
        self.is_damaged = false;
    }
}

impl FileStore {
    /// Writes spilled messages, if there are enough. Returns whether there were.
    pub(super) fn write_temporary(&mut self, now: Time, effects: &mut Effects) -> bool {
        if self.closing {
            return false;
        }
        let path = self.path(TEMPORARY);
        let Some(batch) = self.spills.batch() else { return false };
        let operation = self.temporary.operation(path, batch, self.definition.checkpoint_interval);
        self.ask(now, Awaited::TemporaryWritten, operation, effects);
        true
    }

    pub(super) fn temporary_written(&mut self, now: Time, answer: &FileAnswer, effects: &mut Effects) {
        match answer {
            FileAnswer::Done => {
                let batch = self.spills.written();
                self.temporary.written(batch);
            }
            FileAnswer::Failed(FileError::NoSpace) => self.spills.refused(),
            // The server has lost what was not forced: the same batch again, with everything before it.
            FileAnswer::Failed(FileError::Invalid) if !self.temporary.is_damaged => self.temporary.is_damaged = true,
            FileAnswer::Failed(error) => return self.fail(failure(*error), effects),
            _ => return self.fail(StoreFailure::Unreachable, effects),
        }
        self.go_on(now, effects);
    }
}
