//! Reliability levels: how hard the bus tries to keep a message.
//!
//! Five levels, each of which keeps what the one before it keeps, and more. A producer asks for one, the destination has
//! a default and a maximum. What each level keeps is the contract with applications, whatever the message store does to
//! honour it. Documented: IBM WebSphere Application Server, "Message reliability levels - JMS delivery mode and service
//! integration quality of service".

use core::fmt;

use serde::{Deserialize, Serialize};

/// A reliability level, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reliability {
    /// Discarded when the engine stops or fails, a connection is lost or resources run short.
    BestEffortNonpersistent,
    /// Discarded when the engine stops or fails; may be discarded when a connection is lost.
    ExpressNonpersistent,
    /// Discarded when the engine stops or fails.
    ReliableNonpersistent,
    /// May be discarded when the engine fails.
    ReliablePersistent,
    /// Never discarded.
    AssuredPersistent,
}

impl Reliability {
    /// All levels, lowest first.
    pub const ALL: [Reliability; 5] = [
        Reliability::BestEffortNonpersistent,
        Reliability::ExpressNonpersistent,
        Reliability::ReliableNonpersistent,
        Reliability::ReliablePersistent,
        Reliability::AssuredPersistent,
    ];

    /// The name that the product's administration uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Reliability::BestEffortNonpersistent => "BEST_EFFORT_NONPERSISTENT",
            Reliability::ExpressNonpersistent => "EXPRESS_NONPERSISTENT",
            Reliability::ReliableNonpersistent => "RELIABLE_NONPERSISTENT",
            Reliability::ReliablePersistent => "RELIABLE_PERSISTENT",
            Reliability::AssuredPersistent => "ASSURED_PERSISTENT",
        }
    }

    /// Whether a stop in good order keeps it.
    #[must_use]
    pub const fn is_persistent(self) -> bool {
        matches!(self, Reliability::ReliablePersistent | Reliability::AssuredPersistent)
    }

    /// Whether it is written when memory runs short (storage strategy *store maybe*): what is below is discarded then, what
    /// is above is written anyway.
    #[must_use]
    pub const fn is_spilled(self) -> bool {
        matches!(self, Reliability::ExpressNonpersistent | Reliability::ReliableNonpersistent)
    }

    /// Whether the sender of a message is answered. Express and below are sent one way: a lost connection loses them.
    #[must_use]
    pub const fn is_acknowledged(self) -> bool {
        !matches!(self, Reliability::BestEffortNonpersistent | Reliability::ExpressNonpersistent)
    }
}

impl fmt::Display for Reliability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
