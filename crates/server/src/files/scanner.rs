//! What looks at a file before anybody may have it: a program of the operator's.

use std::{fs::File, path::Path, process::Stdio, time::Duration};

use tokio::process::Command;

use crate::config::AttachmentsSection;

/// Stands for the path of the file in an argument.
const FILE: &str = "{file}";

/// What a scanner says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Participants may have the file.
    Approved,
    /// They may not.
    Rejected,
    /// Nobody knows, and why: they may not.
    Unknown(String),
}

/// What looks at files.
#[derive(Clone, Debug)]
pub(super) struct Scanner {
    program: String,
    arguments: Vec<String>,
    limit: Duration,
}

impl Scanner {
    pub(super) fn from_config(settings: &AttachmentsSection) -> Option<Self> {
        let (program, arguments) = settings.scanner_command.split_first()?;
        Some(Self {
            program: program.clone(),
            arguments: arguments.to_vec(),
            limit: settings.scanner_timeout.get(),
        })
    }

    /// Looks at a file. When this is dropped, what looks at it is ended.
    pub(super) async fn look_at(&self, path: &Path) -> Verdict {
        match tokio::time::timeout(self.limit, self.run(path)).await {
            Ok(verdict) => verdict,
            Err(_) => Verdict::Unknown(format!("it took longer than {:?}", self.limit)),
        }
    }

    async fn run(&self, path: &Path) -> Verdict {
        let Some(path_text) = path.to_str() else {
            return Verdict::Unknown("the path of the data folder is no text".to_owned());
        };
        let is_named = self.arguments.iter().any(|argument| argument.contains(FILE));
        let input = if is_named {
            Stdio::null()
        } else {
            match File::open(path) {
                Ok(file) => Stdio::from(file),
                Err(error) => return Verdict::Unknown(format!("cannot open the file: {error}")),
            }
        };
        let mut command = Command::new(&self.program);
        command
            .args(self.arguments.iter().map(|argument| argument.replace(FILE, path_text)))
            // The environment of the server may hold its keys.
            .env_clear()
            .envs(
                ["PATH", "HOME", "LANG", "TMPDIR"]
                    .into_iter()
                    .filter_map(|name| std::env::var_os(name).map(|value| (name, value))),
            )
            .stdin(input)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        match command.status().await {
            Ok(status) => match status.code() {
                Some(0) => Verdict::Approved,
                Some(1) => Verdict::Rejected,
                _ => Verdict::Unknown(format!("it ended with {status}")),
            },
            Err(error) => Verdict::Unknown(format!("cannot run {}: {error}", self.program)),
        }
    }
}
