//! The applications of a scenario's workload, each instance a process.

use std::sync::Arc;
use std::time::Duration;

use super::{Families, Plan, ProcessKind};
use crate::fabric::{DiskOptions, Fabric};
use crate::scenario::model::{Application, Latency, Role, Scenario, Site, Syncpointing};
use crate::workload::{Instance, Shared, application_body};

/// Time of a force of a coordinator's decision log.
const DECISION_LOG: Latency = Latency { base: Duration::from_micros(500), jitter: Duration::from_micros(200) };

/// From the end of the start of the process in which an application lives, or of its own, to its first input.
const START: Duration = Duration::from_millis(500);

/// All of them; `systems` are the processes in which some of them live.
pub(super) fn plan(
    fabric: &Fabric,
    scenario: &Scenario,
    families: &Families,
    shared: &Arc<Shared>,
    systems: &[Plan],
) -> Vec<Plan> {
    let mut plans = Vec::new();
    let mut index = 0;
    for application in &scenario.workload {
        for (name, site) in application.processes() {
            let Site { place, within } = site;
            index += 1;
            let disk = coordinates(application).then(|| {
                fabric.add_disk(DiskOptions { name: format!("{name}/decisions"), force: DECISION_LOG, capacity: None })
            });
            let provider = families.iter().find_map(|family| family.provider(&application.connect, site));
            let provider = provider.expect("a validated scenario connects applications to systems that there are");
            let around = within.as_ref().and_then(|name| systems.iter().find(|plan| plan.name == *name));
            let instance = Instance { name: name.clone(), index, place: place.clone() };
            plans.push(Plan {
                name,
                kind: ProcessKind::Application,
                home: place.clone(),
                within: within.clone(),
                disk,
                body: application_body(application, instance, shared.clone(), provider),
                restart: START + around.map_or(Duration::ZERO, |around| around.restart),
            });
        }
    }
    plans
}

/// Whether it is its own transaction coordinator, and so needs a disk.
fn coordinates(application: &Application) -> bool {
    let syncpoint = match &application.role {
        Role::Requester(role) => &role.syncpoint,
        Role::Server(role) => &role.syncpoint,
        Role::Producer(role) => &role.syncpoint,
        Role::Consumer(role) => &role.syncpoint,
        Role::Operator(_) => return false,
    };
    *syncpoint == Syncpointing::TwoPhase
}
