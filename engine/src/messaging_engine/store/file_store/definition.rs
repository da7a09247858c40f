//! What an administrator says of a file store.

use crate::file_server::frame::HostName;
use crate::messaging_engine::definition::EngineUuid;
use crate::name::{Address, DirectoryName, MessagingEngineName, ProcessName};
use crate::time::Duration;

/// A file store, as one application server has it configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStoreDefinition {
    /// The engine whose store it is.
    pub engine: MessagingEngineName,
    /// That engine's identity.
    pub uuid: EngineUuid,
    /// The application server.
    pub process: ProcessName,
    /// The host on which it runs.
    pub host: HostName,
    /// The file server.
    pub file_server: Address,
    /// The directory: the same for all servers that may run the engine.
    pub directory: DirectoryName,
    /// `omStartupRetryWaitTime`: pause between two attempts to lock or to reach the store.
    pub lock_retry: Duration,
    /// `omStartupRetryTimeLimit`: for how long a start tries.
    pub lock_retry_limit: Duration,
    /// How often the client asks whether the lock is still its own.
    pub renewal: Duration,
    /// `None` for a hard mount: a running engine waits for the file system for ever. Otherwise it fails after this time.
    pub soft_timeout: Option<Duration>,
    /// The log is carried into the permanent store when it has grown by so many bytes (and by twice the permanent store).
    pub checkpoint_interval: u64,
}

impl FileStoreDefinition {
    /// The usual one: attempts every 5 s for 15 min, hard mount, lock renewed every 20 s, checkpoint each 1 MB.
    #[must_use]
    pub fn new(
        engine: MessagingEngineName,
        uuid: EngineUuid,
        (process, host): (ProcessName, HostName),
        (file_server, directory): (Address, DirectoryName),
    ) -> Self {
        FileStoreDefinition {
            engine,
            uuid,
            process,
            host,
            file_server,
            directory,
            lock_retry: Duration::from_secs(5),
            lock_retry_limit: Duration::from_secs(15 * 60),
            renewal: Duration::from_secs(20),
            soft_timeout: None,
            checkpoint_interval: 1_000_000,
        }
    }
}
