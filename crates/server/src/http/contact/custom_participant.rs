//! CreateParticipant (docs/protocol/participant-service.md §10.3).

use std::sync::Arc;

use chatloom_engine::token::{Seat, SeatUse};
use chatloom_wire::contact::{
    CreateParticipantRequest, CreateParticipantResponse, ParticipantTokenCredentials,
};

use crate::http::{Answer, App, Call, error, json, parse, participant::too_long};

/// What a custom participant without a name is shown as.
const NAME: &str = "CUSTOM_BOT";

pub(in crate::http) async fn create(app: Arc<App>, mut call: Call) -> Answer {
    let body = app.signed_body(&mut call).await?;
    let request: CreateParticipantRequest = parse(&body).map_err(error::for_control_plane)?;
    request.check().map_err(|invalid| error::for_control_plane(error::invalid(&invalid)))?;
    call.note.set_contact(&request.contact_id);
    app.check_instance(&request.instance_id)?;
    let name = request.participant_details.display_name.as_deref().unwrap_or(NAME);
    let token = request.client_token.as_deref();
    let added = app.chats.add_custom_bot(&request.contact_id, name, token).await?;
    let seat = Seat {
        chat: added.chat.id.clone(),
        participant: added.participant.id.clone(),
        role: added.participant.role,
    };
    // The token is good for as long as the participant is in the chat; the time is until when it has to
    // be used for the first time.
    let token = app.tokens.mint_seat(SeatUse::Participant, &seat, added.chat.ends_at);
    json(&CreateParticipantResponse {
        participant_credentials: ParticipantTokenCredentials {
            participant_token: token.map_err(too_long)?.into(),
            expiry: added.connect_by.to_string(),
        },
        participant_id: seat.participant,
    })
}
