//! Courses of events in which something could be lost, come twice, or stay behind.

use chatloom_session::{Behaviour, Call, Event, GapId, Input, SessionOptions, Value};
use chatloom_wire::{ContentType, Timestamp};
use serde_json::json;

use crate::{
    listed::{shown, told, tracked, tracked_with},
    world::{ME, Reply, SESSION, Seen, World, item_text, of_me, options},
};

const CHATLOOM: Behaviour = Behaviour::Chatloom;

fn first_gap(world: &World) -> GapId {
    let gap = |(_, seen): &(u64, Seen)| match seen {
        Seen::Event(Event::Gap { gap }) => Some(*gap),
        _ => None,
    };
    world.seen.iter().find_map(gap).unwrap()
}

/// Of what comes after a gap only the newest is remembered beyond the process.
#[test]
fn d06_chatloom_what_fills_a_gap_after_a_restart_is_given_once() {
    for begins_with_the_gap in [true, false] {
        let keeps = || SessionOptions { persist: true, ..options(CHATLOOM) };
        let mut world = World::of(keeps());
        if !begins_with_the_gap {
            world.say("before");
        }
        world.call(Call::Connect);
        world.run(15_000);
        world.always("GetTranscript", Reply::Status(400));
        world.cut();
        world.say("missed");
        world.run(1_000);
        for n in 0..250 {
            world.say(&n.to_string());
        }
        world.run(1_000);
        assert_eq!(world.delivered().len(), world.stored().len() - 1);
        world.service.always.clear();
        world.restart(keeps(), true);
        world.call(Call::Connect);
        world.run(10_000);
        let mut delivered = world.delivered();
        assert_eq!(delivered.last(), Some(&world.stored()[usize::from(!begins_with_the_gap)]));
        delivered.sort();
        assert_eq!(delivered, world.stored());
        assert_eq!(world.story().last(), Some(&"gap closed"));
    }
}

#[test]
fn d06_chatloom_what_was_found_for_a_gap_is_given_when_the_chat_ends() {
    let mut world = tracked(CHATLOOM);
    world.say("before");
    world.run(15_000);
    world.always("GetTranscript", Reply::Status(400));
    world.cut();
    for n in 0..150 {
        world.say(&n.to_string());
    }
    world.run(1_000);
    world.say("behind");
    world.run(100);
    assert_eq!(world.delivered().len(), 2);
    // One page comes, the next does not.
    world.script("GetTranscript", &[Reply::Serve]);
    world.always("GetTranscript", Reply::Status(500));
    world.call(Call::FillGap { gap: first_gap(&world) });
    world.run(200);
    let end = world.end_chat();
    world.run(100);
    assert_eq!(world.story().last(), Some(&"ended"));
    let stored = world.stored();
    let mut delivered = world.delivered();
    assert!(delivered.contains(&end));
    delivered.sort();
    assert_eq!(delivered[0], stored[0]);
    assert_eq!(delivered[1..], stored[52..], "the newest page of what was missed");
    assert_eq!(shown(&world)[2..], stored[52..]);
}

/// An own message in the transcript, with a receipt of the agent if there is one.
fn mine(world: &mut World, receipt: Option<&str>) {
    let metadata = |text: &str| {
        let text = of_me(text);
        let Some(stamp) = receipt else { return text };
        let mut item: serde_json::Value = serde_json::from_str(&text).unwrap();
        item["MessageMetadata"] = json!({ "MessageId": item["Id"], "Receipts":
            [{ stamp: "2026-01-01T00:01:00.000Z", "RecipientParticipantId": "agent-1" }] });
        assert!(!text.contains("agent-1") && text.contains(ME));
        item.to_string()
    };
    world.publish_of(&ContentType::TextPlain, Some("words"), metadata);
}

#[test]
fn d12_chatloom_a_receipt_in_the_transcript_speaks_of_own_messages_before() {
    let mut world = World::new(CHATLOOM);
    world.input(Input::Track { session: SESSION });
    for receipt in [None, None, Some("ReadTimestamp"), None, Some("DeliveredTimestamp"), None] {
        mine(&mut world, receipt);
    }
    world.call(Call::Connect);
    world.run(1_000);
    let states = ["read", "read", "read", "delivered", "delivered", "sent"];
    let expected: Vec<String> =
        states.iter().enumerate().map(|(n, state)| format!("item-0000{n} {state}")).collect();
    assert_eq!(shown(&world), expected);
    assert_eq!(told(&world), ["read", "read", "delivered"], "in the order of the items");
}

#[test]
fn d12_chatloom_older_own_messages_are_as_far_as_those_behind_them() {
    let mut world = tracked_with(SessionOptions { most_entries: 100, ..options(CHATLOOM) });
    for n in 0..150 {
        mine(&mut world, (n == 149).then_some("ReadTimestamp"));
    }
    world.run(1_000);
    assert!(shown(&world)[1..].iter().all(|line| line.ends_with(" read")));
    let call = world.call(Call::LoadOlder { count: 60 });
    world.run(1_000);
    assert!(matches!(world.result(call), Some(Ok(Value::Loaded { at_beginning: true, .. }))));
    assert_eq!(shown(&world).len(), 150);
    assert!(shown(&world).iter().all(|line| line.ends_with(" read")));
}

/// Who comes back reads the newest message first, and more messages than are remembered after it.
#[test]
fn d11_chatloom_a_stream_joined_midway_is_completed_behind_many_messages() {
    let mut world = World::new(CHATLOOM);
    let bot = |text: &str| text.replace("\"AGENT\"", "\"SYSTEM\"");
    for n in 0..80 {
        world.publish_of(&ContentType::TextPlain, Some(&format!("words {n}")), bot);
    }
    let id = world.publish_of(&ContentType::TextPlain, Some("half of"), bot);
    world.call(Call::Connect);
    world.run(1_000);
    assert_eq!(world.delivered().len(), 81);
    let mut item: serde_json::Value =
        serde_json::from_str(&world.service.items.last().unwrap().2).unwrap();
    assert_eq!(item["Id"], json!(id));
    item["Content"] = json!("half of the words");
    item["MessageMetadata"] =
        json!({ "MessageId": id, "ChunkNumber": 3, "MessageCompleted": true });
    world.publish_transient(&item.to_string());
    world.run(100);
    assert_eq!(world.delivered().len(), 82);
    assert!(world.texts().last().unwrap().contains("half of the words"));
}

#[test]
fn chatloom_a_mark_on_an_item_that_is_not_known_costs_no_other_receipt() {
    let mut world = World::connected(CHATLOOM);
    let newest = world.say("newest");
    world.run(100);
    for id in [&*newest, "of an earlier page"] {
        world.call(Call::MarkRead { item: id.into() });
    }
    world.run(60_000);
    let bodies: Vec<&str> = world
        .service
        .requests
        .iter()
        .filter(|(_, http)| http.operation == "SendEvent")
        .map(|(_, http)| &*http.body)
        .collect();
    assert_eq!(bodies.len(), 2, "{bodies:?}");
    assert!(bodies[0].contains(&newest) && bodies[1].contains("of an earlier page"));
}

#[test]
fn chatloom_what_was_loaded_and_is_older_is_not_told_after_what_is_newer() {
    let mut world = tracked_with(SessionOptions { persist: true, ..options(CHATLOOM) });
    for n in 0..250 {
        world.say(&n.to_string());
    }
    world.run(1_000);
    world.restart(SessionOptions { persist: true, ..options(CHATLOOM) }, true);
    world.input(Input::Track { session: SESSION });
    world.call(Call::Connect);
    world.run(1_000);
    world.call(Call::LoadOlder { count: 100 });
    world.run(1_000);
    let stored = world.stored();
    let calls =
        [249, 60].map(|n: usize| world.call(Call::MarkRead { item: stored[n].as_str().into() }));
    world.run(60_000);
    assert!(calls.iter().all(|call| matches!(world.result(*call), Some(Ok(_)))));
    let (_, receipt) = world.service.requests.last().unwrap();
    assert!(receipt.body.contains(&stored[249]), "the newest is named");
    assert_eq!(world.requests("SendEvent").len(), 1);
}

/// The event that tells of an earlier chat is in a gap, and nothing comes after it.
#[test]
fn chatloom_an_earlier_chat_that_a_gap_tells_of_is_read() {
    let mut world = tracked(CHATLOOM);
    world.say("present");
    world.run(15_000);
    world.always("GetTranscript", Reply::Status(400));
    world.cut();
    let start = Timestamp::parse("2025-03-01T00:00:00Z").unwrap();
    let text = item_text("past", start, &ContentType::TextPlain, Some("words"), false)
        .replace(r#""ContactId":"contact-1""#, r#""RelatedContactId":"contact-0""#);
    world.service.items.insert(0, (start, "past".to_owned(), text));
    world.publish(&ContentType::ChatRehydrated, None);
    world.run(1_000);
    world.say("behind");
    world.run(100);
    assert_eq!(world.delivered().len(), 2);
    world.service.always.clear();
    world.call(Call::FillGap { gap: first_gap(&world) });
    world.run(2_000);
    assert_eq!(world.delivered().len(), 4);
    assert_eq!(shown(&world), world.stored());
    let requests = world.requests("GetTranscript").len();
    world.run(15_000);
    assert_eq!(world.requests("GetTranscript").len(), requests, "and only once");
}
