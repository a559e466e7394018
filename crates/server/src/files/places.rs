//! Places of those who upload or download.

use std::{collections::HashMap, sync::Arc};

use chatloom_wire::{ContactId, ErrorKind, ServiceError};
use parking_lot::Mutex;

/// What one chat may have of all places: one part of so many. Whoever has a single URL of a file may
/// open it again and again, and be slow.
const PARTS: usize = 4;

/// Places of one kind.
#[derive(Clone)]
pub(crate) struct Places {
    all: usize,
    full: &'static str,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_chat: HashMap<ContactId, usize>,
}

/// A place; it is free again when this is dropped.
pub(crate) struct Place {
    chat: ContactId,
    taken: Arc<Mutex<Taken>>,
}

impl Places {
    /// So many; `full` is what those are told who come when there is none.
    pub(super) fn new(all: usize, full: &'static str) -> Self {
        Self { all, full, taken: Arc::default() }
    }

    /// A place for a file of this chat, if there is one.
    pub(super) fn take(&self, chat: &ContactId) -> Result<Place, ServiceError> {
        let mut taken = self.taken.lock();
        let of_chat = taken.by_chat.get(chat).copied().unwrap_or_default();
        if taken.all >= self.all || of_chat >= self.all.div_ceil(PARTS) {
            return Err(ServiceError::new(ErrorKind::Throttling, self.full));
        }
        taken.all += 1;
        taken.by_chat.insert(chat.clone(), of_chat + 1);
        Ok(Place { chat: chat.clone(), taken: Arc::clone(&self.taken) })
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> u64 {
        self.taken.lock().all as u64
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        taken.all -= 1;
        if let Some(of_chat) = taken.by_chat.get_mut(&self.chat) {
            *of_chat -= 1;
            if *of_chat == 0 {
                taken.by_chat.remove(&self.chat);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_chat_leaves_places_to_the_others() {
        let places = Places::new(6, "full");
        let take = |chat: &str| places.take(&chat.into());
        let one = [take("one"), take("one")].map(Result::unwrap);
        assert_eq!(take("one").err().unwrap().kind, ErrorKind::Throttling);
        let _two = [take("two"), take("two")].map(Result::unwrap);
        let _three = [take("three"), take("three")].map(Result::unwrap);
        assert_eq!((places.taken(), take("four").is_err()), (6, true));
        drop(one);
        assert_eq!((places.taken(), take("four").is_ok()), (4, true));
        assert_eq!(places.taken.lock().by_chat.len(), 2, "who has none is not remembered");
        assert!(Places::new(1, "full").take(&"one".into()).is_ok());
    }
}
