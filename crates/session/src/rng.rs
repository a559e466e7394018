//! A small generator of pseudo-random numbers: SplitMix64.
//!
//! It spreads retries and makes client tokens. Nothing here is a secret.

use crate::json::push_digit;

#[derive(Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `most`, both included. `most` stays far below 2^32: it is a time span.
    pub(crate) fn up_to(&mut self, most: u64) -> u64 {
        ((self.next() >> 32) * (most + 1)) >> 32
    }

    /// Full jitter: random up to `min(cap, base * 2^earlier)`, where `earlier` failures came before.
    pub(crate) fn back_off(&mut self, earlier: u32, base_ms: u64, cap_ms: u64) -> u64 {
        // 2^20 times any base used here is beyond every cap.
        self.up_to(cap_ms.min(base_ms << earlier.min(20)))
    }

    /// The text of a version 4 UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let bits = [self.next(), self.next()];
        let mut text = String::with_capacity(36);
        for at in 0..32 {
            if matches!(at, 8 | 12 | 16 | 20) {
                text += "-";
            }
            let nibble = (bits[at / 16] >> (at % 16 * 4)) as u8 & 15;
            let nibble = match at {
                12 => 4,
                16 => 8 | (nibble & 3),
                _ => nibble,
            };
            push_digit(&mut text, nibble);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn uuids_are_of_version_4_and_differ() {
        let mut rng = Rng::new(7);
        let mut all = BTreeSet::new();
        for _ in 0..1000 {
            let uuid = rng.uuid();
            let bytes = uuid.as_bytes();
            assert_eq!(bytes.len(), 36);
            assert_eq!((bytes[14], bytes[8], bytes[13]), (b'4', b'-', b'-'));
            assert!(b"89ab".contains(&bytes[19]), "{uuid}");
            assert!(all.insert(uuid));
        }
        assert_eq!(Rng::new(7).uuid(), Rng::new(7).uuid());
    }

    #[test]
    fn back_off_stays_within_its_bounds_and_uses_them() {
        let mut rng = Rng::new(1);
        for earlier in [0, 1, 5, 63, u32::MAX] {
            let bound = 30_000.min(500_u64 << earlier.min(20));
            let waits: Vec<u64> = (0..2000).map(|_| rng.back_off(earlier, 500, 30_000)).collect();
            assert!(waits.iter().all(|wait| *wait <= bound));
            assert!(waits.iter().any(|wait| *wait > bound / 10 * 9));
            assert!(waits.iter().any(|wait| *wait < bound / 10));
        }
    }
}
