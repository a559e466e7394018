//! What contact flows do.

use chatloom_engine::{Answering, Assistant, DisconnectFlow, Flow};
use chatloom_wire::participant::MAX_CONTENT_BYTES;
use serde::{Deserialize, Serialize};

use super::{Config, ConfigError, Period, Setting};

/// How long a disconnect flow may take if nobody says otherwise.
const DISCONNECT_WITHIN: Period = Period::minutes(15);

/// What a contact flow does with a chat until an agent takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowConfig {
    /// The flow, 1 to 500 characters.
    pub id: String,
    /// The queue it leads to; default `instance.queue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// What is said first, 1 to 16,384 bytes. A script has a greeting of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greeting: Option<String>,
    /// The bot that answers, one of `bots.endpoints`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<String>,
    /// What is said when the bot hands over without words of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handover: Option<String>,
    /// What is said when the bot has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// A custom participant answers, in the place of a bot, and the chat waits for so long until it
    /// comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_for_participant: Option<Period>,
    /// The flow that the customer goes on with when the agents have left, one of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect: Option<String>,
    /// How long that may take; default 15 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect_within: Option<Period>,
    /// The script that answers, in the place of a bot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<Assistant>,
}

impl Setting for FlowConfig {
    fn from_text(_: &str) -> Result<Self, String> {
        Err("flows can only be set in the file".to_owned())
    }

    fn to_toml(&self) -> Option<String> {
        toml::Value::try_from(self).ok().map(|value| value.to_string())
    }
}

impl FlowConfig {
    /// The flow for the rules.
    pub(crate) fn flow(&self, config: &Config) -> Flow {
        let bot = self
            .bot
            .as_ref()
            .and_then(|name| config.bots.endpoints.iter().find(|bot| bot.name == *name));
        let assistant = match (&self.script, bot, self.wait_for_participant) {
            (Some(script), _, _) => Answering::Script(script.clone()),
            (None, Some(bot), _) => {
                Answering::Bot { name: bot.name.clone(), display_name: bot.display_name.clone() }
            }
            (None, None, Some(within)) => {
                Answering::CustomParticipant { within_ms: within.as_millis() }
            }
            (None, None, None) => Answering::Nobody,
        };
        let queue = self.queue.as_ref().unwrap_or(&config.instance.queue);
        let within = self.disconnect_within.unwrap_or(DISCONNECT_WITHIN);
        let disconnect = self.disconnect.as_ref().map(|flow| DisconnectFlow {
            flow: flow.as_str().into(),
            within_ms: within.as_millis(),
            queue: {
                let last = config.instance.flows.iter().find(|last| last.id == *flow);
                last.and_then(|last| last.queue.clone()).unwrap_or_else(|| queue.clone())
            },
        });
        Flow {
            queue: queue.clone(),
            greeting: self.greeting.clone(),
            assistant,
            handover: self.handover.clone(),
            failure: self.failure.clone(),
            disconnect,
        }
    }
}

/// Checks all flows.
pub(super) fn check(flows: &[FlowConfig], config: &Config) -> Result<(), ConfigError> {
    let key = "instance.flows";
    for (index, flow) in flows.iter().enumerate() {
        let id = &flow.id;
        let fail = |problem: String| ConfigError::at(key, format!("{id:?}: {problem}"));
        if !(1..=500).contains(&id.chars().count()) {
            return fail("an id has 1 to 500 characters".to_owned());
        }
        if flows[..index].iter().any(|other| other.id == *id) {
            return fail("is there twice".to_owned());
        }
        if flow.queue.as_ref().is_some_and(String::is_empty) {
            return fail("queue must not be empty".to_owned());
        }
        for (name, words) in
            [("greeting", &flow.greeting), ("handover", &flow.handover), ("failure", &flow.failure)]
        {
            if words.as_ref().is_some_and(|it| it.is_empty() || it.len() > MAX_CONTENT_BYTES) {
                return fail(format!("{name} has 1 to 16,384 bytes"));
            }
        }
        let answering =
            [flow.bot.is_some(), flow.script.is_some(), flow.wait_for_participant.is_some()];
        if answering.into_iter().filter(|one| *one).count() > 1 {
            return fail("one answers: a bot, a script, or a custom participant".to_owned());
        }
        for (name, period) in [
            ("wait_for_participant", flow.wait_for_participant),
            ("disconnect_within", flow.disconnect_within),
        ] {
            if period.is_some_and(|period| period.as_millis() == 0) {
                return fail(format!("{name} must not be 0"));
            }
        }
        if let Some(last) = &flow.disconnect {
            let Some(last) = flows.iter().find(|other| other.id == *last) else {
                return fail(format!("disconnect: {last:?} is none of instance.flows"));
            };
            if last.wait_for_participant.is_some() {
                return fail(
                    "disconnect: a flow that waits for a participant cannot be".to_owned(),
                );
            }
        } else if flow.disconnect_within.is_some() {
            return fail("disconnect_within is nothing without disconnect".to_owned());
        }
        match (&flow.bot, &flow.script) {
            (Some(bot), _) if !config.bots.endpoints.iter().any(|known| known.name == *bot) => {
                return fail(format!("{bot:?} is none of bots.endpoints"));
            }
            (_, Some(script)) => {
                if let Err(problem) = script.check() {
                    return fail(problem.to_string());
                }
            }
            _ => {}
        }
    }
    Ok(())
}
