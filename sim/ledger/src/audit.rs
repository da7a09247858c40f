//! The audit: what is left when the world has healed and applications have had their settling time.
//!
//! It takes stock; it does not judge. Whoever takes it looks at queues, units of work and locks as an operator with
//! `DISPLAY QUEUE`, `DISPLAY CONN` and a browse would, not at what the engine thinks it did well.

use crate::history::{MessageIdentity, QueueIndex, UnitIndex};

/// What a queue is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueRole {
    /// Applications work with it.
    #[default]
    Application,
    /// `DEADQ`: messages that could not be put where they should go.
    DeadLetter,
    /// `BOQNAME`: messages that were backed out too often, put there by applications.
    BackoutQueue,
}

/// Whether a message that is left can be got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Committed and free.
    Available,
    /// Put in a unit of work that has not ended.
    UncommittedPut(Holder),
    /// Got in a unit of work that has not ended, or locked by a browse.
    Held(Holder),
    /// Committed, but nobody gets to it: the engine that has it is stopped, or no consumer reaches it.
    Unreachable {
        /// Half a sentence: `messaging engine ME1 is stopped`.
        why: String,
    },
}

/// Who holds a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The unit of work (or browse), as an operator would see it.
    pub text: String,
    /// What is known of it.
    pub state: HolderState,
}

/// What is known of a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HolderState {
    /// A live application that goes on working.
    Live,
    /// The unit of work is in doubt; it is listed in [`Audit::in_doubt`].
    InDoubt,
    /// The application is gone, and nobody has finished its unit of work.
    Dead,
}

/// A message that is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftMessage {
    /// Which.
    pub message: MessageIdentity,
    /// Digest of its content as it is stored.
    pub digest: u32,
    /// Whether it can be got.
    pub availability: Availability,
    /// `MQMD.BackoutCount`.
    pub backout_count: u32,
    /// It has expired and nobody has met it since (an expired message is removed when it is met).
    pub expired: bool,
}

/// What is left on one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftQueue {
    /// Which.
    pub queue: QueueIndex,
    /// What it is for.
    pub role: QueueRole,
    /// Its messages, in the order of the queue.
    pub messages: Vec<LeftMessage>,
}

/// A unit of work still in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftInDoubt {
    /// As an operator would see it.
    pub text: String,
    /// Since when, nanoseconds.
    pub since_ns: u64,
    /// The application's unit of work, if it can be told.
    pub unit: Option<UnitIndex>,
}

/// Something with two active owners where there must be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoubleOwner {
    /// What.
    pub what: String,
    /// Who.
    pub owners: Vec<String>,
}

/// What is left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// When it was taken, nanoseconds.
    pub at_ns: u64,
    /// When the world was healed, nanoseconds: applications have worked without faults since.
    pub healed_at_ns: u64,
    /// Queues; one that is not listed is empty.
    pub queues: Vec<LeftQueue>,
    /// Units of work still in doubt.
    pub in_doubt: Vec<LeftInDoubt>,
    /// Locks (structure locks, connection tags) of owners that are gone, as text.
    pub orphaned_locks: Vec<String>,
    /// What has two active owners.
    pub double_owners: Vec<DoubleOwner>,
    /// Why it could not be taken completely. While there is a reason, what is missing is unknown, not lost.
    pub incomplete: Vec<String>,
}
