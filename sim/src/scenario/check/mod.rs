//! What cannot happen, contradicts itself or proves nothing, although each part of it is well-formed.

mod applications;
mod contradictions;

use super::decode::Placed;
use super::diagnostics::Problems;
use super::model::Scenario;
use super::syntax::ast::Node;

/// Refuses what makes no sense. The tape of a failure file is not judged: it is what really happened.
pub(super) fn check(scenario: &Scenario, faults: &[Placed], tree: &Node, is_tape: bool, problems: &mut Problems) {
    if problems.any_syntax() {
        return;
    }
    applications::check(scenario, faults, tree, problems);
    if !is_tape {
        contradictions::check(scenario, faults, problems);
    }
}
