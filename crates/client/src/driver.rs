//! The driver: one task that owns the core, and carries out what it asks for.

use std::{
    collections::HashMap,
    future::pending,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chatloom_session::{
    Call, CallError, CallId, Core, EntryKey, Event as CoreEvent, HttpAnswer, Input, LogLevel, Now,
    Output, RequestId, SessionId, SessionOptions, SocketId, Upload, Value,
    recorder::{Limits, Recorder},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{AbortHandle, Id as TaskId, JoinError, JoinSet},
    time::{Instant, sleep_until},
};
use tracing::Span;

use crate::{
    attachment::{FileBody, UploadProgress},
    error::Error,
    event,
    feed::Feed,
    http,
    message::MessageStatus,
    options::TokenSource,
    random::random,
    reply::Outcome,
    snapshot::Snapshot,
    socket::{self, Report, Socket},
    transfer::{self, UploadError},
};

/// Frames that wait for the driver, over all sockets. When it is full the sockets are not read, so
/// the pressure goes back to the peer.
const REPORT_QUEUE: usize = 256;
/// Words about the progress of uploads that wait for the driver. What finds no room is not told.
const PROGRESS_QUEUE: usize = 64;

/// What a handle asks of the driver.
pub(crate) enum Command {
    Create(Box<Create>),
    Forget { session: SessionId },
    Track { session: SessionId },
    Call { session: SessionId, call: CallId, what: Call, pending: Pending },
    Cancel { call: CallId },
    Network { online: bool },
    Visibility { visible: bool },
    Record { reply: oneshot::Sender<Option<String>> },
}

/// A chat that begins.
pub(crate) struct Create {
    pub(crate) session: SessionId,
    pub(crate) options: SessionOptions,
    pub(crate) feed: Arc<Feed>,
    pub(crate) token_source: Option<TokenSource>,
    /// What the core kept of it in another process.
    pub(crate) snapshot: Option<String>,
}

/// A call that has not ended.
pub(crate) struct Pending {
    done: oneshot::Sender<Result<Outcome, Error>>,
    kind: Kind,
}

/// What the driver has for a call besides its answer.
pub(crate) enum Kind {
    Plain,
    /// Who looks at the message.
    Message(watch::Sender<MessageStatus>),
    Upload(Box<FileToSend>),
}

/// A file that a call is to send.
pub(crate) struct FileToSend {
    /// Taken by an attempt; stays where there can be another.
    file: Option<FileBody>,
    size: u64,
    progress: watch::Sender<UploadProgress>,
    /// Why the latest attempt failed. What the call ends with when there can be no other.
    failed: Option<Error>,
}

impl FileToSend {
    pub(crate) fn new(file: FileBody, size: u64, progress: watch::Sender<UploadProgress>) -> Self {
        Self { file: Some(file), size, progress, failed: None }
    }
}

impl Pending {
    pub(crate) fn new(done: oneshot::Sender<Result<Outcome, Error>>, kind: Kind) -> Self {
        Self { done, kind }
    }
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
    token_source: Option<TokenSource>,
    /// Who looks at which message.
    messages: HashMap<EntryKey, watch::Sender<MessageStatus>>,
    /// When so many are looked at, those that nobody looks at any more are dropped.
    sweep_at: usize,
}

const FIRST_SWEEP: usize = 64;

impl ChatEntry {
    /// Tells those who look at a message. `new` are those of the call that has just sent it.
    fn tell(
        &mut self,
        key: EntryKey,
        new: Option<watch::Sender<MessageStatus>>,
        status: &MessageStatus,
    ) {
        if let Some(new) = new {
            if self.messages.len() >= self.sweep_at {
                self.messages.retain(|_, watchers| !watchers.is_closed());
                self.sweep_at = FIRST_SWEEP.max(self.messages.len() * 2);
            }
            self.messages.insert(key, new);
        }
        let Some(watchers) = self.messages.get(&key) else { return };
        watchers.send_replace(status.clone());
        // Nothing follows the last state, and nobody needs to hear what nobody looks at.
        if watchers.is_closed() || status.state == crate::MessageState::Read {
            self.messages.remove(&key);
        }
    }
}

/// How a request of the core ended.
enum Exchanged {
    Http(Result<HttpAnswer, String>),
    Upload(Result<HttpAnswer, UploadError>, CallId),
    Download(Result<(HttpAnswer, Option<Box<reqwest::Response>>), String>),
    Token(Result<chatloom_session::HostToken, String>),
}

pub(crate) struct Driver {
    core: Core,
    recorder: Option<Recorder>,
    clock: Clock,
    commands: mpsc::UnboundedReceiver<Command>,
    chats: HashMap<SessionId, ChatEntry>,
    calls: HashMap<CallId, Pending>,
    http: reqwest::Client,
    requests: JoinSet<Exchanged>,
    request_of: HashMap<TaskId, RequestId>,
    aborts: HashMap<RequestId, AbortHandle>,
    settings: socket::Settings,
    sockets: HashMap<SocketId, Socket>,
    reports: mpsc::Receiver<(SocketId, Report)>,
    reporter: mpsc::Sender<(SocketId, Report)>,
    progress: mpsc::Receiver<(RequestId, u64)>,
    progresser: mpsc::Sender<(RequestId, u64)>,
    /// The file that the storage gives for the answer that the core is being told.
    downloaded: Option<Box<reqwest::Response>>,
    /// The chats that the core has just ended.
    ended: Vec<SessionId>,
}

impl Driver {
    pub(crate) fn new(
        http: reqwest::Client,
        settings: socket::Settings,
        commands: mpsc::UnboundedReceiver<Command>,
        flight_recorder: Option<Limits>,
    ) -> Self {
        let seed = random();
        let (reporter, reports) = mpsc::channel(REPORT_QUEUE);
        let (progresser, progress) = mpsc::channel(PROGRESS_QUEUE);
        Self {
            core: Core::new(seed),
            recorder: flight_recorder.map(|limits| Recorder::new(seed, limits)),
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
            progress,
            progresser,
            downloaded: None,
            ended: Vec::new(),
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
                Some((request, sent)) = self.progress.recv() => {
                    self.handle(Input::Progress { request, sent });
                }
                () = until(wake) => self.handle(Input::Time),
            }
            wake = self.drain();
            // The core has told whose it is, or nobody wants it.
            self.downloaded = None;
            // After the last event there may still be something to keep.
            for session in self.ended.drain(..) {
                if let Some(chat) = self.chats.get(&session) {
                    chat.feed.close();
                }
            }
        }
        // Every chat has been forgotten on the way here, so the core has closed its sockets; their
        // tasks say goodbye on their own. Requests that still run are aborted with `self`.
    }

    fn handle(&mut self, input: Input) {
        let now = self.clock.now();
        if let Some(recorder) = &mut self.recorder {
            recorder.input(now, &input);
        }
        self.core.handle(now, input);
    }

    fn poll(&mut self) -> Output {
        let output = self.core.poll();
        if let Some(recorder) = &mut self.recorder {
            recorder.output(&output);
        }
        output
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Create(create) => self.create(*create),
            Command::Forget { session } => {
                self.handle(Input::Forget { session });
                // What the core has to say about this session still finds its calls, but its
                // readers need no more.
                if let Some(chat) = self.chats.remove(&session) {
                    chat.feed.close();
                }
            }
            Command::Track { session } => self.handle(Input::Track { session }),
            Command::Call { session, call, what, pending } => {
                self.calls.insert(call, pending);
                self.handle(Input::Call { session, call, what });
            }
            Command::Cancel { call } => self.handle(Input::Cancel { call }),
            Command::Record { reply } => {
                // Whoever asked may have gone away.
                let _ = reply.send(self.recorder.as_ref().map(Recorder::export));
            }
            Command::Network { online } => self.handle(Input::Network { online }),
            Command::Visibility { visible } => self.handle(Input::Visibility { visible }),
        }
    }

    fn create(&mut self, create: Create) {
        let Create { session, options, feed, token_source, snapshot } = create;
        let chat = ChatEntry {
            feed,
            span: tracing::info_span!("chat", contact_id = %options.contact_id),
            token_source,
            messages: HashMap::new(),
            sweep_at: FIRST_SWEEP,
        };
        self.chats.insert(session, chat);
        let options = Box::new(options);
        self.handle(match snapshot {
            None => Input::Create { session, options },
            Some(snapshot) => Input::Restore { session, options, snapshot },
        });
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

    fn answered(&mut self, ended: Result<(TaskId, Exchanged), JoinError>) {
        let broken = || "the request was broken off".to_owned();
        let (task, result) = match ended {
            Ok((task, result)) => (task, result),
            Err(error) => (error.id(), Exchanged::Http(Err(broken()))),
        };
        let Some(request) = self.request_of.remove(&task) else { return };
        // An aborted request may have been answered in the same moment; nobody wants it any more.
        if self.aborts.remove(&request).is_none() {
            return;
        }
        let result = match result {
            Exchanged::Http(result) => result,
            Exchanged::Upload(Ok(answer), call) => {
                let (operation, status) = ("upload", answer.status);
                self.upload_failed(call, Error::Storage { operation, status });
                Ok(answer)
            }
            Exchanged::Upload(Err(UploadError::Network(message)), call) => {
                self.upload_failed(call, Error::Unreachable { message: message.clone() });
                Err(message)
            }
            Exchanged::Upload(Err(UploadError::File(message)), call) => {
                // Another attempt would meet the same.
                self.upload_failed(call, Error::File { message });
                return self.handle(Input::Cancel { call });
            }
            Exchanged::Download(result) => result.map(|(answer, file)| {
                self.downloaded = file;
                answer
            }),
            Exchanged::Token(token) => return self.handle(Input::Token { request, token }),
        };
        self.handle(match result {
            Ok(answer) => Input::Answered { request, answer },
            Err(message) => Input::Failed { request, message },
        });
    }

    fn spawn(
        &mut self,
        request: RequestId,
        work: impl Future<Output = Exchanged> + Send + 'static,
    ) {
        let abort = self.requests.spawn(work);
        self.request_of.insert(abort.id(), request);
        self.aborts.insert(request, abort);
    }

    fn upload(&mut self, upload: Upload) {
        let (request, call) = (upload.request, upload.call);
        let Some(Pending { kind: Kind::Upload(job), .. }) = self.calls.get_mut(&call) else {
            return;
        };
        let again = job.file.as_ref().and_then(FileBody::again);
        let (body, size) = (std::mem::replace(&mut job.file, again), job.size);
        // A stream cannot be sent a second time: the call ends with why the first failed.
        let Some(body) = body else { return self.handle(Input::Cancel { call }) };
        let (http, progress) = (self.http.clone(), self.progresser.clone());
        self.spawn(request, async move {
            Exchanged::Upload(transfer::upload(http, upload, body, size, progress).await, call)
        });
    }

    /// Notes how an attempt ended, in case it was the last.
    fn upload_failed(&mut self, call: CallId, error: Error) {
        if let Some(Pending { kind: Kind::Upload(job), .. }) = self.calls.get_mut(&call) {
            job.failed = Some(error);
        }
    }

    fn ask_for_token(&mut self, session: SessionId, request: RequestId) {
        let source = self.chats.get(&session).and_then(|chat| chat.token_source.as_ref());
        let Some(source) = source else {
            let token = Err("the chat has no source of tokens".to_owned());
            return self.handle(Input::Token { request, token });
        };
        let asking = source();
        self.spawn(request, async move { Exchanged::Token(asking.await) });
    }

    fn done(&mut self, call: CallId, result: Result<Value, CallError>) {
        let Some(Pending { done, kind }) = self.calls.remove(&call) else { return };
        let result = match (result, kind) {
            (Ok(Value::Downloaded { .. }), _) => match self.downloaded.take() {
                Some(file) => Ok(Outcome::Download(file)),
                None => Err(Error::Closed),
            },
            (Ok(value), Kind::Upload(job)) => {
                job.progress.send_replace(UploadProgress { sent: job.size, total: job.size });
                Ok(Outcome::Value(value))
            }
            (Ok(value), _) => Ok(Outcome::Value(value)),
            (Err(error @ CallError::Cancelled), Kind::Upload(job)) => {
                Err(job.failed.unwrap_or_else(|| error.into()))
            }
            (Err(error), _) => Err(error.into()),
        };
        // Whoever asked may have gone away.
        let _ = done.send(result);
    }

    /// Carries out all that the core wants; says until when it then waits.
    fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.poll() {
                Output::Http(request) => {
                    tracing::trace!(operation = request.operation, request = request.request.0);
                    let (id, http) = (request.request, self.http.clone());
                    self.spawn(id, async { Exchanged::Http(http::perform(http, request).await) });
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
                Output::Done { call, result, .. } => self.done(call, result),
                Output::Upload(upload) => self.upload(upload),
                Output::Download { request, url, .. } => {
                    let http = self.http.clone();
                    self.spawn(request, async {
                        Exchanged::Download(transfer::download(http, url).await)
                    });
                }
                Output::NeedToken { request, session } => self.ask_for_token(session, request),
                Output::Persist { session, snapshot } => {
                    if let Some(chat) = self.chats.get(&session) {
                        chat.feed.snapshots.set(snapshot.map(Snapshot::from));
                    }
                }
                // Only hosts that parse items themselves hold any, and only those with a socket
                // manager of their own are asked to use it.
                Output::Release { .. }
                | Output::JoinForeign { .. }
                | Output::LeaveForeign { .. } => {}
                Output::Log { session, level, text } => self.log(session, level, &text),
                Output::Wake(until) => return until.map(|mono_ms| self.clock.instant(mono_ms)),
            }
        }
    }

    fn publish(&mut self, session: SessionId, event: CoreEvent) {
        let Some(chat) = self.chats.get_mut(&session) else { return };
        let new = match &event {
            CoreEvent::Message { call: Some(call), .. } => match self.calls.get_mut(call) {
                Some(Pending { kind: kind @ Kind::Message(_), .. }) => {
                    match std::mem::replace(kind, Kind::Plain) {
                        Kind::Message(watchers) => Some(watchers),
                        Kind::Plain | Kind::Upload(_) => None,
                    }
                }
                _ => None,
            },
            CoreEvent::AttachmentProgress { call, sent, total } => {
                if let Some(Pending { kind: Kind::Upload(job), .. }) = self.calls.get(call) {
                    job.progress.send_replace(UploadProgress { sent: *sent, total: *total });
                }
                None
            }
            _ => None,
        };
        let event = match event {
            CoreEvent::Transcript(update) => {
                chat.feed.transcript.modify(|transcript| transcript.apply(update.steps));
                return;
            }
            event => event,
        };
        let Some(event) = event::from_core(event, self.clock.origin.into_std()) else { return };
        if let event::Event::MessageState(status) = &event
            && let Some(key) = status.key
        {
            chat.tell(key, new, status);
        }
        chat.feed.publish(&event);
        if matches!(event, event::Event::Ended) {
            chat.feed.close_events();
            self.ended.push(session);
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
