//! Laws that hold for all inputs.

use chatloom_wire::{
    ContentType, Item, ItemHead, ItemId, ServiceError, Timestamp,
    contact::{
        DescribeContactResponse, StartChatAnswer, StartChatContactRequest,
        StartChatContactResponse, StartChatRequest, StopContactRequest, TagContactRequest,
        UpdateContactAttributesRequest, UpdateContactRequest,
    },
    frame::{ClientFrame, ServerFrame},
    json,
    participant::{
        CancelParticipantAuthenticationRequest, CompleteAttachmentUploadRequest,
        CreateParticipantConnectionRequest, CreateParticipantConnectionResponse, DescribeView,
        DescribeViewResponse, DisconnectParticipantRequest, GetAttachmentRequest,
        GetAttachmentResponse, GetAuthenticationUrlRequest, GetAuthenticationUrlResponse,
        GetTranscriptRequest, GetTranscriptResponse, ScanDirection, SendEventRequest,
        SendMessageRequest, SentResponse, SortOrder, StartAttachmentUploadRequest,
        StartAttachmentUploadResponse, StartPosition,
    },
};
use proptest::{
    collection::{btree_map, vec},
    option::of,
    prelude::*,
    sample::{Index, select},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Names that mean something somewhere, so that random objects reach the decoders' inner parts.
const NAMES: &[&str] = &[
    "AbsoluteTime",
    "Actions",
    "AttachmentId",
    "AttachmentIds",
    "AttachmentName",
    "AttachmentSizeInBytes",
    "Attachments",
    "Attributes",
    "ChatDurationInMinutes",
    "ChunkNumber",
    "ClientToken",
    "ConnectParticipant",
    "ConnectionTypes",
    "Contact",
    "ContactFlowId",
    "ContactId",
    "Content",
    "ContentType",
    "DisplayName",
    "HeadersToInclude",
    "Id",
    "InitialContactId",
    "InitialMessage",
    "InstanceId",
    "MaxResults",
    "Message",
    "MessageId",
    "MessageMetadata",
    "MostRecent",
    "NextToken",
    "ParticipantDetails",
    "ParticipantId",
    "ParticipantRole",
    "ParticipantToken",
    "Receipts",
    "RedirectUri",
    "ScanDirection",
    "SessionId",
    "SortOrder",
    "StartPosition",
    "Transcript",
    "Type",
    "UploadMetadata",
    "Url",
    "View",
    "Websocket",
    "__type",
    "code",
    "content",
    "data",
    "message",
    "messageId",
    "startChatResult",
    "status",
    "statusCode",
    "statusContent",
    "topic",
    "topics",
];

/// Strings that mean something somewhere.
const TEXTS: &[&str] = &[
    "",
    "text/plain",
    "WEBSOCKET",
    "FORWARD",
    "ASCENDING",
    "MESSAGE",
    "AGENT",
    "aws/chat",
    "aws/subscribe",
    "aws/ping",
    "aws/heartbeat",
    "success",
    "2026-01-31T12:00:00.000Z",
    "ns#AccessDeniedException:http://x/",
    "application/vnd.amazonaws.connect.event.message.read",
    r#"{"messageId":"i-1"}"#,
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(TEXTS).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 8, |inner| {
        let name = prop_oneof![8 => select(NAMES).prop_map(str::to_owned), 1 => any::<String>()];
        prop_oneof![
            1 => vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => btree_map(name, inner, 0..8)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// Text that is JSON, almost JSON, or anything.
fn text() -> impl Strategy<Value = String> {
    let json = value().prop_map(|value| value.to_string());
    let mangled = (value(), any::<Index>(), any::<Index>(), "\\PC{0,3}").prop_map(
        |(value, from, to, insert)| {
            let text: Vec<char> = value.to_string().chars().collect();
            let (from, to) = (from.index(text.len() + 1), to.index(text.len() + 1));
            let (head, tail) = (&text[..from.min(to)], &text[from.max(to)..]);
            head.iter().copied().chain(insert.chars()).chain(tail.iter().copied()).collect()
        },
    );
    prop_oneof![3 => json, 2 => mangled, 1 => any::<String>()]
}

/// What can be read can be written, and reads as the same again.
fn settles<T: Serialize + DeserializeOwned>(text: &str) -> Result<(), TestCaseError> {
    if let Ok(value) = json::read::<T>(text) {
        let written = serde_json::to_string(&value).unwrap();
        let again: T = json::read(&written).unwrap();
        prop_assert_eq!(serde_json::to_string(&again).unwrap(), written);
    }
    Ok(())
}

fn content_type() -> impl Strategy<Value = ContentType> {
    prop_oneof![
        select(ContentType::KNOWN),
        any::<String>().prop_map(|text| ContentType::from(text.as_str())),
    ]
}

prop_compose! {
    fn message()(
        client_token in of(any::<String>()),
        content in any::<String>(),
        content_type in content_type(),
    ) -> SendMessageRequest {
        SendMessageRequest { client_token, content, content_type }
    }
}

prop_compose! {
    fn event()(
        client_token in of(any::<String>()),
        content in of(any::<String>()),
        content_type in content_type(),
    ) -> SendEventRequest {
        SendEventRequest { client_token, content, content_type }
    }
}

prop_compose! {
    fn page()(
        contact_id in of(any::<String>().prop_map(Into::into)),
        max_results in of(any::<i64>()),
        next_token in of(any::<String>()),
        scan_direction in of(any::<String>().prop_map(|text| ScanDirection::from(text.as_str()))),
        sort_order in of(select(SortOrder::KNOWN)),
        id in of(any::<String>().prop_map(Into::into)),
        absolute_time in of(any::<String>()),
        most_recent in of(any::<i64>()),
    ) -> GetTranscriptRequest {
        GetTranscriptRequest {
            contact_id, max_results, next_token, scan_direction, sort_order,
            start_position: Some(StartPosition { id, absolute_time, most_recent }),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn decoders_take_anything(text in text(), status in any::<u16>()) {
        settles::<CreateParticipantConnectionRequest>(&text)?;
        settles::<CreateParticipantConnectionResponse>(&text)?;
        settles::<SendMessageRequest>(&text)?;
        settles::<SendEventRequest>(&text)?;
        settles::<SentResponse>(&text)?;
        settles::<GetTranscriptRequest>(&text)?;
        settles::<GetTranscriptResponse>(&text)?;
        settles::<DisconnectParticipantRequest>(&text)?;
        settles::<StartAttachmentUploadRequest>(&text)?;
        settles::<StartAttachmentUploadResponse>(&text)?;
        settles::<CompleteAttachmentUploadRequest>(&text)?;
        settles::<GetAttachmentRequest>(&text)?;
        settles::<GetAttachmentResponse>(&text)?;
        settles::<DescribeViewResponse>(&text)?;
        settles::<GetAuthenticationUrlRequest>(&text)?;
        settles::<GetAuthenticationUrlResponse>(&text)?;
        settles::<CancelParticipantAuthenticationRequest>(&text)?;
        settles::<StartChatContactRequest>(&text)?;
        settles::<StartChatContactResponse>(&text)?;
        settles::<StopContactRequest>(&text)?;
        settles::<UpdateContactAttributesRequest>(&text)?;
        settles::<UpdateContactRequest>(&text)?;
        settles::<TagContactRequest>(&text)?;
        // Its times are numbers, which may come back with another last bit.
        let _ = json::read::<DescribeContactResponse>(&text);
        settles::<StartChatRequest>(&text)?;
        settles::<StartChatAnswer>(&text)?;
        let error = ServiceError::parse(status, Some(&text), &text);
        prop_assert_eq!(error.status, status);
        let error = ServiceError::parse(status, None, &text);
        prop_assert!(!error.kind.name().is_empty());
    }

    #[test]
    fn frames_take_anything(text in text()) {
        if let Ok(frame) = ClientFrame::parse(&text) {
            prop_assert_eq!(ClientFrame::parse(&frame.to_text()), Ok(frame));
        }
        if let Ok(frame) = ServerFrame::parse(&text) {
            let written = frame.to_text();
            let again = ServerFrame::parse(&written);
            prop_assert_eq!(again.as_ref(), Ok(&frame));
        }
    }

    /// Any object is an item, whatever its members are, and no byte of it is lost.
    #[test]
    fn any_object_is_an_item(value in value()) {
        let text = value.to_string();
        let item = Item::from_text(text.as_str());
        prop_assert_eq!(item.is_ok(), value.is_object());
        if let Ok(item) = item {
            prop_assert_eq!(item.text(), &text);
            prop_assert_eq!(serde_json::to_string(&item).unwrap(), text);
            let content = item.content();
            prop_assert_eq!(content.as_deref(), value.get("Content").and_then(Value::as_str));
            let id = value.get("Id").and_then(Value::as_str);
            prop_assert_eq!(item.head().id.as_ref().map(ItemId::as_str), id);
            let _ = item.attachments();
        }
    }

    /// Reading member by member sees what reading at once sees.
    #[test]
    fn an_odd_member_changes_no_other(
        id in any::<String>(),
        time in any::<String>(),
        content_type in content_type(),
    ) {
        let plain = serde_json::json!({
            "Id": id, "AbsoluteTime": time, "ContentType": content_type.as_str(),
        });
        let mut odd = plain.clone();
        odd["MessageMetadata"] = 7.into();
        let plain = Item::from_text(plain.to_string()).unwrap();
        let odd = Item::from_text(odd.to_string()).unwrap();
        prop_assert_eq!(plain.head(), odd.head());
        prop_assert_ne!(plain.head(), &ItemHead::default());
    }

    /// A view token is one segment of the path, and comes out of it again.
    #[test]
    fn a_view_token_is_one_segment(token in any::<String>()) {
        let path = DescribeView::path(&token);
        let segment = path.strip_prefix("/participant/views/").unwrap();
        let mut bytes = Vec::new();
        let mut rest = segment.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            if *first == b'%' {
                let hex = std::str::from_utf8(&after[..2]).unwrap();
                bytes.push(u8::from_str_radix(hex, 16).unwrap());
                rest = &after[2..];
            } else {
                prop_assert!(first.is_ascii_alphanumeric() || b"-_.~".contains(first));
                bytes.push(*first);
                rest = after;
            }
        }
        prop_assert_eq!(bytes, token.into_bytes());
    }

    #[test]
    fn messages_round_trip(request in message()) {
        let text = serde_json::to_string(&request).unwrap();
        prop_assert_eq!(json::read::<SendMessageRequest>(&text).unwrap(), request);
    }

    #[test]
    fn events_round_trip(request in event()) {
        let text = serde_json::to_string(&request).unwrap();
        prop_assert_eq!(json::read::<SendEventRequest>(&text).unwrap(), request);
    }

    #[test]
    fn page_requests_round_trip(request in page()) {
        let text = serde_json::to_string(&request).unwrap();
        let _ = request.check();
        prop_assert_eq!(json::read::<GetTranscriptRequest>(&text).unwrap(), request);
    }

    #[test]
    fn content_reaches_the_other_side(content in any::<String>()) {
        let item = serde_json::json!({ "Id": "i", "Content": content }).to_string();
        let frame = ServerFrame::Chat { content: item.into() }.to_text();
        let ServerFrame::Chat { content: item } = ServerFrame::parse(&frame).unwrap() else {
            return Err(TestCaseError::fail("not a chat frame"));
        };
        let item = Item::from_text(&*item).unwrap();
        let arrived = item.content();
        prop_assert_eq!(arrived.as_deref(), Some(content.as_str()));
    }

    #[test]
    fn subscriptions_round_trip(topics in vec(any::<String>(), 1..5), after in "[^0-9eE.]{0,5}") {
        let frame = ClientFrame::Subscribe { topics };
        let read = ClientFrame::parse(&(frame.to_text() + &after));
        prop_assert_eq!(read.as_ref(), Ok(&frame));
    }

    #[test]
    fn times_round_trip_as_members(millis in any::<i64>()) {
        let sent = SentResponse { id: "i".into(), absolute_time: Timestamp::from_millis(millis) };
        let text = serde_json::to_string(&sent).unwrap();
        prop_assert_eq!(json::read::<SentResponse>(&text).unwrap(), sent);
    }
}
