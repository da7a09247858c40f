//! Messaging engine policy assistance: engines and policies generated for a cluster that joins a bus.
//!
//! Documented: IBM WebSphere Application Server Network Deployment 7.0 and later, "Messaging engine policy assistance" and
//! the pages on its three predefined types. That the preferred list of *scalability with high availability* is exclusive
//! is inferred from "one other specified server".

use super::policy::{IsAlive, Policy, PolicyKind};
use crate::name::{BusName, ClusterName, ProcessName};

/// A predefined messaging engine policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyAssistance {
    /// One engine, which can fail over to any server of the cluster.
    HighAvailability,
    /// One engine for each server, pinned to it.
    Scalability,
    /// One engine for each server, which can fail over to one other server: a ring.
    ScalabilityWithHighAvailability,
    /// As the administrator says, engine by engine.
    Custom {
        /// The engines.
        engines: Vec<CustomEngine>,
    },
}

/// What an administrator says of one engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomEngine {
    /// Where it runs, best first; empty: anywhere.
    pub preferred_servers: Vec<ProcessName>,
    /// Whether it runs nowhere else.
    pub preferred_servers_only: bool,
    /// Whether it moves back as soon as a more preferred server is there.
    pub fail_back: bool,
}

impl PolicyAssistance {
    /// How many engines the bus member has.
    #[must_use]
    pub fn engines(&self, servers: &[ProcessName]) -> usize {
        match self {
            PolicyAssistance::HighAvailability => 1,
            PolicyAssistance::Scalability | PolicyAssistance::ScalabilityWithHighAvailability => servers.len(),
            PolicyAssistance::Custom { engines } => engines.len(),
        }
    }

    /// One policy for each engine: that of engine `cluster.00i-bus` is the `i`th.
    #[must_use]
    pub fn generate(&self, cluster: &ClusterName, servers: &[ProcessName], bus: &BusName) -> Vec<Policy> {
        let engine = |index: usize, preferred: Vec<ProcessName>, only: bool, fail_back: bool| {
            let engine = format!("{cluster}.{index:03}-{bus}");
            Policy {
                kind: PolicyKind::OneOfN,
                preferred_servers: preferred,
                preferred_servers_only: only,
                fail_back,
                is_alive: IsAlive::ProcessValue,
                ..Policy::one_of_n(&engine, &[("type", "WSAF_SIB"), ("WSAF_SIB_MESSAGING_ENGINE", engine.as_str())])
            }
        };
        match self {
            PolicyAssistance::HighAvailability => vec![engine(0, servers.to_vec(), false, false)],
            PolicyAssistance::Scalability => {
                let pinned = servers.iter().enumerate();
                pinned.map(|(index, server)| engine(index, vec![server.clone()], true, false)).collect()
            }
            PolicyAssistance::ScalabilityWithHighAvailability => {
                let next = servers.iter().cycle().skip(1);
                let ring = servers.iter().zip(next).enumerate();
                ring.map(|(index, (server, next))| engine(index, vec![server.clone(), next.clone()], true, true))
                    .collect()
            }
            PolicyAssistance::Custom { engines } => {
                let engines = engines.iter().enumerate();
                let of = |(index, custom): (usize, &CustomEngine)| {
                    engine(index, custom.preferred_servers.clone(), custom.preferred_servers_only, custom.fail_back)
                };
                engines.map(of).collect()
            }
        }
    }
}
