//! What a client and the file server say to each other.
//!
//! A client says hello on each connection and then asks; each request but hello has one response, in any order.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::machine::Incarnation;
use crate::name::{DirectoryName, ProcessName};

/// A host as the file server knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HostName(pub String);

/// One life of one process on one host: what a lock belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileClient {
    /// The host.
    pub host: HostName,
    /// The process.
    pub process: ProcessName,
    /// Its life.
    pub incarnation: Incarnation,
}

impl FileClient {
    /// Whether this is a later life of the process that `other` was.
    #[must_use]
    pub fn is_later_life_of(&self, other: &FileClient) -> bool {
        self.process == other.process && self.host == other.host && self.incarnation > other.incarnation
    }
}

impl fmt::Display for FileClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.process, self.host.0)
    }
}

/// A file's name in its directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileName(pub String);

impl From<&str> for FileName {
    fn from(name: &str) -> Self {
        FileName(name.to_owned())
    }
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FilePath {
    /// Its directory.
    pub directory: DirectoryName,
    /// Its name there.
    pub file: FileName,
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.directory, self.file.0)
    }
}

/// Tells a request from the others of its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestNumber(pub u64);

/// How often the lock on a file has been granted: higher by one with every grant, so that a client that was away can tell
/// whether somebody had the lock in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Grant(pub u64);

/// Bytes of a file. Payloads of messages are not carried: their length is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Content {
    /// What is written.
    pub bytes: Vec<u8>,
    /// How many bytes of payload belong to it.
    pub payload: u64,
}

impl Content {
    /// How much room it takes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.bytes.len() as u64 + self.payload
    }
}

/// When a write is answered (NFS `stable_how`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stability {
    /// `UNSTABLE`: at once; a failure of the server loses it unless it was forced since.
    Unstable,
    /// `FILE_SYNC`: when it is on the medium.
    FileSync,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FileOperation {
    /// The exclusive lock on a file, which is made if it is not there.
    Lock {
        /// Which.
        path: FilePath,
        /// The grant that the client had: it takes it back, or learns that it has lost it.
        reclaim: Option<Grant>,
    },
    /// Gives up a lock.
    Unlock {
        /// Which.
        path: FilePath,
    },
    /// Whether the client still has a lock.
    Renew {
        /// Which.
        path: FilePath,
    },
    /// All of a file. A file that is not there is empty.
    Read {
        /// Which.
        path: FilePath,
    },
    /// Writes at the end of a file. If what is to be written is there already, the request was sent twice.
    Write {
        /// Which.
        path: FilePath,
        /// Where the end is.
        offset: u64,
        /// What.
        content: Content,
        /// When it is answered.
        stability: Stability,
    },
    /// Makes this the whole file, durably; whoever reads finds the old or the new one.
    Replace {
        /// Which.
        path: FilePath,
        /// What.
        content: Content,
    },
    /// Makes everything written to a file so far durable (NFS `COMMIT`).
    Force {
        /// Which.
        path: FilePath,
    },
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FileRequest {
    /// The first on each connection: who it is. Locks of earlier lives of the same process are given up (for NFS version 3
    /// this is what the status monitor says for a host that has restarted, `SM_NOTIFY`). There is no response.
    Hello {
        /// Who.
        client: FileClient,
    },
    /// Asks for something.
    Operation {
        /// Comes back with the response.
        number: RequestNumber,
        /// What.
        operation: FileOperation,
    },
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileError {
    /// There is no such directory (`ENOENT`).
    NoSuchDirectory,
    /// Somebody else has the lock (`EAGAIN`).
    Held,
    /// The lock is no longer this client's.
    NotHolder,
    /// No space is left (`ENOSPC`).
    NoSpace,
    /// The file does not end where the client thinks, or the client has not said hello (`EINVAL`).
    Invalid,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FileAnswer {
    /// The client has the lock.
    Locked(Grant),
    /// Whether the client still has the lock.
    Renewed {
        /// Whether.
        held: bool,
    },
    /// What the file holds.
    Read(Vec<u8>),
    /// Done.
    Done,
    /// Not done.
    Failed(FileError),
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileResponse {
    /// To which request.
    pub number: RequestNumber,
    /// What came of it.
    pub answer: FileAnswer,
}

/// Header of a remote procedure call, with credentials and the handle of a file.
const HEADER_LENGTH: u32 = 128;

fn length(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX).saturating_add(HEADER_LENGTH)
}

impl FileRequest {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        match self {
            FileRequest::Operation {
                operation: FileOperation::Write { content, .. } | FileOperation::Replace { content, .. },
                ..
            } => length(content.length()),
            FileRequest::Hello { .. } | FileRequest::Operation { .. } => HEADER_LENGTH,
        }
    }
}

impl FileResponse {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        match &self.answer {
            FileAnswer::Read(bytes) => length(bytes.len() as u64),
            _ => HEADER_LENGTH,
        }
    }
}
