//! How stock is taken of messaging engines.
//!
//! The auditor connects to each engine, wherever it runs, and looks at its queue points as an administrator does: every
//! message with its state, and what is in doubt. An engine that runs nowhere shows nothing; that is said: missing is not
//! lost.

use std::collections::BTreeMap;
use std::time::Duration;

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
use super::connection::Connection;
use super::plan::endpoint;
use crate::fabric::Process;
use crate::scenario::model::Cell;
use crate::workload::Shared;

/// After how long a silence the auditor gives a connection up.
const SILENCE: Duration = Duration::from_secs(5);

/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(500);

/// Takes stock.
pub(super) async fn audit(process: &Process, cell: &Cell, plan: &AuditPlan, shared: &Shared) -> Audit {
    let mut auditor = Auditor { process, cell, shared, found: BTreeMap::new(), audit: Audit::default() };
    for (engine, cluster) in cell.engines() {
        let servers = cluster.servers.iter().map(|server| endpoint(&server.name)).collect();
        let factory = ConnectionFactory {
            target: Target::MessagingEngine(engine.name.clone()),
            significance: TargetSignificance::Required,
            silence: SILENCE,
            ..ConnectionFactory::new(servers, cell.bus.name.clone(), process.name().to_string())
        };
        auditor.visit(&engine.name, factory, plan).await;
    }
    auditor.finish(plan)
}

struct Auditor<'a> {
    process: &'a Process,
    cell: &'a Cell,
    shared: &'a Shared,
    found: Found,
    audit: Audit,
}

impl Auditor<'_> {
    async fn visit(&mut self, engine: &MessagingEngineName, factory: ConnectionFactory, plan: &AuditPlan) {
        let until = self.process.now() + plan.patience;
        let mut connection = Connection::new(self.process.clone(), factory);
        loop {
            match inspect(&mut connection).await {
                Some((messages, indoubt)) if self.is_settled(&messages, &indoubt) || self.process.now() >= until => {
                    self.note(engine, messages, indoubt, plan);
                    return connection.abandon();
                }
                None if self.process.now() >= until => {
                    self.audit.incomplete.push(format!("{engine} runs nowhere: its queue points are not seen"));
                    return;
                }
                Some(_) | None => self.process.sleep(AGAIN).await,
            }
        }
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
        plan: &AuditPlan,
    ) {
        let now = self.process.now();
        for inspected in messages {
            let facts =
                self.shared.queue(self.cell.bus.name.as_str(), &QueueName::from(inspected.destination.as_str()));
            let left = left(engine, &inspected, now);
            self.found.entry(facts.index).or_insert_with(|| (facts, Vec::new())).1.push(left);
        }
        for xid in indoubt {
            let unit = self.shared.transaction(&xid).map(|transaction| transaction.unit);
            let text = format!("{xid} on {engine}");
            self.audit.in_doubt.push(LeftInDoubt { text, since_ns: plan.healed_at.as_nanoseconds(), unit });
        }
    }

    fn finish(self, plan: &AuditPlan) -> Audit {
        let Auditor { cell, found, mut audit, process, .. } = self;
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
