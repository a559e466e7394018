//! DescribeContact (docs/protocol/participant-service.md §10.7).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::attributes::Attributes;
use crate::{
    id::ContactId,
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
