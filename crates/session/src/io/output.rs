//! What comes out of the core.

use std::borrow::Cow;

use crate::{
    CallError, CallId, Event, ForeignId, ItemHandle, LogLevel, RequestId, SessionId, SocketId,
    Value,
};

/// Everything the core wants.
pub enum Output {
    /// Make an HTTP request and bring [`Input::Answered`](crate::Input::Answered) or
    /// [`Input::Failed`](crate::Input::Failed).
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
    /// Upload the file of a call and bring [`Input::Progress`](crate::Input::Progress) now and
    /// then, and [`Input::Answered`](crate::Input::Answered) with the storage's status, whatever it
    /// is, or [`Input::Failed`](crate::Input::Failed). [`Output::AbortHttp`] breaks it off.
    Upload(Upload),
    /// Download a file, keep it under the number of the request, and bring
    /// [`Input::Answered`](crate::Input::Answered) with an empty body, or
    /// [`Input::Failed`](crate::Input::Failed). The application wants it only when
    /// [`Value::Downloaded`] names that number.
    Download {
        /// Its number.
        request: RequestId,
        /// The session it is for.
        session: SessionId,
        /// Where. Secret: whoever has it may read the file.
        url: String,
    },
    /// Bring a connection token: [`Input::Token`](crate::Input::Token).
    NeedToken {
        /// The number to answer.
        request: RequestId,
        /// The session it is for.
        session: SessionId,
    },
    /// Have a socket manager of the host's subscribe to chats and tell what it hears
    /// ([`Input::Foreign`](crate::Input::Foreign)). It need not repeat that it is connected:
    /// Chatloom behaviour takes it for connected until it says otherwise (docs/protocol/defects.md,
    /// last section).
    JoinForeign {
        /// Which.
        foreign: ForeignId,
    },
    /// No session needs a socket manager of the host's any more: stop listening to it. Compat says
    /// so when a session comes to another manager, and not when the last one goes
    /// (docs/protocol/websocket.md S184, S188).
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
        /// For [`Input::Restore`](crate::Input::Restore); `None` when the chat is over and nothing
        /// needs to be kept any more.
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
    /// After how long without an answer the host gives up and says
    /// [`Input::Failed`](crate::Input::Failed).
    pub timeout_ms: u64,
    /// The core has no use for the body of a 200: the host may keep it and hand it to the
    /// application when the call is done ([`Answer::request`](crate::Answer::request)).
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
