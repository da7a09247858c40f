//! Claims about consumers whose engine has no queue point of their queue.

use super::super::xid;
use super::world::{A, AT_B, AT_B_AND_C, B, C, Net, TWO};
use crate::messaging_engine::frame::{BusCall, BusReason, BusReply, MessageState, Scope, Selection};
use crate::time::Duration;
use crate::unit_of_work::Outcome;

/// Longer than every pause after which something is tried again.
const LONG: Duration = Duration::from_secs(120);

fn receive(wait: Duration, scope: Scope) -> BusCall {
    BusCall::Receive { destination: AT_B.into(), selection: Selection::Any, wait, scope }
}

fn with_messages(count: u64) -> Net {
    let mut net = Net::started();
    (1..=count).for_each(|identity| assert!(net.send(B, AT_B, identity)));
    net
}

fn locked(identity: u64) -> (u64, MessageState) {
    (identity, MessageState::RemoteLocked("A".into()))
}

#[test]
fn a_consumer_gets_messages_from_another_engines_queue_point() {
    for scope in [Scope::Automatic, Scope::Transacted, Scope::Acknowledged] {
        let mut net = with_messages(2);
        assert_eq!(net.receive(A, AT_B, scope), Some(1));
        if scope != Scope::Automatic {
            assert_eq!(net.states(B)[0], locked(1));
            let end = if scope == Scope::Transacted { BusCall::Commit } else { BusCall::Acknowledge };
            assert_eq!(net.call(A, TWO, end), Some(BusReply::Done));
        }
        assert_eq!((net.states(A), net.on(B)), (vec![], vec![2]));
    }
}

#[test]
fn a_remote_receive_waits_for_a_message_and_no_longer_than_it_should() {
    let mut net = Net::started();
    assert_eq!(net.call(A, TWO, receive(Duration::from_secs(10), Scope::Automatic)), None);
    assert!(net.send(B, AT_B, 1));
    assert!(matches!(net.reply(A, TWO), Some(BusReply::Received { .. })));
    assert_eq!(net.call(A, TWO, receive(Duration::from_secs(10), Scope::Automatic)), None);
    net.advance(Duration::from_secs(9));
    assert_eq!(net.reply(A, TWO), None);
    net.advance(Duration::from_secs(2));
    assert_eq!(net.reply(A, TWO), Some(BusReply::Failed(BusReason::NoMessage)));
    assert!(net.send(B, AT_B, 2));
    assert_eq!(net.on(B), [2]);
}

#[test]
fn what_is_rolled_back_or_recovered_is_given_back() {
    for (scope, end) in [(Scope::Transacted, BusCall::Rollback), (Scope::Acknowledged, BusCall::Recover)] {
        let mut net = with_messages(1);
        assert_eq!(net.receive(A, AT_B, scope), Some(1));
        assert_eq!(net.call(A, TWO, end), Some(BusReply::Done));
        assert_eq!(net.on(B), [1]);
        assert_eq!(net.inspect(B)[0].message.failed_deliveries, 1);
        assert_eq!(net.receive(A, AT_B, Scope::Automatic), Some(1));
    }
}

#[test]
fn a_consumer_stays_with_the_queue_point_that_was_chosen_for_it() {
    let mut net = Net::started();
    assert_eq!(net.receive(A, AT_B_AND_C, Scope::Automatic), None);
    (1..=4).for_each(|identity| assert!(net.send(A, AT_B_AND_C, identity)));
    let there = if net.on(B).is_empty() { net.on(C) } else { net.on(B) };
    let mut got = Vec::new();
    while let Some(identity) = net.receive(A, AT_B_AND_C, Scope::Automatic) {
        got.push(identity);
    }
    assert_eq!(got.len(), 2);
    assert_eq!(got == there, net.on(B).is_empty());
}

#[test]
fn a_remote_lock_stays_until_the_consumers_engine_is_back_and_has_decided() {
    let mut net = with_messages(1);
    assert_eq!(net.receive(A, AT_B, Scope::Transacted), Some(1));
    net.kill(A);
    net.advance(LONG);
    assert_eq!(net.states(B), [locked(1)]);
    // It outlives the engine that has the queue point.
    net.kill(B);
    net.start(B);
    assert_eq!(net.states(B), [locked(1)]);
    net.start(A);
    net.settle();
    assert!(net.has_event("remote_locks_stand"));
    assert_eq!(net.on(B), [1]);
}

#[test]
fn a_lost_connection_releases_no_lock_and_the_consumer_may_still_commit() {
    let mut net = with_messages(1);
    assert_eq!(net.receive(A, AT_B, Scope::Transacted), Some(1));
    net.cut(A, B);
    net.settle();
    assert_eq!(net.states(B), [locked(1)]);
    assert_eq!(net.receive(B, AT_B, Scope::Automatic), None);
    assert_eq!(net.call(A, TWO, BusCall::Commit), Some(BusReply::Done));
    net.advance(LONG);
    assert_eq!((net.states(A), net.states(B)), (vec![], vec![]));
}

#[test]
fn an_acceptance_in_doubt_keeps_the_lock_over_restarts_of_both() {
    for outcome in [Outcome::Commit, Outcome::Backout] {
        let mut net = with_messages(1);
        net.call(A, TWO, BusCall::Begin { xid: xid(1) });
        assert_eq!(net.receive(A, AT_B, Scope::Transacted), Some(1));
        assert_eq!(net.call(A, TWO, BusCall::Prepare { xid: xid(1) }), Some(BusReply::Done));
        for place in [A, B] {
            net.kill(place);
            net.start(place);
        }
        net.advance(LONG);
        assert_eq!(net.states(B), [locked(1)]);
        assert_eq!(net.call(A, TWO, BusCall::Resolve { xid: xid(1), outcome }), Some(BusReply::Done));
        net.settle();
        let expected: &[u64] = if outcome == Outcome::Commit { &[] } else { &[1] };
        assert_eq!(net.on(B), expected);
        assert_eq!(net.states(B).len(), expected.len());
    }
}

/// Consumes three messages of B at A, with a crash of `who` after each number of effects: every message is consumed once.
fn with_every_crash(who: usize) {
    for budget in 0.. {
        let mut net = with_messages(3);
        net.doomed = Some((who, budget));
        let mut consumed = Vec::new();
        let mut unknown = None;
        while consumed.len() < 3 && !net.struck {
            let Some(identity) = net.receive(A, AT_B, Scope::Transacted) else { break };
            unknown = Some(identity);
            if net.call(A, TWO, BusCall::Commit) != Some(BusReply::Done) {
                break;
            }
            consumed.push(identity);
            unknown = None;
        }
        if !net.struck {
            assert_eq!(consumed, [1, 2, 3]);
            assert!(budget > 10, "there are effects to be stopped between");
            return;
        }
        net.kill(who);
        net.start(who);
        net.advance(LONG);
        net.gone(A, TWO);
        net.settle();
        net.advance(LONG);
        let left = net.on(B);
        assert_eq!(left.len(), net.states(B).len(), "nothing stays locked");
        assert_eq!(net.states(A), []);
        for identity in 1..=3 {
            let times = consumed.iter().chain(&left).filter(|&&it| it == identity).count();
            let is_unknown = unknown == Some(identity);
            assert!(times == 1 || (is_unknown && times == 0), "message {identity}: {times} times, budget {budget}");
        }
    }
}

#[test]
fn a_crash_of_the_consumers_engine_consumes_every_message_once() {
    with_every_crash(A);
}

#[test]
fn a_crash_of_the_engine_with_the_queue_point_consumes_every_message_once() {
    with_every_crash(B);
}
