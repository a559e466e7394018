//! The control plane for chats (docs/protocol/participant-service.md §10), and the start-chat
//! request that pages send to the official sample back end (§10.13).
//!
//! Control-plane requests are signed with SigV4, service name `connect`.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    ContentType,
    id::{ContactFlowId, ContactId, InstanceId, ParticipantId, ParticipantToken},
    limits::{self, Invalid, chars_within, require},
    participant::{
        ConnectionCredentials, ConnectionType, Empty, MAX_CONTENT_BYTES, Operation,
        SendMessageRequest, Websocket,
    },
};

/// Contact attributes: what the back end knows about the customer. Never in `Debug`.
pub type Attributes = BTreeMap<String, String>;

/// All attributes of a contact together, in UTF-8 bytes (§10).
pub const MAX_ATTRIBUTES_BYTES: usize = 32_768;

/// Starts a chat (§10.1).
pub enum StartChatContact {}

impl Operation for StartChatContact {
    const NAME: &'static str = "StartChatContact";
    const METHOD: &'static str = "PUT";
    const PATH: &'static str = "/contact/chat";
    type Request = StartChatContactRequest;
    type Response = StartChatContactResponse;
}

/// Request of [`StartChatContact`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartChatContactRequest {
    /// The instance.
    pub instance_id: InstanceId,
    /// The inbound flow, at most 500 characters.
    pub contact_flow_id: ContactFlowId,
    /// Who the customer is.
    pub participant_details: ParticipantDetails,
    /// What the back end knows about the customer, 32,768 bytes in total.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// The customer's first message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_message: Option<ChatMessage>,
    /// Makes a repeat answer the first contact, at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
    /// How long the chat may last, 60 to 10,080; default 1,500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_duration_in_minutes: Option<i64>,
    /// What may be sent; must contain `text/plain`. Default: only that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supported_messaging_content_types: Option<Vec<ContentType>>,
    /// Gives the connection with the answer, saving the customer a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_types: Option<Vec<ConnectionType>>,
}

/// Name of a participant.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ParticipantDetails {
    /// 1 to 256 characters. Personal: not in `Debug`.
    pub display_name: String,
}

/// A message that comes with the start of a chat.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChatMessage {
    /// As for SendMessage.
    pub content_type: ContentType,
    /// 1 to 16,384 bytes.
    pub content: String,
}

impl StartChatContactRequest {
    /// Shortest chat in minutes.
    pub const MIN_DURATION: i64 = 60;
    /// Longest chat in minutes.
    pub const MAX_DURATION: i64 = 10_080;
    /// Duration in minutes without the member.
    pub const DEFAULT_DURATION: i64 = 1_500;

    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        limits::instance_id(self.instance_id.as_str())?;
        require(
            chars_within(self.contact_flow_id.as_str(), 1, 500),
            "ContactFlowId",
            "1 to 500 characters",
        )?;
        require(
            chars_within(&self.participant_details.display_name, 1, 256),
            "ParticipantDetails.DisplayName",
            "1 to 256 characters",
        )?;
        check_attributes(&self.attributes)?;
        if let Some(message) = &self.initial_message {
            require(
                !message.content.is_empty() && message.content.len() <= MAX_CONTENT_BYTES,
                "InitialMessage.Content",
                "1 to 16,384 bytes",
            )?;
            require(
                SendMessageRequest::CONTENT_TYPES.contains(&message.content_type),
                "InitialMessage.ContentType",
                "a content type that SendMessage accepts",
            )?;
        }
        limits::client_token(self.client_token.as_deref())?;
        require(
            self.chat_duration_in_minutes
                .is_none_or(|minutes| (Self::MIN_DURATION..=Self::MAX_DURATION).contains(&minutes)),
            "ChatDurationInMinutes",
            "60 to 10080",
        )?;
        if let Some(types) = &self.supported_messaging_content_types {
            require(
                types.contains(&ContentType::TextPlain) && types.len() <= 16,
                "SupportedMessagingContentTypes",
                "a list of at most 16 that contains text/plain",
            )?;
            require(
                types.iter().all(|kind| {
                    *kind == ContentType::Interactive
                        || SendMessageRequest::CONTENT_TYPES.contains(kind)
                }),
                "SupportedMessagingContentTypes",
                "only text/plain, text/markdown, application/json and the two interactive types",
            )?;
        }
        require(
            self.connection_types.as_deref().is_none_or(|types| {
                (1..=2).contains(&types.len())
                    && types.iter().all(|kind| !matches!(kind, ConnectionType::Other(_)))
            }),
            "ConnectionTypes",
            "one or two of WEBSOCKET, CONNECTION_CREDENTIALS",
        )
    }
}

/// Checks contact attributes: names of letters, digits, `-` and `_`, 32,768 bytes in total.
pub fn check_attributes(attributes: &Attributes) -> Result<(), Invalid> {
    let bytes: usize = attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
    require(bytes <= MAX_ATTRIBUTES_BYTES, "Attributes", "at most 32,768 bytes in total")?;
    require(
        attributes.keys().all(|name| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        }),
        "Attributes",
        "names of letters, digits, '-' and '_'",
    )
}

impl fmt::Debug for StartChatContactRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartChatContactRequest")
            .field("instance_id", &self.instance_id)
            .field("contact_flow_id", &self.contact_flow_id)
            .field("chat_duration_in_minutes", &self.chat_duration_in_minutes)
            .finish_non_exhaustive()
    }
}

/// Answer of [`StartChatContact`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartChatContactResponse {
    /// The contact; at first also the initial contact id.
    pub contact_id: ContactId,
    /// The customer.
    pub participant_id: ParticipantId,
    /// The customer's token.
    pub participant_token: ParticipantToken,
    /// With `ConnectionTypes`: the token for the other calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_credentials: Option<ConnectionCredentials>,
    /// With `ConnectionTypes`: the socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub websocket: Option<Websocket>,
}

/// Ends a contact (§10.2).
pub enum StopContact {}

impl Operation for StopContact {
    const NAME: &'static str = "StopContact";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/contact/stop";
    type Request = StopContactRequest;
    type Response = Empty;
}

/// Request of [`StopContact`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StopContactRequest {
    /// The contact to end.
    pub contact_id: ContactId,
    /// Its instance.
    pub instance_id: InstanceId,
}

impl StopContactRequest {
    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        limits::contact_id(self.contact_id.as_str())?;
        limits::instance_id(self.instance_id.as_str())
    }
}

/// Describes a contact (§10.7). Instance and contact are in the path.
pub enum DescribeContact {}

impl Operation for DescribeContact {
    const NAME: &'static str = "DescribeContact";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/contacts/{InstanceId}/{ContactId}";
    type Request = Empty;
    type Response = DescribeContactResponse;
}

/// Answer of [`DescribeContact`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeContactResponse {
    /// The contact.
    pub contact: Contact,
}

/// A contact as the control plane describes it. Times are seconds since 1970, with fractions.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Contact {
    /// The contact's Amazon resource name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The contact.
    pub id: ContactId,
    /// The chat it belongs to; absent on the first contact of a chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_contact_id: Option<ContactId>,
    /// How it came to be; `API` for a started chat.
    pub initiation_method: String,
    /// `CHAT`.
    pub channel: String,
    /// The customer's name given at the start. Personal: not in `Debug`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The queue, once it waits or waited in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_info: Option<QueueInfo>,
    /// The agent, once one has accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_info: Option<AgentInfo>,
    /// When it was started.
    pub initiation_timestamp: f64,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect_timestamp: Option<f64>,
    /// When it last changed.
    pub last_update_timestamp: f64,
    /// `CUSTOMER_DISCONNECT`, `AGENT_DISCONNECT` or `OTHER`, once it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect_reason: Option<String>,
    /// What the back end knows about the customer. Personal: not in `Debug`.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact")
            .field("id", &self.id)
            .field("initial_contact_id", &self.initial_contact_id)
            .field("disconnect_reason", &self.disconnect_reason)
            .finish_non_exhaustive()
    }
}

/// The queue of a contact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct QueueInfo {
    /// The queue.
    pub id: String,
    /// Since when the contact waited, seconds since 1970.
    pub enqueue_timestamp: f64,
}

/// The agent of a contact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AgentInfo {
    /// The agent's user id.
    pub id: String,
    /// When the agent accepted and was connected, seconds since 1970.
    pub connected_to_agent_timestamp: f64,
}

/// What a page posts to start a chat (§10.13). Attributes are not taken from a page.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartChatRequest {
    /// The instance; the server has a default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
    /// The flow; the server has a default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_flow_id: Option<ContactFlowId>,
    /// Who the customer is.
    pub participant_details: ParticipantDetails,
    /// As for StartChatContact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supported_messaging_content_types: Option<Vec<ContentType>>,
    /// As for StartChatContact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_duration_in_minutes: Option<i64>,
}

/// Answer to [`StartChatRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartChatAnswer {
    /// All of it.
    pub data: StartChatData,
}

/// The body of [`StartChatAnswer`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartChatData {
    /// What StartChatContact answered; ChatJS takes it as `chatDetails`.
    pub start_chat_result: StartChatContactResponse,
    /// What the page may offer; its one flag is there when the request listed content types.
    #[serde(default)]
    pub feature_permissions: BTreeMap<String, bool>,
}
