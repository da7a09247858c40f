//! A z/OS image's system services, as a process: XCF, XES, SFM and ARM.

mod connectivity;
mod failure_management;
mod local_services;

use std::collections::BTreeMap;

use super::address_spaces::AddressSpaces;
use super::coupling_links::CouplingLink;
use super::definition::ImageDefinition;
use super::frame::SysplexFrame;
use super::restart::Restarts;
use super::status::{OtherImages, Standing};
use crate::coupling_facility::command::Connector;
use crate::coupling_facility::delay::{Delayed, TIMER};
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{Effect, Effects, Ended, Incarnation, Input, Machine, Silence};
use crate::name::{Address, CouplingFacilityName, ImageName, ProcessName, QueueManagerName};
use crate::time::{Duration, Time};

/// On the same host nothing is lost, so nobody watches for silence.
const LOCAL_SILENCE: Silence = Silence::Prompt { timeout: Duration::from_secs(3600) };

/// Something to be done later.
#[derive(Debug)]
enum Task {
    UpdateStatus,
    /// Has the next status update of this image come?
    CheckStatus(ImageName),
    Isolate(ImageName, Incarnation),
    Partition(ImageName, Incarnation),
    TellOfAbend(Connector),
    RestartInPlace(ProcessName),
    RestartAcross(ProcessName, ImageName, Incarnation),
    /// Tries the coupling link with this number again.
    OpenLink(usize),
}

/// The system services of a z/OS image.
///
/// Always up while the image is powered; its own end is the end of the image.
#[derive(Debug)]
pub struct ZosImage {
    definition: ImageDefinition,
    incarnation: Incarnation,
    address_spaces: AddressSpaces,
    links: Vec<CouplingLink>,
    others: OtherImages,
    restarts: Restarts,
    tasks: Delayed<Task>,
    last_update: Time,
    member_changes: u32,
    members_to_repeat: u32,
    /// Address spaces that ended here: told again to a coupling facility that could not be reached.
    ended: BTreeMap<QueueManagerName, Incarnation>,
    /// How many of them are yet to be told.
    abends_to_tell: u32,
    /// Images isolated by this one: told again likewise.
    isolated: BTreeMap<ImageName, Incarnation>,
    /// Images partitioned out of the sysplex: told again likewise.
    partitioned: BTreeMap<ImageName, Incarnation>,
    /// The last loss of a link that was reported for another image.
    reported_losses: BTreeMap<(ImageName, CouplingFacilityName), (Incarnation, u32)>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Up,
    /// Leaves when its address spaces have.
    Leaving,
    Down,
}

impl Machine for ZosImage {
    fn handle(&mut self, now: Time, input: Input, effects: &mut Effects) {
        if self.phase == Phase::Down {
            return;
        }
        self.notice_own_stop(now);
        match input {
            Input::Started { incarnation, .. } => self.start(now, incarnation, effects),
            Input::Connected { connection } => self.connected(connection, effects),
            Input::Refused { connection, .. } => self.link_down(now, connection, effects),
            Input::Frame { connection, frame: Frame::CouplingResponse(response) } => {
                self.coupling_response(connection, &response, effects);
            }
            Input::Frame { connection, frame: Frame::Sysplex(frame) } => {
                self.address_space_signals(connection, *frame, effects);
            }
            Input::Broken { connection, how } => self.broken(now, connection, how, effects),
            Input::Datagram { frame: Frame::Sysplex(frame), .. } => self.image_signals(now, *frame, effects),
            Input::Timer { timer: TIMER } => self.tasks.timer_ran_out(),
            Input::Stop(_) => {
                self.phase = Phase::Leaving;
            }
            _ => {}
        }
        while self.phase != Phase::Down
            && let Some(task) = self.tasks.pop(now)
        {
            self.perform(now, task, effects);
        }
        self.leave_if_empty(effects);
        if self.phase != Phase::Down {
            self.tasks.set_timer(effects);
        }
    }
}

impl ZosImage {
    /// An image that is about to be loaded.
    #[must_use]
    pub fn new(definition: ImageDefinition) -> Self {
        let link = |(name, address): &(CouplingFacilityName, Address)| CouplingLink::new(name.clone(), address.clone());
        ZosImage {
            incarnation: Incarnation(0),
            address_spaces: AddressSpaces::default(),
            links: definition.coupling_facilities.iter().map(link).collect(),
            others: OtherImages::new(&definition),
            restarts: Restarts::new(&definition.restart),
            tasks: Delayed::new(),
            last_update: Time::NEVER,
            member_changes: 0,
            members_to_repeat: 0,
            ended: BTreeMap::new(),
            abends_to_tell: 0,
            isolated: BTreeMap::new(),
            partitioned: BTreeMap::new(),
            reported_losses: BTreeMap::new(),
            phase: Phase::Up,
            definition,
        }
    }

    fn start(&mut self, now: Time, incarnation: Incarnation, effects: &mut Effects) {
        self.incarnation = incarnation;
        for address in [&self.definition.local_address, &self.definition.signalling_address] {
            effects.push(Effect::Listen { address: address.clone(), silence: LOCAL_SILENCE });
        }
        for link in &mut self.links {
            link.open(self.definition.failure_management.link_loss_detection, effects);
        }
        self.update_status(now, effects);
    }

    /// If this image was stopped itself, the silence that it seems to have heard means nothing.
    fn notice_own_stop(&mut self, now: Time) {
        if now.since(self.last_update) > 2 * self.definition.failure_management.status_interval {
            self.others.excuse_all(now);
        }
    }

    fn perform(&mut self, now: Time, task: Task, effects: &mut Effects) {
        match task {
            Task::UpdateStatus => self.update_status(now, effects),
            Task::CheckStatus(image) => self.check_status(now, image, effects),
            Task::Isolate(image, incarnation) => self.isolate(now, image, incarnation, effects),
            Task::Partition(image, incarnation) => {
                if self.partition(now, &image, incarnation, effects) {
                    effects.report(Event::ImagePartitioned { image: image.clone() });
                    self.signal_all(&SysplexFrame::Partitioned { image, incarnation }, effects);
                }
            }
            Task::TellOfAbend(connector) => self.tell_of_abend(connector, effects),
            Task::RestartInPlace(process) => {
                if self.phase == Phase::Up && !self.address_spaces.runs(&process) {
                    effects.report(Event::RestartedInPlace { process: process.clone() });
                    effects.push(Effect::Start { process });
                }
            }
            Task::RestartAcross(process, from, incarnation) => {
                let still_out =
                    self.others.get(&from).map(|other| other.standing) == Some(Standing::Partitioned { incarnation });
                let runs = self.address_spaces.runs(&process) || self.others.runs(&process);
                if self.phase == Phase::Up && still_out && !runs {
                    effects.report(Event::RestartedAcross { process: process.clone(), from });
                    effects.push(Effect::Start { process });
                }
            }
            Task::OpenLink(link) => {
                self.links[link].open(self.definition.failure_management.link_loss_detection, effects);
            }
        }
    }

    fn signal_all(&self, frame: &SysplexFrame, effects: &mut Effects) {
        for to in self.others.addresses() {
            effects.push(Effect::Datagram { to, frame: Frame::Sysplex(Box::new(frame.clone())) });
        }
    }

    fn signal(&self, image: &ImageName, frame: SysplexFrame, effects: &mut Effects) {
        if let Some(other) = self.others.get(image) {
            effects.push(Effect::Datagram { to: other.address.clone(), frame: Frame::Sysplex(Box::new(frame)) });
        }
    }

    fn image_signals(&mut self, now: Time, frame: SysplexFrame, effects: &mut Effects) {
        match frame {
            SysplexFrame::StatusUpdate { image, incarnation } => self.status_update(now, image, incarnation, effects),
            SysplexFrame::Members { image, incarnation, change, members } => {
                // Whoever tells who runs there is alive, even if its status updates came before this image listened.
                self.status_update(now, image.clone(), incarnation, effects);
                self.others.set_members(&image, incarnation, change, members);
            }
            SysplexFrame::Partitioned { image, incarnation } if image == self.definition.name => {
                if incarnation == self.incarnation {
                    self.end_partitioned(effects);
                }
            }
            SysplexFrame::Partitioned { image, incarnation } => {
                let _known = self.partition(now, &image, incarnation, effects);
            }
            SysplexFrame::Leaving { image, incarnation } => self.others.leaves(&image, incarnation),
            SysplexFrame::LostConnectivity { image, incarnation, coupling_facility, loss, members } => {
                self.report_loss(&image, (incarnation, loss), coupling_facility, members, effects);
            }
            SysplexFrame::LostConnectivityReported { coupling_facility, loss } => {
                if let Some(link) = self.links.iter_mut().find(|link| link.coupling_facility == coupling_facility) {
                    link.reported(loss);
                }
            }
            SysplexFrame::Group { from, to, message } => {
                if let Some(connection) = self.address_spaces.connection_of(&to) {
                    effects.send(connection, Frame::Sysplex(Box::new(SysplexFrame::Group { from, to, message })));
                }
            }
            SysplexFrame::Register { .. } | SysplexFrame::Deregister | SysplexFrame::CouplingConnectivity { .. } => {}
        }
    }

    fn leave_if_empty(&mut self, effects: &mut Effects) {
        if self.phase != Phase::Leaving || self.address_spaces.is_anybody_here() || self.abends_to_tell > 0 {
            return;
        }
        let leaving = SysplexFrame::Leaving { image: self.definition.name.clone(), incarnation: self.incarnation };
        // Signals get lost, and nobody will be there to repeat it.
        for _ in 0..3 {
            self.signal_all(&leaving, effects);
        }
        self.phase = Phase::Down;
        effects.push(Effect::End(Ended::Normally));
    }
}
