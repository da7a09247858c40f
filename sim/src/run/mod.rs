//! One run of a scenario: what goes in and what comes out.
//!
//! The life of a run: everything is built and started; applications work and faults strike until the work is done or the
//! horizon is reached; the world heals; applications go on until it is quiet, for the settling time at most; then an
//! auditor takes stock and the ledger judges.

mod contract;
mod course;
pub(crate) mod lanes;
pub(crate) mod recovery;

use std::sync::Arc;

use indoubt_engine::defect::Defect;
use indoubt_engine::event::Event;
use indoubt_engine::step::Step;
use indoubt_engine::time::{Duration, Time};
use indoubt_ledger::verdict::Judgement;

pub use lanes::Lanes;
pub use recovery::{Act, Move, MoveKind, Passed, Recovery};

use crate::fabric::Fabric;
use crate::scenario::model::Scenario;

/// What to run.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// The one number from which every draw of the run comes.
    pub seed: u64,
    /// A defect to plant.
    pub defect: Option<Defect>,
    /// Whether to keep everything for a replay's detail, or only what a report needs.
    pub keep: Keep,
}

/// How much of a run is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// What a report and a sweep need.
    Report,
    /// Also the timeline's details.
    Detail,
}

/// A run that came to its end, whatever its verdict.
#[derive(Clone, Debug)]
pub struct RunOutcome {
    /// Of which scenario.
    pub scenario: Arc<Scenario>,
    /// The seed.
    pub seed: u64,
    /// The defect planted, if one was.
    pub defect: Option<Defect>,
    /// The hash of its trace.
    pub fingerprint: u64,
    /// When it ended.
    pub simulated: Duration,
    /// Frames delivered.
    pub frames: u64,
    /// Faults, detections, recoveries: in order of time.
    pub timeline: Vec<TimelineEntry>,
    /// What ran in one of several processes, and where.
    pub lanes: Lanes,
    /// How often each event was reported, by name, in alphabetical order.
    pub events: Vec<(&'static str, u64)>,
    /// How often each step was passed, in the order of [`Step::ALL`], those never passed left out.
    pub steps: Vec<(Step, u64)>,
    /// Names in `reach` that were never seen.
    pub unreached: Vec<String>,
    /// Faults of the scenario that did not strike, in the scenario language.
    pub dormant: Vec<String>,
    /// For each fault when it was noticed and when the last recovery from it was complete; in order of time.
    pub recoveries: Vec<Recovery>,
    /// What the ledger says.
    pub judgement: Judgement,
    /// What the faults really did, so that the run can be repeated as a scenario with exactly these faults: entries of a
    /// `faults` section in the scenario language.
    pub tape: Vec<String>,
}

/// A line of the timeline.
#[derive(Clone, Debug)]
pub struct TimelineEntry {
    /// When, true time.
    pub at: Time,
    /// Who: a process, an image, `nemesis`.
    pub who: String,
    /// What.
    pub what: Happening,
}

/// What can stand on a timeline.
#[derive(Clone, Debug)]
pub enum Happening {
    /// A fault.
    Fault {
        /// As text.
        text: String,
        /// Everything that it struck: an image and whatever runs there, say. Empty if it had no effect.
        struck: Vec<String>,
    },
    /// An operator typed a command.
    Command {
        /// As text.
        text: String,
        /// Whom it is about: processes, and what runs in them. Empty if it is about everybody.
        about: Vec<String>,
    },
    /// What follows a fault later, as text.
    Followed(String),
    /// A fault ended or was healed, as text.
    Healed(String),
    /// The engine reported an event.
    Event(Event),
    /// Something became of a process. No line of a report: what is made of the others rests on it.
    Process(ProcessChange),
    /// A detail for a replay, as text.
    Detail(String),
}

/// What becomes of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessChange {
    /// It runs when the run begins.
    Runs,
    /// It is started; this will be its life.
    Starts(u32),
    /// It is ended by others.
    IsEnded,
    /// It ends of its own accord.
    Ends,
    /// It stands still.
    StandsStill,
    /// It goes on after it had stood still.
    GoesOn,
}

impl ProcessChange {
    /// As text.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            ProcessChange::Runs => "runs",
            ProcessChange::Starts(_) => "is started",
            ProcessChange::IsEnded => "is ended",
            ProcessChange::Ends => "ends",
            ProcessChange::StandsStill => "stands still",
            ProcessChange::GoesOn => "goes on",
        }
    }
}

/// The testbed itself failed: not the system under test, and no fault of the scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{scenario}, seed {seed}: the testbed failed: {text}")]
pub struct RunError {
    /// Name of the scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// What happened.
    pub text: String,
}

/// Runs a scenario once, on a thread of its own.
///
/// # Errors
///
/// If the testbed panics; the text says where.
pub fn run(request: &RunRequest) -> Result<RunOutcome, RunError> {
    let asked = request.clone();
    Fabric::run(request.seed, move |fabric| course::take(fabric, asked)).map_err(|panic| RunError {
        scenario: request.scenario.name.clone(),
        seed: request.seed,
        text: panic.text,
    })
}

#[cfg(test)]
mod tests;
