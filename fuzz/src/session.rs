//! A target for the client's core: bytes decide what the network, the service and the application do,
//! then everything is well for a while, and the application has to have what the service has.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chatloom_session::{
    Behaviour, Body, Call, CallId, Connection, Core, Event, HttpAnswer, HttpRequest, Input, Now,
    Outgoing, Output, SessionId, SessionOptions, SocketId,
};
use chatloom_wire::{
    ContentType, Timestamp,
    frame::{CHAT_TOPIC, ClientFrame, HEARTBEAT, PING_OK, ServerFrame},
    json,
    participant::{GetTranscriptRequest, SendMessageRequest},
};

/// Every target of this module, by the name of its program and of its corpus.
pub const TARGETS: &[(&str, super::Target)] = &[("session", session)];

const SESSION: SessionId = SessionId(1);
/// Items on a page: few, so that a recovery reads several.
const PAGE: usize = 3;
/// More outputs than this without a pause are a loop.
const MOST_OUTPUTS: usize = 10_000;

/// One session through any course of events.
pub fn session(data: &[u8]) {
    let mut choices = Choices(data);
    let behaviour =
        if choices.next().unwrap_or(0) % 4 == 0 { Behaviour::Compat } else { Behaviour::Chatloom };
    let mut world = World::new(behaviour);
    while let Some(choice) = choices.next() {
        world.step(choice, &mut choices);
    }
    world.heal();
    world.forget();
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
}

#[derive(Default)]
struct Socket {
    open: bool,
    subscribed: bool,
    /// What the service has said and the client has not heard.
    on_its_way: VecDeque<String>,
}

struct World {
    core: Core,
    behaviour: Behaviour,
    now: Now,
    online: bool,
    requests: Vec<HttpRequest>,
    sockets: BTreeMap<SocketId, Socket>,
    /// What the service has stored: ids, which sort in their order.
    stored: Vec<String>,
    /// The ids of messages by their client tokens.
    sent: BTreeMap<String, String>,
    /// Whether the service has ended the chat.
    over: bool,
    /// Stored items that the application was given.
    delivered: Vec<String>,
    gaps: usize,
    ended: bool,
    broken: bool,
    online_shown: bool,
    last_call: u64,
    open_calls: BTreeSet<CallId>,
    connects: BTreeSet<CallId>,
}

impl World {
    fn new(behaviour: Behaviour) -> Self {
        let mut world = Self {
            core: Core::new(7),
            behaviour,
            now: Now { mono_ms: 0, wall_ms: 1_790_000_000_000 },
            online: true,
            requests: Vec::new(),
            sockets: BTreeMap::new(),
            stored: Vec::new(),
            sent: BTreeMap::new(),
            over: false,
            delivered: Vec::new(),
            gaps: 0,
            ended: false,
            broken: false,
            online_shown: false,
            last_call: 0,
            open_calls: BTreeSet::new(),
            connects: BTreeSet::new(),
        };
        world.give(Input::Create {
            session: SESSION,
            options: Box::new(SessionOptions::new(
                behaviour,
                "https://chat.example",
                "c".into(),
                "p".into(),
                "t".into(),
            )),
        });
        world.call(Call::Connect);
        world
    }

    fn step(&mut self, choice: u8, choices: &mut Choices<'_>) {
        match choice % 18 {
            0 => self.pass(u64::from(choices.next().unwrap_or(0)) * 100),
            1 => {
                self.wait();
            }
            2 => self.with_request(choices, |world, request, _| world.serve(&request)),
            3 => self.with_request(choices, |world, request, choices| {
                let status = [400, 403, 404, 408, 409, 429, 500, 503];
                let status = status[choices.pick(status.len()).unwrap_or(0)];
                let retry_after_ms = choices.next().filter(|wait| *wait > 200).map(u64::from);
                let body = choices.text();
                world.answer(&request, HttpAnswer { retry_after_ms, ..http(status, body) });
            }),
            4 => self.with_request(choices, |world, request, _| {
                let message = "connection refused".to_owned();
                world.give(Input::Failed { request: request.request, message });
            }),
            5 => self.with_request(choices, |world, request, choices| {
                let body = choices.text();
                world.answer(&request, http(200, body));
            }),
            6 => {
                if let Some(socket) = self.pick_socket(choices, false) {
                    self.open(socket);
                }
            }
            7 => {
                let at = choices.pick(self.sockets.len());
                if let Some(socket) = at.and_then(|at| self.sockets.keys().nth(at).copied()) {
                    self.close(socket);
                }
            }
            8 => {
                self.store();
            }
            9 | 10 => {
                if let Some(socket) = self.pick_socket(choices, true) {
                    self.hear(socket);
                }
            }
            11 => {
                if let Some(socket) = self.pick_socket(choices, true) {
                    let text = choices.text();
                    self.give(Input::SocketText { socket, text });
                }
            }
            12 => {
                self.online = !self.online;
                self.give(Input::Network { online: self.online });
            }
            13 => self.give(Input::Visibility { visible: choice & 1 == 0 }),
            14 => {
                let content_type = ContentType::TextPlain;
                let content = Some("hello".to_owned());
                self.call(Call::SendMessage(Outgoing {
                    content_type,
                    content,
                    client_token: None,
                }));
            }
            15 => {
                let call = match choices.next().unwrap_or(0) % 8 {
                    0 => Call::DisconnectParticipant,
                    1 | 2 => Call::Connect,
                    3 | 4 => Call::GetTranscript(Box::default()),
                    _ => Call::SendEvent(Outgoing {
                        content_type: ContentType::Typing,
                        content: None,
                        client_token: None,
                    }),
                };
                self.call(call);
            }
            16 => {
                if let Some(at) = choices.pick(self.open_calls.len()) {
                    let call = self.open_calls.iter().nth(at).copied().expect("it was picked");
                    self.give(Input::Cancel { call });
                }
            }
            _ => self.publish(&item("", "typing", "EVENT")),
        }
    }

    fn with_request(
        &mut self,
        choices: &mut Choices<'_>,
        then: impl FnOnce(&mut Self, HttpRequest, &mut Choices<'_>),
    ) {
        if let Some(at) = choices.pick(self.requests.len()) {
            let request = self.requests.remove(at);
            then(self, request, choices);
        }
    }

    fn pick_socket(&self, choices: &mut Choices<'_>, open: bool) -> Option<SocketId> {
        let fitting: Vec<SocketId> = self
            .sockets
            .iter()
            .filter(|(_, socket)| socket.open == open)
            .map(|(id, _)| *id)
            .collect();
        fitting.get(choices.pick(fitting.len())?).copied()
    }

    fn call(&mut self, what: Call) {
        self.last_call += 1;
        let call = CallId(self.last_call);
        self.open_calls.insert(call);
        if matches!(what, Call::Connect) {
            self.connects.insert(call);
        }
        self.give(Input::Call { session: SESSION, call, what });
    }

    fn pass(&mut self, wait_ms: u64) {
        self.now.mono_ms += wait_ms;
        self.now.wall_ms += i64::try_from(wait_ms).expect("a short time");
        self.give(Input::Time);
    }

    /// Lets the time pass until the core wants to be called; says whether it does.
    fn wait(&mut self) -> bool {
        let Output::Wake(Some(due_ms)) = self.core.poll() else { return false };
        self.pass(due_ms - self.now.mono_ms);
        true
    }

    /// Gives the core an input and does what it asks for.
    fn give(&mut self, input: Input) {
        self.core.handle(self.now, input);
        for _ in 0..MOST_OUTPUTS {
            match self.core.poll() {
                Output::Wake(due) => {
                    assert!(due.is_none_or(|due| due > self.now.mono_ms), "no deadline has passed");
                    return;
                }
                output => self.take(output),
            }
        }
        panic!("the core does not come to rest");
    }

    fn take(&mut self, output: Output) {
        match output {
            Output::Http(request) => {
                assert_eq!(request.session, SESSION);
                self.requests.push(request);
                let fetches = self
                    .requests
                    .iter()
                    .filter(|request| request.operation == "CreateParticipantConnection")
                    .count();
                assert!(fetches <= 1, "one request for a connection at a time");
            }
            Output::AbortHttp { request } => {
                let before = self.requests.len();
                self.requests.retain(|other| other.request != request);
                assert_eq!(self.requests.len() + 1, before, "what is aborted is under way");
            }
            Output::OpenSocket { socket, url } => {
                assert_eq!(url, "wss://chat.example/socket");
                assert!(self.sockets.insert(socket, Socket::default()).is_none());
                assert!(self.sockets.len() <= 2, "two sockets at most");
            }
            Output::SendText { socket, text } => {
                let frame = ClientFrame::parse(&text).expect("a client writes frames");
                let socket = self.sockets.get_mut(&socket).expect("written to while it is there");
                assert!(socket.open, "written to after it opened");
                let answer = match frame {
                    ClientFrame::Heartbeat => HEARTBEAT.to_owned(),
                    ClientFrame::Ping => PING_OK.to_owned(),
                    ClientFrame::Subscribe { topics } => {
                        assert_eq!(topics, [CHAT_TOPIC]);
                        socket.subscribed = true;
                        ServerFrame::Subscribed { success: true, topics }.to_text()
                    }
                    ClientFrame::Other { topic } => panic!("{topic} is no topic of a chat"),
                };
                socket.on_its_way.push_back(answer);
            }
            Output::CloseSocket { socket, .. } => {
                assert!(self.sockets.remove(&socket).is_some(), "closed while it is there");
            }
            Output::Event { event, .. } => self.told(event),
            Output::Done { call, result, .. } => {
                assert!(self.open_calls.remove(&call), "every call ends once");
                // One that failed may be made again.
                self.broken |= self.connects.contains(&call) && result.is_err();
            }
            Output::Release { .. } => panic!("nothing was lent"),
            Output::Upload(_)
            | Output::Download { .. }
            | Output::NeedToken { .. }
            | Output::JoinForeign { .. }
            | Output::LeaveForeign { .. }
            | Output::Persist { .. } => panic!("nobody asked for {output:?}"),
            Output::Log { .. } => {}
            Output::Wake(_) => unreachable!("handled by the loop"),
        }
    }

    fn told(&mut self, event: Event) {
        assert!(!self.ended, "nothing follows the end: {event:?}");
        match event {
            Event::Item { body: Body::Item(item), .. } => {
                let id = item.head().id.as_ref().map_or("", |id| id.as_str()).to_owned();
                // Garbage on a socket may make up items; only the service's are counted.
                if self.stored.contains(&id) {
                    let again = self.delivered.contains(&id);
                    assert!(!again || self.behaviour == Behaviour::Compat, "{id} came twice");
                    self.delivered.push(id);
                }
            }
            Event::Item { body: Body::Held(_), .. } => panic!("nothing was lent"),
            Event::Gap { .. } => self.gaps += 1,
            Event::Ended => self.ended = true,
            Event::Broken => self.broken = true,
            Event::Connection(connection) => {
                self.online_shown = connection == Connection::Online;
                self.broken |= matches!(connection, Connection::Broken { .. });
            }
            Event::Established { .. } => self.broken = false,
            Event::Lost
            | Event::DeepHeartbeat { .. }
            | Event::CaughtUp
            | Event::GapClosed { .. }
            | Event::Message { .. }
            | Event::Roster(_) => {}
            Event::Transcript(_)
            | Event::AttachmentProgress { .. }
            | Event::HandlerFailed { .. } => panic!("nobody asked for {event:?}"),
        }
    }

    fn answer(&mut self, request: &HttpRequest, answer: HttpAnswer) {
        self.give(Input::Answered { request: request.request, answer });
    }

    /// Answers a request as the service would.
    fn serve(&mut self, request: &HttpRequest) {
        if self.over {
            return self.answer(request, http(403, r#"{"message":"Access denied"}"#.to_owned()));
        }
        let body = match request.operation {
            "CreateParticipantConnection" => {
                let expiry = Timestamp::from_millis(self.now.wall_ms + 86_400_000);
                format!(
                    r#"{{"Websocket":{{"Url":"wss://chat.example/socket"}},
                    "ConnectionCredentials":{{"ConnectionToken":"c","Expiry":"{expiry}"}}}}"#
                )
            }
            "SendMessage" => {
                let message: SendMessageRequest = json::read(&request.body).expect("a request");
                let token = message.client_token.expect("a message has a token");
                let known = self.sent.get(&token).cloned();
                let id = known.unwrap_or_else(|| self.store());
                self.sent.insert(token, id.clone());
                format!(r#"{{"Id":"{id}","AbsoluteTime":"2026-01-01T00:00:00.000Z"}}"#)
            }
            "GetTranscript" => self.page(&json::read(&request.body).expect("a request")),
            "DisconnectParticipant" => {
                self.over = true;
                self.publish(&item("~end", "chat.ended", "EVENT"));
                "{}".to_owned()
            }
            _ => r#"{"Id":"x","AbsoluteTime":"2026-01-01T00:00:00.000Z"}"#.to_owned(),
        };
        self.answer(request, http(200, body));
    }

    /// A page backward from the newest item or from where the last one ended.
    fn page(&self, request: &GetTranscriptRequest) -> String {
        let end = request.next_token.as_ref().map_or(self.stored.len(), |token| {
            token.parse().expect("a token that the service gave")
        });
        let begin = end.saturating_sub(PAGE);
        let items: Vec<String> =
            self.stored[begin..end].iter().rev().map(|id| item(id, "", "MESSAGE")).collect();
        let next = if begin > 0 { begin.to_string() } else { String::new() };
        format!(r#"{{"Transcript":[{}],"NextToken":"{next}"}}"#, items.join(","))
    }

    /// Stores an item and tells everybody; gives its id.
    fn store(&mut self) -> String {
        let id = format!("{:06}", self.stored.len());
        self.stored.push(id.clone());
        self.publish(&item(&id, "", "MESSAGE"));
        id
    }

    fn publish(&mut self, item: &str) {
        let frame = ServerFrame::Chat { content: item.into() }.to_text();
        for socket in self.sockets.values_mut().filter(|socket| socket.subscribed) {
            socket.on_its_way.push_back(frame.clone());
        }
    }

    fn open(&mut self, socket: SocketId) {
        if let Some(opened) = self.sockets.get_mut(&socket) {
            opened.open = true;
            self.give(Input::SocketOpened { socket });
        }
    }

    fn close(&mut self, socket: SocketId) {
        self.sockets.remove(&socket);
        let reason = String::new();
        self.give(Input::SocketClosed { socket, code: Some(1006), reason });
    }

    fn hear(&mut self, socket: SocketId) {
        let next = self.sockets.get_mut(&socket).and_then(|socket| socket.on_its_way.pop_front());
        if let Some(text) = next {
            self.give(Input::SocketText { socket, text });
        }
    }

    /// Everything that is under way arrives, and whatever the core asks for works. After the end the
    /// service keeps no sockets.
    fn settle(&mut self) {
        loop {
            let find = |wanted: fn(&Socket) -> bool| {
                self.sockets.iter().find(|(_, socket)| wanted(socket)).map(|(id, _)| *id)
            };
            if !self.requests.is_empty() {
                let request = self.requests.remove(0);
                self.serve(&request);
            } else if let Some(socket) = find(|socket| !socket.on_its_way.is_empty()) {
                self.hear(socket);
            } else if let Some(socket) = find(|_| true).filter(|_| self.over) {
                self.close(socket);
            } else if let Some(socket) = find(|socket| !socket.open) {
                self.open(socket);
            } else {
                return;
            }
        }
    }

    /// From now on all is well; after a while the application has everything.
    fn heal(&mut self) {
        self.online = true;
        self.give(Input::Network { online: true });
        self.settle();
        let until = self.now.mono_ms + 10 * 60_000;
        while self.now.mono_ms < until && !self.ended {
            if self.broken {
                if self.over {
                    return; // whoever connects again is told that the chat is over
                }
                self.broken = false;
                self.call(Call::Connect);
            } else {
                assert!(self.wait(), "a session that is connected has heartbeats to send");
            }
            self.settle();
        }
        if self.over || self.ended {
            // A chat that the service has ended ends at the client. (The reverse need not hold: two
            // refusals in a row are believed.)
            assert!(self.ended, "the client learns of the end");
            return;
        }
        let newest = self.store();
        self.settle();
        assert_eq!(self.delivered.last(), Some(&newest), "what is new arrives");
        if self.behaviour == Behaviour::Chatloom {
            assert!(self.online_shown, "the connection is shown as on-line");
            assert!(self.open_calls.is_empty(), "every call has ended: {:?}", self.open_calls);
            // Behind a gap, which was told, what a later recovery finds of it comes late.
            if self.gaps == 0 {
                assert_eq!(self.delivered, self.stored, "the transcript is the service's");
            }
        }
    }

    /// The host has no more use for the session: nothing stays.
    fn forget(&mut self) {
        self.give(Input::Forget { session: SESSION });
        assert!(self.open_calls.is_empty(), "every call has ended: {:?}", self.open_calls);
        assert!(self.sockets.is_empty(), "every socket is closed");
        assert!(self.requests.is_empty(), "every request is aborted");
        assert!(matches!(self.core.poll(), Output::Wake(None)), "nothing is due");
    }
}

fn http(status: u16, body: String) -> HttpAnswer {
    HttpAnswer { status, error_type: None, request_id: None, retry_after_ms: None, body }
}

fn item(id: &str, event: &str, item_type: &str) -> String {
    let content_type = if event.is_empty() {
        "text/plain".to_owned()
    } else {
        format!("application/vnd.amazonaws.connect.event.{event}")
    };
    format!(
        r#"{{"Id":"{id}","Type":"{item_type}","ContentType":"{content_type}","InitialContactId":"c",
        "ContactId":"c","AbsoluteTime":"{id}","ParticipantId":"q"}}"#
    )
}
