//! What a chat tells its application, as typed events.

use std::{sync::Arc, time::Instant};

use chatloom_session::{self as session, GapId};
use chatloom_wire::{ContentType, Item, ItemType};

use crate::{message::MessageStatus, roster::Roster};

/// Something that happened in a chat.
///
/// Items come in the order of the transcript and each once, whatever happened to the connection in
/// between: what was missed is read from the transcript and delivered in its place, before anything
/// live. Only when that cannot be read for 20 seconds, what is live comes first, behind an
/// [`Event::Gap`], and what was missed comes before the [`Event::GapClosed`]. Typing and receipts are
/// not kept by the service; those of an outage are lost.
///
/// Your own items come back to you too. Tell them apart with [`Chat::is_own`](crate::Chat::is_own).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A message: text, Markdown, JSON or an interactive message. [`Item::content`] has it. One that
    /// a bot streams comes several times with the same id, each time with more of its text.
    Message(Arc<Item>),
    /// A file. [`Item::attachments`] names it.
    Attachment(Arc<Item>),
    /// Somebody came in.
    Joined(Arc<Item>),
    /// Somebody left.
    Left(Arc<Item>),
    /// Somebody is typing. There is no word when they stop: [`Chat::roster`](crate::Chat::roster)
    /// lets it lapse by itself.
    Typing(Arc<Item>),
    /// Somebody received or read a message: `message_metadata` in [`Item::head`] says which.
    Receipt(Arc<Item>),
    /// Somebody has been silent for long, wrote again after that, or was disconnected for it. Which,
    /// `content_type` in [`Item::head`] says: `ParticipantIdle`, `ParticipantReturned`,
    /// `ParticipantAutoDisconnection`.
    Presence(Arc<Item>),
    /// The customer is asked to sign in, or what became of that: `content_type` in [`Item::head`]
    /// says which. [`Chat::authentication_url`](crate::Chat::authentication_url) has the page.
    Authentication(Arc<Item>),
    /// Any other item: transfers, invitations, the end of the chat, what this version does not know.
    /// `content_type` in [`Item::head`] says what it is.
    Other(Arc<Item>),
    /// What the connection is doing changed. The same as in
    /// [`Chat::connection`](crate::Chat::connection), at its place between the items.
    Connection(Connection),
    /// Everything that the transcript held when the socket opened has been delivered; what follows
    /// is live.
    CaughtUp,
    /// Items between those before and those after this event could not be read from the transcript.
    /// The client tries again when it next connects, and when
    /// [`Chat::fill_gap`](crate::Chat::fill_gap) asks for it.
    Gap {
        /// Which hole, among those of this chat.
        gap: GapId,
    },
    /// What a hole had swallowed has been delivered after all, just before this.
    GapClosed {
        /// Which hole.
        gap: GapId,
    },
    /// Something has become of a message of this chat's participant.
    MessageState(MessageStatus),
    /// Who is there, and what they do, changed. The same as in [`Chat::roster`](crate::Chat::roster).
    Roster(Roster),
    /// This reader was too slow: so many events were thrown away here, after those before it.
    /// [`Chat::get_transcript`](crate::Chat::get_transcript) has the items.
    Lagged {
        /// How many.
        missed: u64,
    },
    /// The chat is over. The last event.
    Ended,
}

impl Event {
    /// The item that this event is about, if it is about one.
    pub fn item(&self) -> Option<&Item> {
        match self {
            Self::Message(item)
            | Self::Attachment(item)
            | Self::Joined(item)
            | Self::Left(item)
            | Self::Typing(item)
            | Self::Receipt(item)
            | Self::Presence(item)
            | Self::Authentication(item)
            | Self::Other(item) => Some(item),
            Self::Connection(_)
            | Self::CaughtUp
            | Self::Gap { .. }
            | Self::GapClosed { .. }
            | Self::MessageState(_)
            | Self::Roster(_)
            | Self::Lagged { .. }
            | Self::Ended => None,
        }
    }

    /// Sorts an item of a transcript or a socket into its event.
    pub fn from_item(item: impl Into<Arc<Item>>) -> Self {
        let item = item.into();
        let head = item.head();
        match (&head.item_type, &head.content_type) {
            (Some(ItemType::Attachment), _) => Self::Attachment(item),
            (Some(ItemType::MessageMetadata), _)
            | (
                _,
                Some(
                    ContentType::MessageDelivered
                    | ContentType::MessageRead
                    | ContentType::MessageMetadata,
                ),
            ) => Self::Receipt(item),
            (_, Some(ContentType::ParticipantJoined)) => Self::Joined(item),
            (_, Some(ContentType::ParticipantLeft)) => Self::Left(item),
            (_, Some(ContentType::Typing)) => Self::Typing(item),
            (
                _,
                Some(
                    ContentType::ParticipantIdle
                    | ContentType::ParticipantReturned
                    | ContentType::ParticipantAutoDisconnection,
                ),
            ) => Self::Presence(item),
            (
                _,
                Some(
                    ContentType::AuthenticationInitiated
                    | ContentType::AuthenticationSucceeded
                    | ContentType::AuthenticationFailed
                    | ContentType::AuthenticationTimeout
                    | ContentType::AuthenticationExpired
                    | ContentType::AuthenticationCancelled,
                ),
            ) => Self::Authentication(item),
            (Some(ItemType::Message), _) => Self::Message(item),
            _ => Self::Other(item),
        }
    }
}

/// What the connection of a chat is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connection {
    /// Nobody called [`Chat::connect`](crate::Chat::connect) yet.
    New,
    /// Asking for a connection or opening a socket.
    Connecting,
    /// A socket is open and subscribed: items arrive as they happen.
    Online,
    /// The connection is lost; waiting to try again.
    Waiting {
        /// Until then.
        until: Instant,
        /// Why the last attempt failed, for people.
        reason: String,
    },
    /// There is no network.
    Offline,
    /// The client has given up. [`Chat::connect`](crate::Chat::connect) may be called again.
    Broken {
        /// Why, for people.
        reason: String,
    },
    /// The chat is over.
    Ended,
}

/// The application's event for one of the core; `None` for those that say what
/// [`Event::Connection`] says already, or that only the core's other hosts use.
pub(crate) fn from_core(event: session::Event, origin: Instant) -> Option<Event> {
    use session::{Body, Event as Core};
    Some(match event {
        Core::Item { body: Body::Item(item), .. } => Event::from_item(item),
        Core::Connection(connection) => Event::Connection(match connection {
            session::Connection::Connecting => Connection::Connecting,
            session::Connection::Online => Connection::Online,
            session::Connection::Waiting { until_ms, reason } => Connection::Waiting {
                until: origin + std::time::Duration::from_millis(until_ms),
                reason,
            },
            session::Connection::Offline => Connection::Offline,
            session::Connection::Broken { reason } => Connection::Broken { reason },
            session::Connection::Ended => Connection::Ended,
        }),
        Core::Gap { gap } => Event::Gap { gap },
        Core::GapClosed { gap } => Event::GapClosed { gap },
        Core::Message { key, call: _, id, state } => {
            Event::MessageState(MessageStatus { key: Some(key), id, state: state.into() })
        }
        Core::Roster(people) => Event::Roster(Roster::from(people)),
        Core::CaughtUp => Event::CaughtUp,
        Core::Ended => Event::Ended,
        // Only a host that parses frames itself lends items; this one hands over text.
        Core::Item { body: Body::Held(_), .. }
        | Core::Established { .. }
        | Core::Lost
        | Core::Broken
        | Core::DeepHeartbeat { .. }
        | Core::Transcript(_)
        | Core::AttachmentProgress { .. }
        | Core::HandlerFailed { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_sorted_by_type_and_content_type() {
        for (text, expected) in [
            (r#"{"Type":"MESSAGE","ContentType":"text/plain"}"#, "Message"),
            (r#"{"Type":"MESSAGE","ContentType":"x/unknown"}"#, "Message"),
            (r#"{"Type":"ATTACHMENT"}"#, "Attachment"),
            (r#"{"Type":"MESSAGEMETADATA"}"#, "Receipt"),
            (
                r#"{"Type":"EVENT","ContentType":"application/vnd.amazonaws.connect.event.typing"}"#,
                "Typing",
            ),
            (
                r#"{"Type":"EVENT","ContentType":"application/vnd.amazonaws.connect.event.participant.joined"}"#,
                "Joined",
            ),
            (
                r#"{"Type":"EVENT","ContentType":"application/vnd.amazonaws.connect.event.participant.left"}"#,
                "Left",
            ),
            (
                r#"{"Type":"EVENT","ContentType":"application/vnd.amazonaws.connect.event.chat.ended"}"#,
                "Other",
            ),
            ("{}", "Other"),
        ] {
            let event = format!("{:?}", Event::from_item(Item::from_text(text).unwrap()));
            assert!(event.starts_with(expected), "{text}: {event}");
        }
    }
}
