//! StopContact (docs/protocol/participant-service.md §10.2).

use std::sync::Arc;

use chatloom_wire::{contact::StopContactRequest, participant::Empty};

use crate::http::{Answer, App, Call, error, json, parse};

pub(in crate::http) async fn stop(app: Arc<App>, mut call: Call) -> Answer {
    let body = app.signed_body(&mut call).await?;
    let request: StopContactRequest = parse(&body).map_err(error::for_control_plane)?;
    request.check().map_err(|invalid| error::invalid_parameter(&invalid))?;
    call.note.set_contact(&request.contact_id);
    app.check_instance(&request.instance_id)?;
    app.chats.stop(&request.contact_id).await?;
    json(&Empty {})
}
