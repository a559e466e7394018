//! Telling those outside what happens in a chat: streams to webhooks, and bots.
//!
//! Each follower of a chat has a place in its log, kept by the store. What comes after the place is told
//! in order, at least once; then the place moves on. One server does it at a time, by a lease, many
//! followers at once and each of them one thing after the other. What fails is tried again after a
//! wait with full jitter. So whatever dies and whenever, nothing is left out, and what is told twice
//! has the same id twice.

mod bot;
mod protocol;
mod stream;

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use chatloom_engine::{FollowerId, FollowerKind};
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
};

/// How often the store is asked whom to tell, besides when something was stored here.
const TICK: Duration = Duration::from_secs(1);
/// Entries read at once for one follower.
const PAGE: u32 = 32;
/// Followers looked at in one round, more than are told at once: those of a slow endpoint wait. When all
/// of these wait, more are looked at, for one endpoint that is gone must not hold up the others.
const LOOKED_AT: usize = 1_024;
const MOST_LOOKED_AT: usize = 1 << 17;

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
    instance: String,
}

/// A bot that is configured.
struct Bot {
    endpoint: Endpoint,
    /// The contact attributes that it is told.
    attributes: HashSet<String>,
}

/// What is told at present.
struct Running {
    /// How many followers are looked at in a round, besides those that are being told.
    look: usize,
    tasks: JoinSet<()>,
    by_task: HashMap<task::Id, FollowerId>,
    /// Which endpoint each follower that is being told has.
    busy: HashMap<FollowerId, FollowerKind>,
}

impl Running {
    fn new() -> Self {
        Self {
            look: LOOKED_AT,
            tasks: JoinSet::new(),
            by_task: HashMap::new(),
            busy: HashMap::new(),
        }
    }

    /// How many calls there are to the endpoint of such a follower.
    fn to_same(&self, kind: &FollowerKind) -> usize {
        self.busy.values().filter(|other| *other == kind).count()
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
    ) -> Result<Self, OutgoingError> {
        let allowed = &config.outgoing.allow_networks;
        let endpoint = |url: &str, secret| {
            // The configuration has been checked.
            Endpoint::new(url, secret, allowed).map_err(OutgoingError::new)
        };
        let mut streams = HashMap::new();
        for stream in &config.streaming.endpoints {
            streams.insert(stream.arn.clone(), endpoint(&stream.url, &stream.secret)?);
        }
        let mut bots = HashMap::new();
        for bot in &config.bots.endpoints {
            let attributes = bot.attributes.iter().cloned().collect();
            let endpoint = endpoint(&bot.url, &bot.secret)?;
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
            instance: config.instance.id.clone(),
        })
    }

    /// Tells until `shutdown`. What is under way then is told again after the next start.
    pub(crate) async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = pin!(shutdown);
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut lease = Lease::new(Arc::clone(&self.store), "followers");
        let mut running = Running::new();
        loop {
            let is_tick = tokio::select! {
                () = &mut shutdown => break,
                _ = ticks.tick() => true,
                () = self.chats.followed() => false,
                Some(ended) = running.tasks.join_next_with_id() => {
                    running.ended(ended);
                    false
                }
            };
            while let Some(ended) = running.tasks.try_join_next_with_id() {
                running.ended(ended);
            }
            if running.look > LOOKED_AT && !is_tick {
                // A look at so many takes its time: not for each item.
                continue;
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
        let before = running.busy.len();
        let limit = before + running.look;
        let all_due =
            self.store.followers_due(now, u32::try_from(limit).unwrap_or(u32::MAX)).await?;
        let found = all_due.len();
        for due in all_due {
            if running.busy.len() >= self.bounds.at_once {
                break;
            }
            if running.busy.contains_key(&due.follower) {
                continue;
            }
            let kind = match self.chats.follower_kind(&due.chat, &due.follower).await {
                Ok(Some(kind)) => kind,
                // Removed since.
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(chat = %due.chat, %error, "a follower could not be looked at");
                    continue;
                }
            };
            if running.to_same(&kind) >= self.bounds.at_once_per_endpoint {
                continue;
            }
            running.busy.insert(due.follower.clone(), kind.clone());
            let follower = due.follower.clone();
            let telling = Arc::clone(self).tell(due, kind);
            let task = running.tasks.spawn(telling).id();
            running.by_task.insert(task, follower);
        }
        running.look = next_look(running.look, found == limit, found, running.busy.len() > before);
        Ok(())
    }

    /// Tells a follower what it has not been told.
    async fn tell(self: Arc<Self>, at: FollowerPlace, kind: FollowerKind) {
        let told = match &kind {
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

/// How many followers are looked at in the next round, after one that looked at `look` of them and found
/// so many due, perhaps not all, and perhaps somebody among them who could be told.
fn next_look(look: usize, has_more: bool, found: usize, has_begun: bool) -> usize {
    match (has_more, has_begun) {
        (true, false) => look.saturating_mul(2).min(MOST_LOOKED_AT),
        (true, true) => look,
        (false, _) => look.min(found).max(LOOKED_AT),
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
    fn more_are_looked_at_while_all_wait_for_an_endpoint_that_is_gone() {
        let mut look = LOOKED_AT;
        for expected in [2_048, 4_096, 8_192] {
            look = next_look(look, true, look, false);
            assert_eq!(look, expected);
        }
        assert_eq!(next_look(look, true, look, true), look, "it is far enough");
        assert_eq!(next_look(look, false, 5_000, true), 5_000, "it need not be so far");
        assert_eq!(next_look(look, false, 0, false), LOOKED_AT);
        assert_eq!(next_look(MOST_LOOKED_AT, true, MOST_LOOKED_AT, false), MOST_LOOKED_AT);
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
