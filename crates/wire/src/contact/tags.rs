//! Tags of a contact: names and values by which a back end groups contacts.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    id::{ContactId, InstanceId},
    limits::{self, Invalid, chars_within, require},
    participant::{Empty, Operation},
};

/// Tags by name.
pub type Tags = BTreeMap<String, String>;

/// How many tags a request may name and a contact may have (§10.9).
pub const MAX_TAGS: usize = 6;

/// Adds tags to a contact, also after its end (§10.9).
pub enum TagContact {}

impl Operation for TagContact {
    const NAME: &'static str = "TagContact";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/contact/tags";
    type Request = TagContactRequest;
    type Response = Empty;
}

/// Request of [`TagContact`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagContactRequest {
    /// The contact.
    pub contact_id: ContactId,
    /// Its instance.
    pub instance_id: InstanceId,
    /// One to six; a tag that is there already gets the new value.
    pub tags: Tags,
}

impl TagContactRequest {
    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        limits::contact_id(self.contact_id.as_str())?;
        limits::instance_id(self.instance_id.as_str())?;
        require((1..=MAX_TAGS).contains(&self.tags.len()), "Tags", "1 to 6 tags")?;
        require(self.tags.keys().all(|key| is_key(key)), "Tags", KEY_RULE)?;
        require(
            self.tags.values().all(|value| chars_within(value, 0, 256)),
            "Tags",
            "values of at most 256 characters",
        )
    }
}

/// Without tags: they may be personal.
impl fmt::Debug for TagContactRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TagContactRequest")
            .field("contact_id", &self.contact_id)
            .finish_non_exhaustive()
    }
}

/// Takes tags from a contact, also after its end. Instance and contact are in the path, the names in
/// the query.
pub enum UntagContact {}

impl Operation for UntagContact {
    const NAME: &'static str = "UntagContact";
    const METHOD: &'static str = "DELETE";
    const PATH: &'static str = "/contact/tags/{InstanceId}/{ContactId}";
    type Request = Empty;
    type Response = Empty;
}

/// Checks the names that [`UntagContact`] takes away: one to six.
pub fn check_tag_keys(keys: &[String]) -> Result<(), Invalid> {
    require((1..=MAX_TAGS).contains(&keys.len()), "TagKeys", "1 to 6 names")?;
    require(keys.iter().all(|key| is_key(key)), "TagKeys", KEY_RULE)
}

const KEY_RULE: &str =
    "names of 1 to 128 letters, digits and +,-./:;<=_ that do not begin with 'aws:'";

/// The model's pattern has a range from `+` to `=`, which takes in the digits and some signs.
fn is_key(key: &str) -> bool {
    (1..=128).contains(&key.len())
        && !key.starts_with("aws:")
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || (b'+'..=b'=').contains(&byte) || byte == b'_')
}
