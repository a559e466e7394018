//! The server's parts, and the whole, at the boundaries people use.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agents;
mod attachments;
mod audit;
mod blobs;
mod bot_guides;
mod bots;
mod broken;
mod browsers;
mod bus;
mod chaos;
mod chats;
mod connections;
mod contacts;
mod control;
mod copies;
mod deletion;
mod disk;
mod documented;
mod edges;
mod files;
mod flows;
mod guides;
mod hub;
mod keys;
mod lifecycle;
mod limits;
mod logs;
mod model;
mod openapi;
mod operations;
mod persistent;
mod replays;
mod scans;
mod sockets;
mod store;
mod streaming;
mod support;
mod throttles;
mod timers;
mod tls;
mod tokens;
mod transfers;
mod upgrade;
