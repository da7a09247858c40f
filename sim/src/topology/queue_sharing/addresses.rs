//! Where queue managers are found: the addresses at which the topology lets them listen and applications look for them.

use indoubt_engine::mqi::Binding;
use indoubt_engine::name::{Address, ImageName, QueueManagerName, QueueSharingGroupName};

use crate::scenario::model::{ConnectTarget, Place};

/// The address of one queue manager.
#[must_use]
pub(super) fn of_queue_manager(name: &QueueManagerName) -> Address {
    Address::from(name.as_str())
}

/// The generic address of a queue-sharing group: any member that listens.
#[must_use]
pub(super) fn of_group(name: &QueueSharingGroupName) -> Address {
    Address::from(name.as_str())
}

/// The members of a group on one image: what local bindings with the group's name find.
#[must_use]
pub(super) fn of_group_on_image(name: &QueueSharingGroupName, image: &ImageName) -> Address {
    Address::from(format!("{name}@{image}"))
}

/// Whom an application asks for: the address, the name it gives to `MQCONNX`, and how it is bound. `None`: no queue
/// manager.
#[must_use]
pub(super) fn of_target(target: &ConnectTarget, place: &Place) -> Option<(Address, String, Binding)> {
    Some(match target {
        ConnectTarget::LocalQueueManager(name) => (of_queue_manager(name), name.to_string(), Binding::Local),
        ConnectTarget::QueueManager(name) => (of_queue_manager(name), name.to_string(), Binding::Client),
        ConnectTarget::Group(name) => (of_group(name), name.to_string(), Binding::Client),
        ConnectTarget::LocalGroup(name) => {
            let address = match place {
                Place::Image(image) => of_group_on_image(name, image),
                // Nothing is local to a host without queue managers; the scenario's checks refuse it.
                Place::Host(_) | Place::CouplingFacility(_) => of_group(name),
            };
            (address, name.to_string(), Binding::Local)
        }
        ConnectTarget::Bus(_) | ConnectTarget::ActivationSpecification(_) | ConnectTarget::Administration => {
            return None;
        }
    })
}
