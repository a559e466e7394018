//! Sessions of agents: tokens from the host, and socket managers of the host's.

use chatloom_session::{
    Behaviour, Call, ConnectionStatus, ForeignEvent, ForeignId, Input, Role, SessionId,
    SessionOptions, Source,
};

use crate::several::{A_DAY, CHAT_ENDED, LEFT, Several, TRANSFERRED, item, options};

const BOTH: [Behaviour; 2] = [Behaviour::Compat, Behaviour::Chatloom];
const MANAGER: u32 = 7;
const ACKNOWLEDGEMENT: &str = r#"1 posts {"ConnectParticipant":true}"#;
const FALLBACK: &str =
    r#"1 posts {"Type":["WEBSOCKET","CONNECTION_CREDENTIALS"],"ConnectParticipant":true}"#;

fn agent(behaviour: Behaviour, contact: u32) -> SessionOptions {
    SessionOptions {
        role: Role::Agent,
        source: Source::Host { foreign: Some(ForeignId(MANAGER)) },
        ..options(behaviour, contact)
    }
}

/// A connected agent: session 1 in chat 1.
fn connected(behaviour: Behaviour) -> Several {
    let mut world = Several::new();
    join(&mut world, 1, behaviour);
    world
}

fn join(world: &mut Several, session: u32, behaviour: Behaviour) {
    world.create(session, agent(behaviour, session));
    world.connect(session);
    world.token(session, Ok(("host-token", Some(A_DAY))));
    world.answer(session, "CreateParticipantConnection", 200, "{}");
    if behaviour == Behaviour::Chatloom && world.waits(session) {
        world.empty_page(session);
    }
    world.lines();
}

#[test]
fn s178_s179_s180_the_token_is_the_hosts_and_the_agent_is_acknowledged_once() {
    let mut world = Several::new();
    world.create(1, agent(Behaviour::Compat, 1));
    world.connect(1);
    assert_eq!(world.lines(), ["1 needs a token"]);
    world.token(1, Ok(("host-token", Some(A_DAY))));
    // The acknowledgement follows; nobody waits for it.
    assert_eq!(world.lines(), ["joins 7", "1 done", "1 connected", ACKNOWLEDGEMENT]);
    world.answer(1, "CreateParticipantConnection", 200, "{}");
    world.call(1, Call::GetTranscript(Box::default()));
    assert_eq!(world.lines(), ["1 GetTranscript with host-token"]);

    let mut world = Several::new();
    world.create(1, agent(Behaviour::Chatloom, 1));
    world.connect(1);
    assert_eq!(world.lines(), ["1 is connecting", "1 needs a token"]);
    world.token(1, Ok(("host-token", Some(A_DAY))));
    assert_eq!(
        world.lines(),
        [
            "joins 7",
            "1 done",
            ACKNOWLEDGEMENT,
            "1 is online",
            "1 established",
            "1 GetTranscript with host-token"
        ]
    );
}

#[test]
fn s180_an_acknowledgement_that_fails_changes_nothing_for_the_application() {
    for behaviour in BOTH {
        let mut world = Several::new();
        world.create(1, agent(behaviour, 1));
        world.connect(1);
        world.token(1, Ok(("host-token", Some(A_DAY))));
        if behaviour == Behaviour::Chatloom {
            world.empty_page(1);
        }
        world.lines();
        world.refuse(1, 500);
        world.pass(1_000);
        assert_eq!(world.lines(), [ACKNOWLEDGEMENT], "as the SDK repeats it");
        world.refuse(1, 403);
        world.pass(60_000);
        assert_eq!(world.lines(), [] as [&str; 0]);
        world.call(1, Call::GetTranscript(Box::default()));
        assert_eq!(world.lines(), ["1 GetTranscript with host-token"]);
    }
}

#[test]
fn s179_every_refresh_asks_the_host() {
    for behaviour in BOTH {
        let mut world = Several::new();
        world.create(1, agent(behaviour, 1));
        world.connect(1);
        world.token(1, Ok(("first", Some("2026-01-01T00:10:00.000Z"))));
        world.answer(1, "CreateParticipantConnection", 200, "{}");
        if behaviour == Behaviour::Chatloom {
            world.empty_page(1);
        }
        world.lines();
        // 60 s before its end (S166).
        world.pass(538_000);
        assert_eq!(world.lines(), [] as [&str; 0]);
        world.pass(1_000);
        assert_eq!(world.lines(), ["1 needs a token"]);
        world.token(1, Ok(("second", Some(A_DAY))));
        world.call(1, Call::GetTranscript(Box::default()));
        // Neither connected nor acknowledged again.
        assert_eq!(world.lines(), ["1 GetTranscript with second"]);
    }
}

#[test]
fn a_403_has_the_host_asked_and_the_call_made_again() {
    for behaviour in BOTH {
        let mut world = connected(behaviour);
        world.call(1, Call::GetTranscript(Box::default()));
        world.answer(1, "GetTranscript", 403, "{}");
        assert_eq!(world.lines(), ["1 GetTranscript with host-token", "1 needs a token"]);
        world.token(1, Ok(("fresh", Some(A_DAY))));
        assert_eq!(world.lines(), ["1 GetTranscript with fresh"]);
    }
}

#[test]
fn s168_mended_tokens_of_the_host_make_no_hot_loop() {
    for behaviour in BOTH {
        for expiry in [None, Some("soon"), Some("2026-01-01T00:00:02.000Z")] {
            let mut world = Several::new();
            world.create(1, agent(behaviour, 1));
            world.connect(1);
            let mut asked = 0;
            for _ in 0..120 {
                if world.asked() > 0 {
                    asked += 1;
                    world.token(1, Ok(("host-token", expiry)));
                }
                world.pass(5_000);
            }
            assert!((1..=11).contains(&asked), "{asked} in ten minutes for {expiry:?}");
        }
    }
}

#[test]
fn s181_without_a_token_of_the_host_the_service_is_asked() {
    for behaviour in BOTH {
        let mut world = Several::new();
        world.create(1, agent(behaviour, 1));
        world.connect(1);
        world.lines();
        world.token(1, Err("no chatTokenTransport"));
        assert_eq!(world.lines(), [FALLBACK]);
        world.grant(1);
        let lines = world.lines();
        assert_eq!(lines[..2], ["joins 7", "1 done"]);
        assert!(!lines.contains(&ACKNOWLEDGEMENT.to_owned()), "no second acknowledgement");
        assert!(world.sockets.is_empty(), "the URL is not used");
        let details = world.core.chat_details(SessionId(1)).unwrap().connection.unwrap();
        assert!(details.acknowledged);
        assert_eq!(details.token.expose(), "token-1");
    }
}

#[test]
fn s181_a_host_that_says_nothing_has_no_token() {
    for behaviour in BOTH {
        let mut world = Several::new();
        world.create(1, agent(behaviour, 1));
        world.connect(1);
        world.lines();
        world.pass(59_000);
        assert_eq!(world.lines(), [] as [&str; 0]);
        world.pass(2_000);
        assert_eq!(world.lines(), [FALLBACK]);
        // What the host says now is too late.
        world.token(1, Ok(("late", None)));
        assert_eq!(world.lines(), [] as [&str; 0]);
        world.grant(1);
        assert!(world.lines().contains(&"1 done".to_owned()));
    }
}

#[test]
fn s182_connect_fails_when_the_service_refuses_as_well() {
    for behaviour in BOTH {
        let mut world = Several::new();
        world.create(1, agent(behaviour, 1));
        world.connect(1);
        world.token(1, Err("no"));
        world.refuse(1, 403);
        assert!(world.lines().contains(&"1 failed".to_owned()));
        // It may be repeated (D5), and begins with the host.
        world.connect(1);
        assert!(world.lines().contains(&"1 needs a token".to_owned()));
        world.token(1, Ok(("host-token", Some(A_DAY))));
        assert!(world.lines().contains(&"1 done".to_owned()));

        // What passes is asked three times in all, without asking the host again.
        let mut world = Several::new();
        world.create(1, agent(behaviour, 1));
        world.connect(1);
        world.token(1, Err("no"));
        for _ in 0..3 {
            assert!(!world.lines().contains(&"1 failed".to_owned()));
            world.refuse(1, 503);
            world.pass(30_000);
        }
        assert!(world.lines().contains(&"1 failed".to_owned()));
        assert_eq!(world.asked(), 0);
    }
}

#[test]
fn d04_a_refresh_that_fails_is_tried_again_soon_and_begins_with_the_host() {
    for behaviour in BOTH {
        let mut world = connected(behaviour);
        world.pass(86_400_000 - 60_000);
        for _ in 0..5 {
            assert!(world.lines().contains(&"1 needs a token".to_owned()));
            world.token(1, Err("away"));
            world.refuse(1, 403);
            world.pass(31_000);
        }
        assert_eq!(world.lines(), [FALLBACK, "1 needs a token"], "still there, and not broken");
        world.token(1, Ok(("fresh", None)));
        world.call(1, Call::GetTranscript(Box::default()));
        assert_eq!(world.lines(), ["1 GetTranscript with fresh"]);
    }
}

#[test]
fn s186_without_a_socket_manager_the_session_breaks_after_connect() {
    let mut world = Several::new();
    let without =
        SessionOptions { source: Source::Host { foreign: None }, ..agent(Behaviour::Compat, 1) };
    world.create(1, without);
    world.connect(1);
    world.token(1, Ok(("host-token", Some(A_DAY))));
    assert_eq!(
        world.lines(),
        ["1 needs a token", "1 done", "1 connected", "1 needs a token", ACKNOWLEDGEMENT]
    );
    world.token(1, Ok(("host-token", Some(A_DAY))));
    assert_eq!(world.lines(), ["1 broken"]);
    assert_eq!(world.summary(1), Some("Broken"));
    // The acknowledgement is not called off.
    world.answer(1, "CreateParticipantConnection", 200, "{}");
    // Calls still work (S157).
    world.call(1, Call::GetTranscript(Box::default()));
    assert_eq!(world.lines(), ["1 GetTranscript with host-token"]);

    let mut world = Several::new();
    let without =
        SessionOptions { source: Source::Host { foreign: None }, ..agent(Behaviour::Chatloom, 1) };
    world.create(1, without);
    world.connect(1);
    world.token(1, Ok(("host-token", Some(A_DAY))));
    world.token(1, Ok(("host-token", Some(A_DAY))));
    let lines = world.lines();
    assert!(lines.contains(&"1 done".to_owned()), "{lines:?}");
    assert_eq!(lines[lines.len() - 2..], ["1 is broken", "1 broken"]);
}

#[test]
fn s180_without_a_participant_token_no_bearer_is_sent() {
    let mut world = connected(Behaviour::Compat);
    let nameless = SessionOptions { participant_token: "".into(), ..agent(Behaviour::Compat, 2) };
    world.create(2, nameless);
    world.connect(2);
    world.token(2, Ok(("host-token", Some(A_DAY))));
    let http = world.request(2, "CreateParticipantConnection");
    assert_eq!(http.headers, []);
}

#[test]
fn s181_without_a_socket_manager_the_socket_that_the_service_gives_is_used() {
    for behaviour in BOTH {
        let mut world = Several::new();
        let without =
            SessionOptions { source: Source::Host { foreign: None }, ..agent(behaviour, 1) };
        world.create(1, without);
        world.connect(1);
        world.token(1, Err("no"));
        world.grant(1);
        assert!(world.lines().contains(&"opens 1".to_owned()));
        world.opened(1);
        world.subscribed(1);
        assert!(world.lines().contains(&"1 established".to_owned()));
    }
}

#[test]
fn a_host_without_tokens_and_a_service_that_fails_make_no_hot_loop() {
    for behaviour in BOTH {
        let mut world = connected(behaviour);
        world.pass(86_400_000 - 60_000);
        let mut asked = 0;
        for _ in 0..6_000 {
            if let Some(session) = world.asking() {
                asked += 1;
                world.token(session, Err("none"));
                world.refuse(session, 500);
            }
            world.pass(100);
        }
        assert!((20..=90).contains(&asked), "{asked} in ten minutes");
    }
}

#[test]
fn s056_s187_an_agents_chat_details_have_no_url() {
    for behaviour in BOTH {
        let world = connected(behaviour);
        let details = world.core.chat_details(SessionId(1)).unwrap();
        let connection = details.connection.unwrap();
        assert_eq!((&connection.url, &connection.expiry), (&None, &None));
        assert!(!connection.acknowledged);
        assert_eq!(connection.token.expose(), "host-token");
        assert_eq!(connection.token_expiry.as_deref(), Some(A_DAY));
    }
}

#[test]
fn s184_s188_sessions_of_one_manager_join_it_once_and_leave_it_open() {
    for behaviour in BOTH {
        let mut world = connected(behaviour);
        world.create(2, agent(behaviour, 2));
        world.connect(2);
        world.token(2, Ok(("host-token", Some(A_DAY))));
        assert!(!world.lines().contains(&"joins 7".to_owned()));
        if behaviour == Behaviour::Chatloom {
            world.empty_page(2);
            world.lines();
        }
        world.foreign_chat(MANAGER, &item("end", 1, CHAT_ENDED));
        let lines = world.lines();
        assert_eq!(lines[0], "1 item end");
        assert_eq!(lines.last().unwrap(), "1 ended");
        assert!(!lines.contains(&"leaves 7".to_owned()), "the other chat needs it");
        world.foreign_chat(MANAGER, &item("m", 2, "text/plain"));
        assert_eq!(world.lines(), ["2 item m"]);
        world.input(Input::Forget { session: SessionId(2) });
        let leaves: &[&str] = if behaviour == Behaviour::Chatloom { &["leaves 7"] } else { &[] };
        assert_eq!(world.lines(), leaves);
        world.foreign_chat(MANAGER, &item("n", 2, "text/plain"));
        assert_eq!(world.lines(), [] as [&str; 0]);
    }
}

#[test]
fn s047_s184_compat_a_session_after_the_last_one_learns_what_the_manager_has_said() {
    let mut world = connected(Behaviour::Compat);
    world.foreign(MANAGER, ForeignEvent::Gained);
    world.input(Input::Forget { session: SessionId(1) });
    world.foreign(MANAGER, ForeignEvent::Lost);
    world.foreign_held(MANAGER, &item("n", 1, "text/plain"));
    world.lines();
    assert!(world.with_core.is_empty(), "an item for nobody is given back");
    join(&mut world, 2, Behaviour::Compat);
    assert!(!world.lines().contains(&"joins 7".to_owned()));
    assert_eq!(world.core.connection_status(SessionId(2)), Some(ConnectionStatus::ConnectionLost));
}

#[test]
fn s184_compat_another_manager_cuts_the_sessions_of_the_first_off() {
    let mut world = connected(Behaviour::Compat);
    let other = Source::Host { foreign: Some(ForeignId(8)) };
    world.create(2, SessionOptions { source: other, ..agent(Behaviour::Compat, 2) });
    world.connect(2);
    world.token(2, Ok(("host-token", None)));
    assert_eq!(world.lines()[1..4], ["leaves 7", "joins 8", "2 done"]);
    world.foreign_chat(MANAGER, &item("m", 1, "text/plain"));
    world.foreign(MANAGER, ForeignEvent::Lost);
    assert_eq!(world.lines(), [] as [&str; 0], "without notice");
    world.foreign_chat(8, &item("m", 2, "text/plain"));
    assert_eq!(world.lines(), ["2 item m"]);

    // In Chatloom behaviour managers do not touch each other.
    let mut world = connected(Behaviour::Chatloom);
    world.create(2, SessionOptions { source: other, ..agent(Behaviour::Chatloom, 2) });
    world.connect(2);
    world.token(2, Ok(("host-token", None)));
    world.lines();
    world.foreign_chat(MANAGER, &item("m", 1, "text/plain"));
    assert_eq!(world.lines(), ["1 item m"]);
}

#[test]
fn s185_s155_s156_compat_tells_each_loss_and_gain_of_the_manager() {
    let mut world = Several::new();
    world.create(1, agent(Behaviour::Compat, 1));
    world.connect(1);
    world.token(1, Ok(("host-token", None)));
    // Open already: established comes from connect alone.
    assert_eq!(world.lines()[3], "1 connected");
    assert_eq!(world.summary(1), Some("Establishing"));
    world.foreign(MANAGER, ForeignEvent::Lost);
    assert_eq!(world.summary(1), Some("Broken"));
    world.foreign(MANAGER, ForeignEvent::Gained);
    assert_eq!(world.summary(1), Some("Established"));
    assert_eq!(world.lines(), ["1 lost", "1 established"]);
}

#[test]
fn s047_a_later_session_learns_the_status_of_the_shared_manager() {
    for (event, status) in [
        (None, ConnectionStatus::Starting),
        (Some(ForeignEvent::Gained), ConnectionStatus::Connected),
        (
            Some(ForeignEvent::DeepHeartbeat { success: true }),
            ConnectionStatus::DeepHeartbeatSuccess,
        ),
        (
            Some(ForeignEvent::DeepHeartbeat { success: false }),
            ConnectionStatus::DeepHeartbeatFailure,
        ),
        (Some(ForeignEvent::Lost), ConnectionStatus::ConnectionLost),
    ] {
        let mut world = connected(Behaviour::Compat);
        if let Some(event) = event {
            world.foreign(MANAGER, event);
        }
        join(&mut world, 2, Behaviour::Compat);
        assert_eq!(world.core.connection_status(SessionId(2)), Some(status));
    }
}

#[test]
fn s016_a_customer_may_use_a_socket_manager_of_the_hosts() {
    for behaviour in BOTH {
        let mut world = Several::new();
        let source = Source::Foreign(ForeignId(MANAGER));
        world.create(1, SessionOptions { source, ..options(behaviour, 1) });
        world.connect(1);
        let asks = r#"1 posts {"Type":["WEBSOCKET","CONNECTION_CREDENTIALS"]}"#;
        assert_eq!(world.lines().last().unwrap(), asks);
        world.grant(1);
        assert_eq!(world.lines()[..2], ["joins 7", "1 done"]);
        assert!(world.sockets.is_empty());
        if behaviour == Behaviour::Chatloom {
            world.empty_page(1);
            world.lines();
        }
        world.foreign_chat(MANAGER, &item("m", 1, "text/plain"));
        assert_eq!(world.lines(), ["1 item m"]);
        // A renewal that the service refuses leaves the manager's connection alone.
        world.pass(86_400_000);
        world.lines();
        for status in [403, 403, 404, 500] {
            world.refuse(1, status);
            world.pass(31_000);
        }
        let lines = world.lines();
        assert!(lines.iter().all(|line| line == asks), "{lines:?}");
    }
}

#[test]
fn s164_only_chatloom_believes_a_refusal_while_the_manager_is_away() {
    for behaviour in BOTH {
        let mut world = Several::new();
        let source = Source::Foreign(ForeignId(MANAGER));
        world.create(1, SessionOptions { source, ..options(behaviour, 1) });
        world.connect(1);
        world.grant(1);
        if behaviour == Behaviour::Chatloom {
            world.empty_page(1);
        }
        world.foreign(MANAGER, ForeignEvent::Lost);
        world.pass(86_400_000);
        world.refuse(1, 403);
        world.pass(31_000);
        world.lines();
        world.refuse(1, 403);
        let is_over = world.lines().contains(&"1 ended".to_owned());
        assert_eq!(is_over, behaviour == Behaviour::Chatloom);
    }
}

#[test]
fn s124_receipts_of_all_contacts_reach_every_session_in_compat() {
    for behaviour in BOTH {
        let mut world = connected(behaviour);
        join(&mut world, 2, behaviour);
        // Those that name a contact, which they need not.
        for contact in [r#""ContactId":"contact-9","#, ""] {
            let receipt = format!(
                r#"{{"Id":"r","Type":"MESSAGEMETADATA",{contact}"MessageMetadata":{{"MessageId":"m","Receipts":[{{"ReadTimestamp":"t","RecipientParticipantId":"customer"}}]}}}}"#
            );
            world.foreign_chat(MANAGER, &receipt);
            let lines = world.lines();
            let expected = match behaviour {
                Behaviour::Chatloom if !contact.is_empty() => 0,
                _ => 2,
            };
            let given = lines.iter().filter(|line| line.ends_with(" item r")).count();
            assert_eq!(given, expected, "{lines:?}");
        }
        // Items reach the session of their contact alone.
        world.foreign_chat(MANAGER, &item("m", 2, "text/plain"));
        world.foreign_chat(MANAGER, &item("n", 3, "text/plain"));
        assert_eq!(world.lines(), ["2 item m"]);
    }
}

#[test]
fn a_held_item_for_several_sessions_is_given_back_once() {
    for behaviour in BOTH {
        let mut world = connected(behaviour);
        join(&mut world, 2, behaviour);
        world.foreign_held(MANAGER, &item("m", 2, "text/plain"));
        assert_eq!(world.lines(), ["2 held 1", "releases 1"]);
        let receipt = r#"{"Id":"r","Type":"MESSAGEMETADATA","MessageMetadata":{"MessageId":"m","Receipts":[{"ReadTimestamp":"t","RecipientParticipantId":"customer"}]}}"#;
        world.foreign_held(MANAGER, receipt);
        assert_eq!(world.lines(), ["1 held 2", "2 held 2", "releases 2"]);
        world.foreign_held(MANAGER, &item("m", 9, "text/plain"));
        assert_eq!(world.lines(), ["releases 3"]);
        // Nobody listens.
        world.foreign_held(99, &item("m", 1, "text/plain"));
        assert_eq!(world.lines(), ["releases 4"]);
    }
}

#[test]
fn s163_after_a_transfer_the_agent_gets_no_more_items() {
    let mut world = connected(Behaviour::Compat);
    world.foreign_chat(MANAGER, &item("handed-on", 1, TRANSFERRED));
    world.foreign_chat(MANAGER, &item("m", 1, "text/plain"));
    assert_eq!(world.lines(), ["1 item handed-on"]);
    // It is not locked, and its token is not renewed (S170).
    world.call(1, Call::GetTranscript(Box::default()));
    assert_eq!(world.lines(), ["1 GetTranscript with host-token"]);
    assert_eq!(world.summary(1), Some("Broken"));
    world.pass(90_000_000);
    assert_eq!(world.lines(), [] as [&str; 0]);

    // In Chatloom behaviour the application is told that its part is over.
    let mut world = connected(Behaviour::Chatloom);
    world.foreign_chat(MANAGER, &item("handed-on", 1, TRANSFERRED));
    world.foreign_chat(MANAGER, &item("m", 1, "text/plain"));
    assert_eq!(world.lines(), ["1 item handed-on", "leaves 7", "1 is ended", "1 ended"]);
}

#[test]
fn s163_a_transfer_that_arrives_during_a_recovery_comes_out_in_order() {
    let mut world = connected(Behaviour::Chatloom);
    world.foreign(MANAGER, ForeignEvent::Gained);
    world.foreign_chat(MANAGER, &item("handed-on", 1, TRANSFERRED));
    world.lines();
    let page = format!(r#"{{"Transcript":[{}]}}"#, item("missed", 1, "text/plain"));
    world.answer(1, "GetTranscript", 200, &page);
    let lines = world.lines();
    assert_eq!(lines[..2], ["1 item missed", "1 item handed-on"]);
    assert_eq!(lines.last().unwrap(), "1 ended");
}

#[test]
fn s162_s163_customers_notice_nothing_of_a_transfer_and_nobody_of_who_leaves() {
    for behaviour in BOTH {
        let mut world = Several::new();
        world.create(1, options(behaviour, 1));
        world.connect(1);
        world.grant(1);
        world.opened(1);
        world.subscribed(1);
        if behaviour == Behaviour::Chatloom {
            world.empty_page(1);
        }
        world.lines();
        for (id, content_type) in [("a", TRANSFERRED), ("bb", LEFT), ("ccc", "text/plain")] {
            world.chat(1, &item(id, 1, content_type));
            assert!(world.lines().contains(&format!("1 item {id}")));
        }
        assert!(!world.sockets.is_empty());
    }
}

#[test]
fn s190_an_agent_of_a_service_that_gives_sockets_works_like_a_customer() {
    for behaviour in BOTH {
        let mut world = Several::new();
        world.create(1, SessionOptions { role: Role::Agent, ..options(behaviour, 1) });
        world.connect(1);
        assert_eq!(
            world.lines().last().unwrap(),
            r#"1 posts {"Type":["WEBSOCKET","CONNECTION_CREDENTIALS"]}"#
        );
        world.grant(1);
        assert!(!world.waits(1), "no acknowledgement");
        world.opened(1);
        world.subscribed(1);
        if behaviour == Behaviour::Chatloom {
            world.empty_page(1);
        }
        world.lines();
        world.chat(1, &item("m", 1, "text/plain"));
        assert_eq!(world.lines(), ["1 item m"]);
        world.chat(1, &item("mm", 1, TRANSFERRED));
        assert!(world.lines().contains(&"closes 1".to_owned()), "its part is over");
    }
}

#[test]
fn s196_a_manager_that_gives_up_breaks_its_sessions() {
    for behaviour in BOTH {
        let mut world = connected(behaviour);
        join(&mut world, 2, behaviour);
        world.foreign(MANAGER, ForeignEvent::Broken);
        let lines = world.lines();
        for session in [1, 2] {
            assert!(lines.contains(&format!("{session} broken")), "{lines:?}");
            assert_eq!(world.summary(session), Some("Broken"));
        }
        let leaves = behaviour == Behaviour::Chatloom;
        assert_eq!(lines.contains(&"leaves 7".to_owned()), leaves);
        world.call(1, Call::GetTranscript(Box::default()));
        assert_eq!(world.lines(), ["1 GetTranscript with host-token"]);
        // It may connect again (D5).
        world.connect(2);
        world.token(2, Ok(("host-token", None)));
        assert_eq!(world.lines().contains(&"joins 7".to_owned()), leaves);
        world.foreign_chat(MANAGER, &item("m", 2, "text/plain"));
        if behaviour == Behaviour::Compat {
            assert_eq!(world.lines(), ["2 item m"]);
        }
    }
}

#[test]
fn s158_s196_deep_heartbeats_of_a_manager_are_told_when_it_has_any() {
    for behaviour in BOTH {
        let mut world = connected(behaviour);
        world.foreign(MANAGER, ForeignEvent::Gained);
        world.lines();
        world.foreign(MANAGER, ForeignEvent::DeepHeartbeat { success: true });
        world.foreign(MANAGER, ForeignEvent::DeepHeartbeat { success: false });
        assert_eq!(world.lines(), ["1 deep heartbeat true", "1 deep heartbeat false"]);
        // None is made up.
        world.foreign(MANAGER, ForeignEvent::Lost);
        world.pass(60_000);
        assert!(!world.lines().iter().any(|line| line.contains("deep heartbeat")));
    }
}

#[test]
fn a_managers_gain_starts_a_recovery_as_a_subscription_does() {
    let mut world = connected(Behaviour::Chatloom);
    world.foreign_chat(MANAGER, &item("a", 1, "text/plain"));
    world.foreign(MANAGER, ForeignEvent::Lost);
    assert_eq!(world.lines(), ["1 item a", "1 lost", "1 is connecting"]);
    world.foreign(MANAGER, ForeignEvent::Lost);
    world.foreign(MANAGER, ForeignEvent::Gained);
    assert_eq!(world.lines(), ["1 is online", "1 established", "1 GetTranscript with host-token"]);
    world.foreign_held(MANAGER, &item("ccc", 1, "text/plain"));
    assert_eq!(world.lines(), [] as [&str; 0], "it waits");
    let page = [item("bb", 1, "text/plain"), item("a", 1, "text/plain")].join(",");
    world.answer(1, "GetTranscript", 200, &format!(r#"{{"Transcript":[{page}]}}"#));
    assert_eq!(world.lines(), ["1 item bb", "1 held 1", "releases 1", "1 caught up"]);
    world.foreign_chat(MANAGER, &item("dddd", 1, "text/plain"));
    assert_eq!(world.lines(), ["1 item dddd"]);
}

/// A manager may give an item before it says that it is back.
#[test]
fn chatloom_what_a_manager_brings_while_it_is_away_comes_with_the_next_recovery() {
    let mut world = connected(Behaviour::Chatloom);
    world.foreign(MANAGER, ForeignEvent::Lost);
    world.foreign_chat(MANAGER, &item("early", 1, "text/plain"));
    world.foreign(MANAGER, ForeignEvent::Gained);
    world.lines();
    world.empty_page(1);
    assert_eq!(world.lines(), ["1 item early", "1 caught up"]);
}

#[test]
fn chatloom_waits_for_a_manager_that_is_known_to_be_away() {
    let mut world = connected(Behaviour::Chatloom);
    world.foreign(MANAGER, ForeignEvent::Lost);
    world.foreign(MANAGER, ForeignEvent::DeepHeartbeat { success: false });
    world.create(2, agent(Behaviour::Chatloom, 2));
    world.connect(2);
    world.token(2, Ok(("host-token", None)));
    let lines = world.lines();
    assert!(!lines.contains(&"2 established".to_owned()), "{lines:?}");
    world.foreign(MANAGER, ForeignEvent::Gained);
    let lines = world.lines();
    assert!(lines.contains(&"2 established".to_owned()), "{lines:?}");
}

#[test]
fn a_host_that_fails_to_bring_a_token_has_none() {
    for behaviour in BOTH {
        let mut world = Several::new();
        world.create(1, agent(behaviour, 1));
        world.connect(1);
        let request = world.token_request(1);
        world.lines();
        world.input(Input::Failed { request, message: "gone".to_owned() });
        assert_eq!(world.lines(), [FALLBACK]);
        world.pass(61_000);
        assert_eq!(world.lines(), [] as [&str; 0], "the host is waited for no longer");
        world.grant(1);
        assert!(world.lines().contains(&"1 done".to_owned()));
    }
}

#[test]
fn forget_takes_nothing_more_from_the_host() {
    for behaviour in BOTH {
        let mut world = Several::new();
        world.create(1, agent(behaviour, 1));
        world.connect(1);
        world.lines();
        world.input(Input::Forget { session: SessionId(1) });
        assert_eq!(world.lines(), ["1 failed"]);
        world.token(1, Ok(("late", None)));
        world.pass(100_000);
        assert_eq!(world.lines(), [] as [&str; 0]);
    }
}
