//! UpdateContact: what agents see with a contact.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    reference::{References, check_references},
    segment::{SegmentAttributes, check_segment_attributes},
};
use crate::{
    limits::{Invalid, chars_within, require},
    participant::{Empty, Operation},
};

/// Changes what agents see with a contact, also after its end. Instance and contact are in the path.
pub enum UpdateContact {}

impl Operation for UpdateContact {
    const NAME: &'static str = "UpdateContact";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/contacts/{InstanceId}/{ContactId}";
    type Request = UpdateContactRequest;
    type Response = Empty;
}

/// Request of [`UpdateContact`]. What is absent stays as it is; one member at least must be there.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateContactRequest {
    /// What the contact is called, at most 1,024 characters; an empty one clears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is about, at most 4,096 characters; an empty one clears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// References that come or change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub references: Option<References>,
    /// Segment attributes that come or change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment_attributes: Option<SegmentAttributes>,
    /// The queue of a contact that nobody connected yet. Not for chats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_info: Option<Value>,
    /// The agent of such a contact. Not for chats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_info: Option<Value>,
    /// The customer's number or address. Not for chats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_endpoint: Option<Value>,
    /// The number or address the customer reached. Not for chats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_endpoint: Option<Value>,
    /// Further recipients of a mail. Not for chats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_recipients: Option<Value>,
}

impl UpdateContactRequest {
    /// Checks the modelled limits, and that nothing is asked for that chats do not have.
    pub fn check(&self) -> Result<(), Invalid> {
        let within = |text: &Option<String>, max| {
            text.as_deref().is_none_or(|text| chars_within(text, 0, max))
        };
        require(within(&self.name, 1_024), "Name", "at most 1,024 characters")?;
        require(within(&self.description, 4_096), "Description", "at most 4,096 characters")?;
        self.references.as_ref().map_or(Ok(()), check_references)?;
        self.segment_attributes.as_ref().map_or(Ok(()), check_segment_attributes)?;
        for (member, value) in [
            ("QueueInfo", &self.queue_info),
            ("UserInfo", &self.user_info),
            ("CustomerEndpoint", &self.customer_endpoint),
            ("SystemEndpoint", &self.system_endpoint),
            ("AdditionalRecipients", &self.additional_recipients),
        ] {
            require(value.is_none(), member, "not for chats")?;
        }
        Ok(())
    }

    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Without what it says: that is personal.
impl fmt::Debug for UpdateContactRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateContactRequest").finish_non_exhaustive()
    }
}
