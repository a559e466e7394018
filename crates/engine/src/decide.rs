//! What a command does to a chat. Each topic has its rules in a module of its own.

use chatloom_wire::{
    ContentType, ErrorKind, ParticipantId, ServiceError, Timestamp,
    contact::ParticipantTimer,
    participant::{SendEventRequest, SendMessageRequest},
};

use crate::{
    AgentUser, AttachmentCommand, BotAction, Chat, Draft, FollowerId, Heard, Past, RecordChange,
    Rules, Streamed, Transfer, arrive, attachment, bot, guide, guide::Guide, leave, past, record,
    timers,
};

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
    /// An agent hands the customer on. Does nothing if that was done already.
    Transfer(Transfer),
    /// Something about a file.
    Attachment(AttachmentCommand),
    /// The control plane adds a custom participant. Does nothing if that one is there already.
    AddCustomBot {
        /// The participant it becomes.
        participant: ParticipantId,
        /// What it is called, 1 to 256 characters.
        name: String,
    },
    /// The control plane has the items sent to an endpoint. Does nothing if that is so already.
    StartStreaming {
        /// The stream.
        id: FollowerId,
        /// Where to, by its ARN.
        endpoint: String,
    },
    /// The control plane ends a stream.
    StopStreaming {
        /// Which.
        id: FollowerId,
    },
    /// A bot has answered. Does nothing when it answers in this chat no more.
    BotAnswered {
        /// The bot.
        bot: FollowerId,
        /// What it wants done, in this order.
        actions: Vec<BotAction>,
    },
    /// A bot is saying something, as far as it has come. Only for a customer who is shown parts.
    BotSays {
        /// The bot.
        bot: FollowerId,
        /// Of what type.
        content_type: ContentType,
        /// What is new.
        content: String,
        /// Which part of which message.
        at: Streamed,
    },
    /// A bot has failed for good: the chat goes to the queue.
    BotFailed {
        /// The bot.
        bot: FollowerId,
        /// What it had said in parts by then.
        so_far: Option<BotAction>,
    },
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
    /// The flow says something, or the customer signs in.
    Guide(Guide),
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

    /// A change that nobody in the chat is told of.
    pub(crate) fn silent(chat: Chat) -> Self {
        Self::change(chat, Vec::new())
    }
}

impl Rules {
    /// What a command does to a chat at a time.
    ///
    /// A refusal is what the peer is told:
    /// - `AccessDeniedException` to who is not in the chat, has not connected, or comes after the end;
    /// - `ValidationException` for a content type that the chat does not support;
    /// - to [`Command::Accept`] `ConflictException` when another agent was faster or the chat is full,
    ///   or waits for another one alone, `ResourceNotFoundException` when it does not wait;
    /// - to [`Command::Transfer`] `ResourceNotFoundException` to a user who is not in the chat or for a
    ///   contact that is not its present one, `ValidationException` when the other user is in it already,
    ///   `ServiceQuotaExceededException` for one transfer too many;
    /// - to [`Command::Connect`] `ResourceNotFoundException` for a custom participant who is too late;
    /// - to [`Command::AddCustomBot`] `ServiceQuotaExceededException` when there is one already,
    ///   `ConflictException` while an agent or an assistant is there, `InvalidRequestException` after
    ///   the end;
    /// - to [`Command::StartStreaming`] `LimitExceededException` for one stream too many,
    ///   `InvalidRequestException` after the end; to [`Command::StopStreaming`]
    ///   `ResourceNotFoundException` when there is no such stream;
    /// - to [`Command::Stop`] `ContactNotFoundException` when the chat is over, to
    ///   [`Command::SetTimers`] and [`Command::Continue`] `ResourceNotFoundException`;
    /// - to [`Command::Continue`] `InvalidRequestException` when it continues others already;
    /// - to [`Command::Guide`] as [`guide`] says;
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
                if chat.came_too_late(now, &participant.id) {
                    return Err(Refusal::new(
                        ErrorKind::ResourceNotFound,
                        "The participant had 15 seconds to connect; add another one",
                    ));
                }
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
                Ok(self.disconnect(now, chat, leaver))
            }
            Command::Accept { agent, participant } => arrive::accept(now, chat, agent, participant),
            Command::Transfer(transfer) => self.transfer(now, chat, transfer),
            Command::AddCustomBot { participant, name } => {
                let after = chat.add_custom_bot(now, participant, name)?;
                Ok(after.map_or(Decision::nothing(Answer::Done), Decision::silent))
            }
            Command::StartStreaming { id, endpoint } => {
                let after = chat.start_streaming(now, id, endpoint)?;
                Ok(after.map_or(Decision::nothing(Answer::Done), Decision::silent))
            }
            Command::StopStreaming { id } => Ok(Decision::silent(chat.stop_streaming(now, id)?)),
            Command::BotAnswered { bot, actions } => Ok(self.bot_answered(now, chat, bot, actions)),
            Command::BotSays { bot, content_type, content, at } => {
                Ok(bot::says(now, chat, bot, content_type, content, at))
            }
            Command::BotFailed { bot, so_far } => {
                Ok(self.bot_failed(now, chat, bot, so_far.as_ref()))
            }
            Command::Stop => leave::stop(now, chat),
            Command::Record(change) => record::change(now, chat, change),
            Command::Attachment(command) => attachment::decide(now, chat, command),
            Command::Guide(step) => guide::guide(now, chat, step),
            Command::SetTimers { timers } => timers::configure(now, chat, timers),
            Command::Continue { past } => past::attach(now, chat, past),
            Command::TimePassed { heard } => Ok(self.time_passed(now, chat, heard)),
        }
    }
}
