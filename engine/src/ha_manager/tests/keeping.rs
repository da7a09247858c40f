//! Members that fail, that are disabled while they are active, that meet after a merge: who of them is kept.

use super::world::{NAMES, World, definition, group, own_policy, process, with};
use crate::ha_manager::GroupOrder;
use crate::ha_manager::decide::MemberState;
use crate::ha_manager::policy::Policy;
use crate::time::Duration;

/// S2 is preferred and active, then s1 is activated on the other side; who is left of the two after the merge, and after
/// `what` became of s1.
fn left_after_merge(fail_back: bool, what: impl FnOnce(&mut World)) -> Vec<String> {
    let preferred_servers = vec![process("s2")];
    let mut world = with(Policy { preferred_servers, fail_back, ..own_policy() });
    assert_eq!(world.active(), ["s2"]);
    world.partition(&["a1", "s1"], &["s2", "s3"]);
    world.run(190);
    assert_eq!(world.active(), ["s1", "s2"]);
    what(&mut world);
    world.heal();
    world.run(100);
    world.active()
}

#[test]
fn after_a_merge_the_member_that_was_activated_last_is_kept_and_with_fail_back_the_more_preferred_one() {
    assert_eq!(left_after_merge(false, |_| {}), ["s1"]);
    assert_eq!(left_after_merge(true, |_| {}), ["s2"]);
}

#[test]
fn after_a_merge_a_member_that_has_failed_is_not_the_one_that_is_kept() {
    let fails = |name: &'static str| {
        move |world: &mut World| {
            world.with(&process(name), |manager, now, fx| manager.failed_here(now, &group(), fx));
        }
    };
    assert_eq!(left_after_merge(false, fails("s1")), ["s2"]);
    assert_eq!(left_after_merge(true, fails("s2")), ["s2"], "idle by then, and preferred: it comes back");
    let moved = left_after_merge(true, |world| {
        fails("s2")(world);
        world.orders.clear();
        world.heal();
        world.run(70);
        let orders: Vec<_> = world.orders.iter().filter(|(_, _, order)| *order != GroupOrder::BoardChanged).collect();
        assert!(matches!(orders[0], (_, who, GroupOrder::Deactivate(_)) if *who == process("s2")), "{orders:?}");
    });
    assert_eq!(moved, ["s2"]);
}

#[test]
fn a_failure_by_itself_moves_nothing_before_the_next_is_alive_check() {
    let mut world = World::started(definition(&NAMES));
    world.with(&process("s1"), |manager, now, fx| manager.failed_here(now, &group(), fx));
    world.run(50);
    assert_eq!(world.active(), ["s1"]);
}

#[test]
fn what_would_fail_anywhere_is_neither_moved_nor_replaced() {
    let policy = Policy { preferred_servers: vec![process("s3"), process("s2")], fail_back: true, ..own_policy() };
    let mut world = with(policy);
    world.kill("s3");
    world.run(10);
    world.with(&process("s2"), |manager, now, fx| manager.failed_everywhere(now, &group(), fx));
    world.start("s3");
    world.run(100);
    assert_eq!(world.active(), ["s2"], "no fail back");
    world.with(&process("s2"), |manager, now, fx| manager.disable(now, &group(), fx));
    world.run(10);
    assert_eq!((world.in_state(MemberState::Disabled), world.active()), (vec!["s2".into()], vec![]));
    // Its server starts again.
    world.kill("s2");
    world.run(10);
    assert_eq!(world.active(), ["s3"]);
}

#[test]
fn a_member_that_is_disabled_while_it_is_active_ends_its_work_before_another_takes_its_place() {
    let mut world = World::started(definition(&NAMES));
    world.with(&process("s1"), |manager, now, fx| manager.disable(now, &group(), fx));
    world.run_until(world.now + Duration::from_millis(500));
    assert_eq!(world.in_state(MemberState::Deactivating), ["s1"]);
    assert_eq!(world.in_state(MemberState::Idle), ["s2", "s3"]);
    world.run(5);
    assert_eq!((world.in_state(MemberState::Disabled), world.active()), (vec!["s1".into()], vec!["s2".into()]));
    world.with(&process("s1"), |manager, now, fx| manager.enable(now, &group(), fx));
    world.kill("s2");
    world.run(5);
    assert_eq!(world.active(), ["s1"]);
}

#[test]
fn a_member_that_is_enabled_before_it_has_ended_its_work_stands_by() {
    let mut world = World::started(definition(&NAMES));
    world.with(&process("s1"), |manager, now, fx| manager.disable(now, &group(), fx));
    world.with(&process("s1"), |manager, now, fx| manager.enable(now, &group(), fx));
    world.run(5);
    assert!(world.in_state(MemberState::Disabled).is_empty() && world.active().len() == 1);
}
