//! Unit-of-work descriptors: what the admin structure keeps so that peers can finish a unit of work.
//!
//! US patent 6842763; IBM MQ, "Peer recovery with queue sharing" (csq82gs). The structure does not act on what a
//! descriptor says.

use std::collections::BTreeMap;

use super::capacity::{Capacity, Room};
use crate::name::{QueueManagerName, StructureName};
use crate::unit_of_work::{UnitOfWorkDescriptor, UnitOfWorkId};

/// All descriptors of a structure.
#[derive(Debug, Default)]
pub(super) struct Descriptors {
    by_unit: BTreeMap<UnitOfWorkId, Box<UnitOfWorkDescriptor>>,
}

impl Descriptors {
    /// Writes a descriptor in place of an earlier one of the same unit of work. `false` if there is no room; then the
    /// earlier one stays.
    #[must_use]
    pub(super) fn write(&mut self, descriptor: Box<UnitOfWorkDescriptor>, capacity: &mut Capacity) -> bool {
        let earlier = self.by_unit.get(&descriptor.id).map(|earlier| Room::of_descriptor(earlier));
        if let Some(room) = earlier {
            capacity.free(room);
        }
        if !capacity.take(Room::of_descriptor(&descriptor)) {
            if let Some(room) = earlier {
                let fits = capacity.take(room);
                assert!(fits, "the earlier descriptor had its room");
            }
            return false;
        }
        self.by_unit.insert(descriptor.id.clone(), descriptor);
        true
    }

    /// Strikes off what is settled in one structure. `false` if there is no such descriptor.
    #[must_use]
    pub(super) fn strike(
        &mut self,
        unit_of_work: &UnitOfWorkId,
        structure: &StructureName,
        capacity: &mut Capacity,
    ) -> bool {
        let Some(descriptor) = self.by_unit.get_mut(unit_of_work) else { return false };
        capacity.free(Room::of_descriptor(descriptor));
        descriptor.operations.retain(|operation| operation.structure != *structure);
        if descriptor.operations.is_empty() && !descriptor.has_private_part {
            self.by_unit.remove(unit_of_work);
        } else {
            let fits = capacity.take(Room::of_descriptor(descriptor));
            assert!(fits, "a descriptor only shrinks when operations are struck off");
        }
        true
    }

    /// Deletes a descriptor. `false` if there is none.
    #[must_use]
    pub(super) fn delete(&mut self, unit_of_work: &UnitOfWorkId, capacity: &mut Capacity) -> bool {
        let descriptor = self.by_unit.remove(unit_of_work);
        if let Some(descriptor) = &descriptor {
            capacity.free(Room::of_descriptor(descriptor));
        }
        descriptor.is_some()
    }

    /// All of one queue manager, or of all, in the order of their identifiers.
    pub(super) fn read(&self, queue_manager: Option<&QueueManagerName>) -> Vec<UnitOfWorkDescriptor> {
        let wanted = |descriptor: &&UnitOfWorkDescriptor| {
            queue_manager.is_none_or(|queue_manager| descriptor.id.queue_manager == *queue_manager)
        };
        self.by_unit.values().map(|descriptor| &**descriptor).filter(wanted).cloned().collect()
    }
}
