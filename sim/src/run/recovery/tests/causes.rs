//! From which fault an entry follows, and what counts as its detection and as the recovery from it.

use indoubt_engine::unit_of_work::{Outcome, Xid};

use super::*;

#[test]
fn what_another_process_takes_over_is_put_down_to_the_fault_that_struck_the_first() {
    let mut timeline = serving();
    timeline.extend(killed(100, "server1"));
    timeline.extend([suspected(200, "server2", "server1"), view(210, "agent", 3)]);
    timeline.extend(started(220, "server2"));
    assert_eq!(times(&timeline), [(Some(200), Some(227))]);
}

#[test]
fn a_move_back_is_no_part_of_the_recovery() {
    let mut timeline = serving();
    timeline.extend(killed(100, "server1"));
    timeline.push(suspected(200, "server2", "server1"));
    timeline.extend(started(220, "server2"));
    timeline.extend([withdrawn(890, "server2"), stopping(891, "server2"), stopped(892, "server2")]);
    timeline.extend(started(900, "server1"));
    assert_eq!(times(&timeline), [(Some(200), Some(227))]);
}

#[test]
fn an_activation_after_a_deactivation_follows_from_the_same() {
    let mut timeline = serving();
    timeline.extend(killed(100, "server2"));
    timeline.extend([suspected(110, "agent", "server2"), view(120, "agent", 3)]);
    timeline.push(process(300, "server2", ProcessChange::Starts(2)));
    timeline.push(view(310, "agent", 4));
    timeline.extend([withdrawn(320, "server1"), stopping(321, "server1"), stopped(322, "server1")]);
    timeline.extend(started(330, "server2"));
    assert_eq!(last_causes(&timeline, 9), [Some(100); 9]);
}

#[test]
fn what_fails_although_its_process_was_not_struck_is_put_down_to_the_last_fault() {
    let mut timeline = serving();
    timeline.extend([fault(100, &["SIBDB"]), lock_lost(150, "server1")]);
    timeline.extend(started(220, "server2"));
    assert_eq!(times(&timeline), [(Some(150), Some(227))]);
}

#[test]
fn a_store_is_lost_because_of_what_struck_it_and_not_because_of_an_application() {
    let mut timeline = serving();
    timeline.extend([fault(100, &["SIBDB"]), fault(110, &["branch.1"]), lock_lost(150, "server1")]);
    assert_eq!(last_causes(&timeline, 1), [Some(100)]);
}

#[test]
fn who_finds_its_store_lost_after_it_stood_still_lost_it_because_of_what_struck_the_store() {
    let mut timeline = serving();
    timeline.extend(paused(100, "server1"));
    timeline.extend([fault(110, &["SIBDB"]), goes_on(120, "server1"), lock_lost(120, "server1")]);
    assert_eq!(last_causes(&timeline, 1), [Some(110)]);
}

#[test]
fn a_fault_before_it_began_to_serve_is_not_blamed() {
    let mut timeline = vec![fault(0, &["SIBDB"])];
    timeline.extend(started(10, "server1"));
    timeline.push(lock_lost(150, "server1"));
    assert_eq!(times(&timeline), [(None, None)]);
}

#[test]
fn a_view_that_shrinks_is_put_down_to_the_fault_of_whoever_left_it() {
    let mut timeline = serving();
    timeline.extend([fault(50, &["agent"]), fault(100, &["server1"]), suspected(200, "server2", "server1")]);
    timeline.push(view(210, "agent", 3));
    assert_eq!(last_causes(&timeline, 1), [Some(100)]);
}

#[test]
fn a_view_that_grows_is_put_down_to_the_fault_of_whoever_returned() {
    let mut timeline = serving();
    timeline.extend(killed(100, "server2"));
    timeline.extend([suspected(101, "agent", "server2"), view(102, "agent", 3)]);
    timeline.extend(killed(200, "server3"));
    timeline.extend([suspected(201, "agent", "server3"), view(202, "agent", 2)]);
    timeline.push(event(300, "server2", Event::ServerStarted { incarnation: Incarnation(2) }));
    timeline.push(view(310, "agent", 3));
    assert_eq!(last_causes(&timeline, 3), [Some(200), Some(100), Some(100)]);
}

#[test]
fn who_takes_over_an_office_recovers_only_from_what_ended_somebody() {
    let elected = |at| event(at, "server2", Event::CoordinatorElected {});
    let mut timeline = serving();
    timeline.extend(killed(100, "agent"));
    timeline.extend([suspected(110, "server2", "agent"), view(120, "server2", 3), elected(121)]);
    assert_eq!(times(&timeline), [(Some(110), Some(121))]);

    let mut timeline = serving();
    timeline.push(fault(100, &["agent", "server2"]));
    timeline.extend([suspected(110, "server2", "agent"), view(120, "server2", 3), elected(121)]);
    assert_eq!(last_causes(&timeline, 1), [Some(100)]);
    assert_eq!(times(&timeline), [(Some(110), None)], "the agent is coordinator all the time");
}

#[test]
fn a_process_that_runs_again_counts_only_if_nothing_else_was_restored() {
    let back = |at, who| event(at, who, Event::ServerStarted { incarnation: Incarnation(2) });
    let mut timeline = serving();
    timeline.extend(killed(100, "server3"));
    timeline.extend([suspected(110, "agent", "server3"), back(200, "server3")]);
    timeline.extend(killed(300, "server1"));
    timeline.push(suspected(310, "agent", "server1"));
    timeline.extend(started(320, "server2"));
    timeline.push(back(400, "server1"));
    timeline.extend([fault(500, &["SIBDB"]), database_open(510)]);
    assert_eq!(times(&timeline), [(Some(110), Some(200)), (Some(310), Some(327)), (None, Some(510))]);
}

#[test]
fn who_has_its_store_back_and_fails_of_it_has_not_recovered() {
    let failure = StoreFailure::Corrupt;
    let mut timeline = serving();
    timeline.push(fault(100, &["NAS01"]));
    timeline.push(event(101, "server1", Event::FileStoreLost { engine: engine() }));
    timeline.push(event(140, "server1", Event::FileStoreRegained { engine: engine() }));
    timeline.push(event(140, "server1", Event::FileStoreFailed { engine: engine(), why: failure }));
    timeline.push(event(140, "server1", Event::MessagingEngineFailedGlobally { engine: engine(), failure }));
    assert_eq!(times(&timeline), [(Some(101), None)]);
    assert_eq!(parts(&only_move(&timeline)), [("noticed", 101), ("store_owned", 140), ("failed_for_good", 140)]);
}

#[test]
fn the_transaction_of_a_coordinator_that_was_down_is_put_down_to_that() {
    let resolved = |at, life: u64| {
        let xid = Xid { coordinator: "cics".to_owned(), number: life << 32 | 5 };
        event(at, "server2", Event::EngineInDoubtResolved { engine: engine(), xid, outcome: Outcome::Commit })
    };
    let mut timeline = serving();
    timeline.extend(killed(50, "cics"));
    timeline.extend(killed(100, "server1"));
    timeline.push(suspected(110, "agent", "server1"));
    timeline.extend(started(120, "server2"));
    timeline.extend([process(200, "cics", ProcessChange::Starts(2)), resolved(210, 1)]);
    assert_eq!(times(&timeline), [(None, Some(210)), (Some(110), Some(127))]);
    timeline.push(resolved(220, 2));
    assert_eq!(last_causes(&timeline, 2), [Some(50), Some(100)], "its own life did not end");
}

#[test]
fn a_process_that_ends_because_of_what_is_in_it_follows_from_the_same() {
    let mut timeline = serving();
    timeline.extend([fault(50, &["server1"]), fault(100, &["SIBDB"]), lock_lost(101, "server1")]);
    timeline.push(event(110, "server1", Event::MemberNotAlive { group: group() }));
    timeline.push(event(110, "server1", Event::ServerTerminated { reason: "not alive" }));
    timeline.push(process(110, "server1", ProcessChange::Ends));
    timeline.push(suspected(110, "agent", "server1"));
    timeline.push(view(120, "agent", 3));
    timeline.push(event(130, "agent", Event::ServerRestarted { process: "server1".into() }));
    assert_eq!(last_causes(&timeline, 6), [Some(100), Some(100), None, Some(100), Some(100), Some(100)]);
}

#[test]
fn who_works_with_something_follows_it() {
    let connected = |at| event(at, "bean.1", Event::EndpointConnected { engine: engine() });
    let mut timeline = serving();
    timeline.extend([fault(50, &["bean.1"]), connected(60)]);
    timeline.extend(killed(100, "server1"));
    timeline.push(suspected(110, "agent", "server1"));
    timeline.extend(started(120, "server2"));
    timeline.push(event(127, "bean.1", Event::EndpointConnectionEnded { engine: engine() }));
    timeline.push(connected(128));
    assert_eq!(last_causes(&timeline, 2), [Some(100); 2]);
    assert_eq!(last_causes(&timeline[..timeline.len() - 10], 1), [Some(50)]);
}

#[test]
fn what_comes_of_the_work_follows_from_no_fault() {
    let mut timeline = serving();
    timeline.push(fault(50, &["server1"]));
    timeline.push(event(60, "server1", Event::SpillingBegan { destination: "QUOTE".into() }));
    timeline.push(event(61, "server1", Event::MessageStoreFull { engine: engine() }));
    assert_eq!(last_causes(&timeline, 2), [None, None]);
}
