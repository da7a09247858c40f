//! What the documentation of queue managers permits, and which queue is meant by a name.

use indoubt_engine::name::QueueName;
use indoubt_ledger::contract::PermittedLoss;
use indoubt_ledger::history::History;

use super::private_name;
use crate::scenario::model::{ConnectTarget, Sysplex};

/// Nonpersistent messages on private queues are discarded when their queue manager ends. Those on shared queues survive
/// it.
pub(super) fn private_nonpersistent(sysplex: &Sysplex, history: &mut History) -> Vec<PermittedLoss> {
    let managers = sysplex.queue_managers.iter().filter(|manager| !manager.queues.is_empty());
    managers
        .map(|manager| PermittedLoss {
            nonpersistent_only: true,
            queues: Some(manager.queues.keys().map(|queue| history.queue(&private_name(manager, queue))).collect()),
            event: "process_ended".to_owned(),
            subject: Some(manager.name.to_string()),
            rule: "nonpersistent messages on private queues do not survive a restart of their queue manager \
                   (NPMCLASS(NORMAL); IBM MQ, Message persistence)"
                .to_owned(),
        })
        .collect()
}

/// By a name a queue manager means its private queue or the group's; a group by itself only its own.
pub(super) fn queues_meant(target: &ConnectTarget, queue: &QueueName) -> Vec<String> {
    let mut names = vec![queue.to_string()];
    match target {
        ConnectTarget::LocalQueueManager(name) | ConnectTarget::QueueManager(name) => {
            names.push(format!("{name}/{queue}"));
        }
        ConnectTarget::LocalGroup(_) | ConnectTarget::Group(_) => {}
    }
    names
}
