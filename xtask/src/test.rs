//! Everything that a change has to pass, cheapest first.

use std::{env, process::ExitCode};

use anyhow::{Result, bail, ensure};
use clap::Args;

use crate::{
    command::{cargo, find, new, output, run as run_command},
    compare, crash, e2e, fuzz, openapi,
    report::Report,
    repository::Repository,
    rust, simulate, tidy, tools, web,
};

/// What to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Only these steps, in the order of the list.
    steps: Vec<String>,
    /// Print the steps and run nothing.
    #[arg(long)]
    list: bool,
    /// Go on after a step that failed.
    #[arg(long)]
    keep_going: bool,
}

/// A check, or a set of tests that one command runs.
struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&Repository) -> Result<()>,
}

const STEPS: [Step; 17] = [
    Step {
        name: "tidy",
        about: "dependency rules, citations, links, sizes, words",
        run: tidy::run,
    },
    Step { name: "fmt", about: "the Rust code is formatted", run: fmt },
    Step { name: "deny", about: "licences, sources and duplicates of dependencies", run: deny },
    Step { name: "clippy", about: "no lint is raised", run: clippy },
    Step { name: "msrv", about: "the oldest supported compiler builds everything", run: msrv },
    Step { name: "doc", about: "the documentation builds and its links lead somewhere", run: doc },
    Step { name: "fuzz", about: "the fuzz targets compile", run: fuzz::check },
    Step {
        name: "web",
        about: "the browser core holds its size, the browser package builds",
        run: web::build,
    },
    Step { name: "web-unit", about: "types and unit tests of the browser package", run: web::test },
    Step {
        name: "compare",
        about: "the browser package beside ChatJS: alike but for docs/differences.md",
        run: compare::test,
    },
    Step {
        name: "rust",
        about: "unit, integration and documentation tests of all crates",
        run: rust_tests,
    },
    Step {
        name: "simulate",
        about: "1,000 seeds of clients, server and a bad network in virtual time",
        run: simulate::test,
    },
    Step {
        name: "crash",
        about: "50 kills of a server at random moments, and harms that have to be noticed",
        run: crash::test,
    },
    Step {
        name: "e2e",
        about: "whole chats with boto3, AWS SDKs, ChatJS, Streams and our package in Chromium",
        run: e2e::test,
    },
    Step {
        name: "openapi",
        about: "made-up requests are answered as the server's OpenAPI document says",
        run: openapi::test,
    },
    Step {
        name: "package",
        about: "the packed browser package in projects as applications have them",
        run: e2e::package,
    },
    Step { name: "clean", about: "the steps before left no new file behind", run: clean },
];

/// Runs the steps and prints how they went; the code is a failure if one failed.
pub(crate) fn run(repository: &Repository, options: &Options) -> Result<ExitCode> {
    if options.list {
        for Step { name, about, .. } in &STEPS {
            println!("{name:<10}{about}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut report = Report::default();
    for Step { name, about, run } in chosen(&options.steps)? {
        if report.failed() > 0 && !options.keep_going {
            report.not_run(name);
        } else {
            report.step(name, about, || run(repository));
        }
    }
    println!("\n{}", report.table());
    // Each failure stands above, at its step: the counts stay the last line.
    Ok(if report.failed() > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The named steps, or all, in the order of the list.
fn chosen(names: &[String]) -> Result<Vec<&'static Step>> {
    let unknown = names.iter().find(|name| STEPS.iter().all(|step| step.name != *name));
    if let Some(name) = unknown {
        bail!("there is no step named {name}: `cargo xtask test --list` prints them");
    }
    Ok(STEPS
        .iter()
        .filter(|step| names.is_empty() || names.iter().any(|name| name == step.name))
        .collect())
}

fn fmt(repository: &Repository) -> Result<()> {
    run_command(&mut cargo(repository.root(), "fmt --all --check"))?;
    let sdk = repository.path(e2e::SDK_MANIFEST);
    run_command(cargo(repository.root(), "fmt --check --manifest-path").arg(sdk))
}

fn deny(repository: &Repository) -> Result<()> {
    let program = tools::cargo_deny::provide(repository)?;
    // Advisories are left out: they come from a service that a build must not depend on. The list
    // of exceptions stays exact, since one that is no longer needed fails as well.
    let check = "--workspace --all-features --locked check --hide-inclusion-graph \
                 --deny unmatched-skip --deny unnecessary-skip bans licenses sources";
    let mut command = new(&program);
    run_command(command.current_dir(repository.root()).args(check.split_whitespace()))?;
    // A test's workspace, whose dependencies are what the SDK brings: older versions beside newer ones
    // are its own matter, where they come from and under which licence is not.
    let check = "--locked --config deny.toml check --hide-inclusion-graph --allow duplicate \
                 --allow unmatched-skip --allow unnecessary-skip --allow license-not-encountered \
                 bans licenses sources";
    let mut command = new(program);
    command.current_dir(repository.root()).arg("--manifest-path");
    command.arg(repository.path(e2e::SDK_MANIFEST)).args(check.split_whitespace());
    run_command(&mut command)
}

fn clippy(repository: &Repository) -> Result<()> {
    let clippy = "clippy --locked --workspace --all-targets --quiet -- --deny warnings";
    run_command(&mut cargo(repository.root(), clippy))?;
    // The core that pages load is built without Chatloom behaviour.
    let small = "clippy --locked --package chatloom-wasm --no-default-features --all-targets \
                 --quiet -- --deny warnings";
    run_command(&mut cargo(repository.root(), small))
}

fn doc(repository: &Repository) -> Result<()> {
    let doc = "doc --locked --workspace --no-deps --document-private-items --quiet";
    run_command(cargo(repository.root(), doc).env("RUSTDOCFLAGS", "--deny warnings"))
}

fn rust_tests(repository: &Repository) -> Result<()> {
    run_command(&mut cargo(repository.root(), "test --locked --workspace --quiet"))?;
    let small = "test --locked --package chatloom-wasm --no-default-features --lib --quiet small";
    run_command(&mut cargo(repository.root(), small))
}

/// Builds with the oldest compiler that the manifests state, unless all other steps do that
/// already.
fn msrv(repository: &Repository) -> Result<()> {
    let stated = repository.packages().iter().find_map(|package| package.rust_version.as_deref());
    let oldest = stated.and_then(rust::major_minor);
    ensure!(oldest.is_some(), "the manifests state no compiler version (`rust-version`)");
    let in_use = output(&mut rust::version(repository.root()))?;
    if rust::major_minor(&in_use) == oldest {
        println!("    {} is the oldest one: every step of this run uses it", in_use.trim());
        return Ok(());
    }
    let toolchain = stated.unwrap_or_default();
    ensure!(
        find("rustup").is_some(),
        "{} is newer than {toolchain}: only rustup can bring the older one",
        in_use.trim()
    );
    let install = format!("toolchain install {toolchain} --profile minimal --no-self-update");
    run_command(new("rustup").args(install.split_whitespace()))?;
    let check = format!("run {toolchain} cargo check --locked --workspace --all-targets --quiet");
    let mut command = new("rustup");
    command.current_dir(repository.root()).args(check.split_whitespace());
    command.arg("--target-dir").arg(repository.target("msrv"));
    run_command(command.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN"))
}

/// Fails if the steps before left files that git neither knows nor ignores, or changed a known one.
fn clean(repository: &Repository) -> Result<()> {
    if env::var_os("CI").is_none() {
        println!("    only asked where CI is set: a work tree in use has changes of its own");
        return Ok(());
    }
    let mut status = new("git");
    let changed = output(status.current_dir(repository.root()).args(["status", "--porcelain"]))?;
    ensure!(changed.is_empty(), "the steps before left changes in the work tree:\n{changed}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(chosen: &[&Step]) -> Vec<&'static str> {
        chosen.iter().map(|step| step.name).collect()
    }

    #[test]
    fn named_steps_run_in_the_order_of_the_list() -> Result<()> {
        assert_eq!(names(&chosen(&["rust".to_owned(), "tidy".to_owned()])?), ["tidy", "rust"]);
        assert_eq!(chosen(&[])?.len(), STEPS.len());
        Ok(())
    }

    #[test]
    fn an_unknown_step_is_refused_by_its_name() {
        let error =
            chosen(&["rust".to_owned(), "rsut".to_owned()]).map(|steps| names(&steps)).unwrap_err();
        assert!(error.to_string().contains("rsut"), "{error}");
    }
}
