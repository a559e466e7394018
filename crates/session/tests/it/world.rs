//! A host in virtual time, and a small service for the core to talk to.
//!
//! [`World`] does what every host does: it feeds the core one input at a time, drains it, and waits
//! for the next thing to happen; here, waiting costs nothing. [`Service`] is the other end: one chat,
//! with tokens, sockets and a transcript, that misbehaves when told to.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use chatloom_session::{
    Behaviour, Body, Call, CallError, CallId, Connection, Core, Event, HttpAnswer, HttpRequest,
    Input, ItemHandle, ItemKind, Now, Outgoing, Output, RequestId, SessionId, SessionOptions,
    SocketId, Upload, Value,
    recorder::{Limits, Recorder, replay},
};
use chatloom_wire::{
    ContentType, Item, ItemHead, ItemType, ParticipantRole, Timestamp,
    error::{ErrorKind, ServiceError},
    frame::{ClientFrame, HEARTBEAT, PING_OK, ServerFrame},
    item::NewItem,
    participant::{
        ConnectionCredentials, CreateParticipantConnectionResponse, GetAttachmentRequest,
        GetTranscriptRequest, SendEventRequest, SendMessageRequest, SentResponse, SortOrder,
        StartAttachmentUploadRequest, Websocket,
    },
};

pub(crate) const SESSION: SessionId = SessionId(1);
pub(crate) const PARTICIPANT_TOKEN: &str = "participant-token";
pub(crate) const ME: &str = "customer-1";
const START_WALL: i64 = 1_767_225_600_000;

/// What the service does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// What it should.
    Serve,
    /// This status, with a modelled error where there is one.
    Status(u16),
    /// This status with `Retry-After` in milliseconds.
    Later(u16, u64),
    /// The request does not arrive.
    Lost,
    /// The request arrives and is served, the answer does not come back.
    AnswerLost,
    /// A body that is no JSON, with status 200.
    Garbage,
    /// A URL no socket can be opened at.
    BadUrl,
}

/// How sockets behave.
#[derive(Clone, Debug)]
pub(crate) struct Sockets {
    pub(crate) refuse: bool,
    pub(crate) never_open: bool,
    pub(crate) subscribe: Subscribe,
    pub(crate) heartbeat: bool,
    pub(crate) ping: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subscribe {
    Confirm,
    Silent,
    Fail,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            refuse: false,
            never_open: false,
            subscribe: Subscribe::Confirm,
            heartbeat: true,
            ping: Some(200),
        }
    }
}

#[derive(Debug, Default)]
struct ServerSocket {
    subscribed: bool,
    /// Nothing gets through any more and nobody is told.
    half_open: bool,
    /// Arrival times, so that frames stay in order.
    last_in: u64,
    last_out: u64,
}

/// One chat and its service.
#[derive(Default)]
pub(crate) struct Service {
    pub(crate) items: Vec<(Timestamp, String, String)>,
    tokens: BTreeMap<String, u64>,
    urls: BTreeMap<String, u64>,
    by_client_token: BTreeMap<String, usize>,
    /// The client token of each file.
    files: Vec<String>,
    pub(crate) token_life_ms: u64,
    pub(crate) ended: bool,
    /// Replies to come, by operation.
    pub(crate) script: BTreeMap<&'static str, VecDeque<Reply>>,
    /// Replies when the script is empty.
    pub(crate) always: BTreeMap<&'static str, Reply>,
    pub(crate) requests: Vec<(u64, HttpRequest)>,
    pub(crate) page_size: Option<usize>,
}

/// Something the core put out.
#[derive(Debug)]
pub(crate) enum Seen {
    Event(Event),
    Done(CallId, Result<Value, CallError>),
    Open,
    Close(SocketId, u16),
    Sent(String),
    Http(&'static str),
    Abort,
    Release,
    Persist,
    Log,
}

enum Delivery {
    Input(Input),
    Request(HttpRequest),
    Frame(SocketId, String),
    Handshake(SocketId, String),
    /// A chat frame on its way to the client.
    ToClient(SocketId, String),
}

pub(crate) struct World {
    pub(crate) core: Core,
    pub(crate) now: u64,
    pub(crate) service: Service,
    pub(crate) sockets: Sockets,
    /// The host parses chat frames itself, as the browser's does.
    pub(crate) parses: bool,
    pub(crate) latency: u64,
    live: BTreeMap<SocketId, ServerSocket>,
    coming: BTreeMap<(u64, u64), Delivery>,
    sequence: u64,
    wake: Option<u64>,
    pub(crate) seen: Vec<(u64, Seen)>,
    /// What the host was asked to upload.
    pub(crate) uploads: Vec<Upload>,
    /// Items that the host parsed.
    held: BTreeMap<ItemHandle, Item>,
    /// Those of them that belong to the core.
    pub(crate) with_core: BTreeSet<ItemHandle>,
    next_handle: u64,
    next_call: u64,
    pub(crate) answered: BTreeSet<CallId>,
    pub(crate) outputs: usize,
    /// The core is recorded.
    pub(crate) recorder: Option<Recorder>,
    /// What was to be kept, the newest last, and when.
    pub(crate) kept: Vec<(u64, Option<String>)>,
    pub(crate) extra_latency: Box<dyn FnMut() -> u64>,
}

pub(crate) fn options(behaviour: Behaviour) -> SessionOptions {
    SessionOptions {
        user_agent: "test/1".to_owned(),
        ..SessionOptions::new(
            behaviour,
            "https://service.test",
            "contact-1".into(),
            ME.into(),
            PARTICIPANT_TOKEN.into(),
        )
    }
}

impl World {
    pub(crate) fn new(behaviour: Behaviour) -> Self {
        Self::with_seed(behaviour, 1)
    }

    pub(crate) fn with_seed(behaviour: Behaviour, seed: u64) -> Self {
        Self::begin(options(behaviour), seed, None)
    }

    /// A world whose session is made of these options.
    pub(crate) fn of(options: SessionOptions) -> Self {
        Self::begin(options, 1, None)
    }

    /// A world whose core is recorded; see [`Self::check_recording`].
    pub(crate) fn recorded(options: SessionOptions, seed: u64) -> Self {
        let limits = Limits { lines: usize::MAX, bytes: usize::MAX };
        Self::begin(options, seed, Some(Recorder::new(seed, limits)))
    }

    fn begin(options: SessionOptions, seed: u64, recorder: Option<Recorder>) -> Self {
        let mut world = Self {
            core: Core::new(seed),
            now: 1_000,
            service: Service { token_life_ms: 86_400_000, ..Service::default() },
            sockets: Sockets::default(),
            parses: false,
            latency: 5,
            live: BTreeMap::new(),
            coming: BTreeMap::new(),
            sequence: 0,
            wake: None,
            seen: Vec::new(),
            uploads: Vec::new(),
            held: BTreeMap::new(),
            with_core: BTreeSet::new(),
            next_handle: 0,
            next_call: 0,
            answered: BTreeSet::new(),
            outputs: 0,
            recorder,
            kept: Vec::new(),
            extra_latency: Box::new(|| 0),
        };
        let options = Box::new(options);
        world.input(Input::Create { session: SESSION, options });
        world
    }

    /// A world whose session is connected, subscribed and, in Chatloom behaviour, caught up.
    pub(crate) fn connected(behaviour: Behaviour) -> Self {
        let mut world = Self::new(behaviour);
        let call = world.call(Call::Connect);
        world.run(100);
        assert!(matches!(world.result(call), Some(Ok(Value::Connected { .. }))));
        world
    }

    pub(crate) fn clock(&self) -> Now {
        Now { mono_ms: self.now, wall_ms: START_WALL + self.now as i64 }
    }

    /// Feeds the core one input and does what it says.
    pub(crate) fn input(&mut self, input: Input) {
        if let Some(recorder) = &mut self.recorder {
            let wall_ms = START_WALL + self.now as i64;
            recorder.input(Now { mono_ms: self.now, wall_ms }, &input);
        }
        self.core.handle(self.clock(), input);
        loop {
            self.outputs += 1;
            let output = self.core.poll();
            if let Some(recorder) = &mut self.recorder {
                recorder.output(&output);
            }
            let seen = match output {
                Output::Wake(at) => {
                    assert!(at.is_none_or(|at| at > self.now), "a deadline that has passed");
                    self.wake = at;
                    return;
                }
                Output::Http(http) => {
                    let operation = http.operation;
                    self.after_latency(Delivery::Request(http));
                    Seen::Http(operation)
                }
                Output::AbortHttp { .. } => Seen::Abort,
                Output::OpenSocket { socket, url } => {
                    self.live.insert(socket, ServerSocket::default());
                    self.after_latency(Delivery::Handshake(socket, url));
                    Seen::Open
                }
                Output::SendText { socket, text } => {
                    let text = text.into_owned();
                    let at = self.now + self.latency + (self.extra_latency)();
                    if let Some(live) = self.live.get_mut(&socket) {
                        live.last_out = live.last_out.max(at);
                        let at = live.last_out;
                        self.at(at, Delivery::Frame(socket, text.clone()));
                    }
                    Seen::Sent(text)
                }
                Output::CloseSocket { socket, code, .. } => {
                    assert!(self.live.remove(&socket).is_some(), "closed a socket that is gone");
                    Seen::Close(socket, code)
                }
                Output::Event { session, event } => {
                    assert_eq!(session, SESSION);
                    if let Event::Item { body: Body::Held(handle), .. } = &event {
                        assert!(self.with_core.contains(handle), "an item of the host's is shown");
                    }
                    Seen::Event(event)
                }
                Output::Done { call, result, .. } => {
                    assert!(self.answered.insert(call), "{call:?} was answered twice");
                    Seen::Done(call, result)
                }
                Output::Release { item } => {
                    assert!(self.with_core.remove(&item), "an item was given back twice");
                    Seen::Release
                }
                Output::Upload(upload) => {
                    let http = at_the_storage(upload.request, "Upload", &upload.url);
                    self.after_latency(Delivery::Request(http));
                    self.uploads.push(upload);
                    Seen::Http("Upload")
                }
                Output::Download { request, url, .. } => {
                    let http = at_the_storage(request, "Download", &url);
                    self.after_latency(Delivery::Request(http));
                    Seen::Http("Download")
                }
                Output::Persist { session, snapshot } => {
                    assert_eq!(
                        snapshot,
                        self.core.snapshot(session),
                        "what is kept is the present"
                    );
                    self.kept.push((self.now, snapshot));
                    Seen::Persist
                }
                other @ (Output::NeedToken { .. }
                | Output::JoinForeign { .. }
                | Output::LeaveForeign { .. }) => panic!("{other:?}"),
                Output::Log { text, .. } => {
                    for secret in
                        [PARTICIPANT_TOKEN, "connection-token", "wss://", "words", "storage.test"]
                    {
                        assert!(!text.contains(secret), "a secret in a log line: {text}");
                    }
                    Seen::Log
                }
            };
            self.seen.push((self.now, seen));
        }
    }

    /// A replay of the recording, if there is one, does the same, and it tells nothing secret.
    pub(crate) fn check_recording(&self) {
        let Some(recorder) = &self.recorder else { return };
        let recording = recorder.export();
        for secret in [PARTICIPANT_TOKEN, "connection-token", "signed", "words"] {
            let line = recording.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "a secret is recorded: {line:?}");
        }
        let replayed = replay(&recording).unwrap();
        assert_eq!(replayed.difference, None);
        let outputs = recording.lines().filter(|line| line.starts_with("{\"out\":")).count();
        assert_eq!(replayed.outputs, outputs);
    }

    /// The process is killed and begins again, from what it kept last. What it has asked the service
    /// still arrives there, or does not; nobody hears the answers.
    pub(crate) fn restart(&mut self, options: SessionOptions, arrives: bool) {
        self.check_recording();
        for socket in self.open_sockets() {
            self.live.remove(&socket);
        }
        for delivery in std::mem::take(&mut self.coming).into_values() {
            if let Delivery::Request(http) = delivery
                && arrives
            {
                self.serve(&http);
            }
        }
        self.coming.clear();
        self.with_core.clear();
        self.wake = None;
        let seed = self.next_handle + self.now;
        self.core = Core::new(seed);
        if let Some(recorder) = &mut self.recorder {
            *recorder = Recorder::new(seed, Limits { lines: usize::MAX, bytes: usize::MAX });
        }
        let kept = self.kept.last().and_then(|(_, kept)| kept.clone());
        let options = Box::new(options);
        self.input(match kept {
            Some(snapshot) => Input::Restore { session: SESSION, options, snapshot },
            None => Input::Create { session: SESSION, options },
        });
    }

    fn at(&mut self, at: u64, delivery: Delivery) {
        self.sequence += 1;
        self.coming.insert((at, self.sequence), delivery);
    }

    fn after_latency(&mut self, delivery: Delivery) {
        let at = self.now + self.latency + (self.extra_latency)();
        self.at(at, delivery);
    }

    /// Lets so much time pass.
    pub(crate) fn run(&mut self, ms: u64) {
        let end = self.now + ms;
        while self.step(end) {}
        self.now = end;
    }

    /// Until something holds, or the time is over.
    pub(crate) fn run_until(&mut self, most_ms: u64, mut holds: impl FnMut(&Self) -> bool) {
        let end = self.now + most_ms;
        while !holds(self) {
            assert!(self.step(end), "did not happen within {most_ms} ms: {:#?}", self.seen);
        }
    }

    fn step(&mut self, end: u64) -> bool {
        let coming = self.coming.keys().next().map(|(at, _)| *at);
        let due = match (coming, self.wake) {
            (Some(coming), Some(wake)) => coming.min(wake),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => return false,
        };
        if due > end {
            return false;
        }
        self.now = self.now.max(due);
        if coming == Some(due) {
            let (_, delivery) = self.coming.pop_first().unwrap();
            self.deliver(delivery);
        } else {
            self.input(Input::Time);
        }
        true
    }

    fn deliver(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Input(Input::SocketClosed { socket, code, reason }) => {
                self.live.remove(&socket);
                self.input(Input::SocketClosed { socket, code, reason });
            }
            Delivery::Input(input) => self.input(input),
            Delivery::Request(http) => self.serve(&http),
            Delivery::Handshake(socket, url) => self.handshake(socket, &url),
            Delivery::Frame(socket, text) => self.frame(socket, &text),
            Delivery::ToClient(socket, text) => self.arrive(socket, text),
        }
    }

    fn arrive(&mut self, socket: SocketId, text: String) {
        if self.live.get(&socket).is_none_or(|live| live.half_open) {
            return;
        }
        if self.parses
            && let Ok(ServerFrame::Chat { content }) = ServerFrame::parse(&text)
            && let Ok(item) = Item::from_text(&*content)
            && !is_chunk(item.head())
        {
            self.next_handle += 1;
            let handle = ItemHandle(self.next_handle);
            let head: Arc<ItemHead> = Arc::new(item.head().clone());
            self.held.insert(handle, item);
            self.with_core.insert(handle);
            self.input(Input::SocketItem { socket, item: handle, head });
        } else {
            self.input(Input::SocketText { socket, text });
        }
    }

    // ----- what the application does

    pub(crate) fn call(&mut self, what: Call) -> CallId {
        self.next_call += 1;
        let call = CallId(self.next_call);
        self.input(Input::Call { session: SESSION, call, what });
        call
    }

    pub(crate) fn send(&mut self, text: &str) -> CallId {
        self.call(Call::SendMessage(Outgoing {
            content_type: ContentType::TextPlain,
            content: Some(text.to_owned()),
            client_token: None,
        }))
    }

    pub(crate) fn typing(&mut self) -> CallId {
        self.call(Call::SendEvent(Outgoing {
            content_type: ContentType::Typing,
            content: None,
            client_token: None,
        }))
    }

    pub(crate) fn result(&self, call: CallId) -> Option<&Result<Value, CallError>> {
        self.seen.iter().find_map(|(_, seen)| match seen {
            Seen::Done(done, result) if *done == call => Some(result),
            _ => None,
        })
    }

    // ----- what the service does

    /// Puts an item into the transcript and gives it to every subscribed socket.
    pub(crate) fn publish(&mut self, content_type: &ContentType, content: Option<&str>) -> String {
        self.publish_of(content_type, content, str::to_owned)
    }

    /// The same for an item that is not like the others.
    pub(crate) fn publish_of(
        &mut self,
        content_type: &ContentType,
        content: Option<&str>,
        change: impl Fn(&str) -> String,
    ) -> String {
        let id = format!("item-{:05}", self.service.items.len());
        let after = self.service.items.last().map_or(0, |(time, ..)| time.as_millis() + 1);
        let time = Timestamp::from_millis(after.max(self.clock().wall_ms));
        let live = change(&item_text(&id, time, content_type, content, true));
        let stored = change(&item_text(&id, time, content_type, content, false));
        self.service.items.push((time, id.clone(), stored));
        self.push(&live);
        id
    }

    /// An agent says something.
    pub(crate) fn say(&mut self, text: &str) -> String {
        self.publish(&ContentType::TextPlain, Some(text))
    }

    pub(crate) fn end_chat(&mut self) -> String {
        let id = self.publish(&ContentType::ChatEnded, None);
        self.service.ended = true;
        id
    }

    /// Something nobody stores.
    pub(crate) fn publish_transient(&mut self, text: &str) {
        self.push(text);
    }

    fn push(&mut self, item: &str) {
        let frame = ServerFrame::Chat { content: item.into() }.to_text();
        let sockets: Vec<SocketId> =
            self.live.iter().filter(|(_, live)| live.subscribed).map(|(id, _)| *id).collect();
        for socket in sockets {
            self.push_to(socket, frame.clone());
        }
    }

    pub(crate) fn push_to(&mut self, socket: SocketId, frame: String) {
        let at = self.now + self.latency + (self.extra_latency)();
        if let Some(live) = self.live.get_mut(&socket) {
            live.last_in = live.last_in.max(at);
            let at = live.last_in;
            self.at(at, Delivery::ToClient(socket, frame));
        }
    }

    /// Publishes a frame that was published before once more.
    pub(crate) fn repeat(&mut self, at: usize) {
        let (time, id, stored) = self.service.items[at].clone();
        let item = Item::from_text(&*stored).unwrap();
        let content = item.content().map(std::borrow::Cow::into_owned);
        let content_type = item.head().content_type.clone().unwrap();
        self.push(&item_text(&id, time, &content_type, content.as_deref(), true));
    }

    /// Confirms the subscription of a socket, late.
    pub(crate) fn confirm(&mut self, socket: SocketId) {
        if let Some(live) = self.live.get_mut(&socket) {
            live.subscribed = true;
        }
        let topics = vec!["aws/chat".to_owned()];
        self.push_to(socket, ServerFrame::Subscribed { success: true, topics }.to_text());
    }

    /// The sockets the service knows of.
    pub(crate) fn open_sockets(&self) -> Vec<SocketId> {
        self.live.keys().copied().collect()
    }

    pub(crate) fn socket(&self) -> SocketId {
        *self.live.keys().next_back().expect("no socket")
    }

    /// Cuts every socket; the client learns of it.
    pub(crate) fn cut(&mut self) {
        for socket in self.open_sockets() {
            self.cut_one(socket);
        }
    }

    pub(crate) fn cut_one(&mut self, socket: SocketId) {
        if let Some(live) = self.live.get_mut(&socket) {
            live.half_open = true;
            let reason = "cut".to_owned();
            let input = Input::SocketClosed { socket, code: Some(1006), reason };
            self.at(self.now + 1, Delivery::Input(input));
        }
    }

    /// Lets every socket go dead without a word.
    pub(crate) fn half_open(&mut self) {
        for live in self.live.values_mut() {
            live.half_open = true;
        }
    }

    pub(crate) fn revoke_tokens(&mut self) {
        self.service.tokens.clear();
    }

    fn handshake(&mut self, socket: SocketId, url: &str) {
        if !self.live.contains_key(&socket) || self.sockets.never_open {
            return;
        }
        let valid = self.service.urls.get(url).is_some_and(|until| *until >= self.now);
        if self.sockets.refuse || !valid || self.service.ended {
            let reason = "handshake refused".to_owned();
            let input = Input::SocketClosed { socket, code: None, reason };
            self.after_latency(Delivery::Input(input));
        } else {
            self.after_latency(Delivery::Input(Input::SocketOpened { socket }));
        }
    }

    fn frame(&mut self, socket: SocketId, text: &str) {
        let Some(live) = self.live.get_mut(&socket).filter(|live| !live.half_open) else { return };
        let answer = match ClientFrame::parse(text).expect("a frame") {
            ClientFrame::Subscribe { topics } => match self.sockets.subscribe {
                Subscribe::Silent => None,
                subscribe => {
                    let success = subscribe == Subscribe::Confirm;
                    live.subscribed |= success;
                    Some(ServerFrame::Subscribed { success, topics }.to_text())
                }
            },
            ClientFrame::Heartbeat => self.sockets.heartbeat.then(|| HEARTBEAT.to_owned()),
            ClientFrame::Ping => self.sockets.ping.map(|code| match code {
                200 => PING_OK.to_owned(),
                _ => ServerFrame::Ping { status_code: Some(code), status_content: None }.to_text(),
            }),
            ClientFrame::Other { topic } => panic!("unknown topic {topic}"),
        };
        if let Some(answer) = answer {
            self.push_to(socket, answer);
        }
    }

    fn serve(&mut self, http: &HttpRequest) {
        self.service.requests.push((self.now, http.clone()));
        let scripted = self.service.script.get_mut(http.operation).and_then(VecDeque::pop_front);
        let reply = scripted
            .or_else(|| self.service.always.get(http.operation).copied())
            .unwrap_or(Reply::Serve);
        let request = http.request;
        let input = match reply {
            Reply::Lost => Input::Failed { request, message: "connection refused".to_owned() },
            Reply::AnswerLost => {
                let _not_heard = self.answer(http);
                Input::Failed { request, message: "connection reset".to_owned() }
            }
            Reply::Status(status) => answered(request, &error(status), None),
            Reply::Later(status, wait) => answered(request, &error(status), Some(wait)),
            Reply::Garbage => answered(request, &Ok("<html>".to_owned()), None),
            Reply::BadUrl => {
                let served = self.answer(http).map(|body| body.replace("wss://", "https://"));
                answered(request, &served, None)
            }
            Reply::Serve => {
                let served = self.answer(http);
                answered(request, &served, None)
            }
        };
        self.after_latency(Delivery::Input(input));
    }

    fn answer(&mut self, http: &HttpRequest) -> Result<String, ServiceError> {
        if http.url.starts_with("https://storage.test/") {
            return Ok(String::new());
        }
        assert_eq!(http.method, if http.body.is_empty() { "GET" } else { "POST" });
        let bearer = &http.headers.iter().find(|(name, _)| *name == "x-amz-bearer").unwrap().1;
        let path = http.url.strip_prefix("https://service.test").unwrap();
        let denied = || Err(ServiceError::new(ErrorKind::AccessDenied, "Access denied"));
        if path == "/participant/connection" {
            assert_eq!(http.body, r#"{"Type":["WEBSOCKET","CONNECTION_CREDENTIALS"]}"#);
            if bearer != PARTICIPANT_TOKEN || self.service.ended {
                return denied();
            }
            let count = self.service.urls.len();
            let url = format!("wss://service.test/socket?n={count}");
            let token = format!("connection-token-{count}");
            self.service.urls.insert(url.clone(), self.now + 100_000);
            self.service.tokens.insert(token.clone(), self.now + self.service.token_life_ms);
            let expiry = self.clock().wall_ms + self.service.token_life_ms as i64;
            return Ok(serde_json::to_string(&CreateParticipantConnectionResponse {
                websocket: Some(Websocket {
                    url: Some(url),
                    connection_expiry: Some(
                        Timestamp::from_millis(self.clock().wall_ms + 100_000).to_string(),
                    ),
                }),
                connection_credentials: Some(ConnectionCredentials {
                    connection_token: Some(token.into()),
                    expiry: Some(Timestamp::from_millis(expiry).to_string()),
                }),
            })
            .unwrap());
        }
        let valid = self.service.tokens.get(bearer).is_some_and(|until| *until > self.now);
        if !valid || self.service.ended {
            return denied();
        }
        match path {
            "/participant/message" => {
                let request: SendMessageRequest = serde_json::from_str(&http.body).unwrap();
                let token = request.client_token.unwrap();
                let at = if let Some(at) = self.service.by_client_token.get(&token) {
                    *at
                } else {
                    self.publish_of(&request.content_type, Some(&request.content), of_me);
                    let at = self.service.items.len() - 1;
                    self.service.by_client_token.insert(token, at);
                    at
                };
                let (time, id, _) = &self.service.items[at];
                let sent = SentResponse { id: id.as_str().into(), absolute_time: *time };
                Ok(serde_json::to_string(&sent).unwrap())
            }
            "/participant/event" => {
                let _: SendEventRequest = serde_json::from_str(&http.body).unwrap();
                Ok(r#"{"Id":"event","AbsoluteTime":"2026-01-01T00:00:00.000Z"}"#.to_owned())
            }
            "/participant/transcript" => Ok(self.page(&http.body)),
            "/participant/disconnect" => {
                self.end_chat();
                Ok("{}".to_owned())
            }
            "/participant/start-attachment-upload" => {
                let request: StartAttachmentUploadRequest =
                    serde_json::from_str(&http.body).unwrap();
                let count = self.service.files.len();
                let known = self.service.files.iter().position(|of| *of == request.client_token);
                let n = known.unwrap_or(count);
                if known.is_none() {
                    self.service.files.push(request.client_token);
                }
                let expiry = Timestamp::from_millis(self.clock().wall_ms + 60_000);
                Ok(format!(
                    r#"{{"AttachmentId":"file-{n}","UploadMetadata":{{
                        "Url":"https://storage.test/put?n={n}","UrlExpiry":"{expiry}",
                        "HeadersToInclude":{{"Content-Type":"{}","x-amz-acl":"private"}}}}}}"#,
                    request.content_type
                ))
            }
            "/participant/complete-attachment-upload" | "/participant/cancel-authentication" => {
                Ok("{}".to_owned())
            }
            "/participant/attachment" => {
                let request: GetAttachmentRequest = serde_json::from_str(&http.body).unwrap();
                let expiry = Timestamp::from_millis(self.clock().wall_ms + 60_000);
                Ok(format!(
                    r#"{{"Url":"https://storage.test/get?{}","UrlExpiry":"{expiry}","AttachmentSizeInBytes":7}}"#,
                    request.attachment_id
                ))
            }
            "/participant/authentication-url" => {
                Ok(r#"{"AuthenticationUrl":"https://sign-in.test/"}"#.to_owned())
            }
            path if path.starts_with("/participant/views/") => {
                Ok(r#"{"View":{"Id":"view","Name":"Form"}}"#.to_owned())
            }
            path => panic!("no such path: {path}"),
        }
    }

    fn page(&self, body: &str) -> String {
        let request: GetTranscriptRequest = serde_json::from_str(body).unwrap();
        let most = request.max_results.unwrap_or(15) as usize;
        let most = most.min(self.service.page_size.unwrap_or(most));
        let start = request.start_position.and_then(|position| position.id);
        let start = start.map(|start| {
            // What belongs to an earlier chat cannot be begun with.
            let is_it = |(_, id, text): &&(Timestamp, String, String)| {
                id == start.as_str() && !text.contains("RelatedContactId")
            };
            let at = self.service.items.iter().position(|item| is_it(&item));
            at.map_or(0, |at| at + 1)
        });
        let end = match request.next_token {
            Some(token) => token.parse::<usize>().unwrap(),
            None => start.unwrap_or(self.service.items.len()),
        };
        let start = end.saturating_sub(most);
        let mut items: Vec<&str> =
            self.service.items[start..end].iter().map(|(.., text)| text.as_str()).collect();
        if request.sort_order != Some(SortOrder::Ascending) {
            items.reverse();
        }
        let next = if start > 0 { format!("\"{start}\"") } else { "null".to_owned() };
        format!(
            r#"{{"InitialContactId":"contact-1","Transcript":[{}],"NextToken":{next}}}"#,
            items.join(",")
        )
    }

    // ----- what was seen

    /// The ids of the items the application was given, in order.
    pub(crate) fn delivered(&self) -> Vec<String> {
        self.items().into_iter().map(|(_, id)| id).collect()
    }

    /// The items the application was given, in order.
    pub(crate) fn items(&self) -> Vec<(ItemKind, String)> {
        self.seen
            .iter()
            .filter_map(|(_, seen)| match seen {
                Seen::Event(Event::Item { kind, body }) => {
                    let item = match body {
                        Body::Item(item) => &**item,
                        Body::Held(handle) => &self.held[handle],
                    };
                    let id = item.head().id.as_ref().map(ToString::to_string);
                    Some((*kind, id.unwrap_or_default()))
                }
                _ => None,
            })
            .collect()
    }

    /// The texts of the items the application was given, in order.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.seen
            .iter()
            .filter_map(|(_, seen)| match seen {
                Seen::Event(Event::Item { body: Body::Item(item), .. }) => Some(item.text()),
                Seen::Event(Event::Item { body: Body::Held(handle), .. }) => {
                    Some(self.held[handle].text())
                }
                _ => None,
            })
            .collect()
    }

    /// The ids of the service's transcript.
    pub(crate) fn stored(&self) -> Vec<String> {
        self.service.items.iter().map(|(_, id, _)| id.clone()).collect()
    }

    pub(crate) fn requests(&self, operation: &str) -> Vec<u64> {
        self.service
            .requests
            .iter()
            .filter(|(_, http)| http.operation == operation)
            .map(|(at, _)| *at)
            .collect()
    }

    /// A short name of each event, without items and deep heartbeats.
    pub(crate) fn story(&self) -> Vec<&'static str> {
        self.seen
            .iter()
            .filter_map(|(_, seen)| match seen {
                Seen::Event(Event::Established { by_socket: false }) => Some("connected"),
                Seen::Event(Event::Established { by_socket: true }) => Some("established"),
                Seen::Event(Event::Lost) => Some("lost"),
                Seen::Event(Event::Broken) => Some("broken"),
                Seen::Event(Event::Ended) => Some("ended"),
                Seen::Event(Event::Gap { .. }) => Some("gap"),
                Seen::Event(Event::GapClosed { .. }) => Some("gap closed"),
                Seen::Event(Event::CaughtUp) => Some("caught up"),
                _ => None,
            })
            .collect()
    }

    /// What the connection was said to do.
    pub(crate) fn states(&self) -> Vec<&'static str> {
        self.seen
            .iter()
            .filter_map(|(_, seen)| match seen {
                Seen::Event(Event::Connection(state)) => Some(match state {
                    Connection::Connecting => "connecting",
                    Connection::Online => "online",
                    Connection::Waiting { .. } => "waiting",
                    Connection::Offline => "offline",
                    Connection::Broken { .. } => "broken",
                    Connection::Ended => "ended",
                }),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn deep_heartbeats(&self) -> Vec<(u64, bool)> {
        self.seen
            .iter()
            .filter_map(|(at, seen)| match seen {
                Seen::Event(Event::DeepHeartbeat { success }) => Some((*at, *success)),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn opened(&self) -> Vec<u64> {
        self.seen
            .iter()
            .filter_map(|(at, seen)| matches!(seen, Seen::Open).then_some(*at))
            .collect()
    }

    pub(crate) fn closed(&self) -> Vec<(SocketId, u16)> {
        self.seen
            .iter()
            .filter_map(|(_, seen)| match seen {
                Seen::Close(socket, code) => Some((*socket, *code)),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn script(&mut self, operation: &'static str, replies: &[Reply]) {
        self.service.script.entry(operation).or_default().extend(replies);
    }

    pub(crate) fn always(&mut self, operation: &'static str, reply: Reply) {
        self.service.always.insert(operation, reply);
    }

    pub(crate) fn forget_seen(&mut self) {
        self.seen.clear();
    }
}

/// The host gives these as text, for the core joins them.
fn is_chunk(head: &ItemHead) -> bool {
    head.message_metadata.as_ref().is_some_and(|metadata| metadata.message_completed.is_some())
}

/// What a host asks the storage, in the form of a request to the service, so that the same script
/// serves.
fn at_the_storage(request: RequestId, operation: &'static str, url: &str) -> HttpRequest {
    HttpRequest {
        request,
        session: SESSION,
        operation,
        method: if operation == "Upload" { "PUT" } else { "GET" },
        url: url.to_owned(),
        headers: Vec::new(),
        body: String::new(),
        timeout_ms: 0,
        keep_body: false,
    }
}

fn error(status: u16) -> Result<String, ServiceError> {
    let kind = ErrorKind::KNOWN
        .iter()
        .find(|kind| kind.status() == status)
        .cloned()
        .unwrap_or(ErrorKind::InternalServer);
    Err(ServiceError { kind, status, message: "told to".to_owned() })
}

fn answered(
    request: RequestId,
    served: &Result<String, ServiceError>,
    retry_after_ms: Option<u64>,
) -> Input {
    let (status, error_type, body) = match served {
        Ok(body) => (200, None, body.clone()),
        Err(error) => (error.status, Some(error.kind.name().to_owned()), error.body()),
    };
    let answer = HttpAnswer {
        status,
        error_type,
        request_id: Some("request".to_owned()),
        retry_after_ms,
        body,
    };
    Input::Answered { request, answer }
}

/// The item of an agent as one of the session's own.
pub(crate) fn of_me(text: &str) -> String {
    text.replace("\"agent-1\"", &format!("{ME:?}")).replace("\"AGENT\"", "\"CUSTOMER\"")
}

/// An item as the service writes it: for a socket with the contact ids it names there.
pub(crate) fn item_text(
    id: &str,
    time: Timestamp,
    content_type: &ContentType,
    content: Option<&str>,
    live: bool,
) -> String {
    let item_type = if content_type.is_event() { ItemType::Event } else { ItemType::Message };
    let contact = "contact-1".into();
    NewItem {
        absolute_time: Some(time),
        content,
        content_type: Some(content_type),
        id: Some(id),
        item_type: Some(&item_type),
        participant_id: Some(&"agent-1".into()),
        display_name: Some("Ana"),
        participant_role: Some(&ParticipantRole::Agent),
        initial_contact_id: live.then_some(&contact),
        contact_id: Some(&contact),
        ..NewItem::default()
    }
    .to_text()
}
