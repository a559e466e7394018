//! Gaps: told where they are, filled later, and never a reason to hold something back for ever.

use chatloom_session::{
    Behaviour, Call, CallError, EntryContent, Event, GapId, Input, SessionOptions, Value,
};
use proptest::prelude::*;

use crate::{
    listed::{entries, shown, tracked},
    world::{Reply, SESSION, Seen, World, options},
};

const CHATLOOM: Behaviour = Behaviour::Chatloom;

fn gaps(world: &World) -> Vec<GapId> {
    let gap = |seen: &Seen| match seen {
        Seen::Event(Event::Gap { gap }) => Some(*gap),
        _ => None,
    };
    world.seen.iter().filter_map(|(_, seen)| gap(seen)).collect()
}

/// A tracked session with one message before a gap that holds one, and one behind it.
fn with_a_gap() -> World {
    let mut world = tracked(CHATLOOM);
    world.say("before");
    world.run(15_000);
    world.always("GetTranscript", Reply::Status(400));
    world.cut();
    world.say("missed");
    world.run(1_000);
    world.say("behind");
    world.run(100);
    assert_eq!(world.story()[2..], ["lost", "established", "gap", "caught up"]);
    assert_eq!(shown(&world), ["item-00000", "gap", "item-00002"]);
    world
}

#[test]
fn d06_chatloom_a_gap_is_filled_after_the_next_recovery() {
    let mut world = with_a_gap();
    world.service.always.clear();
    world.run(15_000);
    assert_eq!(shown(&world).len(), 3, "nobody asks again before");
    world.cut();
    world.say("missed too");
    world.run(1_000);
    let stored = world.stored();
    assert_eq!(world.delivered(), [0, 2, 1, 3].map(|n: usize| stored[n].clone()));
    assert_eq!(world.story().last(), Some(&"gap closed"));
    assert_eq!(shown(&world), stored);
    // The item is given before the gap is closed.
    let at = |is: &dyn Fn(&Event) -> bool| {
        world.seen.iter().rposition(|(_, seen)| matches!(seen, Seen::Event(event) if is(event)))
    };
    let closed = at(&|event| matches!(event, Event::GapClosed { .. }));
    let given = at(&|event| matches!(event, Event::Item { .. }));
    assert!(given < closed);
}

#[test]
fn d06_chatloom_a_gap_is_filled_when_the_application_asks() {
    let mut world = with_a_gap();
    let gap = gaps(&world)[0];
    assert!(
        entries(&world).iter().any(|e| matches!(e.content, EntryContent::Gap(of) if of == gap))
    );
    let refused = world.call(Call::FillGap { gap });
    world.run(1_000);
    assert!(matches!(world.result(refused), Some(Err(CallError::Service(e))) if e.status == 400));
    world.service.always.clear();
    let calls = [world.call(Call::FillGap { gap }), world.call(Call::FillGap { gap })];
    world.run(100);
    for call in calls {
        assert!(matches!(world.result(call), Some(Ok(Value::Loaded { count: 1, .. }))));
    }
    assert_eq!(shown(&world), world.stored());
    assert_eq!(world.story().last(), Some(&"gap closed"));
    let call = world.call(Call::FillGap { gap });
    let error = world.result(call).unwrap().as_ref().unwrap_err();
    assert!(matches!(error, CallError::Invalid { member: "gap", .. }), "{error:?}");
}

#[test]
fn a_call_to_fill_a_gap_ends_even_if_the_service_never_answers() {
    let mut world = with_a_gap();
    world.always("GetTranscript", Reply::Lost);
    let call = world.call(Call::FillGap { gap: gaps(&world)[0] });
    world.run(120_000);
    assert!(matches!(world.result(call), Some(Err(CallError::Unreachable { .. }))));
    // It is tried on, since what failed may pass.
    world.service.always.clear();
    world.run(60_000);
    assert_eq!(shown(&world), world.stored());
}

#[test]
fn nothing_is_held_back_for_ever() {
    for parses in [false, true] {
        let mut world = tracked(CHATLOOM);
        world.parses = parses;
        world.say("before");
        world.run(15_000);
        world.always("GetTranscript", Reply::Status(500));
        world.cut();
        world.say("missed");
        world.run(1_000);
        let first = world.say("waits");
        world.run(19_000);
        world.say("waits less");
        world.run(900);
        assert_eq!(world.delivered().len(), 1);
        world.run(200);
        assert_eq!(world.delivered()[1], first, "20 s are enough");
        assert_eq!(world.story()[2..], ["lost", "established", "gap", "caught up"]);
        assert_eq!(shown(&world), ["item-00000", "gap", "item-00002", "item-00003"]);
        // From now on items come as they are published.
        let live = world.say("live");
        world.run(20);
        assert_eq!(world.delivered().last(), Some(&live));
        // The reading goes on, without a new connection.
        world.service.always.clear();
        world.run(60_000);
        assert_eq!(shown(&world), world.stored());
        assert_eq!(world.delivered().last().unwrap(), &world.stored()[1]);
        assert_eq!(world.story().last(), Some(&"gap closed"));
        assert_eq!(world.opened().len(), 2);
    }
}

#[test]
fn what_waits_for_a_socket_that_never_comes_back_is_given_too() {
    let mut world = tracked(CHATLOOM);
    world.say("before");
    world.run(15_000);
    world.always("GetTranscript", Reply::Status(500));
    world.cut();
    world.run(1_000);
    world.say("waits");
    world.run(100);
    world.always("CreateParticipantConnection", Reply::Lost);
    world.cut();
    world.run(25_000);
    assert_eq!(world.delivered(), world.stored());
    assert_eq!(world.story().last(), Some(&"gap"));
    world.service.always.clear();
    world.run(60_000);
    assert_eq!(world.story()[world.story().len() - 2..], ["caught up", "gap closed"]);
    assert_eq!(shown(&world), world.stored());
}

#[test]
fn a_gap_longer_than_one_reading_is_filled_step_by_step() {
    let mut world = tracked(CHATLOOM);
    world.say("first");
    world.run(15_000);
    world.service.page_size = Some(1);
    world.cut();
    for n in 0..900 {
        world.say(&n.to_string());
    }
    world.run(10_000);
    assert_eq!(world.delivered().len(), 401);
    assert_eq!(shown(&world)[..2], ["item-00000", "gap"]);
    let gap = gaps(&world)[0];
    let call = world.call(Call::FillGap { gap });
    world.run(10_000);
    let result = world.result(call).unwrap();
    assert!(matches!(result, Ok(Value::Loaded { count: 399, at_beginning: false })), "{result:?}");
    assert_eq!(shown(&world)[..2], ["item-00000", "gap"]);
    world.call(Call::FillGap { gap });
    world.run(10_000);
    assert_eq!(shown(&world), world.stored());
    let mut delivered = world.delivered();
    delivered.sort();
    assert_eq!(delivered, world.stored());
    assert_eq!(world.story().last(), Some(&"gap closed"));
}

#[test]
fn gaps_survive_the_process() {
    let keeps = || SessionOptions { persist: true, ..options(CHATLOOM) };
    let mut world = World::of(keeps());
    world.call(Call::Connect);
    world.say("before");
    world.run(15_000);
    world.always("GetTranscript", Reply::Status(400));
    world.cut();
    world.say("missed");
    world.run(1_000);
    world.say("behind");
    world.run(100);
    let stored = world.stored();
    assert_eq!(world.delivered(), [0, 2].map(|n: usize| stored[n].clone()));
    world.service.always.clear();
    world.restart(keeps(), true);
    world.input(Input::Track { session: SESSION });
    world.call(Call::Connect);
    world.run(1_000);
    assert_eq!(world.delivered(), [0, 2, 1].map(|n: usize| stored[n].clone()), "each once");
    assert_eq!(gaps(&world).len(), 2, "it is told again, to who did not hear of it");
    assert_eq!(world.story().last(), Some(&"gap closed"));
    assert_eq!(shown(&world), stored);
}

#[test]
fn a_gap_before_the_first_entry_of_a_bounded_list_is_part_of_what_stands_there() {
    let mut world =
        crate::listed::tracked_with(SessionOptions { most_entries: 100, ..options(CHATLOOM) });
    world.say("before");
    world.run(15_000);
    world.always("GetTranscript", Reply::Status(400));
    world.cut();
    world.say("missed");
    world.run(1_000);
    for n in 0..150 {
        world.say(&n.to_string());
        world.run(1);
    }
    world.run(100);
    let listed = shown(&world);
    assert_eq!(listed.len(), 100);
    assert_eq!(listed.iter().filter(|line| *line == "gap").count(), 1);
    // What fills it is given, and shown when somebody pages there.
    world.service.always.clear();
    world.call(Call::FillGap { gap: gaps(&world)[0] });
    world.run(100);
    assert_eq!(world.delivered().last(), Some(&world.stored()[1]));
    assert_eq!(shown(&world), listed);
    world.call(Call::LoadOlder { count: 200 });
    world.run(100);
    assert_eq!(shown(&world), world.stored());
}

#[test]
fn a_hand_over_that_cannot_be_read_for_opens_no_gap() {
    let mut world = tracked(CHATLOOM);
    world.run(3_530_000);
    world.always("GetTranscript", Reply::Status(500));
    world.run(60_000);
    assert_eq!(world.open_sockets().len(), 2);
    // The new socket brings it first.
    let sockets = world.open_sockets();
    let id = world.say("words");
    world.run(100);
    world.repeat(0);
    world.run(60_000);
    assert_eq!(world.delivered(), [id]);
    assert_eq!(world.open_sockets(), sockets);
    assert!(gaps(&world).is_empty());
}

proptest! {
    /// Whatever the transcript answers, and whenever the connection is lost: when it can be read
    /// again, everything has been given once, and the list is the transcript.
    #[test]
    fn every_gap_closes_when_the_transcript_can_be_read(
        steps in prop::collection::vec((0_u8..7, 0_u64..30_000), 1..40),
        page in 1_usize..30,
        parses: bool,
    ) {
        let mut world = tracked(CHATLOOM);
        world.parses = parses;
        world.service.page_size = Some(page);
        for (what, wait) in steps {
            match what {
                0 => world.cut(),
                1 => world.always("GetTranscript", Reply::Status(500)),
                2 => world.always("GetTranscript", Reply::Status(400)),
                3 => world.service.always.clear(),
                4 => if let Some(gap) = gaps(&world).pop() {
                    world.call(Call::FillGap { gap });
                },
                _ => for n in 0..wait % 40 {
                    world.say(&format!("words {n}"));
                },
            }
            world.run(wait);
        }
        world.service.always.clear();
        // One recovery finds everything; another fills what the first could not.
        for _ in 0..2 {
            world.cut();
            world.run(120_000);
        }
        let mut delivered = world.delivered();
        delivered.sort();
        prop_assert_eq!(delivered, world.stored());
        prop_assert_eq!(shown(&world), world.stored());
        let story = world.story();
        let count = |name| story.iter().filter(|what| **what == name).count();
        prop_assert_eq!(count("gap"), count("gap closed"));
        world.input(Input::Forget { session: SESSION });
        prop_assert!(world.with_core.is_empty());
    }
}
