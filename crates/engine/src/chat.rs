//! The state of one chat.

use std::fmt;

use chatloom_wire::{
    ContactFlowId, ContactId, ContentType, InstanceId, ParticipantId, ParticipantRole, Timestamp,
    contact::Attributes,
};
use serde::{Deserialize, Serialize};

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
    /// Its contacts, oldest first; the last one is the present one. Never empty.
    pub contacts: Vec<Contact>,
    /// Everybody who is or was in it. The first is the customer.
    pub participants: Vec<Participant>,
    /// What may be sent.
    pub content_types: Vec<ContentType>,
    /// What the back end knows about the customer.
    pub attributes: Attributes,
    /// Where it stands.
    pub phase: Phase,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ends at the latest.
    pub ends_at: Timestamp,
    /// The customer's first message, until the customer connects.
    pub initial_message: Option<(ContentType, String)>,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Ids only: the rest is private.
impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat").field("id", &self.id).field("phase", &self.phase).finish_non_exhaustive()
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
    /// With the assistant.
    Assistant,
    /// Waiting for an agent.
    Queued {
        /// In this queue.
        queue: String,
        /// Since then.
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

/// An agent who signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentUser {
    /// The user id, for instance `ana`.
    pub id: String,
    /// The name customers see.
    pub name: String,
}

/// What a chat is started with. The ids are the caller's: the engine makes none.
#[derive(Clone)]
pub struct StartChat {
    /// The chat and its first contact.
    pub contact_id: ContactId,
    /// The customer.
    pub participant_id: ParticipantId,
    /// The participant that speaks for flows and the assistant.
    pub system_id: ParticipantId,
    /// The request, already checked.
    pub request: chatloom_wire::contact::StartChatContactRequest,
}
