//! Connections to a structure and their states.
//!
//! A connection has the name of a queue manager and goes from life to life. One that ends abnormally is *failing* until
//! every surviving connector has been told by its event exit, and *failed-persistent* afterwards: what it held stays,
//! until a peer that has recovered it releases the connection, or its own next life does (z/OS Sysplex Services Guide,
//! "Connection state changes"; connection disposition KEEP). To connect again while failing is refused.
//!
//! Peers respond to the event exit at once, so a connection is failing for as long as the signal takes. A disconnect in
//! good order that leaves something held counts as a failure, as it does in the real system for locks.

use std::collections::{BTreeMap, BTreeSet};

use super::command::{ConnectionState, Connector};
use crate::machine::Incarnation;
use crate::name::QueueManagerName;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Present {
    #[default]
    Nobody,
    Active(Incarnation),
    Failing(Incarnation),
}

/// One connection name.
#[derive(Debug, Default)]
struct Connection {
    present: Present,
    /// Lives that failed and are not released.
    failed: BTreeSet<Incarnation>,
}

/// What becomes of an attempt to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// Active from now on (or already).
    Connected,
    /// A former life has not been told to everybody yet.
    StillFailing,
    /// A later life was here already.
    TooLate,
}

/// All connections of a structure.
#[derive(Debug, Default)]
pub(super) struct Connections {
    by_name: BTreeMap<QueueManagerName, Connection>,
}

impl Connections {
    /// A connector wants to be active.
    ///
    /// The same life may come back after its image had lost the link: it is its own work that was left behind, so it is
    /// no longer listed as failed.
    pub(super) fn connect(&mut self, connector: &Connector) -> Attempt {
        let connection = self.by_name.entry(connector.name.clone()).or_default();
        let life = connector.incarnation;
        match connection.present {
            Present::Active(present) if present == life => Attempt::Connected,
            Present::Active(present) | Present::Failing(present) if present > life => Attempt::TooLate,
            Present::Active(_) | Present::Failing(_) => Attempt::StillFailing,
            Present::Nobody if connection.failed.last().is_some_and(|&failed| failed > life) => Attempt::TooLate,
            Present::Nobody => {
                connection.present = Present::Active(life);
                connection.failed.remove(&life);
                Attempt::Connected
            }
        }
    }

    /// Whether this very life is connected.
    pub(super) fn is_active(&self, connector: &Connector) -> bool {
        let connection = self.by_name.get(&connector.name);
        connection.is_some_and(|connection| connection.present == Present::Active(connector.incarnation))
    }

    /// All that are connected, by name.
    pub(super) fn active(&self) -> impl Iterator<Item = Connector> + '_ {
        self.by_name.iter().filter_map(|(name, connection)| match connection.present {
            Present::Active(incarnation) => Some(Connector { name: name.clone(), incarnation }),
            Present::Nobody | Present::Failing(_) => None,
        })
    }

    /// A connector left in good order and holds nothing, nor do its former lives.
    pub(super) fn disconnect(&mut self, connector: &Connector) {
        assert!(self.is_active(connector), "only a connector can disconnect");
        self.by_name.remove(&connector.name);
    }

    /// A connector ended abnormally. `false` if it was not connected.
    #[must_use]
    pub(super) fn fail(&mut self, connector: &Connector) -> bool {
        if !self.is_active(connector) {
            return false;
        }
        let connection = self.by_name.get_mut(&connector.name).expect("it is active");
        connection.present = Present::Failing(connector.incarnation);
        true
    }

    /// Every survivor has been told.
    pub(super) fn all_told(&mut self, connector: &Connector) {
        let connection = self.by_name.get_mut(&connector.name).expect("a failing connection stays known");
        assert_eq!(connection.present, Present::Failing(connector.incarnation), "it was failing");
        connection.present = Present::Nobody;
        connection.failed.insert(connector.incarnation);
    }

    /// Failed-persistent connectors, by name and life.
    pub(super) fn failed(&self) -> Vec<Connector> {
        let lives = |(name, connection): (&QueueManagerName, &Connection)| {
            let name = name.clone();
            let life = move |&incarnation: &Incarnation| Connector { name: name.clone(), incarnation };
            connection.failed.iter().map(life).collect::<Vec<_>>()
        };
        self.by_name.iter().flat_map(lives).collect()
    }

    /// A failed connector is recovered. `false` if there is no such one.
    #[must_use]
    pub(super) fn release(&mut self, connector: &Connector) -> bool {
        let connection = self.by_name.get_mut(&connector.name);
        connection.is_some_and(|connection| connection.failed.remove(&connector.incarnation))
    }

    /// The state of a connection in its present life, and the lives that failed and are not released.
    pub(super) fn state(&self, name: &QueueManagerName) -> (ConnectionState, Vec<Incarnation>) {
        let Some(connection) = self.by_name.get(name) else { return (ConnectionState::Undefined, Vec::new()) };
        let state = match connection.present {
            Present::Failing(_) => ConnectionState::Failing,
            Present::Active(_) => ConnectionState::Active,
            Present::Nobody if connection.failed.is_empty() => ConnectionState::Undefined,
            Present::Nobody => ConnectionState::FailedPersistent,
        };
        (state, connection.failed.iter().copied().collect())
    }
}
