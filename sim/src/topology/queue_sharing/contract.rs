//! What the documentation of queue managers permits, and which queue is meant by a name.

use indoubt_engine::message::Persistence;
use indoubt_engine::name::QueueName;
use indoubt_ledger::contract::{Contract, PROCESS_ENDED, Permission, Whom};
use indoubt_ledger::history::History;

use super::private_name;
use crate::scenario::model::{ConnectTarget, QualityOfService, QueueManager, Sysplex};

/// Adds the sysplex's part.
pub(super) fn promise(sysplex: &Sysplex, history: &mut History, contract: &mut Contract) {
    for manager in &sysplex.queue_managers {
        let queues = manager.queues.keys().map(|queue| history.queue(&private_name(manager, queue)));
        contract.keepers.extend(queues.map(|queue| (queue, manager.name.to_string())));
    }
    contract.permitted_losses.extend(private_nonpersistent(sysplex, history));
    contract.permitted_resets.extend(counts_in_memory(sysplex, history));
    contract.unknown_get_rule = "a get outside syncpoint removes the message when it is served; if its reply is lost, \
                                 so is the message (MQGMO_NO_SYNCPOINT)"
        .to_owned();
}

/// Nonpersistent messages on private queues are discarded when their queue manager ends. Those on shared queues survive
/// it.
fn private_nonpersistent(sysplex: &Sysplex, history: &mut History) -> Vec<Permission> {
    let managers = sysplex.queue_managers.iter().filter(|manager| !manager.queues.is_empty());
    managers
        .map(|manager| Permission {
            qualities: Some(vec![history.quality(QualityOfService::Persistence(Persistence::Nonpersistent).name())]),
            queues: Some(manager.queues.keys().map(|queue| history.queue(&private_name(manager, queue))).collect()),
            event: PROCESS_ENDED.to_owned(),
            subject: Whom::Named(manager.name.to_string()),
            rule: "nonpersistent messages on private queues do not survive a restart of their queue manager \
                   (NPMCLASS(NORMAL); IBM MQ, Message persistence)"
                .to_owned(),
            ..Permission::default()
        })
        .collect()
}

/// Backout counts of private queues that do not harden them are gone with their queue manager. Those of shared queues are
/// always kept.
fn counts_in_memory(sysplex: &Sysplex, history: &mut History) -> Vec<Permission> {
    let mut permission = |manager: &QueueManager| {
        let in_memory = manager.queues.iter().filter(|(_, queue)| !queue.definition.harden_backout);
        Permission {
            queues: Some(in_memory.map(|(name, _)| history.queue(&private_name(manager, name))).collect()),
            event: PROCESS_ENDED.to_owned(),
            subject: Whom::Named(manager.name.to_string()),
            rule: "backout counts do not survive a restart of the queue manager unless the queue hardens them \
                   (NOHARDENBO; IBM MQ, DEFINE QLOCAL)"
                .to_owned(),
            ..Permission::default()
        }
    };
    sysplex.queue_managers.iter().map(&mut permission).collect()
}

/// By a name a queue manager means its private queue or the group's; a group by itself only its own.
pub(super) fn queues_meant(target: &ConnectTarget, queue: &QueueName) -> Vec<String> {
    let shared = queue.to_string();
    match target {
        ConnectTarget::LocalQueueManager(name) | ConnectTarget::QueueManager(name) => {
            vec![shared, format!("{name}/{queue}")]
        }
        ConnectTarget::LocalGroup(_) | ConnectTarget::Group(_) => vec![shared],
        ConnectTarget::Bus(_) | ConnectTarget::ActivationSpecification(_) | ConnectTarget::Administration => Vec::new(),
    }
}
