//! Reads what the host says: a list of values, without names.
//!
//! The first is the number of the kind of input. What follows each is in the table of
//! `web/chatjs/src/host/border.ts`, which the host writes by, and behind that the one of
//! `web/chatjs/src/chatloom/kinds.ts`.

use std::sync::Arc;

use chatloom_session::{
    Behaviour, CHATLOOM, Call, CallId, EntryKey, ForeignEvent, ForeignId, GapId, HostToken,
    HttpAnswer, Input, ItemHandle, NewAttachment, Outgoing, RequestId, Role, SessionId,
    SessionOptions, SocketId, Source,
    parsed::{Frame, Given, Page, Parsed, ParsedItem, Place, ReceiptContent, Sent},
    sent_type,
};
use chatloom_wire::{
    ContentType, ItemHead, MessageMetadata, Receipt,
    participant::{GetTranscriptRequest, StartPosition},
};

/// Values that the host has written, in order, and the texts of those that are lengths of one. Behind
/// the last there are none: what is read there is absent.
pub(crate) struct Values<'a> {
    values: &'a [f64],
    texts: &'a [u8],
}

impl<'a> Values<'a> {
    /// # Safety
    ///
    /// Where a text is read, there is one of that length, it is UTF-8, and a byte stands behind it.
    pub(crate) unsafe fn new(values: &'a [f64], texts: &'a [u8]) -> Self {
        Self { values, texts }
    }

    /// Reads an input of any kind but an item that the host keeps, and what the host has read of the
    /// text in it.
    pub(crate) fn input(mut self) -> (Input, Option<Parsed>) {
        let kind = self.number();
        let mut parsed = None;
        let input = match kind {
            0 => Input::Time,
            1 => Input::Network { online: self.flag() },
            2 => Input::Visibility { visible: self.flag() },
            3 => {
                let socket = self.socket();
                parsed = Some(Parsed::Frame(self.frame()));
                Input::SocketText { socket, text: String::new() }
            }
            4 => Input::SocketOpened { socket: self.socket() },
            5 => Input::SocketClosed {
                socket: self.socket(),
                code: self.some_number().map(|code| code as u16),
                reason: self.text(),
            },
            6 => {
                let request = self.request();
                let answer = HttpAnswer {
                    status: self.number() as u16,
                    error_type: None,
                    request_id: None,
                    retry_after_ms: self.some_number().map(|ms| ms as u64),
                    body: String::new(),
                };
                parsed = self.answer();
                Input::Answered { request, answer }
            }
            7 => Input::Failed { request: self.request(), message: self.text() },
            8 => Input::Token {
                request: self.request(),
                token: if let Some(token) = self.some_text() {
                    parsed = Some(Parsed::Expiry(self.some_number()));
                    // The host keeps the details.
                    Ok(HostToken { token: token.into(), expiry: None })
                } else {
                    let _expires_ms = self.some_number();
                    Err(self.text())
                },
            },
            9 => Input::Progress { request: self.request(), sent: self.number() },
            10 => {
                let source = self.source();
                let text = self.text();
                parsed = Some(Parsed::Item(self.part()));
                match source {
                    Ok(socket) => Input::SocketText { socket, text },
                    Err(foreign) => Input::Foreign { foreign, event: ForeignEvent::Text(text) },
                }
            }
            11..=15 => {
                let foreign = ForeignId(self.number() as u32);
                let event = match kind {
                    11 => ForeignEvent::Gained,
                    12 => ForeignEvent::Lost,
                    13 => ForeignEvent::Broken,
                    14 => ForeignEvent::DeepHeartbeat { success: self.flag() },
                    // Of which the host could read nothing.
                    _ => ForeignEvent::Text(String::new()),
                };
                Input::Foreign { foreign, event }
            }
            16 => Input::Create { session: self.session(), options: self.options() },
            17 => Input::Forget { session: self.session() },
            18 => Input::Resume { session: self.session(), token: self.text().into() },
            19 => Input::Track { session: self.session() },
            20 => Input::Cancel { call: self.call() },
            32 if CHATLOOM => {
                let session = self.session();
                let snapshot = self.text();
                Input::Restore { session, options: self.options(), snapshot }
            }
            _ => {
                let (session, call) = (self.session(), self.call());
                let what = self.what(kind);
                parsed = (!self.values.is_empty()).then(|| Parsed::Receipt(self.receipt()));
                Input::Call { session, call, what }
            }
        };
        (input, parsed)
    }

    fn what(&mut self, kind: u64) -> Call {
        match kind {
            21 => Call::Connect,
            22 => Call::SendMessage(self.outgoing()),
            23 => Call::SendEvent(self.outgoing()),
            24 => Call::GetTranscript(Box::new(self.transcript_request())),
            25 => Call::DisconnectParticipant,
            26 => Call::SendAttachment(NewAttachment {
                name: self.text(),
                size: self.number(),
                content_type: self.text(),
            }),
            27 => Call::DownloadAttachment { attachment_id: self.text().into() },
            28 => Call::GetAttachmentUrl { attachment_id: self.text().into() },
            29 => Call::DescribeView { view_token: self.text() },
            30 => Call::GetAuthenticationUrl { redirect_uri: self.text(), session_id: self.text() },
            31 => Call::CancelParticipantAuthentication { session_id: self.text() },
            // The rest is in Chatloom behaviour only, without which the core refuses it.
            33 if CHATLOOM => Call::MarkRead { item: self.text().into() },
            34 if CHATLOOM => Call::MarkDelivered { item: self.text().into() },
            35 if CHATLOOM => Call::LoadOlder { count: self.number() as u32 },
            36 if CHATLOOM => Call::FillGap { gap: GapId(self.number() as u32) },
            37 if CHATLOOM => Call::Resend { key: EntryKey(self.number()) },
            _ => Call::Discard { key: EntryKey(self.number()) },
        }
    }

    fn options(&mut self) -> Box<SessionOptions> {
        let mut options = SessionOptions::new(
            if self.flag() { Behaviour::Chatloom } else { Behaviour::Compat },
            self.text(),
            self.text().into(),
            self.text().into(),
            self.text().into(),
        );
        options.initial_contact_id = self.text().into();
        options.user_agent = self.text();
        if self.flag() {
            options.role = Role::Agent;
        }
        let has_host_token = self.flag();
        let foreign = self.some_number().map(|foreign| ForeignId(foreign as u32));
        options.source = match (has_host_token, foreign) {
            (true, foreign) => Source::Host { foreign },
            (false, Some(foreign)) => Source::Foreign(foreign),
            (false, None) => Source::Service,
        };
        self.change(&mut options.typing_throttle_ms);
        self.change(&mut options.receipt_throttle_ms);
        if CHATLOOM {
            options.persist = self.flag();
            options.replay = self.flag();
            let mut most_entries = options.most_entries as u64;
            self.change(&mut most_entries);
            options.most_entries = most_entries as usize;
        }
        Box::new(options)
    }

    fn outgoing(&mut self) -> Outgoing {
        Outgoing {
            content_type: sent_type(&self.text()),
            content: self.some_text(),
            client_token: self.some_text(),
        }
    }

    fn transcript_request(&mut self) -> GetTranscriptRequest {
        GetTranscriptRequest {
            contact_id: self.some_text().map(Into::into),
            max_results: self.some_number(),
            next_token: self.some_text(),
            scan_direction: self.some_text().map(|text| text.as_str().into()),
            sort_order: self.some_text().map(|text| text.as_str().into()),
            // Always there, and empty when nothing is asked (docs/protocol/websocket.md S69).
            start_position: Some(StartPosition {
                id: self.some_text().map(Into::into),
                absolute_time: self.some_text(),
                most_recent: self.some_number(),
            }),
        }
    }

    /// Reads the members of an item that the host has parsed, as [`item`](crate::item) describes
    /// them.
    pub(crate) fn item(mut self, source: i64, item: u64) -> Input {
        let head = Arc::new(self.head());
        let item = ItemHandle(item);
        match source_of(source) {
            Ok(socket) => Input::SocketItem { socket, item, head },
            Err(foreign) => Input::Foreign { foreign, event: ForeignEvent::Item { item, head } },
        }
    }

    /// What a frame is that brings no item.
    fn frame(&mut self) -> Frame {
        match self.number() {
            0 => Frame::Heartbeat,
            1 => Frame::Ping { success: self.flag() },
            2 => Frame::Subscribed { success: self.flag(), is_chat: self.flag() },
            3 => Frame::Gateway,
            4 => Frame::Other,
            _ => Frame::Unreadable,
        }
    }

    /// What an answer says, as far as the core decides on it.
    fn answer(&mut self) -> Option<Parsed> {
        Some(match self.some_number()? {
            0 => Parsed::Error { name: self.text().into(), message: self.text() },
            1 => Parsed::Connection(Given {
                has_socket: self.flag(),
                url: self.text(),
                // The host keeps the details.
                url_expiry: None,
                token: self.some_text(),
                expiry: None,
                expires_ms: self.some_number(),
            }),
            2 => {
                let mut place = Place {
                    id: self.text(),
                    url: self.text(),
                    expiry: self.some_text(),
                    headers: Vec::new(),
                };
                while !self.values.is_empty() {
                    place.headers.push((self.text(), self.text()));
                }
                Parsed::Place(place)
            }
            3 => Parsed::Sent(Sent {
                id: self.slice().map(Into::into),
                time: self.slice().map(Into::into),
            }),
            _ => {
                let mut page = Page {
                    next_token: self.some_text().filter(|it| !it.is_empty()),
                    items: Vec::new(),
                };
                while !self.values.is_empty() {
                    let text = self.slice();
                    page.items.push(text.map(|text| self.part().with_text(text)));
                }
                Parsed::Page(page)
            }
        })
    }

    fn receipt(&mut self) -> ReceiptContent {
        ReceiptContent {
            message_id: self.slice().filter(|id| !id.is_empty()).map(Into::into),
            at_once: self.flag(),
        }
    }

    /// Reads the members of an item whose text is given too: what may be streamed in it comes first.
    fn part(&mut self) -> ParsedItem {
        let content = self.slice().map(Into::into);
        let chunk_number = self.some_number().map(|number| number as u32);
        let message_completed = self.value().map(|value| value > 0.0);
        let mut head = Box::new(self.head());
        if let Some(metadata) = &mut head.message_metadata {
            metadata.chunk_number = chunk_number;
            metadata.message_completed = message_completed;
        }
        ParsedItem { head, content }
    }

    fn head(&mut self) -> ItemHead {
        ItemHead {
            item_type: self.slice().map(Into::into),
            content_type: self.content_type(),
            contact_id: self.slice().map(Into::into),
            initial_contact_id: self.slice().map(Into::into),
            related_contact_id: self.slice().map(Into::into),
            id: self.slice().map(Into::into),
            absolute_time: self.slice().map(Into::into),
            participant_id: self.slice().map(Into::into),
            participant_role: self.slice().map(Into::into),
            display_name: self.slice().map(Into::into),
            file_status: self.slice().filter(|_| CHATLOOM).map(Into::into),
            message_metadata: self.metadata(),
        }
    }

    /// A content type that the core decides on, by its place in the list of the package's
    /// (`web/chatjs/src/api/rules.ts`).
    fn content_type(&mut self) -> Option<ContentType> {
        use ContentType as Type;
        Some(match self.some_number()? {
            11 => Type::AuthenticationInitiated,
            12 => Type::AuthenticationSucceeded,
            13 => Type::AuthenticationFailed,
            14 => Type::AuthenticationTimeout,
            15 => Type::AuthenticationExpired,
            16 => Type::AuthenticationCancelled,
            17 => Type::ParticipantDisplayNameUpdated,
            24 => Type::Typing,
            25 => Type::ParticipantJoined,
            26 => Type::ParticipantLeft,
            27 => Type::ParticipantActive,
            28 => Type::ParticipantInactive,
            29 => Type::TransferSucceeded,
            31 => Type::ChatEnded,
            34 => Type::MessageRead,
            35 => Type::MessageDelivered,
            36 => Type::ParticipantIdle,
            37 => Type::ParticipantReturned,
            38 => Type::ParticipantInvited,
            39 => Type::ParticipantAutoDisconnection,
            40 => Type::ChatRehydrated,
            _ => return None,
        })
    }

    fn metadata(&mut self) -> Option<MessageMetadata> {
        let count = self.some_number()?;
        let message_id = self.slice().map(Into::into);
        let mut receipts = Vec::new();
        for _ in 0..count {
            receipts.push(Receipt {
                delivered_timestamp: self.slice().map(Into::into),
                read_timestamp: self.slice().map(Into::into),
                recipient_participant_id: self.slice().map(Into::into),
            });
        }
        Some(MessageMetadata { message_id, receipts: Some(receipts), ..MessageMetadata::default() })
    }

    /// A socket, or the socket manager of minus a number.
    fn source(&mut self) -> Result<SocketId, ForeignId> {
        source_of(self.some_number().unwrap_or_default())
    }

    fn session(&mut self) -> SessionId {
        SessionId(self.number() as u32)
    }

    fn socket(&mut self) -> SocketId {
        SocketId(self.number())
    }

    fn request(&mut self) -> RequestId {
        RequestId(self.number())
    }

    fn call(&mut self) -> CallId {
        CallId(self.number())
    }

    fn text(&mut self) -> String {
        self.some_text().unwrap_or_default()
    }

    fn some_text(&mut self) -> Option<String> {
        self.slice().map(ToOwned::to_owned)
    }

    fn slice(&mut self) -> Option<&'a str> {
        let len = self.value()? as usize;
        let text = &self.texts[..len];
        // One byte stands between two.
        self.texts = &self.texts[len + 1..];
        // SAFETY: whoever made this vouches for it.
        Some(unsafe { std::str::from_utf8_unchecked(text) })
    }

    fn number(&mut self) -> u64 {
        self.value().unwrap_or_default() as u64
    }

    fn some_number(&mut self) -> Option<i64> {
        self.value().map(|value| value as i64)
    }

    /// Puts a number into its place, where there is one.
    fn change(&mut self, place: &mut u64) {
        if let Some(number) = self.value() {
            *place = number as u64;
        }
    }

    fn flag(&mut self) -> bool {
        self.value() == Some(1.0)
    }

    fn value(&mut self) -> Option<f64> {
        let (value, rest) = self.values.split_first()?;
        self.values = rest;
        (!value.is_nan()).then_some(*value)
    }
}

/// A socket, or the socket manager of minus this number.
fn source_of(source: i64) -> Result<SocketId, ForeignId> {
    if source < 0 {
        Err(ForeignId(source.unsigned_abs() as u32))
    } else {
        Ok(SocketId(source as u64))
    }
}

#[cfg(test)]
mod tests {
    use chatloom_wire::{ItemId, ParticipantId};

    use super::*;
    use crate::table;

    /// Reads an input as the host writes it, and what the host has read of the text in it.
    fn both(json: &str) -> (Input, Option<Parsed>) {
        let (values, texts) = table::values_of(&serde_json::from_str(json).unwrap());
        // SAFETY: the texts are what the values say.
        unsafe { Values::new(&values, texts.as_bytes()) }.input()
    }

    /// Reads an input as the host writes it.
    fn input(json: &str) -> Input {
        both(json).0
    }

    /// Reads an item with these members.
    fn item(source: i64, item: u64, members: &[serde_json::Value]) -> Input {
        let (values, texts) = table::list(members);
        // SAFETY: the texts are what the values say.
        unsafe { Values::new(&values, texts.as_bytes()) }.item(source, item)
    }

    #[test]
    fn every_input_is_read() {
        let inputs = [
            r#"{"type":"create","session":1,"endpoint":"https://example.com","contactId":"c",
                "initialContactId":"i","participantId":"p","participantToken":"secret","userAgent":"u"}"#,
            r#"{"type":"restore","session":1,"endpoint":"https://example.com","contactId":"c",
                "initialContactId":"i","participantId":"p","participantToken":"secret","userAgent":"",
                "chatloom":true,"agent":true,"hostToken":true,"foreign":6,"typingThrottleMs":1,
                "receiptThrottleMs":2,"mostEntries":300,
                "persist":true,"replay":true,"snapshot":"{}"}"#,
            r#"{"type":"forget","session":1}"#,
            r#"{"type":"resume","session":1,"token":"secret"}"#,
            r#"{"type":"track","session":1}"#,
            r#"{"type":"cancel","call":2}"#,
            r#"{"type":"connect","session":1,"call":2}"#,
            r#"{"type":"disconnectParticipant","session":1,"call":2}"#,
            r#"{"type":"getTranscript","session":1,"call":2,"maxResults":15,"contactId":"c",
                "scanDirection":"BACKWARD","sortOrder":"SIDEWAYS","id":"i-1"}"#,
            r#"{"type":"sendMessage","session":1,"call":2,"contentType":"text/plain","content":"secret"}"#,
            r#"{"type":"sendEvent","session":1,"call":2,"contentType":"x/y","clientToken":"secret"}"#,
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
            r#"{"type":"token","request":3,"token":"secret","expiresMs":1767225600000}"#,
            r#"{"type":"token","request":3,"text":"no such contact"}"#,
            r#"{"type":"foreignGained","foreign":6}"#,
            r#"{"type":"foreignLost","foreign":6}"#,
            r#"{"type":"foreignBroken","foreign":6}"#,
            r#"{"type":"foreignHeartbeat","foreign":6,"on":true}"#,
            r#"{"type":"foreignText","foreign":6}"#,
            r#"{"type":"answered","request":3,"status":429,"retryAfterMs":1500,"parsed":[0,"e","m"]}"#,
            r#"{"type":"answered","request":3,"status":200,"parsed":[1,true,"wss://u","secret",7]}"#,
            r#"{"type":"answered","request":3,"status":200,"parsed":[2,"a","u","t","name","value"]}"#,
            r#"{"type":"answered","request":3,"status":200,"parsed":[3,"i-1","t"]}"#,
            r#"{"type":"answered","request":3,"status":200,"parsed":[4,"n",null,
                "{}","Hel",2,false,"MESSAGE",null,"c",null,null,"i-1","t","p","SYSTEM",null,null,
                1,"i-1","d",null,"p",
                "{}",null,null,null,"EVENT",null,null,null,null,"i-2",null,null,null,null,null,null]}"#,
            r#"{"type":"answered","request":3,"status":200,"parsed":[]}"#,
            r#"{"type":"failed","request":3,"text":"TypeError: Failed to fetch"}"#,
            r#"{"type":"opened","socket":4}"#,
            r#"{"type":"frame","socket":4,"parsed":[0]}"#,
            r#"{"type":"frame","socket":4,"parsed":[1,true]}"#,
            r#"{"type":"frame","socket":4,"parsed":[2,true,true]}"#,
            r#"{"type":"frame","socket":4,"parsed":[2,false,false]}"#,
            r#"{"type":"frame","socket":4,"parsed":[3]}"#,
            r#"{"type":"frame","socket":4,"parsed":[4]}"#,
            r#"{"type":"frame","socket":4,"parsed":[5]}"#,
            r#"{"type":"part","source":4,"text":"{}","parsed":["Hel",2,true,"MESSAGE",null,"c",null,
                null,"i-1","t","p","SYSTEM",null,null,0,"i-1"]}"#,
            r#"{"type":"part","source":-6,"text":"{}","parsed":[]}"#,
            r#"{"type":"sendEvent","session":1,"call":2,"contentType":"x/y","parsed":["i-1",true]}"#,
            r#"{"type":"sendEvent","session":1,"call":2,"contentType":"x/y","parsed":["",false]}"#,
            r#"{"type":"closed","socket":4,"code":1006,"text":""}"#,
            r#"{"type":"closed","socket":4,"code":null,"text":"cannot be opened"}"#,
            r#"{"type":"network","on":false}"#,
            r#"{"type":"visibility","on":true}"#,
            r#"{"type":"time"}"#,
        ];
        for table::Kind { name, .. } in table::table("INPUTS") {
            let kind = format!("\"type\":\"{name}\"");
            assert!(inputs.iter().any(|json| json.contains(&kind)), "{name}");
        }
        let lines: Vec<String> = inputs.iter().map(|json| format!("{:?}", both(json))).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    /// The call that an input with these members makes.
    fn call(members: &str) -> Call {
        let json = format!(r#"{{"session":1,"call":2,{members}}}"#);
        match input(&json) {
            Input::Call { what, .. } => what,
            other => panic!("{other:?}"),
        }
    }

    /// What `Debug` hides, and so the test above does not see.
    #[test]
    fn secrets_and_content_are_read() {
        let created = r#""session":1,"endpoint":"e","contactId":"c","initialContactId":"i",
            "participantId":"p","participantToken":"secret","userAgent":"u""#;
        match input(&format!(r#"{{"type":"create",{created}}}"#)) {
            Input::Create { options, .. } => {
                assert_eq!(options.participant_token.expose(), "secret");
            }
            other => panic!("{other:?}"),
        }
        match input(&format!(r#"{{"type":"restore",{created},"snapshot":"{{}}"}}"#)) {
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
        match input(r#"{"type":"resume","session":1,"token":"secret"}"#) {
            Input::Resume { token, .. } => assert_eq!(token.expose(), "secret"),
            other => panic!("{other:?}"),
        }
        match input(r#"{"type":"token","request":3,"token":"secret"}"#) {
            Input::Token { token: Ok(HostToken { token, expiry }), .. } => {
                assert_eq!((token.expose(), expiry), ("secret", None));
            }
            other => panic!("{other:?}"),
        }
        match both(r#"{"type":"part","source":-6,"text":"{}","parsed":["Hel"]}"#) {
            (
                Input::Foreign { event: ForeignEvent::Text(text), .. },
                Some(Parsed::Item(ParsedItem { content, .. })),
            ) => assert_eq!((&*text, content.as_deref()), ("{}", Some("Hel"))),
            other => panic!("{other:?}"),
        }
        match both(r#"{"type":"part","source":4,"text":"{}","parsed":[]}"#).0 {
            Input::SocketText { text, .. } => assert_eq!(text, "{}"),
            other => panic!("{other:?}"),
        }
        let json = r#"{"type":"answered","request":3,"status":200,"retryAfterMs":1500,
            "parsed":[1,true,"wss://u","secret",7]}"#;
        match both(json) {
            (Input::Answered { answer, .. }, Some(Parsed::Connection(given))) => {
                assert_eq!(answer.retry_after_ms, Some(1_500));
                assert_eq!((&*given.url, given.token.as_deref()), ("wss://u", Some("secret")));
                assert_eq!(given.expires_ms, Some(7));
            }
            other => panic!("{other:?}"),
        }
        match both(
            r#"{"type":"answered","request":3,"status":200,"parsed":[2,"a","u","t","n","v"]}"#,
        ) {
            (_, Some(Parsed::Place(place))) => {
                assert_eq!((&*place.url, place.expiry.as_deref()), ("u", Some("t")));
                assert_eq!(place.headers, [("n".to_owned(), "v".to_owned())]);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_sent_keeps_every_character() {
        let json = r#"{"type":"sendMessage","session":1,"call":2,"contentType":"text/plain","content":"\u0000é\n","clientToken":null}"#;
        let Input::Call { what: Call::SendMessage(outgoing), .. } = input(json) else {
            panic!("a message was read as something else")
        };
        assert_eq!(outgoing.content.as_deref(), Some("\0é\n"));
        assert_eq!(outgoing.client_token, None);
        let json = json.replace("sendMessage", "sendEvent").replace("null", r#""token""#);
        let Input::Call { what: Call::SendEvent(outgoing), .. } = input(&json) else {
            panic!("an event was read as something else")
        };
        assert_eq!(outgoing.client_token.as_deref(), Some("token"));
    }

    #[test]
    fn the_members_of_an_item_are_those_that_decide() {
        let members = ["EVENT".into(), 31.into(), "c".into(), "i".into()];
        let Input::SocketItem { socket, item, head } = item(4, 9, &members) else {
            panic!("an item was read as something else")
        };
        assert_eq!((socket, item), (SocketId(4), ItemHandle(9)));
        let expected = ItemHead {
            item_type: Some("EVENT".into()),
            content_type: Some(ContentType::ChatEnded),
            contact_id: Some("c".into()),
            initial_contact_id: Some("i".into()),
            ..ItemHead::default()
        };
        assert_eq!(*head, expected);
    }

    #[test]
    fn content_types_are_numbered_as_the_package_lists_them() {
        let listed = table::content_types();
        let mut known = 0;
        for (number, text) in listed.iter().enumerate() {
            let Input::SocketItem { head, .. } = item(4, 9, &["EVENT".into(), number.into()])
            else {
                panic!("an item was read as something else")
            };
            known += usize::from(head.content_type.is_some());
            assert!(
                head.content_type.as_ref().is_none_or(|it| *it == ContentType::from(&**text)),
                "{text}"
            );
        }
        assert_eq!((listed.len(), known), (42, 21));
    }

    #[test]
    fn an_item_may_bring_more_of_its_members() {
        let mut members = vec![serde_json::Value::Null; 16];
        (members[0], members[5]) = ("MESSAGEMETADATA".into(), "i-1".into());
        (members[9], members[10]) = ("é".into(), "APPROVED".into());
        (members[11], members[12]) = (1.into(), "i-2".into());
        (members[14], members[15]) = ("t".into(), "p".into());
        let Input::Foreign { foreign, event: ForeignEvent::Item { item, head } } =
            item(-6, 9, &members)
        else {
            panic!("an item was read as something else")
        };
        assert_eq!((foreign, item), (ForeignId(6), ItemHandle(9)));
        assert_eq!(head.id.as_ref().map(ItemId::as_str), Some("i-1"));
        assert_eq!(head.absolute_time, None);
        assert_eq!(head.display_name.as_deref(), Some("é"));
        assert_eq!(head.file_status.as_deref(), CHATLOOM.then_some("APPROVED"));
        let metadata = head.message_metadata.as_ref().unwrap();
        assert_eq!(metadata.message_id.as_ref().map(ItemId::as_str), Some("i-2"));
        let receipt = &metadata.receipts.as_ref().unwrap()[0];
        assert_eq!(receipt.delivered_timestamp, None);
        assert_eq!(receipt.read_timestamp.as_deref(), Some("t"));
        assert_eq!(receipt.recipient_participant_id.as_ref().map(ParticipantId::as_str), Some("p"));
    }
}
