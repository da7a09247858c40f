//! What is spilled, and that nothing of it is there at the next start.

use super::*;
use crate::messaging_engine::store::spill::tests::spill;

fn spills(items: impl IntoIterator<Item = u64>) -> Vec<SpillChange> {
    items.into_iter().map(|item| spill(item, 1000)).collect()
}

fn removes(items: impl IntoIterator<Item = u64>) -> Vec<SpillChange> {
    items.into_iter().map(|item| SpillChange::Remove(ItemId(item))).collect()
}

fn purged(world: &World) -> Vec<u64> {
    let count = |event: &Event| match event {
        Event::SpilledMessagesPurged { messages, .. } => Some(*messages),
        _ => None,
    };
    world.reports.iter().filter_map(count).collect()
}

#[test]
fn what_is_spilled_is_in_the_temporary_store_and_purged_at_the_next_start() {
    for is_closed in [false, true] {
        let mut world = two(NFS4);
        world.opened(0);
        store(&mut world, 0, vec![add(1)]);
        world.spill(0, spills(101..=170));
        world.spill(0, removes([101, 102, 170]));
        assert_eq!(world.events(0), [], "nobody waits");
        if is_closed {
            world.close(0);
            assert_eq!(world.events(0), [StoreEvent::Closed]);
        } else {
            world.kill(0);
        }
        assert_eq!(items(&world.opened(1)), [1]);
        // Two removals were not worth a batch, six messages neither.
        assert_eq!(purged(&world), [64]);
        world.close(1);
        world.events(1);
        world.restart(0, false);
        assert_eq!(items(&world.opened(0)), [1]);
        assert_eq!(purged(&world), [64], "they are gone for good");
    }
}

#[test]
fn what_the_file_server_loses_of_it_in_a_power_failure_is_written_again() {
    let mut world = two(NFS4);
    world.opened(0);
    world.slow_disk = true;
    world.spill(0, spills(1..=64));
    world.stop_server(true);
    world.slow_disk = false;
    world.pass(seconds(7));
    world.start_server();
    world.pass(seconds(7));
    assert_eq!(world.events(0), [StoreEvent::Lost, StoreEvent::Regained]);
    world.spill(0, spills(65..=128));
    assert_eq!(world.events(0), [], "it goes on");
    store(&mut world, 0, vec![add(1000)]);
    world.kill(0);
    assert_eq!(items(&world.opened(1)), [1000]);
    assert_eq!(purged(&world), [128]);
}

#[test]
fn the_temporary_store_does_not_grow_without_end() {
    let small = |process| FileStoreDefinition { checkpoint_interval: 10_000, ..definition(process) };
    let mut world = World::new(NFS4, Some(500_000), vec![small("server1"), small("server2")]);
    world.opened(0);
    // Each round takes 64 times 1000 bytes and something.
    for round in 0..50 {
        let first = 1 + round * 64;
        world.spill(0, spills(first..first + 64));
        world.spill(0, removes(first..first + 64));
        store(&mut world, 0, vec![add(100_000 + round)]);
        store(&mut world, 0, vec![remove(100_000 + round)]);
    }
    world.spill(0, spills(1_000_000..1_000_064));
    world.kill(0);
    assert_eq!(items(&world.opened(1)), [0; 0]);
    assert_eq!(purged(&world), [64], "the last round was written like the first one");
}

#[test]
fn a_spill_for_which_there_is_no_room_harms_nobody() {
    let mut world = World::new(NFS4, Some(50_000), vec![definition("server1"), definition("server2")]);
    world.opened(0);
    world.spill(0, spills(1..=70));
    assert_eq!(world.events(0), []);
    store(&mut world, 0, vec![add(1000)]);
    world.kill(0);
    assert_eq!(items(&world.opened(1)), [1000]);
    assert!(purged(&world).is_empty());
}
