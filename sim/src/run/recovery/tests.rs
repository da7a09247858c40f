//! Tests of what is put down to which fault.

use indoubt_engine::coupling_facility::command::Connector;
use indoubt_engine::event::Event;
use indoubt_engine::ha_manager::policy::GroupName;
use indoubt_engine::machine::Incarnation;
use indoubt_engine::name::MessagingEngineName;
use indoubt_engine::time::{Duration, Time};

use super::*;

fn entry(milliseconds: u64, who: &str, what: Happening) -> TimelineEntry {
    TimelineEntry { at: Time::START + Duration::from_millis(milliseconds), who: who.to_owned(), what }
}

fn fault(milliseconds: u64, struck: &[&str]) -> TimelineEntry {
    let struck: Vec<String> = struck.iter().map(|&name| name.to_owned()).collect();
    entry(milliseconds, "nemesis", Happening::Fault { text: struck.join(" "), struck })
}

fn failed(name: &str) -> Connector {
    Connector { name: name.into(), incarnation: Incarnation(1) }
}

fn seen(milliseconds: u64, name: &str) -> TimelineEntry {
    let event = Event::PeerFailureSeen { structure: "APP1".into(), failed: failed(name) };
    entry(milliseconds, "QM03", Happening::Event(event))
}

fn ended(milliseconds: u64, name: &str) -> TimelineEntry {
    let event = Event::PeerRecoveryEnded { structure: "APP1".into(), failed: failed(name) };
    entry(milliseconds, "QM03", Happening::Event(event))
}

fn ready(milliseconds: u64, who: &str) -> TimelineEntry {
    entry(milliseconds, who, Happening::Event(Event::QueueManagerReady { incarnation: Incarnation(2) }))
}

fn times(timeline: &[TimelineEntry]) -> Vec<(Option<u64>, Option<u64>)> {
    let milliseconds = |at: Option<Time>| at.map(Time::as_milliseconds);
    let recoveries = recoveries(timeline);
    recoveries.iter().map(|recovery| (milliseconds(recovery.detected), milliseconds(recovery.recovered))).collect()
}

#[test]
fn what_follows_is_put_down_to_the_fault_that_struck_its_subject() {
    let timeline = [
        fault(10, &["QM01"]),
        fault(20, &["SYSB", "QM02"]),
        seen(30, "QM01"),
        seen(40, "QM02"),
        ended(50, "QM02"),
        ended(60, "QM01"),
        ready(70, "QM02"),
    ];
    assert_eq!(times(&timeline), [(Some(30), Some(60)), (Some(40), Some(70))]);
}

#[test]
fn a_fault_without_effect_takes_nothing_from_an_earlier_one() {
    let timeline = [fault(10, &["QM01"]), fault(20, &[]), seen(30, "QM01"), ended(40, "QM01")];
    assert_eq!(times(&timeline), [(Some(30), Some(40)), (None, None)]);
}

#[test]
fn the_next_fault_of_the_same_begins_a_recovery_of_its_own() {
    let timeline = [fault(10, &["QM01"]), seen(20, "QM01"), fault(30, &["QM01"]), seen(40, "QM01"), ready(50, "QM01")];
    assert_eq!(times(&timeline), [(Some(20), None), (Some(40), Some(50))]);
}

#[test]
fn what_healing_brings_about_is_no_recovery() {
    let healed = entry(30, "nemesis", Happening::Healed("everything".to_owned()));
    assert_eq!(times(&[fault(10, &["QM01"]), seen(20, "QM01"), healed, ready(40, "QM01")]), [(Some(20), None)]);
}

fn engine() -> MessagingEngineName {
    "CL.000-BUS".into()
}

fn group() -> GroupName {
    GroupName::of_messaging_engine(&"CL".into(), &"BUS".into(), &engine())
}

fn event(milliseconds: u64, who: &str, event: Event) -> TimelineEntry {
    entry(milliseconds, who, Happening::Event(event))
}

fn suspected(milliseconds: u64, who: &str, member: &str) -> TimelineEntry {
    event(milliseconds, who, Event::CoreGroupMemberSuspected { member: member.into(), why: "nothing heard" })
}

fn view(milliseconds: u64, who: &str) -> TimelineEntry {
    event(milliseconds, who, Event::ViewInstalled { members: 2, coordinator: who.into() })
}

/// An engine starts: so many milliseconds for each part of it.
fn started(milliseconds: u64, who: &str) -> Vec<TimelineEntry> {
    vec![
        event(milliseconds, "agent", Event::ActivationOrdered { group: group(), member: who.into() }),
        event(milliseconds + 1, who, Event::MessagingEngineStarting { engine: engine() }),
        event(milliseconds + 3, who, Event::StoreLockAcquired { engine: engine() }),
        event(milliseconds + 7, who, Event::MessagingEngineStarted { engine: engine() }),
        event(milliseconds + 7, who, Event::GroupMemberActivated { group: group() }),
    ]
}

#[test]
fn what_another_process_takes_over_is_put_down_to_the_fault_that_struck_the_first() {
    let mut timeline = started(0, "server1");
    timeline.extend([fault(100, &["server1"]), suspected(200, "server2", "server1"), view(210, "agent")]);
    timeline.extend(started(220, "server2"));
    assert_eq!(times(&timeline), [(Some(200), Some(227))]);
    let recoveries = recoveries(&timeline);
    let [moved] = recoveries[0].moves.as_slice() else { panic!("{recoveries:?}") };
    assert_eq!((moved.from.as_str(), moved.to.as_deref()), ("server1", Some("server2")));
    let parts: Vec<(&str, u64)> =
        moved.milestones.iter().map(|(milestone, at)| (milestone.name(), at.as_milliseconds())).collect();
    let expected =
        [("noticed", 200), ("agreed", 210), ("ordered", 220), ("begun", 221), ("store_owned", 223), ("serves", 227)];
    assert_eq!(parts, expected);
}

#[test]
fn a_move_back_is_no_part_of_the_recovery() {
    let mut timeline = started(0, "server1");
    timeline.extend([fault(100, &["server1"]), suspected(200, "server2", "server1")]);
    timeline.extend(started(220, "server2"));
    timeline.extend(started(900, "server1"));
    assert_eq!(times(&timeline), [(Some(200), Some(227))]);
}

#[test]
fn an_attempt_that_came_to_nothing_is_time_until_the_order_that_led_to_it() {
    let mut timeline = started(0, "server1");
    timeline.extend([fault(100, &["server1"]), suspected(200, "server2", "server1")]);
    timeline.extend(started(220, "server2").into_iter().take(2));
    timeline.extend(started(300, "server3"));
    let recoveries = recoveries(&timeline);
    let moved = &recoveries[0].moves[0];
    assert_eq!(moved.to.as_deref(), Some("server3"));
    assert!(moved.milestones.contains(&(Milestone::Ordered, Time::START + Duration::from_millis(300))), "{moved:?}");
}

#[test]
fn what_fails_although_its_process_was_not_struck_is_put_down_to_the_last_fault() {
    let mut timeline = started(0, "server1");
    timeline.extend([fault(100, &["SIBDB"]), event(150, "server1", Event::StoreLockLost { engine: engine() })]);
    timeline.extend(started(220, "server2"));
    assert_eq!(times(&timeline), [(Some(150), Some(227))]);
}

#[test]
fn a_fault_before_it_began_to_serve_is_not_blamed() {
    let mut timeline = vec![fault(0, &["SIBDB"])];
    timeline.extend(started(10, "server1"));
    timeline.push(event(150, "server1", Event::StoreLockLost { engine: engine() }));
    assert_eq!(times(&timeline), [(None, None)]);
}

#[test]
fn what_has_its_store_back_goes_on_where_it_was() {
    let lost = |at| event(at, "server1", Event::StoreLockLost { engine: engine() });
    let mut timeline = started(0, "server1");
    timeline.extend([fault(100, &["SIBDB"]), lost(101)]);
    timeline.push(event(140, "server1", Event::StoreLockAcquired { engine: engine() }));
    timeline.extend([
        fault(500, &["SIBDB"]),
        lost(501),
        fault(502, &["server1"]),
        suspected(503, "server2", "server1"),
    ]);
    timeline.extend([view(510, "agent")]);
    timeline.extend(started(520, "server2"));
    assert_eq!(times(&timeline), [(Some(101), Some(140)), (Some(501), None), (Some(503), Some(527))]);
    let recoveries = recoveries(&timeline);
    let [first] = recoveries[0].moves.as_slice() else { panic!("{recoveries:?}") };
    assert_eq!((first.from.as_str(), first.to.as_deref()), ("server1", Some("server1")));
    assert_eq!(first.served_again().map(Time::as_milliseconds), Some(140));
    assert_eq!(recoveries[2].moves[0].served_again().map(Time::as_milliseconds), Some(527));
}

#[test]
fn who_owns_the_store_and_does_not_begin_to_accept_work_does_not_serve() {
    let mut timeline = started(0, "server1");
    timeline.extend([fault(100, &["server1"]), suspected(200, "server2", "server1"), view(210, "agent")]);
    timeline.extend(started(220, "server2").into_iter().take(3));
    let recoveries = recoveries(&timeline);
    assert_eq!(recoveries[0].moves[0].served_again(), None);
}

#[test]
fn waiting_for_an_is_alive_check_is_a_part_of_its_own() {
    let mut timeline = started(0, "server1");
    timeline.extend([fault(100, &["SIBDB"]), event(150, "server1", Event::StoreLockLost { engine: engine() })]);
    timeline.extend([event(190, "server1", Event::MemberNotAlive { group: group() }), view(200, "agent")]);
    timeline.extend(started(220, "server2"));
    let recoveries = recoveries(&timeline);
    let parts: Vec<(&str, u64)> = recoveries[0].moves[0]
        .milestones
        .iter()
        .map(|(milestone, at)| (milestone.name(), at.as_milliseconds()))
        .take(4)
        .collect();
    assert_eq!(parts, [("noticed", 150), ("condemned", 190), ("agreed", 200), ("ordered", 220)]);
}

#[test]
fn what_has_its_store_back_and_fails_of_it_does_not_go_on() {
    let mut timeline = started(0, "server1");
    timeline.extend([fault(100, &["SIBDB"]), event(101, "server1", Event::StoreLockLost { engine: engine() })]);
    timeline.push(event(140, "server1", Event::StoreLockAcquired { engine: engine() }));
    timeline.push(event(141, "server1", Event::StoreTakenOver { engine: engine() }));
    timeline.extend(started(520, "server2"));
    let recoveries = recoveries(&timeline);
    let [moved] = recoveries[0].moves.as_slice() else { panic!("{recoveries:?}") };
    assert_eq!((moved.from.as_str(), moved.to.as_deref()), ("server1", Some("server2")));
    assert_eq!(moved.served_again().map(Time::as_milliseconds), Some(527));
}

#[test]
fn what_is_struck_again_before_anybody_notices_moves_because_of_the_last_fault() {
    let mut timeline = started(0, "server1");
    timeline.extend([fault(100, &["server1"]), fault(150, &["server1"]), suspected(200, "server2", "server1")]);
    timeline.extend(started(220, "server2"));
    let moves: Vec<usize> = recoveries(&timeline).iter().map(|recovery| recovery.moves.len()).collect();
    assert_eq!(moves, [0, 1]);
}

#[test]
fn a_view_is_put_down_to_the_fault_of_whoever_left_it() {
    let mut timeline = started(0, "server1");
    timeline.extend([fault(50, &["agent"]), fault(100, &["server1"]), view(120, "agent")]);
    timeline.extend([suspected(200, "server2", "server1"), view(210, "agent")]);
    let views = |causes: Vec<Option<usize>>| {
        let all = timeline.iter().zip(causes);
        all.filter(|(entry, _)| matches!(&entry.what, Happening::Event(Event::ViewInstalled { .. })))
            .map(|(_, cause)| cause.map(|position| timeline[position].at.as_milliseconds()))
            .collect::<Vec<_>>()
    };
    assert_eq!(views(causes(&timeline)), [None, Some(100)]);
}
