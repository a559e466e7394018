//! `chatloom serve`: the server.

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use chatloom_server::{
    Config, Running, Server, Stopped,
    chats::SystemClock,
    config::{DEMO_ACCESS_KEY, DEMO_SECRET, LogFormat},
};
use tempfile::TempDir;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::config::Source;

/// How long the program waits for its threads after the server has stopped.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Run the server.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Fixed public keys, demo agents, an assistant and a page to try it; loopback only. The data goes
    /// to a temporary folder unless --data says otherwise.
    #[arg(long)]
    demo: bool,
    #[command(flatten)]
    source: Source,
    /// Break connections and answers on purpose, to test an application:
    /// `drop=2%,delay=300ms±200ms,duplicate=1%,reorder,429=1%,500=1%,half-open=0.1%`, or some of these.
    #[arg(long, value_name = "PLAN")]
    chaos: Option<String>,
    /// The same seed gives the same trouble.
    #[arg(long, value_name = "N", requires = "chaos")]
    chaos_seed: Option<u64>,
}

/// Runs until a signal stops it.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (mut config, unknown) = load(args)?;
    start_log(&config)?;
    for variable in unknown {
        tracing::warn!(variable, "this environment variable names no key and is ignored");
    }
    // Lives as long as the server, and takes the data with it.
    let temporary = if config.server.data.as_os_str().is_empty() {
        let folder = tempfile::Builder::new().prefix("chatloom-demo-").tempdir();
        let folder = folder.context("cannot make a temporary folder for the demo's data")?;
        folder.path().clone_into(&mut config.server.data);
        Some(folder)
    } else {
        None
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the threads of the server")?;
    let data = config.server.data.clone();
    let reread = || {
        let (mut config, _) = load(args)?;
        if config.server.data.as_os_str().is_empty() {
            config.server.data.clone_from(&data);
        }
        Ok(config)
    };
    let ended = runtime.block_on(serve(config, temporary.as_ref(), reread));
    runtime.shutdown_timeout(LAST_WAIT);
    ended
}

/// What the command line, the environment and the file say, and the variables that name no key.
fn load(args: &Args) -> anyhow::Result<(Config, Vec<String>)> {
    let base = if args.demo { Config::demo() } else { Config::default() };
    let (mut config, unknown) = args.source.load(base)?;
    if let Some(plan) = &args.chaos {
        config.set("chaos.plan", plan, "--chaos")?;
    }
    if let Some(seed) = args.chaos_seed {
        config.chaos.seed = Some(seed);
    }
    Ok((config, unknown))
}

async fn serve(
    config: Config,
    temporary: Option<&TempDir>,
    reread: impl Fn() -> anyhow::Result<Config>,
) -> anyhow::Result<ExitCode> {
    // Before anybody is told that the server runs.
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot listen for signals")?;
    let server = Server::start(config.clone(), Arc::new(SystemClock)).await?;
    announce(&server, &config, temporary)?;

    tokio::select! {
        () = signals.next() => {}
        () = reload_on_hangup(&mut hangup, &server, &reread) => {}
        () = server.broken() => {}
    }
    tracing::info!("stopping; another signal stops at once");
    tokio::select! {
        stopped = server.stop() => match stopped {
            Stopped::Drained => tracing::info!("stopped"),
            Stopped::Cut => tracing::warn!("stopped; some connections had to be cut"),
            Stopped::Broken => anyhow::bail!(
                "the server could go on no more and stopped, the log says why; what was \
                 acknowledged is stored"
            ),
        },
        () = signals.next() => {
            tracing::warn!("stopped at once; what was acknowledged is stored");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// As long as the server runs.
async fn reload_on_hangup(
    hangup: &mut Signal,
    server: &Running,
    reread: &impl Fn() -> anyhow::Result<Config>,
) {
    while hangup.recv().await.is_some() {
        match reread() {
            Ok(config) => server.reload(config),
            Err(error) => tracing::error!(
                error = format!("{error:#}"),
                "the configuration cannot be read; all stays as it is"
            ),
        }
    }
    std::future::pending::<()>().await;
}

/// The signals that stop a server.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// One line on standard output, for programs; the rest on standard error, for people.
fn announce(server: &Running, config: &Config, temporary: Option<&TempDir>) -> anyhow::Result<()> {
    let endpoint = server.endpoint();
    let mut text = String::new();
    if config.demo {
        text = demo_text(&endpoint, config, temporary.is_some());
    } else {
        if let Some(path) = &server.keys().made {
            text = format!(
                "First start: made a signing key and an access key, in {}.\n\
                 `chatloom config keys` shows the access key.\n",
                path.display()
            );
        }
        if !server.has_tls()
            && !server.address().ip().is_loopback()
            && config.server.trusted_proxies.is_empty()
        {
            text.push_str(
                "Listening beyond this machine, without TLS: set tls.certificate and tls.key, or put a \
                 proxy with TLS in front and name it in server.trusted_proxies.\n",
            );
        }
    }
    io::stderr().write_all(text.as_bytes()).context("cannot write to standard error")?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on {endpoint}")
        .and_then(|()| stdout.flush())
        .context("cannot write to standard output")
}

fn demo_text(endpoint: &str, config: &Config, is_temporary: bool) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "chatloom".to_owned());
    let data = config.server.data.display();
    let fate = if is_temporary { " (removed at the end; --data DIR keeps it)" } else { "" };
    let flow = config.default_contact_flow();
    format!(
        "
Chatloom demo. Its keys are public, so it listens on this machine only.

  A customer in a terminal   {program} chat --endpoint {endpoint}
  An agent in a terminal     {program} agent --endpoint {endpoint} --user ana
  A customer in a browser    {endpoint}/

  Write something, then \"agent\" to ask for a person: the agent (ana or ben) takes the chat.

  For back ends    access key {DEMO_ACCESS_KEY}, secret {DEMO_SECRET}, region {region}
                   instance {instance}, contact flow {flow}
  Data             {data}{fate}

Ctrl-C stops it.

",
        region = config.instance.region,
        instance = config.instance.id,
    )
}

/// The log goes to standard error.
fn start_log(config: &Config) -> anyhow::Result<()> {
    let level = &config.log.level;
    let filter = EnvFilter::try_new(level).with_context(|| format!("log.level: {level:?}"))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match config.log.format {
        LogFormat::Text => {
            let is_terminal = io::IsTerminal::is_terminal(&io::stderr());
            log.with_ansi(is_terminal).init();
        }
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    Ok(())
}
