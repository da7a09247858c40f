//! The client with which an application talks to a queue manager: the provider's words as calls of the MQI.
//!
//! It opens queues when they are first used and keeps the handles as long as the connection stands. A reply to another
//! queue manager goes by `MQPUT1`. What is exclusive (a serialised connection tag, input that nobody shares) is recorded
//! when it is asked for and when it is given up, for applications with local bindings: those of a client may outlive what
//! the client knows of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use indoubt_engine::machine::Input;
use indoubt_engine::message::{Message, Persistence};
use indoubt_engine::mqi::client::{self, CallFailed};
use indoubt_engine::mqi::{
    Binding, BrowseLock, BrowsePosition, ConnectOptions, Match, ObjectHandle, OpenFor, PutDescriptor, Reason,
    Syncpoint, TagUse, Wait,
};
use indoubt_engine::name::{QueueManagerName, QueueName};
use indoubt_engine::unit_of_work::{Outcome, Xid};
use indoubt_ledger::history::{Completion, ResourceIndex};

use super::addresses;
use super::connection::Connection;
use super::operator;
use crate::fabric::Process;
use crate::scenario::model::{Connect, OperatorCommand, Place, QualityOfService};
use crate::workload::Shared;
use crate::workload::history::Recorder;
use crate::workload::provider::{
    Destination, Failure, Fate, Operated, Outgoing, Pending, Provider, Received, Scope, Selection, Sharing, WayOut,
};

/// Local bindings have no heartbeat: the operating system tells each end when the other one is gone, and however long
/// a queue manager takes, its application waits.
const LOCAL_SILENCE: Duration = Duration::from_secs(24 * 3_600);

/// A connection to a queue manager, or to any member of a group.
pub(super) struct MqClient {
    connection: Connection,
    shared: Arc<Shared>,
    recorder: Recorder,
    queue_manager: QueueManagerName,
    binding: Binding,
    tag: Option<ResourceIndex>,
    held: Vec<ResourceIndex>,
    handles: BTreeMap<(QueueName, OpenFor), ObjectHandle>,
}

impl MqClient {
    /// The client of this process; `None` if it does not connect to a queue manager.
    pub(super) fn new(process: &Process, shared: &Arc<Shared>, connect: &Connect, place: &Place) -> Option<Self> {
        let (address, name, binding) = addresses::of_target(&connect.target, place)?;
        let recorder = Recorder::new(process.clone(), shared.clone());
        let options = ConnectOptions {
            application: process.name().to_string(),
            name: name.clone(),
            binding,
            tag: connect.tag.clone().map(|tag| (tag, TagUse::Serialize)),
        };
        let silence = match binding {
            Binding::Client => connect.silence,
            Binding::Local => LOCAL_SILENCE,
        };
        let tag = connect.tag.as_ref().map(|tag| recorder.resource(&format!("connection tag {tag}")));
        Some(MqClient {
            connection: Connection::new(process.clone(), address, silence, options),
            shared: shared.clone(),
            recorder,
            queue_manager: QueueManagerName::from(name),
            binding,
            tag,
            held: Vec::new(),
            handles: BTreeMap::new(),
        })
    }

    async fn connect_once(&mut self) -> Result<(), Failure> {
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
                Ok(())
            }
            Err(reason) => Err(failure(CallFailed { reason, fate: client::Fate::DidNotHappen, connection_lost: true })),
        }
    }

    /// `MQOPEN`, unless the queue is open already.
    async fn handle(&mut self, queue: &QueueName, open_for: OpenFor) -> Result<ObjectHandle, CallFailed> {
        let key = (queue.clone(), open_for);
        if let Some(handle) = self.handles.get(&key) {
            return Ok(*handle);
        }
        let exclusive = (open_for == OpenFor::InputExclusive && self.binding == Binding::Local).then(|| {
            let facts = self.shared.queue(self.queue_manager.as_str(), queue);
            self.recorder.resource(&format!("input from {}", facts.history_name))
        });
        let asked = exclusive.map(|resource| (resource, self.recorder.acquire(resource)));
        let opened = self.connection.open(queue.clone(), open_for).await;
        if let Some((resource, operation)) = asked {
            match &opened {
                Ok(_) => {
                    self.recorder.complete(operation, Completion::Ok);
                    self.held.push(resource);
                }
                Err(_) => self.recorder.complete(operation, Completion::Failed),
            }
        }
        self.handles.insert(key, opened?);
        opened
    }

    async fn put(&mut self, outgoing: Outgoing, scope: Scope) -> Result<(), CallFailed> {
        let Outgoing { to, payload, .. } = outgoing;
        let (reply_to_queue, reply_to_queue_manager) = match outgoing.reply_to {
            Some(Destination { queue, owner }) => (Some(queue), owner.map(QueueManagerName::from)),
            None => (None, None),
        };
        let descriptor = PutDescriptor {
            message_id: outgoing.id,
            correlation_id: outgoing.correlation,
            persistence: outgoing.quality.map(persistence),
            priority: outgoing.priority,
            expiry: outgoing.expiry,
            reply_to_queue,
            reply_to_queue_manager,
        };
        let syncpoint = syncpoint(scope);
        if let Some(owner) = to.owner {
            let owner = Some(QueueManagerName::from(owner));
            return self.connection.put1(to.queue, owner, syncpoint, descriptor, payload).await.map(drop);
        }
        match self.handle(&to.queue, OpenFor::Output).await {
            Ok(handle) => self.connection.put(handle, syncpoint, descriptor, payload).await.map(drop),
            Err(failed) => Err(CallFailed { fate: client::Fate::DidNotHappen, ..failed }),
        }
    }

    fn release_held(&mut self) {
        for resource in std::mem::take(&mut self.held) {
            self.recorder.release(resource);
        }
    }
}

impl Provider for MqClient {
    fn connect(&mut self) -> Pending<'_, Result<(), Failure>> {
        Box::pin(self.connect_once())
    }

    fn is_connected(&self) -> bool {
        self.connection.is_connected()
    }

    fn should_leave(&self) -> bool {
        self.connection.is_quiescing()
    }

    fn owner(&self) -> &str {
        self.queue_manager.as_str()
    }

    fn open<'a>(&'a mut self, queue: &'a QueueName, sharing: Sharing) -> Pending<'a, Result<(), Failure>> {
        Box::pin(async move { self.handle(queue, open_for(sharing)).await.map(drop).map_err(failure) })
    }

    fn send(&mut self, outgoing: Outgoing, scope: Scope) -> Pending<'_, Result<(), Failure>> {
        Box::pin(async move { self.put(outgoing, scope).await.map_err(failure) })
    }

    fn receive<'a>(
        &'a mut self,
        queue: &'a QueueName,
        sharing: Sharing,
        wait: Duration,
        selection: Selection,
        scope: Scope,
    ) -> Pending<'a, Result<Option<Received>, Failure>> {
        Box::pin(async move {
            let handle = self.handle(queue, open_for(sharing)).await.map_err(failure)?;
            let wait = if wait.is_zero() { Wait::No } else { Wait::For(wait) };
            let selection = match selection {
                Selection::Any => Match::Any,
                Selection::Id(id) => Match::MessageId(id),
                Selection::Correlation(id) => Match::CorrelationId(id),
            };
            found(self.connection.get(handle, syncpoint(scope), wait, selection).await)
        })
    }

    fn browse_and_lock<'a>(&'a mut self, queue: &'a QueueName) -> Pending<'a, Result<Option<Received>, Failure>> {
        Box::pin(async move {
            let handle = self.handle(queue, OpenFor::Browse).await.map_err(failure)?;
            found(self.connection.browse(handle, BrowsePosition::First, BrowseLock::Locked).await)
        })
    }

    fn commit(&mut self) -> Pending<'_, Result<(), Failure>> {
        Box::pin(async move { self.connection.commit().await.map_err(failure) })
    }

    fn back_out(&mut self) -> Pending<'_, Result<(), Failure>> {
        Box::pin(async move { self.connection.back_out().await.map_err(failure) })
    }

    fn begin(&mut self, xid: Xid) -> Pending<'_, Result<(), Failure>> {
        Box::pin(async move { self.connection.begin(xid).await.map_err(failure) })
    }

    fn prepare(&mut self, xid: Xid) -> Pending<'_, Result<(), Failure>> {
        Box::pin(async move { self.connection.prepare(xid).await.map_err(failure) })
    }

    fn resolve(&mut self, xid: Xid, outcome: Outcome) -> Pending<'_, Result<(), Failure>> {
        Box::pin(async move { self.connection.resolve(xid, outcome).await.map_err(failure) })
    }

    fn recover(&mut self, coordinator: String) -> Pending<'_, Result<Vec<Xid>, Failure>> {
        Box::pin(async move { self.connection.recover(coordinator).await.map_err(failure) })
    }

    fn operate<'a>(
        &'a mut self,
        command: &'a OperatorCommand,
        is_last_attempt: bool,
    ) -> Pending<'a, Result<Operated, Failure>> {
        Box::pin(async move {
            let MqClient { connection, queue_manager, shared, .. } = self;
            match operator::operate(connection, queue_manager, shared, command, is_last_attempt).await {
                Ok(true) => Ok(Operated::Done),
                Ok(false) => Ok(Operated::NotYet),
                // The member is active: its units of work are its own business.
                Err(failed) if failed.reason == Reason::QueueManagerActive => Ok(Operated::Refused),
                Err(failed) => Err(failure(failed)),
            }
        })
    }

    fn disconnect(&mut self) -> Pending<'_, ()> {
        Box::pin(async move {
            self.release_held();
            if self.connection.is_connected() && self.connection.disconnect().await.is_err() {
                self.connection.abandon();
            }
            self.handles.clear();
        })
    }

    fn abandon(&mut self) {
        self.connection.abandon();
        self.handles.clear();
        self.release_held();
    }

    fn take(&mut self, input: Input) {
        self.connection.take(input);
    }
}

fn open_for(sharing: Sharing) -> OpenFor {
    match sharing {
        Sharing::Shared => OpenFor::InputShared,
        Sharing::Exclusive => OpenFor::InputExclusive,
    }
}

fn syncpoint(scope: Scope) -> Syncpoint {
    match scope {
        Scope::Outside => Syncpoint::Outside,
        Scope::Within => Syncpoint::Within,
    }
}

/// A queue manager knows persistence and nothing finer.
fn persistence(quality: QualityOfService) -> Persistence {
    if quality.is_persistent() { Persistence::Persistent } else { Persistence::Nonpersistent }
}

/// 2033 says that there is no message, which is no failure.
fn found(result: Result<Message, CallFailed>) -> Result<Option<Received>, Failure> {
    match result {
        Ok(message) => Ok(Some(received(message))),
        Err(failed) if failed.reason == Reason::NoMessageAvailable => Ok(None),
        Err(failed) => Err(failure(failed)),
    }
}

fn received(message: Message) -> Received {
    let descriptor = message.descriptor;
    let owner = descriptor.reply_to_queue_manager.map(|name| name.to_string());
    Received {
        id: descriptor.message_id,
        correlation: descriptor.correlation_id,
        quality: QualityOfService::Persistence(descriptor.persistence),
        priority: descriptor.priority,
        backout_count: descriptor.backout_count,
        reply_to: descriptor.reply_to_queue.map(|queue| Destination { queue, owner }),
        payload: message.payload,
    }
}

fn failure(failed: CallFailed) -> Failure {
    let fate = match (failed.reason, failed.fate) {
        (Reason::BackedOut, client::Fate::DidNotHappen) => Fate::BackedOut,
        (_, client::Fate::DidNotHappen) => Fate::DidNotHappen,
        (_, client::Fate::Unknown) => Fate::Unknown,
    };
    let way_out = match failed.reason {
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
        | Reason::BackedOut => WayOut::Stay,
        // A quiescing queue manager is to be left; after anything else a fresh start is the way out.
        _ => WayOut::Leave,
    };
    Failure { reason: failed.reason.to_string(), fate, connection_lost: failed.connection_lost, way_out }
}
