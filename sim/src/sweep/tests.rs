//! Tests of sweeps over outcomes written by hand.

use std::sync::Arc;

use indoubt_engine::defect::Defect;
use indoubt_engine::time::Duration;
use indoubt_ledger::verdict::{FindingKind, Verdict};

use super::*;
use crate::report::samples::{expected, failing, passing, scenario};

fn sweep(seeds: std::ops::Range<u64>, workers: usize) -> Sweep {
    Sweep { scenarios: vec![scenario(), scenario()], seeds: seeds.collect(), defect: None, workers }
}

/// Every third seed fails, seed 4 breaks the testbed.
fn world(request: &RunRequest) -> Result<RunOutcome, String> {
    match request.seed {
        4 => Err("panicked at seed 4".to_owned()),
        seed if seed % 3 == 2 => Ok(failing(seed)),
        seed => Ok(passing(seed)),
    }
}

#[test]
fn a_sweep_goes_on_after_a_failure_and_reports_in_order_whatever_the_number_of_workers() {
    for workers in [1, 2, 5] {
        let mut order = Vec::new();
        let tallies = sweep(0..10, workers).execute(world, |_| (), |ran| order.push((ran.scenario, ran.seed)));
        let wanted: Vec<_> = (0..2).flat_map(|scenario| (0..10).map(move |seed| (scenario, seed))).collect();
        assert_eq!(order, wanted);
        for tally in &tallies {
            assert_eq!((tally.runs(), tally.passed, tally.failed, tally.broken), (10, 6, 3, 1));
            assert_eq!(tally.kinds.get(&FindingKind::Lost), Some(&(3, 2)));
        }
    }
}

#[test]
fn a_failing_run_leaves_a_file_that_records_it_and_a_passing_one_does_not() {
    let mut files = Vec::new();
    sweep(0..3, 1).execute(
        world,
        |_| (),
        |ran| {
            if let Ok((brief, ())) = &ran.result {
                files.push(brief.failure_file.clone());
            }
        },
    );
    assert!(files[0].is_none() && files[1].is_none());
    let text = files[2].as_ref().expect("seed 2 failed");
    let read = crate::scenario::parse(std::path::Path::new("failures/peer-recovery-2.ron"), text);
    let read = read.unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false)));
    let recorded = read.recorded.expect("the run it was written for");
    assert_eq!((recorded.seed, recorded.fingerprint), (2, failing(2).fingerprint));
}

#[test]
fn a_sweep_is_vacuous_until_everything_was_reached_in_some_run() {
    let mut tally = Tally::new(scenario());
    assert!(tally.is_vacuous(), "no run shows nothing");
    tally.add(0, Ok(&Brief::of(&passing(0))));
    assert!(tally.is_vacuous(), "peer_recovery_restarted was not reached");
    let mut outcome = passing(1);
    outcome.events = vec![("peer_recovery_restarted", 1)];
    tally.add(1, Ok(&Brief::of(&outcome)));
    assert!(!tally.is_vacuous(), "each was reached in one run or the other");
}

#[test]
fn an_expected_violation_has_to_be_shown_too() {
    let mut scenario = Scenario::clone(&scenario());
    scenario.expect.reach.clear();
    scenario.expect.reach_steps.clear();
    scenario.expect.allow = vec![AllowedViolation {
        kind: "out_of_order".to_owned(),
        queue: None,
        because: "get_backed_out".to_owned(),
        rule: "a rule".to_owned(),
    }];
    let scenario = Arc::new(scenario);
    let mut outcome = passing(0);
    outcome.scenario = Arc::clone(&scenario);
    let mut tally = Tally::new(scenario);
    outcome.judgement.expected = vec![expected(FindingKind::OutOfOrder, "another_event")];
    tally.add(0, Ok(&Brief::of(&outcome)));
    assert!(tally.is_vacuous());
    outcome.judgement.expected = vec![expected(FindingKind::OutOfOrder, "get_backed_out")];
    tally.add(1, Ok(&Brief::of(&outcome)));
    assert!(!tally.is_vacuous());
}

#[test]
fn percentiles_are_durations_that_were_measured() {
    let durations: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
    let percentiles = Percentiles::of(&durations).expect("some");
    let milliseconds =
        [percentiles.p50, percentiles.p90, percentiles.p99, percentiles.max].map(|time| time.as_millis());
    assert_eq!((percentiles.count, milliseconds), (200, [100, 180, 198, 200]));
    assert_eq!(Percentiles::of(&[]), None);
    let one = Percentiles::of(&[Duration::from_secs(1)]).expect("one");
    assert_eq!((one.p50, one.p99), (Duration::from_secs(1), Duration::from_secs(1)));
}

#[test]
fn a_defect_is_convicted_by_the_first_seed_and_its_twin_judged_without_it() {
    for workers in [1, 3] {
        let power = Power { scenarios: vec![scenario()], seeds: (0..20).collect(), workers };
        let found = power.of(Defect::ListSignalLost, |request| match (request.defect, request.seed) {
            (Some(_), 3) => Err("an assertion fails, which is no conviction".to_owned()),
            (Some(_), seed) if seed >= 6 => Ok(failing(seed)),
            (_, seed) => Ok(passing(seed)),
        });
        let conviction = found.conviction.expect("seed 6 convicts");
        assert_eq!((conviction.seed, conviction.seeds_tried), (6, 7));
        assert_eq!(conviction.kinds, [FindingKind::Lost]);
        assert_eq!(conviction.twin, Twin::Judged(Verdict::Pass));
        assert!(power.of(Defect::ListSignalLost, |request| Ok(passing(request.seed))).conviction.is_none());
    }
}
