//! Entries of a chat's log.

use std::{fmt, sync::Arc};

use chatloom_wire::{
    ContactId, ContentType, ItemId, ItemType, ParticipantId, ParticipantRole, Timestamp,
};

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
    /// A receipt of the item in [`Draft::about`] by the sender.
    Receipt {
        /// Read, not only delivered.
        read: bool,
    },
}

/// Ids and types only: content and names are private.
impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").field("kind", &self.kind).field("about", &self.about).finish_non_exhaustive()
    }
}

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
