//! Runs of small scenarios, and what came of them.

use std::path::Path;

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
