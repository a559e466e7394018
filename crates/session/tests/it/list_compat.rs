//! The tracked transcript in Compat behaviour: S126 to S128 and S138 to S154, with D6, D7 and D16
//! mended.

use chatloom_session::{
    Behaviour, Body, Call, CallError, EntryContent, Event, Input, ItemKind, MessageState,
    NewAttachment,
};
use chatloom_wire::{
    ContentType,
    participant::{GetTranscriptRequest, ScanDirection, SortOrder},
};

use proptest::prelude::*;

use crate::{
    listed::{entries, previous_token, shown, tracked, updates},
    world::{ME, Reply, SESSION, Seen, World},
};

const COMPAT: Behaviour = Behaviour::Compat;

fn item(id: &str, time: &str) -> String {
    format!(
        r#"{{"Id":"{id}","AbsoluteTime":"{time}","Type":"MESSAGE","ContentType":"text/plain","Content":"words","ContactId":"contact-1","ParticipantId":"agent-1"}}"#
    )
}

fn receipt(id: Option<&str>, message: &str, stamp: &str, by: &str) -> String {
    let id = id.map_or(String::new(), |id| format!(r#""Id":"{id}","#));
    format!(
        r#"{{{id}"Type":"MESSAGEMETADATA","ContentType":"application/vnd.amazonaws.connect.event.message.metadata","ContactId":"contact-1","MessageMetadata":{{"MessageId":"{message}","Receipts":[{{"{stamp}":"2026-01-01T00:01:00.000Z","RecipientParticipantId":"{by}"}}]}}}}"#
    )
}

fn live(world: &mut World, text: &str) {
    world.publish_transient(text);
    world.run(10);
}

fn read(world: &mut World, direction: ScanDirection, order: SortOrder, token: Option<&str>) {
    let request = GetTranscriptRequest {
        max_results: Some(4),
        next_token: token.map(str::to_owned),
        scan_direction: Some(direction),
        sort_order: Some(order),
        ..GetTranscriptRequest::default()
    };
    let call = world.call(Call::GetTranscript(Box::new(request)));
    world.run(20);
    assert!(world.result(call).unwrap().is_ok());
}

#[test]
fn s126_compat_gives_repeats_and_chatloom_gives_each_item_once() {
    for (behaviour, times) in [(COMPAT, 3), (Behaviour::Chatloom, 1)] {
        let mut world = World::connected(behaviour);
        world.say("words");
        world.repeat(0);
        world.repeat(0);
        world.run(20);
        assert_eq!(world.delivered().len(), times, "{behaviour:?}");
    }
}

#[test]
fn s127_s138_compat_tracking_begins_when_it_is_asked_for() {
    let mut world = World::connected(COMPAT);
    world.say("before");
    world.run(20);
    world.input(Input::Track { session: SESSION });
    world.run(1_000);
    assert_eq!(updates(&world), 0, "nothing is replayed");
    let id = world.say("after");
    world.run(20);
    world.input(Input::Track { session: SESSION });
    assert_eq!(shown(&world), [id]);
}

#[test]
fn s128_s139_the_list_shares_the_item_that_was_given() {
    for behaviour in [COMPAT, Behaviour::Chatloom] {
        let mut world = tracked(behaviour);
        world.say("words");
        world.run(20);
        let given = world.seen.iter().find_map(|(_, seen)| match seen {
            Seen::Event(Event::Item { body: Body::Item(item), .. }) => Some(item.clone()),
            _ => None,
        });
        let entry = entries(&world).pop().unwrap();
        let EntryContent::Item(Body::Item(listed)) = entry.content else { panic!("no item") };
        assert!(std::sync::Arc::ptr_eq(&given.unwrap(), &listed));
    }
}

#[test]
fn s128_an_item_of_the_hosts_stays_with_the_list_that_shows_it() {
    for behaviour in [COMPAT, Behaviour::Chatloom] {
        let mut world = tracked(behaviour);
        world.parses = true;
        let one = world.say("one");
        world.say("two");
        world.run(20);
        assert_eq!(world.with_core.len(), 2);
        // The same item once more: the list shows the newer one, or the one that it has.
        world.repeat(0);
        world.run(20);
        assert_eq!(world.with_core.len(), 2);
        assert_eq!(shown(&world)[0], one);
        world.input(Input::Forget { session: SESSION });
        assert!(world.with_core.is_empty(), "{behaviour:?}");
    }
}

#[test]
fn s140_compat_each_connection_gained_reads_a_page() {
    let mut world = tracked(COMPAT);
    assert_eq!(world.requests("GetTranscript").len(), 1);
    world.say("1");
    world.run(20_000);
    world.cut();
    world.say("2");
    world.run(1_000);
    let requests: Vec<_> = world
        .service
        .requests
        .iter()
        .filter(|(_, http)| http.operation == "GetTranscript")
        .map(|(_, http)| http.body.clone())
        .collect();
    let body = r#"{"MaxResults":100,"ScanDirection":"BACKWARD","SortOrder":"ASCENDING","StartPosition":{}}"#;
    assert_eq!(requests, [body, body]);
    assert_eq!(shown(&world), world.stored());
    // Only those who track it have it read.
    let mut world = World::connected(COMPAT);
    world.run(20_000);
    world.cut();
    world.run(1_000);
    assert!(world.requests("GetTranscript").is_empty());
}

#[test]
fn s140_compat_a_page_that_is_refused_is_only_logged() {
    let mut world = tracked(COMPAT);
    world.run(20_000);
    world.always("GetTranscript", Reply::Status(400));
    world.cut();
    world.run(1_000);
    let after = world.requests("GetTranscript").len();
    world.run(60_000);
    assert_eq!(world.requests("GetTranscript").len(), after);
    assert_eq!(world.story().last(), Some(&"established"));
    let id = world.say("goes on");
    world.run(20);
    assert_eq!(shown(&world), [id]);
}

#[test]
fn d06_compat_every_missed_page_is_read_into_the_list_alone() {
    let mut world = tracked(COMPAT);
    world.say("before");
    world.run(20_000);
    world.cut();
    for n in 0..250 {
        world.say(&n.to_string());
    }
    world.run(1_000);
    assert_eq!(shown(&world), world.stored());
    assert_eq!(world.requests("GetTranscript").len(), 1 + 3);
    // onMessage is not fed.
    assert_eq!(world.delivered().len(), 1);
}

#[test]
fn d06_compat_what_could_not_be_read_is_read_with_the_next_connection() {
    let mut world = tracked(COMPAT);
    world.say("before");
    world.run(20_000);
    world.cut();
    world.say("missed");
    world.always("GetTranscript", Reply::Status(400));
    world.run(1_000);
    // These hide the hole from one who looks at the newest entry alone.
    for n in 0..120 {
        world.say(&n.to_string());
    }
    world.run(20_000);
    world.service.always.clear();
    world.cut();
    world.run(1_000);
    assert_eq!(shown(&world), world.stored());
}

#[test]
fn s141_compat_each_occasion_is_told_even_if_nothing_changed() {
    let mut world = tracked(COMPAT);
    let mut so_far = updates(&world);
    let mut more = |world: &World| {
        let before = std::mem::replace(&mut so_far, updates(world));
        so_far - before
    };
    assert_eq!(more(&world), 0);
    world.say("one");
    world.run(20);
    assert_eq!(more(&world), 1, "an item");
    live(&mut world, r#"{"Type":"EVENT","ContactId":"contact-1"}"#);
    assert_eq!(more(&world), 1, "an item that is not stored");
    live(&mut world, &receipt(Some("nobody"), "nobody", "ReadTimestamp", "agent-1"));
    assert_eq!(more(&world), 1, "a receipt of nothing");
    live(&mut world, &receipt(Some("item-00000"), "item-00000", "ReadTimestamp", ME));
    assert_eq!(more(&world), 0, "a receipt that is dropped (S122)");
    read(&mut world, ScanDirection::Backward, SortOrder::Ascending, None);
    assert_eq!(more(&world), 1, "a page with nothing new");
    world.send("hello");
    assert_eq!(more(&world), 1, "a message starts");
    world.run(20);
    assert_eq!(more(&world), 2, "it is sent, and its echo comes");
    world.script("SendMessage", &[Reply::Status(400)]);
    world.send("bad");
    assert_eq!(more(&world), 1, "a message starts");
    world.run(20);
    assert_eq!(more(&world), 1, "it fails");
}

#[test]
fn s142_d16_compat_a_message_that_is_sent_is_at_the_end() {
    let mut world = tracked(COMPAT);
    world.run(10);
    world.latency = 50;
    world.send("hello");
    let first = world.say("faster");
    world.run(60);
    assert_eq!(shown(&world)[0], first);
    assert!(shown(&world)[1].starts_with("hello"), "{:?}", shown(&world));
    // What the entry says is what was sent: the role is the session's, not made up here (D16).
    let entry = entries(&world).pop().unwrap();
    let EntryContent::Outgoing(message) = &entry.content else { panic!("no message") };
    assert_eq!(message.content_type, ContentType::TextPlain);
    assert_eq!(message.content.as_deref(), Some("hello"));
    assert_eq!(entry.id, None);
}

#[test]
fn s142_compat_nothing_is_listed_that_cannot_be_sent() {
    let mut world = World::new(COMPAT);
    world.input(Input::Track { session: SESSION });
    let call = world.send("too early");
    assert!(matches!(world.result(call), Some(Err(CallError::NotConnected { .. }))));
    assert_eq!(updates(&world), 0);
}

#[test]
fn s143_s145_compat_success_gives_an_id_and_the_echo_takes_its_place() {
    let mut world = tracked(COMPAT);
    // The socket is away: no echo comes.
    world.always("CreateParticipantConnection", Reply::Lost);
    world.cut();
    world.run(10);
    world.send("hello");
    world.run(20);
    let sent = entries(&world).pop().unwrap();
    assert_eq!(sent.state, Some(MessageState::Sent));
    assert_eq!(sent.id.as_ref().unwrap().as_str(), "item-00000");
    assert!(matches!(sent.content, EntryContent::Outgoing(_)));
    // With the connection the item comes, and the state goes.
    world.service.always.clear();
    world.run(60_000);
    let echo = entries(&world).pop().unwrap();
    assert!(matches!(echo.content, EntryContent::Item(_)));
    assert_eq!((echo.key, echo.state), (sent.key, None));
    assert_eq!(entries(&world).len(), 1);
}

#[test]
fn s143_compat_an_echo_that_is_faster_makes_the_message_go() {
    let mut world = tracked(COMPAT);
    world.send("hello");
    let key = entries(&world)[0].key;
    world.run(6);
    // The service has it, and publishes before it answers.
    let socket = world.socket();
    let (_, _, stored) = world.service.items[0].clone();
    let frame = chatloom_wire::frame::ServerFrame::Chat { content: stored.into() };
    world.input(Input::SocketText { socket, text: frame.to_text() });
    assert_eq!(shown(&world), ["item-00000", "hello sending"]);
    world.run(20);
    assert_eq!(shown(&world), ["item-00000"]);
    assert_eq!(entries(&world)[0].key, key);
}

#[test]
fn s144_d07_compat_a_failed_message_keeps_its_place() {
    let mut world = tracked(COMPAT);
    let one = world.say("1");
    world.run(20);
    world.script("SendMessage", &[Reply::Status(400)]);
    world.send("bad");
    let key = entries(&world)[1].key;
    world.run(20);
    let two = world.say("2");
    world.run(20);
    assert_eq!(shown(&world), [one.as_str(), "bad failed", two.as_str()]);
    assert_eq!(entries(&world)[1].key, key);
    // Nothing sends it again.
    world.run(60_000);
    assert_eq!(world.requests("SendMessage").len(), 1);
    // An older page does not move it.
    read(&mut world, ScanDirection::Backward, SortOrder::Descending, None);
    assert_eq!(shown(&world), [one.as_str(), "bad failed", two.as_str()]);
}

#[test]
fn s146_compat_receipts_set_the_state_of_the_entry_they_name() {
    let mut world = tracked(COMPAT);
    let id = world.say("hello");
    world.run(20);
    let event = world.publish(&ContentType::ParticipantJoined, None);
    world.run(20);
    let state = |world: &World| shown(world)[0].clone();
    live(&mut world, &receipt(Some("receipt"), &id, "DeliveredTimestamp", "agent-1"));
    assert_eq!(state(&world), format!("{id} delivered"));
    live(&mut world, &receipt(Some("receipt"), &id, "ReadTimestamp", "agent-1"));
    assert_eq!(state(&world), format!("{id} read"));
    live(&mut world, &receipt(Some("receipt"), &id, "DeliveredTimestamp", "agent-1"));
    assert_eq!(state(&world), format!("{id} delivered"), "a later one overwrites");
    // Without an outer id it has no effect, nor on what is no message.
    live(&mut world, &receipt(None, &id, "ReadTimestamp", "agent-1"));
    live(&mut world, &receipt(Some(&event), &event, "ReadTimestamp", "agent-1"));
    assert_eq!(shown(&world), [format!("{id} delivered"), event]);
}

#[test]
fn s147_compat_the_state_is_lost_when_a_page_brings_the_item() {
    let mut world = tracked(COMPAT);
    let id = world.say("hello");
    world.run(20);
    live(&mut world, &receipt(Some(&id), &id, "ReadTimestamp", "agent-1"));
    assert_eq!(shown(&world), [format!("{id} read")]);
    read(&mut world, ScanDirection::Backward, SortOrder::Ascending, None);
    assert_eq!(shown(&world), [id]);
}

#[test]
fn s148_compat_receipts_of_a_page_are_listed() {
    let mut world = tracked(COMPAT);
    let id = world.say("hello");
    world.service.items[0].2 = receipt(Some(&id), &id, "ReadTimestamp", ME);
    world.service.items[0].1 = "metadata".to_owned();
    world.service.items[0].2 =
        world.service.items[0].2.replace(&format!(r#""Id":"{id}""#), r#""Id":"metadata""#);
    world.run(20);
    read(&mut world, ScanDirection::Backward, SortOrder::Ascending, None);
    assert_eq!(shown(&world), ["metadata", id.as_str()]);
}

#[test]
fn s149_compat_what_has_no_id_is_not_listed() {
    let mut world = tracked(COMPAT);
    live(&mut world, r#"{"Type":"MESSAGE","Content":"words","ContactId":"contact-1"}"#);
    assert_eq!(world.delivered(), [""]);
    assert!(shown(&world).is_empty());
    // Nor the end that is made up (S164).
    world.service.ended = true;
    world.cut();
    world.run(60_000);
    assert_eq!(world.story().last(), Some(&"ended"));
    assert_eq!(world.delivered().len(), 2);
    assert!(shown(&world).is_empty());
}

#[test]
fn s150_compat_an_id_is_enough_to_be_listed() {
    let mut world = tracked(COMPAT);
    let mut ids = Vec::new();
    for content_type in [
        ContentType::Typing,
        ContentType::ParticipantJoined,
        ContentType::ParticipantIdle,
        ContentType::ParticipantLeft,
    ] {
        ids.push(world.publish(&content_type, None));
        world.run(20);
    }
    assert_eq!(shown(&world), ids);
    assert!(world.items().iter().any(|(kind, _)| *kind == ItemKind::Typing));
}

#[test]
fn s151_mended_d7_an_older_page_comes_before_in_any_order() {
    for order in [SortOrder::Ascending, SortOrder::Descending] {
        let mut world = World::connected(COMPAT);
        for n in 1..=4 {
            world.say(&n.to_string());
        }
        world.run(20);
        world.input(Input::Track { session: SESSION });
        for n in 5..=6 {
            world.say(&n.to_string());
        }
        world.run(20);
        assert_eq!(shown(&world).len(), 2);
        read(&mut world, ScanDirection::Backward, order, Some("4"));
        assert_eq!(shown(&world), world.stored());
    }
}

#[test]
fn d07_compat_live_items_are_sorted_by_time_and_id() {
    let mut world = tracked(COMPAT);
    for (id, time) in [("1", "t1"), ("3", "t3"), ("2", "t2"), ("2b", "t2"), ("0", "t0")] {
        live(&mut world, &item(id, time));
    }
    assert_eq!(shown(&world), ["0", "1", "2", "2b", "3"]);
    // The application was given them as they came.
    assert_eq!(world.delivered(), ["1", "3", "2", "2b", "0"]);
}

#[test]
fn s152_mended_d7_a_message_without_a_time_keeps_nothing_behind_it() {
    let mut world = tracked(COMPAT);
    world.service.items.clear();
    world.script("SendMessage", &[Reply::Later(503, 1_000)]);
    world.send("hello");
    assert_eq!(shown(&world), ["hello sending"]);
    live(&mut world, &item("2", "t2"));
    live(&mut world, &item("1", "t1"));
    assert_eq!(shown(&world), ["1", "2", "hello sending"]);
}

#[test]
fn s153_compat_the_token_is_that_of_the_last_page_read_backward() {
    let mut world = tracked(COMPAT);
    for n in 0..10 {
        world.say(&n.to_string());
    }
    world.run(20);
    assert_eq!(previous_token(&world).as_deref(), Some(""), "the first page had none");
    read(&mut world, ScanDirection::Backward, SortOrder::Ascending, None);
    assert_eq!(previous_token(&world).as_deref(), Some("6"));
    read(&mut world, ScanDirection::Backward, SortOrder::Ascending, Some("6"));
    assert_eq!(previous_token(&world).as_deref(), Some("2"));
    read(&mut world, ScanDirection::Forward, SortOrder::Ascending, None);
    assert_eq!(previous_token(&world).as_deref(), Some("2"), "forward does not touch it");
    read(&mut world, ScanDirection::Backward, SortOrder::Ascending, None);
    assert_eq!(previous_token(&world).as_deref(), Some("6"), "whatever page that fetched");
}

#[test]
fn s154_an_attachment_has_no_entry_before_its_item() {
    for behaviour in [COMPAT, Behaviour::Chatloom] {
        let mut world = tracked(behaviour);
        world.call(Call::SendAttachment(NewAttachment {
            name: "words.txt".to_owned(),
            size: 7,
            content_type: "text/plain".to_owned(),
        }));
        world.run(1_000);
        assert!(shown(&world).is_empty(), "{behaviour:?}");
    }
}

#[test]
fn d12_compat_a_repeat_is_another_message_and_off_line_it_fails() {
    let mut world = tracked(COMPAT);
    world.send("hello");
    world.send("hello");
    world.run(20);
    assert_eq!(world.service.items.len(), 2);
    world.input(Input::Network { online: false });
    world.always("SendMessage", Reply::Lost);
    let call = world.send("hello");
    world.run(20);
    assert!(matches!(world.result(call), Some(Err(CallError::Unreachable { .. }))));
    world.service.always.clear();
    world.input(Input::Network { online: true });
    world.run(60_000);
    assert_eq!(world.service.items.len(), 2, "nobody sends it again");
    // What failed cannot be resent or dropped: that is Chatloom's.
    let key = entries(&world).last().unwrap().key;
    let call = world.call(Call::Resend { key });
    assert!(world.result(call).unwrap().is_err());
}

#[test]
fn compat_is_bounded_too_and_has_no_gaps() {
    let mut options = crate::world::options(COMPAT);
    options.most_entries = 100;
    let mut world = crate::listed::tracked_with(options);
    for n in 0..150 {
        world.say(&n.to_string());
        world.run(1);
    }
    world.run(20);
    assert_eq!(shown(&world), world.stored()[50..]);
    // What the application asks for stays, at first.
    read(&mut world, ScanDirection::Backward, SortOrder::Ascending, Some("50"));
    assert_eq!(shown(&world), world.stored()[46..]);
    world.say("one more");
    world.run(20);
    assert_eq!(shown(&world).len(), 103);
    for n in 0..3 {
        world.say(&n.to_string());
        world.run(20);
    }
    assert_eq!(shown(&world), world.stored()[54..]);
}

proptest! {
    /// Whatever comes live and whatever pages bring, in any order and overlap, however often: the
    /// list is what came, by time and id.
    #[test]
    fn d07_compat_the_list_does_not_depend_on_the_order_of_arrival(
        steps in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..6), 1..60),
        parses: bool,
    ) {
        let mut world = tracked(COMPAT);
        world.parses = parses;
        let texts: Vec<String> =
            (0..30).map(|n| item(&format!("{n:02}"), &format!("t{:02}", n / 3))).collect();
        for (n, text) in texts.iter().enumerate() {
            let time = chatloom_wire::Timestamp::from_millis(n as i64);
            world.service.items.push((time, format!("{n:02}"), text.clone()));
        }
        let mut expected = std::collections::BTreeSet::new();
        for (index, what) in steps {
            let at = index.index(30);
            match what {
                0 | 1 => {
                    let order =
                        if what == 0 { SortOrder::Ascending } else { SortOrder::Descending };
                    let token = (at + 1).to_string();
                    read(&mut world, ScanDirection::Backward, order, Some(&token));
                    expected.extend((at.saturating_sub(3)..=at).map(|n| format!("{n:02}")));
                }
                _ => {
                    live(&mut world, &texts[at]);
                    expected.insert(format!("{at:02}"));
                }
            }
        }
        prop_assert_eq!(shown(&world), expected.into_iter().collect::<Vec<_>>());
        world.input(Input::Forget { session: SESSION });
        prop_assert!(world.with_core.is_empty());
    }
}
