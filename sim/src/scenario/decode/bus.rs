//! How applications find an engine of the bus: clients by their connection factory, message-driven beans by their
//! activation specification.

use std::time::Duration;

use indoubt_engine::messaging_engine::activation::{ActivationSpecification, Driven};
use indoubt_engine::messaging_engine::frame::{ConnectionProximity, Target, TargetSignificance};
use indoubt_engine::messaging_engine::reliability::{Mapped, ReliabilityMapping};

use crate::scenario::model::{Activation, BusTarget, Cell, Place, Role, SessionMode, Site, Syncpointing, Topology};
use crate::scenario::syntax::ast::{Field, Node, Value};

use super::cell::RELIABILITIES;
use super::context::{Context, Kind, likely};
use super::fields::Fields;
use super::values::{list, positive_duration, word, yes};

/// The pauses of a bean's container after a delivery that failed: first and longest. Nothing is documented; the product
/// delivers again at once, and what keeps it from spinning is the engine (maximum failed deliveries).
pub(super) const BEAN_PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(1));

/// A client of the bus: where it asks, and for which engine.
pub(super) fn client(node: &Node, fields: &[Field], cx: &mut Context<'_>) -> Option<BusTarget> {
    bus_to_connect_to(node, cx)?;
    let mut fields = Fields::new(node.span, fields, "a connection to the bus", cx.problems);
    let everybody = cx.names.of(Kind::ApplicationServer).to_vec();
    let bootstrap = fields.or("bootstrap", everybody, cx, |node, cx| {
        let servers = list(node, cx, |node, cx| cx.find(Kind::ApplicationServer, node))?;
        if matches!(&node.value, Value::List(items) if items.is_empty()) {
            cx.problem(node.span, "a client asks at least one bootstrap server", "none in here");
        }
        Some(servers)
    });
    let target = target(&mut fields, cx);
    let significance = significance(&mut fields, cx);
    let proximities = [
        ("BUS", ConnectionProximity::Bus),
        ("CLUSTER", ConnectionProximity::Cluster),
        ("HOST", ConnectionProximity::Host),
        ("SERVER", ConnectionProximity::Server),
    ];
    let proximity = fields.or("proximity", ConnectionProximity::Bus, cx, word(&proximities));
    let modes = [("TRANSACTED", SessionMode::Transacted), ("CLIENT_ACKNOWLEDGE", SessionMode::ClientAcknowledge)];
    let session = fields.or("session", SessionMode::default(), cx, word(&modes));
    let default = ReliabilityMapping::default();
    let mapping = ReliabilityMapping {
        persistent: fields.or("persistent_mapping", default.persistent, cx, mapped),
        nonpersistent: fields.or("nonpersistent_mapping", default.nonpersistent, cx, mapped),
    };
    fields.finish(cx);
    Some(BusTarget { bootstrap, target, significance, proximity, session, mapping })
}

/// What the connection factory makes of a delivery mode.
fn mapped(node: &Node, cx: &mut Context<'_>) -> Option<Mapped> {
    let levels = RELIABILITIES.map(|(name, reliability)| (name, Mapped::To(reliability)));
    let choices: Vec<(&str, Mapped)> = levels.into_iter().chain([("AS_DESTINATION", Mapped::AsDestination)]).collect();
    word(&choices)(node, cx)
}

/// A message-driven bean: where and how its server looks for an engine.
pub(super) fn activation(node: &Node, fields: &[Field], cx: &mut Context<'_>) -> Option<Activation> {
    bus_to_connect_to(node, cx)?;
    let mut fields = Fields::new(node.span, fields, "an activation specification", cx.problems);
    let target = target(&mut fields, cx);
    let significance = significance(&mut fields, cx);
    let always_activate = fields.or("always_activate", false, cx, yes);
    let default = ActivationSpecification::DEFAULT_RETRY_INTERVAL;
    let retry_interval = fields.or("retry_interval", default, cx, positive_duration);
    fields.finish(cx);
    let driven = if always_activate { Driven::InAllServers } else { Driven::WhereAnEngineRuns };
    Some(Activation { target, significance, driven, retry_interval })
}

/// The servers in which a message-driven bean runs; a cluster stands for all of its servers.
pub(super) fn servers_of_bean(
    fields: &Fields<'_>,
    runs_in: Option<&Node>,
    topology: &Topology,
    cx: &mut Context<'_>,
) -> Option<Vec<Site>> {
    let Some(node) = runs_in else {
        let help = "the servers or clusters in which it is deployed: runs_in: [\"server1\"]";
        cx.problems.add(fields.span(), "a message-driven bean needs `runs_in`", "missing in here", Some(help.into()));
        return None;
    };
    let named = list(node, cx, |node, cx| {
        let kind = match &node.value {
            Value::Text(name) if cx.names.kind_of(name) == Some(Kind::Cluster) => Kind::Cluster,
            _ => Kind::ApplicationServer,
        };
        cx.find(kind, node).map(|name| (node.span, name))
    })?;
    if matches!(&node.value, Value::List(items) if items.is_empty()) {
        cx.problem(node.span, "a message-driven bean runs in a server", "none in here");
    }
    let cell = topology.cell.as_ref()?;
    let mut sites: Vec<Site> = Vec::new();
    for (span, name) in named {
        for site in sites_of(cell, &name) {
            if sites.contains(&site) {
                let message = format!("{} is named already", site.within.unwrap_or_default());
                cx.problem_with_help(span, message, "twice", "instances: 2 starts two endpoints in each");
            } else {
                sites.push(site);
            }
        }
    }
    Some(sites)
}

/// A server, or those of a cluster, of this name.
fn sites_of(cell: &Cell, name: &str) -> Vec<Site> {
    let servers = cell.servers().filter(|(server, cluster)| server.name == name || cluster.name.as_str() == name);
    let site = |server: &crate::scenario::model::ApplicationServer| Site {
        place: Place::Host(server.host.clone()),
        within: Some(server.name.clone()),
    };
    servers.map(|(server, _)| site(server)).collect()
}

/// A bean is called with messages, in a transaction of its container or in none.
pub(super) fn check_bean(node: &Node, role: &Role, cx: &mut Context<'_>) {
    let syncpoint = match role {
        Role::Consumer(role) => &role.syncpoint,
        Role::Server(role) => &role.syncpoint,
        Role::Requester(_) | Role::Producer(_) | Role::Operator(_) => {
            let message = "a message-driven bean is called with messages: it is a consumer or a server";
            cx.problem_with_help(node.span, message, "not driven by messages", "write connect: bus()");
            return;
        }
    };
    if *syncpoint == Syncpointing::TwoPhase {
        // The product's transaction manager recovers beside the resource adapter, whether or not a bean is driven.
        let message = "two-phase transactions of message-driven beans are not modelled yet";
        cx.problem_with_help(node.span, message, "not modelled", "write syncpoint: YES");
    }
}

fn bus_to_connect_to(node: &Node, cx: &mut Context<'_>) -> Option<()> {
    if cx.names.bus.is_none() && !cx.problems.any_syntax() {
        let help = "a bus stands in the topology's cell";
        cx.problem_with_help(node.span, "there is no bus to connect to", "no bus", help);
    }
    cx.names.bus.as_ref().map(|_| ())
}

fn target(fields: &mut Fields<'_>, cx: &mut Context<'_>) -> Target {
    fields.or("target", Target::Any, cx, |node, cx| {
        let (kind, name) = match &node.value {
            Value::Items { name: Some(kind), items } if items.len() == 1 => (kind, &items[0]),
            _ => {
                cx.unexpected(node, "a target", "bus_member(\"cluster1\") or engine(\"cluster1.000-BUS\")");
                return None;
            }
        };
        match kind.text.as_str() {
            "bus_member" => cx.bus_member(name).map(|name| Target::BusMember(name.into())),
            "engine" => cx.messaging_engine(name).map(|name| Target::MessagingEngine(name.into())),
            other => {
                let meant = likely(other, ["bus_member", "engine"]);
                let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
                let message = format!("{other} is no kind of target{meant}");
                cx.problem(kind.span, message, "not known");
                None
            }
        }
    })
}

fn significance(fields: &mut Fields<'_>, cx: &mut Context<'_>) -> TargetSignificance {
    let significances = [("PREFERRED", TargetSignificance::Preferred), ("REQUIRED", TargetSignificance::Required)];
    fields.or("significance", TargetSignificance::Preferred, cx, word(&significances))
}
