//! Hosts: where processes run. A z/OS image, a coupling-facility partition, a distributed server.
//!
//! A host has power, a clock and a place in the network. It is not a process: when a process on it is killed, the host's
//! kernel lives on and tells the peers; when the host loses power, nobody tells anybody anything.

use super::clock::Clock;

/// A host of the world, in the order of [`Fabric::add_host`](super::Fabric::add_host).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub u32);

impl HostId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a new host is like.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// Its name: stable, since the random streams of its links derive from it.
    pub name: String,
    /// How far its clock is ahead (positive) or behind at the start, in nanoseconds.
    pub skew_ns: i64,
    /// How fast its clock gains (positive) or loses, in parts per million.
    pub drift_ppm: i32,
}

/// A host's state.
pub(super) struct Host {
    pub(super) name: String,
    pub(super) clock: Clock,
    pub(super) powered: bool,
}
