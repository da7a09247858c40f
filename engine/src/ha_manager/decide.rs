//! What a policy says of the members of one group: a pure function.
//!
//! Documented: IBM WebSphere Application Server Network Deployment, "High availability group policies", "Preferred servers
//! and messaging engines"; "Quorum" in "Core group policy settings". A move (fail back) is one step at a time: deactivate,
//! wait until it is idle, activate elsewhere.
//!
//! Undocumented, and chosen here: of several servers that are equally good the lexically first is taken. Of several
//! active members, which meet after a merge, one is kept and the others are deactivated: one that has not failed before
//! one that has, one that is fully activated before one that is still activating, with fail back the more preferred one,
//! then the one that was activated in the later view, then as [`TieBreak`] says. A singleton that has a lock cannot have
//! been activated a second time before the lock was lost by the first: of two engines that have started, the later one
//! owns the message store.
//!
//! Documented for messaging engines, "Messaging engine recovery from exception conditions": after a common mode error
//! nothing is failed over ([`Condition::FailedEverywhere`]).

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

/// What the host of a member has said of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// Nothing is wrong.
    #[default]
    Sound,
    /// It has failed here, and may do better elsewhere. That alone moves nothing: the next is-alive check will.
    FailedHere,
    /// It has failed as it would anywhere, until its process starts again.
    FailedEverywhere,
}

/// A member of a group, as its process tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupMember {
    /// Its state.
    pub state: MemberState,
    /// How it is.
    pub condition: Condition,
    /// Number of the view in which it was activated, if it is active.
    pub activated_in: u64,
}

impl GroupMember {
    /// A member that has just joined.
    pub const IDLE: GroupMember =
        GroupMember { state: MemberState::Idle, condition: Condition::Sound, activated_in: 0 };
}

/// A member of a group as the coordinator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its process.
    pub process: ProcessName,
    /// What that has told.
    pub member: GroupMember,
    /// Whether its process may be given work at all.
    pub allow_activation: bool,
}

impl Candidate {
    const fn is_active(&self) -> bool {
        self.member.state.is_active()
    }
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
        let active = candidates.iter().filter(|candidate| candidate.is_active());
        let order = |candidate: &Candidate| match on_quorum_loss {
            OnQuorumLoss::Terminate => Decision::Terminate(candidate.process.clone()),
            OnQuorumLoss::Deactivate => Decision::Deactivate(candidate.process.clone()),
        };
        return active.map(order).collect();
    }
    let has_failed_everywhere = |candidate: &Candidate| candidate.member.condition == Condition::FailedEverywhere;
    let serves = |candidate: &Candidate| candidate.is_active() && !has_failed_everywhere(candidate);
    if candidates.iter().any(has_failed_everywhere) && !candidates.iter().any(serves) {
        return Vec::new();
    }
    match &policy.kind {
        PolicyKind::NoOperation => Vec::new(),
        PolicyKind::AllActive => activate_all(candidates, |_| true),
        PolicyKind::Static(servers) => {
            let outside = |candidate: &&Candidate| candidate.is_active() && !servers.contains(&candidate.process);
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
    let member = &candidate.member;
    member.state == MemberState::Idle && member.condition != Condition::FailedEverywhere && candidate.allow_activation
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
    let mut active: Vec<&Candidate> = candidates.iter().filter(|candidate| candidate.is_active()).collect();
    match tie_break {
        TieBreak::LexicallyFirst => active.sort_by_key(|candidate| candidate.process.clone()),
        TieBreak::LexicallyLast => active.sort_by_key(|candidate| Reverse(candidate.process.clone())),
    }
    active.sort_by_key(|candidate| {
        let GroupMember { state, condition, activated_in } = candidate.member;
        // A list without fail back says where members are activated first, not where they are to be.
        let preference = if policy.fail_back { preference(policy, &candidate.process) } else { usize::MAX };
        (condition, state != MemberState::Activated, preference, Reverse(activated_in))
    });
    if active.len() > wanted {
        return active[wanted..].iter().map(|candidate| Decision::Deactivate(candidate.process.clone())).collect();
    }
    // One that is being deactivated still holds its place: nobody else may start before it has ended.
    let leaving = candidates.iter().filter(|candidate| candidate.member.state == MemberState::Deactivating).count();
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
    let settled = leaving == 0 && active.iter().all(|candidate| candidate.member.state == MemberState::Activated);
    if policy.fail_back
        && settled
        && let (Some(best), Some(worst)) = (idle.first(), active.last())
        && preference(policy, &best.process) < preference(policy, &worst.process)
    {
        return vec![Decision::Deactivate(worst.process.clone())];
    }
    Vec::new()
}
