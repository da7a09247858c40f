//! What is to be true of every run, and of a sweep.

use indoubt_engine::event::Event;
use indoubt_engine::name::QueueName;
use indoubt_engine::step::Step;
use std::time::Duration;

/// What is to be true.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    /// Situations this scenario exists for: event names. Each must be seen in at least one run of a sweep.
    pub reach: Vec<String>,
    /// Steps, likewise.
    pub reach_steps: Vec<Step>,
    /// Violations that the documented behaviour brings about: each run may have them, and a sweep must show each of them
    /// at least once.
    pub allow: Vec<AllowedViolation>,
    /// Queues on which order is promised.
    pub ordered: Vec<QueueName>,
    /// Where something is to be active, and when.
    pub active: Vec<ActiveAt>,
    /// No queue may be without successful gets for longer than this after a fault (recovery objective).
    pub recovery_time: Option<Duration>,
}

impl Expectations {
    /// Whether a name is that of an event the engine can report.
    #[must_use]
    pub fn is_event(name: &str) -> bool {
        Event::ALL.iter().any(|(event, _)| *event == name)
    }
}

/// Where something that must have one active owner is to be active at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveAt {
    /// What: a messaging engine.
    pub what: String,
    /// The process; `None`: nowhere.
    pub on: Option<String>,
    /// When.
    pub at: Duration,
}

/// A violation that documented behaviour brings about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedViolation {
    /// Its kind, as the ledger calls it: `out_of_order`, `torn`, `unresolved`...
    pub kind: String,
    /// On which queue; `None` for any.
    pub queue: Option<QueueName>,
    /// Only in a run in which this event was seen.
    pub because: String,
    /// The rule and where it is documented.
    pub rule: String,
}
