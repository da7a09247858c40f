//! How long it took: from each fault to its detection and to the last recovery that followed; and what the time until
//! something ran again elsewhere was made of.

use std::collections::BTreeMap;

use indoubt_engine::event::{Event, Milestone, Weight};
use indoubt_engine::time::Time;

use super::{Happening, Move, Recovery, TimelineEntry};

/// Something that runs in one of several processes: where, and what befell it.
struct Place<'t> {
    /// The process in which it last served or began to start.
    process: &'t str,
    /// When it last began to serve.
    served_at: Option<Time>,
    /// It begins to start there.
    begun: bool,
    /// The fault that took it down, or that it was taken down by.
    fault: Option<usize>,
}

/// A fault, as a position in the timeline, took something down.
struct Failure<'t> {
    fault: usize,
    what: &'t str,
    from: &'t str,
}

/// Follows what runs in one of several processes through a timeline.
#[derive(Default)]
struct Follower<'t> {
    faults: Vec<(usize, Time, &'t [String])>,
    places: BTreeMap<&'t str, Place<'t>>,
    failures: Vec<Failure<'t>>,
    /// The fault because of which somebody was last suspected.
    suspected: Option<usize>,
}

impl<'t> Follower<'t> {
    fn fault(&mut self, position: usize, at: Time, struck: &'t [String]) {
        self.faults.push((position, at, struck));
        for (&what, place) in &mut self.places {
            if struck.iter().any(|name| name == place.process) {
                place.fault = Some(position);
                place.served_at = None;
                self.failures.push(Failure { fault: position, what, from: place.process });
            }
        }
    }

    /// The fault from which an event follows.
    fn cause(&mut self, entry: &'t TimelineEntry, event: &'t Event) -> Option<usize> {
        let Some(what) = event.exclusive() else {
            let about = event.subject().unwrap_or(&entry.who);
            let cause = self.faults.iter().rfind(|(_, _, struck)| struck.iter().any(|name| name == about));
            let cause = cause.map(|(fault, ..)| *fault);
            return match event.milestone() {
                Some(Milestone::Noticed) => {
                    self.suspected = cause.or(self.suspected);
                    cause
                }
                // A view changes because of those who leave or return, not of whoever tells it.
                Some(Milestone::Agreed) => self.suspected,
                _ => cause,
            };
        };
        let place = self.places.entry(what).or_insert(Place {
            process: &entry.who,
            served_at: None,
            begun: false,
            fault: None,
        });
        let milestone = event.milestone();
        if let Some(served_at) = place.served_at.filter(|served_at| *served_at < entry.at) {
            match milestone {
                // Nothing struck its process, and it failed all the same: that is put down to the last fault since it
                // began to serve.
                Some(Milestone::Noticed | Milestone::Condemned) => {
                    let last = self.faults.iter().rfind(|(_, _, struck)| !struck.is_empty());
                    place.served_at = None;
                    if let Some((fault, ..)) = last.filter(|(_, at, _)| *at > served_at) {
                        place.fault = Some(*fault);
                        self.failures.push(Failure { fault: *fault, what, from: place.process });
                    }
                }
                // Moved without need: brought back to a preferred place, or by an operator.
                Some(_) => place.fault = None,
                None => {}
            }
        }
        match milestone {
            Some(Milestone::Begun) => {
                place.process = &entry.who;
                place.begun = true;
            }
            Some(Milestone::Serves) => {
                place.process = &entry.who;
                place.served_at = Some(entry.at);
                place.begun = false;
            }
            // It has back what it had lost, and goes on where it was.
            Some(Milestone::StoreOwned) if !place.begun && place.process == entry.who => {
                place.served_at = place.served_at.or(Some(entry.at));
            }
            _ => {}
        }
        place.fault
    }

    /// Whether another fault struck the same before anybody noticed the first one: then it was that which took it down.
    fn was_struck_again(&self, timeline: &[TimelineEntry], failure: &Failure<'_>, moved: &Move) -> bool {
        let Some((_, noticed)) = moved.milestones.first() else { return false };
        let mut others = self.failures.iter().filter(|other| other.fault > failure.fault);
        others.any(|other| {
            (other.what, other.from) == (failure.what, failure.from) && timeline[other.fault].at <= *noticed
        })
    }

    fn follow(timeline: &'t [TimelineEntry]) -> (Self, Vec<Option<usize>>) {
        let mut follower = Follower::default();
        let causes = timeline.iter().enumerate().map(|(position, entry)| match &entry.what {
            Happening::Fault { struck, .. } => {
                follower.fault(position, entry.at, struck);
                None
            }
            Happening::Event(event) => follower.cause(entry, event),
            Happening::Command { .. } | Happening::Followed(_) | Happening::Healed(_) | Happening::Detail(_) => None,
        });
        let causes = causes.collect();
        (follower, causes)
    }
}

/// For each entry of a timeline the fault from which it follows, as a position in the timeline: the last one that struck
/// whom the entry is about. Something that runs in one of several processes is struck where it runs.
pub(crate) fn causes(timeline: &[TimelineEntry]) -> Vec<Option<usize>> {
    Follower::follow(timeline).1
}

/// For each fault of a timeline: when it was first noticed and when the last recovery from it was complete. What the
/// healing at the end of the run brought about does not count.
pub(super) fn recoveries(timeline: &[TimelineEntry]) -> Vec<Recovery> {
    let healing = timeline.iter().rposition(|entry| matches!(entry.what, Happening::Healed(_)));
    let timeline = &timeline[..healing.unwrap_or(timeline.len())];
    let (follower, causes) = Follower::follow(timeline);
    let mut recoveries = Vec::new();
    for (position, fault) in timeline.iter().enumerate() {
        let Happening::Fault { text, .. } = &fault.what else { continue };
        let moves = follower.failures.iter().filter(|failure| failure.fault == position);
        let moves = moves.filter_map(|failure| Some((failure, moved(&timeline[position + 1..], failure)?)));
        let moves = moves.filter(|(failure, moved)| !follower.was_struck_again(timeline, failure, moved));
        let mut recovery = Recovery {
            fault: text.clone(),
            at: fault.at,
            detected: None,
            recovered: None,
            moves: moves.map(|(_, moved)| moved).collect(),
        };
        for (entry, cause) in timeline.iter().zip(&causes).skip(position) {
            let (true, Happening::Event(event)) = (*cause == Some(position), &entry.what) else { continue };
            match event.weight() {
                Weight::Detection => recovery.detected = recovery.detected.or(Some(entry.at)),
                Weight::Recovery => recovery.recovered = Some(entry.at),
                Weight::Headline | Weight::Detail => {}
            }
        }
        recoveries.push(recovery);
    }
    recoveries
}

/// What became of something that a fault took down: until it served again, as far as that came.
fn moved(timeline: &[TimelineEntry], failure: &Failure<'_>) -> Option<Move> {
    let mut milestones: BTreeMap<Milestone, Time> = BTreeMap::new();
    let mut to = None;
    // It has back what it had lost, and goes on where it was.
    let mut goes_on = false;
    for entry in timeline {
        let event = match &entry.what {
            Happening::Event(event) => event,
            Happening::Fault { struck, .. } if goes_on && !struck.is_empty() => break,
            _ => continue,
        };
        let Some(milestone) = event.milestone() else { continue };
        let about = event.exclusive();
        let is_about = about == Some(failure.what);
        let is_decided = milestones.contains_key(&Milestone::Ordered);
        let is_noticed = milestones.keys().any(|milestone| *milestone <= Milestone::Condemned);
        match milestone {
            Milestone::Noticed if is_about || event.subject() == Some(failure.from) => {
                if std::mem::take(&mut goes_on) {
                    milestones.remove(&Milestone::StoreOwned);
                }
                milestones.entry(milestone).or_insert(entry.at);
            }
            Milestone::Condemned if is_about && !is_decided => {
                milestones.entry(milestone).or_insert(entry.at);
            }
            // The last view before it was decided.
            Milestone::Agreed if is_noticed && !is_decided => {
                milestones.insert(milestone, entry.at);
            }
            Milestone::Noticed | Milestone::Condemned | Milestone::Agreed => {}
            _ if is_about => {
                goes_on = milestone == Milestone::StoreOwned
                    && entry.who == failure.from
                    && !milestones.contains_key(&Milestone::Begun);
                // An earlier attempt came to nothing.
                milestones.retain(|earlier, _| *earlier < milestone);
                milestones.insert(milestone, entry.at);
                if milestone >= Milestone::Begun {
                    to = Some(entry.who.clone());
                }
                if milestone == Milestone::Serves {
                    break;
                }
            }
            _ => {}
        }
    }
    let begun = milestones.keys().any(|milestone| *milestone >= Milestone::Ordered);
    let milestones = milestones.into_iter().collect();
    begun.then(|| Move { what: failure.what.to_owned(), from: failure.from.to_owned(), to, milestones })
}

#[cfg(test)]
mod tests;
