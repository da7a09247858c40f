//! Its processes: coupling facilities, z/OS images with their system services, queue managers.

use std::collections::BTreeMap;
use std::time::Duration;

use indoubt_engine::coupling_facility::CouplingFacility;
use indoubt_engine::coupling_facility::definition::{ADMIN_STRUCTURE, CouplingFacilityDefinition};
use indoubt_engine::name::{Address, CouplingFacilityName, ImageName, ProcessName, QueueManagerName};
use indoubt_engine::queue_manager::QueueManager;
use indoubt_engine::queue_manager::definition::{
    GroupDefinition, Placement, QueueManagerDefinition, StructureUse, local_group_address,
};
use indoubt_engine::sysplex::ZosImage;
use indoubt_engine::sysplex::definition::{ImageDefinition, RestartPolicy};

use super::super::{Plan, ProcessKind, World};
use super::addresses;
use crate::fabric::{DiskOptions, Fabric, LinkKind, machine_body};
use crate::scenario::model::{ClockError, Place, QueueManager as Member, QueueSharingGroup, Sysplex};

fn services(image: &ImageName) -> Address {
    Address::from(format!("{image}/services"))
}

fn signalling(image: &ImageName) -> Address {
    Address::from(format!("{image}/signalling"))
}

fn commands(coupling_facility: &CouplingFacilityName) -> Address {
    Address::from(format!("{coupling_facility}/commands"))
}

pub(super) fn plan(fabric: &Fabric, sysplex: &Sysplex, world: &mut World) -> Vec<Plan> {
    let mut plans = Vec::new();
    world.set_default_link(fabric, LinkKind::Coupling, sysplex.coupling_link);
    world.set_default_link(fabric, LinkKind::Signalling, sysplex.coupling_link);
    for coupling_facility in &sysplex.coupling_facilities {
        let place = Place::CouplingFacility(coupling_facility.name.clone());
        world.add_place(fabric, place.clone(), ClockError::default(), LinkKind::Coupling);
        let images = sysplex.images.iter().map(|image| Place::Image(image.name.clone()));
        world.set_dependents(place.clone(), images.collect());
        let address = commands(&coupling_facility.name);
        fabric.declare_address(address.clone(), LinkKind::Coupling, Duration::ZERO);
        let groups = sysplex.queue_sharing_groups.iter();
        let structures = groups
            .filter(|group| group.coupling_facility == coupling_facility.name)
            .flat_map(|group| group.structures.iter())
            .map(|(name, structure)| (name.clone(), structure.capacity))
            .collect();
        let definition = CouplingFacilityDefinition {
            name: coupling_facility.name.clone(),
            address,
            structures,
            command_time: coupling_facility.command_time,
            signal_delay: coupling_facility.signal_delay,
            spurious_signal_every: coupling_facility.spurious_signal_every,
        };
        plans.push(Plan {
            name: coupling_facility.name.to_string(),
            kind: ProcessKind::Server,
            home: place,
            within: None,
            disk: None,
            body: machine_body(move |_| CouplingFacility::new(definition.clone())),
            restart: Duration::ZERO,
        });
    }
    for image in &sysplex.images {
        let place = Place::Image(image.name.clone());
        world.add_place(fabric, place.clone(), image.clock, LinkKind::Network);
        fabric.declare_address(signalling(&image.name), LinkKind::Signalling, Duration::ZERO);
        let definition = image_definition(&image.name, sysplex);
        plans.push(Plan {
            name: image.name.to_string(),
            kind: ProcessKind::System,
            home: place,
            within: None,
            disk: None,
            body: machine_body(move |_| ZosImage::new(definition.clone())),
            restart: Duration::ZERO,
        });
    }
    for member in &sysplex.queue_managers {
        let plan = queue_manager(fabric, sysplex, member);
        if let Some(disk) = plan.disk {
            world.call_disk(disk, "log disk");
        }
        plans.push(plan);
    }
    plans
}

fn image_definition(name: &ImageName, sysplex: &Sysplex) -> ImageDefinition {
    let others = sysplex.images.iter().filter(|other| other.name != *name);
    let coupling_facilities = sysplex.coupling_facilities.iter();
    ImageDefinition {
        name: name.clone(),
        local_address: services(name),
        signalling_address: signalling(name),
        others: others.map(|other| (other.name.clone(), signalling(&other.name))).collect(),
        coupling_facilities: coupling_facilities.map(|cf| (cf.name.clone(), commands(&cf.name))).collect(),
        failure_management: sysplex.failure_management,
        restart: sysplex
            .automatic_restart
            .iter()
            .map(|policy| RestartPolicy {
                process: ProcessName::from(policy.queue_manager.as_str()),
                in_place: policy.in_place,
                target_systems: policy.target_systems.clone(),
                restart_attempts: policy.restart_attempts,
                attempt_interval: policy.attempt_interval,
                delay: policy.delay,
            })
            .collect(),
    }
}

fn queue_manager(fabric: &Fabric, sysplex: &Sysplex, member: &Member) -> Plan {
    let name = member.name.clone();
    let group =
        member.group.as_ref().and_then(|group| sysplex.queue_sharing_groups.iter().find(|other| other.name == *group));
    let mut listeners = vec![addresses::of_queue_manager(&name)];
    listeners.extend(group.map(|group| addresses::of_group(&group.name)));
    for address in &listeners {
        fabric.declare_address(address.clone(), LinkKind::Network, Duration::ZERO);
    }
    if let Some(group) = group {
        for image in &sysplex.images {
            fabric.declare_address(local_group_address(&group.name, &image.name), LinkKind::Network, Duration::ZERO);
        }
    }
    let mut queues: BTreeMap<_, _> =
        member.queues.iter().map(|(queue, defined)| (queue.clone(), defined.definition.clone())).collect();
    queues.extend(
        group
            .into_iter()
            .flat_map(|group| group.queues.iter().map(|(queue, defined)| (queue.clone(), defined.definition.clone()))),
    );
    let definition = QueueManagerDefinition {
        name: name.clone(),
        process: ProcessName::from(name.as_str()),
        listeners,
        queues,
        group: group.map(|group| group_definition(group, sysplex)),
        maximum_uncommitted_messages: member.maximum_uncommitted_messages,
        shared_queue_manager_name: member.shared_queue_manager_name,
        client_silence: member.client_silence,
        retry_interval: member.retry_interval,
    };
    let disk = fabric.add_disk(DiskOptions {
        name: format!("{name}/log"),
        force: member.log_disk.force,
        capacity: member.log_disk.capacity,
    });
    let coupling_facility = group.map(|group| commands(&group.coupling_facility));
    Plan {
        name: name.to_string(),
        kind: ProcessKind::Server,
        home: Place::Image(member.image.clone()),
        within: None,
        disk: Some(disk),
        body: machine_body(move |process| {
            let image = ImageName::from(process.host_name());
            let placement =
                Placement { image_services: services(&image), image, coupling_facility: coupling_facility.clone() };
            QueueManager::new(definition.clone(), placement)
        }),
        restart: member.start_duration,
    }
}

fn group_definition(group: &QueueSharingGroup, sysplex: &Sysplex) -> GroupDefinition {
    let members: Vec<QueueManagerName> = sysplex
        .queue_managers
        .iter()
        .filter(|member| member.group.as_ref() == Some(&group.name))
        .map(|member| member.name.clone())
        .collect();
    let application_structures = group.structures.iter().filter(|(name, _)| name.as_str() != ADMIN_STRUCTURE);
    GroupDefinition {
        name: group.name.clone(),
        members,
        structures: application_structures
            .map(|(name, structure)| {
                let use_of =
                    StructureUse { connectivity_loss: structure.connectivity_loss, persistent: structure.recover };
                (name.clone(), use_of)
            })
            .collect(),
        coupling_facility: group.coupling_facility.clone(),
        group_unit_of_recovery: group.group_unit_of_recovery,
    }
}
