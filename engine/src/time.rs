//! Time as a process reads it from the clock of its host.
//!
//! A host's clock may be skewed or drift, so two processes' times are comparable only as far as their hosts' clocks
//! agree. Nothing in the engine asks for the time: it comes in with every input.

use core::fmt;
use core::ops::{Add, Sub};
pub use core::time::Duration;

use serde::{Deserialize, Serialize};

/// A reading of a host's clock: nanoseconds since the run began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(u64);

impl Time {
    /// The moment at which the run begins.
    pub const START: Time = Time(0);
    /// Later than any moment of any run.
    pub const NEVER: Time = Time(u64::MAX);

    /// The time `nanoseconds` after the start of the run.
    #[must_use]
    pub const fn from_nanoseconds(nanoseconds: u64) -> Self {
        Time(nanoseconds)
    }

    /// Nanoseconds since the start of the run.
    #[must_use]
    pub const fn as_nanoseconds(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the start of the run.
    #[must_use]
    pub const fn as_milliseconds(self) -> u64 {
        self.0 / 1_000_000
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    fn add(self, duration: Duration) -> Time {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Time(self.0.saturating_add(nanoseconds))
    }
}

impl Sub<Duration> for Time {
    type Output = Time;

    fn sub(self, duration: Duration) -> Time {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Time(self.0.saturating_sub(nanoseconds))
    }
}

impl fmt::Display for Time {
    /// Seconds with microseconds: `12.345678s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000_000, self.0 % 1_000_000_000 / 1_000)
    }
}
