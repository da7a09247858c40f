//! Claims about a private queue, and a comparison with a list that is searched from end to end.

use core::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index as Pick;

use super::*;
use crate::machine::Incarnation;
use crate::message::{CorrelationId, MessageId};

const NOW: Time = Time::from_nanoseconds(1_000);

fn unit(sequence: u64) -> UnitOfWorkId {
    UnitOfWorkId { queue_manager: "QM01".into(), incarnation: Incarnation(1), sequence }
}

fn message(priority: u8) -> Message {
    Message::persistent(0, priority, 0)
}

fn expiring(at: Time) -> Message {
    let mut message = message(0);
    message.descriptor.expires = Some(at);
    message
}

fn queue() -> PrivateQueue {
    PrivateQueue::new(&QueueDefinition::default())
}

/// A queue with committed messages of these priorities, numbered from 1.
fn filled(priorities: &[u8]) -> PrivateQueue {
    let mut queue = queue();
    for (number, &priority) in (1..).zip(priorities) {
        queue.put_committed(MessageNumber(number), message(priority));
    }
    queue
}

fn found(queue: &PrivateQueue) -> Option<u64> {
    queue.first(NOW, &Match::Any, None).found.map(|number| number.0)
}

/// Gets everything outside syncpoint.
fn drained(queue: &mut PrivateQueue) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some(number) = found(queue) {
        queue.take(MessageNumber(number), None);
        numbers.push(number);
    }
    numbers
}

#[test]
fn delivery_is_by_priority_and_then_by_arrival() {
    assert_eq!(drained(&mut filled(&[4, 9, 0, 4, 9])), [2, 5, 1, 4, 3]);
}

#[test]
fn fifo_delivery_knows_no_priority() {
    let fifo = QueueDefinition { delivery_sequence: DeliverySequence::Fifo, ..QueueDefinition::default() };
    let mut queue = PrivateQueue::new(&fifo);
    for (number, priority) in (1..).zip([4, 9, 0]) {
        queue.put_committed(MessageNumber(number), message(priority));
    }
    assert_eq!(drained(&mut queue), [1, 2, 3]);
}

#[test]
fn a_late_committer_comes_before_what_was_put_after_it() {
    let mut queue = queue();
    queue.put_uncommitted(MessageNumber(1), message(0), unit(1));
    queue.put_committed(MessageNumber(2), message(0));
    assert_eq!(found(&queue), Some(2));
    queue.commit_put(MessageNumber(1));
    assert_eq!(drained(&mut queue), [1, 2]);
}

#[test]
fn what_a_unit_of_work_did_counts_but_is_seen_by_nobody() {
    let mut queue = filled(&[0]);
    queue.put_uncommitted(MessageNumber(2), message(0), unit(1));
    queue.take(MessageNumber(1), Some(unit(1)));
    assert_eq!((found(&queue), queue.depth(), queue.uncommitted()), (None, 2, 2));
    let limited = |maximum_depth| QueueDefinition { maximum_depth, ..QueueDefinition::default() };
    assert!(queue.is_full(&limited(2)) && !queue.is_full(&limited(3)));
    queue.commit_get(MessageNumber(1));
    queue.remove_put(MessageNumber(2));
    assert_eq!((queue.depth(), queue.uncommitted()), (0, 0));
}

#[test]
fn a_get_that_is_backed_out_returns_to_its_old_place_with_a_higher_backout_count() {
    let mut queue = filled(&[0, 0, 0]);
    queue.take(MessageNumber(1), Some(unit(1)));
    assert_eq!(found(&queue), Some(2));
    assert_eq!(queue.backout_get(MessageNumber(1)), 1);
    queue.take(MessageNumber(1), Some(unit(2)));
    assert_eq!(queue.backout_get(MessageNumber(1)), 2);
    assert_eq!(queue.message(MessageNumber(1)).unwrap().descriptor.backout_count, 2);
    assert_eq!(drained(&mut queue), [1, 2, 3]);
}

#[test]
fn an_expired_message_stays_until_it_is_met() {
    let mut queue = queue();
    queue.put_committed(MessageNumber(1), expiring(NOW));
    queue.put_committed(MessageNumber(2), expiring(NOW + Duration::from_nanos(1)));
    queue.put_committed(MessageNumber(3), expiring(NOW));
    assert_eq!(queue.depth(), 3);
    let search = queue.first(NOW, &Match::Any, None);
    let expected = Search { found: Some(MessageNumber(2)), expired: vec![MessageNumber(1)], unlocked: None };
    assert_eq!(search, expected, "the third was not met");
    queue.take(MessageNumber(1), None);
    assert_eq!(queue.depth(), 2);
}

#[test]
fn a_get_by_identifier_meets_only_what_fits() {
    let mut queue = queue();
    for number in 1..=6 {
        let mut message = message(u8::try_from(number).unwrap());
        message.descriptor.message_id = MessageId(u128::from(number));
        message.descriptor.correlation_id = CorrelationId(u128::from(number % 2));
        message.descriptor.expires = (number == 5).then_some(NOW);
        queue.put_committed(MessageNumber(number), message);
    }
    let search = |selection| {
        let search = queue.first(NOW, &selection, None);
        (search.found.map(|number| number.0), search.expired)
    };
    assert_eq!(search(Match::MessageId(MessageId(2))), (Some(2), vec![]));
    assert_eq!(search(Match::MessageId(MessageId(5))), (None, vec![MessageNumber(5)]));
    assert_eq!(search(Match::MessageId(MessageId(9))), (None, vec![]));
    assert_eq!(search(Match::CorrelationId(CorrelationId(0))), (Some(6), vec![]));
    assert_eq!(search(Match::CorrelationId(CorrelationId(1))), (Some(3), vec![MessageNumber(5)]));
}

const READER: BrowserId = BrowserId(1);
const OTHER: BrowserId = BrowserId(2);

fn browsed(queue: &mut PrivateQueue, browser: BrowserId, position: BrowsePosition, lock: BrowseLock) -> Option<u64> {
    queue.browse(browser, position, lock, NOW).found.map(|number| number.0)
}

#[test]
fn a_browse_reads_on_from_its_cursor_and_removes_nothing() {
    use BrowseLock::Unlocked;
    use BrowsePosition::{First, Next};
    let mut queue = filled(&[0, 9, 0]);
    assert_eq!(browsed(&mut queue, READER, Next, Unlocked), Some(2), "the first next is the first");
    assert_eq!(browsed(&mut queue, READER, Next, Unlocked), Some(1));
    queue.put_committed(MessageNumber(4), message(5));
    assert_eq!(browsed(&mut queue, READER, Next, Unlocked), Some(3), "what arrives behind the cursor is not seen");
    assert_eq!(browsed(&mut queue, READER, Next, Unlocked), None);
    queue.put_committed(MessageNumber(5), message(0));
    assert_eq!(browsed(&mut queue, READER, Next, Unlocked), Some(5), "the cursor had stayed");
    assert_eq!(browsed(&mut queue, READER, First, Unlocked), Some(2));
    assert_eq!(browsed(&mut queue, READER, Next, Unlocked), Some(4));
    assert_eq!(queue.depth(), 5);
}

#[test]
fn a_cursor_survives_the_get_of_the_message_it_is_on() {
    use BrowseLock::Unlocked;
    let mut queue = filled(&[0, 0]);
    assert_eq!(browsed(&mut queue, READER, BrowsePosition::First, Unlocked), Some(1));
    queue.take(MessageNumber(1), None);
    assert_eq!(browsed(&mut queue, READER, BrowsePosition::Next, Unlocked), Some(2));
}

#[test]
fn a_locked_message_is_kept_from_all_others_until_the_cursor_moves_or_the_handle_closes() {
    use BrowseLock::{Locked, Unlocked};
    use BrowsePosition::{First, Next};
    let mut queue = filled(&[0, 0]);
    assert_eq!(browsed(&mut queue, READER, First, Locked), Some(1));
    assert_eq!(found(&queue), Some(2));
    assert_eq!(queue.first(NOW, &Match::Any, Some(OTHER)).found, Some(MessageNumber(2)));
    assert_eq!(queue.first(NOW, &Match::Any, Some(READER)).found, Some(MessageNumber(1)), "its holder sees it");
    assert_eq!(browsed(&mut queue, OTHER, First, Unlocked), Some(2));
    assert_eq!(queue.uncommitted(), 0, "a lock is not a unit of work");

    let moved = queue.browse(READER, Next, Locked, NOW);
    assert_eq!((moved.found, moved.unlocked), (Some(MessageNumber(2)), Some(MessageNumber(1))));
    assert_eq!(found(&queue), Some(1));
    assert_eq!(queue.browse(READER, Next, Locked, NOW).unlocked, Some(MessageNumber(2)), "at the end, too");
    assert_eq!(browsed(&mut queue, READER, First, Locked), Some(1));
    assert_eq!(queue.close_browser(READER), Some(MessageNumber(1)));
    assert_eq!(drained(&mut queue), [1, 2]);
    assert_eq!(queue.close_browser(READER), None);
}

#[test]
fn an_expired_message_is_reported_once_when_its_own_lock_expires_too() {
    let mut queue = queue();
    queue.put_uncommitted(MessageNumber(1), expiring(NOW), unit(1));
    queue.put_committed(MessageNumber(2), expiring(NOW));
    queue.put_committed(MessageNumber(3), message(0));
    let earlier = NOW - Duration::from_nanos(1);
    assert_eq!(queue.browse(READER, BrowsePosition::First, BrowseLock::Locked, earlier).found, Some(MessageNumber(2)));
    queue.commit_put(MessageNumber(1));
    let expected =
        Search { found: Some(MessageNumber(3)), expired: vec![MessageNumber(1), MessageNumber(2)], unlocked: None };
    assert_eq!(queue.first(NOW, &Match::Any, Some(READER)), expected);
    queue.take(MessageNumber(2), None);
    queue.assert_consistent();
}

#[test]
fn nonpersistent_messages_do_not_survive_a_restart() {
    let mut queue = filled(&[0, 0]);
    let mut fleeting = message(9);
    fleeting.descriptor.persistence = Persistence::Nonpersistent;
    queue.put_committed(MessageNumber(3), fleeting.clone());
    queue.put_uncommitted(MessageNumber(4), fleeting.clone(), unit(1));
    queue.put_committed(MessageNumber(5), fleeting);
    assert_eq!(browsed(&mut queue, READER, BrowsePosition::First, BrowseLock::Locked), Some(3));
    assert_eq!(queue.discard_nonpersistent(), 3);
    queue.assert_consistent();
    assert_eq!(drained(&mut queue), [1, 2]);
}

#[test]
fn a_message_is_got_by_one_unit_of_work() {
    let mut queue = filled(&[0]);
    queue.put_uncommitted(MessageNumber(2), message(0), unit(3));
    assert_eq!(queue.take(MessageNumber(1), Some(unit(1))), Some(message(0)));
    for getter in [Some(unit(1)), Some(unit(2)), None] {
        assert_eq!(queue.take(MessageNumber(1), getter.clone()), None, "got already");
        assert_eq!(queue.take(MessageNumber(2), getter.clone()), None, "not put yet");
        assert_eq!(queue.take(MessageNumber(3), getter), None, "never put");
    }
    assert_eq!(queue.state(MessageNumber(1)), Some(&MessageState::UncommittedGet(unit(1))));
    assert_eq!(queue.state(MessageNumber(2)), Some(&MessageState::UncommittedPut(unit(3))));
    assert_eq!((queue.depth(), queue.uncommitted()), (2, 2));
    queue.assert_consistent();
}

/// The queue as a list in the order of arrival.
#[derive(Default)]
struct Model {
    entries: Vec<(MessageNumber, Message, MessageState)>,
    cursors: BTreeMap<BrowserId, Option<(u8, MessageNumber)>>,
    is_fifo: bool,
}

impl Model {
    fn key(&self, number: MessageNumber, message: &Message) -> (u8, MessageNumber) {
        (if self.is_fifo { 0 } else { 9 - message.descriptor.priority.get() }, number)
    }

    /// Goes through what `sees` accepts in the order of delivery, up to the first that has not expired.
    fn search(&self, now: Time, sees: impl Fn(&Message, &MessageState, (u8, MessageNumber)) -> bool) -> Search {
        let mut seen: Vec<_> = self
            .entries
            .iter()
            .map(|(number, message, state)| (self.key(*number, message), message, state))
            .filter(|(key, message, state)| sees(message, state, *key))
            .collect();
        seen.sort_by_key(|(key, ..)| *key);
        let mut search = Search::default();
        for ((_, number), message, _) in seen {
            if message.is_expired(now) {
                search.expired.push(number);
            } else {
                search.found = Some(number);
                break;
            }
        }
        search
    }

    fn unlock(&mut self, browser: BrowserId) -> Option<MessageNumber> {
        let locked = self.entries.iter_mut().find(|(.., state)| *state == MessageState::Locked(browser))?;
        locked.2 = MessageState::Available;
        Some(locked.0)
    }

    fn entry(&mut self, number: MessageNumber) -> &mut (MessageNumber, Message, MessageState) {
        self.entries.iter_mut().find(|entry| entry.0 == number).unwrap()
    }
}

#[derive(Clone, Debug)]
enum Operation {
    Put {
        priority: u8,
        id: u8,
        correlation: u8,
        expires: Option<u8>,
        unit: Option<u8>,
    },
    Get {
        selection: Match,
        reader: Option<u8>,
        unit: Option<u8>,
    },
    /// Ends one put or get of a unit of work.
    End {
        which: Pick,
        is_commit: bool,
    },
    Browse {
        browser: u8,
        position: BrowsePosition,
        lock: BrowseLock,
    },
    Close {
        browser: u8,
    },
    Tick,
}

fn operation() -> impl Strategy<Value = Operation> {
    let selection = prop_oneof![
        2 => Just(Match::Any),
        1 => (0..8_u128).prop_map(|id| Match::MessageId(MessageId(id))),
        1 => (0..3_u128).prop_map(|id| Match::CorrelationId(CorrelationId(id))),
    ];
    let unit = || prop::option::of(0..3_u8);
    let position = prop_oneof![Just(BrowsePosition::First), Just(BrowsePosition::Next)];
    let lock = prop_oneof![Just(BrowseLock::Unlocked), Just(BrowseLock::Locked)];
    prop_oneof![
        5 => (0..=9_u8, 0..8_u8, 0..3_u8, prop::option::weighted(0.3, 0..20_u8), unit()).prop_map(
            |(priority, id, correlation, expires, unit)| Operation::Put { priority, id, correlation, expires, unit }
        ),
        4 => (selection, prop::option::of(0..3_u8), unit())
            .prop_map(|(selection, reader, unit)| Operation::Get { selection, reader, unit }),
        4 => (any::<Pick>(), any::<bool>()).prop_map(|(which, is_commit)| Operation::End { which, is_commit }),
        3 => (0..3_u8, position, lock).prop_map(|(browser, position, lock)| Operation::Browse { browser, position, lock }),
        1 => (0..3_u8).prop_map(|browser| Operation::Close { browser }),
        1 => Just(Operation::Tick),
    ]
}

/// Does the same to both and compares what they answer.
fn step(queue: &mut PrivateQueue, model: &mut Model, now: &mut u64, next: &mut u64, operation: Operation) {
    let time = Time::from_nanoseconds(*now);
    match operation {
        Operation::Put { priority, id, correlation, expires, unit: of } => {
            let number = MessageNumber(*next);
            *next += 1;
            let mut message = message(priority);
            message.descriptor.message_id = MessageId(id.into());
            message.descriptor.correlation_id = CorrelationId(correlation.into());
            message.descriptor.expires = expires.map(|at| Time::from_nanoseconds(at.into()));
            let state = match of {
                Some(of) => {
                    queue.put_uncommitted(number, message.clone(), unit(of.into()));
                    MessageState::UncommittedPut(unit(of.into()))
                }
                None => {
                    queue.put_committed(number, message.clone());
                    MessageState::Available
                }
            };
            model.entries.push((number, message, state));
        }
        Operation::Get { selection, reader, unit: of } => {
            let reader = reader.map(|reader| BrowserId(reader.into()));
            let search = queue.first(time, &selection, reader);
            let expected = model.search(time, |message, state, _| {
                let fits = match selection {
                    Match::Any => true,
                    Match::MessageId(id) => message.descriptor.message_id == id,
                    Match::CorrelationId(id) => message.descriptor.correlation_id == id,
                };
                let is_visible = match state {
                    MessageState::Available => true,
                    MessageState::Locked(holder) => reader == Some(*holder),
                    _ => false,
                };
                fits && is_visible
            });
            assert_eq!(search, expected);
            for number in search.expired {
                queue.take(number, None);
                model.entries.retain(|entry| entry.0 != number);
            }
            if let Some(number) = search.found {
                let of = of.map(|of| unit(of.into()));
                assert_eq!(queue.take(number, of.clone()).as_ref(), Some(&model.entry(number).1));
                match of {
                    Some(of) => model.entry(number).2 = MessageState::UncommittedGet(of),
                    None => model.entries.retain(|entry| entry.0 != number),
                }
            }
        }
        Operation::End { which, is_commit } => {
            let open: Vec<_> = model.entries.iter().filter(|(.., state)| state.is_uncommitted()).cloned().collect();
            if open.is_empty() {
                return;
            }
            let (number, message, state) = open[which.index(open.len())].clone();
            match (state, is_commit) {
                (MessageState::UncommittedPut(_), true) => {
                    queue.commit_put(number);
                    model.entry(number).2 = MessageState::Available;
                }
                (MessageState::UncommittedPut(_), false) => {
                    assert_eq!(queue.remove_put(number), message);
                    model.entries.retain(|entry| entry.0 != number);
                }
                (_, true) => {
                    assert_eq!(queue.commit_get(number), message);
                    model.entries.retain(|entry| entry.0 != number);
                }
                (_, false) => {
                    let entry = model.entry(number);
                    entry.1.descriptor.backout_count += 1;
                    entry.2 = MessageState::Available;
                    assert_eq!(queue.backout_get(number), entry.1.descriptor.backout_count);
                }
            }
        }
        Operation::Browse { browser, position, lock } => {
            let browser = BrowserId(browser.into());
            let search = queue.browse(browser, position, lock, time);
            let unlocked = model.unlock(browser);
            let after = match position {
                BrowsePosition::First => None,
                BrowsePosition::Next => model.cursors.get(&browser).copied().flatten(),
            };
            let expected = model.search(time, |_, state, key| {
                *state == MessageState::Available && after.is_none_or(|after| key > after)
            });
            assert_eq!(search, Search { unlocked, ..expected });
            for number in search.expired {
                queue.take(number, None);
                model.entries.retain(|entry| entry.0 != number);
            }
            let cursor = search.found.map(|number| {
                let message = model.entry(number).1.clone();
                model.key(number, &message)
            });
            model.cursors.insert(browser, cursor.or(after));
            if let (Some(number), BrowseLock::Locked) = (search.found, lock) {
                model.entry(number).2 = MessageState::Locked(browser);
            }
        }
        Operation::Close { browser } => {
            let browser = BrowserId(browser.into());
            assert_eq!(queue.close_browser(browser), model.unlock(browser));
            model.cursors.remove(&browser);
        }
        Operation::Tick => *now += 1,
    }
}

proptest! {
    #[test]
    fn the_queue_does_what_a_plain_list_does(
        is_fifo: bool,
        operations in prop::collection::vec(operation(), 0..150),
    ) {
        let delivery_sequence = if is_fifo { DeliverySequence::Fifo } else { DeliverySequence::Priority };
        let mut queue = PrivateQueue::new(&QueueDefinition { delivery_sequence, ..QueueDefinition::default() });
        let mut model = Model { is_fifo, ..Model::default() };
        let (mut now, mut next) = (0, 1);
        for operation in operations {
            step(&mut queue, &mut model, &mut now, &mut next, operation);
            queue.assert_consistent();
            prop_assert_eq!(queue.depth() as usize, model.entries.len());
            prop_assert_eq!(
                queue.uncommitted() as usize,
                model.entries.iter().filter(|(.., state)| state.is_uncommitted()).count()
            );
            prop_assert!(
                queue.messages().eq(model.entries.iter().map(|(number, message, state)| (*number, message, state)))
            );
        }
    }
}
