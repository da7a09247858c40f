//! A cell of application servers with a service integration bus: databases and file servers that keep its messages, node
//! agents, the deployment manager, application servers with their messaging engines.

mod administration;
mod audit;
mod client;
mod connection;
mod contract;
mod describe;
mod plan;

use std::sync::Arc;
use std::time::Duration;

use indoubt_engine::message::Priority;
use indoubt_engine::messaging_engine::definition::system_exception_destination;
use indoubt_engine::messaging_engine::reliability::Reliability;
use indoubt_engine::name::QueueName;
use indoubt_ledger::audit::Audit;
use indoubt_ledger::contract::{Contract, OrderPromise, OrderWithin, Redelivered};
use indoubt_ledger::history::History;

use super::audit::AuditPlan;
use super::family::{Description, Family, PlaceDescription};
use super::{Plan, World};
use crate::fabric::{Fabric, Process};
use crate::scenario::model::{
    Cell, ClockError, Connect, ConnectTarget, Host, QualityOfService, Site, Syncpointing, Topology,
};
use crate::workload::provider::{Pending, Provider};
use crate::workload::shared::{DeliveryOrder, QueueDescription};
use crate::workload::{MakeProvider, Shared};

/// `JMSPriority` of messages whose producer sets none.
const DEFAULT_PRIORITY: Priority = Priority::new(4).expect("4 is a priority");

/// The cell of a scenario.
pub(super) struct ServiceIntegration {
    cell: Arc<Cell>,
    hosts: Vec<Host>,
}

impl ServiceIntegration {
    /// The family's part of a topology, if it has any.
    pub(super) fn of(topology: &Topology) -> Option<Arc<dyn Family>> {
        let cell = Arc::new(topology.cell.clone()?);
        Some(Arc::new(ServiceIntegration { cell, hosts: topology.hosts.clone() }))
    }
}

impl Family for ServiceIntegration {
    fn plan(&self, fabric: &Fabric, _: &mut World) -> Vec<Plan> {
        plan::plan(&self.cell, fabric)
    }

    fn queues(&self) -> Vec<QueueDescription> {
        let bus = self.cell.bus.name.to_string();
        let description = |name: &str, reliability: Reliability| QueueDescription {
            owner: Some(bus.clone()),
            name: QueueName::from(name),
            history_name: name.to_owned(),
            default_quality: QualityOfService::Reliability(reliability),
            default_priority: DEFAULT_PRIORITY,
            order: DeliveryOrder::Priority,
            backout_threshold: None,
            backout_queue: None,
        };
        let queues = self.cell.bus.queues.iter();
        let queues = queues.map(|(name, queue)| description(name.as_str(), queue.default_reliability));
        let exceptions = self.cell.engines().map(|(engine, _)| {
            let name = system_exception_destination(&engine.name);
            description(name.as_str(), Reliability::AssuredPersistent)
        });
        queues.chain(exceptions).collect()
    }

    fn provider(&self, connect: &Connect, site: &Site) -> Option<MakeProvider> {
        let cell = self.cell.clone();
        let silence = connect.silence;
        match &connect.target {
            ConnectTarget::Bus(target) => {
                let target = target.clone();
                Some(Arc::new(move |process, shared| -> Box<dyn Provider> {
                    Box::new(client::BusProvider::of_application(process, shared, &cell, &target, silence))
                }))
            }
            ConnectTarget::ActivationSpecification(activation) => {
                let (activation, server) = (activation.clone(), site.within.clone()?);
                Some(Arc::new(move |process, shared| -> Box<dyn Provider> {
                    Box::new(client::BusProvider::of_bean(process, shared, &cell, &server, &activation, silence))
                }))
            }
            ConnectTarget::Administration => Some(Arc::new(move |process, _| -> Box<dyn Provider> {
                Box::new(administration::Administrator::new(process, &cell))
            })),
            _ => None,
        }
    }

    fn queues_meant(&self, target: &ConnectTarget, queue: &QueueName) -> Vec<String> {
        match target {
            ConnectTarget::Bus(_) | ConnectTarget::ActivationSpecification(_) => vec![queue.to_string()],
            _ => Vec::new(),
        }
    }

    fn promise(&self, history: &mut History, contract: &mut Contract) {
        contract::promise(&self.cell, history, contract);
    }

    /// Order is kept among messages of one producer, priority and reliability; a message whose delivery failed may be
    /// overtaken.
    fn promised_order(&self) -> OrderPromise {
        OrderPromise { within: OrderWithin::PriorityAndQuality, redelivered: Redelivered::LosesItsPlace }
    }

    fn clocks(&self) -> Vec<ClockError> {
        self.hosts.iter().map(|host| host.clock).collect()
    }

    fn audit<'a>(&'a self, process: &'a Process, plan: &'a AuditPlan, shared: &'a Shared) -> Pending<'a, Audit> {
        Box::pin(audit::audit(process, &self.cell, plan, shared))
    }

    /// Each engine is waited for three times: as it is, once it has been started if it was stopped, and until the HA manager
    /// has moved it.
    fn longest_audit(&self, patience: Duration) -> Duration {
        let engines = u32::try_from(self.cell.engines().count()).unwrap_or(u32::MAX);
        (patience * 3 + audit::until_moved(&self.cell)) * engines
    }

    fn describe_places(&self) -> Vec<PlaceDescription> {
        describe::places(&self.cell)
    }

    fn describe(&self) -> Vec<Description> {
        describe::describe(&self.cell)
    }

    fn describe_target(&self, target: &ConnectTarget) -> Option<String> {
        describe::target(&self.cell, target)
    }

    fn describe_set_aside(&self) -> &'static str {
        "on exception destinations"
    }

    fn describe_syncpointing(&self, target: &ConnectTarget, syncpointing: &Syncpointing) -> Option<&'static str> {
        describe::syncpointing(target, syncpointing)
    }
}
