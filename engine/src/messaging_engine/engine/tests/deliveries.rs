//! Claims about who gets which message, and about deliveries that fail.

use super::*;
use crate::messaging_engine::definition::system_exception_destination;

#[test]
fn messages_come_by_priority_and_then_in_the_order_of_sending() {
    let mut world = World::started();
    for (identity, priority) in [(1, 4), (2, 9), (3, 4), (4, 9)] {
        let message = OutgoingMessage { priority: Priority::new(priority), ..message(identity) };
        world.call(ONE, BusCall::Send { destination: QUEUE.into(), message, scope: Scope::Automatic, one_way: false });
    }
    let got: Vec<_> = core::iter::from_fn(|| world.receive(ONE, Scope::Automatic)).collect();
    assert_eq!(got, [2, 4, 1, 3]);
}

#[test]
fn a_rolled_back_message_takes_its_old_place() {
    let mut world = World::started();
    world.send(ONE, 1, Scope::Automatic);
    world.send(ONE, 2, Scope::Automatic);
    assert_eq!(world.receive(ONE, Scope::Transacted), Some(1));
    assert_eq!(world.receive(TWO, Scope::Transacted), Some(2));
    world.done(TWO, BusCall::Rollback);
    world.done(ONE, BusCall::Rollback);
    assert_eq!(world.receive(TWO, Scope::Automatic), Some(1));
}

#[test]
fn receives_that_wait_are_served_in_the_order_of_waiting() {
    let mut world = World::started();
    let wait = Duration::from_secs(10);
    assert_eq!(world.call(TWO, receive(Scope::Automatic, wait)), None);
    assert_eq!(world.call(ONE, receive(Scope::Automatic, wait)), None);
    let three = ConnectionId(103);
    world.run(|engine, now, effects| engine.accept(now, three, "producer".to_owned(), effects));
    world.reply(three);
    world.send(three, 1, Scope::Automatic);
    assert!(matches!(world.reply(TWO), Some(BusReply::Received { .. })));
    assert_eq!(world.reply(ONE), None);
    world.advance(wait);
    assert_eq!(world.reply(ONE), Some(BusReply::Failed(BusReason::NoMessage)));
}

#[test]
fn a_receive_by_correlation_takes_no_other_message_and_one_that_waits_holds_up_nobody() {
    let mut world = World::started();
    let by_correlation = |identity: u128| BusCall::Receive {
        destination: QUEUE.into(),
        selection: Selection::Correlation(CorrelationId(identity)),
        wait: Duration::from_secs(10),
        scope: Scope::Automatic,
    };
    assert_eq!(world.call(ONE, by_correlation(2)), None);
    world.send(TWO, 1, Scope::Automatic);
    assert_eq!(world.receive(TWO, Scope::Automatic), Some(1));
    world.send(TWO, 2, Scope::Automatic);
    assert!(matches!(world.reply(ONE), Some(BusReply::Received { message }) if message.payload.identity == 2));
}

#[test]
fn an_expired_message_is_passed_over_and_removed() {
    let mut world = World::started();
    let expiring = OutgoingMessage { expiry: Some(Duration::from_secs(1)), ..message(1) };
    world.call(
        ONE,
        BusCall::Send { destination: QUEUE.into(), message: expiring, scope: Scope::Automatic, one_way: false },
    );
    world.send(ONE, 2, Scope::Automatic);
    world.advance(Duration::from_secs(1));
    assert_eq!(world.receive(ONE, Scope::Acknowledged), Some(2));
    assert!(world.has_event("bus_message_expired"));
    assert_eq!(world.fail_over().on(QUEUE), [2]);
}

#[test]
fn a_full_queue_point_refuses_messages() {
    let mut world = World::started_with(|queue| queue.high_message_threshold = 1);
    world.send(ONE, 1, Scope::Automatic);
    let refused = Some(BusReply::Failed(BusReason::DestinationFull));
    assert_eq!(world.call(ONE, send(QUEUE, 2, Scope::Automatic)), refused);
    assert_eq!(world.receive(ONE, Scope::Transacted), Some(1));
    assert_eq!(world.call(TWO, send(QUEUE, 2, Scope::Automatic)), refused, "a message that may come back counts");
    world.done(ONE, BusCall::Commit);
    world.send(TWO, 2, Scope::Automatic);
}

#[test]
fn a_reliability_above_the_maximum_is_refused() {
    let mut world = World::started_with(|queue| queue.maximum_reliability = Reliability::ReliableNonpersistent);
    assert_eq!(
        world.call(ONE, send_with(1, Reliability::AssuredPersistent, false)),
        Some(BusReply::Failed(BusReason::ReliabilityTooHigh))
    );
    world.send(ONE, 2, Scope::Automatic);
    let (messages, _) = world.inspect();
    assert_eq!(messages[0].message.reliability, Reliability::ReliableNonpersistent, "the default is capped");
}

#[test]
fn a_destination_that_the_bus_does_not_have_is_unknown() {
    let mut world = World::started();
    let unknown = Some(BusReply::Failed(BusReason::UnknownDestination));
    assert_eq!(world.call(ONE, send("NOWHERE", 1, Scope::Automatic)), unknown);
}

#[test]
fn what_is_sent_one_way_is_not_answered_even_if_it_is_refused() {
    let mut world = World::started();
    assert_eq!(world.call(ONE, send_with(1, Reliability::ExpressNonpersistent, true)), None);
    assert_eq!(world.on(QUEUE), [1]);
    assert_eq!(world.call(ONE, send_with(2, Reliability::AssuredPersistent, true)), None);
    assert_eq!(world.on(QUEUE), [1]);
    assert!(world.has_event("one_way_discarded"));
}

#[test]
fn new_best_effort_messages_evict_the_oldest_that_nobody_holds() {
    let mut world = World::started();
    let big = |identity| {
        let payload = Payload { identity, length: 500_000, digest: 0 };
        let reliability = Some(Reliability::BestEffortNonpersistent);
        let message = OutgoingMessage { reliability, payload, ..message(identity) };
        BusCall::Send { destination: QUEUE.into(), message, scope: Scope::Automatic, one_way: true }
    };
    world.call(ONE, big(1));
    assert_eq!(world.receive(ONE, Scope::Transacted), Some(1));
    for identity in 2..=4 {
        world.call(TWO, big(identity));
    }
    assert_eq!(world.on(QUEUE), [1, 4]);
    world.done(ONE, BusCall::Commit);
    world.call(TWO, big(5));
    assert_eq!(world.on(QUEUE), [4, 5], "what is received makes room");
}

fn fail_delivery(world: &mut World) -> Option<u64> {
    let got = world.receive(ONE, Scope::Transacted);
    world.done(ONE, BusCall::Rollback);
    got
}

#[test]
fn failed_deliveries_are_counted_across_a_failover() {
    let mut world = World::started();
    world.send(ONE, 1, Scope::Automatic);
    fail_delivery(&mut world);
    world.receive(ONE, Scope::Acknowledged);
    world.done(ONE, BusCall::Recover);
    world.receive(ONE, Scope::Acknowledged);
    world.gone(ONE);
    let (messages, _) = world.fail_over().inspect();
    assert_eq!(messages[0].message.failed_deliveries, 3);
}

#[test]
fn after_too_many_failed_deliveries_a_message_goes_to_the_system_exception_destination() {
    let mut world = World::started();
    world.send(ONE, 1, Scope::Automatic);
    for _ in 0..5 {
        assert_eq!(fail_delivery(&mut world), Some(1));
    }
    assert_eq!(fail_delivery(&mut world), None);
    assert!(world.has_event("exception_message"));
    let exception_destination = system_exception_destination(&ME.into());
    assert_eq!(world.fail_over().on(exception_destination.as_str()), [1]);
}

#[test]
fn a_specific_exception_destination_is_used_and_the_systems_if_it_cannot_be() {
    let system = system_exception_destination(&ME.into());
    // One on another engine, which does not run, will do. Neither the queue itself nor one that is full does.
    let cases =
        [(OTHER, 1, OTHER), ("ELSEWHERE", 1, "ELSEWHERE"), (QUEUE, 1, system.as_str()), (OTHER, 0, system.as_str())];
    for (specific, room, expected) in cases {
        let mut bus = bus(|queue| {
            queue.exception_destination = ExceptionDestination::Specific(DestinationName::from(specific));
            queue.maximum_failed_deliveries = 1;
        });
        bus.destinations.get_mut(&DestinationName::from(OTHER)).expect("a queue").high_message_threshold = room;
        let mut world = World::standby(bus, Arc::default(), 1, InitialState::Started);
        world.start();
        world.send(ONE, 1, Scope::Automatic);
        fail_delivery(&mut world);
        assert_eq!(world.on(expected), [1], "{specific}");
        assert_eq!(world.inspect().0.len(), 1);
    }
}

#[test]
fn without_an_exception_destination_a_message_is_kept_back_and_offered_again() {
    let mut world = World::started_with(|queue| {
        queue.exception_destination = ExceptionDestination::None;
        queue.maximum_failed_deliveries = 1;
    });
    world.send(ONE, 1, Scope::Automatic);
    fail_delivery(&mut world);
    assert_eq!(world.receive(ONE, Scope::Automatic), None);
    assert_eq!(world.call(ONE, receive(Scope::Automatic, Duration::from_secs(60))), None);
    world.advance(Duration::from_secs(4));
    assert_eq!(world.reply(ONE), None);
    world.advance(Duration::from_secs(1));
    assert!(matches!(world.reply(ONE), Some(BusReply::Received { .. })));
}

#[test]
fn a_message_got_with_automatic_acknowledgement_is_gone_before_it_is_sent() {
    let mut world = World::started();
    world.send(ONE, 1, Scope::Automatic);
    world.hold = true;
    assert_eq!(world.call(ONE, receive(Scope::Automatic, Duration::ZERO)), None, "the store has not answered");
    // The message is lost with the connection, assured persistent or not.
    world.gone(ONE);
    world.release();
    assert_eq!(world.states(), []);
    assert_eq!(world.fail_over().on(QUEUE), []);
}
