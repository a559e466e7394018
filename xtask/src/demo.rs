//! A server with demo data, and what to do with it.

use std::os::unix::process::CommandExt;

use anyhow::{Context, Result};
use clap::Args;

use crate::{
    command::{cargo, new, run as run_command},
    report::{seconds, timed},
    repository::Repository,
    web,
};

/// How to start the demo.
#[derive(Args)]
pub(crate) struct Options {
    /// The port on 127.0.0.1 that the server listens on.
    #[arg(long, default_value_t = 8090, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Leave out the browser package: no Node needed, and the page at `/` only says how to build
    /// it.
    #[arg(long)]
    no_web: bool,
}

/// Builds what is missing, then becomes the server, which says what to do next.
pub(crate) fn run(repository: &Repository, options: &Options) -> Result<()> {
    let (took, built) = timed(|| build(repository, options.no_web));
    built?;
    println!("\nBuilt in {}; the server starts now, in this terminal.", seconds(took));

    // The server takes this program's place: Ctrl-C and `kill` reach it, and its exit code is the
    // task's. It is started by its whole path, since that is how its text names it.
    let program = repository.target("release/chatloom");
    let listen = format!("127.0.0.1:{}", options.port);
    let mut server = new(&program);
    let error =
        server.current_dir(repository.root()).args(["serve", "--demo", "--listen", &listen]).exec();
    Err(error).with_context(|| format!("cannot start {}", program.display()))
}

fn build(repository: &Repository, no_web: bool) -> Result<()> {
    let mut build = "build --locked --release --package chatloom-cli".to_owned();
    if !no_web {
        web::build(repository)?; // before the server, which carries the bundle inside
        build += " --features bundle";
    }
    println!("    the first build takes some minutes");
    run_command(&mut cargo(repository.root(), &build))
}
