//! UpdateParticipantRoleConfig (docs/protocol/participant-service.md §10.6).

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use chatloom_wire::{
    ErrorKind, ServiceError, contact::UpdateParticipantRoleConfigRequest, participant::Empty,
};

use crate::http::{Answer, App, Call, error, json, parse};

pub(in crate::http) async fn set_timers(app: Arc<App>, mut call: Call) -> Answer {
    let body = app.signed_body(&mut call).await?;
    let path = Path::<(String, String)>::from_request_parts(&mut call.parts, &()).await;
    let Ok(Path((instance, contact))) = path else {
        return Err(ServiceError::new(ErrorKind::InvalidRequest, "The path is not UTF-8"));
    };
    let request: UpdateParticipantRoleConfigRequest =
        parse(&body).map_err(error::for_control_plane)?;
    let timers =
        request.checked().map_err(|invalid| error::for_control_plane(error::invalid(&invalid)))?;
    app.check_instance(&instance.into())?;
    app.chats.set_timers(&contact.into(), timers).await?;
    json(&Empty {})
}
