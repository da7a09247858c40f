//! The recovery log: what makes a change durable before anybody is told of it.
//!
//! **In the product.** A queue manager on z/OS writes undo and redo records of every change of a recoverable resource to
//! its log, named by their relative byte address (RBA). Records go to a buffer; the buffer is forced when a unit of work
//! ends phase one or commits, and one force serves every unit of work that waits at that moment. Checkpoints bound what a
//! restart has to read; restart reads forward from the checkpoint, and ends what was in flight or half done. Sources: IBM
//! MQ for z/OS, "How consistency is maintained after an abnormal termination" (csq8287) and, for which call writes and
//! forces what, the protocol of puts, gets and commits as IBM's shared-queue papers describe it.
//!
//! **Modelled.** One file, append only, of records with length, address, incarnation and checksum (format: the module
//! `frame`); group force, with at most one force in flight; checkpoints that hold the whole live state, after which the
//! older part is given up; replay, which stops at the first record that is not whole. What is stored after that point is
//! cut off, so that no later replay can meet it again behind records written since.
//!
//! **Left out.** Dual logs, archive logs and the bootstrap data set: there is one copy, so damage inside the forced part
//! loses what follows it, as the loss of both copies would. Log records carry what must be redone; to undo is simply not
//! to have committed.
//!
//! A caller appends records, asks for a force and hands [`Input::Forced`](crate::machine::Input::Forced) back:
//!
//! ```
//! use indoubt_engine::log::RecoveryLog;
//! use indoubt_engine::machine::{Effects, File, ForceId, Incarnation};
//!
//! let mut effects = Effects::new();
//! let mut log: RecoveryLog<u64, &str> = RecoveryLog::new(File("log"), Incarnation(1));
//! let end = log.append(&42, &mut effects);
//! assert_eq!(log.force(end, "tell the application", &mut effects), None);
//! assert_eq!(log.forced(ForceId(1), &mut effects), ["tell the application"]);
//! assert!(log.is_durable(end));
//! ```

mod frame;
mod replay;

#[cfg(test)]
mod tests;

use core::fmt;
use core::marker::PhantomData;
use std::collections::VecDeque;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use frame::MAXIMUM_PAYLOAD;
pub use replay::{LogUnreadable, Replay};

use crate::machine::{Effect, Effects, File, ForceId, Incarnation, StoredFile};
use crate::step::Step;
use frame::Kind;

/// A log sequence number: a byte address, counted from the beginning of the log's life and never used twice in it (the
/// product's log RBA). What has a lower one is older.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lsn(u64);

impl Lsn {
    /// The first byte of a log.
    pub const START: Lsn = Lsn(0);

    /// The byte address.
    #[must_use]
    pub const fn offset(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012X}", self.0)
    }
}

/// A checkpoint is due when the log has grown by at least this many bytes since the last one.
const CHECKPOINT_INTERVAL: u64 = 1_000_000;

/// Bytes of a checkpoint that are handed to the disk at once.
const CHECKPOINT_WRITE: usize = 64 << 10;

/// Room that a record is given at first.
const USUAL_RECORD: usize = 160;

/// A log of records `R`; those who wait for a force are told by giving their `W` back.
#[derive(Debug)]
pub struct RecoveryLog<R, W> {
    file: File,
    incarnation: Incarnation,
    /// Where the next record begins.
    end: Lsn,
    /// Up to here everything is on the medium, as far as this life knows.
    durable: Lsn,
    in_flight: Option<Force>,
    last_request: ForceId,
    /// Whoever waits, in the order of asking, with the address that must be durable.
    waiters: VecDeque<(Lsn, W)>,
    /// A checkpoint that is written and not forced.
    checkpoint_in_progress: Option<Checkpoint>,
    /// The last complete checkpoint; before the first one, an empty one at the beginning of the log.
    last_checkpoint: Checkpoint,
    records: PhantomData<fn(R) -> R>,
}

/// A force that the device is busy with.
#[derive(Clone, Copy, Debug)]
struct Force {
    request: ForceId,
    /// What was appended when it was asked for.
    up_to: Lsn,
}

#[derive(Clone, Copy, Debug)]
struct Checkpoint {
    begin: Lsn,
    end: Lsn,
}

impl<R, W> RecoveryLog<R, W> {
    /// An empty log.
    #[must_use]
    pub fn new(file: File, incarnation: Incarnation) -> Self {
        let start = Checkpoint { begin: Lsn::START, end: Lsn::START };
        Self::at(file, incarnation, Lsn::START, Lsn::START, start)
    }

    fn at(file: File, incarnation: Incarnation, durable: Lsn, end: Lsn, last_checkpoint: Checkpoint) -> Self {
        RecoveryLog {
            file,
            incarnation,
            end,
            durable,
            in_flight: None,
            last_request: ForceId(0),
            waiters: VecDeque::new(),
            checkpoint_in_progress: None,
            last_checkpoint,
            records: PhantomData,
        }
    }

    /// The file it lies on.
    #[must_use]
    pub fn file(&self) -> File {
        self.file
    }

    /// The end of the last record: where a force that is to cover everything must reach.
    #[must_use]
    pub fn end(&self) -> Lsn {
        self.end
    }

    /// Whether everything up to `lsn` is known to be on the medium.
    #[must_use]
    pub fn is_durable(&self, lsn: Lsn) -> bool {
        lsn <= self.durable
    }

    /// Asks that everything up to `lsn` become durable.
    ///
    /// If it is already, the waiter comes back at once; otherwise [`forced`](Self::forced) will return it. At most one
    /// force is in flight: a request that the one in flight does not cover shares the next with all that arrive
    /// meanwhile.
    ///
    /// # Panics
    ///
    /// If `lsn` is beyond the end of the log: nothing that was appended has such an address.
    #[must_use = "a waiter that comes back need not wait"]
    pub fn force(&mut self, lsn: Lsn, waiter: W, effects: &mut Effects) -> Option<W> {
        assert!(lsn <= self.end, "a force up to {lsn}, but the log ends at {}", self.end);
        if self.is_durable(lsn) {
            return Some(waiter);
        }
        self.waiters.push_back((lsn, waiter));
        self.start_force(effects);
        None
    }

    /// Takes note that a force is complete; returns those who waited for it, in the order in which they had asked, and
    /// starts the next force if one is needed.
    ///
    /// # Panics
    ///
    /// If `request` is not the force in flight.
    #[must_use = "they wait to be told"]
    pub fn forced(&mut self, request: ForceId, effects: &mut Effects) -> Vec<W> {
        let force = self.in_flight.take().expect("a force is complete that nobody asked for");
        assert_eq!(force.request, request, "a force is complete that is not the one in flight");
        assert!(self.durable <= force.up_to && force.up_to <= self.end, "a force covers what was appended, no more");
        self.durable = force.up_to;

        if let Some(checkpoint) = self.checkpoint_in_progress.take_if(|checkpoint| checkpoint.end <= force.up_to) {
            self.last_checkpoint = checkpoint;
            effects.step(Step::CheckpointWritten);
            effects.push(Effect::DiscardBefore { file: self.file, offset: checkpoint.begin.0 });
        }

        let mut told = Vec::with_capacity(self.waiters.len());
        let mut waiting = VecDeque::new();
        for (lsn, waiter) in self.waiters.drain(..) {
            if lsn <= self.durable {
                told.push(waiter);
            } else {
                waiting.push_back((lsn, waiter));
            }
        }
        self.waiters = waiting;
        if !self.waiters.is_empty() || self.checkpoint_in_progress.is_some() {
            self.start_force(effects);
        }
        told
    }

    /// Whether the log has grown so much since its last checkpoint that another one pays: more than 1 MB and more than
    /// twice the size of the last one, so that a large live state is not written over and over.
    #[must_use]
    pub fn checkpoint_due(&self) -> bool {
        let Checkpoint { begin, end } = self.last_checkpoint;
        let grown = self.end.0 - end.0;
        self.checkpoint_in_progress.is_none() && grown > CHECKPOINT_INTERVAL.max(2 * (end.0 - begin.0))
    }

    fn start_force(&mut self, effects: &mut Effects) {
        if self.in_flight.is_some() {
            return;
        }
        self.last_request.0 += 1;
        self.in_flight = Some(Force { request: self.last_request, up_to: self.end });
        effects.push(Effect::Force { file: self.file, request: self.last_request });
    }

    fn write(&mut self, bytes: Vec<u8>, effects: &mut Effects) {
        effects.push(Effect::Append { file: self.file, bytes });
    }
}

impl<R: Serialize, W> RecoveryLog<R, W> {
    /// Writes a record at the end of the log. It is volatile; returns the address that a force must reach to make it
    /// durable, which is the end of the record.
    pub fn append(&mut self, record: &R, effects: &mut Effects) -> Lsn {
        let bytes = frame::write(Vec::with_capacity(USUAL_RECORD), Kind::Record, self.end, self.incarnation, record);
        self.end.0 += bytes.len() as u64;
        self.write(bytes, effects);
        self.end
    }

    /// Writes the live state as one checkpoint and asks for a force. Once it is forced, what lies before it is given up.
    ///
    /// `live` must be the whole state that the records so far amount to, those not durable yet included. If the process
    /// ends before the checkpoint is complete, replay uses the one before.
    pub fn checkpoint(&mut self, live: impl IntoIterator<Item = R>, effects: &mut Effects) {
        let begin = self.end;
        let mut buffer = self.piece(Vec::with_capacity(CHECKPOINT_WRITE), Kind::CheckpointBegin, &());
        for record in live {
            if buffer.len() >= CHECKPOINT_WRITE {
                self.write(core::mem::take(&mut buffer), effects);
            }
            buffer = self.piece(buffer, Kind::CheckpointRecord, &record);
        }
        buffer = self.piece(buffer, Kind::CheckpointEnd, &());
        self.write(buffer, effects);
        self.checkpoint_in_progress = Some(Checkpoint { begin, end: self.end });
        self.start_force(effects);
    }

    fn piece<P: Serialize>(&mut self, buffer: Vec<u8>, kind: Kind, payload: &P) -> Vec<u8> {
        let before = buffer.len();
        let buffer = frame::write(buffer, kind, self.end, self.incarnation, payload);
        self.end.0 += (buffer.len() - before) as u64;
        buffer
    }
}

impl<R: DeserializeOwned, W> RecoveryLog<R, W> {
    /// Reads what the disk gave back, up to the first record that is not whole: header, checksum, address, incarnation or
    /// payload wrong. What follows it is cut off. `incarnation` is the life that is starting; `stored` is `None` if the
    /// file was never written.
    ///
    /// What was read need not be on the medium: a process can end while its host lives, and a host gives back what it has
    /// not written yet. So nothing counts as durable; whoever acts on what was replayed first forces up to
    /// [`end`](Self::end).
    ///
    /// # Errors
    ///
    /// [`LogUnreadable`] if the device fails, or if the checkpoint is damaged that stands for what was given up.
    pub fn replay(
        file: File,
        incarnation: Incarnation,
        stored: Option<&StoredFile>,
        effects: &mut Effects,
    ) -> Result<(Self, Replay<R>), LogUnreadable> {
        let (start, bytes): (Lsn, &[u8]) = match stored {
            None => (Lsn::START, &[]),
            Some(StoredFile::Content { start, bytes }) => (Lsn(*start), bytes),
            Some(StoredFile::Unreadable) => return Err(LogUnreadable::Device),
        };
        let scan = replay::scan(start, bytes, incarnation);
        if scan.checkpoint.is_none() && start > Lsn::START {
            return Err(LogUnreadable::CheckpointDamaged);
        }
        let cut_off = start.0 + bytes.len() as u64 - scan.end.0;
        if cut_off > 0 {
            effects.push(Effect::CutFrom { file, offset: scan.end.0 });
        }
        let (begin, end) = scan.checkpoint.unwrap_or((start, start));
        let log = Self::at(file, incarnation, start, scan.end, Checkpoint { begin, end });
        Ok((log, Replay { records: scan.records, cut_off, count: scan.count }))
    }
}
