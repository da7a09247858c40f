//! A cell: core group, clusters with their messaging engines, policies, the bus and its queues.

use std::collections::BTreeMap;
use std::time::Duration;

use indoubt_engine::ha_manager::assistance::{CustomEngine, PolicyAssistance};
use indoubt_engine::ha_manager::policy::{IsAlive, Policy, PolicyKind};
use indoubt_engine::messaging_engine::definition::{
    DestinationDefinition, ExceptionDestination, InitialState, MessagingEngineDefinition, WasLevel,
};
use indoubt_engine::messaging_engine::reliability::Reliability;
use indoubt_engine::name::{ClusterName, DestinationName, MessagingEngineName, ProcessName};

use crate::scenario::model::{
    ApplicationServer, Bus, Cell, Cluster, CoreGroup, DeploymentManager, MessageStore, MessagingEngine, NodeAgent,
};
use crate::scenario::syntax::ast::{Node, Span, Value};

use super::context::{Context, Kind, one_of};
use super::fields::Fields;
use super::stores;
use super::values::{count, duration, list, map, positive_duration, text, word, yes};

/// A server's restart, from the end of its process to the moment at which it takes part in the cell again.
const SERVER_START: Duration = Duration::from_secs(30);

/// How long a node agent takes to notice the end of a server and to start it again.
const RESTART_DELAY: Duration = Duration::from_secs(5);

/// `sib.trm.linger`.
const TRM_LINGER: Duration = Duration::from_secs(3);

/// Most engines of one cluster.
const MOST_ENGINES: u32 = 32;

/// The reliability levels as they are written.
pub(super) const RELIABILITIES: [(&str, Reliability); 5] = [
    ("BEST_EFFORT_NONPERSISTENT", Reliability::BestEffortNonpersistent),
    ("EXPRESS_NONPERSISTENT", Reliability::ExpressNonpersistent),
    ("RELIABLE_NONPERSISTENT", Reliability::ReliableNonpersistent),
    ("RELIABLE_PERSISTENT", Reliability::ReliablePersistent),
    ("ASSURED_PERSISTENT", Reliability::AssuredPersistent),
];

/// The `cell` section; databases and file servers stand beside it.
pub(super) fn cell(node: &Node, cx: &mut Context<'_>) -> Option<Cell> {
    let mut fields = Fields::of(node, "a cell", cx)?;
    let was_level = fields.or("was_level", WasLevel::V8_5, cx, level);
    let core_group = fields.take("core_group");
    let trm_linger = fields.or("trm_linger", TRM_LINGER, cx, duration);
    let default_retry = MessagingEngineDefinition::DEFAULT_CONNECTION_RETRY;
    let trm_retry = fields.or("trm_retry", default_retry, cx, positive_duration);
    let mut clusters = Vec::new();
    if let Some(node) = fields.require("clusters", cx) {
        map(node, cx, |name, _, node, cx| clusters.extend(cluster(name, node, was_level, cx)));
    }
    let node_agents = fields.take("node_agents");
    let node_agents = agents(node_agents, &clusters, cx);
    let deployment_manager = fields.get("deployment_manager", cx, |node, cx| cx.find(Kind::Host, node));
    let mut policies = Vec::new();
    if let Some(node) = fields.take("policies") {
        map(node, cx, |name, key, node, cx| policies.extend(policy(name, key.span, node, cx)));
    }
    let core_group = core_group_of(core_group, cx);
    let bus = fields.require("bus", cx).and_then(|node| bus(node, &clusters, cx));
    fields.not_modelled(&["mq_links", "mq_link"], "WebSphere MQ links are", cx);
    fields.not_modelled(&["foreign_buses"], "foreign buses are", cx);
    fields.finish(cx);
    Some(Cell {
        was_level,
        core_group,
        trm_linger,
        trm_retry,
        databases: Vec::new(),
        file_servers: Vec::new(),
        deployment_manager: deployment_manager
            .map(|host| DeploymentManager { name: super::names::DEPLOYMENT_MANAGER.to_owned(), host }),
        node_agents,
        clusters,
        policies,
        bus: bus?,
    })
}

fn level(node: &Node, cx: &mut Context<'_>) -> Option<WasLevel> {
    const LEVELS: [WasLevel; 5] = [WasLevel::V6_1, WasLevel::V7, WasLevel::V8, WasLevel::V8_5, WasLevel::V9];
    let written = text(node, cx)?;
    let level = LEVELS.into_iter().find(|level| level.name() == written);
    if level.is_none() {
        let message = format!("\"{}\" is no level of WebSphere Application Server", written.escape_debug());
        let help = format!("one of: {}", one_of(LEVELS.map(WasLevel::name)));
        cx.problem_with_help(node.span, message, "not known", help);
    }
    level
}

fn core_group_of(node: Option<&Node>, cx: &mut Context<'_>) -> CoreGroup {
    let default = CoreGroup {
        name: "DefaultCoreGroup".into(),
        heartbeat_period: Duration::from_secs(30),
        missed_heartbeats: 6,
        discovery_interval: Duration::from_secs(60),
        is_alive_interval: Some(Duration::from_secs(120)),
        preferred_coordinators: Vec::new(),
    };
    let Some(mut fields) = node.and_then(|node| Fields::of(node, "a core group", cx)) else { return default };
    let group = CoreGroup {
        name: fields.get("name", cx, text).map_or(default.name, Into::into),
        heartbeat_period: fields.or("heartbeat_period", default.heartbeat_period, cx, positive_duration),
        missed_heartbeats: fields.or("missed_heartbeats", default.missed_heartbeats, cx, count(1..=1000)),
        discovery_interval: fields.or("discovery_interval", default.discovery_interval, cx, positive_duration),
        is_alive_interval: fields.or("is_alive", default.is_alive_interval, cx, is_alive),
        preferred_coordinators: fields.or("preferred_coordinators", Vec::new(), cx, |node, cx| {
            list(node, cx, |node, cx| {
                let name = cx.name_text(node, "a member of the core group")?;
                let member = [Kind::ApplicationServer, Kind::NodeAgent, Kind::DeploymentManager]
                    .into_iter()
                    .any(|kind| cx.names.of(kind).contains(&name));
                if !member {
                    let members: Vec<String> = [Kind::ApplicationServer, Kind::NodeAgent, Kind::DeploymentManager]
                        .into_iter()
                        .flat_map(|kind| cx.names.of(kind).to_vec())
                        .collect();
                    cx.dangling(node.span, "member of the core group", &name, members.iter().map(String::as_str));
                }
                member.then_some(name)
            })
        }),
    };
    fields.finish(cx);
    group
}

/// A duration, or `NO` for no checks at all.
fn is_alive(node: &Node, cx: &mut Context<'_>) -> Option<Option<Duration>> {
    match &node.value {
        Value::Word(_) => {
            let checks = yes(node, cx)?;
            if checks {
                cx.problem_with_help(
                    node.span,
                    "YES is the default: how often?",
                    "say how often",
                    "for example \"120s\"",
                );
                return None;
            }
            Some(None)
        }
        _ => positive_duration(node, cx).map(Some),
    }
}

/// Every node has an agent, unless something else is said.
fn agents(node: Option<&Node>, clusters: &[Cluster], cx: &mut Context<'_>) -> Vec<NodeAgent> {
    let mut restart_delay = Some(RESTART_DELAY);
    if let Some(node) = node {
        if matches!(node.value, Value::Word(_)) {
            if yes(node, cx) == Some(false) {
                return Vec::new();
            }
        } else if let Some(mut fields) = Fields::of(node, "the node agents", cx) {
            let restarts = fields.or("automatic_restart", true, cx, yes);
            let delay = fields.or("restart_delay", RESTART_DELAY, cx, duration);
            restart_delay = restarts.then_some(delay);
            fields.finish(cx);
        }
    }
    let mut hosts: Vec<&str> = Vec::new();
    for server in clusters.iter().flat_map(|cluster| &cluster.servers) {
        if !hosts.contains(&server.host.as_str()) {
            hosts.push(&server.host);
        }
    }
    let agent = |host: &str| NodeAgent { name: super::names::node_agent(host), host: host.to_owned(), restart_delay };
    hosts.into_iter().map(agent).collect()
}

fn cluster(name: &str, node: &Node, was_level: WasLevel, cx: &mut Context<'_>) -> Option<Cluster> {
    let mut fields = Fields::of(node, "a cluster", cx)?;
    let mut servers = Vec::new();
    if let Some(node) = fields.require("servers", cx) {
        map(node, cx, |name, _, node, cx| servers.extend(server(name, node, cx)));
        if servers.is_empty() && !cx.problems.any_syntax() {
            cx.problem(node.span, "a cluster has at least one server", "none in here");
        }
    }
    let cluster = ClusterName::from(name);
    if !fields.or("bus_member", true, cx, yes) {
        for field in ["policy_assistance", "message_store", "initial_state", "messaging_engines"] {
            if let Some(node) = fields.take(field) {
                let message = format!("{name} is no member of the bus and has no messaging engine");
                cx.problem_with_help(node.span, message, "of no engine", "leave it out, or leave out bus_member: NO");
            }
        }
        fields.finish(cx);
        cx.names.outside_bus.insert(name.to_owned());
        return Some(Cluster { name: cluster, servers, policy_assistance: None, engines: Vec::new() });
    }
    let assistance = fields.take("policy_assistance");
    let policy_assistance = assistance.and_then(|node| policy_assistance(node, &servers, cx));
    let store_node = fields.require("message_store", cx);
    let store = store_node.and_then(|node| stores::message_store(node, was_level, cx));
    let states = [("STARTED", InitialState::Started), ("STOPPED", InitialState::Stopped)];
    let initial_state = fields.or("initial_state", InitialState::Started, cx, word(&states));
    let engines_node = fields.take("messaging_engines");
    let wanted = engines_node.and_then(|node| count(1..=MOST_ENGINES)(node, cx));
    let names: Vec<ProcessName> = servers.iter().map(|server| ProcessName::from(server.name.as_str())).collect();
    let by_assistance = policy_assistance.as_ref().map(|assistance| assistance.engines(&names));
    if let (Some(node), Some(wanted), Some(given)) = (engines_node, wanted, by_assistance)
        && !matches!(policy_assistance, Some(PolicyAssistance::Custom { .. }))
        && wanted as usize != given
    {
        let message = format!("this policy assistance makes {given} engines for {} servers", servers.len());
        cx.problem_with_help(node.span, message, "contradicts policy_assistance", "leave it out, or use custom(..)");
    }
    fields.finish(cx);
    let engines = match (wanted, by_assistance) {
        (Some(wanted), _) => wanted as usize,
        (None, Some(given)) => given,
        (None, None) => 1,
    };
    let bus = cx.names.bus.clone().unwrap_or_default();
    let engine = |number: usize, message_store: MessageStore| MessagingEngine {
        name: MessagingEngineName::from(format!("{name}.{number:03}-{bus}")),
        initial_state,
        message_store,
    };
    let store = store?;
    let all: Vec<String> = (0..engines).map(|number| engine(number, store.clone()).name.to_string()).collect();
    for server in &servers {
        cx.names.engines_of.insert(server.name.clone(), all.clone());
    }
    Some(Cluster {
        name: cluster,
        servers,
        policy_assistance,
        engines: (0..engines).map(|number| engine(number, store.clone())).collect(),
    })
}

fn server(name: &str, node: &Node, cx: &mut Context<'_>) -> Option<ApplicationServer> {
    let mut fields = Fields::of(node, "an application server", cx)?;
    let host = fields.require("host", cx).and_then(|node| cx.find(Kind::Host, node));
    let start_duration = fields.or("start_duration", SERVER_START, cx, duration);
    let allow_activation = fields.or("allow_activation", true, cx, yes);
    fields.finish(cx);
    Some(ApplicationServer { name: name.to_owned(), host: host?, start_duration, allow_activation })
}

fn policy_assistance(node: &Node, servers: &[ApplicationServer], cx: &mut Context<'_>) -> Option<PolicyAssistance> {
    match &node.value {
        Value::Fields { name: Some(name), fields } if name.text == "custom" => {
            let mut fields = Fields::new(node.span, fields, "custom policy assistance", cx.problems);
            let engines = fields.require("messaging_engines", cx).and_then(|node| list(node, cx, custom_engine));
            fields.finish(cx);
            Some(PolicyAssistance::Custom { engines: engines? })
        }
        _ => {
            let choices = [
                ("HIGH_AVAILABILITY", PolicyAssistance::HighAvailability),
                ("SCALABILITY", PolicyAssistance::Scalability),
                ("SCALABILITY_WITH_HIGH_AVAILABILITY", PolicyAssistance::ScalabilityWithHighAvailability),
            ];
            let chosen = word(&choices)(node, cx)?;
            if matches!(chosen, PolicyAssistance::ScalabilityWithHighAvailability) && servers.len() < 2 {
                cx.problem(node.span, "each engine needs one other server to fail over to", "one server only");
            }
            Some(chosen)
        }
    }
}

/// What an administrator says of one engine. An engine that cannot fail over stays on its one preferred server.
fn custom_engine(node: &Node, cx: &mut Context<'_>) -> Option<CustomEngine> {
    let mut fields = Fields::of(node, "an engine of custom policy assistance", cx)?;
    let engine = CustomEngine {
        preferred_servers: fields.or("preferred_servers", Vec::new(), cx, preferred),
        preferred_servers_only: fields.or("preferred_servers_only", false, cx, yes),
        fail_back: fields.or("fail_back", false, cx, yes),
    };
    if engine.preferred_servers.is_empty() && (engine.preferred_servers_only || engine.fail_back) {
        let message = "preferred_servers_only and fail_back need preferred_servers";
        cx.problem(node.span, message, "without preferred servers");
    }
    fields.finish(cx);
    Some(engine)
}

fn preferred(node: &Node, cx: &mut Context<'_>) -> Option<Vec<ProcessName>> {
    list(node, cx, |node, cx| cx.find(Kind::ApplicationServer, node).map(|name| ProcessName::from(name.as_str())))
}

pub(super) fn policy(name: &str, key: Span, node: &Node, cx: &mut Context<'_>) -> Option<Policy> {
    let mut fields = Fields::of(node, "a policy", cx)?;
    let kind_node = fields.require("type", cx);
    let kind = kind_node.and_then(|node| policy_kind(node, cx));
    let mut match_criteria = BTreeMap::new();
    if let Some(node) = fields.require("match_criteria", cx) {
        map(node, cx, |name, _, node, cx| {
            if let Some(value) = text(node, cx) {
                match_criteria.insert(name.to_owned(), value);
            }
        });
    }
    let policy = Policy {
        name: name.to_owned(),
        kind: kind?,
        match_criteria,
        preferred_servers: fields.or("preferred_servers", Vec::new(), cx, preferred),
        preferred_servers_only: fields.or("preferred_servers_only", false, cx, yes),
        fail_back: fields.or("fail_back", false, cx, yes),
        quorum: fields.or("quorum", false, cx, yes),
        is_alive: match fields.get("is_alive", cx, is_alive) {
            None => IsAlive::ProcessValue,
            Some(None) => IsAlive::Never,
            Some(Some(interval)) => IsAlive::Every(interval),
        },
    };
    fields.finish(cx);
    if let Err(refused) = policy.check_for_service_integration() {
        cx.problem(kind_node.map_or(key, |node| node.span), refused.to_string(), "not for messaging engines");
    }
    Some(policy)
}

fn policy_kind(node: &Node, cx: &mut Context<'_>) -> Option<PolicyKind> {
    match &node.value {
        Value::Items { name: Some(name), items } if name.text == "static" => {
            let servers = items.iter().filter_map(|node| cx.find(Kind::ApplicationServer, node));
            Some(PolicyKind::Static(servers.map(|name| ProcessName::from(name.as_str())).collect()))
        }
        Value::Items { name: Some(name), items } if name.text == "m_of_n" => {
            let [number] = items.as_slice() else {
                cx.problem(node.span, "m_of_n(2): one number stands in these parentheses", "not one number");
                return None;
            };
            count(1..=1000)(number, cx).map(PolicyKind::MOfN)
        }
        _ => word(&[
            ("ONE_OF_N", PolicyKind::OneOfN),
            ("NO_OPERATION", PolicyKind::NoOperation),
            ("ALL_ACTIVE", PolicyKind::AllActive),
        ])(node, cx),
    }
}

fn bus(node: &Node, clusters: &[Cluster], cx: &mut Context<'_>) -> Option<Bus> {
    let mut fields = Fields::of(node, "a bus", cx)?;
    let name = fields.require("name", cx).and_then(|node| text(node, cx));
    let mut queues = BTreeMap::new();
    if let Some(node) = fields.require("queues", cx) {
        map(node, cx, |name, key, node, cx| {
            super::names::destination_name(name, key.span, cx.problems);
            queues.extend(queue(node, clusters, cx).map(|queue| (DestinationName::from(name), queue)));
        });
    }
    fields.not_modelled(&["topic_spaces"], "topic spaces are", cx);
    fields.finish(cx);
    Some(Bus { name: name?.into(), queues })
}

fn queue(node: &Node, clusters: &[Cluster], cx: &mut Context<'_>) -> Option<DestinationDefinition> {
    let mut fields = Fields::of(node, "a queue of the bus", cx)?;
    let member = match fields.take("bus_member") {
        Some(node) => cx.bus_member(node),
        None => only_cluster(fields.span(), cx),
    };
    let default = DestinationDefinition::default();
    let maximum_node = fields.take("max_reliability");
    let maximum_reliability =
        maximum_node.and_then(|node| word(&RELIABILITIES)(node, cx)).unwrap_or(default.maximum_reliability);
    let reliability_node = fields.take("reliability");
    let default_reliability = reliability_node
        .and_then(|node| word(&RELIABILITIES)(node, cx))
        .unwrap_or(default.default_reliability.min(maximum_reliability));
    if let (Some(node), true) = (reliability_node, default_reliability > maximum_reliability) {
        let message = format!("the default, {default_reliability}, is above the maximum, {maximum_reliability}");
        cx.problem(node.span, message, "above max_reliability");
    }
    let exception_destination =
        fields.or("exception_destination", ExceptionDestination::System, cx, |node, cx| match &node.value {
            Value::Text(name) => {
                if cx.names.destinations.contains(name) {
                    return Some(ExceptionDestination::Specific(name.as_str().into()));
                }
                let known = cx.names.destinations.clone();
                cx.dangling(node.span, "queue", name, known.iter().map(String::as_str));
                None
            }
            _ => word(&[("NONE", ExceptionDestination::None), ("SYSTEM", ExceptionDestination::System)])(node, cx),
        });
    let definition = DestinationDefinition {
        queue_points: Vec::new(),
        default_reliability,
        maximum_reliability,
        exception_destination,
        maximum_failed_deliveries: fields.or(
            "max_failed_deliveries",
            default.maximum_failed_deliveries,
            cx,
            count(1..=1_000_000),
        ),
        blocked_retry_interval: fields.or(
            "blocked_retry_interval",
            default.blocked_retry_interval,
            cx,
            positive_duration,
        ),
        high_message_threshold: fields.or(
            "high_message_threshold",
            default.high_message_threshold,
            cx,
            count(1..=1_000_000_000),
        ),
    };
    fields.finish(cx);
    let member = member?;
    let cluster = clusters.iter().find(|cluster| cluster.name.as_str() == member)?;
    let queue_points = cluster.engines.iter().map(|engine| engine.name.clone()).collect();
    Some(DestinationDefinition { queue_points, ..definition })
}

/// Where there is one cluster only, it need not be named.
fn only_cluster(span: Span, cx: &mut Context<'_>) -> Option<String> {
    let members: Vec<&String> =
        cx.names.of(Kind::Cluster).iter().filter(|name| !cx.names.outside_bus.contains(*name)).collect();
    match members[..] {
        [only] => return Some(only.clone()),
        [] if !cx.problems.any_syntax() => {
            cx.problem(span, "no cluster is a member of the bus: there is no engine for this queue", "no bus member");
        }
        _ if !cx.problems.any_syntax() => {
            cx.problem(span, "a queue of the bus needs `bus_member`: there are several clusters", "missing in here");
        }
        _ => {}
    }
    None
}
