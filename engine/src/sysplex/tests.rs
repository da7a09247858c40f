//! Images, a coupling facility and make-believe address spaces in a small world.

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
            Effect::Connect { connection, to, silence } => self.connect(node, connection, Self::node(&to), silence),
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

#[test]
fn an_abend_is_told_to_peers_within_the_notification_time_and_restarted_in_place() {
    let mut world = World::new();
    let failed = connector("QM01", 1);
    let (local, _) = world.address_space("qm01", "SYSA", &failed);
    world.address_space("qm02", "SYSB", &connector("QM02", 1));
    world.break_connection("qm01", local, Broken::Reset);
    world.run_until(world.now + Duration::from_millis(49));
    assert_eq!(world.reported(&Event::AddressSpaceEnded { connector: failed.clone() }), [(1, "SYSA")]);
    assert!(!world.is_told_of_failure("qm02", &failed));
    world.run_until(world.now + Duration::from_millis(2));
    assert!(world.is_told_of_failure("qm02", &failed));
    world.run_until(seconds(30));
    assert_eq!(world.started.len(), 1);
    assert_eq!((world.started[0].0.as_milliseconds() / 1000, world.started[0].1), (11, "SYSA"));
    assert_eq!(world.reported(&Event::RestartedInPlace { process: "qm01".into() }), [(11, "SYSA")]);
}

#[test]
fn an_end_in_good_order_is_not_a_failure() {
    let mut world = World::new();
    let (local, _) = world.address_space("qm01", "SYSA", &connector("QM01", 1));
    world.address_space("qm02", "SYSB", &connector("QM02", 1));
    world.send("qm01", local, Frame::Sysplex(Box::new(SysplexFrame::Deregister)));
    world.run_until(seconds(2));
    world.break_connection("qm01", local, Broken::Reset);
    world.run_until(seconds(60));
    assert!(world.events.is_empty() && world.started.is_empty(), "{:?}", world.events);
}

#[test]
fn automatic_restart_gives_up_after_its_attempts() {
    let mut world = World::new();
    for life in 1..=4 {
        let (local, _) = world.address_space("qm01", "SYSA", &connector("QM01", life));
        world.break_connection("qm01", local, Broken::Reset);
        world.run_until(world.now + Duration::from_secs(20));
    }
    assert_eq!(world.started.len(), 3);
    assert_eq!(world.reported(&Event::RestartAttemptsExhausted { process: "qm01".into() }).len(), 1);
    // The interval over, it counts anew.
    world.run_until(seconds(400));
    let (local, _) = world.address_space("qm01", "SYSA", &connector("QM01", 5));
    world.break_connection("qm01", local, Broken::Reset);
    world.run_until(seconds(420));
    assert_eq!(world.started.len(), 4);
}

#[test]
fn an_element_that_was_started_by_hand_is_not_started_again() {
    let mut world = World::new();
    let (local, _) = world.address_space("qm01", "SYSA", &connector("QM01", 1));
    world.break_connection("qm01", local, Broken::Reset);
    world.run_until(seconds(5));
    world.address_space("qm01", "SYSA", &connector("QM01", 2));
    world.run_until(seconds(60));
    assert_eq!(world.started, []);
}

#[test]
fn a_dead_image_is_isolated_after_the_detection_interval_and_its_work_restarted_after_cleanup() {
    let mut world = World::new();
    let failed = connector("QM01", 1);
    world.address_space("qm01", "SYSA", &failed);
    world.address_space("qm02", "SYSB", &connector("QM02", 1));
    world.run_until(seconds(10));
    world.power_off("SYSA");
    // The last update was sent after nine seconds.
    world.run_until(seconds(93));
    assert!(world.events.is_empty(), "{:?}", world.events);
    assert!(!world.is_told_of_failure("qm02", &failed));
    world.run_until(seconds(95));
    assert_eq!(world.reported(&Event::StatusUpdateMissing { image: "SYSA".into() }), [(94, "SYSB"), (94, "SYSC")]);
    assert_eq!(world.reported(&Event::ImageIsolated { image: "SYSA".into() }), [(94, "CF01")]);
    assert!(world.is_told_of_failure("qm02", &failed));
    world.run_until(seconds(130));
    assert_eq!(world.reported(&Event::ImagePartitioned { image: "SYSA".into() }), [(109, "SYSB")]);
    assert_eq!(world.started, [(world.started[0].0, "SYSB", "qm01".into())]);
    assert_eq!(
        world.reported(&Event::RestartedAcross { process: "qm01".into(), from: "SYSA".into() }),
        [(119, "SYSB")]
    );
    assert!(world.ended.is_empty());
}

#[test]
fn work_is_restarted_on_the_first_target_that_is_alive() {
    let mut world = World::new();
    world.address_space("qm01", "SYSA", &connector("QM01", 1));
    world.run_until(seconds(10));
    world.power_off("SYSB");
    world.run_until(seconds(300));
    world.power_off("SYSA");
    world.run_until(seconds(500));
    assert_eq!(world.reported(&Event::RestartedAcross { process: "qm01".into(), from: "SYSA".into() }).len(), 1);
    assert_eq!(world.started[0].1, "SYSC");
}

#[test]
fn members_are_known_even_if_signals_are_lost() {
    let mut world = World::new();
    world.lose_datagrams = 6;
    world.address_space("qm01", "SYSA", &connector("QM01", 1));
    world.run_until(seconds(30));
    assert_eq!(world.lose_datagrams, 0);
    world.power_off("SYSA");
    world.run_until(seconds(200));
    assert_eq!(world.started.len(), 1);
}

#[test]
fn an_image_that_was_only_stopped_ends_when_it_finds_itself_partitioned() {
    let mut world = World::new();
    let (_, coupling) = world.address_space("qm01", "SYSA", &connector("QM01", 1));
    world.run_until(seconds(10));
    world.processes.get_mut("SYSA").unwrap().paused_until = seconds(97);
    world.run_until(seconds(96));
    assert_eq!(world.answer("qm01", coupling, ListOperation::QueryDepths), Err(CommandRejected::Fenced));
    world.run_until(seconds(98));
    assert_eq!(world.ended, [("SYSA", Ended::Abnormally("partitioned out of the sysplex"))]);
    world.run_until(seconds(200));
    assert_eq!(world.ended.len(), 1);
    assert!(world.reported(&Event::StatusUpdateMissing { image: "SYSB".into() }).is_empty(), "it blames nobody else");
}

#[test]
fn an_image_that_was_stopped_for_a_short_while_goes_on_and_blames_nobody() {
    let mut world = World::new();
    for (from, to) in [(10, 94), (200, 280)] {
        world.run_until(seconds(from));
        world.processes.get_mut("SYSA").unwrap().paused_until = seconds(to) - Duration::from_millis(500);
    }
    world.run_until(seconds(500));
    assert!(world.events.is_empty(), "{:?}", world.events);
}

#[test]
fn when_the_sysplex_falls_apart_the_bigger_part_goes_on() {
    for alone in IMAGES {
        let mut world = World::new();
        world.run_until(seconds(10));
        for other in IMAGES.into_iter().filter(|other| *other != alone) {
            world.cut.push((alone, other));
        }
        world.run_until(seconds(300));
        assert_eq!(world.ended, [(alone, Ended::Abnormally("partitioned out of the sysplex"))]);
    }
}

#[test]
fn of_two_images_that_miss_each_other_exactly_one_goes_on() {
    let mut world = World::new();
    world.run_until(seconds(10));
    world.hand("SYSC", Input::Stop(StopMode::Quiesce));
    world.run_until(seconds(20));
    world.cut.push(("SYSA", "SYSB"));
    world.run_until(seconds(300));
    let ended: Vec<Node> = world.ended.iter().map(|(node, _)| *node).collect();
    assert_eq!(ended, ["SYSC", "SYSB"]);
}

#[test]
fn an_image_that_comes_back_early_has_its_former_load_partitioned_at_once() {
    let mut world = World::new();
    let failed = connector("QM01", 1);
    world.address_space("qm01", "SYSA", &failed);
    world.address_space("qm02", "SYSB", &connector("QM02", 1));
    world.run_until(seconds(10));
    world.power_off("SYSA");
    world.run_until(seconds(30));
    assert!(!world.is_told_of_failure("qm02", &failed));
    world.load("SYSA", Some(Box::new(image("SYSA"))), 2);
    world.run_until(seconds(31));
    assert!(world.is_told_of_failure("qm02", &failed));
    assert_eq!(world.reported(&Event::ImagePartitioned { image: "SYSA".into() }), [(30, "SYSB")]);
    world.run_until(seconds(300));
    assert!(world.started.is_empty() && world.ended.is_empty());
    assert!(world.reported(&Event::ImageIsolated { image: "SYSA".into() }).is_empty());
    let (_, coupling) = world.address_space("qm03", "SYSA", &connector("QM03", 1));
    assert!(matches!(world.answer("qm03", coupling, ListOperation::QueryDepths), Ok(ListAnswer::Depths(_))));
}

#[test]
fn an_image_that_leaves_in_good_order_waits_for_its_address_spaces_and_is_not_missed() {
    let mut world = World::new();
    let (local, _) = world.address_space("qm01", "SYSA", &connector("QM01", 1));
    world.hand("SYSA", Input::Stop(StopMode::Quiesce));
    world.run_until(seconds(20));
    assert_eq!(world.ended, []);
    world.send("qm01", local, Frame::Sysplex(Box::new(SysplexFrame::Deregister)));
    world.run_until(seconds(200));
    assert_eq!(world.ended, [("SYSA", Ended::Normally)]);
    assert!(world.events.is_empty(), "{:?}", world.events);
    world.load("SYSA", Some(Box::new(image("SYSA"))), 2);
    world.run_until(seconds(210));
    world.power_off("SYSA");
    world.run_until(seconds(400));
    assert_eq!(world.reported(&Event::StatusUpdateMissing { image: "SYSA".into() }).len(), 2, "watched again");
}

#[test]
fn a_lost_coupling_link_is_reported_by_another_image_and_told_to_address_spaces() {
    let mut world = World::new();
    let cut_off = connector("QM01", 1);
    world.address_space("qm01", "SYSA", &cut_off);
    world.address_space("qm02", "SYSB", &connector("QM02", 1));
    world.got("qm01");
    world.cut_coupling_link("SYSA");
    world.lose_datagrams = 0;
    world.run_until(seconds(10));
    let connectivity = |available| {
        let coupling_facility = "CF01".into();
        Frame::Sysplex(Box::new(SysplexFrame::CouplingConnectivity { coupling_facility, available }))
    };
    assert_eq!(world.got("qm01"), [connectivity(false)]);
    assert!(world.is_told_of_failure("qm02", &cut_off));
    let failures = |world: &World| world.reported(&Event::ConnectorFailed { connector: connector("QM01", 1) }).len();
    assert_eq!(failures(&world), 1);
    world.cut.clear();
    world.run_until(seconds(20));
    assert_eq!(world.got("qm01"), [connectivity(true)]);
    assert_eq!(world.reported(&Event::CouplingLinkLost { coupling_facility: "CF01".into() }), [(2, "SYSA")]);
    assert_eq!(world.reported(&Event::CouplingLinkRestored { coupling_facility: "CF01".into() }).len(), 1);
    // It comes back, and nothing that was said of the loss is said again.
    let (_, coupling) = world.address_space("qm01", "SYSA", &cut_off);
    world.run_until(seconds(60));
    assert!(matches!(world.answer("qm01", coupling, ListOperation::QueryDepths), Ok(ListAnswer::Depths(_))));
    assert_eq!(failures(&world), 1);
}

#[test]
fn a_lost_coupling_link_is_reported_even_if_the_first_signals_are_lost() {
    let mut world = World::new();
    let cut_off = connector("QM01", 1);
    world.address_space("qm01", "SYSA", &cut_off);
    world.address_space("qm02", "SYSB", &connector("QM02", 1));
    world.run_until(seconds(20));
    world.cut_coupling_link("SYSA");
    world.lose_datagrams = 8;
    world.run_until(seconds(40));
    assert!(world.is_told_of_failure("qm02", &cut_off));
}

#[test]
fn an_abend_during_a_lost_link_is_told_when_the_link_is_back() {
    let mut world = World::new();
    let failed = connector("QM01", 1);
    // Nobody else can tell.
    let (local, _) = world.address_space("qm01", "SYSA", &failed);
    world.address_space("qm02", "SYSB", &connector("QM02", 1));
    for other in ["SYSB", "SYSC"] {
        world.cut.push(("SYSA", other));
    }
    world.cut_coupling_link("SYSA");
    world.run_until(seconds(5));
    world.break_connection("qm01", local, Broken::Reset);
    world.run_until(seconds(8));
    assert!(!world.is_told_of_failure("qm02", &failed));
    world.cut.clear();
    world.run_until(seconds(12));
    assert!(world.is_told_of_failure("qm02", &failed));
}

#[test]
fn group_messages_find_their_way_on_the_same_image_and_across() {
    let mut world = World::new();
    let (local, _) = world.address_space("qm01", "SYSA", &connector("QM01", 1));
    world.address_space("qm02", "SYSB", &connector("QM02", 1));
    world.address_space("qm03", "SYSA", &connector("QM03", 1));
    for (node, to) in [("qm02", "QM02"), ("qm03", "QM03")] {
        let message = GroupMessage::ShareDone {
            structure: "APPLICATION1".into(),
            failed: connector("QM04", 1),
            phase: RecoveryPhase::One,
            share: 0,
            succeeded: true,
        };
        let group = SysplexFrame::Group { from: "QM01".into(), to: to.into(), message };
        let frame = Frame::Sysplex(Box::new(group));
        world.got(node);
        world.send("qm01", local, frame.clone());
        world.run_until(world.now + Duration::from_millis(1));
        assert_eq!(world.got(node), [frame]);
    }
}
