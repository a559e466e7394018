//! How the chats of a load begin, and how they get their agents.

use std::{fmt::Write as _, time::Duration};

use anyhow::{Context as _, bail};
use chatloom::{
    ChatDetails, Client, ContactId, Error, ErrorKind, ServiceError,
    agent::{Agent, Password},
    wire::{
        contact::{StartChatContact, StartChatContactResponse},
        error::ERROR_TYPE_HEADER,
        participant::Operation as _,
    },
};
use chatloom_server::chats::{Clock as _, SystemClock};
use hmac::{Hmac, Mac as _};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};

use super::{Args, lane::Clients};

/// How long starting one chat, and getting an agent for it, may take; throttled servers make us wait.
const PATIENCE: Duration = Duration::from_mins(2);
/// The wait before the next attempt; it doubles up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How long one call of a back end may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The name that agents see.
const NAME: &str = "Load";

/// Waits before another attempt, as long as there is time for one.
struct Attempts {
    until: Instant,
    pause: Duration,
}

impl Attempts {
    fn new() -> Self {
        Self { until: Instant::now() + PATIENCE, pause: PAUSES.0 }
    }

    /// Whether there shall be another attempt, once it is time for it.
    async fn again(&mut self) -> bool {
        if Instant::now() + self.pause > self.until {
            return false;
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSES.1);
        true
    }
}

/// Starts chats.
pub(crate) enum Contacts {
    /// As pages do: `POST /start-chat`.
    Page,
    /// As back ends do: StartChatContact.
    BackEnd(Box<BackEnd>),
}

pub(crate) struct BackEnd {
    http: reqwest::Client,
    url: String,
    host: String,
    access_key: String,
    secret: String,
    instance: String,
    flow: String,
    region: String,
}

impl Contacts {
    pub(crate) fn new(args: &Args) -> anyhow::Result<Self> {
        let Some(access_key) = args.access_key.clone() else { return Ok(Self::Page) };
        let secret = std::env::var("CHATLOOM_LOAD_SECRET")
            .context("--access-key needs its secret in the environment: CHATLOOM_LOAD_SECRET")?;
        let url: reqwest::Url =
            args.endpoint.parse().with_context(|| format!("--endpoint {:?}", args.endpoint))?;
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => bail!("--endpoint {:?} has no host", args.endpoint),
        };
        // reqwest takes the process's provider; when there is one already, it is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(CALL_TIMEOUT).build()?;
        Ok(Self::BackEnd(Box::new(BackEnd {
            http,
            url: format!("{}{}", args.endpoint.trim_end_matches('/'), StartChatContact::PATH),
            host,
            access_key,
            secret,
            instance: args.instance.clone(),
            flow: args.flow.clone(),
            region: args.region.clone(),
        })))
    }

    /// Starts a chat. A server that throttles is asked again.
    pub(crate) async fn start(&self, client: &Client) -> anyhow::Result<ChatDetails> {
        let mut attempts = Attempts::new();
        loop {
            let started = match self {
                Self::Page => client.start_chat(NAME).await,
                Self::BackEnd(back_end) => back_end.start().await,
            };
            match started {
                Ok(details) => return Ok(details),
                Err(error) if error.can_retry() && attempts.again().await => {}
                Err(error) => return Err(error).context("cannot start a chat"),
            }
        }
    }
}

impl BackEnd {
    async fn start(&self) -> Result<ChatDetails, Error> {
        let body = json!({
            "InstanceId": self.instance,
            "ContactFlowId": self.flow,
            "ParticipantDetails": { "DisplayName": NAME },
        })
        .to_string();
        let unreachable =
            |error: reqwest::Error| Error::Unreachable { message: error.without_url().to_string() };
        let stamp = stamp(&SystemClock.now().to_string());
        let authorization = self.sign(&stamp, &body);
        let answer = self
            .http
            .put(&self.url)
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
        if status != 200 {
            return Err(Error::Service(ServiceError::parse(status, kind.as_deref(), &text)));
        }
        let started: StartChatContactResponse = serde_json::from_str(&text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Error::BadAnswer { message: format!("it ends at line {line} column {column}") }
        })?;
        Ok(started.into())
    }

    /// The Authorization header of Signature Version 4.
    fn sign(&self, stamp: &str, body: &str) -> String {
        let date = &stamp[..8];
        let request = format!(
            "PUT\n{}\n\nhost:{}\nx-amz-date:{stamp}\n\nhost;x-amz-date\n{}",
            StartChatContact::PATH,
            self.host,
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
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host;x-amz-date, Signature={}",
            self.access_key,
            hex(&key)
        )
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

/// Agents who take the chats, in turn.
pub(crate) struct Desk(Vec<Agent>);

impl Desk {
    pub(crate) async fn open(
        clients: &Clients,
        users: &[String],
        password: Option<&Password>,
    ) -> anyhow::Result<Self> {
        let mut agents = Vec::with_capacity(users.len());
        for user in users {
            let mut attempts = Attempts::new();
            let agent = loop {
                match clients.agents(0).log_in(user, password.cloned()).await {
                    Ok(agent) => break agent,
                    Err(error) if error.can_retry() && attempts.again().await => {}
                    Err(error) => {
                        return Err(error).with_context(|| format!("cannot log in as {user}"));
                    }
                }
            };
            agents.push(agent);
        }
        Ok(Self(agents))
    }

    /// An agent takes a contact, as soon as it waits for one.
    pub(crate) async fn take(
        &self,
        number: usize,
        contact: &ContactId,
    ) -> anyhow::Result<ChatDetails> {
        let agent = &self.0[number % self.0.len()];
        let mut attempts = Attempts::new();
        loop {
            match agent.accept(Some(contact)).await {
                Ok(accepted) => return Ok(accepted.details),
                Err(error) if may_wait(&error) && attempts.again().await => {}
                Err(error) => {
                    return Err(error).context(
                        "no agent can take the chat; --ask-for-agent says what a bot there wants \
                         to hear before it hands over",
                    );
                }
            }
        }
    }
}

/// Whether a contact may come to wait in the queue yet.
fn may_wait(error: &Error) -> bool {
    matches!(error, Error::Service(error) if error.kind == ErrorKind::ResourceNotFound)
        || error.can_retry()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_stamped_as_signatures_have_them() {
        assert_eq!(stamp("2026-01-31T12:00:09.123Z"), "20260131T120009Z");
    }
}
