//! Which Connect instance this is.

use std::collections::BTreeMap;

use chatloom_engine::{Flow, Rules};

use super::{
    Config, ConfigError, FlowConfig, flows,
    section::{Check, section},
};

section! {
    /// The Connect instance that this server stands for.
    pub struct InstanceSection {
        /// Its id.
        pub id: String = DEMO_INSTANCE.to_owned(),
        /// The region that control-plane requests must be signed for.
        pub region: String = "us-west-2".to_owned(),
        /// The contact flows that chats may be started with. Those that are not among `flows` lead to
        /// the queue at once.
        pub contact_flows: Vec<String> = vec![DEMO_CONTACT_FLOW.to_owned()],
        /// What flows do, in the file as `[[instance.flows]]` with `id` and, if wanted, `queue`,
        /// `greeting`, `bot`, `script` or `wait_for_participant`, `handover`, `failure`, `disconnect`
        /// and `disconnect_within`; chats may be started with these
        /// flows, too. See docs/bots.md.
        pub flows: Vec<FlowConfig> = Vec::new(),
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
    fn check(&self, config: &Config) -> Result<(), ConfigError> {
        if !(1..=100).contains(&self.id.chars().count()) {
            return ConfigError::at("instance.id", "1 to 100 characters are needed");
        }
        if self.contact_flows.is_empty() {
            return ConfigError::at("instance.contact_flows", "at least one is needed");
        }
        if self.queue.is_empty() || self.region.is_empty() {
            return ConfigError::at("instance", "queue and region must not be empty");
        }
        flows::check(&self.flows, config)
    }
}

impl Config {
    /// The rules that all chats have in common.
    pub(crate) fn rules(&self) -> Rules {
        let flows = self.instance.flows.iter();
        let flows: BTreeMap<_, _> = flows.map(|flow| (flow.id.clone(), flow.flow(self))).collect();
        let otherwise = Flow { queue: self.instance.queue.clone(), ..Flow::default() };
        Rules { flows, otherwise }
    }

    /// Whether chats may be started with a flow.
    pub(crate) fn has_flow(&self, id: &str) -> bool {
        let instance = &self.instance;
        instance.contact_flows.iter().any(|flow| flow == id)
            || instance.flows.iter().any(|flow| flow.id == id)
    }
}
