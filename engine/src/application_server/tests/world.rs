//! The small world: two servers of a cluster, a node agent, a database; latency of a millisecond, perfect disks, and
//! hosts that close the connections of a process that ends.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::application_server::ApplicationServer;
use crate::application_server::definition::{
    ApplicationServerDefinition, AutomaticReenable, EngineInstanceDefinition, ServerPlace, StoreDefinition,
};
use crate::application_server::frame::AdministrationRequest;
use crate::database::frame::{DatabaseRequest, RequestNumber, RowKey, Statement, Then};
use crate::database::{DatabaseDefinition, DatabaseServer, TransactionNumber};
use crate::event::Event;
use crate::frame::Frame;
use crate::ha_manager::definition::{CoreGroupDefinition, MemberDefinition};
use crate::ha_manager::member::CoreGroupMember;
use crate::ha_manager::policy::GroupName;
use crate::machine::{Broken, ConnectionId, Effect, Effects, Ended, Incarnation, Input, Machine, Refused, TimerId};
use crate::messaging_engine::EngineState;
use crate::messaging_engine::definition::{
    BusDefinition, EngineUuid, InitialState, MessagingEngineDefinition, SpillLimits, WasLevel,
};
use crate::messaging_engine::frame::{BusCall, BusReply};
use crate::messaging_engine::store::data_store::{DataStoreDefinition, Tables};
use crate::name::{Address, ClusterName, MessagingEngineName, ProcessName};
use crate::time::{Duration, Time};

const LATENCY: Duration = Duration::from_millis(1);
pub(super) const ENGINE: &str = "cluster1.000-BUS";
pub(super) const SERVERS: [&str; 2] = ["server1", "server2"];
pub(super) const AGENT: &str = "agent";
pub(super) const DATABASE: &str = "SIBDB";
const SCHEMA: &str = "SCHEMA";
/// Speaks to servers on behalf of the test.
const CLIENT: &str = "client";

struct Node {
    machine: Box<dyn Machine>,
    effects: Effects,
    timers: BTreeMap<TimerId, u64>,
    connections: BTreeMap<ConnectionId, (ProcessName, ConnectionId)>,
}

/// An input on its way: to which life of whom, and which setting of a timer it is of.
type Due = (ProcessName, u32, Input, Option<u64>);

pub(super) struct World {
    pub(super) now: Time,
    queue: BTreeMap<(Time, u64), Due>,
    next: u64,
    nodes: BTreeMap<ProcessName, Node>,
    lives: BTreeMap<ProcessName, u32>,
    pub(super) events: Vec<(Time, ProcessName, Event)>,
    pub(super) ended: Vec<(ProcessName, Ended)>,
    /// What the client was answered, and when.
    pub(super) answers: Vec<(Time, BusReply)>,
    server: ApplicationServerDefinition,
}

pub(super) fn process(name: &str) -> ProcessName {
    ProcessName::from(name)
}

fn core_address(name: &str) -> Address {
    Address::from(format!("{name}/core"))
}

fn endpoint(name: &str) -> Address {
    Address::from(format!("{name}/clients"))
}

fn core_group() -> CoreGroupDefinition {
    let member = |name: &str| MemberDefinition {
        process: process(name),
        address: core_address(name),
        cluster: name.starts_with("server").then(|| ClusterName::from("cluster1")),
        allow_activation: name.starts_with("server"),
    };
    let members = SERVERS.into_iter().chain([AGENT]).map(member).collect();
    CoreGroupDefinition::new("DefaultCoreGroup".into(), members)
}

/// A server's definition at this level; its name is filled in when it starts.
pub(super) fn server(
    was_level: WasLevel,
    change: impl FnOnce(&mut DataStoreDefinition),
) -> ApplicationServerDefinition {
    let engine = MessagingEngineName::from(ENGINE);
    let (uuid, cluster) = (EngineUuid("E1".to_owned()), ClusterName::from("cluster1"));
    let mut store = DataStoreDefinition::new(
        engine.clone(),
        uuid.clone(),
        was_level,
        process(SERVERS[0]),
        Address::from(DATABASE),
        SCHEMA.into(),
    );
    change(&mut store);
    let definition = MessagingEngineDefinition {
        name: engine.clone(),
        uuid,
        initial_state: InitialState::Started,
        was_level,
        quiesce_time: Duration::from_secs(10),
        reconcile_time: Duration::from_millis(500),
        spill_limits: SpillLimits::default(),
        connection_retry: MessagingEngineDefinition::DEFAULT_CONNECTION_RETRY,
    };
    let bus = BusDefinition { name: "BUS".into(), destinations: BTreeMap::new(), engines: vec![engine.clone()] };
    let place = |name: &str| {
        let place =
            ServerPlace { address: endpoint(name), cluster: "cluster1".into(), host: format!("host of {name}") };
        (process(name), place)
    };
    let group = GroupName::of_messaging_engine(&cluster, &bus.name, &engine);
    let store = StoreDefinition::Data(store);
    ApplicationServerDefinition {
        process: process(SERVERS[0]),
        was_level,
        core_group: Arc::new(core_group()),
        bus: Arc::new(bus),
        servers: Arc::new(SERVERS.into_iter().map(place).collect()),
        bus_members: Arc::new([(engine, cluster)].into()),
        engines: vec![EngineInstanceDefinition { engine: Arc::new(definition), group, store }],
        automatic_reenable: None,
        client_silence: Duration::from_secs(307),
        linger: Duration::from_secs(3),
        stop_patience: Duration::from_secs(60),
    }
}

pub(super) fn reenable(seconds: u64, count: Option<u32>) -> Option<AutomaticReenable> {
    Some(AutomaticReenable { period: Duration::from_secs(seconds), count })
}

impl World {
    /// Only the database runs.
    pub(super) fn new(server: ApplicationServerDefinition) -> Self {
        let mut world = World {
            now: Time::START,
            queue: BTreeMap::new(),
            next: 0,
            nodes: BTreeMap::new(),
            lives: BTreeMap::new(),
            events: Vec::new(),
            ended: Vec::new(),
            answers: Vec::new(),
            server,
        };
        world.start(DATABASE);
        world.run(10);
        world
    }

    /// Everybody runs, and the engine has started.
    pub(super) fn started(server: ApplicationServerDefinition) -> Self {
        let mut world = World::new(server);
        for name in [AGENT, SERVERS[0], SERVERS[1]] {
            world.start(name);
        }
        world.run(60);
        assert_eq!(world.count("messaging_engine_started"), 1);
        world
    }

    /// What servers that start from now on are like.
    pub(super) fn redefine(&mut self, change: impl FnOnce(&mut ApplicationServerDefinition)) {
        change(&mut self.server);
    }

    pub(super) fn start(&mut self, name: &str) {
        let machine: Box<dyn Machine> = match name {
            DATABASE => {
                let definition = DatabaseDefinition::new(process(name), Address::from(DATABASE));
                Box::new(DatabaseServer::new(DatabaseDefinition { start_time: Duration::ZERO, ..definition }))
            }
            AGENT => Box::new(CoreGroupMember::new(self.server.core_group.clone(), process(name), Vec::new())),
            _ => {
                let mut definition = self.server.clone();
                definition.process = process(name);
                for engine in &mut definition.engines {
                    if let StoreDefinition::Data(store) = &mut engine.store {
                        store.server = process(name);
                    }
                }
                Box::new(ApplicationServer::new(definition))
            }
        };
        let (timers, connections) = (BTreeMap::new(), BTreeMap::new());
        self.nodes.insert(process(name), Node { machine, effects: Effects::new(), timers, connections });
        let life = self.lives.entry(process(name)).or_default();
        *life += 1;
        let input = Input::Started { incarnation: Incarnation(*life), files: Vec::new() };
        self.handle(&process(name), input);
    }

    /// The process ends; its host closes its connections.
    pub(super) fn kill(&mut self, name: &str) {
        let Some(node) = self.nodes.remove(&process(name)) else { return };
        for (peer, there) in node.connections.into_values() {
            self.later(&peer, Input::Broken { connection: there, how: Broken::Reset });
        }
    }

    pub(super) fn input(&mut self, name: &str, input: Input) {
        self.handle(&process(name), input);
    }

    /// The client asks a server for something, on a connection of its own.
    pub(super) fn ask(&mut self, server: &str, call: BusCall) {
        let node = self.nodes.get_mut(&process(server)).expect("the server runs");
        let connection = node.effects.next_connection_id();
        node.connections.insert(connection, (process(CLIENT), ConnectionId(0)));
        let accepted = Input::Accepted { connection, at: endpoint(server), from: process(CLIENT) };
        self.handle(&process(server), accepted);
        self.handle(&process(server), Input::Frame { connection, frame: Frame::BusCall(Box::new(call)) });
    }

    /// An administrator has a server do something.
    pub(super) fn administer(&mut self, server: &str, request: AdministrationRequest) {
        let node = self.nodes.get_mut(&process(server)).expect("the server runs");
        let connection = node.effects.next_connection_id();
        node.connections.insert(connection, (process(CLIENT), ConnectionId(0)));
        let accepted = Input::Accepted { connection, at: endpoint(server), from: process(CLIENT) };
        self.handle(&process(server), accepted);
        let frame = Frame::AdministrationRequest(Box::new(request));
        self.handle(&process(server), Input::Frame { connection, frame });
    }

    /// The states that an instance has shown, in order.
    pub(super) fn states(&self, server: &str) -> Vec<EngineState> {
        let states = self.events.iter().filter(|(_, who, _)| who.as_str() == server);
        let state = |event: &Event| match event {
            Event::MessagingEngineState { state, .. } => Some(*state),
            _ => None,
        };
        states.filter_map(|(_, _, event)| state(event)).collect()
    }

    /// Somebody writes into the owner row what no engine can read.
    pub(super) fn spoil_owner(&mut self) {
        let node = self.nodes.get_mut(&process(DATABASE)).expect("the database runs");
        let connection = node.effects.next_connection_id();
        let accepted = Input::Accepted { connection, at: Address::from(DATABASE), from: process(CLIENT) };
        self.handle(&process(DATABASE), accepted);
        let put = Statement::Put { table: Tables::default().owner, key: RowKey::Number(0), value: vec![u8::MAX] };
        let request = DatabaseRequest::Execute {
            request: RequestNumber(1),
            schema: SCHEMA.into(),
            transaction: TransactionNumber(1),
            statements: vec![put],
            then: Then::Commit,
        };
        self.handle(&process(DATABASE), Input::Frame { connection, frame: Frame::DatabaseRequest(Box::new(request)) });
        self.run(1);
    }

    fn later(&mut self, to: &ProcessName, input: Input) {
        self.at(self.now + LATENCY, to, input, None);
    }

    fn at(&mut self, at: Time, to: &ProcessName, input: Input, timer: Option<u64>) {
        let life = self.lives.get(to).copied().unwrap_or_default();
        self.next += 1;
        self.queue.insert((at, self.next), (to.clone(), life, input, timer));
    }

    pub(super) fn run(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= until) {
            let ((at, _), (to, life, input, set)) = entry.remove_entry();
            self.now = at;
            if self.lives.get(&to).copied().unwrap_or_default() != life {
                continue;
            }
            let Some(node) = self.nodes.get_mut(&to) else { continue };
            match &input {
                Input::Timer { timer } if node.timers.get(timer).copied() != set => continue,
                Input::Frame { connection, .. } if !node.connections.contains_key(connection) => continue,
                Input::Broken { connection, .. } if node.connections.remove(connection).is_none() => continue,
                _ => {}
            }
            self.handle(&to, input);
        }
        self.now = until;
    }

    fn handle(&mut self, name: &ProcessName, input: Input) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(name) else { return };
        node.machine.handle(now, input, &mut node.effects);
        let mut effects: VecDeque<Effect> = node.effects.drain().collect();
        while let Some(effect) = effects.pop_front() {
            if let Effect::End(how) = effect {
                self.ended.push((name.clone(), how));
                self.kill(name.as_str());
                return;
            }
            self.perform(name, effect);
        }
    }

    fn perform(&mut self, name: &ProcessName, effect: Effect) {
        match effect {
            Effect::Connect { connection, to, .. } => {
                let peer = process(to.as_str().split('/').next().unwrap_or_default());
                let Some(node) = self.nodes.get_mut(&peer) else {
                    return self.later(name, Input::Refused { connection, why: Refused::NobodyListens });
                };
                let there = node.effects.next_connection_id();
                node.connections.insert(there, (name.clone(), connection));
                let own = self.nodes.get_mut(name).expect("it acts");
                own.connections.insert(connection, (peer.clone(), there));
                self.later(&peer, Input::Accepted { connection: there, at: to, from: name.clone() });
                self.later(name, Input::Connected { connection });
            }
            Effect::Send { connection, frame } => {
                let Some((peer, there)) = self.nodes[name].connections.get(&connection).cloned() else { return };
                match frame {
                    Frame::BusReply(reply) if peer.as_str() == CLIENT => self.answers.push((self.now, *reply)),
                    frame => self.later(&peer, Input::Frame { connection: there, frame }),
                }
            }
            Effect::Close { connection } => {
                let own = self.nodes.get_mut(name).expect("it acts");
                if let Some((peer, there)) = own.connections.remove(&connection) {
                    self.later(&peer, Input::Broken { connection: there, how: Broken::Closed });
                }
            }
            Effect::Datagram { to, frame } => {
                let peer = process(to.as_str().split('/').next().unwrap_or_default());
                self.later(&peer, Input::Datagram { from: name.clone(), frame });
            }
            Effect::SetTimer { timer, at } => {
                let set = self.next + 1;
                self.nodes.get_mut(name).expect("it acts").timers.insert(timer, set);
                self.at(at.max(self.now), name, Input::Timer { timer }, Some(set));
            }
            Effect::CancelTimer { timer } => {
                self.nodes.get_mut(name).expect("it acts").timers.remove(&timer);
            }
            Effect::Force { file, request } => self.later(name, Input::Forced { file, request }),
            Effect::Report(event) => self.events.push((self.now, name.clone(), event)),
            _ => {}
        }
    }

    pub(super) fn runs(&self, name: &str) -> bool {
        self.nodes.contains_key(&process(name))
    }

    pub(super) fn count(&self, event: &str) -> usize {
        self.events.iter().filter(|(_, _, seen)| seen.name() == event).count()
    }

    /// When an event was reported first, and by whom.
    pub(super) fn first(&self, event: &str) -> Option<(Time, &str)> {
        let found = self.events.iter().find(|(_, _, seen)| seen.name() == event)?;
        Some((found.0, found.1.as_str()))
    }

    /// Who reported an event last.
    pub(super) fn last(&self, event: &str) -> Option<&str> {
        self.events.iter().rfind(|(_, _, seen)| seen.name() == event).map(|(_, process, _)| process.as_str())
    }
}
