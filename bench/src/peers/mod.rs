//! Chatloom beside other chat servers, at the same work: many pairs of people, each message stored
//! with its history before it is acknowledged, and delivered.
//!
//! The others speak XMPP, so they keep a message in two archives, the sender's and the receiver's, and
//! Chatloom delivers it to the sender too. They run without TLS, as Chatloom does here.

mod ejabberd;
mod prosody;
pub(crate) mod xmpp;

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Child,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    load::{Lane, Measured, Pace, Receiver, Sender, chatloom_once, measure},
    process::Server,
    report::Report,
};

/// Rounds of each server, in turn.
const ROUNDS: usize = 3;
/// Pairs of people.
const PAIRS: usize = 64;
/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_mins(2);

/// Another server: what it is called, and how it is started with the packages in a folder.
type Peer = (&'static str, fn(&Packages) -> Result<Server>);

/// Measures all of them. `packages` is a folder that their Debian packages were unpacked into.
pub(crate) async fn run(
    report: &mut Report,
    chatloom: &Path,
    packages: &Path,
    scale: f64,
) -> Result<()> {
    let packages = Packages::new(packages)?;
    let peers: [Peer; 2] = [
        ("peers, baseline ejabberd with Postgres", ejabberd::start),
        ("peers, baseline Prosody with its files, which are not flushed", prosody::start),
    ];
    let time = Duration::from_secs_f64(5.0 * scale);
    for (group, start) in peers {
        let durable = group.contains("Postgres");
        for (pace, at) in [
            (Pace::AsFastAsAcknowledged, "64 pairs as fast as they can"),
            (Pace::PerSecond(200), "200/s by 64 pairs"),
        ] {
            let mut rounds = Vec::new();
            for _ in 0..ROUNDS {
                let ours = chatloom_once(chatloom, &[], PAIRS, pace, time).await?;
                let theirs = once(start(&packages)?, pace, time).await;
                rounds.push((ours, theirs.with_context(|| group.to_owned())?));
            }
            let of = |figure: fn(&Measured) -> f64| -> Vec<(f64, f64)> {
                rounds.iter().map(|(ours, theirs)| (figure(ours), figure(theirs))).collect()
            };
            let name = |what: &str| format!("{what}, {at}");
            if matches!(pace, Pace::AsFastAsAcknowledged) {
                let target = if durable { "ratio at least 7" } else { "" };
                report.pair(
                    group,
                    name("stored and delivered"),
                    "1/s",
                    &of(|m| m.per_second),
                    target,
                );
            } else {
                report.pair(group, name("to the other side p50"), "ms", &of(|m| m.p50_ms), "");
                report.pair(group, name("to the other side p99"), "ms", &of(|m| m.p99_ms), "");
            }
            let target = if durable { "ratio at most 0.15" } else { "" };
            report.pair(
                group,
                name("server CPU each"),
                "us",
                &of(|m| m.cpu_us_per_message),
                target,
            );
        }
    }
    Ok(())
}

/// Measures one server, and asks it whether it has all that it acknowledged.
async fn once(server: Server, pace: Pace, time: Duration) -> Result<Measured> {
    let mut lanes = Vec::new();
    for pair in 0..PAIRS {
        let (from, to) = (format!("from{pair}"), format!("to{pair}"));
        xmpp::register(&server.address, &from).await?;
        xmpp::register(&server.address, &to).await?;
        let receiver = xmpp::Receiver::log_in(&server.address, &to).await?;
        let sender = xmpp::Sender::log_in(&server.address, &from, &to).await?;
        lanes
            .push(Lane { sender: Sender::Xmpp(sender), receivers: vec![Receiver::Xmpp(receiver)] });
    }
    let measured = measure(&server, lanes, pace, time).await?;
    let mut kept = 0;
    for pair in 0..PAIRS {
        let user = format!("from{pair}");
        kept += xmpp::Sender::log_in(&server.address, &user, "nobody").await?.archived().await?;
    }
    ensure!(kept == measured.sent, "{} acknowledged, {kept} in the archives", measured.sent);
    Ok(measured)
}

/// A folder that Debian packages were unpacked into. What the system has itself is not in it.
struct Packages {
    root: PathBuf,
    /// Its folder for the libraries of this processor.
    libraries: PathBuf,
}

impl Packages {
    fn new(root: &Path) -> Result<Self> {
        let root = root.canonicalize().with_context(|| {
            format!("{} is not there: `cargo xtask bench --peers` makes it", root.display())
        })?;
        let libraries = first(&root.join("usr/lib"), |name| name.ends_with("-linux-gnu"))?;
        Ok(Self { root, libraries })
    }
}

/// The first in a folder whose name is like that.
fn first(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<PathBuf> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    entries
        .flatten()
        .find(|entry| entry.file_name().to_str().is_some_and(&is_wanted))
        .map(|entry| entry.path())
        .with_context(|| format!("{} lacks what a server needs", folder.display()))
}

/// A port of this machine that is free now.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Waits until somebody listens there.
fn wait_for(port: u16, process: &mut Child) -> Result<()> {
    let step = Duration::from_millis(50);
    for _ in 0..PATIENCE.as_millis() / step.as_millis() {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        if let Some(status) = process.try_wait()? {
            bail!("it ended by itself: {status}");
        }
        std::thread::sleep(step);
    }
    let _ = process.kill();
    bail!("nobody listens after {} seconds", PATIENCE.as_secs())
}
