//! What z/OS images tell each other and their address spaces (XCF signals, XES events, ARM registration).

use crate::coupling_facility::command::Connector;
use crate::machine::Incarnation;
use crate::name::{CouplingFacilityName, ImageName, ProcessName, QueueManagerName, StructureName};
use crate::unit_of_work::{Outcome, Xid};

/// A signal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SysplexFrame {
    /// From an address space to its image, first on the connection: join the XCF group, register with ARM.
    Register {
        /// Who.
        connector: Connector,
        /// Its process: what ARM restarts.
        process: ProcessName,
        /// The XCF group (`CSQG` and the group's name).
        group: String,
    },
    /// From an address space to its image: ends in good order, so no failure and no automatic restart.
    Deregister,
    /// From an image to its address spaces: the link to a coupling facility is lost, or back.
    CouplingConnectivity {
        /// Which.
        coupling_facility: CouplingFacilityName,
        /// Lost (false) or back (true).
        available: bool,
    },
    /// From an address space, for another member of its XCF group; images pass it on.
    Group {
        /// Who sends.
        from: QueueManagerName,
        /// To whom.
        to: QueueManagerName,
        /// What.
        message: GroupMessage,
    },
    /// Between images: I am alive (the status update of the sysplex couple data set).
    StatusUpdate {
        /// Who.
        image: ImageName,
        /// Which initial program load.
        incarnation: Incarnation,
    },
    /// Between images: these address spaces run on the sender. Sent when it changes (and some times more, because it may
    /// be lost), and to an image that has just come.
    Members {
        /// Who sends.
        image: ImageName,
        /// Which initial program load of it.
        incarnation: Incarnation,
        /// Counts the changes within that load: an older one that arrives late is ignored.
        change: u32,
        /// Who runs there: the connector and its process.
        members: Vec<(Connector, ProcessName)>,
    },
    /// Between images: the sender leaves the sysplex in good order.
    Leaving {
        /// Who.
        image: ImageName,
        /// Which initial program load of it.
        incarnation: Incarnation,
    },
    /// Between images: the sender has lost its link to a coupling facility and asks another image to report its connectors
    /// there as failed. Repeated until it is answered or the link is back.
    LostConnectivity {
        /// Who.
        image: ImageName,
        /// Which initial program load of it.
        incarnation: Incarnation,
        /// To what.
        coupling_facility: CouplingFacilityName,
        /// Counts the losses of this link within that load.
        loss: u32,
        /// The connectors that are cut off.
        members: Vec<Connector>,
    },
    /// The answer: they are reported.
    LostConnectivityReported {
        /// To what.
        coupling_facility: CouplingFacilityName,
        /// Which loss.
        loss: u32,
    },
    /// Between images: this image has been partitioned out of the sysplex.
    Partitioned {
        /// Which.
        image: ImageName,
        /// Which initial program load of it.
        incarnation: Incarnation,
    },
}

/// Between queue managers of a queue-sharing group (XCF group `CSQGxxxx`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GroupMessage {
    /// The initiator of a peer recovery asks a peer for its share of a phase.
    RecoverShare {
        /// In which structure.
        structure: StructureName,
        /// Who failed.
        failed: Connector,
        /// Which phase.
        phase: RecoveryPhase,
        /// This peer's share: item numbers that leave this remainder ...
        share: u32,
        /// ... when divided by this number.
        of: u32,
    },
    /// A peer has done its share, or could not.
    ShareDone {
        /// In which structure.
        structure: StructureName,
        /// Who failed.
        failed: Connector,
        /// Which phase.
        phase: RecoveryPhase,
        /// Which share.
        share: u32,
        /// What became of it.
        outcome: ShareOutcome,
    },
    /// A member through which a coordinator came back tells the owner of a unit of work with group disposition how it
    /// was resolved.
    GroupResolved {
        /// The coordinator's name for it.
        xid: Xid,
        /// How.
        outcome: Outcome,
    },
}

/// What became of a share of a recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShareOutcome {
    /// Done.
    Done,
    /// Begun and not finished.
    Failed,
    /// Not begun: the member is not connected to the structure.
    Declined,
}

/// The phases of peer recovery (messages CSQE011I to CSQE014I).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecoveryPhase {
    /// Units of work in commit and in backout.
    One,
    /// Units of work in flight.
    Two,
}
