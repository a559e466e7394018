//! CreatePersistentContactAssociation (docs/protocol/participant-service.md §10.10).

use std::sync::Arc;

use chatloom_wire::contact::{
    CreatePersistentContactAssociationRequest, CreatePersistentContactAssociationResponse,
};

use crate::http::{Answer, App, Call, error, json, parse};

pub(in crate::http) async fn continue_chat(app: Arc<App>, mut call: Call) -> Answer {
    let body = app.signed_body(&mut call).await?;
    let request: CreatePersistentContactAssociationRequest =
        parse(&body).map_err(error::for_control_plane)?;
    request.check().map_err(|invalid| error::invalid_parameter(&invalid))?;
    let contact = app.contact_in_path(&mut call).await?;
    let continued_from_contact_id = app.chats.continue_chat(&contact, &request.source).await?;
    json(&CreatePersistentContactAssociationResponse { continued_from_contact_id })
}
