//! What an activation does when engines start, end and cannot be found.

use super::*;
use crate::frame::Frame;
use crate::machine::{Broken, ConnectionId, Refused};
use crate::messaging_engine::frame::{BusReply, LocalEngines};

const HERE: &str = "cluster1.000-BUS";
const ELSEWHERE: &str = "cluster2.000-BUS";
const RETRY: Duration = ActivationSpecification::DEFAULT_RETRY_INTERVAL;

fn specification() -> ActivationSpecification {
    ActivationSpecification {
        server: Address::from("server1"),
        bus: "BUS".into(),
        application: "booking".to_owned(),
        target: Target::Any,
        significance: TargetSignificance::Preferred,
        driven: Driven::WhereAnEngineRuns,
        retry_interval: RETRY,
        silence: ConnectionFactory::DEFAULT_SILENCE,
    }
}

/// An activation with the little that it needs around it: connections are opened and closed at once, and a bootstrap
/// server sends on to whatever engine is known for the target.
struct World {
    now: Time,
    activation: EndpointActivation,
    effects: Effects,
    /// The engine to which a client with this target is sent.
    known: Vec<(Target, &'static str)>,
    watch: ConnectionId,
    /// The connection over which messages come: the last one on which an engine was asked for.
    engine: ConnectionId,
    timer: Option<Time>,
    told: Vec<String>,
}

impl World {
    /// An endpoint that wants messages, in a server with these engines.
    fn new(
        specification: ActivationSpecification,
        installed: &[&str],
        running: &[&str],
        known: &[(Target, &'static str)],
    ) -> Self {
        let mut world = World {
            now: Time::START,
            activation: EndpointActivation::new(specification),
            effects: Effects::new(),
            known: known.to_vec(),
            watch: ConnectionId(1),
            engine: ConnectionId(0),
            timer: None,
            told: Vec::new(),
        };
        world.connect();
        world.engines(installed, running);
        world
    }

    fn connect(&mut self) {
        self.activation.connect(self.now, &mut self.effects);
        self.settle();
    }

    /// The server tells which engines it has.
    fn engines(&mut self, installed: &[&str], running: &[&str]) {
        let names = |names: &[&str]| names.iter().map(|name| MessagingEngineName::from(*name)).collect();
        let engines = LocalEngines { installed: names(installed), running: names(running) };
        self.reply(self.watch, BusReply::LocalEngines(engines));
    }

    fn reply(&mut self, connection: ConnectionId, reply: BusReply) {
        self.input(Input::Frame { connection, frame: Frame::BusReply(Box::new(reply)) });
    }

    fn input(&mut self, input: Input) {
        self.activation.handle(self.now, input, &mut self.effects);
        self.settle();
    }

    /// The engine that delivers goes.
    fn engine_goes(&mut self) {
        self.input(Input::Broken { connection: self.engine, how: Broken::Reset });
    }

    fn wait_for_timer(&mut self) {
        self.now = self.timer.take().expect("a timer is set");
        self.input(Input::Timer { timer: RETRY_TIMER });
    }

    fn settle(&mut self) {
        loop {
            let effects: Vec<Effect> = self.effects.drain().collect();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                self.perform(effect);
            }
        }
    }

    fn perform(&mut self, effect: Effect) {
        let mut answer = |activation: &mut EndpointActivation, input| {
            activation.handle(self.now, input, &mut self.effects);
        };
        match effect {
            Effect::Connect { connection, .. } => answer(&mut self.activation, Input::Connected { connection }),
            Effect::Send { connection, frame: Frame::BusCall(call) } => {
                let reply = match *call {
                    BusCall::WatchLocalEngines { .. } => return self.watch = connection,
                    BusCall::Bootstrap { target, significance, proximity, .. } => {
                        assert_eq!(significance, TargetSignificance::Required, "every attempt knows what it wants");
                        self.told.push(format!("asks for {} in reach of {proximity:?}", text(&target)));
                        match self.known.iter().find(|(known, _)| *known == target) {
                            Some((_, engine)) => {
                                BusReply::Redirect { server: "server".into(), engine: (*engine).into() }
                            }
                            None => BusReply::Failed(BusReason::NoMessagingEngine),
                        }
                    }
                    BusCall::Connect { engine, .. } => {
                        self.engine = connection;
                        BusReply::Connected { engine }
                    }
                    BusCall::Close => BusReply::Done,
                    other => panic!("{other:?}"),
                };
                answer(&mut self.activation, Input::Frame { connection, frame: Frame::BusReply(Box::new(reply)) });
            }
            Effect::SetTimer { timer: RETRY_TIMER, at } => self.timer = Some(at),
            Effect::CancelTimer { timer: RETRY_TIMER } => self.timer = None,
            Effect::Report(event) => self.told.push(event.name().to_owned()),
            Effect::Close { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }
}

fn text(target: &Target) -> String {
    match target {
        Target::Any => "any engine".to_owned(),
        Target::BusMember(member) => member.to_string(),
        Target::MessagingEngine(engine) => engine.to_string(),
    }
}

fn target(engine: &str) -> Target {
    Target::MessagingEngine(engine.into())
}

#[test]
fn without_an_engine_in_its_server_an_endpoint_stands_by_until_one_starts_there() {
    let known = [(Target::Any, HERE)];
    let mut world = World::new(specification(), &[HERE], &[], &known);
    assert!(!world.activation.is_connected());
    assert_eq!((world.told(), world.timer), (vec!["endpoint_stands_by".to_owned()], None), "and does not poll");
    world.engines(&[HERE], &[HERE]);
    assert!(world.activation.is_connected());
    assert_eq!(world.told(), ["asks for any engine in reach of Server", "endpoint_connected"]);
}

#[test]
fn always_activated_endpoints_look_for_an_engine_anywhere() {
    let known = [(Target::Any, HERE)];
    let everywhere = ActivationSpecification { driven: Driven::InAllServers, ..specification() };
    let mut world = World::new(everywhere, &[HERE], &[], &known);
    assert!(world.activation.is_connected());
    assert_eq!(world.told(), ["asks for any engine in reach of Bus", "endpoint_connected"]);
}

#[test]
fn a_server_without_engines_of_the_bus_drives_its_endpoints_anyway() {
    let mut world = World::new(specification(), &[], &[], &[(Target::Any, ELSEWHERE)]);
    assert!(world.activation.is_connected());
    assert_eq!(world.told(), ["asks for any engine in reach of Bus", "endpoint_connected"]);
}

#[test]
fn no_engine_is_looked_for_again_after_the_retry_interval_and_at_once_when_one_starts_in_the_server() {
    let everywhere = ActivationSpecification { driven: Driven::InAllServers, ..specification() };
    let mut world = World::new(everywhere, &[HERE], &[], &[]);
    assert_eq!(world.told(), ["asks for any engine in reach of Bus", "endpoint_not_connected"]);
    assert_eq!(world.timer, Some(Time::START + RETRY));
    world.wait_for_timer();
    assert_eq!(world.timer, Some(Time::START + RETRY * 2));
    world.told();
    world.known = vec![(Target::Any, HERE)];
    world.engines(&[HERE], &[HERE]);
    assert!(world.activation.is_connected());
    assert_eq!((world.told().len(), world.timer), (2, None));
}

#[test]
fn an_engine_that_starts_while_another_answer_is_awaited_is_not_missed() {
    let everywhere = ActivationSpecification { driven: Driven::InAllServers, ..specification() };
    let mut activation = EndpointActivation::new(everywhere);
    let (now, mut effects) = (Time::START, Effects::new());
    let frame = |connection, reply| Input::Frame {
        connection: ConnectionId(connection),
        frame: Frame::BusReply(Box::new(reply)),
    };
    let engines = |running: &[&str]| {
        let running = running.iter().map(|name| MessagingEngineName::from(*name)).collect();
        BusReply::LocalEngines(LocalEngines { installed: [HERE.into()].into(), running })
    };
    activation.connect(now, &mut effects);
    activation.handle(now, Input::Connected { connection: ConnectionId(1) }, &mut effects);
    activation.handle(now, frame(1, engines(&[])), &mut effects);
    activation.handle(now, Input::Connected { connection: ConnectionId(2) }, &mut effects);
    activation.handle(now, frame(1, engines(&[HERE])), &mut effects);
    effects.drain();
    activation.handle(now, frame(2, BusReply::Failed(BusReason::NoMessagingEngine)), &mut effects);
    let asks_again = effects.as_slice().iter().any(|effect| matches!(effect, Effect::Connect { .. }));
    assert!(asks_again, "{:?}", effects.as_slice());
}

#[test]
fn a_connection_that_ends_is_noticed_by_the_endpoint_and_then_replaced_at_once() {
    let mut world = World::new(specification(), &[], &[], &[(Target::Any, ELSEWHERE)]);
    world.told();
    world.engine_goes();
    assert!(!world.activation.is_connected());
    assert_eq!(world.told(), ["endpoint_connection_ended"], "nothing is looked for behind the endpoint's back");
    world.activation.abandon(&mut world.effects);
    world.connect();
    assert!(world.activation.is_connected());
    assert_eq!(world.told(), ["asks for any engine in reach of Bus", "endpoint_connected"]);
}

#[test]
fn the_first_attempt_wants_the_target_and_the_next_one_any_engine_if_it_is_only_preferred() {
    let preferred = ActivationSpecification { target: target(HERE), ..specification() };
    let known = [(Target::Any, ELSEWHERE)];
    let mut world = World::new(preferred.clone(), &[], &[], &known);
    let asked = [format!("asks for {HERE} in reach of Bus"), "asks for any engine in reach of Bus".to_owned()];
    assert_eq!(world.told(), [&asked[..], &["endpoint_connected_not_preferred".to_owned()]].concat());
    let required = ActivationSpecification { significance: TargetSignificance::Required, ..preferred };
    let mut world = World::new(required, &[], &[], &known);
    assert_eq!(world.told(), [&asked[..1], &["endpoint_not_connected".to_owned()]].concat());
}

#[test]
fn an_endpoint_leaves_another_engine_for_its_target_when_a_look_after_the_retry_interval_finds_it() {
    let preferred = ActivationSpecification { target: target(HERE), ..specification() };
    let mut world = World::new(preferred, &[], &[], &[(Target::Any, ELSEWHERE)]);
    world.wait_for_timer();
    assert!(world.activation.is_connected() && !world.activation.should_leave(), "not found yet");
    world.known.push((target(HERE), HERE));
    world.told();
    world.wait_for_timer();
    assert!(world.activation.should_leave());
    // The endpoint ends its work with the one, and goes on with the other.
    world.activation.abandon(&mut world.effects);
    assert!(!world.activation.is_connected());
    world.connect();
    assert!(world.activation.is_connected() && !world.activation.should_leave());
    assert_eq!(world.told().last().map(String::as_str), Some("endpoint_connected"));
    assert_eq!(world.timer, None, "there is nothing better than the target");
}

#[test]
fn a_better_engine_that_goes_before_it_is_used_is_forgotten_and_looked_for_again() {
    let preferred = ActivationSpecification { target: target(HERE), ..specification() };
    let known = [(Target::Any, ELSEWHERE)];
    let mut world = World::new(preferred, &[], &[], &known);
    world.known.push((target(HERE), HERE));
    world.wait_for_timer();
    assert!(world.activation.should_leave());
    world.engine_goes();
    assert!(world.activation.is_connected() && !world.activation.should_leave());
    assert!(world.timer.is_some());
}

#[test]
fn an_engine_that_starts_in_the_server_is_better_than_one_elsewhere() {
    let everywhere = ActivationSpecification { driven: Driven::InAllServers, ..specification() };
    let mut world = World::new(everywhere, &[HERE], &[], &[(Target::Any, ELSEWHERE)]);
    world.engines(&[HERE], &[]);
    assert!(!world.activation.should_leave());
    world.known = vec![(Target::Any, HERE)];
    world.engines(&[HERE], &[HERE]);
    assert!(world.activation.should_leave());
}

#[test]
fn a_server_that_does_not_listen_yet_is_asked_again() {
    let mut activation = EndpointActivation::new(specification());
    let mut effects = Effects::new();
    activation.connect(Time::START, &mut effects);
    let refused = Input::Refused { connection: ConnectionId(1), why: Refused::NobodyListens };
    activation.handle(Time::START, refused, &mut effects);
    let again = effects.drain().find_map(|effect| match effect {
        Effect::SetTimer { timer, .. } => Some(timer),
        _ => None,
    });
    let timer = again.expect("it asks again");
    activation.handle(Time::START, Input::Timer { timer }, &mut effects);
    assert!(matches!(effects.as_slice(), [Effect::Connect { .. }]));
}
