//! The simulation itself: the same seed gives the same world, and everything is made to fail.

use chatloom_sim::{Outcome, Run, run};

fn seeds(first: u64, seeds: u64, threads: usize) -> Outcome {
    run(Run { first, seeds, threads, sabotage: false })
}

#[test]
fn the_first_seeds_hold() {
    let outcome = seeds(1, 30, 2);
    assert!(outcome.violation.is_none(), "{}", outcome.violation.unwrap());
    assert_eq!(outcome.counts.seeds, 30);
}

/// However many run at a time, and in whichever order.
#[test]
fn the_same_seeds_give_the_same_worlds() {
    let (one, two) = (seeds(40, 8, 1), seeds(40, 8, 3));
    assert_eq!(one.counts, two.counts);
    assert_ne!(one.counts, seeds(41, 8, 1).counts);
}

#[test]
fn everything_is_made_to_fail() {
    let counts = seeds(101, 60, 2).counts;
    for trouble in [
        "answer 400",
        "answer 403",
        "answer 429",
        "answer 5xx",
        "answer late",
        "answer lost after the effect",
        "answer that is no JSON",
        "call cancelled",
        "chat stopped by the control plane",
        "client's wall clock jumps",
        "connection tokens revoked",
        "doorbell lost",
        "frame repeated",
        "frame stalled",
        "frames may overtake",
        "heartbeats unanswered",
        "network off, told",
        "network off, untold",
        "participant leaves",
        "process restart",
        "request doubled",
        "request lost",
        "server restart",
        "server's wall clock jumps",
        "socket cut by a frame",
        "sockets cut",
        "sockets half open",
        "sockets refused",
        "subscriptions not confirmed",
        "visibility",
    ] {
        assert!(counts.injected.of(trouble) > 0, "{trouble} never happened");
    }
}

/// A merge that is broken on purpose is noticed.
#[cfg(feature = "sabotage")]
#[test]
fn a_broken_merge_is_found() {
    let outcome = run(Run { first: 1, seeds: 200, threads: 2, sabotage: true });
    let violation = outcome.violation.expect("a violation is found");
    assert!(!violation.trace.is_empty());
}
