//! Agents hand a customer on: to a queue, or to one of their colleagues
//! (docs/protocol/participant-service.md §12.4).
//!
//! The chat goes on with a contact of its own, and waits again. One that is meant for a user is kept
//! for that user for a while, at the head of the queue; from then on anybody may take it. That is read
//! from the clock when it matters, so it needs no timer.

use chatloom_wire::{ContactId, ContentType, ErrorKind, ParticipantRole, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Answer, Chat, Contact, Decision, Phase, Presence, Refusal, Rules, compose::event, limits,
};

/// Where a customer is handed on to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransferTo {
    /// A queue, one that a flow leads to.
    Queue(String),
    /// An agent, by the user id.
    User(String),
}

/// An agent wants to hand a customer on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Who, by the user id.
    pub by: String,
    /// The contact that is handed on: the present one, or the chat by its initial one.
    pub from: ContactId,
    /// Where to.
    pub to: TransferTo,
    /// The contact that the chat gets.
    pub contact: ContactId,
    /// How long a chat for a user is kept for that user, in milliseconds.
    pub reserved_ms: i64,
    /// The target cannot take the customer now: everybody in the chat is told that it failed.
    pub is_impossible: bool,
}

/// How a contact came about that is not a chat's first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOn {
    /// By whom, by the user id.
    pub by: String,
    /// To whom.
    pub to: TransferTo,
    /// Until when it is kept for the user it was handed on to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_until: Option<Timestamp>,
}

impl Chat {
    /// The user whom the present contact is meant for, and until when it is kept for that user alone,
    /// while it waits; also when that time has passed.
    pub fn meant_for(&self) -> Option<(&str, Timestamp)> {
        self.waiting()?;
        match self.current_contact().handed_on.as_ref()? {
            HandedOn { to: TransferTo::User(user), reserved_until: Some(until), .. } => {
                Some((user, *until))
            }
            _ => None,
        }
    }

    /// Whether it waits for another user than this one alone.
    pub fn is_kept_from(&self, now: Timestamp, user: &str) -> bool {
        self.meant_for().is_some_and(|(meant, until)| meant != user && now < until)
    }

    /// The contact that a transfer has led to which was made already: whoever made it is here no more,
    /// and has asked for just that. By the initial contact, which names the chat as well, it is the last
    /// such transfer.
    pub fn handed_on(&self, by: &str, from: &ContactId, to: &TransferTo) -> Option<&Contact> {
        if self.agent_of_user(by).is_some() {
            return None;
        }
        let is_that = |contact: &&Contact| {
            contact.handed_on.as_ref().is_some_and(|how| how.by == by && how.to == *to)
        };
        if *from == self.id {
            return self.contacts.iter().rfind(is_that);
        }
        let at = self.contacts.iter().position(|contact| contact.id == *from)?;
        self.contacts.get(at + 1).filter(is_that)
    }
}

impl Rules {
    /// All agents leave, and the chat waits again with a contact of its own. Done already, nothing; what
    /// is impossible is told to everybody, and nobody leaves.
    pub(crate) fn transfer(
        &self,
        now: Timestamp,
        chat: &Chat,
        transfer: &Transfer,
    ) -> Result<Decision, Refusal> {
        let Transfer { by, from, to, contact, reserved_ms, is_impossible } = transfer;
        if chat.has_ended_by(now) {
            return Err(not_in_chat());
        }
        if chat.handed_on(by, from, to).is_some() {
            return Ok(Decision::nothing(Answer::Done));
        }
        let is_present = [&chat.id, &chat.current_contact().id].contains(&from);
        let agent = chat.agent_of_user(by).filter(|_| is_present).ok_or_else(not_in_chat)?;
        if let TransferTo::User(user) = to
            && chat.agent_of_user(user).is_some()
        {
            return Err(Refusal::new(ErrorKind::Validation, "user: is in this chat already"));
        }
        if chat.contacts.len() > limits::TRANSFERS_OF_CHAT {
            return Err(Refusal::new(
                ErrorKind::ServiceQuotaExceeded,
                format!("A chat is transferred {} times at most", limits::TRANSFERS_OF_CHAT),
            ));
        }
        if *is_impossible {
            let failed = event(chat, Some(agent), ContentType::TransferFailed);
            return Ok(Decision { entries: vec![failed], ..Decision::nothing(Answer::Done) });
        }
        let mut after = chat.clone();
        // All of it belongs to the contact that ends.
        let mut entries = vec![event(chat, Some(agent), ContentType::TransferSucceeded)];
        for person in &mut after.participants {
            if person.role == ParticipantRole::Agent && person.presence == Presence::Joined {
                entries.push(event(chat, Some(person), ContentType::ParticipantLeft));
                person.presence = Presence::Left;
            }
        }
        let queue = self.queue_of_transfer(chat, to);
        let (since, reserved_until) = match to {
            TransferTo::Queue(_) => (now, None),
            // Who is meant for somebody by name waits before all others: nobody has waited for longer
            // than a chat may last.
            TransferTo::User(_) => (
                chat.started_at.plus_millis(-limits::LONGEST_CHAT_MS),
                Some(now.plus_millis(*reserved_ms)),
            ),
        };
        after.contacts.push(Contact {
            id: contact.clone(),
            started_at: now,
            queued: Some((queue.clone(), now)),
            agent: None,
            handed_on: Some(HandedOn { by: by.clone(), to: to.clone(), reserved_until }),
        });
        after.phase = Phase::Queued { queue, since };
        after.updated_at = now;
        Ok(Decision::change(after, entries))
    }

    /// The queue that a chat would wait in. For a user it is the one that the present contact came from, if
    /// there is still one of that name, and else the flow's.
    pub fn queue_of_transfer(&self, chat: &Chat, to: &TransferTo) -> String {
        if let TransferTo::Queue(queue) = to {
            return queue.clone();
        }
        let known = self.queues();
        let queued = chat.current_contact().queued.as_ref().map(|(queue, _)| queue);
        queued
            .filter(|queue| known.contains(&queue.as_str()))
            .unwrap_or(&self.flow(&chat.contact_flow_id).queue)
            .clone()
    }
}

/// One error for chats of others, chats that are over, and none: agents learn nothing of where they are
/// not.
pub fn not_in_chat() -> Refusal {
    Refusal::new(ErrorKind::ResourceNotFound, "contactId: you are in no such chat")
}
