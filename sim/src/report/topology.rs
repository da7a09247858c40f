//! The topology as a reader meets it: which place hosts what, what is shared, who detects and who restarts.

use indoubt_engine::time::Duration;

use super::layout::{Align, Table, count, heading, length, ordinal, paragraph};
use crate::scenario::model::{Application, Pace, Place, Role, Scenario, Site, Syncpointing};
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

/// Where messages are that nobody could process, in the words of whoever keeps them.
pub(super) fn set_aside(scenario: &Scenario) -> String {
    let families = families(&scenario.topology);
    let words: Vec<&str> = families.iter().map(|family| family.describe_set_aside()).collect();
    words.join(", or ")
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
        let target = &application.connect.target;
        let connected = families.iter().filter_map(|family| family.describe_target(target)).collect();
        table.row([application.name.clone(), connected, role(application, &families)]);
    }
    table.write(page, 2);
}

fn role(application: &Application, families: &Families) -> String {
    let target = &application.connect.target;
    let syncpoint = |syncpointing: &Syncpointing| -> String {
        families.iter().filter_map(|family| family.describe_syncpointing(target, syncpointing)).collect()
    };
    match &application.role {
        Role::Requester(requester) => format!(
            "{} to {}, replies from {}, {}{}",
            count(u64::from(requester.count), "request"),
            requester.request_queue,
            requester.reply_queue,
            syncpoint(&requester.syncpoint),
            pace(&requester.pace)
        ),
        Role::Server(server) => {
            let also: Vec<&str> = server.also_put.iter().map(|queue| queue.as_str()).collect();
            let also = if also.is_empty() { String::new() } else { format!(", also puts to {}", also.join(", ")) };
            let replies = if server.reply { ", replies" } else { "" };
            let how = consuming(server.batch, server.processing_time, server.backout_percent, server.poison_every);
            format!("serves {}{replies}{also}, {}{how}", server.request_queue, syncpoint(&server.syncpoint))
        }
        Role::Producer(producer) => {
            let queues: Vec<&str> = producer.queues.iter().map(|queue| queue.as_str()).collect();
            let units = match producer.syncpoint {
                Syncpointing::None => count(u64::from(producer.count), "time"),
                Syncpointing::OnePhase | Syncpointing::TwoPhase => {
                    format!("{} of", count(u64::from(producer.count), "unit"))
                }
            };
            let each = if queues.len() > 1 { "each of " } else { "" };
            format!(
                "{units} {} to {each}{}{}, {}{}{}",
                count(u64::from(producer.batch), "message"),
                queues.join(", "),
                producer.message.quality.map(|quality| format!(", {}", quality.name())).unwrap_or_default(),
                syncpoint(&producer.syncpoint),
                pace(&producer.pace),
                backed_out(producer.backout_percent),
            )
        }
        Role::Consumer(consumer) => {
            let how =
                consuming(consumer.batch, consumer.processing_time, consumer.backout_percent, consumer.poison_every);
            format!("consumes {}, {}{how}", consumer.queue, syncpoint(&consumer.syncpoint))
        }
        Role::Operator(actions) => count(actions.len() as u64, "command"),
    }
}

fn pace(pace: &Pace) -> String {
    match pace {
        Pace::Closed { think_time } if think_time.is_zero() => String::new(),
        Pace::Closed { think_time } => format!(", {} after the last one", length(*think_time)),
        Pace::Open { interval } => format!(", one every {}", length(*interval)),
    }
}

/// How a consumer works on what it gets, as the rest of a sentence: as far as it matters.
fn consuming(batch: u32, (least, most): (Duration, Duration), backout_percent: u32, poison_every: u32) -> String {
    let mut text = String::new();
    if batch > 1 {
        text.push_str(&format!(", {batch} messages at a time"));
    }
    if !most.is_zero() {
        let work = if least == most { length(most) } else { format!("{} to {}", length(least), length(most)) };
        text.push_str(&format!(", works {work} on each"));
    }
    text.push_str(&backed_out(backout_percent));
    if poison_every > 0 {
        text.push_str(&format!(", fails with every {}", ordinal(poison_every)));
    }
    text
}

fn backed_out(percent: u32) -> String {
    if percent > 0 { format!(", backs out {percent} of 100") } else { String::new() }
}
