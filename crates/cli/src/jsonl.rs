//! The format for programs: one JSON object a line in both directions. docs/cli-jsonl.md describes it
//! and is kept; members and types are added, never changed or taken away.

use std::{
    borrow::Cow,
    io::{self, Write},
    path::PathBuf,
};

use chatloom::{
    Chat, Connection, ContactId, ContentType, Error, Event, Item, ItemId, ParticipantId,
    ParticipantRole, Timestamp,
    agent::{self, TransferTo},
    wire::{AttachmentId, MessageMetadata, item::AttachmentItem},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::{
    console::{Choice, Command, Happening, Order, Said, Tag, message},
    file::{Fetch, Fetched},
    input::{self, Line},
};

/// Standard input and output as lines of JSON.
pub(crate) struct Jsonl {
    lines: mpsc::Receiver<Line>,
    output: Box<dyn Write + Send>,
}

impl Jsonl {
    pub(crate) fn open() -> Self {
        Self { lines: input::lines(), output: Box::new(io::stdout()) }
    }

    pub(crate) async fn next(&mut self) -> Option<Said> {
        loop {
            match self.lines.recv().await? {
                Line::Text(line) if line.trim().is_empty() => {}
                Line::Text(line) => return Some(read(&line)),
                Line::Bad(why) => return Some(Said::Nonsense(why.to_owned())),
            }
        }
    }

    pub(crate) fn show(&mut self, happening: &Happening<'_>) -> io::Result<()> {
        let Some(object) = Object::of(happening) else { return Ok(()) };
        let mut line = serde_json::to_vec(&object)?;
        line.push(b'\n');
        self.output.write_all(&line)?;
        self.output.flush()
    }
}

/// Reads a command.
fn read(line: &str) -> Said {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Members {
        #[serde(default)]
        send: Option<String>,
        #[serde(default)]
        content_type: Option<String>,
        #[serde(default)]
        attach: Option<PathBuf>,
        #[serde(default)]
        fetch: Option<AttachmentId>,
        #[serde(default)]
        to: Option<PathBuf>,
        #[serde(default)]
        typing: Option<bool>,
        #[serde(default)]
        transcript: Option<bool>,
        #[serde(default)]
        disconnect: Option<bool>,
        #[serde(default)]
        accept: Option<Value>,
        #[serde(default)]
        transfer: Option<Target>,
        #[serde(default)]
        queue: Option<bool>,
        #[serde(default, rename = "ref")]
        tag: Tag,
    }
    let members: Members = match serde_json::from_str(line) {
        Ok(members) => members,
        Err(error) => return Said::Nonsense(format!("not a command: {error}")),
    };
    let Members {
        send,
        content_type,
        attach,
        fetch,
        to,
        typing,
        transcript,
        disconnect,
        accept,
        transfer,
        queue,
        tag,
    } = members;
    let mut commands = Vec::new();
    if let Some(content) = send {
        commands.push(Command::Send(message(content, content_type.as_deref())));
    } else if content_type.is_some() {
        return Said::Nonsense("contentType goes with send".to_owned());
    }
    commands.extend(attach.map(Command::Attach));
    match (fetch, to) {
        (None, None) => {}
        (Some(id), Some(to)) => commands.push(Command::Fetch(Fetch { id: Some(id), to })),
        _ => return Said::Nonsense("fetch and to go together".to_owned()),
    }
    for (member, command) in [
        (typing, Command::Typing),
        (transcript, Command::Transcript),
        (disconnect, Command::Disconnect),
        (queue, Command::Queue),
    ] {
        match member {
            None => {}
            Some(true) => commands.push(command),
            Some(false) => {
                return Said::Nonsense(
                    "false asks for nothing: leave the member out or say true".to_owned(),
                );
            }
        }
    }
    commands.extend(transfer.map(|target| {
        Command::Transfer(match target {
            Target::Queue(queue) => TransferTo::Queue(queue),
            Target::User(user) => TransferTo::User(user),
        })
    }));
    match accept {
        None => {}
        Some(Value::Bool(true)) => commands.push(Command::Accept(Choice::Longest)),
        Some(Value::String(contact)) => {
            commands.push(Command::Accept(Choice::Contact(ContactId::from(contact))));
        }
        Some(_) => return Said::Nonsense("accept is true or a contactId".to_owned()),
    }
    match (commands.pop(), commands.is_empty()) {
        (Some(command), true) => Said::Order(Order { command, tag }),
        (Some(_), false) => Said::Nonsense("one command a line".to_owned()),
        (None, _) => Said::Nonsense(
            "no command: expected one of send, attach, fetch, typing, transcript, disconnect, \
             accept, transfer, queue"
                .to_owned(),
        ),
    }
}

/// Where a customer is handed on to.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Target {
    Queue(String),
    User(String),
}

/// A line of the output.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Object<'a> {
    Started {
        contact_id: &'a ContactId,
        initial_contact_id: &'a ContactId,
        participant_id: &'a ParticipantId,
    },
    LoggedIn {
        user: User<'a>,
    },
    Queue {
        total: usize,
        waiting: Vec<Waiting<'a>>,
        live: bool,
    },
    Accepted {
        contact_id: &'a ContactId,
        initial_contact_id: &'a ContactId,
        participant_id: &'a ParticipantId,
        customer_name: &'a str,
    },
    Transferred {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        tag: &'a Tag,
        contact_id: &'a ContactId,
        initial_contact_id: &'a ContactId,
    },
    Connection {
        state: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    },
    Message(ItemObject<'a>),
    Attachment(ItemObject<'a>),
    Joined(ItemObject<'a>),
    Left(ItemObject<'a>),
    Typing(ItemObject<'a>),
    Receipt(ItemObject<'a>),
    Event(ItemObject<'a>),
    CaughtUp {},
    Gap {},
    Lagged {
        missed: u64,
    },
    Ended {},
    Sent {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        tag: &'a Tag,
        id: &'a ItemId,
        time: Timestamp,
    },
    Attached {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        tag: &'a Tag,
        path: Cow<'a, str>,
    },
    Fetched {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        tag: &'a Tag,
        path: Cow<'a, str>,
        bytes: u64,
    },
    Transcript {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        tag: &'a Tag,
        items: Vec<Object<'a>>,
        complete: bool,
    },
    Error {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        tag: &'a Tag,
        message: String,
        can_retry: bool,
    },
}

#[derive(Serialize)]
struct User<'a> {
    id: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Waiting<'a> {
    contact_id: &'a ContactId,
    customer_name: &'a str,
    queue: &'a str,
    since: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved_for: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved_until: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemObject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a ItemId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a ParticipantRole>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    participant_id: Option<&'a ParticipantId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a ContentType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Cow<'a, str>>,
    own: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<AttachmentObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a ItemId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    receipts: Vec<ReceiptObject<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttachmentObject {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<AttachmentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Box<str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptObject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    participant_id: Option<&'a ParticipantId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<&'a str>,
}

impl<'a> ItemObject<'a> {
    fn of(chat: &Chat, item: &'a Item, with_receipts: bool) -> Self {
        let head = item.head();
        let metadata: Option<&MessageMetadata> =
            head.message_metadata.as_ref().filter(|_| with_receipts);
        Self {
            id: head.id.as_ref(),
            time: head.absolute_time.as_deref(),
            role: head.participant_role.as_ref(),
            name: head.display_name.as_deref(),
            participant_id: head.participant_id.as_ref(),
            content_type: head.content_type.as_ref(),
            content: item.content(),
            own: chat.is_own(item),
            attachments: item.attachments().into_iter().map(AttachmentObject::from).collect(),
            message_id: metadata.and_then(|metadata| metadata.message_id.as_ref()),
            receipts: metadata
                .and_then(|metadata| metadata.receipts.as_deref())
                .unwrap_or_default()
                .iter()
                .map(|receipt| ReceiptObject {
                    participant_id: receipt.recipient_participant_id.as_ref(),
                    delivered: receipt.delivered_timestamp.as_deref(),
                    read: receipt.read_timestamp.as_deref(),
                })
                .collect(),
        }
    }
}

impl From<AttachmentItem> for AttachmentObject {
    fn from(item: AttachmentItem) -> Self {
        Self {
            id: item.attachment_id,
            name: item.attachment_name,
            content_type: item.content_type,
            status: item.status,
        }
    }
}

impl<'a> Object<'a> {
    /// The line for what happened, if there is one in this format.
    fn of(happening: &Happening<'a>) -> Option<Self> {
        Some(match *happening {
            Happening::Started(details) => Self::Started {
                contact_id: &details.contact_id,
                initial_contact_id: &details.initial_contact_id,
                participant_id: &details.participant_id,
            },
            Happening::LoggedIn(user) => {
                Self::LoggedIn { user: User { id: &user.id, name: &user.name } }
            }
            Happening::Queue(agent::Queue { total, waiting, live, .. }) => Self::Queue {
                total: *total,
                waiting: waiting
                    .iter()
                    .map(|waiting| Waiting {
                        contact_id: &waiting.contact_id,
                        customer_name: &waiting.customer_name,
                        queue: &waiting.queue,
                        since: waiting.since,
                        reserved_for: waiting.reserved_for.as_deref(),
                        reserved_until: waiting.reserved_until,
                    })
                    .collect(),
                live: *live,
            },
            Happening::Accepted(accepted) => Self::Accepted {
                contact_id: &accepted.details.contact_id,
                initial_contact_id: &accepted.details.initial_contact_id,
                participant_id: &accepted.details.participant_id,
                customer_name: &accepted.customer_name,
            },
            Happening::Transferred(tag, transferred) => Self::Transferred {
                tag,
                contact_id: &transferred.contact_id,
                initial_contact_id: &transferred.initial_contact_id,
            },
            Happening::Event(chat, event) => return Self::of_event(chat, event),
            Happening::Sent(tag, sent) => {
                Self::Sent { tag, id: &sent.id, time: sent.absolute_time }
            }
            Happening::Attached(tag, path) => Self::Attached { tag, path: path.to_string_lossy() },
            Happening::Fetched(tag, Fetched { path, bytes }) => {
                Self::Fetched { tag, path: path.to_string_lossy(), bytes: *bytes }
            }
            Happening::Transcript { tag, chat, items, complete } => Self::Transcript {
                tag,
                items: items
                    .iter()
                    .map(|item| Self::of_item(chat, &Event::from_item(item.clone()), item))
                    .collect(),
                complete,
            },
            Happening::Failed { tag, doing, error } => Self::error(tag, doing, error),
            Happening::NotSent { tag, error, .. } => Self::error(tag, "send", error),
            Happening::Refused { tag, reason } => {
                Self::Error { tag, message: reason.to_owned(), can_retry: false }
            }
            Happening::Sending | Happening::Help => return None,
        })
    }

    fn error(tag: &'a Tag, doing: &str, error: &Error) -> Self {
        Self::Error { tag, message: format!("{doing}: {error}"), can_retry: error.can_retry() }
    }

    fn of_event(chat: &Chat, event: &'a Event) -> Option<Self> {
        if let Some(item) = event.item() {
            return Some(Self::of_item(chat, event, item));
        }
        Some(match event {
            Event::Connection(connection) => return Self::of_connection(connection),
            Event::CaughtUp => Self::CaughtUp {},
            Event::Gap { .. } => Self::Gap {},
            Event::Lagged { missed } => Self::Lagged { missed: *missed },
            Event::Ended => Self::Ended {},
            // A kind of event that a later client has and this format does not.
            _ => return None,
        })
    }

    /// An item, live or of a transcript, by the kind of its event.
    fn of_item(chat: &Chat, event: &Event, item: &'a Item) -> Self {
        let of = |with_receipts| ItemObject::of(chat, item, with_receipts);
        match event {
            Event::Message(_) => Self::Message(of(false)),
            Event::Attachment(_) => Self::Attachment(of(false)),
            Event::Joined(_) => Self::Joined(of(false)),
            Event::Left(_) => Self::Left(of(false)),
            Event::Typing(_) => Self::Typing(of(false)),
            Event::Receipt(_) => Self::Receipt(of(true)),
            _ => Self::Event(of(false)),
        }
    }

    fn of_connection(connection: &'a Connection) -> Option<Self> {
        let (state, reason) = match connection {
            Connection::Connecting => ("connecting", None),
            Connection::Online => ("online", None),
            Connection::Waiting { reason, .. } => ("waiting", Some(&**reason)),
            Connection::Offline => ("offline", None),
            Connection::Broken { reason } => ("broken", Some(&**reason)),
            // `ended` says that it has ended; before `connect` there are no events; and a state that a
            // later client has is none of this format.
            _ => return None,
        };
        Some(Self::Connection { state, reason })
    }
}

#[cfg(test)]
mod tests {
    use chatloom::{
        ChatDetails, Client, GapId, Message, SentResponse, ServiceError, wire::ErrorKind,
    };

    use super::*;

    fn chat() -> Chat {
        let client = Client::builder().endpoint("http://127.0.0.1:1").build().unwrap();
        client.chat(ChatDetails::new("c-1", "p-1", "secret"))
    }

    fn line(happening: &Happening<'_>) -> String {
        serde_json::to_string(&Object::of(happening).unwrap()).unwrap()
    }

    fn event(text: &str) -> Event {
        Event::from_item(Item::from_text(text).unwrap())
    }

    /// docs/cli-jsonl.md shows these lines; they are kept.
    #[tokio::test]
    async fn lines_of_the_output() {
        let chat = chat();
        let of_event = |event: &Event| line(&Happening::Event(&chat, event));
        assert_eq!(
            line(&Happening::Started(chat.details())),
            r#"{"type":"started","contactId":"c-1","initialContactId":"c-1","participantId":"p-1"}"#
        );
        let message = event(
            r#"{"AbsoluteTime":"2026-01-31T12:00:00.000Z","Content":"Hi","ContentType":"text/plain","Id":"i-1","Type":"MESSAGE","ParticipantId":"p-2","DisplayName":"Ana","ParticipantRole":"AGENT","MessageMetadata":{"MessageId":"i-1","Receipts":[]}}"#,
        );
        let expected = r#"{"type":"message","id":"i-1","time":"2026-01-31T12:00:00.000Z","role":"AGENT","name":"Ana","participantId":"p-2","contentType":"text/plain","content":"Hi","own":false}"#;
        assert_eq!(of_event(&message), expected);
        assert_eq!(
            line(&Happening::Transcript {
                tag: &Some(Value::from("t")),
                chat: &chat,
                items: std::slice::from_ref(message.item().unwrap()),
                complete: true,
            }),
            format!(r#"{{"type":"transcript","ref":"t","items":[{expected}],"complete":true}}"#)
        );
        assert_eq!(
            of_event(&event(
                r#"{"Type":"EVENT","ContentType":"application/vnd.amazonaws.connect.event.participant.joined","Id":"i-2","ParticipantId":"p-1"}"#
            )),
            r#"{"type":"joined","id":"i-2","participantId":"p-1","contentType":"application/vnd.amazonaws.connect.event.participant.joined","own":true}"#
        );
        assert_eq!(
            of_event(&event(
                r#"{"Type":"MESSAGEMETADATA","MessageMetadata":{"MessageId":"i-1","Receipts":[{"ReadTimestamp":"2026-01-31T12:00:01.000Z","RecipientParticipantId":"p-2"}]}}"#
            )),
            r#"{"type":"receipt","own":false,"messageId":"i-1","receipts":[{"participantId":"p-2","read":"2026-01-31T12:00:01.000Z"}]}"#
        );
        assert_eq!(
            of_event(&event(
                r#"{"Type":"ATTACHMENT","Id":"i-3","Attachments":[{"AttachmentId":"a-1","AttachmentName":"cat.png","ContentType":"image/png","Status":"APPROVED"}]}"#
            )),
            r#"{"type":"attachment","id":"i-3","own":false,"attachments":[{"id":"a-1","name":"cat.png","contentType":"image/png","status":"APPROVED"}]}"#
        );
        assert_eq!(
            of_event(&event(r#"{"Type":"EVENT","ContentType":"x/new","Content":"?"}"#)),
            r#"{"type":"event","contentType":"x/new","content":"?","own":false}"#
        );
        for (event, expected) in [
            (Event::CaughtUp, r#"{"type":"caughtUp"}"#),
            (Event::Gap { gap: GapId(1) }, r#"{"type":"gap"}"#),
            (Event::Lagged { missed: 7 }, r#"{"type":"lagged","missed":7}"#),
            (Event::Ended, r#"{"type":"ended"}"#),
            (Event::Connection(Connection::Online), r#"{"type":"connection","state":"online"}"#),
            (
                Event::Connection(Connection::Broken { reason: "refused".to_owned() }),
                r#"{"type":"connection","state":"broken","reason":"refused"}"#,
            ),
        ] {
            assert_eq!(of_event(&event), expected);
        }
        let sent = SentResponse { id: "i-4".into(), absolute_time: Timestamp::from_millis(0) };
        assert_eq!(
            line(&Happening::Sent(&Some(Value::from(7)), &sent)),
            r#"{"type":"sent","ref":7,"id":"i-4","time":"1970-01-01T00:00:00.000Z"}"#
        );
        let error = Error::Service(ServiceError::new(ErrorKind::Throttling, "slow down"));
        let message = Message::text("Hi");
        assert_eq!(
            line(&Happening::NotSent { tag: &None, message: &message, error: &error }),
            r#"{"type":"error","message":"send: ThrottlingException: slow down (HTTP 429)","canRetry":true}"#
        );
    }

    #[test]
    fn commands_are_read() {
        let said = |command, tag| Said::Order(Order { command, tag });
        let markdown = Message::markdown("*Hi*");
        for (line, expected) in [
            (r#"{"send":"Hi"}"#, said(Command::Send(Message::text("Hi")), None)),
            (
                r#"{"send":"*Hi*","contentType":"text/markdown","ref":{"a":1}}"#,
                said(Command::Send(markdown), Some(serde_json::json!({ "a": 1 }))),
            ),
            (r#"{"attach":"a/b.pdf"}"#, said(Command::Attach("a/b.pdf".into()), None)),
            (
                r#"{"fetch":"a-1","to":"b.pdf"}"#,
                said(Command::Fetch(Fetch { id: Some("a-1".into()), to: "b.pdf".into() }), None),
            ),
            (r#"{"typing":true}"#, said(Command::Typing, None)),
            (r#"{"transcript":true,"ref":1}"#, said(Command::Transcript, Some(Value::from(1)))),
            (r#"{"disconnect":true}"#, said(Command::Disconnect, None)),
            (r#"{"queue":true}"#, said(Command::Queue, None)),
            (
                r#"{"transfer":{"user":"ben"}}"#,
                said(Command::Transfer(TransferTo::User("ben".to_owned())), None),
            ),
            (
                r#"{"transfer":{"queue":"sales"},"ref":2}"#,
                said(
                    Command::Transfer(TransferTo::Queue("sales".to_owned())),
                    Some(Value::from(2)),
                ),
            ),
            (r#"{"accept":true}"#, said(Command::Accept(Choice::Longest), None)),
            (
                r#"{"accept":"c-1"}"#,
                said(Command::Accept(Choice::Contact(ContactId::from("c-1"))), None),
            ),
        ] {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    #[test]
    fn nonsense_is_said_to_be_so() {
        for line in [
            "nonsense",
            "{",
            "[]",
            "7",
            "{}",
            r#"{"ref":1}"#,
            r#"{"send":7}"#,
            r#"{"sent":"Hi"}"#,
            r#"{"typing":false}"#,
            r#"{"accept":false}"#,
            r#"{"attach":7}"#,
            r#"{"fetch":"a-1"}"#,
            r#"{"to":"b.pdf"}"#,
            r#"{"attach":"a","fetch":"a-1","to":"b"}"#,
            r#"{"accept":7}"#,
            r#"{"transfer":"ben"}"#,
            r#"{"transfer":{}}"#,
            r#"{"transfer":{"user":"ben","queue":"sales"}}"#,
            r#"{"transfer":{"room":"7"}}"#,
            r#"{"contentType":"text/plain"}"#,
            r#"{"send":"Hi","typing":true}"#,
            r#"{"send":"Hi"} {"send":"again"}"#,
        ] {
            assert!(matches!(read(line), Said::Nonsense(_)), "{line}");
        }
    }
}
