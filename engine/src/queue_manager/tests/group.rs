//! Members that die while they work for others, and members that have come back.

use super::world::{App, Crash, Setup, World, milliseconds, options, seconds, xid};
use crate::mqi::{Command, MqiAnswer, MqiCall, Reason, Syncpoint};
use crate::time::Duration;
use crate::unit_of_work::Outcome;

use Syncpoint::{Outside, Within};

fn three() -> World {
    World::new(Setup { members: 3, ..Setup::default() })
}

fn in_doubt(world: &mut World, app: App) -> usize {
    match world.call(app, MqiCall::Recover { coordinator: "CICS".into() }) {
        Ok(MqiAnswer::Indoubt { xids }) => xids.len(),
        other => panic!("{other:?}"),
    }
}

fn resolve(outcome: Outcome) -> MqiCall {
    MqiCall::Resolve { xid: xid(7), outcome }
}

#[test]
fn a_third_member_finishes_a_group_resolution_that_died_half_way() {
    let mut finished_by_the_third = 0;
    for (outcome, expected) in [(Outcome::Commit, [[2], [3]]), (Outcome::Backout, [[1], [0]])] {
        for effects in 0..14 {
            let mut world = three();
            let owner = world.connect_as("QM01", options("QSG1")).unwrap();
            world.put(owner, "SHARED", Outside, 1).unwrap();
            world.call(owner, MqiCall::Begin { xid: xid(7) }).unwrap();
            world.get(owner, "SHARED", Within).unwrap();
            world.put(owner, "SHARED", Within, 2).unwrap();
            world.put(owner, "SHARED2", Within, 3).unwrap();
            world.call(owner, MqiCall::Prepare { xid: xid(7) }).unwrap();
            world.crash("QM01", Crash::Kill);
            world.run_for(seconds(2));
            let second = world.connect_as("QM02", options("QSG1")).unwrap();
            world.crash_before = Some(("QM02", world.performed["QM02"] + effects, Crash::Kill));
            world.send_call(second, resolve(outcome));
            world.run_for(seconds(3));
            // The coordinator has no answer: it asks the third, which knows nothing of the second's decision.
            let third = world.connect_as("QM03", options("QSG1")).unwrap();
            if in_doubt(&mut world, third) > 0 {
                world.call(third, resolve(outcome)).unwrap();
                finished_by_the_third += 1;
            }
            assert_eq!(in_doubt(&mut world, third), 0);
            let held = world.held();
            assert!(held.is_empty(), "{outcome:?}, died before effect {effects}: {held:?}");
            let visible = ["SHARED", "SHARED2"].map(|queue| world.identities(queue));
            let expected = expected.map(|identities| identities.into_iter().filter(|&of| of > 0).collect::<Vec<u64>>());
            assert_eq!(visible, expected, "{outcome:?}, died before effect {effects}");
            world.crash_before = None;
            world.start("QM01");
            world.run_for(seconds(3));
            assert!(world.descriptors().is_empty() && world.held().is_empty());
        }
    }
    assert!(finished_by_the_third > 8, "{finished_by_the_third}");
}

#[test]
fn the_outcome_that_a_descriptor_says_stands() {
    // The second member dies when the descriptor says the outcome and nothing is settled.
    let mut stood = 0;
    for effects in 0..8 {
        let mut world = three();
        let owner = world.connect_as("QM01", options("QSG1")).unwrap();
        world.call(owner, MqiCall::Begin { xid: xid(7) }).unwrap();
        world.put(owner, "SHARED", Within, 1).unwrap();
        world.call(owner, MqiCall::Prepare { xid: xid(7) }).unwrap();
        world.crash("QM01", Crash::Kill);
        world.run_for(seconds(2));
        let second = world.connect_as("QM02", options("QSG1")).unwrap();
        world.crash_before = Some(("QM02", world.performed["QM02"] + effects, Crash::Kill));
        world.send_call(second, resolve(Outcome::Commit));
        world.run_for(seconds(3));
        let decided = world.happened("group_resolved") > 0
            && world.descriptors()[0].state == crate::unit_of_work::DescriptorState::InCommit;
        let settled = world.held().is_empty();
        let third = world.connect_as("QM03", options("QSG1")).unwrap();
        let answer = world.call(third, resolve(Outcome::Backout));
        if decided && !settled {
            answer.unwrap();
            stood += 1;
        }
        assert!(world.held().is_empty());
        assert_eq!(world.identities("SHARED").len(), usize::from(decided), "{effects}");
    }
    assert!(stood > 0);
}

#[test]
fn a_member_that_has_restarted_is_active_although_its_former_life_is_not_recovered() {
    let mut asked_in_between = 0;
    for after in 0..60_u64 {
        let mut world = World::new(Setup::default());
        let app = world.application("QM01");
        world.put(app, "SHARED", Within, 1).unwrap();
        world.crash("QM01", Crash::Kill);
        world.crash("QM02", Crash::Kill);
        world.run_for(seconds(2));
        world.start("QM01");
        world.run_for(Duration::from_micros(after));
        world.start("QM02");
        while !(world.is_up("QM01") && world.is_up("QM02")) {
            world.run_for(Duration::from_micros(5));
        }
        asked_in_between += u32::from(world.happened("restart_recovered_shared") == 0);
        let operator = world.application("QM02");
        let display = MqiCall::Command(Command::DisplayIndoubt { queue_manager: Some("QM01".into()) });
        assert_eq!(world.call(operator, display).map(drop), Err(Reason::QueueManagerActive), "{after}");
        world.run_for(seconds(3));
        assert!(world.held().is_empty(), "{after}");
    }
    assert!(asked_in_between > 10, "{asked_in_between}");
}

#[test]
fn the_share_of_a_helper_that_dies_is_taken_back_at_once() {
    let mut helpers_died = 0;
    for after in (0..2000_u64).step_by(50) {
        let mut world = three();
        for _ in 0..4 {
            let app = world.application("QM01");
            for identity in 0..12 {
                world.put(app, "SHARED", Within, identity).unwrap();
            }
        }
        world.crash("QM01", Crash::Kill);
        while world.happened("peer_recovery_started") == 0 {
            world.run_for(Duration::from_micros(5));
        }
        world.run_for(Duration::from_micros(after));
        let initiator =
            world.events.iter().find(|(_, event)| event.name() == "peer_recovery_started").map(|(node, _)| *node);
        let helper = if initiator == Some("QM02") { "QM03" } else { "QM02" };
        let before = world.held().len();
        world.crash(helper, Crash::Kill);
        world.run_for(milliseconds(100));
        helpers_died += u32::from(before > 0);
        assert!(world.held().is_empty(), "{after}: {} are left of {before}", world.held().len());
    }
    assert!(helpers_died > 3, "{helpers_died}");
}
