//! Lanes: what runs in one of several processes, and the state of each of its instances over time.

use std::collections::BTreeMap;

use indoubt_engine::event::{Event, LaneState};
use indoubt_engine::time::Time;

/// The states of one instance, each with the moment from which on it was in it.
pub(crate) type Lane = Vec<(Time, LaneState)>;

/// All lanes: by what runs, and by the process in which the instance is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lanes {
    lanes: BTreeMap<(String, String), Lane>,
}

impl Lanes {
    /// A process reported an event.
    pub fn event(&mut self, at: Time, process: &str, event: &Event) {
        if let Some((what, state)) = event.lane() {
            enter(self.lanes.entry((what.to_owned(), process.to_owned())).or_default(), at, state);
        }
    }

    /// A process ended: whatever was in it is down.
    pub fn ended(&mut self, at: Time, process: &str) {
        for ((_, in_process), lane) in &mut self.lanes {
            if in_process == process {
                enter(lane, at, LaneState::Down);
            }
        }
    }

    /// By what runs, in alphabetical order: the processes with their lanes.
    pub(crate) fn by_what(&self) -> BTreeMap<&str, Vec<(&str, &Lane)>> {
        let mut by_what: BTreeMap<&str, Vec<(&str, &Lane)>> = BTreeMap::new();
        for ((what, process), lane) in &self.lanes {
            by_what.entry(what).or_default().push((process, lane));
        }
        by_what
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }
}

fn enter(lane: &mut Lane, at: Time, state: LaneState) {
    if lane.last().is_none_or(|(_, last)| *last != state) {
        lane.push((at, state));
    }
}
