//! Who said how much in a chat.

use std::sync::Arc;

use chatloom_engine::Measures;
use chatloom_wire::{ContactId, ServiceError};

use super::{
    Chats,
    outcome::{failed, to_control_plane},
};

/// Entries read at once.
const PAGE: u32 = 1_000;

impl Chats {
    /// The figures of a chat, from its log: what came since they were asked for last.
    pub async fn measures(&self, chat: &ContactId) -> Result<Arc<Measures>, ServiceError> {
        let known = self.measured.lock().get(chat).cloned().unwrap_or_default();
        let mut measures = Arc::clone(&known);
        loop {
            let read = self.store.entries_after(chat, measures.seq(), PAGE).await;
            let entries = read.map_err(|error| to_control_plane(failed(&error)))?;
            let is_last = entries.len() < PAGE as usize;
            if !entries.is_empty() {
                let measures = Arc::make_mut(&mut measures);
                for entry in &entries {
                    measures.add(entry);
                }
            }
            if is_last {
                break;
            }
        }
        if measures.seq() > known.seq() {
            let mut kept = self.measured.lock();
            // Somebody else may have read further meanwhile.
            if kept.peek(chat).is_none_or(|kept| kept.seq() < measures.seq()) {
                kept.put(chat.clone(), Arc::clone(&measures));
            }
        }
        Ok(measures)
    }
}
