//! The family's systems as a report shows them.

use indoubt_engine::message::Persistence;
use indoubt_engine::queue_manager::definition::{ConnectivityLoss, DeliverySequence, QueuePlace};

use super::super::family::{Description, PlaceDescription};
use crate::scenario::model::{ConnectTarget, Place, Queue, QueueSharingGroup, Sysplex};
use crate::scenario::words::{count, length};

pub(super) fn places(sysplex: &Sysplex) -> Vec<PlaceDescription> {
    let images = sysplex.images.iter().map(|image| {
        let managers = sysplex.queue_managers.iter().filter(|manager| manager.image == image.name).map(|manager| {
            let group = manager.group.as_ref().map(|group| format!(" ({group})")).unwrap_or_default();
            format!("queue manager {}{group}", manager.name)
        });
        let holds = managers.collect::<Vec<_>>().join(", ");
        PlaceDescription { kind: "image", place: Place::Image(image.name.clone()), holds }
    });
    let facilities = sysplex.coupling_facilities.iter().map(|facility| {
        let groups = sysplex.queue_sharing_groups.iter().filter(|group| group.coupling_facility == facility.name);
        let held = groups.map(|group| {
            let names: Vec<&str> = group.structures.keys().map(|name| name.as_str()).collect();
            format!("structures of {}: {}", group.name, names.join(", "))
        });
        let holds = held.collect::<Vec<_>>().join("; ");
        PlaceDescription { kind: "coupling facility", place: Place::CouplingFacility(facility.name.clone()), holds }
    });
    images.chain(facilities).collect()
}

pub(super) fn describe(sysplex: &Sysplex) -> Vec<Description> {
    let mut parts = Vec::new();
    for group in &sysplex.queue_sharing_groups {
        group_section(&mut parts, sysplex, group);
    }
    private_queues(&mut parts, sysplex);
    policies(&mut parts, sysplex);
    parts
}

pub(super) fn target(target: &ConnectTarget) -> Option<String> {
    Some(match target {
        ConnectTarget::LocalQueueManager(name) => format!("bound to {name}"),
        ConnectTarget::LocalGroup(name) => format!("bound to a local member of {name}"),
        ConnectTarget::QueueManager(name) => format!("client of {name}"),
        ConnectTarget::Group(name) => format!("client of group {name}"),
        ConnectTarget::Bus(_) | ConnectTarget::ActivationSpecification(_) | ConnectTarget::Administration => {
            return None;
        }
    })
}

fn group_section(parts: &mut Vec<Description>, sysplex: &Sysplex, group: &QueueSharingGroup) {
    parts.push(Description::Gap);
    let members: Vec<String> = sysplex
        .queue_managers
        .iter()
        .filter(|manager| manager.group.as_ref() == Some(&group.name))
        .map(|manager| format!("{} on {}", manager.name, manager.image))
        .collect();
    let units = if group.group_unit_of_recovery { "; group units of recovery" } else { "" };
    let text = format!("Queue-sharing group {}: {}{units}. It shares:", group.name, members.join(", "));
    parts.push(Description::Paragraph(text));
    let mut rows = Vec::new();
    for (name, structure) in &group.structures {
        let recover = if structure.recover { "RECOVER(YES)" } else { "RECOVER(NO)" };
        let loss = match structure.connectivity_loss {
            ConnectivityLoss::Terminate => "CFCONLOS(TERMINATE)",
            ConnectivityLoss::Tolerate => "CFCONLOS(TOLERATE)",
        };
        let capacity = format!("{} entries, {} elements", structure.capacity.entries, structure.capacity.elements);
        rows.push(["structure".into(), name.to_string(), format!("{capacity}, {recover}, {loss}")]);
    }
    for (name, queue) in &group.queues {
        rows.push(["shared queue".into(), name.to_string(), queue_attributes(queue)]);
    }
    parts.push(Description::Table(rows));
}

fn private_queues(parts: &mut Vec<Description>, sysplex: &Sysplex) {
    let mut rows = Vec::new();
    for manager in &sysplex.queue_managers {
        for (name, queue) in &manager.queues {
            rows.push([manager.name.to_string(), name.to_string(), queue_attributes(queue)]);
        }
    }
    if !rows.is_empty() {
        parts.push(Description::Gap);
        parts.push(Description::Paragraph("Private queues:".to_owned()));
        parts.push(Description::Table(rows));
    }
}

fn queue_attributes(queue: &Queue) -> String {
    let definition = &queue.definition;
    let mut attributes = Vec::new();
    if let QueuePlace::Shared(structure) = &definition.place {
        attributes.push(format!("in {structure}"));
    }
    attributes.push(match definition.default_persistence {
        Persistence::Persistent => "DEFPSIST(YES)".to_owned(),
        Persistence::Nonpersistent => "DEFPSIST(NO)".to_owned(),
    });
    if definition.delivery_sequence == DeliverySequence::Fifo {
        attributes.push("MSGDLVSQ(FIFO)".to_owned());
    }
    if let Some(threshold) = queue.backout_threshold {
        attributes.push(format!("BOTHRESH({threshold})"));
    }
    if let Some(name) = &queue.backout_queue {
        attributes.push(format!("BOQNAME({name})"));
    }
    attributes.join(", ")
}

fn policies(parts: &mut Vec<Description>, sysplex: &Sysplex) {
    if sysplex.images.is_empty() {
        return;
    }
    let policy = &sysplex.failure_management;
    parts.push(Description::Gap);
    parts.push(Description::Paragraph(format!(
        "A silent image is detected after {}, isolated after {} more and cleaned up after {}; an address space that \
             ends is noticed after {}, a lost coupling link after {}.",
        length(policy.failure_detection_interval),
        length(policy.isolate_time),
        length(policy.cleanup_interval),
        length(policy.abend_notification),
        length(policy.link_loss_detection),
    )));
    for restart in &sysplex.automatic_restart {
        let mut places: Vec<String> = Vec::new();
        if restart.in_place {
            places.push("in place".to_owned());
        }
        if !restart.target_systems.is_empty() {
            let targets: Vec<&str> = restart.target_systems.iter().map(|image| image.as_str()).collect();
            places.push(format!("on {}", targets.join(", ")));
        }
        let places = if places.is_empty() { "nowhere".to_owned() } else { places.join(" or ") };
        parts.push(Description::Paragraph(format!(
            "Automatic restart of {}: {places}, {} within {}, after {}.",
            restart.queue_manager,
            count(u64::from(restart.restart_attempts), "attempt"),
            length(restart.attempt_interval),
            length(restart.delay),
        )));
    }
}
