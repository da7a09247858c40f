//! The planted defects do their harm; without them the same course of events ends well (the other tests).

use super::spilling::spills;
use super::strategies::{ASSURED, add, survivors};
use super::world::{World, definition, seconds};
use crate::defect::Defect;
use crate::messaging_engine::definition::WasLevel;
use crate::messaging_engine::store::data_store::DataStoreDefinition;
use crate::messaging_engine::store::{MessageStore, StoreEvent};

fn with_defect(defect: Defect, test: impl FnOnce()) {
    Defect::plant(Some(defect));
    test();
    Defect::plant(None);
}

#[test]
fn without_the_lock_two_instances_own_the_store() {
    with_defect(Defect::StoreLockIgnored, || {
        let mut world = World::new();
        let first = world.open(definition(WasLevel::V9));
        world.run(seconds(5));
        let second = world.open(definition(WasLevel::V9));
        world.run(seconds(5));
        assert!([first, second].iter().all(|instance| world.instances[*instance].store.is_available()));
    });
}

#[test]
fn an_old_owner_that_is_not_fenced_goes_on_after_the_takeover() {
    with_defect(Defect::OldOwnerNotFenced, || {
        let restricted = DataStoreDefinition { restrict_long_running_locks: true, ..definition(WasLevel::V8_5) };
        let mut world = World::new();
        let first = world.open(restricted.clone());
        world.run(seconds(5));
        world.cut(first);
        let second = world.open(restricted);
        world.run(seconds(90));
        assert!(world.contents(second).is_some());
        world.heal(first);
        world.run(seconds(60));
        assert!(world.instances[first].store.is_available());
    });
}

#[test]
fn an_assured_message_that_is_acknowledged_late_is_lost() {
    with_defect(Defect::LazyWriteAcknowledged, || {
        let mut world = World::new();
        world.open(definition(WasLevel::V9));
        world.run(seconds(1));
        let ticket = world.write(0, vec![add(1, ASSURED)]).expect("it is waited for");
        assert!(world.has(0, &StoreEvent::Stored(ticket)));
        assert!(survivors(&mut world).is_empty());
    });
}

#[test]
fn spilled_messages_that_are_not_purged_are_there_again() {
    with_defect(Defect::SpilledMessagesNotPurged, || {
        let mut world = World::new();
        world.open(definition(WasLevel::V9));
        world.run(seconds(1));
        world.spill(0, spills(101..=164));
        world.run(seconds(1));
        assert_eq!(survivors(&mut world), (101..=164).collect::<Vec<u64>>());
    });
}
