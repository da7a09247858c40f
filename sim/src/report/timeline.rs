//! The timeline: faults, what was noticed, what was done about it, and how long that took.

use indoubt_engine::event::{Event, Weight};
use indoubt_engine::time::Time;

use super::layout::{Align, Table, count, heading, length, moment, paragraph};
use crate::run::{Happening, RunOutcome, TimelineEntry};

/// Of so many events of one kind in a row, all are shown; of more, the first one and their number.
const SHOWN_IN_A_ROW: usize = 3;

pub(super) fn write(page: &mut String, outcome: &RunOutcome) {
    heading(page, "Timeline");
    let entries: Vec<&TimelineEntry> = outcome.timeline.iter().filter(|entry| is_headline(&entry.what)).collect();
    if entries.is_empty() {
        paragraph(page, 2, "Nothing went wrong, and nothing had to be recovered.");
        return;
    }
    let mut table = Table::new(&[Align::Right, Align::Right, Align::Left, Align::Left]);
    let mut last_fault: Option<Time> = None;
    let mut rest = entries.as_slice();
    while let Some((entry, _)) = rest.split_first() {
        let alike = rest.iter().take_while(|other| is_like(entry, other)).count();
        let (shown, left_out) = if alike > SHOWN_IN_A_ROW { (1, alike - 1) } else { (alike, 0) };
        for entry in &rest[..shown] {
            let since = match (&entry.what, last_fault) {
                (Happening::Fault(_), _) | (_, None) => String::new(),
                (_, Some(fault)) => format!("+{}", length(entry.at.since(fault))),
            };
            if matches!(entry.what, Happening::Fault(_)) {
                last_fault = Some(entry.at);
            }
            table.row([moment(entry.at), since, entry.who.clone(), describe(&entry.what)]);
        }
        if left_out > 0 {
            let last = rest[alike - 1].at;
            let text = format!("... {left_out} more like it, the last one at {}", moment(last));
            table.row([String::new(), String::new(), entry.who.clone(), text]);
        }
        rest = &rest[alike..];
    }
    table.write(page, 2);
}

fn is_headline(what: &Happening) -> bool {
    match what {
        Happening::Fault(_) | Happening::Healed(_) => true,
        Happening::Event(event) => event.weight() != Weight::Detail,
        Happening::Detail(_) => false,
    }
}

fn is_like(one: &TimelineEntry, other: &TimelineEntry) -> bool {
    let name = |entry: &TimelineEntry| match &entry.what {
        Happening::Event(event) => Some(Event::name(event)),
        _ => None,
    };
    one.who == other.who && (std::ptr::eq(one, other) || (name(one).is_some() && name(one) == name(other)))
}

/// What happened, as a line of text.
#[must_use]
pub fn describe(what: &Happening) -> String {
    match what {
        Happening::Fault(text) => format!("FAULT {text}"),
        Happening::Healed(text) => format!("healed: {text}"),
        Happening::Event(event) => event.to_string(),
        Happening::Detail(text) => text.clone(),
    }
}

pub(super) fn write_recoveries(page: &mut String, outcome: &RunOutcome) {
    if outcome.recoveries.is_empty() {
        return;
    }
    heading(page, "Recovery");
    let mut table = Table::new(&[Align::Right, Align::Right, Align::Right, Align::Left]);
    table.row(["fault at".into(), "noticed".into(), "recovered".into(), "fault".into()]);
    for recovery in &outcome.recoveries {
        let after =
            |at: Option<Time>| at.map_or_else(|| "-".to_owned(), |at| format!("+{}", length(at.since(recovery.at))));
        table.row([moment(recovery.at), after(recovery.detected), after(recovery.recovered), recovery.fault.clone()]);
    }
    table.write(page, 2);
}

pub(super) fn write_outages(page: &mut String, outcome: &RunOutcome) {
    heading(page, "Outage seen by applications");
    if let Some(objective) = outcome.scenario.expect.recovery_time {
        paragraph(page, 2, &format!("Recovery objective: {}.", length(objective)));
    }
    if outcome.outages.is_empty() {
        paragraph(page, 2, "None was measured: every get that followed a fault came in its turn, or nothing failed.");
        return;
    }
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Right, Align::Right, Align::Left]);
    table.row(["queue".into(), "longest".into(), "from".into(), "to".into(), String::new()]);
    for outage in &outcome.outages {
        let lasted = outage.to.since(outage.from);
        let over = outcome.scenario.expect.recovery_time.is_some_and(|objective| lasted > objective);
        let note = if over { "over the objective" } else { "" };
        table.row([outage.queue.clone(), length(lasted), moment(outage.from), moment(outage.to), note.into()]);
    }
    table.write(page, 2);
}

pub(super) fn write_reached(page: &mut String, outcome: &RunOutcome) {
    let expect = &outcome.scenario.expect;
    if expect.reach.is_empty() && expect.reach_steps.is_empty() {
        return;
    }
    heading(page, "What this scenario exists for");
    let mut table = Table::new(&[Align::Left, Align::Left]);
    let mut row = |name: &str, times: u64| {
        let text = if times == 0 { "not reached in this run".to_owned() } else { count(times, "time") };
        table.row([name.to_owned(), text]);
    };
    for name in &expect.reach {
        row(name, outcome.events.iter().find(|(event, _)| event == name).map_or(0, |(_, times)| *times));
    }
    for step in &expect.reach_steps {
        row(step.name(), outcome.steps.iter().find(|(passed, _)| passed == step).map_or(0, |(_, times)| *times));
    }
    table.write(page, 2);
}
