//! Units of work (units of recovery): what they are called and the states they pass through.
//!
//! A unit of work is the set of puts and gets under syncpoint that commit or back out together. Within one queue manager
//! it is also its unit of recovery; the two words are used for the same thing here, as IBM's shared-queue documentation
//! does. States and what restart makes of each: IBM MQ for z/OS, "How consistency is maintained after an abnormal
//! termination" (csq8287).
//!
//! ```text
//!             commit (one phase)
//! in-flight ────────────────────────────► in-commit ──► ended
//!     │  prepare              commit        ▲
//!     ├──────────► in-prepare ──► in-doubt ─┤
//!     │                              │      │
//!     └──────────────────────────────┴──────┴──► in-backout ──► ended
//! ```

use core::fmt;
use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::machine::Incarnation;
use crate::name::{QueueManagerName, QueueName, StructureName};

/// A unit of work, unique in the life of the sysplex.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnitOfWorkId {
    /// The queue manager that runs it.
    pub queue_manager: QueueManagerName,
    /// The life of the queue manager in which it began.
    pub incarnation: Incarnation,
    /// Counts up within that life.
    pub sequence: u64,
}

impl UnitOfWorkId {
    /// From this sequence number on, it is not a unit of work but a lock that a browse took.
    const FIRST_BROWSE_LOCK: u64 = 1 << 63;

    /// The name under which a locked browse holds its message on the get list: nothing is committed or backed out for it.
    #[must_use]
    pub fn browse_lock(queue_manager: QueueManagerName, incarnation: Incarnation, number: u64) -> Self {
        UnitOfWorkId { queue_manager, incarnation, sequence: Self::FIRST_BROWSE_LOCK + number }
    }

    /// Whether this stands for a locked browse: given back without counting a backout.
    #[must_use]
    pub const fn is_browse_lock(&self) -> bool {
        self.sequence >= Self::FIRST_BROWSE_LOCK
    }
}

impl fmt::Display for UnitOfWorkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.queue_manager, self.incarnation.0, self.sequence)
    }
}

/// The name an external coordinator gives to its global transaction (an XA `XID`, an RRS or CICS unit of recovery).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Xid {
    /// The coordinator, for example a CICS region.
    pub coordinator: String,
    /// Counts up within the coordinator's log.
    pub number: u64,
}

impl Xid {
    /// The life of the coordinator that began it, which a coordinator that numbers anew in each life keeps in the upper
    /// half; 0 if it does not.
    #[must_use]
    pub const fn life(&self) -> u64 {
        self.number >> 32
    }
}

impl fmt::Display for Xid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.life(), self.number & 0xffff_ffff) {
            (0, number) => write!(f, "{}#{number}", self.coordinator),
            (life, number) => write!(f, "{}#{life}.{number}", self.coordinator),
        }
    }
}

/// Where a unit of work stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum UnitOfWorkState {
    /// Before the end of phase one: a failure backs it out.
    InFlight,
    /// Phase one of two has begun: still backed out by a failure.
    InPrepare,
    /// Prepared: only the coordinator (or an operator) knows the outcome.
    InDoubt,
    /// The outcome is commit: a failure completes it.
    InCommit,
    /// The outcome is backout: a failure completes it.
    InBackout,
}

/// How a unit of work ends, or is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// Puts become visible, gets are final.
    Commit,
    /// Puts vanish, gets reappear with a higher backout count.
    Backout,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Commit => "commit",
            Outcome::Backout => "backout",
        })
    }
}

/// Who can resolve a prepared unit of work (unit of recovery disposition, IBM MQ "Unit of recovery disposition"
/// q004240): the queue manager it ran on, or any member of the group, for applications that connected with the
/// queue-sharing group's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Disposition {
    /// `QMGR`: the coordinator must come back to the same queue manager.
    QueueManager,
    /// `GROUP`: the coordinator may come back to any member.
    Group,
}

/// An entry of a list structure; unique within its structure, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryId(pub u64);

/// What a unit of work did to a shared queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SharedOperation {
    /// The structure that holds the queue.
    pub structure: StructureName,
    /// The queue.
    pub queue: QueueName,
    /// The entry put or got.
    pub entry: EntryId,
    /// Put or got.
    pub kind: SharedOperationKind,
}

/// Put or got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SharedOperationKind {
    /// The entry lies in the uncommitted key range of the queue.
    Put,
    /// The entry lies on the get list of the queue manager.
    Get,
}

/// The unit-of-work descriptor: an entry of the admin structure that lists what a unit of work did on shared queues, so
/// that peers can finish it (US patent 6842763; IBM MQ "Peer recovery", csq82gs).
///
/// A descriptor is written when the outcome of a unit of work leaves the queue manager's own hands: before it is
/// prepared, at its commit point, and when its backout begins. A unit of work without a descriptor is in flight.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UnitOfWorkDescriptor {
    /// Whose.
    pub id: UnitOfWorkId,
    /// What is known of its outcome.
    pub state: DescriptorState,
    /// Who may resolve it.
    pub disposition: Disposition,
    /// The coordinator's name for it, if it has a coordinator.
    pub xid: Option<Xid>,
    /// What it did on shared queues and is not yet settled. Settling a structure strikes its operations off.
    pub operations: Vec<SharedOperation>,
    /// Whether it also changed private queues: then the descriptor outlives the shared part, because the queue manager
    /// learns from it at restart how the unit of work was settled.
    pub has_private_part: bool,
}

/// The structures that operations touched, in order, each once.
#[must_use]
pub fn structures_of(operations: &[SharedOperation]) -> VecDeque<StructureName> {
    let structures: BTreeSet<&StructureName> = operations.iter().map(|operation| &operation.structure).collect();
    structures.into_iter().cloned().collect()
}

/// What a descriptor says of the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DescriptorState {
    /// Prepared; nobody but the coordinator, its group or an operator may touch it.
    InDoubt,
    /// The commit point has passed.
    InCommit,
    /// Backout has begun.
    InBackout,
}

impl DescriptorState {
    /// The outcome, if it is decided.
    #[must_use]
    pub const fn outcome(self) -> Option<Outcome> {
        match self {
            DescriptorState::InDoubt => None,
            DescriptorState::InCommit => Some(Outcome::Commit),
            DescriptorState::InBackout => Some(Outcome::Backout),
        }
    }
}

impl From<Outcome> for DescriptorState {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Commit => DescriptorState::InCommit,
            Outcome::Backout => DescriptorState::InBackout,
        }
    }
}
