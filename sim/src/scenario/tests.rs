//! Tests of reading scenarios.

mod cell_mistakes;
mod delivery_modes;
mod mangling;
mod mistakes;
mod round_trip;

use std::path::{Path, PathBuf};

use super::model::Scenario;
use super::{parse, read};

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

/// What stands in the description of the language.
fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/README.md");
    std::fs::read_to_string(path).expect("the description of the language")
}

#[test]
fn the_example_in_the_description_is_a_scenario() {
    let readme = readme();
    let example = readme.split("```ron\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let scenario =
        parse(Path::new("example.ron"), example).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    assert_eq!(scenario.faults.len(), 1);
}

#[test]
fn the_example_of_a_cell_in_the_description_is_a_topology() {
    let readme = readme();
    let example = readme.split("<!-- cell example -->\n```ron\n").nth(1).and_then(|rest| rest.split("```").next());
    let application = "producer(name: \"p\", runs_on: [\"branch-office\"], connect: bus(), queues: [\"QUOTE\"])";
    let text = format!("(about: \"A cell.\", {} workload: [{application}])", example.expect("an example"));
    let scenario =
        parse(Path::new("example.ron"), &text).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    assert_eq!(scenario.topology.cell.map(|cell| cell.bus.queues.len()), Some(2));
}

#[test]
fn the_description_lists_every_scenario_every_kind_of_violation_and_every_field() {
    let readme = readme();
    for path in files() {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(readme.contains(&format!("[`{name}`]")), "{name} is not listed");
    }
    for kind in indoubt_ledger::verdict::FindingKind::ALL {
        assert!(readme.contains(&format!("`{}`", kind.name())), "{kind} is not listed");
    }
    for field in fields_that_decoders_take() {
        let listed = [format!("`{field}`"), format!("{field}:"), format!("`{field}(")];
        assert!(listed.iter().any(|form| readme.contains(form)), "the field {field} is not described");
    }
}

/// Names in `fields.or("..")` and so on, from the decoders' own source.
fn fields_that_decoders_take() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/scenario/decode");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the decoders") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("readable");
        let text: String = text.split_whitespace().collect();
        for verb in ["fields.take(\"", "fields.require(\"", "fields.get(\"", "fields.or(\""] {
            found.extend(text.split(verb).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
        }
    }
    assert!(found.len() > 100, "{found:?}");
    found
}
