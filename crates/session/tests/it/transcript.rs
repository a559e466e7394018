//! The transcript is always right, in Chatloom behaviour.

use chatloom_session::{Behaviour, Body, Call, Event, Input};
use chatloom_wire::{ContentType, Timestamp, frame::ServerFrame};
use proptest::prelude::*;

use crate::world::{Reply, Seen, Subscribe, World, item_text};

#[test]
fn the_first_connect_brings_what_came_before() {
    let mut world = World::new(Behaviour::Chatloom);
    for n in 0..250 {
        world.say(&n.to_string());
    }
    world.call(Call::Connect);
    world.run(1_000);
    assert_eq!(world.delivered(), world.stored());
    assert_eq!(world.story(), ["established", "caught up"]);
    assert_eq!(world.requests("GetTranscript").len(), 3);
}

#[test]
fn d06_every_missed_page_is_read() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.say("before");
    world.run(15_000);
    world.cut();
    for n in 0..250 {
        world.say(&n.to_string());
    }
    world.run(1_000);
    assert_eq!(world.delivered(), world.stored());
    let live = world.say("live");
    world.run(100);
    assert_eq!(world.delivered().last(), Some(&live));
    assert_eq!(world.delivered(), world.stored());
}

#[test]
fn items_that_come_during_recovery_wait_and_come_out_in_order() {
    for parses in [false, true] {
        let mut world = World::connected(Behaviour::Chatloom);
        world.parses = parses;
        world.say("1");
        world.run(15_000);
        world.cut();
        world.say("2");
        world.script("GetTranscript", &[Reply::Status(500); 4]);
        world.run_until(5_000, |world| world.requests("GetTranscript").len() == 2);
        world.say("3");
        world.say("4");
        world.run(20);
        assert_eq!(world.delivered().len(), 1, "nothing yet");
        world.run(60_000);
        assert_eq!(world.delivered(), world.stored());
        assert!(world.with_core.is_empty());
    }
}

#[test]
fn items_from_a_socket_that_is_not_subscribed_yet_wait_too() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.say("1");
    world.run(15_000);
    world.cut();
    world.say("missed");
    // The service delivers before it confirms: were the item taken for the next one, the recovery
    // would stop at it.
    world.run_until(1_000, |world| world.opened().len() == 2);
    world.run(11);
    let socket = world.socket();
    let text = item_text(
        "zz-late",
        Timestamp::parse("2027-01-01T00:00:00Z").unwrap(),
        &ContentType::TextPlain,
        Some("early bird"),
        true,
    );
    world.input(Input::SocketText {
        socket,
        text: ServerFrame::Chat { content: text.into() }.to_text(),
    });
    assert_eq!(world.delivered().len(), 1);
    world.run(1_000);
    let mut expected = world.stored();
    expected.push("zz-late".to_owned());
    assert_eq!(world.delivered(), expected);
}

#[test]
fn a_late_item_is_still_delivered_once() {
    let mut world = World::connected(Behaviour::Chatloom);
    let newer = item_text(
        "b",
        Timestamp::parse("2026-06-01T00:00:02Z").unwrap(),
        &ContentType::TextPlain,
        None,
        true,
    );
    let older = item_text(
        "a",
        Timestamp::parse("2026-06-01T00:00:01Z").unwrap(),
        &ContentType::TextPlain,
        None,
        true,
    );
    for text in [&newer, &older, &older, &newer] {
        world.publish_transient(text);
    }
    world.run(20);
    assert_eq!(world.delivered(), ["b", "a"]);
}

#[test]
fn what_is_of_the_moment_does_not_wait_for_the_transcript() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.run(15_000);
    world.cut();
    world.always("GetTranscript", Reply::Status(500));
    world.run(1_000);
    world.forget_seen();
    world.publish_transient(
        r#"{"Id":"t","AbsoluteTime":"2026","ContactId":"contact-1","Type":"EVENT","ContentType":"application/vnd.amazonaws.connect.event.typing"}"#,
    );
    world.say("waits");
    world.run(20);
    assert_eq!(world.delivered(), ["t"]);
}

#[test]
fn pages_that_are_not_full_are_no_end() {
    let mut world = World::new(Behaviour::Chatloom);
    world.service.page_size = Some(7);
    for n in 0..100 {
        world.say(&n.to_string());
    }
    world.call(Call::Connect);
    world.run(1_000);
    assert_eq!(world.delivered(), world.stored());
}

#[test]
fn a_gap_that_is_too_long_is_told() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.say("first");
    world.run(15_000);
    world.cut();
    for n in 0..10_500 {
        world.say(&n.to_string());
    }
    world.run(5_000);
    assert_eq!(
        world.story(),
        ["established", "caught up", "lost", "established", "gap", "caught up"]
    );
    let stored = world.stored();
    let delivered = world.delivered();
    assert_eq!(delivered[0], stored[0]);
    assert_eq!(delivered[1..], stored[stored.len() - 10_000..]);
    // The gap is told where it is: before the first item behind it.
    let gap =
        world.seen.iter().position(|(_, s)| matches!(s, Seen::Event(Event::Gap { .. }))).unwrap();
    let behind = world.seen[..gap]
        .iter()
        .filter(|(_, seen)| matches!(seen, Seen::Event(Event::Item { .. })))
        .count();
    assert_eq!(behind, 1);
}

#[test]
fn a_transcript_that_is_refused_is_a_gap_and_not_the_end() {
    for reply in [Reply::Status(400), Reply::Status(403), Reply::Garbage] {
        let mut world = World::connected(Behaviour::Chatloom);
        world.run(15_000);
        world.cut();
        world.always("GetTranscript", reply);
        world.say("lost for good");
        world.run(5_000);
        let live = world.say("live");
        world.run(100);
        assert_eq!(
            world.story(),
            ["established", "caught up", "lost", "established", "gap", "caught up"],
            "{reply:?}"
        );
        assert_eq!(world.delivered(), [live]);
    }
}

#[test]
fn a_transcript_that_is_refused_twice_is_read_with_a_third_token() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.run(15_000);
    world.cut();
    world.script("GetTranscript", &[Reply::Status(403), Reply::Status(403)]);
    world.say("1");
    world.run(5_000);
    assert_eq!(world.delivered(), world.stored());
    assert!(!world.story().contains(&"gap"));
}

#[test]
fn pages_without_end_are_a_gap() {
    let mut world = World::new(Behaviour::Chatloom);
    world.service.page_size = Some(1);
    for n in 0..450 {
        world.say(&n.to_string());
    }
    world.call(Call::Connect);
    world.run(10_000);
    assert_eq!(world.story(), ["established", "gap", "caught up"]);
    assert_eq!(world.delivered(), world.stored()[50..]);
}

#[test]
fn too_many_waiting_items_start_the_recovery_again() {
    for parses in [false, true] {
        let mut world = World::connected(Behaviour::Chatloom);
        world.parses = parses;
        world.run(15_000);
        world.cut();
        world.always("GetTranscript", Reply::Status(500));
        world.run(1_000);
        for n in 0..2_500 {
            world.say(&n.to_string());
        }
        world.run(100);
        assert!(world.with_core.len() <= 1_001, "{}", world.with_core.len());
        world.service.always.clear();
        let before = world.requests("GetTranscript").len();
        world.run(60_000);
        assert_eq!(world.requests("GetTranscript").len() - before, 25, "each page once");
        assert_eq!(world.delivered(), world.stored());
        assert!(world.with_core.is_empty());
    }
}

#[test]
fn a_socket_lost_during_recovery_starts_it_again_and_forgets_nothing() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.say("1");
    world.run(15_000);
    world.cut();
    for n in 0..150 {
        world.say(&n.to_string());
    }
    world.run_until(5_000, |world| world.requests("GetTranscript").len() == 2);
    world.say("while reading");
    world.run(6);
    world.cut();
    world.say("while away again");
    world.run(30_000);
    assert_eq!(world.delivered(), world.stored());
}

#[test]
fn the_end_that_was_missed_is_found_in_the_transcript() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.run(15_000);
    world.cut();
    world.say("bye");
    // This service still answers after the end.
    world.publish(&ContentType::ChatEnded, None);
    world.run(1_000);
    assert_eq!(world.delivered(), world.stored());
    assert_eq!(
        world.story(),
        ["established", "caught up", "lost", "established", "caught up", "ended"]
    );
    assert!(world.open_sockets().is_empty());
}

#[test]
fn the_end_of_an_earlier_chat_does_not_end_this_one() {
    let mut world = World::new(Behaviour::Chatloom);
    world.publish(&ContentType::ChatEnded, None);
    let (_, _, text) = &mut world.service.items[0];
    *text = text.replace(r#""ContactId":"contact-1""#, r#""RelatedContactId":"contact-0""#);
    let id = world.say("a new chat");
    world.call(Call::Connect);
    world.run(1_000);
    assert_eq!(world.delivered().last(), Some(&id));
    assert_eq!(world.delivered().len(), 2);
    assert_eq!(world.story(), ["established", "caught up"]);
}

#[test]
fn an_unreadable_item_does_not_spoil_its_page() {
    let mut world = World::new(Behaviour::Chatloom);
    world.say("1");
    world.say("2");
    world.say("3");
    world.service.items[1].2 = r#"{"Id":7}"#.to_owned();
    world.call(Call::Connect);
    world.run(1_000);
    assert_eq!(world.delivered(), ["item-00000", "item-00002"]);
}

#[test]
fn a_hand_over_while_the_transcript_cannot_be_read_holds_nothing_back() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.run(3_530_000);
    world.always("GetTranscript", Reply::Status(500));
    world.run(60_000);
    assert_eq!(world.open_sockets().len(), 2);
    let id = world.say("over the old socket, and the new one");
    world.run(100);
    assert_eq!(world.delivered(), std::slice::from_ref(&id));
    world.service.always.clear();
    world.run(60_000);
    assert_eq!(world.open_sockets().len(), 1);
    assert_eq!(world.delivered(), [id]);
}

#[test]
fn during_a_hand_over_what_is_of_the_moment_comes_once() {
    for parses in [false, true] {
        let mut world = World::connected(Behaviour::Chatloom);
        world.parses = parses;
        world.run(3_530_000);
        world.always("GetTranscript", Reply::Status(500));
        world.run(60_000);
        assert_eq!(world.open_sockets().len(), 2);
        world.publish(&ContentType::Typing, None);
        world.run(100);
        assert_eq!(world.delivered().len(), 1);
        assert!(world.with_core.is_empty());
    }
}

#[test]
fn without_a_socket_the_transcript_is_not_read() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.run(15_000);
    world.always("GetTranscript", Reply::Status(500));
    world.cut();
    world.run(1_000);
    world.always("CreateParticipantConnection", Reply::Status(500));
    world.cut();
    world.run(50);
    let before = world.requests("GetTranscript").len();
    world.run(600_000);
    assert_eq!(world.requests("GetTranscript").len(), before);
}

#[test]
fn a_candidate_that_dies_leaves_no_socket_unread() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.say("1");
    world.run(15_000);
    // The first socket of this connection is not read for, as the transcript fails...
    world.always("GetTranscript", Reply::Status(500));
    world.cut();
    world.run(1_000);
    let primary = world.socket();
    // ...when it misses a heartbeat, and a candidate comes...
    world.sockets.heartbeat = false;
    world.run_until(30_000, |world| world.open_sockets().len() == 2);
    world.run(100);
    // ...that dies, while the first one comes back to life.
    world.sockets.heartbeat = true;
    world.push_to(primary, r#"{"topic":"aws/heartbeat"}"#.to_owned());
    let candidate = world.socket();
    world.cut_one(candidate);
    world.say("2");
    world.run(100);
    world.service.always.clear();
    world.run(60_000);
    assert_eq!(world.open_sockets(), [primary]);
    assert_eq!(world.delivered(), world.stored());
    let live = world.say("3");
    world.run(100);
    assert_eq!(world.delivered().last(), Some(&live));
}

/// A session with a healthy socket for which the transcript cannot be read, and a second one that
/// has subscribed meanwhile.
fn two_sockets_to_read_for() -> World {
    let mut world = World::connected(Behaviour::Chatloom);
    world.run(15_000);
    world.always("GetTranscript", Reply::Status(500));
    world.cut();
    world.run(3_600_000);
    assert_eq!(world.open_sockets().len(), 2);
    world.say("1");
    world.run(100);
    assert!(world.delivered().is_empty());
    world
}

#[test]
fn sockets_are_read_for_one_after_the_other() {
    let mut world = two_sockets_to_read_for();
    world.service.always.clear();
    world.run(31_000);
    world.say("2");
    world.run(100);
    assert_eq!(world.open_sockets().len(), 1);
    assert_eq!(world.delivered(), world.stored());
}

#[test]
fn the_heir_of_a_lost_socket_is_read_for() {
    let mut world = two_sockets_to_read_for();
    let primary = world.open_sockets()[0];
    world.service.always.clear();
    world.cut_one(primary);
    world.run(1_000);
    world.say("2");
    world.run(100);
    assert_eq!(world.delivered(), world.stored());
}

#[test]
fn a_socket_that_is_confirmed_late_is_read_for_when_the_other_one_is_gone() {
    let mut world = World::new(Behaviour::Chatloom);
    world.sockets.subscribe = Subscribe::Silent;
    world.call(Call::Connect);
    world.run_until(6_000, |world| world.open_sockets().len() == 2);
    world.sockets.subscribe = Subscribe::Confirm;
    world.always("GetTranscript", Reply::Status(500));
    world.run(100);
    let sockets = world.open_sockets();
    world.confirm(sockets[0]);
    world.run(100);
    world.service.always.clear();
    world.always("CreateParticipantConnection", Reply::Lost);
    world.cut_one(sockets[1]);
    world.run(100);
    world.say("1");
    world.run(100);
    assert_eq!(world.delivered(), world.stored());
}

#[test]
fn what_a_second_socket_brings_waits_for_its_own_reading() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.run(15_000);
    world.cut();
    world.say("1");
    world.run_until(1_000, |world| {
        world.seen.iter().any(|(_, seen)| matches!(seen, Seen::Http("GetTranscript")))
            && world.opened().len() == 2
            && world.story().ends_with(&["established"])
    });
    // The page is read now and arrives in 8 s; the socket goes dead right after.
    world.latency = 8_000;
    world.run(6);
    world.latency = 5;
    world.half_open();
    world.say("2");
    world.input(Input::Network { online: false });
    world.input(Input::Network { online: true });
    world.run(6_000);
    world.say("3");
    world.run(30_000);
    assert_eq!(world.delivered(), world.stored());
}

#[test]
fn the_application_gets_the_same_from_transcript_and_socket() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.run(15_000);
    world.cut();
    world.publish(&ContentType::ParticipantInvited, None);
    world.run(1_000);
    let items = world.items();
    assert_eq!(items[0].0, chatloom_session::ItemKind::ParticipantInvited);
    assert!(
        world
            .seen
            .iter()
            .any(|(_, seen)| matches!(seen, Seen::Event(Event::Item { body: Body::Item(_), .. })))
    );
}

proptest! {
    /// Whatever part of the items comes live, in whatever order and however often, while the
    /// transcript is read: what is delivered is the transcript.
    #[test]
    fn d07_merging_does_not_depend_on_the_order_of_arrival(
        count in 1_usize..60,
        page in 1_usize..20,
        arrivals in prop::collection::vec(any::<prop::sample::Index>(), 0..80),
        parses: bool,
    ) {
        let mut world = World::new(Behaviour::Chatloom);
        world.parses = parses;
        world.service.page_size = Some(page);
        world.call(Call::Connect);
        world.run_until(1_000, |world| world.opened().len() == 1);
        world.run(12);
        // Items that are in the transcript, and reach the socket out of order before it is read.
        let start = Timestamp::parse("2026-03-01T00:00:00Z").unwrap();
        for n in 0..count {
            let id = format!("item-{n:05}");
            // Pairs share a time, so that the id decides.
            let time = start.plus_millis(n as i64 / 2);
            let text = item_text(&id, time, &ContentType::TextPlain, Some("words"), false);
            world.service.items.push((time, id, text));
        }
        let socket = world.socket();
        for index in &arrivals {
            let (time, id, _) = world.service.items[index.index(count)].clone();
            let text = item_text(&id, time, &ContentType::TextPlain, Some("words"), true);
            world.push_to(socket, ServerFrame::Chat { content: text.into() }.to_text());
        }
        world.run(2_000);
        prop_assert_eq!(world.delivered(), world.stored());
        prop_assert!(world.with_core.is_empty());
    }
}

/// Publishes a file that is being looked at.
fn publish_file(world: &mut World) -> String {
    world.publish_of(&ContentType::Attachment, None, |text| {
        let file =
            r#""Type":"ATTACHMENT","Attachments":[{"AttachmentId":"a-1","Status":"IN_PROGRESS"}]"#;
        let text = text.replace(r#""Type":"MESSAGE""#, file);
        assert!(text.contains(file), "{text}");
        text
    })
}

/// From now on the transcript says what became of a file.
fn approve(world: &mut World, file: &str) {
    let stored = world.service.items.iter_mut().find(|(_, id, _)| id == file).unwrap();
    stored.2 = stored.2.replace("IN_PROGRESS", "APPROVED");
}

#[test]
fn what_became_of_a_file_meanwhile_is_told_after_the_recovery() {
    for parses in [false, true] {
        for pages in [0, 3] {
            let mut world = World::connected(Behaviour::Chatloom);
            world.parses = parses;
            world.say("before");
            let file = publish_file(&mut world);
            let other = publish_file(&mut world);
            for n in 0..100 * pages {
                world.say(&n.to_string());
            }
            world.run(15_000);
            assert_eq!(world.delivered(), world.stored());
            world.cut();
            approve(&mut world, &file);
            world.say("meanwhile");
            world.run(1_000);
            // Once more, and only this one; from an earlier page after what was missed.
            let mut expected = world.stored();
            let at = if pages == 0 { expected.len() - 1 } else { expected.len() };
            expected.insert(at, file.clone());
            assert_eq!(world.delivered(), expected, "{parses} {pages}");

            // The other one is still looked for; the first is known.
            world.cut();
            approve(&mut world, &other);
            world.run(1_000);
            expected.push(other);
            assert_eq!(world.delivered(), expected, "{parses} {pages}");
            world.cut();
            world.run(1_000);
            assert_eq!(world.delivered(), expected, "{parses} {pages}");
        }
    }
}

#[test]
fn a_file_of_long_ago_does_not_have_everything_read_again() {
    let mut world = World::connected(Behaviour::Chatloom);
    publish_file(&mut world);
    for n in 0..1_500 {
        world.say(&n.to_string());
    }
    world.run(15_000);
    let before = world.requests("GetTranscript").len();
    world.cut();
    world.run(1_000);
    assert_eq!(world.requests("GetTranscript").len() - before, 10);
    assert_eq!(world.delivered(), world.stored());
}

#[test]
fn what_was_missed_waits_for_no_file() {
    let mut world = World::connected(Behaviour::Chatloom);
    let file = publish_file(&mut world);
    for n in 0..300 {
        world.say(&n.to_string());
    }
    world.run(15_000);
    approve(&mut world, &file);
    // The newest page has what was missed; those before it cannot be read for now.
    world.cut();
    world.script("GetTranscript", &[Reply::Serve]);
    world.always("GetTranscript", Reply::Status(500));
    world.say("meanwhile");
    world.run(1_000);
    let mut expected = world.stored();
    assert_eq!(world.delivered(), expected);
    world.run(60_000);
    assert!(!world.story().contains(&"gap"));
    // Whoever comes back meanwhile looks for the file anew, and one of both finds it.
    world.cut();
    world.service.always.clear();
    world.run(120_000);
    expected.push(file);
    assert_eq!(world.delivered(), expected);
}
