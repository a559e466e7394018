//! Where chats are kept.
//!
//! [`Store`] says what the server needs of a database: an append-only log for each chat, the chat's
//! state under a version guard, and a few questions about both. [`sqlite`] is the store inside the
//! binary. [`conformance`] is the suite that every store passes.

use std::sync::Arc;

use chatloom_engine::{Chat, Draft, Entry, FollowerId, FollowerKind};
use chatloom_wire::{ContactId, ItemId, ParticipantId, Timestamp};
use futures_util::future::BoxFuture;

pub mod conformance;
pub mod sqlite;

/// A store's answer, later.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Keeps chats.
///
/// What must hold for every store:
/// - An answer means that it is durable: it survives the death of every process.
/// - A commit happens whole or not at all.
/// - In each chat, sequence numbers are 1, 2, 3, ... without holes in the order of commits, and times
///   strictly increase: `max(now, last + 1 ms)`, across restarts and nodes.
/// - An entry that was read is never seen to change, or to go before its chat is deleted.
pub trait Store: Send + Sync + 'static {
    /// Keeps a new chat, as [`FIRST_VERSION`]. When `key` was used before, nothing is kept and the first chat is answered; else,
    /// when `most` chats are open already ([`Chat::next_due`] has a time), nothing is kept either.
    fn create(
        &self,
        chat: Arc<Chat>,
        key: Option<TokenKey>,
        most: Option<u64>,
    ) -> Answer<'_, Created>;

    /// A chat by its initial contact id, with the version that guards its next commit.
    fn chat(&self, chat: &ContactId) -> Answer<'_, Option<Versioned>>;

    /// The chat that a contact belongs to.
    fn chat_of_contact(&self, contact: &ContactId) -> Answer<'_, Option<ContactId>>;

    /// Appends entries and changes the state, if the chat still has the version it was decided on, and
    /// the head if one is given.
    fn commit(&self, commit: Commit) -> Answer<'_, Committed>;

    /// A page of the transcript.
    fn items(&self, query: ItemQuery) -> Answer<'_, Vec<Arc<Entry>>>;

    /// The place of the first item at or after a time, or of the last one at or before it.
    fn place(&self, chat: &ContactId, of: Place) -> Answer<'_, Option<u64>>;

    /// What became of some items of a chat, oldest first: receipts, and new statuses of files.
    fn about(&self, chat: &ContactId, items: Vec<ItemId>) -> Answer<'_, Vec<Arc<Entry>>>;

    /// All entries of a chat after a place, oldest first, at most `limit`.
    fn entries_after(&self, chat: &ContactId, seq: u64, limit: u32) -> Answer<'_, Vec<Arc<Entry>>>;

    /// When a participant last sent a message or attachment after a time; events do not count.
    fn last_said(
        &self,
        chat: &ContactId,
        sender: &ParticipantId,
        after: Timestamp,
    ) -> Answer<'_, Option<Timestamp>>;

    /// The last place of each of these chats; 0 for one without entries or unknown.
    fn heads(&self, chats: Vec<ContactId>) -> Answer<'_, Vec<u64>>;

    /// The chats that wait in a queue, longest first, at most `limit`, and how many wait in all.
    fn waiting(&self, queue: &str, limit: u32) -> Answer<'_, Waiting>;

    /// Chats whose [`Chat::next_due`] is not after `now`, at most `limit`, longest due first.
    fn due(&self, now: Timestamp, limit: u32) -> Answer<'_, Vec<ContactId>>;

    /// Chats with files that a scanner has ([`Chat::scanning`]), at most `limit`, in the order of
    /// their start.
    fn scanning(&self, limit: u32) -> Answer<'_, Vec<ContactId>>;

    /// Chats that ended before a time, at most `limit`, longest over first, from a place on: a time
    /// and, among those that ended at that time, a number. The next page is from the last one's time
    /// and number + 1.
    fn finished(
        &self,
        from: (Timestamp, u64),
        before: Timestamp,
        limit: u32,
    ) -> Answer<'_, Vec<Finished>>;

    /// All chats, at most `limit` of them, each with a number that grows from one to the next. The next
    /// page is from the last number + 1.
    fn chats_from(&self, from: u64, limit: u32) -> Answer<'_, Vec<(u64, Versioned)>>;

    /// Deletes a chat for good: whether there was one. From then on nothing leads to it. Its entries
    /// are removed by [`sweep_deleted`](Self::sweep_deleted), so that one large chat keeps nobody
    /// waiting.
    fn delete(&self, chat: &ContactId) -> Answer<'_, bool>;

    /// Removes at most `limit` entries of deleted chats, and answers how many rows went: 0 when nothing
    /// of them is left.
    fn sweep_deleted(&self, limit: u32) -> Answer<'_, u64>;

    /// Followers that have something to be told and whose next try is not after `now`, longest due
    /// first, at most `each` of those that lead to the same endpoint: however many wait for one that is
    /// gone, those of the others are among them.
    fn followers_due(&self, now: Timestamp, each: u32) -> Answer<'_, Vec<FollowerPlace>>;

    /// Moves a follower on, or its next try; whether it was still where the step starts. One that is
    /// no longer kept is nowhere.
    ///
    /// A follower is kept by the chat's state ([`Chat::followers`]): the commit or creation whose state
    /// has it first makes it, at the place before that commit's entries, and the commit whose state has
    /// it no longer removes it. It is due from the moment that entries are appended after its place.
    fn advance(&self, step: FollowerStep) -> Answer<'_, bool>;

    /// Takes or keeps a lease: whether `holder` has it until `until`. A lease that ended by `now` is
    /// anybody's.
    fn lease(&self, name: &str, holder: &str, now: Timestamp, until: Timestamp)
    -> Answer<'_, bool>;

    /// Until the store can work no more though nobody closed it: a server on it is of no use and stops.
    /// One that may recover from whatever happens never says so.
    fn broken(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }

    /// Writes what is waiting and closes. Later calls answer [`StoreError::Closed`]; closing again is
    /// fine.
    fn close(&self) -> Answer<'_, ()>;
}

/// The version of a new chat.
pub const FIRST_VERSION: u64 = 1;

/// A chat and the version that guards its next commit.
#[derive(Clone, Debug)]
pub struct Versioned {
    /// The chat.
    pub chat: Arc<Chat>,
    /// Grows with each change of the state; entries alone leave it as it is.
    pub version: u64,
}

/// A chat that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// When.
    pub at: Timestamp,
    /// Tells it from others that ended then.
    pub number: u64,
    /// The chat.
    pub chat: Arc<Chat>,
}

/// A key that makes a repeat harmless: who, which operation, which `ClientToken`, as a hash of 128
/// bits; and a hash of the body, to tell a repeat from a different request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenKey {
    /// Hash of participant, operation and token.
    pub key: u128,
    /// Hash of the request's body.
    pub body: u64,
}

/// How [`Store::create`] ended.
#[derive(Clone, Debug)]
pub enum Created {
    /// Kept.
    New,
    /// The key was used before, with the same body: the first chat.
    Repeated(Arc<Chat>),
    /// The key was used before, with another body.
    TokenReused,
    /// As many chats as allowed are open.
    Full,
}

/// A change of a chat.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Which chat.
    pub chat: ContactId,
    /// The version it was decided on.
    pub version: u64,
    /// The last place of the log it was decided on, if more entries would make it another decision.
    pub head: Option<u64>,
    /// The new state, when it changed.
    pub state: Option<Arc<Chat>>,
    /// What to append, in this order.
    pub drafts: Vec<Draft>,
    /// Makes a repeat answer the entry at `answer` again.
    pub key: Option<TokenKey>,
    /// Index of the draft that the caller is told about.
    pub answer: usize,
    /// The time it was decided at.
    pub now: Timestamp,
}

/// How [`Store::commit`] ended.
#[derive(Clone, Debug)]
pub enum Committed {
    /// Done.
    Done {
        /// The appended entries, in order.
        entries: Vec<Arc<Entry>>,
        /// The chat's version now.
        version: u64,
    },
    /// The key was used before, with the same body: what the caller was told then.
    Repeated {
        /// The item's id.
        id: ItemId,
        /// Its time.
        time: Timestamp,
    },
    /// The key was used before, with another body.
    TokenReused,
    /// The chat has another version or head by now: read it and decide again.
    Conflict,
}

/// A page of the transcript: entries of the kind [`Item`](chatloom_engine::EntryKind::Item).
#[derive(Clone, Debug)]
pub struct ItemQuery {
    /// Which chat.
    pub chat: ContactId,
    /// Only items of this contact.
    pub contact: Option<ContactId>,
    /// Who asks: items for all, for agents if `agents`, and for this participant.
    pub reader: ParticipantId,
    /// Whether the reader sees what is for agents.
    pub agents: bool,
    /// Towards newer items, else towards older ones.
    pub forward: bool,
    /// First place to look at, included.
    pub from: u64,
    /// How many at most.
    pub limit: u32,
}

/// A place to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The first entry at or after this time.
    AtOrAfter(Timestamp),
    /// The last entry at or before this time.
    AtOrBefore(Timestamp),
}

/// Who waits in a queue.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    /// How many wait in all.
    pub total: u64,
    /// The ones that have waited longest, longest first.
    pub chats: Vec<Versioned>,
}

/// How far a follower of a chat has been told of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerPlace {
    /// The follower, one of [`Chat::followers`].
    pub follower: FollowerId,
    /// The chat.
    pub chat: ContactId,
    /// Whom it leads to.
    pub kind: FollowerKind,
    /// The last place it was told of; 0 before the first.
    pub place: u64,
    /// How often telling it the next has failed in a row.
    pub failures: u32,
}

/// What became of telling a follower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerStep {
    /// The follower.
    pub follower: FollowerId,
    /// Where it was.
    pub from: u64,
    /// Where it is now; the same when telling it the next failed.
    pub to: u64,
    /// How often telling it the next has failed in a row.
    pub failures: u32,
    /// When it is next due, if there is more; at once without a time.
    pub retry: Option<Timestamp>,
    /// The present time.
    pub now: Timestamp,
}

/// Why a store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store is closed or closing.
    #[error("the store is closed")]
    Closed,
    /// So much waits to be written that no more is taken.
    #[error("{waiting} writes are waiting already; try again later")]
    Overloaded {
        /// How many wait.
        waiting: usize,
    },
    /// There is no such chat.
    #[error("there is no chat {0}")]
    NoChat(ContactId),
    /// A new contact has the id of one that is kept already.
    #[error("there is a contact {0} already")]
    Exists(ContactId),
    /// The data is open elsewhere.
    #[error("{0} is in use by another server; stop that one, or give this one data of its own")]
    InUse(String),
    /// The data is from a newer version.
    #[error("the data has schema {found}, this program knows up to {known}; run the newer program")]
    TooNew {
        /// The schema of the data.
        found: u32,
        /// The newest this program knows.
        known: u32,
    },
    /// The data are from an older version, and whoever reads them may not change them.
    #[error("the data has schema {found}, this program needs {known}; start its server once")]
    TooOld {
        /// The schema of the data.
        found: u32,
        /// The one this program needs.
        known: u32,
    },
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(String),
}
