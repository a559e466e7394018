//! The chat client's core: every rule of a chat session, and no I/O.
//!
//! What this crate is for: deciding what a chat client does next. It connects, keeps the connection
//! alive, comes back after every failure that passes, sends what the application gives it, and
//! delivers what the other side says: as amazon-connect-chatjs 5.0.0 would ([`Behaviour::Compat`]),
//! or in order, whole and each item once ([`Behaviour::Chatloom`]). One [`Core`] holds many sessions.
//!
//! What it leaves to others: clocks, randomness, sockets, HTTP, threads, files. A *host* owns these:
//! it tells the core what happened ([`Input`]) and does what the core asks for ([`Output`]). The same
//! inputs give the same outputs, so a day of a chat runs in a test at once. The hosts are the native
//! client, the browser's, and the tests'.
//!
//! # How to run it
//!
//! **Give [`Core::handle`] one input, call [`Core::poll`] and do what it says until it says
//! [`Output::Wake`], then wait: for something to happen, or for the time that `Wake` names, whichever
//! comes first. Then begin again.**
//!
//! Nothing but `handle` changes the core, and `poll` never waits. Inputs about requests, sockets and
//! calls that the core knows nothing of any more are ignored, so a host need not remember what has
//! been given up.
//!
//! ```
//! use chatloom_session::{
//!     Behaviour, Call, CallId, Core, HttpAnswer, Input, Now, Output, SessionId, SessionOptions,
//! };
//!
//! let mut core = Core::new(42); // a random number, except in tests
//! let session = SessionId(1);
//! let now = Now { mono_ms: 0, wall_ms: 1_767_225_600_000 };
//! let options = SessionOptions::new(
//!     Behaviour::Chatloom,
//!     "https://participant.connect.us-west-2.amazonaws.com",
//!     "contact".into(),
//!     "participant".into(),
//!     "secret".into(),
//! );
//! let connect = Input::Call { session, call: CallId(1), what: Call::Connect };
//!
//! // What a host's event loop does, with the network played by hand.
//! let mut inputs = vec![connect, Input::Create { session, options: Box::new(options) }];
//! let mut socket_url = None;
//! while let Some(input) = inputs.pop() {
//!     core.handle(now, input);
//!     loop {
//!         match core.poll() {
//!             Output::Http(http) => {
//!                 assert_eq!(http.operation, "CreateParticipantConnection");
//!                 let body = r#"{"Websocket":{"Url":"wss://example.com/chat?signed"},
//!                     "ConnectionCredentials":{"ConnectionToken":"t","Expiry":"2026-01-02T00:00:00Z"}}"#;
//!                 inputs.push(Input::Answered {
//!                     request: http.request,
//!                     answer: HttpAnswer {
//!                         status: 200,
//!                         error_type: None,
//!                         request_id: None,
//!                         retry_after_ms: None,
//!                         body: body.to_owned(),
//!                     },
//!                 });
//!             }
//!             Output::Done { call, result, .. } => {
//!                 assert_eq!(call, CallId(1));
//!                 assert!(result.is_ok());
//!             }
//!             Output::OpenSocket { url, .. } => socket_url = Some(url),
//!             Output::Wake(_deadline) => break,
//!             _ => {} // events and log lines
//!         }
//!     }
//! }
//! assert_eq!(socket_url.as_deref(), Some("wss://example.com/chat?signed"));
//! ```
//!
//! # Beyond the process
//!
//! With [`SessionOptions::persist`] a session says what to keep whenever it has changed
//! ([`Output::Persist`]). After a restart [`Input::Restore`] begins where the last one stopped: what
//! waited to be sent is sent, with the client tokens it had, so nothing is there twice; what the
//! application had been given is not given again; what it missed is. A host that writes each snapshot
//! before it does anything else loses nothing.
//!
//! # Bounds
//!
//! | what | at most | then |
//! |---|---|---|
//! | sockets of a session | 2 | a third is opened only after one is gone |
//! | requests for a connection | 1 at a time | reasons add up |
//! | messages that wait to be sent | 1,000 for each session | [`CallError::OutboxFull`] |
//! | messages that have failed | 1,000 | the oldest is dropped |
//! | own messages that receipts are followed for | 1,000 | the oldest keeps its state |
//! | live items held back during a recovery | 1,000 | the recovery starts again: it finds them too |
//! | how long they are held back | 20 s | they are given behind an [`Event::Gap`], which is filled later |
//! | items read by one recovery | 10,000 in 400 pages | [`Event::Gap`] |
//! | open gaps | 50 | the oldest can no longer be filled |
//! | entries of a tracked transcript | [`SessionOptions::most_entries`], and what was asked for | the oldest go; in Chatloom behaviour a gap stands for them |
//! | streamed messages remembered | 32 | the oldest is forgotten, one without chunks first |
//! | chunks of one that wait for an earlier one | 256 in 128 KiB | dropped: the completed item has all |
//! | calls that wait for a receipt | 1,000 | the oldest ends as [`Value::AlreadyFired`] |
//! | receipts kept for items that have not come | 100 | the oldest is forgotten |
//! | people remembered | 100 | the first that has left is forgotten, or the first |
//! | ids remembered to tell repeats | 10,000 | the oldest is forgotten: what is not newer than it counts as delivered |
//! | lines of a [`recorder`] | 20,000 in 4 MiB | the oldest go, and the export says how many |
//!
//! Calls of the application are not counted otherwise: each is answered, and the host decides how
//! many it makes. Outputs wait until they are polled.

mod calls;
mod classify;
mod core;
mod ids;
mod io;
pub mod json;
mod link;
pub mod parsed;
mod read;
pub mod recorder;
mod rng;
mod roster;
mod session;
mod snapshot;
mod sorted;
mod timers;
mod transcript;

/// Whether this build has [`Behaviour::Chatloom`].
///
/// Without the cargo feature `chatloom` every session behaves as the original, whatever its options
/// say, and a build for a browser is so much smaller: a call that the original does not have ends as
/// [`CallError::Invalid`], [`Input::Restore`] begins a session as [`Input::Create`] does, and nothing
/// is persisted. It reads no JSON either: its host parses ([`parsed`]). What is only for the other behaviour stands behind this constant or behind the
/// session's question for its behaviour, so both builds check the same code.
pub const CHATLOOM: bool = cfg!(feature = "chatloom");

/// What Chatloom behaviour alone puts something into. A build without it has no code to drop what is in
/// there, for nothing ever is.
#[cfg(feature = "chatloom")]
type OfChatloom<T> = T;
#[cfg(not(feature = "chatloom"))]
type OfChatloom<T> = std::mem::ManuallyDrop<T>;

pub use crate::core::Core;
pub use classify::{sent_type, sent_type_text};
pub use io::*;
pub use read::item_head;
