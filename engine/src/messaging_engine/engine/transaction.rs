//! A transaction of an engine: what it sends and receives, and how far it has come.
//!
//! Everything that changes what the engine keeps is a transaction, as in the product: a local one of a session, a global
//! one of an external coordinator, and, for a send or receive outside both, one that commits by itself.
//!
//! ```text
//!            commit                       stored
//! active ──────────────► committing ───────────────────► ended
//!    │  prepare             stored             resolve
//!    ├────────► preparing ────────► prepared ◄────────► resolving ──► ended
//!    └────────► rolled back
//! ```

use std::collections::BTreeMap;

use crate::machine::ConnectionId;
use crate::message::MessageId;
use crate::messaging_engine::frame::BusReply;
use crate::messaging_engine::store::ItemId;
use crate::name::{DestinationName, MessagingEngineName};
use crate::step::Step;
use crate::unit_of_work::{Outcome, Xid};

/// A transaction in the life of one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TransactionNumber(pub(super) u64);

/// A message of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) destination: DestinationName,
    pub(super) item: ItemId,
}

/// How far a transaction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Takes operations; rolled back if the connection or the engine fails.
    Active,
    /// Its changes are on their way to the store.
    Committing,
    /// Phase one is on its way to the store.
    Preparing,
    /// In doubt: only the coordinator knows the outcome.
    Prepared,
    /// Phase two is on its way to the store.
    Resolving(Outcome),
}

/// What is told to whom when the store has answered.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) connection: ConnectionId,
    pub(super) reply: BusReply,
}

/// What happens to the messages that a transaction receives, if the store refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfRefused {
    /// Their delivery has failed.
    DeliveryFailed,
    /// They were on the way to an exception destination and are kept back for a while.
    Blocked,
    /// They say how far streams had come, and still do.
    Kept,
}

/// A lock for another engine's consumer, which is to be told when it is stored.
#[derive(Clone, Debug)]
pub(super) enum Locking {
    /// A message is locked.
    Lock { engine: MessagingEngineName, request: u64, message: Operation, lock: ItemId },
    /// A locked message is consumed for good.
    Accept { engine: MessagingEngineName, destination: DestinationName, lock: ItemId },
}

/// Messages that came from another engine, which is to be told when they are stored.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    pub(super) from: MessagingEngineName,
    pub(super) messages: BTreeMap<DestinationName, Vec<MessageId>>,
}

/// A transaction.
#[derive(Clone, Debug)]
pub(super) struct Transaction {
    /// Its coordinator's name for it, if it is a global one.
    pub(super) xid: Option<Xid>,
    pub(super) phase: Phase,
    pub(super) sends: Vec<Operation>,
    pub(super) receives: Vec<Operation>,
    /// Passed when the store has answered, before anybody is told.
    pub(super) step: Option<Step>,
    pub(super) answer: Option<Answer>,
    pub(super) if_refused: IfRefused,
    pub(super) arrivals: Option<Box<Arrivals>>,
    pub(super) locking: Option<Box<Locking>>,
    /// Phase two that came while the store had not answered: who asked for which outcome.
    pub(super) early_resolutions: Vec<(ConnectionId, Outcome)>,
    /// Whether an earlier instance of the engine prepared it.
    pub(super) is_inherited: bool,
}

impl Transaction {
    /// A transaction that has done nothing yet.
    pub(super) const fn new(xid: Option<Xid>) -> Self {
        Transaction {
            xid,
            phase: Phase::Active,
            sends: Vec::new(),
            receives: Vec::new(),
            step: None,
            answer: None,
            if_refused: IfRefused::DeliveryFailed,
            arrivals: None,
            locking: None,
            early_resolutions: Vec::new(),
            is_inherited: false,
        }
    }

    /// Whether its outcome is, or is about to be, its coordinator's alone.
    pub(super) const fn is_in_doubt(&self) -> bool {
        matches!(self.phase, Phase::Preparing | Phase::Prepared | Phase::Resolving(_))
    }
}
