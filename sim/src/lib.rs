//! Deterministic simulation of Chatloom in virtual time.
//!
//! A seed is a small world: some chats, customers and agents whose programs have a core of
//! `chatloom-session` each, the rules of `chatloom-engine` over the store of `chatloom-server` on one
//! connection in memory, and a network between them that does everything a network can do to a
//! program. Then the trouble ends, and everything must be right again. docs/simulation.md says what
//! is made to fail and what is promised.
//!
//! The same seed gives the same world, to the last millisecond.

mod dice;
mod host;
mod manager;
mod network;
mod oracle;
mod plan;
mod report;
mod service;
mod shrink;
mod view;
mod world;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
};

use chatloom_server::store::sqlite::InMemory;

use crate::{
    plan::Plan,
    world::{Settings, World},
};
pub use crate::{
    report::{Counts, Tally},
    world::Failure,
};

/// Lines of the trace of a failing seed.
const LINES: usize = 80;

/// Which seeds to run, and how.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// The first seed.
    pub first: u64,
    /// How many.
    pub seeds: u64,
    /// How many at a time.
    pub threads: usize,
    /// Breaks the merge of the clients on purpose, where the feature `sabotage` is on.
    pub sabotage: bool,
}

/// A seed in which a rule did not hold.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The seed.
    pub seed: u64,
    /// The rule, and how it was broken.
    pub failure: Failure,
    /// The acts of the seed's plan that are needed to break it, by their numbers.
    pub acts: Vec<usize>,
    /// What happened last, with only these acts.
    pub trace: Vec<String>,
    /// Whether the merge was broken on purpose.
    pub sabotage: bool,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, failure, acts, trace, sabotage } = self;
        for line in trace {
            writeln!(f, "{line}")?;
        }
        writeln!(
            f,
            "\nseed {seed} breaks the rule \"{}\" at {}.{:03} s: {}",
            failure.rule,
            failure.at_ms / 1_000,
            failure.at_ms % 1_000,
            failure.what
        )?;
        let acts: Vec<String> = acts.iter().map(ToString::to_string).collect();
        let sabotage = if *sabotage { " --sabotage" } else { "" };
        let acts = acts.join(",");
        write!(f, "again: cargo xtask simulate --replay {seed} --acts {acts}{sabotage}")
    }
}

/// What many seeds came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What was done and looked at.
    pub counts: Counts,
    /// The first seed that failed of those that ran; a run ends with it.
    pub violation: Option<Violation>,
}

/// Runs many seeds, and stops at the first that fails.
pub fn run(run: Run) -> Outcome {
    let next = AtomicU64::new(run.first);
    let stop = AtomicBool::new(false);
    let outcome = Mutex::new(Outcome::default());
    let settings = Settings { trace: 0, sabotage: run.sabotage };
    thread::scope(|scope| {
        for _ in 0..run.threads.max(1) {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed >= run.first.saturating_add(run.seeds) {
                        break;
                    }
                    let (counts, failure, _) = play(&Plan::new(seed), settings);
                    let failed = failure.is_some();
                    let violation = failure.map(|failure| explain(seed, failure, settings));
                    let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
                    outcome.counts.merge(&counts);
                    if failed && outcome.violation.as_ref().is_none_or(|of| of.seed > seed) {
                        outcome.violation = violation;
                        stop.store(true, Relaxed);
                    }
                }
            });
        }
    });
    outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Runs one seed once more, with only some of its acts or with all, and tells what happened: the last
/// so many lines.
pub fn replay(
    seed: u64,
    acts: Option<&[usize]>,
    sabotage: bool,
    lines: usize,
) -> (Option<Failure>, Vec<String>) {
    let mut plan = Plan::new(seed);
    if let Some(acts) = acts {
        plan = shrink::only(&plan, acts);
    }
    let (_, failure, trace) = play(&plan, Settings { trace: lines, sabotage });
    (failure, trace)
}

/// Makes a failing seed small and tells its story.
fn explain(seed: u64, failure: Failure, settings: Settings) -> Violation {
    let plan = Plan::new(seed);
    let acts = shrink::shrink(&plan, |smaller| {
        let (_, failed, _) = play(smaller, settings);
        failed.is_some_and(|failed| failed.rule == failure.rule)
    });
    let (failure, trace) = match replay(seed, Some(&acts), settings.sabotage, LINES) {
        (Some(failure), trace) => (failure, trace),
        (None, trace) => (failure, trace),
    };
    Violation { seed, failure, acts, trace, sabotage: settings.sabotage }
}

fn play(plan: &Plan, settings: Settings) -> (Counts, Option<Failure>, Vec<String>) {
    let played = catch_unwind(AssertUnwindSafe(|| {
        let database = InMemory::open()?;
        let mut world = World::new(plan, &database, settings)?;
        world.run();
        if world.failure.is_none() {
            world.judge();
        }
        let (counts, failure) = (std::mem::take(&mut world.counts), world.failure.take());
        Ok::<_, anyhow::Error>((counts, failure, world.into_trace()))
    }));
    let failed = |what| {
        let failure = Failure { rule: "nothing panics", what, at_ms: 0 };
        (Counts { seeds: 1, ..Counts::default() }, Some(failure), Vec::new())
    };
    match played {
        Ok(Ok(played)) => played,
        Ok(Err(error)) => failed(format!("{error:#}")),
        Err(_) => failed("the panic is printed above".to_owned()),
    }
}
