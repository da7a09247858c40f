//! What an administrator says of a database.

use crate::name::{Address, ProcessName};
use crate::time::Duration;

/// How much fits into the table space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// This many rows, all tables together.
    Rows(u64),
    /// This many bytes of row values, all tables together.
    Bytes(u64),
}

/// A database server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseDefinition {
    /// Its process.
    pub name: ProcessName,
    /// Where it listens.
    pub address: Address,
    /// The TCP keep-alive of its host: until then the session of a silent client lives on, and so do its locks. The kernel
    /// of the client's host answers it, so a client that hangs keeps its session. Most operating systems wait 2 hours.
    pub session_keep_alive: Duration,
    /// How much it can hold; `None` for no limit.
    pub capacity: Option<Capacity>,
    /// Time from the start of the process until sessions are accepted: crash recovery of a small database.
    pub start_time: Duration,
}

impl DatabaseDefinition {
    /// Keep-alive of 2 hours, no limit of space, 5 s from start to open.
    #[must_use]
    pub fn new(name: ProcessName, address: Address) -> Self {
        DatabaseDefinition {
            name,
            address,
            session_keep_alive: Duration::from_secs(2 * 3600),
            capacity: None,
            start_time: Duration::from_secs(5),
        }
    }
}
