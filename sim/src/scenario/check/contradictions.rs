//! Faults that contradict each other or the length of the run.

use crate::scenario::decode::Placed;
use crate::scenario::diagnostics::Problems;
use crate::scenario::model::Scenario;

pub(super) fn check(_scenario: &Scenario, _faults: &[Placed], _problems: &mut Problems) {}
