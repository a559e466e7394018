//! The first connection.

use chatloom_session::{Behaviour, Call, CallError, Connection, Event, Input, Output, Value};

use crate::world::{Reply, SESSION, Seen, Subscribe, World};

const CONNECTION: &str = "CreateParticipantConnection";

#[test]
fn s045_s050_s051_s052_d13_compat_connects_in_the_original_order() {
    let mut world = World::new(Behaviour::Compat);
    let call = world.call(Call::Connect);
    world.run(100);
    assert!(matches!(world.result(call), Some(Ok(Value::Connected { .. }))));
    let order: Vec<String> = world
        .seen
        .iter()
        .take(8)
        .map(|(_, seen)| match seen {
            Seen::Event(event) => format!("{event:?}"),
            Seen::Done(..) => "done".to_owned(),
            Seen::Open => "open".to_owned(),
            Seen::Sent(text) => text.clone(),
            Seen::Http(operation) => (*operation).to_owned(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(
        order,
        [
            CONNECTION,
            "done",
            "Established { by_socket: false }",
            "open",
            r#"{"topic":"aws/subscribe","content":{"topics":["aws/chat"]}}"#,
            r#"{"topic":"aws/ping"}"#,
            r#"{"topic":"aws/heartbeat"}"#,
            "Established { by_socket: true }",
        ]
    );
    let (_, request) = &world.service.requests[0];
    assert_eq!(
        request.headers,
        [
            ("x-amz-bearer", "participant-token".to_owned()),
            ("x-amz-user-agent", "test/1".to_owned())
        ]
    );
}

#[test]
fn compat_opens_no_socket_without_a_network() {
    let mut world = World::new(Behaviour::Compat);
    world.input(Input::Network { online: false });
    world.call(Call::Connect);
    world.run(60_000);
    assert_eq!(world.story(), ["connected"]);
    assert_eq!(world.service.requests.len(), 1);
    world.input(Input::Network { online: true });
    world.run(1_000);
    assert_eq!(world.story(), ["connected", "established"]);
}

#[test]
fn d13_chatloom_says_established_once() {
    let mut world = World::new(Behaviour::Chatloom);
    world.sockets.subscribe = Subscribe::Silent;
    world.call(Call::Connect);
    world.run(500);
    assert_eq!(world.story(), [] as [&str; 0], "open is not enough: it has to be subscribed");
    world.sockets.subscribe = Subscribe::Confirm;
    world.run(1_000);
    assert_eq!(world.story(), ["established", "caught up"]);
    assert_eq!(world.states(), ["connecting", "online"]);
}

#[test]
fn s044_mended_d5_a_failed_connect_may_be_repeated() {
    for behaviour in [Behaviour::Compat, Behaviour::Chatloom] {
        let mut world = World::new(behaviour);
        world.script(CONNECTION, &[Reply::Status(403)]);
        let first = world.call(Call::Connect);
        world.run(1_000);
        assert!(matches!(world.result(first), Some(Err(CallError::Service(e))) if e.status == 403));
        assert_eq!(world.story(), [] as [&str; 0]);
        let second = world.call(Call::Connect);
        world.run(1_000);
        assert!(matches!(world.result(second), Some(Ok(Value::Connected { .. }))));
        assert!(world.story().contains(&"established"));
    }
}

#[test]
fn connect_joins_a_running_one_and_succeeds_at_once_when_connected() {
    let mut world = World::new(Behaviour::Compat);
    let first = world.call(Call::Connect);
    let second = world.call(Call::Connect);
    world.run(100);
    let third = world.call(Call::Connect);
    for call in [first, second, third] {
        assert!(matches!(world.result(call), Some(Ok(Value::Connected { .. }))));
    }
    assert_eq!(world.requests(CONNECTION).len(), 1);
}

#[test]
fn the_first_connect_gives_up_after_three_attempts() {
    for reply in [Reply::Lost, Reply::Status(500), Reply::Status(429), Reply::Status(503)] {
        for behaviour in [Behaviour::Compat, Behaviour::Chatloom] {
            let mut world = World::new(behaviour);
            world.always(CONNECTION, reply);
            let call = world.call(Call::Connect);
            world.run(60_000);
            assert_eq!(world.requests(CONNECTION).len(), 3, "{reply:?}");
            let Some(Err(error)) = world.result(call) else { panic!("{reply:?}") };
            assert!(error.can_retry(), "{error}");
            assert!(!world.story().contains(&"broken"));
        }
    }
}

#[test]
fn the_first_connect_respects_retry_after() {
    let mut world = World::new(Behaviour::Chatloom);
    world.script(CONNECTION, &[Reply::Later(429, 7_000)]);
    let call = world.call(Call::Connect);
    world.run(20_000);
    let requests = world.requests(CONNECTION);
    assert!(requests[1] - requests[0] >= 7_000, "{requests:?}");
    assert!(matches!(world.result(call), Some(Ok(Value::Connected { .. }))));
    assert_eq!(world.states(), ["connecting", "waiting", "connecting", "online"]);
}

#[test]
fn what_is_final_is_not_repeated() {
    for reply in [Reply::Status(400), Reply::Status(403), Reply::Status(404), Reply::Garbage] {
        let mut world = World::new(Behaviour::Chatloom);
        world.always(CONNECTION, reply);
        let call = world.call(Call::Connect);
        world.run(60_000);
        assert_eq!(world.requests(CONNECTION).len(), 1, "{reply:?}");
        assert!(matches!(world.result(call), Some(Err(error)) if !error.can_retry()));
        assert_eq!(world.states(), ["connecting", "broken"]);
    }
}

#[test]
fn s053_an_answer_without_a_socket_rejects() {
    let mut world = World::new(Behaviour::Compat);
    world.always(CONNECTION, Reply::Garbage);
    let call = world.call(Call::Connect);
    world.run(1_000);
    assert!(matches!(world.result(call), Some(Err(CallError::BadAnswer { .. }))));
    assert_eq!(world.story(), [] as [&str; 0]);
}

#[test]
fn an_unusable_url_breaks_compat_after_connect_and_fails_connect_in_chatloom() {
    let mut world = World::new(Behaviour::Compat);
    world.always(CONNECTION, Reply::BadUrl);
    let call = world.call(Call::Connect);
    world.run(60_000);
    assert!(matches!(world.result(call), Some(Ok(Value::Connected { .. }))));
    assert_eq!(world.story(), ["connected", "broken"]);
    assert_eq!(world.requests(CONNECTION).len(), 1);

    let mut world = World::new(Behaviour::Chatloom);
    world.always(CONNECTION, Reply::BadUrl);
    let call = world.call(Call::Connect);
    world.run(60_000);
    assert!(matches!(world.result(call), Some(Err(CallError::BadAnswer { .. }))));
}

#[test]
fn a_broken_session_may_connect_again() {
    for behaviour in [Behaviour::Compat, Behaviour::Chatloom] {
        let mut world = World::connected(behaviour);
        world.always(CONNECTION, Reply::Status(400));
        world.cut();
        world.run(30_000);
        assert_eq!(world.story().last(), Some(&"broken"));
        world.service.always.clear();
        let missed = world.say("while broken");
        world.forget_seen();
        let call = world.call(Call::Connect);
        world.run(1_000);
        assert!(matches!(world.result(call), Some(Ok(Value::Connected { .. }))));
        assert!(world.story().contains(&"established"), "{:?}", world.story());
        if behaviour == Behaviour::Chatloom {
            assert_eq!(world.delivered(), [missed]);
        }
    }
}

#[test]
fn connect_after_the_end_fails() {
    for behaviour in [Behaviour::Compat, Behaviour::Chatloom] {
        let mut world = World::connected(behaviour);
        world.end_chat();
        world.run(100);
        let call = world.call(Call::Connect);
        assert!(matches!(world.result(call), Some(Err(CallError::NotConnected { .. }))));
        world.run(60_000);
        assert_eq!(world.requests(CONNECTION).len(), 1);
    }
}

#[test]
fn forget_ends_every_call_and_closes_the_socket() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.always("SendMessage", Reply::Lost);
    let calls = [world.send("one"), world.send("two")];
    world.input(Input::Forget { session: SESSION });
    for call in calls {
        assert_eq!(world.result(call).unwrap().as_ref().unwrap_err(), &CallError::Closed);
    }
    assert_eq!(world.closed().len(), 1);
    assert!(world.seen.iter().any(|(_, seen)| matches!(seen, Seen::Abort)));
    world.forget_seen();
    world.run(120_000);
    assert!(world.seen.is_empty(), "{:?}", world.seen);
    let late = world.send("late");
    assert_eq!(world.result(late).unwrap().as_ref().unwrap_err(), &CallError::Closed);
    assert!(matches!(world.core.poll(), Output::Wake(None)));
}

#[test]
fn waiting_says_why_and_until_when() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.always(CONNECTION, Reply::Status(503));
    world.cut();
    world.run(100);
    let now = world.now;
    let waiting = world.seen.iter().find_map(|(_, seen)| match seen {
        Seen::Event(Event::Connection(Connection::Waiting { until_ms, reason })) => {
            Some((*until_ms, reason.clone()))
        }
        _ => None,
    });
    let (until_ms, reason) = waiting.expect("a waiting state");
    assert!(until_ms <= now + 1_000 && !reason.is_empty(), "{until_ms} {reason:?}");
}
