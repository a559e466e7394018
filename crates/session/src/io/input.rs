//! What goes into the core.

use std::sync::Arc;

use chatloom_wire::{ConnectionToken, ItemHead};

use crate::{Call, CallId, ForeignId, ItemHandle, RequestId, SessionId, SessionOptions, SocketId};

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
    /// The host has no more use for a session: its calls end as
    /// [`CallError::Closed`](crate::CallError::Closed), its sockets are closed, nothing is sent to
    /// the service.
    Forget {
        /// Which.
        session: SessionId,
    },
    /// A session begins where another process left it, from what
    /// [`Output::Persist`](crate::Output::Persist) or [`Core::snapshot`](crate::Core::snapshot)
    /// gave. It is not connected. In Chatloom behaviour messages that waited or were on their way
    /// there wait here, those that had failed have failed here, each with its key and its client
    /// token, and [`Event::Message`](crate::Event::Message) tells of each; what had been delivered
    /// there is not delivered again, and what was missed since is. A snapshot that cannot be read,
    /// or is of another version, is told as a log line, and the session begins as by
    /// [`Input::Create`]; so it does in a build without that behaviour
    /// ([`CHATLOOM`](crate::CHATLOOM)).
    Restore {
        /// The number it goes by from now on.
        session: SessionId,
        /// What it is made of; of the ids and the tokens those of the snapshot count.
        options: Box<SessionOptions>,
        /// What was persisted.
        snapshot: String,
    },
    /// A session that has just been created goes on where another core, which has failed, left it:
    /// connected, with its connection token, and the socket lost, which the application has been
    /// told. Ignored for one that is or has been connected.
    Resume {
        /// Which.
        session: SessionId,
        /// The connection token that it had. It is renewed at once.
        token: ConnectionToken,
    },
    /// The application wants to see the transcript: [`Event::Transcript`](crate::Event::Transcript)
    /// follows from now on. In Compat the list holds what comes from now on and what pages bring
    /// (docs/protocol/websocket.md S138); in Chatloom behaviour somebody who begins in the middle
    /// of a chat gets the 100 newest entries, and a gap for those before. Asking again changes
    /// nothing.
    Track {
        /// In which session.
        session: SessionId,
    },
    /// The application asks for something. Exactly one [`Output::Done`](crate::Output::Done) with
    /// this call follows.
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
    /// The host's answer to [`Output::NeedToken`](crate::Output::NeedToken). After 60 s without one
    /// the service is asked.
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
        head: Arc<ItemHead>,
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
    /// The deadline of [`Output::Wake`](crate::Output::Wake) has come, or the host just wants to
    /// let time pass.
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
        head: Arc<ItemHead>,
    },
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
    /// [`HttpRequest::keep_body`](crate::HttpRequest::keep_body); for any other status it is
    /// needed.
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
