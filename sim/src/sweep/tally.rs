//! What a sweep adds up to, for each scenario.

use std::collections::BTreeMap;
use std::sync::Arc;

use indoubt_engine::time::Duration;
use indoubt_ledger::verdict::{FindingKind, Verdict};

use super::{Brief, expected_sights};
use crate::scenario::model::Scenario;

/// The runs of one scenario, added up.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Which.
    pub scenario: Arc<Scenario>,
    /// Runs that passed.
    pub passed: u64,
    /// Runs with a violation.
    pub failed: u64,
    /// Runs of which nothing can be told.
    pub unknown: u64,
    /// Runs in which the testbed itself failed.
    pub broken: u64,
    /// In how many runs each kind of violation was found, and the first seed.
    pub kinds: BTreeMap<FindingKind, (u64, u64)>,
    /// What the scenario exists for.
    pub reached: Vec<Reached>,
    /// Acknowledged messages that were lost as permitted.
    pub permitted: u64,
    /// Messages consumed.
    pub delivered: u64,
    recovery_times: Vec<Duration>,
    outages: Vec<Duration>,
}

/// Something that a sweep has to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Its name.
    pub name: String,
    /// In how many runs it was seen.
    pub runs: u64,
}

/// Where durations lie: nearest rank, so that each is one that was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentiles {
    /// How many there are.
    pub count: u64,
    /// Half of them are not above it.
    pub p50: Duration,
    /// Nine in ten.
    pub p90: Duration,
    /// Ninety-nine in a hundred.
    pub p99: Duration,
    /// All of them.
    pub max: Duration,
}

impl Percentiles {
    /// Of these durations; `None` if there are none.
    #[must_use]
    pub fn of(durations: &[Duration]) -> Option<Percentiles> {
        let mut sorted = durations.to_vec();
        sorted.sort_unstable();
        let max = *sorted.last()?;
        let rank = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1];
        Some(Percentiles { count: sorted.len() as u64, p50: rank(50), p90: rank(90), p99: rank(99), max })
    }
}

impl Tally {
    /// No runs yet.
    #[must_use]
    pub fn new(scenario: Arc<Scenario>) -> Tally {
        let reached = expected_sights(&scenario).into_iter().map(|name| Reached { name, runs: 0 }).collect();
        Tally {
            scenario,
            passed: 0,
            failed: 0,
            unknown: 0,
            broken: 0,
            kinds: BTreeMap::new(),
            reached,
            permitted: 0,
            delivered: 0,
            recovery_times: Vec::new(),
            outages: Vec::new(),
        }
    }

    /// Adds a run.
    pub fn add(&mut self, seed: u64, result: Result<&Brief, &str>) {
        let Ok(brief) = result else {
            self.broken += 1;
            return;
        };
        match brief.verdict {
            Verdict::Pass => self.passed += 1,
            Verdict::Fail => self.failed += 1,
            Verdict::Unknown => self.unknown += 1,
        }
        for kind in &brief.kinds {
            self.kinds.entry(*kind).or_insert((0, seed)).0 += 1;
        }
        assert_eq!(brief.seen.len(), self.reached.len(), "a run of another scenario");
        for (reached, seen) in self.reached.iter_mut().zip(&brief.seen) {
            reached.runs += u64::from(*seen);
        }
        self.permitted += brief.permitted;
        self.delivered += brief.delivered;
        self.recovery_times.extend(&brief.recovery_times);
        self.outages.extend(brief.outage);
    }

    /// How many runs there were.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.passed + self.failed + self.unknown + self.broken
    }

    /// Whether the runs show nothing: there were none, or something that the scenario exists for was never reached.
    #[must_use]
    pub fn is_vacuous(&self) -> bool {
        self.runs() == 0 || self.reached.iter().any(|reached| reached.runs == 0)
    }

    /// From a fault to the end of its recovery.
    #[must_use]
    pub fn recovery_times(&self) -> Option<Percentiles> {
        Percentiles::of(&self.recovery_times)
    }

    /// The longest outage of each run.
    #[must_use]
    pub fn outages(&self) -> Option<Percentiles> {
        Percentiles::of(&self.outages)
    }
}
