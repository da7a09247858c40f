//! Views: members that can talk to each other and have agreed on it.
//!
//! Whoever would be coordinator of those it is connected to proposes; the others agree, telling whom they are connected
//! to, or disagree because they know a better coordinator. The view is then the proposer and, in the order of their rank,
//! everybody who is connected to all that were taken before. Who has no place in it, or did not answer, is kept apart
//! until the next discovery; so one-way and partial connectivity cost a round each discovery interval, and no more.
//! When partitions can talk again, connections come up one by one. A view merges as a whole: its members are taken when
//! all of them can be, not one after the other, which would cost a majority its quorum. That is waited for no longer than
//! a discovery interval: a link that stays broken must not keep two halves apart.
//! The product's protocol ("Core group view synchrony protocol") is documented by its result only.

use std::collections::{BTreeMap, BTreeSet};

use super::frame::{CoreGroupFrame, View, ViewId};
use super::manager::HaManager;
use crate::defect::Defect;
use crate::event::Event;
use crate::machine::{Effect, Effects};
use crate::name::ProcessName;
use crate::step::Step;
use crate::time::Time;

/// What a member said to a proposal: its view until now, and whom it can talk to.
pub(super) type Answer = (View, BTreeSet<ProcessName>);

/// How far this member is on its way to a new view.
#[derive(Debug)]
pub(super) enum Agreement {
    /// The view is right.
    Quiet,
    /// Connectivity has changed and may change further.
    Settling,
    /// This member has proposed a view.
    Proposing { outstanding: BTreeSet<ProcessName>, answers: BTreeMap<ProcessName, Answer> },
    /// That one is to install a view.
    Awaiting { leader: ProcessName },
}

impl HaManager {
    fn connected(&self) -> BTreeSet<ProcessName> {
        let up = self.links.iter().filter(|(_, link)| link.is_up()).map(|(peer, _)| peer.clone());
        up.chain([self.own.clone()]).collect()
    }

    fn desired(&self) -> BTreeSet<ProcessName> {
        self.connected().difference(&self.apart).cloned().collect()
    }

    fn leader(&self) -> ProcessName {
        let desired = self.desired();
        self.definition.coordinator_of(&desired).unwrap_or(&self.own).clone()
    }

    /// Connectivity may have changed: is the view still right?
    pub(super) fn consider_view(&mut self, now: Time, effects: &mut Effects) {
        if !self.running {
            return;
        }
        let is_right = !self.is_view_doubted && !self.was_link_lost && self.desired() == self.view.members;
        let settle = match &self.agreement {
            Agreement::Proposing { .. } | Agreement::Settling => false,
            Agreement::Awaiting { leader } => *leader != self.leader(),
            Agreement::Quiet => !is_right,
        };
        if settle {
            self.agreement = Agreement::Settling;
            self.set_view_timer(now + self.definition.view_settle_time, effects);
        }
    }

    fn set_view_timer(&mut self, at: Time, effects: &mut Effects) {
        effects.push(Effect::SetTimer { timer: self.view_timer, at });
    }

    pub(super) fn view_time(&mut self, now: Time, effects: &mut Effects) {
        match std::mem::replace(&mut self.agreement, Agreement::Quiet) {
            Agreement::Quiet => {}
            Agreement::Settling => {
                let leader = self.leader();
                if leader == self.own {
                    self.propose(now, effects);
                } else {
                    self.tell(&leader, CoreGroupFrame::RequestView, effects);
                    self.wait_for(now, leader, effects);
                }
            }
            Agreement::Proposing { outstanding, answers } => {
                for member in outstanding {
                    self.suspect(member, effects);
                }
                self.conclude(now, &answers, effects);
            }
            Agreement::Awaiting { leader } => {
                self.promised = None;
                self.suspect(leader, effects);
                self.consider_view(now, effects);
            }
        }
    }

    fn suspect(&mut self, member: ProcessName, effects: &mut Effects) {
        let why = "does not agree to a view in time";
        effects.report(Event::CoreGroupMemberSuspected { member: member.clone(), why });
        self.apart.insert(member);
    }

    /// Longer than a round, so that a leader can suspect others before it is itself suspected.
    fn wait_for(&mut self, now: Time, leader: ProcessName, effects: &mut Effects) {
        self.agreement = Agreement::Awaiting { leader };
        self.set_view_timer(now + self.definition.view_agreement_time.saturating_mul(3), effects);
    }

    pub(super) fn view_requested(&mut self, now: Time, from: &ProcessName, effects: &mut Effects) {
        self.apart.remove(from);
        self.is_view_doubted = true;
        self.consider_view(now, effects);
    }

    fn propose(&mut self, now: Time, effects: &mut Effects) {
        self.round += 1;
        self.promised = None;
        let mut outstanding = self.desired();
        outstanding.remove(&self.own);
        for member in &outstanding {
            self.tell(member, CoreGroupFrame::Propose { round: self.round }, effects);
        }
        effects.step(Step::ViewProposed);
        self.agreement = Agreement::Proposing { outstanding, answers: BTreeMap::new() };
        self.set_view_timer(now + self.definition.view_agreement_time, effects);
        self.conclude_if_answered(now, effects);
    }

    pub(super) fn proposed(&mut self, now: Time, from: ProcessName, round: u64, effects: &mut Effects) {
        self.apart.remove(&from);
        if self.leader() != from {
            self.tell(&from, CoreGroupFrame::Disagree { round }, effects);
            return;
        }
        let connected = self.connected();
        let current = self.view.clone();
        self.tell(&from, CoreGroupFrame::Agree { round, current, connected: connected.clone() }, effects);
        self.promised = Some((from.clone(), round, connected));
        self.wait_for(now, from, effects);
    }

    pub(super) fn agreed(
        &mut self,
        now: Time,
        from: ProcessName,
        to: u64,
        current: View,
        connected: BTreeSet<ProcessName>,
        effects: &mut Effects,
    ) {
        if let Agreement::Proposing { outstanding, answers } = &mut self.agreement
            && to == self.round
            && outstanding.remove(&from)
        {
            answers.insert(from, (current, connected));
            self.conclude_if_answered(now, effects);
        }
    }

    pub(super) fn disagreed(&mut self, now: Time, from: &ProcessName, to: u64, effects: &mut Effects) {
        if to == self.round && matches!(self.agreement, Agreement::Proposing { .. }) {
            self.apart.insert(from.clone());
            self.answer_lost(now, from, effects);
        }
    }

    /// No answer is to be expected of a member, and none that it gave counts.
    pub(super) fn answer_lost(&mut self, now: Time, from: &ProcessName, effects: &mut Effects) {
        if let Agreement::Proposing { outstanding, answers } = &mut self.agreement {
            outstanding.remove(from);
            answers.remove(from);
            self.conclude_if_answered(now, effects);
        }
    }

    fn conclude_if_answered(&mut self, now: Time, effects: &mut Effects) {
        match std::mem::replace(&mut self.agreement, Agreement::Quiet) {
            Agreement::Proposing { outstanding, answers } if outstanding.is_empty() => {
                self.conclude(now, &answers, effects);
            }
            other => self.agreement = other,
        }
    }

    fn conclude(&mut self, now: Time, answers: &BTreeMap<ProcessName, Answer>, effects: &mut Effects) {
        let incomplete = self.incomplete_views(now, answers);
        let mut by_rank: Vec<&ProcessName> = answers.keys().collect();
        by_rank.sort_by_key(|member| self.definition.coordinator_rank(member));
        let mut members = BTreeSet::from([self.own.clone()]);
        for member in by_rank {
            let (current, connected) = &answers[member];
            let can_talk = |other: &ProcessName| {
                connected.contains(other) && answers.get(other).is_none_or(|(_, others)| others.contains(member))
            };
            if !incomplete.contains(&current.id) && members.iter().all(can_talk) {
                members.insert(member.clone());
            } else {
                self.apart.insert(member.clone());
                self.tell(member, CoreGroupFrame::Excluded, effects);
            }
        }
        let same = |member: &ProcessName| answers.get(member).is_none_or(|(current, _)| current.id == self.view.id);
        let is_same = !self.was_link_lost && members == self.view.members && members.iter().all(same);
        let view = if is_same {
            self.view.clone()
        } else {
            let numbers = answers.values().map(|(current, _)| current.id.number);
            let number = numbers.chain([self.view.id.number]).max().unwrap_or_default() + 1;
            View { id: ViewId { number, coordinator: self.own.clone() }, members }
        };
        effects.step(Step::ViewAgreed);
        for member in view.members.iter().filter(|member| **member != self.own) {
            self.tell(member, CoreGroupFrame::Install { round: self.round, view: view.clone() }, effects);
        }
        self.install(now, view, effects);
    }

    /// Other views of which some members have answered and some, though connected to those, have not: they are still
    /// being connected. Not those for which that was so a discovery interval ago.
    fn incomplete_views(&mut self, now: Time, answers: &BTreeMap<ProcessName, Answer>) -> BTreeSet<ViewId> {
        let is_here = |member: &ProcessName| *member == self.own || answers.contains_key(member);
        let incomplete: BTreeSet<ViewId> = answers
            .values()
            .filter(|(current, connected)| {
                current.id != self.view.id && current.members.intersection(connected).any(|member| !is_here(member))
            })
            .map(|(current, _)| current.id.clone())
            .collect();
        self.incomplete_since.retain(|view, _| incomplete.contains(view));
        for view in incomplete {
            self.incomplete_since.entry(view).or_insert(now);
        }
        let patience = self.definition.discovery_interval;
        let waits = |since: &Time| now < *since + patience;
        self.incomplete_since.iter().filter(|(_, since)| waits(since)).map(|(view, _)| view.clone()).collect()
    }

    pub(super) fn excluded(&mut self, now: Time, from: ProcessName, effects: &mut Effects) {
        if matches!(&self.agreement, Agreement::Awaiting { leader } if *leader == from) {
            self.agreement = Agreement::Quiet;
            self.promised = None;
        }
        self.apart.insert(from);
        self.consider_view(now, effects);
    }

    pub(super) fn told_to_install(
        &mut self,
        now: Time,
        from: &ProcessName,
        round: u64,
        view: View,
        effects: &mut Effects,
    ) {
        let is_promised = self.promised.as_ref().is_some_and(|(leader, to, _)| leader == from && *to == round);
        if !is_promised {
            return;
        }
        if let Some((_, _, connected)) = self.promised.take() {
            // Whoever was connected to us and is not in the view has no place in it, for now.
            self.apart.extend(connected.into_iter().filter(|member| !view.members.contains(member)));
        }
        self.install(now, view, effects);
    }

    fn install(&mut self, now: Time, view: View, effects: &mut Effects) {
        assert!(view.members.contains(&self.own), "a member installs views only that it is in");
        self.agreement = Agreement::Quiet;
        effects.push(Effect::CancelTimer { timer: self.view_timer });
        self.is_view_doubted = false;
        self.was_link_lost = view.members.iter().any(|member| *member != self.own && !self.is_connected(member));
        if view.id != self.view.id {
            self.enter(view, effects);
            self.coordinate(now, effects);
        }
        self.consider_view(now, effects);
    }

    fn enter(&mut self, view: View, effects: &mut Effects) {
        let was_coordinator = self.is_coordinator();
        let goes_on = Defect::TwoCoordinatorsAfterMerge.is_planted()
            && (was_coordinator || self.jurisdiction.is_some())
            && self.is_initialised;
        let governed = self.jurisdiction.take().unwrap_or_else(|| self.view.members.clone());
        self.jurisdiction = goes_on.then(|| governed.intersection(&view.members).cloned().collect());
        self.view = view;
        self.is_initialised |= self.view.members.len() >= self.definition.minimum_members_at_start;
        self.orders_taken.clear();
        self.orders_sent.clear();
        self.pending.clear();
        self.told.clear();
        let coordinator = self.view.id.coordinator.clone();
        effects.report(Event::ViewInstalled { members: self.view.members.len(), coordinator });
        match (was_coordinator, self.is_coordinator()) {
            (true, false) => effects.report(Event::CoordinatorLost {}),
            (false, true) => effects.report(Event::CoordinatorElected {}),
            (true, true) | (false, false) => {}
        }
        for other in self.connected().difference(&self.view.members) {
            self.tell(other, CoreGroupFrame::Elsewhere(self.view.id.clone()), effects);
        }
        self.report_to_view(effects);
        self.refresh_board();
    }

    pub(super) fn is_elsewhere(&mut self, now: Time, from: &ProcessName, id: &ViewId, effects: &mut Effects) {
        if self.view.members.contains(from) && *id != self.view.id {
            self.is_view_doubted = true;
            self.consider_view(now, effects);
        }
    }
}
