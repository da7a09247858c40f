//! Outcomes written by hand, for tests of what is made of them.

use std::path::Path;
use std::sync::Arc;

use indoubt_engine::coupling_facility::command::Connector;
use indoubt_engine::event::Event;
use indoubt_engine::machine::Incarnation;
use indoubt_engine::name::{QueueManagerName, QueueName, StructureName};
use indoubt_engine::step::Step;
use indoubt_engine::time::{Duration, Time};
use indoubt_engine::unit_of_work::UnitOfWorkId;
use indoubt_ledger::outage::{Cause, CauseKind, Interruption, Outage};
use indoubt_ledger::verdict::{
    Account, ExpectedFinding, Finding, FindingKind, Judgement, PermittedGroup, PermittedPart, Verdict,
};

use crate::run::{Act, Happening, Lanes, Recovery, RunOutcome, TimelineEntry};
use crate::scenario::model::Scenario;

/// A scenario that is small, and has something of everything that a report shows.
const SCENARIO: &str = r#"(
    about: "A queue manager terminates abnormally after a server has got a request in syncpoint and before it has put
        the reply; a peer backs out the get.",
    documented: ["WebSphere MQ for z/OS Concepts and Planning: Peer recovery (csq82gs)"],
    topology: (
        images: { "SYSA": (), "SYSB": () },
        hosts: { "branch-office": () },
        coupling_facilities: { "CF01": () },
        queue_sharing_groups: {
            "QSG1": (
                coupling_facility: "CF01",
                cfstructs: { "APPLICATION1": (size: "64MB", recover: YES) },
                qlocals: {
                    "PAYMENT.REQUEST": (cfstruct: "APPLICATION1", defpsist: YES, bothresh: 3, boqname: "PAYMENT.BACKOUT"),
                    "PAYMENT.REPLY": (cfstruct: "APPLICATION1", defpsist: YES),
                    "PAYMENT.BACKOUT": (cfstruct: "APPLICATION1", defpsist: YES),
                },
            ),
        },
        queue_managers: {
            "QM01": (image: "SYSA", qsgname: "QSG1", qlocals: { "AUDIT.LOG": (defpsist: YES) }),
            "QM02": (image: "SYSB", qsgname: "QSG1"),
        },
    ),
    workload: [
        requester(
            name: "branch", runs_on: ["branch-office"], connect: client_group("QSG1"), request_queue: "PAYMENT.REQUEST",
            replytoq: "PAYMENT.REPLY", replytoqmgr: "QSG1", instances: 3, count: 20, think_time: "50ms",
        ),
        server(
            name: "payments", connect: local_group("QSG1"), request_queue: "PAYMENT.REQUEST",
            processing_time: ("5ms", "20ms"),
        ),
    ],
    faults: [(when: step(name: "get.taken", process: "QM01", nth: 5), what: kill("QM01"))],
    expect: (
        reach: ["get.taken", "peer_backed_out_get", "peer_recovery_restarted"],
        recovery_time: "10s",
    ),
    run: (horizon: "60s", settle: "120s"),
)"#;

/// The scenario of the samples.
pub(crate) fn scenario() -> Arc<Scenario> {
    let path = Path::new("scenarios/queue-sharing/peer-recovery.ron");
    let scenario = crate::scenario::parse(path, SCENARIO);
    Arc::new(scenario.unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false))))
}

fn at(milliseconds: u64) -> Time {
    Time::START + Duration::from_millis(milliseconds)
}

/// A run in which a queue manager was killed and its peer recovered it, and all promises were kept.
pub(crate) fn passing(seed: u64) -> RunOutcome {
    let structure = StructureName::from("APPLICATION1");
    let failed = Connector { name: "QM01".into(), incarnation: Incarnation(1) };
    let unit = |sequence| UnitOfWorkId {
        queue_manager: QueueManagerName::from("QM01"),
        incarnation: Incarnation(1),
        sequence,
    };
    let event = |milliseconds, who: &str, event| TimelineEntry {
        at: at(milliseconds),
        who: who.to_owned(),
        what: Happening::Event(event),
    };
    let first = Incarnation(1);
    let mut timeline = vec![
        event(0, "QM01", Event::QueueManagerStarting { incarnation: first }),
        event(0, "QM02", Event::QueueManagerStarting { incarnation: first }),
        event(0, "QM01", Event::QueueManagerReady { incarnation: first }),
        event(1, "QM02", Event::QueueManagerReady { incarnation: first }),
        TimelineEntry {
            at: at(1_203),
            who: "nemesis".to_owned(),
            what: Happening::Fault {
                text: "QM01 killed when it passed get.taken for the 5th time".to_owned(),
                struck: vec!["QM01".to_owned()],
            },
        },
        event(1_253, "QM02", Event::PeerFailureSeen { structure: structure.clone(), failed: failed.clone() }),
        event(1_254, "QM02", Event::PeerRecoveryStarted { structure: structure.clone(), failed: failed.clone() }),
    ];
    timeline.extend((0..6).map(|index| {
        let unit_of_work = unit(40 + index);
        let queue = QueueName::from("PAYMENT.REQUEST");
        event(1_255 + index, "QM02", Event::PeerBackedOutGet { structure: structure.clone(), queue, unit_of_work })
    }));
    timeline.push(TimelineEntry {
        at: at(1_262),
        who: "QM02".to_owned(),
        what: Happening::Detail("a detail that only a replay shows".to_owned()),
    });
    timeline.push(event(1_264, "QM02", Event::PeerRecoveryEnded { structure, failed }));
    RunOutcome {
        scenario: scenario(),
        seed,
        defect: None,
        fingerprint: 0x0123_4567_89ab_cdef,
        simulated: Duration::from_millis(14_020),
        frames: 1_234,
        timeline,
        lanes: Lanes::default(),
        events: vec![("peer_backed_out_get", 6), ("peer_recovery_ended", 1)],
        steps: vec![(Step::GetTaken, 61)],
        unreached: vec!["peer_recovery_restarted".to_owned()],
        dormant: Vec::new(),
        recoveries: vec![Recovery {
            act: Act::Fault,
            fault: "QM01 killed".to_owned(),
            at: at(1_203),
            detected: Some(at(1_253)),
            recovered: Some(at(1_264)),
            moves: Vec::new(),
        }],
        judgement: Judgement {
            account: Account {
                sent: 121,
                acknowledged: 120,
                unknown: 1,
                delivered: 119,
                permitted: 1,
                ..Account::default()
            },
            outages: vec![Outage {
                queue: "PAYMENT.REQUEST".to_owned(),
                cause: Cause {
                    kind: CauseKind::Fault,
                    at_ns: at(1_203).as_nanoseconds(),
                    text: "QM01 killed".to_owned(),
                    is_direct: true,
                },
                from_ns: at(1_203).as_nanoseconds(),
                to_ns: at(1_281).as_nanoseconds(),
                ended: true,
                waiting_first: 1,
                waiting: 3,
                usual_ns: 19_500_000,
                ..Outage::default()
            }],
            interruptions: vec![Interruption {
                process: "branch.2".to_owned(),
                from_ns: at(1_203).as_nanoseconds(),
                to_ns: Some(at(1_264).as_nanoseconds()),
                of: 1,
            }],
            permitted: vec![PermittedGroup {
                kind: FindingKind::Lost,
                rule: "nonpersistent messages on private queues are discarded at restart (csq8287)".to_owned(),
                event: "nonpersistent_discarded".to_owned(),
                cause: "nonpersistent_discarded".to_owned(),
                parts: vec![PermittedPart {
                    queue: "PAYMENT.REQUEST".to_owned(),
                    quality: "nonpersistent".to_owned(),
                    count: 1,
                }],
                count: 1,
                longest_ns: None,
                example: "branch.1 message 7".to_owned(),
            }],
            ..Judgement::default()
        },
        tape: vec!["(when: step(name: \"get.taken\", process: \"QM01\", nth: 5), what: kill(\"QM01\"))".to_owned()],
    }
}

/// The same run, but a message is lost.
pub(crate) fn failing(seed: u64) -> RunOutcome {
    let mut outcome = passing(seed);
    outcome.judgement.verdict = Verdict::Fail;
    outcome.judgement.account.lost = 1;
    outcome.judgement.findings = vec![Finding {
        kind: FindingKind::Lost,
        message: "payload 17 was acknowledged to branch.2 and is nowhere".to_owned(),
        at_ns: 14_020_000_000,
        detail: "1.100000s  branch.2  put to PAYMENT.REQUEST\n1.101200s  branch.2  told that it is committed\n"
            .to_owned(),
        queue: Some("PAYMENT.REQUEST".to_owned()),
    }];
    outcome
}

/// A run of which nothing can be told.
pub(crate) fn unknown(seed: u64) -> RunOutcome {
    let mut outcome = passing(seed);
    outcome.judgement.verdict = Verdict::Unknown;
    outcome.judgement.unknown_reasons = vec!["the audit of PAYMENT.REQUEST was not finished".to_owned()];
    outcome
}

/// A violation that the scenario's own `allow` would have to list.
pub(crate) fn expected(kind: FindingKind, because: &str) -> ExpectedFinding {
    let finding = Finding { kind, message: "as documented".to_owned(), at_ns: 0, detail: String::new(), queue: None };
    ExpectedFinding { finding, because: because.to_owned(), rule: "a rule".to_owned() }
}
