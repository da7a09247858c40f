//! What becomes of data on a disk when its writer or its writer's host dies, and how sectors rot.

use super::disk::{Disk, FileState, SECTOR};
use super::draw::below;
use super::process::ProcessId;

impl Disk {
    /// A process died, its host lives on: the operating system writes out what is left.
    pub(super) fn writer_died(&mut self, owner: ProcessId, now: u64) {
        for index in self.files_of(owner) {
            self.settle(index, now);
            self.forget_forces(index);
            let state = &mut self.files[index];
            state.durable = state.end();
        }
        self.tear_if_asked(owner);
    }

    /// The host of a process lost power: each sector that was not forced is kept or dropped on its own. A dropped sector
    /// before a kept one reads as zeros; the last one kept may be torn anywhere.
    pub(super) fn power_failed(&mut self, owner: ProcessId, now: u64) {
        for index in self.files_of(owner) {
            self.settle(index, now);
        }
        if std::mem::take(&mut self.lose_force) {
            self.lose_last_force(owner);
        }
        for index in self.files_of(owner) {
            self.scatter(index);
            self.forget_forces(index);
            let state = &mut self.files[index];
            state.durable = state.end();
        }
        self.tear_if_asked(owner);
        self.recount();
    }

    fn files_of(&self, owner: ProcessId) -> Vec<usize> {
        (0..self.files.len()).filter(|&index| self.files[index].owner == owner).collect()
    }

    /// Keeps or drops each sector of a file that is not durable.
    fn scatter(&mut self, index: usize) {
        let Disk { files, stream, .. } = self;
        let state: &mut FileState = &mut files[index];
        let (durable, end) = (state.durable, state.end());
        let mut kept = durable;
        let mut from = durable;
        while from < end {
            let to = ((from / SECTOR + 1) * SECTOR).min(end);
            if below(stream, 2) == 1 {
                kept = to;
            } else {
                let hole = state.position(from)..state.position(to);
                state.content[hole].fill(0);
            }
            from = to;
        }
        if kept > durable && below(stream, 2) == 1 {
            // The power went away while the last sector was being written.
            let sector = ((kept - 1) / SECTOR * SECTOR).max(durable);
            kept = sector + below(stream, kept - sector);
        }
        state.cut(kept);
    }

    fn tear_if_asked(&mut self, owner: ProcessId) {
        if self.tear_last_write
            && let Some(index) = self.last_written(Some(owner))
        {
            self.tear(index);
        }
    }

    /// Keeps only a part of the last write of a file: at least one of its bytes is missing.
    pub(super) fn tear(&mut self, index: usize) {
        self.tear_last_write = false;
        let Disk { files, stream, .. } = self;
        let state = &mut files[index];
        let length = state.end() - state.last_write;
        let keep = below(stream, length);
        state.cut(state.last_write + keep);
        self.recount();
    }

    /// Flips bits in the sector that holds an offset, if it is there.
    pub(super) fn rot(&mut self, index: usize, offset: u64) {
        let Disk { files, stream, .. } = self;
        let state = &mut files[index];
        if offset < state.start || offset >= state.end() {
            return;
        }
        let sector = (offset / SECTOR * SECTOR).max(state.start);
        let width = (sector / SECTOR * SECTOR + SECTOR).min(state.end()) - sector;
        let first = state.position(sector + below(stream, width));
        let bit = u8::try_from(below(stream, 8)).expect("below 8");
        state.content[first] ^= 1 << bit;
        for _ in 0..3 {
            // Further damage, never where the first bit was flipped, so that it cannot be undone.
            let position = state.position(sector + below(stream, width));
            let mask = u8::try_from(below(stream, 256)).expect("below 256");
            if position != first {
                state.content[position] ^= mask;
            }
        }
    }
}
