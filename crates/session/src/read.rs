//! What a service says, read with [`crate::json`].
//!
//! The meaning is that of the readers in `chatloom_wire`, which a test compares; these are the small
//! ones that a browser loads. A member that is not as documented counts as absent.

use std::borrow::Cow;

use chatloom_wire::{
    ErrorKind, Item, ItemHead, ItemId, MessageMetadata, Receipt, ServiceError,
    frame::{CHAT_TOPIC, HEARTBEAT_TOPIC, PING_TOPIC, SUBSCRIBE_TOPIC},
};

use crate::json::{self, Raw};

/// A frame, as far as the core cares.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Chat(Cow<'a, str>),
    /// The answer to a subscription; whether it is about the topic of chats.
    Subscribed {
        success: bool,
        is_chat: bool,
    },
    Heartbeat,
    Ping {
        success: bool,
    },
    /// An error of the gateway in front of the service.
    Gateway,
    Other,
    Unreadable,
}

/// What the service gives who asks for a connection.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) has_socket: bool,
    pub(crate) url: String,
    pub(crate) url_expiry: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) expiry: Option<String>,
}

/// Where a file can be put, or can be found.
#[derive(Default)]
pub(crate) struct Place {
    /// What the file is called, where it can be put.
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) expiry: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
}

/// Without URL and headers: they are secret.
impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A page of the transcript.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The items, in the order of the page; `None` for one that cannot be read.
    pub(crate) items: Vec<Option<Item>>,
    pub(crate) next_token: Option<String>,
}

fn owned(value: Raw<'_>) -> Option<String> {
    value.text().map(Cow::into_owned)
}

fn boxed(value: Raw<'_>) -> Option<Box<str>> {
    owned(value).map(Into::into)
}

fn parsed<T: for<'a> From<&'a str>>(value: Raw<'_>) -> Option<T> {
    value.text().map(|text| T::from(&text))
}

pub(crate) fn frame(text: &str) -> Frame<'_> {
    let (mut topic, mut content, mut status_code, mut message) = (None, None, None, None);
    let read = json::first_object(text, &mut |name, value| match name {
        "topic" => topic = value.text(),
        "content" => content = Some(value),
        "statusCode" => status_code = value.integer(),
        "message" => message = value.text(),
        _ => {}
    });
    let Some(topic) = topic.filter(|_| read.is_ok()) else {
        return if read.is_ok() && message.is_some() { Frame::Gateway } else { Frame::Unreadable };
    };
    match &*topic {
        HEARTBEAT_TOPIC => Frame::Heartbeat,
        PING_TOPIC => Frame::Ping { success: status_code == Some(200) },
        CHAT_TOPIC => content.and_then(Raw::text).map_or(Frame::Other, Frame::Chat),
        SUBSCRIBE_TOPIC => {
            let (mut success, mut count, mut chats) = (false, 0, 0);
            let is_object = content.is_some_and(|content| {
                content.members(&mut |name, value| match name {
                    "status" => success = value.text().as_deref() == Some("success"),
                    "topics" => {
                        value.elements(&mut |topic| {
                            count += 1;
                            chats += u32::from(topic.text().as_deref() == Some(CHAT_TOPIC));
                        });
                    }
                    _ => {}
                })
            });
            if is_object {
                Frame::Subscribed { success, is_chat: count == 0 || chats > 0 }
            } else {
                Frame::Unreadable
            }
        }
        _ => Frame::Other,
    }
}

/// The place of a file, from the answer to StartAttachmentUpload or to GetAttachment.
pub(crate) fn place(text: &str) -> Place {
    let mut place = Place::default();
    let read = json::object(text, &mut |name, value| match name {
        "AttachmentId" => place.id = owned(value).unwrap_or_default(),
        "UploadMetadata" => {
            value.members(&mut |name, value| place.take(name, value));
        }
        _ => place.take(name, value),
    });
    if read.is_ok() { place } else { Place::default() }
}

impl Place {
    fn take(&mut self, name: &str, value: Raw<'_>) {
        match name {
            "Url" => self.url = owned(value).unwrap_or_default(),
            "UrlExpiry" => self.expiry = owned(value),
            "HeadersToInclude" => {
                self.headers.clear();
                value.members(&mut |name, value| {
                    if let Some(value) = owned(value) {
                        self.headers.push((name.to_owned(), value));
                    }
                });
            }
            _ => {}
        }
    }
}

/// An item; `None` when the text is no JSON object.
pub(crate) fn item(text: &str) -> Option<Item> {
    Some(Item::from_parts(text, item_head(text)?))
}

/// The members of an item that the core decides on, from a JSON object that has them, for
/// [`Input::SocketItem`](crate::Input::SocketItem); `None` when the text is none. A member that is not
/// as documented counts as absent.
pub fn item_head(text: &str) -> Option<ItemHead> {
    let mut head = ItemHead::default();
    json::object(text, &mut |name, value| match name {
        "Id" => head.id = parsed(value),
        "AbsoluteTime" => head.absolute_time = boxed(value),
        "Type" => head.item_type = parsed(value),
        "ContentType" => head.content_type = parsed(value),
        "ContactId" => head.contact_id = parsed(value),
        "InitialContactId" => head.initial_contact_id = parsed(value),
        "RelatedContactId" => head.related_contact_id = parsed(value),
        "ParticipantId" => head.participant_id = parsed(value),
        "ParticipantRole" => head.participant_role = parsed(value),
        "DisplayName" => head.display_name = boxed(value),
        "MessageMetadata" => head.message_metadata = metadata(value),
        _ => {}
    })
    .ok()?;
    Some(head)
}

fn metadata(value: Raw<'_>) -> Option<MessageMetadata> {
    let mut metadata = MessageMetadata::default();
    value
        .members(&mut |name, value| match name {
            "MessageId" => metadata.message_id = parsed(value),
            "Receipts" => {
                let mut receipts = Vec::new();
                let is_list = value.elements(&mut |value| receipts.push(receipt(value)));
                metadata.receipts = is_list.then_some(receipts);
            }
            "ChunkNumber" => {
                metadata.chunk_number = value.integer().and_then(|number| number.try_into().ok());
            }
            "MessageCompleted" => metadata.message_completed = value.boolean(),
            "MessageProcessingStatus" => metadata.message_processing_status = boxed(value),
            _ => {}
        })
        .then_some(metadata)
}

fn receipt(value: Raw<'_>) -> Receipt {
    let mut receipt = Receipt::default();
    value.members(&mut |name, value| match name {
        "DeliveredTimestamp" => receipt.delivered_timestamp = boxed(value),
        "ReadTimestamp" => receipt.read_timestamp = boxed(value),
        "RecipientParticipantId" => receipt.recipient_participant_id = parsed(value),
        _ => {}
    });
    receipt
}

/// A page of the transcript; `None` when the text is none.
pub(crate) fn page(text: &str) -> Option<Page> {
    let mut page = Page::default();
    json::object(text, &mut |name, value| match name {
        "Transcript" => {
            page.items.clear();
            value.elements(&mut |value| page.items.push(item(value.json())));
        }
        "NextToken" => page.next_token = owned(value).filter(|token| !token.is_empty()),
        _ => {}
    })
    .ok()?;
    Some(page)
}

/// The answer to a message that was sent: its id and its time.
pub(crate) fn sent(text: &str) -> (Option<ItemId>, Option<Box<str>>) {
    let (mut id, mut time) = (None, None);
    let read = json::object(text, &mut |name, value| match name {
        "Id" => id = parsed(value),
        "AbsoluteTime" => time = boxed(value),
        _ => {}
    });
    if read.is_ok() { (id, time) } else { (None, None) }
}

/// The answer to a request for a connection; without anything when the text is none.
pub(crate) fn connection(text: &str) -> Given {
    let mut given = Given::default();
    let read = json::object(text, &mut |name, value| match name {
        "Websocket" => {
            given.has_socket = value.members(&mut |name, value| match name {
                "Url" => given.url = owned(value).unwrap_or_default(),
                "ConnectionExpiry" => given.url_expiry = owned(value),
                _ => {}
            });
        }
        "ConnectionCredentials" => {
            value.members(&mut |name, value| match name {
                "ConnectionToken" => given.token = owned(value),
                "Expiry" => given.expiry = owned(value),
                _ => {}
            });
        }
        _ => {}
    });
    if read.is_ok() { given } else { Given::default() }
}

/// An error answer (docs/protocol/participant-service.md §2.2).
pub(crate) fn error(status: u16, error_type: Option<&str>, body: &str) -> ServiceError {
    let (mut code, mut type_, mut message, mut capital_message) = (None, None, None, None);
    let read = json::object(body, &mut |name, value| match name {
        "code" => code = value.text(),
        "__type" => type_ = value.text(),
        "message" => message = value.text(),
        "Message" => capital_message = value.text(),
        _ => {}
    });
    if read.is_err() {
        (code, type_, message, capital_message) = (None, None, None, None);
    }
    let name = error_type.filter(|name| !name.is_empty()).or(code.as_deref()).or(type_.as_deref());
    let name = name.map_or("", bare_name);
    let kind = if name.is_empty() {
        let mut text = String::new();
        json::write_number(&mut text, i64::from(status));
        ErrorKind::Other(text.into())
    } else {
        ErrorKind::from(name)
    };
    let message =
        message.or(capital_message).map_or_else(|| "UnknownError".into(), Cow::into_owned);
    ServiceError { kind, status, message }
}

/// `com.example#Name:http://…` is `Name`.
fn bare_name(name: &str) -> &str {
    let end = name.bytes().position(|byte| matches!(byte, b',' | b':')).unwrap_or(name.len());
    let name = name.get(..end).unwrap_or(name);
    let begin = name.bytes().rposition(|byte| byte == b'#').map_or(0, |at| at + 1);
    name.get(begin..).unwrap_or(name).trim_ascii()
}

#[cfg(test)]
mod tests {
    use chatloom_wire::{
        frame::ServerFrame,
        participant::{
            CreateParticipantConnectionResponse, GetAttachmentResponse, GetTranscriptResponse,
            StartAttachmentUploadResponse,
        },
    };
    use proptest::prelude::*;

    use super::*;

    /// Texts that are nearly what the service says: the words of the protocol, put together at
    /// random and sometimes wrong.
    fn nearly(words: &'static [&'static str]) -> impl Strategy<Value = String> {
        let value = prop_oneof![
            4 => prop::sample::select(words).prop_map(|word| format!("{word:?}")),
            1 => Just("null".to_owned()),
            1 => Just("7".to_owned()),
            1 => Just("true".to_owned()),
            1 => Just(r#""\u00e9\n\"""#.to_owned()),
        ];
        let value = value.prop_recursive(3, 24, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|list| format!("[{}]", list.join(","))),
                prop::collection::btree_map(prop::sample::select(words), inner, 0..6).prop_map(
                    |map| {
                        let members: Vec<String> =
                            map.iter().map(|(name, value)| format!("{name:?}: {value}")).collect();
                        format!("{{{}}}", members.join(","))
                    }
                ),
            ]
        });
        prop_oneof![20 => value.clone(), 1 => value.prop_map(|text| text + "]")]
    }

    const FRAME: &[&str] = &[
        "topic",
        "content",
        "status",
        "topics",
        "success",
        "statusCode",
        "message",
        "aws/chat",
        "aws/subscribe",
        "aws/heartbeat",
        "aws/ping",
    ];
    const ITEM: &[&str] = &[
        "Id",
        "Type",
        "ContentType",
        "AbsoluteTime",
        "ContactId",
        "InitialContactId",
        "RelatedContactId",
        "ParticipantId",
        "ParticipantRole",
        "DisplayName",
        "MessageMetadata",
        "MessageId",
        "Receipts",
        "ReadTimestamp",
        "RecipientParticipantId",
        "MESSAGE",
        "EVENT",
    ];
    const PAGE: &[&str] = &["Transcript", "NextToken", "Id", "x"];
    const CONNECTION: &[&str] = &[
        "Websocket",
        "Url",
        "ConnectionExpiry",
        "ConnectionCredentials",
        "ConnectionToken",
        "Expiry",
        "wss://x",
    ];
    const PLACE: &[&str] = &[
        "AttachmentId",
        "UploadMetadata",
        "Url",
        "UrlExpiry",
        "HeadersToInclude",
        "Content-Type",
        "https://x",
    ];
    const ERROR: &[&str] =
        &["code", "__type", "message", "Message", "ns#AccessDeniedException:http://x", "a,b"];

    proptest! {
        #[test]
        fn frames_mean_what_the_wire_says(text in nearly(FRAME)) {
            let ours = frame(&text);
            let theirs = ServerFrame::parse(&text);
            let same = match (&ours, &theirs) {
                (Frame::Chat(ours), Ok(ServerFrame::Chat { content })) => ours == content,
                (Frame::Subscribed { success, is_chat }, Ok(ServerFrame::Subscribed { success: s, topics })) =>
                    success == s && *is_chat == (topics.is_empty() || topics.iter().any(|topic| topic == CHAT_TOPIC)),
                (Frame::Heartbeat, Ok(ServerFrame::Heartbeat))
                | (Frame::Gateway, Ok(ServerFrame::GatewayError { .. }))
                | (Frame::Other, Ok(ServerFrame::Other { .. }))
                | (Frame::Unreadable, Err(_)) => true,
                (Frame::Ping { success }, Ok(ServerFrame::Ping { status_code, .. })) =>
                    *success == (*status_code == Some(200)),
                // The wire refuses a subscription of which one topic is no string; here the others
                // count, and without a status it is a refusal either way.
                (Frame::Subscribed { .. }, Err(_)) => text.contains("aws/subscribe"),
                _ => false,
            };
            prop_assert!(same, "{text}: {ours:?} {theirs:?}");
        }

        #[test]
        fn items_mean_what_the_wire_says(text in nearly(ITEM)) {
            let (ours, theirs) = (item(&text), Item::from_text(text.as_str()).ok());
            prop_assert_eq!(ours.is_some(), theirs.is_some());
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                let (mut ours, mut theirs) = (ours.head().clone(), theirs.head().clone());
                // The wire drops the metadata of which one member is odd; here only the member is.
                // Serde also reads a struct from an array, which no peer means.
                if theirs.message_metadata.is_none() || text.contains('[') {
                    (ours.message_metadata, theirs.message_metadata) = (None, None);
                }
                prop_assert_eq!(ours, theirs);
            }
        }

        #[test]
        fn pages_mean_what_the_wire_says(text in nearly(PAGE)) {
            if let Ok(theirs) = serde_json::from_str::<GetTranscriptResponse>(&text)
                && text.starts_with('{')
            {
                let ours = page(&text).expect("a page");
                let ours_items: Vec<Item> = ours.items.into_iter().flatten().collect();
                prop_assert_eq!(ours_items, theirs.transcript);
                prop_assert_eq!(ours.next_token, theirs.next_token.filter(|token| !token.is_empty()));
            }
        }

        #[test]
        fn connections_mean_what_the_wire_says(text in nearly(CONNECTION)) {
            let theirs = serde_json::from_str::<CreateParticipantConnectionResponse>(&text);
            // Serde also reads a struct from an array, which no peer means.
            if let Ok(theirs) = theirs && text.starts_with('{') && !text.contains('[') {
                let ours = connection(&text);
                let websocket = theirs.websocket;
                prop_assert_eq!(ours.has_socket, websocket.is_some());
                let (url, url_expiry) =
                    websocket.map_or((None, None), |w| (w.url, w.connection_expiry));
                prop_assert_eq!(ours.url, url.unwrap_or_default());
                prop_assert_eq!(ours.url_expiry, url_expiry);
                let (token, expiry) = theirs
                    .connection_credentials
                    .map_or((None, None), |c| (c.connection_token, c.expiry));
                prop_assert_eq!(ours.token, token.map(|token| token.expose().to_owned()));
                prop_assert_eq!(ours.expiry, expiry);
            }
        }

        #[test]
        fn places_mean_what_the_wire_says(text in nearly(PLACE)) {
            // Serde also reads a struct from an array, which no peer means.
            if text.starts_with('{') && !text.contains('[') {
                let ours = place(&text);
                if let Ok(theirs) = serde_json::from_str::<StartAttachmentUploadResponse>(&text) {
                    prop_assert_eq!(&ours.id, theirs.attachment_id.as_str());
                    let theirs = theirs.upload_metadata;
                    if !text.contains(r#"{"Url"#) && !text.contains(r#","Url"#) {
                        prop_assert_eq!(&ours.url, &theirs.url);
                        prop_assert_eq!(&ours.expiry, &theirs.url_expiry);
                        let headers: std::collections::BTreeMap<_, _> =
                            ours.headers.iter().cloned().collect();
                        prop_assert_eq!(headers, theirs.headers_to_include);
                    }
                }
                if let Ok(theirs) = serde_json::from_str::<GetAttachmentResponse>(&text)
                    && !text.contains("UploadMetadata")
                {
                    prop_assert_eq!(&ours.url, &theirs.url);
                    prop_assert_eq!(&ours.expiry, &theirs.url_expiry);
                }
            }
        }

        #[test]
        fn errors_mean_what_the_wire_says(
            text in nearly(ERROR),
            header in prop::option::of(prop::sample::select(ERROR)),
            status in 400_u16..600,
        ) {
            prop_assert_eq!(error(status, header, &text), ServiceError::parse(status, header, &text));
        }
    }
}
