//! Staying connected.

use chatloom_session::{Behaviour, Call, Input, Output, SocketId, Value};

use crate::world::{Reply, Seen, Subscribe, World};

const CONNECTION: &str = "CreateParticipantConnection";
const BOTH: [Behaviour; 2] = [Behaviour::Compat, Behaviour::Chatloom];

fn sent(world: &World, part: &str) -> Vec<u64> {
    world
        .seen
        .iter()
        .filter_map(|(at, seen)| match seen {
            Seen::Sent(text) if text.contains(part) => Some(*at),
            _ => None,
        })
        .collect()
}

#[test]
fn s158_heartbeats_and_pings_every_ten_seconds() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.run(60_000);
        for topic in ["aws/heartbeat", "aws/ping"] {
            let times = sent(&world, topic);
            assert_eq!(times.len(), 7, "{topic} {times:?}");
            assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 10_000));
        }
        assert_eq!(world.deep_heartbeats().len(), 7);
        assert!(world.deep_heartbeats().iter().all(|(_, success)| *success));
        assert_eq!(sent(&world, "aws/subscribe").len(), 1);
    }
}

#[test]
fn an_unanswered_subscription_is_repeated_three_times_and_then_the_socket_is_replaced() {
    for behaviour in BOTH {
        let mut world = World::new(behaviour);
        world.sockets.subscribe = Subscribe::Silent;
        world.call(Call::Connect);
        world.run(4_100);
        let times = sent(&world, "aws/subscribe");
        assert_eq!(times.len(), 4);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 1_000), "{times:?}");
        world.sockets.subscribe = Subscribe::Confirm;
        world.run(5_000);
        assert_eq!(world.opened().len(), 2);
        assert_eq!(world.closed(), [(SocketId(1), 1000)]);
        let id = world.say("now it works");
        world.run(100);
        assert_eq!(world.delivered(), [id]);
        assert!(!world.story().contains(&"lost"));
    }
}

#[test]
fn a_refused_subscription_is_repeated_four_times() {
    for behaviour in BOTH {
        let mut world = World::new(behaviour);
        world.sockets.subscribe = Subscribe::Fail;
        world.call(Call::Connect);
        world.run_until(10_000, |world| world.opened().len() == 2);
        let times = sent(&world, "aws/subscribe");
        assert_eq!(times.len(), 5);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 510), "{times:?}");
    }
}

#[test]
fn a_service_that_never_confirms_is_not_hammered() {
    for subscribe in [Subscribe::Silent, Subscribe::Fail] {
        let mut world = World::new(Behaviour::Chatloom);
        world.sockets.subscribe = subscribe;
        world.call(Call::Connect);
        world.run(600_000);
        let count = world.opened().len();
        assert!((15..100).contains(&count), "{count}");
        assert!(world.open_sockets().len() <= 2);
    }
}

#[test]
fn a_missed_heartbeat_makes_a_second_socket_before_the_first_goes() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let first = world.socket();
        world.half_open();
        let id = world.say("published into the void");
        world.run(25_000);
        assert_eq!(world.opened().len(), 2);
        // 10 s after the last answered heartbeat one is sent that is not answered in 10 s.
        let second_at = world.opened()[1] - world.opened()[0];
        assert!((19_900..20_100).contains(&second_at), "{second_at}");
        assert_eq!(world.closed(), [(first, 1000)]);
        assert!(!world.story().contains(&"lost"), "{:?}", world.story());
        let after = world.say("after");
        world.run(100);
        match behaviour {
            Behaviour::Compat => assert_eq!(world.delivered(), [after]),
            Behaviour::Chatloom => assert_eq!(world.delivered(), [id, after]),
        }
    }
}

#[test]
fn s200_unanswered_heartbeats_on_successive_sockets_change_nothing_for_the_application() {
    let mut world = World::connected(Behaviour::Compat);
    world.sockets.heartbeat = false;
    world.forget_seen();
    world.run(100_000);
    assert_eq!(world.story(), [] as [&str; 0]);
    let count = world.opened().len();
    assert!((5..=10).contains(&count), "{count}");
    assert!(world.open_sockets().len() <= 2);
}

#[test]
fn a_socket_that_misses_two_heartbeats_is_lost() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let socket = world.socket();
        world.always(CONNECTION, Reply::Status(500));
        world.half_open();
        world.forget_seen();
        world.run(25_000);
        assert!(!world.story().contains(&"lost"));
        world.run(10_000);
        assert_eq!(world.story(), ["lost"]);
        assert_eq!(world.closed(), [(socket, 1000)]);
    }
}

#[test]
fn a_loss_while_a_connection_is_asked_for_waits_for_the_answer() {
    let mut world = World::connected(Behaviour::Chatloom);
    let socket = world.socket();
    world.script(CONNECTION, &[Reply::Lost]);
    world.half_open();
    world.run_until(30_000, |world| world.requests(CONNECTION).len() == 3);
    world.forget_seen();
    world.input(Input::SocketClosed { socket, code: None, reason: String::new() });
    assert_eq!(world.story(), ["lost"]);
    world.run(1_000);
    assert_eq!(world.states(), ["online"], "never waiting");
}

#[test]
fn a_late_heartbeat_reply_keeps_the_socket() {
    let mut world = World::connected(Behaviour::Chatloom);
    let socket = world.socket();
    world.always(CONNECTION, Reply::Status(500));
    world.sockets.heartbeat = false;
    world.run(21_000);
    assert_eq!(world.states().last(), Some(&"waiting"));
    world.sockets.heartbeat = true;
    world.push_to(socket, r#"{"topic":"aws/heartbeat"}"#.to_owned());
    world.run(1_000);
    assert_eq!(world.states().last(), Some(&"online"));
    world.run(300_000);
    assert_eq!(world.open_sockets(), [socket]);
    assert!(!world.story().contains(&"lost"));
}

#[test]
fn s158_a_missed_or_failed_ping_is_told_and_does_not_reconnect() {
    for (ping, behaviour) in [
        (None, Behaviour::Compat),
        (Some(500), Behaviour::Compat),
        (None, Behaviour::Chatloom),
        (Some(500), Behaviour::Chatloom),
    ] {
        let mut world = World::connected(behaviour);
        world.sockets.ping = ping;
        world.forget_seen();
        world.run(30_000);
        assert!(world.deep_heartbeats().iter().all(|(_, success)| !success));
        assert!(world.deep_heartbeats().len() >= 2);
        assert!(world.opened().is_empty() && world.closed().is_empty());
    }
}

#[test]
fn compat_says_every_ten_seconds_that_the_deep_heartbeat_fails_without_a_socket() {
    let mut world = World::connected(Behaviour::Compat);
    world.always(CONNECTION, Reply::Lost);
    world.cut();
    world.forget_seen();
    world.run(60_500);
    let beats = world.deep_heartbeats();
    assert_eq!(beats.iter().filter(|(_, success)| !success).count(), 6, "{beats:?}");
    world.service.always.clear();
    world.run(31_000);
    world.forget_seen();
    world.run(60_000);
    assert!(world.deep_heartbeats().iter().all(|(_, success)| *success));
}

#[test]
fn s155_s156_s201_lost_and_established_once_for_each_outage() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.forget_seen();
        world.script(CONNECTION, &[Reply::Lost, Reply::Status(500), Reply::Status(429)]);
        world.cut();
        world.run(30_000);
        let story: Vec<&str> =
            world.story().into_iter().filter(|what| *what != "caught up").collect();
        assert_eq!(story, ["lost", "established"], "{behaviour:?}");
        world.cut();
        world.run(30_000);
        let story: Vec<&str> =
            world.story().into_iter().filter(|what| *what != "caught up").collect();
        assert_eq!(story, ["lost", "established", "lost", "established"]);
    }
}

#[test]
fn a_socket_that_served_is_replaced_at_once() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.run(15_000);
        world.cut();
        world.run(50);
        assert_eq!(world.opened().len(), 2, "{behaviour:?}");
    }
}

#[test]
fn s155_compat_says_lost_when_the_first_handshake_fails() {
    let mut world = World::new(Behaviour::Compat);
    world.sockets.refuse = true;
    world.call(Call::Connect);
    world.run(5_000);
    world.sockets.refuse = false;
    world.run(60_000);
    assert_eq!(world.story(), ["connected", "lost", "established"]);

    // In Chatloom behaviour only what was there can be lost.
    let mut world = World::new(Behaviour::Chatloom);
    world.sockets.refuse = true;
    world.call(Call::Connect);
    world.run(5_000);
    world.sockets.refuse = false;
    world.run(60_000);
    assert_eq!(world.story(), ["established", "caught up"]);
}

#[test]
fn s198_mended_refused_handshakes_are_not_retried_in_a_tight_loop() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.sockets.refuse = true;
        world.cut();
        world.run(600_000);
        let count = world.requests(CONNECTION).len();
        assert!((25..90).contains(&count), "{count} requests in ten minutes");
        world.sockets.refuse = false;
        world.run(31_000);
        assert_eq!(world.open_sockets().len(), 1);
        assert_eq!(world.story().iter().filter(|what| **what == "lost").count(), 1);
    }
}

#[test]
fn s199_mended_a_socket_that_stays_connecting_is_replaced() {
    for behaviour in BOTH {
        let mut world = World::new(behaviour);
        world.sockets.never_open = true;
        world.call(Call::Connect);
        world.run(9_000);
        assert_eq!((world.opened().len(), world.closed().len()), (1, 0));
        world.run(2_000);
        assert_eq!(world.closed(), [(SocketId(1), 1000)]);
        world.sockets.never_open = false;
        world.run(11_000);
        assert!(world.story().contains(&"established"));
    }
}

#[test]
fn s202_mended_d01_d02_reconnecting_never_gives_up() {
    for behaviour in BOTH {
        for reply in [Reply::Lost, Reply::Status(500), Reply::Status(429), Reply::Status(503)] {
            let mut world = World::connected(behaviour);
            world.always(CONNECTION, reply);
            world.cut();
            world.run(3_600_000);
            assert!(!world.story().contains(&"broken"));
            world.service.always.clear();
            world.run(31_000);
            assert_eq!(world.open_sockets().len(), 1, "{behaviour:?} {reply:?}");
        }
    }
}

#[test]
fn nothing_is_busy_under_permanent_failure() {
    for behaviour in BOTH {
        for case in 0..6 {
            let mut world = World::connected(behaviour);
            match case {
                0 => world.always(CONNECTION, Reply::Lost),
                1 => world.always(CONNECTION, Reply::Later(429, 0)),
                2 => world.always(CONNECTION, Reply::Later(503, 0)),
                3 => world.sockets.refuse = true,
                4 => world.sockets.never_open = true,
                _ => world.always("GetTranscript", Reply::Status(500)),
            }
            if behaviour == Behaviour::Chatloom {
                world.always("SendMessage", Reply::Status(500));
                for _ in 0..50 {
                    world.send("stuck");
                }
            }
            world.cut();
            world.run(120_000);
            let before = world.outputs;
            world.run(600_000);
            let each_minute = (world.outputs - before) / 10;
            assert!(each_minute < 100, "case {case} {behaviour:?}: {each_minute} outputs a minute");
        }
    }
}

#[test]
fn a_flapping_socket_backs_off() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let end = world.now + 300_000;
        while world.now < end {
            world.run(20);
            world.cut();
        }
        let count = world.requests(CONNECTION).len();
        assert!(count < 40, "{count} requests in five minutes");
        world.run(31_000);
        assert_eq!(world.open_sockets().len(), 1);
    }
}

#[test]
fn s156_the_hand_over_after_59_minutes_is_silent() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.forget_seen();
        world.run(3_539_000);
        assert!(world.opened().is_empty());
        world.run(2_000);
        assert_eq!(world.opened().len(), 1);
        assert_eq!(world.closed().len(), 1);
        assert!(world.story().iter().all(|what| *what == "caught up"), "{:?}", world.story());
        assert_eq!(world.states(), [] as [&str; 0]);
        let id = world.say("on the new socket");
        world.run(100);
        assert_eq!(world.delivered(), [id]);
        // The first socket opened, then the second was subscribed, then the first was closed.
        let order: Vec<bool> = world
            .seen
            .iter()
            .filter_map(|(_, seen)| match seen {
                Seen::Open => Some(true),
                Seen::Close(..) => Some(false),
                _ => None,
            })
            .collect();
        assert_eq!(order, [true, false]);
    }
}

#[test]
fn d03_a_failed_refresh_leaves_the_healthy_socket_alone() {
    for behaviour in BOTH {
        for reply in [
            Reply::Lost,
            Reply::Status(500),
            Reply::Status(403),
            Reply::Status(400),
            Reply::Status(404),
            Reply::Garbage,
            Reply::BadUrl,
        ] {
            let mut world = World::connected(behaviour);
            let socket = world.socket();
            world.always(CONNECTION, reply);
            world.forget_seen();
            world.run(3_700_000);
            assert_eq!(world.open_sockets(), [socket], "{behaviour:?} {reply:?}");
            assert_eq!(world.story(), [] as [&str; 0]);
            assert!(world.requests(CONNECTION).len() > 5);
            let id = world.say("still here");
            world.run(100);
            assert_eq!(world.delivered(), [id]);
            world.service.always.clear();
            world.run(31_000);
            assert_ne!(world.open_sockets(), [socket]);
            assert_eq!(world.open_sockets().len(), 1);
        }
    }
}

#[test]
fn s164_a_403_that_a_second_look_confirms_ends_the_chat() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.run(15_000);
        world.service.ended = true;
        world.cut();
        world.forget_seen();
        world.run(10_000);
        assert_eq!(world.requests(CONNECTION).len(), 3);
        match behaviour {
            Behaviour::Compat => {
                assert_eq!(world.story(), ["lost", "ended"]);
                // The synthetic item has an empty Id.
                assert_eq!(world.delivered(), [""]);
            }
            Behaviour::Chatloom => {
                assert_eq!(world.story(), ["lost", "gap", "ended"]);
                assert_eq!(world.delivered(), [] as [&str; 0]);
                assert_eq!(world.states().last(), Some(&"ended"));
            }
        }
        world.run(600_000);
        assert_eq!(world.requests(CONNECTION).len(), 3);
    }
}

#[test]
fn a_single_403_ends_nothing() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.script(CONNECTION, &[Reply::Status(403)]);
        world.cut();
        world.run(5_000);
        assert_eq!(world.open_sockets().len(), 1);
        assert!(!world.story().contains(&"ended"));
    }
}

#[test]
fn s157_a_refused_reconnect_breaks_the_session_once_and_calls_still_work() {
    for behaviour in BOTH {
        for reply in [Reply::Status(400), Reply::Status(404), Reply::Garbage, Reply::BadUrl] {
            let mut world = World::connected(behaviour);
            world.always(CONNECTION, reply);
            world.cut();
            world.run(600_000);
            if behaviour == Behaviour::Chatloom && matches!(reply, Reply::Garbage | Reply::BadUrl) {
                // That is what a network says which wants to be paid first.
                assert_eq!(world.story().last(), Some(&"lost"), "{reply:?}");
                world.service.always.clear();
                world.run(40_000);
                assert_eq!(world.states().last(), Some(&"online"), "{reply:?}");
                continue;
            }
            assert_eq!(world.story().last(), Some(&"broken"), "{reply:?}");
            // One look is enough for the original.
            let looks = if behaviour == Behaviour::Compat { 1 } else { 5 };
            assert_eq!(world.requests(CONNECTION).len(), 1 + looks);
            assert_eq!(world.story().iter().filter(|what| **what == "broken").count(), 1);
            let call = world.call(Call::GetTranscript(Box::default()));
            world.run(100);
            assert!(matches!(world.result(call), Some(Ok(Value::Answered(_)))));
        }
    }
}

#[test]
fn s166_the_token_is_renewed_a_minute_before_its_end() {
    for behaviour in BOTH {
        let mut world = World::new(behaviour);
        world.service.token_life_ms = 600_000;
        world.call(Call::Connect);
        world.run(1_700_000);
        let times = world.requests(CONNECTION);
        assert_eq!(times.len(), 4, "{times:?}");
        assert!(times.windows(2).all(|pair| (539_900..540_200).contains(&(pair[1] - pair[0]))));
        assert_eq!(world.opened().len(), 1);
    }
}

#[test]
fn d04_s167_mended_a_failed_renewal_is_tried_again_soon() {
    for behaviour in BOTH {
        let mut world = World::new(behaviour);
        world.service.token_life_ms = 600_000;
        world.call(Call::Connect);
        world.run(500_000);
        world.script(CONNECTION, &[Reply::Status(500); 5]);
        world.run(100_000);
        assert_eq!(world.requests(CONNECTION).len(), 7);
        assert_eq!(world.opened().len(), 1);
    }
}

#[test]
fn s168_mended_a_token_that_is_about_to_end_makes_no_hot_loop() {
    for life_ms in [0, 1_000, 59_000, 61_000] {
        let mut world = World::new(Behaviour::Compat);
        world.service.token_life_ms = life_ms;
        world.call(Call::Connect);
        world.run(600_500);
        let count = world.requests(CONNECTION).len();
        assert!((2..=12).contains(&count), "{life_ms}: {count}");
    }
}

#[test]
fn s197_mended_no_dead_spot_after_being_offline() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.run(15_000);
        // The network goes; the browser never closes the socket.
        world.half_open();
        world.input(Input::Network { online: false });
        let missed = world.say("while away");
        let before = world.requests(CONNECTION).len();
        world.run(60_000);
        assert_eq!(world.requests(CONNECTION).len(), before, "no requests while off-line");
        world.input(Input::Network { online: true });
        world.run(1_000);
        let id = world.say("back");
        world.run(100);
        match behaviour {
            Behaviour::Compat => assert_eq!(world.delivered(), [id]),
            Behaviour::Chatloom => {
                assert_eq!(world.delivered(), [missed, id]);
                assert!(world.states().contains(&"offline"));
            }
        }
    }
}

#[test]
fn coming_online_probes_a_socket_that_looks_open() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.run(1_000);
        world.input(Input::Network { online: false });
        world.half_open();
        world.run(2_000);
        world.forget_seen();
        world.input(Input::Network { online: true });
        assert_eq!(sent(&world, "aws/heartbeat").len(), 1);
        world.run(4_900);
        assert!(world.opened().is_empty());
        world.run(1_000);
        assert_eq!(world.opened().len(), 1, "replaced 5 s after an unanswered probe");

        // A healthy one is kept.
        let mut world = World::connected(behaviour);
        let socket = world.socket();
        world.input(Input::Network { online: false });
        world.run(2_000);
        world.input(Input::Network { online: true });
        world.run(20_000);
        assert_eq!(world.open_sockets(), [socket]);
    }
}

#[test]
fn coming_back_to_the_page_ends_a_back_off() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.always(CONNECTION, Reply::Lost);
        world.cut();
        world.run(300_000);
        world.service.always.clear();
        world.input(Input::Visibility { visible: false });
        world.input(Input::Visibility { visible: true });
        world.run(50);
        assert_eq!(world.open_sockets().len(), 1);
    }
}

#[test]
fn s203_s204_unreadable_frames_are_ignored() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let socket = world.socket();
        for text in [
            "",
            "x",
            "[]",
            "{}",
            r#"{"topic":7}"#,
            r#"{"topic":"aws/subscribe"}"#,
            r#"{"topic":"aws/chat","content":{"Id":"1"}}"#,
            r#"{"topic":"aws/chat","content":"no json"}"#,
            r#"{"topic":"aws/chat","content":"{\"Id\":7}"}"#,
            r#"{"topic":"other","content":"{}"}"#,
            r#"{"message":"Forbidden","connectionId":"c","requestId":"r"}"#,
            r#"{"topic":"aws/ping","statusCode":"200"}"#,
        ] {
            world.push_to(socket, text.to_owned());
        }
        world.run(100);
        assert_eq!(world.delivered(), [] as [&str; 0]);
        let id = world.say("fine");
        world.run(100);
        assert_eq!(world.delivered(), [id]);
        assert_eq!(world.open_sockets(), [socket]);
    }
}

#[test]
fn a_monotonic_clock_that_jumps_back_does_no_harm() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.script(CONNECTION, &[Reply::Lost]);
    let mut earlier = world.clock();
    earlier.mono_ms = 0;
    earlier.wall_ms -= 86_400_000;
    let socket = world.socket();
    let closed = Input::SocketClosed { socket, code: None, reason: String::new() };
    world.core.handle(earlier, closed);
    let request = loop {
        if let Output::Http(http) = world.core.poll() {
            break http.request;
        }
    };
    world.core.handle(earlier, Input::Failed { request, message: "away".to_owned() });
    let deadline = loop {
        if let Output::Wake(at) = world.core.poll() {
            break at.unwrap();
        }
    };
    assert!(deadline >= world.now, "{deadline}");
    world.run(30_000);
    assert_eq!(world.opened().len(), 2);
}
