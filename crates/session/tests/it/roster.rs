//! Who is in the chat, and what receipts of others say.

use chatloom_session::{Behaviour, Event, Input, MessageState, Person, Presence, SessionOptions};
use chatloom_wire::{ContentType, Timestamp};
use serde_json::{Value as Json, json};

use crate::world::{ME, Reply, Seen, World, options};

const EVENT: &str = "application/vnd.amazonaws.connect.event.";

fn chatloom() -> World {
    World::connected(Behaviour::Chatloom)
}

/// An item of somebody's; an event when the content type is the end of one's name.
fn item(world: &World, who: &str, content_type: &str) -> Json {
    let is_event = !content_type.contains('/');
    let content_type =
        if is_event { EVENT.to_owned() + content_type } else { content_type.to_owned() };
    let newest = world.service.items.last().map_or(0, |(time, ..)| time.as_millis() + 1);
    let time = Timestamp::from_millis(newest.max(world.clock().wall_ms));
    json!({
        "Id": format!("item-{:05}", world.service.items.len()),
        "AbsoluteTime": time.to_string(),
        "Type": if is_event { "EVENT" } else { "MESSAGE" },
        "ContentType": content_type,
        "ContactId": "contact-1",
        "ParticipantId": who,
        "ParticipantRole": "AGENT",
        "DisplayName": who.to_uppercase(),
    })
}

/// Stores an item and gives it to every socket; its id.
fn put(world: &mut World, item: &Json) -> String {
    let id = item["Id"].as_str().unwrap().to_owned();
    let time = Timestamp::parse(item["AbsoluteTime"].as_str().unwrap()).unwrap();
    world.service.items.push((time, id.clone(), item.to_string()));
    pass(world, item);
    id
}

/// Gives an item to every socket that is not stored.
fn pass(world: &mut World, item: &Json) {
    world.publish_transient(&item.to_string());
}

fn happens(world: &mut World, who: &str, content_type: &str) -> String {
    let item = item(world, who, content_type);
    put(world, &item)
}

fn types(world: &mut World, who: &str) {
    let item = item(world, who, "typing");
    pass(world, &item);
}

/// Receipts for a message: who, and whether it was read.
fn receipts(world: &mut World, id: &str, receipts: &[(&str, bool)]) {
    let receipts: Vec<Json> = receipts
        .iter()
        .map(|(who, read)| {
            let time = if *read { "ReadTimestamp" } else { "DeliveredTimestamp" };
            json!({ "RecipientParticipantId": who, time: "2026-01-01T00:00:00.000Z" })
        })
        .collect();
    pass(
        world,
        &json!({
            "Id": "receipt", "Type": "MESSAGEMETADATA", "ContactId": "contact-1",
            "ContentType": format!("{EVENT}message.metadata"),
            "MessageMetadata": { "MessageId": id, "Receipts": receipts },
        }),
    );
}

fn rosters(world: &World) -> Vec<&Vec<Person>> {
    let seen = world.seen.iter();
    seen.filter_map(|(_, seen)| match seen {
        Seen::Event(Event::Roster(people)) => Some(people),
        _ => None,
    })
    .collect()
}

/// The latest roster in words.
fn roster(world: &World) -> Vec<String> {
    let people = rosters(world).pop().expect("a roster");
    people
        .iter()
        .map(|person| {
            let presence = match person.presence {
                Presence::Here => "here",
                Presence::Idle => "idle",
                Presence::Gone => "gone",
            };
            let name = person.name.as_deref().unwrap_or("nameless");
            let typing = if person.typing { " typing" } else { "" };
            format!("{} {name} {presence}{typing}", person.participant_id)
        })
        .collect()
}

fn person<'a>(world: &'a World, who: &str) -> &'a Person {
    let people = rosters(world).pop().expect("a roster");
    people.iter().find(|person| person.participant_id.as_str() == who).expect("in the roster")
}

/// What became of own messages, in order.
fn states(world: &World) -> Vec<(String, MessageState)> {
    let seen = world.seen.iter();
    seen.filter_map(|(_, seen)| match seen {
        Seen::Event(Event::Message { id: Some(id), state, .. })
            if matches!(state, MessageState::Delivered | MessageState::Read) =>
        {
            Some((id.to_string(), state.clone()))
        }
        _ => None,
    })
    .collect()
}

#[test]
fn people_come_and_go() {
    for parses in [false, true] {
        let mut world = chatloom();
        world.parses = parses;
        for (who, what, expected) in [
            ("ann", "participant.joined", &["ann ANN here"][..]),
            // Whoever writes is there, though nobody saw them come.
            ("bob", "text/plain", &["ann ANN here", "bob BOB here"]),
            ("ann", "participant.idle", &["ann ANN idle", "bob BOB here"]),
            ("ann", "participant.returned", &["ann ANN here", "bob BOB here"]),
            ("ann", "participant.idle", &["ann ANN idle", "bob BOB here"]),
            ("ann", "text/plain", &["ann ANN here", "bob BOB here"]),
            ("bob", "participant.left", &["ann ANN here", "bob BOB gone"]),
            ("ann", "participant.autodisconnection", &["ann ANN gone", "bob BOB gone"]),
            ("bob", "participant.joined", &["ann ANN gone", "bob BOB here"]),
        ] {
            happens(&mut world, who, what);
            world.run(20);
            assert_eq!(roster(&world), expected, "{who} {what}");
        }
        // Nothing new is not told.
        let count = rosters(&world).len();
        happens(&mut world, "bob", "text/plain");
        happens(&mut world, "carol", "participant.invited");
        happens(&mut world, "carol", "transfer.succeeded");
        world.run(20);
        assert_eq!(rosters(&world).len(), count);
        // At the end nobody is there, and that is told before it.
        world.end_chat();
        world.run(20);
        assert_eq!(roster(&world), ["ann ANN gone", "bob BOB gone"]);
        let last_two: Vec<&Seen> = world
            .seen
            .iter()
            .map(|(_, seen)| seen)
            .filter(|seen| matches!(seen, Seen::Event(Event::Roster(_) | Event::Ended)))
            .collect();
        assert!(matches!(last_two.last(), Some(Seen::Event(Event::Ended))));
        assert!(world.with_core.is_empty());
    }
}

#[test]
fn compat_tells_no_roster() {
    let mut world = World::connected(Behaviour::Compat);
    happens(&mut world, "ann", "participant.joined");
    types(&mut world, "ann");
    world.run(60_000);
    assert!(rosters(&world).is_empty());
}

#[test]
fn a_name_may_change() {
    let mut world = chatloom();
    happens(&mut world, "ann", "participant.joined");
    let mut renamed = item(&world, "ann", "participant.displayname.updated");
    renamed["DisplayName"] = "Ann Lee".into();
    put(&mut world, &renamed);
    world.run(20);
    assert_eq!(roster(&world), ["ann Ann Lee here"]);
}

#[test]
fn flows_and_bots_of_the_service_are_nobody() {
    let mut world = chatloom();
    let mut message = item(&world, "flow-1", "text/plain");
    message["ParticipantRole"] = "SYSTEM".into();
    put(&mut world, &message);
    // Nor does an earlier chat say who is in this one.
    let mut past = item(&world, "ann", "participant.joined");
    past["RelatedContactId"] = "contact-0".into();
    put(&mut world, &past);
    world.run(20);
    assert!(rosters(&world).is_empty());
}

#[test]
fn typing_ends_after_a_while_with_a_message_or_when_they_leave() {
    let mut world = chatloom();
    types(&mut world, "ann");
    world.run(20);
    assert_eq!(roster(&world), ["ann ANN here typing"]);
    // Another sign of it prolongs it.
    world.run(9_980);
    types(&mut world, "ann");
    world.run(12_000);
    assert_eq!(roster(&world), ["ann ANN here typing"]);
    world.run(10);
    assert_eq!(roster(&world), ["ann ANN here"]);
    for what in ["text/plain", "participant.left"] {
        types(&mut world, "ann");
        world.run(20);
        assert_eq!(roster(&world), ["ann ANN here typing"]);
        happens(&mut world, "ann", what);
        world.run(20);
        assert!(!person(&world, "ann").typing);
    }
    // Each on their own.
    types(&mut world, "ann");
    world.run(6_000);
    types(&mut world, "bob");
    world.run(7_000);
    assert_eq!(roster(&world), ["ann ANN here", "bob BOB here typing"]);
    world.run(6_000);
    assert_eq!(roster(&world), ["ann ANN here", "bob BOB here"]);
}

#[test]
fn the_roster_survives_an_outage() {
    let mut world = chatloom();
    happens(&mut world, "ann", "participant.joined");
    types(&mut world, "ann");
    world.run(15_000);
    world.cut();
    world.run(1);
    // One comes and goes, one comes, one goes.
    happens(&mut world, "bob", "participant.joined");
    happens(&mut world, "ann", "participant.left");
    happens(&mut world, "bob", "participant.left");
    happens(&mut world, "carol", "participant.joined");
    world.run(10_000);
    assert_eq!(roster(&world), ["ann ANN gone", "bob BOB gone", "carol CAROL here"]);
}

#[test]
fn what_comes_late_says_nothing_new() {
    let mut world = chatloom();
    let mut joined = item(&world, "ann", "participant.joined");
    joined["Id"] = "late".into();
    world.run(1_000);
    happens(&mut world, "ann", "participant.left");
    world.run(20);
    pass(&mut world, &joined);
    world.run(20);
    assert_eq!(world.delivered().last().map(String::as_str), Some("late"));
    assert_eq!(roster(&world), ["ann ANN gone"]);
}

#[test]
fn every_receipt_of_a_list_counts_and_none_goes_back() {
    for parses in [false, true] {
        let mut world = chatloom();
        world.parses = parses;
        let (first, second) = (happens(&mut world, "ann", "text/plain"), {
            world.run(20);
            happens(&mut world, "bob", "text/plain")
        });
        world.run(20);
        receipts(&mut world, &first, &[(ME, true), ("ann", false), ("bob", true)]);
        receipts(&mut world, &second, &[("ann", false)]);
        receipts(&mut world, &first, &[("ann", true)]);
        world.run(20);
        let is = |id: &str, of: &Option<chatloom_wire::ItemId>| {
            of.as_ref().is_some_and(|of| of.as_str() == id)
        };
        let (ann, bob) = (person(&world, "ann"), person(&world, "bob"));
        assert!(is(&second, &ann.delivered) && is(&first, &ann.read), "{ann:?}");
        // What was read has been delivered.
        assert!(is(&first, &bob.delivered) && is(&first, &bob.read));
        assert!(world.with_core.is_empty());
    }
}

#[test]
fn a_receipt_covers_own_messages_before_it() {
    let mut world = chatloom();
    let calls = ["one", "two", "three"].map(|text| world.send(text));
    world.run(1_000);
    assert!(calls.iter().all(|call| world.result(*call).is_some()));
    let mut ids = Vec::new();
    for at in 0..3 {
        // The service of these tests gives every message to the agent; these are one's own.
        ids.push(world.service.items[at].1.clone());
    }
    receipts(&mut world, &ids[1], &[("agent-2", false)]);
    world.run(20);
    let mut told = states(&world);
    told.sort_by(|a, b| a.0.cmp(&b.0));
    let delivered = |id: &String| (id.clone(), MessageState::Delivered);
    assert_eq!(told, [delivered(&ids[0]), delivered(&ids[1])]);
    world.forget_seen();
    // Nothing goes back, and reading covers what came before.
    receipts(&mut world, &ids[2], &[("agent-2", true)]);
    receipts(&mut world, &ids[2], &[("agent-3", false)]);
    world.run(20);
    let mut told = states(&world);
    told.sort_by(|a, b| a.0.cmp(&b.0));
    let read: Vec<_> = ids.iter().map(|id| (id.clone(), MessageState::Read)).collect();
    assert_eq!(told, read);
}

#[test]
fn receipts_of_an_outage_are_in_the_transcript() {
    let mut world = chatloom();
    world.send("mine");
    world.run(1_000);
    let (time, id, text) = world.service.items[0].clone();
    world.run(15_000);
    world.cut();
    world.run(1);
    let mut stored: Json = serde_json::from_str(&text).unwrap();
    stored["MessageMetadata"] = json!({
        "MessageId": id,
        "Receipts": [{ "RecipientParticipantId": "agent-2", "ReadTimestamp": "t" }],
    });
    world.service.items[0] = (time, id.clone(), stored.to_string());
    world.run(10_000);
    assert_eq!(states(&world), [(id.clone(), MessageState::Read)]);
    assert_eq!(person(&world, "agent-2").read.as_ref().map(ToString::to_string), Some(id));
}

#[test]
fn a_receipt_may_be_faster_than_its_message() {
    let mut world = chatloom();
    world.run(15_000);
    world.always("GetTranscript", Reply::Status(500));
    world.cut();
    world.run(5_000);
    let id = happens(&mut world, "ann", "text/plain");
    receipts(&mut world, &id, &[("bob", true)]);
    world.run(1_000);
    assert!(world.delivered().iter().all(|delivered| *delivered != id));
    world.always("GetTranscript", Reply::Serve);
    world.run(100_000);
    assert_eq!(person(&world, "bob").read.as_ref().map(ToString::to_string), Some(id));
    // Receipts for what never comes have a bound.
    for n in 0..1_000 {
        receipts(&mut world, &n.to_string(), &[("carol", true)]);
    }
    world.run(100);
    assert!(roster(&world).iter().all(|line| !line.contains("carol")));
}

#[test]
fn receipts_of_another_chat_say_nothing() {
    let mut world = chatloom();
    let id = happens(&mut world, "ann", "text/plain");
    world.run(20);
    let count = world.items().len();
    pass(
        &mut world,
        &json!({
            "Type": "MESSAGEMETADATA", "ContactId": "contact-9", "InitialContactId": "contact-9",
            "MessageMetadata": { "MessageId": id, "Receipts": [
                { "RecipientParticipantId": "bob", "ReadTimestamp": "t" },
            ] },
        }),
    );
    world.run(20);
    assert_eq!(world.items().len(), count);
    assert_eq!(roster(&world), ["ann ANN here"]);
}

#[test]
fn so_many_people_are_remembered() {
    let mut world = chatloom();
    for n in 0..100 {
        happens(&mut world, &format!("p{n:03}"), "participant.joined");
    }
    happens(&mut world, "p050", "participant.left");
    happens(&mut world, "new", "participant.joined");
    world.run(100);
    let people = roster(&world);
    assert_eq!(people.len(), 100);
    assert_eq!(people[0], "p000 P000 here");
    assert!(people.iter().all(|line| !line.starts_with("p050")));
    happens(&mut world, "newer", "participant.joined");
    world.run(100);
    assert_eq!(roster(&world)[0], "p001 P001 here");
}

#[test]
fn names_are_not_logged() {
    let mut world = World::of(SessionOptions { most_entries: 100, ..options(Behaviour::Chatloom) });
    world.input(Input::Network { online: true });
    world.publish(&ContentType::ParticipantJoined, None);
    let call = world.call(chatloom_session::Call::Connect);
    world.run(1_000);
    assert!(world.result(call).is_some());
    let text = format!("{:?}", rosters(&world));
    assert!(text.contains("agent-1") && !text.contains("Ana"), "{text}");
}
