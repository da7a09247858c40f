//! What an administrator can do to an instance, and what the HA manager makes of it.

use super::active_and_standby;
use super::world::{DATABASE, ENGINE, SERVERS, World, reenable, server};
use crate::application_server::definition::ApplicationServerDefinition;
use crate::application_server::frame::AdministrationRequest;
use crate::machine::StopMode;
use crate::messaging_engine::EngineState;
use crate::messaging_engine::definition::WasLevel;

#[test]
fn an_active_instance_that_is_disabled_stops_and_the_other_server_runs_the_engine() {
    let mut world = World::started(server(WasLevel::V8_5, |_| {}));
    let (active, standby) = active_and_standby(&world);
    world.administer(active, AdministrationRequest::DisableMember(ENGINE.into()));
    world.run(30);
    assert_eq!(world.last("messaging_engine_started"), Some(standby));
    assert_eq!(world.states(active).last(), Some(&EngineState::Joined));
    let (disabled, started) = (world.first("group_member_disabled"), world.last("messaging_engine_stopped"));
    assert_eq!((disabled.map(|(_, who)| who), started), (Some(active), Some(active)));
    // Enabled, it stands by, and takes over when it is needed.
    world.administer(active, AdministrationRequest::EnableMember(ENGINE.into()));
    world.run(30);
    assert_eq!(world.count("messaging_engine_started"), 2);
    world.kill(standby);
    world.run(30);
    assert_eq!((world.count("messaging_engine_started"), world.last("messaging_engine_started")), (3, Some(active)));
}

#[test]
fn an_instance_that_waits_for_its_store_can_be_disabled() {
    let mut world = World::new(server(WasLevel::V8_5, |_| {}));
    world.kill(DATABASE);
    for name in SERVERS {
        world.start(name);
    }
    world.run(30);
    let first = world.last("messaging_engine_starting").expect("one is activated").to_owned();
    world.administer(&first, AdministrationRequest::DisableMember(ENGINE.into()));
    world.run(30);
    assert_ne!(world.last("messaging_engine_starting"), Some(first.as_str()));
    assert_eq!(world.first("group_member_disabled").map(|(_, who)| who), Some(first.as_str()));
}

#[test]
fn what_an_administrator_disables_is_not_enabled_again_by_itself() {
    let definition = ApplicationServerDefinition {
        automatic_reenable: reenable(30, None),
        ..server(WasLevel::V8_5, super::impatient)
    };
    let mut world = World::started(definition);
    let (active, standby) = active_and_standby(&world);
    world.kill(DATABASE);
    while world.first("group_member_disabled").is_none() {
        world.run(1);
    }
    for name in [active, standby] {
        world.administer(name, AdministrationRequest::DisableMember(ENGINE.into()));
    }
    world.run(600);
    assert_eq!(world.count("engine_reenabled"), 0);
}

#[test]
fn an_instance_that_an_administrator_enabled_is_not_enabled_a_second_time() {
    let definition = ApplicationServerDefinition {
        automatic_reenable: reenable(30, None),
        ..server(WasLevel::V8_5, super::impatient)
    };
    let mut world = World::started(definition);
    let (active, standby) = active_and_standby(&world);
    world.administer(standby, AdministrationRequest::DisableMember(ENGINE.into()));
    world.kill(DATABASE);
    while world.count("group_member_disabled") < 2 {
        world.run(1);
    }
    world.start(DATABASE);
    world.administer(active, AdministrationRequest::EnableMember(ENGINE.into()));
    world.run(60);
    assert_eq!((world.last("messaging_engine_started"), world.count("engine_reenabled")), (Some(active), 0));
}

#[test]
fn an_instance_that_is_stopped_while_it_starts_is_active_and_can_be_started() {
    let mut world = World::new(server(WasLevel::V8_5, |_| {}));
    world.kill(DATABASE);
    for name in SERVERS {
        world.start(name);
    }
    world.run(30);
    let first = world.last("messaging_engine_starting").expect("one is activated").to_owned();
    assert_eq!(world.count("group_member_activated"), 0);
    world.administer(&first, AdministrationRequest::StopEngine(ENGINE.into(), StopMode::Quiesce));
    world.run(1);
    assert_eq!((world.states(&first).last(), world.count("group_member_activated")), (Some(&EngineState::Stopped), 1));
    world.start(DATABASE);
    world.run(10);
    world.administer(&first, AdministrationRequest::StartEngine(ENGINE.into()));
    world.run(30);
    assert_eq!(world.last("messaging_engine_started"), Some(first.as_str()));
}
