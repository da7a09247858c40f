//! The bytes of one log record.
//!
//! ```text
//! offset  bytes  field
//!      0      3  the letters "LOG"
//!      3      1  kind: 1 record, 2 checkpoint begins, 3 record of a checkpoint, 4 checkpoint ends
//!      4      4  length of the payload
//!      8      8  LSN of the record's first byte
//!     16      4  incarnation of the process that wrote it
//!     20      4  CRC-32C of the 20 bytes before and of the payload
//!     24      -  payload: postcard
//! ```
//!
//! Numbers are little-endian. A sector that reads as zeros is never the beginning of a record (the letters), and a record
//! of which a part reads as zeros fails its checksum. Bytes of an earlier use of the same place name another LSN or an
//! older incarnation than the record before them.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Lsn;
use crate::defect::Defect;
use crate::machine::Incarnation;

const LETTERS: [u8; 3] = *b"LOG";
const LENGTH_AT: usize = 4;
const LSN_AT: usize = 8;
const INCARNATION_AT: usize = 16;
const CHECKSUM_AT: usize = 20;

/// Bytes before the payload.
pub(super) const HEADER_LENGTH: usize = 24;

/// The longest payload, in bytes: a length beyond it cannot be a record's.
pub const MAXIMUM_PAYLOAD: usize = 64 << 20;

/// What a record is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A change.
    Record,
    /// The beginning of a checkpoint.
    CheckpointBegin,
    /// A piece of the live state.
    CheckpointRecord,
    /// The end of a checkpoint: it holds all that was live at its beginning.
    CheckpointEnd,
}

impl Kind {
    const fn code(self) -> u8 {
        match self {
            Kind::Record => 1,
            Kind::CheckpointBegin => 2,
            Kind::CheckpointRecord => 3,
            Kind::CheckpointEnd => 4,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Kind::Record),
            2 => Some(Kind::CheckpointBegin),
            3 => Some(Kind::CheckpointRecord),
            4 => Some(Kind::CheckpointEnd),
            _ => None,
        }
    }
}

/// Appends one record's bytes to `buffer`.
///
/// # Panics
///
/// If the payload is longer than [`MAXIMUM_PAYLOAD`], or is a type without a fixed encoding.
pub(super) fn write<P: Serialize + ?Sized>(
    buffer: Vec<u8>,
    kind: Kind,
    lsn: Lsn,
    incarnation: Incarnation,
    payload: &P,
) -> Vec<u8> {
    let begin = buffer.len();
    let mut buffer = buffer;
    buffer.extend_from_slice(&LETTERS);
    buffer.push(kind.code());
    buffer.extend_from_slice(&[0; 4]);
    buffer.extend_from_slice(&lsn.0.to_le_bytes());
    buffer.extend_from_slice(&incarnation.0.to_le_bytes());
    buffer.extend_from_slice(&[0; 4]);
    let mut buffer =
        postcard::to_extend(payload, buffer).expect("a log record is plain data, which always has an encoding");

    let length = buffer.len() - begin - HEADER_LENGTH;
    assert!(length <= MAXIMUM_PAYLOAD, "a log record of {length} bytes is longer than replay would accept");
    let length = u32::try_from(length).expect("the bound is below 4 GiB");
    let record = &mut buffer[begin..];
    record[LENGTH_AT..LENGTH_AT + 4].copy_from_slice(&length.to_le_bytes());
    let checksum = checksum(record);
    record[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&checksum.to_le_bytes());
    buffer
}

fn checksum(record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&record[..CHECKSUM_AT]), &record[HEADER_LENGTH..])
}

/// A record as it was found; its payload is not decoded yet.
pub(super) struct Found<'a> {
    pub(super) kind: Kind,
    pub(super) incarnation: Incarnation,
    /// The whole of it.
    record: &'a [u8],
}

impl Found<'_> {
    /// Bytes, header included.
    pub(super) fn length(&self) -> usize {
        self.record.len()
    }

    /// The payload; `None` if it is not a `P`.
    pub(super) fn payload<P: DeserializeOwned>(&self) -> Option<P> {
        match postcard::take_from_bytes(&self.record[HEADER_LENGTH..]) {
            Ok((payload, rest)) => (rest.is_empty() || Defect::ReplayIgnoresChecksum.is_planted()).then_some(payload),
            Err(_) => None,
        }
    }
}

/// Reads the record at the beginning of `bytes`, which lie at `lsn`, if a whole and undamaged one is there.
pub(super) fn read(bytes: &[u8], lsn: Lsn) -> Option<Found<'_>> {
    let header = bytes.get(..HEADER_LENGTH)?;
    if header[..3] != LETTERS || number(header, LSN_AT) != Some(lsn.0.to_le_bytes()) {
        return None;
    }
    let kind = Kind::from_code(header[3])?;
    let length = usize::try_from(u32::from_le_bytes(number(header, LENGTH_AT)?)).ok()?;
    if length > MAXIMUM_PAYLOAD {
        return None;
    }
    let record = bytes.get(..HEADER_LENGTH + length)?;
    let incarnation = Incarnation(u32::from_le_bytes(number(header, INCARNATION_AT)?));
    let stored = u32::from_le_bytes(number(header, CHECKSUM_AT)?);
    if stored != checksum(record) && !Defect::ReplayIgnoresChecksum.is_planted() {
        return None;
    }
    Some(Found { kind, incarnation, record })
}

fn number<const N: usize>(header: &[u8], at: usize) -> Option<[u8; N]> {
    header.get(at..at + N)?.try_into().ok()
}
