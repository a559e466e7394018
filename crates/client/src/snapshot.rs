//! What a chat needs to go on in another process.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{chat::ChatDetails, error::Error};

/// What a chat needs to go on in another process: who takes part, how far they have heard, and the
/// messages that wait to be sent. Keep it where only your program can read it, in place of the one
/// before. **Secret**: it holds tokens and messages.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot(Box<str>);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    contact_id: String,
    initial_contact_id: String,
    participant_id: String,
    participant_token: String,
    session: String,
}

impl Snapshot {
    pub(crate) fn new(details: &ChatDetails, session: String) -> Self {
        let kept = Kept {
            contact_id: details.contact_id.as_str().into(),
            initial_contact_id: details.initial_contact_id.as_str().into(),
            participant_id: details.participant_id.as_str().into(),
            participant_token: details.participant_token.expose().into(),
            session,
        };
        let text = serde_json::to_string(&kept).expect("texts can be written as JSON");
        Self(text.into())
    }

    /// The text to keep: one line of JSON, whose members are no part of the interface.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn read(&self) -> Result<(ChatDetails, String), Error> {
        let kept: Kept = serde_json::from_str(&self.0).map_err(|_| Error::Invalid {
            member: "snapshot",
            rule: "a text that Chat::snapshots gave",
        })?;
        let details = ChatDetails {
            contact_id: kept.contact_id.into(),
            initial_contact_id: kept.initial_contact_id.into(),
            participant_id: kept.participant_id.into(),
            participant_token: kept.participant_token.into(),
        };
        Ok((details, kept.session))
    }
}

impl From<String> for Snapshot {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Snapshot {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// Without the text: it is secret.
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snapshot(redacted)")
    }
}
