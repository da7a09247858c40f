//! The world that the middleware runs in: hosts, processes, links, connections, addresses, clocks and disks.
//!
//! madsim underneath gives virtual time, seeded scheduling and the lifetime of processes; everything that travels or is
//! stored is the fabric's own, in the vocabulary of [`indoubt_engine::machine`].

mod address;
mod clock;
mod connection;
mod connections;
mod datagram;
mod disk;
mod draw;
mod fault;
mod handshake;
mod host;
mod inbox;
mod life;
mod link;
mod observer;
mod orphan;
mod perform;
mod power_failure;
mod process;
mod silence;
mod state;
#[cfg(test)]
mod tests;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indoubt_engine::machine::Incarnation;
use indoubt_engine::name::ProcessName;
use indoubt_engine::time::Time;
use rand_chacha::ChaCha8Rng;

pub use disk::{DiskFault, DiskId, DiskOptions};
pub use host::{HostId, HostOptions};
pub use link::LinkKind;
pub use observer::{Life, Observer};
pub use process::{Process, ProcessBody, ProcessId, ProcessOptions, machine_body};
pub use world::WorldPanic;

use clock::Clock;
use disk::Disk;
use draw::nanoseconds;
use host::Host;
use inbox::Inbox;
use state::{ProcessState, State};

/// A world. Cloning gives another handle of the same one.
#[derive(Clone)]
pub struct Fabric {
    shared: Arc<Mutex<State>>,
}

impl std::fmt::Debug for Fabric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fabric")
    }
}

impl Fabric {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic ends the run; what is left of the state is only taken down.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A random stream, derived from the run's seed and the purpose.
    #[must_use]
    pub fn stream(&self, purpose: &str) -> ChaCha8Rng {
        draw::stream(self.lock().seed, purpose)
    }

    /// True time.
    #[must_use]
    pub fn now(&self) -> Time {
        Time::from_nanoseconds(self.lock().time.now())
    }

    /// Adds a host, powered.
    pub fn add_host(&self, options: HostOptions) -> HostId {
        let mut state = self.lock();
        let HostOptions { name, skew_ns, drift_ppm } = options;
        assert!(drift_ppm > -1_000_000, "a clock does not go backwards");
        state.clock_base = state.clock_base.max(skew_ns.min(0).unsigned_abs());
        state.hosts.push(Host { name, clock: Clock { skew_ns, drift_ppm }, powered: true });
        HostId(u32::try_from(state.hosts.len() - 1).expect("hosts are numbered by u32"))
    }

    /// Adds a disk.
    pub fn add_disk(&self, options: DiskOptions) -> DiskId {
        let mut state = self.lock();
        let stream = draw::stream(state.seed, &format!("fabric/disk/{}", options.name));
        state.disks.push(Disk::new(&options, stream));
        DiskId(u32::try_from(state.disks.len() - 1).expect("disks are numbered by u32"))
    }

    /// Adds a process, without starting it.
    ///
    /// # Panics
    /// If there is a process of that name already.
    pub fn add_process(&self, options: ProcessOptions, body: ProcessBody) -> ProcessId {
        let mut state = self.lock();
        let ProcessOptions { name, host, disk, start_duration, lives_in } = options;
        let id = ProcessId(u32::try_from(state.processes.len()).expect("processes are numbered by u32"));
        let before = state.names.insert(name.clone(), id);
        assert!(before.is_none(), "two processes are called {name}");
        state.processes.push(ProcessState {
            name,
            host,
            disk,
            lives_in,
            start_duration: nanoseconds(start_duration),
            body: Some(body),
            node: None,
            incarnation: Incarnation::default(),
            running: false,
            ready_at: 0,
            paused: false,
            inbox: Inbox::default(),
            unfinished: Vec::new(),
            connections: connections::ConnectionTable::default(),
        });
        id
    }

    /// The process of that name.
    #[must_use]
    pub fn process_id(&self, name: &ProcessName) -> Option<ProcessId> {
        self.lock().names.get(name).copied()
    }

    /// The name of a process.
    #[must_use]
    pub fn process_name(&self, process: ProcessId) -> ProcessName {
        self.lock().processes[process.index()].name.clone()
    }

    /// The name of a host.
    #[must_use]
    pub fn host_name(&self, host: HostId) -> String {
        self.lock().hosts[host.index()].name.clone()
    }

    /// From now on, a start of this process takes so long until its first input.
    pub fn set_start_duration(&self, process: ProcessId, duration: indoubt_engine::time::Duration) {
        self.lock().processes[process.index()].start_duration = nanoseconds(duration);
    }

    /// Whether a process lives, be it paused.
    #[must_use]
    pub fn is_running(&self, process: ProcessId) -> bool {
        self.lock().processes[process.index()].running
    }

    /// Whether a process stands still.
    #[must_use]
    pub fn is_paused(&self, process: ProcessId) -> bool {
        self.lock().processes[process.index()].paused
    }

    /// The host on which a process runs or ran last.
    #[must_use]
    pub fn host_of(&self, process: ProcessId) -> HostId {
        self.lock().processes[process.index()].host
    }

    /// Whether a host has power.
    #[must_use]
    pub fn is_powered(&self, host: HostId) -> bool {
        self.lock().hosts[host.index()].powered
    }

    /// The present or last life of a process; 0 if it was never started.
    #[must_use]
    pub fn incarnation(&self, process: ProcessId) -> Incarnation {
        self.lock().processes[process.index()].incarnation
    }

    /// The processes that live in this one.
    fn living_in(&self, process: ProcessId) -> Vec<ProcessId> {
        let state = self.lock();
        let all = (0..).map(ProcessId).zip(&state.processes);
        all.filter(|(_, other)| other.lives_in == Some(process)).map(|(id, _)| id).collect()
    }

    /// Who is told what happens.
    pub fn set_observer(&self, observer: Arc<dyn Observer + Send + Sync>) {
        self.lock().observer = Some(observer);
    }

    /// The hash of everything that happened so far.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.lock().trace.fingerprint()
    }

    /// How many frames have been delivered so far, datagrams included.
    #[must_use]
    pub fn frames_delivered(&self) -> u64 {
        self.lock().frames
    }

    /// Waits until a true time, exactly to less than a microsecond.
    pub async fn sleep_until(&self, at: Time) {
        let sleep = self.lock().time.sleep_until(at.as_nanoseconds());
        sleep.await;
    }
}
