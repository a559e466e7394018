//! Kills of a server at random moments (docs/crash-safety.md).

use anyhow::Result;
use clap::Args;

use crate::{
    command::{cargo, new, run as run_command},
    repository::Repository,
};

/// Rounds that a change has to pass.
const ROUNDS: u64 = 50;

/// What to do to a server.
#[derive(Args)]
pub(crate) struct Options {
    /// How many rounds.
    #[arg(long, default_value_t = ROUNDS, conflicts_with = "sabotage")]
    rounds: u64,
    /// What happens by chance comes from this; the moments of the kills meet other things each time.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Harms the data between a kill and the start after it, in each way that is known: fails unless
    /// each is found.
    #[arg(long)]
    sabotage: bool,
}

/// Builds the server and what kills it, and runs the rounds.
pub(crate) fn run(repository: &Repository, options: &Options) -> Result<()> {
    let seed = options.seed.to_string();
    if options.sabotage {
        return start(repository, &["--seed", &seed, "--sabotage"]);
    }
    start(repository, &["--seed", &seed, "--rounds", &options.rounds.to_string()])
}

/// The step of `cargo xtask test`.
pub(crate) fn test(repository: &Repository) -> Result<()> {
    start(repository, &["--rounds", &ROUNDS.to_string()])?;
    start(repository, &["--sabotage"])
}

fn start(repository: &Repository, arguments: &[&str]) -> Result<()> {
    // With the features of the whole workspace: what the tests have built need not be built again.
    let build = "build --locked --quiet --workspace --bin chatloom --bin chatloom-crash";
    run_command(&mut cargo(repository.root(), build))?;
    let mut rounds = new(repository.target("debug/chatloom-crash"));
    run_command(rounds.current_dir(repository.root()).args(arguments))
}
