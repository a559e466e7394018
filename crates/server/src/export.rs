//! Finished chats as JSON lines, for those who keep or look at them elsewhere.
//!
//! A line is one chat with all of its contacts and its whole log. `docs/running.md` says what is in it.

use std::{
    io::{self, Write},
    path::Path,
};

use chatloom_engine::{Audience, Chat, Entry, EntryKind, Phase};
use chatloom_wire::Timestamp;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

use crate::{
    server::DATABASE,
    store::{StoreError, sqlite::reading::Reading},
};

/// Chats, and entries of one chat, that are in memory at once.
const CHATS: u32 = 64;
const ENTRIES: u32 = 256;

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was read cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// Writes the chats that ended at `since` or later and before `before`, the longest over first;
/// answers how many. A server may run on the data. Blocks.
pub fn export(
    data: &Path,
    since: Timestamp,
    before: Timestamp,
    to: &mut dyn Write,
) -> Result<u64, ExportError> {
    let reading = Reading::open(&data.join(DATABASE))?;
    let (mut count, mut from) = (0, (since, 0));
    loop {
        let page = reading.finished(from, before, CHATS)?;
        let Some(last) = page.last() else { break };
        from = (last.at, last.number + 1);
        for finished in page {
            line(&reading, &finished.chat, to)?;
            count += 1;
        }
    }
    to.flush()?;
    Ok(count)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Head<'a> {
    contact_id: &'a str,
    instance_id: &'a str,
    contact_flow_id: &'a str,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
    disconnect_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<&'a str>,
    #[serde(serialize_with = "pairs")]
    attributes: &'a [(String, String)],
    contacts: Vec<Leg<'a>>,
    participants: Vec<Person<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Leg<'a> {
    contact_id: &'a str,
    started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Person<'a> {
    participant_id: &'a str,
    participant_role: &'a str,
    display_name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Logged<'a> {
    place: u64,
    kind: &'static str,
    audience: &'a str,
    item: &'a RawValue,
}

fn pairs<S: Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(pairs.len()))?;
    for (name, value) in pairs {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

/// Writes one chat. Its log is never in memory as a whole.
fn line(reading: &Reading, chat: &Chat, to: &mut dyn Write) -> Result<(), ExportError> {
    let reason = match &chat.phase {
        Phase::Ended { reason, .. } => Some(reason.as_str()),
        _ => None,
    };
    let head = Head {
        contact_id: chat.id.as_str(),
        instance_id: chat.instance_id.as_str(),
        contact_flow_id: chat.contact_flow_id.as_str(),
        started_at: chat.started_at,
        ended_at: chat.ended_at(),
        disconnect_reason: reason,
        customer_id: chat.record.customer_id.as_deref(),
        attributes: &chat.attributes,
        contacts: chat
            .contacts
            .iter()
            .map(|contact| Leg {
                contact_id: contact.id.as_str(),
                started_at: contact.started_at,
                agent: contact.agent.as_ref().map(|(user, _)| user.as_str()),
            })
            .collect(),
        participants: chat
            .participants
            .iter()
            .map(|participant| Person {
                participant_id: participant.id.as_str(),
                participant_role: participant.role.as_str(),
                display_name: &participant.name,
            })
            .collect(),
    };
    let mut text = serde_json::to_string(&head).map_err(io::Error::from)?;
    text.pop();
    write!(to, "{text},\"Log\":[")?;
    let mut after = 0;
    loop {
        let page = reading.entries_after(&chat.id, after, ENTRIES)?;
        let Some(last) = page.last() else { break };
        for entry in &page {
            let separator = if entry.seq == 1 { "" } else { "," };
            write!(to, "{separator}{}", logged(entry)?)?;
        }
        after = last.seq;
    }
    writeln!(to, "]}}")?;
    Ok(())
}

fn logged(entry: &Entry) -> io::Result<String> {
    let kind = match entry.kind {
        EntryKind::Item => "ITEM",
        EntryKind::Receipt => "RECEIPT",
        EntryKind::AttachmentStatus => "ATTACHMENT_STATUS",
        EntryKind::ProcessingStatus => "PROCESSING_STATUS",
        EntryKind::Note => "NOTE",
    };
    let audience = match &entry.audience {
        Audience::All => "ALL",
        Audience::Agents => "AGENTS",
        Audience::One(participant) => participant.as_str(),
    };
    // As the store has it: parsed here only to be sure that it is one JSON value.
    let item: &RawValue = serde_json::from_str(&entry.text)?;
    Ok(serde_json::to_string(&Logged { place: entry.seq, kind, audience, item })?)
}
