//! What the control plane keeps with a chat, beside what happens in it
//! (docs/protocol/participant-service.md §10.7 to §10.9).
//!
//! All contacts of a chat share it: a transfer carries it over. It can be changed after the end as well,
//! for as long as the chat is kept.

use std::fmt;

use chatloom_wire::{
    ErrorKind, Timestamp,
    contact::{
        Attributes, MAX_TAGS, References, ResponseMode, SegmentAttributes, Tags,
        UpdateContactRequest, check_attributes, check_references, check_segment_attributes,
    },
    participant::Invalid,
};
use serde::{Deserialize, Serialize};

use crate::{Answer, Chat, Decision, Refusal};

/// What the control plane keeps with a chat.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Links, numbers and texts for its agents.
    #[serde(skip_serializing_if = "References::is_empty")]
    pub references: References,
    /// What it is for the service.
    #[serde(skip_serializing_if = "SegmentAttributes::is_empty")]
    pub segment_attributes: SegmentAttributes,
    /// By what the back end finds it again.
    #[serde(skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Who the customer is in the back end's books.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// How the customer takes messages of bots; whole ones unless it says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_mode: Option<ResponseMode>,
}

/// Nothing: all of it may be personal.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").finish_non_exhaustive()
    }
}

impl Record {
    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What becomes of what is kept with a chat. The requests have been checked.
#[derive(Clone, PartialEq)]
pub enum RecordChange {
    /// Attributes come or get other values: UpdateContactAttributes.
    Attributes(Attributes),
    /// Name, description, references or segment attributes come or change: UpdateContact.
    Details(Box<UpdateContactRequest>),
    /// Tags come or get other values: TagContact.
    Tag(Tags),
    /// Tags go: UntagContact.
    Untag(Vec<String>),
}

/// Which change, not what: that may be personal.
impl fmt::Debug for RecordChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Attributes(_) => "Attributes(..)",
            Self::Details(_) => "Details(..)",
            Self::Tag(_) => "Tag(..)",
            Self::Untag(_) => "Untag(..)",
        })
    }
}

/// Changes what is kept with a chat. Refused with `InvalidParameterException` when it would be more than
/// a contact may have.
pub(crate) fn change(
    now: Timestamp,
    chat: &Chat,
    change: &RecordChange,
) -> Result<Decision, Refusal> {
    let mut after = chat.clone();
    match change {
        RecordChange::Attributes(new) => {
            let mut all: Attributes = after.attributes.into_iter().collect();
            all.extend(new.iter().map(|(name, value)| (name.clone(), value.clone())));
            check_attributes(&all).map_err(|invalid| too_much(&invalid))?;
            after.attributes = all.into_iter().collect();
        }
        RecordChange::Details(details) => update(&mut after.record, details)?,
        RecordChange::Tag(new) => {
            let tags = &mut after.record.tags;
            tags.extend(new.iter().map(|(name, value)| (name.clone(), value.clone())));
            if tags.len() > MAX_TAGS {
                let (member, rule) = ("Tags", "a contact has at most 6 tags in all");
                return Err(too_much(&Invalid { member, rule }));
            }
        }
        RecordChange::Untag(names) => {
            after.record.tags.retain(|name, _| !names.contains(name));
        }
    }
    if after == *chat {
        return Ok(Decision::nothing(Answer::Done));
    }
    after.updated_at = now;
    Ok(Decision::change(after, Vec::new()))
}

fn update(record: &mut Record, details: &UpdateContactRequest) -> Result<(), Refusal> {
    // An empty text clears what was there.
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    if let Some(name) = &details.name {
        record.name = text(name);
    }
    if let Some(description) = &details.description {
        record.description = text(description);
    }
    if let Some(references) = &details.references {
        record.references.extend(references.clone());
        check_references(&record.references).map_err(|invalid| too_much(&invalid))?;
    }
    if let Some(attributes) = &details.segment_attributes {
        record.segment_attributes.extend(attributes.clone());
        check_segment_attributes(&record.segment_attributes)
            .map_err(|invalid| too_much(&invalid))?;
    }
    Ok(())
}

fn too_much(invalid: &Invalid) -> Refusal {
    Refusal::new(ErrorKind::InvalidParameter, format!("With what is there already: {invalid}"))
}
