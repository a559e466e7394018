//! What an operator may set.
//!
//! An empty configuration is a working server. A value comes from, later ones winning: its default,
//! the file (TOML), the environment (`CHATLOOM_<SECTION>_<KEY>`, for instance
//! `CHATLOOM_SERVER_LISTEN`), the command line. A key that does not exist is refused with its line.
//! [`Config::to_toml`] writes every key with what it means and its present value.

mod units;

use std::{
    fmt::{self, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use chatloom_wire::{ContactFlowId, InstanceId};
use serde::Deserialize;

pub use self::units::{Network, Period, Secret, Setting, Size};

/// Declares a section: a struct whose keys have defaults and docs, and can be set from text.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        pub struct $section:ident {
            $( $(#[doc = $doc:literal])+ pub $key:ident: $type:ty = $default:expr, )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $section {
            $( $(#[doc = $doc])+ pub $key: $type, )*
        }

        impl Default for $section {
            fn default() -> Self {
                Self { $( $key: $default, )* }
            }
        }

        impl $section {
            /// Takes one key's value from another one of these.
            fn take(&mut self, key: &str, from: &Self) {
                match key {
                    $( stringify!($key) => self.$key.clone_from(&from.$key), )*
                    _ => {}
                }
            }
        }

        impl Section for $section {
            fn set(&mut self, key: &str, text: &str) -> Option<Result<(), String>> {
                match key {
                    $( stringify!($key) => {
                        Some(Setting::from_text(text).map(|value| self.$key = value))
                    } )*
                    _ => None,
                }
            }

            fn lines(&self) -> Vec<Line> {
                vec![ $( Line {
                    key: stringify!($key),
                    doc: &[$( $doc ),+],
                    value: Setting::to_toml(&self.$key),
                }, )* ]
            }

            fn about(&self) -> &'static [&'static str] {
                &[$( $about ),+]
            }
        }
    };
}

/// One key of a section, for printing.
struct Line {
    key: &'static str,
    doc: &'static [&'static str],
    value: Option<String>,
}

/// What all sections can do.
trait Section {
    /// Sets a key from text; `None` when there is no such key.
    fn set(&mut self, key: &str, text: &str) -> Option<Result<(), String>>;

    /// Every key.
    fn lines(&self) -> Vec<Line>;

    /// What the section is about.
    fn about(&self) -> &'static [&'static str];
}

section! {
    /// Where the server listens and keeps its data.
    pub struct ServerSection {
        /// Address and port; port 0 takes a free one. Only loopback unless you say otherwise: there is
        /// no TLS here, so beyond loopback put a proxy in front that has it.
        pub listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8090)),
        /// Folder of the database and the keys, made at the first start.
        pub data: PathBuf = PathBuf::from("chatloom-data"),
        /// What clients reach the server by, such as `https://chat.example.org`. Without it, socket
        /// URLs are built from each request's Host header.
        pub public_url: Option<String> = None,
        /// Proxies (addresses or networks) whose `X-Forwarded-For`, `-Proto` and `-Host` are believed.
        pub trusted_proxies: Vec<Network> = Vec::new(),
        /// How long a stopping server waits for requests under way and for sockets to close. What is
        /// left then is cut.
        pub drain_timeout: Period = Period::seconds(10),
    }
}

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

section! {
    /// The Connect instance that this server stands for.
    pub struct InstanceSection {
        /// Its id.
        pub id: String = DEMO_INSTANCE.to_owned(),
        /// The region that control-plane requests must be signed for.
        pub region: String = "us-west-2".to_owned(),
        /// The contact flows that chats may be started with. They all do the same.
        pub contact_flows: Vec<String> = vec![DEMO_CONTACT_FLOW.to_owned()],
        /// The queue that chats wait in for an agent.
        pub queue: String = "default".to_owned(),
    }
}

section! {
    /// Secrets. What is absent is made at the first start and kept in the data folder.
    pub struct KeysSection {
        /// Signs tokens: 32 characters or more, best 32 random bytes as base64. All nodes of one
        /// server need the same.
        pub signing: Option<Secret> = None,
        /// Access keys for the control plane, in the file as `[[keys.access]]` with `id` and `secret`.
        pub access: Vec<AccessKey> = Vec::new(),
    }
}

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

section! {
    /// Pages that may call the Participant Service from a browser.
    pub struct CorsSection {
        /// Their origins, such as `https://www.example.org`; `*` for all. Tokens are headers, never
        /// cookies, so `*` gives a page nothing that its own visitor does not have.
        pub origins: Vec<String> = Vec::new(),
    }
}

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
    }
}

section! {
    /// Bounds of HTTP.
    pub struct HttpSection {
        /// Connections at once, sockets included. Further ones are closed as they come.
        pub max_connections: usize = 20_000,
        /// How long a client may take to send the head of a request, and how long a connection may be
        /// idle between two requests; then it is closed. A head has at most 100 lines; more answer 431.
        pub header_timeout: Period = Period::seconds(30),
        /// How long a client may take to send the body of a request; then it answers 408.
        pub body_timeout: Period = Period::seconds(10),
        /// How long an answer may take in all; then it is 500.
        pub answer_timeout: Period = Period::seconds(30),
        /// Size of a request's head; a larger one answers 431.
        pub max_head: Size = Size::kib(16),
        /// Size of a request's body; a larger one answers 413. A message of 16,384 bytes may take six
        /// times that as JSON.
        pub max_body: Size = Size::kib(128),
        /// Size of the body of a control-plane request, which may carry attributes of 32,768 bytes
        /// besides a message.
        pub max_control_body: Size = Size::kib(384),
    }
}

section! {
    /// Bounds of chat sockets.
    pub struct SocketSection {
        /// Open sockets for each participant; the oldest is closed (1008) for a new one.
        pub per_participant: usize = 5,
        /// A socket from which nothing came for so long is closed (1001).
        pub idle_timeout: Period = Period::minutes(15),
        /// How long after the end of its chat a socket is closed (1001).
        pub linger: Period = Period::seconds(30),
        /// Unreadable frames after which a socket is closed (1008).
        pub unreadable_frames: u32 = 20,
        /// Size of a frame from a client; a larger one closes the socket (1008).
        pub max_frame: Size = Size::kib(8),
        /// Frames a second from a client, on average; a client that sends more is cut off (1008).
        pub frames_per_second: f64 = 20.0,
        /// Frames at once after a pause.
        pub frames_burst: u32 = 100,
        /// Frames that wait for a slow reader; one more closes its socket (1013).
        pub queue_frames: usize = 256,
        /// Size of the frames that wait for a slow reader; one more closes its socket (1013).
        pub queue_size: Size = Size::kib(1024),
        /// How often the last place of every chat with a socket is compared with the store.
        pub sweep: Period = Period::seconds(5),
        /// How long a missing entry is waited for before it is read from the store.
        pub hole_patience: Period = Period::millis(20),
    }
}

section! {
    /// Bounds of CreateParticipantConnection, for each participant.
    pub struct ConnectionSection {
        /// Calls each second. Further calls wait.
        pub per_second: f64 = 2.0,
        /// Calls at once after a pause.
        pub burst: u32 = 10,
        /// How long a call may wait; one that would wait longer answers 429.
        pub max_wait: Period = Period::seconds(5),
    }
}

section! {
    /// Figures about the server at `/metrics`, for loopback or with a token.
    pub struct MetricsSection {
        /// What others than loopback show as `Authorization: Bearer <token>`.
        pub token: Option<Secret> = None,
    }
}

/// The id of the demo's instance, and the default.
pub const DEMO_INSTANCE: &str = "11111111-1111-4111-8111-111111111111";
/// The id of the demo's contact flow, and the default.
pub const DEMO_CONTACT_FLOW: &str = "22222222-2222-4222-8222-222222222222";
/// The demo's access key.
pub const DEMO_ACCESS_KEY: &str = "chatloom";
/// The secret of the demo's access key. Public: a demo listens on loopback only.
pub const DEMO_SECRET: &str = "chatloom-demo-secret";
/// Signs the demo's tokens. Public, and fixed so that chats outlive a restart.
const DEMO_SIGNING_KEY: &str = "chatloom-demo-signing-key-which-is-public";

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
    log: LogSection,
    instance: InstanceSection,
    keys: KeysSection,
    start_chat: StartChatSection,
    cors: CorsSection,
    agents: AgentsSection,
    http: HttpSection,
    socket: SocketSection,
    connection: ConnectionSection,
    metrics: MetricsSection,
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
                signing: Some(DEMO_SIGNING_KEY.into()),
                access: vec![AccessKey {
                    id: DEMO_ACCESS_KEY.to_owned(),
                    secret: DEMO_SECRET.into(),
                }],
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

    /// Checks what no single value shows.
    pub fn check(&self) -> Result<(), ConfigError> {
        let fail = |key: &str, problem: String| {
            Err(ConfigError::Value { origin: key.to_owned(), problem })
        };
        if self.demo && !self.server.listen.ip().is_loopback() {
            return fail(
                "server.listen",
                format!(
                    "a demo's keys are public, so it listens on loopback only, not on {}; leave \
                     out --demo to listen there",
                    self.server.listen
                ),
            );
        }
        if self.server.data.as_os_str().is_empty() {
            return fail("server.data", "a folder is needed".to_owned());
        }
        if let Some(url) = &self.server.public_url
            && crate::http::url::PublicBase::from_config(url).is_none()
        {
            return fail(
                "server.public_url",
                format!("{url:?} is no URL such as https://chat.example.org"),
            );
        }
        if self.keys.signing.as_ref().is_some_and(|key| key.expose().len() < 32) {
            return fail("keys.signing", "at least 32 characters are needed".to_owned());
        }
        for (index, key) in self.keys.access.iter().enumerate() {
            if key.id.is_empty() || key.id.contains(['/', ',', ' ']) || key.id.len() > 128 {
                return fail("keys.access", format!("{:?} is no access key id", key.id));
            }
            if self.keys.access[..index].iter().any(|other| other.id == key.id) {
                return fail("keys.access", format!("{:?} is there twice", key.id));
            }
        }
        if !(1..=100).contains(&self.instance.id.chars().count()) {
            return fail("instance.id", "1 to 100 characters are needed".to_owned());
        }
        if self.instance.contact_flows.is_empty() {
            return fail("instance.contact_flows", "at least one is needed".to_owned());
        }
        if self.instance.queue.is_empty() || self.instance.region.is_empty() {
            return fail("instance", "queue and region must not be empty".to_owned());
        }
        for (key, origins) in
            [("start_chat.origins", &self.start_chat.origins), ("cors.origins", &self.cors.origins)]
        {
            for origin in origins {
                let wildcard = key == "cors.origins" && origin == "*";
                if !wildcard && !is_origin(origin) {
                    return fail(
                        key,
                        format!("{origin:?} is no origin such as https://www.example.org"),
                    );
                }
            }
        }
        for (key, rate, burst) in [
            ("start_chat", self.start_chat.per_second, self.start_chat.burst),
            ("connection", self.connection.per_second, self.connection.burst),
            ("socket.frames", self.socket.frames_per_second, self.socket.frames_burst),
        ] {
            if !(0.0..=1e6).contains(&rate) || burst == 0 {
                return fail(key, "per_second is 0 to 1000000, burst at least 1".to_owned());
            }
        }
        if self.connection.per_second == 0.0 {
            return fail("connection.per_second", "nobody could connect with 0".to_owned());
        }
        for (index, agent) in self.agents.users.iter().enumerate() {
            if !(1..=64).contains(&agent.id.chars().count())
                || !(1..=256).contains(&agent.name.chars().count())
            {
                return fail(
                    "agents.users",
                    format!("{:?}: id has 1 to 64 characters, name 1 to 256", agent.id),
                );
            }
            if self.agents.users[..index].iter().any(|other| other.id == agent.id) {
                return fail("agents.users", format!("{:?} is there twice", agent.id));
            }
            match &agent.password_hash {
                None if !self.demo => {
                    return fail(
                        "agents.users",
                        format!(
                            "{:?} has no password_hash; `chatloom config hash-password` makes one",
                            agent.id
                        ),
                    );
                }
                Some(hash) if !crate::http::password::is_hash(hash) => {
                    return fail(
                        "agents.users",
                        format!("{:?}: password_hash is no Argon2 hash", agent.id),
                    );
                }
                _ => {}
            }
        }
        let (socket, http) = (&self.socket, &self.http);
        if socket.per_participant == 0 || socket.queue_frames == 0 || socket.sweep.as_millis() == 0
        {
            return fail(
                "socket",
                "per_participant, queue_frames and sweep must not be 0".to_owned(),
            );
        }
        if http.max_connections == 0 || http.max_head.bytes() < 8192 || http.max_body.bytes() == 0 {
            return fail(
                "http",
                "max_connections and max_body must not be 0, max_head is at least 8KiB".to_owned(),
            );
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

/// Whether this is a scheme and a host, perhaps with a port, and nothing more.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '*']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_configuration_works() {
        let config = Config::from_toml("").unwrap();
        assert_eq!(config, Config::default());
        config.check().unwrap();
    }

    #[test]
    fn the_demo_is_valid_and_stays_on_loopback() {
        let mut config = Config::demo();
        config.server.data = "data".into();
        config.check().unwrap();
        config.set("server.listen", "0.0.0.0:8090", "--listen").unwrap();
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("loopback"), "{error}");
    }

    #[test]
    fn what_is_printed_is_read_again() {
        let mut config = Config::default();
        config.set("http.answer_timeout", "7s", "test").unwrap();
        config.set("cors.origins", "https://a.example, https://b.example", "test").unwrap();
        let text = config.to_toml();
        assert_eq!(Config::from_toml(&text).unwrap(), config, "{text}");
    }

    #[test]
    fn every_key_is_printed_with_its_meaning() {
        insta::assert_snapshot!(Config::default().to_toml());
    }

    #[test]
    fn secrets_are_not_printed() {
        let mut config = Config::demo();
        config.set("metrics.token", "hunter2", "test").unwrap();
        let text = format!("{}{config:?}", config.to_toml());
        for secret in ["hunter2", DEMO_SECRET, DEMO_SIGNING_KEY] {
            assert!(!text.contains(secret), "{text}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        for (text, line, key) in [
            ("[server]\n\nlisen = 1\n", "line 3", "lisen"),
            ("[sever]\n", "line 1", "sever"),
            ("[keys]\n[[keys.access]]\nid = 'a'\nsecret = 'b'\nmore = 1\n", "line 5", "more"),
            ("[http]\nmax_body = '1'\n", "line 2", "amount of memory"),
            ("demo = true\n", "line 1", "demo"),
        ] {
            let error = Config::from_toml(text).unwrap_err().to_string();
            assert!(error.contains(line) && error.contains(key), "{error}");
        }
    }

    #[test]
    fn errors_quote_no_secrets() {
        for text in [
            "[keys]\nsinging = 'hunter2'",
            "[keys]\naccess = 'hunter2'",
            "[keys]\nsigning = 'hunter2",
            "[metrics]\ntoken = ['hunter2']",
        ] {
            let error = Config::from_toml(text).unwrap_err().to_string();
            assert!(error.contains("line 2") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn later_sources_win() {
        let text = "[server]\nlisten = '127.0.0.1:1'\ndata = 'file'\n[socket]\nqueue_frames = 5\n";
        let mut config = Config::demo().with_toml(text).unwrap();
        assert!(config.demo && config.keys.access[0].id == DEMO_ACCESS_KEY);
        let variables = [
            ("CHATLOOM_SERVER_LISTEN", "127.0.0.1:2"),
            ("CHATLOOM_HTTP_MAX_BODY", "1KiB"),
            ("CHATLOOM_START_CHAT_PER_SECOND", "2.5"),
            ("CHATLOOM_PORT", "tcp://10.0.0.1:80"),
            ("PATH", "/bin"),
        ];
        let unknown = config
            .set_from_env(variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
            .unwrap();
        assert_eq!(unknown, ["CHATLOOM_PORT"]);
        config.set("server.listen", "127.0.0.1:3", "--listen").unwrap();
        assert_eq!(config.server.listen.port(), 3);
        assert_eq!(config.server.data, Path::new("file"));
        assert_eq!((config.socket.queue_frames, config.http.max_body.bytes()), (5, 1024));
        assert!((config.start_chat.per_second - 2.5).abs() < 1e-9);
        assert!(config.set("server.nothing", "", "x").is_err());
        assert!(config.set("nothing", "", "x").is_err());
    }

    #[test]
    fn contradictions_are_found() {
        for (text, key) in [
            ("[keys]\nsigning = 'short'", "keys.signing"),
            ("[cors]\norigins = ['www.example.org']", "cors.origins"),
            ("[start_chat]\norigins = ['*']", "start_chat.origins"),
            ("[[agents.users]]\nid = 'a'\nname = 'A'", "hash-password"),
            ("[server]\npublic_url = 'chat.example.org'", "server.public_url"),
            ("[connection]\nper_second = 0", "connection.per_second"),
        ] {
            let error = Config::from_toml(text).unwrap().check().unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }
}
