//! The start of a file store: connection, lock, reading, and the checkpoint that makes it this instance's.

use super::kept::{Found, Kept};
use super::temporary::Temporary;
use super::{Awaited, FileStore, LOG, PERMANENT, State, StoreEvent, StoreFailure, TEMPORARY};
use crate::defect::Defect;
use crate::event::Event;
use crate::file_server::frame::{Content, FileAnswer, FileError, FileOperation, Grant};
use crate::machine::{Effect, Effects};
use crate::step::Step;
use crate::time::Time;

/// An opening under way.
#[derive(Debug)]
pub(super) struct Opening {
    /// Why the last attempt failed, if one has.
    failure: Option<StoreFailure>,
    /// The log, once it is read.
    log: Vec<u8>,
}

impl FileStore {
    pub(super) fn begin_opening(&mut self, now: Time, effects: &mut Effects) {
        self.state = State::Opening(Opening { failure: None, log: Vec::new() });
        effects.push(Effect::SetTimer { timer: self.limit_timer(), at: now + self.definition.lock_retry_limit });
        self.connect(now, effects);
    }

    /// Asks for the lock.
    pub(super) fn ask_for_lock(&mut self, now: Time, effects: &mut Effects) {
        let path = self.path(LOG);
        self.ask(now, Awaited::Lock, FileOperation::Lock { path, reclaim: None }, effects);
    }

    /// An attempt has failed; the retry timer begins another one. The failure is told when it is a new one.
    pub(super) fn attempt_failed(&mut self, why: StoreFailure, effects: &mut Effects) {
        let State::Opening(opening) = &mut self.state else { return };
        if opening.failure.replace(why) != Some(why) {
            let engine = self.definition.engine.clone();
            effects.report(match why {
                StoreFailure::Locked => Event::FileStoreLocked { engine },
                _ => Event::FileStoreUnreachable { engine },
            });
        }
    }

    /// There will be no further attempt.
    pub(super) fn open_failed(&mut self, why: StoreFailure, effects: &mut Effects) {
        self.let_go(effects);
        self.events.push(StoreEvent::OpenFailed(why));
        effects.report(Event::FileStoreNotOpened { engine: self.definition.engine.clone(), why });
    }

    /// The limit of the start: with what the last attempt met.
    pub(super) fn opening_took_too_long(&mut self, effects: &mut Effects) {
        let State::Opening(opening) = &self.state else { return };
        let why = opening.failure.unwrap_or(StoreFailure::Unreachable);
        self.open_failed(why, effects);
    }

    pub(super) fn lock_answered(&mut self, now: Time, answer: FileAnswer, effects: &mut Effects) {
        match answer {
            FileAnswer::Locked(grant) => self.locked(now, grant, effects),
            FileAnswer::Failed(FileError::NoSuchDirectory) => self.open_failed(StoreFailure::PathMissing, effects),
            FileAnswer::Failed(FileError::Held) => {
                self.attempt_failed(StoreFailure::Locked, effects);
                effects.push(Effect::SetTimer { timer: self.retry_timer(), at: now + self.definition.lock_retry });
            }
            _ => self.start_over(now, effects),
        }
    }

    /// The lock was lost while the store was being opened, or something else that should not be: a new attempt.
    fn start_over(&mut self, now: Time, effects: &mut Effects) {
        if let Some((connection, _)) = self.connection {
            effects.push(Effect::Close { connection });
        }
        self.disconnected(now, effects);
    }

    fn locked(&mut self, now: Time, grant: Grant, effects: &mut Effects) {
        self.grant = Some(grant);
        effects.step(Step::FileStoreLocked);
        effects.report(Event::FileStoreLockAcquired { engine: self.definition.engine.clone() });
        let path = self.path(LOG);
        self.ask(now, Awaited::Log, FileOperation::Read { path }, effects);
    }

    pub(super) fn log_read(&mut self, now: Time, answer: FileAnswer, effects: &mut Effects) {
        let (FileAnswer::Read(bytes), State::Opening(opening)) = (answer, &mut self.state) else {
            return self.start_over(now, effects);
        };
        opening.log = bytes;
        let path = self.path(PERMANENT);
        self.ask(now, Awaited::Permanent, FileOperation::Read { path }, effects);
    }

    pub(super) fn permanent_read(&mut self, now: Time, answer: FileAnswer, effects: &mut Effects) {
        let (FileAnswer::Read(permanent), State::Opening(opening)) = (answer, &mut self.state) else {
            return self.start_over(now, effects);
        };
        match Kept::read(&self.definition.uuid, &opening.log, &permanent) {
            Ok(Found::Kept(kept)) => self.kept = kept,
            Ok(Found::AnotherEngine) => return self.open_failed(StoreFailure::WrongEngine, effects),
            Err(_) => return self.open_failed(StoreFailure::Corrupt, effects),
        }
        let path = self.path(TEMPORARY);
        self.ask(now, Awaited::Temporary, FileOperation::Read { path }, effects);
    }

    /// What was spilled before is not wanted: it is counted and goes.
    pub(super) fn temporary_read(&mut self, now: Time, answer: FileAnswer, effects: &mut Effects) {
        let FileAnswer::Read(bytes) = answer else { return self.start_over(now, effects) };
        let spilled = Temporary::read(&bytes);
        if Defect::SpilledMessagesNotPurged.is_planted() {
            spilled.into_values().for_each(|stored| self.kept.keep(stored));
            return self.begin_checkpoint(now, effects);
        }
        if !spilled.is_empty() {
            let (engine, messages) = (self.definition.engine.clone(), spilled.len() as u64);
            effects.report(Event::SpilledMessagesPurged { engine, messages });
        }
        let operation = FileOperation::Replace { path: self.path(TEMPORARY), content: Content::default() };
        self.ask(now, Awaited::TemporaryEmptied, operation, effects);
    }

    pub(super) fn temporary_emptied(&mut self, now: Time, answer: &FileAnswer, effects: &mut Effects) {
        match answer {
            FileAnswer::Done => self.begin_checkpoint(now, effects),
            _ => self.start_over(now, effects),
        }
    }

    /// A write of the checkpoint was refused while the store was being opened.
    pub(super) fn opening_refused(&mut self, now: Time, effects: &mut Effects) {
        self.start_over(now, effects);
    }

    /// The checkpoint is complete: the store is this instance's.
    pub(super) fn opened(&mut self, effects: &mut Effects) {
        self.state = State::Open;
        effects.push(Effect::CancelTimer { timer: self.limit_timer() });
        effects.push(Effect::CancelTimer { timer: self.retry_timer() });
        let contents = self.kept.contents();
        effects.report(Event::FileStoreOpened {
            engine: self.definition.engine.clone(),
            messages: contents.messages.len() as u64,
            in_doubt: contents.prepared.len() as u64,
        });
        self.events.push(StoreEvent::Opened(contents));
    }
}
