//! How processes begin and end.
//!
//! A process is a madsim node with one task, so that everything it spawned dies with it. Its death is a fact of the fabric
//! first: from that moment nothing of it is executed and nothing reaches it; madsim's kill of the node, which drops the
//! task when the executor meets it, follows.

use std::hash::Hash;

use indoubt_engine::machine::{Ended, Incarnation};
use indoubt_engine::time::Time;
use madsim::runtime::Handle;
use madsim::task::NodeId;

use super::Fabric;
use super::connection::{EndState, Side, StreamItem};
use super::connections::ConnectionTable;
use super::host::HostId;
use super::inbox::{Arrival, Inbox};
use super::observer::Life;
use super::process::{Process, ProcessId};
use super::state::State;
use crate::trace::Kind;

/// How a process died, which decides what its peers and its disk see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// Its kernel resets its connections.
    Abrupt,
    /// Its kernel closes its connections in good order.
    Orderly,
    /// There is no kernel any more.
    WithoutPower,
}

impl State {
    /// Everything that is over when a process dies; its madsim node is still to be killed.
    pub(super) fn bury(&mut self, process: ProcessId, death: Death, now: u64) -> Option<NodeId> {
        let state = &mut self.processes[process.index()];
        assert!(state.running, "only the living die");
        state.running = false;
        state.paused = false;
        state.inbox = Inbox::default();
        state.unfinished = Vec::new();
        let (disk, node) = (state.disk, state.node);
        self.addresses.process_ended(process, now);
        if let Some(disk) = disk {
            let disk = &mut self.disks[disk.index()];
            match death {
                Death::Abrupt | Death::Orderly => disk.writer_died(process, now),
                Death::WithoutPower => disk.power_failed(process, now),
            }
        }
        for key in self.connections.keys() {
            for side in Side::BOTH {
                let Some(connection) = self.connections.get(key) else { break };
                let end = connection.end(side);
                if end.process != process || end.state == EndState::Gone {
                    continue;
                }
                let tell = match death {
                    // A request that nobody has taken yet is reset even by an orderly end.
                    Death::Orderly if end.state != EndState::Expected => Some(StreamItem::Close),
                    Death::Orderly | Death::Abrupt => Some(StreamItem::Reset),
                    Death::WithoutPower => {
                        connection.way_mut(side).forget_waiting();
                        None
                    }
                };
                self.leave(key, side, tell, now);
            }
        }
        self.processes[process.index()].connections = ConnectionTable::default();
        // A paused process was silent; the kernel that buries it is not.
        self.watch_all_silences(now);
        node
    }
}

/// Counts the bodies that madsim holds, so that a world can wait for all of them to be dropped at its end.
struct Held(Fabric);

impl Held {
    fn new(fabric: Fabric) -> Self {
        fabric.lock().bodies += 1;
        Held(fabric)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.lock().bodies -= 1;
    }
}

impl Fabric {
    /// Starts the next life of a process where it ran last. Does nothing if it runs or the host is off.
    pub fn start(&self, process: ProcessId) {
        let host = self.host_of(process);
        self.start_on(process, host);
    }

    /// Starts the next life of a process on a host, and of those that live in it. Does nothing if it runs, the host is off,
    /// or the process in which it lives does not run there.
    pub fn start_on(&self, process: ProcessId, host: HostId) {
        let mut state = self.lock();
        let now = state.time.now();
        let powered = state.hosts[host.index()].powered;
        let around = state.processes[process.index()].lives_in.map(|around| &state.processes[around.index()]);
        let has_room = around.is_none_or(|around| around.running && around.host == host);
        let own = &mut state.processes[process.index()];
        if own.running || !powered || !has_room {
            return;
        }
        own.running = true;
        own.host = host;
        own.incarnation.0 += 1;
        let (incarnation, node, name) = (own.incarnation, own.node, own.name.clone());
        let at = now + own.start_duration;
        own.ready_at = at;
        state.push(process, at, Arrival::Started);
        state.trace.record(Kind::Start, now, process.0, u64::from(incarnation.0), u64::from(host.0));
        tracing::debug!(time = now, process = %name, host = %state.hosts[host.index()].name, "start");
        drop(state);
        match node {
            Some(node) => Handle::current().restart(node),
            None => {
                let fabric = self.clone();
                let body = move || {
                    let held = Held::new(fabric.clone());
                    // madsim calls this with locks of its own: the body itself begins with the task.
                    async move { held.0.clone().live(process).await }
                };
                let node = Handle::current().create_node().name(name.as_str()).init(body).build();
                self.lock().processes[process.index()].node = Some(node.id());
            }
        }
        self.tell_life(process, now, Life::Started(incarnation));
        for other in self.living_in(process) {
            self.start_on(other, host);
        }
    }

    /// One life.
    async fn live(self, process: ProcessId) {
        let (incarnation, body) = {
            let state = self.lock();
            let own = &state.processes[process.index()];
            (own.incarnation, own.body.clone())
        };
        if let Some(body) = body {
            body(Process::new(self.clone(), process, incarnation)).await;
            self.ended(process, incarnation, Ended::Normally);
        }
    }

    /// A process ends of its own accord.
    pub(super) fn ended(&self, process: ProcessId, incarnation: Incarnation, ended: Ended) {
        let mut state = self.lock();
        if !state.lives(process, incarnation) {
            return;
        }
        let now = state.time.now();
        let (death, number) = match ended {
            Ended::Normally => (Death::Orderly, 0),
            Ended::Abnormally(_) => (Death::Abrupt, 1),
        };
        state.trace.record(Kind::End, now, process.0, number, 0);
        ended.hash(&mut state.trace);
        tracing::debug!(time = now, process = %state.processes[process.index()].name, ?ended, "end");
        let node = state.bury(process, death, now);
        drop(state);
        kill_node(node);
        self.tell_life(process, now, Life::Ended(ended));
        self.kill_those_in(process);
    }

    /// Whatever becomes of a process, what lives in it is not asked.
    fn kill_those_in(&self, process: ProcessId) {
        for other in self.living_in(process) {
            self.kill(other);
        }
    }

    /// Kills a process and those that live in it; its host lives on and resets its connections at once. Does nothing if it
    /// is dead.
    pub fn kill(&self, process: ProcessId) {
        let mut state = self.lock();
        if !state.processes[process.index()].running {
            return;
        }
        let now = state.time.now();
        state.trace.record(Kind::Kill, now, process.0, 0, 0);
        tracing::debug!(time = now, process = %state.processes[process.index()].name, "kill");
        let node = state.bury(process, Death::Abrupt, now);
        drop(state);
        kill_node(node);
        self.tell_life(process, now, Life::Killed);
        self.kill_those_in(process);
    }

    pub(super) fn tell_life(&self, process: ProcessId, now: u64, life: Life) {
        let observer = self.lock().observer.clone();
        if let Some(observer) = observer {
            observer.life(self, Time::from_nanoseconds(now), process, life);
        }
    }
}

/// Lets madsim drop the tasks of a node.
pub(super) fn kill_node(node: Option<NodeId>) {
    if let Some(node) = node {
        Handle::current().kill(node);
    }
}
