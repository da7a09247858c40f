//! `STOP QMGR`: the end in good order, which is no failure: connectors disconnect normally and nobody recovers anything
//! (reference A4.8).
//!
//! QUIESCE lets work in progress end; gets that wait are told 2161. FORCE breaks connections and backs out what they were
//! doing. Units of work in doubt stay as they are in both cases.

use crate::coupling_facility::command::ListOperation;
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{ConnectionId, Effect, Effects, Ended, StopMode};
use crate::mqi::{MqiReply, Reason};
use crate::name::StructureName;
use crate::queue_sharing::structures::Standing;
use crate::sysplex::frame::SysplexFrame;

use super::QueueManager;
use super::application::Call;
use super::sharing::Awaiting;
use super::start::Phase;
use super::unit::Stage;

impl QueueManager {
    pub(super) fn stop(&mut self, mode: StopMode, effects: &mut Effects) {
        match self.phase {
            Phase::Running => {
                self.phase = Phase::Quiescing;
                effects.report(Event::QueueManagerQuiescing {});
                for address in self.addresses() {
                    effects.push(Effect::StopListening { address });
                }
            }
            Phase::Quiescing => {}
            Phase::NotStarted | Phase::Starting | Phase::Disconnecting | Phase::Ended => {
                if self.phase == Phase::Starting {
                    self.abend("stopped while starting", effects);
                }
                return;
            }
        }
        let connections: Vec<ConnectionId> = self.applications.keys().copied().collect();
        for connection in connections {
            match mode {
                StopMode::Quiesce => self.quiesce(connection, effects),
                StopMode::Force => {
                    effects.push(Effect::Close { connection });
                    self.application_ended(connection, effects);
                }
            }
        }
        self.end_if_quiesced(effects);
    }

    fn quiesce(&mut self, connection: ConnectionId, effects: &mut Effects) {
        let Some(application) = self.applications.get(&connection) else { return };
        match &application.call {
            Some(Call::Get(get)) if get.waiting => {
                self.end_get(connection, Err(Reason::QueueManagerQuiescing), effects);
            }
            _ => effects.send(connection, Frame::MqiReply(Box::new(MqiReply::Quiescing))),
        }
    }

    /// Goes on with the end once nothing is in the way of it.
    pub(super) fn end_if_quiesced(&mut self, effects: &mut Effects) {
        if self.phase != Phase::Quiescing || !self.applications.is_empty() {
            return;
        }
        if self.units.values().any(|work| work.stage != Stage::Prepared) {
            return;
        }
        let recovering = self.sharing.as_ref().is_some_and(|sharing| !sharing.recoveries.is_idle());
        if recovering {
            return;
        }
        self.phase = Phase::Disconnecting;
        let Some(sharing) = &mut self.sharing else {
            self.ended_in_good_order(effects);
            return;
        };
        let structures: Vec<StructureName> = sharing
            .structures
            .names()
            .filter(|structure| sharing.structures.standing(structure) == Standing::Connected)
            .cloned()
            .collect();
        sharing.disconnecting = u32::try_from(structures.len()).expect("a group has few structures");
        if structures.is_empty() {
            self.ended_in_good_order(effects);
            return;
        }
        for structure in structures {
            self.structure_command(&structure, ListOperation::Disconnect, Awaiting::Disconnect, effects);
        }
    }

    pub(super) fn structure_disconnected(&mut self, effects: &mut Effects) {
        let Some(sharing) = &mut self.sharing else { return };
        sharing.disconnecting = sharing.disconnecting.saturating_sub(1);
        if sharing.disconnecting == 0 && self.phase == Phase::Disconnecting {
            self.ended_in_good_order(effects);
        }
    }

    fn ended_in_good_order(&mut self, effects: &mut Effects) {
        let image = self.sharing.as_ref().and_then(|sharing| sharing.image);
        if let Some(image) = image {
            effects.send(image, Frame::Sysplex(Box::new(SysplexFrame::Deregister)));
            effects.push(Effect::Close { connection: image });
        }
        self.phase = Phase::Ended;
        effects.report(Event::QueueManagerStopped {});
        effects.push(Effect::End(Ended::Normally));
    }
}
