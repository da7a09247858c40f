//! A list structure: lists, descriptors, locks, monitoring and connections under one roof.
//!
//! Every command is executed here at one go, so commands to one structure are atomic and totally ordered.

use super::capacity::{Capacity, Room};
use super::command::{CommandRejected, Connector, KeyRange, ListAnswer, ListOperation};
use super::connections::{Attempt, Connections};
use super::definition::StructureDefinition;
use super::descriptors::Descriptors;
use super::list::{Appeared, Lists, NotHeld, QueueIndex};
use super::locks::Locks;
use super::monitoring::{Monitors, Signal};
use crate::machine::ConnectionId;
use crate::mqi::Match;
use crate::name::QueueName;

/// A list structure.
#[derive(Debug)]
pub(super) struct Structure {
    capacity: Capacity,
    lists: Lists,
    descriptors: Descriptors,
    locks: Locks,
    monitors: Monitors,
    connections: Connections,
}

/// How a disconnect in good order ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disconnected {
    /// Nothing is left.
    Undefined,
    /// Something was held: the connection is failing, and its peers are to be told.
    Failing,
}

impl Structure {
    /// An empty structure.
    pub(super) fn new(definition: StructureDefinition) -> Self {
        Structure {
            capacity: Capacity::new(definition),
            lists: Lists::default(),
            descriptors: Descriptors::default(),
            locks: Locks::default(),
            monitors: Monitors::default(),
            connections: Connections::default(),
        }
    }

    /// Connections and their states.
    pub(super) const fn connections(&self) -> &Connections {
        &self.connections
    }

    /// The name of a queue.
    pub(super) fn name(&self, queue: QueueIndex) -> &QueueName {
        self.lists.name(queue)
    }

    /// `IXLCONN`.
    pub(super) fn connect(&mut self, connector: &Connector) -> Result<ListAnswer, CommandRejected> {
        match self.connections.connect(connector) {
            Attempt::Connected => Ok(ListAnswer::Connected { failed: self.connections.failed() }),
            Attempt::StillFailing => Ok(ListAnswer::ConnectionStillFailing),
            Attempt::TooLate => Err(CommandRejected::NotConnected),
        }
    }

    /// `IXLDISC REASON=NORMAL`.
    pub(super) fn disconnect(&mut self, connector: &Connector, connection: ConnectionId) -> Disconnected {
        self.monitors.stop_all(connection);
        let left = self.locks.holds_any(connector) || !self.lists.held_by(connector).is_empty();
        if left {
            let failing = self.connections.fail(connector);
            assert!(failing, "only a connector can disconnect");
            return Disconnected::Failing;
        }
        self.connections.disconnect(connector);
        Disconnected::Undefined
    }

    /// A connector ended abnormally. `false` if it was not connected.
    #[must_use]
    pub(super) fn fail(&mut self, connector: &Connector, connection: Option<ConnectionId>) -> bool {
        if let Some(connection) = connection {
            self.monitors.stop_all(connection);
        }
        self.connections.fail(connector)
    }

    /// Every survivor has been told that the connector failed.
    pub(super) fn all_told(&mut self, connector: &Connector) {
        self.connections.all_told(connector);
    }

    /// Nobody listens on this connection any more.
    pub(super) fn stop_monitoring(&mut self, connection: ConnectionId) {
        self.monitors.stop_all(connection);
    }

    /// Executes a command of an active connector; transitions that it makes are added to `signals`.
    ///
    /// `Connect` and `Disconnect` are not among the commands: they are [`Structure::connect`] and
    /// [`Structure::disconnect`].
    pub(super) fn execute(
        &mut self,
        connector: &Connector,
        connection: ConnectionId,
        operation: ListOperation,
        signals: &mut Vec<Signal>,
    ) -> ListAnswer {
        match operation {
            ListOperation::Connect | ListOperation::Disconnect => unreachable!("not a command of a connector in use"),
            ListOperation::Write { queue, range, owner, message, maximum_depth } => {
                let queue = self.lists.queue(&queue);
                if self.lists.depth(queue) >= maximum_depth {
                    return ListAnswer::QueueFull;
                }
                if !self.capacity.take(Room::of_message(&message)) {
                    return ListAnswer::Full;
                }
                let owner = match range {
                    KeyRange::Committed => None,
                    KeyRange::Uncommitted => Some(owner.expect("an uncommitted entry belongs to a unit of work")),
                };
                let (entry, appeared) = self.lists.write(queue, owner, message);
                if let Some(appeared) = appeared {
                    self.monitors.appeared(appeared, signals);
                }
                ListAnswer::Written { entry }
            }
            ListOperation::MoveToGetList { queue, selection, owner, locked } => {
                debug_assert_eq!(owner.queue_manager, connector.name, "a get list is its owner's");
                let queue = self.lists.queue(&queue);
                let unlocked =
                    locked.and_then(|(entry, lock)| Some((entry, self.lists.give_back(entry, &lock, false).ok()?)));
                let taken = self.lists.take(queue, selection, owner);
                match (unlocked, &taken) {
                    // It was never there for anybody else.
                    (Some((unlocked, _)), Some((taken, _))) if unlocked == *taken => {}
                    (Some((_, appeared)), _) => self.monitors.appeared(appeared, signals),
                    (None, _) => {}
                }
                match taken {
                    Some((entry, message)) => ListAnswer::Entry { entry, message },
                    None => ListAnswer::NothingThere,
                }
            }
            ListOperation::Browse { queue, after } => {
                let queue = self.lists.queue(&queue);
                match self.lists.browse(queue, after) {
                    Some((entry, message)) => ListAnswer::Entry { entry, message },
                    None => ListAnswer::NothingThere,
                }
            }
            ListOperation::CommitPut { entry, owner } => {
                let committed = self.lists.commit_put(entry, &owner);
                self.shown(committed, signals)
            }
            ListOperation::Delete { entry, owner } => match self.lists.delete(entry, &owner) {
                Ok(message) => {
                    self.capacity.free(Room::of_message(&message));
                    ListAnswer::Done
                }
                Err(NotHeld) => ListAnswer::NotThere,
            },
            ListOperation::Return { entry, owner, count_backout } => {
                let returned = self.lists.give_back(entry, &owner, count_backout);
                self.shown(returned, signals)
            }
            ListOperation::ListHeld { connector: whose } => {
                // A life that is in use again after its image had lost the link looks after its own work.
                if whose != *connector && self.connections.is_active(&whose) {
                    return ListAnswer::Entries(Vec::new());
                }
                ListAnswer::Entries(self.lists.held_by(&whose))
            }
            ListOperation::WriteDescriptor { descriptor } => {
                if self.descriptors.write(descriptor, &mut self.capacity) {
                    ListAnswer::Done
                } else {
                    ListAnswer::Full
                }
            }
            ListOperation::StrikeOperations { unit_of_work, structure } => {
                done_if(self.descriptors.strike(&unit_of_work, &structure, &mut self.capacity))
            }
            ListOperation::DeleteDescriptor { unit_of_work } => {
                done_if(self.descriptors.delete(&unit_of_work, &mut self.capacity))
            }
            ListOperation::ReadDescriptors { queue_manager } => {
                ListAnswer::Descriptors(self.descriptors.read(queue_manager.as_ref()))
            }
            ListOperation::Lock { lock } => {
                self.locks.lock(lock, connector, |holder| self.connections.is_active(holder))
            }
            ListOperation::TakeOverLock { lock, from } => {
                self.locks.take_over(lock, connector, &from, |holder| self.connections.is_active(holder))
            }
            ListOperation::Unlock { lock } => self.locks.unlock(&lock, connector),
            ListOperation::Monitor { queue, correlation_id, on } => {
                let queue = self.lists.queue(&queue);
                if on {
                    self.monitors.start(connection, queue, correlation_id);
                } else {
                    self.monitors.stop(connection, queue, correlation_id);
                }
                let selection = correlation_id.map_or(Match::Any, Match::CorrelationId);
                ListAnswer::Monitoring { not_empty: self.lists.is_there(queue, selection) }
            }
            ListOperation::QueryConnection { name } => {
                let (state, unreleased) = self.connections.state(&name);
                ListAnswer::ConnectionState { state, unreleased }
            }
            ListOperation::ReleaseConnection { connector } => done_if(self.connections.release(&connector)),
            ListOperation::QueryDepths => ListAnswer::Depths(self.lists.depths()),
        }
    }

    fn shown(&mut self, appeared: Result<Appeared, NotHeld>, signals: &mut Vec<Signal>) -> ListAnswer {
        match appeared {
            Ok(appeared) => {
                self.monitors.appeared(appeared, signals);
                ListAnswer::Done
            }
            Err(NotHeld) => ListAnswer::NotThere,
        }
    }

    /// Everything agrees with everything.
    #[cfg(test)]
    pub(super) fn check(&self) {
        self.lists.check();
        let of_messages = self.lists.messages().map(|(_, message)| Room::of_message(message));
        let descriptors = self.descriptors.read(None);
        let rooms: Vec<Room> = of_messages.chain(descriptors.iter().map(Room::of_descriptor)).collect();
        assert_eq!(self.capacity.entries() as usize, rooms.len());
        let mut again = Capacity::new(StructureDefinition { entries: u32::MAX, elements: u32::MAX });
        assert!(rooms.into_iter().all(|room| again.take(room)));
        assert_eq!(self.capacity.elements(), again.elements());
    }
}

const fn done_if(there: bool) -> ListAnswer {
    if there { ListAnswer::Done } else { ListAnswer::NotThere }
}
