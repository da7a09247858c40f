//! The tables of a data store, and what their rows hold.

use std::collections::VecDeque;

use super::dispatcher::RowWrite;
use super::ownership::OwnerRow;
use crate::database::frame::{Answer, RowKey, Statement};
use crate::messaging_engine::definition::IncarnationUuid;
use crate::messaging_engine::store::SpillChange;
use crate::name::TableName;

/// The tables of an engine's schema; every engine's are called the same.
#[derive(Clone, Debug)]
pub struct Tables {
    /// `SIBOWNERO`: nothing but a lock.
    pub outer_owner: TableName,
    /// `SIBOWNER`: whose store this is.
    pub owner: TableName,
    /// `SIBKEYS`: item numbers in use, number of the last batch of each incarnation.
    pub keys: TableName,
    /// `SIBXACTS`: transactions in doubt.
    pub transactions: TableName,
    /// `SIB000`: persistent items.
    pub items: TableName,
    /// `SIB002`: nonpersistent items that were spilled, the temporary table.
    pub spilled: TableName,
    /// The column of `SIB000` for redelivery counts, which is a table here.
    pub redelivery_counts: TableName,
}

impl Default for Tables {
    fn default() -> Self {
        Tables {
            outer_owner: TableName::from("SIBOWNERO"),
            owner: TableName::from("SIBOWNER"),
            keys: TableName::from("SIBKEYS"),
            transactions: TableName::from("SIBXACTS"),
            items: TableName::from("SIB000"),
            spilled: TableName::from("SIB002"),
            redelivery_counts: TableName::from("SIB000.REDELIVERED_COUNT"),
        }
    }
}

/// The only row of `SIBOWNER`, and the row of `SIBKEYS` that says which item numbers are given out.
pub(super) const ONLY_ROW: RowKey = RowKey::Number(0);

/// A row's bytes.
pub(super) fn encode<T: serde::Serialize>(value: &T) -> Vec<u8> {
    postcard::to_extend(value, Vec::new()).expect("a row is plain data, which always has an encoding")
}

impl Tables {
    pub(super) fn read_owner(&self) -> Statement {
        Statement::Read { table: self.owner.clone(), key: ONLY_ROW }
    }

    pub(super) fn require_owner(&self, row: &OwnerRow) -> Statement {
        Statement::Require { table: self.owner.clone(), key: ONLY_ROW, value: Some(encode(row)) }
    }

    pub(super) fn put_owner(&self, row: &OwnerRow) -> Statement {
        Statement::Put { table: self.owner.clone(), key: ONLY_ROW, value: encode(row) }
    }

    pub(super) fn read_reserved(&self) -> Statement {
        Statement::Read { table: self.keys.clone(), key: ONLY_ROW }
    }

    pub(super) fn put_reserved(&self, reserved: u64) -> Statement {
        Statement::Put { table: self.keys.clone(), key: ONLY_ROW, value: encode(&reserved) }
    }

    fn batch_key(incarnation: &IncarnationUuid) -> RowKey {
        RowKey::Bytes(incarnation.0.as_bytes().to_vec())
    }

    /// The statements around a batch, so that it takes effect once however often it is sent.
    pub(super) fn number_batch(&self, incarnation: &IncarnationUuid, number: u64) -> [Statement; 2] {
        let key = Self::batch_key(incarnation);
        let before = (number > 1).then(|| encode(&(number - 1)));
        [
            Statement::Require { table: self.keys.clone(), key: key.clone(), value: before },
            Statement::Put { table: self.keys.clone(), key, value: encode(&number) },
        ]
    }

    pub(super) fn purge_spilled(&self) -> Statement {
        Statement::DeleteAll { table: self.spilled.clone() }
    }

    /// The statements of a batch of the spill dispatcher. It does no harm to send it twice.
    pub(super) fn spill(&self, batch: &[SpillChange]) -> Vec<Statement> {
        let statement = |change: &SpillChange| {
            let table = self.spilled.clone();
            match change {
                SpillChange::Add(stored) => {
                    Statement::Put { table, key: RowKey::Number(stored.item.0), value: encode(stored) }
                }
                SpillChange::Remove(item) => Statement::Delete { table, key: RowKey::Number(item.0) },
            }
        };
        batch.iter().map(statement).collect()
    }

    /// The statements of one change.
    pub(super) fn write(&self, write: &RowWrite, persists_redelivery_count: bool, statements: &mut Vec<Statement>) {
        let delete = |table: &TableName, key| Statement::Delete { table: table.clone(), key };
        match write {
            RowWrite::Add(message) => statements.push(Statement::Put {
                table: self.items.clone(),
                key: RowKey::Number(message.item.0),
                value: encode(message),
            }),
            RowWrite::Remove(item) => {
                statements.push(delete(&self.items, RowKey::Number(item.0)));
                if persists_redelivery_count {
                    statements.push(delete(&self.redelivery_counts, RowKey::Number(item.0)));
                }
            }
            RowWrite::Count(item, failed) if persists_redelivery_count => statements.push(Statement::Put {
                table: self.redelivery_counts.clone(),
                key: RowKey::Number(item.0),
                value: encode(failed),
            }),
            RowWrite::Count(..) => {}
            RowWrite::Prepare(transaction) => statements.push(Statement::Put {
                table: self.transactions.clone(),
                key: RowKey::Bytes(encode(&transaction.xid)),
                value: encode(transaction),
            }),
            RowWrite::Forget(xid) => statements.push(delete(&self.transactions, RowKey::Bytes(encode(xid)))),
            RowWrite::Reserve(reserved) => statements.push(self.put_reserved(*reserved)),
        }
    }
}

/// The rows among answers.
pub(super) fn rows(answers: &mut VecDeque<Answer>) -> Vec<(RowKey, Vec<u8>)> {
    match answers.pop_front() {
        Some(Answer::Rows(rows)) => rows,
        _ => Vec::new(),
    }
}

/// One row among answers.
pub(super) fn row(answers: &mut VecDeque<Answer>) -> Option<Vec<u8>> {
    match answers.pop_front() {
        Some(Answer::Row(row)) => row,
        _ => None,
    }
}
