//! The exact text of everything that is sent, and that it reads back.

use std::fmt::Write as _;

use chatloom_wire::{
    ContentType, ErrorKind, Item, ItemId, ItemType, ParticipantRole, ServiceError,
    contact::{
        DescribeContact, GetContactAttributes, ListContactReferences, StartChatContact,
        StopContact, TagContact, UntagContact, UpdateContact, UpdateContactAttributes,
        UpdateContactRequest, UpdateParticipantAuthentication,
    },
    frame::{CHAT_TOPIC, ClientFrame, ServerFrame},
    json,
    participant::{
        CancelParticipantAuthentication, CompleteAttachmentUpload, ConnectionType,
        CreateParticipantConnection, CreateParticipantConnectionRequest,
        CreateParticipantConnectionResponse, DescribeView, DescribeViewResponse,
        DisconnectParticipant, DisconnectParticipantRequest, Empty, GetAttachment,
        GetAuthenticationUrl, GetTranscript, GetTranscriptRequest, GetTranscriptResponse,
        Operation, ScanDirection, SendEvent, SendMessage, SendMessageRequest, SortOrder,
        StartAttachmentUpload,
    },
};
use serde::{Serialize, de::DeserializeOwned};

use crate::samples;

/// Forms, one after the other, each under the name of its type.
#[derive(Default)]
struct Forms(String);

impl Forms {
    fn add<T: Serialize + DeserializeOwned>(mut self, value: &T) -> Self {
        let name = std::any::type_name::<T>().rsplit("::").next().unwrap();
        let text = serde_json::to_string(value).unwrap();
        let again: T = json::read(&text).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), text, "{name} reads back");
        writeln!(self.0, "{name}\n{text}\n").unwrap();
        self
    }

    fn line(mut self, line: impl std::fmt::Display) -> Self {
        writeln!(self.0, "{line}").unwrap();
        self
    }
}

fn place<O: Operation>() -> String {
    format!("{} {} {}", O::NAME, O::METHOD, O::PATH)
}

#[test]
fn operations() {
    let forms = Forms::default()
        .line(place::<CreateParticipantConnection>())
        .line(place::<SendMessage>())
        .line(place::<SendEvent>())
        .line(place::<GetTranscript>())
        .line(place::<DisconnectParticipant>())
        .line(place::<StartAttachmentUpload>())
        .line(place::<CompleteAttachmentUpload>())
        .line(place::<GetAttachment>())
        .line(place::<DescribeView>())
        .line(place::<GetAuthenticationUrl>())
        .line(place::<CancelParticipantAuthentication>())
        .line(place::<StartChatContact>())
        .line(place::<StopContact>())
        .line(place::<DescribeContact>())
        .line(place::<GetContactAttributes>())
        .line(place::<UpdateContactAttributes>())
        .line(place::<UpdateContact>())
        .line(place::<ListContactReferences>())
        .line(place::<TagContact>())
        .line(place::<UntagContact>())
        .line(place::<UpdateParticipantAuthentication>());
    insta::assert_snapshot!(forms.0);
}

#[test]
fn participant_service() {
    let forms = Forms::default()
        .add(&CreateParticipantConnectionRequest::socket_and_credentials())
        .add(&samples::mark_only())
        .add(&samples::connection())
        .add(&CreateParticipantConnectionResponse::default())
        .add(&samples::message())
        .add(&samples::message_without_token())
        .add(&samples::sent())
        .add(&samples::typing())
        .add(&samples::receipt())
        .add(&samples::page_request())
        .add(&samples::page_request_of_chatjs())
        .add(&GetTranscriptRequest::default())
        .add(&samples::page())
        .add(&GetTranscriptResponse::default())
        .add(&samples::disconnect())
        .add(&DisconnectParticipantRequest::default())
        .add(&samples::upload())
        .add(&samples::upload_started())
        .add(&samples::uploaded())
        .add(&samples::attachment_request())
        .add(&samples::attachment_request_of_chatjs())
        .add(&samples::attachment_answer())
        .add(&samples::view())
        .add(&DescribeViewResponse { view: None })
        .add(&samples::sign_in())
        .add(&samples::sign_in_answer())
        .add(&samples::no_sign_in())
        .add(&Empty {});
    insta::assert_snapshot!(forms.0);
}

#[test]
fn control_plane() {
    let forms = Forms::default()
        .add(&samples::start())
        .add(&samples::smallest_start())
        .add(&samples::started())
        .add(&samples::started_without_connection())
        .add(&samples::stop())
        .add(&samples::stop_with_reason())
        .add(&samples::attributes())
        .add(&samples::attributes_change())
        .add(&samples::contact_change())
        .add(&UpdateContactRequest::default())
        .add(&samples::references())
        .add(&samples::tags())
        .add(&samples::described())
        .add(&samples::described_new())
        .add(&samples::start_by_page())
        .add(&samples::started_by_page())
        .add(&samples::start_streaming())
        .add(&samples::streaming_started())
        .add(&samples::stop_streaming())
        .add(&samples::create_participant())
        .add(&samples::participant_created());
    insta::assert_snapshot!(forms.0);
}

#[test]
fn items() {
    let texts = [
        samples::text_item(false),
        samples::text_item(true),
        samples::ended_item(),
        samples::attachment_item(),
        samples::receipt_item(),
    ];
    let mut forms =
        Forms::default().add(&samples::metadata()).add(&samples::attachment()).line("Items");
    for text in texts {
        let item = Item::from_text(text.as_str()).unwrap();
        assert_eq!(serde_json::to_string(&item).unwrap(), text);
        forms = forms.line(text);
    }
    insta::assert_snapshot!(forms.0);
}

#[test]
fn what_an_item_holds_is_read() {
    let item = Item::from_text(samples::text_item(false)).unwrap();
    assert_eq!(item.content().as_deref(), Some(samples::message().content.as_str()));
    assert!(item.attachments().is_empty());
    let head = item.head();
    assert_eq!(head.id, Some("i-1".into()));
    assert_eq!(head.absolute_time.as_deref(), Some("2019-11-08T02:41:28.172Z"));
    assert_eq!(head.item_type, Some(ItemType::Message));
    assert_eq!(head.content_type, Some(ContentType::TextPlain));
    assert_eq!(head.contact_id, Some("c-1".into()));
    assert_eq!(head.initial_contact_id, Some("c-0".into()));
    assert_eq!(head.participant_id, Some("p-1".into()));
    assert_eq!(head.participant_role, Some(ParticipantRole::Customer));
    assert_eq!(head.display_name.as_deref(), Some(samples::PRIVATE));
    assert_eq!(head.message_metadata, None);

    let item = Item::from_text(samples::attachment_item()).unwrap();
    assert_eq!(item.attachments(), [samples::attachment()]);
    assert_eq!(item.head().related_contact_id, Some("c-9".into()));

    let item = Item::from_text(samples::receipt_item()).unwrap();
    assert_eq!(item.head().message_metadata, Some(samples::metadata()));
}

/// A member of another type, or twice, costs that member and nothing else.
#[test]
fn an_odd_item_is_read_member_by_member() {
    for (text, id, has_metadata, content) in [
        (r#"{"Id":7,"Content":"hi"}"#, None, false, Some("hi")),
        (r#"{"Id":"a","MessageMetadata":{"ChunkNumber":"1"}}"#, Some("a"), false, None),
        (r#"{"Id":"a","MessageMetadata":"p","DisplayName":[]}"#, Some("a"), false, None),
        (r#"{"Id":"a","Content":{"p":1},"Attachments":{}}"#, Some("a"), false, None),
        (r#"{"Id":"a","Id":"b","MessageMetadata":{}}"#, Some("b"), true, None),
        (r#"{"\u0049d":"a","Type":1}"#, Some("a"), false, None),
        (r"{}", None, false, None),
    ] {
        let item = Item::from_text(text).unwrap();
        assert_eq!(item.head().id.as_ref().map(ItemId::as_str), id, "{text}");
        assert_eq!(item.head().message_metadata.is_some(), has_metadata, "{text}");
        assert_eq!(item.content().as_deref(), content, "{text}");
        assert!(item.attachments().is_empty(), "{text}");
        assert_eq!(serde_json::to_string(&item).unwrap(), text);
    }
    for text in ["", "null", "[]", "7", r#""{}""#, "{", "{}{}", r#"{"Id":"a"} x"#, r#"{"Id":x}"#] {
        Item::from_text(text).unwrap_err();
    }
}

#[test]
fn frames() {
    let client = [
        ClientFrame::Subscribe { topics: vec![CHAT_TOPIC.to_owned(), "a\"b".to_owned()] },
        ClientFrame::Heartbeat,
        ClientFrame::Ping,
        ClientFrame::Other { topic: "aws/unsubscribe".to_owned() },
    ];
    let server = [
        ServerFrame::Subscribed { success: true, topics: vec![CHAT_TOPIC.to_owned()] },
        ServerFrame::Subscribed { success: false, topics: vec!["x/y".to_owned()] },
        ServerFrame::Heartbeat,
        ServerFrame::Ping { status_code: Some(200), status_content: Some("OK".into()) },
        ServerFrame::Ping { status_code: None, status_content: None },
        ServerFrame::Chat { content: samples::ended_item().into() },
        ServerFrame::GatewayError { message: "Forbidden".into() },
        ServerFrame::Other { topic: "chatloom/queue".into() },
    ];
    let mut forms = Forms::default().line("client");
    for frame in client {
        assert_eq!(ClientFrame::parse(&frame.to_text()).as_ref(), Ok(&frame));
        forms = forms.line(frame.to_text());
    }
    forms = forms.line("server");
    for frame in server {
        assert_eq!(ServerFrame::parse(&frame.to_text()).as_ref(), Ok(&frame));
        forms = forms.line(frame.to_text());
    }
    insta::assert_snapshot!(forms.0);
}

/// The catalogue as the official clients and the service write it
/// (docs/protocol/websocket.md §1.2).
#[test]
fn frames_of_the_official_peers_are_read() {
    let chat = || ClientFrame::Subscribe { topics: vec![CHAT_TOPIC.to_owned()] };
    for (text, frame) in [
        (r#"{"topic":"aws/subscribe","content":{"topics":["aws/chat"]}}"#, chat()),
        (r#"{"topic": "aws/subscribe", "content": {"topics": ["aws/chat"]}})"#, chat()),
        (r#"{"topic": "aws/heartbeat"}"#, ClientFrame::Heartbeat),
        (r#"{"topic":"aws/ping","content":null}"#, ClientFrame::Ping),
    ] {
        assert_eq!(ClientFrame::parse(text).as_ref(), Ok(&frame), "{text}");
    }
    let chat = |content: &'static str| ServerFrame::Chat { content: content.into() };
    for (text, frame) in [
        (
            r#"{"topic":"aws/chat","contentType":"application/json","content":"{\"Id\":1}"}"#,
            chat(r#"{"Id":1}"#),
        ),
        (r#"{"topic":"aws/chat","content":"","message":{},"statusCode":"x"}"#, chat("")),
        (
            r#"{"topic":"aws/chat","content":{"Id":1}}"#,
            ServerFrame::Other { topic: CHAT_TOPIC.into() },
        ),
        (
            r#"{"topic":"aws/ping","statusCode":"500","statusContent":7}"#,
            ServerFrame::Ping { status_code: None, status_content: None },
        ),
        (
            r#"{"message":"Forbidden","connectionId":"x","requestId":"y"}"#,
            ServerFrame::GatewayError { message: "Forbidden".into() },
        ),
        (r#"{"topic":"aws/heartbeat","content":{"more":1}}"#, ServerFrame::Heartbeat),
    ] {
        assert_eq!(ServerFrame::parse(text).as_ref(), Ok(&frame), "{text}");
    }
}

#[test]
fn errors() {
    let mut forms = Forms::default();
    for kind in ErrorKind::KNOWN {
        let error = ServiceError::new(kind.clone(), "why \"this\"");
        assert_eq!(ServiceError::parse(error.status, Some(kind.name()), &error.body()), error);
        forms = forms.line(format_args!("{} {} {}", error.status, kind.name(), error.body()));
    }
    insta::assert_snapshot!(forms.0);
}

#[test]
fn vocabulary() {
    let mut forms = Forms::default();
    macro_rules! words {
        ($($name:ident)*) => {$(
            forms = forms.line(stringify!($name));
            for value in $name::KNOWN {
                let text = serde_json::to_string(value).unwrap();
                assert_eq!(text, format!("\"{value}\""));
                assert_eq!(&serde_json::from_str::<$name>(&text).unwrap(), value);
                forms = forms.line(format_args!("    {value}"));
            }
            let unknown: $name = serde_json::from_str(r#""N\u0045W""#).unwrap();
            assert_eq!(unknown, $name::Other("NEW".into()));
            assert_eq!(serde_json::to_string(&unknown).unwrap(), r#""NEW""#);
        )*};
    }
    words!(ContentType ItemType ParticipantRole ConnectionType ScanDirection SortOrder);
    insta::assert_snapshot!(forms.0);
}

/// Members a newer peer sends are no error; members that have to be there are named.
#[test]
fn requests_are_read_leniently_and_named_exactly() {
    let read = |text| json::read::<SendMessageRequest>(text).map_err(|error| error.to_string());
    let request = read(r#"{"ContentType":"text/plain","Content":"a","New":{"x":[]}}"#).unwrap();
    assert_eq!(request.content, "a");
    for (text, problem) in [
        (r#"{"Content":"a"}"#, "missing field `ContentType`"),
        (r#"{"content":"a","ContentType":"text/plain"}"#, "missing field `Content`"),
        (r#"{"ContentType":"text/plain","Content":7}"#, "a member has another type"),
        (r#"["c","a","text/plain"]"#, "not a JSON object"),
        (r#"{"ContentType":"text/plain","Content":"a""#, "the JSON text is cut off"),
        (r#"{"ContentType":"text/plain","Content":"a"},"#, "not JSON"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.starts_with(problem), "{text}: {error}");
    }
}
