//! The agent API: sign in, see the queue, take a chat. From then on an agent is a participant like
//! any other.

use std::{
    num::NonZeroUsize,
    sync::{Arc, OnceLock},
    time::Duration,
};

use chatloom_engine::{
    limits,
    token::{AgentUse, Seat, SeatUse},
};
use chatloom_wire::{
    ContactId, ErrorKind, ParticipantId, ParticipantRole, ServiceError, Timestamp,
    id::ParticipantToken,
};
use serde::{Deserialize, Serialize};
use tokio::{sync::Semaphore, time::Instant};

use super::{
    Answer, App, Call, error, json,
    participant::too_long,
    password,
    throttle::{Rate, Throttle, TooEarly},
    transfer::LastSeen,
};
use crate::{
    clients::network,
    config::{Config, Secret},
    queue::{MAX_WAITING, QueueView},
};

/// Passwords checked at the same time: each takes a core for some 20 ms and 19 MB.
const CHECKS_AT_ONCE: usize = 2;
/// Users and addresses whose attempts are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(16_384).expect("not zero");

/// What keeps passwords from being guessed.
pub(super) struct Agents {
    /// By user and network: who may choose an address has many.
    attempts: Throttle<(String, u64)>,
    checks: Arc<Semaphore>,
    pub(super) seen: LastSeen,
}

impl Agents {
    pub(super) fn new(config: &Config) -> Self {
        let attempts = config.agents.attempts_per_minute;
        let rate = Rate::new(f64::from(attempts) / 60.0, attempts, Duration::ZERO);
        Self {
            attempts: Throttle::new(rate, REMEMBERED),
            checks: Arc::new(Semaphore::new(CHECKS_AT_ONCE)),
            seen: LastSeen::default(),
        }
    }
}

/// Without `Debug`: the password is secret.
#[derive(Deserialize)]
struct LoginRequest {
    user: String,
    #[serde(default)]
    password: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LoginAnswer<'a> {
    token: String,
    expires_at: Timestamp,
    user: UserView<'a>,
}

#[derive(Serialize)]
struct UserView<'a> {
    id: &'a str,
    name: &'a str,
}

pub(super) async fn login(app: Arc<App>, mut call: Call) -> Answer {
    let request: LoginRequest = call.json(app.config.http.max_body).await?;
    let agent = app.config.agents.users.iter().find(|agent| agent.id == request.user);
    // Only names that exist are remembered, so that nobody can push them out.
    let known = agent.map(|agent| agent.id.clone()).unwrap_or_default();
    let attempt = app.gates.agents.attempts.take((known, network(call.client())), Instant::now());
    if let Err(TooEarly(after)) = attempt {
        call.retry_after.set(after);
        return Err(error::throttled("Too many attempts to sign in; try again in a minute"));
    }
    let may = match agent.map(|agent| &agent.password_hash) {
        // A demo's agents. The configuration allows them nowhere else.
        Some(None) => app.config.demo && call.is_local(),
        hash => {
            let password = request.password.unwrap_or_default();
            app.gates.agents.check(hash.and_then(Option::as_ref), password).await?
        }
    };
    let Some(agent) = agent.filter(|_| may) else { return Err(error::access_denied()) };
    app.gates.agents.seen.see(&agent.id, app.now());
    let end = app.now().plus_millis(app.config.agents.token_lifetime.as_millis());
    let token = app.tokens.mint_agent(AgentUse::Calls, &agent.id, end).map_err(too_long)?;
    tracing::info!(agent = agent.id, "an agent signed in");
    json(&LoginAnswer {
        token,
        expires_at: end,
        user: UserView { id: &agent.id, name: &agent.name },
    })
}

impl Agents {
    /// Whether a password fits a hash. Without a hash it takes as long and does not fit, so that
    /// nobody learns which users there are.
    async fn check(&self, hash: Option<&Secret>, password: String) -> Result<bool, ServiceError> {
        static NOBODYS: OnceLock<Secret> = OnceLock::new();
        let is_user = hash.is_some();
        let hash = hash.cloned();
        let failed =
            || ServiceError::new(ErrorKind::InternalServer, "The server failed; try again");
        let permit = Arc::clone(&self.checks).acquire_owned().await.map_err(|_| failed())?;
        let fits = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let hash = hash.unwrap_or_else(|| {
                let made = || password::hash_password("nobody's").map_or("".into(), Secret::from);
                NOBODYS.get_or_init(made).clone()
            });
            password::verify(&password, &hash)
        });
        Ok(fits.await.map_err(|_| failed())? && is_user)
    }
}

pub(super) async fn queue(app: Arc<App>, call: Call) -> Answer {
    app.agent(&call)?;
    json(&QueueView::new(&app.chats.waiting(MAX_WAITING).await?))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AcceptRequest {
    contact_id: Option<ContactId>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AcceptAnswer<'a> {
    contact_id: &'a ContactId,
    initial_contact_id: &'a ContactId,
    participant_id: &'a ParticipantId,
    participant_token: ParticipantToken,
    customer_name: &'a str,
}

pub(super) async fn accept(app: Arc<App>, mut call: Call) -> Answer {
    let agent = app.agent(&call)?;
    let request: AcceptRequest = call.json(app.config.http.max_body).await?;
    let accepted = app.chats.accept(&agent, request.contact_id.as_ref()).await?;
    let chat = &accepted.chat;
    let seat = Seat {
        chat: chat.id.clone(),
        participant: accepted.participant.clone(),
        role: ParticipantRole::Agent,
    };
    let token = app.tokens.mint_seat(SeatUse::Participant, &seat, chat.ends_at);
    json(&AcceptAnswer {
        contact_id: &chat.current_contact().id,
        initial_contact_id: &chat.id,
        participant_id: &accepted.participant,
        participant_token: token.map_err(too_long)?.into(),
        customer_name: &chat.customer().name,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SocketAnswer {
    url: String,
    expires_at: Timestamp,
}

pub(super) async fn socket(app: Arc<App>, call: Call) -> Answer {
    let agent = app.agent(&call)?;
    let base = app.public_base(&call)?;
    let end = app.now().plus_millis(limits::SOCKET_URL_MS);
    let token = app.tokens.mint_agent(AgentUse::Socket, &agent.id, end).map_err(too_long)?;
    json(&SocketAnswer { url: base.socket_url(&token), expires_at: end })
}
