//! How long it took: from each fault to its detection and to the last recovery that followed; and what the time until
//! something ran again was made of.
//!
//! One pass over the timeline ([`follower`]) says of each entry from which fault or command it follows, and writes down
//! the story of each failure of something that runs in one of several processes ([`story`]).

mod exclusive;
mod follower;
mod place;
mod story;

use indoubt_engine::event::{Milestone, Remedy, Weight};
use indoubt_engine::time::Time;

use self::follower::Follower;
use super::{Happening, TimelineEntry};

/// What something can come of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A fault.
    Fault,
    /// What an operator typed: nothing has to be noticed then, and nothing made good.
    Command,
}

/// A fault, or what an operator typed if it moved something, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Which of the two.
    pub act: Act,
    /// The fault or command.
    pub fault: String,
    /// When it struck.
    pub at: Time,
    /// When a part of the middleware first noticed what it struck, if any did.
    pub detected: Option<Time>,
    /// When the last recovery of what it struck was complete, if there was one before something else struck the same and
    /// before everything was healed in the end.
    pub recovered: Option<Time>,
    /// What it took down of that which runs in one of several processes, and how it came to run again.
    pub moves: Vec<Move>,
}

/// How something that runs in one of several processes came to run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// What.
    pub what: String,
    /// Where it was.
    pub from: String,
    /// Where it was started, or went on.
    pub to: Option<String>,
    /// From when on it did not serve: since the fault, unless it served on for a while.
    pub since: Time,
    /// Whether it failed at all.
    pub kind: MoveKind,
    /// How far it came, in order of time.
    pub milestones: Vec<Passed>,
    /// When it ceased to serve once more.
    pub lost_again: Option<Time>,
}

/// Whether something was down while another instance of it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveKind {
    /// It was.
    Failure,
    /// It went on where it was; others could not know.
    SecondInstance,
}

/// A milestone that was passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Which.
    pub milestone: Milestone,
    /// When.
    pub at: Time,
    /// By whom; of a decision, who was chosen.
    pub who: String,
    /// How often in a row: then `at` is the last time.
    pub times: u32,
}

impl Move {
    /// When it served again: somewhere else after a start, or where it was, once it had its data back or went on.
    #[must_use]
    pub fn served_again(&self) -> Option<Time> {
        let last = self.milestones.last()?;
        let started = self.milestones.iter().any(|passed| passed.milestone == Milestone::Begun);
        match last.milestone {
            Milestone::Serves | Milestone::WentOn => Some(last.at),
            Milestone::StoreOwned if !started => Some(last.at),
            _ => None,
        }
    }
}

/// For each entry of a timeline the fault or command from which it follows, as a position in the timeline: the last one
/// that struck whom the entry is about. Something that runs in one of several processes is struck where it runs.
pub(crate) fn causes(timeline: &[TimelineEntry]) -> Vec<Option<usize>> {
    Follower::follow(timeline).origins.into_iter().map(|origin| origin.cause).collect()
}

/// For each fault of a timeline: when it was first noticed and when the last recovery from it was complete. What the
/// healing at the end of the run brought about does not count.
pub(super) fn recoveries(timeline: &[TimelineEntry]) -> Vec<Recovery> {
    let timeline = before_healing(timeline);
    let follower = Follower::follow(timeline);
    let mut recoveries = Vec::new();
    for (position, entry) in timeline.iter().enumerate() {
        let (act, text) = match &entry.what {
            Happening::Fault { text, .. } => (Act::Fault, text),
            Happening::Command { text, .. } => (Act::Command, text),
            _ => continue,
        };
        let moves = follower.moves(position);
        let (detected, recovered) = match act {
            Act::Fault => times(timeline, &follower, position),
            Act::Command if moves.is_empty() => continue,
            Act::Command => (None, None),
        };
        let went_on = moves.iter().filter_map(Move::served_again).max().filter(|_| act == Act::Fault);
        recoveries.push(Recovery {
            act,
            fault: text.clone(),
            at: entry.at,
            detected,
            recovered: recovered.or(went_on),
            moves,
        });
    }
    recoveries
}

/// The timeline until everything is healed in the end: who stood still goes on then because of that.
fn before_healing(timeline: &[TimelineEntry]) -> &[TimelineEntry] {
    let Some(healing) = timeline.iter().rposition(|entry| matches!(entry.what, Happening::Healed(_))) else {
        return timeline;
    };
    let healed_at = timeline[healing].at;
    let by_it = |entry: &&TimelineEntry| entry.at == healed_at && matches!(entry.what, Happening::Process(_));
    &timeline[..healing - timeline[..healing].iter().rev().take_while(by_it).count()]
}

/// When an act was first noticed, and when the last recovery from it was complete. That something serves again counts
/// for more than that somebody has taken an office, and that for more than that a process runs again.
fn times(timeline: &[TimelineEntry], follower: &Follower<'_>, act: usize) -> (Option<Time>, Option<Time>) {
    let mut detected = None;
    let mut remedies: [Option<(Time, Option<&str>)>; 3] = [None; 3];
    for (entry, origin) in timeline.iter().zip(&follower.origins).skip(act) {
        let (true, Happening::Event(event)) = (origin.cause == Some(act), &entry.what) else { continue };
        match event.weight() {
            Weight::Detection => {
                detected = detected.or(Some(entry.at));
                // It failed again, and of the same.
                let of_it = |(_, what): &(Time, Option<&str>)| what.is_some() && *what == event.exclusive();
                if origin.fails {
                    let [restored, ..] = &mut remedies;
                    *restored = restored.filter(|restored| !of_it(restored));
                }
            }
            Weight::Recovery if origin.settles => {
                let rank = match event.remedy() {
                    Some(Remedy::Replaced) => 1,
                    Some(Remedy::Returned) => 2,
                    Some(Remedy::Restored) | None => 0,
                };
                remedies[rank] = Some((entry.at, event.exclusive()));
            }
            Weight::Recovery | Weight::Headline | Weight::Detail => {}
        }
    }
    (detected, remedies.into_iter().flatten().next().map(|(at, _)| at))
}

#[cfg(test)]
mod tests;
