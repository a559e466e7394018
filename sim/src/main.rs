//! `chatloom-sim`: runs seeds and tells what came of them. `cargo xtask simulate` builds and starts it.

#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::{num::NonZeroUsize, process::ExitCode, thread, time::Instant};

use chatloom_sim::{Run, replay, run};
use clap::Parser;

/// Runs simulations in virtual time.
#[derive(Parser)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 1)]
    first_seed: u64,
    /// Seeds at a time; as many as there are processors by default.
    #[arg(long)]
    threads: Option<usize>,
    /// Runs this seed alone and prints what happened.
    #[arg(long, conflicts_with_all = ["seeds", "first_seed"])]
    replay: Option<u64>,
    /// Of the acts of the seed's plan, only these.
    #[arg(long, value_delimiter = ',', requires = "replay")]
    acts: Option<Vec<usize>>,
    /// Breaks the merge of the clients: then a violation has to be found.
    #[cfg(feature = "sabotage")]
    #[arg(long)]
    sabotage: bool,
}

#[expect(clippy::disallowed_methods, reason = "how long the run took is real time")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    #[cfg(feature = "sabotage")]
    let sabotage = arguments.sabotage;
    #[cfg(not(feature = "sabotage"))]
    let sabotage = false;
    if let Some(seed) = arguments.replay {
        let (failure, trace) = replay(seed, arguments.acts.as_deref(), sabotage, usize::MAX);
        for line in trace {
            println!("{line}");
        }
        let Some(failure) = failure else {
            println!("\nseed {seed}: 0 violations");
            return ExitCode::SUCCESS;
        };
        println!("\nseed {seed} breaks the rule \"{}\": {}", failure.rule, failure.what);
        return ExitCode::FAILURE;
    }
    let begun = Instant::now();
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let outcome = run(Run {
        first: arguments.first_seed,
        seeds: arguments.seeds,
        threads: arguments.threads.unwrap_or(processors),
        sabotage,
    });
    println!("{}", outcome.counts.table(begun.elapsed()));
    let violations = usize::from(outcome.violation.is_some());
    if let Some(violation) = outcome.violation {
        println!("{violation}\n");
    }
    println!("{violations} violation{}", if violations == 1 { "" } else { "s" });
    // A merge that is broken on purpose has to be found out.
    if (violations > 0) == sabotage { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
