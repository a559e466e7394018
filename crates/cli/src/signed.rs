//! Requests as back ends sign them: Signature Version 4 (docs/protocol/participant-service.md §10).

use std::{fmt::Write as _, time::Duration};

use anyhow::{Context as _, bail};
use chatloom::{Error, ServiceError, wire::error::ERROR_TYPE_HEADER};
use chatloom_server::chats::{Clock as _, SystemClock};
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

/// An access key.
pub(crate) struct Signer {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) region: String,
}

impl Signer {
    /// The headers `X-Amz-Date` and `Authorization` of a request without a query.
    pub(crate) fn sign(
        &self,
        method: &str,
        host: &str,
        path: &str,
        body: &str,
    ) -> (String, String) {
        let stamp = stamp(&SystemClock.now().to_string());
        let date = &stamp[..8];
        let request = format!(
            "{method}\n{path}\n\nhost:{host}\nx-amz-date:{stamp}\n\nhost;x-amz-date\n{}",
            hex(&Sha256::digest(body))
        );
        let scope = format!("{date}/{}/connect/aws4_request", self.region);
        let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", hex(&Sha256::digest(request)));
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for part in [date, &self.region, "connect", "aws4_request", &text] {
            let mac = Hmac::<Sha256>::new_from_slice(&key);
            let mut mac = mac.expect("HMAC takes a key of any length");
            mac.update(part.as_bytes());
            key = mac.finalize().into_bytes().to_vec();
        }
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host;x-amz-date, Signature={}",
            self.id,
            hex(&key)
        );
        (stamp, authorization)
    }
}

/// A server, called as back ends call it.
pub(crate) struct BackEnd {
    http: reqwest::Client,
    /// Without a slash at its end.
    endpoint: String,
    host: String,
    signer: Signer,
}

impl BackEnd {
    /// A server by its URL. A call may take so long.
    pub(crate) fn new(endpoint: &str, signer: Signer, timeout: Duration) -> anyhow::Result<Self> {
        let url: reqwest::Url =
            endpoint.parse().with_context(|| format!("--endpoint {endpoint:?}"))?;
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => bail!("--endpoint {endpoint:?} has no host"),
        };
        // reqwest takes the process's provider; when there is one already, it is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(timeout).build()?;
        Ok(Self { http, endpoint: endpoint.trim_end_matches('/').to_owned(), host, signer })
    }

    /// Calls an operation; the text of its answer.
    pub(crate) async fn call(
        &self,
        method: reqwest::Method,
        path: &str,
        body: String,
    ) -> Result<String, Error> {
        let unreachable =
            |error: reqwest::Error| Error::Unreachable { message: error.without_url().to_string() };
        let (stamp, authorization) = self.signer.sign(method.as_str(), &self.host, path, &body);
        let answer = self
            .http
            .request(method, format!("{}{path}", self.endpoint))
            .header("Content-Type", "application/json")
            .header("X-Amz-Date", &stamp)
            .header("Authorization", authorization)
            .body(body)
            .send()
            .await
            .map_err(unreachable)?;
        let status = answer.status().as_u16();
        let kind = answer.headers().get(ERROR_TYPE_HEADER).and_then(|name| name.to_str().ok());
        let kind = kind.map(ToOwned::to_owned);
        let text = answer.text().await.map_err(unreachable)?;
        if status == 200 {
            return Ok(text);
        }
        Err(Error::Service(ServiceError::parse(status, kind.as_deref(), &text)))
    }
}

/// A time as signatures have it: `2026-01-31T12:00:00.000Z` is `20260131T120000Z`.
fn stamp(time: &str) -> String {
    let seconds = time.split('.').next().unwrap_or_default();
    seconds.chars().filter(|c| !"-:".contains(*c)).chain(['Z']).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_stamped_as_signatures_have_them() {
        assert_eq!(stamp("2026-01-31T12:00:09.123Z"), "20260131T120009Z");
    }
}
