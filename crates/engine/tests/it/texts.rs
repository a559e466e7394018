//! The texts that go out, character by character (docs/protocol/participant-service.md §6.9, §4.4).

use std::sync::Arc;

use chatloom_engine::{Audience, Draft, DraftBody, Entry, EntryKind, Sender, transcript};
use chatloom_wire::{ContentType, ItemId, ItemType, ParticipantRole};

use crate::world::{ANA, CHAT, CUSTOMER, START, place};

fn sender(role: ParticipantRole) -> Sender {
    let id = if role == ParticipantRole::Agent { ANA } else { CUSTOMER };
    Sender { id: id.into(), role, name: "Cleo \"C\"".into() }
}

fn item(item_type: ItemType, content_type: ContentType, content: Option<&str>) -> Draft {
    Draft {
        kind: EntryKind::Item,
        audience: Audience::All,
        contact_id: CHAT.into(),
        about: None,
        sender: Some(sender(ParticipantRole::Customer)),
        body: DraftBody::Item { item_type, content_type, content: content.map(str::to_owned) },
    }
}

fn receipt(role: ParticipantRole, read: bool, about: &ItemId) -> Draft {
    Draft {
        kind: EntryKind::Receipt,
        about: Some(about.clone()),
        sender: Some(sender(role)),
        body: DraftBody::Receipt { read },
        ..item(ItemType::Event, ContentType::TextPlain, None)
    }
}

/// The drafts one after the other in a log that begins at [`START`].
fn log(drafts: &[Draft]) -> Vec<Arc<Entry>> {
    let mut log: Vec<Arc<Entry>> = Vec::new();
    for draft in drafts {
        let entry = place(&CHAT.into(), draft, START, log.last().map(|last| &**last));
        log.push(Arc::new(entry));
    }
    log
}

fn message_id() -> ItemId {
    log(&[item(ItemType::Message, ContentType::TextPlain, Some("x"))])[0].id.clone()
}

#[test]
fn texts_are_what_the_protocol_says() {
    use ContentType::{
        ChatEnded, InteractiveResponse, ParticipantJoined, ParticipantLeft, TextMarkdown,
        TextPlain, Typing,
    };
    let message = |content_type, content| item(ItemType::Message, content_type, Some(content));
    let event = |content_type| item(ItemType::Event, content_type, None);
    let texts: Vec<String> = [
        message(TextPlain, "Hé\n\"lamp\""),
        message(TextMarkdown, "**lamp**"),
        message(InteractiveResponse, r#"{"action":"x"}"#),
        event(ParticipantJoined),
        event(ParticipantLeft),
        event(Typing),
        Draft { sender: None, ..event(ChatEnded) },
        receipt(ParticipantRole::Agent, false, &message_id()),
        receipt(ParticipantRole::Agent, true, &message_id()),
    ]
    .iter()
    .map(|draft| log(std::slice::from_ref(draft))[0].text.to_string())
    .collect();
    insta::assert_snapshot!("items", texts.join("\n"));
}

#[test]
fn a_page_is_what_the_protocol_says() {
    let drafts = [
        item(ItemType::Message, ContentType::TextPlain, Some("one")),
        item(ItemType::Event, ContentType::ParticipantJoined, None),
        receipt(ParticipantRole::Agent, true, &message_id()),
    ];
    let log = log(&drafts);
    let chat = CHAT.into();
    let body = transcript::body(&chat, &log[..2], &log[2..], Some("more")).unwrap();
    let empty = transcript::body(&chat, &[], &[], None).unwrap();
    insta::assert_snapshot!("pages", format!("{body}\n{empty}"));
}
