//! What the application has been given: by id, so that nothing comes twice.

use std::collections::VecDeque;

use chatloom_wire::ItemId;

use crate::{
    ids::Ids,
    transcript::list::{Place, seek},
};

/// So many items are remembered.
pub(crate) const MOST_ITEMS: usize = 10_000;
/// So many of the newest are remembered beyond the process.
const NEAR_ITEMS: usize = 100;

/// What has been delivered, as it survives the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Floor {
    /// Everything up to here counts as delivered.
    pub(crate) below: Option<Place>,
    /// So do these, which are the newest.
    pub(crate) near: Vec<Place>,
    /// Except what is missing here.
    pub(crate) gaps: Vec<Gone>,
}

/// A gap, as it survives the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gone {
    /// It is behind this.
    pub(crate) after: Option<Place>,
    /// It is before this.
    pub(crate) before: Option<Place>,
}

#[derive(Debug, Default)]
pub(crate) struct Delivered {
    ids: Ids,
    /// The same, by place.
    order: VecDeque<Place>,
    /// Everything up to here counts as delivered: the place of the newest that is remembered no
    /// longer.
    below: Option<Place>,
}

impl Delivered {
    /// Begins hashes with this number; for an empty one.
    pub(crate) fn seed(&mut self, seed: u64) {
        self.ids = Ids::new(seed);
    }

    /// Whether this item has been delivered.
    pub(crate) fn has(&self, place: &Place, id: &ItemId) -> bool {
        self.has_id(id)
            // Without a time nobody knows where it belongs.
            || !place.time.is_empty() && self.below.as_ref().is_some_and(|below| place <= below)
    }

    /// Whether an item of this id has been delivered and is remembered.
    pub(crate) fn has_id(&self, id: &ItemId) -> bool {
        self.ids.get(id).is_some()
    }

    /// Where an item is that has been delivered and is remembered. The newest are found first.
    pub(crate) fn place(&self, id: &ItemId) -> Option<&Place> {
        if !self.has_id(id) {
            return None;
        }
        self.order.iter().rev().find(|place| place.id.as_ref() == Some(id))
    }

    /// Notes an item as delivered; says whether its id is new.
    pub(crate) fn note(&mut self, place: &Place, id: &ItemId) -> bool {
        if !self.ids.insert(id.clone(), 0) {
            return false;
        }
        let (Ok(at) | Err(at)) = seek(self.order.len(), |at| &self.order[at], place);
        self.order.insert(at, place.clone());
        if self.order.len() > MOST_ITEMS {
            self.forget_oldest();
        }
        true
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.order.pop_front() {
            if let Some(id) = &oldest.id {
                self.ids.remove(id);
            }
            self.below = self.below.take().max(Some(oldest));
        }
    }

    /// The place of the newest.
    pub(crate) fn newest(&self) -> Option<&Place> {
        self.order.back().or(self.below.as_ref())
    }

    pub(crate) fn floor(&self) -> Floor {
        let known = self.order.len();
        let first = known.saturating_sub(NEAR_ITEMS);
        let below = first.checked_sub(1).map(|at| self.order[at].clone());
        Floor {
            below: below.max(self.below.clone()),
            near: self.order.range(first..).cloned().collect(),
            gaps: Vec::new(),
        }
    }

    pub(crate) fn restore(&mut self, floor: Floor) {
        for place in floor.near {
            if let Some(id) = place.id.clone() {
                self.note(&place, &id);
            }
        }
        self.below = self.below.take().max(floor.below);
    }

    pub(crate) fn clear(&mut self) {
        self.ids.clear();
        self.order.clear();
        self.below = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(n: usize) -> (Place, ItemId) {
        let id = ItemId::from(format!("{n:06}"));
        (Place::of_item(&format!("t{n:06}"), &id), id)
    }

    #[test]
    fn what_is_forgotten_counts_as_delivered() {
        let mut delivered = Delivered::default();
        for n in 0..MOST_ITEMS + 10 {
            let (place, id) = item(n);
            assert!(delivered.note(&place, &id));
            assert!(!delivered.note(&place, &id));
        }
        assert_eq!(delivered.order.len(), MOST_ITEMS);
        assert_eq!(delivered.ids.len(), MOST_ITEMS);
        for n in [0, 9, 10, MOST_ITEMS] {
            let (place, id) = item(n);
            assert!(delivered.has(&place, &id), "{n}");
            assert_eq!(delivered.has_id(&id), n > 9, "{n}");
        }
        let (place, id) = item(MOST_ITEMS + 10);
        assert!(!delivered.has(&place, &id));
    }

    #[test]
    fn a_floor_remembers_what_is_near_and_what_is_below() {
        let mut delivered = Delivered::default();
        // 950 came before it, and is missing.
        for n in (0..1_000).filter(|n| *n != 950) {
            let (place, id) = item(n);
            delivered.note(&place, &id);
        }
        let floor = delivered.floor();
        assert_eq!(floor.near.len(), NEAR_ITEMS);
        let mut restored = Delivered::default();
        restored.restore(floor.clone());
        for n in 0..1_001 {
            let (place, id) = item(n);
            assert_eq!(restored.has(&place, &id), n != 950 && n != 1_000, "{n}");
        }
        assert_eq!(restored.floor(), floor);
        assert_eq!(restored.newest(), delivered.newest());
    }
}
