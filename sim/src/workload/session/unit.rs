//! Units of work: what a session puts and gets, and how it ends them.
//!
//! Every call is recorded where it is made: invoked before, completed after. Without syncpoint there is no unit of work
//! and every put and get is final by itself; with one phase the middleware begins it with the first put or get; with
//! two phases the application's own coordinator does.

use std::sync::Arc;
use std::time::Duration;

use indoubt_engine::message::Payload;
use indoubt_engine::name::QueueName;
use indoubt_engine::unit_of_work::Xid;
use indoubt_ledger::history::{Completion, Origin, UnitIndex, UnitOutcome};

use super::super::coordinator::Decided;
use super::super::provider::{Failure, Fate, Outgoing, Received, Scope, Selection, Sharing};
use super::super::shared::{PartKind, QueueFacts, TransactionPart};
use super::Session;
use crate::scenario::model::Syncpointing;

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
    pub async fn begin(&mut self) -> Result<(), Failure> {
        if self.syncpoint == Syncpointing::None || self.unit.as_ref().is_some_and(|unit| !unit.used) {
            return Ok(());
        }
        assert!(self.unit.is_none(), "a unit of work ends before the next one begins");
        let index = self.recorder.unit();
        let xid = self.coordinator.as_mut().map(|coordinator| coordinator.next_xid(index));
        if let Some(xid) = &xid {
            let operation = self.recorder.make_ready();
            let result = self.provider.begin(xid.clone()).await;
            self.recorder.made_ready(operation, result.is_ok());
            result?;
        }
        self.unit = Some(CurrentUnit { index, xid, used: false });
        Ok(())
    }

    /// Whether puts and gets belong to a unit of work.
    #[must_use]
    pub fn is_within_unit(&self) -> bool {
        self.unit.is_some()
    }

    fn scope(&self) -> (Scope, Option<UnitIndex>) {
        match &self.unit {
            Some(unit) => (Scope::Within, Some(unit.index)),
            None => (Scope::Outside, None),
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

    /// Puts a message, within the unit of work if there is one. For the history: where its content comes from, and the
    /// identity of the request that it answers.
    ///
    /// # Errors
    /// What the middleware answered, or that the connection is gone.
    pub async fn put(&mut self, outgoing: Outgoing, origin: Origin, answers: Option<u64>) -> Result<(), Failure> {
        let (scope, unit) = self.scope();
        let owner = outgoing.to.owner.as_deref().unwrap_or_else(|| self.provider.owner());
        let facts = self.shared.queue(owner, &outgoing.to.queue);
        let operation = self.recorder.put(&facts, unit, &outgoing, origin, answers);
        let part = self.part(facts, outgoing.payload, PartKind::Put);
        match self.provider.send(outgoing, scope).await {
            Ok(()) => {
                self.used();
                self.remember(part);
                self.recorder.complete(operation, Completion::Ok);
                Ok(())
            }
            Err(failed) => {
                // Something of it may be there to be backed out.
                self.used();
                self.recorder.failed(operation, &failed);
                Err(failed)
            }
        }
    }

    /// Gets a message, within the unit of work if there is one. `None`: there is none.
    ///
    /// # Errors
    /// What the middleware answered, or that the connection is gone.
    pub async fn get(
        &mut self,
        queue: &QueueName,
        sharing: Sharing,
        wait: Duration,
        selection: Selection,
        reply_to: Option<u64>,
    ) -> Result<Option<Received>, Failure> {
        self.provider.open(queue, sharing).await?;
        let (scope, unit) = self.scope();
        let facts = self.queue_facts(queue);
        let operation = self.recorder.get(&facts, unit, reply_to, wait);
        let result = self.provider.receive(queue, sharing, wait, selection, scope).await;
        self.recorder.got(operation, &result);
        match &result {
            Ok(Some(message)) => {
                self.used();
                let part = self.part(facts, message.payload, PartKind::Got { backout_count: message.backout_count });
                self.remember(part);
            }
            Ok(None) => {}
            Err(_) => self.used(),
        }
        result
    }

    /// Browses the first message and locks it. `None`: there is none.
    ///
    /// # Errors
    /// What the middleware answered, or that the connection is gone.
    pub async fn browse_and_lock(&mut self, queue: &QueueName) -> Result<Option<Received>, Failure> {
        let operation = self.recorder.make_ready();
        let result = self.provider.browse_and_lock(queue).await;
        self.recorder.made_ready(operation, result.is_ok());
        result
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
            let decided = coordinator.commit(&mut *self.provider, xid).await;
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
                self.connection_is_gone();
            }
            return end;
        }
        match self.provider.commit().await {
            Ok(()) => {
                self.recorder.complete(operation, Completion::Ok);
                UnitEnd::Committed
            }
            Err(failed) => {
                self.recorder.failed(operation, &failed);
                if failed.fate != Fate::BackedOut {
                    // Whatever is left of the unit of work is backed out with the connection.
                    self.connection_is_gone();
                }
                match failed.fate {
                    Fate::DidNotHappen | Fate::BackedOut => UnitEnd::BackedOut,
                    Fate::Unknown => UnitEnd::Unknown,
                }
            }
        }
    }

    /// Backs the unit of work out. If the connection breaks meanwhile, the middleware does it.
    pub async fn back_out(&mut self) {
        let Some(unit) = self.unit.take() else { return };
        if let Some(xid) = &unit.xid {
            // Not prepared: it cannot be in doubt.
            self.shared.end_transaction(xid);
        }
        let operation = unit.used.then(|| self.recorder.back_out(unit.index));
        let nothing_to_do = !unit.used && unit.xid.is_none();
        let result = if nothing_to_do { Ok(()) } else { self.provider.back_out().await };
        if let Some(operation) = operation {
            match &result {
                Ok(()) => self.recorder.complete(operation, Completion::Ok),
                Err(_) => {
                    self.recorder.complete(operation, Completion::Unknown);
                    self.recorder.resolved(unit.index, UnitOutcome::BackedOut);
                }
            }
        }
        if result.is_err() {
            self.connection_is_gone();
        }
    }
}
