//! All or nothing: a unit of work must not take effect in part.
//!
//! Evidence is collected for each put and get of the unit: it took effect, it did not, or that cannot be told. A unit of
//! which one part did and another did not is torn, whatever its application was told about it.

use crate::account::{Fate, Fates};
use crate::audit::{Availability, HolderState};
use crate::finding::{Draft, Subject};
use crate::history::{Completion, Moment, Operation, Put, UnitIndex};
use crate::index::{Consumption, Index, Left, MessageIndex};
use crate::losses::Permitted;
use crate::verdict::FindingKind;

/// Whether a part of a unit of work took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    TookEffect,
    DidNot,
    CannotTell,
}

pub(crate) fn check(index: &Index<'_>, permitted: &Permitted<'_, '_, '_>, fates: &mut Fates) {
    for position in 0..index.units.len() {
        let unit = index.history.unit_at(position);
        check_unit(index, permitted, fates, unit);
    }
}

fn check_unit(index: &Index<'_>, permitted: &Permitted<'_, '_, '_>, fates: &mut Fates, unit: UnitIndex) {
    let calls = index.calls_of(unit);
    if calls.len() < 2 {
        return;
    }
    let mut did = None;
    let mut did_not = None;
    for (_, call) in calls {
        let (evidence, message, verb) = match (call.operation, call.completed) {
            (Operation::Put(put), Some((_, Completion::Ok))) => {
                (put_evidence(index, permitted, fates, &put), put.message, "put")
            }
            (Operation::Get(_), Some((completed, Completion::Delivered(delivery)))) => {
                let evidence = index
                    .find(delivery.message)
                    .map_or(Evidence::CannotTell, |message| get_evidence(index, permitted, fates, message, completed));
                (evidence, delivery.message, "get")
            }
            _ => continue,
        };
        match evidence {
            Evidence::TookEffect => did = did.or(Some((verb, message))),
            Evidence::DidNot => did_not = did_not.or(Some((verb, message))),
            Evidence::CannotTell => {}
        }
    }
    if let (Some((did, this)), Some((did_not, that))) = (did, did_not) {
        let that_queue = index.find(that).map(|message| index.sent(message).put.queue);
        fates.drafts.push(Draft {
            kind: FindingKind::Torn,
            at_ns: index.audit.at_ns,
            queue: that_queue,
            message: format!(
                "{} took effect in part: its {did} of message {} did, its {did_not} of message {} did not",
                index.history.unit_name(unit),
                this,
                that
            ),
            subject: Subject::Unit(unit),
        });
    }
}

fn put_evidence(index: &Index<'_>, permitted: &Permitted<'_, '_, '_>, fates: &Fates, put: &Put) -> Evidence {
    let Some(message) = index.find(put.message) else { return Evidence::CannotTell };
    let left = index.left(message);
    if !index.deliveries(message).is_empty() || left.iter().any(Left::is_visible) {
        return Evidence::TookEffect;
    }
    let may_have_expired = put.expires_at_ns.is_some_and(|at| at <= index.audit.at_ns);
    let may_be_gone = fates.fates[message.0] == Fate::Permitted || permitted.loss(index, message).is_some();
    if !left.is_empty() || may_have_expired || may_be_gone || !index.audit_is_complete() {
        return Evidence::CannotTell;
    }
    Evidence::DidNot
}

/// A get took effect if its message is gone and nobody else can have taken it; it did not if the message was seen later.
fn get_evidence(
    index: &Index<'_>,
    permitted: &Permitted<'_, '_, '_>,
    fates: &Fates,
    message: MessageIndex,
    completed: Moment,
) -> Evidence {
    if fates.came_again.contains(&message) {
        return Evidence::CannotTell;
    }
    let deliveries = index.deliveries(message);
    let mine = deliveries.partition_point(|delivered| delivered.completed < completed);
    let put = index.sent(message).put;
    let left = index.left(message);
    let seen_later = deliveries.iter().any(|delivered| delivered.is_after(&deliveries[mine]));
    let is_there = |left: &Left<'_>| match &left.left.availability {
        Availability::Available | Availability::Unreachable { .. } => true,
        Availability::Held(holder) => holder.state == HolderState::Live,
        Availability::UncommittedPut(_) => false,
    };
    if seen_later || left.iter().any(is_there) {
        return Evidence::DidNot;
    }
    let others = deliveries.iter().enumerate().filter(|(other, _)| *other != mine);
    let mut takers = others.map(|(_, delivered)| delivered.consumption);
    if takers.clone().any(|consumption| consumption == Consumption::Final) {
        return Evidence::DidNot;
    }
    let may_have_expired = put.expires_at_ns.is_some_and(|at| at <= index.audit.at_ns);
    let other_taker = takers.any(|consumption| consumption == Consumption::Unknown);
    if deliveries[mine].consumption == Consumption::Final && left.is_empty() {
        return Evidence::TookEffect;
    }
    if other_taker || !left.is_empty() || may_have_expired || permitted.loss(index, message).is_some() {
        return Evidence::CannotTell;
    }
    if index.audit_is_complete() { Evidence::TookEffect } else { Evidence::CannotTell }
}
