//! What is written when, and that it agrees with what was handed over.

use proptest::prelude::*;

use super::*;
use crate::message::{CorrelationId, MessageId, Payload, Priority};
use crate::messaging_engine::message::BusMessage;
use crate::messaging_engine::reliability::Reliability;
use crate::time::Time;

/// A message that may be spilled.
pub(in super::super) fn spill(item: u64, length: u32) -> SpillChange {
    SpillChange::Add(StoredMessage {
        item: ItemId(item),
        destination: "QUOTES".into(),
        message: BusMessage {
            id: MessageId(u128::from(item)),
            correlation_id: CorrelationId(0),
            reliability: Reliability::ExpressNonpersistent,
            priority: Priority::default(),
            expires: None,
            reply_to: None,
            failed_deliveries: 0,
            sent_at: Time::START,
            payload: Payload { identity: item, length, digest: 0 },
        },
    })
}

fn remove(item: u64) -> SpillChange {
    SpillChange::Remove(ItemId(item))
}

fn batch(queue: &mut SpillQueue) -> usize {
    queue.batch().map_or(0, <[SpillChange]>::len)
}

#[test]
fn sixty_four_changes_are_written_or_two_megabytes() {
    let mut queue = SpillQueue::default();
    queue.take((1..=63).map(|item| spill(item, 100)).collect());
    assert_eq!(batch(&mut queue), 0);
    queue.take(vec![spill(64, 100)]);
    assert_eq!(batch(&mut queue), 64);
    let mut queue = SpillQueue::default();
    queue.take(vec![spill(1, 1_999_487)]);
    assert_eq!(batch(&mut queue), 0);
    queue.take(vec![spill(2, 100)]);
    assert_eq!(batch(&mut queue), 2);
}

#[test]
fn a_batch_has_four_megabytes_at_most_unless_it_is_one_message() {
    let mut queue = SpillQueue::default();
    queue.take(vec![spill(1, 9_000_000), spill(2, 1_900_000), spill(3, 1_900_000), spill(4, 1_900_000)]);
    let mut sizes = Vec::new();
    while queue.batch().is_some() {
        sizes.push(queue.written().len());
    }
    assert_eq!(sizes, [1, 2], "the last one is too small for a batch");
}

#[test]
fn what_is_removed_while_it_waits_is_never_written() {
    let mut queue = SpillQueue::default();
    for item in 1..=1000 {
        queue.take(vec![spill(item, 100), remove(item)]);
    }
    assert_eq!(batch(&mut queue), 0);
}

#[test]
fn removals_come_first_and_on_their_own() {
    let mut queue = SpillQueue::default();
    queue.take((1..=64).map(|item| spill(item, 100)).collect());
    assert_eq!(batch(&mut queue), 64);
    queue.written();
    queue.take((101..=163).map(|item| spill(item, 100)).chain([remove(7)]).collect());
    assert_eq!(queue.batch(), Some([remove(7)].as_slice()));
}

#[test]
fn what_finds_no_room_waits_until_as_much_again_has_come_and_removals_do_not() {
    let mut queue = SpillQueue::default();
    queue.take((1..=64).map(|item| spill(item, 100)).collect());
    assert_eq!(batch(&mut queue), 64);
    queue.written();
    queue.take((101..=164).map(|item| spill(item, 100)).collect());
    assert_eq!(batch(&mut queue), 64);
    queue.refused();
    queue.take((165..=200).map(|item| spill(item, 100)).collect());
    assert_eq!(batch(&mut queue), 0);
    queue.take((1..=64).map(remove).collect());
    assert_eq!(queue.batch().map(|batch| batch[0].clone()), Some(remove(1)));
    queue.written();
    assert_eq!(batch(&mut queue), 64, "there is room now");
}

#[derive(Clone, Debug)]
enum Action {
    Add(u32),
    Remove(usize),
    Write,
    Refuse,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        60 => (0..200_000_u32).prop_map(Action::Add),
        50 => any::<usize>().prop_map(Action::Remove),
        4 => Just(Action::Write),
        1 => Just(Action::Refuse),
    ]
}

proptest! {
    #[test]
    fn the_medium_has_what_is_wanted_as_far_as_nothing_waits(actions in prop::collection::vec(action(), 1..600)) {
        let mut queue = SpillQueue::default();
        let (mut wanted, mut medium) = (BTreeSet::new(), BTreeSet::new());
        for (item, action) in (1..).zip(actions) {
            match action {
                Action::Add(length) => {
                    queue.take(vec![spill(item, length)]);
                    wanted.insert(ItemId(item));
                }
                Action::Remove(which) => {
                    if let Some(&item) = wanted.iter().nth(which % wanted.len().max(1)) {
                        wanted.remove(&item);
                        queue.take(vec![SpillChange::Remove(item)]);
                    }
                }
                Action::Write if queue.batch().is_some() => {
                    for change in queue.written() {
                        match change {
                            SpillChange::Add(stored) => prop_assert!(medium.insert(stored.item), "written once"),
                            SpillChange::Remove(item) => prop_assert!(medium.remove(&item), "only what is there"),
                        }
                    }
                }
                Action::Refuse if queue.batch().is_some() => queue.refused(),
                Action::Write | Action::Refuse => {}
            }
            let mut after = medium.clone();
            for change in &queue.on_the_way {
                match change {
                    SpillChange::Add(stored) => after.insert(stored.item),
                    SpillChange::Remove(item) => after.remove(item),
                };
            }
            after.extend(queue.adds.keys());
            for item in &queue.removes {
                prop_assert!(after.remove(item));
            }
            prop_assert_eq!(&after, &wanted);
            prop_assert_eq!(queue.bytes, queue.adds.values().map(length).sum::<u64>());
        }
    }
}
