//! The state of one chat.

use std::fmt;

use chatloom_wire::{
    ContactFlowId, ContactId, ContentType, ErrorKind, InstanceId, ParticipantId, ParticipantRole,
    Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{
    Attachment, Closing, CustomBot, Follower, HandedOn, Past, Record, Refusal, Timers,
    guide::SignIn,
};

/// One chat: all its contacts and participants. Stored as JSON; a field added later needs a serde
/// default.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    /// The chat, by its initial contact id.
    pub id: ContactId,
    /// The instance it belongs to.
    pub instance_id: InstanceId,
    /// The flow it was started with.
    pub contact_flow_id: ContactFlowId,
    /// Its contacts, oldest first; the last one is the present one. Never empty, and at most one more than
    /// [`TRANSFERS_OF_CHAT`](crate::limits::TRANSFERS_OF_CHAT).
    pub contacts: Vec<Contact>,
    /// Everybody who is or was in it. The first is the customer, the second speaks for flows; an
    /// assistant is third if the chat was started with one, or may get one in the end. Never fewer than
    /// two.
    pub participants: Vec<Participant>,
    /// What may be sent.
    pub content_types: Vec<ContentType>,
    /// What the back end knows about the customer: names and values, sorted by name.
    pub attributes: Vec<(String, String)>,
    /// Where it stands.
    pub phase: Phase,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ends at the latest.
    pub ends_at: Timestamp,
    /// The customer's first message, until the customer connects.
    pub initial_message: Option<(ContentType, String)>,
    /// Its files, oldest first; at most [`ATTACHMENTS_IN_CHAT`](crate::limits::ATTACHMENTS_IN_CHAT).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Timers of people who fall silent.
    #[serde(default, skip_serializing_if = "Timers::is_empty")]
    pub timers: Timers,
    /// What the control plane keeps with it.
    #[serde(default, skip_serializing_if = "Record::is_empty")]
    pub record: Record,
    /// What it continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past: Option<Past>,
    /// The contact it is linked to: the one it continues, or another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related: Option<ContactId>,
    /// Whether agents are disconnected when the customer leaves (`DisconnectOnCustomerExit`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub agents_leave_with_customer: bool,
    /// Who outside is told what happens in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followers: Vec<Follower>,
    /// The custom participant that was added last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_bot: Option<CustomBot>,
    /// The customer is asked to sign in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignIn>,
    /// Until when the flow waits for a custom participant to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for_bot: Option<Timestamp>,
    /// The disconnect flow that the customer is in, or was last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<Closing>,
}

/// Ids only: the rest is private.
impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat")
            .field("id", &self.id)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}

impl Chat {
    /// Gives back the room that its lists have to grow: a chat that was read is kept for long, and
    /// changed as a copy.
    pub fn shrink_to_fit(&mut self) {
        self.contacts.shrink_to_fit();
        self.participants.shrink_to_fit();
        self.content_types.shrink_to_fit();
        self.attributes.shrink_to_fit();
        self.attachments.shrink_to_fit();
    }

    /// The present contact; after the end, the last one.
    pub fn current_contact(&self) -> &Contact {
        self.contacts.last().expect("a chat is started with its first contact and loses none")
    }

    pub(crate) fn current_contact_mut(&mut self) -> &mut Contact {
        self.contacts.last_mut().expect("a chat is started with its first contact and loses none")
    }

    /// Somebody who is or was in the chat.
    pub fn participant(&self, id: &ParticipantId) -> Option<&Participant> {
        self.participants.iter().find(|participant| participant.id == *id)
    }

    pub(crate) fn participant_mut(&mut self, id: &ParticipantId) -> Option<&mut Participant> {
        self.participants.iter_mut().find(|participant| participant.id == *id)
    }

    /// The customer.
    pub fn customer(&self) -> &Participant {
        self.participants.first().expect("a chat is started with its customer")
    }

    /// Who speaks for flows.
    pub fn system(&self) -> &Participant {
        self.participants.get(1).expect("a chat is started with somebody who speaks for flows")
    }

    /// The assistant, if the chat was started with one, or may get one in the end.
    pub fn assistant(&self) -> Option<&Participant> {
        self.participants.get(2).filter(|third| third.role == ParticipantRole::System)
    }

    /// The people who are in the chat: neither flows nor assistants, nobody who is still expected or
    /// has left.
    pub fn present(&self) -> impl Iterator<Item = &Participant> {
        self.participants.iter().filter(|participant| {
            participant.presence == Presence::Joined && participant.role != ParticipantRole::System
        })
    }

    /// What a user became in this chat, if that agent is in it.
    pub fn agent_of_user(&self, user: &str) -> Option<&Participant> {
        self.present().find(|participant| participant.user.as_deref() == Some(user))
    }

    /// How many agents have come into it so far.
    pub(crate) fn agents(&self) -> usize {
        let agent = |person: &&Participant| person.role == ParticipantRole::Agent;
        self.participants.iter().filter(agent).count()
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ended { .. })
    }

    /// When it ended, if it has.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Ended { at, .. } => Some(at),
            _ => None,
        }
    }

    /// The queue it waits in, and since when, which is its place there.
    pub fn waiting(&self) -> Option<(&str, Timestamp)> {
        match &self.phase {
            Phase::Queued { queue, since } => Some((queue, *since)),
            _ => None,
        }
    }

    /// When [`Command::TimePassed`](crate::Command::TimePassed) has something to do; `None` once the
    /// chat is over.
    pub fn next_due(&self) -> Option<Timestamp> {
        let end = self.ends_by()?;
        let sign_in = self.sign_in.as_ref().map(|sign_in| sign_in.until);
        [self.timers.next_due(), sign_in, self.waits_for_bot]
            .into_iter()
            .flatten()
            .chain([end])
            .min()
    }

    /// Its last moment, unless it ends before; `None` once it is over.
    pub(crate) fn ends_by(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Started { connect_by } => Some(connect_by.min(self.ends_at)),
            Phase::Ended { .. } => None,
            Phase::Assistant | Phase::Queued { .. } | Phase::WithAgent => Some(self.ends_at),
        }
    }

    /// Whether it is over at a time, even if nobody has told the chat yet that its last moment passed.
    pub(crate) fn has_ended_by(&self, now: Timestamp) -> bool {
        self.ends_by().is_none_or(|end| end <= now)
    }

    /// A participant who may still do something here: has not left, and the chat is not over. Its
    /// last moment counts from its time on, even if nobody has told the chat yet that it passed.
    ///
    /// Refused with `AccessDeniedException`, as all calls after the end are
    /// (docs/protocol/participant-service.md §1.4).
    pub fn admit(&self, now: Timestamp, id: &ParticipantId) -> Result<&Participant, Refusal> {
        if self.has_ended_by(now) {
            return Err(Refusal::new(ErrorKind::AccessDenied, "Access denied: the chat is over"));
        }
        let participant = self.participant(id).ok_or_else(|| {
            Refusal::new(ErrorKind::AccessDenied, "Access denied: no participant of this chat")
        })?;
        if participant.presence == Presence::Left {
            return Err(Refusal::new(
                ErrorKind::AccessDenied,
                "Access denied: the participant has left the chat",
            ));
        }
        Ok(participant)
    }

    /// A participant who may speak: one who has connected.
    pub(crate) fn admit_joined(
        &self,
        now: Timestamp,
        id: &ParticipantId,
    ) -> Result<&Participant, Refusal> {
        let participant = self.admit(now, id)?;
        if participant.presence != Presence::Joined {
            return Err(Refusal::new(
                ErrorKind::AccessDenied,
                "Access denied: connect first, by subscribing on the socket or with ConnectParticipant",
            ));
        }
        Ok(participant)
    }
}

/// One leg of a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Its id; the first one's is the chat's.
    pub id: ContactId,
    /// When it began.
    pub started_at: Timestamp,
    /// The queue it waits or waited in, and since when.
    pub queued: Option<(String, Timestamp)>,
    /// The agent's user id, and when the agent was connected.
    pub agent: Option<(String, Timestamp)>,
    /// Who handed it on to whom, if it is not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_on: Option<HandedOn>,
}

/// Somebody in a chat.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// The participant.
    pub id: ParticipantId,
    /// What they are.
    pub role: ParticipantRole,
    /// What they are called, 1 to 256 characters.
    pub name: String,
    /// The agent's user id.
    pub user: Option<String>,
    /// Whether they are here.
    pub presence: Presence,
}

impl Participant {
    /// Whether they see what is for agents only.
    pub fn sees_agents(&self) -> bool {
        matches!(self.role, ParticipantRole::Agent | ParticipantRole::Supervisor)
    }
}

/// Without the name: it is personal.
impl fmt::Debug for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Participant")
            .field("id", &self.id)
            .field("role", &self.role)
            .field("presence", &self.presence)
            .finish_non_exhaustive()
    }
}

/// Whether a participant is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Presence {
    /// May come, has not connected.
    Expected,
    /// Has connected.
    Joined,
    /// Has left; may do nothing any more.
    Left,
}

/// Where a chat stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Started; the customer must connect by then (docs/protocol/participant-service.md §1.4).
    Started {
        /// The deadline.
        connect_by: Timestamp,
    },
    /// With the assistant, or with a custom participant whom the flow has waited for.
    Assistant,
    /// Waiting for an agent.
    Queued {
        /// In this queue.
        queue: String,
        /// Since then, which is its place there; one that is meant for an agent by name is before all
        /// others.
        since: Timestamp,
    },
    /// With one agent or more.
    WithAgent,
    /// Over.
    Ended {
        /// Since then.
        at: Timestamp,
        /// Why.
        reason: EndReason,
    },
}

/// Why a chat ended, as contact records spell it (docs/protocol/participant-service.md §10.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndReason {
    /// `CUSTOMER_DISCONNECT`
    Customer,
    /// `AGENT_DISCONNECT`
    Agent,
    /// `OTHER`: stopped by the control plane, or out of time.
    Other,
}

impl EndReason {
    /// As contact records spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "CUSTOMER_DISCONNECT",
            Self::Agent => "AGENT_DISCONNECT",
            Self::Other => "OTHER",
        }
    }
}

/// An agent who signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentUser {
    /// The user id, for instance `ana`.
    pub id: String,
    /// The name customers see.
    pub name: String,
}

/// What a chat is started with. The ids are the caller's, all different: the engine makes none.
#[derive(Clone, Debug)]
pub struct StartChat {
    /// The chat and its first contact.
    pub contact_id: ContactId,
    /// The customer.
    pub participant_id: ParticipantId,
    /// Who speaks for flows.
    pub system_id: ParticipantId,
    /// Who speaks for the assistant; not used without one.
    pub assistant_id: ParticipantId,
    /// The request, already checked.
    pub request: chatloom_wire::contact::StartChatContactRequest,
}
