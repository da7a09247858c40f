//! That a contract asks for nothing that cannot be.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use indoubt_engine::event::{Event, Weight};
use indoubt_ledger::contract::{PROCESS_ENDED, PROCESS_PAUSED, PROCESS_RESUMED};

use super::*;
use crate::{scenario, topology};

fn scenario_files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let inside = |folder: PathBuf| {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>()
    };
    let files = inside(root).into_iter().filter(|path| path.is_dir()).flat_map(inside);
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "ron")).collect();
    files.sort();
    files
}

/// Every event that some rule of the contract is about.
fn named(contract: &Contract) -> BTreeSet<String> {
    let permissions = contract
        .permitted_losses
        .iter()
        .chain(&contract.permitted_duplicates)
        .chain(&contract.permitted_redeliveries)
        .chain(&contract.permitted_resets)
        .map(|permission| permission.event.clone());
    let lists = |exclusive: &indoubt_ledger::contract::Exclusive| {
        let pauses = exclusive.pauses.iter().flat_map(|pause| [&pause.begins, &pause.ends]);
        let others = [&exclusive.begins, &exclusive.ends, &exclusive.finishes].into_iter().flatten();
        others.chain(pauses).cloned().collect::<Vec<_>>()
    };
    permissions.chain(contract.exclusive.iter().flat_map(lists)).collect()
}

#[test]
fn every_event_that_a_family_s_contract_names_reaches_the_ledger() {
    let by_the_world = [PROCESS_ENDED, PROCESS_PAUSED, PROCESS_RESUMED, "connection_lost"];
    let mut all = BTreeSet::new();
    for path in scenario_files() {
        let scenario = scenario::read(&path).expect("a scenario of the corpus");
        let families = topology::families(&scenario.topology);
        for name in named(&of(&scenario, &families, &mut History::new())) {
            let is_recorded = by_the_world.contains(&name.as_str())
                || Event::EXCUSING.contains(&name.as_str())
                || Event::weight_of(&name).is_some_and(|weight| weight != Weight::Detail);
            assert!(is_recorded, "{}: {name}", path.display());
            all.insert(name);
        }
    }
    for name in Event::EXCUSING {
        assert!(all.contains(name), "no contract names {name}");
        assert_eq!(Event::weight_of(name), Some(Weight::Detail), "{name} is recorded for its weight");
    }
}
