//! What contact flows do.

use chatloom_engine::{Answering, Assistant, Flow};
use chatloom_wire::participant::MAX_CONTENT_BYTES;
use serde::{Deserialize, Serialize};

use super::{Config, ConfigError, Setting};

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
        let assistant = match (&self.script, bot) {
            (Some(script), _) => Answering::Script(script.clone()),
            (None, Some(bot)) => {
                Answering::Bot { name: bot.name.clone(), display_name: bot.display_name.clone() }
            }
            (None, None) => Answering::Nobody,
        };
        Flow {
            queue: self.queue.clone().unwrap_or_else(|| config.instance.queue.clone()),
            greeting: self.greeting.clone(),
            assistant,
            handover: self.handover.clone(),
            failure: self.failure.clone(),
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
        match (&flow.bot, &flow.script) {
            (Some(_), Some(_)) => {
                return fail("a bot or a script answers, not both".to_owned());
            }
            (Some(bot), None) if !config.bots.endpoints.iter().any(|known| known.name == *bot) => {
                return fail(format!("{bot:?} is none of bots.endpoints"));
            }
            (None, Some(script)) => {
                if let Err(problem) = script.check() {
                    return fail(problem.to_string());
                }
            }
            _ => {}
        }
    }
    Ok(())
}
