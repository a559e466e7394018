//! What back ends do: look at a chat, change what is kept with it, end it.

use std::sync::Arc;

use chatloom_engine::{Chat, Command, RecordChange};
use chatloom_wire::{ContactId, ErrorKind, ServiceError, contact::ParticipantTimer};

use super::{
    Chats,
    outcome::{failed, to_control_plane},
};

impl Chats {
    /// The chat that a contact belongs to, for the control plane; `ResourceNotFoundException` when
    /// there is none.
    pub async fn describe(&self, contact: &ContactId) -> Result<Arc<Chat>, ServiceError> {
        let chat = self.chat_of(contact).await.map_err(to_control_plane)?;
        // Read anew: what is described is what is stored.
        let held = self.reload(&chat).await.map_err(|error| to_control_plane(failed(&error)))?;
        Ok(held.chat)
    }

    /// Ends a chat by one of its contacts: StopContact. `ResourceNotFoundException` when there is no
    /// such contact, `ContactNotFoundException` when it has ended.
    pub async fn stop(self: &Arc<Self>, contact: &ContactId) -> Result<(), ServiceError> {
        let chat = self.chat_of(contact).await.map_err(to_control_plane)?;
        self.settle(&chat, Command::Stop, None).await.map(drop).map_err(to_control_plane)
    }

    /// Sets timers of people who fall silent, for the agents who join from now on:
    /// UpdateParticipantRoleConfig. The request has been checked. `ResourceNotFoundException` when
    /// there is no such contact or its chat has ended.
    pub async fn set_timers(
        self: &Arc<Self>,
        contact: &ContactId,
        timers: Vec<ParticipantTimer>,
    ) -> Result<(), ServiceError> {
        let chat = self.chat_of(contact).await.map_err(to_control_plane)?;
        let command = Command::SetTimers { timers };
        self.settle(&chat, command, None).await.map(drop).map_err(to_control_plane)
    }

    /// Changes what is kept with a chat, by one of its contacts, also after its end.
    /// `ResourceNotFoundException` when there is no such contact, `InvalidParameterException` when it
    /// would be more than a contact may have.
    pub async fn change_record(
        self: &Arc<Self>,
        contact: &ContactId,
        change: RecordChange,
    ) -> Result<(), ServiceError> {
        let chat = self.chat_of(contact).await.map_err(to_control_plane)?;
        let command = Command::Record(change);
        self.settle(&chat, command, None).await.map(drop).map_err(to_control_plane)
    }

    pub(super) async fn chat_of(&self, contact: &ContactId) -> Result<ContactId, ServiceError> {
        let chat = self.store.chat_of_contact(contact).await.map_err(|error| failed(&error))?;
        chat.ok_or_else(|| {
            ServiceError::new(ErrorKind::ResourceNotFound, "There is no such contact")
        })
    }
}
