//! The coordinator: rebuilds the state of all groups from the reports of its view's members, and runs their policies.
//!
//! Documented: "Core group coordinator". Whoever is coordinator of a view asks no earlier one: it waits until every
//! member has reported in this view. An order that a member has not taken yet holds up its group, no other.

use std::collections::BTreeSet;

use super::decide::{Candidate, Decision, MemberState, decide};
use super::frame::{CoreGroupFrame, MemberReport, OrderKind};
use super::manager::HaManager;
use super::policy::{GroupName, Match, Policy, PolicyKind};
use crate::event::Event;
use crate::machine::Effects;
use crate::name::ProcessName;
use crate::step::Step;
use crate::time::Time;

impl HaManager {
    pub(super) fn report_to_view(&self, effects: &mut Effects) {
        for member in self.view.members.iter().filter(|member| **member != self.own) {
            self.report_to(member, effects);
        }
    }

    pub(super) fn report_to(&self, member: &ProcessName, effects: &mut Effects) {
        let report = MemberReport {
            view: self.view.id.clone(),
            orders_taken: self.orders_taken.get(member).copied().unwrap_or_default(),
            groups: self.groups.clone(),
            posts: self.posts.clone(),
        };
        self.tell(member, CoreGroupFrame::Report(report), effects);
    }

    pub(super) fn reported(&mut self, now: Time, from: ProcessName, report: MemberReport, effects: &mut Effects) {
        if report.view == self.view.id {
            self.pending.retain(|(_, member), order| *member != from || *order > report.orders_taken);
        }
        self.reports.insert(from, report);
        self.refresh_board();
        self.coordinate(now, effects);
    }

    /// Runs the policies, if this member is the coordinator and knows enough.
    pub(super) fn coordinate(&mut self, now: Time, effects: &mut Effects) {
        let commands = self.is_coordinator() || self.jurisdiction.is_some();
        if !self.running || !commands || !self.is_initialised {
            return;
        }
        let members = self.jurisdiction.clone().unwrap_or_else(|| self.view.members.clone());
        let has_reported = |member: &&ProcessName| {
            **member == self.own || self.reports.get(*member).is_some_and(|report| report.view == self.view.id)
        };
        if !members.iter().all(|member| has_reported(&member)) {
            return;
        }
        let others = self.reports.iter().filter(|(member, _)| members.contains(*member));
        let joined = others.flat_map(|(_, report)| report.groups.keys());
        let groups: BTreeSet<GroupName> = joined.chain(self.groups.keys()).cloned().collect();
        for group in groups {
            if !self.pending.keys().any(|(held_up, _)| *held_up == group) {
                self.run_policy(now, &group, &members, effects);
            }
        }
    }

    fn run_policy(&mut self, now: Time, group: &GroupName, members: &BTreeSet<ProcessName>, effects: &mut Effects) {
        let policies = self.policies.clone();
        let policy = match policies.best_match(group) {
            Match::Governed(policy) => policy,
            Match::None => return,
            Match::Ambiguous => {
                if self.told.insert((group.clone(), "ambiguous")) {
                    effects.report(Event::AmbiguousPolicy { group: group.clone() });
                }
                return;
            }
        };
        let candidates: Vec<Candidate> = members.iter().filter_map(|member| self.candidate(group, member)).collect();
        let is_activated = |candidate: &&Candidate| candidate.member.state == MemberState::Activated;
        let active = candidates.iter().filter(is_activated).count();
        if policy.kind == PolicyKind::OneOfN && active > 1 && self.told.insert((group.clone(), "several")) {
            effects.report(Event::SeveralActiveMembers { group: group.clone(), active });
        }
        let has_quorum = self.has_quorum(group);
        if policy.quorum && !has_quorum && self.told.insert((group.clone(), "quorum")) {
            effects.report(Event::QuorumLost { group: group.clone() });
        }
        self.execute(now, group, policy, &candidates, has_quorum, effects);
    }

    fn execute(
        &mut self,
        now: Time,
        group: &GroupName,
        policy: &Policy,
        candidates: &[Candidate],
        has_quorum: bool,
        effects: &mut Effects,
    ) {
        let (on_loss, tie_break) = (self.definition.on_quorum_loss, self.definition.tie_break);
        for decision in decide(policy, candidates, has_quorum, on_loss, tie_break) {
            match decision {
                Decision::Activate(member) => {
                    effects.report(Event::ActivationOrdered { group: group.clone(), member: member.clone() });
                    self.order(now, group, member, OrderKind::Activate, effects);
                    effects.step(Step::ActivationSent);
                }
                Decision::Deactivate(member) => {
                    effects.report(Event::DeactivationOrdered { group: group.clone(), member: member.clone() });
                    self.order(now, group, member, OrderKind::Deactivate, effects);
                    effects.step(Step::DeactivationSent);
                }
                Decision::Terminate(member) => {
                    if self.told.insert((group.clone(), "terminate")) {
                        self.order(now, group, member, OrderKind::Terminate, effects);
                    }
                }
            }
        }
    }

    fn candidate(&self, group: &GroupName, member: &ProcessName) -> Option<Candidate> {
        let groups = if *member == self.own { &self.groups } else { &self.reports.get(member)?.groups };
        let allow_activation = self.definition.member(member).is_some_and(|member| member.allow_activation);
        Some(Candidate { process: member.clone(), member: *groups.get(group)?, allow_activation })
    }

    /// Whether a majority of the cluster that the group's name carries is in the view. Without a cluster in the name,
    /// quorum has no effect.
    fn has_quorum(&self, group: &GroupName) -> bool {
        let Some(cluster) = group.cluster() else { return true };
        let of_cluster = self.definition.members.iter().filter(|member| member.cluster.as_ref() == Some(&cluster));
        let (mut all, mut online) = (0, 0);
        for member in of_cluster {
            all += 1;
            online += usize::from(self.view.members.contains(&member.process));
        }
        all == 0 || online > all / 2
    }

    fn order(&mut self, now: Time, group: &GroupName, to: ProcessName, order: OrderKind, effects: &mut Effects) {
        if to == self.own {
            self.obey(now, group, order, effects);
            self.report_to_view(effects);
            return;
        }
        let frame = CoreGroupFrame::Order { view: self.view.id.clone(), group: group.clone(), order };
        self.tell(&to, frame, effects);
        let sent = self.orders_sent.entry(to.clone()).or_default();
        *sent += 1;
        self.pending.insert((group.clone(), to), *sent);
    }
}
