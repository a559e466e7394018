//! Writes what the core wants as one JSON array.

use chatloom_session::{
    Answer, Body, CHATLOOM, CallError, Connection, Entry, EntryContent, Event, HttpRequest,
    ItemKind, MessageState, Output, Person, Presence, Step, Value,
    json::{write_number, write_text},
};
use chatloom_wire::{ItemId, ParticipantRole};

use crate::read::Refusal;

/// Writes JSON objects into an array; `[` stands before the first and `]` is set by [`finish`].
///
/// [`finish`]: Drain::finish
pub(crate) struct Drain {
    json: String,
}

impl Drain {
    /// Nothing yet.
    pub(crate) const fn new() -> Self {
        Self { json: String::new() }
    }

    /// Forgets what was written and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.json.clear();
    }

    /// What was written.
    pub(crate) fn json(&self) -> &str {
        &self.json
    }

    /// Closes the array and tells its length. Nothing at all is written when there was no output.
    pub(crate) fn finish(&mut self) -> usize {
        if !self.json.is_empty() {
            self.json.push(']');
        }
        self.json.len()
    }

    /// Says that an input cannot be read.
    pub(crate) fn refuse(&mut self, (name, what): Refusal) {
        self.json.push('[');
        self.object("refused").key("message").push('"');
        for part in &[name, " is not ", what, "\"}"] {
            self.json.push_str(part);
        }
    }

    /// Appends one output.
    pub(crate) fn push(&mut self, output: &Output) {
        self.json.push(if self.json.is_empty() { '[' } else { ',' });
        match output {
            Output::Http(request) => self.http(request),
            Output::AbortHttp { request } => {
                self.object("abort").number("request", request.0);
            }
            Output::OpenSocket { socket, url } => {
                self.object("open").number("socket", socket.0).text("url", url);
            }
            Output::SendText { socket, text } => {
                self.object("send").number("socket", socket.0).text("text", text);
            }
            Output::CloseSocket { socket, code, reason } => {
                self.object("close")
                    .number("socket", socket.0)
                    .number("code", u64::from(*code))
                    .text("reason", reason);
            }
            Output::Event { session, event } => {
                self.object(event_name(event)).number("session", u64::from(session.0));
                self.event(event);
            }
            Output::Done { session, call, result } => {
                self.object("done").number("session", u64::from(session.0)).number("call", call.0);
                match result {
                    Ok(value) => self.value(value),
                    Err(error) => self.error(error),
                }
            }
            Output::Release { item } => {
                self.object("release").number("item", item.0);
            }
            Output::Upload(upload) => {
                self.object("upload")
                    .number("request", upload.request.0)
                    .number("session", u64::from(upload.session.0))
                    .number("call", upload.call.0)
                    .text("url", &upload.url);
                let headers = upload.headers.iter();
                self.headers(&mut headers.map(|(name, value)| (name.as_str(), value.as_str())));
            }
            Output::Download { request, session, url } => {
                self.object("download")
                    .number("request", request.0)
                    .number("session", u64::from(session.0))
                    .text("url", url);
            }
            Output::NeedToken { request, session } => {
                self.object("needToken")
                    .number("request", request.0)
                    .number("session", u64::from(session.0));
            }
            Output::JoinForeign { foreign } => {
                self.object("joinForeign").number("foreign", u64::from(foreign.0));
            }
            Output::LeaveForeign { foreign } => {
                self.object("leaveForeign").number("foreign", u64::from(foreign.0));
            }
            Output::Log { session, level, text } => {
                // The scale of the original (docs/protocol/websocket.md S4).
                self.object("log").number("level", *level as u64).text("text", text);
                if let Some(session) = session {
                    self.number("session", u64::from(session.0));
                }
            }
            Output::Wake(at) => {
                self.object("wake").some_number("at", *at);
            }
            Output::Persist { session, snapshot } => {
                if CHATLOOM {
                    self.object("persist")
                        .number("session", u64::from(session.0))
                        .some_text("snapshot", snapshot.as_deref());
                }
            }
        }
        self.json.push('}');
    }

    fn http(&mut self, request: &HttpRequest) {
        self.object("http")
            .number("request", request.request.0)
            .number("session", u64::from(request.session.0))
            .text("operation", request.operation)
            .text("method", request.method)
            .text("url", &request.url)
            .text("body", &request.body)
            .number("timeoutMs", request.timeout_ms)
            .flag("keepBody", request.keep_body);
        self.headers(&mut request.headers.iter().map(|(name, value)| (*name, value.as_str())));
    }

    fn headers(&mut self, headers: &mut dyn Iterator<Item = (&str, &str)>) {
        let mut separator = '{';
        self.key("headers");
        for (name, value) in headers {
            self.json.push(separator);
            self.string(name);
            self.json.push(':');
            self.string(value);
            separator = ',';
        }
        self.json.push_str(if separator == '{' { "{}" } else { "}" });
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Item { kind, body } => {
                self.number("kind", kind_number(*kind)).body(body);
            }
            Event::Established { by_socket } => {
                self.flag("bySocket", *by_socket);
            }
            Event::DeepHeartbeat { success } => {
                self.flag("success", *success);
            }
            Event::Transcript(update) => {
                self.some_text("previousNextToken", update.previous_next_token.as_deref());
                self.list("steps", &update.steps, Self::step);
            }
            Event::AttachmentProgress { call, sent, total } => {
                self.number("call", call.0).number("sent", *sent).number("total", *total);
            }
            Event::Lost | Event::Broken | Event::Ended | Event::CaughtUp => {}
            // The rest is in Chatloom behaviour only.
            _ if !CHATLOOM => {}
            Event::Connection(connection) => self.connection(connection),
            Event::Gap { gap } | Event::GapClosed { gap } => {
                self.number("gap", u64::from(gap.0));
            }
            Event::Message { key, call, id, state } => {
                self.number("key", key.0)
                    .some_number("call", call.map(|call| call.0))
                    .some_text("id", id.as_ref().map(ItemId::as_str))
                    .state(state);
            }
            Event::Roster(people) => self.list("people", people, Self::person),
            Event::HandlerFailed { handler } => {
                self.text("handler", handler);
            }
        }
    }

    /// An item as it came, or the number under which the host holds it.
    fn body(&mut self, body: &Body) {
        match body {
            Body::Item(item) => {
                self.key("body").push_str(item.text());
            }
            Body::Held(item) => {
                self.number("item", item.0);
            }
        }
    }

    fn step(&mut self, step: &Step) {
        let (kind, at, entry) = match step {
            Step::Insert { at, entry } => ("insert", at, Some(entry)),
            Step::Replace { at, entry } => ("replace", at, Some(entry)),
            Step::Remove { at } => ("remove", at, None),
        };
        self.object(kind).number("at", *at as u64);
        if let Some(entry) = entry {
            self.entry(entry);
        }
        self.json.push('}');
    }

    fn entry(&mut self, entry: &Entry) {
        self.number("key", entry.key.0).some_text("id", entry.id.as_ref().map(ItemId::as_str));
        match &entry.content {
            EntryContent::Item(body) => self.body(body),
            EntryContent::Outgoing(outgoing) => {
                self.text("contentType", outgoing.content_type.as_str())
                    .some_text("content", outgoing.content.as_deref())
                    .some_text("clientToken", outgoing.client_token.as_deref());
            }
            EntryContent::Gap(gap) => {
                self.number("gap", u64::from(gap.0));
            }
        }
        if let Some(state) = &entry.state {
            self.state(state);
        }
    }

    fn state(&mut self, state: &MessageState) {
        let name = match state {
            MessageState::Queued => "queued",
            MessageState::Sending => "sending",
            MessageState::Sent => "sent",
            MessageState::Delivered => "delivered",
            MessageState::Read => "read",
            MessageState::Failed(_) => "failed",
        };
        self.text("state", name);
        if let MessageState::Failed(error) = state {
            self.error(error);
        }
    }

    fn person(&mut self, person: &Person) {
        let presence = match person.presence {
            Presence::Here => "here",
            Presence::Idle => "idle",
            Presence::Gone => "gone",
        };
        self.object(presence)
            .text("participantId", person.participant_id.as_str())
            .some_text("role", person.role.as_ref().map(ParticipantRole::as_str))
            .some_text("name", person.name.as_deref())
            .flag("typing", person.typing)
            .some_text("delivered", person.delivered.as_ref().map(ItemId::as_str))
            .some_text("read", person.read.as_ref().map(ItemId::as_str));
        self.json.push('}');
    }

    fn connection(&mut self, connection: &Connection) {
        let state = match connection {
            Connection::Connecting => "connecting",
            Connection::Online => "online",
            Connection::Waiting { .. } => "waiting",
            Connection::Offline => "offline",
            Connection::Broken { .. } => "broken",
            Connection::Ended => "ended",
        };
        self.text("state", state);
        match connection {
            Connection::Waiting { until_ms, reason } => {
                self.number("until", *until_ms).text("reason", reason);
            }
            Connection::Broken { reason } => {
                self.text("reason", reason);
            }
            Connection::Connecting
            | Connection::Online
            | Connection::Offline
            | Connection::Ended => {}
        }
    }

    /// The parts of a value. Each kind has a member that no other has, but for the one that says
    /// nothing.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Connected { status } => {
                self.text("websocketStatus", status.name());
            }
            Value::Answered(Answer { request, request_id, attempts, retry_delay_ms, body }) => {
                self.number("request", request.0)
                    .number("attempts", u64::from(*attempts))
                    .number("retryDelayMs", *retry_delay_ms)
                    .some_text("requestId", request_id.as_deref());
                if !body.is_empty() {
                    self.text("body", body);
                }
            }
            Value::Repeated { earlier } => {
                self.number("earlier", earlier.0);
            }
            Value::AlreadyFired => {
                self.flag("alreadyFired", true);
            }
            Value::Url { url, expiry } => {
                self.text("url", url).some_text("expiry", expiry.as_deref());
            }
            Value::Downloaded { request, status } => {
                self.number("downloaded", request.0).number("status", u64::from(*status));
            }
            Value::Loaded { count, at_beginning } => {
                self.number("count", u64::from(*count)).flag("atBeginning", *at_beginning);
            }
            Value::Nothing => {}
        }
    }

    /// The parts of an error; the host makes the text, which would bring the whole of formatting into
    /// the core.
    fn error(&mut self, error: &CallError) {
        let name = match error {
            CallError::NotConnected { .. } => "notConnected",
            CallError::Invalid { .. } => "invalid",
            CallError::Service(_) => "service",
            CallError::Unreachable { .. } => "unreachable",
            CallError::BadAnswer { .. } => "badAnswer",
            CallError::Cancelled => "cancelled",
            CallError::Closed => "closed",
            CallError::OutboxFull { .. } => "outboxFull",
            CallError::ReceiptsOff => "receiptsOff",
            CallError::Storage { .. } => "storage",
        };
        self.text("error", name);
        match error {
            CallError::NotConnected { operation } => {
                self.text("operation", operation);
            }
            CallError::Invalid { member, rule } => {
                self.text("member", member).text("rule", rule);
            }
            CallError::Service(error) => {
                self.text("name", error.kind.name())
                    .number("status", u64::from(error.status))
                    .text("message", &error.message);
            }
            CallError::Unreachable { message } | CallError::BadAnswer { message } => {
                self.text("message", message);
            }
            CallError::OutboxFull { waiting } => {
                self.number("waiting", *waiting as u64);
            }
            CallError::Storage { operation, status } => {
                self.text("operation", operation).number("status", u64::from(*status));
            }
            CallError::Cancelled | CallError::Closed | CallError::ReceiptsOff => {}
        }
    }

    /// An array of objects, each of which `write` opens and closes.
    fn list<T>(&mut self, name: &str, items: &[T], write: fn(&mut Self, &T)) {
        self.key(name).push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.json.push(',');
            }
            write(self, item);
        }
        self.json.push(']');
    }

    fn object(&mut self, kind: &str) -> &mut Self {
        self.json.push_str("{\"type\":\"");
        self.json.push_str(kind);
        self.json.push('"');
        self
    }

    /// Begins a member; its value is to be written to what this gives.
    fn key(&mut self, name: &str) -> &mut String {
        for part in &[",\"", name, "\":"] {
            self.json.push_str(part);
        }
        &mut self.json
    }

    fn number(&mut self, name: &str, value: u64) -> &mut Self {
        write_number(self.key(name), value as i64);
        self
    }

    fn some_number(&mut self, name: &str, value: Option<u64>) -> &mut Self {
        if let Some(value) = value {
            self.number(name, value);
        }
        self
    }

    fn flag(&mut self, name: &str, value: bool) -> &mut Self {
        self.key(name).push_str(if value { "true" } else { "false" });
        self
    }

    fn text(&mut self, name: &str, value: &str) -> &mut Self {
        write_text(self.key(name), value);
        self
    }

    fn some_text(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.text(name, value);
        }
        self
    }

    fn string(&mut self, value: &str) {
        write_text(&mut self.json, value);
    }
}

fn event_name(event: &Event) -> &'static str {
    match event {
        Event::Item { .. } => "item",
        Event::Established { .. } => "established",
        Event::Lost => "lost",
        Event::Broken => "broken",
        Event::Ended => "ended",
        Event::DeepHeartbeat { .. } => "deepHeartbeat",
        Event::Transcript(_) => "transcript",
        Event::AttachmentProgress { .. } => "attachmentProgress",
        // The rest is in Chatloom behaviour only.
        _ if !CHATLOOM => "",
        Event::Connection(_) => "connection",
        Event::Gap { .. } => "gap",
        Event::GapClosed { .. } => "gapClosed",
        Event::CaughtUp => "caughtUp",
        Event::Message { .. } => "message",
        Event::Roster(_) => "roster",
        Event::HandlerFailed { .. } => "handlerFailed",
    }
}

/// The number of a kind of item; the host has the callbacks in this order.
pub(crate) fn kind_number(kind: ItemKind) -> u64 {
    kind as u64
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, sync::Arc};

    use chatloom_session::{
        CallId, ConnectionStatus, EntryKey, ForeignId, GapId, ItemHandle, LogLevel, Outgoing,
        RequestId, SessionId, SocketId, TranscriptUpdate, Upload,
    };
    use chatloom_wire::{ErrorKind, Item, ServiceError};

    use super::*;

    const SESSION: SessionId = SessionId(1);

    fn event(event: Event) -> Output {
        Output::Event { session: SESSION, event }
    }

    fn done(result: Result<Value, CallError>) -> Output {
        Output::Done { session: SESSION, call: CallId(2), result }
    }

    fn held(kind: ItemKind) -> Output {
        event(Event::Item { kind, body: Body::Held(ItemHandle(9)) })
    }

    fn insert(content: EntryContent, state: Option<MessageState>) -> Step {
        let entry = Entry { key: EntryKey(5), id: Some("i-1".into()), content, state };
        Step::Insert { at: 1, entry }
    }

    /// Every output and every variant inside one, with characters that JSON escapes.
    fn every_output() -> Vec<Output> {
        let item = r#"{ "Id": "i-1", "Content": "\u00e9\n\"", "Mood": [1.50] }"#;
        let answer = Answer {
            request: RequestId(3),
            request_id: Some("r-1".to_owned()),
            attempts: 2,
            retry_delay_ms: 150,
            body: String::new(),
        };
        let reason = "it said \"no\"\u{1}".to_owned();
        let mut outputs = vec![
            Output::Http(HttpRequest {
                request: RequestId(3),
                session: SESSION,
                operation: "SendMessage",
                method: "POST",
                url: "https://example.com/participant/message".to_owned(),
                headers: vec![("X-Amz-Bearer", "token".to_owned()), ("x", "a\"b".to_owned())],
                body: r#"{"Content":"a\nb"}"#.to_owned(),
                timeout_ms: 15_000,
                keep_body: true,
            }),
            Output::AbortHttp { request: RequestId(u64::MAX >> 11) },
            Output::OpenSocket { socket: SocketId(4), url: "wss://example.com/?a=b".to_owned() },
            Output::SendText {
                socket: SocketId(4),
                text: Cow::Borrowed(r#"{"topic":"aws/ping"}"#),
            },
            Output::CloseSocket { socket: SocketId(4), code: 1000, reason: "the chat ended" },
            Output::Release { item: ItemHandle(9) },
            Output::Upload(Upload {
                request: RequestId(3),
                session: SESSION,
                call: CallId(2),
                url: "https://example.com/u".to_owned(),
                headers: vec![("a".to_owned(), "b".to_owned()), ("c".to_owned(), "d".to_owned())],
            }),
            Output::Download {
                request: RequestId(3),
                session: SESSION,
                url: "https://example.com/d".to_owned(),
            },
            Output::NeedToken { request: RequestId(3), session: SESSION },
            Output::JoinForeign { foreign: ForeignId(6) },
            Output::LeaveForeign { foreign: ForeignId(6) },
            Output::Persist { session: SESSION, snapshot: Some("{}".to_owned()) },
            Output::Persist { session: SESSION, snapshot: None },
            Output::Wake(Some(1_234)),
            Output::Wake(None),
            event(Event::Item {
                kind: ItemKind::Message,
                body: Body::Item(Arc::new(Item::from_text(item).unwrap())),
            }),
            held(ItemKind::ChatRehydrated),
            event(Event::Established { by_socket: false }),
            event(Event::Established { by_socket: true }),
            event(Event::Lost),
            event(Event::Broken),
            event(Event::Ended),
            event(Event::DeepHeartbeat { success: true }),
            event(Event::Gap { gap: GapId(1) }),
            event(Event::GapClosed { gap: GapId(1) }),
            event(Event::AttachmentProgress { call: CallId(2), sent: 10, total: 20 }),
            event(Event::HandlerFailed { handler: "onMessage".to_owned() }),
            event(Event::Message {
                key: EntryKey(5),
                call: Some(CallId(2)),
                id: Some("i-1".into()),
                state: MessageState::Sent,
            }),
            event(Event::Message {
                key: EntryKey(5),
                call: None,
                id: None,
                state: MessageState::Failed(CallError::Closed),
            }),
            event(Event::Roster(vec![
                Person {
                    participant_id: "p-1".into(),
                    role: Some("AGENT".into()),
                    name: Some("A \"b\"".into()),
                    presence: Presence::Idle,
                    typing: true,
                    delivered: Some("i-2".into()),
                    read: Some("i-1".into()),
                },
                Person {
                    participant_id: "p-2".into(),
                    role: None,
                    name: None,
                    presence: Presence::Gone,
                    typing: false,
                    delivered: None,
                    read: None,
                },
            ])),
            event(Event::Transcript(TranscriptUpdate::default())),
            event(Event::Transcript(TranscriptUpdate {
                steps: vec![
                    insert(EntryContent::Gap(GapId(1)), None),
                    insert(EntryContent::Item(Body::Held(ItemHandle(9))), None),
                    insert(
                        EntryContent::Item(Body::Item(Arc::new(Item::from_text(item).unwrap()))),
                        Some(MessageState::Read),
                    ),
                    insert(
                        EntryContent::Outgoing(Box::new(Outgoing {
                            content_type: "text/plain".into(),
                            content: Some("a\n".to_owned()),
                            client_token: Some("t".to_owned()),
                        })),
                        Some(MessageState::Queued),
                    ),
                    Step::Remove { at: 0 },
                ],
                previous_next_token: Some("n".to_owned()),
            })),
            event(Event::CaughtUp),
            done(Ok(Value::Connected { status: ConnectionStatus::Starting })),
            done(Ok(Value::Answered(answer.clone()))),
            done(Ok(Value::Answered(Answer { request_id: None, body: "{}".to_owned(), ..answer }))),
            done(Ok(Value::Repeated { earlier: CallId(1) })),
            done(Ok(Value::AlreadyFired)),
            done(Ok(Value::Url { url: "https://example.com/d".to_owned(), expiry: None })),
            done(Ok(Value::Downloaded { request: RequestId(3), status: 200 })),
            done(Ok(Value::Loaded { count: 15, at_beginning: true })),
            done(Ok(Value::Nothing)),
        ];
        outputs.extend(
            [
                Connection::Connecting,
                Connection::Online,
                Connection::Waiting { until_ms: 77, reason: reason.clone() },
                Connection::Offline,
                Connection::Broken { reason: reason.clone() },
                Connection::Ended,
            ]
            .map(|connection| event(Event::Connection(connection))),
        );
        outputs.extend(
            [
                CallError::NotConnected { operation: "SendMessage" },
                CallError::Invalid { member: "Content", rule: "1 to 16,384 bytes" },
                CallError::Service(ServiceError::new(ErrorKind::Throttling, reason.clone())),
                CallError::Unreachable { message: reason.clone() },
                CallError::BadAnswer { message: reason },
                CallError::Cancelled,
                CallError::Closed,
                CallError::ReceiptsOff,
                CallError::Storage { operation: "upload", status: 403 },
                CallError::OutboxFull { waiting: 1_000 },
            ]
            .map(|error| done(Err(error))),
        );
        outputs.extend([LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error].map(
            |level| Output::Log {
                session: (level == LogLevel::Error).then_some(SESSION),
                level,
                text: "a heartbeat was missed".to_owned(),
            },
        ));
        outputs
    }

    fn written(outputs: &[Output]) -> String {
        let mut drain = Drain::new();
        for output in outputs {
            drain.push(output);
        }
        assert_eq!(drain.finish(), drain.json().len());
        drain.json().to_owned()
    }

    #[test]
    fn every_output_has_its_form() {
        let lines: Vec<String> =
            every_output().iter().map(|output| written(std::slice::from_ref(output))).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn a_drain_is_one_array_of_objects_with_a_type() {
        let outputs = every_output();
        let array: Vec<serde_json::Value> = serde_json::from_str(&written(&outputs)).unwrap();
        assert_eq!(array.len(), outputs.len());
        assert!(array.iter().all(|output| output["type"].is_string()));
        assert_eq!(array[0]["headers"]["x"], "a\"b");
        let item = array.iter().find(|output| output["body"].is_object()).unwrap();
        assert_eq!(item["body"]["Content"], "é\n\"");
    }

    #[test]
    fn without_outputs_nothing_is_written() {
        assert_eq!(written(&[]), "");
    }

    #[test]
    fn kinds_are_numbered_in_the_order_that_the_package_has_the_callbacks_in() {
        let kinds = [
            ItemKind::Message,
            ItemKind::Typing,
            ItemKind::ReadReceipt,
            ItemKind::DeliveredReceipt,
            ItemKind::ParticipantIdle,
            ItemKind::ParticipantReturned,
            ItemKind::AutoDisconnection,
            ItemKind::ParticipantInvited,
            ItemKind::AuthenticationInitiated,
            ItemKind::AuthenticationSuccessful,
            ItemKind::AuthenticationFailed,
            ItemKind::AuthenticationTimeout,
            ItemKind::AuthenticationExpired,
            ItemKind::AuthenticationCanceled,
            ItemKind::ParticipantDisplayNameUpdated,
            ItemKind::ChatRehydrated,
        ];
        assert!(kinds.iter().map(|kind| kind_number(*kind)).eq(0..kinds.len() as u64));
    }
}
