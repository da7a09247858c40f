//! What was asked of each queue, and when nobody was served although work waited.
//!
//! A queue with several queue points is as many **places**, each with its own messages and those who are connected to it: a
//! consumer of one point does not get what lies on another.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::QueueRole;
use crate::contract::Contract;
use crate::history::{Call, Completion, Moment, Operation, QueueIndex, UnitIndex};
use crate::index::{Consumption, Index, Left, MessageIndex, PutState, Sent};

use super::activity::{Activity, HUNG_NS};
use super::points::Points;

/// Where messages wait: a queue, or one point of it.
#[derive(Debug, Default)]
pub(super) struct Place<'h> {
    /// The names of its producers and consumers.
    pub(super) users: BTreeSet<&'h str>,
    /// Who keeps its messages; nobody: anybody.
    pub(super) keepers: BTreeSet<&'h str>,
}

/// A message, for as long as it waits.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    /// Its put was asked for, if that hung, or else the commit of it.
    since: Moment,
    /// Its put was known to be done.
    known_ns: u64,
    /// It was got for good; `None`: never.
    until: Option<Moment>,
}

/// What a put, or the attempt to make one, came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Failed,
    /// It worked in the end: its message waits itself.
    Hung,
    /// Its producer could not connect.
    NotConnected,
}

/// A put that failed, or hung, or could not even be asked for.
#[derive(Clone, Copy, Debug)]
struct Refused {
    tried: Moment,
    knew_ns: u64,
    /// When its application was served again.
    over_ns: u64,
    how: Refusal,
}

/// What was asked of one place, to be looked up by time.
#[derive(Debug, Default)]
pub(super) struct Demand<'h> {
    pub(super) place: Place<'h>,
    /// When gets returned a message, in order.
    served: Vec<Moment>,
    messages: Vec<Waiting>,
    /// In order of their attempts.
    refused: Vec<Refused>,
    /// When consumers were at work of their own, in order, none overlapping another.
    at_work: Vec<(u64, u64)>,
    /// Consumers take whatever comes.
    drained: bool,
}

/// A span in which work waited and nobody got a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    pub(super) from_ns: u64,
    pub(super) to_ns: u64,
    /// The last message got before it.
    pub(super) last_got: Option<Moment>,
    /// Whether somebody got a message again.
    pub(super) ended: bool,
}

/// How an outage began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Beginning {
    /// Messages were waiting.
    #[default]
    Waiting,
    /// A put failed.
    PutFailed,
    /// A put hung.
    PutHung,
    /// A producer could not connect.
    NotConnected,
}

/// Of each place what was asked of it, in order of queues and points. A queue with several points has one more place: for
/// what is asked of it by those who are connected to none of them.
pub(super) fn demands<'h>(
    index: &Index<'h>,
    contract: &'h Contract,
    points: &Points<'h>,
    activities: &[Activity<'h>],
) -> BTreeMap<(QueueIndex, Option<&'h str>), Demand<'h>> {
    let history = index.history;
    let mut demands: BTreeMap<(QueueIndex, Option<&str>), Demand<'h>> = BTreeMap::new();
    for delivered in &index.delivered {
        let queue = delivered.get.queue;
        demands.entry((queue, None)).or_default().served.push(delivered.completed);
        if let Some(point) = points.of(queue, delivered.call) {
            demands.entry((queue, Some(point))).or_default().served.push(delivered.completed);
        }
    }
    for call in &history.calls {
        let (Operation::Put(crate::history::Put { queue, .. }) | Operation::Get(crate::history::Get { queue, .. })) =
            call.operation
        else {
            continue;
        };
        let user = history.processes[call.process.index()].name.as_str();
        demands.entry((queue, points.of(queue, call))).or_default().place.users.insert(user);
    }
    for (position, sent) in index.sent.iter().enumerate() {
        let message = MessageIndex(position);
        let deliveries = index.deliveries(message);
        let taken = deliveries.iter().find(|delivered| delivered.consumption != Consumption::Undone);
        let got_at = taken.or(deliveries.last()).and_then(|delivered| points.of(sent.put.queue, delivered.call));
        let point = got_at.or_else(|| points.of(sent.put.queue, sent.call));
        let demand = demands.entry((sent.put.queue, point)).or_default();
        demand.refused.extend(refused(index, sent, &activities[sent.call.process.index()]));
        let (Some(visible_from), PutState::Acknowledged) = (sent.visible_from, sent.state) else { continue };
        // Messages of one unit of work take their time to be put. But one that hangs waits to be taken.
        let since = if hung(sent.call).is_some() { sent.call.invoked } else { visible_from };
        // A reply that nobody claimed does not wait for anybody, nor does what expired or was dead-lettered.
        let waits = |left: &Left<'_>| left.role == QueueRole::Application && !left.left.expired;
        let drained = contract.queues.iter().any(|queue| queue.queue == sent.put.queue && queue.drained);
        let until = match (taken, deliveries.last()) {
            (Some(taken), _) => Some(taken.completed),
            (None, _) if drained && index.left(message).iter().any(waits) => None,
            (None, Some(last)) => Some(last.completed),
            (None, None) => continue,
        };
        // A unit of work that nobody could end keeps to itself what it put and got until it is resolved.
        let mut since = sent.put.unit.and_then(|unit| left_open(index, unit)).unwrap_or(since);
        let mut known_ns = sent.visible_surely.map_or(since.at_ns, |at| at.at_ns);
        for delivered in deliveries.iter().filter(|delivered| delivered.consumption == Consumption::Undone) {
            let resolved = delivered.get.unit.and_then(|unit| left_open(index, unit));
            if let Some(resolved) = resolved.filter(|resolved| *resolved > delivered.completed) {
                demand.messages.push(Waiting { since, known_ns, until: Some(delivered.completed) });
                (since, known_ns) = (resolved, resolved.at_ns);
            }
        }
        demand.messages.push(Waiting { since, known_ns, until });
    }
    for cut_off in activities.iter().flat_map(|activity| &activity.cut_off) {
        let knew_ns = cut_off.to_ns.unwrap_or(index.audit.at_ns);
        let refused = Refused { tried: cut_off.from, knew_ns, over_ns: knew_ns, how: Refusal::NotConnected };
        demands.entry((cut_off.queue, cut_off.point)).or_default().refused.push(refused);
    }
    for ((queue, point), demand) in &mut demands {
        demand.drained = contract.queues.iter().any(|listed| listed.queue == *queue && listed.drained);
        demand.place.keepers = match point {
            Some(point) => BTreeSet::from([*point]),
            None => {
                let keepers = contract.keepers.iter().filter(|(kept, _)| kept == queue);
                keepers.map(|(_, keeper)| keeper.as_str()).collect()
            }
        };
        let own_work = activities.iter().flat_map(|activity| &activity.own_work);
        let mine = own_work.filter(|work| work.queue == *queue && (point.is_none() || work.point == *point));
        demand.at_work = merged(mine.map(|work| (work.from_ns, work.to_ns)).collect());
        demand.served.sort_unstable();
        demand.refused.sort_unstable_by_key(|refused| refused.tried);
        // Messages in the order in which they leave.
        demand.messages.sort_unstable_by_key(|waiting| (waiting.until.is_none(), waiting.until, waiting.since));
    }
    demands
}

/// When a unit of work was resolved whose commit was asked for, and not answered.
fn left_open(index: &Index<'_>, unit: UnitIndex) -> Option<Moment> {
    let summary = index.units[unit.index()];
    let is_open = summary.commit_invoked.is_some() && summary.commit_known.is_none();
    index.history.units[unit.index()].resolved.filter(|_| is_open).map(|(at, _)| at)
}

/// Spans in order, those that overlap put together.
fn merged(mut spans: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    spans.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::with_capacity(spans.len());
    for (from, to) in spans {
        match merged.last_mut() {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            _ => merged.push((from, to)),
        }
    }
    merged
}

/// What is left of a span without these, which are in order and do not overlap.
fn without(span: (u64, u64), others: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut left = Vec::new();
    let mut from = span.0;
    for (other_from, other_to) in &others[others.partition_point(|(_, to)| *to <= span.0)..] {
        if *other_from >= span.1 {
            break;
        }
        if from < *other_from {
            left.push((from, *other_from));
        }
        from = from.max(*other_to);
    }
    if from < span.1 {
        left.push((from, span.1));
    }
    left
}

/// From when to when a call hung before it succeeded.
fn hung(call: &Call) -> Option<(Moment, Moment)> {
    let ended = call.ended().filter(|ended| call.is_ok() && ended.at_ns - call.invoked.at_ns > HUNG_NS)?;
    Some((call.invoked, ended))
}

/// A put that failed, or hung, or whose commit did.
fn refused(index: &Index<'_>, sent: &Sent<'_>, activity: &Activity) -> Option<Refused> {
    let failed = |call: &Call| match call.completed {
        Some((at, Completion::Failed | Completion::Unknown)) => Some((call.invoked, at)),
        _ => None,
    };
    let unit = sent.put.unit;
    let failed = failed(sent.call).or_else(|| {
        let mut calls = index.calls_of(unit?).iter();
        calls.find_map(|(_, call)| matches!(call.operation, Operation::Commit { .. }).then(|| failed(call)).flatten())
    });
    let (tried, knew_ns, how) = match failed {
        Some((tried, knew)) => (tried, knew.at_ns, Refusal::Failed),
        None => {
            let commit = || {
                let calls = index.calls_of(sent.put.unit?).iter().map(|(_, call)| *call);
                calls.filter(|call| matches!(call.operation, Operation::Commit { .. })).find_map(hung)
            };
            let (tried, knew) = hung(sent.call).or_else(commit)?;
            (tried, knew.at_ns, Refusal::Hung)
        }
    };
    let idle =
        activity.interrupted.iter().find(|idle| idle.from_ns <= knew_ns && idle.to_ns.is_none_or(|to| to >= knew_ns));
    let over_ns = idle.map_or(knew_ns, |idle| idle.to_ns.unwrap_or(index.audit.at_ns));
    Some(Refused { tried, knew_ns, over_ns, how })
}

impl Demand<'_> {
    /// The spans between two messages that were got, as far as work waited in them and no consumer was at work of its own:
    /// of each span the longest part of which that is true. A put that fails or hangs is not excused by a consumer at work.
    pub(super) fn gaps(&self, end_ns: u64) -> Vec<Gap> {
        // Nobody ever got anything from a queue that nobody serves.
        if self.served.is_empty() && !self.drained {
            return Vec::new();
        }
        // For each position the first of it and its followers to come.
        let mut earliest: Vec<Moment> = Vec::with_capacity(self.messages.len());
        for waiting in self.messages.iter().rev() {
            earliest.push(earliest.last().map_or(waiting.since, |first| waiting.since.min(*first)));
        }
        earliest.reverse();
        let not_served = merged(self.refused.iter().map(|refused| (refused.tried.at_ns, refused.over_ns)).collect());
        let excused: Vec<(u64, u64)> = self.at_work.iter().flat_map(|work| without(*work, &not_served)).collect();

        let mut gaps = Vec::new();
        let ends = self.served.iter().copied().map(Some).chain([None]);
        let mut last_got: Option<Moment> = None;
        for served in ends {
            let before_end = |at: &Moment| served.is_none_or(|served| *at < served);
            let gone = self.messages.partition_point(|waiting| waiting.until.is_some_and(|until| before_end(&until)));
            let first_waiting = earliest.get(gone).copied().filter(before_end);
            let tried_since = self.refused.partition_point(|refused| Some(refused.tried) < last_got);
            let in_gap = || self.refused[tried_since..].iter().filter(|refused| refused.how != Refusal::Hung);
            let failed = in_gap().next().map(|refused| refused.tried).filter(before_end);
            let to_ns = match served {
                Some(served) => served.at_ns,
                None if first_waiting.is_some() => end_ns,
                None => in_gap().map(|refused| refused.knew_ns).max().unwrap_or(0),
            };
            if let Some(since) = first_waiting.into_iter().chain(failed).min() {
                let from_ns = last_got.map_or(since, |last| since.max(last)).at_ns;
                let parts = without((from_ns, to_ns.max(from_ns)), &excused);
                if let Some((from_ns, part_ends_ns)) = parts.into_iter().rev().max_by_key(|(from, to)| to - from) {
                    let ended = served.is_some() || part_ends_ns < to_ns;
                    gaps.push(Gap { from_ns, to_ns: part_ends_ns, last_got, ended });
                }
            }
            last_got = served;
        }
        gaps
    }

    /// How many messages wait at a time: those whose puts are done, or have hung for long by then.
    pub(super) fn waiting_at(&self, at_ns: u64) -> u64 {
        let waits = |waiting: &&Waiting| {
            waiting.since.at_ns <= at_ns
                && waiting.known_ns <= at_ns.saturating_add(HUNG_NS)
                && waiting.until.is_none_or(|until| until.at_ns >= at_ns)
        };
        self.messages.iter().filter(waits).count() as u64
    }

    /// How a gap began that began then.
    pub(super) fn beginning(&self, from_ns: u64) -> Beginning {
        if self.waiting_at(from_ns) > 0 {
            return Beginning::Waiting;
        }
        let under_way = |refused: &&Refused| refused.tried.at_ns <= from_ns && refused.over_ns >= from_ns;
        match self.refused.iter().rev().find(under_way).map(|refused| refused.how) {
            Some(Refusal::Hung) => Beginning::PutHung,
            Some(Refusal::NotConnected) => Beginning::NotConnected,
            Some(Refusal::Failed) | None => Beginning::PutFailed,
        }
    }
}
