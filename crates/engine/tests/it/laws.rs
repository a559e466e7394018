//! What holds after any commands in any order.

use chatloom_engine::{Answer, Assistant, Chat, Command, Entry, EntryKind, Phase};
use chatloom_wire::{ContentType, Item, ItemId, ItemType};
use proptest::{prelude::*, sample::select, test_runner::RngSeed};

use crate::world::{
    ANA, BEN, CUSTOMER, MINUTE, World, accept, connect, disconnect, event, receipt, rules, say,
};

/// Half of the commands are valid often, the other half seldom.
fn any_command() -> impl Strategy<Value = Command> {
    let who = select(vec![CUSTOMER, CUSTOMER, ANA, ANA, BEN, "nobody"]);
    prop_oneof![
        3 => who.clone().prop_map(connect),
        6 => (who.clone(), select(vec!["hello", "hours?", "agent", "x"]))
            .prop_map(|(who, what)| say(who, what)),
        3 => (
            who.clone(),
            select(vec![
                ContentType::Typing,
                ContentType::ConnectionAcknowledged,
                ContentType::ChatEnded,
            ]),
        )
            .prop_map(|(who, what)| event(who, what)),
        3 => (who.clone(), any::<bool>(), any::<u128>()).prop_map(|(who, read, random)| {
            let item = chatloom_engine::entry::item_id(crate::world::START, random);
            receipt(who, read, &item)
        }),
        1 => who.prop_map(disconnect),
        2 => Just(accept("ana", ANA)),
        1 => Just(accept("ben", BEN)),
        1 => Just(Command::Stop),
        2 => Just(Command::TimePassed),
    ]
}

/// Commands, each after a pause in milliseconds.
fn any_story() -> impl Strategy<Value = Vec<(i64, Command)>> {
    let pause = prop_oneof![
        8 => 0..2_000_i64,
        1 => Just(4 * MINUTE),
        1 => Just(600 * MINUTE),
    ];
    proptest::collection::vec((pause, any_command()), 0..60)
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(20_180_907),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn kind_of(item: &Item) -> Option<&ContentType> {
    item.head().content_type.as_ref()
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn a_decision_is_pure_and_says_what_it_does(story in any_story(), with_assistant: bool) {
        let mut world = World::new(rules(with_assistant.then(Assistant::default)), "");
        for (pause, command) in story {
            world.pass(pause);
            let before = world.chat.clone();
            let first = world.rules.decide(world.now, &before, &command);
            prop_assert_eq!(&first, &world.rules.decide(world.now, &before, &command));
            let Ok(decision) = first else { continue };
            if let Some(after) = &decision.chat {
                prop_assert_ne!(after, &before, "an unchanged state is not stored: {:?}", command);
                let kept: Chat =
                    serde_json::from_str(&serde_json::to_string(after).unwrap()).unwrap();
                prop_assert_eq!(after, &kept, "a state survives the store");
            }
            let there = match decision.answer {
                Answer::Entry(index) => index < decision.entries.len(),
                Answer::Transient(index) => index < decision.transient.len(),
                Answer::Done | Answer::Accepted => true,
            };
            prop_assert!(there, "{:?} of {:?}", decision.answer, command);
            world.decide(&command).unwrap();
        }
    }

    #[test]
    fn the_end_is_the_end(story in any_story(), with_assistant: bool) {
        let mut world = World::new(rules(with_assistant.then(Assistant::default)), "");
        for (pause, command) in story {
            world.pass(pause);
            let was_over = world.chat.is_over();
            let before = (world.chat.clone(), world.log.len());
            let decision = world.decide(&command);
            if was_over {
                prop_assert_eq!(&(world.chat.clone(), world.log.len()), &before);
                prop_assert!(
                    matches!(command, Command::TimePassed) == decision.is_ok(),
                    "{:?}", command
                );
            }
        }
        let ends: Vec<u64> = world
            .log
            .iter()
            .filter(|entry| entry.text.contains("event.chat.ended"))
            .map(|entry| entry.seq)
            .collect();
        let customer_came = world.log.iter().any(|entry| entry.sender.as_ref().is_some_and(|id| id.as_str() == CUSTOMER));
        if world.chat.is_over() && customer_came {
            prop_assert_eq!(ends, vec![world.log.len() as u64], "one end, and nothing after it");
        } else {
            prop_assert!(ends.len() <= usize::from(world.chat.is_over()));
        }
    }

    #[test]
    fn people_come_speak_and_go_in_that_order(story in any_story(), with_assistant: bool) {
        let mut world = World::new(rules(with_assistant.then(Assistant::default)), "");
        for (pause, command) in story {
            world.pass(pause);
            drop(world.decide(&command));
        }
        for person in [CUSTOMER, ANA, BEN] {
            let theirs: Vec<Item> = world
                .log
                .iter()
                .filter(|entry| entry.sender.as_ref().is_some_and(|id| id.as_str() == person))
                .map(|entry| Item::from_text(entry.text.clone()).unwrap())
                .collect();
            for (at, item) in theirs.iter().enumerate() {
                let joined = kind_of(item) == Some(&ContentType::ParticipantJoined);
                let left = kind_of(item) == Some(&ContentType::ParticipantLeft);
                prop_assert_eq!(joined, at == 0, "{} joins first and once", person);
                prop_assert!(!left || at + 1 == theirs.len(), "{} says nothing after leaving", person);
            }
        }
        let by_nobody = |entry: &Entry| entry.sender.as_ref().is_some_and(|id| id.as_str() == "nobody");
        prop_assert!(!world.log.iter().any(|entry| by_nobody(entry)));
    }

    #[test]
    fn deadlines_only_move_away(story in any_story(), with_assistant: bool) {
        let mut world = World::new(rules(with_assistant.then(Assistant::default)), "");
        let mut due = world.chat.next_due();
        for (pause, command) in story {
            world.pass(pause);
            drop(world.decide(&command));
            let next = world.chat.next_due();
            prop_assert_eq!(next.is_none(), world.chat.is_over());
            if let (Some(before), Some(after)) = (due, next) {
                prop_assert!(after >= before);
            }
            due = next;
        }
        let Some(due) = due else { return Ok(()) };
        world.now = due.plus_millis(-1);
        prop_assert_eq!(world.decide(&Command::TimePassed).unwrap().chat, None);
        world.now = due;
        world.decide(&Command::TimePassed).unwrap();
        let ended = matches!(world.chat.phase, Phase::Ended { at, .. } if at == due);
        prop_assert!(ended, "at {}", due);
    }

    #[test]
    fn every_text_is_a_whole_item(story in any_story(), with_assistant: bool) {
        let mut world = World::new(rules(with_assistant.then(Assistant::default)), "");
        for (pause, command) in story {
            world.pass(pause);
            drop(world.decide(&command));
        }
        let mut last: Option<(String, ItemId)> = None;
        for entry in &world.log {
            let item = Item::from_text(entry.text.clone()).unwrap();
            let head = item.head();
            prop_assert_eq!(head.id.as_ref(), Some(&entry.id));
            prop_assert_eq!(head.contact_id.as_ref(), Some(&entry.contact_id));
            prop_assert_eq!(head.initial_contact_id.as_ref(), Some(&world.chat.id));
            let is_receipt = head.item_type == Some(ItemType::MessageMetadata);
            prop_assert_eq!(is_receipt, entry.kind == EntryKind::Receipt);
            let has_sender = !is_receipt && kind_of(&item) != Some(&ContentType::ChatEnded);
            prop_assert_eq!(head.participant_id.is_some(), has_sender);
            prop_assert_eq!(head.participant_role.is_some(), has_sender);
            prop_assert_eq!(head.display_name.is_some(), has_sender);
            // Clients sort by time and id as text.
            let place = (head.absolute_time.as_deref().unwrap().to_owned(), entry.id.clone());
            prop_assert!(last.is_none_or(|last| last < place));
            last = Some(place);
        }
    }
}
