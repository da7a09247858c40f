//! Which seeds: a range, and the part of it that one job of an array takes.

use std::fmt;
use std::str::FromStr;

/// Seeds from `first` to before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedRange {
    /// The first one.
    pub first: u64,
    /// The first one that is not in it.
    pub end: u64,
}

impl SeedRange {
    /// The seeds in order.
    pub fn iter(self) -> impl Iterator<Item = u64> {
        self.first..self.end
    }
}

/// Why a range of seeds makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeedRangeError {
    /// Neither `A..B` nor a number.
    #[error("seeds are `A..B` (from A to before B) or a single number")]
    Malformed,
    /// Nothing lies between A and B.
    #[error("no seed lies from {0} to before {1}")]
    Empty(u64, u64),
}

impl FromStr for SeedRange {
    type Err = SeedRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| SeedRangeError::Malformed);
        let (first, end) = match text.split_once("..") {
            Some((first, end)) => (number(first)?, number(end)?),
            None => {
                let only = number(text)?;
                (only, only.checked_add(1).ok_or(SeedRangeError::Malformed)?)
            }
        };
        if first >= end {
            return Err(SeedRangeError::Empty(first, end));
        }
        Ok(SeedRange { first, end })
    }
}

impl fmt::Display for SeedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.end)
    }
}

/// One job's part of a sweep: the seeds that leave the remainder `index` when divided by `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

impl Shard {
    /// Everything.
    pub const WHOLE: Shard = Shard { index: 0, count: 1 };

    /// Whether the seed is in this part.
    #[must_use]
    pub const fn takes(self, seed: u64) -> bool {
        seed % self.count == self.index
    }
}

/// Why a shard makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// Not two numbers.
    #[error("a shard is `I/N`: part I of N")]
    Malformed,
    /// The index is not below the count.
    #[error("shards count from 0: with {count} of them the last is {count_less_one}/{count}", count_less_one = .count.saturating_sub(1))]
    OutOfRange {
        /// How many there are.
        count: u64,
    },
    /// There are none.
    #[error("a sweep cannot be cut into 0 shards")]
    None,
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (index, count) = text.split_once('/').ok_or(ShardError::Malformed)?;
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| ShardError::Malformed);
        let (index, count) = (number(index)?, number(count)?);
        match count {
            0 => Err(ShardError::None),
            count if index >= count => Err(ShardError::OutOfRange { count }),
            count => Ok(Shard { index, count }),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_is_half_open_and_a_number_is_one_seed() {
        assert_eq!("3..5".parse(), Ok(SeedRange { first: 3, end: 5 }));
        assert_eq!("7".parse::<SeedRange>().map(|range| range.iter().collect::<Vec<_>>()), Ok(vec![7]));
    }

    #[test]
    fn empty_and_malformed_ranges_are_refused() {
        assert_eq!("5..5".parse::<SeedRange>(), Err(SeedRangeError::Empty(5, 5)));
        assert_eq!("9..2".parse::<SeedRange>(), Err(SeedRangeError::Empty(9, 2)));
        for text in ["", "a", "1..", "..2", "-1..2", "1..2..3", "18446744073709551615"] {
            assert_eq!(text.parse::<SeedRange>(), Err(SeedRangeError::Malformed), "{text}");
        }
    }

    #[test]
    fn a_shard_counts_from_nought() {
        assert_eq!("2/2".parse::<Shard>(), Err(ShardError::OutOfRange { count: 2 }));
        assert_eq!("0/0".parse::<Shard>(), Err(ShardError::None));
        assert_eq!("1".parse::<Shard>(), Err(ShardError::Malformed));
        assert_eq!(
            ShardError::OutOfRange { count: 2 }.to_string(),
            "shards count from 0: with 2 of them the last is 1/2"
        );
    }

    proptest! {
        #[test]
        fn every_seed_is_in_exactly_one_shard(seed: u64, count in 1_u64..50) {
            let takers = (0..count).filter(|index| Shard { index: *index, count }.takes(seed)).count();
            prop_assert_eq!(takers, 1);
        }
    }
}
