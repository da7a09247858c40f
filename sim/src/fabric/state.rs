//! Everything that a world is, behind one lock.

use std::collections::BTreeMap;
use std::sync::Arc;

use indoubt_engine::machine::{Effect, Incarnation};
use indoubt_engine::name::ProcessName;
use madsim::task::NodeId;
use rand_chacha::ChaCha8Rng;

use super::address::Addresses;
use super::connections::{ConnectionTable, Connections};
use super::disk::{Disk, DiskId};
use super::draw;
use super::host::{Host, HostId};
use super::inbox::{Arrival, Inbox, Timekeeper};
use super::link::{LinkId, LinkKind, Links};
use super::observer::Observer;
use super::process::{ProcessBody, ProcessId};
use crate::trace::Trace;

/// A process's state.
pub(super) struct ProcessState {
    pub(super) name: ProcessName,
    pub(super) host: HostId,
    pub(super) disk: Option<DiskId>,
    pub(super) lives_in: Option<ProcessId>,
    /// From the start to the first input, in nanoseconds.
    pub(super) start_duration: u64,
    pub(super) body: Option<ProcessBody>,
    /// Its madsim node, once it was started.
    pub(super) node: Option<NodeId>,
    pub(super) incarnation: Incarnation,
    pub(super) running: bool,
    /// When the first input of this life comes.
    pub(super) ready_at: u64,
    pub(super) paused: bool,
    pub(super) inbox: Inbox,
    /// Effects that were not executed yet because the process was paused.
    pub(super) unfinished: Vec<Effect>,
    pub(super) connections: ConnectionTable,
}

/// The state of a world.
pub(super) struct State {
    pub(super) seed: u64,
    pub(super) time: Timekeeper,
    /// What the clock of a host without skew shows at the start of the run, in nanoseconds.
    pub(super) clock_base: u64,
    /// Orders what arrives at the same time.
    pub(super) sequence: u64,
    pub(super) hosts: Vec<Host>,
    pub(super) processes: Vec<ProcessState>,
    pub(super) names: BTreeMap<ProcessName, ProcessId>,
    pub(super) disks: Vec<Disk>,
    pub(super) links: Links,
    pub(super) connections: Connections,
    pub(super) addresses: Addresses,
    /// Chooses among several listeners.
    pub(super) listeners: ChaCha8Rng,
    pub(super) trace: Trace,
    pub(super) frames: u64,
    pub(super) observer: Option<Arc<dyn Observer + Send + Sync>>,
    /// Bodies of processes that madsim still holds.
    pub(super) bodies: u32,
}

impl State {
    pub(super) fn new(seed: u64, time: Timekeeper) -> Self {
        State {
            seed,
            time,
            clock_base: 0,
            sequence: 0,
            hosts: Vec::new(),
            processes: Vec::new(),
            names: BTreeMap::new(),
            disks: Vec::new(),
            links: Links::new(),
            connections: Connections::default(),
            addresses: Addresses::default(),
            listeners: draw::stream(seed, "fabric/listeners"),
            trace: Trace::default(),
            frames: 0,
            observer: None,
            bodies: 0,
        }
    }

    /// Puts something into an inbox.
    pub(super) fn push(&mut self, process: ProcessId, at: u64, arrival: Arrival) {
        self.sequence += 1;
        self.processes[process.index()].inbox.push(&self.time, at, self.sequence, arrival);
    }

    /// The link from one host to another.
    pub(super) fn link(&mut self, from: HostId, to: HostId, kind: LinkKind) -> LinkId {
        let State { links, hosts, seed, .. } = self;
        links.get(from, to, kind, || {
            let (from, to) = (&hosts[from.index()].name, &hosts[to.index()].name);
            draw::stream(*seed, &format!("fabric/link/{kind:?}/{from}/{to}"))
        })
    }

    /// What the clock of a process's host shows.
    #[inline]
    pub(super) fn reading(&self, process: ProcessId, at: u64) -> u64 {
        let host = self.processes[process.index()].host;
        self.hosts[host.index()].clock.reading(self.clock_base, at)
    }

    /// Whether this life of a process goes on.
    #[inline]
    pub(super) fn lives(&self, process: ProcessId, incarnation: Incarnation) -> bool {
        let state = &self.processes[process.index()];
        state.running && state.incarnation == incarnation
    }
}
