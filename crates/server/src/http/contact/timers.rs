//! UpdateParticipantRoleConfig (docs/protocol/participant-service.md §10.6).

use std::sync::Arc;

use chatloom_wire::{contact::UpdateParticipantRoleConfigRequest, participant::Empty};

use crate::http::{Answer, App, Call, error, json, parse};

pub(in crate::http) async fn set_timers(app: Arc<App>, mut call: Call) -> Answer {
    let body = app.signed_body(&mut call).await?;
    let contact = app.contact_in_path(&mut call).await?;
    let request: UpdateParticipantRoleConfigRequest =
        parse(&body).map_err(error::for_control_plane)?;
    let timers = request.checked().map_err(|invalid| error::invalid_parameter(&invalid))?;
    app.chats.set_timers(&contact, timers).await?;
    json(&Empty {})
}
