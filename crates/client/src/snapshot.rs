//! What a chat needs to go on in another process.

use std::fmt;

use chatloom_session::{Behaviour, Core, Input, Now, SessionId, SessionOptions};

use crate::{chat::ChatDetails, error::Error};

/// What a chat needs to go on in another process: who takes part, how far they have heard, and the
/// messages that wait to be sent. Keep it where only your program can read it, in place of the one
/// before. **Secret**: it holds the participant's token and messages.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot(Box<str>);

impl Snapshot {
    /// The text to keep: one line of JSON, whose members are no part of the interface.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whose it is: what a core knows that goes on from here, and from nothing else.
    pub(crate) fn details(&self) -> Result<ChatDetails, Error> {
        let session = SessionId(0);
        let nobody = SessionOptions::new(
            Behaviour::Chatloom,
            String::new(),
            "".into(),
            "".into(),
            "".into(),
        );
        let mut core = Core::new(0);
        let (options, snapshot) = (Box::new(nobody), self.expose().to_owned());
        core.handle(Now::default(), Input::Restore { session, options, snapshot });
        let details =
            core.chat_details(session).filter(|found| !found.contact_id.as_str().is_empty());
        let rule = "must be a text that Chat::snapshots gave";
        let details = details.ok_or(Error::Invalid { member: "snapshot", rule })?;
        Ok(ChatDetails {
            contact_id: details.contact_id.clone(),
            initial_contact_id: details.initial_contact_id.clone(),
            participant_id: details.participant_id.clone(),
            participant_token: details.participant_token.clone(),
        })
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
