//! From a history of what applications were told and saw to a verdict.
//!
//! A pure function: [`judge`] takes the [history](history) of a run, the [audit](audit) of what was left and the
//! [contract](contract), and returns a [judgement](verdict). It knows neither the middleware nor the world it ran in, and
//! it is a crate of its own so that the compiler keeps it that way.

pub mod audit;
pub mod contract;
pub mod history;
pub mod jsonl;
pub mod verdict;

use std::io::BufRead;

use audit::Audit;
use contract::Contract;
use history::History;
use jsonl::{HistoryError, QueueHistoryOptions};
use verdict::Judgement;

/// Judges the history of a run.
#[must_use]
pub fn judge(history: &History, audit: &Audit, contract: &Contract) -> Judgement {
    let _ = (history, audit, contract);
    Judgement::default()
}

/// Judges a queue history written as JSON lines.
///
/// # Errors
/// If it cannot be read or is not a history.
pub fn judge_queue_history(reader: impl BufRead, options: QueueHistoryOptions) -> Result<Judgement, HistoryError> {
    let _ = (reader, options);
    Ok(Judgement::default())
}
