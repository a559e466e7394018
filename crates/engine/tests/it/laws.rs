//! What holds after any commands in any order.

use chatloom_engine::{
    Answer, Assistant, Chat, Command, Entry, EntryKind, Phase, Transfer, TransferTo,
};
use chatloom_wire::{
    ContentType, Item, ItemId, ItemType, Timestamp,
    contact::{TimerRole, TimerType},
};
use proptest::{prelude::*, sample::select, test_runner::RngSeed};

use crate::world::{
    ANA, BEN, CHAT, CUSTOMER, MINUTE, World, accept, connect, disconnect, event, receipt, rules,
    say, time_passed, timers, transfer,
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
        3 => Just(time_passed()),
        2 => any_timers(),
        3 => any_transfer(),
    ]
}

fn any_transfer() -> impl Strategy<Value = Command> {
    let by = select(vec!["ana", "ana", "ben", "nobody"]);
    let to = select(vec![
        TransferTo::Queue("default".to_owned()),
        TransferTo::User("ana".to_owned()),
        TransferTo::User("ben".to_owned()),
    ]);
    (by, to, proptest::bool::weighted(0.2)).prop_map(|(by, to, is_impossible)| {
        let Command::Transfer(transfer) = transfer(by, CHAT, to, "next") else { unreachable!() };
        Command::Transfer(Transfer { is_impossible, ..transfer })
    })
}

fn any_timers() -> impl Strategy<Value = Command> {
    let role = select(vec![TimerRole::Customer, TimerRole::Agent]);
    let kind = select(vec![TimerType::Idle, TimerType::DisconnectNoncustomer]);
    let minutes = select(vec![None, Some(2), Some(3), Some(480)]);
    (role, kind, minutes).prop_map(|timer| timers(&[timer]))
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

/// Runs a command and compares what timers say with what the log knows. `idle` is who is idle.
fn check_timers(
    world: &mut World,
    command: &Command,
    idle: &mut Vec<String>,
) -> Result<(), TestCaseError> {
    let was_over = world.chat.is_over();
    let log = world.log.clone();
    let silence = |now: Timestamp, who: &str| {
        let theirs = |entry: &&std::sync::Arc<Entry>| {
            entry.sender.as_ref().is_some_and(|sender| sender.as_str() == who)
                && entry.kind == EntryKind::Item
        };
        now.as_millis() - log.iter().rfind(theirs).unwrap().time.as_millis()
    };
    let before = world.chat.clone();
    let Ok(decision) = world.decide(command) else { return Ok(()) };
    let present = |chat: &Chat, who: &str| chat.present().any(|one| one.id.as_str() == who);
    idle.retain(|who| {
        present(&before, who)
            && before.agent_of_user("ana").or(before.agent_of_user("ben")).is_some()
    });
    for draft in &decision.transient {
        let chatloom_engine::DraftBody::Item { content_type, .. } = &draft.body else { continue };
        let who = draft.sender.as_ref().unwrap().id.as_str().to_owned();
        match content_type {
            ContentType::ParticipantIdle => {
                prop_assert!(!was_over && present(&before, &who));
                prop_assert!(!idle.contains(&who), "idle once");
                let silence = silence(world.now, &who);
                prop_assert!(silence >= 2 * MINUTE, "{} ms of silence", silence);
                idle.push(who);
            }
            ContentType::ParticipantReturned => {
                prop_assert!(idle.contains(&who), "only the idle return");
                let said = matches!(command, Command::SendMessage { .. });
                prop_assert!(said, "by saying something");
                idle.retain(|one| *one != who);
            }
            ContentType::ParticipantAutoDisconnection => {
                prop_assert!(!was_over && world.chat.is_over());
                let silence = silence(world.now, &who);
                prop_assert!(silence >= 2 * MINUTE, "{} ms of silence", silence);
                let agents = world.chat.present().filter(|one| one.id.as_str() != CUSTOMER);
                prop_assert_eq!(agents.count(), 0);
            }
            _ => {}
        }
    }
    prop_assert!(!was_over || decision.transient.is_empty(), "nothing after the end");
    Ok(())
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn a_decision_is_pure_and_says_what_it_does(story in any_story(), with_assistant: bool) {
        let mut world = World::new(rules(with_assistant.then(Assistant::default)), "");
        for (pause, command) in story {
            world.pass(pause);
            let before = world.chat.clone();
            let command = world.informed(&command);
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
                    matches!(command, Command::TimePassed { .. }) == decision.is_ok(),
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
    fn a_chat_ends_at_its_last_moment_at_the_latest(story in any_story(), with_assistant: bool) {
        let mut world = World::new(rules(with_assistant.then(Assistant::default)), "");
        let mut end = world.chat.next_due();
        for (pause, command) in story {
            world.pass(pause);
            drop(world.decide(&command));
            let due = world.chat.next_due();
            prop_assert_eq!(due.is_none(), world.chat.is_over());
            prop_assert!(due.is_none_or(|due| due <= world.chat.ends_at));
            let by = match world.chat.phase {
                Phase::Started { connect_by } => Some(connect_by),
                Phase::Ended { .. } => None,
                _ => Some(world.chat.ends_at),
            };
            if let (Some(before), Some(after)) = (end, by) {
                prop_assert!(after >= before);
            }
            end = by;
        }
        let Some(mut due) = world.chat.next_due() else { return Ok(()) };
        // Whatever time does before, it ends then.
        for _ in 0..100 {
            world.now = due.plus_millis(-1);
            prop_assert_eq!(world.decide(&time_passed()).unwrap().chat, None);
            world.now = due;
            let decision = world.decide(&time_passed()).unwrap();
            prop_assert!(decision.chat.is_some(), "something was due at {}", due);
            let Some(next) = world.chat.next_due() else { break };
            prop_assert!(next > due, "{} and then {}", due, next);
            due = next;
        }
        let ended = matches!(world.chat.phase, Phase::Ended { at, .. } if at == due);
        prop_assert!(ended, "at {}", due);
        prop_assert!(end.is_some_and(|end| due <= end));
    }

    #[test]
    fn timers_tell_the_truth_and_only_once(story in any_story(), with_assistant: bool) {
        let mut world = World::new(rules(with_assistant.then(Assistant::default)), "");
        let mut idle: Vec<String> = Vec::new();
        for (pause, command) in story {
            // As often as a server looks.
            let until = world.now.plus_millis(pause);
            loop {
                let due = world.chat.next_due().filter(|due| *due <= until);
                world.now = due.map_or(until, |due| due.max(world.now));
                if due.is_none() {
                    break;
                }
                check_timers(&mut world, &time_passed(), &mut idle)?;
            }
            check_timers(&mut world, &command, &mut idle)?;
        }
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
