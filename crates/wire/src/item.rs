//! Transcript items (docs/protocol/participant-service.md §4).
//!
//! An item arrives as JSON text and stays that text: [`Item`] keeps it beside the few members that
//! programs decide on, so unknown members survive and content is not copied until somebody asks for
//! it. [`NewItem`] is the other direction: the members of an item that is about to be written.

use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _,
    ser::Error as _,
};
use serde_json::value::RawValue;

use crate::{
    ContentType,
    id::{AttachmentId, ContactId, ItemId, ParticipantId},
    json::{self, JsonError, Text},
    open_enum::open_enum,
};

open_enum! {
    /// The kind of an item. Events are told apart by their content type.
    pub enum ItemType {
        /// A message.
        Message = "MESSAGE",
        /// An event.
        Event = "EVENT",
        /// An attachment.
        Attachment = "ATTACHMENT",
        /// Receipts of a message; on the socket only (§4.4).
        MessageMetadata = "MESSAGEMETADATA",
    }
}

open_enum! {
    /// What a participant is in the chat.
    pub enum ParticipantRole {
        /// An agent.
        Agent = "AGENT",
        /// The customer.
        Customer = "CUSTOMER",
        /// A flow, or the bot it runs.
        System = "SYSTEM",
        /// A custom participant.
        CustomBot = "CUSTOM_BOT",
        /// A supervisor.
        Supervisor = "SUPERVISOR",
    }
}

/// An item as it came: its text, and the members that programs decide on.
///
/// Equality is equality of the text.
#[derive(Clone)]
pub struct Item {
    text: Arc<str>,
    head: Arc<ItemHead>,
    /// Where somebody else has read or joined these, they count in place of what the text says.
    content: Option<Box<str>>,
    absolute_time: Option<Box<str>>,
}

/// The members of an item that programs decide on; any may be absent. One that is not of the
/// documented type counts as absent: what it says is still in [`Item::text`].
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ItemHead {
    /// Identifies the item. Chunks of a streamed message share one.
    pub id: Option<ItemId>,
    /// When the service took the item, ISO 8601 with milliseconds. Clients compare it as text.
    pub absolute_time: Option<Box<str>>,
    /// The kind of item.
    #[serde(rename = "Type")]
    pub item_type: Option<ItemType>,
    /// What the item carries.
    pub content_type: Option<ContentType>,
    /// The contact the item belongs to.
    pub contact_id: Option<ContactId>,
    /// The chat the item belongs to; on the socket only.
    pub initial_contact_id: Option<ContactId>,
    /// The original contact of an item from an earlier chat.
    pub related_contact_id: Option<ContactId>,
    /// The sender.
    pub participant_id: Option<ParticipantId>,
    /// The sender's role.
    pub participant_role: Option<ParticipantRole>,
    /// The sender's name. Personal: not in `Debug`.
    pub display_name: Option<Box<str>>,
    /// What became of the file of an attachment item: the status of its first one, which is the one
    /// that clients look at.
    #[serde(rename = "Attachments", deserialize_with = "first_status")]
    pub file_status: Option<Box<str>>,
    /// Receipts and streaming state.
    pub message_metadata: Option<MessageMetadata>,
}

/// What is known about a message besides its content (§4.4, §6.7).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MessageMetadata {
    /// The message this is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<ItemId>,
    /// Who received and read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipts: Option<Vec<Receipt>>,
    /// The number of this chunk of a streamed message, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunk_number: Option<u32>,
    /// Whether a streamed message is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_completed: Option<bool>,
    /// How far the processing of the message is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_processing_status: Option<Box<str>>,
}

/// One participant's receipt of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Receipt {
    /// When the message reached the participant, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_timestamp: Option<Box<str>>,
    /// When the participant read it, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_timestamp: Option<Box<str>>,
    /// Who received or read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient_participant_id: Option<ParticipantId>,
}

/// A file that belongs to an item (§4.3).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AttachmentItem {
    /// The MIME type of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<Box<str>>,
    /// Identifies the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachment_id: Option<AttachmentId>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachment_name: Option<Box<str>>,
    /// `APPROVED`, `REJECTED` or `IN_PROGRESS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Box<str>>,
}

/// Without the name: it is content.
impl fmt::Debug for AttachmentItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttachmentItem")
            .field("content_type", &self.content_type)
            .field("attachment_id", &self.attachment_id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow, rename = "Content")]
    content: Option<Text<'a>>,
}

fn first_status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<str>>, D::Error> {
    let files = Option::<Vec<AttachmentItem>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(files.into_iter().next().and_then(|file| file.status))
}

#[derive(Deserialize)]
struct Attachments {
    #[serde(rename = "Attachments")]
    attachments: Option<Vec<AttachmentItem>>,
}

impl ItemHead {
    /// Reads a head of which some member is not as documented, or stands twice; of those the last
    /// counts, as in JavaScript.
    fn from_odd(text: &str) -> Result<Self, JsonError> {
        type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

        fn member<T: DeserializeOwned>(members: &Members<'_>, name: &str) -> Option<T> {
            json::lenient(members.get(name).copied())
        }

        let members: Members<'_> = json::read(text)?;
        let files: Option<Vec<AttachmentItem>> = member(&members, "Attachments");
        Ok(Self {
            id: member(&members, "Id"),
            absolute_time: member(&members, "AbsoluteTime"),
            item_type: member(&members, "Type"),
            content_type: member(&members, "ContentType"),
            contact_id: member(&members, "ContactId"),
            initial_contact_id: member(&members, "InitialContactId"),
            related_contact_id: member(&members, "RelatedContactId"),
            participant_id: member(&members, "ParticipantId"),
            participant_role: member(&members, "ParticipantRole"),
            display_name: member(&members, "DisplayName"),
            file_status: files.and_then(|files| files.into_iter().next()?.status),
            message_metadata: member(&members, "MessageMetadata"),
        })
    }
}

impl Item {
    /// Reads an item. Fails when the text is not one JSON object.
    pub fn from_text(text: impl Into<Arc<str>>) -> Result<Self, JsonError> {
        let text = text.into();
        // One pass for an item as documented. An odd one is read member by member: it must not take
        // the rest of its transcript page with it.
        let head = json::read(&text).or_else(|_| ItemHead::from_odd(&text))?;
        Ok(Self::from_parts(text, head))
    }

    /// Puts an item together that somebody else has read: `head` must be what stands in `text`.
    pub fn from_parts(text: impl Into<Arc<str>>, head: ItemHead) -> Self {
        Self { text: text.into(), head: Arc::new(head), content: None, absolute_time: None }
    }

    /// The item with a content, and a time if there is one, that stand beside its text and not in it.
    #[must_use]
    pub fn with_content(&self, content: Box<str>, absolute_time: Option<Box<str>>) -> Self {
        let (text, head) = (Arc::clone(&self.text), Arc::clone(&self.head));
        Self { text, head, content: Some(content), absolute_time }
    }

    /// The content that stands beside the text.
    pub fn content_beside(&self) -> Option<&str> {
        self.content.as_deref()
    }

    /// When the service took the item: what stands beside its text, or else what the text says.
    pub fn absolute_time(&self) -> Option<&str> {
        self.absolute_time.as_deref().or(self.head.absolute_time.as_deref())
    }

    /// The members that programs decide on.
    pub fn head(&self) -> &ItemHead {
        &self.head
    }

    /// The item as it came.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, shared rather than copied.
    pub fn shared_text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// The content of a message or event; `None` when there is none, or when it is not a string.
    pub fn content(&self) -> Option<Cow<'_, str>> {
        let Text(content) = json::read::<Content<'_>>(&self.text).ok()?.content?;
        Some(content)
    }

    /// The files of an attachment item; empty when there are none or they are not as modelled.
    pub fn attachments(&self) -> Vec<AttachmentItem> {
        json::read::<Attachments>(&self.text)
            .ok()
            .and_then(|parsed| parsed.attachments)
            .unwrap_or_default()
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Item {}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Item").field(&self.head).finish()
    }
}

/// Without the display name: it is personal.
impl fmt::Debug for ItemHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ItemHead")
            .field("id", &self.id)
            .field("absolute_time", &self.absolute_time)
            .field("item_type", &self.item_type)
            .field("content_type", &self.content_type)
            .field("contact_id", &self.contact_id)
            .field("participant_id", &self.participant_id)
            .field("participant_role", &self.participant_role)
            .field("message_metadata", &self.message_metadata)
            .finish_non_exhaustive()
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.text).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// Only from JSON text: an item keeps the text it came from.
impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::from_text(Box::<str>::from(raw)).map_err(D::Error::custom)
    }
}

/// The members of an item that is about to be written, in the order of the published samples.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NewItem<'a> {
    /// See [`ItemHead::absolute_time`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absolute_time: Option<crate::Timestamp>,
    /// Text of a message, or payload of an event, 1 to 16,384 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<&'a str>,
    /// See [`ItemHead::content_type`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<&'a ContentType>,
    /// See [`ItemHead::id`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    /// See [`ItemHead::item_type`].
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    pub item_type: Option<&'a ItemType>,
    /// See [`ItemHead::participant_id`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participant_id: Option<&'a ParticipantId>,
    /// See [`ItemHead::display_name`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<&'a str>,
    /// See [`ItemHead::participant_role`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participant_role: Option<&'a ParticipantRole>,
    /// The file of an attachment item.
    #[serde(skip_serializing_if = "<[AttachmentItem]>::is_empty")]
    pub attachments: &'a [AttachmentItem],
    /// See [`ItemHead::message_metadata`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_metadata: Option<&'a MessageMetadata>,
    /// See [`ItemHead::related_contact_id`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub related_contact_id: Option<&'a ContactId>,
    /// See [`ItemHead::initial_contact_id`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_contact_id: Option<&'a ContactId>,
    /// See [`ItemHead::contact_id`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<&'a ContactId>,
}

impl NewItem<'_> {
    /// The item as JSON text.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("strings, numbers and booleans always serialise")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_members_and_values_survive() {
        let text = r#"{"Id":"1","Type":"HOLOGRAM","Depth":{"a":[1,2.50]},"ContentType":"x/y"}"#;
        let item: Item = serde_json::from_str(text).unwrap();
        assert_eq!(item.head().item_type, Some(ItemType::Other("HOLOGRAM".into())));
        assert_eq!(serde_json::to_string(&item).unwrap(), text);
    }

    #[test]
    fn debug_shows_neither_content_nor_name() {
        let item = Item::from_text(r#"{"Id":"1","Content":"my card number","DisplayName":"Jane"}"#)
            .unwrap();
        let printed = format!("{item:?}");
        assert!(!printed.contains("card") && !printed.contains("Jane"), "{printed}");
    }

    #[test]
    fn null_members_count_as_absent() {
        let item = Item::from_text(r#"{"Id":null,"Content":null,"MessageMetadata":null}"#).unwrap();
        assert_eq!(item.head(), &ItemHead::default());
        assert_eq!(item.content(), None);
    }
}
