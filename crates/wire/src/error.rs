//! The modelled errors and their form over HTTP (docs/protocol/participant-service.md §2).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    json::{self, lenient_text},
    open_enum::known_texts,
};

macro_rules! error_kinds {
    ($( $(#[$meta:meta])* $variant:ident = $name:literal, $status:literal; )*) => {
        /// A modelled error of the Participant Service or of the control plane.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $(
                $(#[$meta])*
                #[doc = concat!("\n\nHTTP status ", stringify!($status), ".")]
                $variant,
            )*
            /// An error this version does not know, by the name the peer gave it. A peer that gave
            /// no name is recorded by its HTTP status, as the JavaScript SDK does.
            Other(Box<str>),
        }

        known_texts! {
            /// The name on the wire.
            ErrorKind::name { $( $variant = $name, )* }
        }

        impl ErrorKind {
            /// The modelled HTTP status; 500 for an unknown error.
            pub fn status(&self) -> u16 {
                match self {
                    $( Self::$variant => $status, )*
                    Self::Other(_) => 500,
                }
            }
        }
    };
}

error_kinds! {
    /// No, a wrong, or an expired token; or the chat is over.
    AccessDenied = "AccessDeniedException", 403;
    /// The request does not fit the model.
    Validation = "ValidationException", 400;
    /// Too many requests.
    Throttling = "ThrottlingException", 429;
    /// The Participant Service failed.
    InternalServer = "InternalServerException", 500;
    /// A quota of the contact or instance is used up.
    ServiceQuotaExceeded = "ServiceQuotaExceededException", 402;
    /// The request does not fit the state of the resource.
    Conflict = "ConflictException", 409;
    /// There is no such resource.
    ResourceNotFound = "ResourceNotFoundException", 404;
    /// Control plane: the request is not valid.
    InvalidRequest = "InvalidRequestException", 400;
    /// Control plane: a parameter is not valid.
    InvalidParameter = "InvalidParameterException", 400;
    /// Control plane: the service failed.
    InternalService = "InternalServiceException", 500;
    /// Control plane: the quota of concurrent chats is used up.
    LimitExceeded = "LimitExceededException", 429;
    /// Control plane: too many requests.
    TooManyRequests = "TooManyRequestsException", 429;
    /// Control plane: there is no such contact, or it has ended.
    ContactNotFound = "ContactNotFoundException", 410;
    /// Control plane: the access key is unknown.
    UnrecognizedClient = "UnrecognizedClientException", 403;
    /// Control plane: the signature does not match.
    InvalidSignature = "InvalidSignatureException", 403;
    /// Control plane: the request is not signed.
    MissingAuthenticationToken = "MissingAuthenticationTokenException", 403;
    /// Control plane: the signature is incomplete.
    IncompleteSignature = "IncompleteSignatureException", 400;
    /// There is no such operation here.
    UnknownOperation = "UnknownOperationException", 404;
    /// The request is larger than the service accepts.
    RequestEntityTooLarge = "RequestEntityTooLargeException", 413;
}

/// An error as a service answers it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message} (HTTP {status})", kind.name())]
pub struct ServiceError {
    /// Which error.
    pub kind: ErrorKind,
    /// The HTTP status it came with or goes out with.
    pub status: u16,
    /// A text for people.
    pub message: String,
}

/// Header that names the error.
pub const ERROR_TYPE_HEADER: &str = "x-amzn-errortype";

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "Message")]
    message: &'a str,
}

#[derive(Default, Deserialize)]
struct AnyBody<'a> {
    #[serde(borrow, default)]
    code: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "__type")]
    type_: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "Message")]
    capital_message: Option<&'a RawValue>,
}

impl ServiceError {
    /// An error of a known kind with its modelled status.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { status: kind.status(), kind, message: message.into() }
    }

    /// The JSON body that goes with the name in [`ERROR_TYPE_HEADER`].
    pub fn body(&self) -> String {
        serde_json::to_string(&Body { message: &self.message })
            .expect("a struct of one string always serialises")
    }

    /// Reads an error answer the way the official SDKs do: the name from the header, else from the
    /// body's `code`, else from its `__type`, cut at `,` and `:` and after `#`; without any name the
    /// status stands for it (docs/protocol/participant-service.md §2.2).
    ///
    /// Takes any body: one that is not JSON gives a plain message and no name.
    pub fn parse(status: u16, error_type: Option<&str>, body: &str) -> Self {
        let parsed: AnyBody<'_> = json::read(body).unwrap_or_default();
        let name = error_type
            .map(Cow::Borrowed)
            .filter(|name| !name.is_empty())
            .or_else(|| lenient_text(parsed.code))
            .or_else(|| lenient_text(parsed.type_));
        let kind = match name.as_deref().map(bare_name).filter(|name| !name.is_empty()) {
            Some(name) => ErrorKind::from(name),
            None => ErrorKind::Other(status.to_string().into()),
        };
        let message = lenient_text(parsed.message)
            .or_else(|| lenient_text(parsed.capital_message))
            .map_or_else(|| "UnknownError".to_owned(), Cow::into_owned);
        Self { kind, status, message }
    }
}

/// `com.example#Name:http://…` is `Name`.
fn bare_name(name: &str) -> &str {
    let name = name.split([',', ':']).next().unwrap_or(name);
    name.rsplit('#').next().unwrap_or(name).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, header: Option<&str>, body: &str, name: &str, message: &str) {
        let error = ServiceError::parse(status, header, body);
        assert_eq!(
            (error.kind.name(), error.message.as_str(), error.status),
            (name, message, status)
        );
    }

    #[test]
    fn names_are_found_as_the_sdk_finds_them() {
        let body = r#"{"message":"m"}"#;
        check(400, Some("ValidationException:http://x.y/"), body, "ValidationException", "m");
        check(
            403,
            None,
            r#"{"__type":"ns#AccessDeniedException","Message":"M"}"#,
            "AccessDeniedException",
            "M",
        );
        check(
            429,
            None,
            r#"{"code":"ThrottlingException,x","__type":"Other"}"#,
            "ThrottlingException",
            "UnknownError",
        );
        check(403, None, r#"{"message":"Forbidden"}"#, "403", "Forbidden");
        check(403, None, r#"{"code":403,"message":"Forbidden"}"#, "403", "Forbidden");
        check(403, None, r#"{"__type":"X","message":{"en":"no"}}"#, "X", "UnknownError");
        check(403, None, "", "403", "UnknownError");
        check(502, None, "<html>bad gateway</html>", "502", "UnknownError");
        check(403, Some("ForbiddenException"), body, "ForbiddenException", "m");
    }

    #[test]
    fn an_error_survives_its_own_wire_form() {
        for kind in ErrorKind::KNOWN {
            let error = ServiceError::new(kind.clone(), "what to do: \"this\"");
            assert_eq!(ServiceError::parse(error.status, Some(kind.name()), &error.body()), error);
        }
    }
}
