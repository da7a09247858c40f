//! The server's own rules: who in it is told what, and what ends it.

mod administration;
mod notices;

use std::collections::{BTreeMap, BTreeSet};

use super::definition::{ApplicationServerDefinition, WhenNotAlive};
use super::instance::Instance;
use super::routing::{self, Wanted};
use crate::event::Event;
use crate::frame::Frame;
use crate::ha_manager::policy::GroupName;
use crate::ha_manager::{self, GroupOrder, HaManager};
use crate::machine::{ConnectionId, Effect, Effects, Ended, Incarnation, Input, Machine, Offered, StopMode, TimerId};
use crate::messaging_engine::engine_frame::EngineFrame;
use crate::messaging_engine::frame::{BusCall, BusReason, BusReply, LocalEngines};
use crate::messaging_engine::{EngineState, Health, heartbeats};
use crate::name::{BusName, MessagingEngineName};
use crate::time::Time;

/// The end of a stop's patience.
const STOP_TIMER: TimerId = TimerId(0);

/// Requests for an engine that wait until one is known; one timer for the oldest of them.
const LINGER_TIMER: TimerId = TimerId(1);

/// Automatic enabling: one timer for each instance from here on.
const FIRST_REENABLE_TIMER: TimerId = TimerId(10);

/// The HA manager's timers.
const FIRST_HA_TIMER: TimerId = TimerId(100);

/// A request for an engine that waits.
#[derive(Debug)]
struct Lingering {
    connection: ConnectionId,
    wanted: Wanted,
    until: Time,
}

/// Whether the server goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Running,
    /// Engines stop; the server ends when they have.
    Stopping,
    Ended,
}

/// An application server.
#[derive(Debug)]
pub struct ApplicationServer {
    definition: ApplicationServerDefinition,
    life: Incarnation,
    now: Time,
    course: Course,
    ha_manager: HaManager,
    instances: Vec<Instance>,
    /// The instance to which each client's connection belongs.
    clients: BTreeMap<ConnectionId, usize>,
    lingering: Vec<Lingering>,
    /// Endpoints in this server that want to know which engines run in it.
    watchers: BTreeSet<ConnectionId>,
    /// How many clients were sent on so far.
    turn: usize,
}

impl ApplicationServer {
    /// A server that has not started.
    #[must_use]
    pub fn new(definition: ApplicationServerDefinition) -> Self {
        let ha_manager = HaManager::new(definition.core_group.clone(), definition.process.clone(), FIRST_HA_TIMER);
        ApplicationServer {
            definition,
            life: Incarnation::default(),
            now: Time::START,
            course: Course::Running,
            ha_manager,
            instances: Vec::new(),
            clients: BTreeMap::new(),
            lingering: Vec::new(),
            watchers: BTreeSet::new(),
            turn: 0,
        }
    }

    fn start(&mut self, life: Incarnation, effects: &mut Effects) {
        self.life = life;
        let silence = heartbeats(self.definition.client_silence);
        effects.push(Effect::Listen { address: self.definition.address().clone(), silence });
        effects.report(Event::ServerStarted { incarnation: life });
        self.ha_manager.started(self.now, life, effects);
        for (place, engine) in self.definition.engines.iter().enumerate() {
            let timer = TimerId(FIRST_REENABLE_TIMER.0 + u32::try_from(place).unwrap_or(u32::MAX));
            let instance = Instance::new(engine, &self.definition, (place, timer), life, self.now, effects);
            instance.engine.joining(effects);
            self.ha_manager.join(self.now, engine.group.clone(), effects);
            self.instances.push(instance);
        }
    }

    fn instance_of(&self, group: &GroupName) -> Option<usize> {
        self.instances.iter().position(|instance| instance.definition.group == *group)
    }

    fn instance_named(&self, engine: &MessagingEngineName) -> Option<usize> {
        self.instances.iter().position(|instance| instance.definition.engine.name == *engine)
    }

    /// Passes on what HA manager and engines have to say to each other, until they have nothing more to say.
    fn settle(&mut self, effects: &mut Effects) {
        self.join_groups(effects);
        loop {
            let mut quiet = true;
            for order in self.ha_manager.take_orders() {
                quiet = false;
                self.obey(order, effects);
            }
            for place in 0..self.instances.len() {
                for notice in self.instances[place].engine.take_notices() {
                    quiet = false;
                    self.noticed(place, notice, effects);
                }
            }
            if quiet || self.course == Course::Ended {
                break;
            }
        }
        if self.course == Course::Stopping && self.instances.iter().all(Instance::is_at_rest) {
            self.end_normally(effects);
        }
    }

    /// What the HA manager wants.
    fn obey(&mut self, order: GroupOrder, effects: &mut Effects) {
        let (server, life) = (self.definition.process.clone(), self.life);
        match order {
            GroupOrder::Activate(group) => {
                let Some(place) = self.instance_of(&group) else { return };
                let instance = &mut self.instances[place];
                let incarnation = instance.next_incarnation(&server, life);
                instance.engine.activate(self.now, incarnation, effects);
            }
            GroupOrder::Deactivate(group) => {
                let Some(place) = self.instance_of(&group) else { return };
                self.instances[place].engine.deactivate(self.now, StopMode::Quiesce, effects);
            }
            GroupOrder::AreYouAlive(group) => {
                let Some(place) = self.instance_of(&group) else { return };
                let health = match self.instances[place].engine.is_alive() {
                    Health::Alive => ha_manager::Health::Alive,
                    Health::NotAlive => ha_manager::Health::NotAlive,
                };
                self.ha_manager.alive(self.now, &group, health, effects);
            }
            GroupOrder::NotAlive(group) => {
                let Some(place) = self.instance_of(&group) else { return };
                match self.definition.when_not_alive(&self.instances[place].definition.store) {
                    WhenNotAlive::EndServer => self.terminate("HMGR0130I: an engine is not alive", effects),
                    WhenNotAlive::DisableInstance => self.disable(place, effects),
                }
            }
            GroupOrder::Terminate { reason } => self.terminate(reason, effects),
            GroupOrder::BoardChanged => {
                let engines = routing::engines(&self.definition, self.ha_manager.board());
                for instance in &mut self.instances {
                    instance.engine.engines_run(self.now, &engines, effects);
                }
                self.serve_lingering(effects);
            }
        }
    }

    /// The engines of this bus here; of another bus there are none.
    fn local_engines(&self, bus: &BusName) -> LocalEngines {
        if *bus != self.definition.bus.name {
            return LocalEngines::default();
        }
        let names = |instances: &mut dyn Iterator<Item = &Instance>| {
            instances.map(|instance| instance.definition.engine.name.clone()).collect()
        };
        LocalEngines {
            installed: names(&mut self.instances.iter()),
            running: names(&mut self.instances.iter().filter(|instance| instance.posted)),
        }
    }

    fn tell_watchers(&self, effects: &mut Effects) {
        let engines = self.local_engines(&self.definition.bus.name);
        for watcher in &self.watchers {
            let reply = BusReply::LocalEngines(engines.clone());
            effects.send(*watcher, Frame::BusReply(Box::new(reply)));
        }
    }

    fn terminate(&mut self, reason: &'static str, effects: &mut Effects) {
        effects.report(Event::ServerTerminated { reason });
        effects.push(Effect::End(Ended::Abnormally(reason)));
        self.course = Course::Ended;
    }

    fn stop(&mut self, mode: StopMode, effects: &mut Effects) {
        if self.course != Course::Running {
            return;
        }
        self.course = Course::Stopping;
        effects.push(Effect::SetTimer { timer: STOP_TIMER, at: self.now + self.definition.stop_patience });
        // A server that stops is no place for an engine: those that stand by leave their groups now, and the others when they
        // have ended their work.
        for instance in &mut self.instances {
            if instance.is_at_rest() {
                self.ha_manager.leave(self.now, &instance.definition.group, effects);
            } else {
                instance.engine.deactivate(self.now, mode, effects);
            }
        }
    }

    fn end_normally(&mut self, effects: &mut Effects) {
        self.ha_manager.stop(self.now, effects);
        effects.report(Event::ServerStopped {});
        effects.push(Effect::End(Ended::Normally));
        self.course = Course::Ended;
    }

    fn bus_call(&mut self, connection: ConnectionId, call: BusCall, effects: &mut Effects) {
        match call {
            BusCall::Bootstrap { bus, target, significance, proximity } => {
                if bus != self.definition.bus.name {
                    let reply = BusReply::Failed(BusReason::NoMessagingEngine);
                    return effects.send(connection, Frame::BusReply(Box::new(reply)));
                }
                let wanted = Wanted { target, significance, proximity };
                let until = self.now + self.definition.linger;
                self.lingering.push(Lingering { connection, wanted, until });
                self.serve_lingering(effects);
            }
            BusCall::WatchLocalEngines { bus } => {
                if bus == self.definition.bus.name {
                    self.watchers.insert(connection);
                }
                let reply = BusReply::LocalEngines(self.local_engines(&bus));
                effects.send(connection, Frame::BusReply(Box::new(reply)));
            }
            BusCall::Connect { application, engine } => {
                let place = self
                    .instance_named(&engine)
                    .filter(|place| self.instances[*place].engine.state() == EngineState::Started);
                match place {
                    Some(place) => {
                        self.clients.insert(connection, place);
                        self.instances[place].engine.accept(self.now, connection, application, effects);
                    }
                    None => {
                        let reply = BusReply::Failed(BusReason::EngineNotStarted);
                        effects.send(connection, Frame::BusReply(Box::new(reply)));
                    }
                }
            }
            call => match self.clients.get(&connection) {
                Some(place) => self.instances[*place].engine.call(self.now, connection, call, effects),
                None => {
                    let reply = BusReply::Failed(BusReason::ConnectionLost);
                    effects.send(connection, Frame::BusReply(Box::new(reply)));
                }
            },
        }
    }

    /// Another engine speaks to one on this server.
    fn between_engines(&mut self, connection: ConnectionId, frame: EngineFrame, effects: &mut Effects) {
        if let EngineFrame::Hello { to, .. } = &frame {
            match self.instance_named(to) {
                Some(place) => self.clients.insert(connection, place),
                None => {
                    let reply = EngineFrame::NotStarted;
                    return effects.send(connection, Frame::BetweenEngines(Box::new(reply)));
                }
            };
        }
        if let Some(place) = self.clients.get(&connection) {
            self.instances[*place].engine.engine_frame(self.now, connection, frame, effects);
        }
    }

    /// Sends clients on that wait for an engine, and those away for whom none was found in time.
    fn serve_lingering(&mut self, effects: &mut Effects) {
        let waiting = std::mem::take(&mut self.lingering);
        for request in waiting {
            match routing::route(&self.definition, self.ha_manager.board(), &request.wanted, self.turn) {
                Some(reply) => {
                    self.turn += 1;
                    effects.send(request.connection, Frame::BusReply(Box::new(reply)));
                }
                None if self.now >= request.until => {
                    effects.report(Event::NoMessagingEngineKnown {});
                    let reply = BusReply::Failed(BusReason::NoMessagingEngine);
                    effects.send(request.connection, Frame::BusReply(Box::new(reply)));
                }
                None => self.lingering.push(request),
            }
        }
        if let Some(until) = self.lingering.iter().map(|request| request.until).min() {
            effects.push(Effect::SetTimer { timer: LINGER_TIMER, at: until });
        }
    }

    fn frame(&mut self, connection: ConnectionId, frame: Frame, effects: &mut Effects) {
        match frame {
            Frame::BusCall(call) => self.bus_call(connection, *call, effects),
            Frame::BetweenEngines(frame) => self.between_engines(connection, *frame, effects),
            Frame::AdministrationRequest(request) => {
                let response = self.administer(*request, effects);
                effects.send(connection, Frame::AdministrationResponse(Box::new(response)));
            }
            // Spoken by others, or of another protocol: whoever sends it here is not meant for an application server.
            _ => {}
        }
    }

    fn timer(&mut self, timer: TimerId, effects: &mut Effects) {
        match timer {
            STOP_TIMER => {
                for instance in &mut self.instances {
                    instance.engine.deactivate(self.now, StopMode::Force, effects);
                }
                self.settle(effects);
                if self.course == Course::Stopping {
                    self.end_normally(effects);
                }
            }
            LINGER_TIMER => self.serve_lingering(effects),
            timer => self.reenable(timer, effects),
        }
    }

    /// Offers an input to the parts of the server that have connections and timers of their own.
    fn offer(&mut self, input: Input, effects: &mut Effects) -> Offered {
        let mut input = match self.ha_manager.offer(self.now, input, effects) {
            Offered::Taken => return Offered::Taken,
            Offered::Declined(input) => input,
        };
        for instance in &mut self.instances {
            input = match instance.engine.offer(self.now, input, effects) {
                Offered::Taken => return Offered::Taken,
                Offered::Declined(input) => input,
            };
        }
        Offered::Declined(input)
    }
}

impl Machine for ApplicationServer {
    fn handle(&mut self, now: Time, input: Input, effects: &mut Effects) {
        self.now = now;
        if let Offered::Declined(input) = self.offer(input, effects) {
            match input {
                Input::Started { incarnation, .. } => self.start(incarnation, effects),
                Input::Frame { connection, frame } => self.frame(connection, frame, effects),
                Input::Broken { connection, .. } => {
                    self.lingering.retain(|request| request.connection != connection);
                    self.watchers.remove(&connection);
                    if let Some(place) = self.clients.remove(&connection) {
                        self.instances[place].engine.connection_gone(now, connection, effects);
                    }
                }
                Input::Timer { timer } => self.timer(timer, effects),
                Input::Stop(mode) => self.stop(mode, effects),
                Input::Accepted { .. }
                | Input::Connected { .. }
                | Input::Refused { .. }
                | Input::Datagram { .. }
                | Input::Forced { .. }
                | Input::DeviceError { .. } => {}
            }
        }
        self.settle(effects);
    }
}
