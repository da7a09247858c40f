//! Many seeds of many scenarios: on all cores, in part, to the end.
//!
//! A sweep does not stop at a failure. What is kept of a run is what a summary needs, so that memory stays flat; a failing
//! run leaves the text of a file that replays it.

mod power;
mod seeds;
mod tally;
pub mod workers;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use indoubt_engine::defect::Defect;
use indoubt_engine::time::Duration;
use indoubt_ledger::verdict::{FindingKind, Verdict};

use crate::run::{Keep, RunOutcome, RunRequest};
use crate::scenario::model::{AllowedViolation, Recorded, Scenario};

pub use power::{Conviction, DefectPower, Power, Twin};
pub use seeds::{SeedRange, SeedRangeError, Shard, ShardError};
pub use tally::{Percentiles, Reached, Tally};

/// What to sweep.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The scenarios, in the order in which they are reported.
    pub scenarios: Vec<Arc<Scenario>>,
    /// The seeds, in order.
    pub seeds: Vec<u64>,
    /// A defect to plant in every run.
    pub defect: Option<Defect>,
    /// Worker threads.
    pub workers: usize,
}

/// One run of a sweep.
#[derive(Clone, Debug)]
pub struct Ran<X> {
    /// Which scenario: an index into [`Sweep::scenarios`].
    pub scenario: usize,
    /// The seed.
    pub seed: u64,
    /// What is kept of the outcome, or how the testbed itself failed.
    pub result: Result<(Brief, X), String>,
}

/// What is kept of a run.
#[derive(Clone, Debug)]
pub struct Brief {
    /// The verdict.
    pub verdict: Verdict,
    /// The fingerprint.
    pub fingerprint: u64,
    /// Kinds of the violations, each once.
    pub kinds: Vec<FindingKind>,
    /// The first violation, or why nothing can be told, in a sentence.
    pub headline: Option<String>,
    /// How long recoveries took.
    pub recovery_times: Vec<Duration>,
    /// The longest outage of any queue.
    pub outage: Option<Duration>,
    /// Which of the scenario's `reach` and allowed violations were seen, in the order of [`expected_sights`].
    pub seen: Vec<bool>,
    /// Acknowledged messages that were lost as permitted.
    pub permitted: u64,
    /// Messages consumed.
    pub delivered: u64,
    /// Of a run that failed: a scenario with exactly its faults.
    pub failure_file: Option<String>,
}

/// What a sweep of the scenario has to show at least once, by name: its `reach`, and the violations that it expects.
#[must_use]
pub fn expected_sights(scenario: &Scenario) -> Vec<String> {
    let expect = &scenario.expect;
    let events = expect.reach.iter().cloned();
    let steps = expect.reach_steps.iter().map(|step| step.name().to_owned());
    let allowed = expect.allow.iter().map(|allowed| {
        let queue = allowed.queue.as_ref().map(|queue| format!(" on {queue}")).unwrap_or_default();
        format!("{}{queue} after {}", allowed.kind, allowed.because)
    });
    events.chain(steps).chain(allowed).collect()
}

fn seen(outcome: &RunOutcome) -> Vec<bool> {
    let expect = &outcome.scenario.expect;
    let events =
        expect.reach.iter().map(|name| outcome.events.iter().any(|(event, times)| event == name && *times > 0));
    let steps =
        expect.reach_steps.iter().map(|step| outcome.steps.iter().any(|(passed, times)| passed == step && *times > 0));
    let allowed = expect.allow.iter().map(|allowed| was_shown(outcome, allowed));
    events.chain(steps).chain(allowed).collect()
}

fn was_shown(outcome: &RunOutcome, allowed: &AllowedViolation) -> bool {
    outcome.judgement.expected.iter().any(|expected| {
        let queue = allowed.queue.as_ref().map(|queue| queue.as_str());
        expected.finding.kind.name() == allowed.kind
            && expected.because == allowed.because
            && (queue.is_none() || queue == expected.finding.queue.as_deref())
    })
}

impl Brief {
    /// What is kept of an outcome.
    #[must_use]
    pub fn of(outcome: &RunOutcome) -> Brief {
        let judgement = &outcome.judgement;
        let mut kinds: Vec<FindingKind> = judgement.findings.iter().map(|finding| finding.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let headline = match judgement.verdict {
            Verdict::Pass => None,
            Verdict::Fail => judgement.findings.first().map(|finding| format!("{}: {}", finding.kind, finding.message)),
            Verdict::Unknown => judgement.unknown_reasons.first().cloned(),
        };
        let recovery_times = outcome
            .recoveries
            .iter()
            .filter_map(|recovery| recovery.recovered.map(|recovered| recovered.since(recovery.at)))
            .collect();
        Brief {
            verdict: judgement.verdict,
            fingerprint: outcome.fingerprint,
            kinds,
            headline,
            recovery_times,
            outage: judgement.outages.iter().map(|outage| Duration::from_nanos(outage.lasted_ns())).max(),
            seen: seen(outcome),
            permitted: judgement.account.permitted,
            delivered: judgement.account.delivered,
            failure_file: (judgement.verdict == Verdict::Fail).then(|| failure_file(outcome)),
        }
    }
}

/// A scenario whose faults are exactly what the run's faults did.
#[must_use]
pub fn failure_file(outcome: &RunOutcome) -> String {
    let scenario = &outcome.scenario;
    let recorded = Recorded {
        scenario: scenario.path.display().to_string(),
        seed: outcome.seed,
        fingerprint: outcome.fingerprint,
        defect: outcome.defect.map(|defect| defect.name().to_owned()),
    };
    scenario.with_faults(&outcome.tape, recorded)
}

impl Sweep {
    /// How many runs there are.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.scenarios.len() * self.seeds.len()
    }

    fn request(&self, index: usize) -> (usize, RunRequest) {
        let scenario = index / self.seeds.len();
        let request = RunRequest {
            scenario: Arc::clone(&self.scenarios[scenario]),
            seed: self.seeds[index % self.seeds.len()],
            defect: self.defect,
            keep: Keep::Report,
        };
        (scenario, request)
    }

    /// Runs everything with `run`; `also` makes of each outcome, still on its worker, what the caller wants besides;
    /// `take` is given the runs by scenario and seed. Returns one tally for each scenario.
    pub fn execute<X: Send>(
        &self,
        run: impl Fn(&RunRequest) -> Result<RunOutcome, String> + Sync,
        also: impl Fn(&RunOutcome) -> X + Sync,
        mut take: impl FnMut(&Ran<X>),
    ) -> Vec<Tally> {
        let mut tallies: Vec<Tally> = self.scenarios.iter().map(|scenario| Tally::new(Arc::clone(scenario))).collect();
        let job = |index| {
            let (scenario, request) = self.request(index);
            let result = run(&request).map(|outcome| (Brief::of(&outcome), also(&outcome)));
            Ran { scenario, seed: request.seed, result }
        };
        workers::in_order(self.runs(), self.workers, job, |_, ran| {
            tallies[ran.scenario].add(ran.seed, ran.result.as_ref().map(|(brief, _)| brief).map_err(String::as_str));
            take(&ran);
        });
        tallies
    }
}
