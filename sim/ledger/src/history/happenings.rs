//! What the world did, as a contract asks for it: events, faults and how long they troubled whom, who was connected to whom.

use super::world::WorldRecord;
use super::{
    Call, Command, Fault, FaultNumber, Healing, History, Lasts, Mended, Peer, ProcessIndex, Span, Told, WorldHappening,
    position,
};
use crate::contract::PROCESS_STARTED;

impl History {
    /// From now on the process is connected to this resource (a messaging engine), where that other process runs it.
    ///
    /// # Panics
    /// If time runs backwards.
    pub fn connected(&mut self, at_ns: u64, process: ProcessIndex, resource: &str, to: &str) {
        let at = self.moment(at_ns);
        let peer = Peer { resource: resource.to_owned(), process: to.to_owned() };
        self.processes[process.index()].connections.push((at, Some(peer)));
    }

    /// From now on the process is connected to nobody.
    ///
    /// # Panics
    /// If time runs backwards.
    pub fn disconnected(&mut self, at_ns: u64, process: ProcessIndex) {
        let at = self.moment(at_ns);
        self.processes[process.index()].connections.push((at, None));
    }

    /// What a process was connected to when it asked for something.
    pub(crate) fn peer_of(&self, call: &Call) -> Option<&Peer> {
        let connections = &self.processes[call.process.index()].connections;
        let until_then = connections.partition_point(|(at, _)| *at < call.invoked);
        connections[..until_then].last()?.1.as_ref()
    }

    /// The events, in order. The ends of applications are not among them.
    pub fn events(&self) -> impl Iterator<Item = Told<'_>> {
        self.world.iter().filter_map(|record| match &record.what {
            WorldHappening::Event { name, subject, by, .. } => Some(Told { at_ns: record.at.at_ns, name, subject, by }),
            WorldHappening::Fault(_) | WorldHappening::Healed(_) | WorldHappening::Command(_) => None,
        })
    }

    /// When one of these was troubled by faults, the last of which is a process that shows by running again that it is over
    /// what ended it: times that may touch.
    #[must_use]
    pub fn troubled(&self, names: &[&str]) -> Vec<Span> {
        let mut number = 0;
        let mut spans = Vec::new();
        for (place, record) in self.world.iter().enumerate() {
            let WorldHappening::Fault(fault) = &record.what else { continue };
            let own = FaultNumber(number);
            number += 1;
            if fault.lasts == Lasts::NoTime || !names.iter().any(|name| fault.troubles(name)) {
                continue;
            }
            let is_mended = matches!(fault.lasts, Lasts::UntilMended | Lasts::UntilMendedOrRestarted);
            let is_restarted = matches!(fault.lasts, Lasts::UntilRestarted | Lasts::UntilMendedOrRestarted);
            let ends = |record: &&WorldRecord| match &record.what {
                WorldHappening::Healed(Healing { what: Mended::Everything, .. }) => is_mended,
                WorldHappening::Healed(Healing { what, .. }) => is_mended && *what == Mended::Fault(own),
                WorldHappening::Event { name, subject, .. } => {
                    is_restarted && name == PROCESS_STARTED && names.last().is_some_and(|server| server == subject)
                }
                WorldHappening::Fault(_) | WorldHappening::Command(_) => false,
            };
            let end = self.world[place..].iter().find(ends);
            spans.push(Span { from_ns: record.at.at_ns, to_ns: end.map_or(u64::MAX, |end| end.at.at_ns) });
        }
        spans
    }

    /// A fault strikes.
    ///
    /// # Panics
    /// If time runs backwards.
    pub fn fault(&mut self, at_ns: u64, fault: Fault) -> FaultNumber {
        let number = FaultNumber(position(self.faults().count()));
        self.world(at_ns, WorldHappening::Fault(fault));
        number
    }

    /// The faults that struck, in order.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.world.iter().filter_map(|record| match &record.what {
            WorldHappening::Fault(fault) => Some(fault),
            WorldHappening::Event { .. } | WorldHappening::Healed(_) | WorldHappening::Command(_) => None,
        })
    }

    /// The commands that operators typed, in order: when, nanoseconds since the start of the run, and what.
    pub fn commands(&self) -> impl Iterator<Item = (u64, &Command)> {
        self.world.iter().filter_map(|record| match &record.what {
            WorldHappening::Command(command) => Some((record.at.at_ns, command)),
            WorldHappening::Event { .. } | WorldHappening::Healed(_) | WorldHappening::Fault(_) => None,
        })
    }

    /// Whether an event of this name was told of this subject.
    #[must_use]
    pub fn was_told(&self, name: &str, subject: &str) -> bool {
        self.world.iter().any(|record| match &record.what {
            WorldHappening::Event { name: told, subject: of, .. } => told == name && of == subject,
            WorldHappening::Fault(_) | WorldHappening::Healed(_) | WorldHappening::Command(_) => false,
        })
    }
}
