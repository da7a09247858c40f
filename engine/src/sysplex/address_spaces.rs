//! The address spaces that run on an image and are registered with its system services.
//!
//! Registration joins the XCF group and makes an address space an element of automatic restart management; deregistration
//! is the sign of an end in good order. Whoever ends without it has ended abnormally.

use std::collections::BTreeMap;

use crate::coupling_facility::command::Connector;
use crate::machine::{Broken, ConnectionId};
use crate::name::{ProcessName, QueueManagerName};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Running(ConnectionId),
    /// Ended abnormally and about to be restarted: still an element.
    Ended,
}

#[derive(Debug)]
struct AddressSpace {
    connector: Connector,
    process: ProcessName,
    life: Life,
}

/// All of one image.
#[derive(Debug, Default)]
pub(super) struct AddressSpaces {
    by_name: BTreeMap<QueueManagerName, AddressSpace>,
    connections: BTreeMap<ConnectionId, QueueManagerName>,
}

impl AddressSpaces {
    /// An address space registers.
    pub(super) fn register(&mut self, connection: ConnectionId, connector: Connector, process: ProcessName) {
        let name = connector.name.clone();
        self.connections.insert(connection, name.clone());
        let life = Life::Running(connection);
        let earlier = self.by_name.insert(name, AddressSpace { connector, process, life });
        if let Some(AddressSpace { life: Life::Running(superseded), .. }) = earlier
            && superseded != connection
        {
            self.connections.remove(&superseded);
        }
    }

    /// An address space is about to end in good order. `false` if it was not registered.
    #[must_use]
    pub(super) fn deregister(&mut self, connection: ConnectionId) -> bool {
        let name = self.connections.remove(&connection);
        name.is_some_and(|name| self.by_name.remove(&name).is_some())
    }

    /// A connection of an address space is gone. If it ended abnormally: who it was.
    pub(super) fn broken(&mut self, connection: ConnectionId, how: Broken) -> Option<(Connector, ProcessName)> {
        if how == Broken::Silence {
            // On the same host nothing gets lost: it is idle or stopped, not gone.
            return None;
        }
        let name = self.connections.remove(&connection)?;
        let ended = self.by_name.get_mut(&name).expect("a registered connection belongs to an address space");
        ended.life = Life::Ended;
        Some((ended.connector.clone(), ended.process.clone()))
    }

    /// Nobody will restart it.
    pub(super) fn forget(&mut self, connector: &Connector) {
        let gone = |space: &AddressSpace| space.connector == *connector && space.life == Life::Ended;
        if self.by_name.get(&connector.name).is_some_and(gone) {
            self.by_name.remove(&connector.name);
        }
    }

    /// All, by name.
    pub(super) fn members(&self) -> Vec<(Connector, ProcessName)> {
        self.by_name.values().map(|space| (space.connector.clone(), space.process.clone())).collect()
    }

    /// Whether a process runs here.
    pub(super) fn runs(&self, process: &ProcessName) -> bool {
        self.by_name.values().any(|space| space.process == *process && space.life != Life::Ended)
    }

    /// Whether anybody runs here.
    pub(super) fn is_anybody_here(&self) -> bool {
        !self.connections.is_empty()
    }

    /// How a queue manager here is reached.
    pub(super) fn connection_of(&self, name: &QueueManagerName) -> Option<ConnectionId> {
        match self.by_name.get(name)?.life {
            Life::Running(connection) => Some(connection),
            Life::Ended => None,
        }
    }

    /// How everybody here is reached.
    pub(super) fn connections(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.connections.keys().copied()
    }
}
