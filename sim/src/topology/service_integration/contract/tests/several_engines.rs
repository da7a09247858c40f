//! Whose failure concerns which messages, in a bus of two engines.

use super::*;

const OTHER: &str = "cluster2.000-PAYMENTS";

/// A second cluster, whose server is server3.
const CLUSTER_2: &str = r#""cluster2": (
    servers: { "server3": (host: "node2"), "server4": (host: "node1") },
    message_store: data_store(database: "SIBDB"),
),"#;

/// Two engines; the queue has its queue point on the first one.
fn two_engines() -> Cell {
    cell_with("8.5", DATA_STORE, CLUSTER_2, r#", bus_member: "cluster1""#)
}

fn both_started() -> [Beside; 2] {
    [started(0, "server1"), event(0, STARTED, OTHER, "server3")]
}

/// The levels lost by this, if the message is put over a connection to this engine.
fn lost_by(engine: &'static str, server: &'static str, beside: &Beside) -> Vec<Reliability> {
    let lost = |level: &Reliability| {
        let beside = both_started().into_iter().chain([beside.clone()]).collect();
        let account = Tale::new(*level).through(engine, server).judged(&two_engines(), beside).account;
        assert_eq!((account.acknowledged, account.lost + account.permitted), (1, 1));
        account.permitted == 1
    };
    Reliability::ALL.into_iter().filter(lost).collect()
}

/// Every way in which the other engine ends.
fn ends_of_the_other(at: u64) -> Vec<Beside> {
    let of_other = [STOPPED, FAILED, FAILED_GLOBALLY].map(|name| event(at, name, OTHER, "server3"));
    let others = [of_process(at, PROCESS_ENDED, "server3"), event(at, STARTED, OTHER, "server4")];
    of_other.into_iter().chain(others).collect()
}

#[test]
fn another_engine_s_failure_permits_nothing() {
    for at in [PUT + 1, PUT + 100 * SECOND] {
        for end in ends_of_the_other(at) {
            assert_eq!(lost_by(ENGINE, "server1", &end), [], "{end:?}");
        }
    }
}

#[test]
fn the_failure_of_the_engine_over_which_it_was_put_permits_what_its_level_says() {
    for end in ends_of_the_other(PUT + 100 * SECOND) {
        assert_eq!(lost_by(OTHER, "server3", &end), NONPERSISTENT, "{end:?}");
    }
    let lazily: Vec<Reliability> = NONPERSISTENT.into_iter().chain([LAZY]).collect();
    assert_eq!(lost_by(OTHER, "server3", &event(PUT + 1, FAILED, OTHER, "server3")), lazily);
}

#[test]
fn the_failure_of_the_engine_that_has_the_queue_point_does_too() {
    for end in [of_engine(PUT + 100 * SECOND, FAILED), of_process(PUT + 100 * SECOND, PROCESS_ENDED, "server1")] {
        assert_eq!(lost_by(OTHER, "server3", &end), NONPERSISTENT, "{end:?}");
    }
}

#[test]
fn a_connection_between_engines_loses_best_effort_messages_on_their_way_over_it() {
    let ended = |subject: &str| event(PUT + 1, ENGINE_CONNECTION_ENDED, subject, "server3");
    let there = ended(&format!("{OTHER} to {ENGINE}"));
    assert_eq!(lost_by(OTHER, "server3", &there), [BEST_EFFORT]);
    assert_eq!(lost_by(ENGINE, "server1", &there), [], "it does not go there");
    let back = ended(&format!("{ENGINE} to {OTHER}"));
    assert_eq!(lost_by(OTHER, "server3", &back), []);
}

#[test]
fn what_was_on_its_way_to_an_engine_that_failed_may_be_discarded() {
    let discarded = |engine: &str, by: &str| event(PUT + 100 * SECOND, REMOTE_MESSAGES_DISCARDED, engine, by);
    assert_eq!(lost_by(OTHER, "server3", &discarded(ENGINE, "server3")), NONPERSISTENT);
    assert_eq!(lost_by(OTHER, "server3", &discarded(OTHER, "server1")), []);
    assert_eq!(lost_by(ENGINE, "server1", &discarded(ENGINE, "server3")), [], "it was there");
}

#[test]
fn an_instance_that_had_been_succeeded_when_the_message_came_did_not_have_it() {
    let cell = cell("8.5", RESTRICTED);
    let both = [started(0, "server1"), started(PUT - SECOND, "server2")];
    let lost = |server: &'static str, failed: &str| {
        let failed = event(PUT + SECOND, FAILED, ENGINE, failed);
        let beside = both.iter().cloned().chain([failed]).collect();
        let tale = Tale::new(Reliability::ReliableNonpersistent).through(ENGINE, server);
        tale.judged(&cell, beside).account.permitted == 1
    };
    assert!(lost("server2", "server2"));
    assert!(!lost("server2", "server1"), "the old instance");
    assert!(lost("server1", "server1"), "the old instance had it");
}
