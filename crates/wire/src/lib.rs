//! The words of the Amazon Connect chat protocols, as Rust types.
//!
//! What this crate is for: the requests, answers and errors of the Participant Service
//! ([`participant`]) and of the chat part of the control plane ([`contact`]), transcript items
//! ([`item`]), interactive messages ([`interactive`]), the frames of the chat WebSocket ([`frame`]),
//! and the vocabulary they share
//! ([`content_type`], [`id`], [`time`], [`error`], [`json`]). Client and server use the same types, so they
//! cannot drift apart.
//!
//! What it leaves to others: sending anything, deciding anything, storing anything. It knows no
//! HTTP library and no clock.
//!
//! Two rules hold everywhere. A value or member that this version does not know survives: string
//! enumerations keep it ([`ContentType::Other`]), and an [`Item`] keeps the text it came from.
//! And nothing secret is printed by accident: tokens, message content and display names are left
//! out of `Debug` and of errors.
//!
//! ```
//! use chatloom_wire::{ContentType, Item};
//!
//! let text = r#"{"Id":"i-1","Type":"MESSAGE","ContentType":"text/plain",
//!     "Content":"Hello","AbsoluteTime":"2026-01-01T00:00:00.000Z","Mood":"sunny"}"#;
//! let item = Item::from_text(text).unwrap();
//! assert_eq!(item.head().content_type, Some(ContentType::TextPlain));
//! assert_eq!(item.content().as_deref(), Some("Hello"));
//! // `Mood` is unknown here, and is still there for whoever comes next.
//! assert_eq!(item.text(), text);
//! ```

mod limits;
mod open_enum;

pub mod contact;
pub mod content_type;
pub mod error;
pub mod frame;
pub mod id;
pub mod interactive;
pub mod item;
pub mod json;
pub mod participant;
pub mod time;

pub use content_type::ContentType;
pub use error::{ErrorKind, ServiceError};
pub use id::{
    AttachmentId, ConnectionToken, ContactFlowId, ContactId, InstanceId, ItemId, ParticipantId,
    ParticipantToken, StreamingId,
};
pub use item::{Item, ItemHead, ItemType, MessageMetadata, NewItem, ParticipantRole, Receipt};
pub use json::JsonError;
pub use time::Timestamp;
