//! The control plane for chats (docs/protocol/participant-service.md §10), and the start-chat
//! request that pages send to the official sample back end (§10.13).
//!
//! Control-plane requests are signed with SigV4, service name `connect`.

mod attributes;
mod describe;
mod page;
mod start;
mod stop;
mod timers;

pub use self::{
    attributes::{Attributes, MAX_ATTRIBUTES_BYTES, check_attributes},
    describe::{AgentInfo, Contact, DescribeContact, DescribeContactResponse, QueueInfo},
    page::{StartChatAnswer, StartChatData, StartChatRequest},
    start::{
        ChatMessage, ParticipantDetails, StartChatContact, StartChatContactRequest,
        StartChatContactResponse,
    },
    stop::{StopContact, StopContactRequest},
    timers::{
        ChannelConfiguration, ChatTimers, ParticipantTimer, TimerRole, TimerType, TimerValue,
        UpdateParticipantRoleConfig, UpdateParticipantRoleConfigRequest,
    },
};
