//! Messages that come again: one consumption, and nothing after it or left of it; and their redelivery counts.

use crate::account::Fates;
use crate::finding::{Draft, Subject};
use crate::history::{Moment, Operation};
use crate::index::{Consumption, Delivered, Index, Left, MessageIndex, PutState};
use crate::losses::Permitted;
use crate::permissions::{Excuse, Harm};
use crate::verdict::FindingKind;

/// One consumption, and nothing after it or left of it, unless a rule permits each further sight of the message.
pub(crate) fn check(index: &Index<'_>, permitted: &Permitted<'_, '_, '_>, message: MessageIndex, fates: &mut Fates) {
    let sent = index.sent(message);
    if sent.state == PutState::Refused {
        return;
    }
    let deliveries = index.deliveries(message);
    let finals = || deliveries.iter().filter(|delivered| delivered.consumption == Consumption::Final);
    let left: Vec<&Left<'_>> = index.left(message).iter().filter(|left| left.is_visible()).collect();
    let copies = finals().count() + left.len();
    let seen_again = finals().next().and_then(|first| deliveries.iter().find(|delivered| delivered.is_after(first)));
    if copies <= 1 && seen_again.is_none() {
        return;
    }
    let count = (copies.max(2) - 1) as u64;
    if let Some(excuse) = permitted_copies(index, permitted, message, left.len()) {
        fates.account.permitted_duplicates += count;
        fates.excuse(index, FindingKind::Duplicated, excuse, message, count);
        fates.came_again.insert(message);
        return;
    }
    let identity = sent.put.message;
    let (at_ns, queue, what) = if finals().count() > 1 {
        let last = finals().next_back().expect("there are two");
        (last.completed.at_ns, last.get.queue, format!("was consumed {} times", finals().count()))
    } else if let Some(again) = seen_again {
        (again.completed.at_ns, again.get.queue, "was delivered again after it had been consumed".to_owned())
    } else if finals().next().is_some() {
        (index.audit.at_ns, left[0].queue, "is still there although it was consumed".to_owned())
    } else {
        (index.audit.at_ns, left[1].queue, format!("is there {} times", left.len()))
    };
    fates.account.duplicated += count;
    fates.drafts.push(Draft {
        kind: FindingKind::Duplicated,
        at_ns,
        queue: Some(queue),
        message: format!("message {identity} {what}"),
        subject: Subject::Message(message),
    });
}

/// The permission for the first of the further sights of a message, if there is one for every one of them. A message that
/// is there twice at the end is never permitted.
fn permitted_copies<'c, 'h>(
    index: &Index<'_>,
    permitted: &Permitted<'c, '_, 'h>,
    message: MessageIndex,
    left: usize,
) -> Option<Excuse<'c, 'h>> {
    if left > 1 {
        return None;
    }
    let mut first_excuse = None;
    let mut consumed: Option<&Delivered<'_>> = None;
    let sights = index.deliveries(message).iter().map(Some).chain((left > 0).then_some(None));
    for sight in sights {
        if let Some(consumed) = consumed {
            let harm = Harm {
                after: consumption_asked(index, consumed),
                before: sight.map(|sight| sight.completed),
                acknowledged_ns: consumption_acknowledged(index, consumed).at_ns,
                giver: sight.and_then(|sight| index.history.peer_of(sight.call)),
            };
            let came_to_nothing = sight.is_some_and(|sight| sight.consumption != Consumption::Final);
            let excuse = permitted
                .duplicates
                .covering(index, message, harm)
                .or_else(|| came_to_nothing.then(|| permitted.redeliveries.covering(index, message, harm)).flatten())?;
            first_excuse.get_or_insert(excuse);
        }
        consumed = sight.filter(|sight| sight.consumption == Consumption::Final).or(consumed);
    }
    first_excuse
}

/// Before this nothing can have undone a consumption: it was not final yet.
fn consumption_asked(index: &Index<'_>, consumed: &Delivered<'_>) -> Moment {
    let commit = consumed.get.unit.and_then(|unit| index.units[unit.index()].commit_invoked);
    commit.unwrap_or(consumed.call.invoked)
}

/// When its application was told that a consumption is final, or learned it.
fn consumption_acknowledged(index: &Index<'_>, consumed: &Delivered<'_>) -> Moment {
    let Some(unit) = consumed.get.unit else { return consumed.completed };
    let resolved = index.history.units[unit.index()].resolved.map(|(at, _)| at);
    index.units[unit.index()].commit_known.or(resolved).unwrap_or(consumed.completed)
}

/// Each redelivery of a message tells at least the count of the one before it, unless something happened in between that
/// may reset counts. What comes after the message was consumed is another matter.
pub(crate) fn check_count(
    index: &Index<'_>,
    permitted: &Permitted<'_, '_, '_>,
    message: MessageIndex,
    fates: &mut Fates,
) {
    let deliveries = index.deliveries(message);
    let end = deliveries.iter().position(|delivered| delivered.consumption == Consumption::Final);
    let until_consumed = &deliveries[..end.map_or(deliveries.len(), |end| end + 1)];
    for pair in until_consumed.windows(2) {
        let [earlier, later] = pair else { continue };
        let (before, now) = (earlier.delivery.backout_count, later.delivery.backout_count);
        if now >= before || !later.is_after(earlier) {
            continue;
        }
        let harm = Harm {
            after: earlier.call.invoked,
            before: Some(later.completed),
            acknowledged_ns: undone(index, earlier).at_ns,
            giver: None,
        };
        if let Some(excuse) = permitted.resets.covering(index, message, harm) {
            fates.excuse(index, FindingKind::Miscounted, excuse, message, 1);
            continue;
        }
        fates.drafts.push(Draft {
            kind: FindingKind::Miscounted,
            at_ns: later.completed.at_ns,
            queue: Some(later.get.queue),
            message: format!(
                "message {} was delivered with redelivery count {now}, after it had been delivered with {before}",
                index.sent(message).put.message
            ),
            subject: Subject::Message(message),
        });
        return;
    }
}

/// When its application was told that a delivery is backed out, as far as is known.
fn undone(index: &Index<'_>, delivered: &Delivered<'_>) -> Moment {
    let Some(unit) = delivered.get.unit else { return delivered.completed };
    let told = index.calls_of(unit).iter().filter(|(_, call)| matches!(call.operation, Operation::Backout { .. }));
    told.filter_map(|(_, call)| call.ended()).next_back().unwrap_or(delivered.completed)
}
