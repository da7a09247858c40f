//! Two-phase applications need a way back to their units of work in doubt.

use crate::scenario::decode::Placed;
use crate::scenario::diagnostics::Problems;
use crate::scenario::model::Scenario;
use crate::scenario::syntax::ast::Node;

pub(super) fn check(_scenario: &Scenario, _faults: &[Placed], _tree: &Node, _problems: &mut Problems) {}
