//! What a session and the database server say to each other.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::name::{ProcessName, SchemaName, TableName};
use crate::time::Duration;

/// A request of a session, as the client numbers them; the response repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestNumber(pub u64);

/// A transaction of a session, as the client numbers them. It begins with the first request that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionNumber(pub u32);

/// The primary key of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RowKey {
    /// A number.
    Number(u64),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl RowKey {
    fn length(&self) -> usize {
        match self {
            RowKey::Number(_) => 8,
            RowKey::Bytes(bytes) => bytes.len(),
        }
    }
}

/// How long a transaction waits for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockPatience {
    /// Not at all.
    NoWait,
    /// This long, then the transaction is rolled back.
    Wait(Duration),
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Statement {
    /// `LOCK TABLE ... IN EXCLUSIVE MODE`: held until the transaction ends.
    Lock {
        /// Which.
        table: TableName,
        /// For how long to wait.
        patience: LockPatience,
    },
    /// `SELECT` of one row, answered with [`Answer::Row`].
    Read {
        /// Where.
        table: TableName,
        /// Which.
        key: RowKey,
    },
    /// `SELECT` of all rows in the order of their keys, answered with [`Answer::Rows`].
    Scan {
        /// Where.
        table: TableName,
    },
    /// `INSERT` or `UPDATE`.
    Put {
        /// Where.
        table: TableName,
        /// Which.
        key: RowKey,
        /// What it is to hold.
        value: Vec<u8>,
    },
    /// `DELETE`; that there is no such row is no error.
    Delete {
        /// Where.
        table: TableName,
        /// Which.
        key: RowKey,
    },
    /// `DELETE` of all rows, answered with [`Answer::Deleted`].
    DeleteAll {
        /// Where.
        table: TableName,
    },
    /// Goes on only if the row holds this (`UPDATE ... WHERE`, no row found).
    Require {
        /// Where.
        table: TableName,
        /// Which.
        key: RowKey,
        /// What it must hold; `None`: there must be no such row.
        value: Option<Vec<u8>>,
    },
}

impl Statement {
    fn length(&self) -> usize {
        32 + match self {
            Statement::Lock { .. } | Statement::Scan { .. } | Statement::DeleteAll { .. } => 0,
            Statement::Read { key, .. } | Statement::Delete { key, .. } => key.length(),
            Statement::Put { key, value, .. } => key.length() + value.len(),
            Statement::Require { key, value, .. } => key.length() + value.as_ref().map_or(0, Vec::len),
        }
    }
}

/// What becomes of the transaction after the statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Then {
    /// It commits: answered once it is durable.
    Commit,
    /// It is rolled back.
    Rollback,
    /// It stays open, with its locks.
    Continue,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DatabaseRequest {
    /// Statements of one transaction, in one round trip.
    Execute {
        /// Its number.
        request: RequestNumber,
        /// The schema of all its tables.
        schema: SchemaName,
        /// The transaction.
        transaction: TransactionNumber,
        /// What to do, in order.
        statements: Vec<Statement>,
        /// And then.
        then: Then,
    },
    /// An operator ends every session of a client.
    KillSessions {
        /// Its number.
        request: RequestNumber,
        /// The client.
        of: ProcessName,
    },
}

impl DatabaseRequest {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        let length = 64
            + match self {
                DatabaseRequest::Execute { statements, .. } => statements.iter().map(Statement::length).sum(),
                DatabaseRequest::KillSessions { .. } => 0,
            };
        u32::try_from(length).unwrap_or(u32::MAX)
    }
}

/// What a statement found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// A row, or that there is none.
    Row(Option<Vec<u8>>),
    /// All rows.
    Rows(Vec<(RowKey, Vec<u8>)>),
    /// How many rows were deleted.
    Deleted(u64),
}

/// Why a request was refused. Its transaction is rolled back, and its locks are released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DatabaseError {
    /// A lock was not to be had for as long as the transaction wanted to wait, or a table to be changed is locked.
    LockTimeout,
    /// No room in the table space.
    Full,
    /// A [`Statement::Require`] did not hold.
    RequirementFailed,
    /// The client has no session.
    NoSuchSession,
    /// The transaction still waits for a lock of an earlier request.
    Busy,
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DatabaseError::LockTimeout => "the lock is held by another transaction",
            DatabaseError::Full => "the table space is full",
            DatabaseError::RequirementFailed => "the row does not hold what was required",
            DatabaseError::NoSuchSession => "there is no such session",
            DatabaseError::Busy => "the transaction still waits for a lock",
        })
    }
}

impl core::error::Error for DatabaseError {}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DatabaseResponse {
    /// To which request.
    pub request: RequestNumber,
    /// The answers to the statements that have one, in order.
    pub result: Result<Vec<Answer>, DatabaseError>,
}

impl DatabaseResponse {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        let answer = |answer: &Answer| match answer {
            Answer::Deleted(_) => 8,
            Answer::Row(row) => 8 + row.as_ref().map_or(0, Vec::len),
            Answer::Rows(rows) => 8 + rows.iter().map(|(key, value)| 8 + key.length() + value.len()).sum::<usize>(),
        };
        let length = 32 + self.result.as_ref().map_or(0, |answers| answers.iter().map(answer).sum());
        u32::try_from(length).unwrap_or(u32::MAX)
    }
}
