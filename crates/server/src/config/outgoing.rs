//! Calls to the outside: bounds that webhooks and bots share.

use super::{
    Config, ConfigError, Network, Period, Size,
    section::{Check, section},
};

section! {
    /// Calls to the outside: to the endpoints of `[streaming]` and `[bots]`.
    pub struct OutgoingSection {
        /// Private networks whose addresses may be called. Without it only public addresses may, whatever
        /// a name resolves to; and plain `http://` is for addresses inside these networks only.
        pub allow_networks: Vec<Network> = Vec::new(),
        /// How long a webhook may take to answer.
        pub timeout: Period = Period::seconds(10),
        /// Calls at once.
        pub at_once: usize = 256,
        /// Calls at once to one endpoint, and never more than are free for the others besides: so one
        /// that is slow or gone does not hold them up.
        pub at_once_per_endpoint: usize = 64,
        /// Size of an answer that is read; a longer one counts as failed.
        pub max_answer: Size = Size::kib(256),
        /// The longest wait after the first failure; it doubles with each further one. The wait itself is
        /// anything up to that, at random.
        pub first_wait: Period = Period::seconds(1),
        /// What the wait grows to at most.
        pub longest_wait: Period = Period::minutes(5),
        /// How old an item may be that a webhook still has not taken; then it is given up.
        pub give_up_after: Period = Period::hours(1),
    }
}

impl Check for OutgoingSection {
    fn check(&self, _: &Config) -> Result<(), ConfigError> {
        if self.at_once == 0 || self.at_once_per_endpoint == 0 || self.timeout.as_millis() == 0 {
            return ConfigError::at(
                "outgoing",
                "at_once, at_once_per_endpoint and timeout must not be 0",
            );
        }
        Ok(())
    }
}
