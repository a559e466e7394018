//! What an item or a request carries (docs/protocol/participant-service.md §5).

use crate::open_enum::open_enum;

open_enum! {
    /// The content type of a message or an event.
    ///
    /// An open set: a value from a newer peer is kept in `Other` and passed on unharmed.
    pub enum ContentType {
        /// Plain text, always allowed.
        TextPlain = "text/plain",
        /// Text with Markdown.
        TextMarkdown = "text/markdown",
        /// A JSON document.
        Json = "application/json",
        /// An interactive message of a flow or bot.
        Interactive = "application/vnd.amazonaws.connect.message.interactive",
        /// A participant's answer to an interactive message.
        InteractiveResponse = "application/vnd.amazonaws.connect.message.interactive.response",
        /// An attachment item, as the documentation names it; items usually carry none.
        Attachment = "application/vnd.amazonaws.connect.message.attachment",
        /// A participant is typing.
        Typing = "application/vnd.amazonaws.connect.event.typing",
        /// A message has reached a participant.
        MessageDelivered = "application/vnd.amazonaws.connect.event.message.delivered",
        /// A participant has read a message.
        MessageRead = "application/vnd.amazonaws.connect.event.message.read",
        /// Receipts, as the service passes them on.
        MessageMetadata = "application/vnd.amazonaws.connect.event.message.metadata",
        /// The former acknowledgement of a connection.
        ConnectionAcknowledged = "application/vnd.amazonaws.connect.event.connection.acknowledged",
        /// A participant came.
        ParticipantJoined = "application/vnd.amazonaws.connect.event.participant.joined",
        /// A participant went.
        ParticipantLeft = "application/vnd.amazonaws.connect.event.participant.left",
        /// An agent asked another participant in.
        ParticipantInvited = "application/vnd.amazonaws.connect.event.participant.invited",
        /// A participant is active.
        ParticipantActive = "application/vnd.amazonaws.connect.event.participant.active",
        /// A participant is inactive.
        ParticipantInactive = "application/vnd.amazonaws.connect.event.participant.inactive",
        /// A participant has been silent for the configured time.
        ParticipantIdle = "application/vnd.amazonaws.connect.event.participant.idle",
        /// An idle participant wrote again.
        ParticipantReturned = "application/vnd.amazonaws.connect.event.participant.returned",
        /// A participant was disconnected for being idle.
        ParticipantAutoDisconnection =
            "application/vnd.amazonaws.connect.event.participant.autodisconnection",
        /// A participant's display name changed.
        ParticipantDisplayNameUpdated =
            "application/vnd.amazonaws.connect.event.participant.displayname.updated",
        /// The chat went to another agent or queue.
        TransferSucceeded = "application/vnd.amazonaws.connect.event.transfer.succeeded",
        /// The chat could not be handed on.
        TransferFailed = "application/vnd.amazonaws.connect.event.transfer.failed",
        /// The chat is over; its last event.
        ChatEnded = "application/vnd.amazonaws.connect.event.chat.ended",
        /// The transcript of an earlier chat has been attached.
        ChatRehydrated = "application/vnd.amazonaws.connect.event.chat.rehydrated",
        /// The customer is asked to sign in.
        AuthenticationInitiated =
            "application/vnd.amazonaws.connect.event.authentication.initiated",
        /// The customer signed in.
        AuthenticationSucceeded =
            "application/vnd.amazonaws.connect.event.authentication.succeeded",
        /// Signing in failed.
        AuthenticationFailed = "application/vnd.amazonaws.connect.event.authentication.failed",
        /// The customer did not sign in in time.
        AuthenticationTimeout = "application/vnd.amazonaws.connect.event.authentication.timeout",
        /// The sign-in can no longer be used.
        AuthenticationExpired = "application/vnd.amazonaws.connect.event.authentication.expired",
        /// The customer declined to sign in.
        AuthenticationCancelled =
            "application/vnd.amazonaws.connect.event.authentication.cancelled",
        /// A flow was stopped.
        WorkflowCancelled = "application/vnd.amazonaws.connect.event.workflow.cancelled",
    }
}

impl ContentType {
    /// Whether this is one of the two receipts that participants send.
    pub fn is_receipt(&self) -> bool {
        matches!(self, Self::MessageDelivered | Self::MessageRead)
    }

    /// Whether this names an event, known or not.
    pub fn is_event(&self) -> bool {
        self.as_str().starts_with("application/vnd.amazonaws.connect.event.")
    }
}
