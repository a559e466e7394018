//! What each command does, case by case.

use chatloom_engine::{
    Answer, Assistant, Command, EndReason, Phase, Presence, Reply, entry::item_id, limits,
};
use chatloom_wire::{ContactId, ContentType, ItemId, Timestamp};

use crate::world::{
    ANA, ASSISTANT, BEN, CUSTOMER, MINUTE, START, SYSTEM, World, accept, connect, disconnect,
    event, receipt, rules, say, say_as, start_chat, start_request, time_passed,
};

/// What was stored and published, or the error.
type Outcome<'a> = Result<&'a [&'a str], &'a str>;
const NOTHING: Outcome<'static> = Ok(&[]);
const DENIED: Outcome<'static> = Err("AccessDeniedException");

/// Runs commands one after the other and compares what became of each.
#[track_caller]
fn play(world: &mut World, steps: &[(Command, Outcome<'_>)]) {
    for (at, (command, expected)) in steps.iter().enumerate() {
        let outcome = world.run(command);
        let expected = expected
            .map(|lines| lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>())
            .map_err(str::to_owned);
        assert_eq!(outcome, expected, "step {at}: {command:?}");
    }
}

fn an_item() -> ItemId {
    item_id(START, 7)
}

fn stops(reason: EndReason) -> impl Fn(&Phase) -> bool {
    move |phase| matches!(phase, Phase::Ended { reason: why, .. } if *why == reason)
}

#[test]
fn the_customer_brings_the_conversation_to_life() {
    let mut world = World::new(
        rules(None),
        r#""InitialMessage":{"ContentType":"text/plain","Content":"My lamp is broken"}"#,
    );
    play(
        &mut world,
        &[
            (say(CUSTOMER, "too early"), DENIED),
            (event(CUSTOMER, ContentType::Typing), DENIED),
            (
                connect(CUSTOMER),
                Ok(&["CUSTOMER participant.joined", "CUSTOMER: My lamp is broken"]),
            ),
            (connect(CUSTOMER), NOTHING),
            (say(CUSTOMER, "anybody?"), Ok(&["CUSTOMER: anybody?"])),
        ],
    );
    assert_eq!(world.chat.waiting(), Some(("default", START)));
    assert_eq!(world.chat.current_contact().queued, Some(("default".into(), START)));
    assert_eq!(world.chat.initial_message, None);
}

#[test]
fn the_former_acknowledgement_connects_too() {
    let mut world = World::new(rules(None), "");
    let acknowledge = event(CUSTOMER, ContentType::ConnectionAcknowledged);
    let decision = world.decide(&acknowledge).unwrap();
    assert_eq!((decision.entries.len(), decision.answer), (1, Answer::Entry(0)));
    assert_eq!(world.answer(&acknowledge), Answer::Accepted);
}

#[test]
fn the_assistant_greets_answers_and_hands_over() {
    let script = Assistant::default();
    let Reply::Text(hours) = script.reply("hours?") else { panic!("hours are in the script") };
    let mut world = World::new(rules(Some(script.clone())), "");
    let greeting = format!("SYSTEM: {}", script.greeting);
    let hours = format!("SYSTEM: {hours}");
    let handover = format!("SYSTEM: {}", script.handover.text);
    play(
        &mut world,
        &[
            (connect(CUSTOMER), Ok(&["CUSTOMER participant.joined", &greeting])),
            (accept("ana", ANA), Err("ResourceNotFoundException")),
            (say(CUSTOMER, "hours?"), Ok(&["CUSTOMER: hours?", &hours])),
        ],
    );
    assert_eq!(world.chat.phase, Phase::Assistant);
    world.pass(5_000);
    play(&mut world, &[(say(CUSTOMER, "An AGENT!"), Ok(&["CUSTOMER: An AGENT!", &handover]))]);
    assert_eq!(world.chat.waiting(), Some(("default", START.plus_millis(5_000))));
    assert_eq!(world.chat.assistant().unwrap().presence, Presence::Left);
    play(&mut world, &[(say(CUSTOMER, "agent"), Ok(&["CUSTOMER: agent"]))]);
}

#[test]
fn flows_and_the_assistant_speak_for_themselves() {
    let script = Assistant { name: "Robo".into(), ..Assistant::default() };
    let mut world = World::new(rules(Some(script)), "");
    let greeting = world.decide(&connect(CUSTOMER)).unwrap().entries[1].sender.clone().unwrap();
    assert_eq!((greeting.id.as_str(), greeting.name.as_str()), (ASSISTANT, "Robo"));
    let decision = world.decide(&say(CUSTOMER, "agent")).unwrap();
    let handover = decision.entries[1].sender.clone().unwrap();
    assert_eq!((handover.id.as_str(), handover.name.as_str()), (SYSTEM, "SYSTEM_MESSAGE"));
    assert_eq!(decision.answer, Answer::Entry(0), "the customer is told of the own message");
}

#[test]
fn a_server_that_lost_its_assistant_queues_at_the_next_message() {
    let mut world = World::new(rules(Some(Assistant::default())), "");
    world.run(&connect(CUSTOMER)).unwrap();
    world.rules = rules(None);
    play(&mut world, &[(say(CUSTOMER, "hello?"), Ok(&["CUSTOMER: hello?"]))]);
    assert!(world.chat.waiting().is_some());
}

#[test]
fn a_customer_without_a_name_is_called_customer() {
    let mut request = start_request("");
    request.participant_details.display_name = " ".into();
    let chat = rules(None).start(START, start_chat(request)).unwrap();
    assert_eq!(chat.customer().name, "CUSTOMER");
}

#[test]
fn one_agent_accepts_and_everybody_sees_it() {
    let mut world = World::new(rules(None), "");
    play(
        &mut world,
        &[
            (accept("ana", ANA), Err("ResourceNotFoundException")),
            (connect(CUSTOMER), Ok(&["CUSTOMER participant.joined"])),
            (say(ANA, "not yet"), DENIED),
        ],
    );
    world.pass(MINUTE);
    play(
        &mut world,
        &[
            (accept("ana", ANA), Ok(&["AGENT participant.joined"])),
            (accept("ben", BEN), Err("ConflictException")),
            // Ana did not hear the answer and asks again.
            (accept("ana", BEN), NOTHING),
            (connect(ANA), NOTHING),
            (say(ANA, "Hello, Cleo"), Ok(&["AGENT: Hello, Cleo"])),
            (say(CUSTOMER, "Hello, Ana"), Ok(&["CUSTOMER: Hello, Ana"])),
        ],
    );
    assert_eq!(world.chat.phase, Phase::WithAgent);
    let accepted_at = START.plus_millis(MINUTE);
    assert_eq!(world.chat.current_contact().agent, Some(("ana".into(), accepted_at)));
    let agent = world.chat.agent_of_user("ana").unwrap();
    assert_eq!((agent.id.as_str(), agent.name.as_str()), (ANA, "ANA"));
    assert!(agent.sees_agents() && !world.chat.customer().sees_agents());
}

#[test]
fn only_supported_content_types_are_taken() {
    use ContentType::{InteractiveResponse, Json, TextMarkdown, TextPlain};
    let with_markdown =
        r#""SupportedMessagingContentTypes":["text/plain","text/markdown","application/json"]"#;
    for (members, content_type, taken) in [
        ("", TextPlain, true),
        ("", TextMarkdown, false),
        ("", Json, false),
        (with_markdown, TextPlain, true),
        (with_markdown, TextMarkdown, true),
        (with_markdown, Json, true),
        (with_markdown, InteractiveResponse, false),
    ] {
        let mut world = World::with_ana(members);
        let outcome = world.run(&say_as(CUSTOMER, content_type.clone(), "x"));
        let expected =
            if taken { Ok(vec!["CUSTOMER: x".into()]) } else { Err("ValidationException".into()) };
        assert_eq!(outcome, expected, "{content_type} with {members:?}");
    }
}

#[test]
fn the_first_message_is_of_a_supported_type_too() {
    let request =
        start_request(r#""InitialMessage":{"ContentType":"text/markdown","Content":"**now**"}"#);
    let refusal = rules(None).start(START, start_chat(request)).unwrap_err();
    assert_eq!(refusal.0.kind.name(), "InvalidRequestException");
}

#[test]
fn typing_is_published_and_not_stored() {
    let mut world = World::with_ana("");
    let typing = event(ANA, ContentType::Typing);
    play(&mut world, &[(typing.clone(), Ok(&["(AGENT typing)"]))]);
    assert_eq!(world.answer(&typing), Answer::Transient(0));
}

#[test]
fn receipts_are_between_two_people() {
    let mut world = World::new(rules(None), "");
    let item = an_item();
    play(
        &mut world,
        &[
            (connect(CUSTOMER), Ok(&["CUSTOMER participant.joined"])),
            (receipt(CUSTOMER, true, &item), NOTHING),
            (accept("ana", ANA), Ok(&["AGENT participant.joined"])),
            (receipt(CUSTOMER, false, &item), Ok(&["CUSTOMER delivered"])),
            (receipt(ANA, true, &item), Ok(&["AGENT read"])),
            (receipt(ANA, true, &"no item of ours".into()), NOTHING),
            (receipt("somebody", true, &item), DENIED),
        ],
    );
    assert_eq!(world.answer(&receipt(CUSTOMER, true, &item)), Answer::Entry(0));

    let mut conference = world.chat.clone();
    let mut third = conference.agent_of_user("ana").unwrap().clone();
    (third.id, third.user) = (BEN.into(), Some("ben".into()));
    conference.participants.push(third);
    world.chat = conference;
    assert_eq!(world.answer(&receipt(CUSTOMER, true, &item)), Answer::Accepted);
    play(
        &mut world,
        &[
            (receipt(CUSTOMER, true, &item), NOTHING),
            (disconnect(BEN), Ok(&["AGENT participant.left"])),
            // Two again.
            (receipt(CUSTOMER, true, &item), Ok(&["CUSTOMER read"])),
        ],
    );
}

#[test]
fn what_is_no_event_of_participants_is_refused() {
    let mut world = World::with_ana("");
    for content_type in [ContentType::ChatEnded, ContentType::Other("x/y".into())] {
        play(&mut world, &[(event(CUSTOMER, content_type), Err("ValidationException"))]);
    }
    play(&mut world, &[(event(CUSTOMER, ContentType::MessageRead), Err("ValidationException"))]);
}

#[test]
fn the_customer_ends_it_for_all() {
    let mut world = World::with_ana("");
    play(
        &mut world,
        &[
            (disconnect(CUSTOMER), Ok(&["CUSTOMER participant.left", "chat.ended"])),
            (say(CUSTOMER, "x"), DENIED),
            (say(ANA, "x"), DENIED),
            (event(ANA, ContentType::Typing), DENIED),
            (receipt(ANA, true, &an_item()), DENIED),
            (connect(CUSTOMER), DENIED),
            (disconnect(CUSTOMER), DENIED),
            (disconnect(ANA), DENIED),
            (accept("ben", BEN), Err("ResourceNotFoundException")),
            (accept("ana", ANA), Err("ResourceNotFoundException")),
            (Command::Stop, Err("ContactNotFoundException")),
            (time_passed(), NOTHING),
        ],
    );
    assert!(stops(EndReason::Customer)(&world.chat.phase));
    assert_eq!(EndReason::Customer.as_str(), "CUSTOMER_DISCONNECT");
}

#[test]
fn a_customer_who_never_came_leaves_without_a_word() {
    let mut world = World::new(rules(None), "");
    play(&mut world, &[(disconnect(CUSTOMER), Ok(&["chat.ended"]))]);
    assert!(stops(EndReason::Customer)(&world.chat.phase));
}

#[test]
fn the_last_agent_ends_it_and_another_does_not() {
    let mut world = World::with_ana("");
    let mut second = world.chat.agent_of_user("ana").unwrap().clone();
    (second.id, second.user) = (BEN.into(), Some("ben".into()));
    world.chat.participants.push(second);
    play(
        &mut world,
        &[
            (disconnect(ANA), Ok(&["AGENT participant.left"])),
            (say(ANA, "x"), DENIED),
            (disconnect(ANA), DENIED),
            (say(BEN, "I am here"), Ok(&["AGENT: I am here"])),
            (disconnect(BEN), Ok(&["AGENT participant.left", "chat.ended"])),
            (say(CUSTOMER, "x"), DENIED),
        ],
    );
    assert!(stops(EndReason::Agent)(&world.chat.phase));
    assert_eq!(EndReason::Agent.as_str(), "AGENT_DISCONNECT");
}

#[test]
fn the_control_plane_ends_it_at_any_stage() {
    let begun: [&[Command]; 3] =
        [&[], &[connect(CUSTOMER)], &[connect(CUSTOMER), accept("ana", ANA)]];
    for commands in begun {
        let mut world = World::new(rules(None), "");
        for command in commands {
            world.run(command).unwrap();
        }
        play(&mut world, &[(Command::Stop, Ok(&["chat.ended"])), (say(CUSTOMER, "x"), DENIED)]);
        assert!(stops(EndReason::Other)(&world.chat.phase));
        assert_eq!(EndReason::Other.as_str(), "OTHER");
    }
}

#[test]
fn a_customer_has_five_minutes_to_come() {
    let mut world = World::new(rules(None), "");
    let deadline = START.plus_millis(5 * MINUTE);
    assert_eq!(world.chat.next_due(), Some(deadline));
    world.now = deadline.plus_millis(-1);
    play(&mut world, &[(time_passed(), NOTHING)]);
    assert!(!world.chat.is_over());

    // The deadline counts even before anybody has told the chat of it.
    world.now = deadline;
    play(&mut world, &[(connect(CUSTOMER), DENIED), (time_passed(), NOTHING)]);
    assert!(stops(EndReason::Other)(&world.chat.phase), "and nobody was told");
    assert_eq!(world.chat.next_due(), None);
}

#[test]
fn a_chat_lasts_as_long_as_was_asked() {
    for (members, minutes) in [("", 1_500), (r#""ChatDurationInMinutes":60"#, 60)] {
        let mut world = World::with_ana(members);
        let end = START.plus_millis(minutes * MINUTE);
        assert_eq!(world.chat.next_due(), Some(end));
        world.now = end.plus_millis(-1);
        play(&mut world, &[(time_passed(), NOTHING), (say(CUSTOMER, "x"), Ok(&["CUSTOMER: x"]))]);
        world.now = end;
        play(
            &mut world,
            &[
                (say(CUSTOMER, "x"), DENIED),
                (time_passed(), Ok(&["chat.ended"])),
                (time_passed(), NOTHING),
            ],
        );
        assert!(stops(EndReason::Other)(&world.chat.phase));
    }
}

#[test]
fn nobody_accepts_a_chat_whose_time_is_over() {
    let mut world = World::new(rules(None), "");
    world.run(&connect(CUSTOMER)).unwrap();
    world.now = world.chat.ends_at;
    play(&mut world, &[(accept("ana", ANA), Err("ResourceNotFoundException"))]);
}

/// A last moment counts from then on, even if nobody has told the chat of it (docs/protocol/README.md).
#[test]
fn an_end_that_nobody_has_told_is_an_end() {
    let bot = || Command::AddCustomBot { participant: "bot".into(), name: "Robo".to_owned() };
    let stream = || Command::StartStreaming { id: "s".into(), endpoint: "arn".to_owned() };
    let mut nobody_came = World::new(rules(None), "");
    nobody_came.now = START.plus_millis(5 * MINUTE);
    let mut too_long = World::with_ana("");
    too_long.now = too_long.chat.ends_at;
    for world in [&mut nobody_came, &mut too_long] {
        assert!(!world.chat.is_over());
        play(
            world,
            &[
                (Command::Stop, Err("ContactNotFoundException")),
                (bot(), Err("InvalidRequestException")),
                (stream(), Err("InvalidRequestException")),
                (accept("ana", ANA), Err("ResourceNotFoundException")),
                (accept("ben", BEN), Err("ResourceNotFoundException")),
            ],
        );
    }
}

#[test]
fn a_chat_has_room_for_six_people() {
    let mut world = World::with_ana("");
    let agent = world.chat.agent_of_user("ana").unwrap().clone();
    while world.chat.present().count() < limits::PRESENT_IN_CHAT {
        let mut another = agent.clone();
        another.id = format!("agent {}", world.chat.participants.len()).into();
        another.user = None;
        world.chat.participants.push(another);
    }
    world.chat.phase = Phase::Queued { queue: "default".into(), since: world.now };
    play(&mut world, &[(accept("ben", BEN), Err("ConflictException"))]);
    world.chat.participants.pop();
    play(&mut world, &[(accept("ben", BEN), Ok(&["AGENT participant.joined"]))]);
}

#[test]
fn strangers_are_refused_everything() {
    for stranger in ["", "nobody", BEN] {
        let mut world = World::with_ana("");
        play(
            &mut world,
            &[
                (connect(stranger), DENIED),
                (say(stranger, "x"), DENIED),
                (event(stranger, ContentType::Typing), DENIED),
                (event(stranger, ContentType::ConnectionAcknowledged), DENIED),
                (disconnect(stranger), DENIED),
            ],
        );
    }
}

#[test]
fn nothing_private_is_printed() {
    let mut world = World::new(
        rules(None),
        r#""Attributes":{"card":"4711"},"InitialMessage":{"ContentType":"text/plain","Content":"4711"}"#,
    );
    let request = say(CUSTOMER, "4711");
    let decision = world.decide(&connect(CUSTOMER)).unwrap();
    for printed in [
        format!("{:?}", world.chat),
        format!("{:?}", world.chat.customer()),
        format!("{decision:?}"),
        format!("{request:?}"),
        format!("{:?}", world.log),
        format!("{:?}", start_chat(start_request(""))),
    ] {
        assert!(!printed.contains("4711") && !printed.contains("Cleo"), "{printed}");
    }
}

#[test]
fn ids_carry_their_time() {
    for millis in [0, 1, 1_790_000_000_123, (1 << 48) - 1] {
        let time = Timestamp::from_millis(millis);
        for random in [0, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            let id = item_id(time, random);
            assert_eq!(chatloom_engine::entry::time_of_item(&id), Some(time), "{id}");
        }
    }
    let contact = ContactId::from("0b2cbb7f-7a4e-4d3a-9a6c-1c7b0a1c2d3e");
    for other in [contact.as_str(), "", "0199"] {
        assert_eq!(chatloom_engine::entry::time_of_item(&other.into()), None);
    }
    assert_eq!(
        item_id(Timestamp::from_millis(0x0199_1234_5678), u128::MAX).as_str(),
        "01991234-5678-7fff-bfff-ffffffffffff"
    );
}
