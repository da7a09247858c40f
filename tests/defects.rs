//! A check that cannot fail is a defect: the ledger convicts each defect that can be planted, and acquits the same run
//! without it.

#[allow(dead_code, reason = "each target uses what it needs of it")]
mod scenario_files;

use std::path::Path;

use indoubt::run::run;
use indoubt::sweep::{Power, Twin};
use indoubt_engine::defect::Defect;
use indoubt_ledger::verdict::{FindingKind, Verdict};

/// Within how many seeds a defect must be convicted.
const SEEDS: u64 = 32;

/// Where each defect shows, and what as.
fn convicted_in(defect: Defect) -> (&'static str, FindingKind) {
    match defect {
        Defect::AcknowledgedBeforeForce => ("queue-sharing/random-campaign", FindingKind::Lost),
        Defect::CommitForgetsSharedPart => ("queue-sharing/several-servers", FindingKind::Lost),
        Defect::PeerBacksOutInCommit => ("queue-sharing/commit-death-at-each-step", FindingKind::Torn),
        Defect::PeerCommitsInFlight => ("queue-sharing/peer-recovery", FindingKind::Lost),
        Defect::PeerTouchesInDoubt => ("queue-sharing/in-doubt-by-hand-rightly", FindingKind::Duplicated),
        Defect::GetNotRemovedAtCommit => ("queue-sharing/several-servers", FindingKind::Duplicated),
        Defect::UncommittedPutVisible => ("queue-sharing/poison-message", FindingKind::Phantom),
        Defect::BackoutLosesMessage => ("queue-sharing/poison-message", FindingKind::Lost),
        Defect::ReplayIgnoresChecksum => ("queue-manager/damaged-log", FindingKind::Torn),
        Defect::ListSignalLost => ("queue-sharing/peer-recovery", FindingKind::Late),
        Defect::RecoveryReportedEarly => ("queue-sharing/peer-recovery", FindingKind::Marooned),
        Defect::QuorumIgnored => ("messaging-engine/split-core-group-with-quorum", FindingKind::Misplaced),
        Defect::TwoCoordinatorsAfterMerge => {
            ("messaging-engine/policy-assistance-high-availability", FindingKind::Misplaced)
        }
        Defect::PreferredListIgnored => ("messaging-engine/preferred-servers-only", FindingKind::Misplaced),
        Defect::StoreLockIgnored => ("messaging-engine/split-core-group-without-quorum", FindingKind::SplitBrain),
        Defect::OldOwnerNotFenced => ("messaging-engine/hung-server-fails-back", FindingKind::Lost),
        Defect::LazyWriteAcknowledged => ("messaging-engine/single-engine", FindingKind::Duplicated),
        Defect::EngineFailbackDropsInFlight => ("messaging-engine/planned-fail-back", FindingKind::Lost),
        Defect::RedeliversCommittedWork => ("messaging-engine/single-engine", FindingKind::Duplicated),
        Defect::SpilledMessagesNotPurged => {
            ("messaging-engine/spilled-messages-purged-data-store", FindingKind::Duplicated)
        }
        Defect::InDoubtRolledBackAtFailover => ("messaging-engine/in-doubt-across-failover", FindingKind::Lost),
        Defect::RemoteLockReleasedEarly => {
            ("messaging-engine/remote-lock-outlives-the-connection", FindingKind::Duplicated)
        }
    }
}

#[test]
fn every_defect_is_convicted_and_its_twin_acquitted() {
    let mut wrong = Vec::new();
    for defect in Defect::ALL.iter().copied() {
        let (scenario, kind) = convicted_in(defect);
        if let Err(complaint) = convict(defect, scenario, kind) {
            wrong.push(format!("{} in {scenario}: {complaint}", defect.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn convict(defect: Defect, scenario: &str, kind: FindingKind) -> Result<(), String> {
    let path = Path::new("scenarios").join(scenario).with_extension("ron");
    let power = Power { scenarios: vec![scenario_files::read(&path)?], seeds: (0..SEEDS).collect(), workers: 2 };
    let found = power.of(defect, |request| run(request).map_err(|error| error.to_string()));
    let conviction = found.conviction.ok_or_else(|| format!("not convicted within {SEEDS} seeds"))?;
    if conviction.twin != Twin::Judged(Verdict::Pass) {
        return Err(format!("seed {} without the defect: {:?}", conviction.seed, conviction.twin));
    }
    if !conviction.kinds.contains(&kind) {
        return Err(format!("seed {}: convicted of {:?} instead of {kind}", conviction.seed, conviction.kinds));
    }
    Ok(())
}

/// A run with a defect must not leave it planted for the next one, on whatever thread that is.
#[test]
fn a_defect_is_gone_when_its_run_is_over() {
    let request = |defect| indoubt::run::RunRequest {
        scenario: scenario_files::read(Path::new("scenarios/queue-sharing/peer-recovery.ron")).expect("a scenario"),
        seed: 0,
        defect,
        keep: indoubt::run::Keep::Report,
    };
    let fingerprint = |defect| run(&request(defect)).expect("it runs").fingerprint;
    let healthy = fingerprint(None);
    assert_ne!(fingerprint(Some(Defect::PeerCommitsInFlight)), healthy);
    assert_eq!(fingerprint(None), healthy);
}
