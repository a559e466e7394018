//! Timers of people who fall silent (docs/protocol/participant-service.md §12.5).

use chatloom_engine::{Audience, Command, Presence};
use chatloom_wire::contact::{
    TimerRole::{Agent, Customer},
    TimerType::{DisconnectNoncustomer as Disconnect, Idle},
};

use crate::world::{
    ANA, CUSTOMER, MINUTE, World, accept, connect, disconnect, event, receipt, rules, say,
    time_passed, timers,
};

/// Goes on in steps of a second, as a server looks, and tells what happened and when, in minutes from
/// now.
fn watch(world: &mut World, minutes: i64) -> Vec<(i64, Vec<String>)> {
    let begin = world.now;
    let mut seen = Vec::new();
    for second in 1..=minutes * 60 {
        world.now = begin.plus_millis(second * 1_000);
        if world.chat.next_due().is_some_and(|due| due <= world.now) {
            let what = world.run(&time_passed()).unwrap();
            if !what.is_empty() {
                assert_eq!(second % 60, 0, "{what:?} after {second} s");
                seen.push((second / 60, what));
            }
        }
    }
    seen
}

fn lines(seen: &[(i64, &[&str])]) -> Vec<(i64, Vec<String>)> {
    seen.iter()
        .map(|(minute, what)| (*minute, what.iter().map(|text| (*text).to_owned()).collect()))
        .collect()
}

/// A chat whose timers are set before Ana comes.
fn with_ana_and(list: &Command) -> World {
    let mut world = World::new(rules(None), "");
    world.run(&connect(CUSTOMER)).unwrap();
    world.run(list).unwrap();
    world.run(&accept("ana", ANA)).unwrap();
    world
}

#[test]
fn idle_comes_first_and_the_disconnection_after_it() {
    let set = timers(&[(Customer, Idle, Some(2)), (Customer, Disconnect, Some(3))]);
    let mut world = with_ana_and(&set);
    let seen = watch(&mut world, 10);
    let expected = lines(&[
        (2, &["(CUSTOMER participant.idle)"]),
        (5, &["AGENT participant.left", "chat.ended", "(CUSTOMER participant.autodisconnection)"]),
    ]);
    assert_eq!(seen, expected);
    assert!(world.chat.is_over());
}

#[test]
fn a_timer_alone_starts_at_once() {
    let mut world = with_ana_and(&timers(&[(Agent, Disconnect, Some(2))]));
    let expected = lines(&[(
        2,
        &["AGENT participant.left", "chat.ended", "(AGENT participant.autodisconnection)"],
    )]);
    assert_eq!(watch(&mut world, 10), expected);

    let mut world = with_ana_and(&timers(&[(Agent, Idle, Some(480))]));
    assert_eq!(watch(&mut world, 1_000), lines(&[(480, &["(AGENT participant.idle)"])]));
    assert!(!world.chat.is_over());
}

#[test]
fn whoever_is_disconnected_misses_the_news() {
    let mut world = with_ana_and(&timers(&[(Customer, Disconnect, Some(2))]));
    world.pass(2 * MINUTE);
    let decision = world.decide(&time_passed()).unwrap();
    let [news] = &decision.transient[..] else { panic!("{decision:?}") };
    assert_eq!(news.audience, Audience::One(CUSTOMER.into()));
    assert_eq!(world.chat.participant(&ANA.into()).unwrap().presence, Presence::Left);
    assert_eq!(world.chat.customer().presence, Presence::Joined);
}

#[test]
fn a_message_begins_the_time_anew_without_changing_the_state() {
    let mut world = with_ana_and(&timers(&[(Customer, Idle, Some(2))]));
    for _ in 0..10 {
        world.pass(MINUTE);
        assert_eq!(world.decide(&say(CUSTOMER, "x")).unwrap().chat, None);
    }
    // The first deadline has long passed and comes to nothing.
    assert_eq!(world.run(&time_passed()).unwrap(), [""; 0]);
    assert_eq!(watch(&mut world, 5), lines(&[(2, &["(CUSTOMER participant.idle)"])]));
}

#[test]
fn typing_and_receipts_are_no_activity() {
    let mut world = with_ana_and(&timers(&[(Customer, Idle, Some(2))]));
    world.run(&say(ANA, "hello")).unwrap();
    let item = world.log.last().unwrap().id.clone();
    world.pass(MINUTE);
    world.run(&event(CUSTOMER, chatloom_wire::ContentType::Typing)).unwrap();
    world.run(&receipt(CUSTOMER, true, &item)).unwrap();
    assert_eq!(watch(&mut world, 3), lines(&[(1, &["(CUSTOMER participant.idle)"])]));
}

#[test]
fn an_idle_person_returns_by_saying_something() {
    let set = timers(&[(Customer, Idle, Some(2)), (Customer, Disconnect, Some(2))]);
    let mut world = with_ana_and(&set);
    assert_eq!(watch(&mut world, 3), lines(&[(2, &["(CUSTOMER participant.idle)"])]));
    assert_eq!(world.run(&say(ANA, "still there?")).unwrap(), ["AGENT: still there?"]);
    let back = world.run(&say(CUSTOMER, "yes")).unwrap();
    assert_eq!(back, ["CUSTOMER: yes", "(CUSTOMER participant.returned)"]);
    world.pass(1_000);
    assert_eq!(world.run(&say(CUSTOMER, "really")).unwrap(), ["CUSTOMER: really"]);
    assert_eq!(watch(&mut world, 3), lines(&[(2, &["(CUSTOMER participant.idle)"])]));
}

#[test]
fn what_counts_is_what_was_set_when_the_agent_came() {
    let mut world = with_ana_and(&timers(&[(Customer, Idle, Some(2)), (Agent, Idle, Some(3))]));
    world.run(&timers(&[(Customer, Idle, None), (Agent, Idle, Some(2))])).unwrap();
    let expected =
        lines(&[(2, &["(CUSTOMER participant.idle)"]), (3, &["(AGENT participant.idle)"])]);
    assert_eq!(watch(&mut world, 9), expected);
    // Setting the same again changes nothing.
    let again = world.decide(&timers(&[(Agent, Idle, Some(2))])).unwrap();
    assert_eq!(again.chat, None);
}

#[test]
fn nobody_is_listened_to_without_an_agent() {
    let mut world = World::new(rules(None), "");
    world.run(&timers(&[(Customer, Disconnect, Some(2))])).unwrap();
    world.run(&connect(CUSTOMER)).unwrap();
    assert_eq!(watch(&mut world, 30), []);
    world.run(&accept("ana", ANA)).unwrap();
    world.run(&disconnect(ANA)).unwrap();
    assert!(world.chat.is_over());
    assert_eq!(
        world.run(&timers(&[(Agent, Idle, Some(2))])),
        Err("ResourceNotFoundException".into())
    );
}

#[test]
fn a_late_timer_leaves_time_for_an_answer() {
    let set = timers(&[(Customer, Idle, Some(2)), (Customer, Disconnect, Some(5))]);
    let mut world = with_ana_and(&set);
    // The server was away.
    world.pass(60 * MINUTE);
    assert_eq!(world.run(&time_passed()).unwrap(), ["(CUSTOMER participant.idle)"]);
    let seen = watch(&mut world, 10);
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].0, 5);
}
