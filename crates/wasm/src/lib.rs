//! The session core for browsers and Node.
//!
//! What this crate is for: a handful of plain exports over [`chatloom_session::Core`], for a host in
//! JavaScript that owns sockets, `fetch`, timers, promises and callbacks. What it leaves to others:
//! every rule of a chat (`chatloom-session`) and everything an application sees (`web/chatjs`).
//!
//! # The exports
//!
//! An input is JSON text that the host writes where [`input`] says. [`handle`] takes it, runs the
//! core until it has nothing more to say, and returns how many bytes of JSON, an array of outputs,
//! wait at [`output`]; none when nothing follows. So an input and all that follows is one crossing.
//! The next deadline is among the outputs only when it has changed.
//!
//! A chat item has a way of its own, [`item`]. The host has parsed it, keeps it, and passes the few
//! members that the core decides on; what nearly always follows, one event with that item, comes
//! back as a number.
//!
//! A panic ends the instance: the call traps. There is no message, which would cost a sixth of the
//! whole; the stack of the trap names the place (docs/adr/0009-the-core-brings-its-own-library.md).
//!
//! # Example
//!
//! What a host does, in Rust, as far as that goes without pointers:
//!
//! ```
//! let seed = (1, 2);
//! chatloom_wasm::start(seed.0, seed.1);
//! let text = br#"{"type":"time"}"#;
//! let place: *mut u8 = chatloom_wasm::input(text.len());
//! // A host in JavaScript copies `text` to `place` here, then calls `handle(text.len(), …)`.
//! assert!(!place.is_null());
//! ```
#![expect(
    unsafe_code,
    reason = "an export's name is its own, and what a host writes is taken for UTF-8"
)]

use std::cell::RefCell;

use chatloom_session::{Body, Core, Event, Now, Output};

#[cfg(any(test, target_arch = "wasm32"))]
mod memory;
mod read;
mod write;

use write::{Drain, kind_number};

/// What [`item`] returns when it cannot read the members.
const UNREADABLE: i32 = -1;

/// Sessions up to this number fit into a number that [`item`] returns.
const LAST_PACKED_SESSION: u32 = (1 << 26) - 1;

thread_local! {
    static INSTANCE: RefCell<Instance> = const { RefCell::new(Instance::new(0)) };
}

struct Instance {
    core: Core,
    input: Vec<u8>,
    drain: Drain,
    /// The deadline the host knows.
    wake: Option<u64>,
}

impl Instance {
    const fn new(seed: u64) -> Self {
        Self { core: Core::new(seed), input: Vec::new(), drain: Drain::new(), wake: None }
    }

    /// What the host has written.
    fn text(&self, len: usize) -> &str {
        // SAFETY: whoever calls one of the two exports with `len` vouches for it.
        unsafe { std::str::from_utf8_unchecked(&self.input[..len]) }
    }

    fn handle(&mut self, len: usize, now: Now) -> usize {
        self.drain.clear();
        match read::input(self.text(len)) {
            Ok(input) => {
                self.core.handle(now, input);
                let first = self.core.poll();
                self.write_from(first);
            }
            Err(why) => self.drain.refuse(why),
        }
        self.drain.finish()
    }

    fn item(&mut self, len: usize, source: i64, item: u64, now: Now) -> i32 {
        let Some(input) = read::item(source, item, self.text(len)) else { return UNREADABLE };
        self.drain.clear();
        self.core.handle(now, input);
        let first = self.core.poll();
        if matches!(first, Output::Release { .. }) {
            return self.unless_more(0, &[first]);
        }
        let Some(packed) = pack(&first) else {
            if let Output::Wake(at) = first {
                // The core keeps the item and says nothing of it. The deadline is told once more:
                // nothing at all would give the item back.
                self.wake = at;
                self.drain.push(&first);
            } else {
                self.write_from(first);
            }
            return -(self.drain.finish() as i32);
        };
        match self.core.poll() {
            second @ Output::Release { .. } => self.unless_more(packed, &[first, second]),
            second => {
                self.drain.push(&first);
                self.write_from(second);
                -(self.drain.finish() as i32)
            }
        }
    }

    /// The number that stands for these outputs, when nothing but the known deadline follows them;
    /// else writes everything.
    fn unless_more(&mut self, packed: i32, outputs: &[Output]) -> i32 {
        let next = self.core.poll();
        if matches!(next, Output::Wake(at) if at == self.wake) {
            return packed;
        }
        for output in outputs {
            self.drain.push(output);
        }
        self.write_from(next);
        -(self.drain.finish() as i32)
    }

    /// Writes this output and all that the core has after it.
    fn write_from(&mut self, mut output: Output) {
        loop {
            if let Output::Wake(at) = output {
                if at != self.wake {
                    self.wake = at;
                    self.drain.push(&output);
                }
                break;
            }
            self.drain.push(&output);
            output = self.core.poll();
        }
    }
}

/// An event with an item of the host's as one number: the session and what kind of item it is to that
/// session.
fn pack(output: &Output) -> Option<i32> {
    match output {
        Output::Event { session, event: Event::Item { kind, body: Body::Held(_) } }
            if session.0 <= LAST_PACKED_SESSION =>
        {
            Some(((session.0 as i32) << 5) + kind_number(*kind) as i32 + 1)
        }
        _ => None,
    }
}

/// Milliseconds as JavaScript has them. A clock that is no number reads as 0.
fn now(mono_ms: f64, wall_ms: f64) -> Now {
    Now { mono_ms: mono_ms as u64, wall_ms: wall_ms as i64 }
}

/// Begins anew, with 64 random bits. To be called once, before anything else.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn start(seed_high: u32, seed_low: u32) {
    let seed = u64::from(seed_high) << 32 | u64::from(seed_low);
    let unused = INSTANCE.replace(Instance::new(seed));
    // There is nothing in it: to drop it would only bring the code that drops a core.
    std::mem::forget(unused);
}

/// Where the next input of this many bytes is to be written.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn input(len: usize) -> *mut u8 {
    INSTANCE.with_borrow_mut(|instance| {
        if instance.input.len() < len {
            instance.input.resize(len, 0);
        }
        instance.input.as_mut_ptr()
    })
}

/// Takes an input: `len` bytes of JSON at [`input`], at this time on a monotonic clock and on the
/// wall's. Returns how many bytes wait at [`output`].
///
/// An input that cannot be read changes nothing and gives one output, `refused`.
///
/// # Safety
///
/// The `len` bytes are UTF-8, as a `TextEncoder` writes it.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub unsafe extern "C" fn handle(len: usize, mono_ms: f64, wall_ms: f64) -> usize {
    INSTANCE.with_borrow_mut(|instance| instance.handle(len, now(mono_ms, wall_ms)))
}

/// Takes an item that arrived on a socket, or over a socket manager of the host's, whose number is
/// then negative, and that the host keeps under the number `item`. What the core decides on is `len`
/// bytes of text at [`input`], in one of two forms:
///
/// * Type, content type, contact, initial contact and related contact, each empty when absent, joined
///   by U+001F. That is enough for an item without metadata as long as all sessions behave as the
///   original and none tracks its transcript. Successive items of a chat mostly agree in these: until
///   it calls [`handle`] a host may take 0 or a positive number for the answer to each further item
///   with these members that comes the same way.
/// * A JSON object with the members of [`ItemHead`](chatloom_wire::ItemHead). What else it has is not
///   looked at.
///
/// Not for streamed messages (`MessageMetadata.MessageCompleted`), whose text the core joins.
///
/// Returns 0 when nobody wants the item, which then is the host's again; 32 times a session plus
/// the kind plus 1 when the one thing that follows is an event of that session with this item;
/// -1 when the members cannot be read, and nothing changed; or any other negative number: minus
/// the bytes that wait at [`output`].
///
/// # Safety
///
/// As of [`handle`].
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub unsafe extern "C" fn item(
    len: usize,
    source: f64,
    item: f64,
    mono_ms: f64,
    wall_ms: f64,
) -> i32 {
    INSTANCE.with_borrow_mut(|instance| {
        instance.item(len, source as i64, item as u64, now(mono_ms, wall_ms))
    })
}

/// Where the outputs of the last input are.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn output() -> *const u8 {
    INSTANCE.with_borrow(|instance| instance.drain.json().as_ptr())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const AT: Now = Now { mono_ms: 1_000, wall_ms: 1_767_225_600_000 };

    impl Instance {
        fn write(&mut self, text: &str) -> usize {
            self.input.clear();
            self.input.extend_from_slice(text.as_bytes());
            self.input.len()
        }

        fn tell(&mut self, input: &Value) -> Vec<Value> {
            let len = self.write(&input.to_string());
            match self.handle(len, AT) {
                0 => Vec::new(),
                _ => serde_json::from_str(self.drain.json()).unwrap(),
            }
        }

        fn bring(&mut self, socket: u64, members: [&str; 5]) -> i32 {
            let len = self.write(&members.join("\u{1f}"));
            self.item(len, socket as i64, 9, AT)
        }

        fn bring_object(&mut self, source: i64, members: &Value) -> i32 {
            let len = self.write(&members.to_string());
            self.item(len, source, 9, AT)
        }

        fn outputs(&self) -> Vec<Value> {
            serde_json::from_str(self.drain.json()).unwrap()
        }
    }

    /// An instance with one session, number 7, on an open socket whose number is given too.
    fn connected() -> (Instance, u64) {
        let mut instance = Instance::new(1);
        let create = json!({
            "type": "create", "session": 7, "endpoint": "https://example.com", "contactId": "c",
            "initialContactId": "i", "participantId": "p", "participantToken": "t", "userAgent": "",
        });
        assert!(instance.tell(&create).is_empty());
        let outputs = instance.tell(&json!({ "type": "connect", "session": 7, "call": 1 }));
        assert_eq!(outputs[0]["type"], "http");
        let body = json!({
            "Websocket": { "Url": "wss://example.com/", "ConnectionExpiry": "2026-01-01T00:01:40.000Z" },
            "ConnectionCredentials": { "ConnectionToken": "x", "Expiry": "2026-01-02T00:00:00.000Z" },
        });
        let outputs = instance.tell(&json!({
            "type": "answered", "request": outputs[0]["request"], "status": 200, "body": body.to_string(),
        }));
        let open = outputs.iter().find(|output| output["type"] == "open").unwrap();
        assert_eq!(outputs.last().unwrap()["type"], "wake");
        let socket = open["socket"].as_u64().unwrap();
        instance.tell(&json!({ "type": "opened", "socket": socket }));
        (instance, socket)
    }

    #[test]
    fn an_item_for_one_session_comes_back_as_a_number() {
        let (mut instance, socket) = connected();
        assert_eq!(instance.bring(socket, ["MESSAGE", "text/plain", "c", "i", ""]), (7 << 5) + 1);
        let typing = "application/vnd.amazonaws.connect.event.typing";
        assert_eq!(instance.bring(socket, ["EVENT", typing, "", "i", ""]), (7 << 5) + 2);
    }

    #[test]
    fn an_answer_holds_for_the_same_members_until_something_else_happens() {
        let (mut instance, socket) = connected();
        let typing = "application/vnd.amazonaws.connect.event.typing";
        for members in [
            ["MESSAGE", "text/plain", "c", "i", ""],
            ["EVENT", typing, "c", "i", ""],
            ["MESSAGE", "text/plain", "other", "other", ""],
        ] {
            let answer = instance.bring(socket, members);
            assert!(answer >= 0);
            for _ in 0..3 {
                assert_eq!(instance.bring(socket, members), answer);
            }
        }
        instance.tell(&json!({ "type": "forget", "session": 7 }));
        assert_eq!(instance.bring(socket, ["MESSAGE", "text/plain", "c", "i", ""]), 0);
    }

    #[test]
    fn an_item_for_nobody_comes_back_as_0() {
        let (mut instance, socket) = connected();
        assert_eq!(instance.bring(socket, ["MESSAGE", "text/plain", "other", "other", ""]), 0);
        assert_eq!(instance.bring(socket + 1, ["MESSAGE", "text/plain", "c", "i", ""]), 0);
    }

    #[test]
    fn what_else_follows_an_item_is_written() {
        let (mut instance, socket) = connected();
        let ended = "application/vnd.amazonaws.connect.event.chat.ended";
        let code = instance.bring(socket, ["EVENT", ended, "c", "i", ""]);
        assert_eq!(-code, instance.drain.json().len() as i32);
        let outputs: Vec<Value> = serde_json::from_str(instance.drain.json()).unwrap();
        let types: Vec<&str> =
            outputs.iter().filter_map(|output| output["type"].as_str()).collect();
        // S161: the socket closes before the application hears of the end.
        assert_eq!(types, ["close", "item", "release", "ended", "wake"]);
        assert_eq!(outputs[1]["item"], 9);
    }

    #[test]
    fn a_tracked_transcript_names_the_item_that_the_host_holds() {
        let (mut instance, socket) = connected();
        instance.tell(&json!({ "type": "track", "session": 7 }));
        let item = json!({
            "Type": "MESSAGE", "ContentType": "text/plain", "ContactId": "c", "Id": "i-1",
            "AbsoluteTime": "2026-01-01T00:00:00.000Z",
        });
        assert!(instance.bring_object(socket as i64, &item) < UNREADABLE);
        let outputs = instance.outputs();
        assert_eq!(outputs[0], json!({ "type": "item", "session": 7, "kind": 0, "item": 9 }));
        let step = json!({ "type": "insert", "at": 0, "key": 1, "id": "i-1", "item": 9 });
        assert_eq!(outputs[1], json!({ "type": "transcript", "session": 7, "steps": [step] }));
        // It is held as long as it is in the list.
        assert!(outputs.iter().all(|output| output["type"] != "release"));
        let outputs = instance.tell(&json!({ "type": "forget", "session": 7 }));
        assert!(outputs.contains(&json!({ "type": "release", "item": 9 })));
    }

    #[test]
    fn s121_s122_receipts_need_no_text() {
        let (mut instance, socket) = connected();
        let receipt = |who: &str| {
            json!({
                "Type": "MESSAGEMETADATA", "MessageMetadata": { "MessageId": "i-1", "Receipts": [
                    { "DeliveredTimestamp": "t", "RecipientParticipantId": who },
                ] },
            })
        };
        assert_eq!(instance.bring_object(socket as i64, &receipt("other")), (7 << 5) + 4);
        assert_eq!(instance.bring_object(socket as i64, &receipt("p")), 0);
    }

    #[test]
    fn items_come_over_socket_managers_too() {
        let mut instance = Instance::new(1);
        for (session, contact) in [(1, "a"), (2, "b")] {
            instance.tell(&json!({
                "type": "create", "session": session, "endpoint": "https://example.com",
                "contactId": contact, "initialContactId": contact, "participantId": "p",
                "participantToken": "t", "userAgent": "", "agent": true, "hostToken": true,
                "foreign": 6,
            }));
            let call = json!({ "type": "connect", "session": session, "call": session });
            let outputs = instance.tell(&call);
            assert_eq!(outputs[0]["type"], "needToken");
            let token = json!({
                "type": "token", "request": outputs[0]["request"], "token": "x",
                "expiry": "2026-01-02T00:00:00.000Z",
            });
            let outputs = instance.tell(&token);
            assert_eq!(outputs.iter().any(|out| out["type"] == "joinForeign"), session == 1);
        }
        let item = json!({ "Type": "MESSAGE", "ContentType": "text/plain", "ContactId": "b" });
        assert_eq!(instance.bring_object(-6, &item), (2 << 5) + 1);
        assert_eq!(instance.bring_object(-5, &item), 0);
    }

    #[test]
    fn a_session_goes_on_where_another_core_has_left_it() {
        let mut instance = Instance::new(1);
        instance.tell(&json!({
            "type": "create", "session": 7, "endpoint": "https://example.com", "contactId": "c",
            "initialContactId": "i", "participantId": "p", "participantToken": "t", "userAgent": "",
        }));
        let outputs = instance.tell(&json!({ "type": "resume", "session": 7, "token": "x" }));
        let operations: Vec<_> = outputs.iter().map(|output| &output["operation"]).collect();
        assert_eq!(operations, ["CreateParticipantConnection"]);
        let send = json!({
            "type": "sendEvent", "session": 7, "call": 2, "contentType": "text/plain",
        });
        assert_eq!(instance.tell(&send)[0]["headers"]["x-amz-bearer"], "x");
    }

    #[test]
    #[cfg(feature = "chatloom")]
    fn an_item_that_the_core_keeps_is_not_given_back() {
        let mut instance = Instance::new(1);
        let create = json!({
            "type": "create", "session": 7, "endpoint": "https://example.com", "contactId": "c",
            "initialContactId": "i", "participantId": "p", "participantToken": "t", "userAgent": "",
            "chatloom": true, "foreign": 6,
        });
        instance.tell(&create);
        let outputs = instance.tell(&json!({ "type": "connect", "session": 7, "call": 1 }));
        let request = outputs.iter().find(|output| output["type"] == "http").unwrap();
        let body = json!({
            "Websocket": { "Url": "wss://example.com/", "ConnectionExpiry": "2026-01-01T00:01:40.000Z" },
            "ConnectionCredentials": { "ConnectionToken": "x", "Expiry": "2026-01-02T00:00:00.000Z" },
        });
        let outputs = instance.tell(&json!({
            "type": "answered", "request": request["request"], "status": 200, "body": body.to_string(),
        }));
        // The transcript is being read: what is live waits.
        let reading = outputs.iter().find(|output| output["operation"] == "GetTranscript").unwrap();
        for (number, id) in [(8, "i-1"), (9, "i-2")] {
            let head = json!({
                "Id": id, "AbsoluteTime": "2026-01-01T00:00:00.000Z", "Type": "MESSAGE",
                "ContentType": "text/plain", "ContactId": "c", "InitialContactId": "i",
            });
            let len = instance.write(&head.to_string());
            let code = instance.item(len, -6, number, AT);
            assert_eq!(-code, instance.drain.json().len() as i32);
            assert!(instance.drain.json().starts_with(r#"[{"type":"wake""#), "{id}");
        }
        let outputs = instance.tell(&json!({
            "type": "answered", "request": reading["request"], "status": 200,
            "body": r#"{"Transcript":[]}"#,
        }));
        let given = outputs.iter().filter(|output| output["type"] == "item");
        assert_eq!(given.map(|output| output["item"].clone()).collect::<Vec<_>>(), [8, 9]);
    }

    #[test]
    fn members_that_cannot_be_read_change_nothing() {
        let (mut instance, socket) = connected();
        assert_eq!(
            instance.bring(socket, ["MESSAGE", "text\u{1f}plain", "c", "i", ""]),
            UNREADABLE
        );
        assert_eq!(instance.bring(socket, ["MESSAGE", "text/plain", "c", "i", ""]), (7 << 5) + 1);
    }

    #[test]
    fn the_deadline_is_told_only_when_it_changes() {
        let (mut instance, _) = connected();
        assert!(instance.tell(&json!({ "type": "time" })).is_empty());
        let outputs = instance.tell(&json!({ "type": "forget", "session": 7 }));
        assert_eq!(outputs.last().unwrap(), &json!({ "type": "wake" }));
        assert!(instance.tell(&json!({ "type": "time" })).is_empty());
    }

    #[test]
    fn an_input_that_cannot_be_read_is_refused_and_changes_nothing() {
        let (mut instance, _) = connected();
        let refused = json!({ "type": "refused", "message": "content is not a string" });
        let send = json!({
            "type": "sendMessage", "session": 7, "call": 2, "contentType": "text/plain", "content": 1,
        });
        assert_eq!(instance.tell(&send), [refused]);
    }

    #[test]
    fn clocks_that_are_no_numbers_read_as_0() {
        assert_eq!(now(f64::NAN, f64::NAN), Now { mono_ms: 0, wall_ms: 0 });
        assert_eq!(now(12.9, -1.0), Now { mono_ms: 12, wall_ms: -1 });
    }

    /// The core that pages load.
    #[cfg(not(feature = "chatloom"))]
    mod small {
        use chatloom_session::{Call, CallError, CallId, EntryKey, GapId, Input, SessionId};

        use super::*;

        #[test]
        fn inputs_of_the_other_behaviour_are_refused() {
            let (mut instance, _) = connected();
            for call in ["markRead", "markDelivered", "loadOlder", "fillGap", "resend", "discard"] {
                let input = json!({
                    "type": call, "session": 7, "call": 2, "id": "i", "count": 1, "gap": 1, "key": 1,
                });
                let refused = json!({ "type": "refused", "message": "type is not known" });
                assert_eq!(instance.tell(&input), [refused], "{call}");
            }
        }

        #[test]
        fn calls_of_the_other_behaviour_end_as_invalid() {
            let (mut instance, _) = connected();
            for what in [
                Call::MarkRead { item: "i".into() },
                Call::MarkDelivered { item: "i".into() },
                Call::LoadOlder { count: 1 },
                Call::FillGap { gap: GapId(1) },
                Call::Resend { key: EntryKey(1) },
                Call::Discard { key: EntryKey(1) },
            ] {
                let call = Input::Call { session: SessionId(7), call: CallId(2), what };
                instance.core.handle(AT, call);
                let done = instance.core.poll();
                let is_invalid = matches!(
                    done,
                    Output::Done { result: Err(CallError::Invalid { member: "call", .. }), .. }
                );
                assert!(is_invalid, "{done:?}");
                assert!(matches!(instance.core.poll(), Output::Wake(_)));
            }
        }

        #[test]
        fn a_session_of_the_other_behaviour_is_as_the_original() {
            let mut instance = Instance::new(1);
            let create = json!({
                "type": "restore", "session": 7, "endpoint": "https://example.com", "contactId": "c",
                "initialContactId": "i", "participantId": "p", "participantToken": "mine",
                "userAgent": "", "chatloom": true, "persist": true, "snapshot": json!({
                    "Version": 1, "ContactId": "c", "InitialContactId": "i", "ParticipantId": "p",
                    "ParticipantToken": "kept", "Outbox": [], "Near": [], "Gaps": [], "People": [],
                }).to_string(),
            });
            assert!(instance.tell(&create).is_empty());
            let outputs = instance.tell(&json!({ "type": "connect", "session": 7, "call": 1 }));
            // It begins anew, and nothing is kept or told that the original would not.
            let types: Vec<_> = outputs.iter().map(|output| output["type"].as_str()).collect();
            assert_eq!(types, [Some("http")]);
            assert_eq!(outputs[0]["headers"]["x-amz-bearer"], "mine");
        }
    }
}
