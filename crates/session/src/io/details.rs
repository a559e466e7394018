//! What a host may read at any time.

use chatloom_wire::{ConnectionToken, ContactId, ParticipantId, ParticipantToken};

/// What the socket of a session does, as `connect` tells it (docs/protocol/websocket.md S47).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionStatus {
    /// It has not opened yet.
    Starting,
    /// It is open.
    Connected,
    /// It is open, and the last deep heartbeat was answered.
    DeepHeartbeatSuccess,
    /// The last deep heartbeat was missed, or answered without success.
    DeepHeartbeatFailure,
    /// It is lost.
    ConnectionLost,
    /// The session has done with it: it ended, or it broke.
    Ended,
}

impl ConnectionStatus {
    /// The name that `connect` gives it, for instance `DeepHeartbeatSuccess`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "Starting",
            Self::Connected => "Connected",
            Self::DeepHeartbeatSuccess => "DeepHeartbeatSuccess",
            Self::DeepHeartbeatFailure => "DeepHeartbeatFailure",
            Self::ConnectionLost => "ConnectionLost",
            Self::Ended => "Ended",
        }
    }

    /// The name that `getConnectionStatus` gives it: `Establishing`, `Established` or `Broken`
    /// (docs/protocol/websocket.md S83).
    pub fn summary(self) -> &'static str {
        match self {
            Self::Starting => "Establishing",
            Self::Connected | Self::DeepHeartbeatSuccess => "Established",
            Self::DeepHeartbeatFailure | Self::ConnectionLost | Self::Ended => "Broken",
        }
    }
}

/// Who a session is and what it was given (docs/protocol/websocket.md S56).
#[derive(Clone, Copy, Debug)]
pub struct ChatDetails<'a> {
    /// The contact.
    pub contact_id: &'a ContactId,
    /// The chat.
    pub initial_contact_id: &'a ContactId,
    /// The participant the session speaks for.
    pub participant_id: &'a ParticipantId,
    /// The participant's token.
    pub participant_token: &'a ParticipantToken,
    /// What the first successful `connect` was given; later refreshes do not change it.
    pub connection: Option<&'a ConnectionDetails>,
}

/// What `connect` was given (docs/protocol/websocket.md S56, S187).
#[derive(Clone)]
pub struct ConnectionDetails {
    /// Where its socket was opened; none when the token came from the host. Secret.
    pub url: Option<String>,
    /// Until when the URL was good, as the service wrote it.
    pub expiry: Option<String>,
    /// Whether the same request marked the participant as connected (docs/protocol/websocket.md
    /// S181).
    pub acknowledged: bool,
    /// The connection token.
    pub token: ConnectionToken,
    /// Until when the token was good, as it was written.
    pub token_expiry: Option<String>,
}

impl ConnectionDetails {
    /// After how many seconds a socket is replaced.
    pub const TRANSPORT_LIFE_S: u32 = 3_540;
}

/// Without the URL, which is secret.
impl std::fmt::Debug for ConnectionDetails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectionDetails")
            .field("expiry", &self.expiry)
            .field("acknowledged", &self.acknowledged)
            .field("token_expiry", &self.token_expiry)
            .finish_non_exhaustive()
    }
}
