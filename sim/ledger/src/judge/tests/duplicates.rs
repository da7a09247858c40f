//! Duplicates that are permitted after an event.

use super::*;

/// A consumer gets a message for good, the engine fails, and the message is seen again.
fn reappears(quality: fn(&Tale) -> QualityIndex, fails_after_ms: Option<u64>, again: impl FnOnce(&mut Tale)) -> Tale {
    tale(|t| {
        t.contract.queues[0].drained = false;
        t.contract.permitted_duplicates.push(Permission {
            qualities: Some(vec![t.persistent]),
            event: "engine_failed".to_owned(),
            window: Window::After { within_ns: Some(1_000 * MS) },
            rule: "deletes are written lazily".to_owned(),
            ..Permission::default()
        });
        let put = Put { quality: quality(t), ..t.message(1, None) };
        t.call(t.producer, Operation::Put(put), Done);
        t.get(1, None);
        if let Some(ms) = fails_after_ms {
            t.wait_ms(ms);
            t.event("engine_failed", "ME1");
        }
        again(t);
    })
}

#[test]
fn a_consumed_message_that_comes_again_is_permitted_only_under_its_rule_and_in_time() {
    let comes_again = |quality: fn(&Tale) -> QualityIndex, ms: Option<u64>| reappears(quality, ms, |t| t.get(1, None));
    let permitted = comes_again(|t| t.persistent, Some(500)).judged();
    assert_eq!((permitted.verdict, permitted.findings.len()), (Verdict::Pass, 0));
    assert_eq!((permitted.account.permitted_duplicates, permitted.account.duplicated), (1, 0));
    let group = &permitted.permitted[0];
    assert_eq!((group.kind, group.count, group.event.as_str()), (FindingKind::Duplicated, 1, "engine_failed"));
    assert!(group.example.contains("ME1       engine_failed"), "{}", group.example);
    assert_eq!(comes_again(|t| t.persistent, Some(1_500)).kinds(), ["duplicated"]);
    assert_eq!(comes_again(|t| t.persistent, None).kinds(), ["duplicated"]);
    assert_eq!(comes_again(|t| t.nonpersistent, Some(500)).kinds(), ["duplicated"]);
}

#[test]
fn a_consumed_message_that_is_still_there_is_permitted_likewise() {
    let stays = |ms: Option<u64>| reappears(|t| t.persistent, ms, |t| t.left(1));
    stays(Some(500)).passes();
    assert_eq!(stays(None).kinds(), ["duplicated"]);
}

#[test]
fn each_further_sight_needs_an_event_of_its_own() {
    let thrice = |second_failure: bool| {
        reappears(
            |t| t.persistent,
            Some(1),
            |t| {
                t.get(1, None);
                if second_failure {
                    t.event("engine_failed", "ME1");
                }
                t.get(1, None);
            },
        )
    };
    thrice(true).passes();
    assert_eq!(thrice(true).judged().account.permitted_duplicates, 2);
    assert_eq!(thrice(false).kinds(), ["duplicated"]);
}

#[test]
fn a_message_that_is_left_twice_is_never_permitted() {
    let twice = reappears(
        |t| t.persistent,
        Some(1),
        |t| {
            t.left(1);
            t.left(1);
        },
    );
    assert_eq!(twice.kinds(), ["duplicated"]);
}

#[test]
fn a_failure_before_the_commit_of_a_get_does_not_undo_it() {
    let fails = |before_commit: bool| {
        tale(|t| {
            t.contract.permitted_duplicates.push(Permission {
                event: "engine_failed".to_owned(),
                rule: "deletes are written lazily".to_owned(),
                ..Permission::default()
            });
            t.put(1, None, Done);
            let unit = t.consumers_unit();
            t.get(1, Some(unit));
            if before_commit {
                t.event("engine_failed", "ME1");
            }
            t.commit(t.consumer, unit, Done);
            if !before_commit {
                t.event("engine_failed", "ME1");
            }
            t.get(1, None);
        })
    };
    fails(false).passes();
    assert_eq!(fails(true).kinds(), ["duplicated"]);
}

#[test]
fn a_unit_of_work_is_not_torn_by_a_permitted_duplicate() {
    let reply = |permitted: bool| {
        tale(|t| {
            if permitted {
                t.contract.permitted_duplicates.push(Permission {
                    event: "engine_failed".to_owned(),
                    rule: "deletes are written lazily".to_owned(),
                    ..Permission::default()
                });
            }
            t.put(1, None, Done);
            let unit = t.consumers_unit();
            t.get(1, Some(unit));
            let put = t.message(2, Some(unit));
            t.call(t.consumer, Operation::Put(put), Done);
            t.commit(t.consumer, unit, Done);
            t.event("engine_failed", "ME1");
            t.get(1, None);
            t.get(2, None);
        })
    };
    reply(true).passes();
    assert!(reply(false).kinds().contains(&"duplicated"));
}

#[test]
fn a_consumed_message_may_be_given_out_again_under_a_rule_for_that_as_long_as_nothing_final_comes_of_it() {
    let given_again = |lock_lost: bool, end: Option<Completion>| {
        tale(|t| {
            t.contract.queues[0].drained = false;
            t.contract.permitted_redeliveries.push(Permission {
                event: "lock_lost".to_owned(),
                rule: "it does not know what the other one has delivered".to_owned(),
                ..Permission::default()
            });
            t.put(1, None, Done);
            t.get(1, None);
            if lock_lost {
                t.event("lock_lost", "ME1");
            }
            let unit = t.consumers_unit();
            t.get(1, Some(unit));
            if let Some(end) = end {
                t.commit(t.consumer, unit, end);
            }
        })
    };
    given_again(true, Some(Unknown)).passes();
    given_again(true, Some(Failed)).passes();
    assert_eq!(given_again(true, Some(Done)).kinds(), ["duplicated"], "it was final");
    assert_eq!(given_again(false, Some(Unknown)).kinds(), ["duplicated"], "nothing explains it");
}
