//! The message store of a messaging engine: what it keeps of messages beyond its own life, and who owns it.
//!
//! **In the product.** An engine keeps messages, transactions in doubt and the state of its streams either in a *data
//! store* (tables of a relational database) or in a *file store* (three files in one directory). Both are owned by one
//! engine at a time; taking and keeping ownership is the last line of defence against two active instances. What is
//! written when depends on the message's reliability, by its *storage strategy*: never, perhaps (when memory runs short),
//! eventually, always. Documented: IBM WebSphere Application Server, "Message stores", "Data store exclusive access".
//!
//! **Modelled.** [`MessageStore`] is what an engine needs of either; the two kinds are [`data_store`] and [`file_store`].

pub mod data_store;
pub mod file_store;
mod spill;

use core::fmt;

pub use spill::SpillChange;

use serde::{Deserialize, Serialize};

use super::definition::IncarnationUuid;
use super::message::BusMessage;
use super::reliability::Reliability;
use crate::machine::{Effects, Input, Offered};
use crate::name::DestinationName;
use crate::time::Time;
use crate::unit_of_work::{Outcome, Xid};

/// An item of a message store; numbers grow and are never used twice in the life of the store, so they are also the
/// order in which messages came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ItemId(pub u64);

/// Something that is on its way to the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A message in the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StoredMessage {
    /// Its number.
    pub item: ItemId,
    /// The destination on whose queue point it is.
    pub destination: DestinationName,
    /// The message.
    pub message: BusMessage,
}

/// A transaction in doubt, as a store keeps it (`SIBXACTS`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PreparedTransaction {
    /// Its name.
    pub xid: Xid,
    /// What it adds when it commits.
    pub adds: Vec<StoredMessage>,
    /// What it removes when it commits; these messages are in the store until then.
    pub removes: Vec<ItemId>,
}

/// A change of what the store keeps. All changes of one [`MessageStore::write`] happen together or not at all, as far as
/// their storage strategy keeps them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Change {
    /// A message is there.
    Add(StoredMessage),
    /// A message is gone.
    Remove {
        /// Which.
        item: ItemId,
        /// Its reliability.
        reliability: Reliability,
    },
    /// A delivery of a message has failed.
    CountFailedDelivery {
        /// Which.
        item: ItemId,
        /// Its reliability.
        reliability: Reliability,
        /// How many deliveries have failed by now.
        failed_deliveries: u32,
    },
    /// Phase one of a transaction: always forced, whatever the reliability of its persistent messages.
    Prepare(PreparedTransaction),
    /// Phase two.
    Resolve {
        /// Which.
        xid: Xid,
        /// How.
        outcome: Outcome,
    },
}

/// What a store holds when an engine has opened it: what survived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Messages, in the order of their numbers: persistent ones only, what was spilled is purged.
    pub messages: Vec<StoredMessage>,
    /// Transactions in doubt.
    pub prepared: Vec<PreparedTransaction>,
    /// No item has had this number or a higher one.
    pub next_item: u64,
}

/// Why an engine cannot have, or keep, its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreFailure {
    /// The server that keeps the store cannot be reached from here, for longer than is waited.
    Unreachable,
    /// Somebody else holds the lock, for longer than is waited (CWSIS1519E, CWSIS1583E).
    Locked,
    /// Another instance of the same engine has taken the store (CWSIS1535E, same `ME_UUID`, other `INC_UUID`).
    TakenOver,
    /// The store belongs to another engine (CWSIS1535E, other `ME_UUID`): wrong schema, or tables left over.
    WrongEngine,
    /// The directory is not there (CWSIS1580E).
    PathMissing,
    /// What it holds cannot be read: a global error, no other server will do better (CWSID0029E).
    Corrupt,
}

impl StoreFailure {
    /// Whether no other server would do better (common mode error). A store of another engine is not among them: that
    /// start fails like any other (CWSIS1535E and CWSIS1519E), and each server looks its data source up for itself.
    #[must_use]
    pub const fn is_global(self) -> bool {
        matches!(self, StoreFailure::Corrupt)
    }
}

impl fmt::Display for StoreFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StoreFailure::Unreachable => "the message store cannot be reached",
            StoreFailure::Locked => "the message store is locked by another instance",
            StoreFailure::TakenOver => "another instance has taken the message store",
            StoreFailure::WrongEngine => "the message store belongs to another messaging engine",
            StoreFailure::PathMissing => "the directory of the file store is missing",
            StoreFailure::Corrupt => "the message store is corrupt",
        })
    }
}

/// What a store tells its engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreEvent {
    /// The engine owns the store; this is what it holds.
    Opened(Contents),
    /// The store could not be opened; it is closed again.
    OpenFailed(StoreFailure),
    /// What was written under this ticket is on the medium.
    Stored(Ticket),
    /// What was written under this ticket is not in the store and will not be: no room.
    Refused(Ticket),
    /// The store is out of reach, or its lock is lost, and tries to come back; nothing is stored meanwhile.
    Lost,
    /// The store is back, still owned; every open ticket will be answered.
    Regained,
    /// The store is gone for this instance. Open tickets are of unknown outcome.
    Failed(StoreFailure),
    /// Closed in good order, as asked: everything written is on the medium, ownership is given up.
    Closed,
}

/// What a messaging engine needs of its message store.
///
/// After every call, [`MessageStore::take_events`] tells what has happened.
pub trait MessageStore: fmt::Debug + Send {
    /// Begins to take ownership for this instance, and to read what is there. [`StoreEvent::Opened`] or
    /// [`StoreEvent::OpenFailed`] follows, perhaps much later.
    fn open(&mut self, now: Time, incarnation: &IncarnationUuid, effects: &mut Effects);

    /// Offers an input of the process: frames on the store's connections, its timers.
    fn offer(&mut self, now: Time, input: Input, effects: &mut Effects) -> Offered;

    /// Writes changes. What the storage strategy keeps in memory, or writes later on its own, needs no waiting: `None`.
    /// Otherwise [`StoreEvent::Stored`] or [`StoreEvent::Refused`] follows for the ticket.
    fn write(&mut self, now: Time, changes: Vec<Change>, effects: &mut Effects) -> Option<Ticket>;

    /// Spills messages that are kept in memory, or no longer wants what was spilled. It is written, or not, when the store
    /// sees fit; nothing of it is there when the store is opened again.
    fn spill(&mut self, now: Time, changes: Vec<SpillChange>, effects: &mut Effects);

    /// Writes what is still to be written and gives up ownership; [`StoreEvent::Closed`] or [`StoreEvent::Failed`]
    /// follows.
    fn close(&mut self, now: Time, effects: &mut Effects);

    /// Lets go of everything at once; nothing more is told.
    fn abandon(&mut self, effects: &mut Effects);

    /// What has happened since it was last asked.
    fn take_events(&mut self) -> Vec<StoreEvent>;

    /// Whether this instance believes that it owns the store and can write to it.
    fn is_available(&self) -> bool;
}
