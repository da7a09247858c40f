//! What is spilled, and that nothing of it is there at the next start.

use super::strategies::{ASSURED, add, survivors};
use super::world::{World, definition, seconds};
use crate::database::Capacity;
use crate::event::Event;
use crate::messaging_engine::definition::WasLevel;
use crate::messaging_engine::store::data_store::DataStoreDefinition;
use crate::messaging_engine::store::spill::tests::spill;
use crate::messaging_engine::store::{ItemId, MessageStore, SpillChange, StoreEvent};
use crate::time::Duration;

pub(super) fn spills(items: impl IntoIterator<Item = u64>) -> Vec<SpillChange> {
    items.into_iter().map(|item| spill(item, 1000)).collect()
}

fn purged(world: &World) -> Vec<u64> {
    let count = |event: &Event| match event {
        Event::SpilledMessagesPurged { messages, .. } => Some(*messages),
        _ => None,
    };
    world.reports.iter().filter_map(|(_, event)| count(event)).collect()
}

fn opened() -> World {
    let mut world = World::new();
    world.open(definition(WasLevel::V9));
    world.run(seconds(1));
    world
}

#[test]
fn what_is_spilled_is_in_the_temporary_table_and_purged_at_the_next_start() {
    for restrict_long_running_locks in [false, true] {
        for is_closed in [false, true] {
            let mut world = World::new();
            world.open(DataStoreDefinition { restrict_long_running_locks, ..definition(WasLevel::V9) });
            world.run(seconds(1));
            world.write(0, vec![add(1, ASSURED)]);
            world.spill(0, spills(101..=170));
            world.run(seconds(1));
            assert!((101..=164).all(|item| world.is_spilled(item)));
            assert!(!(165..=170).any(|item| world.is_spilled(item)), "they are not worth a batch");
            if is_closed {
                world.close(0);
                world.run(seconds(1));
                assert!(world.has(0, &StoreEvent::Closed));
                assert!(world.is_spilled(101) && !world.is_spilled(170), "a close neither writes nor purges");
            }
            assert_eq!(survivors(&mut world), [1]);
            assert!(!(101..=170).any(|item| world.is_spilled(item)));
            assert_eq!(purged(&world), [64]);
        }
    }
}

#[test]
fn what_is_not_wanted_any_more_is_removed_from_the_temporary_table() {
    let mut world = opened();
    world.spill(0, spills(1..=64));
    world.run(seconds(1));
    world.spill(0, (1..=64).map(|item| SpillChange::Remove(ItemId(item))).collect());
    world.run(seconds(1));
    assert!(!(1..=64).any(|item| world.is_spilled(item)));
    survivors(&mut world);
    assert!(purged(&world).is_empty(), "nothing is nothing to tell");
}

#[test]
fn nobody_waits_for_a_spill_and_one_for_which_there_is_no_room_harms_nobody() {
    let mut world = World::with(|database| database.capacity = Some(Capacity::Rows(60)));
    world.open(definition(WasLevel::V9));
    world.run(seconds(1));
    let before = world.instances[0].events.len();
    world.spill(0, spills(101..=170));
    world.run(seconds(1));
    assert!(world.reported("database_full"));
    assert!(!world.is_spilled(101));
    assert_eq!(world.instances[0].events.len(), before, "the engine is told nothing");
    let ticket = world.write(0, vec![add(1, ASSURED)]).expect("it is waited for");
    world.run(Duration::ZERO);
    assert!(world.has(0, &StoreEvent::Stored(ticket)));
}

/// Stops the database after each number of effects while messages are spilled.
#[test]
fn wherever_the_database_stops_what_is_spilled_is_written_when_it_is_back() {
    for stop_after in 0..20 {
        let mut world = World::new();
        world.open(definition(WasLevel::V6_1));
        world.run(seconds(1));
        world.effects_left = Some(stop_after);
        world.spill(0, spills(1..=64));
        world.run(seconds(1));
        world.spill(0, spills(65..=130));
        world.spill(0, vec![SpillChange::Remove(ItemId(1)), SpillChange::Remove(ItemId(130))]);
        world.run(seconds(5));
        world.effects_left = None;
        if world.has(0, &StoreEvent::Lost) {
            world.start_database();
            world.run(seconds(60));
        }
        world.spill(0, (2..=64).map(|item| SpillChange::Remove(ItemId(item))).collect());
        world.spill(0, spills(201..=328));
        world.run(seconds(1));
        assert!(world.instances[0].store.is_available(), "stopped after {stop_after}");
        assert!(!(1..=64).any(|item| world.is_spilled(item)), "stopped after {stop_after}");
        assert!((65..=129).all(|item| world.is_spilled(item)), "stopped after {stop_after}");
    }
}

#[test]
fn an_owner_that_was_taken_over_and_does_not_know_leaves_what_the_next_start_purges() {
    let restricted = DataStoreDefinition { restrict_long_running_locks: true, ..definition(WasLevel::V8_5) };
    let mut world = World::new();
    let first = world.open(restricted.clone());
    world.run(seconds(5));
    world.spill(first, spills(1..=64));
    world.cut(first);
    let second = world.open(restricted);
    world.run(seconds(90));
    assert!(world.contents(second).is_some_and(|contents| contents.messages.is_empty()));
    world.heal(first);
    world.run(seconds(90));
    assert!(!world.instances[first].store.is_available());
    assert_eq!(survivors(&mut world), [0; 0]);
    assert!(!(1..=64).any(|item| world.is_spilled(item)));
}
