//! Two phases, the group and the operator.

use super::super::world::{Crash, options, seconds, xid};
use super::{ALL, NOTHING, in_doubt, prepare, resolve, settled, with_apps, world};
use crate::mqi::Syncpoint::Within;
use crate::mqi::{Command, MqiAnswer, MqiCall, Reason};
use crate::unit_of_work::{Outcome, UnitOfWorkId};

#[test]
fn two_phases_commit_or_back_out_at_once_or_after_a_restart() {
    for (outcome, expected) in [(Outcome::Commit, ALL), (Outcome::Backout, NOTHING)] {
        for crash in [None, Some(Crash::Kill), Some(Crash::PowerLoss)] {
            let mut world = world();
            let mut app = world.application("QM01");
            prepare(&mut world, app);
            world.run_for(seconds(1));
            if let Some(how) = crash {
                world.crash("QM01", how);
                world.run_for(seconds(2));
                assert_eq!(world.held().len(), 3, "peers leave it alone");
                world.start("QM01");
                world.run_for(seconds(3));
                assert_eq!(world.happened("restart_kept_in_doubt"), 1);
                app = world.application("QM01");
            }
            assert_eq!(in_doubt(&mut world, app), 1);
            resolve(&mut world, app, outcome).unwrap();
            assert_eq!(in_doubt(&mut world, app), 0);
            assert_eq!(resolve(&mut world, app, outcome), Err(Reason::UnitOfWorkNotAvailable));
            assert_eq!(settled(&mut world), expected);
        }
    }
}

#[test]
fn what_was_not_prepared_is_rolled_back_by_its_own_connection() {
    let (mut world, app, other) = with_apps();
    world.call(app, MqiCall::Begin { xid: xid(7) }).unwrap();
    world.put(app, "SHARED", Within, 1).unwrap();
    assert_eq!(world.call(app, MqiCall::Begin { xid: xid(8) }).map(drop), Err(Reason::UnitOfWorkInProgress));
    assert_eq!(world.call(app, MqiCall::Prepare { xid: xid(8) }).map(drop), Err(Reason::UnitOfWorkNotAvailable));
    assert_eq!(in_doubt(&mut world, other), 0);
    resolve(&mut world, app, Outcome::Backout).unwrap();
    assert!(world.identities("SHARED").is_empty() && world.held().is_empty());
}

#[test]
fn a_group_unit_of_work_is_resolved_through_another_member() {
    for (outcome, expected) in [(Outcome::Commit, ALL), (Outcome::Backout, NOTHING)] {
        for owner_is_up in [true, false] {
            let mut world = world();
            let app = world.connect_as("QM01", options("QSG1")).unwrap();
            prepare(&mut world, app);
            if owner_is_up {
                world.hang_up(app);
            } else {
                world.crash("QM01", Crash::PowerLoss);
            }
            world.run_for(seconds(2));
            let by_name = world.application("QM02");
            assert_eq!(in_doubt(&mut world, by_name), 0, "dispositions do not see each other");
            let other = world.connect_as("QM02", options("QSG1")).unwrap();
            assert_eq!(in_doubt(&mut world, other), 1);
            let answer = resolve(&mut world, other, outcome);
            assert!(answer.is_ok() || (owner_is_up && answer == Err(Reason::UnitOfWorkNotAvailable)), "{answer:?}");
            assert_eq!(in_doubt(&mut world, other), 0);
            world.run_for(seconds(1));
            assert!(world.held().is_empty());
            assert_eq!(world.identities("SHARED2"), expected[1]);
            if !owner_is_up {
                world.start("QM01");
                world.run_for(seconds(2));
            }
            assert_eq!(settled(&mut world), expected, "owner up: {owner_is_up}");
        }
    }
}

fn resolve_by_hand(member: &str, unit_of_work: UnitOfWorkId, outcome: Outcome) -> MqiCall {
    let queue_manager = Some(member.into());
    MqiCall::Command(Command::ResolveIndoubt { unit_of_work, outcome, queue_manager })
}

#[test]
fn an_operator_resolves_by_hand_what_an_inactive_member_holds() {
    let mut world = world();
    let app = world.application("QM01");
    prepare(&mut world, app);
    let operator = world.application("QM02");
    let display = MqiCall::Command(Command::DisplayIndoubt { queue_manager: Some("QM01".into()) });
    assert_eq!(world.call(operator, display.clone()).map(drop), Err(Reason::QueueManagerActive));
    let unit = world.held()[0].owner.clone();
    let commit = resolve_by_hand("QM01", unit.clone(), Outcome::Commit);
    assert_eq!(world.call(operator, commit.clone()).map(drop), Err(Reason::QueueManagerActive));
    world.crash("QM01", Crash::PowerLoss);
    world.run_for(seconds(2));
    let Ok(MqiAnswer::Threads { threads }) = world.call(operator, display) else { panic!("displayed") };
    assert_eq!((threads.len(), &threads[0].unit_of_work), (1, &unit));
    world.call(operator, commit.clone()).unwrap();
    assert!(world.held().is_empty());
    assert_eq!((world.identities("SHARED"), world.identities("SHARED2")), (vec![2], vec![3]));
    assert_eq!(world.call(operator, commit).map(drop), Err(Reason::UnitOfWorkNotAvailable));
    // The private part is decided at home.
    world.start("QM01");
    world.run_for(seconds(2));
    let operator = world.application("QM01");
    world.call(operator, resolve_by_hand("QM01", unit, Outcome::Commit)).unwrap();
    assert_eq!(settled(&mut world), ALL);
}
