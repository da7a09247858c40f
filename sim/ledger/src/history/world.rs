//! What the world did while applications worked.

use super::Moment;

/// What the world did.
#[derive(Clone, Debug)]
pub(crate) struct WorldRecord {
    pub(crate) at: Moment,
    pub(crate) what: WorldHappening,
}

/// A fault that struck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// As it is told in a story.
    pub text: String,
    /// What it did to those whom it is about.
    pub effect: FaultEffect,
    /// Whom it is about: names of processes, and of the places where they run.
    pub about: Vec<String>,
}

/// What a fault did to those whom it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultEffect {
    /// They ended, stand still, are cut off or must do without something.
    Struck,
    /// They go on, slower than before, or with less to rely on.
    Hampered,
    /// Nothing: what was to be struck was down already.
    Nothing,
}

impl Fault {
    /// One that strikes all these.
    #[must_use]
    pub fn striking(text: impl Into<String>, about: Vec<String>) -> Self {
        Fault { text: text.into(), effect: FaultEffect::Struck, about }
    }

    /// One that stops none of these, and is felt by them.
    #[must_use]
    pub fn hampering(text: impl Into<String>, about: Vec<String>) -> Self {
        Fault { text: text.into(), effect: FaultEffect::Hampered, about }
    }

    /// One that came too late.
    #[must_use]
    pub fn without_effect(text: impl Into<String>) -> Self {
        Fault { text: text.into(), effect: FaultEffect::Nothing, about: Vec::new() }
    }

    /// Whether this process or place was struck or hampered by it.
    #[must_use]
    pub fn troubles(&self, name: &str) -> bool {
        self.effect != FaultEffect::Nothing && self.about.iter().any(|known| known == name)
    }
}

/// A command that an operator typed: what it brings about is meant, but nobody who works is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Who typed it.
    pub by: String,
    /// As it is told in a story.
    pub text: String,
    /// Whom it is about: names of processes, and of what runs in them. Empty if it is about everybody.
    pub about: Vec<String>,
}

/// What the world did: faults and commands are told in stories, events permit losses, and begin and end what must have one owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorldHappening {
    /// A fault struck.
    Fault(Fault),
    /// A fault ended.
    Healed(String),
    /// An operator typed a command.
    Command(Command),
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
    /// The name of an event; `None` for the beginning or end of a fault and for a command.
    pub(crate) fn event(&self) -> Option<&str> {
        match self {
            WorldHappening::Event { name, .. } => Some(name),
            WorldHappening::Fault(_) | WorldHappening::Healed(_) | WorldHappening::Command(_) => None,
        }
    }
}
