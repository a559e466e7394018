//! Bots that answer customers.

use serde::Deserialize;

use super::{
    Config, ConfigError, Period, Secret, Setting,
    section::{Check, section},
    units,
};
use crate::outgoing::Endpoint;

section! {
    /// Bots over HTTP that flows may name. See docs/bots.md.
    pub struct BotsSection {
        /// In the file as `[[bots.endpoints]]` with `name`, `url` and `secret`, and if wanted
        /// `display_name` and `attributes`.
        pub endpoints: Vec<BotConfig> = Vec::new(),
        /// How long a bot may take to begin its answer, and between two parts of one.
        pub timeout: Period = Period::seconds(20),
        /// How long an answer may take in all.
        pub answer_timeout: Period = Period::minutes(2),
        /// How often a turn is tried before the bot has failed and the chat goes to the queue.
        pub attempts: u32 = 3,
    }
}

/// A bot over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BotConfig {
    /// What flows name it by, 1 to 64 characters.
    pub name: String,
    /// Where turns are posted to. It may hold a secret, so it is not shown.
    pub url: Secret,
    /// Signs the requests, 16 characters or more.
    pub secret: Secret,
    /// The name customers see, 1 to 256 characters; default `BOT`.
    #[serde(default = "bot")]
    pub display_name: String,
    /// The contact attributes that it is told; default none.
    #[serde(default)]
    pub attributes: Vec<String>,
}

fn bot() -> String {
    "BOT".to_owned()
}

impl Setting for BotConfig {
    fn from_text(_: &str) -> Result<Self, String> {
        Err("bots can only be set in the file".to_owned())
    }

    fn to_toml(&self) -> Option<String> {
        Some(format!(
            "{{ name = {}, url = \"(redacted)\", secret = \"(redacted)\", display_name = {}, \
             attributes = {} }}",
            units::quoted(&self.name),
            units::quoted(&self.display_name),
            Setting::to_toml(&self.attributes)?,
        ))
    }
}

impl Check for BotsSection {
    fn check(&self, config: &Config) -> Result<(), ConfigError> {
        let key = "bots.endpoints";
        for (index, bot) in self.endpoints.iter().enumerate() {
            let name = &bot.name;
            if !(1..=64).contains(&name.chars().count())
                || !(1..=256).contains(&bot.display_name.chars().count())
            {
                return ConfigError::at(
                    key,
                    format!("{name:?}: name has 1 to 64 characters, display_name 1 to 256"),
                );
            }
            if self.endpoints[..index].iter().any(|other| other.name == *name) {
                return ConfigError::at(key, format!("{name:?} is there twice"));
            }
            let networks = &config.outgoing.allow_networks;
            if let Err(problem) = Endpoint::new(bot.url.expose(), &bot.secret, networks) {
                return ConfigError::at(key, format!("the url of {name:?} {problem}"));
            }
        }
        if self.attempts == 0 || self.timeout.as_millis() == 0 {
            return ConfigError::at("bots", "attempts and timeout must not be 0");
        }
        Ok(())
    }
}
