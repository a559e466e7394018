//! Files of chats: their bytes on the way in and out, what looks at them, and what clears up.

mod places;
mod scanner;
mod scans;
mod sweep;

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use chatloom_wire::{AttachmentId, ContactId, ServiceError};
use tokio::sync::{MutexGuard, Notify};

pub use self::scanner::ScannerError;
pub(crate) use self::{places::Place, scanner::ScannerUrl};
use self::{places::Places, scanner::Scanner};
use crate::{
    blob::Blobs,
    chats::{Chats, Clock},
    config::AttachmentsSection,
};

/// The least time between two looks for what can be cleared up.
const LEAST_PAUSE: Duration = Duration::from_millis(10);

/// Uploads that are made durable at once at most: each takes the turn of its file, which it shares with
/// others.
const TURNS: usize = 64;

/// The files of this server's chats. Shared by handlers and tasks.
pub(crate) struct Files {
    pub(crate) blobs: Arc<dyn Blobs>,
    chats: Arc<Chats>,
    clock: Arc<dyn Clock>,
    scanner: Option<Scanner>,
    settings: AttachmentsSection,
    /// Rings when a file waits for the scanner.
    arrived: Notify,
    uploads: Places,
    downloads: Places,
    /// Held while an upload is made durable, by files: a file has one that counts.
    turns: [tokio::sync::Mutex<()>; TURNS],
    hasher: RandomState,
    pub(crate) counts: Counts,
}

/// What was counted since the start of the server.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Files that came in whole, and their bytes.
    pub(crate) uploads: AtomicU64,
    pub(crate) upload_bytes: AtomicU64,
    /// Files that were begun to be sent out, and bytes of them.
    pub(crate) downloads: AtomicU64,
    pub(crate) download_bytes: AtomicU64,
    /// Files that are not what they say they are.
    pub(crate) not_genuine: AtomicU64,
    /// What the scanner said.
    pub(crate) scans_approved: AtomicU64,
    pub(crate) scans_rejected: AtomicU64,
    /// Scans that came to no verdict: the file is rejected.
    pub(crate) scans_failed: AtomicU64,
    /// Files that no chat needed and that were removed.
    pub(crate) swept: AtomicU64,
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl Files {
    pub(crate) fn new(
        blobs: Arc<dyn Blobs>,
        chats: Arc<Chats>,
        clock: Arc<dyn Clock>,
        settings: AttachmentsSection,
    ) -> Result<Self, ScannerError> {
        Ok(Self {
            blobs,
            chats,
            clock,
            scanner: Scanner::from_config(&settings)?,
            arrived: Notify::new(),
            uploads: Places::new(
                settings.uploads_at_once,
                "Too many files are being uploaded; try again",
            ),
            downloads: Places::new(
                settings.downloads_at_once,
                "Too many files are being downloaded; try again",
            ),
            settings,
            turns: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            hasher: RandomState::new(),
            counts: Counts::default(),
        })
    }

    /// The largest file, in bytes.
    pub(crate) fn largest(&self) -> u64 {
        self.settings.max_size.bytes() as u64
    }

    pub(crate) fn settings(&self) -> &AttachmentsSection {
        &self.settings
    }

    /// Whether files wait for the word of a scanner.
    pub(crate) fn has_scanner(&self) -> bool {
        self.scanner.is_some()
    }

    /// A file waits for the scanner.
    pub(crate) fn ring(&self) {
        self.arrived.notify_one();
    }

    /// A place among the uploads that are under way, if there is one for this chat.
    pub(crate) fn place_for_upload(&self, chat: &ContactId) -> Result<Place, ServiceError> {
        self.uploads.take(chat)
    }

    /// A place among the downloads that are under way, if there is one for this chat.
    pub(crate) fn place_for_download(&self, chat: &ContactId) -> Result<Place, ServiceError> {
        self.downloads.take(chat)
    }

    /// Waits until nobody else makes an upload of this file durable.
    pub(crate) async fn turn(&self, file: &AttachmentId) -> MutexGuard<'_, ()> {
        let number = self.hasher.hash_one(file) % TURNS as u64;
        self.turns[number as usize].lock().await
    }

    /// How many uploads and downloads are under way.
    pub(crate) fn under_way(&self) -> u64 {
        self.uploads.taken() + self.downloads.taken()
    }

    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }
}
