//! Tests of the verbs with runs written by hand; those through the binary are in `tests/command_line.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Parser;

use super::*;
use crate::report::samples::{failing, passing, unknown};

/// Its scenario exists for three things; the samples reach two of them.
const SCENARIO: &str = "../scenarios/queue-sharing/peer-recovery.ron";

/// A folder of a test's own, gone when it ends.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("indoubt-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// A scenario that expects to reach `reach`.
    fn scenario(&self, reach: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SCENARIO);
        let text = fs::read_to_string(path).unwrap();
        let start = text.find("reach: [").expect("the scenario has a reach");
        let end = start + text[start..].find(']').unwrap();
        let file = self.0.join("small.ron");
        fs::write(&file, format!("{}reach: [\"{reach}\"{}", &text[..start], &text[end..])).unwrap();
        file.display().to_string()
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The exit status of a command line whose runs are `simulate`.
fn status(arguments: &[&str], simulate: Simulate<'_>) -> u8 {
    let arguments = Arguments::try_parse_from(std::iter::once(&"indoubt").chain(arguments)).unwrap();
    let format = arguments.format;
    let status = match &arguments.verb {
        Verb::Run(run) => run::run(run, format, simulate),
        Verb::Sweep(sweep) => sweep::sweep(sweep, format, simulate),
        Verb::Replay(replay) => replay::replay(replay, format, simulate),
        Verb::Power(power) => power::power(power, format, simulate),
        _ => panic!("runs nothing"),
    };
    status.unwrap_or(Status::BadInput).code()
}

/// An outcome as if it were of this request.
fn of(request: &RunRequest, mut outcome: RunOutcome) -> RunOutcome {
    outcome.scenario = std::sync::Arc::clone(&request.scenario);
    outcome.defect = request.defect;
    outcome
}

fn passes(request: &RunRequest) -> Result<RunOutcome, String> {
    Ok(of(request, passing(request.seed)))
}

fn fails(request: &RunRequest) -> Result<RunOutcome, String> {
    Ok(of(request, failing(request.seed)))
}

#[test]
fn the_status_of_a_run_is_that_of_its_verdict() {
    let folder = Folder::new("run");
    let scenario = folder.scenario("structure_full");
    let run = ["run", &scenario, "--seed", "3"];
    assert_eq!(status(&run, &passes), 0, "what one run does not reach is no failure of that run");
    assert_eq!(status(&run, &fails), 1);
    assert_eq!(status(&run, &|request| Ok(of(request, unknown(3)))), 4);
    assert_eq!(status(&run, &|_| Err("panicked".to_owned())), 3);
}

#[test]
fn a_sweep_that_reaches_everything_and_finds_nothing_holds() {
    let folder = Folder::new("sweep-holds");
    let scenario = folder.scenario("peer_backed_out_get");
    let failures = folder.path("failures");
    assert_eq!(status(&["sweep", &scenario, "--seeds", "0..5", "--failures", &failures], &passes), 0);
    assert!(!Path::new(&failures).exists(), "nothing failed, nothing is written");
}

#[test]
fn a_sweep_that_never_reaches_what_it_exists_for_proves_nothing() {
    let folder = Folder::new("sweep-vacuous");
    let scenario = folder.scenario("structure_full");
    assert_eq!(status(&["sweep", &scenario, "--seeds", "0..5"], &passes), 4);
    let one_reaches_it = |request: &RunRequest| {
        passes(request).map(|mut outcome| {
            if request.seed == 3 {
                outcome.events.push(("structure_full", 1));
            }
            outcome
        })
    };
    assert_eq!(status(&["sweep", &scenario, "--seeds", "0..5"], &one_reaches_it), 0);
    assert_eq!(status(&["sweep", &scenario, "--seeds", "0..5", "--shard", "0/2"], &one_reaches_it), 4);
    assert_eq!(status(&["sweep", &scenario, "--seeds", "0..5", "--shard", "1/2"], &one_reaches_it), 0);
}

#[test]
fn a_failing_seed_leaves_a_file_that_replays_it() {
    let folder = Folder::new("sweep-fails");
    let scenario = folder.scenario("peer_backed_out_get");
    let failures = folder.path("failures");
    let seed_2_fails = |request: &RunRequest| if request.seed == 2 { fails(request) } else { passes(request) };
    assert_eq!(status(&["sweep", &scenario, "--seeds", "0..5", "--failures", &failures], &seed_2_fails), 1);
    let written: Vec<_> = fs::read_dir(&failures).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(written, ["small-2.ron"]);
    let file = folder.path("failures/small-2.ron");
    let replayed = AtomicU64::new(u64::MAX);
    let same = |request: &RunRequest| {
        replayed.store(request.seed, Ordering::Relaxed);
        fails(request)
    };
    assert_eq!(status(&["replay", &file], &same), 1, "the same fingerprint, the same violation");
    assert_eq!(replayed.load(Ordering::Relaxed), 2, "the seed comes from the file");
    assert_eq!(status(&["run", &file], &seed_2_fails), 1, "a run takes it from there too");
    assert_eq!(status(&["sweep", &folder.path("")[..], "--seeds", "0..2"], &passes), 0, "failures are no scenarios");
}

#[test]
fn a_replay_with_another_fingerprint_is_a_failure_of_the_testbed() {
    let folder = Folder::new("replay");
    let scenario = folder.scenario("peer_backed_out_get");
    let failures = folder.path("failures");
    assert_eq!(status(&["sweep", &scenario, "--seeds", "7", "--failures", &failures], &fails), 1);
    let file = folder.path("failures/small-7.ron");
    let changed = |request: &RunRequest| {
        passes(request).map(|mut outcome| {
            outcome.fingerprint ^= 1;
            outcome
        })
    };
    assert_eq!(status(&["replay", &file], &changed), 3);
    assert_eq!(status(&["replay", &file, "--seed", "8"], &changed), 0, "another seed is another run");
    assert_eq!(
        status(&["replay", &scenario, "--seed", "7"], &changed),
        0,
        "nothing is recorded in the scenario itself"
    );
}

#[test]
fn a_broken_testbed_outranks_a_violation_and_does_not_end_the_sweep() {
    let folder = Folder::new("sweep-broken");
    let scenario = folder.scenario("peer_backed_out_get");
    let runs = AtomicU64::new(0);
    let world = |request: &RunRequest| {
        runs.fetch_add(1, Ordering::Relaxed);
        if request.seed == 0 { Err("panicked".to_owned()) } else { fails(request) }
    };
    let failures = folder.path("failures");
    assert_eq!(status(&["sweep", &scenario, "--seeds", "0..6", "--failures", &failures], &world), 3);
    assert_eq!(runs.load(Ordering::Relaxed), 6);
}

#[cfg(feature = "defects")]
#[test]
fn power_needs_a_conviction_and_an_acquitted_twin() {
    let folder = Folder::new("power");
    let scenario = folder.scenario("peer_backed_out_get");
    let power = ["power", &scenario, "--seeds", "0..4", "--defect", "list-signal-lost"];
    let convicts = |request: &RunRequest| if request.defect.is_some() { fails(request) } else { passes(request) };
    assert_eq!(status(&power, &convicts), 0);
    assert_eq!(status(&power, &passes), 4, "not convicted");
    assert_eq!(status(&power, &fails), 1, "the healthy twin is convicted too");
}

#[cfg(feature = "defects")]
#[test]
fn a_replay_plants_the_defect_that_the_failure_file_records() {
    let folder = Folder::new("replay-defect");
    let scenario = folder.scenario("peer_backed_out_get");
    let failures = folder.path("failures");
    let convicts = |request: &RunRequest| if request.defect.is_some() { fails(request) } else { passes(request) };
    let sweep = ["sweep", &scenario, "--seeds", "1", "--failures", &failures, "--defect", "list-signal-lost"];
    assert_eq!(status(&sweep, &convicts), 1);
    assert_eq!(status(&["replay", &folder.path("failures/small-1.ron")], &convicts), 1);
}
