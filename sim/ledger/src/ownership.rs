//! Who was the active owner of what must have one, and when: tenures, and those that overlap.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::{Contract, Exclusive, PROCESS_ENDED};
use crate::finding::{Draft, Subject};
use crate::history::Moment;
use crate::index::Index;
use crate::permissions::Event;
use crate::story::seconds;
use crate::verdict::FindingKind;

/// A time in which one process was an active owner.
#[derive(Clone, Copy, Debug)]
struct Tenure<'h> {
    /// A place in the contract's list.
    exclusive: usize,
    resource: &'h str,
    owner: &'h str,
    from: Moment,
    /// `None`: it still is.
    to: Option<Moment>,
}

/// Two owners at once.
#[derive(Clone, Debug)]
pub(crate) struct Overlap {
    pub(crate) resource: String,
    /// Who, and since when.
    pub(crate) owners: [(String, u64); 2],
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
    /// Neither had ceased in the end.
    pub(crate) goes_on: bool,
    /// A place in the contract's list.
    exclusive: usize,
}

impl Overlap {
    fn sentence(&self) -> String {
        let [(one, one_since), (other, other_since)] = &self.owners;
        let until = if self.goes_on { "on" } else { &format!("until {}", seconds(self.to_ns)) };
        format!(
            "{} had two active owners from {} {until}: {one} since {} and {other} since {}",
            self.resource,
            seconds(self.from_ns),
            seconds(*one_since),
            seconds(*other_since)
        )
    }
}

/// All tenures of a history.
pub(crate) struct Ownership<'h> {
    tenures: Vec<Tenure<'h>>,
    /// The same, whether or not the owner was able to do anything, and until it had finished what it was about.
    runs: Vec<Tenure<'h>>,
}

impl<'h> Ownership<'h> {
    pub(crate) fn new(contract: &Contract, events: &[Event<'h>]) -> Self {
        let exclusives = || contract.exclusive.iter().enumerate();
        Ownership {
            tenures: exclusives().flat_map(|(place, exclusive)| tenures_of(place, exclusive, events)).collect(),
            runs: exclusives().flat_map(|(place, exclusive)| runs_of(place, exclusive, events)).collect(),
        }
    }

    /// Whether this process ran this resource at this moment; at the very end it still did.
    pub(crate) fn is_run_by(&self, resource: &str, process: &str, at: Moment) -> bool {
        self.run(resource, process, at).is_some()
    }

    /// Whether this process ran this resource from one moment to the other.
    pub(crate) fn is_one_run(&self, resource: &str, process: &str, from: Moment, to: Moment) -> bool {
        self.run(resource, process, from).is_some_and(|run| run.to.is_none_or(|end| to <= end))
    }

    fn run(&self, resource: &str, process: &str, at: Moment) -> Option<&Tenure<'h>> {
        self.runs.iter().find(|run| {
            run.resource == resource && run.owner == process && run.from < at && run.to.is_none_or(|to| at <= to)
        })
    }

    /// Whether this process, which ran this resource at `at`, was the last to begin to of those who ran it at `seen`, or
    /// began later: what was there then can have been nowhere else.
    pub(crate) fn was_the_last(&self, resource: &str, process: &str, at: Moment, seen: Moment) -> bool {
        let Some(run) = self.run(resource, process, at) else { return false };
        !self.runs.iter().any(|other| {
            other.resource == resource
                && other.owner != process
                && run.from < other.from
                && other.from < seen
                && other.to.is_none_or(|to| seen < to)
        })
    }

    /// Whether anybody was an active owner of it at this moment.
    pub(crate) fn is_owned(&self, resource: &str, at: Moment) -> bool {
        let mut mine = self.tenures.iter().filter(|tenure| tenure.resource == resource);
        mine.any(|tenure| tenure.from < at && tenure.to.is_none_or(|to| at <= to))
    }

    /// Whether this process was ever an active owner of anything.
    pub(crate) fn ever_owned(&self, process: &str) -> bool {
        self.tenures.iter().any(|tenure| tenure.owner == process)
    }

    /// Whether this ever had an active owner.
    pub(crate) fn was_ever_owned(&self, resource: &str) -> bool {
        self.tenures.iter().any(|tenure| tenure.resource == resource)
    }

    /// Who was an active owner at this time, in order of names.
    pub(crate) fn owners_at(&self, resource: &str, at_ns: u64) -> BTreeSet<&'h str> {
        let active = self.tenures.iter().filter(|tenure| {
            tenure.resource == resource && tenure.from.at_ns <= at_ns && tenure.to.is_none_or(|to| at_ns < to.at_ns)
        });
        active.map(|tenure| tenure.owner).collect()
    }

    /// The last time before this at which somebody began or ceased to be an active owner.
    pub(crate) fn changed_before(&self, resource: &str, at_ns: u64) -> Option<u64> {
        let mine = self.tenures.iter().filter(|tenure| tenure.resource == resource);
        let changes = mine.flat_map(|tenure| [Some(tenure.from), tenure.to].into_iter().flatten());
        changes.map(|moment| moment.at_ns).filter(|changed_ns| *changed_ns <= at_ns).max()
    }

    /// Each two tenures of different owners of one resource that overlap, by more than a point of time.
    fn overlaps(&self, end_ns: u64) -> Vec<Overlap> {
        let mut overlaps = Vec::new();
        for (place, one) in self.tenures.iter().enumerate() {
            for other in &self.tenures[place + 1..] {
                if (one.exclusive, one.resource) != (other.exclusive, other.resource) || one.owner == other.owner {
                    continue;
                }
                let (earlier, later) = if one.from < other.from { (one, other) } else { (other, one) };
                let end = |tenure: &Tenure<'_>| tenure.to.map_or(end_ns, |to| to.at_ns);
                let (from_ns, to_ns) = (later.from.at_ns, end(earlier).min(end(later)));
                if from_ns < to_ns {
                    overlaps.push(Overlap {
                        resource: one.resource.to_owned(),
                        owners: [earlier, later].map(|tenure| (tenure.owner.to_owned(), tenure.from.at_ns)),
                        from_ns,
                        to_ns,
                        goes_on: earlier.to.is_none() && later.to.is_none(),
                        exclusive: one.exclusive,
                    });
                }
            }
        }
        overlaps.sort_by_key(|overlap| overlap.from_ns);
        overlaps
    }
}

/// Who ran what, from the moment at which it became an owner to when it had finished. Whoever becomes one again has.
fn runs_of<'h>(place: usize, exclusive: &Exclusive, events: &[Event<'h>]) -> Vec<Tenure<'h>> {
    let finishes = if exclusive.finishes.is_empty() { &exclusive.ends } else { &exclusive.finishes };
    let is_in = |names: &[String], name: &str| names.iter().any(|listed| listed == name);
    let mut open: BTreeMap<(&str, &str), Moment> = BTreeMap::new();
    let mut runs = Vec::new();
    for event in events {
        let key = (event.subject, event.process());
        let is_meant = exclusive.resource.as_ref().is_none_or(|resource| resource == event.subject);
        let begins = is_meant && is_in(&exclusive.begins, event.name);
        let ended = |(resource, owner): &(&str, &str)| {
            let finished = is_meant && *resource == event.subject && (begins || is_in(finishes, event.name));
            *owner == event.process() && (finished || event.name == PROCESS_ENDED)
        };
        for ((resource, owner), from) in open.extract_if(.., |key, _| ended(key)) {
            runs.push(Tenure { exclusive: place, resource, owner, from, to: Some(event.at) });
        }
        if begins {
            open.insert(key, event.at);
        }
    }
    let on = open.into_iter();
    runs.extend(on.map(|((resource, owner), from)| Tenure { exclusive: place, resource, owner, from, to: None }));
    runs
}

fn tenures_of<'h>(place: usize, exclusive: &Exclusive, events: &[Event<'h>]) -> Vec<Tenure<'h>> {
    let is_in = |names: &[String], name: &str| names.iter().any(|listed| listed == name);
    let mut open: BTreeMap<(&str, &str), Moment> = BTreeMap::new();
    // Owners that do nothing at present, each with the kinds of pauses that it makes.
    let mut idle: BTreeMap<(&str, &str), BTreeSet<usize>> = BTreeMap::new();
    let mut tenures = Vec::new();
    let mut close = |(resource, owner), from, to| {
        tenures.push(Tenure { exclusive: place, resource, owner, from, to });
    };
    for event in events {
        let process = event.process();
        let key = (event.subject, process);
        let is_meant = exclusive.resource.as_ref().is_none_or(|resource| resource == event.subject);
        if is_meant && is_in(&exclusive.begins, event.name) {
            idle.remove(&key);
            open.entry(key).or_insert(event.at);
        }
        if is_meant && is_in(&exclusive.ends, event.name) {
            idle.remove(&key);
            if let Some(from) = open.remove(&key) {
                close(key, from, Some(event.at));
            }
        }
        if event.name == PROCESS_ENDED {
            idle.retain(|(_, owner), _| *owner != process);
            for (key, from) in open.extract_if(.., |(_, owner), _| *owner == process) {
                close(key, from, Some(event.at));
            }
        }
        // What befalls a process befalls everything that it owns; what befalls one resource, that one only.
        let is_struck = |(resource, owner): &(&str, &str)| {
            *owner == process && (event.subject == process || event.subject == *resource)
        };
        for (kind, _) in exclusive.pauses.iter().enumerate().filter(|(_, pause)| pause.begins == event.name) {
            for (_, kinds) in idle.iter_mut().filter(|(key, _)| is_struck(key)) {
                kinds.insert(kind);
            }
            for (key, from) in open.extract_if(.., |key, _| is_struck(key)) {
                close(key, from, Some(event.at));
                idle.insert(key, BTreeSet::from([kind]));
            }
        }
        for (kind, _) in exclusive.pauses.iter().enumerate().filter(|(_, pause)| pause.ends == event.name) {
            let goes_on = |key: &(&str, &str), kinds: &mut BTreeSet<usize>| {
                is_struck(key) && kinds.remove(&kind) && kinds.is_empty()
            };
            for (key, _) in idle.extract_if(.., |key, kinds| goes_on(key, kinds)) {
                open.insert(key, event.at);
            }
        }
    }
    for (key, from) in open {
        close(key, from, None);
    }
    tenures
}

/// What allows two owners at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Allowance {
    /// A place in the contract's list.
    pub(crate) exclusive: usize,
    /// A place in its list of leniencies.
    pub(crate) leniency: Option<usize>,
}

impl Allowance {
    /// Its rule.
    pub(crate) fn rule(self, contract: &Contract) -> &str {
        let exclusive = &contract.exclusive[self.exclusive];
        self.leniency.map_or(&exclusive.rule, |place| &exclusive.lenient[place].rule)
    }
}

/// Overlaps: longer than allowed are violations, the others are returned with what allows them.
pub(crate) fn check(
    index: &Index<'_>,
    contract: &Contract,
    ownership: &Ownership<'_>,
    drafts: &mut Vec<Draft>,
) -> Vec<(Allowance, Overlap)> {
    let mut permitted = Vec::new();
    for overlap in ownership.overlaps(index.audit.at_ns) {
        let exclusive = &contract.exclusive[overlap.exclusive];
        let lasted_ns = overlap.to_ns - overlap.from_ns;
        let lenient = exclusive
            .lenient
            .iter()
            .enumerate()
            .find(|(_, leniency)| leniency.during.iter().any(|span| span.holds(overlap.from_ns, overlap.to_ns)));
        let allowance = Allowance { exclusive: overlap.exclusive, leniency: None };
        if lasted_ns <= exclusive.allowed_overlap_ns {
            permitted.push((allowance, overlap));
            continue;
        }
        if let Some((place, leniency)) = lenient
            && lasted_ns <= leniency.allowed_overlap_ns
        {
            permitted.push((Allowance { leniency: Some(place), ..allowance }, overlap));
            continue;
        }
        let allowed_ns =
            lenient.map_or(0, |(_, leniency)| leniency.allowed_overlap_ns).max(exclusive.allowed_overlap_ns);
        let allowed = if allowed_ns == 0 { String::new() } else { format!("; {} is allowed", seconds(allowed_ns)) };
        drafts.push(Draft {
            kind: FindingKind::SplitBrain,
            at_ns: overlap.from_ns.saturating_add(allowed_ns),
            queue: None,
            message: format!("{}{allowed}", overlap.sentence()),
            subject: Subject::Overlap(Box::new(overlap)),
        });
    }
    permitted
}
