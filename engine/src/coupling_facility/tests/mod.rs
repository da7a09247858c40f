//! A hand-driven coupling facility, and what is claimed of it.

mod claims;
mod model;
mod recovery;

use super::command::{
    CommandRejected, CommandTag, Connector, CouplingRequest, CouplingResponse, KeyRange, ListAnswer, ListOperation,
};
use super::definition::{ADMIN_STRUCTURE, CouplingFacilityDefinition, StructureDefinition};
use super::machine::CouplingFacility;
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{Broken, ConnectionId, Effect, Effects, Incarnation, Input, Machine};
use crate::message::{CorrelationId, Message, MessageId};
use crate::mqi::Match;
use crate::name::{QueueName, StructureName};
use crate::time::{Duration, Time};
use crate::unit_of_work::{EntryId, UnitOfWorkId};

pub(super) const COMMAND_TIME: Duration = Duration::from_micros(10);
pub(super) const SIGNAL_DELAY: Duration = Duration::from_micros(20);

pub(super) fn application() -> StructureName {
    StructureName::from("APPLICATION1")
}

pub(super) fn admin() -> StructureName {
    StructureName::from(ADMIN_STRUCTURE)
}

pub(super) fn queue(name: &str) -> QueueName {
    QueueName::from(name)
}

pub(super) fn connector(name: &str, life: u32) -> Connector {
    Connector { name: name.into(), incarnation: Incarnation(life) }
}

pub(super) fn unit(name: &str, life: u32, sequence: u64) -> UnitOfWorkId {
    UnitOfWorkId { queue_manager: name.into(), incarnation: Incarnation(life), sequence }
}

pub(super) fn message(identity: u64, priority: u8, correlation: u128) -> Box<Message> {
    Box::new(Message::persistent(identity, priority, correlation))
}

/// A coupling facility whose timer always runs out in time.
pub(super) struct World {
    pub(super) facility: CouplingFacility,
    pub(super) now: Time,
    timer: Option<Time>,
    next_connection: u32,
    next_tag: u64,
    /// What was sent and not yet looked at: when, where, what.
    pub(super) sent: Vec<(Time, ConnectionId, CouplingResponse)>,
    pub(super) events: Vec<Event>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(StructureDefinition { entries: 1000, elements: 6000 }, 0)
    }

    pub(super) fn with(structure: StructureDefinition, spurious_signal_every: u32) -> Self {
        let facility = CouplingFacility::new(CouplingFacilityDefinition {
            name: "CF01".into(),
            address: "cf01".into(),
            structures: [(application(), structure), (admin(), structure)].into(),
            command_time: COMMAND_TIME,
            signal_delay: SIGNAL_DELAY,
            spurious_signal_every,
        });
        let mut world = World {
            facility,
            now: Time::START,
            timer: None,
            next_connection: 0,
            next_tag: 0,
            sent: Vec::new(),
            events: Vec::new(),
        };
        world.input(Input::Started { incarnation: Incarnation(1), files: Vec::new() });
        world
    }

    pub(super) fn input(&mut self, input: Input) {
        let mut effects = Effects::new();
        self.facility.handle(self.now, input, &mut effects);
        for effect in effects.drain() {
            match effect {
                Effect::Send { connection, frame: Frame::CouplingResponse(response) } => {
                    self.sent.push((self.now, connection, *response));
                }
                Effect::SetTimer { at, .. } => self.timer = Some(at),
                Effect::Report(event) => self.events.push(event),
                Effect::Listen { .. } => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    /// Lets time pass until nothing is pending.
    pub(super) fn settle(&mut self) {
        while let Some(at) = self.timer.take() {
            self.now = self.now.max(at);
            self.input(Input::Timer { timer: super::delay::TIMER });
        }
    }

    pub(super) fn open(&mut self) -> ConnectionId {
        self.next_connection += 1;
        let connection = ConnectionId(self.next_connection);
        self.input(Input::Accepted { connection, at: "cf01".into(), from: "somebody".into() });
        connection
    }

    pub(super) fn request(&mut self, connection: ConnectionId, request: CouplingRequest) {
        self.input(Input::Frame { connection, frame: Frame::CouplingRequest(Box::new(request)) });
    }

    pub(super) fn cut(&mut self, connection: ConnectionId) {
        self.input(Input::Broken { connection, how: Broken::Reset });
    }

    /// Sends a command without waiting for the answer.
    pub(super) fn send(&mut self, connection: ConnectionId, structure: StructureName, operation: ListOperation) {
        self.next_tag += 1;
        let tag = CommandTag(self.next_tag);
        self.request(connection, CouplingRequest::Command { tag, structure, operation });
    }

    /// Sends a command and waits for its answer.
    pub(super) fn try_command(
        &mut self,
        connection: ConnectionId,
        structure: StructureName,
        operation: ListOperation,
    ) -> Result<ListAnswer, CommandRejected> {
        self.send(connection, structure, operation);
        self.settle();
        let wanted = CommandTag(self.next_tag);
        let is_it =
            |response: &CouplingResponse| matches!(response, CouplingResponse::Answer { tag, .. } if *tag == wanted);
        let at = self.sent.iter().position(|(_, _, response)| is_it(response)).expect("every command is answered");
        match self.sent.remove(at) {
            (_, to, CouplingResponse::Answer { answer, .. }) if to == connection => answer,
            other => panic!("answered {other:?}"),
        }
    }

    pub(super) fn command(&mut self, connection: ConnectionId, operation: ListOperation) -> ListAnswer {
        self.try_command(connection, application(), operation).expect("the command is executed")
    }

    pub(super) fn admin(&mut self, connection: ConnectionId, operation: ListOperation) -> ListAnswer {
        self.try_command(connection, admin(), operation).expect("the command is executed")
    }

    /// Attaches and connects to both structures.
    pub(super) fn connect(&mut self, name: &str, life: u32, image: &str) -> ConnectionId {
        let connection = self.attach(name, life, image);
        for structure in [admin(), application()] {
            let answer = self.try_command(connection, structure, ListOperation::Connect);
            assert!(matches!(answer, Ok(ListAnswer::Connected { .. })), "{answer:?}");
        }
        connection
    }

    pub(super) fn attach(&mut self, name: &str, life: u32, image: &str) -> ConnectionId {
        let connection = self.open();
        self.request(connection, CouplingRequest::Attach { image: image.into(), connector: connector(name, life) });
        self.settle();
        assert_eq!(self.responses(connection), [CouplingResponse::Attached]);
        connection
    }

    pub(super) fn attach_image(&mut self, image: &str, load: u32) -> ConnectionId {
        let connection = self.open();
        self.request(connection, CouplingRequest::AttachImage { image: image.into(), incarnation: Incarnation(load) });
        self.settle();
        assert_eq!(self.responses(connection), [CouplingResponse::Attached]);
        connection
    }

    /// What was sent on a connection since the last look.
    pub(super) fn responses(&mut self, connection: ConnectionId) -> Vec<CouplingResponse> {
        let (here, elsewhere) = std::mem::take(&mut self.sent).into_iter().partition(|(_, to, _)| *to == connection);
        self.sent = elsewhere;
        here.into_iter().map(|(_, _, response)| response).collect()
    }

    pub(super) fn put(&mut self, on: ConnectionId, owner: Option<UnitOfWorkId>, message: Box<Message>) -> EntryId {
        let range = if owner.is_some() { KeyRange::Uncommitted } else { KeyRange::Committed };
        match self
            .command(on, ListOperation::Write { queue: queue("Q"), range, owner, message, maximum_depth: u32::MAX })
        {
            ListAnswer::Written { entry } => entry,
            other => panic!("put answered {other:?}"),
        }
    }

    pub(super) fn get(
        &mut self,
        on: ConnectionId,
        selection: Match,
        owner: UnitOfWorkId,
    ) -> Option<(EntryId, Message)> {
        match self.command(on, ListOperation::MoveToGetList { queue: queue("Q"), selection, owner, locked: None }) {
            ListAnswer::Entry { entry, message } => Some((entry, *message)),
            ListAnswer::NothingThere => None,
            other => panic!("get answered {other:?}"),
        }
    }
}
