//! The OpenID Connect provider that customers sign in with (docs/protocol/participant-service.md §6.6).
//!
//! Authorization code flow with PKCE: the customer's browser goes to the provider and comes back with a
//! code, the back end hands us the code, and we exchange it for an ID token, whose signature and claims
//! are verified. Nothing else of the provider's is kept. What is secret (codes, verifiers, tokens,
//! names) is in no error and no log line.

pub(crate) mod demo;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod id_token;

use std::{sync::Arc, time::Duration};

use chatloom_engine::guide::Agreed;
use chatloom_wire::Timestamp;
use reqwest::{Client, RequestBuilder, Url};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::{Mutex, Semaphore};

use crate::{
    chats::Clock,
    config::{Secret, SignInSection},
    http::url::is_loopback_host,
    outgoing,
};

/// How long what the provider says of itself is believed, in milliseconds.
const BELIEVED_MS: i64 = 3_600_000;
/// How long a provider that could not be asked is not asked again, in milliseconds.
const GONE_MS: i64 = 2_000;
/// The longest answer of a provider, in bytes.
const MAX_ANSWER: usize = 256 * 1024;
/// Codes that are exchanged at once.
const EXCHANGES: usize = 64;
/// The longest URL that GetAuthenticationUrl answers, in characters
/// (docs/protocol/participant-service.md §3.10).
const MAX_URL: usize = 2_083;

/// Why nobody can sign in now, or somebody has not. Says nothing that is secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct SignInError(String);

fn problem(what: impl Into<String>) -> SignInError {
    SignInError(what.into())
}

/// Whether a URL is one that secrets may be sent to: with TLS, or to this machine.
pub(crate) fn is_good_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let host = url.host_str().unwrap_or_default();
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback_host(host));
        is_safe && url.query().is_none() && url.fragment().is_none() && url.username().is_empty()
    })
}

/// A provider.
pub(crate) struct Provider {
    issuer: String,
    client_id: String,
    client_secret: Option<Secret>,
    scopes: String,
    client: Client,
    clock: Arc<dyn Clock>,
    learned: Mutex<Option<Learned>>,
    /// A place for each code that is being exchanged.
    pub(crate) places: Arc<Semaphore>,
}

/// What a provider says of itself.
#[derive(Clone, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

/// What came of asking the provider of itself, and when.
struct Learned {
    at: Timestamp,
    what: Result<Arc<Metadata>, SignInError>,
}

/// What a provider gives for a code. Without `Debug`: it is secret.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

impl Provider {
    /// The configured provider; `None` without one.
    pub(crate) fn new(
        section: &SignInSection,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Self>, SignInError> {
        let (Some(issuer), Some(client_id)) = (&section.issuer, &section.client_id) else {
            return Ok(None);
        };
        let mut scopes = vec!["openid"];
        scopes.extend(section.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid"));
        Ok(Some(Self {
            issuer: issuer.clone(),
            client_id: client_id.clone(),
            client_secret: section.client_secret.clone(),
            scopes: scopes.join(" "),
            client: client(section.timeout.get())?,
            clock,
            learned: Mutex::new(None),
            places: Arc::new(Semaphore::new(EXCHANGES)),
        }))
    }

    /// Where a customer signs in and comes back from.
    pub(crate) async fn url(&self, state: &str, agreed: &Agreed) -> Result<String, SignInError> {
        let metadata = self.metadata().await?;
        let mut url = Url::parse(&metadata.authorization_endpoint)
            .map_err(|_| problem("the provider's authorization_endpoint is no URL"))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &agreed.redirect_uri)
            .append_pair("scope", &self.scopes)
            .append_pair("state", state)
            .append_pair("nonce", &agreed.nonce)
            .append_pair("code_challenge", &id_token::challenge(&agreed.verifier))
            .append_pair("code_challenge_method", "S256");
        if url.as_str().chars().count() > MAX_URL {
            return Err(problem("the URL would be too long; use a shorter RedirectUri"));
        }
        Ok(url.into())
    }

    /// Exchanges a code and verifies what it is good for: the customer's first name, if the provider
    /// tells it.
    pub(crate) async fn exchange(
        &self,
        code: &str,
        agreed: &Agreed,
    ) -> Result<Option<String>, SignInError> {
        let metadata = self.metadata().await?;
        let mut form = Url::parse("form:").map_err(|_| problem("no form"))?;
        form.query_pairs_mut()
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &agreed.redirect_uri)
            .append_pair("client_id", &self.client_id)
            .append_pair("code_verifier", &agreed.verifier);
        let mut request = self
            .client
            .post(metadata.token_endpoint.as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.query().unwrap_or_default().to_owned());
        if let Some(secret) = &self.client_secret {
            request = request.basic_auth(&self.client_id, Some(secret.expose()));
        }
        let tokens: Tokens = read(request, "the provider's token endpoint").await?;
        // Fresh each time: a provider changes its keys when it likes.
        let keys = read(self.client.get(metadata.jwks_uri.as_str()), "the provider's keys").await?;
        let expected = id_token::Expected {
            issuer: &self.issuer,
            client_id: &self.client_id,
            nonce: &agreed.nonce,
            now: self.clock.now(),
        };
        let claims = id_token::verify(&tokens.id_token, &keys, &expected)
            .map_err(|wrong| problem(format!("the ID token is not good: {wrong}")))?;
        Ok(claims.given_name)
    }

    /// What the provider says of itself. Callers who come while it is asked wait for the one answer,
    /// and share a failure for a moment: else each would wait anew for a provider that is gone.
    async fn metadata(&self) -> Result<Arc<Metadata>, SignInError> {
        let mut learned = self.learned.lock().await;
        if let Some(Learned { at, what }) = &*learned {
            let age = self.clock.now().as_millis() - at.as_millis();
            if age < if what.is_ok() { BELIEVED_MS } else { GONE_MS } {
                return what.clone();
            }
        }
        let what = self.ask().await.map(Arc::new);
        *learned = Some(Learned { at: self.clock.now(), what: what.clone() });
        what
    }

    async fn ask(&self) -> Result<Metadata, SignInError> {
        let base = self.issuer.trim_end_matches('/');
        let url = format!("{base}/.well-known/openid-configuration");
        let metadata: Metadata = read(self.client.get(url), "the provider's configuration").await?;
        if metadata.issuer != self.issuer {
            return Err(problem("the provider is another issuer than sign_in.issuer"));
        }
        let endpoints = [&metadata.token_endpoint, &metadata.jwks_uri];
        if !endpoints.into_iter().all(|url| is_good_url(url)) {
            return Err(problem("the provider has an endpoint that is not https://"));
        }
        Ok(metadata)
    }
}

/// Makes a request and reads its JSON answer, within the bounds.
async fn read<T: DeserializeOwned>(request: RequestBuilder, what: &str) -> Result<T, SignInError> {
    let failed = |error: reqwest::Error| {
        problem(format!("{what} cannot be reached: {}", outgoing::why(error)))
    };
    let mut response = request.send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(problem(format!("{what} answered {}", response.status())));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(problem(format!("{what} is longer than {MAX_ANSWER} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    // Only that, not what: tokens are in it.
    serde_json::from_slice(&body).map_err(|_| problem(format!("{what} is not as it should be")))
}

/// rustls with the ring provider and the trust of the operating system. Redirects are not followed: they
/// would carry codes to whoever the answer names.
fn client(timeout: Duration) -> Result<Client, SignInError> {
    let failed = |error: &dyn std::error::Error| problem(format!("no client: {error}"));
    Client::builder()
        .tls_backend_preconfigured(outgoing::tls().map_err(|error| failed(&error))?)
        .user_agent(concat!("chatloom/", env!("CARGO_PKG_VERSION")))
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .build()
        .map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};

    use futures_util::future::join_all;
    use tokio::net::TcpListener;

    use super::*;

    #[derive(Default)]
    struct HandClock(AtomicI64);

    impl Clock for HandClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Relaxed))
        }
    }

    #[tokio::test]
    async fn a_provider_that_is_gone_is_asked_once_for_all_who_wait() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let section = SignInSection {
            issuer: Some(format!("http://{}", listener.local_addr().unwrap())),
            client_id: Some("chatloom".to_owned()),
            ..SignInSection::default()
        };
        let asked = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&asked);
        tokio::spawn(async move {
            loop {
                // It hangs up at once.
                drop(listener.accept().await);
                counting.fetch_add(1, Relaxed);
            }
        });
        let clock = Arc::new(HandClock::default());
        let provider = Provider::new(&section, Arc::<HandClock>::clone(&clock)).unwrap().unwrap();

        let all = join_all((0..20).map(|_| provider.metadata())).await;
        assert!(all.iter().all(Result::is_err));
        let once = asked.load(Relaxed);
        assert!((1..=2).contains(&once), "asked {once} times, where a client may try once more");

        clock.0.fetch_add(GONE_MS, Relaxed);
        assert!(provider.metadata().await.is_err());
        assert!(asked.load(Relaxed) > once, "asked again after a while");
    }
}
