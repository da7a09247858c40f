//! The contract of a run: what its scenario and the products' documentation promise and permit.

use indoubt_ledger::contract::{AllowedFinding, Contract, Placement, QueueContract};
use indoubt_ledger::history::{History, QueueIndex};
use indoubt_ledger::verdict::FindingKind;

use crate::scenario::model::{ActiveAt, ClockError, Role, Scenario};
use crate::topology::Families;
use crate::workload::shared::QueueDescription;

/// Derives the contract.
pub(super) fn of(scenario: &Scenario, families: &Families, history: &mut History) -> Contract {
    let mut contract = Contract {
        recovery_time_ns: scenario.expect.recovery_time.map(nanoseconds),
        clock_error_ns: clock_error_ns(scenario, families),
        ..Contract::default()
    };
    contract.placements = scenario.expect.active.iter().map(placement).collect();
    let mut queues = Vec::new();
    for family in families.iter() {
        family.promise(history, &mut contract);
        for queue in family.queues() {
            contract.queues.push(QueueContract {
                queue: history.queue(&queue.history_name),
                ordered: scenario.expect.ordered.contains(&queue.name).then(|| family.promised_order()),
                drained: is_drained(scenario, families, &queue),
            });
            queues.push(queue);
        }
    }
    for allowed in &scenario.expect.allow {
        let Some(kind) = FindingKind::from_name(&allowed.kind) else { continue };
        let queues: Vec<Option<QueueIndex>> = match &allowed.queue {
            None => vec![None],
            Some(name) => {
                let meant = queues.iter().filter(|queue| queue.name == *name);
                meant.map(|queue| Some(history.queue(&queue.history_name))).collect()
            }
        };
        for queue in queues {
            let (because, rule) = (allowed.because.clone(), allowed.rule.clone());
            contract.allow.push(AllowedFinding { kind, queue, because, rule });
        }
    }
    contract
}

fn placement(active: &ActiveAt) -> Placement {
    Placement { resource: active.what.clone(), owner: active.on.clone(), at_ns: nanoseconds(active.at) }
}

/// Whether some application takes whatever comes on this queue.
fn is_drained(scenario: &Scenario, families: &Families, queue: &QueueDescription) -> bool {
    scenario.workload.iter().any(|application| {
        let takes = match &application.role {
            Role::Server(server) => &server.request_queue,
            Role::Consumer(consumer) => &consumer.queue,
            Role::Requester(_) | Role::Producer(_) | Role::Operator(_) => return false,
        };
        let meant = || families.iter().flat_map(|family| family.queues_meant(&application.connect.target, takes));
        *takes == queue.name && meant().any(|name| name == queue.history_name)
    })
}

/// By how much the clock of the system that gives a message may differ from that of the system where it was put, in the end.
fn clock_error_ns(scenario: &Scenario, families: &Families) -> u64 {
    let run_ns = nanoseconds(scenario.run.horizon).saturating_add(nanoseconds(scenario.run.settle));
    let error = |clock: ClockError| {
        let drift_ns = (run_ns / 1_000_000).saturating_mul(u64::from(clock.drift_ppm.unsigned_abs()));
        clock.skew_ns.unsigned_abs().saturating_add(drift_ns)
    };
    let worst = families.iter().flat_map(|family| family.clocks()).map(error).max().unwrap_or(0);
    worst.saturating_mul(2)
}

fn nanoseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
