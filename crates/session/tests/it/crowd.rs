//! Many sessions that share sockets and socket managers, through any course of events.

use chatloom_session::{
    Behaviour, Call, ForeignEvent, ForeignId, Input, Role, SessionId, SessionOptions, Source,
};

use crate::several::{CHAT_ENDED, Several, TRANSFERRED, item, options};

/// A small generator: the steps of a run follow from its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<T: Copy>(&mut self, among: &[T]) -> Option<T> {
        let at = self.roll(among.len().max(1) as u64) as usize;
        among.get(at).copied()
    }
}

fn any_options(dice: &mut Dice) -> SessionOptions {
    let behaviour = if dice.roll(3) == 0 { Behaviour::Chatloom } else { Behaviour::Compat };
    let manager = ForeignId(1 + dice.roll(2) as u32);
    let source = match dice.roll(8) {
        0..=3 => Source::Service,
        4 => Source::Foreign(manager),
        5 => Source::Host { foreign: None },
        _ => Source::Host { foreign: Some(manager) },
    };
    let role = if dice.roll(2) == 0 { Role::Customer } else { Role::Agent };
    SessionOptions { source, role, ..options(behaviour, 1 + dice.roll(2) as u32) }
}

fn any_item(dice: &mut Dice, n: usize) -> String {
    let content_type = match dice.roll(30) {
        0 => CHAT_ENDED,
        1 => TRANSFERRED,
        _ => "text/plain",
    };
    item(&format!("item-{n}"), 1 + dice.roll(3) as u32, content_type)
}

fn step(world: &mut Several, dice: &mut Dice, n: usize) {
    let sessions: Vec<u32> = (1..=8).collect();
    let session = dice.pick(&sessions).unwrap();
    let sockets: Vec<u64> = world.sockets.iter().map(|socket| socket.0).collect();
    match dice.roll(20) {
        0 => world.create(session, any_options(dice)),
        1..=3 => world.connect(session),
        4 if dice.roll(3) == 0 => world.input(Input::Forget { session: SessionId(session) }),
        4..=7 => {
            if let Some((session, operation)) = world.waiting(dice.roll(50) as usize) {
                match (operation, dice.roll(6)) {
                    ("CreateParticipantConnection", 0..=3) => world.grant(session),
                    (_, 0..=3) => world.answer(session, operation, 200, r#"{"Transcript":[]}"#),
                    (_, failed) => {
                        let status =
                            [403, 403, 400, 429, 500][(failed + dice.roll(3)) as usize % 5];
                        world.answer(session, operation, status, "{}");
                    }
                }
            }
        }
        8 | 9 => {
            if let Some(session) = world.asking() {
                let token = if dice.roll(4) == 0 { Err("none") } else { Ok(("t", None)) };
                world.token(session, token);
            }
        }
        10 | 11 => {
            if let Some(socket) = dice.pick(&sockets) {
                world.opened(socket);
                if dice.roll(4) > 0 {
                    world.subscribed(socket);
                }
            }
        }
        12 => {
            if let Some(socket) = dice.pick(&sockets) {
                world.closed(socket);
            }
        }
        13 | 14 => {
            if let Some(socket) = dice.pick(&sockets) {
                let item = any_item(dice, n);
                if dice.roll(2) == 0 {
                    world.chat(socket, &item);
                } else {
                    world.held_chat(socket, &item);
                }
            }
        }
        15 | 16 => {
            let manager = 1 + dice.roll(2) as u32;
            let item = any_item(dice, n);
            match dice.roll(8) {
                0 => world.foreign(manager, ForeignEvent::Gained),
                1 => world.foreign(manager, ForeignEvent::Lost),
                2 if dice.roll(4) == 0 => world.foreign(manager, ForeignEvent::Broken),
                3 => world.foreign(manager, ForeignEvent::DeepHeartbeat { success: false }),
                4 | 5 => world.foreign_chat(manager, &item),
                _ => world.foreign_held(manager, &item),
            }
        }
        17 => {
            world.call(session, Call::GetTranscript(Box::default()));
        }
        18 => world.input(Input::Network { online: dice.roll(3) > 0 }),
        _ => world.pass(dice.roll(30_000)),
    }
}

/// Has everything answered that waits for an answer, until nothing does for a while.
fn settle(world: &mut Several, dice: &mut Dice) {
    world.input(Input::Network { online: dice.roll(4) > 0 });
    for _ in 0..20 {
        while let Some((session, operation)) = world.waiting(0) {
            let status = [200, 400, 403, 404, 500][dice.roll(5) as usize];
            world.answer(session, operation, status, r#"{"Transcript":[]}"#);
        }
        while let Some(session) = world.asking() {
            world.token(session, Err("none"));
        }
        world.pass(60_000);
    }
}

#[test]
fn whatever_happens_nothing_is_given_back_twice_kept_or_left_open() {
    for seed in 1..=400 {
        let (mut world, mut dice) = (Several::new(), Dice(seed));
        for n in 0..400 {
            step(&mut world, &mut dice, n);
        }
        let before = world.outputs;
        world.pass(600_000);
        assert!(world.outputs - before < 5_000, "seed {seed}: too busy");
        settle(&mut world, &mut dice);
        assert!(world.calls.is_empty(), "seed {seed}: {:?} hang", world.calls);
        for session in 1..=8 {
            world.input(Input::Forget { session: SessionId(session) });
        }
        assert!(world.sockets.is_empty(), "seed {seed}: a socket is left open");
        assert!(world.with_core.is_empty(), "seed {seed}: an item is kept");
        // Sessions that behave as the original leave the last one for those to come (S184).
        assert!(world.joined.len() < 2, "seed {seed}: managers are still listened to");
        assert!(world.calls.is_empty(), "seed {seed}: a call has not ended");
        assert!(world.waiting(0).is_none(), "seed {seed}: a request was not given up");
        world.lines();
        world.pass(100_000_000);
        assert!(world.lines().is_empty(), "seed {seed}: something goes on");
    }
}
