//! Matching, deciding, generating.

use proptest::prelude::*;

use super::world::{group, process};
use crate::ha_manager::assistance::PolicyAssistance;
use crate::ha_manager::decide::{Candidate, Condition, Decision, GroupMember, MemberState, decide};
use crate::ha_manager::definition::{OnQuorumLoss, TieBreak};
use crate::ha_manager::policy::{Match, Policy, PolicyChange, PolicyKind, PolicySet};
use crate::time::Duration;

#[test]
fn the_policy_with_most_pairs_governs_and_a_tie_is_ambiguous() {
    let own = Policy::one_of_n("own", &[("type", "WSAF_SIB"), ("WAS_CLUSTER", "c")]);
    let other = Policy::one_of_n("other", &[("type", "WSAF_SIB"), ("WSAF_SIB_MESSAGING_ENGINE", "c.000-b")]);
    let set = PolicySet::with_default(vec![own.clone()]);
    assert_eq!(set.best_match(&group()), Match::Governed(&own));
    assert_eq!(PolicySet::with_default(vec![own, other]).best_match(&group()), Match::Ambiguous);
    assert_eq!(PolicySet { revision: 0, policies: vec![] }.best_match(&group()), Match::None);
}

#[test]
fn the_default_policy_can_be_changed_like_any_other() {
    let patient = Policy { fail_back: true, ..Policy::default_service_integration() };
    let set = PolicySet::with_default(vec![patient.clone()]);
    assert_eq!((set.policies.len(), set.best_match(&group())), (1, Match::Governed(&patient)));
}

#[test]
fn a_change_concerns_the_policies_that_it_names() {
    let engine = |name: &str, engine: &str| {
        Policy::one_of_n(name, &[("type", "WSAF_SIB"), ("WSAF_SIB_MESSAGING_ENGINE", engine)])
    };
    let (one, other) = (engine("one", "c.000-b"), engine("other", "c.001-b"));
    let before = PolicySet::with_default(vec![one.clone(), other.clone()]);
    let moved = Policy { fail_back: true, ..one };
    let after = before.changed(&PolicyChange { remove: vec![], save: vec![moved.clone()] });
    let default = Policy::default_service_integration();
    assert_eq!(after.policies, [default.clone(), moved.clone(), other.clone()]);
    assert!(after.revision > before.revision);
    let after = after.changed(&PolicyChange { remove: vec!["other".into()], save: vec![] });
    assert_eq!(after.policies, [default, moved]);
}

#[test]
fn the_core_group_says_how_often_members_are_asked_only_where_their_policy_does_not() {
    let of_process = Some(Duration::from_secs(10));
    let set = PolicySet::default();
    assert_eq!(set.is_alive_interval(&group(), of_process), Some(Duration::from_secs(120)));
    let own = Policy::one_of_n("own", &[("type", "WSAF_SIB"), ("WAS_CLUSTER", "c")]);
    assert_eq!(PolicySet::with_default(vec![own]).is_alive_interval(&group(), of_process), of_process);
}

/// What is ordered of s0 and s1, in this order, with s1 preferred and fail back.
fn ordered(members: [(MemberState, Condition); 2]) -> Vec<Decision> {
    let policy = Policy { preferred_servers: vec![process("s1")], fail_back: true, ..Policy::one_of_n("p", &[]) };
    let candidate = |(index, (state, condition))| Candidate {
        process: process(&format!("s{index}")),
        member: GroupMember { state, condition, activated_in: 1 },
        allow_activation: true,
    };
    let candidates: Vec<Candidate> = members.into_iter().enumerate().map(candidate).collect();
    decide(&policy, &candidates, true, OnQuorumLoss::Terminate, TieBreak::LexicallyFirst)
}

#[test]
fn after_a_common_mode_error_nobody_is_activated_or_moved() {
    use Condition::{FailedEverywhere, FailedHere, Sound};
    use MemberState::{Activated, Idle};
    assert_eq!(ordered([(Activated, FailedEverywhere), (Idle, Sound)]), []);
    assert_eq!(ordered([(Idle, FailedEverywhere), (Idle, Sound)]), []);
    assert_eq!(ordered([(Activated, Sound), (Idle, FailedEverywhere)]), []);
    assert_eq!(ordered([(Activated, FailedHere), (Idle, Sound)]), [Decision::Deactivate(process("s0"))], "fail back");
    // One serves all the same.
    assert_eq!(ordered([(Activated, Sound), (Activated, FailedEverywhere)]), [Decision::Deactivate(process("s1"))]);
}

#[test]
fn all_active_and_m_of_n_are_refused_for_messaging_engines() {
    for (kind, is_allowed) in [
        (PolicyKind::AllActive, false),
        (PolicyKind::MOfN(1), false),
        (PolicyKind::OneOfN, true),
        (PolicyKind::Static(vec![]), true),
        (PolicyKind::NoOperation, true),
    ] {
        let policy = Policy { kind, ..Policy::default_service_integration() };
        assert_eq!(policy.check_for_service_integration().is_ok(), is_allowed, "{policy:?}");
    }
}

#[test]
fn policy_assistance_generates_what_is_documented() {
    let servers = [process("s1"), process("s2"), process("s3")];
    let generate = |assistance: PolicyAssistance| assistance.generate(&"c".into(), &servers, &"b".into());
    let high = generate(PolicyAssistance::HighAvailability);
    assert_eq!((high.len(), high[0].preferred_servers_only, high[0].fail_back), (1, false, false));
    let scalable = generate(PolicyAssistance::Scalability);
    assert!(scalable.iter().all(|policy| policy.preferred_servers_only && policy.preferred_servers.len() == 1));
    let ring = generate(PolicyAssistance::ScalabilityWithHighAvailability);
    assert!(ring.iter().all(|policy| policy.preferred_servers_only && policy.fail_back));
    assert_eq!(ring[2].preferred_servers, [process("s3"), process("s1")]);
}

fn state() -> impl Strategy<Value = MemberState> {
    prop::sample::select(vec![
        MemberState::Idle,
        MemberState::Activating,
        MemberState::Activated,
        MemberState::Deactivating,
        MemberState::Disabled,
    ])
}

proptest! {
    #[test]
    fn one_of_n_converges_to_one_active_member_where_the_policy_wants_it(
        members in prop::collection::vec((state(), any::<bool>(), any::<bool>(), 0..3u64), 1..6),
        preferred in prop::collection::vec(0..6usize, 0..4),
        preferred_servers_only: bool,
        fail_back: bool,
    ) {
        let preferred_servers = preferred.iter().map(|index| process(&format!("s{index}"))).collect();
        let policy = Policy { preferred_servers, preferred_servers_only, fail_back, ..Policy::one_of_n("p", &[]) };
        let member = |(index, &(state, allow_activation, has_failed, activated_in))| {
            let condition = if has_failed { Condition::FailedHere } else { Condition::Sound };
            let member = GroupMember { state, condition, activated_in };
            Candidate { process: process(&format!("s{index}")), member, allow_activation }
        };
        let mut candidates: Vec<Candidate> = members.iter().enumerate().map(member).collect();
        let mut rounds = 0;
        loop {
            let is_active = |candidate: &&Candidate| candidate.member.state.is_active();
            let active_before = candidates.iter().filter(is_active).count();
            let decisions = decide(&policy, &candidates, true, OnQuorumLoss::Terminate, TieBreak::LexicallyFirst);
            for decision in &decisions {
                let (name, state) = match decision {
                    Decision::Activate(name) => (name, MemberState::Activating),
                    Decision::Deactivate(name) => (name, MemberState::Deactivating),
                    Decision::Terminate(_) => unreachable!("quorum is there"),
                };
                candidates.iter_mut().find(|candidate| candidate.process == *name).expect("a member").member.state = state;
            }
            let active = candidates.iter().filter(is_active).count();
            prop_assert!(active <= active_before.max(1));
            let mut moved = !decisions.is_empty();
            for candidate in &mut candidates {
                let next = match candidate.member.state {
                    MemberState::Activating => MemberState::Activated,
                    MemberState::Deactivating => MemberState::Idle,
                    state => state,
                };
                moved |= next != candidate.member.state;
                candidate.member.state = next;
            }
            rounds += 1;
            prop_assert!(rounds < 20, "does not converge");
            if !moved {
                break;
            }
        }
        let may = |candidate: &&Candidate| candidate.allow_activation && candidate.member.state != MemberState::Disabled;
        let wanted = policy.preferred_servers.iter()
            .find_map(|name| candidates.iter().filter(may).find(|candidate| candidate.process == *name));
        let active: Vec<_> = candidates.iter().filter(|candidate| candidate.member.state.is_active()).collect();
        prop_assert!(active.len() <= 1);
        if !preferred_servers_only && candidates.iter().any(|candidate| may(&candidate)) {
            prop_assert_eq!(active.len(), 1);
        }
        if let Some(wanted) = wanted {
            prop_assert_eq!(active.len(), 1);
            // A member that is active where it may not be activated any more is not driven away, unless by fail back.
            if fail_back {
                prop_assert!(active[0].process == wanted.process || !active[0].allow_activation);
            }
        }
    }
}
