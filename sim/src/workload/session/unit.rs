//! Units of work: what a session puts and gets, and how it ends them.
//!
//! Every call is recorded where it is made: invoked before, completed after. Without syncpoint there is no unit of work
//! and every put and get is final by itself; with one phase the queue manager begins it with the first put or get; with
//! two phases the application's own coordinator does.

use std::sync::Arc;
use std::time::Duration;

use indoubt_engine::message::{Message, Payload};
use indoubt_engine::mqi::client::{CallFailed, Fate};
use indoubt_engine::mqi::{
    Binding, BrowseLock, BrowsePosition, Match, ObjectHandle, OpenFor, PutDescriptor, Reason, Syncpoint, Wait,
};
use indoubt_engine::name::{QueueManagerName, QueueName};
use indoubt_engine::unit_of_work::Xid;
use indoubt_ledger::history::{Completion, Origin, UnitIndex, UnitOutcome};

use super::super::coordinator::Decided;
use super::super::shared::{PartKind, QueueFacts, TransactionPart};
use super::Session;
use crate::scenario::model::Syncpointing;

/// What to put, and where.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Queue.
    pub queue: QueueName,
    /// The queue manager or group it is put to; `None` for the one the application is connected to.
    pub queue_manager: Option<QueueManagerName>,
    /// Descriptor.
    pub descriptor: PutDescriptor,
    /// Content.
    pub payload: Payload,
    /// Where the content comes from.
    pub origin: Origin,
    /// The identity of the request that it answers, if it is a reply.
    pub answers: Option<u64>,
}

/// How a unit of work ended, as far as the application knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitEnd {
    /// Committed (or everything was outside syncpoint).
    Committed,
    /// Certainly backed out.
    BackedOut,
    /// Nobody told.
    Unknown,
}

pub(super) struct CurrentUnit {
    pub(super) index: UnitIndex,
    pub(super) xid: Option<Xid>,
    pub(super) used: bool,
}

impl Session {
    /// Begins a unit of work, if the application uses any. One that was begun and not used is used now.
    ///
    /// # Errors
    /// If a transaction cannot be begun.
    pub async fn begin(&mut self) -> Result<(), CallFailed> {
        if self.syncpoint == Syncpointing::None || self.unit.as_ref().is_some_and(|unit| !unit.used) {
            return Ok(());
        }
        assert!(self.unit.is_none(), "a unit of work ends before the next one begins");
        let index = self.recorder.unit();
        let xid = self.coordinator.as_mut().map(|coordinator| coordinator.next_xid(index));
        if let Some(xid) = &xid {
            self.connection.begin(xid.clone()).await?;
        }
        self.unit = Some(CurrentUnit { index, xid, used: false });
        Ok(())
    }

    /// Whether puts and gets belong to a unit of work.
    #[must_use]
    pub fn is_within_unit(&self) -> bool {
        self.unit.is_some()
    }

    fn scope(&self) -> (Syncpoint, Option<UnitIndex>) {
        match &self.unit {
            Some(unit) => (Syncpoint::Within, Some(unit.index)),
            None => (Syncpoint::Outside, None),
        }
    }

    fn used(&mut self) {
        if let Some(unit) = &mut self.unit {
            unit.used = true;
        }
    }

    fn part(&self, queue: Arc<QueueFacts>, payload: Payload, kind: PartKind) -> Option<(Xid, TransactionPart)> {
        let xid = self.unit.as_ref()?.xid.clone()?;
        Some((xid, TransactionPart { queue, payload, kind }))
    }

    fn remember(&self, part: Option<(Xid, TransactionPart)>) {
        if let Some((xid, part)) = part {
            self.shared.add_to_transaction(&xid, part);
        }
    }

    /// Opens a queue, unless it is open already.
    ///
    /// # Errors
    /// What the queue manager answered.
    pub async fn open(&mut self, queue: &QueueName, open_for: OpenFor) -> Result<ObjectHandle, CallFailed> {
        let key = (queue.clone(), open_for);
        if let Some(handle) = self.handles.get(&key) {
            return Ok(*handle);
        }
        let exclusive = (open_for == OpenFor::InputExclusive && self.binding == Binding::Local)
            .then(|| self.recorder.resource(&format!("input from {}", self.queue_facts(queue).history_name)));
        let asked = exclusive.map(|resource| (resource, self.recorder.acquire(resource)));
        let opened = self.connection.open(queue.clone(), open_for).await;
        if let Some((resource, operation)) = asked {
            match &opened {
                Ok(_) => {
                    self.recorder.complete(operation, Completion::Ok);
                    self.held.push(resource);
                }
                Err(_) => self.recorder.complete(operation, Completion::Failed),
            }
        }
        self.handles.insert(key, opened?);
        opened
    }

    /// Puts a message, within the unit of work if there is one.
    ///
    /// # Errors
    /// What the queue manager answered, or 2009.
    pub async fn put(&mut self, outgoing: Outgoing) -> Result<(), CallFailed> {
        let (syncpoint, unit) = self.scope();
        let owner = outgoing.queue_manager.as_ref().unwrap_or(&self.queue_manager);
        let facts = self.shared.queue(owner, &outgoing.queue);
        let operation = self.recorder.put(&facts, unit, &outgoing);
        let Outgoing { queue, queue_manager, descriptor, payload, .. } = outgoing;
        let part = self.part(facts, payload, PartKind::Put);
        let result = if queue_manager.is_some() {
            self.connection.put1(queue, queue_manager, syncpoint, descriptor, payload).await
        } else {
            match self.open(&queue, OpenFor::Output).await {
                Ok(handle) => self.connection.put(handle, syncpoint, descriptor, payload).await,
                Err(failed) => Err(CallFailed { fate: Fate::DidNotHappen, ..failed }),
            }
        };
        match result {
            Ok(_) => {
                self.used();
                self.remember(part);
                self.recorder.complete(operation, Completion::Ok);
                Ok(())
            }
            Err(failed) => {
                // Something of it may be there to be backed out.
                self.used();
                self.recorder.failed(operation, failed);
                Err(failed)
            }
        }
    }

    /// Gets a message, within the unit of work if there is one. `None`: there is none (2033).
    ///
    /// # Errors
    /// What the queue manager answered, or 2009.
    pub async fn get(
        &mut self,
        queue: &QueueName,
        open_for: OpenFor,
        wait: Wait,
        selection: Match,
        reply_to: Option<u64>,
    ) -> Result<Option<Message>, CallFailed> {
        let handle = self.open(queue, open_for).await?;
        let (syncpoint, unit) = self.scope();
        let waits = match wait {
            Wait::No => Duration::ZERO,
            Wait::For(interval) => interval,
            Wait::Unlimited => Duration::MAX,
        };
        let facts = self.queue_facts(queue);
        let operation = self.recorder.get(&facts, unit, reply_to, waits);
        let result = self.connection.get(handle, syncpoint, wait, selection).await;
        self.recorder.got(operation, &result);
        match result {
            Ok(message) => {
                self.used();
                let kind = PartKind::Got { backout_count: message.descriptor.backout_count };
                let part = self.part(facts, message.payload, kind);
                self.remember(part);
                Ok(Some(message))
            }
            Err(failed) if failed.reason == Reason::NoMessageAvailable => Ok(None),
            Err(failed) => {
                self.used();
                Err(failed)
            }
        }
    }

    /// Browses the first message and locks it. `None`: there is none (2033).
    ///
    /// # Errors
    /// What the queue manager answered, or 2009.
    pub async fn browse_and_lock(&mut self, queue: &QueueName) -> Result<Option<Message>, CallFailed> {
        let handle = self.open(queue, OpenFor::Browse).await?;
        match self.connection.browse(handle, BrowsePosition::First, BrowseLock::Locked).await {
            Ok(message) => Ok(Some(message)),
            Err(failed) if failed.reason == Reason::NoMessageAvailable => Ok(None),
            Err(failed) => Err(failed),
        }
    }

    /// Commits the unit of work. When nobody told how it ended, the connection is given up as well.
    pub async fn commit(&mut self) -> UnitEnd {
        let Some(unit) = self.unit.take() else { return UnitEnd::Committed };
        if !unit.used {
            self.unit = Some(unit);
            return UnitEnd::Committed;
        }
        let operation = self.recorder.commit(unit.index);
        if let (Some(coordinator), Some(xid)) = (&mut self.coordinator, &unit.xid) {
            let decided = coordinator.commit(&mut self.connection, xid).await;
            let (completion, end) = match decided {
                Decided::Committed => (Completion::Ok, UnitEnd::Committed),
                Decided::CommittedNotTold => (Completion::Unknown, UnitEnd::Committed),
                Decided::BackedOut => (Completion::Failed, UnitEnd::BackedOut),
            };
            self.recorder.complete(operation, completion);
            if decided == Decided::CommittedNotTold {
                self.recorder.resolved(unit.index, UnitOutcome::Committed);
            }
            if decided != Decided::Committed {
                self.connection.abandon();
                self.connection_is_gone();
            }
            return end;
        }
        match self.connection.commit().await {
            Ok(()) => {
                self.recorder.complete(operation, Completion::Ok);
                UnitEnd::Committed
            }
            Err(failed) => {
                self.recorder.failed(operation, failed);
                if failed.reason != Reason::BackedOut {
                    // Whatever is left of the unit of work is backed out with the connection.
                    self.connection.abandon();
                    self.connection_is_gone();
                }
                match failed.fate {
                    Fate::DidNotHappen => UnitEnd::BackedOut,
                    Fate::Unknown => UnitEnd::Unknown,
                }
            }
        }
    }

    /// Backs the unit of work out. If the connection breaks meanwhile, the queue manager does it.
    pub async fn back_out(&mut self) {
        let Some(unit) = self.unit.take() else { return };
        if let Some(xid) = &unit.xid {
            // Not prepared: it cannot be in doubt.
            self.shared.end_transaction(xid);
        }
        let operation = unit.used.then(|| self.recorder.back_out(unit.index));
        let nothing_to_do = !unit.used && unit.xid.is_none();
        let result = if nothing_to_do { Ok(()) } else { self.connection.back_out().await };
        if let Some(operation) = operation {
            match result {
                Ok(()) => self.recorder.complete(operation, Completion::Ok),
                Err(_) => {
                    self.recorder.complete(operation, Completion::Unknown);
                    self.recorder.resolved(unit.index, UnitOutcome::BackedOut);
                }
            }
        }
        if result.is_err() {
            self.connection.abandon();
            self.connection_is_gone();
        }
    }
}
