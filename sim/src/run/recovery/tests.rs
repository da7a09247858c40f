//! Tests of what is put down to which fault, on timelines written by hand.

mod causes;
mod stories;

use indoubt_engine::coupling_facility::command::Connector;
use indoubt_engine::event::Event;
use indoubt_engine::ha_manager::policy::GroupName;
use indoubt_engine::machine::Incarnation;
use indoubt_engine::messaging_engine::store::StoreFailure;
use indoubt_engine::name::MessagingEngineName;
use indoubt_engine::time::{Duration, Time};

use super::*;
use crate::run::ProcessChange;

fn entry(milliseconds: u64, who: &str, what: Happening) -> TimelineEntry {
    TimelineEntry { at: Time::START + Duration::from_millis(milliseconds), who: who.to_owned(), what }
}

fn fault(milliseconds: u64, struck: &[&str]) -> TimelineEntry {
    let struck: Vec<String> = struck.iter().map(|&name| name.to_owned()).collect();
    entry(milliseconds, "nemesis", Happening::Fault { text: struck.join(" "), struck })
}

fn process(milliseconds: u64, who: &str, change: ProcessChange) -> TimelineEntry {
    entry(milliseconds, who, Happening::Process(change))
}

/// A fault that ends a process.
fn killed(milliseconds: u64, who: &str) -> [TimelineEntry; 2] {
    [fault(milliseconds, &[who]), process(milliseconds, who, ProcessChange::IsEnded)]
}

/// A process stands still, and goes on after a while.
fn paused(milliseconds: u64, who: &str) -> [TimelineEntry; 2] {
    [fault(milliseconds, &[who]), process(milliseconds, who, ProcessChange::StandsStill)]
}

fn goes_on(milliseconds: u64, who: &str) -> TimelineEntry {
    process(milliseconds, who, ProcessChange::GoesOn)
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

fn view(milliseconds: u64, who: &str, members: usize) -> TimelineEntry {
    event(milliseconds, who, Event::ViewInstalled { members, coordinator: who.into() })
}

fn database_open(milliseconds: u64) -> TimelineEntry {
    event(milliseconds, "SIBDB", Event::DatabaseStarted { database: "SIBDB".into(), transactions: 1 })
}

fn lock_lost(milliseconds: u64, who: &str) -> TimelineEntry {
    event(milliseconds, who, Event::StoreLockLost { engine: engine() })
}

fn ordered(milliseconds: u64, member: &str) -> TimelineEntry {
    event(milliseconds, "agent", Event::ActivationOrdered { group: group(), member: member.into() })
}

fn withdrawn(milliseconds: u64, member: &str) -> TimelineEntry {
    event(milliseconds, "agent", Event::DeactivationOrdered { group: group(), member: member.into() })
}

fn stopping(milliseconds: u64, who: &str) -> TimelineEntry {
    event(milliseconds, who, Event::MessagingEngineStopping { engine: engine() })
}

fn stopped(milliseconds: u64, who: &str) -> TimelineEntry {
    event(milliseconds, who, Event::MessagingEngineStopped { engine: engine() })
}

/// An engine starts: so many milliseconds for each part of it.
fn started(milliseconds: u64, who: &str) -> Vec<TimelineEntry> {
    vec![
        ordered(milliseconds, who),
        event(milliseconds + 1, who, Event::MessagingEngineStarting { engine: engine() }),
        event(milliseconds + 3, who, Event::StoreLockAcquired { engine: engine() }),
        event(milliseconds + 7, who, Event::MessagingEngineStarted { engine: engine() }),
        event(milliseconds + 7, who, Event::GroupMemberActivated { group: group() }),
    ]
}

/// A start that is given up, 50 ms after it was ordered.
fn started_in_vain(milliseconds: u64, who: &str) -> Vec<TimelineEntry> {
    let failure = StoreFailure::Locked;
    let mut start = started(milliseconds, who);
    start.truncate(2);
    start.push(event(milliseconds + 50, who, Event::MessagingEngineStartFailed { engine: engine(), failure }));
    start.push(event(milliseconds + 50, who, Event::GroupMemberDisabled { group: group() }));
    start
}

/// An engine serves in server1, and a database and three servers run.
fn serving() -> Vec<TimelineEntry> {
    let all = ["SIBDB", "agent", "server1", "server2", "server3"];
    let mut timeline: Vec<TimelineEntry> = all.iter().map(|who| process(0, who, ProcessChange::Runs)).collect();
    timeline.extend(["agent", "server1", "server2", "server3"].map(|who| view(0, who, 4)));
    timeline.extend(started(0, "server1"));
    timeline
}

/// The only move of the only fault that has one.
#[track_caller]
fn only_move(timeline: &[TimelineEntry]) -> Move {
    let moves: Vec<Move> = recoveries(timeline).into_iter().flat_map(|recovery| recovery.moves).collect();
    let [moved] = moves.as_slice() else { panic!("{moves:#?}") };
    moved.clone()
}

fn parts(moved: &Move) -> Vec<(&'static str, u64)> {
    moved.milestones.iter().map(|passed| (passed.milestone.name(), passed.at.as_milliseconds())).collect()
}

/// The times of the faults from which the last so many entries follow.
fn last_causes(timeline: &[TimelineEntry], count: usize) -> Vec<Option<u64>> {
    let causes = causes(timeline);
    let last = &causes[causes.len() - count..];
    last.iter().map(|cause| cause.map(|position| timeline[position].at.as_milliseconds())).collect()
}
