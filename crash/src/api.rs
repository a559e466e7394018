//! Calls of clients and back ends. A call has an answer, or the server has gone before it gave one.

use std::{fmt::Write as _, net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use chatloom_server::config::{DEMO_ACCESS_KEY, DEMO_SECRET};
use hmac::{Hmac, Mac as _};
use reqwest::{Method, header::HeaderMap};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::clock;

/// The longest that an answer may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Why there is no answer as wished for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// No answer: whether it was done, nobody knows.
    #[error("{call}: no answer ({why})")]
    Gone { call: String, why: String },
    /// An answer that is no success.
    #[error("{call}: {status} {text}")]
    Refused { call: String, status: u16, text: String },
}

impl Fault {
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Gone { .. })
    }

    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Gone { .. } => None,
            Self::Refused { status, .. } => Some(*status),
        }
    }
}

/// A server as clients see it.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    http: reqwest::Client,
    address: SocketAddr,
    /// How far its clock has been moved, in milliseconds.
    moved_by: i64,
}

/// What is sent.
pub(crate) enum Body {
    None,
    Json(Value),
    /// A file, in so many pieces.
    Bytes(Vec<u8>, HeaderMap),
}

impl Api {
    pub(crate) fn new(address: SocketAddr, moved_by: i64) -> Result<Self> {
        // A client takes the process's provider; when there is one already, it is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
        Ok(Self { http: http.context("no HTTP client")?, address, moved_by })
    }

    /// The same server, later.
    pub(crate) fn at(&self, moved_by: i64) -> Self {
        Self { moved_by, ..self.clone() }
    }

    /// How far its clock has been moved, in milliseconds.
    pub(crate) fn moved_by(&self) -> i64 {
        self.moved_by
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A call of a participant or an agent: the answer's JSON.
    pub(crate) async fn call(
        &self,
        path: &str,
        (header, token): (&str, &str),
        body: Value,
    ) -> Result<Value, Fault> {
        let headers = if token.is_empty() { vec![] } else { vec![(header, token.to_owned())] };
        let text = self.send(Method::POST, path, headers, Body::Json(body)).await?;
        Ok(read(&text))
    }

    /// A call of a back end, signed with the demo's key.
    pub(crate) async fn signed(
        &self,
        method: Method,
        path: &str,
        body: Value,
    ) -> Result<Value, Fault> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let (stamp, authorization) =
            sign(method.as_str(), self.address, path, &text, self.moved_by);
        let headers = vec![("X-Amz-Date", stamp), ("Authorization", authorization)];
        let body = if body.is_null() { Body::None } else { Body::Json(body) };
        Ok(read(&self.send(method, path, headers, body).await?))
    }

    /// Any call: the bytes of the answer.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: Vec<(&str, String)>,
        body: Body,
    ) -> Result<Vec<u8>, Fault> {
        let call = format!("{method} {}", path.split(['?', '=']).next().unwrap_or_default());
        let mut request = self.http.request(method, format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request = match body {
            Body::None => request,
            Body::Json(body) => {
                request.header("Content-Type", "application/json").body(body.to_string())
            }
            Body::Bytes(bytes, headers) => request.headers(headers).body(bytes),
        };
        let gone = |error: reqwest::Error| {
            let mut why = error.without_url().to_string();
            why.truncate(200);
            Fault::Gone { call: call.clone(), why }
        };
        let answer = request.send().await.map_err(gone)?;
        let status = answer.status();
        // An answer that was cut is none.
        let bytes = answer.bytes().await.map_err(gone)?;
        if !status.is_success() {
            let mut text = String::from_utf8_lossy(&bytes).into_owned();
            text.truncate(text.floor_char_boundary(300));
            return Err(Fault::Refused { call, status: status.as_u16(), text });
        }
        Ok(bytes.to_vec())
    }
}

/// What has no JSON, or no such member, reads as null: whoever needs it says so.
fn read(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap_or_default()
}

/// A text member.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The headers `X-Amz-Date` and `Authorization` (docs/protocol/participant-service.md §10).
fn sign(method: &str, host: SocketAddr, path: &str, body: &str, moved_by: i64) -> (String, String) {
    let time = clock::now(moved_by).to_string();
    let seconds = time.split('.').next().unwrap_or_default();
    let stamp: String = seconds.chars().filter(|c| !"-:".contains(*c)).chain(['Z']).collect();
    let date = stamp.get(..8).unwrap_or_default();
    let request = format!(
        "{method}\n{path}\n\nhost:{host}\nx-amz-date:{stamp}\n\nhost;x-amz-date\n{}",
        hex(&Sha256::digest(body))
    );
    let scope = format!("{date}/us-west-2/connect/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", hex(&Sha256::digest(request)));
    let mut key = format!("AWS4{DEMO_SECRET}").into_bytes();
    for part in [date, "us-west-2", "connect", "aws4_request", &text] {
        let mac = Hmac::<Sha256>::new_from_slice(&key);
        let mut mac = mac.expect("HMAC takes a key of any length");
        mac.update(part.as_bytes());
        key = mac.finalize().into_bytes().to_vec();
    }
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={DEMO_ACCESS_KEY}/{scope}, SignedHeaders=host;x-amz-date, \
         Signature={}",
        hex(&key)
    );
    (stamp, authorization)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}
