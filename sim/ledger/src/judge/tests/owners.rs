//! What must have one active owner, as events tell.

use proptest::prelude::*;

use super::*;
use crate::contract::{Exclusive, PROCESS_ENDED, Pause};

const REFRESH_MS: u64 = 20_000;

/// An engine runs in one server, and this happens.
fn engine(allowed_ms: u64, then: impl FnOnce(&mut Tale)) -> Tale {
    tale(|t| {
        let names = |name: &str| vec![name.to_owned()];
        t.contract.exclusive.push(Exclusive {
            resource: None,
            begins: names("engine_started"),
            ends: vec!["engine_stopped".to_owned(), "engine_failed".to_owned()],
            pauses: vec![
                Pause { begins: "paused".to_owned(), ends: "resumed".to_owned() },
                Pause { begins: "lock_lost".to_owned(), ends: "lock_acquired".to_owned() },
            ],
            allowed_overlap_ns: allowed_ms * MS,
            rule: "the old owner notices at its next refresh".to_owned(),
            ..Exclusive::default()
        });
        t.event_by("server1", "engine_started", "ME1");
        t.wait_ms(1_000);
        then(t);
    })
}

fn overlap_of(ms: u64, allowed_ms: u64) -> Tale {
    engine(allowed_ms, |t| {
        t.event_by("server2", "engine_started", "ME1");
        t.wait_ms(ms - 1);
        t.event_by("server1", "engine_failed", "ME1");
    })
}

#[test]
fn two_active_owners_are_split_brain_and_their_window_is_told() {
    let judgement = overlap_of(500, 0).judged();
    assert_eq!(judgement.findings.len(), 1);
    let finding = &judgement.findings[0];
    assert_eq!(finding.kind, FindingKind::SplitBrain);
    assert_eq!(
        finding.message,
        "ME1 had two active owners from 1.002000s until 1.502000s: server1 since 0.001000s and server2 since 1.002000s"
    );
    for wanted in [
        "0.001000s  server1  is an active owner of ME1 from here on",
        "1.002000s  server2  is an active owner of ME1 from here on",
        "1.502000s  ledger   ME1 no longer has two owners",
    ] {
        assert!(finding.detail.lines().any(|line| line.trim() == wanted), "{}", finding.detail);
    }
    engine(0, |t| {
        t.event_by("server1", "engine_stopped", "ME1");
        t.event_by("server2", "engine_started", "ME1");
    })
    .passes();
}

#[test]
fn an_overlap_up_to_the_refresh_delay_is_permitted_and_counted() {
    let permitted = overlap_of(REFRESH_MS, REFRESH_MS);
    permitted.passes();
    let groups = permitted.judged().permitted;
    assert_eq!((groups[0].kind, groups[0].count, groups[0].event.as_str()), (FindingKind::SplitBrain, 1, "ME1"));
    assert!(groups[0].example.contains("ME1 no longer has two owners"), "{}", groups[0].example);
    assert_eq!(overlap_of(REFRESH_MS + 1, REFRESH_MS).kinds(), ["split_brain"]);
}

#[test]
fn what_pauses_one_resource_of_a_process_leaves_its_others_alone() {
    let of_both = |paused: &'static str| {
        engine(0, |t| {
            t.event_by("server1", "engine_started", "ME2");
            t.event_by("server1", "paused", paused);
            t.event_by("server2", "engine_started", "ME1");
            t.event_by("server2", "engine_started", "ME2");
            t.wait_ms(1);
            t.event_by("server2", "engine_stopped", "ME1");
            t.event_by("server2", "engine_stopped", "ME2");
        })
    };
    of_both("server1").passes();
    for (paused, shared) in [("ME1", "ME2"), ("ME2", "ME1")] {
        let found = of_both(paused).judged().findings;
        assert_eq!(found.len(), 1, "{paused} was paused");
        assert!(found[0].message.starts_with(shared), "{}", found[0].message);
    }
}

#[test]
fn each_overlap_is_found_apart() {
    let tale = engine(0, |t| {
        t.event_by("server2", "engine_started", "ME1");
        t.event_by("server2", "engine_stopped", "ME1");
        t.event_by("server3", "engine_started", "ME1");
    });
    assert_eq!(tale.kinds(), ["split_brain", "split_brain"]);
    let messages: Vec<String> = tale.judged().findings.into_iter().map(|finding| finding.message).collect();
    assert!(messages[0].contains("from 1.002000s until 1.003000s"), "{messages:?}");
    assert!(messages[1].contains("from 1.004000s on"), "{messages:?}");
}

#[test]
fn the_end_of_its_process_ends_an_owners_activity() {
    let taken_over = |ended: &str| {
        engine(0, |t| {
            t.event(PROCESS_ENDED, ended);
            t.event_by("server2", "engine_started", "ME1");
        })
    };
    taken_over("server1").passes();
    assert_eq!(taken_over("server3").kinds(), ["split_brain"]);
}

#[test]
fn owners_of_different_resources_do_not_meet() {
    engine(0, |t| t.event_by("server2", "engine_started", "ME2")).passes();
    let only = |resource: &str| {
        let mut tale = overlap_of(500, 0);
        tale.contract.exclusive[0].resource = Some(resource.to_owned());
        tale
    };
    assert_eq!(only("ME1").kinds(), ["split_brain"]);
    only("ME2").passes();
}

#[test]
fn a_paused_owner_does_no_harm_until_it_acts_again() {
    let hung = |awake_ms: u64| {
        engine(REFRESH_MS, |t| {
            t.event("paused", "server1");
            t.event_by("server2", "engine_started", "ME1");
            t.wait_ms(3 * REFRESH_MS);
            t.event("resumed", "server1");
            t.wait_ms(awake_ms);
            t.event_by("server1", "engine_failed", "ME1");
        })
    };
    hung(REFRESH_MS - 1).passes();
    assert_eq!(hung(REFRESH_MS).kinds(), ["split_brain"]);
    let unnoticed = engine(REFRESH_MS, |t| {
        t.event_by("server2", "engine_started", "ME1");
        t.wait_ms(3 * REFRESH_MS);
        t.event_by("server1", "engine_failed", "ME1");
    });
    assert_eq!(unnoticed.kinds(), ["split_brain"]);
}

/// One step of an engine's life in one of three servers.
#[derive(Clone, Copy, Debug)]
enum Step {
    Started(usize),
    Stopped(usize),
    Paused(usize),
    Resumed(usize),
    Ended(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0_usize..3).prop_flat_map(|server| {
        prop_oneof![
            Just(Step::Started(server)),
            Just(Step::Stopped(server)),
            Just(Step::Paused(server)),
            Just(Step::Resumed(server)),
            Just(Step::Ended(server)),
        ]
    });
    prop::collection::vec(step, 0..40)
}

#[test]
fn who_makes_two_kinds_of_pauses_is_no_owner_until_both_are_over() {
    let story = |over: &'static [(&'static str, &'static str)]| {
        engine(0, move |t| {
            t.event_by("server1", "lock_lost", "ME1");
            t.event_by("server1", "paused", "server1");
            t.event_by("server2", "engine_started", "ME1");
            for (name, subject) in over {
                t.event_by("server1", name, subject);
            }
            t.wait_ms(10);
        })
    };
    story(&[("resumed", "server1")]).passes();
    story(&[("lock_acquired", "ME1")]).passes();
    const BOTH: [[(&str, &str); 2]; 2] =
        [[("resumed", "server1"), ("lock_acquired", "ME1")], [("lock_acquired", "ME1"), ("resumed", "server1")]];
    for both in &BOTH {
        let judgement = story(both).judged();
        assert_eq!(judgement.findings.len(), 1, "{judgement:#?}");
        assert_eq!(judgement.findings[0].kind, FindingKind::SplitBrain);
    }
}

proptest! {
    /// The naive model asks after each millisecond which servers act as owners, and counts the times at which a pair of
    /// them begins to.
    #[test]
    fn overlaps_are_those_that_a_look_at_each_millisecond_shows(steps in steps()) {
        const SERVERS: [&str; 3] = ["server1", "server2", "server3"];
        let mut tale = Tale::new();
        tale.contract.exclusive.push(Exclusive {
            begins: vec!["engine_started".to_owned()],
            ends: vec!["engine_stopped".to_owned()],
            pauses: vec![Pause { begins: "paused".to_owned(), ends: "resumed".to_owned() }],
            ..Exclusive::default()
        });
        let (mut owns, mut paused) = ([false; 3], [false; 3]);
        let mut overlaps = 0;
        for step in steps {
            let acts = |owns: &[bool; 3], paused: &[bool; 3]| [0, 1, 2].map(|server| owns[server] && !paused[server]);
            let before = acts(&owns, &paused);
            match step {
                Step::Started(server) => {
                    (owns[server], paused[server]) = (true, false);
                    tale.event_by(SERVERS[server], "engine_started", "ME1");
                }
                Step::Stopped(server) => {
                    (owns[server], paused[server]) = (false, false);
                    tale.event_by(SERVERS[server], "engine_stopped", "ME1");
                }
                Step::Paused(server) => {
                    paused[server] = owns[server];
                    tale.event("paused", SERVERS[server]);
                }
                Step::Resumed(server) => {
                    paused[server] = false;
                    tale.event("resumed", SERVERS[server]);
                }
                Step::Ended(server) => {
                    (owns[server], paused[server]) = (false, false);
                    tale.event(PROCESS_ENDED, SERVERS[server]);
                }
            }
            let after = acts(&owns, &paused);
            for (one, other) in [(0, 1), (0, 2), (1, 2)] {
                overlaps += usize::from(after[one] && after[other] && !(before[one] && before[other]));
            }
        }
        let kinds = tale.kinds();
        prop_assert_eq!(kinds.len(), overlaps);
        prop_assert!(kinds.iter().all(|kind| *kind == "split_brain"));
    }
}
