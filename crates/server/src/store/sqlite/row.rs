//! How ids and entries look in a row.

use std::sync::Arc;

use chatloom_engine::{Audience, Entry, EntryKind, FollowerKind};
use chatloom_wire::{ContactId, ItemId, ParticipantId, Timestamp};
use rusqlite::{
    Row, ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};
use uuid::Uuid;

/// An id on its way into a row: 16 bytes for a UUID in its usual form, which is what the server
/// makes, else the text as it is.
pub(super) enum IdIn<'a> {
    Uuid([u8; 16]),
    Text(&'a str),
}

impl<'a> IdIn<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        usual_uuid(text).map_or(Self::Text(text), Self::Uuid)
    }
}

impl ToSql for IdIn<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Uuid(bytes) => ValueRef::Blob(bytes),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// The bytes of a UUID with lower-case digits and hyphens: the one form that can be given back from
/// the bytes as it came.
fn usual_uuid(text: &str) -> Option<[u8; 16]> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 16];
    let mut at = 0;
    for (place, byte) in bytes.iter_mut().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            if text[at] != b'-' {
                return None;
            }
            at += 1;
        }
        *byte = digit(text[at])? << 4 | digit(text[at + 1])?;
        at += 2;
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// An id on its way out of a row.
pub(super) struct IdOut<T>(pub(super) T);

impl<T: for<'a> From<&'a str>> FromSql for IdOut<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Blob(bytes) => {
                let uuid = Uuid::from_slice(bytes).map_err(FromSqlError::other)?;
                let mut text = Uuid::encode_buffer();
                Ok(Self(T::from(uuid.hyphenated().encode_lower(&mut text))))
            }
            _ => value.as_str().map(|text| Self(T::from(text))),
        }
    }
}

/// Whom a follower leads to, as the schema writes it.
pub(super) fn endpoint(kind: &FollowerKind) -> String {
    match kind {
        FollowerKind::Stream { endpoint } => format!("stream {endpoint}"),
        FollowerKind::Bot { name } => format!("bot {name}"),
    }
}

/// Whom a follower leads to, if this program knows such.
pub(super) fn follower_kind(endpoint: &str) -> Option<FollowerKind> {
    match endpoint.split_once(' ')? {
        ("stream", arn) => Some(FollowerKind::Stream { endpoint: arn.to_owned() }),
        ("bot", name) => Some(FollowerKind::Bot { name: name.to_owned() }),
        _ => None,
    }
}

/// The columns that [`entry`] reads.
pub(super) const ENTRY_COLUMNS: &str =
    "seq, time, id, kind, audience, reader, contact, about, sender, text";

/// Reads an entry from a row that begins with [`ENTRY_COLUMNS`].
pub(super) fn entry(chat: &ContactId, row: &Row<'_>) -> rusqlite::Result<Arc<Entry>> {
    let audience = match row.get::<_, u8>(4)? {
        0 => Audience::All,
        1 => Audience::Agents,
        2 => Audience::One(row.get::<_, IdOut<ParticipantId>>(5)?.0),
        other => return Err(unknown(4, "audience", other)),
    };
    Ok(Arc::new(Entry {
        chat: chat.clone(),
        seq: row.get(0)?,
        time: Timestamp::from_millis(row.get(1)?),
        id: row.get::<_, IdOut<ItemId>>(2)?.0,
        kind: kind(row.get(3)?)?,
        audience,
        contact_id: row.get::<_, IdOut<ContactId>>(6)?.0,
        about: row.get::<_, Option<IdOut<ItemId>>>(7)?.map(|IdOut(id)| id),
        sender: row.get::<_, Option<IdOut<ParticipantId>>>(8)?.map(|IdOut(id)| id),
        text: row.get_ref(9)?.as_str().map(Arc::from).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(9, rusqlite::types::Type::Text, error.into())
        })?,
    }))
}

fn kind(number: u8) -> rusqlite::Result<EntryKind> {
    [
        EntryKind::Item,
        EntryKind::Receipt,
        EntryKind::AttachmentStatus,
        EntryKind::ProcessingStatus,
        EntryKind::Note,
    ]
    .into_iter()
    .find(|kind| *kind as u8 == number)
    .ok_or_else(|| unknown(3, "kind", number))
}

fn unknown(column: usize, what: &str, number: u8) -> rusqlite::Error {
    let message = format!("an entry has the unknown {what} {number}; a newer program wrote it");
    rusqlite::Error::FromSqlConversionFailure(
        column,
        rusqlite::types::Type::Integer,
        message.into(),
    )
}

/// How an audience stands in a row: its number, and the reader for one.
pub(super) fn audience(audience: &Audience) -> (u8, Option<IdIn<'_>>) {
    match audience {
        Audience::All => (0, None),
        Audience::Agents => (1, None),
        Audience::One(reader) => (2, Some(IdIn::new(reader.as_str()))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::*;

    fn round_trip(text: &str) -> (ItemId, String) {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .query_row("SELECT ?1, typeof(?1)", [IdIn::new(text)], |row| {
                Ok((row.get::<_, IdOut<ItemId>>(0)?.0, row.get(1)?))
            })
            .unwrap()
    }

    #[test]
    fn only_usual_uuids_are_stored_as_bytes() {
        for (text, stored) in [
            ("0190163d-8694-739b-aea5-966c26f8ad91", "blob"),
            ("0190163D-8694-739b-aea5-966c26f8ad91", "text"),
            ("0190163d8694739baea5966c26f8ad91", "text"),
            ("0190163d-8694-739b-aea5_966c26f8ad91", "text"),
            ("0190163d-8694-739b-aea5-966c26f8ad9", "text"),
            ("", "text"),
            ("é190163d-8694-739b-aea5-966c26f8ad9", "text"),
        ] {
            assert_eq!(round_trip(text), (ItemId::from(text), stored.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn every_id_comes_back_as_it_was(text in "\\PC{0,40}", uuid: u128) {
            prop_assert_eq!(round_trip(&text).0, ItemId::from(text.as_str()));
            let uuid = Uuid::from_u128(uuid).to_string();
            prop_assert_eq!(round_trip(&uuid), (ItemId::from(uuid.as_str()), "blob".to_owned()));
        }
    }
}
