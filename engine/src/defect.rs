//! Defects planted on purpose, so that the ledger can be shown to convict them.
//!
//! Compiled to nothing without the feature `defects`: then [`Defect::is_planted`] is a constant `false`. A defect is
//! planted in a whole thread, for one run; machines ask at the place where the defect would be.

macro_rules! defects {
    ($($(#[doc = $about:literal])+ $variant:ident = $name:literal;)*) => {
        /// A defect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Defect {
            $($(#[doc = $about])+ $variant,)*
        }

        impl Defect {
            /// All of them.
            pub const ALL: &'static [Defect] = &[$(Defect::$variant),*];

            /// The name that `--defect` takes.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Defect::$variant => $name,)* }
            }

            /// What is broken.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Defect::$variant => concat!($($about),+).trim_ascii_start(),)* }
            }
        }
    };
}

defects! {
    /// a put or commit is acknowledged before the log is forced
    AcknowledgedBeforeForce = "acknowledged-before-force";
    /// commit applies the private part and forgets the shared part
    CommitForgetsSharedPart = "commit-forgets-shared-part";
    /// peer recovery backs out a unit of work that was in commit
    PeerBacksOutInCommit = "peer-backs-out-in-commit";
    /// peer recovery commits a unit of work that was in flight
    PeerCommitsInFlight = "peer-commits-in-flight";
    /// peer recovery backs out a unit of work that was in doubt
    PeerTouchesInDoubt = "peer-touches-in-doubt";
    /// commit leaves the entry that a get had taken and returns it to the queue
    GetNotRemovedAtCommit = "get-not-removed-at-commit";
    /// an uncommitted put is written into the committed range
    UncommittedPutVisible = "uncommitted-put-visible";
    /// backout deletes the message that a get had taken
    BackoutLosesMessage = "backout-loses-message";
    /// log replay does not check the checksum of records
    ReplayIgnoresChecksum = "replay-ignores-checksum";
    /// the coupling facility never signals that a list is no longer empty
    ListSignalLost = "list-signal-lost";
    /// peer recovery reports that it is complete before it has done anything
    RecoveryReportedEarly = "recovery-reported-early";

    // Core groups and the HA manager.
    /// a policy's quorum is not asked for
    QuorumIgnored = "quorum-ignored";
    /// when partitions merge, the coordinators of both go on
    TwoCoordinatorsAfterMerge = "two-coordinators-after-merge";
    /// a policy's preferred servers are not looked at
    PreferredListIgnored = "preferred-list-ignored";

    // Databases and data stores.

    /// a messaging engine activates without the lock of its data store
    StoreLockIgnored = "store-lock-ignored";
    /// an instance whose data store was taken over never checks INC_UUID
    OldOwnerNotFenced = "old-owner-not-fenced";
    /// an assured message is acknowledged when it is queued to the persistent dispatcher
    LazyWriteAcknowledged = "lazy-write-acknowledged";

    // File servers and file stores.

    // Messaging engines.
    /// a planned stop of a messaging engine forgets uncommitted receives: their messages are removed from the store
    EngineFailbackDropsInFlight = "engine-failback-drops-in-flight";
    /// receives that are committed are not removed from the message store: they come back after a failover
    RedeliversCommittedWork = "redelivers-committed-work";
    /// a messaging engine rolls back what it finds in doubt when it starts
    InDoubtRolledBackAtFailover = "in-doubt-rolled-back-at-failover";
    /// a lost connection between messaging engines releases what is locked for consumers at its other end
    RemoteLockReleasedEarly = "remote-lock-released-early";

    /// spilled nonpersistent messages are not purged when a messaging engine starts: they are on their queues again
    SpilledMessagesNotPurged = "spilled-messages-not-purged";

    // Application servers.
}

#[cfg(feature = "defects")]
mod planted {
    use core::cell::Cell;

    use super::Defect;

    thread_local! {
        static PLANTED: Cell<Option<Defect>> = const { Cell::new(None) };
    }

    impl Defect {
        /// Whether this defect is planted in the run of this thread.
        #[must_use]
        pub fn is_planted(self) -> bool {
            PLANTED.get() == Some(self)
        }

        /// Plants a defect (or none) in the runs of this thread.
        pub fn plant(defect: Option<Defect>) {
            PLANTED.set(defect);
        }
    }
}

#[cfg(not(feature = "defects"))]
impl Defect {
    /// Whether this defect is planted: never, in a build without the feature.
    #[must_use]
    pub const fn is_planted(self) -> bool {
        false
    }
}
