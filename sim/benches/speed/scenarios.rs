//! The scenarios that are measured.

use std::path::Path;
use std::sync::Arc;

use indoubt::fabric::Fabric;
use indoubt::run::{Keep, RunOutcome, RunRequest, run};
use indoubt::scenario::model::Scenario;
use indoubt::topology::{self, World};

/// Three images, three queue managers, one coupling facility, 1,000 persistent request/reply pairs, four faults.
const REFERENCE: &str = include_str!("reference.ron");

/// Two images, two queue managers, two pairs, one failure: few frames, so that what each seed costs by itself shows.
const SMALL: &str = include_str!("small.ron");

/// The reference without its faults, with so many pairs for each of its ten requesters.
const PLAIN: &str = include_str!("plain.ron");

/// A cell of three servers and one engine, two failovers in twelve simulated minutes, 2,800 messages.
const CELL: &str = include_str!("../../../scenarios/messaging-engine/single-engine.ron");

fn read(name: &str, text: &str) -> Arc<Scenario> {
    let scenario = indoubt::scenario::parse(Path::new(name), text);
    Arc::new(scenario.unwrap_or_else(|problems| panic!("{name}: {problems}")))
}

pub(crate) fn reference() -> Arc<Scenario> {
    read("reference.ron", REFERENCE)
}

pub(crate) fn small() -> Arc<Scenario> {
    read("small.ron", SMALL)
}

pub(crate) fn cell() -> Arc<Scenario> {
    read("single-engine.ron", CELL)
}

/// So many messages; half of them requests, half replies.
pub(crate) fn plain(messages: u64) -> Arc<Scenario> {
    read("plain.ron", &PLAIN.replace("PAIRS_OF_EACH", &(messages / 20).to_string()))
}

/// One run.
pub(crate) fn one(scenario: &Arc<Scenario>, seed: u64) -> RunOutcome {
    let request = RunRequest { scenario: scenario.clone(), seed, defect: None, keep: Keep::Report };
    run(&request).unwrap_or_else(|error| panic!("{error}"))
}

/// Builds the world of a scenario, so many times, and lets nothing happen in it.
pub(crate) fn built_only(scenario: &Arc<Scenario>, worlds: u64) -> u64 {
    for seed in 0..worlds {
        let scenario = scenario.clone();
        let built = Fabric::run(seed, move |fabric| async move {
            let families = topology::families(&scenario.topology);
            let shared = Arc::new(topology::shared(&families));
            World::build(&fabric, &scenario, &families, &shared).processes().len()
        });
        assert!(built.expect("nothing happens") > 0);
    }
    worlds
}
