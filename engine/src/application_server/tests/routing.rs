//! Connection proximity and target significance.

use std::collections::BTreeMap;

use super::world;
use crate::application_server::definition::{ApplicationServerDefinition, ServerPlace};
use crate::application_server::routing::{Wanted, route, subject};
use crate::messaging_engine::definition::WasLevel;
use crate::messaging_engine::frame::{BusReply, ConnectionProximity, Target, TargetSignificance};
use crate::name::ProcessName;

/// The bootstrap server `here`; others at growing distance, each with an engine named after it.
fn definition() -> ApplicationServerDefinition {
    let place = |name: &str, host: &str, cluster: &str| {
        let place = ServerPlace { address: name.into(), cluster: cluster.into(), host: host.to_owned() };
        (ProcessName::from(name), place)
    };
    let servers = [
        place("here", "h1", "c1"),
        place("host", "h1", "c2"),
        place("cluster", "h2", "c1"),
        place("bus", "h3", "c3"),
        place("bus2", "h4", "c3"),
    ];
    let members = servers.iter().map(|(name, place)| (name.as_str().into(), place.cluster.clone())).collect();
    let mut definition = world::server(WasLevel::V8_5, |_| {});
    definition.process = "here".into();
    definition.servers = std::sync::Arc::new(servers.into());
    definition.bus_members = std::sync::Arc::new(members);
    definition
}

/// Where a client is sent if engines run on these servers.
fn sent(running: &[&str], wanted: &Wanted, turn: usize) -> Option<String> {
    let post = |name: &&str| {
        let posts: BTreeMap<ProcessName, String> = [(ProcessName::from(*name), "started".to_owned())].into();
        (subject(&(*name).into()), posts)
    };
    let mut board: BTreeMap<String, BTreeMap<ProcessName, String>> = running.iter().map(post).collect();
    board.insert("another subject".to_owned(), [(ProcessName::from("here"), String::new())].into());
    match route(&definition(), &board, wanted, turn)? {
        BusReply::Redirect { server, engine } => {
            assert_eq!(server.as_str(), engine.as_str());
            Some(server.as_str().to_owned())
        }
        other => panic!("{other:?}"),
    }
}

fn wanted(target: Target, significance: TargetSignificance, proximity: ConnectionProximity) -> Wanted {
    Wanted { target, significance, proximity }
}

fn near(proximity: ConnectionProximity) -> Wanted {
    wanted(Target::Any, TargetSignificance::Preferred, proximity)
}

#[test]
fn the_nearest_engine_is_chosen() {
    let anywhere = near(ConnectionProximity::Bus);
    for (running, chosen) in [
        (&["bus", "cluster", "host", "here"][..], "here"),
        (&["bus", "cluster", "host"], "host"),
        (&["bus", "cluster"], "cluster"),
        (&["bus"], "bus"),
    ] {
        assert_eq!(sent(running, &anywhere, 0).as_deref(), Some(chosen));
    }
    assert_eq!(sent(&[], &anywhere, 0), None);
}

#[test]
fn no_engine_is_chosen_that_is_farther_than_the_proximity_allows() {
    let others = ["bus", "cluster", "host"];
    assert_eq!(sent(&others, &near(ConnectionProximity::Server), 0), None);
    assert_eq!(sent(&["bus", "cluster"], &near(ConnectionProximity::Host), 0), None);
    assert_eq!(sent(&["bus"], &near(ConnectionProximity::Cluster), 0), None);
    assert_eq!(sent(&["bus", "cluster"], &near(ConnectionProximity::Cluster), 0).as_deref(), Some("cluster"));
}

#[test]
fn another_engine_will_do_only_if_the_target_is_preferred() {
    let member = || Target::BusMember("c3".into());
    for (significance, instead) in [(TargetSignificance::Preferred, Some("here")), (TargetSignificance::Required, None)]
    {
        let wanted = wanted(member(), significance, ConnectionProximity::Bus);
        assert_eq!(sent(&["here", "bus"], &wanted, 0).as_deref(), Some("bus"), "the target is there");
        assert_eq!(sent(&["here"], &wanted, 0).as_deref(), instead);
    }
    let engine = wanted(Target::MessagingEngine("bus2".into()), TargetSignificance::Required, ConnectionProximity::Bus);
    assert_eq!(sent(&["here", "bus", "bus2"], &engine, 0).as_deref(), Some("bus2"));
    assert_eq!(sent(&["here", "bus"], &engine, 0), None);
}

#[test]
fn clients_are_spread_over_engines_at_the_same_distance() {
    let anywhere = near(ConnectionProximity::Bus);
    let chosen: Vec<_> = (0..4).filter_map(|turn| sent(&["bus", "bus2"], &anywhere, turn)).collect();
    assert_eq!(chosen, ["bus", "bus2", "bus", "bus2"]);
}
