//! The Participant Service (docs/protocol/participant-service.md §3): one block per operation.
//!
//! Every operation is JSON over HTTP with the token in [`BEARER_HEADER`]. Requests are read
//! leniently (unknown members are ignored, absent ones default) and checked by `check`, which
//! states the modelled limits; a client need not call it.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    ContentType,
    id::{ConnectionToken, ContactId, ItemId},
    item::Item,
    json,
    limits::{self, chars_within, require},
    open_enum::open_enum,
    time::Timestamp,
};

mod attachment;
mod guide;

pub use crate::limits::{Invalid, client_token as check_client_token, content as check_content};
pub use attachment::*;
pub use guide::*;

/// Header that carries the participant or connection token (§1.3).
pub const BEARER_HEADER: &str = "x-amz-bearer";

/// Largest content of a message or event, in bytes (§11.1).
pub const MAX_CONTENT_BYTES: usize = 16_384;

/// An operation of a service: its place and its types.
pub trait Operation {
    /// The operation's name.
    const NAME: &'static str;
    /// `POST`, `GET` or `PUT`.
    const METHOD: &'static str;
    /// The path; members in braces are percent-encoded into it.
    const PATH: &'static str;
    /// The JSON body of a request.
    type Request: Serialize + DeserializeOwned + Send + 'static;
    /// The JSON body of an answer with status 200.
    type Response: Serialize + DeserializeOwned + Send + 'static;
}

open_enum! {
    /// What CreateParticipantConnection (§3.1) or StartChatContact (§10.1) is asked for.
    pub enum ConnectionType {
        /// A socket URL.
        Websocket = "WEBSOCKET",
        /// A connection token.
        ConnectionCredentials = "CONNECTION_CREDENTIALS",
        /// Voice; not offered.
        WebrtcConnection = "WEBRTC_CONNECTION",
        /// Of StartChatContact only, which gives nothing for it.
        AuthenticationSession = "AUTHENTICATION_SESSION",
    }
}

/// Gives a participant a connection (§3.1). The bearer is the participant token.
pub enum CreateParticipantConnection {}

impl Operation for CreateParticipantConnection {
    const NAME: &'static str = "CreateParticipantConnection";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/participant/connection";
    type Request = CreateParticipantConnectionRequest;
    type Response = CreateParticipantConnectionResponse;
}

/// Request of [`CreateParticipantConnection`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateParticipantConnectionRequest {
    /// What is asked for; may be absent when only `ConnectParticipant` is wanted.
    #[serde(rename = "Type", default, skip_serializing_if = "Option::is_none")]
    pub types: Option<Vec<ConnectionType>>,
    /// Marks the participant as connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_participant: Option<bool>,
}

impl CreateParticipantConnectionRequest {
    /// What a client that wants to chat asks for: a socket and a token (§3.1).
    pub fn socket_and_credentials() -> Self {
        Self {
            types: Some(vec![ConnectionType::Websocket, ConnectionType::ConnectionCredentials]),
            connect_participant: None,
        }
    }

    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        let types = self.types.as_deref().unwrap_or_default();
        require(
            !types.is_empty() || self.connect_participant == Some(true),
            "Type",
            "at least one of WEBSOCKET, CONNECTION_CREDENTIALS",
        )?;
        require(
            types.iter().all(|kind| {
                matches!(
                    kind,
                    ConnectionType::Websocket
                        | ConnectionType::ConnectionCredentials
                        | ConnectionType::WebrtcConnection
                )
            }),
            "Type",
            "one of WEBSOCKET, CONNECTION_CREDENTIALS, WEBRTC_CONNECTION",
        )
    }
}

/// Answer of [`CreateParticipantConnection`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateParticipantConnectionResponse {
    /// The socket, when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub websocket: Option<Websocket>,
    /// The token, when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_credentials: Option<ConnectionCredentials>,
}

/// A pre-signed socket.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Websocket {
    /// The URL, 1 to 2000 characters. Secret: whoever has it may listen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Until when it can be opened, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_expiry: Option<String>,
}

impl fmt::Debug for Websocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Websocket")
            .field("connection_expiry", &self.connection_expiry)
            .finish_non_exhaustive()
    }
}

/// A connection token and its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConnectionCredentials {
    /// The token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_token: Option<ConnectionToken>,
    /// Until when it is good, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<String>,
}

/// Sends a message (§3.2).
pub enum SendMessage {}

impl Operation for SendMessage {
    const NAME: &'static str = "SendMessage";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/participant/message";
    type Request = SendMessageRequest;
    type Response = SentResponse;
}

/// Request of [`SendMessage`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SendMessageRequest {
    /// Makes a repeat harmless (§2.4), at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
    /// The message, 1 to 16,384 bytes.
    pub content: String,
    /// What the message is.
    pub content_type: ContentType,
}

impl SendMessageRequest {
    /// The content types a participant may send as a message (§3.2).
    pub const CONTENT_TYPES: &'static [ContentType] = &[
        ContentType::TextPlain,
        ContentType::TextMarkdown,
        ContentType::Json,
        ContentType::InteractiveResponse,
    ];

    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        limits::client_token(self.client_token.as_deref())?;
        limits::content(&self.content)?;
        require(
            Self::CONTENT_TYPES.contains(&self.content_type),
            "ContentType",
            "one of text/plain, text/markdown, application/json, \
             application/vnd.amazonaws.connect.message.interactive.response",
        )
    }
}

impl fmt::Debug for SendMessageRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendMessageRequest")
            .field("content_type", &self.content_type)
            .field("content_bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}

/// Answer of [`SendMessage`] and [`SendEvent`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SentResponse {
    /// The item's identifier.
    pub id: ItemId,
    /// When the service took it.
    pub absolute_time: Timestamp,
}

/// Sends an event (§3.3).
pub enum SendEvent {}

impl Operation for SendEvent {
    const NAME: &'static str = "SendEvent";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/participant/event";
    type Request = SendEventRequest;
    type Response = SentResponse;
}

/// Request of [`SendEvent`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SendEventRequest {
    /// Makes a repeat harmless (§2.4), at most 500 characters. Ignored for receipts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
    /// Receipts: JSON text with `messageId`. Typing: absent or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Which event.
    pub content_type: ContentType,
}

impl SendEventRequest {
    /// The events a participant may send (§3.3).
    pub const CONTENT_TYPES: &'static [ContentType] = &[
        ContentType::Typing,
        ContentType::MessageDelivered,
        ContentType::MessageRead,
        ContentType::ConnectionAcknowledged,
    ];

    /// Checks the modelled limits; a receipt must name a message.
    pub fn check(&self) -> Result<(), Invalid> {
        limits::client_token(self.client_token.as_deref())?;
        require(
            self.content.as_deref().is_none_or(|content| content.len() <= MAX_CONTENT_BYTES),
            "Content",
            "at most 16,384 bytes",
        )?;
        require(
            Self::CONTENT_TYPES.contains(&self.content_type),
            "ContentType",
            "one of the events typing, message.delivered, message.read, connection.acknowledged",
        )?;
        require(
            !self.content_type.is_receipt() || self.receipt_message_id().is_some(),
            "Content",
            "JSON text such as {\"messageId\":\"...\"} for a receipt",
        )
    }

    /// The message that a receipt is about.
    pub fn receipt_message_id(&self) -> Option<ItemId> {
        #[derive(Deserialize)]
        struct ReceiptContent {
            #[serde(rename = "messageId")]
            message_id: ItemId,
        }
        let content = self.content.as_deref()?;
        let ReceiptContent { message_id } = json::read(content).ok()?;
        chars_within(message_id.as_str(), 1, 256).then_some(message_id)
    }
}

impl fmt::Debug for SendEventRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendEventRequest")
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

open_enum! {
    /// Towards which end of the transcript a page is read (§7).
    pub enum ScanDirection {
        /// Towards newer items.
        Forward = "FORWARD",
        /// Towards older items.
        Backward = "BACKWARD",
    }
}

open_enum! {
    /// How the items of one page are ordered (§7).
    pub enum SortOrder {
        /// Newest first.
        Descending = "DESCENDING",
        /// Oldest first.
        Ascending = "ASCENDING",
    }
}

/// Reads the transcript (§3.4, §7).
pub enum GetTranscript {}

impl Operation for GetTranscript {
    const NAME: &'static str = "GetTranscript";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/participant/transcript";
    type Request = GetTranscriptRequest;
    type Response = GetTranscriptResponse;
}

/// Request of [`GetTranscript`].
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetTranscriptRequest {
    /// A contact of the chat; without it the whole chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<ContactId>,
    /// Page size, 0 to 100; default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// Where the previous page ended, 1 to 1000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// Default: backward without a start position, forward with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan_direction: Option<ScanDirection>,
    /// Default: descending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_order: Option<SortOrder>,
    /// Where to start; one without members counts as absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_position: Option<StartPosition>,
}

/// Without the token: it is a token.
impl fmt::Debug for GetTranscriptRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetTranscriptRequest")
            .field("contact_id", &self.contact_id)
            .field("max_results", &self.max_results)
            .field("scan_direction", &self.scan_direction)
            .field("sort_order", &self.sort_order)
            .field("start_position", &self.start_position)
            .finish_non_exhaustive()
    }
}

/// A place in the transcript.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartPosition {
    /// The item to start at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ItemId>,
    /// The time to start at, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute_time: Option<String>,
    /// The n-th most recent item, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_recent: Option<i64>,
}

impl GetTranscriptRequest {
    /// Page size without `MaxResults`.
    pub const DEFAULT_RESULTS: u32 = 10;
    /// Largest page.
    pub const MAX_RESULTS: u32 = 100;

    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        let position = self.start_position.as_ref();
        self.contact_id.as_ref().map_or(Ok(()), |id| limits::contact_id(id.as_str()))?;
        require(
            self.max_results.is_none_or(|count| (0..=100).contains(&count)),
            "MaxResults",
            "0 to 100",
        )?;
        require(
            self.next_token.as_deref().is_none_or(|token| chars_within(token, 1, 1000)),
            "NextToken",
            "1 to 1000 characters",
        )?;
        require(
            !matches!(self.scan_direction, Some(ScanDirection::Other(_))),
            "ScanDirection",
            "FORWARD or BACKWARD",
        )?;
        require(
            !matches!(self.sort_order, Some(SortOrder::Other(_))),
            "SortOrder",
            "DESCENDING or ASCENDING",
        )?;
        require(
            position
                .and_then(|position| position.id.as_ref())
                .is_none_or(|id| chars_within(id.as_str(), 1, 256)),
            "StartPosition.Id",
            "1 to 256 characters",
        )?;
        require(
            position
                .and_then(|position| position.absolute_time.as_deref())
                .is_none_or(|time| time.len() <= 100 && Timestamp::parse(time).is_ok()),
            "StartPosition.AbsoluteTime",
            "an ISO 8601 time such as 2026-01-31T12:00:00.000Z",
        )?;
        require(
            position
                .and_then(|position| position.most_recent)
                .is_none_or(|count| (0..=100).contains(&count)),
            "StartPosition.MostRecent",
            "0 to 100",
        )
    }
}

/// Answer of [`GetTranscript`].
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetTranscriptResponse {
    /// The chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_contact_id: Option<ContactId>,
    /// The page.
    #[serde(default)]
    pub transcript: Vec<Item>,
    /// Where the next page begins; absent or empty at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// Without the token: it is a token.
impl fmt::Debug for GetTranscriptResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetTranscriptResponse")
            .field("initial_contact_id", &self.initial_contact_id)
            .field("transcript", &self.transcript)
            .finish_non_exhaustive()
    }
}

/// Leaves the chat (§3.5).
pub enum DisconnectParticipant {}

impl Operation for DisconnectParticipant {
    const NAME: &'static str = "DisconnectParticipant";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/participant/disconnect";
    type Request = DisconnectParticipantRequest;
    type Response = Empty;
}

/// Request of [`DisconnectParticipant`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DisconnectParticipantRequest {
    /// Makes a repeat harmless (§2.4), at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
}

impl DisconnectParticipantRequest {
    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        limits::client_token(self.client_token.as_deref())
    }
}

/// The answer of operations without output: `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}
