//! Faults and failure files survive being written and read again.

use std::path::Path;
use std::time::Duration;

use indoubt_engine::event::Reporter;
use indoubt_engine::step::Step;
use proptest::prelude::*;

use super::{files, good};
use crate::scenario::model::{DiskFault, Fault, FaultAction, Latency, LinkQuality, Place, Recorded, Scenario, When};
use crate::scenario::{fault_to_text, parse};

fn peer_recovery() -> Scenario {
    let path = files().into_iter().find(|path| path.ends_with("queue-sharing/peer-recovery.ron"));
    good(&path.expect("the example"))
}

fn recorded() -> Recorded {
    let scenario = "scenarios/queue-sharing/peer-recovery.ron".to_owned();
    Recorded { scenario, seed: u64::MAX, fingerprint: 0x0123_4567_89ab_cdef, defect: Some("list-signal-lost".into()) }
}

/// Everything about a fault but the line it stands on.
fn essence(fault: &Fault) -> String {
    format!("{:?} {:?}", fault.when, fault.what)
}

fn read_back(text: &str) -> Scenario {
    parse(Path::new("failures/again.ron"), text).unwrap_or_else(|problems| panic!("{}\n{text}", problems.render(false)))
}

/// Everything about a scenario that its faults do not change.
fn rest(scenario: &Scenario) -> String {
    let Scenario { about, documented, topology, workload, expect, run, .. } = scenario;
    format!("{about:?} {documented:?} {topology:?} {workload:?} {expect:?} {run:?}")
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![(1_u64..3_000_000_000_000).prop_map(Duration::from_nanos), (1_u64..3600).prop_map(Duration::from_secs)]
}

fn process() -> impl Strategy<Value = String> {
    prop_oneof![Just("QM01"), Just("QM03"), Just("branch.2"), Just("payments.3")].prop_map(str::to_owned)
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![Just(Place::Image("SYSA".into())), Just(Place::Host("branch-office".into()))]
}

fn ends() -> impl Strategy<Value = (Place, Place)> {
    let image = || Place::Image("SYSB".into());
    prop_oneof![
        place().prop_map(move |place| (place, image())),
        Just((Place::Image("SYSC".into()), Place::CouplingFacility("CF01".into()))),
    ]
}

fn action() -> impl Strategy<Value = FaultAction> {
    let restart = || proptest::option::of(duration());
    let quality = (duration(), duration(), 0_u32..900_000, 0_u32..900_000, proptest::option::of(1024_u64..1 << 30));
    let disk = prop_oneof![
        Just(DiskFault::LoseForce),
        Just(DiskFault::TearLastWrite),
        duration().prop_map(DiskFault::Slow),
        Just(DiskFault::Full),
        Just(DiskFault::RotTail),
    ];
    let simple = prop_oneof![
        (process(), restart()).prop_map(|(process, restart_after)| FaultAction::Kill { process, restart_after }),
        process().prop_map(|process| FaultAction::Start { process }),
        (any::<bool>(), restart()).prop_map(|(force, restart_after)| FaultAction::Stop {
            process: "QM02".into(),
            force,
            restart_after
        }),
        (place(), restart()).prop_map(|(place, restart_after)| FaultAction::PowerOff { place, restart_after }),
        restart()
            .prop_map(|restart_after| FaultAction::TakeOffline { place: Place::Image("SYSB".into()), restart_after }),
        (process(), duration()).prop_map(|(process, duration)| FaultAction::Pause { process, duration }),
        (ends(), any::<bool>(), duration()).prop_map(|((from, to), one_way, duration)| FaultAction::Cut {
            from,
            to,
            one_way,
            duration
        }),
        (ends(), quality, duration()).prop_map(|((from, to), quality, duration)| {
            let (base, jitter, loss_ppm, reordering_ppm, bandwidth) = quality;
            let latency = Latency { base, jitter: jitter.min(Duration::from_secs(3600)) };
            let quality = LinkQuality { latency, loss_ppm, duplication_ppm: 70_001, reordering_ppm, bandwidth };
            FaultAction::Degrade { from, to, quality, duration }
        }),
        (disk, restart()).prop_map(|(fault, duration)| FaultAction::Disk { process: "QM01".into(), fault, duration }),
    ];
    prop_oneof![
        4 => simple.clone(),
        1 => proptest::collection::vec((1_u32..1000, simple), 1..4).prop_map(FaultAction::OneOf),
    ]
}

fn when() -> impl Strategy<Value = When> {
    let step = (0..Step::ALL.len()).prop_map(|index| Step::ALL[index]);
    prop_oneof![
        duration().prop_map(When::At),
        (step, 1_u32.., duration()).prop_map(|(step, nth, after)| When::Step { process: None, step, nth, after }),
        (proptest::option::of(process()), 1_u32..9, Just(Duration::ZERO)).prop_map(|(process, nth, after)| {
            When::Event { process, event: "peer_recovery_started".into(), nth, after }
        }),
        (duration(), duration()).prop_map(|(from, length)| When::Between(from, from + length)),
        (duration(), duration()).prop_map(|(from, length)| When::Random {
            from,
            to: from + length,
            mean_interval: (length / 100).max(Duration::from_nanos(1)),
        }),
    ]
}

proptest! {
    #[test]
    fn a_tape_is_read_back_as_the_faults_it_was_written_from(
        faults in proptest::collection::vec((when(), action()), 0..6),
    ) {
        // A tape names two-phase steps only if there is a two-phase application, and only those that somebody can pass.
        let scenario = peer_recovery();
        let faults: Vec<Fault> = faults
            .into_iter()
            .filter(|(when, _)| !matches!(when, When::Step { step, .. }
                if step.name().starts_with("prepare.") || step.reporter() != Reporter::Sysplex))
            .map(|(when, what)| Fault { line: 0, when, what })
            .collect();
        let tape: Vec<String> = faults.iter().map(fault_to_text).collect();
        let again = read_back(&scenario.with_faults(&tape, recorded()));
        let written: Vec<String> = faults.iter().map(essence).collect();
        let read: Vec<String> = again.faults.iter().map(essence).collect();
        prop_assert_eq!(written, read);
        prop_assert_eq!(again.recorded.as_ref(), Some(&recorded()));
        prop_assert_eq!(rest(&scenario), rest(&again));
    }
}

#[test]
fn every_scenario_with_its_own_faults_as_tape_is_the_same_scenario() {
    for path in files() {
        let scenario = good(&path);
        let tape: Vec<String> = scenario.faults.iter().map(fault_to_text).collect();
        let again = read_back(&scenario.with_faults(&tape, recorded()));
        assert_eq!(rest(&scenario), rest(&again), "{}", path.display());
        let (one, other): (Vec<_>, Vec<_>) =
            (scenario.faults.iter().map(essence).collect(), again.faults.iter().map(essence).collect());
        assert_eq!(one, other, "{}", path.display());
        assert_eq!(scenario.recorded, None);
        assert_eq!(again.recorded, Some(recorded()));
    }
}

#[test]
fn a_failure_file_of_a_failure_file_holds_one_tape_and_one_record() {
    let scenario = peer_recovery();
    let once = read_back(&scenario.with_faults(&["(when: at(\"1s\"), what: kill(\"QM01\"))".into()], recorded()));
    let second = Recorded { seed: 7, defect: None, ..recorded() };
    let text = once.with_faults(&[], second.clone());
    assert_eq!(text.matches("recorded:").count(), 1);
    assert_eq!(text.matches("faults:").count(), 1);
    let twice = read_back(&text);
    assert_eq!((twice.faults.len(), twice.recorded), (0, Some(second)));
}

#[test]
fn a_scenario_without_faults_gets_a_tape() {
    let source = peer_recovery().source;
    let (start, end) = (source.find("    faults:").expect("faults"), source.find("    expect:").expect("expect"));
    let calm = format!("{}{}", &source[..start], &source[end..]);
    let calm = read_back(&calm);
    assert!(calm.faults.is_empty());
    let text = calm.with_faults(&["(when: at(\"1s\"), what: kill(\"QM01\"))".into()], recorded());
    assert_eq!(read_back(&text).faults.len(), 1);
}
