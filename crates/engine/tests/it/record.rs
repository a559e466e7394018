//! What the control plane keeps with a chat, and who said how much in it.

use std::collections::BTreeMap;

use chatloom_engine::{Chat, Command, Measures, RecordChange};
use chatloom_wire::{
    ContactId,
    contact::{Attributes, UpdateContactRequest},
};
use serde_json::json;

use crate::world::{
    ANA, BEN, CHAT, CUSTOMER, MINUTE, World, accept, connect, disconnect, rules, say,
};

fn map(pairs: &[(&str, &str)]) -> Attributes {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn attributes(pairs: &[(&str, &str)]) -> Command {
    Command::Record(RecordChange::Attributes(map(pairs)))
}

fn details(request: serde_json::Value) -> Command {
    let request: UpdateContactRequest = serde_json::from_value(request).unwrap();
    Command::Record(RecordChange::Details(Box::new(request)))
}

fn ended() -> World {
    let mut world = World::with_ana(r#""Attributes":{"plan":"gold","city":"Ulm"}"#);
    world.run(&Command::Stop).unwrap();
    world
}

#[test]
fn attributes_merge_and_an_empty_value_clears() {
    for mut world in
        [World::new(rules(None), r#""Attributes":{"plan":"gold","city":"Ulm"}"#), ended()]
    {
        let change = attributes(&[("city", ""), ("age", "7")]);
        assert_eq!(world.run(&change), Ok(vec![]), "no event tells of it");
        let kept: Attributes = world.chat.attributes.iter().cloned().collect();
        assert_eq!(kept, map(&[("plan", "gold"), ("city", ""), ("age", "7")]));
        // The same again changes nothing, not even the time of the last change.
        assert_eq!(world.pass(MINUTE).decide(&change).unwrap().chat, None);
    }
}

#[test]
fn attributes_have_room_in_all() {
    let mut world = World::new(rules(None), "");
    let value = |bytes: usize| "v".repeat(bytes);
    world.run(&attributes(&[("a", &value(32_000))])).unwrap();
    let before = world.chat.clone();
    let too_much = world.run(&attributes(&[("b", &value(768))]));
    assert_eq!(too_much, Err("InvalidParameterException".to_owned()));
    assert_eq!(world.chat, before);
    world.run(&attributes(&[("b", &value(766))])).unwrap();
    // Whoever clears one has room for another.
    world.run(&attributes(&[("a", ""), ("c", &value(32_000 - 2))])).unwrap();
}

#[test]
fn details_change_one_by_one() {
    let mut world = ended();
    let first = json!({
        "Name": "Parcel", "Description": "Where is it?",
        "References": { "shop": { "Type": "URL", "Value": "https://example.org" } },
        "SegmentAttributes": { "a": { "ValueString": "b" } },
    });
    world.run(&details(first)).unwrap();
    world.pass(MINUTE);
    let second = json!({
        "Name": "",
        "References": { "order": { "Type": "NUMBER", "Value": "7" } },
        "SegmentAttributes": { "a": { "ValueInteger": 1 } },
    });
    world.run(&details(second)).unwrap();
    let record = &world.chat.record;
    assert_eq!(record.name, None, "an empty name clears it");
    assert_eq!(record.description.as_deref(), Some("Where is it?"));
    assert_eq!(record.references.keys().collect::<Vec<_>>(), ["order", "shop"]);
    assert_eq!(record.segment_attributes["a"].value_integer, Some(1));
    assert_eq!(world.chat.updated_at, world.now);

    let large = json!({ "Type": "STRING", "Value": "v".repeat(4_096) });
    for n in 0..7 {
        world.run(&details(json!({ "References": { n.to_string(): large } }))).unwrap();
    }
    let too_much = world.run(&details(json!({ "References": { "last": large } })));
    assert_eq!(too_much, Err("InvalidParameterException".to_owned()));
}

#[test]
fn a_contact_has_six_tags_at_most() {
    let mut world = ended();
    let tag = |names: std::ops::Range<u8>| {
        let tags = names.map(|n| (format!("k{n}"), "v".to_owned()));
        Command::Record(RecordChange::Tag(tags.collect::<BTreeMap<_, _>>()))
    };
    world.run(&tag(0..5)).unwrap();
    world.run(&tag(4..6)).unwrap();
    assert_eq!(world.run(&tag(5..7)), Err("InvalidParameterException".to_owned()));
    let untag = Command::Record(RecordChange::Untag(vec!["k0".to_owned(), "none".to_owned()]));
    world.run(&untag).unwrap();
    world.run(&tag(6..7)).unwrap();
    assert_eq!(
        world.chat.record.tags.keys().collect::<Vec<_>>(),
        ["k1", "k2", "k3", "k4", "k5", "k6"]
    );
}

#[test]
fn what_a_start_says_is_kept_and_read_back() {
    let members = r#""SegmentAttributes":{"a":{"ValueString":"b"}},"CustomerId":"k-1",
        "ParticipantConfiguration":{"ResponseMode":"INCREMENTAL"}"#;
    let world = World::new(rules(None), members);
    assert_eq!(world.chat.record.customer_id.as_deref(), Some("k-1"));
    assert!(world.chat.record.response_mode.is_some());
    let text = serde_json::to_string(&world.chat).unwrap();
    assert_eq!(serde_json::from_str::<Chat>(&text).unwrap(), world.chat);
    assert!(!format!("{:?} {:?}", world.chat, world.chat.record).contains("k-1"));

    // What the release before this one wrote has none of it.
    let plain = World::new(rules(None), "");
    let text = serde_json::to_string(&plain.chat).unwrap();
    assert!(!text.contains("record"));
    assert_eq!(serde_json::from_str::<Chat>(&text).unwrap(), plain.chat);
}

fn measures(world: &World) -> Measures {
    let mut measures = Measures::default();
    world.log.iter().for_each(|entry| measures.add(entry));
    measures
}

#[test]
fn the_log_tells_who_said_how_much() {
    let mut world = World::new(rules(None), "");
    world.run(&connect(CUSTOMER)).unwrap();
    world.pass(1_000).run(&say(CUSTOMER, "h\u{e4}llo")).unwrap();
    world.pass(9_000).run(&accept("ana", ANA)).unwrap();
    let came = world.now;
    world.pass(2_000).run(&say(ANA, "Hi!")).unwrap();
    let first = world.now;
    world.pass(500).run(&say(ANA, "I am Ana")).unwrap();
    world.pass(4_000).run(&say(CUSTOMER, "A question")).unwrap();
    world.pass(3_000).run(&say(ANA, "An answer")).unwrap();
    let spoke = world.now;
    world.pass(10_000).run(&disconnect(ANA)).unwrap();

    let measures = measures(&world);
    let contact = ContactId::from(CHAT);
    let metrics =
        serde_json::to_value(measures.of(&world.chat, &contact, Some(world.now))).unwrap();
    let seconds = |time: chatloom_wire::Timestamp| time.as_millis() as f64 / 1000.0;
    assert_eq!(
        metrics,
        json!({
            "ChatContactMetrics": {
                "MultiParty": false, "TotalMessages": 5, "TotalBotMessages": 0,
                "TotalBotMessageLengthInChars": 0, "ConversationTurnCount": 2,
                "ConversationCloseTimeInMillis": 13_000,
                "AgentFirstResponseTimestamp": seconds(first),
                "AgentFirstResponseTimeInMillis": 2_000,
            },
            "AgentMetrics": {
                "ParticipantId": ANA, "ParticipantType": "AGENT", "MessagesSent": 3,
                // From when Ana came, not from when the customer asked nobody.
                "NumResponses": 2, "TotalResponseTimeInMillis": 5_000,
                "MaxResponseTimeInMillis": 3_000, "MessageLengthInChars": 20,
                "LastMessageTimestamp": seconds(spoke),
            },
            "CustomerMetrics": {
                "ParticipantId": CUSTOMER, "ParticipantType": "CUSTOMER", "MessagesSent": 2,
                "NumResponses": 1, "TotalResponseTimeInMillis": 4_500,
                "MaxResponseTimeInMillis": 4_500, "MessageLengthInChars": 15,
                "LastMessageTimestamp": seconds(spoke) - 3.0,
            },
        })
    );
    assert_eq!(
        measures.left_at(&contact, &ANA.into()),
        Some(world.log.iter().rev().nth(1).unwrap().time)
    );
    assert!(measures.connected_at(&contact).unwrap() < came);

    // Read in two goes, or twice, it is the same.
    let mut again = Measures::default();
    for entry in world.log.iter().take(4).chain(&world.log) {
        again.add(entry);
    }
    assert_eq!(again, measures);
}

#[test]
fn bots_are_counted_apart_and_nobody_has_answered_nothing() {
    let mut world = World::new(rules(Some(chatloom_engine::Assistant::default())), "");
    let empty = measures(&world).of(&world.chat, &CHAT.into(), None);
    let all = empty.chat_contact_metrics.unwrap();
    assert_eq!((all.total_messages, all.conversation_close_time_in_millis), (0, None));
    assert_eq!(empty.agent_metrics, None);

    world.run(&connect(CUSTOMER)).unwrap();
    world.pass(1_000).run(&say(CUSTOMER, "hours")).unwrap();
    world.pass(1_000).run(&say(CUSTOMER, "agent")).unwrap();
    let metrics = measures(&world).of(&world.chat, &CHAT.into(), None);
    let all = metrics.chat_contact_metrics.unwrap();
    // A greeting, an answer, and that an agent comes.
    assert_eq!((all.total_messages, all.total_bot_messages), (5, 3));
    assert!(all.total_bot_message_length_in_chars > 30);
    assert_eq!(all.conversation_turn_count, 2);
    let customer = metrics.customer_metrics.unwrap();
    assert_eq!((customer.messages_sent, customer.num_responses), (2, 2));
    assert_eq!(world.chat.participant(&BEN.into()), None);
}
