//! Customers who are handed on (docs/protocol/participant-service.md §12.4).

use chatloom_engine::{
    Chat, Command, Draft, Flow, HandedOn, Participant, Phase, Presence, Transfer, TransferTo,
    limits,
};
use chatloom_wire::{
    ContactId, ParticipantRole,
    contact::{TimerRole, TimerType},
};

use crate::world::{
    ANA, BEN, CHAT, CUSTOMER, MINUTE, START, World, accept, connect, disconnect, rules, say,
    time_passed, timers, transfer,
};

const SECOND: &str = "0b2cbb7f-7a4e-4d3a-9a6c-000000000002";

fn to_queue(queue: &str) -> TransferTo {
    TransferTo::Queue(queue.to_owned())
}

fn to_user(user: &str) -> TransferTo {
    TransferTo::User(user.to_owned())
}

/// Ana, and what a transfer of hers does to it.
fn ana(to: TransferTo) -> Command {
    transfer("ana", CHAT, to, SECOND)
}

/// With impossible targets.
fn in_vain(to: TransferTo) -> Command {
    let Command::Transfer(transfer) = ana(to) else { unreachable!() };
    Command::Transfer(Transfer { is_impossible: true, ..transfer })
}

fn contacts_of(drafts: &[Draft]) -> Vec<&str> {
    drafts.iter().map(|draft| draft.contact_id.as_str()).collect()
}

/// Ben is in the conversation too.
fn with_ben(world: &mut World) {
    world.chat.participants.push(Participant {
        id: BEN.into(),
        role: ParticipantRole::Agent,
        name: "BEN".to_owned(),
        user: Some("ben".to_owned()),
        presence: Presence::Joined,
    });
}

#[test]
fn the_customer_waits_again_with_a_contact_of_its_own() {
    let mut world = World::with_ana("");
    world.rules.flows.insert("s".into(), Flow { queue: "sales".into(), ..Flow::default() });
    world.pass(5_000);
    let now = world.now;
    let decision = world.decide(&ana(to_queue("sales"))).unwrap();
    assert_eq!(
        decision.entries.iter().map(crate::world::in_short).collect::<Vec<_>>(),
        ["AGENT transfer.succeeded", "AGENT participant.left"]
    );
    assert_eq!(contacts_of(&decision.entries), [CHAT, CHAT], "of the contact that ends");
    assert_eq!(world.chat.waiting(), Some(("sales", now)));
    assert_eq!(world.chat.meant_for(), None);
    let second = world.chat.current_contact();
    assert_eq!((second.id.as_str(), second.started_at), (SECOND, now));
    assert_eq!(second.queued, Some(("sales".to_owned(), now)));
    let how = HandedOn { by: "ana".into(), to: to_queue("sales"), reserved_until: None };
    assert_eq!(second.handed_on, Some(how));
    assert_eq!(world.chat.contacts[0].agent.as_ref().unwrap().0, "ana");

    // The customer notices nothing but who is there; the agent is out.
    assert_eq!(world.run(&say(CUSTOMER, "hello?")).unwrap(), ["CUSTOMER: hello?"]);
    assert_eq!(world.run(&say(ANA, "bye")).unwrap_err(), "AccessDeniedException");
    assert_eq!(world.run(&disconnect(ANA)).unwrap_err(), "AccessDeniedException");
    let joined = world.decide(&accept("ben", BEN)).unwrap();
    assert_eq!(contacts_of(&joined.entries), [SECOND]);
    assert_eq!(world.chat.phase, Phase::WithAgent);
    assert_eq!(world.chat.current_contact().agent.as_ref().unwrap().0, "ben");
    // The last agent's leaving is the end, as ever.
    assert_eq!(world.run(&disconnect(BEN)).unwrap(), ["AGENT participant.left", "chat.ended"]);
}

#[test]
fn a_user_has_the_customer_alone_for_a_while() {
    let mut world = World::with_ana("");
    world.pass(60_000);
    world.run(&ana(to_user("ben"))).unwrap();
    let until = world.now.plus_millis(2 * MINUTE);
    let place = START.plus_millis(-limits::LONGEST_CHAT_MS);
    assert_eq!(world.chat.waiting(), Some(("default", place)), "before all others");
    assert_eq!(world.chat.current_contact().queued, Some(("default".to_owned(), world.now)));
    assert_eq!(world.chat.meant_for(), Some(("ben", until)));
    // No timer is needed for it.
    assert_eq!(world.chat.next_due(), Some(world.chat.ends_at));
    world.now = until.plus_millis(-1);
    assert!(world.chat.is_kept_from(world.now, "carol"));
    assert_eq!(world.run(&accept("carol", ANA)).unwrap_err(), "ConflictException");
    let kept = world.chat.clone();
    assert_eq!(world.run(&accept("ben", BEN)).unwrap(), ["AGENT participant.joined"]);
    assert_eq!(world.chat.meant_for(), None);

    world.chat = kept;
    world.now = until;
    assert!(!world.chat.is_kept_from(world.now, "carol"));
    let carol = "a0000000-0000-4000-8000-000000000006";
    assert_eq!(world.run(&accept("carol", carol)).unwrap(), ["AGENT participant.joined"]);
}

#[test]
fn a_user_gets_the_customer_from_the_queue_it_came_from() {
    let mut world = World::with_ana("");
    world.chat.contacts[0].queued = Some(("sales".into(), START));
    let before = world.chat.clone();
    // The queue is no more.
    world.run(&ana(to_user("ben"))).unwrap();
    assert_eq!(world.chat.waiting().unwrap().0, "default");
    world.chat = before;
    world.rules.flows.insert("s".into(), Flow { queue: "sales".into(), ..Flow::default() });
    world.run(&ana(to_user("ben"))).unwrap();
    assert_eq!(world.chat.waiting().unwrap().0, "sales");
}

#[test]
fn all_agents_of_a_conference_are_disconnected() {
    let mut world = World::with_ana("");
    with_ben(&mut world);
    let told = world.run(&transfer("ben", CHAT, to_user("carol"), SECOND)).unwrap();
    let left = "AGENT participant.left";
    assert_eq!(told, ["AGENT transfer.succeeded", left, left]);
    assert_eq!(world.chat.present().count(), 1, "the customer");
    for agent in [ANA, BEN] {
        assert_eq!(world.run(&say(agent, "bye")).unwrap_err(), "AccessDeniedException");
    }
}

#[test]
fn what_cannot_be_handed_on_stays() {
    let not_there = Err("ResourceNotFoundException".to_owned());
    let mut world = World::new(rules(None), "");
    assert_eq!(world.run(&ana(to_queue("default"))), not_there, "nobody has come");
    world.run(&connect(CUSTOMER)).unwrap();
    assert_eq!(world.run(&ana(to_queue("default"))), not_there, "the chat waits");
    world.run(&accept("ana", ANA)).unwrap();
    with_ben(&mut world);
    let before = world.chat.clone();
    for (command, error) in [
        (transfer("carol", CHAT, to_queue("default"), SECOND), "ResourceNotFoundException"),
        (transfer("ana", "another", to_queue("default"), SECOND), "ResourceNotFoundException"),
        (ana(to_user("ana")), "ValidationException"),
        (ana(to_user("ben")), "ValidationException"),
    ] {
        assert_eq!(world.run(&command).unwrap_err(), error, "{command:?}");
    }
    // Who may not is told so before anything else, and nobody hears of it.
    let Command::Transfer(other) = in_vain(to_user("dan")) else { unreachable!() };
    let other = Command::Transfer(Transfer { by: "carol".into(), ..other });
    assert_eq!(world.run(&other), not_there);
    assert_eq!(world.chat, before);

    let end = world.chat.ends_at;
    world.now = end.plus_millis(-1);
    assert!(world.rules.decide(world.now, &world.chat, &ana(to_queue("default"))).is_ok());
    world.now = end;
    assert_eq!(world.run(&ana(to_queue("default"))), not_there, "after the last moment");
}

#[test]
fn a_transfer_that_fails_leaves_everything_as_it_is() {
    let mut world = World::with_ana("");
    let decision = world.decide(&in_vain(to_user("ben"))).unwrap();
    assert_eq!(decision.chat, None);
    assert_eq!(contacts_of(&decision.entries), [CHAT]);
    assert_eq!(crate::world::in_short(&decision.entries[0]), "AGENT transfer.failed");
    assert_eq!(world.run(&say(ANA, "still here")).unwrap(), ["AGENT: still here"]);
}

#[test]
fn a_repeat_does_nothing_more() {
    let mut world = World::with_ana("");
    world.run(&ana(to_user("ben"))).unwrap();
    let before = world.chat.clone();
    let repeat = |to, from: &str| transfer("ana", from, to, "third");
    assert_eq!(world.run(&repeat(to_user("ben"), CHAT)).unwrap(), Vec::<String>::new());
    assert_eq!(world.chat, before);
    let found = |chat: &Chat, to| {
        chat.handed_on("ana", &CHAT.into(), &to).map(|contact| contact.id.clone())
    };
    assert_eq!(found(&world.chat, to_user("ben")), Some(ContactId::from(SECOND)));
    assert_eq!(found(&world.chat, to_user("dan")), None);
    // Another wish of who has left, and one about the contact that is not hers.
    for (to, from) in [(to_user("dan"), CHAT), (to_user("ben"), SECOND)] {
        assert_eq!(world.run(&repeat(to, from)).unwrap_err(), "ResourceNotFoundException");
    }
    // Who is back means a new one.
    world.run(&accept("ben", BEN)).unwrap();
    let back = transfer("ben", SECOND, to_user("ana"), "third");
    assert_eq!(world.run(&back).unwrap().len(), 2);
    let again = "a0000000-0000-4000-8000-000000000007";
    world.run(&accept("ana", again)).unwrap();
    assert_eq!(found(&world.chat, to_user("ben")), None);
    assert_eq!(world.run(&transfer("ana", CHAT, to_user("ben"), "fourth")).unwrap().len(), 2);
    assert_eq!(world.chat.contacts.len(), 4);
}

/// The initial contact names the chat as well, whose present contact may be another one.
#[test]
fn a_repeat_by_the_initial_contact_is_of_the_last_time() {
    let mut world = World::with_ana("");
    let to = to_queue("default");
    for (nth, by) in ["ana", "ben", "ana"].into_iter().enumerate() {
        if nth > 0 {
            world.run(&accept(by, &format!("seat {nth}"))).unwrap();
        }
        let command = |contact: &str| transfer(by, CHAT, to.clone(), contact);
        let contact = format!("contact {nth}");
        assert_eq!(world.run(&command(&contact)).unwrap().len(), 2);
        assert_eq!(world.run(&command("once more")).unwrap(), Vec::<String>::new());
        let found = world.chat.handed_on(by, &CHAT.into(), &to);
        assert_eq!(found.map(|contact| contact.id.as_str()), Some(&*contact));
    }
    // By a later contact it is that one alone.
    let found = |from: &str| world.chat.handed_on("ana", &from.into(), &to);
    assert_eq!(found("contact 1").map(|next| next.id.as_str()), Some("contact 2"));
    assert_eq!(found("contact 0"), None, "that was Ben");
}

#[test]
fn a_chat_is_handed_on_eleven_times() {
    let mut world = World::with_ana("");
    for nth in 1..=limits::TRANSFERS_OF_CHAT {
        let contact = format!("contact {nth}");
        assert_eq!(
            world.run(&transfer("ana", CHAT, to_queue("default"), &contact)).unwrap().len(),
            2
        );
        world.run(&accept("ana", &format!("ana {nth}"))).unwrap();
    }
    assert_eq!(world.chat.contacts.len(), 12);
    for command in [ana(to_queue("default")), in_vain(to_queue("default"))] {
        assert_eq!(world.run(&command).unwrap_err(), "ServiceQuotaExceededException");
    }
    let left = ["AGENT participant.left", "chat.ended"];
    assert_eq!(world.run(&disconnect("ana 11")).unwrap(), left);
}

/// docs/protocol/participant-service.md §12.5: for the rest of the chat and across transfers, from an
/// agent's coming to its leaving.
#[test]
fn timers_stop_when_the_agent_goes_and_start_when_the_next_one_comes() {
    let mut world = World::new(rules(None), "");
    world.run(&connect(CUSTOMER)).unwrap();
    let kind = TimerType::DisconnectNoncustomer;
    let set =
        [(TimerRole::Customer, TimerType::Idle, Some(2)), (TimerRole::Customer, kind, Some(2))];
    world.run(&timers(&set)).unwrap();
    world.run(&accept("ana", ANA)).unwrap();
    let idle = ["(CUSTOMER participant.idle)"];
    assert_eq!(world.pass(2 * MINUTE).run(&time_passed()).unwrap(), idle);
    world.pass(MINUTE).run(&ana(to_queue("default"))).unwrap();
    // Nobody is waited for.
    assert_eq!(world.chat.next_due(), Some(world.chat.ends_at));
    assert_eq!(world.pass(60 * MINUTE).run(&time_passed()).unwrap(), Vec::<String>::new());
    assert_eq!(world.run(&say(CUSTOMER, "hello?")).unwrap(), ["CUSTOMER: hello?"]);
    // From the beginning.
    world.run(&accept("ben", BEN)).unwrap();
    assert_eq!(world.chat.next_due(), Some(world.now.plus_millis(2 * MINUTE)));
    assert_eq!(world.pass(2 * MINUTE).run(&time_passed()).unwrap(), idle);
    let ended =
        ["AGENT participant.left", "chat.ended", "(CUSTOMER participant.autodisconnection)"];
    assert_eq!(world.pass(2 * MINUTE).run(&time_passed()).unwrap(), ended);
}

#[test]
fn a_customer_who_goes_while_waiting_ends_the_chat() {
    let mut world = World::with_ana(r#""DisconnectOnCustomerExit":["AGENT"]"#);
    world.run(&ana(to_user("ben"))).unwrap();
    let left = ["CUSTOMER participant.left", "chat.ended"];
    assert_eq!(world.run(&disconnect(CUSTOMER)).unwrap(), left);
    assert_eq!(world.chat.meant_for(), None);
    assert_eq!(world.run(&ana(to_user("ben"))).unwrap_err(), "ResourceNotFoundException");
}

#[test]
fn a_chat_that_waits_for_somebody_survives_the_store() {
    let mut world = World::with_ana("");
    world.run(&ana(to_user("ben"))).unwrap();
    let kept: Chat = serde_json::from_str(&serde_json::to_string(&world.chat).unwrap()).unwrap();
    assert_eq!(kept, world.chat);
    assert!(kept.is_kept_from(world.now, "carol"));
}
