//! Several engines and the connections between them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use super::super::super::{EngineState, MessagingEngine};
use super::super::fake_store::{FakeStore, MEDIUM, Shelf};
use super::super::{QUIESCE, message};
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{Broken, ConnectionId, Effect, Effects, Input, Offered, Refused, StopMode, TimerId};
use crate::messaging_engine::definition::{
    BusDefinition, DestinationDefinition, EngineUuid, IncarnationUuid, InitialState, MessagingEngineDefinition,
    SpillLimits, WasLevel,
};
use crate::messaging_engine::engine_frame::EngineFrame;
use crate::messaging_engine::frame::{
    BusCall, BusReason, BusReply, InspectedMessage, MessageState, OutgoingMessage, Scope, Selection,
};
use crate::messaging_engine::reliability::Reliability;
use crate::name::{Address, BusName, MessagingEngineName, ProcessName};
use crate::time::{Duration, Time};

/// The queue point of this queue is on engine B.
pub(super) const AT_B: &str = "AT.B";
/// This one is on engine C.
pub(super) const AT_C: &str = "AT.C";
/// This one has queue points on A and B.
pub(super) const AT_A_AND_B: &str = "AT.A.AND.B";
/// This one has queue points on B and C.
pub(super) const AT_B_AND_C: &str = "AT.B.AND.C";

/// Engines by place.
pub(super) const A: usize = 0;
pub(super) const B: usize = 1;
pub(super) const C: usize = 2;
const NAMES: [&str; 3] = ["A", "B", "C"];

/// Clients' connections.
pub(super) const ONE: ConnectionId = ConnectionId(100_001);
pub(super) const TWO: ConnectionId = ConnectionId(100_002);

/// Not the default.
pub(super) const CONNECTION_RETRY: Duration = Duration::from_secs(20);

struct Node {
    engine: MessagingEngine,
    shelf: Arc<Mutex<Shelf>>,
    effects: Effects,
    timer: Option<Time>,
    life: u32,
    is_up: bool,
    sent: Vec<(ConnectionId, BusReply)>,
}

/// An end of a connection.
type End = (usize, ConnectionId);

pub(super) struct Net {
    nodes: Vec<Node>,
    bus: Arc<BusDefinition>,
    now: Time,
    /// Both directions of each connection.
    pairs: BTreeMap<End, End>,
    on_the_way: VecDeque<(usize, u32, Input)>,
    pub(super) events: Vec<Event>,
    /// Who is killed after how many more effects.
    pub(super) doomed: Option<(usize, usize)>,
    pub(super) struck: bool,
}

fn bus(change: impl FnOnce(&mut DestinationDefinition)) -> BusDefinition {
    let queue = |engines: &[&str]| DestinationDefinition {
        queue_points: engines.iter().map(|&engine| engine.into()).collect(),
        ..DestinationDefinition::default()
    };
    let mut at_b = queue(&["B"]);
    change(&mut at_b);
    BusDefinition {
        name: BusName::from("BUS"),
        destinations: [
            (AT_B.into(), at_b),
            (AT_C.into(), queue(&["C"])),
            (AT_A_AND_B.into(), DestinationDefinition { high_message_threshold: 4, ..queue(&["A", "B"]) }),
            (AT_B_AND_C.into(), queue(&["B", "C"])),
        ]
        .into(),
        engines: NAMES.iter().map(|&name| name.into()).collect(),
    }
}

fn instance(place: usize, bus: &Arc<BusDefinition>, shelf: &Arc<Mutex<Shelf>>) -> MessagingEngine {
    let definition = MessagingEngineDefinition {
        name: NAMES[place].into(),
        uuid: EngineUuid(NAMES[place].to_owned()),
        initial_state: InitialState::Started,
        was_level: WasLevel::V9,
        quiesce_time: QUIESCE,
        reconcile_time: Duration::ZERO,
        spill_limits: SpillLimits::default(),
        connection_retry: CONNECTION_RETRY,
    };
    let store = Box::new(FakeStore::new(Arc::clone(shelf)));
    MessagingEngine::new(Arc::new(definition), Arc::clone(bus), ProcessName::from("server"), TimerId(7), store)
}

impl Net {
    /// All three engines are started and connected.
    pub(super) fn started_with(change: impl FnOnce(&mut DestinationDefinition)) -> Net {
        let bus = Arc::new(bus(change));
        let node = |place| {
            let shelf = Arc::default();
            Node {
                engine: instance(place, &bus, &shelf),
                shelf,
                effects: Effects::new(),
                timer: None,
                life: 0,
                is_up: false,
                sent: Vec::new(),
            }
        };
        let mut net = Net {
            nodes: (0..NAMES.len()).map(node).collect(),
            bus: bus.clone(),
            now: Time::from_nanoseconds(1_000_000_000),
            pairs: BTreeMap::new(),
            on_the_way: VecDeque::new(),
            events: Vec::new(),
            doomed: None,
            struck: false,
        };
        (0..NAMES.len()).for_each(|place| net.start(place));
        net
    }

    pub(super) fn started() -> Net {
        Net::started_with(|_| {})
    }

    /// A new instance starts, with two clients.
    pub(super) fn start(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        node.engine = instance(place, &self.bus, &node.shelf);
        node.life += 1;
        node.is_up = true;
        node.timer = None;
        let incarnation = IncarnationUuid(format!("{}{}", NAMES[place], node.life));
        self.act(place, |engine, now, effects| {
            engine.joined(effects);
            engine.activate(now, incarnation, effects);
        });
        self.settle();
        for connection in [ONE, TWO] {
            self.act(place, |engine, now, effects| engine.accept(now, connection, "application".to_owned(), effects));
            assert!(matches!(self.reply(place, connection), Some(BusReply::Connected { .. })));
        }
        self.post();
        self.settle();
    }

    /// Tells every engine which run.
    fn post(&mut self) {
        let is_started = |node: &Node| node.is_up && node.engine.state() == EngineState::Started;
        let running = self.nodes.iter().filter(|node| is_started(node));
        let engines: BTreeMap<MessagingEngineName, Address> =
            running.map(|node| (node.engine.name().clone(), Address::from(node.engine.name().as_str()))).collect();
        for place in 0..self.nodes.len() {
            self.act(place, |engine, now, effects| engine.engines_run(now, &engines, effects));
        }
    }

    /// The process of an engine ends; everybody hears of it.
    pub(super) fn kill(&mut self, place: usize) {
        self.die(place);
        self.post();
        self.settle();
    }

    fn die(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        node.is_up = false;
        node.timer = None;
        node.sent.clear();
        node.effects.drain().for_each(drop);
        let ends: Vec<End> = self.pairs.keys().filter(|end| end.0 == place).copied().collect();
        for end in ends {
            self.break_pair(end, Broken::Reset);
        }
    }

    /// The other end hears that the connection is gone, after whatever was sent on it.
    fn break_pair(&mut self, end: End, how: Broken) {
        let Some(other) = self.pairs.remove(&end) else { return };
        self.pairs.remove(&other);
        self.input(other.0, Input::Broken { connection: other.1, how });
    }

    /// All connections between two engines end, and what is on the way is lost.
    pub(super) fn cut(&mut self, one: usize, other: usize) {
        let ends: Vec<End> =
            self.pairs.iter().filter(|(end, to)| end.0 == one && to.0 == other).map(|(&end, _)| end).collect();
        for end in ends {
            let Some(&to) = self.pairs.get(&end) else { continue };
            let is_on = |place: usize, input: &Input| match input {
                Input::Frame { connection, .. } => (place, *connection) == end || (place, *connection) == to,
                _ => false,
            };
            self.on_the_way.retain(|(place, _, input)| !is_on(*place, input));
            self.input(end.0, Input::Broken { connection: end.1, how: Broken::Silence });
            self.break_pair(end, Broken::Silence);
        }
    }

    fn input(&mut self, place: usize, input: Input) {
        let life = self.nodes[place].life;
        self.on_the_way.push_back((place, life, input));
    }

    pub(super) fn act(&mut self, place: usize, act: impl FnOnce(&mut MessagingEngine, Time, &mut Effects)) {
        let now = self.now;
        let node = &mut self.nodes[place];
        if !node.is_up {
            return;
        }
        act(&mut node.engine, now, &mut node.effects);
        self.execute(place);
    }

    fn execute(&mut self, place: usize) {
        let effects: Vec<Effect> = self.nodes[place].effects.drain().collect();
        for effect in effects {
            if let Some((doomed, left)) = &mut self.doomed
                && *doomed == place
            {
                if *left == 0 {
                    self.doomed = None;
                    self.struck = true;
                    self.die(place);
                    return self.post();
                }
                *left -= 1;
            }
            self.perform(place, effect);
        }
    }

    fn perform(&mut self, place: usize, effect: Effect) {
        match effect {
            Effect::Connect { connection, to, .. } => self.connect(place, connection, &to),
            Effect::Send { connection, frame: Frame::BusReply(reply) } => {
                self.nodes[place].sent.push((connection, *reply));
            }
            Effect::Send { connection, frame } => {
                if let Some(&(other, its)) = self.pairs.get(&(place, connection)) {
                    self.input(other, Input::Frame { connection: its, frame });
                }
            }
            Effect::Close { connection } => self.break_pair((place, connection), Broken::Closed),
            Effect::SetTimer { timer: TimerId(7), at } => self.nodes[place].timer = Some(at),
            Effect::CancelTimer { timer: TimerId(7) } => self.nodes[place].timer = None,
            Effect::Append { file: MEDIUM, bytes } => {
                self.nodes[place].shelf.lock().unwrap().apply(u64::from_le_bytes(bytes.try_into().unwrap()));
            }
            Effect::Force { file: MEDIUM, request } => self.input(place, Input::Forced { file: MEDIUM, request }),
            Effect::Report(event) => self.events.push(event),
            Effect::Step(_) => {}
            other => panic!("an engine has no use for {other:?}"),
        }
    }

    fn connect(&mut self, place: usize, connection: ConnectionId, to: &Address) {
        let other = NAMES.iter().position(|name| *name == to.as_str()).expect("an engine's address");
        if !self.nodes[other].is_up {
            return self.input(place, Input::Refused { connection, why: Refused::NobodyListens });
        }
        let its = self.nodes[other].effects.next_connection_id();
        self.pairs.insert((place, connection), (other, its));
        self.pairs.insert((other, its), (place, connection));
        self.input(place, Input::Connected { connection });
    }

    /// Hands over the next input that is on the way.
    pub(super) fn step(&mut self) -> bool {
        let Some((place, life, input)) = self.on_the_way.pop_front() else { return false };
        if self.nodes[place].life != life {
            return true;
        }
        self.act(place, |engine, now, effects| {
            if let Offered::Declined(input) = engine.offer(now, input, effects) {
                match input {
                    Input::Frame { connection, frame: Frame::BetweenEngines(frame) } => {
                        engine.engine_frame(now, connection, *frame, effects);
                    }
                    Input::Broken { connection, .. } => engine.connection_gone(now, connection, effects),
                    _ => {}
                }
            }
        });
        true
    }

    /// Until nothing is on the way any more.
    pub(super) fn settle(&mut self) {
        while self.step() {}
    }

    pub(super) fn advance(&mut self, by: Duration) {
        let until = self.now + by;
        loop {
            self.settle();
            let due = |node: &Node| node.timer.filter(|&at| at <= until && node.is_up);
            let next = (0..self.nodes.len()).filter_map(|place| due(&self.nodes[place]).map(|at| (at, place))).min();
            let Some((at, place)) = next else { break };
            self.now = at.max(self.now);
            self.nodes[place].timer = None;
            self.act(place, |engine, now, effects| {
                assert_eq!(engine.offer(now, Input::Timer { timer: TimerId(7) }, effects), Offered::Taken);
            });
        }
        self.now = until;
    }

    pub(super) fn stop(&mut self, place: usize) {
        self.act(place, |engine, now, effects| engine.stop(now, StopMode::Force, effects));
        self.settle();
        self.post();
        self.settle();
    }

    pub(super) fn gone(&mut self, place: usize, connection: ConnectionId) {
        self.act(place, |engine, now, effects| engine.connection_gone(now, connection, effects));
    }

    pub(super) fn reply(&mut self, place: usize, connection: ConnectionId) -> Option<BusReply> {
        let sent = &mut self.nodes[place].sent;
        let at = sent.iter().position(|(to, _)| *to == connection)?;
        Some(sent.remove(at).1)
    }

    pub(super) fn call(&mut self, place: usize, connection: ConnectionId, call: BusCall) -> Option<BusReply> {
        self.nodes[place].sent.retain(|(to, _)| *to != connection);
        self.act(place, |engine, now, effects| engine.call(now, connection, call, effects));
        self.settle();
        self.reply(place, connection)
    }

    pub(super) fn send_with(
        &mut self,
        place: usize,
        queue: &str,
        identity: u64,
        scope: Scope,
        reliability: Reliability,
    ) -> Option<BusReply> {
        let message = OutgoingMessage { reliability: Some(reliability), ..message(identity) };
        let destination = queue.into();
        self.call(place, ONE, BusCall::Send { destination, message, scope, one_way: false })
    }

    pub(super) fn send(&mut self, place: usize, queue: &str, identity: u64) -> bool {
        let reply = self.send_with(place, queue, identity, Scope::Automatic, Reliability::AssuredPersistent);
        matches!(reply, Some(BusReply::Sent { .. }))
    }

    pub(super) fn receive(&mut self, place: usize, queue: &str, scope: Scope) -> Option<u64> {
        let destination = queue.into();
        let call = BusCall::Receive { destination, selection: Selection::Any, wait: Duration::ZERO, scope };
        match self.call(place, TWO, call) {
            Some(BusReply::Received { message }) => Some(message.payload.identity),
            Some(BusReply::Failed(BusReason::NoMessage)) | None => None,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn inspect(&mut self, place: usize) -> Vec<InspectedMessage> {
        match self.call(place, ONE, BusCall::Inspect) {
            Some(BusReply::Inspected { messages, .. }) => messages,
            other => panic!("{other:?}"),
        }
    }

    /// Payload and state of every message on an engine.
    pub(super) fn states(&mut self, place: usize) -> Vec<(u64, MessageState)> {
        self.inspect(place).into_iter().map(|it| (it.message.payload.identity, it.state)).collect()
    }

    /// Payloads of the available messages on an engine.
    pub(super) fn on(&mut self, place: usize) -> Vec<u64> {
        let available = self.states(place).into_iter().filter(|(_, state)| *state == MessageState::Available);
        available.map(|(identity, _)| identity).collect()
    }

    pub(super) fn has_event(&self, name: &str) -> bool {
        self.events.iter().any(|event| event.name() == name)
    }

    /// Frames between engines on the way.
    pub(super) fn frames(&self) -> Vec<&EngineFrame> {
        let frame = |input| match input {
            &Input::Frame { frame: Frame::BetweenEngines(ref frame), .. } => Some(&**frame),
            _ => None,
        };
        self.on_the_way.iter().filter_map(|(_, _, input)| frame(input)).collect()
    }

    /// How many messages a store has room for no more: its next writes are refused.
    pub(super) fn refuse_writes(&mut self, place: usize, count: u32) {
        self.nodes[place].shelf.lock().unwrap().refusals = count;
    }
}
