//! A queue point against a plain list.

use proptest::prelude::*;

use super::super::queue_point::{ItemState, QueuePoint};
use super::super::transaction::TransactionNumber;
use super::*;
use crate::message::MessageId;
use crate::messaging_engine::message::BusMessage;
use crate::messaging_engine::store::ItemId;

#[derive(Clone, Debug)]
enum Action {
    Insert { priority: u8, correlation: u8, expires: Option<u8> },
    Change { which: usize, to: u8 },
    Remove { which: usize },
    First { at: u8, correlation: Option<u8> },
    Offer { at: u8 },
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => (0..3u8, 0..3u8, proptest::option::of(0..20u8))
            .prop_map(|(priority, correlation, expires)| Action::Insert { priority, correlation, expires }),
        3 => (0..8usize, 0..4u8).prop_map(|(which, to)| Action::Change { which, to }),
        1 => (0..8usize).prop_map(|which| Action::Remove { which }),
        3 => (0..20u8, proptest::option::of(0..3u8)).prop_map(|(at, correlation)| Action::First { at, correlation }),
        1 => (0..20u8).prop_map(|at| Action::Offer { at }),
    ]
}

fn time(at: u8) -> Time {
    Time::from_nanoseconds(u64::from(at))
}

fn state(to: u8, item: ItemId) -> ItemState {
    match to {
        0 => ItemState::Available,
        1 => ItemState::Locked(ONE),
        2 => ItemState::Removing(TransactionNumber(item.0)),
        _ => ItemState::Blocked { until: time(10) },
    }
}

proptest! {
    #[test]
    fn a_queue_point_delivers_what_a_plain_list_delivers(actions in proptest::collection::vec(action(), 1..60)) {
        let mut point = QueuePoint::default();
        let mut list: Vec<(ItemId, BusMessage, ItemState)> = Vec::new();
        for (number, action) in actions.into_iter().enumerate() {
            match action {
                Action::Insert { priority, correlation, expires } => {
                    let item = ItemId(number as u64);
                    let message = BusMessage {
                        id: MessageId(number as u128),
                        correlation_id: CorrelationId(u128::from(correlation)),
                        reliability: Reliability::AssuredPersistent,
                        priority: Priority::new(priority).unwrap(),
                        expires: expires.map(time),
                        reply_to: None,
                        failed_deliveries: 0,
                        sent_at: Time::START,
                        payload: Payload { identity: number as u64, length: 1, digest: 0 },
                    };
                    point.insert(item, message.clone(), ItemState::Available);
                    list.push((item, message, ItemState::Available));
                }
                Action::Change { which, to } if which < list.len() => {
                    list[which].2 = state(to, list[which].0);
                    point.change(list[which].0, list[which].2.clone());
                }
                Action::Remove { which } if which < list.len() => {
                    let (item, message, _) = list.remove(which);
                    prop_assert_eq!(point.remove(item), message);
                }
                Action::Change { .. } | Action::Remove { .. } => {}
                Action::First { at, correlation } => {
                    let wanted = correlation.map(|it| CorrelationId(u128::from(it)));
                    let selection = wanted.map_or(Selection::Any, Selection::Correlation);
                    let mut fitting: Vec<_> = list
                        .iter()
                        .filter(|(_, message, state)| {
                            *state == ItemState::Available && wanted.is_none_or(|id| message.correlation_id == id)
                        })
                        .collect();
                    fitting.sort_by_key(|(item, message, _)| (9 - message.priority.get(), *item));
                    let live = fitting.iter().position(|(_, message, _)| !message.is_expired(time(at)));
                    let search = point.first(time(at), &selection);
                    prop_assert_eq!(search.found, live.map(|place| fitting[place].0));
                    let before: Vec<_> = fitting[..live.unwrap_or(fitting.len())].iter().map(|it| it.0).collect();
                    prop_assert_eq!(search.expired, before);
                }
                Action::Offer { at } => {
                    let mut any = false;
                    for (_, _, state) in &mut list {
                        if matches!(state, ItemState::Blocked { until } if *until <= time(at)) {
                            *state = ItemState::Available;
                            any = true;
                        }
                    }
                    prop_assert_eq!(point.offer_blocked(time(at)), any);
                }
            }
            prop_assert_eq!(point.depth() as usize, list.len());
            for ((item, message, state), (other, held, held_state)) in list.iter().zip(point.messages()) {
                prop_assert_eq!((*item, message, state), (other, held, held_state));
            }
        }
    }
}
