//! The core against a small service in virtual time.
//!
//! Tests that prove a statement or a mended defect of docs/protocol carry its number.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod agents;
mod arguments;
mod attachments;
mod calls;
mod chaos;
mod connect;
mod corners;
mod corpus;
mod crowd;
mod details;
mod gaps;
mod items;
mod link;
mod list;
mod list_compat;
mod listed;
mod outbox;
mod partial;
mod receipts;
mod recorder;
mod restore;
mod resume;
mod roster;
mod several;
mod sharing;
mod simulated;
mod tokens;
mod transcript;
mod whole;
mod world;
