//! Tables by a naive model, and locks by their claims.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::definition::Capacity;
use super::frame::{RowKey, TransactionNumber};
use super::locks::Locks;
use super::tables::{Committed, RowChange, Tables};
use crate::machine::ConnectionId;
use crate::name::{SchemaName, TableName};
use crate::time::{Duration, Time};

/// Table, key, length of the value; no length: deleted.
type Change = (u8, u64, Option<u8>);

fn committed(changes: &[Change]) -> Committed {
    let change = |&(table, key, length): &Change| RowChange {
        table: TableName::from(format!("T{table}")),
        key: RowKey::Number(key),
        value: length.map(|length| vec![length; usize::from(length)]),
    };
    Committed { schema: SchemaName::from("S"), changes: changes.iter().map(change).collect() }
}

proptest! {
    #[test]
    fn tables_hold_what_a_map_holds_and_never_more_than_there_is_room_for(
        transactions in prop::collection::vec(
            prop::collection::vec((0..3_u8, 0..6_u64, prop::option::of(0..20_u8)), 0..6), 0..40,
        ),
        limit in 0..15_u64,
        in_bytes: bool,
    ) {
        let capacity = if in_bytes { Capacity::Bytes(limit * 8) } else { Capacity::Rows(limit) };
        let mut tables = Tables::default();
        let mut model: BTreeMap<(u8, u64), u8> = BTreeMap::new();
        for changes in transactions {
            let transaction = committed(&changes);
            let mut after = model.clone();
            for (table, key, length) in changes {
                match length {
                    Some(length) => after.insert((table, key), length),
                    None => after.remove(&(table, key)),
                };
            }
            let size = |model: &BTreeMap<(u8, u64), u8>| match capacity {
                Capacity::Rows(_) => model.len() as u64,
                Capacity::Bytes(_) => model.values().map(|length| u64::from(*length)).sum(),
            };
            let room = match capacity {
                Capacity::Rows(limit) | Capacity::Bytes(limit) => limit,
            };
            let fits = size(&after) <= size(&model) || size(&after) <= room;
            prop_assert_eq!(tables.has_room(&transaction.schema, &transaction.changes, Some(capacity)), fits);
            if fits {
                tables.apply(transaction);
                model = after;
            }
            prop_assert_eq!(tables.live().count(), model.len());
        }
        for table in 0..3 {
            let (schema, name) = (SchemaName::from("S"), TableName::from(format!("T{table}")));
            let found: Vec<(RowKey, Vec<u8>)> =
                tables.rows(&schema, &name).map(|(key, value)| (key.clone(), value.clone())).collect();
            let expected: Vec<(RowKey, Vec<u8>)> = model
                .iter()
                .filter(|((of, _), _)| *of == table)
                .map(|((_, key), length)| (RowKey::Number(*key), vec![*length; usize::from(*length)]))
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}

#[test]
fn a_lock_goes_to_those_who_wait_in_the_order_of_coming() {
    let table = (SchemaName::from("S"), TableName::from("SIBOWNER"));
    let owner = |number| (ConnectionId(number), TransactionNumber(1));
    let mut locks = Locks::default();
    assert!(locks.acquire(&table, owner(1)) && locks.acquire(&table, owner(1)));
    for waiter in 2..=4 {
        assert!(!locks.acquire(&table, owner(waiter)));
        locks.wait(&table, owner(waiter), Time::START + Duration::from_secs(u64::from(waiter)));
    }
    assert_eq!(locks.next_deadline(), Some(Time::START + Duration::from_secs(2)));
    let gone: BTreeSet<u32> =
        locks.give_up(Time::START + Duration::from_secs(2)).into_iter().map(|(_, (waiter, _))| waiter.0).collect();
    assert_eq!(gone, BTreeSet::from([2]));
    assert_eq!(locks.release(owner(1)), [owner(3)]);
    assert!(locks.is_held_by_another(&table, owner(4)));
    assert_eq!(locks.release(owner(3)), [owner(4)]);
    assert_eq!(locks.release(owner(4)), []);
    assert_eq!(locks.holder(&table), None);
}
