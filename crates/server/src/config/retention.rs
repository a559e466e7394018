//! How long chats are kept.

use super::{
    Config, ConfigError, Period,
    section::{Check, section},
};

section! {
    /// How long finished chats are kept.
    pub struct RetentionSection {
        /// A chat that ended longer ago than this is deleted with all that belongs to it, for instance
        /// `30d`. Without it, chats are kept for ever.
        pub keep: Option<Period> = None,
        /// How often such chats are looked for.
        pub every: Period = Period::hours(1),
        /// Entries that are deleted at once. After each such step writers have their turn.
        pub batch: u32 = 500,
        /// The pause between two steps.
        pub pause: Period = Period::millis(20),
    }
}

impl Check for RetentionSection {
    fn check(&self, _: &Config) -> Result<(), ConfigError> {
        if self.every.as_millis() == 0 || !(1..=10_000).contains(&self.batch) {
            return ConfigError::at("retention", "every must not be 0, batch is 1 to 10000");
        }
        Ok(())
    }
}
