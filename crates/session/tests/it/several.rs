//! Several sessions in one core, with everything around them played by hand.
//!
//! What [`crate::world`] does for one session and a service that works, a test does here step by
//! step: it answers the requests it wants to, and reads what the core put out as short lines.

use std::{collections::BTreeSet, sync::Arc};

use chatloom_session::{
    Behaviour, Body, Call, CallId, Connection, Core, Event, ForeignEvent, ForeignId, HostToken,
    HttpAnswer, HttpRequest, Input, ItemHandle, Now, Output, RequestId, SessionId, SessionOptions,
    SocketId,
};
use chatloom_wire::{Item, frame::ServerFrame};

const START_WALL: i64 = 1_767_225_600_000;
/// Tokens are good for so long unless a test says otherwise.
pub(crate) const A_DAY: &str = "2026-01-02T00:00:00.000Z";

pub(crate) struct Several {
    pub(crate) core: Core,
    pub(crate) now: u64,
    wake: Option<u64>,
    lines: Vec<String>,
    requests: Vec<HttpRequest>,
    token_requests: Vec<(RequestId, SessionId)>,
    last_call: u64,
    last_handle: u64,
    /// Items that belong to the core.
    pub(crate) with_core: BTreeSet<ItemHandle>,
    /// Sockets that have been opened and not closed.
    pub(crate) sockets: BTreeSet<SocketId>,
    granted: u32,
    /// Managers that are listened to.
    pub(crate) joined: BTreeSet<ForeignId>,
    /// Calls that have not ended.
    pub(crate) calls: BTreeSet<CallId>,
    pub(crate) outputs: usize,
}

/// Options of a session of contact `contact-<contact>`.
pub(crate) fn options(behaviour: Behaviour, contact: u32) -> SessionOptions {
    SessionOptions::new(
        behaviour,
        "https://service.test",
        format!("contact-{contact}").as_str().into(),
        "me".into(),
        "participant-token".into(),
    )
}

/// The text of an item of a contact.
pub(crate) fn item(id: &str, contact: u32, content_type: &str) -> String {
    let class = if content_type.starts_with("text/") { "MESSAGE" } else { "EVENT" };
    format!(
        r#"{{"Id":"{id}","AbsoluteTime":"2026-01-01T00:00:0{}Z","Type":"{class}","ContentType":"{content_type}","InitialContactId":"contact-{contact}","ContactId":"contact-{contact}"}}"#,
        id.len()
    )
}

/// What a customer's client asks for.
pub(crate) const CUSTOMER_ASKS: &str = r#"{"Type":["WEBSOCKET","CONNECTION_CREDENTIALS"]}"#;
pub(crate) const CHAT_ENDED: &str = "application/vnd.amazonaws.connect.event.chat.ended";
pub(crate) const TRANSFERRED: &str = "application/vnd.amazonaws.connect.event.transfer.succeeded";
pub(crate) const LEFT: &str = "application/vnd.amazonaws.connect.event.participant.left";

impl Several {
    pub(crate) fn new() -> Self {
        Self {
            core: Core::new(1),
            now: 1_000,
            wake: None,
            lines: Vec::new(),
            requests: Vec::new(),
            token_requests: Vec::new(),
            last_call: 0,
            last_handle: 0,
            with_core: BTreeSet::new(),
            sockets: BTreeSet::new(),
            granted: 0,
            joined: BTreeSet::new(),
            calls: BTreeSet::new(),
            outputs: 0,
        }
    }

    pub(crate) fn create(&mut self, session: u32, options: SessionOptions) {
        let session = SessionId(session);
        self.input(Input::Create { session, options: Box::new(options) });
    }

    pub(crate) fn call(&mut self, session: u32, what: Call) -> CallId {
        self.last_call += 1;
        let call = CallId(self.last_call);
        self.calls.insert(call);
        self.input(Input::Call { session: SessionId(session), call, what });
        call
    }

    pub(crate) fn connect(&mut self, session: u32) {
        self.call(session, Call::Connect);
    }

    /// What was put out since the last time, log lines, frames and rosters aside.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    pub(crate) fn input(&mut self, input: Input) {
        let now = Now { mono_ms: self.now, wall_ms: START_WALL + self.now as i64 };
        self.core.handle(now, input);
        loop {
            self.outputs += 1;
            match self.core.poll() {
                Output::Wake(at) => {
                    assert!(at.is_none_or(|at| at > self.now), "a deadline that has passed");
                    self.wake = at;
                    return;
                }
                Output::SendText { socket, .. } => {
                    assert!(self.sockets.contains(&socket), "written to after it closed");
                }
                Output::Log { .. } | Output::Event { event: Event::Roster(_), .. } => {}
                output => self.take(output),
            }
        }
    }

    fn take(&mut self, output: Output) {
        let line = match output {
            Output::Http(http) => {
                let line = if http.operation == "CreateParticipantConnection" {
                    let bearer = http.headers.first().map(|(_, token)| token.as_str());
                    assert!(bearer.is_none_or(|token| token == "participant-token"));
                    format!("{} posts {}", http.session.0, http.body)
                } else {
                    format!("{} {} with {}", http.session.0, http.operation, http.headers[0].1)
                };
                self.requests.push(http);
                line
            }
            Output::AbortHttp { request } => {
                let before = self.requests.len();
                self.requests.retain(|http| http.request != request);
                assert_eq!(self.requests.len() + 1, before, "nothing to abort");
                return;
            }
            Output::NeedToken { request, session } => {
                self.token_requests.push((request, session));
                format!("{} needs a token", session.0)
            }
            Output::JoinForeign { foreign } => {
                assert!(self.joined.insert(foreign), "joined twice");
                format!("joins {}", foreign.0)
            }
            Output::LeaveForeign { foreign } => {
                assert!(self.joined.remove(&foreign), "left twice");
                format!("leaves {}", foreign.0)
            }
            Output::OpenSocket { socket, .. } => {
                self.sockets.insert(socket);
                format!("opens {}", socket.0)
            }
            Output::CloseSocket { socket, code, .. } => {
                assert!(self.sockets.remove(&socket), "closed twice");
                assert_eq!(code, 1000);
                format!("closes {}", socket.0)
            }
            Output::Release { item } => {
                assert!(self.with_core.remove(&item), "given back twice");
                format!("releases {}", item.0)
            }
            Output::Done { session, call, result } => {
                assert!(self.calls.remove(&call), "ended twice");
                format!("{} {}", session.0, if result.is_ok() { "done" } else { "failed" })
            }
            Output::Event { session, event } => format!("{} {}", session.0, self.name(&event)),
            other => panic!("{other:?}"),
        };
        self.lines.push(line);
    }

    fn name(&self, event: &Event) -> String {
        match event {
            Event::Item { body: Body::Item(item), .. } => {
                format!("item {}", item.head().id.as_ref().map_or("", |id| id.as_str()))
            }
            Event::Item { body: Body::Held(item), .. } => {
                assert!(self.with_core.contains(item), "shown after it was given back");
                format!("held {}", item.0)
            }
            Event::Established { by_socket: false } => "connected".to_owned(),
            Event::Established { by_socket: true } => "established".to_owned(),
            Event::Lost => "lost".to_owned(),
            Event::Broken => "broken".to_owned(),
            Event::Ended => "ended".to_owned(),
            Event::DeepHeartbeat { success } => format!("deep heartbeat {success}"),
            Event::Connection(Connection::Waiting { .. }) => "is waiting".to_owned(),
            Event::Connection(Connection::Broken { .. }) => "is broken".to_owned(),
            Event::Connection(state) => format!("is {state:?}").to_lowercase(),
            Event::CaughtUp => "caught up".to_owned(),
            Event::Gap { .. } => "gap".to_owned(),
            Event::GapClosed { .. } => "gap closed".to_owned(),
            other => panic!("{other:?}"),
        }
    }

    /// Lets so much time pass.
    pub(crate) fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(wake) = self.wake.filter(|wake| *wake <= end) {
            self.now = wake;
            self.input(Input::Time);
        }
        self.now = end;
    }

    // ----- the service

    fn pop(&mut self, session: u32, operation: &str) -> HttpRequest {
        let is_it =
            |http: &HttpRequest| http.session == SessionId(session) && http.operation == operation;
        let at = self.requests.iter().position(is_it);
        let at = at.unwrap_or_else(|| panic!("session {session} waits for no {operation}"));
        self.requests.remove(at)
    }

    pub(crate) fn request(&self, session: u32, operation: &str) -> &HttpRequest {
        let is_it =
            |http: &&HttpRequest| http.session == SessionId(session) && http.operation == operation;
        self.requests.iter().find(is_it).expect("no such request")
    }

    /// One of the requests that wait for an answer.
    pub(crate) fn waiting(&self, n: usize) -> Option<(u32, &'static str)> {
        let http = self.requests.get(n % self.requests.len().max(1))?;
        Some((http.session.0, http.operation))
    }

    /// Whether a session waits for an answer.
    pub(crate) fn waits(&self, session: u32) -> bool {
        self.requests.iter().any(|http| http.session == SessionId(session))
    }

    pub(crate) fn answer(&mut self, session: u32, operation: &str, status: u16, body: &str) {
        let request = self.pop(session, operation).request;
        let answer = HttpAnswer {
            status,
            error_type: None,
            request_id: None,
            retry_after_ms: None,
            body: body.to_owned(),
        };
        self.input(Input::Answered { request, answer });
    }

    /// Gives a session a socket and a token, which is good for a day.
    pub(crate) fn grant(&mut self, session: u32) {
        self.granted += 1;
        let body = format!(
            r#"{{"Websocket":{{"Url":"wss://service.test/{n}","ConnectionExpiry":"e"}},"ConnectionCredentials":{{"ConnectionToken":"token-{n}","Expiry":"{A_DAY}"}}}}"#,
            n = self.granted
        );
        self.answer(session, "CreateParticipantConnection", 200, &body);
    }

    pub(crate) fn refuse(&mut self, session: u32, status: u16) {
        self.answer(session, "CreateParticipantConnection", status, "{}");
    }

    pub(crate) fn empty_page(&mut self, session: u32) {
        self.answer(session, "GetTranscript", 200, r#"{"Transcript":[]}"#);
    }

    pub(crate) fn opened(&mut self, socket: u64) {
        self.input(Input::SocketOpened { socket: SocketId(socket) });
    }

    pub(crate) fn closed(&mut self, socket: u64) {
        self.closed_with(socket, 1000);
    }

    pub(crate) fn closed_with(&mut self, socket: u64, code: u16) {
        let socket = SocketId(socket);
        self.sockets.remove(&socket);
        self.input(Input::SocketClosed { socket, code: Some(code), reason: String::new() });
    }

    pub(crate) fn frame(&mut self, socket: u64, frame: &ServerFrame<'_>) {
        self.input(Input::SocketText { socket: SocketId(socket), text: frame.to_text() });
    }

    pub(crate) fn chat(&mut self, socket: u64, item: &str) {
        self.frame(socket, &ServerFrame::Chat { content: item.into() });
    }

    pub(crate) fn subscribed(&mut self, socket: u64) {
        let topics = vec!["aws/chat".to_owned()];
        self.frame(socket, &ServerFrame::Subscribed { success: true, topics });
    }

    /// An item that the host holds; gives its number.
    pub(crate) fn held(&mut self, item: &str) -> (ItemHandle, Arc<chatloom_wire::ItemHead>) {
        self.last_handle += 1;
        let handle = ItemHandle(self.last_handle);
        self.with_core.insert(handle);
        (handle, Arc::new(Item::from_text(item).unwrap().head().clone()))
    }

    pub(crate) fn held_chat(&mut self, socket: u64, item: &str) {
        let (item, head) = self.held(item);
        self.input(Input::SocketItem { socket: SocketId(socket), item, head });
    }

    // ----- the host

    /// Whether the host is asked for a token.
    pub(crate) fn asked(&self) -> usize {
        self.token_requests.len()
    }

    /// A session that wants a token.
    pub(crate) fn asking(&self) -> Option<u32> {
        self.token_requests.first().map(|(_, session)| session.0)
    }

    pub(crate) fn token_request(&mut self, session: u32) -> RequestId {
        let is_it = |(_, asks): &(RequestId, SessionId)| *asks == SessionId(session);
        let at = self.token_requests.iter().position(is_it).expect("nobody asked");
        self.token_requests.remove(at).0
    }

    pub(crate) fn token(&mut self, session: u32, token: Result<(&str, Option<&str>), &str>) {
        let request = self.token_request(session);
        let token = match token {
            Ok((token, expiry)) => {
                Ok(HostToken { token: token.into(), expiry: expiry.map(str::to_owned) })
            }
            Err(reason) => Err(reason.to_owned()),
        };
        self.input(Input::Token { request, token });
    }

    pub(crate) fn foreign(&mut self, foreign: u32, event: ForeignEvent) {
        self.input(Input::Foreign { foreign: ForeignId(foreign), event });
    }

    pub(crate) fn foreign_chat(&mut self, foreign: u32, item: &str) {
        self.foreign(foreign, ForeignEvent::Text(item.to_owned()));
    }

    pub(crate) fn foreign_held(&mut self, foreign: u32, item: &str) {
        let (item, head) = self.held(item);
        self.foreign(foreign, ForeignEvent::Item { item, head });
    }

    pub(crate) fn summary(&self, session: u32) -> Option<&'static str> {
        self.core
            .connection_status(SessionId(session))
            .map(chatloom_session::ConnectionStatus::summary)
    }
}
