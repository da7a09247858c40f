//! What an application server adds to its parts, claim by claim.

mod administration;
mod routing;
mod world;

use std::sync::Arc;

use world::{AGENT, DATABASE, SERVERS, World, process, reenable, server};

use crate::application_server::definition::{ApplicationServerDefinition, StoreDefinition};
use crate::ha_manager::policy::{Policy, PolicySet};
use crate::machine::{Ended, Input, StopMode};
use crate::messaging_engine::EngineState;
use crate::messaging_engine::definition::{EngineUuid, MessagingEngineDefinition, WasLevel};
use crate::messaging_engine::frame::{BusCall, BusReason, BusReply, ConnectionProximity, Target, TargetSignificance};
use crate::messaging_engine::store::data_store::DataStoreDefinition;
use crate::time::Duration;

/// A store that gives up soon.
fn impatient(store: &mut DataStoreDefinition) {
    store.initial_wait = Duration::from_secs(10);
    store.retry_maximum = Duration::from_secs(60);
}

#[test]
fn nothing_is_activated_before_two_members_of_the_core_group_are_there() {
    let mut world = World::new(server(WasLevel::V8_5, |_| {}));
    world.start(SERVERS[0]);
    world.run(600);
    assert_eq!(world.count("messaging_engine_starting"), 0);
    assert_eq!(world.states(SERVERS[0]), [EngineState::Joining]);
    world.start(AGENT);
    world.run(60);
    assert_eq!(world.last("messaging_engine_started"), Some(SERVERS[0]));
    let states = [EngineState::Joining, EngineState::Joined, EngineState::Starting, EngineState::Started];
    assert_eq!(world.states(SERVERS[0]), states);
}

#[test]
fn the_death_of_the_active_server_moves_the_engine() {
    let mut world = World::started(server(WasLevel::V8_5, |_| {}));
    let (first, second) = active_and_standby(&world);
    world.kill(first);
    world.run(5);
    assert_eq!((world.count("messaging_engine_started"), world.last("messaging_engine_started")), (2, Some(second)));
}

fn active_and_standby(world: &World) -> (&'static str, &'static str) {
    let active = world.last("messaging_engine_started").expect("one is active");
    if active == SERVERS[0] { (SERVERS[0], SERVERS[1]) } else { (SERVERS[1], SERVERS[0]) }
}

/// HMGR0130I: "the JVM will be terminated".
fn announces_the_end(world: &World) -> bool {
    world.events.iter().any(|(_, _, event)| event.to_string().contains("HMGR0130I"))
}

#[test]
fn up_to_8_0_a_server_whose_engine_is_not_alive_is_ended() {
    for level in [WasLevel::V7, WasLevel::V8] {
        let mut world = World::started(server(level, |_| {}));
        let (active, _) = active_and_standby(&world);
        world.kill(DATABASE);
        // The next refresh of the lock and a short patience, then the next question whether it is alive.
        world.run(20 + 9 + 2 + 120 + 1);
        let reason = Ended::Abnormally("HMGR0130I: an engine is not alive");
        assert_eq!(world.ended, [(process(active), reason)], "{level:?}");
        assert!(announces_the_end(&world));
        assert_eq!(world.first("server_terminated").map(|(_, who)| who), Some(active));
    }
}

#[test]
fn from_8_5_only_the_engine_is_stopped_and_it_is_enabled_again_after_a_period() {
    let definition =
        ApplicationServerDefinition { automatic_reenable: reenable(30, None), ..server(WasLevel::V8_5, impatient) };
    let mut world = World::started(definition);
    let (active, _) = active_and_standby(&world);
    world.kill(DATABASE);
    world.run(60 + 120 + 60);
    assert!(world.runs(active) && world.ended.is_empty(), "{:?}", world.ended);
    assert!(!announces_the_end(&world));
    let (disabled_at, who) = world.first("group_member_disabled").expect("it is disabled");
    assert_eq!(who, active);
    let (enabled_at, who) = world.first("engine_reenabled").expect("it is enabled again");
    assert_eq!((enabled_at.since(disabled_at), who), (Duration::from_secs(30), active));
}

#[test]
fn an_instance_is_enabled_again_so_often_and_no_oftener() {
    for count in [0, 2] {
        let definition = ApplicationServerDefinition {
            automatic_reenable: reenable(30, Some(count)),
            ..server(WasLevel::V8_5, impatient)
        };
        let mut world = World::started(definition);
        world.kill(DATABASE);
        world.run(3_600);
        for name in SERVERS {
            let enabled = world
                .events
                .iter()
                .filter(|(_, who, event)| who.as_str() == name && event.name() == "engine_reenabled");
            assert_eq!(enabled.count(), count as usize, "{name}");
        }
    }
}

#[test]
fn a_start_that_fails_is_tried_on_the_other_server() {
    let mut world = World::new(server(WasLevel::V8_5, impatient));
    world.kill(DATABASE);
    for name in [AGENT, SERVERS[0], SERVERS[1]] {
        world.start(name);
    }
    world.run(120);
    let mut tried: Vec<&str> = world
        .events
        .iter()
        .filter(|(_, _, event)| event.name() == "messaging_engine_start_failed")
        .map(|(_, who, _)| who.as_str())
        .collect();
    tried.sort_unstable();
    assert_eq!(tried, SERVERS);
}

/// The engine has run, nobody runs now.
fn with_tables() -> World {
    let mut world = World::new(server(WasLevel::V8_5, |_| {}));
    world.start(AGENT);
    world.start(SERVERS[0]);
    world.run(60);
    assert_eq!(world.count("messaging_engine_started"), 1);
    world.kill(SERVERS[0]);
    world.run(60);
    world
}

#[test]
fn an_error_that_no_other_server_would_escape_is_not_failed_over() {
    let mut world = with_tables();
    world.spoil_owner();
    world.start(SERVERS[0]);
    world.start(SERVERS[1]);
    world.run(1_200);
    assert_eq!(world.count("messaging_engine_failed_globally"), 1, "one server tries, once");
    assert_eq!(world.count("messaging_engine_started"), 1);
}

#[test]
fn a_common_mode_error_is_not_failed_back_to_a_server_that_is_preferred() {
    let mut world = with_tables();
    world.spoil_owner();
    world.redefine(|definition| {
        let engine = Policy::one_of_n("own", &[("type", "WSAF_SIB"), ("WAS_CLUSTER", "cluster1")]);
        let policy = Policy { preferred_servers: vec![process(SERVERS[1])], fail_back: true, ..engine };
        Arc::make_mut(&mut definition.core_group).policies = PolicySet::with_default(vec![policy]);
    });
    world.kill(AGENT);
    world.start(AGENT);
    world.start(SERVERS[0]);
    world.run(60);
    assert_eq!(world.first("messaging_engine_failed_globally").map(|(_, who)| who), Some(SERVERS[0]));
    world.start(SERVERS[1]);
    world.run(600);
    assert_eq!((world.count("deactivation_ordered"), world.count("messaging_engine_failed_globally")), (0, 1));
}

#[test]
fn tables_of_another_engine_disable_it_on_one_server_after_the_other() {
    let mut world = with_tables();
    // The engine was deleted and created again, its tables were not.
    world.redefine(|definition| {
        let uuid = EngineUuid("E2".to_owned());
        for instance in &mut definition.engines {
            let engine = MessagingEngineDefinition { uuid: uuid.clone(), ..(*instance.engine).clone() };
            instance.engine = engine.into();
            if let StoreDefinition::Data(store) = &mut instance.store {
                store.uuid = uuid.clone();
            }
        }
    });
    world.start(SERVERS[0]);
    world.start(SERVERS[1]);
    world.run(1_200);
    assert_eq!(world.count("store_of_another_engine"), 2, "each server tries, once");
    assert_eq!(world.count("group_member_disabled"), 2);
    assert_eq!(world.count("messaging_engine_started"), 1);
}

fn bootstrap() -> BusCall {
    BusCall::Bootstrap {
        bus: "BUS".into(),
        target: Target::Any,
        significance: TargetSignificance::Preferred,
        proximity: ConnectionProximity::Bus,
    }
}

#[test]
fn a_client_is_kept_waiting_for_an_engine_and_then_sent_away() {
    let mut world = World::new(server(WasLevel::V8_5, |_| {}));
    world.start(SERVERS[0]);
    world.run(10);
    let asked_at = world.now;
    world.ask(SERVERS[0], bootstrap());
    world.run(10);
    let refused = BusReply::Failed(BusReason::NoMessagingEngine);
    assert_eq!(world.answers, [(asked_at + Duration::from_secs(3), refused)]);
}

#[test]
fn a_client_that_waits_is_sent_on_as_soon_as_an_engine_runs() {
    let mut world = World::started(server(WasLevel::V8_5, |_| {}));
    let (active, standby) = active_and_standby(&world);
    world.kill(active);
    world.run(0);
    let asked_at = world.now;
    world.ask(standby, bootstrap());
    // The board may still name the server that is gone; ask again once the new view is there.
    world.run(5);
    let (started_at, who) = world
        .events
        .iter()
        .rfind(|(_, _, event)| event.name() == "messaging_engine_started")
        .map(|(at, who, _)| (*at, who.as_str()))
        .expect("started");
    assert_eq!(who, standby);
    assert!(started_at.since(asked_at) < Duration::from_secs(3));
    world.answers.clear();
    world.ask(standby, bootstrap());
    let [(_, BusReply::Redirect { server, .. })] = world.answers.as_slice() else { panic!("{:?}", world.answers) };
    assert_eq!(server.as_str(), format!("{standby}/clients"));
}

#[test]
fn a_client_of_another_bus_is_sent_away_at_once() {
    let mut world = World::started(server(WasLevel::V8_5, |_| {}));
    let call = BusCall::Bootstrap {
        bus: "OTHER".into(),
        target: Target::Any,
        significance: TargetSignificance::Preferred,
        proximity: ConnectionProximity::Bus,
    };
    let asked_at = world.now;
    world.ask(SERVERS[0], call);
    assert_eq!(world.answers, [(asked_at, BusReply::Failed(BusReason::NoMessagingEngine))]);
}

/// Also when it is the coordinator itself, and first in every list.
#[test]
fn a_server_that_stops_is_not_given_its_engine_back() {
    let mut definition = server(WasLevel::V8_5, |_| {});
    Arc::make_mut(&mut definition.core_group).preferred_coordinators = vec![process(SERVERS[0])];
    let mut world = World::started(definition);
    assert_eq!(world.last("messaging_engine_started"), Some(SERVERS[0]));
    world.input(SERVERS[0], Input::Stop(StopMode::Quiesce));
    world.run(60);
    let starts = world.events.iter().filter(|(_, _, event)| event.name() == "messaging_engine_starting");
    assert_eq!(starts.map(|(_, who, _)| who.as_str()).collect::<Vec<_>>(), SERVERS);
    assert_eq!(world.ended, [(process(SERVERS[0]), Ended::Normally)]);
}

#[test]
fn a_server_stops_in_good_order_after_its_engine_which_moves() {
    let mut world = World::started(server(WasLevel::V8_5, |_| {}));
    let (active, standby) = active_and_standby(&world);
    world.input(active, Input::Stop(StopMode::Quiesce));
    world.run(60);
    assert_eq!(world.ended, [(process(active), Ended::Normally)]);
    let of_active: Vec<&str> = world
        .events
        .iter()
        .filter(|(_, who, _)| who.as_str() == active)
        .map(|(_, _, event)| event.name())
        .filter(|name| ["messaging_engine_stopped", "server_stopped", "messaging_engine_failed"].contains(name))
        .collect();
    assert_eq!(of_active, ["messaging_engine_stopped", "server_stopped"]);
    assert_eq!(world.last("messaging_engine_started"), Some(standby));
}
