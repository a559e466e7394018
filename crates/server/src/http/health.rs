//! `/healthz`, `/readyz` and `/metrics`.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use subtle::ConstantTimeEq;

use super::{Answer, App, Call, error};

/// How long the store may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process answers.
pub(super) async fn alive(_: Arc<App>, _: Call) -> Answer {
    Ok(text(StatusCode::OK, "ok\n".to_owned(), "text/plain; charset=utf-8"))
}

/// The server takes work: it does not stop, and its store answers.
pub(super) async fn ready(app: Arc<App>, _: Call) -> Answer {
    let (status, what) = if app.gates.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        match tokio::time::timeout(PATIENCE, app.store.heads(Vec::new())).await {
            Ok(Ok(_)) => (StatusCode::OK, "ready\n"),
            Ok(Err(_)) => (StatusCode::SERVICE_UNAVAILABLE, "the store failed\n"),
            Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n"),
        }
    };
    Ok(text(status, what.to_owned(), "text/plain; charset=utf-8"))
}

/// The figures, for this machine or whoever has the token.
pub(super) async fn metrics(app: Arc<App>, call: Call) -> Answer {
    if !call.is_local() && !has_token(&app, &call) {
        return Err(error::access_denied());
    }
    Ok(text(
        StatusCode::OK,
        app.metrics.to_text(),
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    ))
}

fn has_token(app: &App, call: &Call) -> bool {
    let shown =
        call.header(header::AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer "));
    match (&app.config.metrics.token, shown) {
        (Some(token), Some(shown)) => token.expose().as_bytes().ct_eq(shown.as_bytes()).into(),
        _ => false,
    }
}

fn text(status: StatusCode, text: String, content_type: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
