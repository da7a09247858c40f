//! What a scenario says of its bus that is no mistake: delivery modes and their mapping, and timers.

use std::path::Path;
use std::time::Duration;

use indoubt_engine::messaging_engine::reliability::Reliability;

use super::cell_mistakes::CELL;
use crate::scenario::model::{QualityOfService, Role, Scenario};
use crate::scenario::parse;

/// The cell with one thing changed.
#[track_caller]
fn changed(from: &str, to: &str) -> Scenario {
    assert_eq!(CELL.matches(from).count(), 1, "the cell has one {from}");
    let text = CELL.replacen(from, to, 1);
    parse(Path::new("cell.ron"), &text).unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false)))
}

/// The level of what the producer sends, if these fields stand in its connection factory and in itself.
#[track_caller]
fn asked(factory: &str, fields: &str) -> Option<Reliability> {
    let from = "connect: bus(bootstrap: [\"server1\", \"server3\"]),\n            queues: [\"REQUEST\"], \
                reliability: EXPRESS_NONPERSISTENT,";
    let to = format!("connect: bus({factory}), queues: [\"REQUEST\"], {fields}");
    let scenario = changed(from, &to);
    let Role::Producer(producer) = &scenario.workload[0].role else { panic!("the first one is a producer") };
    producer.message.quality.map(|quality| match quality {
        QualityOfService::Reliability(reliability) => reliability,
        QualityOfService::Persistence(_) => panic!("persistence is no word of the bus"),
    })
}

#[test]
fn what_an_application_asks_for_is_what_its_connection_factory_makes_of_it() {
    use Reliability::{BestEffortNonpersistent, ExpressNonpersistent, ReliableNonpersistent, ReliablePersistent};
    assert_eq!(asked("", ""), Some(ReliablePersistent), "JMS messages are persistent, and that is not assured");
    assert_eq!(asked("", "persistence: YES"), Some(ReliablePersistent));
    assert_eq!(asked("", "persistence: NO"), Some(ExpressNonpersistent));
    let both = "persistent_mapping: RELIABLE_NONPERSISTENT, nonpersistent_mapping: BEST_EFFORT_NONPERSISTENT";
    assert_eq!(asked(both, ""), Some(ReliableNonpersistent));
    assert_eq!(asked(both, "persistence: NO"), Some(BestEffortNonpersistent));
    // The queue's default, whatever that is.
    assert_eq!(asked("persistent_mapping: AS_DESTINATION", ""), None);
    assert_eq!(asked("persistent_mapping: AS_DESTINATION", "persistence: NO"), Some(ExpressNonpersistent));
    assert_eq!(asked(both, "reliability: RELIABLE_PERSISTENT"), Some(ReliablePersistent));
}

#[test]
fn how_long_clients_wait_for_an_engine_and_engines_for_each_other_can_be_said() {
    let timers = |text: &str| {
        let scenario = changed("was_level: \"8.5\",", &format!("was_level: \"8.5\", {text}"));
        scenario.topology.cell.map(|cell| (cell.trm_linger, cell.trm_retry))
    };
    assert_eq!(timers(""), Some((Duration::from_secs(3), Duration::from_secs(30))));
    let longer = timers("trm_linger: \"60s\", trm_retry: \"5s\",");
    assert_eq!(longer, Some((Duration::from_secs(60), Duration::from_secs(5))));
}
