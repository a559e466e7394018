//! Telling chats the time.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use chatloom_engine::{Chat, Command, Heard};
use chatloom_wire::Timestamp;
use tokio::time::MissedTickBehavior;

use super::{Chats, new_id};
use crate::store::StoreError;

/// How often time is told to the chats that wait for it.
const TICK: Duration = Duration::from_secs(1);
/// How long one server tells the time alone, in milliseconds, if it does not renew its lease.
pub(super) const LEASE_MS: i64 = 30_000;
/// When it renews: each renewal is a write.
pub(super) const RENEW_MS: i64 = 15_000;
/// Chats told at once, and how many times in a tick; what remains is told in the next.
pub(super) const TOLD_AT_ONCE: u32 = 128;
const TOLD_IN_A_TICK: usize = 16;

impl Chats {
    /// Tells the chats when a time of theirs has passed (five minutes without the customer, the end
    /// of the longest duration, the silence of somebody), until `shutdown`. Of all servers with one store one does it at a
    /// time, by a lease.
    ///
    /// A chat that is told late loses nothing: its rules look at the time themselves.
    pub async fn run_timers(self: Arc<Self>, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = pin!(shutdown);
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut timers = Timers { holder: new_id(), leased_until: None };
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = ticks.tick() => {}
            }
            match self.tick(&mut timers).await {
                Ok(_) => {}
                Err(StoreError::Closed) => break,
                Err(error) => tracing::warn!(%error, "timers could not be looked at"),
            }
        }
        if timers.leased_until.is_some() {
            // Another server need not wait for the lease to run out.
            let now = self.clock.now();
            if let Err(error) = self.store.lease(Timers::LEASE, &timers.holder, now, now).await {
                tracing::debug!(%error, "the lease of the timers was not given back");
            }
        }
    }

    /// Asks the log what those whose timers seem to have run out have said since, and gives the head of
    /// the log that the answer is true for.
    pub(super) async fn listen(
        &self,
        now: Timestamp,
        chat: &Chat,
        heard: &mut Vec<Heard>,
    ) -> Result<Option<u64>, StoreError> {
        heard.clear();
        let silent: Vec<_> = chat.silent(now).collect();
        if silent.is_empty() {
            return Ok(None);
        }
        // First the head: what is appended later makes the decision void.
        let last = self.store.heads(vec![chat.id.clone()]).await?.first().copied();
        for (who, after) in silent {
            if let Some(time) = self.store.last_said(&chat.id, who, after).await? {
                heard.push((who.clone(), time));
            }
        }
        Ok(last)
    }

    /// Does what is due; answers how many chats were told.
    pub(super) async fn tick(self: &Arc<Self>, timers: &mut Timers) -> Result<usize, StoreError> {
        let now = self.clock.now();
        if timers.leased_until.is_none_or(|until| now.plus_millis(RENEW_MS) >= until) {
            let until = now.plus_millis(LEASE_MS);
            let held = self.store.lease(Timers::LEASE, &timers.holder, now, until).await?;
            timers.leased_until = held.then_some(until);
        }
        if timers.leased_until.is_none() {
            return Ok(0);
        }
        let mut told = 0;
        for _ in 0..TOLD_IN_A_TICK {
            let due = self.store.due(now, TOLD_AT_ONCE).await?;
            let mut failures = 0;
            for chat in &due {
                let time_passed = Command::TimePassed { heard: Vec::new() };
                if let Err(error) = self.settle(chat, time_passed, None).await {
                    tracing::warn!(%chat, %error, "a chat could not be told the time");
                    failures += 1;
                }
            }
            told += due.len() - failures;
            if due.len() < TOLD_AT_ONCE as usize || failures > 0 {
                break;
            }
        }
        Ok(told)
    }
}

pub(super) struct Timers {
    pub(super) holder: String,
    pub(super) leased_until: Option<Timestamp>,
}

impl Timers {
    const LEASE: &str = "timers";
}
