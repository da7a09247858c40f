//! What a new instance may have forgotten, and for how long two may run at once.

use super::*;

#[test]
fn before_8_5_redelivery_counts_begin_anew_with_an_instance() {
    let beside = [started(0, "server1"), started(GOT + 100 * SECOND, "server2")];
    for (level, forgotten) in [("6.1", true), ("7.0", true), ("8.0", true), ("8.5", false)] {
        assert_eq!(may_forget_a_count(&cell(level, DATA_STORE), &beside), forgotten, "{level}");
    }
    // No instance, no reason.
    assert!(!may_forget_a_count(&cell("7.0", DATA_STORE), &[started(0, "server1")]));
}

#[test]
fn the_last_count_before_a_failure_may_be_missing() {
    for store in [DATA_STORE, FILE_STORE] {
        let cell = cell("8.5", store);
        for beside in interruptions_at(GOT + UNWRITTEN) {
            assert!(may_forget_a_count(&cell, &[started(0, "server1"), beside.clone()]), "{store}: {beside:?}");
        }
        for beside in interruptions_at(GOT + UNWRITTEN + 1) {
            assert!(!may_forget_a_count(&cell, &[started(0, "server1"), beside.clone()]), "{store}: {beside:?}");
        }
    }
    let late = of_engine(GOT + 600 * SECOND, FAILED);
    let beside = |about| [trouble(GOT, about), started(0, "server1"), late.clone()];
    assert!(may_forget_a_count(&cell("8.5", DATA_STORE), &beside("SIBDB")));
    assert!(!may_forget_a_count(&cell("8.5", DATA_STORE), &beside("NAS01")));
    assert!(may_forget_a_count(&cell("8.5", FILE_STORE), &beside("NAS01")));
}

/// Two instances that run for this long at once.
fn overlap(ns: u64) -> [Beside; 3] {
    [started(0, "server1"), started(SECOND, "server2"), of_engine(SECOND + ns, FAILED)]
}

fn with(first: Beside, then: [Beside; 3]) -> Vec<Beside> {
    [first].into_iter().chain(then).collect()
}

#[test]
fn two_instances_never_run_at_once_while_locks_hold() {
    for store in [DATA_STORE, FILE_STORE] {
        assert!(!may_overlap(&cell("8.5", store), &overlap(1)), "{store}");
    }
}

/// The kernel of its host answers for it: no lock is taken from it.
#[test]
fn nor_when_one_of_them_stood_still() {
    for store in [DATA_STORE, FILE_STORE] {
        assert!(!may_overlap(&cell("8.5", store), &with(trouble(0, "server1"), overlap(1))), "{store}");
    }
}

#[test]
fn with_restricted_locks_they_do_until_the_next_refresh() {
    let cell = cell("8.5", RESTRICTED);
    assert!(may_overlap(&cell, &overlap(REFRESH)));
    assert!(!may_overlap(&cell, &overlap(REFRESH + 1)));
}

#[test]
fn after_trouble_with_the_store_they_do_until_the_old_one_next_uses_it() {
    for (store, server, other) in [(DATA_STORE, "SIBDB", "NAS01"), (FILE_STORE, "NAS01", "SIBDB")] {
        let cell = cell("8.5", store);
        assert!(may_overlap(&cell, &with(trouble(0, server), overlap(UNKNOWING))), "{store}");
        assert!(!may_overlap(&cell, &with(trouble(0, server), overlap(UNKNOWING + 1))), "{store}");
        assert!(!may_overlap(&cell, &with(trouble(0, other), overlap(1))), "{store}");
        // Only while it lasts, and until the old one must have learned of it.
        assert!(!may_overlap(&cell, &with(trouble(SECOND + 1, server), overlap(SECOND))), "{store}");
        let over = |ns| [trouble(0, server), mended(SECOND)].into_iter().chain(overlap(ns)).collect::<Vec<_>>();
        assert!(may_overlap(&cell, &over(UNKNOWING)), "{store}");
        let long_over = [trouble(0, server), mended(1)].into_iter().chain(overlap(UNKNOWING)).collect::<Vec<_>>();
        assert!(!may_overlap(&cell, &long_over), "{store}");
    }
}

#[test]
fn who_stood_still_while_its_store_was_in_trouble_has_a_moment_to_learn_of_the_other() {
    let cell = cell("8.5", DATA_STORE);
    let story = |troubled: bool, learns_after: u64| {
        let trouble = troubled.then(|| [trouble(2 * SECOND, "SIBDB"), mended(3 * SECOND)]).into_iter().flatten();
        let goes_on = 600 * SECOND;
        [started(0, "server1"), of_process(SECOND, PROCESS_PAUSED, "server1")]
            .into_iter()
            .chain(trouble)
            .chain([
                started(4 * SECOND, "server2"),
                of_process(goes_on, PROCESS_RESUMED, "server1"),
                of_engine(goes_on + learns_after, LOCK_LOST),
            ])
            .collect::<Vec<_>>()
    };
    assert!(may_overlap(&cell, &story(true, 1_000_000)));
    assert!(!may_overlap(&cell, &story(true, 1_000_001)));
    assert!(!may_overlap(&cell, &story(false, 1)), "nobody could have taken its store");
}

#[test]
fn who_has_lost_the_lock_or_stands_still_is_no_owner_meanwhile() {
    let cell = cell("8.5", DATA_STORE);
    for (pauses, resumes) in [
        (of_engine(SECOND, LOCK_LOST), of_engine(600 * SECOND, LOCK_ACQUIRED)),
        (of_process(SECOND, PROCESS_PAUSED, "server1"), of_process(600 * SECOND, PROCESS_RESUMED, "server1")),
    ] {
        let away = [started(0, "server1"), pauses, started(2 * SECOND, "server2")];
        let judged = |beside: &[Beside]| Tale::new(ASSURED).judged(&cell, beside.to_vec());
        let judgement = judged(&away);
        let is_split = |judgement: &Judgement| judgement.findings.iter().any(|one| one.kind == FindingKind::SplitBrain);
        assert!(!is_split(&judgement), "{judgement:#?}");
        let back: Vec<Beside> = away.into_iter().chain([resumes]).collect();
        assert!(is_split(&judged(&back)), "both are owners from then on");
    }
}

#[test]
fn an_instance_that_has_lost_its_data_store_may_give_out_what_another_has_delivered_but_not_for_good() {
    let may = |store: &str, lost: bool, end: Completion| {
        let lost = lost.then(|| of_engine(END - 3 * SECOND, LOCK_LOST));
        let beside = [started(0, "server1")].into_iter().chain(lost).collect();
        let judgement = Tale::new(ASSURED).given_out_again(end).judged(&cell("8.5", store), beside);
        judgement.findings.iter().all(|finding| finding.kind != FindingKind::Duplicated)
    };
    assert!(may(DATA_STORE, true, Completion::Unknown));
    assert!(!may(DATA_STORE, true, Completion::Ok), "it was final");
    assert!(!may(DATA_STORE, false, Completion::Unknown), "it had not lost its store");
    assert!(!may(FILE_STORE, true, Completion::Unknown), "a file store has no such instance");
}
