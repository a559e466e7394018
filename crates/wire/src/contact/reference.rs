//! References of a contact: links, numbers and texts that agents see with it
//! (docs/protocol/participant-service.md §10.9).

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    limits::{Invalid, chars_within, require},
    open_enum::open_enum,
    participant::{Empty, Operation},
};

open_enum! {
    /// What a reference is.
    pub enum ReferenceType {
        /// A link.
        Url = "URL",
        /// A file.
        Attachment = "ATTACHMENT",
        /// An analysis of the contact.
        ContactAnalysis = "CONTACT_ANALYSIS",
        /// A number.
        Number = "NUMBER",
        /// A text.
        String = "STRING",
        /// A date.
        Date = "DATE",
        /// An address for mail.
        Email = "EMAIL",
        /// A mail.
        EmailMessage = "EMAIL_MESSAGE",
        /// The plain text of a mail.
        EmailMessagePlainText = "EMAIL_MESSAGE_PLAIN_TEXT",
        /// That text, redacted.
        EmailMessagePlainTextRedacted = "EMAIL_MESSAGE_PLAIN_TEXT_REDACTED",
        /// A mail, redacted.
        EmailMessageRedacted = "EMAIL_MESSAGE_REDACTED",
    }
}

open_enum! {
    /// How far what a reference points to is.
    pub enum ReferenceStatus {
        /// It can be fetched.
        Available = "AVAILABLE",
        /// It is gone.
        Deleted = "DELETED",
        /// It was found good.
        Approved = "APPROVED",
        /// It was refused.
        Rejected = "REJECTED",
        /// It is being worked on.
        Processing = "PROCESSING",
        /// It could not be made.
        Failed = "FAILED",
        /// It is being written.
        Drafting = "DRAFTING",
    }
}

/// References by name. Personal: not in `Debug`.
pub type References = BTreeMap<String, Reference>;

/// All references of a contact together, in UTF-8 bytes. No source states a limit; this one is that of
/// contact attributes.
pub const MAX_REFERENCES_BYTES: usize = 32_768;

/// How many types ListContactReferences takes at once (§10.9).
pub const MAX_REFERENCE_TYPES: usize = 6;

/// A link, number or text that agents see with a contact.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reference {
    /// What it says, at most 4,096 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What it is.
    #[serde(rename = "Type")]
    pub reference_type: ReferenceType,
    /// How far a file is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ReferenceStatus>,
    /// The resource name of a file, 20 to 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Why a file is not there, at most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
}

/// Without the value: it may say who the customer is.
impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reference")
            .field("reference_type", &self.reference_type)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Checks references: names of 1 to 4,096 characters, values of at most as many, and the bounds of this
/// module.
pub fn check_references(references: &References) -> Result<(), Invalid> {
    const MEMBER: &str = "References";
    let mut bytes = 0;
    for (name, reference) in references {
        let Reference { value, reference_type, status, arn, status_reason } = reference;
        let value = value.as_deref().unwrap_or_default();
        let reason = status_reason.as_deref().unwrap_or_default();
        require(chars_within(name, 1, 4_096), MEMBER, "names of 1 to 4,096 characters")?;
        require(chars_within(value, 0, 4_096), MEMBER, "values of at most 4,096 characters")?;
        require(
            !matches!(reference_type, ReferenceType::Other(_)),
            MEMBER,
            "a Type of the model, such as URL or STRING",
        )?;
        require(
            !matches!(status, Some(ReferenceStatus::Other(_))),
            MEMBER,
            "a Status of the model, such as AVAILABLE",
        )?;
        require(
            arn.as_deref().is_none_or(|arn| {
                (20..=256).contains(&arn.len())
                    && arn
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"-:/".contains(&byte))
            }),
            MEMBER,
            "an Arn of 20 to 256 letters, digits, '-', ':' and '/'",
        )?;
        require(chars_within(reason, 0, 100), MEMBER, "a StatusReason of at most 100 characters")?;
        bytes += name.len() + value.len() + reason.len() + arn.as_deref().map_or(0, str::len);
    }
    require(bytes <= MAX_REFERENCES_BYTES, MEMBER, "at most 32,768 bytes in total")
}

/// Lists the references of a contact (§10.9). Instance and contact are in the path, the types in the
/// query.
pub enum ListContactReferences {}

impl Operation for ListContactReferences {
    const NAME: &'static str = "ListContactReferences";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/contact/references/{InstanceId}/{ContactId}";
    type Request = Empty;
    type Response = ListContactReferencesResponse;
}

/// Answer of [`ListContactReferences`]. There is never another page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListContactReferencesResponse {
    /// The references of the types asked for, by name.
    #[serde(default)]
    pub reference_summary_list: Vec<ReferenceSummary>,
}

/// A reference, as a list names it: under its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReferenceSummary {
    /// A link.
    Url(ReferenceDetails),
    /// A file.
    Attachment(ReferenceDetails),
    /// An analysis of the contact.
    ContactAnalysis(ReferenceDetails),
    /// A number.
    Number(ReferenceDetails),
    /// A text.
    String(ReferenceDetails),
    /// A date.
    Date(ReferenceDetails),
    /// An address for mail.
    Email(ReferenceDetails),
    /// A mail.
    EmailMessage(ReferenceDetails),
    /// The plain text of a mail.
    EmailMessagePlainText(ReferenceDetails),
    /// That text, redacted.
    EmailMessagePlainTextRedacted(ReferenceDetails),
    /// A mail, redacted.
    EmailMessageRedacted(ReferenceDetails),
}

/// Name and content of a listed reference.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReferenceDetails {
    /// Its name.
    pub name: String,
    /// What it says; absent for mails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// How far a file is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ReferenceStatus>,
    /// The resource name of a file or mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
}

/// Without name and value: they may say who the customer is.
impl fmt::Debug for ReferenceDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferenceDetails").field("status", &self.status).finish_non_exhaustive()
    }
}

impl ReferenceSummary {
    /// A reference with exactly the members that the model has for its type; `None` for a type that this
    /// version does not know.
    pub fn new(name: &str, reference: &Reference) -> Option<Self> {
        use ReferenceType as Type;
        let all = ReferenceDetails {
            name: name.to_owned(),
            value: reference.value.clone(),
            status: reference.status.clone(),
            arn: reference.arn.clone(),
        };
        let text = |all: ReferenceDetails| ReferenceDetails { status: None, arn: None, ..all };
        let mail = |all: ReferenceDetails| ReferenceDetails { value: None, status: None, ..all };
        Some(match reference.reference_type {
            Type::Url => Self::Url(text(all)),
            Type::Attachment => Self::Attachment(all),
            Type::ContactAnalysis => Self::ContactAnalysis(all),
            Type::Number => Self::Number(text(all)),
            Type::String => Self::String(text(all)),
            Type::Date => Self::Date(text(all)),
            Type::Email => Self::Email(text(all)),
            Type::EmailMessage => Self::EmailMessage(mail(all)),
            Type::EmailMessagePlainText => Self::EmailMessagePlainText(mail(all)),
            Type::EmailMessagePlainTextRedacted => Self::EmailMessagePlainTextRedacted(mail(all)),
            Type::EmailMessageRedacted => Self::EmailMessageRedacted(mail(all)),
            Type::Other(_) => return None,
        })
    }
}
