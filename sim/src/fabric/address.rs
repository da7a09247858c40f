//! Addresses: where processes listen, on whichever host they run.
//!
//! Several processes may listen at one address (the generic address of a group); the seed picks one. An address that moved
//! stays routed to the host it left for a while, as in routers, ARP caches and name servers: whoever connects meanwhile
//! may be sent to a host that is off and hear nothing. A host that is up and on which nobody listens any more is passed
//! over as soon as somebody else listens.

use std::collections::BTreeMap;

use indoubt_engine::machine::Silence;
use indoubt_engine::name::Address;

use super::draw::below;
use super::host::HostId;
use super::link::LinkKind;
use super::process::ProcessId;
use super::state::State;

/// A listener, or the trace that it left in the routes.
struct Route {
    process: ProcessId,
    host: HostId,
    silence: Silence,
    gone_at: Option<u64>,
}

struct AddressState {
    kind: LinkKind,
    stale_route: u64,
    routes: Vec<Route>,
}

/// All addresses.
#[derive(Default)]
pub(super) struct Addresses(BTreeMap<Address, AddressState>);

/// To whom an address leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// Somebody listens.
    Listener { process: ProcessId, host: HostId, silence: Silence },
    /// A host, but nobody listens there any more, or it is off.
    Deserted { process: ProcessId, host: HostId },
    /// Nowhere.
    Unknown,
}

impl Addresses {
    fn state(&mut self, address: &Address) -> &mut AddressState {
        if !self.0.contains_key(address) {
            let state = AddressState { kind: LinkKind::Network, stale_route: 0, routes: Vec::new() };
            self.0.insert(address.clone(), state);
        }
        self.0.get_mut(address).expect("it is there now")
    }

    pub(super) fn declare(&mut self, address: &Address, kind: LinkKind, stale_route: u64) {
        let state = self.state(address);
        state.kind = kind;
        state.stale_route = stale_route;
    }

    pub(super) fn listen(&mut self, address: &Address, process: ProcessId, host: HostId, silence: Silence) {
        let routes = &mut self.state(address).routes;
        // A route of this very process to another host stays, as long as routes stay.
        routes.retain(|route| route.process != process || route.host != host);
        routes.push(Route { process, host, silence, gone_at: None });
    }

    pub(super) fn stop_listening(&mut self, address: &Address, process: ProcessId, now: u64) {
        if let Some(state) = self.0.get_mut(address) {
            for route in state.routes.iter_mut().filter(|route| route.process == process) {
                route.gone_at.get_or_insert(now);
            }
        }
    }

    pub(super) fn process_ended(&mut self, process: ProcessId, now: u64) {
        for route in self.0.values_mut().flat_map(|state| &mut state.routes) {
            if route.process == process {
                route.gone_at.get_or_insert(now);
            }
        }
    }
}

impl State {
    /// Whether a process listens at an address now.
    pub(super) fn listens(&self, process: ProcessId, address: &Address) -> bool {
        let listens = |route: &Route| route.process == process && route.gone_at.is_none();
        self.addresses.0.get(address).is_some_and(|state| state.routes.iter().any(listens))
    }

    /// Over which kind of link an address is reached from a host, and who is there.
    pub(super) fn resolve(&mut self, address: &Address, from: HostId, now: u64) -> (LinkKind, Destination) {
        let Some(state) = self.addresses.0.get_mut(address) else {
            return (LinkKind::Network, Destination::Unknown);
        };
        let (kind, stale) = (state.kind, state.stale_route);
        state.routes.retain(|route| route.gone_at.is_none_or(|gone| now < gone.saturating_add(stale)));
        let hosts = &self.hosts;
        let powered = |route: &&Route| hosts[route.host.index()].powered;
        let believed: Vec<&Route> =
            state.routes.iter().filter(|route| route.gone_at.is_none() || !powered(route)).collect();
        let route = match believed.as_slice() {
            [] => match state.routes.last() {
                Some(route) => route,
                None => return (kind, Destination::Unknown),
            },
            [only] => only,
            several => {
                let reachable: Vec<&&Route> =
                    several.iter().filter(|route| self.links.joins(from, route.host, kind)).collect();
                let candidates = if reachable.is_empty() { several.iter().collect() } else { reachable };
                let pick = below(&mut self.listeners, candidates.len() as u64);
                candidates[usize::try_from(pick).expect("a small number")]
            }
        };
        let &Route { process, host, silence, gone_at } = route;
        let destination = match gone_at {
            None => Destination::Listener { process, host, silence },
            Some(_) => Destination::Deserted { process, host },
        };
        (kind, destination)
    }
}
