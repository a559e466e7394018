//! `chatloom backup` and `chatloom restore`: copies of a server's data.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, bail};
use chatloom_server::{
    Config,
    backup::{self, Contents},
    chats::{Clock, SystemClock},
    config::{Setting, Size},
};

use crate::config::{Source, load};

/// Copy a server's data, while it runs or not.
///
/// What was acknowledged when the command started is in the copy: chats, files and keys. It is as
/// secret as the data. Run it as the user that the server runs as.
#[derive(clap::Args)]
pub(crate) struct BackupArgs {
    /// The copy: a folder that is not there yet
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// How much of the database is read each second at most, such as 16MiB
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = Size::from_text)]
    rate: Size,
    #[command(flatten)]
    source: Source,
}

/// Put a copy in place of a server's data, which must not be there.
#[derive(clap::Args)]
pub(crate) struct RestoreArgs {
    /// The copy: a folder that `chatloom backup` made
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,
    /// Put it in place even if files that chats need are not in it: those cannot be fetched any more
    #[arg(long)]
    accept_missing: bool,
    #[command(flatten)]
    source: Source,
}

/// Makes a copy.
pub(crate) fn backup(args: &BackupArgs) -> anyhow::Result<ExitCode> {
    let config = load(&args.source)?;
    if args.rate.bytes() == 0 {
        bail!("--rate: at least 1B is needed");
    }
    let rate = args.rate.bytes() as u64;
    let contents = backup::backup(&config.server.data, &args.to, rate, SystemClock.now())?;
    say("copied", contents, &args.to)
}

/// Puts a copy in place.
pub(crate) fn restore(args: &RestoreArgs) -> anyhow::Result<ExitCode> {
    let config: Config = load(&args.source)?;
    let restored = backup::restore(&args.from, &config.server.data, args.accept_missing)?;
    if restored.missing > 0 {
        writeln!(io::stderr(), "{} files of chats are missing", restored.missing)
            .context("cannot write to standard error")?;
    }
    say("restored", restored.contents, &config.server.data)
}

fn say(what: &str, contents: Contents, to: &std::path::Path) -> anyhow::Result<ExitCode> {
    let Contents { chats, entries, .. } = contents;
    writeln!(io::stdout(), "{what} {chats} chats with {entries} entries to {}", to.display())
        .context("cannot write to standard output")?;
    Ok(ExitCode::SUCCESS)
}
