//! The fate of each message: every acknowledged message must be accounted for exactly once.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::QueueRole;
use crate::contract::Permission;
use crate::copies;
use crate::finding::{Draft, Subject};
use crate::history::{MessageIdentity, Origin, QualityIndex, QueueIndex};
use crate::index::{Consumption, Delivered, Index, MessageIndex, PutState, Sent};
use crate::losses::{self, Permitted};
use crate::permissions::Excuse;
use crate::verdict::{Account, FindingKind, PermittedGroup, PermittedPart};

/// What became of a message that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Got, for good, or in a unit of work of unknown outcome of which nothing is left.
    Consumed,
    Remaining,
    DeadLettered,
    Expired,
    /// Nowhere, under a rule: a place in [`Fates::permitted`].
    Permitted,
    /// Nowhere, but the audit could not look everywhere.
    Untold,
    Lost,
    /// It need not be anywhere: refused, or of unknown outcome and not seen.
    Nothing,
}

/// What became of all messages.
pub(crate) struct Fates {
    pub(crate) account: Account,
    /// In the order of [`Index::sent`].
    pub(crate) fates: Vec<Fate>,
    pub(crate) drafts: Vec<Draft>,
    /// What was permitted, by kind, rule and cause.
    pub(crate) permitted: BTreeMap<Sort, Group>,
    /// Messages that came again, and a rule permits it.
    pub(crate) came_again: BTreeSet<MessageIndex>,
    /// How many messages are missing that the audit might have found.
    pub(crate) untold: u64,
}

/// What was permitted in the same way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sort {
    kind: FindingKind,
    rule: String,
    event: String,
    cause: String,
}

/// To which messages it happened.
pub(crate) struct Group {
    example: MessageIndex,
    /// How often, by queue and quality.
    counts: BTreeMap<(QueueIndex, QualityIndex), u64>,
}

impl Fates {
    pub(crate) fn groups(&self, index: &Index<'_>, story: impl Fn(MessageIndex) -> String) -> Vec<PermittedGroup> {
        let part = |((queue, quality), count): (&(QueueIndex, QualityIndex), &u64)| PermittedPart {
            queue: index.history.queues[queue.index()].clone(),
            quality: index.history.qualities[quality.index()].clone(),
            count: *count,
        };
        let groups = self.permitted.iter().map(|(sort, group)| PermittedGroup {
            kind: sort.kind,
            rule: sort.rule.clone(),
            event: sort.event.clone(),
            cause: sort.cause.clone(),
            parts: group.counts.iter().map(part).collect(),
            count: group.counts.values().sum(),
            longest_ns: None,
            example: story(group.example),
        });
        groups.collect()
    }

    /// What would be a violation of this kind happened to a message, `count` times, and is excused.
    pub(crate) fn excuse(
        &mut self,
        index: &Index<'_>,
        kind: FindingKind,
        excuse: Excuse<'_, '_>,
        message: MessageIndex,
        count: u64,
    ) {
        let Permission { rule, event, .. } = excuse.permission;
        let sort = Sort { kind, rule: rule.clone(), event: event.clone(), cause: excuse.cause() };
        self.permit(index, sort, message, count);
    }

    fn permit(&mut self, index: &Index<'_>, sort: Sort, message: MessageIndex, count: u64) {
        let put = &index.sent(message).put;
        let group = self.permitted.entry(sort).or_insert(Group { example: message, counts: BTreeMap::new() });
        *group.counts.entry((put.queue, put.quality)).or_default() += count;
    }
}

pub(crate) fn fates(index: &Index<'_>, permitted: &Permitted<'_, '_, '_>) -> Fates {
    let mut fates = Fates {
        account: Account::default(),
        fates: Vec::with_capacity(index.sent.len()),
        drafts: Vec::new(),
        permitted: BTreeMap::new(),
        came_again: BTreeSet::new(),
        untold: 0,
    };
    let mut missing = Vec::new();
    for position in 0..index.sent.len() {
        let message = MessageIndex(position);
        let fate = fate(index, message);
        if fate == Fate::Lost {
            missing.push(message);
        }
        fates.fates.push(fate);
        check_visibility(index, message, &mut fates.drafts);
        check_content(index, message, &mut fates.drafts);
        copies::check(index, permitted, message, &mut fates);
        copies::check_count(index, permitted, message, &mut fates);
    }
    explain_missing(index, permitted, missing, &mut fates);
    strangers(index, &mut fates.drafts);
    tally(index, &mut fates);
    fates
}

/// The fate of one message, before losses are explained.
fn fate(index: &Index<'_>, message: MessageIndex) -> Fate {
    let sent = index.sent(message);
    if sent.state == PutState::Refused {
        return Fate::Nothing;
    }
    let deliveries = index.deliveries(message);
    if deliveries.iter().any(|delivered| delivered.consumption == Consumption::Final) {
        return Fate::Consumed;
    }
    let left = index.left(message);
    if let Some(left) = left.iter().find(|left| left.is_visible()).or(left.first()) {
        return match left.role {
            QueueRole::DeadLetter | QueueRole::BackoutQueue => Fate::DeadLettered,
            QueueRole::Application if left.left.expired => Fate::Expired,
            QueueRole::Application => Fate::Remaining,
        };
    }
    if deliveries.iter().any(|delivered| delivered.consumption == Consumption::Unknown) {
        return Fate::Consumed;
    }
    match sent.state {
        PutState::Acknowledged if sent.put.expires_at_ns.is_some_and(|at| at <= index.audit.at_ns) => Fate::Expired,
        PutState::Acknowledged => Fate::Lost,
        // Whoever saw it knows that it was there, although its producer does not.
        PutState::Unknown if !deliveries.is_empty() => Fate::Lost,
        PutState::Unknown | PutState::Refused => Fate::Nothing,
    }
}

/// Nobody may see a message that was refused or backed out, nor one before it is committed.
fn check_visibility(index: &Index<'_>, message: MessageIndex, drafts: &mut Vec<Draft>) {
    let sent = index.sent(message);
    let identity = sent.put.message;
    let too_early = |delivered: &&Delivered<'_>| sent.visible_from.is_none_or(|from| delivered.completed < from);
    let (at_ns, queue, what) = if let Some(delivered) = index.deliveries(message).iter().find(too_early) {
        let what = match sent.visible_from {
            None if sent.put.unit.is_some() => "was delivered although its put was never committed",
            None => "was delivered although its put was refused",
            Some(_) if delivered.completed < sent.call.invoked => "was delivered before it was put",
            Some(_) => "was delivered before its put was committed",
        };
        (delivered.completed.at_ns, delivered.get.queue, what)
    } else if sent.visible_from.is_none()
        && let Some(left) = index.left(message).iter().find(|left| left.is_visible())
    {
        (index.audit.at_ns, left.queue, "is there although its put was refused or backed out")
    } else {
        return;
    };
    drafts.push(Draft {
        kind: FindingKind::Phantom,
        at_ns,
        queue: Some(queue),
        message: format!("message {identity} {what}"),
        subject: Subject::Message(message),
    });
}

/// A get that was asked for when the message had expired, by every clock, must not return it.
pub(crate) fn expired_deliveries(index: &Index<'_>, clock_error_ns: u64, drafts: &mut Vec<Draft>) {
    for position in 0..index.sent.len() {
        let message = MessageIndex(position);
        let Sent { put, call, .. } = index.sent(message);
        let (Some(expires_ns), Some(put_at)) = (put.expires_at_ns, call.ended()) else { continue };
        // Its time runs from when the put was served, at the latest when its application was told.
        let served_ns = put_at.at_ns - call.invoked.at_ns;
        let surely_ns = expires_ns.saturating_add(served_ns).saturating_add(clock_error_ns);
        let expired = |delivered: &&Delivered<'_>| delivered.call.invoked.at_ns > surely_ns;
        if let Some(delivered) = index.deliveries(message).iter().find(expired) {
            drafts.push(Draft {
                kind: FindingKind::Phantom,
                at_ns: delivered.completed.at_ns,
                queue: Some(delivered.get.queue),
                message: format!("message {} was delivered although it had expired", put.message),
                subject: Subject::Message(message),
            });
        }
    }
}

fn check_content(index: &Index<'_>, message: MessageIndex, drafts: &mut Vec<Draft>) {
    let Sent { put, .. } = *index.sent(message);
    let delivered = index.deliveries(message).iter().find(|delivered| delivered.delivery.digest != put.digest);
    let left = index.left(message).iter().find(|left| left.left.digest != put.digest);
    let (at_ns, queue, digest) = match (delivered, left) {
        (Some(delivered), _) => (delivered.completed.at_ns, delivered.get.queue, delivered.delivery.digest),
        (None, Some(left)) => (index.audit.at_ns, left.queue, left.left.digest),
        (None, None) => return,
    };
    drafts.push(Draft {
        kind: FindingKind::Corrupted,
        at_ns,
        queue: Some(queue),
        message: format!(
            "message {} was put with digest {:08x} and arrived with {digest:08x}",
            put.message, put.digest
        ),
        subject: Subject::Message(message),
    });
}

/// Missing messages: permitted by a rule, taken by a get that nobody saw the end of, untold, or lost.
fn explain_missing(
    index: &Index<'_>,
    permitted: &Permitted<'_, '_, '_>,
    missing: Vec<MessageIndex>,
    fates: &mut Fates,
) {
    let mut unexplained = Vec::new();
    for message in missing {
        match permitted.loss(index, message) {
            Some(excuse) => {
                fates.fates[message.0] = Fate::Permitted;
                fates.excuse(index, FindingKind::Lost, excuse, message, 1);
            }
            None => unexplained.push(message),
        }
    }
    for message in losses::taken_by_unknown_gets(index, permitted.contract.patience_ns, unexplained.clone()) {
        fates.fates[message.0] = Fate::Permitted;
        let sort = Sort {
            kind: FindingKind::Lost,
            rule: permitted.contract.unknown_get_rule.clone(),
            event: losses::UNKNOWN_GET.to_owned(),
            cause: losses::UNKNOWN_GET.to_owned(),
        };
        fates.permit(index, sort, message, 1);
    }
    for message in unexplained {
        if fates.fates[message.0] != Fate::Lost {
            continue;
        }
        if !index.audit_is_complete() {
            fates.fates[message.0] = Fate::Untold;
            fates.untold += 1;
            continue;
        }
        let sent = index.sent(message);
        let quality = &index.history.qualities[sent.put.quality.index()];
        let how = match sent.state {
            PutState::Acknowledged if permitted.might_be_lost(index, message) => {
                format!("{quality} and acknowledged, and nothing that permits its loss happened in time")
            }
            PutState::Acknowledged => format!("{quality} and acknowledged"),
            _ => "delivered and backed out".to_owned(),
        };
        fates.drafts.push(Draft {
            kind: FindingKind::Lost,
            at_ns: index.audit.at_ns,
            queue: Some(sent.put.queue),
            message: format!("message {} is nowhere: {how}", sent.put.message),
            subject: Subject::Message(message),
        });
    }
}

/// Messages that nobody put.
fn strangers(index: &Index<'_>, drafts: &mut Vec<Draft>) {
    let mut last: Option<MessageIdentity> = None;
    let mut push = |identity: MessageIdentity, at_ns, queue, what: &str| {
        if last != Some(identity) && index.find(identity).is_none() {
            last = Some(identity);
            drafts.push(Draft {
                kind: FindingKind::Phantom,
                at_ns,
                queue: Some(queue),
                message: format!("message {identity} {what}, but nobody ever put it"),
                subject: Subject::Stranger(identity),
            });
        }
    };
    for delivered in &index.delivered {
        push(delivered.delivery.message, delivered.completed.at_ns, delivered.get.queue, "was delivered");
    }
    for left in index.all_left() {
        if index.deliveries_of(left.left.message).is_empty() {
            push(left.left.message, index.audit.at_ns, left.queue, "is there");
        }
    }
}

/// The numbers. A message that was moved to another queue is followed there; its copy is not another message.
fn tally(index: &Index<'_>, fates: &mut Fates) {
    let account = &mut fates.account;
    let mut followed = vec![false; index.sent.len()];
    for (sent, fate) in index.sent.iter().zip(&fates.fates) {
        if let Origin::MovedFrom(first) = sent.put.origin
            && *fate != Fate::Nothing
            && let Some(first) = index.find(first)
        {
            followed[first.0] = true;
        }
    }
    for (position, (sent, fate)) in index.sent.iter().zip(&fates.fates).enumerate() {
        if !matches!(sent.put.origin, Origin::MovedFrom(_)) {
            account.sent += 1;
            match sent.state {
                PutState::Acknowledged => account.acknowledged += 1,
                PutState::Refused => account.refused += 1,
                PutState::Unknown => account.unknown += 1,
            }
        }
        if let Origin::ResendOf(first) = sent.put.origin
            && *fate != Fate::Nothing
            && index.find(first).is_some_and(|first| fates.fates[first.0] != Fate::Nothing)
        {
            account.possible_duplicates += 1;
        }
        match fate {
            Fate::Consumed if followed[position] => {}
            Fate::Consumed => account.delivered += 1,
            Fate::Remaining => account.remaining += 1,
            Fate::DeadLettered => account.dead_lettered += 1,
            Fate::Expired => account.expired += 1,
            Fate::Permitted => account.permitted += 1,
            Fate::Lost => account.lost += 1,
            Fate::Untold | Fate::Nothing => {}
        }
    }
}
