//! `POST /start-chat`: what the official sample back end does for pages
//! (docs/protocol/participant-service.md §10.13).

use std::sync::Arc;

use axum::{body::Body, response::Response};
use chatloom_wire::{
    ContentType, ErrorKind, ServiceError,
    contact::{
        Attributes, StartChatAnswer, StartChatContactRequest, StartChatData, StartChatRequest,
    },
};
use http::header;
use serde_json::json;

use super::{Answer, App, Call, error};

/// An error where pages look for it: where the sample back end puts it.
pub(super) fn failure(error: &ServiceError) -> Response {
    let mut response = error::response(error);
    let body = json!({
        "data": { "Error": { "name": error.kind.name(), "message": error.message } }
    });
    *response.body_mut() = Body::from(body.to_string());
    response
}

pub(super) async fn start_chat(app: Arc<App>, mut call: Call) -> Answer {
    let denied = |message: &str| Err(ServiceError::new(ErrorKind::AccessDenied, message));
    let settings = &app.config.start_chat;
    if !app.config.demo && (settings.origins.is_empty() || settings.per_second <= 0.0) {
        return denied(
            "Pages may not start chats here: start_chat.origins and per_second are not set",
        );
    }
    if !app.gates.cors.may_start_chats(call.parts.headers.get(header::ORIGIN)) {
        return denied("Pages of this origin may not start chats here");
    }
    let request: StartChatRequest = call.json(app.config.http.max_body).await?;
    let base = app.public_base(&call)?;
    let mut feature_permissions = std::collections::BTreeMap::new();
    if let Some(types) = &request.supported_messaging_content_types {
        let markdown = types.contains(&ContentType::TextMarkdown);
        feature_permissions.insert("MESSAGING_MARKDOWN".to_owned(), markdown);
    }
    // What a page says about its visitor proves nothing: only the name, as the sample does it.
    let name = request.participant_details.display_name.clone();
    let instance = request.instance_id.unwrap_or_else(|| app.config.instance_id());
    let flow = request.contact_flow_id.unwrap_or_else(|| app.config.default_contact_flow());
    let request = StartChatContactRequest {
        attributes: Attributes::from([("customerName".to_owned(), name)]),
        chat_duration_in_minutes: request.chat_duration_in_minutes,
        supported_messaging_content_types: request.supported_messaging_content_types,
        ..StartChatContactRequest::new(instance, flow, request.participant_details)
    };
    let start_chat_result = app.start(request, &base).await?;
    super::json(&StartChatAnswer { data: StartChatData { start_chat_result, feature_permissions } })
}
