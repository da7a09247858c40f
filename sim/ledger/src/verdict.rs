//! What the ledger says in the end.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::outage::{Interruption, Outage};

/// Whether what was promised was kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every promise was kept.
    #[default]
    Pass,
    /// It cannot be told; the reasons are given.
    Unknown,
    /// A violation was found.
    Fail,
}

impl Verdict {
    /// `pass`, `fail` or `unknown`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Unknown => "unknown",
            Verdict::Fail => "fail",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

macro_rules! finding_kinds {
    ($($(#[doc = $about:literal])+ $variant:ident = $name:literal;)*) => {
        /// The kinds of violations.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum FindingKind {
            $($(#[doc = $about])+ $variant,)*
        }

        impl FindingKind {
            /// All of them.
            pub const ALL: &'static [FindingKind] = &[$(FindingKind::$variant),*];

            /// The name that reports and scenario files use.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(FindingKind::$variant => $name,)* }
            }

            /// What it means.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(FindingKind::$variant => concat!($($about),+).trim_ascii_start(),)* }
            }

            /// The kind of this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.name() == name)
            }
        }
    };
}

finding_kinds! {
    /// an acknowledged message is nowhere
    Lost = "lost";
    /// a message was consumed more than once, or is still there although it was consumed
    Duplicated = "duplicated";
    /// a message was delivered or is there that should not be: never put, refused, backed out, not yet committed, or expired
    Phantom = "phantom";
    /// a message's content is not what was put
    Corrupted = "corrupted";
    /// messages of one producer were consumed in another order than they were put, where order was promised
    OutOfOrder = "out_of_order";
    /// a message is kept, but nobody who should can get it
    Marooned = "marooned";
    /// a unit of work is still in doubt after healing
    Unresolved = "unresolved";
    /// two active owners of what must have one
    SplitBrain = "split_brain";
    /// an application made no progress after healing
    Stuck = "stuck";
    /// work waited longer than the recovery objective allows
    Late = "late";
    /// a unit of work took effect in part
    Torn = "torn";
    /// a message's redelivery count went down from one delivery to the next
    Miscounted = "miscounted";
    /// something was not active where it was to be, or was active where it was not to be
    Misplaced = "misplaced";
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Of which kind.
    pub kind: FindingKind,
    /// One sentence.
    pub message: String,
    /// When it became manifest, nanoseconds since the start of the run.
    pub at_ns: u64,
    /// The story: one line for each happening, `12.345678s  who  what`.
    pub detail: String,
    /// On which queue, if on one.
    pub queue: Option<String>,
}

/// A violation that documented behaviour brings about, in a run in which its cause was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedFinding {
    /// What was found.
    pub finding: Finding,
    /// The event that brings it about.
    pub because: String,
    /// The rule.
    pub rule: String,
}

/// What happened under one rule that permits it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermittedGroup {
    /// The violation that it would be otherwise: `Lost`, `Duplicated`, `Miscounted`, or `SplitBrain` for an overlap of
    /// owners.
    pub kind: FindingKind,
    /// The rule and where it is documented.
    pub rule: String,
    /// The event that permitted it; for an overlap of owners, what had them.
    pub event: String,
    /// The same in words that follow *after*: `server1 was killed`.
    pub cause: String,
    /// Of which messages, if of messages.
    pub parts: Vec<PermittedPart>,
    /// How many messages, or overlaps.
    pub count: u64,
    /// How long the longest overlap was, in nanoseconds.
    pub longest_ns: Option<u64>,
    /// The story of one of them.
    pub example: String,
}

/// Messages of one queue and one quality of service to which the same happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermittedPart {
    /// To which queue they were put.
    pub queue: String,
    /// With which quality of service.
    pub quality: String,
    /// How many.
    pub count: u64,
}

/// Messages that are still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// To which queue they were put.
    pub queue: String,
    /// How many.
    pub count: u64,
    /// Whether a live process takes whatever comes there.
    pub is_drained: bool,
}

/// What became of the messages, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Puts invoked.
    pub sent: u64,
    /// Puts that applications were told are done (and committed).
    pub acknowledged: u64,
    /// Puts whose outcome applications do not know.
    pub unknown: u64,
    /// Puts that were refused or backed out.
    pub refused: u64,
    /// Messages consumed.
    pub delivered: u64,
    /// Consumptions beyond the first of a message.
    pub duplicated: u64,
    /// Acknowledged messages that are nowhere, and no rule permits it.
    pub lost: u64,
    /// Acknowledged messages that are nowhere, under a rule that permits it.
    pub permitted: u64,
    /// Consumptions beyond the first of a message, and messages still there after one, under a rule that permits it.
    pub permitted_duplicates: u64,
    /// Messages in dead-letter or backout queues.
    pub dead_lettered: u64,
    /// Messages that expired.
    pub expired: u64,
    /// Messages still on queues.
    pub remaining: u64,
    /// Contents that arrived twice because the application sent them again.
    pub possible_duplicates: u64,
}

/// The ledger's judgement of one history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict. Fail outranks unknown, unknown outranks pass.
    pub verdict: Verdict,
    /// What became of the messages.
    pub account: Account,
    /// Violations, in order of time.
    pub findings: Vec<Finding>,
    /// Violations that were to be expected.
    pub expected: Vec<ExpectedFinding>,
    /// What was permitted, by kind, rule and cause.
    pub permitted: Vec<PermittedGroup>,
    /// What is still there, by queue.
    pub left: Vec<Left>,
    /// For each queue the times in which nobody got anything although work waited, that were longer than is usual for the
    /// queue, or over the objective.
    pub outages: Vec<Outage>,
    /// For each application that could do nothing for a time after the first fault, the longest such time.
    pub interruptions: Vec<Interruption>,
    /// Applications that stand by in the end, as they are to.
    pub standing_by: Vec<String>,
    /// Why some of it cannot be told.
    pub unknown_reasons: Vec<String>,
}
