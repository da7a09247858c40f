//! Matching, deciding, generating.

use proptest::prelude::*;

use super::world::{group, process};
use crate::ha_manager::assistance::PolicyAssistance;
use crate::ha_manager::decide::{Candidate, Decision, MemberState, decide};
use crate::ha_manager::definition::{OnQuorumLoss, TieBreak};
use crate::ha_manager::policy::{Match, Policy, PolicyKind, PolicySet};

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
        members in prop::collection::vec((state(), any::<bool>()), 1..6),
        preferred in prop::collection::vec(0..6usize, 0..4),
        preferred_servers_only: bool,
        fail_back: bool,
    ) {
        let preferred_servers = preferred.iter().map(|index| process(&format!("s{index}"))).collect();
        let policy = Policy { preferred_servers, preferred_servers_only, fail_back, ..Policy::one_of_n("p", &[]) };
        let member = |(index, &(state, allow_activation))| Candidate {
            process: process(&format!("s{index}")), state, allow_activation,
        };
        let mut candidates: Vec<Candidate> = members.iter().enumerate().map(member).collect();
        let mut rounds = 0;
        loop {
            let active_before = candidates.iter().filter(|candidate| candidate.state.is_active()).count();
            let decisions = decide(&policy, &candidates, true, OnQuorumLoss::Terminate, TieBreak::LexicallyFirst);
            for decision in &decisions {
                let (name, state) = match decision {
                    Decision::Activate(name) => (name, MemberState::Activating),
                    Decision::Deactivate(name) => (name, MemberState::Deactivating),
                    Decision::Terminate(_) => unreachable!("quorum is there"),
                };
                candidates.iter_mut().find(|candidate| candidate.process == *name).expect("a member").state = state;
            }
            let active = candidates.iter().filter(|candidate| candidate.state.is_active()).count();
            prop_assert!(active <= active_before.max(1));
            let mut moved = !decisions.is_empty();
            for candidate in &mut candidates {
                let next = match candidate.state {
                    MemberState::Activating => MemberState::Activated,
                    MemberState::Deactivating => MemberState::Idle,
                    state => state,
                };
                moved |= next != candidate.state;
                candidate.state = next;
            }
            rounds += 1;
            prop_assert!(rounds < 20, "does not converge");
            if !moved {
                break;
            }
        }
        let may = |candidate: &&Candidate| candidate.allow_activation && candidate.state != MemberState::Disabled;
        let wanted = policy.preferred_servers.iter()
            .find_map(|name| candidates.iter().filter(may).find(|candidate| candidate.process == *name));
        let active: Vec<_> = candidates.iter().filter(|candidate| candidate.state.is_active()).collect();
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
