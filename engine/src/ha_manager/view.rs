//! Views: members that can talk to each other and have agreed on it.
//!
//! Whoever would be coordinator of those it is connected to proposes; the others agree, telling whom they are connected
//! to, or disagree because they know a better coordinator. Who is in the view follows from the answers
//! (`membership.rs`). Who has no place in it, or did not answer, is kept apart until the next discovery; so one-way and
//! partial connectivity cost a round each discovery interval, and no more.
//! When partitions can talk again, connections come up one by one, and two rules keep a view together meanwhile. It merges
//! as a whole; that is waited for no longer than a discovery interval: a link that stays broken must not keep two halves
//! apart. And a member that disagrees with a proposal of its own view, because it can reach a better coordinator already,
//! is not left out for that: the proposal is put off until that coordinator has taken all of them or has sent it back.
//! The product's protocol ("Core group view synchrony protocol") is documented by its result only.

use std::collections::{BTreeMap, BTreeSet};

use super::frame::{CoreGroupFrame, View, ViewId};
use super::manager::HaManager;
use super::membership::{Answer, Answers, are_companions};
use crate::defect::Defect;
use crate::event::Event;
use crate::machine::{Effect, Effects};
use crate::name::ProcessName;
use crate::step::Step;
use crate::time::Time;

/// How often the time doubles after which a proposal that was put off is made again.
const LONGEST_PUT_OFF: u32 = 5;

/// How far this member is on its way to a new view.
#[derive(Debug)]
pub(super) enum Agreement {
    /// The view is right.
    Quiet,
    /// Connectivity has changed and may change further.
    Settling,
    /// This member has proposed a view.
    Proposing(Proposal),
    /// That one is to install a view.
    Awaiting { leader: ProcessName },
}

/// What has become of a proposal so far.
#[derive(Debug)]
pub(super) struct Proposal {
    asked: BTreeSet<ProcessName>,
    outstanding: BTreeSet<ProcessName>,
    answers: BTreeMap<ProcessName, Answer>,
    /// Members of the proposer's own view that disagree.
    reluctant: BTreeSet<ProcessName>,
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
            Agreement::Proposing(_) | Agreement::Settling => false,
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
            Agreement::Proposing(mut proposal) => {
                for member in std::mem::take(&mut proposal.outstanding) {
                    self.suspect(member, effects);
                }
                self.conclude(now, &proposal, effects);
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
        let (asked, answers, reluctant) = (outstanding.clone(), BTreeMap::new(), BTreeSet::new());
        self.agreement = Agreement::Proposing(Proposal { asked, outstanding, answers, reluctant });
        self.set_view_timer(now + self.definition.view_agreement_time, effects);
        self.conclude_if_answered(now, effects);
    }

    pub(super) fn proposed(&mut self, now: Time, from: ProcessName, round: u64, effects: &mut Effects) {
        self.apart.remove(&from);
        if self.leader() != from {
            let current = self.view.clone();
            self.tell(&from, CoreGroupFrame::Disagree { round, current }, effects);
            if self.view.members.contains(&from) {
                // It waits for what the better coordinator makes of it.
                self.is_view_doubted = true;
                self.consider_view(now, effects);
            }
            return;
        }
        // If that one sends us back, we are to go on with what we have begun.
        self.is_view_doubted |= matches!(self.agreement, Agreement::Proposing(_));
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
        if let Agreement::Proposing(proposal) = &mut self.agreement
            && to == self.round
            && proposal.outstanding.remove(&from)
        {
            proposal.answers.insert(from, (current, connected));
            self.conclude_if_answered(now, effects);
        }
    }

    pub(super) fn disagreed(&mut self, now: Time, from: ProcessName, to: u64, current: &View, effects: &mut Effects) {
        let Agreement::Proposing(proposal) = &mut self.agreement else { return };
        if to != self.round || !proposal.outstanding.remove(&from) {
            return;
        }
        if are_companions(&self.own, &self.view, &from, current) {
            proposal.reluctant.insert(from);
        } else {
            self.apart.insert(from);
        }
        self.conclude_if_answered(now, effects);
    }

    /// No answer is to be expected of a member, and none that it gave counts.
    pub(super) fn answer_lost(&mut self, now: Time, from: &ProcessName, effects: &mut Effects) {
        if let Agreement::Proposing(proposal) = &mut self.agreement {
            proposal.outstanding.remove(from);
            proposal.answers.remove(from);
            proposal.reluctant.remove(from);
            self.conclude_if_answered(now, effects);
        }
    }

    fn conclude_if_answered(&mut self, now: Time, effects: &mut Effects) {
        match std::mem::replace(&mut self.agreement, Agreement::Quiet) {
            Agreement::Proposing(proposal) if proposal.outstanding.is_empty() => {
                self.conclude(now, &proposal, effects);
            }
            other => self.agreement = other,
        }
    }

    fn conclude(&mut self, now: Time, proposal: &Proposal, effects: &mut Effects) {
        let answers = &proposal.answers;
        if !proposal.reluctant.is_empty() {
            self.put_off(now, answers, effects);
            return;
        }
        let half_asked = self.half_asked(proposal);
        let members = self.members_of(now, answers, &half_asked);
        for (member, (current, _)) in answers.iter().filter(|(member, _)| !members.contains(*member)) {
            if half_asked.contains(&current.id) {
                self.apart.retain(|other| !current.members.contains(other));
            } else {
                self.apart.insert(member.clone());
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
        for member in answers.keys() {
            self.answer(member, Some(&view).filter(|view| view.members.contains(member)), effects);
        }
        self.install(now, view, effects);
    }

    /// Nothing changes for now. Those who have agreed wait no longer; the proposal is made again after a while. If the
    /// better coordinator does nothing meanwhile, the reluctant ones give it up.
    fn put_off(&mut self, now: Time, answers: &BTreeMap<ProcessName, Answer>, effects: &mut Effects) {
        for (member, (current, _)) in answers {
            let stays = are_companions(&self.own, &self.view, member, current);
            self.answer(member, stays.then_some(&self.view), effects);
        }
        self.agreement = Agreement::Settling;
        let wait = self.definition.view_settle_time.saturating_mul(1 << self.times_put_off.min(LONGEST_PUT_OFF));
        self.times_put_off += 1;
        self.set_view_timer(now + wait, effects);
    }

    /// Tells a member that has agreed what has come of it: a view that it is in, or nothing.
    fn answer(&self, member: &ProcessName, view: Option<&View>, effects: &mut Effects) {
        let frame = match view {
            Some(view) => CoreGroupFrame::Install { round: self.round, view: view.clone() },
            None => CoreGroupFrame::Excluded,
        };
        self.tell(member, frame, effects);
    }

    /// Other views of which somebody was not asked who could have been, since we kept apart from it. The next proposal
    /// goes to all of them.
    fn half_asked(&self, proposal: &Proposal) -> BTreeSet<ViewId> {
        let was_left_out = |member: &ProcessName| self.is_connected(member) && !proposal.asked.contains(member);
        let views = proposal.answers.values().map(|(current, _)| current);
        let others = views.filter(|current| !current.members.contains(&self.own));
        others.filter(|current| current.members.iter().any(was_left_out)).map(|current| current.id.clone()).collect()
    }

    /// Who is in the view that follows from these answers. Another view may be torn if it had no place as a whole a
    /// discovery interval ago already.
    fn members_of(
        &mut self,
        now: Time,
        answers: &BTreeMap<ProcessName, Answer>,
        half_asked: &BTreeSet<ViewId>,
    ) -> BTreeSet<ProcessName> {
        let mut by_rank: Vec<&ProcessName> = answers.keys().collect();
        by_rank.sort_by_key(|member| self.definition.coordinator_rank(member));
        let given = Answers { own: &self.own, view: &self.view, answers };
        let (patience, since) = (self.definition.discovery_interval, &self.without_place_since);
        let may_be_torn =
            |view: &ViewId| !half_asked.contains(view) && since.get(view).is_some_and(|since| now >= *since + patience);
        let (members, without_place) = given.members(&by_rank, may_be_torn);
        let has_answered = |view: &ViewId| answers.values().any(|(current, _)| current.id == *view);
        self.without_place_since.retain(|view, since| match has_answered(view) {
            true => without_place.contains(view),
            // Perhaps it is not there any more.
            false => now < *since + patience.saturating_mul(2),
        });
        for view in without_place {
            self.without_place_since.entry(view).or_insert(now);
        }
        members
    }

    pub(super) fn excluded(&mut self, now: Time, from: ProcessName, effects: &mut Effects) {
        if matches!(&self.agreement, Agreement::Awaiting { leader } if *leader == from) {
            self.agreement = Agreement::Quiet;
            self.promised.take_if(|(leader, ..)| *leader == from);
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
            // It believes us in a view that we have not installed.
            self.tell(from, CoreGroupFrame::Elsewhere(self.view.id.clone()), effects);
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
        self.times_put_off = 0;
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
        // Before there are two, nobody is elected.
        let was_elected = was_coordinator && self.is_initialised;
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
        match (was_elected, self.is_coordinator() && self.is_initialised) {
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
