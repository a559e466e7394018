//! What a command does to a chat.

use chatloom_wire::{
    ContentType, ErrorKind, ItemType, ParticipantId, ParticipantRole, ServiceError, Timestamp,
    participant::{SendEventRequest, SendMessageRequest},
};

use crate::{
    AgentUser, Assistant, Audience, Chat, Contact, Draft, DraftBody, EndReason, EntryKind,
    Participant, Phase, Presence, Reply, Sender, StartChat, entry::time_of_item, limits,
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
    /// The control plane ends the chat.
    Stop,
    /// Time passed; see [`Chat::next_due`].
    TimePassed,
}

/// What to do about a command.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    fn nothing(answer: Answer) -> Self {
        Self { chat: None, entries: Vec::new(), transient: Vec::new(), answer }
    }

    fn change(chat: Chat, entries: Vec<Draft>) -> Self {
        Self { chat: Some(chat), entries, transient: Vec::new(), answer: Answer::Done }
    }
}

impl Rules {
    /// A new chat. It has no entries before the customer connects.
    ///
    /// Refused with `InvalidRequestException` when the first message is of a type that the chat does
    /// not support.
    pub fn start(&self, now: Timestamp, start: StartChat) -> Result<Chat, Refusal> {
        let StartChat { contact_id, participant_id, system_id, assistant_id, request } = start;
        let content_types = request
            .supported_messaging_content_types
            .unwrap_or_else(|| vec![ContentType::TextPlain]);
        let initial_message =
            request.initial_message.map(|message| (message.content_type, message.content));
        if let Some((content_type, _)) = &initial_message {
            require_supported(&content_types, content_type, ErrorKind::InvalidRequest)?;
        }
        let name = request.participant_details.display_name;
        let customer = Participant {
            id: participant_id,
            role: ParticipantRole::Customer,
            // A customer without a name is shown like this (§13).
            name: if name.trim().is_empty() { "CUSTOMER".to_owned() } else { name },
            user: None,
            presence: Presence::Expected,
        };
        let speaker = |id, name: &str| Participant {
            id,
            role: ParticipantRole::System,
            name: name.to_owned(),
            user: None,
            presence: Presence::Joined,
        };
        let mut participants = vec![customer, speaker(system_id, "SYSTEM_MESSAGE")];
        if let Some(assistant) = &self.assistant {
            participants.push(speaker(assistant_id, &assistant.name));
        }
        Ok(Chat {
            id: contact_id.clone(),
            instance_id: request.instance_id,
            contact_flow_id: request.contact_flow_id,
            contacts: vec![Contact { id: contact_id, started_at: now, queued: None, agent: None }],
            participants,
            content_types,
            attributes: request.attributes.into_iter().collect(),
            phase: Phase::Started { connect_by: now.plus_millis(limits::CONNECT_WITHIN_MS) },
            started_at: now,
            ends_at: now.plus_millis(limits::duration_ms(request.chat_duration_in_minutes)),
            initial_message,
            updated_at: now,
        })
    }

    /// What a command does to a chat at a time.
    ///
    /// A refusal is what the peer is told:
    /// - `AccessDeniedException` to who is not in the chat, has not connected, or comes after the end;
    /// - `ValidationException` for a content type that the chat does not support;
    /// - to [`Command::Accept`] `ConflictException` when another agent was faster or the chat is full,
    ///   `ResourceNotFoundException` when the chat does not wait;
    /// - to [`Command::Stop`] `ContactNotFoundException` when the chat is over.
    pub fn decide(
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
                let sender = admit_joined(now, chat, participant)?;
                self.send_message(now, chat, sender, request)
            }
            Command::SendEvent { participant, request } => {
                self.send_event(now, chat, participant, request)
            }
            Command::Disconnect { participant } => {
                let leaver = chat.admit(now, participant)?;
                Ok(disconnect(now, chat, leaver))
            }
            Command::Accept { agent, participant } => accept(now, chat, agent, participant),
            Command::Stop => {
                if chat.is_over() {
                    return Err(Refusal::new(
                        ErrorKind::ContactNotFound,
                        format!("The contact {} has ended", chat.id),
                    ));
                }
                let mut after = chat.clone();
                let ended = end(now, &mut after, EndReason::Other);
                Ok(Decision::change(after, vec![ended]))
            }
            Command::TimePassed => Ok(time_passed(now, chat)),
        }
    }

    fn connect(&self, now: Timestamp, chat: &Chat, participant: &Participant) -> Decision {
        if participant.presence != Presence::Expected {
            return Decision::nothing(Answer::Done);
        }
        let mut after = chat.clone();
        after.updated_at = now;
        if let Some(participant) = after.participant_mut(&participant.id) {
            participant.presence = Presence::Joined;
        }
        let mut entries = vec![event(chat, Some(participant), ContentType::ParticipantJoined)];
        if matches!(chat.phase, Phase::Started { .. }) {
            // The flow starts with the customer's connection, and with it the conversation
            // (docs/protocol/participant-service.md §12.2).
            if let Some((content_type, content)) = after.initial_message.take() {
                entries.push(message(chat, participant, content_type, content));
            }
            if let (Some(script), Some(assistant)) = (&self.assistant, chat.assistant()) {
                after.phase = Phase::Assistant;
                entries.push(text(chat, assistant, &script.greeting));
            } else {
                self.enqueue(now, &mut after);
            }
        }
        Decision::change(after, entries)
    }

    fn send_message(
        &self,
        now: Timestamp,
        chat: &Chat,
        sender: &Participant,
        request: &SendMessageRequest,
    ) -> Result<Decision, Refusal> {
        require_supported(&chat.content_types, &request.content_type, ErrorKind::Validation)?;
        let said = message(chat, sender, request.content_type.clone(), request.content.clone());
        let mut decision = Decision { entries: vec![said], ..Decision::nothing(Answer::Entry(0)) };
        if chat.phase != Phase::Assistant {
            return Ok(decision);
        }
        let (Some(script), Some(assistant)) = (&self.assistant, chat.assistant()) else {
            // The server was started anew without its assistant.
            let mut after = chat.clone();
            self.enqueue(now, &mut after);
            return Ok(Decision { chat: Some(after), ..decision });
        };
        match script.reply(&request.content) {
            Reply::Text(answer) => decision.entries.push(text(chat, assistant, answer)),
            Reply::Handover(answer) => {
                decision.entries.push(text(chat, chat.system(), answer));
                let mut after = chat.clone();
                if let Some(assistant) = after.participant_mut(&assistant.id) {
                    assistant.presence = Presence::Left;
                }
                self.enqueue(now, &mut after);
                decision.chat = Some(after);
            }
        }
        Ok(decision)
    }

    fn send_event(
        &self,
        now: Timestamp,
        chat: &Chat,
        participant: &ParticipantId,
        request: &SendEventRequest,
    ) -> Result<Decision, Refusal> {
        if request.content_type == ContentType::ConnectionAcknowledged {
            // The former way to say ConnectParticipant (docs/protocol/participant-service.md §3.3).
            let decision = self.connect(now, chat, chat.admit(now, participant)?);
            let answer =
                if decision.entries.is_empty() { Answer::Accepted } else { Answer::Entry(0) };
            return Ok(Decision { answer, ..decision });
        }
        let sender = admit_joined(now, chat, participant)?;
        if request.content_type == ContentType::Typing {
            return Ok(Decision {
                transient: vec![event(chat, Some(sender), ContentType::Typing)],
                ..Decision::nothing(Answer::Transient(0))
            });
        }
        if !request.content_type.is_receipt() {
            return Err(Refusal::new(
                ErrorKind::Validation,
                format!("ContentType: {} is no event that participants send", request.content_type),
            ));
        }
        let about = request.receipt_message_id().ok_or_else(|| {
            Refusal::new(ErrorKind::Validation, "Content: a receipt must name its messageId")
        })?;
        // Receipts work between two people only (docs/protocol/participant-service.md §9). What is
        // no item of ours can have no receipt.
        if chat.present().count() != 2 || time_of_item(&about).is_none() {
            return Ok(Decision::nothing(Answer::Accepted));
        }
        let receipt = Draft {
            kind: EntryKind::Receipt,
            audience: Audience::All,
            contact_id: chat.current_contact().id.clone(),
            about: Some(about),
            sender: Some(sender_of(sender)),
            body: DraftBody::Receipt { read: request.content_type == ContentType::MessageRead },
        };
        Ok(Decision { entries: vec![receipt], ..Decision::nothing(Answer::Entry(0)) })
    }

    fn enqueue(&self, now: Timestamp, chat: &mut Chat) {
        chat.phase = Phase::Queued { queue: self.queue.clone(), since: now };
        chat.current_contact_mut().queued = Some((self.queue.clone(), now));
        chat.updated_at = now;
    }
}

fn accept(
    now: Timestamp,
    chat: &Chat,
    agent: &AgentUser,
    participant: &ParticipantId,
) -> Result<Decision, Refusal> {
    if chat.waiting().is_none() || chat.ends_at <= now {
        if chat.agent_of_user(&agent.id).is_some() && !chat.is_over() {
            // The agent asks again, the first answer was lost.
            return Ok(Decision::nothing(Answer::Done));
        }
        return Err(if chat.phase == Phase::WithAgent {
            Refusal::new(ErrorKind::Conflict, "Another agent was faster")
        } else {
            Refusal::new(
                ErrorKind::ResourceNotFound,
                format!("The contact {} does not wait for an agent", chat.current_contact().id),
            )
        });
    }
    if chat.present().count() >= limits::PRESENT_IN_CHAT {
        return Err(Refusal::new(
            ErrorKind::Conflict,
            format!("There are {} people in this chat already", limits::PRESENT_IN_CHAT),
        ));
    }
    let mut after = chat.clone();
    let joined = Participant {
        id: participant.clone(),
        role: ParticipantRole::Agent,
        name: agent.name.clone(),
        user: Some(agent.id.clone()),
        presence: Presence::Joined,
    };
    let entry = event(chat, Some(&joined), ContentType::ParticipantJoined);
    after.participants.push(joined);
    after.current_contact_mut().agent = Some((agent.id.clone(), now));
    after.phase = Phase::WithAgent;
    after.updated_at = now;
    Ok(Decision::change(after, vec![entry]))
}

fn disconnect(now: Timestamp, chat: &Chat, leaver: &Participant) -> Decision {
    let mut after = chat.clone();
    after.updated_at = now;
    if let Some(leaver) = after.participant_mut(&leaver.id) {
        leaver.presence = Presence::Left;
    }
    let mut entries = Vec::with_capacity(2);
    if leaver.presence == Presence::Joined {
        entries.push(event(chat, Some(leaver), ContentType::ParticipantLeft));
    }
    let agent_remains =
        after.present().any(|participant| participant.role == ParticipantRole::Agent);
    match leaver.role {
        ParticipantRole::Customer => entries.push(end(now, &mut after, EndReason::Customer)),
        ParticipantRole::Agent if !agent_remains => {
            entries.push(end(now, &mut after, EndReason::Agent));
        }
        _ => {}
    }
    Decision::change(after, entries)
}

fn time_passed(now: Timestamp, chat: &Chat) -> Decision {
    if chat.next_due().is_none_or(|due| due > now) {
        return Decision::nothing(Answer::Done);
    }
    let mut after = chat.clone();
    let ended = end(now, &mut after, EndReason::Other);
    if matches!(chat.phase, Phase::Started { .. }) {
        // The customer never came: no events to anybody (docs/protocol/participant-service.md §12.3).
        return Decision::change(after, Vec::new());
    }
    Decision::change(after, vec![ended])
}

/// Ends a chat; gives the event that says so, which is from nobody.
fn end(now: Timestamp, chat: &mut Chat, reason: EndReason) -> Draft {
    chat.phase = Phase::Ended { at: now, reason };
    chat.updated_at = now;
    event(chat, None, ContentType::ChatEnded)
}

/// A participant who may speak: one who has connected.
fn admit_joined<'a>(
    now: Timestamp,
    chat: &'a Chat,
    id: &ParticipantId,
) -> Result<&'a Participant, Refusal> {
    let participant = chat.admit(now, id)?;
    if participant.presence != Presence::Joined {
        return Err(Refusal::new(
            ErrorKind::AccessDenied,
            "Access denied: connect first, by subscribing on the socket or with ConnectParticipant",
        ));
    }
    Ok(participant)
}

/// Plain text is always supported (docs/protocol/participant-service.md §5.1).
fn require_supported(
    supported: &[ContentType],
    content_type: &ContentType,
    kind: ErrorKind,
) -> Result<(), Refusal> {
    if *content_type == ContentType::TextPlain || supported.contains(content_type) {
        return Ok(());
    }
    Err(Refusal::new(
        kind,
        format!(
            "ContentType: {content_type} is not among the SupportedMessagingContentTypes of this chat"
        ),
    ))
}

fn sender_of(participant: &Participant) -> Sender {
    Sender {
        id: participant.id.clone(),
        role: participant.role.clone(),
        name: participant.name.clone(),
    }
}

fn item(
    chat: &Chat,
    sender: Option<&Participant>,
    item_type: ItemType,
    content_type: ContentType,
    content: Option<String>,
) -> Draft {
    Draft {
        kind: EntryKind::Item,
        audience: Audience::All,
        contact_id: chat.current_contact().id.clone(),
        about: None,
        sender: sender.map(sender_of),
        body: DraftBody::Item { item_type, content_type, content },
    }
}

fn message(chat: &Chat, sender: &Participant, content_type: ContentType, content: String) -> Draft {
    item(chat, Some(sender), ItemType::Message, content_type, Some(content))
}

fn text(chat: &Chat, sender: &Participant, content: &str) -> Draft {
    message(chat, sender, ContentType::TextPlain, content.to_owned())
}

fn event(chat: &Chat, sender: Option<&Participant>, content_type: ContentType) -> Draft {
    item(chat, sender, ItemType::Event, content_type, None)
}
