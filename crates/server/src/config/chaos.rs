//! Trouble on purpose.

use super::{
    Config, ConfigError, Secret,
    section::{Check, section},
};
use crate::chaos::Plan;

section! {
    /// Trouble on purpose, for tests of applications (docs/testing-your-application.md). Off unless
    /// asked for; never for production.
    pub struct ChaosSection {
        /// What goes wrong how often, for instance
        /// `drop=2%,delay=300ms±200ms,duplicate=1%,reorder,429=1%,500=1%,half-open=0.1%`.
        pub plan: Option<Plan> = None,
        /// The same seed gives the same trouble. Without it each start has another, which is logged.
        pub seed: Option<u64> = None,
        /// Opens `POST /v1/admin/chaos/...`, by which a test cuts, stalls and expires the connections
        /// of one chat, to whoever shows this as `Authorization: Bearer <key>`.
        pub key: Option<Secret> = None,
    }
}

impl Check for ChaosSection {
    fn check(&self, _: &Config) -> Result<(), ConfigError> {
        if self.key.as_ref().is_some_and(|key| key.expose().len() < 16) {
            return ConfigError::at("chaos.key", "at least 16 characters are needed");
        }
        Ok(())
    }
}
