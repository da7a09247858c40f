//! High availability groups' names and the policies that match them.
//!
//! Documented: IBM WebSphere Application Server Network Deployment, "High availability groups", "High availability group
//! policies", "Core group policy settings". A policy is eligible if every pair of its match criteria is contained in the
//! group's name; of the eligible ones that with most pairs governs. A tie is ambiguous: it is reported, and nobody is
//! activated (our choice: the product calls it undefined).

use core::fmt;
use std::collections::BTreeMap;

use crate::name::{BusName, ClusterName, MessagingEngineName, ProcessName};
use crate::time::Duration;

/// The name of a high availability group: a set of pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(pub BTreeMap<String, String>);

impl GroupName {
    /// A name of these pairs.
    #[must_use]
    pub fn new(pairs: &[(&str, &str)]) -> Self {
        GroupName(pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect())
    }

    /// The group of a messaging engine's instances.
    #[must_use]
    pub fn of_messaging_engine(cluster: &ClusterName, bus: &BusName, engine: &MessagingEngineName) -> Self {
        GroupName::new(&[
            ("WAS_CLUSTER", cluster.as_str()),
            ("WSAF_SIB_BUS", bus.as_str()),
            ("WSAF_SIB_MESSAGING_ENGINE", engine.as_str()),
            ("type", "WSAF_SIB"),
        ])
    }

    /// What it is called where one line must do: a messaging engine's group by the name of the engine, any other in full.
    #[must_use]
    pub fn called(&self) -> String {
        self.messaging_engine().map_or_else(|| self.to_string(), str::to_owned)
    }

    /// The messaging engine whose instances are its members, if the name says so.
    #[must_use]
    pub fn messaging_engine(&self) -> Option<&str> {
        self.0.get("WSAF_SIB_MESSAGING_ENGINE").map(String::as_str)
    }

    /// The cluster to which the group belongs, if its name says so: quorum needs one.
    #[must_use]
    pub fn cluster(&self) -> Option<ClusterName> {
        self.0.get("WAS_CLUSTER").map(|cluster| ClusterName::from(cluster.as_str()))
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{key}={value}")?;
        }
        Ok(())
    }
}

/// How many members are activated, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PolicyKind {
    /// Every member.
    AllActive,
    /// So many members.
    MOfN(u32),
    /// Exactly one member.
    OneOfN,
    /// These members, without failover.
    Static(Vec<ProcessName>),
    /// None: somebody outside activates and deactivates (an external high availability framework).
    NoOperation,
}

/// How often an active member is asked whether it is alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IsAlive {
    /// As the core group service of the process says.
    #[default]
    ProcessValue,
    /// This often.
    Every(Duration),
    /// Never (`-1`).
    Never,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// `Default SIBus Policy`.
    pub name: String,
    /// How many members are activated.
    pub kind: PolicyKind,
    /// Pairs that a group's name must contain.
    pub match_criteria: BTreeMap<String, String>,
    /// Where members are activated first, in this order.
    pub preferred_servers: Vec<ProcessName>,
    /// Whether members are activated on preferred servers only.
    pub preferred_servers_only: bool,
    /// Whether the active member moves as soon as a more preferred server is available.
    pub fail_back: bool,
    /// Whether nobody is activated below a majority of the cluster's members.
    pub quorum: bool,
    /// How often active members are asked whether they are alive.
    pub is_alive: IsAlive,
}

/// Why a policy cannot govern messaging engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsupportedPolicy {
    /// The policy's type.
    pub kind: &'static str,
}

impl fmt::Display for UnsupportedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind;
        write!(f, "{kind} is not supported for messaging engines: two active instances risk corrupting data")
    }
}

impl std::error::Error for UnsupportedPolicy {}

impl Policy {
    /// A One of N policy with these match criteria and nothing else.
    #[must_use]
    pub fn one_of_n(name: &str, match_criteria: &[(&str, &str)]) -> Self {
        Policy {
            name: name.to_owned(),
            kind: PolicyKind::OneOfN,
            match_criteria: GroupName::new(match_criteria).0,
            preferred_servers: Vec::new(),
            preferred_servers_only: false,
            fail_back: false,
            quorum: false,
            is_alive: IsAlive::ProcessValue,
        }
    }

    /// `Default SIBus Policy`: One of N for every messaging engine, asked every 120 s, no preferred server, no fail back.
    #[must_use]
    pub fn default_service_integration() -> Self {
        let policy = Policy::one_of_n("Default SIBus Policy", &[("type", "WSAF_SIB")]);
        Policy { is_alive: IsAlive::Every(Duration::from_secs(120)), ..policy }
    }

    /// Whether the policy may govern messaging engines.
    ///
    /// # Errors
    ///
    /// All active and M of N: risk of data corruption.
    pub fn check_for_service_integration(&self) -> Result<(), UnsupportedPolicy> {
        match self.kind {
            PolicyKind::AllActive => Err(UnsupportedPolicy { kind: "All active" }),
            PolicyKind::MOfN(_) => Err(UnsupportedPolicy { kind: "M of N" }),
            PolicyKind::OneOfN | PolicyKind::Static(_) | PolicyKind::NoOperation => Ok(()),
        }
    }

    fn matches(&self, group: &GroupName) -> bool {
        self.match_criteria.iter().all(|(key, value)| group.0.get(key) == Some(value))
    }
}

/// Which policy governs a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match<'a> {
    /// This one.
    Governed(&'a Policy),
    /// Several match equally well.
    Ambiguous,
    /// None matches: nobody is activated.
    None,
}

/// The policies of a core group. Of two sets that meet when partitions merge, the one with the higher revision is
/// pushed to everybody.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PolicySet {
    /// Grows with every change.
    pub revision: u32,
    /// The policies.
    pub policies: Vec<Policy>,
}

/// What an administrator changes of a set. Policies are objects of their own: those that are not named stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PolicyChange {
    /// Policies that go, by name; this comes first.
    pub remove: Vec<String>,
    /// Policies that come, or take the place of those of the same names.
    pub save: Vec<Policy>,
}

impl fmt::Display for PolicyChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let removed = self.remove.iter().map(|name| format!("remove policy {name}"));
        let saved = self.save.iter().map(|policy| format!("save policy {}: {policy}", policy.name));
        let parts: Vec<String> = removed.chain(saved).collect();
        f.write_str(&parts.join("; "))
    }
}

impl Policy {
    /// Where it wants a member, as the rest of a sentence: `, preferred servers server3, fail back`.
    #[must_use]
    pub fn placement(&self) -> String {
        let mut text = String::new();
        if !self.preferred_servers.is_empty() {
            let only = if self.preferred_servers_only { "only on " } else { "" };
            let fail_back = if self.fail_back { "fail back" } else { "no fail back" };
            text = format!(", {only}preferred servers {}, {fail_back}", listed(&self.preferred_servers));
        }
        if self.quorum {
            text.push_str(", quorum");
        }
        text
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            PolicyKind::AllActive => f.write_str("All active")?,
            PolicyKind::MOfN(number) => write!(f, "{number} of N")?,
            PolicyKind::OneOfN => f.write_str("One of N")?,
            PolicyKind::Static(servers) => write!(f, "Static on {}", listed(servers))?,
            PolicyKind::NoOperation => f.write_str("No operation")?,
        }
        f.write_str(&self.placement())
    }
}

fn listed(servers: &[ProcessName]) -> String {
    servers.iter().map(ProcessName::as_str).collect::<Vec<_>>().join(", ")
}

impl Default for PolicySet {
    fn default() -> Self {
        PolicySet { revision: 0, policies: vec![Policy::default_service_integration()] }
    }
}

impl PolicySet {
    /// These policies and, unless it is one of them, the product's default for messaging engines.
    #[must_use]
    pub fn with_default(policies: Vec<Policy>) -> Self {
        let set = PolicySet::default().changed(&PolicyChange { remove: Vec::new(), save: policies });
        PolicySet { revision: 0, ..set }
    }

    /// The same set after a change.
    #[must_use]
    pub fn changed(&self, change: &PolicyChange) -> PolicySet {
        let PolicySet { revision, mut policies } = self.clone();
        policies.retain(|policy| !change.remove.contains(&policy.name));
        for policy in &change.save {
            match policies.iter_mut().find(|old| old.name == policy.name) {
                Some(old) => *old = policy.clone(),
                None => policies.push(policy.clone()),
            }
        }
        PolicySet { revision: revision + 1, policies }
    }

    /// How often an active member of a group is asked whether it is alive, on a process whose core group service says so
    /// about those of which their policy does not: `None` for never.
    #[must_use]
    pub fn is_alive_interval(&self, group: &GroupName, of_process: Option<Duration>) -> Option<Duration> {
        let Match::Governed(policy) = self.best_match(group) else { return of_process };
        match policy.is_alive {
            IsAlive::ProcessValue => of_process,
            IsAlive::Every(interval) => Some(interval),
            IsAlive::Never => None,
        }
    }

    /// Every policy that matches a group as well as any other does.
    #[must_use]
    pub fn best_matches(&self, group: &GroupName) -> Vec<&Policy> {
        let matching = || self.policies.iter().filter(|policy| policy.matches(group));
        let most = matching().map(|policy| policy.match_criteria.len()).max();
        matching().filter(|policy| Some(policy.match_criteria.len()) == most).collect()
    }

    /// The policy that governs a group.
    #[must_use]
    pub fn best_match(&self, group: &GroupName) -> Match<'_> {
        match self.best_matches(group)[..] {
            [] => Match::None,
            [policy] => Match::Governed(policy),
            _ => Match::Ambiguous,
        }
    }
}
