//! An engine over a store that does what a test tells it to, in a world that can stop between any two effects.

mod crashes;
mod deliveries;
mod fake_store;
mod life_cycle;
mod queue_points;
mod remote;
mod spilling;
mod transactions;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use fake_store::{FakeStore, MEDIUM, NUDGE, Shelf};

use super::{EngineNotice, MessagingEngine};
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{ConnectionId, Effect, Effects, ForceId, Input, Offered, StopMode, TimerId};
use crate::message::{CorrelationId, Payload, Priority};
use crate::messaging_engine::definition::{
    BusDefinition, DestinationDefinition, EngineUuid, ExceptionDestination, IncarnationUuid, InitialState,
    MessagingEngineDefinition, SpillLimits, WasLevel,
};
use crate::messaging_engine::frame::{
    BusCall, BusReason, BusReply, InspectedMessage, MessageState, OutgoingMessage, Scope, Selection,
};
use crate::messaging_engine::reliability::Reliability;
use crate::messaging_engine::store::{StoreEvent, StoreFailure};
use crate::name::{BusName, DestinationName, ProcessName};
use crate::step::Step;
use crate::time::{Duration, Time};
use crate::unit_of_work::{Outcome, Xid};

const ME: &str = "cluster1.000-BUS";
const QUEUE: &str = "Q";
const OTHER: &str = "Q2";
const ONE: ConnectionId = ConnectionId(101);
const TWO: ConnectionId = ConnectionId(102);
const QUIESCE: Duration = Duration::from_secs(20);

/// One host with the active instance, until it crashes.
struct World {
    engine: MessagingEngine,
    shelf: Arc<Mutex<Shelf>>,
    now: Time,
    effects: Effects,
    sent: Vec<(ConnectionId, BusReply)>,
    closed: BTreeSet<ConnectionId>,
    events: Vec<Event>,
    steps: Vec<Step>,
    notices: Vec<EngineNotice>,
    timer: Option<Time>,
    forced: VecDeque<ForceId>,
    /// A slow store: what is forced is told only on [`World::release`].
    hold: bool,
    /// How many more effects are executed before the process is killed.
    budget: Option<usize>,
    crashed: bool,
    instance: u32,
    bus: Arc<BusDefinition>,
}

fn engine_definition(initial_state: InitialState) -> Arc<MessagingEngineDefinition> {
    Arc::new(MessagingEngineDefinition {
        name: ME.into(),
        uuid: EngineUuid("E1".to_owned()),
        initial_state,
        was_level: WasLevel::V9,
        quiesce_time: QUIESCE,
        reconcile_time: Duration::from_secs(1),
        spill_limits: SpillLimits::default(),
        connection_retry: MessagingEngineDefinition::DEFAULT_CONNECTION_RETRY,
    })
}

fn bus(change: impl FnOnce(&mut DestinationDefinition)) -> BusDefinition {
    let mut queue = DestinationDefinition { queue_points: vec![ME.into()], ..DestinationDefinition::default() };
    let other = queue.clone();
    change(&mut queue);
    let elsewhere =
        DestinationDefinition { queue_points: vec!["elsewhere".into()], ..DestinationDefinition::default() };
    BusDefinition {
        name: BusName::from("BUS"),
        destinations: [(QUEUE.into(), queue), (OTHER.into(), other), ("ELSEWHERE".into(), elsewhere)].into(),
        engines: vec![ME.into(), "elsewhere".into()],
    }
}

impl World {
    /// An instance that is on standby.
    fn standby(bus: BusDefinition, shelf: Arc<Mutex<Shelf>>, instance: u32, initial_state: InitialState) -> World {
        let bus = Arc::new(bus);
        let store = Box::new(FakeStore::new(Arc::clone(&shelf)));
        let definition = engine_definition(initial_state);
        let server = ProcessName::from("server1");
        let engine = MessagingEngine::new(definition, Arc::clone(&bus), server, TimerId(7), store);
        let mut world = World {
            engine,
            shelf,
            now: Time::from_nanoseconds(u64::from(instance) * 1_000_000_000_000),
            effects: Effects::new(),
            sent: Vec::new(),
            closed: BTreeSet::new(),
            events: Vec::new(),
            steps: Vec::new(),
            notices: Vec::new(),
            timer: None,
            forced: VecDeque::new(),
            hold: false,
            budget: None,
            crashed: false,
            instance,
            bus,
        };
        world.run(|engine, _, effects| engine.joined(effects));
        world
    }

    /// A started engine with an empty store and two connected clients.
    fn started_with(change: impl FnOnce(&mut DestinationDefinition)) -> World {
        let mut world = World::standby(bus(change), Arc::default(), 1, InitialState::Started);
        world.start();
        world
    }

    fn started() -> World {
        World::started_with(|_| {})
    }

    fn start(&mut self) {
        self.activate();
        self.advance(Duration::from_secs(1));
        for connection in [ONE, TWO] {
            self.run(|engine, now, effects| engine.accept(now, connection, "application".to_owned(), effects));
            assert_eq!(self.reply(connection), Some(BusReply::Connected { engine: ME.into() }));
        }
    }

    fn activate(&mut self) {
        let incarnation = IncarnationUuid(format!("I{}", self.instance));
        self.run(|engine, now, effects| engine.activate(now, incarnation, effects));
    }

    /// The server dies where it stands; another one takes over.
    fn fail_over(self) -> World {
        let mut next =
            World::standby((*self.bus).clone(), Arc::clone(&self.shelf), self.instance + 1, InitialState::Started);
        next.start();
        next
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap()
    }

    fn run(&mut self, act: impl FnOnce(&mut MessagingEngine, Time, &mut Effects)) {
        if self.crashed {
            return;
        }
        act(&mut self.engine, self.now, &mut self.effects);
        self.execute();
    }

    fn execute(&mut self) {
        loop {
            self.notices.append(&mut self.engine.take_notices());
            let effects: Vec<Effect> = self.effects.drain().collect();
            for effect in effects {
                if let Some(left) = &mut self.budget {
                    if *left == 0 {
                        self.crashed = true;
                        return;
                    }
                    *left -= 1;
                }
                self.perform(effect);
            }
            if self.hold {
                return;
            }
            let Some(request) = self.forced.pop_front() else { return };
            let input = Input::Forced { file: MEDIUM, request };
            assert_eq!(self.engine.offer(self.now, input, &mut self.effects), Offered::Taken);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Send { connection, frame: Frame::BusReply(reply) } => self.sent.push((connection, *reply)),
            Effect::Close { connection } => {
                self.closed.insert(connection);
            }
            Effect::SetTimer { timer: TimerId(7), at } => self.timer = Some(at),
            Effect::CancelTimer { timer: TimerId(7) } => self.timer = None,
            Effect::Append { file: MEDIUM, bytes } => {
                self.shelf().apply(u64::from_le_bytes(bytes.try_into().unwrap()));
            }
            Effect::Force { file: MEDIUM, request } => self.forced.push_back(request),
            Effect::Report(event) => self.events.push(event),
            Effect::Step(step) => self.steps.push(step),
            other => panic!("an engine has no use for {other:?}"),
        }
    }

    /// The slow store gets on with it.
    fn release(&mut self) {
        self.hold = false;
        if !self.crashed {
            self.execute();
        }
    }

    fn store_says(&mut self, event: StoreEvent) {
        self.shelf().injected.push(event);
        self.run(|engine, now, effects| {
            assert_eq!(engine.offer(now, NUDGE, effects), Offered::Taken);
        });
    }

    fn advance(&mut self, by: Duration) {
        let until = self.now + by;
        while let Some(at) = self.timer.filter(|&at| at <= until && !self.crashed) {
            self.now = at.max(self.now);
            self.timer = None;
            self.run(|engine, now, effects| {
                assert_eq!(engine.offer(now, Input::Timer { timer: TimerId(7) }, effects), Offered::Taken);
            });
        }
        self.now = until;
    }

    fn reply(&mut self, connection: ConnectionId) -> Option<BusReply> {
        let at = self.sent.iter().position(|(to, _)| *to == connection)?;
        Some(self.sent.remove(at).1)
    }

    fn call(&mut self, connection: ConnectionId, call: BusCall) -> Option<BusReply> {
        self.run(|engine, now, effects| engine.call(now, connection, call, effects));
        if self.crashed && self.sent.iter().all(|(to, _)| *to != connection) {
            return None;
        }
        self.reply(connection)
    }

    fn done(&mut self, connection: ConnectionId, call: BusCall) {
        assert_eq!(self.call(connection, call), Some(BusReply::Done));
    }

    fn send(&mut self, connection: ConnectionId, identity: u64, scope: Scope) {
        let reply = self.call(connection, send(QUEUE, identity, scope));
        assert!(matches!(reply, Some(BusReply::Sent { .. })), "{reply:?}");
    }

    fn receive(&mut self, connection: ConnectionId, scope: Scope) -> Option<u64> {
        match self.call(connection, receive(scope, Duration::ZERO)) {
            Some(BusReply::Received { message }) => Some(message.payload.identity),
            Some(BusReply::Failed(BusReason::NoMessage)) => None,
            other => panic!("{other:?}"),
        }
    }

    fn gone(&mut self, connection: ConnectionId) {
        self.run(|engine, now, effects| engine.connection_gone(now, connection, effects));
    }

    fn stop(&mut self, mode: StopMode) {
        self.run(|engine, now, effects| engine.stop(now, mode, effects));
    }

    fn deactivate(&mut self, mode: StopMode) {
        self.run(|engine, now, effects| engine.deactivate(now, mode, effects));
    }

    fn inspect(&mut self) -> (Vec<InspectedMessage>, Vec<Xid>) {
        match self.call(TWO, BusCall::Inspect) {
            Some(BusReply::Inspected { messages, indoubt }) => (messages, indoubt),
            other => panic!("{other:?}"),
        }
    }

    /// What is on the queue points: payload and state.
    fn states(&mut self) -> Vec<(u64, MessageState)> {
        self.inspect().0.into_iter().map(|it| (it.message.payload.identity, it.state)).collect()
    }

    /// Payloads on the queue point of a destination.
    fn on(&mut self, destination: &str) -> Vec<u64> {
        let (messages, _) = self.inspect();
        let here = messages.into_iter().filter(|it| it.destination.as_str() == destination);
        here.map(|it| it.message.payload.identity).collect()
    }

    fn has_event(&self, name: &str) -> bool {
        self.events.iter().any(|event| event.name() == name)
    }
}

fn message(identity: u64) -> OutgoingMessage {
    OutgoingMessage {
        correlation_id: CorrelationId(u128::from(identity)),
        reliability: None,
        priority: None,
        expiry: None,
        reply_to: None,
        payload: Payload { identity, length: 100, digest: 0 },
    }
}

fn send(destination: &str, identity: u64, scope: Scope) -> BusCall {
    BusCall::Send { destination: destination.into(), message: message(identity), scope, one_way: false }
}

fn send_with(identity: u64, reliability: Reliability, one_way: bool) -> BusCall {
    let message = OutgoingMessage { reliability: Some(reliability), ..message(identity) };
    BusCall::Send { destination: QUEUE.into(), message, scope: Scope::Automatic, one_way }
}

fn receive(scope: Scope, wait: Duration) -> BusCall {
    BusCall::Receive { destination: QUEUE.into(), selection: Selection::Any, wait, scope }
}

fn xid(number: u64) -> Xid {
    Xid { coordinator: "server9".to_owned(), number }
}
