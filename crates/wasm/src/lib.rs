//! The session core for browsers and Node.
//!
//! What this crate is for: a handful of plain exports over [`chatloom_session::Core`], for a host in
//! JavaScript that owns sockets, `fetch`, timers, promises and callbacks. What it leaves to others:
//! every rule of a chat (`chatloom-session`) and everything an application sees (`web/chatjs`).
//!
//! # The exports
//!
//! An input is a list of values that the host writes where [`input`] says. [`handle`] takes it, runs
//! the core until it has nothing more to say, and returns how many values, the outputs, wait at
//! [`output`]; none when nothing follows. So an input and all that follows is one crossing. The next
//! deadline is among the outputs only when it has changed. Values have no names: which follow each
//! other is in one table, `web/chatjs/src/host/border.ts`, which the tests of this crate read too.
//!
//! A chat item has a way of its own, [`item`]. The host has parsed it, keeps it, and passes the few
//! members that the core decides on; what nearly always follows, one event with that item and, when
//! the transcript is tracked, an entry at its end, comes back as a number.
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
//! let place: *mut f64 = chatloom_wasm::input(8);
//! // A host in JavaScript writes one value to `place` here, 0, and calls `handle(1, …)`.
//! assert!(!place.is_null());
//! ```
#![expect(
    unsafe_code,
    reason = "an export's name is its own, and what a host writes is taken for what it should be"
)]

use std::cell::RefCell;

use chatloom_session::{
    Body, CHATLOOM, Core, Entry, EntryContent, Event, Input, Now, Output, Step, parsed::Parsed,
};

#[cfg(any(test, target_arch = "wasm32"))]
mod memory;
mod read;
#[cfg(test)]
mod table;
mod write;

use read::Values;
use write::{Drain, kind_number};

/// Sessions up to this number fit into a number that [`item`] returns.
const LAST_PACKED_SESSION: u32 = (1 << 25) - 1;

/// Added to what [`item`] returns when the item is also the last entry of the session's transcript.
const APPENDED: i32 = 1 << 5;

/// The sum of the tables that this core reads and writes by. The host makes it of its own, and takes
/// no core with another one.
const TABLES: i32 = {
    let sum = sum_of_tables(0, include_bytes!("../../../web/chatjs/src/host/border.ts"));
    let more = include_bytes!("../../../web/chatjs/src/chatloom/kinds.ts");
    if CHATLOOM { sum_of_tables(sum, more) } else { sum }
};

/// Adds both tables of a file, `INPUTS` and `OUTPUTS`, to a sum: each is a text between back-ticks.
const fn sum_of_tables(mut sum: i32, file: &[u8]) -> i32 {
    let mut tables = 0;
    let mut at = 0;
    while tables < 2 {
        if begins(file, at, b"PUTS = `") {
            at += b"PUTS = `".len();
            while file[at] != b'`' {
                sum = sum.wrapping_mul(31).wrapping_add(file[at] as i32);
                at += 1;
            }
            tables += 1;
        }
        at += 1;
    }
    sum
}

/// Whether a text begins so at a place.
const fn begins(text: &[u8], at: usize, beginning: &[u8]) -> bool {
    let mut index = 0;
    while index < beginning.len() {
        if text[at + index] != beginning[index] {
            return false;
        }
        index += 1;
    }
    true
}

thread_local! {
    static INSTANCE: RefCell<Instance> = const { RefCell::new(Instance::new(0)) };
}

struct Instance {
    core: Core,
    /// Where the host writes.
    input: Vec<f64>,
    drain: Drain,
    /// The deadline the host knows.
    wake: Option<u64>,
}

impl Instance {
    const fn new(seed: u64) -> Self {
        Self { core: Core::new(seed), input: Vec::new(), drain: Drain::new(), wake: None }
    }

    /// The values that the host has written.
    ///
    /// # Safety
    ///
    /// As of [`handle`].
    unsafe fn values(&self, count: usize) -> Values<'_> {
        let (values, texts) = self.input.split_at(count);
        // SAFETY: a value has eight bytes, whatever they are; and whoever calls vouches for the texts.
        unsafe {
            let texts = std::slice::from_raw_parts(texts.as_ptr().cast(), size_of_val(texts));
            Values::new(values, texts)
        }
    }

    fn handle(&mut self, now: Now, (input, parsed): (Input, Option<Parsed>)) -> usize {
        self.drain.clear();
        match parsed {
            Some(parsed) => self.core.handle_parsed(now, input, parsed),
            None => self.core.handle(now, input),
        }
        let first = self.core.poll();
        self.write_from(first);
        self.drain.finish()
    }

    fn item(&mut self, now: Now, input: Input) -> i32 {
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
            second if self.is_appended(&first, &second) => {
                self.unless_more(packed + APPENDED, &[first, second])
            }
            second => {
                self.drain.push(&first);
                self.write_from(second);
                -(self.drain.finish() as i32)
            }
        }
    }

    /// Whether all that became of a transcript is that the item of this event is its last entry. Not
    /// for the first entry: with that one the host hears of the page that comes before it, and with
    /// each page that is read later.
    fn is_appended(&self, item: &Output, update: &Output) -> bool {
        if let Output::Event { session, event: Event::Item { body: Body::Held(item), .. } } = item
            && let Output::Event { session: of, event: Event::Transcript(update) } = update
            && let [Step::Insert { at, entry }] = &*update.steps
            && let Entry { content: EntryContent::Item(Body::Held(listed)), state: None, .. } =
                entry
        {
            session == of && listed == item && *at > 0 && at + 1 == self.core.entries(*of)
        } else {
            false
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
            Some(((session.0 as i32) << 6) + kind_number(*kind) as i32 + 1)
        }
        _ => None,
    }
}

/// Milliseconds as JavaScript has them. A clock that is no number reads as 0.
fn now(mono_ms: f64, wall_ms: f64) -> Now {
    Now { mono_ms: mono_ms as u64, wall_ms: wall_ms as i64 }
}

/// Begins, with 64 random bits. To be called once, before anything else. Returns the sum of the
/// tables that values are in the order of: a host with other tables would be misunderstood.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn start(seed_high: u32, seed_low: u32) -> i32 {
    let seed = u64::from(seed_high) << 32 | u64::from(seed_low);
    INSTANCE.with_borrow_mut(|instance| instance.core.seed(seed));
    TABLES
}

/// Where inputs of up to this many bytes are to be written: values, each a float of 64 bits, and behind
/// the last one the texts.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn input(bytes: usize) -> *mut f64 {
    INSTANCE.with_borrow_mut(|instance| {
        let len = bytes.div_ceil(size_of::<f64>());
        if instance.input.len() < len {
            instance.input.resize(len, 0.0);
        }
        instance.input.as_mut_ptr()
    })
}

/// Takes an input: so many values at [`input`], at this time on a monotonic clock and on the wall's.
/// Returns how many values wait at [`output`].
///
/// # Safety
///
/// The values are those that the table of the host's has for an input of this kind, and the texts
/// are UTF-8, as a `TextEncoder` writes it.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub unsafe extern "C" fn handle(count: usize, mono_ms: f64, wall_ms: f64) -> usize {
    INSTANCE.with_borrow_mut(|instance| {
        // SAFETY: what the caller vouches for.
        let input = unsafe { instance.values(count) }.input();
        instance.handle(now(mono_ms, wall_ms), input)
    })
}

/// Takes an item that arrived on a socket, or over a socket manager of the host's, whose number is
/// then negative, and that the host keeps under the number `item`. At [`input`] are so many of these
/// values, each a text or absent; the content type is its number in `web/chatjs/src/api/rules.ts`:
///
/// * Type, content type, contact, initial contact and related contact. That is enough for an item
///   without metadata as long as all sessions behave as the original and none tracks its transcript.
///   Successive items of a chat mostly agree in these: until it calls [`handle`] a host may take 0 or
///   a positive number for the answer to each further item with these members that comes the same
///   way.
/// * Id and time. That is enough for an item without metadata as long as all sessions behave as the
///   original.
/// * Participant, role, display name, and the status of the first file.
/// * Of an item that has metadata, how many receipts are in it, as a number, the message that it is
///   about, and of each receipt when the message was delivered, when it was read, and by whom.
///
/// Not for streamed messages (`MessageMetadata.MessageCompleted`), whose text the core joins.
///
/// Returns 0 when nobody wants the item, which then is the host's again; 64 times a session plus
/// the kind plus 1 when the one thing that follows is an event of that session with this item; 32
/// more when the item is then also the last entry of that session's transcript, which holds it, and
/// all else about the transcript is as it was told last; or a negative number: minus the number of
/// values that wait at [`output`].
///
/// # Safety
///
/// As of [`handle`].
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub unsafe extern "C" fn item(
    count: usize,
    source: f64,
    item: f64,
    mono_ms: f64,
    wall_ms: f64,
) -> i32 {
    INSTANCE.with_borrow_mut(|instance| {
        // SAFETY: what the caller vouches for.
        let input = unsafe { instance.values(count) }.item(source as i64, item as u64);
        instance.item(now(mono_ms, wall_ms), input)
    })
}

/// Where the values of the last input's outputs are. The first two say where the texts of the others are,
/// and how many bytes they have.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn output() -> *const f64 {
    INSTANCE.with_borrow(|instance| instance.drain.values().as_ptr())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const AT: Now = Now { mono_ms: 1_000, wall_ms: 1_767_225_600_000 };

    impl Instance {
        /// Puts what the host writes to where it does.
        fn write(&mut self, values: &[f64], texts: &str) {
            self.input = values.to_vec();
            let mut texts = texts.as_bytes().to_vec();
            texts.resize(texts.len().next_multiple_of(size_of::<f64>()), 0);
            let words = texts.as_chunks().0.iter();
            self.input.extend(words.map(|word| f64::from_ne_bytes(*word)));
        }

        fn tell(&mut self, input: &Value) -> Vec<Value> {
            let (values, texts) = table::values_of(input);
            self.write(&values, &texts);
            // SAFETY: that is what an input is.
            let input = unsafe { self.values(values.len()) }.input();
            self.handle(AT, input);
            self.outputs()
        }

        /// Tells of an item with these members, those of `None` absent.
        fn bring_head(&mut self, source: i64, item: u64, head: &[Option<&str>]) -> i32 {
            let mut head: Vec<Value> = head.iter().map(|text| json!(text)).collect();
            let types = table::content_types();
            head[1] = json!(types.iter().position(|text| head[1] == text.as_str()));
            self.bring_values(source, item, &head)
        }

        fn bring_values(&mut self, source: i64, item: u64, head: &[Value]) -> i32 {
            let (values, texts) = table::list(head);
            self.write(&values, &texts);
            // SAFETY: that is what the head of an item is.
            let input = unsafe { self.values(values.len()) }.item(source, item);
            self.item(AT, input)
        }

        fn bring(&mut self, socket: u64, members: [&str; 5]) -> i32 {
            let head = members.map(|text| (!text.is_empty()).then_some(text));
            self.bring_head(socket as i64, 9, &head)
        }

        fn outputs(&self) -> Vec<Value> {
            let values = self.drain.values();
            table::outputs_of(values.get(2..).unwrap_or_default(), self.drain.texts())
        }
    }

    /// What the service answers who asks for a connection.
    fn connection() -> Value {
        json!([1, true, "wss://example.com/", "x", 1_767_312_000_000_u64])
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
        let outputs = instance.tell(&json!({
            "type": "answered", "request": outputs[0]["request"], "status": 200, "parsed": connection(),
        }));
        let open = outputs.iter().find(|output| output["type"] == "open").unwrap();
        assert_eq!(outputs.last().unwrap()["type"], "wake");
        let socket = open["socket"].as_u64().unwrap();
        instance.tell(&json!({ "type": "opened", "socket": socket }));
        (instance, socket)
    }

    /// The head of a message.
    fn head<'a>(contact: &'a str, id: &'a str) -> [Option<&'a str>; 7] {
        let time = "2026-01-01T00:00:00.000Z";
        [Some("MESSAGE"), Some("text/plain"), Some(contact), None, None, Some(id), Some(time)]
    }

    #[test]
    fn the_sum_is_that_of_the_tables_that_the_tests_read() {
        let texts: String = table::texts().concat();
        let sum = texts
            .bytes()
            .fold(0_i32, |sum, byte| sum.wrapping_mul(31).wrapping_add(i32::from(byte)));
        assert_eq!(TABLES, sum);
    }

    #[test]
    fn an_item_for_one_session_comes_back_as_a_number() {
        let (mut instance, socket) = connected();
        assert_eq!(instance.bring(socket, ["MESSAGE", "text/plain", "c", "i", ""]), (7 << 6) + 1);
        let typing = "application/vnd.amazonaws.connect.event.typing";
        assert_eq!(instance.bring(socket, ["EVENT", typing, "", "i", ""]), (7 << 6) + 2);
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
        assert_eq!(-code, instance.drain.values().len() as i32);
        let outputs = instance.outputs();
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
        let item = head("c", "i-1");
        assert!(instance.bring_head(socket as i64, 9, &item) < 0);
        let outputs = instance.outputs();
        assert_eq!(outputs[0], json!({ "type": "item", "session": 7, "kind": 0, "item": 9 }));
        let step = json!({ "type": "insert", "at": 0, "key": 1, "item": 9 });
        assert_eq!(outputs[1], json!({ "type": "transcript", "session": 7, "steps": [step] }));
        // It is held as long as it is in the list.
        assert!(outputs.iter().all(|output| output["type"] != "release"));
        let outputs = instance.tell(&json!({ "type": "forget", "session": 7 }));
        assert!(outputs.contains(&json!({ "type": "release", "item": 9 })));
    }

    #[test]
    fn an_item_that_is_the_last_entry_of_a_transcript_comes_back_as_a_number() {
        let (mut instance, socket) = connected();
        instance.tell(&json!({ "type": "track", "session": 7 }));
        let mut bring = |id| instance.bring_head(socket as i64, 9, &head("c", id));
        assert!(bring("i-2") < 0, "the first");
        assert_eq!(bring("i-3"), (7 << 6) + APPENDED + 1);
        assert!(bring("i-1") < 0, "it comes first in the list");
        assert_eq!(bring("i-4"), (7 << 6) + APPENDED + 1);
        assert!(bring("i-4") < 0, "it is there");
        assert!(bring("i-0") < 0, "it comes first in the list");
        // The host is told that it may forget what is held, and of nothing else.
        let outputs = instance.tell(&json!({ "type": "forget", "session": 7 }));
        let released = outputs.iter().filter(|output| output["type"] == "release").count();
        assert_eq!(released, 5);
    }

    #[test]
    fn an_entry_that_more_follows_is_written() {
        let (mut instance, socket) = connected();
        instance.tell(&json!({ "type": "track", "session": 7 }));
        assert!(instance.bring_head(socket as i64, 8, &head("c", "i-1")) < 0);
        let mut last = head("c", "i-2");
        last[..2].copy_from_slice(&[
            Some("EVENT"),
            Some("application/vnd.amazonaws.connect.event.chat.ended"),
        ]);
        assert!(instance.bring_head(socket as i64, 9, &last) < 0);
        let outputs = instance.outputs();
        let types: Vec<&str> =
            outputs.iter().filter_map(|output| output["type"].as_str()).collect();
        // S160, S161
        assert_eq!(types, ["close", "item", "transcript", "ended", "wake"]);
    }

    #[test]
    fn s121_s122_receipts_need_no_text() {
        let (mut instance, socket) = connected();
        let mut receipt = |who: &str| {
            let mut members = vec![Value::Null; 16];
            (members[0], members[11], members[12]) =
                ("MESSAGEMETADATA".into(), 1.into(), "i-1".into());
            (members[13], members[15]) = ("t".into(), who.into());
            instance.bring_values(socket as i64, 9, &members)
        };
        assert_eq!(receipt("other"), (7 << 6) + 4);
        assert_eq!(receipt("p"), 0);
    }

    #[test]
    fn s134_the_parts_of_a_streamed_message_are_joined() {
        let (mut instance, socket) = connected();
        let mut part = |number: u32, completed: bool, content: &str, time: &str| {
            instance.tell(&json!({
                "type": "part", "source": socket, "text": r#"{"Id":"i-1","Content":"?","Mood":[1]}"#,
                "parsed": [content, number, completed, "MESSAGE", 0, "c", "i", null, "i-1", time,
                    "bot", "SYSTEM", null, null, 0, "i-1"],
            }))
        };
        let item = |content: &str, time: &str| {
            let body =
                json!({ "Id": "i-1", "Content": content, "Mood": [1], "AbsoluteTime": time });
            vec![json!({ "type": "item", "session": 7, "kind": 0, "body": body })]
        };
        assert_eq!(part(1, false, "Hel", "t-1"), item("Hel", "t-1"));
        assert!(part(3, false, "wor", "t-3").is_empty());
        assert_eq!(part(2, false, "lo ", "t-2"), item("Hello wor", "t-1"));
        assert_eq!(part(4, true, "Hello world", "t-4"), item("Hello world", "t-4"));
        assert!(part(5, true, "Hello world", "t-5").is_empty());
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
                "expiresMs": 1_767_312_000_000_u64,
            });
            let outputs = instance.tell(&token);
            assert_eq!(outputs.iter().any(|out| out["type"] == "joinForeign"), session == 1);
        }
        let item = [Some("MESSAGE"), Some("text/plain"), Some("b"), None, None];
        assert_eq!(instance.bring_head(-6, 9, &item), (2 << 6) + 1);
        assert_eq!(instance.bring_head(-5, 9, &item), 0);
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
        let outputs = instance.tell(&json!({
            "type": "answered", "request": request["request"], "status": 200, "parsed": connection(),
        }));
        // The transcript is being read: what is live waits.
        let reading = outputs.iter().find(|output| output["operation"] == "GetTranscript").unwrap();
        for (number, id) in [(8, "i-1"), (9, "i-2")] {
            let code = instance.bring_head(-6, number, &head("c", id));
            assert_eq!(-code, instance.drain.values().len() as i32);
            assert_eq!(instance.outputs()[0]["type"], "wake", "{id}");
        }
        let outputs = instance.tell(&json!({
            "type": "answered", "request": reading["request"], "status": 200,
            "parsed": [4, null],
        }));
        let given = outputs.iter().filter(|output| output["type"] == "item");
        assert_eq!(given.map(|output| output["item"].clone()).collect::<Vec<_>>(), [8, 9]);
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
        fn inputs_of_the_other_behaviour_are_invalid() {
            let (mut instance, _) = connected();
            for call in ["markRead", "markDelivered", "loadOlder", "fillGap", "resend", "discard"] {
                let input = json!({
                    "type": call, "session": 7, "call": 2, "id": "i", "count": 1, "gap": 1, "key": 1,
                });
                let outputs = instance.tell(&input);
                assert_eq!(outputs.len(), 1, "{call}");
                assert_eq!(
                    (&outputs[0]["error"], &outputs[0]["member"]),
                    (&json!("invalid"), &json!("call"))
                );
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
                "type": "create", "session": 7, "endpoint": "https://example.com", "contactId": "c",
                "initialContactId": "i", "participantId": "p", "participantToken": "mine",
                "userAgent": "", "chatloom": true, "persist": true,
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
