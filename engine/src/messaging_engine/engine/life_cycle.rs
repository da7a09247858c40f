//! The life of an instance: joined, activated, started, stopped, moved, failed.
//!
//! **In the product.** An instance joins the HA group of its engine and waits there. Activated, it starts, unless its
//! initial state says otherwise. An administrator can stop it and start it again: that does not move it, and holds for
//! this instance only. The HA manager deactivates it to move it. An error that might not occur on another server is a
//! *local error*: the HA manager hears of it at its next is-alive check. One that would occur anywhere is a *common mode
//! error*: the engine stops processing, is not failed over, and cannot be restarted until its server is. Documented: IBM
//! WebSphere Application Server, "Messaging engine states", "Stopping a messaging engine", "Messaging engine failure".
//!
//! **Modelled.** All of that. Where the documentation is silent: a stop in mode immediate lets open transactions and
//! unacknowledged receives end, up to the quiesce time of the definition, and refuses what would begin new work; a stop in
//! mode force that comes while the store is being closed gives the store up at once.

use super::stage::{EngineNotice, EngineState, Health, Stage, Then};
use super::{MessagingEngine, Work};
use crate::defect::Defect;
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{Effect, Effects, StopMode};
use crate::messaging_engine::definition::{IncarnationUuid, InitialState};
use crate::messaging_engine::frame::{BusReason, BusReply};
use crate::messaging_engine::store::{StoreEvent, StoreFailure};
use crate::step::Step;
use crate::time::Time;

impl MessagingEngine {
    /// The state of this instance.
    #[must_use]
    pub fn state(&self) -> EngineState {
        self.stage.state()
    }

    /// Answers the is-alive check of the HA manager.
    #[must_use]
    pub fn is_alive(&self) -> Health {
        match self.stage {
            Stage::FailedLocally => Health::NotAlive,
            _ => Health::Alive,
        }
    }

    /// It makes itself known: its server has started, its HA group is not there yet.
    pub fn joining(&self, effects: &mut Effects) {
        let engine = self.definition.name.clone();
        effects.report(Event::MessagingEngineState { engine, state: self.stage.state() });
    }

    /// It has joined its HA group.
    pub fn joined(&mut self, effects: &mut Effects) {
        if self.stage == Stage::Joining {
            self.enter(Stage::Standby, effects);
        }
    }

    /// The HA manager activates this instance. What was stopped on another server has no say here: its own initial state
    /// has.
    pub fn activate(&mut self, now: Time, incarnation: IncarnationUuid, effects: &mut Effects) {
        match self.stage {
            Stage::Joining | Stage::Standby | Stage::Stopped | Stage::FailedLocally => {
                match self.definition.initial_state {
                    InitialState::Started => self.begin_start(now, incarnation, effects),
                    InitialState::Stopped => {
                        self.enter(Stage::Stopped, effects);
                        self.notices.push(EngineNotice::ActivatedStopped);
                    }
                }
            }
            Stage::FailedGlobally => {
                self.refuse_start(effects);
                self.notices.push(EngineNotice::ActivationRefused);
            }
            Stage::Serving => self.notices.push(EngineNotice::Started),
            // It starts anyway, or ends its work; what comes of either is told.
            Stage::Opening | Stage::Reconciling { .. } | Stage::Quiescing { .. } | Stage::Closing { .. } => {}
        }
        self.settle(now, effects);
    }

    /// The HA manager takes the activation back: fail back, a planned move. [`EngineNotice::Deactivated`] follows.
    pub fn deactivate(&mut self, now: Time, mode: StopMode, effects: &mut Effects) {
        self.stop_for(now, mode, Then::Standby, effects);
        self.settle(now, effects);
    }

    /// An administrator starts an instance that was stopped. Refused after a common mode error (CWSID0027E).
    pub fn start(&mut self, now: Time, incarnation: IncarnationUuid, effects: &mut Effects) {
        match self.stage {
            Stage::Stopped => self.begin_start(now, incarnation, effects),
            Stage::FailedGlobally => self.refuse_start(effects),
            _ => {}
        }
        self.settle(now, effects);
    }

    /// An administrator stops this instance, also if it is still starting. It stays active: nothing moves.
    /// [`EngineNotice::Stopped`] follows, if there was something to stop.
    pub fn stop(&mut self, now: Time, mode: StopMode, effects: &mut Effects) {
        if !matches!(self.stage, Stage::Joining | Stage::Standby | Stage::Stopped | Stage::FailedLocally) {
            self.stop_for(now, mode, Then::Stopped, effects);
        }
        self.settle(now, effects);
    }

    fn enter(&mut self, stage: Stage, effects: &mut Effects) {
        let before = self.stage.state();
        self.stage = stage;
        if stage.state() != before {
            let engine = self.definition.name.clone();
            effects.report(Event::MessagingEngineState { engine, state: stage.state() });
        }
    }

    fn begin_start(&mut self, now: Time, incarnation: IncarnationUuid, effects: &mut Effects) {
        self.enter(Stage::Opening, effects);
        effects.report(Event::MessagingEngineStarting { engine: self.definition.name.clone() });
        self.store.open(now, &incarnation, effects);
        self.incarnation = Some(incarnation);
    }

    fn refuse_start(&self, effects: &mut Effects) {
        effects.report(Event::MessagingEngineStartRefused { engine: self.definition.name.clone() });
    }

    /// What a timer is for that belongs to the life cycle.
    pub(super) fn stage_due(&mut self, now: Time, effects: &mut Effects) {
        match self.stage {
            Stage::Reconciling { until } if until <= now => self.begin_serving(now, effects),
            Stage::Quiescing { until, then } if until <= now => self.end_serving(now, then, effects),
            _ => {}
        }
    }

    fn begin_serving(&mut self, now: Time, effects: &mut Effects) {
        self.enter(Stage::Serving, effects);
        effects.report(Event::MessagingEngineStarted { engine: self.definition.name.clone() });
        self.notices.push(EngineNotice::Started);
        effects.step(Step::EngineStarted);
        self.tend_links(now, effects);
    }

    /// Takes what the store has to tell.
    pub(super) fn store_event(&mut self, now: Time, event: StoreEvent, effects: &mut Effects) {
        match event {
            StoreEvent::Opened(contents) => {
                if self.stage != Stage::Opening {
                    return;
                }
                effects.step(Step::EngineStoreOwned);
                self.reconstitute(now, contents, effects);
                let until = now + self.definition.reconcile_time;
                self.enter(Stage::Reconciling { until }, effects);
                if until <= now {
                    self.begin_serving(now, effects);
                }
            }
            StoreEvent::OpenFailed(failure) => self.start_failed(failure, effects),
            StoreEvent::Stored(ticket) => self.ticket_stored(now, ticket, effects),
            StoreEvent::Refused(ticket) => self.ticket_refused(now, ticket, effects),
            // What must be stored waits for its ticket; everything else goes on in memory.
            StoreEvent::Lost | StoreEvent::Regained => {}
            StoreEvent::Failed(failure) => self.store_failed(failure, effects),
            StoreEvent::Closed => {
                if let Stage::Closing { then } = self.stage {
                    self.stopped(then, effects);
                }
            }
        }
    }

    fn start_failed(&mut self, failure: StoreFailure, effects: &mut Effects) {
        let engine = self.definition.name.clone();
        effects.report(Event::MessagingEngineStartFailed { engine: engine.clone(), failure });
        let global = failure.is_global();
        self.work = Work::default();
        if global {
            effects.report(Event::MessagingEngineFailedGlobally { engine, failure });
            self.enter(Stage::FailedGlobally, effects);
        } else {
            self.enter(Stage::Standby, effects);
        }
        self.notices.push(EngineNotice::StartFailed { failure, global });
    }

    /// The store is gone for this instance.
    fn store_failed(&mut self, failure: StoreFailure, effects: &mut Effects) {
        match self.stage {
            Stage::Opening | Stage::Reconciling { .. } => return self.start_failed(failure, effects),
            // It serves no more; what the store could not write any more is lost as in a failure.
            Stage::Closing { then } if !failure.is_global() => return self.stopped(then, effects),
            Stage::Serving | Stage::Quiescing { .. } | Stage::Closing { .. } => {}
            Stage::Joining | Stage::Standby | Stage::Stopped | Stage::FailedLocally | Stage::FailedGlobally => return,
        }
        let waiting: Vec<_> = self.work.awaited.values().copied().collect();
        for number in waiting {
            if let Some(answer) = self.work.transactions.get_mut(&number).and_then(|it| it.answer.take()) {
                self.reply(answer.connection, BusReply::Failed(BusReason::StoreFailed), effects);
            }
        }
        self.drop_clients(effects);
        let engine = self.definition.name.clone();
        if failure.is_global() {
            effects.report(Event::MessagingEngineFailedGlobally { engine, failure });
            self.enter(Stage::FailedGlobally, effects);
            self.notices.push(EngineNotice::GlobalError { failure });
        } else {
            effects.report(Event::MessagingEngineFailed { engine, failure });
            self.enter(Stage::FailedLocally, effects);
            self.notices.push(EngineNotice::LocalError { failure });
        }
    }

    fn stop_for(&mut self, now: Time, mode: StopMode, then: Then, effects: &mut Effects) {
        match (self.stage, mode) {
            (Stage::Serving, StopMode::Quiesce) => {
                let until = now + self.definition.quiesce_time;
                self.enter(Stage::Quiescing { until, then }, effects);
                effects.report(Event::MessagingEngineStopping { engine: self.definition.name.clone() });
                self.end_all_waiting(BusReason::EngineQuiescing, effects);
                for &connection in self.work.sessions.keys() {
                    effects.send(connection, Frame::BusReply(Box::new(BusReply::Quiescing)));
                }
                effects.step(Step::EngineStopping);
                if until <= now {
                    self.end_serving(now, then, effects);
                }
            }
            (Stage::Serving, StopMode::Force) => {
                self.enter(Stage::Quiescing { until: now, then }, effects);
                effects.report(Event::MessagingEngineStopping { engine: self.definition.name.clone() });
                effects.step(Step::EngineStopping);
                self.end_serving(now, then, effects);
            }
            // A move outranks a stop; force outranks immediate.
            (Stage::Quiescing { until, then: before }, _) => {
                let then = if before == Then::Standby { before } else { then };
                self.enter(Stage::Quiescing { until, then }, effects);
                if mode == StopMode::Force {
                    self.end_serving(now, then, effects);
                }
            }
            (Stage::Closing { then: before }, _) => {
                let then = if before == Then::Standby { before } else { then };
                self.enter(Stage::Closing { then }, effects);
                if mode == StopMode::Force {
                    self.store.abandon(effects);
                    self.stopped(then, effects);
                }
            }
            (Stage::Opening, _) => {
                self.store.abandon(effects);
                self.stopped(then, effects);
            }
            (Stage::Reconciling { .. }, _) => {
                self.work = Work::default();
                self.enter(Stage::Closing { then }, effects);
                self.store.close(now, effects);
            }
            // A common mode error holds until the server is restarted, but the group member can be given back.
            (Stage::FailedGlobally, _) => {
                if then == Then::Standby {
                    self.notices.push(EngineNotice::Deactivated);
                }
            }
            (Stage::Joining | Stage::Standby | Stage::Stopped | Stage::FailedLocally, _) => self.stopped(then, effects),
        }
    }

    /// Ends quiescing when nothing is in progress any more.
    pub(super) fn end_quiesce(&mut self, now: Time, effects: &mut Effects) -> bool {
        let Stage::Quiescing { then, .. } = self.stage else { return false };
        let is_busy = !self.work.awaited.is_empty()
            || self.work.transactions.values().any(|it| it.phase == super::transaction::Phase::Active)
            || self.work.sessions.values().any(|session| !session.unacknowledged.is_empty());
        if is_busy {
            return false;
        }
        self.end_serving(now, then, effects);
        true
    }

    /// Rolls back what is open, drops the clients and closes the store.
    fn end_serving(&mut self, now: Time, then: Then, effects: &mut Effects) {
        if Defect::EngineFailbackDropsInFlight.is_planted() {
            self.forget_in_flight(now, effects);
        } else {
            self.count_interrupted_deliveries(now, effects);
        }
        self.drop_clients(effects);
        effects.report(Event::MessagingEngineStopped { engine: self.definition.name.clone() });
        self.enter(Stage::Closing { then }, effects);
        self.store.close(now, effects);
    }

    fn stopped(&mut self, then: Then, effects: &mut Effects) {
        match then {
            Then::Stopped => {
                self.enter(Stage::Stopped, effects);
                self.notices.push(EngineNotice::Stopped);
            }
            Then::Standby => {
                self.enter(Stage::Standby, effects);
                self.notices.push(EngineNotice::Deactivated);
            }
        }
    }

    /// Tells every client that the engine has gone, and forgets everything in memory.
    fn drop_clients(&mut self, effects: &mut Effects) {
        self.drop_engines(effects);
        for &connection in self.work.sessions.keys() {
            effects.send(connection, Frame::BusReply(Box::new(BusReply::Terminated)));
            effects.push(Effect::Close { connection });
        }
        self.work = Work::default();
    }
}
