//! The timeline: faults, what was noticed, what was done about it, and how long that took.

use std::collections::{BTreeMap, BTreeSet};

use indoubt_engine::event::{FirstStart, Weight};
use indoubt_engine::time::{Duration, Time};

use super::layout::{Align, Table, after, count, heading, moment, paragraph};
use super::moves;
use crate::run::recovery::causes;
use crate::run::{Act, Happening, RunOutcome, TimelineEntry};

/// Of so many events of one kind between two faults, all are shown; of more, the first one and their number.
const SHOWN_IN_A_ROW: usize = 3;

/// What several processes tell alike within this time is one thing.
const AT_ONCE: Duration = Duration::from_secs(1);

pub(super) fn write(page: &mut String, outcome: &RunOutcome) {
    heading(page, "Timeline");
    let causes = causes(&outcome.timeline);
    let beginning = beginning(&outcome.timeline);
    let entries = outcome
        .timeline
        .iter()
        .zip(causes)
        .skip(beginning.len())
        .filter(|(entry, _)| is_headline(&entry.what, &outcome.scenario.expect.reach))
        .map(|(entry, cause)| Line { entry, fault: cause.map(|fault| outcome.timeline[fault].at), tellers: 1 });
    let entries = told_once(entries);
    if entries.is_empty() {
        paragraph(page, 2, "Nothing went wrong, and nothing had to be recovered.");
        return;
    }
    let mut table = Table::new(&[Align::Right, Align::Right, Align::Left, Align::Left]);
    for (at, text) in first_starts(beginning) {
        table.row([moment(at), String::new(), "start".to_owned(), text]);
    }
    // What is alike is told once between two acts of the nemesis: in the midst of other things, too.
    for stretch in entries.chunk_by(|one, other| !one.is_act() && !other.is_act()) {
        for (position, line) in stretch.iter().enumerate() {
            let alike: Vec<&Line<'_>> = stretch.iter().filter(|other| line.is_like(other)).collect();
            let first = stretch.iter().position(|other| line.is_like(other));
            let many = alike.len() > SHOWN_IN_A_ROW;
            if many && first != Some(position) {
                continue;
            }
            line.write(&mut table);
            if let (true, Some(last)) = (many, alike.last()) {
                let text = format!("... {} more like it, the last one at {}", alike.len() - 1, moment(last.entry.at));
                table.row([String::new(), String::new(), line.entry.who.clone(), text]);
            }
        }
    }
    table.write(page, 2);
}

/// A line of the timeline, with the time of the fault from which it follows.
struct Line<'o> {
    entry: &'o TimelineEntry,
    fault: Option<Time>,
    /// How many processes tell it.
    tellers: usize,
}

/// Leaves one line of what several processes tell alike.
fn told_once<'o>(lines: impl Iterator<Item = Line<'o>>) -> Vec<Line<'o>> {
    let mut told: Vec<Line<'o>> = Vec::new();
    for line in lines {
        let Happening::Event(event) = &line.entry.what else {
            told.push(line);
            continue;
        };
        let by_another = told.iter_mut().rev().take_while(|other| line.entry.at.since(other.entry.at) <= AT_ONCE).find(
            |other| matches!(&other.entry.what, Happening::Event(another) if event.is_told_alike() && another == event),
        );
        match by_another.filter(|other| other.entry.who != line.entry.who) {
            Some(other) => other.tellers += 1,
            None => told.push(line),
        }
    }
    told
}

impl Line<'_> {
    /// Whether it is the nemesis that acts.
    fn is_act(&self) -> bool {
        !matches!(self.entry.what, Happening::Event(_))
    }

    fn is_like(&self, other: &Line<'_>) -> bool {
        match (&self.entry.what, &other.entry.what) {
            (Happening::Event(one), Happening::Event(another)) => {
                self.entry.who == other.entry.who
                    && one.name() == another.name()
                    && one.concerns() == another.concerns()
            }
            _ => std::ptr::eq(self, other),
        }
    }

    fn write(&self, table: &mut Table) {
        let since = self.fault.map_or_else(String::new, |fault| after(self.entry.at.since(fault)));
        let mut text = describe(&self.entry.what);
        if self.tellers > 1 {
            text.push_str(&format!(" (in {} processes)", self.tellers));
        }
        table.row([moment(self.entry.at), since, self.entry.who.clone(), text]);
    }
}

/// A run begins with everybody's first start.
fn beginning(timeline: &[TimelineEntry]) -> &[TimelineEntry] {
    let belongs = |entry: &&TimelineEntry| match &entry.what {
        Happening::Event(event) => event.first_start().is_some() || event.weight() == Weight::Detail,
        Happening::Detail(_) | Happening::Process(_) => true,
        Happening::Fault { .. } | Happening::Followed(_) | Happening::Healed(_) | Happening::Command { .. } => false,
    };
    &timeline[..timeline.iter().take_while(belongs).count()]
}

/// It is told in a few lines: who was ready, what all agreed on, what served where; each with the moment of the last one.
fn first_starts(beginning: &[TimelineEntry]) -> Vec<(Time, String)> {
    let (mut ready, mut serving, mut agreed) = (BTreeSet::new(), BTreeMap::new(), None);
    let (mut ready_at, mut serving_at) = (Time::START, Time::START);
    for entry in beginning {
        let Happening::Event(event) = &entry.what else { continue };
        match event.first_start() {
            Some(FirstStart::Ready) => {
                ready.insert(entry.who.as_str());
                ready_at = entry.at;
            }
            Some(FirstStart::Serves(what)) => {
                serving.insert(what, entry.who.as_str());
                serving_at = entry.at;
            }
            Some(FirstStart::Agreed) => agreed = Some((entry.at, event.to_string())),
            Some(FirstStart::Underway) | None => {}
        }
    }
    let mut lines = Vec::new();
    if !ready.is_empty() {
        let ready: Vec<&str> = ready.into_iter().collect();
        lines.push((ready_at, format!("{} ready for work", ready.join(", "))));
    }
    lines.extend(agreed);
    if !serving.is_empty() {
        let serving: Vec<String> = serving.iter().map(|(what, who)| format!("{what} in {who}")).collect();
        lines.push((serving_at, format!("{} ready for work", serving.join(", "))));
    }
    lines.sort_by_key(|(at, _)| *at);
    lines
}

/// What a scenario exists for is a headline in it.
fn is_headline(what: &Happening, reach: &[String]) -> bool {
    match what {
        Happening::Fault { .. } | Happening::Followed(_) | Happening::Healed(_) | Happening::Command { .. } => true,
        Happening::Event(event) => event.weight() != Weight::Detail || reach.iter().any(|name| name == event.name()),
        Happening::Detail(_) | Happening::Process(_) => false,
    }
}

/// What happened, as a line of text.
#[must_use]
pub fn describe(what: &Happening) -> String {
    match what {
        Happening::Fault { text, .. } => format!("FAULT {text}"),
        Happening::Command { text, .. } => format!("COMMAND {text}"),
        Happening::Healed(text) => format!("healed: {text}"),
        Happening::Event(event) => event.to_string(),
        Happening::Process(change) => change.text().to_owned(),
        Happening::Followed(text) | Happening::Detail(text) => text.clone(),
    }
}

pub(super) fn write_recoveries(page: &mut String, outcome: &RunOutcome) {
    let mut faults = outcome.recoveries.iter().filter(|recovery| recovery.act == Act::Fault).peekable();
    let has_faults = faults.peek().is_some();
    if !has_faults && outcome.recoveries.iter().all(|recovery| recovery.moves.is_empty()) {
        return;
    }
    heading(page, "Recovery");
    let mut table = Table::new(&[Align::Right, Align::Right, Align::Right, Align::Left]);
    if has_faults {
        table.row(["fault at".into(), "noticed".into(), "recovered".into(), "fault".into()]);
    }
    let mut silent = false;
    for recovery in faults {
        let since = |at: Option<Time>| at.map_or_else(|| "-".to_owned(), |at| after(at.since(recovery.at)));
        silent |= recovery.detected.is_none() || recovery.recovered.is_none();
        table.row([moment(recovery.at), since(recovery.detected), since(recovery.recovered), recovery.fault.clone()]);
    }
    table.write(page, 2);
    if silent {
        page.push('\n');
        paragraph(
            page,
            2,
            "A dash: no part of the middleware reported that it noticed the fault, or that it recovered from it before \
             another fault struck the same or everything was mended in the end.",
        );
    }
    moves::write(page, outcome, !has_faults);
}

/// Faults that did not strike, so that nobody takes a run for proof against them.
pub(super) fn write_dormant(page: &mut String, outcome: &RunOutcome) {
    if outcome.dormant.is_empty() {
        return;
    }
    heading(page, "Faults that did not strike");
    for fault in &outcome.dormant {
        paragraph(page, 2, fault);
    }
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
