//! One chat: the handle an application holds.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use chatloom_session::{Answer, Call, CallError, CallId, Outgoing, SessionId, Value};
use chatloom_wire::{
    ContactId, ContentType, Item, ItemId, ParticipantId, ParticipantToken,
    contact::StartChatContactResponse,
    participant::{GetTranscriptRequest, GetTranscriptResponse, SentResponse},
};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    client::Shared,
    driver::Command,
    error::Error,
    event::{Connection, Events, Feed},
};

/// What names a chat and lets a participant in: the answer of StartChatContact, usually by way of
/// your own back end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatDetails {
    /// The contact.
    pub contact_id: ContactId,
    /// The chat as a whole; the same as the contact until a transfer.
    pub initial_contact_id: ContactId,
    /// The participant that this program speaks for.
    pub participant_id: ParticipantId,
    /// The participant's token. Secret.
    pub participant_token: ParticipantToken,
}

impl ChatDetails {
    /// The details of a chat that has not been transferred.
    pub fn new(
        contact_id: impl Into<ContactId>,
        participant_id: impl Into<ParticipantId>,
        participant_token: impl Into<ParticipantToken>,
    ) -> Self {
        let contact_id = contact_id.into();
        Self {
            initial_contact_id: contact_id.clone(),
            contact_id,
            participant_id: participant_id.into(),
            participant_token: participant_token.into(),
        }
    }
}

impl From<StartChatContactResponse> for ChatDetails {
    fn from(started: StartChatContactResponse) -> Self {
        Self::new(started.contact_id, started.participant_id, started.participant_token)
    }
}

/// A message to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    content_type: ContentType,
    content: String,
    client_token: Option<String>,
}

impl Message {
    /// A message of any content type that the chat allows, 1 to 16,384 bytes.
    pub fn new(content_type: ContentType, content: impl Into<String>) -> Self {
        Self { content_type, content: content.into(), client_token: None }
    }

    /// Plain text, which every chat allows.
    pub fn text(content: impl Into<String>) -> Self {
        Self::new(ContentType::TextPlain, content)
    }

    /// Text with Markdown.
    pub fn markdown(content: impl Into<String>) -> Self {
        Self::new(ContentType::TextMarkdown, content)
    }

    /// A JSON document.
    pub fn json(content: impl Into<String>) -> Self {
        Self::new(ContentType::Json, content)
    }

    /// What it says.
    pub fn content(&self) -> &str {
        &self.content
    }

    /// Names the attempt, at most 500 characters: however often a message with the same token is
    /// sent by the same participant, it is stored once. Without one, the client makes one up, which
    /// covers its own repeats.
    #[must_use]
    pub fn with_client_token(mut self, token: impl Into<String>) -> Self {
        self.client_token = Some(token.into());
        self
    }
}

/// Without the content.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("content_type", &self.content_type)
            .field("content_bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

/// A page of a transcript, from [`Chat::get_transcript`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TranscriptPage {
    /// The items, in the order that was asked for.
    pub items: Vec<Item>,
    /// For the next page, as `next_token` of the same request; `None` at the end.
    pub next_token: Option<String>,
}

/// A chat. Cheap to clone; all clones are the same chat.
///
/// Made by [`Client::chat`](crate::Client::chat). When the last clone is dropped the connection is
/// closed, messages still on their way are given up, and the streams of events end; the chat itself
/// goes on at the service. To leave it for good, call [`disconnect`](Self::disconnect).
///
/// # Calls, futures and cancellation
///
/// A call is made when the method is called, not when its future is first polled. So calls take
/// effect in the order in which they are written, whoever awaits them later, and a [`Reply`] may be
/// kept, spawned or joined with others. Dropping one before it is done is always safe: the answer is
/// no longer wanted, but what was asked is still done. In particular a message is not taken back.
/// Only reading a transcript is broken off.
#[derive(Clone)]
pub struct Chat {
    inner: Arc<Inner>,
}

struct Inner {
    session: SessionId,
    details: ChatDetails,
    feed: Arc<Feed>,
    shared: Arc<Shared>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.tell(Command::Forget { session: self.session });
    }
}

impl std::fmt::Debug for Chat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chat").field("details", &self.inner.details).finish_non_exhaustive()
    }
}

impl Chat {
    pub(crate) fn new(
        session: SessionId,
        details: ChatDetails,
        feed: Arc<Feed>,
        shared: Arc<Shared>,
    ) -> Self {
        Self { inner: Arc::new(Inner { session, details, feed, shared }) }
    }

    /// What the chat was made from.
    pub fn details(&self) -> &ChatDetails {
        &self.inner.details
    }

    /// Whether an item was sent by the participant of this chat.
    pub fn is_own(&self, item: &Item) -> bool {
        item.head().participant_id.as_ref() == Some(&self.inner.details.participant_id)
    }

    /// The events from now on. Take the stream before [`connect`](Self::connect) to miss none; any
    /// number may be taken, each gets every event.
    pub fn events(&self) -> Events {
        self.inner.feed.subscribe()
    }

    /// What the connection is doing, now and at each change.
    ///
    /// ```no_run
    /// # use chatloom::{Chat, Connection};
    /// # async fn example(chat: Chat) -> Result<(), Box<dyn std::error::Error>> {
    /// // Wait until items arrive as they happen.
    /// chat.connection().wait_for(|connection| *connection == Connection::Online).await?;
    /// # Ok(()) }
    /// ```
    pub fn connection(&self) -> watch::Receiver<Connection> {
        self.inner.feed.connection()
    }

    /// Connects. Done when the service has let this participant in; the socket opens after that, and
    /// from then on the client keeps the chat connected by itself until it ends. May be called again,
    /// also after a failure.
    ///
    /// # Errors
    ///
    /// [`Error::Service`] with status 403 when the token is wrong or the chat is over;
    /// [`Error::Unreachable`] when several attempts got no answer.
    pub fn connect(&self) -> Reply<()> {
        self.call(Call::Connect, |_| Ok(()))
    }

    /// Sends a message. Done when the service has stored it. Messages of one chat are stored in the
    /// order of these calls. One that was taken is sent until the service takes or refuses it, or the
    /// chat ends, through any outage.
    ///
    /// # Errors
    ///
    /// [`Error::NotConnected`] before `connect` and after the end; [`Error::Service`] when the
    /// service refuses the message; [`Error::OutboxFull`] when too many wait already;
    /// [`Error::Closed`] when the chat ended before the message was sent.
    pub fn send_message(&self, message: impl Into<Message>) -> Reply<SentResponse> {
        let Message { content_type, content, client_token } = message.into();
        let outgoing = Outgoing { content_type, content: Some(content), client_token };
        self.call(Call::SendMessage(outgoing), answer)
    }

    /// Tells the others that somebody is typing. Call it with every key: the client sends it at most
    /// every ten seconds, and a call that is not sent succeeds with the one that was.
    pub fn typing(&self) -> Reply<()> {
        self.send_event(ContentType::Typing, None)
    }

    /// Tells the others that a message has reached its reader.
    pub fn delivered(&self, message: &ItemId) -> Reply<()> {
        self.send_event(ContentType::MessageDelivered, Some(receipt(message)))
    }

    /// Tells the others that a message has been read.
    pub fn read(&self, message: &ItemId) -> Reply<()> {
        self.send_event(ContentType::MessageRead, Some(receipt(message)))
    }

    /// Sends an event of any kind that the service takes from participants. Unlike a message, an
    /// event does not wait for the connection and is given up after some attempts: it is of no use
    /// when it is late.
    pub fn send_event(&self, content_type: ContentType, content: Option<String>) -> Reply<()> {
        let outgoing = Outgoing { content_type, content, client_token: None };
        self.call(Call::SendEvent(outgoing), |_| Ok(()))
    }

    /// Reads a page of the transcript. The request's defaults are the service's: the latest ten
    /// items, newest first.
    pub fn get_transcript(&self, request: GetTranscriptRequest) -> Reply<TranscriptPage> {
        let mut reply = self.call(Call::GetTranscript(Box::new(request)), |value| {
            let page: GetTranscriptResponse = answer(value)?;
            Ok(TranscriptPage {
                items: page.transcript,
                // The service writes an empty token for none at times.
                next_token: page.next_token.filter(|token| !token.is_empty()),
            })
        });
        reply.cancel = Some(self.inner.shared.commands.clone());
        reply
    }

    /// Leaves the chat. When the customer leaves, the chat is over for everybody.
    pub fn disconnect(&self) -> Reply<()> {
        self.call(Call::DisconnectParticipant, |_| Ok(()))
    }

    fn call<T>(&self, what: Call, read: fn(Value) -> Result<T, Error>) -> Reply<T> {
        let shared = &self.inner.shared;
        let call = CallId(shared.calls.fetch_add(1, Ordering::Relaxed));
        let (done, result) = oneshot::channel();
        shared.tell(Command::Call { session: self.inner.session, call, what, done });
        Reply { call, result, read, cancel: None }
    }
}

fn receipt(message: &ItemId) -> String {
    serde_json::json!({ "messageId": message }).to_string()
}

/// The answer to a call of [`Chat`], on its way. The call is under way already; see there for what
/// dropping this means.
#[must_use = "the call is under way, but only awaiting this tells how it ends"]
pub struct Reply<T> {
    call: CallId,
    result: oneshot::Receiver<Result<Value, CallError>>,
    read: fn(Value) -> Result<T, Error>,
    /// Whom to tell when this is dropped before the result came.
    cancel: Option<mpsc::UnboundedSender<Command>>,
}

impl<T> Future for Reply<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(Pin::new(&mut self.result).poll(context));
        self.cancel = None;
        Poll::Ready(match result {
            Ok(result) => result.map_err(Error::from).and_then(self.read),
            // The driver is gone, with its runtime.
            Err(_) => Err(Error::Closed),
        })
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if let Some(commands) = &self.cancel {
            // When the driver is gone there is nothing to cancel.
            let _ = commands.send(Command::Cancel { call: self.call });
        }
    }
}

impl<T> std::fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply").field("call", &self.call.0).finish_non_exhaustive()
    }
}

fn answer<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    match value {
        Value::Answered(Answer { body, .. }) => serde_json::from_str(&body).map_err(|error| {
            // The position, not the text: that may be content.
            let (line, column) = (error.line(), error.column());
            let message = format!("its body is not as documented, at line {line} column {column}");
            Error::BadAnswer { message }
        }),
        _ => Err(Error::BadAnswer { message: "there is no answer of its own".to_owned() }),
    }
}
