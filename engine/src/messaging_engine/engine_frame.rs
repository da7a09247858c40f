//! What messaging engines of one bus say to each other.
//!
//! Every engine connects to every other one that runs; over its own connection it sends the messages that it holds for the
//! other's queue points, and asks for messages on behalf of its consumers. Documented: IBM WebSphere Application Server,
//! "Messaging engine communication", "Remote message points"; the product's own protocol is not, its parts are modelled
//! after the names that the product shows of them.

use super::definition::IncarnationUuid;
use super::frame::Selection;
use super::message::BusMessage;
use crate::message::MessageId;
use crate::name::{DestinationName, MessagingEngineName};
use crate::time::Duration;

/// A frame between two engines. Those of the first part come from the engine that has opened the connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EngineFrame {
    /// The first frame of a connection.
    Hello {
        /// Who opened it.
        from: MessagingEngineName,
        /// Its start.
        incarnation: IncarnationUuid,
        /// To which engine.
        to: MessagingEngineName,
    },
    /// A message for a queue point of the other engine.
    Message {
        /// Of this queue.
        destination: DestinationName,
        /// The message.
        message: Box<BusMessage>,
        /// The message of the same stream that must have been stored before it.
        after: Option<MessageId>,
    },
    /// A consumer wants a message.
    Request {
        /// Which consumer's receive.
        request: u64,
        /// From this queue.
        destination: DestinationName,
        /// Which messages.
        selection: Selection,
        /// How long it waits.
        wait: Duration,
    },
    /// A consumer no longer wants one.
    Cancel {
        /// Which receive.
        request: u64,
    },
    /// A message that was delivered is consumed for good.
    Accept {
        /// From this queue.
        destination: DestinationName,
        /// By its lock.
        lock: u64,
    },
    /// A message that was delivered is given back.
    Reject {
        /// From this queue.
        destination: DestinationName,
        /// By its lock.
        lock: u64,
        /// Whether a delivery to a consumer has failed.
        is_failed_delivery: bool,
    },

    /// The answer to `Hello`: the connection stands.
    Welcome {
        /// The start of the engine that answers.
        incarnation: IncarnationUuid,
    },
    /// The answer to `Hello` where the engine is not started.
    NotStarted,
    /// Messages are stored; the sender may forget them.
    Acknowledgement {
        /// On the queue point of this queue.
        destination: DestinationName,
        /// Which.
        messages: Vec<MessageId>,
    },
    /// Messages could not be taken; the sender is to try again.
    Refused {
        /// For this queue.
        destination: DestinationName,
        /// Which.
        messages: Vec<MessageId>,
    },
    /// A message for a consumer: remotely locked until it is accepted or rejected.
    Delivery {
        /// For which receive.
        request: u64,
        /// From this queue.
        destination: DestinationName,
        /// Its lock: unique for ever on that engine.
        lock: u64,
        /// The message.
        message: Box<BusMessage>,
    },
    /// There was no message within the time of the receive.
    Nothing {
        /// Which receive.
        request: u64,
    },
    /// An acceptance is stored.
    Accepted {
        /// From this queue.
        destination: DestinationName,
        /// By its lock.
        lock: u64,
    },
    /// What became of these messages?
    DecisionExpected {
        /// From this queue.
        destination: DestinationName,
        /// By their locks.
        locks: Vec<u64>,
    },
}

impl EngineFrame {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        match self {
            EngineFrame::Message { message, .. } | EngineFrame::Delivery { message, .. } => 96 + message.length(),
            EngineFrame::DecisionExpected { locks, .. } => {
                u32::try_from(locks.len()).unwrap_or(u32::MAX).saturating_mul(8).saturating_add(96)
            }
            EngineFrame::Acknowledgement { messages, .. } | EngineFrame::Refused { messages, .. } => {
                u32::try_from(messages.len()).unwrap_or(u32::MAX).saturating_mul(16).saturating_add(96)
            }
            _ => 128,
        }
    }
}
