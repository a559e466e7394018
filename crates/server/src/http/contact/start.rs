//! StartChatContact (docs/protocol/participant-service.md §10.1).

use std::sync::Arc;

use chatloom_engine::token::{Seat, SeatUse};
use chatloom_wire::{
    ParticipantRole, ServiceError,
    contact::{StartChatContactRequest, StartChatContactResponse},
    participant::CreateParticipantConnectionResponse,
};

use crate::http::{
    Answer, App, Call, error, json, parse,
    participant::{no_voice, too_long},
    url::PublicBase,
};

pub(in crate::http) async fn start_chat(app: Arc<App>, mut call: Call) -> Answer {
    let body = app.signed_body(&mut call).await?;
    let request: StartChatContactRequest = parse(&body).map_err(error::for_control_plane)?;
    let base = app.public_base(&call).map_err(error::for_control_plane)?;
    let started = app.start(request, &base).await?;
    call.note.set_contact(&started.contact_id);
    json(&started)
}

impl App {
    /// Starts a chat and gives its customer what they need.
    pub(in crate::http) async fn start(
        &self,
        request: StartChatContactRequest,
        base: &PublicBase,
    ) -> Result<StartChatContactResponse, ServiceError> {
        request.check().map_err(|invalid| error::invalid_parameter(&invalid))?;
        self.check_instance(&request.instance_id)?;
        self.check_flow(&request.contact_flow_id)?;
        let types = request.connection_types.clone().unwrap_or_default();
        no_voice(&types).map_err(error::for_control_plane)?;

        if let Some(streaming) = &request.chat_streaming_configuration {
            self.check_streaming(streaming)?;
        }
        let chat = self.chats.start(request).await?;
        let seat = Seat {
            chat: chat.id.clone(),
            participant: chat.customer().id.clone(),
            role: ParticipantRole::Customer,
        };
        let token = self.tokens.mint_seat(SeatUse::Participant, &seat, chat.ends_at);
        // A repeat may come after the end of its chat.
        let connection = if chat.is_over() {
            CreateParticipantConnectionResponse::default()
        } else {
            self.connection(&seat, &types, base).map_err(error::for_control_plane)?
        };
        Ok(StartChatContactResponse {
            contact_id: chat.id.clone(),
            participant_id: seat.participant,
            participant_token: token.map_err(too_long)?.into(),
            continued_from_contact_id: chat.past.as_ref().map(|past| past.continued_from.clone()),
            connection_credentials: connection.connection_credentials,
            websocket: connection.websocket,
            streaming_id: chat.streams().next().map(|(id, _)| id.as_str().into()),
        })
    }
}
