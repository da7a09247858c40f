//! The contract: what was promised to applications, and what the products' documentation permits all the same.
//!
//! A table derived from quality of service and topology, by whoever knows the products. The ledger knows none: it is told
//! that messages of certain qualities may be lost, or come twice, if a certain event happened to a certain subject within
//! a certain time, and under which rule. Where the event did not happen, or not in time, nothing is permitted.

use crate::history::{QualityIndex, QueueIndex, Span};
use crate::verdict::FindingKind;

/// The event that stands for the end of an application's process, with the process's name as its subject. The ledger
/// knows it from [`History::ended`](crate::history::History::ended); for processes that are no applications a run
/// records an event of this name.
pub const PROCESS_ENDED: &str = "process_ended";

/// The event with which a run records that a process that is no application, its subject, runs again.
pub const PROCESS_STARTED: &str = "process_started";

/// The event with which a run records that a process, its subject, stands still.
pub const PROCESS_PAUSED: &str = "process_paused";

/// The event with which a run records that a process, its subject, goes on after it stood still.
pub const PROCESS_RESUMED: &str = "process_resumed";

/// Among which messages of one producer order is promised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrderWithin {
    /// Those of one priority, whatever their quality of service.
    #[default]
    Priority,
    /// Those of one priority and one quality of service.
    PriorityAndQuality,
}

/// Whether a message that was backed out keeps its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redelivered {
    /// It comes before those that were put after it.
    #[default]
    KeepsItsPlace,
    /// Others may overtake it: it is left out of the order.
    LosesItsPlace,
}

/// The order in which messages of one producer are consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderPromise {
    /// Among which of them.
    pub within: OrderWithin,
    /// Those that were backed out.
    pub redelivered: Redelivered,
}

/// What is promised for one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueContract {
    /// Which.
    pub queue: QueueIndex,
    /// Messages of one producer are consumed in the order in which they were put; `None` if no order is promised.
    pub ordered: Option<OrderPromise>,
    /// Consumers take whatever comes (and not only, say, the replies to their own requests): a message that they leave
    /// behind is marooned.
    pub drained: bool,
}

/// Whom the event of a [`Permission`] concerns: its subject, or the process that reported it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Whom {
    /// Whoever it is.
    #[default]
    Anybody,
    /// This one: the queue manager that owns the queue, the structure that holds it, the messaging engine.
    Named(String),
    /// The process that put the message, as long as nobody has got it: its connection broke, say.
    Producer,
    /// A process that got the message.
    Consumer,
    /// The process that ran this resource when it happened, as an [`Exclusive`] tells, whichever it was, and had the message:
    /// nobody else had begun to run it before the message was last seen, or the message was put to that very process.
    OwnerOf(String),
    /// The same, if it is this process.
    Instance {
        /// What it ran.
        resource: String,
        /// Who.
        process: String,
    },
    /// Whoever began to run this resource while this process still did, and had the message.
    Successor {
        /// What both ran.
        resource: String,
        /// Who was succeeded.
        process: String,
    },
    /// Whoever began to run this resource while this process still did, and goes on to when it gives the message out.
    SuccessorOfGiver {
        /// What both ran.
        resource: String,
        /// Who was succeeded.
        process: String,
    },
}

/// When the event of a [`Permission`] must have happened, compared with the moments between which the message must have
/// been harmed. For a loss: its last sign of life, and the audit. For a duplicate or a count that went down: one
/// consumption or delivery, and the next sight of the message.
///
/// Times count from the acknowledgement of what the event undid: of the put (and its commit), or of the consumption (and
/// its commit); from the first delivery, if a put was never acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Later than the first moment, and not later than this after the acknowledgement, if there is a limit: what is
    /// written lazily is lost only with the last second before a failure, or with [stalls](Permission::stalls).
    After {
        /// Nanoseconds.
        within_ns: Option<u64>,
    },
    /// Before the first moment or after the acknowledgement, at most this long, if there is a limit: resources were short,
    /// and before anybody noticed something was discarded; or whoever took the message had nowhere to keep it by then.
    Around {
        /// For how long the event has its effect, nanoseconds.
        before_ns: Option<u64>,
        /// How late it can have been noticed, nanoseconds.
        after_ns: Option<u64>,
    },
}

impl Default for Window {
    fn default() -> Self {
        Window::After { within_ns: None }
    }
}

/// Something that a product's documentation permits to happen to messages after an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permission {
    /// Only messages of these qualities of service; `None` for any.
    pub qualities: Option<Vec<QualityIndex>>,
    /// Only messages put to these queues; `None` for any.
    pub queues: Option<Vec<QueueIndex>>,
    /// Only messages put over a connection to this: to a messaging engine, say. `None` for any.
    pub through: Option<String>,
    /// Only with this event...
    pub event: String,
    /// ... of this subject ...
    pub subject: Whom,
    /// ... at this time.
    pub window: Window,
    /// Times in which nothing was written that is written lazily, in order, none touching another: what was acknowledged
    /// in such a time, or so late before it that it can have waited for it, can be undone by an event until its end.
    pub stalls: Vec<Span>,
    /// The rule and where it is documented.
    pub rule: String,
}

/// A time in which an owner does nothing: it stands still, or knows that it owns nothing at present. Events of the process,
/// or with the resource as their subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pause {
    /// With this it begins.
    pub begins: String,
    /// With this it is over. Another kind of pause goes on.
    pub ends: String,
}

/// What must have one active owner at a time. Events tell who is: their subject is the resource (a messaging engine), and
/// the process that reports them is the owner. The end of the process ends its activity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exclusive {
    /// The only resource this is about; `None` for every subject of its events.
    pub resource: Option<String>,
    /// Events with which the reporting process becomes an owner.
    pub begins: Vec<String>,
    /// Events with which it ceases to be one.
    pub ends: Vec<String>,
    /// Events with which a process that has ceased has finished what it was about; if there are none, `ends` are.
    pub finishes: Vec<String>,
    /// Times in which it does nothing, and so does no harm. It acts again, as the owner that it still takes itself for, when
    /// none of them goes on.
    pub pauses: Vec<Pause>,
    /// For how long two may be active at once, in nanoseconds: permitted under the rule. Longer than this is a violation.
    pub allowed_overlap_ns: u64,
    /// The rule and where it is documented.
    pub rule: String,
    /// Times in which they may for longer.
    pub lenient: Vec<Leniency>,
}

/// A time in which two may be active at once for longer than at other times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leniency {
    /// They are both active within these times only.
    pub during: Vec<Span>,
    /// For how long, in nanoseconds.
    pub allowed_overlap_ns: u64,
    /// The rule and where it is documented.
    pub rule: String,
}

/// Where something is to have its active owner at one moment: who owns it is told by the events of an [`Exclusive`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// What.
    pub resource: String,
    /// Who is to be its only active owner; `None`: nobody.
    pub owner: Option<String>,
    /// When, in nanoseconds.
    pub at_ns: u64,
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
    pub permitted_losses: Vec<Permission>,
    /// Messages that may come again, or still be there, although they were consumed.
    pub permitted_duplicates: Vec<Permission>,
    /// Messages that somebody may be given although they were consumed, as long as nothing final comes of that.
    pub permitted_redeliveries: Vec<Permission>,
    /// Redelivery counts that may go down.
    pub permitted_resets: Vec<Permission>,
    /// The rule under which a get that is final by itself takes a message with it when its outcome is unknown.
    pub unknown_get_rule: String,
    /// What must have one active owner.
    pub exclusive: Vec<Exclusive>,
    /// Where it is to be active, and when.
    pub placements: Vec<Placement>,
    /// Who keeps the messages of a queue, by name: a messaging engine, a queue manager. A queue that is not listed is
    /// kept by anybody.
    pub keepers: Vec<(QueueIndex, String)>,
    /// Events with which something that serves is taken away on purpose, with it as their subject: what follows them is
    /// put down to them, as to a fault.
    pub taken_away: Vec<String>,
    /// Violations that are to be expected.
    pub allow: Vec<AllowedFinding>,
    /// Recovery objective: for how long, in nanoseconds, work may wait on a queue after a fault.
    pub recovery_time_ns: Option<u64>,
    /// For how long after healing an operation may be pending before it counts as stuck, in nanoseconds.
    pub patience_ns: u64,
    /// By how much the clocks that judge a message's expiry may differ from true time, in nanoseconds.
    pub clock_error_ns: u64,
}

impl Default for Contract {
    /// Nothing permitted, nothing expected, ten seconds of patience.
    fn default() -> Self {
        Contract {
            queues: Vec::new(),
            permitted_losses: Vec::new(),
            permitted_duplicates: Vec::new(),
            permitted_redeliveries: Vec::new(),
            permitted_resets: Vec::new(),
            unknown_get_rule:
                "a get outside a unit of work is final when it is served; if its reply is lost, so is the \
                               message"
                    .to_owned(),
            exclusive: Vec::new(),
            placements: Vec::new(),
            keepers: Vec::new(),
            taken_away: Vec::new(),
            allow: Vec::new(),
            recovery_time_ns: None,
            patience_ns: 10_000_000_000,
            clock_error_ns: 0,
        }
    }
}
