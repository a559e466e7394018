//! The simulation: clients, rules, store and a bad network in virtual time (docs/simulation.md).

use anyhow::Result;
use clap::Args;

use crate::{
    command::{cargo, new, run as run_command},
    repository::Repository,
};

/// Seeds that a change has to pass.
const SEEDS: u64 = 1_000;
/// Seeds in which a merge that is broken on purpose has to be noticed.
const SABOTAGED_SEEDS: u64 = 200;

/// What to simulate.
#[derive(Args)]
pub(crate) struct Options {
    /// How many seeds; 200 with `--sabotage`, else 1,000, if not stated.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first one.
    #[arg(long, default_value_t = 1)]
    first_seed: u64,
    /// Runs this seed alone and prints what happened.
    #[arg(long, conflicts_with_all = ["seeds", "first_seed"])]
    replay: Option<u64>,
    /// Of the acts of the replayed seed, only these: numbers with commas between.
    #[arg(long, requires = "replay")]
    acts: Option<String>,
    /// Breaks the clients' merge on purpose: fails unless a violation is found.
    #[arg(long)]
    sabotage: bool,
}

/// Builds the simulation and runs it.
pub(crate) fn run(repository: &Repository, options: &Options) -> Result<()> {
    let mut arguments = Vec::new();
    let mut argument = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
    if let Some(seed) = options.replay {
        argument("--replay", seed.to_string());
        if let Some(acts) = &options.acts {
            argument("--acts", acts.clone());
        }
    } else {
        let seeds = if options.sabotage { SABOTAGED_SEEDS } else { SEEDS };
        argument("--seeds", options.seeds.unwrap_or(seeds).to_string());
        argument("--first-seed", options.first_seed.to_string());
    }
    start(repository, options.sabotage, &arguments)
}

/// The step of `cargo xtask test`.
pub(crate) fn test(repository: &Repository) -> Result<()> {
    start(repository, false, &["--seeds".to_owned(), SEEDS.to_string()])?;
    start(repository, true, &["--seeds".to_owned(), SABOTAGED_SEEDS.to_string()])
}

fn start(repository: &Repository, sabotage: bool, arguments: &[String]) -> Result<()> {
    // With the features of the whole workspace: what the tests have built need not be built again.
    let build = "build --locked --quiet --workspace --bin chatloom-sim";
    let mut build = cargo(repository.root(), build);
    run_command(build.args(sabotage.then_some("--features=chatloom-sim/sabotage")))?;
    let mut simulation = new(repository.target("debug/chatloom-sim"));
    simulation.current_dir(repository.root()).args(arguments);
    run_command(simulation.args(sabotage.then_some("--sabotage")))
}
