//! What arguments must be, and who looks at them.

use chatloom_session::{
    Behaviour, Call, CallError, CallId, NewAttachment, Outgoing, RetryPolicy, SessionOptions, Value,
};
use chatloom_wire::{
    ContentType,
    participant::{GetTranscriptRequest, ScanDirection, StartPosition},
};

use crate::world::{Reply, World, options};

const BOTH: [Behaviour; 2] = [Behaviour::Compat, Behaviour::Chatloom];

/// What ChatJS 5.0.0 takes as a content type (docs/protocol/websocket.md S191).
const CONTENT_TYPES: [&str; 42] = [
    "text/plain",
    "text/markdown",
    "text/csv",
    "application/msword",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/json",
    "application/pdf",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "image/jpeg",
    "image/png",
    "audio/wav",
    "audio/x-wav",
    "audio/vnd.wave",
    "application/vnd.amazonaws.connect.message.interactive",
    "application/vnd.amazonaws.connect.message.interactive.response",
    "application/vnd.amazonaws.connect.event.authentication.initiated",
    "application/vnd.amazonaws.connect.event.authentication.succeeded",
    "application/vnd.amazonaws.connect.event.authentication.failed",
    "application/vnd.amazonaws.connect.event.authentication.timeout",
    "application/vnd.amazonaws.connect.event.authentication.expired",
    "application/vnd.amazonaws.connect.event.authentication.cancelled",
    "application/vnd.amazonaws.connect.event.participant.displayname.updated",
    "application/vnd.amazonaws.connect.event.connection.acknowledged",
    "application/vnd.amazonaws.connect.event.typing",
    "application/vnd.amazonaws.connect.event.participant.joined",
    "application/vnd.amazonaws.connect.event.participant.left",
    "application/vnd.amazonaws.connect.event.participant.active",
    "application/vnd.amazonaws.connect.event.participant.inactive",
    "application/vnd.amazonaws.connect.event.transfer.succeeded",
    "application/vnd.amazonaws.connect.event.transfer.failed",
    "application/vnd.amazonaws.connect.event.chat.ended",
    "application/vnd.amazonaws.connect.event.message.read",
    "application/vnd.amazonaws.connect.event.message.delivered",
    "application/vnd.amazonaws.connect.event.participant.idle",
    "application/vnd.amazonaws.connect.event.participant.returned",
    "application/vnd.amazonaws.connect.event.participant.invited",
    "application/vnd.amazonaws.connect.event.participant.autodisconnection",
    "application/vnd.amazonaws.connect.event.chat.rehydrated",
    "application/vnd.amazonaws.connect.event.workflow.cancelled",
];

const OTHER_CONTENT_TYPES: [&str; 7] = [
    "",
    "TEXT/PLAIN",
    "text/html",
    "image/gif",
    "application/vnd.amazonaws.connect.message.attachment",
    "application/vnd.amazonaws.connect.event.message.metadata",
    "application/vnd.amazonaws.connect.event.new",
];

fn outgoing(content_type: &str, content: Option<&str>) -> Outgoing {
    Outgoing {
        content_type: ContentType::from(content_type),
        content: content.map(str::to_owned),
        client_token: None,
    }
}

fn message(content: &str) -> Call {
    Call::SendMessage(outgoing("text/plain", Some(content)))
}

/// An event without a rule of its own.
fn event(content: Option<&str>) -> Call {
    let content_type = "application/vnd.amazonaws.connect.event.connection.acknowledged";
    Call::SendEvent(outgoing(content_type, content))
}

fn file(name: &str, size: u64, content_type: &str) -> Call {
    let (name, content_type) = (name.to_owned(), content_type.to_owned());
    Call::SendAttachment(NewAttachment { name, size, content_type })
}

fn page(request: GetTranscriptRequest) -> Call {
    Call::GetTranscript(Box::new(request))
}

/// The member that a call was refused for, if it was.
fn refused(world: &World, call: CallId) -> Option<&'static str> {
    match world.result(call) {
        Some(Err(CallError::Invalid { member, rule })) => {
            assert!(!rule.is_empty());
            Some(member)
        }
        _ => None,
    }
}

fn body(world: &World, operation: &str) -> String {
    let mut requests = world.service.requests.iter().rev();
    let found = requests.find(|(_, http)| http.operation == operation);
    found.unwrap_or_else(|| panic!("no {operation}")).1.body.clone()
}

#[test]
fn s064_s191_compat_takes_the_content_types_of_the_original_and_no_other() {
    for as_event in [false, true] {
        let mut world = World::connected(Behaviour::Compat);
        let mut call = |content_type: &str| {
            let what = outgoing(content_type, Some(r#"{"messageId":"m"}"#));
            let call =
                world.call(if as_event { Call::SendEvent(what) } else { Call::SendMessage(what) });
            refused(&world, call)
        };
        for content_type in CONTENT_TYPES {
            assert_eq!(call(content_type), None, "{content_type}");
        }
        for content_type in OTHER_CONTENT_TYPES {
            assert_eq!(call(content_type), Some("ContentType"), "{content_type}");
        }
    }
}

#[test]
fn s064_chatloom_leaves_content_types_to_the_service() {
    for content_type in CONTENT_TYPES.iter().chain(&OTHER_CONTENT_TYPES[1..]) {
        let mut world = World::connected(Behaviour::Chatloom);
        let call = world.call(Call::SendMessage(outgoing(content_type, Some("x"))));
        world.run(100);
        assert!(matches!(world.result(call), Some(Ok(_))), "{content_type}");
    }
}

#[test]
fn s065_arguments_count_only_with_a_connection() {
    for behaviour in BOTH {
        let mut world = World::new(behaviour);
        let wrong = [
            Call::SendMessage(outgoing("text/plain", None)),
            Call::SendMessage(outgoing("text/html", Some(""))),
            event(Some("not JSON")),
            Call::DescribeView { view_token: String::new() },
            file("", 0, ""),
            Call::GetAttachmentUrl { attachment_id: "".into() },
            page(GetTranscriptRequest { max_results: Some(-1), ..Default::default() }),
        ];
        for what in wrong {
            let call = world.call(what);
            let result = world.result(call);
            assert!(matches!(result, Some(Err(CallError::NotConnected { .. }))), "{result:?}");
        }
    }
}

#[test]
fn s063_s067_compat_sends_a_message_of_any_length_as_it_is() {
    let long = "é".repeat(20_000);
    for text in ["", "  two spaces  ", long.as_str()] {
        let mut world = World::connected(Behaviour::Compat);
        let call = world.call(message(text));
        world.run(100);
        assert!(matches!(world.result(call), Some(Ok(_))));
        let sent: serde_json::Value = serde_json::from_str(&body(&world, "SendMessage")).unwrap();
        assert_eq!(sent["Content"], text);
    }
}

#[test]
fn s067_chatloom_refuses_what_the_service_would_refuse() {
    let at_most = "é".repeat(8_192);
    let too_long = at_most.clone() + "x";
    for (text, member) in [
        ("", Some("Content")),
        (" ", None),
        (at_most.as_str(), None),
        (too_long.as_str(), Some("Content")),
    ] {
        let mut world = World::connected(Behaviour::Chatloom);
        let call = world.call(message(text));
        assert_eq!(refused(&world, call), member, "{} bytes", text.len());
        world.run(100);
        assert_eq!(world.requests("SendMessage").len(), usize::from(member.is_none()));
        // Events may be without content.
        let call = world.call(event(Some(text)));
        assert_eq!(refused(&world, call), member.filter(|_| !text.is_empty()));
    }
    for (length, member) in [(500, None), (501, Some("ClientToken"))] {
        let mut world = World::connected(Behaviour::Chatloom);
        let what = Outgoing {
            client_token: Some("é".repeat(length)),
            ..outgoing("text/plain", Some("x"))
        };
        let call = world.call(Call::SendMessage(what.clone()));
        assert_eq!(refused(&world, call), member);
        let call = world.call(Call::SendEvent(what));
        assert_eq!(refused(&world, call), member);
    }
}

#[test]
fn chatloom_checks_a_message_before_it_waits() {
    let mut world = World::new(Behaviour::Chatloom);
    world.call(Call::Connect);
    let call = world.call(message(""));
    assert_eq!(refused(&world, call), Some("Content"));
}

#[test]
fn s066_s192_the_callers_client_token_is_used() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let what = Outgoing {
            client_token: Some("mine".to_owned()),
            ..outgoing("application/vnd.amazonaws.connect.event.typing", None)
        };
        world.call(Call::SendEvent(what.clone()));
        world.call(Call::SendMessage(Outgoing {
            content_type: ContentType::TextPlain,
            content: Some("x".to_owned()),
            ..what
        }));
        world.run(100);
        for operation in ["SendEvent", "SendMessage"] {
            let sent: serde_json::Value = serde_json::from_str(&body(&world, operation)).unwrap();
            assert_eq!(sent["ClientToken"], "mine", "{behaviour:?}");
        }
    }
}

#[test]
fn s066_s192_an_empty_client_token_is_none() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let what =
            Outgoing { client_token: Some(String::new()), ..outgoing("text/plain", Some("7")) };
        world.call(Call::SendEvent(what.clone()));
        world.call(Call::SendMessage(what));
        world.run(100);
        for operation in ["SendEvent", "SendMessage"] {
            let sent: serde_json::Value = serde_json::from_str(&body(&world, operation)).unwrap();
            assert_eq!(sent["ClientToken"].as_str().unwrap().len(), 36, "{behaviour:?}");
        }
    }
}

#[test]
fn s066_d12_kept_compat_makes_a_token_for_each_send_and_rejects_off_line() {
    let mut world = World::connected(Behaviour::Compat);
    let token = |world: &mut World| {
        world.send("the same");
        world.run(100);
        let sent: serde_json::Value = serde_json::from_str(&body(world, "SendMessage")).unwrap();
        sent["ClientToken"].clone()
    };
    assert_ne!(token(&mut world), token(&mut world));

    world.script("SendMessage", &[Reply::Lost]);
    world.input(chatloom_session::Input::Network { online: false });
    let call = world.send("off-line");
    world.run(100);
    assert!(matches!(world.result(call), Some(Err(CallError::Unreachable { .. }))));
    world.input(chatloom_session::Input::Network { online: true });
    world.run(60_000);
    assert_eq!(world.requests("SendMessage").len(), 3, "it is not sent again");
}

#[test]
fn s070_a_view_is_read_by_its_encoded_token() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let call = world.call(Call::DescribeView { view_token: "a/b c+d=!ü".to_owned() });
        world.run(100);
        let (_, http) = world.service.requests.last().unwrap();
        assert_eq!(
            (http.method, http.url.as_str(), http.body.as_str(), http.keep_body),
            ("GET", "https://service.test/participant/views/a%2Fb%20c%2Bd%3D%21%C3%BC", "", true)
        );
        assert!(http.headers.iter().any(|(name, _)| *name == "x-amz-bearer"));
        let Some(Ok(Value::Answered(answer))) = world.result(call) else { panic!() };
        assert!(answer.body.contains("View"), "{behaviour:?}");
    }
}

#[test]
fn s071_signing_in_passes_its_arguments_on() {
    let session_id = "0123456789abcdef0123456789abcdef0123";
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let url = world.call(Call::GetAuthenticationUrl {
            redirect_uri: "https://example.com/back?x=\"1\"".to_owned(),
            session_id: session_id.to_owned(),
        });
        let cancel =
            world.call(Call::CancelParticipantAuthentication { session_id: session_id.to_owned() });
        world.run(100);
        assert_eq!(
            body(&world, "GetAuthenticationUrl"),
            format!(
                r#"{{"SessionId":"{session_id}","RedirectUri":"https://example.com/back?x=\"1\""}}"#
            )
        );
        assert_eq!(
            body(&world, "CancelParticipantAuthentication"),
            format!(r#"{{"SessionId":"{session_id}"}}"#)
        );
        let Some(Ok(Value::Answered(answer))) = world.result(url) else { panic!() };
        assert_eq!(answer.body, r#"{"AuthenticationUrl":"https://sign-in.test/"}"#);
        assert!(matches!(world.result(cancel), Some(Ok(Value::Answered(_)))));
    }
}

#[test]
fn s063_s067_s071_s076_compat_leaves_every_other_argument_to_the_service() {
    let mut world = World::connected(Behaviour::Compat);
    let calls = [
        Call::GetAuthenticationUrl { redirect_uri: String::new(), session_id: "x".to_owned() },
        Call::CancelParticipantAuthentication { session_id: String::new() },
        Call::DescribeView { view_token: "x".repeat(1_001) },
        Call::GetAttachmentUrl { attachment_id: "".into() },
        Call::DownloadAttachment { attachment_id: "".into() },
        file("", 0, ""),
        file(&"x".repeat(300), u64::MAX, "video/quicktime"),
        page(GetTranscriptRequest { max_results: Some(500), ..Default::default() }),
        event(Some(&format!("\"{}\"", "x".repeat(20_000)))),
    ];
    for what in calls {
        let call = world.call(what);
        assert_eq!(refused(&world, call), None);
        world.run(100);
        assert!(matches!(world.result(call), Some(Ok(_))), "{:?}", world.result(call));
    }
}

#[test]
fn chatloom_names_the_argument_that_does_not_fit() {
    let id = "0123456789abcdef0123456789abcdef0123";
    let sign_in = |redirect_uri: &str, session_id: &str| Call::GetAuthenticationUrl {
        redirect_uri: redirect_uri.to_owned(),
        session_id: session_id.to_owned(),
    };
    let view = |length| Call::DescribeView { view_token: "x".repeat(length) };
    let start = |start_position| {
        page(GetTranscriptRequest { start_position: Some(start_position), ..Default::default() })
    };
    let table = [
        (sign_in("https://x", id), None),
        (sign_in("", id), Some("RedirectUri")),
        (sign_in("https://x", "short"), Some("SessionId")),
        (
            Call::CancelParticipantAuthentication { session_id: "short".to_owned() },
            Some("SessionId"),
        ),
        (view(1), None),
        (view(0), Some("ViewToken")),
        (view(1_000), None),
        (view(1_001), Some("ViewToken")),
        (Call::GetAttachmentUrl { attachment_id: "".into() }, Some("AttachmentId")),
        (Call::DownloadAttachment { attachment_id: "x".repeat(257).into() }, Some("AttachmentId")),
        (file("a", 1, "b"), None),
        (file("", 1, "b"), Some("AttachmentName")),
        (file(&"x".repeat(256), 1, "b"), None),
        (file(&"x".repeat(257), 1, "b"), Some("AttachmentName")),
        (file("a", 0, "b"), Some("AttachmentSizeInBytes")),
        (file("a", 1, ""), Some("ContentType")),
        (
            page(GetTranscriptRequest { max_results: Some(101), ..Default::default() }),
            Some("MaxResults"),
        ),
        (
            page(GetTranscriptRequest {
                scan_direction: Some(ScanDirection::from("SIDEWAYS")),
                ..Default::default()
            }),
            Some("ScanDirection"),
        ),
        (
            start(StartPosition { absolute_time: Some("now".to_owned()), ..Default::default() }),
            Some("StartPosition.AbsoluteTime"),
        ),
    ];
    for (what, member) in table {
        let mut world = World::connected(Behaviour::Chatloom);
        let what_text = format!("{what:?}");
        let before = world.service.requests.len();
        let call = world.call(what);
        assert_eq!(refused(&world, call), member, "{what_text}");
        world.run(100);
        assert_eq!(world.service.requests.len() > before, member.is_none(), "{what_text}");
    }
}

#[test]
fn s085_empty_content_of_an_event_is_left_out() {
    for behaviour in BOTH {
        for content in [None, Some("")] {
            let mut world = World::connected(behaviour);
            world.call(event(content));
            world.run(100);
            assert!(!body(&world, "SendEvent").contains("\"Content\""), "{behaviour:?}");
        }
    }
}

#[test]
fn s086_compat_takes_json_as_the_content_of_any_event_and_nothing_else() {
    for (content, member) in [
        ("{}", None),
        ("7", None),
        (" [null, \"x\"] ", None),
        ("\"x\"", None),
        ("x", Some("Content")),
        ("{", Some("Content")),
        ("{} {}", Some("Content")),
        ("undefined", Some("Content")),
    ] {
        for content_type in ["typing", "connection.acknowledged"] {
            let mut world = World::connected(Behaviour::Compat);
            let content_type = format!("application/vnd.amazonaws.connect.event.{content_type}");
            let call = world.call(Call::SendEvent(outgoing(&content_type, Some(content))));
            assert_eq!(refused(&world, call), member, "{content}");
            world.run(100);
            assert_eq!(world.requests("SendEvent").len(), usize::from(member.is_none()));
        }
    }
}

#[test]
fn s086_chatloom_sends_the_content_of_an_event_as_it_is() {
    let mut world = World::connected(Behaviour::Chatloom);
    let call = world.call(event(Some("no JSON at all")));
    world.run(100);
    assert!(matches!(world.result(call), Some(Ok(_))));
    assert!(body(&world, "SendEvent").contains(r#""Content":"no JSON at all""#));
}

#[test]
fn s092_connection_acknowledged_is_sent_when_asked_and_never_unasked() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.say("hello");
        world.run(60_000);
        assert_eq!(world.requests("SendEvent").len(), 0);
        let calls = [world.call(event(None)), world.call(event(None))];
        world.run(100);
        assert_eq!(world.requests("SendEvent").len(), 2, "{behaviour:?}: not throttled");
        for call in calls {
            assert!(matches!(world.result(call), Some(Ok(Value::Answered(_)))));
        }
    }
}

fn connected_with(options: SessionOptions) -> World {
    let mut world = World::of(options);
    world.call(Call::Connect);
    world.run(100);
    world
}

#[test]
fn calls_are_repeated_as_the_options_say() {
    let retry =
        RetryPolicy { attempts: 4, base_ms: 1_000, throttled_base_ms: 8_000, cap_ms: 8_000 };
    for behaviour in BOTH {
        for (attempts, expected) in [(0, 1), (1, 1), (4, 4)] {
            let retry = RetryPolicy { attempts, ..retry };
            let mut world = connected_with(SessionOptions { retry, ..options(behaviour) });
            world.always("SendEvent", Reply::Status(500));
            let call = world.call(event(None));
            world.run(60_000);
            let at = world.requests("SendEvent");
            assert_eq!(at.len(), expected, "{behaviour:?}");
            for (failures, pair) in at.windows(2).enumerate() {
                let most = (1_000 << failures).min(8_000) + 20;
                assert!(pair[1] - pair[0] <= most, "{at:?}");
            }
            assert!(world.result(call).unwrap().is_err());
        }
        // The cap holds for what is throttled too.
        let retry = RetryPolicy { cap_ms: 10, ..retry };
        let mut world = connected_with(SessionOptions { retry, ..options(behaviour) });
        world.always("SendEvent", Reply::Status(429));
        world.call(event(None));
        world.run(200);
        assert_eq!(world.requests("SendEvent").len(), 4);
    }
}

#[test]
fn files_are_repeated_as_the_options_say() {
    let retry = RetryPolicy { attempts: 2, ..RetryPolicy::of(Behaviour::Chatloom) };
    let mut world = connected_with(SessionOptions { retry, ..options(Behaviour::Chatloom) });
    world.always("Upload", Reply::Status(500));
    world.call(file("a", 1, "b"));
    world.run(60_000);
    assert_eq!(world.requests("Upload").len(), 2);
}

#[test]
fn s088_the_typing_throttle_is_an_option() {
    for behaviour in BOTH {
        let mut world =
            connected_with(SessionOptions { typing_throttle_ms: 3_000, ..options(behaviour) });
        for (wait, sent) in [(100, 1), (2_800, 1), (200, 1), (3_000, 2), (100, 3)] {
            world.typing();
            world.run(wait);
            assert_eq!(world.requests("SendEvent").len(), sent, "{behaviour:?} after {wait}");
        }
        // None at all sends every one.
        let mut world =
            connected_with(SessionOptions { typing_throttle_ms: 0, ..options(behaviour) });
        for _ in 0..3 {
            world.typing();
            world.run(100);
        }
        assert_eq!(world.requests("SendEvent").len(), 3);
    }
}
