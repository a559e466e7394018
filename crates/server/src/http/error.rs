//! How errors go over the wire: the one place (docs/protocol/participant-service.md §2.2).

use axum::{body::Body, response::Response};
use chatloom_wire::{ErrorKind, ServiceError, error::ERROR_TYPE_HEADER, participant::Invalid};
use http::{HeaderValue, StatusCode, header};

/// The longest message of an error, in characters.
const MAX_MESSAGE: usize = 500;

/// An error as an answer.
pub(crate) fn response(error: &ServiceError) -> Response {
    let mut response = Response::new(Body::from(error.body()));
    *response.status_mut() =
        StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if error.status == StatusCode::TOO_MANY_REQUESTS {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if let Ok(name) = HeaderValue::from_str(error.kind.name()) {
        headers.insert(ERROR_TYPE_HEADER, name);
    }
    response
}

/// 400: the request does not fit the model.
pub(crate) fn validation(message: impl Into<String>) -> ServiceError {
    ServiceError::new(ErrorKind::Validation, shorten(message.into()))
}

/// 403, and nobody is told why.
pub(crate) fn access_denied() -> ServiceError {
    ServiceError::new(ErrorKind::AccessDenied, "Access denied")
}

/// 429.
pub(crate) fn throttled(message: &str) -> ServiceError {
    ServiceError::new(ErrorKind::Throttling, message)
}

/// A member that does not fit.
pub(crate) fn invalid(invalid: &Invalid) -> ServiceError {
    validation(invalid.to_string())
}

/// A member that does not fit, as most control-plane operations answer it. One that does not model this
/// error answers [`for_control_plane`]`(`[`invalid`]`(..))`.
pub(crate) fn invalid_parameter(invalid: &Invalid) -> ServiceError {
    ServiceError::new(ErrorKind::InvalidParameter, shorten(invalid.to_string()))
}

/// The control plane's names for the same errors (docs/protocol/participant-service.md §10).
pub(crate) fn for_control_plane(mut error: ServiceError) -> ServiceError {
    error.kind = match error.kind {
        ErrorKind::Validation => ErrorKind::InvalidRequest,
        ErrorKind::InternalServer => ErrorKind::InternalService,
        other => other,
    };
    error
}

fn shorten(message: String) -> String {
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}...", &message[..end]),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_themselves_in_the_header() {
        let response = response(&validation("Content: 1 to 16,384 bytes"));
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()["x-amzn-ErrorType"], "ValidationException");
        assert_eq!(response.headers()["content-type"], "application/json");
    }

    #[test]
    fn messages_stay_within_the_model() {
        let error = validation("\u{e9}".repeat(5_000));
        assert!(error.message.chars().count() <= 503);
    }
}
