//! What goes wrong, and when.

use super::place::{LinkQuality, Place};
use indoubt_engine::step::Step;
use std::time::Duration;

/// What goes wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its place in the file: line, for reports and tapes.
    pub line: u32,
    /// When.
    pub when: When,
    /// What.
    pub what: FaultAction,
}

/// When a fault strikes.
#[derive(Clone, Debug)]
pub enum When {
    /// At this time after the start.
    At(Duration),
    /// When a process passes a step for the n-th time (counted from 1 since the start of the run), and this much later.
    Step {
        /// Who passes it; `None` for anybody.
        process: Option<String>,
        /// Which.
        step: Step,
        /// The n-th time.
        nth: u32,
        /// How much later; zero for exactly there.
        after: Duration,
    },
    /// When an event has been reported for the n-th time, and this much later.
    Event {
        /// By whom; `None` for anybody.
        process: Option<String>,
        /// Name of the event.
        event: String,
        /// The n-th time.
        nth: u32,
        /// How much later.
        after: Duration,
    },
    /// At a time drawn uniformly from a window, anew for each seed.
    Between(Duration, Duration),
    /// Again and again within a window, at exponential intervals of this mean.
    Random {
        /// From.
        from: Duration,
        /// To.
        to: Duration,
        /// On average one for each.
        mean_interval: Duration,
    },
}

/// A fault.
#[derive(Clone, Debug)]
pub enum FaultAction {
    /// The process ends at once; its host lives. `name` is a queue manager, coupling facility excluded, or application.
    Kill {
        /// Who.
        process: String,
        /// Started again after this long by hand (besides any automatic restart).
        restart_after: Option<Duration>,
    },
    /// Starts a process that is down. Does nothing if it runs.
    Start {
        /// Who.
        process: String,
    },
    /// A server is asked to stop, at ease or by force: `STOP QMGR MODE(QUIESCE)` or `MODE(FORCE)`.
    Stop {
        /// Who.
        process: String,
        /// FORCE rather than QUIESCE.
        force: bool,
        /// Started again after this long.
        restart_after: Option<Duration>,
    },
    /// The host or image loses power.
    PowerOff {
        /// Which.
        place: Place,
        /// Power comes back after this long, and what ran there starts again.
        restart_after: Option<Duration>,
    },
    /// A place is taken offline in good order: its servers stop (quiesce), then its system services end.
    TakeOffline {
        /// Which.
        place: Place,
        /// Comes back after this long.
        restart_after: Option<Duration>,
    },
    /// A process is stopped in the middle of everything and goes on later.
    Pause {
        /// Who.
        process: String,
        /// How long.
        duration: Duration,
    },
    /// The link is cut.
    Cut {
        /// From.
        from: Place,
        /// To.
        to: Place,
        /// Only in this direction.
        one_way: bool,
        /// Heals after this long.
        duration: Duration,
    },
    /// The link is bad for a while.
    Degrade {
        /// From.
        from: Place,
        /// To.
        to: Place,
        /// This bad.
        quality: LinkQuality,
        /// How long.
        duration: Duration,
    },
    /// A fault of the disk of a process: the log of a queue manager.
    Disk {
        /// Whose.
        process: String,
        /// What.
        fault: DiskFault,
        /// How long; `None` for good (or, for a single event, irrelevant).
        duration: Option<Duration>,
    },
    /// One of several, drawn by weight.
    OneOf(Vec<(u32, FaultAction)>),
}

/// What a disk can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFault {
    /// The device's cache loses what was forced last, when power fails next.
    LoseForce,
    /// The last write is torn, and the process ends.
    TearLastWrite,
    /// Every force takes this much longer.
    Slow(Duration),
    /// No space is left.
    Full,
    /// A sector of the last records rots: they are read back damaged at the next start, and the process ends.
    RotTail,
}
