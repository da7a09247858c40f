//! What a queue manager writes into its recovery log.
//!
//! Persistent messages on private queues are logged whole; operations on shared queues are logged as well, because each
//! member logs what it does (reference A1.4), though nothing is replayed into a structure from here. Nonpersistent
//! messages are never logged. A unit of work that changed nothing recoverable leaves no record.

use serde::{Deserialize, Serialize};

use crate::machine::Incarnation;
use crate::message::Message;
use crate::name::QueueName;
use crate::queue::MessageNumber;
use crate::unit_of_work::{Disposition, SharedOperation, UnitOfWorkId, Xid};

/// A log record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum LogRecord {
    /// The queue manager lives this life from here on.
    Life(Incarnation),
    /// A message was put on a private queue.
    Put {
        /// By which unit of work; `None` in a checkpoint, for a message that is committed.
        unit_of_work: Option<UnitOfWorkId>,
        /// Where.
        queue: QueueName,
        /// Its number.
        number: MessageNumber,
        /// The message.
        message: Message,
    },
    /// A message was got from a private queue.
    Get {
        /// By which unit of work.
        unit_of_work: UnitOfWorkId,
        /// From where.
        queue: QueueName,
        /// Which.
        number: MessageNumber,
    },
    /// An expired message was removed from a private queue.
    Removed {
        /// From where.
        queue: QueueName,
        /// Which.
        number: MessageNumber,
    },
    /// A get was backed out and the queue hardens its backout counts.
    BackoutCount {
        /// Where.
        queue: QueueName,
        /// Which.
        number: MessageNumber,
        /// How often by now.
        backout_count: u32,
    },
    /// A persistent message was put on or got from a shared queue.
    Shared {
        /// By which unit of work; `None` outside syncpoint.
        unit_of_work: Option<UnitOfWorkId>,
        /// What was done.
        operation: SharedOperation,
    },
    /// End of phase one: the unit of work is in doubt until an outcome follows.
    Prepared {
        /// Which.
        unit_of_work: UnitOfWorkId,
        /// The coordinator's name for it.
        xid: Xid,
        /// Who may resolve it.
        disposition: Disposition,
        /// What it did on shared queues.
        operations: Vec<SharedOperation>,
    },
    /// The outcome is commit.
    Committed(UnitOfWorkId),
    /// The outcome is backout.
    BackedOut(UnitOfWorkId),
    /// Nothing is left to be done for the unit of work.
    Ended(UnitOfWorkId),
}
