//! The chat server's rules, without I/O.
//!
//! What this crate is for: what a command does to a chat ([`Rules::decide`]), how entries look
//! ([`Draft::item_text`], [`transcript`]), who is let in ([`token`], [`Chat::admit`]), what an
//! assistant says ([`Assistant`]), and the bounds of it all ([`limits`]).
//!
//! What it leaves to others: keeping chats, telling sockets, reading clocks, making ids, HTTP. It is
//! synchronous, and the same inputs give the same outputs; so a day of timers runs in a test at once.
//!
//! A [`Chat`] is the whole state of one chat. [`Rules::decide`] takes the time, the chat and a
//! [`Command`] and answers a [`Decision`]: the new state, the entries to store, what to publish
//! without storing, and what the caller is told. Whoever runs the engine stores the decision under a
//! version guard and tries again with the newer state when somebody else was faster. Sending a
//! message leaves the state as it is, so messages do not get into each other's way.
//!
//! ```
//! use chatloom_engine::{Command, Rules, StartChat};
//! use chatloom_wire::{Timestamp, contact::StartChatContactRequest};
//!
//! let rules = Rules::new("default");
//! let now = Timestamp::from_millis(1_790_000_000_000);
//! let request: StartChatContactRequest = serde_json::from_str(
//!     r#"{"InstanceId":"i","ContactFlowId":"f","ParticipantDetails":{"DisplayName":"Cleo"}}"#,
//! )?;
//! let chat = rules.start(
//!     now,
//!     StartChat {
//!         contact_id: "contact".into(),
//!         participant_id: "customer".into(),
//!         system_id: "system".into(),
//!         assistant_id: "assistant".into(),
//!         request,
//!     },
//! )?;
//!
//! // The customer connects: everybody is told, and without an assistant the chat waits at once.
//! let connect = Command::Connect { participant: "customer".into() };
//! let decision = rules.decide(now, &chat, &connect)?;
//! let waits = decision.chat.expect("the first connection changes the chat");
//! assert_eq!(waits.waiting(), Some(("default", now)));
//! let joined = decision.entries[0].item_text(&chat.id, &"id".into(), now);
//! assert!(joined.contains("event.participant.joined"));
//!
//! // Connecting again does nothing.
//! assert_eq!(rules.decide(now, &waits, &connect)?.chat, None);
//!
//! // Nobody is let in after the last moment, whether or not the chat has been told the time.
//! let end = waits.next_due().expect("a chat that is not over has a last moment");
//! assert!(rules.decide(end, &waits, &connect).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arrive;
mod assistant;
pub mod attachment;
mod bot;
mod chat;
mod closing;
mod compose;
mod decide;
pub mod entry;
mod flow;
mod follower;
pub mod guide;
mod leave;
pub mod limits;
mod measures;
pub mod media;
pub mod past;
mod record;
mod send;
mod size;
mod start;
mod timers;
pub mod token;
pub mod transcript;
mod transfer;
mod uuid;

pub use assistant::{Assistant, InvalidScript, Reply, ScriptedAnswer};
pub use attachment::{Attachment, AttachmentCommand, BlobId};
pub use bot::{BotAction, CustomBot, Streamed};
pub use chat::{AgentUser, Chat, Contact, EndReason, Participant, Phase, Presence, StartChat};
pub use closing::Closing;
pub use decide::{Answer, Command, Decision, Refusal};
pub use entry::{Audience, Draft, DraftBody, Entry, EntryKind, Sender};
pub use flow::{Answering, DisconnectFlow, Flow, Rules};
pub use follower::{Follower, FollowerId, FollowerKind};
pub use measures::Measures;
pub use past::{Past, PastChat};
pub use record::{Record, RecordChange};
pub use timers::{Heard, Timers};
pub use transfer::{HandedOn, Transfer, TransferTo, not_in_chat};
