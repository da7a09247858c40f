//! What an administrator says of an application server.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ha_manager::definition::CoreGroupDefinition;
use crate::ha_manager::policy::GroupName;
use crate::messaging_engine::definition::{BusDefinition, MessagingEngineDefinition, WasLevel};
use crate::messaging_engine::store::data_store::DataStoreDefinition;
use crate::messaging_engine::store::file_store::FileStoreDefinition;
use crate::name::{Address, ClusterName, MessagingEngineName, ProcessName};
use crate::time::Duration;

/// Where an engine keeps its messages.
#[derive(Clone, Debug)]
pub enum StoreDefinition {
    /// In tables of a database.
    Data(DataStoreDefinition),
    /// In files.
    File(FileStoreDefinition),
}

/// What everybody in the bus knows of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerPlace {
    /// Where its clients find it.
    pub address: Address,
    /// Its cluster.
    pub cluster: ClusterName,
    /// The host it runs on.
    pub host: String,
}

/// An engine that a server may run.
#[derive(Clone, Debug)]
pub struct EngineInstanceDefinition {
    /// The engine.
    pub engine: Arc<MessagingEngineDefinition>,
    /// Its HA group.
    pub group: GroupName,
    /// Its message store.
    pub store: StoreDefinition,
}

/// When a disabled instance of an engine is enabled again without an administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutomaticReenable {
    /// After how long (`sib.meAutoReenablePeriod`).
    pub period: Duration,
    /// How often at most (`sib.meReenableCount`); `None` for no limit. The product's default is not documented.
    pub count: Option<u32>,
}

impl AutomaticReenable {
    /// 30 s after each failure, without a limit: from 8.5 on, for engines with a data store.
    pub const DEFAULT: AutomaticReenable = AutomaticReenable { period: Duration::from_secs(30), count: None };
}

/// What becomes of the server when an engine on it is not alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenNotAlive {
    /// The server is ended (HMGR0130I). Up to 8.0 always; from 8.5 for engines with a file store.
    EndServer,
    /// The instance is stopped and disabled. From 8.5 for engines with a data store.
    DisableInstance,
}

/// An application server of a cluster that is a member of a bus.
#[derive(Clone, Debug)]
pub struct ApplicationServerDefinition {
    /// Its process.
    pub process: ProcessName,
    /// Its level.
    pub was_level: WasLevel,
    /// Its core group.
    pub core_group: Arc<CoreGroupDefinition>,
    /// The bus.
    pub bus: Arc<BusDefinition>,
    /// The servers of the bus.
    pub servers: Arc<BTreeMap<ProcessName, ServerPlace>>,
    /// To which cluster each engine of the bus belongs.
    pub bus_members: Arc<BTreeMap<MessagingEngineName, ClusterName>>,
    /// Engines it may run.
    pub engines: Vec<EngineInstanceDefinition>,
    /// `None`: only an administrator, or a restart of the server, enables an instance.
    pub automatic_reenable: Option<AutomaticReenable>,
    /// After how long a silence a client is given up (JFAP heartbeat interval and timeout, 300 s and 7 s).
    pub client_silence: Duration,
    /// `sib.trm.linger`: how long a request for an engine waits until one is known.
    pub linger: Duration,
    /// How long a stop in good order may take before the server ends all the same.
    pub stop_patience: Duration,
}

impl ApplicationServerDefinition {
    /// What becomes of this server when an instance with this store is not alive.
    #[must_use]
    pub fn when_not_alive(&self, store: &StoreDefinition) -> WhenNotAlive {
        match store {
            StoreDefinition::Data(_) if self.was_level.stops_engine_only() => WhenNotAlive::DisableInstance,
            StoreDefinition::Data(_) | StoreDefinition::File(_) => WhenNotAlive::EndServer,
        }
    }

    /// Where clients, and administrators, find this server.
    ///
    /// # Panics
    /// If the server is not among the bus's servers: topologies list every server that they build.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.servers.get(&self.process).expect("every server that is built is listed").address
    }
}
