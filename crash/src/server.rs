//! A server's process, and the other commands of the program.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::{
    broken::{Rule, broken},
    clock::Clock,
    outside::Outside,
};

/// The flow of chats that a bot answers; that of the others leads to the queue.
pub(crate) const BOT_FLOW: &str = "33333333-3333-4333-8333-333333333333";
/// Where chats are streamed to.
pub(crate) const STREAM: &str = "arn:aws:sns:us-west-2:000000000000:chats";

/// The program, and what all of its processes have in common.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    path: PathBuf,
    /// Absent where a clock cannot be moved.
    variables: Vec<(String, PathBuf)>,
    patience: Duration,
}

/// A server that runs. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Program {
    pub(crate) fn new(path: &Path, clock: Option<&Clock>, patience: Duration) -> Self {
        let variables = clock.into_iter().flat_map(Clock::variables);
        let variables = variables.map(|(name, path)| (name.to_owned(), path.to_owned())).collect();
        Self { path: path.to_owned(), variables, patience }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.envs(self.variables.iter().map(|(name, path)| (name, path)));
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    fn server(&self, config: &Path, data: &Path) -> Result<Command> {
        let log = File::options().create(true).append(true).open(data.with_extension("log"))?;
        let mut command = self.command();
        command.args(["serve", "--demo", "--listen", "127.0.0.1:0", "--config"]).arg(config);
        command.arg("--data").arg(data).stdout(Stdio::piped()).stderr(log);
        Ok(command)
    }

    /// Starts a server and waits until it listens. Its log is beside its data.
    pub(crate) async fn serve(&self, config: &Path, data: &Path) -> Result<Server> {
        let mut child = self.server(config, data)?.spawn().context("the server cannot be run")?;
        let stdout = child.stdout.take().context("the server has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = timeout(self.patience, lines.next_line()).await;
        let address = match &line {
            Ok(Ok(Some(line))) => line.strip_prefix("listening on http://"),
            _ => None,
        };
        let Some(address) = address.and_then(|address| address.parse().ok()) else {
            let log = fs::read_to_string(data.with_extension("log")).unwrap_or_default();
            let last = log.lines().last().unwrap_or_default();
            return broken(Rule::Serves, format!("it did not begin to listen: {line:?}; {last}"));
        };
        Ok(Server { child, address, _stdout: lines })
    }

    /// Starts a server that is killed before it has begun, or just after.
    pub(crate) async fn stumble(&self, config: &Path, data: &Path, after: Duration) -> Result<()> {
        let mut child = self.server(config, data)?.spawn().context("the server cannot be run")?;
        // It ends by itself only when something is wrong, which the next start finds as well.
        let _ = timeout(after, child.wait()).await;
        child.kill().await.context("the server cannot be killed")
    }

    /// Starts `chatloom backup`.
    pub(crate) fn backup(&self, data: &Path, to: &Path) -> Result<Child> {
        let mut command = self.command();
        command.arg("backup").arg("--data").arg(data).arg("--to").arg(to);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().context("the backup cannot be run")
    }

    /// Runs `chatloom restore`.
    pub(crate) async fn restore(&self, from: &Path, data: &Path) -> Result<Output> {
        let mut command = self.command();
        command.arg("restore").arg("--from").arg(from).arg("--data").arg(data);
        command.output().await.context("the restore cannot be run")
    }

    /// Runs `chatloom export`: a line for each chat that has ended.
    pub(crate) async fn export(&self, data: &Path) -> Result<Output> {
        let mut command = self.command();
        let since = ["--finished-since", "2020-01-01T00:00:00Z"];
        command.arg("export").args(since).arg("--data").arg(data);
        command.output().await.context("the export cannot be run")
    }
}

impl Server {
    /// SIGKILL: no handler of the process runs.
    pub(crate) async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("the server cannot be killed")
    }
}

/// What a server is started with besides the demo: no limits, a flow with a bot, a stream.
pub(crate) fn config(outside: &Outside) -> String {
    let (bot, hook) = (outside.url("bot"), outside.url("hook"));
    format!(
        r#"
[limits]
preset = "off"

[connection]
per_second = 10000.0
burst = 10000

[instance]
contact_flows = ["22222222-2222-4222-8222-222222222222"]

[[instance.flows]]
id = "{BOT_FLOW}"
bot = "echo"

[outgoing]
allow_networks = ["127.0.0.0/8"]
first_wait = "20ms"
longest_wait = "200ms"

[[streaming.endpoints]]
arn = "{STREAM}"
url = "{hook}"
secret = "a secret of the crash rounds"

[[bots.endpoints]]
name = "echo"
url = "{bot}"
secret = "a secret of the crash rounds"
"#
    )
}
