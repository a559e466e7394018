//! Two things at once: what one of them must not do to the other.

use chatloom_session::{
    Behaviour, Call, CallError, CallId, Connection, Event, ForeignId, HttpAnswer, Input, Output,
    RequestId, Role, SessionOptions, Source, Upload, Value,
};

use crate::{
    several::{A_DAY, CHAT_ENDED, Several, TRANSFERRED, item, options},
    world::{self, Reply, SESSION, Seen, Subscribe, World},
};

const CONNECTION: &str = "CreateParticipantConnection";
const BOTH: [Behaviour; 2] = [Behaviour::Compat, Behaviour::Chatloom];

fn with_token_of(behaviour: Behaviour, life_ms: u64) -> World {
    let mut world = World::new(behaviour);
    world.service.token_life_ms = life_ms;
    world.call(Call::Connect);
    world.run(100);
    world
}

#[test]
fn s163_a_call_that_waits_for_a_token_ends_with_the_agents_part_in_the_chat() {
    for behaviour in BOTH {
        let mut world = Several::new();
        let source = Source::Host { foreign: Some(ForeignId(7)) };
        world.create(1, SessionOptions { role: Role::Agent, source, ..options(behaviour, 1) });
        world.connect(1);
        world.token(1, Ok(("old", Some(A_DAY))));
        if behaviour == Behaviour::Chatloom {
            world.empty_page(1);
        }
        world.call(1, Call::GetTranscript(Box::default()));
        world.answer(1, "GetTranscript", 403, "{}");
        assert_eq!((world.calls.len(), world.asked()), (1, 1));
        world.foreign_chat(7, &item("handed-on", 1, TRANSFERRED));
        assert!(world.calls.is_empty(), "nobody brings that token any more");
    }
}

#[test]
fn s163_an_agent_whose_part_was_over_may_connect_again() {
    let mut world = Several::new();
    world.create(1, SessionOptions { role: Role::Agent, ..options(Behaviour::Compat, 1) });
    world.connect(1);
    world.grant(1);
    world.opened(1);
    world.chat(1, &item("handed-on", 1, TRANSFERRED));
    world.lines();
    world.connect(1);
    world.grant(1);
    world.opened(2);
    assert_eq!(world.lines()[1..], ["1 done", "1 connected", "opens 2", "1 established"]);
}

#[test]
fn whoever_waits_for_older_entries_hears_of_the_end() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.input(Input::Track { session: SESSION });
        world.say("words");
        world.run(100);
        world.always("GetTranscript", Reply::Status(500));
        let calls = [10, 20, 30].map(|count| world.call(Call::LoadOlder { count }));
        world.run(5);
        world.end_chat();
        world.run(100_000);
        assert_eq!(world.story().last(), Some(&"ended"));
        for call in calls {
            assert!(matches!(world.result(call), Some(Err(_))), "{behaviour:?} {call:?}");
        }
    }
}

#[test]
fn a_page_that_comes_back_just_before_a_heartbeat_keeps_its_socket() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let socket = world.socket();
        let beat = world.seen.iter().find_map(|(at, seen)| match seen {
            Seen::Sent(text) if text.contains("aws/heartbeat") => Some(*at),
            _ => None,
        });
        world.run(beat.unwrap() + 10_000 - 15 - world.now);
        // The answer to a probe is still under way when the next heartbeat is due.
        for _ in 0..15 {
            world.input(Input::Visibility { visible: true });
            world.run(1);
        }
        world.run(60_000);
        assert_eq!(world.open_sockets(), [socket], "{behaviour:?}");
        assert_eq!(world.requests(CONNECTION).len(), 1);
    }
}

#[test]
fn d03_a_refusal_while_a_heartbeat_is_late_does_not_cost_the_socket() {
    for behaviour in BOTH {
        for reply in [Reply::Status(400), Reply::Status(404), Reply::Garbage, Reply::BadUrl] {
            let mut world = World::connected(behaviour);
            let socket = world.socket();
            world.always(CONNECTION, reply);
            world.sockets.heartbeat = false;
            world.run_until(25_000, |world| world.requests(CONNECTION).len() > 1);
            world.run(1_000);
            world.sockets.heartbeat = true;
            world.push_to(socket, r#"{"topic":"aws/heartbeat"}"#.to_owned());
            world.run(120_000);
            assert_eq!(world.open_sockets(), [socket], "{behaviour:?} {reply:?}");
            assert!(!world.story().contains(&"broken"));
        }
    }
}

#[test]
fn a_token_that_cannot_be_renewed_is_asked_for_less_and_less_often() {
    for behaviour in BOTH {
        for reply in [Reply::Lost, Reply::Status(500), Reply::Status(429), Reply::Status(404)] {
            let mut world = with_token_of(behaviour, 600_000);
            world.always(CONNECTION, reply);
            world.run(540_000);
            let before = world.requests(CONNECTION).len();
            world.run(1_200_000);
            let count = world.requests(CONNECTION).len() - before;
            // Random waits of up to 30 s.
            assert!((40..140).contains(&count), "{count} in 20 minutes: {behaviour:?} {reply:?}");
        }
    }
}

#[test]
fn a_loss_while_the_service_wants_to_be_left_alone_is_told_with_its_end() {
    let mut world = with_token_of(Behaviour::Chatloom, 600_000);
    world.script(CONNECTION, &[Reply::Later(429, 60_000)]);
    world.run(541_000);
    let asked = world.requests(CONNECTION);
    assert_eq!(asked.len(), 2);
    world.forget_seen();
    world.cut();
    world.run(50);
    let until = world.seen.iter().find_map(|(_, seen)| match seen {
        Seen::Event(Event::Connection(Connection::Waiting { until_ms, .. })) => Some(*until_ms),
        _ => None,
    });
    assert!(until.is_some_and(|until| until >= asked[1] + 60_000), "{until:?}");
    world.run(65_000);
    assert!(world.requests(CONNECTION)[2] >= asked[1] + 60_000);
    assert_eq!(world.states().last(), Some(&"online"));
}

#[test]
fn a_message_that_was_under_way_when_the_session_broke_does_not_wait_for_ever() {
    for comes_back in [false, true] {
        let mut world = World::connected(Behaviour::Chatloom);
        world.always("SendMessage", Reply::Lost);
        let call = world.send("words");
        // That the message is lost is known after 20 seconds.
        world.latency = 20_000;
        world.run_until(10, |world| !world.requests("SendMessage").is_empty());
        world.latency = 1;
        world.script(CONNECTION, &[Reply::Status(404); 5]);
        world.script(CONNECTION, &[Reply::Later(503, 30_000)]);
        world.cut();
        world.run(15_000);
        assert_eq!(world.story().last(), Some(&"broken"));
        assert!(world.result(call).is_none(), "it may still arrive");
        // It fails while the session connects again and there is no network.
        world.input(Input::Network { online: false });
        let again = world.call(Call::Connect);
        world.run(25_000);
        assert!(world.result(call).is_none() && world.result(again).is_none());
        if comes_back {
            world.input(Input::Network { online: true });
            world.service.always.clear();
        } else {
            world.always(CONNECTION, Reply::Status(404));
        }
        world.run(20_000);
        assert_eq!(world.result(again).map(Result::is_ok), Some(comes_back));
        assert_eq!(world.result(call).map(Result::is_ok), Some(comes_back));
    }
}

#[test]
fn a_typing_event_that_others_wait_for_goes_on_when_its_caller_does_not() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.script("SendEvent", &[Reply::Status(503)]);
        let first = world.typing();
        let others = [world.typing(), world.typing()];
        world.run_until(100, |world| !world.requests("SendEvent").is_empty());
        world.run(5);
        world.input(Input::Cancel { call: first });
        world.input(Input::Cancel { call: others[0] });
        let result = world.result(first);
        assert!(matches!(result, Some(Err(CallError::Cancelled))), "{result:?}");
        world.run(10_000);
        let result = world.result(others[1]);
        assert!(matches!(result, Some(Ok(Value::Repeated { .. }))), "{behaviour:?} {result:?}");
        assert_eq!(world.requests("SendEvent").len(), 2);
    }
}

#[test]
fn refusals_without_end_of_one_subscription_do_not_put_the_next_socket_off() {
    for behaviour in BOTH {
        let mut world = World::new(behaviour);
        world.sockets.subscribe = Subscribe::Fail;
        world.call(Call::Connect);
        world.run(100);
        let socket = world.socket();
        for _ in 0..100 {
            let refused = r#"{"topic":"aws/subscribe","content":{"status":"failure"}}"#;
            world.push_to(socket, refused.to_owned());
            world.run(100);
        }
        assert!(world.opened().len() >= 2, "{behaviour:?}");
    }
}

#[test]
fn coming_online_while_a_connection_is_asked_for_is_told() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.run(15_000);
    world.cut();
    world.run(1);
    world.latency = 5_000;
    world.input(Input::Network { online: false });
    assert_eq!(world.states().last(), Some(&"offline"));
    world.input(Input::Network { online: true });
    assert_eq!(world.states().last(), Some(&"connecting"));
}

#[test]
fn s180_an_acknowledgement_waits_as_long_as_the_service_asks() {
    for behaviour in BOTH {
        let mut world = Several::new();
        let source = Source::Host { foreign: Some(ForeignId(7)) };
        world.create(1, SessionOptions { role: Role::Agent, source, ..options(behaviour, 1) });
        world.connect(1);
        world.token(1, Ok(("token", Some(A_DAY))));
        let request = world.request(1, CONNECTION).request;
        let answer = HttpAnswer {
            status: 429,
            error_type: None,
            request_id: None,
            retry_after_ms: Some(30_000),
            body: String::new(),
        };
        world.lines();
        world.input(Input::Answered { request, answer });
        world.pass(29_000);
        assert_eq!(world.lines(), [] as [&str; 0]);
        world.pass(2_000);
        assert_eq!(world.lines(), [r#"1 posts {"ConnectParticipant":true}"#]);
    }
}

#[test]
fn s164_a_403_that_a_success_followed_says_nothing_of_the_next() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        for _ in 0..3 {
            world.script(CONNECTION, &[Reply::Status(403)]);
            world.run(15_000);
            world.cut();
            world.run(5_000);
            assert_eq!(world.open_sockets().len(), 1, "{behaviour:?}");
            assert!(!world.story().contains(&"ended"), "{behaviour:?}");
        }
    }
}

#[test]
fn s164_a_403_is_confirmed_by_the_next_answer_only() {
    for behaviour in BOTH {
        for (between, ends) in
            [(Reply::Status(503), false), (Reply::Lost, true), (Reply::AnswerLost, true)]
        {
            let mut world = World::connected(behaviour);
            world.script(CONNECTION, &[Reply::Status(403), between, Reply::Status(403)]);
            world.cut();
            world.run(60_000);
            assert_eq!(world.story().contains(&"ended"), ends, "{behaviour:?} {between:?}");
        }
    }
}

#[test]
fn s180_an_acknowledgement_is_not_repeated_when_the_chat_is_over() {
    for behaviour in BOTH {
        let mut world = Several::new();
        let source = Source::Host { foreign: Some(ForeignId(7)) };
        world.create(1, SessionOptions { role: Role::Agent, source, ..options(behaviour, 1) });
        world.connect(1);
        world.token(1, Ok(("token", Some(A_DAY))));
        if behaviour == Behaviour::Chatloom {
            world.empty_page(1);
        }
        world.refuse(1, 500);
        world.foreign_chat(7, &item("end", 1, CHAT_ENDED));
        assert_eq!(world.lines().last().unwrap(), "1 ended");
        world.pass(60_000);
        assert_eq!(world.lines(), [] as [&str; 0], "{behaviour:?}");
    }
}

#[test]
fn what_is_secret_is_not_in_debug() {
    let text = || "a secret".to_owned();
    let outputs = [
        Output::OpenSocket { socket: chatloom_session::SocketId(1), url: text() },
        Output::Download { request: RequestId(1), session: SESSION, url: text() },
        Output::Persist { session: SESSION, snapshot: Some(text()) },
        Output::Upload(Upload {
            request: RequestId(1),
            session: SESSION,
            call: CallId(1),
            url: text(),
            headers: vec![(text(), text())],
        }),
        Output::Done {
            session: SESSION,
            call: CallId(1),
            result: Ok(Value::Url { url: text(), expiry: None }),
        },
    ];
    for output in outputs {
        let shown = format!("{output:?}");
        assert!(!shown.contains("a secret"), "{shown}");
        assert!(shown.contains('1'), "the number is there: {shown}");
    }
    let options = Box::new(world::options(Behaviour::Chatloom));
    let inputs = [
        Input::Restore { session: SESSION, options, snapshot: text() },
        Input::Resume { session: SESSION, token: "a secret".into() },
        Input::SocketText { socket: chatloom_session::SocketId(1), text: text() },
        Input::Foreign {
            foreign: ForeignId(1),
            event: chatloom_session::ForeignEvent::Text(text()),
        },
        Input::Answered {
            request: RequestId(1),
            answer: HttpAnswer {
                status: 200,
                error_type: None,
                request_id: None,
                retry_after_ms: None,
                body: text(),
            },
        },
        Input::Call {
            session: SESSION,
            call: CallId(1),
            what: Call::DescribeView { view_token: text() },
        },
        Input::Call {
            session: SESSION,
            call: CallId(1),
            what: Call::GetAuthenticationUrl { redirect_uri: text(), session_id: text() },
        },
    ];
    for input in inputs {
        let shown = format!("{input:?}");
        assert!(!shown.contains("a secret"), "{shown}");
        assert!(!shown.contains(world::PARTICIPANT_TOKEN), "{shown}");
        assert!(shown.contains('1'), "the number is there: {shown}");
    }
    let shown = format!("{:?}", CallError::Unreachable { message: "refused".to_owned() });
    assert!(shown.contains("refused"), "what is for people is there");
}
