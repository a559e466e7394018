//! The Participant Service (docs/protocol/participant-service.md §3).

use std::sync::Arc;

use super::{Answer, App, Call, error, json, json_text, url::PublicBase};
use chatloom_engine::{
    limits,
    token::{Seat, SeatUse, TokenTooLong},
};
use chatloom_wire::{
    ErrorKind, ParticipantRole, ServiceError,
    participant::{
        ConnectionCredentials, ConnectionType, CreateParticipantConnectionRequest,
        CreateParticipantConnectionResponse, DisconnectParticipantRequest, Empty,
        GetTranscriptRequest, SendEventRequest, SendMessageRequest, Websocket,
    },
};

pub(super) async fn create_connection(app: Arc<App>, mut call: Call) -> Answer {
    let seat = app.seat(SeatUse::Participant, &call)?;
    let request: CreateParticipantConnectionRequest = call.json(app.config.http.max_body).await?;
    request.check().map_err(|invalid| error::invalid(&invalid))?;
    let types = request.types.unwrap_or_default();
    no_voice(&types)?;
    let base = app.public_base(&call)?;
    app.chats.admit(&seat).await?;
    // A custom participant has no socket: this call is its coming
    // (docs/protocol/participant-service.md §1.4).
    if request.connect_participant == Some(true) || seat.role == ParticipantRole::CustomBot {
        app.chats.connect(&seat).await?;
    }
    json(&app.connection(&seat, &types, &base)?)
}

/// Voice is modelled and not offered.
pub(super) fn no_voice(types: &[ConnectionType]) -> Result<(), ServiceError> {
    if types.contains(&ConnectionType::WebrtcConnection) {
        return Err(error::validation("Type: WEBRTC_CONNECTION is not offered here"));
    }
    Ok(())
}

impl App {
    /// What a participant needs to take part: the socket and the token it asks for.
    pub(super) fn connection(
        &self,
        seat: &Seat,
        types: &[ConnectionType],
        base: &PublicBase,
    ) -> Result<CreateParticipantConnectionResponse, ServiceError> {
        let now = self.now();
        let websocket = if types.contains(&ConnectionType::Websocket) {
            let end = now.plus_millis(limits::SOCKET_URL_MS);
            let token = self.tokens.mint_seat(SeatUse::Socket, seat, end).map_err(too_long)?;
            Some(Websocket {
                url: Some(base.socket_url(&token)),
                // The connection's, not the URL's.
                connection_expiry: Some(now.plus_millis(limits::CONNECTION_EXPIRY_MS).to_string()),
            })
        } else {
            None
        };
        let connection_credentials = if types.contains(&ConnectionType::ConnectionCredentials) {
            let end = now.plus_millis(limits::CONNECTION_TOKEN_MS);
            let token = self.tokens.mint_seat(SeatUse::Connection, seat, end).map_err(too_long)?;
            Some(ConnectionCredentials {
                connection_token: Some(token.into()),
                expiry: Some(end.to_string()),
            })
        } else {
            None
        };
        Ok(CreateParticipantConnectionResponse { websocket, connection_credentials })
    }
}

/// Ids are the server's own, so this is a defect.
pub(super) fn too_long(error: TokenTooLong) -> ServiceError {
    tracing::error!(%error, "a token cannot be made");
    ServiceError::new(ErrorKind::InternalServer, "The server failed; try again")
}

pub(super) async fn send_message(app: Arc<App>, mut call: Call) -> Answer {
    let seat = app.seat(SeatUse::Connection, &call)?;
    let request: SendMessageRequest = call.json(app.config.http.max_body).await?;
    request.check().map_err(|invalid| error::invalid(&invalid))?;
    json(&app.chats.send_message(&seat, request).await?)
}

pub(super) async fn send_event(app: Arc<App>, mut call: Call) -> Answer {
    let seat = app.seat(SeatUse::Connection, &call)?;
    let request: SendEventRequest = call.json(app.config.http.max_body).await?;
    request.check().map_err(|invalid| error::invalid(&invalid))?;
    json(&app.chats.send_event(&seat, request).await?)
}

pub(super) async fn get_transcript(app: Arc<App>, mut call: Call) -> Answer {
    let seat = app.seat(SeatUse::Connection, &call)?;
    let request: GetTranscriptRequest = call.json(app.config.http.max_body).await?;
    request.check().map_err(|invalid| error::invalid(&invalid))?;
    app.chats.transcript(&seat, &request).await.map(json_text)
}

pub(super) async fn disconnect(app: Arc<App>, mut call: Call) -> Answer {
    let seat = app.seat(SeatUse::Connection, &call)?;
    let request: DisconnectParticipantRequest = call.json(app.config.http.max_body).await?;
    request.check().map_err(|invalid| error::invalid(&invalid))?;
    app.chats.disconnect(&seat, request).await?;
    json(&Empty {})
}
