//! How the chats of a load begin, and how they get their agents.

use std::time::Duration;

use anyhow::Context as _;
use chatloom::{
    ChatDetails, Client, ContactId, Error, ErrorKind,
    agent::{Agent, Password},
    wire::{
        contact::{StartChatContact, StartChatContactResponse},
        participant::Operation as _,
    },
};
use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{Args, lane::Clients};
use crate::signed::{self, Signer};

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
    server: signed::BackEnd,
    instance: String,
    flow: String,
}

impl Contacts {
    pub(crate) fn new(args: &Args) -> anyhow::Result<Self> {
        let Some(access_key) = args.access_key.clone() else { return Ok(Self::Page) };
        let secret = std::env::var("CHATLOOM_LOAD_SECRET")
            .context("--access-key needs its secret in the environment: CHATLOOM_LOAD_SECRET")?;
        let signer = Signer { id: access_key, secret, region: args.region.clone() };
        Ok(Self::BackEnd(Box::new(BackEnd {
            server: signed::BackEnd::new(&args.endpoint, signer, CALL_TIMEOUT)?,
            instance: args.instance.clone(),
            flow: args.flow.clone(),
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
        let text = self.server.call(Method::PUT, StartChatContact::PATH, body).await?;
        let started: StartChatContactResponse = serde_json::from_str(&text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Error::BadAnswer { message: format!("it ends at line {line} column {column}") }
        })?;
        Ok(started.into())
    }
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
