//! Going on in a new core where another one, which has failed, left its sessions.

use chatloom_session::{Behaviour, ForeignEvent, ForeignId, Input, Role, SessionId, Source};

use crate::several::{A_DAY, CUSTOMER_ASKS, Several, item, options};

const BOTH: [Behaviour; 2] = [Behaviour::Compat, Behaviour::Chatloom];

fn resume(world: &mut Several, session: u32) {
    world.input(Input::Resume { session: SessionId(session), token: "kept-token".into() });
}

#[test]
fn s062_s155_s156_compat_a_session_comes_back_as_from_a_lost_connection() {
    let mut world = Several::new();
    world.create(1, options(Behaviour::Compat, 1));
    resume(&mut world, 1);
    // Whoever resumes has told of the loss, and does not call `connect` again.
    assert_eq!(world.lines(), [format!("1 posts {CUSTOMER_ASKS}")]);
    // It is tried again for ever, as a reconnect is (D1).
    for status in [500, 429, 503, 500] {
        world.refuse(1, status);
        world.pass(60_000);
    }
    world.lines();
    world.grant(1);
    world.opened(1);
    world.subscribed(1);
    world.chat(1, &item("i", 1, "text/plain"));
    assert_eq!(world.lines(), ["opens 1", "1 established", "1 item i"]);
}

#[test]
fn s055_sessions_of_one_contact_share_a_socket_again() {
    let mut world = Several::new();
    for session in [1, 2] {
        world.create(session, options(Behaviour::Compat, 1));
        resume(&mut world, session);
    }
    world.grant(1);
    world.grant(2);
    world.lines();
    world.opened(1);
    assert_eq!(world.lines(), ["1 established", "2 established"]);
    assert_eq!(world.sockets.len(), 1);
}

#[test]
fn s179_s185_an_agents_session_only_needs_a_new_token() {
    for behaviour in BOTH {
        let mut world = Several::new();
        let mut agent = options(behaviour, 1);
        agent.role = Role::Agent;
        agent.source = Source::Host { foreign: Some(ForeignId(7)) };
        world.create(1, agent);
        resume(&mut world, 1);
        assert!(world.joined.contains(&ForeignId(7)), "{behaviour:?}");
        // Not marked as connected once more, and nothing is told: the manager's socket is open.
        world.token(1, Ok(("new", Some(A_DAY))));
        let lines = world.lines();
        assert!(!lines.iter().any(|line| line.contains("posts")), "{behaviour:?}: {lines:?}");
        if behaviour == Behaviour::Compat {
            assert_eq!(lines, ["joins 7", "1 needs a token"]);
        } else {
            world.empty_page(1);
            world.lines();
        }
        world.foreign_chat(7, &item("i", 1, "text/plain"));
        assert_eq!(world.lines(), ["1 item i"], "{behaviour:?}");
        world.foreign(7, ForeignEvent::Lost);
        let lost = |line: &String| line == "1 lost";
        assert_eq!(world.lines().iter().filter(|line| lost(line)).count(), 1, "{behaviour:?}");
    }
}

#[test]
fn a_session_that_is_connected_is_not_resumed() {
    let mut world = Several::new();
    world.create(1, options(Behaviour::Compat, 1));
    world.connect(1);
    world.grant(1);
    world.lines();
    resume(&mut world, 1);
    resume(&mut world, 2);
    assert_eq!(world.lines(), [] as [&str; 0]);
}
