//! `chatloom replay`: a recording of a session for people, and its check.

use std::process::ExitStatus;

use chatloom_session::{
    Behaviour, Call, CallId, Core, HttpAnswer, Input, Now, Outgoing, Output, RequestId, SessionId,
    SessionOptions, SocketId,
    recorder::{Limits, Recorder},
};

use crate::program::Program;

/// A chat that connects, hears a message and loses its socket, by a host whose network is in the list.
fn recording(limits: Limits) -> String {
    let session = SessionId(1);
    let options = SessionOptions::new(
        Behaviour::Chatloom,
        "https://service.example",
        "contact-1".into(),
        "customer-1".into(),
        "participant-token".into(),
    );
    let answer = |body: &str| HttpAnswer {
        status: 200,
        error_type: None,
        request_id: None,
        retry_after_ms: None,
        body: body.to_owned(),
    };
    let text = |text: &str| Input::SocketText { socket: SocketId(1), text: text.to_owned() };
    let call = |call, what| Input::Call { session, call: CallId(call), what };
    let inputs = [
        Input::Create { session, options: Box::new(options) },
        call(1, Call::Connect),
        Input::Answered {
            request: RequestId(1),
            answer: answer(
                r#"{"Websocket":{"Url":"wss://service.example/a?signed"},"ConnectionCredentials":
                {"ConnectionToken":"connection-token","Expiry":"2026-02-01T00:00:00Z"}}"#,
            ),
        },
        Input::SocketOpened { socket: SocketId(1) },
        text(r#"{"topic":"aws/subscribe","content":{"status":"success","topics":["aws/chat"]}}"#),
        Input::Answered { request: RequestId(2), answer: answer(r#"{"Transcript":[]}"#) },
        text(
            r#"{"topic":"aws/chat","content":"{\"Id\":\"item-1\",\"Type\":\"MESSAGE\",\"ContentType\":\"text/plain\",\"ContactId\":\"contact-1\",\"ParticipantRole\":\"AGENT\",\"AbsoluteTime\":\"2026-01-01T00:00:01.000Z\",\"Content\":\"my card number\"}"}"#,
        ),
        call(
            2,
            Call::SendMessage(Outgoing {
                content_type: "text/plain".into(),
                content: Some("private \u{1b}[31m".to_owned()),
                client_token: Some("client-token-1".to_owned()),
            }),
        ),
        Input::Time,
        Input::SocketClosed { socket: SocketId(1), code: Some(1006), reason: "reset".to_owned() },
    ];
    let mut core = Core::new(5);
    let mut recorder = Recorder::new(5, limits);
    for (input, at) in inputs.into_iter().zip(0..) {
        let now =
            Now { mono_ms: 70_000 + at * 1_250, wall_ms: 1_767_225_600_000 + at as i64 * 1_250 };
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
    recorder.export()
}

/// The program with this file, beside these arguments.
async fn replay(recording: &str, more: &[&str]) -> (ExitStatus, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flight.jsonl");
    std::fs::write(&file, recording).unwrap();
    let mut args = vec!["replay", file.to_str().unwrap()];
    args.extend(more);
    Program::start(&args).end().await
}

#[tokio::test]
async fn a_recording_is_shown_a_line_for_each_event() {
    let recording = recording(Limits::default());
    let (status, shown, errors) = replay(&recording, &[]).await;
    assert!(status.success(), "{errors}");
    let row = |who: &str, what: &str| {
        let fits = |line: &&str| {
            line.split_whitespace().skip(1).any(|word| word == who) && line.contains(what)
        };
        shown.lines().find(fits).unwrap_or_else(|| panic!("no {what} by {who} in\n{shown}"))
    };
    assert!(row("application", "create").starts_with("       0.000    1  application  create"));
    assert!(row("application", "connect").starts_with("       1.250    1  "));
    assert!(row("core", "http").contains("CreateParticipantConnection, request 1"));
    assert!(row("service", "answered").starts_with("       2.500    1  "), "the session is known");
    let heard = row("service", "socket_text             socket 1, AGENT");
    assert!(heard.contains("AGENT MESSAGE text/plain item-1"), "{heard}");
    assert!(heard.ends_with("(14 bytes)"), "{heard}");
    assert!(row("core", "item ").contains("item-1"));
    assert!(row("application", "send_message").contains("client-token-1"));
    assert!(row("network", "socket_closed").contains("socket 1, code 1006, reset"));
    assert!(row("core", "lost").starts_with("      11.250    1  "));
    assert!(!shown.contains("wake") && !shown.contains("clock"), "{shown}");
    for secret in ["token-2", "participant-token", "connection-token", "signed", "card", "private"]
    {
        assert!(!shown.contains(secret), "{secret} is in\n{shown}");
    }

    let (status, all, _) = replay(&recording, &["--all"]).await;
    assert!(status.success());
    assert_eq!(all.lines().count() + 1, recording.lines().count());
    assert!(all.contains("clock") && all.contains("wake"));
}

#[tokio::test]
async fn a_recording_is_checked() {
    let recording = recording(Limits::default());
    let (status, said, errors) = replay(&recording, &["--check"]).await;
    assert!(status.success(), "{errors}");
    assert!(said.starts_with("10 inputs gave "), "{said}");
    assert!(said.ends_with(" outputs as recorded\n"), "{said}");

    let changed = recording.replacen("\"event\":\"lost\"", "\"event\":\"broken\"", 1);
    assert_ne!(changed, recording);
    let (status, said, _) = replay(&changed, &["--check"]).await;
    assert_eq!(status.code(), Some(3), "{said}");
    let line = 1 + changed.lines().position(|line| line.contains("broken")).unwrap();
    assert!(said.contains(&format!("line {line} differs")), "{said}");
    assert!(said.contains("recorded: {\"out\":\"event\",\"session\":1,\"event\":\"broken\"}"));
    assert!(said.contains("replayed: {\"out\":\"event\",\"session\":1,\"event\":\"lost\"}"));
}

#[tokio::test]
async fn what_is_incomplete_is_shown_but_not_checked() {
    let recording = recording(Limits { lines: 12, bytes: 1 << 20 });
    let (status, shown, errors) = replay(&recording, &[]).await;
    assert!(status.success(), "{errors}");
    assert!(shown.contains(" earlier lines were dropped\n"), "{shown}");
    let (status, said, errors) = replay(&recording, &["--check"]).await;
    assert_eq!(status.code(), Some(1));
    assert_eq!(said, "");
    assert!(errors.contains("missing"), "{errors}");
}

#[tokio::test]
async fn what_is_no_recording_is_refused() {
    let good = recording(Limits::default());
    let first = good.lines().next().unwrap();
    for (bad, why) in [
        (String::new(), "no recording"),
        ("hello\n".to_owned(), "no recording"),
        (first.replace("\"recording\":1", "\"recording\":9"), "version 9"),
        (format!("{first}\nhello\n"), "line 2"),
        (format!("{first}\n{{\"in\":\"time\"}}\n"), "line 2"),
    ] {
        for more in [&[][..], &["--check"]] {
            let (status, output, errors) = replay(&bad, more).await;
            assert_eq!(status.code(), Some(1), "{bad}: {output}");
            assert_eq!(output, "");
            assert!(errors.contains(why), "{bad}: {errors}");
        }
    }
    let (status, _, errors) = Program::start(&["replay", "/does/not/exist"]).end().await;
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains("/does/not/exist"), "{errors}");
}

#[tokio::test]
async fn a_recording_comes_from_standard_input_and_controls_no_terminal() {
    let mut program = Program::start(&["replay", "-"]);
    let text = "{\"recording\":1,\"seed\":\"1\",\"dropped\":0}\n\
        {\"at\":1,\"wall\":1,\"in\":\"handler_failed\",\"session\":1,\"handler\":\"\\u001b[31mred\"}\n";
    program.write(text).await;
    program.hang_up();
    let (status, shown, errors) = program.end().await;
    assert!(status.success(), "{errors}");
    assert!(shown.contains("handler \u{fffd}[31mred"), "{shown:?}");
}
