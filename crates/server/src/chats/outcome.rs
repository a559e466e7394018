//! What callers are told when something did not work.

use chatloom_wire::{ErrorKind, ServiceError};

use crate::store::StoreError;

pub(super) fn token_reused() -> ServiceError {
    ServiceError::new(
        ErrorKind::Validation,
        "ClientToken: used before for another request; use a new one for each",
    )
}

pub(super) fn internal() -> ServiceError {
    ServiceError::new(ErrorKind::InternalServer, "The request could not be served; try again")
}

/// What a participant is told when the store did not do it.
pub(super) fn failed(error: &StoreError) -> ServiceError {
    match error {
        // The token is good, so the chat was there once.
        StoreError::NoChat(_) => {
            ServiceError::new(ErrorKind::AccessDenied, "Access denied: the chat is over")
        }
        StoreError::Overloaded { .. } => {
            tracing::warn!(%error, "a request was refused");
            ServiceError::new(ErrorKind::Throttling, "The server is busy; try again")
        }
        StoreError::Closed => {
            ServiceError::new(ErrorKind::InternalServer, "The server is stopping; try again")
        }
        _ => {
            tracing::error!(%error, "a request failed");
            internal()
        }
    }
}

/// The control plane has names of its own for some errors
/// (docs/protocol/participant-service.md §10).
pub(super) fn to_control_plane(error: ServiceError) -> ServiceError {
    let kind = match error.kind {
        ErrorKind::InternalServer => ErrorKind::InternalService,
        ErrorKind::Throttling => ErrorKind::TooManyRequests,
        ErrorKind::Validation => ErrorKind::InvalidRequest,
        ErrorKind::AccessDenied => ErrorKind::ResourceNotFound,
        _ => return error,
    };
    ServiceError::new(kind, error.message)
}
