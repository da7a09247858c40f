//! What an image does for its own address spaces: registration, group messages, and the news that one has ended.

use super::{Task, ZosImage};
use crate::coupling_facility::command::{Connector, CouplingRequest};
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{Broken, ConnectionId, Effect, Effects};
use crate::name::QueueManagerName;
use crate::sysplex::frame::{GroupMessage, SysplexFrame};
use crate::sysplex::restart::Decision;
use crate::time::Time;

/// How often a change of members is sent along with the following status updates, in case a signal is lost.
const MEMBERS_REPEATED: u32 = 3;

impl ZosImage {
    pub(super) fn address_space_signals(
        &mut self,
        connection: ConnectionId,
        frame: SysplexFrame,
        effects: &mut Effects,
    ) {
        match frame {
            SysplexFrame::Register { connector, process, group: _ } => {
                // Whatever a former life sent last may have arrived after it was reported.
                if let Some(&ended) = self.ended.get(&connector.name)
                    && ended < connector.incarnation
                {
                    let connector = Connector { name: connector.name.clone(), incarnation: ended };
                    let request = CouplingRequest::ConnectorFailed { connector };
                    self.links.iter().for_each(|link| link.request(&request, effects));
                }
                // A life that lost the link is over, although its address space lives.
                for (earlier, _) in self.address_spaces.members() {
                    if earlier.name == connector.name && earlier.incarnation < connector.incarnation {
                        let request = CouplingRequest::ConnectorFailed { connector: earlier };
                        self.links.iter().for_each(|link| link.request(&request, effects));
                    }
                }
                self.address_spaces.register(connection, connector, process);
                self.members_changed(effects);
                for link in self.links.iter().filter(|link| link.is_lost()) {
                    super::connectivity::tell_connectivity([connection].into_iter(), link, false, effects);
                }
            }
            SysplexFrame::Deregister => {
                let was_registered = self.address_spaces.deregister(connection);
                if was_registered {
                    self.members_changed(effects);
                }
            }
            SysplexFrame::Group { from, to, message } => self.pass_on(from, to, message, effects),
            _ => {}
        }
    }

    pub(super) fn pass_on(
        &self,
        from: QueueManagerName,
        to: QueueManagerName,
        message: GroupMessage,
        effects: &mut Effects,
    ) {
        let here = self.address_spaces.connection_of(&to);
        let elsewhere = self.others.image_of(&to);
        let frame = Frame::Sysplex(Box::new(SysplexFrame::Group { from, to, message }));
        match (here, elsewhere) {
            (Some(connection), _) => effects.send(connection, frame),
            (None, Some(to)) => effects.push(Effect::Datagram { to, frame }),
            (None, None) => {}
        }
    }

    pub(super) fn members(&self) -> SysplexFrame {
        SysplexFrame::Members {
            image: self.definition.name.clone(),
            incarnation: self.incarnation,
            change: self.member_changes,
            members: self.address_spaces.members(),
        }
    }

    pub(super) fn members_changed(&mut self, effects: &mut Effects) {
        self.member_changes += 1;
        self.members_to_repeat = MEMBERS_REPEATED;
        self.signal_all(&self.members(), effects);
    }

    pub(super) fn broken(&mut self, now: Time, connection: ConnectionId, how: Broken, effects: &mut Effects) {
        if let Some((connector, process)) = self.address_spaces.broken(connection, how) {
            effects.report(Event::AddressSpaceEnded { connector: connector.clone() });
            self.abends_to_tell += 1;
            let times = self.definition.failure_management;
            self.tasks.push(now + times.abend_notification, Task::TellOfAbend(connector.clone()));
            match self.restarts.in_place(now, &process) {
                Decision::After(delay) => {
                    self.tasks.push(now + delay, Task::RestartInPlace(process));
                }
                Decision::Exhausted => {
                    self.address_spaces.forget(&connector);
                    effects.report(Event::RestartAttemptsExhausted { process });
                }
                Decision::No => self.address_spaces.forget(&connector),
            }
            self.members_changed(effects);
        } else {
            self.link_down(now, connection, effects);
        }
    }

    pub(super) fn tell_of_abend(&mut self, connector: Connector, effects: &mut Effects) {
        self.abends_to_tell -= 1;
        self.ended.insert(connector.name.clone(), connector.incarnation);
        let request = CouplingRequest::ConnectorFailed { connector };
        self.links.iter().for_each(|link| link.request(&request, effects));
    }
}
