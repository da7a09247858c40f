//! The states of a message on a private queue, and how it is called there.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::unit_of_work::UnitOfWorkId;

/// The arrival number of a message: counts up over all queues of a queue manager, and across its restarts, so that a log
/// record can name a message by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageNumber(pub u64);

impl fmt::Display for MessageNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// An open handle that browses a queue: it has a cursor and can hold one lock. The queue manager numbers them; no two
/// handles that are open at the same time have the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrowserId(pub u64);

/// Where a message of a private queue stands. It is in exactly one of these states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// Put by a unit of work that has not ended: nobody sees it.
    UncommittedPut(UnitOfWorkId),
    /// Everybody may get or browse it.
    Available,
    /// Browsed with lock: only this handle may get or browse it.
    Locked(BrowserId),
    /// Got by a unit of work that has not ended: nobody sees it.
    UncommittedGet(UnitOfWorkId),
}

impl MessageState {
    /// Whether the message belongs to a unit of work that has not ended.
    #[must_use]
    pub const fn is_uncommitted(&self) -> bool {
        matches!(self, MessageState::UncommittedPut(_) | MessageState::UncommittedGet(_))
    }

    /// The unit of work that it belongs to until that ends.
    #[must_use]
    pub const fn unit_of_work(&self) -> Option<&UnitOfWorkId> {
        match self {
            MessageState::UncommittedPut(unit) | MessageState::UncommittedGet(unit) => Some(unit),
            MessageState::Available | MessageState::Locked(_) => None,
        }
    }
}
