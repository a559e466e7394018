//! The benchmarks: the server against a bare pipeline, the browser package against ChatJS.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use crate::{
    command::{cargo, new, run as run_command},
    repository::Repository,
    tools::{chromium, node::Node, peers},
    web,
};

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// One benchmark: `chatjs` for the browser package, else one that `chatloom-bench --help` lists.
    #[arg(default_value = "all")]
    what: String,
    /// Measure beside ejabberd and Prosody instead, which are unpacked from Debian's packages.
    #[arg(long, conflicts_with = "what")]
    peers: bool,
    /// A tenth of the time: for checking the benchmarks themselves.
    #[arg(long)]
    quick: bool,
}

/// Runs the benchmarks, which print their tables, and writes one file with all figures.
pub(crate) fn run(repository: &Repository, options: &Options) -> Result<()> {
    let folder = repository.target("bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut figures = BTreeMap::new();

    if options.what != "chatjs" {
        let build =
            "build --locked --release --quiet --package chatloom-cli --package chatloom-bench";
        run_command(&mut cargo(repository.root(), build))?;
        let file = folder.join("server.json");
        let mut bench = new(repository.target("release/chatloom-bench"));
        bench.current_dir(repository.root()).args(options.quick.then_some("--quick"));
        bench.arg("--chatloom").arg(repository.target("release/chatloom"));
        bench.arg("--json").arg(&file);
        if options.peers {
            bench.arg("peers").arg(peers::provide(repository)?);
        } else {
            bench.arg(&options.what);
        }
        run_command(&mut bench)?;
        figures.insert("server", read(&file)?);
    }
    if !options.peers && matches!(options.what.as_str(), "all" | "chatjs") {
        web::build(repository)?;
        let file = folder.join("chatjs.json");
        let mut bench = Node::provide()?.command(&repository.path("web/chatjs"));
        bench.env("CHROMIUM", chromium::provide()?);
        bench.arg("bench/run.mjs").args(options.quick.then_some("--quick"));
        run_command(bench.arg("--json").arg(&file))?;
        figures.insert("chatjs", read(&file)?);
    }

    let results = folder.join("results.json");
    fs::write(&results, format!("{:#}\n", serde_json::to_value(figures)?))
        .with_context(|| format!("cannot write {}", results.display()))?;
    println!("\nAll figures: {}", results.display());
    Ok(())
}

fn read(file: &Path) -> Result<Value> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("the benchmark left no {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("reading {}", file.display()))
}
