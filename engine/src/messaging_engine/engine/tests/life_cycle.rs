//! Claims about the life of an instance.

use super::super::{EngineState, Health};
use super::*;

fn fresh(initial_state: InitialState) -> World {
    World::standby(bus(|_| {}), Arc::default(), 1, initial_state)
}

#[test]
fn an_activated_instance_owns_its_store_before_it_starts_and_starts_after_reconciling() {
    let mut world = fresh(InitialState::Started);
    assert_eq!(world.engine.state(), EngineState::Joined);
    world.activate();
    assert_eq!(world.engine.state(), EngineState::Starting);
    assert_eq!(world.steps, [Step::EngineStoreOwned]);
    world.run(|engine, now, effects| engine.accept(now, ONE, "early".to_owned(), effects));
    assert_eq!(world.reply(ONE), Some(BusReply::Failed(BusReason::EngineNotStarted)));
    world.advance(Duration::from_secs(1));
    assert_eq!(world.engine.state(), EngineState::Started);
    assert_eq!(world.steps, [Step::EngineStoreOwned, Step::EngineStarted]);
    assert_eq!(world.notices, [EngineNotice::Started]);
    assert_eq!(world.shelf().opened_by, [IncarnationUuid("I1".to_owned())]);
}

#[test]
fn an_instance_whose_initial_state_is_stopped_waits_for_an_administrator() {
    let mut world = fresh(InitialState::Stopped);
    world.activate();
    assert_eq!((world.engine.state(), world.engine.is_alive()), (EngineState::Stopped, Health::Alive));
    assert_eq!(world.notices, [EngineNotice::ActivatedStopped]);
    world.run(|engine, now, effects| engine.start(now, IncarnationUuid("A".to_owned()), effects));
    world.advance(Duration::from_secs(1));
    assert_eq!(world.engine.state(), EngineState::Started);
}

#[test]
fn a_local_start_failure_puts_the_instance_back_on_standby() {
    let mut world = fresh(InitialState::Started);
    world.shelf().open_fails = Some(StoreFailure::Locked);
    world.activate();
    assert_eq!(world.engine.state(), EngineState::Joined);
    assert_eq!(world.notices, [EngineNotice::StartFailed { failure: StoreFailure::Locked, global: false }]);
    assert!(world.has_event("messaging_engine_start_failed"));
    // Enabled again later.
    world.shelf().open_fails = None;
    world.start();
    assert_eq!(world.engine.state(), EngineState::Started);
}

#[test]
fn a_common_mode_error_holds_until_the_server_restarts() {
    let mut world = fresh(InitialState::Started);
    world.shelf().open_fails = Some(StoreFailure::Corrupt);
    world.activate();
    assert_eq!(world.engine.state(), EngineState::Failed);
    assert_eq!(world.engine.is_alive(), Health::Alive, "it is not failed over");
    world.shelf().open_fails = None;
    world.activate();
    world.run(|engine, now, effects| engine.start(now, IncarnationUuid("A".to_owned()), effects));
    assert_eq!(world.engine.state(), EngineState::Failed);
    assert!(world.has_event("messaging_engine_start_refused"));
    let refused = |notice: &&EngineNotice| **notice == EngineNotice::ActivationRefused;
    assert_eq!(world.notices.iter().filter(refused).count(), 1, "whoever activates it waits for an answer");
}

#[test]
fn a_stop_while_it_starts_is_told_and_it_can_be_started_again() {
    for seconds in [0, 1] {
        let mut world = fresh(InitialState::Started);
        world.hold = seconds == 0;
        world.activate();
        assert_eq!(world.engine.state(), EngineState::Starting);
        world.stop(StopMode::Quiesce);
        world.release();
        assert_eq!(world.engine.state(), EngineState::Stopped);
        assert_eq!(world.notices, [EngineNotice::Stopped]);
        world.run(|engine, now, effects| engine.start(now, IncarnationUuid("A".to_owned()), effects));
        world.advance(Duration::from_secs(1));
        assert_eq!(world.engine.state(), EngineState::Started);
    }
}

#[test]
fn an_activation_is_answered_in_whatever_stage_it_finds_the_engine() {
    let mut world = World::started();
    world.notices.clear();
    world.activate();
    assert_eq!((world.engine.state(), &world.notices[..]), (EngineState::Started, &[EngineNotice::Started][..]));
    world.stop(StopMode::Force);
    world.notices.clear();
    world.activate();
    world.advance(Duration::from_secs(1));
    assert_eq!((world.engine.state(), &world.notices[..]), (EngineState::Started, &[EngineNotice::Started][..]));
}

#[test]
fn a_stop_by_an_administrator_does_not_move_the_engine_and_the_next_activation_ignores_it() {
    let mut world = World::started();
    world.stop(StopMode::Quiesce);
    assert_eq!(world.engine.state(), EngineState::Stopped);
    assert_eq!(world.engine.is_alive(), Health::Alive);
    assert_eq!(world.notices, [EngineNotice::Started, EngineNotice::Stopped]);
    assert_eq!(world.fail_over().engine.state(), EngineState::Started);
}

#[test]
fn an_immediate_stop_tells_clients_lets_transactions_end_and_refuses_new_work() {
    let mut world = World::started();
    world.send(ONE, 1, Scope::Transacted);
    world.stop(StopMode::Quiesce);
    assert_eq!(world.engine.state(), EngineState::Stopping);
    assert_eq!(world.reply(ONE), Some(BusReply::Quiescing));
    assert_eq!(world.reply(TWO), Some(BusReply::Quiescing));
    assert_eq!(world.call(TWO, send(QUEUE, 2, Scope::Automatic)), Some(BusReply::Failed(BusReason::EngineQuiescing)));
    world.send(ONE, 3, Scope::Transacted);
    world.done(ONE, BusCall::Commit);
    assert_eq!(world.engine.state(), EngineState::Stopped);
    assert_eq!((world.reply(ONE), world.reply(TWO)), (Some(BusReply::Terminated), Some(BusReply::Terminated)));
    assert_eq!(world.closed, [ONE, TWO].into());
    assert_eq!(world.fail_over().on(QUEUE), [1, 3]);
}

#[test]
fn an_immediate_stop_becomes_a_forced_one_after_the_quiesce_time() {
    let mut world = World::started();
    world.send(ONE, 1, Scope::Transacted);
    world.deactivate(StopMode::Quiesce);
    assert_eq!(world.engine.state(), EngineState::StoppingMember);
    world.advance(QUIESCE);
    assert_eq!(world.engine.state(), EngineState::Joined);
    assert_eq!(world.notices, [EngineNotice::Started, EngineNotice::Deactivated]);
    assert!(world.fail_over().on(QUEUE).is_empty());
}

#[test]
fn a_planned_move_keeps_what_was_locked_and_counts_the_interrupted_delivery() {
    let mut world = World::started();
    world.send(ONE, 1, Scope::Automatic);
    world.send(ONE, 2, Scope::Automatic);
    assert_eq!(world.receive(ONE, Scope::Transacted), Some(1));
    assert_eq!(world.receive(TWO, Scope::Acknowledged), Some(2));
    world.deactivate(StopMode::Force);
    assert_eq!(world.engine.state(), EngineState::Joined);
    let (messages, _) = world.fail_over().inspect();
    let counts: Vec<_> =
        messages.iter().map(|it| (it.message.payload.identity, it.message.failed_deliveries)).collect();
    assert_eq!(counts, [(1, 1), (2, 1)]);
}

#[test]
fn an_orderly_stop_keeps_reliable_persistent_and_discards_what_is_not_persistent() {
    let mut world = World::started();
    for (identity, reliability) in (1..).zip(Reliability::ALL) {
        world.call(ONE, send_with(identity, reliability, false));
    }
    world.deactivate(StopMode::Quiesce);
    assert_eq!(world.fail_over().on(QUEUE), [4, 5]);
}

#[test]
fn a_move_outranks_a_stop_and_force_outranks_immediate() {
    let mut world = World::started();
    world.send(ONE, 1, Scope::Transacted);
    world.stop(StopMode::Quiesce);
    world.deactivate(StopMode::Quiesce);
    assert_eq!(world.engine.state(), EngineState::StoppingMember);
    world.stop(StopMode::Force);
    assert_eq!(world.engine.state(), EngineState::Joined);
}

#[test]
fn waiting_receives_end_when_the_engine_quiesces() {
    let mut world = World::started();
    assert_eq!(world.call(ONE, receive(Scope::Automatic, Duration::from_secs(60))), None);
    world.send(TWO, 1, Scope::Transacted);
    world.stop(StopMode::Quiesce);
    assert_eq!(world.reply(ONE), Some(BusReply::Failed(BusReason::EngineQuiescing)));
    assert_eq!(world.reply(ONE), Some(BusReply::Quiescing));
}

#[test]
fn what_must_be_stored_waits_for_a_lost_store_while_work_in_memory_goes_on() {
    let mut world = World::started();
    world.store_says(StoreEvent::Lost);
    world.hold = true;
    assert_eq!(world.call(ONE, send(QUEUE, 1, Scope::Automatic)), None);
    let reply = world.call(TWO, send_with(2, Reliability::ReliableNonpersistent, false));
    assert!(matches!(reply, Some(BusReply::Sent { .. })));
    assert_eq!(world.receive(TWO, Scope::Automatic), Some(2), "what is not stored is not visible");
    world.store_says(StoreEvent::Regained);
    world.release();
    assert!(matches!(world.reply(ONE), Some(BusReply::Sent { .. })));
    assert_eq!(world.on(QUEUE), [1]);
}

#[test]
fn a_failed_store_is_a_local_error_and_drops_the_clients() {
    let mut world = World::started();
    world.hold = true;
    assert_eq!(world.call(ONE, send(QUEUE, 1, Scope::Automatic)), None);
    world.store_says(StoreEvent::Failed(StoreFailure::Unreachable));
    assert_eq!(world.reply(ONE), Some(BusReply::Failed(BusReason::StoreFailed)));
    assert_eq!((world.reply(ONE), world.reply(TWO)), (Some(BusReply::Terminated), Some(BusReply::Terminated)));
    assert_eq!(world.closed, [ONE, TWO].into());
    assert_eq!((world.engine.state(), world.engine.is_alive()), (EngineState::Failed, Health::NotAlive));
    assert_eq!(world.notices.last(), Some(&EngineNotice::LocalError { failure: StoreFailure::Unreachable }));
    // Enabled and activated again, it starts.
    world.hold = false;
    world.forced.clear();
    world.start();
    assert_eq!(world.engine.state(), EngineState::Started);
}

#[test]
fn a_corrupt_store_is_a_global_error() {
    let mut world = World::started();
    world.store_says(StoreEvent::Failed(StoreFailure::Corrupt));
    assert_eq!(world.notices.last(), Some(&EngineNotice::GlobalError { failure: StoreFailure::Corrupt }));
    assert_eq!((world.engine.state(), world.engine.is_alive()), (EngineState::Failed, Health::Alive));
    assert!(world.has_event("messaging_engine_failed_globally"));
}
