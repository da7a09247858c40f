//! The clocks of hosts: skewed, drifting, but never going back.
//!
//! A reading is `base + skew + true time + drift`. The base is the same for all hosts of a world and lifts the clock that
//! is furthest behind to zero, so that differences between clocks are exact and no clock stands still at the start.
//! Left out: clocks that are set or slewed while the world runs.

/// The error of one host's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clock {
    /// Ahead (positive) or behind at the start, in nanoseconds.
    pub(super) skew_ns: i64,
    /// Gains (positive) or loses, in parts per million.
    pub(super) drift_ppm: i32,
}

const MILLION: i128 = 1_000_000;

impl Clock {
    /// What the clock shows at a true time, both in nanoseconds.
    pub(super) fn reading(self, base: u64, at: u64) -> u64 {
        if self == Clock::default() {
            return base + at;
        }
        let at = i128::from(at);
        let shown = i128::from(base) + i128::from(self.skew_ns) + at + at * i128::from(self.drift_ppm) / MILLION;
        u64::try_from(shown.max(0)).unwrap_or(u64::MAX)
    }

    /// The first true time at which the clock shows `reading` or more.
    pub(super) fn when(self, base: u64, reading: u64) -> u64 {
        if self == Clock::default() {
            return reading.saturating_sub(base);
        }
        let elapsed = i128::from(reading) - i128::from(base) - i128::from(self.skew_ns);
        let estimate = elapsed * MILLION / (MILLION + i128::from(self.drift_ppm));
        let mut at = u64::try_from((estimate - 2).max(0)).unwrap_or(u64::MAX - 8);
        // The division rounds: the exact moment is within a few nanoseconds.
        while self.reading(base, at) < reading && at < u64::MAX - 8 {
            at += 1;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Clock;

    #[test]
    fn skew_and_drift_add_up() {
        let clock = Clock { skew_ns: 1_000, drift_ppm: 100 };
        assert_eq!(clock.reading(0, 0), 1_000);
        assert_eq!(clock.reading(0, 1_000_000_000), 1_000_101_000);
    }

    proptest! {
        #[test]
        fn a_moment_is_found_again_from_its_reading(
            skew_ns in -5_000_000_000i64..5_000_000_000, drift_ppm in -200_000i32..200_000, at in 0u64..1_000_000_000_000_000,
        ) {
            let clock = Clock { skew_ns, drift_ppm };
            let base = 5_000_000_000;
            let reading = clock.reading(base, at);
            let found = clock.when(base, reading);
            prop_assert!(clock.reading(base, found) >= reading);
            prop_assert!(found <= at);
            prop_assert!(found == 0 || clock.reading(base, found - 1) < reading);
        }
    }
}
