//! A member's connections to the structures of its group, and the commands it has outstanding there.
//!
//! Commands are answered later, each with the tag it was given; what is to be done with the answer is kept as data of
//! type `A`. When the link is lost, commands without an answer have an unknown outcome: [`Structures::lose`] hands back
//! what was awaited.

use std::collections::BTreeMap;

use crate::coupling_facility::command::{CommandTag, CouplingRequest, ListOperation};
use crate::coupling_facility::definition::ADMIN_STRUCTURE;
use crate::frame::Frame;
use crate::machine::{ConnectionId, Effects};
use crate::name::StructureName;

/// How a member stands to one structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not connected (yet, or any more).
    Disconnected,
    /// `IXLCONN` is under way.
    Connecting,
    /// Commands are accepted.
    Connected,
}

/// The structures of a group, as one member sees them.
#[derive(Debug)]
pub struct Structures<A> {
    admin: StructureName,
    connection: Option<ConnectionId>,
    standing: BTreeMap<StructureName, Standing>,
    outstanding: BTreeMap<CommandTag, A>,
    last_tag: u64,
}

impl<A> Structures<A> {
    /// Not connected to any of these application structures, nor to the admin structure.
    pub fn new(application_structures: impl Iterator<Item = StructureName>) -> Self {
        let admin = StructureName::from(ADMIN_STRUCTURE);
        let all = application_structures.chain([admin.clone()]);
        Structures {
            admin,
            connection: None,
            standing: all.map(|structure| (structure, Standing::Disconnected)).collect(),
            outstanding: BTreeMap::new(),
            last_tag: 0,
        }
    }

    /// The connection on which commands are sent from now on.
    pub fn attach(&mut self, connection: ConnectionId) {
        self.connection = Some(connection);
    }

    /// The connection to the coupling facility.
    pub fn connection(&self) -> Option<ConnectionId> {
        self.connection
    }

    /// Names of the application structures, in order.
    pub fn application_names(&self) -> impl Iterator<Item = &StructureName> {
        self.names().filter(|&structure| *structure != self.admin)
    }

    /// Names of all, the admin structure included, in order.
    pub fn names(&self) -> impl Iterator<Item = &StructureName> {
        self.standing.keys()
    }

    /// How the member stands to a structure; an unknown one is one to which it is not connected.
    pub fn standing(&self, structure: &StructureName) -> Standing {
        self.standing.get(structure).copied().unwrap_or(Standing::Disconnected)
    }

    /// Notes a change.
    pub fn set_standing(&mut self, structure: &StructureName, standing: Standing) {
        if let Some(entry) = self.standing.get_mut(structure) {
            *entry = standing;
        }
    }

    /// Whether every structure is connected.
    pub fn all_connected(&self) -> bool {
        self.standing.values().all(|&standing| standing == Standing::Connected)
    }

    /// Sends a command; `awaiting` comes back with the answer.
    ///
    /// # Errors
    ///
    /// Hands `awaiting` back when the structure is not connected: nothing was sent.
    pub fn command(
        &mut self,
        structure: &StructureName,
        operation: ListOperation,
        awaiting: A,
        effects: &mut Effects,
    ) -> Result<(), A> {
        let connecting = matches!(operation, ListOperation::Connect);
        let Some(connection) = self.connection else { return Err(awaiting) };
        if !connecting && self.standing(structure) != Standing::Connected {
            return Err(awaiting);
        }
        self.last_tag += 1;
        let tag = CommandTag(self.last_tag);
        self.outstanding.insert(tag, awaiting);
        let request = CouplingRequest::Command { tag, structure: structure.clone(), operation };
        effects.send(connection, Frame::CouplingRequest(Box::new(request)));
        Ok(())
    }

    /// Sends a command to the admin structure, as [`Structures::command`] does.
    ///
    /// # Errors
    ///
    /// Hands `awaiting` back when the admin structure is not connected: nothing was sent.
    pub fn admin_command(&mut self, operation: ListOperation, awaiting: A, effects: &mut Effects) -> Result<(), A> {
        let admin = self.admin.clone();
        self.command(&admin, operation, awaiting, effects)
    }

    /// What an answer was awaited for; `None` if the command belonged to a connection that was lost meanwhile.
    pub fn answered(&mut self, tag: CommandTag) -> Option<A> {
        self.outstanding.remove(&tag)
    }

    /// The link is lost: no structure is connected, and nothing outstanding will be answered.
    pub fn lose(&mut self) -> Vec<A> {
        self.connection = None;
        for standing in self.standing.values_mut() {
            *standing = Standing::Disconnected;
        }
        std::mem::take(&mut self.outstanding).into_values().collect()
    }
}
