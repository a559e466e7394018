//! Clearing up: bytes that no chat names.
//!
//! An upload that was never completed, a file that was rejected, and one whose server died between the
//! bytes and the state leave such bytes. What is younger than a day stays: its upload may be under
//! way.

use std::{future::Future, pin::pin, sync::Arc, sync::atomic::Ordering::Relaxed};

use chatloom_engine::limits;
use tokio::time::MissedTickBehavior;

use super::Files;
use crate::{blob::PARTS, store::StoreError};

impl Files {
    /// Clears up now and then, until `shutdown`.
    pub(crate) async fn run_sweeps(self: Arc<Self>, shutdown: impl Future<Output = ()> + Send) {
        let mut ticks = tokio::time::interval(self.settings.sweep.get().max(super::LEAST_PAUSE));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let sweeps = async {
            loop {
                ticks.tick().await;
                if self.sweep().await.is_err() {
                    return;
                }
            }
        };
        let mut shutdown = pin!(shutdown);
        tokio::select! {
            () = &mut shutdown => {}
            () = sweeps => {}
        }
    }

    /// Removes what is old and not named. Fails when the store is closed; what cannot be looked at is
    /// left for the next time.
    async fn sweep(&self) -> Result<(), StoreError> {
        for part in 0..PARTS {
            let chats = match self.blobs.chats(part).await {
                Ok(chats) => chats,
                Err(error) => {
                    tracing::warn!(%error, "the chats with files cannot be listed");
                    continue;
                }
            };
            for chat in chats {
                // The time first: what is named later is younger.
                let before = self.clock.now().plus_millis(-limits::UPLOAD_KEPT_MS);
                let named = match self.chats.blobs_of(&chat).await {
                    Ok(named) => named,
                    Err(StoreError::Closed) => return Err(StoreError::Closed),
                    Err(error) => {
                        tracing::warn!(%chat, %error, "files of a chat are not cleared up");
                        continue;
                    }
                };
                match self.blobs.retain(&chat, named, before).await {
                    Ok(removed) => drop(self.counts.swept.fetch_add(removed, Relaxed)),
                    Err(error) => tracing::warn!(%chat, %error, "old files cannot be removed"),
                }
            }
        }
        Ok(())
    }
}
