//! The history, turned over: from messages and units of work to what was done with them.
//!
//! Everything is a sorted list with binary search, so that it costs about as much as reading the history.

use std::ops::Range;

use crate::audit::{Audit, Availability, LeftMessage, LeftQueue, QueueRole};
use crate::history::{
    Call, Completion, Delivery, Get, History, MessageIdentity, Moment, Operation, Put, QueueIndex, UnitIndex,
    UnitOutcome,
};

/// What applications know about the end of a unit of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnitEnd {
    Committed,
    /// Backed out on request or for want of one: a unit of work that nobody asked to commit must not take effect.
    BackedOut,
    Unknown,
}

/// What is known about one unit of work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnitSummary {
    pub(crate) end: UnitEnd,
    /// When its commit was first asked for: nothing of it may be seen before.
    pub(crate) commit_invoked: Option<Moment>,
    /// When its commit was known to be done.
    pub(crate) commit_known: Option<Moment>,
}

/// What applications know about a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PutState {
    Acknowledged,
    Refused,
    Unknown,
}

/// A message that was put, by its position in the order of puts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MessageIndex(pub(crate) usize);

/// A message that was put.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent<'h> {
    pub(crate) put: Put,
    pub(crate) call: &'h Call,
    pub(crate) state: PutState,
    /// Before this moment nobody may see it; `None`: never.
    pub(crate) visible_from: Option<Moment>,
    /// From this moment on it was certainly there; `None` if no such moment is known.
    pub(crate) visible_surely: Option<Moment>,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consumption {
    Final,
    Undone,
    Unknown,
}

/// A get that returned a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivered<'h> {
    pub(crate) get: Get,
    pub(crate) call: &'h Call,
    pub(crate) completed: Moment,
    pub(crate) delivery: Delivery,
    pub(crate) consumption: Consumption,
}

impl Delivered<'_> {
    /// Certainly later than `other`, not only told later.
    pub(crate) fn is_after(&self, other: &Delivered<'_>) -> bool {
        self.call.invoked > other.completed
    }
}

/// A message that the audit found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left<'a> {
    pub(crate) queue: QueueIndex,
    pub(crate) role: QueueRole,
    pub(crate) left: &'a LeftMessage,
}

impl Left<'_> {
    /// Whether it is there for others than the unit of work that put it.
    pub(crate) fn is_visible(&self) -> bool {
        !matches!(self.left.availability, Availability::UncommittedPut(_))
    }
}

/// The history turned over.
pub(crate) struct Index<'h> {
    pub(crate) history: &'h History,
    pub(crate) audit: &'h Audit,
    pub(crate) sent: Vec<Sent<'h>>,
    pub(crate) units: Vec<UnitSummary>,
    /// Deliveries, by message identity and then in the order of the history.
    pub(crate) delivered: Vec<Delivered<'h>>,
    left: Vec<Left<'h>>,
    /// Of each message: its part of `delivered` and of `left`.
    parts: Vec<(Range<usize>, Range<usize>)>,
    by_identity: Vec<(MessageIdentity, MessageIndex)>,
    /// Calls under syncpoint, by unit of work and then in the order of the history.
    unit_calls: Vec<(UnitIndex, &'h Call)>,
}

impl<'h> Index<'h> {
    /// # Panics
    /// If an identity was put twice: whoever recorded the history broke its rule.
    pub(crate) fn new(history: &'h History, audit: &'h Audit) -> Self {
        let mut unit_calls: Vec<(UnitIndex, &Call)> = Vec::new();
        for call in &history.calls {
            let unit = match call.operation {
                Operation::Put(Put { unit, .. }) | Operation::Get(Get { unit, .. }) => unit,
                Operation::Commit { unit } | Operation::Backout { unit } => Some(unit),
                Operation::MakeReady | Operation::Acquire { .. } | Operation::Release { .. } => None,
            };
            unit_calls.extend(unit.map(|unit| (unit, call)));
        }
        unit_calls.sort_by_key(|(unit, _)| *unit);
        let mut units = Vec::with_capacity(history.units.len());
        let mut rest = unit_calls.as_slice();
        for (position, unit) in history.units.iter().enumerate() {
            let (mine, others) = rest.split_at(rest.partition_point(|(unit, _)| unit.index() <= position));
            rest = others;
            units.push(summary(mine, unit.resolved));
        }

        let mut sent = Vec::new();
        let mut delivered = Vec::new();
        for call in &history.calls {
            match (call.operation, call.completed) {
                (Operation::Put(put), _) => sent.push(sent_message(put, call, &units)),
                (Operation::Get(get), Some((completed, Completion::Delivered(delivery)))) => {
                    let consumption = match get.unit.map(|unit| units[unit.index()].end) {
                        None | Some(UnitEnd::Committed) => Consumption::Final,
                        Some(UnitEnd::BackedOut) => Consumption::Undone,
                        Some(UnitEnd::Unknown) => Consumption::Unknown,
                    };
                    delivered.push(Delivered { get, call, completed, delivery, consumption });
                }
                _ => {}
            }
        }
        delivered.sort_by_key(|delivered| (delivered.delivery.message, delivered.completed));

        let mut by_identity: Vec<_> =
            sent.iter().enumerate().map(|(position, sent)| (sent.put.message, MessageIndex(position))).collect();
        by_identity.sort_unstable();
        assert!(by_identity.windows(2).all(|pair| pair[0].0 != pair[1].0), "each put has an identity of its own");

        let messages_of = |queue: &'h LeftQueue| {
            queue.messages.iter().map(|left| Left { queue: queue.queue, role: queue.role, left })
        };
        let mut left: Vec<Left<'_>> = audit.queues.iter().flat_map(messages_of).collect();
        left.sort_by_key(|left| left.left.message);
        let mut parts = vec![(0..0, 0..0); sent.len()];
        let (mut next_delivered, mut next_left) = (0, 0);
        for (identity, message) in &by_identity {
            let delivered = part(&delivered, &mut next_delivered, *identity, |delivered| delivered.delivery.message);
            let left = part(&left, &mut next_left, *identity, |left| left.left.message);
            parts[message.0] = (delivered, left);
        }
        Index { history, audit, sent, units, delivered, left, parts, by_identity, unit_calls }
    }

    pub(crate) fn find(&self, identity: MessageIdentity) -> Option<MessageIndex> {
        let found = self.by_identity.binary_search_by_key(&identity, |(identity, _)| *identity).ok()?;
        Some(self.by_identity[found].1)
    }

    pub(crate) fn sent(&self, message: MessageIndex) -> &Sent<'h> {
        &self.sent[message.0]
    }

    /// Deliveries of a message, in the order in which they were told.
    pub(crate) fn deliveries(&self, message: MessageIndex) -> &[Delivered<'h>] {
        &self.delivered[self.parts[message.0].0.clone()]
    }

    /// What the audit found of a message.
    pub(crate) fn left(&self, message: MessageIndex) -> &[Left<'h>] {
        &self.left[self.parts[message.0].1.clone()]
    }

    /// Deliveries of a message that may never have been put.
    pub(crate) fn deliveries_of(&self, message: MessageIdentity) -> &[Delivered<'h>] {
        let from = self.delivered.partition_point(|delivered| delivered.delivery.message < message);
        let rest = &self.delivered[from..];
        &rest[..rest.partition_point(|delivered| delivered.delivery.message == message)]
    }

    /// What the audit found of a message that may never have been put.
    pub(crate) fn left_of(&self, message: MessageIdentity) -> &[Left<'h>] {
        let from = self.left.partition_point(|left| left.left.message < message);
        let rest = &self.left[from..];
        &rest[..rest.partition_point(|left| left.left.message == message)]
    }

    /// Everything the audit found.
    pub(crate) fn all_left(&self) -> &[Left<'h>] {
        &self.left
    }

    /// Calls of a unit of work, in the order of the history.
    pub(crate) fn calls_of(&self, unit: UnitIndex) -> &[(UnitIndex, &'h Call)] {
        let from = self.unit_calls.partition_point(|(other, _)| *other < unit);
        let rest = &self.unit_calls[from..];
        &rest[..rest.partition_point(|(other, _)| *other == unit)]
    }

    /// Whether what is missing is known to be missing.
    pub(crate) fn audit_is_complete(&self) -> bool {
        self.audit.incomplete.is_empty()
    }
}

/// The part of a list sorted by identity that belongs to one; `next` is where to go on, since identities come in order.
fn part<T>(
    list: &[T],
    next: &mut usize,
    identity: MessageIdentity,
    identity_of: impl Fn(&T) -> MessageIdentity,
) -> Range<usize> {
    while list.get(*next).is_some_and(|item| identity_of(item) < identity) {
        *next += 1;
    }
    let from = *next;
    while list.get(*next).is_some_and(|item| identity_of(item) == identity) {
        *next += 1;
    }
    from..*next
}

fn summary(calls: &[(UnitIndex, &Call)], resolved: Option<(Moment, UnitOutcome)>) -> UnitSummary {
    let commits =
        || calls.iter().map(|(_, call)| *call).filter(|call| matches!(call.operation, Operation::Commit { .. }));
    let commit_invoked = commits().next().map(|call| call.invoked);
    let commit_told = commits().find(|call| call.is_ok()).and_then(Call::ended);
    let end = match resolved {
        _ if commit_told.is_some() => UnitEnd::Committed,
        Some((_, UnitOutcome::Committed)) => UnitEnd::Committed,
        Some((_, UnitOutcome::BackedOut)) => UnitEnd::BackedOut,
        None if commits().any(Call::is_unknown) => UnitEnd::Unknown,
        None => UnitEnd::BackedOut,
    };
    UnitSummary { end, commit_invoked, commit_known: commit_told }
}

fn sent_message<'h>(put: Put, call: &'h Call, units: &[UnitSummary]) -> Sent<'h> {
    let refused = matches!(call.completed, Some((_, Completion::Failed)));
    let Some(unit) = put.unit.map(|unit| units[unit.index()]) else {
        let (state, visible_surely) = match call.completed {
            Some((_, Completion::Failed)) => (PutState::Refused, None),
            None | Some((_, Completion::Unknown)) => (PutState::Unknown, None),
            Some((at, Completion::Ok | Completion::Delivered(_))) => (PutState::Acknowledged, Some(at)),
        };
        return Sent { put, call, state, visible_from: (!refused).then_some(call.invoked), visible_surely };
    };
    let state = match unit.end {
        _ if refused => PutState::Refused,
        UnitEnd::BackedOut => PutState::Refused,
        UnitEnd::Committed if call.is_ok() => PutState::Acknowledged,
        UnitEnd::Committed | UnitEnd::Unknown => PutState::Unknown,
    };
    let visible_from = (state != PutState::Refused).then(|| unit.commit_invoked.unwrap_or(call.invoked));
    let visible_surely = if state == PutState::Acknowledged { unit.commit_known } else { None };
    Sent { put, call, state, visible_from, visible_surely }
}
