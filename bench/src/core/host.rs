//! The least that a host and a service have to do for one session.

use chatloom_session::{
    Behaviour, Call, CallId, Core, Event, HttpAnswer, HttpRequest, Input, Now, Output, RequestId,
    SessionId, SessionOptions, SocketId,
};
use serde_json::{Value, json};

const SESSION: SessionId = SessionId(1);

/// One session on a clock that only moves to deadlines, and the transcript behind it.
pub(super) struct Host {
    core: Core,
    now: Now,
    /// The number of the newest item of the transcript; they begin with 1.
    newest: u64,
    socket: Option<SocketId>,
    deadline: Option<u64>,
    shown: u64,
    /// How many nanoseconds answers took to make.
    serving: u64,
}

/// An item as the socket brings it.
pub(super) fn frame(number: u64) -> String {
    json!({
        "topic": "aws/chat",
        "contentType": "application/json",
        "content": item(number).to_string(),
    })
    .to_string()
}

fn item(number: u64) -> Value {
    let (minutes, ms) = (number / 60_000, number % 60_000);
    json!({
        "AbsoluteTime": format!(
            "2026-01-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            1 + minutes / 1_440, minutes / 60 % 24, minutes % 60, ms / 1_000, ms % 1_000,
        ),
        "Content": "Somebody said something, about as long as people write in a chat, most of the time.",
        "ContentType": "text/plain",
        "Id": format!("{number:08x}-1111-4222-8333-444455556666"),
        "Type": "MESSAGE",
        "ParticipantId": "aaaaaaaa-1111-4222-8333-444455556666",
        "DisplayName": "Ana",
        "ParticipantRole": "AGENT",
        "InitialContactId": "c",
        "ContactId": "c",
    })
}

impl Host {
    /// A session whose socket is open and that holds nothing.
    pub(super) fn connected(is_tracked: bool) -> Self {
        let mut host = Self {
            core: Core::new(1),
            now: Now { mono_ms: 1, wall_ms: 1_767_225_600_000 },
            newest: 0,
            socket: None,
            deadline: None,
            shown: 0,
            serving: 0,
        };
        let mut options = SessionOptions::new(
            Behaviour::Chatloom,
            "https://example.com",
            "c".into(),
            "p".into(),
            "t".into(),
        );
        options.most_entries = usize::MAX;
        host.tell(Input::Create { session: SESSION, options: Box::new(options) });
        if is_tracked {
            host.tell(Input::Track { session: SESSION });
        }
        host.tell(Input::Call { session: SESSION, call: CallId(1), what: Call::Connect });
        host
    }

    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// How many items the application has been given.
    pub(super) fn shown(&self) -> u64 {
        self.shown
    }

    pub(super) fn serving(&self) -> u64 {
        self.serving
    }

    /// The next item arrives.
    pub(super) fn bring(&mut self, frame: &str) {
        self.newest += 1;
        let Some(socket) = self.socket else { return };
        self.tell(Input::SocketText { socket, text: frame.to_owned() });
    }

    /// So many items are said while nobody listens.
    pub(super) fn miss(&mut self, items: u64) {
        self.newest += items;
    }

    /// Loses the socket and lets time pass until another is open and everything has been read.
    pub(super) fn reconnect(&mut self) {
        if let Some(socket) = self.socket.take() {
            self.tell(Input::SocketClosed { socket, code: Some(1006), reason: String::new() });
        }
        while self.socket.is_none() {
            let Some(deadline) = self.deadline else { return };
            self.now.mono_ms = self.now.mono_ms.max(deadline);
            self.tell(Input::Time);
        }
    }

    fn tell(&mut self, input: Input) {
        let mut next = vec![input];
        while let Some(input) = next.pop() {
            self.core.handle(self.now, input);
            loop {
                match self.core.poll() {
                    Output::Http(request) => next.insert(0, self.answer(&request)),
                    Output::OpenSocket { socket, .. } => {
                        self.socket = Some(socket);
                        next.insert(0, Input::SocketOpened { socket });
                    }
                    Output::SendText { socket, text } if text.contains("aws/subscribe") => {
                        let text = r#"{"topic":"aws/subscribe","content":{"status":"success","topics":["aws/chat"]}}"#;
                        next.insert(0, Input::SocketText { socket, text: text.to_owned() });
                    }
                    Output::Event { event: Event::Item { .. }, .. } => self.shown += 1,
                    Output::Wake(deadline) => {
                        self.deadline = deadline;
                        break;
                    }
                    _ => {}
                }
            }
        }
    }

    fn answer(&mut self, request: &HttpRequest) -> Input {
        let begin = crate::cpu_time().unwrap_or_default();
        let body = match request.operation {
            "CreateParticipantConnection" => json!({
                "Websocket": { "Url": "wss://example.com/", "ConnectionExpiry": "2027-01-01T00:00:00.000Z" },
                "ConnectionCredentials": { "ConnectionToken": "x", "Expiry": "2027-01-01T00:00:00.000Z" },
            }),
            "GetTranscript" => self.page(&request.body),
            _ => json!({}),
        };
        let input = answered(request.request, body.to_string());
        self.serving += crate::cpu_time().unwrap_or_default() - begin;
        input
    }

    /// A page backward from where the last one ended, the newest first.
    fn page(&self, request: &str) -> Value {
        let request: Value = serde_json::from_str(request).unwrap_or_default();
        let from = match request["NextToken"].as_str() {
            Some(token) => token.parse().unwrap_or(0),
            None => self.newest,
        };
        let count = request["MaxResults"].as_u64().unwrap_or(15).min(from);
        let items: Vec<Value> = (0..count).map(|back| item(from - back)).collect();
        match from - count {
            0 => json!({ "Transcript": items }),
            rest => json!({ "Transcript": items, "NextToken": rest.to_string() }),
        }
    }
}

fn answered(request: RequestId, body: String) -> Input {
    let (error_type, request_id, retry_after_ms) = (None, None, None);
    let answer = HttpAnswer { status: 200, error_type, request_id, retry_after_ms, body };
    Input::Answered { request, answer }
}
