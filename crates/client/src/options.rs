//! How a chat behaves, where an application may choose.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use chatloom_session::{self as session, Behaviour, HostToken, Role, SessionOptions, Source};
use futures_util::{FutureExt as _, future::BoxFuture};

use crate::{chat::ChatDetails, feed::Bounds};

/// How calls are repeated when the service fails, is overloaded, or cannot be reached.
///
/// It does not concern messages, which are sent until the service takes or refuses them, nor the
/// connection, which is tried for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// The first wait is random up to this; each further one up to twice as much.
    pub base: Duration,
    /// The same after the answer 429.
    pub throttled_base: Duration,
    /// No wait is longer, unless the service asks for it by `Retry-After`.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    /// Five attempts, waits from 100 ms (500 ms after a 429) up to 20 s.
    fn default() -> Self {
        let policy = session::RetryPolicy::of(Behaviour::Chatloom);
        Self {
            attempts: policy.attempts,
            base: Duration::from_millis(policy.base_ms),
            throttled_base: Duration::from_millis(policy.throttled_base_ms),
            cap: Duration::from_millis(policy.cap_ms),
        }
    }
}

impl From<RetryPolicy> for session::RetryPolicy {
    fn from(policy: RetryPolicy) -> Self {
        Self {
            attempts: policy.attempts.max(1),
            base_ms: millis(policy.base),
            throttled_base_ms: millis(policy.throttled_base),
            cap_ms: millis(policy.cap),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Gives connection tokens; why there is none, for people, when there is none.
pub(crate) type TokenSource =
    Arc<dyn Fn() -> BoxFuture<'static, Result<HostToken, String>> + Send + Sync>;

/// How one chat behaves; made by [`Client::options`](crate::Client::options) with what the client
/// was built with, or by `default`.
#[derive(Clone)]
#[must_use]
pub struct ChatOptions {
    retry: RetryPolicy,
    typing_throttle: Duration,
    receipts: bool,
    receipt_throttle: Duration,
    most_entries: usize,
    role: Role,
    token_source: Option<TokenSource>,
    pub(crate) snapshots: bool,
    pub(crate) bounds: Bounds,
}

impl Default for ChatOptions {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            typing_throttle: Duration::from_secs(10),
            receipts: true,
            receipt_throttle: Duration::from_secs(5),
            most_entries: 10_000,
            role: Role::Customer,
            token_source: None,
            snapshots: false,
            bounds: Bounds { events: 4_096, bytes: 16 * 1024 * 1024 },
        }
    }
}

impl ChatOptions {
    /// How calls are repeated. Default: [`RetryPolicy::default`].
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// [`Chat::typing`](crate::Chat::typing) tells the others at most once in this time. Default:
    /// 10 s.
    pub fn typing_throttle(mut self, time: Duration) -> Self {
        self.typing_throttle = time;
        self
    }

    /// Whether receipts are sent. When they are not, marking a message fails with
    /// [`Error::ReceiptsOff`](crate::Error::ReceiptsOff). Default: they are.
    pub fn receipts(mut self, sent: bool) -> Self {
        self.receipts = sent;
        self
    }

    /// Receipts are gathered for this long, and only the newest of each kind is sent. Default: 5 s.
    pub fn receipt_throttle(mut self, time: Duration) -> Self {
        self.receipt_throttle = time;
        self
    }

    /// [`Chat::transcript`](crate::Chat::transcript) holds about so many entries, at least 100; older
    /// ones become a gap that [`Chat::load_older`](crate::Chat::load_older) reads again. Default:
    /// 10,000.
    pub fn most_entries(mut self, count: usize) -> Self {
        self.most_entries = count.max(100);
        self
    }

    /// How far a reader of [`Chat::events`](crate::Chat::events) may fall behind, in events and in
    /// bytes of items, before events are thrown away and counted in
    /// [`Event::Lagged`](crate::Event::Lagged). Default: 4,096 events and 16 MiB, whichever comes
    /// first. At least one event is kept.
    pub fn event_buffer(mut self, events: usize, bytes: usize) -> Self {
        self.bounds = Bounds { events: events.max(1), bytes };
        self
    }

    /// Whether [`Chat::snapshots`](crate::Chat::snapshots) gives what is needed to go on after a
    /// restart. Default: it does not.
    pub fn snapshots(mut self, wanted: bool) -> Self {
        self.snapshots = wanted;
        self
    }

    /// The participant is an agent or a supervisor: the chat ends when the customer is handed on. At a
    /// Chatloom server, what [`Agent::accept`](crate::agent::Agent::accept) gives is a participant like
    /// any other; without this word its chat ends some time later, when the server refuses it.
    pub fn agent(mut self) -> Self {
        self.role = Role::Agent;
        self
    }

    /// The connection token comes from the program instead of the service, for participants whose
    /// token another system hands out, as that of an agent's workspace does. It is asked again when
    /// a token expires or is refused; one call runs at a time.
    ///
    /// Such a chat has no socket of its own, and hears nothing by itself: it sends, and it reads
    /// transcripts.
    pub fn token_source<F, Asked, Why>(mut self, source: F) -> Self
    where
        F: Fn() -> Asked + Send + Sync + 'static,
        Asked: Future<Output = Result<HostToken, Why>> + Send + 'static,
        Why: fmt::Display,
    {
        self.token_source = Some(Arc::new(move || {
            source().map(|token| token.map_err(|why| why.to_string())).boxed()
        }));
        self
    }

    pub(crate) fn token(&self) -> Option<TokenSource> {
        self.token_source.clone()
    }

    /// The core's options.
    pub(crate) fn session(
        &self,
        endpoint: &str,
        user_agent: &str,
        details: &ChatDetails,
    ) -> SessionOptions {
        SessionOptions {
            initial_contact_id: details.initial_contact_id.clone(),
            user_agent: user_agent.to_owned(),
            role: self.role,
            source: match &self.token_source {
                Some(_) => Source::Host { foreign: None },
                None => Source::Service,
            },
            retry: self.retry.into(),
            typing_throttle_ms: millis(self.typing_throttle),
            receipts: self.receipts,
            receipt_throttle_ms: millis(self.receipt_throttle),
            most_entries: self.most_entries,
            persist: self.snapshots,
            ..SessionOptions::new(
                Behaviour::Chatloom,
                endpoint,
                details.contact_id.clone(),
                details.participant_id.clone(),
                details.participant_token.clone(),
            )
        }
    }
}

impl fmt::Debug for ChatOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatOptions")
            .field("retry", &self.retry)
            .field("typing_throttle", &self.typing_throttle)
            .field("receipts", &self.receipts)
            .field("receipt_throttle", &self.receipt_throttle)
            .field("most_entries", &self.most_entries)
            .field("role", &self.role)
            .field("snapshots", &self.snapshots)
            .finish_non_exhaustive()
    }
}
