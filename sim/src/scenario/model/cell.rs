//! A cell of application servers with a service integration bus, and the servers that keep its messages.

use std::collections::BTreeMap;
use std::time::Duration;

use indoubt_engine::file_server::FileSystemKind;
use indoubt_engine::ha_manager::assistance::PolicyAssistance;
use indoubt_engine::ha_manager::policy::{GroupName, Policy, PolicyChange, PolicySet};
use indoubt_engine::messaging_engine::definition::{DestinationDefinition, InitialState, WasLevel};
use indoubt_engine::name::{BusName, ClusterName, CoreGroupName, DestinationName, MessagingEngineName, ProcessName};

use super::Disk;

/// A cell: one core group, one bus.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Level of all its servers.
    pub was_level: WasLevel,
    /// Its core group.
    pub core_group: CoreGroup,
    /// `sib.trm.linger`: how long a bootstrap server has a client wait for an engine.
    pub trm_linger: Duration,
    /// `sib.trm.retry`: pause before an engine tries again to connect to another one.
    pub trm_retry: Duration,
    /// Database servers.
    pub databases: Vec<Database>,
    /// File servers.
    pub file_servers: Vec<FileServer>,
    /// The deployment manager, if it runs.
    pub deployment_manager: Option<DeploymentManager>,
    /// The node agents.
    pub node_agents: Vec<NodeAgent>,
    /// Clusters of application servers.
    pub clusters: Vec<Cluster>,
    /// Policies that an administrator has made, besides the *Default SIBus Policy* and those of policy assistance, or has
    /// put in the place of one of these.
    pub policies: Vec<Policy>,
    /// The bus.
    pub bus: Bus,
}

/// What a core group's administrator can set.
#[derive(Clone, Debug)]
pub struct CoreGroup {
    /// Its name.
    pub name: CoreGroupName,
    /// `IBM_CS_FD_PERIOD_SECS`.
    pub heartbeat_period: Duration,
    /// `IBM_CS_FD_CONSECUTIVE_MISSED`.
    pub missed_heartbeats: u32,
    /// How often unconnected members are tried again.
    pub discovery_interval: Duration,
    /// Is-alive timer of the core group service, for groups whose policy has none of its own; `None`: no such checks.
    pub is_alive_interval: Option<Duration>,
    /// Preferred coordinators, by name of the process.
    pub preferred_coordinators: Vec<String>,
}

/// A database server.
#[derive(Clone, Debug)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// The host it runs on.
    pub host: String,
    /// TCP keep-alive of its host: for how long a silent client's session lives on.
    pub keep_alive: Duration,
    /// How long a start takes: crash recovery.
    pub start_duration: Duration,
    /// Bytes that its tables can hold.
    pub capacity: Option<u64>,
    /// Its disk.
    pub disk: Disk,
}

/// A file server.
#[derive(Clone, Debug)]
pub struct FileServer {
    /// Its name.
    pub name: String,
    /// The host it runs on.
    pub host: String,
    /// What kind of file system it serves: which rule releases the locks of the dead.
    pub kind: FileSystemKind,
    /// How long a start takes.
    pub start_duration: Duration,
    /// Bytes that it can hold.
    pub capacity: Option<u64>,
    /// Its disk.
    pub disk: Disk,
}

/// The deployment manager: for the core group, one more member.
#[derive(Clone, Debug)]
pub struct DeploymentManager {
    /// The name of its process.
    pub name: String,
    /// The host it runs on.
    pub host: String,
}

/// A node agent.
#[derive(Clone, Debug)]
pub struct NodeAgent {
    /// The name of its process.
    pub name: String,
    /// The host, and so the node.
    pub host: String,
    /// Monitoring policy *automatic restart*: how long after the end of a server it starts it again; `None`: it does not.
    pub restart_delay: Option<Duration>,
}

/// A cluster: a member of the bus if it has messaging engines.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its name.
    pub name: ClusterName,
    /// Its servers, in the order of the file.
    pub servers: Vec<ApplicationServer>,
    /// Messaging engine policy assistance, if it is used.
    pub policy_assistance: Option<PolicyAssistance>,
    /// Its engines.
    pub engines: Vec<MessagingEngine>,
}

/// An application server.
#[derive(Clone, Debug)]
pub struct ApplicationServer {
    /// Its name.
    pub name: String,
    /// The host, and so the node.
    pub host: String,
    /// How long a restart takes.
    pub start_duration: Duration,
    /// *Allow activation*: whether the HA manager may activate anything on it.
    pub allow_activation: bool,
}

/// A messaging engine.
#[derive(Clone, Debug)]
pub struct MessagingEngine {
    /// Its name.
    pub name: MessagingEngineName,
    /// *Initial state*.
    pub initial_state: InitialState,
    /// Where it keeps its messages.
    pub message_store: MessageStore,
}

/// Where an engine keeps its messages.
#[derive(Clone, Debug)]
pub enum MessageStore {
    /// In a schema of a database.
    DataStore {
        /// The database server.
        database: String,
        /// The schema in it, if it is not one of the engine's own.
        schema: Option<String>,
        /// *Restrict long running locks*.
        restrict_long_running_locks: bool,
        /// `jdbcFailoverOnDBConnectionLoss`; `None` for the level's default.
        failover_on_connection_loss: Option<bool>,
        /// `jdbcInitialDatasourceWaitTimeout`, if it is not the default.
        initial_wait: Option<Duration>,
        /// `sib.meAutoReenablePeriod`, if it is not the default.
        reenable_period: Option<Duration>,
        /// `sib.meReenableCount`.
        reenable_count: Option<u32>,
    },
    /// In a directory of a file server.
    FileStore {
        /// The file server.
        file_server: String,
        /// A soft mount, and how long it waits for an answer; `None` for a hard one.
        soft_timeout: Option<Duration>,
    },
}

/// The bus.
#[derive(Clone, Debug)]
pub struct Bus {
    /// Its name.
    pub name: BusName,
    /// Its queues; `queue_points` are all engines of the bus member.
    pub queues: BTreeMap<DestinationName, DestinationDefinition>,
}

impl Cell {
    /// Every application server with its cluster.
    pub fn servers(&self) -> impl Iterator<Item = (&ApplicationServer, &Cluster)> {
        self.clusters.iter().flat_map(|cluster| cluster.servers.iter().map(move |server| (server, cluster)))
    }

    /// The names of the processes on a host.
    pub fn processes_on(&self, host: &str) -> impl Iterator<Item = String> {
        let databases = self.databases.iter().map(|database| (&database.host, &database.name));
        let file_servers = self.file_servers.iter().map(|server| (&server.host, &server.name));
        let agents = self.node_agents.iter().map(|agent| (&agent.host, &agent.name));
        let manager = self.deployment_manager.iter().map(|manager| (&manager.host, &manager.name));
        let servers = self.servers().map(|(server, _)| (&server.host, &server.name));
        let all = databases.chain(file_servers).chain(agents).chain(manager).chain(servers);
        all.filter(move |(on, _)| *on == host).map(|(_, name)| name.clone())
    }

    /// Whether a node agent starts this process again when it has ended.
    #[must_use]
    pub fn is_restarted(&self, process: &str) -> bool {
        self.servers().any(|(server, _)| {
            let agent = self.node_agents.iter().find(|agent| agent.host == server.host);
            server.name == process && agent.is_some_and(|agent| agent.restart_delay.is_some())
        })
    }

    /// The policies of the core group when the run begins: the product's own, those that policy assistance makes, and those
    /// that an administrator has made or changed.
    #[must_use]
    pub fn policy_set(&self) -> PolicySet {
        let by_assistance = self.clusters.iter().flat_map(|cluster| {
            let servers: Vec<ProcessName> =
                cluster.servers.iter().map(|server| ProcessName::from(server.name.as_str())).collect();
            let assistance = cluster.policy_assistance.iter();
            assistance.flat_map(move |assistance| assistance.generate(&cluster.name, &servers, &self.bus.name))
        });
        let set = PolicySet::with_default(by_assistance.collect());
        let changed = set.changed(&PolicyChange { remove: Vec::new(), save: self.policies.clone() });
        PolicySet { revision: set.revision, ..changed }
    }

    /// The high availability group of an engine's instances.
    #[must_use]
    pub fn group(&self, engine: &MessagingEngine, cluster: &Cluster) -> GroupName {
        GroupName::of_messaging_engine(&cluster.name, &self.bus.name, &engine.name)
    }

    /// How often an active instance of an engine is asked whether it is alive, when the run begins; `None` for never.
    #[must_use]
    pub fn is_alive_interval(&self, engine: &MessagingEngine, cluster: &Cluster) -> Option<Duration> {
        self.policy_set().is_alive_interval(&self.group(engine, cluster), self.core_group.is_alive_interval)
    }

    /// Every engine with its cluster.
    pub fn engines(&self) -> impl Iterator<Item = (&MessagingEngine, &Cluster)> {
        self.clusters.iter().flat_map(|cluster| cluster.engines.iter().map(move |engine| (engine, cluster)))
    }
}
