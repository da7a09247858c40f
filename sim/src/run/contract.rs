//! The contract of a run: what its scenario and the products' documentation promise and permit.

use indoubt_engine::queue_manager::definition::QueuePlace;
use indoubt_ledger::contract::{
    AllowedFinding, Contract, OrderPromise, PROCESS_ENDED, Permission, QueueContract, Whom,
};
use indoubt_ledger::history::{History, QueueIndex};
use indoubt_ledger::verdict::FindingKind;

use crate::scenario::model::{ClockError, ConnectTarget, Role, Scenario};

/// Derives the contract.
pub(super) fn of(scenario: &Scenario, history: &mut History) -> Contract {
    let mut contract = Contract {
        permitted_losses: private_nonpersistent(scenario, history),
        permitted_resets: counts_in_memory(scenario, history),
        unknown_get_rule:
            "a get outside syncpoint removes the message when it is served; if its reply is lost, so is the \
                           message (MQGMO_NO_SYNCPOINT)"
                .to_owned(),
        recovery_time_ns: scenario.expect.recovery_time.map(nanoseconds),
        clock_error_ns: clock_error_ns(scenario),
        ..Contract::default()
    };
    for (name, queue) in history_names(scenario) {
        let index = history.queue(&name);
        contract.queues.push(QueueContract {
            queue: index,
            ordered: scenario
                .expect
                .ordered
                .iter()
                .any(|ordered| ordered.as_str() == queue)
                .then_some(OrderPromise::default()),
            drained: is_drained(scenario, &name, &queue),
        });
    }
    for allowed in &scenario.expect.allow {
        let Some(kind) = FindingKind::from_name(&allowed.kind) else { continue };
        let queues: Vec<Option<QueueIndex>> = match &allowed.queue {
            None => vec![None],
            Some(queue) => history_names(scenario)
                .into_iter()
                .filter(|(_, name)| name == queue.as_str())
                .map(|(name, _)| Some(history.queue(&name)))
                .collect(),
        };
        for queue in queues {
            let (because, rule) = (allowed.because.clone(), allowed.rule.clone());
            contract.allow.push(AllowedFinding { kind, queue, because, rule });
        }
    }
    contract
}

/// Nonpersistent messages on private queues are discarded when their queue manager ends. Those on shared queues survive
/// it.
fn private_nonpersistent(scenario: &Scenario, history: &mut History) -> Vec<Permission> {
    let managers = scenario.topology.queue_managers.iter().filter(|manager| !manager.queues.is_empty());
    managers
        .map(|manager| Permission {
            qualities: Some(vec![history.quality("nonpersistent")]),
            queues: Some(
                manager.queues.keys().map(|queue| history.queue(&format!("{}/{queue}", manager.name))).collect(),
            ),
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
fn counts_in_memory(scenario: &Scenario, history: &mut History) -> Vec<Permission> {
    let managers = scenario.topology.queue_managers.iter();
    managers
        .map(|manager| Permission {
            queues: Some(
                manager
                    .queues
                    .iter()
                    .filter(|(_, queue)| !queue.definition.harden_backout)
                    .map(|(name, _)| history.queue(&format!("{}/{name}", manager.name)))
                    .collect(),
            ),
            event: PROCESS_ENDED.to_owned(),
            subject: Whom::Named(manager.name.to_string()),
            rule: "backout counts do not survive a restart of the queue manager unless the queue hardens them \
                   (NOHARDENBO; IBM MQ, DEFINE QLOCAL)"
                .to_owned(),
            ..Permission::default()
        })
        .collect()
}

/// Every queue: what the history calls it, and its own name.
fn history_names(scenario: &Scenario) -> Vec<(String, String)> {
    let topology = &scenario.topology;
    let private = topology.queue_managers.iter().flat_map(|manager| {
        let private = manager.queues.iter().filter(|(_, queue)| queue.definition.place == QueuePlace::Private);
        private.map(|(name, _)| (format!("{}/{name}", manager.name), name.to_string()))
    });
    let shared = topology
        .queue_sharing_groups
        .iter()
        .flat_map(|group| group.queues.keys())
        .map(|name| (name.to_string(), name.to_string()));
    private.chain(shared).collect()
}

/// Whether some application takes whatever comes on this queue.
fn is_drained(scenario: &Scenario, history_name: &str, queue: &str) -> bool {
    scenario.workload.iter().any(|application| {
        let takes = match &application.role {
            Role::Server(server) => &server.request_queue,
            Role::Consumer(consumer) => &consumer.queue,
            Role::Requester(_) | Role::Producer(_) | Role::Operator(_) => return false,
        };
        let from = match &application.connect.target {
            ConnectTarget::LocalQueueManager(name) | ConnectTarget::QueueManager(name) => format!("{name}/{takes}"),
            ConnectTarget::LocalGroup(_) | ConnectTarget::Group(_) => takes.to_string(),
        };
        takes.as_str() == queue && (history_name == from || history_name == queue)
    })
}

/// By how much the clock of the image that gets a message may differ from that of the image where it was put, in the end.
fn clock_error_ns(scenario: &Scenario) -> u64 {
    let run_ns = nanoseconds(scenario.run.horizon).saturating_add(nanoseconds(scenario.run.settle));
    let error = |clock: ClockError| {
        let drift_ns = (run_ns / 1_000_000).saturating_mul(u64::from(clock.drift_ppm.unsigned_abs()));
        clock.skew_ns.unsigned_abs().saturating_add(drift_ns)
    };
    let worst = scenario.topology.images.iter().map(|image| error(image.clock)).max().unwrap_or(0);
    worst.saturating_mul(2)
}

fn nanoseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
