//! The core: sessions, and the way from an input to the session it concerns.

use std::sync::Arc;

use crate::{
    CHATLOOM, CallError, CallId, ChatDetails, ConnectionStatus, Event, ForeignEvent, ForeignId,
    Input, ItemHandle, LogLevel, Now, Output, RequestId, SessionId, SessionOptions, SocketId,
    Value,
    link::foreign::{Foreign, Signal},
    link::sharing::Share,
    parsed::Parsed,
    rng::Rng,
    session::{self, Incoming, Session},
    sorted::Sorted,
};

/// Which session a request, a socket or a call belongs to.
type Index = Sorted<SessionId>;

/// Chat sessions and everything they share. See the [crate documentation](crate) for how to run it.
#[derive(Debug)]
pub struct Core {
    sessions: Sorted<Box<Session>>,
    /// The next deadline of each session that has one, the earliest first.
    deadlines: Vec<(u64, SessionId)>,
    /// Sessions in which something has changed that the host keeps.
    unsaved: Vec<SessionId>,
    cx: Cx,
}

/// What all sessions share while one of them works.
#[derive(Debug)]
pub(crate) struct Cx {
    pub(crate) now: Now,
    pub(crate) online: bool,
    pub(crate) rng: Rng,
    /// What was held back is forgotten when the transcript has been read.
    #[cfg(feature = "sabotage")]
    pub(crate) sabotaged: bool,
    /// What is to be done, the last first while it is given out.
    outputs: Vec<Output>,
    is_turned: bool,
    requests: Index,
    sockets: Index,
    calls: Index,
    last_request: u64,
    last_socket: u64,
    pub(crate) foreigns: Vec<Foreign>,
    /// Sockets that may be shared, under their leaders.
    pub(crate) shares: Sorted<Box<Share>>,
    /// What sessions have to hear of each other.
    pub(crate) told: Vec<(SessionId, Signal)>,
    /// What the host has read of the text that it gives now.
    pub(crate) parsed: Option<Parsed>,
    /// How many sessions have yet to give back an item of the host's that several were given.
    lent: Sorted<usize>,
}

impl Core {
    /// A core without sessions that takes the network to be there and the page to be seen.
    ///
    /// The seed spreads retries and makes client tokens. Give a fresh random number: two processes
    /// that work for the same participant with the same seed would make the same client tokens, and
    /// the service would take the second one's messages for repeats. Tests give a fixed one.
    pub const fn new(seed: u64) -> Self {
        Self {
            sessions: Sorted::new(),
            deadlines: Vec::new(),
            unsaved: Vec::new(),
            cx: Cx {
                now: Now { mono_ms: 0, wall_ms: 0 },
                online: true,
                rng: Rng::new(seed),
                #[cfg(feature = "sabotage")]
                sabotaged: false,
                outputs: Vec::new(),
                is_turned: false,
                requests: Index::new(),
                sockets: Index::new(),
                calls: Index::new(),
                last_request: 0,
                last_socket: 0,
                foreigns: Vec::new(),
                shares: Sorted::new(),
                told: Vec::new(),
                parsed: None,
                lent: Sorted::new(),
            },
        }
    }

    /// Gives a core that has not begun another seed.
    pub fn seed(&mut self, seed: u64) {
        self.cx.rng = Rng::new(seed);
    }

    /// Breaks the merge of live items and transcript from now on.
    #[cfg(feature = "sabotage")]
    pub fn sabotage(&mut self) {
        self.cx.sabotaged = true;
    }

    /// Takes one input. Drain [`Core::poll`] afterwards.
    ///
    /// The input counts as earlier than every timer that is due at `now`: an answer that is already
    /// here is not overtaken by the deadline that waits for it. A monotonic time before that of an
    /// earlier input counts as that of the earlier input.
    pub fn handle(&mut self, now: Now, input: Input) {
        self.cx.now = Now { mono_ms: now.mono_ms.max(self.cx.now.mono_ms), wall_ms: now.wall_ms };
        self.route(input);
        while let Some(&(at_ms, id)) = self.deadlines.first() {
            if at_ms > self.cx.now.mono_ms {
                break;
            }
            self.with(id, Session::fire_due);
        }
        for id in if CHATLOOM { std::mem::take(&mut self.unsaved) } else { Vec::new() } {
            if let Some(session) = self.sessions.get_mut(id) {
                session.persist(&mut self.cx);
            }
        }
    }

    /// The same, with what the host has read of the text in the input: of the body of an answer, of a
    /// frame, of an item, of a receipt. The text may be left out then, but for an item's.
    pub fn handle_parsed(&mut self, now: Now, input: Input, parsed: Parsed) {
        self.cx.parsed = Some(parsed);
        self.handle(now, input);
        self.cx.parsed = None;
    }

    /// The next thing to do. Call it until it gives [`Output::Wake`]; then nothing changes until the
    /// next input.
    pub fn poll(&mut self) -> Output {
        self.cx.turn(true);
        self.cx
            .outputs
            .pop()
            .unwrap_or_else(|| Output::Wake(self.deadlines.first().map(|(at_ms, _)| *at_ms)))
    }

    /// Who a session is and what it was given; nothing when there is no such session.
    pub fn chat_details(&self, session: SessionId) -> Option<ChatDetails<'_>> {
        self.sessions.get(session).map(|session| session.details())
    }

    /// What the socket of a session does; nothing before `connect` has succeeded for the first time
    /// (docs/protocol/websocket.md S83).
    pub fn connection_status(&self, session: SessionId) -> Option<ConnectionStatus> {
        self.sessions.get(session).and_then(|session| session.link.status)
    }

    /// How many entries the tracked transcript of a session has; none when it is not tracked.
    pub fn entries(&self, session: SessionId) -> usize {
        self.sessions.get(session).map_or(0, |session| session.entries())
    }

    fn route(&mut self, input: Input) {
        match input {
            Input::Create { session, options } => self.begin(session, *options, None),
            Input::Forget { session } => {
                if let Some(mut gone) = self.sessions.remove(session) {
                    self.move_deadline(session, gone.indexed_deadline, None);
                    gone.forget(&mut self.cx);
                    self.pass_on();
                }
            }
            Input::Call { session, call, what } => {
                self.cx.calls.insert(call.0, session);
                if self.sessions.contains(session) {
                    self.with(session, |session, cx| session.call(cx, call, what));
                } else {
                    self.cx.done(session, call, Err(CallError::Closed));
                }
            }
            Input::Cancel { call } => {
                if let Some(&session) = self.cx.calls.get(call.0) {
                    self.with(session, |session, cx| session.cancel(cx, call));
                }
            }
            Input::Answered { request, answer } => {
                if let Some(session) = self.cx.requests.remove(request.0) {
                    self.with(session, |session, cx| session.answered(cx, request, Ok(answer)));
                }
            }
            Input::Failed { request, message } => {
                if let Some(session) = self.cx.requests.remove(request.0) {
                    self.with(session, |session, cx| session.answered(cx, request, Err(message)));
                }
            }
            Input::Progress { request, sent } => {
                if let Some(&session) = self.cx.requests.get(request.0) {
                    self.with(session, |session, cx| session.upload_progress(cx, request, sent));
                }
            }
            Input::Restore { session, options, snapshot } => {
                // A build without Chatloom behaviour keeps nothing, so there is nothing to go on from.
                self.begin(session, *options, CHATLOOM.then_some(&*snapshot));
            }
            Input::Resume { session, token } => {
                self.with(session, |session, cx| session.resume(cx, token));
            }
            Input::Track { session } => self.with(session, Session::track),
            Input::Time => {}
            Input::Token { request, token } => {
                if let Some(&session) = self.cx.requests.get(request.0) {
                    self.with(session, |session, cx| session.host_answered(cx, request, token));
                }
            }
            // The browser package logs what handlers throw itself.
            Input::HandlerFailed { .. } if !CHATLOOM => {}
            Input::HandlerFailed { session, handler } => {
                self.with(session, |session, cx| session.handler_failed(cx, handler));
            }
            Input::Foreign { foreign, event } => self.foreign(foreign, event),
            Input::SocketOpened { socket } => {
                if let Some(&session) = self.cx.sockets.get(socket.0) {
                    self.with(session, |session, cx| session.socket_opened(cx, socket));
                }
            }
            Input::SocketText { socket, text } => {
                if let Some(&session) = self.cx.sockets.get(socket.0) {
                    match self.cx.frame(text) {
                        Ok(item) => {
                            self.socket_item(session, socket, Incoming::Item(Arc::new(item)));
                        }
                        Err(frame) => {
                            self.with(session, |session, cx| session.frame(cx, socket, frame));
                        }
                    }
                }
            }
            Input::SocketItem { socket, item, head } => {
                let incoming = Incoming::Held(item, head);
                match self.cx.sockets.get(socket.0) {
                    Some(&session) => self.socket_item(session, socket, incoming),
                    None => self.cx.release(item),
                }
            }
            Input::SocketClosed { socket, code, reason } => {
                if let Some(session) = self.cx.sockets.remove(socket.0) {
                    self.with(session, |session, cx| {
                        session.socket_closed(cx, socket, code, &reason);
                    });
                }
            }
            Input::Network { online } => {
                let changed = self.cx.online != online;
                self.cx.online = online;
                if changed {
                    self.with_all(if online { Session::wake } else { Session::went_offline });
                }
            }
            Input::Visibility { visible } => {
                // A page in the background may well be one somebody waits in, so nothing is paused;
                // but whoever comes back to it should not have to wait for a back-off to end.
                if visible && self.cx.online {
                    self.with_all(Session::wake);
                }
            }
        }
    }

    /// Begins a session, from a snapshot if there is one.
    fn begin(&mut self, id: SessionId, options: SessionOptions, snapshot: Option<&str>) {
        if !self.sessions.insert(id, Box::new(Session::new(id, options))) {
            return self.cx.log(
                Some(id),
                LogLevel::Error,
                "a session of this number exists already; the new one is ignored",
            );
        }
        self.with(id, |session, cx| {
            if CHATLOOM {
                session.transcript.seed(cx.rng.next());
            }
            if let Some(snapshot) = snapshot {
                session.restore(cx, snapshot);
            }
        });
    }

    pub(crate) fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(id).map(|session| &**session)
    }

    /// Something happened to a socket manager of the host's.
    fn foreign(&mut self, id: ForeignId, event: ForeignEvent) {
        let signal = Signal::of(&event);
        let mut members = Vec::new();
        if let Some(foreign) = self.cx.foreign(id) {
            members.clone_from(&foreign.members);
            if let Some(signal) = signal {
                foreign.note(signal);
            }
        }
        if let Some(signal) = signal {
            self.cx.told.extend(members.iter().map(|member| (*member, signal)));
            return self.pass_on();
        }
        match event {
            ForeignEvent::Item { item, head } => {
                self.live_item(&members, None, Incoming::Held(item, head));
            }
            ForeignEvent::Text(text) => match self.cx.item(text) {
                Some(item) => self.live_item(&members, None, Incoming::Item(Arc::new(item))),
                None => {
                    self.cx.log(None, LogLevel::Warn, "an item that cannot be read was ignored");
                }
            },
            _ => {}
        }
    }

    /// An item came over a socket: for the session that keeps it alive, and for those who share it.
    fn socket_item(&mut self, session: SessionId, socket: SocketId, incoming: Incoming) {
        match self.cx.shares.get(session) {
            Some(share) if !share.followers.is_empty() => {
                let mut listeners = vec![session];
                listeners.extend_from_slice(&share.followers);
                self.live_item(&listeners, Some(socket), incoming);
            }
            _ => self.live_item(&[session], Some(socket), incoming),
        }
    }

    /// Gives an item to all who listen. One that the host holds is given back when the last of them
    /// needs it no longer.
    fn live_item(&mut self, listeners: &[SessionId], socket: Option<SocketId>, incoming: Incoming) {
        let Some((last, others)) = listeners.split_last() else {
            return session::release(&mut self.cx, &incoming.into_body());
        };
        if let Incoming::Held(item, _) = &incoming
            && !others.is_empty()
        {
            self.cx.lent.insert(item.0, listeners.len());
        }
        for other in others {
            let incoming = incoming.clone();
            self.with(*other, |session, cx| session.live_item(cx, socket, incoming));
        }
        self.with(*last, |session, cx| session.live_item(cx, socket, incoming));
    }

    /// Lets a session work, and others hear of it.
    fn with(&mut self, id: SessionId, work: impl FnOnce(&mut Session, &mut Cx)) {
        if let Some(session) = self.sessions.get_mut(id) {
            work(session, &mut self.cx);
            self.note(id);
            self.pass_on();
        }
    }

    /// Tells sessions what others have done.
    fn pass_on(&mut self) {
        while !self.cx.told.is_empty() {
            for (id, signal) in std::mem::take(&mut self.cx.told) {
                if let Some(session) = self.sessions.get_mut(id) {
                    session.hear(&mut self.cx, signal);
                    self.note(id);
                }
            }
        }
    }

    /// Notes when a session that has worked wants to be called next, and whether to be kept.
    fn note(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        session.tell_transcript(&mut self.cx);
        session.tell_roster(&mut self.cx);
        let deadline = session.deadline();
        let indexed = std::mem::replace(&mut session.indexed_deadline, deadline);
        if CHATLOOM && session.is_changed && session.options.persist && !self.unsaved.contains(&id)
        {
            self.unsaved.push(id);
        }
        self.move_deadline(id, indexed, deadline);
    }

    /// Has a session in the index under its present deadline instead of the one before.
    fn move_deadline(&mut self, id: SessionId, before: Option<u64>, now: Option<u64>) {
        if before == now {
            return;
        }
        let deadlines = &mut self.deadlines;
        let place = |deadlines: &[_], at_ms| deadlines.binary_search(&(at_ms, id));
        if let Some(at_ms) = before
            && let Ok(at) = place(deadlines, at_ms)
        {
            deadlines.remove(at);
        }
        if let Some(at_ms) = now {
            let (Ok(at) | Err(at)) = place(deadlines, at_ms);
            deadlines.insert(at, (at_ms, id));
        }
    }

    fn with_all(&mut self, work: fn(&mut Session, &mut Cx)) {
        let ids: Vec<SessionId> = self.sessions.iter().map(|(_, session)| session.id).collect();
        for id in ids {
            self.with(id, work);
        }
    }
}

impl Cx {
    /// Has the outputs in the order in which they are taken out at the end, or are put in there.
    fn turn(&mut self, to_give_out: bool) {
        if self.is_turned != to_give_out {
            self.is_turned = to_give_out;
            self.outputs.reverse();
        }
    }

    pub(crate) fn push(&mut self, output: Output) {
        self.turn(false);
        self.outputs.push(output);
    }

    pub(crate) fn event(&mut self, session: SessionId, event: Event) {
        self.push(Output::Event { session, event });
    }

    pub(crate) fn log(&mut self, session: Option<SessionId>, level: LogLevel, text: &str) {
        self.push(Output::Log { session, level, text: text.to_owned() });
    }

    /// Ends a call, unless it has ended before.
    pub(crate) fn done(
        &mut self,
        session: SessionId,
        call: CallId,
        result: Result<Value, CallError>,
    ) {
        if self.calls.remove(call.0).is_some() {
            self.push(Output::Done { session, call, result });
        }
    }

    /// Whether a call has not ended.
    pub(crate) fn is_open(&self, call: CallId) -> bool {
        self.calls.contains(call.0)
    }

    /// The calls of a session that have not ended.
    pub(crate) fn calls_of(&self, session: SessionId) -> Vec<CallId> {
        self.calls.iter().filter(|(_, of)| *of == session).map(|(call, _)| CallId(*call)).collect()
    }

    pub(crate) fn new_request(&mut self, session: SessionId) -> RequestId {
        self.last_request += 1;
        self.requests.insert(self.last_request, session);
        RequestId(self.last_request)
    }

    /// Gives a request up.
    pub(crate) fn abort(&mut self, request: RequestId) {
        if self.requests.remove(request.0).is_some() {
            self.push(Output::AbortHttp { request });
        }
    }

    /// Takes no answer to what the host was asked for.
    pub(crate) fn forget_request(&mut self, request: RequestId) {
        self.requests.remove(request.0);
    }

    /// An item of the host's is needed no longer by one of those who were given it.
    pub(crate) fn release(&mut self, item: ItemHandle) {
        if let Some(left) = self.lent.get_mut(item.0) {
            *left -= 1;
            if *left > 0 {
                return;
            }
            self.lent.remove(item.0);
        }
        self.push(Output::Release { item });
    }

    pub(crate) fn new_socket(&mut self) -> SocketId {
        self.last_socket += 1;
        SocketId(self.last_socket)
    }

    /// A socket is another session's from now on.
    pub(crate) fn move_socket(&mut self, socket: SocketId, to: SessionId) {
        if let Some(session) = self.sockets.get_mut(socket.0) {
            *session = to;
        }
    }

    pub(crate) fn open_socket(&mut self, session: SessionId, url: String) -> SocketId {
        let socket = self.new_socket();
        self.sockets.insert(socket.0, session);
        self.push(Output::OpenSocket { socket, url });
        socket
    }

    /// Closes a socket unless it has closed by itself.
    pub(crate) fn close_socket(&mut self, socket: SocketId, reason: &'static str) {
        if self.sockets.remove(socket.0).is_some() {
            self.push(Output::CloseSocket { socket, code: 1000, reason });
        }
    }

    /// The monotonic time in so many milliseconds.
    pub(crate) fn after(&self, wait_ms: u64) -> u64 {
        self.now.mono_ms.saturating_add(wait_ms)
    }
}
