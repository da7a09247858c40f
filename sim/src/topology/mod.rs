//! Builds the systems of a scenario in the fabric: who runs where, reached over what.
//!
//! Each family of products has a module that turns its part of the scenario's topology into processes; what they have in
//! common (places, links, processes and the order in which they start) is here. Nothing else in `sim` knows which product
//! a process belongs to.

mod applications;
mod queue_sharing;

use std::collections::BTreeMap;
use std::sync::Arc;

use indoubt_engine::name::ProcessName;

use crate::fabric::{DiskId, Fabric, HostId, HostOptions, LinkKind, ProcessBody, ProcessId, ProcessOptions};
use crate::scenario::model::{ClockError, LinkQuality, Place, Scenario};
use crate::workload::Shared;

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
    places: BTreeMap<Place, HostId>,
    /// In the order in which they start.
    processes: Vec<Built>,
    links: BTreeMap<(Place, Place), LinkQuality>,
    network: LinkQuality,
    coupling_link: LinkQuality,
}

/// What a process is made of.
struct Plan {
    name: String,
    kind: ProcessKind,
    home: Place,
    disk: Option<DiskId>,
    body: ProcessBody,
    /// How long a restart takes. The first start takes no time: a run begins with everything up.
    restart: std::time::Duration,
}

impl World {
    /// Builds and starts everything.
    #[must_use]
    pub fn build(fabric: &Fabric, scenario: &Scenario, shared: &Arc<Shared>) -> World {
        let topology = &scenario.topology;
        let mut world =
            World { network: topology.network, coupling_link: topology.sysplex.coupling_link, ..World::default() };
        fabric.set_default_link(LinkKind::Network, topology.network);
        fabric.set_default_link(LinkKind::Coupling, topology.sysplex.coupling_link);
        fabric.set_default_link(LinkKind::Signalling, topology.sysplex.coupling_link);
        for host in &topology.hosts {
            world.add_place(fabric, Place::Host(host.name.clone()), host.clock);
        }
        let mut plans = queue_sharing::plan(fabric, topology, &mut world);
        plans.extend(applications::plan(fabric, scenario, shared));
        for link in &topology.links {
            let kind = World::link_kind(&link.from, &link.to);
            fabric.set_link(world.places[&link.from], world.places[&link.to], kind, link.quality);
            world.links.insert((link.from.clone(), link.to.clone()), link.quality);
            world.links.insert((link.to.clone(), link.from.clone()), link.quality);
        }
        for (position, plan) in (0..).zip(plans) {
            let options = ProcessOptions {
                name: ProcessName::from(plan.name.as_str()),
                host: world.places[&plan.home],
                disk: plan.disk,
                start_duration: ONE_AFTER_ANOTHER * position,
            };
            let id = fabric.add_process(options, plan.body);
            fabric.start(id);
            fabric.set_start_duration(id, plan.restart);
            let Plan { name, kind, home, disk, .. } = plan;
            world.processes.push(Built { id, name, kind, home, disk });
        }
        world
    }

    fn add_place(&mut self, fabric: &Fabric, place: Place, clock: ClockError) -> HostId {
        let name = place_name(&place).to_owned();
        let host = fabric.add_host(HostOptions { name, skew_ns: clock.skew_ns, drift_ppm: clock.drift_ppm });
        self.places.insert(place, host);
        host
    }

    /// The host of a place.
    #[must_use]
    pub fn host(&self, place: &Place) -> Option<HostId> {
        self.places.get(place).copied()
    }

    /// All places with their hosts.
    pub fn places(&self) -> impl Iterator<Item = (&Place, HostId)> {
        self.places.iter().map(|(place, &host)| (place, host))
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
        let default = match World::link_kind(from, to) {
            LinkKind::Network => self.network,
            LinkKind::Coupling | LinkKind::Signalling => self.coupling_link,
        };
        self.links.get(&(from.clone(), to.clone())).copied().unwrap_or(default)
    }

    /// The kind of link that a cut between two places cuts.
    #[must_use]
    pub fn link_kind(from: &Place, to: &Place) -> LinkKind {
        match (from, to) {
            (Place::CouplingFacility(_), _) | (_, Place::CouplingFacility(_)) => LinkKind::Coupling,
            _ => LinkKind::Network,
        }
    }
}

/// What a place is called.
#[must_use]
pub fn place_name(place: &Place) -> &str {
    match place {
        Place::Image(name) => name.as_str(),
        Place::Host(name) => name,
        Place::CouplingFacility(name) => name.as_str(),
    }
}
