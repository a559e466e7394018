//! What concerns those outside who follow a chat: streams, bots, custom participants.

use std::sync::Arc;

use chatloom_engine::{BotAction, Chat, Command, Entry, FollowerId, Participant, Streamed};
use chatloom_wire::{ContactId, ContentType, ItemId, ParticipantId, ServiceError, Timestamp};

use super::{
    Chats, new_id,
    outcome::{internal, to_control_plane},
    repeats::{given, token_key},
};
use crate::store::{ItemQuery, StoreError};

/// A custom participant, and until when it has to connect.
#[derive(Clone, Debug)]
pub struct Added {
    /// The chat.
    pub chat: Arc<Chat>,
    /// The participant.
    pub participant: Participant,
    /// Until when.
    pub connect_by: Timestamp,
}

impl Chats {
    /// Rings when something was stored that a follower is to be told of, on this node.
    pub(crate) async fn followed(&self) {
        self.followed.notified().await;
    }

    /// A chat's state as it is stored.
    pub(crate) async fn state(&self, chat: &ContactId) -> Result<Arc<Chat>, StoreError> {
        Ok(self.reload(chat).await?.chat)
    }

    /// Begins to stream a chat by one of its contacts: StartContactStreaming. The endpoint is one that
    /// is configured. A repeat with the same `ClientToken` answers the same stream.
    pub async fn start_streaming(
        self: &Arc<Self>,
        contact: &ContactId,
        endpoint: &str,
        client_token: &str,
    ) -> Result<FollowerId, ServiceError> {
        let chat = self.chat_of(contact).await.map_err(to_control_plane)?;
        let id = id_of(&["StartContactStreaming", chat.as_str(), client_token]);
        let id = FollowerId::from(id);
        let command = Command::StartStreaming { id: id.clone(), endpoint: endpoint.to_owned() };
        self.settle(&chat, command, None).await.map_err(to_control_plane)?;
        Ok(id)
    }

    /// Ends a stream: StopContactStreaming.
    pub async fn stop_streaming(
        self: &Arc<Self>,
        contact: &ContactId,
        id: &FollowerId,
    ) -> Result<(), ServiceError> {
        let chat = self.chat_of(contact).await.map_err(to_control_plane)?;
        let command = Command::StopStreaming { id: id.clone() };
        self.settle(&chat, command, None).await.map(drop).map_err(to_control_plane)
    }

    /// Adds a custom participant to a chat by one of its contacts: CreateParticipant. A repeat with the
    /// same `ClientToken` answers the same participant.
    pub async fn add_custom_bot(
        self: &Arc<Self>,
        contact: &ContactId,
        name: &str,
        client_token: Option<&str>,
    ) -> Result<Added, ServiceError> {
        let chat = self.chat_of(contact).await.map_err(to_control_plane)?;
        let id = match given(client_token) {
            Some(token) => id_of(&["CreateParticipant", chat.as_str(), token]),
            None => new_id(),
        };
        let id = ParticipantId::from(id);
        let command = Command::AddCustomBot { participant: id.clone(), name: name.to_owned() };
        let chat = self.settle(&chat, command, None).await.map_err(to_control_plane)?.chat;
        let participant = chat.participant(&id).cloned().ok_or_else(internal)?;
        let bot = chat.custom_bot.as_ref().filter(|bot| bot.participant == id);
        // One that is gone has had its time.
        let connect_by = bot.map_or(chat.started_at, |bot| bot.connect_by);
        Ok(Added { chat, participant, connect_by })
    }

    /// Does what a bot has answered in a turn, once: a repeat of the turn does nothing.
    pub(crate) async fn bot_answered(
        self: &Arc<Self>,
        chat: &ContactId,
        bot: &FollowerId,
        turn: &ItemId,
        actions: Vec<BotAction>,
    ) -> Result<(), ServiceError> {
        // Whatever a bot says the second time: the first answer stands.
        let key = token_key(&[bot.as_str(), "BotAnswered", turn.as_str()], &[]);
        let command = Command::BotAnswered { bot: bot.clone(), actions };
        self.settle(chat, command, Some(key)).await.map(drop)
    }

    /// Shows the customer a part of what a bot is saying.
    pub(crate) async fn bot_says(
        self: &Arc<Self>,
        chat: &ContactId,
        bot: &FollowerId,
        content_type: ContentType,
        content: String,
        at: Streamed,
    ) -> Result<(), ServiceError> {
        let command = Command::BotSays { bot: bot.clone(), content_type, content, at };
        self.settle(chat, command, None).await.map(drop)
    }

    /// Takes a chat from a bot that has failed for good.
    pub(crate) async fn bot_failed(
        self: &Arc<Self>,
        chat: &ContactId,
        bot: &FollowerId,
        so_far: Option<BotAction>,
    ) -> Result<(), ServiceError> {
        let command = Command::BotFailed { bot: bot.clone(), so_far };
        self.settle(chat, command, None).await.map(drop)
    }

    /// What was said before a place, for a bot that asks: the newest `count` items up to it, oldest
    /// first, as the customer sees them.
    pub(crate) async fn said_before(
        &self,
        chat: &Chat,
        before: u64,
        count: u32,
    ) -> Result<Vec<Arc<Entry>>, StoreError> {
        let mut items = self
            .store
            .items(ItemQuery {
                chat: chat.id.clone(),
                contact: None,
                reader: chat.customer().id.clone(),
                agents: false,
                forward: false,
                from: before,
                limit: count,
            })
            .await?;
        items.reverse();
        Ok(items)
    }
}

/// An id that is the same for the same texts, and nobody else's: a UUID made of their hash.
fn id_of(parts: &[&str]) -> String {
    uuid::Builder::from_custom_bytes(token_key(parts, &[]).key.to_be_bytes())
        .into_uuid()
        .to_string()
}
