//! Who tells what: each event and each step belongs to processes of one kind.

/// Who reports an event or passes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reporter {
    /// A queue manager, or what its group lives on: images, coupling facilities.
    Sysplex,
    /// A member of a core group, as such.
    CoreGroup,
    /// A database.
    Database,
    /// An application server, for a messaging engine that keeps its messages in a data store.
    DataStore,
    /// A file server.
    FileServer,
    /// An application server, for a messaging engine that keeps its messages in a file store.
    FileStore,
    /// An application server, for a messaging engine.
    MessagingEngine,
    /// An application server.
    ApplicationServer,
    /// A message-driven bean.
    MessageEndpoint,
    /// An application.
    Application,
}
