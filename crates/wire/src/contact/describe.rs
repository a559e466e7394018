//! DescribeContact (docs/protocol/participant-service.md §10.7).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{attributes::Attributes, segment::SegmentAttributes, tags::Tags};
use crate::{
    id::{ContactId, ParticipantId},
    participant::{Empty, Operation},
};

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
    /// The contact before it in the same chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_contact_id: Option<ContactId>,
    /// The root of all contacts that came of one another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_association_id: Option<ContactId>,
    /// The contact it is linked to, such as the one that its chat continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related_contact_id: Option<ContactId>,
    /// How it came to be; `API` for a started chat.
    pub initiation_method: String,
    /// `CHAT`.
    pub channel: String,
    /// What UpdateContact called it. Personal: not in `Debug`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What UpdateContact said of it. Personal: not in `Debug`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who the customer is in the back end's books. Personal: not in `Debug`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// The queue, once it waits or waited in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_info: Option<QueueInfo>,
    /// The agent, once one has accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_info: Option<AgentInfo>,
    /// When it was started.
    pub initiation_timestamp: f64,
    /// When the customer connected, and with that the flow began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_to_system_timestamp: Option<f64>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect_timestamp: Option<f64>,
    /// When it last changed.
    pub last_update_timestamp: f64,
    /// `CUSTOMER_DISCONNECT`, `AGENT_DISCONNECT` or `OTHER`, once it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect_reason: Option<String>,
    /// Who said how much, and how fast answers came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_metrics: Option<ChatMetrics>,
    /// What the back end knows about the customer. Personal: not in `Debug`.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// What the contact is for the service. Personal: not in `Debug`.
    #[serde(default, skip_serializing_if = "SegmentAttributes::is_empty")]
    pub segment_attributes: SegmentAttributes,
    /// What TagContact gave it. May be personal: not in `Debug`.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
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
    /// When the agent accepted, seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_by_agent_timestamp: Option<f64>,
    /// When the agent was connected, seconds since 1970.
    pub connected_to_agent_timestamp: f64,
    /// What the agent was to the contact, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub state_transitions: Vec<StateTransition>,
}

/// What somebody was to a contact for a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StateTransition {
    /// `INITIAL`, `CONNECTED`, `DISCONNECTED` or `MISSED`.
    pub state: String,
    /// Since when, seconds since 1970.
    pub state_start_timestamp: f64,
    /// Until when, seconds since 1970; absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_end_timestamp: Option<f64>,
}

/// Who said how much in a contact, and how fast answers came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChatMetrics {
    /// All together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_contact_metrics: Option<ChatContactMetrics>,
    /// The agents; the id is the last one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_metrics: Option<ParticipantMetrics>,
    /// The customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_metrics: Option<ParticipantMetrics>,
}

/// What all said in a contact.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChatContactMetrics {
    /// Whether more than one agent was there at once.
    pub multi_party: bool,
    /// Messages of everybody.
    pub total_messages: u64,
    /// Messages of flows and bots.
    pub total_bot_messages: u64,
    /// Their length in characters.
    pub total_bot_message_length_in_chars: u64,
    /// From the customer's last message to the end, in milliseconds; once it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_close_time_in_millis: Option<i64>,
    /// How often the customer spoke and was answered.
    pub conversation_turn_count: u64,
    /// When an agent first said something, seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_first_response_timestamp: Option<f64>,
    /// How long that took from when the agent came, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_first_response_time_in_millis: Option<i64>,
}

/// What one side said in a contact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ParticipantMetrics {
    /// Who.
    pub participant_id: ParticipantId,
    /// `AGENT` or `CUSTOMER`.
    pub participant_type: String,
    /// Messages.
    pub messages_sent: u64,
    /// How often this side answered the other.
    pub num_responses: u64,
    /// The messages' length in characters.
    pub message_length_in_chars: u64,
    /// How long the answers took together, in milliseconds.
    pub total_response_time_in_millis: i64,
    /// How long the slowest took, in milliseconds.
    pub max_response_time_in_millis: i64,
    /// When this side last said something, seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message_timestamp: Option<f64>,
}
