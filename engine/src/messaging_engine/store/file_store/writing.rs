//! What an open file store does: records into the log, checkpoints, and at last the lock given up.

use super::kept::{grows, payload_of};
use super::record::{self, LogRecord};
use super::{Awaited, Change, FileStore, LOG, PERMANENT, State, StoreEvent, StoreFailure, Ticket};
use crate::event::Event;
use crate::file_server::frame::{Content, FileAnswer, FileError, FileOperation, Stability};
use crate::machine::{Effect, Effects};
use crate::step::Step;
use crate::time::Time;

/// How many writes go to the log at once.
const BATCH: usize = 64;

/// A write that is not on its way yet.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) ticket: Ticket,
    pub(super) changes: Vec<Change>,
}

impl FileStore {
    /// Does what comes next, if nothing is outstanding.
    pub(super) fn go_on(&mut self, now: Time, effects: &mut Effects) {
        if !matches!(self.state, State::Open) || self.outstanding.is_some() {
            return;
        }
        let due = self.definition.checkpoint_interval.max(2 * self.kept.permanent_length);
        if self.checkpoint_wanted || self.log_length > due {
            self.begin_checkpoint(now, effects);
        } else if self.write_temporary(now, effects) {
            // So much has to come before that is worth it again that the log has its turn.
        } else if !self.queue.is_empty() {
            self.write_log(now, effects);
        } else if self.closing {
            let path = self.path(LOG);
            self.ask(now, Awaited::Unlock, FileOperation::Unlock { path }, effects);
        } else if self.definition.soft_timeout.is_some() {
            effects.push(Effect::CancelTimer { timer: self.limit_timer() });
        }
    }

    fn write_log(&mut self, now: Time, effects: &mut Effects) {
        let count = if self.one_by_one > 0 { 1 } else { self.queue.len().min(BATCH) };
        self.batch = self.queue.drain(..count).collect();
        let mut content = Content::default();
        for (sequence, queued) in (self.kept.sequence + 1..).zip(&self.batch) {
            record::write(&LogRecord { sequence, changes: queued.changes.clone() }, &mut content.bytes);
            content.payload += payload_of(&queued.changes);
        }
        self.batch_length = content.bytes.len() as u64;
        let operation = FileOperation::Write {
            path: self.path(LOG),
            offset: self.log_length,
            content,
            stability: Stability::FileSync,
        };
        self.ask(now, Awaited::LogWritten, operation, effects);
    }

    pub(super) fn log_written(&mut self, now: Time, answer: &FileAnswer, effects: &mut Effects) {
        let batch = core::mem::take(&mut self.batch);
        match answer {
            FileAnswer::Done => {
                effects.step(Step::FileStoreStored);
                self.one_by_one = self.one_by_one.saturating_sub(batch.len());
                self.log_length += self.batch_length;
                for queued in batch {
                    self.apply(queued.changes);
                    self.events.push(StoreEvent::Stored(queued.ticket));
                }
            }
            FileAnswer::Failed(FileError::NoSpace) if batch.len() > 1 => {
                self.one_by_one = batch.len();
                for queued in batch.into_iter().rev() {
                    self.queue.push_front(queued);
                }
            }
            FileAnswer::Failed(FileError::NoSpace) => {
                self.one_by_one = self.one_by_one.saturating_sub(1);
                for queued in batch {
                    self.no_room(queued, effects);
                }
            }
            FileAnswer::Failed(error) => return self.fail(failure(*error), effects),
            _ => return self.fail(StoreFailure::Unreachable, effects),
        }
        self.go_on(now, effects);
    }

    /// What brings no messages finds its room in a checkpoint, whose size it does not raise; otherwise a full store could
    /// not be emptied.
    fn no_room(&mut self, queued: Queued, effects: &mut Effects) {
        if grows(&queued.changes) {
            effects.report(Event::FileStoreFull { engine: self.definition.engine.clone() });
            self.events.push(StoreEvent::Refused(queued.ticket));
            self.checkpoint_wanted |= self.log_length > 0;
        } else {
            self.apply(queued.changes);
            self.with_checkpoint = Some(queued.ticket);
            self.checkpoint_wanted = true;
        }
    }

    fn apply(&mut self, changes: Vec<Change>) {
        let sequence = self.kept.sequence + 1;
        self.kept.apply(&LogRecord { sequence, changes });
    }

    pub(super) fn begin_checkpoint(&mut self, now: Time, effects: &mut Effects) {
        self.checkpoint_wanted = false;
        let content = self.kept.permanent(&self.definition.uuid, &self.incarnation);
        self.kept.permanent_length = content.bytes.len() as u64;
        let operation = FileOperation::Replace { path: self.path(PERMANENT), content };
        self.ask(now, Awaited::PermanentWritten, operation, effects);
    }

    pub(super) fn permanent_written(&mut self, now: Time, answer: &FileAnswer, effects: &mut Effects) {
        if !self.is_checkpoint_write_done(now, answer, effects) {
            return;
        }
        effects.step(Step::FileStorePermanentWritten);
        if let Some(ticket) = self.with_checkpoint.take() {
            self.events.push(StoreEvent::Stored(ticket));
        }
        let operation = FileOperation::Replace { path: self.path(LOG), content: Content::default() };
        self.ask(now, Awaited::LogEmptied, operation, effects);
    }

    pub(super) fn log_emptied(&mut self, now: Time, answer: &FileAnswer, effects: &mut Effects) {
        if !self.is_checkpoint_write_done(now, answer, effects) {
            return;
        }
        self.log_length = 0;
        if matches!(self.state, State::Opening(_)) {
            self.opened(effects);
        }
        self.go_on(now, effects);
    }

    fn is_checkpoint_write_done(&mut self, now: Time, answer: &FileAnswer, effects: &mut Effects) -> bool {
        match (answer, &self.state) {
            (FileAnswer::Done, _) => return true,
            (_, State::Opening(_)) => self.opening_refused(now, effects),
            (FileAnswer::Failed(error), _) => self.fail(failure(*error), effects),
            _ => self.fail(StoreFailure::Unreachable, effects),
        }
        false
    }
}

/// What an error of the file server means to a store that was open.
pub(super) fn failure(error: FileError) -> StoreFailure {
    match error {
        FileError::NotHolder | FileError::Held => StoreFailure::TakenOver,
        // The log does not end where this instance, its only writer, has left it.
        FileError::Invalid => StoreFailure::Corrupt,
        FileError::NoSuchDirectory | FileError::NoSpace => StoreFailure::Unreachable,
    }
}
