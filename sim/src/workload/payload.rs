//! What messages carry: an identity that is never used twice and a digest that tells whether it came through whole.
//!
//! An identity is made of the number of the application instance and a counter of its own, so that it depends neither on
//! the interleaving of the instances nor on the seed.

use indoubt_engine::message::Payload;
use xxhash_rust::xxh3::xxh3_64;

/// The identity of an instance's n-th payload.
#[must_use]
pub fn identity(instance: u32, number: u32) -> u64 {
    (u64::from(instance) + 1) << 32 | u64::from(number)
}

/// Which of its instance's payloads this is, counted from 1.
#[must_use]
pub fn number(identity: u64) -> u32 {
    u32::try_from(identity & 0xffff_ffff).expect("32 bits")
}

/// A payload as its producer makes it.
#[must_use]
pub fn make(identity: u64, length: u32) -> Payload {
    Payload { identity, length, digest: digest(identity, length) }
}

/// Whether a payload is what its producer made.
#[must_use]
pub fn is_intact(payload: &Payload) -> bool {
    payload.digest == digest(payload.identity, payload.length)
}

/// What the digest of an undamaged payload is: stands for a checksum over content drawn from the identity.
#[must_use]
pub fn digest(identity: u64, length: u32) -> u32 {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&identity.to_le_bytes());
    bytes[8..].copy_from_slice(&length.to_le_bytes());
    u32::try_from(xxh3_64(&bytes) >> 32).expect("the upper half has 32 bits")
}

/// Whether a message is poison to an application that always backs out every n-th one (0: none).
#[must_use]
pub fn is_poison(identity: u64, poison_every: u32) -> bool {
    poison_every != 0 && number(identity).is_multiple_of(poison_every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_of_different_instances_and_numbers_differ() {
        let all = [identity(0, 1), identity(0, 2), identity(1, 1), identity(1, 2)];
        let distinct: std::collections::BTreeSet<_> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert_eq!(number(identity(7, 42)), 42);
    }

    #[test]
    fn a_payload_that_was_changed_is_not_intact() {
        let payload = make(identity(3, 9), 1_000);
        assert!(is_intact(&payload));
        assert!(!is_intact(&Payload { identity: payload.identity + 1, ..payload }));
        assert!(!is_intact(&Payload { length: 999, ..payload }));
        assert!(!is_intact(&Payload { digest: payload.digest ^ 1, ..payload }));
    }

    #[test]
    fn every_third_is_poison_only_when_asked() {
        assert!(is_poison(identity(5, 6), 3));
        assert!(!is_poison(identity(5, 7), 3));
        assert!(!is_poison(identity(5, 6), 0));
    }
}
