//! What the world did while applications worked.

use super::Moment;

/// What the world did.
#[derive(Clone, Debug)]
pub(crate) struct WorldRecord {
    pub(crate) at: Moment,
    pub(crate) what: WorldHappening,
}

/// What the world did: faults are told in stories, events permit losses, and begin and end what must have one owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorldHappening {
    /// A fault struck.
    Fault(String),
    /// A fault ended.
    Healed(String),
    /// A domain event.
    Event {
        /// Its name, as a contract names it.
        name: String,
        /// Whom it concerns: a queue manager, a messaging engine, a structure, a unit of work. Empty if nobody in
        /// particular.
        subject: String,
        /// The process that reported it. Empty if none did.
        by: String,
        /// As it is told in a story.
        text: String,
    },
}

impl WorldHappening {
    /// The name of an event; `None` for the beginning or end of a fault.
    pub(crate) fn event(&self) -> Option<&str> {
        match self {
            WorldHappening::Event { name, .. } => Some(name),
            WorldHappening::Fault(_) | WorldHappening::Healed(_) => None,
        }
    }
}
