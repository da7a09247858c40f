//! The scenario language: reading, validation, diagnostics, and writing of failure files.
//!
//! A scenario is one RON file, described for its authors in `scenarios/README.md`. Reading it passes three rooms:
//! [`syntax`] makes a tree with places out of the text and goes on after a mistake, `decode` makes the [`model`] out of
//! the tree with every name resolved, `check` refuses what cannot happen. Each room reports into the same
//! [`Diagnostics`], so that all mistakes of a file come at once, each with its place.

pub mod diagnostics;
pub mod model;
pub mod syntax;
pub mod words;

mod check;
mod decode;
mod failure;
mod write;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use diagnostics::{Diagnostics, Problems};
use model::Scenario;
use syntax::ast::Span;

pub use write::{duration_to_text, fault_to_text};

/// Who takes stock at the end of a run: the name of a host and of its process.
pub const AUDITOR: &str = "auditor";

/// A scenario file that is longer than this is refused, in bytes.
const LONGEST_FILE: u64 = 1024 * 1024;

/// Reads and validates a scenario file.
///
/// # Errors
///
/// Everything that is wrong with the file, in the order of its text.
pub fn read(path: &Path) -> Result<Scenario, Diagnostics> {
    let mut bytes = Vec::new();
    let opened = File::open(path).and_then(|file| file.take(LONGEST_FILE + 1).read_to_end(&mut bytes));
    if let Err(error) = opened {
        return Err(Diagnostics::without_place(path, format!("cannot read {}: {error}", path.display())));
    }
    if bytes.len() as u64 > LONGEST_FILE {
        let message = format!("{} is longer than {LONGEST_FILE} bytes: this is no scenario", path.display());
        return Err(Diagnostics::without_place(path, message));
    }
    from_bytes(path, bytes)
}

/// Validates what a file holds, which may not be text at all.
fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Scenario, Diagnostics> {
    match String::from_utf8(bytes) {
        Ok(text) => parse(path, &text),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let mut problems = Problems::default();
            // The replacement character that stands where the text stops being UTF-8 is three bytes long.
            let span = Span::new(good, good + '\u{fffd}'.len_utf8());
            problems.add(span, "this byte is not UTF-8 text", "not UTF-8", Some("save the file as UTF-8".into()));
            Err(Diagnostics::new(path, &text, problems))
        }
    }
}

/// Validates the text of a scenario file; `path` serves for its name and for messages.
///
/// # Errors
///
/// Everything that is wrong with the text, in its order.
pub fn parse(path: &Path, text: &str) -> Result<Scenario, Diagnostics> {
    let mut problems = Problems::default();
    let tree = syntax::parse(text, &mut problems);
    let scenario = tree.and_then(|tree| decode::scenario(path, text, &tree, &mut problems));
    match scenario {
        Some(scenario) if problems.is_empty() => Ok(scenario),
        _ => {
            if problems.is_empty() {
                problems.add(Span::new(0, 0), "this is no scenario", "here", None);
            }
            Err(Diagnostics::new(path, text, problems))
        }
    }
}

#[cfg(test)]
mod tests;
