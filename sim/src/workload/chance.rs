//! What an application leaves to chance: sizes, times, priorities, its own failures. Each instance draws from a stream
//! of its own.

use std::time::Duration;

use indoubt_engine::message::Priority;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// An instance's draws.
#[derive(Debug)]
pub struct Chance(ChaCha8Rng);

impl Chance {
    /// Draws from this stream.
    #[must_use]
    pub fn new(stream: ChaCha8Rng) -> Self {
        Chance(stream)
    }

    /// A number between the two, both included.
    pub fn number(&mut self, (least, most): (u32, u32)) -> u32 {
        if most <= least { least } else { self.0.random_range(least..=most) }
    }

    /// A duration between the two, both included.
    pub fn duration(&mut self, (least, most): (Duration, Duration)) -> Duration {
        let (low, high) = (nanoseconds(least), nanoseconds(most));
        if high <= low { least } else { Duration::from_nanos(self.0.random_range(low..=high)) }
    }

    /// True so many times of a hundred. Does not draw when the answer is certain.
    pub fn percent(&mut self, percent: u32) -> bool {
        match percent {
            0 => false,
            1..100 => self.0.random_range(0..100) < percent,
            _ => true,
        }
    }

    /// One of the priorities by weight; `None` (the queue's default) if there are none.
    pub fn priority(&mut self, priorities: &[(Priority, u32)]) -> Option<Priority> {
        let total: u64 = priorities.iter().map(|(_, weight)| u64::from(*weight)).sum();
        if total == 0 {
            return None;
        }
        let mut drawn = self.0.random_range(0..total);
        for (priority, weight) in priorities {
            let weight = u64::from(*weight);
            if drawn < weight {
                return Some(*priority);
            }
            drawn -= weight;
        }
        unreachable!("the draw is below the sum of the weights")
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    fn chance() -> Chance {
        Chance::new(ChaCha8Rng::seed_from_u64(7))
    }

    #[test]
    fn draws_stay_between_their_bounds() {
        let mut chance = chance();
        for _ in 0..200 {
            assert!((10..=12).contains(&chance.number((10, 12))));
            let drawn = chance.duration((Duration::from_millis(1), Duration::from_millis(2)));
            assert!(drawn >= Duration::from_millis(1) && drawn <= Duration::from_millis(2));
        }
        assert_eq!(chance.number((5, 5)), 5);
    }

    #[test]
    fn priorities_come_by_weight_and_weight_zero_never() {
        let priority = |n| Priority::new(n).unwrap();
        let mix = [(priority(1), 1), (priority(5), 0), (priority(9), 3)];
        let mut chance = chance();
        let drawn: Vec<_> = (0..400).map(|_| chance.priority(&mix).unwrap().get()).collect();
        let nines = drawn.iter().filter(|p| **p == 9).count();
        assert!(!drawn.contains(&5));
        assert!((240..360).contains(&nines), "{nines}");
        assert_eq!(chance.priority(&[]), None);
    }

    #[test]
    fn a_certain_answer_draws_nothing() {
        let (mut one, mut other) = (chance(), chance());
        assert!(!one.percent(0));
        assert!(one.percent(100));
        assert_eq!(one.number((0, 1_000_000)), other.number((0, 1_000_000)));
    }
}
