//! Deleting chats: those that are old, and those of a customer.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use chatloom_engine::{Chat, Command};
use chatloom_wire::{ContactId, ServiceError, Timestamp};
use tokio::time::MissedTickBehavior;

use super::{Chats, outcome::failed};
use crate::{blob::Blobs, store::StoreError};

/// Chats that are looked at under one reading of the store.
const PAGE: u32 = 128;

/// What decides when chats are deleted, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// How long a finished chat is kept, in milliseconds; for ever without.
    pub keep_ms: Option<i64>,
    /// How often old ones are looked for.
    pub every: Duration,
    /// Entries that are deleted at once.
    pub batch: u32,
    /// The pause after each batch.
    pub pause: Duration,
}

/// Whose chats are to be deleted.
#[derive(Clone, PartialEq, Eq)]
pub enum Whose {
    /// Those of a customer, by the `CustomerId` that the back end gave.
    Customer(String),
    /// Those with this attribute: its name and value.
    Attribute(String, String),
    /// Those that these contacts belong to.
    Contacts(Vec<ContactId>),
}

impl Whose {
    fn has(&self, chat: &Chat) -> bool {
        match self {
            Self::Customer(id) => chat.record.customer_id.as_deref() == Some(id),
            Self::Attribute(name, value) => {
                chat.attributes.iter().any(|(key, text)| key == name && text == value)
            }
            Self::Contacts(ids) => chat.contacts.iter().any(|contact| ids.contains(&contact.id)),
        }
    }
}

impl Chats {
    /// Deletes the chats of somebody, those that go on as well: they are ended first. Answers which
    /// they were. Nothing leads to them when this returns; their entries are removed soon after.
    pub async fn delete_of(
        self: &Arc<Self>,
        whose: &Whose,
    ) -> Result<Vec<ContactId>, ServiceError> {
        let failed = |error: StoreError| failed(&error);
        let mut deleted = Vec::new();
        if let Whose::Contacts(contacts) = whose {
            for contact in contacts {
                // Of two contacts of one chat, the second leads nowhere any more.
                if let Some(chat) = self.store.chat_of_contact(contact).await.map_err(failed)?
                    && self.delete(&chat).await?
                {
                    deleted.push(chat);
                }
            }
            return Ok(deleted);
        }
        let mut from = 0;
        loop {
            let page = self.store.chats_from(from, PAGE).await.map_err(failed)?;
            let Some((last, _)) = page.last() else { return Ok(deleted) };
            from = last + 1;
            for (_, versioned) in page {
                let id = &versioned.chat.id;
                if whose.has(&versioned.chat) && self.delete(id).await? {
                    deleted.push(id.clone());
                }
            }
        }
    }

    /// Deletes one chat, which is ended first if it goes on: whether there was one.
    async fn delete(self: &Arc<Self>, id: &ContactId) -> Result<bool, ServiceError> {
        let Some(stored) = self.store.chat(id).await.map_err(|error| failed(&error))? else {
            return Ok(false);
        };
        if !stored.chat.is_over() {
            // Whoever has a socket is told. That somebody else was faster is as good. A chat whose last
            // moment has passed cannot be stopped any more, and ends when it is told the time.
            for end in [Command::TimePassed { heard: Vec::new() }, Command::Stop] {
                match self.settle(id, end, None).await {
                    Err(error) if error.status >= 500 => return Err(error),
                    _ => {}
                }
            }
        }
        let deleted = self.store.delete(id).await.map_err(|error| failed(&error))?;
        self.forget(id);
        self.deleted.notify_one();
        Ok(deleted)
    }

    fn forget(&self, id: &ContactId) {
        // First: whoever remembers the chat before it sees this is undone by what follows.
        self.forgotten.lock().put(id.clone(), ());
        self.cache.lock().remove(id);
        self.measured.lock().pop(id);
    }

    /// Deletes chats when they are old, and removes what deleted ones have left, until `shutdown`. A
    /// little at a time: writers come in between. Several nodes may do it at once.
    pub async fn run_retention(
        self: Arc<Self>,
        retention: Retention,
        blobs: Arc<dyn Blobs>,
        shutdown: impl Future<Output = ()> + Send,
    ) {
        let mut shutdown = pin!(shutdown);
        let mut ticks = tokio::time::interval(retention.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_tick = tokio::select! {
                () = &mut shutdown => return,
                _ = ticks.tick() => true,
                () = self.deleted.notified() => false,
            };
            let round = async {
                if is_tick && let Some(keep) = retention.keep_ms {
                    let before = self.clock.now().plus_millis(-keep);
                    self.delete_finished(before, retention, &*blobs).await?;
                }
                self.sweep_deleted(retention).await
            };
            let done = tokio::select! {
                () = &mut shutdown => return,
                done = round => done,
            };
            match done {
                Ok(()) => {}
                Err(StoreError::Closed) => return,
                Err(error) => tracing::warn!(%error, "old chats could not be deleted; tried again"),
            }
        }
    }

    async fn delete_finished(
        &self,
        before: Timestamp,
        retention: Retention,
        blobs: &dyn Blobs,
    ) -> Result<(), StoreError> {
        let mut chats = 0_u64;
        loop {
            let from = (Timestamp::from_millis(0), 0);
            let page = self.store.finished(from, before, PAGE).await?;
            if page.is_empty() {
                break;
            }
            for finished in page {
                let id = &finished.chat.id;
                chats += u64::from(self.store.delete(id).await?);
                self.forget(id);
                if let Err(error) = blobs.delete_chat(id).await {
                    tracing::warn!(chat = %id, %error, "files of a deleted chat are left to the sweep");
                }
                self.sweep_deleted(retention).await?;
            }
        }
        if chats > 0 {
            tracing::info!(chats, %before, "chats that had ended before were deleted");
        }
        Ok(())
    }

    async fn sweep_deleted(&self, retention: Retention) -> Result<(), StoreError> {
        while self.store.sweep_deleted(retention.batch).await? > 0 {
            tokio::time::sleep(retention.pause).await;
        }
        Ok(())
    }
}
