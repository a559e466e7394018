//! Copies of a database, taken while it is written to.

use std::{path::Path, thread, time::Duration};

use chatloom_engine::{Attachment, BlobId};
use chatloom_wire::ContactId;
use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use super::{connect_to_read, failed, lock, schema, writer::read_state};
use crate::store::StoreError;

/// How often the pace is looked at.
const STEP: Duration = Duration::from_millis(50);

/// What a database holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Its schema.
    pub schema: u32,
    /// Chats.
    pub chats: u64,
    /// Entries of their logs.
    pub entries: u64,
}

/// A database as it is at one moment. A server may have it open and write to it.
///
/// The log of the server cannot begin anew while there is one: it grows by what is written meanwhile.
pub struct Snapshot(Connection);

impl Snapshot {
    /// Of the database at `from`, now: every commit that was answered before the call is in it.
    pub fn take(from: &Path) -> Result<Self, StoreError> {
        let doing = failed("opening the database to copy it");
        let source = connect_to_read(from).map_err(&doing)?;
        // Without this a copy would begin anew with each commit of the server.
        source.execute_batch("BEGIN; SELECT 1 FROM sqlite_schema;").map_err(&doing)?;
        Ok(Self(source))
    }

    /// Copies it to the empty file `to`. Reads about so many bytes a second. Blocks.
    pub fn copy(&self, to: &Path, bytes_per_second: u64) -> Result<Contents, StoreError> {
        let doing = failed("copying the database");
        let Self(source) = self;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut target = Connection::open_with_flags(to, flags).map_err(&doing)?;
        let page: u64 =
            source.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(&doing)?;
        let pages = bytes_per_second.saturating_mul(STEP.as_millis() as u64) / 1_000 / page.max(1);
        let pages = i32::try_from(pages).unwrap_or(i32::MAX).max(1);
        {
            #[expect(
                clippy::disallowed_methods,
                reason = "the pause is the pace; nothing is waited for"
            )]
            let pause = || thread::sleep(STEP);
            let backup = Backup::new(source, &mut target).map_err(&doing)?;
            loop {
                match backup.step(pages).map_err(&doing)? {
                    StepResult::Done => break,
                    // Nobody else has the copy, and the source is not locked for readers.
                    _ => pause(),
                }
            }
        }
        // Answers when it is on the disk, as one file.
        target
            .pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
            .map_err(&doing)?;
        inspect(&target)
    }

    /// Calls `look` with each file that its chats need.
    pub fn for_each_file(&self, look: impl FnMut(&ContactId, BlobId)) -> Result<(), StoreError> {
        for_each_file_in(&self.0, look)
    }
}

/// What the database at `path`, which nobody has open, holds. Every page of it is looked at.
pub fn check(path: &Path) -> Result<Contents, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(failed("opening the copy"))?;
    inspect(&connection)
}

/// Calls `look` with each file that the chats of the database at `path` need, which nobody has open.
pub fn for_each_file(path: &Path, look: impl FnMut(&ContactId, BlobId)) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(failed("opening the copy"))?;
    for_each_file_in(&connection, look)
}

fn for_each_file_in(
    connection: &Connection,
    mut look: impl FnMut(&ContactId, BlobId),
) -> Result<(), StoreError> {
    let doing = failed("reading the chats that have files");
    // In every schema; chats that are being deleted have no state any more.
    let mut chats = connection
        .prepare("SELECT state FROM chats WHERE state LIKE '%\"attachments\"%'")
        .map_err(&doing)?;
    let mut rows = chats.query([]).map_err(&doing)?;
    while let Some(row) = rows.next().map_err(&doing)? {
        let chat = row.get_ref(0).and_then(|text| read_state(text.as_str()?)).map_err(&doing)?;
        for blob in chat.attachments.iter().filter_map(Attachment::blob) {
            look(&chat.id, blob);
        }
    }
    Ok(())
}

/// Fails when a server has the database at `path` open.
pub fn ensure_free(path: &Path) -> Result<(), StoreError> {
    lock(path).map(drop)
}

fn inspect(connection: &Connection) -> Result<Contents, StoreError> {
    let doing = failed("checking the copy");
    let verdict: String =
        connection.pragma_query_value(None, "quick_check", |row| row.get(0)).map_err(&doing)?;
    if verdict != "ok" {
        return Err(StoreError::Database(format!("the copy is damaged: {verdict}")));
    }
    let schema = schema::version(connection)?;
    let count = |sql| connection.query_row(sql, [], |row| row.get(0)).map_err(&doing);
    Ok(Contents {
        schema,
        chats: count("SELECT count(*) FROM chats")?,
        entries: count("SELECT count(*) FROM entries")?,
    })
}
