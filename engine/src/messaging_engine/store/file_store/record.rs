//! The bytes of the log and of the permanent store.
//!
//! ```text
//! offset  bytes  field
//!      0      4  length of the payload
//!      4      4  CRC-32C of the length and the payload
//!      8      -  payload: postcard
//! ```
//!
//! A write to a file server is there as a whole or not at all, so a record that is not whole is damage, wherever it is.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::messaging_engine::definition::{EngineUuid, IncarnationUuid};
use crate::messaging_engine::store::{Change, PreparedTransaction, StoredMessage};

/// A record of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogRecord {
    /// One more than that of the record before.
    pub(super) sequence: u64,
    /// They happened together.
    pub(super) changes: Vec<Change>,
}

/// The permanent store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Permanent {
    /// `ME_UUID`.
    pub(super) engine: EngineUuid,
    /// `INC_UUID`.
    pub(super) incarnation: IncarnationUuid,
    /// The last record of the log that it includes.
    pub(super) sequence: u64,
    /// How often the store was opened before.
    pub(super) openings: u64,
    /// No persistent item had this number or a higher one.
    pub(super) next_item: u64,
    pub(super) messages: Vec<StoredMessage>,
    pub(super) prepared: Vec<PreparedTransaction>,
}

/// A record is not whole, or not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damaged;

const HEADER_LENGTH: usize = 8;

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length), payload)
}

/// Appends a record to `bytes`.
pub(super) fn write<P: Serialize>(payload: &P, bytes: &mut Vec<u8>) {
    let begin = bytes.len();
    bytes.extend_from_slice(&[0; HEADER_LENGTH]);
    *bytes = postcard::to_extend(payload, core::mem::take(bytes)).expect("a record is plain data");
    let length = bytes.len() - begin - HEADER_LENGTH;
    let length = u32::try_from(length).expect("a record is shorter than 4 GiB").to_le_bytes();
    let checksum = checksum(length, &bytes[begin + HEADER_LENGTH..]);
    bytes[begin..begin + 4].copy_from_slice(&length);
    bytes[begin + 4..begin + HEADER_LENGTH].copy_from_slice(&checksum.to_le_bytes());
}

/// Reads all records.
pub(super) fn read_all<P: DeserializeOwned>(bytes: &[u8]) -> Result<Vec<P>, Damaged> {
    let mut records = Vec::new();
    let mut rest = bytes;
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (stored, after) = after.split_first_chunk::<4>().ok_or(Damaged)?;
        let end = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Damaged)?;
        let payload = after.get(..end).ok_or(Damaged)?;
        if checksum(*length, payload) != u32::from_le_bytes(*stored) {
            return Err(Damaged);
        }
        records.push(postcard::from_bytes(payload).map_err(|_| Damaged)?);
        rest = &after[end..];
    }
    if rest.is_empty() { Ok(records) } else { Err(Damaged) }
}
