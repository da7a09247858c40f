//! Queue managers, a coupling facility and z/OS images in a small world that can stop any of them between two effects.
//!
//! Time passes only when the test lets it; frames arrive in order; files have a durable part and one that a power loss
//! takes away; applications are driven by hand.

mod applications;
mod inspection;

use std::collections::BTreeMap;

use super::super::definition::{
    ConnectivityLoss, GroupDefinition, Placement, QueueDefinition, QueueManagerDefinition, QueuePlace,
    SharedQueueManagerName, StructureUse,
};
use super::super::{LOG, QueueManager};
use crate::coupling_facility::CouplingFacility;
use crate::coupling_facility::command::{
    BrowseCursor, CommandTag, Connector, CouplingRequest, CouplingResponse, EntryStatus, ListAnswer, ListOperation,
};
use crate::coupling_facility::definition::{ADMIN_STRUCTURE, CouplingFacilityDefinition, StructureDefinition};
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{
    Broken, ConnectionId, Effect, Effects, Ended, File, ForceId, Incarnation, Input, Machine, Refused, StopMode,
    StoredFile, TimerId,
};
use crate::message::{CorrelationId, Message, Payload, Persistence, Priority};
use crate::mqi::{
    Binding, ConnectOptions, Match, MqiAnswer, MqiCall, MqiReply, ObjectHandle, OpenFor, PutDescriptor, Reason,
    Syncpoint, Wait,
};
use crate::name::Address;
use crate::queue::MessageState;
use crate::step::Step;
use crate::sysplex::ZosImage;
use crate::sysplex::definition::{FailureManagement, ImageDefinition};
use crate::time::{Duration, Time};
use crate::unit_of_work::{UnitOfWorkDescriptor, Xid};

pub(super) use applications::{
    descriptor, message, milliseconds, options, payload, priority, put, put_with, seconds, xid,
};

const LATENCY: Duration = Duration::from_micros(5);
const FORCE: Duration = Duration::from_micros(100);
const INSPECTOR: ConnectionId = ConnectionId(u32::MAX);

pub(super) type Node = &'static str;

pub(super) const MEMBERS: [Node; 3] = ["QM01", "QM02", "QM03"];
const IMAGES: [Node; 3] = ["SYSA", "SYSB", "SYSC"];
const FACILITY: Node = "CF01";

/// How a process ends against its will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// The process is killed: what it appended is kept by its host.
    Kill,
    /// The host loses power: what was not forced is gone.
    PowerLoss,
}

/// What differs from test to test.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) members: usize,
    pub(super) connectivity_loss: ConnectivityLoss,
    pub(super) group_unit_of_recovery: bool,
    pub(super) shared_queue_manager_name: SharedQueueManagerName,
    pub(super) structure_entries: u32,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            members: 2,
            connectivity_loss: ConnectivityLoss::Terminate,
            group_unit_of_recovery: true,
            shared_queue_manager_name: SharedQueueManagerName::Use,
            structure_entries: 1000,
        }
    }
}

enum Kind {
    QueueManager(Box<QueueManager>),
    Image(Box<ZosImage>),
    Facility(Box<CouplingFacility>),
}

struct Process {
    kind: Kind,
    effects: Effects,
    timers: BTreeMap<TimerId, Time>,
    listening: bool,
}

#[derive(Clone, Debug, Default)]
struct Stored {
    start: u64,
    bytes: Vec<u8>,
    durable: u64,
}

impl Stored {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Process(Node, ConnectionId),
    Application(usize),
}

enum Arrival {
    Input(Node, Input),
    /// A force is complete that covers the file up to an offset.
    Forced(Node, File, ForceId, u64),
    Reply(usize, MqiReply),
    Broken(usize),
}

/// An application that is driven by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct App(usize);

#[derive(Debug, Default)]
struct Application {
    at: Option<(Node, ConnectionId)>,
    replies: Vec<MqiReply>,
}

/// What a test asks of an application's call: an answer or a reason. 2009 stands for a broken connection too.
pub(super) type Answer = Result<MqiAnswer, Reason>;

pub(super) struct World {
    pub(super) setup: Setup,
    pub(super) now: Time,
    sequence: u64,
    arrivals: BTreeMap<(Time, u64), Arrival>,
    processes: BTreeMap<Node, Process>,
    lives: BTreeMap<Node, u32>,
    disks: BTreeMap<Node, BTreeMap<File, Stored>>,
    ends: BTreeMap<(Node, ConnectionId), Peer>,
    applications: Vec<Application>,
    cut: Vec<(Node, Node)>,
    inspected: Vec<(u64, ListAnswer)>,
    inspector_attached: bool,
    last_inspection: u64,
    /// Effects that each process has performed.
    pub(super) performed: BTreeMap<Node, u64>,
    /// Stops a process before it performs the effect with this number.
    pub(super) crash_before: Option<(Node, u64, Crash)>,
    /// Forces of this process do not complete.
    pub(super) forces_held: Option<Node>,
    held: Vec<(File, ForceId, u64)>,
    pub(super) events: Vec<(Node, Event)>,
    pub(super) steps: Vec<(Node, Step)>,
    pub(super) ended: Vec<(Node, Ended)>,
}

fn image_of(member: Node) -> Node {
    IMAGES[MEMBERS.iter().position(|other| *other == member).unwrap()]
}

pub(super) fn queues() -> BTreeMap<crate::name::QueueName, QueueDefinition> {
    let private = QueueDefinition { default_persistence: Persistence::Persistent, ..QueueDefinition::default() };
    let shared = |structure: &str| QueueDefinition { place: QueuePlace::Shared(structure.into()), ..private.clone() };
    [
        ("PRIVATE", private.clone()),
        ("PRIVATE2", private.clone()),
        ("VOLATILE", QueueDefinition::default()),
        ("HARD", QueueDefinition { harden_backout: true, ..private.clone() }),
        ("SMALL", QueueDefinition { maximum_depth: 2, maximum_message_length: 1000, ..private.clone() }),
        ("ALONE", QueueDefinition { share: false, ..private.clone() }),
        (
            "FIFO",
            QueueDefinition { delivery_sequence: super::super::definition::DeliverySequence::Fifo, ..private.clone() },
        ),
        ("SHARED", shared("APP1")),
        ("SHARED2", shared("APP2")),
        (
            "SHARED.FIFO",
            QueueDefinition { delivery_sequence: super::super::definition::DeliverySequence::Fifo, ..shared("APP1") },
        ),
        ("SHARED.SMALL", QueueDefinition { maximum_depth: 2, maximum_message_length: 1000, ..shared("APP1") }),
        ("SHARED.VOLATILE", QueueDefinition { default_persistence: Persistence::Nonpersistent, ..shared("APPN") }),
    ]
    .into_iter()
    .map(|(name, definition)| (name.into(), definition))
    .collect()
}

fn definition(name: Node, setup: &Setup) -> QueueManagerDefinition {
    let structure = |persistent| StructureUse { connectivity_loss: setup.connectivity_loss, persistent };
    QueueManagerDefinition {
        name: name.into(),
        process: name.into(),
        listeners: vec![name.into()],
        queues: queues(),
        group: Some(GroupDefinition {
            name: "QSG1".into(),
            members: MEMBERS.iter().map(|member| (*member).into()).collect(),
            structures: [
                ("APP1".into(), structure(true)),
                ("APP2".into(), structure(true)),
                ("APPN".into(), structure(false)),
            ]
            .into(),
            coupling_facility: FACILITY.into(),
            group_unit_of_recovery: setup.group_unit_of_recovery,
        }),
        maximum_uncommitted_messages: 12,
        shared_queue_manager_name: setup.shared_queue_manager_name,
        client_silence: Duration::from_secs(360),
        retry_interval: Duration::from_secs(5),
    }
}

fn image(name: Node) -> ZosImage {
    let signals = |name: &str| Address::from(format!("{name}.signals"));
    ZosImage::new(ImageDefinition {
        name: name.into(),
        local_address: name.into(),
        signalling_address: signals(name),
        others: IMAGES.iter().filter(|other| **other != name).map(|other| ((*other).into(), signals(other))).collect(),
        coupling_facilities: vec![(FACILITY.into(), FACILITY.into())],
        failure_management: FailureManagement::default(),
        restart: Vec::new(),
    })
}

impl World {
    /// A sysplex with its members up.
    pub(super) fn new(setup: Setup) -> Self {
        let mut world = World {
            now: Time::START,
            sequence: 0,
            arrivals: BTreeMap::new(),
            processes: BTreeMap::new(),
            lives: BTreeMap::new(),
            disks: BTreeMap::new(),
            ends: BTreeMap::new(),
            applications: Vec::new(),
            cut: Vec::new(),
            inspected: Vec::new(),
            inspector_attached: false,
            last_inspection: 0,
            performed: BTreeMap::new(),
            crash_before: None,
            forces_held: None,
            held: Vec::new(),
            events: Vec::new(),
            steps: Vec::new(),
            ended: Vec::new(),
            setup,
        };
        let size = StructureDefinition { entries: world.setup.structure_entries, elements: 100_000 };
        let structures = ["APP1", "APP2", "APPN", ADMIN_STRUCTURE].map(|name| (name.into(), size));
        let facility = CouplingFacility::new(CouplingFacilityDefinition {
            name: FACILITY.into(),
            address: FACILITY.into(),
            structures: structures.into(),
            command_time: Duration::from_micros(10),
            signal_delay: Duration::from_micros(20),
            spurious_signal_every: 3,
        });
        world.load(FACILITY, Kind::Facility(Box::new(facility)));
        for name in IMAGES {
            world.load(name, Kind::Image(Box::new(image(name))));
        }
        world.run_for(Duration::from_millis(10));
        for member in &MEMBERS[..world.setup.members] {
            world.start(member);
        }
        world.run_for(Duration::from_millis(100));
        for member in &MEMBERS[..world.setup.members] {
            assert!(world.is_up(member), "{member} is up");
        }
        world
    }

    fn load(&mut self, node: Node, kind: Kind) {
        let process = Process { kind, effects: Effects::new(), timers: BTreeMap::new(), listening: false };
        let before = self.processes.insert(node, process);
        assert!(before.is_none(), "{node} runs already");
        let life = self.lives.entry(node).or_default();
        *life += 1;
        let incarnation = Incarnation(*life);
        let content = |(file, stored): (&File, &Stored)| {
            (*file, StoredFile::Content { start: stored.start, bytes: stored.bytes.clone() })
        };
        let files = self.disks.get(node).map(|files| files.iter().map(content).collect()).unwrap_or_default();
        self.arrive(Duration::ZERO, Arrival::Input(node, Input::Started { incarnation, files }));
    }

    /// Starts a queue manager, for the first time or again.
    pub(super) fn start(&mut self, member: Node) {
        let placement = Placement {
            image: image_of(member).into(),
            image_services: image_of(member).into(),
            coupling_facility: Some(FACILITY.into()),
        };
        let machine = QueueManager::new(definition(member, &self.setup), placement);
        self.load(member, Kind::QueueManager(Box::new(machine)));
    }

    /// Whether a queue manager takes connections.
    pub(super) fn is_up(&self, member: Node) -> bool {
        self.processes.get(member).is_some_and(|process| process.listening)
    }

    /// Whether a process is there.
    pub(super) fn runs(&self, node: Node) -> bool {
        self.processes.contains_key(node)
    }

    pub(super) fn queue_manager(&self, member: Node) -> &QueueManager {
        match &self.processes[member].kind {
            Kind::QueueManager(queue_manager) => queue_manager,
            Kind::Image(_) | Kind::Facility(_) => panic!("{member} is no queue manager"),
        }
    }

    // ---- Time

    fn arrive(&mut self, after: Duration, arrival: Arrival) {
        self.sequence += 1;
        self.arrivals.insert((self.now + after, self.sequence), arrival);
    }

    pub(super) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.step_until(end) {}
        self.now = end;
    }

    fn step_until(&mut self, end: Time) -> bool {
        let Some(first) = self.arrivals.first_entry() else { return false };
        if first.key().0 > end {
            return false;
        }
        let ((at, _), arrival) = first.remove_entry();
        self.now = at;
        match arrival {
            Arrival::Input(node, Input::Timer { timer }) => {
                let Some(process) = self.processes.get_mut(node) else { return true };
                if process.timers.get(&timer) == Some(&at) {
                    process.timers.remove(&timer);
                    self.hand(node, Input::Timer { timer });
                }
            }
            Arrival::Input(node, input) => self.hand(node, input),
            Arrival::Forced(node, file, request, up_to) => {
                if let Some(stored) = self.disks.get_mut(node).and_then(|files| files.get_mut(&file)) {
                    stored.durable = stored.durable.max(up_to);
                }
                self.hand(node, Input::Forced { file, request });
            }
            Arrival::Reply(application, reply) => self.applications[application].replies.push(reply),
            Arrival::Broken(application) => self.applications[application].at = None,
        }
        true
    }

    fn hand(&mut self, node: Node, input: Input) {
        let now = self.now;
        let Some(process) = self.processes.get_mut(node) else { return };
        let effects = &mut process.effects;
        match &mut process.kind {
            Kind::QueueManager(machine) => machine.handle(now, input, effects),
            Kind::Image(machine) => machine.handle(now, input, effects),
            Kind::Facility(machine) => machine.handle(now, input, effects),
        }
        let effects: Vec<Effect> = effects.drain().collect();
        for effect in effects {
            let performed = self.performed.entry(node).or_default();
            if let Some((victim, before, how)) = self.crash_before
                && victim == node
                && before == *performed
            {
                self.crash_before = None;
                self.crash(node, how);
                return;
            }
            *performed += 1;
            let ends = matches!(effect, Effect::End(_));
            self.perform(node, effect);
            if ends {
                return;
            }
        }
    }

    fn node(address: &Address) -> Node {
        let name = address.as_str().split('.').next().unwrap();
        IMAGES.iter().chain(&MEMBERS).chain(&[FACILITY]).find(|node| **node == name).unwrap()
    }

    fn perform(&mut self, node: Node, effect: Effect) {
        match effect {
            Effect::Listen { .. } => self.processes.get_mut(node).unwrap().listening = true,
            Effect::StopListening { .. } => self.processes.get_mut(node).unwrap().listening = false,
            Effect::Connect { connection, to, silence } => {
                self.connect(node, connection, Self::node(&to), silence.timeout())
            }
            Effect::Send { connection, frame } => self.send(node, connection, frame),
            Effect::Close { connection } => self.close(node, connection, Broken::Closed),
            Effect::Datagram { to, frame } => {
                let to = Self::node(&to);
                self.arrive(LATENCY, Arrival::Input(to, Input::Datagram { from: node.into(), frame }));
            }
            Effect::SetTimer { timer, at } => {
                self.processes.get_mut(node).unwrap().timers.insert(timer, at);
                self.arrive(at.since(self.now), Arrival::Input(node, Input::Timer { timer }));
            }
            Effect::CancelTimer { timer } => {
                self.processes.get_mut(node).unwrap().timers.remove(&timer);
            }
            Effect::Append { file, bytes } => {
                self.disks.entry(node).or_default().entry(file).or_default().bytes.extend(bytes);
            }
            Effect::Force { file, request } => {
                let up_to = self.disks.entry(node).or_default().entry(file).or_default().end();
                if self.forces_held == Some(node) {
                    self.held.push((file, request, up_to));
                } else {
                    self.arrive(FORCE, Arrival::Forced(node, file, request, up_to));
                }
            }
            Effect::DiscardBefore { file, offset } => {
                let stored = self.disks.get_mut(node).unwrap().get_mut(&file).unwrap();
                let dropped = usize::try_from(offset - stored.start).unwrap();
                stored.bytes.drain(..dropped);
                stored.start = offset;
            }
            Effect::CutFrom { file, offset } => {
                let stored = self.disks.get_mut(node).unwrap().get_mut(&file).unwrap();
                stored.bytes.truncate(usize::try_from(offset - stored.start).unwrap());
                stored.durable = stored.durable.min(offset);
            }
            Effect::Start { .. } => {}
            Effect::Step(step) => self.steps.push((node, step)),
            Effect::Report(event) => self.events.push((node, event)),
            Effect::End(ended) => {
                self.ended.push((node, ended));
                self.crash(node, Crash::Kill);
            }
        }
    }

    /// The held forces of a process complete, and later ones are no longer held.
    pub(super) fn let_forces_complete(&mut self) {
        let node = self.forces_held.take().expect("forces are held");
        for (file, request, up_to) in std::mem::take(&mut self.held) {
            self.arrive(FORCE, Arrival::Forced(node, file, request, up_to));
        }
    }

    // ---- Connections

    fn is_cut(&self, a: Node, b: Node) -> bool {
        self.cut.contains(&(a, b)) || self.cut.contains(&(b, a))
    }

    fn connect(&mut self, node: Node, connection: ConnectionId, to: Node, silence: Duration) {
        if self.is_cut(node, to) {
            let refused = Input::Refused { connection, why: Refused::NoAnswer };
            self.arrive(silence, Arrival::Input(node, refused));
            return;
        }
        let Some(other) = self.processes.get_mut(to) else {
            let refused = Input::Refused { connection, why: Refused::NobodyListens };
            self.arrive(LATENCY, Arrival::Input(node, refused));
            return;
        };
        let there = other.effects.next_connection_id();
        self.ends.insert((node, connection), Peer::Process(to, there));
        self.ends.insert((to, there), Peer::Process(node, connection));
        let accepted = Input::Accepted { connection: there, at: to.into(), from: node.into() };
        self.arrive(LATENCY, Arrival::Input(to, accepted));
        self.arrive(LATENCY, Arrival::Input(node, Input::Connected { connection }));
    }

    fn send(&mut self, node: Node, connection: ConnectionId, frame: Frame) {
        if connection == INSPECTOR {
            if let Frame::CouplingResponse(response) = frame
                && let CouplingResponse::Answer { tag, answer } = *response
            {
                self.inspected.push((tag.0, answer.expect("the inspector is connected")));
            }
            return;
        }
        match self.ends.get(&(node, connection)) {
            Some(&Peer::Process(to, connection)) if !self.is_cut(node, to) => {
                self.arrive(LATENCY, Arrival::Input(to, Input::Frame { connection, frame }));
            }
            Some(&Peer::Application(application)) => {
                let Frame::MqiReply(reply) = frame else { panic!("an application got {frame:?}") };
                self.arrive(LATENCY, Arrival::Reply(application, *reply));
            }
            Some(Peer::Process(..)) | None => {}
        }
    }

    fn close(&mut self, node: Node, connection: ConnectionId, how: Broken) {
        match self.ends.remove(&(node, connection)) {
            Some(Peer::Process(to, connection)) => {
                self.ends.remove(&(to, connection));
                if !self.is_cut(node, to) {
                    self.arrive(LATENCY, Arrival::Input(to, Input::Broken { connection, how }));
                }
            }
            Some(Peer::Application(application)) => self.arrive(LATENCY, Arrival::Broken(application)),
            None => {}
        }
    }

    // ---- Failures

    /// Stops a process now.
    pub(super) fn crash(&mut self, node: Node, how: Crash) {
        self.processes.remove(node);
        self.arrivals.retain(|_, arrival| match arrival {
            Arrival::Input(to, _) | Arrival::Forced(to, ..) => *to != node,
            Arrival::Reply(..) | Arrival::Broken(_) => true,
        });
        let connections: Vec<ConnectionId> =
            self.ends.keys().filter(|(of, _)| *of == node).map(|(_, connection)| *connection).collect();
        for connection in connections {
            self.close(node, connection, Broken::Reset);
        }
        if self.forces_held == Some(node) {
            self.forces_held = None;
            self.held.clear();
        }
        if how == Crash::PowerLoss
            && let Some(files) = self.disks.get_mut(node)
        {
            for stored in files.values_mut() {
                let keep = stored.durable.max(stored.start) - stored.start;
                stored.bytes.truncate(usize::try_from(keep).unwrap());
            }
        }
    }

    /// Cuts the links of a member's image to the coupling facility; the image notices after a second.
    pub(super) fn cut_coupling_link(&mut self, member: Node) {
        let image = image_of(member);
        for node in [image, member] {
            self.cut.push((node, FACILITY));
            let connections: Vec<(ConnectionId, ConnectionId)> = self
                .ends
                .iter()
                .filter_map(|((of, connection), peer)| match peer {
                    Peer::Process(FACILITY, there) if *of == node => Some((*connection, *there)),
                    _ => None,
                })
                .collect();
            for (here, there) in connections {
                self.ends.remove(&(node, here));
                self.ends.remove(&(FACILITY, there));
                if node == image {
                    let broken = Input::Broken { connection: here, how: Broken::Silence };
                    self.arrive(Duration::from_secs(1), Arrival::Input(node, broken));
                }
            }
        }
    }

    pub(super) fn mend_coupling_link(&mut self) {
        self.cut.clear();
    }

    pub(super) fn stop(&mut self, member: Node, mode: StopMode) {
        self.arrive(LATENCY, Arrival::Input(member, Input::Stop(mode)));
    }

    // ---- Applications
}
