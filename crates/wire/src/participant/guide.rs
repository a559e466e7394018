//! Views and sign-in (docs/protocol/participant-service.md §3.9 to §3.11, §6.3, §6.6).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Empty, Operation};
use crate::limits::{self, Invalid, chars_within, require};

/// Reads a view (§3.9). A `GET`: the token stands in the path, percent-encoded as one segment
/// ([`DescribeView::path`]), and there is no body.
pub enum DescribeView {}

impl Operation for DescribeView {
    const NAME: &'static str = "DescribeView";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/participant/views/{ViewToken}";
    type Request = Empty;
    type Response = DescribeViewResponse;
}

impl DescribeView {
    /// The path for a token.
    ///
    /// ```
    /// use chatloom_wire::participant::DescribeView;
    ///
    /// assert_eq!(DescribeView::path("a/b c+d="), "/participant/views/a%2Fb%20c%2Bd%3D");
    /// ```
    pub fn path(view_token: &str) -> String {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let mut path = String::from("/participant/views/");
        for byte in view_token.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
                path.push(char::from(byte));
            } else {
                path.push('%');
                path.push(char::from(DIGITS[usize::from(byte >> 4)]));
                path.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
        path
    }

    /// Checks the modelled limits of a token.
    pub fn check(view_token: &str) -> Result<(), Invalid> {
        require(chars_within(view_token, 1, 1000), "ViewToken", "1 to 1000 characters")
    }
}

/// Answer of [`DescribeView`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeViewResponse {
    /// The view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
}

/// A view: what a flow shows step by step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct View {
    /// Its identifier, 1 to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its resource name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// What it is called, 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// What it is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<ViewContent>,
}

/// What a view is made of.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ViewContent {
    /// What data it takes: JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<String>,
    /// How it is drawn: JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// What can be done in it, each of 1 to 255 characters.
    #[serde(default)]
    pub actions: Vec<String>,
}

/// Without schema and template: they may hold what a flow says to one customer.
impl fmt::Debug for ViewContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewContent").field("actions", &self.actions).finish_non_exhaustive()
    }
}

/// Asks where the customer can sign in (§3.10).
pub enum GetAuthenticationUrl {}

impl Operation for GetAuthenticationUrl {
    const NAME: &'static str = "GetAuthenticationUrl";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/participant/authentication-url";
    type Request = GetAuthenticationUrlRequest;
    type Response = GetAuthenticationUrlResponse;
}

/// Request of [`GetAuthenticationUrl`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetAuthenticationUrlRequest {
    /// From the event that asked for it, exactly 36 characters; good for one call (§6.6).
    pub session_id: String,
    /// Where the browser comes back to, 1 to 1024 characters.
    pub redirect_uri: String,
}

impl GetAuthenticationUrlRequest {
    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        limits::authentication_session(&self.session_id)?;
        require(chars_within(&self.redirect_uri, 1, 1024), "RedirectUri", "1 to 1024 characters")
    }
}

/// Without the session: who has it may sign in.
impl fmt::Debug for GetAuthenticationUrlRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetAuthenticationUrlRequest").finish_non_exhaustive()
    }
}

/// Answer of [`GetAuthenticationUrl`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetAuthenticationUrlResponse {
    /// Where the customer can sign in, 1 to 2083 characters. Secret: it names the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication_url: Option<String>,
}

impl fmt::Debug for GetAuthenticationUrlResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetAuthenticationUrlResponse").finish_non_exhaustive()
    }
}

/// Says that the customer does not want to sign in (§3.11).
pub enum CancelParticipantAuthentication {}

impl Operation for CancelParticipantAuthentication {
    const NAME: &'static str = "CancelParticipantAuthentication";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/participant/cancel-authentication";
    type Request = CancelParticipantAuthenticationRequest;
    type Response = Empty;
}

/// Request of [`CancelParticipantAuthentication`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CancelParticipantAuthenticationRequest {
    /// From the event that asked for it, exactly 36 characters.
    pub session_id: String,
}

impl CancelParticipantAuthenticationRequest {
    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        limits::authentication_session(&self.session_id)
    }
}

/// Without the session: who has it may sign in.
impl fmt::Debug for CancelParticipantAuthenticationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelParticipantAuthenticationRequest").finish_non_exhaustive()
    }
}
