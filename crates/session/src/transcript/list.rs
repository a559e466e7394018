//! The transcript as a list: sorted, one entry for each id, and every change as a step.
//!
//! Entries are found by id in a map and by place in the order, where the search begins at the end:
//! what comes last costs the same however long the list is. The list knows nothing of sessions; what
//! belongs into it is decided in `track.rs`.

use chatloom_wire::ItemId;

use crate::{Body, Entry, EntryContent, EntryKey, GapId, ItemHandle, MessageState, Step, ids::Ids};

/// Where an entry belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// It is being sent: behind everything that has a time.
    pub(crate) last: bool,
    /// The item's time, compared as text; of what has no item, the time of the item before it.
    pub(crate) time: Box<str>,
    /// The item's id; of what has no item, the id of the item before it.
    pub(crate) id: Option<ItemId>,
    /// 0 for an item; tells apart what comes behind the same one.
    pub(crate) n: u64,
}

impl Place {
    pub(crate) fn of_item(time: &str, id: &ItemId) -> Self {
        Self { last: false, time: time.into(), id: Some(id.clone()), n: 0 }
    }
}

/// An entry and where it belongs.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) place: Place,
    pub(crate) entry: Entry,
    /// Whether it is of the type `MESSAGE`: receipts speak of no others.
    pub(crate) is_message: bool,
}

impl Line {
    /// The host's item that it holds.
    fn held(&self) -> Option<ItemHandle> {
        match self.entry.content {
            EntryContent::Item(Body::Held(item)) => Some(item),
            _ => None,
        }
    }
}

/// What stands where no entry is.
const NOTHING: EntryContent = EntryContent::Gap(GapId(0));

#[derive(Debug, Default)]
pub(crate) struct List {
    /// Lines, by slots that do not move; those in `free` hold what is no longer there.
    #[expect(
        clippy::vec_box,
        reason = "one piece for all leaves behind, when it grows, as much memory as it takes"
    )]
    lines: Vec<Box<Line>>,
    free: Vec<u32>,
    /// Slots, by place.
    order: Vec<u32>,
    by_id: Ids,
    /// What has been done since it was last told.
    steps: Vec<Step>,
    /// Items of the host's that no line holds any more.
    gone: Vec<ItemHandle>,
}

/// Where `place` is among sorted places, or would be. The search begins at the end.
pub(crate) fn seek<'a>(
    len: usize,
    place_at: impl Fn(usize) -> &'a Place,
    place: &Place,
) -> Result<usize, usize> {
    let (mut high, mut reach) = (len, 1);
    let mut low = loop {
        let Some(probe) = high.checked_sub(reach) else { break 0 };
        match place_at(probe).cmp(place) {
            std::cmp::Ordering::Less => break probe + 1,
            std::cmp::Ordering::Equal => return Ok(probe),
            std::cmp::Ordering::Greater => high = probe,
        }
        reach *= 2;
    };
    while low < high {
        let middle = low.midpoint(high);
        match place_at(middle).cmp(place) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Equal => return Ok(middle),
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    Err(low)
}

impl List {
    pub(crate) fn new(seed: u64) -> Self {
        Self { by_id: Ids::new(seed), ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    fn line(&self, slot: u32) -> &Line {
        &self.lines[slot as usize]
    }

    /// The line at an index.
    pub(crate) fn at(&self, at: usize) -> Option<&Line> {
        self.order.get(at).map(|slot| self.line(*slot))
    }

    /// The index of the line of an id.
    pub(crate) fn find(&self, id: &ItemId) -> Option<usize> {
        let slot = self.by_id.get(id)?;
        self.seek(&self.lines[slot as usize].place).ok()
    }

    /// The index of the line of a key. Looks at every line from the end on: for those that are being
    /// sent or have failed.
    pub(crate) fn find_key(&self, key: EntryKey) -> Option<usize> {
        self.order.iter().rposition(|slot| self.lines[*slot as usize].entry.key == key)
    }

    /// The index of a gap.
    pub(crate) fn find_gap(&self, gap: GapId) -> Option<usize> {
        let is_it = |slot: &u32| matches!(self.lines[*slot as usize].entry.content, EntryContent::Gap(of) if of == gap);
        self.order.iter().position(is_it)
    }

    /// The oldest line that is an item.
    pub(crate) fn first_item(&self) -> Option<&Line> {
        let mut lines = self.order.iter().map(|slot| self.line(*slot));
        lines.find(|line| !line.place.last && line.place.n == 0 && line.entry.id.is_some())
    }

    /// The newest line that is an item.
    pub(crate) fn newest(&self) -> Option<&Line> {
        let mut lines = self.order.iter().rev().map(|slot| self.line(*slot));
        lines.find(|line| !line.place.last && line.place.n == 0)
    }

    /// The index of a place, or where it would be.
    pub(crate) fn seek(&self, place: &Place) -> Result<usize, usize> {
        seek(self.order.len(), |at| &self.lines[self.order[at] as usize].place, place)
    }

    /// Puts a line in. Its id, if it has one, must be new to the list.
    pub(crate) fn insert(&mut self, line: Line) {
        let (Ok(at) | Err(at)) = self.seek(&line.place);
        self.steps.push(Step::Insert { at, entry: line.entry.clone() });
        let id = line.entry.id.clone();
        let slot = if let Some(slot) = self.free.pop() {
            *self.lines[slot as usize] = line;
            slot
        } else {
            self.lines.push(Box::new(line));
            self.lines.len() as u32 - 1
        };
        self.order.insert(at, slot);
        if let Some(id) = id {
            self.by_id.insert(id, slot);
        }
    }

    /// Takes the line at an index out.
    pub(crate) fn remove(&mut self, at: usize) {
        if at >= self.order.len() {
            return;
        }
        let slot = self.order.remove(at);
        self.steps.push(Step::Remove { at });
        self.free.push(slot);
        let line = &mut self.lines[slot as usize];
        if let Some(id) = line.entry.id.take() {
            self.by_id.remove(&id);
        }
        if let Some(item) = line.held() {
            self.gone.push(item);
        }
        // The slot may stay free for long: it must not keep an item alive.
        line.entry.content = NOTHING;
    }

    /// Puts a line in place of the one at an index, wherever it belongs itself.
    pub(crate) fn replace(&mut self, at: usize, new: Line) {
        let Some(&slot) = self.order.get(at) else { return };
        let stays = at.checked_sub(1).is_none_or(|at| self.place_at(at) < &new.place)
            && (at + 1 == self.len() || &new.place < self.place_at(at + 1));
        if !stays {
            if new.held() == self.lines[slot as usize].held() {
                // It only moves.
                self.lines[slot as usize].entry.content = NOTHING;
            }
            self.remove(at);
            return self.insert(new);
        }
        self.steps.push(Step::Replace { at, entry: new.entry.clone() });
        let line = &mut *self.lines[slot as usize];
        let old = std::mem::replace(line, new);
        if let Some(item) = old.held().filter(|item| line.held() != Some(*item)) {
            self.gone.push(item);
        }
        if old.entry.id != line.entry.id {
            if let Some(id) = old.entry.id {
                self.by_id.remove(&id);
            }
            if let Some(id) = line.entry.id.clone() {
                self.by_id.insert(id, slot);
            }
        }
    }

    /// Changes the state of the line at an index; says whether that was news.
    pub(crate) fn set_state(&mut self, at: usize, state: Option<MessageState>) -> bool {
        let Some(line) = self.at(at).filter(|line| line.entry.state != state) else { return false };
        let mut line = line.clone();
        line.entry.state = state;
        self.replace(at, line);
        true
    }

    fn place_at(&self, at: usize) -> &Place {
        &self.lines[self.order[at] as usize].place
    }

    pub(crate) fn has_steps(&self) -> bool {
        !self.steps.is_empty()
    }

    /// What has been done since this was last asked, and the items of the host's that no line holds
    /// any more.
    pub(crate) fn take_steps(&mut self) -> (Vec<Step>, Vec<ItemHandle>) {
        (std::mem::take(&mut self.steps), std::mem::take(&mut self.gone))
    }

    /// The items of the host's that lines hold.
    pub(crate) fn held(&self) -> impl Iterator<Item = ItemHandle> {
        self.order.iter().filter_map(|slot| self.lines[*slot as usize].held())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// What can be done to a list.
    #[derive(Clone, Debug)]
    enum Do {
        Put { time: u8, id: u8 },
        Outgoing,
        Remove(usize),
        State(usize),
        Move { at: usize, time: u8 },
    }

    fn what() -> impl Strategy<Value = Do> {
        prop_oneof![
            6 => (0_u8..9, 0_u8..40).prop_map(|(time, id)| Do::Put { time, id }),
            1 => Just(Do::Outgoing),
            1 => any::<usize>().prop_map(Do::Remove),
            1 => any::<usize>().prop_map(Do::State),
            1 => (any::<usize>(), 0_u8..9).prop_map(|(at, time)| Do::Move { at, time }),
        ]
    }

    fn item(time: u8, id: u8, handle: u64) -> Line {
        let id = ItemId::from(id.to_string());
        Line {
            place: Place::of_item(&time.to_string(), &id),
            is_message: true,
            entry: Entry {
                key: EntryKey(handle),
                id: Some(id),
                content: EntryContent::Item(Body::Held(ItemHandle(handle))),
                state: None,
            },
        }
    }

    fn apply(shown: &mut Vec<Entry>, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Insert { at, entry } => shown.insert(at, entry),
                Step::Replace { at, entry } => shown[at] = entry,
                Step::Remove { at } => drop(shown.remove(at)),
            }
        }
    }

    proptest! {
        #[test]
        fn steps_give_the_list_whatever_is_done(
            todo in prop::collection::vec((what(), any::<bool>()), 0..200),
        ) {
            let mut list = List::new(1);
            let mut shown = Vec::new();
            // What a tree would hold, and the items of the host's that have not been given back.
            let mut tree: BTreeMap<Place, (EntryKey, Option<MessageState>)> = BTreeMap::new();
            let mut out = std::collections::BTreeSet::new();
            for (n, (what, tell)) in todo.into_iter().enumerate() {
                let handle = n as u64;
                let place = |at: usize, list: &List| list.at(at).map(|line| line.place.clone());
                match what {
                    Do::Put { time, id } => {
                        let line = item(time, id, handle);
                        let entry = (line.entry.key, None);
                        if let Some(at) = list.find(line.entry.id.as_ref().unwrap()) {
                            tree.remove(&place(at, &list).unwrap());
                            tree.insert(line.place.clone(), entry);
                            list.replace(at, line);
                        } else {
                            tree.insert(line.place.clone(), entry);
                            list.insert(line);
                        }
                        out.insert(ItemHandle(handle));
                    }
                    Do::Outgoing => {
                        let place = Place { last: true, n: handle, ..Place::default() };
                        let content = NOTHING;
                        let entry = Entry { key: EntryKey(handle), id: None, content, state: None };
                        tree.insert(place.clone(), (EntryKey(handle), None));
                        list.insert(Line { place, entry, is_message: true });
                    }
                    Do::Remove(at) if list.len() > 0 => {
                        let at = at % list.len();
                        tree.remove(&place(at, &list).unwrap());
                        list.remove(at);
                    }
                    Do::State(at) if list.len() > 0 => {
                        let at = at % list.len();
                        tree.get_mut(&place(at, &list).unwrap()).unwrap().1 = Some(MessageState::Sent);
                        list.set_state(at, Some(MessageState::Sent));
                    }
                    Do::Move { at, time } if list.len() > 0 => {
                        let mut line = list.at(at % list.len()).unwrap().clone();
                        let entry = tree.remove(&line.place).unwrap();
                        line.place.last = false;
                        line.place.time = time.to_string().into();
                        tree.insert(line.place.clone(), entry);
                        list.replace(at % list.len(), line);
                    }
                    _ => {}
                }
                if tell {
                    let (steps, gone) = list.take_steps();
                    apply(&mut shown, steps);
                    for item in gone {
                        prop_assert!(out.remove(&item), "given back twice");
                    }
                }
            }
            let (steps, gone) = list.take_steps();
            apply(&mut shown, steps);
            for item in gone {
                prop_assert!(out.remove(&item), "given back twice");
            }
            let shown: Vec<_> = shown.into_iter().map(|entry| (entry.key, entry.state)).collect();
            prop_assert_eq!(&shown, &tree.values().cloned().collect::<Vec<_>>());
            let held: std::collections::BTreeSet<_> = list.held().collect();
            prop_assert_eq!(held, out);
            for at in 0..list.len() {
                let line = list.at(at).unwrap();
                prop_assert_eq!(list.seek(&line.place), Ok(at));
                if let Some(id) = &line.entry.id {
                    prop_assert_eq!(list.find(id), Some(at));
                }
            }
        }
    }
}
