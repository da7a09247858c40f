//! Reads a queue history: JSON lines, one operation's invocation or completion each.
//!
//! The form is the one in which Jepsen writes histories, reduced to what a queue needs: `process`, `type` (`invoke`, `ok`,
//! `fail`, `info`), `f` (`enqueue`, `dequeue`, `drain`), `value`, and optionally `time_ms` and `queue`. Whoever tests a
//! real system in a lab can write it.

use thiserror::Error;

/// What is asked of a queue history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueHistoryOptions {
    /// Whether messages of one producer must be consumed in the order in which they were put.
    pub ordered: bool,
}

/// A queue history that cannot be read.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// It could not be read at all.
    #[error("{0}")]
    Read(#[from] std::io::Error),
    /// A line is wrong.
    #[error("line {line}: {what}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
}
