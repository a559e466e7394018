//! Writes what the core wants as one JSON array.

use chatloom_session::{
    Answer, Body, CallError, Connection, Event, HttpRequest, ItemKind, LogLevel, Output, Value,
    json::{write_number, write_text},
};

/// Writes JSON objects into an array; `[` stands before the first and `]` is set by [`finish`].
///
/// [`finish`]: Drain::finish
#[derive(Default)]
pub(crate) struct Drain {
    json: String,
}

impl Drain {
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
    pub(crate) fn refuse(&mut self, why: &str) {
        self.json.push('[');
        self.object("refused").text("message", why).json.push('}');
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
                self.event(u64::from(session.0), event);
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
            // The package asks for nothing that leads to these yet.
            Output::Upload(_)
            | Output::Download { .. }
            | Output::NeedToken { .. }
            | Output::JoinForeign { .. }
            | Output::LeaveForeign { .. }
            | Output::Persist { .. } => {
                self.object("other");
            }
            Output::Log { session, level, text } => {
                self.object("log").number("level", level_number(*level)).text("text", text);
                if let Some(session) = session {
                    self.number("session", u64::from(session.0));
                }
            }
            Output::Wake(at) => {
                self.object("wake");
                if let Some(at) = at {
                    self.number("at", *at);
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
            .flag("keepBody", request.keep_body)
            .key("headers")
            .json
            .push('{');
        for (index, (name, value)) in request.headers.iter().enumerate() {
            if index > 0 {
                self.json.push(',');
            }
            self.string(name);
            self.json.push(':');
            self.string(value);
        }
        self.json.push('}');
    }

    fn event(&mut self, session: u64, event: &Event) {
        let name = match event {
            Event::Item { .. } => "item",
            Event::Established { .. } => "established",
            Event::Lost => "lost",
            Event::Broken => "broken",
            Event::Ended => "ended",
            Event::DeepHeartbeat { .. } => "deepHeartbeat",
            Event::Connection(_) => "connection",
            Event::Gap { .. } => "gap",
            Event::CaughtUp => "caughtUp",
            Event::GapClosed { .. }
            | Event::Transcript(_)
            | Event::Message { .. }
            | Event::Roster(_)
            | Event::AttachmentProgress { .. }
            | Event::HandlerFailed { .. } => "other",
        };
        self.object(name).number("session", session);
        match event {
            Event::Item { kind, body } => {
                self.number("kind", kind_number(*kind));
                match body {
                    Body::Item(item) => {
                        self.key("body").json.push_str(item.text());
                    }
                    Body::Held(item) => {
                        self.number("item", item.0);
                    }
                }
            }
            Event::Established { by_socket } => {
                self.flag("bySocket", *by_socket);
            }
            Event::DeepHeartbeat { success } => {
                self.flag("success", *success);
            }
            Event::Connection(connection) => self.connection(connection),
            _ => {}
        }
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

    fn value(&mut self, value: &Value) {
        match value {
            Value::Connected { status } => {
                self.text("status", status.name());
            }
            Value::AlreadyFired
            | Value::Url { .. }
            | Value::Downloaded { .. }
            | Value::Loaded { .. }
            | Value::Nothing => {}
            Value::Answered(Answer { request, request_id, attempts, retry_delay_ms, body }) => {
                self.number("request", request.0)
                    .number("attempts", u64::from(*attempts))
                    .number("retryDelayMs", *retry_delay_ms);
                if let Some(request_id) = request_id {
                    self.text("requestId", request_id);
                }
                if !body.is_empty() {
                    self.text("body", body);
                }
            }
            Value::Repeated { earlier } => {
                self.number("earlier", earlier.0);
            }
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

    fn object(&mut self, kind: &str) -> &mut Self {
        self.json.push_str("{\"type\":\"");
        self.json.push_str(kind);
        self.json.push('"');
        self
    }

    fn key(&mut self, name: &str) -> &mut Self {
        self.json.push_str(",\"");
        self.json.push_str(name);
        self.json.push_str("\":");
        self
    }

    fn number(&mut self, name: &str, value: u64) -> &mut Self {
        self.key(name);
        write_number(&mut self.json, value as i64);
        self
    }

    fn flag(&mut self, name: &str, value: bool) -> &mut Self {
        self.key(name).json.push_str(if value { "true" } else { "false" });
        self
    }

    fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.key(name).string(value);
        self
    }

    fn string(&mut self, value: &str) {
        write_text(&mut self.json, value);
    }
}

/// The number of a kind of item; the host has the callbacks in this order.
pub(crate) fn kind_number(kind: ItemKind) -> u64 {
    match kind {
        ItemKind::Message => 0,
        ItemKind::Typing => 1,
        ItemKind::ReadReceipt => 2,
        ItemKind::DeliveredReceipt => 3,
        ItemKind::ParticipantIdle => 4,
        ItemKind::ParticipantReturned => 5,
        ItemKind::AutoDisconnection => 6,
        ItemKind::ParticipantInvited => 7,
        ItemKind::AuthenticationInitiated => 8,
        ItemKind::AuthenticationSuccessful => 9,
        ItemKind::AuthenticationFailed => 10,
        ItemKind::AuthenticationTimeout => 11,
        ItemKind::AuthenticationExpired => 12,
        ItemKind::AuthenticationCanceled => 13,
        ItemKind::ParticipantDisplayNameUpdated => 14,
        ItemKind::ChatRehydrated => 15,
    }
}

/// The number of a level in the original's scale (docs/protocol/websocket.md S4).
fn level_number(level: LogLevel) -> u64 {
    match level {
        LogLevel::Debug => 10,
        LogLevel::Info => 20,
        LogLevel::Warn => 30,
        LogLevel::Error => 40,
    }
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, sync::Arc};

    use chatloom_session::{
        CallId, ConnectionStatus, GapId, ItemHandle, RequestId, SessionId, SocketId,
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
            event(Event::CaughtUp),
            done(Ok(Value::Connected { status: ConnectionStatus::Starting })),
            done(Ok(Value::Answered(answer.clone()))),
            done(Ok(Value::Answered(Answer { request_id: None, body: "{}".to_owned(), ..answer }))),
            done(Ok(Value::Repeated { earlier: CallId(1) })),
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
        let mut drain = Drain::default();
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
        assert_eq!(array[8]["body"]["Content"], "é\n\"");
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
