//! A file server: the file system on which messaging engines keep their file stores.
//!
//! **In the product.** All servers that may run an engine must reach the directory of its file store under the same path:
//! either on a networked file system, or on a disk behind a cluster file system. The engine takes an exclusive lock on a
//! file; what becomes of the lock of a holder that is gone decides how long a failover takes. NFS version 4 gives locks as
//! leases, which run out when the host of the holder is silent. NFS version 3 keeps the locks of a dead host until that
//! host restarts and says so. A cluster file system recovers the locks of a node when it has expelled the node.
//! Documented: IBM WebSphere Application Server, "File store high availability considerations", "File stores"; RFC 1813,
//! RFC 7530 and the protocols of the network lock and status managers (X/Open XNFS).
//!
//! **Modelled.** [`FileServer`] is one process with one disk: directories that its definition names, files in them, writes
//! that are durable when they are answered as such (NFS `stable_how`), replacement of a whole file (write a new one and
//! rename it), capacity, exclusive locks. A lock belongs to one life of one process on one host. It is given up:
//!
//! - when the process ends and its host lives: the host's kernel closes the file at once, whatever the kind;
//! - when a later life of the same process says hello (its host or itself has restarted), whatever the kind;
//! - when the host has been silent for the lease (NFS 4) or the time after which it is expelled (cluster file system).
//!
//! A client renews its lease for as long as its connection stands: the lease runs from the moment at which the connection
//! turns silent, and the server gives the connection up when it has run out. Whoever holds a lock on a file of a directory
//! is the only one who can write in that directory, so that a holder that was silent too long can do no harm when it comes
//! back. Each grant has a number ([`frame::Grant`]): a client that was away takes its lock back only if nobody had it since.
//!
//! The server remembers locks over its own restart and waits for their holders for the length of a lease (the grace
//! period); then it drops those that were not taken back.
//!
//! **Left out.** Everything of a file system that a file store does not use; byte ranges; shared locks. A process that
//! hangs while its host lives looks to the server like a silent host (a real NFS client renews in the kernel). Replacing a
//! file is never refused for want of space: the product reserves the room of its stores when it makes them.

mod definition;
mod directory;
pub mod frame;
mod machine;

#[cfg(test)]
mod tests;

pub use definition::{FileServerDefinition, FileSystemKind};
pub use machine::FileServer;
