//! StartChatContact (docs/protocol/participant-service.md §10.1).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    attributes::{Attributes, check_attributes},
    persistent::PersistentChat,
    segment::{GUIDE_SUBTYPE, SUBTYPE, SegmentAttributes, check_segment_attributes},
    streaming::ChatStreamingConfiguration,
};
use crate::{
    ContentType, ParticipantRole,
    id::{ContactFlowId, ContactId, InstanceId, ParticipantId, ParticipantToken, StreamingId},
    limits::{self, Invalid, chars_within, require},
    open_enum::open_enum,
    participant::{
        ConnectionCredentials, ConnectionType, MAX_CONTENT_BYTES, Operation, SendMessageRequest,
        Websocket,
    },
};

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
    /// What the contact is for the service.
    #[serde(default, skip_serializing_if = "SegmentAttributes::is_empty")]
    pub segment_attributes: SegmentAttributes,
    /// Who the customer is in the back end's books, 1 to 128 characters. Personal: not in `Debug`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// How the customer takes messages of bots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_configuration: Option<ParticipantConfiguration>,
    /// The ended chat that this one continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent_chat: Option<PersistentChat>,
    /// A contact whose properties are copied; not together with `PersistentChat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related_contact_id: Option<ContactId>,
    /// Exactly `AGENT`: agents are disconnected when the customer leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect_on_customer_exit: Option<Vec<ParticipantRole>>,
    /// Sends the chat's items to an endpoint from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_streaming_configuration: Option<ChatStreamingConfiguration>,
}

open_enum! {
    /// How a participant takes a message that a bot makes piece by piece (§6.7).
    pub enum ResponseMode {
        /// Piece by piece.
        Incremental = "INCREMENTAL",
        /// Once it is whole; the default.
        Complete = "COMPLETE",
    }
}

/// How a participant takes part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ParticipantConfiguration {
    /// How messages of bots come; whole ones unless it says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_mode: Option<ResponseMode>,
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

    /// The least that starts a chat; every other member is absent.
    pub fn new(
        instance_id: InstanceId,
        contact_flow_id: ContactFlowId,
        participant_details: ParticipantDetails,
    ) -> Self {
        Self {
            instance_id,
            contact_flow_id,
            participant_details,
            attributes: Attributes::new(),
            initial_message: None,
            client_token: None,
            chat_duration_in_minutes: None,
            supported_messaging_content_types: None,
            connection_types: None,
            segment_attributes: SegmentAttributes::new(),
            customer_id: None,
            participant_configuration: None,
            persistent_chat: None,
            related_contact_id: None,
            disconnect_on_customer_exit: None,
            chat_streaming_configuration: None,
        }
    }

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
        )?;
        self.check_segment()?;
        require(
            self.customer_id.as_deref().is_none_or(|id| chars_within(id, 1, 128)),
            "CustomerId",
            "1 to 128 characters",
        )?;
        let configuration = self.participant_configuration.as_ref();
        require(
            !matches!(
                configuration.and_then(|configuration| configuration.response_mode.as_ref()),
                Some(ResponseMode::Other(_))
            ),
            "ParticipantConfiguration.ResponseMode",
            "INCREMENTAL or COMPLETE",
        )?;
        self.check_links()
    }

    /// What it has to do with other contacts, and how it ends.
    fn check_links(&self) -> Result<(), Invalid> {
        if let Some(persistent) = &self.persistent_chat {
            persistent.check()?;
        }
        if let Some(related) = &self.related_contact_id {
            require(
                chars_within(related.as_str(), 1, 256),
                "RelatedContactId",
                "1 to 256 characters",
            )?;
            require(
                self.persistent_chat.is_none(),
                "RelatedContactId",
                "not together with PersistentChat",
            )?;
        }
        require(
            self.disconnect_on_customer_exit
                .as_deref()
                .is_none_or(|roles| roles == [ParticipantRole::Agent]),
            "DisconnectOnCustomerExit",
            "exactly AGENT",
        )?;
        self.chat_streaming_configuration.as_ref().map_or(Ok(()), ChatStreamingConfiguration::check)
    }

    fn check_segment(&self) -> Result<(), Invalid> {
        check_segment_attributes(&self.segment_attributes)?;
        let subtype = self.segment_attributes.get(SUBTYPE);
        let is_guide =
            subtype.is_some_and(|value| value.value_string.as_deref() == Some(GUIDE_SUBTYPE));
        let supported = self.supported_messaging_content_types.as_deref().unwrap_or_default();
        require(
            !is_guide
                || [ContentType::Interactive, ContentType::InteractiveResponse]
                    .iter()
                    .all(|needed| supported.contains(needed)),
            "SegmentAttributes",
            "connect:Guide needs both interactive types among SupportedMessagingContentTypes",
        )
    }
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
    /// The last contact of the chat that this one continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continued_from_contact_id: Option<ContactId>,
    /// With `ConnectionTypes`: the token for the other calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_credentials: Option<ConnectionCredentials>,
    /// With `ConnectionTypes`: the socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub websocket: Option<Websocket>,
    /// With `ChatStreamingConfiguration`: the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streaming_id: Option<StreamingId>,
}
