//! Snapshots: a session goes on in another process, and nothing is lost or there twice.

use chatloom_session::{
    Behaviour, Call, CallError, EntryContent, EntryKey, Event, Input, MessageState, Outgoing,
    SessionOptions, Step, Value,
};
use chatloom_wire::ContentType;

use crate::world::{PARTICIPANT_TOKEN, Reply, SESSION, Seen, World, options};

/// Of a session that is kept.
fn kept(behaviour: Behaviour) -> SessionOptions {
    SessionOptions { persist: true, ..options(behaviour) }
}

/// What another program would begin with: it knows nothing but the behaviour.
fn stranger(behaviour: Behaviour) -> SessionOptions {
    SessionOptions {
        participant_token: "another token".into(),
        contact_id: "another contact".into(),
        initial_contact_id: "another contact".into(),
        participant_id: "another participant".into(),
        ..kept(behaviour)
    }
}

fn connected() -> World {
    let mut world = World::recorded(kept(Behaviour::Chatloom), 1);
    world.call(Call::Connect);
    world.run(100);
    world
}

fn message(text: &str, client_token: &str) -> Call {
    Call::SendMessage(Outgoing {
        content_type: ContentType::TextPlain,
        content: Some(text.to_owned()),
        client_token: Some(client_token.to_owned()),
    })
}

/// What became of messages, in the order in which it was told.
fn told(world: &World) -> Vec<(EntryKey, MessageState)> {
    let state = |seen: &Seen| match seen {
        Seen::Event(Event::Message { key, state, .. }) => Some((*key, state.clone())),
        _ => None,
    };
    world.seen.iter().filter_map(|(_, seen)| state(seen)).collect()
}

/// How often a text is in the service's transcript.
fn stored_times(world: &World, text: &str) -> usize {
    let content = format!("\"{text}\"");
    world.service.items.iter().filter(|(_, _, item)| item.contains(&content)).count()
}

#[test]
fn whenever_the_process_is_killed_nothing_is_lost_or_there_twice() {
    for at in 0..90 {
        for arrives in [false, true] {
            let mut world = World::recorded(kept(Behaviour::Chatloom), 1);
            world.parses = at % 2 == 0;
            world.service.page_size = Some(2);
            world.say("words before");
            world.call(Call::Connect);
            let end = world.now + at;
            world.run(at.min(30));
            world.send("words 1");
            world.say("words meanwhile");
            world.send("words 2");
            world.script("SendMessage", &[Reply::Serve, Reply::AnswerLost, Reply::Status(503)]);
            world.send("words 3");
            world.run(end - world.now);
            world.say("words at the end");
            world.restart(stranger(Behaviour::Chatloom), arrives);
            for n in 0..5 {
                world.say(&format!("words while away {n}"));
            }
            world.call(Call::Connect);
            world.run(60_000);
            world.say("words after");
            world.run(1_000);

            let why = format!("killed after {at} ms, arrives: {arrives}");
            assert_eq!(world.delivered(), world.stored(), "{why}");
            assert!(!world.story().contains(&"gap"), "{why}");
            for n in 1..=3 {
                assert_eq!(stored_times(&world, &format!("words {n}")), 1, "{why}");
                let sent = (EntryKey(n), MessageState::Sent);
                assert!(told(&world).contains(&sent), "{why}: {:?}", told(&world));
            }
            assert!(world.with_core.is_empty(), "{why}: items are leaked");
            world.check_recording();
        }
    }
}

#[test]
fn a_session_that_is_to_replay_gives_everything_again_and_sends_nothing_twice() {
    let mut world = World::recorded(kept(Behaviour::Chatloom), 1);
    world.service.page_size = Some(2);
    for n in 0..5 {
        world.say(&format!("words {n}"));
    }
    world.call(Call::Connect);
    world.run(100);
    world.always("SendMessage", Reply::AnswerLost);
    world.send("words that wait");
    world.run(2);
    world.service.always.clear();
    world.forget_seen();
    let options = SessionOptions { replay: true, ..stranger(Behaviour::Chatloom) };
    world.restart(options, true);
    world.say("words while away");
    world.call(Call::Connect);
    world.run(1_000);
    assert_eq!(world.delivered(), world.stored());
    assert_eq!(stored_times(&world, "words that wait"), 1);
    assert_eq!(told(&world).last().map(|(_, state)| state), Some(&MessageState::Sent));
    world.check_recording();
}

#[test]
fn a_message_that_was_on_its_way_is_sent_again_with_the_same_client_token() {
    for arrives in [false, true] {
        let mut world = connected();
        world.always("SendMessage", Reply::Lost);
        world.call(message("words", "my-token"));
        world.send("more words");
        world.run(2);
        world.service.always.clear();
        world.restart(stranger(Behaviour::Chatloom), arrives);
        let queued = [(EntryKey(1), MessageState::Queued), (EntryKey(2), MessageState::Queued)];
        assert_eq!(told(&world)[3..], queued, "it is told what waits");
        world.service.requests.clear();
        world.call(Call::Connect);
        world.run(1_000);
        let sent = |world: &World| -> Vec<String> {
            let sent = world.service.requests.iter();
            sent.filter(|(_, http)| http.operation == "SendMessage")
                .map(|(_, http)| http.body.clone())
                .collect()
        };
        let first = r#"{"ClientToken":"my-token","Content":"words","ContentType":"text/plain"}"#;
        assert_eq!(sent(&world)[0], first);
        assert_eq!(sent(&world).len(), 2);
        assert_eq!(stored_times(&world, "words"), 1);
        assert_eq!(stored_times(&world, "more words"), 1);

        // A new one has a key of its own.
        world.send("new words");
        world.run(1_000);
        let (key, state) = told(&world).pop().unwrap();
        assert!(key > EntryKey(2) && state == MessageState::Sent, "{key:?} {state:?}");
    }
}

#[test]
fn what_another_process_left_outlives_a_first_connect_without_a_network() {
    for reply in [Reply::Lost, Reply::Status(503), Reply::Status(403)] {
        let mut world = connected();
        world.always("SendMessage", Reply::Lost);
        world.send("words");
        world.run(2);
        world.service.always.clear();
        world.restart(stranger(Behaviour::Chatloom), false);
        world.always("CreateParticipantConnection", reply);
        let connect = world.call(Call::Connect);
        let mine = world.send("mine");
        world.run(60_000);
        assert!(matches!(world.result(connect), Some(Err(_))));
        assert!(matches!(world.result(mine), Some(Err(_))), "who waits hears of it");
        let waits = told(&world)
            .iter()
            .all(|(key, state)| *key != EntryKey(1) || !matches!(state, MessageState::Failed(_)));
        assert_eq!(waits, reply != Reply::Status(403), "{reply:?}");
        world.service.always.clear();
        world.call(Call::Connect);
        world.run(1_000);
        assert_eq!(stored_times(&world, "words"), usize::from(waits));
    }
}

#[test]
fn a_message_that_failed_is_still_there_with_its_reason() {
    let mut world = connected();
    world.script("SendMessage", &[Reply::Status(400)]);
    world.call(message("words", "my-token"));
    world.run(1_000);
    let Some((EntryKey(1), MessageState::Failed(error))) = told(&world).pop() else {
        panic!("{:?}", told(&world))
    };
    assert!(matches!(error, CallError::Service(_)));
    world.restart(stranger(Behaviour::Chatloom), false);
    assert_eq!(told(&world).last(), Some(&(EntryKey(1), MessageState::Failed(error.clone()))));

    // It is in the list of who looks, and goes when it is sent again.
    world.input(Input::Track { session: SESSION });
    let shown = world.seen.iter().rev().find_map(|(_, seen)| match seen {
        Seen::Event(Event::Transcript(update)) => Some(update.steps.clone()),
        _ => None,
    });
    let Some([Step::Insert { entry, .. }, ..]) = shown.as_deref() else { panic!("{shown:?}") };
    assert!(
        matches!(&entry.content, EntryContent::Outgoing(what) if what.content.as_deref() == Some("words"))
    );
    world.call(Call::Connect);
    world.run(1_000);
    assert_eq!(stored_times(&world, "words"), 0, "nobody asked for it");
    let resend = world.call(Call::Resend { key: EntryKey(1) });
    world.run(1_000);
    assert!(matches!(world.result(resend), Some(Ok(Value::Answered(_)))));
    assert_eq!(stored_times(&world, "words"), 1);
    let (_, http) =
        world.service.requests.iter().rfind(|(_, http)| http.operation == "SendMessage").unwrap();
    assert!(http.body.contains("my-token"), "{}", http.body);

    // Once it is through, or dropped, nothing of it is kept.
    world.script("SendMessage", &[Reply::Status(400)]);
    world.send("other words");
    world.run(1_000);
    let (key, _) = told(&world).pop().unwrap();
    assert!(world.kept.last().unwrap().1.as_ref().unwrap().contains("other words"));
    world.call(Call::Discard { key });
    assert!(!world.kept.last().unwrap().1.as_ref().unwrap().contains("words"));
}

#[test]
fn ids_and_token_of_the_snapshot_count() {
    for behaviour in [Behaviour::Compat, Behaviour::Chatloom] {
        let mut world = World::recorded(kept(behaviour), 1);
        world.restart(stranger(behaviour), false);
        let connect = world.call(Call::Connect);
        world.run(1_000);
        assert!(matches!(world.result(connect), Some(Ok(Value::Connected { .. }))));
        let (_, http) = &world.service.requests[0];
        assert!(http.headers.contains(&("x-amz-bearer", PARTICIPANT_TOKEN.to_owned())));
        let details = world.core.chat_details(SESSION).unwrap();
        assert_eq!(details.contact_id.as_str(), "contact-1");
        world.say("words");
        world.run(100);
        assert_eq!(world.delivered(), world.stored());
        world.check_recording();
    }
}

#[test]
fn it_is_kept_when_something_changed_and_only_then() {
    let mut world = connected();
    assert_eq!(world.kept.len(), 1, "when it begins: {:?}", world.kept);
    // Heartbeats, a hand-over and an outage change nothing that is kept.
    world.run(2 * 3_600_000);
    world.cut();
    world.run(60_000);
    world.typing();
    world.run(1_000);
    assert_eq!(world.kept.len(), 1);
    // A message: when it is taken, when it is through, when it comes.
    world.send("words");
    assert_eq!(world.kept.len(), 2);
    world.run(1_000);
    assert_eq!(world.kept.len(), 4);
    world.say("words");
    world.run(1_000);
    assert_eq!(world.kept.len(), 5);
    // A recovery of many items is one change.
    world.cut();
    for n in 0..20 {
        world.say(&format!("words {n}"));
    }
    world.run(60_000);
    assert_eq!(world.kept.len(), 6);
    // After a restart nothing has changed.
    world.restart(stranger(Behaviour::Chatloom), false);
    world.call(Call::Connect);
    world.run(60_000);
    assert_eq!(world.kept.len(), 6);
    // Nothing of a chat that is over is kept, and that is said once.
    world.end_chat();
    world.run(60_000);
    assert_eq!(world.kept.len(), 7);
    assert_eq!(world.kept[6].1, None);
    assert_eq!(world.core.snapshot(SESSION), None);
    world.input(Input::Forget { session: SESSION });
    assert_eq!(world.kept.len(), 7);
}

#[test]
fn a_session_that_is_forgotten_can_go_on_elsewhere() {
    let mut world = connected();
    world.send("words");
    world.input(Input::Forget { session: SESSION });
    assert!(world.kept.last().unwrap().1.is_some());
    assert_eq!(world.core.snapshot(SESSION), None, "nobody knows it any more");
    world.restart(stranger(Behaviour::Chatloom), false);
    world.call(Call::Connect);
    world.run(1_000);
    assert_eq!(stored_times(&world, "words"), 1);
}

#[test]
fn without_the_option_nothing_is_kept_but_a_snapshot_can_be_had() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.send("words");
    world.run(1_000);
    assert_eq!(world.kept, []);
    let snapshot = world.core.snapshot(SESSION).unwrap();
    assert!(snapshot.contains("\"Id\":\"item-00000\""), "{snapshot}");
}

#[test]
fn a_snapshot_of_a_restored_session_is_the_same() {
    let mut world = connected();
    world.publish(&ContentType::ParticipantJoined, None);
    for n in 0..300 {
        world.say(&format!("words {n}"));
    }
    world.run(1_000);
    world.script("SendMessage", &[Reply::Status(400)]);
    world.send("words \u{1f600} \"quoted\" \n");
    world.run(1_000);
    // Who has read how far is kept as well.
    let newest = world.stored().pop().unwrap();
    let read = world.call(Call::MarkRead { item: newest.as_str().into() });
    let receipt = format!(
        r#"{{"Type":"MESSAGEMETADATA","MessageMetadata":{{"MessageId":"{newest}","Receipts":[{{"ReadTimestamp":"t","RecipientParticipantId":"agent-2"}}]}}}}"#
    );
    world.publish_transient(&receipt);
    world.run(10_000);
    assert!(matches!(world.result(read), Some(Ok(_))));
    world.send("words that wait");
    let before = world.core.snapshot(SESSION);
    world.restart(stranger(Behaviour::Chatloom), false);
    assert_eq!(world.core.snapshot(SESSION), before);
    let people = world.seen.iter().rev().find_map(|(_, seen)| match seen {
        Seen::Event(Event::Roster(people)) => Some(people),
        _ => None,
    });
    let people = people.expect("told who is there");
    assert_eq!(people[0].name.as_deref(), Some("Ana"));
    assert_eq!(people[1].read.as_ref().map(ToString::to_string), Some(newest.clone()));
    world.call(Call::Connect);
    world.run(1_000);
    let again = world.call(Call::MarkRead { item: newest.as_str().into() });
    assert!(matches!(world.result(again), Some(Ok(Value::AlreadyFired))));
}

#[test]
fn a_snapshot_does_not_grow_with_the_chat() {
    let mut world = connected();
    let mut sizes = Vec::new();
    for n in 0..3_000 {
        world.say(&format!("words {n}"));
        if n % 1_000 == 999 {
            world.run(1_000);
            sizes.push(world.core.snapshot(SESSION).unwrap().len());
        }
    }
    assert_eq!(sizes[0], sizes[1]);
    assert_eq!(sizes[1], sizes[2]);
    assert!(sizes[2] < 64 << 10, "{sizes:?}");
}

#[test]
fn a_snapshot_that_cannot_be_read_is_refused_and_the_session_begins_anew() {
    let mut world = connected();
    world.say("words");
    world.run(100);
    world.script("SendMessage", &[Reply::Status(400)]);
    world.send("words");
    world.run(1_000);
    let good = world.core.snapshot(SESSION).unwrap();
    let mut bad: Vec<String> = [
        ("\"Version\":1", "\"Version\":2"),
        ("\"Version\":1", "\"Version\":\"1\""),
        ("\"ContactId\":\"contact-1\"", "\"ContactId\":1"),
        ("\"ParticipantToken\":", "\"Participant\":"),
        ("\"Key\":1", "\"Key\":0"),
        ("\"Key\":1", "\"Key\":-1"),
        ("\"Key\":1", "\"Key\":9223372036854775807"),
        ("\"ClientToken\":", "\"Client\":"),
        ("\"ContentType\":", "\"Content\":"),
        ("\"Outbox\":[{", "\"Outbox\":[1,{"),
        ("\"Outbox\":[", "\"Outbox\":{},\"Inbox\":["),
        ("\"Near\":[", "\"Near\":[{}],\"Far\":["),
        ("\"Near\":", "\"Below\":{\"Id\":\"1\"},\"Near\":"),
    ]
    .into_iter()
    .map(|(from, to)| {
        assert!(good.contains(from), "{from} is not in {good}");
        good.replacen(from, to, 1)
    })
    .collect();
    // Two messages with one key; more of everything than there can be.
    let begin = good.find("\"Outbox\":[").unwrap() + "\"Outbox\":[".len();
    let end = begin + good[begin..].find('}').unwrap();
    let end = end + 1 + good[end + 1..].find('}').unwrap() + 1;
    let one = &good[begin..end];
    bad.push(good.replacen(one, &format!("{one},{one}"), 1));
    let many: Vec<String> =
        (1..=2_001).map(|key| one.replacen("\"Key\":1", &format!("\"Key\":{key}"), 1)).collect();
    bad.push(good.replacen(one, &many.join(","), 1));
    let near = r#"{"AbsoluteTime":"t","Id":"i"},"#.repeat(1_001);
    bad.push(good.replacen("\"Near\":[", &format!("\"Near\":[{near}"), 1));
    bad.extend((0..good.len()).map(|at| good[..at].to_owned()));
    bad.extend(["", "null", "[]", "{}", "\u{0}"].map(str::to_owned));
    for snapshot in bad {
        let mut world = World::recorded(kept(Behaviour::Chatloom), 1);
        world.input(Input::Forget { session: SESSION });
        world.forget_seen();
        let options = Box::new(kept(Behaviour::Chatloom));
        world.input(Input::Restore { session: SESSION, options, snapshot: snapshot.clone() });
        let seen: Vec<&Seen> = world.seen.iter().map(|(_, seen)| seen).collect();
        assert!(matches!(seen[..], [Seen::Log, Seen::Persist]), "{snapshot}: {seen:?}");
        let connect = world.call(Call::Connect);
        world.run(100);
        assert!(matches!(world.result(connect), Some(Ok(_))), "{snapshot}");
    }
    // The one that is whole is not.
    let mut world = World::recorded(kept(Behaviour::Chatloom), 1);
    world.input(Input::Forget { session: SESSION });
    world.forget_seen();
    let options = Box::new(stranger(Behaviour::Chatloom));
    world.input(Input::Restore { session: SESSION, options, snapshot: good.clone() });
    assert!(
        matches!(
            world.seen[..],
            [(_, Seen::Event(Event::Message { .. })), (_, Seen::Event(Event::Roster(_)))]
        ),
        "{:?}",
        world.seen
    );
    assert_eq!(world.core.snapshot(SESSION), Some(good));
    world.check_recording();
}

#[test]
fn a_session_that_is_there_is_not_restored_over() {
    let mut world = connected();
    let snapshot = world.core.snapshot(SESSION).unwrap().replace("contact-1", "contact-2");
    let options = Box::new(stranger(Behaviour::Chatloom));
    world.input(Input::Restore { session: SESSION, options, snapshot });
    assert_eq!(world.core.chat_details(SESSION).unwrap().contact_id.as_str(), "contact-1");
}
