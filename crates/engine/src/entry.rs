//! Entries of a chat's log.

use std::{fmt, sync::Arc};

use chatloom_wire::{
    ContactId, ContentType, ItemId, ItemType, MessageMetadata, NewItem, ParticipantId,
    ParticipantRole, Receipt, Timestamp, item::AttachmentItem,
};

use crate::{Streamed, uuid};

/// What an entry is. The number is what stores keep; none is ever given a new meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum EntryKind {
    /// An item of the transcript.
    Item = 1,
    /// A receipt of an item.
    Receipt = 2,
    /// A new status of an attachment.
    AttachmentStatus = 3,
    /// A new status of a message's processing.
    ProcessingStatus = 4,
    /// A note among agents.
    Note = 5,
}

/// Who may see an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Everybody in the chat.
    All,
    /// Agents and supervisors.
    Agents,
    /// One participant.
    One(ParticipantId),
}

/// Who an entry is from.
#[derive(Clone, PartialEq, Eq)]
pub struct Sender {
    /// The participant.
    pub id: ParticipantId,
    /// What they are.
    pub role: ParticipantRole,
    /// What they are called.
    pub name: String,
}

/// An entry that has no place in the log yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// What it is.
    pub kind: EntryKind,
    /// Who may see it.
    pub audience: Audience,
    /// The contact it belongs to.
    pub contact_id: ContactId,
    /// The item it concerns, where that is not the entry itself.
    pub about: Option<ItemId>,
    /// Who it is from; nobody for the end of the chat.
    pub sender: Option<Sender>,
    /// What it says.
    pub body: DraftBody,
}

/// What a draft says.
#[derive(Clone, PartialEq, Eq)]
pub enum DraftBody {
    /// A message or event.
    Item {
        /// `MESSAGE` or `EVENT`.
        item_type: ItemType,
        /// What it carries.
        content_type: ContentType,
        /// The message or payload.
        content: Option<String>,
    },
    /// A part of a message that is said in parts, or the whole of it
    /// (docs/protocol/participant-service.md §6.7).
    Streamed {
        /// Which message, and which part.
        at: Streamed,
        /// What it carries.
        content_type: ContentType,
        /// What this part adds; the whole, once it is completed.
        content: String,
        /// Whether this is the whole.
        completed: bool,
    },
    /// A receipt of the item in [`Draft::about`] by the sender.
    Receipt {
        /// Read, not only delivered.
        read: bool,
    },
    /// A file, or its new status when [`Draft::about`] names its item.
    Attachment(AttachmentItem),
}

/// Ids and types only: content and names are private.
impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("kind", &self.kind)
            .field("about", &self.about)
            .field("sender", &self.sender.as_ref().map(|sender| &sender.id))
            .finish_non_exhaustive()
    }
}

impl Draft {
    /// Whether it is something that somebody said or showed, and no event.
    pub(crate) fn is_said(&self) -> bool {
        match &self.body {
            DraftBody::Item { item_type, .. } => {
                matches!(item_type, ItemType::Message | ItemType::Attachment)
            }
            // Its new status is nobody's word.
            DraftBody::Attachment(_) => self.about.is_none(),
            DraftBody::Streamed { .. } => true,
            DraftBody::Receipt { .. } => false,
        }
    }

    /// The id it has been given already, by a part that was published before.
    pub fn given_id(&self) -> Option<&ItemId> {
        match &self.body {
            DraftBody::Streamed { at, .. } => Some(&at.id),
            DraftBody::Item { .. } | DraftBody::Attachment(_) | DraftBody::Receipt { .. } => None,
        }
    }

    /// The entry as sockets carry it, JSON text with exactly the members of
    /// docs/protocol/participant-service.md §6.9, and §4.4 for receipts. Made when the entry gets
    /// its place, since id and time are part of it.
    pub fn item_text(&self, chat: &ContactId, id: &ItemId, time: Timestamp) -> String {
        let item = NewItem {
            absolute_time: Some(time),
            id: Some(id.as_str()),
            initial_contact_id: Some(chat),
            contact_id: Some(&self.contact_id),
            ..NewItem::default()
        };
        match &self.body {
            DraftBody::Item { item_type, content_type, content } => NewItem {
                item_type: Some(item_type),
                content_type: Some(content_type),
                content: content.as_deref(),
                participant_id: self.sender.as_ref().map(|sender| &sender.id),
                display_name: self.sender.as_ref().map(|sender| sender.name.as_str()),
                participant_role: self.sender.as_ref().map(|sender| &sender.role),
                ..item
            }
            .to_text(),
            // A new status is the item again, under the Id and time that it has.
            DraftBody::Attachment(file) => NewItem {
                item_type: Some(&ItemType::Attachment),
                attachments: std::slice::from_ref(file),
                participant_id: self.sender.as_ref().map(|sender| &sender.id),
                display_name: self.sender.as_ref().map(|sender| sender.name.as_str()),
                participant_role: self.sender.as_ref().map(|sender| &sender.role),
                id: Some(self.about.as_ref().unwrap_or(id).as_str()),
                absolute_time: self.about.as_ref().and_then(time_of_item).or(Some(time)),
                ..item
            }
            .to_text(),
            DraftBody::Streamed { at, content_type, content, completed } => {
                let metadata = MessageMetadata {
                    message_id: Some(at.id.clone()),
                    chunk_number: Some(at.chunk),
                    message_completed: Some(*completed),
                    ..MessageMetadata::default()
                };
                NewItem {
                    item_type: Some(&ItemType::Message),
                    content_type: Some(content_type),
                    content: Some(content),
                    participant_id: self.sender.as_ref().map(|sender| &sender.id),
                    display_name: self.sender.as_ref().map(|sender| sender.name.as_str()),
                    participant_role: self.sender.as_ref().map(|sender| &sender.role),
                    message_metadata: Some(&metadata),
                    ..item
                }
                .to_text()
            }
            DraftBody::Receipt { read } => {
                let at = Some(Box::from(time.to_string()));
                let receipt = Receipt {
                    recipient_participant_id: self.sender.as_ref().map(|sender| sender.id.clone()),
                    ..if *read {
                        Receipt { read_timestamp: at, ..Receipt::default() }
                    } else {
                        Receipt { delivered_timestamp: at, ..Receipt::default() }
                    }
                };
                let metadata = MessageMetadata {
                    message_id: self.about.clone(),
                    receipts: Some(vec![receipt]),
                    ..MessageMetadata::default()
                };
                NewItem {
                    item_type: Some(&ItemType::MessageMetadata),
                    content_type: Some(&ContentType::MessageMetadata),
                    message_metadata: Some(&metadata),
                    ..item
                }
                .to_text()
            }
        }
    }
}

/// A fresh item id: a UUIDv7 whose time is the item's, so that an id alone tells where in its chat
/// the item is. Of `random`, 74 bits are used; they tell apart items of one millisecond in different
/// chats, and transient ones.
pub fn item_id(time: Timestamp, random: u128) -> ItemId {
    let millis = time.as_millis().clamp(0, MAX_ID_MILLIS) as u128;
    let version_and_variant = (0x7 << 76) | (0b10 << 62);
    let random = random & ((0xfff << 64) | ((1 << 62) - 1));
    ItemId::from(uuid::to_text((millis << 80) | version_and_variant | random).as_str())
}

/// The time in an id that [`item_id`] made; `None` for any other.
pub fn time_of_item(id: &ItemId) -> Option<Timestamp> {
    let bits = uuid::from_text(id.as_str())?;
    let is_v7 = (bits >> 76) & 0xf == 0x7 && (bits >> 62) & 0b11 == 0b10;
    is_v7.then(|| Timestamp::from_millis((bits >> 80) as i64))
}

/// The latest time that 48 bits hold; in the year 10889.
const MAX_ID_MILLIS: i64 = (1 << 48) - 1;

/// An entry with its place in the log of its chat.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The chat.
    pub chat: ContactId,
    /// Its place: 1, 2, 3, ... in each chat, without holes.
    pub seq: u64,
    /// When the store took it; strictly increasing in each chat.
    pub time: Timestamp,
    /// The item's id.
    pub id: ItemId,
    /// What it is.
    pub kind: EntryKind,
    /// Who may see it.
    pub audience: Audience,
    /// The contact it belongs to.
    pub contact_id: ContactId,
    /// The item it concerns, where that is not the entry itself.
    pub about: Option<ItemId>,
    /// Who it is from.
    pub sender: Option<ParticipantId>,
    /// The item as sockets carry it: JSON text.
    pub text: Arc<str>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("chat", &self.chat)
            .field("seq", &self.seq)
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
