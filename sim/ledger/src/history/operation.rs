//! What applications ask for, and how it ends.

use std::fmt;

use super::{QualityIndex, QueueIndex, ResourceIndex, UnitIndex};

/// The identity of a payload. Unique for each put: content that is sent again, or moved to another queue, travels under
/// an identity of its own (see [`Origin`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageIdentity(pub u64);

impl fmt::Display for MessageIdentity {
    /// The upper half tells who made it, the lower half counts what it made: `3.17`. Where the upper half is not used it
    /// is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 >> 32, self.0 & 0xffff_ffff) {
            (0, number) => write!(f, "{number}"),
            (maker, number) => write!(f, "{maker}.{number}"),
        }
    }
}

/// Where the content of a put comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Made for this put.
    #[default]
    New,
    /// Sent again, because what became of the first put is unknown. If both arrive, the application made a duplicate; it
    /// is counted, and is no violation.
    ResendOf(MessageIdentity),
    /// Taken from another queue and put here in the same unit of work: a server that honours a backout threshold. The
    /// copy is not another message to account for; it tells where the first one went.
    MovedFrom(MessageIdentity),
}

/// A put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Put {
    /// To which queue.
    pub queue: QueueIndex,
    /// What.
    pub message: MessageIdentity,
    /// Under syncpoint in this unit of work; `None` for a put that is final by itself.
    pub unit: Option<UnitIndex>,
    /// With which quality of service: what a contract permits depends on it.
    pub quality: QualityIndex,
    /// 0 to 9: order is promised among messages of one priority only.
    pub priority: u8,
    /// When it expires, nanoseconds since the start of the run; `None` for never.
    pub expires_at_ns: Option<u64>,
    /// Digest of the content.
    pub digest: u32,
    /// Where the content comes from.
    pub origin: Origin,
    /// The request that it answers, if it is a reply.
    pub reply_to: Option<MessageIdentity>,
}

/// A get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Get {
    /// From which queue.
    pub queue: QueueIndex,
    /// Under syncpoint in this unit of work; `None` for a get that is final by itself.
    pub unit: Option<UnitIndex>,
    /// The request whose reply it asks for, if it asks for a certain message (get by correlation identifier).
    pub reply_to: Option<MessageIdentity>,
    /// How long it may wait for a message, in nanoseconds.
    pub wait_ns: u64,
}

/// What an application asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// What comes before puts and gets and moves no message: a connection, the begin of a transaction, a look at the first
    /// message or at what is in doubt.
    MakeReady,
    /// `MQPUT`.
    Put(Put),
    /// `MQGET`, destructive.
    Get(Get),
    /// Commits a unit of work. With a coordinator of the application's own, both phases: invoked when the first begins.
    Commit {
        /// Which.
        unit: UnitIndex,
    },
    /// Backs a unit of work out.
    Backout {
        /// Which.
        unit: UnitIndex,
    },
    /// Takes what only one process may have.
    Acquire {
        /// What.
        resource: ResourceIndex,
    },
    /// Gives it up, or notices that it is lost (the connection broke): from its invocation on the process no longer acts
    /// as the holder.
    Release {
        /// What.
        resource: ResourceIndex,
    },
}

/// A message as a get returned it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Which.
    pub message: MessageIdentity,
    /// Digest of the content as it arrived.
    pub digest: u32,
    /// `MQMD.BackoutCount` as it arrived.
    pub backout_count: u32,
}

/// How an operation ended, as far as its application knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// It was done. For a get: there was nothing to get.
    Ok,
    /// A get that returned a message.
    Delivered(Delivery),
    /// It certainly did nothing; a commit that certainly backed out.
    Failed,
    /// Done or not done: nobody told.
    Unknown,
}

/// How a unit of work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitOutcome {
    /// Puts became visible, gets are final.
    Committed,
    /// Puts vanished, gets are undone.
    BackedOut,
}
