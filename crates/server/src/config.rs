//! What an operator may set.
//!
//! An empty configuration is a working server. A value comes from, later ones winning: its default,
//! the file (TOML), the environment (`CHATLOOM_<SECTION>_<KEY>`, for instance
//! `CHATLOOM_SERVER_LISTEN`), the command line. A key that does not exist is refused with its line.
//! [`Config::to_toml`] writes every key with what it means and its present value.

mod addresses;
mod agents;
mod attachments;
mod audit;
mod bots;
mod chaos;
mod connection;
mod cors;
mod flows;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod http;
mod instance;
mod keys;
mod limits;
mod log;
mod metrics;
mod outgoing;
mod retention;
mod section;
mod server;
mod sign_in;
mod socket;
mod start_chat;
mod streaming;
#[cfg(test)]
mod tests;
mod tls;
mod units;
mod views;

use std::{
    fmt::{self, Write as _},
    path::{Path, PathBuf},
};

use chatloom_engine::Assistant;
use chatloom_wire::{ContactFlowId, InstanceId};
use serde::Deserialize;

use self::section::{Check, Line, Section};
pub use self::{
    addresses::AddressesSection,
    agents::{AgentConfig, AgentsSection},
    attachments::AttachmentsSection,
    audit::AuditSection,
    bots::{BotConfig, BotsSection},
    chaos::ChaosSection,
    connection::ConnectionSection,
    cors::CorsSection,
    flows::FlowConfig,
    http::HttpSection,
    instance::{DEMO_CONTACT_FLOW, DEMO_INSTANCE, InstanceSection},
    keys::{AccessKey, DEMO_ACCESS_KEY, DEMO_SECRET, KeysSection},
    limits::{Allowance, LimitsSection, OperationLimit, Preset},
    log::{LogFormat, LogSection},
    metrics::MetricsSection,
    outgoing::OutgoingSection,
    retention::RetentionSection,
    server::ServerSection,
    sign_in::SignInSection,
    socket::SocketSection,
    start_chat::StartChatSection,
    streaming::{StreamingEndpoint, StreamingSection},
    tls::TlsSection,
    units::{Network, Period, Secret, Setting, Size},
    views::ViewsSection,
};
pub use crate::chaos::Plan as ChaosPlan;

macro_rules! config {
    ($( $name:ident: $section:ident, )*) => {
        /// Everything an operator may set.
        ///
        /// ```
        /// use chatloom_server::Config;
        ///
        /// let config = Config::from_toml("[server]\nlisten = \"127.0.0.1:0\"").unwrap();
        /// assert_eq!(config.server.listen.port(), 0);
        ///
        /// let error = Config::from_toml("[server]\nlisten = \"127.0.0.1:0\"\nlisetn = 1").unwrap_err();
        /// assert!(error.to_string().contains("line 3"), "{error}");
        /// ```
        #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            /// Whether this is a demo: public keys, loopback only. Not a key of the file.
            #[serde(skip)]
            pub demo: bool,
            $(
                #[doc = concat!("Section `", stringify!($name), "`.")]
                pub $name: $section,
            )*
        }

        impl Config {
            fn sections(&self) -> Vec<(&'static str, &dyn Section)> {
                vec![$( (stringify!($name), &self.$name), )*]
            }

            /// Takes the values of the keys that a file's table has.
            fn take_written(&mut self, from: &Self, written: &toml::Table) {
                $(
                    let table = written.get(stringify!($name)).and_then(toml::Value::as_table);
                    for key in table.into_iter().flat_map(toml::Table::keys) {
                        self.$name.take(key, &from.$name);
                    }
                )*
            }

            /// The sections that are not as in another configuration.
            pub fn changed(&self, other: &Self) -> Vec<&'static str> {
                let mut changed = Vec::new();
                $( if self.$name != other.$name {
                    changed.push(stringify!($name));
                } )*
                changed
            }

            /// Checks what no single value shows.
            pub fn check(&self) -> Result<(), ConfigError> {
                $( self.$name.check(self)?; )*
                Ok(())
            }

            fn section(&mut self, name: &str) -> Option<&mut dyn Section> {
                match name {
                    $( stringify!($name) => Some(&mut self.$name), )*
                    _ => None,
                }
            }
        }
    };
}

config! {
    server: ServerSection,
    tls: TlsSection,
    log: LogSection,
    instance: InstanceSection,
    keys: KeysSection,
    start_chat: StartChatSection,
    cors: CorsSection,
    agents: AgentsSection,
    http: HttpSection,
    addresses: AddressesSection,
    socket: SocketSection,
    connection: ConnectionSection,
    attachments: AttachmentsSection,
    limits: LimitsSection,
    retention: RetentionSection,
    metrics: MetricsSection,
    chaos: ChaosSection,
    audit: AuditSection,
    outgoing: OutgoingSection,
    streaming: StreamingSection,
    bots: BotsSection,
    views: ViewsSection,
    sign_in: SignInSection,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not as it should be; the text names line and column.
    #[error("{0}")]
    Syntax(String),
    /// A key does not exist.
    #[error("{origin}: there is no key {key}; `chatloom config print` lists them all")]
    UnknownKey {
        /// Where it was set.
        origin: String,
        /// The key.
        key: String,
    },
    /// A value does not fit.
    #[error("{origin}: {problem}")]
    Value {
        /// Where it was set, or its key.
        origin: String,
        /// What is wrong.
        problem: String,
    },
}

impl ConfigError {
    /// A value of `key` does not fit.
    fn at<T>(key: &str, problem: impl Into<String>) -> Result<T, Self> {
        Err(Self::Value { origin: key.to_owned(), problem: problem.into() })
    }
}

impl Config {
    /// The fixed, documented settings of `--demo`. The data folder is empty: the caller chooses one.
    pub fn demo() -> Self {
        let agent = |id: &str, name: &str| AgentConfig {
            id: id.to_owned(),
            name: name.to_owned(),
            password_hash: None,
        };
        Self {
            demo: true,
            server: ServerSection { data: PathBuf::new(), ..Default::default() },
            keys: KeysSection {
                signing: Some(keys::DEMO_SIGNING_KEY.into()),
                access: vec![AccessKey {
                    id: DEMO_ACCESS_KEY.to_owned(),
                    secret: DEMO_SECRET.into(),
                }],
                ..Default::default()
            },
            instance: InstanceSection {
                flows: vec![FlowConfig {
                    id: DEMO_CONTACT_FLOW.to_owned(),
                    script: Some(Assistant::default()),
                    ..FlowConfig::default()
                }],
                ..Default::default()
            },
            start_chat: StartChatSection {
                per_second: 10_000.0,
                burst: 10_000,
                ..Default::default()
            },
            agents: AgentsSection {
                users: vec![agent("ana", "Ana"), agent("ben", "Ben")],
                ..Default::default()
            },
            ..Self::default()
        }
    }

    /// Reads a file's text.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Self::default().with_toml(text)
    }

    /// Sets what a file's text sets; sections that it does not name stay as they are.
    fn with_toml(mut self, text: &str) -> Result<Self, ConfigError> {
        let syntax = |error| ConfigError::Syntax(describe(&error, text));
        let read: Self = toml::from_str(text).map_err(syntax)?;
        let written: toml::Table = toml::from_str(text).map_err(syntax)?;
        self.take_written(&read, &written);
        Ok(self)
    }

    /// Reads a file and sets what it sets.
    pub fn with_file(self, path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
        self.with_toml(&text).map_err(|error| match error {
            ConfigError::Syntax(text) => ConfigError::Syntax(format!("{}, {text}", path.display())),
            other => other,
        })
    }

    /// Sets a key such as `server.listen` from text. `origin` says where the text comes from.
    pub fn set(&mut self, key: &str, text: &str, origin: &str) -> Result<(), ConfigError> {
        let unknown = || ConfigError::UnknownKey { origin: origin.to_owned(), key: key.to_owned() };
        let (section, name) = key.split_once('.').ok_or_else(unknown)?;
        self.section(section)
            .and_then(|section| section.set(name, text))
            .ok_or_else(unknown)?
            .map_err(|problem| ConfigError::Value { origin: format!("{origin}: {key}"), problem })
    }

    /// Sets what environment variables set, and answers the `CHATLOOM_` variables that name no key.
    /// Those are not refused: orchestrators make variables of that kind for a service of this name.
    pub fn set_from_env(
        &mut self,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Vec<String>, ConfigError> {
        let mut unknown = Vec::new();
        for (variable, text) in variables {
            let Some(rest) = variable.strip_prefix("CHATLOOM_") else { continue };
            // The terminal clients', which run on the same machine.
            if rest == "ENDPOINT" {
                continue;
            }
            let key = self.sections().into_iter().find_map(|(section, keys)| {
                let key = rest.strip_prefix(&section.to_uppercase())?.strip_prefix('_')?;
                keys.lines()
                    .into_iter()
                    .find(|line| line.key.to_uppercase() == key)
                    .map(|line| format!("{section}.{}", line.key))
            });
            match key {
                Some(key) => self.set(&key, &text, &variable)?,
                None => unknown.push(variable),
            }
        }
        Ok(unknown)
    }

    /// Every section and key with what it means and its value, as a TOML file. Keys without a value
    /// are comments; secrets are placeholders.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        self.write_toml(&mut text).expect("a String takes everything");
        text
    }

    fn write_toml(&self, text: &mut String) -> fmt::Result {
        for (name, section) in self.sections() {
            for line in section.about() {
                writeln!(text, "#{line}")?;
            }
            writeln!(text, "[{name}]")?;
            for Line { key, doc, value } in section.lines() {
                for line in doc {
                    writeln!(text, "#{line}")?;
                }
                match value {
                    Some(value) => writeln!(text, "{key} = {value}")?,
                    None => writeln!(text, "# {key} =")?,
                }
            }
            text.push('\n');
        }
        Ok(())
    }

    /// The instance's id.
    pub fn instance_id(&self) -> InstanceId {
        InstanceId::from(self.instance.id.as_str())
    }

    /// The flow of chats that name none.
    pub fn default_contact_flow(&self) -> ContactFlowId {
        ContactFlowId::from(self.instance.contact_flows.first().map_or("", String::as_str))
    }
}

/// Line and problem of a TOML text, without the text itself: that may hold secrets.
pub(crate) fn describe(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().and_then(|span| text.get(..span.start));
    let line = line.map_or(1, |before| before.matches('\n').count() + 1);
    // A value of the wrong type is quoted in the message.
    let message = match error.message().split_once("string \"") {
        Some((before, after)) => {
            format!("{before}a string{}", after.rsplit_once('"').map_or("", |(_, rest)| rest))
        }
        None => error.message().to_owned(),
    };
    format!("line {line}: {}", message.trim_end())
}
