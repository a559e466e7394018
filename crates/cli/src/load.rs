//! `chatloom load`: many chats at once, on both sides, at a fixed rate.
//!
//! Each message says which one of its chat it is and when it was handed over. So whoever receives it
//! knows how long it took, and in the end what was lost, doubled or out of order.

mod contacts;
mod lane;
mod report;
mod tally;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use chatloom_server::config::{DEMO_CONTACT_FLOW, DEMO_INSTANCE, Period, Setting as _};
use futures_util::{StreamExt as _, stream};
use tokio::{
    sync::watch,
    time::{Instant, interval_at, sleep, timeout},
};

use self::{
    contacts::{Contacts, Desk},
    lane::{Clients, Lane, Pace},
    report::{Report, Thresholds},
    tally::Tally,
};
use crate::{
    agent::read_password,
    chat::{Signals, block_on_threads},
};

/// Chats that are started at the same time.
const STARTS_AT_ONCE: usize = 16;
/// How long leaving all chats may take in all.
const GOODBYE: Duration = Duration::from_secs(30);
/// The most messages of a run: what has become of each is remembered, which takes three bits.
const MOST_MESSAGES: f64 = 1e9;

/// Put a server under a steady load of chats, and measure it.
///
/// Each chat has a customer and an agent, who write in turn. Any server that speaks the protocols
/// will do if its agents are those of a Chatloom server. The program ends with status 0 when all went
/// well, 1 when a message was lost, doubled or refused or a limit given here was missed, 2 when the
/// command line is wrong.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The URL of the server.
    #[arg(long, env = "CHATLOOM_ENDPOINT")]
    endpoint: String,
    /// Chats at once.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    contacts: u32,
    /// Messages a second in all.
    #[arg(long, default_value_t = 100.0, value_name = "PER_SECOND", value_parser = positive)]
    rate: f64,
    /// How long, for instance 60s or 30m.
    #[arg(long = "for", default_value = "10s", value_name = "TIME", value_parser = time)]
    time: Duration,
    /// Bytes of each message.
    #[arg(long, default_value_t = 150, value_name = "BYTES",
          value_parser = clap::value_parser!(u32).range(i64::from(tally::MIN_SIZE)..=16_384))]
    size: u32,
    /// How long what is under way at the end is waited for. What has not come then is lost.
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = time)]
    drain: Duration,
    #[command(flatten)]
    thresholds: Thresholds,
    /// The users that the chats' agents log in as, in turn.
    #[arg(long = "agent", default_value = "ana", value_name = "USER")]
    agents: Vec<String>,
    /// A file with their password. Users of a demo server need none.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// What each customer writes first, so that a bot hands over to an agent; "" for nothing.
    #[arg(long, default_value = "agent", value_name = "TEXT")]
    ask_for_agent: String,
    /// Start the chats as a back end does, by StartChatContact with this access key; its secret is in
    /// the environment, as CHATLOOM_LOAD_SECRET. Without it they are started as pages do.
    #[arg(long, value_name = "ID")]
    access_key: Option<String>,
    /// For the access key: the instance.
    #[arg(long, default_value = DEMO_INSTANCE, value_name = "ID")]
    instance: String,
    /// For the access key: the contact flow.
    #[arg(long, default_value = DEMO_CONTACT_FLOW, value_name = "ID")]
    flow: String,
    /// For the access key: the region that requests are signed for.
    #[arg(long, default_value = "us-west-2")]
    region: String,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

fn time(text: &str) -> Result<Duration, String> {
    let period = Period::from_text(text)?.get();
    if period.is_zero() { Err("more than nothing".to_owned()) } else { Ok(period) }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 1e6 => Ok(rate),
        _ => Err(format!("{text:?} is no number above 0 and up to 1000000")),
    }
}

/// Runs the load and reports.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let messages = args.rate * args.time.as_secs_f64();
    ensure!(
        messages <= MOST_MESSAGES,
        "{messages:.0} messages are too many for one run: {MOST_MESSAGES:.0} at most"
    );
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    block_on_threads(threads, load(args))
}

async fn load(args: &Args) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let (stop, stopped) = watch::channel(false);
    let working = work(args, stopped);
    tokio::pin!(working);
    let report = loop {
        tokio::select! {
            report = &mut working => break report?,
            () = signals.next() => {
                if stop.send_replace(true) {
                    anyhow::bail!("interrupted twice");
                }
                say("stopping; what is under way is waited for");
            }
        }
    };
    let mut output = io::stdout().lock();
    let text = if args.json { report.to_json() } else { report.to_string() };
    output.write_all(text.as_bytes()).context("cannot write to standard output")?;
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn work(args: &Args, mut stop: watch::Receiver<bool>) -> anyhow::Result<Report> {
    let contacts = args.contacts as usize;
    let clients = Clients::new(&args.endpoint, contacts)?;
    let password = args.password_file.as_ref().map(read_password).transpose()?;
    let desk = Desk::open(&clients, &args.agents, password.as_ref())
        .await
        .with_context(|| format!("at {}", args.endpoint))?;
    let front_door = Contacts::new(args)?;
    let tally = Arc::new(Tally::new());

    say(&format!("starting {contacts} chats at {}", args.endpoint));
    let mut starting = stream::iter(0..contacts)
        .map(|number| Lane::start(number, args, &clients, &front_door, &desk, &tally))
        .buffer_unordered(STARTS_AT_ONCE);
    let mut lanes = Vec::with_capacity(contacts);
    loop {
        tokio::select! {
            started = starting.next() => match started {
                Some(lane) => lanes.push(lane?),
                None => break,
            },
            _ = stop.wait_for(|stop| *stop) => anyhow::bail!("stopped before the load began"),
        }
    }
    drop(starting);

    let (began, origin) = (Instant::now(), tally.origin());
    say(&format!(
        "{} chats are open; {} messages a second for {:?}",
        contacts, args.rate, args.time
    ));
    let pace = Pace {
        first: began,
        until: began + args.time,
        gap: Duration::from_secs_f64(contacts as f64 / args.rate),
        lanes: contacts,
        drain: args.drain,
    };
    let mut sending = tokio::task::JoinSet::new();
    let readers: Vec<_> = lanes.iter_mut().flat_map(|lane| lane.read(origin)).collect();
    for (place, lane) in lanes.iter().enumerate() {
        sending.spawn(lane.sender(args.size as usize).run(pace, place, stop.clone()));
    }
    let mut ticks = interval_at(began + Duration::from_secs(1), Duration::from_secs(1));
    let mut broken = None;
    while !sending.is_empty() {
        tokio::select! {
            ended = sending.join_next() => {
                if let Some(Err(error)) = ended {
                    broken = Some(error);
                }
            }
            _ = ticks.tick() => say(&tally.progress(began.elapsed())),
        }
    }
    if let Some(error) = broken {
        return Err(error).context("a part of the load generator failed");
    }
    let took = began.elapsed().min(args.time);
    await_deliveries(&tally, args.drain).await;
    for reader in readers {
        reader.abort();
    }
    let report = Report::new(args, &tally, &lanes, took);
    say("leaving the chats");
    let leaving = stream::iter(lanes).for_each_concurrent(STARTS_AT_ONCE, Lane::leave);
    if timeout(GOODBYE, leaving).await.is_err() {
        say("some chats could not be left in time");
    }
    Ok(report)
}

/// Waits until everything that was acknowledged has arrived on both sides, not for ever.
async fn await_deliveries(tally: &Tally, patience: Duration) {
    let all_there = async {
        while !tally.is_complete() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    // What is missing after that is counted as lost.
    let _ = timeout(patience, all_there).await;
}

/// A line for people, on standard error.
fn say(line: &str) {
    // When even that fails there is nobody to tell.
    let _ = writeln!(io::stderr(), "{line}");
}
