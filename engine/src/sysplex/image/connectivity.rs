//! Connectivity to the coupling facilities: its loss, and who tells the coupling facility of it.

use super::{Task, ZosImage};
use crate::coupling_facility::command::{Connector, CouplingRequest, CouplingResponse};
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{ConnectionId, Effects, Incarnation};
use crate::name::{CouplingFacilityName, ImageName};
use crate::sysplex::coupling_links::{CouplingLink, Down, RETRY};
use crate::sysplex::frame::SysplexFrame;
use crate::time::Time;

impl ZosImage {
    pub(super) fn connected(&mut self, connection: ConnectionId, effects: &mut Effects) {
        if let Some(link) = self.links.iter_mut().find(|link| link.is_on(connection)) {
            link.connected(&self.definition.name, self.incarnation, effects);
        }
    }

    pub(super) fn coupling_response(
        &mut self,
        connection: ConnectionId,
        response: &CouplingResponse,
        effects: &mut Effects,
    ) {
        let Some(link) = self.links.iter_mut().find(|link| link.is_on(connection)) else { return };
        match response {
            CouplingResponse::Fenced => self.end_partitioned(effects),
            CouplingResponse::Attached => {
                if link.attached() {
                    let coupling_facility = link.coupling_facility.clone();
                    effects.report(Event::CouplingLinkRestored { coupling_facility });
                    tell_connectivity(self.address_spaces.connections(), link, true, effects);
                }
                // What could not be told while the link was not there; all of it is idempotent.
                for (name, &incarnation) in &self.ended {
                    let connector = Connector { name: name.clone(), incarnation };
                    link.request(&CouplingRequest::ConnectorFailed { connector }, effects);
                }
                for (image, &incarnation) in &self.isolated {
                    link.request(&CouplingRequest::Isolate { image: image.clone(), incarnation }, effects);
                }
                for (image, &incarnation) in &self.partitioned {
                    link.request(&CouplingRequest::Partitioned { image: image.clone(), incarnation }, effects);
                }
            }
            _ => {}
        }
    }

    pub(super) fn link_down(&mut self, now: Time, connection: ConnectionId, effects: &mut Effects) {
        let Some(number) = self.links.iter().position(|link| link.is_on(connection)) else { return };
        self.tasks.push(now + RETRY, Task::OpenLink(number));
        let link = &mut self.links[number];
        if link.down() == Down::Lost {
            effects.report(Event::CouplingLinkLost { coupling_facility: link.coupling_facility.clone() });
            tell_connectivity(self.address_spaces.connections(), link, false, effects);
            self.ask_to_report_losses(now, effects);
        }
    }

    /// Asks one other image at a time, so that a loss is reported once: the connectors may come back afterwards.
    pub(super) fn ask_to_report_losses(&self, now: Time, effects: &mut Effects) {
        let alive: Vec<&ImageName> = self.others.alive().map(|(name, _)| name).collect();
        if alive.is_empty() {
            return;
        }
        let interval = self.definition.failure_management.status_interval.as_nanos().max(1);
        let round = u128::from(now.as_nanoseconds()) / interval;
        let asked = alive[usize::try_from(round % alive.len() as u128).expect("smaller than a length")];
        for link in &self.links {
            let Some(loss) = link.to_be_reported() else { continue };
            let frame = SysplexFrame::LostConnectivity {
                image: self.definition.name.clone(),
                incarnation: self.incarnation,
                coupling_facility: link.coupling_facility.clone(),
                loss,
                members: self.address_spaces.members().into_iter().map(|(connector, _)| connector).collect(),
            };
            self.signal(asked, frame, effects);
        }
    }

    pub(super) fn report_loss(
        &mut self,
        image: &ImageName,
        loss: (Incarnation, u32),
        coupling_facility: CouplingFacilityName,
        members: Vec<Connector>,
        effects: &mut Effects,
    ) {
        let Some(link) = self.links.iter().find(|link| link.coupling_facility == coupling_facility) else { return };
        let key = (image.clone(), coupling_facility.clone());
        if self.reported_losses.get(&key).is_none_or(|&reported| reported < loss) {
            if !link.is_attached() {
                return;
            }
            for connector in members {
                link.request(&CouplingRequest::ConnectorFailed { connector }, effects);
            }
            self.reported_losses.insert(key, loss);
        }
        let answer = SysplexFrame::LostConnectivityReported { coupling_facility, loss: loss.1 };
        self.signal(image, answer, effects);
    }
}

pub(super) fn tell_connectivity(
    to: impl Iterator<Item = ConnectionId>,
    link: &CouplingLink,
    available: bool,
    effects: &mut Effects,
) {
    for connection in to {
        let coupling_facility = link.coupling_facility.clone();
        let frame = SysplexFrame::CouplingConnectivity { coupling_facility, available };
        effects.send(connection, Frame::Sysplex(Box::new(frame)));
    }
}
