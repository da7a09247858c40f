//! Claims that were once wrong.

use super::world::{App, Crash, Setup, World, descriptor, milliseconds, options, priority, put_with, seconds, xid};
use crate::machine::StopMode;
use crate::message::MessageId;
use crate::mqi::{Match, MqiAnswer, MqiCall, OpenFor, PutDescriptor, Reason, Syncpoint, Wait};
use crate::queue_manager::definition::ConnectivityLoss;
use crate::unit_of_work::Outcome;

use Syncpoint::{Outside, Within};

fn tolerant(members: usize) -> World {
    World::new(Setup { members, connectivity_loss: ConnectivityLoss::Tolerate, ..Setup::default() })
}

fn restart(world: &mut World, how: Crash) {
    world.crash("QM01", how);
    world.run_for(seconds(1));
    world.start("QM01");
    world.run_for(seconds(3));
}

fn in_doubt(world: &mut World, app: App) -> usize {
    match world.call(app, MqiCall::Recover { coordinator: "CICS".into() }) {
        Ok(MqiAnswer::Indoubt { xids }) => xids.len(),
        other => panic!("{other:?}"),
    }
}

fn prepare(world: &mut World, app: App, queue: &str, identity: u64) {
    world.call(app, MqiCall::Begin { xid: xid(7) }).unwrap();
    world.put(app, queue, Within, identity).unwrap();
    world.call(app, MqiCall::Prepare { xid: xid(7) }).unwrap();
}

#[test]
fn replay_of_a_hardened_backout_writes_nothing() {
    let mut world = World::new(Setup::default());
    let app = world.application("QM01");
    world.put(app, "HARD", Outside, 1).unwrap();
    world.get(app, "HARD", Within).unwrap();
    world.call(app, MqiCall::Backout).unwrap();
    // A restart that replays the backout, then one that replays what came after it.
    restart(&mut world, Crash::Kill);
    let app = world.application("QM01");
    world.put(app, "HARD", Outside, 2).unwrap();
    restart(&mut world, Crash::Kill);
    assert_eq!(world.happened("torn_tail"), 0);
    assert_eq!(world.visible("HARD"), [(1, 1), (2, 0)]);
}

#[test]
fn a_prepared_unit_that_committed_is_not_in_doubt_after_a_restart() {
    let mut world = World::new(Setup::default());
    let app = world.application("QM01");
    prepare(&mut world, app, "PRIVATE", 1);
    world.call(app, MqiCall::Resolve { xid: xid(7), outcome: Outcome::Commit }).unwrap();
    // The commit record is forced, the end record is not.
    restart(&mut world, Crash::PowerLoss);
    let app = world.application("QM01");
    assert_eq!(in_doubt(&mut world, app), 0);
    assert!(world.queue_manager("QM01").units.is_empty());
    assert_eq!(world.identities("PRIVATE"), [1]);
}

#[test]
fn a_checkpoint_keeps_a_vote_that_is_being_forced() {
    let mut world = World::new(Setup::default());
    let (app, other) = (world.application("QM01"), world.application("QM01"));
    world.call(app, MqiCall::Begin { xid: xid(7) }).unwrap();
    world.put(app, "PRIVATE", Within, 1).unwrap();
    let handle = world.open(other, "PRIVATE2", OpenFor::InputShared).unwrap();
    while world.log_size("QM01") < 999_000 {
        world.put(other, "PRIVATE2", Outside, 2).unwrap();
        world.get_from(other, handle, Outside, Wait::No, Match::Any).unwrap();
    }
    world.forces_held = Some("QM01");
    world.send_call(app, MqiCall::Prepare { xid: xid(7) });
    // Work that ends without a force of its own, until a checkpoint is due.
    world.run_for(milliseconds(1));
    for number in 0..20 {
        world.put(other, "PRIVATE2", Within, number).unwrap();
        world.call(other, MqiCall::Backout).unwrap();
    }
    world.let_forces_complete();
    world.wait(app).unwrap();
    world.run_for(milliseconds(10));
    assert!(world.log_size("QM01") < 500_000, "a checkpoint was written");
    restart(&mut world, Crash::Kill);
    let app = world.application("QM01");
    assert_eq!(in_doubt(&mut world, app), 1);
}

#[test]
fn a_private_unit_of_work_survives_the_loss_of_the_coupling_facility() {
    let mut world = tolerant(2);
    let (app, getter) = (world.application("QM01"), world.application("QM01"));
    let handle = world.open(getter, "PRIVATE2", OpenFor::InputShared).unwrap();
    world.send_call(getter, MqiCall::Get { handle, syncpoint: Outside, wait: Wait::Unlimited, selection: Match::Any });
    world.put(app, "PRIVATE", Within, 1).unwrap();
    world.cut_coupling_link("QM01");
    world.run_for(seconds(3));
    world.mend_coupling_link();
    world.run_for(seconds(5));
    world.put(app, "PRIVATE", Within, 2).unwrap();
    world.call(app, MqiCall::Commit).unwrap();
    assert_eq!(world.identities("PRIVATE"), [1, 2]);
    world.put(app, "PRIVATE2", Outside, 3).unwrap();
    world.wait(getter).unwrap();
}

#[test]
fn a_unit_of_work_begun_before_the_loss_takes_no_shared_part_afterwards() {
    let mut world = tolerant(1);
    let app = world.application("QM01");
    world.put(app, "PRIVATE", Within, 1).unwrap();
    world.cut_coupling_link("QM01");
    world.run_for(seconds(3));
    world.mend_coupling_link();
    world.run_for(seconds(5));
    // What the old life holds is the peers' to back out.
    assert_eq!(world.put(app, "SHARED", Within, 2), Err(Reason::CouplingFacilityNotAvailable));
    world.call(app, MqiCall::Commit).unwrap();
    world.put(app, "SHARED", Within, 3).unwrap();
    world.call(app, MqiCall::Commit).unwrap();
    assert_eq!((world.identities("PRIVATE"), world.identities("SHARED")), (vec![1], vec![3]));
}

#[test]
fn a_waiting_get_of_an_abandoned_unit_of_work_is_told() {
    let mut world = tolerant(2);
    let app = world.application("QM01");
    world.put(app, "SHARED", Within, 1).unwrap();
    let handle = world.open(app, "PRIVATE", OpenFor::InputShared).unwrap();
    world.send_call(app, MqiCall::Get { handle, syncpoint: Within, wait: Wait::Unlimited, selection: Match::Any });
    world.run_for(milliseconds(10));
    world.cut_coupling_link("QM01");
    world.run_for(seconds(3));
    let other = world.application("QM01");
    world.put(other, "PRIVATE", Outside, 2).unwrap();
    assert_eq!(world.wait(app).map(drop), Err(Reason::BackedOut));
    world.call(app, MqiCall::Backout).unwrap();
    assert_eq!(world.identities("PRIVATE"), [2]);
}

#[test]
fn a_decision_told_while_the_coupling_facility_is_away_stands() {
    let mut world = tolerant(2);
    let app = world.application("QM01");
    prepare(&mut world, app, "SHARED", 1);
    world.cut_coupling_link("QM01");
    world.run_for(seconds(3));
    world.send_call(app, MqiCall::Resolve { xid: xid(7), outcome: Outcome::Commit });
    world.run_for(seconds(1));
    world.mend_coupling_link();
    world.wait(app).unwrap();
    world.run_for(seconds(1));
    assert_eq!(world.identities("SHARED"), [1]);
    assert!(world.held().is_empty() && world.descriptors().is_empty());
}

#[test]
fn peers_recover_a_queue_manager_that_had_lost_and_found_the_coupling_facility() {
    let mut world = tolerant(2);
    let app = world.application("QM01");
    world.cut_coupling_link("QM01");
    world.run_for(seconds(3));
    world.mend_coupling_link();
    world.run_for(seconds(5));
    assert!(world.happened("structure_reconnected") > 0);
    world.put(app, "SHARED", Within, 1).unwrap();
    world.crash("QM01", Crash::Kill);
    world.run_for(seconds(3));
    assert!(world.held().is_empty());
}

#[test]
fn a_get_outside_syncpoint_that_meets_the_loss_is_not_told_ok() {
    for after in 0..40_u32 {
        let mut world = tolerant(2);
        let app = world.application("QM01");
        world.put(app, "SHARED", Outside, 1).unwrap();
        let handle = world.open(app, "SHARED", OpenFor::InputShared).unwrap();
        world.send_call(app, MqiCall::Get { handle, syncpoint: Outside, wait: Wait::No, selection: Match::Any });
        world.run_for(crate::time::Duration::from_micros(u64::from(5 * after)));
        world.cut_coupling_link("QM01");
        world.run_for(seconds(3));
        world.mend_coupling_link();
        let got = world.wait(app).is_ok();
        world.run_for(seconds(5));
        let there = world.identities("SHARED") == [1];
        assert!(!(got && there), "{after}: delivered, and still there");
        assert!(world.held().is_empty());
    }
}

#[test]
fn a_commit_whose_force_outlasts_the_loss_keeps_both_parts_together() {
    let mut world = tolerant(2);
    let app = world.application("QM01");
    world.put(app, "SHARED", Within, 1).unwrap();
    world.put(app, "PRIVATE", Within, 2).unwrap();
    world.forces_held = Some("QM01");
    world.send_call(app, MqiCall::Commit);
    world.run_for(milliseconds(1));
    world.cut_coupling_link("QM01");
    world.run_for(seconds(3));
    world.mend_coupling_link();
    world.run_for(seconds(3));
    world.let_forces_complete();
    assert_eq!(world.wait(app).map(drop), Err(Reason::BackedOut));
    world.run_for(seconds(2));
    assert_eq!((world.identities("PRIVATE"), world.identities("SHARED")), (vec![], vec![]));
}

#[test]
fn a_settlement_that_meets_the_loss_is_answered_once() {
    let mut answers = Vec::new();
    for after in 0..30_u64 {
        let mut world = tolerant(2);
        let app = world.connect_as("QM01", options("QSG1")).unwrap();
        world.call(app, MqiCall::Begin { xid: xid(7) }).unwrap();
        for identity in 1..6 {
            world.put(app, "SHARED", Within, identity).unwrap();
        }
        world.call(app, MqiCall::Prepare { xid: xid(7) }).unwrap();
        world.crash("QM01", Crash::Kill);
        world.run_for(seconds(2));
        let other = world.connect_as("QM02", options("QSG1")).unwrap();
        world.send_call(other, MqiCall::Resolve { xid: xid(7), outcome: Outcome::Commit });
        world.run_for(crate::time::Duration::from_micros(7 * after));
        world.cut_coupling_link("QM02");
        world.run_for(seconds(3));
        answers.push(world.wait(other).is_ok());
        assert_eq!(world.answer(other), None, "answered once");
        world.mend_coupling_link();
        world.run_for(seconds(3));
        world.start("QM01");
        world.run_for(seconds(8));
        let app = world.connect_as("QM01", options("QSG1")).unwrap();
        if in_doubt(&mut world, app) > 0 {
            world.call(app, MqiCall::Resolve { xid: xid(7), outcome: Outcome::Commit }).unwrap();
            world.run_for(seconds(1));
        }
        assert_eq!(world.identities("SHARED"), [1, 2, 3, 4, 5], "cut after {after}");
        assert!(world.held().is_empty(), "cut after {after}");
    }
    assert!(answers.contains(&true) && answers.contains(&false));
}

#[test]
fn resolution_races_with_a_look_at_the_descriptors() {
    // A group unit of work in doubt is looked after by reading descriptors again and again.
    for offset in 0..60_u64 {
        let mut world = World::new(Setup::default());
        let app = world.connect_as("QM01", options("QSG1")).unwrap();
        prepare(&mut world, app, "SHARED", 1);
        world.crash("QM01", Crash::Kill);
        world.run_for(seconds(1));
        world.start("QM01");
        world.run_for(seconds(1));
        let app = world.connect_as("QM01", options("QSG1")).unwrap();
        // The retry timer was set when the restart was complete.
        world.run_for(seconds(4) - milliseconds(1));
        world.run_for(crate::time::Duration::from_micros(20 * offset));
        world.call(app, MqiCall::Resolve { xid: xid(7), outcome: Outcome::Commit }).unwrap();
        world.run_for(seconds(1));
        assert_eq!(world.identities("SHARED"), [1], "{offset}");
    }
}

#[test]
fn a_recovery_that_begins_again_does_not_confuse_its_helpers() {
    // The initiator fails at any moment of a recovery with much to do; its helper is asked again by the next one.
    for after in (0..6000_u64).step_by(97) {
        let mut world = World::new(Setup { members: 3, ..Setup::default() });
        for _ in 0..4 {
            let app = world.application("QM01");
            for identity in 0..12 {
                world.put(app, "SHARED", Within, identity).unwrap();
            }
        }
        world.crash("QM01", Crash::Kill);
        world.run_for(milliseconds(50));
        world.run_for(crate::time::Duration::from_micros(after));
        world.crash("QM02", Crash::Kill);
        // A helper that does not answer is given a second or two in each phase.
        world.run_for(seconds(8));
        assert!(world.held().is_empty(), "{after}");
        assert!(world.runs("QM03"));
    }
}

#[test]
fn a_get_by_message_identifier_looks_once_a_second_however_often_it_is_called() {
    let mut world = World::new(Setup::default());
    let (app, other) = (world.application("QM01"), world.application("QM02"));
    let handle = world.open(app, "SHARED", OpenFor::InputShared).unwrap();
    for number in 0..50 {
        let selection = Match::MessageId(MessageId(number));
        world.send_call(app, MqiCall::Get { handle, syncpoint: Outside, wait: Wait::For(milliseconds(50)), selection });
        world.put(other, "SHARED", Outside, 1).unwrap();
        world.get(other, "SHARED", Outside).unwrap();
        assert_eq!(world.wait(app).map(drop), Err(Reason::NoMessageAvailable));
    }
    let selection = Match::MessageId(MessageId(1));
    world.send_call(app, MqiCall::Get { handle, syncpoint: Outside, wait: Wait::Unlimited, selection });
    world.run_for(seconds(2));
    world.performed.clear();
    world.run_for(seconds(10));
    let performed = world.performed.get("QM01").copied().unwrap_or_default();
    assert!(performed <= 40, "{performed} effects in ten seconds of polling");
    world.stop("QM01", StopMode::Quiesce);
    assert_eq!(world.wait(app).map(drop), Err(Reason::QueueManagerQuiescing));
}

#[test]
fn first_in_first_out_on_a_shared_queue_pays_no_heed_to_priority() {
    let mut world = World::new(Setup::default());
    let app = world.application("QM01");
    for queue in ["FIFO", "SHARED.FIFO"] {
        for (identity, of) in [(1, 1), (2, 9), (3, 5)] {
            let descriptor = PutDescriptor { priority: Some(priority(of)), ..descriptor() };
            world.call(app, put_with(queue, Outside, identity, descriptor)).unwrap();
        }
        let got: Vec<u64> = (0..3).map(|_| world.get(app, queue, Outside).unwrap().payload.identity).collect();
        assert_eq!(got, [1, 2, 3], "{queue}");
    }
}

#[test]
fn members_come_back_after_all_of_them_have_lost_the_coupling_facility() {
    let mut world = tolerant(3);
    for member in ["QM01", "QM02", "QM03"] {
        world.cut_coupling_link(member);
    }
    world.run_for(seconds(5));
    world.mend_coupling_link();
    world.run_for(seconds(5));
    for (identity, member) in (1..).zip(["QM01", "QM02", "QM03"]) {
        let app = world.application(member);
        world.put(app, "SHARED", Outside, identity).unwrap();
    }
    assert_eq!(world.identities("SHARED"), [1, 2, 3]);
}
