//! An async client for Amazon Connect chat, and for Chatloom servers, which speak the same protocols.
//!
//! What this crate is for: a Rust program that takes part in a chat, as the customer, as an agent, as
//! a bot. It connects, sends, receives and reads transcripts, and it keeps the chat connected through
//! lost networks, restarted servers and expiring tokens, so that the program sees each item once and
//! in order.
//!
//! What it leaves to others: the rules of a session are in `chatloom-session`, which does no I/O;
//! this crate gives it a clock, HTTP and sockets on [tokio]. Starting a chat at Amazon Connect takes
//! AWS credentials and belongs in a back end of yours; see [`Client::start_chat`] for how to reach it.
//!
//! # A whole customer
//!
//! ```no_run
//! use chatloom::{Client, Event};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), chatloom::Error> {
//!     let client = Client::builder().endpoint("http://127.0.0.1:8090").build()?;
//!
//!     // Start a chat; at Amazon Connect, make `ChatDetails` from your back end's answer.
//!     let details = client.start_chat("Jane").await?;
//!     let chat = client.chat(details);
//!
//!     // Take the events before connecting, to miss none.
//!     let mut events = chat.events();
//!     chat.connect().await?;
//!     chat.send_message("Hello!").await?; // Done when it is stored.
//!
//!     while let Some(event) = events.next().await {
//!         match event {
//!             Event::Message(item) if !chat.is_own(&item) => {
//!                 println!("{}", item.content().unwrap_or_default());
//!             }
//!             Event::Ended => println!("The chat has ended."),
//!             _ => {}
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! A longer one, which answers: `examples/echo_bot.rs`. For agents of a Chatloom server see
//! [`agent`].
//!
//! # What holds
//!
//! - *Each item once, in order*, for a reader that keeps within the bound of its buffer. After an
//!   outage the client reads what was missed from the transcript and delivers it before anything
//!   live. Where that fails, an [`Event::Gap`] says so; where the reader was too slow, an
//!   [`Event::Lagged`].
//! - *A message that was accepted is sent*, in the order of the calls, through outages, once:
//!   repeats carry the same client token. The future of [`Chat::send_message`] is done when the
//!   service has stored it.
//! - *The connection comes back by itself.* [`Chat::connection`] and [`Event::Connection`] show what
//!   it does, why, and when it tries again.
//! - *No secrets in logs.* The crate logs through [`tracing`], with contact ids, never with tokens,
//!   content or names. (Below it, the crate `tungstenite` prints handshakes and frames at the level
//!   `TRACE` of the `log` crate: a program that collects that should leave out its target.)
//!
//! # Certificates and proxies
//!
//! TLS is rustls and trusts what the operating system trusts; `SSL_CERT_FILE` names another bundle.
//! HTTP proxies from the environment are not used.

mod attachment;
mod chat;
mod client;
mod driver;
mod error;
mod event;
mod feed;
mod http;
mod message;
mod options;
mod random;
mod reply;
mod roster;
mod snapshot;
mod socket;
mod tls;
mod transcript;
mod transfer;
mod watch;

pub mod agent;

pub use attachment::{Attachment, AttachmentUrl, Download, UploadProgress, Uploading};
pub use chat::{Chat, ChatDetails, Loaded, TranscriptPage};
pub use client::{Client, ClientBuilder};
pub use error::{Error, Fault};
pub use event::{Connection, Event};
pub use feed::Events;
pub use message::{Message, MessageState, MessageStatus, Sending};
pub use options::{ChatOptions, RetryPolicy};
pub use reply::Reply;
pub use roster::Roster;
pub use snapshot::Snapshot;
pub use transcript::{Entry, EntryContent, Transcript};
pub use watch::Watch;

/// How much the flight recorder keeps.
pub use chatloom_session::recorder::Limits as FlightLimits;
/// Words of the session core that this crate passes on as they are.
pub use chatloom_session::{EntryKey, GapId, HostToken, Person, Presence};

/// The words of the protocols: items, content types, identifiers, requests.
pub use chatloom_wire as wire;
pub use chatloom_wire::{
    AttachmentId, ConnectionToken, ContactId, ContentType, ErrorKind, Item, ItemHead, ItemId,
    ItemType, ParticipantId, ParticipantRole, ParticipantToken, ServiceError, Timestamp,
    participant::{
        GetTranscriptRequest, ScanDirection, SentResponse, SortOrder, StartPosition, View,
    },
};
