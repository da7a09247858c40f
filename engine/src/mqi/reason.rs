//! Reason codes: what a failed call says, with the product's number and name.
//!
//! Numbers and names: IBM MQ, "API completion and reason codes". These belong to the simulated product; the testbed's own
//! errors are a different thing and never use them.

use core::fmt;

macro_rules! reasons {
    ($($(#[$about:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// `MQRC_*`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$about])* $variant,)*
        }

        impl Reason {
            /// Every reason that the engine can give.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant),*];

            /// The product's number: 2033.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self { $(Reason::$variant => $number,)* }
            }

            /// The product's name: `MQRC_NO_MSG_AVAILABLE`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Reason::$variant => $name,)* }
            }
        }
    };
}

reasons! {
    /// The connection is connected already.
    AlreadyConnected = 2002, "MQRC_ALREADY_CONNECTED";
    /// The unit of work was backed out instead of committed.
    BackedOut = 2003, "MQRC_BACKED_OUT";
    /// The connection to the queue manager is gone. For a client, the outcome of the call is unknown.
    ConnectionBroken = 2009, "MQRC_CONNECTION_BROKEN";
    /// The call is not for this environment: a queue manager's own syncpoint call while a coordinator's transaction is
    /// begun.
    EnvironmentError = 2012, "MQRC_ENVIRONMENT_ERROR";
    /// The application is not connected (yet, or any more).
    ConnectionHandleError = 2018, "MQRC_HCONN_ERROR";
    /// The queue may hold no further message.
    QueueFull = 2053, "MQRC_Q_FULL";
    /// No message there (within the wait interval).
    NoMessageAvailable = 2033, "MQRC_NO_MSG_AVAILABLE";
    /// The queue was not opened for this.
    NotOpenForInput = 2037, "MQRC_NOT_OPEN_FOR_INPUT";
    /// The queue was not opened for this.
    NotOpenForOutput = 2039, "MQRC_NOT_OPEN_FOR_OUTPUT";
    /// The queue was not opened for this.
    NotOpenForBrowse = 2036, "MQRC_NOT_OPEN_FOR_BROWSE";
    /// Somebody has the queue open exclusively.
    ObjectInUse = 2042, "MQRC_OBJECT_IN_USE";
    /// The handle is not valid.
    HandleError = 2019, "MQRC_HOBJ_ERROR";
    /// The queue cannot hold persistent messages.
    PersistentNotAllowed = 2048, "MQRC_PERSISTENT_NOT_ALLOWED";
    /// The name given to connect is not this queue manager's, nor its group's.
    QueueManagerNameError = 2058, "MQRC_Q_MGR_NAME_ERROR";
    /// The queue manager is not there (yet).
    QueueManagerNotAvailable = 2059, "MQRC_Q_MGR_NOT_AVAILABLE";
    /// There is no such queue.
    UnknownObjectName = 2085, "MQRC_UNKNOWN_OBJECT_NAME";
    /// There is no such queue manager or route to it.
    UnknownObjectQueueManager = 2086, "MQRC_UNKNOWN_OBJECT_Q_MGR";
    /// The message is longer than the queue allows.
    MessageTooBigForQueue = 2030, "MQRC_MSG_TOO_BIG_FOR_Q";
    /// Too many uncommitted messages in the unit of work (`MAXUMSGS`).
    SyncpointLimitReached = 2024, "MQRC_SYNCPOINT_LIMIT_REACHED";
    /// The queue manager is quiescing.
    QueueManagerQuiescing = 2161, "MQRC_Q_MGR_QUIESCING";
    /// The queue manager is stopping.
    QueueManagerStopping = 2162, "MQRC_Q_MGR_STOPPING";
    /// The structure has no free entry or no free element.
    StorageMediumFull = 2192, "MQRC_STORAGE_MEDIUM_FULL";
    /// Somebody else holds the connection tag, or it is not yet recovered.
    ConnectionTagInUse = 2271, "MQRC_CONN_TAG_IN_USE";
    /// The coupling facility cannot be reached.
    CouplingFacilityNotAvailable = 2345, "MQRC_CF_NOT_AVAILABLE";
    /// A global unit of work conflicts with what the connection is doing.
    UnitOfWorkInProgress = 2128, "MQRC_UOW_IN_PROGRESS";
    /// The transaction is not known here.
    UnitOfWorkNotAvailable = 2255, "MQRC_UOW_NOT_AVAILABLE";
    /// The command is refused: the queue manager named is active (`CSQV435I`).
    QueueManagerActive = 2326, "MQRC_Q_MGR_ACTIVE";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.name())
    }
}
