//! One instance of a messaging engine, embedded in an application server.
//!
//! **In the product.** Every server of a cluster bus member has an instance of each of its engines; the HA manager
//! activates one of them. The active instance takes ownership of the message store, reads what is there, and serves
//! connections until it is stopped, moved or fails. Documented: IBM WebSphere Application Server, "Messaging engines",
//! "Service integration high availability".
//!
//! **Modelled.** The life of an instance ([`life_cycle`]); what it takes over from its store ([`restart`]); queue points
//! ([`queue_point`]); sends, receives, failed deliveries; local, acknowledged and two-phase work, each committed by one
//! write to the store ([`commitment`]); what is written because memory runs short ([`spilling`]); other engines of the bus
//! ([`remote`]). Nothing becomes visible or final before the store has it.
//!
//! **Left out.** Topics, temporary destinations, mediations, selectors.
mod calls;
mod commitment;
mod delivery;
mod discardable;
mod failed_delivery;
mod life_cycle;
mod queue_point;
mod remote;
mod restart;
mod sending;
mod session;
mod spilling;
mod stage;
#[cfg(test)]
mod tests;
mod transaction;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use delivery::Waiter;
use discardable::DiscardableBuffer;
use queue_point::QueuePoint;
use remote::{Point, Remote};
use session::Session;
use spilling::SpillWork;
use stage::Stage;
pub use stage::{EngineNotice, EngineState, Health};
use transaction::{Transaction, TransactionNumber};

use super::definition::{
    BusDefinition, DestinationDefinition, IncarnationUuid, MessagingEngineDefinition, system_exception_destination,
};
use super::frame::{BusCall, BusReply};
use super::store::{ItemId, MessageStore, Ticket};
use crate::frame::Frame;
use crate::machine::{ConnectionId, Effect, Effects, Input, Offered, TimerId};
use crate::name::{Address, DestinationName, MessagingEngineName, ProcessName};
use crate::time::Time;
use crate::unit_of_work::Xid;

/// One instance of a messaging engine.
///
/// The host hands it calls, frames and timers, executes the effects, and asks for [notices](Self::take_notices) after
/// each of them.
#[derive(Debug)]
pub struct MessagingEngine {
    definition: Arc<MessagingEngineDefinition>,
    bus: Arc<BusDefinition>,
    server: ProcessName,
    exception_destination: DestinationName,
    store: Box<dyn MessageStore>,
    timer: TimerId,
    /// When the timer is to run out, if it is set.
    timer_at: Option<Time>,
    stage: Stage,
    incarnation: Option<IncarnationUuid>,
    work: Work,
    notices: Vec<EngineNotice>,
    /// Other engines of the bus that run, and where.
    running: BTreeMap<MessagingEngineName, Address>,
}

/// Everything that an instance has in memory, and that ends with its serving.
#[derive(Debug, Default)]
struct Work {
    queue_points: BTreeMap<DestinationName, QueuePoint>,
    discardable: DiscardableBuffer,
    spill: SpillWork,
    sessions: BTreeMap<ConnectionId, Session>,
    transactions: BTreeMap<TransactionNumber, Transaction>,
    /// Global transactions by their coordinator's name.
    globals: BTreeMap<Xid, TransactionNumber>,
    /// Transactions that wait for the store.
    awaited: BTreeMap<Ticket, TransactionNumber>,
    /// Receives that wait for a message, in the order in which they came.
    waiting: BTreeMap<u64, Waiter>,
    /// Destinations on which a message has become available since waiting receives were last served.
    refreshed: BTreeSet<DestinationName>,
    remote: Remote,
    next_item: u64,
    next_message: u64,
    next_transaction: u64,
    next_waiter: u64,
    /// The upper half of the identifiers of messages that this instance takes in.
    message_id_base: u128,
}

impl MessagingEngine {
    /// How many timers an instance uses, from the first that it is given on. Those of its store are not among them.
    pub const TIMERS: u32 = 1;

    /// An instance that has not joined its HA group yet.
    #[must_use]
    pub fn new(
        definition: Arc<MessagingEngineDefinition>,
        bus: Arc<BusDefinition>,
        server: ProcessName,
        first_timer: TimerId,
        store: Box<dyn MessageStore>,
    ) -> Self {
        let exception_destination = system_exception_destination(&definition.name);
        MessagingEngine {
            definition,
            bus,
            server,
            exception_destination,
            store,
            timer: first_timer,
            timer_at: None,
            stage: Stage::Joining,
            incarnation: None,
            work: Work::default(),
            notices: Vec::new(),
            running: BTreeMap::new(),
        }
    }

    /// Its engine's name.
    #[must_use]
    pub fn name(&self) -> &MessagingEngineName {
        &self.definition.name
    }

    /// The server that hosts it.
    #[must_use]
    pub fn server(&self) -> &ProcessName {
        &self.server
    }

    /// The start that it is in, or was in last (`INC_UUID`).
    #[must_use]
    pub fn incarnation(&self) -> Option<&IncarnationUuid> {
        self.incarnation.as_ref()
    }

    /// What the host is to be told since it last asked.
    pub fn take_notices(&mut self) -> Vec<EngineNotice> {
        core::mem::take(&mut self.notices)
    }

    /// Offers an input of the process: frames on the store's connections, the engine's and the store's timers. Calls of
    /// clients come by [`call`](Self::call).
    pub fn offer(&mut self, now: Time, input: Input, effects: &mut Effects) -> Offered {
        if input == (Input::Timer { timer: self.timer }) {
            self.timer_at = None;
            self.timer_ran_out(now, effects);
            self.settle(now, effects);
            return Offered::Taken;
        }
        let Some(input) = self.offer_link(now, input, effects) else {
            self.settle(now, effects);
            return Offered::Taken;
        };
        match self.store.offer(now, input, effects) {
            Offered::Taken => {
                self.settle(now, effects);
                Offered::Taken
            }
            Offered::Declined(input) => Offered::Declined(input),
        }
    }

    /// A client wants a connection to this engine; the answer goes to it.
    pub fn accept(&mut self, now: Time, connection: ConnectionId, application: String, effects: &mut Effects) {
        self.begin_session(connection, application, effects);
        self.settle(now, effects);
    }

    /// A client that has a connection to this engine calls it.
    pub fn call(&mut self, now: Time, connection: ConnectionId, call: BusCall, effects: &mut Effects) {
        self.dispatch(now, connection, call, effects);
        self.settle(now, effects);
    }

    /// The connection of a client has ended, however it did.
    pub fn connection_gone(&mut self, now: Time, connection: ConnectionId, effects: &mut Effects) {
        self.peer_gone(now, connection, effects);
        self.end_session(now, connection, effects);
        self.settle(now, effects);
    }

    /// Whether this client has a connection to this engine.
    #[must_use]
    pub fn is_connected(&self, connection: ConnectionId) -> bool {
        self.work.sessions.contains_key(&connection)
    }

    /// Does everything that has become possible, and sets the timer for what is possible later.
    fn settle(&mut self, now: Time, effects: &mut Effects) {
        loop {
            let events = self.store.take_events();
            let mut has_moved = !events.is_empty();
            for event in events {
                self.store_event(now, event, effects);
            }
            has_moved |= self.serve_waiting(now, effects);
            has_moved |= self.end_quiesce(now, effects);
            if !has_moved {
                break;
            }
        }
        self.spill(now, effects);
        let due = self.next_due();
        if due != self.timer_at {
            effects.push(match due {
                Some(at) => Effect::SetTimer { timer: self.timer, at },
                None => Effect::CancelTimer { timer: self.timer },
            });
            self.timer_at = due;
        }
    }

    fn next_due(&self) -> Option<Time> {
        let stage = self.stage.due();
        let waiting = self.work.waiting.values().map(|waiter| waiter.deadline).filter(|&at| at != Time::NEVER);
        let blocked = self.work.queue_points.values().filter_map(QueuePoint::next_retry);
        waiting.chain(blocked).chain(stage).chain(self.next_attempt()).chain(self.next_wanted()).min()
    }

    fn timer_ran_out(&mut self, now: Time, effects: &mut Effects) {
        self.stage_due(now, effects);
        self.tend_links(now, effects);
        for (destination, queue_point) in &mut self.work.queue_points {
            if queue_point.offer_blocked(now) {
                self.work.refreshed.insert(destination.clone());
            }
        }
        // A message that has come in the meantime goes to a receive whose time is just over.
        self.serve_waiting(now, effects);
        self.end_waiting(now, effects);
        self.end_wanted(now, effects);
    }

    /// Tells a client, if it is still there.
    fn reply(&self, connection: ConnectionId, reply: BusReply, effects: &mut Effects) {
        if self.is_connected(connection) {
            effects.send(connection, Frame::BusReply(Box::new(reply)));
        }
    }

    /// The definition of a destination that has one. Exception destinations of engines have none.
    fn destination(&self, destination: &DestinationName) -> Option<&DestinationDefinition> {
        self.bus.destinations.get(destination)
    }

    /// Whether this engine has a queue point of a destination.
    fn has_queue_point(&self, destination: &DestinationName) -> bool {
        *destination == self.exception_destination
            || self.destination(destination).is_some_and(|it| it.queue_points.contains(&self.definition.name))
    }

    /// What a name in the message store stands for.
    fn point(&self, name: &DestinationName) -> Point {
        if *name == self.exception_destination { Point::Queue } else { Point::parse(name, &self.bus) }
    }

    /// The queue point of a destination, empty if nothing was ever on it.
    fn queue_point(&mut self, destination: &DestinationName) -> &mut QueuePoint {
        self.work.queue_points.entry(destination.clone()).or_default()
    }

    fn next_item(&mut self) -> ItemId {
        let item = ItemId(self.work.next_item);
        self.work.next_item += 1;
        item
    }
}
