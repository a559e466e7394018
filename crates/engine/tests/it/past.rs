//! Chats that continue others, and how chats end with agents in them
//! (docs/protocol/participant-service.md §10.10, §12.3).

use chatloom_engine::{Chat, Command, Contact, EndReason, Past, PastChat, Phase, past::shown};
use chatloom_wire::{
    ErrorKind,
    contact::{PersistentChat, RehydrationType},
};

use crate::world::{
    ANA, ASSISTANT, BEN, CUSTOMER, MINUTE, SYSTEM, World, accept, connect, disconnect, rules, say,
    start_request,
};

fn from(kind: &str, source: &str) -> PersistentChat {
    PersistentChat {
        rehydration_type: RehydrationType::from(kind),
        source_contact_id: source.into(),
    }
}

/// A chat with these contacts that has ended.
fn ended(contacts: &[&str]) -> Chat {
    let mut world = World::new(rules(None), "");
    world.run(&connect(CUSTOMER)).unwrap();
    world.run(&Command::Stop).unwrap();
    let mut chat = world.chat;
    let first = chat.contacts[0].clone();
    chat.id = contacts[0].into();
    chat.contacts =
        contacts.iter().map(|id| Contact { id: (*id).into(), ..first.clone() }).collect();
    chat
}

#[test]
fn what_shows_goes_by_the_type() {
    let source = ended(&["c-1", "c-2", "c-3"]);
    let ids = |kind: &str, id: &str| {
        let shown = shown(&source, &from(kind, id)).map_err(|refusal| refusal.0.kind)?;
        Ok(shown.iter().map(|contact| contact.id.to_string()).collect::<Vec<_>>())
    };
    let all = ["c-1", "c-2", "c-3"].map(str::to_owned).to_vec();
    assert_eq!(ids("ENTIRE_PAST_SESSION", "c-1"), Ok(all.clone()));
    assert_eq!(ids("ENTIRE_PAST_SESSION", "c-2"), Err(ErrorKind::InvalidRequest));
    assert_eq!(ids("FROM_SEGMENT", "c-1"), Ok(all[..1].to_vec()));
    assert_eq!(ids("FROM_SEGMENT", "c-2"), Ok(all[..2].to_vec()));
    assert_eq!(ids("FROM_SEGMENT", "c-3"), Ok(all));
    assert_eq!(ids("FROM_SEGMENT", "c-4"), Err(ErrorKind::ResourceNotFound));

    let goes_on = World::with_ana("").chat;
    let refusal = shown(&goes_on, &from("FROM_SEGMENT", goes_on.id.as_str())).unwrap_err();
    assert_eq!(refusal.0.kind, ErrorKind::InvalidRequest);
}

#[test]
fn links_add_up_to_a_hundred_contacts() {
    let mut newest = ended(&["c-0"]);
    for number in 1..=120_u64 {
        let past = Past::new(&newest, &newest.contacts, number);
        let id = format!("c-{number}");
        newest = ended(&[id.as_str(), "another"]).continuing(past);
    }
    let past = newest.past.unwrap();
    // Two contacts each: fifty chats.
    assert_eq!(past.chats.len(), 50);
    assert_eq!(past.chats.iter().map(|past| past.contacts).sum::<u32>(), 100);
    assert_eq!(past.chats[0].chat.as_str(), "c-119");
    assert_eq!(past.chats[49].chat.as_str(), "c-70");
    assert_eq!((past.chats[0].last, past.chats[49].last), (120, 71));
    assert_eq!(past.continued_from.as_str(), "another");
    assert_eq!(newest.related, Some("another".into()));
}

fn some_past() -> Past {
    Past {
        continued_from: "c-3".into(),
        chats: vec![PastChat { chat: "c-1".into(), customer: "then".into(), contacts: 3, last: 7 }],
    }
}

#[test]
fn the_customer_is_told_of_the_past_when_there_is_one() {
    let world = World::new(rules(None), "");
    let mut world = World { chat: world.chat.clone().continuing(some_past()), ..world };
    let told = world.run(&connect(CUSTOMER)).unwrap();
    assert_eq!(told, ["CUSTOMER participant.joined", "(SYSTEM chat.rehydrated)"]);
    assert_eq!(world.run(&accept("ana", ANA)).unwrap(), ["AGENT participant.joined"]);

    let mut world = World::with_ana("");
    let attach = Command::Continue { past: some_past() };
    assert_eq!(world.run(&attach).unwrap(), ["(SYSTEM chat.rehydrated)"]);
    assert_eq!(world.chat.related, Some("c-3".into()));
    assert_eq!(world.decide(&attach).unwrap().chat, None, "again is nothing");
    let other = Past { continued_from: "c-4".into(), ..some_past() };
    let refused = world.run(&Command::Continue { past: other });
    assert_eq!(refused, Err("InvalidRequestException".into()));

    let mut world = World::new(rules(None), "");
    assert_eq!(world.run(&attach).unwrap(), [""; 0]);
    let told = world.run(&connect(CUSTOMER)).unwrap();
    assert_eq!(told, ["CUSTOMER participant.joined", "(SYSTEM chat.rehydrated)"]);
    world.run(&Command::Stop).unwrap();
    assert_eq!(world.run(&attach), Err("ResourceNotFoundException".into()));
}

#[test]
fn agents_leave_with_the_customer_if_they_are_meant_to() {
    for (members, expected) in [
        ("", &["CUSTOMER participant.left", "chat.ended"][..]),
        (
            r#""DisconnectOnCustomerExit":["AGENT"]"#,
            &["CUSTOMER participant.left", "AGENT participant.left", "chat.ended"],
        ),
    ] {
        let mut world = World::with_ana(members);
        assert_eq!(world.run(&disconnect(CUSTOMER)).unwrap(), expected, "{members}");
        let reason = matches!(world.chat.phase, Phase::Ended { reason: EndReason::Customer, .. });
        assert!(reason);
        let ids = [CUSTOMER, SYSTEM, ASSISTANT, ANA, BEN];
        assert!(world.chat.participants.iter().all(|one| ids.contains(&one.id.as_str())));
    }
    let mut world = World::with_ana("");
    world.pass(MINUTE).run(&say(CUSTOMER, "bye")).unwrap();
    assert_eq!(world.run(&disconnect(ANA)).unwrap(), ["AGENT participant.left", "chat.ended"]);
    assert_eq!(start_request("").disconnect_on_customer_exit, None);
}
