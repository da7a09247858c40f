//! How connections and queue managers end, and what is there afterwards.

use super::super::world::{Crash, Setup, World, options, seconds};
use super::{BOTH, get_call, prepare, resolve, settled, with_apps, world};
use crate::machine::StopMode;
use crate::mqi::Syncpoint::{Outside, Within};
use crate::mqi::{ConnectOptions, Match, MqiCall, OpenFor, Reason, TagUse, Wait};
use crate::queue_manager::definition::ConnectivityLoss;
use crate::unit_of_work::Outcome;

#[test]
fn backout_counts_survive_a_restart_if_they_are_hardened() {
    let mut world = world();
    let app = world.application("QM01");
    for queue in ["PRIVATE", "HARD", "SHARED"] {
        world.put(app, queue, Outside, 1).unwrap();
        for _ in 0..2 {
            world.get(app, queue, Within).unwrap();
            world.call(app, MqiCall::Backout).unwrap();
        }
        assert_eq!(world.visible(queue), [(1, 2)]);
    }
    world.crash("QM01", Crash::Kill);
    world.run_for(seconds(1));
    world.start("QM01");
    world.run_for(seconds(1));
    assert_eq!(world.visible("PRIVATE"), [(1, 0)]);
    assert_eq!(world.visible("HARD"), [(1, 2)]);
    assert_eq!(world.visible("SHARED"), [(1, 2)]);
}

#[test]
fn disconnect_commits_and_a_broken_connection_backs_out() {
    for queue in BOTH {
        let (mut world, app, other) = with_apps();
        world.put(app, queue, Within, 1).unwrap();
        world.call(app, MqiCall::Disconnect).unwrap();
        world.put(other, queue, Within, 2).unwrap();
        world.hang_up(other);
        world.run_for(seconds(1));
        assert_eq!(world.identities(queue), [1]);
        assert_eq!(world.happened("connection_backed_out"), 1);
        assert!(world.held().is_empty() && world.queue_manager("QM01").units.is_empty());
    }
}

#[test]
fn an_application_that_hangs_up_at_any_moment_leaves_nothing_behind() {
    for queue in BOTH {
        for after in 0..60_u64 {
            let (mut world, app, _) = with_apps();
            world.put(app, queue, Outside, 1).unwrap();
            let handle = world.open(app, queue, OpenFor::InputShared).unwrap();
            world.put(app, queue, Within, 2).unwrap();
            world.send_call(app, get_call(handle, Within, Wait::Unlimited, Match::Any));
            world.run_for(crate::time::Duration::from_micros(after));
            world.hang_up(app);
            world.run_for(seconds(1));
            assert_eq!(world.identities(queue), [1], "{queue} after {after}");
            assert!(world.held().is_empty() && world.queue_manager("QM01").units.is_empty());
        }
    }
}

#[test]
fn quiesce_lets_work_end_and_force_backs_it_out() {
    for (mode, left) in [(StopMode::Quiesce, vec![1]), (StopMode::Force, vec![])] {
        let (mut world, app, waiter) = with_apps();
        let idle = world.raw_application("QM01");
        world.put(app, "SHARED", Within, 1).unwrap();
        let handle = world.open(waiter, "SHARED2", OpenFor::InputShared).unwrap();
        world.send_call(waiter, get_call(handle, Outside, Wait::Unlimited, Match::Any));
        world.run_for(seconds(1));
        world.stop("QM01", mode);
        world.run_for(seconds(1));
        assert!(!world.is_up("QM01"));
        if mode == StopMode::Quiesce {
            assert_eq!(world.wait(waiter).map(drop), Err(Reason::QueueManagerQuiescing));
            assert_eq!(world.put(waiter, "SHARED", Outside, 2), Err(Reason::QueueManagerQuiescing));
            assert_eq!(world.open(waiter, "SHARED", OpenFor::Output), Err(Reason::QueueManagerQuiescing));
            let connect = MqiCall::Connect(options("QM01"));
            assert_eq!(world.call(idle, connect).map(drop), Err(Reason::QueueManagerQuiescing));
            world.call(app, MqiCall::Commit).unwrap();
            assert!(world.runs("QM01"), "an application is still connected");
            for app in [app, waiter, idle] {
                world.hang_up(app);
            }
            world.run_for(seconds(1));
        }
        assert!(!world.runs("QM01"));
        assert_eq!(world.happened("queue_manager_stopped"), 1);
        assert_eq!(world.identities("SHARED"), left);
        assert!(world.held().is_empty() && world.descriptors().is_empty());
        world.run_for(seconds(2));
        assert_eq!(world.happened("peer_failure_seen"), 0, "an end in good order is no failure");
    }
}

#[test]
fn a_connection_tag_is_in_use_until_its_holder_is_recovered() {
    let mut world = world();
    let tagged = |member: &str, tag_use, name: &str| ConnectOptions {
        application: name.into(),
        tag: Some(("TAG".into(), tag_use)),
        ..options(member)
    };
    let holder = world.connect_as("QM01", tagged("QM01", TagUse::Serialize, "A")).unwrap();
    let wanted = |world: &mut World, member| world.connect_as(member, tagged(member, TagUse::Serialize, "B"));
    assert_eq!(wanted(&mut world, "QM01").map(drop), Err(Reason::ConnectionTagInUse));
    assert_eq!(wanted(&mut world, "QM02").map(drop), Err(Reason::ConnectionTagInUse));
    world.put(holder, "SHARED", Within, 1).unwrap();
    world.crash("QM01", Crash::Kill);
    assert_eq!(wanted(&mut world, "QM02").map(drop), Err(Reason::ConnectionTagInUse), "not recovered");
    world.run_for(seconds(2));
    let heir = wanted(&mut world, "QM02").unwrap();
    assert_eq!(world.happened("tag_taken_over"), 1);
    world.start("QM01");
    world.run_for(seconds(2));
    assert_eq!(wanted(&mut world, "QM01").map(drop), Err(Reason::ConnectionTagInUse));
    world.hang_up(heir);
    world.run_for(seconds(1));
    let holder = world.connect_as("QM01", tagged("QM01", TagUse::Restrict, "A")).unwrap();
    world.connect_as("QM01", tagged("QM01", TagUse::Restrict, "A")).unwrap();
    let other = world.connect_as("QM01", tagged("QM01", TagUse::Restrict, "B"));
    assert_eq!(other.map(drop), Err(Reason::ConnectionTagInUse));
    world.hang_up(holder);
    world.run_for(seconds(1));
    assert_eq!(wanted(&mut world, "QM02").map(drop), Err(Reason::ConnectionTagInUse), "it has a second user");
}

#[test]
fn the_loss_of_the_coupling_facility_ends_the_queue_manager_unless_it_is_tolerated() {
    let mut world = world();
    world.cut_coupling_link("QM01");
    world.run_for(seconds(3));
    assert!(!world.runs("QM01"));
    let mut world = World::new(Setup { connectivity_loss: ConnectivityLoss::Tolerate, ..Setup::default() });
    let (app, waiter) = (world.application("QM01"), world.application("QM01"));
    world.put(app, "SHARED", Within, 1).unwrap();
    world.put(app, "PRIVATE", Within, 1).unwrap();
    let handle = world.open(waiter, "SHARED", OpenFor::InputShared).unwrap();
    world.send_call(waiter, get_call(handle, Outside, Wait::Unlimited, Match::Any));
    world.run_for(seconds(1));
    world.cut_coupling_link("QM01");
    world.run_for(seconds(3));
    assert_eq!(world.wait(waiter).map(drop), Err(Reason::CouplingFacilityNotAvailable));
    assert!(world.held().is_empty(), "peers backed it out");
    assert_eq!(world.call(app, MqiCall::Commit).map(drop), Err(Reason::BackedOut));
    assert_eq!(world.put(app, "SHARED", Outside, 2), Err(Reason::CouplingFacilityNotAvailable));
    world.put(app, "PRIVATE", Outside, 2).unwrap();
    world.mend_coupling_link();
    world.run_for(seconds(5));
    world.put(app, "SHARED", Outside, 3).unwrap();
    assert_eq!((world.identities("SHARED"), world.identities("PRIVATE")), (vec![3], vec![2]));
}

#[test]
fn a_checkpoint_is_all_that_a_restart_needs() {
    let (mut world, app, other) = with_apps();
    world.put(app, "PRIVATE", Outside, 1).unwrap();
    world.put(app, "PRIVATE", Within, 2).unwrap();
    let owner = world.connect_as("QM01", options("QM01")).unwrap();
    prepare(&mut world, owner);
    let handle = world.open(other, "PRIVATE2", OpenFor::InputShared).unwrap();
    let mut grown = 0;
    while world.log_size("QM01") >= grown {
        grown = world.log_size("QM01");
        world.put(other, "PRIVATE2", Outside, 3).unwrap();
        world.get_from(other, handle, Outside, Wait::No, Match::Any).unwrap();
    }
    world.put(other, "PRIVATE2", Outside, 5).unwrap();
    world.crash("QM01", Crash::PowerLoss);
    world.run_for(seconds(2));
    world.start("QM01");
    world.run_for(seconds(2));
    assert_eq!((world.identities("PRIVATE"), world.identities("PRIVATE2")), (vec![1], vec![5]));
    let app = world.application("QM01");
    resolve(&mut world, app, Outcome::Commit).unwrap();
    assert_eq!(settled(&mut world), [vec![2], vec![3], vec![1, 4]]);
}

#[test]
fn nonpersistent_messages_survive_on_shared_queues_only() {
    let mut world = world();
    let app = world.application("QM01");
    for queue in ["VOLATILE", "SHARED.VOLATILE"] {
        world.put(app, queue, Outside, 1).unwrap();
    }
    world.crash("QM01", Crash::Kill);
    world.run_for(seconds(1));
    world.start("QM01");
    world.run_for(seconds(1));
    assert_eq!((world.identities("VOLATILE"), world.identities("SHARED.VOLATILE")), (vec![], vec![1]));
}
