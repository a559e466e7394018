//! Targets for the client's core.
//!
//! In the first one bytes decide what the network, the service, the host and the application do, and
//! when the process is killed; then everything is well for a while, and the application has to have
//! what the service has. The others read what a host kept: snapshots and recordings.

#[path = "world.rs"]
mod world;

use std::sync::Arc;

use chatloom_session::{
    Behaviour, Call, CallId, Core, EntryKey, ForeignEvent, GapId, HostToken, Input, ItemHandle,
    NewAttachment, Now, Outgoing, Output, RequestId, SessionId, SessionOptions, SocketId,
    recorder::replay,
};
use chatloom_wire::{ContentType, Item};

use self::world::{MANAGER, SESSION, World, http, item, options};

/// Every target of this module, by the name of its program and of its corpus.
pub const TARGETS: &[(&str, super::Target)] =
    &[("session", session), ("snapshot", snapshot), ("recording", recording)];

/// One session through any course of events.
pub fn session(data: &[u8]) {
    let mut choices = Choices(data);
    let mut world = World::new(choices.next().unwrap_or(0));
    while let Some(choice) = choices.next() {
        if choice < 0x80 {
            connect_and_talk(&mut world, choice, &mut choices);
        } else {
            everything_else(&mut world, choice, &mut choices);
        }
    }
    world.heal();
    world.forget();
}

/// Any text as a snapshot, and what it gives as one again.
pub fn snapshot(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let restore = |behaviour, text: &str| {
        let mut core = Core::new(1);
        let options = Box::new(SessionOptions { behaviour, ..options(0) });
        let now = Now { mono_ms: 0, wall_ms: 1_790_000_000_000 };
        core.handle(now, Input::Restore { session: SESSION, options, snapshot: text.to_owned() });
        core.handle(now, Input::Track { session: SESSION });
        core.handle(now, Input::Call { session: SESSION, call: CallId(1), what: Call::Connect });
        for _ in 0..10_000 {
            if let Output::Wake(_) = core.poll() {
                return core.snapshot(SESSION).expect("a session that has not ended can be kept");
            }
        }
        panic!("the core does not come to rest");
    };
    for behaviour in [Behaviour::Compat, Behaviour::Chatloom] {
        let kept = restore(behaviour, &text);
        assert_eq!(restore(behaviour, &kept), kept, "a snapshot is read as it was written");
    }
}

/// Any text as a recording.
pub fn recording(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(replayed) = replay(&text) {
        assert!(replayed.inputs + replayed.outputs < text.lines().count());
    }
}

/// Bytes as decisions.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn pick(&mut self, among: usize) -> Option<usize> {
        let choice = usize::from(self.next()?);
        (among > 0).then(|| choice % among)
    }

    /// A text of a few of the next bytes.
    fn text(&mut self) -> String {
        let length = usize::from(self.next().unwrap_or(0)).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8_lossy(text).into_owned()
    }

    fn socket(&mut self, world: &World, open: bool) -> Option<SocketId> {
        let sockets = world.sockets_that_are(open);
        sockets.get(self.pick(sockets.len())?).copied()
    }
}

fn outgoing(content_type: ContentType, content: Option<&str>) -> Outgoing {
    Outgoing { content_type, content: content.map(str::to_owned), client_token: None }
}

/// What happens in every chat.
fn connect_and_talk(world: &mut World, choice: u8, choices: &mut Choices<'_>) {
    match choice % 18 {
        0 => world.pass(u64::from(choices.next().unwrap_or(0)) * 100),
        1 => {
            world.wait();
        }
        2 => {
            if let Some(request) = choices.pick(world.requests.len()) {
                let request = world.requests.remove(request);
                world.serve(&request);
            }
        }
        3 => {
            if let Some(request) = choices.pick(world.requests.len()) {
                let request = world.requests.remove(request);
                let status = [400, 403, 404, 408, 409, 429, 500, 503];
                let status = status[choices.pick(status.len()).unwrap_or(0)];
                let retry_after_ms = choices.next().filter(|wait| *wait > 200).map(u64::from);
                let mut answer = http(status, choices.text());
                answer.retry_after_ms = retry_after_ms;
                world.give(Input::Answered { request: request.request, answer });
            }
        }
        4 => {
            if let Some(request) = choices.pick(world.requests.len()) {
                let request = world.requests.remove(request).request;
                let message = "connection refused".to_owned();
                world.give(Input::Failed { request, message });
            }
        }
        5 => {
            if let Some(request) = choices.pick(world.requests.len()) {
                let request = world.requests.remove(request).request;
                let answer = http(200, world.odd_text(choices.text()));
                world.give(Input::Answered { request, answer });
            }
        }
        6 => {
            if let Some(socket) = choices.socket(world, false) {
                world.open(socket);
            }
        }
        7 => {
            let all = world.all_sockets();
            if let Some(socket) = choices.pick(all.len()) {
                world.close(all[socket]);
            }
        }
        8 => {
            world.store();
        }
        9 | 10 => {
            if let Some(socket) = choices.socket(world, true) {
                world.hear(socket, false);
            }
        }
        11 => {
            if let Some(socket) = choices.socket(world, true) {
                let text = world.odd_text(choices.text());
                world.give(Input::SocketText { socket, text });
            }
        }
        12 => {
            let online = !world.online;
            world.online = online;
            world.give(Input::Network { online });
        }
        13 => world.give(Input::Visibility { visible: choice & 1 == 0 }),
        14 => world.call(Call::SendMessage(outgoing(ContentType::TextPlain, Some("hello")))),
        15 => {
            let call = match choices.next().unwrap_or(0) % 8 {
                0 => Call::DisconnectParticipant,
                1 | 2 => Call::Connect,
                3 | 4 => Call::GetTranscript(Box::default()),
                _ => Call::SendEvent(outgoing(ContentType::Typing, None)),
            };
            world.call(call);
        }
        16 => {
            if let Some(call) = choices.pick(world.open_calls.len()) {
                let call = world.open_calls.iter().nth(call).copied().expect("it was picked");
                world.give(Input::Cancel { call });
            }
        }
        _ => world.publish(&item("", "typing", "EVENT")),
    }
}

/// What not every chat has.
fn everything_else(world: &mut World, choice: u8, choices: &mut Choices<'_>) {
    match choice % 16 {
        0 => {
            let call = any_call(world, choices);
            world.call(call);
        }
        1 => {
            if let Some(file) = choices.pick(world.files.len()) {
                let request = world.files[file];
                let what = choices.next().unwrap_or(0);
                if what < 64 {
                    return world.give(Input::Progress { request, sent: u64::from(what) });
                }
                world.files.remove(file);
                world.give(if what < 96 {
                    Input::Failed { request, message: "connection reset".to_owned() }
                } else {
                    let status = [200, 204, 400, 403, 404, 429, 503][usize::from(what) % 7];
                    Input::Answered { request, answer: http(status, String::new()) }
                });
            }
        }
        2 => {
            if let Some(token) = choices.pick(world.tokens.len()) {
                let request = world.tokens.remove(token);
                let token = match choices.next().unwrap_or(0) % 4 {
                    0 => Err("nobody is signed in".to_owned()),
                    1 => Ok(HostToken { token: "c".into(), expiry: None }),
                    2 => Ok(HostToken { token: "c".into(), expiry: Some(choices.text()) }),
                    _ => Ok(world.host_token()),
                };
                world.give(Input::Token { request, token });
            }
        }
        3 => world.foreign(match choices.next().unwrap_or(0) % 5 {
            0 | 1 => ForeignEvent::Gained,
            2 => ForeignEvent::Lost,
            3 => ForeignEvent::DeepHeartbeat { success: choice < 0xc0 },
            _ => ForeignEvent::Broken,
        }),
        4 | 5 => world.hear_foreign(choice & 1 == 0),
        6 => {
            let text = world.odd_text(choices.text());
            world.foreign(ForeignEvent::Text(text));
        }
        7 => {
            if let Some(socket) = choices.socket(world, true) {
                world.hear(socket, true);
            }
        }
        8 => world.restart(choice < 0xc0),
        9 => {
            let garbage = choices.text();
            world.restart_from(&garbage, choice < 0xc0);
        }
        10 => world.restart_from_damaged(
            usize::from(choices.next().unwrap_or(0)) << 8
                | usize::from(choices.next().unwrap_or(0)),
            choices.next().unwrap_or(0),
        ),
        11 => world.track(),
        12 => world.give(Input::HandlerFailed { session: SESSION, handler: choices.text() }),
        13 => {
            let call = receipt(world, choices);
            world.call(call);
        }
        14 => say_more(world, choices),
        _ => unknown_numbers(world, choices),
    }
}

fn any_call(world: &World, choices: &mut Choices<'_>) -> Call {
    match choices.next().unwrap_or(0) % 13 {
        0 => Call::SendAttachment(NewAttachment {
            name: choices.text(),
            size: u64::from(choices.next().unwrap_or(0)),
            content_type: "text/plain".to_owned(),
        }),
        1 => Call::DownloadAttachment { attachment_id: "a".into() },
        2 => Call::GetAttachmentUrl { attachment_id: choices.text().into() },
        3 => Call::DescribeView { view_token: choices.text() },
        4 => Call::GetAuthenticationUrl {
            redirect_uri: "https://app.example/".to_owned(),
            session_id: "s".repeat(usize::from(choices.next().unwrap_or(36)) % 40),
        },
        5 => Call::CancelParticipantAuthentication { session_id: "s".repeat(36) },
        6 => Call::LoadOlder { count: u32::from(choices.next().unwrap_or(0)) * 8 },
        7 => Call::FillGap { gap: GapId(choices.next().unwrap_or(0).into()) },
        8 | 9 => Call::Resend { key: key(world, choices) },
        10 => Call::Discard { key: key(world, choices) },
        11 => Call::SendMessage(Outgoing {
            content_type: choices.text().as_str().into(),
            content: Some(choices.text()),
            client_token: choices.next().map(|token| format!("token {}", token % 4)),
        }),
        _ => Call::SendEvent(outgoing(choices.text().as_str().into(), Some("{}"))),
    }
}

/// A key of a message, or one that is none.
fn key(world: &World, choices: &mut Choices<'_>) -> EntryKey {
    let known = choices.pick(world.messages.len());
    known.and_then(|at| world.messages.keys().nth(at).copied()).unwrap_or(EntryKey(999))
}

fn receipt(world: &World, choices: &mut Choices<'_>) -> Call {
    let known = choices.pick(world.stored.len()).map(|at| world.stored[at].clone());
    let id = known.unwrap_or_else(|| "unknown".to_owned());
    let content = format!(r#"{{"messageId":"{id}"}}"#);
    match choices.next().unwrap_or(0) % 5 {
        0 => Call::MarkRead { item: id.into() },
        1 => Call::MarkDelivered { item: id.into() },
        2 => Call::SendEvent(outgoing(ContentType::MessageRead, Some(&content))),
        3 => Call::SendEvent(outgoing(ContentType::MessageDelivered, Some(&content))),
        _ => Call::SendEvent(outgoing(ContentType::MessageRead, Some(&choices.text()))),
    }
}

/// Items that are no messages, and parts of messages.
fn say_more(world: &mut World, choices: &mut Choices<'_>) {
    let about = choices.pick(world.stored.len()).map(|at| world.stored[at].clone());
    let about = about.unwrap_or_else(|| "unknown".to_owned());
    let time = "2026-01-01T00:00:00.000Z";
    let base = r#""ContactId":"c","InitialContactId":"c","ParticipantId":"q","ParticipantRole":"#;
    let what = choices.next().unwrap_or(0);
    let text = match what % 6 {
        0 | 1 => {
            let member = if what < 128 { "ReadTimestamp" } else { "DeliveredTimestamp" };
            format!(
                r#"{{"Id":"receipt of {about}","Type":"MESSAGEMETADATA",{base}"AGENT",
                "ContentType":"application/vnd.amazonaws.connect.event.message.metadata",
                "AbsoluteTime":"{time}","MessageMetadata":{{"MessageId":"{about}","Receipts":
                [{{"{member}":"{time}","RecipientParticipantId":"q"}}]}}}}"#
            )
        }
        2 | 3 => {
            let (number, done) = (what / 6 % 4, what >= 128);
            format!(
                r#"{{"Id":"chunked","Type":"MESSAGE",{base}"CUSTOM_BOT","ContentType":"text/plain",
                "AbsoluteTime":"{time}","Content":"part","MessageMetadata":{{"MessageId":"chunked",
                "ChunkNumber":{number},"MessageCompleted":{done},
                "MessageProcessingStatus":"PROCESSING"}}}}"#
            )
        }
        4 => {
            let name =
                ["participant.joined", "participant.idle", "participant.displayname.updated"];
            item("", name[usize::from(what / 6) % 3], "EVENT")
        }
        _ => item("", "authentication.initiated", "EVENT"),
    };
    if what % 6 == 2 || what % 6 == 3 {
        // What the transcript does not have cannot be found there again.
        world.is_odd = true;
    }
    world.publish(&text);
}

/// Inputs about what is not, or no longer.
fn unknown_numbers(world: &mut World, choices: &mut Choices<'_>) {
    let number = 1_000_000 + u64::from(choices.next().unwrap_or(0));
    let (request, socket) = (RequestId(number), SocketId(number));
    let text = item("", "typing", "EVENT");
    let head = Arc::new(Item::from_text(&*text).expect("an item").head().clone());
    match number % 9 {
        0 => world.give(Input::Answered { request, answer: http(200, text) }),
        1 => world.give(Input::Failed { request, message: String::new() }),
        2 => world.give(Input::Progress { request, sent: number }),
        3 => world.give(Input::Token { request, token: Err(String::new()) }),
        4 => world.give(Input::SocketText { socket, text }),
        5 => {
            let item = ItemHandle(number);
            world.lent.insert(item, String::new());
            world.give(Input::SocketItem { socket, item, head });
            assert!(!world.lent.contains_key(&item), "it is given back");
        }
        6 => world.give(Input::Cancel { call: CallId(number) }),
        7 => world.give(Input::Track { session: SessionId(9) }),
        _ => world.give(Input::Foreign { foreign: MANAGER, event: ForeignEvent::Lost }),
    }
}
