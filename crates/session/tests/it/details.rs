//! What a host can read from a session beside its events: chat details, connection status, log.

use chatloom_session::{
    Behaviour, Call, ConnectionDetails, ConnectionStatus, Event, Input, LogLevel, Value,
};

use crate::world::{ME, PARTICIPANT_TOKEN, Reply, SESSION, Seen, World, options};

const CONNECTION: &str = "CreateParticipantConnection";
const BOTH: [Behaviour; 2] = [Behaviour::Compat, Behaviour::Chatloom];

fn status(world: &World) -> Option<&'static str> {
    world.core.connection_status(SESSION).map(ConnectionStatus::summary)
}

#[test]
fn s046_connect_says_starting_before_the_socket_opens() {
    for behaviour in BOTH {
        let mut world = World::new(behaviour);
        world.sockets.never_open = true;
        let call = world.call(Call::Connect);
        world.run(20);
        let Some(Ok(Value::Connected { status })) = world.result(call) else {
            panic!("not connected")
        };
        assert_eq!(status.name(), "Starting");
    }
}

#[test]
fn s056_chat_details_are_those_of_the_first_connection() {
    for behaviour in BOTH {
        let mut world = World::new(behaviour);
        let before = world.core.chat_details(SESSION).unwrap();
        assert_eq!(before.contact_id.as_str(), "contact-1");
        assert_eq!(before.initial_contact_id.as_str(), "contact-1");
        assert_eq!(before.participant_id.as_str(), ME);
        assert_eq!(before.participant_token.expose(), PARTICIPANT_TOKEN);
        assert!(before.connection.is_none());
        world.service.token_life_ms = 600_000;
        world.call(Call::Connect);
        world.run(100);
        let first = world.core.chat_details(SESSION).unwrap().connection.unwrap().clone();
        assert_eq!(first.url.as_deref(), Some("wss://service.test/socket?n=0"));
        assert!(first.expiry.is_some() && first.token_expiry.is_some());
        assert!(!first.acknowledged);
        assert_eq!(first.token.expose(), "connection-token-0");
        assert_eq!(ConnectionDetails::TRANSPORT_LIFE_S, 3_540);
        assert!(!format!("{first:?}").contains("wss://"));
        // The token is renewed and the socket comes back at another URL: nothing changes.
        world.run(1_000_000);
        world.cut();
        world.run(30_000);
        assert!(world.requests(CONNECTION).len() >= 3);
        let later = world.core.chat_details(SESSION).unwrap().connection.unwrap();
        assert_eq!((&later.url, later.token.expose()), (&first.url, "connection-token-0"));
    }
}

#[test]
fn s083_the_connection_status_sums_up_what_the_socket_does() {
    for behaviour in BOTH {
        let mut world = World::new(behaviour);
        assert_eq!(status(&world), None, "before connect");
        world.sockets.never_open = true;
        world.call(Call::Connect);
        world.run(20);
        assert_eq!(status(&world), Some("Establishing"));
        world.sockets.never_open = false;
        world.run(25_000);
        assert_eq!(status(&world), Some("Established"));
        assert_eq!(
            world.core.connection_status(SESSION),
            Some(ConnectionStatus::DeepHeartbeatSuccess)
        );
        world.sockets.ping = None;
        world.run(25_000);
        assert_eq!(
            world.core.connection_status(SESSION),
            Some(ConnectionStatus::DeepHeartbeatFailure)
        );
        assert_eq!(status(&world), Some("Broken"), "a failed deep heartbeat counts as broken");
        world.sockets.ping = Some(200);
        world.run(15_000);
        assert_eq!(status(&world), Some("Established"));
        world.always(CONNECTION, Reply::Lost);
        world.cut();
        world.run(100);
        assert_eq!(world.core.connection_status(SESSION), Some(ConnectionStatus::ConnectionLost));
        world.service.always.clear();
        world.run(5_000);
        assert_eq!(status(&world), Some("Established"));
        world.end_chat();
        world.run(100);
        assert_eq!(world.core.connection_status(SESSION), Some(ConnectionStatus::Ended));
        assert_eq!(status(&world), Some("Broken"));
    }
}

#[test]
fn d10_a_handler_that_fails_is_reported() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        world.forget_seen();
        world.input(Input::HandlerFailed { session: SESSION, handler: "onMessage".to_owned() });
        let logs = world.seen.iter().filter(|(_, seen)| matches!(seen, Seen::Log)).count();
        assert_eq!(logs, 1);
        let told = world.seen.iter().any(|(_, seen)| {
            matches!(seen, Seen::Event(Event::HandlerFailed { handler }) if handler == "onMessage")
        });
        assert_eq!(told, behaviour == Behaviour::Chatloom);
    }
}

#[test]
fn log_lines_below_the_level_of_the_session_are_not_made() {
    for behaviour in BOTH {
        for (level, lines) in [(LogLevel::Info, 1), (LogLevel::Error, 0)] {
            let mut world = World::of(chatloom_session::SessionOptions {
                log_level: level,
                ..options(behaviour)
            });
            world.call(Call::Connect);
            world.run(100);
            world.forget_seen();
            let socket = world.socket();
            world.push_to(socket, r#"{"topic":"other"}"#.to_owned());
            world.push_to(socket, "x".to_owned());
            world.run(100);
            let logs = world.seen.iter().filter(|(_, seen)| matches!(seen, Seen::Log)).count();
            assert_eq!(logs, lines);
        }
    }
}
