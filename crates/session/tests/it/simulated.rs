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
