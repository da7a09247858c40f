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
        self.change(process, |lane| enter(lane, at, LaneState::Down));
    }

    /// A process stands still: so does whatever is in it.
    pub fn stands_still(&mut self, at: Time, process: &str) {
        self.change(process, |lane| {
            if lane.last().is_some_and(|(_, last)| *last != LaneState::Down) {
                enter(lane, at, LaneState::StandsStill);
            }
        });
    }

    /// A process goes on after it had stood still: whatever is in it is in the state in which it was.
    pub fn goes_on(&mut self, at: Time, process: &str) {
        self.change(process, |lane| {
            if let [.., (_, before), (_, LaneState::StandsStill)] = lane[..] {
                enter(lane, at, before);
            }
        });
    }

    fn change(&mut self, process: &str, change: impl Fn(&mut Lane)) {
        for ((_, in_process), lane) in &mut self.lanes {
            if in_process == process {
                change(lane);
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

#[cfg(test)]
mod tests {
    use indoubt_engine::messaging_engine::EngineState;
    use indoubt_engine::time::Duration;

    use super::*;

    fn at(milliseconds: u64) -> Time {
        Time::START + Duration::from_millis(milliseconds)
    }

    fn started(lanes: &mut Lanes, process: &str) {
        let event = Event::MessagingEngineState { engine: "CL.000-BUS".into(), state: EngineState::Started };
        lanes.event(at(0), process, &event);
    }

    fn states(lanes: &Lanes, process: &str) -> Vec<LaneState> {
        let lane = &lanes.lanes[&("CL.000-BUS".to_owned(), process.to_owned())];
        lane.iter().map(|(_, state)| *state).collect()
    }

    #[test]
    fn what_is_in_a_process_stands_still_with_it_and_goes_on_as_it_was() {
        let mut lanes = Lanes::default();
        started(&mut lanes, "server1");
        started(&mut lanes, "server2");
        lanes.stands_still(at(10), "server1");
        lanes.goes_on(at(20), "server1");
        assert_eq!(states(&lanes, "server1"), [LaneState::Started, LaneState::StandsStill, LaneState::Started]);
        assert_eq!(states(&lanes, "server2"), [LaneState::Started]);
    }

    #[test]
    fn what_ended_while_it_stood_still_does_not_go_on() {
        let mut lanes = Lanes::default();
        started(&mut lanes, "server1");
        lanes.stands_still(at(10), "server1");
        lanes.ended(at(15), "server1");
        lanes.goes_on(at(20), "server1");
        lanes.stands_still(at(30), "server1");
        assert_eq!(states(&lanes, "server1"), [LaneState::Started, LaneState::StandsStill, LaneState::Down]);
    }
}
