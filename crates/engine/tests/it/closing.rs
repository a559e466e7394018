//! The disconnect flow, and flows that wait for a custom participant.

use chatloom_engine::{
    Answering, Assistant, BotAction, Command, DisconnectFlow, EndReason, Flow, Phase, Presence,
    Rules, limits,
};
use chatloom_wire::{
    ParticipantRole,
    contact::{TimerRole, TimerType},
};

use crate::world::{ANA, CUSTOMER, World, accept, connect, disconnect, say, time_passed, timers};

const WITHIN: i64 = 600_000;
const AFTER_ALL: &str = "last";

/// The chats of the flow `f` go to the queue, and in the end to a flow of this kind.
fn rules(assistant: Answering) -> Rules {
    let mut rules = Rules::new("default");
    let last = Flow {
        greeting: Some("How was it?".to_owned()),
        assistant,
        handover: Some("Back to a person.".to_owned()),
        failure: Some("Never mind.".to_owned()),
        ..Flow::default()
    };
    rules.flows.insert(AFTER_ALL.to_owned(), last);
    let disconnect =
        DisconnectFlow { flow: AFTER_ALL.into(), within_ms: WITHIN, queue: "again".to_owned() };
    let first = Flow { disconnect: Some(disconnect), ..Flow::default() };
    // What hands over to a queue names one that is looked at.
    rules.flows.insert("again".to_owned(), Flow { queue: "again".to_owned(), ..Flow::default() });
    rules.flows.insert("f".to_owned(), first);
    rules
}

fn survey() -> Answering {
    Answering::Bot { name: "survey".to_owned(), display_name: "Surveyor".to_owned() }
}

/// The customer and Ana are talking.
fn talking(assistant: Answering, members: &str) -> World {
    let mut world = World::new(rules(assistant), members);
    assert_eq!(world.run(&connect(CUSTOMER)).unwrap(), ["CUSTOMER participant.joined"]);
    world.run(&accept("ana", ANA)).unwrap();
    world
}

fn answer(world: &World, actions: Vec<BotAction>) -> Command {
    let (bot, name) = world.chat.bot().unwrap();
    assert_eq!(name, "survey");
    Command::BotAnswered { bot: bot.clone(), actions }
}

fn reason(world: &World) -> EndReason {
    let Phase::Ended { reason, .. } = world.chat.phase else { panic!("{:?}", world.chat.phase) };
    reason
}

/// docs/protocol/participant-service.md §12.2: left, the disconnect flow, ended.
#[test]
fn a_flow_in_which_nobody_answers_says_something_and_ends_the_chat() {
    let mut world = talking(Answering::Nobody, "");
    let told = world.run(&disconnect(ANA)).unwrap();
    assert_eq!(told, ["AGENT participant.left", "SYSTEM: How was it?", "chat.ended"]);
    assert_eq!(reason(&world), EndReason::Agent);
    assert_eq!(world.chat.next_due(), None);
}

#[test]
fn a_bot_asks_the_customer_and_ends_the_chat() {
    let mut world = talking(survey(), "");
    assert_eq!(world.chat.assistant().unwrap().presence, Presence::Expected);
    let told = world.run(&disconnect(ANA)).unwrap();
    assert_eq!(told, ["AGENT participant.left", "SYSTEM: How was it?"]);
    assert_eq!(world.chat.present_flow().as_str(), AFTER_ALL);
    assert_eq!(world.chat.closing().unwrap().leaver.as_str(), ANA);
    assert_eq!(world.chat.assistant().unwrap().name, "Surveyor");
    assert_eq!(world.run(&say(CUSTOMER, "fine")).unwrap(), ["CUSTOMER: fine"]);
    assert_eq!(world.run(&say(ANA, "bye")).unwrap_err(), "AccessDeniedException");
    let end = answer(&world, vec![BotAction::End]);
    assert_eq!(world.run(&end).unwrap(), ["chat.ended"]);
    assert_eq!(reason(&world), EndReason::Agent, "the agent ended the conversation");
    assert_eq!(world.run(&say(CUSTOMER, "more")).unwrap_err(), "AccessDeniedException");
}

/// docs/protocol/participant-service.md §12.3: the customer's session works until the end.
#[test]
fn a_customer_who_leaves_is_asked_as_well_where_that_is_wanted() {
    let mut world = talking(survey(), r#""DisconnectOnCustomerExit":["AGENT"]"#);
    let told = world.run(&disconnect(CUSTOMER)).unwrap();
    assert_eq!(
        told,
        ["CUSTOMER participant.left", "AGENT participant.left", "SYSTEM: How was it?"]
    );
    assert_eq!(world.run(&say(CUSTOMER, "fine")).unwrap(), ["CUSTOMER: fine"]);
    assert_eq!(world.run(&disconnect(CUSTOMER)).unwrap(), ["chat.ended"], "left already");
    assert_eq!(reason(&world), EndReason::Customer);

    // Before an agent has come there is nothing to ask about, and without the wish nobody asks.
    let mut world = World::new(rules(survey()), r#""DisconnectOnCustomerExit":["AGENT"]"#);
    world.run(&connect(CUSTOMER)).unwrap();
    let told = ["CUSTOMER participant.left", "chat.ended"];
    assert_eq!(world.run(&disconnect(CUSTOMER)).unwrap(), told);
    let mut world = talking(survey(), "");
    assert_eq!(world.run(&disconnect(CUSTOMER)).unwrap(), told);
}

#[test]
fn silence_leads_to_the_disconnect_flow_too() {
    let mut world = World::new(rules(survey()), "");
    world.run(&connect(CUSTOMER)).unwrap();
    let kind = TimerType::DisconnectNoncustomer;
    world.run(&timers(&[(TimerRole::Customer, kind, Some(2))])).unwrap();
    world.run(&accept("ana", ANA)).unwrap();
    let told = world.pass(120_000).run(&time_passed()).unwrap();
    let left = "AGENT participant.left";
    assert_eq!(told, [left, "SYSTEM: How was it?", "(CUSTOMER participant.autodisconnection)"]);
    assert_eq!(world.chat.closing().unwrap().leaver.as_str(), ANA);
}

#[test]
fn nobody_is_asked_for_ever() {
    let mut world = talking(survey(), "");
    let end = world.chat.ends_at;
    world.run(&disconnect(ANA)).unwrap();
    assert_eq!(world.chat.next_due(), Some(world.now.plus_millis(WITHIN)));
    assert!(world.chat.ends_at < end);
    assert_eq!(world.pass(WITHIN).run(&time_passed()).unwrap(), ["chat.ended"]);
    assert_eq!(reason(&world), EndReason::Agent);
}

/// A bot that hands over puts the customer into the queue again, with the time the chat had; the next
/// agent's leaving begins the flow anew.
#[test]
fn a_disconnect_flow_may_hand_over_once_more() {
    let mut world = talking(survey(), "");
    let end = world.chat.ends_at;
    for agent in ["bob", "eve"] {
        let present = world.chat.present().last().unwrap().id.clone();
        world.run(&disconnect(present.as_str())).unwrap();
        let hand_over = answer(&world, vec![BotAction::Handover { queue: None }]);
        assert_eq!(world.run(&hand_over).unwrap(), ["SYSTEM: Back to a person."]);
        assert_eq!((world.chat.ends_at, world.chat.closing()), (end, None));
        assert_eq!(world.chat.waiting().unwrap().0, "again", "the disconnect flow's queue");
        assert_eq!(world.chat.present_flow().as_str(), "f");
        world.run(&accept(agent, agent)).unwrap();
    }
}

#[test]
fn a_disconnect_flow_may_hand_over_to_a_queue_that_its_bot_names() {
    for (named, queue) in [("default", "default"), ("nowhere", "again")] {
        let mut world = talking(survey(), "");
        world.run(&disconnect(ANA)).unwrap();
        let hand_over = BotAction::Handover { queue: Some(named.to_owned()) };
        let hand_over = answer(&world, vec![hand_over]);
        world.run(&hand_over).unwrap();
        assert_eq!(world.chat.waiting().unwrap().0, queue, "{named}");
    }
    // Another disconnect flow by now: that of the chat says where it leads.
    let mut world = talking(survey(), "");
    world.run(&disconnect(ANA)).unwrap();
    let flow = world.rules.flows.get_mut("f").unwrap();
    flow.disconnect.as_mut().unwrap().flow = "another".into();
    let hand_over = answer(&world, vec![BotAction::Handover { queue: None }]);
    world.run(&hand_over).unwrap();
    assert_eq!(world.chat.waiting().unwrap().0, "default");
}

/// A bot that always hands over would make a chat of more and more agents.
#[test]
fn a_chat_that_is_handed_over_again_and_again_ends() {
    let mut world = talking(survey(), "");
    let mut agents = 1;
    loop {
        let present = world.chat.present().last().unwrap().id.clone();
        let told = world.run(&disconnect(present.as_str())).unwrap();
        if world.chat.is_over() {
            assert_eq!(told, ["AGENT participant.left", "chat.ended"]);
            break;
        }
        let hand_over = answer(&world, vec![BotAction::Handover { queue: None }]);
        world.run(&hand_over).unwrap();
        let agent = format!("agent-{agents}");
        world.run(&accept(&agent, &agent)).unwrap();
        agents += 1;
        assert!(agents <= limits::AGENTS_OF_CHAT, "it goes on for ever");
    }
    assert_eq!(agents + limits::TRANSFERS_OF_CHAT, limits::AGENTS_OF_CHAT, "room for transfers");
    assert_eq!(reason(&world), EndReason::Agent);
}

/// A chat of a release without that bound may be fuller.
#[test]
fn a_chat_that_has_had_all_its_agents_takes_no_more() {
    let mut world = talking(survey(), "");
    world.run(&disconnect(ANA)).unwrap();
    let hand_over = answer(&world, vec![BotAction::Handover { queue: None }]);
    world.run(&hand_over).unwrap();
    let ana = world.chat.participants.last().unwrap().clone();
    assert_eq!(ana.role, ParticipantRole::Agent);
    world.chat.participants.resize(world.chat.participants.len() + limits::AGENTS_OF_CHAT - 1, ana);
    assert_eq!(world.run(&accept("bob", "bob")).unwrap_err(), "ConflictException");
    world.chat.participants.pop();
    world.run(&accept("bob", "bob")).unwrap();
}

#[test]
fn a_bot_of_the_disconnect_flow_that_fails_ends_the_chat() {
    let mut world = talking(survey(), "");
    world.run(&disconnect(ANA)).unwrap();
    let (bot, _) = world.chat.bot().unwrap();
    let failed = Command::BotFailed { bot: bot.clone(), so_far: None };
    assert_eq!(world.run(&failed).unwrap(), ["SYSTEM: Never mind.", "chat.ended"]);
}

#[test]
fn a_chat_that_was_started_before_the_flow_had_an_assistant_ends_with_its_greeting() {
    let mut world = talking(Answering::Nobody, "");
    world.rules = rules(survey());
    let told = world.run(&disconnect(ANA)).unwrap();
    assert_eq!(told, ["AGENT participant.left", "SYSTEM: How was it?", "chat.ended"]);
}

/// A flow that waits for a custom participant, for a minute.
fn waiting() -> World {
    let mut rules = Rules::new("default");
    rules.otherwise = Flow {
        greeting: Some("Hello!".to_owned()),
        assistant: Answering::CustomParticipant { within_ms: 60_000 },
        handover: Some("A person comes.".to_owned()),
        failure: Some("Nobody came.".to_owned()),
        ..Flow::default()
    };
    World::new(rules, "")
}

const ROBO: &str = "b0000000-0000-4000-8000-000000000001";

fn add(id: &str) -> Command {
    Command::AddCustomBot { participant: id.into(), name: "Robo".to_owned() }
}

#[test]
fn a_flow_waits_for_a_custom_participant_who_hands_over_by_leaving() {
    let mut world = waiting();
    let told = world.run(&connect(CUSTOMER)).unwrap();
    assert_eq!(told, ["CUSTOMER participant.joined", "SYSTEM: Hello!"]);
    assert_eq!(world.run(&accept("ana", ANA)).unwrap_err(), "ResourceNotFoundException");
    // What is said meanwhile waits for it.
    assert_eq!(world.run(&say(CUSTOMER, "hello?")).unwrap(), ["CUSTOMER: hello?"]);
    assert_eq!(world.pass(59_999).run(&time_passed()).unwrap(), [""; 0]);
    world.run(&add(ROBO)).unwrap();
    assert_eq!(world.run(&connect(ROBO)).unwrap(), ["CUSTOM_BOT participant.joined"]);
    assert_eq!(world.pass(3_600_000).run(&time_passed()).unwrap(), [""; 0], "it has come");
    world.run(&say(ROBO, "I am here")).unwrap();
    let told = world.run(&disconnect(ROBO)).unwrap();
    assert_eq!(told, ["CUSTOM_BOT participant.left", "SYSTEM: A person comes."]);
    assert!(world.chat.waiting().is_some());
    world.run(&accept("ana", ANA)).unwrap();
}

#[test]
fn a_flow_that_waits_in_vain_leads_to_the_queue() {
    let mut world = waiting();
    world.run(&connect(CUSTOMER)).unwrap();
    // One that was added and does not connect is none.
    world.pass(50_000).run(&add(ROBO)).unwrap();
    assert_eq!(world.chat.next_due(), Some(world.now.plus_millis(10_000)));
    let told = world.pass(10_000).run(&time_passed()).unwrap();
    assert_eq!(told, ["SYSTEM: Nobody came."]);
    assert!(world.chat.waiting().is_some());
    // One that had never come hands over nothing.
    assert!(world.run(&connect(ROBO)).is_ok(), "five seconds are left");
    world.run(&disconnect(ROBO)).unwrap();
    assert!(world.chat.waiting().is_some());
}

#[test]
fn a_custom_participant_may_be_there_before_the_customer() {
    let mut world = waiting();
    world.run(&add(ROBO)).unwrap();
    world.run(&connect(ROBO)).unwrap();
    world.run(&connect(CUSTOMER)).unwrap();
    assert_eq!(world.chat.waits_for_bot, None);
    assert_eq!(world.pass(3_600_000).run(&time_passed()).unwrap(), [""; 0]);
    let told = world.run(&disconnect(ROBO)).unwrap();
    assert_eq!(told, ["CUSTOM_BOT participant.left", "SYSTEM: A person comes."]);
}

/// What the previous release wrote is read, and nothing more is written without need.
#[test]
fn chats_that_know_nothing_of_it_stay_as_they_are() {
    let world = World::new(Rules::new("default"), "");
    let text = serde_json::to_string(&world.chat).unwrap();
    assert!(!text.contains("closing") && !text.contains("waits_for_bot"), "{text}");
    assert_eq!(serde_json::from_str::<chatloom_engine::Chat>(&text).unwrap(), world.chat);
}

/// The flow had a script when the chat began: for whom it would wait nobody has told.
#[test]
fn a_chat_that_never_waited_does_not_wait_for_ever() {
    let mut world = World::new(Rules::with_script("default", Assistant::default()), "");
    world.run(&connect(CUSTOMER)).unwrap();
    assert_eq!(world.chat.phase, Phase::Assistant);
    world.rules = waiting().rules;
    assert_eq!(world.run(&say(CUSTOMER, "hello?")).unwrap(), ["CUSTOMER: hello?"]);
    assert!(world.chat.waiting().is_some());
}
