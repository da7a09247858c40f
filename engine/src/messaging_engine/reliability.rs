//! Reliability levels: how hard the bus tries to keep a message.
//!
//! Five levels, each of which keeps what the one before it keeps, and more. A producer asks for one, the destination has
//! a default and a maximum. What each level keeps is the contract with applications, whatever the message store does to
//! honour it. Documented: IBM WebSphere Application Server, "Message reliability levels - JMS delivery mode and service
//! integration quality of service".

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::message::Persistence;

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

    /// Whether the client that sends a message is answered. Express and below are sent one way: a lost connection loses
    /// them. Between engines another rule holds: [`is_kept_for_receiver`](Self::is_kept_for_receiver).
    #[must_use]
    pub const fn is_acknowledged(self) -> bool {
        !matches!(self, Reliability::BestEffortNonpersistent | Reliability::ExpressNonpersistent)
    }

    /// Whether an engine that sends a message to another one keeps it until that one has taken it. Best effort messages are
    /// sent once, and not expected.
    #[must_use]
    pub const fn is_kept_for_receiver(self) -> bool {
        !matches!(self, Reliability::BestEffortNonpersistent)
    }
}

/// What a connection factory makes of one JMS delivery mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mapped {
    /// This level.
    To(Reliability),
    /// *As bus destination*: the default reliability of the destination.
    AsDestination,
}

/// The quality of service mapping of a JMS connection factory: which level a message of each delivery mode is sent with.
///
/// An application of JMS names a delivery mode, persistent unless it says otherwise, and no level. Documented: IBM
/// WebSphere Application Server, "Message reliability levels - JMS delivery mode and service integration quality of
/// service"; the defaults are those of the product's connection factories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReliabilityMapping {
    /// Of delivery mode persistent (`persistentMapping`).
    pub persistent: Mapped,
    /// Of delivery mode nonpersistent (`nonPersistentMapping`).
    pub nonpersistent: Mapped,
}

impl Default for ReliabilityMapping {
    /// Persistent is reliable persistent, which is not the highest level; nonpersistent is express nonpersistent.
    fn default() -> Self {
        ReliabilityMapping {
            persistent: Mapped::To(Reliability::ReliablePersistent),
            nonpersistent: Mapped::To(Reliability::ExpressNonpersistent),
        }
    }
}

impl ReliabilityMapping {
    /// The level of a message of this delivery mode; `None` for the destination's default.
    #[must_use]
    pub const fn reliability(self, delivery_mode: Persistence) -> Option<Reliability> {
        let mapped = match delivery_mode {
            Persistence::Persistent => self.persistent,
            Persistence::Nonpersistent => self.nonpersistent,
        };
        match mapped {
            Mapped::To(reliability) => Some(reliability),
            Mapped::AsDestination => None,
        }
    }
}

impl fmt::Display for Reliability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persistent_is_not_assured_unless_the_connection_factory_says_so() {
        let default = ReliabilityMapping::default();
        assert_eq!(default.reliability(Persistence::Persistent), Some(Reliability::ReliablePersistent));
        assert_eq!(default.reliability(Persistence::Nonpersistent), Some(Reliability::ExpressNonpersistent));
        let assured = ReliabilityMapping { persistent: Mapped::To(Reliability::AssuredPersistent), ..default };
        assert_eq!(assured.reliability(Persistence::Persistent), Some(Reliability::AssuredPersistent));
        let destination_s = ReliabilityMapping { nonpersistent: Mapped::AsDestination, ..default };
        assert_eq!(destination_s.reliability(Persistence::Nonpersistent), None);
    }
}
