//! Steps of protocols that have a name, so that a fault can strike exactly there.
//!
//! A step is passed when everything written before it in the machine's effects has been handed to the world. The order
//! of the steps of a commit is that of [`crate::queue_manager`]; scenario files name them as [`Step::name`] does.

use core::fmt;

use crate::event::Reporter;

macro_rules! steps {
    ($(by $reporter:ident: $($(#[doc = $about:literal])+ $variant:ident = $name:literal;)*)*) => {
        /// A named step.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Step {
            $($(#[doc = concat!("`", $name, "`:", $($about),+)] $variant,)*)*
        }

        impl Step {
            /// Every step that the engine can pass.
            pub const ALL: &'static [Step] = &[$($(Step::$variant,)*)*];

            /// The name that scenario files use.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($(Step::$variant => $name,)*)* }
            }

            /// What it means that this step is passed.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $($(Step::$variant => concat!($($about),+).trim_ascii_start(),)*)* }
            }

            /// Who passes it.
            #[must_use]
            pub const fn reporter(self) -> Reporter {
                match self { $($(Step::$variant => Reporter::$reporter,)*)* }
            }
        }
    };
}

steps! {
    by Sysplex:
    /// a get under syncpoint has taken its message, the application has not been told
    GetTaken = "get.taken";
    /// a get outside syncpoint is final, the application has not been told
    GetFinal = "get.final";
    /// a put under syncpoint lies in the uncommitted range, the application has not been told
    PutWritten = "put.written";
    /// a put outside syncpoint is final, the application has not been told
    PutFinal = "put.final";
    /// MQCMIT has arrived, nothing is done yet
    CommitBegun = "commit.begun";
    /// the records of the unit of work are forced, its outcome is still open
    CommitLogForced = "commit.log_forced";
    /// the descriptor says in-commit: the commit point of a unit of work with a shared part
    CommitDescriptorWritten = "commit.descriptor_written";
    /// the commit record is forced
    CommitRecordForced = "commit.record_forced";
    /// one structure's share of the commit is applied
    CommitStructureApplied = "commit.structure_applied";
    /// the private part is applied
    CommitPrivateApplied = "commit.private_applied";
    /// the descriptor is deleted, the application has not been told
    CommitDescriptorDeleted = "commit.descriptor_deleted";
    /// the unit of work has ended, the application has not been told
    CommitEnded = "commit.ended";
    /// phase one has begun
    PrepareBegun = "prepare.begun";
    /// the descriptor says in-doubt
    PrepareDescriptorWritten = "prepare.descriptor_written";
    /// the prepare record is forced; the coordinator has not been told
    PrepareForced = "prepare.forced";
    /// backout has begun
    BackoutBegun = "backout.begun";
    /// the descriptor says in-backout
    BackoutDescriptorWritten = "backout.descriptor_written";
    /// one structure's share of the backout is applied
    BackoutStructureApplied = "backout.structure_applied";
    /// the private part is backed out
    BackoutPrivateApplied = "backout.private_applied";
    /// the unit of work is backed out
    BackoutEnded = "backout.ended";
    /// a peer has won the right to recover a failed connector
    RecoveryInitiated = "recovery.initiated";
    /// phase one (in-commit, in-backout) has begun
    RecoveryPhaseOne = "recovery.phase_one";
    /// a unit of work of phase one is finished by a peer
    RecoveryUnitFinished = "recovery.unit_finished";
    /// phase two (in-flight) has begun
    RecoveryPhaseTwo = "recovery.phase_two";
    /// an entry of a unit of work in flight is backed out by a peer
    RecoveryEntryBackedOut = "recovery.entry_backed_out";
    /// both phases are done, the connection is not released yet
    RecoveryPhasesDone = "recovery.phases_done";
    /// a restarting queue manager has read its log
    RestartLogReplayed = "restart.log_replayed";
    /// a restarting queue manager has read the descriptors it left behind
    RestartDescriptorsRead = "restart.descriptors_read";
    /// restart is complete, connections are accepted
    RestartComplete = "restart.complete";
    by Application:
    /// the coordinator has forced its decision, nobody has been told
    CoordinatorDecided = "coordinator.decided";
    by Sysplex:
    /// a checkpoint is written, the old part of the log is not discarded yet
    CheckpointWritten = "checkpoint.written";

    // Core groups and the HA manager.
    by CoreGroup:
    /// a view is proposed to its members
    ViewProposed = "view.proposed";
    /// a view is agreed, and its members are told
    ViewAgreed = "view.agreed";
    /// the coordinator has ordered an activation
    ActivationSent = "activation.sent";
    /// the coordinator has ordered a deactivation
    DeactivationSent = "deactivation.sent";

    // Databases and data stores.

    by Database:
    /// the database has written a transaction to its log, which is not forced
    DatabaseCommitWritten = "database.commit_written";
    /// the log of the database is forced, the session has not been told
    DatabaseCommitForced = "database.commit_forced";
    by DataStore:
    /// a messaging engine has written its incarnation into the owner row and holds the store
    StoreOwned = "store.owned";

    // File servers and file stores.
    by FileServer:
    /// a file server has appended a write to its disk, which has not been forced
    FileWriteAppended = "file_server.write_appended";
    /// a file server has forced a write, the client has not been told
    FileWriteForced = "file_server.write_forced";
    by FileStore:
    /// a file store has the lock on its log file, nothing is read yet
    FileStoreLocked = "file_store.locked";
    /// a file store's permanent store is written, its log still holds the same changes
    FileStorePermanentWritten = "file_store.permanent_written";
    /// a file store's changes are on the medium, the engine has not been told
    FileStoreStored = "file_store.stored";

    // Messaging engines.
    by MessagingEngine:
    /// an instance of a messaging engine owns its message store and is not started yet
    EngineStoreOwned = "engine.store_owned";
    /// a messaging engine accepts work
    EngineStarted = "engine.started";
    /// a messaging engine begins to stop; clients have been told
    EngineStopping = "engine.stopping";
    /// a send outside a transaction is stored, its producer has not been told
    EngineSendStored = "engine.send_stored";
    /// a receive has locked its message, the consumer has not been told
    EngineReceiveLocked = "engine.receive_locked";
    /// the removal of a message received outside a transaction is stored, the consumer does not have it yet
    EngineReceiveStored = "engine.receive_stored";
    /// an acknowledgement is stored, the consumer has not been told
    EngineAcknowledgeStored = "engine.acknowledge_stored";
    /// a messaging engine was asked to commit, nothing is written yet
    EngineCommitBegun = "engine.commit_begun";
    /// a commit is stored, the client has not been told
    EngineCommitStored = "engine.commit_stored";
    /// a messaging engine has sent a message to the one that has the queue point
    EngineRemoteSent = "engine.remote_sent";
    /// messages from another messaging engine are stored, their sender has not been told
    EngineRemoteStored = "engine.remote_stored";
    /// a messaging engine was told that messages which it has sent are stored, and has not removed them
    EngineRemoteAcknowledged = "engine.remote_acknowledged";
    /// a message is locked for a consumer of another messaging engine, which does not have it yet
    EngineRemoteLocked = "engine.remote_locked";
    /// a remotely locked message is removed, the consumer's messaging engine has not been told
    EngineRemoteAccepted = "engine.remote_accepted";
    /// phase one is stored, the coordinator has not been told
    EnginePrepareStored = "engine.prepare_stored";
    /// phase two is stored, the coordinator has not been told
    EngineResolveStored = "engine.resolve_stored";
    /// a transaction is rolled back, the client has not been told
    EngineRolledBack = "engine.rolled_back";
    /// a message lies on its exception destination
    EngineExceptionStored = "engine.exception_stored";

    // Application servers.
    by ApplicationServer:
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
