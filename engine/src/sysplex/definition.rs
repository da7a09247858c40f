//! What the sysplex policies say: SFM (failure management), XCF (failure detection), ARM (automatic restart).

use crate::name::{Address, CouplingFacilityName, ImageName, ProcessName};
use crate::time::Duration;

/// Times of detection and isolation. Sources and defaults: see each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FailureManagement {
    /// How often an image updates its status; default 3 s.
    pub status_interval: Duration,
    /// `INTERVAL` in `COUPLExx`: how long status updates may be missing. Default 85 s (165 s on later levels).
    pub failure_detection_interval: Duration,
    /// `ISOLATETIME`: from the detection to the isolation; default 0 s.
    pub isolate_time: Duration,
    /// `CLEANUP`: from the isolation until the image counts as partitioned; default 15 s.
    pub cleanup_interval: Duration,
    /// How long an image needs to tell that an address space ended (XES notification); default 50 ms.
    pub abend_notification: Duration,
    /// How long an image needs to notice that a coupling link is lost; default 1 s.
    pub link_loss_detection: Duration,
}

impl Default for FailureManagement {
    fn default() -> Self {
        FailureManagement {
            status_interval: Duration::from_secs(3),
            failure_detection_interval: Duration::from_secs(85),
            isolate_time: Duration::ZERO,
            cleanup_interval: Duration::from_secs(15),
            abend_notification: Duration::from_millis(50),
            link_loss_detection: Duration::from_secs(1),
        }
    }
}

/// Automatic restart of one element (a queue manager).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RestartPolicy {
    /// Which process.
    pub process: ProcessName,
    /// Whether it is restarted on the same image when its address space ends (`TERMTYPE`).
    pub in_place: bool,
    /// Images on which it may be restarted when its own is gone, in order (`TARGET_SYSTEM`). Empty: none.
    pub target_systems: Vec<ImageName>,
    /// `RESTART_ATTEMPTS`: how many restarts within `attempt_interval`; default 3.
    pub restart_attempts: u32,
    /// Default 300 s.
    pub attempt_interval: Duration,
    /// From the end until the restart begins; default 10 s (unverified).
    pub delay: Duration,
}

/// A z/OS image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageDefinition {
    /// Its name.
    pub name: ImageName,
    /// Where its address spaces reach it: only from the same host.
    pub local_address: Address,
    /// Where other images send their signals.
    pub signalling_address: Address,
    /// The other images: name and signalling address.
    pub others: Vec<(ImageName, Address)>,
    /// Coupling facilities: name and address.
    pub coupling_facilities: Vec<(CouplingFacilityName, Address)>,
    /// Times.
    pub failure_management: FailureManagement,
    /// The whole sysplex's restart policy.
    pub restart: Vec<RestartPolicy>,
}
