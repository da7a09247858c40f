//! Serialised connection tags (`MQCNO_SERIALIZE_CONN_TAG_QSG`, `MQCNO_RESTRICT_CONN_TAG_QSG`).
//!
//! A tag is a lock in the admin structure. It stays in use after its holder's queue manager has failed, until what that
//! held on shared queues is recovered in every structure; until then a connection with the same tag is refused with 2271
//! (reference A3.5). That is how an application keeps the order of messages through peer recovery. For the same reason it
//! stays in use after its holder has disconnected or gone, until the last unit of work of that connection has ended.
//!
//! When the link to the coupling facility is lost and the queue manager lives on, the lock is that of its former life,
//! which peers recover and whose tags they take over. So connections with a tag are broken (2009) when the link is lost:
//! they have to connect again, and then compete for the tag like everybody. (What the product does is not documented.)

use crate::coupling_facility::command::{
    CommandRejected, ConnectionState, Connector, ListAnswer, ListOperation, LockName,
};
use crate::event::Event;
use crate::machine::{ConnectionId, Effects};
use crate::mqi::{Reason, TagUse};
use crate::name::{ConnectionTag, StructureName};
use crate::unit_of_work::UnitOfWorkId;

use super::QueueManager;
use super::sharing::Awaiting;

/// What a connection with a tag awaits.
#[derive(Clone, Debug)]
pub(super) enum TagAwaiting {
    /// The lock.
    Lock(ConnectionId),
    /// Whether the holder still has something to be recovered, structure by structure.
    Holder { connection: ConnectionId, holder: Connector, remaining: Vec<StructureName> },
    /// The lock, from a holder that is recovered.
    TakeOver { connection: ConnectionId, holder: Connector },
}

impl TagAwaiting {
    fn connection(&self) -> ConnectionId {
        match self {
            TagAwaiting::Lock(connection)
            | TagAwaiting::Holder { connection, .. }
            | TagAwaiting::TakeOver { connection, .. } => *connection,
        }
    }
}

fn lock(tag: &ConnectionTag) -> LockName {
    LockName::Tag(tag.as_str().to_owned())
}

impl QueueManager {
    pub(super) fn take_tag(
        &mut self,
        connection: ConnectionId,
        tag: ConnectionTag,
        tag_use: TagUse,
        effects: &mut Effects,
    ) {
        let name = self.applications.get(&connection).map(|application| application.name.clone());
        let conflict = self.applications.iter().any(|(&other, application)| {
            other != connection
                && application.tag.as_ref().is_some_and(|(held, held_use)| {
                    let shared = tag_use == TagUse::Restrict
                        && *held_use == TagUse::Restrict
                        && Some(&application.name) == name.as_ref();
                    *held == tag && !shared
                })
        });
        let being_given_up = self.units.values().any(|work| work.last_of_tag.as_ref() == Some(&tag));
        if conflict || being_given_up {
            let holder = self.connector();
            effects.report(Event::TagRefused { tag: tag.as_str().to_owned(), holder });
            self.answer(connection, Err(Reason::ConnectionTagInUse), effects);
            return;
        }
        let operation = ListOperation::Lock { lock: lock(&tag) };
        if let Some(application) = self.applications.get_mut(&connection) {
            application.tag = Some((tag, tag_use));
        }
        if !self.admin_command(operation, Awaiting::Tag(TagAwaiting::Lock(connection)), effects) {
            self.tag_failed(connection, Reason::CouplingFacilityNotAvailable, effects);
        }
    }

    pub(super) fn tag_answered(
        &mut self,
        awaiting: TagAwaiting,
        answer: Result<ListAnswer, CommandRejected>,
        effects: &mut Effects,
    ) {
        let connection = awaiting.connection();
        let tag = self.applications.get(&connection).and_then(|application| application.tag.clone());
        let Some((tag, _)) = tag else { return };
        match (awaiting, answer) {
            (TagAwaiting::Lock(_), Ok(ListAnswer::Done)) => self.connection_accepted(connection, effects),
            (TagAwaiting::Lock(_), Ok(ListAnswer::HeldBy(holder))) => {
                let remaining = self
                    .sharing
                    .as_ref()
                    .map(|sharing| sharing.structures.names().cloned().collect())
                    .unwrap_or_default();
                self.ask_for_holder(connection, holder, remaining, effects);
            }
            (TagAwaiting::Holder { holder, remaining, .. }, Ok(ListAnswer::ConnectionState { state, unreleased })) => {
                // Its next life may be active already; what counts is whether the life that held the tag is recovered.
                if state == ConnectionState::Failing || !unreleased.is_empty() {
                    self.tag_refused(connection, &tag, holder, effects);
                } else {
                    self.ask_for_holder(connection, holder, remaining, effects);
                }
            }
            (TagAwaiting::TakeOver { holder, .. }, Ok(ListAnswer::Done)) => {
                effects.report(Event::TagTakenOver { tag: tag.as_str().to_owned(), from: holder });
                self.connection_accepted(connection, effects);
            }
            (TagAwaiting::TakeOver { .. }, Ok(ListAnswer::HeldBy(holder))) => {
                self.tag_refused(connection, &tag, holder, effects);
            }
            (_, _) => self.tag_failed(connection, Reason::CouplingFacilityNotAvailable, effects),
        }
    }

    fn ask_for_holder(
        &mut self,
        connection: ConnectionId,
        holder: Connector,
        mut remaining: Vec<StructureName>,
        effects: &mut Effects,
    ) {
        let sent = match remaining.pop() {
            Some(structure) => {
                let query = ListOperation::QueryConnection { name: holder.name.clone() };
                let awaiting = Awaiting::Tag(TagAwaiting::Holder { connection, holder, remaining });
                self.structure_command(&structure, query, awaiting, effects)
            }
            None => {
                let tag = self.applications.get(&connection).and_then(|application| application.tag.clone());
                let Some((tag, _)) = tag else { return };
                let take_over = ListOperation::TakeOverLock { lock: lock(&tag), from: holder.clone() };
                self.admin_command(take_over, Awaiting::Tag(TagAwaiting::TakeOver { connection, holder }), effects)
            }
        };
        if !sent {
            self.tag_failed(connection, Reason::CouplingFacilityNotAvailable, effects);
        }
    }

    fn tag_refused(&mut self, connection: ConnectionId, tag: &ConnectionTag, holder: Connector, effects: &mut Effects) {
        effects.report(Event::TagRefused { tag: tag.as_str().to_owned(), holder });
        self.tag_failed(connection, Reason::ConnectionTagInUse, effects);
    }

    fn tag_failed(&mut self, connection: ConnectionId, reason: Reason, effects: &mut Effects) {
        if let Some(application) = self.applications.get_mut(&connection) {
            application.tag = None;
        }
        self.answer(connection, Err(reason), effects);
    }

    /// The connection ends in this queue manager's good order: the tag is free again, once `last_unit` has ended.
    pub(super) fn give_up_tag(
        &mut self,
        connection: ConnectionId,
        last_unit: Option<&UnitOfWorkId>,
        effects: &mut Effects,
    ) {
        let Some((tag, _)) = self.applications.get_mut(&connection).and_then(|application| application.tag.take())
        else {
            return;
        };
        match last_unit.and_then(|unit| self.units.get_mut(unit)) {
            Some(work) => work.last_of_tag = Some(tag),
            None => self.unlock_tag(&tag, effects),
        }
    }

    /// Gives the lock of a tag back, unless another connection uses the tag too.
    pub(super) fn unlock_tag(&mut self, tag: &ConnectionTag, effects: &mut Effects) {
        let in_use =
            self.applications.values().any(|application| application.tag.as_ref().is_some_and(|(held, _)| held == tag));
        if !in_use {
            let unlock = ListOperation::Unlock { lock: lock(tag) };
            self.admin_command(unlock, Awaiting::Nothing, effects);
        }
    }
}
