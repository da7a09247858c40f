//! Mistakes in the description of a cell, and what is said of them.

use super::mistakes::refused;

/// A cell that is right, with a place for everything that can be wrong.
pub(super) const CELL: &str = r#"(
    about: "A cell.",
    topology: (
        hosts: { "node1": (), "node2": (), "dbhost": (), "office": () },
        databases: { "SIBDB": (host: "dbhost") },
        file_servers: { "NAS01": (host: "dbhost") },
        cell: (
            was_level: "8.5",
            clusters: {
                "cluster1": (
                    servers: { "server1": (host: "node1"), "server2": (host: "node2") },
                    policy_assistance: HIGH_AVAILABILITY,
                    message_store: data_store(database: "SIBDB"),
                ),
                "cluster2": (
                    servers: { "server3": (host: "node1") },
                    message_store: file_store(file_server: "NAS01"),
                ),
            },
            policies: {
                "pinned": (
                    type: ONE_OF_N,
                    match_criteria: { "type": "WSAF_SIB", "WSAF_SIB_MESSAGING_ENGINE": "cluster2.000-PAYMENTS" },
                    preferred_servers: ["server3"],
                ),
            },
            bus: (
                name: "PAYMENTS",
                queues: {
                    "REQUEST": (bus_member: "cluster1", max_reliability: RELIABLE_PERSISTENT),
                    "ORDERS": (bus_member: "cluster2"),
                },
            ),
        ),
    ),
    workload: [
        producer(
            name: "branch", runs_on: ["office"], connect: bus(bootstrap: ["server1", "server3"]),
            queues: ["REQUEST"], reliability: EXPRESS_NONPERSISTENT,
        ),
        consumer(
            name: "booking", runs_on: ["office"], connect: bus(target: bus_member("cluster1")), queue: "REQUEST",
        ),
        operator(
            name: "operator", runs_on: ["office"], connect: administration(),
            actions: [(at: "10s", command: stop_engine(server: "server1", mode: FORCE))],
        ),
    ],
    faults: [(when: at("20s"), what: kill("server1"))],
    expect: (reach: ["messaging_engine_started"]),
)"#;

/// The cell with one thing changed is refused at the thing.
#[track_caller]
fn spoilt(from: &str, to: &str, marked: &str, wanted: &[&str]) {
    assert_eq!(CELL.matches(from).count(), 1, "the cell has one {from}");
    refused(&CELL.replacen(from, to, 1), marked, wanted);
}

#[test]
fn the_cell_is_right_before_it_is_spoilt() {
    if let Err(diagnostics) = crate::scenario::parse(std::path::Path::new("cell.ron"), CELL) {
        panic!("{}", diagnostics.render(false));
    }
}

#[test]
fn what_keeps_messages_must_be_there() {
    let wanted = ["no database SIBDC; did you mean SIBDB?"];
    spoilt("data_store(database: \"SIBDB\")", "data_store(database: \"SIBDC\")", "\"SIBDC\"", &wanted);
    let wanted = ["a schema has a name"];
    spoilt("data_store(database: \"SIBDB\")", "data_store(database: \"SIBDB\", schema: \"\")", "\"\"", &wanted);
    let wanted = ["no file server NAS02; did you mean NAS01?"];
    spoilt("file_store(file_server: \"NAS01\")", "file_store(file_server: \"NAS02\")", "\"NAS02\"", &wanted);
    let wanted = ["this duration must be longer than zero"];
    let soft = "file_store(file_server: \"NAS01\", soft_timeout: \"0s\")";
    spoilt("file_store(file_server: \"NAS01\")", soft, "\"0s\"", &wanted);
    let wanted = ["no message store", "data_store(database: \"SIBDB\")"];
    spoilt("file_store(file_server: \"NAS01\")", "flat_file(path: \"/tmp\")", "flat_file", &wanted);
    let wanted = ["a cluster needs `message_store`"];
    spoilt(
        "\n                    message_store: file_store(file_server: \"NAS01\"),",
        "",
        "(\n                    servers: { \"server3\"",
        &wanted,
    );
}

/// It is what goes wrong in the field.
#[test]
fn two_engines_may_have_one_schema() {
    let store = "data_store(database: \"SIBDB\", schema: \"SHARED\")";
    let text = CELL.replacen("data_store(database: \"SIBDB\")", store, 1);
    let text = text.replacen("file_store(file_server: \"NAS01\")", store, 1);
    if let Err(diagnostics) = crate::scenario::parse(std::path::Path::new("cell.ron"), &text) {
        panic!("{}", diagnostics.render(false));
    }
}

#[test]
fn a_queue_of_the_bus_says_where_it_is_if_there_are_several_clusters() {
    let wanted = ["a queue of the bus needs `bus_member`: there are several clusters"];
    spoilt(
        "\"ORDERS\": (bus_member: \"cluster2\")",
        "\"ORDERS\": ()",
        "()\u{2c}\n                },\n            ),",
        &wanted,
    );
    let wanted = ["no cluster cluster3; did you mean"];
    spoilt("\"ORDERS\": (bus_member: \"cluster2\")", "\"ORDERS\": (bus_member: \"cluster3\")", "\"cluster3\"", &wanted);
}

#[test]
fn policies_that_run_an_engine_twice_are_refused() {
    spoilt("type: ONE_OF_N", "type: ALL_ACTIVE", "ALL_ACTIVE", &["All active", "corrupting data"]);
    spoilt("type: ONE_OF_N", "type: m_of_n(2)", "m_of_n(2)", &["M of N", "corrupting data"]);
    let wanted = ["no application server server9; did you mean"];
    spoilt("preferred_servers: [\"server3\"]", "preferred_servers: [\"server9\"]", "\"server9\"", &wanted);
    let wanted = ["preferred_servers_only and fail_back need preferred_servers"];
    let custom = "policy_assistance: custom(messaging_engines: [(fail_back: YES)])";
    spoilt("policy_assistance: HIGH_AVAILABILITY", custom, "(fail_back: YES)", &wanted);
}

/// Nothing is wrong with the cell and these changes of it.
#[track_caller]
fn accepted(changes: &[(&str, &str)]) {
    let text = changes.iter().fold(CELL.to_owned(), |text, (from, to)| text.replacen(from, to, 1));
    if let Err(diagnostics) = crate::scenario::parse(std::path::Path::new("cell.ron"), &text) {
        panic!("{}", diagnostics.render(false));
    }
}

const POLICIES: &str = "{\n                \"pinned\"";

#[test]
fn an_engine_that_two_policies_match_equally_well_is_refused() {
    let own = "\"WSAF_SIB_MESSAGING_ENGINE\": \"cluster2.000-PAYMENTS\"";
    let same = "\"WSAF_SIB_MESSAGING_ENGINE\": \"cluster1.000-PAYMENTS\"";
    let wanted = ["cluster1.000-PAYMENTS and pinned match cluster1.000-PAYMENTS equally well"];
    spoilt(own, same, POLICIES, &wanted);
    // It takes the place of the one that policy assistance made; or the scenario is about that.
    accepted(&[(own, same), ("\"pinned\":", "\"cluster1.000-PAYMENTS\":")]);
    accepted(&[(own, same), ("\"messaging_engine_started\"", "\"ambiguous_policy\"")]);
    let wanted = ["Default SIBus Policy and pinned match cluster2.000-PAYMENTS equally well"];
    spoilt(&format!(", {own}"), "", POLICIES, &wanted);
    accepted(&[(&format!(", {own}"), ""), ("\"pinned\":", "\"Default SIBus Policy\":")]);
}

#[test]
fn a_change_of_policies_is_possible_when_it_is_made() {
    let stop = "stop_engine(server: \"server1\", mode: FORCE)";
    let change = |of: &str| format!("change_policies({of})");
    let wanted = ["there is no policy pined at this time; did you mean pinned?"];
    spoilt(stop, &change("remove_policies: [\"pined\"]"), "change_policies", &wanted);
    accepted(&[(stop, &change("remove_policies: [\"pinned\"]"))]);
    let of_engine = "\"WSAF_SIB_MESSAGING_ENGINE\": \"cluster2.000-PAYMENTS\"";
    let criteria = format!("match_criteria: {{ \"type\": \"WSAF_SIB\", {of_engine} }}");
    let another = format!("policies: {{ \"pinned\": (type: NO_OPERATION, {criteria}) }}");
    spoilt(stop, &change(&another), "change_policies", &["the type of a policy cannot be changed: pinned"]);
    accepted(&[(stop, &change(&format!("remove_policies: [\"pinned\"], {another}")))]);
    let one_more = format!("policies: {{ \"more\": (type: ONE_OF_N, {criteria}) }}");
    let wanted = ["pinned and more match cluster2.000-PAYMENTS equally well"];
    spoilt(stop, &change(&one_more), "change_policies", &wanted);
    spoilt(stop, "change_policies()", "change_policies", &["a change of policies needs `policies`"]);
}

#[test]
fn an_interval_of_the_core_group_holds_for_somebody() {
    let level = "was_level: \"8.5\",";
    let with_interval = "was_level: \"8.5\", core_group: (is_alive: \"10s\"),";
    accepted(&[(level, with_interval)]);
    let own = "preferred_servers: [\"server3\"],";
    let with_own = "preferred_servers: [\"server3\"], is_alive: \"20s\",";
    let assistance = "policy_assistance: HIGH_AVAILABILITY,";
    accepted(&[(level, with_interval), (assistance, "")]);
    let text = CELL.replacen(level, with_interval, 1).replacen(assistance, "", 1).replacen(own, with_own, 1);
    refused(&text, "\"10s\"", &["no engine is asked at this interval", "the Default SIBus Policy asks every 120s"]);
}

#[test]
fn reliability_has_a_maximum() {
    let wanted = ["REQUEST takes messages of at most", "every send would be refused"];
    spoilt("reliability: EXPRESS_NONPERSISTENT", "reliability: ASSURED_PERSISTENT", "ASSURED_PERSISTENT", &wanted);
    // A delivery mode is another word for a level.
    let express = ", reliability: EXPRESS_NONPERSISTENT";
    let both = ", persistence: NO, reliability: EXPRESS_NONPERSISTENT";
    let wanted = ["either persistence, which the connection factory maps to a level, or the level"];
    spoilt(express, both, "EXPRESS_NONPERSISTENT", &wanted);
    let text = CELL.replacen("max_reliability: RELIABLE_PERSISTENT", "max_reliability: EXPRESS_NONPERSISTENT", 1);
    let wanted = ["REQUEST takes messages of at most EXPRESS_NONPERSISTENT", "persistent_mapping: AS_DESTINATION"];
    let persistent = text.replacen(express, ", persistence: YES", 1);
    refused(&persistent, "YES,\n        ),\n        consumer(", &wanted);
    refused(&text.replacen(express, "", 1), "producer(", &wanted);
    let misspelt = "[\"server1\", \"server3\"], nonpersistent_mapping: AS_DESTINATOIN";
    spoilt("[\"server1\", \"server3\"]", misspelt, "AS_DESTINATOIN", &["did you mean AS_DESTINATION?"]);
    let wanted = ["is above the maximum"];
    spoilt(
        "max_reliability: RELIABLE_PERSISTENT",
        "max_reliability: EXPRESS_NONPERSISTENT, reliability: ASSURED_PERSISTENT",
        "ASSURED_PERSISTENT",
        &wanted,
    );
}

#[test]
fn what_queue_managers_have_and_a_bus_has_not_is_refused() {
    let server = "server(name: \"booking\", runs_on: [\"office\"], persistence: YES, connect: ";
    let text = CELL.replacen("consumer(\n            name: \"booking\", runs_on: [\"office\"], connect: ", server, 1);
    let text = text.replacen("queue: \"REQUEST\"", "request_queue: \"REQUEST\"", 1);
    refused(&text, "YES, connect", &["on a bus a server sends with the reliability of its request"]);
    let wanted = ["`browse_first` is for queues of queue managers; of a bus it is not modelled"];
    let consumer = "connect: bus(target: bus_member(\"cluster1\")), queue: \"REQUEST\",";
    spoilt(consumer, &format!("{consumer} browse_first: YES,"), "YES,\n        ),\n        operator", &wanted);
    let wanted = ["`exclusive` is for queues of queue managers"];
    spoilt(consumer, &format!("{consumer} exclusive: YES,"), "YES,\n        ),\n        operator", &wanted);
    let wanted = ["a connection tag serialises connections to queue managers"];
    spoilt(consumer, &format!("{consumer} conntag: \"TAG\","), "\"TAG\"", &wanted);
}

#[test]
fn what_a_level_does_not_have_is_refused() {
    let store = "data_store(database: \"SIBDB\")";
    let restricted = "data_store(database: \"SIBDB\", restrict_long_running_locks: YES)";
    let text = CELL.replacen("\"8.5\"", "\"7.0\"", 1).replacen(store, restricted, 1);
    refused(&text, "YES)", &["restricted long-running locks need level 8.5; this cell is 7.0"]);
    spoilt("was_level: \"8.5\"", "was_level: \"8.7\"", "\"8.7\"", &["is no level of WebSphere Application Server"]);
}

#[test]
fn clients_ask_servers_that_there_are_for_engines_that_there_are() {
    let wanted = ["no application server server7; did you mean"];
    spoilt("bootstrap: [\"server1\", \"server3\"]", "bootstrap: [\"server7\"]", "\"server7\"", &wanted);
    let wanted = ["a client asks at least one bootstrap server"];
    spoilt("bootstrap: [\"server1\", \"server3\"]", "bootstrap: []", "[]),\n            queues", &wanted);
    let wanted = ["no messaging engine cluster1.001-PAYMENTS; did you mean cluster1.000-PAYMENTS?"];
    let engine = "target: engine(\"cluster1.001-PAYMENTS\")";
    spoilt("target: bus_member(\"cluster1\")", engine, "\"cluster1.001-PAYMENTS\"", &wanted);
    spoilt(
        "queues: [\"REQUEST\"]",
        "queues: [\"REQEUST\"]",
        "\"REQEUST\"",
        &["no queue REQEUST; did you mean REQUEST?"],
    );
    let wanted = ["only an operator administrates"];
    spoilt("connect: bus(target: bus_member(\"cluster1\"))", "connect: administration()", "consumer(", &wanted);
}

#[test]
fn operators_command_engines_where_they_are() {
    let wanted = ["no messaging engine cluster2.000-PAYMENTS", "cluster1.000-PAYMENTS"];
    let command = "stop_engine(server: \"server1\", engine: \"cluster2.000-PAYMENTS\")";
    spoilt("stop_engine(server: \"server1\", mode: FORCE)", command, "\"cluster2.000-PAYMENTS\")", &wanted);
    let wanted = ["no command stop_engin; did you mean stop_engine?"];
    let command = "stop_engin(server: \"server1\")";
    spoilt("stop_engine(server: \"server1\", mode: FORCE)", command, "stop_engin(", &wanted);
    let wanted = ["no application server server4; did you mean"];
    let command = "stop_engine(server: \"server4\")";
    spoilt("stop_engine(server: \"server1\", mode: FORCE)", command, "\"server4\"", &wanted);
}

#[test]
fn faults_strike_what_is_there() {
    spoilt(
        "what: kill(\"server1\")",
        "what: kill(\"server5\")",
        "\"server5\"",
        &["no", "server5; did you mean server1?"],
    );
    let text = CELL.replacen("at(\"20s\")", "step(name: \"engine.started\", process: \"SIBDB\")", 1);
    refused(&text, "step(name", &["engine.started is a step of an application server, which SIBDB is not"]);
    let disk = "what: disk(process: \"server1\", fault: tear_last_write)";
    spoilt("what: kill(\"server1\")", disk, "\"server1\", fault", &["no process with a disk server1"]);
}

const BEAN: &str = r#"name: "booking", runs_in: ["cluster1"], connect: activation_specification(), queue: "REQUEST""#;

/// The cell with a message-driven bean, with one thing changed, is refused at the thing.
#[track_caller]
fn spoilt_bean(from: &str, to: &str, marked: &str, wanted: &[&str]) {
    let client =
        r#"name: "booking", runs_on: ["office"], connect: bus(target: bus_member("cluster1")), queue: "REQUEST""#;
    assert!(CELL.contains(client) && BEAN.contains(from));
    refused(&CELL.replace(client, &BEAN.replace(from, to)), marked, wanted);
}

#[test]
fn a_message_driven_bean_runs_in_servers_and_nobody_else_does() {
    let wanted = ["a message-driven bean runs in application servers", "write runs_in"];
    spoilt_bean("runs_in: [\"cluster1\"]", "runs_on: [\"node1\"]", "[\"node1\"]", &wanted);
    let wanted = ["no application server server7", "did you mean"];
    spoilt_bean("\"cluster1\"", "\"server7\"", "\"server7\"", &wanted[..1]);
    let wanted = ["server1 is named already", "instances: 2"];
    spoilt_bean("[\"cluster1\"]", "[\"cluster1\", \"server1\"]", "\"server1\"], connect: act", &wanted);
    let wanted = ["a message-driven bean needs `runs_in`"];
    spoilt_bean("runs_in: [\"cluster1\"], ", "", "consumer(", &wanted);
    let wanted = ["only message-driven beans", "write runs_on"];
    spoilt("name: \"booking\",", "name: \"booking\", runs_in: [\"server2\"],", "[\"server2\"]", &wanted);
}

#[test]
fn a_message_driven_bean_is_connected_by_its_server_and_called_with_messages() {
    let wanted = ["said by its activation specification", "retry_interval"];
    spoilt_bean("queue:", "retry: \"1s\", queue:", "\"1s\"", &wanted);
    let wanted = ["two-phase transactions of message-driven beans are not modelled yet"];
    spoilt_bean("queue:", "syncpoint: TWO_PHASE, queue:", "consumer(", &wanted);
    let wanted = ["it is a consumer or a server", "connect: bus()"];
    let branch = "runs_on: [\"office\"], connect: bus(bootstrap: [\"server1\", \"server3\"])";
    spoilt(branch, "runs_in: [\"server1\"], connect: activation_specification()", "producer(", &wanted);
}

#[test]
fn a_cluster_outside_the_bus_has_no_engine() {
    let store = "message_store: file_store(file_server: \"NAS01\")";
    let wanted = ["cluster2 is no member of the bus and has no messaging engine", "leave out bus_member: NO"];
    let text =
        CELL.replace(store, &format!("bus_member: NO, {store}")).replace("\"ORDERS\": (bus_member: \"cluster2\"),", "");
    // The policy is for the other engine then, and is to be the only one.
    let text = text.replace("policy_assistance: HIGH_AVAILABILITY,", "");
    let text = text.replace("\"cluster2.000-PAYMENTS\"", "\"cluster1.000-PAYMENTS\"").replace(
        "[\"server3\"],\n                ),\n            },\n            bus",
        "[\"server1\"],\n                ),\n            },\n            bus",
    );
    refused(&text, "file_store(file_server", &wanted);
    let text = text.replace(&format!("bus_member: NO, {store}"), "bus_member: NO");
    let text = text.replace("(bus_member: \"cluster1\", max", "(bus_member: \"cluster2\", max");
    refused(&text, "\"cluster2\", max", &["cluster2 is no member of the bus"]);
}

#[test]
fn an_operator_is_connected_to_whom_takes_the_commands() {
    let to_bus = "connect: bus(bootstrap: [\"server1\"])";
    let wanted = ["commands to servers and their engines are typed with wsadmin", "write connect: administration()"];
    spoilt("connect: administration()", to_bus, "bus(bootstrap: [\"server1\"])", &wanted);
}

#[test]
fn what_nobody_in_a_cell_reports_cannot_come_about_in_one() {
    for name in ["queue_manager_ready", "get.taken", "checkpoint.written"] {
        let quoted = format!("\"{name}\"");
        let wanted = format!("{name} can never come about: there is no queue manager");
        spoilt("\"messaging_engine_started\"", &quoted, &quoted, &[&wanted]);
    }
    let step = "step(name: \"get.taken\")";
    let wanted = ["get.taken can never come about: there is no queue manager"];
    spoilt("at(\"20s\")", step, step, &wanted);
}
