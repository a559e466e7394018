//! What a command does to a chat. Each topic has its rules in a module of its own.

use chatloom_wire::{
    ErrorKind, ParticipantId, ServiceError, Timestamp,
    contact::ParticipantTimer,
    participant::{SendEventRequest, SendMessageRequest},
};

use crate::{
    AgentUser, Assistant, AttachmentCommand, Chat, Draft, Heard, Past, RecordChange, arrive,
    attachment, leave, past, record, timers,
};

/// What everybody's chats have in common.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The queue chats wait in.
    pub queue: String,
    /// Who answers before an agent does; without one, chats go to the queue at once. One that
    /// passes [`Assistant::check`].
    pub assistant: Option<Assistant>,
}

/// Something that somebody wants of a chat.
#[derive(Clone, Debug)]
pub enum Command {
    /// A participant connected: subscribed on a socket, or said so by `ConnectParticipant`. The
    /// customer's first connection begins the conversation; repeats do nothing.
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
    /// An agent takes the chat from the queue. The agent has joined from then on, so that the
    /// customer sees it at once; the agent's own connection adds nothing.
    Accept {
        /// Who.
        agent: AgentUser,
        /// The participant the agent becomes.
        participant: ParticipantId,
    },
    /// Something about a file.
    Attachment(AttachmentCommand),
    /// The control plane ends the chat.
    Stop,
    /// The control plane sets timers of people who fall silent. The request has been checked.
    SetTimers {
        /// Which, and to what.
        timers: Vec<ParticipantTimer>,
    },
    /// The control plane changes what it keeps with the chat, also after its end.
    Record(RecordChange),
    /// The control plane makes the chat continue others.
    Continue {
        /// Which.
        past: Past,
    },
    /// Time passed; see [`Chat::next_due`].
    TimePassed {
        /// When those in [`Chat::silent`] last said something since, if they did. To be stored only
        /// if nothing was said meanwhile.
        heard: Vec<Heard>,
    },
}

/// What to do about a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The new state, when it changed.
    pub chat: Option<Chat>,
    /// What to store and then publish, in this order.
    pub entries: Vec<Draft>,
    /// What to publish without storing it, before the entries.
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
    /// A fresh id and the present time: what was sent is accepted and has no effect.
    Accepted,
}

/// Why a command is refused: the error as the caller is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct Refusal(#[from] pub ServiceError);

impl Refusal {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(ServiceError::new(kind, message))
    }
}

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        refusal.0
    }
}

impl Decision {
    /// Nothing to do.
    pub(crate) fn nothing(answer: Answer) -> Self {
        Self { chat: None, entries: Vec::new(), transient: Vec::new(), answer }
    }

    pub(crate) fn change(chat: Chat, entries: Vec<Draft>) -> Self {
        Self { chat: Some(chat), entries, transient: Vec::new(), answer: Answer::Done }
    }
}

impl Rules {
    /// What a command does to a chat at a time.
    ///
    /// A refusal is what the peer is told:
    /// - `AccessDeniedException` to who is not in the chat, has not connected, or comes after the end;
    /// - `ValidationException` for a content type that the chat does not support;
    /// - to [`Command::Accept`] `ConflictException` when another agent was faster or the chat is full,
    ///   `ResourceNotFoundException` when the chat does not wait;
    /// - to [`Command::Stop`] `ContactNotFoundException` when the chat is over, to
    ///   [`Command::SetTimers`] and [`Command::Continue`] `ResourceNotFoundException`;
    /// - to [`Command::Continue`] `InvalidRequestException` when it continues others already;
    /// - to [`Command::Record`] `InvalidParameterException` when it would be more than a contact may have.
    pub fn decide(
        &self,
        now: Timestamp,
        chat: &Chat,
        command: &Command,
    ) -> Result<Decision, Refusal> {
        let mut decision = self.decide_alone(now, chat, command)?;
        timers::follow(now, chat, &mut decision);
        Ok(decision)
    }

    /// Without what follows for all commands alike.
    fn decide_alone(
        &self,
        now: Timestamp,
        chat: &Chat,
        command: &Command,
    ) -> Result<Decision, Refusal> {
        match command {
            Command::Connect { participant } => {
                let participant = chat.admit(now, participant)?;
                Ok(self.connect(now, chat, participant))
            }
            Command::SendMessage { participant, request } => {
                let sender = chat.admit_joined(now, participant)?;
                self.send_message(now, chat, sender, request)
            }
            Command::SendEvent { participant, request } => {
                self.send_event(now, chat, participant, request)
            }
            Command::Disconnect { participant } => {
                let leaver = chat.admit(now, participant)?;
                Ok(leave::disconnect(now, chat, leaver))
            }
            Command::Accept { agent, participant } => arrive::accept(now, chat, agent, participant),
            Command::Stop => leave::stop(now, chat),
            Command::Record(change) => record::change(now, chat, change),
            Command::Attachment(command) => attachment::decide(now, chat, command),
            Command::SetTimers { timers } => timers::configure(now, chat, timers),
            Command::Continue { past } => past::attach(now, chat, past),
            Command::TimePassed { heard } => Ok(leave::time_passed(now, chat, heard)),
        }
    }
}
