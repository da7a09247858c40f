//! The contract: what was promised to applications, and which losses the products' documentation permits.
//!
//! A table derived from quality of service and topology, by whoever knows the products. The ledger knows none: it is told
//! that messages of a certain kind may be lost if a certain event happened to a certain subject, and under which rule.

use crate::history::QueueIndex;
use crate::verdict::FindingKind;

/// What is promised for one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueContract {
    /// Which.
    pub queue: QueueIndex,
    /// Messages of one producer and one priority are consumed in the order in which they were put.
    pub ordered: bool,
    /// Consumers take whatever comes (and not only, say, the replies to their own requests): a message that they leave
    /// behind is marooned.
    pub drained: bool,
}

/// A loss that a product's documentation permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermittedLoss {
    /// Only nonpersistent messages.
    pub nonpersistent_only: bool,
    /// Only messages put to these queues; `None` for any.
    pub queues: Option<Vec<QueueIndex>>,
    /// Only after this event...
    pub event: String,
    /// ... of this subject; `None` for any. (The queue manager that owns the queue, the structure that holds it.)
    pub subject: Option<String>,
    /// The rule and where it is documented.
    pub rule: String,
}

/// A violation that documented behaviour brings about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedFinding {
    /// Its kind.
    pub kind: FindingKind,
    /// On which queue; `None` for any.
    pub queue: Option<QueueIndex>,
    /// Only in a run in which this event was seen.
    pub because: String,
    /// The rule and where it is documented.
    pub rule: String,
}

/// What was promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// What is promised for each queue; nothing beyond delivery for one that is not listed.
    pub queues: Vec<QueueContract>,
    /// Losses that are permitted.
    pub permitted_losses: Vec<PermittedLoss>,
    /// Violations that are to be expected.
    pub allow: Vec<AllowedFinding>,
    /// Recovery objective: for how long, in nanoseconds, work may wait on a queue after a fault.
    pub recovery_time_ns: Option<u64>,
    /// For how long after healing an operation may be pending before it counts as stuck, in nanoseconds.
    pub patience_ns: u64,
    /// By how much the clocks that judge a message's expiry may differ from true time, in nanoseconds.
    pub clock_error_ns: u64,
    /// Events this run exists for.
    pub reach: Vec<String>,
}

impl Default for Contract {
    /// Nothing permitted, nothing expected, ten seconds of patience.
    fn default() -> Self {
        Contract {
            queues: Vec::new(),
            permitted_losses: Vec::new(),
            allow: Vec::new(),
            recovery_time_ns: None,
            patience_ns: 10_000_000_000,
            clock_error_ns: 0,
            reach: Vec::new(),
        }
    }
}
