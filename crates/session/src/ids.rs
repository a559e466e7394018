//! What is known by id, at a cost that does not grow with how much is known.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher},
};

use chatloom_wire::ItemId;

/// Something for each id. One type for all uses, so that its code is compiled once.
pub(crate) type Ids = HashMap<ItemId, u32, Seed>;

/// Begins hashes with a number of the core's generator: the default of the standard library asks the
/// system for one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seed(pub(crate) u64);

impl BuildHasher for Seed {
    type Hasher = Fold;

    fn build_hasher(&self) -> Fold {
        Fold(self.0)
    }
}

/// A short multiplicative hash of one text.
#[derive(Debug)]
pub(crate) struct Fold(u64);

impl Fold {
    fn mix(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        let last = rest.iter().fold(rest.len() as u64, |word, byte| word << 8 | u64::from(*byte));
        self.mix(last);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_that_differ_little_spread() {
        let mut low = BTreeSet::new();
        let mut high = BTreeSet::new();
        for n in 0..4_096 {
            let hash = Seed(7).hash_one(ItemId::from(format!("item-{n:05}")));
            low.insert(hash & 4_095);
            high.insert(hash >> 57);
        }
        // As many as chance would fill: 63 of 100, and all of the few.
        assert!(low.len() > 2_400, "{}", low.len());
        assert_eq!(high.len(), 128);
        assert_ne!(Seed(7).hash_one(ItemId::from("a")), Seed(8).hash_one(ItemId::from("a")));
    }
}
