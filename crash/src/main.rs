//! `chatloom-crash`: kills a server at random moments, and looks whether it kept what it had
//! acknowledged (docs/crash-safety.md). `cargo xtask crash` builds and starts it.

#![expect(clippy::print_stdout, reason = "a program that reports")]

mod api;
mod audit;
mod backup;
mod broken;
mod check;
mod clock;
mod contact;
mod data;
mod dice;
mod life;
mod outside;
mod person;
mod report;
mod sabotage;
mod server;

use std::{env, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Result, bail};
use clap::Parser;
use tokio::time::Instant;

use crate::{
    broken::Broken,
    clock::Clock,
    dice::Dice,
    life::{Counts, Life, World, beside},
    outside::Outside,
    sabotage::Sabotage,
    server::Program,
};

/// Rounds on one data folder.
const ROUNDS_OF_A_LIFE: u64 = 10;
/// How long what has to come may take; with a sabotage it never comes.
const PATIENCE: Duration = Duration::from_mins(1);
const SABOTAGED_PATIENCE: Duration = Duration::from_secs(10);
/// Rounds in which a sabotage may look for something to harm.
const ATTEMPTS: u64 = 20;

/// Kills a server at random moments.
#[derive(Parser)]
struct Arguments {
    /// How many rounds.
    #[arg(long, default_value_t = 50)]
    rounds: u64,
    /// What happens by chance comes from this; the moments of the kills meet other things each time.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The program; by default the one beside this.
    #[arg(long)]
    chatloom: Option<PathBuf>,
    /// Harms the data between a kill and the start after it, in each way that is known: fails unless
    /// each is found.
    #[arg(long)]
    sabotage: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(Into::into).and_then(|runtime| {
        let run = async {
            if arguments.sabotage { sabotage(&arguments).await } else { rounds(&arguments).await }
        };
        runtime.block_on(run)
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn world(
    arguments: &Arguments,
    tools: &tempfile::TempDir,
    patience: Duration,
) -> Result<World> {
    // Other systems preload libraries in other ways: there, no time passes.
    let clock = if cfg!(target_os = "linux") { Some(Clock::new(tools.path())?) } else { None };
    let own = env::current_exe()?;
    let path = arguments.chatloom.clone().unwrap_or_else(|| beside(&own));
    let mut dice = Dice::new(arguments.seed);
    Ok(World {
        program: Program::new(&path, clock.as_ref(), PATIENCE),
        clock,
        outside: Outside::new(dice.split()).await?,
        elsewhere: Outside::new(dice.split()).await?,
        patience,
        tally: check::Tally::default(),
        counts: Counts::default(),
    })
}

async fn rounds(arguments: &Arguments) -> Result<()> {
    let begun = Instant::now();
    let tools = tempfile::tempdir()?;
    let mut world = world(arguments, &tools, PATIENCE).await?;
    let mut dice = Dice::new(arguments.seed);
    let mut life = None;
    for round in 1..=arguments.rounds {
        let mut present = match life.take() {
            Some(present) => present,
            None => Life::begin(&world).await?,
        };
        let own = dice.split();
        if let Err(error) = present.round(&mut world, round, own, None).await {
            let folder = present.keep();
            let seed = arguments.seed;
            println!("round {round} of seed {seed}; its data are in {}", folder.display());
            return Err(error);
        }
        if round % ROUNDS_OF_A_LIFE == 0 || round == arguments.rounds {
            present.end(&mut world, dice.split()).await?;
        } else {
            life = Some(present);
        }
        if round % 50 == 0 && round < arguments.rounds {
            println!("{round} rounds");
        }
    }
    println!("{}", report::table(&world, arguments.rounds, begun.elapsed()));
    println!("0 rules broken");
    Ok(())
}

/// Each harm is done in a life of its own, and has to be found as what it is.
async fn sabotage(arguments: &Arguments) -> Result<()> {
    let tools = tempfile::tempdir()?;
    let mut world = world(arguments, &tools, SABOTAGED_PATIENCE).await?;
    let mut dice = Dice::new(arguments.seed);
    for sabotage in Sabotage::ALL {
        if sabotage.needs_time() && world.clock.is_none() {
            continue;
        }
        let mut life = Life::begin(&world).await?;
        let mut attempt = 1;
        let found = loop {
            match life.round(&mut world, attempt, dice.split(), Some(sabotage)).await {
                Ok(false) if attempt < ATTEMPTS => attempt += 1,
                other => break other,
            }
        };
        let expected = sabotage.breaks();
        match found {
            Ok(true) => bail!("{sabotage:?} was not noticed"),
            Ok(false) => bail!("{sabotage:?} found nothing to harm in {ATTEMPTS} rounds"),
            Err(error) => match error.downcast_ref::<Broken>() {
                Some(broken) if broken.rule == expected => println!("{sabotage:?}: {broken}"),
                _ => bail!("{sabotage:?} was noticed, but not as \"{expected}\": {error:#}"),
            },
        }
    }
    println!("{} harms, each found", Sabotage::ALL.len());
    Ok(())
}
