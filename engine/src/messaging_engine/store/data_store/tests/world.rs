//! A database and instances of one engine's store, in memory; connections can break by reset and by silence.

use std::collections::{BTreeMap, VecDeque};

use crate::database::frame::{DatabaseRequest, RowKey};
use crate::database::{DatabaseDefinition, DatabaseServer, LOG};
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{
    Broken, ConnectionId, Effect, Effects, Incarnation, Input, Machine, Offered, Refused, StoredFile, TimerId,
};
use crate::messaging_engine::definition::{EngineUuid, IncarnationUuid, WasLevel};
use crate::messaging_engine::store::data_store::{DataStore, DataStoreDefinition, Tables};
use crate::messaging_engine::store::{Change, Contents, MessageStore, SpillChange, StoreEvent, Ticket};
use crate::name::{Address, MessagingEngineName, ProcessName, SchemaName};
use crate::time::{Duration, Time};

#[derive(Debug)]
pub(super) struct Instance {
    pub(super) store: DataStore,
    pub(super) events: Vec<(Time, StoreEvent)>,
    effects: Effects,
    timers: BTreeMap<TimerId, Time>,
    is_cut: bool,
    is_alive: bool,
}

#[derive(Debug)]
struct Link {
    instance: usize,
    client: ConnectionId,
    server: ConnectionId,
    client_open: bool,
    server_open: bool,
}

#[derive(Debug)]
enum Delivery {
    ToDatabase(Input),
    ToInstance(usize, Input),
    /// One end of a link hears nothing any more.
    ClientSilence(usize),
    ServerSilence(usize),
}

pub(super) struct World {
    pub(super) now: Time,
    pub(super) reports: Vec<(Time, Event)>,
    pub(super) instances: Vec<Instance>,
    pub(super) definition: DatabaseDefinition,
    /// So many effects of the database are executed, then it stops.
    pub(super) effects_left: Option<usize>,
    /// Whether what was not forced survives a stop of the database.
    pub(super) keeps_unforced: bool,
    database: Option<(DatabaseServer, Effects)>,
    database_timers: BTreeMap<TimerId, Time>,
    incarnation: Incarnation,
    log: Vec<u8>,
    forced: usize,
    is_listening: bool,
    links: Vec<Link>,
    soon: VecDeque<Delivery>,
    later: Vec<(Time, Delivery)>,
}

/// When something is due, and what: a timer of an instance (or of the database), or something that comes late.
type Due = (Time, Option<(usize, TimerId)>, Option<usize>);

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn definition(level: WasLevel) -> DataStoreDefinition {
    DataStoreDefinition::new(
        MessagingEngineName::from("cluster1.000-BUS"),
        EngineUuid("A1".to_owned()),
        level,
        ProcessName::from("server"),
        Address::from("database"),
        SchemaName::from("ME1"),
    )
}

impl World {
    /// A database that is open.
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut DatabaseDefinition)) -> Self {
        let mut definition = DatabaseDefinition::new(ProcessName::from("database"), Address::from("database"));
        change(&mut definition);
        let mut world = World {
            now: Time::START,
            reports: Vec::new(),
            instances: Vec::new(),
            definition,
            effects_left: None,
            keeps_unforced: false,
            database: None,
            database_timers: BTreeMap::new(),
            incarnation: Incarnation(0),
            log: Vec::new(),
            forced: 0,
            is_listening: false,
            links: Vec::new(),
            soon: VecDeque::new(),
            later: Vec::new(),
        };
        world.start_database();
        world.run(seconds(10));
        world
    }

    pub(super) fn start_database(&mut self) {
        self.incarnation = self.incarnation.next();
        self.effects_left = None;
        self.database = Some((DatabaseServer::new(self.definition.clone()), Effects::new()));
        let stored = StoredFile::Content { start: 0, bytes: self.log.clone() };
        let input = Input::Started { incarnation: self.incarnation, files: vec![(LOG, stored)] };
        self.soon.push_back(Delivery::ToDatabase(input));
    }

    pub(super) fn stop_database(&mut self) {
        self.database = None;
        self.is_listening = false;
        self.database_timers.clear();
        if !self.keeps_unforced {
            self.log.truncate(self.forced);
        }
        self.forced = self.log.len();
        self.soon.retain(|delivery| !matches!(delivery, Delivery::ToDatabase(_)));
        for index in 0..self.links.len() {
            let link = &mut self.links[index];
            link.server_open = false;
            if !self.instances[link.instance].is_cut && core::mem::take(&mut link.client_open) {
                let broken = Input::Broken { connection: link.client, how: Broken::Reset };
                self.soon.push_back(Delivery::ToInstance(link.instance, broken));
            }
        }
    }

    /// Starts another instance and lets it open the store.
    pub(super) fn open(&mut self, definition: DataStoreDefinition) -> usize {
        let index = self.instances.len();
        let mut definition = definition;
        definition.server = ProcessName::from(format!("server{index}"));
        self.instances.push(Instance {
            store: DataStore::new(definition, TimerId(7)),
            events: Vec::new(),
            effects: Effects::new(),
            timers: BTreeMap::new(),
            is_cut: false,
            is_alive: true,
        });
        let incarnation = IncarnationUuid(format!("I{index}"));
        self.with_store(index, |store, now, effects| store.open(now, &incarnation, effects));
        index
    }

    pub(super) fn write(&mut self, instance: usize, changes: Vec<Change>) -> Option<Ticket> {
        let mut ticket = None;
        self.with_store(instance, |store, now, effects| ticket = store.write(now, changes, effects));
        ticket
    }

    pub(super) fn spill(&mut self, instance: usize, changes: Vec<SpillChange>) {
        self.with_store(instance, |store, now, effects| store.spill(now, changes, effects));
    }

    /// Whether an item is in the temporary table.
    pub(super) fn is_spilled(&self, item: u64) -> bool {
        let (database, _) = self.database.as_ref().expect("the database runs");
        database.committed_row(&SchemaName::from("ME1"), &Tables::default().spilled, &RowKey::Number(item)).is_some()
    }

    pub(super) fn close(&mut self, instance: usize) {
        self.with_store(instance, |store, now, effects| store.close(now, effects));
    }

    /// Ends the process of an instance; its host resets the connections, unless it is cut off.
    pub(super) fn kill(&mut self, instance: usize) {
        self.instances[instance].is_alive = false;
        for link in &mut self.links {
            if link.instance == instance && core::mem::take(&mut link.client_open) && !self.instances[instance].is_cut {
                link.server_open = false;
                let broken = Input::Broken { connection: link.server, how: Broken::Reset };
                self.soon.push_back(Delivery::ToDatabase(broken));
            }
        }
        self.run(Duration::ZERO);
    }

    /// Nothing passes between an instance and the database from now on.
    pub(super) fn cut(&mut self, instance: usize) {
        self.instances[instance].is_cut = true;
        let read_timeout = self.instances[instance].store.definition().read_timeout;
        for (index, link) in self.links.iter().enumerate() {
            if link.instance == instance && link.client_open && link.server_open {
                self.later.push((self.now + read_timeout, Delivery::ClientSilence(index)));
                self.later.push((self.now + self.definition.session_keep_alive, Delivery::ServerSilence(index)));
            }
        }
    }

    pub(super) fn heal(&mut self, instance: usize) {
        self.instances[instance].is_cut = false;
    }

    /// An operator's command.
    pub(super) fn command(&mut self, request: DatabaseRequest) {
        let operator = ConnectionId(9999);
        let (at, from) = (self.definition.address.clone(), ProcessName::from("operator"));
        self.soon.push_back(Delivery::ToDatabase(Input::Accepted { connection: operator, at, from }));
        let frame = Frame::DatabaseRequest(Box::new(request));
        self.soon.push_back(Delivery::ToDatabase(Input::Frame { connection: operator, frame }));
        self.run(Duration::ZERO);
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, duration: Duration) {
        let until = self.now + duration;
        loop {
            while let Some(delivery) = self.soon.pop_front() {
                self.deliver(delivery);
            }
            let mut next: Option<Due> = None;
            let mut consider = |at: Time, timer, later| {
                if at <= until && next.is_none_or(|(first, ..)| at < first) {
                    next = Some((at, timer, later));
                }
            };
            for (timer, at) in &self.database_timers {
                consider(*at, Some((usize::MAX, *timer)), None);
            }
            for (index, instance) in self.instances.iter().enumerate().filter(|(_, instance)| instance.is_alive) {
                for (timer, at) in &instance.timers {
                    consider(*at, Some((index, *timer)), None);
                }
            }
            for (index, (at, _)) in self.later.iter().enumerate() {
                consider(*at, None, Some(index));
            }
            let Some((at, timer, later)) = next else { break };
            self.now = self.now.max(at);
            if let Some((whose, timer)) = timer {
                if whose == usize::MAX {
                    self.database_timers.remove(&timer);
                    self.soon.push_back(Delivery::ToDatabase(Input::Timer { timer }));
                } else {
                    self.instances[whose].timers.remove(&timer);
                    self.soon.push_back(Delivery::ToInstance(whose, Input::Timer { timer }));
                }
            } else if let Some(later) = later {
                let (_, delivery) = self.later.remove(later);
                self.soon.push_back(delivery);
            }
        }
        self.now = until;
    }

    fn deliver(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::ToDatabase(input) => {
                let Some((database, effects)) = &mut self.database else { return };
                database.handle(self.now, input, effects);
                self.execute_database();
            }
            Delivery::ToInstance(index, input) => {
                let mut offered = None;
                self.with_store(index, |store, now, effects| offered = Some(store.offer(now, input, effects)));
                assert!(!matches!(offered, Some(Offered::Declined(Input::Timer { .. }))), "its timers are its own");
            }
            Delivery::ClientSilence(index) => {
                let link = &mut self.links[index];
                if core::mem::take(&mut link.client_open) {
                    let broken = Input::Broken { connection: link.client, how: Broken::Silence };
                    self.soon.push_back(Delivery::ToInstance(link.instance, broken));
                }
            }
            Delivery::ServerSilence(index) => {
                let link = &mut self.links[index];
                if core::mem::take(&mut link.server_open) {
                    let broken = Input::Broken { connection: link.server, how: Broken::Silence };
                    self.soon.push_back(Delivery::ToDatabase(broken));
                }
            }
        }
    }

    fn execute_database(&mut self) {
        let Some((_, effects)) = &mut self.database else { return };
        let effects: Vec<Effect> = effects.drain().collect();
        for effect in effects {
            if let Some(left) = &mut self.effects_left {
                if *left == 0 {
                    self.stop_database();
                    return;
                }
                *left -= 1;
            }
            match effect {
                Effect::Listen { .. } => self.is_listening = true,
                Effect::SetTimer { timer, at } => {
                    self.database_timers.insert(timer, at);
                }
                Effect::CancelTimer { timer } => {
                    self.database_timers.remove(&timer);
                }
                Effect::Append { bytes, .. } => self.log.extend(bytes),
                Effect::Force { file, request } => {
                    self.forced = self.log.len();
                    self.soon.push_back(Delivery::ToDatabase(Input::Forced { file, request }));
                }
                Effect::Send { connection, frame } => {
                    if let Some(link) = self.links.iter().find(|link| link.server == connection && link.server_open)
                        && !self.instances[link.instance].is_cut
                        && link.client_open
                    {
                        let input = Input::Frame { connection: link.client, frame };
                        self.soon.push_back(Delivery::ToInstance(link.instance, input));
                    }
                }
                Effect::Close { connection } => {
                    if let Some(link) = self.links.iter_mut().find(|link| link.server == connection) {
                        link.server_open = false;
                        if !self.instances[link.instance].is_cut && core::mem::take(&mut link.client_open) {
                            let broken = Input::Broken { connection: link.client, how: Broken::Closed };
                            self.soon.push_back(Delivery::ToInstance(link.instance, broken));
                        }
                    }
                }
                Effect::Report(event) => self.reports.push((self.now, event)),
                Effect::Step(_) | Effect::CutFrom { .. } => {}
                other => panic!("the database asks for {other:?}"),
            }
        }
    }

    fn with_store(&mut self, index: usize, act: impl FnOnce(&mut DataStore, Time, &mut Effects)) {
        let instance = &mut self.instances[index];
        if !instance.is_alive {
            return;
        }
        act(&mut instance.store, self.now, &mut instance.effects);
        let effects: Vec<Effect> = instance.effects.drain().collect();
        let events = instance.store.take_events();
        instance.events.extend(events.into_iter().map(|event| (self.now, event)));
        for effect in effects {
            self.execute_instance(index, effect);
        }
    }

    fn execute_instance(&mut self, index: usize, effect: Effect) {
        let is_cut = self.instances[index].is_cut;
        match effect {
            Effect::SetTimer { timer, at } => {
                self.instances[index].timers.insert(timer, at);
            }
            Effect::CancelTimer { timer } => {
                self.instances[index].timers.remove(&timer);
            }
            Effect::Connect { connection, to, silence } => {
                if is_cut {
                    let refused = Input::Refused { connection, why: Refused::NoAnswer };
                    self.later.push((self.now + silence.timeout(), Delivery::ToInstance(index, refused)));
                } else if self.is_listening {
                    let server = ConnectionId(u32::try_from(self.links.len()).unwrap() + 1);
                    let link =
                        Link { instance: index, client: connection, server, client_open: true, server_open: true };
                    self.links.push(link);
                    let from = ProcessName::from(format!("server{index}"));
                    let accepted = Input::Accepted { connection: server, at: to, from };
                    self.soon.push_back(Delivery::ToDatabase(accepted));
                    self.soon.push_back(Delivery::ToInstance(index, Input::Connected { connection }));
                } else {
                    let refused = Input::Refused { connection, why: Refused::NobodyListens };
                    self.soon.push_back(Delivery::ToInstance(index, refused));
                }
            }
            Effect::Send { connection, frame } => {
                let is_own = |link: &&Link| link.instance == index && link.client == connection;
                if let Some(link) = self.links.iter().find(is_own)
                    && link.server_open
                    && !is_cut
                {
                    let input = Input::Frame { connection: link.server, frame };
                    self.soon.push_back(Delivery::ToDatabase(input));
                }
            }
            Effect::Close { connection } => {
                let is_own = |link: &&mut Link| link.instance == index && link.client == connection;
                if let Some(link) = self.links.iter_mut().find(is_own) {
                    link.client_open = false;
                    if !is_cut && core::mem::take(&mut link.server_open) {
                        let broken = Input::Broken { connection: link.server, how: Broken::Closed };
                        self.soon.push_back(Delivery::ToDatabase(broken));
                    }
                }
            }
            Effect::Report(event) => self.reports.push((self.now, event)),
            Effect::Step(_) => {}
            other => panic!("a store asks for {other:?}"),
        }
    }

    /// What the instance found when it opened the store.
    pub(super) fn contents(&self, instance: usize) -> Option<&Contents> {
        self.instances[instance].events.iter().find_map(|(_, event)| match event {
            StoreEvent::Opened(contents) => Some(contents),
            _ => None,
        })
    }

    pub(super) fn has(&self, instance: usize, event: &StoreEvent) -> bool {
        self.when(instance, event).is_some()
    }

    pub(super) fn when(&self, instance: usize, event: &StoreEvent) -> Option<Time> {
        self.instances[instance].events.iter().find(|(_, told)| told == event).map(|(at, _)| *at)
    }

    pub(super) fn reported(&self, name: &str) -> bool {
        self.reports.iter().any(|(_, event)| event.name() == name)
    }
}
