//! What goes into the core and what comes out of it.

use std::{borrow::Cow, sync::Arc};

use chatloom_wire::{
    AttachmentId, ConnectionToken, ContactId, ContentType, Item, ItemHead, ItemId, ParticipantId,
    ParticipantRole, ParticipantToken, ServiceError, participant::GetTranscriptRequest,
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
    /// from the input that names it until [`Output::Release`] gives it back; in between, any number
    /// of events may show it.
    ItemHandle(u64);
    /// A socket manager that belongs to the host and serves many sessions, by a number the host
    /// picks (docs/protocol/websocket.md §8).
    ForeignId(u32);
    /// An entry of a tracked transcript, by a number the core picks. A message keeps it from the
    /// moment it is to be sent until its echo and beyond.
    EntryKey(u64);
    /// A hole in what the application has been given, by a number the core picks.
    GapId(u32);
}

/// Whom a session speaks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// A customer.
    #[default]
    Customer,
    /// An agent or a supervisor (docs/protocol/websocket.md S190).
    Agent,
}

/// Where a session gets its connection token and its items from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// From the service, with the participant token; over a socket of the core's own.
    #[default]
    Service,
    /// The token from the host, which is asked by [`Output::NeedToken`], or from the service when the
    /// host has none; items over a socket manager of the host's. Without one the session breaks as
    /// soon as it is connected, and only calls work (docs/protocol/websocket.md S178 to S188).
    Host {
        /// The socket manager.
        foreign: Option<ForeignId>,
    },
    /// The token from the service, items over a socket manager of the host's
    /// (docs/protocol/websocket.md S16).
    Foreign(ForeignId),
}

/// How calls of the application are repeated when the service fails or is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// The first wait is random up to this; each further one up to twice as much.
    pub base_ms: u64,
    /// The same after the answer 429.
    pub throttled_base_ms: u64,
    /// No wait is longer, `Retry-After` aside.
    pub cap_ms: u64,
}

impl RetryPolicy {
    /// What a behaviour does by itself: three attempts as the JavaScript SDK makes them
    /// (docs/protocol/participant-service.md §2.3), five in Chatloom behaviour.
    pub fn of(behaviour: Behaviour) -> Self {
        let attempts = if behaviour == Behaviour::Compat { 3 } else { 5 };
        Self { attempts, base_ms: 100, throttled_base_ms: 500, cap_ms: 20_000 }
    }
}

/// How a session behaves where the original and the sensible differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// As amazon-connect-chatjs 5.0.0, with what only fails, hangs or loses data mended
    /// (docs/protocol/defects.md).
    Compat,
    /// The transcript is always right, nothing is sent twice or forgotten, state is visible. In a
    /// build without it ([`CHATLOOM`](crate::CHATLOOM)) sessions behave as in the other.
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
    /// Whom it speaks for.
    pub role: Role,
    /// Where its token and items come from.
    pub source: Source,
    /// How its calls are repeated.
    pub retry: RetryPolicy,
    /// One typing event goes out in this time (docs/protocol/websocket.md S88).
    pub typing_throttle_ms: u64,
    /// Whether receipts are sent at all (docs/protocol/websocket.md S24).
    pub receipts: bool,
    /// Receipts are gathered for this long (docs/protocol/websocket.md S102).
    pub receipt_throttle_ms: u64,
    /// A tracked transcript holds so many entries, at least 100; older ones become a gap that can be
    /// read again.
    pub most_entries: usize,
    /// Log lines below this level are not made.
    pub log_level: LogLevel,
    /// Whether [`Output::Persist`] is wanted whenever something changes that must survive the
    /// process.
    pub persist: bool,
}

impl SessionOptions {
    /// A customer's session in a chat that has not been transferred, with everything else as the
    /// behaviour has it. The endpoint is without a slash at its end.
    pub fn new(
        behaviour: Behaviour,
        endpoint: impl Into<String>,
        contact_id: ContactId,
        participant_id: ParticipantId,
        participant_token: ParticipantToken,
    ) -> Self {
        Self {
            behaviour,
            endpoint: endpoint.into(),
            initial_contact_id: contact_id.clone(),
            contact_id,
            participant_id,
            participant_token,
            user_agent: String::new(),
            role: Role::Customer,
            source: Source::Service,
            retry: RetryPolicy::of(behaviour),
            typing_throttle_ms: 10_000,
            receipts: true,
            receipt_throttle_ms: 5_000,
            most_entries: 10_000,
            log_level: LogLevel::Debug,
            persist: false,
        }
    }
}

/// Everything that can happen to the core.
#[derive(Clone)]
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
    /// A session begins where another process left it, from what [`Output::Persist`] or
    /// [`Core::snapshot`](crate::Core::snapshot) gave. It is not connected. In Chatloom behaviour
    /// messages that waited or were on their way there wait here, those that had failed have failed
    /// here, each with its key and its client token, and [`Event::Message`] tells of each; what had
    /// been delivered there is not delivered again, and what was missed since is. A snapshot that
    /// cannot be read, or is of another version, is told as a log line, and the session begins as by
    /// [`Input::Create`]; so it does in a build without that behaviour ([`CHATLOOM`](crate::CHATLOOM)).
    Restore {
        /// The number it goes by from now on.
        session: SessionId,
        /// What it is made of; of the ids and the tokens those of the snapshot count.
        options: Box<SessionOptions>,
        /// What was persisted.
        snapshot: String,
    },
    /// The application wants to see the transcript: [`Event::Transcript`] follows from now on. In
    /// Compat the list holds what comes from now on and what pages bring
    /// (docs/protocol/websocket.md S138); in Chatloom behaviour somebody who begins in the middle of a
    /// chat gets the 100 newest entries, and a gap for those before. Asking again changes nothing.
    Track {
        /// In which session.
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
    /// So many bytes of a file are through.
    Progress {
        /// Which upload.
        request: RequestId,
        /// How many, in all.
        sent: u64,
    },
    /// The host's answer to [`Output::NeedToken`]. After 60 s without one the service is asked.
    Token {
        /// Which.
        request: RequestId,
        /// The connection token; why there is none, for people, when there is none.
        token: Result<HostToken, String>,
    },
    /// A socket manager of the host's has something to say.
    Foreign {
        /// Which.
        foreign: ForeignId,
        /// What.
        event: ForeignEvent,
    },
    /// A handler of the application failed; the host went on with the others.
    HandlerFailed {
        /// In which session.
        session: SessionId,
        /// What it handles, for instance `onMessage`.
        handler: String,
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
    /// A chat item arrived that the host has parsed already. Not for one that has
    /// `MessageMetadata.MessageCompleted`: the core joins chunks, so it needs their text.
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

/// A connection token that the host has (docs/protocol/websocket.md S178).
#[derive(Clone, Debug)]
pub struct HostToken {
    /// The token. Secret.
    pub token: ConnectionToken,
    /// Until when it is good, ISO 8601, if that is known.
    pub expiry: Option<String>,
}

/// What a socket manager of the host's says (docs/protocol/websocket.md S196).
#[derive(Clone)]
pub enum ForeignEvent {
    /// The connection is there, for the first time or again.
    Gained,
    /// The connection is lost; the manager reconnects.
    Lost,
    /// The manager has given up.
    Broken,
    /// A deep heartbeat was answered or missed.
    DeepHeartbeat {
        /// Whether it was answered with success.
        success: bool,
    },
    /// The `content` of a frame of the topic `aws/chat`: the text of an item.
    Text(String),
    /// An item that the host has parsed already; see [`Input::SocketItem`].
    Item {
        /// The item, held by the host.
        item: ItemHandle,
        /// Its members that the core decides on.
        head: Box<ItemHead>,
    },
}

/// What an application asks of a session.
#[derive(Clone)]
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
    /// (docs/protocol/websocket.md S88), in each session (docs/protocol/defects.md D9). Receipts are
    /// gathered (S100 to S107); in Chatloom behaviour as those of [`Call::MarkRead`].
    SendEvent(Outgoing),
    /// Read a page of the transcript. What the request leaves open is as in the original: 15 items,
    /// backward, the oldest first (docs/protocol/websocket.md S68, S69).
    GetTranscript(Box<GetTranscriptRequest>),
    /// Leave the chat. Does not wait for messages that are on their way. The session ends when the
    /// service says so.
    DisconnectParticipant,
    /// Send a file: the service is asked where to, the host uploads it ([`Output::Upload`]), the
    /// service is told. An upload that the storage refuses fails the call
    /// (docs/protocol/defects.md D8); in Chatloom behaviour it is made again first when that may
    /// help, from the first byte. Cancelling, and the end of the chat, break the upload off.
    SendAttachment(NewAttachment),
    /// Fetch a file: the service is asked where it is, the host downloads it ([`Output::Download`])
    /// and keeps it; ends with [`Value::Downloaded`]. Compat does not look at the storage's status
    /// (docs/protocol/websocket.md S77); in Chatloom behaviour one outside 200 to 299 fails the call,
    /// after further attempts where they may help.
    DownloadAttachment {
        /// Which.
        attachment_id: AttachmentId,
    },
    /// Ask where a file is; ends with [`Value::Url`].
    GetAttachmentUrl {
        /// Which.
        attachment_id: AttachmentId,
    },
    /// Read a view. In Compat this and the two calls about signing in are also made when the chat is
    /// over (docs/protocol/websocket.md S58).
    DescribeView {
        /// From the message that shows it.
        view_token: String,
    },
    /// Ask where the customer can sign in.
    GetAuthenticationUrl {
        /// Where the browser comes back to.
        redirect_uri: String,
        /// From the event that asked for it.
        session_id: String,
    },
    /// The customer does not want to sign in.
    CancelParticipantAuthentication {
        /// From the event that asked for it.
        session_id: String,
    },
    /// The application has shown everything up to this item. In Chatloom behaviour receipts are
    /// gathered for a while, and one request names the newest item and is repeated until the service
    /// takes it or refuses it; what has been told already, or is older, is done at once
    /// ([`Value::AlreadyFired`]). In Compat this is a receipt like any other.
    MarkRead {
        /// The newest item that was read.
        item: ItemId,
    },
    /// Everything up to this item has reached the application; see [`Call::MarkRead`], which says
    /// this as well.
    MarkDelivered {
        /// The newest item.
        item: ItemId,
    },
    /// Read older entries into the tracked transcript; ends with [`Value::Loaded`] when they are in
    /// it. They may exceed the bound of the list: for each entry that comes behind afterwards one of
    /// them may go. No [`Event::Item`] shows them. In a transcript that is not tracked this is
    /// refused.
    LoadOlder {
        /// How many at most, 1 to 1,000.
        count: u32,
    },
    /// Try again to read what a gap has swallowed; ends with [`Value::Loaded`], and before that with
    /// [`Event::GapClosed`] if nothing is missing any more. For the gap at the front of a bounded
    /// list this is [`Call::LoadOlder`] of 100 entries.
    FillGap {
        /// Which gap.
        gap: GapId,
    },
    /// Chatloom behaviour: send a message that failed once more, behind those that wait, with the
    /// same client token. Ends as [`Call::SendMessage`] does.
    Resend {
        /// Its entry.
        key: EntryKey,
    },
    /// Chatloom behaviour: drop a message that failed.
    Discard {
        /// Its entry.
        key: EntryKey,
    },
}

/// A file to send. The host has it, under the number of the call.
#[derive(Clone, PartialEq, Eq)]
pub struct NewAttachment {
    /// Its name. Personal: not in `Debug`.
    pub name: String,
    /// How many bytes it has.
    pub size: u64,
    /// Its MIME type.
    pub content_type: String,
}

impl std::fmt::Debug for NewAttachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAttachment")
            .field("size", &self.size)
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
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
    /// An item that the host holds is the host's alone again: no later output names it.
    Release {
        /// Which.
        item: ItemHandle,
    },
    /// Upload the file of a call and bring [`Input::Progress`] now and then, and
    /// [`Input::Answered`] with the storage's status, whatever it is, or [`Input::Failed`].
    /// [`Output::AbortHttp`] breaks it off.
    Upload(Upload),
    /// Download a file, keep it under the number of the request, and bring [`Input::Answered`] with
    /// an empty body, or [`Input::Failed`]. The application wants it only when [`Value::Downloaded`]
    /// names that number.
    Download {
        /// Its number.
        request: RequestId,
        /// The session it is for.
        session: SessionId,
        /// Where. Secret: whoever has it may read the file.
        url: String,
    },
    /// Bring a connection token: [`Input::Token`].
    NeedToken {
        /// The number to answer.
        request: RequestId,
        /// The session it is for.
        session: SessionId,
    },
    /// Have a socket manager of the host's subscribe to chats and tell what it hears
    /// ([`Input::Foreign`]). It need not repeat that it is connected: Chatloom behaviour takes it for
    /// connected until it says otherwise (docs/protocol/defects.md, last section).
    JoinForeign {
        /// Which.
        foreign: ForeignId,
    },
    /// No session needs a socket manager of the host's any more: stop listening to it. It stays
    /// open.
    LeaveForeign {
        /// Which.
        foreign: ForeignId,
    },
    /// Keep this in place of what was kept for the session before: something in it has changed. At
    /// most once after an input, and behind everything that the input caused. Secret: it holds the
    /// participant's token and messages. Only for a session whose options say so.
    Persist {
        /// Which session.
        session: SessionId,
        /// For [`Input::Restore`]; `None` when the chat is over and nothing needs to be kept any more.
        snapshot: Option<String>,
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

/// A file to upload.
#[derive(Clone)]
pub struct Upload {
    /// Its number.
    pub request: RequestId,
    /// The session it is for.
    pub session: SessionId,
    /// The call that has the file.
    pub call: CallId,
    /// Where, by `PUT`. Secret: whoever has it may write.
    pub url: String,
    /// Headers to send.
    pub headers: Vec<(String, String)>,
}

/// Without URL and headers: they are secret.
impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload")
            .field("request", &self.request)
            .field("session", &self.session)
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

/// How a call ended well.
#[derive(Clone)]
pub enum Value {
    /// There is a connection, and what its socket does at this moment: on a socket that is shared the
    /// present status, else [`ConnectionStatus::Starting`] (docs/protocol/websocket.md S46, S47).
    Connected {
        /// What the socket does.
        status: ConnectionStatus,
    },
    /// The service answered.
    Answered(Answer),
    /// Not sent by itself: the answer is that of this earlier call, which is done. Typing again so
    /// soon (docs/protocol/websocket.md S90), or a receipt that a later one covers (S105).
    Repeated {
        /// The call that was sent.
        earlier: CallId,
    },
    /// The receipt has been sent before, or a later one covers it (docs/protocol/websocket.md S98).
    /// So ends also the oldest of more than 1,000 calls that wait for a receipt.
    AlreadyFired,
    /// Where a file is.
    Url {
        /// The URL. Secret.
        url: String,
        /// Until when it is good, ISO 8601.
        expiry: Option<String>,
    },
    /// The host has the file, under this request's number.
    Downloaded {
        /// The request.
        request: RequestId,
        /// The storage's status.
        status: u16,
    },
    /// Older entries are in the transcript.
    Loaded {
        /// How many.
        count: u32,
        /// Whether the transcript has no older ones.
        at_beginning: bool,
    },
    /// Done, and there is nothing to say about it.
    Nothing,
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
    /// An argument does not fit. Chatloom behaviour checks the limits of the service; Compat leaves
    /// them to it, as the original does (docs/protocol/websocket.md S63, S67).
    #[error("{member}: {rule}")]
    Invalid {
        /// Which argument, by its name on the wire.
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
    /// Receipts are switched off (docs/protocol/websocket.md S94).
    #[error("receipts are switched off for this session")]
    ReceiptsOff,
    /// The storage took or gave no file.
    #[error("the storage answered {status} to the {operation} of the file")]
    Storage {
        /// `upload` or `download`.
        operation: &'static str,
        /// Its HTTP status.
        status: u16,
    },
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
            Self::Storage { status, .. } => *status == 429 || *status >= 500,
            Self::ReceiptsOff
            | Self::NotConnected { .. }
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
    /// The service refuses a new connection with 400, 404 or, in Compat, an answer without a socket,
    /// and no socket is left: the core has given up. Compat after one refusal, Chatloom after five in
    /// a row. `connect` may be called again.
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
    /// is read again after the next recovery, and for [`Call::FillGap`]. It may also be the last
    /// event but the end or the break of the session: then nobody knows whether something is missing.
    /// After a [chat was attached](ItemKind::ChatRehydrated) it stands before everything.
    Gap {
        /// The hole, for [`Call::FillGap`].
        gap: GapId,
    },
    /// Chatloom behaviour: what a gap had swallowed has been delivered after all, before this.
    GapClosed {
        /// The hole.
        gap: GapId,
    },
    /// Chatloom behaviour: everything that the transcript held when the socket subscribed has been
    /// delivered, but for what a gap stands for; what follows is live. Follows each subscription, that of a hand-over too.
    CaughtUp,
    /// The tracked transcript changed, or may have (docs/protocol/websocket.md S141).
    Transcript(TranscriptUpdate),
    /// Chatloom behaviour: what became of a message of this session.
    Message {
        /// Its entry.
        key: EntryKey,
        /// The call that sent it, while the host may still know it.
        call: Option<CallId>,
        /// Its id, once the service has given it one.
        id: Option<ItemId>,
        /// What became of it.
        state: MessageState,
    },
    /// Chatloom behaviour: who is in the chat, and what they do, changed. All who are or were there,
    /// in the order in which they came: at most 100, and without the flows and bots of the service
    /// (`SYSTEM`), of whom nobody is told when they go.
    Roster(Vec<Person>),
    /// How much of a file is through.
    AttachmentProgress {
        /// The call that sends it.
        call: CallId,
        /// How many bytes are through.
        sent: u64,
        /// How many bytes it has.
        total: u64,
    },
    /// Chatloom behaviour: a handler of the application failed.
    HandlerFailed {
        /// What it handles.
        handler: String,
    },
}

/// What became of a message that this session sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// It waits for its turn or for the connection.
    Queued,
    /// It is on its way.
    Sending,
    /// The service has it.
    Sent,
    /// It has reached another participant.
    Delivered,
    /// Another participant has read it.
    Read,
    /// It was refused, or the session ended before it was sent.
    Failed(CallError),
}

/// A change of a tracked transcript: a host that applies the steps in order to a list, which is
/// empty at first, has the transcript.
#[derive(Clone, Debug, Default)]
pub struct TranscriptUpdate {
    /// What to do, in this order. None when nothing changed (docs/protocol/websocket.md S141).
    pub steps: Vec<Step>,
    /// The token of the latest page that was read backward (docs/protocol/websocket.md S153).
    pub previous_next_token: Option<String>,
}

/// One step of a change.
#[derive(Clone, Debug)]
pub enum Step {
    /// Put an entry before the one that is at this index now; at the end when there is none.
    Insert {
        /// The index, from 0.
        at: usize,
        /// What to put there.
        entry: Entry,
    },
    /// Replace the entry at this index.
    Replace {
        /// The index, from 0.
        at: usize,
        /// What to put there.
        entry: Entry,
    },
    /// Take the entry at this index out.
    Remove {
        /// The index, from 0.
        at: usize,
    },
}

/// An entry of a tracked transcript.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Stays the same as long as the entry is there.
    pub key: EntryKey,
    /// The id of its item: for a message of this session also before the item comes, once the
    /// service has answered (docs/protocol/websocket.md S143).
    pub id: Option<ItemId>,
    /// What it is.
    pub content: EntryContent,
    /// What became of it, for a message of this session.
    pub state: Option<MessageState>,
}

/// What an entry of a tracked transcript is.
#[derive(Clone, Debug)]
pub enum EntryContent {
    /// An item of the service.
    Item(Body),
    /// A message that has no item yet.
    Outgoing(Box<Outgoing>),
    /// What is here could not be read yet, or is held no longer.
    Gap(GapId),
}

/// Somebody who is or was in the chat.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub participant_id: ParticipantId,
    /// What they are there.
    pub role: Option<ParticipantRole>,
    /// What they are called. Personal: not in `Debug`.
    pub name: Option<Box<str>>,
    /// Whether they are there.
    pub presence: Presence,
    /// Whether they write something at the moment.
    pub typing: bool,
    /// The newest item that has reached them, as far as they said.
    pub delivered: Option<ItemId>,
    /// The newest item that they have read, as far as they said.
    pub read: Option<ItemId>,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person")
            .field("participant_id", &self.participant_id)
            .field("role", &self.role)
            .field("presence", &self.presence)
            .field("typing", &self.typing)
            .finish_non_exhaustive()
    }
}

/// Whether somebody is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// They are.
    Here,
    /// They are, and silent for long.
    Idle,
    /// They have left.
    Gone,
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
    Item(Arc<Item>),
    /// An item the host holds.
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

/// What the socket of a session does, as `connect` tells it (docs/protocol/websocket.md S47).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionStatus {
    /// It has not opened yet.
    Starting,
    /// It is open.
    Connected,
    /// It is open, and the last deep heartbeat was answered.
    DeepHeartbeatSuccess,
    /// The last deep heartbeat was missed, or answered without success.
    DeepHeartbeatFailure,
    /// It is lost.
    ConnectionLost,
    /// The session has done with it: it ended, or it broke.
    Ended,
}

impl ConnectionStatus {
    /// The name that `connect` gives it, for instance `DeepHeartbeatSuccess`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "Starting",
            Self::Connected => "Connected",
            Self::DeepHeartbeatSuccess => "DeepHeartbeatSuccess",
            Self::DeepHeartbeatFailure => "DeepHeartbeatFailure",
            Self::ConnectionLost => "ConnectionLost",
            Self::Ended => "Ended",
        }
    }

    /// The name that `getConnectionStatus` gives it: `Establishing`, `Established` or `Broken`
    /// (docs/protocol/websocket.md S83).
    pub fn summary(self) -> &'static str {
        match self {
            Self::Starting => "Establishing",
            Self::Connected | Self::DeepHeartbeatSuccess => "Established",
            Self::DeepHeartbeatFailure | Self::ConnectionLost | Self::Ended => "Broken",
        }
    }
}

/// Who a session is and what it was given (docs/protocol/websocket.md S56).
#[derive(Clone, Copy, Debug)]
pub struct ChatDetails<'a> {
    /// The contact.
    pub contact_id: &'a ContactId,
    /// The chat.
    pub initial_contact_id: &'a ContactId,
    /// The participant the session speaks for.
    pub participant_id: &'a ParticipantId,
    /// The participant's token.
    pub participant_token: &'a ParticipantToken,
    /// What the first successful `connect` was given; later refreshes do not change it.
    pub connection: Option<&'a ConnectionDetails>,
}

/// What `connect` was given (docs/protocol/websocket.md S56, S187).
#[derive(Clone)]
pub struct ConnectionDetails {
    /// Where its socket was opened; none when the token came from the host. Secret.
    pub url: Option<String>,
    /// Until when the URL was good, as the service wrote it.
    pub expiry: Option<String>,
    /// Whether the same request marked the participant as connected (docs/protocol/websocket.md
    /// S181).
    pub acknowledged: bool,
    /// The connection token.
    pub token: ConnectionToken,
    /// Until when the token was good, as it was written.
    pub token_expiry: Option<String>,
}

impl ConnectionDetails {
    /// After how many seconds a socket is replaced.
    pub const TRANSPORT_LIFE_S: u32 = 3_540;
}

/// Without the URL, which is secret.
impl std::fmt::Debug for ConnectionDetails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectionDetails")
            .field("expiry", &self.expiry)
            .field("acknowledged", &self.acknowledged)
            .field("token_expiry", &self.token_expiry)
            .finish_non_exhaustive()
    }
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
