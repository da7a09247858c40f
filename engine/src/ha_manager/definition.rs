//! What an administrator says of a core group.
//!
//! Documented: IBM WebSphere Application Server Network Deployment, "Core group settings", "Core group custom properties"
//! (`IBM_CS_FD_PERIOD_SECS`, `IBM_CS_FD_CONSECUTIVE_MISSED`), "Core group service settings".

use super::policy::PolicySet;
use crate::machine::Silence;
use crate::name::{Address, ClusterName, CoreGroupName, ProcessName};
use crate::time::Duration;

/// A member of a core group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberDefinition {
    /// The process.
    pub process: ProcessName,
    /// Where its core group transport listens.
    pub address: Address,
    /// The cluster it belongs to, if it is an application server of one.
    pub cluster: Option<ClusterName>,
    /// Whether members of groups may be activated in it.
    pub allow_activation: bool,
}

/// What happens to an active member whose view has lost quorum. Documented only in old books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnQuorumLoss {
    /// Its process ends, as old books say.
    #[default]
    Terminate,
    /// It is deactivated.
    Deactivate,
}

/// Which of two active members is kept after a merge, if nothing else tells them apart. Undocumented: the default is our
/// choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TieBreak {
    /// The one with the lexically first name.
    #[default]
    LexicallyFirst,
    /// The one with the lexically last name.
    LexicallyLast,
}

/// A core group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreGroupDefinition {
    /// `DefaultCoreGroup`.
    pub name: CoreGroupName,
    /// Its members.
    pub members: Vec<MemberDefinition>,
    /// Who becomes coordinator, in this order; without one of them in the view, the lexically lowest name.
    pub preferred_coordinators: Vec<ProcessName>,
    /// How often a heartbeat is sent on every connection.
    pub heartbeat_period: Duration,
    /// How many missed heartbeats make a member suspected.
    pub missed_heartbeats: u32,
    /// How often unconnected members are tried again.
    pub discovery_interval: Duration,
    /// How often active members are asked whether they are alive, if the policy does not say; `None`: never.
    pub is_alive_interval: Option<Duration>,
    /// How many members a view must have had before the first activation. The product's manager does not initialise
    /// alone; that it goes on alone later is an inference.
    pub minimum_members_at_start: usize,
    /// How long a changed connectivity settles before a view is proposed. Undocumented; must not be zero, since it is
    /// what keeps one-way connectivity from changing views in no time.
    pub view_settle_time: Duration,
    /// How long members have to agree to a view before they are suspected. Undocumented.
    pub view_agreement_time: Duration,
    /// What happens to an active member whose view has lost quorum.
    pub on_quorum_loss: OnQuorumLoss,
    /// Which of two active members is kept after a merge.
    pub tie_break: TieBreak,
    /// The policies.
    pub policies: PolicySet,
}

impl CoreGroupDefinition {
    /// A core group of these members with the product's defaults.
    #[must_use]
    pub fn new(name: CoreGroupName, members: Vec<MemberDefinition>) -> Self {
        CoreGroupDefinition {
            name,
            members,
            preferred_coordinators: Vec::new(),
            heartbeat_period: Duration::from_secs(30),
            missed_heartbeats: 6,
            discovery_interval: Duration::from_secs(60),
            is_alive_interval: Some(Duration::from_secs(120)),
            minimum_members_at_start: 2,
            view_settle_time: Duration::from_millis(100),
            view_agreement_time: Duration::from_secs(5),
            on_quorum_loss: OnQuorumLoss::default(),
            tie_break: TieBreak::default(),
            policies: PolicySet::default(),
        }
    }

    /// How long a member may be silent before it is suspected.
    #[must_use]
    pub fn silence(&self) -> Duration {
        self.heartbeat_period.saturating_mul(self.missed_heartbeats)
    }

    /// The heartbeats of its connections.
    #[must_use]
    pub fn heartbeats(&self) -> Silence {
        Silence::Heartbeats { every: self.heartbeat_period, timeout: self.silence() }
    }

    /// The definition of a member.
    #[must_use]
    pub fn member(&self, process: &ProcessName) -> Option<&MemberDefinition> {
        self.members.iter().find(|member| member.process == *process)
    }

    /// What coordinators are elected by; the smallest wins.
    pub(super) fn coordinator_rank(&self, process: &ProcessName) -> (usize, ProcessName) {
        let preferred = self.preferred_coordinators.iter().position(|preferred| preferred == process);
        (preferred.unwrap_or(usize::MAX), process.clone())
    }

    /// Who of these becomes coordinator.
    #[must_use]
    pub fn coordinator_of<'a>(&self, members: impl IntoIterator<Item = &'a ProcessName>) -> Option<&'a ProcessName> {
        members.into_iter().min_by_key(|member| self.coordinator_rank(member))
    }
}
