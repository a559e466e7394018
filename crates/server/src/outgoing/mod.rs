//! Calls to the outside: webhooks and bots.
//!
//! Each request is signed, has an id that a repeat has too, and is bounded: in time, in the size of the
//! answer, in the addresses it may go to. Redirects are not followed: they would carry what is private
//! to whoever the answer names. What a call says, and its URL, reach no log.

mod addresses;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod signature;
pub(crate) mod sse;

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use reqwest::{Client, Url};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::time::Instant;

use self::addresses::Addresses;
use crate::{
    chats::Clock,
    config::{Network, OutgoingSection, Secret},
};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The header with the id of a request, the same in each repeat.
pub(crate) const ID_HEADER: &str = "chatloom-id";

/// Why calls to the outside cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("calls to the outside cannot be made: {0}")]
pub struct OutgoingError(String);

impl OutgoingError {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}

/// Makes calls to the outside.
pub(crate) struct Outgoing {
    client: Client,
    addresses: Addresses,
    clock: Arc<dyn Clock>,
}

/// Who is called.
#[derive(Clone)]
pub(crate) struct Endpoint {
    url: Url,
    secret: Secret,
}

/// A request.
pub(crate) struct Post {
    /// The same in each repeat.
    pub(crate) id: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// How long until the answer begins.
    pub(crate) timeout: Duration,
}

/// An answer that has begun, of status 2xx.
pub(crate) struct Answer {
    response: reqwest::Response,
}

/// Why a call did not do it. Says nothing of what was sent, and not where to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("its address may not be called; outgoing.allow_networks names networks that may")]
    Forbidden,
    #[error("it is not configured any more")]
    Unconfigured,
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("it answered {status}")]
    Refused {
        status: StatusCode,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    #[error("it took longer than {0:?}")]
    TooSlow(Duration),
    #[error("its answer is longer than {0} bytes")]
    TooLong(usize),
    #[error("its answer broke off: {0}")]
    BrokeOff(String),
    #[error("its answer cannot be used: {0}")]
    Unusable(String),
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoint(redacted)")
    }
}

impl Endpoint {
    /// An endpoint, by what an operator wrote; or what is wrong with it.
    ///
    /// Plain HTTP is for addresses that the operator allowed by name of their network.
    pub(crate) fn new(url: &str, secret: &Secret, allowed: &[Network]) -> Result<Self, String> {
        let wrong = "is no URL such as https://bots.example.org/chatloom";
        let url = Url::parse(url).map_err(|_| wrong.to_owned())?;
        let addresses = Addresses::new(allowed);
        let literal = literal(&url);
        match url.scheme() {
            "https" => {}
            "http" if literal.is_some_and(|address| addresses.is_allowed(address)) => {}
            "http" => {
                return Err(
                    "http:// is for addresses inside outgoing.allow_networks only, written \
                            as such; use https://"
                        .to_owned(),
                );
            }
            _ => return Err(wrong.to_owned()),
        }
        if url.host().is_none() || !url.username().is_empty() || url.password().is_some() {
            return Err(format!("{wrong}, without user and password"));
        }
        if literal.is_some_and(|address| !addresses.may_call(address)) {
            return Err("is an address that is not public; outgoing.allow_networks names private \
                        networks that may be called"
                .to_owned());
        }
        if secret.expose().len() < 16 {
            return Err("needs a secret of 16 characters or more".to_owned());
        }
        Ok(Self { url, secret: secret.clone() })
    }
}

/// The address in a URL that names its host by one.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

impl Outgoing {
    pub(crate) fn new(
        section: &OutgoingSection,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OutgoingError> {
        let addresses = Addresses::new(&section.allow_networks);
        let client = Client::builder()
            .tls_backend_preconfigured(
                tls().map_err(|error| OutgoingError::new(error.to_string()))?,
            )
            .user_agent(concat!("chatloom/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            // A proxy would look names up in our place.
            .no_proxy()
            .dns_resolver(Arc::new(addresses.clone()))
            .build()
            .map_err(|error| OutgoingError::new(error.to_string()))?;
        Ok(Self { client, addresses, clock })
    }

    /// Calls an endpoint; gives its answer as soon as it has begun and is of status 2xx.
    pub(crate) async fn post(&self, endpoint: &Endpoint, post: Post) -> Result<Answer, Failure> {
        // The client looks up names only.
        if literal(&endpoint.url).is_some_and(|address| !self.addresses.may_call(address)) {
            return Err(Failure::Forbidden);
        }
        let signature = signature::sign(&endpoint.secret, self.clock.now(), &post.body);
        let request = self
            .client
            .post(endpoint.url.clone())
            .headers(post.headers)
            .header(signature::HEADER, signature)
            .header(ID_HEADER, post.id)
            .body(post.body)
            .send();
        let response = tokio::time::timeout(post.timeout, request)
            .await
            .map_err(|_| Failure::TooSlow(post.timeout))?
            .map_err(|error| Failure::Unreachable(why(error)))?;
        let status = response.status();
        if !status.is_success() {
            let retry_after = response.headers().get(header::RETRY_AFTER);
            let seconds = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
            return Err(Failure::Refused { status, retry_after: seconds.map(Duration::from_secs) });
        }
        Ok(Answer { response })
    }
}

impl Answer {
    /// The type of its content, without parameters, in lower case.
    pub(crate) fn content_type(&self) -> String {
        let value = self.response.headers().get(header::CONTENT_TYPE);
        let text = value.and_then(|value| value.to_str().ok()).unwrap_or_default();
        text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The next bytes of it; `None` at its end.
    pub(crate) async fn chunk(&mut self, until: Instant) -> Result<Option<Bytes>, Failure> {
        match tokio::time::timeout_at(until, self.response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(Failure::BrokeOff(why(error))),
            Err(_) => Err(Failure::BrokeOff("it took too long".to_owned())),
        }
    }

    /// All of it, at most so many bytes.
    pub(crate) async fn whole(mut self, most: usize, until: Instant) -> Result<Vec<u8>, Failure> {
        let mut whole = Vec::new();
        while let Some(chunk) = self.chunk(until).await? {
            if whole.len() + chunk.len() > most {
                return Err(Failure::TooLong(most));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole)
    }
}

/// What went wrong, in the words of its innermost cause and without the URL.
pub(crate) fn why(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// rustls with the ring provider.
fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}

/// With the trust of the operating system. Fails on a machine without any trusted certificates.
fn trusting() -> Result<ClientConfig, rustls::Error> {
    Ok(builder()?.with_platform_verifier()?.with_no_client_auth())
}

/// The same, but a machine without any trusted certificates can still call plain endpoints.
pub(crate) fn tls() -> Result<ClientConfig, rustls::Error> {
    let mut config = match trusting() {
        Ok(config) => config,
        Err(error) => {
            tracing::debug!(%error, "no trusted certificates: https:// endpoints cannot be called");
            builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// For HTTP/1.1 alone, to an endpoint that is `https://` for certain: not without trusted certificates.
pub(crate) fn tls_for_http1() -> Result<ClientConfig, rustls::Error> {
    let mut config = trusting()?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Setting as _;

    #[test]
    fn endpoints_that_cannot_be_meant_are_refused() {
        let loopback = [Network::from_text("127.0.0.0/8").unwrap()];
        let secret = Secret::from("0123456789abcdef");
        for (url, networks, word) in [
            ("https://bots.example.org/x", &[][..], ""),
            ("http://127.0.0.1:8000/", &loopback[..], ""),
            ("https://127.0.0.1:8000/", &loopback[..], ""),
            ("http://bots.example.org/x", &[][..], "https"),
            ("http://localhost/x", &loopback[..], "https"),
            ("https://127.0.0.1/", &[][..], "not public"),
            ("https://[::1]/", &[][..], "not public"),
            ("https://169.254.169.254/latest", &[][..], "not public"),
            // The forms that a URL may write an address in are all one.
            ("https://0x7f.1/", &[][..], "not public"),
            ("https://2130706433/", &[][..], "not public"),
            ("https://user:word@bots.example.org/", &[][..], "password"),
            ("ftp://bots.example.org/", &[][..], "no URL"),
            ("bots.example.org", &[][..], "no URL"),
        ] {
            match Endpoint::new(url, &secret, networks) {
                Ok(_) => assert_eq!(word, "", "{url}"),
                Err(problem) => {
                    assert!(!word.is_empty() && problem.contains(word), "{url}: {problem}");
                }
            }
        }
        let short = Endpoint::new("https://bots.example.org", &"short".into(), &[]).unwrap_err();
        assert!(short.contains("secret"), "{short}");
    }
}
