//! A queue manager for tests: does what it is told, at once, with no rule of the product beyond what a client sees.
//!
//! Its store outlives the process, so that a test can kill it; what was not committed is backed out when its connection
//! breaks or its process starts again. It can be told to fail at a certain call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use indoubt_engine::frame::Frame;
use indoubt_engine::machine::{ConnectionId, Effect, Effects, Incarnation, Input, Machine, Silence, TimerId};
use indoubt_engine::message::{Message, MessageDescriptor, MessageId, Payload, Persistence};
use indoubt_engine::mqi::{
    BrowsePosition, Command, IndoubtThread, Match, MqiAnswer, MqiCall, MqiReply, ObjectHandle, OpenFor, PutDescriptor,
    QueueStatus, Reason, Syncpoint, Wait,
};
use indoubt_engine::name::{Address, QueueManagerName, QueueName};
use indoubt_engine::time::{Duration, Time};
use indoubt_engine::unit_of_work::{Disposition, Outcome, UnitOfWorkId, Xid};

/// Which call is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Put,
    Get,
    Commit,
    Prepare,
    Resolve,
    Other,
}

/// What happens to it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mishap {
    /// The call is carried out, the connection breaks before the answer.
    BreakAfter,
    /// The connection breaks, the call is not carried out.
    BreakBefore,
    /// The call is refused.
    Refuse(Reason),
}

#[derive(Debug, Default)]
struct Unit {
    puts: Vec<(QueueName, Message)>,
    gets: Vec<(QueueName, Message)>,
}

/// What the queue managers of a test hold; shared by all of them, as the queues of a group are.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) queues: BTreeMap<QueueName, Vec<Message>>,
    in_doubt: BTreeMap<Xid, Unit>,
    /// The n-th call of a kind (from 1) meets this.
    pub(super) mishaps: BTreeMap<(Kind, u32), Mishap>,
    pub(super) calls: BTreeMap<Kind, u32>,
    pub(super) resolved: Vec<(Xid, Outcome)>,
    pub(super) connects: Vec<QueueManagerName>,
    next_message: u128,
}

impl Store {
    pub(super) fn identities(&self, queue: &str) -> Vec<u64> {
        let messages = self.queues.get(&QueueName::from(queue)).into_iter().flatten();
        messages.map(|message| message.payload.identity).collect()
    }

    pub(super) fn in_doubt(&self) -> usize {
        self.in_doubt.len()
    }

    fn end(&mut self, unit: Unit, outcome: Outcome) {
        let back = match outcome {
            Outcome::Commit => unit.puts,
            Outcome::Backout => {
                let counted = unit.gets.into_iter().map(|(queue, mut message)| {
                    message.descriptor.backout_count += 1;
                    (queue, message)
                });
                counted.collect()
            }
        };
        for (queue, message) in back {
            self.queues.entry(queue).or_default().push(message);
        }
    }
}

#[derive(Debug, Default)]
struct Client {
    handles: Vec<QueueName>,
    cursors: BTreeMap<ObjectHandle, usize>,
    unit: Unit,
    xid: Option<Xid>,
    waiting: Option<(QueueName, Match, Syncpoint, Time)>,
}

/// The process.
pub(super) struct FakeQueueManager {
    name: QueueManagerName,
    listeners: Vec<Address>,
    store: Arc<Mutex<Store>>,
    clients: BTreeMap<ConnectionId, Client>,
}

const POLL: Duration = Duration::from_millis(5);

impl FakeQueueManager {
    pub(super) fn new(name: &str, listeners: &[&str], store: Arc<Mutex<Store>>) -> Self {
        let listeners = listeners.iter().map(|address| Address::from(*address)).collect();
        FakeQueueManager { name: name.into(), listeners, store, clients: BTreeMap::new() }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap()
    }

    fn called(&mut self, now: Time, connection: ConnectionId, call: MqiCall, effects: &mut Effects) {
        let kind = kind(&call);
        let mishap = {
            let mut store = self.store();
            let count = store.calls.entry(kind).or_default();
            *count += 1;
            let nth = *count;
            store.mishaps.remove(&(kind, nth))
        };
        let reply = match mishap {
            Some(Mishap::Refuse(reason)) => {
                if reason == Reason::BackedOut {
                    let unit = self.clients.get_mut(&connection).map(|client| {
                        client.xid = None;
                        std::mem::take(&mut client.unit)
                    });
                    self.store().end(unit.unwrap_or_default(), Outcome::Backout);
                }
                Some(MqiReply::Failed(reason))
            }
            Some(Mishap::BreakBefore) => {
                self.lost(connection);
                return effects.push(Effect::Close { connection });
            }
            Some(Mishap::BreakAfter) => {
                let _ = self.carry_out(now, connection, call);
                self.lost(connection);
                return effects.push(Effect::Close { connection });
            }
            None => self.carry_out(now, connection, call),
        };
        match reply {
            Some(reply) => effects.send(connection, Frame::MqiReply(Box::new(reply))),
            None => effects.push(Effect::SetTimer { timer: TimerId(connection.0), at: now + POLL }),
        }
    }

    fn lost(&mut self, connection: ConnectionId) {
        if let Some(client) = self.clients.remove(&connection) {
            self.store().end(client.unit, Outcome::Backout);
        }
    }

    /// `None`: the answer comes later.
    fn carry_out(&mut self, now: Time, connection: ConnectionId, call: MqiCall) -> Option<MqiReply> {
        let mut client = self.clients.remove(&connection).unwrap_or_default();
        let reply = self.answer(now, &mut client, call);
        self.clients.insert(connection, client);
        reply
    }

    fn answer(&mut self, now: Time, client: &mut Client, call: MqiCall) -> Option<MqiReply> {
        let answer = match call {
            MqiCall::Connect(_) => {
                self.store().connects.push(self.name.clone());
                MqiAnswer::Connected { queue_manager: self.name.clone(), incarnation: Incarnation(1) }
            }
            MqiCall::Open { queue, open_for, .. } => {
                let handle = ObjectHandle(u32::try_from(client.handles.len()).unwrap());
                client.handles.push(queue);
                if open_for == OpenFor::Browse {
                    client.cursors.insert(handle, 0);
                }
                MqiAnswer::Opened { handle }
            }
            MqiCall::Put { handle, syncpoint, descriptor, payload } => {
                let queue = client.handles[handle.0 as usize].clone();
                self.put(client, queue, syncpoint, descriptor, payload)
            }
            MqiCall::Put1 { queue, syncpoint, descriptor, payload, .. } => {
                self.put(client, queue, syncpoint, descriptor, payload)
            }
            MqiCall::Get { handle, syncpoint, wait, selection } => {
                let until = match wait {
                    Wait::No => now,
                    Wait::For(interval) => now + interval,
                    Wait::Unlimited => Time::NEVER,
                };
                client.waiting = Some((client.handles[handle.0 as usize].clone(), selection, syncpoint, until));
                return self.try_get(now, client);
            }
            MqiCall::Browse { handle, position, .. } => return Some(self.browse(client, handle, position)),
            MqiCall::Commit | MqiCall::Disconnect => {
                let unit = std::mem::take(&mut client.unit);
                self.store().end(unit, Outcome::Commit);
                MqiAnswer::Done
            }
            MqiCall::Backout => {
                client.xid = None;
                let unit = std::mem::take(&mut client.unit);
                self.store().end(unit, Outcome::Backout);
                MqiAnswer::Done
            }
            MqiCall::Begin { xid } => {
                assert_eq!(client.xid.replace(xid), None, "one transaction at a time");
                MqiAnswer::Done
            }
            MqiCall::Prepare { xid } => {
                assert_eq!(client.xid.take(), Some(xid.clone()));
                let unit = std::mem::take(&mut client.unit);
                self.store().in_doubt.insert(xid, unit);
                MqiAnswer::Done
            }
            MqiCall::Resolve { xid, outcome } => {
                let mut store = self.store();
                let Some(unit) = store.in_doubt.remove(&xid) else {
                    return Some(MqiReply::Failed(Reason::UnitOfWorkNotAvailable));
                };
                store.end(unit, outcome);
                store.resolved.push((xid, outcome));
                MqiAnswer::Done
            }
            MqiCall::Recover { coordinator } => {
                let store = self.store();
                let mine = store.in_doubt.keys().filter(|xid| xid.coordinator == coordinator);
                MqiAnswer::Indoubt { xids: mine.cloned().collect() }
            }
            MqiCall::Close { .. } => MqiAnswer::Done,
            MqiCall::Command(command) => self.command(command),
        };
        Some(MqiReply::Ok(answer))
    }

    fn command(&mut self, command: Command) -> MqiAnswer {
        let name = self.name.clone();
        let id = |number| UnitOfWorkId { queue_manager: name.clone(), incarnation: Incarnation(1), sequence: number };
        let mut store = self.store();
        match command {
            Command::DisplayIndoubt { .. } => MqiAnswer::Threads {
                threads: store
                    .in_doubt
                    .keys()
                    .map(|xid| IndoubtThread {
                        unit_of_work: id(xid.number),
                        xid: Some(xid.clone()),
                        disposition: Disposition::Group,
                    })
                    .collect(),
            },
            Command::ResolveIndoubt { unit_of_work, outcome, .. } => {
                let xid = store.in_doubt.keys().find(|xid| xid.number == unit_of_work.sequence).cloned().unwrap();
                let unit = store.in_doubt.remove(&xid).unwrap();
                store.end(unit, outcome);
                store.resolved.push((xid, outcome));
                MqiAnswer::Done
            }
            Command::DisplayQueues => MqiAnswer::Queues {
                queues: store
                    .queues
                    .iter()
                    .map(|(queue, messages)| QueueStatus {
                        queue: queue.clone(),
                        current_depth: u32::try_from(messages.len()).unwrap(),
                        uncommitted: 0,
                    })
                    .collect(),
            },
            Command::StopQueueManager(_) => MqiAnswer::Done,
        }
    }

    fn put(
        &mut self,
        client: &mut Client,
        queue: QueueName,
        syncpoint: Syncpoint,
        descriptor: PutDescriptor,
        payload: Payload,
    ) -> MqiAnswer {
        let name = self.name.clone();
        let mut store = self.store();
        store.next_message += 1;
        let message_id = descriptor.message_id.unwrap_or(MessageId(store.next_message));
        let descriptor = MessageDescriptor {
            message_id,
            correlation_id: descriptor.correlation_id,
            persistence: descriptor.persistence.unwrap_or(Persistence::Nonpersistent),
            priority: descriptor.priority.unwrap_or_default(),
            expires: None,
            reply_to_queue_manager: descriptor.reply_to_queue_manager.or(Some(name)),
            reply_to_queue: descriptor.reply_to_queue,
            backout_count: 0,
            put_time: Time::START,
        };
        let message = Message { descriptor, payload };
        match syncpoint {
            Syncpoint::Within => client.unit.puts.push((queue, message)),
            Syncpoint::Outside => store.queues.entry(queue).or_default().push(message),
        }
        MqiAnswer::Put { message_id }
    }

    fn try_get(&mut self, now: Time, client: &mut Client) -> Option<MqiReply> {
        let (queue, selection, syncpoint, until) = client.waiting.clone()?;
        let mut store = self.store();
        let messages = store.queues.entry(queue.clone()).or_default();
        let wanted = messages.iter().position(|message| match selection {
            Match::Any => true,
            Match::MessageId(id) => message.descriptor.message_id == id,
            Match::CorrelationId(id) => message.descriptor.correlation_id == id,
        });
        match wanted {
            Some(position) => {
                let message = messages.remove(position);
                client.waiting = None;
                if syncpoint == Syncpoint::Within {
                    client.unit.gets.push((queue, message.clone()));
                }
                Some(MqiReply::Ok(MqiAnswer::Got { message }))
            }
            None if until <= now => {
                client.waiting = None;
                Some(MqiReply::Failed(Reason::NoMessageAvailable))
            }
            None => None,
        }
    }

    fn browse(&mut self, client: &mut Client, handle: ObjectHandle, position: BrowsePosition) -> MqiReply {
        let cursor = client.cursors.entry(handle).or_default();
        if position == BrowsePosition::First {
            *cursor = 0;
        }
        let store = self.store();
        let messages = store.queues.get(&client.handles[handle.0 as usize]);
        match messages.and_then(|messages| messages.get(*cursor)) {
            Some(message) => {
                *cursor += 1;
                MqiReply::Ok(MqiAnswer::Got { message: message.clone() })
            }
            None => MqiReply::Failed(Reason::NoMessageAvailable),
        }
    }
}

impl Machine for FakeQueueManager {
    fn handle(&mut self, now: Time, input: Input, effects: &mut Effects) {
        match input {
            Input::Started { .. } => {
                for address in &self.listeners {
                    let silence = Silence::Prompt { timeout: Duration::from_secs(30) };
                    effects.push(Effect::Listen { address: address.clone(), silence });
                }
            }
            Input::Frame { connection, frame: Frame::MqiCall(call) } => self.called(now, connection, *call, effects),
            Input::Broken { connection, .. } => self.lost(connection),
            Input::Timer { timer } => {
                let connection = ConnectionId(timer.0);
                let Some(mut client) = self.clients.remove(&connection) else { return };
                let reply = self.try_get(now, &mut client);
                let waits = client.waiting.is_some();
                self.clients.insert(connection, client);
                match reply {
                    Some(reply) => effects.send(connection, Frame::MqiReply(Box::new(reply))),
                    None if waits => effects.push(Effect::SetTimer { timer, at: now + POLL }),
                    None => {}
                }
            }
            _ => {}
        }
    }
}

impl Drop for FakeQueueManager {
    /// The process has ended, however: what was not committed is backed out.
    fn drop(&mut self) {
        let clients = std::mem::take(&mut self.clients);
        for client in clients.into_values() {
            if let Ok(mut store) = self.store.lock() {
                store.end(client.unit, Outcome::Backout);
            }
        }
    }
}

fn kind(call: &MqiCall) -> Kind {
    match call {
        MqiCall::Put { .. } | MqiCall::Put1 { .. } => Kind::Put,
        MqiCall::Get { .. } => Kind::Get,
        MqiCall::Commit => Kind::Commit,
        MqiCall::Prepare { .. } => Kind::Prepare,
        MqiCall::Resolve { .. } => Kind::Resolve,
        _ => Kind::Other,
    }
}
