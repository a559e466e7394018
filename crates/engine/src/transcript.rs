//! Pages of a transcript (docs/protocol/participant-service.md §7).
//!
//! Reading a page takes three steps, and the database is asked between them: [`plan`] says where to
//! look, [`Plan::page`] makes a page of what was found, and [`body`] writes the answer with the
//! receipts of its messages folded in. Where the protocol leaves a choice, docs/protocol/README.md
//! has it.

use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc};

use chatloom_wire::{
    ContactId, ItemId, MessageMetadata, Receipt, Timestamp,
    participant::{GetTranscriptRequest, ScanDirection, SortOrder, StartPosition},
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    Chat, Entry, EntryKind,
    entry::time_of_item,
    token::{NextPage, Seat},
};

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The one contact to read; all of the chat without one.
    pub contact: Option<ContactId>,
    /// Towards newer items, else towards older ones.
    pub forward: bool,
    /// Newest first on the page, else oldest first.
    pub descending: bool,
    /// Items on the page at most, 1 to 100.
    pub limit: u32,
    /// Where to start; the item there is part of the page.
    pub start: Start,
    /// The chat of the past to read, by its index in [`Past::chats`](crate::Past::chats); the present
    /// one without an index.
    pub past: Option<usize>,
}

/// Where a page starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the newest item.
    Newest,
    /// At this place.
    Place(u64),
    /// At this item, which is the one at this time; nowhere if it is not.
    Item(ItemId, Timestamp),
    /// At the first item at or after this time when forward, at the last one at or before it else.
    Time(Timestamp),
    /// At the n-th newest item, 1 to 100, 1 being the newest; at the oldest if there are fewer.
    MostRecent(u32),
}

/// A page of items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In the order they are shown.
    pub items: Vec<Arc<Entry>>,
    /// Where the next page begins, if there is more of this chat.
    pub next: Option<u64>,
    /// Whether it begins where it was asked to.
    pub is_found: bool,
}

/// Reads a request, which has been checked, and the page its `NextToken` stands for. `None` when the
/// page is empty whatever the chat holds.
pub fn plan(chat: &Chat, request: &GetTranscriptRequest, next: Option<NextPage>) -> Option<Plan> {
    let limit = match request.max_results {
        None => GetTranscriptRequest::DEFAULT_RESULTS,
        Some(count) => {
            u32::try_from(count).map_or(0, |count| count.min(GetTranscriptRequest::MAX_RESULTS))
        }
    };
    let plan = if let Some(next) = next {
        Plan {
            contact: next.contact,
            forward: next.forward,
            descending: next.descending,
            limit,
            start: Start::Place(next.place),
            past: next.past.map(usize::from),
        }
    } else {
        // An object without members counts as absent (§3.4), and so does 0 (docs/protocol/README.md).
        let position = request.start_position.as_ref().filter(|position| {
            position.id.is_some()
                || position.absolute_time.is_some()
                || position.most_recent.is_some_and(|count| count > 0)
        });
        let forward = match request.scan_direction {
            Some(ScanDirection::Forward) => true,
            Some(_) => false,
            None => position.is_some(),
        };
        let start = match position {
            Some(position) => start_at(position)?,
            // Nothing is newer than the newest.
            None if forward => return None,
            None => Start::Newest,
        };
        Plan {
            contact: request.contact_id.clone(),
            forward,
            descending: request.sort_order != Some(SortOrder::Ascending),
            limit,
            start,
            past: None,
        }
    };
    let is_ours = |id: &ContactId| chat.contacts.iter().any(|contact| contact.id == *id);
    (plan.limit > 0 && plan.contact.as_ref().is_none_or(is_ours)).then_some(plan)
}

/// `None` for what can be no position.
fn start_at(position: &StartPosition) -> Option<Start> {
    if let Some(id) = &position.id {
        // The time in its id is the item's, and in its chat no other item's.
        return Some(Start::Item(id.clone(), time_of_item(id)?));
    }
    if let Some(time) = &position.absolute_time {
        return Timestamp::parse(time).ok().map(Start::Time);
    }
    let count = u32::try_from(position.most_recent?).ok()?;
    Some(Start::MostRecent(count.min(GetTranscriptRequest::MAX_RESULTS)))
}

impl Plan {
    /// How many items to look for: one more than the page holds tells whether there is more.
    pub fn look_for(&self) -> u32 {
        self.limit + 1
    }

    /// Makes a page of the items that were found from the start on, in the direction of the scan.
    pub fn page(&self, mut found: Vec<Arc<Entry>>) -> Page {
        if let Start::Item(id, _) = &self.start
            && found.first().is_none_or(|first| first.id != *id)
        {
            return Page { items: Vec::new(), next: None, is_found: false };
        }
        let limit = self.limit as usize;
        let next = found.get(limit).map(|first_of_next| first_of_next.seq);
        found.truncate(limit);
        if self.forward == self.descending {
            found.reverse();
        }
        Page { items: found, next, is_found: true }
    }

    /// What the `NextToken` of this plan's page stands for: the rest of the chat that was read, or, for
    /// one who reads towards older items of the whole chat, what it continues. Past items are not of
    /// any contact of the chat (docs/protocol/participant-service.md §7).
    pub fn after(&self, chat: &Chat, page: &Page, reader: &Seat) -> Option<NextPage> {
        if let Some(place) = page.next {
            return Some(self.next_page(reader, self.past, place));
        }
        if self.forward || self.contact.is_some() || !page.is_found {
            return None;
        }
        let past = self.past.map_or(0, |past| past + 1);
        let next = chat.past.as_ref()?.chats.get(past)?;
        Some(self.next_page(reader, Some(past), next.last))
    }

    fn next_page(&self, reader: &Seat, past: Option<usize>, place: u64) -> NextPage {
        NextPage {
            chat: reader.chat.clone(),
            participant: reader.participant.clone(),
            contact: self.contact.clone(),
            forward: self.forward,
            descending: self.descending,
            place,
            // At most as many as there are contacts in a past.
            past: past.and_then(|past| u8::try_from(past).ok()),
        }
    }
}

/// The answer to GetTranscript, as JSON text.
///
/// Each item is as it was stored, unknown members included, but without `InitialContactId`, which
/// is on the answer (§4.1); messages carry `MessageMetadata` with all their receipts (§4.4).
/// `about` is what became of these items, oldest first: receipts, and new statuses of files. Fails when
/// a stored text is no JSON object.
pub fn body(
    chat: &ContactId,
    items: &[Arc<Entry>],
    about: &[Arc<Entry>],
    next_token: Option<&str>,
) -> Result<String, serde_json::Error> {
    write_body(chat, items, about, next_token, "ContactId")
}

/// The same for items of what the chat continues: they have `RelatedContactId` in place of `ContactId`
/// (§7).
pub fn past_body(
    chat: &ContactId,
    items: &[Arc<Entry>],
    about: &[Arc<Entry>],
    next_token: Option<&str>,
) -> Result<String, serde_json::Error> {
    write_body(chat, items, about, next_token, "RelatedContactId")
}

fn write_body(
    chat: &ContactId,
    items: &[Arc<Entry>],
    about: &[Arc<Entry>],
    next_token: Option<&str>,
    contact: &str,
) -> Result<String, serde_json::Error> {
    let mut of_item: BTreeMap<&ItemId, Vec<&Entry>> = BTreeMap::new();
    for entry in about {
        if let Some(item) = &entry.about {
            of_item.entry(item).or_default().push(entry);
        }
    }
    let bytes: usize = items.iter().map(|item| item.text.len() + 128).sum();
    let mut json = Vec::with_capacity(bytes + 512);
    let mut answer = Object::open(&mut json);
    answer.member("InitialContactId", chat)?;
    let list = answer.name("Transcript")?;
    list.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            list.push(b',');
        }
        let about = of_item.get(&item.id).map_or(&[][..], Vec::as_slice);
        // A new status is the whole item again.
        let status = about.iter().rfind(|entry| entry.kind == EntryKind::AttachmentStatus);
        let text = status.map_or(&item.text, |status| &status.text);
        push_item(list, &item.id, text, &fold(about)?, contact)?;
    }
    list.push(b']');
    if let Some(token) = next_token {
        answer.member("NextToken", token)?;
    }
    answer.close();
    Ok(String::from_utf8(json).expect("only texts and JSON are written"))
}

fn push_item(
    json: &mut Vec<u8>,
    id: &ItemId,
    text: &str,
    receipts: &[Receipt],
    contact: &str,
) -> Result<(), serde_json::Error> {
    let stored: Members<'_> = serde_json::from_str(text)?;
    let is_message = stored.get("Type").is_some_and(|kind| kind.get() == "\"MESSAGE\"");
    // Attachments and events have receipts only if somebody sent some.
    let has_metadata = is_message || !receipts.is_empty();
    let mut object = Object::open(json);
    for (name, value) in &stored.0 {
        match &**name {
            "InitialContactId" => {}
            "ContactId" => object.as_it_was(contact, value)?,
            "MessageMetadata" if has_metadata => {}
            _ => object.as_it_was(name, value)?,
        }
    }
    if has_metadata {
        let mut metadata = Object::open(object.name("MessageMetadata")?);
        metadata.member("MessageId", id)?;
        metadata.member("Receipts", receipts)?;
        if let Some(stored) = stored.get("MessageMetadata") {
            let stored: Members<'_> = serde_json::from_str(stored.get())?;
            for (name, value) in &stored.0 {
                if !matches!(&**name, "MessageId" | "Receipts") {
                    metadata.as_it_was(name, value)?;
                }
            }
        }
        metadata.close();
    }
    object.close();
    Ok(())
}

/// What became of one item with each participant, in the order of their first receipts. A read
/// item has been delivered, at that time at the latest (§9).
fn fold(receipts: &[&Entry]) -> Result<Vec<Receipt>, serde_json::Error> {
    let mut folded: Vec<Receipt> = Vec::new();
    for entry in receipts.iter().filter(|entry| entry.kind == EntryKind::Receipt) {
        let stored: StoredReceipt = serde_json::from_str(&entry.text)?;
        for new in stored.metadata.receipts.unwrap_or_default() {
            let known = folded
                .iter_mut()
                .find(|known| known.recipient_participant_id == new.recipient_participant_id);
            match known {
                None => folded.push(new),
                Some(known) => {
                    keep_earlier(&mut known.delivered_timestamp, new.delivered_timestamp);
                    keep_earlier(&mut known.read_timestamp, new.read_timestamp);
                }
            }
        }
    }
    for receipt in &mut folded {
        keep_earlier(&mut receipt.delivered_timestamp, receipt.read_timestamp.clone());
    }
    Ok(folded)
}

/// A receipt as [`Draft::item_text`](crate::Draft::item_text) writes it.
#[derive(Deserialize)]
struct StoredReceipt {
    #[serde(rename = "MessageMetadata")]
    metadata: MessageMetadata,
}

/// Times of this form sort as text.
fn keep_earlier(known: &mut Option<Box<str>>, new: Option<Box<str>>) {
    if let Some(new) = new
        && known.as_ref().is_none_or(|known| new < *known)
    {
        *known = Some(new);
    }
}

/// The members of a JSON object in their order, values untouched.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl Members<'_> {
    fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(member, _)| member == name).map(|(_, value)| *value)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some(Name(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }

        /// Borrows the name unless it is written with escapes.
        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        deserializer.deserialize_map(Object)
    }
}

/// A JSON object that is being written.
struct Object<'a> {
    json: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> Object<'a> {
    fn open(json: &'a mut Vec<u8>) -> Self {
        json.push(b'{');
        Self { json, is_empty: true }
    }

    /// Writes a member's name; its value is the caller's to write.
    fn name(&mut self, name: &str) -> Result<&mut Vec<u8>, serde_json::Error> {
        if !self.is_empty {
            self.json.push(b',');
        }
        self.is_empty = false;
        serde_json::to_writer(&mut *self.json, name)?;
        self.json.push(b':');
        Ok(self.json)
    }

    fn member(
        &mut self,
        name: &str,
        value: &(impl Serialize + ?Sized),
    ) -> Result<(), serde_json::Error> {
        serde_json::to_writer(self.name(name)?, value)
    }

    /// A member whose value is copied character by character.
    fn as_it_was(&mut self, name: &str, value: &RawValue) -> Result<(), serde_json::Error> {
        self.name(name)?.extend_from_slice(value.get().as_bytes());
        Ok(())
    }

    fn close(self) {
        self.json.push(b'}');
    }
}
