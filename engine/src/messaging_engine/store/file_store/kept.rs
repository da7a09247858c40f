//! What a file store keeps: the effect of all changes so far.

use std::collections::BTreeMap;

use super::record::{Damaged, LogRecord, Permanent, read_all, write};
use crate::file_server::frame::Content;
use crate::messaging_engine::definition::{EngineUuid, IncarnationUuid};
use crate::messaging_engine::store::{Change, Contents, ItemId, PreparedTransaction, StoredMessage};
use crate::unit_of_work::{Outcome, Xid};

/// The numbers of items that one opening can give out. Items that are not persistent leave no trace, so that each opening
/// begins a range of its own (the product takes ranges of unique keys likewise).
const ITEMS_OF_AN_OPENING: u64 = 1 << 32;

/// A change as far as it is stored; `None` if it is not. Storage strategies of a file store: both persistent reliabilities
/// are written, the others are not.
pub(super) fn as_far_as_kept(change: Change) -> Option<Change> {
    match change {
        Change::Add(stored) if !stored.message.reliability.is_persistent() => None,
        Change::Remove { reliability, .. } | Change::CountFailedDelivery { reliability, .. }
            if !reliability.is_persistent() =>
        {
            None
        }
        Change::Prepare(mut transaction) => {
            transaction.adds.retain(|stored| stored.message.reliability.is_persistent());
            Some(Change::Prepare(transaction))
        }
        change => Some(change),
    }
}

/// How many bytes of payload a change brings into the store.
pub(super) fn payload_of(changes: &[Change]) -> u64 {
    let length = |stored: &StoredMessage| u64::from(stored.message.payload.length);
    changes
        .iter()
        .map(|change| match change {
            Change::Add(stored) => length(stored),
            Change::Prepare(transaction) => transaction.adds.iter().map(length).sum(),
            _ => 0,
        })
        .sum()
}

/// Whether changes need room that will not come back with the next checkpoint.
pub(super) fn grows(changes: &[Change]) -> bool {
    changes.iter().any(|change| match change {
        Change::Add(_) => true,
        Change::Prepare(transaction) => !transaction.adds.is_empty(),
        _ => false,
    })
}

/// What is in the store.
#[derive(Debug, Default)]
pub(super) struct Kept {
    messages: BTreeMap<ItemId, StoredMessage>,
    prepared: BTreeMap<Xid, PreparedTransaction>,
    next_item: u64,
    openings: u64,
    /// The last record of the log that is part of it.
    pub(super) sequence: u64,
    /// Length of the last permanent store written.
    pub(super) permanent_length: u64,
}

/// What the files say.
#[derive(Debug)]
pub(super) enum Found {
    Kept(Kept),
    /// They belong to another engine.
    AnotherEngine,
}

impl Kept {
    /// Reads the files, for an opening of `engine`'s store.
    pub(super) fn read(engine: &EngineUuid, log: &[u8], permanent: &[u8]) -> Result<Found, Damaged> {
        let mut kept = Kept::default();
        let mut stores = read_all::<Permanent>(permanent)?;
        match (stores.pop(), stores.is_empty()) {
            (Some(store), true) => {
                if store.engine != *engine {
                    return Ok(Found::AnotherEngine);
                }
                kept.messages = store.messages.into_iter().map(|stored| (stored.item, stored)).collect();
                kept.prepared = store.prepared.into_iter().map(|prepared| (prepared.xid.clone(), prepared)).collect();
                kept.next_item = store.next_item;
                kept.openings = store.openings + 1;
                kept.sequence = store.sequence;
            }
            (None, _) if log.is_empty() => {}
            _ => return Err(Damaged),
        }
        for record in read_all::<LogRecord>(log)? {
            // An earlier life ended between the two writes of a checkpoint: the log still holds what is included.
            if record.sequence <= kept.sequence {
                continue;
            }
            if record.sequence != kept.sequence + 1 {
                return Err(Damaged);
            }
            kept.apply(&record);
        }
        kept.next_item = kept.next_item.max(kept.openings * ITEMS_OF_AN_OPENING);
        Ok(Found::Kept(kept))
    }

    /// The permanent store.
    pub(super) fn permanent(&self, engine: &EngineUuid, incarnation: &IncarnationUuid) -> Content {
        let mut bytes = Vec::new();
        let permanent = Permanent {
            engine: engine.clone(),
            incarnation: incarnation.clone(),
            sequence: self.sequence,
            openings: self.openings,
            next_item: self.next_item,
            messages: self.messages.values().cloned().collect(),
            prepared: self.prepared.values().cloned().collect(),
        };
        write(&permanent, &mut bytes);
        let messages = self.messages.values().chain(self.prepared.values().flat_map(|transaction| &transaction.adds));
        let payload = messages.map(|stored| u64::from(stored.message.payload.length)).sum();
        Content { bytes, payload }
    }

    /// For the engine.
    pub(super) fn contents(&self) -> Contents {
        Contents {
            messages: self.messages.values().cloned().collect(),
            prepared: self.prepared.values().cloned().collect(),
            next_item: self.next_item,
        }
    }

    /// Makes the changes of the next record.
    pub(super) fn apply(&mut self, record: &LogRecord) {
        assert_eq!(record.sequence, self.sequence + 1, "records are applied in their order, each once");
        self.sequence = record.sequence;
        for change in &record.changes {
            self.change(change);
        }
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Add(stored) => self.keep(stored.clone()),
            Change::Remove { item, .. } => {
                self.messages.remove(item);
            }
            Change::CountFailedDelivery { item, failed_deliveries, .. } => {
                if let Some(stored) = self.messages.get_mut(item) {
                    stored.message.failed_deliveries = *failed_deliveries;
                }
            }
            Change::Prepare(transaction) => {
                for stored in &transaction.adds {
                    self.next_item = self.next_item.max(stored.item.0 + 1);
                }
                self.prepared.insert(transaction.xid.clone(), transaction.clone());
            }
            Change::Resolve { xid, outcome } => {
                let Some(transaction) = self.prepared.remove(xid) else { return };
                if *outcome == Outcome::Commit {
                    for item in &transaction.removes {
                        self.messages.remove(item);
                    }
                    transaction.adds.into_iter().for_each(|stored| self.keep(stored));
                }
            }
        }
    }

    /// A message is there.
    pub(super) fn keep(&mut self, stored: StoredMessage) {
        self.next_item = self.next_item.max(stored.item.0 + 1);
        self.messages.insert(stored.item, stored);
    }
}
