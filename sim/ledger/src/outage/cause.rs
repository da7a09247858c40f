//! To what an outage is put down.
//!
//! A cause is a fault that had an effect, an operator's command, or an event with which something that serves is taken
//! away on purpose. Whether it **matters** to a queue is asked of the names that it is about. Of most weight are the
//! queue's producers and consumers, whoever keeps its messages, and the process that was the active owner of that just
//! then; of some weight is whoever is unknown here, a host, a database, a link. Another queue's application or keeper, and
//! a process that could have been the owner while somebody else was, matter to this queue only if nothing else is found.
//!
//! An outage follows a cause **directly** if nobody got a message between the two. Of several causes the weightiest one
//! is meant, and of those the last one before the outage began, or else the first one in it. If there is none, the last
//! cause is named that matters at all.

use std::collections::BTreeSet;

use crate::contract::Contract;
use crate::history::{FaultEffect, History, Moment, WorldHappening};
use crate::ownership::Ownership;

use super::demand::Place;

/// What sort of thing an outage is put down to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CauseKind {
    /// A fault struck.
    #[default]
    Fault,
    /// An operator typed a command.
    Command,
    /// Something that served was taken away on purpose.
    TakenAway,
}

/// To what an outage is put down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// What sort of thing.
    pub kind: CauseKind,
    /// When it was, nanoseconds since the start of the run.
    pub at_ns: u64,
    /// As it is told; of several at one instant, all.
    pub text: String,
    /// Whether nobody got a message between it and the outage. If somebody did, it is only the last one before.
    pub is_direct: bool,
}

/// So many causes of one instant are told by name.
const TOLD_OF_ONE_INSTANT: usize = 3;

/// Anything that may be a cause.
struct Happening<'h> {
    kind: CauseKind,
    at: Moment,
    text: &'h str,
    about: Vec<&'h str>,
}

/// How much a cause matters to a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Nobody,
    Unknown,
    Concerned,
}

/// All causes of a history, to be asked for those of a queue.
pub(super) struct Causes<'h> {
    happenings: Vec<Happening<'h>>,
    applications: BTreeSet<&'h str>,
    ownership: &'h Ownership<'h>,
}

impl<'h> Causes<'h> {
    pub(super) fn new(history: &'h History, contract: &Contract, ownership: &'h Ownership<'h>) -> Self {
        let happenings = history.world.iter().filter_map(|record| {
            let (kind, text, about) = match &record.what {
                WorldHappening::Fault(fault) if fault.effect != FaultEffect::Nothing => {
                    (CauseKind::Fault, fault.text.as_str(), fault.about.iter().map(String::as_str).collect())
                }
                WorldHappening::Event { name, subject, text, .. } if contract.taken_away.contains(name) => {
                    (CauseKind::TakenAway, text.as_str(), vec![subject.as_str()])
                }
                WorldHappening::Command(command) => {
                    (CauseKind::Command, command.text.as_str(), command.about.iter().map(String::as_str).collect())
                }
                WorldHappening::Fault(_) | WorldHappening::Healed(_) | WorldHappening::Event { .. } => return None,
            };
            Some(Happening { kind, at: record.at, text, about })
        });
        let applications = history.processes.iter().map(|process| process.name.as_str()).collect();
        Causes { happenings: happenings.collect(), applications, ownership }
    }

    /// The first of all.
    pub(super) fn first(&self) -> Option<Moment> {
        self.happenings.first().map(|happening| happening.at)
    }

    /// The cause of an outage from then until then, and from when on it counts: not before a cause that struck while the
    /// queue was still in ordinary service. Of the others that matter, those that struck in it.
    pub(super) fn of(
        &self,
        place: &Place<'_>,
        outage: Span,
        last_got: Option<Moment>,
    ) -> Option<(Cause, u64, Vec<Cause>)> {
        let Span { from_ns, to_ns, ordinary_ns } = outage;
        let begun_ns = from_ns.saturating_add(ordinary_ns);
        let until_its_end = self.happenings.partition_point(|happening| happening.at.at_ns <= to_ns);
        let weighed: Vec<(Weight, &Happening<'_>)> = self.happenings[..until_its_end]
            .iter()
            .map(|happening| (self.weight(happening, place), happening))
            .collect();
        let matters = |(weight, _): &&(Weight, &Happening<'_>)| *weight != Weight::Nobody;
        let is_direct = |happening: &Happening<'_>| last_got.is_none_or(|got| happening.at > got);

        let before = weighed.iter().filter(matters).filter(|(_, happening)| happening.at.at_ns <= begun_ns);
        let directly_before =
            before.clone().filter(|(_, happening)| is_direct(happening)).max_by_key(|(weight, _)| *weight);
        let in_it = || weighed.iter().filter(matters).filter(|(_, happening)| happening.at.at_ns > begun_ns);
        // The first of the weightiest: `max_by_key` takes the last of several.
        let first_in_it = in_it().rev().max_by_key(|(weight, _)| *weight);
        let soon_in_it = first_in_it.filter(|(_, happening)| {
            let (ahead_ns, rest_ns) = (happening.at.at_ns - from_ns, to_ns - happening.at.at_ns);
            ahead_ns <= rest_ns / 10
        });
        let long_before = before.clone().next_back();
        let any = || weighed.iter().rev().find(|(_, happening)| happening.at.at_ns <= begun_ns).or(weighed.first());
        let meant = directly_before.or(soon_in_it).or(long_before).or(first_in_it).or_else(any)?;

        let (weight, meant) = *meant;
        let alone = long_before.is_none() && directly_before.is_none();
        let counts_from = if meant.at.at_ns <= begun_ns || alone { meant.at.at_ns } else { from_ns };
        let cause = Cause {
            kind: meant.kind,
            at_ns: meant.at.at_ns,
            text: told_together(&weighed, meant.at.at_ns, weight),
            is_direct: weight != Weight::Nobody && is_direct(meant),
        };
        let mut others: Vec<Cause> = Vec::new();
        for (weight, other) in in_it().filter(|(_, other)| other.at.at_ns > meant.at.at_ns) {
            if others.last().is_some_and(|last| last.at_ns == other.at.at_ns) {
                continue;
            }
            let text = told_together(&weighed, other.at.at_ns, *weight);
            others.push(Cause { kind: other.kind, at_ns: other.at.at_ns, text, is_direct: true });
        }
        Some((cause, counts_from.max(from_ns), others))
    }

    fn weight(&self, happening: &Happening<'h>, place: &Place<'_>) -> Weight {
        happening.about.iter().map(|name| self.weight_of(name, happening.at, place)).max().unwrap_or(Weight::Unknown)
    }

    fn weight_of(&self, name: &str, at: Moment, place: &Place<'_>) -> Weight {
        if self.applications.contains(name) {
            return if place.users.contains(name) { Weight::Concerned } else { Weight::Nobody };
        }
        if place.keepers.is_empty() {
            return Weight::Concerned;
        }
        let runs_it = || place.keepers.iter().any(|keeper| self.ownership.is_run_by(keeper, name, at));
        if place.keepers.contains(name) || runs_it() {
            return Weight::Concerned;
        }
        let is_owned = || place.keepers.iter().any(|keeper| self.ownership.is_owned(keeper, at));
        if self.ownership.was_ever_owned(name) || (self.ownership.ever_owned(name) && is_owned()) {
            return Weight::Nobody;
        }
        Weight::Unknown
    }
}

/// What happened at an instant, as far as it has this weight.
fn told_together(weighed: &[(Weight, &Happening<'_>)], at_ns: u64, weight: Weight) -> String {
    let of_it = weighed.iter().filter(|(other, happening)| *other == weight && happening.at.at_ns == at_ns);
    let texts: Vec<&str> = of_it.map(|(_, happening)| happening.text).collect();
    let told = texts[..texts.len().min(TOLD_OF_ONE_INSTANT)].join(", ");
    match texts.len().saturating_sub(TOLD_OF_ONE_INSTANT) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

/// From when to when nobody got anything, and for how long that is ordinary.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from_ns: u64,
    pub(super) to_ns: u64,
    pub(super) ordinary_ns: u64,
}
