//! Claims about transactions, acknowledgements and the store's answers.

use super::*;

#[test]
fn nothing_is_visible_or_answered_before_it_is_stored() {
    let mut world = World::started();
    world.hold = true;
    assert_eq!(world.call(ONE, send(QUEUE, 1, Scope::Automatic)), None);
    assert_eq!(world.states(), [(1, MessageState::Committing(None))]);
    assert_eq!(world.receive(TWO, Scope::Automatic), None);
    world.release();
    assert!(matches!(world.reply(ONE), Some(BusReply::Sent { .. })));
    world.hold = true;
    assert_eq!(world.call(ONE, receive(Scope::Automatic, Duration::ZERO)), None);
    assert_eq!(world.states(), [(1, MessageState::Removing(None))]);
    world.release();
    assert!(matches!(world.reply(ONE), Some(BusReply::Received { .. })));
    assert_eq!(world.states(), []);
}

#[test]
fn a_transaction_is_seen_by_nobody_until_it_commits() {
    let mut world = World::started();
    world.send(ONE, 1, Scope::Transacted);
    assert_eq!(world.receive(TWO, Scope::Automatic), None);
    world.done(ONE, BusCall::Commit);
    assert_eq!(world.receive(TWO, Scope::Automatic), Some(1));
}

#[test]
fn a_refused_write_rolls_the_transaction_back() {
    let mut world = World::started();
    world.send(ONE, 1, Scope::Automatic);
    assert_eq!(world.receive(ONE, Scope::Transacted), Some(1));
    world.call(ONE, send(OTHER, 2, Scope::Transacted));
    world.shelf().refusals = 1;
    assert_eq!(world.call(ONE, BusCall::Commit), Some(BusReply::Failed(BusReason::StoreFull)));
    assert_eq!(world.states(), [(1, MessageState::Available)]);
    assert!(world.has_event("message_store_full"));
    assert_eq!(world.fail_over().states(), [(1, MessageState::Available)]);
}

#[test]
fn a_refused_phase_one_rolls_back_and_a_refused_phase_two_stays_in_doubt() {
    let mut world = World::started();
    world.done(ONE, BusCall::Begin { xid: xid(1) });
    world.send(ONE, 1, Scope::Transacted);
    world.shelf().refusals = 1;
    let full = Some(BusReply::Failed(BusReason::StoreFull));
    assert_eq!(world.call(ONE, BusCall::Prepare { xid: xid(1) }), full);
    assert_eq!(world.states(), []);

    world.done(ONE, BusCall::Begin { xid: xid(2) });
    world.send(ONE, 2, Scope::Transacted);
    world.done(ONE, BusCall::Prepare { xid: xid(2) });
    world.shelf().refusals = 1;
    assert_eq!(world.call(ONE, BusCall::Resolve { xid: xid(2), outcome: Outcome::Commit }), full);
    assert_eq!(world.inspect().1, [xid(2)]);
    world.done(ONE, BusCall::Resolve { xid: xid(2), outcome: Outcome::Commit });
    assert_eq!(world.on(QUEUE), [2]);
}

#[test]
fn a_lost_connection_rolls_back_what_is_not_prepared_and_leaves_what_is() {
    let mut world = World::started();
    world.done(ONE, BusCall::Begin { xid: xid(1) });
    world.send(ONE, 1, Scope::Transacted);
    world.done(ONE, BusCall::Prepare { xid: xid(1) });
    world.done(ONE, BusCall::Begin { xid: xid(2) });
    world.send(ONE, 2, Scope::Transacted);
    world.gone(ONE);
    assert!(world.has_event("bus_connection_rolled_back"));
    assert_eq!(world.states(), [(1, MessageState::Committing(Some(xid(1))))]);
    let reply = world.call(TWO, BusCall::Resolve { xid: xid(2), outcome: Outcome::Commit });
    assert_eq!(reply, Some(BusReply::Failed(BusReason::UnknownTransaction)));
    world.done(TWO, BusCall::Resolve { xid: xid(1), outcome: Outcome::Commit });
    assert_eq!(world.on(QUEUE), [1]);
}

#[test]
fn a_coordinator_that_comes_back_before_phase_one_is_stored_finds_it_and_can_end_it() {
    let mut world = World::started();
    world.done(ONE, BusCall::Begin { xid: xid(1) });
    world.send(ONE, 1, Scope::Transacted);
    world.hold = true;
    assert_eq!(world.call(ONE, BusCall::Prepare { xid: xid(1) }), None);
    world.gone(ONE);
    let reply = world.call(TWO, BusCall::RecoverIndoubt { coordinator: "server9".to_owned() });
    assert_eq!(reply, Some(BusReply::Indoubt { xids: vec![xid(1)] }));
    assert_eq!(world.call(TWO, BusCall::Resolve { xid: xid(1), outcome: Outcome::Backout }), None);
    world.release();
    assert_eq!(world.reply(TWO), Some(BusReply::Done));
    assert_eq!(world.inspect(), (vec![], vec![]));
}

#[test]
fn a_lost_connection_does_not_undo_a_commit_on_its_way() {
    let mut world = World::started();
    world.send(ONE, 1, Scope::Transacted);
    world.hold = true;
    assert_eq!(world.call(ONE, BusCall::Commit), None);
    world.gone(ONE);
    world.release();
    assert_eq!(world.reply(ONE), None, "nobody is there to be told");
    assert_eq!(world.on(QUEUE), [1]);
}

#[test]
fn acknowledged_messages_are_gone_and_recovered_ones_are_available() {
    let mut world = World::started();
    world.send(ONE, 1, Scope::Automatic);
    world.send(ONE, 2, Scope::Automatic);
    assert_eq!(world.receive(ONE, Scope::Acknowledged), Some(1));
    world.done(ONE, BusCall::Acknowledge);
    assert_eq!(world.receive(ONE, Scope::Acknowledged), Some(2));
    assert_eq!(world.states(), [(2, MessageState::Locked)]);
    world.done(ONE, BusCall::Recover);
    assert_eq!(world.states(), [(2, MessageState::Available)]);
}

#[test]
fn calls_out_of_order_are_refused() {
    let mut world = World::started();
    let incorrect = Some(BusReply::Failed(BusReason::IncorrectCall));
    world.done(ONE, BusCall::Begin { xid: xid(1) });
    assert_eq!(world.call(ONE, BusCall::Commit), incorrect, "the coordinator ends a global transaction");
    assert_eq!(world.call(ONE, BusCall::Begin { xid: xid(2) }), incorrect);
    assert_eq!(world.call(TWO, BusCall::Begin { xid: xid(1) }), incorrect);
    assert_eq!(world.call(TWO, BusCall::Prepare { xid: xid(1) }), incorrect, "another connection works in it");
    let resolve = BusCall::Resolve { xid: xid(1), outcome: Outcome::Commit };
    assert_eq!(world.call(TWO, resolve), incorrect, "phase two needs phase one");
    world.done(ONE, BusCall::Rollback);
    world.done(ONE, BusCall::Begin { xid: xid(1) });
}

#[cfg(feature = "defects")]
mod planted {
    use super::*;
    use crate::defect::Defect;

    fn with(defect: Defect, run: impl FnOnce()) {
        Defect::plant(Some(defect));
        run();
        Defect::plant(None);
    }

    #[test]
    fn a_planned_move_can_be_made_to_forget_what_is_locked() {
        with(Defect::EngineFailbackDropsInFlight, || {
            let mut world = World::started();
            world.send(ONE, 1, Scope::Automatic);
            world.receive(ONE, Scope::Transacted);
            world.deactivate(StopMode::Force);
            assert_eq!(world.fail_over().states(), []);
        });
    }

    #[test]
    fn committed_receives_can_be_made_to_come_back() {
        with(Defect::RedeliversCommittedWork, || {
            let mut world = World::started();
            world.send(ONE, 1, Scope::Automatic);
            world.receive(ONE, Scope::Transacted);
            world.done(ONE, BusCall::Commit);
            assert_eq!(world.states(), []);
            assert_eq!(world.fail_over().on(QUEUE), [1]);
        });
    }

    #[test]
    fn what_is_in_doubt_can_be_made_to_be_rolled_back_at_failover() {
        with(Defect::InDoubtRolledBackAtFailover, || {
            let mut world = World::started();
            world.done(ONE, BusCall::Begin { xid: xid(1) });
            world.send(ONE, 1, Scope::Transacted);
            world.done(ONE, BusCall::Prepare { xid: xid(1) });
            let mut next = world.fail_over();
            assert_eq!(next.inspect(), (vec![], vec![]));
            assert_eq!(next.fail_over().inspect(), (vec![], vec![]));
        });
    }
}
