//! Randomness, in one place.

use std::hash::{BuildHasher as _, RandomState};

/// A number from the operating system's randomness, by way of the keys that the standard library
/// gives its hash maps. It spaces retries and seeds the core, which makes client tokens from it; it
/// keeps no secret.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_differ() {
        let numbers: std::collections::HashSet<u64> = (0..64).map(|_| super::random()).collect();
        assert_eq!(numbers.len(), 64);
    }
}
