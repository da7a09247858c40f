//! A small world: one file server, application servers on hosts of their own, and whatever can happen to them.

use std::collections::{BTreeMap, VecDeque};

use crate::event::Event;
use crate::file_server::frame::HostName;
use crate::file_server::{FileServer, FileServerDefinition, FileSystemKind};
use crate::machine::{
    Broken, ConnectionId, Effect, Effects, File, ForceId, Incarnation, Input, Machine, Offered, Refused, StoredFile,
    TimerId,
};
use crate::messaging_engine::definition::{EngineUuid, IncarnationUuid};
use crate::messaging_engine::store::file_store::{FileStore, FileStoreDefinition};
use crate::messaging_engine::store::{Change, Contents, MessageStore, SpillChange, StoreEvent, Ticket};
use crate::name::{Address, DirectoryName, MessagingEngineName, ProcessName};
use crate::time::{Duration, Time};

const TIMER: TimerId = TimerId(7);

#[derive(Debug, Default)]
struct Disk {
    start: u64,
    bytes: Vec<u8>,
    /// What a loss of power leaves.
    forced: u64,
    file: Option<File>,
}

impl Disk {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    fn keep_until(&mut self, end: u64) {
        self.bytes.truncate(usize::try_from(end - self.start).unwrap());
    }
}

/// An application server with its store.
pub(super) struct Node {
    pub(super) store: FileStore,
    pub(super) events: Vec<StoreEvent>,
    definition: FileStoreDefinition,
    life: u32,
    starts: u32,
    effects: Effects,
    inbox: VecDeque<Input>,
    timers: BTreeMap<TimerId, Time>,
    /// Nothing comes from it, nothing reaches it.
    cut: bool,
    alive: bool,
}

struct Connection {
    node: usize,
    client: ConnectionId,
    server: ConnectionId,
    client_open: bool,
    server_open: bool,
    /// Frames held up by a cut: to the server or not.
    held: Vec<(bool, Input)>,
}

pub(super) struct World {
    pub(super) now: Time,
    pub(super) reports: Vec<Event>,
    pub(super) nodes: Vec<Node>,
    definition: FileServerDefinition,
    server: Option<FileServer>,
    server_life: u32,
    server_effects: Effects,
    server_inbox: VecDeque<Input>,
    server_timers: BTreeMap<TimerId, Time>,
    paused: bool,
    /// Forces are not completed while this is set.
    pub(super) slow_disk: bool,
    slow: Vec<(File, ForceId)>,
    silence: Duration,
    silences: Vec<(Time, usize)>,
    connections: Vec<Connection>,
    disk: Disk,
}

pub(super) fn definition(process: &str) -> FileStoreDefinition {
    FileStoreDefinition::new(
        MessagingEngineName::from("cluster1.000-BUS"),
        EngineUuid("A1".into()),
        (ProcessName::from(process), HostName(format!("host of {process}"))),
        (Address::from("files"), DirectoryName::from("/filestore")),
    )
}

impl World {
    pub(super) fn new(kind: FileSystemKind, capacity: Option<u64>, nodes: Vec<FileStoreDefinition>) -> Self {
        let definition = FileServerDefinition {
            name: ProcessName::from("FS"),
            address: Address::from("files"),
            kind,
            capacity,
            directories: vec![DirectoryName::from("/filestore")],
        };
        let node = |definition: FileStoreDefinition| Node {
            store: FileStore::new(definition.clone(), Incarnation(1), TIMER),
            events: Vec::new(),
            definition,
            life: 1,
            starts: 0,
            effects: Effects::new(),
            inbox: VecDeque::new(),
            timers: BTreeMap::new(),
            cut: false,
            alive: true,
        };
        let mut world = World {
            now: Time::START,
            reports: Vec::new(),
            nodes: nodes.into_iter().map(node).collect(),
            definition,
            server: None,
            server_life: 0,
            server_effects: Effects::new(),
            server_inbox: VecDeque::new(),
            server_timers: BTreeMap::new(),
            paused: false,
            slow_disk: false,
            slow: Vec::new(),
            silence: Duration::ZERO,
            silences: Vec::new(),
            connections: Vec::new(),
            disk: Disk::default(),
        };
        world.start_server();
        world
    }

    // What an engine does.

    pub(super) fn open(&mut self, node: usize) {
        let own = &mut self.nodes[node];
        own.starts += 1;
        let incarnation = IncarnationUuid(format!("{} {} {}", own.definition.process, own.life, own.starts));
        own.store.open(self.now, &incarnation, &mut own.effects);
        self.settle();
    }

    /// Opens and expects that it goes well at once.
    pub(super) fn opened(&mut self, node: usize) -> Contents {
        self.open(node);
        self.contents(node)
    }

    /// Expects that the one event of a node is that its store is open.
    pub(super) fn contents(&mut self, node: usize) -> Contents {
        match self.events(node).as_slice() {
            [StoreEvent::Opened(contents)] => contents.clone(),
            other => panic!("not opened but {other:?}"),
        }
    }

    pub(super) fn begin_write(&mut self, node: usize, changes: Vec<Change>) -> Option<Ticket> {
        let own = &mut self.nodes[node];
        let ticket = own.store.write(self.now, changes, &mut own.effects);
        self.settle();
        ticket
    }

    pub(super) fn spill(&mut self, node: usize, changes: Vec<SpillChange>) {
        let own = &mut self.nodes[node];
        own.store.spill(self.now, changes, &mut own.effects);
        self.settle();
    }

    pub(super) fn close(&mut self, node: usize) {
        let own = &mut self.nodes[node];
        own.store.close(self.now, &mut own.effects);
        self.settle();
    }

    pub(super) fn abandon(&mut self, node: usize) {
        let own = &mut self.nodes[node];
        own.store.abandon(&mut own.effects);
        self.settle();
    }

    pub(super) fn events(&mut self, node: usize) -> Vec<StoreEvent> {
        core::mem::take(&mut self.nodes[node].events)
    }

    pub(super) fn has_reported(&self, name: &str) -> usize {
        self.reports.iter().filter(|event| event.name() == name).count()
    }

    // What happens to application servers.

    /// The process dies, its host lives.
    pub(super) fn kill(&mut self, node: usize) {
        self.bury(node, true);
    }

    /// The host loses power.
    pub(super) fn power_off(&mut self, node: usize) {
        self.cut(node);
        self.bury(node, false);
    }

    fn bury(&mut self, node: usize, kernel_lives: bool) {
        let own = &mut self.nodes[node];
        own.alive = false;
        own.inbox.clear();
        own.timers.clear();
        for index in 0..self.connections.len() {
            if self.connections[index].node == node && self.connections[index].client_open {
                self.connections[index].client_open = false;
                self.connections[index].held.clear();
                if kernel_lives {
                    self.tell_server(index, Broken::Reset);
                }
            }
        }
        self.settle();
    }

    pub(super) fn restart(&mut self, node: usize, announces: bool) {
        let own = &mut self.nodes[node];
        own.life += 1;
        own.alive = true;
        own.cut = false;
        own.events.clear();
        own.effects = Effects::new();
        own.store = FileStore::new(own.definition.clone(), Incarnation(own.life), TIMER);
        if announces {
            own.store.announce(self.now, &mut own.effects);
        }
        self.settle();
    }

    pub(super) fn cut(&mut self, node: usize) {
        self.nodes[node].cut = true;
        for (index, connection) in self.connections.iter().enumerate() {
            if connection.node == node && connection.server_open {
                self.silences.push((self.now + self.silence, index));
            }
        }
    }

    pub(super) fn heal(&mut self, node: usize) {
        self.nodes[node].cut = false;
        for index in 0..self.connections.len() {
            let connection = &mut self.connections[index];
            if connection.node != node {
                continue;
            }
            self.silences.retain(|&(_, of)| of != index);
            let held = core::mem::take(&mut connection.held);
            if connection.client_open && !connection.server_open {
                connection.client_open = false;
                let input = Input::Broken { connection: connection.client, how: Broken::Reset };
                self.nodes[node].inbox.push_back(input);
            } else {
                for (to_server, input) in held {
                    let inbox = if to_server { &mut self.server_inbox } else { &mut self.nodes[node].inbox };
                    inbox.push_back(input);
                }
            }
        }
        self.settle();
    }

    // What happens to the file server.

    pub(super) fn start_server(&mut self) {
        self.server_life += 1;
        self.server_effects = Effects::new();
        // Numbers of an earlier life mean nothing; the world here never uses them again.
        for _ in 0..self.connections.len() {
            let _ = self.server_effects.next_connection_id();
        }
        self.server = Some(FileServer::new(self.definition.clone()));
        let stored = |file| (file, StoredFile::Content { start: self.disk.start, bytes: self.disk.bytes.clone() });
        let files = self.disk.file.map(stored).into_iter().collect();
        self.server_inbox.push_back(Input::Started { incarnation: Incarnation(self.server_life), files });
        self.settle();
    }

    /// The server's process ends; without power, what was not forced is gone.
    pub(super) fn stop_server(&mut self, power_is_lost: bool) {
        self.server = None;
        self.server_inbox.clear();
        self.server_timers.clear();
        self.slow.clear();
        if power_is_lost {
            self.disk.keep_until(self.disk.forced);
        }
        for index in 0..self.connections.len() {
            let connection = &mut self.connections[index];
            connection.server_open = false;
            if connection.client_open && !self.nodes[connection.node].cut {
                connection.client_open = false;
                let input = Input::Broken { connection: connection.client, how: Broken::Reset };
                self.nodes[connection.node].inbox.push_back(input);
            }
        }
        self.settle();
    }

    pub(super) fn pause_server(&mut self) {
        self.paused = true;
    }

    pub(super) fn resume_server(&mut self) {
        self.paused = false;
        self.settle();
    }

    pub(super) fn remove_directories(&mut self) {
        self.definition.directories.clear();
        self.stop_server(false);
        self.start_server();
    }

    pub(super) fn disk_length(&self) -> usize {
        self.disk.bytes.len()
    }

    pub(super) fn disk_is_quick_again(&mut self) {
        self.slow_disk = false;
        for (file, request) in core::mem::take(&mut self.slow) {
            self.disk.forced = self.disk.end();
            self.server_inbox.push_back(Input::Forced { file, request });
        }
        self.settle();
    }

    // Time.

    pub(super) fn pass(&mut self, duration: Duration) {
        let until = self.now + duration;
        loop {
            let timers = self.nodes.iter().flat_map(|node| node.timers.values()).chain(self.server_timers.values());
            let next = timers.chain(self.silences.iter().map(|(at, _)| at)).min().copied();
            let Some(next) = next.filter(|at| *at <= until) else { break };
            self.now = self.now.max(next);
            for node in &mut self.nodes {
                let due: Vec<_> = node.timers.extract_if(.., |_, at| *at <= next).collect();
                node.inbox.extend(due.into_iter().map(|(timer, _)| Input::Timer { timer }));
            }
            let due: Vec<_> = self.server_timers.extract_if(.., |_, at| *at <= next).collect();
            self.server_inbox.extend(due.into_iter().map(|(timer, _)| Input::Timer { timer }));
            for (_, index) in self.silences.extract_if(.., |(at, _)| *at <= next).collect::<Vec<_>>() {
                self.tell_server(index, Broken::Silence);
            }
            self.settle();
        }
        self.now = until;
    }

    fn tell_server(&mut self, index: usize, how: Broken) {
        let connection = &mut self.connections[index];
        if core::mem::take(&mut connection.server_open) {
            self.server_inbox.push_back(Input::Broken { connection: connection.server, how });
        }
    }

    fn settle(&mut self) {
        loop {
            for node in 0..self.nodes.len() {
                self.perform_node(node);
            }
            self.perform_server();
            if let Some(node) = (0..self.nodes.len()).find(|node| !self.nodes[*node].inbox.is_empty()) {
                let own = &mut self.nodes[node];
                let input = own.inbox.pop_front().unwrap();
                let taken = own.store.offer(self.now, input, &mut own.effects);
                assert_eq!(taken, Offered::Taken, "all that happens to a node here is its store's");
            } else if let (false, Some(server)) = (self.paused, &mut self.server)
                && let Some(input) = self.server_inbox.pop_front()
            {
                server.handle(self.now, input, &mut self.server_effects);
            } else {
                return;
            }
        }
    }

    fn perform_node(&mut self, node: usize) {
        let own = &mut self.nodes[node];
        own.events.extend(own.store.take_events());
        let effects: Vec<_> = own.effects.drain().collect();
        for effect in effects {
            match effect {
                Effect::Connect { connection, .. } => self.connect(node, connection),
                Effect::Send { connection, frame } => {
                    let cut = self.nodes[node].cut;
                    let Some(there) = self.of_node(node, connection) else { continue };
                    let input = Input::Frame { connection: there.server, frame };
                    if there.server_open && cut {
                        there.held.push((true, input));
                    } else if there.server_open {
                        self.server_inbox.push_back(input);
                    }
                }
                Effect::Close { connection } => {
                    if let Some(there) = self.of_node(node, connection) {
                        there.client_open = false;
                        let index =
                            self.connections.iter().position(|there| there.node == node && there.client == connection);
                        if !self.nodes[node].cut {
                            self.tell_server(index.unwrap(), Broken::Closed);
                        }
                    }
                    self.nodes[node].inbox.retain(|input| match input {
                        Input::Connected { connection: of }
                        | Input::Refused { connection: of, .. }
                        | Input::Frame { connection: of, .. }
                        | Input::Broken { connection: of, .. } => *of != connection,
                        _ => true,
                    });
                }
                Effect::SetTimer { timer, at } => {
                    self.nodes[node].timers.insert(timer, at);
                }
                Effect::CancelTimer { timer } => {
                    self.nodes[node].timers.remove(&timer);
                    self.nodes[node].inbox.retain(|input| *input != Input::Timer { timer });
                }
                Effect::Step(_) => {}
                Effect::Report(event) => self.reports.push(event),
                other => panic!("a file store does not ask for {other:?}"),
            }
        }
    }

    fn of_node(&mut self, node: usize, client: ConnectionId) -> Option<&mut Connection> {
        self.connections.iter_mut().find(|there| there.node == node && there.client == client && there.client_open)
    }

    fn connect(&mut self, node: usize, client: ConnectionId) {
        if self.nodes[node].cut {
            return;
        }
        if self.server.is_none() {
            return self.nodes[node]
                .inbox
                .push_back(Input::Refused { connection: client, why: Refused::NobodyListens });
        }
        let server = self.server_effects.next_connection_id();
        let (at, from) = (Address::from("files"), self.nodes[node].definition.process.clone());
        self.connections.push(Connection {
            node,
            client,
            server,
            client_open: true,
            server_open: true,
            held: Vec::new(),
        });
        self.server_inbox.push_back(Input::Accepted { connection: server, at, from });
        self.nodes[node].inbox.push_back(Input::Connected { connection: client });
    }

    fn perform_server(&mut self) {
        for effect in self.server_effects.drain().collect::<Vec<_>>() {
            match effect {
                Effect::Listen { silence, .. } => self.silence = silence.timeout(),
                Effect::Send { connection, frame } => {
                    let Some(there) = self.connections.iter_mut().find(|there| there.server == connection) else {
                        continue;
                    };
                    let input = Input::Frame { connection: there.client, frame };
                    if there.client_open && self.nodes[there.node].cut {
                        there.held.push((false, input));
                    } else if there.client_open {
                        self.nodes[there.node].inbox.push_back(input);
                    }
                }
                Effect::Append { file, bytes } => {
                    self.disk.file = Some(file);
                    self.disk.bytes.extend(bytes);
                }
                Effect::Force { file, request } => {
                    if self.slow_disk {
                        self.slow.push((file, request));
                    } else {
                        self.disk.forced = self.disk.end();
                        self.server_inbox.push_back(Input::Forced { file, request });
                    }
                }
                Effect::DiscardBefore { offset, .. } => {
                    self.disk.bytes.drain(..usize::try_from(offset - self.disk.start).unwrap());
                    self.disk.start = offset;
                }
                Effect::CutFrom { offset, .. } => self.disk.keep_until(offset),
                Effect::SetTimer { timer, at } => {
                    self.server_timers.insert(timer, at);
                }
                Effect::Step(_) => {}
                Effect::Report(event) => self.reports.push(event),
                other => panic!("a file server does not ask for {other:?} here"),
            }
        }
    }
}
