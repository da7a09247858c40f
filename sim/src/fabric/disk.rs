//! Disks.

use indoubt_engine::time::Duration;

use crate::scenario::model::Latency;

/// A disk of the world, in the order of [`Fabric::add_disk`](super::Fabric::add_disk).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiskId(pub u32);

/// What a new disk is like.
#[derive(Clone, Debug)]
pub struct DiskOptions {
    /// Its name: stable, since its random stream derives from it.
    pub name: String,
    /// Time of a force.
    pub force: Latency,
    /// Bytes it can hold; `None` for no limit.
    pub capacity: Option<u64>,
}

/// What can go wrong with a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFault {
    /// The device's cache loses what was forced last, although it was acknowledged, when power fails next.
    LoseForce,
    /// The last write is torn when its writer dies next; at once, if the writer is dead.
    TearLastWrite,
    /// Bits flip in the last durable sector.
    RotTail,
    /// Bits flip in the sector that holds this offset of the file written last.
    RotAt(u64),
    /// Every force takes this much longer, until healed.
    Slow(Duration),
    /// No space is left, until healed.
    Full,
    /// What is stored cannot be read, and forces fail, until healed.
    Unreadable,
}
