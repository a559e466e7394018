//! Deleting chats: at once for everybody who looks, and row by row on the disk.

use chatloom_engine::Contact;
use chatloom_wire::ContactId;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    row::IdIn,
    writer::{Failure, Writer, read_state},
};

/// Deletes what leads to a chat: whether there was one. Its entries go with [`sweep`].
pub(super) fn delete(
    writer: &mut Writer,
    connection: &Connection,
    chat: &ContactId,
) -> Result<bool, Failure> {
    let found: Option<(i64, String)> = connection
        .prepare_cached("SELECT chat, state FROM chats WHERE id = ?1")?
        .query_row([IdIn::new(chat.as_str())], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((number, state)) = found else { return Ok(false) };
    let contacts = read_state(&state)?.contacts;
    wiping(connection, || {
        let mut contact = connection.prepare_cached("DELETE FROM contacts WHERE id = ?1")?;
        for Contact { id, .. } in &contacts {
            contact.execute([IdIn::new(id.as_str())])?;
        }
        connection.prepare_cached("DELETE FROM start_keys WHERE chat = ?1")?.execute([number])?;
        connection.prepare_cached("DELETE FROM followers WHERE chat = ?1")?.execute([number])?;
        connection
            .prepare_cached(
                "UPDATE chats SET id = 'leaving ' || chat, version = version + 1, state = '',
                     queue = NULL, queued_at = NULL, due = NULL, scanning = 0, ended_at = NULL,
                     leaving = 1
                 WHERE chat = ?1",
            )?
            .execute([number])?;
        Ok(())
    })?;
    writer.forget(chat);
    Ok(true)
}

/// Deletes at most so many entries of deleted chats; answers how many rows went, 0 when none is left.
pub(super) fn sweep(connection: &Connection, limit: u32) -> Result<u64, Failure> {
    let leaving: Option<i64> = connection
        .prepare_cached("SELECT chat FROM chats WHERE leaving IS NOT NULL ORDER BY chat LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let Some(number) = leaving else { return Ok(0) };
    let rows = wiping(connection, || {
        // In place, as nothing changes its size: what the deletion then moves about is blank.
        connection
            .prepare_cached(
                "UPDATE entries SET text = printf('%*s', octet_length(text), '') WHERE entry IN (
                     SELECT entry FROM entries INDEXED BY entries_by_place WHERE chat = ?1 LIMIT ?2
                 )",
            )?
            .execute(params![number, limit])?;
        let entries = connection
            .prepare_cached(
                "DELETE FROM entries WHERE entry IN (
                     SELECT entry FROM entries INDEXED BY entries_by_place WHERE chat = ?1 LIMIT ?2
                 )",
            )?
            .execute(params![number, limit])?;
        if entries > 0 {
            return Ok(entries);
        }
        connection.prepare_cached("DELETE FROM chats WHERE chat = ?1")?.execute([number])
    })?;
    Ok(rows as u64)
}

/// Overwrites what is deleted meanwhile: else it would stay in the file until something else is
/// written in its place.
fn wiping<T>(
    connection: &Connection,
    delete: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let set = |on: &str| connection.pragma_update_and_check(None, "secure_delete", on, |_| Ok(()));
    set("ON")?;
    let done = delete();
    set("FAST")?;
    done
}
