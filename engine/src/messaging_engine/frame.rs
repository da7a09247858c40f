//! What a client of the bus and the bus say to each other (the product's JFAP channel).
//!
//! A client first asks a bootstrap server, any application server with the bus service, for an engine, then connects to
//! that engine and calls it. One call is outstanding at a time; what is sent one way (express and below, outside a
//! transaction) is not answered. Documented: IBM WebSphere Application Server, "How JMS applications connect to a
//! messaging engine on a bus".

use std::collections::BTreeSet;
use std::fmt;

use super::message::BusMessage;
use super::reliability::Reliability;
use crate::message::{CorrelationId, MessageId, Payload, Priority};
use crate::name::{Address, BusName, ClusterName, DestinationName, MessagingEngineName};
use crate::time::Duration;
use crate::unit_of_work::{Outcome, Xid};

/// Which engines a client wants (connection factory property *target*).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Any engine of the bus.
    Any,
    /// Any engine of this bus member.
    BusMember(ClusterName),
    /// This engine.
    MessagingEngine(MessagingEngineName),
}

/// Whether any other engine will do (*target significance*).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetSignificance {
    /// Another one will do if the target is not there.
    #[default]
    Preferred,
    /// No other one.
    Required,
}

/// How near the engine must be to the bootstrap server (*connection proximity*).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConnectionProximity {
    /// Anywhere in the bus.
    #[default]
    Bus,
    /// In the cluster of the bootstrap server.
    Cluster,
    /// On the host of the bootstrap server.
    Host,
    /// In the bootstrap server.
    Server,
}

/// Whether an operation belongs to the connection's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// To the connection's transaction: local, or the one that `Begin` has associated.
    Transacted,
    /// Final by itself: a send outside a transaction, a receive in a session with automatic acknowledgement.
    Automatic,
    /// A receive whose message stays locked to the connection until it is acknowledged or recovered.
    Acknowledged,
}

/// Which messages a receive wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selection {
    /// Any.
    Any,
    /// Those with this `JMSCorrelationID`.
    Correlation(CorrelationId),
}

/// A message as its producer hands it over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OutgoingMessage {
    /// `JMSCorrelationID`.
    pub correlation_id: CorrelationId,
    /// `None` for the destination's default.
    pub reliability: Option<Reliability>,
    /// `JMSPriority`; `None` for 4.
    pub priority: Option<Priority>,
    /// Time to live; `None` for unlimited.
    pub expiry: Option<Duration>,
    /// `JMSReplyTo`.
    pub reply_to: Option<DestinationName>,
    /// Content.
    pub payload: Payload,
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BusCall {
    /// Of a bootstrap server: which engine is it to connect to?
    Bootstrap {
        /// Of this bus.
        bus: BusName,
        /// Which.
        target: Target,
        /// Or another one.
        significance: TargetSignificance,
        /// How near.
        proximity: ConnectionProximity,
    },
    /// Of the server on which the engine runs: a connection to the engine.
    Connect {
        /// Who asks.
        application: String,
        /// Which engine.
        engine: MessagingEngineName,
    },
    /// `send`.
    Send {
        /// Where.
        destination: DestinationName,
        /// What.
        message: OutgoingMessage,
        /// In a transaction or not.
        scope: Scope,
        /// Sent one way: there is no reply. Only outside a transaction.
        one_way: bool,
    },
    /// `receive`.
    Receive {
        /// From where.
        destination: DestinationName,
        /// Which messages.
        selection: Selection,
        /// How long it waits; zero for `receiveNoWait`.
        wait: Duration,
        /// How it is acknowledged.
        scope: Scope,
    },
    /// `acknowledge`: everything received with [`Scope::Acknowledged`] is final.
    Acknowledge,
    /// `recover`: everything received with [`Scope::Acknowledged`] is unlocked, its delivery failed.
    Recover,
    /// Commits the local transaction.
    Commit,
    /// Rolls back the local transaction, or the two-phase one that is associated.
    Rollback,
    /// `xa_start`.
    Begin {
        /// The global transaction.
        xid: Xid,
    },
    /// `xa_prepare`.
    Prepare {
        /// The global transaction.
        xid: Xid,
    },
    /// `xa_commit` or `xa_rollback` of a prepared transaction.
    Resolve {
        /// The global transaction.
        xid: Xid,
        /// Which.
        outcome: Outcome,
    },
    /// `xa_recover`: what this coordinator has in doubt here.
    RecoverIndoubt {
        /// The coordinator.
        coordinator: String,
    },
    /// As an administrator: every message on the queue points of this engine, whatever its state, and what is in doubt.
    Inspect,
    /// Closes the connection in good order; work that is not committed is rolled back.
    Close,
    /// Of the server in which the caller lives: which engines run in that server, now and whenever that changes
    /// (*messaging engine listener*).
    WatchLocalEngines {
        /// Of this bus.
        bus: BusName,
    },
}

/// The state of a message on a queue point. Documented: IBM WebSphere Application Server, "Message states".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageState {
    /// Can be received.
    Available,
    /// Locked to a consumer of this engine.
    Locked,
    /// Locked to a consumer that is connected to this other engine.
    RemoteLocked(MessagingEngineName),
    /// Being received in a transaction; the global one, if it is one.
    Removing(Option<Xid>),
    /// Being sent in a transaction; the global one, if it is one.
    Committing(Option<Xid>),
    /// On a remote message point: waits to be sent to this engine.
    PendingSend(MessagingEngineName),
    /// On a remote message point: sent to this engine, which has not acknowledged it.
    PendingAcknowledgement(MessagingEngineName),
}

/// A message on a queue point, or on a remote message point for a queue point elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InspectedMessage {
    /// Where.
    pub destination: DestinationName,
    /// What.
    pub message: BusMessage,
    /// Its state.
    pub state: MessageState,
}

/// Why a call failed. The product throws exceptions; these are their reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BusReason {
    /// `SIConnectionLostException`, `SIConnectionDroppedException`: the connection is gone.
    ConnectionLost,
    /// CWSIT0019E, CWSIT0103E: no messaging engine that would do is known to run.
    NoMessagingEngine,
    /// The engine is not on this server, or not started.
    EngineNotStarted,
    /// The engine is stopping: new work is refused.
    EngineQuiescing,
    /// `SINotPossibleInCurrentConfigurationException`: no such destination on this bus.
    UnknownDestination,
    /// The destination is full (high message threshold).
    DestinationFull,
    /// `ObjectStoreFullException` (CWSOM1042E) or a full database: the message store cannot take more.
    StoreFull,
    /// The reliability asked for is above the destination's maximum.
    ReliabilityTooHigh,
    /// `SIRollbackException`: the transaction was rolled back.
    RolledBack,
    /// No message within the time that the receive waits.
    NoMessage,
    /// The transaction is unknown (`XAER_NOTA`).
    UnknownTransaction,
    /// The call makes no sense now (`XAER_PROTO`, `SIIncorrectCallException`).
    IncorrectCall,
    /// `SIErrorException`: the store failed in the middle; whether the work is done is not known.
    StoreFailed,
}

impl fmt::Display for BusReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BusReason::ConnectionLost => "the connection is gone",
            BusReason::NoMessagingEngine => "no suitable messaging engine is known",
            BusReason::EngineNotStarted => "the messaging engine is not started",
            BusReason::EngineQuiescing => "the messaging engine is stopping",
            BusReason::UnknownDestination => "there is no such destination",
            BusReason::DestinationFull => "the destination is full",
            BusReason::StoreFull => "the message store is full",
            BusReason::ReliabilityTooHigh => "the reliability is above the maximum of the destination",
            BusReason::RolledBack => "the transaction was rolled back",
            BusReason::NoMessage => "there is no message",
            BusReason::UnknownTransaction => "the transaction is unknown",
            BusReason::IncorrectCall => "the call makes no sense now",
            BusReason::StoreFailed => "the message store failed",
        })
    }
}

/// What the bus answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BusReply {
    /// Connect there.
    Redirect {
        /// The server on which the engine runs.
        server: Address,
        /// The engine.
        engine: MessagingEngineName,
    },
    /// The connection to the engine stands.
    Connected {
        /// The engine.
        engine: MessagingEngineName,
    },
    /// The message has been taken.
    Sent {
        /// Its identifier.
        id: MessageId,
    },
    /// A message.
    Received {
        /// Which.
        message: Box<BusMessage>,
    },
    /// Done.
    Done,
    /// Transactions in doubt.
    Indoubt {
        /// Which.
        xids: Vec<Xid>,
    },
    /// What is on the engine's queue points.
    Inspected {
        /// Messages.
        messages: Vec<InspectedMessage>,
        /// Transactions in doubt.
        indoubt: Vec<Xid>,
    },
    /// It failed.
    Failed(BusReason),
    /// Not an answer: the engine is about to stop; clients are to leave.
    Quiescing,
    /// Not an answer: the engine has gone; the connection is dropped.
    Terminated,
    /// To whom watches the engines of a server: at once, and again whenever one has started or ended.
    LocalEngines(LocalEngines),
}

/// The engines of a bus in one server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LocalEngines {
    /// Those that may run there: the server has an instance of each.
    pub installed: BTreeSet<MessagingEngineName>,
    /// Those that run.
    pub running: BTreeSet<MessagingEngineName>,
}

impl BusCall {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        match self {
            BusCall::Send { message, .. } => BusMessage::HEADER_LENGTH + message.payload.length,
            _ => 128,
        }
    }
}

impl BusReply {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        match self {
            BusReply::Received { message } => 64 + message.length(),
            BusReply::Inspected { messages, .. } => {
                messages.iter().map(|inspected| inspected.message.length()).fold(128, u32::saturating_add)
            }
            _ => 96,
        }
    }
}
