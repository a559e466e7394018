//! StopContact (docs/protocol/participant-service.md §10.2).

use serde::{Deserialize, Serialize};

use crate::{
    id::{ContactId, InstanceId},
    limits::{self, Invalid},
    participant::{Empty, Operation},
};

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
    /// Why, for outbound campaigns. Nothing comes of it for a chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect_reason: Option<DisconnectReason>,
}

/// Why an outbound campaign ends a contact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DisconnectReason {
    /// The campaign's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl StopContactRequest {
    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        limits::contact_id(self.contact_id.as_str())?;
        limits::instance_id(self.instance_id.as_str())
    }
}
