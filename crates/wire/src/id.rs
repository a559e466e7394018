//! Identifiers and tokens, each a type of its own so that one cannot stand in for another.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! text_type {
    ($( $(#[$meta:meta])* $name:ident, )*) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::json::from_text(deserializer, "a string", |text| {
                    Ok::<_, std::convert::Infallible>(Self::from(text))
                })
            }
        }
    )*};
}

text_type! {
    /// A contact: one leg of a chat, 1 to 256 characters. A transfer gives a chat a new contact;
    /// the first one, the *initial contact id*, names the chat as a whole.
    ContactId,
    /// A participant of a contact, 1 to 256 characters.
    ParticipantId,
    /// An item of a transcript, 1 to 256 characters.
    ItemId,
    /// An uploaded file, 1 to 256 characters.
    AttachmentId,
    /// A Connect instance, 1 to 100 characters.
    InstanceId,
    /// A contact flow, at most 500 characters.
    ContactFlowId,
    /// A stream of a chat's items to an endpoint, 1 to 100 characters.
    StreamingId,
    /// What a participant shows to get a connection, 1 to 1000 characters. Secret: lives as long as
    /// the participant (docs/protocol/participant-service.md §1.4).
    ParticipantToken,
    /// What a participant shows with every other call, 1 to 1000 characters. Secret: lives a day
    /// (docs/protocol/participant-service.md §1.4).
    ConnectionToken,
}

macro_rules! public_id {
    ($($name:ident)*) => {$(
        impl $name {
            /// The identifier as it is on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        /// Quoted and escaped: a peer may have made it up, and it must stay within its log line.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

public_id! {
    ContactId ParticipantId ItemId AttachmentId InstanceId ContactFlowId StreamingId
}

macro_rules! secret {
    ($($name:ident)*) => {$(
        impl $name {
            /// The secret itself. Only for the header or body that must carry it.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    )*};
}

secret! { ParticipantToken ConnectionToken }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_do_not_print() {
        let token = ConnectionToken::from("very secret");
        assert_eq!(format!("{token:?}"), "ConnectionToken(redacted)");
        assert_eq!(token.expose(), "very secret");
    }

    #[test]
    fn an_id_cannot_leave_its_log_line() {
        assert_eq!(format!("{:?}", ContactId::from("a\nb")), r#""a\nb""#);
    }
}
