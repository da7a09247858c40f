//! What cannot happen, contradicts itself or proves nothing, although each part of it is well-formed.

mod applications;
mod contradictions;
mod expectations;
mod policies;

use super::decode::{Placed, field};
use super::diagnostics::Problems;
use super::model::Scenario;
use super::syntax::ast::{Node, Value};

/// Refuses what makes no sense. The tape of a failure file is not judged: it is what really happened.
pub(super) fn check(scenario: &Scenario, faults: &[Placed], tree: &Node, is_tape: bool, problems: &mut Problems) {
    if problems.any_syntax() || !is_whole(scenario, faults, tree) {
        return;
    }
    applications::check(scenario, faults, !is_tape, tree, problems);
    expectations::check(scenario, tree, problems);
    policies::check(scenario, tree, problems);
    if !is_tape {
        contradictions::check(scenario, faults, problems);
    }
}

/// Whether everything written was understood. Otherwise what seems to be missing may be what was not understood, and
/// nothing follows from its absence.
fn is_whole(scenario: &Scenario, faults: &[Placed], tree: &Node) -> bool {
    let topology = field(tree, "topology");
    let written = |within: Option<&Node>, name: &str| match within.and_then(|node| field(node, name)) {
        Some(Node { value: Value::List(items), .. }) => items.len(),
        Some(Node { value: Value::Map(entries), .. }) => entries.len(),
        _ => 0,
    };
    written(topology, "queue_managers") == scenario.topology.sysplex.queue_managers.len()
        && written(topology, "queue_sharing_groups") == scenario.topology.sysplex.queue_sharing_groups.len()
        && written(topology, "arm") == scenario.topology.sysplex.automatic_restart.len()
        && written(Some(tree), "workload") == scenario.workload.len()
        && written(Some(tree), "faults") == faults.len()
}
