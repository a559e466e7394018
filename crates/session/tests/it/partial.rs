//! Streamed bot messages (docs/protocol/websocket.md S129 to S137).

use chatloom_session::{
    Behaviour, Body, Call, Entry, EntryContent, EntryKey, Event, Input, ItemKind, Step,
};
use chatloom_wire::{Timestamp, frame::ServerFrame};
use serde_json::{Value as Json, json};

use crate::world::{SESSION, Seen, Subscribe, World};

const BOTH: [Behaviour; 2] = [Behaviour::Compat, Behaviour::Chatloom];

/// A world for each behaviour, whose host parses items or leaves it to the core.
fn worlds() -> impl Iterator<Item = World> {
    BOTH.into_iter().flat_map(|behaviour| {
        [false, true].map(|parses| {
            let mut world = World::connected(behaviour);
            world.parses = parses;
            world
        })
    })
}

/// A time after all that the service has stored.
fn time(number: u32) -> String {
    Timestamp::parse("2027-01-01T00:00:00Z").unwrap().plus_millis(number.into()).to_string()
}

fn chunk(role: &str, number: u32, completed: bool, content: &str) -> Json {
    json!({
        "Id": "bot",
        "AbsoluteTime": time(number),
        "Type": "MESSAGE",
        "ContentType": "text/plain",
        "ContactId": "contact-1",
        "ParticipantRole": role,
        "Content": content,
        "Extra": number,
        "MessageMetadata":
            { "MessageId": "bot", "ChunkNumber": number, "MessageCompleted": completed },
    })
}

/// Lets chunks arrive, number and content; number 0 is the completed item.
fn arrive(world: &mut World, chunks: &[(u32, &str)]) {
    for (number, content) in chunks {
        let item = match number {
            0 => chunk("SYSTEM", 9, true, content),
            number => chunk("SYSTEM", *number, false, content),
        };
        world.publish_transient(&item.to_string());
    }
    world.run(20);
}

/// The contents the application was given.
fn shown(world: &World) -> Vec<String> {
    let text = |text: &&str| {
        let item: Json = serde_json::from_str(text).unwrap();
        item["Content"].as_str().unwrap().to_owned()
    };
    world.texts().iter().map(text).collect()
}

/// An item of the stream without streaming members comes into the transcript.
fn store(world: &mut World, content: &str) {
    let mut item = chunk("SYSTEM", 5, false, content);
    item.as_object_mut().unwrap().remove("MessageMetadata");
    let at = Timestamp::parse(&time(5)).unwrap();
    world.service.items.push((at, "bot".to_owned(), item.to_string()));
}

#[test]
fn s129_s131_s133_chunks_in_order_are_joined() {
    for mut world in worlds() {
        arrive(&mut world, &[(1, "a "), (2, "\"b\" "), (3, "é")]);
        assert_eq!(shown(&world), ["a ", "a \"b\" ", "a \"b\" é"]);
        let last: Json = serde_json::from_str(world.texts()[2]).unwrap();
        // The latest item in everything but its content and its time.
        let mut expected = chunk("SYSTEM", 3, false, "a \"b\" é");
        expected["AbsoluteTime"] = time(1).into();
        assert_eq!(last, expected);
        assert!(
            world.items().iter().all(|(kind, id)| (*kind, &**id) == (ItemKind::Message, "bot"))
        );
        assert!(world.with_core.is_empty());
    }
}

#[test]
fn s132_s133_the_completed_item_replaces_all_and_keeps_its_time() {
    for mut world in worlds() {
        arrive(&mut world, &[(1, "a "), (0, "all of it"), (0, "again"), (2, "late")]);
        assert_eq!(shown(&world), ["a ", "all of it"]);
        assert_eq!(world.texts()[1], chunk("SYSTEM", 9, true, "all of it").to_string());
    }
}

#[test]
fn s130_a_completed_item_may_be_the_first() {
    for mut world in worlds() {
        arrive(&mut world, &[(0, "at once")]);
        assert_eq!(shown(&world), ["at once"]);
    }
}

#[test]
fn s130_s131_s134_mended_d11_chunks_out_of_order_are_held_and_joined() {
    for mut world in worlds() {
        arrive(&mut world, &[(3, "c"), (1, "a"), (3, "c"), (1, "a"), (2, "b"), (4, "d")]);
        assert_eq!(shown(&world), ["a", "abc", "abcd"]);
        arrive(&mut world, &[(0, "abcd.")]);
        assert_eq!(shown(&world).last().map(String::as_str), Some("abcd."));
    }
}

#[test]
fn s134_an_ignored_chunk_says_nothing() {
    for mut world in worlds() {
        world.forget_seen();
        arrive(&mut world, &[(2, "b"), (2, "b"), (7, "g")]);
        let events = world.seen.iter().filter(|(_, seen)| matches!(seen, Seen::Event(_)));
        assert_eq!(events.count(), 0);
        let without_number = r#"{"Id":"bot","Type":"MESSAGE","ContactId":"contact-1","ParticipantRole":"SYSTEM","Content":"x","MessageMetadata":{"MessageCompleted":false}}"#;
        world.publish_transient(without_number);
        world.run(20);
        assert!(shown(&world).is_empty());
    }
}

/// The tracked list, as keys and contents.
fn list(world: &World) -> Vec<(EntryKey, String)> {
    let mut list = Vec::new();
    for (_, seen) in &world.seen {
        let Seen::Event(Event::Transcript(update)) = seen else { continue };
        for step in &update.steps {
            let line = |entry: &Entry| {
                let EntryContent::Item(Body::Item(item)) = &entry.content else {
                    panic!("{entry:?}")
                };
                (entry.key, item.content().unwrap().into_owned())
            };
            match step {
                Step::Insert { at, entry } => list.insert(*at, line(entry)),
                Step::Replace { at, entry } => list[*at] = line(entry),
                Step::Remove { at } => {
                    list.remove(*at);
                }
            }
        }
    }
    list
}

#[test]
fn s134_a_streamed_message_grows_in_the_list_and_an_ignored_chunk_does_not_touch_it() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.input(Input::Track { session: SESSION });
        arrive(&mut world, &[(1, "a")]);
        let key = list(&world)[0].0;
        let updates = |world: &World| {
            let seen = world.seen.iter();
            seen.filter(|(_, seen)| matches!(seen, Seen::Event(Event::Transcript(_)))).count()
        };
        let count = updates(&world);
        arrive(&mut world, &[(1, "a"), (3, "c")]);
        assert_eq!(updates(&world), count);
        arrive(&mut world, &[(2, "b")]);
        assert_eq!(list(&world), [(key, "abc".to_owned())]);
        arrive(&mut world, &[(0, "abc.")]);
        assert_eq!(list(&world), [(key, "abc.".to_owned())]);
    }
}

#[test]
fn s135_mended_d11_a_transcript_item_without_metadata_costs_no_text() {
    for mut world in worlds() {
        arrive(&mut world, &[(1, "a"), (2, "b")]);
        store(&mut world, "a");
        world.call(Call::GetTranscript(Box::default()));
        world.run(100);
        arrive(&mut world, &[(3, "c"), (0, "abc.")]);
        assert_eq!(shown(&world), ["a", "ab", "abc", "abc."]);
    }
}

#[test]
fn d11_chatloom_a_stream_that_went_on_during_an_outage_comes_out_whole() {
    // The transcript has a beginning, or everything; the completed item may still come.
    for (stored, completed, expected) in [
        ("abc", true, &["a", "abc", "abcd."][..]),
        ("abcd.", true, &["a", "abcd."]),
        ("abcd.", false, &["a", "abcd."]),
    ] {
        let mut world = World::connected(Behaviour::Chatloom);
        arrive(&mut world, &[(1, "a")]);
        world.run(15_000);
        world.cut();
        world.run(1);
        store(&mut world, stored);
        world.run(10_000);
        arrive(&mut world, &[(3, "c")]);
        if completed {
            arrive(&mut world, &[(0, "abcd.")]);
        }
        assert_eq!(shown(&world), expected, "{stored}");
        assert_eq!(world.story().last(), Some(&"caught up"));
    }
}

#[test]
fn d11_chatloom_a_page_that_lags_behind_takes_nothing_back() {
    let mut world = World::connected(Behaviour::Chatloom);
    arrive(&mut world, &[(1, "a"), (2, "b"), (3, "c")]);
    world.run(15_000);
    world.cut();
    world.run(1);
    store(&mut world, "a");
    world.run(10_000);
    arrive(&mut world, &[(4, "d")]);
    arrive(&mut world, &[(0, "abcd.")]);
    assert_eq!(shown(&world), ["a", "ab", "abc", "abcd", "abcd."]);
}

#[test]
fn d11_chunks_of_both_sockets_of_a_hand_over_are_shown_once() {
    for mut world in worlds() {
        arrive(&mut world, &[(1, "a")]);
        world.run(58 * 60_000);
        world.sockets.subscribe = Subscribe::Silent;
        world.run_until(120_000, |world| world.open_sockets().len() == 2);
        // The new socket is the faster one.
        for socket in world.open_sockets().into_iter().rev() {
            for (number, completed, content) in [(2, false, "b"), (3, false, "c"), (9, true, "abc")]
            {
                let content = chunk("SYSTEM", number, completed, content).to_string().into();
                world.push_to(socket, ServerFrame::Chat { content }.to_text());
                world.run(10);
            }
        }
        world.confirm(world.socket());
        world.run(10_000);
        assert_eq!(shown(&world), ["a", "ab", "abc", "abc"]);
    }
}

#[test]
fn s136_partials_of_other_roles_pass_unstitched() {
    for mut world in worlds() {
        let items: Vec<String> = ["CUSTOM_BOT", "AGENT"]
            .into_iter()
            .flat_map(|role| [2, 1].map(|number| chunk(role, number, false, "x").to_string()))
            .collect();
        for item in &items {
            world.publish_transient(item);
        }
        world.run(20);
        assert_eq!(world.texts(), items);
    }
}

#[test]
fn s137_chunks_are_kept_until_the_session_goes() {
    for mut world in worlds() {
        arrive(&mut world, &[(1, "a"), (3, "c")]);
        world.run(15_000);
        world.cut();
        world.run(10_000);
        arrive(&mut world, &[(2, "b")]);
        assert_eq!(shown(&world), ["a", "abc"]);
    }
}

#[test]
fn s128_an_item_that_is_no_partial_is_given_as_it_came() {
    for mut world in worlds() {
        let mut item = chunk("SYSTEM", 1, false, "x");
        item["MessageMetadata"]["MessageCompleted"] = Json::Null;
        let text = format!(" {item}\n");
        world.publish_transient(&text);
        world.run(20);
        assert_eq!(world.texts(), [text]);
    }
}
