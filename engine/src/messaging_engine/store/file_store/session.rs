//! The client's side of the connection to the file server: attempts, hello, requests, renewals, loss and return.

use super::{Awaited, FileStore, LOG, NEVER, Request, State, StoreEvent, StoreFailure};
use crate::event::Event;
use crate::file_server::frame::{FileAnswer, FileOperation, FileRequest, FileResponse, RequestNumber};
use crate::frame::Frame;
use crate::machine::{ConnectionId, Effect, Effects};
use crate::time::Time;

impl FileStore {
    /// Begins a connection, and a timer after which another one is tried.
    pub(super) fn connect(&mut self, now: Time, effects: &mut Effects) {
        let connection = effects.connect(self.definition.file_server.clone(), NEVER);
        self.connection = Some((connection, false));
        effects.push(Effect::SetTimer { timer: self.retry_timer(), at: now + self.definition.lock_retry });
    }

    fn hello(&self, connection: ConnectionId, effects: &mut Effects) {
        let client = self.client.clone();
        effects.send(connection, Frame::FileRequest(Box::new(FileRequest::Hello { client })));
    }

    pub(super) fn announced(&mut self, effects: &mut Effects) {
        if let Some(connection) = self.announcement.take() {
            self.hello(connection, effects);
            effects.push(Effect::Close { connection });
            effects.push(Effect::CancelTimer { timer: self.retry_timer() });
        }
    }

    pub(super) fn connected(&mut self, now: Time, connection: ConnectionId, effects: &mut Effects) {
        self.connection = Some((connection, true));
        effects.push(Effect::CancelTimer { timer: self.retry_timer() });
        effects.push(Effect::SetTimer { timer: self.renewal_timer(), at: now + self.definition.renewal });
        self.hello(connection, effects);
        match self.state {
            State::Opening(_) => self.ask_for_lock(now, effects),
            _ => {
                let operation = FileOperation::Lock { path: self.path(LOG), reclaim: self.grant };
                self.ask(now, Awaited::Reclaim, operation, effects);
            }
        }
    }

    /// The connection is gone, or did not come about.
    pub(super) fn disconnected(&mut self, now: Time, effects: &mut Effects) {
        self.connection = None;
        effects.push(Effect::CancelTimer { timer: self.renewal_timer() });
        let outstanding = self.outstanding.take();
        match self.state {
            State::Closed => {}
            State::Opening(_) => {
                self.attempt_failed(StoreFailure::Unreachable, effects);
                effects.push(Effect::SetTimer { timer: self.retry_timer(), at: now + self.definition.lock_retry });
            }
            State::Lost => {
                effects.push(Effect::SetTimer { timer: self.retry_timer(), at: now + self.definition.lock_retry });
            }
            State::Open => {
                self.state = State::Lost;
                self.interrupted = outstanding;
                self.events.push(StoreEvent::Lost);
                effects.report(Event::FileStoreLost { engine: self.definition.engine.clone() });
                self.limit_patience(now, effects);
                self.connect(now, effects);
            }
        }
    }

    /// On a soft mount, what is asked for now is to be answered in time.
    fn limit_patience(&self, now: Time, effects: &mut Effects) {
        if let Some(timeout) = self.definition.soft_timeout {
            effects.push(Effect::SetTimer { timer: self.limit_timer(), at: now + timeout });
        }
    }

    pub(super) fn limit_reached(&mut self, effects: &mut Effects) {
        match self.state {
            State::Closed => {}
            State::Opening(_) => self.opening_took_too_long(effects),
            State::Open | State::Lost => self.fail(StoreFailure::Unreachable, effects),
        }
    }

    pub(super) fn retry(&mut self, now: Time, effects: &mut Effects) {
        match (&self.state, self.connection) {
            (State::Closed, _) => {
                if let Some(connection) = self.announcement.take() {
                    effects.push(Effect::Close { connection });
                    self.announce(now, effects);
                }
            }
            (State::Opening(_), Some((_, true))) if self.outstanding.is_none() => self.ask_for_lock(now, effects),
            (_, Some((_, true))) => {}
            (_, Some((connection, false))) => {
                effects.push(Effect::Close { connection });
                self.attempt_failed(StoreFailure::Unreachable, effects);
                self.connect(now, effects);
            }
            (_, None) => self.connect(now, effects),
        }
    }

    /// Asks for one thing; its answer is awaited before anything else is asked for.
    pub(super) fn ask(&mut self, now: Time, awaited: Awaited, operation: FileOperation, effects: &mut Effects) {
        assert!(self.outstanding.is_none(), "one request at a time");
        if matches!(self.state, State::Open) {
            self.limit_patience(now, effects);
        }
        self.outstanding = Some(Request { number: RequestNumber(0), awaited, operation });
        self.send_outstanding(effects);
    }

    fn send_outstanding(&mut self, effects: &mut Effects) {
        self.last_number.0 += 1;
        let number = self.last_number;
        let (Some((connection, true)), Some(request)) = (self.connection, &mut self.outstanding) else { return };
        request.number = number;
        let operation = request.operation.clone();
        effects.send(connection, Frame::FileRequest(Box::new(FileRequest::Operation { number, operation })));
    }

    /// A renewal also finds out that the server at the other end is another life, which knows nothing of the connection.
    pub(super) fn renew(&mut self, now: Time, effects: &mut Effects) {
        let Some((connection, true)) = self.connection else { return };
        self.last_number.0 += 1;
        let (number, operation) = (self.last_number, FileOperation::Renew { path: self.path(LOG) });
        effects.send(connection, Frame::FileRequest(Box::new(FileRequest::Operation { number, operation })));
        effects.push(Effect::SetTimer { timer: self.renewal_timer(), at: now + self.definition.renewal });
    }

    pub(super) fn response(&mut self, now: Time, response: FileResponse, effects: &mut Effects) {
        if let FileAnswer::Renewed { held } = response.answer {
            let is_unlocking = self.outstanding.as_ref().is_some_and(|request| request.awaited == Awaited::Unlock);
            if !held && matches!(self.state, State::Open) && !is_unlocking {
                self.fail(StoreFailure::TakenOver, effects);
            }
            return;
        }
        let Some(request) = self.outstanding.take_if(|request| request.number == response.number) else { return };
        let answer = response.answer;
        match request.awaited {
            Awaited::Lock => self.lock_answered(now, answer, effects),
            Awaited::Reclaim => self.reclaimed(now, &answer, effects),
            Awaited::Log => self.log_read(now, answer, effects),
            Awaited::Permanent => self.permanent_read(now, answer, effects),
            Awaited::Temporary => self.temporary_read(now, answer, effects),
            Awaited::TemporaryEmptied => self.temporary_emptied(now, &answer, effects),
            Awaited::TemporaryWritten => self.temporary_written(now, &answer, effects),
            Awaited::PermanentWritten => self.permanent_written(now, &answer, effects),
            Awaited::LogEmptied => self.log_emptied(now, &answer, effects),
            Awaited::LogWritten => self.log_written(now, &answer, effects),
            Awaited::Unlock => self.closed(effects),
        }
    }

    fn reclaimed(&mut self, now: Time, answer: &FileAnswer, effects: &mut Effects) {
        let interrupted = self.interrupted.take();
        if !matches!(answer, FileAnswer::Locked(_)) {
            // Whoever wanted to give the lock up, everything written, need not mind that it is gone.
            let is_unlocked = interrupted.is_some_and(|request| request.awaited == Awaited::Unlock);
            return if is_unlocked { self.closed(effects) } else { self.fail(StoreFailure::TakenOver, effects) };
        }
        self.state = State::Open;
        self.events.push(StoreEvent::Regained);
        effects.report(Event::FileStoreRegained { engine: self.definition.engine.clone() });
        effects.push(Effect::CancelTimer { timer: self.limit_timer() });
        match interrupted {
            Some(request) => self.ask(now, request.awaited, request.operation, effects),
            None => self.go_on(now, effects),
        }
    }
}
