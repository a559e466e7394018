//! GetContactAttributes and UpdateContactAttributes (docs/protocol/participant-service.md §10.8).

use std::sync::Arc;

use chatloom_engine::{Chat, RecordChange};
use chatloom_wire::{
    ContactId, ErrorKind, ServiceError,
    contact::{GetContactAttributesResponse, UpdateContactAttributesRequest},
    participant::Empty,
};

use crate::http::{Answer, App, Call, error, json, parse};

pub(in crate::http) async fn get_attributes(app: Arc<App>, mut call: Call) -> Answer {
    app.signed_body(&mut call).await?;
    // This operation models no InvalidParameterException.
    let contact = app.contact_in_path(&mut call).await.map_err(|error| match error.kind {
        ErrorKind::InvalidParameter => ServiceError::new(ErrorKind::InvalidRequest, error.message),
        _ => error,
    })?;
    let chat = app.initial(&contact).await?;
    let attributes = chat.attributes.iter().cloned().collect();
    json(&GetContactAttributesResponse { attributes })
}

pub(in crate::http) async fn update_attributes(app: Arc<App>, mut call: Call) -> Answer {
    let body = app.signed_body(&mut call).await?;
    let request: UpdateContactAttributesRequest = parse(&body).map_err(error::for_control_plane)?;
    request.check().map_err(|invalid| error::invalid_parameter(&invalid))?;
    let contact = request.initial_contact_id;
    call.note.set_contact(&contact);
    app.check_instance(&request.instance_id)?;
    app.initial(&contact).await?;
    let change = RecordChange::Attributes(request.attributes);
    app.chats.change_record(&contact, change).await?;
    json(&Empty {})
}

impl App {
    /// A chat by its initial contact; a later one of its contacts does not name it.
    async fn initial(&self, contact: &ContactId) -> Result<Arc<Chat>, ServiceError> {
        let chat = self.chats.describe(contact).await?;
        if chat.id != *contact {
            return Err(ServiceError::new(
                ErrorKind::ResourceNotFound,
                format!("This is no initial contact; the one of its chat is {}", chat.id),
            ));
        }
        Ok(chat)
    }
}
