//! Reading the log back at restart.

use core::fmt;

use serde::de::DeserializeOwned;

use super::Lsn;
use super::frame::{self, Kind};
use crate::defect::Defect;
use crate::machine::Incarnation;

/// What the log held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay<R> {
    /// The state at the last complete checkpoint, then every change since, in the order of writing.
    pub records: Vec<R>,
    /// Bytes after the last good record: a torn write, or damage and all that follows it. They are cut off.
    pub cut_off: u64,
    /// Good records read, those that a checkpoint makes superfluous included.
    pub count: u64,
}

/// Why a log cannot be replayed at all. A queue manager does not start with such a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogUnreadable {
    /// The device reports an error.
    Device,
    /// What lay before the checkpoint was given up, and the checkpoint is damaged: the state cannot be rebuilt.
    CheckpointDamaged,
}

impl fmt::Display for LogUnreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LogUnreadable::Device => "the device cannot read the log",
            LogUnreadable::CheckpointDamaged => "the checkpoint at the beginning of the log is damaged",
        })
    }
}

impl core::error::Error for LogUnreadable {}

/// What a scan of the bytes found.
pub(super) struct Scan<R> {
    pub(super) records: Vec<R>,
    pub(super) count: u64,
    /// The end of the last good record.
    pub(super) end: Lsn,
    /// The last complete checkpoint: its first byte and the byte after its last.
    pub(super) checkpoint: Option<(Lsn, Lsn)>,
}

/// A checkpoint whose end has not been met yet.
struct Unfinished<R> {
    begin: Lsn,
    records: Vec<R>,
}

/// Reads record after record until the first that is not good. `incarnation` is the life that reads.
pub(super) fn scan<R: DeserializeOwned>(start: Lsn, bytes: &[u8], incarnation: Incarnation) -> Scan<R> {
    let mut scan = Scan { records: Vec::new(), count: 0, end: start, checkpoint: None };
    let mut unfinished: Option<Unfinished<R>> = None;
    let mut newest = Incarnation(0);
    let mut rest = bytes;
    while let Some(found) = frame::read(rest, scan.end) {
        if found.incarnation < newest || found.incarnation > incarnation {
            break;
        }
        let begin = scan.end;
        let end = Lsn(begin.0 + found.length() as u64);
        match found.kind {
            Kind::Record => match found.payload() {
                Some(record) => {
                    // A change after the beginning of a checkpoint and before its end: the life that wrote the checkpoint
                    // ended in it.
                    unfinished = None;
                    scan.records.push(record);
                }
                None if is_skipped(&rest[found.length()..], end) => {}
                None => break,
            },
            Kind::CheckpointBegin => unfinished = Some(Unfinished { begin, records: Vec::new() }),
            Kind::CheckpointRecord => match (&mut unfinished, found.payload()) {
                (Some(checkpoint), Some(record)) => checkpoint.records.push(record),
                (Some(_), None) if is_skipped(&rest[found.length()..], end) => {}
                _ => break,
            },
            Kind::CheckpointEnd => match unfinished.take() {
                Some(checkpoint) => {
                    scan.checkpoint = Some((checkpoint.begin, end));
                    scan.records = checkpoint.records;
                }
                None => break,
            },
        }
        newest = found.incarnation;
        rest = &rest[found.length()..];
        scan.end = end;
        scan.count += 1;
    }
    scan
}

/// The planted defect: a record that does not decode is passed over when another one seems to follow.
fn is_skipped(rest: &[u8], lsn: Lsn) -> bool {
    Defect::ReplayIgnoresChecksum.is_planted() && frame::read(rest, lsn).is_some()
}
