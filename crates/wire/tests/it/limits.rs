//! The modelled limits at their edges: one below, at, and one above.

use std::collections::BTreeMap;

use chatloom_wire::{
    ContentType, ParticipantRole,
    contact::{
        Attributes, ChatMessage, ChatStreamingConfiguration, CreateParticipantRequest,
        MAX_ATTRIBUTES_BYTES, ParticipantDetails, ParticipantDetailsToAdd, StartChatContactRequest,
        StartContactStreamingRequest, StopContactRequest, StopContactStreamingRequest,
        check_attributes,
    },
    participant::{
        CancelParticipantAuthenticationRequest, CompleteAttachmentUploadRequest, ConnectionType,
        CreateParticipantConnectionRequest, DescribeView, DisconnectParticipantRequest,
        GetAttachmentRequest, GetAuthenticationUrlRequest, GetTranscriptRequest, Invalid,
        MAX_CONTENT_BYTES, ScanDirection, SendEventRequest, SendMessageRequest, SortOrder,
        StartAttachmentUploadRequest, StartPosition, UrlContentDisposition, check_client_token,
        check_content,
    },
};

use crate::samples;

/// A character of four bytes, to tell characters and bytes apart.
pub(crate) const WIDE: &str = "\u{1F600}";

/// `Ok` where it holds, else the member that is named.
#[track_caller]
pub(crate) fn expect(result: Result<(), Invalid>, member: Option<&'static str>, what: &str) {
    match (result, member) {
        (Ok(()), None) => {}
        (Err(Invalid { member, rule }), Some(expected)) => {
            assert_eq!(member, expected, "{what}");
            assert!(!rule.is_empty());
        }
        (result, _) => panic!("{what}: {result:?}, expected {member:?}"),
    }
}

/// Tries a text member at its edges, in characters of one and of four bytes.
#[track_caller]
pub(crate) fn text_edges(
    member: &'static str,
    min: usize,
    max: usize,
    check: impl Fn(String) -> Result<(), Invalid>,
) {
    for character in ["a", WIDE] {
        for (length, holds) in [
            (min.saturating_sub(1), min == 0),
            (min, true),
            (min + 1, true),
            (max - 1, true),
            (max, true),
            (max + 1, false),
        ] {
            let what = format!("{member} of {length} times {character}");
            expect(check(character.repeat(length)), (!holds).then_some(member), &what);
        }
    }
}

/// Tries a number member at its edges.
#[track_caller]
fn number_edges(
    member: &'static str,
    min: i64,
    max: i64,
    check: impl Fn(i64) -> Result<(), Invalid>,
) {
    for (number, holds) in [
        (i64::MIN, false),
        (min - 1, false),
        (min, true),
        (min + 1, true),
        (max - 1, true),
        (max, true),
        (max + 1, false),
        (i64::MAX, false),
    ] {
        let what = format!("{member} {number}");
        expect(check(number), (!holds).then_some(member), &what);
    }
}

/// Tries content at its edges: bytes count, not characters.
#[track_caller]
fn content_edges(
    member: &'static str,
    empty_holds: bool,
    check: impl Fn(String) -> Result<(), Invalid>,
) {
    let wide = WIDE.repeat(MAX_CONTENT_BYTES / WIDE.len());
    for (content, holds) in [
        (String::new(), empty_holds),
        ("a".to_owned(), true),
        ("a".repeat(MAX_CONTENT_BYTES - 1), true),
        ("a".repeat(MAX_CONTENT_BYTES), true),
        ("a".repeat(MAX_CONTENT_BYTES + 1), false),
        (wide.clone(), true),
        (wide + "a", false),
    ] {
        let what = format!("{member} of {} bytes", content.len());
        expect(check(content), (!holds).then_some(member), &what);
    }
}

#[test]
fn create_participant_connection() {
    use ConnectionType::{
        AuthenticationSession, ConnectionCredentials, Other, WebrtcConnection, Websocket,
    };
    for (types, mark, holds) in [
        (None, None, false),
        (None, Some(false), false),
        (None, Some(true), true),
        (Some(vec![]), None, false),
        (Some(vec![]), Some(true), true),
        (Some(vec![Websocket]), None, true),
        (Some(vec![Websocket, ConnectionCredentials]), None, true),
        (Some(vec![ConnectionCredentials]), Some(true), true),
        (Some(vec![WebrtcConnection]), None, true),
        (Some(vec![AuthenticationSession]), None, false),
        (Some(vec![Websocket, Other("websocket".into())]), None, false),
    ] {
        let what = format!("{types:?} {mark:?}");
        let request = CreateParticipantConnectionRequest { types, connect_participant: mark };
        expect(request.check(), (!holds).then_some("Type"), &what);
    }
}

#[test]
fn send_message() {
    let request = samples::message;
    text_edges("ClientToken", 0, 500, |token| {
        SendMessageRequest { client_token: Some(token), ..request() }.check()
    });
    content_edges("Content", false, |content| SendMessageRequest { content, ..request() }.check());
    for content_type in ContentType::KNOWN.iter().cloned().chain([
        ContentType::from(""),
        ContentType::from("TEXT/PLAIN"),
        ContentType::from("text/plain;charset=utf-8"),
    ]) {
        let holds = matches!(
            content_type,
            ContentType::TextPlain
                | ContentType::TextMarkdown
                | ContentType::Json
                | ContentType::InteractiveResponse
        );
        let what = content_type.to_string();
        let request = SendMessageRequest { content_type, ..request() };
        expect(request.check(), (!holds).then_some("ContentType"), &what);
    }
}

#[test]
fn send_event() {
    text_edges("ClientToken", 0, 500, |token| {
        SendEventRequest { client_token: Some(token), ..samples::typing() }.check()
    });
    content_edges("Content", true, |content| {
        SendEventRequest { content: Some(content), ..samples::typing() }.check()
    });
    text_edges("Content", 1, 256, |id| {
        let content = Some(format!(r#"{{"messageId":"{id}"}}"#));
        SendEventRequest { content, ..samples::receipt() }.check()
    });
    for content_type in ContentType::KNOWN {
        let holds = matches!(
            content_type,
            ContentType::Typing
                | ContentType::MessageDelivered
                | ContentType::MessageRead
                | ContentType::ConnectionAcknowledged
        );
        let request = SendEventRequest { content_type: content_type.clone(), ..samples::receipt() };
        expect(request.check(), (!holds).then_some("ContentType"), content_type.as_str());
    }
    for content in [
        None,
        Some(""),
        Some("{}"),
        Some("i-1"),
        Some(r#"{"messageId":""}"#),
        Some(r#"{"messageId":7}"#),
        Some(r#"{"MessageId":"i-1"}"#),
        Some(r#"["i-1"]"#),
        Some(r#"{"messageId":"i-1"} x"#),
    ] {
        let content = content.map(str::to_owned);
        let what = format!("a receipt with {content:?}");
        let request = SendEventRequest { content, ..samples::receipt() };
        expect(request.check(), Some("Content"), &what);
        assert_eq!(request.receipt_message_id(), None);
    }
    assert_eq!(samples::receipt().receipt_message_id(), Some("i-1".into()));
}

#[test]
fn get_transcript() {
    let request = GetTranscriptRequest::default;
    let at = |start_position| GetTranscriptRequest {
        start_position: Some(start_position),
        ..GetTranscriptRequest::default()
    };
    expect(request().check(), None, "nothing given");
    expect(samples::page_request().check(), None, "everything given");
    expect(samples::page_request_of_chatjs().check(), None, "an empty start position");
    text_edges("ContactId", 1, 256, |id| {
        GetTranscriptRequest { contact_id: Some(id.into()), ..request() }.check()
    });
    number_edges("MaxResults", 0, 100, |count| {
        GetTranscriptRequest { max_results: Some(count), ..request() }.check()
    });
    text_edges("NextToken", 1, 1_000, |token| {
        GetTranscriptRequest { next_token: Some(token), ..request() }.check()
    });
    text_edges("StartPosition.Id", 1, 256, |id| {
        at(StartPosition { id: Some(id.into()), ..StartPosition::default() }).check()
    });
    number_edges("StartPosition.MostRecent", 0, 100, |count| {
        at(StartPosition { most_recent: Some(count), ..StartPosition::default() }).check()
    });
    let zeros = |count: usize| format!("2020-01-01T00:00:00.{}Z", "0".repeat(count));
    for (time, holds) in [
        ("2020-01-01T00:00:00Z".to_owned(), true),
        (zeros(3), true),
        (zeros(79), true),  // 100 characters
        (zeros(80), false), // 101
        (String::new(), false),
        ("2020-01-01".to_owned(), false),
        ("1577836800".to_owned(), false),
    ] {
        let request =
            at(StartPosition { absolute_time: Some(time.clone()), ..StartPosition::default() });
        let member = (!holds).then_some("StartPosition.AbsoluteTime");
        expect(request.check(), member, &time);
    }
    for (text, holds) in [("FORWARD", true), ("BACKWARD", true), ("forward", false), ("", false)] {
        let scan_direction = Some(ScanDirection::from(text));
        let request = GetTranscriptRequest { scan_direction, ..request() };
        expect(request.check(), (!holds).then_some("ScanDirection"), text);
    }
    for (text, holds) in [("ASCENDING", true), ("DESCENDING", true), ("NEWEST", false)] {
        let request = GetTranscriptRequest { sort_order: Some(SortOrder::from(text)), ..request() };
        expect(request.check(), (!holds).then_some("SortOrder"), text);
    }
}

#[test]
fn disconnect_participant() {
    expect(DisconnectParticipantRequest::default().check(), None, "nothing given");
    text_edges("ClientToken", 0, 500, |token| {
        DisconnectParticipantRequest { client_token: Some(token) }.check()
    });
}

#[test]
fn files() {
    let upload = samples::upload;
    text_edges("ContentType", 1, 255, |content_type| {
        StartAttachmentUploadRequest { content_type, ..upload() }.check()
    });
    text_edges("AttachmentName", 1, 256, |attachment_name| {
        StartAttachmentUploadRequest { attachment_name, ..upload() }.check()
    });
    text_edges("ClientToken", 1, 500, |client_token| {
        StartAttachmentUploadRequest { client_token, ..upload() }.check()
    });
    for (size, holds) in [(i64::MIN, false), (-1, false), (0, false), (1, true), (i64::MAX, true)] {
        let request = StartAttachmentUploadRequest { attachment_size_in_bytes: size, ..upload() };
        let member = (!holds).then_some("AttachmentSizeInBytes");
        expect(request.check(), member, &format!("{size} bytes"));
    }

    let uploaded = samples::uploaded;
    text_edges("AttachmentIds", 1, 256, |id| {
        CompleteAttachmentUploadRequest { attachment_ids: vec![id.into()], ..uploaded() }.check()
    });
    text_edges("ClientToken", 1, 500, |client_token| {
        CompleteAttachmentUploadRequest { client_token, ..uploaded() }.check()
    });
    for count in [0, 2] {
        let attachment_ids = vec!["a-1".into(); count];
        let request = CompleteAttachmentUploadRequest { attachment_ids, ..uploaded() };
        expect(request.check(), Some("AttachmentIds"), &format!("{count} files"));
    }

    let wanted = samples::attachment_request;
    expect(samples::attachment_request_of_chatjs().check(), None, "little given");
    text_edges("AttachmentId", 1, 256, |id| {
        GetAttachmentRequest { attachment_id: id.into(), ..wanted() }.check()
    });
    number_edges("UrlExpiryInSeconds", 5, 300, |seconds| {
        GetAttachmentRequest { url_expiry_in_seconds: Some(seconds), ..wanted() }.check()
    });
    for (text, holds) in [("INLINE", true), ("ATTACHMENT", true), ("inline", false)] {
        let request = GetAttachmentRequest {
            url_content_disposition: Some(UrlContentDisposition::from(text)),
            ..wanted()
        };
        expect(request.check(), (!holds).then_some("UrlContentDisposition"), text);
    }
}

#[test]
fn views_and_signing_in() {
    text_edges("ViewToken", 1, 1_000, |token| DescribeView::check(&token));
    for character in ["a", WIDE] {
        for (length, holds) in [(0, false), (35, false), (36, true), (37, false)] {
            let session_id = character.repeat(length);
            let member = (!holds).then_some("SessionId");
            let what = format!("{length} characters");
            let cancel = CancelParticipantAuthenticationRequest { session_id: session_id.clone() };
            expect(cancel.check(), member, &what);
            let request = GetAuthenticationUrlRequest { session_id, ..samples::sign_in() };
            expect(request.check(), member, &what);
        }
    }
    text_edges("RedirectUri", 1, 1_024, |redirect_uri| {
        GetAuthenticationUrlRequest { redirect_uri, ..samples::sign_in() }.check()
    });
}

#[test]
fn what_every_item_shares() {
    content_edges("Content", false, |content| check_content(&content));
    text_edges("ClientToken", 0, 500, |token| check_client_token(Some(&token)));
    expect(check_client_token(None), None, "no token");
}

#[test]
fn start_chat_contact() {
    let request = samples::start;
    expect(request().check(), None, "everything given");
    expect(samples::smallest_start().check(), None, "little given");
    text_edges("InstanceId", 1, 100, |id| {
        StartChatContactRequest { instance_id: id.into(), ..request() }.check()
    });
    text_edges("ContactFlowId", 1, 500, |id| {
        StartChatContactRequest { contact_flow_id: id.into(), ..request() }.check()
    });
    text_edges("ParticipantDetails.DisplayName", 1, 256, |display_name| {
        let participant_details = ParticipantDetails { display_name };
        StartChatContactRequest { participant_details, ..request() }.check()
    });
    text_edges("ClientToken", 0, 500, |token| {
        StartChatContactRequest { client_token: Some(token), ..request() }.check()
    });
    number_edges("ChatDurationInMinutes", 60, 10_080, |minutes| {
        StartChatContactRequest { chat_duration_in_minutes: Some(minutes), ..request() }.check()
    });
    content_edges("InitialMessage.Content", false, |content| {
        let message = ChatMessage { content_type: ContentType::TextPlain, content };
        StartChatContactRequest { initial_message: Some(message), ..request() }.check()
    });
    let message = ChatMessage { content_type: ContentType::Interactive, content: "{}".to_owned() };
    let with_message = StartChatContactRequest { initial_message: Some(message), ..request() };
    expect(with_message.check(), Some("InitialMessage.ContentType"), "an interactive message");
}

#[test]
fn supported_content_types() {
    use ContentType::{Interactive, InteractiveResponse, Json, TextMarkdown, TextPlain, Typing};
    for (types, holds) in [
        (vec![TextPlain], true),
        (vec![Json, InteractiveResponse, Interactive, TextMarkdown, TextPlain], true),
        (vec![], false),
        (vec![TextMarkdown], false),
        (vec![TextPlain, Typing], false),
        (vec![TextPlain, ContentType::from("text/html")], false),
        (vec![TextPlain; 16], true),
        (vec![TextPlain; 17], false),
    ] {
        let what = format!("{types:?}");
        let request = StartChatContactRequest {
            supported_messaging_content_types: Some(types),
            ..samples::start()
        };
        expect(request.check(), (!holds).then_some("SupportedMessagingContentTypes"), &what);
    }
}

#[test]
fn connection_types_of_a_start() {
    use ConnectionType::{AuthenticationSession, ConnectionCredentials, Other, Websocket};
    for (types, holds) in [
        (vec![], false),
        (vec![Websocket], true),
        (vec![Websocket, ConnectionCredentials], true),
        (vec![AuthenticationSession, Websocket], true),
        (vec![Websocket, ConnectionCredentials, Websocket], false),
        (vec![Other("TELEPATHY".into())], false),
    ] {
        let what = format!("{types:?}");
        let request = StartChatContactRequest { connection_types: Some(types), ..samples::start() };
        expect(request.check(), (!holds).then_some("ConnectionTypes"), &what);
    }
}

#[test]
fn attributes() {
    let one = |name: &str, value: usize| -> Attributes {
        BTreeMap::from([(name.to_owned(), "v".repeat(value))])
    };
    for (attributes, holds) in [
        (BTreeMap::new(), true),
        (one("name", MAX_ATTRIBUTES_BYTES - 5), true),
        (one("name", MAX_ATTRIBUTES_BYTES - 4), true),
        (one("name", MAX_ATTRIBUTES_BYTES - 3), false),
        (one("Aa-_9", 0), true),
        (one("", 1), false),
        (one("a b", 1), false),
        (one("a.b", 1), false),
        (one("\u{e4}", 1), false),
    ] {
        let what = format!("{:?}", attributes.keys());
        expect(check_attributes(&attributes), (!holds).then_some("Attributes"), &what);
        let request = StartChatContactRequest { attributes, ..samples::start() };
        expect(request.check(), (!holds).then_some("Attributes"), &what);
    }
}

#[test]
fn stop_contact() {
    text_edges("ContactId", 1, 256, |id| {
        StopContactRequest { contact_id: id.into(), ..samples::stop() }.check()
    });
    text_edges("InstanceId", 1, 100, |id| {
        StopContactRequest { instance_id: id.into(), ..samples::stop() }.check()
    });
}

#[test]
fn contact_streaming() {
    let arn = |arn: String| ChatStreamingConfiguration { streaming_endpoint_arn: arn };
    text_edges("ChatStreamingConfiguration.StreamingEndpointArn", 1, 350, |text| {
        let chat_streaming_configuration = arn(text);
        StartContactStreamingRequest { chat_streaming_configuration, ..samples::start_streaming() }
            .check()
    });
    text_edges("ChatStreamingConfiguration.StreamingEndpointArn", 1, 350, |text| {
        let chat_streaming_configuration = Some(arn(text));
        StartChatContactRequest { chat_streaming_configuration, ..samples::start() }.check()
    });
    text_edges("ClientToken", 1, 500, |token| {
        let client_token = token;
        StartContactStreamingRequest { client_token, ..samples::start_streaming() }.check()
    });
    text_edges("StreamingId", 1, 100, |id| {
        StopContactStreamingRequest { streaming_id: id.into(), ..samples::stop_streaming() }.check()
    });
}

#[test]
fn create_participant() {
    let with = |role, name: Option<String>| CreateParticipantRequest {
        participant_details: ParticipantDetailsToAdd { participant_role: role, display_name: name },
        ..samples::create_participant()
    };
    text_edges("ParticipantDetails.DisplayName", 1, 256, |name| {
        with(Some(ParticipantRole::CustomBot), Some(name)).check()
    });
    text_edges("ClientToken", 0, 500, |token| {
        let client_token = Some(token);
        CreateParticipantRequest { client_token, ..samples::create_participant() }.check()
    });
    for (role, holds) in [
        (Some(ParticipantRole::CustomBot), true),
        (Some(ParticipantRole::Customer), false),
        (Some(ParticipantRole::Agent), false),
        (None, false),
    ] {
        let member = "ParticipantDetails.ParticipantRole";
        expect(with(role, None).check(), (!holds).then_some(member), "a role");
    }
}
