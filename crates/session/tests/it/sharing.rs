//! Sockets that sessions of one contact share in the original behaviour, and what they do not share.

use chatloom_session::{Behaviour, Call, ConnectionStatus, Input, SessionId, SessionOptions};

use crate::several::{CHAT_ENDED, Several, item, options};

/// Sessions 1 to `count` of contact 1 in the original behaviour, on one open socket.
fn sharing(count: u32) -> Several {
    let mut world = Several::new();
    for session in 1..=count {
        world.create(session, options(Behaviour::Compat, 1));
        world.connect(session);
        world.grant(session);
    }
    world.opened(1);
    world.subscribed(1);
    world.lines();
    world
}

#[test]
fn s047_s055_a_second_session_of_a_contact_shares_the_socket() {
    let mut world = Several::new();
    world.create(1, options(Behaviour::Compat, 1));
    world.create(2, options(Behaviour::Compat, 1));
    world.connect(1);
    world.grant(1);
    world.opened(1);
    world.subscribed(1);
    world.lines();
    // Both ask the service; the second neither opens a socket nor hears that one opened.
    world.connect(2);
    world.grant(2);
    assert_eq!(
        world.lines(),
        [r#"2 posts {"Type":["WEBSOCKET","CONNECTION_CREDENTIALS"]}"#, "2 done", "2 connected"]
    );
    assert_eq!(
        world.core.connection_status(SessionId(2)),
        Some(ConnectionStatus::Connected),
        "the present status of the socket"
    );
    world.pass(1_000);
    assert_eq!(world.lines(), [] as [&str; 0]);
    // Each has a token of its own (S62).
    world.call(1, Call::GetTranscript(Box::default()));
    world.call(2, Call::GetTranscript(Box::default()));
    assert_eq!(world.lines(), ["1 GetTranscript with token-1", "2 GetTranscript with token-2"]);
}

#[test]
fn s055_items_and_connection_events_reach_all_who_share() {
    let mut world = sharing(3);
    world.chat(1, &item("m", 1, "text/plain"));
    assert_eq!(world.lines(), ["1 item m", "2 item m", "3 item m"]);
    world.held_chat(1, &item("n", 1, "text/plain"));
    assert_eq!(world.lines(), ["1 held 1", "2 held 1", "3 held 1", "releases 1"]);
    world.held_chat(1, &item("n", 9, "text/plain"));
    assert_eq!(world.lines(), ["releases 2"]);
    world.closed(1);
    let mut lost = world.lines();
    lost.retain(|line| line.ends_with("lost"));
    assert_eq!(lost, ["1 lost", "2 lost", "3 lost"]);
    for session in 1..=3 {
        assert_eq!(world.summary(session), Some("Broken"));
    }
    // One of them brings the socket back for all.
    assert!(world.waits(1) && !world.waits(2) && !world.waits(3));
    world.grant(1);
    world.opened(2);
    assert_eq!(world.lines(), ["opens 2", "1 established", "2 established", "3 established"]);
    for session in 1..=3 {
        assert_eq!(world.summary(session), Some("Established"));
    }
}

#[test]
fn s158_deep_heartbeats_reach_all_who_share() {
    let mut world = sharing(2);
    let ping = chatloom_wire::frame::ServerFrame::Ping {
        status_code: Some(200),
        status_content: Some("OK".into()),
    };
    world.frame(1, &ping);
    assert_eq!(world.lines(), ["1 deep heartbeat true", "2 deep heartbeat true"]);
    world.pass(20_001);
    let lines = world.lines();
    for line in ["1 deep heartbeat false", "2 deep heartbeat false"] {
        assert_eq!(lines.iter().filter(|it| *it == line).count(), 1, "{lines:?}");
    }
}

#[test]
fn s206_at_the_end_all_are_told_and_the_socket_closes_once() {
    let mut world = sharing(2);
    world.chat(1, &item("end", 1, CHAT_ENDED));
    assert_eq!(world.lines(), ["1 item end", "1 ended", "closes 1", "2 item end", "2 ended"]);
    assert!(world.sockets.is_empty());
    world.pass(100_000);
    assert_eq!(world.lines(), [] as [&str; 0]);

    let mut world = sharing(3);
    world.held_chat(1, &item("end", 1, CHAT_ENDED));
    let lines = world.lines();
    assert_eq!(lines.iter().filter(|line| line.starts_with("closes")).count(), 1, "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line.ends_with("held 1")).count(), 3);
    assert_eq!(lines.iter().filter(|line| line.ends_with("ended")).count(), 3);
    assert!(world.with_core.is_empty());
}

#[test]
fn s055_the_socket_survives_the_session_that_opened_it() {
    let mut world = sharing(3);
    world.pass(5_000);
    world.input(Input::Forget { session: SessionId(1) });
    assert_eq!(world.lines(), [] as [&str; 0], "nothing is closed and nobody is told");
    world.chat(1, &item("m", 1, "text/plain"));
    assert_eq!(world.lines(), ["2 item m", "3 item m"]);
    // It still has its heartbeats: unanswered, it is replaced.
    world.pass(20_000);
    assert!(world.waits(2));
    world.grant(2);
    world.opened(2);
    world.subscribed(2);
    assert!(world.lines().contains(&"closes 1".to_owned()));
    // The next one to go passes on what the first one left.
    world.input(Input::Forget { session: SessionId(2) });
    world.chat(2, &item("n", 1, "text/plain"));
    assert_eq!(world.lines(), ["3 item n"]);
    world.input(Input::Forget { session: SessionId(3) });
    assert_eq!(world.lines(), ["closes 2"]);
    // Whoever comes now opens a socket again.
    world.create(4, options(Behaviour::Compat, 1));
    world.connect(4);
    world.grant(4);
    assert_eq!(world.lines().last().unwrap(), "opens 3");
}

#[test]
fn s055_an_heir_brings_a_lost_socket_back() {
    let mut world = sharing(2);
    world.closed(1);
    world.refuse(1, 503);
    world.lines();
    world.input(Input::Forget { session: SessionId(1) });
    assert!(world.waits(2), "at once");
    world.grant(2);
    world.opened(2);
    assert_eq!(world.lines().last().unwrap(), "2 established");
}

#[test]
fn s055_a_follower_that_goes_leaves_the_socket_alone() {
    let mut world = sharing(2);
    world.input(Input::Forget { session: SessionId(2) });
    world.chat(1, &item("m", 1, "text/plain"));
    assert_eq!(world.lines(), ["1 item m"]);
    world.closed(1);
    assert_eq!(world.lines()[0], "1 lost");
}

#[test]
fn s157_all_who_share_a_socket_break_together_and_may_connect_again() {
    let mut world = sharing(2);
    world.closed(1);
    world.lines();
    world.refuse(1, 400);
    assert_eq!(world.lines(), ["1 broken", "2 broken"]);
    world.call(2, Call::GetTranscript(Box::default()));
    assert_eq!(world.lines(), ["2 GetTranscript with token-2"]);
    world.connect(2);
    world.grant(2);
    assert!(world.lines().contains(&"opens 2".to_owned()), "it leads now");
    world.connect(1);
    world.grant(1);
    assert!(!world.lines().iter().any(|line| line.starts_with("opens")));
}

#[test]
fn s164_all_who_share_a_socket_learn_that_the_chat_ended_meanwhile() {
    let mut world = sharing(2);
    world.closed(1);
    world.refuse(1, 403);
    world.pass(2_000);
    world.lines();
    world.refuse(1, 403);
    assert_eq!(world.lines(), ["1 item ", "1 ended", "2 item ", "2 ended"]);
    world.pass(100_000);
    assert_eq!(world.lines(), [] as [&str; 0]);
}

#[test]
fn a_follower_whose_renewal_is_refused_stays() {
    let mut world = sharing(2);
    world.input(Input::Network { online: false });
    world.input(Input::Network { online: true });
    world.closed(1);
    world.call(2, Call::GetTranscript(Box::default()));
    world.answer(2, "GetTranscript", 403, "{}");
    world.lines();
    for status in [403, 404] {
        world.refuse(2, status);
        world.pass(31_000);
        let lines = world.lines();
        assert!(!lines.iter().any(|line| line == "2 broken" || line == "2 ended"), "{lines:?}");
        world.call(2, Call::GetTranscript(Box::default()));
        world.answer(2, "GetTranscript", 403, "{}");
        assert!(world.waits(2));
    }
}

#[test]
fn chatloom_sessions_other_contacts_and_other_endpoints_have_sockets_of_their_own() {
    let mut other_endpoint = options(Behaviour::Compat, 1);
    other_endpoint.endpoint = "https://other.test".to_owned();
    let agent =
        SessionOptions { role: chatloom_session::Role::Agent, ..options(Behaviour::Compat, 1) };
    for (first, second) in [
        (options(Behaviour::Chatloom, 1), options(Behaviour::Chatloom, 1)),
        (options(Behaviour::Compat, 1), options(Behaviour::Chatloom, 1)),
        (options(Behaviour::Compat, 1), options(Behaviour::Compat, 2)),
        (options(Behaviour::Compat, 1), other_endpoint),
        (options(Behaviour::Compat, 1), agent),
    ] {
        let mut world = Several::new();
        for (session, options) in [(1, first), (2, second)] {
            world.create(session, options);
            world.connect(session);
            world.grant(session);
        }
        assert_eq!(world.sockets.len(), 2);
    }
}

#[test]
fn s029_s043_mended_d14_each_session_has_its_own_endpoint_and_agent_string() {
    for behaviour in [Behaviour::Compat, Behaviour::Chatloom] {
        let mut world = Several::new();
        for (session, name) in [(1, "one"), (2, "two")] {
            let mut options = options(behaviour, session);
            options.endpoint = format!("https://{name}.test");
            options.user_agent = format!("agent/{name}");
            world.create(session, options);
            world.connect(session);
            let request = world.request(session, "CreateParticipantConnection");
            assert_eq!(request.url, format!("https://{name}.test/participant/connection"));
            assert_eq!(request.headers[1], ("x-amz-user-agent", format!("agent/{name}")));
        }
    }
}
