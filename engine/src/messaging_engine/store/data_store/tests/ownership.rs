//! Who owns the tables, when, and for how long.

use super::strategies::{ASSURED, add, survivors};
use super::world::{World, definition, seconds};
use crate::database::frame::{DatabaseRequest, RequestNumber, RowKey, Statement, Then};
use crate::database::{Capacity, TransactionNumber};
use crate::messaging_engine::definition::{EngineUuid, WasLevel};
use crate::messaging_engine::store::data_store::{DataStoreDefinition, Tables};
use crate::messaging_engine::store::{MessageStore, StoreEvent, StoreFailure};
use crate::name::ProcessName;

fn restricted() -> DataStoreDefinition {
    DataStoreDefinition { restrict_long_running_locks: true, ..definition(WasLevel::V8_5) }
}

#[test]
fn the_first_instance_owns_an_empty_store() {
    let mut world = World::new();
    let first = world.open(definition(WasLevel::V9));
    world.run(seconds(1));
    assert!(world.contents(first).is_some_and(|contents| contents.messages.is_empty()));
    assert!(world.instances[first].store.is_available());
    assert!(world.reported("store_lock_attempted") && world.reported("store_lock_acquired"));
    assert!(world.reported("store_not_owned_before") && !world.reported("store_owned_before"));
}

#[test]
fn a_second_instance_waits_while_the_first_one_lives_and_is_refused_after_15_minutes() {
    let mut world = World::new();
    world.open(definition(WasLevel::V9));
    world.run(seconds(5));
    let second = world.open(definition(WasLevel::V9));
    world.run(seconds(899));
    assert!(world.instances[second].events.is_empty(), "it waits");
    world.run(seconds(2));
    assert!(world.has(second, &StoreEvent::OpenFailed(StoreFailure::Locked)));
    assert!(world.reported("store_lock_waiting") && world.reported("store_lock_refused"));
}

#[test]
fn the_lock_of_a_process_that_died_is_free_at_once() {
    let mut world = World::new();
    let first = world.open(definition(WasLevel::V9));
    let second = world.open(definition(WasLevel::V9));
    world.run(seconds(30));
    assert!(world.contents(second).is_none());
    world.kill(first);
    world.run(seconds(1));
    assert!(world.contents(second).is_some());
    assert!(world.reported("store_owned_before"));
}

#[test]
fn the_lock_of_a_silent_host_lasts_until_the_keep_alive_of_the_database_host() {
    let mut world = World::with(|database| database.session_keep_alive = seconds(300));
    let first = world.open(definition(WasLevel::V9));
    world.run(seconds(5));
    world.cut(first);
    let second = world.open(definition(WasLevel::V9));
    world.run(seconds(299));
    assert!(world.contents(second).is_none());
    world.run(seconds(2));
    assert!(world.contents(second).is_some());
    assert!(world.reported("database_session_expired"));
}

#[test]
fn with_a_keep_alive_of_2_hours_a_standby_is_refused_before_the_lock_of_a_silent_host_is_free() {
    let mut world = World::new();
    let first = world.open(definition(WasLevel::V9));
    world.run(seconds(5));
    world.cut(first);
    let second = world.open(definition(WasLevel::V9));
    world.run(seconds(901));
    assert!(world.has(second, &StoreEvent::OpenFailed(StoreFailure::Locked)));
}

#[test]
fn an_operator_who_kills_the_session_of_a_silent_host_frees_its_lock() {
    let mut world = World::new();
    let first = world.open(definition(WasLevel::V9));
    world.run(seconds(5));
    world.cut(first);
    let second = world.open(definition(WasLevel::V9));
    world.run(seconds(60));
    let of = ProcessName::from("server0");
    world.command(DatabaseRequest::KillSessions { request: RequestNumber(1), of });
    world.run(seconds(1));
    assert!(world.contents(second).is_some());
    assert!(world.reported("database_session_killed"));
}

#[test]
fn an_owner_that_comes_back_after_another_one_took_the_store_stops() {
    let mut world = World::with(|database| database.session_keep_alive = seconds(60));
    let first = world.open(definition(WasLevel::V6_1));
    world.run(seconds(5));
    world.cut(first);
    let second = world.open(definition(WasLevel::V6_1));
    world.run(seconds(100));
    assert!(world.has(first, &StoreEvent::Lost) && world.contents(second).is_some());
    world.heal(first);
    world.run(seconds(60));
    assert!(!world.instances[first].store.is_available(), "the lock is held");
    world.kill(second);
    world.run(seconds(60));
    assert!(world.has(first, &StoreEvent::Failed(StoreFailure::TakenOver)));
    assert!(world.reported("store_taken_over"));
}

#[test]
fn tables_of_another_engine_are_refused_and_left_as_they_are() {
    for own in [definition(WasLevel::V9), restricted()] {
        let mut world = World::new();
        let first = world.open(own.clone());
        world.run(seconds(1));
        world.close(first);
        world.run(seconds(1));
        let second = world.open(DataStoreDefinition { uuid: EngineUuid("B2".to_owned()), ..own.clone() });
        world.run(seconds(1));
        assert!(world.has(second, &StoreEvent::OpenFailed(StoreFailure::WrongEngine)));
        assert!(!StoreFailure::WrongEngine.is_global(), "another server may have the right data source");
        let told = world.reports.iter().find(|(_, event)| event.name() == "store_of_another_engine");
        let told = told.map(|(_, event)| event.to_string()).expect("it says whose tables they are");
        assert!(told.contains("A1") && told.contains("B2"), "{told}");
        assert!(world.reported("store_lock_refused"));
        let third = world.open(own);
        world.run(seconds(1));
        assert!(world.contents(third).is_some());
    }
}

/// With the long-running locks, whoever else names the schema of an engine that runs never comes to read whose it is.
#[test]
fn tables_of_another_engine_that_runs_are_locked_unless_long_running_locks_are_restricted() {
    for (own, failure) in [(definition(WasLevel::V9), StoreFailure::Locked), (restricted(), StoreFailure::WrongEngine)]
    {
        let mut world = World::new();
        let first = world.open(own.clone());
        world.run(seconds(5));
        let second = world.open(DataStoreDefinition { uuid: EngineUuid("B2".to_owned()), ..own });
        world.run(seconds(901));
        assert!(world.has(second, &StoreEvent::OpenFailed(failure)), "{failure}");
        assert!(world.instances[first].store.is_available());
    }
}

#[test]
fn tables_that_cannot_be_read_are_a_common_mode_error() {
    let mut world = World::new();
    let first = world.open(definition(WasLevel::V9));
    world.run(seconds(1));
    world.close(first);
    world.run(seconds(1));
    world.command(DatabaseRequest::Execute {
        request: RequestNumber(1),
        schema: definition(WasLevel::V9).schema,
        transaction: TransactionNumber(1),
        statements: vec![Statement::Put {
            table: Tables::default().owner,
            key: RowKey::Number(0),
            value: vec![u8::MAX],
        }],
        then: Then::Commit,
    });
    world.run(seconds(1));
    let second = world.open(definition(WasLevel::V9));
    world.run(seconds(1));
    assert!(world.has(second, &StoreEvent::OpenFailed(StoreFailure::Corrupt)));
    assert!(StoreFailure::Corrupt.is_global());
    assert!(!world.reported("store_unreachable"), "the database is there");
}

#[test]
fn a_start_waits_15_minutes_for_a_database_that_is_down() {
    let mut world = World::new();
    world.stop_database();
    let first = world.open(definition(WasLevel::V9));
    world.run(seconds(899));
    assert!(world.instances[first].events.is_empty());
    world.run(seconds(2));
    assert!(world.has(first, &StoreEvent::OpenFailed(StoreFailure::Unreachable)));

    let second = world.open(definition(WasLevel::V9));
    world.run(seconds(600));
    world.start_database();
    world.run(seconds(10));
    assert!(world.contents(second).is_some());
}

#[test]
fn an_engine_of_7_that_lost_its_database_fails_9_seconds_after_the_next_refresh() {
    let mut world = World::new();
    let first = world.open(definition(WasLevel::V7));
    world.run(seconds(25));
    world.stop_database();
    world.run(seconds(23));
    assert!(world.has(first, &StoreEvent::Lost));
    assert!(!world.has(first, &StoreEvent::Failed(StoreFailure::Unreachable)));
    world.run(seconds(2));
    assert!(world.has(first, &StoreEvent::Failed(StoreFailure::Unreachable)));
    assert!(world.reported("store_lock_lost"));
}

#[test]
fn an_engine_of_8_5_tries_for_15_minutes_and_one_of_6_1_for_ever() {
    let mut world = World::new();
    let young = world.open(definition(WasLevel::V8_5));
    let old =
        world.open(DataStoreDefinition { schema: crate::name::SchemaName::from("ME2"), ..definition(WasLevel::V6_1) });
    world.run(seconds(5));
    world.stop_database();
    world.run(seconds(899));
    assert!(!world.has(young, &StoreEvent::Failed(StoreFailure::Unreachable)));
    world.run(seconds(2));
    assert!(world.has(young, &StoreEvent::Failed(StoreFailure::Unreachable)));
    world.run(seconds(3600));
    world.start_database();
    world.run(seconds(10));
    assert!(world.has(old, &StoreEvent::Regained));
}

#[test]
fn a_restarted_database_knows_no_locks() {
    let mut world = World::new();
    let first = world.open(definition(WasLevel::V6_1));
    world.run(seconds(5));
    world.cut(first);
    world.stop_database();
    world.start_database();
    let second = world.open(definition(WasLevel::V6_1));
    world.run(seconds(10));
    assert!(world.contents(second).is_some(), "the old owner is cut off and has lost its lock without knowing");
}

#[test]
fn a_recorded_owner_is_taken_over_when_it_has_not_moved_for_three_looks() {
    let mut world = World::new();
    let first = world.open(restricted());
    world.run(seconds(5));
    let second = world.open(restricted());
    world.run(seconds(300));
    assert!(world.contents(second).is_none(), "the owner moves");
    world.cut(first);
    world.run(seconds(90));
    assert!(world.contents(second).is_some(), "it moves no more");
    assert!(world.reported("store_takeover"));
    world.heal(first);
    world.run(seconds(60));
    assert!(world.has(first, &StoreEvent::Failed(StoreFailure::TakenOver)));
}

/// The refresh is all that fences an old owner: no batch asks whose the store is.
#[test]
fn between_a_takeover_and_its_next_refresh_the_batches_of_the_old_owner_commit() {
    let mut world = World::new();
    let first = world.open(DataStoreDefinition { lock_refresh: seconds(600), ..restricted() });
    world.run(seconds(5));
    let second = world.open(restricted());
    world.run(seconds(90));
    assert!(world.contents(second).is_some(), "the row of the first does not move");
    let ticket = world.write(first, vec![add(1, ASSURED)]).expect("it is waited for");
    world.run(seconds(1));
    assert!(world.has(first, &StoreEvent::Stored(ticket)) && world.instances[first].store.is_available());
    world.run(seconds(600));
    assert!(world.has(first, &StoreEvent::Failed(StoreFailure::TakenOver)));
    assert_eq!(survivors(&mut world), [1], "and what it wrote stays");
}

#[test]
fn whose_the_store_was_is_told_once_however_often_it_is_looked_at() {
    let mut world = World::new();
    world.open(restricted());
    world.run(seconds(5));
    world.open(restricted());
    world.run(seconds(300));
    let told = world.reports.iter().filter(|(_, event)| event.name() == "store_owned_before").count();
    assert_eq!(told, 1, "it looks every 20 s");
}

#[test]
fn a_database_without_room_for_the_owner_row_is_out_of_reach_and_not_locked() {
    let mut world = World::with(|database| database.capacity = Some(Capacity::Rows(0)));
    let first = world.open(definition(WasLevel::V9));
    world.run(seconds(901));
    assert!(world.reported("database_full"));
    assert!(world.has(first, &StoreEvent::OpenFailed(StoreFailure::Unreachable)));
}

#[test]
fn a_recorded_owner_that_stopped_in_good_order_need_not_be_watched() {
    let mut world = World::new();
    let first = world.open(restricted());
    world.run(seconds(5));
    world.close(first);
    world.run(seconds(1));
    assert!(world.has(first, &StoreEvent::Closed));
    let second = world.open(restricted());
    world.run(seconds(1));
    assert!(world.contents(second).is_some());
}
