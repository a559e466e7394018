//! `chatloom chat`: a customer in the terminal.

use std::{io, process::ExitCode, time::Duration};

use anyhow::Context as _;
use chatloom::{Chat, Client, Error};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};
use tracing_subscriber::EnvFilter;

use crate::{
    console::{Command, Console, Format, Happening, Order, Role, Said},
    talk::{End, Talk},
};

/// What a shell shows for a program that an interrupt ended.
const INTERRUPTED: u8 = 130;
/// How long leaving may take when nobody reads the output any more.
const HASTY_LEAVE: Duration = Duration::from_secs(5);

/// Chat as a customer, here in the terminal.
///
/// The program ends with the chat: with status 0 when it ended or was left, 1 when it could not be
/// started or kept, 2 when the command line is wrong, 130 when interrupted twice.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// The name that the others see.
    #[arg(long, default_value = "Customer")]
    name: String,
}

/// What the clients' command lines have in common.
#[derive(clap::Args)]
pub(crate) struct Common {
    /// The URL of the server.
    #[arg(long, env = "CHATLOOM_ENDPOINT")]
    endpoint: String,
    /// Lines for people, or a JSON object a line for programs.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

impl Common {
    /// A client of the server.
    pub(crate) fn client(&self) -> Result<Client, Error> {
        Client::builder()
            .endpoint(&self.endpoint)
            .user_agent_suffix(concat!("chatloom-cli/", env!("CARGO_PKG_VERSION")))
            .build()
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

/// Runs until the chat ends or is left.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    block_on(chat(args))
}

/// Runs a client. Its log goes to standard error, and is empty unless `RUST_LOG` asks for it: the
/// screen is for the chat.
pub(crate) fn block_on(
    client: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    // This thread is the console's and may wait for whoever reads its output; the connections live on
    // another one meanwhile.
    block_on_threads(1, client)
}

/// Runs clients on so many threads, beside the one that waits for them.
pub(crate) fn block_on_threads(
    threads: usize,
    client: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    if let Ok(filter) = EnvFilter::try_from_default_env() {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    }
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .context("cannot start the client")?
        .block_on(client)
}

async fn chat(args: &Args) -> anyhow::Result<ExitCode> {
    let client = args.common.client()?;
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let endpoint = args.common.endpoint();
    let details = client
        .start_chat(&args.name)
        .await
        .with_context(|| format!("cannot start a chat at {endpoint}"))?;
    let chat = client.chat(details);
    let events = chat.events();
    chat.connect().await.with_context(|| format!("cannot connect to the chat at {endpoint}"))?;

    // From here on the terminal belongs to the console.
    let mut console = Console::open(args.common.format, Role::Customer);
    let mut talk = Talk::new(chat, events);
    let ended = converse(&mut talk, &mut console, &mut signals).await;
    drop(console);
    match ended {
        Ok(exit) => exit,
        Err(error) => {
            hasty_leave(talk.chat()).await;
            Err(error).context("cannot write to standard output")
        }
    }
}

/// The chat, from its start to its end. Fails when nobody reads the output any more.
async fn converse(
    talk: &mut Talk,
    console: &mut Console,
    signals: &mut Signals,
) -> io::Result<anyhow::Result<ExitCode>> {
    console.show(&Happening::Started(talk.chat().details()))?;
    let mut input = true;
    loop {
        tokio::select! {
            said = console.next(), if input => match said? {
                Some(Said::Order(Order { command: Command::Help, .. })) => {
                    console.show(&Happening::Help)?;
                }
                Some(Said::Order(Order { command, tag })) => talk.order(command, tag, console)?,
                Some(Said::Keystroke) => talk.keystroke(),
                Some(Said::Nonsense(reason)) => {
                    console.show(&Happening::Refused { tag: &None, reason: &reason })?;
                }
                Some(Said::Interrupt) => {
                    if talk.is_leaving() {
                        return Ok(Ok(ExitCode::from(INTERRUPTED)));
                    }
                    talk.leave();
                }
                None => {
                    input = false;
                    talk.leave();
                }
            },
            () = signals.next() => {
                if talk.is_leaving() {
                    return Ok(Ok(ExitCode::from(INTERRUPTED)));
                }
                talk.leave();
            }
            step = talk.step() => {
                if let Some(end) = talk.show(&step, console)? {
                    return Ok(exit(end));
                }
            }
        }
    }
}

/// How the program ends when its last chat ended so.
pub(crate) fn exit(end: End) -> anyhow::Result<ExitCode> {
    match end {
        End::Good => Ok(ExitCode::SUCCESS),
        End::Broken(reason) => Err(anyhow::anyhow!("the connection cannot be restored: {reason}")),
        End::Stuck => Err(anyhow::anyhow!(
            "could not leave the chat in good order: some messages may be unsent, and the service \
             may take this participant for still there"
        )),
    }
}

/// Leaves a chat when there is nobody to show anything to.
pub(crate) async fn hasty_leave(chat: &Chat) {
    // Nobody is left who could be told how it went.
    let _ = timeout(HASTY_LEAVE, chat.disconnect()).await;
}

/// The signals that ask a program to end.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The next one. Nothing is lost when this is dropped while it waits.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
