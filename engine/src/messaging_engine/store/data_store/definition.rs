//! What an administrator says of a data store.

use crate::machine::Silence;
use crate::messaging_engine::definition::{EngineUuid, WasLevel};
use crate::name::{Address, MessagingEngineName, ProcessName, SchemaName};
use crate::time::{Duration, Time};

/// The persistent dispatcher: how late, and in what portions, reliable persistent messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DispatcherDefinition {
    /// Target latency of a write.
    pub latency: Duration,
    /// Changes of a batch, at most; so many waiting changes are written at once.
    pub batch: usize,
}

/// A data store. Names in parentheses are the product's custom properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataStoreDefinition {
    /// The engine.
    pub engine: MessagingEngineName,
    /// Its stable identity (`ME_UUID`).
    pub uuid: EngineUuid,
    /// The level of the server it runs in.
    pub was_level: WasLevel,
    /// That server's process: how the database knows the session.
    pub server: ProcessName,
    /// Where the database listens.
    pub database: Address,
    /// The engine's tables.
    pub schema: SchemaName,
    /// Restrict long running locks: ownership is recorded, not locked (8.5 and later; all instances alike).
    pub restrict_long_running_locks: bool,
    /// Whether an engine that lost its database fails (`jdbcFailoverOnDBConnectionLoss`), so that another server may try;
    /// otherwise it runs on and tries to come back for ever. `None`: as its level has it, yes from 7.0 on.
    pub failover_on_connection_loss: Option<bool>,
    /// How long a start waits for the database and for the lock (`jdbcInitialDatasourceWaitTimeout`).
    pub initial_wait: Duration,
    /// From 8.5 on: how long a running engine tries to come back (`jdbcConnectionRetryMaximumDuration`).
    pub retry_maximum: Duration,
    /// Pause before a connection is tried again (`jdbcStaleConnectionRetryDelay`).
    pub stale_retry_delay: Duration,
    /// Cycle in which ownership is refreshed (`jdbcDataStoreLockRefreshDelay`).
    pub lock_refresh: Duration,
    /// How long one attempt waits for a lock (`jdbcDataStoreLockPatienceDelay`).
    pub lock_patience: Duration,
    /// Restricted locks: pause between two looks at the owner row (`jdbcDataStoreDBLockRetryInterval`).
    pub lock_retry_interval: Duration,
    /// Restricted locks: after so many looks at which it has not moved, the owner is taken for dead
    /// (`jdbcDataStoreDBLockRetryCount`).
    pub lock_retry_count: u32,
    /// Before 8.5, when the session is lost: how long, after the next refresh is due, until the engine fails. A log of 7.0
    /// shows 9 s.
    pub lock_loss_patience: Duration,
    /// After what silence of the database the session is given up: a read time-out of the JDBC driver. Not documented as
    /// one value for all drivers; 30 s.
    pub read_timeout: Duration,
    /// The persistent dispatcher.
    pub dispatcher: DispatcherDefinition,
}

impl DataStoreDefinition {
    /// The product's defaults.
    #[must_use]
    pub fn new(
        engine: MessagingEngineName,
        uuid: EngineUuid,
        was_level: WasLevel,
        server: ProcessName,
        database: Address,
        schema: SchemaName,
    ) -> Self {
        DataStoreDefinition {
            engine,
            uuid,
            was_level,
            server,
            database,
            schema,
            restrict_long_running_locks: false,
            failover_on_connection_loss: None,
            initial_wait: Duration::from_secs(900),
            retry_maximum: Duration::from_secs(900),
            stale_retry_delay: Duration::from_secs(2),
            lock_refresh: Duration::from_secs(20),
            lock_patience: Duration::from_secs(5),
            lock_retry_interval: Duration::from_secs(20),
            lock_retry_count: 3,
            lock_loss_patience: Duration::from_secs(9),
            read_timeout: Duration::from_secs(30),
            dispatcher: DispatcherDefinition { latency: Duration::from_secs(1), batch: 64 },
        }
    }

    /// Whether an engine that lost its database fails.
    #[must_use]
    pub fn fails_on_connection_loss(&self) -> bool {
        self.failover_on_connection_loss.unwrap_or(self.was_level != WasLevel::V6_1)
    }

    /// When it takes the database for gone: it asks something at each refresh at the latest, and the driver gives up what
    /// is not answered in time.
    pub(super) fn silence(&self) -> Silence {
        Silence::Heartbeats { every: self.lock_refresh, timeout: self.read_timeout }
    }

    /// When an engine that has lost its session at `now` gives up; `None` for never.
    pub(super) fn gives_up_at(&self, now: Time, next_refresh: Time) -> Option<Time> {
        if !self.fails_on_connection_loss() {
            None
        } else if self.was_level.stops_engine_only() {
            Some(now + self.retry_maximum)
        } else {
            Some(next_refresh.max(now) + self.lock_loss_patience)
        }
    }
}
