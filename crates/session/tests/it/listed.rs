//! What an application shows that applies the steps of a tracked transcript.

use chatloom_session::{
    Behaviour, Body, Call, Entry, EntryContent, Event, Input, MessageState, SessionOptions, Step,
};

use crate::world::{SESSION, Seen, World, options};

/// A session that is tracked from the beginning, connected and caught up.
pub(crate) fn tracked(behaviour: Behaviour) -> World {
    tracked_with(options(behaviour))
}

pub(crate) fn tracked_with(options: SessionOptions) -> World {
    let mut world = World::of(options);
    world.input(Input::Track { session: SESSION });
    world.call(Call::Connect);
    world.run(100);
    world
}

/// The list after every update so far. That the steps fit the list is checked on the way.
pub(crate) fn entries(world: &World) -> Vec<Entry> {
    let mut shown: Vec<Entry> = Vec::new();
    for (_, seen) in &world.seen {
        let Seen::Event(Event::Transcript(update)) = seen else { continue };
        for step in update.steps.clone() {
            match step {
                Step::Insert { at, entry } => shown.insert(at, entry),
                Step::Replace { at, entry } => {
                    // An entry keeps its key unless it turns out to be a message's.
                    shown[at] = entry;
                }
                Step::Remove { at } => drop(shown.remove(at)),
            }
        }
        let mut keys: Vec<_> = shown.iter().map(|entry| entry.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), shown.len(), "each entry has a key of its own");
    }
    shown
}

fn label(entry: &Entry) -> String {
    let name = match &entry.content {
        EntryContent::Item(Body::Item(item)) => item.head().id.as_ref().unwrap().to_string(),
        EntryContent::Item(Body::Held(_)) => entry.id.as_ref().unwrap().to_string(),
        EntryContent::Outgoing(message) => message.content.clone().unwrap(),
        EntryContent::Gap(_) => "gap".to_owned(),
    };
    match &entry.state {
        Some(state) => format!("{name} {}", state_name(state)),
        None => name,
    }
}

pub(crate) fn state_name(state: &MessageState) -> &'static str {
    match state {
        MessageState::Queued => "queued",
        MessageState::Sending => "sending",
        MessageState::Sent => "sent",
        MessageState::Delivered => "delivered",
        MessageState::Read => "read",
        MessageState::Failed(_) => "failed",
    }
}

/// The list in words: an id, the content of a message without an item, or `gap`; and the state.
pub(crate) fn shown(world: &World) -> Vec<String> {
    entries(world).iter().map(label).collect()
}

/// How often the transcript was told.
pub(crate) fn updates(world: &World) -> usize {
    let is_update = |seen: &Seen| matches!(seen, Seen::Event(Event::Transcript(_)));
    world.seen.iter().filter(|(_, seen)| is_update(seen)).count()
}

/// The token that came with the last update.
pub(crate) fn previous_token(world: &World) -> Option<String> {
    world.seen.iter().rev().find_map(|(_, seen)| match seen {
        Seen::Event(Event::Transcript(update)) => Some(update.previous_next_token.clone()),
        _ => None,
    })?
}

/// What was said of own messages, in order.
pub(crate) fn told(world: &World) -> Vec<&'static str> {
    world
        .seen
        .iter()
        .filter_map(|(_, seen)| match seen {
            Seen::Event(Event::Message { state, .. }) => Some(state_name(state)),
            _ => None,
        })
        .collect()
}
