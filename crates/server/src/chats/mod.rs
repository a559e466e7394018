//! Every chat of this server: what handlers call.
//!
//! [`Chats`] brings the rules ([`chatloom_engine`]), the [`Store`] and the [`Bus`] together. A command
//! is decided on the chat's state, its decision committed under the version guard, and what became
//! of it published; when another command was faster, it is decided again on the newer state. The
//! states of recent chats are kept in memory, as a cache only: the guard finds out when one is old.

mod agents;
mod attachments;
mod cache;
mod clock;
mod control;
mod delete;
mod followers;
mod guide;
mod measures;
mod outcome;
mod past;
mod repeats;
mod send;
mod settle;
mod start;
mod timers;
mod transcript;
mod transfer;

use std::{
    fmt,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use chatloom_engine::{
    Chat, Measures, Rules,
    token::{Keys, Seat},
};
use chatloom_wire::{ContactId, ServiceError};
use lru::LruCache;
use parking_lot::Mutex;
use tokio::sync::Notify;

pub(crate) use self::attachments::too_large;
pub use self::{
    agents::Accepted,
    attachments::Pending,
    clock::{Clock, SystemClock},
    delete::{Retention, Whose},
    followers::Added,
    transfer::{Transferred, Wish},
};
use self::{
    cache::{Cache, Cached},
    outcome::failed,
};
use crate::{
    bus::Bus,
    random,
    store::{Store, StoreError, Versioned},
};

/// Chats whose figures are kept in memory, so that a description goes on counting where the last one
/// stopped. They take some hundred bytes each.
const MEASURED_CHATS: NonZeroUsize = NonZeroUsize::new(1_024).expect("not zero");

/// Chats of which is known that they were deleted, the last ones.
const DELETED_CHATS: NonZeroUsize = NonZeroUsize::new(1_024).expect("not zero");

/// What was counted since the start of the server.
#[derive(Debug, Default)]
pub struct Counts {
    /// Chats started.
    pub started: AtomicU64,
    /// Entries stored: items and receipts.
    pub stored: AtomicU64,
    /// Entries published and not stored: typing.
    pub transient: AtomicU64,
    /// Repeats of a request that were answered like the first.
    pub repeated: AtomicU64,
    /// Chats that an agent handed on.
    pub transferred: AtomicU64,
    /// Attempts to hand one on that failed.
    pub transfers_failed: AtomicU64,
    /// Commands that the rules refused.
    pub refused: AtomicU64,
    /// Decisions made anew because another command was faster.
    pub conflicts: AtomicU64,
    /// States read from the store.
    pub loaded: AtomicU64,
}

/// Every chat of this server. Shared by all handlers.
pub struct Chats {
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    rules: Rules,
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
    cache: Mutex<Cache>,
    /// Chats that were deleted: what was read of one before is not kept when it comes late.
    forgotten: Mutex<LruCache<ContactId, ()>>,
    /// Rings when a participant has connected.
    connected: Notify,
    /// Rings when something was stored that a follower is to be told of.
    followed: Notify,
    counts: Counts,
    /// How many chats may be open at once.
    most_open: Option<u64>,
    /// Nobody else writes to the store.
    is_alone: bool,
    measured: Mutex<LruCache<ContactId, Arc<Measures>>>,
    /// Rings when a chat was deleted on request.
    deleted: Notify,
}

impl fmt::Debug for Chats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chats").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl Chats {
    /// Chats by these rules, kept in this store. `keys` sign the `NextToken`s.
    pub fn new(
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        rules: Rules,
        keys: Arc<Keys>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let cache = Mutex::new(Cache::new());
        Self {
            store,
            bus,
            rules,
            keys,
            clock,
            cache,
            forgotten: Mutex::new(LruCache::new(DELETED_CHATS)),
            connected: Notify::new(),
            followed: Notify::new(),
            counts: Counts::default(),
            most_open: None,
            is_alone: false,
            measured: Mutex::new(LruCache::new(MEASURED_CHATS)),
            deleted: Notify::new(),
        }
    }

    /// The same, but no chat is started while so many are open.
    #[must_use]
    pub fn with_most_open(mut self, most: Option<u64>) -> Self {
        self.most_open = most;
        self
    }

    /// The same, and nobody else writes to the store, neither another server nor another `Chats`. What
    /// is in memory is what is stored then, and the store is not asked for it.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.is_alone = true;
        self
    }

    /// What was counted.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How many states of chats are in memory, and about how many bytes they take.
    pub(crate) fn cached(&self) -> (usize, usize) {
        self.cache.lock().size()
    }

    /// The chat of a participant who may still do something there.
    ///
    /// Read from the store if others write to it: no version guard would find out that what is in
    /// memory is old.
    pub async fn admit(&self, seat: &Seat) -> Result<Arc<Chat>, ServiceError> {
        if self.is_alone {
            let held = self.cache.lock().get(&seat.chat).map(|held| Arc::clone(&held.chat));
            if let Some(chat) = held
                && chat.admit(self.clock.now(), &seat.participant).is_ok()
            {
                return Ok(chat);
            }
        }
        let chat = self.reload(&seat.chat).await.map_err(|error| failed(&error))?.chat;
        chat.admit(self.clock.now(), &seat.participant).inspect_err(|_| {
            self.counts.refused.fetch_add(1, Relaxed);
        })?;
        Ok(chat)
    }

    /// The last place of a chat's log, 0 without any, if that is certain without asking the store.
    pub(crate) fn head(&self, chat: &ContactId) -> Option<u64> {
        if !self.is_alone {
            return None;
        }
        self.cache.lock().get(chat)?.head
    }

    /// A chat's state, and whether it may be old: it is if it comes from memory.
    async fn load(&self, id: &ContactId) -> Result<(Cached, bool), StoreError> {
        let cached = self.cache.lock().get(id).cloned();
        match cached {
            Some(cached) => Ok((cached, true)),
            None => Ok((self.reload(id).await?, false)),
        }
    }

    async fn reload(&self, id: &ContactId) -> Result<Cached, StoreError> {
        self.counts.loaded.fetch_add(1, Relaxed);
        let stored = self.store.chat(id).await?;
        let Versioned { chat, version } = stored.ok_or_else(|| StoreError::NoChat(id.clone()))?;
        Ok(self.remember(id, Cached { chat, version, head: None }))
    }

    /// Keeps a state unless a newer one is known, and gives the newest.
    fn remember(&self, id: &ContactId, new: Cached) -> Cached {
        let mut cache = self.cache.lock();
        if let Some(newest) = cache.renew(id, &new) {
            return newest;
        }
        if !self.forgotten.lock().contains(id) {
            cache.put(id.clone(), new.clone());
        }
        new
    }
}

pub(crate) fn new_id() -> String {
    random::uuid().to_string()
}

#[cfg(test)]
mod tests;
