//! The world that the middleware runs in: hosts, processes, links, connections, addresses, clocks and disks.
//!
//! madsim underneath gives virtual time, seeded scheduling and the lifetime of processes; everything that travels or is
//! stored is the fabric's own, in the vocabulary of [`indoubt_engine::machine`].

mod clock;
mod disk;
mod host;
mod link;
mod observer;
mod process;

use std::future::Future;
use std::sync::Arc;

use indoubt_engine::machine::{Incarnation, StopMode};
use indoubt_engine::name::{Address, ProcessName};
use indoubt_engine::time::{Duration, Time};
use rand_chacha::ChaCha8Rng;

use crate::scenario::model::LinkQuality;

pub use disk::{DiskFault, DiskId, DiskOptions};
pub use host::{HostId, HostOptions};
pub use link::LinkKind;
pub use observer::{Life, Observer};
pub use process::{Process, ProcessBody, ProcessId, ProcessOptions, machine_body};

/// A world panicked: the testbed failed, not the system under test.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the world of seed {seed} panicked: {text}")]
pub struct WorldPanic {
    /// Of which run.
    pub seed: u64,
    /// What the panic said.
    pub text: String,
}

/// A world. Cloning gives another handle of the same one.
#[derive(Clone)]
pub struct Fabric {}

impl Fabric {
    /// Runs `body` as the main task of a new world, on a fresh thread, and gives back what it returns.
    ///
    /// # Errors
    /// If anything in the world panics.
    pub fn run<T, F>(seed: u64, body: impl FnOnce(Fabric) -> F + Send + 'static) -> Result<T, WorldPanic>
    where
        T: Send + 'static,
        F: Future<Output = T> + 'static,
    {
        let _ = (seed, body);
        todo!()
    }

    /// A random stream, derived from the run's seed and the purpose.
    #[must_use]
    pub fn stream(&self, purpose: &str) -> ChaCha8Rng {
        let _ = purpose;
        todo!()
    }

    /// True time.
    #[must_use]
    pub fn now(&self) -> Time {
        todo!()
    }

    /// Adds a host, powered.
    pub fn add_host(&self, options: HostOptions) -> HostId {
        let _ = options;
        todo!()
    }

    /// Adds a disk.
    pub fn add_disk(&self, options: DiskOptions) -> DiskId {
        let _ = options;
        todo!()
    }

    /// Adds a process, without starting it.
    pub fn add_process(&self, options: ProcessOptions, body: ProcessBody) -> ProcessId {
        let _ = (options, body);
        todo!()
    }

    /// The process of that name.
    #[must_use]
    pub fn process_id(&self, name: &ProcessName) -> Option<ProcessId> {
        let _ = name;
        todo!()
    }

    /// The name of a process.
    #[must_use]
    pub fn process_name(&self, process: ProcessId) -> ProcessName {
        let _ = process;
        todo!()
    }

    /// The name of a host.
    #[must_use]
    pub fn host_name(&self, host: HostId) -> String {
        let _ = host;
        todo!()
    }

    /// Starts the next life of a process where it ran last. Does nothing if it runs or the host is off.
    pub fn start(&self, process: ProcessId) {
        let _ = process;
        todo!()
    }

    /// Starts the next life of a process on a host. Does nothing if it runs or the host is off.
    pub fn start_on(&self, process: ProcessId, host: HostId) {
        let _ = (process, host);
        todo!()
    }

    /// The quality of all links of a kind for which [`Fabric::set_link`] says nothing else.
    pub fn set_default_link(&self, kind: LinkKind, quality: LinkQuality) {
        let _ = (kind, quality);
        todo!()
    }

    /// The quality of the links of a kind between two hosts, both ways, from now on.
    pub fn set_link(&self, one: HostId, other: HostId, kind: LinkKind, quality: LinkQuality) {
        let _ = (one, other, kind, quality);
        todo!()
    }

    /// Over which kind of link an address is reached, and how long it stays routed to a host that is gone. An address
    /// never declared is in the network, without a stale route.
    pub fn declare_address(&self, address: Address, kind: LinkKind, stale_route: Duration) {
        let _ = (address, kind, stale_route);
        todo!()
    }

    /// Kills a process; its host lives on and resets its connections at once.
    pub fn kill(&self, process: ProcessId) {
        let _ = process;
        todo!()
    }

    /// Stops a process from doing anything, without ending it (garbage collection, a swapped-out machine).
    pub fn pause(&self, process: ProcessId) {
        let _ = process;
        todo!()
    }

    /// Ends a pause.
    pub fn resume(&self, process: ProcessId) {
        let _ = process;
        todo!()
    }

    /// Asks a process to end in good order.
    pub fn stop(&self, process: ProcessId, mode: StopMode) {
        let _ = (process, mode);
        todo!()
    }

    /// Takes a host's power away: its processes die, what they did not force is at the mercy of the disk, nobody is told.
    pub fn power_off(&self, host: HostId) {
        let _ = host;
        todo!()
    }

    /// Gives a host its power back; starts nothing.
    pub fn power_on(&self, host: HostId) {
        let _ = host;
        todo!()
    }

    /// Cuts the links of a kind one way.
    pub fn cut(&self, from: HostId, to: HostId, kind: LinkKind) {
        let _ = (from, to, kind);
        todo!()
    }

    /// Ends a cut.
    pub fn heal(&self, from: HostId, to: HostId, kind: LinkKind) {
        let _ = (from, to, kind);
        todo!()
    }

    /// Ends all cuts.
    pub fn heal_all(&self) {
        todo!()
    }

    /// Something goes wrong with a disk.
    pub fn disk_fault(&self, disk: DiskId, fault: DiskFault) {
        let _ = (disk, fault);
        todo!()
    }

    /// Ends the faults of a disk that last. What rotted stays rotten.
    pub fn disk_heal(&self, disk: DiskId) {
        let _ = disk;
        todo!()
    }

    /// Whether a process lives, be it paused.
    #[must_use]
    pub fn is_running(&self, process: ProcessId) -> bool {
        let _ = process;
        todo!()
    }

    /// Whether a process is paused.
    #[must_use]
    pub fn is_paused(&self, process: ProcessId) -> bool {
        let _ = process;
        todo!()
    }

    /// The host on which a process runs or ran last.
    #[must_use]
    pub fn host_of(&self, process: ProcessId) -> HostId {
        let _ = process;
        todo!()
    }

    /// Whether a host has power.
    #[must_use]
    pub fn is_powered(&self, host: HostId) -> bool {
        let _ = host;
        todo!()
    }

    /// The present or last life of a process; 0 if it was never started.
    #[must_use]
    pub fn incarnation(&self, process: ProcessId) -> Incarnation {
        let _ = process;
        todo!()
    }

    /// Who is told what happens.
    pub fn set_observer(&self, observer: Arc<dyn Observer + Send + Sync>) {
        let _ = observer;
        todo!()
    }

    /// The hash of everything that happened so far.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        todo!()
    }

    /// How many frames have been delivered so far, datagrams included.
    #[must_use]
    pub fn frames_delivered(&self) -> u64 {
        todo!()
    }

    /// Waits until a true time, exactly to less than a microsecond.
    pub async fn sleep_until(&self, at: Time) {
        let _ = at;
        todo!()
    }
}
