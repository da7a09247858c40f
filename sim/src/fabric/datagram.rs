//! Datagrams: lost, duplicated, reordered; dropped where nobody listens. XCF signals between images travel so.

use indoubt_engine::frame::Frame;
use indoubt_engine::machine::Input;
use indoubt_engine::name::Address;

use super::address::Destination;
use super::inbox::Arrival;
use super::process::ProcessId;
use super::state::State;
use crate::trace::Kind;

impl State {
    /// Sends a datagram to whoever listens at an address.
    pub(super) fn send_datagram(&mut self, from: ProcessId, to: &Address, frame: Frame, now: u64) {
        let host = self.processes[from.index()].host;
        let (kind, Destination::Listener { process, host: there, .. }) = self.resolve(to, host, now) else { return };
        let link = self.link(host, there, kind);
        let fate = self.links.datagram(link, now, || frame.length());
        let [first, second] = fate.arrivals;
        let copy = second.map(|_| frame.clone());
        for (at, frame) in first.zip(Some(frame)).into_iter().chain(second.zip(copy)) {
            self.push(process, at, Arrival::Datagram { from, frame });
        }
    }

    /// A datagram reaches a process.
    pub(super) fn receive_datagram(&mut self, process: ProcessId, from: ProcessId, frame: Frame, now: u64) -> Input {
        self.frames += 1;
        self.trace.record(Kind::Datagram, now, process.0, u64::from(from.0), 0);
        Input::Datagram { from: self.processes[from.index()].name.clone(), frame }
    }
}
