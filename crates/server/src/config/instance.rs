//! Which Connect instance this is.

use super::{
    Config, ConfigError,
    section::{Check, section},
};

section! {
    /// The Connect instance that this server stands for.
    pub struct InstanceSection {
        /// Its id.
        pub id: String = DEMO_INSTANCE.to_owned(),
        /// The region that control-plane requests must be signed for.
        pub region: String = "us-west-2".to_owned(),
        /// The contact flows that chats may be started with. They all do the same.
        pub contact_flows: Vec<String> = vec![DEMO_CONTACT_FLOW.to_owned()],
        /// The queue that chats wait in for an agent.
        pub queue: String = "default".to_owned(),
        /// How many chats may be open at once, those included whose customer has not connected yet.
        /// StartChatContact answers 429 LimitExceededException beyond it. Without it there is no bound.
        pub max_open_chats: Option<u64> = None,
    }
}

/// The id of the demo's instance, and the default.
pub const DEMO_INSTANCE: &str = "11111111-1111-4111-8111-111111111111";
/// The id of the demo's contact flow, and the default.
pub const DEMO_CONTACT_FLOW: &str = "22222222-2222-4222-8222-222222222222";

impl Check for InstanceSection {
    fn check(&self, _: &Config) -> Result<(), ConfigError> {
        if !(1..=100).contains(&self.id.chars().count()) {
            return ConfigError::at("instance.id", "1 to 100 characters are needed");
        }
        if self.contact_flows.is_empty() {
            return ConfigError::at("instance.contact_flows", "at least one is needed");
        }
        if self.queue.is_empty() || self.region.is_empty() {
            return ConfigError::at("instance", "queue and region must not be empty");
        }
        Ok(())
    }
}
