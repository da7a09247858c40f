//! What an instance that has become the owner reads out of the tables.

use std::collections::VecDeque;

use super::DataStore;
use super::rows::{row, rows};
use crate::database::frame::{Answer, RowKey};
use crate::defect::Defect;
use crate::messaging_engine::store::{Contents, ItemId, PreparedTransaction, StoredMessage};

impl DataStore {
    /// What the tables hold; `None` if a row cannot be read.
    pub(super) fn contents(&mut self, answers: &mut VecDeque<Answer>) -> Option<Contents> {
        let found_reserved = row(answers).and_then(|row| postcard::from_bytes(&row).ok()).unwrap_or(1);
        let persists = self.definition.was_level.persists_redelivery_count();
        let item_rows = rows(answers);
        let mut counts = std::collections::BTreeMap::new();
        for (key, value) in rows(answers) {
            let RowKey::Number(item) = key else { return None };
            counts.insert(ItemId(item), postcard::from_bytes::<u32>(&value).ok()?);
        }
        let mut messages = Vec::with_capacity(item_rows.len());
        for (_, value) in item_rows {
            let mut message: StoredMessage = postcard::from_bytes(&value).ok()?;
            let failed = &mut message.message.failed_deliveries;
            // Without the column, the count starts again.
            *failed = if persists { counts.get(&message.item).copied().unwrap_or(*failed) } else { 0 };
            messages.push(message);
        }
        let mut prepared = Vec::new();
        for (_, value) in rows(answers) {
            prepared.push(postcard::from_bytes::<PreparedTransaction>(&value).ok()?);
        }
        for (_, value) in rows(answers) {
            messages.push(postcard::from_bytes(&value).ok()?);
        }
        let adds = prepared.iter().flat_map(|transaction| &transaction.adds);
        let highest = messages.iter().chain(adds).map(|message| message.item.0 + 1).max().unwrap_or(1);
        // The block of this instance begins where those before it ended.
        let begin = if Defect::StoreLockIgnored.is_planted() { found_reserved } else { self.taking().reserved };
        self.dispatcher.opened(&prepared);
        Some(Contents { messages, prepared, next_item: begin.max(highest) })
    }
}
