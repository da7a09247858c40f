//! Queue managers on a sysplex, alone or in queue-sharing groups: coupling facilities, z/OS images, queue managers.

mod addresses;
mod audit;
mod client;
mod connection;
mod contract;
mod describe;
mod operator;
mod plan;

use std::sync::Arc;
use std::time::Duration;

use indoubt_engine::name::QueueName;
use indoubt_engine::queue_manager::definition::DeliverySequence;
use indoubt_ledger::audit::Audit;
use indoubt_ledger::contract::{Contract, OrderPromise};
use indoubt_ledger::history::History;

use super::audit::AuditPlan;
use super::family::{Description, Family, PlaceDescription};
use super::{Plan, World};
use crate::fabric::{Fabric, Process};
use crate::scenario::model::{
    ClockError, Connect, ConnectTarget, QualityOfService, Queue, QueueManager, Site, Syncpointing, Sysplex, Topology,
};
use crate::workload::provider::{Pending, Provider};
use crate::workload::shared::{DeliveryOrder, QueueDescription};
use crate::workload::{MakeProvider, Shared};

/// The sysplex of a scenario.
pub(super) struct QueueSharing {
    sysplex: Arc<Sysplex>,
}

impl QueueSharing {
    /// The family's part of a topology, if it has any.
    pub(super) fn of(topology: &Topology) -> Option<Arc<dyn Family>> {
        let sysplex = Arc::new(topology.sysplex.clone());
        (!sysplex.is_empty()).then(|| Arc::new(QueueSharing { sysplex }) as Arc<dyn Family>)
    }
}

impl Family for QueueSharing {
    fn plan(&self, fabric: &Fabric, world: &mut World) -> Vec<Plan> {
        plan::plan(fabric, &self.sysplex, world)
    }

    fn queues(&self) -> Vec<QueueDescription> {
        let managers = self.sysplex.queue_managers.iter();
        let private = managers.flat_map(|manager| {
            let queues = manager.queues.iter();
            queues.map(move |(name, queue)| described(Some(manager), name, queue))
        });
        let groups = self.sysplex.queue_sharing_groups.iter();
        let shared = groups.flat_map(|group| group.queues.iter().map(|(name, queue)| described(None, name, queue)));
        private.chain(shared).collect()
    }

    fn provider(&self, connect: &Connect, Site { place, .. }: &Site) -> Option<MakeProvider> {
        addresses::of_target(&connect.target, place)?;
        let (connect, place) = (connect.clone(), place.clone());
        Some(Arc::new(move |process, shared| -> Box<dyn Provider> {
            Box::new(client::MqClient::new(process, shared, &connect, &place).expect("its target is a queue manager"))
        }))
    }

    fn queues_meant(&self, target: &ConnectTarget, queue: &QueueName) -> Vec<String> {
        contract::queues_meant(target, queue)
    }

    fn promise(&self, history: &mut History, contract: &mut Contract) {
        contract::promise(&self.sysplex, history, contract);
    }

    /// A queue manager keeps the order of one priority, whatever the persistence.
    fn promised_order(&self) -> OrderPromise {
        OrderPromise::default()
    }

    fn clocks(&self) -> Vec<ClockError> {
        self.sysplex.images.iter().map(|image| image.clock).collect()
    }

    fn audit<'a>(&'a self, process: &'a Process, plan: &'a AuditPlan, shared: &'a Shared) -> Pending<'a, Audit> {
        Box::pin(audit::audit(process, &self.sysplex, plan, shared))
    }

    /// Each queue manager is tried, and then waited for.
    fn longest_audit(&self, patience: Duration) -> Duration {
        patience * 2 * u32::try_from(self.sysplex.queue_managers.len()).unwrap_or(u32::MAX)
    }

    fn describe_places(&self) -> Vec<PlaceDescription> {
        describe::places(&self.sysplex)
    }

    fn describe(&self) -> Vec<Description> {
        describe::describe(&self.sysplex)
    }

    fn describe_target(&self, target: &ConnectTarget) -> Option<String> {
        describe::target(target)
    }

    fn describe_set_aside(&self) -> &'static str {
        "on dead-letter or backout queues"
    }

    fn describe_syncpointing(&self, target: &ConnectTarget, syncpointing: &Syncpointing) -> Option<&'static str> {
        describe::target(target)?;
        Some(match syncpointing {
            Syncpointing::None => "outside syncpoint",
            Syncpointing::OnePhase => "under syncpoint",
            Syncpointing::TwoPhase => "in two phases",
        })
    }
}

/// A private queue is asked for at its queue manager, a shared one anywhere in its group.
fn described(manager: Option<&QueueManager>, name: &QueueName, queue: &Queue) -> QueueDescription {
    QueueDescription {
        owner: manager.map(|manager| manager.name.to_string()),
        name: name.clone(),
        history_name: manager.map_or_else(|| name.to_string(), |manager| private_name(manager, name)),
        default_quality: QualityOfService::Persistence(queue.definition.default_persistence),
        default_priority: queue.definition.default_priority,
        order: match queue.definition.delivery_sequence {
            DeliverySequence::Priority => DeliveryOrder::Priority,
            DeliverySequence::Fifo => DeliveryOrder::Fifo,
        },
        backout_threshold: queue.backout_threshold,
        backout_queue: queue.backout_queue.clone(),
    }
}

/// What the history calls a private queue.
fn private_name(manager: &QueueManager, queue: &QueueName) -> String {
    format!("{}/{queue}", manager.name)
}
