//! Runs of small scenarios, and what came of them.

use std::path::Path;

use indoubt_ledger::outage::{Beginning, CauseKind};

use super::*;
use crate::scenario::parse;

fn outcome_of(text: &str) -> RunOutcome {
    let scenario = parse(Path::new("small.ron"), text).map_err(|wrong| wrong.render(false)).expect("a scenario");
    let scenario = Arc::new(scenario);
    run(&RunRequest { scenario, seed: 0, defect: None, keep: Keep::Report }).expect("the testbed holds")
}

/// Everybody who has ended is started when the world heals, operators as well.
#[test]
fn an_operator_who_comes_back_types_nothing_twice() {
    let outcome = outcome_of(
        r#"(
            about: "An administrator stops an engine and starts it again.",
            topology: (
                hosts: { "node1": (), "node2": (), "dbhost": (), "office": () },
                databases: { "SIBDB": (host: "dbhost") },
                cell: (
                    was_level: "8.5",
                    clusters: {
                        "cluster1": (
                            servers: { "server1": (host: "node1"), "server2": (host: "node2") },
                            policy_assistance: HIGH_AVAILABILITY,
                            message_store: data_store(database: "SIBDB"),
                        ),
                    },
                    bus: (name: "PAYMENTS", queues: { "REQUEST": (reliability: ASSURED_PERSISTENT) }),
                ),
            ),
            workload: [
                producer(
                    name: "branch", runs_on: ["office"], connect: bus(bootstrap: ["server1", "server2"]),
                    queues: ["REQUEST"], count: 20, interval: "1s",
                ),
                operator(
                    name: "operator", runs_on: ["office"], connect: administration(),
                    actions: [
                        (at: "5s", command: stop_engine(server: "server1")),
                        (at: "8s", command: start_engine(server: "server1")),
                    ],
                ),
            ],
        )"#,
    );
    let count = |name| outcome.events.iter().find(|(known, _)| *known == name).map(|(_, count)| *count);
    assert_eq!(count("messaging_engine_stopped"), Some(1));
    assert_eq!(count("messaging_engine_started"), Some(2));
}

/// A scenario of the family of messaging engines, as it is shipped.
fn shipped(name: &str) -> RunOutcome {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/messaging-engine");
    let text = std::fs::read_to_string(format!("{folder}/{name}.ron")).expect("a shipped scenario");
    outcome_of(&text)
}

const SECOND_NS: u64 = 1_000_000_000;

#[test]
fn a_server_that_stands_still_takes_its_queue_out_of_service_for_as_long() {
    let outages = shipped("hung-server-long-locks").judgement.outages;
    assert!(outages.iter().any(|outage| outage.lasted_ns() > 299 * SECOND_NS), "{outages:?}");
}

#[test]
fn the_outage_of_one_queue_point_is_not_hidden_by_another() {
    let outages = shipped("policy-assistance-scalability").judgement.outages;
    let [outage] = outages.as_slice() else { panic!("{outages:?}") };
    assert_eq!(outage.point.as_deref(), Some("cluster1.000-PAYMENTS"));
    assert!(outage.lasted_ns() > 200 * SECOND_NS, "{outage:?}");
}

#[test]
fn a_producer_that_finds_no_engine_is_demand() {
    let outages = shipped("no-engine-known-within-linger").judgement.outages;
    let longest = outages.iter().max_by_key(|outage| outage.lasted_ns()).expect("one");
    assert_eq!((longest.queue.as_str(), longest.beginning), ("PAYMENT", Beginning::NotConnected));
    assert!(longest.lasted_ns() > 100 * SECOND_NS, "{longest:?}");
}

#[test]
fn a_planned_move_is_the_cause_of_its_outage_and_what_is_usual_was_before_it() {
    let outages = shipped("policy-changed-while-running").judgement.outages;
    let first = &outages[0].cause;
    assert_eq!((first.kind, first.at_ns / SECOND_NS, first.is_direct), (CauseKind::TakenAway, 60, true));
    assert!(outages[0].usual_ns < outages[0].lasted_ns() / 10, "{outages:?}");
}

#[test]
fn an_outage_is_put_down_to_the_end_of_the_server_that_ran_the_engine() {
    let outages = shipped("lone-member-does-not-start").judgement.outages;
    let [outage] = outages.as_slice() else { panic!("{outages:?}") };
    assert!(outage.cause.text.starts_with("node1 loses power"), "{outage:?}");
}

#[test]
fn beans_that_stand_by_are_not_interrupted() {
    let judgement = shipped("message-driven-beans-follow-the-engine").judgement;
    assert!(judgement.standing_by.iter().any(|bean| bean == "booking.3"), "{judgement:?}");
    let interrupted = |bean: &str| judgement.interruptions.iter().find(|one| one.process == bean).map(|one| one.to_ns);
    assert!(matches!(interrupted("booking.3"), Some(Some(_))), "{:?}", judgement.interruptions);
}
