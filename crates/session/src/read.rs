//! What a service says, read with [`crate::json`].
//!
//! The meaning is that of the readers in `chatloom_wire`, which a test compares; these are the quick
//! ones. A member that is not as documented counts as absent. A host that parses JSON itself gives what
//! is read here by [`crate::parsed`].

use std::borrow::Cow;

use chatloom_wire::{
    ErrorKind, Item, ItemHead, ItemId, MessageMetadata, Receipt, ServiceError, Timestamp,
    frame::{CHAT_TOPIC, HEARTBEAT_TOPIC, PING_TOPIC, SUBSCRIBE_TOPIC},
};

use crate::{
    json::{self, Raw},
    parsed::{Frame, Given, Page, Place, ReceiptContent, Sent},
};

fn text(value: Option<Raw<'_>>) -> Option<Cow<'_, str>> {
    value?.text()
}

fn owned(value: Option<Raw<'_>>) -> Option<String> {
    text(value).map(Cow::into_owned)
}

fn boxed(value: Option<Raw<'_>>) -> Option<Box<str>> {
    owned(value).map(Into::into)
}

fn parsed<T: for<'a> From<&'a str>>(value: Option<Raw<'_>>) -> Option<T> {
    text(value).map(|text| T::from(&text))
}

/// The text of the item in a frame, or what the frame is.
pub(crate) fn frame(json: &str) -> Result<Cow<'_, str>, Frame> {
    let names = &["topic", "content", "statusCode", "message"];
    let Some([topic, content, status_code, message]) = json::pick_first(json, names) else {
        return Err(Frame::Unreadable);
    };
    let Some(topic) = text(topic) else {
        return Err(if text(message).is_some() { Frame::Gateway } else { Frame::Unreadable });
    };
    Err(match &*topic {
        HEARTBEAT_TOPIC => Frame::Heartbeat,
        PING_TOPIC => Frame::Ping { success: status_code.and_then(Raw::integer) == Some(200) },
        CHAT_TOPIC => return text(content).ok_or(Frame::Other),
        SUBSCRIBE_TOPIC => {
            let content = content.and_then(|content| content.pick(&["status", "topics"]));
            let Some([status, topics]) = content else { return Err(Frame::Unreadable) };
            let (mut count, mut chats) = (0, 0);
            if let Some(topics) = topics {
                topics.elements(&mut |topic| {
                    count += 1;
                    chats += u32::from(topic.text().as_deref() == Some(CHAT_TOPIC));
                });
            }
            let success = text(status).as_deref() == Some("success");
            Frame::Subscribed { success, is_chat: count == 0 || chats > 0 }
        }
        _ => Frame::Other,
    })
}

/// The place of a file, from the answer to StartAttachmentUpload or to GetAttachment.
pub(crate) fn place(json: &str) -> Place {
    const PLACE: &[&str; 3] = &["Url", "UrlExpiry", "HeadersToInclude"];
    let Some([id, upload]) = json::pick(json, &["AttachmentId", "UploadMetadata"]) else {
        return Place::default();
    };
    let place = upload.and_then(|upload| upload.pick(PLACE)).or_else(|| json::pick(json, PLACE));
    let [url, expiry, to_include] = place.unwrap_or_default();
    let mut headers = Vec::new();
    if let Some(to_include) = to_include {
        to_include.members(&mut |name, value| {
            if let Some(value) = value.text() {
                headers.push((name.to_owned(), value.into_owned()));
            }
        });
    }
    Place {
        id: owned(id).unwrap_or_default(),
        url: owned(url).unwrap_or_default(),
        expiry: owned(expiry),
        headers,
    }
}

/// An item; `None` when the text is no JSON object.
pub(crate) fn item(json: &str) -> Option<Item> {
    Some(Item::from_parts(json, item_head(json)?))
}

/// The members of an item that the core decides on, from a JSON object that has them, for
/// [`Input::SocketItem`](crate::Input::SocketItem); `None` when the text is none. A member that is not
/// as documented counts as absent.
pub fn item_head(json: &str) -> Option<ItemHead> {
    let [
        id,
        time,
        kind,
        content_type,
        contact,
        initial,
        related,
        participant,
        role,
        name,
        metadata,
    ] = json::pick(
        json,
        &[
            "Id",
            "AbsoluteTime",
            "Type",
            "ContentType",
            "ContactId",
            "InitialContactId",
            "RelatedContactId",
            "ParticipantId",
            "ParticipantRole",
            "DisplayName",
            "MessageMetadata",
        ],
    )?;
    Some(ItemHead {
        id: parsed(id),
        absolute_time: boxed(time),
        item_type: parsed(kind),
        content_type: parsed(content_type),
        contact_id: parsed(contact),
        initial_contact_id: parsed(initial),
        related_contact_id: parsed(related),
        participant_id: parsed(participant),
        participant_role: parsed(role),
        display_name: boxed(name),
        file_status: json::pick(json, &["Attachments"]).and_then(|[files]| file_status(files?)),
        message_metadata: metadata.and_then(message_metadata),
    })
}

/// The status of the first file of an item.
fn file_status(files: Raw<'_>) -> Option<Box<str>> {
    let mut status = None;
    let mut is_first = true;
    files.elements(&mut |file| {
        if std::mem::take(&mut is_first) {
            let [first] = file.pick(&["Status"]).unwrap_or_default();
            status = boxed(first);
        }
    });
    status
}

fn message_metadata(value: Raw<'_>) -> Option<MessageMetadata> {
    let [id, receipts, number, completed, status] = value.pick(&[
        "MessageId",
        "Receipts",
        "ChunkNumber",
        "MessageCompleted",
        "MessageProcessingStatus",
    ])?;
    let mut list = Vec::new();
    let is_list =
        receipts.is_some_and(|all| all.elements(&mut |value| list.push(receipt_of(value))));
    Some(MessageMetadata {
        message_id: parsed(id),
        receipts: is_list.then_some(list),
        chunk_number: number.and_then(Raw::integer).and_then(|number| number.try_into().ok()),
        message_completed: completed.and_then(Raw::boolean),
        message_processing_status: boxed(status),
    })
}

fn receipt_of(value: Raw<'_>) -> Receipt {
    let names = &["DeliveredTimestamp", "ReadTimestamp", "RecipientParticipantId"];
    let [delivered, read, recipient] = value.pick(names).unwrap_or_default();
    Receipt {
        delivered_timestamp: boxed(delivered),
        read_timestamp: boxed(read),
        recipient_participant_id: parsed(recipient),
    }
}

/// A page of the transcript; `None` when the text is none.
pub(crate) fn page(json: &str) -> Option<Page> {
    let [transcript, next_token] = json::pick(json, &["Transcript", "NextToken"])?;
    let mut items = Vec::new();
    if let Some(transcript) = transcript {
        transcript.elements(&mut |value| items.push(item(value.json())));
    }
    Some(Page { items, next_token: owned(next_token).filter(|token| !token.is_empty()) })
}

/// The answer to a message that was sent: its id and its time.
pub(crate) fn sent(json: &str) -> Sent {
    let [id, time] = json::pick(json, &["Id", "AbsoluteTime"]).unwrap_or_default();
    Sent { id: parsed(id), time: boxed(time) }
}

/// The content of a receipt.
pub(crate) fn receipt(json: &str) -> ReceiptContent {
    let [id, at_once] = json::pick(json, &["messageId", "disableThrottle"]).unwrap_or_default();
    let id = text(id).filter(|id| !id.is_empty());
    // What JavaScript takes for true.
    let is_true = |value: Raw<'_>| !matches!(value.json(), "false" | "null" | "0" | "\"\"");
    ReceiptContent {
        message_id: id.map(|id| ItemId::from(&*id)),
        at_once: at_once.is_some_and(is_true),
    }
}

/// The answer to a request for a connection; without anything when the text is none.
pub(crate) fn connection(json: &str) -> Given {
    let names = &["Websocket", "ConnectionCredentials"];
    let [socket, credentials] = json::pick(json, names).unwrap_or_default();
    let socket = socket.and_then(|value| value.pick(&["Url", "ConnectionExpiry"]));
    let credentials = credentials.and_then(|value| value.pick(&["ConnectionToken", "Expiry"]));
    let [token, expiry] = credentials.unwrap_or_default();
    let has_socket = socket.is_some();
    let [url, url_expiry] = socket.unwrap_or_default();
    Given {
        has_socket,
        url: owned(url).unwrap_or_default(),
        url_expiry: owned(url_expiry),
        token: owned(token),
        expires_ms: text(expiry).and_then(|text| time_ms(&text)),
        expiry: owned(expiry),
    }
}

/// A time in milliseconds since 1970.
pub(crate) fn time_ms(text: &str) -> Option<i64> {
    Some(Timestamp::parse(text).ok()?.as_millis())
}

/// An error answer (docs/protocol/participant-service.md §2.2).
pub(crate) fn error(status: u16, error_type: Option<&str>, body: &str) -> ServiceError {
    let names = &["code", "__type", "message", "Message"];
    let [code, kind, message, capital_message] = json::pick(body, names).unwrap_or_default();
    let given = error_type.filter(|name| !name.is_empty()).map(Cow::Borrowed);
    let name = given.or_else(|| text(code)).or_else(|| text(kind)).unwrap_or_default();
    let mut name = bare_name(&name);
    let mut number = String::new();
    if name.is_empty() {
        json::write_number(&mut number, i64::from(status));
        name = &number;
    }
    let message = text(message).or_else(|| text(capital_message));
    let message = message.map_or_else(|| "UnknownError".to_owned(), Cow::into_owned);
    ServiceError { kind: ErrorKind::from(name), status, message }
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
                (Ok(ours), Ok(ServerFrame::Chat { content })) => ours == content,
                (Err(Frame::Subscribed { success, is_chat }), Ok(ServerFrame::Subscribed { success: s, topics })) =>
                    success == s && *is_chat == (topics.is_empty() || topics.iter().any(|topic| topic == CHAT_TOPIC)),
                (Err(Frame::Heartbeat), Ok(ServerFrame::Heartbeat))
                | (Err(Frame::Gateway), Ok(ServerFrame::GatewayError { .. }))
                | (Err(Frame::Other), Ok(ServerFrame::Other { .. }))
                | (Err(Frame::Unreadable), Err(_)) => true,
                (Err(Frame::Ping { success }), Ok(ServerFrame::Ping { status_code, .. })) =>
                    *success == (*status_code == Some(200)),
                // The wire refuses a subscription of which one topic is no string; here the others
                // count, and without a status it is a refusal either way.
                (Err(Frame::Subscribed { .. }), Err(_)) => text.contains("aws/subscribe"),
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
