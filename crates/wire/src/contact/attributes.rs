//! What the back end knows about a customer (docs/protocol/participant-service.md §10.8).

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    id::{ContactId, InstanceId},
    limits::{self, Invalid, require},
    participant::{Empty, Operation},
};

/// Contact attributes: what the back end knows about the customer. Never in `Debug`.
pub type Attributes = BTreeMap<String, String>;

/// All attributes of a contact together, in UTF-8 bytes (§10).
pub const MAX_ATTRIBUTES_BYTES: usize = 32_768;

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

/// Reads the attributes of a contact (§10.8). Instance and initial contact are in the path.
pub enum GetContactAttributes {}

impl Operation for GetContactAttributes {
    const NAME: &'static str = "GetContactAttributes";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/contact/attributes/{InstanceId}/{InitialContactId}";
    type Request = Empty;
    type Response = GetContactAttributesResponse;
}

/// Answer of [`GetContactAttributes`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetContactAttributesResponse {
    /// What the back end knows about the customer.
    #[serde(default)]
    pub attributes: Attributes,
}

impl fmt::Debug for GetContactAttributesResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetContactAttributesResponse").finish_non_exhaustive()
    }
}

/// Changes attributes of a contact, also after its end (§10.8).
pub enum UpdateContactAttributes {}

impl Operation for UpdateContactAttributes {
    const NAME: &'static str = "UpdateContactAttributes";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/contact/attributes";
    type Request = UpdateContactAttributesRequest;
    type Response = Empty;
}

/// Request of [`UpdateContactAttributes`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateContactAttributesRequest {
    /// The initial contact of the chat.
    pub initial_contact_id: ContactId,
    /// Its instance.
    pub instance_id: InstanceId,
    /// What changes; names that are not here stay as they are, an empty value clears one.
    pub attributes: Attributes,
}

impl UpdateContactAttributesRequest {
    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        limits::contact_id(self.initial_contact_id.as_str())
            .map_err(|invalid| Invalid { member: "InitialContactId", ..invalid })?;
        limits::instance_id(self.instance_id.as_str())?;
        check_attributes(&self.attributes)
    }
}

/// Without attributes: they are personal.
impl fmt::Debug for UpdateContactAttributesRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateContactAttributesRequest")
            .field("initial_contact_id", &self.initial_contact_id)
            .finish_non_exhaustive()
    }
}
