//! Failure files: the scenario a run came from, with exactly the faults that struck, and the run's seed.
//!
//! Written by splicing: everything but the `faults` section is left as its author wrote it.

use super::decode::field;
use super::diagnostics::Problems;
use super::model::{Recorded, Scenario};
use super::syntax::{self, ast::Span};

impl Scenario {
    /// This scenario's text with another `faults` section, made of the entries of `tape` (see
    /// [`fault_to_text`](super::fault_to_text)), and a `recorded` section at its top.
    #[must_use]
    pub fn with_faults(&self, tape: &[String], recorded: Recorded) -> String {
        let source = &self.source;
        let tree = syntax::parse(source, &mut Problems::default()).expect("a scenario was read from this text");
        let mut faults = String::from("[\n");
        for entry in tape {
            faults.push_str(&format!("        {entry},\n"));
        }
        faults.push_str("    ]");
        let mut edits: Vec<(Span, String)> = Vec::new();
        let after_bracket = tree.span.start + 1;
        let opening = Span::new(after_bracket, after_bracket);
        let top = recorded_to_text(&recorded);
        match field(&tree, "recorded") {
            Some(old) => edits.push((old.span, top)),
            None => edits.push((opening, format!("\n    recorded: {top},"))),
        }
        match field(&tree, "faults") {
            Some(old) => edits.push((old.span, faults)),
            None => edits.push((opening, format!("\n    faults: {faults},"))),
        }
        // From the end, so that places stay right; what stands at the same place goes in in its order.
        edits.reverse();
        edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
        let mut text = source.clone();
        for (span, replacement) in edits {
            text.replace_range(span.start..span.end, &replacement);
        }
        text
    }
}

fn recorded_to_text(recorded: &Recorded) -> String {
    let Recorded { scenario, seed, fingerprint, defect } = recorded;
    let defect = defect.as_ref().map_or("None".to_owned(), |defect| format!("\"{defect}\""));
    let scenario = scenario.replace('\\', "\\\\").replace('"', "\\\"");
    format!("(scenario: \"{scenario}\", seed: {seed}, fingerprint: \"{fingerprint:016x}\", defect: {defect})")
}
