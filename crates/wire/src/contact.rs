//! The control plane for chats (docs/protocol/participant-service.md §10), and the start-chat
//! request that pages send to the official sample back end (§10.13).
//!
//! Control-plane requests are signed with SigV4, service name `connect`.

mod attributes;
mod authentication;
mod custom_participant;
mod describe;
mod page;
mod persistent;
mod reference;
mod segment;
mod start;
mod stop;
mod streaming;
mod tags;
mod timers;
mod update;

pub use self::{
    attributes::{
        Attributes, GetContactAttributes, GetContactAttributesResponse, MAX_ATTRIBUTES_BYTES,
        UpdateContactAttributes, UpdateContactAttributesRequest, check_attributes,
    },
    authentication::{UpdateParticipantAuthentication, UpdateParticipantAuthenticationRequest},
    custom_participant::{
        CreateParticipant, CreateParticipantRequest, CreateParticipantResponse,
        ParticipantDetailsToAdd, ParticipantTokenCredentials,
    },
    describe::{
        AgentInfo, ChatContactMetrics, ChatMetrics, Contact, DescribeContact,
        DescribeContactResponse, ParticipantMetrics, QueueInfo, StateTransition,
    },
    page::{StartChatAnswer, StartChatData, StartChatRequest},
    persistent::{
        CreatePersistentContactAssociation, CreatePersistentContactAssociationRequest,
        CreatePersistentContactAssociationResponse, PersistentChat, RehydrationType,
    },
    reference::{
        ListContactReferences, ListContactReferencesResponse, MAX_REFERENCE_TYPES,
        MAX_REFERENCES_BYTES, Reference, ReferenceDetails, ReferenceStatus, ReferenceSummary,
        ReferenceType, References, check_references,
    },
    segment::{
        CUSTOMER_AUTHENTICATION, GUIDE_SUBTYPE, MAX_SEGMENT_BYTES, MAX_SEGMENT_DEPTH,
        MAX_SEGMENT_VALUES, SUBTYPE, SegmentAttributeValue, SegmentAttributes,
        check_segment_attributes,
    },
    start::{
        ChatMessage, ParticipantConfiguration, ParticipantDetails, ResponseMode, StartChatContact,
        StartChatContactRequest, StartChatContactResponse,
    },
    stop::{DisconnectReason, StopContact, StopContactRequest},
    streaming::{
        ChatStreamingConfiguration, StartContactStreaming, StartContactStreamingRequest,
        StartContactStreamingResponse, StopContactStreaming, StopContactStreamingRequest,
    },
    tags::{MAX_TAGS, TagContact, TagContactRequest, Tags, UntagContact, check_tag_keys},
    timers::{
        ChannelConfiguration, ChatTimers, ParticipantTimer, TimerRole, TimerType, TimerValue,
        UpdateParticipantRoleConfig, UpdateParticipantRoleConfigRequest,
    },
    update::{UpdateContact, UpdateContactRequest},
};
use crate::{
    id::{ContactId, InstanceId},
    limits::{self, Invalid},
};

/// Checks the modelled limits of what names a contact in a path.
pub fn check_names(instance: &InstanceId, contact: &ContactId) -> Result<(), Invalid> {
    limits::instance_id(instance.as_str())?;
    limits::contact_id(contact.as_str())
}
