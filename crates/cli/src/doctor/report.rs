//! What was found, line by line.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;

/// Says each finding as it is made, and counts those that are wrong.
#[derive(Default)]
pub(super) struct Report {
    good: u32,
    bad: u32,
    warnings: u32,
}

impl Report {
    /// This is as it should be.
    pub(super) fn good(&mut self, what: &str, found: &str) -> anyhow::Result<()> {
        self.good += 1;
        say("ok", what, found)
    }

    /// This works, and may not work for long or for everybody.
    pub(super) fn warn(&mut self, what: &str, found: &str, fix: &str) -> anyhow::Result<()> {
        self.warnings += 1;
        say("warn", what, found)?;
        say("", "", &format!("-> {fix}"))
    }

    /// This does not work.
    pub(super) fn bad(&mut self, what: &str, found: &str, fix: &str) -> anyhow::Result<()> {
        self.bad += 1;
        say("FAIL", what, found)?;
        say("", "", &format!("-> {fix}"))
    }

    /// How it ends.
    pub(super) fn end(&self) -> anyhow::Result<ExitCode> {
        let Self { good, bad, warnings } = self;
        writeln!(io::stdout(), "{bad} wrong, {warnings} to look at, {good} as it should be")
            .context("cannot write to standard output")?;
        Ok(if *bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn say(verdict: &str, what: &str, found: &str) -> anyhow::Result<()> {
    // One line each, whatever a server wrote: nothing of it may move the cursor.
    let found: String = found.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{verdict:<5}{what:<10}{found}")
        .and_then(|()| stdout.flush())
        .context("cannot write to standard output")
}
