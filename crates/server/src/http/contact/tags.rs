//! TagContact and UntagContact (docs/protocol/participant-service.md §10.9).

use std::sync::Arc;

use chatloom_engine::RecordChange;
use chatloom_wire::{
    contact::{TagContactRequest, check_tag_keys},
    participant::Empty,
};

use super::in_query;
use crate::http::{Answer, App, Call, error, json, parse};

pub(in crate::http) async fn tag(app: Arc<App>, mut call: Call) -> Answer {
    let body = app.signed_body(&mut call).await?;
    let request: TagContactRequest = parse(&body).map_err(error::for_control_plane)?;
    request.check().map_err(|invalid| error::invalid_parameter(&invalid))?;
    call.note.set_contact(&request.contact_id);
    app.check_instance(&request.instance_id)?;
    app.chats.change_record(&request.contact_id, RecordChange::Tag(request.tags)).await?;
    json(&Empty {})
}

pub(in crate::http) async fn untag(app: Arc<App>, mut call: Call) -> Answer {
    app.signed_body(&mut call).await?;
    let names = in_query(&call, "TagKeys")?;
    check_tag_keys(&names).map_err(|invalid| error::invalid_parameter(&invalid))?;
    let contact = app.contact_in_path(&mut call).await?;
    app.chats.change_record(&contact, RecordChange::Untag(names)).await?;
    json(&Empty {})
}
