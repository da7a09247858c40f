//! What the CFRM policy and `DEFINE CFSTRUCT` say of a coupling facility and its structures.

use std::collections::BTreeMap;

use crate::name::{Address, CouplingFacilityName, StructureName};
use crate::time::Duration;

/// The name of the group's admin structure, without the group's prefix.
pub const ADMIN_STRUCTURE: &str = "CSQ_ADMIN";

/// The biggest message held wholly in a structure, in bytes (63 KB; bigger ones are offloaded, which is not there yet).
pub const LARGEST_MESSAGE: u32 = 64_512;

/// The size of a list element, in bytes (unverified).
pub const ELEMENT_SIZE: u32 = 256;

/// Capacity of a list structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StructureDefinition {
    /// Entries: one for each message, descriptor.
    pub entries: u32,
    /// Elements of [`ELEMENT_SIZE`] bytes. The default ratio is six elements for an entry.
    pub elements: u32,
}

impl StructureDefinition {
    /// A structure of `size` bytes with one entry for six elements, counting the elements only.
    #[must_use]
    pub const fn of_size(size: u64) -> Self {
        let elements = size / ELEMENT_SIZE as u64;
        let elements = if elements > u32::MAX as u64 { u32::MAX } else { elements as u32 };
        let entries = elements / 6;
        StructureDefinition { entries: if entries == 0 { 1 } else { entries }, elements }
    }
}

/// A coupling facility.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CouplingFacilityDefinition {
    /// Its name.
    pub name: CouplingFacilityName,
    /// Where images and queue managers reach it.
    pub address: Address,
    /// Structures allocated in it, the admin structure included.
    pub structures: BTreeMap<StructureName, StructureDefinition>,
    /// Time of one command inside the coupling facility, links excluded. Default 10 us (10 to 30 us are usual
    /// for a simplex structure, unverified). Commands are executed in parallel.
    pub command_time: Duration,
    /// How long until a list transition is signalled. Default 20 us.
    pub signal_delay: Duration,
    /// Every n-th list transition is signalled once more although nothing was put: the notification vector may
    /// over-indicate. 0 for never; default 16.
    pub spurious_signal_every: u32,
}
