//! Agents.

use serde::Deserialize;

use super::{
    Config, ConfigError, Period, Secret, Setting,
    section::{Check, section},
    units,
};

section! {
    /// Agents, and how they sign in.
    pub struct AgentsSection {
        /// In the file as `[[agents.users]]` with `id`, `name` and `password_hash` (from `chatloom
        /// config hash-password`).
        pub users: Vec<AgentConfig> = Vec::new(),
        /// How long a sign-in is good for.
        pub token_lifetime: Period = Period::hours(12),
        /// Attempts to sign in a minute, for each user and address; further ones answer 429.
        pub attempts_per_minute: u32 = 20,
        /// How long a chat that was transferred to an agent is kept for that agent; then any other may
        /// take it from the queue.
        pub transfer_reserved: Period = Period::minutes(2),
        /// An agent without an open queue socket who has asked for nothing for so long is away: what is
        /// transferred to such a one stays with whoever has it.
        pub away_after: Period = Period::minutes(2),
        /// Chats that may wait in a queue before transfers to it fail.
        pub transfer_room: u32 = 1_000,
    }
}

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// What the agent signs in with, 1 to 64 characters.
    pub id: String,
    /// The name customers see, 1 to 256 characters.
    pub name: String,
    /// The password's Argon2 hash. Only a demo's agents have none.
    #[serde(default)]
    pub password_hash: Option<Secret>,
}

impl Setting for AgentConfig {
    fn from_text(_: &str) -> Result<Self, String> {
        Err("agents can only be set in the file".to_owned())
    }

    fn to_toml(&self) -> Option<String> {
        let hash = match self.password_hash {
            Some(_) => ", password_hash = \"(redacted)\"",
            None => "",
        };
        Some(format!(
            "{{ id = {}, name = {}{hash} }}",
            units::quoted(&self.id),
            units::quoted(&self.name)
        ))
    }
}

impl Check for AgentsSection {
    fn check(&self, config: &Config) -> Result<(), ConfigError> {
        let fail = |problem: String| ConfigError::at("agents.users", problem);
        for (index, agent) in self.users.iter().enumerate() {
            if !(1..=64).contains(&agent.id.chars().count())
                || !(1..=256).contains(&agent.name.chars().count())
            {
                return fail(format!("{:?}: id has 1 to 64 characters, name 1 to 256", agent.id));
            }
            if self.users[..index].iter().any(|other| other.id == agent.id) {
                return fail(format!("{:?} is there twice", agent.id));
            }
            match &agent.password_hash {
                None if !config.demo => {
                    return fail(format!(
                        "{:?} has no password_hash; `chatloom config hash-password` makes one",
                        agent.id
                    ));
                }
                Some(hash) if !crate::http::password::is_hash(hash) => {
                    return fail(format!("{:?}: password_hash is no Argon2 hash", agent.id));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
