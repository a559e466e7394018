//! Starting chats without a back end.

use super::{
    Config, ConfigError,
    section::{Check, check_origins, check_rate, section},
};

section! {
    /// `POST /start-chat`, by which pages start chats without a back end. Off until `origins` and
    /// `per_second` are set.
    pub struct StartChatSection {
        /// Origins of the pages, such as `https://www.example.org`.
        pub origins: Vec<String> = Vec::new(),
        /// How many chats may be started each second, over all pages. Further requests answer 429.
        pub per_second: f64 = 0.0,
        /// How many may be started at once after a pause.
        pub burst: u32 = 10,
    }
}

impl Check for StartChatSection {
    fn check(&self, _: &Config) -> Result<(), ConfigError> {
        check_origins("start_chat.origins", &self.origins)?;
        check_rate("start_chat", self.per_second, self.burst)
    }
}
