//! What a connection makes of silence.

use crate::time::Duration;

/// How an end of a connection notices that its peer is gone without a word: who answers for the peer, and after how long
/// nothing was heard. The timeout is also that of an attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Silence {
    /// Heartbeats, which the peer itself answers: one that stands still is given up like one that is gone. A host that
    /// was restarted meanwhile answers the next heartbeat with a reset.
    Heartbeats {
        /// Between two of them.
        every: Duration,
        /// Until the peer is given up.
        timeout: Duration,
    },
    /// TCP keep-alive, which the peer's kernel answers: a process that stands still keeps its connection. A host that was
    /// restarted meanwhile is found out by the next probe, after the timeout, or by the next thing that is sent to it.
    KeepAlive {
        /// Until the first probe.
        timeout: Duration,
    },
    /// A lease that the peer's kernel renews, whatever its processes do; a host that was restarted says so itself. What
    /// network file systems have.
    Lease {
        /// How long it lasts.
        timeout: Duration,
    },
    /// The peer itself answers, and a host that was restarted is noticed as soon as it can be reached: links whose
    /// hardware tells, and connections of which it is not modelled when their heartbeats go.
    Prompt {
        /// Until the peer is given up.
        timeout: Duration,
    },
}

impl Silence {
    /// After how long a silence the peer is given up.
    #[must_use]
    pub const fn timeout(self) -> Duration {
        match self {
            Silence::Heartbeats { timeout, .. }
            | Silence::KeepAlive { timeout }
            | Silence::Lease { timeout }
            | Silence::Prompt { timeout } => timeout,
        }
    }

    /// Whether a process that stands still is silent; otherwise its host's kernel answers for it.
    #[must_use]
    pub const fn is_broken_by_the_process(self) -> bool {
        match self {
            Silence::Heartbeats { .. } | Silence::Prompt { .. } => true,
            Silence::KeepAlive { .. } | Silence::Lease { .. } => false,
        }
    }
}
