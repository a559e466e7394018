//! Where customers sign in.

use super::{
    Config, ConfigError, Period, Secret,
    section::{Check, section},
};

section! {
    /// The OpenID Connect provider that customers sign in with when a chat asks them to.
    pub struct SignInSection {
        /// The provider's issuer, such as `https://login.example.org`. Off without it. What else is
        /// needed comes from `<issuer>/.well-known/openid-configuration`.
        pub issuer: Option<String> = None,
        /// What the provider knows this server by.
        pub client_id: Option<String> = None,
        /// The secret that goes with it, for providers that want one besides PKCE.
        pub client_secret: Option<Secret> = None,
        /// What is asked for, besides `openid`. `profile` brings the first name.
        pub scopes: Vec<String> = vec!["profile".to_owned()],
        /// How long the provider may take to answer.
        pub timeout: Period = Period::seconds(10),
    }
}

impl Check for SignInSection {
    fn check(&self, _: &Config) -> Result<(), ConfigError> {
        let Some(issuer) = &self.issuer else { return Ok(()) };
        if !crate::sign_in::is_good_url(issuer) {
            return ConfigError::at(
                "sign_in.issuer",
                format!("{issuer:?} is no issuer such as https://login.example.org"),
            );
        }
        if self.client_id.as_deref().is_none_or(str::is_empty) {
            return ConfigError::at("sign_in.client_id", "needed where there is an issuer");
        }
        if self.timeout.as_millis() == 0 {
            return ConfigError::at("sign_in.timeout", "must not be 0");
        }
        Ok(())
    }
}
