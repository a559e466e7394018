//! The modelled limits that several requests share.

use crate::{id::AttachmentId, participant::MAX_CONTENT_BYTES};

/// A request that does not fit the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{member}: {rule}")]
pub struct Invalid {
    /// The member that does not fit, by its wire name.
    pub member: &'static str,
    /// What it must be.
    pub rule: &'static str,
}

pub(crate) fn require(
    holds: bool,
    member: &'static str,
    rule: &'static str,
) -> Result<(), Invalid> {
    if holds { Ok(()) } else { Err(Invalid { member, rule }) }
}

/// Whether a text has `min` to `max` characters, counted as the model counts: Unicode scalar values.
pub(crate) fn chars_within(text: &str, min: usize, max: usize) -> bool {
    // A character has one to four bytes: most texts need no count.
    if text.len() <= max {
        text.len() >= min && (min <= 1 || text.chars().take(min).count() == min)
    } else {
        text.len() <= max.saturating_mul(4) && (min..=max).contains(&text.chars().count())
    }
}

/// Checks `ClientToken`, wherever it is optional (docs/protocol/participant-service.md §2.4).
pub fn client_token(token: Option<&str>) -> Result<(), Invalid> {
    require(
        token.is_none_or(|token| chars_within(token, 0, 500)),
        "ClientToken",
        "at most 500 characters",
    )
}

/// `ClientToken`, where it is required (docs/protocol/participant-service.md §2.4).
pub(crate) fn required_client_token(token: &str) -> Result<(), Invalid> {
    require(chars_within(token, 1, 500), "ClientToken", "1 to 500 characters")
}

/// Checks the content of a message (docs/protocol/participant-service.md §3.2).
pub fn content(content: &str) -> Result<(), Invalid> {
    require((1..=MAX_CONTENT_BYTES).contains(&content.len()), "Content", "1 to 16,384 bytes")
}

/// `AttachmentId` (docs/protocol/participant-service.md §3.8).
pub(crate) fn attachment_id(id: &AttachmentId) -> Result<(), Invalid> {
    require(chars_within(id.as_str(), 1, 256), "AttachmentId", "1 to 256 characters")
}

/// `SessionId` of a sign-in (docs/protocol/participant-service.md §3.10).
pub(crate) fn authentication_session(id: &str) -> Result<(), Invalid> {
    require(chars_within(id, 36, 36), "SessionId", "exactly 36 characters")
}

/// `ContactId` (docs/protocol/participant-service.md §10).
pub(crate) fn contact_id(id: &str) -> Result<(), Invalid> {
    require(chars_within(id, 1, 256), "ContactId", "1 to 256 characters")
}

/// `InstanceId` (docs/protocol/participant-service.md §10).
pub(crate) fn instance_id(id: &str) -> Result<(), Invalid> {
    require(chars_within(id, 1, 100), "InstanceId", "1 to 100 characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_not_bytes() {
        for (text, min, max, holds) in [
            ("", 0, 3, true),
            ("", 1, 3, false),
            ("abc", 1, 3, true),
            ("abcd", 1, 3, false),
            ("äöü", 1, 3, true),
            ("äöüß", 1, 3, false),
            ("😀😀😀", 1, 3, true),
            ("😀😀😀😀", 1, 3, false),
            ("😀", 2, 9, false),
            ("😀😀", 2, 9, true),
        ] {
            assert_eq!(chars_within(text, min, max), holds, "{text:?} {min}..={max}");
        }
    }
}
