//! What can be done to a world from outside, apart from killing a process.

use indoubt_engine::machine::StopMode;
use indoubt_engine::name::Address;
use indoubt_engine::time::Duration;
use madsim::runtime::Handle;

use super::Fabric;
use super::connection::Side;
use super::disk::{DiskFault, DiskId};
use super::draw::nanoseconds;
use super::host::HostId;
use super::inbox::Arrival;
use super::life::{Death, kill_node};
use super::link::{LinkId, LinkKind};
use super::observer::Life;
use super::process::ProcessId;
use super::state::State;
use crate::scenario::model::LinkQuality;
use crate::trace::Kind;

impl State {
    /// A link carries again.
    fn mend(&mut self, link: LinkId, now: u64) {
        for key in self.connections.keys() {
            for side in Side::BOTH {
                let Some(connection) = self.connections.get(key) else { break };
                if connection.way(side).link == link {
                    self.forget_orphaned(key, side, now);
                    self.carry_waiting(key, side, now);
                }
            }
        }
        for key in self.connections.keys() {
            for side in Side::BOTH {
                self.reach_again(key, side, now);
            }
        }
        self.watch_all_silences(now);
    }
}

impl Fabric {
    /// The quality of all links of a kind for which [`Fabric::set_link`] says nothing else.
    pub fn set_default_link(&self, kind: LinkKind, quality: LinkQuality) {
        self.lock().links.set_default(kind, quality);
    }

    /// The quality of the links of a kind between two hosts, both ways, from now on.
    pub fn set_link(&self, one: HostId, other: HostId, kind: LinkKind, quality: LinkQuality) {
        let mut state = self.lock();
        let now = state.time.now();
        state.trace.record(Kind::Link, now, one.0, u64::from(other.0), kind as u64);
        for (from, to) in [(one, other), (other, one)] {
            let link = state.link(from, to, kind);
            state.links.set(link, quality);
        }
    }

    /// Over which kind of link an address is reached, and how long it stays routed to a host that is gone. An address
    /// never declared is in the network, without a stale route.
    pub fn declare_address(&self, address: Address, kind: LinkKind, stale_route: Duration) {
        self.lock().addresses.declare(&address, kind, nanoseconds(stale_route));
    }

    /// Stops a process, and those that live in it, from doing anything, without ending it (garbage collection, a
    /// swapped-out machine). Its kernel lives: what reaches it queues up. Does nothing if it is dead or paused.
    pub fn pause(&self, process: ProcessId) {
        let mut state = self.lock();
        let now = state.time.now();
        let own = &mut state.processes[process.index()];
        if !own.running || own.paused {
            return;
        }
        own.paused = true;
        let node = own.node;
        state.trace.record(Kind::Pause, now, process.0, 0, 0);
        tracing::debug!(time = now, process = %state.processes[process.index()].name, "pause");
        state.watch_all_silences(now);
        drop(state);
        if let Some(node) = node {
            Handle::current().pause(node);
        }
        for other in self.living_in(process) {
            self.pause(other);
        }
    }

    /// Ends a pause.
    pub fn resume(&self, process: ProcessId) {
        let mut state = self.lock();
        let now = state.time.now();
        let own = &mut state.processes[process.index()];
        if !own.paused {
            return;
        }
        own.paused = false;
        let node = own.node;
        own.inbox.wake();
        state.trace.record(Kind::Resume, now, process.0, 0, 0);
        tracing::debug!(time = now, process = %state.processes[process.index()].name, "resume");
        state.watch_all_silences(now);
        drop(state);
        if let Some(node) = node {
            Handle::current().resume(node);
        }
        for other in self.living_in(process) {
            self.resume(other);
        }
    }

    /// Asks a process to end in good order. Does nothing if it is dead.
    pub fn stop(&self, process: ProcessId, mode: StopMode) {
        let mut state = self.lock();
        let now = state.time.now();
        if state.processes[process.index()].running {
            state.trace.record(Kind::Stop, now, process.0, mode as u64, 0);
            // The first input of a life is that it has started.
            let at = now.max(state.processes[process.index()].ready_at);
            state.push(process, at, Arrival::Stop(mode));
        }
    }

    /// Takes a host's power away: its processes die, what they did not force is at the mercy of the disk, nobody is told.
    pub fn power_off(&self, host: HostId) {
        let mut state = self.lock();
        if !state.hosts[host.index()].powered {
            return;
        }
        let now = state.time.now();
        state.hosts[host.index()].powered = false;
        state.trace.record(Kind::PowerOff, now, host.0, 0, 0);
        tracing::debug!(time = now, host = %state.hosts[host.index()].name, "power off");
        // What the kernel still had to send again is lost, also that of processes already dead.
        for key in state.connections.keys() {
            for side in Side::BOTH {
                if let Some(connection) = state.connections.get(key)
                    && connection.end(side).host == host
                {
                    connection.way_mut(side).forget_waiting();
                }
            }
        }
        let mut dead = Vec::new();
        for index in 0..state.processes.len() {
            let process = ProcessId(u32::try_from(index).expect("processes are numbered by u32"));
            if state.processes[index].running && state.processes[index].host == host {
                state.trace.record(Kind::PowerOffProcess, now, process.0, 0, 0);
                dead.push((process, state.bury(process, Death::WithoutPower, now)));
            }
        }
        state.watch_all_silences(now);
        drop(state);
        for (_, node) in &dead {
            kill_node(*node);
        }
        for (process, _) in dead {
            self.tell_life(process, now, Life::PoweredOff);
        }
    }

    /// Gives a host its power back; starts nothing. Peers that have not given up yet are reset once they send something:
    /// it meets a kernel that knows nothing.
    pub fn power_on(&self, host: HostId) {
        let mut state = self.lock();
        if state.hosts[host.index()].powered {
            return;
        }
        let now = state.time.now();
        state.hosts[host.index()].powered = true;
        state.trace.record(Kind::PowerOn, now, host.0, 0, 0);
        tracing::debug!(time = now, host = %state.hosts[host.index()].name, "power on");
        for key in state.connections.keys() {
            for side in Side::BOTH {
                if let Some(connection) = state.connections.get(key)
                    && connection.end(side.other()).host == host
                {
                    state.reach_again(key, side, now);
                }
            }
        }
        state.watch_all_silences(now);
    }

    /// Cuts the links of a kind one way. What is on the way is lost; connections send it again when the cut is healed.
    pub fn cut(&self, from: HostId, to: HostId, kind: LinkKind) {
        let mut state = self.lock();
        let now = state.time.now();
        let link = state.link(from, to, kind);
        if state.links.set_cut(link, true) {
            state.trace.record(Kind::Cut, now, from.0, u64::from(to.0), kind as u64);
            state.watch_all_silences(now);
        }
    }

    /// Ends a cut.
    pub fn heal(&self, from: HostId, to: HostId, kind: LinkKind) {
        let mut state = self.lock();
        let now = state.time.now();
        let link = state.link(from, to, kind);
        if state.links.set_cut(link, false) {
            state.trace.record(Kind::Heal, now, from.0, u64::from(to.0), kind as u64);
            state.mend(link, now);
        }
    }

    /// Ends all cuts.
    pub fn heal_all(&self) {
        let cuts = self.lock().links.cuts();
        for (from, to, kind, _) in cuts {
            self.heal(from, to, kind);
        }
    }

    /// Something goes wrong with a disk.
    pub fn disk_fault(&self, disk: DiskId, fault: DiskFault) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let now = state.time.now();
        let (number, parameter) = match fault {
            DiskFault::LoseForce => (0, 0),
            DiskFault::TearLastWrite => (1, 0),
            DiskFault::RotTail => (2, 0),
            DiskFault::RotAt(offset) => (3, offset),
            DiskFault::Slow(delay) => (4, nanoseconds(delay)),
            DiskFault::Full => (5, 0),
            DiskFault::Unreadable => (6, 0),
        };
        state.trace.record(Kind::DiskFault, now, disk.0, number, parameter);
        let processes = &state.processes;
        state.disks[disk.index()].fault(fault, |process| processes[process.index()].running);
    }

    /// Ends the faults of a disk that last. What rotted stays rotten.
    pub fn disk_heal(&self, disk: DiskId) {
        let mut state = self.lock();
        let now = state.time.now();
        state.trace.record(Kind::DiskHeal, now, disk.0, 0, 0);
        state.disks[disk.index()].heal();
    }
}
