//! What an administrator says of a file server.

use crate::machine::Silence;
use crate::name::{Address, DirectoryName, ProcessName};
use crate::time::Duration;

/// Longer than any run: an end of a connection that never gives up.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// What becomes of the locks of a holder whose host is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileSystemKind {
    /// NFS version 4: locks are leases.
    Nfs4 {
        /// For how long a silent host keeps its locks.
        lease: Duration,
    },
    /// NFS version 3: a dead host keeps its locks until it restarts and says so.
    Nfs3,
    /// A cluster file system on a shared disk.
    ClusterFileSystem {
        /// How long it takes to expel a silent node and to recover its locks.
        recovery: Duration,
    },
}

impl Default for FileSystemKind {
    /// NFS version 4 with a lease of 90 s.
    fn default() -> Self {
        FileSystemKind::Nfs4 { lease: FileSystemKind::DEFAULT_LEASE }
    }
}

impl FileSystemKind {
    /// The usual lease of an NFS version 4 server.
    pub const DEFAULT_LEASE: Duration = Duration::from_secs(90);

    /// For how long a host may be silent before the server gives its connections up. Its kernel speaks for its processes,
    /// also for one that stands still: it renews leases, and is the node that a cluster file system watches.
    #[must_use]
    pub const fn silence(self) -> Silence {
        let timeout = match self {
            FileSystemKind::Nfs4 { lease } => lease,
            FileSystemKind::Nfs3 => NEVER,
            FileSystemKind::ClusterFileSystem { recovery } => recovery,
        };
        Silence::Lease { timeout }
    }

    /// For how long a server that has restarted waits for the holders of locks to take them back.
    #[must_use]
    pub const fn grace(self) -> Duration {
        match self {
            FileSystemKind::Nfs4 { lease } => lease,
            FileSystemKind::Nfs3 => FileSystemKind::DEFAULT_LEASE,
            FileSystemKind::ClusterFileSystem { recovery } => recovery,
        }
    }
}

/// A file server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileServerDefinition {
    /// Its name.
    pub name: ProcessName,
    /// Where it listens.
    pub address: Address,
    /// Its locks.
    pub kind: FileSystemKind,
    /// How many bytes fit; `None` for as many as there are.
    pub capacity: Option<u64>,
    /// The directories. What is not listed here is missing.
    pub directories: Vec<DirectoryName>,
}
