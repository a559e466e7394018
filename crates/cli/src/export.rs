//! `chatloom export`: finished chats as JSON lines.

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use chatloom::wire::Timestamp;
use chatloom_server::{
    chats::{Clock, SystemClock},
    export,
};

use crate::config::{Source, load};

/// Write finished chats as JSON lines, one chat with its whole log on each, the longest over first. The
/// server may run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Chats that ended then or later, such as 2026-01-31T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    finished_since: Timestamp,
    /// Chats that ended before [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    finished_before: Option<Timestamp>,
    /// A new file, for its owner alone [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|_| format!("{text:?} is no time such as 2026-01-31T00:00:00Z"))
}

/// Writes them, and says on standard error how many.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = load(&args.source)?;
    let before = args.finished_before.unwrap_or_else(|| SystemClock.now());
    let to: Box<dyn Write> = match &args.out {
        Some(path) => Box::new(
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)
                .with_context(|| format!("cannot make {}", path.display()))?,
        ),
        None => Box::new(io::stdout().lock()),
    };
    let mut to = BufWriter::new(to);
    let count = export::export(&config.server.data, args.finished_since, before, &mut to)?;
    writeln!(io::stderr(), "{count} chats").context("cannot write to standard error")?;
    Ok(ExitCode::SUCCESS)
}
