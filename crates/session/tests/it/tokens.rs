//! Connections, tokens and their ends, statement by statement.

use chatloom_session::{
    Behaviour, Call, CallError, Input, NewAttachment, Outgoing, SessionId, SessionOptions,
};
use chatloom_wire::{ContentType, frame::ServerFrame};

use crate::{
    several::{self, CHAT_ENDED, Several, item},
    world::{Reply, Seen, World},
};

const CONNECTION: &str = "CreateParticipantConnection";
const BOTH: [Behaviour; 2] = [Behaviour::Compat, Behaviour::Chatloom];

/// A session of contact 1 whose socket 1 is open, subscribed and trusted.
fn connected(behaviour: Behaviour) -> Several {
    let mut world = Several::new();
    world.create(1, several::options(behaviour, 1));
    world.connect(1);
    world.grant(1);
    world.opened(1);
    world.subscribed(1);
    if behaviour == Behaviour::Chatloom {
        world.empty_page(1);
    }
    world.lines();
    world
}

#[test]
fn s048_connect_fails_with_the_services_name_text_and_status() {
    for behaviour in BOTH {
        let mut world = World::new(behaviour);
        world.script(CONNECTION, &[Reply::Status(403)]);
        let call = world.call(Call::Connect);
        world.run(1_000);
        let Some(Err(CallError::Service(error))) = world.result(call) else { panic!("no error") };
        assert_eq!(
            (error.kind.name(), error.message.as_str(), error.status),
            ("AccessDeniedException", "told to", 403)
        );
    }
}

#[test]
fn s054_mended_a_url_without_an_expiry_is_used_at_once() {
    for behaviour in BOTH {
        for expiry in ["", r#","ConnectionExpiry":null"#, r#","ConnectionExpiry":"soon""#] {
            let mut world = Several::new();
            world.create(1, several::options(behaviour, 1));
            world.connect(1);
            let body = format!(
                r#"{{"Websocket":{{"Url":"wss://service.test/1"{expiry}}},"ConnectionCredentials":{{"ConnectionToken":"t","Expiry":"2026-01-02T00:00:00Z"}}}}"#
            );
            world.answer(1, CONNECTION, 200, &body);
            assert!(world.lines().contains(&"opens 1".to_owned()));
            assert!(!world.waits(1), "the service is not asked again");
        }
    }
}

#[test]
fn s169_a_refetch_for_a_socket_replaces_the_token() {
    for behaviour in BOTH {
        let mut world = connected(behaviour);
        world.closed(1);
        world.grant(1);
        world.opened(2);
        world.lines();
        world.call(1, Call::GetTranscript(Box::default()));
        assert_eq!(world.lines(), ["1 GetTranscript with token-2"]);
    }
}

#[test]
fn s170_at_the_end_and_when_broken_the_token_is_renewed_no_more() {
    for behaviour in BOTH {
        for broken in [false, true] {
            let mut world = connected(behaviour);
            if broken {
                world.closed(1);
                let looks = if behaviour == Behaviour::Compat { 1 } else { 5 };
                for _ in 0..looks {
                    world.pass(10_000);
                    world.refuse(1, 404);
                }
            } else {
                world.chat(1, &item("end", 1, CHAT_ENDED));
            }
            let lines = world.lines();
            let last = if broken { "1 broken" } else { "1 ended" };
            assert_eq!(lines.last().map(String::as_str), Some(last), "{behaviour:?}");
            world.pass(200_000_000);
            assert_eq!(world.lines(), [] as [&str; 0]);
            assert!(!world.waits(1));
        }
    }
}

#[test]
fn s159_s155_an_outage_has_no_details_in_compat_and_a_reason_in_chatloom() {
    for behaviour in BOTH {
        let mut world = connected(behaviour);
        world.frame(1, &ServerFrame::Heartbeat);
        world.pass(15_000);
        world.lines();
        world.closed(1);
        let lines = world.lines();
        match behaviour {
            Behaviour::Compat => assert_eq!(lines.len(), 2, "lost, and asks again: {lines:?}"),
            Behaviour::Chatloom => {
                assert_eq!(lines[..2], ["1 lost", "1 is connecting"]);
                world.refuse(1, 500);
                assert_eq!(world.lines(), ["1 is waiting"]);
            }
        }
    }
}

#[test]
fn s165_mended_one_refusal_during_an_outage_does_not_stop_receipts() {
    // The original takes the chat for ended after one 403, and takes that back when a connection is
    // gained. Here one 403 is not believed in the first place.
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.script(CONNECTION, &[Reply::Status(403)]);
        world.cut();
        world.run(5_000);
        assert!(!world.story().contains(&"ended"));
        let receipt = world.call(Call::SendEvent(Outgoing {
            content_type: ContentType::MessageRead,
            content: Some(r#"{"messageId":"m","disableThrottle":true}"#.to_owned()),
            client_token: None,
        }));
        world.run(15_000);
        assert!(matches!(world.result(receipt), Some(Ok(_))));
        assert_eq!(world.requests("SendEvent").len(), 1);
    }
}

#[test]
fn s157_a_broken_session_gets_no_items_and_may_still_call() {
    for behaviour in BOTH {
        let mut world = connected(behaviour);
        world.closed(1);
        world.refuse(1, 400);
        world.lines();
        world.chat(1, &item("late", 1, "text/plain"));
        world.held_chat(1, &item("late", 1, "text/plain"));
        assert_eq!(world.lines(), ["releases 1"]);
        for call in [
            Call::GetTranscript(Box::default()),
            Call::DisconnectParticipant,
            Call::SendAttachment(NewAttachment {
                name: "a.txt".to_owned(),
                size: 1,
                content_type: "text/plain".to_owned(),
            }),
        ] {
            world.call(1, call);
            assert_eq!(world.lines().len(), 1, "a request");
        }
    }
}

#[test]
fn s201_any_close_is_an_outage_and_one_of_a_busy_service_is_answered_a_little_later() {
    for behaviour in BOTH {
        for (code, at_once) in [
            (1000, true),
            (1001, true),
            (1006, true),
            (1008, true),
            (1012, false),
            (1013, false),
            (4000, true),
        ] {
            let mut world = connected(behaviour);
            world.frame(1, &ServerFrame::Heartbeat);
            world.pass(15_000);
            world.lines();
            world.closed_with(1, code);
            assert_eq!(world.lines()[0], "1 lost");
            assert_eq!(world.waits(1), at_once, "{code}");
            world.pass(500);
            world.grant(1);
            world.opened(2);
            world.subscribed(2);
            let lines = world.lines();
            assert!(lines.contains(&"1 established".to_owned()), "{code}: {lines:?}");
        }
    }
}

#[test]
fn s195_mended_d5_connect_during_an_outage_succeeds_and_asks_for_nothing_more() {
    for behaviour in BOTH {
        let mut world = connected(behaviour);
        world.closed(1);
        assert!(world.waits(1));
        world.lines();
        world.connect(1);
        assert_eq!(world.lines(), ["1 done"]);
        world.grant(1);
        assert!(!world.waits(1));
        assert_eq!(world.lines().last().unwrap(), "opens 2");
    }
}

#[test]
fn s062_a_waiting_attempt_takes_the_token_that_is_newest_then() {
    for behaviour in BOTH {
        let mut world = connected(behaviour);
        world.call(1, Call::GetTranscript(Box::default()));
        world.answer(1, "GetTranscript", 503, "{}");
        world.closed(1);
        world.grant(1);
        world.lines();
        world.pass(1_000);
        assert!(world.lines().contains(&"1 GetTranscript with token-2".to_owned()));
    }
}

#[test]
fn a_visible_page_or_a_network_that_is_back_does_not_hammer_the_service() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.always(CONNECTION, Reply::Status(500));
        world.cut();
        world.run(60_000);
        world.forget_seen();
        let before = world.requests(CONNECTION).len();
        for _ in 0..50 {
            world.input(Input::Visibility { visible: true });
            world.input(Input::Network { online: true });
        }
        world.run(5);
        let asked = world.requests(CONNECTION).len() - before;
        assert!(asked <= 1, "{asked}: one request at a time");
    }
}

#[test]
fn during_a_hand_over_only_one_socket_speaks_of_deep_heartbeats() {
    for behaviour in BOTH {
        let mut world = connected(behaviour);
        let ping = ServerFrame::Ping { status_code: Some(200), status_content: Some("OK".into()) };
        let beat = ServerFrame::Heartbeat;
        world.frame(1, &beat);
        world.frame(1, &ping);
        world.pass(20_001);
        world.lines();
        world.grant(1);
        world.opened(2);
        world.lines();
        world.frame(1, &ping);
        world.frame(2, &ping);
        assert_eq!(world.lines(), ["1 deep heartbeat true"]);
    }
}

#[test]
fn a_reconnect_that_is_over_leaves_nothing_that_holds_up_the_next_request() {
    // A socket of a hand-over fails while a connection is asked for; the wait that this begins ends
    // with the answer.
    for behaviour in BOTH {
        let mut world = connected(behaviour);
        world.pass(3_540_000);
        world.grant(1);
        world.closed(2);
        world.lines();
        world.pass(2_000);
        assert!(world.waits(1));
        world.grant(1);
        world.opened(3);
        world.call(1, Call::GetTranscript(Box::default()));
        world.answer(1, "GetTranscript", 403, "{}");
        assert!(world.lines().contains(&format!("1 posts {}", several::CUSTOMER_ASKS)));
    }
}

#[test]
fn a_session_number_that_is_taken_is_refused_and_the_first_goes_on() {
    let mut world = connected(Behaviour::Compat);
    world.create(1, SessionOptions { ..several::options(Behaviour::Chatloom, 2) });
    world.chat(1, &item("m", 1, "text/plain"));
    assert_eq!(world.lines(), ["1 item m"]);
    let details = world.core.chat_details(SessionId(1)).unwrap();
    assert_eq!(details.contact_id.as_str(), "contact-1");
    assert!(world.core.chat_details(SessionId(2)).is_none());
}

#[test]
fn frames_are_written_once_to_each_socket_in_the_original_order() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.cut();
        world.run(2_000);
        let sent: Vec<&str> = world
            .seen
            .iter()
            .filter_map(|(_, seen)| match seen {
                Seen::Sent(text) if text.contains("subscribe") => Some("subscribe"),
                Seen::Sent(text) if text.contains("ping") => Some("ping"),
                Seen::Sent(text) if text.contains("heartbeat") => Some("heartbeat"),
                _ => None,
            })
            .collect();
        assert_eq!(sent, ["subscribe", "ping", "heartbeat", "subscribe", "ping", "heartbeat"]);
    }
}
