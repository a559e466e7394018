//! Chats that continue others (docs/protocol/participant-service.md §10.10).

use serde::{Deserialize, Serialize};

use crate::{
    id::ContactId,
    limits::{self, Invalid, chars_within, require},
    open_enum::open_enum,
    participant::Operation,
};

/// Makes a chat that goes on continue one that has ended (§10.10). The instance and the initial contact
/// of the chat that goes on are in the path.
pub enum CreatePersistentContactAssociation {}

impl Operation for CreatePersistentContactAssociation {
    const NAME: &'static str = "CreatePersistentContactAssociation";
    const METHOD: &'static str = "POST";
    const PATH: &'static str =
        "/contact/persistent-contact-association/{InstanceId}/{InitialContactId}";
    type Request = CreatePersistentContactAssociationRequest;
    type Response = CreatePersistentContactAssociationResponse;
}

/// Request of [`CreatePersistentContactAssociation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreatePersistentContactAssociationRequest {
    /// What is continued.
    #[serde(flatten)]
    pub source: PersistentChat,
    /// At most 500 characters. A repeat does nothing, with it or without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
}

impl CreatePersistentContactAssociationRequest {
    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        self.source.check()?;
        limits::client_token(self.client_token.as_deref())
    }
}

/// Answer of [`CreatePersistentContactAssociation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreatePersistentContactAssociationResponse {
    /// The last contact that shows.
    pub continued_from_contact_id: ContactId,
}

/// What a chat continues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PersistentChat {
    /// How much of it shows.
    pub rehydration_type: RehydrationType,
    /// A contact of the chat that has ended.
    pub source_contact_id: ContactId,
}

impl PersistentChat {
    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        require(
            !matches!(self.rehydration_type, RehydrationType::Other(_)),
            "RehydrationType",
            "ENTIRE_PAST_SESSION or FROM_SEGMENT",
        )?;
        require(
            chars_within(self.source_contact_id.as_str(), 1, 256),
            "SourceContactId",
            "1 to 256 characters",
        )
    }
}

open_enum! {
    /// How much of a chat that is continued shows.
    pub enum RehydrationType {
        /// All its contacts; named by the initial one.
        EntirePastSession = "ENTIRE_PAST_SESSION",
        /// The contact that is named, and those before it.
        FromSegment = "FROM_SEGMENT",
    }
}
