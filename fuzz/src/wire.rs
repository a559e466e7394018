//! Targets for everything that reads a peer's text.

use chatloom_wire::{
    Item, ServiceError, Timestamp,
    contact::{
        CreateParticipantRequest, CreateParticipantResponse,
        CreatePersistentContactAssociationRequest, CreatePersistentContactAssociationResponse,
        DescribeContactResponse, GetContactAttributesResponse, ListContactReferencesResponse,
        StartChatAnswer, StartChatContactRequest, StartChatContactResponse, StartChatRequest,
        StartContactStreamingRequest, StartContactStreamingResponse, StopContactRequest,
        StopContactStreamingRequest, TagContactRequest, UpdateContactAttributesRequest,
        UpdateContactRequest, UpdateParticipantAuthenticationRequest,
        UpdateParticipantRoleConfigRequest,
    },
    frame::{ClientFrame, ServerFrame},
    interactive::{Interactive, InteractiveResponse},
    json,
    participant::{
        CancelParticipantAuthenticationRequest, CompleteAttachmentUploadRequest,
        CreateParticipantConnectionRequest, CreateParticipantConnectionResponse,
        DescribeViewResponse, DisconnectParticipantRequest, GetAttachmentRequest,
        GetAttachmentResponse, GetAuthenticationUrlRequest, GetAuthenticationUrlResponse,
        GetTranscriptRequest, GetTranscriptResponse, SendEventRequest, SendMessageRequest,
        SentResponse, StartAttachmentUploadRequest, StartAttachmentUploadResponse,
    },
};
use serde::{Serialize, de::DeserializeOwned};

/// Every target of this module, by the name of its program and of its corpus.
pub const TARGETS: &[(&str, super::Target)] = &[
    ("item", item),
    ("client_frame", client_frame),
    ("server_frame", server_frame),
    ("participant", participant),
    ("contact", contact),
    ("interactive", interactive),
    ("service_error", service_error),
    ("timestamp", timestamp),
];

/// Bodies and frames reach the decoders as text; anything else is refused before.
fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// What can be read can be written, and what was written can be read: gives both and the text
/// between them.
fn again<T: Serialize + DeserializeOwned>(text: &str) -> Option<(T, String, T)> {
    let value: T = json::read(text).ok()?;
    let written = serde_json::to_string(&value).expect("what was read can be written");
    let again = json::read(&written).expect("what was written can be read");
    Some((value, written, again))
}

/// As [`again`], and what was written reads as the same.
fn settles<T: Serialize + DeserializeOwned>(text: &str) -> Option<T> {
    let (value, written, again) = again::<T>(text)?;
    let rewritten = serde_json::to_string(&again).expect("what was read can be written");
    assert_eq!(rewritten, written, "the form is settled after one round");
    Some(value)
}

/// A transcript item: no byte of it is lost.
pub fn item(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(item) = Item::from_text(text) else { return };
    assert_eq!(item.text(), text);
    let written = serde_json::to_string(&item).expect("an item can be written");
    assert_eq!(written, text.trim_matches([' ', '\t', '\r', '\n']));
    let again: Item = serde_json::from_str(&written).expect("what was written can be read");
    assert_eq!(again.head(), item.head());
    assert_eq!(again.content(), item.content());
    assert_eq!(again.attachments(), item.attachments());
}

/// What a client says on the socket.
pub fn client_frame(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(frame) = ClientFrame::parse(text) else { return };
    assert_eq!(ClientFrame::parse(&frame.to_text()), Ok(frame));
}

/// What a server says on the socket, and the item in it.
pub fn server_frame(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(frame) = ServerFrame::parse(text) else { return };
    assert_eq!(ServerFrame::parse(&frame.to_text()).as_ref(), Ok(&frame));
    if let ServerFrame::Chat { content } = &frame {
        item(content.as_bytes());
    }
}

/// Requests and answers of the Participant Service.
pub fn participant(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Some(request) = settles::<CreateParticipantConnectionRequest>(text) {
        let _ = request.check();
    }
    if let Some(request) = settles::<SendMessageRequest>(text) {
        let _ = request.check();
    }
    if let Some(request) = settles::<SendEventRequest>(text) {
        let names_a_message = request.receipt_message_id().is_some();
        let is_good_receipt = request.check().is_ok() && request.content_type.is_receipt();
        assert!(!is_good_receipt || names_a_message, "a good receipt names a message");
    }
    if let Some(request) = settles::<GetTranscriptRequest>(text) {
        let _ = request.check();
    }
    if let Some(request) = settles::<DisconnectParticipantRequest>(text) {
        let _ = request.check();
    }
    if let Some(request) = settles::<StartAttachmentUploadRequest>(text) {
        let _ = request.check();
    }
    if let Some(request) = settles::<CompleteAttachmentUploadRequest>(text) {
        let _ = request.check();
    }
    if let Some(request) = settles::<GetAttachmentRequest>(text) {
        let _ = request.check();
    }
    if let Some(request) = settles::<GetAuthenticationUrlRequest>(text) {
        let _ = request.check();
    }
    if let Some(request) = settles::<CancelParticipantAuthenticationRequest>(text) {
        let _ = request.check();
    }
    settles::<StartAttachmentUploadResponse>(text);
    settles::<GetAttachmentResponse>(text);
    settles::<DescribeViewResponse>(text);
    settles::<GetAuthenticationUrlResponse>(text);
    settles::<CreateParticipantConnectionResponse>(text);
    settles::<SentResponse>(text);
    settles::<GetTranscriptResponse>(text);
}

/// Requests and answers of the control plane.
pub fn contact(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Some(request) = settles::<StartChatContactRequest>(text) {
        let _ = request.check();
    }
    if let Some(request) = settles::<StopContactRequest>(text) {
        let _ = request.check();
    }
    if let Some(request) = settles::<UpdateContactAttributesRequest>(text) {
        let _ = request.check();
    }
    if let Some(request) = settles::<UpdateContactRequest>(text) {
        let _ = request.check();
    }
    if let Some(request) = settles::<TagContactRequest>(text) {
        let _ = request.check();
    }
    if let Some(request) = settles::<CreateParticipantRequest>(text) {
        let _ = request.check();
    }
    if let Some(request) = settles::<CreatePersistentContactAssociationRequest>(text) {
        let _ = request.check();
    }
    if let Some(request) = settles::<StartContactStreamingRequest>(text) {
        let _ = request.check();
    }
    if let Some(request) = settles::<StopContactStreamingRequest>(text) {
        let _ = request.check();
    }
    if let Some(request) = settles::<UpdateParticipantAuthenticationRequest>(text) {
        let _ = request.check();
    }
    if let Some(request) = settles::<UpdateParticipantRoleConfigRequest>(text) {
        let _ = request.checked();
    }
    settles::<CreateParticipantResponse>(text);
    settles::<CreatePersistentContactAssociationResponse>(text);
    settles::<StartContactStreamingResponse>(text);
    settles::<GetContactAttributesResponse>(text);
    settles::<ListContactReferencesResponse>(text);
    settles::<StartChatContactResponse>(text);
    // Its times are numbers: one of 40 digits may come back with another last bit.
    again::<DescribeContactResponse>(text);
    settles::<StartChatRequest>(text);
    settles::<StartChatAnswer>(text);
}

/// The content of interactive messages and of what customers choose in them.
pub fn interactive(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let message = Interactive::read(text);
    let written = message.to_text();
    let again = Interactive::read(&written);
    assert_eq!(again.to_text(), written, "the form is settled after one round");
    let is_known = |message: &Interactive| !matches!(message, Interactive::Other(_));
    assert_eq!(is_known(&again), is_known(&message), "what was known stays known");
    assert_eq!(again.check(), message.check());
    assert_eq!(again.title(), message.title());
    if is_known(&message) {
        assert_eq!(again.template_type(), message.template_type());
    } else {
        assert_eq!(written, text, "what is not known passes as it came");
    }
    let response = InteractiveResponse::read(text);
    let written = response.to_text();
    assert!(InteractiveResponse::read(&written) == response, "a choice survives being passed on");
}

/// An error answer: the first line is the header that names the error, the rest the body.
pub fn service_error(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let (header, body) = text.split_once('\n').unwrap_or(("", text));
    let error = ServiceError::parse(400, (!header.is_empty()).then_some(header), body);
    assert!(!error.kind.name().is_empty(), "every error has a name");
    let again = ServiceError::parse(400, Some(error.kind.name()), &error.body());
    assert_eq!(again, error, "an error survives being passed on");
}

/// A point in time.
pub fn timestamp(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(time) = Timestamp::parse(text) else { return };
    assert_eq!(Timestamp::parse(&time.to_string()), Ok(time));
    assert_eq!(time.plus_millis(0), time);
}
