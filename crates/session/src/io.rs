//! What goes into the core and what comes out of it.

use std::borrow::Cow;

use chatloom_wire::{
    ContactId, ContentType, Item, ItemHead, ParticipantId, ParticipantToken, ServiceError,
    participant::GetTranscriptRequest,
};

/// The time an input arrives at.
///
/// Two clocks, both the host's: deadlines follow the monotonic one, so that setting the wall clock
/// cannot stop a heartbeat; token expiry and item times follow the wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds on a clock that never goes back, from any origin.
    pub mono_ms: u64,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub wall_ms: i64,
}

macro_rules! number {
    ($( $(#[$meta:meta])* $name:ident($inner:ty); )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $inner);
    )*};
}

number! {
    /// A session, by a number the host picks and uses once.
    SessionId(u32);
    /// A call, by a number the host picks and uses once.
    CallId(u64);
    /// An HTTP request, by a number the core picks.
    RequestId(u64);
    /// A socket, by a number the core picks.
    SocketId(u64);
    /// An item that the host parsed and holds, by a number the host picks. It belongs to the core
    /// from the input that names it until an output gives it back: in [`Body::Held`] of an event,
    /// or in [`Output::Release`].
    ItemHandle(u64);
}

/// How a session behaves where the original and the sensible differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// As amazon-connect-chatjs 5.0.0, with what only fails, hangs or loses data mended
    /// (docs/protocol/defects.md).
    Compat,
    /// The transcript is always right, nothing is sent twice or forgotten, state is visible.
    #[default]
    Chatloom,
}

/// What a session is made of.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// See [`Behaviour`].
    pub behaviour: Behaviour,
    /// Base URL of the Participant Service without a slash at its end, for instance
    /// `https://participant.connect.us-west-2.amazonaws.com`.
    pub endpoint: String,
    /// The contact.
    pub contact_id: ContactId,
    /// The chat; the contact when there has been no transfer.
    pub initial_contact_id: ContactId,
    /// The participant this session speaks for.
    pub participant_id: ParticipantId,
    /// The participant's token.
    pub participant_token: ParticipantToken,
    /// Value of the `x-amz-user-agent` header; none is sent when empty.
    pub user_agent: String,
}

/// Everything that can happen to the core.
#[derive(Clone, Debug)]
pub enum Input {
    /// A session begins. Nothing is sent before it connects.
    Create {
        /// The number it goes by from now on.
        session: SessionId,
        /// What it is made of.
        options: Box<SessionOptions>,
    },
    /// The host has no more use for a session: its calls end as [`CallError::Closed`], its sockets
    /// are closed, nothing is sent to the service.
    Forget {
        /// Which.
        session: SessionId,
    },
    /// The application asks for something. Exactly one [`Output::Done`] with this call follows.
    Call {
        /// For which session.
        session: SessionId,
        /// The number of the call.
        call: CallId,
        /// What is asked.
        what: Call,
    },
    /// The application no longer wants an answer. What was sent stays sent, but is not sent again;
    /// what still waits is not sent. A session whose `connect` is cancelled goes on connecting.
    Cancel {
        /// Which call.
        call: CallId,
    },
    /// An HTTP answer arrived, whatever its status.
    Answered {
        /// To which request.
        request: RequestId,
        /// What came.
        answer: HttpAnswer,
    },
    /// An HTTP request got no answer.
    Failed {
        /// Which request.
        request: RequestId,
        /// A text for people, for instance `connection refused`. No secrets.
        message: String,
    },
    /// A socket opened.
    SocketOpened {
        /// Which.
        socket: SocketId,
    },
    /// A text frame arrived.
    SocketText {
        /// On which socket.
        socket: SocketId,
        /// The frame.
        text: String,
    },
    /// A chat item arrived that the host has parsed already.
    SocketItem {
        /// On which socket.
        socket: SocketId,
        /// The item, held by the host.
        item: ItemHandle,
        /// Its members that the core decides on.
        head: Box<ItemHead>,
    },
    /// A socket failed or closed. The core may have given it up before; then this says nothing new.
    SocketClosed {
        /// Which.
        socket: SocketId,
        /// The close code, when there was one.
        code: Option<u16>,
        /// Why, for people.
        reason: String,
    },
    /// The host learned whether there is a network.
    Network {
        /// Whether there is.
        online: bool,
    },
    /// The page or program came to the foreground or went to the background. Going there pauses
    /// nothing; coming back ends a back-off and has an open socket prove that it is alive.
    Visibility {
        /// Whether it can be seen.
        visible: bool,
    },
    /// The deadline of [`Output::Wake`] has come, or the host just wants to let time pass.
    Time,
}

/// What an application asks of a session.
#[derive(Clone, Debug)]
pub enum Call {
    /// Connect. Succeeds when the service gave a connection; the socket opens after that. Fails
    /// after three attempts, and may then be made again; so it may when the session is broken. While
    /// another one runs it ends with that one; when the session is connected it succeeds at once.
    Connect,
    /// Send a message. Compat sends it at once and makes three attempts as the JavaScript SDK does.
    /// In Chatloom behaviour it is taken as soon as `connect` has been called and waits its turn:
    /// one at a time goes out, in order, the first when a socket has subscribed, and is tried until
    /// the service takes it or refuses it. When the session breaks or the chat ends, those that wait
    /// fail.
    SendMessage(Outgoing),
    /// Send an event: typing or a receipt. Typing is sent once in ten seconds
    /// (docs/protocol/websocket.md S88), in each session (docs/protocol/defects.md D9).
    SendEvent(Outgoing),
    /// Read a page of the transcript. The request goes out as it is given.
    GetTranscript(Box<GetTranscriptRequest>),
    /// Leave the chat. Does not wait for messages that are on their way. The session ends when the
    /// service says so.
    DisconnectParticipant,
}

/// A message or an event to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// What it is.
    pub content_type: ContentType,
    /// The message; the payload of an event, where it has one.
    pub content: Option<String>,
    /// Makes a repeat harmless; the core makes one up when there is none.
    pub client_token: Option<String>,
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

/// An HTTP answer as the host saw it.
#[derive(Clone)]
pub struct HttpAnswer {
    /// The status, 100 to 599.
    pub status: u16,
    /// Header `x-amzn-ErrorType`.
    pub error_type: Option<String>,
    /// Header `x-amzn-RequestId`.
    pub request_id: Option<String>,
    /// Header `Retry-After` in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// The body. A host may leave it empty for a status of 200 when the request said
    /// [`HttpRequest::keep_body`]; for any other status it is needed.
    pub body: String,
}

impl std::fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpAnswer")
            .field("status", &self.status)
            .field("error_type", &self.error_type)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Everything the core wants.
#[derive(Debug)]
pub enum Output {
    /// Make an HTTP request and bring [`Input::Answered`] or [`Input::Failed`].
    Http(HttpRequest),
    /// The answer of a request is no longer wanted; the host may abort it.
    AbortHttp {
        /// Which.
        request: RequestId,
    },
    /// Open a socket.
    OpenSocket {
        /// The number it goes by.
        socket: SocketId,
        /// Where. Secret: whoever has it may listen.
        url: String,
    },
    /// Write a text frame.
    SendText {
        /// On which socket.
        socket: SocketId,
        /// The frame.
        text: Cow<'static, str>,
    },
    /// Close a socket. The core takes nothing more from it.
    CloseSocket {
        /// Which.
        socket: SocketId,
        /// The close code.
        code: u16,
        /// The reason.
        reason: &'static str,
    },
    /// Something the application should know.
    Event {
        /// In which session.
        session: SessionId,
        /// What.
        event: Event,
    },
    /// A call is over.
    Done {
        /// In which session.
        session: SessionId,
        /// Which call.
        call: CallId,
        /// How it ended.
        result: Result<Value, CallError>,
    },
    /// An item that the host holds is not wanted.
    Release {
        /// Which.
        item: ItemHandle,
    },
    /// Something a developer may want to read. No secrets, no content.
    Log {
        /// In which session, if in one.
        session: Option<SessionId>,
        /// How much it matters.
        level: LogLevel,
        /// What happened.
        text: String,
    },
    /// Nothing more to do until this monotonic time, or until an input comes when there is none.
    /// Always the last output of a drain.
    Wake(Option<u64>),
}

/// An HTTP request to make.
#[derive(Clone)]
pub struct HttpRequest {
    /// Its number.
    pub request: RequestId,
    /// The session it is for.
    pub session: SessionId,
    /// The operation, for logs and metrics.
    pub operation: &'static str,
    /// `POST` or `GET`.
    pub method: &'static str,
    /// The whole URL.
    pub url: String,
    /// Headers beside `Content-Type: application/json`. Secret: they carry the token.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
    /// After how long without an answer the host gives up and says [`Input::Failed`].
    pub timeout_ms: u64,
    /// The core has no use for the body of a 200: the host may keep it and hand it to the
    /// application when the call is done ([`Answer::request`]).
    pub keep_body: bool,
}

/// Without URL members, headers and body: they hold secrets and content.
impl std::fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpRequest")
            .field("request", &self.request)
            .field("session", &self.session)
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}

/// How a call ended well.
#[derive(Clone, Debug)]
pub enum Value {
    /// The service gave a connection.
    Connected,
    /// The service answered.
    Answered(Answer),
    /// Typing again so soon is not sent: the answer is that of this earlier call, which is done
    /// (docs/protocol/websocket.md S90).
    Repeated {
        /// The call that was sent.
        earlier: CallId,
    },
}

/// A successful answer of the service.
#[derive(Clone)]
pub struct Answer {
    /// The request it answers.
    pub request: RequestId,
    /// Header `x-amzn-RequestId`.
    pub request_id: Option<String>,
    /// How often the request was made, at least 1.
    pub attempts: u32,
    /// How long was waited between attempts.
    pub retry_delay_ms: u64,
    /// The body; empty when the host kept it.
    pub body: String,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("request", &self.request)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// How a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The session is not connected yet, or its chat is over.
    #[error(
        "failed to call {operation}: no active connection; connect the session first, or start a new chat if this one has ended"
    )]
    NotConnected {
        /// What was asked.
        operation: &'static str,
    },
    /// An argument does not fit.
    #[error("{member}: {rule}")]
    Invalid {
        /// Which argument.
        member: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// The service refused or failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The service could not be reached.
    #[error("the service could not be reached: {message}")]
    Unreachable {
        /// Why, for people.
        message: String,
    },
    /// The service answered something that is not an answer.
    #[error("the service's answer cannot be used: {message}")]
    BadAnswer {
        /// Why.
        message: String,
    },
    /// The application cancelled the call.
    #[error("the call was cancelled")]
    Cancelled,
    /// The host forgot the session, or the chat ended before the call could be made.
    #[error("the session is closed")]
    Closed,
    /// So many messages wait to be sent that no more are taken.
    #[error("{waiting} messages are waiting to be sent already; send again when some are through")]
    OutboxFull {
        /// How many wait.
        waiting: usize,
    },
}

impl CallError {
    /// Whether the same call may succeed later without a change by the caller.
    pub fn can_retry(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::OutboxFull { .. } => true,
            Self::Service(error) => error.status == 429 || error.status >= 500,
            Self::NotConnected { .. }
            | Self::Invalid { .. }
            | Self::BadAnswer { .. }
            | Self::Cancelled
            | Self::Closed => false,
        }
    }
}

/// Something the application should know.
#[derive(Clone, Debug)]
pub enum Event {
    /// An item for the application.
    Item {
        /// Which callback of the original it belongs to.
        kind: ItemKind,
        /// The item.
        body: Body,
    },
    /// The session can be used. Compat says so after `connect` succeeded and whenever a socket opens
    /// after there was none, so twice on the first connection (docs/protocol/websocket.md S50, S51).
    /// Chatloom says so whenever a socket has subscribed after there was none.
    Established {
        /// Whether a socket is open, which is not yet so for the first of the two.
        by_socket: bool,
    },
    /// The last socket is gone; the core reconnects. Once for each outage; in Compat also when the
    /// first socket does not open (docs/protocol/websocket.md S155).
    Lost,
    /// The service refuses a new connection with 400, 404 or an answer without a socket, and no
    /// socket is left: the core has given up. `connect` may be called again.
    Broken,
    /// The chat is over.
    Ended,
    /// A deep heartbeat was answered or missed.
    DeepHeartbeat {
        /// Whether it was answered with success.
        success: bool,
    },
    /// Chatloom behaviour: what the connection is doing changed.
    Connection(Connection),
    /// Chatloom behaviour: what is missing between the items before and after could not be read. It
    /// may also be the last event but the end or the break of the session: then nobody knows whether
    /// something is missing.
    Gap,
    /// Chatloom behaviour: everything that the transcript held when the socket subscribed has been
    /// delivered; what follows is live. Follows each subscription, that of a hand-over too.
    CaughtUp,
}

/// The callback of the original that an item belongs to (docs/protocol/websocket.md S118).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ItemKind {
    /// Messages, attachments, joined, left, transfers, the end, and everything unknown.
    Message,
    /// Somebody is typing.
    Typing,
    /// Somebody read a message.
    ReadReceipt,
    /// A message reached somebody.
    DeliveredReceipt,
    /// A participant is silent.
    ParticipantIdle,
    /// An idle participant wrote.
    ParticipantReturned,
    /// A participant was disconnected for being idle.
    AutoDisconnection,
    /// Another participant was asked in.
    ParticipantInvited,
    /// The customer is asked to sign in.
    AuthenticationInitiated,
    /// The customer signed in.
    AuthenticationSuccessful,
    /// Signing in failed.
    AuthenticationFailed,
    /// The customer did not sign in in time.
    AuthenticationTimeout,
    /// The sign-in can no longer be used.
    AuthenticationExpired,
    /// The customer declined to sign in.
    AuthenticationCanceled,
    /// A display name changed.
    ParticipantDisplayNameUpdated,
    /// The transcript of an earlier chat was attached.
    ChatRehydrated,
}

/// An item in an event.
#[derive(Clone, Debug)]
pub enum Body {
    /// The item itself.
    Item(Box<Item>),
    /// An item the host holds; it belongs to the host again.
    Held(ItemHandle),
}

/// What the connection of a session is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Asking for a connection or opening a socket.
    Connecting,
    /// A socket is open and subscribed.
    Online,
    /// Waiting to try again.
    Waiting {
        /// Until this monotonic time.
        until_ms: u64,
        /// Why the last attempt failed, for people.
        reason: String,
    },
    /// There is no network; the core waits for it.
    Offline,
    /// The core has given up; `connect` may be called again.
    Broken {
        /// Why, for people.
        reason: String,
    },
    /// The chat is over.
    Ended,
}

/// How much a log line matters, with the numbers of the original (S4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Follows the code.
    Debug = 10,
    /// A change of state somebody may ask about.
    Info = 20,
    /// Something is wrong that mends itself.
    Warn = 30,
    /// Something is wrong that does not.
    Error = 40,
}
