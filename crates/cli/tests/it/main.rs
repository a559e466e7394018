//! The program as people and scripts run it: whole processes on loopback, killed, cut off, restarted.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at the first surprise, and so do its helpers"
)]

#[path = "../../../server/tests/it/support/authority.rs"]
mod authority;
mod backup;
mod commands;
mod deletion;
mod deploy;
mod doctor;
mod durability;
mod examples;
mod files;
mod load;
mod network;
mod program;
#[expect(dead_code, reason = "the client's own tests use more of it")]
#[path = "../../../client/tests/it/proxy.rs"]
mod proxy;
mod replay;
mod service;
mod terminal;
mod tls;
