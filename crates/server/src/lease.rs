//! Work that one server does at a time.

use std::sync::Arc;

use chatloom_wire::Timestamp;

use crate::{
    random,
    store::{Store, StoreError},
};

/// How long one server works alone, in milliseconds, if it does not renew its lease.
const LEASE_MS: i64 = 30_000;
/// When it renews: each renewal is a write.
const RENEW_MS: i64 = 15_000;

/// A lease that a server takes, keeps while it lives, and gives back.
pub(crate) struct Lease {
    store: Arc<dyn Store>,
    name: &'static str,
    holder: String,
    until: Option<Timestamp>,
}

impl Lease {
    pub(crate) fn new(store: Arc<dyn Store>, name: &'static str) -> Self {
        Self { store, name, holder: random::uuid().to_string(), until: None }
    }

    /// Takes or keeps the lease; whether this server has it.
    pub(crate) async fn hold(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        if self.until.is_none_or(|until| now.plus_millis(RENEW_MS) >= until) {
            let until = now.plus_millis(LEASE_MS);
            let held = self.store.lease(self.name, &self.holder, now, until).await?;
            self.until = held.then_some(until);
        }
        Ok(self.until.is_some())
    }

    /// Gives the lease back: another server need not wait until it runs out.
    pub(crate) async fn give_back(self, now: Timestamp) {
        if self.until.is_some()
            && let Err(error) = self.store.lease(self.name, &self.holder, now, now).await
        {
            tracing::debug!(%error, lease = self.name, "a lease was not given back");
        }
    }
}
