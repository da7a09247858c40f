//! What each planted defect does.

use super::world::{World, definition, process};
use crate::defect::Defect;
use crate::ha_manager::policy::{Policy, PolicySet};

fn world(change: impl FnOnce(&mut Policy)) -> World {
    let mut definition = definition(&["a1", "s1", "s2", "s3"]);
    let mut policy = Policy::one_of_n("own", &[("type", "WSAF_SIB"), ("WSAF_SIB_MESSAGING_ENGINE", "c.000-b")]);
    change(&mut policy);
    definition.policies = PolicySet::with_default(vec![policy]);
    World::started(definition)
}

#[test]
fn quorum_ignored_leaves_the_minority_active() {
    Defect::plant(Some(Defect::QuorumIgnored));
    let mut world = world(|policy| policy.quorum = true);
    world.partition(&["a1", "s1"], &["s2", "s3"]);
    world.run(190);
    assert_eq!(world.active(), ["s1", "s2"]);
    Defect::plant(None);
}

#[test]
fn two_coordinators_after_a_merge_leave_two_active() {
    Defect::plant(Some(Defect::TwoCoordinatorsAfterMerge));
    let mut world = world(|_| {});
    assert_eq!(world.active().len(), 1);
    world.partition(&["a1", "s1"], &["s2", "s3"]);
    world.run(190);
    world.heal();
    world.run(600);
    assert_eq!(world.view("s3"), ["a1", "s1", "s2", "s3"]);
    assert_eq!(world.active(), ["s1", "s2"]);
    Defect::plant(None);
}

#[test]
fn preferred_list_ignored_activates_the_lexically_first() {
    Defect::plant(Some(Defect::PreferredListIgnored));
    let world = world(|policy| policy.preferred_servers = vec![process("s3")]);
    assert_eq!(world.active(), ["s1"]);
    Defect::plant(None);
}
