//! What the writer remembers of chats.

use std::{collections::HashMap, num::NonZeroUsize};

use chatloom_wire::ContactId;
use lru::LruCache;

/// What the writer remembers of a chat. True because nobody else writes.
pub(super) struct Known {
    /// The number of its row.
    pub(super) chat: i64,
    pub(super) version: u64,
    /// Place and time (ms) of the last entry; 0 and the least time there is without one.
    pub(super) seq: u64,
    pub(super) time: i64,
    /// How many of its contacts are known to be kept.
    pub(super) contacts: usize,
    /// Whether it has followers.
    pub(super) followed: bool,
    /// The place of the entry that was sent under each idempotency key. Absent until a key is to be
    /// looked for.
    pub(super) keys: Option<Keys>,
    /// How many of the keys are in [`Memory::keys`].
    counted: usize,
}

/// Places by idempotency key, of which these are the two halves as rows hold them.
pub(super) type Keys = HashMap<[i64; 2], u64>;

impl Known {
    pub(super) fn new(chat: i64, version: u64, seq: u64, time: i64) -> Self {
        Self { chat, version, seq, time, contacts: 0, followed: false, keys: None, counted: 0 }
    }
}

/// The chats that were written to most recently. What is forgotten costs a look-up when it is needed
/// again, nothing else.
pub(super) struct Memory {
    chats: LruCache<ContactId, Known>,
    most_keys: usize,
    /// How many keys there are in all chats, as far as they were counted.
    keys: usize,
}

impl Memory {
    /// Remembers at most so many chats, about 200 bytes each, and about so many keys, 40 bytes each.
    pub(super) fn new(most_chats: NonZeroUsize, most_keys: usize) -> Self {
        Self { chats: LruCache::new(most_chats), most_keys, keys: 0 }
    }

    /// A chat that is remembered, or what `read` finds, which is remembered from then on.
    pub(super) fn get_or_read<E>(
        &mut self,
        chat: &ContactId,
        read: impl FnOnce() -> Result<Known, E>,
    ) -> Result<&mut Known, E> {
        if !self.chats.contains(chat) {
            self.put(chat.clone(), read()?);
        }
        Ok(self.chats.get_mut(chat).expect("it was there or has just been put in"))
    }

    pub(super) fn put(&mut self, chat: ContactId, known: Known) {
        if let Some((_, old)) = self.chats.push(chat, known) {
            self.keys -= old.counted;
        }
    }

    /// Forgets a chat.
    pub(super) fn forget(&mut self, chat: &ContactId) {
        if let Some(old) = self.chats.pop(chat) {
            self.keys -= old.counted;
        }
    }

    /// Counts the keys of the chat used last, and forgets the others, the one used least recently
    /// first, while there are too many.
    pub(super) fn count_keys(&mut self) {
        if let Some((_, known)) = self.chats.iter_mut().next() {
            let count = known.keys.as_ref().map_or(0, HashMap::len);
            self.keys = self.keys + count - known.counted;
            known.counted = count;
        }
        while self.keys > self.most_keys && self.chats.len() > 1 {
            if let Some((_, old)) = self.chats.pop_lru() {
                self.keys -= old.counted;
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.chats.clear();
        self.keys = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        Known::new(1, 1, 0, 0)
    }

    fn id(number: usize) -> ContactId {
        ContactId::from(number.to_string())
    }

    fn remembers(memory: &Memory, number: usize) -> bool {
        memory.chats.contains(&id(number))
    }

    fn add_keys(memory: &mut Memory, number: usize, keys: std::ops::Range<u64>) {
        let known = memory.get_or_read(&id(number), || Ok::<_, ()>(known())).unwrap();
        known.keys.get_or_insert_default().extend(keys.map(|key| ([key as i64, 1], key)));
        memory.count_keys();
    }

    #[test]
    fn the_chats_used_least_recently_are_forgotten() {
        let mut memory = Memory::new(NonZeroUsize::new(2).unwrap(), 100);
        add_keys(&mut memory, 1, 0..10);
        add_keys(&mut memory, 2, 0..20);
        memory.get_or_read(&id(1), || Err("it is remembered")).unwrap();
        add_keys(&mut memory, 3, 0..30);
        assert!(remembers(&memory, 1) && !remembers(&memory, 2) && remembers(&memory, 3));
        assert_eq!(memory.keys, 40);
        let result = memory.get_or_read(&id(2), || Err("not found"));
        assert_eq!(result.err(), Some("not found"));
        memory.clear();
        assert!(!remembers(&memory, 1));
        assert_eq!(memory.keys, 0);
    }

    #[test]
    fn too_many_keys_push_out_other_chats() {
        let mut memory = Memory::new(NonZeroUsize::new(10).unwrap(), 100);
        for number in 0..3 {
            add_keys(&mut memory, number, 0..30);
        }
        add_keys(&mut memory, 0, 20..45);
        assert!(remembers(&memory, 0) && !remembers(&memory, 1) && remembers(&memory, 2));
        assert_eq!(memory.keys, 75);
        add_keys(&mut memory, 0, 0..1_000);
        assert!(remembers(&memory, 0) && !remembers(&memory, 2), "the one in use stays");
        assert_eq!(memory.keys, 1_000);
        add_keys(&mut memory, 1, 0..1);
        assert!(remembers(&memory, 1) && !remembers(&memory, 0));
        assert_eq!(memory.keys, 1);
    }
}
