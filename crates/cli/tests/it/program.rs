//! Running the program.

use std::{
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
    time::timeout,
};

/// How long a program may take for anything. Far more than it needs.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program that runs. What it writes on standard error is shown when the test fails.
pub(crate) struct Program {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    errors: Arc<Mutex<String>>,
    collecting: JoinHandle<()>,
}

impl Program {
    /// Starts the program with these arguments, in an environment without settings for it.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_in(args, &[])
    }

    /// Starts the program with these arguments and settings in its environment.
    pub(crate) fn start_in(args: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatloom"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CHATLOOM_") || name == "RUST_LOG" {
                command.env_remove(&*name);
            }
        }
        let mut child = command
            .args(args)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let errors = Arc::new(Mutex::new(String::new()));
        let collecting = collect(child.stderr.take().unwrap(), Arc::clone(&errors));
        Self {
            name: args.join(" "),
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
            errors,
            collecting: tokio::spawn(collecting),
        }
    }

    /// The next line of standard output; `None` at its end.
    pub(crate) async fn line(&mut self) -> Option<String> {
        let line = timeout(PATIENCE, self.output.next_line()).await;
        line.unwrap_or_else(|_| panic!("{}: no line within {PATIENCE:?}", self.name)).unwrap()
    }

    /// Writes a line to standard input.
    pub(crate) async fn say(&mut self, command: &Value) {
        self.write(&format!("{command}\n")).await;
    }

    /// Writes to standard input.
    pub(crate) async fn write(&mut self, text: &str) {
        self.input.as_mut().unwrap().write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads objects until one that is wanted, and gives it.
    pub(crate) async fn until(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Value {
        loop {
            let Some(line) = self.line().await else {
                panic!("{}: ended without {what}", self.name);
            };
            let object: Value = serde_json::from_str(&line).expect("every line is a JSON object");
            if wanted(&object) {
                return object;
            }
        }
    }

    /// Ends standard input.
    pub(crate) fn hang_up(&mut self) {
        self.input = None;
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to end.
    pub(crate) async fn terminate(&mut self) {
        self.signal("TERM").await;
    }

    /// Sends it a signal.
    pub(crate) async fn signal(&mut self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().await.unwrap().success());
    }

    /// Waits until it has said something on standard error.
    pub(crate) async fn until_said(&self, words: &str) {
        let said = async {
            while !self.errors.lock().unwrap().contains(words) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, said).await.unwrap_or_else(|_| panic!("{}: no {words:?}", self.name));
    }

    /// Waits for its end; gives the status, the rest of standard output and all of standard error.
    pub(crate) async fn end(mut self) -> (ExitStatus, String, String) {
        let mut output = String::new();
        while let Some(line) = self.line().await {
            output.push_str(&line);
            output.push('\n');
        }
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap();
        (&mut self.collecting).await.unwrap();
        let errors = self.errors.lock().unwrap().clone();
        (status, output, errors)
    }
}

impl Drop for Program {
    #[expect(clippy::print_stdout, reason = "the test harness shows it for a test that failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("--- {}: standard error\n{}", self.name, self.errors.lock().unwrap());
        }
    }
}

async fn collect(from: impl AsyncRead + Unpin, to: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut to = to.lock().unwrap();
        to.push_str(&line);
        to.push('\n');
    }
}

/// `chatloom serve --demo`, whose data outlive it.
pub(crate) struct Server {
    program: Program,
    url: String,
}

impl Server {
    /// Starts it on a free port.
    pub(crate) async fn start(data: &Path) -> Self {
        Self::start_with(data, &[]).await
    }

    /// Starts it on a free port, with more arguments.
    pub(crate) async fn start_with(data: &Path, args: &[&str]) -> Self {
        Self::listen(data, "127.0.0.1:0", args).await
    }

    async fn listen(data: &Path, address: &str, args: &[&str]) -> Self {
        let data = data.to_str().unwrap();
        let serve = ["serve", "--demo", "--listen", address, "--data", data];
        let mut program = Program::start(&[&serve[..], args].concat());
        let line = program.line().await.expect("it says where it listens");
        let url = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}")).to_owned();
        Self { program, url }
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) async fn kill(&mut self) {
        self.program.kill().await;
    }

    /// Starts it again at the same address.
    pub(crate) async fn restart(&mut self, data: &Path) {
        let again = Self::listen(data, self.url.strip_prefix("http://").unwrap(), &[]).await;
        assert_eq!(again.url, self.url);
        *self = again;
    }

    /// Its `http://` URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}
