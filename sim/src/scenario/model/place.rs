//! Where things are: hosts and their clocks, disks, the network, and what else connects places.

use indoubt_engine::name::CouplingFacilityName;
use indoubt_engine::name::ImageName;
use std::time::Duration;

/// A clock's error against true time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockError {
    /// How far it is ahead (positive) or behind at the start, in nanoseconds.
    pub skew_ns: i64,
    /// How fast it gains (positive) or loses, in parts per million.
    pub drift_ppm: i32,
}

/// A host in the network.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its clock.
    pub clock: ClockError,
}

/// A latency with jitter: uniformly between `base` and `base + jitter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// At least.
    pub base: Duration,
    /// At most this much more.
    pub jitter: Duration,
}

/// Quality of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkQuality {
    /// One way.
    pub latency: Latency,
    /// How many packets of a million are lost.
    pub loss_ppm: u32,
    /// How many datagrams of a million arrive twice.
    pub duplication_ppm: u32,
    /// How many datagrams of a million are delayed past later ones.
    pub reordering_ppm: u32,
    /// Bytes for each second; `None` for no limit.
    pub bandwidth: Option<u64>,
}

impl Default for LinkQuality {
    /// A local network: 150 to 250 us, no loss.
    fn default() -> Self {
        LinkQuality {
            latency: Latency { base: Duration::from_micros(150), jitter: Duration::from_micros(100) },
            loss_ppm: 0,
            duplication_ppm: 0,
            reordering_ppm: 0,
            bandwidth: None,
        }
    }
}

/// A link that differs from the rest.
#[derive(Clone, Debug)]
pub struct Link {
    /// One end: an image, a host or a coupling facility.
    pub from: Place,
    /// The other end.
    pub to: Place,
    /// Both ways.
    pub quality: LinkQuality,
}

/// Something that has a place in the world: where processes run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A z/OS image.
    Image(ImageName),
    /// A host in the network.
    Host(String),
    /// A coupling facility.
    CouplingFacility(CouplingFacilityName),
}

impl Place {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Place::Image(name) => name.as_str(),
            Place::Host(name) => name,
            Place::CouplingFacility(name) => name.as_str(),
        }
    }
}

/// A disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Time of a force.
    pub force: Latency,
    /// Bytes it can hold; `None` for no limit.
    pub capacity: Option<u64>,
}
