//! Reads what the host says.
//!
//! Every input is one JSON object with a member `type`; the other members are those of
//! [`chatloom_session::Input`] in camel case.

use chatloom_session::{
    Behaviour, Call, CallId, HttpAnswer, Input, ItemHandle, Outgoing, RequestId, SessionId,
    SessionOptions, SocketId,
    json::{self, Raw},
};
use chatloom_wire::{
    ContentType, ItemHead,
    participant::{GetTranscriptRequest, ScanDirection, SortOrder, StartPosition},
};

/// Why an input cannot be read, for people: the host passes on what an application gave it, which
/// may be of any type.
type Refusal = String;

/// Reads an input of any kind but a parsed item.
pub(crate) fn input(json: &[u8]) -> Result<Input, Refusal> {
    let text = std::str::from_utf8(json).map_err(|_| "the input is not UTF-8".to_owned())?;
    let mut members = Members(Vec::new());
    json::object(text, &mut |name, value| members.0.push((name.into(), value)))
        .map_err(|_| "the input is not a JSON object".to_owned())?;
    let kind = members.text("type")?;
    let call = |what: Call| -> Result<Input, Refusal> {
        let session = members.session()?;
        Ok(Input::Call { session, call: CallId(members.number("call")?), what })
    };
    Ok(match kind.as_str() {
        "create" => Input::Create {
            session: members.session()?,
            options: Box::new(SessionOptions {
                initial_contact_id: members.text("initialContactId")?.into(),
                user_agent: members.text("userAgent")?,
                ..SessionOptions::new(
                    Behaviour::Compat,
                    members.text("endpoint")?,
                    members.text("contactId")?.into(),
                    members.text("participantId")?.into(),
                    members.text("participantToken")?.into(),
                )
            }),
        },
        "forget" => Input::Forget { session: members.session()? },
        "cancel" => Input::Cancel { call: CallId(members.number("call")?) },
        "connect" => call(Call::Connect)?,
        "sendMessage" => call(Call::SendMessage(members.outgoing()?))?,
        "sendEvent" => call(Call::SendEvent(members.outgoing()?))?,
        "getTranscript" => call(Call::GetTranscript(Box::new(members.transcript_request()?)))?,
        "disconnectParticipant" => call(Call::DisconnectParticipant)?,
        "answered" => Input::Answered {
            request: RequestId(members.number("request")?),
            answer: HttpAnswer {
                status: members.number("status")? as u16,
                error_type: members.optional_text("errorType")?,
                request_id: members.optional_text("requestId")?,
                retry_after_ms: members.optional_number("retryAfterMs")?.map(|ms| ms as u64),
                body: members.text("body")?,
            },
        },
        "failed" => Input::Failed {
            request: RequestId(members.number("request")?),
            message: members.text("text")?,
        },
        "opened" => Input::SocketOpened { socket: members.socket()? },
        "text" => Input::SocketText { socket: members.socket()?, text: members.text("text")? },
        "closed" => Input::SocketClosed {
            socket: members.socket()?,
            code: members.optional_number("code")?.map(|code| code as u16),
            reason: members.text("text")?,
        },
        "network" => Input::Network { online: members.flag("on")? },
        "visibility" => Input::Visibility { visible: members.flag("on")? },
        "time" => Input::Time,
        _ => return Err(wrong("type", "known")),
    })
}

/// The members of an input; few enough to look through.
struct Members<'a>(Vec<(Box<str>, Raw<'a>)>);

impl<'a> Members<'a> {
    /// A member, unless it is absent or `null`.
    fn get(&self, name: &str) -> Option<Raw<'a>> {
        let (_, value) = self.0.iter().rev().find(|(other, _)| **other == *name)?;
        (!value.is_null()).then_some(*value)
    }

    fn optional_text(&self, name: &str) -> Result<Option<String>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.text() {
            Some(text) => Ok(Some(text.into_owned())),
            None => Err(wrong(name, "a string")),
        }
    }

    fn text(&self, name: &str) -> Result<String, Refusal> {
        self.optional_text(name)?.ok_or_else(|| wrong(name, "a string"))
    }

    fn optional_number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.integer() {
            Some(number) => Ok(Some(number)),
            None => Err(wrong(name, "an integer")),
        }
    }

    fn number(&self, name: &str) -> Result<u64, Refusal> {
        match self.optional_number(name)? {
            Some(number) => Ok(number as u64),
            None => Err(wrong(name, "an integer")),
        }
    }

    fn flag(&self, name: &str) -> Result<bool, Refusal> {
        self.get(name).and_then(Raw::boolean).ok_or_else(|| wrong(name, "true or false"))
    }

    fn session(&self) -> Result<SessionId, Refusal> {
        Ok(SessionId(self.number("session")? as u32))
    }

    fn socket(&self) -> Result<SocketId, Refusal> {
        Ok(SocketId(self.number("socket")?))
    }

    fn outgoing(&self) -> Result<Outgoing, Refusal> {
        Ok(Outgoing {
            content_type: ContentType::from(self.text("contentType")?.as_str()),
            content: self.optional_text("content")?,
            client_token: self.optional_text("clientToken")?,
        })
    }

    fn transcript_request(&self) -> Result<GetTranscriptRequest, Refusal> {
        Ok(GetTranscriptRequest {
            contact_id: self.optional_text("contactId")?.map(Into::into),
            max_results: self.optional_number("maxResults")?,
            next_token: self.optional_text("nextToken")?,
            scan_direction: Some(ScanDirection::from(self.text("scanDirection")?.as_str())),
            sort_order: Some(SortOrder::from(self.text("sortOrder")?.as_str())),
            // Always there, and empty when nothing is asked (docs/protocol/websocket.md S69).
            start_position: Some(StartPosition {
                id: self.optional_text("id")?.map(Into::into),
                absolute_time: self.optional_text("absoluteTime")?,
                most_recent: self.optional_number("mostRecent")?,
            }),
        })
    }
}

fn wrong(name: &str, what: &str) -> Refusal {
    [name, " is not ", what].concat()
}

/// Between the members of a parsed item. No identifier and no content type holds it; when a peer
/// puts one into an item the members cannot be read, and the host takes the way through the text.
const SEPARATOR: char = '\u{1f}';

/// Reads the members of an item that the host has parsed, as [`item`](crate::item) describes them.
pub(crate) fn item(socket: u64, item: u64, members: &[u8]) -> Option<Input> {
    let mut members = std::str::from_utf8(members).ok()?.split(SEPARATOR);
    let mut next = || members.next().map(|member| (!member.is_empty()).then_some(member));
    let head = ItemHead {
        item_type: next()?.map(Into::into),
        content_type: next()?.map(Into::into),
        contact_id: next()?.map(Into::into),
        initial_contact_id: next()?.map(Into::into),
        related_contact_id: next()?.map(Into::into),
        ..ItemHead::default()
    };
    members.next().is_none().then(|| Input::SocketItem {
        socket: SocketId(socket),
        item: ItemHandle(item),
        head: Box::new(head),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_input_is_read() {
        let lines: Vec<String> = [
            r#"{"type":"create","session":1,"endpoint":"https://example.com","contactId":"c",
                "initialContactId":"i","participantId":"p","participantToken":"secret","userAgent":"u"}"#,
            r#"{"type":"forget","session":1}"#,
            r#"{"type":"cancel","call":2}"#,
            r#"{"type":"connect","session":1,"call":2}"#,
            r#"{"type":"disconnectParticipant","session":1,"call":2}"#,
            r#"{"type":"getTranscript","session":1,"call":2,"maxResults":15,"contactId":"c",
                "scanDirection":"BACKWARD","sortOrder":"SIDEWAYS","id":"i-1"}"#,
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
        .map(|json| format!("{:?}", input(json.as_bytes()).unwrap()))
        .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn what_is_sent_keeps_every_character() {
        let json = r#"{"type":"sendMessage","session":1,"call":2,"contentType":"text/plain","content":"\u0000é\n","clientToken":null}"#;
        let Input::Call { what: Call::SendMessage(outgoing), .. } = input(json.as_bytes()).unwrap()
        else {
            panic!("a message was read as something else")
        };
        assert_eq!(outgoing.content.as_deref(), Some("\0é\n"));
        assert_eq!(outgoing.client_token, None);
        let json = json.replace("sendMessage", "sendEvent").replace("null", r#""token""#);
        let Input::Call { what: Call::SendEvent(outgoing), .. } = input(json.as_bytes()).unwrap()
        else {
            panic!("an event was read as something else")
        };
        assert_eq!(outgoing.client_token.as_deref(), Some("token"));
    }

    #[test]
    fn a_refusal_names_the_member_and_never_quotes_it() {
        for (json, why) in [
            (r#"{"type":"time""#, "the input is not a JSON object"),
            (r#"{"type":"secret"}"#, "type is not known"),
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
            assert_eq!(input(json.as_bytes()).unwrap_err(), why, "{json}");
        }
        assert_eq!(input(b"{\"type\":\"\xff\"}").unwrap_err(), "the input is not UTF-8");
    }

    #[test]
    fn of_members_of_one_name_the_last_counts() {
        let read = input(br#"{"type":"forget","session":1,"session":2}"#).unwrap();
        assert!(matches!(read, Input::Forget { session: SessionId(2) }), "{read:?}");
    }

    #[test]
    fn the_members_of_an_item_are_those_that_decide() {
        let Some(Input::SocketItem { socket, item, head }) =
            item(4, 9, "EVENT\u{1f}text/x\u{1f}c\u{1f}i\u{1f}".as_bytes())
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
            assert!(item(4, 9, members.as_bytes()).is_none(), "{members:?}");
        }
        assert!(item(4, 9, b"\xff\x1f\x1f\x1f\x1f").is_none());
    }

    proptest! {
        #[test]
        fn nothing_panics(json in "\\PC{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = (input(json.as_bytes()), item(1, 2, json.as_bytes()));
            let _ = (input(&bytes), item(1, 2, &bytes));
        }

        #[test]
        fn texts_arrive_as_they_left(text: String) {
            let json = serde_json::json!({ "type": "failed", "request": 1, "text": &text });
            let read = input(json.to_string().as_bytes()).unwrap();
            let Input::Failed { message, .. } = read else { panic!("{read:?}") };
            prop_assert_eq!(message, text);
        }
    }
}
