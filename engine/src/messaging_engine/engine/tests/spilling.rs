//! Which messages are spilled, and for how long.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::spilling::Spilling;
use super::*;

const EXPRESS: Reliability = Reliability::ExpressNonpersistent;
const LIMITS: SpillLimits =
    SpillLimits { upper_messages: 20, lower_messages: 2, upper_bytes: 4_000_000, lower_bytes: 400_000 };

fn put(world: &mut World, identity: u64, reliability: Reliability, scope: Scope) {
    let message = OutgoingMessage { reliability: Some(reliability), ..message(identity) };
    let reply = world.call(ONE, BusCall::Send { destination: QUEUE.into(), message, scope, one_way: false });
    assert!(matches!(reply, Some(BusReply::Sent { .. })), "{reply:?}");
}

/// How many messages come before a queue point spills.
const BEFORE: u64 = 36;

/// An engine whose queue point spills from the next message on.
fn spilling() -> World {
    let mut world = World::started();
    (1..=BEFORE).for_each(|identity| put(&mut world, identity, EXPRESS, Scope::Automatic));
    world
}

fn spilled(world: &World) -> Vec<u64> {
    world.shelf().spilled.values().map(|stored| stored.message.payload.identity).collect()
}

#[test]
fn the_product_s_limits_are_the_defaults() {
    assert_eq!(SpillLimits::default(), LIMITS);
}

fn look(point: &mut Spilling, messages: u64, bytes: u64) -> bool {
    assert!(!point.look(messages, bytes, &LIMITS), "nothing has been spilled that could end");
    point.is_due()
}

#[test]
fn a_point_that_holds_as_many_as_the_upper_limit_begins_to_spill_and_one_with_less_never_does() {
    let looks = |messages| {
        let mut point = Spilling::default();
        (0..10_000).position(|_| look(&mut point, messages, 0))
    };
    assert_eq!(looks(19), None);
    assert!(looks(20).is_some_and(|after| after > 20), "the average needs a while");
    assert!(looks(200).is_some_and(|after| after < 5), "and less if there are many more");
}

#[test]
fn a_burst_that_is_soon_consumed_is_not_spilled() {
    let mut point = Spilling::default();
    for messages in (1..=25).chain((0..25).rev()) {
        assert!(!look(&mut point, messages, 0));
    }
}

#[test]
fn bytes_count_at_once() {
    let mut point = Spilling::default();
    assert!(!look(&mut point, 1, 3_999_999));
    assert!(look(&mut point, 1, 4_000_000));
}

#[test]
fn it_ends_when_the_point_is_down_to_both_lower_limits_and_begins_anew_only_at_an_upper_one() {
    let mut point = Spilling::Due;
    assert!(point.begin());
    assert!(!point.begin(), "it has begun before");
    for (messages, bytes) in [(20, 400_000), (3, 400_000), (2, 400_001)] {
        assert!(!point.look(messages, bytes, &LIMITS));
        assert!(point.is_due());
    }
    assert!(point.look(2, 400_000, &LIMITS));
    for _ in 0..100 {
        assert!(!look(&mut point, 10, 3_000_000), "between the limits it stays as it is");
    }
}

#[test]
fn a_point_with_nothing_to_spill_has_nothing_to_tell() {
    let mut world = World::started();
    for identity in 1..=100 {
        put(&mut world, identity, Reliability::AssuredPersistent, Scope::Automatic);
    }
    (1..=100).for_each(|identity| assert_eq!(world.receive(TWO, Scope::Automatic), Some(identity)));
    assert!(!world.has_event("spilling_began") && !world.has_event("spilling_ended"));
}

#[test]
fn only_what_comes_while_a_point_spills_is_spilled_and_only_express_and_reliable_nonpersistent() {
    let mut world = spilling();
    assert!(spilled(&world).is_empty(), "what was there before stays where it is");
    assert!(!world.has_event("spilling_began"));
    for (identity, reliability) in (100..).zip(Reliability::ALL) {
        put(&mut world, identity, reliability, Scope::Automatic);
    }
    assert_eq!(spilled(&world), [101, 102]);
    assert!(world.has_event("spilling_began"));
    let got: Vec<Option<u64>> = (0..BEFORE + 5).map(|_| world.receive(TWO, Scope::Automatic)).collect();
    let expected: Vec<Option<u64>> = (1..=BEFORE).chain(100..105).map(Some).collect();
    assert_eq!(got, expected, "order is the same, wherever a message is");
    assert!(spilled(&world).is_empty(), "what is consumed is not wanted any more");
    assert!(world.has_event("spilling_ended"));
    put(&mut world, 200, EXPRESS, Scope::Automatic);
    assert!(spilled(&world).is_empty(), "memory will do again");
}

#[test]
fn what_is_sent_in_a_transaction_is_spilled_when_it_commits_and_not_before() {
    let mut world = spilling();
    put(&mut world, 100, EXPRESS, Scope::Transacted);
    assert!(spilled(&world).is_empty());
    world.done(ONE, BusCall::Rollback);
    assert!(spilled(&world).is_empty());
    put(&mut world, 101, EXPRESS, Scope::Transacted);
    put(&mut world, 102, Reliability::AssuredPersistent, Scope::Transacted);
    world.done(ONE, BusCall::Commit);
    assert_eq!(spilled(&world), [101]);
    // A commit that the store refuses.
    world.shelf().refusals = 1;
    put(&mut world, 103, EXPRESS, Scope::Transacted);
    put(&mut world, 104, Reliability::AssuredPersistent, Scope::Transacted);
    assert_eq!(world.call(ONE, BusCall::Commit), Some(BusReply::Failed(BusReason::StoreFull)));
    assert_eq!(spilled(&world), [101]);
    // Two phases.
    world.done(ONE, BusCall::Begin { xid: xid(1) });
    put(&mut world, 105, EXPRESS, Scope::Transacted);
    world.done(ONE, BusCall::Prepare { xid: xid(1) });
    assert_eq!(spilled(&world), [101]);
    world.done(ONE, BusCall::Resolve { xid: xid(1), outcome: Outcome::Commit });
    assert_eq!(spilled(&world), [101, 105]);
}

#[test]
fn what_is_received_stays_spilled_until_that_has_committed() {
    let mut world = spilling();
    put(&mut world, 100, EXPRESS, Scope::Automatic);
    (0..BEFORE).for_each(|_| assert!(world.receive(TWO, Scope::Automatic).is_some()));
    assert_eq!(world.receive(TWO, Scope::Transacted), Some(100));
    world.done(TWO, BusCall::Rollback);
    assert_eq!(spilled(&world), [100]);
    assert_eq!(world.receive(TWO, Scope::Transacted), Some(100));
    assert_eq!(spilled(&world), [100]);
    world.done(TWO, BusCall::Commit);
    assert!(spilled(&world).is_empty());
    assert_eq!(world.receive(TWO, Scope::Automatic), None);
}

#[test]
fn what_is_spilled_does_not_survive_a_failure_nor_a_stop_in_good_order() {
    for is_killed in [true, false] {
        let mut world = spilling();
        put(&mut world, 100, EXPRESS, Scope::Automatic);
        put(&mut world, 101, Reliability::AssuredPersistent, Scope::Automatic);
        assert_eq!(spilled(&world), [100]);
        if !is_killed {
            world.deactivate(StopMode::Quiesce);
            assert_eq!(world.notices.last(), Some(&EngineNotice::Deactivated));
        }
        let mut world = world.fail_over();
        assert_eq!(world.on(QUEUE), [101]);
        assert!(spilled(&world).is_empty());
    }
}

#[test]
#[should_panic(expected = "EXPRESS_NONPERSISTENT and still there")]
fn a_store_that_keeps_what_is_not_persistent_is_not_believed() {
    let mut world = spilling();
    put(&mut world, 100, EXPRESS, Scope::Automatic);
    let stored = world.shelf().spilled.first_entry().expect("it is spilled").remove();
    world.shelf().messages.insert(stored.item, stored);
    world.fail_over();
}

#[derive(Clone, Debug)]
enum Action {
    Send { reliability: Reliability, scope: Scope },
    Receive { scope: Scope },
    End { connection: ConnectionId, commits: bool },
    Drain,
}

fn action() -> impl Strategy<Value = Action> {
    let scope = || prop::sample::select(vec![Scope::Automatic, Scope::Transacted]);
    prop_oneof![
        12 => (prop::sample::select(Reliability::ALL.to_vec()), scope())
            .prop_map(|(reliability, scope)| Action::Send { reliability, scope }),
        2 => scope().prop_map(|scope| Action::Receive { scope }),
        1 => (prop::sample::select(vec![ONE, TWO]), any::<bool>())
            .prop_map(|(connection, commits)| Action::End { connection, commits }),
        1 => Just(Action::Drain),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The store has of what may be spilled only what is on the queue point and final; and when that is empty, nothing.
    #[test]
    fn nothing_is_spilled_that_is_not_there(actions in prop::collection::vec(action(), 1..200)) {
        let mut world = World::started_with(|queue| queue.exception_destination = ExceptionDestination::None);
        for (identity, action) in (1..).zip(actions) {
            match action {
                Action::Send { reliability, scope } => put(&mut world, identity, reliability, scope),
                Action::Receive { scope } => {
                    world.receive(TWO, scope);
                }
                Action::End { connection, commits } => {
                    world.done(connection, if commits { BusCall::Commit } else { BusCall::Rollback });
                }
                Action::Drain => {
                    world.done(ONE, BusCall::Rollback);
                    world.done(TWO, BusCall::Commit);
                    world.advance(Duration::from_secs(5));
                    while world.receive(TWO, Scope::Automatic).is_some() {}
                    prop_assert!(spilled(&world).is_empty());
                }
            }
            // One connection has one transaction: what it receives in it, `TWO` can inspect at any time.
            let (messages, _) = world.inspect();
            let is_final = |it: &&InspectedMessage| !matches!(it.state, MessageState::Committing(_));
            let there: BTreeSet<u64> =
                messages.iter().filter(is_final).map(|it| it.message.payload.identity).collect();
            prop_assert!(spilled(&world).iter().all(|identity| there.contains(identity)));
        }
        let mut next = world.fail_over();
        prop_assert!(next.inspect().0.iter().all(|it| it.message.reliability.is_persistent()));
    }
}
