//! What the back end knows about a customer.

use std::collections::BTreeMap;

use crate::limits::{Invalid, require};

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
