//! Who runs where in a cell: databases and file servers first, then node agents and the deployment manager, then the
//! application servers with their engines.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use indoubt_engine::application_server::ApplicationServer;
use indoubt_engine::application_server::definition::{
    ApplicationServerDefinition, AutomaticReenable, EngineInstanceDefinition, ServerPlace, StoreDefinition,
};
use indoubt_engine::database::DatabaseServer;
use indoubt_engine::database::{Capacity, DatabaseDefinition};
use indoubt_engine::file_server::frame::HostName;
use indoubt_engine::file_server::{FileServer, FileServerDefinition};
use indoubt_engine::ha_manager::definition::{CoreGroupDefinition, MemberDefinition};
use indoubt_engine::ha_manager::member::{CoreGroupMember, MonitoringPolicy};
use indoubt_engine::messaging_engine::definition::{BusDefinition, EngineUuid, MessagingEngineDefinition, SpillLimits};
use indoubt_engine::messaging_engine::store::data_store::DataStoreDefinition;
use indoubt_engine::messaging_engine::store::file_store::FileStoreDefinition;
use indoubt_engine::name::{Address, ClusterName, DirectoryName, MessagingEngineName, ProcessName, SchemaName};

use super::super::{Plan, ProcessKind};
use crate::fabric::{DiskId, DiskOptions, Fabric, LinkKind, machine_body};
use crate::scenario::model::{self, Cell, Disk, MessageStore, Place};

/// JFAP heartbeat interval and timeout: after so long a silence a server gives a client up.
const CLIENT_SILENCE: Duration = Duration::from_secs(307);

/// How long a server that is stopped in good order waits for its engines.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// For how long an engine that is stopped with mode *immediate* lets operations in progress end.
const QUIESCE_TIME: Duration = Duration::from_secs(10);

/// How long a node agent waits for a server that it has started, at least.
const START_TIMEOUT: Duration = Duration::from_secs(300);

/// Start of a node agent or deployment manager.
const MEMBER_START: Duration = Duration::from_secs(20);

/// Reconciling a handful of destinations.
const RECONCILE_TIME: Duration = Duration::from_millis(500);

/// Where clients of the bus and administrators find a server.
pub(super) fn endpoint(server: &str) -> Address {
    Address::from(format!("{server}{SIB_ENDPOINT}"))
}

/// The server that is found there.
pub(super) fn server_at(endpoint: &Address) -> &str {
    endpoint.as_str().strip_suffix(SIB_ENDPOINT).unwrap_or(endpoint.as_str())
}

const SIB_ENDPOINT: &str = "/SIB_ENDPOINT_ADDRESS";

/// Where the other members of the core group find a process.
fn core_group_address(process: &str) -> Address {
    Address::from(format!("{process}/DCS_UNICAST_ADDRESS"))
}

fn database_address(database: &str) -> Address {
    Address::from(format!("{database}/sessions"))
}

fn file_server_address(file_server: &str) -> Address {
    Address::from(format!("{file_server}/files"))
}

/// All processes of the cell.
pub(super) fn plan(cell: &Cell, fabric: &Fabric) -> Vec<Plan> {
    let mut plans = Vec::new();
    plans.extend(cell.databases.iter().map(|database| database_plan(database, fabric)));
    plans.extend(cell.file_servers.iter().map(|server| file_server_plan(server, cell, fabric)));
    let core_group = Arc::new(core_group(cell));
    for member in &core_group.members {
        fabric.declare_address(member.address.clone(), LinkKind::Network, Duration::ZERO);
    }
    for (server, _) in cell.servers() {
        fabric.declare_address(endpoint(&server.name), LinkKind::Network, Duration::ZERO);
    }
    for agent in &cell.node_agents {
        plans.push(member_plan(&agent.name, &agent.host, monitored(agent, cell), &core_group));
    }
    if let Some(manager) = &cell.deployment_manager {
        plans.push(member_plan(&manager.name, &manager.host, Vec::new(), &core_group));
    }
    let bus = Arc::new(bus_definition(cell));
    let servers = Arc::new(server_places(cell));
    let members = cell.engines().map(|(engine, cluster)| (engine.name.clone(), cluster.name.clone()));
    let bus_members: Arc<BTreeMap<MessagingEngineName, ClusterName>> = Arc::new(members.collect());
    for (server, cluster) in cell.servers() {
        let definition = ApplicationServerDefinition {
            process: ProcessName::from(server.name.as_str()),
            was_level: cell.was_level,
            core_group: core_group.clone(),
            bus: bus.clone(),
            servers: servers.clone(),
            bus_members: bus_members.clone(),
            engines: cluster.engines.iter().map(|engine| instance(engine, cluster, server, cell)).collect(),
            automatic_reenable: reenable(cluster, cell),
            client_silence: CLIENT_SILENCE,
            linger: cell.trm_linger,
            stop_patience: STOP_PATIENCE,
        };
        plans.push(Plan {
            name: server.name.clone(),
            kind: ProcessKind::Server,
            home: Place::Host(server.host.clone()),
            within: None,
            disk: None,
            body: machine_body(move |_| ApplicationServer::new(definition.clone())),
            restart: server.start_duration,
        });
    }
    plans
}

fn disk(name: &str, disk: Disk, fabric: &Fabric) -> DiskId {
    fabric.add_disk(DiskOptions { name: format!("{name}/disk"), force: disk.force, capacity: disk.capacity })
}

fn database_plan(database: &model::Database, fabric: &Fabric) -> Plan {
    let address = database_address(&database.name);
    fabric.declare_address(address.clone(), LinkKind::Network, Duration::ZERO);
    let definition = DatabaseDefinition {
        session_keep_alive: database.keep_alive,
        capacity: database.capacity.map(Capacity::Bytes),
        start_time: Duration::ZERO,
        ..DatabaseDefinition::new(ProcessName::from(database.name.as_str()), address)
    };
    Plan {
        name: database.name.clone(),
        kind: ProcessKind::Server,
        home: Place::Host(database.host.clone()),
        within: None,
        disk: Some(disk(&database.name, database.disk, fabric)),
        body: machine_body(move |_| DatabaseServer::new(definition.clone())),
        restart: database.start_duration,
    }
}

/// The directory of an engine on a file server.
fn directory(engine: &MessagingEngineName) -> DirectoryName {
    DirectoryName::from(engine.as_str())
}

fn file_server_plan(server: &model::FileServer, cell: &Cell, fabric: &Fabric) -> Plan {
    let address = file_server_address(&server.name);
    fabric.declare_address(address.clone(), LinkKind::Network, Duration::ZERO);
    let on_it = cell.engines().filter(|(engine, _)| {
        matches!(&engine.message_store, MessageStore::FileStore { file_server, .. } if *file_server == server.name)
    });
    let definition = FileServerDefinition {
        name: ProcessName::from(server.name.as_str()),
        address,
        kind: server.kind,
        capacity: server.capacity,
        directories: on_it.map(|(engine, _)| directory(&engine.name)).collect(),
    };
    Plan {
        name: server.name.clone(),
        kind: ProcessKind::Server,
        home: Place::Host(server.host.clone()),
        within: None,
        disk: Some(disk(&server.name, server.disk, fabric)),
        body: machine_body(move |_| FileServer::new(definition.clone())),
        restart: server.start_duration,
    }
}

/// The core group: every process of the cell but the stores' servers.
fn core_group(cell: &Cell) -> CoreGroupDefinition {
    let member = |process: &str, cluster: Option<&ClusterName>, allow_activation: bool| MemberDefinition {
        process: ProcessName::from(process),
        address: core_group_address(process),
        cluster: cluster.cloned(),
        allow_activation,
    };
    let agents = cell.node_agents.iter().map(|agent| member(&agent.name, None, false));
    let manager = cell.deployment_manager.iter().map(|manager| member(&manager.name, None, false));
    let servers =
        cell.servers().map(|(server, cluster)| member(&server.name, Some(&cluster.name), server.allow_activation));
    let preferred = cell.core_group.preferred_coordinators.iter();
    CoreGroupDefinition {
        preferred_coordinators: preferred.map(|name| ProcessName::from(name.as_str())).collect(),
        heartbeat_period: cell.core_group.heartbeat_period,
        missed_heartbeats: cell.core_group.missed_heartbeats,
        discovery_interval: cell.core_group.discovery_interval,
        is_alive_interval: cell.core_group.is_alive_interval,
        policies: cell.policy_set(),
        ..CoreGroupDefinition::new(cell.core_group.name.clone(), agents.chain(manager).chain(servers).collect())
    }
}

/// The servers that a node agent watches, if it starts them again.
fn monitored(agent: &model::NodeAgent, cell: &Cell) -> Vec<MonitoringPolicy> {
    let here = cell.servers().filter(|(server, _)| server.host == agent.host);
    let policy = |(server, _): (&model::ApplicationServer, _)| {
        let restart_delay = agent.restart_delay?;
        let start_timeout = START_TIMEOUT.max(server.start_duration * 2);
        let policy = MonitoringPolicy::new(ProcessName::from(server.name.as_str()));
        Some(MonitoringPolicy { restart_delay, start_timeout, ..policy })
    };
    here.filter_map(policy).collect()
}

/// A process that is a member of the core group and nothing else.
fn member_plan(
    name: &str,
    host: &str,
    monitored: Vec<MonitoringPolicy>,
    core_group: &Arc<CoreGroupDefinition>,
) -> Plan {
    let (process, core_group) = (ProcessName::from(name), core_group.clone());
    Plan {
        name: name.to_owned(),
        kind: ProcessKind::Server,
        home: Place::Host(host.to_owned()),
        within: None,
        disk: None,
        body: machine_body(move |_| CoreGroupMember::new(core_group.clone(), process.clone(), monitored.clone())),
        restart: MEMBER_START,
    }
}

fn bus_definition(cell: &Cell) -> BusDefinition {
    BusDefinition {
        name: cell.bus.name.clone(),
        destinations: cell.bus.queues.clone(),
        engines: cell.engines().map(|(engine, _)| engine.name.clone()).collect(),
    }
}

fn server_places(cell: &Cell) -> BTreeMap<ProcessName, ServerPlace> {
    let place = |(server, cluster): (&model::ApplicationServer, &model::Cluster)| {
        let place =
            ServerPlace { address: endpoint(&server.name), cluster: cluster.name.clone(), host: server.host.clone() };
        (ProcessName::from(server.name.as_str()), place)
    };
    cell.servers().map(place).collect()
}

fn instance(
    engine: &model::MessagingEngine,
    cluster: &model::Cluster,
    server: &model::ApplicationServer,
    cell: &Cell,
) -> EngineInstanceDefinition {
    let uuid = EngineUuid(format!("ME_UUID of {}", engine.name));
    let process = ProcessName::from(server.name.as_str());
    let store = match &engine.message_store {
        MessageStore::DataStore {
            database,
            schema,
            restrict_long_running_locks,
            failover_on_connection_loss,
            initial_wait,
            ..
        } => {
            let schema = schema.as_ref().map_or(engine.name.as_str(), String::as_str);
            let mut definition = DataStoreDefinition::new(
                engine.name.clone(),
                uuid.clone(),
                cell.was_level,
                process,
                database_address(database),
                SchemaName::from(schema),
            );
            definition.restrict_long_running_locks = *restrict_long_running_locks;
            definition.failover_on_connection_loss = *failover_on_connection_loss;
            definition.initial_wait = initial_wait.unwrap_or(definition.initial_wait);
            StoreDefinition::Data(definition)
        }
        MessageStore::FileStore { file_server, soft_timeout } => StoreDefinition::File(FileStoreDefinition {
            soft_timeout: *soft_timeout,
            ..FileStoreDefinition::new(
                engine.name.clone(),
                uuid.clone(),
                (process, HostName(server.host.clone())),
                (file_server_address(file_server), directory(&engine.name)),
            )
        }),
    };
    let definition = MessagingEngineDefinition {
        name: engine.name.clone(),
        uuid,
        initial_state: engine.initial_state,
        was_level: cell.was_level,
        quiesce_time: QUIESCE_TIME,
        reconcile_time: RECONCILE_TIME,
        spill_limits: SpillLimits::default(),
        connection_retry: cell.trm_retry,
    };
    EngineInstanceDefinition { engine: Arc::new(definition), group: cell.group(engine, cluster), store }
}

/// From 8.5 on, and for data stores, disabled instances are enabled again by themselves.
fn reenable(cluster: &model::Cluster, cell: &Cell) -> Option<AutomaticReenable> {
    let stores = cluster.engines.iter().map(|engine| &engine.message_store);
    let mut set = stores.filter_map(|store| match store {
        MessageStore::DataStore { reenable_period, reenable_count, .. } => Some((reenable_period, reenable_count)),
        MessageStore::FileStore { .. } => None,
    });
    let (period, count) = set.next_back()?;
    if !cell.was_level.stops_engine_only() && period.is_none() {
        return None;
    }
    Some(AutomaticReenable {
        period: period.unwrap_or(AutomaticReenable::DEFAULT.period),
        count: count.or(AutomaticReenable::DEFAULT.count),
    })
}
