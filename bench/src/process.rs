//! Server processes under measurement.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

/// A server in processes of its own, stopped when dropped.
pub(crate) struct Server {
    /// What was started for it, in this order.
    processes: Vec<Child>,
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
        Ok(Self { address: address.to_owned(), processes: vec![child], data })
    }

    /// One that was started already, and listens.
    pub(crate) fn of(processes: Vec<Child>, address: String, data: tempfile::TempDir) -> Self {
        Self { processes, address, data }
    }

    /// Another process of it.
    pub(crate) fn and(&mut self, process: Child) -> &mut Child {
        self.processes.push(process);
        self.processes.last_mut().expect("it has just been put there")
    }

    /// User and system CPU time of its processes so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        self.processes.iter().map(|process| cpu_of_family(process.id())).sum()
    }

    /// Resident memory of what was started for it, in bytes.
    pub(crate) fn resident(&self) -> Result<u64> {
        self.processes.iter().map(|process| resident(process.id())).sum()
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
        for process in self.processes.iter_mut().rev() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn resident(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kilobytes: u64 = line.split_whitespace().nth(1).context("no number in VmRSS")?.parse()?;
    Ok(kilobytes * 1024)
}

/// User and system CPU time of a process so far, in steps of 10 ms.
pub(crate) fn cpu_of(process: u32) -> Result<Duration> {
    Ok(Stat::read(process)?.own)
}

/// The same with all that it has started.
fn cpu_of_family(process: u32) -> Result<Duration> {
    let stat = Stat::read(process)?;
    let mut cpu = stat.own + stat.of_ended_children;
    // Databases and their like work in children.
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(Ok(other)) = entry.file_name().to_str().map(str::parse::<u32>) else { continue };
        // One that has ended meanwhile counts as ended the next time.
        if Stat::read(other).is_ok_and(|stat| stat.parent == process) {
            cpu += cpu_of_family(other).unwrap_or_default();
        }
    }
    Ok(cpu)
}

/// What Linux tells of a process.
struct Stat {
    parent: u32,
    own: Duration,
    /// Of children that have ended and were waited for.
    of_ended_children: Duration,
}

impl Stat {
    fn read(process: u32) -> Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
        // The name in parentheses may hold spaces; the fields after it are numbered from 3.
        let fields = stat.rsplit_once(')').context("unexpected /proc/PID/stat")?.1;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let field = |number: usize| -> u64 {
            fields.get(number - 3).and_then(|field| field.parse().ok()).unwrap_or(0)
        };
        // Linux reports 100 ticks a second to user space on every platform.
        let time =
            |user: usize, system: usize| Duration::from_millis((field(user) + field(system)) * 10);
        Ok(Self { parent: field(4) as u32, own: time(14, 15), of_ended_children: time(16, 17) })
    }
}
