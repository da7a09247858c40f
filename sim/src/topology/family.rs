//! A family of products: everything of the world that knows which product it has to do with.
//!
//! Each family has a folder of its own beside this file, and one line in [`super::families`]. The rest of `sim` asks a
//! family what it has to know, and never which family it is.

use std::time::Duration;

use indoubt_engine::name::QueueName;
use indoubt_ledger::audit::Audit;
use indoubt_ledger::contract::{Contract, OrderPromise};
use indoubt_ledger::history::History;

use super::audit::AuditPlan;
use super::{Plan, World};
use crate::fabric::{Fabric, Process};
use crate::scenario::model::{ClockError, Connect, ConnectTarget, Place, Site, Syncpointing};
use crate::workload::provider::Pending;
use crate::workload::shared::QueueDescription;
use crate::workload::{MakeProvider, Shared};

/// A place of a family, for whoever reads a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceDescription {
    /// What it is: `image`.
    pub kind: &'static str,
    /// Which.
    pub place: Place,
    /// What is there besides applications; may be empty.
    pub holds: String,
}

/// A part of what a report says of a family's systems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Description {
    /// An empty line.
    Gap,
    /// Running text.
    Paragraph(String),
    /// Rows of a table.
    Table(Vec<[String; 3]>),
}

/// What the world asks of a family of products; each answers for its part of one scenario's topology.
pub trait Family: Send + Sync {
    /// Its processes, in the order in which they start: those that others need first. On the way it adds places, declares
    /// addresses and the quality of its links, adds disks.
    fn plan(&self, fabric: &Fabric, world: &mut World) -> Vec<Plan>;

    /// Every queue, or destination, in an order that never changes.
    fn queues(&self) -> Vec<QueueDescription>;

    /// The client with which an application on this site talks to this family; `None` if it connects to another one.
    fn provider(&self, connect: &Connect, site: &Site) -> Option<MakeProvider>;

    /// What the history calls the queues from which an application that connects so may take when it names this queue.
    /// Nothing if it connects to another family.
    fn queues_meant(&self, target: &ConnectTarget, queue: &QueueName) -> Vec<String>;

    /// Adds to the contract what the products' documentation promises and permits: losses, duplicates, redelivery counts
    /// that begin anew, and of what there must be one active owner.
    fn promise(&self, history: &mut History, contract: &mut Contract);

    /// What it means that order is promised on one of its queues.
    fn promised_order(&self) -> OrderPromise;

    /// The clocks by which messages expire.
    fn clocks(&self) -> Vec<ClockError>;

    /// Takes stock of its queues and of what is in doubt. What could not be seen is named: missing is not lost.
    fn audit<'a>(&'a self, process: &'a Process, plan: &'a AuditPlan, shared: &'a Shared) -> Pending<'a, Audit>;

    /// How long its audit may take, if the auditor tries to reach each system for as long as `patience`.
    fn longest_audit(&self, patience: Duration) -> Duration;

    /// Its places, and what is on them besides applications.
    fn describe_places(&self) -> Vec<PlaceDescription>;

    /// Its systems and queues as a report shows them.
    fn describe(&self) -> Vec<Description>;

    /// How an application is connected: `client of QM01`. `None` if it connects to another family.
    fn describe_target(&self, target: &ConnectTarget) -> Option<String>;

    /// Where messages are that nobody could process: `on dead-letter or backout queues`.
    fn describe_set_aside(&self) -> &'static str;

    /// In which units of work an application works, in the words of the product: `under syncpoint`. `None` if it connects
    /// to another family.
    fn describe_syncpointing(&self, target: &ConnectTarget, syncpointing: &Syncpointing) -> Option<&'static str>;
}
