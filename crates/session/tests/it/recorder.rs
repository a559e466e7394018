//! The flight recorder: what it keeps, what it hides, and that a replay does the same.

use std::{borrow::Cow, sync::Arc};

use chatloom_session::{
    Behaviour, Body, Call, CallError, CallId, Connection, ConnectionStatus, Core, Entry,
    EntryContent, EntryKey, Event, ForeignEvent, ForeignId, GapId, HostToken, HttpAnswer,
    HttpRequest, Input, ItemHandle, ItemKind, LogLevel, MessageState, NewAttachment, Now, Outgoing,
    Output, Person, Presence, RequestId, Role, SessionId, SessionOptions, SocketId, Source, Step,
    TranscriptUpdate, Upload, Value,
    recorder::{Difference, Limits, Recorder, ReplayError, replay},
};
use chatloom_wire::{
    ContentType, Item,
    error::{ErrorKind, ServiceError},
    participant::{GetTranscriptRequest, StartPosition},
};

use crate::world::{Reply, World, options};

const S: SessionId = SessionId(1);
/// In every place where a text may tell something.
const SECRETS: [&str; 5] = ["sekret", "Jane", "4111", "cv.pdf", "signed"];

fn outgoing(content_type: ContentType, content: &str) -> Outgoing {
    Outgoing {
        content_type,
        content: Some(content.to_owned()),
        client_token: Some("client-token".to_owned()),
    }
}

fn answer(status: u16, body: &str) -> HttpAnswer {
    HttpAnswer {
        status,
        error_type: Some("ThrottlingException".to_owned()),
        request_id: Some("id-of-request".to_owned()),
        retry_after_ms: Some(1_500),
        body: body.to_owned(),
    }
}

fn item() -> Item {
    Item::from_text(
        r#"{"Id":"item-1","AbsoluteTime":"2026-01-01T00:00:00.000Z","Type":"MESSAGE",
        "ContentType":"text/plain","ContactId":"contact-1","ParticipantId":"agent-1",
        "ParticipantRole":"AGENT","DisplayName":"Jane","Content":"my card: 4111",
        "MessageMetadata":{"MessageId":"item-1","ChunkNumber":2,"MessageCompleted":true,
        "MessageProcessingStatus":"COMPLETED","Receipts":[{"DeliveredTimestamp":"d",
        "ReadTimestamp":"r","RecipientParticipantId":"customer-1"}]}}"#,
    )
    .unwrap()
}

/// Every input and every call, with something to hide wherever there is room for it.
fn every_input() -> Vec<Input> {
    let mut options = options(Behaviour::Compat);
    options.participant_token = "sekret-1".into();
    options.source = Source::Host { foreign: Some(ForeignId(3)) };
    options.role = Role::Agent;
    let calls = [
        Call::Connect,
        Call::SendMessage(outgoing(ContentType::TextPlain, "my card: 4111")),
        Call::SendEvent(outgoing(ContentType::MessageRead, r#"{"messageId":"m-1","by":"Jane"}"#)),
        Call::GetTranscript(Box::new(GetTranscriptRequest {
            contact_id: Some("contact-1".into()),
            max_results: Some(15),
            next_token: Some("sekret-2".to_owned()),
            scan_direction: Some("BACKWARD".into()),
            sort_order: Some("ASCENDING".into()),
            start_position: Some(StartPosition {
                id: Some("item-1".into()),
                absolute_time: Some("2026-01-01T00:00:00.000Z".to_owned()),
                most_recent: Some(-3),
            }),
        })),
        Call::DisconnectParticipant,
        Call::SendAttachment(NewAttachment {
            name: "cv.pdf".to_owned(),
            size: 1 << 40,
            content_type: "application/pdf".to_owned(),
        }),
        Call::DownloadAttachment { attachment_id: "a-1".into() },
        Call::GetAttachmentUrl { attachment_id: "a-2".into() },
        Call::DescribeView { view_token: "sekret/3".to_owned() },
        Call::GetAuthenticationUrl {
            redirect_uri: "https://app.example/back?of=Jane".to_owned(),
            session_id: "sekret-4".to_owned(),
        },
        Call::CancelParticipantAuthentication { session_id: "sekret-4".to_owned() },
        Call::MarkRead { item: "item-1".into() },
        Call::MarkDelivered { item: "item-1".into() },
        Call::LoadOlder { count: 100 },
        Call::FillGap { gap: GapId(1) },
        Call::Resend { key: EntryKey(u64::MAX) },
        Call::Discard { key: EntryKey(1) },
    ];
    let head = Arc::new(item().head().clone());
    let foreign = |event| Input::Foreign { foreign: ForeignId(3), event };
    let mut service = options.clone();
    service.source = Source::Service;
    let mut shared = options.clone();
    shared.source = Source::Foreign(ForeignId(3));
    let mut inputs = vec![
        Input::Create { session: S, options: Box::new(options) },
        Input::Restore {
            session: SessionId(2),
            options: Box::new(service),
            snapshot: r#"{"version":1,"ParticipantToken":"sekret-1"}"#.to_owned(),
        },
        Input::Restore {
            session: SessionId(3),
            options: Box::new(shared),
            snapshot: "sekret".to_owned(),
        },
        Input::Resume { session: S, token: "sekret-7".into() },
        Input::Track { session: S },
        Input::Cancel { call: CallId(7) },
        Input::Answered {
            request: RequestId(1),
            answer: answer(
                200,
                r#"{"Websocket":{"Url":"wss://s.example/a?signed","ConnectionExpiry":"e"},
                "ConnectionCredentials":{"ConnectionToken":"sekret-5","Expiry":"e"},
                "UploadMetadata":{"Url":"https://s3.example/u?signed",
                "HeadersToInclude":{"Content-Disposition":"attachment; filename=cv.pdf"}},
                "View":{"Title":"Jane"},"Transcript":[{"Content":"4111"}]}"#,
            ),
        },
        Input::Answered {
            request: RequestId(2),
            answer: answer(400, r#"{"Message":"Value 'my card: 4111' is bad"}"#),
        },
        Input::Answered { request: RequestId(3), answer: answer(502, "sekret") },
        Input::Failed {
            request: RequestId(4),
            message: "no answer from https://s.example/a?signed".to_owned(),
        },
        Input::Progress { request: RequestId(5), sent: 5_000_000_000 },
        Input::Token {
            request: RequestId(6),
            token: Ok(HostToken { token: "sekret-6".into(), expiry: Some("e".to_owned()) }),
        },
        Input::Token { request: RequestId(7), token: Err("no session".to_owned()) },
        foreign(ForeignEvent::Gained),
        foreign(ForeignEvent::Lost),
        foreign(ForeignEvent::DeepHeartbeat { success: false }),
        foreign(ForeignEvent::Text(item().text().to_owned())),
        foreign(ForeignEvent::Item { item: ItemHandle(1), head: head.clone() }),
        foreign(ForeignEvent::Broken),
        Input::HandlerFailed { session: S, handler: "onMessage".to_owned() },
        Input::SocketOpened { socket: SocketId(1) },
        Input::SocketText {
            socket: SocketId(1),
            text: format!(
                r#"{{"topic":"aws/chat","content":{}}}"#,
                serde_json::Value::from(item().text())
            ),
        },
        Input::SocketText { socket: SocketId(1), text: "[\"sekret\"]".to_owned() },
        Input::SocketItem { socket: SocketId(1), item: ItemHandle(2), head },
        Input::SocketClosed {
            socket: SocketId(1),
            code: Some(1006),
            reason: "lost wss://s.example/a?signed".to_owned(),
        },
        Input::SocketClosed { socket: SocketId(2), code: None, reason: String::new() },
        Input::Network { online: false },
        Input::Visibility { visible: true },
        Input::Time,
        Input::Forget { session: S },
    ];
    inputs.extend(calls.into_iter().zip(10..).map(|(what, call)| Input::Call {
        session: SessionId(2),
        call: CallId(call),
        what,
    }));
    inputs
}

fn every_output() -> Vec<Output> {
    let item = Arc::new(item());
    let errors = [
        CallError::NotConnected { operation: "sendMessage" },
        CallError::Invalid { member: "content", rule: "must be a text" },
        CallError::Service(ServiceError {
            kind: ErrorKind::Validation,
            status: 400,
            message: "Value 'my card: 4111' is bad".to_owned(),
        }),
        CallError::Unreachable { message: "no way to https://s.example/a?signed".to_owned() },
        CallError::BadAnswer { message: "no JSON".to_owned() },
        CallError::Cancelled,
        CallError::Closed,
        CallError::ReceiptsOff,
        CallError::Storage { operation: "upload", status: 403 },
        CallError::OutboxFull { waiting: 1_000 },
    ];
    let values = [
        Value::Connected { status: ConnectionStatus::Starting },
        Value::Answered(chatloom_session::Answer {
            request: RequestId(1),
            request_id: Some("id-of-request".to_owned()),
            attempts: 2,
            retry_delay_ms: 100,
            body: r#"{"AuthenticationUrl":"https://a.example/?signed"}"#.to_owned(),
        }),
        Value::Repeated { earlier: CallId(1) },
        Value::AlreadyFired,
        Value::Url { url: "https://s3.example/cv.pdf?signed".to_owned(), expiry: None },
        Value::Downloaded { request: RequestId(1), status: 200 },
        Value::Loaded { count: 3, at_beginning: true },
        Value::Nothing,
    ];
    let entry = |content, state| Entry { key: EntryKey(1), id: None, content, state };
    let person = Person {
        participant_id: "agent-1".into(),
        role: Some("AGENT".into()),
        name: Some("Jane".into()),
        presence: Presence::Idle,
        typing: true,
        delivered: Some("item-1".into()),
        read: None,
    };
    let events = vec![
        Event::Item { kind: ItemKind::Message, body: Body::Item(item.clone()) },
        Event::Item { kind: ItemKind::Typing, body: Body::Held(ItemHandle(1)) },
        Event::Established { by_socket: true },
        Event::Lost,
        Event::Broken,
        Event::Ended,
        Event::DeepHeartbeat { success: true },
        Event::Connection(Connection::Online),
        Event::Connection(Connection::Waiting {
            until_ms: 7,
            reason: "cut wss://s.example/a?signed".to_owned(),
        }),
        Event::Connection(Connection::Broken { reason: "'4111'".to_owned() }),
        Event::Gap { gap: GapId(1) },
        Event::GapClosed { gap: GapId(1) },
        Event::CaughtUp,
        Event::Transcript(TranscriptUpdate {
            steps: vec![
                Step::Insert { at: 0, entry: entry(EntryContent::Item(Body::Item(item)), None) },
                Step::Replace {
                    at: 0,
                    entry: entry(
                        EntryContent::Outgoing(Box::new(outgoing(ContentType::TextPlain, "4111"))),
                        Some(MessageState::Failed(CallError::Closed)),
                    ),
                },
                Step::Insert { at: 1, entry: entry(EntryContent::Gap(GapId(2)), None) },
                Step::Remove { at: 0 },
            ],
            previous_next_token: Some("sekret-2".to_owned()),
        }),
        Event::Message {
            key: EntryKey(1),
            call: Some(CallId(1)),
            id: Some("item-1".into()),
            state: MessageState::Read,
        },
        Event::Roster(vec![person]),
        Event::AttachmentProgress { call: CallId(1), sent: 1, total: 2 },
        Event::HandlerFailed { handler: "onMessage".to_owned() },
    ];
    let mut outputs = vec![
        Output::Http(HttpRequest {
            request: RequestId(1),
            session: S,
            operation: "DescribeView",
            method: "GET",
            url: "https://service.test/participant/views/sekret%2F3".to_owned(),
            headers: vec![
                ("x-amz-bearer", "sekret-5".to_owned()),
                ("x-amz-user-agent", "test/1".to_owned()),
            ],
            body: r#"{"ClientToken":"client-token","Content":"my card: 4111"}"#.to_owned(),
            timeout_ms: 1,
            keep_body: false,
        }),
        Output::AbortHttp { request: RequestId(1) },
        Output::OpenSocket { socket: SocketId(1), url: "wss://s.example/a?signed".to_owned() },
        Output::SendText { socket: SocketId(1), text: Cow::Borrowed(r#"{"topic":"aws/ping"}"#) },
        Output::CloseSocket { socket: SocketId(1), code: 1000, reason: "the chat ended" },
        Output::Release { item: ItemHandle(1) },
        Output::Upload(Upload {
            request: RequestId(1),
            session: S,
            call: CallId(1),
            url: "https://s3.example/u?signed".to_owned(),
            headers: vec![("Content-Disposition".to_owned(), "filename=cv.pdf".to_owned())],
        }),
        Output::Download {
            request: RequestId(1),
            session: S,
            url: "https://s3.example/cv.pdf?signed".to_owned(),
        },
        Output::NeedToken { request: RequestId(1), session: S },
        Output::JoinForeign { foreign: ForeignId(3) },
        Output::LeaveForeign { foreign: ForeignId(3) },
        Output::Persist { session: S, snapshot: Some("sekret".to_owned()) },
        Output::Log {
            session: Some(S),
            level: LogLevel::Warn,
            text: "no answer from https://s.example/a?signed".to_owned(),
        },
        Output::Wake(Some(9)),
    ];
    outputs.extend(events.into_iter().map(|event| Output::Event { session: S, event }));
    let results = values.into_iter().map(Ok).chain(errors.into_iter().map(Err));
    outputs.extend(results.map(|result| Output::Done { session: S, call: CallId(1), result }));
    outputs
}

/// A core that is recorded, and a host that does nothing of what it says.
fn record(seed: u64, inputs: Vec<Input>) -> Recorder {
    let mut core = Core::new(seed);
    let mut recorder = Recorder::new(seed, Limits::default());
    for (input, at) in inputs.into_iter().zip(0..) {
        let now = Now { mono_ms: at * 100, wall_ms: 1_767_225_600_000 + at as i64 * 100 };
        recorder.input(now, &input);
        core.handle(now, input);
        loop {
            let output = core.poll();
            recorder.output(&output);
            if let Output::Wake(_) = output {
                break;
            }
        }
    }
    recorder
}

#[test]
fn nothing_secret_is_recorded() {
    let mut recorder = Recorder::new(1, Limits::default());
    for input in every_input() {
        recorder.input(Now::default(), &input);
    }
    for output in every_output() {
        recorder.output(&output);
    }
    let recording = recorder.export();
    for line in recording.lines() {
        let _: serde_json::Value = serde_json::from_str(line).expect("every line is JSON");
        for secret in SECRETS {
            assert!(!line.contains(secret), "{secret} is in {line}");
        }
    }
    for kept in [
        "contact-1",
        "client-token",
        "item-1",
        "m-1",
        "agent-1",
        "2026-01-01T00:00:00.000Z",
        "application/pdf",
        "wss://s.example/redacted-",
        "Value 'xxxxxxxxxxxxx' is bad",
    ] {
        assert!(recording.contains(kept), "{kept} is missing");
    }
}

#[test]
fn a_secret_has_one_placeholder_wherever_it_is() {
    let mut recorder = Recorder::new(1, Limits::default());
    for input in every_input() {
        recorder.input(Now::default(), &input);
    }
    for output in every_output() {
        recorder.output(&output);
    }
    let recording = recorder.export();
    let find = |what: &str, member: &str| {
        let line = recording.lines().find(|line| line.contains(what)).expect(what);
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line.pointer(member).unwrap_or_else(|| panic!("{line}")).as_str().unwrap().to_owned()
    };
    // The URL of the answer is that of the socket, and the view's token is in the view's URL.
    let answer: serde_json::Value =
        serde_json::from_str(&find("\"in\":\"answered\"", "/body")).unwrap();
    assert_eq!(answer["Websocket"]["Url"], find("open_socket", "/url"));
    assert_eq!(
        answer["ConnectionCredentials"]["ConnectionToken"],
        find("\"out\":\"http\"", "/headers/0/value")
    );
    let token = find("describe_view", "/view_token");
    assert!(find("\"out\":\"http\"", "/url").ends_with(&format!("/views/{token}")));
}

#[test]
fn every_input_is_read_back() {
    let recorder = record(7, every_input());
    let inputs = every_input().len();
    let recording = recorder.export();
    let replayed = replay(&recording).unwrap();
    assert_eq!(replayed.difference, None);
    assert_eq!(replayed.inputs, inputs);
    assert_eq!(replayed.outputs, recorder.len() - inputs);

    for seed in [0, 1 << 63, u64::MAX] {
        assert_eq!(replay(&record(seed, every_input()).export()).unwrap().difference, None);
    }
}

#[test]
fn a_replay_of_a_chat_does_the_same_compat_and_chatloom() {
    for behaviour in [Behaviour::Compat, Behaviour::Chatloom] {
        for parses in [false, true] {
            let mut world = World::recorded(options(behaviour), 3);
            world.parses = parses;
            world.script("CreateParticipantConnection", &[Reply::Later(429, 700)]);
            world.call(Call::Connect);
            world.run(5_000);
            world.say("words to hide");
            world.typing();
            world.send("words of my own");
            world.script("SendMessage", &[Reply::Status(400), Reply::AnswerLost]);
            world.send("more words");
            world.run(5_000);
            world.revoke_tokens();
            world.cut();
            world.say("words meanwhile");
            world.run(120_000);
            world.send("words again");
            world.run(5_000);
            world.end_chat();
            world.run(5_000);
            world.check_recording();
        }
    }
}

#[test]
fn a_recording_is_bounded_and_says_what_is_missing() {
    for limits in [Limits { lines: 10, bytes: 1 << 20 }, Limits { lines: 1_000, bytes: 2_000 }] {
        let mut recorder = Recorder::new(1, limits);
        assert!(recorder.is_empty());
        for n in 0..500 {
            recorder.input(Now { mono_ms: n, wall_ms: 0 }, &Input::Time);
        }
        assert!(recorder.len() <= limits.lines);
        assert_eq!(recorder.dropped() + recorder.len() as u64, 500);
        let recording = recorder.export();
        assert!(recording.len() <= limits.bytes + 100, "{}", recording.len());
        assert!(recording.contains("\"at\":499,"), "the newest is kept");
        let dropped = i64::try_from(recorder.dropped()).unwrap();
        assert_eq!(replay(&recording), Err(ReplayError::Incomplete { dropped }));
    }
    // One that is too large alone leaves nothing.
    let mut recorder = Recorder::new(1, Limits { lines: 10, bytes: 300 });
    recorder.input(Now::default(), &Input::Time);
    let text = "x".repeat(301);
    recorder.input(Now::default(), &Input::SocketText { socket: SocketId(1), text });
    assert_eq!((recorder.len(), recorder.dropped()), (0, 2));
}

#[test]
fn a_replay_says_where_a_core_differs() {
    let recording = record(
        7,
        vec![
            Input::Create { session: S, options: Box::new(options(Behaviour::Chatloom)) },
            Input::Call { session: S, call: CallId(1), what: Call::Connect },
            Input::Network { online: false },
        ],
    )
    .export();
    assert_eq!(replay(&recording).unwrap().difference, None);

    // Another output was recorded.
    let changed = recording.replacen("CreateParticipantConnection", "CreateSomethingElse", 1);
    let line = 1 + changed.lines().position(|line| line.contains("SomethingElse")).unwrap();
    let difference = replay(&changed).unwrap().difference.unwrap();
    assert_eq!(difference.line, line);
    assert!(difference.recorded.unwrap().contains("CreateSomethingElse"));
    assert!(difference.replayed.unwrap().contains("CreateParticipantConnection"));

    // One less, and one more.
    let without = |at: usize| {
        let kept = recording.lines().enumerate().filter(|(n, _)| *n != at);
        kept.map(|(_, line)| line).collect::<Vec<_>>().join("\n")
    };
    let difference = replay(&without(line - 1)).unwrap().difference.unwrap();
    assert_eq!(difference.line, line);
    assert!(difference.replayed.unwrap().contains("CreateParticipantConnection"));
    let more = format!("{recording}{{\"out\":\"release\",\"item\":1}}\n");
    assert_eq!(
        replay(&more).unwrap().difference,
        Some(Difference {
            line: recording.lines().count() + 1,
            recorded: Some("{\"out\":\"release\",\"item\":1}".to_owned()),
            replayed: None,
        })
    );

    // One that ends in the middle of a drain has no difference.
    let cut: Vec<&str> = recording.lines().take(line - 1).collect();
    assert_eq!(replay(&cut.join("\n")).unwrap().difference, None);
}

#[test]
fn what_is_no_recording_is_refused() {
    for text in ["", "x", "{}", "[]", "{\"recording\":1}", "{\"recording\":1,\"dropped\":0}"] {
        assert_eq!(replay(text), Err(ReplayError::NotARecording), "{text}");
    }
    let first = "{\"recording\":1,\"seed\":\"7\",\"dropped\":0}";
    assert_eq!(replay(first).unwrap().inputs, 0);
    assert_eq!(replay(&first.replace("g\":1", "g\":2")), Err(ReplayError::Version { version: 2 }));
    for line in ["{}", "{\"in\":\"time\"}", "{\"at\":0,\"wall\":0,\"in\":\"later\"}", "x"] {
        assert_eq!(
            replay(&format!("{first}\n\n{line}")),
            Err(ReplayError::Line { line: 3 }),
            "{line}"
        );
    }
}

#[test]
fn options_survive_a_recording() {
    let mut odd = SessionOptions::new(
        Behaviour::Chatloom,
        "https://h.example",
        "c".into(),
        "p".into(),
        "t".into(),
    );
    odd.initial_contact_id = "first".into();
    odd.retry.attempts = 9;
    odd.log_level = LogLevel::Error;
    odd.most_entries = 100;
    odd.persist = true;
    odd.replay = true;
    odd.receipts = false;
    odd.user_agent = "agent".to_owned();
    let recording = record(1, vec![Input::Create { session: S, options: Box::new(odd) }]).export();
    for member in [
        r#""initial_contact_id":"first""#,
        r#""attempts":9"#,
        r#""log_level":"error""#,
        r#""most_entries":100"#,
        r#""persist":true"#,
        r#""replay":true"#,
        r#""receipts":false"#,
        r#""user_agent":"agent""#,
        r#""participant_token":"redacted-1""#,
    ] {
        assert!(recording.contains(member), "{member} is missing in {recording}");
    }
}

#[test]
fn a_snapshot_means_the_same_when_it_is_redacted() {
    let place = r#"{"AbsoluteTime":"2026-01-01T00:00:01.000Z","Id":"item-1"}"#;
    let snapshot = format!(
        r#"{{"Version":1,"ContactId":"contact-1","InitialContactId":"contact-1","ParticipantId":
        "me","ParticipantToken":"sekret","Outbox":[{{"Key":3,"ClientToken":"a","ContentType":
        "text/plain","Content":"4111"}},{{"Key":1,"ClientToken":"b","ContentType":"text/plain",
        "Content":"4111","Error":{{"code":"ValidationException","statusCode":400,"message":"no"}}}}],
        "Below":{place},"Near":[{place}],"Gaps":[{{"After":{place},"Before":{place}}}],"Delivered":
        {place},"Read":{place},"People":[{{"ParticipantId":"q","ParticipantRole":"AGENT",
        "DisplayName":"Jane","Presence":1,"AbsoluteTime":"2026-01-01T00:00:01.000Z","Delivered":
        {place},"Read":{place}}}]}}"#
    );
    let mut restored = Core::new(1);
    let options = options(Behaviour::Chatloom);
    let restore = |snapshot: &str| Input::Restore {
        session: S,
        options: Box::new(options.clone()),
        snapshot: snapshot.to_owned(),
    };
    restored.handle(Now::default(), restore(&snapshot));
    let whole = restored.snapshot(S).unwrap();
    assert_eq!(whole, snapshot.split_whitespace().collect::<String>(), "it is a whole one");

    let mut recorder = Recorder::new(1, Limits::default());
    recorder.input(Now::default(), &restore(&whole));
    let recording = recorder.export();
    let line: serde_json::Value = serde_json::from_str(recording.lines().nth(1).unwrap()).unwrap();
    let redacted = line["snapshot"].as_str().unwrap();
    for secret in SECRETS {
        assert!(!redacted.contains(secret), "{secret} is in {redacted}");
    }
    let mut restored = Core::new(1);
    restored.handle(Now::default(), restore(redacted));
    assert_eq!(restored.snapshot(S).as_deref(), Some(redacted), "nothing of it is lost");
}
