//! One session, its host, and the service it talks to.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use chatloom_session::{
    Behaviour, Body, Call, CallId, Connection, Core, Entry, EntryContent, EntryKey, Event,
    ForeignEvent, ForeignId, HostToken, HttpAnswer, HttpRequest, Input, ItemHandle, MessageState,
    Now, Output, RequestId, Role, SessionId, SessionOptions, SocketId, Source, Step,
    recorder::{Limits, Recorder, replay},
};
use chatloom_wire::{
    Item, Timestamp,
    frame::{CHAT_TOPIC, ClientFrame, HEARTBEAT, PING_OK, ServerFrame},
    json,
    participant::{GetTranscriptRequest, ScanDirection, SendMessageRequest, SortOrder},
};

pub(super) const SESSION: SessionId = SessionId(1);
/// A socket manager of the host's.
pub(super) const MANAGER: ForeignId = ForeignId(1);
/// Items on a page: few, so that a recovery reads several.
const PAGE: usize = 3;
/// More outputs than this without a pause are a loop.
const MOST_OUTPUTS: usize = 10_000;
/// What a snapshot takes beside the messages in it.
const SNAPSHOT_BYTES: usize = 64 << 10;

#[derive(Default)]
struct Socket {
    open: bool,
    subscribed: bool,
    /// What the service has said and the client has not heard.
    on_its_way: VecDeque<String>,
}

/// A socket manager that listens for the session.
#[derive(Default)]
struct Manager {
    is_up: bool,
    on_its_way: VecDeque<String>,
}

pub(super) struct World {
    core: Core,
    seed: u64,
    recorder: Recorder,
    options: SessionOptions,
    now: Now,
    pub(super) online: bool,
    pub(super) requests: Vec<HttpRequest>,
    /// Uploads and downloads.
    pub(super) files: Vec<RequestId>,
    /// Connection tokens that the host is asked for; the core may want them no longer.
    pub(super) tokens: Vec<RequestId>,
    sockets: BTreeMap<SocketId, Socket>,
    manager: Option<Manager>,
    /// What the service has stored: ids, which sort in their order.
    pub(super) stored: Vec<String>,
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
    pub(super) open_calls: BTreeSet<CallId>,
    connects: BTreeSet<CallId>,
    /// Items that the core was lent, with their ids.
    pub(super) lent: BTreeMap<ItemHandle, String>,
    last_handle: u64,
    /// The transcript that the application looks at.
    list: Option<Vec<Entry>>,
    /// What became of messages.
    pub(super) messages: BTreeMap<EntryKey, MessageState>,
    snapshot: Option<String>,
    /// Something was said that only somebody else than this service could say, so what the
    /// application should have is not known.
    pub(super) is_odd: bool,
}

/// The session that a byte stands for.
pub(super) fn options(choice: u8) -> SessionOptions {
    let behaviour = if choice.is_multiple_of(4) { Behaviour::Compat } else { Behaviour::Chatloom };
    SessionOptions {
        role: if choice & 0x20 == 0 { Role::Customer } else { Role::Agent },
        source: match choice >> 2 & 7 {
            5 => Source::Host { foreign: Some(MANAGER) },
            6 => Source::Foreign(MANAGER),
            7 => Source::Host { foreign: None },
            _ => Source::Service,
        },
        most_entries: 100,
        persist: true,
        ..SessionOptions::new(behaviour, "https://chat.example", "c".into(), "p".into(), "t".into())
    }
}

impl World {
    pub(super) fn new(choice: u8) -> Self {
        let mut world = Self {
            core: Core::new(7),
            seed: 7,
            recorder: recorder(7),
            options: options(choice),
            now: Now { mono_ms: 0, wall_ms: 1_790_000_000_000 },
            online: true,
            requests: Vec::new(),
            files: Vec::new(),
            tokens: Vec::new(),
            sockets: BTreeMap::new(),
            manager: None,
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
            lent: BTreeMap::new(),
            last_handle: 0,
            list: None,
            messages: BTreeMap::new(),
            snapshot: None,
            is_odd: false,
        };
        world.create();
        if choice & 0x40 != 0 {
            world.track();
        }
        world.call(Call::Connect);
        world
    }

    fn create(&mut self) {
        let options = Box::new(self.options.clone());
        self.give(Input::Create { session: SESSION, options });
    }

    fn is_chatloom(&self) -> bool {
        self.options.behaviour == Behaviour::Chatloom
    }

    /// A text that nobody vouches for.
    pub(super) fn odd_text(&mut self, text: String) -> String {
        self.is_odd |= text.contains('{');
        text
    }

    pub(super) fn all_sockets(&self) -> Vec<SocketId> {
        self.sockets.keys().copied().collect()
    }

    pub(super) fn sockets_that_are(&self, open: bool) -> Vec<SocketId> {
        let fitting = self.sockets.iter().filter(|(_, socket)| socket.open == open);
        fitting.map(|(id, _)| *id).collect()
    }

    pub(super) fn call(&mut self, what: Call) {
        self.last_call += 1;
        let call = CallId(self.last_call);
        self.open_calls.insert(call);
        if matches!(what, Call::Connect) {
            self.connects.insert(call);
        }
        self.give(Input::Call { session: SESSION, call, what });
    }

    /// The application wants to see the transcript.
    pub(super) fn track(&mut self) {
        self.list.get_or_insert_default();
        self.give(Input::Track { session: SESSION });
    }

    pub(super) fn pass(&mut self, wait_ms: u64) {
        self.now.mono_ms += wait_ms;
        self.now.wall_ms += i64::try_from(wait_ms).expect("a short time");
        self.give(Input::Time);
    }

    /// Lets the time pass until the core wants to be called; says whether it does.
    pub(super) fn wait(&mut self) -> bool {
        let Output::Wake(Some(due_ms)) = self.core.poll() else { return false };
        self.pass(due_ms - self.now.mono_ms);
        true
    }

    /// Gives the core an input and does what it asks for.
    pub(super) fn give(&mut self, input: Input) {
        self.recorder.input(self.now, &input);
        self.core.handle(self.now, input);
        for _ in 0..MOST_OUTPUTS {
            let output = self.core.poll();
            self.recorder.output(&output);
            match output {
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
                let fetches = self.requests.iter().filter(|request| asks_for_connection(request));
                assert!(fetches.count() <= 1, "one request for a connection at a time");
            }
            Output::AbortHttp { request } => {
                let before = self.requests.len() + self.files.len();
                self.requests.retain(|other| other.request != request);
                self.files.retain(|other| *other != request);
                let after = self.requests.len() + self.files.len();
                assert_eq!(after + 1, before, "what is aborted is under way");
            }
            Output::OpenSocket { socket, url } => {
                assert!(self.is_odd || url == "wss://chat.example/socket", "{url}");
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
            Output::Release { item } => {
                assert!(self.lent.remove(&item).is_some(), "given back while it is lent");
            }
            Output::Upload(upload) => self.files.push(upload.request),
            Output::Download { request, .. } => self.files.push(request),
            Output::NeedToken { request, .. } => {
                assert!(matches!(self.options.source, Source::Host { .. }), "the host has tokens");
                self.tokens.push(request);
            }
            Output::JoinForeign { foreign } => {
                assert_eq!(foreign, MANAGER);
                assert!(self.manager.is_none(), "joined once");
                self.manager = Some(Manager { is_up: true, ..Manager::default() });
            }
            Output::LeaveForeign { foreign } => {
                assert_eq!(foreign, MANAGER);
                assert!(self.manager.take().is_some(), "left after it was joined");
            }
            Output::Persist { snapshot, .. } => {
                assert_eq!(snapshot, self.core.snapshot(SESSION), "what is kept is the present");
                let messages = self.messages.len() * 1_000;
                let bytes = snapshot.as_ref().map_or(0, String::len);
                assert!(bytes < SNAPSHOT_BYTES + messages, "a snapshot of {bytes} bytes");
                self.snapshot = snapshot;
            }
            Output::Log { .. } => {}
            Output::Wake(_) => unreachable!("handled by the loop"),
        }
    }

    fn told(&mut self, event: Event) {
        // What was under way at the end has its own end, and a handler may fail at any time.
        let may_follow = matches!(
            event,
            Event::Message { .. }
                | Event::Transcript(_)
                | Event::AttachmentProgress { .. }
                | Event::HandlerFailed { .. }
        );
        assert!(!self.ended || may_follow, "nothing follows the end: {event:?}");
        match event {
            Event::Item { body, .. } => {
                let id = self.id_of(&body);
                // Garbage on a socket may make up items; only the service's are counted.
                if self.stored.contains(&id) {
                    let again = self.delivered.contains(&id) && !self.is_odd;
                    assert!(!again || !self.is_chatloom(), "{id} came twice");
                    self.delivered.push(id);
                }
            }
            Event::Gap { .. } => self.gaps += 1,
            Event::Ended => self.ended = true,
            Event::Broken => self.broken = true,
            Event::Connection(connection) => {
                self.online_shown = connection == Connection::Online;
                self.broken |= matches!(connection, Connection::Broken { .. });
            }
            Event::Established { .. } => self.broken = false,
            Event::Message { key, state, .. } => {
                self.messages.insert(key, state);
            }
            Event::Transcript(update) => {
                for step in update.steps {
                    self.apply(step);
                }
            }
            Event::HandlerFailed { .. } => assert!(self.is_chatloom()),
            Event::Lost
            | Event::DeepHeartbeat { .. }
            | Event::CaughtUp
            | Event::GapClosed { .. }
            | Event::AttachmentProgress { .. }
            | Event::Roster(_) => {}
        }
    }

    fn id_of(&self, body: &Body) -> String {
        match body {
            Body::Item(item) => item.head().id.as_ref().map_or("", |id| id.as_str()).to_owned(),
            Body::Held(item) => self.lent.get(item).expect("shown while it is lent").clone(),
        }
    }

    fn apply(&mut self, step: Step) {
        if let Step::Insert { entry, .. } | Step::Replace { entry, .. } = &step
            && let EntryContent::Item(body) = &entry.content
        {
            self.id_of(body);
        }
        let list = self.list.as_mut().expect("nobody asked for the transcript");
        match step {
            Step::Insert { at, entry } => list.insert(at, entry),
            Step::Replace { at, entry } => list[at] = entry,
            Step::Remove { at } => {
                list.remove(at);
            }
        }
    }

    /// The list names each entry once and has the items in the order of the service.
    fn check_list(&self) {
        let Some(list) = &self.list else { return };
        let keys: BTreeSet<EntryKey> = list.iter().map(|entry| entry.key).collect();
        assert_eq!(keys.len(), list.len(), "a key stands for one entry");
        let ids = list.iter().filter_map(|entry| match &entry.content {
            EntryContent::Item(body) => Some(self.id_of(body)),
            _ => None,
        });
        let ids: Vec<String> = ids.filter(|id| self.stored.contains(id)).collect();
        assert!(self.is_odd || ids.is_sorted(), "in the order of the service: {ids:?}");
        let known: BTreeSet<&String> = ids.iter().collect();
        assert_eq!(known.len(), ids.len(), "each item is there once");
    }

    /// Answers a request as the service would.
    pub(super) fn serve(&mut self, request: &HttpRequest) {
        let answer = self.answer(request);
        self.give(Input::Answered { request: request.request, answer });
    }

    fn answer(&mut self, request: &HttpRequest) -> HttpAnswer {
        if self.over {
            return http(403, r#"{"message":"Access denied"}"#.to_owned());
        }
        let expiry = Timestamp::from_millis(self.now.wall_ms + 86_400_000);
        http(
            200,
            match request.operation {
                "CreateParticipantConnection" if !asks_for_connection(request) => "{}".to_owned(),
                "CreateParticipantConnection" => format!(
                    r#"{{"Websocket":{{"Url":"wss://chat.example/socket"}},
                "ConnectionCredentials":{{"ConnectionToken":"c","Expiry":"{expiry}"}}}}"#
                ),
                "SendMessage" => {
                    let message: SendMessageRequest = json::read(&request.body).expect("a request");
                    let token = message.client_token.expect("a message has a token");
                    let known = self.sent.get(&token).cloned();
                    let id = known.unwrap_or_else(|| self.store());
                    self.sent.insert(token, id.clone());
                    format!(r#"{{"Id":"{id}","AbsoluteTime":"{id}"}}"#)
                }
                "GetTranscript" => {
                    let request: GetTranscriptRequest =
                        json::read(&request.body).expect("a request");
                    let Some(page) = self.page(&request) else {
                        return http(400, r#"{"message":"no such token"}"#.to_owned());
                    };
                    page
                }
                "DisconnectParticipant" => {
                    self.over = true;
                    self.publish(&item("~end", "chat.ended", "EVENT"));
                    "{}".to_owned()
                }
                "StartAttachmentUpload" => format!(
                    r#"{{"AttachmentId":"a","UploadMetadata":{{"Url":"https://files.example/up?signed",
                "UrlExpiry":"{expiry}","HeadersToInclude":{{"a":"b"}}}}}}"#
                ),
                "GetAttachment" => {
                    format!(r#"{{"Url":"https://files.example/a?signed","UrlExpiry":"{expiry}"}}"#)
                }
                _ => r#"{"Id":"x","AbsoluteTime":"2026-01-01T00:00:00.000Z"}"#.to_owned(),
            },
        )
    }

    /// A page of the transcript; none for a token that was not given.
    fn page(&self, request: &GetTranscriptRequest) -> Option<String> {
        let forward = request.scan_direction == Some(ScanDirection::Forward);
        let start = request.start_position.as_ref().and_then(|start| start.id.as_ref());
        let start = start.and_then(|id| self.stored.iter().position(|held| held == id.as_str()));
        let all = self.stored.len();
        let from = match (&request.next_token, start) {
            (Some(token), _) => token.parse::<usize>().ok().filter(|from| *from <= all)?,
            (None, Some(start)) => start + usize::from(!forward),
            (None, None) => {
                if forward {
                    0
                } else {
                    all
                }
            }
        };
        let (begin, end, next) = if forward {
            let end = all.min(from + PAGE);
            (from, end, (end < all).then_some(end))
        } else {
            let begin = from.saturating_sub(PAGE);
            (begin, from, (begin > 0).then_some(begin))
        };
        let items = self.stored[begin..end].iter().map(|id| item(id, "", "MESSAGE"));
        let mut items: Vec<String> = items.collect();
        if request.sort_order != Some(SortOrder::Ascending) {
            items.reverse();
        }
        let next = next.map_or_else(String::new, |next| next.to_string());
        Some(format!(r#"{{"Transcript":[{}],"NextToken":"{next}"}}"#, items.join(",")))
    }

    /// Stores an item and tells everybody; gives its id.
    pub(super) fn store(&mut self) -> String {
        let id = format!("{:06}", self.stored.len());
        self.stored.push(id.clone());
        self.publish(&item(&id, "", "MESSAGE"));
        id
    }

    pub(super) fn publish(&mut self, item: &str) {
        let frame = ServerFrame::Chat { content: item.into() }.to_text();
        for socket in self.sockets.values_mut().filter(|socket| socket.subscribed) {
            socket.on_its_way.push_back(frame.clone());
        }
        if let Some(manager) = self.manager.as_mut().filter(|manager| manager.is_up) {
            manager.on_its_way.push_back(item.to_owned());
        }
    }

    pub(super) fn open(&mut self, socket: SocketId) {
        if let Some(opened) = self.sockets.get_mut(&socket) {
            opened.open = true;
            self.give(Input::SocketOpened { socket });
        }
    }

    pub(super) fn close(&mut self, socket: SocketId) {
        self.sockets.remove(&socket);
        let reason = String::new();
        self.give(Input::SocketClosed { socket, code: Some(1006), reason });
    }

    /// The next frame arrives; the host may have read the item in it.
    pub(super) fn hear(&mut self, socket: SocketId, parsed: bool) {
        let next = self.sockets.get_mut(&socket).and_then(|socket| socket.on_its_way.pop_front());
        let Some(text) = next else { return };
        if parsed
            && let Ok(ServerFrame::Chat { content }) = ServerFrame::parse(&text)
            && let Some((item, head)) = self.lend(&content)
        {
            return self.give(Input::SocketItem { socket, item, head });
        }
        self.give(Input::SocketText { socket, text });
    }

    /// The host reads an item, unless it is one that it leaves to the core.
    fn lend(&mut self, text: &str) -> Option<(ItemHandle, Arc<chatloom_wire::ItemHead>)> {
        let head = Item::from_text(text).expect("the service says items").head().clone();
        let metadata = head.message_metadata.as_ref();
        if metadata.is_some_and(|metadata| metadata.message_completed.is_some()) {
            return None;
        }
        self.last_handle += 1;
        let item = ItemHandle(self.last_handle);
        let id = head.id.as_ref().map_or("", |id| id.as_str());
        self.lent.insert(item, id.to_owned());
        Some((item, Arc::new(head)))
    }

    /// The socket manager has something to say, if there is one.
    pub(super) fn foreign(&mut self, event: ForeignEvent) {
        let Some(manager) = &mut self.manager else { return };
        match event {
            ForeignEvent::Gained => manager.is_up = true,
            ForeignEvent::Lost | ForeignEvent::Broken => {
                manager.is_up = false;
                manager.on_its_way.clear();
            }
            _ => {}
        }
        self.give(Input::Foreign { foreign: MANAGER, event });
    }

    /// What the socket manager has heard next arrives.
    pub(super) fn hear_foreign(&mut self, parsed: bool) {
        let next = self.manager.as_mut().and_then(|manager| manager.on_its_way.pop_front());
        let Some(text) = next else { return };
        if parsed && let Some((item, head)) = self.lend(&text) {
            self.foreign(ForeignEvent::Item { item, head });
        } else {
            self.foreign(ForeignEvent::Text(text));
        }
    }

    pub(super) fn host_token(&self) -> HostToken {
        let expiry = Timestamp::from_millis(self.now.wall_ms + 86_400_000).to_string();
        HostToken { token: "c".into(), expiry: Some(expiry) }
    }

    /// The process is killed, and another one begins with what it kept. What was asked of the
    /// service arrives there, or does not.
    pub(super) fn restart(&mut self, arrives: bool) {
        let kept = self.snapshot.clone();
        self.kill(arrives);
        if let Some(snapshot) = kept {
            self.restore(snapshot);
        } else {
            self.forget_everything();
            self.create();
        }
        self.call(Call::Connect);
    }

    /// As [`Self::restart`], from something that is no snapshot.
    pub(super) fn restart_from(&mut self, garbage: &str, arrives: bool) {
        self.kill(arrives);
        self.forget_everything();
        let garbage = self.odd_text(garbage.to_owned());
        self.restore(garbage);
        self.call(Call::Connect);
    }

    /// As [`Self::restart`], with one byte changed in what was kept.
    pub(super) fn restart_from_damaged(&mut self, at: usize, byte: u8) {
        let Some(kept) = self.snapshot.clone() else { return };
        let mut bytes = kept.into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let damaged = String::from_utf8_lossy(&bytes).into_owned();
        self.is_odd = true;
        self.restart_from(&damaged, false);
    }

    fn kill(&mut self, arrives: bool) {
        self.check_recording();
        for request in std::mem::take(&mut self.requests) {
            if arrives {
                self.answer(&request);
            }
        }
        self.sockets.clear();
        self.manager = None;
        self.files.clear();
        self.tokens.clear();
        self.open_calls.clear();
        self.connects.clear();
        self.lent.clear();
        self.list = None;
        self.broken = false;
        self.online_shown = false;
        self.ended = false;
        self.seed += 1;
        self.core = Core::new(self.seed);
        self.recorder = recorder(self.seed);
        // The new one takes the network to be there until it is told.
        self.online = true;
    }

    fn forget_everything(&mut self) {
        self.delivered.clear();
        self.messages.clear();
        self.gaps = 0;
    }

    fn restore(&mut self, snapshot: String) {
        let options = Box::new(self.options.clone());
        self.give(Input::Restore { session: SESSION, options, snapshot });
    }

    /// A new core that is given what was recorded does the same.
    fn check_recording(&self) {
        if self.recorder.dropped() == 0 {
            let replayed = replay(&self.recorder.export()).expect("a whole recording");
            assert!(self.is_odd || replayed.difference.is_none(), "{replayed:?}");
        }
    }

    /// Everything that is under way arrives, and whatever the core asks for works. After the end the
    /// service keeps no sockets.
    fn settle(&mut self) {
        for _ in 0..MOST_OUTPUTS {
            let find = |wanted: fn(&Socket) -> bool| {
                self.sockets.iter().find(|(_, socket)| wanted(socket)).map(|(id, _)| *id)
            };
            let waits = self.manager.as_ref().is_some_and(|known| !known.on_its_way.is_empty());
            if !self.requests.is_empty() {
                let request = self.requests.remove(0);
                self.serve(&request);
            } else if let Some(request) = self.files.pop() {
                self.give(Input::Answered { request, answer: http(200, String::new()) });
            } else if let Some(request) = self.tokens.pop() {
                let token = Ok(self.host_token());
                self.give(Input::Token { request, token });
            } else if waits {
                self.hear_foreign(false);
            } else if let Some(socket) = find(|socket| !socket.on_its_way.is_empty()) {
                self.hear(socket, false);
            } else if let Some(socket) = find(|_| true).filter(|_| self.over) {
                self.close(socket);
            } else if let Some(socket) = find(|socket| !socket.open) {
                self.open(socket);
            } else {
                return;
            }
        }
        panic!("the core and the service do not come to rest");
    }

    /// From now on all is well; after a while the application has everything.
    pub(super) fn heal(&mut self) {
        self.online = true;
        self.give(Input::Network { online: true });
        self.foreign(ForeignEvent::Gained);
        self.settle();
        let until = self.now.mono_ms + 10 * 60_000;
        while self.now.mono_ms < until && !self.ended {
            if self.broken {
                if self.over {
                    return; // whoever connects again is told that the chat is over
                }
                self.broken = false;
                self.pass(1_000);
                self.call(Call::Connect);
                self.settle();
                self.foreign(ForeignEvent::Gained);
            } else if self.options.source != Source::Service || self.is_odd {
                self.pass(1_000);
            } else {
                assert!(self.wait(), "a session that is connected has heartbeats to send");
            }
            self.settle();
        }
        self.check_list();
        if self.is_odd || self.options.source == (Source::Host { foreign: None }) {
            return;
        }
        if self.over || self.ended {
            // A chat that the service has ended ends at the client, who hears of it unless somebody
            // else keeps the connection. (The reverse need not hold: two refusals in a row are
            // believed.)
            assert!(self.ended || self.options.source != Source::Service, "it learns of the end");
            return;
        }
        let newest = self.store();
        self.settle();
        assert_eq!(self.delivered.last(), Some(&newest), "what is new arrives");
        if self.is_chatloom() {
            assert!(self.online_shown, "the connection is shown as on-line");
            assert!(self.open_calls.is_empty(), "every call has ended: {:?}", self.open_calls);
            let waits = self
                .messages
                .iter()
                .find(|(_, state)| matches!(state, MessageState::Queued | MessageState::Sending));
            assert!(waits.is_none(), "every message is through or has failed: {waits:?}");
            // Behind a gap, which was told, what a later recovery finds of it comes late.
            if self.gaps == 0 {
                assert_eq!(self.delivered, self.stored, "the transcript is the service's");
            }
        }
        self.check_list();
    }

    /// The host has no more use for the session: nothing stays.
    pub(super) fn forget(&mut self) {
        self.give(Input::Forget { session: SESSION });
        assert!(self.open_calls.is_empty(), "every call has ended: {:?}", self.open_calls);
        assert!(self.sockets.is_empty(), "every socket is closed");
        assert!(self.requests.is_empty(), "every request is aborted");
        assert!(self.files.is_empty(), "every upload and download is aborted");
        // As the original, which goes on listening for chats that come later (S184, S188).
        let stays = !self.is_chatloom();
        assert!(stays || self.manager.is_none(), "the socket manager is left");
        assert!(self.lent.is_empty(), "every item is given back: {:?}", self.lent);
        assert!(matches!(self.core.poll(), Output::Wake(None)), "nothing is due");
        self.check_recording();
    }
}

fn recorder(seed: u64) -> Recorder {
    Recorder::new(seed, Limits { lines: 5_000, bytes: 1 << 20 })
}

/// Not the acknowledgement of an agent, which asks for nothing.
fn asks_for_connection(request: &HttpRequest) -> bool {
    request.operation == "CreateParticipantConnection" && request.body.contains("\"Type\"")
}

pub(super) fn http(status: u16, body: String) -> HttpAnswer {
    HttpAnswer { status, error_type: None, request_id: None, retry_after_ms: None, body }
}

pub(super) fn item(id: &str, event: &str, item_type: &str) -> String {
    let content_type = if event.is_empty() {
        "text/plain".to_owned()
    } else {
        format!("application/vnd.amazonaws.connect.event.{event}")
    };
    format!(
        r#"{{"Id":"{id}","Type":"{item_type}","ContentType":"{content_type}","InitialContactId":"c",
        "ContactId":"c","AbsoluteTime":"{id}","ParticipantId":"q","Content":"words"}}"#
    )
}
