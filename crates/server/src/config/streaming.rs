//! Where chats may be streamed to.

use serde::Deserialize;

use super::{
    Config, ConfigError, Secret, Setting,
    section::{Check, section},
    units,
};
use crate::outgoing::Endpoint;

section! {
    /// Where chats may be streamed to: webhooks in the place of SNS topics. See docs/bots.md.
    pub struct StreamingSection {
        /// In the file as `[[streaming.endpoints]]` with `arn`, `url` and `secret`: the ARN that
        /// StartContactStreaming names, the webhook it stands for, and what signs the requests.
        pub endpoints: Vec<StreamingEndpoint> = Vec::new(),
    }
}

/// A webhook that chats may be streamed to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamingEndpoint {
    /// What `StreamingEndpointArn` says, 1 to 350 characters.
    pub arn: String,
    /// Where items are posted to. It may hold a secret, so it is not shown.
    pub url: Secret,
    /// Signs the requests, 16 characters or more.
    pub secret: Secret,
}

impl Setting for StreamingEndpoint {
    fn from_text(_: &str) -> Result<Self, String> {
        Err("streaming endpoints can only be set in the file".to_owned())
    }

    fn to_toml(&self) -> Option<String> {
        Some(format!(
            "{{ arn = {}, url = \"(redacted)\", secret = \"(redacted)\" }}",
            units::quoted(&self.arn)
        ))
    }
}

impl Check for StreamingSection {
    fn check(&self, config: &Config) -> Result<(), ConfigError> {
        let key = "streaming.endpoints";
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            let arn = &endpoint.arn;
            if !arn.starts_with("arn:") || arn.chars().count() > 350 {
                return ConfigError::at(
                    key,
                    format!("{arn:?} is no ARN such as arn:aws:sns:us-west-2:000000000000:chats"),
                );
            }
            if self.endpoints[..index].iter().any(|other| other.arn == *arn) {
                return ConfigError::at(key, format!("{arn:?} is there twice"));
            }
            let networks = &config.outgoing.allow_networks;
            if let Err(problem) = Endpoint::new(endpoint.url.expose(), &endpoint.secret, networks) {
                return ConfigError::at(key, format!("the url of {arn:?} {problem}"));
            }
        }
        Ok(())
    }
}
