//! What a back end has the flow do: show a view, ask the customer to sign in; and what became of that
//! (docs/protocol/participant-service.md §6.3, §6.6, §10.11).
//!
//! UpdateParticipantAuthentication is the API's own. The other two are ours, below `/v1/contacts/`: in
//! Amazon Connect they are blocks of a flow. They are signed like all calls of a back end.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use chatloom_engine::guide::{Agreed, Guide, SIGN_IN_MINUTES, SignedIn};
use chatloom_wire::{
    ContactId, ContentType, ErrorKind, ServiceError,
    contact::UpdateParticipantAuthenticationRequest,
    participant::{Empty, Invalid},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    http::{Answer, App, Call, error, json, parse},
    views::NotShown,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ShowRequest {
    view_id: String,
    #[serde(default)]
    view_data: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShowAnswer {
    id: chatloom_wire::ItemId,
    absolute_time: chatloom_wire::Timestamp,
    view_token: String,
}

/// `POST /v1/contacts/{ContactId}/view`
pub(in crate::http) async fn show_view(app: Arc<App>, mut call: Call) -> Answer {
    let body = app.signed_body(&mut call).await?;
    let contact = contact(&mut call).await?;
    let request: ShowRequest = parse(&body).map_err(error::for_control_plane)?;
    let chat = app.chats.describe(&contact).await?;
    let (view, data) = (&request.view_id, request.view_data.as_ref());
    let shown = app.views.show(&app.tokens, app.now(), &chat.id, view, data).map_err(not_shown)?;
    let step = Guide::Say { content_type: ContentType::Interactive, content: shown.content };
    let sent = app.chats.flow_says(&chat.id, step).await?;
    let view_token = shown.token;
    json(&ShowAnswer { id: sent.id, absolute_time: sent.absolute_time, view_token })
}

/// What a back end is told: `ResourceNotFoundException` for an unknown view, `InvalidParameterException`
/// for data that is no object or too large.
fn not_shown(error: NotShown) -> ServiceError {
    let unfit = |rule| error::invalid_parameter(&Invalid { member: "viewData", rule });
    match error {
        NotShown::Unknown => {
            ServiceError::new(ErrorKind::ResourceNotFound, "There is no such view in views.folder")
        }
        NotShown::NoObject => unfit("an object"),
        NotShown::TooLarge => unfit("small enough for a message of 16,384 bytes"),
        NotShown::NoToken => {
            ServiceError::new(ErrorKind::InternalService, "The server failed; try again")
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct AskRequest {
    timeout_in_minutes: Option<u8>,
}

/// `POST /v1/contacts/{ContactId}/sign-in`
pub(in crate::http) async fn ask_to_sign_in(app: Arc<App>, mut call: Call) -> Answer {
    let body = app.signed_body(&mut call).await?;
    let contact = contact(&mut call).await?;
    let request: AskRequest = parse(&body).map_err(error::for_control_plane)?;
    let minutes = request.timeout_in_minutes.unwrap_or(*SIGN_IN_MINUTES.start());
    if !SIGN_IN_MINUTES.contains(&minutes) {
        let (member, rule) = ("timeoutInMinutes", "3 to 15");
        return Err(error::invalid_parameter(&Invalid { member, rule }));
    }
    app.provider().map_err(error::for_control_plane)?;
    app.chats.ask_to_sign_in(&contact, minutes).await?;
    json(&Empty {})
}

/// The contact in the path of an endpoint of ours.
async fn contact(call: &mut Call) -> Result<ContactId, ServiceError> {
    let path = Path::<ContactId>::from_request_parts(&mut call.parts, &()).await;
    let Ok(Path(contact)) = path else {
        return Err(ServiceError::new(ErrorKind::InvalidRequest, "The path is not UTF-8"));
    };
    if contact.as_str().chars().count() > 256 {
        let (member, rule) = ("ContactId", "1 to 256 characters");
        return Err(error::invalid_parameter(&Invalid { member, rule }));
    }
    call.note.set_contact(&contact);
    Ok(contact)
}

pub(in crate::http) async fn update_authentication(app: Arc<App>, mut call: Call) -> Answer {
    let body = app.signed_body(&mut call).await?;
    let request: UpdateParticipantAuthenticationRequest =
        parse(&body).map_err(error::for_control_plane)?;
    request.check().map_err(|invalid| error::invalid_parameter(&invalid))?;
    // This operation models no ResourceNotFoundException.
    app.check_instance(&request.instance_id).map_err(|_| {
        let (member, rule) = ("InstanceId", "the instance of this server");
        error::invalid_parameter(&Invalid { member, rule })
    })?;
    let (chat, session) = app.tokens.sign_in(&request.state, app.now()).map_err(|error| {
        tracing::debug!(%error, "a state was refused");
        let rule = "not one of GetAuthenticationUrl, or too old";
        error::invalid_parameter(&Invalid { member: "State", rule })
    })?;
    call.note.set_contact(&chat);
    let code = match (request.code, request.error, request.error_description) {
        (Some(code), None, None) => Some(code),
        (None, Some(_), Some(_)) => None,
        _ => {
            return Err(ServiceError::new(
                ErrorKind::InvalidRequest,
                "Either Code is needed, or Error and ErrorDescription",
            ));
        }
    };
    let control = |error| error::for_control_plane(error);
    let Some(code) = code else {
        let outcome = SignedIn::No;
        let step = Guide::EndSignIn { session, outcome };
        app.chats.guide(&chat, step).await.map_err(control)?;
        return json(&Empty {});
    };
    let provider = Arc::clone(app.provider().map_err(control)?);
    let Ok(place) = Arc::clone(&provider.places).try_acquire_owned() else {
        return Err(error::throttled("Too many customers are signing in; try again"));
    };
    let agreed = app.agreed(&chat, &session).await?;
    app.chats.guide(&chat, Guide::TakeCode { session: session.clone() }).await.map_err(control)?;
    // The rest happens later, as the model says: the provider may be slow.
    tokio::spawn(async move {
        let outcome = match provider.exchange(&code, &agreed).await {
            Ok(name) => SignedIn::Yes(name),
            Err(error) => {
                tracing::warn!(%chat, %error, "a customer could not sign in");
                SignedIn::No
            }
        };
        drop(place);
        if let Err(error) = app.chats.guide(&chat, Guide::EndSignIn { session, outcome }).await {
            tracing::info!(%chat, error = error.kind.name(), "a customer came back too late");
        }
    });
    json(&Empty {})
}

impl App {
    /// What was agreed when the customer's page asked where to sign in.
    async fn agreed(&self, chat: &ContactId, session: &str) -> Result<Agreed, ServiceError> {
        let over = || {
            let message = "The customer is not signing in, or not any more";
            ServiceError::new(ErrorKind::Conflict, message)
        };
        let chat = self.chats.describe(chat).await.map_err(|error| match error.kind {
            ErrorKind::ResourceNotFound => over(),
            _ => error,
        })?;
        let sign_in = chat.sign_in.as_ref().filter(|sign_in| sign_in.session == session);
        sign_in.and_then(|sign_in| sign_in.agreed.clone()).ok_or_else(over)
    }
}
