//! How stock is taken of queue managers.
//!
//! The auditor connects to every queue manager, lists its queues (`DISPLAY QSTATUS`), browses every private queue there and every
//! shared queue once for each group, and asks what is in doubt (`DISPLAY THREAD TYPE(INDOUBT)`), for members that cannot
//! be reached through another member. What it could not see it says: missing is not lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use indoubt_engine::message::Message;
use indoubt_engine::mqi::client::CallFailed;
use indoubt_engine::mqi::{
    Binding, BrowseLock, BrowsePosition, ConnectOptions, IndoubtThread, OpenFor, QueueStatus, Reason,
};
use indoubt_engine::name::{QueueManagerName, QueueName};
use indoubt_engine::time::Time;
use indoubt_engine::unit_of_work::UnitOfWorkId;
use indoubt_ledger::audit::{Audit, Availability, LeftInDoubt, LeftMessage, LeftQueue, QueueRole};
use indoubt_ledger::history::{MessageIdentity, QueueIndex};

use super::super::audit::{AuditPlan, Found, hold_in_doubt};
use super::addresses;
use super::connection::Connection;
use crate::fabric::Process;
use crate::scenario::model::{QueueManager, Sysplex};
use crate::workload::Shared;
use crate::workload::shared::QueueFacts;

/// After how long a silence the auditor gives a connection up.
const SILENCE: Duration = Duration::from_secs(5);

/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(500);

/// Takes stock.
pub(super) async fn audit(process: &Process, sysplex: &Sysplex, plan: &AuditPlan, shared: &Shared) -> Audit {
    let mut auditor = Auditor {
        connection: new_connection(process, &QueueManagerName::from("none")),
        process: process.clone(),
        sysplex,
        plan,
        shared,
        queues: BTreeMap::new(),
        in_doubt: BTreeMap::new(),
        seen_shared: BTreeSet::new(),
        uncommitted: BTreeMap::new(),
        incomplete: Vec::new(),
    };
    auditor.visit_all().await;
    auditor.finish()
}

struct Auditor<'a> {
    process: Process,
    sysplex: &'a Sysplex,
    plan: &'a AuditPlan,
    shared: &'a Shared,
    connection: Connection,
    queues: Found,
    in_doubt: BTreeMap<UnitOfWorkId, IndoubtThread>,
    seen_shared: BTreeSet<QueueName>,
    uncommitted: BTreeMap<QueueIndex, (Arc<QueueFacts>, u32)>,
    incomplete: Vec<String>,
}

fn options(process: &Process, queue_manager: &QueueManagerName) -> ConnectOptions {
    ConnectOptions {
        application: process.name().to_string(),
        name: queue_manager.to_string(),
        binding: Binding::Client,
        tag: None,
    }
}

fn new_connection(process: &Process, queue_manager: &QueueManagerName) -> Connection {
    let options = options(process, queue_manager);
    Connection::new(process.clone(), addresses::of_queue_manager(queue_manager), SILENCE, options)
}

impl Auditor<'_> {
    async fn visit_all(&mut self) {
        let sysplex = self.sysplex;
        let mut away = Vec::new();
        for manager in &sysplex.queue_managers {
            if !self.visit(manager, sysplex).await {
                away.push(manager);
            }
        }
        for manager in away {
            if !manager.queues.is_empty() {
                self.incomplete.push(format!("{} cannot be reached: its private queues are not seen", manager.name));
            }
            self.ask_a_peer(manager, sysplex).await;
        }
        for group in &sysplex.queue_sharing_groups {
            let missing: Vec<_> = group.queues.keys().filter(|queue| !self.seen_shared.contains(*queue)).collect();
            if !missing.is_empty() {
                self.incomplete.push(format!("no member of {} shows its queues {missing:?}", group.name));
            }
        }
    }

    async fn connect(&mut self, manager: &QueueManagerName, until: Time) -> bool {
        let address = addresses::of_queue_manager(manager);
        self.connection.retarget(address, SILENCE, options(&self.process, manager));
        loop {
            if self.connection.connect().await.is_ok() {
                return true;
            }
            if self.process.now() >= until {
                return false;
            }
            self.process.sleep(AGAIN).await;
        }
    }

    /// Sees all there is to see on one queue manager. False: it cannot be reached.
    async fn visit(&mut self, manager: &QueueManager, sysplex: &Sysplex) -> bool {
        let until = self.process.now() + self.plan.patience;
        loop {
            if !self.connect(&manager.name, until).await {
                return false;
            }
            match self.look(manager, sysplex, until).await {
                Ok(()) => {
                    let _ = self.connection.disconnect().await;
                    return true;
                }
                Err(failed) if self.process.now() >= until => {
                    self.incomplete.push(format!("{} does not show its queues: {}", manager.name, failed.reason));
                    return true;
                }
                Err(_) => self.process.sleep(AGAIN).await,
            }
        }
    }

    async fn look(&mut self, manager: &QueueManager, sysplex: &Sysplex, until: Time) -> Result<(), CallFailed> {
        for thread in self.connection.display_indoubt(None).await? {
            self.in_doubt.insert(thread.unit_of_work.clone(), thread);
        }
        let statuses = self.settled_queues(until).await?;
        let shared_queues = manager.group.as_ref().and_then(|name| {
            sysplex.queue_sharing_groups.iter().find(|group| group.name == *name).map(|group| &group.queues)
        });
        let private = manager.queues.keys().map(|queue| (queue, false));
        let shared = shared_queues.into_iter().flat_map(|queues| queues.keys()).map(|queue| (queue, true));
        for (queue, is_shared) in private.chain(shared) {
            if is_shared && self.seen_shared.contains(queue) {
                continue;
            }
            let messages = self.browse_all(queue).await?;
            let facts = self.shared.queue(manager.name.as_str(), queue);
            if let Some(status) = statuses.iter().find(|status| status.queue == *queue && status.uncommitted > 0) {
                self.uncommitted.insert(facts.index, (facts.clone(), status.uncommitted));
            }
            self.queues.insert(facts.index, (facts, messages));
            if is_shared {
                self.seen_shared.insert(queue.clone());
            }
        }
        Ok(())
    }

    /// Waits a while for units of work to end, unless some are in doubt, which do not end by waiting.
    async fn settled_queues(&mut self, until: Time) -> Result<Vec<QueueStatus>, CallFailed> {
        loop {
            let statuses = self.connection.display_queues().await?;
            let settled = statuses.iter().all(|status| status.uncommitted == 0);
            if settled || !self.in_doubt.is_empty() || self.process.now() >= until {
                return Ok(statuses);
            }
            self.process.sleep(AGAIN).await;
        }
    }

    async fn browse_all(&mut self, queue: &QueueName) -> Result<Vec<LeftMessage>, CallFailed> {
        let handle = self.connection.open(queue.clone(), OpenFor::Browse).await?;
        let mut messages = Vec::new();
        let mut position = BrowsePosition::First;
        loop {
            match self.connection.browse(handle, position, BrowseLock::Unlocked).await {
                Ok(message) => messages.push(left(&message, self.process.now())),
                Err(failed) if failed.reason == Reason::NoMessageAvailable => break,
                Err(failed) => return Err(failed),
            }
            position = BrowsePosition::Next;
        }
        self.connection.close(handle).await?;
        Ok(messages)
    }

    /// Asks the other members of its group what a member that is away left in doubt.
    async fn ask_a_peer(&mut self, away: &QueueManager, sysplex: &Sysplex) {
        let peers = sysplex.queue_managers.iter().filter(|peer| peer.group.is_some() && peer.group == away.group);
        for peer in peers.filter(|peer| peer.name != away.name) {
            let until = self.process.now();
            if !self.connect(&peer.name, until).await {
                continue;
            }
            let answer = self.connection.display_indoubt(Some(away.name.clone())).await;
            let _ = self.connection.disconnect().await;
            if let Ok(threads) = answer {
                self.in_doubt.extend(threads.into_iter().map(|thread| (thread.unit_of_work.clone(), thread)));
                return;
            }
        }
        self.incomplete.push(format!("nobody shows what {} left in doubt", away.name));
    }

    fn finish(self) -> Audit {
        let mut audit = Audit {
            at_ns: self.process.fabric().now().as_nanoseconds(),
            healed_at_ns: self.plan.healed_at.as_nanoseconds(),
            incomplete: self.incomplete,
            ..Audit::default()
        };
        let Auditor { mut queues, in_doubt, .. } = self;
        for thread in in_doubt.values() {
            if let Some(xid) = &thread.xid {
                hold_in_doubt(&format!("{} of {xid}", thread.unit_of_work), xid, self.shared, &mut queues);
            }
        }
        for (queue, (facts, messages)) in queues {
            let role = role(&facts.name, self.sysplex);
            audit.queues.push(LeftQueue { queue, role, messages });
        }
        if in_doubt.is_empty() {
            for (facts, uncommitted) in self.uncommitted.into_values() {
                let queue = &facts.history_name;
                let text = format!("{queue}: {uncommitted} uncommitted messages, although nothing is in doubt");
                if self.plan.applications_ended {
                    audit.orphaned_locks.push(text);
                } else {
                    audit.incomplete.push(text);
                }
            }
        }
        for thread in in_doubt.into_values() {
            let transaction = thread.xid.as_ref().and_then(|xid| self.shared.transaction(xid));
            let unit = transaction.map(|transaction| transaction.unit);
            let xid = thread.xid.map(|xid| format!(" of {xid}")).unwrap_or_default();
            let text = format!("{}{xid}", thread.unit_of_work);
            audit.in_doubt.push(LeftInDoubt { text, since_ns: self.plan.healed_at.as_nanoseconds(), unit });
        }
        audit
    }
}

fn left(message: &Message, now: Time) -> LeftMessage {
    LeftMessage {
        message: MessageIdentity(message.payload.identity),
        digest: message.payload.digest,
        availability: Availability::Available,
        backout_count: message.descriptor.backout_count,
        expired: message.is_expired(now),
    }
}

fn role(queue: &QueueName, sysplex: &Sysplex) -> QueueRole {
    let all_queues = || {
        let private = sysplex.queue_managers.iter().flat_map(|manager| manager.queues.values());
        private.chain(sysplex.queue_sharing_groups.iter().flat_map(|group| group.queues.values()))
    };
    if sysplex.queue_managers.iter().any(|manager| manager.dead_letter_queue.as_ref() == Some(queue)) {
        QueueRole::DeadLetter
    } else if all_queues().any(|other| other.backout_queue.as_ref() == Some(queue)) {
        QueueRole::BackoutQueue
    } else {
        QueueRole::Application
    }
}
