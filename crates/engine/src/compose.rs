//! Drafts of what is said and what happened.

use chatloom_wire::{ContentType, ItemType};

use crate::{Audience, Chat, Draft, DraftBody, EntryKind, Participant, Sender};

pub(crate) fn sender_of(participant: &Participant) -> Sender {
    Sender {
        id: participant.id.clone(),
        role: participant.role.clone(),
        name: participant.name.clone(),
    }
}

/// An item of the present contact for everybody.
pub(crate) fn item(
    chat: &Chat,
    sender: Option<&Participant>,
    item_type: ItemType,
    content_type: ContentType,
    content: Option<String>,
) -> Draft {
    Draft {
        kind: EntryKind::Item,
        audience: Audience::All,
        contact_id: chat.current_contact().id.clone(),
        about: None,
        sender: sender.map(sender_of),
        body: DraftBody::Item { item_type, content_type, content },
    }
}

pub(crate) fn message(
    chat: &Chat,
    sender: &Participant,
    content_type: ContentType,
    content: String,
) -> Draft {
    item(chat, Some(sender), ItemType::Message, content_type, Some(content))
}

pub(crate) fn text(chat: &Chat, sender: &Participant, content: &str) -> Draft {
    message(chat, sender, ContentType::TextPlain, content.to_owned())
}

pub(crate) fn event(chat: &Chat, sender: Option<&Participant>, content_type: ContentType) -> Draft {
    item(chat, sender, ItemType::Event, content_type, None)
}
