//! The queue manager's side of its group: what a member knows, the commands that it sends to structures, and what it does
//! when the coupling facility or another member answers or signals. How it connects, and what it does when it loses the
//! coupling facility, is in `connectivity`.

use std::collections::BTreeMap;

use crate::coupling_facility::command::{CommandRejected, Connector, CouplingResponse, ListAnswer, ListOperation};
use crate::event::Event;
use crate::machine::{ConnectionId, Effect, Effects, Ended};
use crate::mqi::Reason;
use crate::name::{QueueManagerName, StructureName};
use crate::queue_sharing::monitor::{MonitorKey, Monitors};
use crate::queue_sharing::recovery::{Context, Recoveries, RecoveryAwaiting, RecoveryKey};
use crate::queue_sharing::structures::Structures;
use crate::sysplex::frame::{GroupMessage, SysplexFrame};
use crate::time::Duration;
use crate::unit_of_work::{Outcome, UnitOfWorkId, Xid};

use super::QueueManager;
use super::browse::SharedBrowse;
use super::command::OperatorAwaiting;
use super::coordinator::{GroupAwaiting, Settlement};
use super::definition::{ConnectivityLoss, GroupDefinition};
use super::put::SharedPut;
use super::start::{Look, Phase};
use super::tag::TagAwaiting;
use super::timer::TimerFor;

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
    pub(super) image_wanted: Option<ConnectionId>,
    pub(super) coupling_wanted: Option<ConnectionId>,
    pub(super) link: Link,
    /// The structures are being connected again after the link was lost.
    pub(super) reconnecting: bool,
    /// Failed connectors found when connecting, to be recovered once all structures are connected.
    pub(super) found_failed: Vec<RecoveryKey>,
    /// Disconnections not answered yet, when the queue manager stops.
    pub(super) disconnecting: u32,
    pub(super) settlements: BTreeMap<ConnectionId, Settlement>,
    /// Outcomes that active owners were told, by the connection that waits for them.
    pub(super) told_owner: BTreeMap<ConnectionId, (Xid, Outcome)>,
    members: Vec<QueueManagerName>,
    pub(super) tolerates: bool,
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

    pub(super) fn structure_answered(
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

    pub(super) fn recover(&mut self, key: RecoveryKey, effects: &mut Effects) {
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
