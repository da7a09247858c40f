//! The topology as a reader meets it: which place hosts what, what is shared, who detects and who restarts.

use super::layout::{Align, Table, count, heading, paragraph};
use crate::scenario::model::{Application, Place, Role, Scenario, Site, Syncpointing};
use crate::topology::family::Description;
use crate::topology::{Families, families};

pub(super) fn write(page: &mut String, scenario: &Scenario) {
    let families = families(&scenario.topology);
    heading(page, "Topology");
    places(page, scenario, &families);
    for part in families.iter().flat_map(|family| family.describe()) {
        match part {
            Description::Gap => page.push('\n'),
            Description::Paragraph(text) => paragraph(page, 2, &text),
            Description::Table(rows) => {
                let mut table = Table::new(&[Align::Left, Align::Left, Align::Left]);
                for row in rows {
                    table.row(row);
                }
                table.write(page, 4);
            }
        }
    }
}

fn places(page: &mut String, scenario: &Scenario, families: &Families) {
    let mut table = Table::new(&[Align::Left, Align::Left, Align::Left]);
    let mut hosts: Vec<Place> = scenario.topology.hosts.iter().map(|host| Place::Host(host.name.clone())).collect();
    for described in families.iter().flat_map(|family| family.describe_places()) {
        hosts.retain(|host| *host != described.place);
        let name = described.place.name().to_owned();
        let holds = Some(described.holds).filter(|holds| !holds.is_empty());
        let inhabitants: Vec<String> = holds.into_iter().chain(applications_on(scenario, described.place)).collect();
        table.row([described.kind.to_owned(), name, inhabitants.join(", ")]);
    }
    for host in hosts {
        let name = host.name().to_owned();
        let applications: Vec<String> = applications_on(scenario, host).collect();
        table.row(["host".into(), name, applications.join(", ")]);
    }
    table.write(page, 2);
}

fn applications_on(scenario: &Scenario, place: Place) -> impl Iterator<Item = String> {
    let on_it = move |site: &&Site| site.place == place;
    scenario.workload.iter().flat_map(move |application| {
        application.runs_on.iter().filter(on_it.clone()).map(|site| {
            let times = match application.instances {
                1 => String::new(),
                instances => format!(" x {instances}"),
            };
            let within = site.within.as_ref().map(|within| format!(" in {within}")).unwrap_or_default();
            format!("application {}{times}{within}", application.name)
        })
    })
}

pub(super) fn write_workload(page: &mut String, scenario: &Scenario) {
    if scenario.workload.is_empty() {
        return;
    }
    let families = families(&scenario.topology);
    heading(page, "Workload");
    let mut table = Table::new(&[Align::Left, Align::Left, Align::Left]);
    for application in &scenario.workload {
        let targets = families.iter().filter_map(|family| family.describe_target(&application.connect.target));
        let target = targets.collect();
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
