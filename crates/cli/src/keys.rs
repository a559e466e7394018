//! `chatloom keys`: exchange keys while the server runs.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Context;
use chatloom_server::{
    KeysFile,
    chats::{Clock, SystemClock},
};
use clap::Subcommand;

use crate::config::{Source, load};

/// Exchange the keys in the data folder. A server that runs takes them over by itself, within
/// server.watch or at once on SIGHUP, and no chat ends.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make another key that signs tokens. What the former one signed stays good.
    RotateSigning(Source),
    /// Make another access key for back ends and print it. It is secret.
    AddAccess(Source),
    /// Take an access key out: its requests are refused from then on.
    RemoveAccess {
        /// Its id
        id: String,
        #[command(flatten)]
        source: Source,
    },
}

/// Does what was asked.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let text = match &args.command {
        Command::RotateSigning(source) => {
            let config = load(source)?;
            let until = KeysFile::open(&config)?.rotate_signing(SystemClock.now())?;
            format!("Another key signs now. The former one verifies until {until}.\n")
        }
        Command::AddAccess(source) => {
            let config = load(source)?;
            let key = KeysFile::open(&config)?.add_access()?;
            format!(
                "aws_access_key_id = {}\naws_secret_access_key = {}\n",
                key.id,
                key.secret.expose()
            )
        }
        Command::RemoveAccess { id, source } => {
            let config = load(source)?;
            KeysFile::open(&config)?.remove_access(id)?;
            format!("{id} is out.\n")
        }
    };
    io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")?;
    Ok(ExitCode::SUCCESS)
}
