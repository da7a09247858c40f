//! The scenario files of the repository, found by themselves.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indoubt::scenario;
use indoubt::scenario::model::Scenario;

/// Folders of these names hold files that are not to be swept: runs that failed, and files with mistakes on purpose.
const LEFT_OUT: [&str; 2] = ["failures", "broken"];

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository is there")
}

/// Every scenario file, relative to the root and in order: `scenarios/queue-sharing/peer-recovery.ron`.
pub(crate) fn paths() -> Vec<PathBuf> {
    let mut found = Vec::new();
    below(Path::new("scenarios"), &mut found);
    assert!(!found.is_empty(), "no scenario (*.ron) below scenarios/");
    found
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(root().join(folder)).expect("the folder is readable");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    for name in names {
        let path = folder.join(&name);
        if root().join(&path).is_dir() {
            if LEFT_OUT.iter().all(|left_out| name != *left_out) {
                below(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "ron") {
            found.push(path);
        }
    }
}

/// How the file's test is called: `queue-sharing/peer-recovery`.
pub(crate) fn name(path: &Path) -> String {
    let inner = path.strip_prefix("scenarios").unwrap_or(path);
    inner.with_extension("").display().to_string()
}

/// Reads a scenario as the command line does from the root, so that replay lines are those that one can type there.
///
/// # Errors
///
/// What is wrong with the file, as the command line shows it.
pub(crate) fn read(path: &Path) -> Result<Arc<Scenario>, String> {
    let text = fs::read_to_string(root().join(path)).map_err(|error| format!("{}: {error}", path.display()))?;
    scenario::parse(path, &text).map(Arc::new).map_err(|diagnostics| diagnostics.render(false))
}
