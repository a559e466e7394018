//! A chat server that speaks the Amazon Connect chat protocols.
//!
//! What this crate is for: the Participant Service, the chat part of the control plane, the chat
//! socket and a small API for agents, over HTTP, on one node or several. [`Server::start`] runs all of
//! it by a [`Config`]; an empty one is a working server with SQLite in a folder.
//!
//! What it leaves to others: the rules of a chat ([`chatloom_engine`]), the words of the protocols
//! ([`chatloom_wire`]), arguments, signals and log output (the `chatloom` program).
//!
//! ```
//! use std::sync::Arc;
//!
//! use chatloom_server::{Config, Server, chats::SystemClock};
//!
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
//! let folder = tempfile::tempdir()?;
//! let mut config = Config::default();
//! config.server.data = folder.path().to_owned();
//! config.server.listen = ([127, 0, 0, 1], 0).into();
//! let server = Server::start(config, Arc::new(SystemClock)).await?;
//! println!("listening on {}", server.endpoint());
//! server.stop().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audit;
pub mod backup;
pub mod blob;
pub mod bus;
mod chaos;
pub mod chats;
mod clients;
pub mod config;
pub mod export;
mod files;
mod followers;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod hub;
mod keys;
mod lease;
mod metrics;
mod outbox;
mod outgoing;
mod queue;
mod random;
mod server;
mod sign_in;
pub mod store;
pub mod tls;
mod views;

pub use self::{
    config::{Config, ConfigError},
    files::ScannerError,
    http::password::{BadPassword, MAX_PASSWORD_BYTES, hash_password},
    keys::{EarlierKey, KeysError, KeysFile, ServerKeys, TOKENS_LIVE_MS},
    outgoing::OutgoingError,
    queue::QUEUE_TOPIC,
    server::{Running, Server, StartError, Stopped},
    sign_in::SignInError,
    views::ViewsError,
};
