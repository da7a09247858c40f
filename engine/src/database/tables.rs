//! Schemas, tables, rows: what has committed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::definition::Capacity;
use super::frame::RowKey;
use crate::name::{SchemaName, TableName};

/// A change of one row; `None` deletes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RowChange {
    pub(super) table: TableName,
    pub(super) key: RowKey,
    pub(super) value: Option<Vec<u8>>,
}

/// A record of the log: all changes of one transaction that committed, or a row of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Committed {
    pub(super) schema: SchemaName,
    pub(super) changes: Vec<RowChange>,
}

type Table = BTreeMap<RowKey, Vec<u8>>;

/// All rows of a database.
#[derive(Debug, Default)]
pub(super) struct Tables {
    schemas: BTreeMap<SchemaName, BTreeMap<TableName, Table>>,
    rows: u64,
    bytes: u64,
}

impl Tables {
    fn table(&self, schema: &SchemaName, table: &TableName) -> Option<&Table> {
        self.schemas.get(schema)?.get(table)
    }

    /// A row.
    pub(super) fn row(&self, schema: &SchemaName, table: &TableName, key: &RowKey) -> Option<&Vec<u8>> {
        self.table(schema, table)?.get(key)
    }

    /// All rows of a table.
    pub(super) fn rows(&self, schema: &SchemaName, table: &TableName) -> impl Iterator<Item = (&RowKey, &Vec<u8>)> {
        self.table(schema, table).into_iter().flatten()
    }

    /// Whether these changes fit. What takes no more room than before always does, so that a full table can be emptied.
    pub(super) fn has_room(&self, schema: &SchemaName, changes: &[RowChange], capacity: Option<Capacity>) -> bool {
        let Some(capacity) = capacity else { return true };
        let mut last: BTreeMap<(&TableName, &RowKey), Option<&Vec<u8>>> = BTreeMap::new();
        for change in changes {
            last.insert((&change.table, &change.key), change.value.as_ref());
        }
        let (mut freed, mut taken) = ((0, 0), (0, 0));
        for ((table, key), value) in last {
            if let Some(before) = self.row(schema, table, key) {
                freed = (freed.0 + 1, freed.1 + before.len() as u64);
            }
            if let Some(after) = value {
                taken = (taken.0 + 1, taken.1 + after.len() as u64);
            }
        }
        match capacity {
            Capacity::Rows(limit) => taken.0 <= freed.0 || self.rows - freed.0 + taken.0 <= limit,
            Capacity::Bytes(limit) => taken.1 <= freed.1 || self.bytes - freed.1 + taken.1 <= limit,
        }
    }

    /// Makes the changes of a transaction.
    pub(super) fn apply(&mut self, committed: Committed) {
        let tables = self.schemas.entry(committed.schema).or_default();
        for RowChange { table, key, value } in committed.changes {
            let rows = tables.entry(table).or_default();
            if let Some(value) = &value {
                self.rows += 1;
                self.bytes += value.len() as u64;
            }
            let before = match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
            if let Some(before) = before {
                self.rows -= 1;
                self.bytes -= before.len() as u64;
            }
        }
    }

    /// Everything, for a checkpoint, row by row.
    pub(super) fn live(&self) -> impl Iterator<Item = Committed> {
        self.schemas.iter().flat_map(|(schema, tables)| {
            tables.iter().flat_map(move |(table, rows)| {
                rows.iter().map(move |(key, value)| Committed {
                    schema: schema.clone(),
                    changes: vec![RowChange { table: table.clone(), key: key.clone(), value: Some(value.clone()) }],
                })
            })
        })
    }
}
