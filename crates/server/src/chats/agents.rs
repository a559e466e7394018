//! What agents do: take chats that wait.

use std::sync::Arc;

use chatloom_engine::{AgentUser, Chat, Command};
use chatloom_wire::{ContactId, ErrorKind, ParticipantId, ServiceError};

use super::{
    Chats, new_id,
    outcome::{failed, internal},
    settle::Settled,
};
use crate::{
    queue,
    store::{Versioned, Waiting},
};

/// How many of those who wait are offered to an agent who takes anybody.
const OFFERED: u32 = 16;

/// What became of an agent's wish for a chat.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The chat.
    pub chat: Arc<Chat>,
    /// The participant that the agent is there.
    pub participant: ParticipantId,
}

impl Chats {
    /// Gives an agent a chat that waits: this contact's, or one that was transferred to this agent, or
    /// else the one that has waited longest. An agent who has that contact already gets the same
    /// participant again.
    ///
    /// `ResourceNotFoundException` when nobody waits, or that contact does not; `ConflictException`
    /// when another agent was faster, or the contact is kept for another one.
    pub async fn accept(
        self: &Arc<Self>,
        agent: &AgentUser,
        contact: Option<&ContactId>,
    ) -> Result<Accepted, ServiceError> {
        if let Some(contact) = contact {
            let chat = self.chat_of(contact).await?;
            return self.accept_chat(agent, &chat).await;
        }
        let mut was_late = false;
        for waiting in self.offers(&agent.id).await? {
            match self.accept_chat(agent, &waiting.chat.id).await {
                // Taken by another agent, or gone, since the list was made.
                Err(error)
                    if [ErrorKind::Conflict, ErrorKind::ResourceNotFound].contains(&error.kind) =>
                {
                    was_late = true;
                }
                other => return other,
            }
        }
        Err(if was_late {
            ServiceError::new(ErrorKind::Conflict, "Other agents were faster; try again")
        } else {
            ServiceError::new(ErrorKind::ResourceNotFound, "Nobody waits for an agent")
        })
    }

    /// The chats that a user may take, the best first. Those that are meant for somebody are at the head
    /// of their queues, so one for this user or for anybody may be behind them.
    async fn offers(&self, user: &str) -> Result<Vec<Versioned>, ServiceError> {
        let now = self.clock.now();
        let mut limit = OFFERED;
        loop {
            let mut chats = self.waiting(limit).await?.chats;
            let is_enough = chats.len() < limit as usize
                || chats.last().is_some_and(|last| last.chat.meant_for().is_none());
            chats.retain(|waiting| !waiting.chat.is_kept_from(now, user));
            if is_enough {
                // Who hands a customer on does not want the same one back if there is another.
                chats.sort_by_key(|waiting| {
                    let is_theirs =
                        waiting.chat.meant_for().is_some_and(|(meant, _)| meant == user);
                    let how = waiting.chat.current_contact().handed_on.as_ref();
                    (!is_theirs, how.is_some_and(|how| how.by == user))
                });
                return Ok(chats);
            }
            limit = limit.saturating_mul(4);
        }
    }

    async fn accept_chat(
        self: &Arc<Self>,
        agent: &AgentUser,
        chat: &ContactId,
    ) -> Result<Accepted, ServiceError> {
        let command = Command::Accept { agent: agent.clone(), participant: new_id().into() };
        let Settled { chat, .. } = self.settle(chat, command, None).await?;
        // Not the id above when the agent has the chat already.
        let participant = chat.agent_of_user(&agent.id).map(|agent| agent.id.clone());
        Ok(Accepted { participant: participant.ok_or_else(internal)?, chat })
    }

    /// Who waits for an agent: the ones that have waited longest, at most `limit`.
    pub async fn waiting(&self, limit: u32) -> Result<Waiting, ServiceError> {
        let queues = self.rules.queues();
        queue::waiting(&*self.store, &queues, limit).await.map_err(|error| failed(&error))
    }
}
