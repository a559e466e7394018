//! What comes over the socket.

use chatloom_session::{Behaviour, Body, Call, EntryContent, Event, ItemKind};
use chatloom_wire::{ContentType, frame::ServerFrame};

use crate::{
    listed::{entries, tracked},
    world::{ME, Seen, World, options},
};

const BOTH: [Behaviour; 2] = [Behaviour::Compat, Behaviour::Chatloom];

fn kinds(world: &World) -> Vec<ItemKind> {
    world.items().into_iter().map(|(kind, _)| kind).collect()
}

#[test]
fn s118_s119_every_content_type_has_its_callback_and_no_other() {
    use ItemKind as Kind;
    let table = [
        (ContentType::TextPlain, Kind::Message),
        (ContentType::Interactive, Kind::Message),
        (ContentType::ParticipantJoined, Kind::Message),
        (ContentType::ParticipantLeft, Kind::Message),
        (ContentType::ParticipantActive, Kind::Message),
        (ContentType::TransferSucceeded, Kind::Message),
        (ContentType::WorkflowCancelled, Kind::Message),
        (ContentType::Other("x/unknown".into()), Kind::Message),
        (ContentType::Typing, Kind::Typing),
        (ContentType::ParticipantIdle, Kind::ParticipantIdle),
        (ContentType::ParticipantReturned, Kind::ParticipantReturned),
        (ContentType::ParticipantAutoDisconnection, Kind::AutoDisconnection),
        (ContentType::ParticipantInvited, Kind::ParticipantInvited),
        (ContentType::AuthenticationInitiated, Kind::AuthenticationInitiated),
        (ContentType::AuthenticationSucceeded, Kind::AuthenticationSuccessful),
        (ContentType::AuthenticationFailed, Kind::AuthenticationFailed),
        (ContentType::AuthenticationTimeout, Kind::AuthenticationTimeout),
        (ContentType::AuthenticationExpired, Kind::AuthenticationExpired),
        (ContentType::AuthenticationCancelled, Kind::AuthenticationCanceled),
        (ContentType::ParticipantDisplayNameUpdated, Kind::ParticipantDisplayNameUpdated),
        (ContentType::ChatRehydrated, Kind::ChatRehydrated),
    ];
    for behaviour in BOTH {
        for parses in [false, true] {
            let mut world = World::connected(behaviour);
            world.parses = parses;
            for (content_type, _) in &table {
                world.publish(content_type, None);
            }
            world.run(100);
            let expected: Vec<ItemKind> = table.iter().map(|(_, kind)| *kind).collect();
            assert_eq!(kinds(&world), expected);
            assert!(world.with_core.is_empty());
        }
    }
}

#[test]
fn s121_s122_s123_receipts() {
    let receipt = |content: &str| {
        format!(
            r#"{{"Type":"MESSAGEMETADATA","ContentType":"application/vnd.amazonaws.connect.event.message.metadata","MessageMetadata":{content}}}"#
        )
    };
    for behaviour in BOTH {
        for parses in [false, true] {
            let mut world = World::connected(behaviour);
            world.parses = parses;
            let other = r#""RecipientParticipantId":"agent-1""#;
            for (content, kind) in [
                (
                    format!(r#"{{"Receipts":[{{{other},"ReadTimestamp":"t"}}]}}"#),
                    Some(ItemKind::ReadReceipt),
                ),
                (
                    format!(r#"{{"Receipts":[{{{other},"DeliveredTimestamp":"t"}}]}}"#),
                    Some(ItemKind::DeliveredReceipt),
                ),
                (
                    format!(
                        r#"{{"Receipts":[{{{other},"DeliveredTimestamp":"t","ReadTimestamp":"t"}}]}}"#
                    ),
                    Some(ItemKind::ReadReceipt),
                ),
                (format!(r#"{{"Receipts":[{{{other}}}]}}"#), None),
                (
                    format!(
                        r#"{{"Receipts":[{{"RecipientParticipantId":"{ME}","ReadTimestamp":"t"}}]}}"#
                    ),
                    None,
                ),
                (r#"{"Receipts":[]}"#.to_owned(), None),
                ("{}".to_owned(), None),
                ("null".to_owned(), None),
            ] {
                world.forget_seen();
                world.publish_transient(&receipt(&content));
                world.run(20);
                assert_eq!(kinds(&world), kind.into_iter().collect::<Vec<_>>(), "{content}");
            }
            assert!(world.with_core.is_empty());
        }
    }
}

#[test]
fn s120_own_items_come_back() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        for (content_type, kind) in
            [("text/plain", ItemKind::Message), (ContentType::Typing.as_str(), ItemKind::Typing)]
        {
            world.forget_seen();
            world.publish_transient(&format!(
                r#"{{"Id":"{}","AbsoluteTime":"2027-01-01T00:00:00.000Z","Type":"EVENT","ContentType":"{content_type}","ContactId":"contact-1","ParticipantId":"{ME}"}}"#,
                content_type.len()
            ));
            world.run(20);
            assert_eq!(kinds(&world), [kind]);
        }
    }
}

#[test]
fn s121_chatloom_looks_at_every_receipt_of_a_list() {
    let receipts = format!(
        r#"{{"Type":"MESSAGEMETADATA","MessageMetadata":{{"Receipts":[{{"RecipientParticipantId":"{ME}","ReadTimestamp":"t"}},{{"RecipientParticipantId":"a","DeliveredTimestamp":"t"}}]}}}}"#
    );
    for (behaviour, expected) in
        [(Behaviour::Compat, &[][..]), (Behaviour::Chatloom, &[ItemKind::DeliveredReceipt])]
    {
        let mut world = World::connected(behaviour);
        world.publish_transient(&receipts);
        world.run(20);
        assert_eq!(kinds(&world), expected);
    }
}

#[test]
fn s125_receipts_are_delivered_though_none_are_sent() {
    for behaviour in BOTH {
        let mut options = options(behaviour);
        options.receipts = false;
        let mut world = World::of(options);
        world.call(Call::Connect);
        world.run(100);
        world.publish_transient(
            r#"{"Type":"MESSAGEMETADATA","MessageMetadata":{"MessageId":"m","Receipts":[{"RecipientParticipantId":"a","ReadTimestamp":"t"}]}}"#,
        );
        world.run(20);
        assert_eq!(kinds(&world), [ItemKind::ReadReceipt]);
    }
}

#[test]
fn items_of_other_chats_are_dropped() {
    for behaviour in BOTH {
        for parses in [false, true] {
            let mut world = World::connected(behaviour);
            world.parses = parses;
            let table = [
                (r#""InitialContactId":"contact-1","ContactId":"contact-9""#, true),
                (r#""InitialContactId":"contact-9","ContactId":"contact-1""#, true),
                (r#""ContactId":"contact-1""#, true),
                (r#""InitialContactId":"contact-9","ContactId":"contact-9""#, false),
                (r#""RelatedContactId":"contact-1""#, false),
            ];
            for (n, (members, wanted)) in table.into_iter().enumerate() {
                world.forget_seen();
                world.publish_transient(&format!(
                    r#"{{"Id":"i-{n}","AbsoluteTime":"t","Type":"MESSAGE",{members}}}"#
                ));
                world.run(20);
                assert_eq!(world.delivered().len(), usize::from(wanted), "{members}");
            }
            assert!(world.with_core.is_empty());
        }
    }
}

#[test]
fn s126_compat_delivers_a_repeated_item_twice() {
    let mut world = World::connected(Behaviour::Compat);
    let id = world.say("once");
    world.repeat(0);
    world.run(100);
    assert_eq!(world.delivered(), [id.clone(), id]);
}

#[test]
fn d07_chatloom_delivers_a_repeated_item_once() {
    let mut world = World::connected(Behaviour::Chatloom);
    let id = world.say("once");
    world.repeat(0);
    world.run(100);
    assert_eq!(world.delivered(), [id]);
}

#[test]
fn compat_reads_no_transcript() {
    let mut world = World::connected(Behaviour::Compat);
    world.run(15_000);
    world.cut();
    world.say("missed");
    world.run(30_000);
    assert!(world.requests("GetTranscript").is_empty());
    assert!(world.delivered().is_empty());
}

#[test]
fn s160_s161_the_end_of_a_chat() {
    for behaviour in BOTH {
        for parses in [false, true] {
            let mut world = World::connected(behaviour);
            world.parses = parses;
            let socket = world.socket();
            world.forget_seen();
            world.end_chat();
            // Nothing after the end is delivered.
            let late = ServerFrame::Chat {
                content: r#"{"Id":"late","ContactId":"contact-1","Type":"MESSAGE"}"#.into(),
            };
            world.push_to(socket, late.to_text());
            world.run(60_000);
            let order: Vec<String> = world
                .seen
                .iter()
                .filter_map(|(_, seen)| match seen {
                    Seen::Close(id, code) => Some(format!("close {} {code}", id.0)),
                    Seen::Event(Event::Item { .. }) => Some("item".to_owned()),
                    Seen::Event(Event::Ended) => Some("ended".to_owned()),
                    Seen::Http(operation) => Some((*operation).to_owned()),
                    Seen::Open => Some("open".to_owned()),
                    _ => None,
                })
                .collect();
            let close = format!("close {} 1000", socket.0);
            match behaviour {
                Behaviour::Compat => assert_eq!(order, [close.as_str(), "item", "ended"]),
                Behaviour::Chatloom => assert_eq!(order, ["item", close.as_str(), "ended"]),
            }
        }
    }
}

#[test]
fn s164_the_synthetic_end_has_exactly_its_members() {
    let mut world = World::connected(Behaviour::Compat);
    world.service.ended = true;
    world.cut();
    world.run(10_000);
    let text = world.seen.iter().find_map(|(_, seen)| match seen {
        Seen::Event(Event::Item { body: Body::Item(item), .. }) => Some(item.text().to_owned()),
        _ => None,
    });
    let parsed: std::collections::BTreeMap<String, String> =
        serde_json::from_str(&text.unwrap()).unwrap();
    let expected = [
        ("AbsoluteTime", ""),
        ("ContentType", "application/vnd.amazonaws.connect.event.chat.ended"),
        ("Id", ""),
        ("InitialContactId", ""),
        ("Type", "EVENT"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(parsed, expected.into_iter().collect());
}

#[test]
fn s205_an_item_of_an_unknown_type_is_a_message_with_all_its_members() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let item = r#"{"Id":"new","AbsoluteTime":"2026","ContactId":"contact-1","Type":"HOLOGRAM","Depth":[1.50]}"#;
        world.publish_transient(item);
        world.run(20);
        let text = world.seen.iter().find_map(|(_, seen)| match seen {
            Seen::Event(Event::Item { kind: ItemKind::Message, body: Body::Item(item) }) => {
                Some(item.text().to_owned())
            }
            _ => None,
        });
        assert_eq!(text.as_deref(), Some(item));
    }
}

#[test]
fn chunks_of_a_streamed_message_are_delivered_at_once_and_its_end_too() {
    let mut world = World::connected(Behaviour::Chatloom);
    let item = |metadata: &str| {
        format!(
            r#"{{"Id":"bot","AbsoluteTime":"2026-02-01","ContactId":"contact-1","Type":"MESSAGE","MessageMetadata":{metadata}}}"#
        )
    };
    for metadata in [
        r#"{"MessageCompleted":false,"ChunkNumber":1}"#,
        r#"{"MessageCompleted":false,"ChunkNumber":2}"#,
        r#"{"MessageCompleted":true,"ChunkNumber":3}"#,
        r#"{"MessageCompleted":true,"ChunkNumber":3}"#,
    ] {
        world.publish_transient(&item(metadata));
    }
    world.run(20);
    assert_eq!(world.delivered(), ["bot", "bot", "bot"]);
}

#[test]
fn a_file_comes_again_with_what_became_of_it_in_compat_and_chatloom() {
    for behaviour in BOTH {
        let mut world = tracked(behaviour);
        let live = std::cell::RefCell::new(String::new());
        world.publish_of(&ContentType::Attachment, None, |text| {
            let file = r#""Type":"ATTACHMENT","Attachments":[{"AttachmentId":"a-1","Status":"IN_PROGRESS"}]"#;
            let text = text.replace(r#""Type":"MESSAGE""#, file);
            assert!(text.contains(file), "{text}");
            if text.contains("InitialContactId") {
                live.replace(text.clone());
            }
            text
        });
        world.say("meanwhile");
        world.run(100);
        world.publish_transient(&live.borrow().replace("IN_PROGRESS", "APPROVED"));
        world.run(100);
        let given: Vec<_> = world
            .seen
            .iter()
            .filter_map(|(_, seen)| match seen {
                Seen::Event(Event::Item { body: Body::Item(item), .. }) => {
                    item.attachments().first().and_then(|file| file.status.clone())
                }
                _ => None,
            })
            .collect();
        assert_eq!(given, ["IN_PROGRESS", "APPROVED"].map(Box::from), "{behaviour:?}");
        let shown = entries(&world);
        let statuses: Vec<_> = shown
            .iter()
            .map(|entry| match &entry.content {
                EntryContent::Item(Body::Item(item)) => {
                    item.attachments().first().and_then(|file| file.status.clone())
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(statuses, [Some(Box::from("APPROVED")), None], "in its place, once");
    }
}
