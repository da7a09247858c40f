//! The coupling facility as a process: sessions, commands and what they are answered.

use std::collections::BTreeMap;

use super::command::{
    CommandRejected, CommandTag, Connector, CouplingRequest, CouplingResponse, ListAnswer, ListOperation,
};
use super::definition::CouplingFacilityDefinition;
use super::delay::{Delayed, TIMER};
use super::isolation::{Attachment, Images};
use super::monitoring::Signal;
use super::structure::{Disconnected, Structure};
use crate::defect::Defect;
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{ConnectionId, Effect, Effects, Incarnation, Input, Machine, Silence};
use crate::name::{ImageName, StructureName};
use crate::time::{Duration, Time};

/// A coupling facility has no heartbeat: links are watched by the images.
const SILENCE: Silence = Silence::Prompt { timeout: Duration::from_secs(3600) };

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
enum Session {
    QueueManager(Connector),
    Image { image: ImageName, incarnation: Incarnation },
}

/// Where a connector is, and how it is reached.
#[derive(Debug)]
struct Location {
    image: ImageName,
    image_incarnation: Incarnation,
    /// Its last connection, if that is not broken.
    connection: Option<ConnectionId>,
}

/// Something on its way out.
#[derive(Debug)]
enum Pending {
    Response(ConnectionId, Box<CouplingResponse>),
    /// The event exits of the survivors are driven.
    TellSurvivors(StructureName, Connector),
}

/// A coupling facility.
///
/// Listens at its address from its first input on. Keeps nothing over its own end: a coupling facility has no disk.
#[derive(Debug)]
pub struct CouplingFacility {
    definition: CouplingFacilityDefinition,
    structures: BTreeMap<StructureName, Structure>,
    images: Images,
    sessions: BTreeMap<ConnectionId, Session>,
    locations: BTreeMap<Connector, Location>,
    pending: Delayed<Pending>,
    transitions: u32,
    /// Empty between commands; kept for its room.
    signals: Vec<Signal>,
}

impl Machine for CouplingFacility {
    fn handle(&mut self, now: Time, input: Input, effects: &mut Effects) {
        match input {
            Input::Started { .. } => {
                effects.push(Effect::Listen { address: self.definition.address.clone(), silence: SILENCE });
            }
            Input::Frame { connection, frame: Frame::CouplingRequest(request) } => {
                self.request(now, connection, *request, effects);
            }
            Input::Broken { connection, .. } => self.broken(connection),
            Input::Timer { timer: TIMER } => self.pending.timer_ran_out(),
            _ => {}
        }
        self.send_what_is_due(now, effects);
    }
}

impl CouplingFacility {
    /// A coupling facility with its structures allocated and empty.
    #[must_use]
    pub fn new(definition: CouplingFacilityDefinition) -> Self {
        let allocate = |(name, &definition): (&StructureName, &_)| (name.clone(), Structure::new(definition));
        let structures = definition.structures.iter().map(allocate).collect();
        CouplingFacility {
            definition,
            structures,
            images: Images::default(),
            sessions: BTreeMap::new(),
            locations: BTreeMap::new(),
            pending: Delayed::new(),
            transitions: 0,
            signals: Vec::new(),
        }
    }

    fn request(&mut self, now: Time, connection: ConnectionId, request: CouplingRequest, effects: &mut Effects) {
        match request {
            CouplingRequest::Command { tag, structure, operation } => {
                let answer = self.command(now, connection, &structure, operation);
                self.answer(now, connection, tag, answer);
            }
            CouplingRequest::Attach { image, connector } => self.attach(now, connection, image, connector),
            CouplingRequest::AttachImage { image, incarnation } => {
                self.attach_image(now, connection, image, incarnation, effects);
            }
            CouplingRequest::ConnectorFailed { connector } => {
                if self.is_image_in_good_standing(now, connection) {
                    self.connector_failed(now, &connector, effects);
                }
            }
            CouplingRequest::Isolate { image, incarnation } => {
                if self.is_image_in_good_standing(now, connection) {
                    self.isolate(&image, incarnation, effects);
                }
            }
            CouplingRequest::Partitioned { image, incarnation } => {
                if self.is_image_in_good_standing(now, connection) {
                    self.partitioned(now, &image, incarnation, effects);
                }
            }
        }
    }

    fn attach(&mut self, now: Time, connection: ConnectionId, image: ImageName, connector: Connector) {
        let Some(image_incarnation) = self.load_of(&image, &connector) else {
            return self.respond(now, connection, CouplingResponse::Fenced);
        };
        let location = Location { image, image_incarnation, connection: Some(connection) };
        let earlier = self.locations.insert(connector.clone(), location);
        // Of two connections of the same life the later one counts; what still arrives on the other is from before.
        if let Some(superseded) = earlier.and_then(|earlier| earlier.connection)
            && superseded != connection
        {
            self.sessions.remove(&superseded);
            self.stop_monitoring(superseded);
        }
        self.sessions.insert(connection, Session::QueueManager(connector));
        self.respond(now, connection, CouplingResponse::Attached);
    }

    /// From which load of its image a connector attaches; `None` if that is fenced.
    ///
    /// A queue manager may be quicker than the system services of its image. A fenced image starts nothing, so a life
    /// later than those that were seen comes from a later load, although that has not attached yet.
    fn load_of(&self, image: &ImageName, connector: &Connector) -> Option<Incarnation> {
        let present = self.images.present(image);
        if !self.images.is_fenced(image, present) {
            return Some(present);
        }
        let last = Connector { name: connector.name.clone(), incarnation: Incarnation(u32::MAX) };
        let (latest, location) = self.locations.range(..=last).next_back()?;
        if latest.name != connector.name {
            return None;
        }
        let is_later = latest.incarnation < connector.incarnation
            || (latest == connector && location.image == *image && location.image_incarnation > present);
        is_later.then_some(Incarnation(present.0 + 1))
    }

    fn attach_image(
        &mut self,
        now: Time,
        connection: ConnectionId,
        image: ImageName,
        incarnation: Incarnation,
        effects: &mut Effects,
    ) {
        match self.images.attach(&image, incarnation) {
            Attachment::Refused => return self.respond(now, connection, CouplingResponse::Fenced),
            Attachment::Attached => {}
            Attachment::AttachedFirst => {
                let here = self.locations.values_mut().filter(|location| location.image == image);
                here.for_each(|location| location.image_incarnation = incarnation);
            }
            Attachment::AttachedAnew => {
                for connector in self.attached_from(&image, |earlier| earlier < incarnation) {
                    self.connector_failed(now, &connector, effects);
                }
            }
        }
        self.sessions.insert(connection, Session::Image { image, incarnation });
        self.respond(now, connection, CouplingResponse::Attached);
    }

    /// Whether the request comes from an image that is not isolated; if it is, it is told.
    fn is_image_in_good_standing(&mut self, now: Time, connection: ConnectionId) -> bool {
        let Some(Session::Image { image, incarnation }) = self.sessions.get(&connection) else { return false };
        if self.images.is_fenced(image, *incarnation) {
            self.respond(now, connection, CouplingResponse::Fenced);
            return false;
        }
        true
    }

    fn isolate(&mut self, image: &ImageName, incarnation: Incarnation, effects: &mut Effects) {
        if self.images.isolate(image, incarnation) {
            effects.report(Event::ImageIsolated { image: image.clone() });
        }
    }

    /// Whoever is not isolated could still command, so nobody may recover what it holds.
    fn partitioned(&mut self, now: Time, image: &ImageName, incarnation: Incarnation, effects: &mut Effects) {
        if !self.images.is_fenced(image, incarnation) {
            return;
        }
        for connector in self.attached_from(image, |attached| attached <= incarnation) {
            self.connector_failed(now, &connector, effects);
        }
    }

    fn attached_from(&self, image: &ImageName, which: impl Fn(Incarnation) -> bool) -> Vec<Connector> {
        let here = |location: &Location| location.image == *image && which(location.image_incarnation);
        let attached = self.locations.iter().filter(|(_, location)| here(location));
        attached.map(|(connector, _)| connector.clone()).collect()
    }

    fn connector_failed(&mut self, now: Time, connector: &Connector, effects: &mut Effects) {
        let connection = self.locations.get(connector).and_then(|location| location.connection);
        let told_at = now + self.definition.signal_delay;
        let mut failed = false;
        for (name, structure) in &mut self.structures {
            if structure.fail(connector, connection) {
                failed = true;
                self.pending.push(told_at, Pending::TellSurvivors(name.clone(), connector.clone()));
            }
        }
        if failed {
            effects.report(Event::ConnectorFailed { connector: connector.clone() });
        }
    }

    fn command(
        &mut self,
        now: Time,
        connection: ConnectionId,
        name: &StructureName,
        operation: ListOperation,
    ) -> Result<ListAnswer, CommandRejected> {
        let Some(Session::QueueManager(connector)) = self.sessions.get(&connection) else {
            return Err(CommandRejected::NotConnected);
        };
        let location = &self.locations[connector];
        if self.images.is_fenced(&location.image, location.image_incarnation) {
            return Err(CommandRejected::Fenced);
        }
        let Some(structure) = self.structures.get_mut(name) else { return Err(CommandRejected::NoSuchStructure) };
        if matches!(operation, ListOperation::Connect) {
            return structure.connect(connector);
        }
        if !structure.connections().is_active(connector) {
            return Err(CommandRejected::NotConnected);
        }
        if matches!(operation, ListOperation::Disconnect) {
            if structure.disconnect(connector, connection) == Disconnected::Failing {
                let told_at = now + self.definition.signal_delay;
                self.pending.push(told_at, Pending::TellSurvivors(name.clone(), connector.clone()));
            }
            return Ok(ListAnswer::Done);
        }
        let answer = structure.execute(connector, connection, operation, &mut self.signals);
        self.signal_transitions(now, name);
        Ok(answer)
    }

    fn signal_transitions(&mut self, now: Time, name: &StructureName) {
        let delay = self.definition.signal_delay;
        for Signal { connection, queue, correlation_id } in self.signals.drain(..) {
            if Defect::ListSignalLost.is_planted() {
                continue;
            }
            let queue = self.structures[name].name(queue).clone();
            let signal = CouplingResponse::Transition { structure: name.clone(), queue, correlation_id };
            self.transitions = self.transitions.wrapping_add(1);
            let every = self.definition.spurious_signal_every;
            if every > 0 && self.transitions.is_multiple_of(every) {
                self.pending.push(now + delay + delay, Pending::Response(connection, Box::new(signal.clone())));
            }
            self.pending.push(now + delay, Pending::Response(connection, Box::new(signal)));
        }
    }

    fn answer(
        &mut self,
        now: Time,
        connection: ConnectionId,
        tag: CommandTag,
        answer: Result<ListAnswer, CommandRejected>,
    ) {
        self.respond(now, connection, CouplingResponse::Answer { tag, answer });
    }

    fn respond(&mut self, now: Time, connection: ConnectionId, response: CouplingResponse) {
        self.pending.push(now + self.definition.command_time, Pending::Response(connection, Box::new(response)));
    }

    fn broken(&mut self, connection: ConnectionId) {
        if let Some(Session::QueueManager(connector)) = self.sessions.remove(&connection) {
            if let Some(location) = self.locations.get_mut(&connector) {
                location.connection = None;
            }
            self.stop_monitoring(connection);
        }
    }

    fn stop_monitoring(&mut self, connection: ConnectionId) {
        for structure in self.structures.values_mut() {
            structure.stop_monitoring(connection);
        }
    }

    fn send_what_is_due(&mut self, now: Time, effects: &mut Effects) {
        while let Some(pending) = self.pending.pop(now) {
            match pending {
                Pending::Response(connection, response) => {
                    effects.send(connection, Frame::CouplingResponse(response));
                }
                Pending::TellSurvivors(structure, connector) => self.tell_survivors(&structure, &connector, effects),
            }
        }
        self.pending.set_timer(effects);
    }

    /// Drives the event exits of the survivors, who respond at once: the connection is failed-persistent.
    fn tell_survivors(&mut self, name: &StructureName, failed: &Connector, effects: &mut Effects) {
        let structure = self.structures.get_mut(name).expect("a connector was connected to a structure");
        structure.all_told(failed);
        for survivor in structure.connections().active() {
            if let Some(connection) = self.locations.get(&survivor).and_then(|location| location.connection) {
                let response =
                    CouplingResponse::FailedConnection { structure: name.clone(), connector: failed.clone() };
                effects.send(connection, Frame::CouplingResponse(Box::new(response)));
            }
        }
    }

    /// Everything in every structure agrees with everything else.
    #[cfg(test)]
    pub(super) fn check(&self) {
        self.structures.values().for_each(Structure::check);
    }
}
