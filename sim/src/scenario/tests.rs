//! Tests of reading scenarios.

mod mangling;
mod mistakes;
mod round_trip;

use std::path::{Path, PathBuf};

use super::model::Scenario;
use super::read;

/// Every scenario file there is.
fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root).expect("the folder of scenarios") {
        let folder = folder.expect("an entry").path();
        if folder.is_dir() {
            found.extend(std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()));
        }
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "ron"));
    found.sort();
    assert!(!found.is_empty(), "no scenarios found");
    found
}

/// Reads a file that must be right.
fn good(path: &Path) -> Scenario {
    read(path).unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false)))
}

#[test]
fn every_scenario_file_is_read_without_complaint() {
    for path in files() {
        let scenario = good(&path);
        assert!(
            !scenario.about.is_empty() && !scenario.documented.is_empty(),
            "{} says what it shows and where",
            path.display()
        );
    }
}

#[test]
fn every_scenario_file_is_ron() {
    for path in files() {
        let text = std::fs::read_to_string(&path).expect("readable");
        if let Err(error) = ron::from_str::<ron::Value>(&text) {
            panic!("{}: {error}", path.display());
        }
    }
}
