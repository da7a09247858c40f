//! What a policy says of the members of one group: a pure function.
//!
//! Documented: IBM WebSphere Application Server Network Deployment, "High availability group policies", "Preferred servers
//! and messaging engines"; "Quorum" in "Core group policy settings". A move (fail back) is one step at a time: deactivate,
//! wait until it is idle, activate elsewhere.
//!
//! Undocumented, and chosen here: of several servers that are equally good the lexically first is taken; of two active
//! members (after a merge) one that is fully activated is kept before one that is still activating, then the more
//! preferred, then as [`TieBreak`] says.

use std::cmp::Reverse;

use super::definition::{OnQuorumLoss, TieBreak};
use super::policy::{Policy, PolicyKind};
use crate::defect::Defect;
use crate::name::ProcessName;

/// State of a member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberState {
    /// Ready to be activated: a healthy standby.
    Idle,
    /// Told to become active.
    Activating,
    /// Active.
    Activated,
    /// Told to become idle.
    Deactivating,
    /// Not to be activated until it is enabled.
    Disabled,
}

impl MemberState {
    /// Whether it is active, or about to be.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, MemberState::Activating | MemberState::Activated)
    }
}

/// A member of a group as the coordinator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its process.
    pub process: ProcessName,
    /// Its state.
    pub state: MemberState,
    /// Whether its process may be given work at all.
    pub allow_activation: bool,
}

/// What the coordinator orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Becomes active.
    Activate(ProcessName),
    /// Becomes idle.
    Deactivate(ProcessName),
    /// Its process ends: it is active and quorum is lost.
    Terminate(ProcessName),
}

/// What the policy says of these members of a group.
#[must_use]
pub fn decide(
    policy: &Policy,
    candidates: &[Candidate],
    has_quorum: bool,
    on_quorum_loss: OnQuorumLoss,
    tie_break: TieBreak,
) -> Vec<Decision> {
    if policy.kind == PolicyKind::NoOperation {
        return Vec::new();
    }
    if policy.quorum && !has_quorum && !Defect::QuorumIgnored.is_planted() {
        let active = candidates.iter().filter(|candidate| candidate.state.is_active());
        let order = |candidate: &Candidate| match on_quorum_loss {
            OnQuorumLoss::Terminate => Decision::Terminate(candidate.process.clone()),
            OnQuorumLoss::Deactivate => Decision::Deactivate(candidate.process.clone()),
        };
        return active.map(order).collect();
    }
    match &policy.kind {
        PolicyKind::NoOperation => Vec::new(),
        PolicyKind::AllActive => activate_all(candidates, |_| true),
        PolicyKind::Static(servers) => {
            let outside = |candidate: &&Candidate| candidate.state.is_active() && !servers.contains(&candidate.process);
            let mut decisions = activate_all(candidates, |process| servers.contains(process));
            let surplus = candidates.iter().filter(outside);
            decisions.extend(surplus.map(|candidate| Decision::Deactivate(candidate.process.clone())));
            decisions
        }
        PolicyKind::OneOfN => some(policy, candidates, 1, tie_break),
        PolicyKind::MOfN(wanted) => some(policy, candidates, *wanted as usize, tie_break),
    }
}

fn may_be_activated(candidate: &Candidate) -> bool {
    candidate.state == MemberState::Idle && candidate.allow_activation
}

fn activate_all(candidates: &[Candidate], wanted: impl Fn(&ProcessName) -> bool) -> Vec<Decision> {
    let idle = candidates.iter().filter(|candidate| may_be_activated(candidate) && wanted(&candidate.process));
    idle.map(|candidate| Decision::Activate(candidate.process.clone())).collect()
}

/// Place in the list of preferred servers; smaller is better.
fn preference(policy: &Policy, process: &ProcessName) -> usize {
    if Defect::PreferredListIgnored.is_planted() {
        return usize::MAX;
    }
    policy.preferred_servers.iter().position(|preferred| preferred == process).unwrap_or(usize::MAX)
}

fn some(policy: &Policy, candidates: &[Candidate], wanted: usize, tie_break: TieBreak) -> Vec<Decision> {
    let mut active: Vec<&Candidate> = candidates.iter().filter(|candidate| candidate.state.is_active()).collect();
    match tie_break {
        TieBreak::LexicallyFirst => active.sort_by_key(|candidate| candidate.process.clone()),
        TieBreak::LexicallyLast => active.sort_by_key(|candidate| Reverse(candidate.process.clone())),
    }
    active.sort_by_key(|candidate| (candidate.state != MemberState::Activated, preference(policy, &candidate.process)));
    if active.len() > wanted {
        return active[wanted..].iter().map(|candidate| Decision::Deactivate(candidate.process.clone())).collect();
    }
    // One that is being deactivated still holds its place: nobody else may start before it has ended.
    let leaving = candidates.iter().filter(|candidate| candidate.state == MemberState::Deactivating).count();
    let eligible = |candidate: &&Candidate| {
        may_be_activated(candidate)
            && (!policy.preferred_servers_only
                || preference(policy, &candidate.process) != usize::MAX
                || Defect::PreferredListIgnored.is_planted())
    };
    let mut idle: Vec<&Candidate> = candidates.iter().filter(eligible).collect();
    idle.sort_by_key(|candidate| (preference(policy, &candidate.process), candidate.process.clone()));
    let free = wanted.saturating_sub(active.len() + leaving);
    if free > 0 {
        return idle.iter().take(free).map(|candidate| Decision::Activate(candidate.process.clone())).collect();
    }
    let settled = leaving == 0 && active.iter().all(|candidate| candidate.state == MemberState::Activated);
    if policy.fail_back
        && settled
        && let (Some(best), Some(worst)) = (idle.first(), active.last())
        && preference(policy, &best.process) < preference(policy, &worst.process)
    {
        return vec![Decision::Deactivate(worst.process.clone())];
    }
    Vec::new()
}
