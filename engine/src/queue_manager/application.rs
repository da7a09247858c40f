//! A connected application, as its queue manager knows it.

use std::collections::BTreeMap;

use crate::machine::TimerId;
use crate::mqi::{Match, ObjectHandle, OpenFor, Syncpoint, TagUse};
use crate::name::{ConnectionTag, QueueName, StructureName};
use crate::queue::BrowserId;
use crate::time::Time;
use crate::unit_of_work::{Disposition, UnitOfWorkId, Xid};

use crate::coupling_facility::command::BrowseCursor;
use crate::unit_of_work::EntryId;

/// Where an open queue lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OpenPlace {
    Private,
    Shared(StructureName),
}

#[derive(Clone, Debug)]
pub(super) struct OpenQueue {
    pub(super) queue: QueueName,
    pub(super) place: OpenPlace,
    pub(super) open_for: OpenFor,
    pub(super) browser: BrowserId,
    /// Cursor in a shared queue (that of a private queue is kept by the queue itself).
    pub(super) cursor: Option<BrowseCursor>,
    /// The entry of a shared queue that the cursor has locked.
    pub(super) locked: Option<(EntryId, UnitOfWorkId)>,
}

/// A get in progress.
#[derive(Clone, Debug)]
pub(super) struct GetCall {
    pub(super) handle: ObjectHandle,
    pub(super) queue: QueueName,
    pub(super) place: OpenPlace,
    pub(super) syncpoint: Syncpoint,
    pub(super) selection: Match,
    /// The unit of work on whose behalf messages are taken.
    pub(super) unit_of_work: UnitOfWorkId,
    pub(super) deadline: Option<Time>,
    pub(super) timer: Option<TimerId>,
    /// Set while it is to look again although no signal may come.
    pub(super) look_again: Option<TimerId>,
    /// Signals counted when the get was last tried.
    pub(super) since: u64,
    /// Whether it waits for a message, rather than for an answer.
    pub(super) waiting: bool,
    /// Whether it was woken by a signal and has not found anything yet.
    pub(super) woken: bool,
}

/// What the queue manager is doing for an application.
#[derive(Clone, Debug)]
pub(super) enum Call {
    /// A get.
    Get(GetCall),
    /// Anything else: what is awaited is known where it is awaited.
    Other,
}

#[derive(Debug)]
pub(super) struct Application {
    pub(super) name: String,
    pub(super) disposition: Disposition,
    pub(super) connected: bool,
    pub(super) handles: BTreeMap<ObjectHandle, OpenQueue>,
    pub(super) last_handle: u32,
    /// The unit of work that calls under syncpoint belong to.
    pub(super) unit_of_work: Option<UnitOfWorkId>,
    /// The global transaction begun, if the application has a coordinator.
    pub(super) xid: Option<Xid>,
    /// The global transaction that was prepared over this very connection: its second phase is due.
    pub(super) prepared: Option<Xid>,
    /// Its unit of work was backed out behind its back: the next syncpoint call says so.
    pub(super) backed_out: bool,
    pub(super) tag: Option<(ConnectionTag, TagUse)>,
    pub(super) call: Option<Call>,
    /// The connection has ended while a call was in progress: cleaned up when that is over.
    pub(super) gone: bool,
}

impl Application {
    pub(super) fn new() -> Self {
        Application {
            name: String::new(),
            disposition: Disposition::QueueManager,
            connected: false,
            handles: BTreeMap::new(),
            last_handle: 0,
            unit_of_work: None,
            xid: None,
            prepared: None,
            backed_out: false,
            tag: None,
            call: None,
            gone: false,
        }
    }

    pub(super) fn get_call(&mut self) -> Option<&mut GetCall> {
        match &mut self.call {
            Some(Call::Get(get)) => Some(get),
            _ => None,
        }
    }
}
