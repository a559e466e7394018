//! Calls of the application.

use chatloom_session::{Behaviour, Call, CallError, CallId, Input, NewAttachment, Outgoing, Value};
use chatloom_wire::{
    ContentType,
    participant::{GetTranscriptRequest, ScanDirection, SortOrder, StartPosition},
};

use crate::{
    several::{self, Several},
    world::{Reply, Seen, World},
};

const BOTH: [Behaviour; 2] = [Behaviour::Compat, Behaviour::Chatloom];

fn body(world: &World, operation: &str) -> String {
    let (_, http) = world
        .service
        .requests
        .iter()
        .rev()
        .find(|(_, http)| http.operation == operation)
        .expect("a request");
    http.body.clone()
}

/// What the original refuses without a connection (docs/protocol/websocket.md S57).
fn guarded(world: &mut World) -> Vec<CallId> {
    let calls = [
        Call::GetTranscript(Box::default()),
        Call::SendAttachment(NewAttachment {
            name: "a.txt".to_owned(),
            size: 1,
            content_type: "text/plain".to_owned(),
        }),
        Call::DownloadAttachment { attachment_id: "file-0".into() },
        Call::GetAttachmentUrl { attachment_id: "file-0".into() },
        Call::DisconnectParticipant,
    ];
    let mut made = vec![world.send("x"), world.typing()];
    made.extend(calls.map(|what| world.call(what)));
    made
}

/// What the original also sends when the chat is over (docs/protocol/websocket.md S58).
fn unguarded(world: &mut World) -> Vec<CallId> {
    let session_id = "0123456789abcdef0123456789abcdef0123".to_owned();
    let redirect_uri = "https://example.com/".to_owned();
    [
        Call::DescribeView { view_token: "token".to_owned() },
        Call::GetAuthenticationUrl { redirect_uri, session_id: session_id.clone() },
        Call::CancelParticipantAuthentication { session_id },
    ]
    .map(|what| world.call(what))
    .to_vec()
}

fn are_refused(world: &World, calls: &[CallId]) -> bool {
    calls
        .iter()
        .all(|call| matches!(world.result(*call), Some(Err(CallError::NotConnected { .. }))))
}

fn ended(behaviour: Behaviour) -> World {
    let mut world = World::connected(behaviour);
    world.end_chat();
    world.run(100);
    assert_eq!(world.story().last(), Some(&"ended"));
    world
}

#[test]
fn s057_s091_calls_before_connect_and_after_the_end_fail() {
    for behaviour in BOTH {
        for mut world in [World::new(behaviour), ended(behaviour)] {
            let calls = guarded(&mut world);
            assert!(are_refused(&world, &calls), "{behaviour:?}");
        }
        // And in between they do not.
        let mut world = World::connected(behaviour);
        let calls = guarded(&mut world);
        assert!(calls.iter().all(|call| world.result(*call).is_none()));
    }
}

#[test]
fn s058_views_and_signing_in_need_a_connect_and_in_compat_no_chat() {
    for behaviour in BOTH {
        let mut world = World::new(behaviour);
        let calls = unguarded(&mut world);
        assert!(are_refused(&world, &calls), "before connect");

        let mut world = ended(behaviour);
        let calls = unguarded(&mut world);
        if behaviour == Behaviour::Chatloom {
            assert!(are_refused(&world, &calls));
            continue;
        }
        assert!(calls.iter().all(|call| world.result(*call).is_none()), "they are sent");
        world.run(100);
        for call in calls {
            let result = world.result(call);
            assert!(matches!(result, Some(Err(CallError::Service(e))) if e.status == 403));
        }
        // With their attempts, and without a look for a new token.
        world.script("DescribeView", &[Reply::Status(500), Reply::Status(503)]);
        world.call(Call::DescribeView { view_token: "token".to_owned() });
        world.run(10_000);
        assert_eq!(world.requests("DescribeView").len(), 1 + 3);
        assert_eq!(world.requests("CreateParticipantConnection").len(), 1);
    }
}

#[test]
fn s058_what_waits_for_its_next_attempt_when_the_chat_ends_goes_on_in_compat() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.script("DescribeView", &[Reply::Later(503, 2_000)]);
        let call = world.call(Call::DescribeView { view_token: "token".to_owned() });
        world.run(100);
        world.end_chat();
        world.run(10_000);
        let expected = if behaviour == Behaviour::Compat { 2 } else { 1 };
        assert_eq!(world.requests("DescribeView").len(), expected);
        assert!(world.result(call).unwrap().is_err());
    }
}

#[test]
fn s057_compat_does_not_send_before_connect_has_resolved() {
    let mut world = World::new(Behaviour::Compat);
    world.call(Call::Connect);
    let call = world.send("too early");
    assert!(matches!(world.result(call), Some(Err(CallError::NotConnected { .. }))));
}

#[test]
fn s066_the_body_of_a_message() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.call(Call::SendMessage(Outgoing {
            content_type: ContentType::TextMarkdown,
            content: Some("say \"hi\"".to_owned()),
            client_token: Some("mine".to_owned()),
        }));
        world.run(100);
        assert_eq!(
            body(&world, "SendMessage"),
            r#"{"ClientToken":"mine","Content":"say \"hi\"","ContentType":"text/markdown"}"#
        );
        world.send("made up");
        world.run(100);
        let text = body(&world, "SendMessage");
        let token = text.split('"').nth(3).unwrap();
        assert_eq!((token.len(), token.as_bytes()[14]), (36, b'4'), "{text}");
    }
}

#[test]
fn s062_calls_carry_the_newest_token() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.run(15_000);
        world.cut();
        world.run(1_000);
        world.send("x");
        world.run(100);
        let (_, http) = world.service.requests.last().unwrap();
        assert!(http.headers.contains(&("x-amz-bearer", "connection-token-1".to_owned())));
        assert_eq!(http.url, "https://service.test/participant/message");
        // In Chatloom behaviour the core reads the id of the message.
        assert_eq!(http.keep_body, behaviour == Behaviour::Compat);
    }
}

#[test]
fn s068_s069_a_page_of_the_transcript_has_defaults() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        for n in 0..5 {
            world.say(&n.to_string());
        }
        world.call(Call::GetTranscript(Box::default()));
        world.run(100);
        let defaults = r#""ScanDirection":"BACKWARD","SortOrder":"ASCENDING","StartPosition":{}}"#;
        assert_eq!(body(&world, "GetTranscript"), format!(r#"{{"MaxResults":15,{defaults}"#));

        // An empty token or contact is none.
        let request = GetTranscriptRequest {
            contact_id: Some("".into()),
            next_token: Some(String::new()),
            ..GetTranscriptRequest::default()
        };
        world.call(Call::GetTranscript(Box::new(request)));
        world.run(100);
        assert_eq!(body(&world, "GetTranscript"), format!(r#"{{"MaxResults":15,{defaults}"#));

        let request = GetTranscriptRequest {
            contact_id: Some("contact-1".into()),
            max_results: Some(3),
            next_token: Some("3".to_owned()),
            scan_direction: Some(ScanDirection::Forward),
            sort_order: Some(SortOrder::Descending),
            start_position: Some(StartPosition {
                id: Some("item-00001".into()),
                absolute_time: Some("2026-01-01T00:00:00.000Z".to_owned()),
                most_recent: Some(2),
            }),
        };
        world.call(Call::GetTranscript(Box::new(request)));
        world.run(100);
        assert_eq!(
            body(&world, "GetTranscript"),
            r#"{"ContactId":"contact-1","MaxResults":3,"NextToken":"3","ScanDirection":"FORWARD","SortOrder":"DESCENDING","StartPosition":{"Id":"item-00001","AbsoluteTime":"2026-01-01T00:00:00.000Z","MostRecent":2}}"#
        );
    }
}

#[test]
fn s068_a_page_of_nothing_is_a_default_page_in_compat() {
    for (behaviour, expected) in [(Behaviour::Compat, 15), (Behaviour::Chatloom, 0)] {
        let mut world = World::connected(behaviour);
        let request = GetTranscriptRequest { max_results: Some(0), ..Default::default() };
        world.call(Call::GetTranscript(Box::new(request)));
        world.run(100);
        let text = body(&world, "GetTranscript");
        assert!(text.starts_with(&format!(r#"{{"MaxResults":{expected},"#)), "{text}");
    }
}

#[test]
fn s084_compat_sends_messages_in_parallel() {
    let mut world = World::connected(Behaviour::Compat);
    world.send("one");
    world.send("two");
    let sent = world.seen.iter().filter(|(_, seen)| matches!(seen, Seen::Http("SendMessage")));
    assert_eq!(sent.count(), 2);
}

#[test]
fn s060_compat_makes_three_attempts_as_the_sdk() {
    for (reply, attempts) in [
        (Reply::Status(500), 3),
        (Reply::Status(502), 3),
        (Reply::Status(503), 3),
        (Reply::Status(504), 3),
        (Reply::Status(429), 3),
        (Reply::Status(400), 1),
        (Reply::Status(402), 1),
        (Reply::Status(404), 1),
        (Reply::Status(409), 1),
        (Reply::Lost, 1),
    ] {
        let mut world = World::connected(Behaviour::Compat);
        world.always("SendMessage", reply);
        let call = world.send("x");
        world.run(60_000);
        assert_eq!(world.requests("SendMessage").len(), attempts, "{reply:?}");
        match world.result(call) {
            Some(Err(CallError::Unreachable { .. })) => assert_eq!(reply, Reply::Lost),
            Some(Err(CallError::Service(error))) => {
                assert!(matches!(reply, Reply::Status(status) if status == error.status));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn s060_a_failure_has_a_name_a_text_and_a_status() {
    for behaviour in BOTH {
        for (status, name) in [
            (400, "ValidationException"),
            (402, "ServiceQuotaExceededException"),
            (403, "AccessDeniedException"),
            (404, "ResourceNotFoundException"),
            (409, "ConflictException"),
        ] {
            let mut world = World::connected(behaviour);
            world.always("DescribeView", Reply::Status(status));
            let call = world.call(Call::DescribeView { view_token: "token".to_owned() });
            world.run(5_000);
            let Some(Err(CallError::Service(error))) = world.result(call) else { panic!() };
            assert_eq!(
                (error.kind.name(), error.status, error.message.as_str()),
                (name, status, "told to"),
                "{behaviour:?}"
            );
        }
    }
}

#[test]
fn s059_an_answer_counts_its_attempts() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.script("DescribeView", &[Reply::Status(500), Reply::Later(429, 3_000)]);
        let call = world.call(Call::DescribeView { view_token: "token".to_owned() });
        world.run(10_000);
        let Some(Ok(Value::Answered(answer))) = world.result(call) else { panic!() };
        assert_eq!((answer.attempts, answer.request_id.as_deref()), (3, Some("request")));
        assert!((3_000..5_000).contains(&answer.retry_delay_ms), "{behaviour:?}");
        assert_eq!(answer.body, r#"{"View":{"Id":"view","Name":"Form"}}"#);
    }
}

#[test]
fn chatloom_repeats_other_calls_a_bounded_number_of_times() {
    for reply in [Reply::Lost, Reply::AnswerLost, Reply::Status(500), Reply::Status(429)] {
        let mut world = World::connected(Behaviour::Chatloom);
        world.always("SendEvent", reply);
        let call = world.typing();
        world.run(60_000);
        assert_eq!(world.requests("SendEvent").len(), 5);
        assert!(world.result(call).unwrap().as_ref().unwrap_err().can_retry());
        let tokens: std::collections::BTreeSet<&str> = world
            .service
            .requests
            .iter()
            .filter(|(_, http)| http.operation == "SendEvent")
            .map(|(_, http)| http.body.as_str())
            .collect();
        assert_eq!(tokens.len(), 1, "one client token for all attempts");
    }
}

#[test]
fn d04_a_refused_token_is_renewed_once_and_the_call_made_again() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.revoke_tokens();
        let calls = [world.send("x"), world.call(Call::GetTranscript(Box::default()))];
        world.run(1_000);
        for call in calls {
            assert!(matches!(world.result(call), Some(Ok(Value::Answered(_)))), "{behaviour:?}");
        }
        assert_eq!(world.requests("CreateParticipantConnection").len(), 2, "one for both");
        assert_eq!(world.opened().len(), 1, "the socket stays");
    }
}

#[test]
fn a_call_that_is_refused_again_fails() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.always("SendMessage", Reply::Status(403));
        let calls = [world.send("one"), world.send("two")];
        world.run(5_000);
        for call in calls {
            let result = world.result(call);
            assert!(matches!(result, Some(Err(CallError::Service(e))) if e.status == 403));
        }
        assert_eq!(world.requests("SendMessage").len(), 4);
        world.run(60_000);
        assert_eq!(world.open_sockets().len(), 1);
    }
}

#[test]
fn a_call_refused_for_a_token_that_is_no_longer_used_asks_for_no_other() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.revoke_tokens();
        let first = world.call(Call::GetTranscript(Box::default()));
        // Its 403 arrives after 10 ms, the new token 10 ms later; in between goes one more call.
        world.run(12);
        let second = world.call(Call::GetTranscript(Box::default()));
        world.run(1_000);
        for call in [first, second] {
            assert!(matches!(world.result(call), Some(Ok(Value::Answered(_)))));
        }
        assert_eq!(world.requests("CreateParticipantConnection").len(), 2, "{behaviour:?}");
    }
}

#[test]
fn a_refused_call_does_not_wait_for_the_network() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.revoke_tokens();
        let call = world.typing();
        world.input(Input::Network { online: false });
        world.run(100);
        assert!(matches!(world.result(call), Some(Err(CallError::Service(e))) if e.status == 403));
    }
}

#[test]
fn a_refused_call_hears_of_it_when_no_new_token_comes() {
    let mut world = World::connected(Behaviour::Compat);
    world.revoke_tokens();
    world.always("CreateParticipantConnection", Reply::Status(500));
    let call = world.send("x");
    world.run(1_000);
    assert!(matches!(world.result(call), Some(Err(CallError::Service(e))) if e.status == 403));
}

#[test]
fn s088_s090_d09_typing_is_sent_once_in_ten_seconds() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let first = world.typing();
        let second = world.typing();
        assert!(world.result(second).is_none(), "the earlier one is not done yet");
        world.run(100);
        let third = world.typing();
        for call in [second, third] {
            let result = world.result(call);
            assert!(
                matches!(result, Some(Ok(Value::Repeated { earlier })) if *earlier == first),
                "{result:?}"
            );
        }
        let order: Vec<_> = world
            .seen
            .iter()
            .filter_map(|(_, seen)| match seen {
                Seen::Done(call, _) => Some(*call),
                _ => None,
            })
            .collect();
        assert_eq!(order[1..], [first, second, third]);
        world.run(9_800);
        world.typing();
        assert_eq!(world.requests("SendEvent").len(), 1);
        world.run(200);
        let later = world.typing();
        world.run(100);
        assert_eq!(world.requests("SendEvent").len(), 2);
        assert!(matches!(world.result(later), Some(Ok(Value::Answered(_)))));
    }
}

#[test]
fn s089_mended_d09_the_typing_throttle_belongs_to_the_session() {
    let typing = || {
        Call::SendEvent(Outgoing {
            content_type: ContentType::Typing,
            content: None,
            client_token: None,
        })
    };
    for behaviour in BOTH {
        let mut world = Several::new();
        for n in [1, 2] {
            world.create(n, several::options(behaviour, n));
            world.connect(n);
            world.grant(n);
        }
        world.lines();
        // Each has its own throttle, and its own answer.
        for n in [1, 2, 1, 2] {
            world.call(n, typing());
        }
        let lines = world.lines();
        let sent: Vec<_> = lines.iter().filter(|line| line.contains("SendEvent")).collect();
        assert!(
            sent.len() == 2 && sent[0].starts_with('1') && sent[1].starts_with('2'),
            "{lines:?}"
        );
        world.answer(2, "SendEvent", 200, "{}");
        assert_eq!(world.lines(), ["2 done", "2 done"]);
        assert_eq!(world.request(1, "SendEvent").operation, "SendEvent");
    }
}

#[test]
fn a_failed_typing_event_does_not_silence_the_next_in_chatloom() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.script("SendEvent", &[Reply::Status(400)]);
    let first = world.typing();
    let follower = world.typing();
    world.run(100);
    assert!(world.result(first).unwrap().is_err());
    assert_eq!(world.result(first).unwrap().is_err(), world.result(follower).unwrap().is_err());
    let next = world.typing();
    world.run(100);
    assert!(matches!(world.result(next), Some(Ok(Value::Answered(_)))));

    // The original gives the failed answer again (S90).
    let mut world = World::connected(Behaviour::Compat);
    world.script("SendEvent", &[Reply::Status(400)]);
    world.typing();
    world.run(100);
    let next = world.typing();
    assert!(world.result(next).unwrap().is_err());
}

#[test]
fn s092_other_events_are_not_throttled() {
    let mut world = World::connected(Behaviour::Compat);
    for _ in 0..3 {
        world.call(Call::SendEvent(Outgoing {
            content_type: ContentType::ConnectionAcknowledged,
            content: None,
            client_token: None,
        }));
    }
    world.run(100);
    assert_eq!(world.requests("SendEvent").len(), 3);
}

#[test]
fn s080_s081_disconnect_leaves_the_socket_to_the_end_of_the_chat() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let call = world.call(Call::DisconnectParticipant);
        world.run(100);
        assert!(matches!(world.result(call), Some(Ok(Value::Answered(_)))));
        let text = body(&world, "DisconnectParticipant");
        assert!(text.starts_with(r#"{"ClientToken":""#) && text.len() == 54, "{text}");
        assert_eq!(world.story().last(), Some(&"ended"));
        assert_eq!(world.closed().len(), 1);
    }
}

#[test]
fn s081_a_disconnect_that_was_answered_leaves_the_session_as_it_was() {
    for behaviour in BOTH {
        for status in [200, 400] {
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
            world.call(1, Call::DisconnectParticipant);
            world.answer(1, "DisconnectParticipant", status, "{}");
            let done = if status == 200 { "1 done" } else { "1 failed" };
            assert_eq!(world.lines(), ["1 DisconnectParticipant with token-1", done]);
            world.pass(5_000);
            assert!(!world.sockets.is_empty(), "it is the service that ends the chat");
            world.chat(1, &several::item("survey", 1, "text/plain"));
            world.call(1, Call::GetTranscript(Box::default()));
            assert_eq!(world.lines(), ["1 item survey", "1 GetTranscript with token-1"]);
            world.chat(1, &several::item("end", 1, several::CHAT_ENDED));
            assert!(world.lines().contains(&"1 ended".to_owned()));
            assert!(world.sockets.is_empty());
        }
    }
}

#[test]
fn a_cancelled_call_is_answered_once() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let transcript = world.call(Call::GetTranscript(Box::default()));
        let typing = world.typing();
        let message = world.send("x");
        for call in [transcript, typing, message] {
            world.input(Input::Cancel { call });
            assert_eq!(world.result(call).unwrap().as_ref().unwrap_err(), &CallError::Cancelled);
        }
        assert!(world.seen.iter().any(|(_, seen)| matches!(seen, Seen::Abort)));
        // What was sent stays sent.
        world.run(1_000);
        assert_eq!(world.service.items.len(), 1);
        let next = world.send("next");
        world.run(1_000);
        assert!(matches!(world.result(next), Some(Ok(Value::Answered(_)))));
    }
}

#[test]
fn a_cancelled_call_is_not_made_again() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.always("SendMessage", Reply::Status(500));
        let call = world.send("x");
        world.input(Input::Cancel { call });
        world.run(120_000);
        assert_eq!(world.requests("SendMessage").len(), 1);

        // Also while it waits for its next attempt.
        let call = world.send("y");
        world.run_until(1_000, |world| world.requests("SendMessage").len() == 2);
        world.run(6);
        world.input(Input::Cancel { call });
        let count = world.requests("SendMessage").len();
        world.run(120_000);
        assert_eq!(world.requests("SendMessage").len(), count);
    }
}
