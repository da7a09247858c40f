//! Data store: tables of a relational database.
//!
//! **In the product.** Each engine has its own schema, with the same tables in each: `SIBOWNERO` (nothing but a lock),
//! `SIBOWNER` (`ME_UUID`, `INC_UUID`; since 8.5 also `ME_LUTS` and `ME_STATUS`), `SIBKEYS`, `SIBXACTS` and the tables of
//! items. An instance owns the store while a long transaction of its holds the exclusive lock of the owner tables, which
//! it touches every 20 seconds; with *restrict long running locks* (8.5) ownership is recorded in `SIBOWNER` and the lock
//! is held only while the record is read and written. Documented: IBM WebSphere Application Server, "Data store exclusive
//! access", "Data store tables", "Restricting long running locks", "Tuning the JDBC data source of a messaging engine",
//! and the messages CWSIS1519E to CWSIS1594I.
//!
//! **Modelled.** Taking ownership by both ways, waiting for it, losing the session and what follows from it at each level
//! of the product ([`DataStoreDefinition::failover_on_connection_loss`]); storage strategies: assured persistent messages
//! and transactions in doubt are committed before they are confirmed, reliable persistent ones are written later by the
//! persistent dispatcher (the module `dispatcher`), deletes too. Batches that were on their way when the session broke
//! are sent again, and take effect once: each writes its number, and requires the number before it.
//!
//! Spilled messages go to a table of their own, in transactions of their own; that table is emptied when ownership is
//! taken.
//!
//! **Left out.** Eight dispatcher threads are one. The 4 MB limit of a batch, but for spilled messages. Releasing the inner
//! lock at each refresh. Disabling the lock by property and command.

mod definition;
mod dispatcher;
mod ownership;
mod reading;
mod refresh;
mod rows;
mod spilling;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

pub use definition::{DataStoreDefinition, DispatcherDefinition};
pub use rows::Tables;

use super::spill::SpillQueue;
use super::{Change, MessageStore, SpillChange, StoreEvent, StoreFailure, Ticket};
use crate::database::TransactionNumber;
use crate::database::frame::{
    DatabaseError, DatabaseRequest, DatabaseResponse, LockPatience, RequestNumber, Statement, Then,
};
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{ConnectionId, Effect, Effects, Input, Offered, TimerId};
use crate::messaging_engine::definition::IncarnationUuid;
use crate::time::Time;
use dispatcher::Dispatcher;
use ownership::{OwnerRow, Taking};

/// The long transaction that holds `SIBOWNERO`.
const OUTER_LOCK: TransactionNumber = TransactionNumber(1);
/// The transaction that holds or handles `SIBOWNER`.
const OWNER: TransactionNumber = TransactionNumber(2);
/// The transaction that reads and writes items.
const WORK: TransactionNumber = TransactionNumber(3);

/// Where the store stands.
#[derive(Debug)]
enum Phase {
    Closed,
    /// Becoming, or becoming again, the owner.
    Taking(Taking),
    Running,
    /// Everything that is left is being written.
    Closing,
    /// The owner row is being marked `STOPPED`.
    MarkingStopped,
}

/// A data store, as one instance of an engine uses it.
#[derive(Debug)]
pub struct DataStore {
    definition: DataStoreDefinition,
    tables: Tables,
    first_timer: TimerId,
    incarnation: IncarnationUuid,
    phase: Phase,
    connection: Option<ConnectionId>,
    is_connected: bool,
    last_request: RequestNumber,
    /// The request about ownership whose response is awaited.
    awaited: Option<RequestNumber>,
    /// The request that carries the batch in flight.
    batch_request: Option<RequestNumber>,
    /// `SIBOWNER` as this instance wrote it last.
    own_row: Option<OwnerRow>,
    next_refresh: Time,
    dispatcher: Dispatcher,
    spills: SpillQueue,
    /// The request that carries spilled items.
    spill_request: Option<RequestNumber>,
    last_ticket: Ticket,
    events: VecDeque<StoreEvent>,
}

impl DataStore {
    /// How many timers it needs.
    pub const TIMERS: u32 = 3;

    /// A data store that is closed. Its timers are [`DataStore::TIMERS`] consecutive ones from `first_timer` on.
    #[must_use]
    pub fn new(definition: DataStoreDefinition, first_timer: TimerId) -> Self {
        DataStore {
            tables: Tables::default(),
            first_timer,
            incarnation: IncarnationUuid(String::new()),
            phase: Phase::Closed,
            connection: None,
            is_connected: false,
            last_request: RequestNumber(0),
            awaited: None,
            batch_request: None,
            own_row: None,
            next_refresh: Time::NEVER,
            dispatcher: Dispatcher::new(definition.dispatcher, definition.was_level.persists_redelivery_count()),
            spills: SpillQueue::default(),
            spill_request: None,
            last_ticket: Ticket(0),
            events: VecDeque::new(),
            definition,
        }
    }

    /// What was defined.
    #[must_use]
    pub fn definition(&self) -> &DataStoreDefinition {
        &self.definition
    }

    /// Changes that the persistent dispatcher has not written yet.
    #[must_use]
    pub fn unwritten(&self) -> usize {
        self.dispatcher.unwritten()
    }

    fn taking_timer(&self) -> TimerId {
        self.first_timer
    }

    fn refresh_timer(&self) -> TimerId {
        TimerId(self.first_timer.0 + 1)
    }

    fn dispatcher_timer(&self) -> TimerId {
        TimerId(self.first_timer.0 + 2)
    }

    fn execute(
        &mut self,
        transaction: TransactionNumber,
        statements: Vec<Statement>,
        then: Then,
        effects: &mut Effects,
    ) -> RequestNumber {
        let connection = self.connection.expect("statements go to an open session");
        self.last_request.0 += 1;
        let request = self.last_request;
        let schema = self.definition.schema.clone();
        let execute = DatabaseRequest::Execute { request, schema, transaction, statements, then };
        effects.send(connection, Frame::DatabaseRequest(Box::new(execute)));
        request
    }

    fn report(&self, event: impl FnOnce(crate::name::MessagingEngineName) -> Event, effects: &mut Effects) {
        effects.report(event(self.definition.engine.clone()));
    }

    fn forget_session(&mut self) {
        self.connection = None;
        self.is_connected = false;
        self.awaited = None;
        self.batch_request = None;
        self.spill_request = None;
    }

    /// Lets go of the session and of everything that was to be written.
    fn shut(&mut self, effects: &mut Effects) {
        if let Some(connection) = self.connection {
            effects.push(Effect::Close { connection });
        }
        self.forget_session();
        for timer in [self.taking_timer(), self.refresh_timer(), self.dispatcher_timer()] {
            effects.push(Effect::CancelTimer { timer });
        }
        self.dispatcher.clear();
        self.spills = SpillQueue::default();
        self.own_row = None;
        self.phase = Phase::Closed;
    }

    fn fail(&mut self, failure: StoreFailure, effects: &mut Effects) {
        let is_opening = matches!(&self.phase, Phase::Taking(taking) if taking.is_opening());
        match failure {
            // Whose the tables are was told when they were read.
            StoreFailure::Locked | StoreFailure::WrongEngine => {
                self.report(|engine| Event::StoreLockRefused { engine }, effects);
            }
            StoreFailure::TakenOver => self.report(|engine| Event::StoreTakenOver { engine }, effects),
            // Told by the engine as what it is, a common mode error.
            StoreFailure::Corrupt => {}
            StoreFailure::Unreachable | StoreFailure::PathMissing => {
                self.report(|engine| Event::StoreUnreachable { engine }, effects);
            }
        }
        self.shut(effects);
        let told = if is_opening { StoreEvent::OpenFailed(failure) } else { StoreEvent::Failed(failure) };
        self.events.push_back(told);
    }

    fn session_broken(&mut self, now: Time, effects: &mut Effects) {
        self.forget_session();
        match self.phase {
            Phase::Closed => {}
            Phase::Taking(_) => self.pause(now, self.definition.stale_retry_delay, effects),
            Phase::Running => {
                effects.push(Effect::CancelTimer { timer: self.refresh_timer() });
                self.report(|engine| Event::StoreLockLost { engine }, effects);
                self.events.push_back(StoreEvent::Lost);
                let deadline = self.definition.gives_up_at(now, self.next_refresh);
                self.phase = Phase::Taking(Taking::regaining(deadline));
                self.pause(now, self.definition.stale_retry_delay, effects);
            }
            Phase::Closing | Phase::MarkingStopped => self.fail(StoreFailure::Unreachable, effects),
        }
    }

    fn response(&mut self, now: Time, response: DatabaseResponse, effects: &mut Effects) {
        if self.batch_request == Some(response.request) {
            self.batch_request = None;
            // A batch whose requirement fails was sent again and had committed the first time.
            let is_stored = match response.result {
                Ok(_) | Err(DatabaseError::RequirementFailed) => true,
                Err(_) => false,
            };
            let answers = if is_stored { self.dispatcher.stored() } else { self.dispatcher.refused(now) };
            self.events.extend(answers);
            self.pump(now, effects);
        } else if self.spill_request == Some(response.request) {
            self.spill_answered(response.result.is_ok(), effects);
        } else if self.awaited == Some(response.request) {
            self.awaited = None;
            match self.phase {
                Phase::Closed => {}
                Phase::Taking(_) => self.taking_answered(now, response.result, effects),
                Phase::Running | Phase::Closing => self.refresh_answered(now, response.result, effects),
                Phase::MarkingStopped if response.result == Err(DatabaseError::RequirementFailed) => {
                    self.fail(StoreFailure::TakenOver, effects);
                }
                Phase::MarkingStopped => self.closed(effects),
            }
        }
    }

    /// Sends the next batch if none is in flight, and sees to the dispatcher's timer.
    fn pump(&mut self, now: Time, effects: &mut Effects) {
        if !matches!(self.phase, Phase::Running | Phase::Closing) {
            return;
        }
        self.dispatcher.flush(now);
        if self.batch_request.is_none()
            && let Some(statements) = self.dispatcher.next_batch(&self.tables, &self.incarnation)
        {
            self.batch_request = Some(self.execute(WORK, statements, Then::Commit, effects));
        }
        let has_written_all = self.batch_request.is_none() && self.dispatcher.unwritten() == 0;
        if matches!(self.phase, Phase::Closing) && has_written_all {
            self.give_up_ownership(now, effects);
        } else if let Some(at) = self.dispatcher.wanted_timer() {
            effects.push(Effect::SetTimer { timer: self.dispatcher_timer(), at });
        }
    }

    fn give_up_ownership(&mut self, now: Time, effects: &mut Effects) {
        let Some(row) = self.own_row.clone().filter(|_| self.definition.restrict_long_running_locks) else {
            self.closed(effects);
            return;
        };
        let stopped = row.clone().stopped(now);
        let patience = LockPatience::Wait(self.definition.lock_patience);
        let statements = vec![
            Statement::Lock { table: self.tables.owner.clone(), patience },
            self.tables.require_owner(&row),
            self.tables.put_owner(&stopped),
        ];
        self.phase = Phase::MarkingStopped;
        self.awaited = Some(self.execute(OWNER, statements, Then::Commit, effects));
    }

    fn closed(&mut self, effects: &mut Effects) {
        self.shut(effects);
        self.events.push_back(StoreEvent::Closed);
    }

    fn timer(&mut self, now: Time, timer: TimerId, effects: &mut Effects) {
        if timer == self.taking_timer() {
            self.taking_timer_ran_out(now, effects);
        } else if timer == self.refresh_timer() {
            if matches!(self.phase, Phase::Running | Phase::Closing) {
                self.refresh(now, effects);
            }
        } else {
            self.dispatcher.timer_ran_out();
            self.pump(now, effects);
        }
    }
}

impl MessageStore for DataStore {
    fn open(&mut self, now: Time, incarnation: &IncarnationUuid, effects: &mut Effects) {
        assert!(matches!(self.phase, Phase::Closed), "a store is opened when it is closed");
        self.incarnation = incarnation.clone();
        self.report(|engine| Event::StoreLockAttempted { engine }, effects);
        let deadline = now + self.definition.initial_wait;
        self.phase = Phase::Taking(Taking::opening(deadline));
        effects.push(Effect::SetTimer { timer: self.taking_timer(), at: deadline });
        self.connect(effects);
    }

    fn offer(&mut self, now: Time, input: Input, effects: &mut Effects) -> Offered {
        let own = |connection: ConnectionId| self.connection == Some(connection);
        match input {
            Input::Connected { connection } if own(connection) => {
                self.is_connected = true;
                self.take_first_step(effects);
            }
            Input::Refused { connection, .. } | Input::Broken { connection, .. } if own(connection) => {
                self.session_broken(now, effects);
            }
            Input::Frame { connection, frame: Frame::DatabaseResponse(response) } if own(connection) => {
                self.response(now, *response, effects);
            }
            Input::Timer { timer } if (self.first_timer.0..self.first_timer.0 + Self::TIMERS).contains(&timer.0) => {
                self.timer(now, timer, effects);
            }
            other => return Offered::Declined(other),
        }
        Offered::Taken
    }

    fn write(&mut self, now: Time, changes: Vec<Change>, effects: &mut Effects) -> Option<Ticket> {
        let next = Ticket(self.last_ticket.0 + 1);
        let written = self.dispatcher.write(now, changes, next);
        let ticket = written.is_some().then_some(next);
        if let Some(is_stored) = written {
            self.last_ticket = next;
            if is_stored {
                self.events.push_back(StoreEvent::Stored(next));
            }
        }
        self.pump(now, effects);
        ticket
    }

    fn spill(&mut self, _now: Time, changes: Vec<SpillChange>, effects: &mut Effects) {
        if matches!(self.phase, Phase::Running | Phase::Taking(_)) {
            self.spills.take(changes);
            self.pump_spills(effects);
        }
    }

    fn close(&mut self, now: Time, effects: &mut Effects) {
        match self.phase {
            Phase::Closed => self.events.push_back(StoreEvent::Closed),
            Phase::Taking(ref taking) if taking.is_opening() => self.closed(effects),
            Phase::Taking(_) => self.fail(StoreFailure::Unreachable, effects),
            Phase::Running => {
                self.phase = Phase::Closing;
                self.dispatcher.flush(Time::NEVER);
                self.pump(now, effects);
            }
            Phase::Closing | Phase::MarkingStopped => {}
        }
    }

    fn abandon(&mut self, effects: &mut Effects) {
        self.shut(effects);
        self.events.clear();
    }

    fn take_events(&mut self) -> Vec<StoreEvent> {
        self.events.drain(..).collect()
    }

    fn is_available(&self) -> bool {
        matches!(self.phase, Phase::Running)
    }
}
