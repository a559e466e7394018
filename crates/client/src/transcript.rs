//! The transcript as an application shows it: a list that is cheap to hold and cheap to change.

use std::{fmt, iter::FlatMap, slice, sync::Arc};

use chatloom_session::{self as session, Body, EntryKey, GapId, Step};
use chatloom_wire::{Item, ItemId};

use crate::message::{Message, MessageState};

/// A piece of the list is cut in two when it has so many entries.
const MOST_IN_CHUNK: usize = 128;
/// Two neighbours that have at most so many together become one.
const MERGE_BELOW: usize = MOST_IN_CHUNK / 2;

/// The transcript of a chat at one moment, the oldest entry first.
///
/// It never changes, and cloning it costs nothing: the list is in pieces that all moments share. A
/// change while somebody holds an earlier moment copies one piece, not the list; while nobody does,
/// it copies nothing.
///
/// It shows what a person would expect to see: the items of the service in its order, each once;
/// messages of this participant from the moment they are to be sent; and a gap where something is
/// missing or is held no longer.
#[derive(Clone, Default)]
pub struct Transcript {
    chunks: Arc<Vec<Chunk>>,
    len: usize,
    version: u64,
}

type Chunk = Arc<Vec<Arc<Entry>>>;
type OfChunk<'a> = slice::Iter<'a, Arc<Entry>>;

/// An entry of a [`Transcript`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// Stays the same as long as the entry is there: a message has it before and after it is stored.
    pub key: EntryKey,
    /// The id of its item; of an own message also before the item comes, once it is stored.
    pub id: Option<ItemId>,
    /// What it is.
    pub content: EntryContent,
    /// What has become of it, for a message of this chat's participant.
    pub state: Option<MessageState>,
}

/// What an entry of a [`Transcript`] is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EntryContent {
    /// An item of the service. A streamed message is replaced here as it grows.
    Item(Arc<Item>),
    /// A message that is not stored yet.
    Outgoing(Message),
    /// Something is missing here, or is held no longer. [`Chat::fill_gap`](crate::Chat::fill_gap)
    /// tries to read it; at the beginning, [`Chat::load_older`](crate::Chat::load_older) does.
    Gap(GapId),
}

impl Entry {
    /// The item, if it is one.
    pub fn item(&self) -> Option<&Item> {
        match &self.content {
            EntryContent::Item(item) => Some(item),
            EntryContent::Outgoing(_) | EntryContent::Gap(_) => None,
        }
    }

    /// `None` for an item that a host of the core holds itself, which this one never does.
    fn from_core(entry: session::Entry) -> Option<Self> {
        let content = match entry.content {
            session::EntryContent::Item(Body::Item(item)) => EntryContent::Item(item),
            session::EntryContent::Item(Body::Held(_)) => return None,
            session::EntryContent::Outgoing(message) => EntryContent::Outgoing((*message).into()),
            session::EntryContent::Gap(gap) => EntryContent::Gap(gap),
        };
        let (key, id) = (entry.key, entry.id);
        Some(Self { key, id, content, state: entry.state.map(MessageState::from) })
    }
}

impl Transcript {
    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Grows with every change: two moments of one chat with the same version are the same.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The entry at an index, 0 being the oldest.
    pub fn get(&self, index: usize) -> Option<&Entry> {
        if index >= self.len {
            return None;
        }
        let (chunk, at) = self.place(index);
        Some(&self.chunks[chunk][at])
    }

    /// All entries, the oldest first; from the newest with `rev`.
    pub fn iter(&self) -> Entries<'_> {
        let in_chunk: fn(&Chunk) -> OfChunk<'_> = |chunk| chunk.iter();
        Entries { all: self.chunks.iter().flat_map(in_chunk), left: self.len }
    }

    /// The newest entry.
    pub fn last(&self) -> Option<&Entry> {
        self.iter().next_back()
    }

    /// The entry with this key. Looks at all entries, the newest first.
    pub fn entry(&self, key: EntryKey) -> Option<&Entry> {
        self.iter().rev().find(|entry| entry.key == key)
    }

    /// The entry of the item with this id. Looks at all entries, the newest first.
    pub fn entry_of(&self, id: &ItemId) -> Option<&Entry> {
        self.iter().rev().find(|entry| entry.id.as_ref() == Some(id))
    }

    /// Applies what the core says.
    pub(crate) fn apply(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Insert { at, entry } => {
                    if let Some(entry) = Entry::from_core(entry) {
                        self.insert(at, Arc::new(entry));
                    }
                }
                Step::Replace { at, entry } if at < self.len => {
                    if let Some(entry) = Entry::from_core(entry) {
                        let (chunk, at) = self.place(at);
                        self.chunk(chunk)[at] = Arc::new(entry);
                    }
                }
                Step::Remove { at } if at < self.len => self.remove(at),
                // The core names only entries that are there.
                Step::Replace { .. } | Step::Remove { .. } => {}
            }
        }
        self.version += 1;
    }

    /// Where an index below the length is: which piece, and where in it. Looks from the end, where
    /// most changes are.
    fn place(&self, index: usize) -> (usize, usize) {
        let mut begin = self.len;
        for (place, chunk) in self.chunks.iter().enumerate().rev() {
            begin -= chunk.len();
            if index >= begin {
                return (place, index - begin);
            }
        }
        unreachable!("the pieces have all entries below the length")
    }

    fn chunk(&mut self, place: usize) -> &mut Vec<Arc<Entry>> {
        Arc::make_mut(&mut Arc::make_mut(&mut self.chunks)[place])
    }

    fn insert(&mut self, at: usize, entry: Arc<Entry>) {
        // Behind the entry before it, so that a list that only grows has full pieces.
        let (mut place, mut at) = match at.min(self.len) {
            0 => (0, 0),
            at => {
                let (place, before) = self.place(at - 1);
                (place, before + 1)
            }
        };
        self.len += 1;
        let chunks = Arc::make_mut(&mut self.chunks);
        let Some(chunk) = chunks.get_mut(place) else {
            chunks.push(Arc::new(vec![entry]));
            return;
        };
        if chunk.len() >= MOST_IN_CHUNK {
            if at == chunk.len() {
                let fits = chunks.get(place + 1).is_some_and(|next| next.len() < MOST_IN_CHUNK);
                if !fits {
                    chunks.insert(place + 1, Arc::new(Vec::new()));
                }
                (place, at) = (place + 1, 0);
            } else {
                let rest = Arc::make_mut(chunk).split_off(MOST_IN_CHUNK / 2);
                chunks.insert(place + 1, Arc::new(rest));
                if at > MOST_IN_CHUNK / 2 {
                    (place, at) = (place + 1, at - MOST_IN_CHUNK / 2);
                }
            }
        }
        Arc::make_mut(&mut chunks[place]).insert(at, entry);
    }

    fn remove(&mut self, index: usize) {
        let (place, at) = self.place(index);
        self.chunk(place).remove(at);
        self.len -= 1;
        let chunks = Arc::make_mut(&mut self.chunks);
        if chunks[place].is_empty() {
            chunks.remove(place);
            return;
        }
        for first in [place.wrapping_sub(1), place] {
            if let (Some(one), Some(next)) = (chunks.get(first), chunks.get(first.wrapping_add(1)))
                && one.len() + next.len() <= MERGE_BELOW
            {
                let next = chunks.remove(first + 1);
                Arc::make_mut(&mut chunks[first]).extend(next.iter().cloned());
                return;
            }
        }
    }
}

impl<'a> IntoIterator for &'a Transcript {
    type Item = &'a Entry;
    type IntoIter = Entries<'a>;

    fn into_iter(self) -> Entries<'a> {
        self.iter()
    }
}

/// The entries of a [`Transcript`], from [`Transcript::iter`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    all: FlatMap<slice::Iter<'a, Chunk>, OfChunk<'a>, fn(&'a Chunk) -> OfChunk<'a>>,
    left: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = &'a Entry;

    fn next(&mut self) -> Option<&'a Entry> {
        let entry = self.all.next()?;
        self.left -= 1;
        Some(entry)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl DoubleEndedIterator for Entries<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let entry = self.all.next_back()?;
        self.left -= 1;
        Some(entry)
    }
}

impl ExactSizeIterator for Entries<'_> {}

/// Without the entries: they are many.
impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transcript")
            .field("len", &self.len)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: u64) -> session::Entry {
        session::Entry {
            key: EntryKey(key),
            id: None,
            content: session::EntryContent::Gap(GapId(key as u32)),
            state: None,
        }
    }

    fn of(count: u64) -> Transcript {
        let mut transcript = Transcript::default();
        let push = |key| Step::Insert { at: usize::MAX, entry: entry(key) };
        transcript.apply((0..count).map(push).collect());
        transcript
    }

    fn keys(transcript: &Transcript) -> Vec<u64> {
        transcript.iter().map(|entry| entry.key.0).collect()
    }

    /// How many pieces of the one are not those of the other.
    fn differing(one: &Transcript, other: &Transcript) -> usize {
        let shared = |chunk: &Chunk| other.chunks.iter().any(|held| Arc::ptr_eq(chunk, held));
        one.chunks.iter().filter(|chunk| !shared(chunk)).count()
    }

    #[test]
    fn steps_make_the_same_list_as_on_a_plain_one() {
        let mut random = 7_u64;
        let mut below = |bound: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) as usize % bound.max(1)
        };
        let (mut transcript, mut plain) = (Transcript::default(), Vec::new());
        // Grows to thousands, shrinks to nothing, and grows again.
        for round in 0..20_000_u64 {
            let grows = if (6_000..14_000).contains(&round) { 3 } else { 7 };
            let (choice, at) = (below(10), below(plain.len() + 1));
            let step = if choice < grows {
                plain.insert(at, round);
                Step::Insert { at, entry: entry(round) }
            } else if plain.is_empty() {
                continue;
            } else if choice == 9 {
                let at = at.min(plain.len() - 1);
                plain[at] = round;
                Step::Replace { at, entry: entry(round) }
            } else {
                let at = at.min(plain.len() - 1);
                plain.remove(at);
                Step::Remove { at }
            };
            transcript.apply(vec![step]);
            assert_eq!(transcript.len(), plain.len());
            if round % 500 == 0 {
                assert_eq!(keys(&transcript), plain, "round {round}");
                let most = plain.len() / (MERGE_BELOW / 2) + 1;
                assert!(transcript.chunks.len() <= most, "{} pieces", transcript.chunks.len());
            }
        }
        let both = (transcript.iter().len(), transcript.iter().skip(7).len());
        assert_eq!(both, (plain.len(), plain.len() - 7));
        for (index, key) in plain.iter().enumerate() {
            assert_eq!(transcript.get(index).map(|entry| entry.key.0), Some(*key));
        }
        assert!(transcript.get(plain.len()).is_none());
    }

    #[test]
    fn a_change_copies_one_piece_and_only_when_somebody_looks() {
        let mut transcript = of(10_000);
        assert!(transcript.chunks.len() <= 10_000 / MOST_IN_CHUNK + 1, "pieces are full");
        let before = transcript.clone();
        transcript.apply(vec![Step::Replace { at: 5_000, entry: entry(77) }]);
        transcript.apply(vec![Step::Insert { at: 10_000, entry: entry(78) }]);
        assert_eq!(differing(&transcript, &before), 2);
        assert_eq!((before.len(), transcript.len()), (10_000, 10_001));
        assert_eq!(before.get(5_000).map(|entry| entry.key.0), Some(5_000));
        assert_eq!(transcript.get(5_000).map(|entry| entry.key.0), Some(77));

        // Nobody else has the list: it is changed where it is.
        drop(before);
        let list = Arc::as_ptr(&transcript.chunks);
        let pieces: Vec<_> = transcript.chunks.iter().map(Arc::as_ptr).collect();
        for key in 0..20 {
            transcript.apply(vec![Step::Replace { at: 9_999, entry: entry(key) }]);
        }
        assert_eq!(Arc::as_ptr(&transcript.chunks), list);
        assert_eq!(transcript.chunks.iter().map(Arc::as_ptr).collect::<Vec<_>>(), pieces);
    }

    #[test]
    fn older_pages_come_in_front_and_the_oldest_leave() {
        let mut transcript = of(300);
        let older = (0..150).map(|n| Step::Insert { at: n, entry: entry(1_000 + n as u64) });
        transcript.apply(older.collect());
        assert_eq!(keys(&transcript)[..3], [1_000, 1_001, 1_002]);
        assert_eq!(keys(&transcript)[149..152], [1_149, 0, 1]);
        transcript.apply((0..449).map(|_| Step::Remove { at: 0 }).collect());
        assert_eq!(keys(&transcript), [299]);
        assert_eq!(transcript.chunks.len(), 1);
        transcript.apply(vec![Step::Remove { at: 0 }, Step::Remove { at: 0 }]);
        assert!(transcript.is_empty() && transcript.last().is_none());
    }

    #[test]
    fn entries_are_found_by_key_and_by_id() {
        let mut transcript = of(3);
        let item = Item::from_text(r#"{"Id":"i-1","Type":"MESSAGE"}"#).unwrap();
        let content = session::EntryContent::Item(Body::Item(Arc::new(item)));
        let state = Some(session::MessageState::Read);
        let own = session::Entry { key: EntryKey(9), id: Some("i-1".into()), content, state };
        transcript.apply(vec![Step::Insert { at: 1, entry: own }]);
        let found = transcript.entry_of(&ItemId::from("i-1")).unwrap();
        assert_eq!((found.key, &found.state), (EntryKey(9), &Some(MessageState::Read)));
        assert!(transcript.entry(EntryKey(9)).is_some_and(|entry| entry.item().is_some()));
        assert!(transcript.entry(EntryKey(10)).is_none());
        assert!(transcript.entry_of(&ItemId::from("i-2")).is_none());
    }
}
