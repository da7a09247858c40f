//! What waits because nothing can be written: it may be lost, or come again, if the engine fails before it can be.

use super::*;

fn lost(level: Reliability, beside: &[Beside]) -> bool {
    let beside: Vec<Beside> = [started(0, "server1")].into_iter().chain(beside.iter().cloned()).collect();
    may_be_lost(&cell("8.5", DATA_STORE), level, &beside)
}

fn again(beside: &[Beside]) -> bool {
    let beside: Vec<Beside> = [started(0, "server1")].into_iter().chain(beside.iter().cloned()).collect();
    may_come_again(&cell("8.5", DATA_STORE), LAZY, &beside)
}

#[test]
fn what_waits_for_a_store_in_trouble_may_be_lost_until_that_is_over() {
    let failed = |at| of_engine(at, FAILED);
    let late = PUT + 600 * SECOND;
    for about in ["SIBDB", "dbhost"] {
        assert!(lost(LAZY, &[trouble(PUT - SECOND, about), failed(late)]), "{about}");
        assert!(!lost(ASSURED, &[trouble(PUT - SECOND, about), failed(late)]), "{about}");
        assert!(lost(LAZY, &[trouble(PUT + UNWRITTEN, about), failed(late)]), "{about}");
        assert!(!lost(LAZY, &[trouble(PUT + UNWRITTEN + 1, about), failed(late)]), "{about}: written before");
        assert!(!lost(LAZY, &[trouble(late, about), failed(late)]), "{about}: written before");
        let over = |at| [trouble(0, about), mended(PUT + SECOND), failed(at)];
        assert!(lost(LAZY, &over(PUT + SECOND + GIVEN_UP)), "{about}");
        assert!(!lost(LAZY, &over(PUT + SECOND + GIVEN_UP + 1)), "{about}: written since");
        let before = [trouble(0, about), mended(SECOND), failed(late)];
        assert!(!lost(LAZY, &before), "{about}: it was over long before");
    }
    let slow = Fault::hampering("SIBDB's disk is slow", vec!["SIBDB".to_owned()]).lasting(Lasts::UntilMended);
    assert!(lost(LAZY, &[fault(PUT, slow), failed(late)]));
    // Whom a fault is about is not to be found in what it is called.
    let others = vec!["SIBDB2".to_owned(), "dbhost-2".to_owned()];
    assert!(!lost(LAZY, &[fault(PUT, Fault::striking("SIBDB, dbhost", others)), failed(late)]));
    let nothing = Fault::without_effect("SIBDB to be killed, but it is down already");
    assert!(!lost(LAZY, &[fault(PUT, nothing), failed(late)]));
    // The store is not where the engine runs, nor is it another store.
    for other in ["server1", "node1", "NAS01", "nashost"] {
        assert!(!lost(LAZY, &[trouble(PUT, other), failed(late)]), "{other}");
    }
}

#[test]
fn a_store_that_was_ended_is_in_trouble_until_it_runs_again() {
    let killed = |at| fault(at, Fault::striking("SIBDB killed", vec!["SIBDB".to_owned()]));
    let back = |at| of_process(at, PROCESS_STARTED, "SIBDB");
    let failed = |at| of_engine(at, FAILED);
    let late = PUT + 600 * SECOND;
    assert!(lost(LAZY, &[killed(PUT), failed(late)]));
    assert!(lost(LAZY, &[killed(PUT), back(late - GIVEN_UP), failed(late)]));
    assert!(!lost(LAZY, &[killed(PUT), back(late - GIVEN_UP - 1), failed(late)]));
    assert!(lost(LAZY, &[killed(PUT), of_process(PUT, PROCESS_STARTED, "server2"), failed(late)]));
}

#[test]
fn what_is_taken_without_a_store_may_be_lost_only_if_the_engine_fails_before_it_has_it_again() {
    let (without, with) = (of_engine(PUT - SECOND, LOCK_LOST), |at| of_engine(at, LOCK_ACQUIRED));
    let failed = |at| of_engine(at, FAILED);
    let late = PUT + 600 * SECOND;
    let ended = of_process(late, PROCESS_ENDED, "server1");
    assert!(lost(LAZY, &[without.clone(), failed(late)]));
    assert!(lost(LAZY, &[without.clone(), of_engine(late, FAILED_GLOBALLY)]));
    assert!(lost(LAZY, &[without.clone(), ended]));
    assert!(!lost(ASSURED, &[without.clone(), failed(late)]));
    assert!(!lost(LAZY, std::slice::from_ref(&without)), "it has not failed");
    assert!(!lost(LAZY, &[without.clone(), with(PUT + SECOND)]), "it has not failed");
    assert!(lost(LAZY, &[without.clone(), with(late - UNWRITTEN), failed(late)]));
    assert!(!lost(LAZY, &[without.clone(), with(late - UNWRITTEN - 1), failed(late)]), "written since");
    // It was written before the store was lost.
    assert!(!lost(LAZY, &[of_engine(PUT + UNWRITTEN + 1, LOCK_LOST), failed(late)]));
    assert!(lost(LAZY, &[of_engine(PUT + UNWRITTEN, LOCK_LOST), failed(late)]));
    // Another instance's loss of the store is not this one's.
    let other = event(PUT - SECOND, LOCK_LOST, ENGINE, "server2");
    assert!(!lost(LAZY, &[other, failed(late)]));
}

#[test]
fn what_is_consumed_without_a_store_may_come_again_only_if_the_engine_fails_before_it_has_it_again() {
    let without = of_engine(GOT - SECOND, LOCK_LOST);
    let late = GOT + 600 * SECOND;
    assert!(again(&[without.clone(), of_engine(late, FAILED)]));
    assert!(!again(std::slice::from_ref(&without)));
    assert!(!again(&[without, of_engine(GOT + SECOND, LOCK_ACQUIRED), of_engine(late, FAILED)]));
    assert!(!again(&[of_engine(GOT + UNWRITTEN + 1, LOCK_LOST), of_engine(late, FAILED)]));
}

#[test]
fn a_standby_that_dies_or_stands_still_permits_nothing() {
    for name in [PROCESS_ENDED, PROCESS_PAUSED] {
        for at in [PUT, PUT + 1, PUT + SECOND] {
            let beside = [started(0, "server1"), of_process(at, name, "server2")];
            assert!(!may_be_lost(&cell("8.5", DATA_STORE), LAZY, &beside), "{name}");
        }
        let beside = [started(0, "server1"), of_process(GOT + 1, name, "server2")];
        assert!(!may_come_again(&cell("8.5", DATA_STORE), LAZY, &beside), "{name}");
        assert!(!may_forget_a_count(&cell("8.5", DATA_STORE), &beside), "{name}");
    }
    // Nor does one that has stopped and closed its store.
    let closed = [started(0, "server1"), of_engine(PUT + 1, STOPPED), of_engine(PUT + 2, STATE)];
    let ended = of_process(PUT + 3, PROCESS_ENDED, "server1");
    let open: Vec<Beside> = closed[..2].iter().cloned().chain([ended.clone()]).collect();
    let closed: Vec<Beside> = closed.into_iter().chain([ended]).collect();
    assert!(may_be_lost(&cell("8.5", DATA_STORE), LAZY, &open));
    assert!(!may_be_lost(&cell("8.5", DATA_STORE), LAZY, &closed));
}

#[test]
fn an_owner_that_stands_still_has_failed_if_another_one_takes_its_store_over() {
    let paused = of_process(PUT + UNWRITTEN, PROCESS_PAUSED, "server1");
    let resumed = |at| of_process(at, PROCESS_RESUMED, "server1");
    let late = PUT + 600 * SECOND;
    assert!(!lost(LAZY, &[paused.clone(), resumed(late)]), "it goes on");
    assert!(lost(LAZY, &[paused.clone(), started(late, "server2")]));
    assert!(lost(LAZY, &[paused.clone(), started(late, "server2"), resumed(late + 1)]));
    assert!(!lost(LAZY, &[paused.clone(), resumed(late - UNWRITTEN - 1), of_engine(late, FAILED)]), "written since");
    assert!(!lost(ASSURED, &[paused, started(late, "server2")]));
    let too_late = of_process(PUT + UNWRITTEN + 1, PROCESS_PAUSED, "server1");
    assert!(!lost(LAZY, &[too_late, started(late, "server2")]), "written before");
}

#[test]
fn a_store_that_fails_while_it_is_closed_has_failed_although_the_engine_was_stopped() {
    let stopped = of_engine(PUT + SECOND, STOPPED);
    for name in [STORE_UNREACHABLE, STORE_TAKEN_OVER] {
        let gives_up = |at| of_engine(at, name);
        assert!(lost(LAZY, &[stopped.clone(), gives_up(PUT + UNWRITTEN)]), "{name}");
        assert!(!lost(LAZY, &[stopped.clone(), gives_up(PUT + UNWRITTEN + 1)]), "{name}");
        let waits = [trouble(PUT, "SIBDB"), stopped.clone(), gives_up(PUT + 60 * SECOND)];
        assert!(lost(LAZY, &waits), "{name}");
        assert!(!lost(ASSURED, &waits), "{name}");
        let closed = [stopped.clone(), of_engine(PUT + SECOND + 1, STATE), gives_up(PUT + UNWRITTEN)];
        assert!(!lost(LAZY, &closed), "{name}: another start");
    }
}

#[test]
fn an_instance_that_was_succeeded_gives_out_what_the_other_one_has_delivered() {
    let given_by = |level, giver: &'static str, beside: &[Beside]| {
        let beside = [started(0, "server1")].into_iter().chain(beside.iter().cloned()).collect();
        let tale = Tale::new(level).given_out_again(Completion::Ok).given_by(giver);
        let judgement = tale.judged(&cell("8.5", DATA_STORE), beside);
        judgement.findings.iter().all(|finding| finding.kind != FindingKind::Duplicated)
    };
    let succeeded = started(GOT - SECOND, "server2");
    assert!(given_by(LAZY, "server1", std::slice::from_ref(&succeeded)));
    assert!(!given_by(LAZY, "server2", std::slice::from_ref(&succeeded)), "the new owner must not");
    assert!(!given_by(LAZY, "server1", &[]), "nobody else had it");
    assert!(!given_by(ASSURED, "server1", std::slice::from_ref(&succeeded)));
    assert!(!given_by(LAZY, "server1", &[succeeded, of_engine(GOT - 1, FAILED)]), "it had failed by then");
}
