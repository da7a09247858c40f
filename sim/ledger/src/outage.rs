//! For how long applications were without service: for each queue, and for each application.
//!
//! An **outage** of a queue is a span in which work waited and nobody got a message. Work waits from the moment at which
//! its put (or the commit of its put) was asked for, until it is got for good; with a put that hangs it waits already; a put or a commit that failed waits too, since its application has not
//! got rid of its work, and so does a producer that cannot connect, for the queue to which it put last. The span begins with the last message that somebody got, or with the first work that waited,
//! whichever is the later; it ends with the next message that somebody got. A queue with several queue points has outages
//! at each of them.
//!
//! A message also waits while those who could take it are at work of their own: with an earlier message, or in a pause
//! that they chose. While any of them is, the queue is in service, unless a put fails or hangs at the same time. Of a span
//! the longest part counts that is left.
//!
//! Nevertheless a queue has such spans in ordinary service too, of a millisecond or of a few. So each outage tells how
//! long the longest one was before the first fault, command or planned move, and those that are not much longer, or
//! hardly long enough to be noticed, are left out. What a unit of work in doubt keeps to itself does not wait. To which of
//! these an outage is put down is said in `outage/cause.rs`.
//!
//! An **interruption** of an application begins with a call of it that fails or breaks, or when the application is ended
//! from outside, and is over with its next call that succeeds. A call that hangs for long before it succeeds is one too.
//! See `outage/activity.rs`.

mod activity;
mod cause;
mod demand;
mod interruption;
mod points;

pub use cause::{Cause, CauseKind};
pub use demand::Beginning;
pub use interruption::Interruption;

use crate::contract::Contract;
use crate::history::QueueIndex;
use crate::index::Index;
use crate::ownership::Ownership;
use cause::{Causes, Span};
use points::Points;

/// What is unusual where nothing is known of what is usual: the first cause came too early.
const SURELY_UNUSUAL_NS: u64 = 100_000_000;

/// A span in which nobody got anything from a queue although work waited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outage {
    /// The queue.
    pub queue: String,
    /// The point of it, if it has several.
    pub point: Option<String>,
    /// To what it is put down.
    pub cause: Cause,
    /// What else struck somebody who matters to the queue while it lasted.
    pub meanwhile: Vec<Cause>,
    /// From when on nobody got anything, nanoseconds since the start of the run.
    pub from_ns: u64,
    /// When somebody got a message again, or when it was given up.
    pub to_ns: u64,
    /// Whether somebody got a message again.
    pub ended: bool,
    /// How it began.
    pub beginning: Beginning,
    /// How many messages waited when it began.
    pub waiting_first: u64,
    /// How many messages waited at its end.
    pub waiting: u64,
    /// The longest such span before the first cause of any: what is usual for this queue. 0 if there was none.
    pub usual_ns: u64,
}

/// Nobody would call less an outage, however short what is usual.
const NO_OUTAGE_NS: u64 = 10_000_000;

/// What is no outage: up to twice what is usual for the queue, since service differs from message to message.
const fn ordinary_ns(usual_ns: u64) -> u64 {
    match usual_ns.saturating_mul(2) {
        0 => SURELY_UNUSUAL_NS,
        1..NO_OUTAGE_NS => NO_OUTAGE_NS,
        ordinary_ns => ordinary_ns,
    }
}

impl Outage {
    /// How long it lasted, in nanoseconds.
    #[must_use]
    pub const fn lasted_ns(&self) -> u64 {
        self.to_ns - self.from_ns
    }

    /// Where it was: the queue, and the point of it if it has several.
    #[must_use]
    pub fn place(&self) -> String {
        self.point.as_ref().map_or_else(|| self.queue.clone(), |point| format!("{} on {point}", self.queue))
    }
}

/// What the ledger says of times without service.
#[derive(Default)]
pub(crate) struct Service {
    /// In order of queues and then of time.
    pub(crate) outages: Vec<(QueueIndex, Outage)>,
    pub(crate) interruptions: Vec<Interruption>,
    pub(crate) standing_by: Vec<String>,
}

/// Looks for all of it. An outage as short as those before the first cause is one only if it is over the objective.
pub(crate) fn service(index: &Index<'_>, contract: &Contract, ownership: &Ownership<'_>) -> Service {
    let points = Points::new(index.history, contract);
    let activities = activity::activities(index, &points);
    let causes = Causes::new(index.history, contract, ownership);
    let interruptions = interruption::interruptions(index, &activities, causes.first());
    let standing_by = interruption::standing_by(index, &activities);
    let Some(first) = causes.first() else { return Service { outages: Vec::new(), interruptions, standing_by } };
    let mut outages = Vec::new();
    for ((queue, point), demand) in demand::demands(index, contract, &points, &activities) {
        let gaps = demand.gaps(index.audit.at_ns);
        let before = gaps.iter().filter(|gap| gap.ended && gap.to_ns < first.at_ns);
        let usual_ns = before.map(|gap| gap.to_ns - gap.from_ns).max().unwrap_or(0);
        let ordinary_ns = ordinary_ns(usual_ns);
        let is_told = |lasted_ns: u64| {
            lasted_ns > ordinary_ns || contract.recovery_time_ns.is_some_and(|objective_ns| lasted_ns > objective_ns)
        };
        for gap in gaps.iter().filter(|gap| gap.to_ns > first.at_ns && is_told(gap.to_ns - gap.from_ns)) {
            let span = Span { from_ns: gap.from_ns, to_ns: gap.to_ns, ordinary_ns };
            let Some((cause, from_ns, meanwhile)) = causes.of(&demand.place, span, gap.last_got) else { continue };
            if !is_told(gap.to_ns - from_ns) {
                continue;
            }
            let outage = Outage {
                queue: index.history.queues[queue.index()].clone(),
                point: point.map(str::to_owned),
                cause,
                meanwhile,
                from_ns,
                to_ns: gap.to_ns,
                ended: gap.ended,
                beginning: demand.beginning(from_ns),
                waiting_first: demand.waiting_at(from_ns),
                waiting: demand.waiting_at(gap.to_ns),
                usual_ns,
            };
            outages.push((queue, outage));
        }
    }
    Service { outages, interruptions, standing_by }
}
