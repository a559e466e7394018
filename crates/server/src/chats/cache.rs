//! The states of recent chats, in memory.

use std::{num::NonZeroUsize, sync::Arc};

use chatloom_engine::Chat;
use chatloom_wire::ContactId;
use lru::LruCache;

/// Chats whose state is kept in memory; a further one takes the place of the one that was not used
/// for longest. A state takes about 2 KB.
const CHATS: NonZeroUsize = NonZeroUsize::new(16_384).expect("not zero");

/// Memory for them, in bytes: those with the largest attributes, past and files take 100 KB each, and
/// that many of them would take more than all else.
const BYTES: usize = 128 << 20;

/// A state, and how far the chat's log goes.
#[derive(Clone)]
pub(super) struct Cached {
    pub(super) chat: Arc<Chat>,
    pub(super) version: u64,
    /// Place of the last entry, 0 without any: known once this server has stored one or has started the
    /// chat. Another server may have stored more since.
    pub(super) head: Option<u64>,
}

/// The states that were used last.
pub(super) struct Cache {
    kept: LruCache<ContactId, Kept>,
    bytes: usize,
    most: usize,
}

struct Kept {
    state: Cached,
    bytes: usize,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self { kept: LruCache::new(CHATS), bytes: 0, most: BYTES }
    }

    /// How many there are, and how many bytes they take.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.kept.len(), self.bytes)
    }

    pub(super) fn get(&mut self, id: &ContactId) -> Option<&Cached> {
        self.kept.get(id).map(|kept| &kept.state)
    }

    /// Of a chat that is here: keeps a state unless a newer one is known, and gives the newest. Answers
    /// of the store may overtake each other on their way here.
    pub(super) fn renew(&mut self, id: &ContactId, new: &Cached) -> Option<Cached> {
        let kept = self.kept.get_mut(id)?;
        let head = kept.state.head.max(new.head);
        if new.version >= kept.state.version {
            // Most of what is stored leaves the state as it is.
            if !Arc::ptr_eq(&kept.state.chat, &new.chat) {
                let bytes = new.chat.bytes();
                self.bytes = self.bytes - kept.bytes + bytes;
                kept.bytes = bytes;
            }
            kept.state.clone_from(new);
        }
        kept.state.head = head;
        let newest = kept.state.clone();
        self.make_room();
        Some(newest)
    }

    /// Keeps the state of a chat that is not here.
    pub(super) fn put(&mut self, id: ContactId, state: Cached) {
        let bytes = state.chat.bytes();
        self.bytes += bytes;
        if let Some((_, gone)) = self.kept.push(id, Kept { state, bytes }) {
            self.bytes -= gone.bytes;
        }
        self.make_room();
    }

    pub(super) fn remove(&mut self, id: &ContactId) {
        if let Some(gone) = self.kept.pop(id) {
            self.bytes -= gone.bytes;
        }
    }

    fn make_room(&mut self) {
        while self.bytes > self.most
            && let Some((_, gone)) = self.kept.pop_lru()
        {
            self.bytes -= gone.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use chatloom_wire::Timestamp;

    use super::*;
    use crate::store::conformance::sample;

    fn id(number: usize) -> ContactId {
        ContactId::from(format!("00000000-0000-4000-8000-{number:012}"))
    }

    /// A chat that the back end knows so many bytes about.
    fn state(number: usize, version: u64, bytes: usize) -> Cached {
        let mut chat = sample(&id(number), Timestamp::from_millis(0));
        chat.attributes = vec![("name".to_owned(), "x".repeat(bytes))];
        Cached { chat: Arc::new(chat), version, head: None }
    }

    /// What is there, and that the sum is right.
    fn held(cache: &Cache) -> Vec<usize> {
        let sum: usize = cache.kept.iter().map(|(_, kept)| kept.state.chat.bytes()).sum();
        assert_eq!(cache.size(), (cache.kept.len(), sum));
        assert!(sum <= cache.most);
        let mut held: Vec<usize> =
            (0..10).filter(|number| cache.kept.contains(&id(*number))).collect();
        held.sort_unstable();
        held
    }

    #[test]
    fn large_states_leave_room_for_each_other() {
        let mut cache = Cache { most: 100_000, ..Cache::new() };
        for number in 0..5 {
            cache.put(id(number), state(number, 1, 30_000));
        }
        assert_eq!(held(&cache), [2, 3, 4], "those that were used last");
        cache.get(&id(2));
        cache.put(id(5), state(5, 1, 1_000));
        assert_eq!(held(&cache), [2, 3, 4, 5]);
        // One that grows pushes out others, and one that shrinks makes room.
        assert!(cache.renew(&id(5), &state(5, 2, 30_000)).is_some());
        assert_eq!(held(&cache), [2, 4, 5]);
        cache.renew(&id(4), &state(4, 2, 0)).unwrap();
        cache.put(id(6), state(6, 1, 30_000));
        assert_eq!(held(&cache), [2, 4, 5, 6]);
        // An old state changes nothing; one that is not here is not renewed.
        let known = cache.renew(&id(5), &state(5, 1, 90_000)).unwrap();
        assert_eq!((known.version, held(&cache)), (2, vec![2, 4, 5, 6]));
        assert!(cache.renew(&id(7), &state(7, 1, 0)).is_none());
        cache.remove(&id(5));
        cache.remove(&id(7));
        assert_eq!(held(&cache), [2, 4, 6]);
        // One that has no room at all is not kept.
        cache.put(id(8), state(8, 1, 200_000));
        assert_eq!((held(&cache), cache.size()), (Vec::new(), (0, 0)));
    }
}
