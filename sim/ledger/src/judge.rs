//! Puts the checks together.

use std::collections::BTreeMap;

use crate::account::{Fate, Fates};
use crate::audit::Audit;
use crate::contract::{AllowedFinding, Contract};
use crate::finding::{Draft, Subject};
use crate::history::{Get, History, Operation, QueueIndex};
use crate::index::Index;
use crate::losses::Permitted;
use crate::ownership::{Allowance, Overlap, Ownership};
use crate::verdict::{ExpectedFinding, Finding, FindingKind, Judgement, Left, PermittedGroup, Verdict};
use crate::{account, atomicity, liveness, marooned, order, outage, ownership, permissions, placement, story};

/// How many findings of one kind get their story told.
const STORIES: usize = 20;

/// Judges the history of a run.
///
/// # Panics
/// If the history breaks its own rule: an identity that was put twice.
#[must_use]
pub fn judge(history: &History, audit: &Audit, contract: &Contract) -> Judgement {
    let index = Index::new(history, audit);
    let events = permissions::events(history);
    let ownership = Ownership::new(contract, &events);
    let permitted = Permitted::new(contract, &events, &ownership);
    let mut fates = account::fates(&index, &permitted);
    atomicity::check(&index, &permitted, &mut fates);
    let drained = drained_queues(history, contract);
    marooned::marooned(&index, |left| drained[left.queue.index()], &mut fates.drafts);
    account::expired_deliveries(&index, contract.clock_error_ns, &mut fates.drafts);
    order::check(&index, contract, &mut fates.drafts);
    let service = outage::service(&index, contract, &ownership);
    liveness::check(&index, contract, &service, &mut fates.drafts);
    let overlaps = ownership::check(&index, contract, &ownership, &mut fates.drafts);
    let untold = placement::check(&index, contract, &ownership, &mut fates.drafts);

    let end_ns = audit.at_ns;
    let mut permitted = fates.groups(&index, |message| story::tell(&index, Subject::Message(message), end_ns));
    permitted.extend(overlap_groups(&index, contract, overlaps));
    let seen = seen_events(history);
    let mut judgement = Judgement {
        account: fates.account,
        permitted,
        left: left(&index, &drained, &fates),
        outages: service.outages.into_iter().map(|(_, outage)| outage).collect(),
        interruptions: service.interruptions,
        standing_by: service.standing_by,
        ..Judgement::default()
    };
    tell(&index, contract, &seen, fates.drafts, &mut judgement);
    judgement
        .unknown_reasons
        .extend(audit.incomplete.iter().map(|reason| format!("the audit is incomplete: {reason}")));
    judgement.unknown_reasons.extend(untold);
    if fates.untold > 0 {
        judgement.unknown_reasons.push(format!("{} messages were not found where the audit could look", fates.untold));
    }
    judgement.verdict = match judgement {
        Judgement { ref findings, .. } if !findings.is_empty() => Verdict::Fail,
        Judgement { ref unknown_reasons, .. } if !unknown_reasons.is_empty() => Verdict::Unknown,
        _ => Verdict::Pass,
    };
    judgement
}

/// Overlaps of owners that were permitted, by rule and resource.
fn overlap_groups(index: &Index<'_>, contract: &Contract, overlaps: Vec<(Allowance, Overlap)>) -> Vec<PermittedGroup> {
    let mut groups: BTreeMap<(Allowance, String), PermittedGroup> = BTreeMap::new();
    for (allowance, overlap) in overlaps {
        let group = groups.entry((allowance, overlap.resource.clone())).or_insert_with(|| PermittedGroup {
            kind: FindingKind::SplitBrain,
            rule: allowance.rule(contract).to_owned(),
            event: overlap.resource.clone(),
            cause: overlap.resource.clone(),
            parts: Vec::new(),
            count: 0,
            longest_ns: None,
            example: story::tell(index, Subject::Overlap(Box::new(overlap.clone())), index.audit.at_ns),
        });
        group.count += 1;
        group.longest_ns = group.longest_ns.max(Some(overlap.to_ns - overlap.from_ns));
    }
    groups.into_values().collect()
}

/// What is still on its queue, by queue.
fn left(index: &Index<'_>, drained: &[bool], fates: &Fates) -> Vec<Left> {
    let mut counts: BTreeMap<QueueIndex, u64> = BTreeMap::new();
    for (sent, fate) in index.sent.iter().zip(&fates.fates) {
        if *fate == Fate::Remaining {
            *counts.entry(sent.put.queue).or_default() += 1;
        }
    }
    let left = counts.into_iter().map(|(queue, count)| Left {
        queue: index.history.queues[queue.index()].clone(),
        count,
        is_drained: drained[queue.index()],
    });
    left.collect()
}

/// Queues on which a live process takes whatever comes.
fn drained_queues(history: &History, contract: &Contract) -> Vec<bool> {
    let mut promised = vec![false; history.queues.len()];
    for queue in contract.queues.iter().filter(|queue| queue.drained) {
        promised[queue.queue.index()] = true;
    }
    let mut drained = vec![false; history.queues.len()];
    for call in &history.calls {
        if let Operation::Get(Get { queue, reply_to: None, .. }) = call.operation
            && promised[queue.index()]
            && history.processes[call.process.index()].lives()
        {
            drained[queue.index()] = true;
        }
    }
    drained
}

fn seen_events(history: &History) -> BTreeMap<&str, u64> {
    let mut seen = BTreeMap::new();
    for record in &history.world {
        if let Some(name) = record.what.event() {
            seen.entry(name).or_insert(record.at.at_ns);
        }
    }
    seen
}

/// Tells the stories, and sets apart what was to be expected.
fn tell(
    index: &Index<'_>,
    contract: &Contract,
    seen: &BTreeMap<&str, u64>,
    mut drafts: Vec<Draft>,
    judgement: &mut Judgement,
) {
    drafts.sort_by(|one, other| {
        (one.at_ns, one.kind, one.queue, &one.message).cmp(&(other.at_ns, other.kind, other.queue, &other.message))
    });
    let mut told: BTreeMap<(FindingKind, bool), usize> = BTreeMap::new();
    for draft in drafts {
        let allowed = contract.allow.iter().find(|allowed| allows(allowed, seen, draft.kind, draft.queue, draft.at_ns));
        let told = told.entry((draft.kind, allowed.is_some())).or_default();
        *told += 1;
        let detail = if *told <= STORIES {
            story::tell(index, draft.subject, draft.at_ns)
        } else {
            format!("one of more than {STORIES} of this kind; the first {STORIES} have their stories told")
        };
        let queue = draft.queue.map(|queue| index.history.queues[queue.index()].clone());
        let finding = Finding { kind: draft.kind, message: draft.message, at_ns: draft.at_ns, detail, queue };
        match allowed {
            None => judgement.findings.push(finding),
            Some(AllowedFinding { because, rule, .. }) => {
                judgement.expected.push(ExpectedFinding { finding, because: because.clone(), rule: rule.clone() });
            }
        }
    }
}

/// An event cannot bring about what was manifest before it.
fn allows(
    allowed: &AllowedFinding,
    seen: &BTreeMap<&str, u64>,
    kind: FindingKind,
    queue: Option<QueueIndex>,
    at_ns: u64,
) -> bool {
    allowed.kind == kind
        && (allowed.queue.is_none() || allowed.queue == queue)
        && seen.get(allowed.because.as_str()).is_some_and(|seen_ns| *seen_ns <= at_ns)
}

#[cfg(test)]
mod tests;
