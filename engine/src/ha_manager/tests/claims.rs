//! One claim each.

use super::world::{NAMES, World, definition, group, own_policy, process, with};
use crate::event::Event;
use crate::ha_manager::GroupOrder;
use crate::ha_manager::decide::MemberState;
use crate::ha_manager::definition::OnQuorumLoss;
use crate::ha_manager::policy::{Policy, PolicyChange, PolicyKind, PolicySet};
use crate::machine::{Broken, ConnectionId, Input};
use crate::name::Address;
use crate::time::Duration;

#[test]
fn all_that_are_connected_are_in_one_view() {
    let world = World::started(definition(&NAMES));
    assert!(NAMES.iter().all(|name| world.view(name) == NAMES));
    assert_eq!(world.active(), ["s1"]);
}

#[test]
fn the_lexically_lowest_member_is_coordinator_without_preferred_ones() {
    assert_eq!(World::started(definition(&NAMES)).coordinators(), ["a1"]);
}

#[test]
fn the_first_preferred_coordinator_in_the_view_is_elected() {
    let mut definition = definition(&NAMES);
    definition.preferred_coordinators = vec![process("s3"), process("s2")];
    let mut world = World::started(definition);
    assert_eq!(world.coordinators(), ["s3"]);
    world.kill("s3");
    world.run(1);
    assert_eq!(world.coordinators(), ["s2"]);
}

#[test]
fn nothing_is_activated_before_a_second_member_was_seen_and_alone_it_goes_on() {
    let mut world = World::new(definition(&NAMES));
    world.start("s1");
    world.run(59);
    assert!(!world.saw("second_member_awaited"));
    world.run(541);
    assert!(world.active().is_empty());
    let told = world.events.iter().filter(|(_, _, event)| matches!(event, Event::SecondMemberAwaited {}));
    assert_eq!(told.count(), 1);
    world.start("a1");
    world.run(10);
    assert_eq!(world.active(), ["s1"]);
    world.kill("a1");
    world.run(10);
    assert_eq!((world.view("s1"), world.active()), (vec!["s1".to_owned()], vec!["s1".to_owned()]));
}

#[test]
fn a_crash_is_noticed_at_once_and_fails_over() {
    let mut world = World::started(definition(&NAMES));
    world.kill("s1");
    world.run(2);
    assert_eq!(world.active(), ["s2"]);
}

#[test]
fn a_member_that_stops_in_good_order_leaves_the_view_at_once() {
    let mut world = World::started(definition(&NAMES));
    world.stop("s3");
    world.run(1);
    assert_eq!(world.view("a1"), ["a1", "s1", "s2"]);
}

#[test]
fn a_partition_gives_each_side_a_view_and_an_active_member_and_the_merge_leaves_one() {
    let mut world = World::started(definition(&NAMES));
    world.partition(&["a1", "s1"], &["s2", "s3"]);
    world.run(170);
    assert_eq!(world.active(), ["s1"], "silence is noticed after 180 s");
    world.run(20);
    assert_eq!(
        (world.view("s2"), world.coordinators()),
        (vec!["s2".into(), "s3".into()], vec!["a1".into(), "s2".into()])
    );
    assert_eq!(world.active(), ["s1", "s2"]);
    world.heal();
    world.run(300);
    assert!(world.saw("several_active_members"));
    // The one that was activated last: what it has a lock of, s1 had lost before.
    assert_eq!((world.coordinators(), world.active()), (vec!["a1".to_owned()], vec!["s2".to_owned()]));
}

#[test]
fn a_view_merges_as_a_whole_and_its_majority_keeps_its_quorum_while_connections_come_up() {
    let mut world = with(Policy { quorum: true, ..own_policy() });
    world.partition(&["a1", "s1"], &["s2", "s3"]);
    world.run(190);
    world.start("s1");
    world.run(60);
    assert_eq!((world.active(), world.view("s3")), (vec!["s2".to_owned()], vec!["s2".into(), "s3".into()]));
    // S3 can be reached first.
    world.mend("a1", "s3");
    world.mend("s1", "s3");
    world.run(70);
    assert_eq!(world.view("s3"), ["s2", "s3"], "s3 was taken out of a view that cannot come along yet");
    world.heal();
    world.run(200);
    assert_eq!(world.view("s3"), ["a1", "s1", "s2", "s3"]);
    let terminated = world.orders.iter().filter(|(_, _, order)| matches!(order, GroupOrder::Terminate { .. }));
    assert_eq!((world.active(), terminated.count()), (vec!["s2".to_owned()], 1), "s1 alone, when it was cut off");
}

#[test]
fn a_link_that_stays_broken_does_not_keep_two_halves_apart() {
    let mut world = World::started(definition(&NAMES));
    world.partition(&["a1", "s1"], &["s2", "s3"]);
    world.run(190);
    for (a, b) in [("a1", "s2"), ("a1", "s3"), ("s1", "s2")] {
        world.mend(a, b);
    }
    world.run(600);
    assert_eq!(world.view("a1").len(), 3, "{:?}", world.view("a1"));
}

#[test]
fn a_member_that_can_reach_a_better_coordinator_already_is_not_left_out_of_its_view() {
    let mut definition = definition(&["a1", "a2", "s1", "s2", "s3"]);
    definition.policies = PolicySet::with_default(vec![Policy { quorum: true, ..own_policy() }]);
    let mut world = World::started(definition);
    world.partition(&["a1", "s1"], &["a2", "s2", "s3"]);
    world.run(190);
    world.start("s1");
    world.run(60);
    assert_eq!((world.active(), world.coordinators()), (vec!["s2".to_owned()], vec!["a1".into(), "a2".into()]));
    let before = world.views.len();
    // S3 prefers a1 at once. A2 cannot reach a1, and a newcomer makes it propose a view.
    for (a, b) in [("a1", "s3"), ("a2", "s1"), ("s1", "s3")] {
        world.mend(a, b);
    }
    world.run(5);
    assert_eq!((world.view("a2"), world.active()), (vec!["a2".into(), "s2".into(), "s3".into()], vec!["s2".into()]));
    assert_eq!(world.views.len(), before, "{:?}", &world.views[before..]);
    world.heal();
    world.run(130);
    assert_eq!((world.view("s2").len(), world.active()), (5, vec!["s2".to_owned()]));
}

#[test]
fn a_view_that_a_member_has_not_installed_is_proposed_again() {
    let mut world = World::started(definition(&NAMES));
    world.kill("s1");
    while world.nodes[&process("s3")].manager.promised.is_none() {
        world.run_until(world.now + Duration::from_millis(1));
    }
    // As if it had agreed to another proposal meanwhile.
    world.with(&process("s3"), |manager, _, _| manager.promised = None);
    world.run(2);
    assert_eq!((world.view("s3"), world.active()), (vec!["a1".into(), "s2".into(), "s3".into()], vec!["s2".into()]));
}

#[test]
fn a_member_that_dies_while_another_disagrees_is_left_out_all_the_same() {
    let mut world = with(Policy { preferred_servers: vec![process("s2")], ..own_policy() });
    world.partition(&["a1"], &["s1", "s2", "s3"]);
    world.run(190);
    assert_eq!((world.coordinators(), world.active()), (vec!["a1".into(), "s1".into()], vec!["s2".to_owned()]));
    world.mend("a1", "s3");
    world.kill("s2");
    world.run(10);
    assert_eq!((world.view("s1"), world.active()), (vec!["s1".into(), "s3".into()], vec!["s1".to_owned()]));
}

#[test]
fn a_connection_that_was_given_up_before_it_came_about_does_not_cost_the_one_in_use() {
    let mut world = World::started(definition(&NAMES));
    let (views, late) = (world.views.len(), ConnectionId(4711));
    world.with(&process("s3"), |manager, now, fx| {
        let accepted = Input::Accepted { connection: late, at: Address::from("s3"), from: process("a1") };
        manager.offer(now, accepted, fx);
        manager.offer(now, Input::Broken { connection: late, how: Broken::Reset }, fx);
    });
    world.run(130);
    assert_eq!((world.views.len(), world.view("s3").len()), (views, 4));
}

#[test]
fn a_coordinator_that_is_left_alone_goes_on_and_activates_when_a_server_returns() {
    let mut world = World::started(definition(&NAMES));
    for server in ["s1", "s2", "s3"] {
        world.kill(server);
    }
    world.run(10);
    assert_eq!((world.view("a1"), world.coordinators()), (vec!["a1".to_owned()], vec!["a1".to_owned()]));
    world.start("s2");
    world.run(2);
    assert_eq!((world.view("a1"), world.active()), (vec!["a1".into(), "s2".into()], vec!["s2".to_owned()]));
}

#[test]
fn servers_without_node_agents_elect_a_coordinator_and_change_nothing() {
    let mut world = World::started(definition(&["a1", "a2", "s1", "s2", "s3"]));
    let orders = world.orders.len();
    world.kill("a1");
    world.kill("a2");
    world.run(10);
    let since: Vec<_> = world.orders[orders..].iter().filter(|order| order.2 != GroupOrder::BoardChanged).collect();
    assert_eq!((world.coordinators(), world.active(), since), (vec!["s1".into()], vec!["s1".to_owned()], vec![]));
    world.kill("s1");
    world.run(2);
    assert_eq!((world.coordinators(), world.active()), (vec!["s2".to_owned()], vec!["s2".to_owned()]));
}

#[test]
fn without_a_majority_nobody_is_active_and_an_active_member_is_terminated() {
    let mut world = with(Policy { quorum: true, ..own_policy() });
    world.partition(&["a1", "s1"], &["s2", "s3"]);
    world.run(190);
    assert!(!world.nodes.contains_key(&process("s1")), "s1 was active in the minority");
    assert_eq!(world.active(), ["s2"]);
}

#[test]
fn an_active_member_without_quorum_is_deactivated_if_so_defined() {
    let mut definition = definition(&NAMES);
    definition.policies = PolicySet::with_default(vec![Policy { quorum: true, ..own_policy() }]);
    definition.on_quorum_loss = OnQuorumLoss::Deactivate;
    let mut world = World::started(definition);
    world.partition(&["a1", "s1"], &["s2", "s3"]);
    world.run(190);
    assert_eq!(
        (world.active(), world.in_state(MemberState::Idle)),
        (vec!["s2".into()], vec!["s1".into(), "s3".into()])
    );
}

#[test]
fn fail_back_moves_to_the_preferred_server_and_never_has_two_active() {
    let preferred_servers = vec![process("s3")];
    let mut world = with(Policy { preferred_servers, fail_back: true, ..own_policy() });
    world.kill("s3");
    world.run(10);
    assert_eq!(world.active(), ["s1"]);
    world.start("s3");
    for _ in 0..10 {
        world.run(1);
        assert!(world.active().len() <= 1);
    }
    assert_eq!(world.active(), ["s3"]);
}

#[test]
fn without_fail_back_the_member_stays_where_it_is() {
    let mut world = with(Policy { preferred_servers: vec![process("s3")], ..own_policy() });
    world.kill("s3");
    world.run(10);
    world.start("s3");
    world.run(100);
    assert_eq!(world.active(), ["s1"]);
}

#[test]
fn preferred_servers_only_leaves_the_group_without_an_active_member() {
    let preferred_servers = vec![process("s3")];
    let mut world = with(Policy { preferred_servers, preferred_servers_only: true, ..own_policy() });
    assert_eq!(world.active(), ["s3"]);
    world.kill("s3");
    world.run(100);
    assert!(world.active().is_empty());
}

#[test]
fn a_preferred_server_that_is_no_member_of_the_group_is_never_a_candidate() {
    let world = with(Policy { preferred_servers: vec![process("a1"), process("s2")], ..own_policy() });
    assert_eq!(world.active(), ["s2"]);
}

#[test]
fn a_static_policy_does_not_fail_over() {
    let mut world = with(Policy { kind: PolicyKind::Static(vec![process("s2")]), ..own_policy() });
    assert_eq!(world.active(), ["s2"]);
    world.kill("s2");
    world.run(100);
    assert!(world.active().is_empty());
}

#[test]
fn no_operation_activates_nobody_but_an_operator_may() {
    let mut world = with(Policy { kind: PolicyKind::NoOperation, ..own_policy() });
    assert!(world.active().is_empty());
    let operated =
        world.with(&process("a1"), |manager, now, fx| manager.activate_member(now, &group(), &process("s2"), fx));
    assert_eq!(operated, Ok(()));
    world.run(2);
    assert_eq!(world.active(), ["s2"]);
}

#[test]
fn a_member_that_fails_to_start_is_disabled_until_it_is_enabled() {
    let mut world = World::new(definition(&NAMES));
    world.failing.extend([process("s1"), process("s2"), process("s3")]);
    for name in NAMES {
        world.start(name);
    }
    world.run(30);
    assert_eq!(world.in_state(MemberState::Disabled), ["s1", "s2", "s3"]);
    world.failing.clear();
    world.with(&process("s2"), |manager, now, fx| manager.enable(now, &group(), fx));
    world.run(2);
    assert_eq!(world.active(), ["s2"]);
}

#[test]
fn a_hung_member_is_failed_when_it_has_not_answered_until_the_next_tick() {
    let mut world = World::started(definition(&NAMES));
    world.hung.insert(process("s1"));
    world.run(300);
    let at = world.orders.iter().find(|(_, _, order)| matches!(order, GroupOrder::NotAlive(_))).map(|order| order.0);
    let activated = world.events.iter().find(|event| matches!(event.2, Event::GroupMemberActivated { .. }));
    let waited = at.zip(activated).map(|(at, activated)| at.since(activated.0).as_secs());
    assert_eq!((waited, world.active()), (Some(240), vec!["s2".to_owned()]));
}

#[test]
fn the_bulletin_board_holds_the_posts_of_the_view() {
    let mut world = World::started(definition(&NAMES));
    for name in ["s1", "s2"] {
        let post = |manager: &mut crate::ha_manager::HaManager, now, fx: &mut _| {
            manager.post(now, "engine".into(), Some(name.into()), fx);
        };
        world.with(&process(name), post);
    }
    world.run(1);
    let on_board =
        |world: &World| world.nodes[&process("a1")].manager.board()["engine"].keys().cloned().collect::<Vec<_>>();
    assert_eq!(on_board(&world), [process("s1"), process("s2")]);
    world.kill("s1");
    world.run(1);
    assert_eq!(on_board(&world), [process("s2")]);
}

#[test]
fn a_view_change_during_activation_activates_nobody_twice() {
    let mut world = World::started(definition(&NAMES));
    world.kill("s1");
    while world.in_state(MemberState::Activating).is_empty() {
        world.now = world.now + std::time::Duration::from_millis(1);
        world.run(0);
    }
    world.kill("a1");
    world.run(10);
    assert_eq!((world.coordinators(), world.active()), (vec!["s2".to_owned()], vec!["s2".to_owned()]));
}

#[test]
fn partial_connectivity_costs_a_round_each_discovery_interval_and_no_more() {
    let mut world = World::started(definition(&NAMES));
    world.cut_one_way("s2", "s3");
    world.run(200);
    let before = world.events.len();
    world.run(3600);
    assert!(world.events.len() - before < 60 * 20, "{} events in an hour", world.events.len() - before);
    // s3 has no place in the view of the others: a partition of its own, with an active member of its own.
    assert_eq!((world.view("s3"), world.active()), (vec!["s3".into()], vec!["s1".into(), "s3".into()]));
}

#[test]
fn new_policies_are_in_force_at_once() {
    let mut world = World::started(definition(&NAMES));
    let policy = Policy { preferred_servers: vec![process("s3")], fail_back: true, ..own_policy() };
    let change = PolicyChange { remove: vec![], save: vec![policy] };
    world.with(&process("s2"), |manager, now, fx| manager.change_policies(now, &change, fx));
    world.run(5);
    assert_eq!(world.active(), ["s3"]);
    // Without it, the default policy governs again, which moves nothing.
    let change = PolicyChange { remove: vec!["own".into()], save: vec![] };
    world.with(&process("a1"), |manager, now, fx| manager.change_policies(now, &change, fx));
    world.kill("s3");
    world.run(5);
    assert_eq!(world.active(), ["s1"]);
    world.start("s3");
    world.run(60);
    assert_eq!(world.active(), ["s1"]);
}
