//! What is in the tables when, and what survives.

use super::world::{World, definition, seconds};
use crate::database::frame::{DatabaseRequest, RequestNumber, RowKey, Statement, Then};
use crate::database::{Capacity, TransactionNumber};
use crate::message::{CorrelationId, MessageId, Payload, Priority};
use crate::messaging_engine::definition::WasLevel;
use crate::messaging_engine::message::BusMessage;
use crate::messaging_engine::reliability::Reliability;
use crate::messaging_engine::store::data_store::{DataStoreDefinition, Tables};
use crate::messaging_engine::store::{Change, ItemId, PreparedTransaction, StoreEvent, StoredMessage, Ticket};
use crate::name::DestinationName;
use crate::time::{Duration, Time};
use crate::unit_of_work::{Outcome, Xid};

fn message(item: u64, reliability: Reliability) -> StoredMessage {
    StoredMessage {
        item: ItemId(item),
        destination: DestinationName::from("PAYMENT.REQUEST"),
        message: BusMessage {
            id: MessageId(u128::from(item)),
            correlation_id: CorrelationId(0),
            reliability,
            priority: Priority::default(),
            expires: None,
            reply_to: None,
            failed_deliveries: 0,
            sent_at: Time::START,
            payload: Payload { identity: item, length: 100, digest: 1 },
        },
    }
}

pub(super) fn add(item: u64, reliability: Reliability) -> Change {
    Change::Add(message(item, reliability))
}

fn remove(item: u64, reliability: Reliability) -> Change {
    Change::Remove { item: ItemId(item), reliability }
}

pub(super) const ASSURED: Reliability = Reliability::AssuredPersistent;
const RELIABLE: Reliability = Reliability::ReliablePersistent;

/// The items that another instance finds after the last one has died.
pub(super) fn survivors(world: &mut World) -> Vec<u64> {
    let last = world.instances.len() - 1;
    world.kill(last);
    let next = world.open(world.instances[last].store.definition().clone());
    world.run(seconds(120));
    world.contents(next).expect("nobody else wants it").messages.iter().map(|message| message.item.0).collect()
}

fn opened(level: WasLevel) -> World {
    let mut world = World::new();
    world.open(definition(level));
    world.run(seconds(1));
    world
}

#[test]
fn an_assured_message_is_there_once_it_is_stored() {
    let mut world = opened(WasLevel::V9);
    let ticket = world.write(0, vec![add(1, ASSURED)]).expect("it is waited for");
    assert!(!world.has(0, &StoreEvent::Stored(ticket)), "nothing has been forced yet");
    world.run(Duration::ZERO);
    assert!(world.has(0, &StoreEvent::Stored(ticket)));
    assert_eq!(survivors(&mut world), [1]);
}

#[test]
fn a_reliable_message_is_lost_within_the_latency_and_there_after_it() {
    let mut world = opened(WasLevel::V9);
    assert_eq!(world.write(0, vec![add(1, RELIABLE)]), None);
    world.run(seconds(1));
    world.write(0, vec![add(2, RELIABLE)]);
    world.run(Duration::from_millis(500));
    assert_eq!(survivors(&mut world), [1]);
}

#[test]
fn a_reliable_message_removed_within_the_latency_before_a_failure_comes_back() {
    let mut world = opened(WasLevel::V9);
    world.write(0, vec![add(1, RELIABLE)]);
    world.run(seconds(2));
    world.write(0, vec![remove(1, RELIABLE)]);
    assert_eq!(survivors(&mut world), [1]);
}

#[test]
fn what_is_removed_before_it_was_written_is_never_written() {
    let mut world = opened(WasLevel::V9);
    world.write(0, vec![add(1, RELIABLE)]);
    world.write(0, vec![remove(1, RELIABLE)]);
    assert_eq!(world.instances[0].store.unwritten(), 0);
}

#[test]
fn sixty_four_late_changes_are_written_at_once() {
    let mut world = opened(WasLevel::V9);
    for item in 1..=64 {
        world.write(0, vec![add(item, RELIABLE)]);
    }
    world.run(Duration::ZERO);
    assert_eq!(survivors(&mut world).len(), 64);
}

#[test]
fn a_close_writes_what_is_late_and_forgets_what_is_nonpersistent() {
    let mut world = opened(WasLevel::V9);
    world.write(0, vec![add(1, RELIABLE), add(2, Reliability::ExpressNonpersistent)]);
    world.close(0);
    world.run(seconds(1));
    assert!(world.has(0, &StoreEvent::Closed));
    assert_eq!(survivors(&mut world), [1]);
}

#[test]
fn redelivery_counts_survive_from_8_5_on() {
    for (level, expected) in [(WasLevel::V8, 0), (WasLevel::V8_5, 3)] {
        let mut world = opened(level);
        world.write(0, vec![add(1, ASSURED)]);
        let count = Change::CountFailedDelivery { item: ItemId(1), reliability: ASSURED, failed_deliveries: 3 };
        world.write(0, vec![count]);
        world.run(seconds(2));
        assert_eq!(survivors(&mut world), [1]);
        assert_eq!(world.contents(1).unwrap().messages[0].message.failed_deliveries, expected, "{level:?}");
    }
}

#[test]
fn a_transaction_in_doubt_survives_and_is_resolved_by_the_next_instance() {
    let xid = Xid { coordinator: "CICS".to_owned(), number: 1 };
    for (outcome, expected) in [(Outcome::Commit, vec![2]), (Outcome::Backout, vec![1])] {
        let mut world = opened(WasLevel::V9);
        // Late, but to be removed by what is prepared: it must be in the tables before that.
        world.write(0, vec![add(1, RELIABLE)]);
        let prepared =
            PreparedTransaction { xid: xid.clone(), adds: vec![message(2, RELIABLE)], removes: vec![ItemId(1)] };
        let ticket = world.write(0, vec![Change::Prepare(prepared.clone())]).expect("phase one is forced");
        world.run(Duration::ZERO);
        assert!(world.has(0, &StoreEvent::Stored(ticket)));
        assert_eq!(survivors(&mut world), [1]);
        assert_eq!(world.contents(1).unwrap().prepared, [prepared]);
        world.write(1, vec![Change::Resolve { xid: xid.clone(), outcome }]);
        world.run(Duration::ZERO);
        assert_eq!(survivors(&mut world), expected);
        assert!(world.contents(2).unwrap().prepared.is_empty());
    }
}

#[test]
fn item_numbers_are_never_given_out_again() {
    let mut world = opened(WasLevel::V9);
    let first = world.contents(0).unwrap().next_item;
    world.write(0, vec![add(first + 5_000_000, Reliability::ExpressNonpersistent)]);
    world.run(seconds(1));
    survivors(&mut world);
    assert!(world.contents(1).unwrap().next_item > first + 5_000_000);
}

#[test]
fn of_the_changes_that_wait_together_only_those_are_refused_that_do_not_fit() {
    let mut world = World::with(|database| database.capacity = Some(Capacity::Rows(5)));
    world.open(definition(WasLevel::V9));
    world.run(seconds(1));
    // The owner, the item numbers and the batch number take three rows.
    let tickets: Vec<Ticket> = (1..=4).filter_map(|item| world.write(0, vec![add(item, ASSURED)])).collect();
    world.run(seconds(1));
    let stored = tickets.iter().filter(|ticket| world.has(0, &StoreEvent::Stored(**ticket))).count();
    let refused = tickets.iter().filter(|ticket| world.has(0, &StoreEvent::Refused(**ticket))).count();
    assert_eq!((stored, refused), (2, 2));
    assert!(world.reported("database_full"));
}

#[test]
fn a_close_waits_for_room_for_what_is_late() {
    for restrict_long_running_locks in [false, true] {
        let mut world = World::with(|database| database.capacity = Some(Capacity::Rows(5)));
        world.open(DataStoreDefinition { restrict_long_running_locks, ..definition(WasLevel::V9) });
        world.run(seconds(1));
        world.write(0, vec![add(1, ASSURED)]);
        world.write(0, vec![add(2, ASSURED)]);
        world.run(seconds(1));
        world.write(0, vec![add(3, RELIABLE)]);
        world.close(0);
        world.run(seconds(100));
        assert!(!world.has(0, &StoreEvent::Closed), "a reliable persistent message outlives a stop in good order");
        let room = Statement::Delete { table: Tables::default().items, key: RowKey::Number(1) };
        world.command(DatabaseRequest::Execute {
            request: RequestNumber(1),
            schema: definition(WasLevel::V9).schema,
            transaction: TransactionNumber(1),
            statements: vec![room],
            then: Then::Commit,
        });
        world.run(seconds(2));
        assert!(world.has(0, &StoreEvent::Closed));
        assert_eq!(survivors(&mut world), [2, 3]);
    }
}

/// Stops the database after each number of effects while batches are written, with and without what was not forced.
#[test]
fn wherever_the_database_stops_each_batch_is_there_as_a_whole_and_once_if_it_was_acknowledged() {
    for keeps_unforced in [false, true] {
        for stop_after in 0..60 {
            let mut world = World::new();
            world.keeps_unforced = keeps_unforced;
            world.open(definition(WasLevel::V6_1));
            world.run(seconds(1));
            world.effects_left = Some(stop_after);
            let pairs: Vec<(u64, Option<Ticket>)> = (0..4)
                .map(|pair| {
                    let ticket = world.write(0, vec![add(2 * pair + 1, ASSURED), add(2 * pair + 2, ASSURED)]);
                    if pair == 1 {
                        world.run(Duration::ZERO);
                    }
                    (2 * pair + 1, ticket)
                })
                .collect();
            world.write(0, vec![remove(1, ASSURED), add(9, ASSURED)]);
            world.run(seconds(5));
            world.effects_left = None;
            if world.has(0, &StoreEvent::Lost) {
                world.start_database();
                world.run(seconds(60));
                assert!(world.has(0, &StoreEvent::Regained), "stopped after {stop_after}");
            }
            for (_, ticket) in &pairs {
                let ticket = ticket.expect("it is waited for");
                let answers =
                    world.instances[0].events.iter().filter(|(_, event)| *event == StoreEvent::Stored(ticket)).count();
                assert_eq!(answers, 1, "stopped after {stop_after}");
            }
            assert_eq!(survivors(&mut world), [2, 3, 4, 5, 6, 7, 8, 9], "stopped after {stop_after}");
        }
    }
}

/// The same, and the engine dies too: what was acknowledged is there, and a pair is never there by half.
#[test]
fn wherever_both_stop_what_was_acknowledged_is_there_and_nothing_by_half() {
    for keeps_unforced in [false, true] {
        for stop_after in 0..30 {
            let mut world = World::new();
            world.keeps_unforced = keeps_unforced;
            world.open(definition(WasLevel::V9));
            world.run(seconds(1));
            world.effects_left = Some(stop_after);
            let tickets: Vec<Ticket> = (0..3)
                .filter_map(|pair| {
                    let ticket = world.write(0, vec![add(2 * pair + 1, ASSURED), add(2 * pair + 2, ASSURED)]);
                    world.run(Duration::ZERO);
                    ticket
                })
                .collect();
            let stored: Vec<bool> = tickets.iter().map(|ticket| world.has(0, &StoreEvent::Stored(*ticket))).collect();
            world.kill(0);
            world.stop_database();
            world.start_database();
            let found = survivors(&mut world);
            for (pair, stored) in (0..3).zip(stored) {
                let there = [2 * pair + 1, 2 * pair + 2].map(|item| found.contains(&item));
                assert_eq!(there[0], there[1], "stopped after {stop_after}: half of pair {pair}");
                assert!(there[0] || !stored, "stopped after {stop_after}: pair {pair} was acknowledged");
            }
        }
    }
}
