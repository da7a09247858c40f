//! The outage that applications saw: queues from which nobody got anything, and applications that could do nothing.

use std::cmp::Reverse;

use indoubt_engine::time::{Duration, Time};
use indoubt_ledger::outage::{Beginning, Cause, CauseKind, Interruption, Outage};

use super::layout::{Align, Table, count, heading, length, moment, paragraph};
use crate::run::{Happening, RunOutcome};

/// So many outages of a queue are told, the longest ones.
const TOLD_FOR_EACH_QUEUE: usize = 5;

/// So many of what else struck while an outage lasted are told.
const TOLD_MEANWHILE: usize = 3;

/// So many applications are told, those that were without service for longest.
const APPLICATIONS: usize = 8;

pub(super) fn write(page: &mut String, outcome: &RunOutcome) {
    heading(page, "Outage seen by applications");
    let judgement = &outcome.judgement;
    let outages = &judgement.outages;
    if let Some(objective) = outcome.scenario.expect.recovery_time {
        paragraph(page, 2, &objective_text(objective, outages));
    }
    if outages.is_empty() {
        let is_fault = |what: &Happening| matches!(what, Happening::Fault { .. });
        let text = if outcome.timeline.iter().any(|entry| is_fault(&entry.what)) {
            "No queue had one: after each fault messages were got about as fast as before the first."
        } else if judgement.interruptions.is_empty() {
            "No fault struck."
        } else {
            "No queue had one."
        };
        paragraph(page, 2, text);
    }
    for of_place in outages.chunk_by(|one, other| (&one.queue, &one.point) == (&other.queue, &other.point)) {
        told_for_place(page, of_place);
    }
    interruptions(page, &judgement.interruptions);
    if !judgement.standing_by.is_empty() {
        page.push('\n');
        paragraph(page, 2, &format!("Stand by in the end, as they are to: {}.", judgement.standing_by.join(", ")));
    }
}

fn lasted(outage: &Outage) -> Duration {
    Duration::from_nanos(outage.lasted_ns())
}

fn at(nanoseconds: u64) -> String {
    moment(Time::from_nanoseconds(nanoseconds))
}

fn objective_text(objective: Duration, outages: &[Outage]) -> String {
    let missed = outages.iter().filter(|outage| lasted(outage) > objective).count() as u64;
    let kept = match missed {
        0 => "kept".to_owned(),
        _ => format!("MISSED by {}", count(missed, "outage")),
    };
    format!("Recovery objective {}: {kept}.", length(objective))
}

fn told_for_place(page: &mut String, outages: &[Outage]) {
    // After an outage service is uneven for a while: that is told only if it is of any length itself.
    let longest_ns = outages.iter().map(Outage::lasted_ns).max().unwrap_or(0);
    let counts = |outage: &&Outage| outage.cause.is_direct || outage.lasted_ns() >= longest_ns / 10;
    let mut worst: Vec<&Outage> = outages.iter().filter(counts).collect();
    worst.sort_by_key(|outage| Reverse(outage.lasted_ns()));
    worst.truncate(TOLD_FOR_EACH_QUEUE);
    for outage in outages.iter().filter(|outage| worst.iter().any(|other| std::ptr::eq(*other, *outage))) {
        let usual = match outage.usual_ns {
            0 => String::new(),
            usual => format!(", before that at most {}", length(Duration::from_nanos(usual))),
        };
        let end = if outage.ended { "" } else { ", and never again" };
        let text = format!(
            "{}: no message was got from {} to {}{end} ({}{usual}) although {}. {}",
            outage.place(),
            at(outage.from_ns),
            at(outage.to_ns),
            length(lasted(outage)),
            work(outage),
            causes(outage),
        );
        paragraph(page, 2, &text);
    }
    if outages.len() > worst.len() {
        let shorter = outages.len() - worst.len();
        let ones = if shorter == 1 { "one" } else { "ones" };
        paragraph(page, 2, &format!("{}: {shorter} shorter {ones}.", outages[0].place()));
    }
}

/// What waited.
fn work(outage: &Outage) -> String {
    let waiting = |number: u64| match number {
        1 => "1 message was waiting".to_owned(),
        number => format!("{number} messages were waiting"),
    };
    let in_the_end = match outage.waiting {
        // The one that ended it.
        0 | 1 => String::new(),
        waiting => format!(", and {waiting} messages were there in the end"),
    };
    match outage.beginning {
        Beginning::Waiting if outage.waiting <= outage.waiting_first => waiting(outage.waiting_first),
        Beginning::Waiting => format!("{}, and {} in the end", waiting(outage.waiting_first), outage.waiting),
        Beginning::PutFailed => format!("puts were tried and failed{in_the_end}"),
        Beginning::NotConnected => format!("a producer could not connect{in_the_end}"),
        Beginning::PutHung => format!("a put was asked for, and hung{in_the_end}"),
    }
}

fn causes(outage: &Outage) -> String {
    let cause = &outage.cause;
    let what = match (cause.kind, cause.is_direct) {
        (CauseKind::Fault, true) => "Fault at",
        (CauseKind::Fault, false) => "Last fault before it, at",
        (CauseKind::Command, true) => "Command at",
        (CauseKind::Command, false) => "Last command before it, at",
        (CauseKind::TakenAway, true) => "Planned move at",
        (CauseKind::TakenAway, false) => "Last planned move before it, at",
    };
    let told = format!("{what} {}: {}.", at(cause.at_ns), cause.text);
    let meanwhile = &outage.meanwhile[..outage.meanwhile.len().min(TOLD_MEANWHILE)];
    if meanwhile.is_empty() {
        return told;
    }
    let then: Vec<String> =
        meanwhile.iter().map(|Cause { at_ns, text, .. }| format!("at {}: {text}", at(*at_ns))).collect();
    let more = match outage.meanwhile.len() - meanwhile.len() {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("{told} While it lasted, {}{more}.", then.join("; "))
}

fn interruptions(page: &mut String, all: &[Interruption]) {
    if all.is_empty() {
        return;
    }
    let lasted_ns = |interruption: &Interruption| interruption.to_ns.map(|to_ns| to_ns - interruption.from_ns);
    let mut longest: Vec<&Interruption> = all.iter().collect();
    longest.sort_by_key(|interruption| Reverse(lasted_ns(interruption).unwrap_or(u64::MAX)));
    page.push('\n');
    paragraph(
        page,
        2,
        "Longest time without service: from a call that failed or hung, or the end of the application, to its next success:",
    );
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Right, Align::Left]);
    for interruption in longest.iter().take(APPLICATIONS) {
        let lasted =
            lasted_ns(interruption).map_or("for good".to_owned(), |lasted| length(Duration::from_nanos(lasted)));
        let to = interruption.to_ns.map(|to_ns| format!("to {}", at(to_ns)));
        let of = (interruption.of > 1).then(|| format!("longest of {}", interruption.of));
        let end = [to, of].into_iter().flatten().collect::<Vec<_>>().join(", ");
        table.row([interruption.process.clone(), lasted, format!("from {}", at(interruption.from_ns)), end]);
    }
    table.write(page, 4);
    if longest.len() > APPLICATIONS {
        paragraph(page, 4, &format!("and {} for less.", count((longest.len() - APPLICATIONS) as u64, "application")));
    }
}
