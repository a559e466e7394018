//! What happens to a chat before an agent takes it: configured, not coded.

use std::collections::BTreeMap;

use chatloom_wire::ContactFlowId;

use crate::Assistant;

/// What everybody's chats have in common.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// What the flows do, by their ids.
    pub flows: BTreeMap<String, Flow>,
    /// What all other flows do.
    pub otherwise: Flow,
}

/// What a contact flow does with a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The queue chats wait in.
    pub queue: String,
    /// What is said first, 1 to 16,384 bytes; a script has a greeting of its own.
    pub greeting: Option<String>,
    /// Who answers before an agent does.
    pub assistant: Answering,
    /// What is said when a bot hands over and says nothing itself, 1 to 16,384 bytes.
    pub handover: Option<String>,
    /// What is said when a bot has failed, before the chat goes to the queue, or when no custom
    /// participant came; 1 to 16,384 bytes.
    pub failure: Option<String>,
    /// What the customer goes on with when the agents have left; without it the chat ends then.
    pub disconnect: Option<DisconnectFlow>,
}

/// What a customer goes on with when the agents have left
/// (docs/protocol/participant-service.md §12.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisconnectFlow {
    /// The flow, by its id. One in which nobody answers ends the chat with its greeting.
    pub flow: ContactFlowId,
    /// How long it may take, in milliseconds.
    pub within_ms: i64,
    /// The queue that it hands over to, unless its bot names another.
    pub queue: String,
}

/// Who answers before an agent does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answering {
    /// Nobody: chats go to the queue at once.
    #[default]
    Nobody,
    /// A script; one that passes [`Assistant::check`].
    Script(Assistant),
    /// A bot outside.
    Bot {
        /// Its name in the configuration.
        name: String,
        /// The name customers see, 1 to 256 characters.
        display_name: String,
    },
    /// A custom participant, whom a back end adds (docs/protocol/participant-service.md §10.3).
    CustomParticipant {
        /// How long the chat waits for one, in milliseconds.
        within_ms: i64,
    },
}

impl Default for Flow {
    /// To the queue `default`, at once.
    fn default() -> Self {
        Self {
            queue: "default".to_owned(),
            greeting: None,
            assistant: Answering::Nobody,
            handover: None,
            failure: None,
            disconnect: None,
        }
    }
}

impl Rules {
    /// All flows lead to this queue at once.
    pub fn new(queue: impl Into<String>) -> Self {
        let otherwise = Flow { queue: queue.into(), ..Flow::default() };
        Self { flows: BTreeMap::new(), otherwise }
    }

    /// In all flows a script answers until it hands over to this queue.
    pub fn with_script(queue: impl Into<String>, script: Assistant) -> Self {
        let mut rules = Self::new(queue);
        rules.otherwise.assistant = Answering::Script(script);
        rules
    }

    /// What a flow does. An ARN is as good as the id in it.
    pub fn flow(&self, id: &ContactFlowId) -> &Flow {
        let id = id.as_str().rsplit_once("/contact-flow/").map_or(id.as_str(), |(_, id)| id);
        self.flows.get(id).unwrap_or(&self.otherwise)
    }

    /// The queues that chats may wait in, each once.
    pub fn queues(&self) -> Vec<&str> {
        let mut queues = vec![self.otherwise.queue.as_str()];
        for flow in self.flows.values() {
            if !queues.contains(&flow.queue.as_str()) {
                queues.push(&flow.queue);
            }
        }
        queues
    }
}

impl Answering {
    /// The name customers see.
    pub(crate) fn display_name(&self) -> Option<&str> {
        match self {
            Self::Nobody | Self::CustomParticipant { .. } => None,
            Self::Script(script) => Some(&script.name),
            Self::Bot { display_name, .. } => Some(display_name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_found_by_its_id_and_by_its_arn() {
        let mut rules = Rules::new("default");
        let flow = Flow { queue: "sales".to_owned(), ..Flow::default() };
        rules.flows.insert("f1".to_owned(), flow);
        for id in ["f1", "arn:aws:connect:us-west-2:0:instance/i/contact-flow/f1"] {
            assert_eq!(rules.flow(&id.into()).queue, "sales");
        }
        assert_eq!(rules.flow(&"f2".into()).queue, "default");
        assert_eq!(rules.queues(), ["default", "sales"]);
    }
}
