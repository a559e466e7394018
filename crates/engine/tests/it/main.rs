//! The rules of chats from the outside: commands in, entries out.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod closing;
mod corpus;
mod files;
mod guide;
mod laws;
mod pages;
mod past;
mod record;
mod rules;
mod states;
mod texts;
mod timers;
mod transfer;
mod world;
