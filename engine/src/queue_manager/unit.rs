//! A unit of work while its queue manager knows it: what it did, and how far its end has come.

use std::collections::VecDeque;

use crate::log::Lsn;
use crate::machine::ConnectionId;
use crate::mqi::{MqiAnswer, Reason};
use crate::name::{ConnectionTag, QueueName, StructureName};
use crate::queue::MessageNumber;
use crate::step::Step;
use crate::unit_of_work::{Disposition, Outcome, SharedOperation, UnitOfWorkState, Xid};

/// What a unit of work did to a private queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PrivateOperation {
    pub(super) queue: QueueName,
    pub(super) number: MessageNumber,
    pub(super) kind: PrivateOperationKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PrivateOperationKind {
    Put,
    Get,
}

/// How far the end of a unit of work has come: what is awaited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The application may still add to it.
    Open,
    /// Commit: its records are being forced, before the descriptor is written.
    ForcingWork,
    /// Commit: the descriptor is being written. This is the commit point of a unit of work with a shared part.
    WritingCommit,
    /// Commit: the commit record is being forced. This is the commit point of one without.
    ForcingCommit,
    /// Phase one: the descriptor is being written.
    WritingPrepare,
    /// Phase one: the prepare record is being forced.
    ForcingPrepare,
    /// In doubt.
    Prepared,
    /// Backout: the descriptor is being written.
    WritingBackout,
    /// Backout of a unit of work that has a coordinator: the backout record is being forced, lest a restart find the vote
    /// and nothing else.
    ForcingBackout,
    /// The outcome is being applied to the shared part, structure by structure.
    Settling { outcome: Outcome, structures: VecDeque<StructureName>, unanswered: u32 },
    /// The descriptor is being deleted.
    DeletingDescriptor { outcome: Outcome },
}

/// Who is told when the unit of work has ended, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Teller {
    pub(super) connection: ConnectionId,
    pub(super) answer: Result<MqiAnswer, Reason>,
    /// Passed just before the application is told, for an operation outside syncpoint.
    pub(super) step: Option<Step>,
}

#[derive(Clone, Debug)]
pub(super) struct UnitOfWork {
    pub(super) state: UnitOfWorkState,
    pub(super) stage: Stage,
    pub(super) xid: Option<Xid>,
    pub(super) disposition: Disposition,
    pub(super) private: Vec<PrivateOperation>,
    pub(super) shared: Vec<SharedOperation>,
    /// The end of its last log record; `None` if nothing of it is recoverable.
    pub(super) logged: Option<Lsn>,
    /// Whether a descriptor of it lies in the admin structure, as far as is known.
    pub(super) descriptor: bool,
    pub(super) teller: Option<Teller>,
    /// An operation outside syncpoint, which needs no descriptor: it has one step on one queue.
    pub(super) implicit: bool,
    /// The connection tag that is free when it has ended: its application has left.
    pub(super) last_of_tag: Option<ConnectionTag>,
    /// Messages it may still touch (`MAXUMSGS`).
    pub(super) operations_left: u32,
}

impl UnitOfWork {
    pub(super) fn new(xid: Option<Xid>, disposition: Disposition, operations: u32) -> Self {
        UnitOfWork {
            state: UnitOfWorkState::InFlight,
            stage: Stage::Open,
            xid,
            disposition,
            private: Vec::new(),
            shared: Vec::new(),
            logged: None,
            descriptor: false,
            teller: None,
            implicit: false,
            last_of_tag: None,
            operations_left: operations,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.private.is_empty() && self.shared.is_empty()
    }
}
