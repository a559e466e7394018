//! Agents of a Chatloom server: log in, see who waits, accept, hand on.
//!
//! This is the server's own agent API, not one of Amazon Connect, whose agents work through its
//! agent workspace. What an agent accepts is an ordinary chat: the same [`Chat`](crate::Chat), with
//! the agent as its participant.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use chatloom::agent::TransferTo;
//!
//! let client = chatloom::Client::builder().endpoint("http://127.0.0.1:8090").build()?;
//! let agent = client.log_in("ana", None).await?;
//!
//! let mut queue = agent.queue();
//! queue.wait_for(|queue| queue.total > 0).await?;
//! let accepted = agent.accept(None).await?;
//!
//! let chat = client.chat_with(accepted.details, &client.options().agent());
//! chat.connect().await?;
//! chat.send_message(format!("Hello {}, how can I help?", accepted.customer_name)).await?;
//!
//! // Somebody who knows more about it goes on.
//! let to = TransferTo::User("ben".to_owned());
//! agent.transfer(&chat.details().contact_id, &to).await?;
//! # Ok(()) }
//! ```

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chatloom_wire::{
    ContactId, ParticipantId, ParticipantToken, Timestamp,
    frame::{ClientFrame, HEARTBEAT, ServerFrame},
};
use reqwest::Method;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
    time::{Instant, MissedTickBehavior, interval_at, sleep},
};

use crate::{
    chat::ChatDetails,
    client::{Client, Shared},
    error::Error,
    http,
    random::random,
    socket::{self, Report},
    watch::Watch,
};

/// The topic of the queue on an agent's socket.
const QUEUE_TOPIC: &str = "chatloom/queue";
/// As on a chat's socket (docs/protocol/websocket.md §1.4): a heartbeat that is not answered before
/// the next one means that the connection is dead.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(10);
/// The longest wait before the socket is tried again; the first is a sixty-fourth of it.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A password. Not in `Debug`.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub struct Password(Box<str>);

impl From<&str> for Password {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

/// Who an agent is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// The name to log in with.
    pub id: String,
    /// The name that customers see.
    pub name: String,
}

/// Who waits for an agent, as of the latest word from the server.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Queue {
    /// How many wait in all.
    pub total: usize,
    /// Those who wait, the longest first. The server may leave out the end of a long list.
    pub waiting: Vec<Waiting>,
    /// Whether this is kept up to date at the moment. While the connection is lost it is the last
    /// that was known.
    #[serde(skip)]
    pub live: bool,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("total", &self.total)
            .field("live", &self.live)
            .finish_non_exhaustive()
    }
}

/// A customer who waits. The name is personal: not in `Debug`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Waiting {
    /// The contact.
    pub contact_id: ContactId,
    /// The customer's name.
    pub customer_name: String,
    /// The queue the contact waits in.
    pub queue: String,
    /// Since when.
    pub since: Timestamp,
    /// The user whom the customer was handed on to.
    #[serde(default)]
    pub reserved_for: Option<String>,
    /// Until then nobody but that user can take the contact.
    #[serde(default)]
    pub reserved_until: Option<Timestamp>,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting")
            .field("contact_id", &self.contact_id)
            .field("queue", &self.queue)
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}

/// A chat that an agent has accepted. The customer's name is personal: not in `Debug`.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// For [`Client::chat`].
    pub details: ChatDetails,
    /// The customer's name.
    pub customer_name: String,
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted").field("details", &self.details).finish_non_exhaustive()
    }
}

/// Where [`Agent::transfer`] hands a customer on to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferTo {
    /// A queue, by its name.
    Queue(String),
    /// Another agent, by the name to log in with.
    User(String),
}

/// A chat that was handed on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Transferred {
    /// The contact that the chat has from then on.
    pub contact_id: ContactId,
    /// The chat as a whole.
    pub initial_contact_id: ContactId,
}

/// An agent who is logged in, from [`Client::log_in`]. Cheap to clone. The watch on the queue ends
/// when the last clone is dropped.
#[derive(Clone)]
pub struct Agent {
    inner: Arc<Inner>,
}

struct Inner {
    account: Arc<Account>,
    queue: watch::Receiver<Queue>,
    watcher: AbortHandle,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent").field("user", &self.inner.account.user).finish_non_exhaustive()
    }
}

impl Client {
    /// Logs an agent in at a Chatloom server. A server in demo mode asks for no password.
    ///
    /// The client keeps the password, to log in again when the server no longer knows the login.
    ///
    /// # Errors
    ///
    /// [`Error::Service`] with status 403 when user or password are wrong.
    pub async fn log_in(
        &self,
        user: impl Into<String>,
        password: Option<Password>,
    ) -> Result<Agent, Error> {
        let account = Account::log_in(Arc::clone(&self.shared), user.into(), password).await?;
        let account = Arc::new(account);
        let (updates, queue) = watch::channel(Queue::default());
        let watcher = tokio::spawn(watch_queue(Arc::clone(&account), updates)).abort_handle();
        Ok(Agent { inner: Arc::new(Inner { account, queue, watcher }) })
    }
}

impl Agent {
    /// Who is logged in.
    pub fn user(&self) -> &User {
        &self.inner.account.user
    }

    /// Who waits, now and at each change.
    pub fn queue(&self) -> Watch<Queue> {
        self.inner.queue.clone().into()
    }

    /// Takes a customer off the queue: this contact, or one who was handed on to this agent, or else
    /// whoever waits longest.
    ///
    /// # Errors
    ///
    /// [`Error::Service`]: `ResourceNotFound` (404) when nobody waits, or that contact no longer
    /// does; `Conflict` (409) when another agent was faster, or the contact is kept for another one.
    pub async fn accept(&self, contact: Option<&ContactId>) -> Result<Accepted, Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Request<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            contact_id: Option<&'a ContactId>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            contact_id: ContactId,
            initial_contact_id: ContactId,
            participant_id: ParticipantId,
            participant_token: ParticipantToken,
            customer_name: String,
        }
        let request = Request { contact_id: contact };
        let answer: Answer = self.inner.account.post("accept", &request).await?;
        Ok(Accepted {
            details: ChatDetails {
                contact_id: answer.contact_id,
                initial_contact_id: answer.initial_contact_id,
                participant_id: answer.participant_id,
                participant_token: answer.participant_token,
            },
            customer_name: answer.customer_name,
        })
    }
}

impl Agent {
    /// Hands a customer on, to a queue or to another agent. `contact` is the chat's present contact or
    /// its initial one.
    ///
    /// All agents leave the chat, and it waits with a new contact. Their own
    /// [`Chat`](crate::Chat)s have nothing more to tell; one that was opened with
    /// [`ChatOptions::agent`](crate::ChatOptions::agent) ends then. Calling this again when the answer
    /// was lost answers the same.
    ///
    /// # Errors
    ///
    /// [`Error::Service`]: `Validation` (400) when there is no such queue or user, or the user is in the
    /// chat already; `ServiceQuotaExceeded` (402) when the chat was handed on as often as may be;
    /// `ResourceNotFound` (404) when this agent is in no such chat; `Conflict` (409) when the other agent
    /// is away or the queue full. In the last case everybody in the chat is told that it failed, and in
    /// all of them this agent stays.
    pub async fn transfer(
        &self,
        contact: &ContactId,
        to: &TransferTo,
    ) -> Result<Transferred, Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Request<'a> {
            contact_id: &'a ContactId,
            #[serde(skip_serializing_if = "Option::is_none")]
            queue: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            user: Option<&'a str>,
        }
        let (queue, user) = match to {
            TransferTo::Queue(queue) => (Some(&**queue), None),
            TransferTo::User(user) => (None, Some(&**user)),
        };
        let request = Request { contact_id: contact, queue, user };
        self.inner.account.post("transfer", &request).await
    }
}

/// A login and what it takes to renew it.
struct Account {
    shared: Arc<Shared>,
    login: String,
    password: Option<Password>,
    user: User,
    /// The bearer token. Secret.
    token: Mutex<Arc<str>>,
}

#[derive(Deserialize)]
struct LoggedIn {
    token: String,
    user: User,
}

impl Account {
    async fn log_in(
        shared: Arc<Shared>,
        login: String,
        password: Option<Password>,
    ) -> Result<Self, Error> {
        let LoggedIn { token, user } = authenticate(&shared, &login, password.as_ref()).await?;
        Ok(Self { shared, login, password, user, token: Mutex::new(token.into()) })
    }

    fn token(&self) -> Arc<str> {
        // Nothing that runs under this lock can panic.
        Arc::clone(&self.token.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Calls the agent API. A login that the server no longer knows is renewed, once.
    async fn post<T: DeserializeOwned>(
        &self,
        operation: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let send = async |token: &str| {
            let request =
                request(&self.shared, Method::POST, operation).bearer_auth(token).json(body);
            http::call(request, "the answer of the agent API").await
        };
        match send(&self.token()).await {
            Err(Error::Service(error)) if matches!(error.status, 401 | 403) => {
                let password = self.password.as_ref();
                let renewed = authenticate(&self.shared, &self.login, password).await?;
                let token: Arc<str> = renewed.token.into();
                *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&token);
                send(&token).await
            }
            result => result,
        }
    }
}

fn request(shared: &Shared, method: Method, operation: &str) -> reqwest::RequestBuilder {
    shared.http.request(method, format!("{}/v1/agent/{operation}", shared.endpoint))
}

async fn authenticate(
    shared: &Shared,
    user: &str,
    password: Option<&Password>,
) -> Result<LoggedIn, Error> {
    #[derive(Serialize)]
    struct Request<'a> {
        user: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        password: Option<&'a Password>,
    }
    let body = Request { user, password };
    let login = request(shared, Method::POST, "login").json(&body);
    http::call(login, r#"{"token":...,"user":{...}}"#).await
}

/// Keeps the queue up to date, for ever: a failure is followed by another attempt.
async fn watch_queue(account: Arc<Account>, updates: watch::Sender<Queue>) {
    let mut failures = 0_u32;
    loop {
        match follow(&account, &updates).await {
            // It worked for a while: begin again without delay.
            Ok(()) => failures = 0,
            Err(error) => {
                failures = failures.saturating_add(1);
                tracing::debug!(%error, failures, "cannot follow the queue");
            }
        }
        updates.send_if_modified(|queue| std::mem::take(&mut queue.live));
        sleep(back_off(failures)).await;
    }
}

/// Full jitter: any time up to a bound that doubles with each failure.
fn back_off(failures: u32) -> Duration {
    let bound = LONGEST_WAIT.as_millis() as u64 >> 6_u32.saturating_sub(failures);
    Duration::from_millis(random() % (bound + 1))
}

/// Follows the queue over one socket, until that closes. An error when it never worked.
async fn follow(account: &Account, updates: &watch::Sender<Queue>) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Nothing {}
    #[derive(Deserialize)]
    struct Answer {
        url: String,
    }
    let Answer { url } = account.post("socket", &Nothing {}).await?;
    let (reporter, mut reports) = mpsc::channel(16);
    let socket = socket::open(&account.shared.sockets, (), url, reporter);

    let mut works = false;
    let mut unanswered = false;
    let mut heartbeat = interval_at(Instant::now() + HEARTBEAT_INTERVAL, HEARTBEAT_INTERVAL);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let reason = loop {
        tokio::select! {
            report = reports.recv() => match report.map(|((), report)| report) {
                Some(Report::Opened) => {
                    let topics = vec![QUEUE_TOPIC.to_owned()];
                    socket.write(ClientFrame::Subscribe { topics }.to_text().into());
                    socket.write(HEARTBEAT.into());
                    unanswered = true;
                    heartbeat.reset_at(Instant::now() + HEARTBEAT_INTERVAL);
                }
                Some(Report::Text(text)) => {
                    if let Ok(ServerFrame::Heartbeat) = ServerFrame::parse(&text) {
                        unanswered = false;
                    } else if let Some(queue) = queue_of(&text) {
                        works = true;
                        updates.send_replace(queue);
                    }
                }
                Some(Report::Closed { reason, .. }) => break reason,
                None => break "the socket is gone".to_owned(),
            },
            _ = heartbeat.tick() => {
                if unanswered {
                    break "a heartbeat was not answered".to_owned();
                }
                unanswered = socket.write(HEARTBEAT.into());
            }
        }
    };
    socket.close(1000, "");
    if works { Ok(()) } else { Err(Error::Unreachable { message: reason }) }
}

/// The queue in a frame, if it is about the queue.
fn queue_of(text: &str) -> Option<Queue> {
    #[derive(Deserialize)]
    struct Frame {
        topic: String,
        content: String,
    }
    let frame: Frame = serde_json::from_str(text).ok()?;
    if frame.topic != QUEUE_TOPIC {
        return None;
    }
    let queue: Queue = serde_json::from_str(&frame.content).ok()?;
    Some(Queue { live: true, ..queue })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_the_queue_are_read_and_others_are_not() {
        let frame = r#"{"topic":"chatloom/queue","content":"{\"total\":7,\"waiting\":[{\"contactId\":\"c-1\",\"customerName\":\"Jane\",\"queue\":\"Default\",\"since\":\"2026-01-31T12:00:00.000Z\"},{\"contactId\":\"c-2\",\"customerName\":\"John\",\"queue\":\"Default\",\"since\":\"2026-01-31T12:00:00.000Z\",\"reservedFor\":\"ben\",\"reservedUntil\":\"2026-01-31T12:02:00.000Z\"}]}"}"#;
        let queue = queue_of(frame).unwrap();
        assert_eq!((queue.total, queue.live, queue.waiting.len()), (7, true, 2));
        assert_eq!(
            (&queue.waiting[0].reserved_for, queue.waiting[0].reserved_until),
            (&None, None)
        );
        assert_eq!(queue.waiting[1].reserved_for.as_deref(), Some("ben"));
        assert!(queue.waiting[1].reserved_until > Some(queue.waiting[1].since));
        assert_eq!(queue.waiting[0].contact_id, ContactId::from("c-1"));
        assert!(!format!("{queue:?}").contains("Jane"));
        for other in [
            "",
            "{}",
            r#"{"topic":"aws/chat","content":"{}"}"#,
            r#"{"topic":"chatloom/queue","content":{"total":7}}"#,
            r#"{"topic":"chatloom/queue","content":"nonsense"}"#,
        ] {
            assert!(queue_of(other).is_none(), "{other}");
        }
    }

    #[test]
    fn waits_grow_up_to_a_bound() {
        for failures in 0..40 {
            let bound = LONGEST_WAIT / 64 * (1 << failures.min(6));
            assert!((0..50).all(|_| back_off(failures) <= bound), "{failures}");
        }
    }

    #[test]
    fn passwords_do_not_print() {
        assert_eq!(format!("{:?}", Password::from("secret")), "Password(redacted)");
    }
}
