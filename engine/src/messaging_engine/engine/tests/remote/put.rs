//! Claims about messages for queue points on other engines.

use super::super::{message, xid};
use super::world::{A, AT_A_AND_B, AT_B, AT_B_AND_C, B, C, CONNECTION_RETRY, Net, ONE, TWO};
use crate::messaging_engine::engine_frame::EngineFrame;
use crate::messaging_engine::frame::{BusCall, BusReply, MessageState, OutgoingMessage, Scope, Selection};
use crate::messaging_engine::reliability::Reliability;
use crate::time::Duration;
use crate::unit_of_work::Outcome;

/// Longer than every pause after which something is tried again.
const LONG: Duration = Duration::from_secs(120);

#[test]
fn a_message_for_another_engines_queue_point_comes_there_and_is_forgotten_here() {
    let mut net = Net::started();
    assert!(net.send(A, AT_B, 1));
    assert_eq!(net.states(A), []);
    assert_eq!(net.on(B), [1]);
    assert_eq!(net.receive(B, AT_B, Scope::Automatic), Some(1));
    assert_eq!(net.states(B), []);
}

#[test]
fn every_level_arrives() {
    let mut net = Net::started();
    for (identity, reliability) in (1..).zip(Reliability::ALL) {
        net.send_with(A, AT_B, identity, Scope::Automatic, reliability);
    }
    assert_eq!(net.on(B), [1, 2, 3, 4, 5]);
    assert_eq!(net.states(A), []);
}

#[test]
fn a_message_waits_on_the_remote_message_point_until_its_engine_runs() {
    let mut net = Net::started();
    net.kill(B);
    assert!(net.send(A, AT_B, 1));
    assert!(net.has_event("remote_put_waits"));
    assert_eq!(net.states(A), [(1, MessageState::PendingSend("B".into()))]);
    // It outlives the sender.
    net.kill(A);
    net.start(A);
    assert_eq!(net.states(A), [(1, MessageState::PendingSend("B".into()))]);
    net.start(B);
    net.settle();
    assert_eq!(net.on(B), [1]);
    assert_eq!(net.states(A), []);
}

#[test]
fn a_message_that_is_bound_stays_bound_although_another_queue_point_is_available() {
    let mut net = Net::started();
    net.kill(B);
    net.kill(C);
    assert!(net.send(A, AT_B_AND_C, 1));
    net.start(C);
    net.advance(LONG);
    assert_eq!(net.states(A), [(1, MessageState::PendingSend("B".into()))]);
    assert!(net.send(A, AT_B_AND_C, 2));
    assert_eq!(net.on(C), [2]);
}

#[test]
fn messages_for_a_partitioned_queue_go_to_available_queue_points_in_turn() {
    let mut net = Net::started();
    (1..=4).for_each(|identity| assert!(net.send(A, AT_B_AND_C, identity)));
    assert_eq!((net.on(B), net.on(C)), (vec![1, 3], vec![2, 4]));
    net.kill(B);
    (5..=6).for_each(|identity| assert!(net.send(A, AT_B_AND_C, identity)));
    assert_eq!(net.on(C), [2, 4, 5, 6]);
}

#[test]
fn the_local_queue_point_is_preferred_until_it_is_full() {
    let mut net = Net::started();
    (1..=4).for_each(|identity| assert!(net.send(A, AT_A_AND_B, identity)));
    assert_eq!((net.on(A), net.on(B)), (vec![1, 2, 3, 4], vec![]));
    assert!(net.send(A, AT_A_AND_B, 5));
    assert_eq!((net.on(A), net.on(B)), (vec![1, 2, 3, 4], vec![5]));
    // With no other queue point available the destination is full.
    net.kill(B);
    assert!(!net.send(A, AT_A_AND_B, 6));
}

#[test]
fn a_consumer_on_an_engine_with_a_queue_point_starves_although_another_one_has_messages() {
    let mut net = Net::started();
    assert!(net.send(B, AT_A_AND_B, 1));
    assert_eq!(net.receive(A, AT_A_AND_B, Scope::Automatic), None);
    assert_eq!(net.on(B), [1]);
}

/// Sends messages of two streams from A to B, with a crash of `who` after each number of effects.
fn with_every_crash(who: usize, judge: fn(&mut Net, &[u64])) {
    for budget in 0.. {
        let mut net = Net::started();
        net.doomed = Some((who, budget));
        let mut answered = Vec::new();
        for identity in 1..=4 {
            if net.send(A, AT_B, identity) {
                answered.push(identity);
            }
            if net.struck {
                break;
            }
        }
        if !net.struck {
            assert!(budget > 10, "there are effects to be stopped between");
            return;
        }
        net.kill(who);
        net.start(who);
        net.advance(LONG);
        judge(&mut net, &answered);
    }
}

#[test]
fn a_crash_of_the_sender_loses_nothing_and_doubles_nothing() {
    with_every_crash(A, |net, answered| {
        let there = net.on(B);
        assert_eq!(net.states(A), []);
        // One more may be there: it was stored, and nobody was told.
        assert!(there.starts_with(answered), "{there:?}, answered {answered:?}");
        assert!(there.len() <= answered.len() + 1, "{there:?}, answered {answered:?}");
        assert!(net.send(A, AT_B, 9));
        assert_eq!(net.on(B).last(), Some(&9));
    });
}

#[test]
fn a_crash_of_the_receiver_loses_nothing_and_doubles_nothing() {
    with_every_crash(B, |net, answered| {
        assert_eq!(net.on(B), answered);
        assert_eq!(net.states(A), []);
    });
}

#[test]
fn a_message_that_was_consumed_before_its_sender_was_told_does_not_come_back() {
    let failures: [fn(&mut Net); 2] = [
        |_| {},
        |net| {
            net.kill(B);
            net.start(B);
        },
    ];
    for failure in failures {
        let mut net = Net::started();
        net.act_send(A, AT_B, 1);
        // As far as the acknowledgement, which does not arrive.
        while !net.frames().iter().any(|frame| matches!(frame, EngineFrame::Acknowledgement { .. })) {
            assert!(net.step());
        }
        let receive = BusCall::Receive {
            destination: AT_B.into(),
            selection: Selection::Any,
            wait: Duration::ZERO,
            scope: Scope::Transacted,
        };
        net.act(B, |engine, now, effects| engine.call(now, ONE, receive, effects));
        net.act(B, |engine, now, effects| engine.call(now, ONE, BusCall::Commit, effects));
        net.cut(A, B);
        failure(&mut net);
        net.advance(LONG);
        assert_eq!((net.states(A), net.states(B)), (vec![], vec![]));
    }
}

#[test]
fn an_undecided_transaction_blocks_its_stream_and_no_other() {
    let mut net = Net::started();
    net.call(A, TWO, BusCall::Begin { xid: xid(1) });
    net.call(
        A,
        TWO,
        BusCall::Send { destination: AT_B.into(), message: message(1), scope: Scope::Transacted, one_way: false },
    );
    net.call(A, TWO, BusCall::Prepare { xid: xid(1) });
    assert!(net.send(A, AT_B, 2));
    net.send_with(A, AT_B, 3, Scope::Automatic, Reliability::ReliableNonpersistent);
    assert_eq!(net.on(B), [3]);
    // It still does when the sender is another instance.
    net.kill(A);
    net.start(A);
    net.advance(LONG);
    assert_eq!(net.on(B), [3]);
    let resolve = BusCall::Resolve { xid: xid(1), outcome: Outcome::Commit };
    assert_eq!(net.call(A, TWO, resolve), Some(BusReply::Done));
    net.settle();
    assert_eq!(net.on(B), [3, 1, 2]);
}

#[test]
fn a_rolled_back_message_unblocks_its_stream() {
    let mut net = Net::started();
    net.call(
        A,
        TWO,
        BusCall::Send { destination: AT_B.into(), message: message(1), scope: Scope::Transacted, one_way: false },
    );
    assert!(net.send(A, AT_B, 2));
    assert_eq!(net.on(B), []);
    net.gone(A, TWO);
    net.settle();
    assert_eq!(net.on(B), [2]);
}

#[test]
fn what_the_receiver_cannot_store_is_sent_again_in_its_order() {
    let mut net = Net::started();
    net.refuse_writes(B, 2);
    (1..=3).for_each(|identity| assert!(net.send(A, AT_B, identity)));
    assert_eq!(net.on(B), []);
    net.advance(LONG);
    assert_eq!(net.on(B), [1, 2, 3]);
    assert_eq!(net.states(A), []);
}

#[test]
fn what_has_no_room_there_waits_here() {
    let mut net = Net::started_with(|queue| queue.high_message_threshold = 2);
    (1..=4).for_each(|identity| assert!(net.send(A, AT_B, identity)));
    assert_eq!(net.on(B), [1, 2]);
    assert_eq!(net.receive(B, AT_B, Scope::Automatic), Some(1));
    net.advance(LONG);
    assert_eq!(net.on(B), [2, 3]);
    assert_eq!(net.states(A).len(), 1);
}

#[test]
fn a_broken_connection_is_opened_again_and_nothing_is_sent_twice() {
    let mut net = Net::started();
    for identity in 1..=6 {
        net.act_send(A, AT_B, identity);
        for _ in 0..identity {
            net.step();
        }
        net.cut(A, B);
        net.advance(LONG);
    }
    assert_eq!(net.on(B), [1, 2, 3, 4, 5, 6]);
    assert_eq!(net.states(A), []);
    assert!(net.has_event("engine_connection_ended"));
}

#[test]
fn a_connection_that_broke_is_tried_again_after_the_retry_interval() {
    let mut net = Net::started();
    net.cut(A, B);
    net.advance(CONNECTION_RETRY - Duration::from_secs(1));
    assert!(net.send(A, AT_B, 1));
    assert_eq!(net.states(A), [(1, MessageState::PendingSend("B".into()))]);
    net.advance(Duration::from_secs(1));
    net.settle();
    assert_eq!((net.states(A), net.on(B)), (vec![], vec![1]));
}

#[test]
fn a_nonpersistent_message_on_the_way_when_its_receiver_fails_is_discarded() {
    for reliability in [Reliability::ExpressNonpersistent, Reliability::ReliableNonpersistent] {
        let mut net = Net::started();
        net.doomed = Some((B, 0));
        net.send_with(A, AT_B, 1, Scope::Automatic, reliability);
        assert!(net.struck);
        net.kill(B);
        net.start(B);
        net.settle();
        assert!(net.has_event("remote_messages_discarded"));
        assert_eq!((net.states(A), net.states(B)), (vec![], vec![]));
    }
}

#[test]
fn what_is_on_the_way_when_a_connection_is_cut_comes_later_unless_it_is_best_effort() {
    let mut net = Net::started();
    for (identity, reliability) in (1..).zip(Reliability::ALL) {
        net.act_send_with(A, AT_B, identity, reliability);
    }
    // Nothing has arrived.
    net.cut(A, B);
    net.advance(LONG);
    assert_eq!(net.on(B), [2, 3, 4, 5]);
    assert_eq!(net.states(A), []);
}

#[test]
fn express_messages_wait_here_for_room_there_and_best_effort_ones_are_discarded() {
    let mut net = Net::started_with(|queue| queue.high_message_threshold = 2);
    for identity in 1..=3 {
        net.send_with(A, AT_B, identity, Scope::Automatic, Reliability::ExpressNonpersistent);
    }
    net.send_with(A, AT_B, 4, Scope::Automatic, Reliability::BestEffortNonpersistent);
    assert!(net.has_event("one_way_discarded"));
    assert_eq!(net.on(B), [1, 2]);
    assert_eq!(net.receive(B, AT_B, Scope::Automatic), Some(1));
    net.advance(LONG);
    assert_eq!((net.on(B), net.states(A)), (vec![2, 3], vec![]));
}

#[test]
fn an_engine_that_is_stopped_is_not_connected_to() {
    let mut net = Net::started();
    net.stop(B);
    assert!(net.send(A, AT_B, 1));
    assert_eq!(net.states(A), [(1, MessageState::PendingSend("B".into()))]);
}

impl Net {
    /// Sends without waiting for anything.
    fn act_send(&mut self, place: usize, queue: &str, identity: u64) {
        let call = super::super::send(queue, identity, Scope::Automatic);
        self.act(place, |engine, now, effects| engine.call(now, ONE, call, effects));
    }

    /// The same at this level: one way if it may be.
    fn act_send_with(&mut self, place: usize, queue: &str, identity: u64, reliability: Reliability) {
        let message = OutgoingMessage { reliability: Some(reliability), ..message(identity) };
        let (destination, one_way) = (queue.into(), !reliability.is_acknowledged());
        // One call at a time is under way on a connection.
        let connection = if reliability == Reliability::AssuredPersistent { TWO } else { ONE };
        let call = BusCall::Send { destination, message, scope: Scope::Automatic, one_way };
        self.act(place, |engine, now, effects| engine.call(now, connection, call, effects));
    }
}
