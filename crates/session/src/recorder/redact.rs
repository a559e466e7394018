//! What of a text may be kept for somebody else's eyes.
//!
//! A text keeps its shape as far as the core looks at it, so that a core that is given the redacted
//! text does the same as one that was given the original: members with ids, types, times and
//! numbers stay, content becomes filler of the same length, and each secret a placeholder.

use std::{
    borrow::Cow,
    collections::VecDeque,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use crate::{
    json::{self, Raw, Writer, write_text},
    sorted::Sorted,
};

/// So many secrets are told apart; one that comes back after so many others gets a new placeholder.
const MOST_SECRETS: usize = 10_000;
/// No id, type or time is longer; what is, is none.
const LONGEST_KEPT: usize = 512;
/// What a secret becomes, with its number behind it.
const PLACEHOLDER: &str = "redacted-";
/// The length of the id of a session of a sign-in (docs/protocol/participant-service.md §3.10).
const SESSION_BYTES: usize = 36;

/// Redacts texts, and remembers which secrets it has met, though not the secrets themselves.
#[derive(Debug, Default)]
pub(super) struct Redactor {
    /// The numbers of placeholders, by the hashes of secrets.
    numbers: Sorted<u64>,
    met: VecDeque<u64>,
    last_number: u64,
    /// The texts are redacted already, and placeholders stay what they are.
    again: bool,
}

/// What becomes of a member.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// An id, a type, a time, a number, or a list of these: stays.
    Keep,
    /// Becomes a placeholder.
    Secret,
    /// An object or a list of objects: each member by its own rule.
    Inside,
    /// What the service says, as an object or as its text.
    Text,
    /// What an application says, as an object or as its text.
    Content,
    /// An object whose names stay and whose values become filler.
    Values,
    /// A text for people, with what it quotes as filler.
    Prose,
    /// Becomes filler.
    Fill,
}

/// What becomes of members, by their names: a name means the same in all requests, answers, frames
/// and items, and in snapshots, which keep to these names.
const RULES: [(Rule, &[&str]); 7] = [
    (
        Rule::Keep,
        &[
            "AbsoluteTime",
            "AttachmentId",
            "AttachmentIds",
            "AttachmentSizeInBytes",
            "ChunkNumber",
            "ClientToken",
            "ConnectParticipant",
            "ConnectionExpiry",
            "ContactId",
            "ContentType",
            "DeliveredTimestamp",
            "Expiry",
            "Id",
            "InitialContactId",
            "Key",
            "MaxResults",
            "MessageCompleted",
            "MessageId",
            "MessageProcessingStatus",
            "MostRecent",
            "ParticipantId",
            "ParticipantRole",
            "Presence",
            "ReadTimestamp",
            "RecipientParticipantId",
            "RelatedContactId",
            "ScanDirection",
            "SortOrder",
            "Status",
            "Type",
            "UrlExpiry",
            "Version",
            "__type",
            "code",
            "disableThrottle",
            "messageId",
            "status",
            "statusCode",
            "topic",
            "topics",
        ],
    ),
    (
        Rule::Secret,
        &[
            "AuthenticationUrl",
            "ConnectionToken",
            "NextToken",
            "ParticipantToken",
            "RedirectUri",
            "SessionId",
            "UploadUrl",
            "Url",
            "ViewToken",
        ],
    ),
    (
        Rule::Inside,
        &[
            "After",
            "Attachments",
            "Before",
            "Below",
            "ConnectionCredentials",
            "Delivered",
            "Error",
            "Gaps",
            "MessageMetadata",
            "Near",
            "Outbox",
            "People",
            "Read",
            "Receipts",
            "StartPosition",
            "Transcript",
            "UploadMetadata",
            "Websocket",
        ],
    ),
    (Rule::Text, &["content"]),
    (Rule::Content, &["Content"]),
    (Rule::Values, &["HeadersToInclude"]),
    (Rule::Prose, &["Message", "message"]),
];

fn rule(name: &str) -> Option<Rule> {
    RULES.iter().find(|(_, names)| names.contains(&name)).map(|(rule, _)| *rule)
}

/// A text of nothing, with as many characters of one, two, three and four bytes: it is as long in
/// bytes, in characters and in UTF-16, whichever a limit counts.
pub(super) fn filler(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (bytes, nothing) in [(1, 'x'), (2, '\u{f8}'), (3, '\u{203b}'), (4, '\u{1d5d1}')] {
        out.extend(text.chars().filter(|char| char.len_utf8() == bytes).map(|_| nothing));
    }
    out
}

/// A text that is kept, unless it is too long to be what it should be.
pub(super) fn kept(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST_KEPT { text.into() } else { filler(text).into() }
}

/// Scheme and host of a URL with the slash behind them, and the rest.
fn split_url(text: &str) -> (&str, &str) {
    let host_begins = text.find("://").map_or(0, |at| at + 3);
    let Some(host) = text.get(host_begins..).filter(|_| host_begins > 0) else { return ("", text) };
    let host_ends = host_begins + host.find(['/', '?', '#']).unwrap_or(host.len());
    match (text.get(..host_ends), text.get(host_ends..)) {
        // Credentials may stand before a host.
        (Some(base), Some(rest)) if !base.contains('@') => (base, rest),
        _ => ("", text),
    }
}

impl Redactor {
    /// Redacts what a core says that was given redacted texts.
    pub(super) fn again() -> Self {
        Self { again: true, ..Self::default() }
    }

    /// The placeholder of a secret. Scheme and host of a URL stay; nothing becomes of nothing.
    pub(super) fn secret(&mut self, secret: &str) -> String {
        let (base, rest) = split_url(secret);
        if rest.is_empty() {
            return base.to_owned();
        }
        let end = rest.strip_prefix('/').unwrap_or(rest);
        let mut out = base.to_owned();
        if !base.is_empty() {
            out.push('/');
        }
        if self.again && is_placeholder(end) {
            out.push_str(end);
        } else {
            let number = self.number(secret);
            push_placeholder(&mut out, number);
            // The length of a session of a sign-in is checked.
            while secret.len() == SESSION_BYTES && out.len() < SESSION_BYTES {
                out.push('-');
            }
        }
        out
    }

    fn number(&mut self, secret: &str) -> u64 {
        let hash = hash(secret);
        if let Some(number) = self.numbers.get(hash) {
            return *number;
        }
        self.last_number += 1;
        self.numbers.insert(hash, self.last_number);
        self.met.push_back(hash);
        if self.met.len() > MOST_SECRETS
            && let Some(oldest) = self.met.pop_front()
        {
            self.numbers.remove(oldest);
        }
        self.last_number
    }

    /// The URL of a request of the core's: it stays, but for parts of its path that are secrets.
    pub(super) fn request_url(&mut self, url: &str) -> String {
        let (base, path) = split_url(url);
        let mut out = base.to_owned();
        for (at, part) in path.split('/').enumerate() {
            if at > 0 {
                out.push('/');
            }
            let secret = percent_decoded(part);
            if self.numbers.contains(hash(&secret)) {
                out.push_str(&self.secret(&secret));
            } else {
                out.push_str(part);
            }
        }
        out
    }

    /// A text for people: what it quotes becomes filler, and so does what follows the host in a URL.
    pub(super) fn prose(&mut self, text: &str) -> String {
        const QUOTES: [char; 3] = ['\'', '"', '`'];
        let mut out = String::with_capacity(text.len());
        let (first, last) = (text.find(QUOTES), text.rfind(QUOTES));
        if let (Some(first), Some(last)) = (first, last)
            && let (Some(before), Some(quoted), Some(after)) =
                (text.get(..=first), text.get(first + 1..last), text.get(last..))
        {
            self.words(&mut out, before);
            out.push_str(&filler(quoted));
            self.words(&mut out, after);
        } else {
            self.words(&mut out, text);
        }
        out
    }

    fn words(&mut self, out: &mut String, text: &str) {
        for (at, word) in text.split(' ').enumerate() {
            if at > 0 {
                out.push(' ');
            }
            if word.contains("://") {
                out.push_str(&self.secret(word));
            } else {
                out.push_str(word);
            }
        }
    }

    /// A text that should be a JSON object; filler when it is not.
    pub(super) fn json(&mut self, text: &str) -> String {
        self.text(text, true)
    }

    /// What an application or a peer says: filler, but for what a receipt names.
    pub(super) fn content(&mut self, text: &str) -> String {
        self.text(text, false)
    }

    /// With or without names that are not known here. What is JSON stays so, for the core may ask;
    /// content stays as long as it was.
    fn text(&mut self, text: &str, names: bool) -> String {
        let mut out = Writer::new();
        // Some peers say something after the object, which readers of frames ignore.
        let read = json::first_object(text, &mut |name, value| {
            self.member(&mut out, name, value, names);
        });
        let is_json = json::is_json(text);
        let (mut out, pad) = match text.trim_ascii_start().bytes().next() {
            _ if read.is_ok() => (out.finish(), if is_json { " " } else { "x" }),
            Some(b'[') if is_json => ("[]".to_owned(), " "),
            Some(b'"') if is_json => ("\"\"".to_owned(), " "),
            _ if is_json => (String::new(), "1"),
            _ => return filler(text),
        };
        let missing = text.len().saturating_sub(out.len());
        if !names || read.is_err() {
            out.push_str(&pad.repeat(missing));
        } else if !is_json {
            out.push_str(pad);
        }
        out
    }

    fn member(&mut self, out: &mut Writer, name: &str, value: Raw<'_>, names: bool) {
        // In what an application says, a member may be anything but what a receipt names.
        let is_known = names || matches!(name, "messageId" | "disableThrottle");
        let rule = rule(name).filter(|_| is_known);
        let hidden;
        let name = if rule.is_some() || (names && name.len() <= LONGEST_KEPT) {
            name
        } else {
            hidden = filler(name);
            &hidden
        };
        let mut json = String::new();
        self.value(&mut json, value, rule.unwrap_or(Rule::Fill), names);
        out.json(name, &json);
    }

    /// Keeps what kind of value it is: the core tells a text from `null` or a number.
    fn value(&mut self, out: &mut String, value: Raw<'_>, rule: Rule, names: bool) {
        let raw = value.json();
        if let Some(text) = value.text() {
            let text = match rule {
                Rule::Keep => kept(&text).into_owned(),
                Rule::Secret => self.secret(&text),
                Rule::Prose => self.prose(&text),
                Rule::Text if names => self.text(&text, true),
                Rule::Content if names => self.text(&text, false),
                Rule::Text | Rule::Content | Rule::Inside | Rule::Values | Rule::Fill => {
                    filler(&text)
                }
            };
            return write_text(out, &text);
        }
        let mut members = Writer::new();
        let is_object = value.members(&mut |name, value| match rule {
            Rule::Inside | Rule::Text => self.member(&mut members, name, value, names),
            Rule::Content => self.member(&mut members, name, value, false),
            Rule::Values => {
                let mut json = String::new();
                self.value(&mut json, value, Rule::Fill, names);
                members.json(name, &json);
            }
            Rule::Keep | Rule::Secret | Rule::Prose | Rule::Fill => {}
        });
        if is_object {
            return out.push_str(&members.finish());
        }
        let mut list = "[".to_owned();
        let is_list = value.elements(&mut |value| {
            if matches!(rule, Rule::Inside | Rule::Keep) {
                if list.len() > 1 {
                    list.push(',');
                }
                self.value(&mut list, value, rule, names);
            }
        });
        if is_list {
            list.push(']');
            return out.push_str(&list);
        }
        let stays = rule == Rule::Keep || value.is_null() || value.boolean().is_some();
        out.push_str(if stays { raw } else { "0" });
    }
}

fn hash(secret: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    secret.hash(&mut hasher);
    hasher.finish()
}

fn push_placeholder(out: &mut String, number: u64) {
    out.push_str(PLACEHOLDER);
    json::write_number(out, number.cast_signed());
}

fn is_placeholder(text: &str) -> bool {
    let number = text.strip_prefix(PLACEHOLDER).map(|number| number.trim_end_matches('-'));
    number.is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A part of a URL's path as it was before it became one.
fn percent_decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let digits = (ahead.next().and_then(hex), ahead.next().and_then(hex));
        match digits {
            (Some(high), Some(low)) if byte == b'%' => {
                bytes.push(high << 4 | low);
                rest = ahead;
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| value.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_keeps_what_the_core_looks_at_and_nothing_else() {
        let item = r#"{"Id":"i","Type":"MESSAGE","Content":"my card: 4111","DisplayName":"Jané",
            "Attributes":{"ssn":"1"},"Weight":12,"MessageMetadata":{"MessageId":"m","ChunkNumber":3,
            "Receipts":[{"ReadTimestamp":"t","Note":"n"}]},"Attachments":[{"AttachmentName":"cv.pdf"}]}"#;
        assert_eq!(
            Redactor::default().json(item),
            concat!(
                r#"{"Id":"i","Type":"MESSAGE","Content":"xxxxxxxxxxxxx","DisplayName":"xxxø","#,
                r#""Attributes":{},"Weight":0,"MessageMetadata":{"MessageId":"m","ChunkNumber":3,"#,
                r#""Receipts":[{"ReadTimestamp":"t","Note":"x"}]},"Attachments":[{"AttachmentName":"xxxxxx"}]}"#
            )
        );
    }

    #[test]
    fn texts_in_texts_are_followed() {
        let content = r#"{"messageId":"m","John":{"a":"b"},"Content":"{\"Id\":\"deep\"}"}"#;
        let mut item = Writer::new();
        item.text("Id", "i");
        item.text("Content", content);
        let mut frame = Writer::new();
        frame.text("topic", "aws/chat");
        frame.text("content", &item.finish());
        let redacted = Redactor::default().json(&frame.finish());
        let mut inner = Writer::new();
        inner.text("messageId", "m");
        inner.json("xxxx", "{}");
        inner.text("xxxxxxx", "xxxxxxxxxxxxx");
        let inner = format!("{:1$}", inner.finish(), content.len());
        let mut item = Writer::new();
        item.text("Id", "i");
        item.text("Content", &inner);
        let mut expected = Writer::new();
        expected.text("topic", "aws/chat");
        expected.text("content", &item.finish());
        assert_eq!(redacted, expected.finish());
    }

    #[test]
    fn the_same_secret_has_the_same_placeholder() {
        let mut redactor = Redactor::default();
        assert_eq!(redactor.secret("token"), "redacted-1");
        assert_eq!(redactor.secret("wss://h.example/chat?signed"), "wss://h.example/redacted-2");
        assert_eq!(redactor.secret("https://a:b@h.example/x"), "redacted-3");
        assert_eq!(redactor.secret("token"), "redacted-1");
        assert_eq!(redactor.secret(""), "");
        // A token may look like a placeholder.
        assert_eq!(redactor.secret("redacted-9"), "redacted-4");
        let session = "11111111-2222-4333-8444-555555555555";
        assert_eq!(redactor.secret(session), "redacted-5--------------------------");
        assert_eq!(redactor.secret(session).len(), session.len());
        let mut again = Redactor::again();
        for redacted in ["redacted-1", "redacted-5--------", "wss://h.example/redacted-2", ""] {
            assert_eq!(again.secret(redacted), redacted);
        }
    }

    #[test]
    fn a_secret_in_a_path_is_found() {
        let mut redactor = Redactor::default();
        redactor.secret("view/ä");
        assert_eq!(
            redactor.request_url("https://h.example/participant/views/view%2F%C3%A4"),
            "https://h.example/participant/views/redacted-1"
        );
    }

    #[test]
    fn prose_keeps_what_it_does_not_quote() {
        let mut redactor = Redactor::default();
        assert_eq!(
            redactor.prose("Value 'I don't' at 'content' is bad"),
            "Value 'xxxxxxxxxxxxxxxxxxxx' at 'content' is bad"
                .replace("xxxxxxxxxxxxxxxxxxxx' at 'content", "xxxxxxxxxxxxxxxxxxxx")
        );
        assert_eq!(
            redactor.prose("no answer from https://h.example/a?b=c in time"),
            "no answer from https://h.example/redacted-1 in time"
        );
        assert_eq!(redactor.prose("connection refused"), "connection refused");
    }

    #[test]
    fn content_that_is_json_stays_json_and_content_as_long_as_it_was() {
        let mut redactor = Redactor::default();
        for (content, redacted) in [
            ("[\"private\"]", "[]         "),
            ("\"private\"", "\"\"       "),
            ("-42", "111"),
            ("null", "1111"),
            ("4111 2222", "xxxxxxxxx"),
            ("h\u{e9}\u{20ac}!", "xx\u{f8}\u{203b}"),
            ("", ""),
            ("{\"messageId\":\"m\",\"a\":[1,2]} ", "{\"messageId\":\"m\",\"x\":[]}    "),
            ("{\"ab\":1} b", "{\"xx\":0}xx"),
            // Names that mean something elsewhere.
            ("{\"code\":\"4711\",\"Id\":12}", "{\"xxxx\":\"xxxx\",\"xx\":0} "),
        ] {
            assert_eq!(redactor.content(content), redacted);
            assert_eq!(json::is_json(content), json::is_json(redacted), "{content}");
        }
    }

    #[test]
    fn what_is_no_object_is_filler() {
        let mut redactor = Redactor::default();
        assert_eq!(redactor.json("[private]"), "xxxxxxxxx");
        assert_eq!(redactor.json("{\"Id\":\"1\"} private"), "{\"Id\":\"1\"}x");
        assert_eq!(redactor.json(&format!("{{\"Id\":\"{}\"}}", "a".repeat(600))), {
            format!("{{\"Id\":\"{}\"}}", "x".repeat(600))
        });
    }
}
