//! What a host has read of a text of the service's, where it parses JSON itself.
//!
//! A browser has a parser of JSON that costs nothing, so its host gives the members that the core
//! decides on beside the text. A native host gives the text alone, and the module `read` reads it. A build
//! without Chatloom behaviour has no reader of its own: to that everything unparsed is unreadable.

use std::borrow::Cow;

use chatloom_wire::{ErrorKind, Item, ItemHead, ItemId, ServiceError};

use crate::{CHATLOOM, HttpAnswer, core::Cx, json, read};

/// The members of a text that the core decides on; for [`Core::handle_parsed`](crate::Core::handle_parsed).
/// One that is not as documented counts as absent.
#[derive(Debug)]
pub enum Parsed {
    /// Of a frame without an item.
    Frame(Frame),
    /// Of an item.
    Item(ParsedItem),
    /// Of an answer that refuses (docs/protocol/participant-service.md §2.2).
    Error {
        /// The name of the error, without what stands around it.
        name: Box<str>,
        /// What it says.
        message: String,
    },
    /// Of an answer to CreateParticipantConnection.
    Connection(Given),
    /// Of an answer to StartAttachmentUpload or GetAttachment.
    Place(Place),
    /// Of an answer to SendMessage.
    Sent(Sent),
    /// Of an answer to GetTranscript.
    Page(Page),
    /// Of the time until which a token is good that the host brings, that in milliseconds since 1970.
    Expiry(Option<i64>),
    /// Of the content of a receipt that the application sends.
    Receipt(ReceiptContent),
}

/// An item whose text is given too.
#[derive(Debug)]
pub struct ParsedItem {
    /// The members that the core decides on.
    pub head: Box<ItemHead>,
    /// Its content, if it may be a part of a streamed message.
    pub content: Option<Box<str>>,
}

impl ParsedItem {
    /// With its text.
    pub fn with_text(self, text: impl Into<std::sync::Arc<str>>) -> Item {
        let item = Item::from_parts(text, *self.head);
        match self.content {
            Some(content) => item.with_content(content, None),
            None => item,
        }
    }
}

/// A frame without an item, as far as the core cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The answer to a subscription.
    Subscribed {
        /// Whether it was accepted.
        success: bool,
        /// Whether it is about the topic of chats.
        is_chat: bool,
    },
    /// The answer to a heartbeat.
    Heartbeat,
    /// The answer to a deep heartbeat.
    Ping {
        /// Whether all is well.
        success: bool,
    },
    /// An error of the gateway in front of the service.
    Gateway,
    /// Of another topic.
    Other,
    /// It cannot be read.
    Unreadable,
}

/// What the service gives who asks for a connection.
#[derive(Default, PartialEq, Eq)]
pub struct Given {
    /// Whether there is anything about a socket.
    pub has_socket: bool,
    /// Where it is; empty when that is not said. Secret.
    pub url: String,
    /// Until when.
    pub url_expiry: Option<String>,
    /// The connection token. Secret.
    pub token: Option<String>,
    /// Until when.
    pub expiry: Option<String>,
    /// The same in milliseconds since 1970.
    pub expires_ms: Option<i64>,
}

/// Without URL and token: they are secret.
impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Given").field("has_socket", &self.has_socket).finish_non_exhaustive()
    }
}

/// Where a file can be put, or can be found.
#[derive(Default)]
pub struct Place {
    /// What the file is called, where it can be put.
    pub id: String,
    /// Where. Secret.
    pub url: String,
    /// Until when.
    pub expiry: Option<String>,
    /// What has to be sent along. Secret.
    pub headers: Vec<(String, String)>,
}

/// Without URL and headers: they are secret.
impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What the service gives a message.
#[derive(Debug, Default)]
pub struct Sent {
    /// Its id.
    pub id: Option<ItemId>,
    /// Its time.
    pub time: Option<Box<str>>,
}

/// A page of the transcript.
#[derive(Debug, Default)]
pub struct Page {
    /// The items, in the order of the page; `None` for one that cannot be read.
    pub items: Vec<Option<Item>>,
    /// The token of the next page; none when it is empty.
    pub next_token: Option<String>,
}

/// What an application passes as the content of a receipt.
#[derive(Debug, Default)]
pub struct ReceiptContent {
    /// The message; none when it is empty.
    pub message_id: Option<ItemId>,
    /// It is not gathered (docs/protocol/websocket.md S107).
    pub at_once: bool,
}

/// What the host has read, or what the text says.
macro_rules! read {
    ($self:ident, $kind:ident, $read:expr, $without:expr) => {
        match $self.parsed.take() {
            Some(Parsed::$kind(parsed)) => parsed,
            _ if CHATLOOM => $read,
            _ => $without,
        }
    };
}

impl Cx {
    /// The item in a frame, or what the frame is.
    pub(crate) fn frame(&mut self, text: String) -> Result<Item, Frame> {
        match self.parsed.take() {
            Some(Parsed::Item(item)) => Ok(item.with_text(text)),
            Some(Parsed::Frame(frame)) => Err(frame),
            _ if CHATLOOM => read::item(&read::frame(&text)?).ok_or(Frame::Unreadable),
            _ => Err(Frame::Unreadable),
        }
    }

    /// The item of this text.
    pub(crate) fn item(&mut self, text: String) -> Option<Item> {
        match self.parsed.take() {
            Some(Parsed::Item(item)) => Some(item.with_text(text)),
            _ if CHATLOOM => read::item(&text),
            _ => None,
        }
    }

    /// What an answer with another status than 2xx says.
    pub(crate) fn error(&mut self, answer: &HttpAnswer) -> ServiceError {
        let status = answer.status;
        match self.parsed.take() {
            Some(Parsed::Error { name, message }) => {
                // Without Chatloom behaviour no names are told apart.
                let kind = if CHATLOOM { (&*name).into() } else { ErrorKind::Other(name) };
                ServiceError { kind, status, message }
            }
            _ if CHATLOOM => read::error(status, answer.error_type.as_deref(), &answer.body),
            _ => ServiceError {
                kind: ErrorKind::Other(Box::default()),
                status,
                message: String::new(),
            },
        }
    }

    pub(crate) fn connection(&mut self, body: &str) -> Given {
        read!(self, Connection, read::connection(body), Given::default())
    }

    /// Until when a token is good, in milliseconds since 1970.
    pub(crate) fn expiry(&mut self, text: Option<&str>) -> Option<i64> {
        read!(self, Expiry, read::time_ms(text?), None)
    }

    pub(crate) fn place(&mut self, body: &str) -> Place {
        read!(self, Place, read::place(body), Place::default())
    }

    pub(crate) fn sent(&mut self, body: &str) -> Sent {
        read!(self, Sent, read::sent(body), Sent::default())
    }

    /// A page; `None` when the body is none.
    pub(crate) fn page(&mut self, body: &str) -> Option<Page> {
        Some(read!(self, Page, read::page(body)?, return None))
    }

    pub(crate) fn receipt(&mut self, content: &str) -> ReceiptContent {
        read!(self, Receipt, read::receipt(content), ReceiptContent::default())
    }
}

/// The content of a streamed message, empty when it has none.
pub(crate) fn content(item: &Item) -> String {
    match item.content_beside() {
        Some(content) => content.to_owned(),
        None if CHATLOOM => {
            let [content] = json::pick(item.text(), &["Content"]).unwrap_or_default();
            content.and_then(json::Raw::text).map(Cow::into_owned).unwrap_or_default()
        }
        None => String::new(),
    }
}
