//! What members of a core group say to each other.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::GroupMember;
use super::policy::{GroupName, PolicySet};
use crate::machine::Incarnation;
use crate::name::ProcessName;

/// Which view: numbers grow; two partitions' views differ in who installed them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewId {
    /// Greater than that of every view that its members had before.
    pub number: u64,
    /// Its coordinator, which installed it.
    pub coordinator: ProcessName,
}

/// Members that can talk to each other and agreed on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// Which.
    pub id: ViewId,
    /// Who.
    pub members: BTreeSet<ProcessName>,
}

/// Everything that a member tells of itself; each report replaces the one before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MemberReport {
    /// The view in which it is told.
    pub view: ViewId,
    /// How many orders of this view it has taken from the receiver.
    pub orders_taken: u64,
    /// The groups it has joined, and how it stands in them.
    pub groups: BTreeMap<GroupName, GroupMember>,
    /// Its posts on the bulletin board.
    pub posts: BTreeMap<String, String>,
}

/// What a member is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderKind {
    /// Become active.
    Activate,
    /// Become idle.
    Deactivate,
    /// End the process: quorum is lost.
    Terminate,
}

/// A frame between two members.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CoreGroupFrame {
    /// Datagram of discovery: the sender is there and wants to be connected.
    Discover {
        /// Its life.
        incarnation: Incarnation,
    },
    /// First on every connection, both ways.
    Hello {
        /// The sender's life.
        incarnation: Incarnation,
        /// Revision of its policies.
        revision: u32,
    },
    /// Newer policies.
    Policies(PolicySet),
    /// Asks the coordinator-to-be for a view.
    RequestView,
    /// Proposes a view.
    Propose {
        /// Which attempt of the sender.
        round: u64,
    },
    /// Agrees to a proposal.
    Agree {
        /// To which.
        round: u64,
        /// The sender's view until now.
        current: View,
        /// Whom it can talk to.
        connected: BTreeSet<ProcessName>,
    },
    /// Does not agree: it has a better coordinator.
    Disagree {
        /// To which.
        round: u64,
        /// The sender's view.
        current: View,
    },
    /// The receiver has no place in the view: somebody in it cannot talk to it.
    Excluded,
    /// The view is agreed.
    Install {
        /// The proposal that it comes from.
        round: u64,
        /// The view.
        view: View,
    },
    /// The sender is in this view, without the receiver.
    Elsewhere(ViewId),
    /// What a member tells of itself.
    Report(MemberReport),
    /// The coordinator's order.
    Order {
        /// In which view.
        view: ViewId,
        /// The group.
        group: GroupName,
        /// What.
        order: OrderKind,
    },
    /// An operator's order for a group under a No operation policy.
    Operate {
        /// The group.
        group: GroupName,
        /// Whether to activate or to deactivate.
        activate: bool,
    },
    /// The sender stops in good order.
    Leaving,
}

impl CoreGroupFrame {
    /// Length on the wire, in bytes: an estimate, since the product's format is not documented.
    #[must_use]
    pub fn length(&self) -> u32 {
        let variable = match self {
            CoreGroupFrame::Report(report) => 96 * report.groups.len() + 96 * report.posts.len(),
            CoreGroupFrame::Policies(set) => 512 * set.policies.len(),
            CoreGroupFrame::Install { view, .. } | CoreGroupFrame::Disagree { current: view, .. } => {
                32 * view.members.len()
            }
            CoreGroupFrame::Agree { current, connected, .. } => 32 * (current.members.len() + connected.len()),
            _ => 0,
        };
        256 + u32::try_from(variable).unwrap_or(u32::MAX / 2)
    }
}
