//! States that earlier releases stored.

use std::{fs, path::Path};

use chatloom_engine::{Chat, Phase};
use chatloom_wire::ContentType;
use serde_json::Value;

use crate::world::World;

/// Each release leaves its states here as it stored them, and every later one reads them: a state is
/// read after an upgrade as if nothing had happened.
#[test]
fn the_states_of_every_release_can_be_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/states");
    let mut count = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let chat: Chat = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        assert_eq!(chat.next_due().is_none(), matches!(chat.phase, Phase::Ended { .. }));
        let again = serde_json::to_string(&chat).unwrap();
        assert_eq!(serde_json::from_str::<Chat>(&again).unwrap(), chat, "{path:?}");
        if path.file_name().unwrap().to_str().unwrap().starts_with("0.1-") {
            // Nothing that was written then is lost, and what came later is not written in vain.
            let stored: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), stored, "{path:?}");
        }
        count += 1;
    }
    assert!(count >= 6, "{count} states");
}

/// What others can make large is in the estimate, whichever part of a chat it is.
#[test]
fn the_memory_of_a_chat_is_not_underestimated() {
    let mut world = World::with_ana(
        r#""References":{"a":{"Type":"STRING","Value":"b"}},"Attributes":{"plan":"gold"}"#,
    );
    let small = world.chat.bytes();
    assert!((1_000..6_000).contains(&small), "{small}");
    let chat = &mut world.chat;
    let long = "x".repeat(10_000);
    chat.attributes.push(("name".to_owned(), long.clone()));
    chat.initial_message = Some((ContentType::TextPlain, long.clone()));
    chat.record.description = Some(long.clone());
    chat.participants[2].name = long;
    assert!((small + 40_000..small + 41_000).contains(&chat.bytes()), "{}", chat.bytes());
    let person = chat.participants[2].clone();
    chat.participants.resize(103, person);
    assert!(chat.bytes() > small + 40_000 + 1_000_000, "each counts");
}
