//! Where the bytes of files are kept.
//!
//! [`Blobs`] says what the server needs of a storage: bytes that come in pieces and are there as a
//! whole or not at all, under the name that their content gives them, apart for each chat. [`disk`]
//! is the storage in the data folder. [`conformance`] is the suite that every storage passes.
//!
//! Names are apart for each chat so that a chat can go without a look at any other: nothing counts
//! who else has the same file, and nobody learns from a name that somebody has
//! (docs/adr/0012-files-by-content.md).

use std::{io, path::PathBuf};

use bytes::Bytes;
use chatloom_engine::BlobId;
use chatloom_wire::{ContactId, Timestamp};
use futures_util::future::BoxFuture;

pub mod conformance;
pub mod disk;

/// A storage's answer, later.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, BlobError>>;

/// The chats with files are listed in so many parts.
pub const PARTS: u16 = 256;

/// Keeps the bytes of files.
///
/// What must hold for every storage:
/// - [`Incoming::finish`] answers when the bytes are durable: they survive the death of every process.
/// - Before that nobody can read them, and if it is never called nothing stays of them.
/// - Bytes that were read under a name are the ones that were written under it.
/// - What is being finished is never removed by [`Blobs::retain`], whatever it was told to keep, if
///   its time is not before the one it was given.
pub trait Blobs: Send + Sync + 'static {
    /// Begins to take a file of a chat.
    fn begin(&self, chat: &ContactId) -> Answer<'_, Box<dyn Incoming>>;

    /// Opens a file at a place, counted in bytes; `None` when there is none of that name.
    fn open(
        &self,
        chat: &ContactId,
        blob: BlobId,
        from: u64,
    ) -> Answer<'_, Option<Box<dyn Outgoing>>>;

    /// The file as a file of this machine, to be read and nothing else; `None` when there is none of
    /// that name.
    fn local(&self, chat: &ContactId, blob: BlobId) -> Answer<'_, Option<PathBuf>>;

    /// The chats with files, in [`PARTS`] parts that are counted from 0.
    fn chats(&self, part: u16) -> Answer<'_, Vec<ContactId>>;

    /// Removes the files of a chat that are not named here and were finished before a time. Answers
    /// how many.
    fn retain(&self, chat: &ContactId, named: Vec<BlobId>, before: Timestamp) -> Answer<'_, u64>;

    /// Removes all files of a chat.
    fn delete_chat(&self, chat: &ContactId) -> Answer<'_, ()>;
}

/// A file that is coming in.
pub trait Incoming: Send {
    /// Takes the next bytes. After a failure nothing more is taken.
    fn write(&mut self, bytes: Bytes) -> Answer<'_, ()>;

    /// The name of what came so far; none after a failure.
    fn name(&self) -> Option<BlobId>;

    /// Makes what came durable and readable; gives its name. `now` is the time it was finished at.
    fn finish(self: Box<Self>, now: Timestamp) -> Answer<'static, BlobId>;
}

/// A file that is being read.
pub trait Outgoing: Send {
    /// How many bytes the file has in all.
    fn size(&self) -> u64;

    /// The next bytes, at most so many; none at the end.
    fn read(&mut self, most: usize) -> Answer<'_, Bytes>;
}

/// Why a storage did not do it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no room left.
    #[error("no room is left for files ({0})")]
    Full(String),
    /// The storage failed.
    #[error("the storage of files failed: {0}")]
    Failed(String),
}

impl From<io::Error> for BlobError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full(error.to_string())
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}
