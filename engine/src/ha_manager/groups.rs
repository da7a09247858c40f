//! The local members of high availability groups: what the host says of them, what the coordinator and operators order.

use std::collections::btree_map::Entry;

use super::decide::{Condition, GroupMember, MemberState};
use super::frame::{CoreGroupFrame, OrderKind, ViewId};
use super::manager::{GroupOrder, HaManager, NotOperated};
use super::policy::{GroupName, Match, PolicyChange, PolicyKind, PolicySet};
use crate::event::Event;
use crate::machine::Effects;
use crate::name::ProcessName;
use crate::time::Time;

impl HaManager {
    /// The local member joins a group, idle.
    pub fn join(&mut self, now: Time, group: GroupName, effects: &mut Effects) {
        if let Entry::Vacant(place) = self.groups.entry(group) {
            place.insert(GroupMember::IDLE);
            self.changed(now, effects);
        }
    }

    /// The local member leaves a group.
    pub fn leave(&mut self, now: Time, group: &GroupName, effects: &mut Effects) {
        self.to_be_disabled.remove(group);
        if self.groups.remove(group).is_some() {
            self.changed(now, effects);
        }
    }

    /// State of the local member of a group.
    #[must_use]
    pub fn state(&self, group: &GroupName) -> Option<MemberState> {
        self.groups.get(group).map(|member| member.state)
    }

    /// The local member is active, as ordered. If it has been told to become idle meanwhile, nothing changes.
    pub fn activated(&mut self, now: Time, group: &GroupName, effects: &mut Effects) {
        if self.state(group) == Some(MemberState::Activating) {
            effects.report(Event::GroupMemberActivated { group: group.clone() });
            self.set(now, group, MemberState::Activated, effects);
        }
    }

    /// The local member has ended its work, if it was active, or could not become active: it is disabled, and another one
    /// is tried.
    pub fn activation_failed(&mut self, now: Time, group: &GroupName, effects: &mut Effects) {
        if self.groups.contains_key(group) {
            self.to_be_disabled.remove(group);
            effects.report(Event::GroupMemberDisabled { group: group.clone() });
            self.set(now, group, MemberState::Disabled, effects);
        }
    }

    /// The local member, which is active, has failed here. It stays active until it is asked whether it is alive; if
    /// others are active besides it, it is not the one that is kept.
    pub fn failed_here(&mut self, now: Time, group: &GroupName, effects: &mut Effects) {
        let active = self.groups.get_mut(group).filter(|member| member.state.is_active());
        if let Some(member) = active.filter(|member| member.condition == Condition::Sound) {
            member.condition = Condition::FailedHere;
            self.changed(now, effects);
        }
    }

    /// The local member has failed, and would anywhere: it keeps its place in the group, so that nobody else takes it.
    pub fn failed_everywhere(&mut self, now: Time, group: &GroupName, effects: &mut Effects) {
        let Some(member) = self.groups.get_mut(group) else { return };
        member.condition = Condition::FailedEverywhere;
        let state = if member.state == MemberState::Activating { MemberState::Activated } else { member.state };
        self.set(now, group, state, effects);
    }

    /// The local member is idle, as ordered.
    pub fn deactivated(&mut self, now: Time, group: &GroupName, effects: &mut Effects) {
        match self.state(group) {
            None | Some(MemberState::Disabled) => {}
            Some(_) if self.to_be_disabled.contains(group) => self.activation_failed(now, group, effects),
            Some(_) => self.set(now, group, MemberState::Idle, effects),
        }
    }

    /// The local member may be activated again.
    pub fn enable(&mut self, now: Time, group: &GroupName, effects: &mut Effects) {
        self.to_be_disabled.remove(group);
        if self.state(group) == Some(MemberState::Disabled) {
            effects.report(Event::GroupMemberEnabled { group: group.clone() });
            self.set(now, group, MemberState::Idle, effects);
        }
    }

    /// The local member is not to be activated until it is enabled. If it is active, it ends its work first; until it has,
    /// nobody else takes its place.
    pub fn disable(&mut self, now: Time, group: &GroupName, effects: &mut Effects) {
        match self.state(group) {
            None | Some(MemberState::Disabled) => {}
            Some(MemberState::Idle) => self.activation_failed(now, group, effects),
            Some(MemberState::Activating | MemberState::Activated | MemberState::Deactivating) => {
                self.to_be_disabled.insert(group.clone());
                self.obey(now, group, OrderKind::Deactivate, effects);
                self.changed(now, effects);
            }
        }
    }

    /// An operator activates a member of a group under a No operation policy.
    ///
    /// # Errors
    ///
    /// Another policy governs the group, or the member is not in the view.
    pub fn activate_member(
        &mut self,
        now: Time,
        group: &GroupName,
        member: &ProcessName,
        effects: &mut Effects,
    ) -> Result<(), NotOperated> {
        self.operate(now, group, member, true, effects)
    }

    /// An operator deactivates a member of a group under a No operation policy.
    ///
    /// # Errors
    ///
    /// Another policy governs the group, or the member is not in the view.
    pub fn deactivate_member(
        &mut self,
        now: Time,
        group: &GroupName,
        member: &ProcessName,
        effects: &mut Effects,
    ) -> Result<(), NotOperated> {
        self.operate(now, group, member, false, effects)
    }

    fn operate(
        &mut self,
        now: Time,
        group: &GroupName,
        member: &ProcessName,
        activate: bool,
        effects: &mut Effects,
    ) -> Result<(), NotOperated> {
        if !self.is_operated_by_hand(group) {
            return Err(NotOperated::Governed);
        }
        if !self.view.members.contains(member) {
            return Err(NotOperated::NotInView);
        }
        if *member == self.own {
            self.operated(now, group, activate, effects);
        } else {
            self.tell(member, CoreGroupFrame::Operate { group: group.clone(), activate }, effects);
        }
        Ok(())
    }

    fn is_operated_by_hand(&self, group: &GroupName) -> bool {
        matches!(self.policies.best_match(group), Match::Governed(policy) if policy.kind == PolicyKind::NoOperation)
    }

    pub(super) fn operated(&mut self, now: Time, group: &GroupName, activate: bool, effects: &mut Effects) {
        if self.is_operated_by_hand(group) {
            let order = if activate { OrderKind::Activate } else { OrderKind::Deactivate };
            self.obey(now, group, order, effects);
            self.report_to_view(effects);
        }
    }

    /// A change of the policies, in force at once and everywhere in the view.
    pub fn change_policies(&mut self, now: Time, change: &PolicyChange, effects: &mut Effects) {
        self.take_policies(now, self.policies.changed(change), effects);
    }

    pub(super) fn take_policies(&mut self, now: Time, policies: PolicySet, effects: &mut Effects) {
        if policies.revision <= self.policies.revision {
            return;
        }
        self.policies = policies;
        self.told.clear();
        for peer in self.links.keys() {
            self.tell(peer, CoreGroupFrame::Policies(self.policies.clone()), effects);
        }
        self.watch(now, effects);
        self.coordinate(now, effects);
    }

    pub(super) fn ordered(
        &mut self,
        now: Time,
        from: &ProcessName,
        view: &ViewId,
        group: &GroupName,
        order: OrderKind,
        effects: &mut Effects,
    ) {
        // An order of an earlier view: the coordinator of this one knows what we were then.
        if *view != self.view.id {
            return;
        }
        *self.orders_taken.entry(from.clone()).or_default() += 1;
        self.obey(now, group, order, effects);
        self.report_to_view(effects);
    }

    /// Does what is ordered, if it is still to be done.
    pub(super) fn obey(&mut self, now: Time, group: &GroupName, order: OrderKind, effects: &mut Effects) {
        match (order, self.state(group)) {
            (OrderKind::Activate, Some(MemberState::Idle)) => {
                self.enter_state(group, MemberState::Activating);
                self.orders.push(GroupOrder::Activate(group.clone()));
            }
            (OrderKind::Deactivate, Some(state)) if state.is_active() => {
                self.enter_state(group, MemberState::Deactivating);
                self.orders.push(GroupOrder::Deactivate(group.clone()));
            }
            (OrderKind::Terminate, Some(state)) if state.is_active() => {
                self.orders.push(GroupOrder::Terminate { reason: "a group that it is active in has lost its quorum" });
            }
            _ => {}
        }
        self.watch(now, effects);
    }

    fn set(&mut self, now: Time, group: &GroupName, state: MemberState, effects: &mut Effects) {
        self.enter_state(group, state);
        self.changed(now, effects);
    }

    fn enter_state(&mut self, group: &GroupName, state: MemberState) {
        let Some(member) = self.groups.get_mut(group) else { return };
        if state == MemberState::Activated && member.state != MemberState::Activated {
            member.activated_in = self.view.id.number;
        }
        // The next attempt may do better; what would happen anywhere holds until the process starts again.
        if member.condition == Condition::FailedHere && !state.is_active() {
            member.condition = Condition::Sound;
        }
        member.state = state;
    }

    fn changed(&mut self, now: Time, effects: &mut Effects) {
        self.watch(now, effects);
        self.report_to_view(effects);
        self.coordinate(now, effects);
    }
}
