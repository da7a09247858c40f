//! Random numbers: a stream for each purpose, and integer draws from it.
//!
//! Every purpose has a ChaCha stream of its own, derived from the run's seed and a stable name, so that one purpose less
//! leaves the draws of the others alone.

use indoubt_engine::time::Duration;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// The stream of a purpose.
pub(super) fn stream(seed: u64, purpose: &str) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&xxh3_128_with_seed(purpose.as_bytes(), seed).to_le_bytes());
    key[16..24].copy_from_slice(&seed.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// A number below `bound`, which is not 0.
#[inline]
pub(super) fn below(stream: &mut ChaCha8Rng, bound: u64) -> u64 {
    if bound <= 1 {
        return 0;
    }
    // The high half of the product: uniform but for a bias of bound / 2^64, which no run can notice.
    let product = u128::from(stream.next_u64()) * u128::from(bound);
    u64::try_from(product >> 64).expect("the high half of a 128-bit number")
}

/// True in `ppm` of a million draws.
#[inline]
pub(super) fn in_a_million(stream: &mut ChaCha8Rng, ppm: u32) -> bool {
    below(stream, 1_000_000) < u64::from(ppm)
}

/// A duration in nanoseconds.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 4).min(u64::MAX / 4)
}
