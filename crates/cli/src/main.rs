//! The `chatloom` program: the server, and clients for the terminal.

mod agent;
mod backup;
mod chat;
mod config;
mod console;
mod delete;
mod doctor;
mod editor;
mod export;
mod file;
mod input;
mod jsonl;
mod keys;
mod load;
mod replay;
mod serve;
mod signed;
mod talk;
mod text;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

/// Contact-centre chat that speaks the Amazon Connect chat protocols.
#[derive(Parser)]
#[command(version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Args),
    Chat(chat::Args),
    Agent(agent::Args),
    Load(load::Args),
    Config(config::Args),
    Keys(keys::Args),
    Backup(backup::BackupArgs),
    Restore(backup::RestoreArgs),
    Export(export::Args),
    Delete(delete::Args),
    Doctor(doctor::Args),
    Replay(replay::Args),
}

fn main() -> ExitCode {
    let ended = match Arguments::parse().command {
        Command::Serve(args) => serve::run(&args),
        Command::Chat(args) => chat::run(&args),
        Command::Agent(args) => agent::run(&args),
        Command::Load(args) => load::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Keys(args) => keys::run(&args),
        Command::Backup(args) => backup::backup(&args),
        Command::Restore(args) => backup::restore(&args),
        Command::Export(args) => export::run(&args),
        Command::Delete(args) => delete::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Replay(args) => replay::run(&args),
    };
    ended.unwrap_or_else(|error| {
        // When even that fails there is nobody to tell.
        let _ = writeln!(io::stderr(), "error: {error:#}");
        ExitCode::FAILURE
    })
}
