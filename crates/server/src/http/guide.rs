//! Views and signing in, for participants (docs/protocol/participant-service.md §3.9 to §3.11); and the
//! demo's provider.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRequestParts, Path},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chatloom_engine::{
    guide::{Agreed, Guide, SIGN_IN_MINUTES},
    token::SeatUse,
};
use chatloom_wire::{
    ErrorKind, ServiceError,
    participant::{
        CancelParticipantAuthenticationRequest, DescribeView, DescribeViewResponse, Empty,
        GetAuthenticationUrlRequest, GetAuthenticationUrlResponse,
    },
};
use http::{HeaderValue, StatusCode, header};
use reqwest::Url;

use super::{Answer, App, Call, error, json, participant::too_long};
use crate::{
    random,
    sign_in::{
        Provider, SignInError,
        demo::{Demo, Form},
    },
};

pub(super) async fn describe_view(app: Arc<App>, mut call: Call) -> Answer {
    let seat = app.seat(SeatUse::Connection, &call)?;
    let path = Path::<String>::from_request_parts(&mut call.parts, &()).await;
    let Ok(Path(token)) = path else { return Err(error::validation("ViewToken: not UTF-8")) };
    DescribeView::check(&token).map_err(|invalid| error::invalid(&invalid))?;
    app.chats.admit(&seat).await?;
    let not_found =
        || ServiceError::new(ErrorKind::ResourceNotFound, "There is no such view in this chat");
    let id = app.tokens.view(&token, &seat.chat, app.now()).map_err(|error| {
        tracing::debug!(chat = %seat.chat, %error, "a view token was refused");
        not_found()
    })?;
    // One that was shown may be gone since the last start.
    let view = app.views.get(&id).cloned().ok_or_else(not_found)?;
    json(&DescribeViewResponse { view: Some(view) })
}

pub(super) async fn authentication_url(app: Arc<App>, mut call: Call) -> Answer {
    let seat = app.seat(SeatUse::Connection, &call)?;
    let request: GetAuthenticationUrlRequest = call.json(app.config.http.max_body).await?;
    request.check().map_err(|invalid| error::invalid(&invalid))?;
    let GetAuthenticationUrlRequest { session_id, redirect_uri } = request;
    if !Url::parse(&redirect_uri).is_ok_and(|url| url.has_host() && url.fragment().is_none()) {
        return Err(error::validation("RedirectUri: no URL such as https://www.example.org/back"));
    }
    app.chats.admit(&seat).await?;
    let agreed = Agreed {
        redirect_uri,
        verifier: URL_SAFE_NO_PAD.encode(random::bytes::<32>()),
        nonce: URL_SAFE_NO_PAD.encode(random::bytes::<16>()),
        has_code: false,
    };
    let end = app.now().plus_millis(i64::from(*SIGN_IN_MINUTES.end()) * 60_000);
    let state = app.tokens.mint_sign_in(&seat.chat, &session_id, end).map_err(too_long)?;
    let url = app.provider()?.url(&state, &agreed).await.map_err(|error| unreachable(&error))?;
    let (participant, session) = (seat.participant, session_id);
    app.chats.guide(&seat.chat, Guide::BeginSignIn { participant, session, agreed }).await?;
    json(&GetAuthenticationUrlResponse { authentication_url: Some(url) })
}

pub(super) async fn cancel_authentication(app: Arc<App>, mut call: Call) -> Answer {
    let seat = app.seat(SeatUse::Connection, &call)?;
    let request: CancelParticipantAuthenticationRequest =
        call.json(app.config.http.max_body).await?;
    request.check().map_err(|invalid| error::invalid(&invalid))?;
    let (participant, session) = (seat.participant, request.session_id);
    app.chats.guide(&seat.chat, Guide::DeclineSignIn { participant, session }).await?;
    json(&Empty {})
}

fn unreachable(error: &SignInError) -> ServiceError {
    tracing::warn!(%error, "nobody can sign in");
    ServiceError::new(ErrorKind::InternalServer, "Signing in is not possible now; try again")
}

impl App {
    /// The configured provider.
    pub(super) fn provider(&self) -> Result<&Arc<Provider>, ServiceError> {
        self.sign_in.as_ref().ok_or_else(|| {
            error::validation("Nobody can sign in here: sign_in.issuer is not configured")
        })
    }

    fn demo_provider(&self) -> Result<&Demo, ServiceError> {
        self.demo_provider
            .as_ref()
            .ok_or_else(|| ServiceError::new(ErrorKind::UnknownOperation, "This server is no demo"))
    }
}

pub(super) async fn demo_configuration(app: Arc<App>, _: Call) -> Answer {
    json(&app.demo_provider()?.configuration())
}

pub(super) async fn demo_keys(app: Arc<App>, _: Call) -> Answer {
    json(&app.demo_provider()?.keys())
}

pub(super) async fn demo_authorize(app: Arc<App>, call: Call) -> Answer {
    let query = Form(call.parts.uri.query().unwrap_or_default());
    let next = app.demo_provider()?.authorize(&query, app.now());
    let next = next.as_deref().and_then(|next| HeaderValue::from_str(next).ok());
    let Some(next) = next else {
        return Err(error::validation("This is no request of the demo's client"));
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(header::LOCATION, next);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

pub(super) async fn demo_token(app: Arc<App>, mut call: Call) -> Answer {
    let body = call.body(app.config.http.max_body).await?;
    let form = String::from_utf8_lossy(&body);
    let tokens = app.demo_provider()?.exchange(&Form(&form), app.now());
    json(&tokens.ok_or_else(|| error::validation("invalid_grant"))?)
}
