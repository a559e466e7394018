//! ListContactReferences (docs/protocol/participant-service.md §10.9).

use std::sync::Arc;

use chatloom_wire::{
    ErrorKind, ServiceError,
    contact::{
        ListContactReferencesResponse, MAX_REFERENCE_TYPES, ReferenceSummary, ReferenceType,
    },
    participant::Invalid,
};

use super::in_query;
use crate::http::{Answer, App, Call, error, json};

pub(in crate::http) async fn list_references(app: Arc<App>, mut call: Call) -> Answer {
    app.signed_body(&mut call).await?;
    let types = types(&call)?;
    let contact = app.contact_in_path(&mut call).await?;
    let chat = app.chats.describe(&contact).await?;
    let references = chat.record.references.iter();
    let reference_summary_list = references
        .filter(|(_, reference)| types.contains(&reference.reference_type))
        .filter_map(|(name, reference)| ReferenceSummary::new(name, reference))
        .collect();
    json(&ListContactReferencesResponse { reference_summary_list })
}

/// The types asked for. There is never a second page, so nobody has a token for one.
fn types(call: &Call) -> Result<Vec<ReferenceType>, ServiceError> {
    let types = in_query(call, "referenceTypes")?;
    if types.is_empty() {
        return Err(ServiceError::new(
            ErrorKind::InvalidRequest,
            "referenceTypes: at least one is needed",
        ));
    }
    let types: Vec<ReferenceType> = types.iter().map(|text| text.as_str().into()).collect();
    let is_known = |kind: &ReferenceType| !matches!(kind, ReferenceType::Other(_));
    if types.len() > MAX_REFERENCE_TYPES || !types.iter().all(is_known) {
        return Err(error::invalid_parameter(&Invalid {
            member: "referenceTypes",
            rule: "at most 6 types of the model, such as URL or STRING",
        }));
    }
    if !in_query(call, "nextToken")?.iter().all(String::is_empty) {
        return Err(error::invalid_parameter(&Invalid {
            member: "nextToken",
            rule: "not given: all references come at once",
        }));
    }
    Ok(types)
}
