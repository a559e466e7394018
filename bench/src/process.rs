//! Server processes under measurement.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

/// A server in a process of its own, stopped when dropped.
pub(crate) struct Server {
    child: Child,
    /// `host:port`.
    pub(crate) address: String,
    /// Where it keeps its data.
    data: tempfile::TempDir,
}

impl Server {
    /// `chatloom serve --demo` on a free port, with these settings in its environment.
    pub(crate) fn chatloom(program: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        Self::chatloom_with(program, settings, tempfile::tempdir()?)
    }

    /// The same with data that are there.
    pub(crate) fn chatloom_with(
        program: &Path,
        settings: &[(&str, &str)],
        data: tempfile::TempDir,
    ) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["serve", "--demo", "--listen", "127.0.0.1:0", "--data"]).arg(data.path());
        // Requests are charged as always, and one client has room for what a benchmark does.
        for limit in ["INSTANCE", "PARTICIPANT", "CONTACT", "ORIGIN", "ADDRESS", "ACCESS_KEY"] {
            command.env(format!("CHATLOOM_LIMITS_{limit}"), "1000000/s, burst 1000000");
        }
        command.envs(settings.iter().copied());
        Self::start(command, data)
            .with_context(|| format!("{} does not start; build it first", program.display()))
    }

    /// The bare pipeline, which is this program in another role.
    pub(crate) fn pipeline(settings: &[(&str, &str)]) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("pipeline").arg(data.path());
        command.envs(settings.iter().copied());
        Self::start(command, data)
    }

    fn start(mut command: Command, data: tempfile::TempDir) -> Result<Self> {
        use std::io::{BufRead, BufReader};
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let stdout = child.stdout.take().context("standard output was asked for")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let Some(address) = line.trim().strip_prefix("listening on http://") else {
            let _ = child.kill();
            bail!("expected `listening on http://...`, got {line:?}");
        };
        Ok(Self { address: address.to_owned(), child, data })
    }

    /// User and system CPU time of the process so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        cpu_of(self.child.id())
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
        let kilobytes: u64 =
            line.split_whitespace().nth(1).context("no number in VmRSS")?.parse()?;
        Ok(kilobytes * 1024)
    }

    /// Size of the largest write-ahead log, in bytes.
    pub(crate) fn wal_bytes(&self) -> u64 {
        std::fs::read_dir(self.data.path())
            .into_iter()
            .flatten()
            .flatten()
            .filter(|file| file.file_name().to_string_lossy().ends_with("-wal"))
            .filter_map(|file| file.metadata().ok())
            .map(|metadata| metadata.len())
            .max()
            .unwrap_or(0)
    }
}

impl Server {
    /// Stops it and gives back its data.
    pub(crate) fn into_data(mut self) -> Result<tempfile::TempDir> {
        self.stop();
        Ok(std::mem::replace(&mut self.data, tempfile::tempdir()?))
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// User and system CPU time of a process so far, in steps of 10 ms.
pub(crate) fn cpu_of(process: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in parentheses may hold spaces; the fields after it are numbered from 3.
    let fields = stat.rsplit_once(')').context("unexpected /proc/PID/stat")?.1;
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap_or(0))
        .sum();
    // Linux reports 100 ticks a second to user space on every platform.
    Ok(Duration::from_millis(ticks * 10))
}
