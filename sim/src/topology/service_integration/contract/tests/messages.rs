//! What may happen to messages: losses by reliability level, and what a store writes lazily.

use super::*;

#[test]
fn what_each_event_permits_to_be_lost_is_the_table_of_reliability_levels() {
    // Long after the put, so that nothing is lazy any more.
    let at = PUT + 100 * SECOND;
    let one_way = vec![BEST_EFFORT, Reliability::ExpressNonpersistent];
    let table: Vec<(Beside, Vec<Reliability>)> = vec![
        (of_engine(at, STOPPED), NONPERSISTENT.to_vec()),
        (of_engine(at, FAILED), NONPERSISTENT.to_vec()),
        (of_process(at, PROCESS_ENDED, "server1"), NONPERSISTENT.to_vec()),
        // It does not run the engine.
        (of_process(at, PROCESS_ENDED, "server2"), vec![]),
        (started(at, "server2"), NONPERSISTENT.to_vec()),
        (event(at, CONNECTION_LOST, "branch", "branch"), one_way.clone()),
        (of_process(at, PROCESS_ENDED, "branch"), one_way.clone()),
        // The connection of somebody who has only consumed.
        (event(at, CONNECTION_LOST, "booking", "booking"), vec![]),
        (event(at, ONE_WAY_DISCARDED, "REQUEST", "server1"), one_way),
        (event(at, ONE_WAY_DISCARDED, "REPLY", "server1"), vec![]),
        (of_process(at, PROCESS_PAUSED, "server1"), vec![]),
        (event(at, "best_effort_discarded", "", "server1"), vec![BEST_EFFORT]),
        (event(at, "best_effort_discarded", "", "server2"), vec![]),
        (of_engine(at, "messaging_engine_starting"), vec![]),
    ];
    for store in [DATA_STORE, FILE_STORE] {
        let cell = cell("8.5", store);
        for (beside, lost) in &table {
            let beside = [started(0, "server1"), beside.clone()];
            assert_eq!(levels_lost(&cell, &beside), *lost, "{store}: {beside:?}");
        }
    }
}

#[test]
fn an_express_message_is_refused_by_its_engine_while_its_connection_lasts_and_a_best_effort_one_by_another_engine_later()
 {
    let cell = cell("8.5", DATA_STORE);
    let refused = |at| levels_lost(&cell, &[started(0, "server1"), event(at, ONE_WAY_DISCARDED, "REQUEST", "server1")]);
    let one_way = [BEST_EFFORT, Reliability::ExpressNonpersistent];
    assert_eq!(refused(PUT + 307 * SECOND), one_way);
    assert_eq!(refused(PUT + 307 * SECOND + 1), one_way[..1]);
}

#[test]
fn nothing_is_permitted_by_what_came_before_the_message() {
    for store in [DATA_STORE, FILE_STORE] {
        let cell = cell("8.5", store);
        for name in [STOPPED, FAILED, FAILED_GLOBALLY] {
            let before = [started(0, "server1"), of_engine(PUT - 1, name)];
            assert_eq!(levels_lost(&cell, &before), [], "{store}: {name}");
        }
        let before = [started(0, "server1"), event(PUT - 1, CONNECTION_LOST, "branch", "branch")];
        assert_eq!(levels_lost(&cell, &before), [], "{store}");
    }
}

#[test]
fn a_file_store_that_cannot_be_read_has_no_rule_that_it_may_lose_what_is_persistent() {
    let at = PUT + 100 * SECOND;
    let beside = [started(0, "server1"), of_engine(at, FAILED_GLOBALLY)];
    for store in [DATA_STORE, FILE_STORE] {
        assert_eq!(levels_lost(&cell("8.5", store), &beside), NONPERSISTENT, "{store}");
    }
    let soon = [started(0, "server1"), of_engine(PUT + 1, FAILED_GLOBALLY)];
    assert_eq!(levels_lost(&cell("8.5", FILE_STORE), &soon), NONPERSISTENT);
}

#[test]
fn a_connection_that_is_lost_when_somebody_has_got_the_message_has_not_lost_it() {
    let cell = cell("8.5", DATA_STORE);
    let lost = |at| {
        let tale = Tale::new(Reliability::ExpressNonpersistent).rolled_back_and_gone();
        let lost = event(at, CONNECTION_LOST, "branch", "branch");
        tale.judged(&cell, vec![started(0, "server1"), lost]).account.permitted == 1
    };
    assert!(!lost(GOT + SECOND));
}

#[test]
fn a_data_store_may_lose_what_it_has_not_written_for_a_second_and_a_half() {
    let cell = cell("8.5", DATA_STORE);
    let lost = |level, beside: Beside| may_be_lost(&cell, level, &[started(0, "server1"), beside]);
    for beside in interruptions_at(PUT + UNWRITTEN) {
        assert!(lost(LAZY, beside.clone()), "{beside:?}");
        assert!(!lost(ASSURED, beside.clone()), "{beside:?}");
    }
    for beside in interruptions_at(PUT + UNWRITTEN + 1) {
        assert!(!lost(LAZY, beside.clone()), "{beside:?}");
    }
    // A stop in good order writes everything.
    assert!(!lost(LAZY, of_engine(PUT + 1, STOPPED)));
}

#[test]
fn a_data_store_may_give_again_what_was_consumed_a_second_and_a_half_before() {
    let cell = cell("8.5", DATA_STORE);
    let again = |level, beside: Beside| may_come_again(&cell, level, &[started(0, "server1"), beside]);
    for beside in interruptions_at(GOT + UNWRITTEN) {
        assert!(again(LAZY, beside.clone()), "{beside:?}");
        assert!(!again(ASSURED, beside.clone()), "{beside:?}");
    }
    for beside in interruptions_at(GOT + UNWRITTEN + 1) {
        assert!(!again(LAZY, beside.clone()), "{beside:?}");
    }
}

#[test]
fn a_file_store_writes_nothing_lazily() {
    let cell = cell("8.5", FILE_STORE);
    for beside in interruptions_at(PUT + 1) {
        if matches!(&beside.1, WorldHappening::Event { name, .. } if name != FAILED_GLOBALLY) {
            let beside = [started(0, "server1"), beside];
            assert!(!may_be_lost(&cell, LAZY, &beside), "{beside:?}");
        }
    }
    for beside in interruptions_at(GOT + 1) {
        let beside = [started(0, "server1"), beside];
        assert!(!may_come_again(&cell, LAZY, &beside), "{beside:?}");
    }
}
