//! The same scenario, seed and build is the same run, whatever is around it: compared by fingerprints.
//!
//! Debug against release takes two builds, which `.ci/run` has and this does not.

#[allow(dead_code, reason = "each target uses what it needs of it")]
mod scenario_files;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Arc;

use indoubt::report;
use indoubt::run::{Keep, RunRequest, run};
use indoubt::scenario::model::Scenario;
use indoubt::scenario::parse;
use indoubt::sweep::{Sweep, Tally, failure_file};
use serde_json::Value;

/// The seeds that are compared, of every scenario.
const SEEDS: u64 = 3;

/// Fingerprints by scenario and seed.
type Fingerprints = BTreeMap<(String, u64), String>;

fn scenarios() -> Vec<Arc<Scenario>> {
    let read = |path: &std::path::PathBuf| scenario_files::read(path).unwrap_or_else(|problems| panic!("{problems}"));
    scenario_files::paths().iter().map(read).collect()
}

fn fingerprint(scenario: &Arc<Scenario>, seed: u64, keep: Keep) -> String {
    let request = RunRequest { scenario: Arc::clone(scenario), seed, defect: None, keep };
    report::fingerprint(run(&request).unwrap_or_else(|error| panic!("{error}")).fingerprint)
}

/// What each run comes to in this process, one after the other.
fn plain() -> Fingerprints {
    let mut fingerprints = Fingerprints::new();
    for scenario in scenarios() {
        for seed in 0..SEEDS {
            let before = fingerprints.insert((scenario.name.clone(), seed), fingerprint(&scenario, seed, Keep::Report));
            assert_eq!(before, None, "two scenarios are called {}", scenario.name);
        }
    }
    fingerprints
}

#[track_caller]
fn assert_same(expected: &Fingerprints, found: &Fingerprints, what: &str) {
    let missing: Vec<_> = expected.keys().filter(|run| !found.contains_key(run)).collect();
    assert!(missing.is_empty(), "{what}: not run: {missing:?}");
    let different: Vec<_> =
        expected.iter().filter(|(run, fingerprint)| found.get(run) != Some(fingerprint)).map(|(run, _)| run).collect();
    assert!(different.is_empty(), "{what}: other fingerprints in {different:?}");
}

#[test]
fn a_run_is_the_same_twice_in_one_process() {
    assert_same(&plain(), &plain(), "the second time");
}

#[test]
fn what_is_kept_of_a_run_does_not_change_it() {
    for scenario in scenarios() {
        let [report, detail] = [Keep::Report, Keep::Detail].map(|keep| fingerprint(&scenario, 1, keep));
        assert_eq!(report, detail, "{}", scenario.name);
    }
}

/// A failure file holds the faults as they struck, and repeats the run to the bit.
#[test]
fn a_run_is_the_same_from_its_tape() {
    for scenario in scenarios() {
        for seed in 0..SEEDS {
            let request = RunRequest { scenario: Arc::clone(&scenario), seed, defect: None, keep: Keep::Report };
            let outcome = run(&request).unwrap_or_else(|error| panic!("{error}"));
            let tape = failure_file(&outcome);
            let path = format!("{}-{seed}.ron", scenario.name);
            let again = parse(path.as_ref(), &tape).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
            let again = fingerprint(&Arc::new(again), seed, Keep::Report);
            assert_eq!(again, report::fingerprint(outcome.fingerprint), "{} seed {seed}:\n{tape}", scenario.name);
        }
    }
}

#[test]
fn the_number_of_threads_does_not_change_a_run() {
    let expected = plain();
    for workers in [1, 2, 5] {
        let sweep = Sweep { scenarios: scenarios(), seeds: (0..SEEDS).collect(), defect: None, workers };
        let mut found = Fingerprints::new();
        let _: Vec<Tally> = sweep.execute(
            |request| run(request).map_err(|error| error.to_string()),
            |_| (),
            |ran| {
                let (brief, ()) = ran.result.as_ref().expect("it runs");
                let name = sweep.scenarios[ran.scenario].name.clone();
                found.insert((name, ran.seed), report::fingerprint(brief.fingerprint));
            },
        );
        assert_same(&expected, &found, &format!("{workers} threads"));
    }
}

/// What the binary says, in a process of its own.
fn in_another_process(arguments: &[&str], environment: &[(&str, &str)]) -> Fingerprints {
    let output = Command::new(env!("CARGO_BIN_EXE_indoubt"))
        .args(arguments)
        .args(["--format", "json"])
        .envs(environment.iter().copied())
        .current_dir(scenario_files::root())
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("an object on each line"));
    // The summary at the end of a sweep is no run.
    lines
        .filter_map(|line| {
            let name = line["scenario"].as_str()?.to_owned();
            Some(((name, line["seed"].as_u64()?), line["fingerprint"].as_str()?.to_owned()))
        })
        .collect()
}

#[test]
fn another_process_and_its_threads_do_not_change_a_run() {
    let expected = plain();
    let folder = format!("{}/failures-of-determinism", env!("CARGO_TARGET_TMPDIR"));
    let seeds = format!("0..{SEEDS}");
    for jobs in ["1", "2"] {
        let arguments = ["sweep", "scenarios", "--seeds", &seeds, "--jobs", jobs, "--failures", &folder];
        assert_same(&expected, &in_another_process(&arguments, &[]), &format!("sweep --jobs {jobs}"));
    }
    let mut found = Fingerprints::new();
    for seed in 0..SEEDS {
        found.append(&mut in_another_process(&["run", "scenarios", "--seed", &seed.to_string()], &[]));
    }
    assert_same(&expected, &found, "run");
}

#[test]
fn logging_does_not_change_a_run() {
    for (path, scenario) in scenario_files::paths().iter().zip(scenarios()) {
        let path = path.display().to_string();
        let expected = Fingerprints::from([((scenario.name.clone(), 2), fingerprint(&scenario, 2, Keep::Report))]);
        for verbose in ["-v", "-vv", "-vvv"] {
            let arguments = ["replay", &path, "--seed", "2", verbose];
            assert_same(&expected, &in_another_process(&arguments, &[]), &format!("{path} {verbose}"));
        }
        let arguments = ["replay", &path, "--seed", "2"];
        let environment = [("RUST_LOG", "trace"), ("MADSIM_LOG", "trace"), ("MADSIM_TEST_SEED", "99")];
        assert_same(&expected, &in_another_process(&arguments, &environment), &format!("{path}, variables of others"));
    }
}

/// If fingerprints could not differ, the tests above would show nothing. (Two scenarios may well come to the same run: if
/// they differ in a fault that does not strike with that seed.)
#[test]
fn other_seeds_are_other_runs() {
    for scenario in scenarios() {
        let mut different: Vec<String> = (0..SEEDS).map(|seed| fingerprint(&scenario, seed, Keep::Report)).collect();
        different.sort();
        different.dedup();
        assert_eq!(different.len() as u64, SEEDS, "{}", scenario.name);
    }
}
