//! The benchmarks: the server against a bare pipeline, the browser package against ChatJS.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use crate::{
    command::{cargo, run as run_command},
    repository::Repository,
    tools::node::Node,
    web,
};

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Leave out the browser package.
    #[arg(long)]
    no_web: bool,
    /// Arguments for the Rust benchmarks, after `--`; `-- --help` lists them.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Runs the benchmarks, which print their tables, and writes one file with all figures.
pub(crate) fn run(repository: &Repository, options: &Options) -> Result<()> {
    let folder = repository.target("bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut parts = BTreeMap::new();

    let native = folder.join("native.json");
    run_command(
        cargo(
            repository.root(),
            "run --locked --release --quiet --package chatloom-bench -- --json",
        )
        .arg(&native)
        .args(&options.rest),
    )?;
    parts.insert("native", read(&native)?);

    if !options.no_web {
        web::build(repository)?;
        let node = Node::provide()?;
        node.install_locked(&repository.path("tests/e2e"))?;
        let browser = folder.join("chatjs.json");
        run_command(
            node.command(repository.root())
                .arg("web/chatjs/bench/run.mjs")
                .arg("--json")
                .arg(&browser),
        )?;
        parts.insert("chatjs", read(&browser)?);
    }

    let results = folder.join("results.json");
    fs::write(&results, format!("{:#}\n", serde_json::to_value(parts)?))
        .with_context(|| format!("cannot write {}", results.display()))?;
    println!("\nAll figures: {}", results.display());
    Ok(())
}

fn read(file: &Path) -> Result<Value> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("the benchmark left no {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("reading {}", file.display()))
}
