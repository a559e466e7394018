//! Chats that continue others, and chats that are linked to others
//! (docs/protocol/participant-service.md §10.1, §10.10).

use std::sync::Arc;

use chatloom_engine::{Chat, Command, Contact, Past, past};
use chatloom_wire::{
    ContactId, ErrorKind, InstanceId, ServiceError,
    contact::{Attributes, PersistentChat, StartChatContactRequest, check_attributes},
};

use super::{
    Chats,
    outcome::{failed, to_control_plane},
    transcript::NEWEST,
};
use crate::store::{ItemQuery, StoreError};

impl Chats {
    /// Makes a chat that goes on continue one that has ended: CreatePersistentContactAssociation. The
    /// request has been checked; `chat` is an initial contact. Answers the last contact that shows. Once
    /// more with the same source does nothing.
    ///
    /// `ResourceNotFoundException` when one of the contacts is not there or the chat has ended;
    /// `InvalidRequestException` when the source has not ended, or the chat continues another already.
    pub async fn continue_chat(
        self: &Arc<Self>,
        chat: &ContactId,
        request: &PersistentChat,
    ) -> Result<ContactId, ServiceError> {
        // Any other contact of the chat is refused, as the operation is modelled.
        let found =
            self.store.chat(chat).await.map_err(|error| to_control_plane(failed(&error)))?;
        let continuing = found.ok_or_else(no_contact)?.chat;
        let customer = continuing.record.customer_id.as_deref();
        let past = self.past_of(request, &continuing.instance_id, customer).await?;
        let from = past.continued_from.clone();
        let settled = self.settle(chat, Command::Continue { past }, None).await;
        settled.map_err(to_control_plane)?;
        Ok(from)
    }

    /// What a chat of this customer shows that continues another.
    pub(super) async fn past_of(
        &self,
        request: &PersistentChat,
        instance: &InstanceId,
        customer: Option<&str>,
    ) -> Result<Past, ServiceError> {
        let source = self.source(&request.source_contact_id, instance).await?;
        let theirs = source.record.customer_id.as_deref();
        if customer.zip(theirs).is_some_and(|(customer, theirs)| customer != theirs) {
            return Err(ServiceError::new(
                ErrorKind::InvalidRequest,
                "SourceContactId: a chat of a customer with another CustomerId",
            ));
        }
        let shown = past::shown(&source, request)?;
        let last = self.last_place(&source, shown).await;
        let last = last.map_err(|error| to_control_plane(failed(&error)))?;
        Ok(Past::new(&source, shown, last))
    }

    /// The place of the last item of some contacts, which are the first ones of a chat.
    async fn last_place(&self, chat: &Chat, contacts: &[Contact]) -> Result<u64, StoreError> {
        if contacts.len() == chat.contacts.len() {
            return Ok(self
                .store
                .heads(vec![chat.id.clone()])
                .await?
                .first()
                .copied()
                .unwrap_or(0));
        }
        for contact in contacts.iter().rev() {
            let query = ItemQuery {
                chat: chat.id.clone(),
                contact: Some(contact.id.clone()),
                reader: chat.customer().id.clone(),
                agents: true,
                forward: false,
                from: NEWEST,
                limit: 1,
            };
            if let Some(last) = self.store.items(query).await?.first() {
                return Ok(last.seq);
            }
        }
        Ok(0)
    }

    /// A copy of what a contact has that a new chat is linked to, where the request says nothing else:
    /// its attributes and who the customer is.
    pub(super) async fn take_over(
        &self,
        related: &ContactId,
        request: &mut StartChatContactRequest,
    ) -> Result<(), ServiceError> {
        let related = self.source(related, &request.instance_id).await?;
        let mut attributes: Attributes = related.attributes.iter().cloned().collect();
        attributes.append(&mut request.attributes);
        check_attributes(&attributes).map_err(|invalid| {
            let message = format!("{invalid}, with those of RelatedContactId");
            ServiceError::new(ErrorKind::InvalidRequest, message)
        })?;
        request.attributes = attributes;
        if request.customer_id.is_none() {
            request.customer_id.clone_from(&related.record.customer_id);
        }
        Ok(())
    }

    /// The chat of a contact that another chat of the same instance refers to.
    async fn source(
        &self,
        contact: &ContactId,
        instance: &InstanceId,
    ) -> Result<Arc<Chat>, ServiceError> {
        let chat = self.describe(contact).await?;
        if chat.instance_id == *instance { Ok(chat) } else { Err(no_contact()) }
    }
}

fn no_contact() -> ServiceError {
    ServiceError::new(ErrorKind::ResourceNotFound, "There is no such contact")
}
