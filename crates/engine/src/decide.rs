//! What a command does to a chat.

use chatloom_wire::{
    ParticipantId, ServiceError, Timestamp,
    participant::{SendEventRequest, SendMessageRequest},
};

use crate::{AgentUser, Assistant, Chat, Draft, StartChat};

/// What everybody's chats have in common.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The queue chats wait in.
    pub queue: String,
    /// Who answers before an agent does; without one, chats go to the queue at once.
    pub assistant: Option<Assistant>,
}

/// Something that somebody wants of a chat.
#[derive(Clone, Debug)]
pub enum Command {
    /// A participant connected: subscribed on a socket, or said so by `ConnectParticipant`.
    Connect {
        /// Who.
        participant: ParticipantId,
    },
    /// A participant sends a message. The request has been checked.
    SendMessage {
        /// Who.
        participant: ParticipantId,
        /// What.
        request: SendMessageRequest,
    },
    /// A participant sends an event. The request has been checked.
    SendEvent {
        /// Who.
        participant: ParticipantId,
        /// What.
        request: SendEventRequest,
    },
    /// A participant leaves.
    Disconnect {
        /// Who.
        participant: ParticipantId,
    },
    /// An agent takes the chat from the queue.
    Accept {
        /// Who.
        agent: AgentUser,
        /// The participant the agent becomes.
        participant: ParticipantId,
    },
    /// The control plane ends the chat.
    Stop,
    /// Time passed; see [`Chat::next_due`].
    TimePassed,
}

/// What to do about a command.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The new state, when it changed.
    pub chat: Option<Chat>,
    /// What to store and then publish, in this order.
    pub entries: Vec<Draft>,
    /// What to publish without storing it.
    pub transient: Vec<Draft>,
    /// What the caller is told.
    pub answer: Answer,
}

/// What the caller of a command is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Only that it is done.
    Done,
    /// Id and time of this stored entry, by its index in [`Decision::entries`].
    Entry(usize),
    /// Id and time of this transient entry, by its index in [`Decision::transient`].
    Transient(usize),
}

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct Refusal(#[from] pub ServiceError);

impl Rules {
    /// A new chat. It has no entries before the customer connects.
    pub fn start(&self, now: Timestamp, start: StartChat) -> Chat {
        unimplemented!("being written: {now:?} {}", start.contact_id)
    }

    /// What a command does to a chat at a time.
    pub fn decide(&self, now: Timestamp, chat: &Chat, command: Command) -> Result<Decision, Refusal> {
        unimplemented!("being written: {now:?} {chat:?} {command:?}")
    }
}
