//! The family's systems as a report shows them.

use std::collections::BTreeMap;
use std::time::Duration;

use indoubt_engine::file_server::FileSystemKind;
use indoubt_engine::ha_manager::assistance::PolicyAssistance;
use indoubt_engine::ha_manager::policy::Policy;
use indoubt_engine::messaging_engine::activation::Driven;
use indoubt_engine::messaging_engine::definition::{DestinationDefinition, ExceptionDestination};
use indoubt_engine::messaging_engine::frame::{Target, TargetSignificance};
use indoubt_engine::name::ProcessName;

use super::super::family::{Description, PlaceDescription};
use crate::scenario::model::{BusTarget, Cell, Cluster, ConnectTarget, MessageStore, Place, SessionMode, Syncpointing};
use crate::scenario::words::length;

/// What runs on the hosts besides applications.
pub(super) fn places(cell: &Cell) -> Vec<PlaceDescription> {
    let mut hosts: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for database in &cell.databases {
        let keep_alive = length(database.keep_alive);
        hosts.entry(&database.host).or_default().push(format!("database {} (keep-alive {keep_alive})", database.name));
    }
    for server in &cell.file_servers {
        hosts.entry(&server.host).or_default().push(format!("file server {}", server.name));
    }
    for (server, cluster) in cell.servers() {
        hosts.entry(&server.host).or_default().push(format!("{} ({})", server.name, cluster.name));
    }
    for agent in &cell.node_agents {
        let restarts = if agent.restart_delay.is_some() { "" } else { " (restarts nothing)" };
        hosts.entry(&agent.host).or_default().push(format!("node agent{restarts}"));
    }
    if let Some(manager) = &cell.deployment_manager {
        hosts.entry(&manager.host).or_default().push("deployment manager".to_owned());
    }
    let described = |(host, holds): (&str, Vec<String>)| PlaceDescription {
        kind: "host",
        place: Place::Host(host.to_owned()),
        holds: holds.join(", "),
    };
    hosts.into_iter().map(described).collect()
}

pub(super) fn describe(cell: &Cell) -> Vec<Description> {
    let mut parts = vec![Description::Gap, Description::Paragraph(core_group(cell))];
    for cluster in &cell.clusters {
        parts.push(Description::Gap);
        parts.push(Description::Paragraph(cluster_text(cell, cluster)));
        if !cluster.engines.is_empty() {
            parts.push(Description::Table(engines(cell, cluster)));
        }
    }
    let by_hand = cell.policies.iter().map(policy_row).collect::<Vec<_>>();
    if !by_hand.is_empty() {
        parts.push(Description::Gap);
        parts.push(Description::Paragraph("Policies made by an administrator:".to_owned()));
        parts.push(Description::Table(by_hand));
    }
    parts.push(Description::Gap);
    parts.push(Description::Paragraph(format!("Bus {}. Its queues:", cell.bus.name)));
    let queues = cell.bus.queues.iter();
    parts.push(Description::Table(
        queues.map(|(name, queue)| ["queue".to_owned(), name.to_string(), queue_attributes(queue)]).collect(),
    ));
    parts
}

pub(super) fn target(cell: &Cell, target: &ConnectTarget) -> Option<String> {
    match target {
        ConnectTarget::Bus(BusTarget { bootstrap, target, significance, .. }) => {
            Some(format!("client of {}, by {}", whom(cell, target, *significance), bootstrap.join(", ")))
        }
        ConnectTarget::ActivationSpecification(activation) => {
            let whom = whom(cell, &activation.target, activation.significance);
            let driven = match activation.driven {
                Driven::WhereAnEngineRuns => "",
                Driven::InAllServers => ", always activated",
            };
            Some(format!("message-driven bean of {whom}{driven}"))
        }
        ConnectTarget::Administration => Some("administration".to_owned()),
        _ => None,
    }
}

pub(super) fn syncpointing(target: &ConnectTarget, syncpointing: &Syncpointing) -> Option<&'static str> {
    let session = match target {
        ConnectTarget::Bus(BusTarget { session, .. }) => *session,
        ConnectTarget::ActivationSpecification(_) | ConnectTarget::Administration => SessionMode::Transacted,
        _ => return None,
    };
    Some(match (syncpointing, session) {
        (Syncpointing::None, _) => "not transacted",
        (Syncpointing::OnePhase, SessionMode::Transacted) => "transacted",
        (Syncpointing::OnePhase, SessionMode::ClientAcknowledge) => "CLIENT_ACKNOWLEDGE",
        (Syncpointing::TwoPhase, _) => "in XA transactions",
    })
}

fn whom(cell: &Cell, target: &Target, significance: TargetSignificance) -> String {
    let whom = match target {
        Target::Any => format!("bus {}", cell.bus.name),
        Target::BusMember(member) => member.to_string(),
        Target::MessagingEngine(engine) => engine.to_string(),
    };
    match significance {
        TargetSignificance::Required => format!("{whom}, required"),
        TargetSignificance::Preferred => whom,
    }
}

fn core_group(cell: &Cell) -> String {
    let group = &cell.core_group;
    format!(
        "WebSphere Application Server {}, core group {}: a silent member is suspected after {} missed heartbeats of {}; \
         {}.",
        cell.was_level.name(),
        group.name,
        group.missed_heartbeats,
        length(group.heartbeat_period),
        is_alive(cell),
    )
}

/// How often active members are asked whether they are alive: by the policy that governs each engine, which may leave it
/// to the core group.
fn is_alive(cell: &Cell) -> String {
    let asked = |interval: Option<Duration>| match interval {
        Some(interval) => format!("asked every {} whether they are alive", length(interval)),
        None => "not asked whether they are alive".to_owned(),
    };
    let mut engines: BTreeMap<Option<Duration>, Vec<&str>> = BTreeMap::new();
    for (engine, cluster) in cell.engines() {
        engines.entry(cell.is_alive_interval(engine, cluster)).or_default().push(engine.name.as_str());
    }
    if let (1, Some((interval, _))) = (engines.len(), engines.first_key_value()) {
        return format!("active members are {}", asked(*interval));
    }
    let each =
        engines.iter().map(|(interval, names)| format!("those of {} are {}", names.join(", "), asked(*interval)));
    format!("of active members {}", each.collect::<Vec<_>>().join("; "))
}

fn cluster_text(cell: &Cell, cluster: &Cluster) -> String {
    let servers: Vec<String> =
        cluster.servers.iter().map(|server| format!("{} on {}", server.name, server.host)).collect();
    if cluster.engines.is_empty() {
        return format!("Cluster {}, no member of bus {}: {}.", cluster.name, cell.bus.name, servers.join(", "));
    }
    let assistance = match &cluster.policy_assistance {
        None => "without policy assistance",
        Some(PolicyAssistance::HighAvailability) => "policy assistance: high availability",
        Some(PolicyAssistance::Scalability) => "policy assistance: scalability",
        Some(PolicyAssistance::ScalabilityWithHighAvailability) => {
            "policy assistance: scalability with high availability"
        }
        Some(PolicyAssistance::Custom { .. }) => "policy assistance: custom",
    };
    format!(
        "Cluster {}, member of bus {}: {}; {assistance}. Its messaging engines:",
        cluster.name,
        cell.bus.name,
        servers.join(", ")
    )
}

fn engines(cell: &Cell, cluster: &Cluster) -> Vec<[String; 3]> {
    let servers: Vec<ProcessName> =
        cluster.servers.iter().map(|server| ProcessName::from(server.name.as_str())).collect();
    let policies = cluster
        .policy_assistance
        .as_ref()
        .map(|assistance| assistance.generate(&cluster.name, &servers, &cell.bus.name))
        .unwrap_or_default();
    let row = |(number, engine): (usize, &crate::scenario::model::MessagingEngine)| {
        let store = match &engine.message_store {
            MessageStore::DataStore { database, schema, restrict_long_running_locks, .. } => {
                let restricted = if *restrict_long_running_locks { ", restricted long-running locks" } else { "" };
                let schema = schema.as_ref().map(|schema| format!(", schema {schema}")).unwrap_or_default();
                format!("data store in {database}{schema}{restricted}")
            }
            MessageStore::FileStore { file_server, soft_timeout } => {
                let server = cell.file_servers.iter().find(|server| server.name == *file_server);
                let kind = server.map_or_else(String::new, |server| match server.kind {
                    FileSystemKind::Nfs4 { lease } => format!(" (NFS 4, lease {})", length(lease)),
                    FileSystemKind::Nfs3 => " (NFS 3)".to_owned(),
                    FileSystemKind::ClusterFileSystem { .. } => " (cluster file system)".to_owned(),
                });
                let mount = if soft_timeout.is_some() { ", soft mount" } else { "" };
                format!("file store on {file_server}{kind}{mount}")
            }
        };
        let preferred = policies.get(number).map(Policy::placement).unwrap_or_default();
        ["messaging engine".to_owned(), engine.name.to_string(), format!("{store}{preferred}")]
    };
    cluster.engines.iter().enumerate().map(row).collect()
}

fn policy_row(policy: &Policy) -> [String; 3] {
    let criteria: Vec<String> = policy.match_criteria.iter().map(|(key, value)| format!("{key}={value}")).collect();
    ["policy".to_owned(), policy.name.clone(), format!("{policy}; for {}", criteria.join(", "))]
}

fn queue_attributes(queue: &DestinationDefinition) -> String {
    let mut attributes = vec![queue.default_reliability.to_string()];
    if queue.maximum_reliability < DestinationDefinition::default().maximum_reliability {
        attributes.push(format!("at most {}", queue.maximum_reliability));
    }
    if queue.queue_points.len() > 1 {
        attributes.push(format!("{} queue points", queue.queue_points.len()));
    }
    match &queue.exception_destination {
        ExceptionDestination::System => {}
        ExceptionDestination::None => attributes.push("no exception destination".to_owned()),
        ExceptionDestination::Specific(name) => attributes.push(format!("exceptions to {name}")),
    }
    attributes.join(", ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Description, describe};

    const SCENARIO: &str = include_str!("../../../../scenarios/messaging-engine/policy-changed-while-running.ron");

    #[test]
    fn what_is_told_of_is_alive_checks_is_what_the_policies_say() {
        let told = |from: &str, to: &str| {
            assert!(SCENARIO.contains(from), "{from}");
            let scenario = crate::scenario::parse(Path::new("x.ron"), &SCENARIO.replacen(from, to, 1));
            let Ok(scenario) = scenario else { panic!("{:?}", scenario.err()) };
            let cell = scenario.topology.cell.expect("there is one");
            let about_core_group = describe(&cell).into_iter().find_map(|part| match part {
                Description::Paragraph(text) if text.contains("core group") => Some(text),
                _ => None,
            });
            about_core_group.expect("it is described")
        };
        let (level, bus) = ("was_level: \"8.5\",", "            bus: (");
        // The Default SIBus Policy has an interval of its own.
        let text = told(level, "was_level: \"8.5\", core_group: (is_alive: NO),");
        assert!(text.contains("active members are asked every 120s whether they are alive"), "{text}");
        let policies = "policies: { \"Default SIBus Policy\": (
            type: ONE_OF_N, match_criteria: { \"type\": \"WSAF_SIB\" }, is_alive: NO) }, bus: (";
        let text = told(bus, policies);
        assert!(text.contains("active members are not asked whether they are alive"), "{text}");
    }
}
