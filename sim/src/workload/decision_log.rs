//! The log in which a transaction coordinator keeps its decisions: what makes presumed abort work.
//!
//! Before phase two of a commit the coordinator forces a record that says so; a transaction of which the log says
//! nothing was backed out. When phase two is known to be done, a second record (not forced) says that the transaction
//! can be forgotten. A record is 17 bytes: what it says, the transaction's number, a checksum of both. Reading stops at
//! the first record that is torn or damaged.
//!
//! Modelled on the log of a CICS region or an XA transaction manager. Left out: keypoints and trimming.

use std::collections::BTreeSet;

use indoubt_engine::machine::{File, StoredFile};
use xxhash_rust::xxh3::xxh3_64;

/// The file.
pub const FILE: File = File("coordinator.log");

const LENGTH: usize = 17;
const COMMITTED: u8 = 1;
const ENDED: u8 = 2;

/// What a record says of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// It is to be committed.
    Committed(u64),
    /// Every participant knows; the transaction can be forgotten.
    Ended(u64),
}

impl Record {
    /// As written to the file.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let (kind, number) = match self {
            Record::Committed(number) => (COMMITTED, number),
            Record::Ended(number) => (ENDED, number),
        };
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(kind);
        bytes.extend_from_slice(&number.to_le_bytes());
        bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; LENGTH]) -> Option<Record> {
        let (content, checksum) = bytes.split_at(LENGTH - 8);
        if xxh3_64(content).to_le_bytes() != checksum {
            return None;
        }
        let number = u64::from_le_bytes(content[1..].try_into().ok()?);
        match content[0] {
            COMMITTED => Some(Record::Committed(number)),
            ENDED => Some(Record::Ended(number)),
            _ => None,
        }
    }
}

/// What a restarted coordinator finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// Transactions to be committed, of which it is not known that every participant was told.
    pub committed: BTreeSet<u64>,
    /// Where a torn or damaged tail begins, if there is one.
    pub cut_from: Option<u64>,
}

/// Reads the log. An unreadable one reads as empty: everything in doubt would be backed out.
#[must_use]
pub fn replay(file: Option<&StoredFile>) -> Replay {
    let Some(StoredFile::Content { start, bytes }) = file else { return Replay::default() };
    let mut replay = Replay::default();
    let (records, torn) = bytes.as_chunks::<LENGTH>();
    let mut offset = *start;
    for bytes in records {
        match Record::from_bytes(bytes) {
            Some(Record::Committed(number)) => replay.committed.insert(number),
            Some(Record::Ended(number)) => replay.committed.remove(&number),
            None => {
                replay.cut_from = Some(offset);
                return replay;
            }
        };
        offset += LENGTH as u64;
    }
    if !torn.is_empty() {
        replay.cut_from = Some(offset);
    }
    replay
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(records: &[Record]) -> Vec<u8> {
        records.iter().flat_map(|record| record.to_bytes()).collect()
    }

    fn read(bytes: Vec<u8>) -> Replay {
        replay(Some(&StoredFile::Content { start: 0, bytes }))
    }

    #[test]
    fn a_decision_that_has_not_ended_is_found_again() {
        let found = read(written(&[Record::Committed(1), Record::Committed(2), Record::Ended(1)]));
        assert_eq!(found, Replay { committed: BTreeSet::from([2]), cut_from: None });
    }

    #[test]
    fn a_torn_decision_was_never_made() {
        for torn in 1..LENGTH {
            let mut bytes = written(&[Record::Committed(1), Record::Committed(2)]);
            bytes.truncate(2 * LENGTH - torn);
            assert_eq!(read(bytes), Replay { committed: BTreeSet::from([1]), cut_from: Some(17) });
        }
    }

    #[test]
    fn any_flipped_bit_ends_the_log() {
        let whole = written(&[Record::Committed(1), Record::Committed(2)]);
        for bit in 0..LENGTH * 8 {
            let mut bytes = whole.clone();
            bytes[LENGTH + bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(bytes), Replay { committed: BTreeSet::from([1]), cut_from: Some(17) });
        }
    }

    #[test]
    fn no_log_presumes_abort() {
        assert_eq!(replay(None), Replay::default());
        assert_eq!(replay(Some(&StoredFile::Unreadable)), Replay::default());
    }
}
