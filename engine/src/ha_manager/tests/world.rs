//! The small world: latency of a millisecond, silence counted from the cut, a host that does as it is told in a second.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::event::Event;
use crate::ha_manager::decide::MemberState;
use crate::ha_manager::definition::{CoreGroupDefinition, MemberDefinition};
use crate::ha_manager::frame::View;
use crate::ha_manager::policy::{GroupName, Policy, PolicySet};
use crate::ha_manager::{GroupOrder, HaManager, Health};
use crate::machine::{Broken, ConnectionId, Effect, Effects, Incarnation, Input, Refused, TimerId};
use crate::name::{Address, ClusterName, ProcessName};
use crate::time::{Duration, Time};

const LATENCY: Duration = Duration::from_millis(1);
const WORK: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Happening {
    Input(Input),
    Timer(TimerId, u64),
    /// A silence timeout may have run out at this end.
    Silence(ConnectionId),
    /// An attempt to connect may still be without an answer.
    GiveUp(ConnectionId),
    Work(GroupOrder),
}

pub(super) struct Node {
    pub(super) manager: HaManager,
    effects: Effects,
    timers: BTreeMap<TimerId, u64>,
    /// Own connection to peer, its incarnation and number there.
    connections: BTreeMap<ConnectionId, (ProcessName, ConnectionId)>,
}

pub(super) struct World {
    pub(super) definition: Arc<CoreGroupDefinition>,
    pub(super) now: Time,
    queue: BTreeMap<(Time, u64), (ProcessName, u32, Happening)>,
    next: u64,
    pub(super) nodes: BTreeMap<ProcessName, Node>,
    lives: BTreeMap<ProcessName, u32>,
    /// Directed: nothing comes from the first to the second.
    cut: BTreeSet<(ProcessName, ProcessName)>,
    /// How long frames take between two processes, where it is not [`LATENCY`].
    latency: BTreeMap<(ProcessName, ProcessName), Duration>,
    /// Frames and requests for a connection that wait for the link: a kernel sends them again.
    held: Vec<(ProcessName, Effect)>,
    pub(super) events: Vec<(Time, ProcessName, Event)>,
    pub(super) orders: Vec<(Time, ProcessName, GroupOrder)>,
    /// Every view that was installed, by whom.
    pub(super) views: Vec<(Time, ProcessName, View)>,
    pub(super) group: Option<GroupName>,
    pub(super) failing: BTreeSet<ProcessName>,
    pub(super) hung: BTreeSet<ProcessName>,
}

pub(super) fn process(name: &str) -> ProcessName {
    ProcessName::from(name)
}

pub(super) fn group() -> GroupName {
    GroupName::new(&[("WAS_CLUSTER", "c"), ("WSAF_SIB_MESSAGING_ENGINE", "c.000-b"), ("type", "WSAF_SIB")])
}

/// A core group of four, as most claims have it.
pub(super) const NAMES: [&str; 4] = ["a1", "s1", "s2", "s3"];

/// A policy for the engine alone.
pub(super) fn own_policy() -> Policy {
    Policy::one_of_n("own", &[("type", "WSAF_SIB"), ("WSAF_SIB_MESSAGING_ENGINE", "c.000-b")])
}

/// The core group of four, started under this policy.
pub(super) fn with(policy: Policy) -> World {
    let mut definition = definition(&NAMES);
    definition.policies = PolicySet::with_default(vec![policy]);
    World::started(definition)
}

/// A core group of servers of one cluster (`s1`...) and of others that may not be given work (`a1`...).
pub(super) fn definition(names: &[&str]) -> CoreGroupDefinition {
    let member = |name: &&str| MemberDefinition {
        process: process(name),
        address: Address::from(*name),
        cluster: name.starts_with('s').then(|| ClusterName::from("c")),
        allow_activation: name.starts_with('s'),
    };
    CoreGroupDefinition::new("DefaultCoreGroup".into(), names.iter().map(member).collect())
}

impl World {
    pub(super) fn new(definition: CoreGroupDefinition) -> Self {
        World {
            definition: Arc::new(definition),
            now: Time::START,
            queue: BTreeMap::new(),
            next: 0,
            nodes: BTreeMap::new(),
            lives: BTreeMap::new(),
            cut: BTreeSet::new(),
            latency: BTreeMap::new(),
            held: Vec::new(),
            events: Vec::new(),
            orders: Vec::new(),
            views: Vec::new(),
            group: Some(group()),
            failing: BTreeSet::new(),
            hung: BTreeSet::new(),
        }
    }

    /// A world in which all have started and a minute has passed.
    pub(super) fn started(definition: CoreGroupDefinition) -> Self {
        let mut world = World::new(definition);
        for member in &world.definition.clone().members {
            world.start(member.process.as_str());
        }
        world.run(60);
        world
    }

    fn at(&mut self, after: Duration, to: &ProcessName, what: Happening) {
        let life = self.lives.get(to).copied().unwrap_or_default();
        self.next += 1;
        self.queue.insert((self.now + after, self.next), (to.clone(), life, what));
    }

    pub(super) fn start(&mut self, name: &str) {
        let name = process(name);
        if self.nodes.contains_key(&name) {
            return;
        }
        let life = self.lives.entry(name.clone()).or_default();
        *life += 1;
        let incarnation = Incarnation(*life);
        let manager = HaManager::new(self.definition.clone(), name.clone(), TimerId(7));
        let (timers, connections) = (BTreeMap::new(), BTreeMap::new());
        self.nodes.insert(name.clone(), Node { manager, effects: Effects::new(), timers, connections });
        self.with(&name, |manager, now, effects| manager.started(now, incarnation, effects));
        if name.as_str().starts_with('s')
            && let Some(group) = self.group.clone()
        {
            self.with(&name, |manager, now, effects| manager.join(now, group, effects));
        }
    }

    /// The process ends without a word; its host closes its connections.
    pub(super) fn kill(&mut self, name: &str) {
        let name = process(name);
        let Some(node) = self.nodes.remove(&name) else { return };
        self.held.retain(|(from, _)| *from != name);
        for (here, (peer, there)) in node.connections {
            if !self.is_open(&name, here, &peer, there) {
                continue;
            }
            if self.can_pass(&name, &peer) {
                let reset = Input::Broken { connection: there, how: Broken::Reset };
                self.at(self.latency(&name, &peer), &peer, Happening::Input(reset));
            } else {
                self.at(self.definition.silence(), &peer, Happening::Silence(there));
            }
        }
    }

    pub(super) fn stop(&mut self, name: &str) {
        let name = process(name);
        self.with(&name, |manager, now, effects| manager.stop(now, effects));
        self.nodes.remove(&name);
    }

    pub(super) fn cut_one_way(&mut self, from: &str, to: &str) {
        let (from, to) = (process(from), process(to));
        self.cut.insert((from.clone(), to.clone()));
        let Some(node) = self.nodes.get(&to) else { return };
        let silent: Vec<_> = node.connections.iter().filter(|(_, (peer, _))| *peer == from).map(|(c, _)| *c).collect();
        for connection in silent {
            self.at(self.definition.silence(), &to, Happening::Silence(connection));
        }
    }

    pub(super) fn cut(&mut self, a: &str, b: &str) {
        self.cut_one_way(a, b);
        self.cut_one_way(b, a);
    }

    pub(super) fn partition(&mut self, left: &[&str], right: &[&str]) {
        for (a, b) in left.iter().flat_map(|a| right.iter().map(move |b| (a, b))) {
            self.cut(a, b);
        }
    }

    /// One link works again, long after the connections over it have ended.
    pub(super) fn mend(&mut self, a: &str, b: &str) {
        self.cut.retain(|(from, to)| ![(a, b), (b, a)].contains(&(from.as_str(), to.as_str())));
        self.send_again();
    }

    pub(super) fn heal(&mut self) {
        self.cut.clear();
        self.send_again();
    }

    fn send_again(&mut self) {
        for (name, effect) in std::mem::take(&mut self.held) {
            if self.nodes.contains_key(&name) {
                self.perform(&name, effect);
            }
        }
    }

    /// From now on, how long frames take between two processes.
    pub(super) fn set_latency(&mut self, a: &str, b: &str, latency: Duration) {
        let (a, b) = (process(a), process(b));
        self.latency.insert((a.clone(), b.clone()), latency);
        self.latency.insert((b, a), latency);
    }

    fn latency(&self, from: &ProcessName, to: &ProcessName) -> Duration {
        self.latency.get(&(from.clone(), to.clone())).copied().unwrap_or(LATENCY)
    }

    fn can_pass(&self, from: &ProcessName, to: &ProcessName) -> bool {
        !self.cut.contains(&(from.clone(), to.clone()))
    }

    /// Whether the peer still holds its end: numbers begin anew in each life of a process.
    fn is_open(&self, name: &ProcessName, here: ConnectionId, peer: &ProcessName, there: ConnectionId) -> bool {
        let end = self.nodes.get(peer).and_then(|node| node.connections.get(&there));
        end.is_some_and(|(back, connection)| back == name && *connection == here)
    }

    pub(super) fn run(&mut self, seconds: u64) {
        self.run_until(self.now + Duration::from_secs(seconds));
    }

    pub(super) fn run_until(&mut self, until: Time) {
        let mut steps = 0;
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= until) {
            let ((at, _), (to, life, what)) = entry.remove_entry();
            self.now = at;
            steps += 1;
            assert!(steps < 1_000_000, "the managers do not come to rest");
            if self.nodes.contains_key(&to) && self.lives[&to] == life {
                self.happen(&to, what);
            }
        }
        self.now = until;
    }

    fn happen(&mut self, to: &ProcessName, what: Happening) {
        let node = self.nodes.get(to).expect("it was asked for");
        let input = match what {
            Happening::Timer(timer, set) if node.timers.get(&timer) == Some(&set) => Input::Timer { timer },
            Happening::Timer(..) => return,
            Happening::Silence(connection) => {
                let Some((peer, there)) = node.connections.get(&connection).cloned() else { return };
                let hears = self.is_open(to, connection, &peer, there) && self.can_pass(&peer, to);
                if hears {
                    return;
                }
                Input::Broken { connection, how: Broken::Silence }
            }
            Happening::GiveUp(connection) => {
                let is_that =
                    |effect: &Effect| matches!(effect, Effect::Connect { connection: of, .. } if *of == connection);
                let waits = self.held.iter().position(|(name, effect)| name == to && is_that(effect));
                let Some(index) = waits else { return };
                self.held.remove(index);
                Input::Refused { connection, why: Refused::NoAnswer }
            }
            Happening::Input(input) => input,
            Happening::Work(order) => {
                let fails = self.failing.contains(to);
                self.with(to, |manager, now, effects| match &order {
                    GroupOrder::Activate(group) if fails => manager.activation_failed(now, group, effects),
                    GroupOrder::Activate(group) => manager.activated(now, group, effects),
                    GroupOrder::Deactivate(group) => manager.deactivated(now, group, effects),
                    GroupOrder::AreYouAlive(group) => manager.alive(now, group, Health::Alive, effects),
                    _ => {}
                });
                return;
            }
        };
        if let Input::Broken { connection, how } = &input {
            let own = self.nodes.get_mut(to).expect("it was asked for");
            let Some((peer, there)) = own.connections.remove(connection) else { return };
            if *how == Broken::Silence {
                let reset = Input::Broken { connection: there, how: Broken::Reset };
                if self.is_open(to, *connection, &peer, there) && self.can_pass(to, &peer) {
                    self.at(self.latency(to, &peer), &peer, Happening::Input(reset));
                }
            }
        }
        self.with(to, |manager, now, effects| {
            manager.offer(now, input, effects);
        });
    }

    pub(super) fn with<R>(
        &mut self,
        name: &ProcessName,
        act: impl FnOnce(&mut HaManager, Time, &mut Effects) -> R,
    ) -> R {
        let now = self.now;
        let node = self.nodes.get_mut(name).expect("the process lives");
        let before = node.manager.view().id.clone();
        let result = act(&mut node.manager, now, &mut node.effects);
        if node.manager.view().id != before {
            self.views.push((now, name.clone(), node.manager.view().clone()));
        }
        let effects: Vec<Effect> = node.effects.drain().collect();
        let orders = node.manager.take_orders();
        for effect in effects {
            self.perform(name, effect);
        }
        for order in orders {
            self.orders.push((now, name.clone(), order.clone()));
            match order {
                GroupOrder::AreYouAlive(_) if self.hung.contains(name) => {}
                GroupOrder::NotAlive(_) | GroupOrder::Terminate { .. } => self.kill(name.as_str()),
                GroupOrder::BoardChanged => {}
                order => self.at(WORK, name, Happening::Work(order)),
            }
        }
        result
    }

    fn perform(&mut self, name: &ProcessName, effect: Effect) {
        match effect {
            Effect::Connect { connection, to, silence } => {
                let peer = process(to.as_str());
                let latency = self.latency(name, &peer);
                if !self.can_pass(name, &peer) || !self.can_pass(&peer, name) {
                    self.at(silence.timeout(), name, Happening::GiveUp(connection));
                    self.held.push((name.clone(), Effect::Connect { connection, to, silence }));
                } else if let Some(node) = self.nodes.get_mut(&peer) {
                    let there = node.effects.next_connection_id();
                    node.connections.insert(there, (name.clone(), connection));
                    let own = self.nodes.get_mut(name).expect("it acts");
                    own.connections.insert(connection, (peer.clone(), there));
                    let accepted = Input::Accepted { connection: there, at: to, from: name.clone() };
                    self.at(latency, &peer, Happening::Input(accepted));
                    self.at(latency, name, Happening::Input(Input::Connected { connection }));
                } else {
                    let refused = Input::Refused { connection, why: Refused::NobodyListens };
                    self.at(latency, name, Happening::Input(refused));
                }
            }
            Effect::Send { connection, frame } => {
                let there = self.nodes[name].connections.get(&connection).cloned();
                let Some((peer, there)) = there else { return };
                if !self.can_pass(name, &peer) {
                    self.held.push((name.clone(), Effect::Send { connection, frame }));
                    return;
                }
                if self.is_open(name, connection, &peer, there) {
                    let frame = Input::Frame { connection: there, frame };
                    self.at(self.latency(name, &peer), &peer, Happening::Input(frame));
                }
            }
            Effect::Close { connection } => {
                let own = self.nodes.get_mut(name).expect("it acts");
                let Some((peer, there)) = own.connections.remove(&connection) else { return };
                if self.is_open(name, connection, &peer, there) {
                    let closed = Input::Broken { connection: there, how: Broken::Closed };
                    self.at(self.latency(name, &peer), &peer, Happening::Input(closed));
                }
            }
            Effect::Datagram { to, frame } => {
                let peer = process(to.as_str());
                if self.can_pass(name, &peer) {
                    let datagram = Input::Datagram { from: name.clone(), frame };
                    self.at(self.latency(name, &peer), &peer, Happening::Input(datagram));
                }
            }
            Effect::SetTimer { timer, at } => {
                let set = self.next + 1;
                self.nodes.get_mut(name).expect("it acts").timers.insert(timer, set);
                self.at(at.since(self.now), name, Happening::Timer(timer, set));
            }
            Effect::CancelTimer { timer } => {
                self.nodes.get_mut(name).expect("it acts").timers.remove(&timer);
            }
            Effect::Report(event) => self.events.push((self.now, name.clone(), event)),
            _ => {}
        }
    }

    pub(super) fn view(&self, name: &str) -> Vec<String> {
        self.nodes[&process(name)].manager.view().members.iter().map(ToString::to_string).collect()
    }

    pub(super) fn coordinators(&self) -> Vec<String> {
        let coordinators = self.nodes.iter().filter(|(_, node)| node.manager.is_coordinator());
        coordinators.map(|(name, _)| name.to_string()).collect()
    }

    pub(super) fn in_state(&self, state: MemberState) -> Vec<String> {
        let nodes = self.nodes.iter().filter(|(_, node)| node.manager.state(&group()) == Some(state));
        nodes.map(|(name, _)| name.to_string()).collect()
    }

    pub(super) fn active(&self) -> Vec<String> {
        self.in_state(MemberState::Activated)
    }

    pub(super) fn saw(&self, event: &str) -> bool {
        self.events.iter().any(|(_, _, seen)| seen.name() == event)
    }
}
