//! What an item means to a session.

use chatloom_wire::{
    ContactId, ContentType, ItemHead, ItemType, ParticipantId, ParticipantRole, Receipt,
};

use crate::{CHATLOOM, ItemKind, calls::receipts::Kind};

const TYPING: &str = "application/vnd.amazonaws.connect.event.typing";
const READ: &str = "application/vnd.amazonaws.connect.event.message.read";
const DELIVERED: &str = "application/vnd.amazonaws.connect.event.message.delivered";

/// The content type of what an application sends. A build without Chatloom behaviour knows the names of
/// those that it treats in a way of their own.
pub fn sent_type(text: &str) -> ContentType {
    match text {
        _ if CHATLOOM => text.into(),
        TYPING => ContentType::Typing,
        READ => ContentType::MessageRead,
        DELIVERED => ContentType::MessageDelivered,
        _ => ContentType::Other(text.into()),
    }
}

/// The text of such a content type.
pub fn sent_type_text(content_type: &ContentType) -> &str {
    match content_type {
        _ if CHATLOOM => content_type.as_str(),
        ContentType::Other(text) => text,
        ContentType::MessageRead => READ,
        ContentType::MessageDelivered => DELIVERED,
        _ => TYPING,
    }
}

/// Whether an item from a socket is for a chat. An agent has one socket for many chats. Receipts need
/// not name a contact (docs/protocol/websocket.md §1.6); the original takes those of other chats too
/// (S124).
pub(crate) fn is_for(
    head: &ItemHead,
    contact: &ContactId,
    initial: &ContactId,
    is_compat: bool,
) -> bool {
    let (of_chat, of_contact) = (head.initial_contact_id.as_ref(), head.contact_id.as_ref());
    of_chat == Some(initial)
        || of_contact == Some(contact)
        || head.item_type == Some(ItemType::MessageMetadata)
            && (is_compat || of_chat.is_none() && of_contact.is_none())
}

/// Whether an item is nothing but receipts (docs/protocol/websocket.md S121).
pub(crate) fn is_receipt(head: &ItemHead) -> bool {
    head.item_type == Some(ItemType::MessageMetadata)
        || head.content_type.as_ref().is_some_and(ContentType::is_receipt)
}

/// The callback an item belongs to, or `None` for what no application is told: receipts without
/// content and one's own (docs/protocol/websocket.md S118 to S123). Of several receipts in one item
/// the original looks at the first alone.
pub(crate) fn kind(head: &ItemHead, me: &ParticipantId, is_compat: bool) -> Option<ItemKind> {
    use ContentType as Type;
    if is_receipt(head) {
        let receipts = head.message_metadata.as_ref()?.receipts.as_deref()?;
        let counted = if is_compat { receipts.get(..1)? } else { receipts };
        let others = |receipt: &&Receipt| receipt.recipient_participant_id.as_ref() != Some(me);
        return match counted.iter().filter(others).filter_map(Kind::of).max()? {
            Kind::Read => Some(ItemKind::ReadReceipt),
            Kind::Delivered => Some(ItemKind::DeliveredReceipt),
        };
    }
    Some(match head.content_type.as_ref() {
        Some(Type::Typing) => ItemKind::Typing,
        Some(Type::ParticipantIdle) => ItemKind::ParticipantIdle,
        Some(Type::ParticipantReturned) => ItemKind::ParticipantReturned,
        Some(Type::ParticipantAutoDisconnection) => ItemKind::AutoDisconnection,
        Some(Type::ParticipantInvited) => ItemKind::ParticipantInvited,
        Some(Type::AuthenticationInitiated) => ItemKind::AuthenticationInitiated,
        Some(Type::AuthenticationSucceeded) => ItemKind::AuthenticationSuccessful,
        Some(Type::AuthenticationFailed) => ItemKind::AuthenticationFailed,
        Some(Type::AuthenticationTimeout) => ItemKind::AuthenticationTimeout,
        Some(Type::AuthenticationExpired) => ItemKind::AuthenticationExpired,
        Some(Type::AuthenticationCancelled) => ItemKind::AuthenticationCanceled,
        Some(Type::ParticipantDisplayNameUpdated) => ItemKind::ParticipantDisplayNameUpdated,
        Some(Type::ChatRehydrated) => ItemKind::ChatRehydrated,
        _ => ItemKind::Message,
    })
}

/// Whether this is a message of a bot or a flow, streamed or not.
pub(crate) fn is_of_a_bot(head: &ItemHead) -> bool {
    head.participant_role == Some(ParticipantRole::System)
        && head.item_type == Some(ItemType::Message)
}

/// Whether an item is a chunk of a streamed message or the completed message
/// (docs/protocol/websocket.md S129). Those of other participants are left as they are (S136).
pub(crate) fn is_streamed(head: &ItemHead) -> bool {
    let metadata = head.message_metadata.as_ref();
    is_of_a_bot(head) && metadata.is_some_and(|metadata| metadata.message_completed.is_some())
}

/// Whether an item is only of the moment: it is in no transcript, so it neither waits for one nor
/// counts as part of it (docs/protocol/participant-service.md §4.5). An item without an `Id` cannot
/// be told from a repeat and is treated the same.
pub(crate) fn is_transient(head: &ItemHead, kind: ItemKind) -> bool {
    matches!(
        kind,
        ItemKind::Typing
            | ItemKind::ReadReceipt
            | ItemKind::DeliveredReceipt
            | ItemKind::ParticipantIdle
            | ItemKind::ParticipantReturned
            | ItemKind::AutoDisconnection
    ) || head
        .message_metadata
        .as_ref()
        .is_some_and(|metadata| metadata.message_completed == Some(false))
        || head.id.as_ref().is_none_or(|id| id.as_str().is_empty())
}

/// Whether an item ends the chat. The transcript of a persistent chat holds the ends of earlier
/// chats too, which name their contact as related (docs/protocol/participant-service.md §7).
pub(crate) fn ends_chat(head: &ItemHead) -> bool {
    head.content_type == Some(ContentType::ChatEnded) && head.related_contact_id.is_none()
}

/// Whether an item says that the agent's part in the chat is over: another one takes it on
/// (docs/protocol/websocket.md S163).
pub(crate) fn hands_on(head: &ItemHead) -> bool {
    head.content_type == Some(ContentType::TransferSucceeded)
}
