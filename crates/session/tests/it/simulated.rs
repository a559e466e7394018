//! What the simulation has found (docs/simulation.md), each as small as it can be.

use chatloom_session::{
    Behaviour, Body, Call, EntryContent, Event, Input, Step, TranscriptUpdate, Value,
};

use crate::world::{Reply, SESSION, Seen, World};

/// The ids of the items in the tracked transcript.
fn shown(world: &World) -> Vec<String> {
    let mut list = Vec::new();
    let id = |content: &EntryContent| match content {
        EntryContent::Item(Body::Item(item)) => item.head().id.as_ref().map(ToString::to_string),
        _ => None,
    };
    for (_, seen) in &world.seen {
        let Seen::Event(Event::Transcript(TranscriptUpdate { steps, .. })) = seen else { continue };
        for step in steps {
            match step {
                Step::Insert { at, entry } => {
                    list.insert((*at).min(list.len()), id(&entry.content));
                }
                Step::Replace { at, entry } => list[*at] = id(&entry.content),
                Step::Remove { at } => drop(list.remove(*at)),
            }
        }
    }
    list.into_iter().flatten().collect()
}

/// Behind what stands at the front for older entries was a message on its way, which was taken for
/// the first entry: the message's own item seemed older, and was left out.
#[test]
fn an_own_message_that_comes_before_the_first_entries_is_shown() {
    let mut world = World::connected(Behaviour::Chatloom);
    for n in 0..3 {
        world.say(&format!("words {n}"));
    }
    world.run(100);
    world.service.page_size = Some(1);
    world.script("GetTranscript", &[Reply::Serve, Reply::Later(503, 1_000)]);
    world.input(Input::Track { session: SESSION });
    world.run(100);
    world.script("SendMessage", &[Reply::AnswerLost]);
    let call = world.send("words");
    world.run(30_000);
    assert!(matches!(world.result(call), Some(Ok(Value::Answered(_)))));
    let call = world.call(Call::LoadOlder { count: 10 });
    world.run(1_000);
    assert!(matches!(world.result(call), Some(Ok(Value::Loaded { .. }))));
    assert_eq!(shown(&world), world.stored());
}

/// What a lost socket had brought was taken to be followed by what the next one brought: what had been
/// said between the two never came.
#[test]
fn what_two_sockets_brought_has_a_gap_between() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.cut();
    world.say("words 0, to nobody");
    world.always("GetTranscript", Reply::Status(503));
    world.run(5_000);
    world.say("words 1, to the second socket");
    world.run(100);
    world.sockets.refuse = true;
    world.cut();
    world.say("words 2, to nobody");
    world.run(3_000);
    world.sockets.refuse = false;
    world.always("GetTranscript", Reply::Status(400));
    world.run(5_000);
    world.say("words 3, to the third socket");
    world.run(100);
    assert_eq!(world.delivered(), ["item-00001", "item-00003"]);
    let story = world.story();
    let gaps: Vec<_> = story.iter().filter(|what| **what == "gap").collect();
    assert_eq!(gaps.len(), 2, "{story:?}");

    // Both are filled after the next recovery.
    world.service.always.clear();
    world.cut();
    world.run(60_000);
    let mut delivered = world.delivered();
    delivered.sort();
    assert_eq!(delivered, world.stored());
    let closed = |(_, seen): &&(u64, Seen)| matches!(seen, Seen::Event(Event::GapClosed { .. }));
    assert_eq!(world.seen.iter().filter(closed).count(), 2);
}

/// A message that was stored long ago, its answer lost, was taken for the first entry when it was
/// answered at last: what had been said since it was stored was never read.
#[test]
fn a_message_that_is_answered_late_is_not_the_first_entry() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.say("words 0");
    world.always("SendMessage", Reply::AnswerLost);
    let call = world.send("words 1");
    world.run(300);
    world.say("words 2");
    world.run(100);
    world.always("GetTranscript", Reply::Status(503));
    world.input(Input::Track { session: SESSION });
    world.run(120_000);
    world.always("SendMessage", Reply::Serve);
    world.run(120_000);
    assert!(matches!(world.result(call), Some(Ok(Value::Answered(_)))));
    world.service.always.clear();
    let call = world.call(Call::LoadOlder { count: 10 });
    world.run(5_000);
    assert!(matches!(world.result(call), Some(Ok(Value::Loaded { .. }))));
    assert_eq!(shown(&world), world.stored());
}

/// A chat with one item before a gap of one and one behind it, two that came while there was no
/// connection, and a reading for the gap that has found the last of them.
fn read_behind_a_gap() -> World {
    let mut world = World::connected(Behaviour::Chatloom);
    world.say("before");
    world.run(15_000);
    world.always("GetTranscript", Reply::Status(500));
    world.cut();
    world.say("missed");
    world.run(1_000);
    world.say("waits");
    world.run(20_500);
    assert_eq!(world.delivered(), ["item-00000", "item-00002"]);
    world.always("CreateParticipantConnection", Reply::Lost);
    world.cut();
    world.say("missed without a connection");
    world.say("and this too");
    world.service.page_size = Some(1);
    world.script("GetTranscript", &[Reply::Serve]);
    world
}

/// What was read for a gap went on behind it, and was given up halfway: an item came before the one
/// in front of it, which nobody told of.
#[test]
fn what_is_read_behind_a_gap_is_given_when_it_is_whole() {
    let mut world = read_behind_a_gap();
    world.always("GetTranscript", Reply::Status(400));
    world.run(60_000);
    assert_eq!(world.delivered(), ["item-00000", "item-00002"]);
    world.service.always.clear();
    world.run(60_000);
    assert_eq!(world.delivered(), [0, 2, 3, 4, 1].map(|n| format!("item-0000{n}")));
    assert_eq!(world.story().last(), Some(&"gap closed"));
}

/// The same where the chat ends meanwhile: what was found is given behind a gap of its own.
#[test]
fn what_was_read_behind_a_gap_is_given_behind_another_when_the_chat_ends() {
    let mut world = read_behind_a_gap();
    world.run(60_000);
    assert_eq!(world.story().last(), Some(&"lost"));
    world.always("CreateParticipantConnection", Reply::Status(403));
    world.run(60_000);
    assert_eq!(world.story()[world.story().len() - 2..], ["gap", "ended"]);
    assert_eq!(world.delivered(), ["item-00000", "item-00002", "item-00004"]);
}
