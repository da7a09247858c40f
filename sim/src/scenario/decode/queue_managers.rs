//! Queue managers.

use std::collections::BTreeMap;
use std::time::Duration;

use indoubt_engine::name::QueueName;
use indoubt_engine::queue_manager::definition::SharedQueueManagerName;

use crate::scenario::model::{Disk, Latency, QueueManager};
use crate::scenario::syntax::ast::Node;

use super::context::{Context, Kind};
use super::fields::Fields;
use super::groups::{self, Home};
use super::topology::latency;
use super::values::{count, duration, interval, map, size, word};

/// `HBINT` if nothing is said: 300 s.
const HEARTBEAT: Duration = Duration::from_secs(300);

/// A force of the log takes 0.4 to 0.6 ms if nothing is said.
pub(super) const DISK: Disk =
    Disk { force: Latency { base: Duration::from_micros(400), jitter: Duration::from_micros(200) }, capacity: None };

/// A queue manager.
pub(super) fn queue_manager(name: &str, node: &Node, cx: &mut Context<'_>) -> Option<QueueManager> {
    let mut fields = Fields::of(node, "a queue manager", cx)?;
    let image = fields.require("image", cx).and_then(|node| cx.find(Kind::Image, node));
    let group_node = fields.take("qsgname");
    let group = group_node.and_then(|node| cx.find(Kind::Group, node));
    let mut queues = BTreeMap::new();
    if let Some(node) = fields.take("qlocals") {
        map(node, cx, |queue_name, key, node, cx| {
            let queue = groups::queue(Home::Private { queue_manager: name }, queue_name, key.span, node, cx);
            queues.extend(queue.map(|queue| (QueueName::from(queue_name), queue)));
        });
    }
    let dead_letter_queue = fields.get("deadq", cx, |node, cx| {
        let queue = cx.name_text(node, "a queue")?;
        let candidates: Vec<String> = cx.names.queues_of(name).map(str::to_owned).collect();
        if candidates.contains(&queue) {
            return Some(QueueName::from(queue));
        }
        cx.dangling(node.span, &format!("queue of {name}"), &queue, candidates.iter().map(String::as_str));
        None
    });
    let manager = QueueManager {
        name: name.into(),
        image: image.clone().unwrap_or_default().into(),
        group: group.map(Into::into),
        queues,
        dead_letter_queue,
        maximum_uncommitted_messages: fields.or("maxumsgs", 10_000, cx, count(1..=999_999_999)),
        shared_queue_manager_name: fields.or(
            "sqqmname",
            SharedQueueManagerName::Use,
            cx,
            word(&[("USE", SharedQueueManagerName::Use), ("IGNORE", SharedQueueManagerName::Ignore)]),
        ),
        client_silence: silence(fields.or("hbint", HEARTBEAT, cx, interval)),
        start_duration: fields.or("start_duration", Duration::from_secs(5), cx, duration),
        retry_interval: fields.or("retry_interval", Duration::from_secs(5), cx, interval),
        log_disk: fields.or("log_disk", DISK, cx, disk),
    };
    fields.not_modelled(&["igq"], "intra-group queuing is", cx);
    fields.not_modelled(&["channels", "chinit"], "channels are", cx);
    fields.not_modelled(&["db2"], "Db2 is", cx);
    fields.not_modelled(&["repos", "cluster"], "queue manager clusters are", cx);
    fields.finish(cx);
    image?;
    Some(manager)
}

/// After how long a silence a connection with this heartbeat interval is given up: a minute more, or twice the interval
/// if it is shorter than a minute.
pub(super) fn silence(heartbeat: Duration) -> Duration {
    heartbeat + heartbeat.min(Duration::from_secs(60))
}

pub(super) fn disk(node: &Node, cx: &mut Context<'_>) -> Option<Disk> {
    let mut fields = Fields::of(node, "a disk", cx)?;
    let disk = Disk { force: fields.or("force", DISK.force, cx, latency), capacity: fields.get("capacity", cx, size) };
    fields.finish(cx);
    Some(disk)
}
