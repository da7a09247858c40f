//! A message on a bus.
//!
//! The fields of a JMS message on which the bus acts. The payload is opaque, as everywhere.

use serde::{Deserialize, Serialize};

use super::reliability::Reliability;
use crate::message::{CorrelationId, MessageId, Payload, Priority};
use crate::name::DestinationName;
use crate::time::Time;

/// A message as an engine keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BusMessage {
    /// `JMSMessageID`: made by the engine that takes the message in.
    pub id: MessageId,
    /// `JMSCorrelationID`.
    pub correlation_id: CorrelationId,
    /// How hard the bus tries to keep it.
    pub reliability: Reliability,
    /// `JMSPriority`.
    pub priority: Priority,
    /// `JMSExpiration`; `None` for never.
    pub expires: Option<Time>,
    /// `JMSReplyTo`.
    pub reply_to: Option<DestinationName>,
    /// How many deliveries of it have failed; `JMSXDeliveryCount` is one more.
    pub failed_deliveries: u32,
    /// When the bus took it in, by the clock of that engine's host.
    pub sent_at: Time,
    /// What it carries.
    pub payload: Payload,
}

impl BusMessage {
    /// Length of the header fields and properties on the wire and in a store, in bytes.
    pub const HEADER_LENGTH: u32 = 512;

    /// Header and payload, in bytes.
    #[must_use]
    pub const fn length(&self) -> u32 {
        Self::HEADER_LENGTH + self.payload.length
    }

    /// Whether a receive at `now` must pass it over.
    #[must_use]
    pub fn is_expired(&self, now: Time) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }
}
