//! How hard the middleware is asked to try to keep a message: persistence to queue managers, reliability to a bus.
//!
//! An application of JMS says of a message that it is persistent, or not; its connection factory says which reliability
//! level that is on the bus.

use indoubt_engine::message::Persistence;
use indoubt_engine::messaging_engine::reliability::Reliability;
use indoubt_engine::name::QueueName;
use indoubt_engine::queue_manager::definition::QueuePlace;

use crate::scenario::model::QualityOfService;
use crate::scenario::syntax::ast::{Node, Span};

use super::cell::RELIABILITIES;
use super::context::Context;
use super::fields::Fields;
use super::groups::persistence;
use super::roles::definitions;
use super::values::word;
use super::workload::Around;

/// What is asked of messages to these queues; `None` for the queue's default.
pub(super) fn of_message(
    fields: &mut Fields<'_>,
    targets: &[QueueName],
    around: Option<&Around<'_>>,
    cx: &mut Context<'_>,
) -> Option<QualityOfService> {
    let persistence_node = fields.take("persistence");
    let persistence = persistence_node.and_then(|node| persistence(node, cx));
    let reliability_node = fields.take("reliability");
    let reliability = reliability_node.and_then(|node| word(&RELIABILITIES)(node, cx));
    let around = around?;
    if around.on_bus {
        if let (Some(_), Some(node)) = (persistence_node, reliability_node) {
            let message = "either persistence, which the connection factory maps to a level, or the level, not both";
            cx.problem(node.span, message, "contradicts persistence");
        }
        // JMS messages are persistent unless something else is said.
        let mapped = around.mapping.reliability(persistence.unwrap_or(Persistence::Persistent));
        let asked = if reliability_node.is_some() { reliability } else { mapped };
        let span = reliability_node.or(persistence_node).map_or(fields.span(), |node| node.span);
        if let Some(asked) = asked {
            check_reliability(span, targets, asked, reliability_node.is_none(), around, cx);
        }
        return asked.map(QualityOfService::Reliability);
    }
    if let Some(node) = reliability_node {
        let message = "queue managers know persistence, not reliability levels";
        cx.problem_with_help(node.span, message, "not for a queue manager", "for example persistence: YES");
    }
    if let (Some(node), Some(persistence)) = (persistence_node, persistence) {
        targets.iter().for_each(|queue| check_persistence(node, queue, persistence, around, cx));
    }
    persistence.map(QualityOfService::Persistence)
}

/// What a server asks of what it puts; `None` for what its request had.
pub(super) fn of_server(
    fields: &mut Fields<'_>,
    also_put: &[QueueName],
    around: Option<&Around<'_>>,
    cx: &mut Context<'_>,
) -> Option<QualityOfService> {
    let node = fields.take("persistence")?;
    let persistence = persistence(node, cx);
    let (around, persistence) = (around?, persistence?);
    if around.on_bus {
        let message = "on a bus a server sends with the reliability of its request";
        cx.problem(node.span, message, "not on a bus");
        return None;
    }
    also_put.iter().for_each(|queue| check_persistence(node, queue, persistence, around, cx));
    Some(QualityOfService::Persistence(persistence))
}

/// Whether the queues take messages of this reliability.
fn check_reliability(
    span: Span,
    targets: &[QueueName],
    reliability: Reliability,
    is_mapped: bool,
    around: &Around<'_>,
    cx: &mut Context<'_>,
) {
    let Some(cell) = &around.topology.cell else { return };
    for queue in targets {
        let definition = cell.bus.queues.iter().find(|(name, _)| name.as_str() == queue.as_str());
        let Some((_, definition)) = definition.filter(|(_, it)| it.maximum_reliability < reliability) else { continue };
        let most = definition.maximum_reliability;
        let message = format!("{queue} takes messages of at most {most}: every send would be refused");
        if is_mapped {
            let help = format!(
                "the connection factory makes {reliability} of them; for the default of the queue: \
                 connect: bus(persistent_mapping: AS_DESTINATION)"
            );
            cx.problem_with_help(span, message, "above max_reliability", help);
        } else {
            cx.problem(span, message, "above max_reliability");
        }
    }
}

fn check_persistence(
    node: &Node,
    queue: &QueueName,
    persistence: Persistence,
    around: &Around<'_>,
    cx: &mut Context<'_>,
) {
    if persistence == Persistence::Nonpersistent {
        return;
    }
    for (found, manager) in definitions(queue, around) {
        let QueuePlace::Shared(structure) = &found.definition.place else { continue };
        let group = around
            .topology
            .sysplex
            .queue_sharing_groups
            .iter()
            .find(|group| Some(&group.name) == manager.group.as_ref());
        let recover = group.and_then(|group| group.structures.get(structure)).is_none_or(|structure| structure.recover);
        if !recover {
            let message = format!("{queue} cannot hold persistent messages: {structure} has recover: NO");
            cx.problem_with_help(node.span, message, "not on this queue", "every put would fail with 2048");
            return;
        }
    }
}
