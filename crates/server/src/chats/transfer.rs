//! Agents hand customers on.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use chatloom_engine::{AgentUser, Chat, Command, Transfer, TransferTo, not_in_chat};
use chatloom_wire::{ContactId, ErrorKind, ServiceError};

use super::{Chats, new_id, outcome::failed, settle::Settled};

/// What an agent wants done with a chat.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The chat's present contact, or its initial one.
    pub contact: ContactId,
    /// A queue, or another user. The queue is known, and so is the user.
    pub to: TransferTo,
    /// How long a user has the chat alone, in milliseconds.
    pub reserved_ms: i64,
    /// The user is not there.
    pub is_away: bool,
    /// How many chats may wait in the queue already.
    pub room: u64,
}

/// A chat that was handed on.
#[derive(Clone, Debug)]
pub struct Transferred {
    /// The chat.
    pub chat: Arc<Chat>,
    /// Its contact from then on.
    pub contact: ContactId,
}

impl Chats {
    /// Whether chats may wait in a queue of this name.
    pub fn has_queue(&self, queue: &str) -> bool {
        self.rules.queues().contains(&queue)
    }

    /// Hands on a chat in which the agent is; all agents leave it. What was done already answers the
    /// same again.
    ///
    /// `ResourceNotFoundException` for any other chat; `ValidationException` when the other user is in
    /// it already; `ServiceQuotaExceededException` for one transfer too many; `ConflictException` when
    /// the target cannot take it now, which everybody in the chat is told, and the agent stays.
    pub async fn transfer(
        self: &Arc<Self>,
        agent: &AgentUser,
        wish: Wish,
    ) -> Result<Transferred, ServiceError> {
        let Wish { contact: from, to, reserved_ms, is_away, room } = wish;
        let chat = self.store.chat_of_contact(&from).await.map_err(|error| failed(&error))?;
        let chat = chat.ok_or_else(not_in_chat)?;
        let is_impossible = is_away || self.is_full(&chat, &to, room).await?;
        let contact = ContactId::from(new_id());
        let command = Command::Transfer(Transfer {
            by: agent.id.clone(),
            from: from.clone(),
            to: to.clone(),
            contact: contact.clone(),
            reserved_ms,
            is_impossible,
        });
        let Settled { chat, .. } = self.settle(&chat, command, None).await?;
        if chat.contacts.iter().any(|known| known.id == contact) {
            self.counts.transferred.fetch_add(1, Relaxed);
            return Ok(Transferred { chat, contact });
        }
        if let Some(done) = chat.handed_on(&agent.id, &from, &to) {
            let contact = done.id.clone();
            return Ok(Transferred { chat, contact });
        }
        self.counts.transfers_failed.fetch_add(1, Relaxed);
        Err(ServiceError::new(
            ErrorKind::Conflict,
            if is_away {
                "This user is away; the customer stays with you"
            } else {
                "This queue is full; the customer stays with you"
            },
        ))
    }

    /// Whether as many chats wait as may where this one would.
    async fn is_full(
        &self,
        chat: &ContactId,
        to: &TransferTo,
        room: u64,
    ) -> Result<bool, ServiceError> {
        let (known, _) = self.load(chat).await.map_err(|error| failed(&error))?;
        let queue = self.rules.queue_of_transfer(&known.chat, to);
        let waiting = self.store.waiting(&queue, 1).await.map_err(|error| failed(&error))?;
        Ok(waiting.total >= room)
    }
}
