//! Build, check, try and measure Chatloom: `cargo xtask help` lists the tasks.
//!
//! Every task says which commands it runs and how long it took. What a task needs and the machine
//! lacks, it installs into `target/tools` or, as root on Debian, with `apt-get`; otherwise it names
//! the command that would.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task talks to the person who started it"
)]

mod bench;
mod command;
mod compare;
mod crash;
mod demo;
mod e2e;
mod fuzz;
mod openapi;
mod report;
mod repository;
mod rust;
mod simulate;
mod test;
mod tidy;
mod tools;
mod translate;
mod wasm;
mod web;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{repository::Repository, tools::wasm_target::StdFrom, wasm::Core};

/// Build, check, try and measure Chatloom.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything and start a server with demo data; prints what to do next.
    Demo(demo::Options),
    /// Run every check and test, cheapest first, or only the named steps.
    Test(test::Options),
    /// Build the browser core to target/wasm/chatloom.wasm and hold it to its size.
    Wasm {
        /// Build the larger one, with Chatloom behaviour, to target/wasm/chatloom-full.wasm instead.
        #[arg(long)]
        chatloom: bool,
        /// Where Rust's standard library for wasm comes from.
        #[arg(long, value_enum, default_value_t = StdFrom::Any)]
        std_from: StdFrom,
    },
    /// Build the browser package web/chatjs, the browser core included.
    Web,
    /// Run the same scenarios with the browser package and with ChatJS, and say where they differ.
    Compare,
    /// Measure, print the tables and write target/bench/results.json.
    Bench(bench::Options),
    /// Run many seeds of clients, server and a bad network in virtual time.
    Simulate(simulate::Options),
    /// Kill a server at random moments and look whether it kept what it had acknowledged.
    Crash(crash::Options),
    /// Write the names of the tests into docs/protocol/coverage.md.
    Coverage,
    /// Check that the fuzz targets compile, run one of them, or make up requests (docs/fuzzing.md).
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    run(Arguments::parse().task).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(task: Task) -> anyhow::Result<ExitCode> {
    let repository = Repository::open()?;
    match task {
        Task::Demo(options) => demo::run(&repository, &options)?,
        Task::Test(options) => return test::run(&repository, &options),
        Task::Wasm { chatloom, std_from } => {
            let core = if chatloom { Core::Full } else { Core::Small };
            wasm::build(&repository, core, std_from)?;
        }
        Task::Web => web::build(&repository)?,
        Task::Compare => compare::run(&repository)?,
        Task::Bench(options) => bench::run(&repository, &options)?,
        Task::Simulate(options) => simulate::run(&repository, &options)?,
        Task::Crash(options) => crash::run(&repository, &options)?,
        Task::Coverage => tidy::write_coverage(&repository)?,
        Task::Fuzz(options) => fuzz::run(&repository, &options)?,
    }
    Ok(ExitCode::SUCCESS)
}
