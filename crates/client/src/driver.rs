//! The driver: one task that owns the core, and carries out what it asks for.

use std::{
    collections::HashMap,
    future::pending,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chatloom_session::{
    Call, CallError, CallId, Core, HttpAnswer, Input, LogLevel, Now, Output, RequestId, SessionId,
    SessionOptions, SocketId, Value,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::{AbortHandle, Id as TaskId, JoinError, JoinSet},
    time::{Instant, sleep_until},
};
use tracing::Span;

use crate::{
    event::{self, Feed},
    http,
    random::random,
    socket::{self, Report, Socket},
};

/// Frames that wait for the driver, over all sockets. When it is full the sockets are not read, so
/// the pressure goes back to the peer.
const REPORT_QUEUE: usize = 256;

/// What a handle asks of the driver.
pub(crate) enum Command {
    Create {
        session: SessionId,
        options: Box<SessionOptions>,
        feed: Arc<Feed>,
    },
    Forget {
        session: SessionId,
    },
    Call {
        session: SessionId,
        call: CallId,
        what: Call,
        done: oneshot::Sender<Result<Value, CallError>>,
    },
    Cancel {
        call: CallId,
    },
}

/// The two clocks of the core, in one place.
struct Clock {
    origin: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one place where this crate reads the clock")]
    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono_ms: self.origin.elapsed().as_millis() as u64, wall_ms: wall.as_millis() as i64 }
    }

    fn instant(&self, mono_ms: u64) -> Instant {
        self.origin + Duration::from_millis(mono_ms)
    }
}

struct ChatEntry {
    feed: Arc<Feed>,
    span: Span,
}

pub(crate) struct Driver {
    core: Core,
    clock: Clock,
    commands: mpsc::UnboundedReceiver<Command>,
    chats: HashMap<SessionId, ChatEntry>,
    calls: HashMap<CallId, oneshot::Sender<Result<Value, CallError>>>,
    http: reqwest::Client,
    requests: JoinSet<Result<HttpAnswer, String>>,
    request_of: HashMap<TaskId, RequestId>,
    aborts: HashMap<RequestId, AbortHandle>,
    settings: socket::Settings,
    sockets: HashMap<SocketId, Socket>,
    reports: mpsc::Receiver<(SocketId, Report)>,
    reporter: mpsc::Sender<(SocketId, Report)>,
}

impl Driver {
    pub(crate) fn new(
        http: reqwest::Client,
        settings: socket::Settings,
        commands: mpsc::UnboundedReceiver<Command>,
    ) -> Self {
        let (reporter, reports) = mpsc::channel(REPORT_QUEUE);
        Self {
            core: Core::new(random()),
            clock: Clock { origin: Instant::now() },
            commands,
            chats: HashMap::new(),
            calls: HashMap::new(),
            http,
            requests: JoinSet::new(),
            request_of: HashMap::new(),
            aborts: HashMap::new(),
            settings,
            sockets: HashMap::new(),
            reports,
            reporter,
        }
    }

    /// Runs until the last handle is gone.
    pub(crate) async fn run(mut self) {
        let mut wake = self.drain();
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => break,
                },
                Some((socket, report)) = self.reports.recv() => self.heard(socket, report),
                Some(ended) = self.requests.join_next_with_id() => self.answered(ended),
                () = until(wake) => self.handle(Input::Time),
            }
            wake = self.drain();
        }
        // Every chat has been forgotten on the way here, so the core has closed its sockets; their
        // tasks say goodbye on their own. Requests that still run are aborted with `self`.
    }

    fn handle(&mut self, input: Input) {
        self.core.handle(self.clock.now(), input);
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Create { session, options, feed } => {
                let span = tracing::info_span!("chat", contact_id = %options.contact_id);
                self.chats.insert(session, ChatEntry { feed, span });
                self.handle(Input::Create { session, options });
            }
            Command::Forget { session } => {
                self.handle(Input::Forget { session });
                // What the core has to say about this session still finds its calls, but its
                // readers need no more.
                if let Some(chat) = self.chats.remove(&session) {
                    chat.feed.close();
                }
            }
            Command::Call { session, call, what, done } => {
                self.calls.insert(call, done);
                self.handle(Input::Call { session, call, what });
            }
            Command::Cancel { call } => self.handle(Input::Cancel { call }),
        }
    }

    fn heard(&mut self, socket: SocketId, report: Report) {
        // The core takes nothing from a socket that it closed.
        if !self.sockets.contains_key(&socket) {
            return;
        }
        let input = match report {
            Report::Opened => Input::SocketOpened { socket },
            Report::Text(text) => Input::SocketText { socket, text },
            Report::Closed { code, reason } => {
                self.sockets.remove(&socket);
                Input::SocketClosed { socket, code, reason }
            }
        };
        self.handle(input);
    }

    fn answered(&mut self, ended: Result<(TaskId, Result<HttpAnswer, String>), JoinError>) {
        let (task, result) = match ended {
            Ok(ended) => ended,
            Err(error) => (error.id(), Err("the request was broken off".to_owned())),
        };
        let Some(request) = self.request_of.remove(&task) else { return };
        // An aborted request may have been answered in the same moment; nobody wants it any more.
        if self.aborts.remove(&request).is_none() {
            return;
        }
        self.handle(match result {
            Ok(answer) => Input::Answered { request, answer },
            Err(message) => Input::Failed { request, message },
        });
    }

    /// Carries out all that the core wants; says until when it then waits.
    fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.core.poll() {
                Output::Http(request) => {
                    tracing::trace!(operation = request.operation, request = request.request.0);
                    let id = request.request;
                    let abort = self.requests.spawn(http::perform(self.http.clone(), request));
                    self.request_of.insert(abort.id(), id);
                    self.aborts.insert(id, abort);
                }
                Output::AbortHttp { request } => {
                    if let Some(abort) = self.aborts.remove(&request) {
                        abort.abort();
                    }
                }
                Output::OpenSocket { socket, url } => {
                    let reporter = self.reporter.clone();
                    let opened = socket::open(&self.settings, socket, url, reporter);
                    self.sockets.insert(socket, opened);
                }
                Output::SendText { socket, text } => {
                    let stalls = self.sockets.get(&socket).is_some_and(|open| !open.write(text));
                    if stalls {
                        self.sockets.remove(&socket);
                        let reason = "the peer takes no data".to_owned();
                        self.handle(Input::SocketClosed { socket, code: None, reason });
                    }
                }
                Output::CloseSocket { socket, code, reason } => {
                    if let Some(open) = self.sockets.remove(&socket) {
                        open.close(code, reason);
                    }
                }
                Output::Event { session, event } => self.publish(session, event),
                Output::Done { call, result, .. } => {
                    if let Some(done) = self.calls.remove(&call) {
                        // Whoever asked may have gone away.
                        let _ = done.send(result);
                    }
                }
                // Only hosts that parse items themselves hold any.
                Output::Release { .. }
                | Output::Upload(_)
                | Output::Download { .. }
                | Output::NeedToken { .. }
                | Output::JoinForeign { .. }
                | Output::LeaveForeign { .. }
                | Output::Persist { .. } => {}
                Output::Log { session, level, text } => self.log(session, level, &text),
                Output::Wake(until) => return until.map(|mono_ms| self.clock.instant(mono_ms)),
            }
        }
    }

    fn publish(&self, session: SessionId, event: chatloom_session::Event) {
        let Some(chat) = self.chats.get(&session) else { return };
        let Some(event) = event::from_core(event, self.clock.origin.into_std()) else { return };
        chat.feed.publish(&event);
        if matches!(event, event::Event::Ended) {
            chat.feed.close();
        }
    }

    fn log(&self, session: Option<SessionId>, level: LogLevel, text: &str) {
        let _entered =
            session.and_then(|session| self.chats.get(&session)).map(|chat| chat.span.enter());
        match level {
            LogLevel::Debug => tracing::debug!("{text}"),
            LogLevel::Info => tracing::info!("{text}"),
            LogLevel::Warn => tracing::warn!("{text}"),
            LogLevel::Error => tracing::error!("{text}"),
        }
    }
}

async fn until(wake: Option<Instant>) {
    match wake {
        Some(wake) => sleep_until(wake).await,
        None => pending().await,
    }
}
