//! The trace of a run, condensed to its fingerprint.
//!
//! Everything that leaves a process, everything delivered, every fault, start and end goes in as a small record: kind,
//! true time, process, numbers; frames by their derived hash. Two runs with the same fingerprint did the same. Nothing
//! goes in that could differ between builds, machines or log levels: no pointers, no floats, no native byte order.

use std::fmt;
use std::hash::Hasher;

use xxhash_rust::xxh3::Xxh3;

/// What a record is about. The numbers are part of every fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A process starts.
    Start = 1,
    /// A process is killed.
    Kill = 2,
    /// A process ends of its own accord.
    End = 3,
    /// A process dies because its host loses power.
    PowerOffProcess = 4,
    /// A process is paused.
    Pause = 5,
    /// A pause ends.
    Resume = 6,
    /// A process is asked to end.
    Stop = 7,
    /// A host loses power.
    PowerOff = 8,
    /// A host has power again.
    PowerOn = 9,
    /// A link is cut.
    Cut = 10,
    /// A cut ends.
    Heal = 11,
    /// Something goes wrong with a disk.
    DiskFault = 12,
    /// The faults of a disk end.
    DiskHeal = 13,
    /// The quality of links changes.
    Link = 14,
    /// Effect: listen.
    Listen = 20,
    /// Effect: stop listening.
    StopListening = 21,
    /// Effect: connect.
    Connect = 22,
    /// Effect: send a frame.
    Send = 23,
    /// Effect: close.
    Close = 24,
    /// Effect: send a datagram.
    SendDatagram = 25,
    /// Effect: append.
    Append = 26,
    /// Effect: force.
    Force = 27,
    /// Effect: discard.
    Discard = 28,
    /// Effect: cut off.
    CutFrom = 29,
    /// Effect: a step passed.
    Step = 30,
    /// Effect: an event reported.
    Report = 31,
    /// Input: started.
    Started = 40,
    /// Input: connected.
    Connected = 41,
    /// Input: refused.
    Refused = 42,
    /// Input: accepted.
    Accepted = 43,
    /// Input: frame.
    Frame = 44,
    /// Input: broken.
    Broken = 45,
    /// Input: datagram.
    Datagram = 46,
    /// Input: timer.
    Timer = 47,
    /// Input: forced.
    Forced = 48,
    /// Input: device error.
    DeviceError = 49,
    /// Input: stop.
    StopAsked = 50,
}

/// Where it comes together before it is hashed.
const ROOM: usize = 8 * 1024;

/// The trace, as far as its hash needs it. Values with a derived [`std::hash::Hash`] are written through [`Hasher`], in
/// little-endian order whatever the machine.
pub struct Trace {
    buffer: Vec<u8>,
    hash: Xxh3,
}

impl Default for Trace {
    fn default() -> Self {
        Trace { buffer: Vec::with_capacity(ROOM), hash: Xxh3::new() }
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trace({:016x})", self.fingerprint())
    }
}

impl Trace {
    /// Writes a record: what, when (true time, nanoseconds), about whom, and two numbers whose meaning is the kind's.
    #[inline]
    pub fn record(&mut self, kind: Kind, at: u64, who: u32, one: u64, other: u64) {
        let mut record = [0; 29];
        record[0] = kind as u8;
        record[1..9].copy_from_slice(&at.to_le_bytes());
        record[9..13].copy_from_slice(&who.to_le_bytes());
        record[13..21].copy_from_slice(&one.to_le_bytes());
        record[21..29].copy_from_slice(&other.to_le_bytes());
        self.bytes(&record);
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        if self.buffer.len() + bytes.len() > ROOM {
            self.hash.update(&self.buffer);
            self.buffer.clear();
            if bytes.len() > ROOM {
                self.hash.update(bytes);
                return;
            }
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The hash of everything so far. It does not depend on how the bytes came in.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hash = self.hash.clone();
        hash.update(&self.buffer);
        hash.digest()
    }
}

impl Hasher for Trace {
    fn finish(&self) -> u64 {
        self.fingerprint()
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.bytes(bytes);
    }

    #[inline]
    fn write_u8(&mut self, number: u8) {
        self.bytes(&[number]);
    }

    #[inline]
    fn write_u16(&mut self, number: u16) {
        self.bytes(&number.to_le_bytes());
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    #[inline]
    fn write_u128(&mut self, number: u128) {
        self.bytes(&number.to_le_bytes());
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.bytes(&(number as u64).to_le_bytes());
    }

    #[inline]
    fn write_i8(&mut self, number: i8) {
        self.bytes(&number.to_le_bytes());
    }

    #[inline]
    fn write_i16(&mut self, number: i16) {
        self.bytes(&number.to_le_bytes());
    }

    #[inline]
    fn write_i32(&mut self, number: i32) {
        self.bytes(&number.to_le_bytes());
    }

    #[inline]
    fn write_i64(&mut self, number: i64) {
        self.bytes(&number.to_le_bytes());
    }

    #[inline]
    fn write_isize(&mut self, number: isize) {
        // Discriminants of enums come this way: the same width on every machine.
        self.bytes(&(number as i64).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{Hash, Hasher};

    use super::{Kind, Trace};

    #[test]
    fn the_same_records_give_the_same_fingerprint_and_any_difference_shows() {
        let trace = |at, who, one| {
            let mut trace = Trace::default();
            trace.record(Kind::Send, at, who, one, 0);
            "text".hash(&mut trace);
            trace.fingerprint()
        };
        assert_eq!(trace(1, 2, 3), trace(1, 2, 3));
        assert_ne!(trace(1, 2, 3), trace(2, 2, 3));
        assert_ne!(trace(1, 2, 3), trace(1, 3, 3));
        assert_ne!(trace(1, 2, 3), trace(1, 2, 4));
    }

    #[test]
    fn the_fingerprint_does_not_depend_on_how_the_bytes_came_in() {
        let (mut whole, mut pieces) = (Trace::default(), Trace::default());
        let bytes: Vec<u8> = (0..50_000_u32).map(|number| (number % 251) as u8).collect();
        whole.write(&bytes);
        for piece in bytes.chunks(7) {
            pieces.write(piece);
        }
        assert_eq!(whole.fingerprint(), pieces.fingerprint());
    }
}
