//! The message queue interface: what an application asks of a queue manager and what it is answered.
//!
//! The calls are those of IBM MQ, one frame each way; an application has at most one call outstanding on a connection,
//! as the interface is synchronous. Coordinated units of work use the XA verbs.

pub mod client;
pub mod reason;

use crate::machine::Incarnation;
use crate::message::{CorrelationId, Message, MessageId, Payload, Persistence, Priority};
use crate::name::{ConnectionTag, QueueManagerName, QueueName};
use crate::time::Duration;
use crate::unit_of_work::{Disposition, Outcome, UnitOfWorkId, Xid};

pub use reason::Reason;

/// An open queue, as the application knows it (`MQHOBJ`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectHandle(pub u32);

/// Whether an application shares the operating system image of its queue manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Binding {
    /// Local bindings (batch, CICS, RRS adapters): the two ends die separately but see each other's end at once.
    Local,
    /// A client channel over the network.
    Client,
}

/// Whether a put or get belongs to the current unit of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Syncpoint {
    /// `MQPMO_SYNCPOINT`, `MQGMO_SYNCPOINT`.
    Within,
    /// `MQPMO_NO_SYNCPOINT`, `MQGMO_NO_SYNCPOINT`: final at once.
    Outside,
}

/// How a connection tag is used (`MQCNO_SERIALIZE_CONN_TAG_QSG`, `MQCNO_RESTRICT_CONN_TAG_QSG`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TagUse {
    /// Exclusive in the queue-sharing group.
    Serialize,
    /// May be shared by connections of the same application process on the same queue manager.
    Restrict,
}

/// `MQCONNX`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnectOptions {
    /// The application's process: who is asking.
    pub application: String,
    /// The name given: a queue manager or its queue-sharing group. With the group's name, prepared units of work get
    /// group disposition where the queue manager allows it (`GROUPUR(ENABLED)`).
    pub name: String,
    /// Local or client.
    pub binding: Binding,
    /// Serialisation in the queue-sharing group.
    pub tag: Option<(ConnectionTag, TagUse)>,
}

/// What a queue is opened for (`MQOO_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OpenFor {
    /// `MQOO_OUTPUT`.
    Output,
    /// `MQOO_INPUT_SHARED`.
    InputShared,
    /// `MQOO_INPUT_EXCLUSIVE`.
    InputExclusive,
    /// `MQOO_BROWSE`.
    Browse,
}

/// The fields of the message descriptor that an application sets at a put.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PutDescriptor {
    /// A message identifier of the application's own; `None` lets the queue manager make one.
    pub message_id: Option<MessageId>,
    /// Correlation identifier.
    pub correlation_id: CorrelationId,
    /// `None` for the queue's default (`DEFPSIST`).
    pub persistence: Option<Persistence>,
    /// `None` for the queue's default (`DEFPRTY`).
    pub priority: Option<Priority>,
    /// How long the message may wait; `None` for unlimited.
    pub expiry: Option<Duration>,
    /// Where to answer.
    pub reply_to_queue: Option<QueueName>,
    /// The queue manager or group to answer to; blank (`None`) is filled in with the local queue manager's name.
    pub reply_to_queue_manager: Option<QueueManagerName>,
}

/// Which message a get wants (`MQMO_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Match {
    /// The first one.
    #[default]
    Any,
    /// The one with this message identifier.
    MessageId(MessageId),
    /// The first one with this correlation identifier.
    CorrelationId(CorrelationId),
}

/// How long a get waits for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wait {
    /// `MQGMO_NO_WAIT`.
    No,
    /// `MQGMO_WAIT` with a wait interval.
    For(Duration),
    /// `MQWI_UNLIMITED`.
    Unlimited,
}

/// Where a browse reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BrowsePosition {
    /// `MQGMO_BROWSE_FIRST`.
    First,
    /// `MQGMO_BROWSE_NEXT`.
    Next,
}

/// Whether a browsed message is kept from others until the cursor moves (`MQGMO_LOCK`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BrowseLock {
    /// Others may get it.
    Unlocked,
    /// Nobody else may get it until the cursor moves, the queue is closed or the connection ends.
    Locked,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MqiCall {
    /// `MQCONNX`.
    Connect(ConnectOptions),
    /// `MQOPEN`.
    Open {
        /// `MQOD.ObjectName`.
        queue: QueueName,
        /// `MQOD.ObjectQMgrName`; blank (`None`) for the local queue manager.
        queue_manager: Option<QueueManagerName>,
        /// What for.
        open_for: OpenFor,
    },
    /// `MQPUT`.
    Put {
        /// Where.
        handle: ObjectHandle,
        /// Within the unit of work or not.
        syncpoint: Syncpoint,
        /// Descriptor.
        descriptor: PutDescriptor,
        /// Content.
        payload: Payload,
    },
    /// `MQPUT1`: open, put, close.
    Put1 {
        /// `MQOD.ObjectName`.
        queue: QueueName,
        /// `MQOD.ObjectQMgrName`.
        queue_manager: Option<QueueManagerName>,
        /// Within the unit of work or not.
        syncpoint: Syncpoint,
        /// Descriptor.
        descriptor: PutDescriptor,
        /// Content.
        payload: Payload,
    },
    /// `MQGET`, destructive.
    Get {
        /// From where.
        handle: ObjectHandle,
        /// Within the unit of work or not.
        syncpoint: Syncpoint,
        /// How long to wait.
        wait: Wait,
        /// Which.
        selection: Match,
    },
    /// `MQGET` with a browse option.
    Browse {
        /// From where.
        handle: ObjectHandle,
        /// Which.
        position: BrowsePosition,
        /// Locking what is read.
        lock: BrowseLock,
    },
    /// `MQCMIT`.
    Commit,
    /// `MQBACK`.
    Backout,
    /// `MQCLOSE`.
    Close {
        /// Which.
        handle: ObjectHandle,
    },
    /// `MQDISC`: commits what is uncommitted.
    Disconnect,
    /// `xa_start`: what follows under syncpoint belongs to this global transaction.
    Begin {
        /// The coordinator's name for it.
        xid: Xid,
    },
    /// `xa_end`, `xa_prepare`: phase one.
    Prepare {
        /// Which.
        xid: Xid,
    },
    /// `xa_commit` or `xa_rollback` of a prepared transaction: phase two.
    Resolve {
        /// Which.
        xid: Xid,
        /// How.
        outcome: Outcome,
    },
    /// `xa_recover`: which transactions of this coordinator are in doubt?
    Recover {
        /// The coordinator's name, as in its [`Xid`]s.
        coordinator: String,
    },
    /// An operator's command.
    Command(Command),
}

/// An operator's command (MQSC).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// `DISPLAY THREAD(*) TYPE(INDOUBT) [QMNAME(name)]`.
    DisplayIndoubt {
        /// A member that is not active; `None` for the queue manager that takes the command.
        queue_manager: Option<QueueManagerName>,
    },
    /// `RESOLVE INDOUBT(..) ACTION(..) [QMNAME(name)]`.
    ResolveIndoubt {
        /// Which.
        unit_of_work: UnitOfWorkId,
        /// How.
        outcome: Outcome,
        /// The member it ran on, when that is not the one that takes the command.
        queue_manager: Option<QueueManagerName>,
    },
    /// `DISPLAY QSTATUS(*) CURDEPTH UNCOM`: every local and shared queue.
    DisplayQueues,
    /// `STOP QMGR MODE(..)`.
    StopQueueManager(crate::machine::StopMode),
}

/// A unit of work that `DISPLAY THREAD TYPE(INDOUBT)` shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IndoubtThread {
    /// Which.
    pub unit_of_work: UnitOfWorkId,
    /// The coordinator's name for it.
    pub xid: Option<Xid>,
    /// Who may resolve it.
    pub disposition: Disposition,
}

/// What `DISPLAY QSTATUS` shows of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QueueStatus {
    /// Which.
    pub queue: QueueName,
    /// `CURDEPTH`: messages on it, those not committed included.
    pub current_depth: u32,
    /// `UNCOM`: how many of them belong to units of work that have not ended.
    pub uncommitted: u32,
}

/// What a call that worked is answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MqiAnswer {
    /// To `Connect`.
    Connected {
        /// The queue manager that answered.
        queue_manager: QueueManagerName,
        /// Which life of it.
        incarnation: Incarnation,
    },
    /// To `Open`.
    Opened {
        /// The handle.
        handle: ObjectHandle,
    },
    /// To `Put` and `Put1`.
    Put {
        /// The message identifier the message got.
        message_id: MessageId,
    },
    /// To `Get` and `Browse`.
    Got {
        /// The message.
        message: Message,
    },
    /// To `Recover`.
    Indoubt {
        /// The coordinator's transactions that are in doubt here.
        xids: Vec<Xid>,
    },
    /// To `DisplayIndoubt`.
    Threads {
        /// Units of work in doubt.
        threads: Vec<IndoubtThread>,
    },
    /// To `DisplayQueues`.
    Queues {
        /// Each queue.
        queues: Vec<QueueStatus>,
    },
    /// To everything else.
    Done,
}

/// What a queue manager answers to a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MqiReply {
    /// `MQCC_OK`.
    Ok(MqiAnswer),
    /// `MQCC_FAILED`, with the reason.
    Failed(Reason),
    /// Not an answer: the queue manager is quiescing; applications should commit and disconnect.
    Quiescing,
}

impl MqiCall {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        match self {
            MqiCall::Put { payload, .. } | MqiCall::Put1 { payload, .. } => Message::DESCRIPTOR_LENGTH + payload.length,
            _ => 128,
        }
    }
}

impl MqiReply {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        match self {
            MqiReply::Ok(MqiAnswer::Got { message }) => message.length(),
            _ => 128,
        }
    }
}
