//! The outage that applications saw: queues from which nobody got anything, and applications that could do nothing.

use std::cmp::Reverse;

use indoubt_engine::time::{Duration, Time};
use indoubt_ledger::outage::{Interruption, Outage};

use super::layout::{Align, Table, count, heading, length, moment, paragraph};
use crate::run::{Happening, RunOutcome};

/// So many outages of a queue are told, the longest ones.
const TOLD_FOR_EACH_QUEUE: usize = 5;

/// So many applications are told, those that were without service for longest.
const APPLICATIONS: usize = 8;

pub(super) fn write(page: &mut String, outcome: &RunOutcome) {
    heading(page, "Outage seen by applications");
    let outages = &outcome.judgement.outages;
    if let Some(objective) = outcome.scenario.expect.recovery_time {
        paragraph(page, 2, &objective_text(objective, outages));
    }
    if !outcome.timeline.iter().any(|entry| matches!(entry.what, Happening::Fault { .. })) {
        paragraph(page, 2, "No fault struck.");
        return;
    }
    if outages.is_empty() {
        paragraph(page, 2, "No queue had one: after each fault messages were got about as fast as before the first.");
    }
    for of_queue in outages.chunk_by(|one, other| one.queue == other.queue) {
        told_for_queue(page, of_queue);
    }
    interruptions(page, &outcome.judgement.interruptions);
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

fn told_for_queue(page: &mut String, outages: &[Outage]) {
    let mut worst: Vec<&Outage> = outages.iter().collect();
    worst.sort_by_key(|outage| Reverse(outage.lasted_ns()));
    worst.truncate(TOLD_FOR_EACH_QUEUE);
    for outage in outages.iter().filter(|outage| worst.iter().any(|other| std::ptr::eq(*other, *outage))) {
        let waiting = match outage.waiting {
            0 => "puts were tried and failed".to_owned(),
            1 => "1 message was waiting".to_owned(),
            waiting => format!("{waiting} messages were waiting"),
        };
        let usual = match outage.usual_ns {
            0 => String::new(),
            usual => format!(", before the first fault at most {}", length(Duration::from_nanos(usual))),
        };
        let end = if outage.ended { "" } else { ", and never again" };
        let text = format!(
            "{}: no message was got from {} to {}{end} ({}{usual}) although {waiting}. Fault at {}: {}.",
            outage.queue,
            at(outage.from_ns),
            at(outage.to_ns),
            length(lasted(outage)),
            at(outage.fault_ns),
            outage.fault
        );
        paragraph(page, 2, &text);
    }
    if outages.len() > worst.len() {
        let queue = &outages[0].queue;
        paragraph(page, 2, &format!("{queue}: {} shorter ones.", outages.len() - worst.len()));
    }
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
        let to = interruption.to_ns.map_or_else(String::new, |to_ns| format!("to {}", at(to_ns)));
        table.row([interruption.process.clone(), lasted, format!("from {}", at(interruption.from_ns)), to]);
    }
    table.write(page, 4);
    if longest.len() > APPLICATIONS {
        paragraph(page, 4, &format!("and {} for less.", count((longest.len() - APPLICATIONS) as u64, "application")));
    }
}
