//! The core: sessions, and the way from an input to the session it concerns.

use std::collections::VecDeque;

use crate::{
    CallError, CallId, ChatDetails, ConnectionStatus, Event, ForeignEvent, Input, LogLevel, Now,
    Output, RequestId, SessionId, SocketId, Value, rng::Rng, session::Session, sorted::Sorted,
};

/// Which session a request, a socket or a call belongs to. One type for the three, so that the map's
/// code is compiled once.
type Index = Sorted<u64, SessionId>;

/// Chat sessions and everything they share. See the [crate documentation](crate) for how to run it.
#[derive(Debug)]
pub struct Core {
    sessions: Sorted<SessionId, Box<Session>>,
    /// The next deadline of each session that has one.
    deadlines: Sorted<(u64, SessionId), ()>,
    cx: Cx,
}

/// What all sessions share while one of them works.
#[derive(Debug)]
pub(crate) struct Cx {
    pub(crate) now: Now,
    pub(crate) online: bool,
    pub(crate) rng: Rng,
    outputs: VecDeque<Output>,
    requests: Index,
    sockets: Index,
    calls: Index,
    last_request: u64,
    last_socket: u64,
}

impl Core {
    /// A core without sessions that takes the network to be there and the page to be seen.
    ///
    /// The seed spreads retries and makes client tokens. Give a fresh random number: two processes
    /// that work for the same participant with the same seed would make the same client tokens, and
    /// the service would take the second one's messages for repeats. Tests give a fixed one.
    pub fn new(seed: u64) -> Self {
        Self {
            sessions: Sorted::default(),
            deadlines: Sorted::default(),
            cx: Cx {
                now: Now::default(),
                online: true,
                rng: Rng::new(seed),
                outputs: VecDeque::new(),
                requests: Index::default(),
                sockets: Index::default(),
                calls: Index::default(),
                last_request: 0,
                last_socket: 0,
            },
        }
    }

    /// Takes one input. Drain [`Core::poll`] afterwards.
    ///
    /// The input counts as earlier than every timer that is due at `now`: an answer that is already
    /// here is not overtaken by the deadline that waits for it. A monotonic time before that of an
    /// earlier input counts as that of the earlier input.
    pub fn handle(&mut self, now: Now, input: Input) {
        self.cx.now = Now { mono_ms: now.mono_ms.max(self.cx.now.mono_ms), wall_ms: now.wall_ms };
        self.route(input);
        while let Some(&((at_ms, id), ())) = self.deadlines.iter().next() {
            if at_ms > self.cx.now.mono_ms {
                break;
            }
            self.with(id, Session::fire_due);
        }
    }

    /// The next thing to do. Call it until it gives [`Output::Wake`]; then nothing changes until the
    /// next input.
    pub fn poll(&mut self) -> Output {
        self.cx.outputs.pop_front().unwrap_or_else(|| {
            Output::Wake(self.deadlines.iter().next().map(|((at_ms, _), ())| *at_ms))
        })
    }

    /// Who a session is and what it was given; nothing when there is no such session.
    pub fn chat_details(&self, session: SessionId) -> Option<ChatDetails<'_>> {
        self.sessions.get(&session).map(|session| session.details())
    }

    /// What the socket of a session does; nothing before `connect` has succeeded for the first time
    /// (docs/protocol/websocket.md S83).
    pub fn connection_status(&self, session: SessionId) -> Option<ConnectionStatus> {
        self.sessions.get(&session).and_then(|session| session.link.status)
    }

    fn route(&mut self, input: Input) {
        match input {
            Input::Create { session, options } => {
                if self.sessions.insert(session, Box::new(Session::new(session, *options))) {
                    let seed = self.cx.rng.next();
                    self.with(session, |session, _| session.transcript.seed(seed));
                } else {
                    self.cx.log(
                        Some(session),
                        LogLevel::Error,
                        "a session of this number exists already; the new one is ignored",
                    );
                }
            }
            Input::Forget { session } => {
                if let Some(mut gone) = self.sessions.remove(&session) {
                    if let Some(at_ms) = gone.indexed_deadline {
                        self.deadlines.remove(&(at_ms, session));
                    }
                    gone.forget(&mut self.cx);
                }
            }
            Input::Call { session, call, what } => {
                self.cx.calls.insert(call.0, session);
                if self.sessions.contains(&session) {
                    self.with(session, |session, cx| session.call(cx, call, what));
                } else {
                    self.cx.done(session, call, Err(CallError::Closed));
                }
            }
            Input::Cancel { call } => {
                if let Some(&session) = self.cx.calls.get(&call.0) {
                    self.with(session, |session, cx| session.cancel(cx, call));
                }
            }
            Input::Answered { request, answer } => {
                if let Some(session) = self.cx.requests.remove(&request.0) {
                    self.with(session, |session, cx| session.answered(cx, request, Ok(answer)));
                }
            }
            Input::Failed { request, message } => {
                if let Some(session) = self.cx.requests.remove(&request.0) {
                    self.with(session, |session, cx| session.answered(cx, request, Err(message)));
                }
            }
            Input::Progress { request, sent } => {
                if let Some(&session) = self.cx.requests.get(&request.0) {
                    self.with(session, |session, cx| session.upload_progress(cx, request, sent));
                }
            }
            Input::Restore { session, options, snapshot: _ } => {
                self.route(Input::Create { session, options });
            }
            Input::Track { session } => self.with(session, Session::track),
            Input::Token { .. } | Input::Time => {}
            Input::HandlerFailed { session, handler } => {
                self.with(session, |session, cx| session.handler_failed(cx, handler));
            }
            Input::Foreign { event, .. } => {
                if let ForeignEvent::Item { item, .. } = event {
                    self.cx.push(Output::Release { item });
                }
            }
            Input::SocketOpened { socket } => {
                if let Some(&session) = self.cx.sockets.get(&socket.0) {
                    self.with(session, |session, cx| session.socket_opened(cx, socket));
                }
            }
            Input::SocketText { socket, text } => {
                if let Some(&session) = self.cx.sockets.get(&socket.0) {
                    self.with(session, |session, cx| session.socket_text(cx, socket, &text));
                }
            }
            Input::SocketItem { socket, item, head } => {
                if let Some(&session) = self.cx.sockets.get(&socket.0) {
                    self.with(session, |session, cx| session.socket_item(cx, socket, item, head));
                } else {
                    self.cx.push(Output::Release { item });
                }
            }
            Input::SocketClosed { socket, code: _, reason } => {
                if let Some(session) = self.cx.sockets.remove(&socket.0) {
                    self.with(session, |session, cx| session.socket_closed(cx, socket, reason));
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

    /// Lets a session work and notes when it wants to be called next.
    fn with(&mut self, id: SessionId, work: impl FnOnce(&mut Session, &mut Cx)) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        work(session, &mut self.cx);
        session.tell_transcript(&mut self.cx);
        let deadline = session.deadline();
        if deadline != session.indexed_deadline {
            if let Some(at_ms) = session.indexed_deadline {
                self.deadlines.remove(&(at_ms, id));
            }
            if let Some(at_ms) = deadline {
                self.deadlines.insert((at_ms, id), ());
            }
            session.indexed_deadline = deadline;
        }
    }

    fn with_all(&mut self, work: fn(&mut Session, &mut Cx)) {
        let ids: Vec<SessionId> = self.sessions.iter().map(|(id, _)| *id).collect();
        for id in ids {
            self.with(id, work);
        }
    }
}

impl Cx {
    pub(crate) fn push(&mut self, output: Output) {
        self.outputs.push_back(output);
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
        if self.calls.remove(&call.0).is_some() {
            self.push(Output::Done { session, call, result });
        }
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
        if self.requests.remove(&request.0).is_some() {
            self.push(Output::AbortHttp { request });
        }
    }

    pub(crate) fn open_socket(&mut self, session: SessionId, url: String) -> SocketId {
        self.last_socket += 1;
        let socket = SocketId(self.last_socket);
        self.sockets.insert(socket.0, session);
        self.push(Output::OpenSocket { socket, url });
        socket
    }

    /// Closes a socket unless it has closed by itself.
    pub(crate) fn close_socket(&mut self, socket: SocketId, reason: &'static str) {
        if self.sockets.remove(&socket.0).is_some() {
            self.push(Output::CloseSocket { socket, code: 1000, reason });
        }
    }

    /// The monotonic time in so many milliseconds.
    pub(crate) fn after(&self, wait_ms: u64) -> u64 {
        self.now.mono_ms.saturating_add(wait_ms)
    }
}
