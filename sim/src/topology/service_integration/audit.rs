//! How stock is taken of messaging engines.
//!
//! The auditor connects to each engine, wherever it runs, and looks at its queue points as an administrator does: every
//! message with its state, and what is in doubt. An engine that an administrator has stopped is started for a look: what it
//! has is kept, but nobody reaches it. One that has failed is waited for until the HA manager has moved it. An engine that
//! runs nowhere even then shows nothing; that is said: missing is not lost. Only one that never ran has nothing to show.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use indoubt_engine::application_server::definition::AutomaticReenable;
use indoubt_engine::application_server::frame::{AdministrationRequest, AdministrationResponse};
use indoubt_engine::messaging_engine::EngineState;
use indoubt_engine::messaging_engine::client::{CallFailed, ConnectionFactory};
use indoubt_engine::messaging_engine::definition::{ExceptionDestination, system_exception_destination};
use indoubt_engine::messaging_engine::frame::{
    BusCall, BusReply, InspectedMessage, MessageState, Target, TargetSignificance,
};
use indoubt_engine::name::{DestinationName, MessagingEngineName, QueueName};
use indoubt_engine::time::Time;
use indoubt_engine::unit_of_work::Xid;
use indoubt_ledger::audit::{Audit, Availability, Holder, HolderState, LeftInDoubt, LeftMessage, LeftQueue, QueueRole};
use indoubt_ledger::history::MessageIdentity;

use super::super::audit::{AuditPlan, Found};
use super::administration::Administrator;
use super::connection::Connection;
use super::contract::STARTED;
use super::plan::endpoint;
use crate::fabric::Process;
use crate::scenario::model::Cell;
use crate::workload::Shared;
use crate::workload::shared::QueueFacts;

/// After how long a silence the auditor gives a connection up.
const SILENCE: Duration = Duration::from_secs(5);

/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(500);

/// How long an engine that has failed may be unavailable although everything is mended: until its server is asked whether
/// it is alive, and once more until a disabled instance is enabled again.
pub(super) fn until_moved(cell: &Cell) -> Duration {
    let of_engines = cell.engines().filter_map(|(engine, cluster)| cell.is_alive_interval(engine, cluster));
    let asked = of_engines.chain(cell.core_group.is_alive_interval).max().unwrap_or_default();
    asked + AutomaticReenable::DEFAULT.period
}

/// Takes stock.
pub(super) async fn audit(process: &Process, cell: &Cell, plan: &AuditPlan, shared: &Shared) -> Audit {
    let mut auditor =
        Auditor { process, cell, shared, found: BTreeMap::new(), unacknowledged: Vec::new(), audit: Audit::default() };
    for (engine, cluster) in cell.engines() {
        let servers = cluster.servers.iter().map(|server| endpoint(&server.name)).collect();
        let factory = ConnectionFactory {
            target: Target::MessagingEngine(engine.name.clone()),
            significance: TargetSignificance::Required,
            silence: SILENCE,
            ..ConnectionFactory::new(servers, cell.bus.name.clone(), process.name().to_string())
        };
        let servers: Vec<&str> = cluster.servers.iter().map(|server| server.name.as_str()).collect();
        auditor.visit(&engine.name, factory, &servers, plan).await;
    }
    auditor.finish(plan)
}

struct Auditor<'a> {
    process: &'a Process,
    cell: &'a Cell,
    shared: &'a Shared,
    found: Found,
    /// Messages on their way from one engine to another.
    unacknowledged: Vec<(Arc<QueueFacts>, LeftMessage)>,
    audit: Audit,
}

impl Auditor<'_> {
    async fn visit(
        &mut self,
        engine: &MessagingEngineName,
        factory: ConnectionFactory,
        servers: &[&str],
        plan: &AuditPlan,
    ) {
        let mut until = self.process.now() + plan.patience;
        let mut was_stopped = false;
        let mut may_be_moved = true;
        let mut connection = Connection::of_application(self.process.clone(), factory);
        loop {
            match inspect(&mut connection).await {
                Some((messages, indoubt)) if self.is_settled(&messages, &indoubt) || self.process.now() >= until => {
                    let why = was_stopped.then(|| format!("messaging engine {engine} is stopped"));
                    self.note(engine, messages, indoubt, why, plan);
                    return connection.abandon();
                }
                None if self.process.now() >= until => {
                    if !was_stopped && self.start_stopped(engine, servers).await {
                        was_stopped = true;
                        until = self.process.now() + plan.patience;
                        continue;
                    }
                    if self.has_run(engine) {
                        if std::mem::take(&mut may_be_moved) {
                            until = self.process.now() + until_moved(self.cell) + plan.patience;
                            continue;
                        }
                        self.audit.incomplete.push(format!("{engine} runs nowhere: its queue points are not seen"));
                    }
                    return;
                }
                Some(_) | None => self.process.sleep(AGAIN).await,
            }
        }
    }

    /// Whether it ever took anything: what waits for an engine that never ran is with others.
    fn has_run(&self, engine: &MessagingEngineName) -> bool {
        self.shared.history().was_told(STARTED, engine.as_str())
    }

    /// Starts an engine that an administrator has stopped. Returns whether there was such a one.
    async fn start_stopped(&self, engine: &MessagingEngineName, servers: &[&str]) -> bool {
        for server in servers {
            let mut administrator = Administrator::of(self.process, self.cell);
            let displayed = administrator.ask(server, AdministrationRequest::DisplayEngines).await;
            let Some(AdministrationResponse::Engines(engines)) = displayed else { continue };
            if engines.iter().any(|status| status.engine == *engine && status.state == EngineState::Stopped) {
                let start = AdministrationRequest::StartEngine(engine.clone());
                return administrator.ask(server, start).await == Some(AdministrationResponse::Done);
            }
        }
        false
    }

    /// Whether nothing is held by somebody who may still let go of it.
    fn is_settled(&self, messages: &[InspectedMessage], indoubt: &[Xid]) -> bool {
        !indoubt.is_empty() || messages.iter().all(|message| message.state == MessageState::Available)
    }

    fn note(
        &mut self,
        engine: &MessagingEngineName,
        messages: Vec<InspectedMessage>,
        indoubt: Vec<Xid>,
        why: Option<String>,
        plan: &AuditPlan,
    ) {
        let now = self.process.now();
        for inspected in messages {
            let facts =
                self.shared.queue(self.cell.bus.name.as_str(), &QueueName::from(inspected.destination.as_str()));
            let mut left = left(engine, &inspected, now);
            if let (Some(why), Availability::Available) = (&why, &left.availability) {
                left.availability = Availability::Unreachable { why: why.clone() };
            }
            if let MessageState::PendingAcknowledgement(_) = inspected.state {
                self.unacknowledged.push((facts, left));
                continue;
            }
            self.found.entry(facts.index).or_insert_with(|| (facts, Vec::new())).1.push(left);
        }
        for xid in indoubt {
            let unit = self.shared.transaction(&xid).map(|transaction| transaction.unit);
            let text = format!("{xid} on {engine}");
            self.audit.in_doubt.push(LeftInDoubt { text, since_ns: plan.healed_at.as_nanoseconds(), unit });
        }
    }

    fn finish(self, plan: &AuditPlan) -> Audit {
        let Auditor { cell, mut found, unacknowledged, mut audit, process, .. } = self;
        // Sent from one engine to another, and perhaps seen there.
        for (facts, left) in unacknowledged {
            let (_, messages) = found.entry(facts.index).or_insert_with(|| (facts, Vec::new()));
            if messages.iter().all(|other| other.message != left.message) {
                messages.push(left);
            }
        }
        for (queue, (facts, messages)) in found {
            audit.queues.push(LeftQueue { queue, role: role(&facts.name, cell), messages });
        }
        audit.at_ns = process.fabric().now().as_nanoseconds();
        audit.healed_at_ns = plan.healed_at.as_nanoseconds();
        audit
    }
}

/// What an administrator sees of an engine; nothing, if it cannot be reached.
async fn inspect(connection: &mut Connection) -> Option<(Vec<InspectedMessage>, Vec<Xid>)> {
    if !connection.is_connected() {
        connection.connect().await.ok()?;
    }
    match connection.call(BusCall::Inspect).await {
        Ok(Some(BusReply::Inspected { messages, indoubt })) => Some((messages, indoubt)),
        Ok(_) => None,
        Err(CallFailed { .. }) => {
            connection.abandon();
            None
        }
    }
}

fn left(engine: &MessagingEngineName, inspected: &InspectedMessage, now: Time) -> LeftMessage {
    let message = &inspected.message;
    let holder = |xid: &Option<Xid>| match xid {
        Some(xid) => Holder { text: format!("{xid} on {engine}"), state: HolderState::InDoubt },
        None => Holder { text: format!("a transaction on {engine}"), state: HolderState::Dead },
    };
    let availability = match &inspected.state {
        MessageState::Available => Availability::Available,
        MessageState::Locked => {
            Availability::Held(Holder { text: format!("a consumer of {engine}"), state: HolderState::Dead })
        }
        MessageState::RemoteLocked(other) => {
            Availability::Held(Holder { text: format!("a consumer connected to {other}"), state: HolderState::Dead })
        }
        MessageState::PendingSend(other) | MessageState::PendingAcknowledgement(other) => {
            Availability::Unreachable { why: format!("it waits on {engine} for the queue point on {other}") }
        }
        MessageState::Removing(xid) => Availability::Held(holder(xid)),
        MessageState::Committing(xid) => Availability::UncommittedPut(holder(xid)),
    };
    LeftMessage {
        message: MessageIdentity(message.payload.identity),
        digest: message.payload.digest,
        availability,
        backout_count: message.failed_deliveries,
        expired: message.is_expired(now),
    }
}

fn role(queue: &QueueName, cell: &Cell) -> QueueRole {
    let name = DestinationName::from(queue.as_str());
    if cell.engines().any(|(engine, _)| system_exception_destination(&engine.name) == name) {
        return QueueRole::DeadLetter;
    }
    let is_exception_destination =
        |other: &ExceptionDestination| *other == ExceptionDestination::Specific(name.clone());
    if cell.bus.queues.values().any(|queue| is_exception_destination(&queue.exception_destination)) {
        QueueRole::BackoutQueue
    } else {
        QueueRole::Application
    }
}
