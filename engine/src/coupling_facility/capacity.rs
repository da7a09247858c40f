//! Room in a structure.
//!
//! A structure is full when all its entries or all its elements are in use; either suffices (IBM MQ reason code 2192).
//! Fullness is the structure's, not the queue's: one runaway queue fills it for all.

use super::definition::{ELEMENT_SIZE, StructureDefinition};
use crate::message::Message;
use crate::unit_of_work::UnitOfWorkDescriptor;

/// Room that one entry takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    elements: u32,
}

impl Room {
    /// A message on a shared queue.
    pub(super) const fn of_message(message: &Message) -> Self {
        Room { elements: message.length().div_ceil(ELEMENT_SIZE) }
    }

    /// A unit-of-work descriptor: 64 bytes, and as much for each operation.
    pub(super) fn of_descriptor(descriptor: &UnitOfWorkDescriptor) -> Self {
        let operations = u32::try_from(descriptor.operations.len()).unwrap_or(u32::MAX);
        Room { elements: operations.saturating_add(1).saturating_mul(64).div_ceil(ELEMENT_SIZE) }
    }
}

/// What is in use, and what there is.
#[derive(Debug)]
pub(super) struct Capacity {
    definition: StructureDefinition,
    entries: u32,
    elements: u32,
}

impl Capacity {
    /// All free.
    pub(super) const fn new(definition: StructureDefinition) -> Self {
        Capacity { definition, entries: 0, elements: 0 }
    }

    /// Takes room for one entry, or says that there is none.
    #[must_use]
    pub(super) fn take(&mut self, room: Room) -> bool {
        let elements = self.elements.saturating_add(room.elements);
        if self.entries >= self.definition.entries || elements > self.definition.elements {
            return false;
        }
        self.entries += 1;
        self.elements = elements;
        true
    }

    /// Gives back the room of one entry.
    pub(super) fn free(&mut self, room: Room) {
        assert!(self.entries > 0 && self.elements >= room.elements, "more room freed than was taken");
        self.entries -= 1;
        self.elements -= room.elements;
    }

    /// Entries in use.
    #[cfg(test)]
    pub(super) const fn entries(&self) -> u32 {
        self.entries
    }

    /// Elements in use.
    #[cfg(test)]
    pub(super) const fn elements(&self) -> u32 {
        self.elements
    }
}
