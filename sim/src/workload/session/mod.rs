//! An application at work: connection, reconnection with back-off, units of work, and the record of all of it.
//!
//! A session knows how an application behaves whatever its role and whatever the product: it connects, runs units of work
//! as its `syncpoint` says, and after any failure backs out, disconnects where that helps, and pauses longer each time.
//! Nothing is retried here behind the role's back.

mod unit;

use std::sync::Arc;
use std::time::Duration;

use indoubt_engine::machine::{File, Incarnation, StoredFile};
use indoubt_engine::name::QueueName;
use indoubt_engine::time::Time;
use indoubt_ledger::history::{Completion, UnitOutcome};

use super::back_off::BackOff;
use super::chance::Chance;
use super::coordinator::Coordinator;
use super::history::Recorder;
use super::provider::{Failure, Provider, WayOut};
use super::shared::{Phase, QueueFacts, Shared};
use super::{Instance, payload};
use crate::fabric::Process;
use crate::scenario::model::{Connect, Syncpointing};

use unit::CurrentUnit;
pub use unit::UnitEnd;

/// What the world gave a process when it started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Which life this is.
    pub incarnation: Incarnation,
    /// What its disk holds.
    pub files: Vec<(File, StoredFile)>,
}

/// An application at work, in one life of its process.
pub struct Session {
    process: Process,
    shared: Arc<Shared>,
    instance: Instance,
    chance: Chance,
    recorder: Recorder,
    provider: Box<dyn Provider>,
    back_off: BackOff,
    syncpoint: Syncpointing,
    coordinator: Option<Coordinator>,
    unit: Option<CurrentUnit>,
}

impl Session {
    /// A session that has not connected yet.
    #[must_use]
    pub fn new(
        process: Process,
        start: &Start,
        shared: Arc<Shared>,
        instance: Instance,
        connect: &Connect,
        syncpoint: Syncpointing,
        provider: Box<dyn Provider>,
    ) -> Self {
        let recorder = Recorder::new(process.clone(), shared.clone());
        let chance = Chance::new(process.stream("application"));
        let coordinator = (syncpoint == Syncpointing::TwoPhase)
            .then(|| Coordinator::start(instance.name.clone(), &process, start, &recorder, shared.clone()));
        Session {
            process,
            shared,
            instance,
            chance,
            recorder,
            provider,
            back_off: BackOff::new(connect.retry, connect.retry_limit),
            syncpoint,
            coordinator,
            unit: None,
        }
    }

    /// What all applications of the run share.
    #[must_use]
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The name of this instance.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.instance.name
    }

    /// Its draws.
    pub fn chance(&mut self) -> &mut Chance {
        &mut self.chance
    }

    /// The clock of its host.
    #[must_use]
    pub fn now(&self) -> Time {
        self.process.now()
    }

    /// True time, for those who act at a given moment of the run.
    #[must_use]
    pub fn true_time(&self) -> Time {
        self.process.fabric().now()
    }

    /// Whether new work is to be offered no more.
    #[must_use]
    pub fn is_settling(&self) -> bool {
        self.shared.phase() >= Phase::Settling
    }

    /// The history.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Works, or waits, for a while.
    pub async fn sleep(&self, duration: Duration) {
        if !duration.is_zero() {
            self.process.sleep(duration).await;
        }
    }

    /// The identity of a new payload.
    #[must_use]
    pub fn new_identity(&self) -> u64 {
        payload::identity(self.instance.index, self.shared.next_number(self.instance.index))
    }

    /// What is known of a queue of whom it is connected to.
    #[must_use]
    pub fn queue_facts(&self, queue: &QueueName) -> Arc<QueueFacts> {
        self.shared.queue(self.provider.owner(), queue)
    }

    /// The connection, for commands.
    pub fn provider(&mut self) -> &mut dyn Provider {
        &mut *self.provider
    }

    /// Returns when there is a connection to somebody who goes on working, and every transaction of this
    /// application that is found in doubt there has been resolved. Does not return when the run ends.
    pub async fn ready(&mut self) {
        loop {
            if self.provider.should_leave() {
                self.leave().await;
                self.pause().await;
            }
            if !self.provider.is_connected() {
                self.connection_is_gone();
                if !self.connect_once().await {
                    self.pause().await;
                    continue;
                }
            }
            match self.settle_if_due().await {
                Ok(()) if self.shared.phase() < Phase::Ending => return,
                Ok(()) => {
                    self.leave().await;
                    return std::future::pending().await;
                }
                Err(failed) => self.after(failed).await,
            }
        }
    }

    async fn connect_once(&mut self) -> bool {
        let operation = self.recorder.make_ready();
        let connected = self.provider.connect().await.is_ok();
        self.recorder.made_ready(operation, connected);
        if let Some(coordinator) = self.coordinator.as_mut().filter(|_| connected) {
            coordinator.connected();
        }
        connected
    }

    async fn settle_if_due(&mut self) -> Result<(), Failure> {
        let now = self.process.now();
        if !self.coordinator.as_ref().is_some_and(|coordinator| coordinator.is_look_due(now)) {
            return Ok(());
        }
        if self.unit.is_some() {
            self.back_out().await;
        }
        match &mut self.coordinator {
            Some(coordinator) => {
                let operation = self.recorder.make_ready();
                let result = coordinator.settle(now, &mut *self.provider).await;
                self.recorder.made_ready(operation, result.is_ok());
                result
            }
            None => Ok(()),
        }
    }

    /// What an application notices when its connection is gone: what belonged to it and the unit of work are gone too.
    fn connection_is_gone(&mut self) {
        self.provider.abandon();
        if let Some(unit) = self.unit.take().filter(|unit| unit.used) {
            if let Some(xid) = &unit.xid {
                self.shared.end_transaction(xid);
            }
            let operation = self.recorder.back_out(unit.index);
            self.recorder.complete(operation, Completion::Unknown);
            self.recorder.resolved(unit.index, UnitOutcome::BackedOut);
        }
    }

    /// Ends the connection in good order. An open unit of work is backed out first: a disconnect would commit it.
    pub async fn leave(&mut self) {
        if self.unit.is_some() {
            self.back_out().await;
        }
        self.provider.disconnect().await;
        self.connection_is_gone();
    }

    /// All work is done: leaves, unless a transaction of this application may still be in doubt somewhere. Then its
    /// coordinator stays for as long as the run lasts and asks again now and then.
    pub async fn finish(&mut self) {
        while let Some(wait) = self.coordinator.as_ref().and_then(|coordinator| coordinator.until_look(self.now())) {
            self.sleep(wait).await;
            self.ready().await;
        }
        self.leave().await;
    }

    /// Waits before another attempt: longer each time, until something works.
    pub async fn pause(&mut self) {
        let pause = self.back_off.pause(&mut self.chance);
        self.process.sleep(pause).await;
    }

    /// Something worked: the next pause is short again.
    pub fn calm(&mut self) {
        self.back_off.reset();
    }

    /// Deals with a failure: backs out, leaves where staying does not help, and pauses.
    pub async fn after(&mut self, failed: Failure) {
        if self.provider.is_connected() {
            match failed.way_out {
                WayOut::Stay => self.back_out().await,
                WayOut::Leave => self.leave().await,
            }
        } else {
            self.connection_is_gone();
        }
        self.pause().await;
    }
}
