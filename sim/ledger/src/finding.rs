//! What the checks hand over: a violation before its story is told.

use crate::history::{ProcessIndex, QueueIndex, UnitIndex};
use crate::index::MessageIndex;
use crate::ownership::Overlap;
use crate::verdict::FindingKind;

/// What a story is about.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// A message that was put.
    Message(MessageIndex),
    /// A message, and another one that it is compared with.
    TwoMessages(MessageIndex, MessageIndex),
    /// A message that nobody put.
    Stranger(crate::history::MessageIdentity),
    /// A unit of work.
    Unit(UnitIndex),
    /// What a process did since a time.
    Process { process: ProcessIndex, since_ns: u64 },
    /// What the world did between two times.
    World { from_ns: u64, to_ns: u64 },
    /// A time with two owners.
    Overlap(Box<Overlap>),
}

/// A violation before its story is told.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) kind: FindingKind,
    pub(crate) at_ns: u64,
    pub(crate) queue: Option<QueueIndex>,
    pub(crate) message: String,
    pub(crate) subject: Subject,
}
