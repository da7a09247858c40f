//! Connections: which calls are for whom, who is served first, and when a connection tag is free.

use super::world::{App, Crash, Setup, World, milliseconds, options, put, seconds, xid};
use crate::mqi::{ConnectOptions, Match, MqiCall, OpenFor, Reason, Syncpoint, TagUse, Wait};
use crate::queue_manager::definition::ConnectivityLoss;
use crate::unit_of_work::Outcome;

use Syncpoint::{Outside, Within};

fn tagged(member: &str) -> ConnectOptions {
    ConnectOptions { tag: Some(("TAG".into(), TagUse::Serialize)), ..options(member) }
}

fn refused(world: &mut World, app: App, call: MqiCall) -> Reason {
    world.call(app, call).expect_err("the call is refused")
}

#[test]
fn calls_need_a_connection_and_one_is_enough() {
    let mut world = World::new(Setup::default());
    let app = world.raw_application("QM01");
    assert_eq!(refused(&mut world, app, put("PRIVATE", Outside, 1)), Reason::ConnectionHandleError);
    world.call(app, MqiCall::Connect(options("QM01"))).unwrap();
    world.put(app, "PRIVATE", Within, 2).unwrap();
    assert_eq!(refused(&mut world, app, MqiCall::Connect(options("QSG1"))), Reason::AlreadyConnected);
    world.call(app, MqiCall::Disconnect).unwrap();
    assert_eq!(world.identities("PRIVATE"), [2]);
    assert_eq!(refused(&mut world, app, put("PRIVATE", Outside, 3)), Reason::ConnectionHandleError);
    assert_eq!(refused(&mut world, app, MqiCall::Disconnect), Reason::ConnectionHandleError);
    world.call(app, MqiCall::Connect(options("QM01"))).unwrap();
    world.put(app, "PRIVATE", Outside, 4).unwrap();
}

#[test]
fn only_its_coordinator_commits_a_global_transaction() {
    for queue in ["PRIVATE", "SHARED"] {
        let mut world = World::new(Setup::default());
        let app = world.application("QM01");
        world.call(app, MqiCall::Begin { xid: xid(7) }).unwrap();
        world.put(app, queue, Within, 1).unwrap();
        assert_eq!(refused(&mut world, app, MqiCall::Commit), Reason::EnvironmentError);
        world.call(app, MqiCall::Prepare { xid: xid(7) }).unwrap();
        world.call(app, MqiCall::Resolve { xid: xid(7), outcome: Outcome::Commit }).unwrap();
        assert_eq!(world.identities(queue), [1]);
        world.put(app, queue, Within, 2).unwrap();
        world.call(app, MqiCall::Commit).unwrap();
        world.call(app, MqiCall::Begin { xid: xid(8) }).unwrap();
        world.put(app, queue, Within, 3).unwrap();
        world.call(app, MqiCall::Backout).unwrap();
        world.put(app, queue, Within, 4).unwrap();
        world.call(app, MqiCall::Commit).expect("the transaction is over");
        world.call(app, MqiCall::Begin { xid: xid(9) }).unwrap();
        world.put(app, queue, Within, 5).unwrap();
        world.call(app, MqiCall::Disconnect).unwrap();
        assert_eq!(world.identities(queue), [1, 2, 4], "disconnecting does not decide for the coordinator");
        assert!(world.held().is_empty() && world.queue_manager("QM01").units.is_empty());
    }
}

#[test]
fn waiters_on_a_private_queue_are_served_in_the_order_in_which_they_came() {
    let mut world = World::new(Setup::default());
    let mut apps = [(); 3].map(|()| world.application("QM01"));
    let putter = world.application("QM01");
    apps.reverse();
    for app in apps {
        let handle = world.open(app, "PRIVATE", OpenFor::InputShared).unwrap();
        world.send_call(app, MqiCall::Get { handle, syncpoint: Outside, wait: Wait::Unlimited, selection: Match::Any });
        world.run_for(milliseconds(1));
    }
    for (identity, app) in (1..).zip(apps) {
        world.put(putter, "PRIVATE", Outside, identity).unwrap();
        world.run_for(milliseconds(1));
        let got = world.answer(app).expect("the one that waits longest is served");
        assert_eq!(super::world::message(got).unwrap().payload.identity, identity);
    }
}

#[test]
fn a_tag_is_not_free_before_the_last_unit_of_work_of_its_holder_has_ended() {
    // (How the holder leaves, what is visible then.)
    for (hangs_up, expected) in [(false, [1].as_slice()), (true, &[])] {
        let mut world = World::new(Setup::default());
        let holder = world.connect_as("QM01", tagged("QM01")).unwrap();
        world.call(holder, MqiCall::Begin { xid: xid(7) }).unwrap();
        world.call(holder, MqiCall::Resolve { xid: xid(7), outcome: Outcome::Backout }).unwrap();
        world.put(holder, "SHARED", Within, 1).unwrap();
        if hangs_up {
            world.hang_up(holder);
        } else {
            world.send_call(holder, MqiCall::Disconnect);
        }
        let heir = loop {
            match world.connect_as("QM02", tagged("QM02")) {
                Ok(heir) => break heir,
                Err(reason) => assert_eq!(reason, Reason::ConnectionTagInUse),
            }
        };
        assert!(world.queue_manager("QM01").units.is_empty(), "the last unit of work of its holder has ended");
        assert!(world.held().is_empty());
        assert_eq!(world.identities("SHARED"), expected);
        world.put(heir, "SHARED", Outside, 2).unwrap();
    }
}

#[test]
fn a_tag_that_is_being_given_up_is_in_use_on_its_own_queue_manager_too() {
    let mut world = World::new(Setup::default());
    let holder = world.connect_as("QM01", tagged("QM01")).unwrap();
    world.put(holder, "SHARED", Within, 1).unwrap();
    world.hang_up(holder);
    let early = world.connect_as("QM01", tagged("QM01")).map(drop);
    assert_eq!(early, Err(Reason::ConnectionTagInUse));
    world.run_for(seconds(1));
    world.connect_as("QM01", tagged("QM01")).unwrap();
}

#[test]
fn a_connection_with_a_tag_does_not_outlive_the_loss_of_the_coupling_facility() {
    let mut world = World::new(Setup { connectivity_loss: ConnectivityLoss::Tolerate, ..Setup::default() });
    let (holder, other) = (world.connect_as("QM01", tagged("QM01")).unwrap(), world.application("QM01"));
    world.put(holder, "SHARED", Within, 1).unwrap();
    world.cut_coupling_link("QM01");
    world.run_for(seconds(3));
    assert_eq!(refused(&mut world, holder, put("PRIVATE", Outside, 2)), Reason::ConnectionBroken);
    world.put(other, "PRIVATE", Outside, 3).unwrap();
    world.mend_coupling_link();
    world.run_for(seconds(5));
    // The tag is free for one of them, and for one only.
    let heir = world.connect_as("QM02", tagged("QM02")).unwrap();
    assert_eq!(world.connect_as("QM01", tagged("QM01")).map(drop), Err(Reason::ConnectionTagInUse));
    world.hang_up(heir);
    world.run_for(seconds(1));
    world.connect_as("QM01", tagged("QM01")).unwrap();
    assert_eq!(world.connect_as("QM02", tagged("QM02")).map(drop), Err(Reason::ConnectionTagInUse));
}

#[test]
fn a_checkpoint_does_not_harden_a_backout_count() {
    let mut world = World::new(Setup::default());
    let app = world.application("QM01");
    for queue in ["PRIVATE", "HARD"] {
        world.put(app, queue, Outside, 1).unwrap();
        world.get(app, queue, Within).unwrap();
        world.call(app, MqiCall::Backout).unwrap();
    }
    let mut grown = 0;
    while world.log_size("QM01") >= grown {
        grown = world.log_size("QM01");
        world.put(app, "PRIVATE2", Outside, 2).unwrap();
        world.get(app, "PRIVATE2", Outside).unwrap();
    }
    world.crash("QM01", Crash::Kill);
    world.run_for(seconds(1));
    world.start("QM01");
    world.run_for(seconds(2));
    assert_eq!((world.visible("PRIVATE"), world.visible("HARD")), (vec![(1, 0)], vec![(1, 1)]));
}
