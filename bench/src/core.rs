//! One item through the session core, by the program that measures nothing else.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::report::{Report, median};

const GROUP: &str = "session core";

/// How many items the transcript holds, with the bound lifted.
const HELD: [usize; 3] = [10, 1_000, 100_000];

/// The function of the program that callgrind counts in.
const COUNTED: &str = "*incoming_items*";

#[derive(Deserialize)]
struct Figures {
    ns: f64,
    #[serde(default)]
    allocations: f64,
    #[serde(default)]
    bytes_held: f64,
}

pub(crate) fn run(report: &mut Report, scale: f64) -> Result<()> {
    let program = std::env::current_exe()?.with_file_name("chatloom-bench-core");
    let items = ((10_000.0 * scale) as u64).to_string();
    let rounds = if scale < 1.0 { 1 } else { 5 };

    report.single(
        GROUP,
        "an item that arrives, untracked",
        "ns",
        nanoseconds(&program, rounds, &["incoming", "10", &items, "--untracked"])?,
        "",
    );
    for held in HELD {
        let run = measure(Command::new(&program).args(["incoming", &held.to_string(), &items]))?;
        let again = ["incoming", &held.to_string(), &items].map(str::to_owned);
        let again: Vec<&str> = again.iter().map(String::as_str).collect();
        let ns = nanoseconds(&program, rounds, &again)?;
        report.single(GROUP, format!("an item that arrives, {held} held"), "ns", ns, "");
        let figure = format!("allocations each, {held} held");
        report.single(GROUP, figure, "number", run.allocations, "");
        if held == HELD[2] {
            report.single(GROUP, "memory for each item held", "bytes", run.bytes_held, "");
        }
    }

    let valgrind = find("valgrind");
    if let Some(valgrind) = &valgrind {
        let count = |held: usize| instructions(valgrind, &program, held);
        let few = count(HELD[0])?;
        let middle = count(HELD[1])?;
        let many = count(HELD[2])?;
        let figure = |held| format!("instructions each, {held} held, baseline {} held", HELD[0]);
        report.pair(GROUP, figure(HELD[1]), "number", &[(middle, few)], "");
        report.pair(GROUP, figure(HELD[2]), "number", &[(many, few)], "ratio at most 1.5");
    }

    let missed = ((10_000.0 * scale) as u64).to_string();
    let ns = nanoseconds(&program, rounds, &["recovery", &missed])?;
    report.single(GROUP, format!("recovery of {missed} missed items, each"), "ns", ns, "");
    Ok(())
}

fn nanoseconds(program: &Path, rounds: usize, arguments: &[&str]) -> Result<f64> {
    let mut figures = Vec::new();
    for _ in 0..rounds {
        figures.push(measure(Command::new(program).args(arguments))?.ns);
    }
    Ok(median(figures.into_iter()))
}

fn measure(command: &mut Command) -> Result<Figures> {
    let output = command.stderr(Stdio::inherit()).output().context("starting the measurement")?;
    ensure!(output.status.success(), "{command:?} failed: {}", output.status);
    serde_json::from_slice(&output.stdout).context("reading what was measured")
}

/// Instructions for each item that arrives while so many are held, counted by callgrind.
fn instructions(valgrind: &Path, program: &Path, held: usize) -> Result<f64> {
    const ITEMS: u32 = 1_000;
    let mut command = Command::new(valgrind);
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args([format!("--toggle-collect={COUNTED}"), "--collect-atstart=no".to_owned()])
        .arg(program)
        .args(["incoming", &held.to_string(), &ITEMS.to_string()]);
    let output = command.output().context("starting valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed:\n{said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    let Some((_, collected)) = collected else { bail!("callgrind counted nothing:\n{said}") };
    let collected: f64 = collected.trim().parse()?;
    ensure!(collected > 0.0, "callgrind found no function {COUNTED}");
    Ok(collected / f64::from(ITEMS))
}

/// The first program of that name in the folders of `PATH`.
fn find(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}
