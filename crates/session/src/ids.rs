//! What is known by id, at a cost that does not grow with how much is known.

use chatloom_wire::ItemId;

/// A number for each id: a hash table that is searched from slot to slot. The library's does more in
/// five times the code; a browser downloads that code.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    /// Hashes begin with it.
    seed: u64,
    /// A power of two of them, of which a quarter at least is free; none as long as nothing is known.
    slots: Vec<Option<(ItemId, u32)>>,
    len: usize,
}

impl Ids {
    /// Begins hashes with a number of the core's generator: a peer that could foresee them could
    /// have all ids meet in one slot.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Where the search for an id begins.
    fn home(&self, id: &ItemId) -> usize {
        hash(self.seed, id.as_str().as_bytes()) as usize & (self.slots.len() - 1)
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.slots.len() - 1)
    }

    /// Where an id is, or the free slot where it would be.
    fn place(&self, id: &ItemId) -> usize {
        let mut at = self.home(id);
        while self.slots[at].as_ref().is_some_and(|(held, _)| held != id) {
            at = self.after(at);
        }
        at
    }

    pub(crate) fn get(&self, id: &ItemId) -> Option<u32> {
        if self.len == 0 {
            return None;
        }
        self.slots[self.place(id)].as_ref().map(|(_, number)| *number)
    }

    /// Puts a number in the place of the one of this id; says whether there was none.
    pub(crate) fn insert(&mut self, id: ItemId, number: u32) -> bool {
        if self.len * 4 >= self.slots.len() * 3 {
            self.grow();
        }
        let at = self.place(&id);
        let is_new = self.slots[at].replace((id, number)).is_none();
        self.len += usize::from(is_new);
        is_new
    }

    fn grow(&mut self) {
        let slots = vec![None; (self.slots.len() * 2).max(16)];
        for slot in std::mem::replace(&mut self.slots, slots) {
            if let Some((id, _)) = &slot {
                let at = self.place(id);
                self.slots[at] = slot;
            }
        }
    }

    pub(crate) fn remove(&mut self, id: &ItemId) {
        if self.get(id).is_none() {
            return;
        }
        let mut hole = self.place(id);
        self.slots[hole] = None;
        self.len -= 1;
        // A search ends at a free slot. So what stands behind this one moves up, unless its own
        // search begins behind the hole.
        let mut at = self.after(hole);
        while let Some((id, _)) = &self.slots[at] {
            let steps = |from: usize| at.wrapping_sub(from) & (self.slots.len() - 1);
            if steps(self.home(id)) >= steps(hole) {
                self.slots.swap(hole, at);
                hole = at;
            }
            at = self.after(at);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.len = 0;
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

/// A short multiplicative hash of one text.
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let mix = |hash: u64, word: u64| {
        let mixed = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 32)
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let hash = words.iter().fold(seed, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    mix(hash, rest.iter().fold(rest.len() as u64, |word, byte| word << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_that_differ_little_spread() {
        let mut low = BTreeSet::new();
        let mut high = BTreeSet::new();
        for n in 0..4_096 {
            let hash = hash(7, format!("item-{n:05}").as_bytes());
            low.insert(hash & 4_095);
            high.insert(hash >> 57);
        }
        // As many as chance would fill: 63 of 100, and all of the few.
        assert!(low.len() > 2_400, "{}", low.len());
        assert_eq!(high.len(), 128);
        assert_ne!(hash(7, b"a"), hash(8, b"a"));
    }

    proptest! {
        #[test]
        fn does_what_a_tree_does(steps in prop::collection::vec((0_u8..8, 0_u8..60), 0..400)) {
            let (mut ids, mut tree) = (Ids::new(7), BTreeMap::new());
            for (number, (what, id)) in (0..).zip(steps) {
                let id = ItemId::from(id.to_string());
                match what {
                    0..4 => prop_assert_eq!(
                        ids.insert(id.clone(), number),
                        tree.insert(id, number).is_none()
                    ),
                    4..7 => {
                        ids.remove(&id);
                        tree.remove(&id);
                    }
                    _ if number % 50 == 0 => {
                        ids.clear();
                        tree.clear();
                    }
                    _ => {}
                }
                prop_assert_eq!(ids.len(), tree.len());
                for id in 0..60 {
                    let id = ItemId::from(id.to_string());
                    prop_assert_eq!(ids.get(&id), tree.get(&id).copied());
                }
            }
        }
    }
}
