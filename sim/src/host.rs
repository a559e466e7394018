//! Programs with a core: what their applications do, and what must hold for what the core puts out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chatloom_session::{
    Body, Call, CallError, CallId, Core, Event, ForeignEvent, HostToken, Input, ItemHandle,
    MessageState, NewAttachment, Now, Outgoing, Output, RequestId, Role, SessionId, SessionOptions,
    SocketId, Source, Value,
};
use chatloom_wire::{
    ContentType, Item, ItemHead, ItemId,
    frame::ServerFrame,
    participant::{GetTranscriptRequest, ScanDirection, SentResponse, SortOrder},
};

use crate::{
    dice::Dice,
    manager::{FOREIGN, MANAGER},
    network::Wire,
    plan::{FAIR, FileCall, From, Plan, Weather},
    service::ENDPOINT,
    view::{Phase, View},
    world::{Coming, Outcome, Send, World},
};

/// Messages say which one they are: `words 17.`
const WORDS: &str = "words ";
/// Sockets of a session (the core's documentation, Bounds).
const SOCKETS_OF_A_SESSION: usize = 2;
/// What a session may put out in a minute by itself, without items and what its application asks for.
const BUSY: u64 = 400;
/// What each call, item and act may add to that.
const BUSY_MORE: u64 = 16;
/// No single input makes more than this.
const DRAIN: usize = 100_000;

/// A program.
pub(crate) struct Host {
    core: Core,
    /// Counts its lives. It is dead while `alive` is not set.
    pub(crate) epoch: u32,
    alive: bool,
    seed: u64,
    parses: bool,
    restores: bool,
    /// Where its monotonic clock began.
    born_at: u64,
    pub(crate) wall_offset: i64,
    wake: Option<u64>,
    pub(crate) weather: Weather,
    pub(crate) weathers: u64,
    pub(crate) down: bool,
    pub(crate) views: Vec<View>,
    pub(crate) requests: BTreeSet<RequestId>,
    /// Those of them that ask for a connection, and for which session.
    pub(crate) connections: BTreeMap<RequestId, SessionId>,
    calls: BTreeMap<CallId, Asked>,
    next_call: u64,
    /// Items that belong to the core.
    lent: BTreeMap<ItemHandle, Option<ItemId>>,
    next_handle: u64,
    sockets: BTreeSet<SocketId>,
    manager: bool,
    /// Some session listens to the manager.
    pub(crate) listens: bool,
    snapshots: BTreeMap<SessionId, String>,
    minute: u64,
    work: u64,
    allowed: u64,
}

/// A call that was not answered yet.
struct Asked {
    seat: usize,
    what: Kind,
    at: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Connect,
    Send(usize),
    LoadOlder,
    /// A delivered receipt in compat: one that a later receipt drops stays pending, as the original's
    /// promise does (docs/protocol/websocket.md S106).
    MayHang,
    Other,
}

/// Which message a stored text holds.
pub(crate) fn send_of(text: &str) -> Option<usize> {
    let (_, after) = text.split_once(WORDS)?;
    after.split_once('.')?.0.parse().ok()
}

impl Host {
    pub(crate) fn new(plan: &Plan, number: usize) -> Self {
        let of = &plan.hosts[number];
        let seed = Dice::new(plan.seed, 100 + number as u64).next();
        let views = of
            .seats
            .iter()
            .enumerate()
            .map(|(at, seat)| View::new(SessionId(at as u32 + 1), *seat, plan.reorders))
            .collect();
        Self {
            core: Core::new(seed),
            epoch: 0,
            alive: false,
            seed,
            parses: of.parses,
            restores: of.restores,
            born_at: 0,
            wall_offset: of.wall_offset_ms,
            wake: None,
            weather: FAIR,
            weathers: 0,
            down: false,
            views,
            requests: BTreeSet::new(),
            connections: BTreeMap::new(),
            calls: BTreeMap::new(),
            next_call: 0,
            lent: BTreeMap::new(),
            next_handle: 0,
            sockets: BTreeSet::new(),
            manager: of.manager,
            listens: false,
            snapshots: BTreeMap::new(),
            minute: 0,
            work: 0,
            allowed: 0,
        }
    }

    /// Whether this life of the program goes on.
    pub(crate) fn runs(&self, epoch: u32) -> bool {
        self.alive && self.epoch == epoch
    }

    pub(crate) fn wakes_at(&self) -> Option<u64> {
        self.wake.filter(|_| self.alive).map(|mono| mono + self.born_at)
    }

    /// A message; which one it is is put in when it is sent.
    pub(crate) fn message() -> Call {
        Call::SendMessage(Outgoing {
            content_type: ContentType::TextPlain,
            content: None,
            client_token: None,
        })
    }

    pub(crate) fn typing() -> Call {
        Call::SendEvent(Outgoing {
            content_type: ContentType::Typing,
            content: None,
            client_token: None,
        })
    }

    pub(crate) fn page(backward: bool, most: i64) -> Call {
        let direction = if backward { ScanDirection::Backward } else { ScanDirection::Forward };
        Call::GetTranscript(Box::new(GetTranscriptRequest {
            max_results: Some(most),
            scan_direction: Some(direction),
            sort_order: Some(SortOrder::Ascending),
            ..GetTranscriptRequest::default()
        }))
    }

    pub(crate) fn file(call: FileCall) -> Call {
        let attachment_id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301".into();
        match call {
            FileCall::Send => Call::SendAttachment(NewAttachment {
                name: "report.pdf".to_owned(),
                size: 5_000,
                content_type: "application/pdf".to_owned(),
            }),
            FileCall::Download => Call::DownloadAttachment { attachment_id },
            FileCall::Locate => Call::GetAttachmentUrl { attachment_id },
        }
    }

    fn id_of(&self, body: &Body) -> Option<ItemId> {
        match body {
            Body::Item(item) => Some(item.head().id.clone().unwrap_or_else(|| "".into())),
            Body::Held(handle) => {
                let id = self.lent.get(handle)?;
                Some(id.clone().unwrap_or_else(|| "".into()))
            }
        }
    }
}

/// Life and death.
impl World<'_> {
    pub(crate) fn start(&mut self, host: usize) {
        let of = &mut self.hosts[host];
        if of.alive {
            return;
        }
        of.alive = true;
        of.epoch += 1;
        of.core = Core::new(of.seed.wrapping_add(u64::from(of.epoch)));
        #[cfg(feature = "sabotage")]
        if self.settings.sabotage {
            of.core.sabotage();
        }
        // Any origin will do.
        of.born_at = self.now.saturating_sub(of.seed % 1_000);
        of.wake = None;
        self.note(|| format!("host {host}   starts"));
        for seat in 0..self.hosts[host].views.len() {
            let view = &self.hosts[host].views[seat];
            let (chat, is_agent) = (view.plan.chat, view.plan.agent);
            if view.seat.is_none() && is_agent {
                let late = self.plan.agents_after_ms + 100;
                self.after(late, Coming::Accept { host, seat });
                continue;
            }
            if view.seat.is_none() {
                let customer = self.chats[chat].customer.clone();
                self.hosts[host].views[seat].seat = Some(self.seat_of(chat, false, customer));
            }
            self.begin(host, seat);
        }
        if self.hosts[host].manager {
            let epoch = self.hosts[host].epoch;
            self.manager_looks(host, epoch);
        }
    }

    /// An agent looks whether the chat waits.
    pub(crate) fn accept(&mut self, host: usize, seat: usize) {
        let view = &self.hosts[host].views[seat];
        if view.seat.is_some() {
            return;
        }
        let chat = view.plan.chat;
        let id = self.chats[chat].id.clone();
        let now = self.server_time();
        let user = format!("agent-{host}");
        let is_over = self.service.chat(&id).is_ok_and(|chat| chat.is_over());
        if is_over || (self.chats[chat].taken && !self.faults.down) {
            return;
        }
        if !self.faults.down
            && let Ok(participant) = self.service.accept(now, &id, &user)
        {
            self.chats[chat].taken = true;
            self.publish();
            let place = self.seat_of(chat, true, participant);
            // Who has two sessions in a chat is the same agent in both.
            for twin in 0..self.hosts[host].views.len() {
                let view = &mut self.hosts[host].views[twin];
                if view.plan.chat != chat {
                    continue;
                }
                view.seat.clone_from(&Some(place.clone()));
                if self.hosts[host].alive {
                    self.begin(host, twin);
                }
            }
            if self.hosts[host].alive && self.hosts[host].manager {
                self.manager_listens(host);
            }
            return;
        }
        if !self.healed {
            self.after(2_000, Coming::Accept { host, seat });
        }
    }

    /// A session begins, and connects.
    fn begin(&mut self, host: usize, seat: usize) {
        let view = &self.hosts[host].views[seat];
        let Some(place) = view.seat.clone() else { return };
        let (session, plan) = (view.session, view.plan);
        let token = self.service.participant_token(self.server_time(), &place);
        let mut options = SessionOptions::new(
            plan.behaviour,
            ENDPOINT,
            place.chat.clone(),
            place.participant.clone(),
            token.as_str().into(),
        );
        options.persist = self.hosts[host].restores;
        options.most_entries = plan.most_entries;
        options.role = if plan.says_agent { Role::Agent } else { Role::Customer };
        options.source = match plan.from {
            From::Service => Source::Service,
            From::Manager => Source::Foreign(FOREIGN),
            From::Host => Source::Host { foreign: Some(FOREIGN) },
        };
        let options = Box::new(options);
        self.hosts[host].views[seat].phase = Phase::Idle;
        let snapshot = self.hosts[host].snapshots.get(&session).cloned();
        let begins = match snapshot.filter(|_| self.hosts[host].restores) {
            Some(snapshot) => {
                self.counts.checked.add("sessions restored", 1);
                Input::Restore { session, options, snapshot }
            }
            None => Input::Create { session, options },
        };
        self.give(host, begins);
        if plan.tracked {
            self.give(host, Input::Track { session });
        }
        self.application(host, seat, Call::Connect);
    }

    /// The program ends without a word. What it kept may be damaged.
    pub(crate) fn kill(&mut self, host: usize, after_ms: u64, damages: bool) {
        if !self.hosts[host].alive {
            return;
        }
        self.injected("process restart");
        self.note(|| format!("host {host}   dies"));
        let of = &mut self.hosts[host];
        of.alive = false;
        of.requests.clear();
        of.connections.clear();
        of.lent.clear();
        of.sockets.clear();
        of.listens = false;
        for asked in std::mem::take(&mut of.calls).into_values() {
            if let Kind::Send(send) = asked.what {
                self.sends[send].outcome = Outcome::Unknown;
            }
        }
        for view in &mut of.views {
            let kept = of.snapshots.get_mut(&view.session);
            if let (Some(snapshot), true) = (kept, damages) {
                snapshot.truncate(snapshot.len() / 2);
            }
            if of.snapshots.contains_key(&view.session) && !damages && !view.is_compat() {
                view.rest();
            } else {
                view.forget();
            }
        }
        if damages {
            self.injected("snapshot damaged");
        }
        for wire in self.sockets_of(host) {
            let late = self.latency(host);
            if self.pipes.get(&wire).is_some_and(|pipe| pipe.half_open) {
                self.pipes.remove(&wire);
            } else {
                self.after(late, Coming::ClosedUp { wire });
            }
        }
        self.after(after_ms, Coming::Start { host });
    }
}

/// What goes in.
impl World<'_> {
    /// An application calls.
    pub(crate) fn application(&mut self, host: usize, seat: usize, mut what: Call) {
        let of = &mut self.hosts[host];
        if !of.alive || !of.views[seat].is_live() {
            return;
        }
        of.next_call += 1;
        let call = CallId(of.next_call);
        let kind = match &mut what {
            Call::Connect => {
                of.views[seat].connecting = true;
                Kind::Connect
            }
            Call::SendMessage(message) => {
                let number = self.sends.len();
                message.content = Some(format!("{WORDS}{number}."));
                if number.is_multiple_of(3) {
                    message.client_token = Some(format!("token-{number}"));
                }
                self.sends.push(Send { host, seat, outcome: Outcome::Pending, last_word: false });
                Kind::Send(number)
            }
            Call::LoadOlder { .. } => Kind::LoadOlder,
            Call::SendEvent(event)
                if of.views[seat].is_compat()
                    && event.content_type == ContentType::MessageDelivered =>
            {
                Kind::MayHang
            }
            _ => Kind::Other,
        };
        let of = &mut self.hosts[host];
        of.allowed += BUSY_MORE;
        of.calls.insert(call, Asked { seat, what: kind, at: self.now });
        let session = of.views[seat].session;
        self.counts.checked.add("calls answered", 1);
        self.note(|| format!("host {host}.{seat} calls {} #{}", name_of(&what), call.0));
        self.give(host, Input::Call { session, call, what });
    }

    pub(crate) fn receipt(&mut self, host: usize, seat: usize, read: bool) {
        let chat = self.hosts[host].views[seat].plan.chat;
        let items = &self.chats[chat].items;
        let Some(about) = items.len().checked_sub(1).map(|last| {
            let back = self.dice.index(last + 1).min(5);
            items[last - back].clone()
        }) else {
            return;
        };
        let view = &self.hosts[host].views[seat];
        let place = self.places[&about].1;
        if !view.was_given(place) {
            return;
        }
        let content_type =
            if read { ContentType::MessageRead } else { ContentType::MessageDelivered };
        let content = Some(serde_json::json!({ "messageId": about.as_str() }).to_string());
        let receipt = Outgoing { content_type, content, client_token: None };
        self.application(host, seat, Call::SendEvent(receipt));
    }

    pub(crate) fn cancel_a_call(&mut self, host: usize) {
        let calls: Vec<CallId> = self.hosts[host].calls.keys().copied().collect();
        if !calls.is_empty() {
            let call = calls[self.dice.index(calls.len())];
            self.injected("call cancelled");
            self.note(|| format!("host {host}   cancels #{}", call.0));
            self.give(host, Input::Cancel { call });
        }
    }

    /// Something reaches a host from outside.
    pub(crate) fn arrives(&mut self, host: usize, epoch: u32, input: Input) {
        match &input {
            Input::SocketClosed { socket, .. } => {
                let wire = Wire { host, epoch, socket: *socket };
                if self.pipes.remove(&wire).is_none_or(|pipe| pipe.half_open) {
                    return;
                }
                self.note(|| format!("host {host}   socket {} closed", socket.0));
                if *socket == MANAGER {
                    if self.hosts[host].runs(epoch) {
                        self.manager_says(host, ForeignEvent::Lost);
                    }
                    return;
                }
            }
            Input::SocketOpened { socket } => {
                let wire = Wire { host, epoch, socket: *socket };
                if self.pipes.get(&wire).is_none_or(|pipe| pipe.half_open) {
                    return;
                }
                self.note(|| format!("host {host}   socket {} open", socket.0));
            }
            Input::Foreign { event, .. } => {
                if self.hosts[host].runs(epoch) {
                    self.manager_says(host, event.clone());
                }
                return;
            }
            Input::Answered { request, .. } | Input::Failed { request, .. } => {
                if self.hosts[host].down || !self.hosts[host].runs(epoch) {
                    return;
                }
                // The core ignores what it no longer knows; a host may or may not have aborted.
                let is_open = self.hosts[host].requests.remove(request);
                let connects = self.hosts[host].connections.remove(request);
                if let Input::Answered { answer, .. } = &input
                    && answer.status == 200
                {
                    if let Some(session) = connects.filter(|_| is_open) {
                        self.faults.forbidden.remove(&(host, session.0));
                    }
                    // A transcript of one item on a page takes many.
                    self.hosts[host].allowed += 3;
                }
            }
            _ => {}
        }
        if self.hosts[host].runs(epoch) {
            if let Input::SocketClosed { socket, .. } = &input {
                self.hosts[host].sockets.remove(socket);
            }
            self.give(host, input);
        }
    }

    /// A frame reaches the client.
    pub(crate) fn client_reads(&mut self, wire: Wire, text: &Arc<str>) {
        let host = wire.host;
        if !self.hosts[host].runs(wire.epoch) {
            return;
        }
        let socket = wire.socket;
        let is_manager = socket == MANAGER;
        if is_manager && !self.hosts[host].listens {
            return;
        }
        let content = match ServerFrame::parse(text) {
            Ok(ServerFrame::Chat { content }) => Some(content),
            _ => None,
        };
        let of = &mut self.hosts[host];
        let Some(item) = content.and_then(|content| Item::from_text(&*content).ok()) else {
            return self.give(host, Input::SocketText { socket, text: text.to_string() });
        };
        of.allowed += BUSY_MORE;
        // What is with metadata reaches the core as text.
        if !of.parses || item.head().message_metadata.is_some() {
            let input = if is_manager {
                let event = ForeignEvent::Text(item.text().to_owned());
                Input::Foreign { foreign: FOREIGN, event }
            } else {
                Input::SocketText { socket, text: text.to_string() }
            };
            return self.give(host, input);
        }
        of.next_handle += 1;
        let handle = ItemHandle(of.next_handle);
        of.lent.insert(handle, item.head().id.clone());
        let head: Arc<ItemHead> = Arc::new(item.head().clone());
        self.counts.checked.add("lent items released once", 1);
        let input = if is_manager {
            let event = ForeignEvent::Item { item: handle, head };
            Input::Foreign { foreign: FOREIGN, event }
        } else {
            Input::SocketItem { socket, item: handle, head }
        };
        self.give(host, input);
    }

    /// Gives the core an input and does what it says.
    pub(crate) fn give(&mut self, host: usize, input: Input) {
        if !self.hosts[host].alive || self.failure.is_some() {
            return;
        }
        let wall_ms = self.wall_of(host);
        let of = &mut self.hosts[host];
        let mono_ms = self.now - of.born_at;
        of.core.handle(Now { mono_ms, wall_ms }, input);
        for _ in 0..DRAIN {
            match self.hosts[host].core.poll() {
                Output::Wake(at) => {
                    if at.is_some_and(|at| at <= mono_ms) {
                        self.fail("deadlines lie ahead", "a deadline that has passed");
                    }
                    self.hosts[host].wake = at;
                    return;
                }
                output => self.does(host, output),
            }
            if self.failure.is_some() {
                return;
            }
        }
        self.fail("no busy loop", "one input has no end of outputs");
    }
}

/// What comes out.
impl World<'_> {
    fn does(&mut self, host: usize, output: Output) {
        self.count_work(host, &output);
        match output {
            Output::Http(http) => {
                self.note(|| format!("host {host}   http {} #{}", http.operation, http.request.0));
                self.request_leaves(host, &http);
            }
            Output::AbortHttp { request } => {
                self.hosts[host].requests.remove(&request);
            }
            Output::OpenSocket { socket, url } => {
                self.note(|| format!("host {host}   opens socket {}", socket.0));
                self.hosts[host].sockets.insert(socket);
                let of = &self.hosts[host];
                let (open, most) = (of.sockets.len(), SOCKETS_OF_A_SESSION * of.views.len());
                self.check("sockets of a session", open <= most, || {
                    format!("{open} sockets are open")
                });
                let wire = self.wire(host, socket);
                self.socket_opens(wire, url);
            }
            Output::SendText { socket, text } => {
                let wire = self.wire(host, socket);
                self.frame_leaves(wire, text.into_owned());
            }
            Output::CloseSocket { socket, reason, .. } => {
                self.note(|| format!("host {host}   closes socket {}: {reason}", socket.0));
                if !self.hosts[host].sockets.remove(&socket) {
                    self.fail("sockets are closed once", format!("{socket:?} is gone already"));
                }
                let wire = self.wire(host, socket);
                let half_open = self.pipes.get(&wire).is_none_or(|pipe| pipe.half_open);
                if half_open || self.hosts[host].down {
                    // The service goes on writing into the void; its end is nobody's.
                    self.pipes.remove(&wire);
                } else {
                    let late = self.latency(host);
                    self.after(late, Coming::ClosedUp { wire });
                }
            }
            Output::Event { session, event } => {
                let seat = session.0 as usize - 1;
                self.event(host, seat, event);
            }
            Output::Done { call, result, .. } => self.done(host, call, &result),
            Output::Release { item } => {
                if self.hosts[host].lent.remove(&item).is_none() {
                    self.fail("lent items released once", "an item was given back twice");
                }
            }
            Output::Persist { session, snapshot } => {
                self.counts.checked.add("snapshots kept", 1);
                match snapshot {
                    Some(snapshot) => self.hosts[host].snapshots.insert(session, snapshot),
                    None => self.hosts[host].snapshots.remove(&session),
                };
            }
            Output::Log { text, .. } => {
                let leaks = text.contains(WORDS) || text.contains("wss://");
                self.check("logs keep secrets", !leaks, || "a secret in a log line".to_owned());
                self.note(|| format!("host {host}   log: {text}"));
            }
            Output::Upload(upload) => self.file_moves(host, upload.request),
            Output::Download { request, .. } => self.file_moves(host, request),
            Output::NeedToken { request, session } => self.bring_token(host, request, session),
            Output::JoinForeign { .. } => self.manager_joined(host),
            Output::LeaveForeign { .. } => self.hosts[host].listens = false,
            Output::Wake(_) => self.fail("outputs are asked for", "nobody asked for this"),
        }
    }

    /// The host brings a connection token, has none, or says nothing at all.
    fn bring_token(&mut self, host: usize, request: RequestId, session: SessionId) {
        let epoch = self.hosts[host].epoch;
        self.note(|| format!("host {host}   needs a token #{}", request.0));
        let seat = self.hosts[host].views[session.0 as usize - 1].seat.clone();
        let trouble = !self.healed && self.dice.permille(200);
        if trouble && self.dice.permille(250) {
            self.injected("host brings no token");
            return;
        }
        let token = seat
            .filter(|_| !trouble && !self.faults.down)
            .and_then(|seat| self.service.connection_token(self.server_time(), &seat).ok());
        if token.is_none() {
            self.injected("host has no token");
        }
        let token = token
            .map(|(token, end)| HostToken { token: token.into(), expiry: Some(end.to_string()) })
            .ok_or_else(|| "none".to_owned());
        let late = self.latency(host);
        self.after(late, Coming::ToHost { host, epoch, input: Input::Token { request, token } });
    }

    fn count_work(&mut self, host: usize, output: &Output) {
        let now = self.now;
        let of = &mut self.hosts[host];
        if now / 60_000 != of.minute {
            of.minute = now / 60_000;
            of.work = 0;
            of.allowed = 0;
        }
        let free = matches!(
            output,
            Output::Event {
                event: Event::Item { .. }
                    | Event::Transcript(_)
                    | Event::Message { .. }
                    | Event::Roster(_),
                ..
            } | Output::Release { .. }
                | Output::Done { .. }
        );
        of.work += u64::from(!free);
        let sessions = of.views.len() as u64;
        let (work, allowed) = (of.work, of.allowed);
        let busy = work.saturating_sub(allowed) / sessions;
        self.counts.busiest_minute = self.counts.busiest_minute.max(busy);
        if busy > BUSY {
            self.fail("no busy loop", format!("{work} outputs in a minute of host {host}"));
        }
    }

    fn event(&mut self, host: usize, seat: usize, event: Event) {
        let of = &mut self.hosts[host];
        if seat >= of.views.len() {
            return self.fail("events name their session", "an event of no session");
        }
        match event {
            Event::Item { kind, body } => {
                let Some(id) = of.id_of(&body) else {
                    return self
                        .fail("lent items released once", "an item shown after its release");
                };
                let Some(&(chat, place)) = self.places.get(&id) else {
                    // Typing, receipts: of the moment, in no transcript.
                    return;
                };
                self.counts.checked.add("items given in order, once", 1);
                self.note(|| format!("host {host}.{seat} item {place} {kind:?}"));
                if chat != self.hosts[host].views[seat].plan.chat {
                    return self.fail("chats do not mix", "an item of another chat");
                }
                let holds = self.hosts[host].views[seat].item(place);
                self.holds(holds);
            }
            Event::Gap { gap } => {
                self.note(|| format!("host {host}.{seat} gap {}", gap.0));
                self.counts.checked.add("gaps opened", 1);
                let holds = of_view(self, host, seat).gap(gap);
                self.holds(holds);
            }
            Event::GapClosed { gap } => {
                self.note(|| format!("host {host}.{seat} gap {} closed", gap.0));
                let holds = of_view(self, host, seat).gap_closed(gap);
                self.holds(holds);
            }
            Event::Transcript(update) => {
                self.counts.checked.add("transcript changes applied", 1);
                let of = &mut self.hosts[host];
                let mut view = std::mem::replace(
                    &mut of.views[seat],
                    View::new(SessionId(0), self.plan.hosts[host].seats[seat], false),
                );
                let holds = view.apply(&update, |body| self.hosts[host].id_of(body));
                self.hosts[host].views[seat] = view;
                self.holds(holds);
            }
            Event::Message { key, call, state, id } => {
                let sends = call.and_then(|call| match of.calls.get(&call)?.what {
                    Kind::Send(send) => Some(send),
                    _ => None,
                });
                let keys = &mut of.views[seat].keys;
                if let Some(send) = sends {
                    keys.insert(key, send);
                }
                let Some(send) = keys.get(&key).copied() else { return };
                self.note(|| format!("host {host}.{seat} message {send}: {state:?}"));
                // Whoever called hears it from the call; after a restart nobody else tells.
                if self.sends[send].outcome == Outcome::Unknown {
                    match state {
                        MessageState::Queued | MessageState::Sending => {}
                        MessageState::Failed(_) => self.sends[send].outcome = Outcome::Failed,
                        MessageState::Sent | MessageState::Delivered | MessageState::Read => {
                            let id = id.unwrap_or_else(|| "".into());
                            self.sends[send].outcome = Outcome::Sent(id);
                        }
                    }
                }
            }
            Event::Ended => {
                self.note(|| format!("host {host}.{seat} ended"));
                of_view(self, host, seat).phase = Phase::Ended;
                let place = self.hosts[host].views[seat].seat.clone();
                let goes_on =
                    place.is_some_and(|place| self.service.admits(self.server_time(), &place));
                self.check("a chat ends when it is over", !goes_on, || {
                    format!("the chat of host {host}.{seat} goes on")
                });
            }
            Event::Broken => {
                self.note(|| format!("host {host}.{seat} broken"));
                of_view(self, host, seat).phase = Phase::Idle;
                self.connect_later(host, seat);
            }
            Event::DeepHeartbeat { success: true } => {}
            other => self.note(|| format!("host {host}.{seat} {}", event_name(&other))),
        }
    }

    /// An application that wants to chat tries again.
    fn connect_later(&mut self, host: usize, seat: usize) {
        let epoch = self.hosts[host].epoch;
        let late = self.dice.between(500, 10_000);
        self.after(late, Coming::App { host, epoch, seat, call: Call::Connect });
    }

    fn done(&mut self, host: usize, call: CallId, result: &Result<Value, CallError>) {
        let Some(asked) = self.hosts[host].calls.remove(&call) else {
            return self.fail("calls are answered once", format!("{call:?} was not open"));
        };
        let (seat, what) = (asked.seat, asked.what);
        self.note(|| {
            let said = result.as_ref().map_or_else(ToString::to_string, |_| "well".to_owned());
            format!("host {host}.{seat} call #{} ended: {said}", call.0)
        });
        match what {
            Kind::Connect => {
                let view = of_view(self, host, seat);
                view.connecting = false;
                if !view.is_live() {
                    return;
                }
                let Err(error) = result else {
                    view.phase = Phase::Connected;
                    return;
                };
                let place = view.seat.clone();
                let goes_on =
                    place.is_some_and(|place| self.service.admits(self.server_time(), &place));
                // Who called off one attempt makes another.
                let again = error.can_retry() || *error == CallError::Cancelled;
                if goes_on || again {
                    self.connect_later(host, seat);
                } else {
                    of_view(self, host, seat).phase = Phase::Refused;
                }
            }
            Kind::Send(send) => {
                let outcome = match result {
                    Ok(Value::Answered(answer)) => {
                        match serde_json::from_str::<SentResponse>(&answer.body) {
                            Ok(told) => Outcome::Sent(told.id),
                            // An answer that is no JSON says only that it is stored.
                            Err(_) => Outcome::Sent("".into()),
                        }
                    }
                    Err(CallError::Cancelled) => Outcome::Cancelled,
                    Ok(_) | Err(_) => Outcome::Failed,
                };
                self.sends[send].outcome = outcome;
            }
            Kind::LoadOlder => {
                // After the healing all of it is wanted.
                if self.healed && matches!(result, Ok(Value::Loaded { at_beginning: false, .. })) {
                    let epoch = self.hosts[host].epoch;
                    let call = Call::LoadOlder { count: 50 };
                    self.after(10, Coming::App { host, epoch, seat, call });
                }
            }
            Kind::MayHang | Kind::Other => {}
        }
    }

    /// The calls that are not answered yet: where, what, since when.
    pub(crate) fn open_calls(&self) -> Vec<String> {
        let mut open = Vec::new();
        for (host, of) in self.hosts.iter().enumerate() {
            for (call, asked) in of.calls.iter().filter(|(_, of)| of.what != Kind::MayHang) {
                open.push(format!(
                    "call #{} of host {host}.{} since {} ms",
                    call.0, asked.seat, asked.at
                ));
            }
        }
        open
    }

    /// All sessions are forgotten; gives how many lent items are not given back then.
    pub(crate) fn forget_everything(&mut self) -> usize {
        let mut kept = 0;
        for host in 0..self.hosts.len() {
            for seat in 0..self.hosts[host].views.len() {
                let session = self.hosts[host].views[seat].session;
                self.give(host, Input::Forget { session });
            }
            if self.hosts[host].alive {
                kept += self.hosts[host].lent.len();
            }
        }
        kept
    }
}

fn of_view<'w>(world: &'w mut World<'_>, host: usize, seat: usize) -> &'w mut View {
    &mut world.hosts[host].views[seat]
}

fn name_of(what: &Call) -> &'static str {
    match what {
        Call::Connect => "connect",
        Call::SendMessage(_) => "sendMessage",
        Call::SendEvent(_) => "sendEvent",
        Call::GetTranscript(_) => "getTranscript",
        Call::DisconnectParticipant => "disconnectParticipant",
        Call::FillGap { .. } => "fillGap",
        Call::LoadOlder { .. } => "loadOlder",
        Call::SendAttachment(_) => "sendAttachment",
        Call::Resend { .. } => "resend",
        Call::Discard { .. } => "discard",
        _ => "another",
    }
}

fn event_name(event: &Event) -> String {
    match event {
        Event::Established { .. } => "established".to_owned(),
        Event::Lost => "lost".to_owned(),
        Event::CaughtUp => "caught up".to_owned(),
        Event::DeepHeartbeat { .. } => "deep heartbeat missed".to_owned(),
        Event::Connection(state) => format!("{state:?}"),
        _ => "another event".to_owned(),
    }
}
