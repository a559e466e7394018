//! Messages: what is sent, and what becomes of it.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use chatloom_session::{self as session, EntryKey, Outgoing};
use chatloom_wire::{
    ContentType, ItemId,
    interactive::{Choice, InteractiveResponse},
    participant::SentResponse,
};

use crate::{error::Error, reply::Reply, watch::Watch};

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

    /// What kind of message it is.
    pub fn content_type(&self) -> &ContentType {
        &self.content_type
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

impl From<Choice> for Message {
    fn from(Choice { content_type, content }: Choice) -> Self {
        Self::new(content_type, content)
    }
}

impl From<InteractiveResponse> for Message {
    fn from(response: InteractiveResponse) -> Self {
        Self::new(ContentType::InteractiveResponse, response.to_text())
    }
}

impl From<Message> for Outgoing {
    fn from(Message { content_type, content, client_token }: Message) -> Self {
        Self { content_type, content: Some(content), client_token }
    }
}

impl From<Outgoing> for Message {
    fn from(Outgoing { content_type, content, client_token }: Outgoing) -> Self {
        Self { content_type, content: content.unwrap_or_default(), client_token }
    }
}

/// What has become of a message of this chat's participant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageState {
    /// It waits for its turn or for the connection.
    Queued,
    /// It is on its way.
    Sending,
    /// The service has stored it.
    Sent,
    /// It has reached another participant.
    Delivered,
    /// Another participant has read it.
    Read,
    /// It was refused, or the chat ended before it was sent.
    /// [`Chat::resend`](crate::Chat::resend) tries again, [`Chat::discard`](crate::Chat::discard)
    /// drops it.
    Failed(Error),
}

impl From<session::MessageState> for MessageState {
    fn from(state: session::MessageState) -> Self {
        match state {
            session::MessageState::Queued => Self::Queued,
            session::MessageState::Sending => Self::Sending,
            session::MessageState::Sent => Self::Sent,
            session::MessageState::Delivered => Self::Delivered,
            session::MessageState::Read => Self::Read,
            session::MessageState::Failed(error) => Self::Failed(error.into()),
        }
    }
}

/// A message of this chat's participant and what has become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageStatus {
    /// Its entry in the [`Transcript`](crate::Transcript), which it keeps from the beginning; `None`
    /// only until the client has taken the message up.
    pub key: Option<EntryKey>,
    /// Its id, once the service has given it one.
    pub id: Option<ItemId>,
    /// What has become of it.
    pub state: MessageState,
}

impl MessageStatus {
    pub(crate) fn new() -> Self {
        Self { key: None, id: None, state: MessageState::Queued }
    }
}

/// A message on its way, from [`Chat::send_message`](crate::Chat::send_message): a future that is
/// done when the service has stored it. Dropping it does not take the message back.
#[must_use = "the message is on its way, but only awaiting this tells whether it arrives"]
#[derive(Debug)]
pub struct Sending {
    pub(crate) reply: Reply<SentResponse>,
    pub(crate) status: Watch<MessageStatus>,
}

impl Sending {
    /// What becomes of the message, also after it was stored: until it has been read, as far as the
    /// others tell, or the chat is closed.
    ///
    /// ```no_run
    /// # use chatloom::{Chat, MessageState};
    /// # async fn example(chat: Chat) -> Result<(), chatloom::Error> {
    /// let sending = chat.send_message("Hello!");
    /// let mut status = sending.status();
    /// sending.await?;
    /// status.wait_for(|message| message.state == MessageState::Read).await?;
    /// # Ok(()) }
    /// ```
    pub fn status(&self) -> Watch<MessageStatus> {
        self.status.clone()
    }
}

impl Future for Sending {
    type Output = Result<SentResponse, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.reply).poll(context)
    }
}
