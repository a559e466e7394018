//! An async client for Amazon Connect chat, and for Chatloom servers, which speak the same protocols.
//!
//! What this crate is for: a Rust program that takes part in a chat, as the customer, as an agent, as
//! a bot. It connects, sends, receives and reads transcripts, and it keeps the chat connected through
//! lost networks, restarted servers and expiring tokens, so that the program sees each item once and
//! in order.
//!
//! What it leaves to others: the rules of a session are in `chatloom-session`, which does no I/O;
//! this crate gives it a clock, HTTP, sockets and files on [tokio]. Starting a chat at Amazon Connect
//! takes AWS credentials and belongs in a back end of yours ([below](#starting-a-chat)).
//!
//! This page is a guide: whoever reads it to the end can write a chat client. Whole programs are in
//! the folder `examples`: `customer_bot`, `agent_bot`, `terminal_chat` and `resume`.
//!
//! # A whole customer
//!
//! ```no_run
//! use chatloom::{Client, Event};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), chatloom::Error> {
//!     let client = Client::builder().endpoint("http://127.0.0.1:8090").build()?;
//!     let chat = client.chat(client.start_chat("Jane").await?);
//!
//!     let mut events = chat.events(); // Before connecting, to miss none.
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
//! It talks to a server on the same machine, which takes one command and no account:
//!
//! ```sh
//! chatloom serve --demo
//! ```
//!
//! There a scripted assistant answers. Write `agent` to it, run `chatloom agent --user ana` in
//! another terminal, and be the agent yourself.
//!
//! # Starting a chat
//!
//! A [`Client`] is one for all chats of a program. Where it finds the service is its only setting
//! that has no default:
//!
//! ```no_run
//! use chatloom::{ChatDetails, Client};
//!
//! # async fn example() -> Result<(), chatloom::Error> {
//! // A Chatloom server. It starts chats itself.
//! let client = Client::builder().endpoint("http://127.0.0.1:8090").build()?;
//! let details = client.start_chat("Jane").await?;
//!
//! // Amazon Connect. Your back end calls StartChatContact and hands on what that answers.
//! let client = Client::builder().region("us-west-2").build()?;
//! # let (contact_id, participant_id, participant_token) = ("", "", "");
//! let details = ChatDetails::new(contact_id, participant_id, participant_token);
//!
//! let chat = client.chat(details);
//! # Ok(()) }
//! ```
//!
//! If your back end answers as the official start-chat sample does,
//! [`ClientBuilder::start_chat_url`] lets [`Client::start_chat`] call it.
//!
//! A [`Chat`] is a handle: cheap to clone, and all clones are the same chat. It does nothing before
//! [`Chat::connect`], and from then on stays connected until the chat is over or the last clone is
//! dropped. [`ChatOptions`] say how chats behave: retries, throttles, bounds.
//!
//! # Calls
//!
//! A call is made when its method is called, not when its future is first polled. So calls take
//! effect in the order in which they stand in the program, and their futures may be awaited at once,
//! later, together, or never. Dropping one is always safe, in `select!` too. What was asked is still
//! done, except for what only reads or only costs: reading a transcript, sending and fetching files
//! are broken off.
//!
//! # Events
//!
//! [`Chat::events`] is a stream of all that happens, in the order in which it happens; items of the
//! chat come in the order of the transcript, each once. Any number of streams may be taken.
//!
//! | events | what they are |
//! |---|---|
//! | [`Message`](Event::Message), [`Attachment`](Event::Attachment), [`Joined`](Event::Joined), [`Left`](Event::Left), [`Authentication`](Event::Authentication), [`Other`](Event::Other) | items of the transcript |
//! | [`Typing`](Event::Typing), [`Receipt`](Event::Receipt), [`Presence`](Event::Presence) | items of the moment, which no transcript keeps |
//! | [`MessageState`](Event::MessageState), [`Roster`](Event::Roster) | what the client makes of all that |
//! | [`Connection`](Event::Connection), [`CaughtUp`](Event::CaughtUp), [`Gap`](Event::Gap), [`GapClosed`](Event::GapClosed), [`Lagged`](Event::Lagged) | how things stand |
//! | [`Ended`](Event::Ended) | the last one |
//!
//! A chat that has a history when the program connects for the first time gives that first: what
//! comes after the first [`Event::CaughtUp`] is new. Your own items come back too;
//! [`Chat::is_own`] tells them. What an item says beyond its event is in [`Item::head`],
//! [`Item::content`] and, whole, [`Item::text`].
//!
//! # States
//!
//! What is shown on a screen is often not what happened but how things are. For that there are
//! [`Watch`]es: a state that can be looked at and waited for. None of them can hold up the client,
//! however slow its reader is.
//!
//! | watch | of |
//! |---|---|
//! | [`Chat::transcript`] | all items and messages, in order, as an application shows them |
//! | [`Chat::roster`] | who is there, who types, who is idle, who left |
//! | [`Chat::connection`] | connected or not, why not, and when it is tried again |
//! | [`Sending::status`] | one message: queued, sending, sent, delivered, read, failed |
//! | [`Uploading::progress`] | one file |
//! | [`Chat::snapshots`] | what must survive a restart |
//!
//! # The transcript
//!
//! A client with a screen needs no events: it draws the transcript whenever that is another.
//!
//! ```no_run
//! use chatloom::{Chat, EntryContent, MessageState};
//!
//! async fn draw(chat: Chat) {
//!     let mut transcript = chat.transcript(); // Before connecting, to have all of it.
//!     while let Some(now) = transcript.changed().await {
//!         for entry in now.iter().rev().take(20).rev() {
//!             match &entry.content {
//!                 EntryContent::Item(item) => print!("{}", item.content().unwrap_or_default()),
//!                 EntryContent::Outgoing(message) => print!("{}", message.content()),
//!                 EntryContent::Gap(_) => print!("(something is missing here)"),
//!                 _ => continue,
//!             }
//!             match &entry.state {
//!                 Some(MessageState::Queued | MessageState::Sending) => println!(" …"),
//!                 Some(MessageState::Failed(error)) => println!(" ✗ {error}"),
//!                 Some(MessageState::Read) => println!(" ✓✓"),
//!                 _ => println!(),
//!             }
//!         }
//!     }
//! }
//! ```
//!
//! A [`Transcript`] is one moment: it does not change under its reader, costs nothing to clone, and
//! shares all but what changed with the moment before. An entry keeps its
//! [`key`](Entry::key) from the moment a message is written until it is read. The client holds about
//! 10,000 entries ([`ChatOptions::most_entries`]); [`Chat::load_older`] pages back beyond them.
//!
//! # Sending
//!
//! [`Chat::send_message`] takes text, or a [`Message`] of another type. It may be called at any time
//! after `connect` was, connected or not: messages wait, and leave in order, each once, however often
//! the connection breaks. A message that the service refuses fails alone and does not hold up the
//! next; [`Chat::resend`] tries again under the same client token, [`Chat::discard`] drops it.
//!
//! ```no_run
//! # use chatloom::{Chat, Message, MessageState};
//! # async fn example(chat: Chat) -> Result<(), chatloom::Error> {
//! drop(chat.send_message("Sent all the same; nobody waits for it."));
//!
//! let sending = chat.send_message(Message::markdown("**Important**"));
//! let mut status = sending.status();
//! match sending.await {
//!     Ok(sent) => println!("stored as {} at {}", sent.id, sent.absolute_time),
//!     Err(error) => {
//!         println!("{error}");
//!         if let (true, Some(key)) = (error.can_retry(), status.get().key) {
//!             chat.resend(key).await?;
//!         }
//!     }
//! }
//! status.wait_for(|message| message.state == MessageState::Read).await?;
//! # Ok(()) }
//! ```
//!
//! # Receipts, typing, and who is there
//!
//! Tell the others with [`Chat::mark_read`] and [`Chat::typing`], and call them as often as you like,
//! with every item that is shown and every key that is pressed: the client sends few of them. What
//! the others tell is in the roster, where typing lapses by itself.
//!
//! ```no_run
//! # async fn example(chat: chatloom::Chat) {
//! let mut roster = chat.roster();
//! while let Some(people) = roster.changed().await {
//!     for person in people.iter() {
//!         println!("{:?}: {:?}, typing: {}", person.name, person.presence, person.typing);
//!     }
//! }
//! # }
//! ```
//!
//! # Files
//!
//! [`Chat::send_attachment`] sends a file from [memory](Attachment::bytes), from a
//! [stream](Attachment::stream) or from the [disk](Attachment::file), and shows its progress;
//! [`Chat::download_attachment`] gives one as a stream, [`Chat::attachment_url`] as a link. Files are
//! never held as a whole unless you do.
//!
//! ```no_run
//! use chatloom::{Attachment, Event};
//!
//! # async fn example(chat: chatloom::Chat) -> Result<(), Box<dyn std::error::Error>> {
//! chat.send_attachment(Attachment::file("receipt.pdf").await?).await?;
//!
//! let mut events = chat.events();
//! while let Some(event) = events.next().await {
//!     let Event::Attachment(item) = event else { continue };
//!     for file in item.attachments() {
//!         let Some(id) = file.attachment_id else { continue };
//!         let bytes = chat.download_attachment(id).await?.bytes(20 << 20).await?;
//!         println!("{:?} has {} bytes", file.attachment_name, bytes.len());
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! # Interactive messages
//!
//! A flow or a bot may offer choices: list and time pickers, panels, quick replies, carousels, views.
//! [`Interactive::of`](interactive::Interactive::of) reads them from an item, and what is chosen can
//! be sent as it is. A template that this version does not know comes as its text.
//!
//! ```no_run
//! use chatloom::interactive::{Interactive, ViewResponse, InteractiveResponse};
//!
//! # async fn example(chat: chatloom::Chat, item: chatloom::Item) -> Result<(), chatloom::Error> {
//! match Interactive::of(&item) {
//!     Some(Interactive::ListPicker(picker)) => {
//!         println!("{}", picker.title);
//!         if let Some(choice) = picker.choose(0) {
//!             chat.send_message(choice).await?;
//!         }
//!     }
//!     Some(Interactive::ViewResource(resource)) => {
//!         if let Some(token) = &resource.view_token {
//!             let view = chat.describe_view(token).await?;
//!             println!("{:?}", view.name);
//!             let answer = InteractiveResponse::View(ViewResponse::new("Submit"));
//!             chat.send_message(answer).await?;
//!         }
//!     }
//!     _ => {}
//! }
//! # Ok(()) }
//! ```
//!
//! When a flow wants the customer to sign in, an [`Event::Authentication`] says so:
//! [`Chat::authentication_url`] has the page, [`Chat::cancel_authentication`] declines.
//!
//! # Going on after a restart
//!
//! With [`ChatOptions::snapshots`], [`Chat::snapshots`] always has what another process needs to go
//! on: who takes part, how far they have heard, and the messages that wait or have failed. Keep the
//! newest one; [`Client::restore`] takes it up. What was heard is not heard again, what was missed
//! is, and what waited is sent once, even if it had reached the service already. A program that is
//! killed after it heard something and before it kept that, hears it again. The example `resume` does
//! all of this with a file.
//!
//! # When something goes wrong
//!
//! Every [`Error`] says [whose fault](Error::fault) it is and whether [trying again](Error::can_retry)
//! can help. Most programs need little of that, for the client repeats by itself what may be
//! repeated: messages and the connection for ever, other calls by the [`RetryPolicy`].
//!
//! ```no_run
//! use chatloom::{Chat, Error, Fault};
//!
//! async fn connect(chat: &Chat) -> Result<(), Error> {
//!     loop {
//!         match chat.connect().await {
//!             Err(error) if error.fault() == Fault::Network => {
//!                 println!("No connection yet: {error}");
//!             }
//!             // A wrong token, or a chat that is over.
//!             ended => return ended,
//!         }
//!     }
//! }
//! ```
//!
//! An outage is no error: [`Chat::connection`] shows [`Waiting`](Connection::Waiting) with the reason
//! and the time of the next attempt. Only [`Broken`](Connection::Broken) needs the program, which may
//! call `connect` again. What could not be read after an outage is an [`Event::Gap`] and a gap in the
//! transcript; the client fills it when it can, [`Chat::fill_gap`] at once.
//!
//! For what only happens elsewhere there is a flight recorder: [`ClientBuilder::flight_recorder`]
//! keeps what the client saw and did, without content, names and tokens, and
//! [`Client::flight_record`] gives it for `chatloom replay`. The crate logs through [`tracing`].
//!
//! # Agents
//!
//! At a Chatloom server an agent [logs in](Client::log_in), watches the queue and accepts; what is
//! accepted is an ordinary chat. See [`agent`]. In another system, where an agent's workspace hands
//! out connection tokens, [`ChatOptions::token_source`] takes them.
//!
//! # Testing
//!
//! `chatloom serve --demo --listen 127.0.0.1:0 --data DIR` is a whole server for a test: it takes a
//! free port and prints `listening on http://127.0.0.1:PORT` as its first line. Start it, read that
//! line, give the URL to [`ClientBuilder::endpoint`], play the agent with [`Client::log_in`] as `ana`
//! or `ben`, and kill it at the end, or in the middle: it loses nothing that it has acknowledged, and
//! neither does your client.
//!
//! # What holds
//!
//! - *Each item once, in order*, for a reader that keeps within the bound of its buffer. After an
//!   outage the client reads what was missed from the transcript and delivers it before anything
//!   live. Where that fails, an [`Event::Gap`] says so, and what is found later comes later; where
//!   the reader was too slow, an [`Event::Lagged`].
//! - *A message that was accepted is sent*, in the order of the calls, through outages, once:
//!   repeats carry the same client token.
//! - *The connection comes back by itself.*
//! - *Everything has a bound*: events of a reader by [`ChatOptions::event_buffer`], entries by
//!   [`ChatOptions::most_entries`], waiting messages by 1,000 for each chat
//!   ([`Error::OutboxFull`]), answers, frames and recordings by their size.
//! - *No secrets in logs.* They have contact ids, never tokens, content or names. (Below this crate,
//!   the crate `tungstenite` prints handshakes and frames at the level `TRACE` of the `log` crate: a
//!   program that collects that should leave out its target.)
//!
//! # Certificates and proxies
//!
//! TLS is rustls and trusts what the operating system trusts; `SSL_CERT_FILE` names another bundle, and
//! [`ClientBuilder::trust_pem`] adds to it.
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
pub use transcript::{Entries, Entry, EntryContent, Transcript};
pub use watch::Watch;

/// How much the flight recorder keeps.
pub use chatloom_session::recorder::Limits as FlightLimits;
/// Words of the session core that this crate passes on as they are.
pub use chatloom_session::{EntryKey, GapId, HostToken, Person, Presence};

/// The words of the protocols: items, content types, identifiers, requests.
pub use chatloom_wire as wire;
/// Interactive messages and what is answered to them.
pub use chatloom_wire::interactive;
pub use chatloom_wire::{
    AttachmentId, ConnectionToken, ContactId, ContentType, ErrorKind, Item, ItemHead, ItemId,
    ItemType, ParticipantId, ParticipantRole, ParticipantToken, ServiceError, Timestamp,
    participant::{
        GetTranscriptRequest, ScanDirection, SentResponse, SortOrder, StartPosition, View,
    },
};
