//! The fuzz targets, a workspace of their own in `fuzz/`.
//!
//! A plain build on the stable compiler suffices: the instrumentation that guides libFuzzer is a
//! code-generation option that stable has. Address checks need nightly and cargo-fuzz, for which
//! the folder is laid out as well; the decoders contain no unsafe code, so little is lost without
//! them.

use std::fs;

use anyhow::{Context, Result};
use clap::Args;

use crate::{
    command::{cargo, find, run as run_command},
    openapi,
    repository::Repository,
    rust,
    tools::debian,
};

const MANIFEST: &str = "fuzz/Cargo.toml";

/// Coverage counters and comparisons, as libFuzzer reads them; one code unit, so that all code is
/// instrumented.
const INSTRUMENTED: [&str; 8] = [
    "--cfg fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Cdebug-assertions",
];

/// What to fuzz.
#[derive(Args)]
pub(crate) struct Options {
    /// The target to run, a file name in fuzz/fuzz_targets without `.rs`; without one, all are
    /// compiled.
    target: Option<String>,
    /// Make up requests by the server's OpenAPI document instead.
    #[arg(long, conflicts_with = "target")]
    openapi: bool,
    /// How long to run it.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// Compiles all targets, runs one, or makes up requests.
pub(crate) fn run(repository: &Repository, options: &Options) -> Result<()> {
    match &options.target {
        _ if options.openapi => openapi::fuzz(repository, options.seconds),
        Some(target) => fuzz(repository, target, options.seconds),
        None => check(repository),
    }
}

/// Compiles all targets, without libFuzzer's own C++.
pub(crate) fn check(repository: &Repository) -> Result<()> {
    let check = format!("check --locked --quiet --no-default-features --manifest-path {MANIFEST}");
    run_command(cargo(repository.root(), &check).arg("--target-dir").arg(repository.target("fuzz")))
}

/// Runs a target from its corpus. What it finds on the way stays in the target folder; an input
/// that fails goes to `fuzz/artifacts`.
fn fuzz(repository: &Repository, target: &str, seconds: u32) -> Result<()> {
    if find("c++").is_none() {
        debian::install(&["g++"], "build libFuzzer")?;
    }
    let folder = repository.target("fuzz");
    // The target is named so that build scripts and macros are built without the instrumentation.
    let host = rust::host(repository.root())?;
    let build = format!("build --locked --release --manifest-path {MANIFEST} --target {host}");
    run_command(
        cargo(repository.root(), &build)
            .args(["--bin", target, "--target-dir"])
            .arg(&folder)
            .env("RUSTFLAGS", INSTRUMENTED.join(" ")),
    )?;
    let found = folder.join("corpus").join(target);
    let artifacts = repository.path(&format!("fuzz/artifacts/{target}"));
    for folder in [&found, &artifacts] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut fuzz = crate::command::new(folder.join(&host).join("release").join(target));
    fuzz.current_dir(repository.root())
        .args([found, repository.path(&format!("fuzz/corpus/{target}"))])
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_total_time={seconds}"))
        .arg("-print_final_stats=1");
    run_command(&mut fuzz)
}
