//! StartContactStreaming and StopContactStreaming (docs/protocol/participant-service.md §10.4).

use std::sync::Arc;

use chatloom_wire::{
    ErrorKind, ServiceError,
    contact::{
        ChatStreamingConfiguration, StartContactStreamingRequest, StartContactStreamingResponse,
        StopContactStreamingRequest,
    },
    participant::Empty,
};

use crate::http::{Answer, App, Call, error, json, parse};

pub(in crate::http) async fn start(app: Arc<App>, mut call: Call) -> Answer {
    let body = app.signed_body(&mut call).await?;
    let request: StartContactStreamingRequest = parse(&body).map_err(error::for_control_plane)?;
    request.check().map_err(|invalid| error::invalid_parameter(&invalid))?;
    call.note.set_contact(&request.contact_id);
    app.check_instance(&request.instance_id)?;
    app.check_streaming(&request.chat_streaming_configuration)?;
    let endpoint = &request.chat_streaming_configuration.streaming_endpoint_arn;
    let stream =
        app.chats.start_streaming(&request.contact_id, endpoint, &request.client_token).await?;
    json(&StartContactStreamingResponse { streaming_id: stream.as_str().into() })
}

pub(in crate::http) async fn stop(app: Arc<App>, mut call: Call) -> Answer {
    let body = app.signed_body(&mut call).await?;
    let request: StopContactStreamingRequest = parse(&body).map_err(error::for_control_plane)?;
    request.check().map_err(|invalid| error::invalid_parameter(&invalid))?;
    call.note.set_contact(&request.contact_id);
    app.check_instance(&request.instance_id)?;
    app.chats.stop_streaming(&request.contact_id, &request.streaming_id.as_str().into()).await?;
    json(&Empty {})
}

impl App {
    /// The endpoint is one that the configuration maps to a webhook.
    pub(super) fn check_streaming(
        &self,
        streaming: &ChatStreamingConfiguration,
    ) -> Result<(), ServiceError> {
        let arn = &streaming.streaming_endpoint_arn;
        if self.config.streaming.endpoints.iter().any(|endpoint| endpoint.arn == *arn) {
            return Ok(());
        }
        Err(ServiceError::new(
            ErrorKind::ResourceNotFound,
            "There is no such streaming endpoint here; streaming.endpoints lists them",
        ))
    }
}
