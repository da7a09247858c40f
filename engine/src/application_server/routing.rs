//! Which engine a client is sent to (TRM, topology routing and management).
//!
//! A bootstrap server knows from the HA manager's bulletin board which engine runs on which server. It takes the nearest
//! that fits the client's target: in the server itself, on its host, in its cluster, anywhere in the bus, no farther than
//! the client's connection proximity allows. If none of the target is known and the target is only *preferred*, any other
//! nearest one will do. Documented: IBM WebSphere Application Server, "Connection proximity", "Target significance".

use std::collections::BTreeMap;

use super::definition::{ApplicationServerDefinition, ServerPlace};
use crate::messaging_engine::frame::{BusReply, ConnectionProximity, Target, TargetSignificance};
use crate::name::{Address, ClusterName, MessagingEngineName, ProcessName};

/// The beginning of the subjects under which running engines are posted.
const SUBJECT: &str = "messaging engine ";

/// The subject under which the server that runs an engine posts it.
pub(super) fn subject(engine: &MessagingEngineName) -> String {
    format!("{SUBJECT}{engine}")
}

/// What a client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) target: Target,
    pub(super) significance: TargetSignificance,
    pub(super) proximity: ConnectionProximity,
}

/// Every engine that runs, and the server on which it does.
fn running<'a>(
    definition: &'a ApplicationServerDefinition,
    board: &BTreeMap<String, BTreeMap<ProcessName, String>>,
) -> Vec<(MessagingEngineName, ProcessName, &'a ServerPlace)> {
    board
        .range(SUBJECT.to_owned()..)
        .take_while(|(subject, _)| subject.starts_with(SUBJECT))
        .flat_map(|(subject, posts)| {
            let engine = MessagingEngineName::from(&subject[SUBJECT.len()..]);
            posts.keys().map(move |process| (engine.clone(), process.clone()))
        })
        .filter_map(|(engine, process)| definition.servers.get(&process).map(|place| (engine, process, place)))
        .collect()
}

/// Where each engine that runs is found by the others.
pub(super) fn engines(
    definition: &ApplicationServerDefinition,
    board: &BTreeMap<String, BTreeMap<ProcessName, String>>,
) -> BTreeMap<MessagingEngineName, Address> {
    let running = running(definition, board).into_iter();
    running.map(|(engine, _, place)| (engine, place.address.clone())).collect()
}

/// The engine to which a client is sent, if one is known that fits. Among equals `turn` decides, so that clients are
/// spread.
pub(super) fn route(
    definition: &ApplicationServerDefinition,
    board: &BTreeMap<String, BTreeMap<ProcessName, String>>,
    wanted: &Wanted,
    turn: usize,
) -> Option<BusReply> {
    let running = running(definition, board);
    let here = definition.servers.get(&definition.process)?;
    let pick = |fits: &dyn Fn(&MessagingEngineName) -> bool| -> Option<(MessagingEngineName, Address)> {
        let distance = |process: &ProcessName, place: &ServerPlace| {
            if *process == definition.process {
                ConnectionProximity::Server
            } else if place.host == here.host {
                ConnectionProximity::Host
            } else if place.cluster == here.cluster {
                ConnectionProximity::Cluster
            } else {
                ConnectionProximity::Bus
            }
        };
        let near = running
            .iter()
            .filter(|(engine, process, place)| fits(engine) && distance(process, place) >= wanted.proximity);
        // `Bus` is the least of the four: the greater, the nearer.
        let nearest = near.clone().map(|(_, process, place)| distance(process, place)).max()?;
        let nearest: Vec<_> = near.filter(|(_, process, place)| distance(process, place) == nearest).collect();
        let (engine, _, place) = nearest[turn % nearest.len()];
        Some((engine.clone(), place.address.clone()))
    };
    let of_member = |member: &ClusterName, engine: &MessagingEngineName| {
        definition.bus_members.get(engine).is_some_and(|cluster| cluster == member)
    };
    let found = match &wanted.target {
        Target::Any => pick(&|_| true),
        Target::BusMember(member) => pick(&|engine| of_member(member, engine)),
        Target::MessagingEngine(name) => pick(&|engine| engine == name),
    };
    let found = match wanted.significance {
        TargetSignificance::Required => found,
        TargetSignificance::Preferred => found.or_else(|| pick(&|_| true)),
    };
    found.map(|(engine, server)| BusReply::Redirect { server, engine })
}
