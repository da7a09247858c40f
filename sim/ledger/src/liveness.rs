//! Progress: nobody is stuck, nothing is left in doubt, nothing has two owners, and recovery was in time.

use crate::contract::Contract;
use crate::finding::{Draft, Subject};
use crate::history::{Call, Get, History, LifeChange, Moment, Operation, ProcessIndex, QueueIndex};
use crate::index::Index;
use crate::outage::{CauseKind, Outage, Service};
use crate::story::seconds;
use crate::verdict::FindingKind;

pub(crate) fn check(index: &Index<'_>, contract: &Contract, service: &Service, drafts: &mut Vec<Draft>) {
    stuck(index, contract, drafts);
    unresolved(index, drafts);
    orphaned_locks(index, drafts);
    split_brain(index, drafts);
    if let Some(objective_ns) = contract.recovery_time_ns {
        late(&service.outages, objective_ns, drafts);
    }
}

/// An operation that a live process has been waiting for since long after healing, or work that is not done.
fn stuck(index: &Index<'_>, contract: &Contract, drafts: &mut Vec<Draft>) {
    let (history, audit) = (index.history, index.audit);
    let mut has_pending = vec![false; history.processes.len()];
    let moves_messages = |call: &&Call| !matches!(call.operation, Operation::MakeReady);
    for call in history.calls.iter().filter(|call| call.completed.is_none()).filter(moves_messages) {
        let process = &history.processes[call.process.index()];
        let outlived = process.life.iter().any(|(at, change)| *change == LifeChange::Ended && *at > call.invoked);
        let wait_ns = if let Operation::Get(Get { wait_ns, .. }) = call.operation { wait_ns } else { 0 };
        let since_ns = call.invoked.at_ns.saturating_add(wait_ns).max(audit.healed_at_ns);
        if outlived || since_ns.saturating_add(contract.patience_ns) > audit.at_ns {
            continue;
        }
        has_pending[call.process.index()] = true;
        drafts.push(Draft {
            kind: FindingKind::Stuck,
            at_ns: audit.at_ns,
            queue: queue_of(call),
            message: format!(
                "{} of {}, invoked at {}, never completed",
                verb(call),
                process.name,
                seconds(call.invoked.at_ns)
            ),
            subject: Subject::Process { process: call.process, since_ns: call.invoked.at_ns },
        });
    }
    let mut last_completion = vec![0; history.processes.len()];
    for call in history.calls.iter().filter(moves_messages) {
        let last = &mut last_completion[call.process.index()];
        *last = call.ended().map_or(*last, |at| at.at_ns.max(*last));
    }
    for (position, process) in history.processes.iter().enumerate() {
        if process.has_work && !process.is_done() && process.lives() && !has_pending[position] {
            let since_ns = last_completion[position];
            drafts.push(Draft {
                kind: FindingKind::Stuck,
                at_ns: audit.at_ns,
                queue: None,
                message: format!(
                    "{} has not done its work; its last operation ended at {}",
                    process.name,
                    seconds(since_ns)
                ),
                subject: Subject::Process { process: history.process_at(position), since_ns },
            });
        }
    }
}

fn verb(call: &Call) -> &'static str {
    match call.operation {
        Operation::MakeReady => "a connect",
        Operation::Put(_) => "a put",
        Operation::Get(_) => "a get",
        Operation::Commit { .. } => "a commit",
        Operation::Backout { .. } => "a backout",
        Operation::Acquire { .. } => "an acquisition",
        Operation::Release { .. } => "a release",
    }
}

fn queue_of(call: &Call) -> Option<QueueIndex> {
    match call.operation {
        Operation::Put(put) => Some(put.queue),
        Operation::Get(get) => Some(get.queue),
        _ => None,
    }
}

fn unresolved(index: &Index<'_>, drafts: &mut Vec<Draft>) {
    let audit = index.audit;
    for left in &audit.in_doubt {
        drafts.push(Draft {
            kind: FindingKind::Unresolved,
            at_ns: audit.at_ns,
            queue: None,
            message: format!("{} is still in doubt, since {}", left.text, seconds(left.since_ns)),
            subject: match left.unit {
                Some(unit) => Subject::Unit(unit),
                None => Subject::World { from_ns: left.since_ns, to_ns: audit.at_ns },
            },
        });
    }
}

fn orphaned_locks(index: &Index<'_>, drafts: &mut Vec<Draft>) {
    let audit = index.audit;
    for lock in &audit.orphaned_locks {
        drafts.push(Draft {
            kind: FindingKind::Marooned,
            at_ns: audit.at_ns,
            queue: None,
            message: format!("{lock} is still held, and its holder is gone"),
            subject: Subject::World { from_ns: 0, to_ns: audit.at_ns },
        });
    }
}

/// Who holds a resource, as far as it knows, and who got it meanwhile.
#[derive(Clone, Default)]
struct Holding {
    /// Processes that hold it, with the moment at which each was told.
    holders: Vec<(ProcessIndex, Moment)>,
}

/// A process that lost a resource to another one, unawares, does no harm until it acts; it is two active owners when an
/// operation succeeds that it invoked after the other one had got the resource.
fn split_brain(index: &Index<'_>, drafts: &mut Vec<Draft>) {
    let (history, audit) = (index.history, index.audit);
    for double in &audit.double_owners {
        drafts.push(Draft {
            kind: FindingKind::SplitBrain,
            at_ns: audit.at_ns,
            queue: None,
            message: format!("{} has two active owners: {}", double.what, double.owners.join(" and ")),
            subject: Subject::World { from_ns: 0, to_ns: audit.at_ns },
        });
    }
    if history.resources.is_empty() {
        return;
    }
    let mut holdings = vec![Holding::default(); history.resources.len()];
    let mut convicted = vec![false; history.resources.len()];
    for (at, step) in steps(history) {
        match step {
            Step::Ended(process) => {
                holdings.iter_mut().for_each(|holding| holding.holders.retain(|(holder, _)| *holder != process));
            }
            Step::Invoked(call) => {
                if let Operation::Release { resource } = call.operation {
                    holdings[resource.index()].holders.retain(|(holder, _)| *holder != call.process);
                }
            }
            Step::Completed(call) => {
                if let Operation::Acquire { resource } = call.operation
                    && call.is_ok()
                {
                    let holders = &mut holdings[resource.index()].holders;
                    holders.retain(|(holder, _)| *holder != call.process);
                    holders.push((call.process, at));
                    continue;
                }
                let acts = matches!(call.operation, Operation::Put(_) | Operation::Get(_) | Operation::Commit { .. });
                if !acts || !call.is_ok() {
                    continue;
                }
                for (resource, holding) in holdings.iter().enumerate().filter(|(_, holding)| holding.holders.len() > 1)
                {
                    let Some((_, mine)) = holding.holders.iter().find(|(holder, _)| *holder == call.process) else {
                        continue;
                    };
                    let usurper = holding.holders.iter().find(|(_, since)| since > mine && *since < call.invoked);
                    if let Some((other, since)) = usurper
                        && !convicted[resource]
                    {
                        convicted[resource] = true;
                        drafts.push(Draft {
                            kind: FindingKind::SplitBrain,
                            at_ns: at.at_ns,
                            queue: queue_of(call),
                            message: format!(
                                "{} was still served as the holder of {}, which {} had got at {}",
                                history.processes[call.process.index()].name,
                                history.resources[resource],
                                history.processes[other.index()].name,
                                seconds(since.at_ns)
                            ),
                            subject: Subject::Process { process: call.process, since_ns: mine.at_ns },
                        });
                    }
                }
            }
        }
    }
}

/// A step of the history, for walking it in order.
enum Step<'h> {
    Invoked(&'h Call),
    Completed(&'h Call),
    Ended(ProcessIndex),
}

fn steps(history: &History) -> Vec<(Moment, Step<'_>)> {
    let mut steps = Vec::with_capacity(history.calls.len() * 2);
    for call in &history.calls {
        steps.push((call.invoked, Step::Invoked(call)));
        steps.extend(call.ended().map(|at| (at, Step::Completed(call))));
    }
    for (position, process) in history.processes.iter().enumerate() {
        let process_index = history.process_at(position);
        let ends = process.life.iter().filter(|(_, change)| *change == LifeChange::Ended);
        steps.extend(ends.map(|(at, _)| (*at, Step::Ended(process_index))));
    }
    steps.sort_by_key(|(at, _)| *at);
    steps
}

/// Outages that were longer than the objective.
fn late(outages: &[(QueueIndex, Outage)], objective_ns: u64, drafts: &mut Vec<Draft>) {
    for (queue, outage) in outages.iter().filter(|(_, outage)| outage.lasted_ns() > objective_ns) {
        let waited = if outage.waiting == 1 { "1 message" } else { &format!("{} messages", outage.waiting) };
        let cause = &outage.cause;
        let what = match cause.kind {
            CauseKind::Fault => "a fault",
            CauseKind::Command => "a command",
            CauseKind::TakenAway => "a planned move",
        };
        drafts.push(Draft {
            kind: FindingKind::Late,
            at_ns: outage.to_ns,
            queue: Some(*queue),
            message: format!(
                "nobody got anything from {} for {} after {what} at {}, with {waited} waiting in the end; the objective \
                 is {}",
                outage.place(),
                seconds(outage.lasted_ns()),
                seconds(cause.at_ns),
                seconds(objective_ns)
            ),
            subject: Subject::World { from_ns: cause.at_ns.min(outage.from_ns), to_ns: outage.to_ns },
        });
    }
}
