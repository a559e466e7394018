//! What an item means to a session.

use chatloom_wire::{ContactId, ContentType, ItemHead, ItemType, ParticipantId, ParticipantRole};

use crate::ItemKind;

/// Whether an item from a socket is for a chat. An agent has one socket for many chats, and receipts
/// name no contact that could be relied on (docs/protocol/websocket.md §1.6, S124).
pub(crate) fn is_for(head: &ItemHead, contact: &ContactId, initial: &ContactId) -> bool {
    head.initial_contact_id.as_ref() == Some(initial)
        || head.contact_id.as_ref() == Some(contact)
        || head.item_type == Some(ItemType::MessageMetadata)
}

/// The callback an item belongs to, or `None` for what no application is told: receipts without
/// content and one's own (docs/protocol/websocket.md S118 to S123).
pub(crate) fn kind(head: &ItemHead, me: &ParticipantId) -> Option<ItemKind> {
    use ContentType as Type;
    if head.item_type == Some(ItemType::MessageMetadata)
        || head.content_type.as_ref().is_some_and(ContentType::is_receipt)
    {
        let receipt = head.message_metadata.as_ref()?.receipts.as_ref()?.first()?;
        return if receipt.recipient_participant_id.as_ref() == Some(me) {
            None
        } else if receipt.read_timestamp.is_some() {
            Some(ItemKind::ReadReceipt)
        } else if receipt.delivered_timestamp.is_some() {
            Some(ItemKind::DeliveredReceipt)
        } else {
            None
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
