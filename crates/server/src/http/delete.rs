//! `POST /v1/chats/delete`: what a back end asks for when somebody wants to be forgotten.

use std::sync::Arc;

use chatloom_wire::{ContactId, ErrorKind, ServiceError};
use serde::{Deserialize, Serialize};
use tracing::Instrument as _;

use super::{Answer, App, Call, error, json, parse};
use crate::chats::Whose;

/// Contacts that one request may name.
const MOST_CONTACTS: usize = 100;

/// Whose chats. Exactly one of the three.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeleteRequest {
    customer_id: Option<String>,
    attribute: Option<Attribute>,
    contact_ids: Option<Vec<ContactId>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Attribute {
    name: String,
    value: String,
}

/// Which chats there were, by their initial contact ids.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteResponse {
    deleted: Vec<ContactId>,
}

pub(super) async fn delete(app: Arc<App>, mut call: Call) -> Answer {
    let body = app.signed_body(&mut call).await?;
    let request: DeleteRequest = parse(&body).map_err(error::for_control_plane)?;
    let whose = match request {
        DeleteRequest { customer_id: Some(id), attribute: None, contact_ids: None }
            if !id.is_empty() =>
        {
            Whose::Customer(id)
        }
        DeleteRequest { customer_id: None, attribute: Some(of), contact_ids: None }
            if !of.name.is_empty() =>
        {
            Whose::Attribute(of.name, of.value)
        }
        DeleteRequest { customer_id: None, attribute: None, contact_ids: Some(ids) }
            if (1..=MOST_CONTACTS).contains(&ids.len()) =>
        {
            if let [only] = &*ids {
                call.note.set_contact(only);
            }
            Whose::Contacts(ids)
        }
        _ => {
            return Err(ServiceError::new(
                ErrorKind::InvalidRequest,
                format!(
                    "Name exactly one of CustomerId, Attribute (Name and Value) and ContactIds (1 to \
                     {MOST_CONTACTS})"
                ),
            ));
        }
    };
    // Done to its end even if the caller goes away: there may be very many chats to look at.
    let work = forget(app, whose).in_current_span();
    let deleted = tokio::spawn(work).await.map_err(|error| {
        tracing::error!(%error, "a deletion ended by itself");
        ServiceError::new(ErrorKind::InternalServer, "The server failed; try again")
    })??;
    json(&DeleteResponse { deleted })
}

/// Deletes the chats and their files.
async fn forget(app: Arc<App>, whose: Whose) -> Result<Vec<ContactId>, ServiceError> {
    let deleted = app.chats.delete_of(&whose).await?;
    for chat in &deleted {
        app.files.blobs.delete_chat(chat).await.map_err(|error| {
            tracing::error!(%chat, %error, "files of a deleted chat are left to the sweep");
            ServiceError::new(
                ErrorKind::InternalServer,
                "The chats were deleted, but not all of their files; the server tries again by itself",
            )
        })?;
    }
    tracing::info!(chats = deleted.len(), "chats were deleted on request");
    Ok(deleted)
}
