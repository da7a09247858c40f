//! From paths to scenarios.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{BadInput, output};
use crate::scenario;
use crate::scenario::model::Scenario;

/// A folder of this name holds runs that failed, not scenarios to sweep.
const FAILURES: &str = "failures";

/// The scenario files that are meant: files as given, folders with everything below them, in order and each once.
pub(super) fn scenario_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, BadInput> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            below(path, &mut files).map_err(|error| BadInput::because(format_args!("{}: {error}", path.display())))?;
            if files.len() == before {
                return Err(BadInput::because(format_args!("{}: no scenario (*.ron) in this folder", path.display())));
            }
        } else {
            files.push(path.clone());
        }
    }
    let mut once = Vec::with_capacity(files.len());
    for file in files {
        if !once.contains(&file) {
            once.push(file);
        }
    }
    Ok(once)
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<PathBuf>>>()?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            if entry.file_name().is_none_or(|name| name != FAILURES) {
                below(&entry, files)?;
            }
        } else if entry.extension().is_some_and(|extension| extension == "ron") {
            files.push(entry);
        }
    }
    Ok(())
}

/// Reads one scenario; what is wrong with it goes to standard error.
pub(super) fn read(path: &Path) -> Result<Arc<Scenario>, BadInput> {
    scenario::read(path).map(Arc::new).map_err(|diagnostics| {
        output::complain(format_args!("{}", diagnostics.render(output::colour()).trim_end()));
        BadInput
    })
}

/// Reads all scenarios that are meant; the mistakes of all of them are shown before it gives up.
pub(super) fn read_all(paths: &[PathBuf]) -> Result<Vec<Arc<Scenario>>, BadInput> {
    let read: Vec<Result<_, BadInput>> = scenario_files(paths)?.iter().map(|path| read(path)).collect();
    read.into_iter().collect()
}
