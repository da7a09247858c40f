//! A message: descriptor and payload.
//!
//! The message descriptor holds the fields of `MQMD` that the modelled products act on. The payload is opaque to the
//! middleware: its length counts (links, log, structure elements), its identity and digest are there so that somebody
//! outside can say what became of it.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::name::{QueueManagerName, QueueName};
use crate::time::Time;

/// `MQMD.MsgId`: made unique by the queue manager that takes the put, unless the application gives one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageId(pub u128);

/// `MQMD.CorrelId`: by convention the message identifier of the request that this message answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CorrelationId(pub u128);

/// `MQMD.Persistence`: whether the message survives a restart of the queue manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Persistence {
    /// Not logged. Gone after a restart, except on a shared queue, whose structure outlives the queue manager.
    Nonpersistent,
    /// Logged; recovered from the log.
    Persistent,
}

/// `MQMD.Priority`: 0 (lowest) to 9.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Priority(u8);

impl Priority {
    /// The highest priority.
    pub const HIGHEST: Priority = Priority(9);

    /// A priority, if it is 0 to 9.
    #[must_use]
    pub const fn new(priority: u8) -> Option<Self> {
        if priority <= 9 { Some(Priority(priority)) } else { None }
    }

    /// 0 to 9.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// What the application sent: identity, length and digest stand for the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Payload {
    /// Unique for each payload that an application makes.
    pub identity: u64,
    /// Bytes.
    pub length: u32,
    /// Digest of the content; a message whose digest does not fit its identity was corrupted.
    pub digest: u32,
}

/// The fields of `MQMD` that the modelled products act on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MessageDescriptor {
    /// `MsgId`.
    pub message_id: MessageId,
    /// `CorrelId`.
    pub correlation_id: CorrelationId,
    /// `Persistence`.
    pub persistence: Persistence,
    /// `Priority`.
    pub priority: Priority,
    /// When the message expires (the product counts down tenths of a second); `None` for unlimited.
    pub expires: Option<Time>,
    /// `ReplyToQ`.
    pub reply_to_queue: Option<QueueName>,
    /// `ReplyToQMgr`: a queue manager or a queue-sharing group. Filled in by the queue manager when blank.
    pub reply_to_queue_manager: Option<QueueManagerName>,
    /// `BackoutCount`: how often a get of this message was backed out.
    pub backout_count: u32,
    /// When it was put, by the clock of the queue manager that took the put.
    pub put_time: Time,
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    /// What the middleware reads.
    pub descriptor: MessageDescriptor,
    /// What it carries.
    pub payload: Payload,
}

impl Message {
    /// Length of a message descriptor on the wire and in a structure, in bytes (`MQMD` version 2).
    pub const DESCRIPTOR_LENGTH: u32 = 364;

    /// Descriptor and payload, in bytes.
    #[must_use]
    pub const fn length(&self) -> u32 {
        Self::DESCRIPTOR_LENGTH + self.payload.length
    }

    /// Whether a get at `now` must pass it over.
    #[must_use]
    pub fn is_expired(&self, now: Time) -> bool {
        self.descriptor.expires.is_some_and(|at| at <= now)
    }

    /// What tests put: persistent, of 100 bytes, with its identity for a message identifier.
    #[cfg(test)]
    pub(crate) fn persistent(identity: u64, priority: u8, correlation: u128) -> Self {
        Message {
            descriptor: MessageDescriptor {
                message_id: MessageId(u128::from(identity)),
                correlation_id: CorrelationId(correlation),
                persistence: Persistence::Persistent,
                priority: Priority::new(priority).expect("a test knows which priorities there are"),
                expires: None,
                reply_to_queue: None,
                reply_to_queue_manager: None,
                backout_count: 0,
                put_time: Time::START,
            },
            payload: Payload { identity, length: 100, digest: 0 },
        }
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}
