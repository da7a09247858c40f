//! What the world did while applications worked.

use super::Moment;

/// What the world did.
#[derive(Clone, Debug)]
pub(crate) struct WorldRecord {
    pub(crate) at: Moment,
    pub(crate) what: WorldHappening,
}

/// A time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Nanoseconds since the start of the run.
    pub from_ns: u64,
    /// `u64::MAX`: it goes on.
    pub to_ns: u64,
}

impl Span {
    /// These times in order, those that touch made one.
    #[must_use]
    pub fn merged(mut spans: Vec<Span>) -> Vec<Span> {
        spans.sort_unstable();
        let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
        for span in spans {
            match merged.last_mut() {
                Some(last) if span.from_ns <= last.to_ns => last.to_ns = last.to_ns.max(span.to_ns),
                _ => merged.push(span),
            }
        }
        merged
    }

    /// Whether all of the other time is in this one.
    #[must_use]
    pub const fn holds(self, from_ns: u64, to_ns: u64) -> bool {
        self.from_ns <= from_ns && to_ns <= self.to_ns
    }
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
    /// For how long it troubles them.
    pub lasts: Lasts,
}

/// For how long a fault troubles those whom it is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lasts {
    /// Until they run again.
    #[default]
    UntilRestarted,
    /// Until it is mended, as a [`Healing`] tells.
    UntilMended,
    /// Until one or the other, whichever comes first: a process that stands still goes on, or has ended since.
    UntilMendedOrRestarted,
    /// No time: it only changes what another fault will do.
    NoTime,
}

/// A fault of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FaultNumber(pub(crate) u32);

/// Something was mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Healing {
    /// As it is told in a story.
    pub text: String,
    /// What.
    pub what: Mended,
}

/// What was mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mended {
    /// Nothing that lasts until it is mended: somebody has power again.
    Nothing,
    /// What this fault had broken.
    Fault(FaultNumber),
    /// Whatever was broken.
    Everything,
}

/// An event of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told<'h> {
    /// When, in nanoseconds.
    pub at_ns: u64,
    /// Its name.
    pub name: &'h str,
    /// Whom it concerns.
    pub subject: &'h str,
    /// The process that reported it. Empty if none did.
    pub by: &'h str,
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
        Fault { text: text.into(), effect: FaultEffect::Struck, about, lasts: Lasts::default() }
    }

    /// One that stops none of these, and is felt by them.
    #[must_use]
    pub fn hampering(text: impl Into<String>, about: Vec<String>) -> Self {
        Fault { text: text.into(), effect: FaultEffect::Hampered, about, lasts: Lasts::default() }
    }

    /// One that came too late.
    #[must_use]
    pub fn without_effect(text: impl Into<String>) -> Self {
        Fault { text: text.into(), effect: FaultEffect::Nothing, about: Vec::new(), lasts: Lasts::NoTime }
    }

    /// The same, but it lasts for so long.
    #[must_use]
    pub fn lasting(self, lasts: Lasts) -> Self {
        Fault { lasts, ..self }
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
    Healed(Healing),
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
