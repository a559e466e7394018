//! Outputs.

use chatloom_wire::{ContentType, ItemId, ParticipantRole};

use super::{Line, level};
use crate::{
    Answer, Body, CallError, Connection, Entry, EntryContent, Event, HttpRequest, ItemKind,
    MessageState, Output, Person, Presence, Step, TranscriptUpdate, Upload, Value, json,
    recorder::redact::filler,
};

impl Line<'_> {
    pub(super) fn output(&mut self, output: &Output) {
        match output {
            Output::Http(request) => {
                self.word("out", "http");
                self.request(request);
            }
            Output::AbortHttp { request } => {
                self.word("out", "abort_http");
                self.unsigned("request", request.0);
            }
            Output::OpenSocket { socket, url } => {
                self.word("out", "open_socket");
                self.unsigned("socket", socket.0);
                self.secret("url", url);
            }
            Output::SendText { socket, text } => {
                self.word("out", "send_text");
                self.unsigned("socket", socket.0);
                self.json("text", text);
            }
            Output::CloseSocket { socket, code, reason } => {
                self.word("out", "close_socket");
                self.unsigned("socket", socket.0);
                self.unsigned("code", (*code).into());
                self.word("reason", reason);
            }
            Output::Event { session, event } => {
                self.word("out", "event");
                self.unsigned("session", session.0.into());
                self.event(event);
            }
            Output::Done { session, call, result } => {
                self.word("out", "done");
                self.unsigned("session", session.0.into());
                self.unsigned("call", call.0);
                match result {
                    Ok(value) => self.value(value),
                    Err(error) => self.error(error),
                }
            }
            Output::Release { item } => {
                self.word("out", "release");
                self.unsigned("item", item.0);
            }
            Output::Upload(upload) => {
                self.word("out", "upload");
                self.upload(upload);
            }
            Output::Download { request, session, url } => {
                self.word("out", "download");
                self.unsigned("session", session.0.into());
                self.unsigned("request", request.0);
                self.secret("url", url);
            }
            Output::NeedToken { request, session } => {
                self.word("out", "need_token");
                self.unsigned("session", session.0.into());
                self.unsigned("request", request.0);
            }
            Output::JoinForeign { foreign } => {
                self.word("out", "join_foreign");
                self.unsigned("foreign", foreign.0.into());
            }
            Output::LeaveForeign { foreign } => {
                self.word("out", "leave_foreign");
                self.unsigned("foreign", foreign.0.into());
            }
            Output::Persist { session, snapshot } => {
                self.word("out", "persist");
                self.unsigned("session", session.0.into());
                self.flag("kept", snapshot.is_some());
            }
            Output::Log { session, level: of, text } => {
                self.word("out", "log");
                if let Some(session) = session {
                    self.unsigned("session", session.0.into());
                }
                self.word("level", level(*of));
                self.prose("text", text);
            }
            Output::Wake(until) => {
                self.word("out", "wake");
                if let Some(until) = until {
                    self.unsigned("until", *until);
                }
            }
        }
    }

    fn request(&mut self, request: &HttpRequest) {
        self.unsigned("session", request.session.0.into());
        self.unsigned("request", request.request.0);
        self.word("operation", request.operation);
        self.word("method", request.method);
        let url = self.redactor.request_url(&request.url);
        self.word("url", &url);
        self.list("headers", &request.headers, |line, (name, value)| {
            line.word("name", name);
            if *name == "x-amz-user-agent" {
                line.kept("value", value);
            } else {
                line.secret("value", value);
            }
        });
        self.json("body", &request.body);
        self.unsigned("timeout_ms", request.timeout_ms);
        self.flag("keep_body", request.keep_body);
    }

    fn upload(&mut self, upload: &Upload) {
        self.unsigned("session", upload.session.0.into());
        self.unsigned("request", upload.request.0);
        self.unsigned("call", upload.call.0);
        self.secret("url", &upload.url);
        self.list("headers", &upload.headers, |line, (name, value)| {
            line.kept("name", name);
            line.word("value", &filler(value));
        });
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Connected { status } => {
                self.word("value", "connected");
                self.word("status", status.name());
            }
            Value::Answered(answer) => {
                self.word("value", "answered");
                self.answered(answer);
            }
            Value::Repeated { earlier } => {
                self.word("value", "repeated");
                self.unsigned("earlier", earlier.0);
            }
            Value::AlreadyFired => self.word("value", "already_fired"),
            Value::Url { url, expiry } => {
                self.word("value", "url");
                self.secret("url", url);
                self.some_kept("expiry", expiry.as_deref());
            }
            Value::Downloaded { request, status } => {
                self.word("value", "downloaded");
                self.unsigned("request", request.0);
                self.unsigned("status", (*status).into());
            }
            Value::Loaded { count, at_beginning } => {
                self.word("value", "loaded");
                self.unsigned("count", (*count).into());
                self.flag("at_beginning", *at_beginning);
            }
            Value::Nothing => self.word("value", "nothing"),
        }
    }

    fn answered(&mut self, answer: &Answer) {
        self.unsigned("request", answer.request.0);
        self.some_kept("request_id", answer.request_id.as_deref());
        self.unsigned("attempts", answer.attempts.into());
        self.unsigned("retry_delay_ms", answer.retry_delay_ms);
        self.json("body", &answer.body);
    }

    fn error(&mut self, error: &CallError) {
        match error {
            CallError::NotConnected { operation } => {
                self.word("error", "not_connected");
                self.word("operation", operation);
            }
            CallError::Invalid { member, rule } => {
                self.word("error", "invalid");
                self.word("member", member);
                self.word("rule", rule);
            }
            CallError::Service(error) => {
                self.word("error", "service");
                self.kept("kind", error.kind.name());
                self.unsigned("status", error.status.into());
                self.prose("message", &error.message);
            }
            CallError::Unreachable { message } => {
                self.word("error", "unreachable");
                self.prose("message", message);
            }
            CallError::BadAnswer { message } => {
                self.word("error", "bad_answer");
                self.prose("message", message);
            }
            CallError::Cancelled => self.word("error", "cancelled"),
            CallError::Closed => self.word("error", "closed"),
            CallError::ReceiptsOff => self.word("error", "receipts_off"),
            CallError::Storage { operation, status } => {
                self.word("error", "storage");
                self.word("operation", operation);
                self.unsigned("status", (*status).into());
            }
            CallError::OutboxFull { waiting } => {
                self.word("error", "outbox_full");
                self.unsigned("waiting", *waiting as u64);
            }
        }
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Item { kind: of, body } => {
                self.word("event", "item");
                self.word("kind", kind(*of));
                self.body(body);
            }
            Event::Established { by_socket } => {
                self.word("event", "established");
                self.flag("by_socket", *by_socket);
            }
            Event::Lost => self.word("event", "lost"),
            Event::Broken => self.word("event", "broken"),
            Event::Ended => self.word("event", "ended"),
            Event::DeepHeartbeat { success } => {
                self.word("event", "deep_heartbeat");
                self.flag("success", *success);
            }
            Event::Connection(connection) => {
                self.word("event", "connection");
                self.connection(connection);
            }
            Event::Gap { gap } => {
                self.word("event", "gap");
                self.unsigned("gap", gap.0.into());
            }
            Event::GapClosed { gap } => {
                self.word("event", "gap_closed");
                self.unsigned("gap", gap.0.into());
            }
            Event::CaughtUp => self.word("event", "caught_up"),
            Event::Transcript(update) => {
                self.word("event", "transcript");
                self.update(update);
            }
            Event::Message { key, call, id, state } => {
                self.word("event", "message");
                self.unsigned("key", key.0);
                if let Some(call) = call {
                    self.unsigned("call", call.0);
                }
                self.some_kept("id", id.as_ref().map(ItemId::as_str));
                self.state(state);
            }
            Event::Roster(people) => {
                self.word("event", "roster");
                self.list("people", people, person);
            }
            Event::AttachmentProgress { call, sent, total } => {
                self.word("event", "attachment_progress");
                self.unsigned("call", call.0);
                self.unsigned("sent", *sent);
                self.unsigned("total", *total);
            }
            Event::HandlerFailed { handler } => {
                self.word("event", "handler_failed");
                self.kept("handler", handler);
            }
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
        self.word("state", state);
        if let Connection::Waiting { until_ms, .. } = connection {
            self.unsigned("until", *until_ms);
        }
        if let Connection::Waiting { reason, .. } | Connection::Broken { reason } = connection {
            self.prose("reason", reason);
        }
    }

    fn update(&mut self, update: &TranscriptUpdate) {
        self.list("steps", &update.steps, |line, step| {
            let (what, at, entry) = match step {
                Step::Insert { at, entry } => ("insert", at, Some(entry)),
                Step::Replace { at, entry } => ("replace", at, Some(entry)),
                Step::Remove { at } => ("remove", at, None),
            };
            line.word("step", what);
            line.unsigned("at", *at as u64);
            if let Some(entry) = entry {
                line.entry(entry);
            }
        });
        if let Some(token) = &update.previous_next_token {
            self.secret("previous_next_token", token);
        }
    }

    fn entry(&mut self, entry: &Entry) {
        self.unsigned("key", entry.key.0);
        match &entry.content {
            EntryContent::Item(body) => self.body(body),
            EntryContent::Outgoing(outgoing) => self.inside("outgoing", |line| {
                line.kept("content_type", outgoing.content_type.as_str());
                line.unsigned("bytes", outgoing.content.as_ref().map_or(0, String::len) as u64);
                line.some_kept("client_token", outgoing.client_token.as_deref());
            }),
            EntryContent::Gap(gap) => self.unsigned("gap", gap.0.into()),
        }
        if let Some(state) = &entry.state {
            self.state(state);
        }
    }

    fn state(&mut self, state: &MessageState) {
        let word = match state {
            MessageState::Queued => "queued",
            MessageState::Sending => "sending",
            MessageState::Sent => "sent",
            MessageState::Delivered => "delivered",
            MessageState::Read => "read",
            MessageState::Failed(_) => "failed",
        };
        self.word("state", word);
        if let MessageState::Failed(error) = state {
            self.error(error);
        }
    }

    /// An item is in the recording as it came; here it is enough to know it again.
    fn body(&mut self, body: &Body) {
        let item = match body {
            Body::Item(item) => item,
            Body::Held(item) => return self.unsigned("held", item.0),
        };
        let head = item.head();
        self.some_kept("id", head.id.as_ref().map(ItemId::as_str));
        self.some_kept("time", head.absolute_time.as_deref());
        self.some_kept("content_type", head.content_type.as_ref().map(ContentType::as_str));
        self.some_kept("from", head.participant_role.as_ref().map(ParticipantRole::as_str));
        let mut bytes = None;
        // An item is an object by its construction.
        let _ = json::object(item.text(), &mut |name, value| {
            if name == "Content" {
                bytes = value.text().map(|content| content.len() as u64);
            }
        });
        if let Some(bytes) = bytes {
            self.unsigned("bytes", bytes);
        }
    }
}

fn person(line: &mut Line<'_>, person: &Person) {
    line.kept("participant_id", person.participant_id.as_str());
    line.some_kept("role", person.role.as_ref().map(ParticipantRole::as_str));
    if let Some(name) = &person.name {
        line.word("name", &filler(name));
    }
    line.word(
        "presence",
        match person.presence {
            Presence::Here => "here",
            Presence::Idle => "idle",
            Presence::Gone => "gone",
        },
    );
    line.flag("typing", person.typing);
    line.some_kept("delivered", person.delivered.as_ref().map(ItemId::as_str));
    line.some_kept("read", person.read.as_ref().map(ItemId::as_str));
}

fn kind(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Message => "message",
        ItemKind::Typing => "typing",
        ItemKind::ReadReceipt => "read_receipt",
        ItemKind::DeliveredReceipt => "delivered_receipt",
        ItemKind::ParticipantIdle => "participant_idle",
        ItemKind::ParticipantReturned => "participant_returned",
        ItemKind::AutoDisconnection => "auto_disconnection",
        ItemKind::ParticipantInvited => "participant_invited",
        ItemKind::AuthenticationInitiated => "authentication_initiated",
        ItemKind::AuthenticationSuccessful => "authentication_successful",
        ItemKind::AuthenticationFailed => "authentication_failed",
        ItemKind::AuthenticationTimeout => "authentication_timeout",
        ItemKind::AuthenticationExpired => "authentication_expired",
        ItemKind::AuthenticationCanceled => "authentication_canceled",
        ItemKind::ParticipantDisplayNameUpdated => "participant_display_name_updated",
        ItemKind::ChatRehydrated => "chat_rehydrated",
    }
}
