//! How long an application waits before it tries again: longer each time, with jitter, so that a crowd that lost the
//! same queue manager does not come back all at once.

use std::time::Duration;

use super::chance::Chance;

/// Pauses that double from a first one up to a limit.
#[derive(Clone, Copy, Debug)]
pub struct BackOff {
    first: Duration,
    limit: Duration,
    next: Duration,
}

impl BackOff {
    /// Begins with `first` and doubles up to `limit`. A zero pause would spin, so it is at least a millisecond.
    #[must_use]
    pub fn new(first: Duration, limit: Duration) -> Self {
        let first = first.max(Duration::from_millis(1));
        BackOff { first, limit: limit.max(first), next: first }
    }

    /// It worked: the next pause is the first one again.
    pub fn reset(&mut self) {
        self.next = self.first;
    }

    /// The pause before the next attempt: between half and the whole of the current one, which then doubles.
    pub fn pause(&mut self, chance: &mut Chance) -> Duration {
        let pause = chance.duration((self.next / 2, self.next));
        self.next = self.next.saturating_mul(2).min(self.limit);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn doubles_up_to_the_limit_and_starts_over_after_success() {
        let mut chance = Chance::new(ChaCha8Rng::seed_from_u64(1));
        let mut back_off = BackOff::new(Duration::from_secs(1), Duration::from_secs(5));
        for whole in [1, 2, 4, 5, 5] {
            let pause = back_off.pause(&mut chance);
            let whole = Duration::from_secs(whole);
            assert!(pause >= whole / 2 && pause <= whole, "{pause:?} of {whole:?}");
        }
        back_off.reset();
        assert!(back_off.pause(&mut chance) <= Duration::from_secs(1));
    }

    #[test]
    fn never_spins() {
        let mut chance = Chance::new(ChaCha8Rng::seed_from_u64(1));
        assert!(BackOff::new(Duration::ZERO, Duration::ZERO).pause(&mut chance) >= Duration::from_micros(500));
    }
}
