//! UpdateContact (docs/protocol/participant-service.md §10.9).

use std::sync::Arc;

use chatloom_engine::RecordChange;
use chatloom_wire::{ErrorKind, ServiceError, contact::UpdateContactRequest, participant::Empty};

use crate::http::{Answer, App, Call, error, json, parse};

pub(in crate::http) async fn update(app: Arc<App>, mut call: Call) -> Answer {
    let body = app.signed_body(&mut call).await?;
    let request: UpdateContactRequest = parse(&body).map_err(error::for_control_plane)?;
    request.check().map_err(|invalid| error::invalid_parameter(&invalid))?;
    if request.is_empty() {
        return Err(ServiceError::new(
            ErrorKind::InvalidRequest,
            "At least one of Name, Description, References and SegmentAttributes is needed",
        ));
    }
    let contact = app.contact_in_path(&mut call).await?;
    let change = RecordChange::Details(Box::new(request));
    app.chats.change_record(&contact, change).await?;
    json(&Empty {})
}
