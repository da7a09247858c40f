//! Expectations that say nothing about the faults of a scenario.

use crate::scenario::decode::field;
use crate::scenario::diagnostics::Problems;
use crate::scenario::model::Scenario;
use crate::scenario::syntax::ast::{Node, Value};
use crate::scenario::write::duration_to_text;

/// At the horizon the world heals: where something is active after that is no consequence of what went wrong.
pub(super) fn check(scenario: &Scenario, tree: &Node, problems: &mut Problems) {
    let horizon = scenario.run.horizon;
    let written = field(tree, "expect").and_then(|node| field(node, "active"));
    let Some(Node { value: Value::List(nodes), .. }) = written else { return };
    for (node, active) in nodes.iter().zip(&scenario.expect.active) {
        if active.at > horizon {
            let (at, horizon) = (duration_to_text(active.at), duration_to_text(horizon));
            let message = format!("{at} is after the horizon ({horizon}), when the world heals");
            let help = "make it earlier, or run: (horizon: ..) longer".to_owned();
            problems.add(field(node, "at").unwrap_or(node).span, message, "too late", Some(help));
        }
    }
}
