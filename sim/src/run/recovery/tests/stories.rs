//! What the time until something served again was made of.

use super::*;

/// server1 is killed, and what is left agree on it.
fn gone(timeline: &mut Vec<TimelineEntry>) {
    timeline.extend(killed(100, "server1"));
    timeline.extend([suspected(200, "server2", "server1"), view(210, "agent", 3)]);
}

#[test]
fn a_failover_is_told_in_its_parts() {
    let mut timeline = serving();
    gone(&mut timeline);
    timeline.extend(started(220, "server2"));
    let moved = only_move(&timeline);
    assert_eq!((moved.from.as_str(), moved.to.as_deref()), ("server1", Some("server2")));
    let expected =
        [("noticed", 200), ("agreed", 210), ("ordered", 220), ("begun", 221), ("store_owned", 223), ("serves", 227)];
    assert_eq!(parts(&moved), expected);
    assert_eq!(moved.since.as_milliseconds(), 100);
}

#[test]
fn the_first_view_is_what_they_agreed_on_and_a_later_one_brings_who_may_run_it() {
    let mut timeline = serving();
    gone(&mut timeline);
    timeline.extend([view(9_210, "agent", 4), view(9_210, "server2", 4)]);
    timeline.extend(started(9_220, "server1"));
    let moved = only_move(&timeline);
    let expected = [("noticed", 200), ("agreed", 210), ("available", 9_210), ("ordered", 9_220), ("begun", 9_221)];
    assert_eq!(parts(&moved)[..5], expected);
    assert_eq!(moved.milestones[3].who, "server1");
}

#[test]
fn a_view_that_grew_long_before_the_decision_did_not_bring_it_about() {
    let mut timeline = serving();
    gone(&mut timeline);
    timeline.push(view(5_000, "agent", 4));
    timeline.extend(started(9_220, "server1"));
    assert_eq!(parts(&only_move(&timeline))[..3], [("noticed", 200), ("agreed", 210), ("ordered", 9_220)]);
}

#[test]
fn starts_that_were_given_up_are_parts_of_their_own() {
    let mut timeline = serving();
    gone(&mut timeline);
    timeline.extend(started_in_vain(220, "server2"));
    timeline.extend(started_in_vain(300, "server3"));
    timeline.push(event(600, "server3", Event::EngineReenabled { engine: engine() }));
    timeline.extend(started(610, "server3"));
    let moved = only_move(&timeline);
    let expected = [
        ("noticed", 200),
        ("agreed", 210),
        ("start_failed", 270),
        ("start_failed", 350),
        ("enabled", 600),
        ("ordered", 610),
        ("begun", 611),
        ("store_owned", 613),
        ("serves", 617),
    ];
    assert_eq!(parts(&moved), expected);
    let gave_up: Vec<&str> = moved.milestones[2..4].iter().map(|passed| passed.who.as_str()).collect();
    assert_eq!((gave_up, moved.to.as_deref()), (vec!["server2", "server3"], Some("server3")));
}

#[test]
fn starts_that_one_server_gives_up_again_and_again_are_one_part() {
    let mut timeline = serving();
    gone(&mut timeline);
    timeline.extend([220, 300, 400].into_iter().flat_map(|at| started_in_vain(at, "server2")));
    timeline.extend(started(500, "server2"));
    let moved = only_move(&timeline);
    assert_eq!(parts(&moved)[2..4], [("start_failed", 450), ("ordered", 500)]);
    assert_eq!(moved.milestones[2].times, 3);
}

#[test]
fn an_attempt_that_came_to_nothing_is_time_until_the_order_that_led_to_it() {
    let mut timeline = serving();
    gone(&mut timeline);
    timeline.extend(started(220, "server2").into_iter().take(2));
    timeline.extend(started(300, "server3"));
    let moved = only_move(&timeline);
    assert_eq!(moved.to.as_deref(), Some("server3"));
    assert_eq!(parts(&moved)[2..4], [("ordered", 300), ("begun", 301)]);
}

#[test]
fn waiting_for_the_database_is_not_waiting_for_the_lock() {
    let mut timeline = serving();
    timeline.push(fault(100, &["SIBDB"]));
    timeline.extend([lock_lost(101, "server1"), database_open(140)]);
    timeline.push(event(142, "server1", Event::StoreLockAcquired { engine: engine() }));
    let moved = only_move(&timeline);
    assert_eq!(parts(&moved), [("noticed", 101), ("store_back", 140), ("store_owned", 142)]);
    assert_eq!(moved.served_again().map(Time::as_milliseconds), Some(142));

    let mut timeline = serving();
    gone(&mut timeline);
    let mut start = started(220, "server2");
    start.insert(2, database_open(222));
    timeline.extend(start);
    assert_eq!(parts(&only_move(&timeline))[3..6], [("begun", 221), ("store_back", 222), ("store_owned", 223)]);
}

#[test]
fn an_engine_that_gives_up_its_store_is_not_yet_found_dead() {
    let failure = StoreFailure::Unreachable;
    let mut timeline = serving();
    timeline.extend([fault(100, &["SIBDB"]), lock_lost(150, "server1")]);
    timeline.push(event(180, "server1", Event::MessagingEngineFailed { engine: engine(), failure }));
    timeline.extend([event(190, "server1", Event::MemberNotAlive { group: group() })]);
    timeline.extend([process(190, "server1", ProcessChange::Ends), suspected(191, "server2", "server1")]);
    timeline.push(view(200, "agent", 3));
    timeline.extend(started(220, "server2"));
    let expected = [("noticed", 150), ("gave_up", 180), ("condemned", 190), ("agreed", 200), ("ordered", 220)];
    assert_eq!(parts(&only_move(&timeline))[..5], expected);
}

#[test]
fn what_has_its_store_back_goes_on_where_it_was() {
    let mut timeline = serving();
    timeline.extend([fault(100, &["SIBDB"]), lock_lost(101, "server1")]);
    timeline.push(event(140, "server1", Event::StoreLockAcquired { engine: engine() }));
    // Views change for other reasons.
    timeline.extend([view(150, "agent", 3), view(160, "agent", 4)]);
    timeline.extend([fault(500, &["SIBDB"]), lock_lost(501, "server1")]);
    timeline.extend(killed(502, "server1"));
    timeline.extend([suspected(503, "server2", "server1"), view(510, "agent", 3)]);
    timeline.extend(started(520, "server2"));
    assert_eq!(times(&timeline), [(Some(101), Some(140)), (Some(501), None), (Some(503), Some(527))]);
    let recoveries = recoveries(&timeline);
    let [first] = recoveries[0].moves.as_slice() else { panic!("{recoveries:?}") };
    assert_eq!((first.from.as_str(), first.to.as_deref()), ("server1", Some("server1")));
    assert_eq!(parts(first), [("noticed", 101), ("store_owned", 140)]);
    assert_eq!(first.lost_again.map(Time::as_milliseconds), Some(500));
    assert!(recoveries[1].moves.is_empty(), "{recoveries:#?}");
    assert_eq!(recoveries[2].moves[0].served_again().map(Time::as_milliseconds), Some(527));
}

#[test]
fn what_has_its_store_back_and_fails_of_it_does_not_go_on() {
    let mut timeline = serving();
    timeline.extend([fault(100, &["SIBDB"]), lock_lost(101, "server1")]);
    timeline.push(event(140, "server1", Event::StoreLockAcquired { engine: engine() }));
    timeline.push(event(141, "server1", Event::StoreTakenOver { engine: engine() }));
    timeline.extend(started(520, "server2"));
    let moved = only_move(&timeline);
    assert_eq!((moved.from.as_str(), moved.to.as_deref()), ("server1", Some("server2")));
    assert_eq!(moved.served_again().map(Time::as_milliseconds), Some(527));
}

#[test]
fn who_owns_the_store_and_does_not_begin_to_accept_work_does_not_serve() {
    let mut timeline = serving();
    gone(&mut timeline);
    timeline.extend(started(220, "server2").into_iter().take(3));
    assert_eq!(only_move(&timeline).served_again(), None);
}

#[test]
fn what_is_struck_again_before_anybody_notices_moves_because_of_the_last_fault() {
    let mut timeline = serving();
    timeline.extend(paused(100, "server1"));
    timeline.extend(killed(150, "server1"));
    timeline.push(suspected(200, "server2", "server1"));
    timeline.extend(started(220, "server2"));
    let moves: Vec<usize> = recoveries(&timeline).iter().map(|recovery| recovery.moves.len()).collect();
    assert_eq!(moves, [0, 1]);
}

#[test]
fn where_it_does_not_run_any_more_a_fault_takes_nothing_down() {
    let mut timeline = serving();
    gone(&mut timeline);
    timeline.extend([process(220, "server1", ProcessChange::Starts(2))]);
    timeline.extend(killed(230, "server1"));
    timeline.extend(started(250, "server2"));
    let moves: Vec<usize> = recoveries(&timeline).iter().map(|recovery| recovery.moves.len()).collect();
    assert_eq!(moves, [1, 0]);
}

#[test]
fn what_stood_still_and_still_owns_its_store_has_recovered_when_it_goes_on() {
    let mut timeline = serving();
    timeline.extend(paused(100, "server1"));
    timeline.extend([suspected(200, "server2", "server1"), view(210, "agent", 3)]);
    timeline.extend(started(220, "server2").into_iter().take(2));
    timeline.extend([goes_on(400, "server1"), suspected(400, "server1", "server2"), view(410, "agent", 4)]);
    timeline.push(withdrawn(411, "server2"));
    assert_eq!(times(&timeline), [(Some(200), Some(400))]);
    let moved = only_move(&timeline);
    assert_eq!(moved.to.as_deref(), Some("server1"));
    assert_eq!(parts(&moved), [("noticed", 200), ("agreed", 210), ("went_on", 400)]);
    assert_eq!(last_causes(&timeline, 3), [Some(100); 3]);
}

#[test]
fn who_goes_on_because_everything_is_mended_in_the_end_has_not_recovered() {
    let mut timeline = serving();
    timeline.extend(paused(100, "server1"));
    timeline.push(goes_on(400, "server1"));
    timeline.push(entry(400, "nemesis", Happening::Healed("everything".to_owned())));
    assert_eq!(times(&timeline), [(None, None)]);
}

#[test]
fn what_goes_on_and_finds_its_store_taken_has_not_recovered() {
    let mut timeline = serving();
    timeline.extend(paused(100, "server1"));
    timeline.extend([goes_on(400, "server1"), lock_lost(401, "server1")]);
    timeline.push(event(402, "server1", Event::StoreTakenOver { engine: engine() }));
    timeline.extend(started(520, "server2"));
    let moved = only_move(&timeline);
    assert_eq!(parts(&moved)[..2], [("went_on", 400), ("ordered", 520)]);
    assert_eq!(moved.served_again().map(Time::as_milliseconds), Some(527));
}

/// The link between server1 and the others is cut, and they choose another one.
fn apart() -> Vec<TimelineEntry> {
    let mut timeline = serving();
    timeline.push(fault(100, &["server1", "server2", "agent"]));
    timeline.extend([suspected(200, "agent", "server1"), view(210, "agent", 3)]);
    timeline
}

#[test]
fn a_cut_takes_nothing_down_by_itself() {
    let mut timeline = apart();
    timeline.extend(started(220, "server2").into_iter().take(2));
    timeline.extend([view(500, "agent", 4), withdrawn(501, "server2")]);
    let moved = only_move(&timeline);
    assert_eq!(moved.kind, MoveKind::SecondInstance);
    assert_eq!((moved.to.as_deref(), moved.served_again()), (Some("server2"), None));
    assert_eq!(parts(&moved), [("noticed", 200), ("agreed", 210), ("ordered", 220), ("begun", 221)]);
    assert_eq!(times(&timeline), [(Some(200), None)]);

    let mut timeline = apart();
    timeline.extend(started(220, "server2"));
    let moved = only_move(&timeline);
    assert_eq!((moved.kind, moved.to.as_deref()), (MoveKind::Failure, Some("server2")));
}

#[test]
fn who_ends_itself_served_until_then() {
    let mut timeline = apart();
    timeline.push(event(211, "server1", Event::ServerTerminated { reason: "no quorum" }));
    timeline.push(process(211, "server1", ProcessChange::Ends));
    timeline.extend(started(220, "server2"));
    let moved = only_move(&timeline);
    assert_eq!((moved.kind, moved.since.as_milliseconds()), (MoveKind::Failure, 211));
    assert_eq!(moved.served_again().map(Time::as_milliseconds), Some(227));
    assert_eq!(times(&timeline), [(Some(200), Some(227))]);
}

#[test]
fn one_of_two_that_meet_is_lost_once_more() {
    let mut timeline = apart();
    timeline.extend(started(220, "server2"));
    timeline.push(view(500, "agent", 4));
    timeline.push(event(501, "agent", Event::SeveralActiveMembers { group: group(), active: 2 }));
    timeline.extend([withdrawn(502, "server2"), stopping(503, "server2"), stopped(504, "server2")]);
    timeline.extend(started(900, "server2"));
    let moves = recoveries(&timeline).remove(0).moves;
    let [first, second] = moves.as_slice() else { panic!("{moves:#?}") };
    assert_eq!(first.lost_again.map(Time::as_milliseconds), Some(503));
    assert_eq!((second.from.as_str(), second.since.as_milliseconds()), ("server2", 503));
    assert_eq!(parts(second)[..2], [("stopped", 504), ("ordered", 900)]);
}

#[test]
fn a_server_that_is_asked_to_stop_takes_its_engine_along() {
    let mut timeline = serving();
    timeline.extend([fault(100, &["server1"]), stopping(100, "server1"), stopped(150, "server1")]);
    timeline.extend(started(160, "server2"));
    timeline.insert(timeline.len() - 4, suspected(161, "agent", "server1"));
    timeline.insert(timeline.len() - 4, process(161, "server1", ProcessChange::Ends));
    let moved = only_move(&timeline);
    let expected = [("stopped", 150), ("ordered", 160), ("begun", 161), ("store_owned", 163), ("serves", 167)];
    assert_eq!(parts(&moved), expected);
}

#[test]
fn a_planned_move_follows_from_the_command() {
    let command = |at, about: &[&str]| {
        let about = about.iter().map(|&name| name.to_owned()).collect();
        entry(at, "operator", Happening::Command { text: "a command".to_owned(), about })
    };
    let mut timeline = serving();
    timeline.extend([command(100, &["CL.000-BUS", "server1"]), stopping(100, "server1"), stopped(150, "server1")]);
    timeline.push(command(300, &["CL.000-BUS", "server1"]));
    timeline.extend(started(310, "server1").into_iter().skip(1));
    let [recovery] = recoveries(&timeline).try_into().expect("one act");
    assert_eq!((recovery.act, recovery.detected, recovery.recovered), (Act::Command, None, None));
    let expected = [("stopped", 150), ("commanded", 300), ("begun", 311), ("store_owned", 313), ("serves", 317)];
    assert_eq!(parts(&recovery.moves[0]), expected);

    // Another policy, for everybody.
    let mut timeline = serving();
    timeline.extend([command(100, &[]), withdrawn(101, "server1"), stopping(102, "server1"), stopped(103, "server1")]);
    timeline.extend(started(110, "server2"));
    assert_eq!(only_move(&timeline).since.as_milliseconds(), 100);
    assert_eq!(last_causes(&timeline, 8), [Some(100); 8]);
}
