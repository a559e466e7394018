//! Messages on their way, in Chatloom behaviour.

use chatloom_session::{Behaviour, Call, CallError, CallId, Input, Value};

use crate::world::{Reply, Seen, Subscribe, World};

fn sent(world: &World, calls: &[CallId]) -> bool {
    calls.iter().all(|call| matches!(world.result(*call), Some(Ok(Value::Answered(_)))))
}

fn contents(world: &World) -> Vec<String> {
    world
        .service
        .items
        .iter()
        .filter_map(|(_, _, text)| {
            let item = chatloom_wire::Item::from_text(text.as_str()).unwrap();
            item.content().map(std::borrow::Cow::into_owned)
        })
        .collect()
}

#[test]
fn messages_are_sent_one_at_a_time_and_in_order() {
    let mut world = World::connected(Behaviour::Chatloom);
    let calls: Vec<CallId> = (0..20).map(|n| world.send(&n.to_string())).collect();
    let first = world.seen.iter().filter(|(_, seen)| matches!(seen, Seen::Http("SendMessage")));
    assert_eq!(first.count(), 1);
    world.run(1_000);
    assert!(sent(&world, &calls));
    assert_eq!(contents(&world), (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(world.delivered(), world.stored());
}

#[test]
fn d12_a_message_survives_what_passes_and_is_sent_once() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.script(
        "SendMessage",
        &[
            Reply::Lost,
            Reply::AnswerLost,
            Reply::Status(500),
            Reply::Status(429),
            Reply::AnswerLost,
            Reply::Status(503),
        ],
    );
    let calls = [world.send("one"), world.send("two")];
    world.run(120_000);
    assert!(sent(&world, &calls));
    assert_eq!(contents(&world), ["one", "two"]);
    assert_eq!(world.requests("SendMessage").len(), 8);
}

#[test]
fn a_message_that_waits_for_its_back_off_goes_out_with_the_next_subscription() {
    for (reply, at_once) in [(Reply::Status(503), true), (Reply::Later(503, 60_000), false)] {
        let mut world = World::connected(Behaviour::Chatloom);
        world.always("SendMessage", reply);
        let call = world.send("words");
        // Until the back-off is long, and some seconds into one.
        world.run_until(600_000, |world| world.requests("SendMessage").len() == 9);
        let failed = world.now;
        world.run(100);
        world.service.always.clear();
        world.cut();
        world.run(1_500);
        assert!(world.now < failed + 2_000);
        assert_eq!(sent(&world, &[call]), at_once, "{reply:?}");
        world.run(60_000);
        assert!(sent(&world, &[call]));
    }
}

#[test]
fn d12_a_message_waits_while_the_network_is_away() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.cut();
    world.input(Input::Network { online: false });
    let call = world.send("patience");
    world.run(600_000);
    assert!(world.requests("SendMessage").is_empty());
    world.input(Input::Network { online: true });
    world.run(100);
    assert!(sent(&world, &[call]));
}

#[test]
fn coming_online_ends_the_back_off_of_a_message() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.always("SendMessage", Reply::Lost);
    let call = world.send("x");
    world.run(300_000);
    world.input(Input::Network { online: false });
    world.run(100_000);
    world.service.always.clear();
    world.input(Input::Network { online: true });
    world.run(100);
    assert!(sent(&world, &[call]));
}

#[test]
fn a_message_that_fails_does_not_block_the_next() {
    for status in [400, 402, 404, 409, 413] {
        let mut world = World::connected(Behaviour::Chatloom);
        world.script("SendMessage", &[Reply::Status(status)]);
        let (bad, good) = (world.send("bad"), world.send("good"));
        world.run(1_000);
        assert!(
            matches!(world.result(bad), Some(Err(CallError::Service(e))) if e.status == status)
        );
        assert!(sent(&world, &[good]));
    }
}

#[test]
fn messages_are_taken_as_soon_as_connect_is_called() {
    let mut world = World::new(Behaviour::Chatloom);
    world.call(Call::Connect);
    let call = world.send("early");
    assert!(world.result(call).is_none());
    world.run(1_000);
    assert!(sent(&world, &[call]));
}

#[test]
fn the_first_message_waits_for_the_subscription() {
    // A service counts a participant as connected when it subscribes, and refuses messages before.
    let mut world = World::new(Behaviour::Chatloom);
    world.sockets.subscribe = Subscribe::Silent;
    world.call(Call::Connect);
    let call = world.send("early");
    world.run(900);
    assert!(world.requests("SendMessage").is_empty());
    world.sockets.subscribe = Subscribe::Confirm;
    world.run(1_000);
    assert!(sent(&world, &[call]));
    // Later ones do not: the participant stays connected while its socket is away.
    world.always("CreateParticipantConnection", Reply::Lost);
    world.cut();
    world.run(100);
    let call = world.send("without a socket");
    world.run(100);
    assert!(sent(&world, &[call]));
}

#[test]
fn messages_fail_when_the_first_connect_fails() {
    let mut world = World::new(Behaviour::Chatloom);
    world.always("CreateParticipantConnection", Reply::Status(400));
    world.call(Call::Connect);
    let call = world.send("early");
    world.run(1_000);
    assert!(matches!(world.result(call), Some(Err(CallError::NotConnected { .. }))));
}

#[test]
fn the_outbox_is_bounded() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.always("SendMessage", Reply::Lost);
    for _ in 0..1_000 {
        let call = world.send("x");
        assert!(world.result(call).is_none());
    }
    let call = world.send("one too many");
    let error = world.result(call).unwrap().as_ref().unwrap_err();
    assert_eq!(error, &CallError::OutboxFull { waiting: 1_000 });
    world.service.always.clear();
    world.run(60_000);
    assert_eq!(world.service.items.len(), 1_000);
    let call = world.send("room again");
    world.run(1_000);
    assert!(sent(&world, &[call]));
}

#[test]
fn the_end_of_the_chat_ends_what_waits() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.script("SendMessage", &[Reply::Later(503, 60_000)]);
    let calls = [world.send("one"), world.send("two")];
    world.run(1_000);
    world.end_chat();
    world.run(1_000);
    for call in calls {
        assert_eq!(world.result(call).unwrap().as_ref().unwrap_err(), &CallError::Closed);
    }
    assert_eq!(world.story().last(), Some(&"ended"));
    world.run(120_000);
    assert_eq!(world.requests("SendMessage").len(), 1);
}

#[test]
fn a_message_under_way_when_the_chat_ends_is_answered() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.script("SendMessage", &[Reply::Status(409)]);
    let call = world.send("last words");
    // The answer takes long; the end of the chat overtakes it.
    world.latency = 500;
    world.run(6);
    world.latency = 5;
    world.end_chat();
    world.run(10);
    assert_eq!(world.story().last(), Some(&"ended"));
    assert!(world.result(call).is_none());
    world.run(1_000);
    assert!(matches!(world.result(call), Some(Err(CallError::Service(e))) if e.status == 409));
}

#[test]
fn a_broken_session_ends_what_waits_even_off_line() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.script("CreateParticipantConnection", &[Reply::Status(400); 5]);
    world.cut();
    world.run_until(20_000, |world| world.requests("CreateParticipantConnection").len() == 6);
    world.input(Input::Network { online: false });
    let call = world.send("x");
    world.run(10_000);
    assert_eq!(world.story().last(), Some(&"broken"));
    assert!(matches!(world.result(call), Some(Err(CallError::NotConnected { .. }))));
    world.input(Input::Network { online: true });
    world.call(Call::Connect);
    let call = world.send("y");
    world.run(1_000);
    assert!(sent(&world, &[call]));
}

#[test]
fn a_cancelled_message_that_waits_is_not_sent() {
    let mut world = World::connected(Behaviour::Chatloom);
    let first = world.send("one");
    let second = world.send("two");
    let third = world.send("three");
    world.input(Input::Cancel { call: second });
    world.run(1_000);
    assert!(sent(&world, &[first, third]));
    assert_eq!(contents(&world), ["one", "three"]);
}

#[test]
fn a_message_waits_for_a_new_token() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.revoke_tokens();
    world.script("CreateParticipantConnection", &[Reply::Status(500), Reply::Lost]);
    let call = world.send("x");
    world.run(60_000);
    assert!(sent(&world, &[call]));
    assert_eq!(contents(&world), ["x"]);
}
