//! Faults that contradict each other or the length of the run.
//!
//! Judged is only what is certain beforehand: faults at given times. What a step, an event or chance brings about may
//! find a process down; that is an event in the trace, not a mistake in the file.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::scenario::decode::Placed;
use crate::scenario::diagnostics::Problems;
use crate::scenario::model::{DiskFault, FaultAction, Place, Scenario, When};
use crate::scenario::write::duration_to_text;

/// More faults than this are refused, except on a tape.
const MOST_FAULTS: usize = 500;

pub(super) fn check(scenario: &Scenario, faults: &[Placed], problems: &mut Problems) {
    if let Some(one_too_many) = faults.get(MOST_FAULTS) {
        problems.add(one_too_many.when, format!("a scenario has at most {MOST_FAULTS} faults"), "one too many", None);
        return;
    }
    for fault in faults {
        beyond_horizon(scenario, fault, problems);
    }
    for (index, fault) in faults.iter().enumerate() {
        starts_what_runs(scenario, faults, index, problems);
        for earlier in &faults[..index] {
            same_moment(scenario, earlier, fault, problems);
            cut_twice(earlier, fault, problems);
        }
        for other in faults {
            strikes_what_is_down(scenario, faults, other, fault, problems);
        }
    }
}

fn beyond_horizon(scenario: &Scenario, placed: &Placed, problems: &mut Problems) {
    let latest = match placed.fault.when {
        When::At(at) => at,
        When::Between(_, to) | When::Random { to, .. } => to,
        When::Step { .. } | When::Event { .. } => return,
    };
    let horizon = scenario.run.horizon;
    if latest > horizon {
        let (latest, horizon) = (duration_to_text(latest), duration_to_text(horizon));
        let message = format!("{latest} is after the horizon ({horizon}), when faults have ended");
        problems.add(placed.when, message, "too late", Some("make it earlier, or run: (horizon: ..) longer".into()));
    }
}

/// Processes that a place holds when the run begins.
fn inhabitants(scenario: &Scenario, place: &Place) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Place::Image(image) = place {
        found.insert(image.to_string());
        let managers = scenario.topology.sysplex.queue_managers.iter().filter(|manager| manager.image == *image);
        found.extend(managers.map(|manager| manager.name.to_string()));
    }
    if let (Place::Host(host), Some(cell)) = (place, &scenario.topology.cell) {
        found.extend(cell.processes_on(host));
    }
    for application in &scenario.workload {
        found
            .extend(application.processes().into_iter().filter(|(_, site)| site.place == *place).map(|(name, _)| name));
    }
    found
}

/// Processes that a fault changes the life of.
fn subjects(scenario: &Scenario, action: &FaultAction) -> BTreeSet<String> {
    match action {
        FaultAction::Kill { process, .. } | FaultAction::Start { process } | FaultAction::Pause { process, .. } => {
            BTreeSet::from([process.clone()])
        }
        FaultAction::Stop { process, .. }
        | FaultAction::Disk { process, fault: DiskFault::TearLastWrite | DiskFault::RotTail, .. } => {
            BTreeSet::from([process.clone()])
        }
        FaultAction::PowerOff { place, .. } => inhabitants(scenario, place),
        FaultAction::TakeOffline { place, .. } => inhabitants(scenario, place),
        FaultAction::Disk { .. } | FaultAction::Cut { .. } | FaultAction::Degrade { .. } | FaultAction::OneOf(_) => {
            BTreeSet::new()
        }
    }
}

/// Two faults that strike the same process at the very same moment.
fn same_moment(scenario: &Scenario, earlier: &Placed, later: &Placed, problems: &mut Problems) {
    let same = match (&earlier.fault.when, &later.fault.when) {
        (When::At(one), When::At(other)) => one == other,
        (
            When::Step { process, step, nth, after },
            When::Step { process: process2, step: step2, nth: nth2, after: after2 },
        ) => (process, step, nth, after) == (process2, step2, nth2, after2),
        (
            When::Event { process, event, nth, after },
            When::Event { process: process2, event: event2, nth: nth2, after: after2 },
        ) => (process, event, nth, after) == (process2, event2, nth2, after2),
        _ => false,
    };
    if !same {
        return;
    }
    let (one, other) = (subjects(scenario, &earlier.fault.what), subjects(scenario, &later.fault.what));
    if let Some(both) = one.intersection(&other).next() {
        let line = earlier.fault.line;
        let message =
            format!("{both} is struck at this very moment by the fault in line {line} already; not both can happen");
        problems.add(later.what, message, "contradicts an earlier fault", Some("put some time between them".into()));
    }
}

fn cut_twice(earlier: &Placed, later: &Placed, problems: &mut Problems) {
    let (When::At(one), When::At(other)) = (&earlier.fault.when, &later.fault.when) else { return };
    let (
        FaultAction::Cut { from, to, duration, one_way },
        FaultAction::Cut { from: from2, to: to2, duration: duration2, one_way: one_way2 },
    ) = (&earlier.fault.what, &later.fault.what)
    else {
        return;
    };
    let turned = (from, to) == (to2, from2) && !(*one_way && *one_way2);
    let overlap = *one < *other + *duration2 && *other < *one + *duration;
    if overlap && (turned || (from, to) == (from2, to2)) {
        let message = format!("this link is cut at this time by the fault in line {} already", earlier.fault.line);
        problems.add(later.what, message, "cut already", None);
    }
}

/// Whether a fault can be the reason that a process is down.
fn may_bring_down(scenario: &Scenario, action: &FaultAction, process: &str) -> bool {
    match action {
        FaultAction::OneOf(choices) => choices.iter().any(|(_, action)| may_bring_down(scenario, action, process)),
        FaultAction::Start { .. } | FaultAction::Pause { .. } => false,
        // A server may end itself: CFCONLOS(TERMINATE), a log that cannot be written, an engine that is not alive.
        FaultAction::Cut { .. } | FaultAction::Degrade { .. } => is_server(scenario, process),
        FaultAction::Disk { process: whose, .. } => whose == process,
        _ => subjects(scenario, action).contains(process),
    }
}

fn is_server(scenario: &Scenario, process: &str) -> bool {
    let topology = &scenario.topology;
    topology.sysplex.queue_managers.iter().any(|manager| manager.name.as_str() == process)
        || topology.cell.iter().any(|cell| cell.servers().any(|(server, _)| server.name == process))
}

/// `start` needs something that ended before.
fn starts_what_runs(scenario: &Scenario, faults: &[Placed], index: usize, problems: &mut Problems) {
    let placed = &faults[index];
    let FaultAction::Start { process } = &placed.fault.what else { return };
    let mut earliest: Option<&Placed> = None;
    for other in faults.iter().filter(|other| may_bring_down(scenario, &other.fault.what, process)) {
        let before = match (&other.fault.when, &placed.fault.when) {
            (When::At(end) | When::Between(end, _) | When::Random { from: end, .. }, When::At(start)) => end < start,
            _ => true,
        };
        if before {
            return;
        }
        earliest = Some(other);
    }
    let (message, help) = match earliest {
        Some(other) => (
            format!(
                "{process} is started before anything has ended it: the fault in line {} comes later",
                other.fault.line
            ),
            "let it start after that",
        ),
        None => (
            format!("{process} is started, but nothing ever ends it"),
            "everything is started when the run begins; `start` is for what a fault has ended",
        ),
    };
    problems.add(placed.what, message, "runs already", Some(help.into()));
}

/// From when until when a fault at a given time certainly keeps a process down; `None` for good.
fn down(scenario: &Scenario, placed: &Placed, process: &str) -> Option<(Duration, Option<Duration>)> {
    let When::At(at) = placed.fault.when else { return None };
    if !subjects(scenario, &placed.fault.what).contains(process) {
        return None;
    }
    let policy = |process: &str| {
        let topology = &scenario.topology;
        topology.sysplex.automatic_restart.iter().any(|policy| policy.queue_manager.as_str() == process)
            || topology.cell.iter().any(|cell| cell.is_restarted(process))
    };
    match &placed.fault.what {
        FaultAction::Kill { restart_after, .. } if !policy(process) => {
            Some((at, restart_after.map(|after| at + after)))
        }
        FaultAction::PowerOff { restart_after, .. } | FaultAction::TakeOffline { restart_after, .. }
            if !policy(process) =>
        {
            Some((at, restart_after.map(|after| at + after)))
        }
        // Deregistered from ARM by a stop in good order.
        FaultAction::Stop { restart_after, .. } => Some((at, restart_after.map(|after| at + after))),
        _ => None,
    }
}

/// A fault at a time when what it strikes has been down for certain.
fn strikes_what_is_down(
    scenario: &Scenario,
    faults: &[Placed],
    cause: &Placed,
    victim: &Placed,
    problems: &mut Problems,
) {
    let When::At(at) = victim.fault.when else { return };
    if std::ptr::eq(cause, victim) || matches!(victim.fault.what, FaultAction::Start { .. }) {
        return;
    }
    // Only faults aimed at one process: losing power hits an image whether or not its queue manager is up.
    let process = match &victim.fault.what {
        FaultAction::Kill { process, .. } | FaultAction::Pause { process, .. } => process,
        FaultAction::Stop { process, .. } => process.as_str(),
        _ => return,
    };
    let Some((from, until)) = down(scenario, cause, process) else { return };
    let started = faults.iter().any(|fault| match (&fault.fault.what, &fault.fault.when) {
        (FaultAction::Start { process: started }, When::At(start)) => {
            started == process && *start > from && *start <= at
        }
        (FaultAction::Start { process: started }, _) => started == process,
        _ => false,
    });
    if from < at && until.is_none_or(|until| at < until) && !started {
        let line = cause.fault.line;
        let since = duration_to_text(from);
        let message = match until {
            Some(until) => format!("{process} is down from {since} to {} (line {line})", duration_to_text(until)),
            None => format!("{process} is down since {since} (line {line}), and nothing starts it again"),
        };
        let help = "let it be started before, with restart_after, `start` or an ARM policy";
        problems.add(victim.what, message, "cannot happen", Some(help.into()));
    }
}
