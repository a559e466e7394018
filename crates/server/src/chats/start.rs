//! Starting a chat.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use chatloom_engine::{Chat, Follower, StartChat};
use chatloom_wire::{ErrorKind, ServiceError, contact::StartChatContactRequest};

use super::{
    Cached, Chats, new_id,
    outcome::{failed, internal, to_control_plane, token_reused},
    repeats::{given, token_key},
};
use crate::store::{Created, FIRST_VERSION, TokenKey};

impl Chats {
    /// Starts a chat: StartChatContact. The request has been checked. A repeat with the same
    /// `ClientToken` answers the chat that the first one started.
    ///
    /// Errors are those of the control plane: `InvalidRequestException` for a first message of a type
    /// that the chat does not support, and for another request under a token that was used;
    /// `LimitExceededException` while as many chats are open as there may be; and those of
    /// [`continue_chat`](Self::continue_chat) about the contact that it continues or is linked to.
    pub async fn start(
        &self,
        mut request: StartChatContactRequest,
    ) -> Result<Arc<Chat>, ServiceError> {
        let key = match given(request.client_token.as_deref()) {
            Some(token) => Some(start_key(token, &request)?),
            None => None,
        };
        let past = match &request.persistent_chat {
            Some(source) => {
                let customer = request.customer_id.as_deref();
                Some(self.past_of(source, &request.instance_id, customer).await?)
            }
            None => None,
        };
        if let Some(related) = request.related_contact_id.clone() {
            self.take_over(&related, &mut request).await?;
        }
        let start = StartChat {
            contact_id: new_id().into(),
            participant_id: new_id().into(),
            system_id: new_id().into(),
            assistant_id: new_id().into(),
            request,
        };
        let endpoint = start.request.chat_streaming_configuration.as_ref();
        let stream = endpoint
            .map(|to| Follower::stream(new_id().into(), to.streaming_endpoint_arn.as_str()));
        let chat = self.rules.start(self.clock.now(), start)?;
        let mut chat = match past {
            Some(past) => chat.continuing(past),
            None => chat,
        };
        chat.followers.extend(stream);
        let chat = Arc::new(chat);
        let created = self.store.create(Arc::clone(&chat), key, self.most_open).await;
        match created.map_err(|error| to_control_plane(failed(&error)))? {
            Created::New => {
                self.counts.started.fetch_add(1, Relaxed);
                // Its customer will be here in a moment.
                let new = Cached { chat: Arc::clone(&chat), version: FIRST_VERSION, head: Some(0) };
                self.remember(&chat.id, new);
                Ok(chat)
            }
            Created::Repeated(first) => {
                self.counts.repeated.fetch_add(1, Relaxed);
                Ok(first)
            }
            Created::TokenReused => Err(to_control_plane(token_reused())),
            Created::Full => Err(ServiceError::new(
                ErrorKind::LimitExceeded,
                "As many chats are open as instance.max_open_chats allows; try again when one has ended",
            )),
        }
    }
}

fn start_key(token: &str, request: &StartChatContactRequest) -> Result<TokenKey, ServiceError> {
    // Members are written in one order, whatever order they came in.
    let body = serde_json::to_string(request).map_err(|error| {
        tracing::error!(%error, "a request to start a chat could not be hashed");
        to_control_plane(internal())
    })?;
    Ok(token_key(&["StartChatContact", token], &[&body]))
}
