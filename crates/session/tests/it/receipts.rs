//! Receipts that a session sends (docs/protocol/websocket.md S93 to S111), and how far it has read.

use chatloom_session::{
    Behaviour, Call, CallError, CallId, HttpRequest, Input, Outgoing, SessionOptions, Value,
};
use chatloom_wire::{ContentType, Timestamp, participant::SendEventRequest};

use crate::{
    several::{self, Several},
    world::{ME, Reply, Seen, World, options},
};

const BOTH: [Behaviour; 2] = [Behaviour::Compat, Behaviour::Chatloom];
/// A receipt is gathered so long.
const WINDOW: u64 = 5_000;

fn send(world: &mut World, content_type: ContentType, content: Option<&str>) -> CallId {
    world.call(Call::SendEvent(Outgoing {
        content_type,
        content: content.map(str::to_owned),
        client_token: Some("mine".to_owned()),
    }))
}

fn read(world: &mut World, id: &str) -> CallId {
    send(world, ContentType::MessageRead, Some(&format!(r#"{{"messageId":"{id}"}}"#)))
}

fn delivered(world: &mut World, id: &str) -> CallId {
    send(world, ContentType::MessageDelivered, Some(&format!(r#"{{"messageId":"{id}"}}"#)))
}

fn with_options(change: impl FnOnce(&mut SessionOptions), behaviour: Behaviour) -> World {
    let mut options = options(behaviour);
    change(&mut options);
    let mut world = World::of(options);
    world.call(Call::Connect);
    world.run(100);
    world
}

/// When receipts left since `start`, and what they say.
fn sent(world: &World, start: u64) -> Vec<(u64, String)> {
    let requests = world.service.requests.iter();
    requests
        .filter(|(_, http)| http.operation == "SendEvent")
        .map(|(at, http)| (at - world.latency - start, says(http)))
        .collect()
}

/// `read` or `delivered` and the message.
fn says(http: &HttpRequest) -> String {
    let request: SendEventRequest = serde_json::from_str(&http.body).unwrap();
    let kind = request.content_type.as_str().rsplit('.').next().unwrap().to_owned();
    let content: serde_json::Value = serde_json::from_str(&request.content.unwrap()).unwrap();
    format!("{kind} {}", content["messageId"].as_str().unwrap())
}

/// How a call ended, in a word.
fn ended(world: &World, call: CallId) -> String {
    match world.result(call) {
        None => "waits".to_owned(),
        Some(Ok(Value::Answered(_))) => "answered".to_owned(),
        Some(Ok(Value::Repeated { earlier })) => format!("as {}", earlier.0),
        Some(Ok(Value::AlreadyFired)) => "fired".to_owned(),
        Some(Err(CallError::Service(error))) => error.status.to_string(),
        Some(Err(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

// ----- the original's way

#[test]
fn s093_s097_compat_the_request_of_a_receipt() {
    for (content_type, token) in [
        (ContentType::MessageRead, "INCOMING_READ_RECEIPT"),
        (ContentType::MessageDelivered, "INCOMING_DELIVERED_RECEIPT"),
    ] {
        let mut world = World::connected(Behaviour::Compat);
        // The content as it was given.
        let content = r#"{ "messageId": "m", "more": 1 }"#;
        send(&mut world, content_type.clone(), Some(content));
        world.run(2 * WINDOW);
        let (_, http) = world.service.requests.last().unwrap();
        let expected = serde_json::json!({
            "ClientToken": token, "Content": content, "ContentType": content_type.as_str(),
        });
        assert_eq!(http.body, expected.to_string());
    }
}

#[test]
fn s094_receipts_can_be_switched_off() {
    for behaviour in BOTH {
        let mut world = with_options(|options| options.receipts = false, behaviour);
        let id = world.say("hello");
        world.run(100);
        let mut calls = vec![read(&mut world, &id), delivered(&mut world, &id)];
        // That comes before what the content is like.
        calls.push(send(&mut world, ContentType::MessageRead, None));
        if behaviour == Behaviour::Chatloom {
            calls.push(world.call(Call::MarkRead { item: id.as_str().into() }));
        }
        for call in calls {
            assert!(matches!(world.result(call), Some(Err(CallError::ReceiptsOff))));
        }
        world.run(2 * WINDOW);
        assert!(world.requests("SendEvent").is_empty());
    }
}

#[test]
fn s095_s096_a_receipt_needs_a_message_id() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        for (content, member) in [
            (None, "Content"),
            (Some("{}"), "messageId"),
            (Some(r#"{"messageId":""}"#), "messageId"),
            (Some(r#"{"messageId":null}"#), "messageId"),
            (Some(r#""text""#), "messageId"),
        ] {
            let call = send(&mut world, ContentType::MessageRead, content);
            let result = world.result(call);
            assert!(
                matches!(result, Some(Err(CallError::Invalid { member: of, .. })) if *of == member),
                "{content:?}: {result:?}"
            );
        }
        world.run(2 * WINDOW);
        assert!(world.requests("SendEvent").is_empty());
    }
}

#[test]
fn s098_s099_compat_a_message_is_marked_once() {
    let mut world = World::connected(Behaviour::Compat);
    world.always("SendEvent", Reply::Status(400));
    let failed = delivered(&mut world, "m");
    world.run(2 * WINDOW);
    assert_eq!(ended(&world, failed), "400");
    // A receipt that failed is not tried again, but what says more is.
    let again = delivered(&mut world, "m");
    assert_eq!(ended(&world, again), "fired");
    let more = read(&mut world, "m");
    world.run(2 * WINDOW);
    assert_eq!(ended(&world, more), "400");
    // What was read is read and delivered.
    let again = [read(&mut world, "m"), delivered(&mut world, "m")];
    assert!(again.iter().all(|call| ended(&world, *call) == "fired"));
    // A read is marked before it is sent.
    read(&mut world, "n");
    let again = read(&mut world, "n");
    assert_eq!(ended(&world, again), "fired");
}

#[test]
fn s100_compat_the_latest_delivered_of_the_first_300_ms_goes_on() {
    let mut world = World::connected(Behaviour::Compat);
    let start = world.now;
    let first = delivered(&mut world, "a");
    world.run(150);
    let second = delivered(&mut world, "b");
    world.run(149);
    let third = delivered(&mut world, "c");
    world.run(2 * WINDOW);
    assert_eq!(sent(&world, start), [(300 + WINDOW, "delivered c".to_owned())]);
    assert_eq!(ended(&world, first), "answered");
    for call in [second, third] {
        assert_eq!(ended(&world, call), format!("as {}", first.0));
    }
    // Those that another one displaced are not marked.
    let again = [delivered(&mut world, "a"), delivered(&mut world, "c")];
    assert_eq!(again.map(|call| ended(&world, call)), ["waits", "fired"]);
}

#[test]
fn s101_s106_compat_a_read_drops_a_delivered_that_waits() {
    let mut world = World::connected(Behaviour::Compat);
    let start = world.now;
    let dropped = delivered(&mut world, "a");
    world.run(100);
    let second = read(&mut world, "b");
    world.run(60_000);
    assert_eq!(sent(&world, start), [(100 + WINDOW, "read b".to_owned())]);
    assert_eq!(ended(&world, second), "answered");
    // It is pending until a later delivered answers it.
    assert_eq!(ended(&world, dropped), "waits");
    let start = world.now;
    let later = delivered(&mut world, "c");
    world.run(60_000);
    assert_eq!(sent(&world, start - start)[1].1, "delivered c");
    assert_eq!(ended(&world, dropped), "answered");
    assert_eq!(ended(&world, later), format!("as {}", dropped.0));
}

#[test]
fn s102_s103_compat_a_window_sends_the_latest_read_and_is_not_extended() {
    let mut world = World::connected(Behaviour::Compat);
    let start = world.now;
    for (at, id) in [(0, "a"), (2_000, "b"), (4_999, "c"), (5_001, "d")] {
        world.run(start + at - world.now);
        read(&mut world, id);
    }
    world.run(60_000);
    let expected = [(WINDOW, "read c".to_owned()), (5_001 + WINDOW, "read d".to_owned())];
    assert_eq!(sent(&world, start), expected);
}

#[test]
fn s102_compat_the_length_of_the_window_is_an_option() {
    for window in [0, 200, 60_000] {
        let mut world =
            with_options(|options| options.receipt_throttle_ms = window, Behaviour::Compat);
        let start = world.now;
        read(&mut world, "a");
        world.run(120_000);
        assert_eq!(sent(&world, start), [(window, "read a".to_owned())]);
    }
}

#[test]
fn s103_compat_a_read_after_a_delivered_is_the_only_request() {
    let mut world = World::connected(Behaviour::Compat);
    let start = world.now;
    delivered(&mut world, "a");
    world.run(1_000);
    read(&mut world, "b");
    world.run(60_000);
    assert_eq!(sent(&world, start), [(300 + WINDOW, "read b".to_owned())]);
}

#[test]
fn s104_compat_a_delivered_goes_with_the_latest_read() {
    let mut world = World::connected(Behaviour::Compat);
    let start = world.now;
    let calls = [read(&mut world, "a"), read(&mut world, "b")].into_iter().chain({
        world.run(1_000);
        [delivered(&mut world, "c")]
    });
    let calls: Vec<CallId> = calls.collect();
    world.run(60_000);
    let expected = [(WINDOW, "delivered c".to_owned()), (WINDOW, "read b".to_owned())];
    assert_eq!(sent(&world, start), expected);
    let as_first = format!("as {}", calls[0].0);
    let ends: Vec<String> = calls.iter().map(|call| ended(&world, *call)).collect();
    assert_eq!(ends, ["answered", &as_first, "answered"]);
    // The read has gone out: the next delivered goes alone.
    delivered(&mut world, "d");
    world.run(60_000);
    assert_eq!(sent(&world, start).len(), 3);
}

#[test]
fn s105_compat_what_is_sent_answers_those_before_it_in_order() {
    for reply in [Reply::Serve, Reply::Status(400)] {
        let mut world = World::connected(Behaviour::Compat);
        world.always("SendEvent", reply);
        let calls: Vec<CallId> = ["a", "b", "c"].map(|id| read(&mut world, id)).into();
        world.run(60_000);
        let order: Vec<CallId> = world
            .seen
            .iter()
            .filter_map(|(_, seen)| match seen {
                Seen::Done(call, _) => Some(*call),
                _ => None,
            })
            .collect();
        assert_eq!(order[1..], calls);
        let as_first = format!("as {}", calls[0].0);
        let ends: Vec<String> = calls.iter().map(|call| ended(&world, *call)).collect();
        match reply {
            Reply::Serve => assert_eq!(ends, ["answered", &as_first, &as_first]),
            _ => assert_eq!(ends, ["400", "400", "400"]),
        }
    }
}

#[test]
fn s107_compat_a_receipt_can_go_at_once() {
    let mut world = World::connected(Behaviour::Compat);
    let start = world.now;
    let content = r#"{"messageId":"a","disableThrottle":true}"#;
    let waits = read(&mut world, "x");
    let at_once = send(&mut world, ContentType::MessageRead, Some(content));
    world.run(100);
    assert_eq!(sent(&world, start), [(0, "read a".to_owned())]);
    let (_, http) = world.service.requests.last().unwrap();
    assert!(http.body.contains("disableThrottle"));
    assert_eq!([waits, at_once].map(|call| ended(&world, call)), ["waits", "answered"]);
    world.run(60_000);
    // A delivered still waits for a read.
    let start = world.now;
    let content = r#"{"messageId":"b","disableThrottle":1}"#;
    send(&mut world, ContentType::MessageDelivered, Some(content));
    world.run(60_000);
    assert_eq!(sent(&world, 0).last().unwrap(), &(start + 300, "delivered b".to_owned()));
}

#[test]
fn s108_a_chat_that_ends_within_the_window_gets_no_receipt() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let id = world.say("hello");
        world.run(100);
        let calls = [delivered(&mut world, &id), read(&mut world, &id)];
        world.run(1_000);
        world.end_chat();
        world.run(60_000);
        for call in calls {
            assert!(matches!(world.result(call), Some(Err(CallError::Closed))));
        }
        assert!(world.requests("SendEvent").is_empty());
    }
}

#[test]
fn s109_compat_the_transcript_marks_receipts_of_their_own_items() {
    let mut world = World::connected(Behaviour::Compat);
    let at = Timestamp::from_millis(world.clock().wall_ms);
    for (id, item) in [
        (
            "r1",
            r#"{"Type":"MESSAGEMETADATA","Id":"r1","MessageMetadata":{"MessageId":"a","Receipts":[{"ReadTimestamp":"t"}]}}"#,
        ),
        (
            "r2",
            r#"{"Type":"MESSAGEMETADATA","Id":"r2","MessageMetadata":{"MessageId":"b","Receipts":[{"DeliveredTimestamp":"t"},{"ReadTimestamp":"t"}]}}"#,
        ),
        // Inside a message they are not looked at.
        (
            "c",
            r#"{"Type":"MESSAGE","Id":"c","MessageMetadata":{"MessageId":"c","Receipts":[{"ReadTimestamp":"t"}]}}"#,
        ),
    ] {
        world.service.items.push((at, id.to_owned(), item.to_owned()));
    }
    world.call(Call::GetTranscript(Box::default()));
    world.run(100);
    let calls = [
        read(&mut world, "a"),
        delivered(&mut world, "a"),
        delivered(&mut world, "b"),
        read(&mut world, "b"),
        read(&mut world, "c"),
    ];
    let ends = calls.map(|call| ended(&world, call));
    assert_eq!(ends, ["fired", "fired", "fired", "waits", "waits"]);
}

#[test]
fn s110_no_receipt_is_sent_unasked() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        for n in 0..10 {
            world.say(&n.to_string());
            world.run(1_000);
        }
        world.run(60_000);
        assert!(world.requests("SendEvent").is_empty());
    }
}

#[test]
fn s111_receipts_of_different_sessions_do_not_affect_each_other() {
    for behaviour in BOTH {
        let mut world = Several::new();
        for n in [1, 2] {
            world.create(n, several::options(behaviour, n));
            world.connect(n);
            world.grant(n);
        }
        let mark = |world: &mut Several, n| {
            let content = Some(r#"{"messageId":"m"}"#.to_owned());
            let content_type = ContentType::MessageRead;
            world.call(n, Call::SendEvent(Outgoing { content_type, content, client_token: None }))
        };
        let sent = |world: &mut Several| -> Vec<char> {
            let lines = world.lines();
            let sent = lines.iter().filter(|line| line.contains("SendEvent"));
            sent.filter_map(|line| line.chars().next()).collect()
        };
        // The same message, each with its own mark and its own window.
        mark(&mut world, 1);
        world.pass(2_000);
        mark(&mut world, 2);
        assert_eq!(sent(&mut world), []);
        world.pass(WINDOW - 2_000);
        assert_eq!(sent(&mut world), ['1']);
        world.pass(2_000);
        assert_eq!(sent(&mut world), ['2']);
    }
}

#[test]
fn a_receipt_that_was_cancelled_is_not_sent() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let id = world.say("hello");
        world.run(100);
        let call = read(&mut world, &id);
        world.input(Input::Cancel { call });
        world.run(60_000);
        assert!(matches!(world.result(call), Some(Err(CallError::Cancelled))));
        assert!(world.requests("SendEvent").is_empty());
    }
}

#[test]
fn compat_the_receipt_before_one_that_was_cancelled_is_sent() {
    for (first, second) in [
        (read as fn(&mut World, &str) -> CallId, read as fn(&mut World, &str) -> CallId),
        (delivered, delivered),
        (read, delivered),
    ] {
        for wait in [0, 1_000] {
            let mut world = World::connected(Behaviour::Compat);
            let before = first(&mut world, "a");
            let call = second(&mut world, "b");
            world.run(wait);
            world.input(Input::Cancel { call });
            world.run(60_000);
            assert_eq!(ended(&world, before), "answered");
            let said = sent(&world, 0);
            assert!(said.len() == 1 && said[0].1.ends_with(" a"), "{said:?}");
        }
    }
}

#[test]
fn compat_a_last_receipt_of_each_kind_answers_every_call() {
    for seed in 0..100_u64 {
        let mut state = seed;
        let mut roll = |sides: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % sides
        };
        let mut world = World::connected(Behaviour::Compat);
        let mut calls: Vec<CallId> = Vec::new();
        for n in 0..60 {
            // Some are new, some have been marked before.
            let id = roll(n + 2).to_string();
            match roll(7) {
                0 | 1 => calls.push(read(&mut world, &id)),
                2 | 3 => calls.push(delivered(&mut world, &id)),
                4 => world.script("SendEvent", &[Reply::Status(400)]),
                5 if !calls.is_empty() => {
                    let call = calls[roll(calls.len())];
                    world.input(Input::Cancel { call });
                }
                _ => world.run(roll(2_000) as u64),
            }
        }
        calls.push(delivered(&mut world, "last"));
        world.run(2 * WINDOW);
        calls.push(read(&mut world, "last"));
        world.run(2 * WINDOW);
        for call in &calls {
            assert_ne!(ended(&world, *call), "waits", "seed {seed}");
        }
    }
}

#[test]
fn so_many_calls_wait_for_a_receipt() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let id = world.say("hello");
        world.run(100);
        let ids: Vec<String> = match behaviour {
            Behaviour::Compat => (0..1_001).map(|n| n.to_string()).collect(),
            Behaviour::Chatloom => vec![id; 1_001],
        };
        let calls: Vec<CallId> = ids.iter().map(|id| read(&mut world, id)).collect();
        assert_eq!(ended(&world, calls[0]), "fired");
        assert_eq!(ended(&world, calls[1]), "waits");
        world.run(60_000);
        assert_eq!(ended(&world, calls[1]), "answered");
        assert_eq!(ended(&world, calls[1_000]), format!("as {}", calls[1].0));
        assert_eq!(world.requests("SendEvent").len(), 1);
    }
}

// ----- how far a session of Chatloom behaviour has read

fn mark_read(world: &mut World, id: &str) -> CallId {
    world.call(Call::MarkRead { item: id.into() })
}

fn mark_delivered(world: &mut World, id: &str) -> CallId {
    world.call(Call::MarkDelivered { item: id.into() })
}

/// A world with so many messages.
fn with_messages(count: usize) -> (World, Vec<String>) {
    let mut world = World::connected(Behaviour::Chatloom);
    let ids = (0..count).map(|n| world.say(&n.to_string())).collect();
    world.run(100);
    (world, ids)
}

#[test]
fn chatloom_one_receipt_names_the_newest_item_of_a_window() {
    let (mut world, ids) = with_messages(5);
    let start = world.now;
    // In any order, as marks and as events.
    let first = mark_read(&mut world, &ids[1]);
    let newest = mark_read(&mut world, &ids[3]);
    let older = read(&mut world, &ids[2]);
    let covered = mark_delivered(&mut world, &ids[3]);
    world.run(60_000);
    assert_eq!(sent(&world, start), [(WINDOW, format!("read {}", ids[3]))]);
    assert_eq!(ended(&world, first), "answered");
    for call in [newest, older, covered] {
        assert_eq!(ended(&world, call), format!("as {}", first.0));
    }
    // Never backwards.
    let calls = [
        mark_read(&mut world, &ids[3]),
        mark_read(&mut world, &ids[0]),
        mark_delivered(&mut world, &ids[2]),
        read(&mut world, &ids[1]),
    ];
    assert!(calls.iter().all(|call| ended(&world, *call) == "fired"));
    let start = world.now;
    mark_delivered(&mut world, &ids[4]);
    world.run(60_000);
    assert_eq!(sent(&world, 0).last(), Some(&(start + WINDOW, format!("delivered {}", ids[4]))));
    assert_eq!(world.requests("SendEvent").len(), 2);
}

#[test]
fn compat_marks_items_as_it_sends_receipts() {
    let mut world = World::connected(Behaviour::Compat);
    let start = world.now;
    let calls = [mark_delivered(&mut world, "a"), mark_read(&mut world, "a")];
    world.run(60_000);
    assert_eq!(sent(&world, start), [(WINDOW, "read a".to_owned())]);
    assert_eq!(calls.map(|call| ended(&world, call)), ["waits", "answered"]);
}

#[test]
fn chatloom_a_receipt_that_nobody_waits_for_does_not_stand_for_another() {
    let (mut world, ids) = with_messages(1);
    world.script("SendEvent", &[Reply::Lost]);
    let first = mark_read(&mut world, &ids[0]);
    world.run(WINDOW + 2);
    world.input(Input::Cancel { call: first });
    let second = mark_read(&mut world, &ids[0]);
    world.run(60_000);
    assert_eq!(ended(&world, second), "answered");
    assert_eq!(world.requests("SendEvent").len(), 2);
}

#[test]
fn chatloom_delivered_goes_beside_an_older_read() {
    let (mut world, ids) = with_messages(3);
    let start = world.now;
    mark_delivered(&mut world, &ids[2]);
    mark_read(&mut world, &ids[1]);
    world.run(60_000);
    let expected =
        [(WINDOW, format!("delivered {}", ids[2])), (WINDOW, format!("read {}", ids[1]))];
    assert_eq!(sent(&world, start), expected);
}

#[test]
fn chatloom_a_receipt_is_repeated_until_it_is_taken() {
    for reply in [Reply::Lost, Reply::AnswerLost, Reply::Status(500), Reply::Status(429)] {
        let (mut world, ids) = with_messages(2);
        world.script("SendEvent", &[reply; 12]);
        let call = mark_read(&mut world, &ids[0]);
        world.run(6_000);
        // A newer one waits for its turn.
        let newer = mark_read(&mut world, &ids[1]);
        world.run(1_000_000);
        assert_eq!(ended(&world, call), "answered");
        assert_eq!(ended(&world, newer), "answered");
        let said = sent(&world, 0);
        assert_eq!(said.len(), 14);
        assert!(said[..13].iter().all(|(_, what)| *what == format!("read {}", ids[0])));
        assert_eq!(said[13].1, format!("read {}", ids[1]));
    }
}

#[test]
fn chatloom_a_receipt_that_is_refused_fails_and_may_be_sent_again() {
    let (mut world, ids) = with_messages(1);
    // As while a supervisor listens in.
    world.script("SendEvent", &[Reply::Status(409)]);
    let refused = mark_read(&mut world, &ids[0]);
    world.run(60_000);
    assert_eq!(ended(&world, refused), "409");
    let again = mark_read(&mut world, &ids[0]);
    world.run(60_000);
    assert_eq!(ended(&world, again), "answered");
}

#[test]
fn chatloom_a_receipt_outlasts_an_outage() {
    let (mut world, ids) = with_messages(1);
    world.cut();
    world.input(Input::Network { online: false });
    let call = mark_read(&mut world, &ids[0]);
    world.run(60_000);
    assert!(world.requests("SendEvent").is_empty());
    world.input(Input::Network { online: true });
    world.run(10_000);
    assert_eq!(ended(&world, call), "answered");
    assert_eq!(world.requests("SendEvent").len(), 1);
}

#[test]
fn s107_chatloom_a_receipt_can_go_at_once() {
    let (mut world, ids) = with_messages(2);
    let start = world.now;
    let gathered = mark_read(&mut world, &ids[0]);
    let content = format!(r#"{{"messageId":"{}","disableThrottle":true}}"#, ids[1]);
    send(&mut world, ContentType::MessageRead, Some(&content));
    world.run(60_000);
    assert_eq!(sent(&world, start), [(0, format!("read {}", ids[1]))]);
    assert_eq!(ended(&world, gathered), "answered");
}

#[test]
fn chatloom_what_an_earlier_process_told_is_learnt_from_the_transcript() {
    let mut world = World::new(Behaviour::Chatloom);
    let receipts = [
        format!(r#"{{"ReadTimestamp":"t","RecipientParticipantId":"{ME}"}}"#),
        r#"{"ReadTimestamp":"t","RecipientParticipantId":"agent-9"}"#.to_owned(),
        format!(r#"{{"DeliveredTimestamp":"t","RecipientParticipantId":"{ME}"}}"#),
    ];
    for (n, receipt) in receipts.iter().enumerate() {
        let at = Timestamp::from_millis(world.clock().wall_ms + n as i64);
        let item = format!(
            r#"{{"Id":"i{n}","AbsoluteTime":"{at}","Type":"MESSAGE","ContentType":"text/plain","ContactId":"contact-1","MessageMetadata":{{"MessageId":"i{n}","Receipts":[{receipt}]}}}}"#
        );
        world.service.items.push((at, format!("i{n}"), item));
    }
    world.call(Call::Connect);
    world.run(1_000);
    let calls = [
        mark_read(&mut world, "i0"),
        mark_delivered(&mut world, "i2"),
        mark_read(&mut world, "i1"),
    ];
    assert_eq!(calls.map(|call| ended(&world, call)), ["fired", "fired", "waits"]);
}

#[test]
fn chatloom_whatever_is_marked_the_horizon_only_rises_and_every_call_ends() {
    for seed in 0..150_u64 {
        let mut state = seed;
        let mut roll = |sides: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % sides
        };
        let (mut world, ids) = with_messages(12);
        let failures = [Reply::Lost, Reply::AnswerLost, Reply::Status(503), Reply::Status(409)];
        let mut calls: Vec<CallId> = Vec::new();
        for _ in 0..40 {
            match roll(8) {
                0..=2 => {
                    let id = &ids[roll(ids.len())];
                    calls.push(mark_read(&mut world, id));
                }
                3 | 4 => {
                    let id = &ids[roll(ids.len())];
                    calls.push(mark_delivered(&mut world, id));
                }
                5 => {
                    let failure = failures[roll(failures.len())];
                    world.script("SendEvent", &[failure]);
                }
                6 if !calls.is_empty() => {
                    let call = calls[roll(calls.len())];
                    world.input(Input::Cancel { call });
                }
                _ => world.run(roll(4_000) as u64),
            }
        }
        world.run(600_000);
        for call in &calls {
            assert_ne!(ended(&world, *call), "waits", "seed {seed}");
        }
        // A repeat says the same; a refusal may be followed by anything, so only its like counts.
        let refused = |call: &&CallId| ended(&world, **call) == "409";
        if calls.iter().any(|call| refused(&call)) {
            continue;
        }
        for kind in ["read ", "delivered "] {
            let said = sent(&world, 0);
            let named: Vec<_> = said.iter().filter(|(_, what)| what.starts_with(kind)).collect();
            assert!(named.is_sorted_by_key(|(_, what)| what), "seed {seed}: {named:?}");
        }
    }
}
