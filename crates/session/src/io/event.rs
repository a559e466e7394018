//! What an application is told.

use std::sync::Arc;

use chatloom_wire::{Item, ItemId, ParticipantId, ParticipantRole};

use crate::{CallError, CallId, EntryKey, GapId, ItemHandle, Outgoing};

/// Something the application should know.
#[derive(Clone, Debug)]
pub enum Event {
    /// An item for the application.
    Item {
        /// Which callback of the original it belongs to.
        kind: ItemKind,
        /// The item.
        body: Body,
    },
    /// The session can be used. Compat says so after `connect` succeeded and whenever a socket
    /// opens after there was none, so twice on the first connection (docs/protocol/websocket.md
    /// S50, S51). Chatloom says so whenever a socket has subscribed after there was none.
    Established {
        /// Whether a socket is open, which is not yet so for the first of the two.
        by_socket: bool,
    },
    /// The last socket is gone; the core reconnects. Once for each outage; in Compat also when the
    /// first socket does not open (docs/protocol/websocket.md S155).
    Lost,
    /// The service refuses a new connection with 400, 404 or, in Compat, an answer without a
    /// socket, and no socket is left: the core has given up. Compat after one refusal, Chatloom
    /// after five in a row. `connect` may be called again.
    Broken,
    /// The chat is over.
    Ended,
    /// A deep heartbeat was answered or missed.
    DeepHeartbeat {
        /// Whether it was answered with success.
        success: bool,
    },
    /// Chatloom behaviour: what the connection is doing changed.
    Connection(Connection),
    /// Chatloom behaviour: what is missing between the items before and after could not be read. It
    /// is read again after the next recovery, and for [`Call::FillGap`](crate::Call::FillGap). It
    /// may also be the last event but the end or the break of the session: then nobody knows
    /// whether something is missing. After a [chat was attached](ItemKind::ChatRehydrated) it
    /// stands before everything.
    Gap {
        /// The hole, for [`Call::FillGap`](crate::Call::FillGap).
        gap: GapId,
    },
    /// Chatloom behaviour: what a gap had swallowed has been delivered after all, before this.
    GapClosed {
        /// The hole.
        gap: GapId,
    },
    /// Chatloom behaviour: everything that the transcript held when the socket subscribed has been
    /// delivered, but for what a gap stands for; what follows is live. Follows each subscription,
    /// that of a hand-over too.
    CaughtUp,
    /// The tracked transcript changed, or may have (docs/protocol/websocket.md S141).
    Transcript(TranscriptUpdate),
    /// Chatloom behaviour: what became of a message of this session.
    Message {
        /// Its entry.
        key: EntryKey,
        /// The call that sent it, while the host may still know it.
        call: Option<CallId>,
        /// Its id, once the service has given it one.
        id: Option<ItemId>,
        /// What became of it.
        state: MessageState,
    },
    /// Chatloom behaviour: who is in the chat, and what they do, changed. All who are or were
    /// there, in the order in which they came: at most 100, and without the flows and bots of the
    /// service (`SYSTEM`), of whom nobody is told when they go.
    Roster(Vec<Person>),
    /// How much of a file is through.
    AttachmentProgress {
        /// The call that sends it.
        call: CallId,
        /// How many bytes are through.
        sent: u64,
        /// How many bytes it has.
        total: u64,
    },
    /// Chatloom behaviour: a handler of the application failed.
    HandlerFailed {
        /// What it handles.
        handler: String,
    },
}

/// What became of a message that this session sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// It waits for its turn or for the connection.
    Queued,
    /// It is on its way.
    Sending,
    /// The service has it.
    Sent,
    /// It has reached another participant.
    Delivered,
    /// Another participant has read it.
    Read,
    /// It was refused, or the session ended before it was sent.
    Failed(CallError),
}

/// A change of a tracked transcript: a host that applies the steps in order to a list, which is
/// empty at first, has the transcript.
#[derive(Clone, Debug, Default)]
pub struct TranscriptUpdate {
    /// What to do, in this order. None when nothing changed (docs/protocol/websocket.md S141).
    pub steps: Vec<Step>,
    /// The token of the latest page that was read backward, empty if that had none; `None` before
    /// any (docs/protocol/websocket.md S153).
    pub previous_next_token: Option<String>,
}

/// One step of a change.
#[derive(Clone, Debug)]
pub enum Step {
    /// Put an entry before the one that is at this index now; at the end when there is none.
    Insert {
        /// The index, from 0.
        at: usize,
        /// What to put there.
        entry: Entry,
    },
    /// Replace the entry at this index.
    Replace {
        /// The index, from 0.
        at: usize,
        /// What to put there.
        entry: Entry,
    },
    /// Take the entry at this index out.
    Remove {
        /// The index, from 0.
        at: usize,
    },
}

/// An entry of a tracked transcript.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Stays the same as long as the entry is there.
    pub key: EntryKey,
    /// The id of its item: for a message of this session also before the item comes, once the
    /// service has answered (docs/protocol/websocket.md S143).
    pub id: Option<ItemId>,
    /// What it is.
    pub content: EntryContent,
    /// What became of it, for a message of this session.
    pub state: Option<MessageState>,
}

/// What an entry of a tracked transcript is.
#[derive(Clone, Debug)]
pub enum EntryContent {
    /// An item of the service.
    Item(Body),
    /// A message that has no item yet.
    Outgoing(Box<Outgoing>),
    /// What is here could not be read yet, or is held no longer.
    Gap(GapId),
}

/// Somebody who is or was in the chat.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub participant_id: ParticipantId,
    /// What they are there.
    pub role: Option<ParticipantRole>,
    /// What they are called. Personal: not in `Debug`.
    pub name: Option<Box<str>>,
    /// Whether they are there.
    pub presence: Presence,
    /// Whether they write something at the moment.
    pub typing: bool,
    /// The newest item that has reached them, as far as they said.
    pub delivered: Option<ItemId>,
    /// The newest item that they have read, as far as they said.
    pub read: Option<ItemId>,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person")
            .field("participant_id", &self.participant_id)
            .field("role", &self.role)
            .field("presence", &self.presence)
            .field("typing", &self.typing)
            .finish_non_exhaustive()
    }
}

/// Whether somebody is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// They are.
    Here,
    /// They are, and silent for long.
    Idle,
    /// They have left.
    Gone,
}

/// The callback of the original that an item belongs to (docs/protocol/websocket.md S118).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ItemKind {
    /// Messages, attachments, joined, left, transfers, the end, and everything unknown.
    Message,
    /// Somebody is typing.
    Typing,
    /// Somebody read a message.
    ReadReceipt,
    /// A message reached somebody.
    DeliveredReceipt,
    /// A participant is silent.
    ParticipantIdle,
    /// An idle participant wrote.
    ParticipantReturned,
    /// A participant was disconnected for being idle.
    AutoDisconnection,
    /// Another participant was asked in.
    ParticipantInvited,
    /// The customer is asked to sign in.
    AuthenticationInitiated,
    /// The customer signed in.
    AuthenticationSuccessful,
    /// Signing in failed.
    AuthenticationFailed,
    /// The customer did not sign in in time.
    AuthenticationTimeout,
    /// The sign-in can no longer be used.
    AuthenticationExpired,
    /// The customer declined to sign in.
    AuthenticationCanceled,
    /// A display name changed.
    ParticipantDisplayNameUpdated,
    /// The transcript of an earlier chat was attached.
    ChatRehydrated,
}

/// An item in an event.
#[derive(Clone, Debug)]
pub enum Body {
    /// The item itself.
    Item(Arc<Item>),
    /// An item the host holds.
    Held(ItemHandle),
}

/// What the connection of a session is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Asking for a connection or opening a socket.
    Connecting,
    /// A socket is open and subscribed.
    Online,
    /// Waiting to try again.
    Waiting {
        /// Until this monotonic time.
        until_ms: u64,
        /// Why the last attempt failed, for people.
        reason: String,
    },
    /// There is no network; the core waits for it.
    Offline,
    /// The core has given up; `connect` may be called again.
    Broken {
        /// Why, for people.
        reason: String,
    },
    /// The chat is over.
    Ended,
}
