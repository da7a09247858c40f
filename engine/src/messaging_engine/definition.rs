//! What an administrator says of a bus: its destinations and its messaging engines.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::reliability::Reliability;
use crate::name::{BusName, DestinationName, MessagingEngineName};
use crate::time::Duration;

/// The level of WebSphere Application Server: engines and HA manager behave differently at different levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WasLevel {
    /// 6.1: no failover on loss of the database connection by default.
    V6_1,
    /// 7.0: failover on loss of the database connection, by ending the server.
    V7,
    /// 8.0: as 7.0.
    V8,
    /// 8.5: a failing engine is stopped and disabled, its server lives on; restricted long-running locks; persisted
    /// redelivery counts.
    V8_5,
    /// 9.0: as 8.5.
    V9,
}

impl WasLevel {
    /// As the product writes it: `8.5`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            WasLevel::V6_1 => "6.1",
            WasLevel::V7 => "7.0",
            WasLevel::V8 => "8.0",
            WasLevel::V8_5 => "8.5",
            WasLevel::V9 => "9.0",
        }
    }

    /// Whether a failing engine is stopped and disabled on its server, which lives on. Before 8.5 the server is ended.
    #[must_use]
    pub const fn stops_engine_only(self) -> bool {
        matches!(self, WasLevel::V8_5 | WasLevel::V9)
    }

    /// Whether the data store's tables have a column for the redelivery count.
    #[must_use]
    pub const fn persists_redelivery_count(self) -> bool {
        matches!(self, WasLevel::V8_5 | WasLevel::V9)
    }
}

/// A messaging engine's stable identity, `ME_UUID`: made when the engine is created, other if it is deleted and created
/// again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EngineUuid(pub String);

/// One start of one instance of an engine, `INC_UUID`: new at every start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IncarnationUuid(pub String);

/// Where a message goes that was delivered too often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ExceptionDestination {
    /// Nowhere: it is offered again and again, after the blocked retry interval.
    None,
    /// `_SYSTEM.Exception.Destination.<engine>` of the engine that holds it.
    #[default]
    System,
    /// This one; if it cannot be used, the system's.
    Specific(DestinationName),
}

/// A queue of the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationDefinition {
    /// The engines that have a queue point of it. More than one: the queue is partitioned.
    pub queue_points: Vec<MessagingEngineName>,
    /// Reliability of messages whose producer asks for none.
    pub default_reliability: Reliability,
    /// Highest reliability that a producer may ask for.
    pub maximum_reliability: Reliability,
    /// Where a message goes after too many failed deliveries.
    pub exception_destination: ExceptionDestination,
    /// How many.
    pub maximum_failed_deliveries: u32,
    /// Pause before a message that has failed too often, and has nowhere to go, is offered again.
    pub blocked_retry_interval: Duration,
    /// High message threshold: more messages than this are refused on a queue point.
    pub high_message_threshold: u32,
}

impl Default for DestinationDefinition {
    /// As the administrative console creates it: default reliability assured persistent, maximum the same, system
    /// exception destination after 5 failed deliveries, 5 s blocked retry, 50000 messages.
    fn default() -> Self {
        DestinationDefinition {
            queue_points: Vec::new(),
            default_reliability: Reliability::AssuredPersistent,
            maximum_reliability: Reliability::AssuredPersistent,
            exception_destination: ExceptionDestination::System,
            maximum_failed_deliveries: 5,
            blocked_retry_interval: Duration::from_secs(5),
            high_message_threshold: 50_000,
        }
    }
}

/// Whether an engine is to run when it is activated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InitialState {
    /// Starts when activated.
    #[default]
    Started,
    /// Waits for an administrator.
    Stopped,
}

/// A bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusDefinition {
    /// Its name.
    pub name: BusName,
    /// Its destinations. Exception destinations of engines need no definition.
    pub destinations: BTreeMap<DestinationName, DestinationDefinition>,
    /// Its engines.
    pub engines: Vec<MessagingEngineName>,
}

/// When a message point begins to spill, and when it ends. Names in parentheses are the product's custom properties.
///
/// It begins when one upper limit is reached, and ends when it is down to both lower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpillLimits {
    /// Messages, on average (`sib.msgstore.spillUpperLimit`).
    pub upper_messages: u64,
    /// Messages (`sib.msgstore.spillLowerLimit`).
    pub lower_messages: u64,
    /// Bytes of messages (`sib.msgstore.spillUpperSizeLimit`).
    pub upper_bytes: u64,
    /// Bytes of messages (`sib.msgstore.spillLowerSizeLimit`).
    pub lower_bytes: u64,
}

impl Default for SpillLimits {
    /// The product's defaults.
    fn default() -> Self {
        SpillLimits { upper_messages: 20, lower_messages: 2, upper_bytes: 4_000_000, lower_bytes: 400_000 }
    }
}

/// A messaging engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagingEngineDefinition {
    /// Its name.
    pub name: MessagingEngineName,
    /// Its stable identity.
    pub uuid: EngineUuid,
    /// Whether it is to run when activated.
    pub initial_state: InitialState,
    /// The level of the servers that may run it.
    pub was_level: WasLevel,
    /// For how long a stop in good order (mode immediate) lets operations in progress end.
    pub quiesce_time: Duration,
    /// Time that the engine takes between having its store and being started: reconciling destinations.
    pub reconcile_time: Duration,
    /// When its message points spill.
    pub spill_limits: SpillLimits,
    /// Pause before it tries again to connect to another engine (`sib.trm.retry`).
    pub connection_retry: Duration,
}

impl MessagingEngineDefinition {
    /// The product's default of [`connection_retry`](Self::connection_retry).
    pub const DEFAULT_CONNECTION_RETRY: Duration = Duration::from_secs(30);
}

/// The name of the exception destination of an engine.
#[must_use]
pub fn system_exception_destination(engine: &MessagingEngineName) -> DestinationName {
    DestinationName::from(format!("_SYSTEM.Exception.Destination.{engine}"))
}
