//! File store: three files in one directory.
//!
//! **In the product.** *Log*, *PermanentStore* and *TemporaryStore*. Changes are written to the log; checkpoints carry them
//! into the stores, after which the log's room is used again. An engine that starts takes an exclusive lock on the log
//! file; if somebody else has it, or the file system cannot be reached, it tries again every 5 s (`omStartupRetryWaitTime`)
//! for up to 15 min (`omStartupRetryTimeLimit`). Then it checks that the store is its own (`ME_UUID`), writes down its own
//! start (`INC_UUID`) and empties the temporary store. Documented: IBM WebSphere Application Server, "File stores", "File
//! store high availability considerations", and its messages CWSIS1579 to CWSIS1592 and CWSOM1042.
//!
//! **Modelled.** [`FileStore`] keeps the files on a [file server](crate::file_server) and is the whole of the client's side,
//! mount included. Of the storage strategies, a file store writes both persistent ones when they are committed (reliable
//! persistent is no lazier than assured persistent) and keeps the others in memory; what is spilled of those is written to
//! the temporary store, which nobody waits for and nobody forces. Failed deliveries of persistent
//! messages are always counted in the store. The changes of one write are one record with a checksum, so that they are
//! there together or not at all. Each opening begins with a checkpoint; others follow as the log grows.
//!
//! The mount is hard unless the definition says otherwise: a file system that does not answer makes the store wait, for
//! ever. A soft one gives up after a time, and the engine then stops with a local error. A store that was cut off
//! takes its lock back if nobody had it in between, and fails otherwise.
//!
//! **Left out.** Sizes of the three files: the file server's capacity is the limit. Waiting for a checkpoint before a full store refuses
//! (`storeFullWaitForCheckPoint`). A mount that is hard does not wait for ever while the store is being opened: what cannot
//! be reached then counts as an input/output error.

mod definition;
mod kept;
mod opening;
mod record;
mod session;
mod temporary;
mod writing;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

pub use definition::FileStoreDefinition;

use super::spill::SpillQueue;
use super::{Change, MessageStore, SpillChange, StoreEvent, StoreFailure, Ticket};
use crate::event::Event;
use crate::file_server::frame::{FileClient, FileOperation, FilePath, Grant, RequestNumber};
use crate::frame::Frame;
use crate::machine::{ConnectionId, Effect, Effects, Incarnation, Input, Offered, Silence, TimerId};
use crate::messaging_engine::definition::IncarnationUuid;
use crate::time::{Duration, Time};
use kept::Kept;
use opening::Opening;
use temporary::Temporary;
use writing::Queued;

/// The log of changes; the lock is on this file.
const LOG: &str = "Log";
/// What is kept, as of the last checkpoint.
const PERMANENT: &str = "PermanentStore";
/// What is spilled from memory.
const TEMPORARY: &str = "TemporaryStore";

/// The client never gives a connection up because of silence: it knows better when to stop waiting. Its kernel notices at
/// once when the server's host is another one than before, since a mount asks without end.
const NEVER: Silence = Silence::Lease { timeout: Duration::from_secs(100 * 365 * 24 * 3600) };

/// The product's message for a failure to open a file store, as the report begins.
pub(crate) fn file_store_message(why: StoreFailure) -> &'static str {
    match why {
        StoreFailure::Locked => "CWSIS1583E ",
        StoreFailure::Unreachable => "CWSIS1592E ",
        StoreFailure::PathMissing => "CWSIS1580E ",
        StoreFailure::Corrupt => "CWSID0029E ",
        StoreFailure::WrongEngine => "CWSIS1535E ",
        StoreFailure::TakenOver => "",
    }
}

/// Where a store stands.
#[derive(Debug)]
enum State {
    /// Not this instance's, nor wanted.
    Closed,
    /// On the way.
    Opening(Opening),
    /// This instance's.
    Open,
    /// This instance's when it was last reached.
    Lost,
}

/// Which answer is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Lock,
    Reclaim,
    Log,
    Permanent,
    Temporary,
    TemporaryEmptied,
    TemporaryWritten,
    PermanentWritten,
    LogEmptied,
    LogWritten,
    Unlock,
}

/// A request without its answer.
#[derive(Clone, Debug)]
struct Request {
    number: RequestNumber,
    awaited: Awaited,
    operation: FileOperation,
}

/// A file store, as one instance of its engine sees it.
#[derive(Debug)]
pub struct FileStore {
    definition: FileStoreDefinition,
    client: FileClient,
    first_timer: TimerId,
    events: Vec<StoreEvent>,
    state: State,
    /// Good order was asked for: what is queued is written, then the lock is given up.
    closing: bool,
    /// The connection, and whether it stands.
    connection: Option<(ConnectionId, bool)>,
    /// A connection that only says hello.
    announcement: Option<ConnectionId>,
    last_number: RequestNumber,
    /// At most one request is outstanding (beside renewals).
    outstanding: Option<Request>,
    /// What was outstanding when the connection was lost.
    interrupted: Option<Request>,
    grant: Option<Grant>,
    /// The start that owns the store.
    incarnation: IncarnationUuid,
    /// What is on the medium.
    kept: Kept,
    last_ticket: Ticket,
    queue: VecDeque<Queued>,
    /// What the outstanding write of the log is to make durable.
    batch: Vec<Queued>,
    /// So many of the queue are to be written one by one, because together they found no room.
    one_by_one: usize,
    /// What found no room in the log and is written with a checkpoint.
    with_checkpoint: Option<Ticket>,
    checkpoint_wanted: bool,
    spills: SpillQueue,
    temporary: Temporary,
    log_length: u64,
    /// By how much the outstanding write of the log lengthens it.
    batch_length: u64,
}

impl FileStore {
    /// How many timers a store uses, from its first one on.
    pub const TIMERS: u32 = 3;

    /// The store as one life of a process sees it; `incarnation` is that life. It uses [`Self::TIMERS`] timers of the
    /// process, from `first_timer` on.
    #[must_use]
    pub fn new(definition: FileStoreDefinition, incarnation: Incarnation, first_timer: TimerId) -> Self {
        let client = FileClient { host: definition.host.clone(), process: definition.process.clone(), incarnation };
        FileStore {
            definition,
            client,
            first_timer,
            events: Vec::new(),
            state: State::Closed,
            closing: false,
            connection: None,
            announcement: None,
            last_number: RequestNumber(0),
            outstanding: None,
            interrupted: None,
            grant: None,
            incarnation: IncarnationUuid(String::new()),
            kept: Kept::default(),
            last_ticket: Ticket(0),
            queue: VecDeque::new(),
            batch: Vec::new(),
            one_by_one: 0,
            with_checkpoint: None,
            checkpoint_wanted: false,
            spills: SpillQueue::default(),
            temporary: Temporary::default(),
            log_length: 0,
            batch_length: 0,
        }
    }

    /// Tells the file server that this is a later life of the process, so that locks of earlier ones are given up: what the
    /// network status monitor of a host does at boot (`SM_NOTIFY`). To be called when the process starts; does nothing in
    /// the first life.
    pub fn announce(&mut self, now: Time, effects: &mut Effects) {
        if self.client.incarnation > Incarnation(1) && matches!(self.state, State::Closed) {
            self.announcement = Some(effects.connect(self.definition.file_server.clone(), NEVER));
            effects.push(Effect::SetTimer { timer: self.retry_timer(), at: now + self.definition.lock_retry });
        }
    }

    fn path(&self, file: &str) -> FilePath {
        FilePath { directory: self.definition.directory.clone(), file: file.into() }
    }

    /// Tries again: a connection, the lock.
    fn retry_timer(&self) -> TimerId {
        self.first_timer
    }

    /// Gives up.
    fn limit_timer(&self) -> TimerId {
        TimerId(self.first_timer.0 + 1)
    }

    /// Asks whether the lock is still there.
    fn renewal_timer(&self) -> TimerId {
        TimerId(self.first_timer.0 + 2)
    }

    /// Nothing is left of this instance's hold on the store.
    fn let_go(&mut self, effects: &mut Effects) {
        if let Some((connection, _)) = self.connection.take() {
            effects.push(Effect::Close { connection });
        }
        if let Some(connection) = self.announcement.take() {
            effects.push(Effect::Close { connection });
        }
        for timer in [self.retry_timer(), self.limit_timer(), self.renewal_timer()] {
            effects.push(Effect::CancelTimer { timer });
        }
        self.state = State::Closed;
        self.closing = false;
        self.outstanding = None;
        self.interrupted = None;
        self.grant = None;
        self.kept = Kept::default();
        self.queue.clear();
        self.batch.clear();
        self.one_by_one = 0;
        self.with_checkpoint = None;
        self.checkpoint_wanted = false;
        self.spills = SpillQueue::default();
        self.temporary = Temporary::default();
        self.log_length = 0;
    }

    fn closed(&mut self, effects: &mut Effects) {
        self.let_go(effects);
        self.events.push(StoreEvent::Closed);
        effects.report(Event::FileStoreClosed { engine: self.definition.engine.clone() });
    }

    /// A store that was open is gone.
    fn fail(&mut self, why: StoreFailure, effects: &mut Effects) {
        self.let_go(effects);
        self.events.push(StoreEvent::Failed(why));
        effects.report(Event::FileStoreFailed { engine: self.definition.engine.clone(), why });
    }
}

impl MessageStore for FileStore {
    fn open(&mut self, now: Time, incarnation: &IncarnationUuid, effects: &mut Effects) {
        self.let_go(effects);
        self.events.clear();
        self.incarnation = incarnation.clone();
        self.begin_opening(now, effects);
    }

    fn offer(&mut self, now: Time, input: Input, effects: &mut Effects) -> Offered {
        let own = self.connection.map(|(connection, _)| connection);
        match input {
            Input::Connected { connection } if self.announcement == Some(connection) => self.announced(effects),
            Input::Refused { connection, .. } | Input::Broken { connection, .. }
                if self.announcement == Some(connection) =>
            {
                // The timer tries again.
            }
            Input::Connected { connection } if own == Some(connection) => self.connected(now, connection, effects),
            Input::Refused { connection, .. } | Input::Broken { connection, .. } if own == Some(connection) => {
                self.disconnected(now, effects);
            }
            Input::Frame { connection, frame: Frame::FileResponse(response) } if own == Some(connection) => {
                self.response(now, *response, effects);
            }
            Input::Timer { timer } if timer == self.retry_timer() => self.retry(now, effects),
            Input::Timer { timer } if timer == self.limit_timer() => self.limit_reached(effects),
            Input::Timer { timer } if timer == self.renewal_timer() => self.renew(now, effects),
            other => return Offered::Declined(other),
        }
        Offered::Taken
    }

    fn write(&mut self, now: Time, changes: Vec<Change>, effects: &mut Effects) -> Option<Ticket> {
        let changes: Vec<_> = changes.into_iter().filter_map(kept::as_far_as_kept).collect();
        if changes.is_empty() {
            return None;
        }
        self.last_ticket.0 += 1;
        let ticket = self.last_ticket;
        // A store that failed a moment ago, or that is being closed, answers nothing any more.
        if matches!(self.state, State::Open | State::Lost) && !self.closing {
            self.queue.push_back(Queued { ticket, changes });
            self.go_on(now, effects);
        }
        Some(ticket)
    }

    fn spill(&mut self, now: Time, changes: Vec<SpillChange>, effects: &mut Effects) {
        if matches!(self.state, State::Open | State::Lost) && !self.closing {
            self.spills.take(changes);
            self.go_on(now, effects);
        }
    }

    fn close(&mut self, now: Time, effects: &mut Effects) {
        match self.state {
            State::Closed | State::Opening(_) => self.closed(effects),
            State::Open | State::Lost => {
                self.closing = true;
                self.go_on(now, effects);
            }
        }
    }

    fn abandon(&mut self, effects: &mut Effects) {
        self.let_go(effects);
        self.events.clear();
    }

    fn take_events(&mut self) -> Vec<StoreEvent> {
        core::mem::take(&mut self.events)
    }

    fn is_available(&self) -> bool {
        matches!(self.state, State::Open) && !self.closing
    }
}
