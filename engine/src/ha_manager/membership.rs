//! Who is in a view: what a proposer makes of the answers it got. Pure functions.
//!
//! Who is in the proposer's view already comes first, and stays if it can talk to the others of it: nobody makes way for a
//! newcomer. Other views come along as a whole, when all of their members can be taken, not one after the other, which
//! would cost a majority its quorum. A view for which that is not possible is *torn* if its members are taken one by one
//! all the same; the proposer says when it is time for that.

use std::collections::{BTreeMap, BTreeSet};

use super::frame::{View, ViewId};
use crate::name::ProcessName;

/// What a member said to a proposal: its view until now, and whom it can talk to.
pub(super) type Answer = (View, BTreeSet<ProcessName>);

/// The answers to a proposal.
pub(super) struct Answers<'a> {
    /// Who proposed.
    pub(super) own: &'a ProcessName,
    /// The proposer's view.
    pub(super) view: &'a View,
    /// What the others said.
    pub(super) answers: &'a BTreeMap<ProcessName, Answer>,
}

impl<'a> Answers<'a> {
    /// The members of the new view, and the other views that had no place in it as a whole. `by_rank` are those who have
    /// answered.
    pub(super) fn members(
        &self,
        by_rank: &[&'a ProcessName],
        may_be_torn: impl Fn(&ViewId) -> bool,
    ) -> (BTreeSet<ProcessName>, BTreeSet<ViewId>) {
        let mut members = BTreeSet::from([self.own.clone()]);
        let (companions, others): (Vec<_>, Vec<_>) = by_rank.iter().partition(|member| self.is_companion(member));
        self.take(&companions, &mut members);
        let mut views: Vec<(&ViewId, Vec<&ProcessName>)> = Vec::new();
        for member in others {
            let id = &self.answers[member].0.id;
            match views.iter_mut().find(|(view, _)| *view == id) {
                Some((_, of)) => of.push(member),
                None => views.push((id, vec![member])),
            }
        }
        let mut without_place = BTreeSet::new();
        for (id, of) in views {
            let mut with_them = members.clone();
            if self.are_all_there(&of) && self.take(&of, &mut with_them) {
                members = with_them;
                continue;
            }
            without_place.insert(id.clone());
            if may_be_torn(id) {
                self.take(&of, &mut members);
            }
        }
        (members, without_place)
    }

    /// Takes those who can talk to all that were taken before; whether that was everybody.
    fn take(&self, some: &[&ProcessName], members: &mut BTreeSet<ProcessName>) -> bool {
        let all = members.len() + some.len();
        for member in some {
            if members.iter().all(|other| self.can_talk(member, other)) {
                members.insert((*member).clone());
            }
        }
        members.len() == all
    }

    fn can_talk(&self, member: &ProcessName, other: &ProcessName) -> bool {
        let connected = &self.answers[member].1;
        connected.contains(other) && self.answers.get(other).is_none_or(|(_, others)| others.contains(member))
    }

    fn is_companion(&self, member: &ProcessName) -> bool {
        let (current, _) = &self.answers[member];
        are_companions(self.own, self.view, member, current)
    }

    /// Whether everybody of their view has answered to whom one of them is connected.
    fn are_all_there(&self, members: &[&ProcessName]) -> bool {
        let has_answered = |member: &ProcessName| member == self.own || self.answers.contains_key(member);
        members.iter().all(|member| {
            let (current, connected) = &self.answers[*member];
            current.members.intersection(connected).all(has_answered)
        })
    }
}

/// Whether each of two members is in the other one's view. That need not be the same: one of them may be about to install
/// what the other has installed already.
pub(super) fn are_companions(own: &ProcessName, view: &View, other: &ProcessName, current: &View) -> bool {
    view.members.contains(other) && current.members.contains(own)
}
