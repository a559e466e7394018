//! Reads what the host says.
//!
//! Every input is one JSON object with a member `type`; the other members are those of
//! [`chatloom_session::Input`] in camel case.

use std::cell::Cell;

use chatloom_session::{
    Behaviour, CHATLOOM, Call, CallId, EntryKey, ForeignEvent, ForeignId, GapId, HostToken,
    HttpAnswer, Input, ItemHandle, LogLevel, NewAttachment, Outgoing, RequestId, Role, SessionId,
    SessionOptions, SocketId, Source, item_head,
    json::{self, Raw},
};
use chatloom_wire::{
    ContentType, ItemHead,
    participant::{GetTranscriptRequest, StartPosition},
};

/// Why an input cannot be read: which member of it, and what that is not. The host passes on what an
/// application gave it, which may be of any type.
pub(crate) type Refusal = (&'static str, &'static str);

/// Reads an input of any kind but a parsed item.
pub(crate) fn input(text: &str) -> Result<Input, Refusal> {
    let mut members = Members { list: Vec::new(), refusal: Cell::new(None) };
    json::object(text, &mut |name, value| members.list.push((name.into(), value)))
        .map_err(|_| ("the input", "a JSON object"))?;
    let input = members.input();
    match members.refusal.get() {
        None => Ok(input),
        Some(refusal) => Err(refusal),
    }
}

/// The members of an input; few enough to look through.
struct Members<'a> {
    list: Vec<(Box<str>, Raw<'a>)>,
    /// The first member that is not what it must be. What stands for it in the input counts for
    /// nothing: one way out at the end is a third of the code of one at each member.
    refusal: Cell<Option<Refusal>>,
}

impl<'a> Members<'a> {
    fn input(&self) -> Input {
        let kind = self.text("type");
        match &*kind {
            "create" => Input::Create { session: self.session(), options: self.options() },
            "restore" => Input::Restore {
                session: self.session(),
                options: self.options(),
                snapshot: self.text("snapshot"),
            },
            "forget" => Input::Forget { session: self.session() },
            "resume" => Input::Resume { session: self.session(), token: self.text("token").into() },
            "track" => Input::Track { session: self.session() },
            "cancel" => Input::Cancel { call: self.call() },
            "answered" => Input::Answered {
                request: self.request(),
                answer: HttpAnswer {
                    status: self.number("status") as u16,
                    error_type: self.optional_text("errorType"),
                    request_id: self.optional_text("requestId"),
                    retry_after_ms: self.optional_number("retryAfterMs").map(|ms| ms as u64),
                    body: self.text("body"),
                },
            },
            "failed" => Input::Failed { request: self.request(), message: self.text("text") },
            "progress" => Input::Progress { request: self.request(), sent: self.number("sent") },
            "token" => Input::Token {
                request: self.request(),
                token: match self.optional_text("token") {
                    Some(token) => {
                        Ok(HostToken { token: token.into(), expiry: self.optional_text("expiry") })
                    }
                    None => Err(self.text("text")),
                },
            },
            "foreignGained" => self.foreign(ForeignEvent::Gained),
            "foreignLost" => self.foreign(ForeignEvent::Lost),
            "foreignBroken" => self.foreign(ForeignEvent::Broken),
            "foreignHeartbeat" => {
                self.foreign(ForeignEvent::DeepHeartbeat { success: self.flag("on") })
            }
            "foreignText" => self.foreign(ForeignEvent::Text(self.text("text"))),
            "handlerFailed" => {
                Input::HandlerFailed { session: self.session(), handler: self.text("text") }
            }
            "opened" => Input::SocketOpened { socket: self.socket() },
            "text" => Input::SocketText { socket: self.socket(), text: self.text("text") },
            "closed" => Input::SocketClosed {
                socket: self.socket(),
                code: self.optional_number("code").map(|code| code as u16),
                reason: self.text("text"),
            },
            "network" => Input::Network { online: self.flag("on") },
            "visibility" => Input::Visibility { visible: self.flag("on") },
            "time" => Input::Time,
            call => {
                let what = self.what(call);
                Input::Call { session: self.session(), call: self.call(), what }
            }
        }
    }

    fn what(&self, kind: &str) -> Call {
        match kind {
            "connect" => Call::Connect,
            "sendMessage" => Call::SendMessage(self.outgoing()),
            "sendEvent" => Call::SendEvent(self.outgoing()),
            "getTranscript" => Call::GetTranscript(Box::new(self.transcript_request())),
            "disconnectParticipant" => Call::DisconnectParticipant,
            "sendAttachment" => Call::SendAttachment(NewAttachment {
                name: self.text("name"),
                size: self.number("size"),
                content_type: self.text("contentType"),
            }),
            "downloadAttachment" => {
                Call::DownloadAttachment { attachment_id: self.text("attachmentId").into() }
            }
            "getAttachmentUrl" => {
                Call::GetAttachmentUrl { attachment_id: self.text("attachmentId").into() }
            }
            "describeView" => Call::DescribeView { view_token: self.text("viewToken") },
            "getAuthenticationUrl" => Call::GetAuthenticationUrl {
                redirect_uri: self.text("redirectUri"),
                session_id: self.text("sessionId"),
            },
            "cancelParticipantAuthentication" => {
                Call::CancelParticipantAuthentication { session_id: self.text("sessionId") }
            }
            // The rest is in Chatloom behaviour only.
            _ if !CHATLOOM => self.unknown_call(),
            "markRead" => Call::MarkRead { item: self.text("id").into() },
            "markDelivered" => Call::MarkDelivered { item: self.text("id").into() },
            "loadOlder" => Call::LoadOlder { count: self.number("count") as u32 },
            "fillGap" => Call::FillGap { gap: GapId(self.number("gap") as u32) },
            "resend" => Call::Resend { key: EntryKey(self.number("key")) },
            "discard" => Call::Discard { key: EntryKey(self.number("key")) },
            _ => self.unknown_call(),
        }
    }

    fn unknown_call(&self) -> Call {
        self.refuse("type", "known");
        Call::Connect
    }

    fn options(&self) -> Box<SessionOptions> {
        let behaviour =
            if self.is_set("chatloom") { Behaviour::Chatloom } else { Behaviour::Compat };
        let mut options = SessionOptions::new(
            behaviour,
            self.text("endpoint"),
            self.text("contactId").into(),
            self.text("participantId").into(),
            self.text("participantToken").into(),
        );
        options.initial_contact_id = self.text("initialContactId").into();
        options.user_agent = self.text("userAgent");
        if self.is_set("agent") {
            options.role = Role::Agent;
        }
        let foreign = self.optional_number("foreign").map(|foreign| ForeignId(foreign as u32));
        options.source = match (self.is_set("hostToken"), foreign) {
            (true, foreign) => Source::Host { foreign },
            (false, Some(foreign)) => Source::Foreign(foreign),
            (false, None) => Source::Service,
        };
        self.change("typingThrottleMs", &mut options.typing_throttle_ms);
        self.change("receiptThrottleMs", &mut options.receipt_throttle_ms);
        let mut most_entries = options.most_entries as u64;
        self.change("mostEntries", &mut most_entries);
        options.most_entries = most_entries as usize;
        options.receipts = !self.is_set("withoutReceipts");
        options.log_level = match self.optional_number("logLevel") {
            None | Some(..=10) => LogLevel::Debug,
            Some(11..=20) => LogLevel::Info,
            Some(21..=30) => LogLevel::Warn,
            Some(31..) => LogLevel::Error,
        };
        options.persist = self.is_set("persist");
        options.replay = CHATLOOM && self.is_set("replay");
        Box::new(options)
    }

    fn outgoing(&self) -> Outgoing {
        Outgoing {
            content_type: ContentType::from(&*self.text("contentType")),
            content: self.optional_text("content"),
            client_token: self.optional_text("clientToken"),
        }
    }

    fn transcript_request(&self) -> GetTranscriptRequest {
        GetTranscriptRequest {
            contact_id: self.optional_text("contactId").map(Into::into),
            max_results: self.optional_number("maxResults"),
            next_token: self.optional_text("nextToken"),
            scan_direction: self.optional_text("scanDirection").map(|text| text.as_str().into()),
            sort_order: self.optional_text("sortOrder").map(|text| text.as_str().into()),
            // Always there, and empty when nothing is asked (docs/protocol/websocket.md S69).
            start_position: Some(StartPosition {
                id: self.optional_text("id").map(Into::into),
                absolute_time: self.optional_text("absoluteTime"),
                most_recent: self.optional_number("mostRecent"),
            }),
        }
    }

    fn foreign(&self, event: ForeignEvent) -> Input {
        Input::Foreign { foreign: ForeignId(self.number("foreign") as u32), event }
    }

    fn session(&self) -> SessionId {
        SessionId(self.number("session") as u32)
    }

    fn socket(&self) -> SocketId {
        SocketId(self.number("socket"))
    }

    fn request(&self) -> RequestId {
        RequestId(self.number("request"))
    }

    fn call(&self) -> CallId {
        CallId(self.number("call"))
    }

    fn text(&self, name: &'static str) -> String {
        self.optional_text(name).unwrap_or_else(|| {
            self.refuse(name, "a string");
            String::new()
        })
    }

    fn optional_text(&self, name: &'static str) -> Option<String> {
        let text = self.get(name)?.text();
        if text.is_none() {
            self.refuse(name, "a string");
        }
        Some(text?.into_owned())
    }

    fn number(&self, name: &'static str) -> u64 {
        self.optional_number(name).unwrap_or_else(|| {
            self.refuse(name, "an integer");
            0
        }) as u64
    }

    fn optional_number(&self, name: &'static str) -> Option<i64> {
        let number = self.get(name)?.integer();
        if number.is_none() {
            self.refuse(name, "an integer");
        }
        number
    }

    /// Puts a number into its place, where there is one.
    fn change(&self, name: &'static str, place: &mut u64) {
        if let Some(number) = self.optional_number(name) {
            *place = number as u64;
        }
    }

    fn flag(&self, name: &'static str) -> bool {
        self.get(name).and_then(Raw::boolean).unwrap_or_else(|| {
            self.refuse(name, "true or false");
            false
        })
    }

    /// As [`flag`](Self::flag), and not set when it is absent.
    fn is_set(&self, name: &'static str) -> bool {
        self.get(name).is_some() && self.flag(name)
    }

    /// A member, unless it is absent or `null`.
    fn get(&self, name: &str) -> Option<Raw<'a>> {
        let (_, value) = self.list.iter().rev().find(|(other, _)| **other == *name)?;
        (!value.is_null()).then_some(*value)
    }

    fn refuse(&self, name: &'static str, what: &'static str) {
        if self.refusal.get().is_none() {
            self.refusal.set(Some((name, what)));
        }
    }
}

/// Between the members of a parsed item. No identifier and no content type holds it; when a peer
/// puts one into an item the members cannot be read, and the host takes the way through the text.
const SEPARATOR: u8 = 0x1f;

/// Reads the members of an item that the host has parsed, as [`item`](crate::item) describes them.
pub(crate) fn item(source: i64, item: u64, text: &str) -> Option<Input> {
    let head = Box::new(if text.starts_with('{') { item_head(text)? } else { short_head(text)? });
    let item = ItemHandle(item);
    Some(if source < 0 {
        let event = ForeignEvent::Item { item, head };
        Input::Foreign { foreign: ForeignId(source.unsigned_abs() as u32), event }
    } else {
        Input::SocketItem { socket: SocketId(source as u64), item, head }
    })
}

/// The five members that decide in a session that behaves as the original and does not track the
/// transcript.
fn short_head(text: &str) -> Option<ItemHead> {
    let mut rest = Some(text);
    // Empty for one that is absent; `None` when there are no more.
    let mut next = || {
        let text = rest?;
        let end = text.bytes().position(|byte| byte == SEPARATOR);
        rest = end.and_then(|end| text.get(end + 1..));
        text.get(..end.unwrap_or(text.len()))
    };
    let head = ItemHead {
        item_type: present(next()?).map(Into::into),
        content_type: present(next()?).map(Into::into),
        contact_id: present(next()?).map(Into::into),
        initial_contact_id: present(next()?).map(Into::into),
        related_contact_id: present(next()?).map(Into::into),
        ..ItemHead::default()
    };
    next().is_none().then_some(head)
}

fn present(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use chatloom_wire::{ItemId, ParticipantId};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_input_is_read() {
        let lines: Vec<String> = [
            r#"{"type":"create","session":1,"endpoint":"https://example.com","contactId":"c",
                "initialContactId":"i","participantId":"p","participantToken":"secret","userAgent":"u"}"#,
            r#"{"type":"restore","session":1,"endpoint":"https://example.com","contactId":"c",
                "initialContactId":"i","participantId":"p","participantToken":"secret","userAgent":"",
                "chatloom":true,"agent":true,"hostToken":true,"foreign":6,"typingThrottleMs":1,
                "receiptThrottleMs":2,"mostEntries":300,"withoutReceipts":true,"logLevel":30,
                "persist":true,"replay":true,"snapshot":"{}"}"#,
            r#"{"type":"forget","session":1}"#,
            r#"{"type":"resume","session":1,"token":"secret"}"#,
            r#"{"type":"track","session":1}"#,
            r#"{"type":"cancel","call":2}"#,
            r#"{"type":"connect","session":1,"call":2}"#,
            r#"{"type":"disconnectParticipant","session":1,"call":2}"#,
            r#"{"type":"getTranscript","session":1,"call":2,"maxResults":15,"contactId":"c",
                "scanDirection":"BACKWARD","sortOrder":"SIDEWAYS","id":"i-1"}"#,
            r#"{"type":"sendAttachment","session":1,"call":2,"name":"secret","size":7,"contentType":"image/png"}"#,
            r#"{"type":"downloadAttachment","session":1,"call":2,"attachmentId":"a"}"#,
            r#"{"type":"getAttachmentUrl","session":1,"call":2,"attachmentId":"a"}"#,
            r#"{"type":"describeView","session":1,"call":2,"viewToken":"v"}"#,
            r#"{"type":"getAuthenticationUrl","session":1,"call":2,"redirectUri":"r","sessionId":"s"}"#,
            r#"{"type":"cancelParticipantAuthentication","session":1,"call":2,"sessionId":"s"}"#,
            r#"{"type":"markRead","session":1,"call":2,"id":"i-1"}"#,
            r#"{"type":"markDelivered","session":1,"call":2,"id":"i-1"}"#,
            r#"{"type":"loadOlder","session":1,"call":2,"count":15}"#,
            r#"{"type":"fillGap","session":1,"call":2,"gap":3}"#,
            r#"{"type":"resend","session":1,"call":2,"key":5}"#,
            r#"{"type":"discard","session":1,"call":2,"key":5}"#,
            r#"{"type":"progress","request":3,"sent":10}"#,
            r#"{"type":"token","request":3,"token":"secret","expiry":"2026-01-01T00:00:00.000Z"}"#,
            r#"{"type":"token","request":3,"text":"no such contact"}"#,
            r#"{"type":"foreignGained","foreign":6}"#,
            r#"{"type":"foreignLost","foreign":6}"#,
            r#"{"type":"foreignBroken","foreign":6}"#,
            r#"{"type":"foreignHeartbeat","foreign":6,"on":true}"#,
            r#"{"type":"foreignText","foreign":6,"text":"{}"}"#,
            r#"{"type":"handlerFailed","session":1,"text":"onMessage"}"#,
            r#"{"type":"answered","request":3,"status":429,"errorType":null,"requestId":"r",
                "retryAfterMs":1500,"body":"{}"}"#,
            r#"{"type":"failed","request":3,"text":"TypeError: Failed to fetch"}"#,
            r#"{"type":"opened","socket":4}"#,
            r#"{"type":"text","socket":4,"text":"{\"topic\":\"aws/ping\"}"}"#,
            r#"{"type":"closed","socket":4,"code":1006,"text":""}"#,
            r#"{"type":"closed","socket":4,"code":null,"text":"cannot be opened"}"#,
            r#"{"type":"network","on":false}"#,
            r#"{"type":"visibility","on":true}"#,
            r#"{"type":"time"}"#,
        ]
        .iter()
        .map(|json| format!("{:?}", input(json).unwrap()))
        .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    /// The call that an input with these members makes.
    fn call(members: &str) -> Call {
        let json = format!(r#"{{"session":1,"call":2,{members}}}"#);
        match input(&json).unwrap() {
            Input::Call { what, .. } => what,
            other => panic!("{other:?}"),
        }
    }

    /// What `Debug` hides, and so the test above does not see.
    #[test]
    fn secrets_and_content_are_read() {
        let created = r#""session":1,"endpoint":"e","contactId":"c","initialContactId":"i",
            "participantId":"p","participantToken":"secret","userAgent":"u""#;
        match input(&format!(r#"{{"type":"create",{created}}}"#)).unwrap() {
            Input::Create { options, .. } => {
                assert_eq!(options.participant_token.expose(), "secret");
            }
            other => panic!("{other:?}"),
        }
        match input(&format!(r#"{{"type":"restore",{created},"snapshot":"{{}}"}}"#)).unwrap() {
            Input::Restore { options, snapshot, .. } => {
                assert_eq!(options.participant_token.expose(), "secret");
                assert_eq!(snapshot, "{}");
            }
            other => panic!("{other:?}"),
        }
        match call(r#""type":"getTranscript","nextToken":"n","absoluteTime":"t","mostRecent":4"#) {
            Call::GetTranscript(request) => {
                assert_eq!(request.next_token.as_deref(), Some("n"));
                let start = request.start_position.unwrap();
                assert_eq!(start.absolute_time.as_deref(), Some("t"));
                assert_eq!(start.most_recent, Some(4));
            }
            other => panic!("{other:?}"),
        }
        match call(r#""type":"sendAttachment","name":"n","size":7,"contentType":"image/png""#) {
            Call::SendAttachment(file) => assert_eq!(file.name, "n"),
            other => panic!("{other:?}"),
        }
        match call(r#""type":"describeView","viewToken":"v""#) {
            Call::DescribeView { view_token } => assert_eq!(view_token, "v"),
            other => panic!("{other:?}"),
        }
        match call(r#""type":"getAuthenticationUrl","redirectUri":"r","sessionId":"s""#) {
            Call::GetAuthenticationUrl { redirect_uri, session_id } => {
                assert_eq!((redirect_uri.as_str(), session_id.as_str()), ("r", "s"));
            }
            other => panic!("{other:?}"),
        }
        match call(r#""type":"cancelParticipantAuthentication","sessionId":"s""#) {
            Call::CancelParticipantAuthentication { session_id } => assert_eq!(session_id, "s"),
            other => panic!("{other:?}"),
        }
        match input(r#"{"type":"resume","session":1,"token":"secret"}"#).unwrap() {
            Input::Resume { token, .. } => assert_eq!(token.expose(), "secret"),
            other => panic!("{other:?}"),
        }
        match input(r#"{"type":"token","request":3,"token":"secret"}"#).unwrap() {
            Input::Token { token: Ok(HostToken { token, expiry }), .. } => {
                assert_eq!((token.expose(), expiry), ("secret", None));
            }
            other => panic!("{other:?}"),
        }
        match input(r#"{"type":"foreignText","foreign":6,"text":"{}"}"#).unwrap() {
            Input::Foreign { event: ForeignEvent::Text(text), .. } => assert_eq!(text, "{}"),
            other => panic!("{other:?}"),
        }
        match input(r#"{"type":"text","socket":4,"text":"{}"}"#).unwrap() {
            Input::SocketText { text, .. } => assert_eq!(text, "{}"),
            other => panic!("{other:?}"),
        }
        let json = r#"{"type":"answered","request":3,"status":429,"errorType":"e","requestId":"r",
            "retryAfterMs":1500,"body":"{}"}"#;
        match input(json).unwrap() {
            Input::Answered { answer, .. } => {
                assert_eq!(answer.error_type.as_deref(), Some("e"));
                assert_eq!(answer.request_id.as_deref(), Some("r"));
                assert_eq!(answer.retry_after_ms, Some(1_500));
                assert_eq!(answer.body, "{}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_sent_keeps_every_character() {
        let json = r#"{"type":"sendMessage","session":1,"call":2,"contentType":"text/plain","content":"\u0000é\n","clientToken":null}"#;
        let Input::Call { what: Call::SendMessage(outgoing), .. } = input(json).unwrap() else {
            panic!("a message was read as something else")
        };
        assert_eq!(outgoing.content.as_deref(), Some("\0é\n"));
        assert_eq!(outgoing.client_token, None);
        let json = json.replace("sendMessage", "sendEvent").replace("null", r#""token""#);
        let Input::Call { what: Call::SendEvent(outgoing), .. } = input(&json).unwrap() else {
            panic!("an event was read as something else")
        };
        assert_eq!(outgoing.client_token.as_deref(), Some("token"));
    }

    #[test]
    fn a_refusal_names_the_member_and_never_quotes_it() {
        for (json, why) in [
            (r#"{"type":"time""#, "the input is not a JSON object"),
            (r#"{"type":"secret"}"#, "type is not known"),
            (r#"{"type":"connect"}"#, "session is not an integer"),
            (r#"{"session":1}"#, "type is not a string"),
            (r#"{"type":"forget"}"#, "session is not an integer"),
            (
                r#"{"type":"getTranscript","session":1,"call":2,"maxResults":"secret"}"#,
                "maxResults is not an integer",
            ),
            (
                r#"{"type":"sendMessage","session":1,"call":2,"contentType":"x","content":{"secret":1}}"#,
                "content is not a string",
            ),
            (r#"{"type":"network","on":1}"#, "on is not true or false"),
        ] {
            let (name, what) = input(json).unwrap_err();
            assert_eq!(format!("{name} is not {what}"), why, "{json}");
        }
    }

    #[test]
    fn of_members_of_one_name_the_last_counts() {
        let read = input(r#"{"type":"forget","session":1,"session":2}"#).unwrap();
        assert!(matches!(read, Input::Forget { session: SessionId(2) }), "{read:?}");
    }

    #[test]
    fn the_members_of_an_item_are_those_that_decide() {
        let Some(Input::SocketItem { socket, item, head }) =
            item(4, 9, "EVENT\u{1f}text/x\u{1f}c\u{1f}i\u{1f}")
        else {
            panic!("the members were not read")
        };
        assert_eq!((socket, item), (SocketId(4), ItemHandle(9)));
        let expected = ItemHead {
            item_type: Some("EVENT".into()),
            content_type: Some("text/x".into()),
            contact_id: Some("c".into()),
            initial_contact_id: Some("i".into()),
            ..ItemHead::default()
        };
        assert_eq!(*head, expected);
    }

    #[test]
    fn an_item_with_a_separator_inside_is_not_read() {
        for members in ["", "a\u{1f}b", "a\u{1f}b\u{1f}c\u{1f}d\u{1f}e\u{1f}f"] {
            assert!(item(4, 9, members).is_none(), "{members:?}");
        }
        assert!(item(4, 9, "{\"Id\":").is_none());
    }

    #[test]
    fn the_members_of_an_item_may_be_an_object_with_more_of_them() {
        let members = r#"{"Type":"MESSAGEMETADATA","Id":"i-1","AbsoluteTime":7,"MessageMetadata":
            {"MessageId":"i-1","Receipts":[{"ReadTimestamp":"t","RecipientParticipantId":"p"}]}}"#;
        let Some(Input::Foreign { foreign, event: ForeignEvent::Item { item, head } }) =
            item(-6, 9, members)
        else {
            panic!("the members were not read")
        };
        assert_eq!((foreign, item), (ForeignId(6), ItemHandle(9)));
        assert_eq!(head.id.as_ref().map(ItemId::as_str), Some("i-1"));
        assert_eq!(head.absolute_time, None);
        let metadata = head.message_metadata.as_ref().unwrap();
        let receipt = &metadata.receipts.as_ref().unwrap()[0];
        assert_eq!(receipt.read_timestamp.as_deref(), Some("t"));
        assert_eq!(receipt.recipient_participant_id.as_ref().map(ParticipantId::as_str), Some("p"));
    }

    proptest! {
        #[test]
        fn nothing_panics(json in "\\PC{0,80}", text: String) {
            let _ = (input(&json), item(1, 2, &json), input(&text), item(1, 2, &text));
        }

        #[test]
        fn texts_arrive_as_they_left(text: String) {
            let json = serde_json::json!({ "type": "failed", "request": 1, "text": &text });
            let read = input(&json.to_string()).unwrap();
            let Input::Failed { message, .. } = read else { panic!("{read:?}") };
            prop_assert_eq!(message, text);
        }
    }
}
