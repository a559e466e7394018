//! What participants do: connect, send, leave.

use std::{pin::pin, sync::Arc, time::Duration};

use chatloom_engine::{Command, Presence, token::Seat};
use chatloom_wire::{
    ContentType, ServiceError,
    participant::{
        DisconnectParticipantRequest, SendEventRequest, SendMessageRequest, SentResponse,
    },
};
use tokio::time::Instant;

use super::{
    Chats,
    outcome::{failed, internal},
    repeats::{given, token_key},
    settle::Told,
};
use crate::store::{StoreError, TokenKey};

/// How long a message waits for its sender to connect, and how often the store is asked meanwhile, in
/// case the connection is another server's. ChatJS sends as soon as its `connect()` has resolved, which
/// is before its socket subscribes (docs/protocol/websocket.md S46).
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
const CONNECT_LOOK: Duration = Duration::from_millis(500);

impl Chats {
    /// Marks a participant as connected: subscribed on a socket, or `ConnectParticipant`. Does
    /// nothing from the second time on.
    pub async fn connect(self: &Arc<Self>, seat: &Seat) -> Result<(), ServiceError> {
        let command = Command::Connect { participant: seat.participant.clone() };
        let settled = self.settle(&seat.chat, command, None).await.map(drop);
        self.connected.notify_waiters();
        settled
    }

    /// Whether a participant may still connect, as far as the state in memory tells.
    async fn is_expected(&self, seat: &Seat) -> Result<bool, StoreError> {
        let (held, _) = self.load(&seat.chat).await?;
        let participant = held.chat.participant(&seat.participant);
        Ok(!held.chat.is_over()
            && participant.is_some_and(|participant| participant.presence == Presence::Expected))
    }

    /// Waits a while for a participant who has not connected yet. Whoever has not then is refused by
    /// the rules.
    pub(super) async fn wait_for(&self, seat: &Seat) -> Result<(), StoreError> {
        let until = Instant::now() + CONNECT_PATIENCE;
        while self.is_expected(seat).await? && Instant::now() < until {
            let mut connected = pin!(self.connected.notified());
            // From here on no ring is missed; one before that shows in the state.
            connected.as_mut().enable();
            if !self.is_expected(seat).await? {
                break;
            }
            let look = until.min(Instant::now() + CONNECT_LOOK);
            if tokio::time::timeout_at(look, connected).await.is_err() {
                self.reload(&seat.chat).await?;
            }
        }
        Ok(())
    }

    /// Sends a message: SendMessage. The request has been checked.
    pub async fn send_message(
        self: &Arc<Self>,
        seat: &Seat,
        request: SendMessageRequest,
    ) -> Result<SentResponse, ServiceError> {
        let key = given(request.client_token.as_deref()).map(|token| {
            let body = [request.content_type.as_str(), &request.content];
            token_key(&[seat.participant.as_str(), "SendMessage", token], &body)
        });
        let command = Command::SendMessage { participant: seat.participant.clone(), request };
        self.sent(seat, command, key).await
    }

    /// Sends an event: SendEvent. The request has been checked.
    ///
    /// A receipt is known by its kind and message, not by its `ClientToken`
    /// (docs/protocol/participant-service.md §2.4). What is not stored needs no token.
    pub async fn send_event(
        self: &Arc<Self>,
        seat: &Seat,
        request: SendEventRequest,
    ) -> Result<SentResponse, ServiceError> {
        let key = request.receipt_message_id().filter(|_| request.content_type.is_receipt()).map(
            |message| {
                let kind = request.content_type.as_str();
                token_key(&[seat.participant.as_str(), kind, message.as_str()], &[])
            },
        );
        let is_coming = request.content_type == ContentType::ConnectionAcknowledged;
        let command = Command::SendEvent { participant: seat.participant.clone(), request };
        // Whoever comes by this very call need not be waited for.
        if is_coming {
            let answer = self.sent_now(seat, command, key).await;
            self.connected.notify_waiters();
            return answer;
        }
        self.sent(seat, command, key).await
    }

    async fn sent(
        self: &Arc<Self>,
        seat: &Seat,
        command: Command,
        key: Option<TokenKey>,
    ) -> Result<SentResponse, ServiceError> {
        self.wait_for(seat).await.map_err(|error| failed(&error))?;
        self.sent_now(seat, command, key).await
    }

    async fn sent_now(
        self: &Arc<Self>,
        seat: &Seat,
        command: Command,
        key: Option<TokenKey>,
    ) -> Result<SentResponse, ServiceError> {
        match self.settle(&seat.chat, command, key).await?.told {
            Told::Sent(answer) => Ok(answer),
            Told::Done => {
                tracing::error!("a message or event was settled without an id");
                Err(internal())
            }
        }
    }

    /// Leaves the chat: DisconnectParticipant. Whoever has left is refused everything, a second
    /// departure too; a customer whom the disconnect flow keeps may leave that as well, and a repeat by
    /// its `ClientToken` is not taken for it.
    pub async fn disconnect(
        self: &Arc<Self>,
        seat: &Seat,
        request: DisconnectParticipantRequest,
    ) -> Result<(), ServiceError> {
        let key = given(request.client_token.as_deref()).map(|token| {
            token_key(&[seat.participant.as_str(), "DisconnectParticipant", token], &[])
        });
        let command = Command::Disconnect { participant: seat.participant.clone() };
        self.settle(&seat.chat, command, key).await.map(drop)
    }
}
