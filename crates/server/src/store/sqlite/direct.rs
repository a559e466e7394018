//! The same store without its threads, in memory: what is asked is done before the call returns.
//!
//! For who runs in virtual time and wants the rows, keys, places and guards of the real store, but
//! neither its group commit nor its file. Nothing here is durable.

use std::{fmt, sync::Arc};

use chatloom_engine::{Chat, Entry};
use chatloom_wire::{ContactId, ItemId, ParticipantId, Timestamp};
use rusqlite::Connection;

use super::{
    Random, failed, reader, schema, state_text,
    writer::{Statements, Writer},
};
use crate::store::{
    Commit, Committed, Created, ItemQuery, Place, StoreError, TokenKey, Versioned, Waiting,
};

/// A database in memory. It lasts as long as this value.
pub struct InMemory(Connection);

impl fmt::Debug for InMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InMemory")
    }
}

impl InMemory {
    /// An empty one.
    pub fn open() -> Result<Self, StoreError> {
        let mut connection =
            Connection::open_in_memory().map_err(failed("opening a database in memory"))?;
        connection.set_prepared_statement_cache_capacity(32);
        schema::migrate(&mut connection)?;
        Ok(Self(connection))
    }

    /// The store over it. `random` makes the random part of item ids.
    ///
    /// One at a time: what it remembers of the rows is true only while nobody else writes. To drop it
    /// and to open it again is what the end of a server's process is to its store.
    pub fn store(&self, random: Random) -> Result<Direct<'_>, StoreError> {
        let statements = Statements::prepare(&self.0).map_err(failed("preparing to write"))?;
        Ok(Direct { connection: &self.0, statements, writer: Writer::new(random) })
    }
}

/// A store that answers at once. What its functions do is said at [`Store`](crate::store::Store).
pub struct Direct<'c> {
    connection: &'c Connection,
    statements: Statements<'c>,
    writer: Writer,
}

impl fmt::Debug for Direct<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Direct")
    }
}

impl Direct<'_> {
    /// See [`Store::create`](crate::store::Store::create).
    pub fn create(&mut self, chat: &Chat, key: Option<TokenKey>) -> Result<Created, StoreError> {
        let state = state_text(chat)?;
        self.writer.alone(&mut self.statements, |writer, statements| {
            writer.create(statements, chat, &state, key, None)
        })
    }

    /// See [`Store::commit`](crate::store::Store::commit).
    pub fn commit(&mut self, commit: &Commit) -> Result<Committed, StoreError> {
        let state = commit.state.as_deref().map(state_text).transpose()?;
        self.writer.alone(&mut self.statements, |writer, statements| {
            writer.commit(statements, commit, state.as_deref())
        })
    }

    /// See [`Store::chat`](crate::store::Store::chat).
    pub fn chat(&self, chat: &ContactId) -> Result<Option<Versioned>, StoreError> {
        reader::chat(self.connection, chat).map_err(failed("reading a chat"))
    }

    /// See [`Store::items`](crate::store::Store::items).
    pub fn items(&self, query: &ItemQuery) -> Result<Vec<Arc<Entry>>, StoreError> {
        reader::items(self.connection, query).map_err(failed("reading a transcript"))
    }

    /// See [`Store::place`](crate::store::Store::place).
    pub fn place(&self, chat: &ContactId, of: Place) -> Result<Option<u64>, StoreError> {
        reader::place_of(self.connection, chat, of).map_err(failed("looking for a place"))
    }

    /// See [`Store::about`](crate::store::Store::about).
    pub fn about(&self, chat: &ContactId, items: &[ItemId]) -> Result<Vec<Arc<Entry>>, StoreError> {
        reader::about(self.connection, chat, items).map_err(failed("reading receipts"))
    }

    /// See [`Store::entries_after`](crate::store::Store::entries_after).
    pub fn entries_after(
        &self,
        chat: &ContactId,
        seq: u64,
        limit: u32,
    ) -> Result<Vec<Arc<Entry>>, StoreError> {
        reader::entries_after(self.connection, chat, seq, limit).map_err(failed("reading entries"))
    }

    /// See [`Store::last_said`](crate::store::Store::last_said).
    pub fn last_said(
        &self,
        chat: &ContactId,
        sender: &ParticipantId,
        after: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        reader::last_said(self.connection, chat, sender, after)
            .map_err(failed("looking for the last words"))
    }

    /// See [`Store::heads`](crate::store::Store::heads).
    pub fn heads(&self, chats: &[ContactId]) -> Result<Vec<u64>, StoreError> {
        reader::heads(self.connection, chats).map_err(failed("reading heads"))
    }

    /// See [`Store::waiting`](crate::store::Store::waiting).
    pub fn waiting(&self, queue: &str, limit: u32) -> Result<Waiting, StoreError> {
        reader::waiting(self.connection, queue, limit).map_err(failed("reading a queue"))
    }

    /// See [`Store::due`](crate::store::Store::due).
    pub fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<ContactId>, StoreError> {
        reader::due(self.connection, now, limit).map_err(failed("reading timers"))
    }
}
