//! Files on their way past the scanner.
//!
//! Which files wait stands in the store, so a restart loses none: what was under way is scanned again.
//! Whatever goes wrong with a scan, the file is rejected.

use std::{collections::HashSet, future::Future, pin::pin, sync::Arc, time::Duration};

use chatloom_wire::{AttachmentId, ContactId, ServiceError};
use tokio::{task::JoinSet, time::MissedTickBehavior};

use super::{Files, scanner::Verdict};
use crate::chats::Pending;

/// How often the store is asked, in case nobody rang: another server may have taken the file, and a
/// verdict that could not be stored has to be found again.
const LOOK: Duration = Duration::from_secs(5);

/// A file of a chat.
type Name = (ContactId, AttachmentId);

impl Files {
    /// Has the files that wait for it scanned, until `shutdown`.
    pub(crate) async fn run_scans(self: Arc<Self>, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = pin!(shutdown);
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut under_way: HashSet<Name> = HashSet::new();
        let mut scans: JoinSet<Name> = JoinSet::new();
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                () = self.arrived.notified() => {}
                _ = ticks.tick() => {}
                Some(ended) = scans.join_next() => match ended {
                    Ok(name) => drop(under_way.remove(&name)),
                    Err(error) => {
                        // Which one it was is not known: all that wait are looked at anew.
                        tracing::error!(%error, "a scan ended by itself");
                        scans.abort_all();
                        while scans.join_next().await.is_some() {}
                        under_way.clear();
                    }
                },
            }
            let free = self.settings.scans_at_once.saturating_sub(scans.len());
            if free == 0 {
                continue;
            }
            // Those under way stand among the ones that are found.
            let chats = (free + scans.len()) as u32;
            let pending = match self.chats.pending_scans(chats).await {
                Ok(pending) => pending,
                Err(error) => {
                    tracing::warn!(%error, "files that wait for the scanner cannot be found");
                    continue;
                }
            };
            let new = pending
                .into_iter()
                .filter(|file| !under_way.contains(&(file.chat.clone(), file.attachment.clone())));
            let new: Vec<Pending> = new.take(free).collect();
            for file in new {
                let name = (file.chat.clone(), file.attachment.clone());
                under_way.insert(name.clone());
                let files = Arc::clone(&self);
                scans.spawn(async move {
                    if let Err(error) = files.scan(&file).await {
                        tracing::warn!(chat = %file.chat, %error, "a verdict was not stored");
                        // It is found again at once, and what is wrong may last.
                        tokio::time::sleep(LOOK).await;
                    }
                    name
                });
            }
        }
    }

    async fn scan(&self, file: &Pending) -> Result<(), ServiceError> {
        let verdict = match &self.scanner {
            Some(scanner) => scanner.look_at(&self.blobs, file).await,
            None => Verdict::Unknown("there is no scanner any more".to_owned()),
        };
        Self::count(match &verdict {
            Verdict::Approved => &self.counts.scans_approved,
            Verdict::Rejected => &self.counts.scans_rejected,
            Verdict::Unknown(reason) => {
                tracing::warn!(
                    chat = %file.chat, reason,
                    "a file could not be scanned and is rejected"
                );
                &self.counts.scans_failed
            }
        });
        self.chats.judge(file, verdict == Verdict::Approved).await
    }
}
