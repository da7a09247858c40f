//! The connections there are, and the numbers under which processes know theirs.

use indoubt_engine::machine::ConnectionId;
use indoubt_engine::name::Address;

use super::connection::{Connection, End, Way};

/// A connection among all of the world; the generation tells it from others that had the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionKey {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

/// All connections. Places of ended ones are used again.
#[derive(Default)]
pub(super) struct Connections {
    list: Vec<Option<Connection>>,
    free: Vec<u32>,
    generation: u32,
}

impl Connections {
    pub(super) fn add(&mut self, address: Address, ends: [End; 2], ways: [Way; 2]) -> ConnectionKey {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let connection = Some(Connection::new(generation, address, ends, ways));
        let slot = match self.free.pop() {
            Some(slot) => {
                self.list[slot as usize] = connection;
                slot
            }
            None => {
                self.list.push(connection);
                u32::try_from(self.list.len() - 1).expect("fewer connections than memory")
            }
        };
        ConnectionKey { slot, generation }
    }

    #[inline]
    pub(super) fn get(&mut self, key: ConnectionKey) -> Option<&mut Connection> {
        self.list[key.slot as usize].as_mut().filter(|connection| connection.generation == key.generation)
    }

    /// The connections there are, in the order of their places.
    pub(super) fn keys(&self) -> Vec<ConnectionKey> {
        let slots = (0u32..).zip(&self.list);
        slots
            .filter_map(|(slot, connection)| {
                connection.as_ref().map(|connection| ConnectionKey { slot, generation: connection.generation })
            })
            .collect()
    }

    /// Both ends are gone: nobody can hear of it any more.
    pub(super) fn remove(&mut self, key: ConnectionKey) {
        self.list[key.slot as usize] = None;
        self.free.push(key.slot);
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.list.iter().flatten().count()
    }
}

/// The numbers under which a process knows its connections, in ascending order.
#[derive(Default)]
pub(super) struct ConnectionTable {
    opened: Vec<(u32, ConnectionKey)>,
    accepted: Vec<(u32, ConnectionKey)>,
    next_accepted: u32,
}

/// Numbers of accepted connections begin here, so that they never collide with those a process gives itself.
pub(super) const FIRST_ACCEPTED: u32 = 1 << 31;

impl ConnectionTable {
    /// Enters one that the process opens under a number of its own.
    pub(super) fn open(&mut self, id: ConnectionId, key: ConnectionKey) {
        assert!(id.0 < FIRST_ACCEPTED, "a process gives its connections small numbers");
        match self.opened.binary_search_by_key(&id.0, |entry| entry.0) {
            Ok(_) => panic!("connection number {} is in use", id.0),
            Err(place) => self.opened.insert(place, (id.0, key)),
        }
    }

    /// Enters one that the world accepts for the process.
    pub(super) fn accept(&mut self, key: ConnectionKey) -> ConnectionId {
        let id = FIRST_ACCEPTED + self.next_accepted;
        self.next_accepted += 1;
        self.accepted.push((id, key));
        ConnectionId(id)
    }

    fn list(&mut self, id: ConnectionId) -> &mut Vec<(u32, ConnectionKey)> {
        if id.0 < FIRST_ACCEPTED { &mut self.opened } else { &mut self.accepted }
    }

    #[inline]
    pub(super) fn find(&self, id: ConnectionId) -> Option<ConnectionKey> {
        let list = if id.0 < FIRST_ACCEPTED { &self.opened } else { &self.accepted };
        list.binary_search_by_key(&id.0, |entry| entry.0).ok().map(|place| list[place].1)
    }

    pub(super) fn remove(&mut self, id: ConnectionId) {
        let list = self.list(id);
        if let Ok(place) = list.binary_search_by_key(&id.0, |entry| entry.0) {
            list.remove(place);
        }
    }
}
