//! Benchmarks of Chatloom, side by side with the least that could do the same job.
//!
//! Every figure comes with the figure of a baseline from the same run, taken in turn (A B A B ...),
//! because absolute times of a shared machine say little: read the ratios. Server and load are
//! separate processes; CPU is the server process's own.
#![expect(clippy::print_stdout, reason = "a program that prints its results")]
#![expect(clippy::disallowed_methods, reason = "a program that measures time reads the clock")]

mod client;
mod codec;
mod connect;
mod core;
mod fanout;
mod filled;
mod idle;
mod load;
mod native;
mod peers;
mod pipeline;
mod process;
mod report;
mod slow_disk;
mod store;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};
use report::Report;

/// Measures Chatloom against baselines in the same run.
#[derive(Parser)]
struct Args {
    /// The built `chatloom` program.
    #[arg(long, global = true, default_value = "target/release/chatloom")]
    chatloom: PathBuf,
    /// Writes the results here as JSON, too.
    #[arg(long, global = true)]
    json: Option<PathBuf>,
    /// A tenth of the time: for checking the benchmark itself.
    #[arg(long, global = true)]
    quick: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Everything below, one after the other.
    All,
    /// Decode and encode an item.
    Codec,
    /// Store appends at batch sizes 1, 10 and 100 against plain SQLite.
    Store,
    /// Durable messages end to end at 1, 64 and 512 chats and at 1,000 a second.
    Load,
    /// CreateParticipantConnection and its socket.
    Connect,
    /// The last 100 items of short and long chats.
    Transcript,
    /// How long a start takes, with a full database and with an empty one.
    Startup,
    /// Durable messages on a disk that takes 4 ms for a flush.
    SlowDisk,
    /// One item to 2, 10 and 100 sockets.
    Fanout,
    /// Memory of 10,000 idle sockets.
    Idle,
    /// One item through the session core, and 10,000 that were missed.
    Core,
    /// CPU of the native client for each message it receives.
    Native,
    /// Durable messages beside ejabberd and Prosody; not part of `all`.
    Peers {
        /// The folder that their packages were unpacked into.
        packages: PathBuf,
    },
    /// Receives messages and prints what CPU each took; the benchmark `native` starts it.
    #[command(hide = true)]
    Receive {
        /// The service.
        endpoint: String,
        /// How many messages to wait for.
        messages: u64,
        /// With nothing but a socket and a parser.
        #[arg(long)]
        bare: bool,
    },
    /// Runs the bare pipeline until its standard input ends; the other benchmarks start it.
    #[command(hide = true)]
    Pipeline {
        /// Where its database goes.
        data: PathBuf,
    },
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let What::Pipeline { data } = &args.what {
        return runtime.block_on(pipeline::serve(data));
    }
    if let What::Receive { endpoint, messages, bare } = &args.what {
        // One thread, so that CPU is that of the work and not of waking others.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        return runtime.block_on(native::receive(endpoint, *messages, *bare));
    }
    let scale = if args.quick { 0.1 } else { 1.0 };
    let mut report = Report::default();
    let all = matches!(args.what, What::All);
    if all || matches!(args.what, What::Codec) {
        codec::run(&mut report, scale);
    }
    if all || matches!(args.what, What::Core) {
        core::run(&mut report, scale)?;
    }
    if all || matches!(args.what, What::Native) {
        runtime.block_on(native::run(&mut report, scale))?;
    }
    if all || matches!(args.what, What::Store) {
        runtime.block_on(store::run(&mut report, scale))?;
    }
    if all || matches!(args.what, What::Load) {
        runtime.block_on(load::run(&mut report, &args.chatloom, scale))?;
    }
    if all || matches!(args.what, What::Connect) {
        runtime.block_on(connect::run(&mut report, &args.chatloom, scale))?;
    }
    if all || matches!(args.what, What::Transcript) {
        runtime.block_on(filled::transcript(&mut report, &args.chatloom, scale))?;
    }
    if all || matches!(args.what, What::Startup) {
        runtime.block_on(filled::startup(&mut report, &args.chatloom, scale))?;
    }
    if all || matches!(args.what, What::SlowDisk) {
        runtime.block_on(slow_disk::run(&mut report, &args.chatloom, scale))?;
    }
    if all || matches!(args.what, What::Fanout) {
        runtime.block_on(fanout::run(&mut report, &args.chatloom, scale))?;
    }
    if all || matches!(args.what, What::Idle) {
        runtime.block_on(idle::run(&mut report, &args.chatloom, scale))?;
    }
    if let What::Peers { packages } = &args.what {
        runtime.block_on(peers::run(&mut report, &args.chatloom, packages, scale))?;
    }
    println!("{report}");
    if let Some(path) = &args.json {
        std::fs::write(path, report.to_json())?;
    }
    Ok(())
}
