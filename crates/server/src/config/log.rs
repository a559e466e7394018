//! What is written to standard error.

use serde::Deserialize;

use super::{
    Setting,
    section::{Check, section},
};

section! {
    /// What is written to standard error.
    pub struct LogSection {
        /// `error`, `warn`, `info`, `debug` (each request) or `trace`; also by module, for instance
        /// `info,chatloom_server::http=debug`.
        pub level: String = "info".to_owned(),
        /// `text` for people, `json` for programs.
        pub format: LogFormat = LogFormat::Text,
    }
}

impl Check for LogSection {}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Setting for LogFormat {
    fn from_text(text: &str) -> Result<Self, String> {
        match text.trim() {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("{text:?} is not text or json")),
        }
    }

    fn to_toml(&self) -> Option<String> {
        Some(match self {
            Self::Text => "\"text\"".to_owned(),
            Self::Json => "\"json\"".to_owned(),
        })
    }
}
