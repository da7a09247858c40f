//! Builds the systems of a scenario in the fabric: who runs where, reached over what.
//!
//! Each family of products has a folder that turns its part of the scenario's topology into processes, and answers for
//! them whatever the rest of the world has to know ([`Family`]); what families have in common (places, links, processes
//! and the order in which they start, the audit) is here. Nothing else in `sim` knows which product a process belongs to.

mod applications;
pub mod audit;
pub mod family;
mod queue_sharing;
mod service_integration;

use std::collections::BTreeMap;
use std::sync::Arc;

use indoubt_engine::name::ProcessName;

use crate::fabric::{DiskId, Fabric, HostId, HostOptions, LinkKind, ProcessBody, ProcessId, ProcessOptions};
use crate::scenario::model::{ClockError, LinkQuality, Place, Scenario, Topology};
use crate::workload::Shared;

pub use family::Family;

/// The families that a scenario has.
pub type Families = Arc<[Arc<dyn Family>]>;

/// All families there are, each with its part of this topology, in the order in which they start. The only list of them.
#[must_use]
pub fn families(topology: &Topology) -> Families {
    let all = [queue_sharing::QueueSharing::of(topology), service_integration::ServiceIntegration::of(topology)];
    all.into_iter().flatten().collect()
}

/// What all applications of a run with these families share.
#[must_use]
pub fn shared(families: &Families) -> Shared {
    Shared::new(families.iter().flat_map(|family| family.queues()).collect())
}

/// A run begins with everything up: processes start in this short an interval, those that others need first.
const ONE_AFTER_ANOTHER: std::time::Duration = std::time::Duration::from_micros(20);

/// What a process is to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessKind {
    /// The services of a host's operating system: when they end, the host does.
    System,
    /// Middleware.
    Server,
    /// An application.
    Application,
}

/// A process that was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// Which.
    pub id: ProcessId,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ProcessKind,
    /// Where it is at home.
    pub home: Place,
    /// Its disk, if it has one.
    pub disk: Option<DiskId>,
}

/// The systems of a scenario.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Host of each place, and the kind of link by which others reach it.
    places: BTreeMap<Place, (HostId, LinkKind)>,
    /// Places on which others depend: when one of these fails, what runs on those is struck.
    dependents: BTreeMap<Place, Vec<Place>>,
    /// In the order in which they start.
    processes: Vec<Built>,
    /// What disks are called that are no mere disks to those who know the product.
    disk_words: BTreeMap<DiskId, &'static str>,
    links: BTreeMap<(Place, Place), LinkQuality>,
    default_links: Vec<(LinkKind, LinkQuality)>,
}

/// What a process is made of.
pub struct Plan {
    /// Its name: stable and unique.
    pub name: String,
    /// What it is.
    pub kind: ProcessKind,
    /// Where it is at home.
    pub home: Place,
    /// The process in which it lives, which is planned before it. `None`: it is one of its own.
    pub within: Option<String>,
    /// Its disk, if it has one.
    pub disk: Option<DiskId>,
    /// What it does with its life.
    pub body: ProcessBody,
    /// How long a restart takes. The first start takes no time: a run begins with everything up.
    pub restart: std::time::Duration,
}

impl World {
    /// Builds and starts everything.
    #[must_use]
    pub fn build(fabric: &Fabric, scenario: &Scenario, families: &Families, shared: &Arc<Shared>) -> World {
        let topology = &scenario.topology;
        let mut world = World::default();
        world.set_default_link(fabric, LinkKind::Network, topology.network);
        for host in &topology.hosts {
            world.add_place(fabric, Place::Host(host.name.clone()), host.clock, LinkKind::Network);
        }
        let mut plans: Vec<Plan> = families.iter().flat_map(|family| family.plan(fabric, &mut world)).collect();
        let applications = applications::plan(fabric, scenario, families, shared, &plans);
        plans.extend(applications);
        for link in &topology.links {
            let kind = world.link_kind(&link.from, &link.to);
            fabric.set_link(world.places[&link.from].0, world.places[&link.to].0, kind, link.quality);
            world.links.insert((link.from.clone(), link.to.clone()), link.quality);
            world.links.insert((link.to.clone(), link.from.clone()), link.quality);
        }
        for (position, plan) in (0..).zip(plans) {
            let options = ProcessOptions {
                name: ProcessName::from(plan.name.as_str()),
                host: world.places[&plan.home].0,
                disk: plan.disk,
                start_duration: ONE_AFTER_ANOTHER * position,
                lives_in: plan.within.and_then(|name| world.process(&name)).map(|built| built.id),
            };
            let id = fabric.add_process(options, plan.body);
            fabric.start(id);
            fabric.set_start_duration(id, plan.restart);
            let Plan { name, kind, home, disk, .. } = plan;
            world.processes.push(Built { id, name, kind, home, disk });
        }
        world
    }

    /// Adds a place; others reach it over this kind of link, which is also what a cut between it and another cuts.
    pub fn add_place(&mut self, fabric: &Fabric, place: Place, clock: ClockError, reached_over: LinkKind) -> HostId {
        let name = place.name().to_owned();
        let host = fabric.add_host(HostOptions { name, skew_ns: clock.skew_ns, drift_ppm: clock.drift_ppm });
        self.places.insert(place, (host, reached_over));
        host
    }

    /// Says what links of a kind are like if nothing is said of a pair.
    pub fn set_default_link(&mut self, fabric: &Fabric, kind: LinkKind, quality: LinkQuality) {
        fabric.set_default_link(kind, quality);
        self.default_links.retain(|(other, _)| *other != kind);
        self.default_links.push((kind, quality));
    }

    /// Says which places are struck with this one: their servers live on what it holds.
    pub fn set_dependents(&mut self, place: Place, dependents: Vec<Place>) {
        self.dependents.insert(place, dependents);
    }

    /// The places that are struck with this one; `None` if it is no place for others to live on.
    #[must_use]
    pub fn dependents(&self, place: &Place) -> Option<&[Place]> {
        self.dependents.get(place).map(Vec::as_slice)
    }

    /// Says what a disk is called: `log disk`.
    pub fn call_disk(&mut self, disk: DiskId, word: &'static str) {
        self.disk_words.insert(disk, word);
    }

    /// What a disk is called: `disk`, if nothing else was said.
    #[must_use]
    pub fn disk_word(&self, disk: DiskId) -> &'static str {
        self.disk_words.get(&disk).copied().unwrap_or("disk")
    }

    /// The host of a place.
    #[must_use]
    pub fn host(&self, place: &Place) -> Option<HostId> {
        self.places.get(place).map(|(host, _)| *host)
    }

    /// All places with their hosts.
    pub fn places(&self) -> impl Iterator<Item = (&Place, HostId)> {
        self.places.iter().map(|(place, (host, _))| (place, *host))
    }

    /// All processes, in the order in which they start.
    #[must_use]
    pub fn processes(&self) -> &[Built] {
        &self.processes
    }

    /// The process of this name.
    #[must_use]
    pub fn process(&self, name: &str) -> Option<&Built> {
        self.processes.iter().find(|process| process.name == name)
    }

    /// The process with this number; the auditor, which is no part of the scenario, has none.
    #[must_use]
    pub fn built(&self, id: ProcessId) -> Option<&Built> {
        self.processes.get(id.0 as usize).filter(|process| process.id == id)
    }

    /// The link between two places as the scenario defines it.
    #[must_use]
    pub fn link(&self, from: &Place, to: &Place) -> LinkQuality {
        let kind = self.link_kind(from, to);
        let default = self.default_links.iter().find(|(of, _)| *of == kind).map(|(_, quality)| *quality);
        self.links.get(&(from.clone(), to.clone())).copied().or(default).unwrap_or_default()
    }

    /// The kind of link that a cut between two places cuts.
    #[must_use]
    pub fn link_kind(&self, from: &Place, to: &Place) -> LinkKind {
        let kinds = [from, to].into_iter().filter_map(|place| self.places.get(place)).map(|(_, kind)| *kind);
        kinds.into_iter().find(|kind| *kind != LinkKind::Network).unwrap_or(LinkKind::Network)
    }
}
