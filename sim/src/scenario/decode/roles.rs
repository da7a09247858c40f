//! What applications do: requesters, servers, producers, consumers.

use std::time::Duration;

use indoubt_engine::name::QueueName;
use indoubt_engine::queue_manager::definition::QueuePlace;

use crate::scenario::model::{
    Consumer, MessageTemplate, Pace, Producer, Queue, QueueManager, Requester, Server, Syncpointing, Topology,
    WhenUnknown,
};
use crate::scenario::syntax::ast::{Node, Value};

use super::context::{Context, Kind};
use super::fields::Fields;
use super::groups::priority;
use super::quality;
use super::values::{between, count, duration, list, positive_duration, size, word, yes};
use super::workload::Around;

/// Units of work of each instance, at most.
const MOST_UNITS: u32 = 1_000_000;

/// Messages are 1 KB if nothing is said.
const MESSAGE_SIZE: (u32, u32) = (1024, 1024);

pub(super) fn requester(
    fields: &mut Fields<'_>,
    around: Option<&Around<'_>>,
    cx: &mut Context<'_>,
) -> Option<Requester> {
    let request_queue = fields.require("request_queue", cx).and_then(|node| queue(node, around, cx));
    let reply_queue = fields.require("replytoq", cx).and_then(|node| queue(node, around, cx));
    let to = fields.take("replytoqmgr");
    let reply_owner = to.map_or(Some(None), |node| reply_queue_manager(node, cx).map(Some));
    let targets: Vec<QueueName> = request_queue.iter().cloned().collect();
    let requester = Requester {
        request_queue: request_queue.clone().unwrap_or_else(|| "".into()),
        reply_queue: reply_queue.clone().unwrap_or_else(|| "".into()),
        reply_owner: reply_owner?,
        count: fields.or("count", 20, cx, count(1..=MOST_UNITS)),
        pace: pace(fields, cx),
        message: message(fields, &targets, around, cx),
        syncpoint: fields.or("syncpoint", Syncpointing::None, cx, |node, cx| {
            let syncpoint = syncpointing(node, cx)?;
            if syncpoint == Syncpointing::TwoPhase {
                let message = "a requester works outside syncpoint or with MQCMIT, not under a coordinator";
                cx.problem(node.span, message, "not for requesters");
            }
            Some(syncpoint)
        }),
        reply_wait: fields.or("reply_wait", Duration::from_secs(30), cx, positive_duration),
        when_unknown: when_unknown(fields, cx),
    };
    (request_queue.is_some() && reply_queue.is_some()).then_some(requester)
}

pub(super) fn server(fields: &mut Fields<'_>, around: Option<&Around<'_>>, cx: &mut Context<'_>) -> Option<Server> {
    let request_queue = fields.require("request_queue", cx).and_then(|node| queue(node, around, cx));
    let also_put = fields.or("also_put", Vec::new(), cx, |node, cx| list(node, cx, |node, cx| queue(node, around, cx)));
    let quality = quality::of_server(fields, &also_put, around, cx);
    let size_node = fields.take("reply_size");
    let reply_size = size_node.and_then(|node| message_size(node, cx)).unwrap_or(MESSAGE_SIZE);
    if let Some(node) = size_node {
        for queue in &also_put {
            check_length(node, queue, reply_size.1, around, cx);
        }
    }
    let server = Server {
        request_queue: request_queue.clone().unwrap_or_else(|| "".into()),
        also_put,
        reply: fields.or("reply", true, cx, yes),
        quality,
        reply_size,
        processing_time: processing_time(fields, cx),
        syncpoint: fields.or("syncpoint", Syncpointing::OnePhase, cx, syncpointing),
        batch: fields.or("batch", 1, cx, count(1..=10_000)),
        backout_percent: fields.or("backout_percent", 0, cx, count(0..=90)),
        poison_every: fields.or("poison_every", 0, cx, count(0..=MOST_UNITS)),
        honours_backout_threshold: fields.or("honours_bothresh", true, cx, yes),
    };
    needs_syncpoint(fields, &server.syncpoint, cx);
    request_queue.map(|_| server)
}

pub(super) fn producer(fields: &mut Fields<'_>, around: Option<&Around<'_>>, cx: &mut Context<'_>) -> Option<Producer> {
    let queues_node = fields.require("queues", cx);
    let queues = queues_node.and_then(|node| list(node, cx, |node, cx| queue(node, around, cx)));
    if let Some(Node { value: Value::List(items), span }) = queues_node
        && items.is_empty()
    {
        cx.problem(*span, "a producer puts to at least one queue", "none in here");
    }
    let queues = queues.unwrap_or_default();
    let producer = Producer {
        count: fields.or("count", 20, cx, count(1..=MOST_UNITS)),
        batch: fields.or("batch", 1, cx, count(1..=10_000)),
        pace: pace(fields, cx),
        message: message(fields, &queues, around, cx),
        syncpoint: fields.or("syncpoint", Syncpointing::OnePhase, cx, syncpointing),
        backout_percent: fields.or("backout_percent", 0, cx, count(0..=90)),
        when_unknown: when_unknown(fields, cx),
        queues,
    };
    needs_syncpoint(fields, &producer.syncpoint, cx);
    (!producer.queues.is_empty()).then_some(producer)
}

pub(super) fn consumer(fields: &mut Fields<'_>, around: Option<&Around<'_>>, cx: &mut Context<'_>) -> Option<Consumer> {
    let queue = fields.require("queue", cx).and_then(|node| queue(node, around, cx));
    let consumer = Consumer {
        queue: queue.clone().unwrap_or_else(|| "".into()),
        batch: fields.or("batch", 1, cx, count(1..=10_000)),
        processing_time: processing_time(fields, cx),
        syncpoint: fields.or("syncpoint", Syncpointing::OnePhase, cx, syncpointing),
        backout_percent: fields.or("backout_percent", 0, cx, count(0..=90)),
        poison_every: fields.or("poison_every", 0, cx, count(0..=MOST_UNITS)),
        honours_backout_threshold: fields.or("honours_bothresh", true, cx, yes),
        browse_first: fields.or("browse_first", false, cx, yes),
        exclusive: fields.or("exclusive", false, cx, yes),
    };
    needs_syncpoint(fields, &consumer.syncpoint, cx);
    if around.is_some_and(|around| around.on_bus) {
        for (name, asked) in [("browse_first", consumer.browse_first), ("exclusive", consumer.exclusive)] {
            if let (Some(node), true) = (fields.written(name), asked) {
                let message = format!("`{name}` is for queues of queue managers; of a bus it is not modelled");
                cx.problem(node.span, message, "not on a bus");
            }
        }
    }
    queue.map(|_| consumer)
}

/// What is backed out must be under syncpoint.
fn needs_syncpoint(fields: &mut Fields<'_>, syncpoint: &Syncpointing, cx: &mut Context<'_>) {
    if *syncpoint != Syncpointing::None {
        return;
    }
    for (name, none) in [("backout_percent", "0"), ("poison_every", "0"), ("batch", "1")] {
        if let Some(Node { value: Value::Number(number), span }) = fields.written(name)
            && number != none
        {
            let message = format!("`{name}` needs a unit of work, but this application has syncpoint: NO");
            cx.problem(*span, message, "without syncpoint");
        }
    }
}

fn pace(fields: &mut Fields<'_>, cx: &mut Context<'_>) -> Pace {
    let think = fields.take("think_time");
    let interval = fields.take("interval");
    if let (Some(_), Some(node)) = (think, interval) {
        let message = "either think_time (after the last one is done) or interval (whatever became of it), not both";
        cx.problem(node.span, message, "contradicts think_time");
    }
    match (think, interval) {
        (_, Some(node)) => Pace::Open { interval: positive_duration(node, cx).unwrap_or(Duration::from_secs(1)) },
        (Some(node), None) => Pace::Closed { think_time: duration(node, cx).unwrap_or_default() },
        (None, None) => Pace::Closed { think_time: Duration::from_millis(50) },
    }
}

fn when_unknown(fields: &mut Fields<'_>, cx: &mut Context<'_>) -> WhenUnknown {
    let choices = [("give_up", WhenUnknown::GiveUp), ("send_again", WhenUnknown::SendAgain)];
    fields.or("when_unknown", WhenUnknown::GiveUp, cx, word(&choices))
}

fn processing_time(fields: &mut Fields<'_>, cx: &mut Context<'_>) -> (Duration, Duration) {
    let default = (Duration::from_millis(5), Duration::from_millis(15));
    fields.or("processing_time", default, cx, between(duration))
}

fn syncpointing(node: &Node, cx: &mut Context<'_>) -> Option<Syncpointing> {
    match &node.value {
        Value::Truth(true) => Some(Syncpointing::OnePhase),
        Value::Truth(false) => Some(Syncpointing::None),
        _ => {
            word(&[("YES", Syncpointing::OnePhase), ("NO", Syncpointing::None), ("TWO_PHASE", Syncpointing::TwoPhase)])(
                node, cx,
            )
        }
    }
}

fn message_size(node: &Node, cx: &mut Context<'_>) -> Option<(u32, u32)> {
    let (least, most) = between(size)(node, cx)?;
    let fit = |size| u32::try_from(size).ok().filter(|size| *size <= 100 << 20);
    let sizes = fit(least).zip(fit(most));
    if sizes.is_none() {
        cx.problem(node.span, "a message has at most 100 MB", "too big");
    }
    sizes
}

/// The fields that say what messages look like, and whether the queues they go to can hold them.
fn message(
    fields: &mut Fields<'_>,
    targets: &[QueueName],
    around: Option<&Around<'_>>,
    cx: &mut Context<'_>,
) -> MessageTemplate {
    let size_node = fields.take("size");
    let size = size_node.and_then(|node| message_size(node, cx)).unwrap_or(MESSAGE_SIZE);
    if let Some(node) = size_node {
        for queue in targets {
            check_length(node, queue, size.1, around, cx);
        }
    }
    let quality = quality::of_message(fields, targets, around, cx);
    let priorities = fields.or("priorities", Vec::new(), cx, |node, cx| {
        let Value::Map(entries) = &node.value else {
            cx.unexpected(node, "priorities with weights", "{ 0: 3, 9: 1 }");
            return None;
        };
        let mut priorities = Vec::new();
        for (key, weight) in entries {
            if let (Some(priority), Some(weight)) = (priority(key, cx), count(1..=1000)(weight, cx)) {
                priorities.push((priority, weight));
            }
        }
        Some(priorities)
    });
    let expiry = fields.get("expiry", cx, positive_duration);
    MessageTemplate { size, quality, priorities, expiry }
}

/// A queue that the application can name whichever queue manager it finds itself connected to.
fn queue(node: &Node, around: Option<&Around<'_>>, cx: &mut Context<'_>) -> Option<QueueName> {
    let name = cx.name_text(node, "a queue")?;
    let Some(around) = around else { return Some(name.into()) };
    if around.on_bus {
        if cx.names.destinations.contains(&name) {
            return Some(name.into());
        }
        let known = cx.names.destinations.clone();
        cx.dangling(node.span, "queue", &name, known.iter().map(String::as_str));
        return None;
    }
    let knows = |member: &String, cx: &Context<'_>| cx.names.queues_of(member).any(|queue| queue == name);
    let without: Vec<&String> = around.members.iter().filter(|member| !knows(member, cx)).collect();
    if without.is_empty() {
        return Some(name.into());
    }
    if without.len() < around.members.len() {
        let message = format!("{name} is not defined on {}, where this application may be connected", without[0]);
        let help = "define it there as well, or as a shared queue";
        cx.problem_with_help(node.span, message, "not everywhere", help);
        return None;
    }
    let mut candidates: Vec<String> = Vec::new();
    for member in &around.members {
        for queue in cx.names.queues_of(member) {
            if !candidates.iter().any(|known| known == queue) {
                candidates.push(queue.to_owned());
            }
        }
    }
    let elsewhere =
        cx.names.of(Kind::QueueManager).iter().find(|other| cx.names.queues_of(other).any(|q| q == name)).cloned();
    if let (Some(other), [member]) = (elsewhere, around.members.as_slice()) {
        let message = format!("no queue {name} on {member}; there is one on {other}");
        cx.problem(node.span, message, "not there");
        return None;
    }
    cx.dangling(node.span, "queue", &name, candidates.iter().map(String::as_str));
    None
}

/// Every definition that a queue's name can mean for this application.
pub(super) fn definitions<'a>(
    queue: &'a QueueName,
    around: &'a Around<'_>,
) -> impl Iterator<Item = (&'a Queue, &'a QueueManager)> {
    let topology: &Topology = around.topology;
    let members = topology
        .sysplex
        .queue_managers
        .iter()
        .filter(|manager| around.members.iter().any(|m| m == manager.name.as_str()));
    members.filter_map(move |manager| {
        let private = manager.queues.get(queue);
        let group =
            topology.sysplex.queue_sharing_groups.iter().find(|group| Some(&group.name) == manager.group.as_ref());
        let shared = group.and_then(|group| group.queues.get(queue));
        Some((private.or(shared)?, manager))
    })
}

fn check_length(node: &Node, queue: &QueueName, length: u32, around: Option<&Around<'_>>, cx: &mut Context<'_>) {
    let Some(around) = around else { return };
    let definition = definitions(queue, around).find(|(found, _)| found.definition.maximum_message_length < length);
    if let Some((found, _)) = definition {
        let most = found.definition.maximum_message_length;
        let shared = matches!(found.definition.place, QueuePlace::Shared(_));
        let note = if shared { "; messages above 63 KB on shared queues are not modelled yet" } else { "" };
        let message = format!("{queue} takes messages of at most {most} bytes, and these have up to {length}{note}");
        cx.problem(node.span, message, "too big for the queue");
    }
}

/// `ReplyToQMgr`: a queue manager or a group.
fn reply_queue_manager(node: &Node, cx: &mut Context<'_>) -> Option<String> {
    let name = cx.name_text(node, "a queue manager or queue-sharing group")?;
    match cx.names.kind_of(&name) {
        Some(Kind::Group | Kind::QueueManager) => Some(name),
        _ => {
            let mut candidates = cx.names.of(Kind::QueueManager).to_vec();
            candidates.extend_from_slice(cx.names.of(Kind::Group));
            cx.dangling(
                node.span,
                "queue manager or queue-sharing group",
                &name,
                candidates.iter().map(String::as_str),
            );
            None
        }
    }
}
