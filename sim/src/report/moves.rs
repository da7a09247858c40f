//! What an outage was made of: for each fault that took something down that runs in one of several processes, the time
//! until it was noticed, until it was decided where it goes on, until it served there, until an application had something
//! of it.

use std::collections::BTreeSet;

use indoubt_engine::time::{Duration, Time};
use indoubt_ledger::outage::Outage;
use serde_json::{Map, Value, json};

use super::layout::{Align, Table, after, moment, paragraph};
use crate::run::{Move, Recovery, RunOutcome};

pub(super) fn write(page: &mut String, outcome: &RunOutcome) {
    let mut titles = BTreeSet::new();
    for recovery in &outcome.recoveries {
        for moved in &recovery.moves {
            let title = format!("{}, {}:", title(moved), fault(recovery));
            // Faults that strike together take it down once.
            if !titles.insert(title.clone()) {
                continue;
            }
            page.push('\n');
            paragraph(page, 2, &title);
            let mut table = Table::new(&[Align::Right, Align::Left]);
            let mut last = recovery.at;
            for (milestone, at) in &moved.milestones {
                table.row([part(last, *at), milestone.about().to_owned()]);
                last = last.max(*at);
            }
            let Some(serves) = moved.served_again() else {
                table.row([String::new(), "and did not serve there before the next fault or the end".to_owned()]);
                table.write(page, 4);
                continue;
            };
            if let Some((at, outage)) = used_again(outcome, recovery, serves) {
                table.row([part(last, at), format!("until an application got a message of {} again", outage.queue)]);
                last = at;
            }
            table.row([part(recovery.at, last), "in all".to_owned()]);
            table.write(page, 4);
        }
    }
}

fn title(moved: &Move) -> String {
    match &moved.to {
        Some(to) if *to == moved.from => format!("{} in {to}", moved.what),
        Some(to) => format!("{} from {} to {to}", moved.what, moved.from),
        None => format!("{} of {}", moved.what, moved.from),
    }
}

fn fault(recovery: &Recovery) -> String {
    format!("after the fault at {}", moment(recovery.at))
}

fn part(from: Time, to: Time) -> String {
    let lasted = if to > from { to.since(from) } else { Duration::ZERO };
    after(lasted).trim_start_matches('+').to_owned()
}

/// When an application got a message again for which it had waited since before it served; of several queues, the last
/// one. What came to wait after that waited for something else.
fn used_again<'o>(outcome: &'o RunOutcome, recovery: &Recovery, serves: Time) -> Option<(Time, &'o Outage)> {
    let outages = outcome.judgement.outages.iter().filter(|outage| outage.ended);
    let outages = outages.filter(|outage| outage.fault_ns == recovery.at.as_nanoseconds());
    let spanning = outages.filter(|outage| outage.from_ns <= serves.as_nanoseconds());
    let ended = spanning.map(|outage| (Time::from_nanoseconds(outage.to_ns), outage));
    ended.filter(|(at, _)| *at >= serves).max_by_key(|(at, _)| *at)
}

/// The same for programs.
pub(super) fn json(outcome: &RunOutcome, recovery: &Recovery) -> Value {
    let moves = recovery.moves.iter().map(|moved| {
        let milestones: Map<String, Value> = moved
            .milestones
            .iter()
            .map(|(milestone, at)| (format!("{}_ms", milestone.name()), json!(at.as_milliseconds())))
            .collect();
        let used_again = moved.served_again().and_then(|serves| used_again(outcome, recovery, serves));
        json!({
            "what": moved.what,
            "from": moved.from,
            "to": moved.to,
            "milestones": milestones,
            "used_again_ms": used_again.map(|(at, _)| at.as_milliseconds()),
        })
    });
    moves.collect()
}
