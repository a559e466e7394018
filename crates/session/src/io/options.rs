//! What a session is made of.

use chatloom_wire::{ContactId, ParticipantId, ParticipantToken};

use crate::ForeignId;

/// Whom a session speaks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// A customer.
    #[default]
    Customer,
    /// An agent or a supervisor (docs/protocol/websocket.md S190).
    Agent,
}

/// Where a session gets its connection token and its items from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// From the service, with the participant token; over a socket of the core's own.
    #[default]
    Service,
    /// The token from the host, which is asked by [`Output::NeedToken`](crate::Output::NeedToken),
    /// or from the service when the host has none; items over a socket manager of the host's.
    /// Without one the session breaks as soon as it is connected, and only calls work
    /// (docs/protocol/websocket.md S178 to S188).
    Host {
        /// The socket manager.
        foreign: Option<ForeignId>,
    },
    /// The token from the service, items over a socket manager of the host's
    /// (docs/protocol/websocket.md S16).
    Foreign(ForeignId),
}

/// How calls of the application are repeated when the service fails or is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// The first wait is random up to this; each further one up to twice as much.
    pub base_ms: u64,
    /// The same after the answer 429.
    pub throttled_base_ms: u64,
    /// No wait is longer, `Retry-After` aside.
    pub cap_ms: u64,
}

impl RetryPolicy {
    /// What a behaviour does by itself: three attempts as the JavaScript SDK makes them
    /// (docs/protocol/participant-service.md §2.3), five in Chatloom behaviour.
    pub fn of(behaviour: Behaviour) -> Self {
        let attempts = if behaviour == Behaviour::Compat { 3 } else { 5 };
        Self { attempts, base_ms: 100, throttled_base_ms: 500, cap_ms: 20_000 }
    }
}

/// How a session behaves where the original and the sensible differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// As amazon-connect-chatjs 5.0.0, with what only fails, hangs or loses data mended
    /// (docs/protocol/defects.md).
    Compat,
    /// The transcript is always right, nothing is sent twice or forgotten, state is visible. In a
    /// build without it ([`CHATLOOM`](crate::CHATLOOM)) sessions behave as in the other.
    #[default]
    Chatloom,
}

/// What a session is made of.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// See [`Behaviour`].
    pub behaviour: Behaviour,
    /// Base URL of the Participant Service without a slash at its end, for instance
    /// `https://participant.connect.us-west-2.amazonaws.com`.
    pub endpoint: String,
    /// The contact.
    pub contact_id: ContactId,
    /// The chat; the contact when there has been no transfer.
    pub initial_contact_id: ContactId,
    /// The participant this session speaks for.
    pub participant_id: ParticipantId,
    /// The participant's token.
    pub participant_token: ParticipantToken,
    /// Value of the `x-amz-user-agent` header; none is sent when empty.
    pub user_agent: String,
    /// Whom it speaks for.
    pub role: Role,
    /// Where its token and items come from.
    pub source: Source,
    /// How its calls are repeated.
    pub retry: RetryPolicy,
    /// One typing event goes out in this time (docs/protocol/websocket.md S88).
    pub typing_throttle_ms: u64,
    /// Whether receipts are sent at all (docs/protocol/websocket.md S24).
    pub receipts: bool,
    /// Receipts are gathered for this long (docs/protocol/websocket.md S102).
    pub receipt_throttle_ms: u64,
    /// A tracked transcript holds so many entries, at least 100; older ones become a gap that can
    /// be read again.
    pub most_entries: usize,
    /// Log lines below this level are not made.
    pub log_level: LogLevel,
    /// Whether [`Output::Persist`](crate::Output::Persist) is wanted whenever something changes
    /// that must survive the process.
    pub persist: bool,
    /// Chatloom behaviour: a session that goes on from a snapshot gives its application everything
    /// from the beginning of the transcript, as a new one does, and not only what was missed.
    pub replay: bool,
}

impl SessionOptions {
    /// A customer's session in a chat that has not been transferred, with everything else as the
    /// behaviour has it. The endpoint is without a slash at its end.
    pub fn new(
        behaviour: Behaviour,
        endpoint: impl Into<String>,
        contact_id: ContactId,
        participant_id: ParticipantId,
        participant_token: ParticipantToken,
    ) -> Self {
        Self {
            behaviour,
            endpoint: endpoint.into(),
            initial_contact_id: contact_id.clone(),
            contact_id,
            participant_id,
            participant_token,
            user_agent: String::new(),
            role: Role::Customer,
            source: Source::Service,
            retry: RetryPolicy::of(behaviour),
            typing_throttle_ms: 10_000,
            receipts: true,
            receipt_throttle_ms: 5_000,
            most_entries: 10_000,
            log_level: LogLevel::Debug,
            persist: false,
            replay: false,
        }
    }
}

/// How much a log line matters, with the numbers of the original (S4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Follows the code.
    Debug = 10,
    /// A change of state somebody may ask about.
    Info = 20,
    /// Something is wrong that mends itself.
    Warn = 30,
    /// Something is wrong that does not.
    Error = 40,
}
