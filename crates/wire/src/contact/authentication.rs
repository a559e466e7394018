//! UpdateParticipantAuthentication (docs/protocol/participant-service.md §10.11).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    id::InstanceId,
    limits::{self, Invalid, chars_within, require},
    participant::{Empty, Operation},
};

/// Says how a customer came back from signing in (§10.11).
pub enum UpdateParticipantAuthentication {}

impl Operation for UpdateParticipantAuthentication {
    const NAME: &'static str = "UpdateParticipantAuthentication";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/contact/update-participant-authentication";
    type Request = UpdateParticipantAuthenticationRequest;
    type Response = Empty;
}

/// Request of [`UpdateParticipantAuthentication`]: a code, or an error with its description.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateParticipantAuthenticationRequest {
    /// The `state` that came back, 1 to 1,000 characters.
    pub state: String,
    /// The instance.
    pub instance_id: InstanceId,
    /// The `code` that came back, 1 to 2,048 characters. Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The `error` that came back, 1 to 2,048 printable characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The `error_description` that came back, 1 to 2,048 printable characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
}

impl UpdateParticipantAuthenticationRequest {
    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        limits::instance_id(self.instance_id.as_str())?;
        require(chars_within(&self.state, 1, 1_000), "State", "1 to 1,000 characters")?;
        require(
            self.code.as_deref().is_none_or(|code| chars_within(code, 1, 2_048)),
            "Code",
            "1 to 2,048 characters",
        )?;
        for (member, text) in
            [("Error", &self.error), ("ErrorDescription", &self.error_description)]
        {
            require(
                text.as_deref().is_none_or(|text| {
                    (1..=2_048).contains(&text.len()) && text.bytes().all(is_printable)
                }),
                member,
                "1 to 2,048 printable ASCII characters without quotes and backslashes",
            )?;
        }
        Ok(())
    }
}

/// The model's pattern: what OAuth allows in an error.
fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'\\'
}

/// Without any of it: it lets somebody sign in, or says why somebody could not.
impl fmt::Debug for UpdateParticipantAuthenticationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateParticipantAuthenticationRequest").finish_non_exhaustive()
    }
}
