//! Reading a database that a server may have open and write to.

use std::{fmt, path::Path, sync::Arc};

use chatloom_engine::Entry;
use chatloom_wire::{ContactId, Timestamp};
use rusqlite::Connection;

use super::{connect_to_read, failed, reader, schema};
use crate::store::{Finished, StoreError};

/// A connection that only reads, for tools. Each answer is of one moment; none is held for longer.
pub struct Reading(Connection);

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reading")
    }
}

impl Reading {
    /// Opens the database at `path`. One of an older program is refused as well: its server brings it
    /// up to date when it starts.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = connect_to_read(path).map_err(failed("opening the database to read"))?;
        let found = schema::version(&connection)?;
        if found < schema::NEWEST {
            return Err(StoreError::TooOld { found, known: schema::NEWEST });
        }
        Ok(Self(connection))
    }

    /// See [`Store::finished`](crate::store::Store::finished).
    pub fn finished(
        &self,
        from: (Timestamp, u64),
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Finished>, StoreError> {
        reader::finished(&self.0, from, before, limit).map_err(failed("reading finished chats"))
    }

    /// See [`Store::entries_after`](crate::store::Store::entries_after).
    pub fn entries_after(
        &self,
        chat: &ContactId,
        seq: u64,
        limit: u32,
    ) -> Result<Vec<Arc<Entry>>, StoreError> {
        reader::entries_after(&self.0, chat, seq, limit).map_err(failed("reading entries"))
    }
}
