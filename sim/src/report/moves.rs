//! What an outage was made of: for each fault that took something down that runs in one of several processes, the time
//! until it was noticed, until it was decided where it goes on, until it served there, until an application had something
//! of it. The parts add up.

use std::collections::BTreeSet;

use indoubt_engine::event::Milestone;
use indoubt_engine::time::{Duration, Time};
use indoubt_ledger::outage::Outage;
use serde_json::{Map, Value, json};

use super::layout::{Align, Table, after, moment, paragraph};
use crate::run::{Act, Move, MoveKind, Passed, Recovery, RunOutcome};

/// Story after story, an empty line before each, but for the first one if it begins a section.
pub(super) fn write(page: &mut String, outcome: &RunOutcome, mut begins: bool) {
    let mut titles = BTreeSet::new();
    for recovery in &outcome.recoveries {
        for moved in &recovery.moves {
            let title = format!("{}, {}:", title(moved), fault(recovery, moved));
            // Faults that strike together take it down once.
            if !titles.insert(title.clone()) {
                continue;
            }
            if !std::mem::take(&mut begins) {
                page.push('\n');
            }
            paragraph(page, 2, &title);
            let mut table = Table::new(&[Align::Right, Align::Left]);
            for (lasted, text) in parts(outcome, recovery, moved) {
                table.row([duration(lasted), text]);
            }
            table.write(page, 4);
        }
    }
}

/// The parts of it, each with its length; the last line says what they are in all, or that it did not come to service.
fn parts(outcome: &RunOutcome, recovery: &Recovery, moved: &Move) -> Vec<(Option<Duration>, String)> {
    let mut parts = Vec::new();
    let mut last = moved.since;
    let mut part = |until: Time, text: String| {
        parts.push((Some(until.since(last)), text));
        last = until;
    };
    for (position, passed) in moved.milestones.iter().enumerate() {
        part(passed.at, text(moved, passed, position + 1 == moved.milestones.len()));
    }
    let Some(serves) = moved.served_again() else {
        let text = match moved.kind {
            MoveKind::Failure => "and did not serve there before the next fault or the end".to_owned(),
            MoveKind::SecondInstance => format!("and did not come to serve: {} went on serving", moved.from),
        };
        parts.push((None, text));
        return parts;
    };
    if let Some((at, outage)) = used_again(outcome, recovery, moved, serves) {
        part(at, format!("until an application got a message of {} again", outage.queue));
    }
    let in_all = last.since(moved.since);
    let sum: Duration = parts.iter().filter_map(|(lasted, _)| *lasted).sum();
    assert_eq!(sum, in_all, "the parts of an outage add up");
    parts.push((Some(in_all), "in all".to_owned()));
    parts
}

fn text(moved: &Move, passed: &Passed, is_last: bool) -> String {
    let mut text = match passed.milestone {
        Milestone::Ordered if passed.who == moved.from => "until it was activated".to_owned(),
        Milestone::Begun if passed.who == moved.from => "until it began to start".to_owned(),
        Milestone::WentOn if is_last => format!("until {} went on and still owned its store", passed.who),
        milestone => milestone.about(&passed.who),
    };
    if passed.times > 1 {
        text.push_str(&format!(", {} times", passed.times));
    }
    text
}

fn title(moved: &Move) -> String {
    let Move { what, from, .. } = moved;
    match (&moved.to, moved.kind) {
        (Some(to), MoveKind::SecondInstance) => format!("a second instance of {what} was tried on {to}"),
        (Some(to), MoveKind::Failure) if to == from => format!("{what} in {to}"),
        (Some(to), MoveKind::Failure) => format!("{what} from {from} to {to}"),
        (None, _) => format!("{what} of {from}"),
    }
}

/// What it came of; if it served on for a while, also since when it did not.
fn fault(recovery: &Recovery, moved: &Move) -> String {
    let act = match recovery.act {
        Act::Fault => "fault",
        Act::Command => "command",
    };
    let fault = format!("after the {act} at {}", moment(recovery.at));
    if moved.since > recovery.at { format!("away from {} on, {fault}", moment(moved.since)) } else { fault }
}

fn duration(lasted: Option<Duration>) -> String {
    lasted.map_or_else(String::new, |lasted| after(lasted).trim_start_matches('+').to_owned())
}

/// When an application got a message again for which it had waited since before it served; of several queues, the last
/// one. What came to wait after that waited for something else, and so does what waits when it is lost once more.
fn used_again<'o>(
    outcome: &'o RunOutcome,
    recovery: &Recovery,
    moved: &Move,
    serves: Time,
) -> Option<(Time, &'o Outage)> {
    let outages = outcome.judgement.outages.iter().filter(|outage| outage.ended);
    let outages = outages.filter(|outage| outage.cause.at_ns == recovery.at.as_nanoseconds());
    let spanning = outages.filter(|outage| outage.from_ns <= serves.as_nanoseconds());
    let ended = spanning.map(|outage| (Time::from_nanoseconds(outage.to_ns), outage));
    let until = |at: Time| moved.lost_again.is_none_or(|lost| at <= lost);
    ended.filter(|(at, _)| *at >= serves && until(*at)).max_by_key(|(at, _)| *at)
}

/// The same for programs.
pub(super) fn json(outcome: &RunOutcome, recovery: &Recovery) -> Value {
    let moves = recovery.moves.iter().map(|moved| {
        let milestones: Map<String, Value> = moved
            .milestones
            .iter()
            .map(|passed| (format!("{}_ms", passed.milestone.name()), json!(passed.at.as_milliseconds())))
            .collect();
        let used_again = moved.served_again().and_then(|serves| used_again(outcome, recovery, moved, serves));
        json!({
            "what": moved.what,
            "from": moved.from,
            "to": moved.to,
            "since_ms": moved.since.as_milliseconds(),
            "second_instance": moved.kind == MoveKind::SecondInstance,
            "milestones": milestones,
            "used_again_ms": used_again.map(|(at, _)| at.as_milliseconds()),
        })
    });
    moves.collect()
}
