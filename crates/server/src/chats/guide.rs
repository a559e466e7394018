//! What the flow says for back ends, and customers who sign in.

use std::sync::Arc;

use chatloom_engine::{Command, guide::Guide};
use chatloom_wire::{ContactId, ServiceError, participant::SentResponse};

use super::{
    Chats, new_id,
    outcome::{internal, to_control_plane},
    settle::Told,
};

impl Chats {
    /// Does a step of a chat. Errors are those of a participant's calls.
    pub async fn guide(
        self: &Arc<Self>,
        chat: &ContactId,
        step: Guide,
    ) -> Result<(), ServiceError> {
        self.settle(chat, Command::Guide(step), None).await.map(drop)
    }

    /// Asks the customer of a contact to sign in, within so many minutes. Errors are those of the
    /// control plane.
    pub async fn ask_to_sign_in(
        self: &Arc<Self>,
        contact: &ContactId,
        minutes: u8,
    ) -> Result<(), ServiceError> {
        let chat = self.chat_of(contact).await.map_err(to_control_plane)?;
        let step = Guide::AskToSignIn { session: new_id(), minutes };
        self.guide(&chat, step).await.map_err(to_control_plane)
    }

    /// Has the flow of a chat say something; its id and time. Errors are those of the control plane.
    pub async fn flow_says(
        self: &Arc<Self>,
        chat: &ContactId,
        step: Guide,
    ) -> Result<SentResponse, ServiceError> {
        let settled = self.settle(chat, Command::Guide(step), None).await;
        match settled.map_err(to_control_plane)?.told {
            Told::Sent(sent) => Ok(sent),
            Told::Done => Err(to_control_plane(internal())),
        }
    }
}
