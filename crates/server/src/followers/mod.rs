//! Telling those outside what happens in a chat: streams to webhooks, and bots.
//!
//! Each follower of a chat has a place in its log, kept by the store. What comes after the place is told
//! in order, at least once; then the place moves on. One server does it at a time, by a lease, many
//! followers at once and each of them one thing after the other. What fails is tried again after a
//! wait with full jitter. So whatever dies and whenever, nothing is left out, and what is told twice
//! has the same id twice.

mod bot;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod protocol;
mod stream;

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use chatloom_engine::{FollowerId, FollowerKind, token};
use tokio::{
    task::{self, JoinSet},
    time::MissedTickBehavior,
};

use crate::{
    chats::{Chats, Clock},
    config::{BotsSection, Config, OutgoingSection},
    lease::Lease,
    metrics::Metrics,
    outgoing::{Endpoint, Failure, Outgoing, OutgoingError},
    random,
    store::{FollowerPlace, FollowerStep, Store, StoreError},
    views::Views,
};

/// How often the store is asked whom to tell, besides when something was stored here.
const TICK: Duration = Duration::from_secs(1);
/// Entries read at once for one follower.
const PAGE: u32 = 32;

/// Tells those outside.
pub(crate) struct Followers {
    chats: Arc<Chats>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    outgoing: Outgoing,
    /// What the streams' ARNs stand for.
    streams: HashMap<String, Endpoint>,
    bots: HashMap<String, Bot>,
    bounds: OutgoingSection,
    bot_bounds: BotsSection,
    guides: Guides,
    /// Whether customers may be asked to sign in.
    has_sign_in: bool,
    instance: String,
}

/// What bots may guide customers with.
pub(crate) struct Guides {
    pub(crate) views: Arc<Views>,
    pub(crate) tokens: Arc<token::Keys>,
}

/// A bot that is configured.
struct Bot {
    endpoint: Endpoint,
    /// The contact attributes that it is told.
    attributes: HashSet<String>,
}

/// What is told at present.
#[derive(Default)]
struct Running {
    tasks: JoinSet<()>,
    by_task: HashMap<task::Id, FollowerId>,
    /// Which endpoint each follower that is being told has.
    busy: HashMap<FollowerId, FollowerKind>,
}

impl Running {
    /// Whether one more may be told.
    ///
    /// An endpoint has no more calls under way than are free for all: so however many endpoints do not
    /// answer, there is nearly always one for an endpoint that has none yet.
    fn has_room(&self, kind: &FollowerKind, bounds: &OutgoingSection) -> bool {
        let free = bounds.at_once.saturating_sub(self.busy.len());
        let to_same = self.busy.values().filter(|other| *other == kind).count();
        to_same < free.min(bounds.at_once_per_endpoint)
    }

    fn ended(&mut self, task: Result<(task::Id, ()), task::JoinError>) {
        let id = match task {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "telling a follower ended by itself");
                error.id()
            }
        };
        if let Some(follower) = self.by_task.remove(&id) {
            self.busy.remove(&follower);
        }
    }
}

impl Followers {
    pub(crate) fn new(
        config: &Config,
        chats: Arc<Chats>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        guides: Guides,
    ) -> Result<Self, OutgoingError> {
        let allowed = &config.outgoing.allow_networks;
        let endpoint = |url: &str, secret| {
            // The configuration has been checked.
            Endpoint::new(url, secret, allowed).map_err(OutgoingError::new)
        };
        let mut streams = HashMap::new();
        for stream in &config.streaming.endpoints {
            streams.insert(stream.arn.clone(), endpoint(stream.url.expose(), &stream.secret)?);
        }
        let mut bots = HashMap::new();
        for bot in &config.bots.endpoints {
            let attributes = bot.attributes.iter().cloned().collect();
            let endpoint = endpoint(bot.url.expose(), &bot.secret)?;
            bots.insert(bot.name.clone(), Bot { endpoint, attributes });
        }
        Ok(Self {
            outgoing: Outgoing::new(&config.outgoing, Arc::clone(&clock))?,
            chats,
            store,
            clock,
            metrics,
            streams,
            bots,
            bounds: config.outgoing.clone(),
            bot_bounds: config.bots.clone(),
            guides,
            // A demo has a provider of its own.
            has_sign_in: config.demo || config.sign_in.issuer.is_some(),
            instance: config.instance.id.clone(),
        })
    }

    /// Tells until `shutdown`. What is under way then is told again after the next start.
    pub(crate) async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = pin!(shutdown);
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut lease = Lease::new(Arc::clone(&self.store), "followers");
        let mut running = Running::default();
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = ticks.tick() => {}
                () = self.chats.followed() => {}
                Some(ended) = running.tasks.join_next_with_id() => running.ended(ended),
            }
            while let Some(ended) = running.tasks.try_join_next_with_id() {
                running.ended(ended);
            }
            match self.begin(&mut lease, &mut running).await {
                Ok(()) => {}
                Err(StoreError::Closed) => break,
                Err(error) => tracing::warn!(%error, "followers could not be looked at"),
            }
        }
        running.tasks.shutdown().await;
        lease.give_back(self.clock.now()).await;
    }

    /// Begins to tell those that are due, as many as may be told at once.
    async fn begin(
        self: &Arc<Self>,
        lease: &mut Lease,
        running: &mut Running,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        if !lease.hold(now).await? || running.busy.len() >= self.bounds.at_once {
            return Ok(());
        }
        // Those that are being told are due as well.
        let each = self.bounds.at_once_per_endpoint.min(self.bounds.at_once).saturating_mul(2);
        let each = u32::try_from(each).unwrap_or(u32::MAX);
        for due in self.store.followers_due(now, each).await? {
            if running.busy.contains_key(&due.follower)
                || !running.has_room(&due.kind, &self.bounds)
            {
                continue;
            }
            let follower = due.follower.clone();
            running.busy.insert(follower.clone(), due.kind.clone());
            let task = running.tasks.spawn(Arc::clone(self).tell(due)).id();
            running.by_task.insert(task, follower);
        }
        Ok(())
    }

    /// Tells a follower what it has not been told.
    async fn tell(self: Arc<Self>, at: FollowerPlace) {
        let told = match &at.kind {
            FollowerKind::Stream { endpoint } => self.tell_stream(&at, endpoint).await,
            FollowerKind::Bot { name } => self.tell_bot(&at, name).await,
        };
        if let Err(error) = told {
            // Its row says as before that it is due.
            tracing::warn!(chat = %at.chat, %error, "a follower could not be told");
            tokio::time::sleep(TICK).await;
        }
    }

    /// It has been told up to a place.
    async fn told(&self, at: &FollowerPlace, to: u64) -> Result<(), StoreError> {
        let step = FollowerStep {
            follower: at.follower.clone(),
            from: at.place,
            to,
            failures: 0,
            retry: None,
            now: self.clock.now(),
        };
        // One that is elsewhere by now was removed, or told by another server.
        self.store.advance(step).await.map(drop)
    }

    /// It could not be told what comes after a place: that is tried again later.
    async fn failed(
        &self,
        at: &FollowerPlace,
        to: u64,
        failure: &Failure,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let wait = wait(&self.bounds, at.failures, failure, u64::from_le_bytes(random::bytes()));
        let step = FollowerStep {
            follower: at.follower.clone(),
            from: at.place,
            to,
            failures: at.failures.saturating_add(1),
            retry: Some(now.plus_millis(wait)),
            now,
        };
        self.store.advance(step).await.map(drop)
    }
}

/// How long to wait after a failure, in milliseconds: anything up to a bound that doubles with each
/// failure in a row, and no less than the other side asks for.
fn wait(bounds: &OutgoingSection, failures: u32, failure: &Failure, random: u64) -> i64 {
    let longest = bounds.longest_wait.as_millis();
    let doubled = bounds.first_wait.as_millis().saturating_mul(1 << failures.min(32));
    let most = doubled.clamp(1, longest.max(1));
    let jittered = (random % (most as u64 + 1)) as i64;
    let asked = match failure {
        Failure::Refused { retry_after: Some(wait), .. } => wait.as_millis() as i64,
        _ => 0,
    };
    jittered.max(asked.min(longest))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn endpoints_that_do_not_answer_leave_room_for_others() {
        let bounds = OutgoingSection::default();
        let mut running = Running::default();
        let mut calls = Vec::new();
        for endpoint in 0..30 {
            let kind = FollowerKind::Bot { name: endpoint.to_string() };
            let mut count = 0;
            while running.has_room(&kind, &bounds) {
                let follower = FollowerId::from(format!("{endpoint} {count}"));
                running.busy.insert(follower, kind.clone());
                count += 1;
            }
            calls.push(count);
        }
        assert_eq!(calls[..7], [64, 64, 64, 32, 16, 8, 4], "and no more of any");
        assert!(calls.iter().sum::<usize>() <= bounds.at_once);
        assert!(calls[..8].iter().all(|count| *count > 0), "{calls:?}");
    }

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread() {
        let bounds = OutgoingSection::default();
        let failure = Failure::Forbidden;
        for (failures, most) in
            [(0, 1_000), (1, 2_000), (5, 32_000), (9, 300_000), (4_000, 300_000)]
        {
            assert_eq!(wait(&bounds, failures, &failure, 0), 0);
            assert_eq!(wait(&bounds, failures, &failure, most), most as i64);
            assert_eq!(wait(&bounds, failures, &failure, most + 1), 0);
        }
        let asks = |seconds| Failure::Refused {
            status: StatusCode::TOO_MANY_REQUESTS,
            retry_after: Some(Duration::from_secs(seconds)),
        };
        assert_eq!(wait(&bounds, 0, &asks(7), 0), 7_000);
        assert_eq!(wait(&bounds, 0, &asks(86_400), 0), 300_000);
    }
}
