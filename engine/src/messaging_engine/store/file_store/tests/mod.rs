//! Claims about file stores, in a world of one file server and two application servers.

mod contents;
mod spilling;
mod world;

use proptest::prelude::*;

use super::*;
use crate::file_server::FileSystemKind;
use crate::message::{CorrelationId, MessageId, Payload, Priority};
use crate::messaging_engine::definition::EngineUuid;
use crate::messaging_engine::message::BusMessage;
use crate::messaging_engine::reliability::Reliability;
use crate::messaging_engine::store::{Contents, ItemId, PreparedTransaction, StoredMessage};
use crate::name::DestinationName;
use crate::unit_of_work::{Outcome, Xid};
use world::{World, definition};

const NFS4: FileSystemKind = FileSystemKind::Nfs4 { lease: Duration::from_secs(90) };
const CLUSTER: FileSystemKind = FileSystemKind::ClusterFileSystem { recovery: Duration::from_secs(35) };

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn message(item: u64, reliability: Reliability) -> StoredMessage {
    StoredMessage {
        item: ItemId(item),
        destination: DestinationName::from("PAYMENT.REQUEST"),
        message: BusMessage {
            id: MessageId(u128::from(item)),
            correlation_id: CorrelationId(0),
            reliability,
            priority: Priority::new(4).unwrap(),
            expires: None,
            reply_to: None,
            failed_deliveries: 0,
            sent_at: Time::START,
            payload: Payload { identity: item, length: 1000, digest: 0 },
        },
    }
}

fn add(item: u64) -> Change {
    Change::Add(message(item, Reliability::AssuredPersistent))
}

fn remove(item: u64) -> Change {
    Change::Remove { item: ItemId(item), reliability: Reliability::AssuredPersistent }
}

fn xid(number: u64) -> Xid {
    Xid { coordinator: "TM".into(), number }
}

fn items(contents: &Contents) -> Vec<u64> {
    contents.messages.iter().map(|stored| stored.item.0).collect()
}

fn two(kind: FileSystemKind) -> World {
    World::new(kind, None, vec![definition("server1"), definition("server2")])
}

/// Writes and expects that it is stored at once.
fn store(world: &mut World, node: usize, changes: Vec<Change>) {
    let ticket = world.begin_write(node, changes).expect("it is to be stored");
    assert_eq!(world.events(node), [StoreEvent::Stored(ticket)]);
}

#[test]
fn a_new_store_is_empty_and_what_is_stored_is_there_for_the_next_instance() {
    let mut world = two(NFS4);
    assert_eq!(world.opened(0), Contents::default());
    store(&mut world, 0, vec![add(1), add(2)]);
    store(&mut world, 0, vec![remove(1), add(3)]);
    world.close(0);
    assert_eq!(world.events(0), [StoreEvent::Closed]);
    assert_eq!(items(&world.opened(1)), [2, 3], "a closed store is not locked");
}

#[test]
fn both_persistent_reliabilities_are_stored_and_no_other() {
    let mut world = two(NFS4);
    world.opened(0);
    for (item, reliability) in (1..).zip(Reliability::ALL) {
        let ticket = world.begin_write(0, vec![Change::Add(message(item, reliability))]);
        assert_eq!(ticket.is_some(), reliability.is_persistent(), "{reliability}");
        let counted = Change::CountFailedDelivery { item: ItemId(item), reliability, failed_deliveries: 3 };
        assert_eq!(world.begin_write(0, vec![counted]).is_some(), reliability.is_persistent());
    }
    world.kill(0);
    let contents = world.opened(1);
    assert_eq!(items(&contents), [4, 5]);
    assert!(contents.messages.iter().all(|stored| stored.message.failed_deliveries == 3), "counts are always stored");
}

#[test]
fn a_number_is_not_given_out_again_though_its_item_left_no_trace() {
    let mut world = two(NFS4);
    assert_eq!(world.opened(0).next_item, 0);
    assert_eq!(world.begin_write(0, vec![Change::Add(message(77, Reliability::ExpressNonpersistent))]), None);
    world.kill(0);
    assert!(world.opened(1).next_item > 77);
}

#[test]
fn a_store_that_is_locked_is_tried_every_five_seconds_and_given_up_after_fifteen_minutes() {
    let mut world = two(NFS4);
    world.opened(0);
    world.open(1);
    world.pass(seconds(899));
    assert_eq!(world.events(1), []);
    world.pass(seconds(1));
    assert_eq!(world.events(1), [StoreEvent::OpenFailed(StoreFailure::Locked)]);
    assert_eq!(world.has_reported("file_store_locked"), 1, "said once");
    assert!(world.nodes[0].store.is_available());
}

#[test]
fn a_lock_is_free_at_once_when_its_holder_dies_on_a_host_that_lives() {
    for kind in [NFS4, FileSystemKind::Nfs3, CLUSTER] {
        let mut world = two(kind);
        world.opened(0);
        world.open(1);
        world.kill(0);
        world.pass(seconds(5));
        world.contents(1);
    }
}

/// After how many whole seconds the second server has the store when the host of the first loses power.
fn seconds_until_taken(kind: FileSystemKind) -> Option<u64> {
    let mut world = two(kind);
    world.opened(0);
    world.power_off(0);
    world.open(1);
    (0..900).find(|_| {
        let opened = !world.events(1).is_empty();
        world.pass(seconds(1));
        opened
    })
}

#[test]
fn the_kind_of_file_system_decides_how_long_a_dead_host_keeps_its_lock() {
    assert_eq!(seconds_until_taken(NFS4), Some(90));
    assert_eq!(seconds_until_taken(CLUSTER), Some(35));
    assert_eq!(seconds_until_taken(FileSystemKind::Nfs3), None);
}

#[test]
fn nfs_version_3_keeps_a_lock_until_the_dead_host_restarts_and_says_so() {
    let mut world = two(FileSystemKind::Nfs3);
    world.opened(0);
    world.power_off(0);
    world.open(1);
    world.pass(seconds(600));
    assert_eq!(world.events(1), []);
    world.restart(0, true);
    world.pass(seconds(5));
    world.contents(1);
}

#[test]
fn the_next_life_of_the_holder_gets_the_lock_although_the_server_has_not_noticed_the_end_of_the_last() {
    for kind in [NFS4, FileSystemKind::Nfs3, CLUSTER] {
        let mut world = two(kind);
        world.opened(0);
        store(&mut world, 0, vec![add(1)]);
        world.power_off(0);
        world.restart(0, false);
        assert_eq!(items(&world.opened(0)), [1]);
    }
}

#[test]
fn a_holder_that_was_silent_for_less_than_its_lease_notices_nothing() {
    let mut world = two(NFS4);
    world.opened(0);
    world.cut(0);
    let ticket = world.begin_write(0, vec![add(1)]).unwrap();
    world.pass(seconds(89));
    assert_eq!(world.events(0), [], "a hard mount waits");
    world.heal(0);
    assert_eq!(world.events(0), [StoreEvent::Stored(ticket)]);
}

#[test]
fn a_holder_whose_lease_ran_out_takes_its_lock_back_if_nobody_had_it() {
    let mut world = two(NFS4);
    world.opened(0);
    world.cut(0);
    let ticket = world.begin_write(0, vec![add(1)]).unwrap();
    world.pass(seconds(200));
    world.heal(0);
    assert_eq!(world.events(0), [StoreEvent::Lost, StoreEvent::Regained, StoreEvent::Stored(ticket)]);
    world.kill(0);
    assert_eq!(items(&world.opened(1)), [1]);
}

#[test]
fn a_holder_whose_lease_ran_out_and_was_taken_writes_nothing_more() {
    for taker_has_gone_again in [false, true] {
        let mut world = two(NFS4);
        world.opened(0);
        store(&mut world, 0, vec![add(1)]);
        world.cut(0);
        world.begin_write(0, vec![add(2)]);
        world.pass(seconds(90));
        assert_eq!(items(&world.opened(1)), [1]);
        store(&mut world, 1, vec![remove(1), add(10)]);
        if taker_has_gone_again {
            world.close(1);
        }
        world.heal(0);
        let events = world.events(0);
        assert_eq!(events, [StoreEvent::Lost, StoreEvent::Failed(StoreFailure::TakenOver)]);
        assert!(!world.nodes[0].store.is_available());
        world.kill(1);
        assert_eq!(items(&world.opened(0)), [10]);
    }
}

#[test]
fn a_hard_mount_waits_for_a_file_system_that_stalls() {
    let mut world = two(NFS4);
    world.opened(0);
    world.pause_server();
    let ticket = world.begin_write(0, vec![add(1)]).unwrap();
    world.pass(seconds(3600));
    assert_eq!(world.events(0), []);
    world.resume_server();
    assert_eq!(world.events(0), [StoreEvent::Stored(ticket)]);
}

#[test]
fn a_soft_mount_gives_up_a_file_system_that_stalls_or_is_gone() {
    for stalls in [true, false] {
        let soft = FileStoreDefinition { soft_timeout: Some(seconds(30)), ..definition("server1") };
        let mut world = World::new(NFS4, None, vec![soft]);
        world.opened(0);
        world.pass(seconds(100));
        if stalls {
            world.pause_server();
            world.begin_write(0, vec![add(1)]);
        } else {
            world.stop_server(false);
            assert_eq!(world.events(0), [StoreEvent::Lost]);
        }
        world.pass(seconds(29));
        assert_eq!(world.events(0), []);
        world.pass(seconds(1));
        assert_eq!(world.events(0), [StoreEvent::Failed(StoreFailure::Unreachable)]);
        assert_eq!(world.has_reported("file_store_failed"), 1);
    }
}

#[test]
fn a_soft_mount_that_is_answered_gives_nothing_up() {
    let soft = FileStoreDefinition { soft_timeout: Some(seconds(30)), ..definition("server1") };
    let mut world = World::new(NFS4, None, vec![soft]);
    world.opened(0);
    store(&mut world, 0, vec![add(1)]);
    world.stop_server(true);
    world.pass(seconds(10));
    world.start_server();
    world.pass(seconds(100));
    assert_eq!(world.events(0), [StoreEvent::Lost, StoreEvent::Regained]);
}

#[test]
fn a_file_server_that_restarts_gives_the_lock_back_to_its_holder_and_to_nobody_else() {
    for power_is_lost in [true, false] {
        let mut world = two(NFS4);
        world.opened(0);
        store(&mut world, 0, vec![add(1)]);
        world.slow_disk = true;
        let ticket = world.begin_write(0, vec![add(2)]).unwrap();
        world.stop_server(power_is_lost);
        world.slow_disk = false;
        world.open(1);
        world.pass(seconds(60));
        world.start_server();
        world.pass(seconds(300));
        assert_eq!(world.events(0), [StoreEvent::Lost, StoreEvent::Regained, StoreEvent::Stored(ticket)]);
        assert_eq!(world.events(1), []);
        world.kill(0);
        world.pass(seconds(5));
        assert_eq!(items(&world.contents(1)), [1, 2], "written once, though perhaps sent twice");
    }
}

#[test]
fn a_lock_that_nobody_takes_back_after_a_restart_of_the_file_server_is_free_when_the_grace_period_is_over() {
    for kind in [NFS4, FileSystemKind::Nfs3] {
        let mut world = two(kind);
        world.opened(0);
        world.stop_server(true);
        world.kill(0);
        world.start_server();
        world.open(1);
        world.pass(seconds(89));
        assert_eq!(world.events(1), []);
        world.pass(seconds(6));
        world.contents(1);
    }
}

#[test]
fn a_file_server_that_cannot_be_reached_is_tried_again_until_the_limit() {
    let mut world = two(NFS4);
    world.stop_server(false);
    world.open(0);
    world.open(1);
    world.pass(seconds(500));
    assert_eq!((world.events(0), world.has_reported("file_store_unreachable")), (vec![], 2));
    world.abandon(1);
    world.start_server();
    world.pass(seconds(5));
    world.contents(0);

    world.power_off(0);
    world.stop_server(false);
    world.open(1);
    world.pass(seconds(900));
    assert_eq!(world.events(1), [StoreEvent::OpenFailed(StoreFailure::Unreachable)]);
}

#[test]
fn a_directory_that_is_missing_fails_the_start_at_once() {
    let mut world = two(NFS4);
    world.remove_directories();
    world.open(0);
    assert_eq!(world.events(0), [StoreEvent::OpenFailed(StoreFailure::PathMissing)]);
}

#[test]
fn the_store_of_another_engine_is_refused_and_left_as_it_is() {
    let other = FileStoreDefinition { uuid: EngineUuid("B2".into()), ..definition("server2") };
    let mut world = World::new(NFS4, None, vec![definition("server1"), other]);
    world.opened(0);
    store(&mut world, 0, vec![add(1)]);
    world.close(0);
    world.events(0);
    world.open(1);
    assert_eq!(world.events(1), [StoreEvent::OpenFailed(StoreFailure::WrongEngine)]);
    assert_eq!(items(&world.opened(0)), [1]);
}

#[test]
fn a_full_store_refuses_messages_and_can_still_be_emptied() {
    let mut world = World::new(NFS4, Some(10_000), vec![definition("server1")]);
    world.opened(0);
    let refused = (1..100).find(|item| {
        let ticket = world.begin_write(0, vec![add(*item)]).unwrap();
        world.events(0) == [StoreEvent::Refused(ticket)]
    });
    let full = refused.expect("ten messages of 1000 bytes do not fit");
    assert!((5..=10).contains(&full), "{full}");
    assert_eq!(world.has_reported("file_store_full"), 1);
    for item in 1..full {
        store(&mut world, 0, vec![remove(item)]);
    }
    // What was removed makes room with a checkpoint, which the refusal brings about.
    let ticket = world.begin_write(0, vec![add(100)]).unwrap();
    assert_eq!(world.events(0), [StoreEvent::Refused(ticket)]);
    store(&mut world, 0, vec![add(101)]);
    world.kill(0);
    world.restart(0, false);
    assert_eq!(items(&world.opened(0)), [101]);
}

#[test]
fn of_several_writes_that_do_not_fit_together_those_are_stored_that_fit_alone() {
    let mut world = World::new(NFS4, Some(5_000), vec![definition("server1")]);
    world.opened(0);
    store(&mut world, 0, vec![add(1)]);
    world.slow_disk = true;
    let first = world.begin_write(0, vec![add(2)]).unwrap();
    let rest: Vec<_> = [vec![add(3)], vec![add(4), add(5), add(6)], vec![remove(1)]]
        .into_iter()
        .map(|changes| world.begin_write(0, changes).unwrap())
        .collect();
    world.disk_is_quick_again();
    let expected = [
        StoreEvent::Stored(first),
        StoreEvent::Stored(rest[0]),
        StoreEvent::Refused(rest[1]),
        StoreEvent::Stored(rest[2]),
    ];
    assert_eq!(world.events(0), expected);
    world.kill(0);
    world.restart(0, false);
    assert_eq!(items(&world.opened(0)), [2, 3]);
}

#[test]
fn closing_writes_what_is_still_to_be_written() {
    let mut world = two(NFS4);
    world.opened(0);
    world.slow_disk = true;
    let tickets = [add(1), add(2)].map(|change| world.begin_write(0, vec![change]).unwrap());
    world.close(0);
    assert_eq!(world.events(0), []);
    world.disk_is_quick_again();
    let [first, second] = tickets.map(StoreEvent::Stored);
    assert_eq!(world.events(0), [first, second, StoreEvent::Closed]);
    assert_eq!(items(&world.opened(1)), [1, 2]);
}

#[test]
fn a_store_that_is_abandoned_says_nothing_more_and_is_free() {
    let mut world = two(NFS4);
    world.opened(0);
    world.slow_disk = true;
    world.begin_write(0, vec![add(1)]);
    world.abandon(0);
    world.disk_is_quick_again();
    assert_eq!(world.events(0), []);
    world.opened(1);
}

#[test]
fn the_files_do_not_grow_for_ever() {
    let small = FileStoreDefinition { checkpoint_interval: 2_000, ..definition("server1") };
    let mut world = World::new(NFS4, None, vec![small]);
    world.opened(0);
    for item in 1..20_000 {
        store(&mut world, 0, vec![add(item)]);
        store(&mut world, 0, vec![remove(item)]);
    }
    assert!(world.disk_length() < 3_000_000, "{}", world.disk_length());
    world.kill(0);
    world.restart(0, false);
    assert_eq!(world.opened(0).messages, []);
}
