//! The topology as a reader meets it: which place hosts what, what is shared, who detects and who restarts.

use super::layout::{Align, Table, count, heading, length, paragraph};
use crate::scenario::model::{
    Application, ConnectTarget, Place, Queue, QueueSharingGroup, Role, Scenario, Syncpointing, Topology,
};
use indoubt_engine::message::Persistence;
use indoubt_engine::queue_manager::definition::{ConnectivityLoss, DeliverySequence, QueuePlace};

pub(super) fn write(page: &mut String, scenario: &Scenario) {
    let topology = &scenario.topology;
    heading(page, "Topology");
    places(page, scenario);
    for group in &topology.sysplex.queue_sharing_groups {
        group_section(page, topology, group);
    }
    private_queues(page, topology);
    policies(page, topology);
}

fn places(page: &mut String, scenario: &Scenario) {
    let topology = &scenario.topology;
    let mut table = Table::new(&[Align::Left, Align::Left, Align::Left]);
    for image in &topology.sysplex.images {
        let managers =
            topology.sysplex.queue_managers.iter().filter(|manager| manager.image == image.name).map(|manager| {
                let group = manager.group.as_ref().map(|group| format!(" ({group})")).unwrap_or_default();
                format!("queue manager {}{group}", manager.name)
            });
        let applications = applications_on(scenario, Place::Image(image.name.clone()));
        table.row([
            "image".into(),
            image.name.to_string(),
            managers.chain(applications).collect::<Vec<_>>().join(", "),
        ]);
    }
    for facility in &topology.sysplex.coupling_facilities {
        let groups =
            topology.sysplex.queue_sharing_groups.iter().filter(|group| group.coupling_facility == facility.name);
        let held = groups
            .map(|group| {
                let names: Vec<&str> = group.structures.keys().map(|name| name.as_str()).collect();
                format!("structures of {}: {}", group.name, names.join(", "))
            })
            .collect::<Vec<_>>();
        table.row(["coupling facility".into(), facility.name.to_string(), held.join("; ")]);
    }
    for host in &topology.hosts {
        let applications: Vec<String> = applications_on(scenario, Place::Host(host.name.clone())).collect();
        table.row(["host".into(), host.name.clone(), applications.join(", ")]);
    }
    table.write(page, 2);
}

fn applications_on(scenario: &Scenario, place: Place) -> impl Iterator<Item = String> {
    scenario.workload.iter().filter(move |application| application.runs_on.contains(&place)).map(|application| {
        match application.instances {
            1 => format!("application {}", application.name),
            instances => format!("application {} x {instances}", application.name),
        }
    })
}

fn group_section(page: &mut String, topology: &Topology, group: &QueueSharingGroup) {
    page.push('\n');
    let members: Vec<String> = topology
        .sysplex
        .queue_managers
        .iter()
        .filter(|manager| manager.group.as_ref() == Some(&group.name))
        .map(|manager| format!("{} on {}", manager.name, manager.image))
        .collect();
    let units = if group.group_unit_of_recovery { "; group units of recovery" } else { "" };
    paragraph(page, 2, &format!("Queue-sharing group {}: {}{units}. It shares:", group.name, members.join(", ")));
    let mut table = Table::new(&[Align::Left, Align::Left, Align::Left]);
    for (name, structure) in &group.structures {
        let recover = if structure.recover { "RECOVER(YES)" } else { "RECOVER(NO)" };
        let loss = match structure.connectivity_loss {
            ConnectivityLoss::Terminate => "CFCONLOS(TERMINATE)",
            ConnectivityLoss::Tolerate => "CFCONLOS(TOLERATE)",
        };
        let capacity = format!("{} entries, {} elements", structure.capacity.entries, structure.capacity.elements);
        table.row(["structure".into(), name.to_string(), format!("{capacity}, {recover}, {loss}")]);
    }
    for (name, queue) in &group.queues {
        table.row(["shared queue".into(), name.to_string(), queue_attributes(queue)]);
    }
    table.write(page, 4);
}

fn private_queues(page: &mut String, topology: &Topology) {
    let mut table = Table::new(&[Align::Left, Align::Left, Align::Left]);
    for manager in &topology.sysplex.queue_managers {
        for (name, queue) in &manager.queues {
            table.row([manager.name.to_string(), name.to_string(), queue_attributes(queue)]);
        }
    }
    if !table.is_empty() {
        page.push_str("\n  Private queues:\n");
        table.write(page, 4);
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

fn policies(page: &mut String, topology: &Topology) {
    if topology.sysplex.images.is_empty() {
        return;
    }
    let policy = &topology.sysplex.failure_management;
    page.push('\n');
    paragraph(
        page,
        2,
        &format!(
            "A silent image is detected after {}, isolated after {} more and cleaned up after {}; an address space that \
             ends is noticed after {}, a lost coupling link after {}.",
            length(policy.failure_detection_interval),
            length(policy.isolate_time),
            length(policy.cleanup_interval),
            length(policy.abend_notification),
            length(policy.link_loss_detection),
        ),
    );
    for restart in &topology.sysplex.automatic_restart {
        let mut places: Vec<String> = Vec::new();
        if restart.in_place {
            places.push("in place".to_owned());
        }
        if !restart.target_systems.is_empty() {
            let targets: Vec<&str> = restart.target_systems.iter().map(|image| image.as_str()).collect();
            places.push(format!("on {}", targets.join(", ")));
        }
        let places = if places.is_empty() { "nowhere".to_owned() } else { places.join(" or ") };
        paragraph(
            page,
            2,
            &format!(
                "Automatic restart of {}: {places}, {} within {}, after {}.",
                restart.queue_manager,
                count(u64::from(restart.restart_attempts), "attempt"),
                length(restart.attempt_interval),
                length(restart.delay),
            ),
        );
    }
}

pub(super) fn write_workload(page: &mut String, scenario: &Scenario) {
    if scenario.workload.is_empty() {
        return;
    }
    heading(page, "Workload");
    let mut table = Table::new(&[Align::Left, Align::Left, Align::Left]);
    for application in &scenario.workload {
        let target = match &application.connect.target {
            ConnectTarget::LocalQueueManager(name) => format!("bound to {name}"),
            ConnectTarget::LocalGroup(name) => format!("bound to a local member of {name}"),
            ConnectTarget::QueueManager(name) => format!("client of {name}"),
            ConnectTarget::Group(name) => format!("client of group {name}"),
        };
        table.row([application.name.clone(), target, role(application)]);
    }
    table.write(page, 2);
}

fn role(application: &Application) -> String {
    let syncpoint = |syncpoint: &Syncpointing| match syncpoint {
        Syncpointing::None => "outside syncpoint",
        Syncpointing::OnePhase => "under syncpoint",
        Syncpointing::TwoPhase => "in two phases",
    };
    match &application.role {
        Role::Requester(requester) => format!(
            "{} to {}, replies from {}, {}",
            count(u64::from(requester.count), "request"),
            requester.request_queue,
            requester.reply_queue,
            syncpoint(&requester.syncpoint)
        ),
        Role::Server(server) => {
            let also: Vec<&str> = server.also_put.iter().map(|queue| queue.as_str()).collect();
            let also = if also.is_empty() { String::new() } else { format!(", also puts to {}", also.join(", ")) };
            let replies = if server.reply { ", replies" } else { "" };
            format!("serves {}{replies}{also}, {}", server.request_queue, syncpoint(&server.syncpoint))
        }
        Role::Producer(producer) => {
            let queues: Vec<&str> = producer.queues.iter().map(|queue| queue.as_str()).collect();
            format!(
                "{} of {} to {}, {}",
                count(u64::from(producer.count), "unit"),
                count(u64::from(producer.batch), "message"),
                queues.join(", "),
                syncpoint(&producer.syncpoint)
            )
        }
        Role::Consumer(consumer) => {
            format!("consumes {}, {}", consumer.queue, syncpoint(&consumer.syncpoint))
        }
        Role::Operator(actions) => count(actions.len() as u64, "command"),
    }
}
