//! Who may know whom. ARCHITECTURE.md draws the map; here it is enforced.

mod architecture_source;

use std::collections::BTreeSet;
use std::fs;

use architecture_source::{Source, below, names, root};

/// Everything that is ours, tests included.
const EVERYTHING: [&str; 3] = ["engine", "sim", "tests"];

fn everything() -> Vec<Source> {
    EVERYTHING.iter().flat_map(|folder| below(folder, &["target"])).collect()
}

fn is_within(name: &str, module: &str) -> bool {
    name.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Complains of every name of these files that lies in one of these modules.
#[track_caller]
fn assert_none_names(sources: &[Source], forbidden: &[&str]) {
    let found: Vec<String> = sources
        .iter()
        .flat_map(|source| source.names.iter().map(move |name| (source, name)))
        .filter(|(_, name)| forbidden.iter().any(|module| is_within(name, module)))
        .map(|(source, name)| format!("{}: {name}", source.path.display()))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// The names in a table of a manifest.
fn manifest_table(manifest: &str, table: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(manifest)).expect("the manifest is readable");
    text.lines()
        .skip_while(|line| *line != format!("[{table}]"))
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['.', '=', ' ']).next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_engine_depends_on_nothing_that_could_ask_the_world() {
    assert_eq!(manifest_table("engine/Cargo.toml", "dependencies"), set(&["serde", "postcard", "crc32c"]));
}

#[test]
fn the_ledger_cannot_ask_the_engine_for_the_answer() {
    assert_eq!(manifest_table("sim/ledger/Cargo.toml", "dependencies"), set(&["serde", "serde_json", "thiserror"]));
    let ledger = below("sim/ledger/src", &[]);
    assert_none_names(
        &ledger,
        &["indoubt", "indoubt_engine", "madsim", "rand", "std::time", "std::thread", "std::env"],
    );
}

/// That it does not depend on the other crates is the manifest's to say.
#[test]
fn the_engine_is_pure() {
    let outside = [
        "indoubt_ledger",
        "rand",
        "tokio",
        "tracing",
        "std::time",
        "std::thread",
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::io",
        "println",
        "eprintln",
        "print",
        "eprint",
        "async",
        "await",
    ];
    assert_none_names(&below("engine/src", &["tests"]), &outside);
}

#[test]
fn nothing_iterates_without_order_or_asks_the_machine_for_time_or_chance() {
    let banned = ["HashMap", "HashSet", "SystemTime", "RandomState", "OsRng", "ThreadRng", "thread_rng"];
    let found: Vec<String> = everything()
        .iter()
        .flat_map(|source| source.names.iter().map(move |name| (source, name)))
        .filter(|(source, name)| {
            // A benchmark is the one place where the clock on the wall is what is asked for.
            let clock = name.ends_with("Instant::now") && !source.path.starts_with("sim/benches");
            clock || name.split("::").any(|part| banned.contains(&part))
        })
        .map(|(source, name)| format!("{}: {name}", source.path.display()))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// What a room of `sim` may know: of `sim`, and of the engine.
struct Room {
    name: &'static str,
    sim: &'static [&'static str],
    engine: &'static [&'static str],
}

/// What every room may know of the engine: the contract between machines and world, and plain values.
const CONTRACT: [&str; 7] = ["defect", "event", "machine", "message", "name", "step", "time"];

/// In the order in which they may know each other.
const ROOMS: [Room; 10] = [
    Room { name: "trace", sim: &[], engine: &[] },
    Room {
        name: "scenario",
        sim: &[],
        engine: &[
            "application_server::frame",
            "coupling_facility::definition",
            "file_server",
            "ha_manager::assistance",
            "ha_manager::policy",
            "messaging_engine::activation",
            "messaging_engine::definition",
            "messaging_engine::frame",
            "messaging_engine::reliability",
            "queue_manager::definition",
            "sysplex::definition",
            "unit_of_work",
        ],
    },
    // Frames cross it, it never looks into one.
    Room { name: "fabric", sim: &["trace", "scenario"], engine: &["frame"] },
    // Applications speak to a provider, whatever is behind it.
    Room { name: "workload", sim: &["fabric", "scenario"], engine: &["unit_of_work"] },
    // Builds the machines of the products, and is the only one that does; each family in a folder of its own.
    Room {
        name: "topology",
        sim: &["fabric", "scenario", "workload"],
        engine: &[
            "application_server",
            "coupling_facility",
            "database",
            "file_server",
            "frame",
            "ha_manager",
            "messaging_engine",
            "mqi",
            "queue_manager",
            "sysplex",
            "unit_of_work",
        ],
    },
    Room { name: "nemesis", sim: &["fabric", "run", "scenario", "topology", "workload"], engine: &[] },
    Room { name: "run", sim: &["fabric", "nemesis", "scenario", "topology", "workload"], engine: &[] },
    Room { name: "sweep", sim: &["run", "scenario"], engine: &[] },
    Room { name: "report", sim: &["run", "scenario", "sweep", "topology"], engine: &["unit_of_work"] },
    Room { name: "command_line", sim: &["report", "run", "scenario", "sweep"], engine: &[] },
];

/// Modules of the engine that are a product, or a part of one.
const PRODUCTS: [&str; 11] = [
    "application_server",
    "coupling_facility",
    "database",
    "file_server",
    "ha_manager",
    "log",
    "messaging_engine",
    "mqi",
    "queue_manager",
    "queue_sharing",
    "sysplex",
];

/// Where products may be named: the folders of the families, and the language in which scenarios describe their systems.
const KNOW_PRODUCTS: [&str; 3] =
    ["sim/src/topology/queue_sharing/", "sim/src/topology/service_integration/", "sim/src/scenario/"];

#[test]
fn only_a_family_and_the_language_know_products() {
    let forbidden: Vec<String> = PRODUCTS.iter().map(|product| format!("indoubt_engine::{product}")).collect();
    let mut found = Vec::new();
    for source in below("sim/src", &["tests"]) {
        let path = source.path.display().to_string();
        let is_test = path.ends_with("tests.rs") || path.ends_with("samples.rs");
        if is_test || KNOW_PRODUCTS.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        let outside_of_tests = source.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for name in names(outside_of_tests) {
            if forbidden.iter().any(|product| is_within(&name, product)) {
                found.push(format!("{path}: {name}"));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// A family may be left out, and another one put beside it: nobody but the list of families names one.
#[test]
fn families_do_not_know_each_other_and_nobody_else_knows_one() {
    let folders = fs::read_dir(root().join("sim/src/topology")).expect("the folder is readable");
    let families: Vec<String> = folders
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    for known in ["queue_sharing", "service_integration"] {
        assert!(families.contains(&known.to_owned()), "{families:?}");
    }
    let mut found = Vec::new();
    for source in below("sim/src", &["tests"]) {
        let path = source.path.display().to_string();
        let strangers = families.iter().filter(|family| !path.starts_with(&format!("sim/src/topology/{family}/")));
        for family in strangers {
            let forms =
                [format!("crate::topology::{family}"), format!("super::{family}"), format!("super::super::{family}")];
            let named = source.names.iter().filter(|name| forms.iter().any(|form| is_within(name, form)));
            found.extend(named.map(|name| format!("{path}: {name}")));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_room_of_the_world_knows_only_those_that_it_may_know() {
    let mut found = Vec::new();
    for room in &ROOMS {
        for source in below(&format!("sim/src/{}", room.name), &["tests"]) {
            // Tests and what they are fed with may look further.
            let file = source.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if matches!(file, "tests.rs" | "samples.rs") {
                continue;
            }
            let outside_of_tests = source.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            for name in &names(outside_of_tests) {
                let allowed = if let Some(inner) = name.strip_prefix("crate::") {
                    let allowed = room.sim.iter().chain([&room.name]);
                    allowed.into_iter().any(|module| is_within(inner, module))
                } else if let Some(inner) = name.strip_prefix("indoubt_engine::") {
                    CONTRACT.iter().chain(room.engine).any(|module| is_within(inner, module))
                } else {
                    true
                };
                if !allowed {
                    found.push(format!("{}: {name}", source.path.display()));
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_room_of_the_world_is_in_the_table() {
    let folders = fs::read_dir(root().join("sim/src")).expect("the folder is readable");
    let rooms: BTreeSet<String> = folders
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    assert_eq!(rooms, ROOMS.iter().map(|room| room.name.to_owned()).collect());
}

/// A run is on one thread, which the world starts; a sweep is on several, outside of every run.
#[test]
fn threads_are_started_by_the_world_and_by_a_sweep_alone() {
    let sources = below("sim/src", &["tests"]);
    let found: Vec<_> = sources
        .iter()
        .filter(|source| source.names.iter().any(|name| is_within(name, "std::thread")))
        .map(|source| source.path.display().to_string())
        .filter(|path| !["sim/src/fabric/world.rs", "sim/src/sweep/workers.rs"].contains(&path.as_str()))
        .collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn every_file_says_what_it_is_and_can_be_held_in_the_head() {
    for source in everything() {
        let lines = source.text.lines().count();
        assert!(lines <= 800, "{}: {lines} lines", source.path.display());
        assert!(source.text.starts_with("//!"), "{} does not begin with its documentation", source.path.display());
    }
}

#[test]
fn names_are_found_wherever_they_are_written() {
    let found = names(
        "use std::{collections::{BTreeMap, btree_map as map}, time::Instant}; // std::fs\n\
         /* a /* std::net */ std::io */ fn f<'a>(x: &'a str) -> char { let _ = \"std::env \\\" std::env\"; '\\'' }\n\
         impl g { fn h() { std::thread::spawn(r#\"std::process \" \"#, b'\"', Vec::<u8>::new()) } }",
    );
    for name in
        ["std::collections::BTreeMap", "std::collections::btree_map", "std::time::Instant", "std::thread::spawn"]
    {
        assert!(found.contains(name), "{name}: {found:?}");
    }
    for hidden in ["std::fs", "std::net", "std::io", "std::env", "std::process", "a", "map"] {
        assert!(!found.iter().any(|name| is_within(name, hidden)), "{hidden}: {found:?}");
    }
}

#[test]
fn the_manifests_are_read_as_they_are_written() {
    assert!(manifest_table("sim/Cargo.toml", "dependencies").contains("madsim"));
    assert!(manifest_table("sim/Cargo.toml", "dev-dependencies").contains("proptest"));
    assert!(!manifest_table("sim/Cargo.toml", "dependencies").contains("proptest"));
}
