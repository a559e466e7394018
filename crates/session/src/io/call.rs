//! What an application asks for, and how that ends.

use chatloom_wire::{
    AttachmentId, ContentType, ItemId, ServiceError, participant::GetTranscriptRequest,
};

use crate::{CallId, ConnectionStatus, EntryKey, GapId, RequestId};

/// What an application asks of a session.
#[derive(Clone)]
pub enum Call {
    /// Connect. Succeeds when the service gave a connection; the socket opens after that. Fails
    /// after three attempts, and may then be made again; so it may when the session is broken.
    /// While another one runs it ends with that one; when the session is connected it succeeds at
    /// once.
    Connect,
    /// Send a message. Compat sends it at once and makes three attempts as the JavaScript SDK does.
    /// In Chatloom behaviour it is taken as soon as `connect` has been called and waits its turn:
    /// one at a time goes out, in order, the first when a socket has subscribed, and is tried until
    /// the service takes it or refuses it. When the session breaks or the chat ends, those that
    /// wait fail.
    SendMessage(Outgoing),
    /// Send an event: typing or a receipt. Typing is sent once in ten seconds
    /// (docs/protocol/websocket.md S88), in each session (docs/protocol/defects.md D9). Receipts
    /// are gathered (S100 to S107); in Chatloom behaviour as those of [`Call::MarkRead`].
    SendEvent(Outgoing),
    /// Read a page of the transcript. What the request leaves open is as in the original: 15 items,
    /// backward, the oldest first (docs/protocol/websocket.md S68, S69).
    GetTranscript(Box<GetTranscriptRequest>),
    /// Leave the chat. Does not wait for messages that are on their way. The session ends when the
    /// service says so.
    DisconnectParticipant,
    /// Send a file: the service is asked where to, the host uploads it
    /// ([`Output::Upload`](crate::Output::Upload)), the service is told. An upload that the storage
    /// refuses fails the call (docs/protocol/defects.md D8); in Chatloom behaviour it is made again
    /// first when that may help, from the first byte. Cancelling, and the end of the chat, break
    /// the upload off.
    SendAttachment(NewAttachment),
    /// Fetch a file: the service is asked where it is, the host downloads it
    /// ([`Output::Download`](crate::Output::Download)) and keeps it; ends with
    /// [`Value::Downloaded`]. Compat does not look at the storage's status
    /// (docs/protocol/websocket.md S77); in Chatloom behaviour one outside 200 to 299 fails the
    /// call, after further attempts where they may help.
    DownloadAttachment {
        /// Which.
        attachment_id: AttachmentId,
    },
    /// Ask where a file is; ends with [`Value::Url`].
    GetAttachmentUrl {
        /// Which.
        attachment_id: AttachmentId,
    },
    /// Read a view. In Compat this and the two calls about signing in are also made when the chat
    /// is over (docs/protocol/websocket.md S58).
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
    /// gathered for a while, and one request names the newest item and is repeated until the
    /// service takes it or refuses it; what has been told already, or is older, is done at once
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
    /// it. They may exceed the bound of the list: for each entry that comes behind afterwards one
    /// of them may go. No [`Event::Item`](crate::Event::Item) shows them. In a transcript that is
    /// not tracked this is refused.
    LoadOlder {
        /// How many at most, 1 to 1,000.
        count: u32,
    },
    /// Try again to read what a gap has swallowed; ends with [`Value::Loaded`], and before that
    /// with [`Event::GapClosed`](crate::Event::GapClosed) if nothing is missing any more. For the
    /// gap at the front of a bounded list this is [`Call::LoadOlder`] of 100 entries.
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

/// How a call ended well.
#[derive(Clone)]
pub enum Value {
    /// There is a connection, and what its socket does at this moment: on a socket that is shared
    /// the present status, else [`ConnectionStatus::Starting`] (docs/protocol/websocket.md S46,
    /// S47).
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
