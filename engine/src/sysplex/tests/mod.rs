//! Images, a coupling facility and make-believe address spaces in a small world.

mod claims;

use std::collections::BTreeMap;

use super::definition::{FailureManagement, ImageDefinition, RestartPolicy};
use super::frame::{GroupMessage, RecoveryPhase, SysplexFrame};
use super::image::ZosImage;
use crate::coupling_facility::CouplingFacility;
use crate::coupling_facility::command::{
    CommandRejected, CommandTag, Connector, CouplingRequest, CouplingResponse, ListAnswer, ListOperation,
};
use crate::coupling_facility::definition::{CouplingFacilityDefinition, StructureDefinition};
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{
    Broken, ConnectionId, Effect, Effects, Ended, Incarnation, Input, Machine, Refused, StopMode, TimerId,
};
use crate::name::{Address, ImageName, ProcessName};
use crate::time::{Duration, Time};

const LATENCY: Duration = Duration::from_micros(10);

type Node = &'static str;

struct Process {
    machine: Option<Box<dyn Machine>>,
    effects: Effects,
    paused_until: Time,
    timers: BTreeMap<TimerId, Time>,
    /// What an address space without a machine has got.
    got: Vec<Frame>,
}

struct World {
    now: Time,
    sequence: u64,
    arrivals: BTreeMap<(Time, u64), (Node, Input)>,
    processes: BTreeMap<Node, Process>,
    /// Both ends of every connection.
    ends: BTreeMap<(Node, ConnectionId), (Node, ConnectionId)>,
    cut: Vec<(Node, Node)>,
    lose_datagrams: u32,
    events: Vec<(Time, Node, Event)>,
    started: Vec<(Time, Node, ProcessName)>,
    ended: Vec<(Node, Ended)>,
    /// Who last told the coupling facility of a failed connector.
    reporter: Option<Node>,
}

const IMAGES: [Node; 3] = ["SYSA", "SYSB", "SYSC"];

fn seconds(seconds: u64) -> Time {
    Time::START + Duration::from_secs(seconds)
}

fn connector(name: &str, life: u32) -> Connector {
    Connector { name: name.into(), incarnation: Incarnation(life) }
}

fn image(name: Node) -> ZosImage {
    let signals = |name: &str| Address::from(format!("{name}.signals"));
    let others = IMAGES.iter().filter(|other| **other != name).map(|other| (ImageName::from(*other), signals(other)));
    ZosImage::new(ImageDefinition {
        name: name.into(),
        local_address: name.into(),
        signalling_address: signals(name),
        others: others.collect(),
        coupling_facilities: vec![("CF01".into(), "CF01".into())],
        failure_management: FailureManagement::default(),
        restart: vec![RestartPolicy {
            process: "qm01".into(),
            in_place: true,
            target_systems: vec!["SYSB".into(), "SYSC".into()],
            restart_attempts: 3,
            attempt_interval: Duration::from_secs(300),
            delay: Duration::from_secs(10),
        }],
    })
}

impl World {
    fn new() -> Self {
        let mut world = World {
            now: Time::START,
            sequence: 0,
            arrivals: BTreeMap::new(),
            processes: BTreeMap::new(),
            ends: BTreeMap::new(),
            cut: Vec::new(),
            lose_datagrams: 0,
            events: Vec::new(),
            started: Vec::new(),
            ended: Vec::new(),
            reporter: None,
        };
        let structure = StructureDefinition::of_size(1 << 20);
        let facility = CouplingFacility::new(CouplingFacilityDefinition {
            name: "CF01".into(),
            address: "CF01".into(),
            structures: [("APPLICATION1".into(), structure)].into(),
            command_time: Duration::from_micros(10),
            signal_delay: Duration::from_micros(20),
            spurious_signal_every: 0,
        });
        world.load("CF01", Some(Box::new(facility)), 1);
        for name in IMAGES {
            world.load(name, Some(Box::new(image(name))), 1);
        }
        world.run_until(seconds(1));
        world
    }

    fn load(&mut self, node: Node, machine: Option<Box<dyn Machine>>, incarnation: u32) {
        let process = Process {
            machine,
            effects: Effects::new(),
            paused_until: Time::START,
            timers: BTreeMap::new(),
            got: Vec::new(),
        };
        self.processes.insert(node, process);
        self.arrive(node, LATENCY, Input::Started { incarnation: Incarnation(incarnation), files: Vec::new() });
    }

    /// The process is gone, and its peers hear nothing of it.
    fn power_off(&mut self, node: Node) {
        self.processes.remove(node);
        self.arrivals.retain(|_, (to, _)| *to != node);
    }

    fn arrive(&mut self, node: Node, after: Duration, input: Input) {
        self.sequence += 1;
        self.arrivals.insert((self.now + after, self.sequence), (node, input));
    }

    fn is_cut(&self, a: Node, b: Node) -> bool {
        self.cut.contains(&(a, b)) || self.cut.contains(&(b, a))
    }

    fn run_until(&mut self, end: Time) {
        while let Some(first) = self.arrivals.first_entry() {
            if first.key().0 > end {
                break;
            }
            let ((at, sequence), (node, input)) = first.remove_entry();
            self.now = at;
            let Some(process) = self.processes.get_mut(node) else { continue };
            if process.paused_until > at {
                self.arrivals.insert((process.paused_until, sequence), (node, input));
                continue;
            }
            if let Input::Timer { timer } = input {
                if process.timers.get(&timer).is_none_or(|due| *due > at) {
                    continue;
                }
                process.timers.remove(&timer);
            }
            self.hand(node, input);
        }
        self.now = end;
    }

    fn hand(&mut self, node: Node, input: Input) {
        let Some(process) = self.processes.get_mut(node) else { return };
        match &mut process.machine {
            Some(machine) => machine.handle(self.now, input, &mut process.effects),
            None => {
                if let Input::Frame { frame, .. } = input {
                    process.got.push(frame);
                }
                return;
            }
        }
        let effects: Vec<Effect> = process.effects.drain().collect();
        for effect in effects {
            self.perform(node, effect);
        }
    }

    fn node(address: &Address) -> Node {
        let name = address.as_str().split('.').next().unwrap();
        ["SYSA", "SYSB", "SYSC", "CF01"].into_iter().find(|node| *node == name).unwrap()
    }

    fn perform(&mut self, node: Node, effect: Effect) {
        match effect {
            Effect::Connect { connection, to, silence } => {
                self.connect(node, connection, Self::node(&to), silence.timeout())
            }
            Effect::Send { connection, frame } => self.send(node, connection, frame),
            Effect::Datagram { to, frame } => {
                let to = Self::node(&to);
                if self.lose_datagrams > 0 {
                    self.lose_datagrams -= 1;
                } else if !self.is_cut(node, to) {
                    self.arrive(to, LATENCY, Input::Datagram { from: node.into(), frame });
                }
            }
            Effect::SetTimer { timer, at } => {
                self.processes.get_mut(node).unwrap().timers.insert(timer, at);
                self.arrive(node, at.since(self.now), Input::Timer { timer });
            }
            Effect::Start { process } => self.started.push((self.now, node, process)),
            Effect::Report(event) => self.events.push((self.now, node, event)),
            Effect::End(ended) => {
                self.ended.push((node, ended));
                self.power_off(node);
            }
            Effect::Listen { .. } => {}
            other => panic!("unexpected {other:?}"),
        }
    }

    fn connect(&mut self, node: Node, connection: ConnectionId, to: Node, silence: Duration) {
        if self.is_cut(node, to) || !self.processes.contains_key(to) {
            self.arrive(node, silence, Input::Refused { connection, why: Refused::NoAnswer });
            return;
        }
        let there = self.processes.get_mut(to).unwrap().effects.next_connection_id();
        self.ends.insert((node, connection), (to, there));
        self.ends.insert((to, there), (node, connection));
        self.arrive(to, LATENCY, Input::Accepted { connection: there, at: to.into(), from: node.into() });
        self.arrive(node, LATENCY, Input::Connected { connection });
    }

    fn send(&mut self, node: Node, connection: ConnectionId, frame: Frame) {
        if let Frame::CouplingRequest(request) = &frame
            && matches!(**request, CouplingRequest::ConnectorFailed { .. })
        {
            self.reporter = Some(node);
        }
        if let Some(&(to, connection)) = self.ends.get(&(node, connection))
            && !self.is_cut(node, to)
        {
            self.arrive(to, LATENCY, Input::Frame { connection, frame });
        }
    }

    fn break_connection(&mut self, node: Node, connection: ConnectionId, how: Broken) {
        if let Some(peer) = self.ends.remove(&(node, connection)) {
            self.ends.remove(&peer);
            self.arrive(peer.0, LATENCY, Input::Broken { connection: peer.1, how });
        }
    }

    /// Cuts the link of an image to the coupling facility.
    fn cut_coupling_link(&mut self, image: Node) {
        self.cut.push((image, "CF01"));
        let both = self.ends.iter().find(|((node, _), (peer, _))| *node == image && *peer == "CF01");
        let (&(_, connection), &peer) = both.unwrap();
        self.ends.remove(&(image, connection));
        self.ends.remove(&peer);
        self.arrive(image, Duration::from_secs(1), Input::Broken { connection, how: Broken::Silence });
    }

    /// An address space that does nothing by itself: registered with its image, connected to the structure.
    fn address_space(&mut self, node: Node, on: Node, connector: &Connector) -> (ConnectionId, ConnectionId) {
        self.processes.entry(node).or_insert_with(|| Process {
            machine: None,
            effects: Effects::new(),
            paused_until: Time::START,
            timers: BTreeMap::new(),
            got: Vec::new(),
        });
        let mut open = |to| {
            let connection = self.processes.get_mut(node).unwrap().effects.next_connection_id();
            self.connect(node, connection, to, Duration::from_secs(1));
            connection
        };
        let (local, coupling) = (open(on), open("CF01"));
        let register =
            SysplexFrame::Register { connector: connector.clone(), process: node.into(), group: "CSQGQSG1".into() };
        self.send(node, local, Frame::Sysplex(Box::new(register)));
        let attach = CouplingRequest::Attach { image: on.into(), connector: connector.clone() };
        self.send(node, coupling, Frame::CouplingRequest(Box::new(attach)));
        self.command(node, coupling, ListOperation::Connect);
        self.run_until(self.now + Duration::from_millis(1));
        (local, coupling)
    }

    fn command(&mut self, node: Node, on: ConnectionId, operation: ListOperation) {
        let command = CouplingRequest::Command { tag: CommandTag(1), structure: "APPLICATION1".into(), operation };
        self.send(node, on, Frame::CouplingRequest(Box::new(command)));
    }

    fn answer(
        &mut self,
        node: Node,
        on: ConnectionId,
        operation: ListOperation,
    ) -> Result<ListAnswer, CommandRejected> {
        self.got(node);
        self.command(node, on, operation);
        self.run_until(self.now + Duration::from_millis(1));
        match self.got(node).pop() {
            Some(Frame::CouplingResponse(response)) => match *response {
                CouplingResponse::Answer { answer, .. } => answer,
                other => panic!("answered {other:?}"),
            },
            other => panic!("answered {other:?}"),
        }
    }

    fn got(&mut self, node: Node) -> Vec<Frame> {
        std::mem::take(&mut self.processes.get_mut(node).unwrap().got)
    }

    fn is_told_of_failure(&mut self, node: Node, failed: &Connector) -> bool {
        let told = CouplingResponse::FailedConnection { structure: "APPLICATION1".into(), connector: failed.clone() };
        self.got(node).contains(&Frame::CouplingResponse(Box::new(told)))
    }

    /// When an event was reported, and by whom.
    fn reported(&self, event: &Event) -> Vec<(u64, Node)> {
        let it = self.events.iter().filter(|(_, _, reported)| reported == event);
        it.map(|(at, by, _)| (at.as_milliseconds() / 1000, *by)).collect()
    }
}
