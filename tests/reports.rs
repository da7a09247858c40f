//! The report of each scenario against the one that was reviewed, in `snapshots/`.
//!
//! The run is that of the first seed which shows everything that the scenario exists for. The report contains the
//! fingerprint, so that this test also notices a run that came out differently without looking different. After a change
//! that is meant, `INSTA_UPDATE=always cargo test --test reports` writes the new reports; read their differences.

#[allow(dead_code, reason = "each target uses what it needs of it")]
mod scenario_files;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use indoubt::report;
use indoubt::run::{Keep, RunOutcome, RunRequest, run};
use indoubt::scenario::model::Scenario;
use indoubt::sweep::Brief;
use indoubt_ledger::verdict::Verdict;
use libtest_mimic::{Arguments, Failed, Trial};

/// In how many seeds a run is looked for that shows everything.
const SEEDS: u64 = 32;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let reports = scenario_files::paths().into_iter().map(|path| {
        let name = scenario_files::name(&path);
        Trial::test(name, move || review(&path))
    });
    let orphans = Trial::test("every_snapshot_has_its_scenario", every_snapshot_has_its_scenario);
    libtest_mimic::run(&arguments, reports.chain([orphans]).collect()).exit_code()
}

fn snapshots() -> PathBuf {
    scenario_files::root().join("snapshots")
}

fn review(path: &Path) -> Result<(), Failed> {
    let scenario = scenario_files::read(path)?;
    let report = report::render(&instructive_run(&scenario)?);
    let name = scenario_files::name(path);
    let (folder, name) = name.rsplit_once('/').unwrap_or(("", &name));
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(snapshots().join(folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, report));
    Ok(())
}

/// The first run that passes and shows everything; if none shows everything, the first.
fn instructive_run(scenario: &Arc<Scenario>) -> Result<RunOutcome, String> {
    let outcome = |seed| {
        let request = RunRequest { scenario: Arc::clone(scenario), seed, defect: None, keep: Keep::Report };
        run(&request).map_err(|error| error.to_string())
    };
    for seed in 0..SEEDS {
        let outcome = outcome(seed)?;
        let brief = Brief::of(&outcome);
        if brief.verdict == Verdict::Pass && brief.seen.iter().all(|seen| *seen) {
            return Ok(outcome);
        }
    }
    outcome(0)
}

fn every_snapshot_has_its_scenario() -> Result<(), Failed> {
    let expected: Vec<PathBuf> = scenario_files::paths()
        .iter()
        .map(|path| snapshots().join(format!("{}.snap", scenario_files::name(path))))
        .collect();
    let mut found = Vec::new();
    below(&snapshots(), &mut found);
    let orphans: Vec<_> = found.iter().filter(|file| !expected.contains(file)).collect();
    if orphans.is_empty() {
        Ok(())
    } else {
        Err(format!("reports of scenarios that are not there: {orphans:?}").into())
    }
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "snap") {
            found.push(path);
        }
    }
}
