//! The chat server's rules, without I/O.
//!
//! A [`Chat`] is the whole state of one chat. [`Rules::decide`] takes the time, the chat and a
//! [`Command`] and answers a [`Decision`]: the new state, the entries to store, what to publish
//! without storing, and what the caller is told. Whoever runs the engine stores the decision under a
//! version guard and tries again with the newer state when somebody else was faster.

mod assistant;
mod chat;
mod decide;
pub mod entry;
pub mod limits;
pub mod token;
pub mod transcript;
mod uuid;

pub use assistant::{Assistant, InvalidScript, Reply, ScriptedAnswer};
pub use chat::{AgentUser, Chat, Contact, EndReason, Participant, Phase, Presence, StartChat};
pub use decide::{Answer, Command, Decision, Refusal, Rules};
pub use entry::{Audience, Draft, DraftBody, Entry, EntryKind, Sender};
