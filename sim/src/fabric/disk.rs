//! Disks: append-only files whose written data is volatile until it is forced.
//!
//! A disk outlives processes and hosts and may be reached from several hosts (shared DASD). A killed process leaves what it
//! wrote to the operating system, which writes it out; when its host loses power, every sector that was not forced is kept
//! or dropped on its own, by seed, and the boundary is torn ([`super::power_failure`]). Forces of one file complete in
//! order. Left out: file systems and their metadata, reads while a process runs, reservations.

use std::collections::VecDeque;

use indoubt_engine::machine::{DeviceError, File, StoredFile};
use indoubt_engine::time::Duration;
use rand_chacha::ChaCha8Rng;

use super::draw::{below, nanoseconds};
use super::process::ProcessId;
use crate::scenario::model::Latency;

/// A disk of the world, in the order of [`Fabric::add_disk`](super::Fabric::add_disk).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiskId(pub u32);

impl DiskId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a new disk is like.
#[derive(Clone, Debug)]
pub struct DiskOptions {
    /// Its name: stable, since its random stream derives from it.
    pub name: String,
    /// Time of a force.
    pub force: Latency,
    /// Bytes it can hold; `None` for no limit.
    pub capacity: Option<u64>,
}

/// What can go wrong with a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFault {
    /// The device's cache loses what was forced last, although it was acknowledged, when power fails next at the host of
    /// a process that writes there.
    LoseForce,
    /// The last write is torn when its writer dies next; at once, if the writer is dead.
    TearLastWrite,
    /// Bits flip in the last durable sector of the file written last.
    RotTail,
    /// Bits flip in the sector that holds this offset of the file written last.
    RotAt(u64),
    /// Every force takes this much longer, until healed.
    Slow(Duration),
    /// No space is left, until healed.
    Full,
    /// What is stored cannot be read, and forces fail, until healed.
    Unreadable,
}

/// The unit in which a device writes.
pub(super) const SECTOR: u64 = 512;

/// A file as the operating system sees it, and how much of that is on the medium.
pub(super) struct FileState {
    pub(super) owner: ProcessId,
    pub(super) file: File,
    /// Offset of the first byte of `content`.
    pub(super) start: u64,
    pub(super) content: Vec<u8>,
    /// Everything before this offset is on the medium.
    pub(super) durable: u64,
    /// Offset of the last write.
    pub(super) last_write: u64,
    /// Orders the last writes of files; 0 if nothing was ever written.
    written: u64,
    /// The force that completed last: its order among all, and from which offset on it made durable.
    last_force: Option<(u64, u64)>,
    /// Forces asked for: when each completes, and up to which offset.
    forces: VecDeque<(u64, u64)>,
}

impl FileState {
    /// Offset behind the last byte.
    pub(super) fn end(&self) -> u64 {
        self.start + self.content.len() as u64
    }

    /// Position of an offset in `content`, if it is still or already there, else the nearest.
    pub(super) fn position(&self, offset: u64) -> usize {
        usize::try_from(offset.clamp(self.start, self.end()) - self.start).expect("within memory")
    }

    /// Cuts off what lies from an offset on.
    pub(super) fn cut(&mut self, offset: u64) {
        let keep = self.position(offset);
        self.content.truncate(keep);
        let end = self.end();
        self.durable = self.durable.min(end);
        self.last_write = self.last_write.min(end);
        for force in &mut self.forces {
            force.1 = force.1.min(end);
        }
    }
}

/// A disk's state.
pub(super) struct Disk {
    force: (u64, u64),
    capacity: u64,
    pub(super) stream: ChaCha8Rng,
    pub(super) files: Vec<FileState>,
    used: u64,
    /// Counts writes and forces, to know which was last.
    order: u64,
    pub(super) lose_force: bool,
    pub(super) tear_last_write: bool,
    slow: u64,
    full: bool,
    unreadable: bool,
}

impl Disk {
    pub(super) fn new(options: &DiskOptions, stream: ChaCha8Rng) -> Self {
        Disk {
            force: (nanoseconds(options.force.base), nanoseconds(options.force.jitter)),
            capacity: options.capacity.unwrap_or(u64::MAX),
            stream,
            files: Vec::new(),
            used: 0,
            order: 0,
            lose_force: false,
            tear_last_write: false,
            slow: 0,
            full: false,
            unreadable: false,
        }
    }

    fn file(&mut self, owner: ProcessId, file: File) -> usize {
        if let Some(found) = self.files.iter().position(|state| state.owner == owner && state.file == file) {
            return found;
        }
        self.files.push(FileState {
            owner,
            file,
            start: 0,
            content: Vec::new(),
            durable: 0,
            last_write: 0,
            written: 0,
            last_force: None,
            forces: VecDeque::new(),
        });
        self.files.len() - 1
    }

    /// Writes at the end of a file.
    pub(super) fn append(&mut self, owner: ProcessId, file: File, bytes: &[u8]) -> Result<(), DeviceError> {
        let index = self.file(owner, file);
        let length = bytes.len() as u64;
        if self.full || self.used.saturating_add(length) > self.capacity {
            return Err(DeviceError::Full);
        }
        self.used += length;
        self.order += 1;
        let state = &mut self.files[index];
        state.written = self.order;
        state.last_write = state.end();
        state.content.extend_from_slice(bytes);
        Ok(())
    }

    /// The file written last, by one process or by anybody.
    pub(super) fn last_written(&self, owner: Option<ProcessId>) -> Option<usize> {
        let of = |state: &FileState| owner.is_none_or(|owner| state.owner == owner) && state.written > 0;
        let files = (0..self.files.len()).filter(|&index| of(&self.files[index]));
        files.max_by_key(|&index| self.files[index].written)
    }

    /// Takes back the force of a process that completed last.
    pub(super) fn lose_last_force(&mut self, owner: ProcessId) {
        let files = self.files.iter_mut().filter(|state| state.owner == owner && state.last_force.is_some());
        if let Some(state) = files.max_by_key(|state| state.last_force)
            && let Some((_, from)) = state.last_force
        {
            state.durable = from.clamp(state.start, state.end());
        }
    }

    /// When a force that is asked for now completes.
    pub(super) fn force(&mut self, owner: ProcessId, file: File, now: u64) -> Result<u64, DeviceError> {
        let (base, jitter) = self.force;
        let takes = base + below(&mut self.stream, jitter + 1) + self.slow;
        if self.unreadable {
            return Err(DeviceError::Failed);
        }
        let index = self.file(owner, file);
        self.settle(index, now);
        let state = &mut self.files[index];
        let at = (now + takes).max(state.forces.back().map_or(0, |last| last.0));
        let end = state.end();
        state.forces.push_back((at, end));
        Ok(at)
    }

    /// Lets the forces of a file complete that are due.
    pub(super) fn settle(&mut self, index: usize, now: u64) {
        let state = &mut self.files[index];
        while let Some(&(at, end)) = state.forces.front()
            && at <= now
        {
            state.forces.pop_front();
            if end > state.durable {
                self.order += 1;
                state.last_force = Some((self.order, state.durable));
                state.durable = end;
            }
        }
    }

    /// Gives up what lies before an offset.
    pub(super) fn discard_before(&mut self, owner: ProcessId, file: File, offset: u64) {
        let index = self.file(owner, file);
        let state = &mut self.files[index];
        let gone = state.position(offset);
        state.content.drain(..gone);
        state.start += gone as u64;
        state.durable = state.durable.max(state.start);
        state.last_write = state.last_write.max(state.start);
        self.used -= gone as u64;
    }

    /// Cuts off what lies from an offset on, durably.
    pub(super) fn cut_from(&mut self, owner: ProcessId, file: File, offset: u64) {
        let index = self.file(owner, file);
        self.files[index].cut(offset);
        self.recount();
    }

    /// What a process reads when it starts.
    pub(super) fn read(&self, owner: ProcessId) -> Vec<(File, StoredFile)> {
        let own = self.files.iter().filter(|state| state.owner == owner);
        own.map(|state| {
            let stored = if self.unreadable {
                StoredFile::Unreadable
            } else {
                StoredFile::Content { start: state.start, bytes: state.content.clone() }
            };
            (state.file, stored)
        })
        .collect()
    }

    /// Adds up what is stored.
    pub(super) fn recount(&mut self) {
        self.used = self.files.iter().map(|state| state.content.len() as u64).sum();
    }

    /// The forces of a file that are still under way come to nothing.
    pub(super) fn forget_forces(&mut self, index: usize) {
        self.files[index].forces.clear();
        self.files[index].last_force = None;
    }

    /// A fault that lasts begins, or one that is over in an instant happens. `alive` tells whether a process lives.
    pub(super) fn fault(&mut self, fault: DiskFault, alive: impl Fn(ProcessId) -> bool) {
        match fault {
            DiskFault::LoseForce => self.lose_force = true,
            DiskFault::TearLastWrite => match self.last_written(None) {
                Some(index) if !alive(self.files[index].owner) => self.tear(index),
                _ => self.tear_last_write = true,
            },
            DiskFault::RotTail => {
                if let Some(index) = self.last_written(None)
                    && self.files[index].durable > self.files[index].start
                {
                    let tail = self.files[index].durable - 1;
                    self.rot(index, tail);
                }
            }
            DiskFault::RotAt(offset) => {
                if let Some(index) = self.last_written(None) {
                    self.rot(index, offset);
                }
            }
            DiskFault::Slow(delay) => self.slow = nanoseconds(delay),
            DiskFault::Full => self.full = true,
            DiskFault::Unreadable => self.unreadable = true,
        }
    }

    /// The faults that last are over.
    pub(super) fn heal(&mut self) {
        self.slow = 0;
        self.full = false;
        self.unreadable = false;
        self.lose_force = false;
        self.tear_last_write = false;
    }
}
