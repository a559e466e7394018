//! The tracked transcript and own messages in Chatloom behaviour.

use chatloom_session::{
    Behaviour, Call, CallError, EntryContent, EntryKey, Event, GapId, Input, MessageState, Value,
};
use chatloom_wire::{ContentType, Timestamp, frame::ServerFrame};
use proptest::prelude::*;

use crate::{
    listed::{entries, shown, state_name, told, tracked, tracked_with, updates},
    world::{ME, Reply, SESSION, Seen, World, item_text, of_me, options},
};

const CHATLOOM: Behaviour = Behaviour::Chatloom;

/// The ids of what is listed, without states.
fn ids(world: &World) -> Vec<String> {
    shown(world).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

fn receipt(message: &str, stamp: &str) -> String {
    format!(
        r#"{{"Id":"{message}","Type":"MESSAGEMETADATA","ContactId":"contact-1","MessageMetadata":{{"MessageId":"{message}","Receipts":[{{"{stamp}":"2026-01-01T00:01:00.000Z","RecipientParticipantId":"agent-1"}}]}}}}"#
    )
}

fn first_gap(world: &World) -> Option<GapId> {
    entries(world).iter().find_map(|entry| match entry.content {
        EntryContent::Gap(gap) => Some(gap),
        _ => None,
    })
}

#[test]
fn d07_chatloom_the_list_is_the_transcript_through_every_cut() {
    for parses in [false, true] {
        let mut world = tracked(CHATLOOM);
        world.parses = parses;
        for round in 0..5 {
            for n in 0..130 {
                world.say(&n.to_string());
            }
            world.run(20);
            world.run(15_000 * (round % 2));
            world.cut();
            world.say("missed");
            world.run(5_000);
        }
        assert_eq!(shown(&world), world.stored());
        assert_eq!(world.delivered(), world.stored());
    }
}

#[test]
fn chatloom_what_is_only_of_the_moment_is_not_listed() {
    let mut world = tracked(CHATLOOM);
    for content_type in [ContentType::Typing, ContentType::ParticipantIdle] {
        world.publish(&content_type, None);
    }
    world.publish_transient(&receipt("item-00000", "ReadTimestamp"));
    world.run(20);
    assert_eq!(world.delivered().len(), 3);
    assert_eq!(updates(&world), 0, "nothing changed, nothing is said");
    let id = world.publish(&ContentType::ParticipantJoined, None);
    world.run(20);
    assert_eq!(shown(&world), [id]);
}

#[test]
fn d12_chatloom_a_message_goes_through_its_states_under_one_key() {
    for echo_first in [false, true] {
        let mut world = tracked(CHATLOOM);
        let call = world.send("hello");
        assert_eq!(shown(&world), ["hello sending"]);
        let key = entries(&world)[0].key;
        if echo_first {
            world.run(6);
            let socket = world.socket();
            let (.., stored) = world.service.items[0].clone();
            let text = ServerFrame::Chat { content: stored.into() }.to_text();
            world.input(Input::SocketText { socket, text });
            assert_eq!(shown(&world), ["item-00000 sent", "hello sending"]);
        }
        world.run(20);
        assert_eq!(shown(&world), ["item-00000 sent"]);
        for (stamp, state) in [("DeliveredTimestamp", "delivered"), ("ReadTimestamp", "read")] {
            world.publish_transient(&receipt("item-00000", stamp));
            world.run(10);
            assert_eq!(shown(&world), [format!("item-00000 {state}")]);
        }
        // Nothing takes that back.
        world.publish_transient(&receipt("item-00000", "DeliveredTimestamp"));
        world.repeat(0);
        world.run(10);
        assert_eq!(shown(&world), ["item-00000 read"]);
        assert_eq!(told(&world), ["queued", "sending", "sent", "delivered", "read"]);
        for (_, seen) in &world.seen {
            if let Seen::Event(Event::Message { key: of, call: by, id, state }) = seen {
                assert_eq!((*of, *by), (key, Some(call)));
                let has_id = !matches!(state, MessageState::Queued | MessageState::Sending);
                assert_eq!(id.is_some(), has_id, "{state:?}");
            }
        }
        assert_eq!(entries(&world)[0].key, key);
    }
}

#[test]
fn d12_chatloom_states_are_told_without_a_list_too() {
    let mut world = World::connected(CHATLOOM);
    world.send("hello");
    world.run(20);
    world.publish_transient(&receipt("item-00000", "ReadTimestamp"));
    world.run(20);
    assert_eq!(told(&world), ["queued", "sending", "sent", "read"]);
    assert_eq!(updates(&world), 0);
}

#[test]
fn chatloom_a_receipt_speaks_of_all_own_messages_before() {
    let mut world = tracked(CHATLOOM);
    for text in ["1", "2", "3"] {
        world.send(text);
    }
    world.run(100);
    let other = world.say("between");
    world.send("4");
    world.run(100);
    world.publish_transient(&receipt("item-00002", "ReadTimestamp"));
    world.run(20);
    let read = |n: usize| format!("item-0000{n} read");
    assert_eq!(shown(&world), [read(0), read(1), read(2), other, "item-00004 sent".to_owned()]);
}

#[test]
fn chatloom_receipts_on_items_of_the_transcript_count() {
    let mut world = World::new(CHATLOOM);
    world.input(Input::Track { session: SESSION });
    let metadata = format!(
        r#"{{"MessageMetadata":{{"MessageId":"item-00000","Receipts":[{{"DeliveredTimestamp":"2026-01-01T00:00:00.000Z","RecipientParticipantId":"{ME}"}},{{"DeliveredTimestamp":"2026-01-01T00:00:00.000Z","RecipientParticipantId":"agent-1"}}]}},"#
    );
    let delivered = |text: &str| of_me(text).replacen('{', &metadata, 1);
    world.publish_of(&ContentType::TextPlain, Some("words"), delivered);
    world.publish_of(&ContentType::TextPlain, Some("words"), of_me);
    world.call(Call::Connect);
    world.run(1_000);
    assert_eq!(shown(&world), ["item-00000 delivered", "item-00001 sent"]);
    world.publish_transient(&receipt("item-00001", "ReadTimestamp"));
    world.run(20);
    assert_eq!(shown(&world), ["item-00000 read", "item-00001 read"]);
}

#[test]
fn d12_chatloom_a_failed_message_keeps_its_place_and_blocks_nothing() {
    let mut world = tracked(CHATLOOM);
    world.say("1");
    world.run(20);
    world.script("SendMessage", &[Reply::Status(400)]);
    let bad = world.send("bad");
    world.send("good");
    world.run(100);
    assert!(world.result(bad).unwrap().is_err());
    world.say("2");
    world.run(20);
    assert_eq!(shown(&world), ["item-00000", "bad failed", "item-00001 sent", "item-00002"]);
    assert_eq!(told(&world).iter().filter(|state| **state == "failed").count(), 1);
}

#[test]
fn d12_chatloom_a_failed_message_is_sent_again_with_the_same_token_or_dropped() {
    let mut world = tracked(CHATLOOM);
    world.script("SendMessage", &[Reply::AnswerLost, Reply::Status(400), Reply::Status(400)]);
    world.send("one");
    world.send("two");
    world.run(5_000);
    // The first one has arrived, though nobody knows; its message failed.
    let keys: Vec<EntryKey> = entries(&world)
        .iter()
        .filter(|entry| matches!(entry.state, Some(MessageState::Failed(_))))
        .map(|entry| entry.key)
        .collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(world.service.items.len(), 1);
    let again = world.call(Call::Resend { key: keys[0] });
    world.run(20);
    assert!(matches!(world.result(again), Some(Ok(Value::Answered(_)))));
    assert_eq!(world.service.items.len(), 1, "the same client token");
    let dropped = world.call(Call::Discard { key: keys[1] });
    assert!(matches!(world.result(dropped), Some(Ok(Value::Nothing))));
    assert_eq!(shown(&world), ["item-00000 sent"]);
    assert_eq!(entries(&world)[0].key, keys[0], "under the message's key");
    for key in keys {
        for call in [Call::Resend { key }, Call::Discard { key }] {
            let call = world.call(call);
            let error = world.result(call).unwrap().as_ref().unwrap_err();
            assert!(matches!(error, CallError::Invalid { member: "key", .. }), "{error:?}");
        }
    }
}

#[test]
fn d12_chatloom_what_waited_when_the_session_broke_can_be_sent_later() {
    let mut world = tracked(CHATLOOM);
    world.always("SendMessage", Reply::Lost);
    world.script("CreateParticipantConnection", &[Reply::Status(400); 5]);
    let calls = [world.send("one"), world.send("two")];
    world.run(100);
    world.cut();
    world.run(20_000);
    assert_eq!(world.story().last(), Some(&"broken"));
    // Nobody knows what came since.
    assert_eq!(shown(&world), ["one failed", "two failed", "gap"]);
    assert!(calls.iter().all(|call| world.result(*call).unwrap().is_err()));
    let keys: Vec<EntryKey> = entries(&world)[..2].iter().map(|entry| entry.key).collect();
    let call = world.call(Call::Resend { key: keys[1] });
    assert!(matches!(world.result(call), Some(Err(CallError::NotConnected { .. }))));
    world.service.always.clear();
    world.call(Call::Connect);
    for key in [keys[1], keys[0]] {
        world.call(Call::Resend { key });
    }
    world.run(1_000);
    assert_eq!(shown(&world), ["item-00000 sent", "item-00001 sent"]);
    assert_eq!(world.texts().len(), 2);
    let listed: Vec<EntryKey> = entries(&world).iter().map(|entry| entry.key).collect();
    assert_eq!(listed, [keys[1], keys[0]], "in the order in which they were asked for");
}

#[test]
fn chatloom_a_message_that_is_cancelled_before_it_is_sent_leaves_no_trace() {
    let mut world = tracked(CHATLOOM);
    world.send("one");
    let second = world.send("two");
    world.input(Input::Cancel { call: second });
    assert_eq!(shown(&world), ["one sending"]);
    world.run(1_000);
    assert_eq!(shown(&world), ["item-00000 sent"]);
    assert_eq!(told(&world).iter().filter(|state| **state == "failed").count(), 1);
}

#[test]
fn chatloom_what_is_sent_stays_behind_what_comes() {
    let mut world = tracked(CHATLOOM);
    world.script("SendMessage", &[Reply::Later(503, 5_000)]);
    world.send("one");
    world.send("two");
    for n in 0..3 {
        world.say(&n.to_string());
        world.run(20);
    }
    assert_eq!(shown(&world)[3..], ["one sending", "two queued"]);
    world.run(10_000);
    assert_eq!(ids(&world), world.stored());
}

#[test]
fn chatloom_a_list_is_bounded_and_pages_back_in() {
    for parses in [false, true] {
        let mut options = options(CHATLOOM);
        options.most_entries = 100;
        let mut world = tracked_with(options);
        world.parses = parses;
        for n in 0..300 {
            world.say(&n.to_string());
            world.run(1);
        }
        world.run(20);
        let stored = world.stored();
        assert_eq!(shown(&world).len(), 100);
        assert_eq!(shown(&world)[0], "gap");
        assert_eq!(shown(&world)[1..], stored[201..]);
        assert!(!world.story().contains(&"gap"), "nothing is missing");
        assert_eq!(world.with_core.len(), if parses { 99 } else { 0 });
        let call = world.call(Call::LoadOlder { count: 30 });
        world.run(20);
        let loaded = |world: &World, call| match world.result(call) {
            Some(Ok(Value::Loaded { count, at_beginning })) => (*count, *at_beginning),
            other => panic!("{other:?}"),
        };
        assert_eq!(loaded(&world, call), (30, false));
        assert_eq!(shown(&world)[1..], stored[171..]);
        // By its number as a gap, and to the beginning.
        let call = world.call(Call::FillGap { gap: first_gap(&world).unwrap() });
        world.run(20);
        assert_eq!(loaded(&world, call), (100, false));
        let calls =
            [world.call(Call::LoadOlder { count: 50 }), world.call(Call::LoadOlder { count: 50 })];
        world.run(100);
        assert_eq!(calls.map(|call| loaded(&world, call)), [(50, false), (21, true)]);
        assert_eq!(shown(&world), stored);
        let call = world.call(Call::LoadOlder { count: 50 });
        world.run(20);
        assert_eq!(loaded(&world, call), (0, true));
        assert_eq!(world.delivered(), stored, "nobody is given anything twice");
        // What was loaded goes as new entries come.
        for n in 0..300 {
            world.say(&n.to_string());
            world.run(1);
        }
        world.run(20);
        assert_eq!(shown(&world).len(), 100);
        assert_eq!(shown(&world)[1..], world.stored()[501..]);
    }
}

#[test]
fn chatloom_what_comes_while_older_entries_are_read_leaves_no_hole_behind_them() {
    let mut options = options(CHATLOOM);
    options.most_entries = 100;
    let mut world = tracked_with(options);
    for n in 0..150 {
        world.say(&n.to_string());
    }
    world.run(100);
    world.latency = 500;
    let call = world.call(Call::LoadOlder { count: 10 });
    world.latency = 1;
    for n in 0..5 {
        world.say(&n.to_string());
    }
    world.run(100);
    assert!(world.result(call).is_none(), "the page is on its way");
    world.run(2_000);
    assert!(matches!(world.result(call), Some(Ok(Value::Loaded { count: 10, .. }))));
    let held = shown(&world).len() - 1;
    assert_eq!(shown(&world)[1..], world.stored()[155 - held..]);
    world.say("more");
    world.run(100);
    let held = shown(&world).len() - 1;
    assert_eq!(shown(&world)[1..], world.stored()[156 - held..]);
    assert!(held <= 110, "the bound holds again: {held}");
}

#[test]
fn chatloom_older_entries_are_only_for_those_who_look() {
    let mut world = World::connected(CHATLOOM);
    let call = world.call(Call::LoadOlder { count: 10 });
    let error = world.result(call).unwrap().as_ref().unwrap_err();
    assert!(matches!(error, CallError::Invalid { member: "transcript", .. }));
    world.input(Input::Track { session: SESSION });
    for count in [0, 1_001] {
        let call = world.call(Call::LoadOlder { count });
        let error = world.result(call).unwrap().as_ref().unwrap_err();
        assert!(matches!(error, CallError::Invalid { member: "count", .. }));
    }
    world.always("GetTranscript", Reply::Status(400));
    let call = world.call(Call::LoadOlder { count: 1 });
    world.run(1_000);
    assert!(matches!(world.result(call), Some(Err(CallError::Service(e))) if e.status == 400));
}

#[test]
fn chatloom_who_begins_to_look_in_the_middle_sees_the_newest() {
    let mut world = World::connected(CHATLOOM);
    for n in 0..250 {
        world.say(&n.to_string());
    }
    world.run(20);
    world.input(Input::Track { session: SESSION });
    assert_eq!(shown(&world), ["gap"]);
    world.run(20);
    assert_eq!(shown(&world)[1..], world.stored()[150..]);
    let id = world.say("live");
    world.run(20);
    assert_eq!(shown(&world).last(), Some(&id));
    assert_eq!(shown(&world).len(), 102);
    assert_eq!(world.delivered(), world.stored());
}

#[test]
fn chatloom_entries_of_an_earlier_chat_page_in() {
    let mut options = options(CHATLOOM);
    options.most_entries = 100;
    let mut world = World::of(options);
    for n in 0..120 {
        let past = |text: &str| {
            text.replace(r#""ContactId":"contact-1""#, r#""RelatedContactId":"contact-0""#)
        };
        world.publish_of(&ContentType::TextPlain, Some(&n.to_string()), past);
    }
    world.publish(&ContentType::ParticipantJoined, None);
    world.call(Call::Connect);
    world.run(1_000);
    // A first connection gives what the past has, as the transcript does.
    assert_eq!(world.delivered(), world.stored());
    world.input(Input::Track { session: SESSION });
    world.run(1_000);
    assert_eq!(shown(&world)[1..], world.stored()[21..]);
    // The first entry is of the past: the transcript cannot be read from there on.
    let call = world.call(Call::LoadOlder { count: 15 });
    world.run(1_000);
    assert!(matches!(world.result(call), Some(Ok(Value::Loaded { count: 15, .. }))));
    assert_eq!(shown(&world)[1..], world.stored()[6..]);
}

#[test]
fn chatloom_an_attached_chat_is_read_when_it_is_there() {
    let mut world = tracked(CHATLOOM);
    let first = world.say("present");
    world.run(20);
    // Two items that are older than everything, and come with the event.
    let start = Timestamp::parse("2025-03-01T00:00:00Z").unwrap();
    for n in 0..2 {
        let (id, time) = (format!("past-{n}"), start.plus_millis(n));
        let text = item_text(&id, time, &ContentType::TextPlain, Some("words"), false)
            .replace(r#""ContactId":"contact-1""#, r#""RelatedContactId":"contact-0""#);
        world.service.items.insert(n as usize, (time, id, text));
    }
    let event = world.publish(&ContentType::ChatRehydrated, None);
    world.run(900);
    assert_eq!(world.delivered(), [first.clone(), event.clone()]);
    world.run(1_000);
    assert_eq!(
        world.delivered(),
        [first.clone(), event.clone(), "past-0".to_owned(), "past-1".to_owned()]
    );
    assert_eq!(world.story()[2..], ["gap", "gap closed"]);
    assert_eq!(shown(&world), ["past-0".to_owned(), "past-1".to_owned(), first, event]);
}

#[test]
fn chatloom_the_end_answers_those_who_wait_for_older_entries() {
    let mut world = tracked(CHATLOOM);
    world.say("1");
    world.run(20);
    world.always("GetTranscript", Reply::Lost);
    let calls = [1, 2, 3].map(|count| world.call(Call::LoadOlder { count }));
    world.end_chat();
    world.run(10);
    for call in calls {
        assert_eq!(world.result(call).unwrap().as_ref().unwrap_err(), &CallError::Closed);
    }
}

#[test]
fn chatloom_the_end_leaves_the_list_as_it_is() {
    let mut world = tracked(CHATLOOM);
    world.parses = true;
    world.say("1");
    world.always("SendMessage", Reply::Lost);
    world.send("late");
    world.run(20);
    world.end_chat();
    world.run(20);
    let shown_last = shown(&world);
    assert_eq!(shown_last, ["item-00000", "item-00001", "late failed"]);
    let ended = world.seen.iter().rposition(|(_, s)| matches!(s, Seen::Event(Event::Ended)));
    let told = world.seen.iter().rposition(|(_, s)| matches!(s, Seen::Event(Event::Transcript(_))));
    assert!(told < ended, "the last update comes before the end");
    world.input(Input::Forget { session: SESSION });
    assert!(world.with_core.is_empty());
}

#[test]
fn chatloom_a_growing_message_has_one_entry() {
    let mut world = tracked(CHATLOOM);
    let chunk = |n: u32, completed: bool, text: &str| {
        format!(
            r#"{{"Id":"stream","AbsoluteTime":"2026-06-01T00:00:0{n}.000Z","Type":"MESSAGE","ContentType":"text/plain","ContactId":"contact-1","ParticipantRole":"SYSTEM","Content":"{text}","MessageMetadata":{{"MessageId":"stream","ChunkNumber":{n},"MessageCompleted":{completed}}}}}"#
        )
    };
    let text = |world: &World| {
        let entry = entries(world).pop().unwrap();
        let EntryContent::Item(chatloom_session::Body::Item(item)) = entry.content else {
            panic!("no item")
        };
        (entry.key, item.content().unwrap().into_owned())
    };
    let mut keys = Vec::new();
    for (chunk, expected) in [
        (chunk(1, false, "a"), "a"),
        (chunk(2, false, "b"), "ab"),
        (chunk(3, true, "abc."), "abc."),
    ] {
        world.publish_transient(&chunk);
        world.run(10);
        let (key, shown) = text(&world);
        assert_eq!(shown, expected);
        keys.push(key);
        assert_eq!(entries(&world).len(), 1);
    }
    assert!(keys.iter().all(|key| *key == keys[0]));
}

#[test]
fn chatloom_failed_messages_are_bounded() {
    let mut world = tracked(CHATLOOM);
    world.always("SendMessage", Reply::Status(400));
    for n in 0..1_010 {
        world.send(&n.to_string());
        world.run(10);
    }
    world.run(100);
    let shown = shown(&world);
    assert_eq!(shown.len(), 1_000);
    assert_eq!(shown[0], format!("10 {}", state_name(&MessageState::Failed(CallError::Closed))));
}

proptest! {
    /// Whatever comes live, in whatever order and however often, while the transcript is read, and
    /// whatever the application sends and reads meanwhile: the list is the transcript.
    #[test]
    fn d07_the_list_does_not_depend_on_the_order_of_arrival(
        count in 1_usize..40,
        page in 1_usize..20,
        arrivals in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..4), 0..60),
        parses: bool,
        tracked_late: bool,
    ) {
        let mut world = World::new(CHATLOOM);
        world.parses = parses;
        world.service.page_size = Some(page);
        if !tracked_late {
            world.input(Input::Track { session: SESSION });
        }
        world.call(Call::Connect);
        world.run_until(1_000, |world| world.opened().len() == 1);
        world.run(12);
        let start = Timestamp::parse("2026-03-01T00:00:00Z").unwrap();
        for n in 0..count {
            let id = format!("item-{n:05}");
            let time = start.plus_millis(n as i64 / 2);
            let text = item_text(&id, time, &ContentType::TextPlain, Some("words"), false);
            world.service.items.push((time, id, text));
        }
        if tracked_late {
            world.input(Input::Track { session: SESSION });
        }
        let socket = world.socket();
        for (index, what) in &arrivals {
            match what {
                0 => { world.send("words"); }
                1 => { world.call(Call::LoadOlder { count: 3 }); }
                _ => {
                    let (time, id, _) = world.service.items[index.index(count)].clone();
                    let text = item_text(&id, time, &ContentType::TextPlain, Some("words"), true);
                    world.push_to(socket, ServerFrame::Chat { content: text.into() }.to_text());
                }
            }
            world.run(3);
        }
        world.run(20_000);
        prop_assert_eq!(ids(&world), world.stored());
        let mut delivered = world.delivered();
        delivered.sort();
        prop_assert_eq!(delivered, world.stored());
    }

    /// A bounded list shows the newest entries, and pages back in whole, however large the pages.
    #[test]
    fn a_bounded_list_pages_back_in(
        count in 100_usize..260,
        page in 1_usize..60,
        loads in prop::collection::vec(1_u32..80, 0..8),
    ) {
        let mut options = options(CHATLOOM);
        options.most_entries = 100;
        let mut world = tracked_with(options);
        for n in 0..count {
            world.say(&n.to_string());
        }
        world.run(100);
        world.service.page_size = Some(page);
        let mut held = count.min(if count > 100 { 99 } else { 100 });
        for load in loads {
            world.call(Call::LoadOlder { count: load });
            world.run(2_000);
            held = (held + load as usize).min(count);
            let listed: Vec<String> =
                ids(&world).into_iter().filter(|id| id != "gap").collect();
            prop_assert_eq!(&listed, &world.stored()[count - held..]);
        }
        prop_assert_eq!(world.delivered(), world.stored());
    }
}
