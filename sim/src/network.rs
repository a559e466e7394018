//! Between hosts and service: requests, sockets, and the hub that serves them.

use std::{collections::BTreeMap, sync::Arc};

use chatloom_engine::{Audience, Entry, token::Seat};
use chatloom_session::{HttpAnswer, HttpRequest, Input, SocketId};
use chatloom_wire::{
    ContactId, ContentType, Item, ParticipantRole, ServiceError,
    error::ErrorKind,
    frame::{CHAT_TOPIC, ClientFrame, HEARTBEAT, PING_OK, ServerFrame},
    participant::{CreateParticipantConnection, Operation},
};

use crate::{
    manager::MANAGER,
    plan::{Reply, STORAGE},
    service::Served,
    world::{Coming, Subscriptions, World},
};

/// Open sockets for each participant, as the server has it.
const SOCKETS_EACH: usize = 5;
/// How often and how long a message waits for its sender to connect.
const PATIENCE: u32 = 6;
const LOOK_MS: u64 = 500;
/// The hub waits so long for an entry that is missing before it reads the store.
const MEND_AFTER_MS: u64 = 100;
/// How long sockets stay open after the end of their chat.
const LINGER_MS: u64 = 5_000;

/// How long the storage may take.
const STORAGE_MS: u64 = 30_000;

/// A socket: of a host, of one of its lives, by the core's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wire {
    pub(crate) host: usize,
    pub(crate) epoch: u32,
    pub(crate) socket: SocketId,
}

/// The two ends of a socket. It is here as long as the client's end is open.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    /// Nothing gets through any more, and nobody is told.
    pub(crate) half_open: bool,
    /// Whom the service's end is open for: one participant, or all of an agent's for a socket
    /// manager. Nobody when it is closed.
    pub(crate) owners: Vec<Seat>,
    /// In the order they were opened.
    pub(crate) number: u64,
    pub(crate) subscribed: bool,
    /// When the last frame arrives in either direction: the next one does not overtake it.
    last_up: u64,
    last_down: u64,
    /// The latest frames of the chat.
    recent: Vec<Arc<str>>,
}

/// The sockets of a chat, as the hub knows them.
#[derive(Default)]
pub(crate) struct Room {
    delivered: u64,
    known: u64,
    ahead: BTreeMap<u64, Arc<Entry>>,
}

/// Requests.
impl World<'_> {
    /// A request leaves a host.
    pub(crate) fn request_leaves(&mut self, host: usize, http: &HttpRequest) {
        let epoch = self.hosts[host].epoch;
        let request = http.request;
        self.hosts[host].requests.insert(request);
        if http.operation == CreateParticipantConnection::NAME {
            self.hosts[host].connections.insert(request, http.session);
        }
        self.after(http.timeout_ms, Coming::Timeout { host, epoch, request });
        let weather = self.hosts[host].weather;
        if self.hosts[host].down {
            self.injected("request without a network");
            if self.dice.permille(600) {
                self.fails_soon(host, request, "no network");
            }
            return;
        }
        if self.dice.permille(weather.loss) {
            self.injected("request lost");
            if self.dice.permille(500) {
                self.fails_soon(host, request, "connection reset");
            }
            return;
        }
        let copies = if self.dice.permille(weather.twice) {
            self.injected("request doubled");
            2
        } else {
            1
        };
        for copy in 0..copies {
            let late = self.latency(host) + copy * self.dice.below(3_000);
            let http = Box::new(http.clone());
            self.after(late, Coming::Request { host, epoch, http, tries: 0, copy: copy > 0 });
        }
    }

    /// What the service is told to do with the next request.
    fn scripted(&mut self, host: usize, operation: &'static str) -> Option<Reply> {
        self.faults.replies.get_mut(&(host, operation))?.pop_front()
    }

    /// A file leaves a host, or is fetched.
    pub(crate) fn file_moves(&mut self, host: usize, request: chatloom_session::RequestId) {
        let epoch = self.hosts[host].epoch;
        self.hosts[host].requests.insert(request);
        // A host gives a storage up that stays silent.
        self.after(STORAGE_MS, Coming::Timeout { host, epoch, request });
        let lost = self.hosts[host].down || self.dice.permille(self.hosts[host].weather.loss);
        let status = match self.scripted(host, STORAGE) {
            Some(Reply::Status { status, .. }) => {
                self.injected("storage refuses");
                status
            }
            Some(Reply::Lost | Reply::AnswerLost) => 0,
            _ => 200,
        };
        for sent in [1_000, 5_000] {
            let late = self.latency(host);
            let input = Input::Progress { request, sent };
            self.after(late, Coming::ToHost { host, epoch, input });
        }
        if lost || status == 0 {
            self.injected("file lost");
            return self.fails_soon(host, request, "connection reset");
        }
        let body = String::new();
        let answer =
            HttpAnswer { status, error_type: None, request_id: None, retry_after_ms: None, body };
        self.answers(host, epoch, Input::Answered { request, answer }, 500);
    }

    fn fails_soon(&mut self, host: usize, request: chatloom_session::RequestId, why: &str) {
        let epoch = self.hosts[host].epoch;
        let late = self.latency(host);
        let input = Input::Failed { request, message: why.to_owned() };
        self.after(late, Coming::ToHost { host, epoch, input });
    }

    pub(crate) fn latency(&mut self, host: usize) -> u64 {
        let weather = self.hosts[host].weather;
        1 + weather.latency_ms + self.dice.below(weather.jitter_ms + 1)
    }

    /// A request reaches the service, whatever became of its sender.
    pub(crate) fn request_arrives(
        &mut self,
        host: usize,
        epoch: u32,
        http: &HttpRequest,
        tries: u32,
        copy: bool,
    ) {
        let request = http.request;
        if self.faults.down {
            self.injected("request to a server that is down");
            return self.fails_soon_for(host, epoch, request);
        }
        let is_connection = http.operation == CreateParticipantConnection::NAME;
        let scripted = if copy || tries > 0 { None } else { self.scripted(host, http.operation) };
        let seat = (host, http.session.0);
        // Two refusals in a row mean that the chat is over: one may be a mistake.
        let excused = |reply: &Reply| match reply {
            Reply::Status { status: 403, .. } if is_connection => {
                !self.faults.forbidden.contains(&seat)
            }
            _ => true,
        };
        let reply = scripted.filter(excused);
        let mut late = 0;
        match reply {
            Some(Reply::Status { status, retry_after_ms }) => {
                self.injected(match status {
                    403 => "answer 403",
                    429 => "answer 429",
                    400 => "answer 400",
                    _ => "answer 5xx",
                });
                if status == 403 && is_connection {
                    self.faults.forbidden.insert(seat);
                }
                self.note(|| {
                    format!("service  host {host} {} #{} {status}", http.operation, request.0)
                });
                let answer = answer(Err(error(status)), retry_after_ms);
                return self.answers(host, epoch, Input::Answered { request, answer }, 0);
            }
            Some(Reply::Lost) => {
                self.injected("request lost");
                return;
            }
            Some(Reply::Garbage) => self.injected("answer that is no JSON"),
            Some(Reply::Twice) => {
                self.injected("request doubled");
                let copy = Coming::Request {
                    host,
                    epoch,
                    http: Box::new(http.clone()),
                    tries: 0,
                    copy: true,
                };
                let soon = self.dice.below(2_000);
                self.after(soon, copy);
            }
            Some(Reply::Slow(ms)) => {
                self.injected("answer late");
                late = ms;
            }
            Some(Reply::AnswerLost) | None => {}
        }
        let served = self.service.serve(self.server_time(), http, tries < PATIENCE);
        self.publish();
        let result = match served {
            Served::Wait => {
                let http = Box::new(http.clone());
                let again = Coming::Request { host, epoch, http, tries: tries + 1, copy };
                return self.after(LOOK_MS, again);
            }
            Served::Answer(result) => result,
        };
        self.note(|| {
            let said = result.as_ref().map_or_else(|error| error.kind.name(), |_| "200");
            format!("service  host {host} {} #{} {said}", http.operation, request.0)
        });
        if let Err(error) = &result {
            self.check("the service does its part", error.status < 500, || error.to_string());
        }
        if reply == Some(Reply::AnswerLost) || self.dice.permille(self.hosts[host].weather.loss) {
            self.injected("answer lost after the effect");
            return;
        }
        let mut answer = answer(result, None);
        if reply == Some(Reply::Garbage) {
            "<html>".clone_into(&mut answer.body);
        }
        self.answers(host, epoch, Input::Answered { request, answer }, late);
    }

    fn fails_soon_for(&mut self, host: usize, epoch: u32, request: chatloom_session::RequestId) {
        let late = self.latency(host);
        let input = Input::Failed { request, message: "connection refused".to_owned() };
        self.after(late, Coming::ToHost { host, epoch, input });
    }

    fn answers(&mut self, host: usize, epoch: u32, input: Input, late: u64) {
        let late = late + self.latency(host);
        self.after(late, Coming::ToHost { host, epoch, input });
    }
}

fn error(status: u16) -> ServiceError {
    let kind = ErrorKind::KNOWN.iter().find(|kind| kind.status() == status);
    let kind = kind.cloned().unwrap_or(ErrorKind::InternalServer);
    ServiceError { kind, status, message: "told to".to_owned() }
}

fn answer(result: Result<String, ServiceError>, retry_after_ms: Option<u64>) -> HttpAnswer {
    let (status, error_type, body) = match result {
        Ok(body) => (200, None, body),
        Err(error) => (error.status, Some(error.kind.name().to_owned()), error.body()),
    };
    HttpAnswer { status, error_type, request_id: None, retry_after_ms, body }
}

/// Sockets.
impl World<'_> {
    pub(crate) fn socket_opens(&mut self, wire: Wire, url: String) {
        self.pipes.insert(wire, Pipe::default());
        let late = self.latency(wire.host) * 2;
        if !self.hosts[wire.host].down {
            self.after(late, Coming::Handshake { wire, url });
        }
    }

    pub(crate) fn handshake(&mut self, wire: Wire, url: &str) {
        let owner = self.service.socket_owner(self.server_time(), url);
        let refused = self.faults.refuse_sockets || self.faults.down;
        if !self.pipes.contains_key(&wire) {
            return;
        }
        let Some(owner) = owner.filter(|_| !refused) else {
            return self.client_hears_of_end(wire, None, "the handshake was refused");
        };
        self.opened += 1;
        let number = self.opened;
        let mut others: Vec<(u64, Wire)> = self
            .pipes
            .iter()
            .filter(|(wire, pipe)| {
                wire.socket != MANAGER
                    && pipe.owners.iter().any(|seat| seat.participant == owner.participant)
            })
            .map(|(wire, pipe)| (pipe.number, *wire))
            .collect();
        others.sort_unstable();
        let too_many = (others.len() + 1).saturating_sub(SOCKETS_EACH);
        for (_, oldest) in others.into_iter().take(too_many) {
            self.server_closes(oldest, 1008);
        }
        if let Some(pipe) = self.pipes.get_mut(&wire) {
            pipe.owners = vec![owner];
            pipe.number = number;
        }
        let input = Input::SocketOpened { socket: wire.socket };
        let late = self.latency(wire.host);
        self.in_order(wire, late, |_| Coming::ToHost { host: wire.host, epoch: wire.epoch, input });
    }

    /// The service closes a socket, and the client hears of it.
    pub(crate) fn server_closes(&mut self, wire: Wire, code: u16) {
        if let Some(pipe) = self.pipes.get_mut(&wire) {
            pipe.owners.clear();
            pipe.subscribed = false;
        }
        self.client_hears_of_end(wire, Some(code), "closed by the server");
    }

    /// The service learns that a socket is gone.
    pub(crate) fn server_drops(&mut self, wire: Wire) {
        self.pipes.remove(&wire);
    }

    fn client_hears_of_end(&mut self, wire: Wire, code: Option<u16>, reason: &'static str) {
        let late = self.latency(wire.host);
        let input = Input::SocketClosed { socket: wire.socket, code, reason: reason.to_owned() };
        self.in_order(wire, late, |_| Coming::ToHost { host: wire.host, epoch: wire.epoch, input });
    }

    /// Something goes down a socket, behind what is under way there.
    pub(crate) fn in_order(&mut self, wire: Wire, late: u64, what: impl FnOnce(u64) -> Coming) {
        let down = self.hosts[wire.host].down;
        let reorder = self.hosts[wire.host].weather.reorder;
        let at = self.now + late;
        let Some(pipe) = self.pipes.get_mut(&wire) else { return };
        // What is lost on a stream holds up all that follows.
        pipe.half_open |= down;
        if pipe.half_open {
            return;
        }
        let at = if reorder { at } else { at.max(pipe.last_down) };
        pipe.last_down = pipe.last_down.max(at);
        self.at(at, what(at));
    }

    pub(crate) fn cut_all(&mut self, host: usize) {
        for wire in self.sockets_of(host) {
            if let Some(pipe) = self.pipes.get_mut(&wire) {
                pipe.owners.clear();
                pipe.subscribed = false;
            }
            self.client_hears_of_end(wire, None, "cut");
        }
    }

    pub(crate) fn cut_everybody(&mut self) {
        for wire in self.pipes.keys().copied().collect::<Vec<_>>() {
            self.server_closes(wire, 1012);
        }
    }

    /// The client writes a frame.
    pub(crate) fn frame_leaves(&mut self, wire: Wire, text: String) {
        let weather = self.hosts[wire.host].weather;
        let mut late = self.latency(wire.host);
        if self.dice.permille(weather.stall) {
            self.injected("frame stalled");
            late += self.dice.between(200, 1_500);
        }
        if self.dice.permille(weather.cut) {
            self.injected("socket cut by a frame");
            if let Some(pipe) = self.pipes.get_mut(&wire) {
                pipe.owners.clear();
                pipe.subscribed = false;
            }
            return self.client_hears_of_end(wire, None, "cut");
        }
        let down = self.hosts[wire.host].down;
        let at = self.now + late;
        let Some(pipe) = self.pipes.get_mut(&wire) else { return };
        pipe.half_open |= down;
        if pipe.half_open {
            return;
        }
        pipe.last_up = pipe.last_up.max(at);
        let at = pipe.last_up;
        self.at(at, Coming::FrameUp { wire, text });
    }

    pub(crate) fn frame_up(&mut self, wire: Wire, text: &str) {
        let Some(owner) = self.pipes.get(&wire).and_then(|pipe| pipe.owners.first().cloned())
        else {
            return;
        };
        match ClientFrame::parse(text) {
            Ok(ClientFrame::Subscribe { .. }) => self.subscribe(wire, &owner),
            Ok(ClientFrame::Heartbeat) if !self.faults.silent_heartbeats => {
                self.push(wire, HEARTBEAT.into());
            }
            Ok(ClientFrame::Ping) if !self.faults.silent_heartbeats => {
                self.push(wire, PING_OK.into());
            }
            Ok(ClientFrame::Other { .. } | ClientFrame::Heartbeat | ClientFrame::Ping) => {}
            Err(error) => self.fail("frames are as documented", error.to_string()),
        }
    }

    fn subscribe(&mut self, wire: Wire, owner: &Seat) {
        let confirm = |success| {
            let topics = vec![CHAT_TOPIC.to_owned()];
            ServerFrame::Subscribed { success, topics }.to_text().into()
        };
        match self.faults.subscriptions {
            Some(Subscriptions::Silent) => return,
            Some(Subscriptions::Refused) => return self.push(wire, confirm(false)),
            None => {}
        }
        if !self.service.admits(self.server_time(), owner) {
            return self.push(wire, confirm(false));
        }
        if self.pipes.get(&wire).is_some_and(|pipe| pipe.subscribed) {
            return self.push(wire, confirm(true));
        }
        self.open_room(&owner.chat);
        self.push(wire, confirm(true));
        if let Some(pipe) = self.pipes.get_mut(&wire) {
            pipe.subscribed = true;
        }
        // After it, so that the participant sees itself join.
        let connected = self.service.connect(self.server_time(), owner);
        self.check("the service does its part", connected.is_ok(), || format!("{connected:?}"));
        self.publish();
    }

    /// The service writes a frame.
    fn push(&mut self, wire: Wire, text: Arc<str>) {
        let weather = self.hosts[wire.host].weather;
        let mut late = self.latency(wire.host);
        if self.dice.permille(weather.stall) {
            self.injected("frame stalled");
            late += self.dice.between(200, 1_500);
        }
        if weather.reorder {
            self.injected("frames may overtake");
            late += self.dice.below(500);
        }
        self.in_order(wire, late, |_| Coming::FrameDown { wire, text });
    }

    pub(crate) fn frame_down(&mut self, wire: Wire, text: &Arc<str>) {
        if self.pipes.get(&wire).is_none_or(|pipe| pipe.half_open) {
            return;
        }
        self.client_reads(wire, text);
    }

    /// Frames that arrived a while ago arrive again.
    pub(crate) fn repeat_frames(&mut self, host: usize) {
        for wire in self.sockets_of(host) {
            let Some(pipe) = self.pipes.get(&wire) else { continue };
            if pipe.subscribed && !pipe.recent.is_empty() {
                let text = Arc::clone(&pipe.recent[self.dice.index(pipe.recent.len())]);
                self.injected("frame repeated");
                self.push(wire, text);
            }
        }
    }
}

/// The hub.
impl World<'_> {
    /// From here on the hub follows a chat.
    pub(crate) fn open_room(&mut self, chat: &ContactId) {
        if !self.rooms.contains_key(chat) {
            let head = self.service.head(chat).unwrap_or(0);
            let room = Room { delivered: head, known: head, ahead: BTreeMap::new() };
            self.rooms.insert(chat.clone(), room);
        }
    }

    /// The hub hears of an entry.
    pub(crate) fn bell(&mut self, entry: &Arc<Entry>) {
        if entry.seq == 0 {
            return self.deliver(entry);
        }
        let Some(room) = self.rooms.get_mut(&entry.chat) else { return };
        room.known = room.known.max(entry.seq);
        if entry.seq > room.delivered {
            room.ahead.insert(entry.seq, Arc::clone(entry));
        }
        self.catch_up(&entry.chat);
    }

    fn catch_up(&mut self, chat: &ContactId) {
        loop {
            let Some(room) = self.rooms.get_mut(chat) else { return };
            room.ahead.retain(|seq, _| *seq > room.delivered);
            let Some(entry) = room.ahead.remove(&(room.delivered + 1)) else { break };
            room.delivered = entry.seq;
            self.deliver(&entry);
        }
        if self.rooms.get(chat).is_some_and(|room| room.known > room.delivered) {
            self.after(MEND_AFTER_MS, Coming::Mend { chat: chat.clone() });
        }
    }

    /// Reads from the store what is missing.
    pub(crate) fn mend(&mut self, chat: &ContactId) {
        let Some(room) = self.rooms.get_mut(chat) else { return };
        if room.known <= room.delivered || self.faults.down {
            return;
        }
        let missing = self.service.entries_after(chat, room.delivered);
        for entry in missing.into_iter().flatten() {
            room.ahead.insert(entry.seq, entry);
        }
        self.catch_up(chat);
    }

    /// Compares all rooms with the store.
    pub(crate) fn sweep(&mut self) {
        if self.faults.down {
            return;
        }
        for chat in self.rooms.keys().cloned().collect::<Vec<_>>() {
            let head = self.service.head(&chat).unwrap_or(0);
            if let Some(room) = self.rooms.get_mut(&chat) {
                room.known = room.known.max(head);
            }
            self.catch_up(&chat);
        }
    }

    /// Gives an entry to all sockets that may see it.
    fn deliver(&mut self, entry: &Arc<Entry>) {
        let text: Arc<str> = ServerFrame::Chat { content: (&*entry.text).into() }.to_text().into();
        let wires: Vec<Wire> = self
            .pipes
            .iter()
            .filter(|(_, pipe)| {
                pipe.subscribed
                    && pipe.owners.iter().any(|seat| {
                        seat.chat == entry.chat
                            && match &entry.audience {
                                Audience::All => true,
                                Audience::Agents => seat.role == ParticipantRole::Agent,
                                Audience::One(participant) => *participant == seat.participant,
                            }
                    })
            })
            .map(|(wire, _)| *wire)
            .collect();
        for wire in wires {
            if let Some(pipe) = self.pipes.get_mut(&wire) {
                if pipe.recent.len() == 8 {
                    pipe.recent.remove(0);
                }
                pipe.recent.push(Arc::clone(&text));
            }
            self.push(wire, Arc::clone(&text));
        }
        let ends = Item::from_text(Arc::clone(&entry.text))
            .is_ok_and(|item| item.head().content_type == Some(ContentType::ChatEnded));
        if ends {
            self.after(LINGER_MS, Coming::CloseRoom { chat: entry.chat.clone() });
        }
    }

    pub(crate) fn close_room(&mut self, chat: &ContactId) {
        for wire in self.pipes.keys().copied().collect::<Vec<_>>() {
            let Some(pipe) = self.pipes.get_mut(&wire) else { continue };
            if wire.socket == MANAGER {
                pipe.owners.retain(|seat| seat.chat != *chat);
            } else if pipe.owners.iter().any(|seat| seat.chat == *chat) {
                self.server_closes(wire, 1001);
            }
        }
        self.rooms.remove(chat);
    }
}
