//! What a sweep can see: for each planted defect, the first run that convicts it, and its healthy twin.

use std::sync::Arc;

use indoubt_engine::defect::Defect;
use indoubt_ledger::verdict::{FindingKind, Verdict};

use super::workers;
use crate::run::{Keep, RunOutcome, RunRequest};
use crate::scenario::model::Scenario;

/// Which defects to look for, and where.
#[derive(Clone, Debug)]
pub struct Power {
    /// In these scenarios.
    pub scenarios: Vec<Arc<Scenario>>,
    /// With these seeds: every scenario with the first seed, then every scenario with the second, and so on.
    pub seeds: Vec<u64>,
    /// Worker threads.
    pub workers: usize,
}

/// What became of one defect.
#[derive(Clone, Debug)]
pub struct DefectPower {
    /// Which.
    pub defect: Defect,
    /// The first run that convicts it.
    pub conviction: Option<Conviction>,
}

/// A run that convicts a defect.
#[derive(Clone, Debug)]
pub struct Conviction {
    /// In this scenario.
    pub scenario: Arc<Scenario>,
    /// With this seed.
    pub seed: u64,
    /// How many seeds it took, this one included.
    pub seeds_tried: u64,
    /// Kinds of the violations.
    pub kinds: Vec<FindingKind>,
    /// The same run without the defect.
    pub twin: Twin,
}

/// The same scenario and seed without the defect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Twin {
    /// It was judged.
    Judged(Verdict),
    /// The testbed itself failed in it.
    Broken(String),
}

impl Power {
    /// Looks for the first conviction of a defect. Which one that is does not depend on the number of workers. Runs in
    /// which the testbed itself fails do not count: the ledger is to convict, not an assertion.
    pub fn of(&self, defect: Defect, run: impl Fn(&RunRequest) -> Result<RunOutcome, String> + Sync) -> DefectPower {
        let request = |index: usize, defect| RunRequest {
            scenario: Arc::clone(&self.scenarios[index % self.scenarios.len()]),
            seed: self.seeds[index / self.scenarios.len()],
            defect,
            keep: Keep::Report,
        };
        let found = workers::first(self.scenarios.len() * self.seeds.len(), self.workers, |index| {
            let outcome = run(&request(index, Some(defect))).ok()?;
            let judgement = outcome.judgement;
            (judgement.verdict == Verdict::Fail).then(|| {
                let mut kinds: Vec<FindingKind> = judgement.findings.iter().map(|finding| finding.kind).collect();
                kinds.sort_unstable();
                kinds.dedup();
                kinds
            })
        });
        let conviction = found.map(|(index, kinds)| {
            let healthy = request(index, None);
            let twin = match run(&healthy) {
                Ok(outcome) => Twin::Judged(outcome.judgement.verdict),
                Err(error) => Twin::Broken(error),
            };
            let seeds_tried = (index / self.scenarios.len()) as u64 + 1;
            Conviction { scenario: healthy.scenario, seed: healthy.seed, seeds_tried, kinds, twin }
        });
        DefectPower { defect, conviction }
    }
}
