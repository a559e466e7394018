//! Segment attributes: what a contact is for the service, where attributes are what the back end says
//! of the customer (docs/protocol/participant-service.md §10).

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::limits::{Invalid, chars_within, require};

/// Segment attributes by name. Personal: not in `Debug`.
pub type SegmentAttributes = BTreeMap<String, SegmentAttributeValue>;

/// What kind of chat it is; see [`GUIDE_SUBTYPE`].
pub const SUBTYPE: &str = "connect:Subtype";

/// The value of [`SUBTYPE`] for a chat that shows views. It needs both interactive content types.
pub const GUIDE_SUBTYPE: &str = "connect:Guide";

/// Whether the customer has been authenticated: a map with a `Status`.
pub const CUSTOMER_AUTHENTICATION: &str = "connect:CustomerAuthentication";

/// All segment attributes of a contact together, names and texts in UTF-8 bytes. No source states a
/// limit; this one is that of contact attributes.
pub const MAX_SEGMENT_BYTES: usize = 32_768;

/// How deep maps and lists may lie in each other. No source states a limit.
pub const MAX_SEGMENT_DEPTH: usize = 4;

/// How many values there may be in all, those in maps and lists included. No source states a limit.
pub const MAX_SEGMENT_VALUES: usize = 200;

/// The value of a segment attribute: exactly one member is there.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SegmentAttributeValue {
    /// At most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_string: Option<String>,
    /// Values by names of 1 to 128 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_map: Option<SegmentAttributes>,
    /// A whole number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_integer: Option<i64>,
    /// Values in their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_list: Option<Vec<SegmentAttributeValue>>,
    /// At most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_arn: Option<String>,
}

impl SegmentAttributeValue {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { value_string: Some(text.into()), ..Self::default() }
    }
}

/// Without values: they may say who the customer is.
impl fmt::Debug for SegmentAttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SegmentAttributeValue(redacted)")
    }
}

/// Checks segment attributes: names of 1 to 128 characters, in each value exactly one member, texts of
/// at most 1,024 characters, and the bounds of this module.
pub fn check_segment_attributes(attributes: &SegmentAttributes) -> Result<(), Invalid> {
    let mut sum = Sum::default();
    sum.map(attributes, 1)?;
    require(
        sum.bytes <= MAX_SEGMENT_BYTES && sum.values <= MAX_SEGMENT_VALUES,
        MEMBER,
        "at most 200 values and 32,768 bytes in total",
    )
}

const MEMBER: &str = "SegmentAttributes";

#[derive(Default)]
struct Sum {
    bytes: usize,
    values: usize,
}

impl Sum {
    fn map(&mut self, map: &SegmentAttributes, depth: usize) -> Result<(), Invalid> {
        for (name, value) in map {
            require(chars_within(name, 1, 128), MEMBER, "names of 1 to 128 characters")?;
            self.bytes += name.len();
            self.value(value, depth)?;
        }
        Ok(())
    }

    fn value(&mut self, value: &SegmentAttributeValue, depth: usize) -> Result<(), Invalid> {
        self.values += 1;
        let SegmentAttributeValue { value_string, value_map, value_integer, value_list, value_arn } =
            value;
        let members = [
            value_string.is_some(),
            value_map.is_some(),
            value_integer.is_some(),
            value_list.is_some(),
            value_arn.is_some(),
        ];
        require(
            members.into_iter().filter(|is_there| *is_there).count() == 1,
            MEMBER,
            "exactly one of ValueString, ValueMap, ValueInteger, ValueList and ValueArn in each value",
        )?;
        for text in [value_string, value_arn].into_iter().flatten() {
            require(chars_within(text, 0, 1_024), MEMBER, "texts of at most 1,024 characters")?;
            self.bytes += text.len();
        }
        if value_map.is_none() && value_list.is_none() {
            return Ok(());
        }
        require(depth < MAX_SEGMENT_DEPTH, MEMBER, "maps and lists at most four deep")?;
        if let Some(map) = value_map {
            self.map(map, depth + 1)?;
        }
        for value in value_list.iter().flatten() {
            self.value(value, depth + 1)?;
        }
        Ok(())
    }
}
