//! Lanes: where something ran, drawn over the time of the run, one line for each process.
//!
//! A column stands for an equal share of the run. Where an instance was in several states within a share, the one that
//! tells most is drawn: that it served counts for less than that it changed.

use indoubt_engine::event::LaneState;
use indoubt_engine::time::{Duration, Time};

use super::layout::{heading, length, paragraph};
use crate::run::lanes::Lane;
use crate::run::{Happening, RunOutcome};

/// Columns of a lane.
const COLUMNS: usize = 60;

/// The line above the lanes.
const FAULTS: &str = "faults";

/// What stands for a fault.
const FAULT: char = '!';

/// What stands for a state.
const fn mark(state: LaneState) -> char {
    match state {
        LaneState::Down => '.',
        LaneState::Joining => 'j',
        LaneState::Joined => '-',
        LaneState::Starting => 's',
        LaneState::Started => '#',
        LaneState::Stopping => 'p',
        LaneState::Stopped => 'o',
        LaneState::Disabled => 'd',
        LaneState::Failed => 'x',
        LaneState::StandsStill => '=',
    }
}

/// Of several states within a column, the one with the highest weight is drawn.
const fn weight(state: LaneState) -> u8 {
    match state {
        LaneState::Failed => 9,
        LaneState::Disabled => 8,
        LaneState::Starting => 7,
        LaneState::Stopping => 6,
        LaneState::StandsStill => 5,
        LaneState::Started => 4,
        LaneState::Stopped => 3,
        LaneState::Down => 2,
        LaneState::Joined => 1,
        LaneState::Joining => 0,
    }
}

pub(super) fn write(page: &mut String, outcome: &RunOutcome) {
    if outcome.lanes.is_empty() {
        return;
    }
    heading(page, "Where it ran");
    let end = Time::START + outcome.simulated;
    let share = outcome.simulated / u32::try_from(COLUMNS).unwrap_or(u32::MAX);
    let faults = faults(outcome, share);
    let mut drawn: Vec<LaneState> = Vec::new();
    for (what, lanes) in outcome.lanes.by_what() {
        page.push_str(&format!("  {what}\n"));
        let widest = lanes.iter().map(|(process, _)| process.chars().count()).chain([FAULTS.len()]).max().unwrap_or(0);
        if !faults.is_empty() {
            page.push_str(&format!("    {FAULTS:widest$}  {faults}\n"));
        }
        for (process, lane) in lanes {
            let states = columns(lane, share, end);
            let line: String = states.iter().map(|state| state.map_or(' ', mark)).collect();
            drawn.extend(states.into_iter().flatten());
            page.push_str(&format!("    {process:widest$}  {}\n", line.trim_end()));
        }
    }
    drawn.sort_by_key(|state| weight(*state));
    drawn.dedup();
    let states = drawn.iter().map(|state| format!("{} {}", mark(*state), state.name()));
    let fault = (!faults.is_empty()).then(|| format!("{FAULT} a fault"));
    let legend: Vec<String> = fault.into_iter().chain(states).collect();
    paragraph(page, 2, &format!("One column is {}. {}.", length(share), legend.join(", ")));
}

/// The moments at which something was struck.
fn faults(outcome: &RunOutcome, share: Duration) -> String {
    let mut marks = [' '; COLUMNS];
    for entry in &outcome.timeline {
        if let Happening::Fault { struck, .. } = &entry.what
            && !struck.is_empty()
        {
            let column = entry.at.since(Time::START).as_nanos() / share.as_nanos().max(1);
            marks[usize::try_from(column).unwrap_or(COLUMNS).min(COLUMNS - 1)] = FAULT;
        }
    }
    marks.iter().collect::<String>().trim_end().to_owned()
}

fn columns(lane: &Lane, share: Duration, end: Time) -> Vec<Option<LaneState>> {
    let from = |column: usize| Time::START + share * u32::try_from(column).unwrap_or(u32::MAX);
    (0..COLUMNS)
        .map(|column| {
            let until = if column + 1 == COLUMNS { end } else { from(column + 1) };
            let before = lane.iter().rfind(|(at, _)| *at <= from(column)).map(|(_, state)| *state);
            let within = lane.iter().filter(|(at, _)| *at > from(column) && *at < until).map(|(_, state)| *state);
            within.chain(before).max_by_key(|state| weight(*state))
        })
        .collect()
}
