//! Writes what the core wants: a list of values, without names.
//!
//! Each output begins with its kind. What follows each is in the table of
//! `web/chatjs/src/host/border.ts`, which the host reads by, and behind that the one of
//! `web/chatjs/src/chatloom/kinds.ts`.

use chatloom_session::{
    Answer, Body, CHATLOOM, CallError, Connection, Entry, EntryContent, Event, HttpRequest,
    ItemKind, MessageState, Output, Person, Presence, Step, Value, sent_type_text,
};
use chatloom_wire::{ErrorKind, ItemId, ParticipantRole};

/// What is written, by the lines of the table.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Http,
    Abort,
    Open,
    Send,
    Close,
    Upload,
    Download,
    NeedToken,
    JoinForeign,
    LeaveForeign,
    Release,
    Log,
    Wake,
    Done,
    Nothing,
    Connected,
    Answered,
    Repeated,
    Fired,
    Place,
    Downloaded,
    Loaded,
    NotConnected,
    Invalid,
    Service,
    Unreachable,
    BadAnswer,
    Cancelled,
    Closed,
    ReceiptsOff,
    Storage,
    OutboxFull,
    Item,
    Established,
    Lost,
    Broken,
    Ended,
    DeepHeartbeat,
    Transcript,
    AttachmentProgress,
    Insert,
    Replace,
    Remove,
    Held,
    Whole,
    Outgoing,
    Sending,
    Sent,
    Delivered,
    Read,
    Failed,
    Queued,
    Gap,
    GapClosed,
    CaughtUp,
    Message,
    Roster,
    Here,
    Idle,
    Gone,
    Missing,
    Connection,
    Connecting,
    Online,
    Waiting,
    Offline,
    Broke,
    Over,
    Persist,
}

/// So many values at the beginning say where the texts are, and how many bytes they have.
const TEXTS: usize = 2;

/// Values, and the texts of those that are lengths of one.
pub(crate) struct Drain {
    values: Vec<f64>,
    texts: String,
}

impl Drain {
    /// Nothing yet.
    pub(crate) const fn new() -> Self {
        Self { values: Vec::new(), texts: String::new() }
    }

    /// Forgets what was written and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.texts.clear();
    }

    /// What was written.
    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }

    /// The texts of all that was written.
    #[cfg(test)]
    pub(crate) fn texts(&self) -> &str {
        &self.texts
    }

    /// Says where the texts are, and gives the number of values: none at all when there was no
    /// output.
    pub(crate) fn finish(&mut self) -> usize {
        if let [place, len, ..] = &mut *self.values {
            *place = self.texts.as_ptr() as usize as f64;
            *len = self.texts.len() as f64;
        }
        self.values.len()
    }

    /// Appends one output.
    pub(crate) fn push(&mut self, output: &Output) {
        if self.values.is_empty() {
            self.values.resize(TEXTS, 0.0);
        }
        match output {
            Output::Http(request) => self.http(request),
            Output::AbortHttp { request } => {
                self.kind(Kind::Abort).number(request.0);
            }
            Output::OpenSocket { socket, url } => {
                self.kind(Kind::Open).number(socket.0).text(url);
            }
            Output::SendText { socket, text } => {
                self.kind(Kind::Send).number(socket.0).text(text);
            }
            Output::CloseSocket { socket, code, reason } => {
                self.kind(Kind::Close).number(socket.0).number(u64::from(*code)).text(reason);
            }
            Output::Event { session, event } => self.event(u64::from(session.0), event),
            Output::Done { session, call, result } => {
                self.kind(Kind::Done).number(u64::from(session.0)).number(call.0);
                match result {
                    Ok(value) => self.value(value),
                    Err(error) => self.error(error),
                }
            }
            Output::Release { item } => {
                self.kind(Kind::Release).number(item.0);
            }
            Output::Upload(upload) => {
                self.kind(Kind::Upload)
                    .number(upload.request.0)
                    .number(u64::from(upload.session.0))
                    .number(upload.call.0)
                    .text(&upload.url)
                    .number(upload.headers.len() as u64);
                for (name, value) in &upload.headers {
                    self.text(name).text(value);
                }
            }
            Output::Download { request, session, url } => {
                self.kind(Kind::Download).number(request.0).number(u64::from(session.0)).text(url);
            }
            Output::NeedToken { request, session } => {
                self.kind(Kind::NeedToken).number(request.0).number(u64::from(session.0));
            }
            Output::JoinForeign { foreign } => {
                self.kind(Kind::JoinForeign).number(u64::from(foreign.0));
            }
            Output::LeaveForeign { foreign } => {
                self.kind(Kind::LeaveForeign).number(u64::from(foreign.0));
            }
            Output::Log { session, level, text } => {
                // The scale of the original (docs/protocol/websocket.md S4).
                self.kind(Kind::Log)
                    .number(*level as u64)
                    .text(text)
                    .some_number(session.map(|session| u64::from(session.0)));
            }
            Output::Wake(at) => {
                self.kind(Kind::Wake).some_number(*at);
            }
            Output::Persist { session, snapshot } => {
                if CHATLOOM {
                    self.kind(Kind::Persist)
                        .number(u64::from(session.0))
                        .some_text(snapshot.as_deref());
                }
            }
        }
    }

    fn http(&mut self, request: &HttpRequest) {
        self.kind(Kind::Http)
            .number(request.request.0)
            .number(u64::from(request.session.0))
            .text(request.operation)
            .text(request.method)
            .text(&request.url)
            .text(&request.body)
            .number(request.timeout_ms)
            .flag(request.keep_body)
            .number(request.headers.len() as u64);
        for (name, value) in &request.headers {
            self.text(name).text(value);
        }
    }

    fn event(&mut self, session: u64, event: &Event) {
        let kind = match event {
            Event::Item { .. } => Kind::Item,
            Event::Established { .. } => Kind::Established,
            Event::Lost => Kind::Lost,
            Event::Broken => Kind::Broken,
            Event::Ended => Kind::Ended,
            Event::DeepHeartbeat { .. } => Kind::DeepHeartbeat,
            Event::Transcript(_) => Kind::Transcript,
            Event::AttachmentProgress { .. } => Kind::AttachmentProgress,
            // The rest is in Chatloom behaviour only.
            _ if !CHATLOOM => return,
            Event::Connection(_) => Kind::Connection,
            Event::Gap { .. } => Kind::Gap,
            Event::GapClosed { .. } => Kind::GapClosed,
            Event::CaughtUp => Kind::CaughtUp,
            Event::Message { .. } => Kind::Message,
            Event::Roster(_) => Kind::Roster,
            // The host has called the handler, and knows.
            Event::HandlerFailed { .. } => return,
        };
        self.kind(kind).number(session);
        match event {
            Event::Item { kind, body } => {
                self.number(kind_number(*kind)).body(body);
            }
            Event::Established { by_socket } => {
                self.flag(*by_socket);
            }
            Event::DeepHeartbeat { success } => {
                self.flag(*success);
            }
            Event::Transcript(update) => {
                self.some_text(update.previous_next_token.as_deref())
                    .number(update.steps.len() as u64);
                for step in &update.steps {
                    self.step(step);
                }
            }
            Event::AttachmentProgress { call, sent, total } => {
                self.number(call.0).number(*sent).number(*total);
            }
            _ if !CHATLOOM => {}
            Event::Connection(connection) => self.connection(connection),
            Event::Gap { gap } | Event::GapClosed { gap } => {
                self.number(u64::from(gap.0));
            }
            Event::Message { key, call, id, state } => {
                self.number(key.0)
                    .some_number(call.map(|call| call.0))
                    .some_text(id.as_ref().map(ItemId::as_str))
                    .state(state);
            }
            Event::Roster(people) => {
                self.number(people.len() as u64);
                for person in people {
                    self.person(person);
                }
            }
            Event::Lost
            | Event::Broken
            | Event::Ended
            | Event::CaughtUp
            | Event::HandlerFailed { .. } => {}
        }
    }

    /// An item as it came, or the number under which the host holds it.
    fn body(&mut self, body: &Body) {
        match body {
            Body::Item(item) => {
                // Of a streamed message that is what has been joined, and the time of its first part.
                self.kind(Kind::Whole).text(item.text()).some_text(item.content_beside());
                self.some_text(item.absolute_time().filter(|_| item.content_beside().is_some()))
            }
            Body::Held(item) => self.kind(Kind::Held).number(item.0),
        };
    }

    fn step(&mut self, step: &Step) {
        let (kind, at, entry) = match step {
            Step::Insert { at, entry } => (Kind::Insert, at, Some(entry)),
            Step::Replace { at, entry } => (Kind::Replace, at, Some(entry)),
            Step::Remove { at } => (Kind::Remove, at, None),
        };
        self.kind(kind).number(*at as u64);
        if let Some(entry) = entry {
            self.entry(entry);
        }
    }

    fn entry(&mut self, entry: &Entry) {
        self.number(entry.key.0);
        match &entry.content {
            EntryContent::Item(body) => self.body(body),
            EntryContent::Outgoing(outgoing) => {
                self.kind(Kind::Outgoing)
                    .some_text(entry.id.as_ref().map(ItemId::as_str))
                    .text(sent_type_text(&outgoing.content_type))
                    .some_text(outgoing.content.as_deref());
            }
            EntryContent::Gap(gap) => {
                self.kind(Kind::Missing).number(u64::from(gap.0));
            }
        }
        match &entry.state {
            Some(state) => self.state(state),
            None => {
                self.kind(Kind::Nothing);
            }
        }
    }

    fn state(&mut self, state: &MessageState) {
        self.kind(match state {
            MessageState::Queued => Kind::Queued,
            MessageState::Sending => Kind::Sending,
            MessageState::Sent => Kind::Sent,
            MessageState::Delivered => Kind::Delivered,
            MessageState::Read => Kind::Read,
            MessageState::Failed(_) => Kind::Failed,
        });
        if let MessageState::Failed(error) = state {
            self.error(error);
        }
    }

    fn person(&mut self, person: &Person) {
        self.kind(match person.presence {
            Presence::Here => Kind::Here,
            Presence::Idle => Kind::Idle,
            Presence::Gone => Kind::Gone,
        })
        .text(person.participant_id.as_str())
        .some_text(person.role.as_ref().map(ParticipantRole::as_str))
        .some_text(person.name.as_deref())
        .flag(person.typing)
        .some_text(person.delivered.as_ref().map(ItemId::as_str))
        .some_text(person.read.as_ref().map(ItemId::as_str));
    }

    fn connection(&mut self, connection: &Connection) {
        self.kind(match connection {
            Connection::Connecting => Kind::Connecting,
            Connection::Online => Kind::Online,
            Connection::Waiting { .. } => Kind::Waiting,
            Connection::Offline => Kind::Offline,
            Connection::Broken { .. } => Kind::Broke,
            Connection::Ended => Kind::Over,
        });
        match connection {
            Connection::Waiting { until_ms, reason } => {
                self.number(*until_ms).text(reason);
            }
            Connection::Broken { reason } => {
                self.text(reason);
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
                self.kind(Kind::Connected).text(status.name());
            }
            // The rest the host has kept.
            Value::Answered(Answer { request, attempts, retry_delay_ms, .. }) => {
                self.kind(Kind::Answered)
                    .number(request.0)
                    .number(u64::from(*attempts))
                    .number(*retry_delay_ms);
            }
            Value::Repeated { earlier } => {
                self.kind(Kind::Repeated).number(earlier.0);
            }
            Value::AlreadyFired => {
                self.kind(Kind::Fired).flag(true);
            }
            Value::Url { url, .. } => {
                self.kind(Kind::Place).text(url);
            }
            Value::Downloaded { request, status } => {
                self.kind(Kind::Downloaded).number(request.0).number(u64::from(*status));
            }
            Value::Loaded { count, at_beginning } => {
                self.kind(Kind::Loaded).number(u64::from(*count)).flag(*at_beginning);
            }
            Value::Nothing => {
                self.kind(Kind::Nothing);
            }
        }
    }

    /// The parts of an error; the host makes the text, which would bring the whole of formatting into
    /// the core.
    fn error(&mut self, error: &CallError) {
        self.kind(match error {
            CallError::NotConnected { .. } => Kind::NotConnected,
            CallError::Invalid { .. } => Kind::Invalid,
            CallError::Service(_) => Kind::Service,
            CallError::Unreachable { .. } => Kind::Unreachable,
            CallError::BadAnswer { .. } => Kind::BadAnswer,
            CallError::Cancelled => Kind::Cancelled,
            CallError::Closed => Kind::Closed,
            CallError::OutboxFull { .. } => Kind::OutboxFull,
            CallError::ReceiptsOff => Kind::ReceiptsOff,
            CallError::Storage { .. } => Kind::Storage,
        });
        match error {
            CallError::NotConnected { operation } => {
                self.text(operation);
            }
            CallError::Invalid { member, rule } => {
                self.text(member).text(rule);
            }
            CallError::Service(error) => {
                self.text(error_name(&error.kind))
                    .number(u64::from(error.status))
                    .text(&error.message);
            }
            CallError::Unreachable { message } | CallError::BadAnswer { message } => {
                self.text(message);
            }
            CallError::OutboxFull { waiting } => {
                self.number(*waiting as u64);
            }
            CallError::Storage { operation, status } => {
                self.text(operation).number(u64::from(*status));
            }
            CallError::Cancelled | CallError::Closed | CallError::ReceiptsOff => {}
        }
    }

    fn kind(&mut self, kind: Kind) -> &mut Self {
        self.number(kind as u64)
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.push_value(number as f64)
    }

    fn some_number(&mut self, number: Option<u64>) -> &mut Self {
        self.push_value(number.map_or(f64::NAN, |number| number as f64))
    }

    fn flag(&mut self, flag: bool) -> &mut Self {
        self.push_value(if flag { f64::INFINITY } else { f64::NEG_INFINITY })
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.texts.push_str(text);
        // As JavaScript counts: one for each character, and one more for those of four bytes.
        let units = |byte: u8| usize::from(byte & 0xc0 != 0x80) + usize::from(byte >= 0xf0);
        let len: usize = text.bytes().map(units).sum();
        self.push_value(-1.0 - len as f64)
    }

    fn some_text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => self.push_value(f64::NAN),
        }
    }

    fn push_value(&mut self, value: f64) -> &mut Self {
        self.values.push(value);
        self
    }
}

/// The name of an error, which a core without Chatloom behaviour has never told from others.
fn error_name(kind: &ErrorKind) -> &str {
    match kind {
        ErrorKind::Other(name) => name,
        known => {
            if CHATLOOM {
                known.name()
            } else {
                ""
            }
        }
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
    use crate::table;

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

    fn written(outputs: &[Output]) -> Vec<serde_json::Value> {
        let mut drain = Drain::new();
        for output in outputs {
            drain.push(output);
        }
        assert_eq!(drain.finish(), drain.values().len());
        table::outputs_of(drain.values().get(TEXTS..).unwrap_or_default(), drain.texts())
    }

    #[test]
    fn every_output_has_its_form() {
        let lines: Vec<String> = written(&every_output()).iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn without_outputs_nothing_is_written() {
        assert!(written(&[]).is_empty());
    }

    #[test]
    fn texts_arrive_as_they_left() {
        let text = "\u{feff}a\u{0}\u{e9}\u{20ac}\u{1f600}\u{ffff}".to_owned();
        let urls = [text.clone(), String::new(), text];
        let outputs = urls.clone().map(|url| Output::OpenSocket { socket: SocketId(4), url });
        let written = written(&outputs);
        assert!(written.iter().map(|output| output["url"].as_str().unwrap()).eq(urls));
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
