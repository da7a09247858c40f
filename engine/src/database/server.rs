//! The database server as a process: sessions, transactions, what is durable and what is told.

use std::collections::{BTreeMap, VecDeque};

use super::definition::DatabaseDefinition;
use super::frame::{
    Answer, DatabaseError, DatabaseRequest, DatabaseResponse, LockPatience, RequestNumber, RowKey, Statement, Then,
    TransactionNumber,
};
use super::locks::{Locks, Owner};
use super::tables::{Committed, RowChange, Tables};
use crate::event::Event;
use crate::frame::Frame;
use crate::log::RecoveryLog;
use crate::machine::{
    Broken, ConnectionId, Effect, Effects, Ended, File, Incarnation, Input, Machine, Silence, StoredFile, TimerId,
};
use crate::name::{ProcessName, SchemaName, TableName};
use crate::step::Step;
use crate::time::Time;

/// The write-ahead log.
pub const LOG: File = File("database-log");

const START: TimerId = TimerId(0);
const LOCKS: TimerId = TimerId(1);

/// A request whose statements are not all done.
#[derive(Debug)]
struct Execution {
    request: RequestNumber,
    rest: std::vec::IntoIter<Statement>,
    answers: Vec<Answer>,
    then: Then,
}

#[derive(Debug)]
struct Transaction {
    schema: SchemaName,
    /// What it has changed: kept here until it commits.
    changes: Vec<RowChange>,
    /// The request that waits for a lock.
    suspended: Option<Execution>,
}

/// What waits for the log: the answer to a request, and whether it is that of a commit.
#[derive(Debug)]
struct Waiting {
    to: ConnectionId,
    response: DatabaseResponse,
    commit: bool,
}

/// A database server.
///
/// Listens at its address from [`DatabaseDefinition::start_time`] after its start on.
#[derive(Debug)]
pub struct DatabaseServer {
    definition: DatabaseDefinition,
    tables: Tables,
    locks: Locks,
    log: RecoveryLog<Committed, Waiting>,
    replayed: u64,
    sessions: BTreeMap<ConnectionId, ProcessName>,
    transactions: BTreeMap<Owner, Transaction>,
    /// Transactions that were given the lock they waited for.
    granted: VecDeque<Owner>,
    /// When the timer of the locks is to run out.
    lock_timer: Option<Time>,
}

impl Machine for DatabaseServer {
    fn handle(&mut self, now: Time, input: Input, effects: &mut Effects) {
        match input {
            Input::Started { incarnation, files } => self.start(now, incarnation, &files, effects),
            Input::Timer { timer: START } => self.open(effects),
            Input::Timer { timer: LOCKS } => {
                self.lock_timer = None;
                self.give_up_waiting(now, effects);
            }
            Input::Accepted { connection, from, .. } => {
                self.sessions.insert(connection, from);
            }
            Input::Frame { connection, frame: Frame::DatabaseRequest(request) }
                if self.sessions.contains_key(&connection) =>
            {
                self.request(now, connection, *request, effects);
            }
            Input::Broken { connection, how } => {
                if let Some(session) = self.end_session(connection)
                    && how == Broken::Silence
                {
                    effects.report(Event::DatabaseSessionExpired { session });
                }
            }
            Input::Forced { file: LOG, request } => {
                for waiting in self.log.forced(request, effects) {
                    tell(waiting, effects);
                }
            }
            Input::DeviceError { file: LOG, .. } => {
                effects.push(Effect::End(Ended::Abnormally("the device of the database log failed")));
            }
            Input::Stop(_) => effects.push(Effect::End(Ended::Normally)),
            _ => {}
        }
        while let Some(owner) = self.granted.pop_front() {
            let suspended = self.transactions.get_mut(&owner).and_then(|transaction| transaction.suspended.take());
            if let Some(execution) = suspended {
                self.execute(now, owner, execution, effects);
            }
        }
        let deadline = self.locks.next_deadline();
        if deadline != self.lock_timer {
            effects.push(match deadline {
                Some(at) => Effect::SetTimer { timer: LOCKS, at },
                None => Effect::CancelTimer { timer: LOCKS },
            });
            self.lock_timer = deadline;
        }
    }
}

fn tell(Waiting { to, response, commit }: Waiting, effects: &mut Effects) {
    if commit {
        effects.step(Step::DatabaseCommitForced);
    }
    effects.send(to, Frame::DatabaseResponse(Box::new(response)));
}

impl DatabaseServer {
    /// A database server that has not started.
    #[must_use]
    pub fn new(definition: DatabaseDefinition) -> Self {
        DatabaseServer {
            definition,
            tables: Tables::default(),
            locks: Locks::default(),
            log: RecoveryLog::new(LOG, Incarnation(1)),
            replayed: 0,
            sessions: BTreeMap::new(),
            transactions: BTreeMap::new(),
            granted: VecDeque::new(),
            lock_timer: None,
        }
    }

    /// The process that holds the exclusive lock of a table: for whoever looks at a run from outside.
    #[must_use]
    pub fn lock_holder(&self, schema: &SchemaName, table: &TableName) -> Option<&ProcessName> {
        let (connection, _) = self.locks.holder(&(schema.clone(), table.clone()))?;
        self.sessions.get(&connection)
    }

    /// A row as it has committed: for whoever looks at a run from outside.
    #[must_use]
    pub fn committed_row(&self, schema: &SchemaName, table: &TableName, key: &RowKey) -> Option<&[u8]> {
        self.tables.row(schema, table, key).map(Vec::as_slice)
    }

    fn start(&mut self, now: Time, incarnation: Incarnation, files: &[(File, StoredFile)], effects: &mut Effects) {
        let stored = files.iter().find(|(file, _)| *file == LOG).map(|(_, stored)| stored);
        match RecoveryLog::replay(LOG, incarnation, stored, effects) {
            Ok((log, replay)) => {
                self.log = log;
                self.replayed = replay.count;
                for committed in replay.records {
                    self.tables.apply(committed);
                }
                effects.push(Effect::SetTimer { timer: START, at: now + self.definition.start_time });
            }
            Err(_) => effects.push(Effect::End(Ended::Abnormally("the database log cannot be read"))),
        }
    }

    fn open(&mut self, effects: &mut Effects) {
        let DatabaseDefinition { address, session_keep_alive, .. } = &self.definition;
        let silence = Silence::KeepAlive { timeout: *session_keep_alive };
        effects.push(Effect::Listen { address: address.clone(), silence });
        effects.report(Event::DatabaseStarted { database: address.clone(), transactions: self.replayed });
    }

    fn request(&mut self, now: Time, connection: ConnectionId, request: DatabaseRequest, effects: &mut Effects) {
        match request {
            DatabaseRequest::Execute { request, schema, transaction, statements, then } => {
                let owner = (connection, transaction);
                let fresh = || Transaction { schema, changes: Vec::new(), suspended: None };
                let transaction = self.transactions.entry(owner).or_insert_with(fresh);
                if transaction.suspended.is_some() {
                    self.answer(connection, request, Err(DatabaseError::Busy), false, effects);
                    return;
                }
                let execution = Execution { request, rest: statements.into_iter(), answers: Vec::new(), then };
                self.execute(now, owner, execution, effects);
            }
            DatabaseRequest::KillSessions { request, of } => {
                let killed: Vec<ConnectionId> =
                    self.sessions.iter().filter(|(_, from)| **from == of).map(|(session, _)| *session).collect();
                let result = if killed.is_empty() { Err(DatabaseError::NoSuchSession) } else { Ok(Vec::new()) };
                for session in killed {
                    self.end_session(session);
                    effects.push(Effect::Close { connection: session });
                    effects.report(Event::DatabaseSessionKilled { session: of.clone() });
                }
                self.answer(connection, request, result, false, effects);
            }
        }
    }

    /// Executes statements until they are done, one fails or a lock must be waited for.
    fn execute(&mut self, now: Time, owner: Owner, mut execution: Execution, effects: &mut Effects) {
        while let Some(statement) = execution.rest.next() {
            match self.statement(now, owner, statement) {
                Ok(Done::Nothing) => {}
                Ok(Done::Answered(answer)) => execution.answers.push(answer),
                Ok(Done::Waits) => {
                    let transaction = self.transactions.get_mut(&owner).expect("a transaction that executes is open");
                    transaction.suspended = Some(execution);
                    return;
                }
                Err(error) => {
                    self.end_transaction(owner);
                    self.answer(owner.0, execution.request, Err(error), false, effects);
                    return;
                }
            }
        }
        let result = match execution.then {
            Then::Continue => Ok(execution.answers),
            Then::Rollback => {
                self.end_transaction(owner);
                Ok(execution.answers)
            }
            Then::Commit => self.commit(owner, effects).map(|()| execution.answers),
        };
        let commit = result.is_ok() && execution.then == Then::Commit;
        self.answer(owner.0, execution.request, result, commit, effects);
    }

    fn statement(&mut self, now: Time, owner: Owner, statement: Statement) -> Result<Done, DatabaseError> {
        let transaction = self.transactions.get_mut(&owner).expect("a transaction that executes is open");
        let schema = &transaction.schema;
        match statement {
            Statement::Lock { table, patience } => {
                let table = (schema.clone(), table);
                if self.locks.acquire(&table, owner) {
                    return Ok(Done::Nothing);
                }
                match patience {
                    LockPatience::NoWait => Err(DatabaseError::LockTimeout),
                    LockPatience::Wait(patience) => {
                        self.locks.wait(&table, owner, now + patience);
                        Ok(Done::Waits)
                    }
                }
            }
            Statement::Read { table, key } => {
                Ok(Done::Answered(Answer::Row(transaction.row(&self.tables, &table, &key).cloned())))
            }
            Statement::Scan { table } => Ok(Done::Answered(Answer::Rows(transaction.rows(&self.tables, &table)))),
            Statement::Require { table, key, value } => {
                if transaction.row(&self.tables, &table, &key) == value.as_ref() {
                    Ok(Done::Nothing)
                } else {
                    Err(DatabaseError::RequirementFailed)
                }
            }
            Statement::Put { table, key, value } => self.change(owner, RowChange { table, key, value: Some(value) }),
            Statement::Delete { table, key } => self.change(owner, RowChange { table, key, value: None }),
            Statement::DeleteAll { table } => {
                let rows = transaction.rows(&self.tables, &table);
                let count = rows.len() as u64;
                for (key, _) in rows {
                    self.change(owner, RowChange { table: table.clone(), key, value: None })?;
                }
                Ok(Done::Answered(Answer::Deleted(count)))
            }
        }
    }

    fn change(&mut self, owner: Owner, change: RowChange) -> Result<Done, DatabaseError> {
        let transaction = self.transactions.get_mut(&owner).expect("a transaction that executes is open");
        let table = (transaction.schema.clone(), change.table.clone());
        if self.locks.is_held_by_another(&table, owner) {
            return Err(DatabaseError::LockTimeout);
        }
        transaction.changes.push(change);
        Ok(Done::Nothing)
    }

    /// Commits: the record is written, and visible to others; whoever is told anything is told once it is forced.
    fn commit(&mut self, owner: Owner, effects: &mut Effects) -> Result<(), DatabaseError> {
        let transaction = self.end_transaction(owner).expect("a transaction that executes is open");
        let Transaction { schema, changes, .. } = transaction;
        if changes.is_empty() {
            return Ok(());
        }
        if !self.tables.has_room(&schema, &changes, self.definition.capacity) {
            effects.report(Event::DatabaseFull { schema });
            return Err(DatabaseError::Full);
        }
        let committed = Committed { schema, changes };
        self.log.append(&committed, effects);
        effects.step(Step::DatabaseCommitWritten);
        self.tables.apply(committed);
        if self.log.checkpoint_due() {
            self.log.checkpoint(self.tables.live(), effects);
        }
        Ok(())
    }

    /// Answers once everything that this answer may rest on is durable.
    fn answer(
        &mut self,
        to: ConnectionId,
        request: RequestNumber,
        result: Result<Vec<Answer>, DatabaseError>,
        commit: bool,
        effects: &mut Effects,
    ) {
        let waiting = Waiting { to, response: DatabaseResponse { request, result }, commit };
        if let Some(waiting) = self.log.force(self.log.end(), waiting, effects) {
            tell(waiting, effects);
        }
    }

    /// Ends a transaction: its locks go to those who wait for them, its changes to the caller.
    fn end_transaction(&mut self, owner: Owner) -> Option<Transaction> {
        let transaction = self.transactions.remove(&owner);
        self.granted.extend(self.locks.release(owner));
        transaction
    }

    fn end_session(&mut self, connection: ConnectionId) -> Option<ProcessName> {
        let range = (connection, TransactionNumber(0))..=(connection, TransactionNumber(u32::MAX));
        let open: Vec<Owner> = self.transactions.range(range).map(|(owner, _)| *owner).collect();
        for owner in open {
            self.end_transaction(owner);
        }
        self.sessions.remove(&connection)
    }

    fn give_up_waiting(&mut self, now: Time, effects: &mut Effects) {
        for (table, owner) in self.locks.give_up(now) {
            let transaction = self.end_transaction(owner);
            let Some(execution) = transaction.and_then(|transaction| transaction.suspended) else { continue };
            if let Some(session) = self.sessions.get(&owner.0) {
                effects.report(Event::DatabaseLockTimedOut { table, session: session.clone() });
            }
            self.answer(owner.0, execution.request, Err(DatabaseError::LockTimeout), false, effects);
        }
    }
}

/// What became of a statement.
enum Done {
    Nothing,
    Answered(Answer),
    Waits,
}

impl Transaction {
    /// A row as this transaction sees it: its own changes, else what has committed.
    fn row<'a>(&'a self, tables: &'a Tables, table: &TableName, key: &RowKey) -> Option<&'a Vec<u8>> {
        let own = self.changes.iter().rev().find(|change| change.table == *table && change.key == *key);
        match own {
            Some(change) => change.value.as_ref(),
            None => tables.row(&self.schema, table, key),
        }
    }

    fn rows(&self, tables: &Tables, table: &TableName) -> Vec<(RowKey, Vec<u8>)> {
        let committed = tables.rows(&self.schema, table).map(|(key, value)| (key.clone(), value.clone()));
        if self.changes.is_empty() {
            return committed.collect();
        }
        let mut rows: BTreeMap<RowKey, Vec<u8>> = committed.collect();
        for change in self.changes.iter().filter(|change| change.table == *table) {
            match &change.value {
                Some(value) => rows.insert(change.key.clone(), value.clone()),
                None => rows.remove(&change.key),
            };
        }
        rows.into_iter().collect()
    }
}
