//! Taking ownership of the tables; keeping it is in `refresh.rs`.
//!
//! **In the product.** A starting instance locks `SIBOWNERO`, then `SIBOWNER`, and reads the row: none, it writes its own;
//! of another engine, it gives up (CWSIS1535E); of the same engine, it writes its own `INC_UUID`, locks again, and makes
//! sure that it is still there. Two tables, so that nobody slips in while the inner lock is given back. Every 20 s it
//! touches the row. An instance that comes back after its session was lost compares `INC_UUID` before it goes on.
//! Documented: IBM WebSphere Application Server, "Data store exclusive access", "Data store tables".
//!
//! With *restrict long running locks* the locks last for one look or one write. The owner moves `ME_LUTS` at each refresh;
//! an instance that finds the row `STARTED` watches whether it moves, and takes over when it has not for so many looks.
//! Between that and the next refresh of the old owner both may write: the refresh is all that fences it.
//!
//! **Chosen.** An attempt for a lock follows the one before without a pause. A session that broke is opened again from
//! `stale_retry_delay` on, at all levels; what differs is for how long.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::rows::row;
use super::spilling::purged;
use super::{DataStore, OUTER_LOCK, OWNER, Phase, WORK};
use crate::database::frame::{Answer, DatabaseError, LockPatience, Statement, Then};
use crate::defect::Defect;
use crate::event::Event;
use crate::machine::{Effect, Effects};
use crate::messaging_engine::definition::{EngineUuid, IncarnationUuid};
use crate::messaging_engine::store::{Contents, StoreEvent, StoreFailure};
use crate::step::Step;
use crate::time::{Duration, Time};

/// `ME_STATUS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum OwnerStatus {
    Started,
    Stopped,
}

/// The row of `SIBOWNER`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OwnerRow {
    /// `ME_UUID`.
    pub(super) engine: EngineUuid,
    /// `INC_UUID`.
    pub(super) incarnation: IncarnationUuid,
    /// `ME_LUTS`, by the clock of the owner's host.
    pub(super) last_update: Time,
    /// `ME_STATUS`.
    pub(super) status: OwnerStatus,
}

impl OwnerRow {
    pub(super) fn stopped(self, now: Time) -> Self {
        OwnerRow { last_update: now, status: OwnerStatus::Stopped, ..self }
    }
}

/// What an instance that is becoming the owner waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// The session, or the end of a pause.
    Session,
    /// `SIBOWNERO`.
    OuterLock,
    /// `SIBOWNER`, and what it holds.
    Owner,
    /// That its own row is written.
    Write,
    /// `SIBOWNER` again, and that the row is still its own.
    Verification,
    /// What the tables hold.
    Contents,
}

/// An instance that is becoming, or becoming again, the owner.
#[derive(Debug)]
pub(super) struct Taking {
    /// Whether it never had the store; otherwise it has lost its session.
    is_opening: bool,
    /// When it gives up; `None` for never.
    deadline: Option<Time>,
    awaited: Awaited,
    /// When a pause ends.
    pause_until: Option<Time>,
    has_told_waiting: bool,
    has_told_owner: bool,
    /// The last attempt did not fail because of the lock: the database had no room for the row.
    is_refused: bool,
    /// The owner row of another incarnation, and how often it was seen unmoved.
    watched: Option<(OwnerRow, u32)>,
    /// Item numbers below this may have been given out.
    pub(super) reserved: u64,
    /// Spilled messages of earlier starts that have gone with the write of its row.
    purged: u64,
}

impl Taking {
    pub(super) fn opening(deadline: Time) -> Self {
        Self::new(true, Some(deadline))
    }

    pub(super) fn regaining(deadline: Option<Time>) -> Self {
        Self::new(false, deadline)
    }

    fn new(is_opening: bool, deadline: Option<Time>) -> Self {
        Taking {
            is_opening,
            deadline,
            awaited: Awaited::Session,
            pause_until: None,
            has_told_waiting: false,
            has_told_owner: false,
            is_refused: false,
            watched: None,
            reserved: 0,
            purged: 0,
        }
    }

    pub(super) fn is_opening(&self) -> bool {
        self.is_opening
    }
}

/// What the owner row says to an instance that reads it.
enum Verdict {
    /// It is this instance's, or nobody's, or a predecessor's: take it.
    Take,
    /// The same, and the predecessor seems dead.
    TakeOver,
    /// Somebody seems to be alive: look again later.
    Watch,
    /// There is no way.
    Fail(StoreFailure),
}

impl DataStore {
    pub(super) fn taking(&mut self) -> &mut Taking {
        match &mut self.phase {
            Phase::Taking(taking) => taking,
            _ => panic!("ownership is taken in its phase"),
        }
    }

    pub(super) fn connect(&mut self, effects: &mut Effects) {
        let connection = effects.connect(self.definition.database.clone(), self.definition.silence());
        self.connection = Some(connection);
    }

    /// Does nothing for a while, or until the deadline.
    pub(super) fn pause(&mut self, now: Time, pause: Duration, effects: &mut Effects) {
        let taking = self.taking();
        let until = now + pause;
        taking.awaited = Awaited::Session;
        taking.pause_until = Some(until);
        let at = taking.deadline.map_or(until, |deadline| deadline.min(until));
        effects.push(Effect::SetTimer { timer: self.taking_timer(), at });
    }

    pub(super) fn taking_timer_ran_out(&mut self, now: Time, effects: &mut Effects) {
        let is_connected = self.is_connected;
        let Phase::Taking(taking) = &mut self.phase else { return };
        if taking.deadline.is_some_and(|deadline| deadline <= now) {
            let waits_for_lock = is_connected && !taking.is_refused;
            let failure = if waits_for_lock { StoreFailure::Locked } else { StoreFailure::Unreachable };
            self.fail(failure, effects);
            return;
        }
        if taking.pause_until.take_if(|until| *until <= now).is_none() {
            return;
        }
        if let Some(at) = taking.deadline {
            effects.push(Effect::SetTimer { timer: self.taking_timer(), at });
        }
        if is_connected {
            self.take_first_step(effects);
        } else {
            self.connect(effects);
        }
    }

    pub(super) fn lock(&self, table: &crate::name::TableName) -> Statement {
        Statement::Lock { table: table.clone(), patience: LockPatience::Wait(self.definition.lock_patience) }
    }

    fn take_step(&mut self, awaited: Awaited, effects: &mut Effects) {
        self.taking().awaited = awaited;
        let (transaction, statements, then) = match awaited {
            Awaited::Session => return,
            Awaited::OuterLock => (OUTER_LOCK, vec![self.lock(&self.tables.outer_owner)], Then::Continue),
            Awaited::Owner | Awaited::Verification => {
                let tables = &self.tables;
                let look = vec![self.lock(&tables.owner), tables.read_owner(), tables.read_reserved()];
                (OWNER, look, Then::Continue)
            }
            Awaited::Write => {
                let mut writes: Vec<Statement> = self.own_row.iter().map(|own| self.tables.put_owner(own)).collect();
                if self.taking().is_opening {
                    let before = self.taking().reserved;
                    let reserved = self.dispatcher.reserve(before);
                    writes.push(self.tables.put_reserved(reserved));
                    if !Defect::SpilledMessagesNotPurged.is_planted() {
                        writes.push(self.tables.purge_spilled());
                    }
                }
                (OWNER, writes, Then::Commit)
            }
            Awaited::Contents => {
                let tables = &self.tables;
                let scan = |table: &crate::name::TableName| Statement::Scan { table: table.clone() };
                let mut scans = vec![
                    tables.read_reserved(),
                    scan(&tables.items),
                    scan(&tables.redelivery_counts),
                    scan(&tables.transactions),
                ];
                if Defect::SpilledMessagesNotPurged.is_planted() {
                    scans.push(scan(&tables.spilled));
                }
                (WORK, scans, Then::Rollback)
            }
        };
        self.awaited = Some(self.execute(transaction, statements, then, effects));
    }

    pub(super) fn take_first_step(&mut self, effects: &mut Effects) {
        let first = if Defect::StoreLockIgnored.is_planted() {
            Awaited::Contents
        } else if self.definition.restrict_long_running_locks {
            Awaited::Owner
        } else {
            Awaited::OuterLock
        };
        self.take_step(first, effects);
    }

    pub(super) fn taking_answered(
        &mut self,
        now: Time,
        result: Result<Vec<Answer>, DatabaseError>,
        effects: &mut Effects,
    ) {
        let awaited = self.taking().awaited;
        let mut answers = match result {
            Ok(answers) => VecDeque::from(answers),
            Err(DatabaseError::LockTimeout) => {
                self.taking().is_refused = false;
                if !core::mem::replace(&mut self.taking().has_told_waiting, true) {
                    self.report(|engine| Event::StoreLockWaiting { engine }, effects);
                }
                self.take_step(awaited, effects);
                return;
            }
            Err(_) => {
                // No room for the row, in a table space that is full: as if the database were not there.
                self.taking().is_refused = true;
                self.pause(now, self.definition.lock_retry_interval, effects);
                return;
            }
        };
        match awaited {
            Awaited::Session => {}
            Awaited::OuterLock => self.take_step(Awaited::Owner, effects),
            Awaited::Owner => self.owner_read(now, row(&mut answers), row(&mut answers), effects),
            Awaited::Write => {
                self.taking().purged = purged(answers.pop_front());
                if self.definition.restrict_long_running_locks {
                    self.ownership_written(now, effects);
                } else {
                    self.take_step(Awaited::Verification, effects);
                }
            }
            Awaited::Verification => match row(&mut answers).map(|row| postcard::from_bytes::<OwnerRow>(&row)) {
                Some(Ok(found)) if found.incarnation == self.incarnation => self.ownership_written(now, effects),
                _ => self.fail(StoreFailure::TakenOver, effects),
            },
            Awaited::Contents => match self.contents(&mut answers) {
                Some(contents) => {
                    let is_opening = self.taking().is_opening;
                    self.running(now, is_opening.then_some(contents), effects);
                }
                None => self.fail(StoreFailure::Corrupt, effects),
            },
        }
    }

    fn owner_read(&mut self, now: Time, found: Option<Vec<u8>>, reserved: Option<Vec<u8>>, effects: &mut Effects) {
        self.taking().reserved = reserved.and_then(|row| postcard::from_bytes(&row).ok()).unwrap_or(1);
        match self.judge(found, effects) {
            Verdict::Fail(failure) => self.fail(failure, effects),
            Verdict::Watch => {
                self.taking().is_refused = false;
                if !core::mem::replace(&mut self.taking().has_told_waiting, true) {
                    self.report(|engine| Event::StoreLockWaiting { engine }, effects);
                }
                let _ = self.execute(OWNER, Vec::new(), Then::Rollback, effects);
                self.pause(now, self.definition.lock_retry_interval, effects);
            }
            verdict @ (Verdict::Take | Verdict::TakeOver) => {
                if matches!(verdict, Verdict::TakeOver) {
                    self.report(|engine| Event::StoreTakeover { engine }, effects);
                }
                let own = OwnerRow {
                    engine: self.definition.uuid.clone(),
                    incarnation: self.incarnation.clone(),
                    last_update: now,
                    status: OwnerStatus::Started,
                };
                // Coming back, the classic owner finds its row as it left it, and holds the locks again.
                let is_unchanged = !self.taking().is_opening && !self.definition.restrict_long_running_locks;
                if is_unchanged {
                    self.ownership_written(now, effects);
                } else {
                    self.own_row = Some(own);
                    self.take_step(Awaited::Write, effects);
                }
            }
        }
    }

    fn judge(&mut self, found: Option<Vec<u8>>, effects: &mut Effects) -> Verdict {
        let is_opening = self.taking().is_opening;
        let Some(found) = found else {
            if is_opening {
                self.tell_owner(|engine| Event::StoreNotOwnedBefore { engine }, effects);
                return Verdict::Take;
            }
            return Verdict::Fail(StoreFailure::Corrupt);
        };
        let Ok(found) = postcard::from_bytes::<OwnerRow>(&found) else {
            return Verdict::Fail(StoreFailure::Corrupt);
        };
        if found.engine != self.definition.uuid {
            let own = self.definition.uuid.clone();
            self.report(|engine| Event::StoreOfAnotherEngine { engine, own, found: found.engine }, effects);
            return Verdict::Fail(StoreFailure::WrongEngine);
        }
        if found.incarnation == self.incarnation {
            return Verdict::Take;
        }
        if !is_opening {
            let is_fenced = !Defect::OldOwnerNotFenced.is_planted();
            return if is_fenced { Verdict::Fail(StoreFailure::TakenOver) } else { Verdict::Take };
        }
        self.tell_owner(|engine| Event::StoreOwnedBefore { engine }, effects);
        if !self.definition.restrict_long_running_locks || found.status == OwnerStatus::Stopped {
            return Verdict::Take;
        }
        let looks = match self.taking().watched.take() {
            Some((seen, looks)) if seen == found => looks + 1,
            _ => 0,
        };
        self.taking().watched = Some((found, looks));
        if looks >= self.definition.lock_retry_count { Verdict::TakeOver } else { Verdict::Watch }
    }

    /// Tells whose the store was, once for each opening.
    fn tell_owner(&mut self, event: impl FnOnce(crate::name::MessagingEngineName) -> Event, effects: &mut Effects) {
        if !core::mem::replace(&mut self.taking().has_told_owner, true) {
            self.report(event, effects);
        }
    }

    fn ownership_written(&mut self, now: Time, effects: &mut Effects) {
        effects.step(Step::StoreOwned);
        self.report(|engine| Event::StoreLockAcquired { engine }, effects);
        let purged = self.taking().purged;
        self.tell_purged(purged, effects);
        if self.taking().is_opening {
            self.take_step(Awaited::Contents, effects);
        } else {
            self.running(now, None, effects);
        }
    }

    fn running(&mut self, now: Time, contents: Option<Contents>, effects: &mut Effects) {
        self.phase = Phase::Running;
        self.events.push_back(contents.map_or(StoreEvent::Regained, StoreEvent::Opened));
        effects.push(Effect::CancelTimer { timer: self.taking_timer() });
        self.set_refresh(now, effects);
        self.pump(now, effects);
        self.pump_spills(effects);
    }
}
