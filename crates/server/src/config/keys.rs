//! Secrets.

use serde::Deserialize;

use super::{
    Config, ConfigError, Secret, Setting,
    section::{Check, section},
    units,
};

section! {
    /// Secrets. What is absent is made at the first start and kept in the data folder.
    pub struct KeysSection {
        /// Signs tokens: 32 characters or more, best 32 random bytes as base64. All nodes of one
        /// server need the same.
        pub signing: Option<Secret> = None,
        /// What signed tokens before `signing` did. Their tokens stay good until it is taken out: wait
        /// eight days, which is longer than a token lives.
        pub earlier: Vec<Secret> = Vec::new(),
        /// Access keys for the control plane, in the file as `[[keys.access]]` with `id` and `secret`.
        pub access: Vec<AccessKey> = Vec::new(),
    }
}

/// The demo's access key.
pub const DEMO_ACCESS_KEY: &str = "chatloom";
/// The secret of the demo's access key. Public: a demo listens on loopback only.
pub const DEMO_SECRET: &str = "chatloom-demo-secret";
/// Signs the demo's tokens. Public, and fixed so that chats outlive a restart.
pub(super) const DEMO_SIGNING_KEY: &str = "chatloom-demo-signing-key-which-is-public";

/// A key pair for the control plane.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// Names the key; goes over the wire.
    pub id: String,
    /// Signs; never goes over the wire.
    pub secret: Secret,
}

impl Setting for AccessKey {
    fn from_text(_: &str) -> Result<Self, String> {
        Err("access keys can only be set in the file".to_owned())
    }

    fn to_toml(&self) -> Option<String> {
        Some(format!("{{ id = {}, secret = \"(redacted)\" }}", units::quoted(&self.id)))
    }
}

impl Check for KeysSection {
    fn check(&self, _: &Config) -> Result<(), ConfigError> {
        if self.signing.iter().chain(&self.earlier).any(|key| key.expose().len() < 32) {
            return ConfigError::at("keys.signing", "at least 32 characters are needed");
        }
        for (index, key) in self.access.iter().enumerate() {
            if key.id.is_empty() || key.id.contains(['/', ',', ' ']) || key.id.len() > 128 {
                return ConfigError::at("keys.access", format!("{:?} is no access key id", key.id));
            }
            if self.access[..index].iter().any(|other| other.id == key.id) {
                return ConfigError::at("keys.access", format!("{:?} is there twice", key.id));
            }
        }
        Ok(())
    }
}
