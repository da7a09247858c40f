//! An application at work: connection, reconnection with back-off, units of work, and the record of all of it.
//!
//! A session knows how an application behaves whatever its role: it connects to its queue manager or to any member of
//! its group, opens queues when they are first used, runs units of work as its `syncpoint` says, and after any failure
//! backs out, disconnects where that helps, and pauses longer each time. Nothing is retried here behind the role's back.

mod unit;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use indoubt_engine::machine::{File, Incarnation, StoredFile};
use indoubt_engine::mqi::client::CallFailed;
use indoubt_engine::mqi::{Binding, ConnectOptions, ObjectHandle, OpenFor, Reason, TagUse};
use indoubt_engine::name::{QueueManagerName, QueueName};
use indoubt_engine::time::Time;
use indoubt_ledger::history::{Completion, ResourceIndex, UnitOutcome};

use super::back_off::BackOff;
use super::chance::Chance;
use super::connection::Connection;
use super::coordinator::Coordinator;
use super::history::Recorder;
use super::shared::{Phase, QueueFacts, Shared};
use super::{Instance, addresses, payload};
use crate::fabric::Process;
use crate::scenario::model::{Connect, Syncpointing};

use unit::CurrentUnit;
pub use unit::{Outgoing, UnitEnd};

/// Local bindings have no heartbeat: the operating system tells each end when the other one is gone, and however long
/// a queue manager takes, its application waits.
const LOCAL_SILENCE: Duration = Duration::from_secs(24 * 3_600);

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
    connection: Connection,
    queue_manager: QueueManagerName,
    binding: Binding,
    tag: Option<ResourceIndex>,
    held: Vec<ResourceIndex>,
    handles: BTreeMap<(QueueName, OpenFor), ObjectHandle>,
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
    ) -> Self {
        let recorder = Recorder::new(process.clone(), shared.clone());
        let chance = Chance::new(process.stream("application"));
        let (address, name, binding) = addresses::of_target(&connect.target, &instance.place);
        let options = ConnectOptions {
            application: instance.name.clone(),
            name: name.clone(),
            binding,
            tag: connect.tag.clone().map(|tag| (tag, TagUse::Serialize)),
        };
        let silence = match binding {
            Binding::Client => connect.silence,
            Binding::Local => LOCAL_SILENCE,
        };
        let tag = connect.tag.as_ref().map(|tag| recorder.resource(&format!("connection tag {tag}")));
        let mut connection = Connection::new(process.clone(), address, silence, options);
        let coordinator = (syncpoint == Syncpointing::TwoPhase).then(|| {
            Coordinator::start(
                instance.name.clone(),
                start.incarnation,
                &start.files,
                &mut connection,
                &recorder,
                shared.clone(),
            )
        });
        Session {
            process,
            shared,
            instance,
            chance,
            recorder,
            connection,
            queue_manager: QueueManagerName::from(name),
            binding,
            tag,
            held: Vec::new(),
            handles: BTreeMap::new(),
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

    /// What is known of a queue of the queue manager it is connected to.
    #[must_use]
    pub fn queue_facts(&self, queue: &QueueName) -> Arc<QueueFacts> {
        self.shared.queue(&self.queue_manager, queue)
    }

    /// The connection, for commands.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// The name of the queue manager it is, or was last, connected to.
    #[must_use]
    pub fn queue_manager(&self) -> &QueueManagerName {
        &self.queue_manager
    }

    /// Returns when there is a connection to a queue manager that goes on working, and every transaction of this
    /// application that is found in doubt there has been resolved. Does not return when the run ends.
    pub async fn ready(&mut self) {
        loop {
            if self.connection.is_quiescing() {
                self.leave().await;
                self.pause().await;
            }
            if !self.connection.is_connected() {
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
        let local_tag = self.tag.filter(|_| self.binding == Binding::Local);
        let asked = local_tag.map(|tag| (tag, self.recorder.acquire(tag)));
        let connected = self.connection.connect().await;
        if let Some((tag, operation)) = asked {
            match &connected {
                Ok(_) => {
                    self.recorder.complete(operation, Completion::Ok);
                    self.held.push(tag);
                }
                Err(_) => self.recorder.complete(operation, Completion::Failed),
            }
        }
        match connected {
            Ok((queue_manager, _)) => {
                self.queue_manager = queue_manager;
                if let Some(coordinator) = &mut self.coordinator {
                    coordinator.connected();
                }
                true
            }
            Err(_) => false,
        }
    }

    async fn settle_if_due(&mut self) -> Result<(), CallFailed> {
        let now = self.process.now();
        if !self.coordinator.as_ref().is_some_and(|coordinator| coordinator.is_look_due(now)) {
            return Ok(());
        }
        if self.unit.is_some() {
            self.back_out().await;
        }
        match &mut self.coordinator {
            Some(coordinator) => coordinator.settle(now, &mut self.connection).await,
            None => Ok(()),
        }
    }

    /// What an application notices when its connection is gone: handles, the unit of work and what it held are gone too.
    fn connection_is_gone(&mut self) {
        self.handles.clear();
        for resource in std::mem::take(&mut self.held) {
            self.recorder.release(resource);
        }
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
        for resource in std::mem::take(&mut self.held) {
            self.recorder.release(resource);
        }
        if self.connection.is_connected() && self.connection.disconnect().await.is_err() {
            self.connection.abandon();
        }
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
    pub async fn after(&mut self, failed: CallFailed) {
        if self.connection.is_connected() {
            match failed.reason {
                // Full queues and structures, a queue in use, a structure that comes back: the connection is good.
                Reason::QueueFull
                | Reason::StorageMediumFull
                | Reason::ObjectInUse
                | Reason::CouplingFacilityNotAvailable
                | Reason::SyncpointLimitReached
                | Reason::PersistentNotAllowed
                | Reason::MessageTooBigForQueue
                | Reason::UnknownObjectName
                | Reason::UnknownObjectQueueManager
                | Reason::NoMessageAvailable
                | Reason::QueueManagerActive
                | Reason::BackedOut => {
                    if self.unit.is_some() {
                        self.back_out().await;
                    }
                }
                // A quiescing queue manager is to be left; after anything else a fresh start is the way out.
                _ => self.leave().await,
            }
        } else {
            self.connection_is_gone();
        }
        self.pause().await;
    }
}
