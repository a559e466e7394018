//! A map in a sorted list.
//!
//! Most keys here come in rising order, and the lists are short or cheap to move, so a binary search
//! over a list does what a tree would, in a tenth of the code; a browser downloads that code. Every key
//! is a number, so that the code for most values is the same and is kept once.

#[derive(Debug)]
pub(crate) struct Sorted<V>(Vec<(u64, V)>);

impl<V> Default for Sorted<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> Sorted<V> {
    /// A map that holds nothing.
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    fn place(&self, key: u64) -> Result<usize, usize> {
        // The newest is asked for most.
        match self.0.last() {
            Some((last, _)) if *last < key => Err(self.0.len()),
            _ => self.0.binary_search_by_key(&key, |(held, _)| *held),
        }
    }

    pub(crate) fn contains(&self, key: impl Into<u64>) -> bool {
        self.place(key.into()).is_ok()
    }

    pub(crate) fn get(&self, key: impl Into<u64>) -> Option<&V> {
        self.place(key.into()).ok().map(|at| &self.0[at].1)
    }

    pub(crate) fn get_mut(&mut self, key: impl Into<u64>) -> Option<&mut V> {
        self.place(key.into()).ok().map(|at| &mut self.0[at].1)
    }

    /// Puts a value at its place unless the key is taken; says whether it did.
    pub(crate) fn insert(&mut self, key: impl Into<u64>, value: V) -> bool {
        let key = key.into();
        match self.place(key) {
            Ok(_) => false,
            Err(at) => {
                self.0.insert(at, (key, value));
                true
            }
        }
    }

    pub(crate) fn remove(&mut self, key: impl Into<u64>) -> Option<V> {
        self.place(key.into()).ok().map(|at| self.0.remove(at).1)
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, (u64, V)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn does_what_a_tree_does(steps in prop::collection::vec((0_u8..3, 0_u8..20), 0..200)) {
            let (mut sorted, mut tree) = (Sorted::new(), BTreeMap::<u64, usize>::new());
            for (at, (what, key)) in steps.into_iter().enumerate() {
                match what {
                    0 => {
                        let new = !tree.contains_key(&key.into());
                        prop_assert_eq!(sorted.insert(key, at), new);
                        tree.entry(key.into()).or_insert(at);
                    }
                    1 => prop_assert_eq!(sorted.remove(key), tree.remove(&key.into())),
                    _ => prop_assert_eq!(sorted.get(key), tree.get(&key.into())),
                }
                prop_assert!(sorted.iter().map(|(k, v)| (k, v)).eq(tree.iter()));
            }
        }
    }
}
