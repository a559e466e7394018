//! The start-chat request of pages (docs/protocol/participant-service.md §10.13).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::start::{ParticipantDetails, StartChatContactResponse};
use crate::{
    ContentType,
    id::{ContactFlowId, InstanceId},
};

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
