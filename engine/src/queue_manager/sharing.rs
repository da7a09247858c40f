//! The queue manager's side of its group: its connection to the image, to the coupling facility and its structures, and
//! what it does when the coupling facility answers, signals or is lost.
//!
//! When the link to the coupling facility is lost while the queue manager lives, `CFCONLOS` decides (reference A4.4):
//! with TERMINATE it ends itself; with TOLERATE it stays up, calls on shared queues fail with 2345, units of work in flight
//! that touched shared queues are backed out, and what was in the middle of its end waits until the coupling facility is
//! back. It then connects as a new life, because its peers recover what the old one left.

use std::collections::BTreeMap;

use crate::coupling_facility::command::{
    CommandRejected, Connector, CouplingRequest, CouplingResponse, ListAnswer, ListOperation,
};
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{Broken, ConnectionId, Effect, Effects, Ended};
use crate::mqi::Reason;
use crate::name::{QueueManagerName, StructureName};
use crate::queue_sharing::monitor::{MonitorKey, Monitors};
use crate::queue_sharing::recovery::{Context, Recoveries, RecoveryAwaiting, RecoveryKey};
use crate::queue_sharing::structures::{Standing, Structures};
use crate::sysplex::frame::{GroupMessage, SysplexFrame};
use crate::time::Duration;
use crate::unit_of_work::{Outcome, UnitOfWorkId, Xid};

use super::QueueManager;
use super::browse::SharedBrowse;
use super::command::OperatorAwaiting;
use super::coordinator::{GroupAwaiting, Settlement};
use super::definition::{ConnectivityLoss, GroupDefinition};
use super::put::SharedPut;
use super::record::LogRecord;
use super::start::{Look, Phase};
use super::tag::TagAwaiting;
use super::timer::TimerFor;
use super::unit::Stage;

/// Whether an image or a coupling facility is there is not found out on these connections: the image tells.
const NEVER_SILENT: Duration = Duration::from_secs(365 * 24 * 3600);

/// How soon what was refused is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// How often a recovery looks after its helpers.
const LOOK_AFTER_RECOVERY: Duration = Duration::from_secs(1);

/// What is to be done with an answer of the coupling facility.
#[derive(Clone, Debug)]
pub(super) enum Awaiting {
    Connect(StructureName),
    Disconnect,
    OwnDescriptors(Look),
    Put(SharedPut),
    Get(ConnectionId),
    Browse(SharedBrowse),
    Monitor(MonitorKey),
    Unit(UnitOfWorkId),
    Group(GroupAwaiting),
    Tag(TagAwaiting),
    Operator(OperatorAwaiting),
    Recovery(RecoveryAwaiting),
    /// Nobody waits for it.
    Nothing,
}

impl From<RecoveryAwaiting> for Awaiting {
    fn from(awaiting: RecoveryAwaiting) -> Self {
        Awaiting::Recovery(awaiting)
    }
}

/// How the queue manager stands to the coupling facility.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// Connecting, or connected.
    Wanted,
    /// Lost and tolerated.
    Lost,
}

/// What a member of a group knows besides what every queue manager knows.
#[derive(Debug)]
pub(super) struct Sharing {
    pub(super) structures: Structures<Awaiting>,
    pub(super) monitors: Monitors,
    pub(super) recoveries: Recoveries,
    /// The connection to the image's system services, once it is there.
    pub(super) image: Option<ConnectionId>,
    image_wanted: Option<ConnectionId>,
    coupling_wanted: Option<ConnectionId>,
    pub(super) link: Link,
    /// The structures are being connected again after the link was lost.
    reconnecting: bool,
    /// Failed connectors found when connecting, to be recovered once all structures are connected.
    found_failed: Vec<RecoveryKey>,
    /// Disconnections not answered yet, when the queue manager stops.
    pub(super) disconnecting: u32,
    pub(super) settlements: BTreeMap<ConnectionId, Settlement>,
    /// Outcomes that active owners were told, by the connection that waits for them.
    pub(super) told_owner: BTreeMap<ConnectionId, (Xid, Outcome)>,
    members: Vec<QueueManagerName>,
    tolerates: bool,
}

impl Sharing {
    pub(super) fn new(group: &GroupDefinition) -> Self {
        Sharing {
            structures: Structures::new(group.structures.keys().cloned()),
            monitors: Monitors::default(),
            recoveries: Recoveries::default(),
            image: None,
            image_wanted: None,
            coupling_wanted: None,
            link: Link::Wanted,
            reconnecting: false,
            found_failed: Vec::new(),
            disconnecting: 0,
            settlements: BTreeMap::new(),
            told_owner: BTreeMap::new(),
            members: group.members.clone(),
            tolerates: group.structures.values().all(|use_of| use_of.connectivity_loss == ConnectivityLoss::Tolerate),
        }
    }
}

impl QueueManager {
    pub(super) fn connector(&self) -> Connector {
        Connector { name: self.definition.name.clone(), incarnation: self.life }
    }

    pub(super) fn monitors(&self) -> Option<&Monitors> {
        self.sharing.as_ref().map(|sharing| &sharing.monitors)
    }

    pub(super) fn monitors_mut(&mut self) -> Option<&mut Monitors> {
        self.sharing.as_mut().map(|sharing| &mut sharing.monitors)
    }

    /// Whether descriptors are kept until their owner deletes them, so that it can learn an outcome that it missed.
    pub(super) fn keeps_descriptors(&self) -> bool {
        self.sharing.as_ref().is_some_and(|sharing| sharing.tolerates)
    }

    /// Sends a command to a structure; false if it is not connected.
    pub(super) fn structure_command(
        &mut self,
        structure: &StructureName,
        operation: ListOperation,
        awaiting: Awaiting,
        effects: &mut Effects,
    ) -> bool {
        let Some(sharing) = &mut self.sharing else { return false };
        sharing.structures.command(structure, operation, awaiting, effects).is_ok()
    }

    /// Sends a command to the admin structure; false if it is not connected.
    pub(super) fn admin_command(
        &mut self,
        operation: ListOperation,
        awaiting: Awaiting,
        effects: &mut Effects,
    ) -> bool {
        let Some(sharing) = &mut self.sharing else { return false };
        sharing.structures.admin_command(operation, awaiting, effects).is_ok()
    }

    /// Sends a command to a structure for an application; if that is not connected, the call fails with 2345.
    pub(super) fn structure_command_for(
        &mut self,
        connection: ConnectionId,
        structure: &StructureName,
        operation: ListOperation,
        awaiting: Awaiting,
        effects: &mut Effects,
    ) {
        if !self.structure_command(structure, operation, awaiting, effects) {
            self.answer(connection, Err(Reason::CouplingFacilityNotAvailable), effects);
        }
    }

    /// Likewise to the admin structure.
    pub(super) fn admin_command_for(
        &mut self,
        connection: ConnectionId,
        operation: ListOperation,
        awaiting: Awaiting,
        effects: &mut Effects,
    ) {
        if !self.admin_command(operation, awaiting, effects) {
            self.answer(connection, Err(Reason::CouplingFacilityNotAvailable), effects);
        }
    }

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

    fn connect_structure(&mut self, structure: StructureName, effects: &mut Effects) {
        let Some(sharing) = &mut self.sharing else { return };
        sharing.structures.set_standing(&structure, Standing::Connecting);
        self.structure_command(&structure, ListOperation::Connect, Awaiting::Connect(structure.clone()), effects);
    }

    pub(super) fn read_own_descriptors(&mut self, look: Look, effects: &mut Effects) {
        let read = ListOperation::ReadDescriptors { queue_manager: Some(self.definition.name.clone()) };
        self.admin_command(read, Awaiting::OwnDescriptors(look), effects);
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

    pub(super) fn coupling_response(
        &mut self,
        connection: ConnectionId,
        response: CouplingResponse,
        effects: &mut Effects,
    ) {
        match response {
            CouplingResponse::Attached => {
                let Some(sharing) = &mut self.sharing else { return };
                if sharing.coupling_wanted != Some(connection) {
                    return;
                }
                sharing.coupling_wanted = None;
                sharing.structures.attach(connection);
                let structures: Vec<StructureName> = sharing.structures.names().cloned().collect();
                for structure in structures {
                    self.connect_structure(structure, effects);
                }
            }
            CouplingResponse::Fenced => self.abend("the image is isolated from the coupling facility", effects),
            CouplingResponse::Answer { tag, answer } => {
                let awaiting = self.sharing.as_mut().and_then(|sharing| sharing.structures.answered(tag));
                if let Some(awaiting) = awaiting {
                    self.structure_answered(awaiting, answer, effects);
                }
            }
            CouplingResponse::Transition { structure, queue, correlation_id } => {
                self.list_transition(&MonitorKey { structure, queue, correlation_id }, effects);
            }
            CouplingResponse::FailedConnection { structure, connector } => {
                self.recover(RecoveryKey { structure, failed: connector }, effects);
            }
        }
    }

    fn structure_answered(
        &mut self,
        awaiting: Awaiting,
        answer: Result<ListAnswer, CommandRejected>,
        effects: &mut Effects,
    ) {
        match awaiting {
            Awaiting::Connect(structure) => self.structure_connected(structure, answer, effects),
            Awaiting::Disconnect => self.structure_disconnected(effects),
            Awaiting::OwnDescriptors(look) => match answer {
                Ok(ListAnswer::Descriptors(descriptors)) => self.own_descriptors(descriptors, look, effects),
                Ok(_) | Err(_) => self.structure_rejected(effects),
            },
            Awaiting::Put(put) => self.shared_put_answered(put, answer, effects),
            Awaiting::Get(connection) => self.shared_get_answered(connection, answer, effects),
            Awaiting::Browse(browse) => self.shared_browse_answered(browse, answer, effects),
            Awaiting::Monitor(key) => {
                if let Ok(ListAnswer::Monitoring { not_empty: true }) = answer {
                    self.list_transition(&key, effects);
                }
            }
            Awaiting::Unit(unit) => self.unit_answered(&unit, answer, effects),
            Awaiting::Group(awaiting) => self.group_answered(awaiting, answer, effects),
            Awaiting::Tag(awaiting) => self.tag_answered(awaiting, answer, effects),
            Awaiting::Operator(awaiting) => self.operator_answered(awaiting, answer, effects),
            Awaiting::Recovery(awaiting) => {
                self.with_recoveries(effects, |recoveries, context| recoveries.answered(awaiting, answer, context));
            }
            Awaiting::Nothing => {}
        }
    }

    fn structure_connected(
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

    fn recover(&mut self, key: RecoveryKey, effects: &mut Effects) {
        if key.failed == self.connector() {
            self.abend("the coupling facility holds this connector for failed", effects);
            return;
        }
        self.with_recoveries(effects, |recoveries, context| recoveries.failed_connection(key, context));
    }

    /// Lets the recoveries do something, and sees to it that they are looked after.
    pub(super) fn with_recoveries(
        &mut self,
        effects: &mut Effects,
        act: impl FnOnce(&mut Recoveries, &mut Context<'_, Awaiting>),
    ) {
        let me = self.connector();
        let Some(sharing) = &mut self.sharing else { return };
        let Sharing { structures, recoveries, image, members, .. } = sharing;
        let own_before = recoveries.concerns(&me.name);
        let mut context = Context { structures, effects, image: *image, me: &me, members };
        act(recoveries, &mut context);
        let own_ended = own_before && !recoveries.concerns(&me.name);
        let idle = recoveries.is_idle();
        if !idle && !self.timers.is_set(&TimerFor::Recovery) {
            self.timers.set(self.now + LOOK_AFTER_RECOVERY, TimerFor::Recovery, effects);
        }
        if own_ended {
            self.read_own_descriptors(Look::Again, effects);
        }
        if idle {
            self.end_if_quiesced(effects);
        }
    }

    pub(super) fn sysplex_frame(&mut self, frame: SysplexFrame, effects: &mut Effects) {
        match frame {
            SysplexFrame::CouplingConnectivity { available, .. } => {
                if available {
                    self.connectivity_restored(effects);
                } else {
                    self.connectivity_lost(effects);
                }
            }
            SysplexFrame::Group { from, message, .. } => match message {
                GroupMessage::GroupResolved { xid, outcome } => self.group_resolved(&xid, outcome, effects),
                message => {
                    self.with_recoveries(effects, |recoveries, context| {
                        recoveries.group_message(&from, message, context);
                    });
                }
            },
            _ => {}
        }
    }

    /// The coupling facility does not know this connector any more.
    pub(super) fn structure_rejected(&mut self, effects: &mut Effects) {
        let lost = self.sharing.as_ref().is_some_and(|sharing| sharing.link == Link::Lost);
        if !lost {
            self.abend("disconnected from a structure", effects);
        }
    }

    fn connectivity_lost(&mut self, effects: &mut Effects) {
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

    fn connectivity_restored(&mut self, effects: &mut Effects) {
        let Some(sharing) = &mut self.sharing else { return };
        if sharing.link != Link::Lost {
            return;
        }
        sharing.link = Link::Wanted;
        sharing.reconnecting = true;
        self.life = self.life.next();
        self.register(effects);
        let lsn = self.append(&LogRecord::Life(self.life), effects);
        self.force(lsn, super::ending::AfterForce::Reattach, effects);
    }

    /// Ends at once, of its own accord.
    pub(super) fn abend(&mut self, reason: &'static str, effects: &mut Effects) {
        if self.phase == Phase::Ended {
            return;
        }
        self.phase = Phase::Ended;
        effects.report(Event::QueueManagerAbend { reason });
        effects.push(Effect::End(Ended::Abnormally(reason)));
    }

    pub(super) fn timer(&mut self, timer: crate::machine::TimerId, effects: &mut Effects) {
        match self.timers.ran_out(timer) {
            Some(TimerFor::WaitInterval(connection)) => self.get_timer(connection, true, effects),
            Some(TimerFor::LookAgain(connection)) => self.get_timer(connection, false, effects),
            Some(TimerFor::Recovery) => {
                self.with_recoveries(effects, |recoveries, context| recoveries.look_again(context));
            }
            Some(TimerFor::Retry) => self.retry(effects),
            Some(TimerFor::GroupResolution(connection)) => self.look_at_group_resolution(connection, effects),
            None => {}
        }
    }
}
