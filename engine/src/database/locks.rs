//! Exclusive table locks: one holder, and those who wait, first come first served.

use std::collections::{BTreeMap, VecDeque};

use super::frame::TransactionNumber;
use crate::machine::ConnectionId;
use crate::name::{SchemaName, TableName};
use crate::time::Time;

/// A transaction of a session.
pub(super) type Owner = (ConnectionId, TransactionNumber);

/// A table of a schema.
pub(super) type TableId = (SchemaName, TableName);

#[derive(Debug)]
struct Lock {
    holder: Owner,
    waiters: VecDeque<(Owner, Time)>,
}

/// All locks of a database.
#[derive(Debug, Default)]
pub(super) struct Locks {
    /// Tables that somebody holds; no others.
    held: BTreeMap<TableId, Lock>,
}

impl Locks {
    /// Whether another transaction than `owner` holds the table.
    pub(super) fn is_held_by_another(&self, table: &TableId, owner: Owner) -> bool {
        self.held.get(table).is_some_and(|lock| lock.holder != owner)
    }

    /// Who holds a table.
    pub(super) fn holder(&self, table: &TableId) -> Option<Owner> {
        self.held.get(table).map(|lock| lock.holder)
    }

    /// Takes the lock if it is free or held already.
    pub(super) fn acquire(&mut self, table: &TableId, owner: Owner) -> bool {
        match self.held.get(table) {
            Some(lock) => lock.holder == owner,
            None => {
                self.held.insert(table.clone(), Lock { holder: owner, waiters: VecDeque::new() });
                true
            }
        }
    }

    /// Waits behind those who wait already.
    pub(super) fn wait(&mut self, table: &TableId, owner: Owner, until: Time) {
        let lock = self.held.get_mut(table).expect("nobody waits for a lock that is free");
        assert_ne!(lock.holder, owner, "nobody waits for what it holds");
        lock.waiters.push_back((owner, until));
    }

    /// Gives up everything that a transaction holds or waits for; tells who holds a lock by it.
    pub(super) fn release(&mut self, owner: Owner) -> Vec<Owner> {
        let mut granted = Vec::new();
        self.held.retain(|_, lock| {
            lock.waiters.retain(|(waiter, _)| *waiter != owner);
            if lock.holder != owner {
                return true;
            }
            match lock.waiters.pop_front() {
                Some((next, _)) => {
                    lock.holder = next;
                    granted.push(next);
                    true
                }
                None => false,
            }
        });
        granted
    }

    /// Takes out those whose patience has ended.
    pub(super) fn give_up(&mut self, now: Time) -> Vec<(TableName, Owner)> {
        let mut gone = Vec::new();
        for ((_, table), lock) in &mut self.held {
            lock.waiters.retain(|(waiter, until)| {
                if *until <= now {
                    gone.push((table.clone(), *waiter));
                }
                *until > now
            });
        }
        gone
    }

    /// When the first patience ends.
    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.held.values().flat_map(|lock| &lock.waiters).map(|(_, until)| *until).min()
    }
}
