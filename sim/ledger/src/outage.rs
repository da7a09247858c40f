//! For how long applications were without service: for each queue and each fault, and for each application.
//!
//! An **outage** of a queue is a span in which work waited and nobody got a message. Work waits from the moment at which
//! its put (or the commit of its put) was asked for, until it is got for good; a put or a commit that failed waits too,
//! since its application has not got rid of its work. The span begins with the last message that somebody got, with the
//! first work that waited, or with the fault, whichever is the latest; it ends with the next message that somebody got.
//!
//! A queue has such spans in ordinary service too, while a server is at work on a message. So each outage tells how long
//! the longest one was before the first fault. A span that was there when a fault struck, and was no longer than that,
//! is ordinary service up to the fault.
//!
//! An **interruption** of an application begins with a call of it that fails or breaks, or when the application is ended
//! from outside, and is over with its next call that succeeds. A call that hangs for long before it succeeds is one too.
//! The time that a get may wait for a message is no part of it.

use crate::audit::QueueRole;
use crate::contract::Contract;
use crate::history::{Call, Completion, LifeChange, Moment, Operation, ProcessIndex, QueueIndex, WorldHappening};
use crate::index::{Consumption, Index, Left, MessageIndex, PutState, Sent, UnitEnd};

/// The longest span after a fault in which nobody got anything from a queue although work waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The queue.
    pub queue: String,
    /// The last fault before it.
    pub fault: String,
    /// When that struck, nanoseconds since the start of the run.
    pub fault_ns: u64,
    /// From when on nobody got anything.
    pub from_ns: u64,
    /// When somebody got a message again, or when it was given up.
    pub to_ns: u64,
    /// Whether somebody got a message again.
    pub ended: bool,
    /// How many messages waited at its end.
    pub waiting: u64,
    /// The longest such span before the first fault: what is usual for this queue.
    pub usual_ns: u64,
}

impl Outage {
    /// How long it lasted, in nanoseconds.
    #[must_use]
    pub const fn lasted_ns(&self) -> u64 {
        self.to_ns - self.from_ns
    }

    /// Whether it lasted longer than twice what is usual for the queue: service differs from message to message.
    #[must_use]
    pub const fn is_unusual(&self) -> bool {
        self.lasted_ns() > self.usual_ns.saturating_mul(2)
    }
}

/// A call that succeeds after as long as this has hung: longer than any call of a system that works.
const HUNG_NS: u64 = 1_000_000_000;

/// The longest span after the first fault in which an application could do nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interruption {
    /// The application (an instance of it).
    pub process: String,
    /// When it made the call that failed or hung, or when it was ended; nanoseconds since the start of the run.
    pub from_ns: u64,
    /// When a call succeeded again; `None` if none did.
    pub to_ns: Option<u64>,
}

/// A fault of the history.
struct Struck<'h> {
    at: Moment,
    text: &'h str,
}

fn faults<'h>(index: &Index<'h>) -> Vec<Struck<'h>> {
    let fault = |what: &'h WorldHappening| {
        if let WorldHappening::Fault(fault) = what { Some(fault.text.as_str()) } else { None }
    };
    index
        .history
        .world
        .iter()
        .filter_map(|record| fault(&record.what).map(|text| Struck { at: record.at, text }))
        .collect()
}

/// What was asked of one queue, to be looked up by time.
#[derive(Default)]
struct Demand {
    /// When gets returned a message, in order.
    served: Vec<Moment>,
    /// Messages: since when each waits, and until when (`None`: to the end).
    messages: Vec<(Moment, Option<Moment>)>,
    /// Attempts to put that failed: when each was made, and when its application knew. In order.
    failed: Vec<(Moment, Moment)>,
    /// Consumers take whatever comes.
    drained: bool,
}

/// A span in which work waited and nobody got a message.
struct Gap {
    /// The last message got before it, or the first work that waited in it.
    from: Moment,
    to_ns: u64,
    /// The message that ended it.
    served: Option<Moment>,
    waiting: u64,
}

/// For each queue and each fault the longest outage, in order of queues and then of time.
pub(crate) fn outages(index: &Index<'_>, contract: &Contract) -> Vec<(QueueIndex, Outage)> {
    let faults = faults(index);
    let Some(first) = faults.first() else { return Vec::new() };
    let mut outages = Vec::new();
    for (position, demand) in demands(index, contract).into_iter().enumerate() {
        let queue = index.history.queue_at(position);
        let gaps = gaps(demand, index.audit.at_ns);
        let before = gaps.iter().filter(|gap| gap.served.is_some_and(|served| served < first.at));
        let usual_ns = before.map(|gap| gap.to_ns.saturating_sub(gap.from.at_ns)).max().unwrap_or(0);
        let mut longest: Vec<Option<Outage>> = faults.iter().map(|_| None).collect();
        for gap in gaps.iter().filter(|gap| gap.served.is_none_or(|served| served > first.at)) {
            let Some((fault, from_ns)) = cause(gap, &faults, usual_ns) else { continue };
            let outage = Outage {
                queue: index.history.queues[position].clone(),
                fault: faults[fault].text.to_owned(),
                fault_ns: faults[fault].at.at_ns,
                from_ns,
                to_ns: gap.to_ns.max(from_ns),
                ended: gap.served.is_some(),
                waiting: gap.waiting,
                usual_ns,
            };
            let longest = &mut longest[fault];
            if longest.as_ref().is_none_or(|longest| outage.lasted_ns() > longest.lasted_ns()) {
                *longest = Some(outage);
            }
        }
        outages.extend(longest.into_iter().flatten().map(|outage| (queue, outage)));
    }
    outages
}

/// The fault to which a gap is put down, and from when on it counts: the last fault before it, or, while it was no longer
/// than is usual, the next one that struck in it.
fn cause(gap: &Gap, faults: &[Struck<'_>], usual_ns: u64) -> Option<(usize, u64)> {
    let before = faults.partition_point(|fault| fault.at < gap.from);
    let next = faults.get(before).filter(|fault| gap.served.map_or(fault.at.at_ns <= gap.to_ns, |to| fault.at < to));
    match (before.checked_sub(1), next) {
        (None, next) => next.map(|next| (before, next.at.at_ns)),
        (Some(_), Some(next)) if next.at.at_ns - gap.from.at_ns <= usual_ns => Some((before, next.at.at_ns)),
        (Some(last), _) => Some((last, gap.from.at_ns)),
    }
}

fn demands(index: &Index<'_>, contract: &Contract) -> Vec<Demand> {
    let mut demands: Vec<Demand> = index.history.queues.iter().map(|_| Demand::default()).collect();
    for queue in &contract.queues {
        demands[queue.queue.index()].drained = queue.drained;
    }
    for delivered in &index.delivered {
        demands[delivered.get.queue.index()].served.push(delivered.completed);
    }
    for (position, sent) in index.sent.iter().enumerate() {
        let demand = &mut demands[sent.put.queue.index()];
        demand.failed.extend(failed_attempt(index, sent));
        let (Some(since), PutState::Acknowledged) = (sent.visible_from, sent.state) else { continue };
        let message = MessageIndex(position);
        let deliveries = index.deliveries(message);
        let taken = deliveries.iter().find(|delivered| delivered.consumption != Consumption::Undone);
        // A reply that nobody claimed does not wait for anybody, nor does what expired or was dead-lettered.
        let waits = |left: &Left<'_>| left.role == QueueRole::Application && !left.left.expired;
        let until = match (taken, deliveries.last()) {
            (Some(taken), _) => Some(taken.completed),
            (None, _) if demand.drained && index.left(message).iter().any(waits) => None,
            (None, Some(last)) => Some(last.completed),
            (None, None) => continue,
        };
        demand.messages.push((since, until));
    }
    demands
}

/// A put, or the commit of it, that failed or whose outcome is unknown.
fn failed_attempt(index: &Index<'_>, sent: &Sent<'_>) -> Option<(Moment, Moment)> {
    let failed = |call: &Call| match call.completed {
        Some((at, Completion::Failed | Completion::Unknown)) => Some((call.invoked, at)),
        _ => None,
    };
    let unit = sent.put.unit.filter(|unit| index.units[unit.index()].end != UnitEnd::Committed);
    failed(sent.call).or_else(|| {
        let mut calls = index.calls_of(unit?).iter();
        calls.find_map(|(_, call)| matches!(call.operation, Operation::Commit { .. }).then(|| failed(call)).flatten())
    })
}

/// The spans between two messages that were got, as far as work waited in them.
fn gaps(mut demand: Demand, end_ns: u64) -> Vec<Gap> {
    // Nobody ever got anything from a queue that nobody serves.
    if demand.served.is_empty() && !demand.drained {
        return Vec::new();
    }
    demand.served.sort_unstable();
    demand.failed.sort_unstable();
    // Messages in the order in which they leave, and for each position the first of it and its followers to come.
    demand.messages.sort_unstable_by_key(|(since, until)| (until.is_none(), *until, *since));
    let mut earliest: Vec<Moment> = Vec::with_capacity(demand.messages.len());
    for (since, _) in demand.messages.iter().rev() {
        earliest.push(earliest.last().map_or(*since, |first| *since.min(first)));
    }
    earliest.reverse();
    let mut arrivals: Vec<Moment> = demand.messages.iter().map(|(since, _)| *since).collect();
    arrivals.sort_unstable();

    let mut gaps = Vec::new();
    let ends = demand.served.iter().copied().map(Some).chain([None]);
    let mut last: Option<Moment> = None;
    for served in ends {
        let before_end = |at: &Moment| served.is_none_or(|served| *at < served);
        let gone = demand.messages.partition_point(|(_, until)| until.is_some_and(|until| before_end(&until)));
        let come = arrivals.partition_point(before_end);
        let waiting = (come.saturating_sub(gone)) as u64;
        let first_waiting = earliest.get(gone).copied().filter(before_end);
        let in_gap = &demand.failed[demand.failed.partition_point(|(tried, _)| Some(*tried) < last)..];
        let failed = in_gap.first().map(|(tried, _)| *tried).filter(before_end);
        let to_ns = match served {
            Some(served) => served.at_ns,
            None if waiting > 0 => end_ns,
            None => in_gap.iter().map(|(_, knew)| knew.at_ns).max().unwrap_or(0),
        };
        if let Some(since) = first_waiting.into_iter().chain(failed).min() {
            let from = last.map_or(since, |last| since.max(last));
            gaps.push(Gap { from, to_ns, served, waiting });
        }
        last = served;
    }
    gaps
}

/// For each application the longest interruption after the first fault, those without one left out; in the order in which
/// applications came into the history.
pub(crate) fn interruptions(index: &Index<'_>) -> Vec<Interruption> {
    let Some(first) = faults(index).first().map(|fault| fault.at) else { return Vec::new() };
    let history = index.history;
    let mut changes: Vec<(ProcessIndex, Moment, Change)> = Vec::new();
    for call in &history.calls {
        match call.completed {
            Some((at, Completion::Failed | Completion::Unknown)) => {
                changes.push((call.process, at, Change::Lost { from_ns: due_ns(call, at) }));
            }
            Some((at, Completion::Ok | Completion::Delivered(_))) => {
                let change = Change::Served { asked_ns: call.invoked.at_ns, served_ns: served_ns(call, at) };
                changes.push((call.process, at, change));
            }
            None => {}
        }
    }
    for (position, process) in history.processes.iter().enumerate() {
        let ends = process.life.iter().filter(|(_, change)| *change == LifeChange::Ended);
        changes.extend(ends.map(|(at, _)| (history.process_at(position), *at, Change::Lost { from_ns: at.at_ns })));
    }
    changes.sort_unstable();
    let mut interruptions = Vec::new();
    for of_one in changes.chunk_by(|one, other| one.0 == other.0) {
        let name = &history.processes[of_one[0].0.index()].name;
        interruptions.extend(longest_interruption(name, of_one, first));
    }
    interruptions
}

/// What a process learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// A call failed that should have been answered by then, or it was ended.
    Lost { from_ns: u64 },
    /// A call that was made then has succeeded, and was certainly served by then.
    Served { asked_ns: u64, served_ns: u64 },
}

/// From when on an application waits for more than it has asked for: a get may wait for a message.
fn due_ns(call: &Call, completed: Moment) -> u64 {
    match call.operation {
        Operation::Get(get) => call.invoked.at_ns.saturating_add(get.wait_ns).min(completed.at_ns),
        _ => call.invoked.at_ns,
    }
}

/// When a call that succeeded was certainly served: a get may have waited for a message since.
fn served_ns(call: &Call, completed: Moment) -> u64 {
    match call.operation {
        Operation::Get(get) => completed.at_ns.saturating_sub(get.wait_ns).max(call.invoked.at_ns),
        _ => completed.at_ns,
    }
}

fn longest_interruption(name: &str, changes: &[(ProcessIndex, Moment, Change)], first: Moment) -> Option<Interruption> {
    let mut longest: Option<(u64, Interruption)> = None;
    let mut since: Option<u64> = None;
    let mut over = |since: u64, to_ns: Option<u64>| {
        let lasted_ns = to_ns.map_or(u64::MAX, |to_ns| to_ns - since);
        if longest.as_ref().is_none_or(|(longest, _)| lasted_ns > *longest) {
            longest = Some((lasted_ns, Interruption { process: name.to_owned(), from_ns: since, to_ns }));
        }
    };
    for (_, _, change) in changes.iter().filter(|(_, at, _)| *at > first) {
        match *change {
            Change::Lost { from_ns } => {
                since.get_or_insert(from_ns.max(first.at_ns));
            }
            Change::Served { asked_ns, served_ns } => {
                let hung = (served_ns - asked_ns > HUNG_NS).then_some(asked_ns.max(first.at_ns));
                if let Some(from_ns) = since.take().or(hung) {
                    over(from_ns, Some(from_ns.max(served_ns)));
                }
            }
        }
    }
    if let Some(from_ns) = since {
        over(from_ns, None);
    }
    longest.map(|(_, interruption)| interruption)
}
