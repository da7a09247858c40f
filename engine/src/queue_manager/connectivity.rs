//! How a member of a group connects to its image and to the coupling facility, and what it does when it loses them.
//!
//! When the link to the coupling facility is lost while the queue manager lives, `CFCONLOS` decides (reference A4.4):
//! with TERMINATE it ends itself; with TOLERATE it stays up, calls on shared queues fail with 2345, units of work in flight
//! that touched shared queues are backed out, and what was in the middle of its end waits until the coupling facility is
//! back. It then connects as a new life, because its peers recover what the old one left.

use crate::coupling_facility::command::{CommandRejected, CouplingRequest, ListAnswer, ListOperation};
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{Broken, ConnectionId, Effect, Effects, Silence};
use crate::mqi::Reason;
use crate::name::StructureName;
use crate::queue_sharing::recovery::RecoveryKey;
use crate::queue_sharing::structures::Standing;
use crate::sysplex::frame::SysplexFrame;
use crate::time::Duration;
use crate::unit_of_work::{Outcome, UnitOfWorkId};

use super::QueueManager;
use super::ending::AfterForce;
use super::record::LogRecord;
use super::sharing::{Awaiting, Link};
use super::start::{Look, Phase};
use super::timer::TimerFor;
use super::unit::Stage;

/// Whether an image or a coupling facility is there is not found out on these connections: the image tells.
const NEVER_SILENT: Silence = Silence::Prompt { timeout: Duration::from_secs(365 * 24 * 3600) };

/// How soon what was refused is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(500);

impl QueueManager {
    /// Connects to the image's system services and to the coupling facility.
    pub(super) fn join_sysplex(&mut self, effects: &mut Effects) {
        let image = effects.connect(self.placement.image_services.clone(), NEVER_SILENT);
        if let Some(sharing) = &mut self.sharing {
            sharing.image_wanted = Some(image);
        }
        self.attach(effects);
    }

    pub(super) fn attach(&mut self, effects: &mut Effects) {
        let Some(address) = self.placement.coupling_facility.clone() else { return };
        let connection = effects.connect(address, NEVER_SILENT);
        if let Some(sharing) = &mut self.sharing {
            sharing.coupling_wanted = Some(connection);
        }
    }

    /// Tells the image under which name and life this address space is to be looked after.
    fn register(&self, effects: &mut Effects) {
        let Some(image) = self.sharing.as_ref().and_then(|sharing| sharing.image) else { return };
        let group = self.definition.group.as_ref().map(|group| format!("CSQG{}", group.name)).unwrap_or_default();
        let process = self.definition.process.clone();
        let register = SysplexFrame::Register { connector: self.connector(), process, group };
        effects.send(image, Frame::Sysplex(Box::new(register)));
    }

    pub(super) fn connected(&mut self, connection: ConnectionId, effects: &mut Effects) {
        let connector = self.connector();
        let Some(sharing) = &mut self.sharing else { return };
        if sharing.image_wanted == Some(connection) {
            sharing.image_wanted = None;
            sharing.image = Some(connection);
            self.register(effects);
        } else if sharing.coupling_wanted == Some(connection) {
            let attach = CouplingRequest::Attach { image: self.placement.image.clone(), connector };
            effects.send(connection, Frame::CouplingRequest(Box::new(attach)));
        }
    }

    pub(super) fn refused(&mut self, connection: ConnectionId, effects: &mut Effects) {
        let Some(sharing) = &mut self.sharing else { return };
        if sharing.image_wanted == Some(connection) || sharing.coupling_wanted == Some(connection) {
            self.retry_soon(effects);
        }
    }

    pub(super) fn retry_soon(&mut self, effects: &mut Effects) {
        if !self.timers.is_set(&TimerFor::Retry) {
            self.timers.set(self.now + TRY_AGAIN, TimerFor::Retry, effects);
        }
    }

    /// Tries again what could not be done.
    pub(super) fn retry(&mut self, effects: &mut Effects) {
        let Some(sharing) = &mut self.sharing else { return };
        if sharing.image.is_none() {
            let image = effects.connect(self.placement.image_services.clone(), NEVER_SILENT);
            sharing.image_wanted = Some(image);
        }
        if sharing.link == Link::Lost {
            return;
        }
        if sharing.structures.connection().is_none() {
            self.attach(effects);
            return;
        }
        let missing: Vec<StructureName> = sharing
            .structures
            .names()
            .filter(|structure| sharing.structures.standing(structure) == Standing::Disconnected)
            .cloned()
            .collect();
        if missing.is_empty() {
            self.read_own_descriptors(Look::Again, effects);
        }
        for structure in missing {
            self.connect_structure(structure, effects);
        }
    }

    pub(super) fn connect_structure(&mut self, structure: StructureName, effects: &mut Effects) {
        let Some(sharing) = &mut self.sharing else { return };
        sharing.structures.set_standing(&structure, Standing::Connecting);
        self.structure_command(&structure, ListOperation::Connect, Awaiting::Connect(structure.clone()), effects);
    }

    pub(super) fn read_own_descriptors(&mut self, look: Look, effects: &mut Effects) {
        let read = ListOperation::ReadDescriptors { queue_manager: Some(self.definition.name.clone()) };
        self.admin_command(read, Awaiting::OwnDescriptors(look), effects);
    }

    pub(super) fn structure_connected(
        &mut self,
        structure: StructureName,
        answer: Result<ListAnswer, CommandRejected>,
        effects: &mut Effects,
    ) {
        let Some(sharing) = &mut self.sharing else { return };
        match answer {
            Ok(ListAnswer::Connected { failed }) => {
                sharing.structures.set_standing(&structure, Standing::Connected);
                let keys = failed.into_iter().map(|failed| RecoveryKey { structure: structure.clone(), failed });
                sharing.found_failed.extend(keys);
                if sharing.structures.all_connected() {
                    self.read_own_descriptors(Look::Connected, effects);
                }
            }
            Ok(_) => {
                sharing.structures.set_standing(&structure, Standing::Disconnected);
                self.retry_soon(effects);
            }
            Err(CommandRejected::NoSuchStructure) => self.abend("a structure is not in the CFRM policy", effects),
            Err(_) => self.structure_rejected(effects),
        }
    }

    /// All structures are connected and own descriptors are dealt with: now what other connectors left behind.
    pub(super) fn recover_found(&mut self, effects: &mut Effects) {
        let Some(sharing) = &mut self.sharing else { return };
        if std::mem::take(&mut sharing.reconnecting) {
            for structure in sharing.structures.application_names() {
                effects.report(Event::StructureReconnected { structure: structure.clone() });
            }
        }
        let found = std::mem::take(&mut sharing.found_failed);
        for key in found {
            self.recover(key, effects);
        }
    }

    /// The coupling facility does not know this connector any more.
    pub(super) fn structure_rejected(&mut self, effects: &mut Effects) {
        let lost = self.sharing.as_ref().is_some_and(|sharing| sharing.link == Link::Lost);
        if !lost {
            self.abend("disconnected from a structure", effects);
        }
    }

    pub(super) fn broken(&mut self, connection: ConnectionId, _how: Broken, effects: &mut Effects) {
        if self.applications.contains_key(&connection) {
            self.application_ended(connection, effects);
            return;
        }
        let Some(sharing) = &mut self.sharing else { return };
        if sharing.image == Some(connection) {
            // An address space does not outlive its image.
            self.abend("the z/OS image is gone", effects);
        } else if sharing.structures.connection() == Some(connection) || sharing.coupling_wanted == Some(connection) {
            self.connectivity_lost(effects);
        }
    }

    pub(super) fn connectivity_lost(&mut self, effects: &mut Effects) {
        let Some(sharing) = &mut self.sharing else { return };
        if sharing.link == Link::Lost {
            return;
        }
        if !sharing.tolerates || self.phase == Phase::Starting {
            self.abend("connectivity to the coupling facility is lost, CFCONLOS(TERMINATE)", effects);
            return;
        }
        sharing.link = Link::Lost;
        sharing.found_failed.clear();
        for structure in sharing.structures.application_names() {
            effects.report(Event::StructureConnectivityLost { structure: structure.clone() });
        }
        let connection = sharing.structures.connection().or(sharing.coupling_wanted.take());
        if let Some(connection) = connection {
            effects.push(Effect::Close { connection });
        }
        let unanswered = sharing.structures.lose();
        let waiters = sharing.monitors.lose();
        sharing.recoveries.lose();
        for connection in waiters {
            self.end_get(connection, Err(Reason::CouplingFacilityNotAvailable), effects);
        }
        for awaiting in unanswered {
            // A rejection is what an application learns of a command whose outcome nobody knows: whatever it did belongs
            // to a unit of work that peers back out.
            if !matches!(awaiting, Awaiting::Unit(_) | Awaiting::OwnDescriptors(_)) {
                self.structure_answered(awaiting, Err(CommandRejected::NotConnected), effects);
            }
        }
        self.abandon_implicit_shared_units(effects);
        self.abandon_open_shared_units(effects);
        self.break_tagged_connections(effects);
    }

    /// Tags belong to the life that lost the coupling facility (see [`super::tag`]).
    fn break_tagged_connections(&mut self, effects: &mut Effects) {
        let tagged = self.applications.iter().filter(|(_, application)| application.tag.is_some());
        let tagged: Vec<ConnectionId> = tagged.map(|(connection, _)| *connection).collect();
        for connection in tagged {
            effects.push(Effect::Close { connection });
            self.application_ended(connection, effects);
        }
    }

    /// Gets outside syncpoint whose message was taken and whose end nobody knows now: if its deletion was not executed,
    /// peers give the message back.
    fn abandon_implicit_shared_units(&mut self, effects: &mut Effects) {
        let taken: Vec<UnitOfWorkId> = self
            .units
            .iter()
            .filter(|(_, work)| work.implicit && !work.shared.is_empty() && work.stage != Stage::Open)
            .map(|(id, _)| id.clone())
            .collect();
        for unit in taken {
            if let Some(work) = self.units.get_mut(&unit)
                && let Some(teller) = &mut work.teller
            {
                teller.step = None;
                teller.answer = Err(match work.stage {
                    Stage::ForcingWork => Reason::CouplingFacilityNotAvailable,
                    _ => Reason::ConnectionBroken,
                });
            }
            self.end_unit(&unit, Outcome::Backout, effects);
        }
    }

    /// Units of work in flight lose their shared part to the peers, so the private part is backed out as well.
    fn abandon_open_shared_units(&mut self, effects: &mut Effects) {
        let open: Vec<UnitOfWorkId> = self
            .units
            .iter()
            .filter(|(_, work)| work.stage == Stage::Open && !work.shared.is_empty())
            .map(|(id, _)| id.clone())
            .collect();
        for unit in open {
            let mut waiting = Vec::new();
            for (connection, application) in &mut self.applications {
                if application.unit_of_work.as_ref() == Some(&unit) {
                    application.unit_of_work = None;
                    application.backed_out = true;
                    waiting.extend(application.get_call().is_some_and(|get| get.waiting).then_some(*connection));
                }
            }
            for connection in waiting {
                self.end_get(connection, Err(Reason::BackedOut), effects);
            }
            if let Some(work) = self.units.get_mut(&unit) {
                work.shared.clear();
            }
            self.begin_backout(&unit, None, effects);
        }
    }

    pub(super) fn connectivity_restored(&mut self, effects: &mut Effects) {
        let Some(sharing) = &mut self.sharing else { return };
        if sharing.link != Link::Lost {
            return;
        }
        sharing.link = Link::Wanted;
        sharing.reconnecting = true;
        self.life = self.life.next();
        self.register(effects);
        let lsn = self.append(&LogRecord::Life(self.life), effects);
        self.force(lsn, AfterForce::Reattach, effects);
    }
}
