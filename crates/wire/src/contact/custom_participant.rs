//! CreateParticipant (docs/protocol/participant-service.md §10.3).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    ParticipantRole,
    id::{ContactId, InstanceId, ParticipantId, ParticipantToken},
    limits::{self, Invalid, chars_within, require},
    participant::Operation,
};

/// Adds a custom participant to a contact (§10.3).
pub enum CreateParticipant {}

impl Operation for CreateParticipant {
    const NAME: &'static str = "CreateParticipant";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/contact/create-participant";
    type Request = CreateParticipantRequest;
    type Response = CreateParticipantResponse;
}

/// Request of [`CreateParticipant`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateParticipantRequest {
    /// The instance.
    pub instance_id: InstanceId,
    /// The contact.
    pub contact_id: ContactId,
    /// Makes a repeat answer the first participant, at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
    /// Who is added.
    pub participant_details: ParticipantDetailsToAdd,
}

/// Who is added to a contact.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ParticipantDetailsToAdd {
    /// `CUSTOM_BOT`, for a chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_role: Option<ParticipantRole>,
    /// 1 to 256 characters. Not in `Debug`: it may be a person's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

impl fmt::Debug for ParticipantDetailsToAdd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParticipantDetailsToAdd")
            .field("participant_role", &self.participant_role)
            .finish_non_exhaustive()
    }
}

impl CreateParticipantRequest {
    /// Checks the modelled limits, and that the role is one that a chat can be given.
    pub fn check(&self) -> Result<(), Invalid> {
        limits::instance_id(self.instance_id.as_str())?;
        limits::contact_id(self.contact_id.as_str())?;
        limits::client_token(self.client_token.as_deref())?;
        let details = &self.participant_details;
        require(
            details.participant_role == Some(ParticipantRole::CustomBot),
            "ParticipantDetails.ParticipantRole",
            "CUSTOM_BOT for a chat",
        )?;
        require(
            details.display_name.as_deref().is_none_or(|name| chars_within(name, 1, 256)),
            "ParticipantDetails.DisplayName",
            "1 to 256 characters",
        )
    }
}

/// Answer of [`CreateParticipant`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateParticipantResponse {
    /// What the participant connects with.
    pub participant_credentials: ParticipantTokenCredentials,
    /// The participant.
    pub participant_id: ParticipantId,
}

/// A participant's token, and until when it has to be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ParticipantTokenCredentials {
    /// For CreateParticipantConnection.
    pub participant_token: ParticipantToken,
    /// ISO 8601.
    pub expiry: String,
}
