//! Questions to the database.
//!
//! Each runs on a reader's own connection, and none holds a snapshot for longer than one page of
//! results, so that checkpoints are never kept waiting.

use std::{fmt::Write as _, sync::Arc};

use chatloom_engine::{Entry, EntryKind, FollowerId};
use chatloom_wire::{ContactId, Item, ItemId, ItemType, ParticipantId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::{
    row::{self, ENTRY_COLUMNS, IdIn, IdOut},
    writer::read_state,
};
use crate::store::{Finished, FollowerPlace, ItemQuery, Place, Versioned, Waiting};

/// The most look-ups under one snapshot.
const PAGE: usize = 256;

fn versioned(row: &Row<'_>) -> rusqlite::Result<Versioned> {
    Ok(Versioned { chat: Arc::new(read_state(row.get_ref(0)?.as_str()?)?), version: row.get(1)? })
}

pub(super) fn chat(
    connection: &Connection,
    chat: &ContactId,
) -> rusqlite::Result<Option<Versioned>> {
    connection
        .prepare_cached("SELECT state, version FROM chats WHERE id = ?1 AND leaving IS NULL")?
        .query_row([IdIn::new(chat.as_str())], versioned)
        .optional()
}

pub(super) fn chat_of_contact(
    connection: &Connection,
    contact: &ContactId,
) -> rusqlite::Result<Option<ContactId>> {
    connection
        .prepare_cached(
            "SELECT chats.id FROM contacts JOIN chats USING (chat) WHERE contacts.id = ?1",
        )?
        .query_row([IdIn::new(contact.as_str())], |row| Ok(row.get::<_, IdOut<_>>(0)?.0))
        .optional()
}

pub(super) fn finished(
    connection: &Connection,
    (at, number): (Timestamp, u64),
    before: Timestamp,
    limit: u32,
) -> rusqlite::Result<Vec<Finished>> {
    let mut statement = connection.prepare_cached(
        "SELECT ended_at, chat, state FROM chats INDEXED BY chats_by_end
         WHERE (ended_at, chat) >= (?1, ?2) AND ended_at < ?3 ORDER BY ended_at, chat LIMIT ?4",
    )?;
    let row = |row: &Row<'_>| {
        Ok(Finished {
            at: Timestamp::from_millis(row.get(0)?),
            number: row.get(1)?,
            chat: Arc::new(read_state(row.get_ref(2)?.as_str()?)?),
        })
    };
    let params = params![at.as_millis(), place(number), before.as_millis(), limit];
    statement.query_map(params, row)?.collect()
}

pub(super) fn chats_from(
    connection: &Connection,
    from: u64,
    limit: u32,
) -> rusqlite::Result<Vec<(u64, Versioned)>> {
    let mut statement = connection.prepare_cached(
        "SELECT state, version, chat FROM chats
         WHERE chat >= ?1 AND leaving IS NULL ORDER BY chat LIMIT ?2",
    )?;
    let row = |row: &Row<'_>| Ok((row.get(2)?, versioned(row)?));
    statement.query_map(params![place(from), limit], row)?.collect()
}

/// The number of a chat's row.
fn number(connection: &Connection, chat: &ContactId) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT chat FROM chats WHERE id = ?1")?
        .query_row([IdIn::new(chat.as_str())], |row| row.get(0))
        .optional()
}

fn entries(
    connection: &Connection,
    chat: &ContactId,
    condition: &str,
    params: &[&dyn ToSql],
) -> rusqlite::Result<Vec<Arc<Entry>>> {
    let mut sql = String::with_capacity(256);
    write!(sql, "SELECT {ENTRY_COLUMNS} FROM entries {condition}").expect("strings take text");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params, |row| row::entry(chat, row))?;
    rows.collect()
}

pub(super) fn items(
    connection: &Connection,
    query: &ItemQuery,
) -> rusqlite::Result<Vec<Arc<Entry>>> {
    let Some(number) = number(connection, &query.chat)? else { return Ok(Vec::new()) };
    let condition = if query.forward {
        "INDEXED BY entries_by_place WHERE chat = ?1 AND seq >= ?2 AND kind = ?3
         AND (audience = 0 OR (audience = 1 AND ?4) OR (audience = 2 AND reader = ?5))
         AND (?6 IS NULL OR contact = ?6) ORDER BY seq LIMIT ?7"
    } else {
        "INDEXED BY entries_by_place WHERE chat = ?1 AND seq <= ?2 AND kind = ?3
         AND (audience = 0 OR (audience = 1 AND ?4) OR (audience = 2 AND reader = ?5))
         AND (?6 IS NULL OR contact = ?6) ORDER BY seq DESC LIMIT ?7"
    };
    entries(
        connection,
        &query.chat,
        condition,
        params![
            number,
            place(query.from),
            EntryKind::Item as u8,
            query.agents,
            IdIn::new(query.reader.as_str()),
            query.contact.as_ref().map(|id| IdIn::new(id.as_str())),
            query.limit,
        ],
    )
}

/// A place as SQLite counts; all beyond are alike.
fn place(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

pub(super) fn entries_after(
    connection: &Connection,
    chat: &ContactId,
    seq: u64,
    limit: u32,
) -> rusqlite::Result<Vec<Arc<Entry>>> {
    let Some(number) = number(connection, chat)? else { return Ok(Vec::new()) };
    entries(
        connection,
        chat,
        "INDEXED BY entries_by_place WHERE chat = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
        params![number, place(seq), limit],
    )
}

/// Times grow with places and places have no holes, so the place of a time is found by halving.
pub(super) fn place_of(
    connection: &Connection,
    chat: &ContactId,
    of: Place,
) -> rusqlite::Result<Option<u64>> {
    let Some(number) = number(connection, chat)? else { return Ok(None) };
    let head = head(connection, number)?;
    let mut time_at = connection.prepare_cached(
        "SELECT time FROM entries INDEXED BY entries_by_place WHERE chat = ?1 AND seq = ?2",
    )?;
    // The first place for which `beyond` holds, or the one after the last.
    let mut first_where = |beyond: &dyn Fn(Timestamp) -> bool| -> rusqlite::Result<u64> {
        let (mut low, mut high) = (1, head + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let time = time_at.query_row(params![number, middle], |row| row.get(0))?;
            if beyond(Timestamp::from_millis(time)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(low)
    };
    Ok(match of {
        Place::AtOrAfter(time) => {
            Some(first_where(&|other| other >= time)?).filter(|place| *place <= head)
        }
        Place::AtOrBefore(time) => {
            Some(first_where(&|other| other > time)? - 1).filter(|place| *place > 0)
        }
    })
}

fn head(connection: &Connection, number: i64) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT coalesce(max(seq), 0) FROM entries WHERE chat = ?1")?
        .query_row([number], |row| row.get(0))
}

/// Reads backwards from the end, so that one who talks is found at once.
pub(super) fn last_said(
    connection: &Connection,
    chat: &ContactId,
    sender: &ParticipantId,
    after: Timestamp,
) -> rusqlite::Result<Option<Timestamp>> {
    let first = place_of(connection, chat, Place::AtOrAfter(after.plus_millis(1)))?;
    let (Some(number), Some(first)) = (number(connection, chat)?, first) else { return Ok(None) };
    let mut statement = connection.prepare_cached(
        "SELECT time, text FROM entries INDEXED BY entries_by_place
         WHERE chat = ?1 AND seq >= ?2 AND kind = ?3 AND sender = ?4 ORDER BY seq DESC",
    )?;
    let sender = IdIn::new(sender.as_str());
    let mut rows = statement.query(params![number, first, EntryKind::Item as u8, sender])?;
    while let Some(row) = rows.next()? {
        let item = Item::from_text(Arc::from(row.get_ref(1)?.as_str()?));
        if item.is_ok_and(|item| item.head().item_type != Some(ItemType::Event)) {
            return row.get(0).map(|time| Some(Timestamp::from_millis(time)));
        }
    }
    Ok(None)
}

pub(super) fn about(
    connection: &Connection,
    chat: &ContactId,
    items: &[ItemId],
) -> rusqlite::Result<Vec<Arc<Entry>>> {
    let Some(number) = number(connection, chat)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for page in items.chunks(PAGE) {
        let snapshot = connection.unchecked_transaction()?;
        for item in page {
            found.extend(entries(
                &snapshot,
                chat,
                "INDEXED BY entries_by_subject
                 WHERE chat = ?1 AND about = ?2 AND kind IN (?3, ?4) ORDER BY seq",
                params![
                    number,
                    IdIn::new(item.as_str()),
                    EntryKind::Receipt as u8,
                    EntryKind::AttachmentStatus as u8,
                ],
            )?);
        }
    }
    found.sort_unstable_by_key(|entry| entry.seq);
    Ok(found)
}

pub(super) fn heads(connection: &Connection, chats: &[ContactId]) -> rusqlite::Result<Vec<u64>> {
    let mut heads = Vec::with_capacity(chats.len());
    for page in chats.chunks(PAGE) {
        let snapshot = connection.unchecked_transaction()?;
        for chat in page {
            heads.push(match number(&snapshot, chat)? {
                Some(number) => head(&snapshot, number)?,
                None => 0,
            });
        }
    }
    Ok(heads)
}

pub(super) fn waiting(
    connection: &Connection,
    queue: &str,
    limit: u32,
) -> rusqlite::Result<Waiting> {
    let snapshot = connection.unchecked_transaction()?;
    let total = snapshot
        .prepare_cached("SELECT count(*) FROM chats WHERE queue = ?1")?
        .query_row([queue], |row| row.get(0))?;
    let chats = snapshot
        .prepare_cached(
            "SELECT state, version FROM chats WHERE queue = ?1 ORDER BY queued_at, chat LIMIT ?2",
        )?
        .query_map(params![queue, limit], versioned)?
        .collect::<Result<_, _>>()?;
    Ok(Waiting { total, chats })
}

pub(super) fn due(
    connection: &Connection,
    now: Timestamp,
    limit: u32,
) -> rusqlite::Result<Vec<ContactId>> {
    connection
        .prepare_cached("SELECT id FROM chats WHERE due <= ?1 ORDER BY due, chat LIMIT ?2")?
        .query_map(params![now.as_millis(), limit], |row| Ok(row.get::<_, IdOut<_>>(0)?.0))?
        .collect()
}

pub(super) fn scanning(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<ContactId>> {
    connection
        .prepare_cached("SELECT id FROM chats WHERE scanning > 0 ORDER BY chat LIMIT ?1")?
        .query_map([limit], |row| Ok(row.get::<_, IdOut<_>>(0)?.0))?
        .collect()
}

pub(super) fn followers_due(
    connection: &Connection,
    now: Timestamp,
    each: u32,
) -> rusqlite::Result<Vec<FollowerPlace>> {
    let mut next_endpoint = connection.prepare_cached(
        "SELECT endpoint FROM followers INDEXED BY followers_by_endpoint
         WHERE due IS NOT NULL AND endpoint > ?1 ORDER BY endpoint LIMIT 1",
    )?;
    let mut due_of_endpoint = connection.prepare_cached(
        "SELECT followers.id, chats.id, place, failures, followers.due
         FROM followers INDEXED BY followers_by_endpoint JOIN chats USING (chat)
         WHERE endpoint = ?1 AND followers.due <= ?2
         ORDER BY followers.due, followers.id LIMIT ?3",
    )?;
    let mut all: Vec<(i64, FollowerPlace)> = Vec::new();
    let mut endpoint = String::new();
    while let Some(next) =
        next_endpoint.query_row([&endpoint], |row| row.get::<_, String>(0)).optional()?
    {
        endpoint = next;
        // What a newer program has made waits for that.
        let Some(kind) = row::follower_kind(&endpoint) else { continue };
        let rows = due_of_endpoint.query_map(params![endpoint, now.as_millis(), each], |row| {
            let place = FollowerPlace {
                follower: row.get::<_, IdOut<FollowerId>>(0)?.0,
                chat: row.get::<_, IdOut<_>>(1)?.0,
                kind: kind.clone(),
                place: row.get(2)?,
                failures: row.get(3)?,
            };
            Ok((row.get(4)?, place))
        })?;
        for row in rows {
            all.push(row?);
        }
    }
    all.sort_by_key(|(due, _)| *due);
    Ok(all.into_iter().map(|(_, place)| place).collect())
}
