//! The servers' wall clock, which is moved so that timers of minutes run out.

use std::{
    fs,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use chatloom_wire::Timestamp;

/// A clock that goes as the machine's does, and is moved forward now and then. The servers have it by a
/// library that is preloaded into them.
#[derive(Debug)]
pub(crate) struct Clock {
    library: PathBuf,
    file: PathBuf,
    moved_by: i64,
}

impl Clock {
    /// Compiles the library into a folder.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let library = folder.join("clock.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/clock.c");
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source);
        let compiled = compile.status().context("a C compiler is needed")?;
        ensure!(compiled.success(), "{source} does not compile");
        let clock = Self { library, file: folder.join("clock"), moved_by: 0 };
        fs::write(&clock.file, clock.moved_by.to_ne_bytes())?;
        Ok(clock)
    }

    /// What a server has to have in its environment.
    pub(crate) fn variables(&self) -> [(&'static str, &Path); 2] {
        [("LD_PRELOAD", &self.library), ("CLOCK_FILE", &self.file)]
    }

    /// Moves it forward; servers that run see it at once.
    pub(crate) fn advance(&mut self, seconds: i64) -> Result<()> {
        self.moved_by += seconds * 1_000;
        let file = fs::OpenOptions::new().write(true).open(&self.file)?;
        // In place: the servers look at this very file.
        file.write_all_at(&self.moved_by.to_ne_bytes(), 0)?;
        Ok(())
    }

    /// How far it has been moved, in milliseconds.
    pub(crate) fn moved_by(&self) -> i64 {
        self.moved_by
    }
}

/// The time of a clock that was moved so far, in milliseconds.
#[expect(clippy::disallowed_methods, reason = "requests are signed with the time of their making")]
pub(crate) fn now(moved_by: i64) -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(since.as_millis() as i64 + moved_by)
}
