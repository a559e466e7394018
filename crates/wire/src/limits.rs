//! The modelled limits that several requests share.

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

/// `ClientToken`, wherever it is optional (docs/protocol/participant-service.md §2.4).
pub(crate) fn client_token(token: Option<&str>) -> Result<(), Invalid> {
    require(
        token.is_none_or(|token| chars_within(token, 0, 500)),
        "ClientToken",
        "at most 500 characters",
    )
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
