//! Pages of other origins.

use super::{
    Config, ConfigError,
    section::{Check, check_origins, section},
};

section! {
    /// Pages that may call the Participant Service from a browser.
    pub struct CorsSection {
        /// Their origins, such as `https://www.example.org`; `*` for all. Tokens are headers, never
        /// cookies, so `*` gives a page nothing that its own visitor does not have.
        pub origins: Vec<String> = Vec::new(),
    }
}

impl Check for CorsSection {
    fn check(&self, _: &Config) -> Result<(), ConfigError> {
        check_origins("cors.origins", self.origins.iter().filter(|origin| *origin != "*"))
    }
}
