//! The commands of a list structure, and what the coupling facility answers.
//!
//! Every command is atomic and the commands to one structure are totally ordered; nothing is atomic over two structures
//! (z/OS Sysplex Services Guide, list services). The commands below are the ones that the patents and the product's SMF
//! records name for shared queues: write, read, move to another list, change the key, delete, lock, monitor.

use crate::machine::Incarnation;
use crate::message::{CorrelationId, Message};
use crate::mqi::Match;
use crate::name::{ImageName, QueueManagerName, QueueName, StructureName};
use crate::unit_of_work::{EntryId, UnitOfWorkDescriptor, UnitOfWorkId};

/// Pairs an answer with its command; chosen by who commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandTag(pub u64);

/// A connector of a structure: a queue manager in one of its lives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connector {
    /// The connection name; persists from life to life.
    pub name: QueueManagerName,
    /// Which life.
    pub incarnation: Incarnation,
}

/// A list header.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListHeader {
    /// The put list of a shared queue.
    Put(QueueName),
    /// The get list of a queue manager: what its units of work have got and not yet committed.
    Get(QueueManagerName),
}

/// The part of a put list in which an entry's key lies (US patent 6862595, claims 1 and 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyRange {
    /// Not visible to a get.
    Uncommitted,
    /// Visible, by priority and then by arrival.
    Committed,
}

/// What a recovering peer or a restarted queue manager learns about an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntryStatus {
    /// Which.
    pub entry: EntryId,
    /// The unit of work that holds it.
    pub owner: UnitOfWorkId,
    /// On whose get list, or in the uncommitted range of which queue, it lies.
    pub header: ListHeader,
    /// The queue it belongs to.
    pub queue: QueueName,
}

/// A lock of the structure's lock table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockName {
    /// The right to initiate the peer recovery of a connector in a structure.
    PeerRecovery(StructureName, Connector),
    /// A serialised connection tag.
    Tag(String),
}

/// A request on a connection to the coupling facility.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CouplingRequest {
    /// First request on a connection of a queue manager.
    Attach {
        /// The image it runs on: fenced with it.
        image: ImageName,
        /// Who it is.
        connector: Connector,
    },
    /// First request on a connection of a z/OS image's system services.
    AttachImage {
        /// Which image.
        image: ImageName,
        /// Which initial program load of it; a later one lifts the fence.
        incarnation: Incarnation,
    },
    /// A list command.
    Command {
        /// Comes back with the answer.
        tag: CommandTag,
        /// On which structure.
        structure: StructureName,
        /// What.
        operation: ListOperation,
    },
    /// From a z/OS image: a connector's address space ended, or its image lost the link.
    ConnectorFailed {
        /// Who.
        connector: Connector,
    },
    /// From a z/OS image: no command of this image is accepted from now on (SFM isolation).
    Isolate {
        /// Which image.
        image: ImageName,
        /// Which initial program load of it; a later one is not touched.
        incarnation: Incarnation,
    },
    /// From a z/OS image: an isolated image is out of the sysplex, so its connectors count as failed. Isolation alone
    /// does not fail them: their peers are told of a dead image only when it has been partitioned out.
    Partitioned {
        /// Which image.
        image: ImageName,
        /// Which initial program load of it; a later one is not touched.
        incarnation: Incarnation,
    },
}

/// A command to one structure.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListOperation {
    /// `IXLCONN`: become a connector. Answered with `Connected`, or `ConnectionStillFailing`.
    Connect,
    /// `IXLDISC REASON=NORMAL`. Answered with `Done`.
    Disconnect,
    /// Writes an entry. Answered with `Written`, `Full` or `QueueFull`.
    Write {
        /// On the put list of this queue.
        queue: QueueName,
        /// In which range.
        range: KeyRange,
        /// The unit of work that it belongs to, if uncommitted.
        owner: Option<UnitOfWorkId>,
        /// The message.
        message: Box<Message>,
        /// `MAXDEPTH`: refused with `QueueFull` if the queue has as many messages already, uncommitted ones included.
        maximum_depth: u32,
    },
    /// Takes the first committed entry of a queue that matches, atomically, onto the connector's own get list. Answered
    /// with `Entry` or `NothingThere`. An entry that the getter's own browse has locked is back at its place for it, and
    /// stays there if another one is taken: nobody else can take it in between.
    MoveToGetList {
        /// From the put list of this queue.
        queue: QueueName,
        /// Which.
        selection: Match,
        /// On behalf of which unit of work.
        owner: UnitOfWorkId,
        /// The entry that the getter's cursor has locked, and the name under which it is held.
        locked: Option<(EntryId, UnitOfWorkId)>,
    },
    /// Reads a committed entry without moving it. Answered with `Entry` or `NothingThere`.
    Browse {
        /// From the put list of this queue.
        queue: QueueName,
        /// The first one after this entry's key; `None` for the first of all.
        after: Option<BrowseCursor>,
    },
    /// Moves a put of this unit of work into the committed range. Answered with `Done` or `NotThere`.
    CommitPut {
        /// Which.
        entry: EntryId,
        /// Only if it belongs to this unit of work.
        owner: UnitOfWorkId,
    },
    /// Deletes an entry of this unit of work: a get that commits, a put that backs out. Answered with `Done` or
    /// `NotThere`.
    Delete {
        /// Which.
        entry: EntryId,
        /// Only if it belongs to this unit of work.
        owner: UnitOfWorkId,
    },
    /// Moves an entry from a get list back to the place it was taken from. Answered with `Done` or `NotThere`.
    Return {
        /// Which.
        entry: EntryId,
        /// Only if it belongs to this unit of work.
        owner: UnitOfWorkId,
        /// Whether this counts as a backout of a get (an unlocked browse does not).
        count_backout: bool,
    },
    /// Which entries do units of work of this connector hold (get list and uncommitted ranges)? Answered with `Entries`.
    ListHeld {
        /// Whose. Entries of later lives are not listed.
        connector: Connector,
    },
    /// Writes a unit-of-work descriptor, replacing an earlier one of the same unit (admin structure). Answered with
    /// `Done` or `Full`.
    WriteDescriptor {
        /// What.
        descriptor: Box<UnitOfWorkDescriptor>,
    },
    /// Strikes the operations of one structure off a descriptor, because they are settled there; deletes the descriptor
    /// if nothing is left and there is no private part. Answered with `Done` or `NotThere`.
    StrikeOperations {
        /// Whose.
        unit_of_work: UnitOfWorkId,
        /// Which structure's.
        structure: StructureName,
    },
    /// Deletes a descriptor. Answered with `Done` or `NotThere`.
    DeleteDescriptor {
        /// Whose.
        unit_of_work: UnitOfWorkId,
    },
    /// Reads all descriptors of a queue manager, or of all. Answered with `Descriptors`.
    ReadDescriptors {
        /// Whose; `None` for everybody's.
        queue_manager: Option<QueueManagerName>,
    },
    /// Takes a lock if it is free. Answered with `Done` (also if the connector holds it already) or `HeldBy`.
    Lock {
        /// Which.
        lock: LockName,
    },
    /// Takes a lock away from a holder whose recovery is complete. Answered with `Done`, or `HeldBy` if the holder is
    /// another one than expected.
    TakeOverLock {
        /// Which.
        lock: LockName,
        /// From whom.
        from: Connector,
    },
    /// Gives a lock back. Answered with `Done` or `NotThere`.
    Unlock {
        /// Which.
        lock: LockName,
    },
    /// Starts or stops list monitoring of the committed range of a queue. Answered with `Monitoring`.
    Monitor {
        /// Which queue.
        queue: QueueName,
        /// Only entries with this correlation identifier (sublist monitoring).
        correlation_id: Option<CorrelationId>,
        /// Start or stop.
        on: bool,
    },
    /// In which state is the connection of a queue manager to this structure? Answered with `ConnectionState`.
    QueryConnection {
        /// Whose.
        name: QueueManagerName,
    },
    /// A peer has recovered a failed connector: the connection is released (`IXLEERSP RELEASECONN=YES`). Answered with
    /// `Done` or `NotThere`.
    ReleaseConnection {
        /// Whose.
        connector: Connector,
    },
    /// How many entries has each queue (committed, uncommitted, on get lists)? Answered with `Depths`.
    QueryDepths,
}

/// The position of a browse cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrowseCursor {
    /// 9 minus the priority of the entry read last: the highest priority comes first.
    pub inverted_priority: u8,
    /// The entry read last; entries are numbered by arrival.
    pub entry: EntryId,
}

/// The state of a connection to a structure (z/OS "connection states").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConnectionState {
    /// No connection, and nothing left behind.
    Undefined,
    /// In use.
    Active,
    /// Ended abnormally; not all surviving connectors have been told yet.
    Failing,
    /// Ended abnormally; what it held is still there, for peers or for its own next life.
    FailedPersistent,
}

/// How many entries a queue has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QueueDepth {
    /// Which.
    pub queue: QueueName,
    /// Visible ones.
    pub committed: u32,
    /// Puts of units of work that have not ended.
    pub uncommitted_puts: u32,
    /// Gets of units of work that have not ended, and messages locked by a browse.
    pub on_get_lists: u32,
}

/// What a list command is answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListAnswer {
    /// Done.
    Done,
    /// There is no such entry, descriptor, lock or connection (any more), or it belongs to somebody else.
    NotThere,
    /// No entry matches.
    NothingThere,
    /// The structure has no free entry or no free element.
    Full,
    /// The queue holds as many messages as it may.
    QueueFull,
    /// Connected.
    Connected {
        /// Other connectors that failed and are not recovered, this connector's own former lives included.
        failed: Vec<Connector>,
    },
    /// A former life of this connector is still being told to its peers: try again.
    ConnectionStillFailing,
    /// Written.
    Written {
        /// The new entry.
        entry: EntryId,
    },
    /// Read, moved or taken.
    Entry {
        /// Which.
        entry: EntryId,
        /// The message.
        message: Box<Message>,
    },
    /// Entries held by a connector's units of work.
    Entries(Vec<EntryStatus>),
    /// Unit-of-work descriptors.
    Descriptors(Vec<UnitOfWorkDescriptor>),
    /// The lock is held by somebody else.
    HeldBy(Connector),
    /// Monitoring is as wanted.
    Monitoring {
        /// Whether there is something in the monitored range right now.
        not_empty: bool,
    },
    /// State of a connection.
    ConnectionState {
        /// In its present life, or in its last one.
        state: ConnectionState,
        /// Lives that failed and are not released, the present one not among them: what they held is still there.
        unreleased: Vec<Incarnation>,
    },
    /// Depths.
    Depths(Vec<QueueDepth>),
}

/// Why a list command was not executed at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommandRejected {
    /// There is no such structure in this coupling facility.
    NoSuchStructure,
    /// Whoever commands is not connected to the structure (any more).
    NotConnected,
    /// The image of whoever commands is isolated from the sysplex.
    Fenced,
}

/// What the coupling facility sends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CouplingResponse {
    /// To `Attach` and `AttachImage`.
    Attached,
    /// To `Attach` from a fenced image, and to any later request of it.
    Fenced,
    /// To `Command`.
    Answer {
        /// Which command.
        tag: CommandTag,
        /// What became of it.
        answer: Result<ListAnswer, CommandRejected>,
    },
    /// List transition exit: a monitored range of a queue went from empty to not empty, or may have.
    Transition {
        /// Structure.
        structure: StructureName,
        /// Queue.
        queue: QueueName,
        /// Which sublist, if one is monitored.
        correlation_id: Option<CorrelationId>,
    },
    /// Event exit: another connector of this structure ended abnormally.
    FailedConnection {
        /// Structure.
        structure: StructureName,
        /// Who.
        connector: Connector,
    },
}

impl CouplingRequest {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        match self {
            CouplingRequest::Command { operation: ListOperation::Write { message, .. }, .. } => message.length(),
            _ => 256,
        }
    }
}

impl CouplingResponse {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        match self {
            CouplingResponse::Answer { answer: Ok(ListAnswer::Entry { message, .. }), .. } => message.length(),
            _ => 256,
        }
    }
}
